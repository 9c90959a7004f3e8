//! A check of access before a body is received, so that who may not send a document learns it without sending one.

use super::Credentials;
use crate::database::{Connection, Database, DatabaseError};

/// Checks access in a transaction of its own. It may end while the body is received, so the transaction that writes
/// checks it again.
///
/// # Errors
/// What `check` returns, or a [`DatabaseError`].
pub async fn check_early<T, E>(
    database: &Database,
    credentials: &Credentials,
    check: impl FnOnce(&mut Connection, &Credentials) -> Result<T, E> + Send + 'static,
) -> Result<(), E>
where
    E: From<DatabaseError> + Send + 'static,
{
    let credentials = credentials.clone();
    database.read(move |tx| check(tx, &credentials).map(|_| ())).await
}
