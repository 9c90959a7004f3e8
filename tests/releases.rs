//! Releases: immediate, scheduled, restored; who sees what; the draft behind a link; descriptions of changes.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{
    App,
    app::{Environment, person, small_conference},
    on_both_stores,
};

const SMALL: &str = "/api/v1/conferences/small";

fn get(app: &App, path: &str) -> Value {
    let answer = app.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn put(app: &App, document: &Value) {
    let answer = app.admin("PUT", &format!("{SMALL}/blueprint"), Some(document));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn admin(app: &App, method: &str, path: &str, body: &Value, status: u16) -> Value {
    let answer = app.admin(method, &format!("{SMALL}{path}"), Some(body));
    assert_eq!(answer.status, status, "{}", answer.text());
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

/// An instant so far ahead that the steps before it in a test are done by then.
fn in_three_seconds() -> String {
    wire(Utc::now() + TimeDelta::seconds(3))
}

fn wire(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn titles(programme: &Value) -> Vec<&str> {
    let days = programme["days"].as_array().unwrap();
    let sessions = days.iter().flat_map(|day| day["sessions"].as_array().unwrap());
    sessions.map(|session| session["title"].as_str().unwrap()).collect()
}

/// Everything that the public can read of the conference, its older releases included.
fn all_public_answers(app: &App) -> String {
    let mut all = String::new();
    let latest = get(app, &format!("{SMALL}/releases"))["data"][0]["number"].as_i64().unwrap();
    let parts = ["", "/days", "/sessions", "/panels", "/keynotes", "/speakers", "/rooms", "/tracks"];
    for number in 1..=latest {
        for part in parts {
            for lang in ["*", "en"] {
                let path = format!("{SMALL}/programme{part}?version={number}&lang={lang}");
                all.push_str(&get(app, &path).to_string());
            }
        }
        all.push_str(&get(app, &format!("{SMALL}/releases/{number}")).to_string());
        for since in 1..=latest {
            let path = format!("{SMALL}/releases/{number}/changes?since={since}&lang=*");
            all.push_str(&get(app, &path).to_string());
        }
        all.push_str(&get(app, &format!("{SMALL}/releases/{number}/changes")).to_string());
    }
    for path in ["", "/releases", "/registration-form"] {
        all.push_str(&get(app, &format!("{SMALL}{path}")).to_string());
    }
    all
}

/// The small conference with another session, whose texts and codes all contain `hush`.
fn with_secret(edit: impl FnOnce(&mut Value)) -> Value {
    let mut document = small_conference(None, None);
    document["organisations"] = json!([{ "code": "hush-office", "name": "Hush office", "kind": "ngo" }]);
    document["rooms"].as_array_mut().unwrap().push(json!({ "code": "hush-room", "name": "Hush room" }));
    document["speakers"].as_array_mut().unwrap().push(json!({
        "code": "hush-person", "given_name": "Hush", "family_name": "Person", "organisation": "hush-office",
        "biography": "hush"
    }));
    document["sessions"].as_array_mut().unwrap().push(json!({
        "code": "hush-session", "kind": "thematic", "title": "Hush", "abstract": "hush", "room": "hush-room",
        "starts_at": "2030-05-01T11:00", "ends_at": "2030-05-01T12:00",
        "items": [{ "code": "hush-item", "kind": "keynote", "title": "Hush", "appearances": [
            { "speaker": "hush-person", "role": "keynote_speaker" }
        ] }]
    }));
    edit(&mut document);
    document
}

on_both_stores! {
    fn a_scheduled_release_publishes_the_draft_of_its_request_when_it_is_due(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        put(&app, &document);
        let publish_at = in_three_seconds();
        let request = json!({ "note": "First", "publish_at": publish_at });
        let answer = app.admin("POST", &format!("{SMALL}/releases"), Some(&request));
        assert_eq!(answer.status, 202, "{}", answer.text());
        let scheduled = answer.json();
        assert_eq!((&scheduled["state"], &scheduled["note"]), (&json!("scheduled"), &json!("First")));
        let printed: DateTime<Utc> = scheduled["publish_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(wire(printed), publish_at);
        assert_eq!(app.get(&format!("{SMALL}/releases")).status, 404, "nothing is public yet");
        document["sessions"][0]["title"] = json!("Too late");
        put(&app, &document);
        app.log.wait_for("published a scheduled release");
        assert_eq!(titles(&get(&app, &format!("{SMALL}/programme"))), ["Opening"]);
        let record = admin(&app, "GET", "/agenda/releases", &Value::Null, 200);
        assert_eq!(record["scheduled"][0]["state"], "published");
        assert_eq!(record["scheduled"][0]["release_number"], 1);
        assert_eq!((&record["data"][0]["author"], &record["data"][0]["note"]), (&json!("settings (admin)"), &json!("First")));
        let released_at: DateTime<Utc> = record["data"][0]["released_at"].as_str().unwrap().parse().unwrap();
        assert!(released_at >= printed && released_at < printed + TimeDelta::seconds(5), "{released_at} after {printed}");
        let id = scheduled["id"].as_str().unwrap();
        let too_late = app.admin("DELETE", &format!("{SMALL}/agenda/scheduled-releases/{id}"), None);
        assert_eq!(too_late.problem(), (409, "release-published".to_owned()));
    }

    fn a_scheduled_release_can_be_cancelled(store) {
        let app = Environment::new(store).start();
        put(&app, &small_conference(None, None));
        let schedule_at = |publish_at: &str| {
            app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({ "publish_at": publish_at })))
        };
        let scheduled = schedule_at("2030-01-01T10:00").json();
        assert_eq!(scheduled["publish_at"], "2030-01-01T09:00:00Z", "a wall time is of the conference's zone");
        let path = format!("{SMALL}/agenda/scheduled-releases/{}", scheduled["id"].as_str().unwrap());
        for _ in 0..2 {
            assert_eq!(app.admin("DELETE", &path, None).status, 204);
        }
        assert_eq!(admin(&app, "GET", "/agenda/releases", &Value::Null, 200)["scheduled"][0]["state"], "cancelled");
        for unknown in ["x", "0190a000-0000-7000-8000-000000000000"] {
            let path = format!("{SMALL}/agenda/scheduled-releases/{unknown}");
            assert_eq!(app.admin("DELETE", &path, None).problem(), (404, "not-found".to_owned()));
        }
        assert_eq!(schedule_at("2020-01-01T10:00").faults(), ["#/publish_at in_past"]);
        assert_eq!(schedule_at("2030-03-31T02:30").faults(), ["#/publish_at impossible_time"]);
        assert_eq!(schedule_at("soon").faults(), ["#/publish_at invalid_time"]);
        assert_eq!(app.get(&format!("{SMALL}/agenda/releases")).problem(), (401, "unauthenticated".to_owned()));
        assert_eq!(app.send("DELETE", &path, &[], None).problem(), (401, "unauthenticated".to_owned()));
    }

    fn a_release_scheduled_on_the_command_line_is_published_by_the_next_service(store) {
        let environment = Environment::new(store);
        let document = environment.folder.write("small.json", &small_conference(None, None).to_string());
        let run = |arguments: &[&str]| {
            let output = environment.run(arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        run(&["apply", document.to_str().unwrap()]);
        let publish_at = wire(Utc::now() + TimeDelta::seconds(1));
        assert!(run(&["release", "--publish-at", &publish_at]).contains("A running service will publish"));
        let app = environment.start();
        app.log.wait_for("published a scheduled release");
        assert_eq!(titles(&get(&app, &format!("{SMALL}/programme"))), ["Opening"]);
    }

    fn only_one_of_two_processes_publishes_a_due_release(store) {
        let environment = Arc::new(Environment::new(store));
        let apps = [environment.start_shared(), environment.start_shared()];
        let publish_at = Utc::now() + TimeDelta::seconds(3);
        let embargo = wire(publish_at + TimeDelta::seconds(1));
        put(&apps[0], &with_secret(|document| document["sessions"][1]["public_from"] = json!(embargo)));
        for _ in 0..3 {
            admin(&apps[0], "POST", "/releases", &json!({ "publish_at": wire(publish_at) }), 202);
        }
        for app in &apps {
            // Three scheduled releases, and the one at the end of the embargo.
            app.log.wait_for("\"release\":4");
            assert_eq!(titles(&get(app, &format!("{SMALL}/programme"))), ["Opening", "Hush"]);
        }
        assert_eq!(apps[0].count("SELECT count(*) AS n FROM releases"), 4);
        let published = "SELECT count(*) AS n FROM scheduled_releases WHERE state = 'published'";
        assert_eq!(apps[0].count(published), 3);
    }

    fn the_end_of_an_embargo_is_a_release_of_its_own(store) {
        let app = Environment::new(store).start();
        let public_from = in_three_seconds();
        app.publish(&with_secret(|document| {
            document["sessions"][1]["public_from"] = json!(public_from);
            document["speakers"][2]["public_from"] = json!(public_from);
        }));
        assert_eq!(titles(&get(&app, &format!("{SMALL}/programme?version=1"))), ["Opening"]);
        app.log.wait_for("published what was under embargo");
        assert_eq!(titles(&get(&app, &format!("{SMALL}/programme"))), ["Opening", "Hush"]);
        let old = get(&app, &format!("{SMALL}/programme?version=1&lang=*")).to_string().to_lowercase();
        assert!(!old.contains("hush"), "{old}");
        let release = get(&app, &format!("{SMALL}/releases/2"));
        assert_eq!(release["note"], "The embargo of Hush Person, “Hush” has ended.");
        let record = admin(&app, "GET", "/agenda/releases", &Value::Null, 200);
        assert_eq!(record["data"][0]["author"], "service");
        let changes = get(&app, &format!("{SMALL}/releases/2/changes"))["changes"].clone();
        assert!(changes.as_array().unwrap().iter().all(|change| change["kinds"] == json!(["added"])), "{changes:#}");
        let session = changes.as_array().unwrap().iter().find(|change| change["resource"] == "session").unwrap();
        assert_eq!(session["words"], "“Hush” is new in the programme.");
    }

    fn nothing_hidden_is_in_any_public_answer(store) {
        let app = Environment::new(store).start();
        let hide = |visibility: &str, public_from: Option<&str>| {
            with_secret(|document| {
                for thing in [("speakers", 2), ("sessions", 1)] {
                    document[thing.0][thing.1]["visibility"] = json!(visibility);
                    document[thing.0][thing.1]["public_from"] = json!(public_from);
                }
                // Something visible refers to the person.
                document["sessions"][0]["items"][1]["appearances"] = json!([
                    { "speaker": "hush-person", "role": "panellist" },
                    { "speaker": "ada", "role": "moderator", "on_behalf_of": "hush-person" }
                ]);
                document["call_for_action"] = json!({
                    "title": "Call", "commitments": [], "issued_by": { "speaker": "hush-person" }
                });
            })
        };
        for (visibility, public_from) in [
            ("withheld", None), ("attendees", None), ("public", Some("2030-01-01T00:00")),
            ("withheld", Some("2030-01-01T00:00")),
        ] {
            app.publish(&hide(visibility, public_from));
            let session = get(&app, &format!("{SMALL}/programme/sessions/opening"));
            let panellist = &session["items"][1]["appearances"][0]["speaker"];
            assert_eq!(panellist["name"], "Name withheld", "{visibility}");
            let code = panellist["code"].as_str().unwrap();
            let speaker = get(&app, &format!("{SMALL}/programme/speakers/{code}?lang=fr"));
            assert_eq!(speaker["name"], "Nom non communiqué");
            assert_eq!(get(&app, &format!("{SMALL}/call-for-action"))["issued_by"]["name"], "Name withheld");
        }
        // Only the room of the withheld session is shown.
        let all = all_public_answers(&app).replace("hush-room", "").replace("Hush room", "").to_lowercase();
        let around = all.find("hush").map(|place| &all[place.saturating_sub(200)..place + 50]);
        assert_eq!(around, None);
        assert!(!all.contains("visibility") && !all.contains("public_from"));
        assert_eq!(app.get(&format!("{SMALL}/programme/sessions/hush-session")).status, 404);
        assert_eq!(app.get(&format!("{SMALL}/programme/speakers/hush-person")).status, 404);
        let filtered = app.get(&format!("{SMALL}/programme?speaker=hush-person"));
        assert_eq!(filtered.faults(), ["?speaker unknown_reference"]);
    }

    fn a_speaker_of_hidden_sessions_only_is_in_no_public_answer(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        // Once by an embargo, once for attendees only.
        for hide in [json!({ "public_from": "2030-01-01T00:00" }), json!({ "visibility": "attendees" })] {
            app.publish(&with_secret(|document| {
                let session = document["sessions"][1].as_object_mut().unwrap();
                session.extend(hide.as_object().unwrap().clone());
            }));
            assert!(!all_public_answers(&app).to_lowercase().contains("hush"), "{hide}");
        }
        let confirmed = app.post(&format!("{SMALL}/registrations"), &person(1, "delegate")).json();
        let attendee_path = app.path_of(confirmed["links"]["programme"].as_str().unwrap()).to_owned();
        let seen = get(&app, &attendee_path);
        let codes = seen["speakers"].as_array().unwrap().iter().map(|speaker| speaker["code"].as_str().unwrap());
        assert_eq!(codes.collect::<Vec<_>>(), ["ada", "bob", "hush-person"]);
    }

    fn a_confirmed_attendee_s_link_shows_content_for_attendees(store) {
        let app = Environment::new(store).start();
        let mut document = with_secret(|document| document["sessions"][1]["visibility"] = json!("attendees"));
        document["registration"]["seats"] = json!(1);
        app.publish(&document);
        assert_eq!(titles(&get(&app, &format!("{SMALL}/programme"))), ["Opening"]);
        let register = |number| app.post(&format!("{SMALL}/registrations"), &person(number, "delegate")).json();
        let (confirmed, waiting) = (register(1), register(2));
        let link = |receipt: &Value, query: &str| {
            let attendee_path = receipt["links"]["self"].as_str().unwrap();
            app.path_of(attendee_path).replace("?token=", &format!("/programme?{query}token="))
        };
        let answer = app.get(&link(&confirmed, ""));
        assert_eq!(titles(&answer.json()), ["Opening", "Hush"]);
        assert_eq!(answer.header("cache-control"), Some("private, no-store"));
        assert_eq!(titles(&get(&app, &link(&confirmed, "kind=thematic&lang=fr&"))), ["Hush"]);
        assert_eq!(app.get(&link(&confirmed, "kind=x&")).faults(), ["?kind unknown_value"]);
        assert_eq!(app.get(&link(&waiting, "")).problem(), (409, "wrong-state".to_owned()));
        let reference = confirmed["reference"].as_str().unwrap();
        let path = format!("{SMALL}/registrations/{reference}/programme");
        assert_eq!(app.get(&path).problem(), (401, "unauthenticated".to_owned()));
        assert_eq!(titles(&app.admin("GET", &path, None).json()), ["Opening", "Hush"]);
        let cancel = app.path_of(confirmed["links"]["cancel"].as_str().unwrap()).to_owned();
        assert_eq!(app.post(&cancel, &json!({})).status, 200);
        assert_eq!(app.get(&link(&confirmed, "")).problem(), (409, "wrong-state".to_owned()));
        assert_eq!(titles(&get(&app, &link(&waiting, ""))), ["Opening", "Hush"], "who got the seat");
    }

    fn restoring_a_release_also_restores_the_draft_unless_it_is_kept(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        app.publish(&document);
        let draft = || admin(&app, "GET", "/agenda", &Value::Null, 200);
        let first = draft();
        document["sessions"][0]["title"] = json!("Changed");
        document["speakers"].as_array_mut().unwrap().remove(1);
        document["sessions"][0]["items"].as_array_mut().unwrap().remove(1);
        app.publish(&document);
        let second = draft();

        let restored = admin(&app, "POST", "/releases/1/restore", &json!({ "keep_draft": true, "note": "Back" }), 201);
        assert_eq!((&restored["number"], &restored["restores"], &restored["note"]), (&json!(3), &json!(1), &json!("Back")));
        assert_eq!(draft(), second);
        assert_eq!(titles(&get(&app, &format!("{SMALL}/programme"))), ["Opening"]);
        assert_eq!(get(&app, &format!("{SMALL}/programme"))["release"]["restores"], 1);
        assert_eq!(get(&app, &format!("{SMALL}/releases/3/changes?since=1"))["changes"], json!([]));

        // The same codes, but other resources: the restored ones have their old ids.
        let repeated = small_conference(None, None);
        put(&app, &repeated);
        assert_ne!(draft()["speakers"], first["speakers"]);
        admin(&app, "POST", "/releases/1/restore", &json!({}), 201);
        assert_eq!(draft(), first);
        let plan = admin(&app, "PUT", "/agenda?dry_run=true", &first, 200);
        assert_eq!(plan["changes"], json!([]));
        let unknown = app.admin("POST", &format!("{SMALL}/releases/9/restore"), Some(&json!({})));
        assert_eq!(unknown.problem(), (404, "not-found".to_owned()));
        let wrong = app.admin("POST", &format!("{SMALL}/releases/1/restore"), Some(&json!({ "keep_draft": 1, "x": 1 })));
        assert_eq!(wrong.faults(), ["#/keep_draft wrong_type", "#/x unknown_field"]);

        let output = app.environment.run(&["restore", "2", "--conference", "small", "--keep-draft"]);
        assert!(String::from_utf8_lossy(&output.stdout).contains("Release 5 is published."), "{output:?}");
        assert_eq!(draft(), first);
        let output = app.environment.run(&["restore", "9"]);
        assert_eq!(String::from_utf8_lossy(&output.stderr).trim(), "plenary: no such release");
    }

    fn restoring_a_release_keeps_hidden_what_the_draft_hides(store) {
        let app = Environment::new(store).start();
        let visible = with_secret(|document| {
            document["sessions"][0]["items"][1]["title"] = json!("Hush talk");
            document["sessions"][0]["items"][1]["code"] = json!("hush-talk");
        });
        app.publish(&visible);
        let mut draft = admin(&app, "GET", "/agenda", &Value::Null, 200);
        draft["sessions"][1]["visibility"] = json!("attendees");
        draft["sessions"][0]["items"][1]["public_from"] = json!("2030-01-01T00:00:00Z");
        draft["speakers"][2]["visibility"] = json!("withheld");
        draft["sessions"][0]["title"] = json!("Changed");
        // It was deleted since and is restored.
        draft["sessions"][0]["items"].as_array_mut().unwrap().remove(0);
        admin(&app, "PUT", "/agenda", &draft, 200);
        let kept = json!([
            { "resource": "speaker", "code": "hush-person" },
            { "resource": "item", "code": "hush-talk" },
            { "resource": "session", "code": "hush-session" }
        ]);
        for keep_draft in [true, false] {
            let body = json!({ "keep_draft": keep_draft });
            let restored = admin(&app, "POST", "/releases/1/restore", &body, 201);
            assert_eq!(restored["kept_hidden"], kept);
            let programme = get(&app, &format!("{SMALL}/programme"));
            assert_eq!(titles(&programme), ["Opening"]);
            let items = &programme["days"][0]["sessions"][0]["items"];
            assert_eq!(items.as_array().unwrap().iter().map(|item| &item["code"]).collect::<Vec<_>>(), ["welcome"]);
            assert!(!programme.to_string().to_lowercase().contains("hush"), "{programme}");
        }
        let reset = admin(&app, "GET", "/agenda", &Value::Null, 200);
        assert_eq!(reset["sessions"][1]["visibility"], "attendees");
        assert_eq!(reset["sessions"][0]["items"][1]["public_from"], "2030-01-01T01:00:00+01:00");
        assert_eq!(reset["speakers"][2]["visibility"], "withheld");
        assert_eq!(reset["sessions"][0]["title"]["en"], "Opening");
        let output = app.environment.run(&["restore", "1"]);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.contains("session hush-session stays hidden, as in the draft."), "{printed}");
    }

    fn conflicts_are_overridden_with_a_reason_that_is_not_public(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        document["sessions"][0]["starts_at"] = json!("2030-05-03T09:00");
        document["sessions"][0]["ends_at"] = json!("2030-05-03T10:00");
        put(&app, &document);
        let release = |body: Value| app.admin("POST", &format!("{SMALL}/releases"), Some(&body));
        assert_eq!(release(json!({})).problem(), (409, "agenda-conflicts".to_owned()));
        let later = json!({ "publish_at": "2030-01-01T10:00" });
        assert_eq!(release(later).problem(), (409, "agenda-conflicts".to_owned()));
        assert_eq!(release(json!({ "force": {} })).faults(), ["#/force/reason required"]);
        assert_eq!(release(json!({ "force": { "reason": " " } })).faults(), ["#/force/reason empty"]);
        let forced = release(json!({ "force": { "reason": "The minister insists" } })).json();
        assert_eq!((&forced["number"], &forced["force_reason"]), (&json!(1), &json!("The minister insists")));
        let record = admin(&app, "GET", "/agenda/releases", &Value::Null, 200);
        assert_eq!(record["data"][0]["force_reason"], "The minister insists");
        assert!(!all_public_answers(&app).contains("minister"));
        let output = app.environment.run(&["release"]);
        assert!(!output.status.success());
        assert!(app.environment.run(&["release", "--force", "Again"]).status.success());
        let record = admin(&app, "GET", "/agenda/releases?limit=1", &Value::Null, 200);
        assert_eq!((&record["data"][0]["number"], &record["data"][0]["author"]), (&json!(2), &json!("command line")));
        let next = record["next"].as_str().unwrap();
        assert_eq!(app.admin("GET", next, None).json()["data"][0]["number"], 1);
    }

    fn a_link_shows_the_draft_until_it_expires(store) {
        let app = Environment::new(store).start();
        put(&app, &with_secret(|document| document["sessions"][1]["visibility"] = json!("attendees")));
        let make = |body: Value| admin(&app, "POST", "/agenda/previews", &body, 201);
        let preview = |link: &Value| app.get(app.path_of(link["url"].as_str().unwrap()));
        let day = make(json!({}));
        let page = preview(&day);
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!(titles(&page.json()), ["Opening"], "as the public would see it");
        assert_eq!(page.json()["release"], Value::Null);
        assert_eq!(page.header("cache-control"), Some("private, no-store"));
        assert_eq!(page.header("x-robots-tag"), Some("noindex"));
        let url = day["url"].as_str().unwrap();
        let french = app.get(&format!("{}&lang=fr&day=2030-05-01", app.path_of(url)));
        assert_eq!(titles(&french.json()), ["Ouverture"]);
        assert_eq!(app.get(&format!("{}&day=2030-06-01", app.path_of(url))).faults(), ["?day unknown_reference"]);
        let expires_at: DateTime<Utc> = day["expires_at"].as_str().unwrap().parse().unwrap();
        let hours = (expires_at - Utc::now()).num_minutes();
        assert!((23 * 60 + 58..=24 * 60).contains(&hours), "{hours} minutes");

        let token = url.rsplit('=').next().unwrap();
        let nothing = (404, "not-found".to_owned());
        for path in [
            format!("{SMALL}/preview"),
            format!("{SMALL}/preview?token=x"),
            format!("{SMALL}/preview?token={}A", &token[..token.len() - 1].replace('A', "B")),
            format!("/api/v1/conferences/other/preview?token={token}"),
        ] {
            assert_eq!(app.get(&path).problem(), nothing, "{path}");
        }
        assert_eq!(app.get(&format!("{SMALL}/programme")).status, 404);
        assert_eq!(get(&app, "/api/v1/conferences")["data"], json!([]));

        let refused = |body: Value| app.admin("POST", &format!("{SMALL}/agenda/previews"), Some(&body)).faults();
        assert_eq!(refused(json!({ "hours": 721 })), ["#/hours out_of_range"]);
        assert_eq!(refused(json!({ "hours": 0 })), ["#/hours out_of_range"]);
        assert_eq!(refused(json!({ "hours": 1, "expires_at": "2030-01-01T00:00" })), ["#/hours either_or"]);
        assert_eq!(refused(json!({ "expires_at": "2020-01-01T00:00" })), ["#/expires_at in_past"]);
        assert_eq!(refused(json!({ "expires_at": wire(Utc::now() + TimeDelta::days(31)) })), ["#/expires_at out_of_range"]);
        assert_eq!(app.post(&format!("{SMALL}/agenda/previews"), &json!({})).status, 401);

        let other = make(json!({ "hours": 720 }));
        assert_eq!(app.admin("DELETE", &format!("{SMALL}/agenda/previews"), None).status, 204);
        for link in [&day, &other] {
            assert_eq!(preview(link).problem(), (403, "preview-expired".to_owned()));
        }
        assert_eq!(preview(&make(json!({ "hours": 1 }))).status, 200);
    }

    fn changes_between_any_two_releases_are_described(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        document["rooms"].as_array_mut().unwrap().push(json!({ "code": "library", "name": "Library" }));
        app.publish(&document);
        document["sessions"][0]["starts_at"] = json!("2030-05-01T08:30");
        document["sessions"][0]["ends_at"] = json!("2030-05-01T09:30");
        document["sessions"][0]["room"] = json!("library");
        app.publish(&document);
        document["sessions"][0]["items"][1]["appearances"] = json!([
            { "speaker": "ada", "role": "moderator", "on_behalf_of": "bob" }
        ]);
        document["sessions"][0]["items"][0]["title"] = json!("Hello");
        app.publish(&document);

        let changes_of = |query: &str| -> Vec<(Value, String)> {
            let changes = get(&app, &format!("{SMALL}/releases/{query}"))["changes"].clone();
            let words = |change: &Value| change["words"].as_str().unwrap_or_default().to_owned();
            let line = |change: &Value| (change["kinds"].clone(), words(change));
            changes.as_array().unwrap().iter().map(line).collect()
        };
        let moved = json!(["moved_in_time", "moved_in_room"]);
        assert_eq!(changes_of("2/changes"), [(
            moved.clone(),
            "“Opening” moves from 09:00 to 08:30 on 1 May 2030. “Opening” moves from “Hall” to “Library”.".to_owned()
        )]);
        assert_eq!(changes_of("2/changes?lang=fr")[0].1,
            "«\u{a0}Ouverture\u{a0}» passe de 09:00 à 08:30 le 1er mai 2030. \
             «\u{a0}Ouverture\u{a0}» passe de «\u{a0}Hall\u{a0}» à «\u{a0}Library\u{a0}».");
        assert_eq!(changes_of("2/changes?lang=nl")[0].1,
            "“Opening” verschuift van 09:00 naar 08:30 op 1 mei 2030. “Opening” verhuist van “Hall” naar “Library”.");
        assert_eq!(changes_of("3/changes"), [
            (json!(["renamed"]), "“Welcome” is now called “Hello”.".to_owned()),
            (json!(["speaker_changed"]),
             "Bob Noyce no longer takes part in “Talk”. Ada Lovelace has another part in “Talk”, on behalf of Bob Noyce."
                .to_owned()),
        ]);
        assert_eq!(changes_of("3/changes?since=1").len(), 3);
        assert_eq!(changes_of("1/changes?since=3")[0].1,
            "“Opening” moves from 08:30 to 09:00 on 1 May 2030. “Opening” moves from “Library” to “Hall”.");
        assert_eq!(changes_of("1/changes").iter().filter(|(kinds, _)| *kinds == json!(["added"])).count(), changes_of("1/changes").len());
        let all = get(&app, &format!("{SMALL}/releases/3/changes?lang=*"))["changes"][0]["words"].clone();
        assert_eq!(all["en"], "“Welcome” is now called “Hello”.");
        assert_eq!(all.as_object().unwrap().len(), 3);
        let refused = |query: &str| app.get(&format!("{SMALL}/releases/{query}")).faults();
        assert_eq!(refused("3/changes?since=9"), ["?since unknown_reference"]);
        assert_eq!(refused("3/changes?since=x"), ["?since invalid_number"]);
        assert_eq!(refused("3/changes?lang=de"), ["?lang unknown_language"]);
        assert_eq!(app.get(&format!("{SMALL}/releases/9/changes?since=1")).status, 404);

        // One is replaced by another.
        document["sessions"][0]["items"][1]["appearances"] = json!([{ "speaker": "bob", "role": "moderator" }]);
        app.publish(&document);
        assert_eq!(changes_of("4/changes")[0].1, "Bob Noyce replaces Ada Lovelace in “Talk”.");
    }

    fn an_added_or_removed_session_is_one_change_without_its_items(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        app.publish(&document);
        let hall = get(&app, &format!("{SMALL}/programme/rooms"))["data"][0]["id"].clone();
        document["rooms"][0]["name"] = json!("Foyer");
        document["rooms"][0]["id"] = hall;
        app.publish(&document);
        let words = |query: &str| -> Vec<Value> {
            let changes = get(&app, &format!("{SMALL}/releases/{query}"))["changes"].clone();
            changes.as_array().unwrap().iter().map(|change| change["words"].clone()).collect()
        };
        assert_eq!(words("2/changes?lang=fr"), ["La salle «\u{a0}Hall\u{a0}» s’appelle désormais «\u{a0}Foyer\u{a0}»."]);
        assert_eq!(words("2/changes?lang=en"), ["Room “Hall” is now called “Foyer”."]);
        document["sessions"] = json!([]);
        app.publish(&document);
        let removal = json!("“Opening” is no longer in the programme.");
        assert_eq!(words("3/changes"), [removal, Value::Null, Value::Null]);
        let back = words("2/changes?since=3&lang=*");
        assert_eq!(back[0]["en"], "“Opening” is new in the programme.");
        assert_eq!(back[1..], [Value::Null, Value::Null]);
    }

    fn a_cached_programme_is_stale_when_its_release_was_rewritten(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let programme = app.get_dated(&format!("{SMALL}/programme"));
        let released_at = get(&app, &format!("{SMALL}/releases/1"))["released_at"].as_str().unwrap().to_owned();
        let released_at: DateTime<Utc> = released_at.parse().unwrap();
        let modified = DateTime::parse_from_rfc2822(programme.header("last-modified").unwrap()).unwrap().to_utc();
        assert!(modified >= released_at && modified - released_at <= TimeDelta::seconds(1), "{modified} {released_at}");
        let old = app.get(&format!("{SMALL}/programme?version=1"));
        assert_eq!(old.header("cache-control"), Some("public, max-age=86400"), "not immutable");
    }
}
