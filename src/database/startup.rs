//! Whether a starting process can connect to the store, and whether it is worth waiting.

use diesel::{RunQueryDsl as _, dsl::sql, result::ConnectionError, sql_types::Text};

use super::{
    connection::{AnyConnection as Connection, Store, is_temporary},
    deadline::Ticket,
    error::DatabaseError,
    transaction::Database,
};

/// Why a starting process cannot use the store.
#[derive(Debug, thiserror::Error)]
pub enum ConnectFailure {
    /// The server is down or starting; it is worth waiting for.
    #[error("{0}")]
    Temporary(String),
    /// The server refuses the connection, and will do so later, too.
    #[error("{0}")]
    Permanent(String),
}

impl From<DatabaseError> for ConnectFailure {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Unavailable(cause) => Self::Temporary(cause.to_string()),
            error => Self::Temporary(error.to_string()),
        }
    }
}

impl Database {
    /// Tries a connection to the server, outside the pool. An embedded store is always reachable.
    ///
    /// # Errors
    /// The server is not reachable.
    pub async fn check_reachable(&self) -> Result<(), ConnectFailure> {
        let store = self.store.clone();
        if matches!(store, Store::Sqlite(_)) {
            return Ok(());
        }
        let try_once = move |_: &Ticket| match store.connect() {
            Ok(mut connection) => {
                warn_of_language(&mut connection);
                Ok(())
            }
            Err(error) if is_temporary(&error) => Err(ConnectFailure::Temporary(one_line(&error))),
            Err(error) => Err(ConnectFailure::Permanent(one_line(&error))),
        };
        self.run_with_deadline(&self.reads, None, try_once).await
    }
}

/// Warns if the server's messages are not in English, because then lock timeouts and deadlocks are not recognised. Only
/// the server's superuser can change the language.
fn warn_of_language(connection: &mut Connection) {
    let Connection::Postgresql(inner) = connection else { return };
    let locale: Result<String, _> = sql::<Text>("SHOW lc_messages").get_result(inner);
    let is_english = |locale: &String| {
        ["C", "POSIX", "en", ""].iter().any(|english| locale.split(['.', '_']).next() == Some(english))
    };
    if let Some(locale) = locale.ok().filter(|locale| !is_english(locale)) {
        tracing::warn!(
            lc_messages = locale,
            "the server's messages are not in English: set lc_messages to 'C' for this database"
        );
    }
}

fn one_line(error: &ConnectionError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
