//! The pool of connections, and connections outside of it. On SQLite, all of them open the same file as the start did.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use diesel::{
    ConnectionError,
    r2d2::{self, ManageConnection, R2D2Connection as _},
};

use super::{
    connection::{AnyConnection, Store},
    files::Files,
};

/// Opens a connection outside the pool, and only to the file that was opened at start.
pub(super) fn connect(store: &Store, files: Option<&Files>) -> Result<AnyConnection, ConnectionError> {
    if let Some(files) = files {
        files.check_file().map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
    }
    store.connect()
}

/// Opens and checks pooled connections.
pub struct Manager {
    store: Store,
    files: Option<Arc<Files>>,
    /// Set when the store is being closed: then no connection is opened or kept.
    is_closing: Arc<AtomicBool>,
}

impl ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, r2d2::Error> {
        if self.is_closing.load(Ordering::SeqCst) {
            let reason = ConnectionError::BadConnection("the store is being closed".to_owned());
            return Err(r2d2::Error::ConnectionError(reason));
        }
        connect(&self.store, self.files.as_deref()).map_err(r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), r2d2::Error> {
        connection.ping().map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        // `panicking`: a transaction that was interrupted by a panic must not reach the next user of the connection.
        std::thread::panicking() || self.is_closing.load(Ordering::SeqCst) || connection.is_broken()
    }
}

pub(super) type Pool = r2d2::Pool<Manager>;

/// A pool that opens connections on demand. It does not log failed attempts: the caller reports them. Its timeout is a
/// little shorter than `store_deadline`, so that the cause is logged.
pub(super) fn pool(
    store: &Store,
    files: Option<Arc<Files>>,
    size_max: u32,
    store_deadline: Duration,
    is_closing: &Arc<AtomicBool>,
) -> Pool {
    r2d2::Pool::builder()
        .max_size(size_max)
        .min_idle(Some(0))
        .connection_timeout(store_deadline * 5 / 6)
        .test_on_check_out(matches!(store, Store::Postgres(_)))
        .error_handler(Box::new(r2d2::NopErrorHandler))
        .build_unchecked(Manager { store: store.clone(), files, is_closing: Arc::clone(is_closing) })
}
