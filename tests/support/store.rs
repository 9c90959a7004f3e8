//! The stores that tests run on: an SQLite file or a PostgreSQL database of their own.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
    process::Command,
    sync::OnceLock,
};

use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection, sql_query, sql_types::BigInt};

use super::app::{BINARY, repository};

/// Which store a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    Postgres,
}

const URL_VARIABLE: &str = "PLENARY_TEST_POSTGRES_URL";
const URL_DEFAULT: &str = "postgres://postgres@127.0.0.1:5432/postgres";
/// How the names of template databases begin.
const TEMPLATES: &str = "plenary_test_template_";

fn server_url() -> String {
    std::env::var(URL_VARIABLE).unwrap_or_else(|_| URL_DEFAULT.to_owned())
}

/// Whether there is a PostgreSQL server to test on.
pub fn postgres_is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    let is_available = *AVAILABLE.get_or_init(|| PgConnection::establish(&server_url()).is_ok());
    if !is_available {
        super::report_skipped(&format!("no PostgreSQL at {URL_VARIABLE} (default {URL_DEFAULT})"));
    }
    is_available
}

/// The address of a database of the server.
fn url_of(name: &str) -> String {
    let mut url = url::Url::parse(&server_url()).unwrap();
    url.set_path(name);
    url.into()
}

/// The database that those of the tests are copied from. It has the schema of this version and no row; it is made once
/// for these migrations and stays on the server, since running them takes longer than copying their result.
fn template() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        let mut steps: Vec<_> = std::fs::read_dir(repository().join("migrations/postgres")).unwrap().collect();
        steps.sort_by_key(|step| step.as_ref().unwrap().path());
        for step in steps {
            let file = step.unwrap().path().join("up.sql");
            (file.parent().unwrap().file_name(), std::fs::read(&file).unwrap()).hash(&mut hasher);
        }
        let name = format!("{TEMPLATES}{:016x}", hasher.finish());
        let mut server = PgConnection::establish(&server_url()).unwrap();
        // Several runs may begin at once. The lock goes with the connection.
        sql_query(format!("SELECT pg_advisory_lock(hashtext('{TEMPLATES}'))")).execute(&mut server).unwrap();
        let databases: Vec<Text> =
            sql_query("SELECT datname::text AS n FROM pg_database WHERE datname LIKE 'plenary_test_%'")
                .load(&mut server)
                .unwrap();
        if databases.iter().any(|database| database.n == name) {
            return name;
        }
        // Where no test runs, nobody needs the templates of older migrations.
        if databases.iter().all(|database| database.n.starts_with(TEMPLATES)) {
            for old in &databases {
                sql_query(format!("DROP DATABASE {}", old.n)).execute(&mut server).unwrap();
            }
        }
        // It gets its name when it is whole.
        let unfinished = format!("plenary_test_{}", uuid::Uuid::new_v4().simple());
        sql_query(format!("CREATE DATABASE {unfinished} TEMPLATE template0")).execute(&mut server).unwrap();
        let migrated = Command::new(BINARY)
            .arg("migrate")
            .env_clear()
            .env("PLENARY_DATABASE_URL", url_of(&unfinished))
            .current_dir(std::env::temp_dir())
            .output()
            .unwrap();
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        sql_query(format!("ALTER DATABASE {unfinished} RENAME TO {name}")).execute(&mut server).unwrap();
        name
    })
}

/// The store of one test; a PostgreSQL database is dropped with it.
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
                sql_query(format!("CREATE DATABASE {name} TEMPLATE {}", template())).execute(&mut server).unwrap();
                Self { url: url_of(&name), name: Some(name) }
            }
        }
    }

    /// Makes a server's new database as empty as an operator creates it. SQLite's file does not exist yet.
    pub fn clear(&self) {
        if self.name.is_some() {
            self.execute("DROP SCHEMA public CASCADE");
            self.execute("CREATE SCHEMA public");
        }
    }

    /// The SQLite file at a path, whether a service has it open or not.
    pub fn at_path(path: &Path) -> Self {
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

    /// Runs a statement for what no request can do: time passes, a row is from an older version.
    pub fn execute(&self, statement: &str) {
        let query = sql_query(statement);
        match &self.name {
            Some(_) => query.execute(&mut PgConnection::establish(&self.url).unwrap()),
            None => query.execute(&mut self.sqlite()),
        }
        .unwrap();
    }

    /// Every value of every row of every table, as text.
    pub fn dump(&self) -> String {
        if self.name.is_some() {
            let tables = self.texts("SELECT tablename::text AS n FROM pg_tables WHERE schemaname = 'public'");
            let rows = |table: &String| self.texts(&format!("SELECT row_to_json(t)::text AS n FROM {table} t"));
            return tables.iter().flat_map(rows).collect::<Vec<_>>().join("\n");
        }
        let tables = self.texts("SELECT name AS n FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'");
        let rows = |table: &String| {
            let columns =
                self.texts(&format!("SELECT 'quote(\"' || name || '\")' AS n FROM pragma_table_info('{table}')"));
            self.texts(&format!("SELECT {} AS n FROM {table}", columns.join(" || ' ' || ")))
        };
        tables.iter().flat_map(rows).collect::<Vec<_>>().join("\n")
    }

    /// Whether the store refuses a statement.
    pub fn refuses(&self, statement: &str) -> bool {
        let query = sql_query(statement);
        match &self.name {
            Some(_) => query.execute(&mut PgConnection::establish(&self.url).unwrap()),
            None => query.execute(&mut self.sqlite()),
        }
        .is_err()
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
        let value = if is_read_only { "on" } else { "off" };
        sql_query(format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}"))
            .execute(&mut server)
            .unwrap();
        // It counts for new connections.
        sql_query(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
            .execute(&mut server)
            .unwrap();
    }

    /// Drops the database, although others are connected to it.
    pub fn force_drop(&self) {
        let name = self.name.as_ref().expect("only a server's database can be dropped");
        let mut server = PgConnection::establish(&server_url()).unwrap();
        sql_query(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).execute(&mut server).unwrap();
    }
}

/// A lock on every row of a table (on the whole of SQLite), until it is released or dropped.
pub enum TableLock {
    Postgres(Box<PgConnection>),
    Sqlite(Box<SqliteConnection>),
}

impl TableLock {
    pub fn release(self) {
        match self {
            Self::Postgres(mut connection) => sql_query("COMMIT").execute(&mut *connection).unwrap(),
            Self::Sqlite(mut connection) => sql_query("COMMIT").execute(&mut *connection).unwrap(),
        };
    }
}

impl Database {
    /// Locks `table` against writes, as a process that hangs would.
    pub fn lock_table(&self, table: &str) -> TableLock {
        if self.name.is_some() {
            let mut connection = PgConnection::establish(&self.url).unwrap();
            sql_query("BEGIN").execute(&mut connection).unwrap();
            sql_query(format!("SELECT 1 FROM {table} FOR UPDATE")).execute(&mut connection).unwrap();
            return TableLock::Postgres(Box::new(connection));
        }
        let mut connection = self.sqlite();
        sql_query("BEGIN IMMEDIATE").execute(&mut connection).unwrap();
        TableLock::Sqlite(Box::new(connection))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.name.is_some() {
            self.force_drop();
        }
    }
}
