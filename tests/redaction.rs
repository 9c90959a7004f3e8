//! Redaction: removing a person from everything that was ever released.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{
    App, Store,
    app::{Environment, small_conference},
    on_both_stores,
};

const SMALL: &str = "/api/v1/conferences/small";

/// A conference that names Ada Lovelace in every possible place, released twice and scheduled once more.
fn release(app: &App) {
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
    fn a_redacted_person_is_in_no_release_list_or_audit_trail(store) {
        let app = Environment::new(store).start();
        release(&app);
        let public = [
            "programme", "programme?version=1", "programme/speakers", "programme/sessions?version=1", "call-for-action",
            "releases", "releases/1/changes", "releases/2/changes", "releases/2/changes?since=1",
        ];
        let private = ["blueprint", "agenda", "agenda/speakers", "agenda/releases", "audit?limit=200"];
        let before: Vec<_> = public.iter().map(|path| app.get(&format!("{SMALL}/{path}"))).collect();
        let named: Vec<_> = before.iter().map(|answer| !names_in(answer.text()).is_empty()).collect();
        assert_eq!(named.iter().filter(|named| **named).count(), 9, "each could leak: {named:?}");

        let dry_run = app.admin("POST", &format!("{SMALL}/agenda/speakers/ada/redact"), Some(&json!({ "dry_run": true })));
        assert_eq!((dry_run.status, &dry_run.json()["dry_run"], &dry_run.json()["releases"]), (200, &json!(true), &json!(2)));
        assert_eq!(app.get(&format!("{SMALL}/programme")).body, before[0].body, "a dry run writes nothing");

        let answer = app.admin("POST", &format!("{SMALL}/agenda/speakers/ada/redact"), Some(&json!({})));
        assert_eq!(answer.status, 200, "by a code that only the first release knows: {}", answer.text());
        let redacted = answer.json();
        assert_eq!(dry_run.json()["mentions"], redacted["mentions"], "and says what the redaction will leave to be read");
        assert_eq!((&redacted["releases"], &redacted["scheduled_releases"], &redacted["draft"]), (&json!(2), &json!(1), &json!(true)));
        let placeholder = &redacted["placeholders"][0];
        assert!(placeholder.as_str().unwrap().starts_with("withheld-"));
        assert_eq!(redacted["mentions"], json!([
            { "release": null, "pointer": "#/sessions/0/abstract", "language": "en" },
            { "release": 1, "pointer": "#/sessions/0/abstract", "language": "en" },
            { "release": 2, "pointer": "#/sessions/0/abstract", "language": "en" },
        ]), "a family name alone may be somebody else's: it is shown, not changed");
        assert_eq!(redacted["mention_count"], 3);

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
        assert_eq!((&speaker["code"], &speaker["name"]), (placeholder, &json!("Name withheld")));
        assert_eq!(session["items"][0]["title"], "A talk by Name withheld");
        assert_eq!(app.get(&format!("{SMALL}/programme/speakers/countess")).status, 404);
        assert_eq!(app.get(&format!("{SMALL}/programme/speakers/bob")).json()["organisation"]["code"], "other");

        let entry = app.admin("GET", &format!("{SMALL}/audit?action=redact"), None).json()["data"][0].clone();
        assert_eq!((&entry["operation"], &entry["code"]), (&json!("redact_speaker"), placeholder));
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
    }

    fn the_command_line_redacts_beside_a_running_service(store) {
        let app = Environment::new(store).start();
        release(&app);
        let output = app.environment.run(&["redact", "countess"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(names_in(&text), Vec::<&str>::new());
        assert!(text.contains("2 releases, 1 scheduled release and the draft are rewritten"), "{text}");
        assert!(text.contains("#/sessions/0/abstract"), "{text}");
        // The service looks for what other processes released or redacted.
        let deadline = std::time::Instant::now() + crate::support::app::TIMEOUT;
        while !names_in(app.get(&format!("{SMALL}/programme")).text()).is_empty() {
            assert!(std::time::Instant::now() < deadline, "the service goes on naming her");
            std::thread::yield_now();
        }
        let unknown = app.environment.run(&["redact", "nobody"]);
        assert_eq!(unknown.status.code(), Some(1));
    }

    fn a_person_entered_again_is_redacted_under_every_id(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let mut without = small_conference(None, None);
        without["speakers"].as_array_mut().unwrap().remove(0);
        without["sessions"][0]["items"] = json!([]);
        app.publish(&without);
        app.publish(&small_conference(None, None));
        let redacted = app.admin("POST", &format!("{SMALL}/agenda/speakers/ada/redact"), Some(&json!({})));
        // The second release names her in its description of changes.
        assert_eq!((redacted.status, &redacted.json()["releases"]), (200, &json!(3)), "{}", redacted.text());
        assert_eq!(redacted.json()["placeholders"].as_array().unwrap().len(), 2);
        for path in ["programme?version=1", "programme", "releases/2/changes", "releases/3/changes"] {
            assert_eq!(names_in(app.get(&format!("{SMALL}/{path}")).text()), Vec::<&str>::new(), "{path}");
        }
        let trail = app.admin("GET", &format!("{SMALL}/audit?limit=200"), None);
        assert_eq!(names_in(trail.text()), Vec::<&str>::new());
    }

    fn a_code_reused_by_another_person_redacts_nobody_else(store) {
        let app = Environment::new(store).start();
        let named = |code: &str, given: &str, family: &str| {
            let mut document = small_conference(None, None);
            let text = document.to_string().replace("\"ada\"", &format!("\"{code}\""));
            document = serde_json::from_str(&text).unwrap();
            document["speakers"][0]["given_name"] = json!(given);
            document["speakers"][0]["family_name"] = json!(family);
            document
        };
        app.publish(&named("guest", "Ada", "Lovelace"));
        app.publish(&named("other", "Ida", "Rhodes"));
        app.publish(&named("guest", "Joan", "Clarke"));
        let ambiguous = app.admin("POST", &format!("{SMALL}/agenda/speakers/guest/redact"), Some(&json!({})));
        assert_eq!((ambiguous.status, &ambiguous.json()["type"]), (409, &json!("/problems/ambiguous-speaker")));
        let candidates = ambiguous.json()["candidates"].clone();
        let entry = |index: usize| {
            let candidate = &candidates[index];
            (candidate["name"].clone(), candidate["releases"].clone(), candidate["draft"].clone())
        };
        assert_eq!(entry(0), (json!("Ada Lovelace"), json!([1]), json!(false)));
        assert_eq!(entry(1), (json!("Joan Clarke"), json!([3]), json!(true)));
        let listed = app.environment.run(&["redact", "guest"]);
        let listed = String::from_utf8(listed.stderr).unwrap();
        assert!(listed.contains(&format!("{} Ada Lovelace (release 1)", candidates[0]["id"].as_str().unwrap())), "{listed}");

        let path = format!("{SMALL}/agenda/speakers/{}/redact", candidates[0]["id"].as_str().unwrap());
        let redacted = app.admin("POST", &path, Some(&json!({})));
        assert_eq!((redacted.status, &redacted.json()["releases"], &redacted.json()["draft"]), (200, &json!(2), &json!(false)), "{}", redacted.text());
        let audit = || app.admin("GET", &format!("{SMALL}/audit?limit=200"), None).text().to_owned();
        assert_eq!(names_in(app.get(&format!("{SMALL}/programme?version=1")).text()), Vec::<&str>::new());
        assert_eq!(names_in(&audit()), Vec::<&str>::new());
        assert!(app.get(&format!("{SMALL}/programme/speakers/guest")).text().contains("Clarke"));
        assert!(audit().contains("Clarke"));
        assert_eq!(app.admin("POST", &format!("{SMALL}/agenda/speakers/guest/redact"), Some(&json!({}))).status, 200);
        assert!(!audit().contains("Clarke"));
    }

    fn a_person_who_is_only_in_the_audit_trail_is_redacted_there(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let speakers = format!("{SMALL}/agenda/speakers");
        let created = app.admin("POST", &speakers, Some(&json!({
            "code": "guest", "given_name": "Ada", "family_name": "Byron-King", "biography": "She wrote the first programme."
        })));
        assert_eq!(created.status, 201, "{}", created.text());
        assert_eq!(app.admin("DELETE", &format!("{speakers}/guest"), None).status, 204);
        let trail = || app.admin("GET", &format!("{SMALL}/audit?limit=200"), None).text().to_owned();
        assert!(names_in(&trail()).contains(&"byron-king"));
        let redacted = app.admin("POST", &format!("{speakers}/guest/redact"), Some(&json!({}))).json();
        assert_eq!((&redacted["audit_entries"], &redacted["releases"], &redacted["draft"]), (&json!(2), &json!(0), &json!(false)));
        assert!(!trail().contains("Byron-King") && !trail().contains("guest"), "{}", trail());
        assert_eq!(app.admin("POST", &format!("{speakers}/guest/redact"), Some(&json!({}))).status, 404);
    }

    fn words_given_by_the_caller_are_removed_from_texts_and_codes(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        document["organisations"] = json!([
            { "code": "lab", "name": "The Lab", "kind": "ngo", "website": "https://lovelace.example.org/" }
        ]);
        document["sessions"][0]["abstract"] = json!("Ada\u{a0}Lovelace; Lady  LOVELACE opens. The Lovelaces.");
        document["sessions"][0]["items"][0]["code"] = json!("keynote-ada");
        document["sessions"][0]["items"][1]["code"] = json!("talk-of-lovelace");
        app.publish(&document);
        let path = format!("{SMALL}/agenda/speakers/ada/redact");
        let many: Vec<_> = (0..21).map(|number| format!("word {number}")).collect();
        for (wrong, fault) in [
            (json!({ "words": [] }), "#/words wrong_length"),
            (json!({ "words": many }), "#/words wrong_length"),
            (json!({ "words": ["x".repeat(201)] }), "#/words/0 too_long"),
            (json!({ "words": [" "] }), "#/words/0 empty"),
        ] {
            let refused = app.admin("POST", &path, Some(&wrong));
            assert_eq!((refused.status, refused.faults()), (422, vec![fault.to_owned()]));
        }
        let redacted = app.admin("POST", &path, Some(&json!({ "words": ["Lady Lovelace", "Lovelace"] })));
        assert_eq!(redacted.status, 200, "{}", redacted.text());
        let redacted = redacted.json();
        let placeholder = redacted["placeholders"][0].as_str().unwrap();
        let places: Vec<_> = redacted["mentions"].as_array().unwrap().iter().map(|mention| {
            (mention["release"].clone(), mention["pointer"].as_str().unwrap().to_owned())
        }).collect();
        let left = ["#/sessions/0/abstract", "#/organisations/0/website"].map(str::to_owned);
        let wanted: Vec<_> = [Value::Null, json!(1)].into_iter().flat_map(|release| {
            left.clone().map(|pointer| (release.clone(), pointer))
        }).collect();
        assert_eq!(places, wanted);
        let session = app.get(&format!("{SMALL}/programme/sessions/opening?version=1")).json();
        assert_eq!(session["abstract"], "Name withheld; Name withheld opens. The Lovelaces.");
        let codes = |session: &Value| [0, 1].map(|index| session["items"][index]["code"].as_str().unwrap().to_owned());
        let expected = [format!("keynote-{placeholder}"), format!("talk-of-{placeholder}")];
        assert_eq!(codes(&session), expected);
        let draft = app.admin("GET", &format!("{SMALL}/agenda/sessions/opening"), None).json();
        assert_eq!(codes(&draft), expected);
        let trail = app.admin("GET", &format!("{SMALL}/audit?resource=item"), None);
        assert!(!trail.text().contains("keynote-ada") && !trail.text().contains("talk-of-lovelace"), "{}", trail.text());
    }

    fn codes_that_name_a_person_are_reported_and_stay(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        document["sessions"][0]["items"][0]["code"] = json!("keynote-ada");
        document["sessions"][0]["items"][1]["code"] = json!("canada");
        app.publish(&document);
        let redacted = app.admin("POST", &format!("{SMALL}/agenda/speakers/ada/redact"), Some(&json!({}))).json();
        assert_eq!(redacted["mentions"], json!([
            { "release": null, "pointer": "#/sessions/0/items/0/code", "language": null },
            { "release": 1, "pointer": "#/sessions/0/items/0/code", "language": null },
        ]));
    }

    fn a_repeated_request_does_not_restore_a_redacted_person(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let body = json!({
            "code": "guest", "given_name": "Ada", "family_name": "Byron-King", "biography": "She wrote the first programme."
        }).to_string();
        let bearer = format!("Bearer {}", crate::support::app::ADMIN);
        let headers = [
            ("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", "guest-1"),
        ];
        let speakers = format!("{SMALL}/agenda/speakers");
        let create = || app.send("POST", &speakers, &headers, Some(&body));
        assert_eq!(create().status, 201);
        let redacted = app.admin("POST", &format!("{speakers}/guest/redact"), Some(&json!({}))).json();
        let repeated = create();
        assert_eq!((repeated.status, names_in(repeated.text())), (201, vec![]), "{}", repeated.text());
        assert_eq!((&repeated.json()["code"], &repeated.json()["biography"]), (&redacted["placeholders"][0], &Value::Null));
        assert!(!repeated.header("location").unwrap().contains("guest"));
        let draft = app.admin("GET", &speakers, None);
        assert_eq!(names_in(draft.text()), Vec::<&str>::new());
    }
}

#[test]
fn the_file_of_the_embedded_store_has_no_trace_of_a_redacted_person() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    let app = environment.start_shared();
    release(&app);
    assert_eq!(app.admin("POST", &format!("{SMALL}/agenda/speakers/countess/redact"), Some(&json!({}))).status, 200);
    for entry in std::fs::read_dir(&environment.folder.0).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(names_in(&text), Vec::<&str>::new(), "{}", path.display());
        }
    }
}
