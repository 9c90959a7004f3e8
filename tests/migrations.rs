//! Both migration trees create the same tables; migrations of old data.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _, sql_query, sql_types::Text,
};
use serde_json::json;

use crate::support::{
    Store,
    app::{Environment, person, repository, small_conference},
    on_both_stores,
    store::postgres_is_available,
};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    value: String,
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(repository().join("migrations").join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The named constraints of a tree, by name, with their text in normalised white space.
fn constraints(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for name in names(folder) {
        let text = std::fs::read_to_string(repository().join(format!("migrations/{folder}/{name}/up.sql"))).unwrap();
        for line in text.lines().filter(|line| !line.contains("DROP ")) {
            for part in line.split("CONSTRAINT ").skip(1) {
                let (name, says) = part.trim().trim_end_matches(',').split_once(' ').unwrap();
                found.insert(name.to_owned(), says.trim().to_owned());
            }
            if let Some(index) = line.split("INDEX ").nth(1) {
                let (name, says) = index.split_once(' ').unwrap();
                found.insert(name.to_owned(), says.to_owned());
            }
        }
    }
    found
}

#[test]
fn both_trees_have_the_same_steps_and_constraints() {
    assert_eq!(names("sqlite"), names("postgres"));
    assert_eq!(constraints("sqlite"), constraints("postgres"));
    assert!(constraints("sqlite").len() > 50);
}

#[test]
fn both_stores_have_the_same_tables_columns_and_nullability() {
    if !postgres_is_available() {
        return;
    }
    let worlds = [Environment::new(Store::Sqlite), Environment::new(Store::Postgres)];
    for environment in &worlds {
        assert!(environment.run(&["migrate"]).status.success());
    }
    let columns = |rows: Vec<Row>| -> BTreeSet<String> { rows.into_iter().map(|row| row.value).collect() };
    let mut sqlite = SqliteConnection::establish(worlds[0].database.url.trim_start_matches("sqlite:")).unwrap();
    let of_sqlite = columns(
        sql_query(
            "SELECT t.name || '.' || c.name || CASE WHEN c.\"notnull\" THEN ' NOT NULL' ELSE '' END AS value \
             FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'",
        )
        .load(&mut sqlite)
        .unwrap(),
    );
    let mut postgres = PgConnection::establish(&worlds[1].database.url).unwrap();
    let of_postgres = columns(
        sql_query(
            "SELECT (table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END)::text AS value \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'",
        )
        .load(&mut postgres)
        .unwrap(),
    );
    assert_eq!(of_sqlite, of_postgres);
    assert!(of_sqlite.len() > 100);
    let strict: Vec<Row> = sql_query(
        "SELECT name AS value FROM pragma_table_list WHERE type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite%' \
         AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
    )
    .load(&mut sqlite)
    .unwrap();
    assert_eq!(strict.iter().map(|row| row.value.as_str()).collect::<Vec<_>>(), Vec::<&str>::new());
}

/// Reverts the last migrations of a store down to `step` (excluded), for a store of an older version.
fn go_back_before(url: &str, store: Store, step: &str) {
    let folder = if store == Store::Sqlite { "sqlite" } else { "postgres" };
    for name in names(folder).iter().rev().take_while(|name| name.as_str() >= step) {
        let path = repository().join(format!("migrations/{folder}/{name}/down.sql"));
        let version: String = name.split('_').next().unwrap().replace('-', "");
        let statements = format!(
            "{}; DELETE FROM __diesel_schema_migrations WHERE version = '{version}';",
            std::fs::read_to_string(path).unwrap()
        );
        match store {
            Store::Sqlite => {
                SqliteConnection::establish(url.trim_start_matches("sqlite:")).unwrap().batch_execute(&statements)
            }
            Store::Postgres => PgConnection::establish(url).unwrap().batch_execute(&statements),
        }
        .unwrap();
    }
}

on_both_stores! {
    /// Written while the clock went back, by a version that ordered histories by time.
    fn a_history_with_reversed_times_is_corrected(store) {
        let environment = std::sync::Arc::new(Environment::new(store));
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        let path = "/api/v1/conferences/small/registrations";
        for number in 0..3 {
            assert_eq!(app.post(path, &person(number, "delegate")).status, 201);
        }
        let reference = environment.database.texts("SELECT reference AS n FROM registrations ORDER BY arrival").remove(1);
        assert_eq!(app.admin("POST", &format!("{path}/{reference}/cancel"), Some(&json!({}))).status, 200);
        app.kill();
        let events = "SELECT event AS n FROM registration_events e JOIN registrations r ON r.id = e.registration_id";
        let instants = environment.database.texts(&format!("{events} ORDER BY e.sequence"));
        assert_eq!(instants, ["registered", "registered", "registered", "cancelled"]);
        go_back_before(&environment.database.url, store, "2026-11-30-640000");
        environment.database.execute("UPDATE registration_events SET at = '2026-01-01T00:00:02.000000Z'");
        environment.database.execute(
            "UPDATE registration_events SET at = '2026-01-01T00:00:00.000000Z' WHERE event = 'cancelled'",
        );
        assert!(environment.run(&["migrate"]).status.success());
        assert_eq!(environment.database.count("SELECT last_event AS n FROM registration_setups"), 4);
        let repeated = environment.database.texts(&format!("{events} WHERE reference = '{reference}' ORDER BY e.sequence"));
        assert_eq!(repeated, ["registered", "cancelled"]);
        let doctor = environment.run(&["doctor"]);
        assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
        let mut app = environment.start_shared();
        assert_eq!(app.post(path, &person(4, "delegate")).status, 201);
        assert_eq!(environment.database.count("SELECT max(sequence) AS n FROM registration_events"), 5);
        assert!(app.terminate().success());
    }

    /// Of a version in which registration was open to all, and every conference was listed.
    fn an_upgrade_leaves_conferences_listed_and_their_registration_open(store) {
        let environment = std::sync::Arc::new(Environment::new(store));
        let mut app = environment.start_shared();
        let mut blueprint = small_conference(None, None);
        blueprint.as_object_mut().unwrap().remove("registration");
        app.publish(&blueprint);
        app.kill();
        go_back_before(&environment.database.url, store, "2026-11-30-750000");
        let app = environment.start_shared();
        assert_eq!(app.get("/api/v1/conferences").json()["data"].as_array().unwrap().len(), 1);
        let setup = app.admin("GET", "/api/v1/conferences/small/registration-setup", None).json();
        assert_eq!((&setup["enabled"], &setup["fields"]), (&json!(true), &json!({})));
        assert_eq!(app.post("/api/v1/conferences/small/registrations", &person(1, "participant")).status, 201);
    }

    /// As an older version folded them: given name first, in lower case only.
    fn names_folded_by_an_older_version_are_folded_again(store) {
        let environment = std::sync::Arc::new(Environment::new(store));
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        let path = "/api/v1/conferences/small/registrations";
        let form = |email: &str| {
            json!({ "category": "delegate", "given_name": "Élodie", "family_name": "Dûpont-Leroy", "email": email,
                "organisation": "Institute", "consent": true })
        };
        assert_eq!(app.post(path, &form("one@example.org")).status, 201);
        assert_eq!(app.post(path, &person(2, "delegate")).status, 201);
        app.kill();
        go_back_before(&environment.database.url, store, "2026-11-30-650000");
        environment.database.execute(
            "UPDATE registrations SET name_folded = lower(given_name || ' ' || family_name) WHERE given_name = 'Élodie'",
        );
        let names = "SELECT name_folded AS n FROM registrations ORDER BY arrival";
        assert_ne!(environment.database.texts(names)[0], "dupont leroy elodie");
        let app = environment.start_shared();
        assert_eq!(environment.database.texts(names), ["dupont leroy elodie", "example person 2"]);
        assert_eq!(app.post(path, &form("other@example.org")).status, 201);
        let pairs = app.admin("GET", "/api/v1/conferences/small/duplicates", None).json();
        assert_eq!(pairs["data"].as_array().unwrap().len(), 1, "{pairs}");
        // By the command, too, and only once.
        let mut app = app;
        app.kill();
        environment.database.execute("UPDATE registrations SET name_folded = ''");
        assert!(environment.run(&["migrate"]).status.success());
        assert_eq!(environment.database.texts(names), ["dupont leroy elodie", "example person 2", "dupont leroy elodie"]);
    }

    /// Without statistics and with them, for one address and for hundreds.
    fn the_lookup_of_an_address_uses_an_index(store) {
        let environment = Environment::new(store);
        assert!(environment.run(&["migrate"]).status.success());
        let (conference, category) = match store {
            Store::Sqlite => ("zeroblob(16)", "randomblob(16)"),
            Store::Postgres => ("'00000000-0000-0000-0000-000000000000'", "gen_random_uuid()"),
        };
        let time = "'2026-01-01T00:00:00.000000Z'";
        for statement in [
            format!(
                "INSERT INTO conferences (id, slug, name, starts_on, ends_on, time_zone, languages, created_at) VALUES \
                 ({conference}, 'big', '{{\"en\":\"Big\"}}', '2030-05-01', '2030-05-02', 'UTC', '[\"en\"]', {time})"
            ),
            format!(
                "INSERT INTO categories (id, conference_id, code, ordinal, name, seats_taken) \
                 VALUES ({category}, {conference}, 'delegate', 0, '{{\"en\":\"Delegate\"}}', 0)"
            ),
            format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO registrations \
                 (id, conference_id, category_id, reference, state, arrival, given_name, family_name, email, email_folded, \
                 language, consented_at, token_generation, created_at, updated_at) \
                 SELECT {category}, {conference}, (SELECT id FROM categories), 'R-' || i, 'confirmed', i, 'G', 'F', \
                 'p' || i || '@example.org', 'p' || i || '@example.org', 'en', {time}, 1, {time}, {time} FROM n"
            ),
            format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO invitations \
                 (id, conference_id, kind, label, email_folded, uses, seats_reserved, generation, created_at) \
                 SELECT {category}, {conference}, 'personal', 'L', 'p' || i || '@example.org', 0, 0, 1, {time} FROM n"
            ),
        ] {
            environment.database.execute(&statement);
        }
        let addresses = |count: usize| (1..=count).map(|number| format!("'p{number}@example.org'")).collect::<Vec<_>>().join(", ");
        for statistics in ["SELECT 1", "ANALYZE"] {
            environment.database.execute(statistics);
            // For so many addresses PostgreSQL prefers to scan a table of this size.
            let counts = if store == Store::Postgres { &[1, 64][..] } else { &[1, 64, 500] };
            for &count in counts {
                let condition = format!("WHERE conference_id = {conference} AND email_folded IN ({})", addresses(count));
                for (statement, index) in [
                    (format!("SELECT email_folded, state FROM registrations {condition}"), "registrations_email_idx"),
                    (
                        format!("SELECT * FROM registrations {condition} AND state IN ('unverified', 'pending', 'confirmed', 'waitlisted')"),
                        "_email_",
                    ),
                    (format!("SELECT * FROM invitations {condition} AND kind = 'personal'"), "invitations_email_idx"),
                ] {
                    let plan = plan(&environment.database.url, store, &statement);
                    // Before its statistics are there, PostgreSQL guesses; afterwards both stores must know.
                    let may_guess = store == Store::Postgres && statistics != "ANALYZE";
                    assert!(may_guess || plan.contains(index), "{count} {statistics}: {plan}");
                }
            }
        }
    }
}

#[derive(QueryableByName)]
struct StepOfSqlite {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct StepOfPostgres {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// The query plan of a statement.
fn plan(url: &str, store: Store, statement: &str) -> String {
    match store {
        Store::Sqlite => {
            let mut connection = SqliteConnection::establish(url.trim_start_matches("sqlite:")).unwrap();
            let steps: Vec<StepOfSqlite> =
                sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load(&mut connection).unwrap();
            steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("\n")
        }
        Store::Postgres => {
            let mut connection = PgConnection::establish(url).unwrap();
            let lines: Vec<StepOfPostgres> = sql_query(format!("EXPLAIN {statement}")).load(&mut connection).unwrap();
            lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n")
        }
    }
}
