//! Migrations of the schema, which are compiled in and run at start.

use diesel::{prelude::*, sql_query, sql_types::BigInt};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Connection, Database, DatabaseError, connection::LOCK_WAIT, locks::MIGRATION_LOCK};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

impl Database {
    /// Migrates the schema to this version; returns the number of migrations that it ran. Several processes may call it
    /// at the same time.
    ///
    /// # Errors
    /// The store is unavailable, or a migration fails: then the schema is as it was before that migration.
    pub async fn migrate(&self) -> Result<usize, DatabaseError> {
        let database = self.clone();
        self.run_with_deadline(&self.writes, None, move |_| {
            let mut connection = database.connection()?;
            match &mut *connection {
                Connection::Postgresql(inner) => {
                    // Another process may migrate for longer than a request waits.
                    sql_query("SET lock_timeout = 0").execute(inner)?;
                    sql_query("SELECT pg_advisory_lock($1)").bind::<BigInt, _>(MIGRATION_LOCK).execute(inner)?;
                    let steps = run(inner, POSTGRES);
                    sql_query("SELECT pg_advisory_unlock($1)").bind::<BigInt, _>(MIGRATION_LOCK).execute(inner)?;
                    sql_query(format!("SET lock_timeout = {}", LOCK_WAIT.as_millis())).execute(inner)?;
                    steps
                }
                Connection::Sqlite(inner) => {
                    // The write lock is held during all migrations; each runs in a savepoint.
                    let steps = inner.immediate_transaction(|inner| run(inner, SQLITE))?;
                    if let Some(open_file) = &database.open_file {
                        open_file.renew_id(inner)?;
                    }
                    Ok(steps)
                }
            }
        })
        .await
    }

    /// Whether all migrations have run.
    ///
    /// # Errors
    /// The store is unavailable, or its files are not where they were.
    pub async fn is_migrated(&self) -> Result<bool, DatabaseError> {
        let database = self.clone();
        self.run_with_deadline(&self.reads, None, move |_| {
            database.check_files()?;
            let mut connection = database.connection()?;
            let is_pending = match &mut *connection {
                Connection::Postgresql(inner) => inner.has_pending_migration(POSTGRES),
                Connection::Sqlite(inner) => inner.has_pending_migration(SQLITE),
            };
            is_pending.map(|is_pending| !is_pending).map_err(database_error)
        })
        .await
    }
}

fn run<DB: diesel::backend::Backend>(
    connection: &mut impl MigrationHarness<DB>,
    source: EmbeddedMigrations,
) -> Result<usize, DatabaseError>
where
    EmbeddedMigrations: diesel::migration::MigrationSource<DB>,
{
    connection.run_pending_migrations(source).map(|steps| steps.len()).map_err(database_error)
}

fn database_error(error: Box<dyn std::error::Error + Send + Sync>) -> DatabaseError {
    match error.downcast::<diesel::result::Error>() {
        Ok(error) => (*error).into(),
        Err(other) => DatabaseError::Unavailable(other),
    }
}
