//! The store: SQLite or PostgreSQL behind one connection type.
//!
//! One closure is one transaction: [`Database::read`] and [`Database::write`]. A closure uses nothing but the
//! transaction, so that it can be run again: [`Database::write`] does so after a deadlock. A write that returns `Ok` is
//! committed and synced.
//!
//! Nobody waits for a store that does not answer:
//! - All work is given up once a server has not answered for `store_deadline_seconds` (`liveness`), and refused at once
//!   from then on, until it answers. While the store answers, work takes as long as it takes.
//! - Work with a deadline ([`Database::write_by`]) is also given up at its deadline, whatever delays it.
//! - Work that is given up before its commit was sent is never committed; after that, the answer is
//!   [`DatabaseError::OutcomeUnknown`] (`deadline`).
//! - A lock of another process is waited for until the deadline, or for three times `store_deadline_seconds` if there
//!   is no deadline. When that wait ends, those who waited behind it are answered, too.
//! - An embedded store whose files are moved or removed is not written to (`files`).
//! - Threads that are left in the driver are counted. They keep their permits, so that there are never more of them
//!   than permits; once they hold every connection, work is refused at once until one comes back.
//!
//! The module knows diesel and no feature.

mod batch;
pub mod changes;
pub mod connection;
mod deadline;
mod error;
mod files;
mod journal;
mod liveness;
pub mod locks;
pub mod migrations;
mod pool;
pub mod schema;
mod startup;
mod transaction;
pub mod types;
pub mod uid_hosts;
pub mod violation;

pub use batch::ROWS_MAX;
pub(crate) use batch::insert_all;
pub(crate) use connection::on_backend;
pub use connection::{AnyConnection as Connection, Store};
pub use error::DatabaseError;
pub use files::private_folder;
pub use transaction::{Database, Retry, blocking};

pub use crate::database::{locks::lock_store, startup::ConnectFailure};
