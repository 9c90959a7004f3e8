//! Redactions that are large, interrupted or beside other writes.

use std::{sync::Arc, thread, time::Instant};

use serde_json::{Value, json};

use crate::support::{
    Answer, App, Store,
    app::{Environment, TIMEOUT, person, small_conference},
    on_both_stores,
};

const SMALL: &str = "/api/v1/conferences/small";
const REDACT: &str = "/api/v1/conferences/small/agenda/speakers/ada/redact";

/// Paths that everybody may read, and paths of organisers.
const PUBLIC: [&str; 13] = [
    "programme",
    "programme?version=1",
    "programme?version=2",
    "programme/speakers",
    "programme/sessions?version=1",
    "releases",
    "releases/2/changes",
    "releases/2/changes?since=1",
    "releases.atom",
    "schedule.json",
    "schedule.xml",
    "programme.ics",
    "programme.jsonld",
];
const PRIVATE: [&str; 5] = ["blueprint", "agenda", "agenda/speakers", "agenda/releases", "audit?limit=200"];

/// A conference that names Ada Lovelace in every possible place, released twice and scheduled once more.
fn release(app: &App) {
    let mut document = small_conference(None, None);
    document["sessions"][0]["items"][0]["title"] = json!("A talk by ADA LOVELACE");
    app.publish(&document);
    document["sessions"][0]["title"] = json!("Ada Lovelace opens");
    assert_eq!(app.admin("PUT", &format!("{SMALL}/blueprint"), Some(&document)).status, 200);
    let releases = format!("{SMALL}/releases");
    assert_eq!(app.admin("POST", &releases, Some(&json!({ "note": "With Ada Lovelace" }))).status, 201);
    let later = json!({ "publish_at": "2030-04-01T09:00", "note": "Ada Lovelace comes" });
    assert_eq!(app.admin("POST", &releases, Some(&later)).status, 202);
}

fn names_ada(answer: &Answer) -> bool {
    answer.text().to_lowercase().contains("lovelace")
}

/// The paths whose answers name her.
fn paths_naming_ada(app: &App) -> Vec<&'static str> {
    let public = PUBLIC.into_iter().filter(|path| names_ada(&app.get(&format!("{SMALL}/{path}"))));
    let private = PRIVATE.into_iter().filter(|path| names_ada(&app.admin("GET", &format!("{SMALL}/{path}"), None)));
    public.chain(private).collect()
}

/// Number of rows of the store that contain a name.
fn rows_naming(app: &App, name: &str) -> i64 {
    let texts = [
        (
            "releases",
            "CAST(content AS TEXT) || CAST(full_content AS TEXT) || CAST(history AS TEXT) || CAST(words AS TEXT)",
        ),
        ("releases", "coalesce(note, '') || coalesce(force_reason, '')"),
        ("scheduled_releases", "CAST(full_content AS TEXT) || coalesce(note, '')"),
        ("audit_entries", "coalesce(CAST(before AS TEXT), '') || coalesce(CAST(after AS TEXT), '')"),
        ("redactions", "coalesce(CAST(details AS TEXT), '') || CAST(report AS TEXT)"),
        ("speakers", "family_name"),
    ];
    let count = |(table, text): (&str, &str)| {
        app.count(&format!("SELECT count(*) AS n FROM {table} WHERE lower({text}) LIKE '%{name}%'"))
    };
    texts.into_iter().map(count).sum()
}

/// Redacts her without waiting for the rewriting of stored releases. Returns the path of its progress.
fn begin(app: &App) -> String {
    let bearer = app.authorization();
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("prefer", "respond-async")];
    let response = app.send("POST", REDACT, &headers, Some("{}"));
    assert_eq!((response.status, &response.json()["state"]), (202, &json!("rewriting")), "{}", response.text());
    response.header("location").unwrap().to_owned()
}

fn wait_until_done(app: &App, redaction: &str) -> Value {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let found = app.admin("GET", redaction, None);
        assert_eq!((found.status, names_ada(&found)), (200, false));
        if found.json()["state"] == "done" {
            return found.json();
        }
        assert!(Instant::now() < deadline, "{}", found.text());
    }
}

/// Makes the store refuse to rewrite the first release.
fn block_rewriting(environment: &Environment, store: Store) {
    if store == Store::Sqlite {
        return environment.database.execute(
            "CREATE TRIGGER stall BEFORE UPDATE ON releases WHEN NEW.number = 1 BEGIN SELECT RAISE(ABORT, 'stalled'); END",
        );
    }
    environment.database.execute(
        "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stalled'; END $$",
    );
    environment.database.execute(
        "CREATE TRIGGER stall BEFORE UPDATE ON releases FOR EACH ROW WHEN (NEW.number = 1) EXECUTE FUNCTION stall()",
    );
}

fn unblock_rewriting(environment: &Environment, store: Store) {
    let table = if store == Store::Sqlite { "" } else { " ON releases" };
    environment.database.execute(&format!("DROP TRIGGER stall{table}"));
}

on_both_stores! {
    fn a_dry_run_does_not_wait_for_writers(store) {
        let app = Environment::new(store).start();
        release(&app);
        let request = json!({ "dry_run": true });
        let lock = app.environment.database.lock_table("conferences");
        let dry_run = app.admin("POST", REDACT, Some(&request));
        lock.release();
        assert_eq!((dry_run.status, &dry_run.json()["state"], &dry_run.json()["id"]), (200, &json!("planned"), &Value::Null));
        let redacted = app.admin("POST", REDACT, Some(&json!({}))).json();
        for key in ["placeholders", "releases", "scheduled_releases", "draft", "audit_entries", "mentions"] {
            assert_eq!(dry_run.json()[key], redacted[key], "{key}");
        }
        assert_eq!((&redacted["state"], &redacted["releases"], &redacted["scheduled_releases"]), (&json!("done"), &json!(2), &json!(1)));
    }

    fn an_unfinished_redaction_hides_the_person_and_is_finished_after_a_crash(store) {
        let environment = Arc::new(Environment::new(store).set("PLENARY_PUBLIC_URL", "https://plenary.example.org"));
        let (mut app, mut other) = (environment.start_shared(), environment.start_shared());
        release(&app);
        assert_eq!(paths_naming_ada(&app).len(), PUBLIC.len() + PRIVATE.len(), "each could leak: {:?}", paths_naming_ada(&app));
        block_rewriting(&environment, store);
        let redaction = begin(&app);
        assert_eq!(paths_naming_ada(&app), Vec::<&str>::new());
        let deadline = Instant::now() + TIMEOUT;
        while names_ada(&other.get(&format!("{SMALL}/programme"))) {
            assert!(Instant::now() < deadline, "the other process goes on naming her");
            thread::yield_now();
        }
        assert_eq!(paths_naming_ada(&other), Vec::<&str>::new());
        assert!(rows_naming(&app, "lovelace") > 1, "it is not finished");
        let public_answers = |app: &App| PUBLIC.map(|path| app.get(&format!("{SMALL}/{path}")).text().to_owned());
        let hidden = public_answers(&app);
        assert_eq!(app.admin("POST", REDACT, Some(&json!({}))).status, 404, "there is nobody of this name any more");

        app.kill();
        other.kill();
        let app = environment.start_shared();
        assert_eq!(paths_naming_ada(&app), Vec::<&str>::new());
        assert_eq!(app.admin("GET", &redaction, None).json()["state"], "rewriting");
        assert_eq!(hidden, public_answers(&app), "the same for every reader");

        let restored = app.admin("POST", &format!("{SMALL}/releases/1/restore"), Some(&json!({})));
        assert_eq!((restored.status, names_ada(&restored)), (201, false), "{}", restored.text());
        let published = app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({ "note": "Without her" })));
        assert_eq!((published.status, names_ada(&published)), (201, false));
        assert_eq!(paths_naming_ada(&app), Vec::<&str>::new());
        let old = |app: &App| app.get(&format!("{SMALL}/programme?version=1")).header("etag").map(str::to_owned);
        let before = old(&app);

        unblock_rewriting(&environment, store);
        let redacted = wait_until_done(&app, &redaction);
        assert_eq!((&redacted["releases"], &redacted["scheduled_releases"]), (&json!(2), &json!(1)));
        assert_eq!((paths_naming_ada(&app), rows_naming(&app, "lovelace")), (vec![], 0));
        assert_eq!(old(&app), before, "what is rewritten is what was shown");
        assert_eq!(app.admin("GET", &format!("{SMALL}/agenda/redactions/none"), None).status, 404);
    }

    fn of_two_redactions_of_one_person_only_one_finds_the_person(store) {
        let app = Arc::new(Environment::new(store).start());
        release(&app);
        let both = [(), ()].map(|()| {
            let app = Arc::clone(&app);
            thread::spawn(move || app.admin("POST", REDACT, Some(&json!({}))).status)
        });
        let mut statuses = both.map(|one| one.join().unwrap());
        statuses.sort_unstable();
        assert_eq!((statuses, rows_naming(&app, "lovelace")), ([200, 404], 0));
    }

    fn two_redactions_at_once_do_not_undo_one_another(store) {
        let app = Arc::new(Environment::new(store).start());
        release(&app);
        for _ in 0..6 {
            assert_eq!(app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({ "note": "Bob Noyce" }))).status, 201);
        }
        let both = ["ada", "bob"].map(|who| {
            let app = Arc::clone(&app);
            thread::spawn(move || {
                app.admin("POST", &format!("{SMALL}/agenda/speakers/{who}/redact"), Some(&json!({}))).status
            })
        });
        assert_eq!(both.map(|one| one.join().unwrap()), [200, 200]);
        assert_eq!((rows_naming(&app, "lovelace"), rows_naming(&app, "noyce")), (0, 0));
        assert_eq!(paths_naming_ada(&app), Vec::<&str>::new());
    }

    fn people_register_while_many_releases_are_rewritten(store) {
        let app = Arc::new(Environment::new(store).start());
        release(&app);
        let id = if store == Store::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
        let columns = "conference_id, released_at, author, content, full_content, updated_at, history, words";
        for number in 3..43 {
            app.environment.database.execute(&format!(
                "INSERT INTO releases (id, number, {columns}) SELECT {id}, {number}, {columns} FROM releases WHERE number = 2"
            ));
        }
        let redacting = {
            let app = Arc::clone(&app);
            thread::spawn(move || app.admin("POST", REDACT, Some(&json!({}))).json())
        };
        let mut registered = 0;
        while !redacting.is_finished() || registered < 3 {
            assert_eq!(app.post(&format!("{SMALL}/registrations"), &person(registered, "delegate")).status, 201);
            registered += 1;
        }
        let redacted = redacting.join().unwrap();
        assert_eq!((&redacted["state"], &redacted["releases"]), (&json!("done"), &json!(42)));
        let rows = app.count("SELECT count(*) AS n FROM registrations");
        assert_eq!((rows, rows_naming(&app, "lovelace")), (i64::try_from(registered).unwrap(), 0));
    }
}
