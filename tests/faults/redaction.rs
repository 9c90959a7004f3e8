//! Redactions that are large, interrupted or beside other writes.

use std::{sync::Arc, thread, time::Instant};

use serde_json::{Value, json};

use crate::support::{
    Answer, App, Store,
    app::{PATIENCE, World, person, small_conference},
    on_both_stores,
};

const SMALL: &str = "/api/v1/conferences/small";
const REDACT: &str = "/api/v1/conferences/small/agenda/speakers/ada/redact";

/// What everybody may read, and what organisers may.
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

/// A conference that names Ada Lovelace wherever it can, released twice, and scheduled once more.
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

fn names(answer: &Answer) -> bool {
    answer.text().to_lowercase().contains("lovelace")
}

/// Which of all answers name her.
fn naming(app: &App) -> Vec<&'static str> {
    let public = PUBLIC.into_iter().filter(|path| names(&app.get(&format!("{SMALL}/{path}"))));
    let private = PRIVATE.into_iter().filter(|path| names(&app.admin("GET", &format!("{SMALL}/{path}"), None)));
    public.chain(private).collect()
}

/// How many rows of the store name her, or somebody else.
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

/// Redacts her without waiting until what is stored is rewritten. Answers where to read how far that is.
fn begin(app: &App) -> String {
    let bearer = app.authorization();
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("prefer", "respond-async")];
    let begun = app.send("POST", REDACT, &headers, Some("{}"));
    assert_eq!((begun.status, &begun.json()["state"]), (202, &json!("rewriting")), "{}", begun.text());
    begun.header("location").unwrap().to_owned()
}

fn wait_until_done(app: &App, redaction: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = app.admin("GET", redaction, None);
        assert_eq!((found.status, names(&found)), (200, false));
        if found.json()["state"] == "done" {
            return found.json();
        }
        assert!(Instant::now() < deadline, "{}", found.text());
    }
}

/// Has the store refuse to rewrite the first release, as one would that fails there.
fn stall(world: &World, store: Store) {
    if store == Store::Sqlite {
        return world.database.execute(
            "CREATE TRIGGER stall BEFORE UPDATE ON releases WHEN NEW.number = 1 BEGIN SELECT RAISE(ABORT, 'stalled'); END",
        );
    }
    world.database.execute(
        "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stalled'; END $$",
    );
    world.database.execute(
        "CREATE TRIGGER stall BEFORE UPDATE ON releases FOR EACH ROW WHEN (NEW.number = 1) EXECUTE FUNCTION stall()",
    );
}

fn go_on(world: &World, store: Store) {
    let table = if store == Store::Sqlite { "" } else { " ON releases" };
    world.database.execute(&format!("DROP TRIGGER stall{table}"));
}

on_both_stores! {
    fn a_dry_run_waits_for_no_writer(store) {
        let app = World::new(store).start();
        release(&app);
        let wish = json!({ "dry_run": true });
        let held = app.world.database.hold("conferences");
        let dry = app.admin("POST", REDACT, Some(&wish));
        held.release();
        assert_eq!((dry.status, &dry.json()["state"], &dry.json()["id"]), (200, &json!("planned"), &Value::Null));
        let done = app.admin("POST", REDACT, Some(&json!({}))).json();
        for key in ["placeholders", "releases", "scheduled_releases", "draft", "audit_entries", "mentions"] {
            assert_eq!(dry.json()[key], done[key], "{key}");
        }
        assert_eq!((&done["state"], &done["releases"], &done["scheduled_releases"]), (&json!("done"), &json!(2), &json!(1)));
    }

    fn whom_an_unfinished_redaction_is_of_is_seen_nowhere_and_it_is_finished_after_a_crash(store) {
        let world = Arc::new(World::new(store).set("PLENARY_PUBLIC_URL", "https://plenary.example.org"));
        let (mut app, mut other) = (world.start_shared(), world.start_shared());
        release(&app);
        assert_eq!(naming(&app).len(), PUBLIC.len() + PRIVATE.len(), "each could leak: {:?}", naming(&app));
        stall(&world, store);
        let redaction = begin(&app);
        assert_eq!(naming(&app), Vec::<&str>::new());
        let deadline = Instant::now() + PATIENCE;
        while names(&other.get(&format!("{SMALL}/programme"))) {
            assert!(Instant::now() < deadline, "the other process goes on naming her");
            thread::yield_now();
        }
        assert_eq!(naming(&other), Vec::<&str>::new());
        assert!(rows_naming(&app, "lovelace") > 1, "it is not finished");
        let shown = |app: &App| PUBLIC.map(|path| app.get(&format!("{SMALL}/{path}")).text().to_owned());
        let hidden = shown(&app);
        assert_eq!(app.admin("POST", REDACT, Some(&json!({}))).status, 404, "there is nobody of this name any more");

        app.kill();
        other.kill();
        let app = world.start_shared();
        assert_eq!(naming(&app), Vec::<&str>::new());
        assert_eq!(app.admin("GET", &redaction, None).json()["state"], "rewriting");
        assert_eq!(hidden, shown(&app), "the same for every reader");

        let restored = app.admin("POST", &format!("{SMALL}/releases/1/restore"), Some(&json!({})));
        assert_eq!((restored.status, names(&restored)), (201, false), "{}", restored.text());
        let published = app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({ "note": "Without her" })));
        assert_eq!((published.status, names(&published)), (201, false));
        assert_eq!(naming(&app), Vec::<&str>::new());
        let old = |app: &App| app.get(&format!("{SMALL}/programme?version=1")).header("etag").map(str::to_owned);
        let before = old(&app);

        go_on(&world, store);
        let done = wait_until_done(&app, &redaction);
        assert_eq!((&done["releases"], &done["scheduled_releases"]), (&json!(2), &json!(1)));
        assert_eq!((naming(&app), rows_naming(&app, "lovelace")), (vec![], 0));
        assert_eq!(old(&app), before, "what is rewritten is what was shown");
        assert_eq!(app.admin("GET", &format!("{SMALL}/agenda/redactions/none"), None).status, 404);
    }

    fn of_two_redactions_of_one_person_one_finds_nobody(store) {
        let app = Arc::new(World::new(store).start());
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
        let app = Arc::new(World::new(store).start());
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
        assert_eq!(naming(&app), Vec::<&str>::new());
    }

    fn people_register_while_many_releases_are_rewritten(store) {
        let app = Arc::new(World::new(store).start());
        release(&app);
        let id = if store == Store::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
        let columns = "conference_id, released_at, author, content, full_content, updated_at, history, words";
        for number in 3..43 {
            app.world.database.execute(&format!(
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
        let done = redacting.join().unwrap();
        assert_eq!((&done["state"], &done["releases"]), (&json!("done"), &json!(42)));
        let rows = app.count("SELECT count(*) AS n FROM registrations");
        assert_eq!((rows, rows_naming(&app, "lovelace")), (i64::try_from(registered).unwrap(), 0));
    }
}
