//! The stores that tests run on: an SQLite file or a PostgreSQL database of their own.

use std::{path::Path, sync::OnceLock};

use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection, sql_query, sql_types::BigInt};

/// Which store a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    Postgres,
}

const URL_VARIABLE: &str = "PLENARY_TEST_POSTGRES_URL";
const URL_DEFAULT: &str = "postgres://postgres@127.0.0.1:5432/postgres";

fn server_url() -> String {
    std::env::var(URL_VARIABLE).unwrap_or_else(|_| URL_DEFAULT.to_owned())
}

/// Whether there is a PostgreSQL server to test on.
pub fn postgres_is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    let there = *THERE.get_or_init(|| PgConnection::establish(&server_url()).is_ok());
    if !there {
        super::skipped(&format!("no PostgreSQL at {URL_VARIABLE} (default {URL_DEFAULT})"));
    }
    there
}

/// A store of a test's own; a PostgreSQL database is dropped with it.
pub struct Database {
    pub url: String,
    name: Option<String>,
}

#[derive(diesel::QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    n: String,
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Database {
    pub fn create(store: Store, folder: &Path) -> Self {
        match store {
            Store::Sqlite => Self { url: format!("sqlite:{}/plenary.db", folder.display()), name: None },
            Store::Postgres => {
                let name = format!("plenary_test_{}", uuid::Uuid::new_v4().simple());
                let mut server = PgConnection::establish(&server_url()).unwrap();
                sql_query(format!("CREATE DATABASE {name} TEMPLATE template0")).execute(&mut server).unwrap();
                let mut url = url::Url::parse(&server_url()).unwrap();
                url.set_path(&name);
                Self { url: url.into(), name: Some(name) }
            }
        }
    }

    /// A file of SQLite that no service need have.
    pub fn of_file(path: &Path) -> Self {
        Self { url: format!("sqlite:{}", path.display()), name: None }
    }

    /// The number that a statement of the form `SELECT count(*) AS n ...` answers.
    pub fn count(&self, statement: &str) -> i64 {
        let query = sql_query(statement);
        let count: Count = match &self.name {
            Some(_) => query.get_result(&mut PgConnection::establish(&self.url).unwrap()),
            None => query.get_result(&mut self.sqlite()),
        }
        .unwrap();
        count.n
    }

    /// The texts that a statement of the form `SELECT ... AS n ...` answers.
    pub fn texts(&self, statement: &str) -> Vec<String> {
        let query = sql_query(statement);
        let texts: Vec<Text> = match &self.name {
            Some(_) => query.load(&mut PgConnection::establish(&self.url).unwrap()),
            None => query.load(&mut self.sqlite()),
        }
        .unwrap();
        texts.into_iter().map(|text| text.n).collect()
    }

    /// Runs a statement that no one can ask the service for: time passes, a row is from an older version.
    pub fn execute(&self, statement: &str) {
        let query = sql_query(statement);
        match &self.name {
            Some(_) => query.execute(&mut PgConnection::establish(&self.url).unwrap()),
            None => query.execute(&mut self.sqlite()),
        }
        .unwrap();
    }

    fn sqlite(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(self.url.trim_start_matches("sqlite:")).unwrap();
        sql_query("PRAGMA busy_timeout = 10000").execute(&mut connection).unwrap();
        connection
    }

    /// Makes the server refuse writes to this database, as a standby does, or take them again.
    pub fn set_read_only(&self, is_read_only: bool) {
        let name = self.name.as_ref().expect("only a server's database can be read-only");
        let mut server = PgConnection::establish(&server_url()).unwrap();
        let word = if is_read_only { "on" } else { "off" };
        sql_query(format!("ALTER DATABASE {name} SET default_transaction_read_only = {word}"))
            .execute(&mut server)
            .unwrap();
        // It counts for new connections.
        sql_query(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
            .execute(&mut server)
            .unwrap();
    }

    /// Takes the database away under the feet of whoever is connected.
    pub fn drop_now(&self) {
        let name = self.name.as_ref().expect("only a server's database can be dropped");
        let mut server = PgConnection::establish(&server_url()).unwrap();
        sql_query(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).execute(&mut server).unwrap();
    }
}

/// A lock on every row of a table (on the whole of SQLite), until it is released or dropped.
pub enum Held {
    Postgres(Box<PgConnection>),
    Sqlite(Box<SqliteConnection>),
}

impl Held {
    pub fn release(self) {
        match self {
            Self::Postgres(mut connection) => sql_query("COMMIT").execute(&mut *connection).unwrap(),
            Self::Sqlite(mut connection) => sql_query("COMMIT").execute(&mut *connection).unwrap(),
        };
    }
}

impl Database {
    /// Locks what a write to `table` needs, as a process that hangs would.
    pub fn hold(&self, table: &str) -> Held {
        if self.name.is_some() {
            let mut connection = PgConnection::establish(&self.url).unwrap();
            sql_query("BEGIN").execute(&mut connection).unwrap();
            sql_query(format!("SELECT 1 FROM {table} FOR UPDATE")).execute(&mut connection).unwrap();
            return Held::Postgres(Box::new(connection));
        }
        let mut connection = self.sqlite();
        sql_query("BEGIN IMMEDIATE").execute(&mut connection).unwrap();
        Held::Sqlite(Box::new(connection))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.name.is_some() {
            self.drop_now();
        }
    }
}
