//! Taking a person out of everything that was ever released.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{
    App, Store,
    app::{World, small_conference},
    on_both_stores,
};

const SMALL: &str = "/api/v1/conferences/small";

/// A conference in which Ada Lovelace stands wherever a person can, released twice and scheduled once more.
fn released(app: &App) {
    let mut document = small_conference(None, None);
    document["organisations"] = json!([
        { "code": "analytical-society", "name": "Analytical Society", "kind": "ngo" },
        { "code": "other", "name": "Other", "kind": "ngo" }
    ]);
    document["speakers"][0]["organisation"] = json!("analytical-society");
    document["speakers"][0]["biography"] = json!("She wrote the first programme.");
    document["speakers"][1]["organisation"] = json!("other");
    document["sessions"][0]["items"][0]["title"] = json!("A talk by ADA LOVELACE");
    document["sessions"][0]["abstract"] = json!("The Lovelace prize.");
    document["sessions"][0]["items"][1]["appearances"][0]["on_behalf_of"] = json!("ada");
    document["call_for_action"] = json!({ "title": "Call", "issued_by": { "speaker": "ada" } });
    app.publish(&document);
    document["speakers"][0]["family_name"] = json!("Byron-King");
    document["speakers"][0]["code"] = json!("countess");
    let text = document.to_string().replace("\"ada\"", "\"countess\"");
    let mut document: Value = serde_json::from_str(&text).unwrap();
    // A room that is booked twice: the release needs a reason, which is kept.
    document["sessions"].as_array_mut().unwrap().push(json!({
        "code": "rival", "kind": "parallel", "title": "Rival", "room": "hall",
        "starts_at": "2030-05-01T09:30", "ends_at": "2030-05-01T10:30"
    }));
    let stored = app.admin("GET", &format!("{SMALL}/blueprint"), None).json();
    document["speakers"][0]["id"] = stored["speakers"][0]["id"].clone();
    assert_eq!(app.admin("PUT", &format!("{SMALL}/blueprint"), Some(&document)).status, 200);
    let releases = format!("{SMALL}/releases");
    assert_eq!(
        app.admin(
            "POST",
            &releases,
            Some(&json!({
                "note": "With Ada Byron-King", "force": { "reason": "Ada Lovelace wishes it" }
            }))
        )
        .status,
        201
    );
    let later = json!({
        "publish_at": "2030-04-01T09:00", "note": "Ada Lovelace comes", "force": { "reason": "Ada Lovelace wishes it" }
    });
    assert_eq!(app.admin("POST", &releases, Some(&later)).status, 202);
}

const NAMES: [&str; 4] = ["ada lovelace", "byron-king", "countess", "she wrote the first programme"];

fn names_in(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    NAMES.into_iter().filter(|name| text.contains(name)).collect()
}

on_both_stores! {
    fn a_redacted_person_stands_in_no_release_no_list_and_no_trail(store) {
        let app = World::new(store).start();
        released(&app);
        let public = [
            "programme", "programme?version=1", "programme/speakers", "programme/sessions?version=1", "call-for-action",
            "releases", "releases/1/changes", "releases/2/changes", "releases/2/changes?since=1",
        ];
        let private = ["blueprint", "agenda", "agenda/speakers", "agenda/releases", "audit?limit=200"];
        let before: Vec<_> = public.iter().map(|path| app.get(&format!("{SMALL}/{path}"))).collect();
        let named: Vec<_> = before.iter().map(|answer| !names_in(answer.text()).is_empty()).collect();
        assert_eq!(named.iter().filter(|named| **named).count(), 9, "each could leak: {named:?}");
        let modified = before[1].header("last-modified").unwrap().to_owned();

        let answer = app.admin("POST", &format!("{SMALL}/agenda/speakers/ada/redact"), Some(&json!({})));
        assert_eq!(answer.status, 200, "by a code that only the first release knows: {}", answer.text());
        let done = answer.json();
        assert_eq!((&done["releases"], &done["scheduled_releases"], &done["draft"]), (&json!(2), &json!(1), &json!(true)));
        assert!(done["placeholder"].as_str().unwrap().starts_with("withheld-"));
        assert_eq!(done["mentions"], json!([{ "pointer": "#/sessions/0/abstract", "language": "en" }]),
            "a family name alone may be somebody else's: it is shown, not changed");

        for (path, before) in public.iter().zip(&before) {
            let after = app.get(&format!("{SMALL}/{path}"));
            assert_eq!(after.status, 200, "{path}");
            assert_eq!(names_in(after.text()), Vec::<&str>::new(), "{path}: {}", after.text());
            assert_ne!(after.header("etag"), before.header("etag"), "{path}");
            assert!(!after.text().contains("Analytical Society"), "{path}: whom she spoke for would tell who she was");
        }
        for path in private {
            let after = app.admin("GET", &format!("{SMALL}/{path}"), None);
            assert_eq!(after.status, 200, "{path}");
            assert_eq!(names_in(after.text()), Vec::<&str>::new(), "{path}: {}", after.text());
        }
        let cached = app.get_with(&format!("{SMALL}/programme?version=1"), &[("if-none-match", before[1].header("etag").unwrap())]);
        assert_eq!(cached.status, 200, "who has the old one asks in vain for a 304");
        let session = app.get(&format!("{SMALL}/programme/sessions/opening?version=1")).json();
        let speaker = &session["items"][0]["appearances"][0]["speaker"];
        assert_eq!((&speaker["code"], &speaker["name"]), (&done["placeholder"], &json!("Name withheld")));
        assert_eq!(session["items"][0]["title"], "A talk by Name withheld");
        assert_eq!(app.get(&format!("{SMALL}/programme/speakers/countess")).status, 404);
        assert_eq!(app.get(&format!("{SMALL}/programme/speakers/bob")).json()["organisation"]["code"], "other");

        let entry = app.admin("GET", &format!("{SMALL}/audit?action=redact"), None).json()["data"][0].clone();
        assert_eq!((&entry["operation"], &entry["code"]), (&json!("redact_speaker"), &done["placeholder"]));
        assert_eq!((&entry["before"], &entry["after"], &entry["actor"]), (&Value::Null, &Value::Null, &json!("settings (admin)")));
        for table in ["releases", "scheduled_releases"] {
            for name in NAMES {
                let texts = "lower(CAST(full_content AS TEXT) || coalesce(note, '') || coalesce(force_reason, ''))";
                let leaks = format!("SELECT count(*) AS n FROM {table} WHERE {texts} LIKE '%{name}%'");
                assert_eq!(app.count(&leaks), 0, "{table} {name}");
            }
        }
        assert_eq!(app.count("SELECT count(*) AS n FROM idempotency_keys"), 0);
        assert_eq!(app.admin("POST", &format!("{SMALL}/agenda/speakers/ada/redact"), Some(&json!({}))).status, 404);
        let forced = json!({ "force": { "reason": "None of note" } });
        let published = app.admin("POST", &format!("{SMALL}/releases"), Some(&forced));
        assert_eq!((published.status, names_in(published.text())), (201, vec![]), "nor does the next release bring them back");
        assert!(modified.ends_with("GMT"));
    }

    fn the_command_line_redacts_beside_a_running_service(store) {
        let app = World::new(store).start();
        released(&app);
        let output = app.world.run(&["redact", "countess"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(names_in(&text), Vec::<&str>::new());
        assert!(text.contains("2 releases, 1 scheduled release and the draft are rewritten"), "{text}");
        assert!(text.contains("#/sessions/0/abstract"), "{text}");
        // The service looks for what other processes released or redacted.
        let deadline = std::time::Instant::now() + crate::support::app::PATIENCE;
        while !names_in(app.get(&format!("{SMALL}/programme")).text()).is_empty() {
            assert!(std::time::Instant::now() < deadline, "the service goes on naming her");
            std::thread::yield_now();
        }
        let unknown = app.world.run(&["redact", "nobody"]);
        assert_eq!(unknown.status.code(), Some(1));
    }
}

#[test]
fn the_file_of_the_embedded_store_holds_no_trace_of_a_redacted_person() {
    let world = Arc::new(World::new(Store::Sqlite));
    let mut app = world.start_shared();
    released(&app);
    assert_eq!(app.admin("POST", &format!("{SMALL}/agenda/speakers/countess/redact"), Some(&json!({}))).status, 200);
    assert!(app.terminate().success());
    for entry in std::fs::read_dir(&world.folder.0).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(names_in(&text), Vec::<&str>::new(), "{}", path.display());
        }
    }
}
