//! A change of the time zone: what times keep, and what the change list, the notices and the set-up make of it.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{Environment, person, small_conference},
    on_both_stores,
};

const CONFERENCE: &str = "/api/v1/conferences/small";
const FIELDS: &str = "/api/v1/conferences/small/agenda/conference";

/// One session in the evening, for which people sign up; registration closes at a local time.
fn evening() -> Value {
    let mut blueprint = small_conference(None, None);
    let session = &mut blueprint["sessions"][0];
    (session["starts_at"], session["ends_at"]) = (json!("2030-05-01T22:00"), json!("2030-05-01T23:00"));
    (session["access"], session["seats"]) = (json!("sign_up"), json!(5));
    blueprint["registration"]["closes_at"] = json!("2030-04-01T18:00");
    blueprint["registration"]["categories"][0]["opens_at"] = json!("2026-01-01T08:00");
    blueprint
}

fn starts_at(app: &App) -> Value {
    app.admin("GET", &format!("{CONFERENCE}/agenda/sessions/opening"), None).json()["starts_at"].clone()
}

fn closes_at(app: &App) -> String {
    app.get(&format!("{CONFERENCE}/registration-form")).json()["closes_at"].as_str().unwrap().to_owned()
}

fn in_zone(app: &App, zone: &str, query: &str) -> crate::support::Answer {
    app.admin("PATCH", &format!("{FIELDS}{query}"), Some(&json!({ "time_zone": zone })))
}

/// Publishes the draft; the sentences of its changes, and the notices so far.
fn release(app: &App) -> (Vec<String>, i64) {
    let release = app.admin("POST", &format!("{CONFERENCE}/releases"), Some(&json!({})));
    assert_eq!(release.status, 201, "{}", release.text());
    assert!(app.environment.run(&["sweep"]).status.success());
    let number = release.json()["number"].as_i64().unwrap();
    let changes = app.get(&format!("{CONFERENCE}/releases/{number}/changes?lang=en")).json();
    let words = changes["changes"].as_array().unwrap().iter().filter_map(|change| change["words"].as_str());
    let words = words.map(str::to_owned).collect();
    (words, app.count("SELECT count(*) AS n FROM mail_broadcasts WHERE kind = 'session_changed'"))
}

on_both_stores! {
    fn a_new_time_zone_keeps_local_times_or_instants_as_the_organiser_says(store) {
        let app = Environment::new(store).start();
        app.publish(&evening());
        let mut application = person(1, "delegate");
        application["sessions"] = json!(["opening"]);
        assert_eq!(app.post(&format!("{CONFERENCE}/registrations"), &application).status, 201);

        let asked = in_zone(&app, "America/New_York", "");
        assert_eq!(asked.problem(), (409, "time-zone-changes".to_owned()));
        assert_eq!(asked.json()["readings"], json!({
            "session": "opening", "before": "2030-05-01T22:00:00+02:00", "local": "2030-05-01T22:00:00-04:00",
            "instant": "2030-05-01T16:00:00-04:00", "time_zone": "America/New_York"
        }));
        assert_eq!(in_zone(&app, "America/New_York", "?keep=both").status, 422);
        assert_eq!(in_zone(&app, "Europe/Brussels", "").status, 200, "no change needs no choice");
        assert_eq!(starts_at(&app), "2030-05-01T22:00:00+02:00");

        assert_eq!(in_zone(&app, "America/New_York", "?keep=local").status, 200);
        assert_eq!(starts_at(&app), "2030-05-01T22:00:00-04:00");
        assert_eq!(closes_at(&app), "2030-04-01T22:00:00Z", "18:00 in New York");
        let (words, notices) = release(&app);
        let moved = "“Opening” moves from 22:00 (Europe/Brussels) to 22:00 (America/New_York) on 1 May 2030.";
        let zone = "All times are now those of America/New_York, no longer those of Europe/Brussels.";
        assert_eq!(words, [zone, moved]);
        assert_eq!(notices, 1, "who is signed up hears of it");

        assert_eq!(in_zone(&app, "Europe/Brussels", "?keep=instant").status, 200);
        assert_eq!(starts_at(&app), "2030-05-02T04:00:00+02:00");
        assert_eq!(closes_at(&app), "2030-04-01T22:00:00Z");
        let (words, notices) = release(&app);
        assert_eq!(words, ["All times are now those of Europe/Brussels, no longer those of America/New_York."]);
        assert_eq!(notices, 1, "nothing moved");
    }

    fn a_document_with_a_new_time_zone_keeps_its_local_times(store) {
        let app = Environment::new(store).start();
        app.publish(&evening());
        let document = |path: &str, zone: &str| {
            let mut document = app.admin("GET", &format!("{CONFERENCE}/{path}"), None).json();
            document["conference"]["time_zone"] = json!(zone);
            document
        };
        let put = |path: &str, document: &Value| app.admin("PUT", &format!("{CONFERENCE}/{path}"), Some(document));
        let blueprint = document("blueprint", "America/New_York");
        assert_eq!(put("blueprint", &blueprint).status, 200);
        assert_eq!((starts_at(&app), closes_at(&app)), (json!("2030-05-01T22:00:00-04:00"), "2030-04-01T22:00:00Z".to_owned()));
        let back = document("blueprint", "Europe/Brussels");
        assert_eq!(put("blueprint?keep=instant", &back).status, 200);
        assert_eq!((starts_at(&app), closes_at(&app)), (json!("2030-05-02T04:00:00+02:00"), "2030-04-01T22:00:00Z".to_owned()));

        let agenda = document("agenda", "America/New_York");
        assert_eq!(put("agenda", &agenda).problem(), (409, "time-zone-changes".to_owned()));
        assert_eq!(put("agenda?keep=local", &agenda).status, 200);
        assert_eq!((starts_at(&app), closes_at(&app)), (json!("2030-05-02T04:00:00-04:00"), "2030-04-02T04:00:00Z".to_owned()));
        let file = app.environment.folder.write("mine.json", &document("blueprint", "Asia/Tokyo").to_string());
        let applied = app.environment.run(&["apply", file.to_str().unwrap()]);
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        assert_eq!(starts_at(&app), "2030-05-02T04:00:00+09:00");
    }

    fn a_local_time_that_the_new_zone_lacks_is_an_error_that_names_the_session(store) {
        let app = Environment::new(store).start();
        let mut blueprint = evening();
        blueprint["conference"]["time_zone"] = json!("Africa/Lagos");
        blueprint["conference"]["starts_on"] = json!("2030-03-31");
        blueprint["sessions"][0]["starts_at"] = json!("2030-03-31T02:30");
        blueprint["sessions"][0]["ends_at"] = json!("2030-03-31T04:00");
        app.publish(&blueprint);
        let asked = in_zone(&app, "Europe/Brussels", "");
        assert_eq!(asked.json()["readings"]["local"], Value::Null, "{}", asked.text());
        let refused = in_zone(&app, "Europe/Brussels", "?keep=local");
        assert_eq!(refused.faults(), ["#/time_zone impossible_time"]);
        assert!(refused.text().contains("session opening: starts_at does not exist in Europe/Brussels"), "{}", refused.text());
        assert_eq!(starts_at(&app), "2030-03-31T02:30:00+01:00", "nothing is half done");
        // The set-up has times of its own.
        let mut setup = app.admin("GET", &format!("{CONFERENCE}/registration-setup"), None).json();
        setup["closes_at"] = json!("2029-03-25T02:30");
        assert_eq!(app.admin("PUT", &format!("{CONFERENCE}/registration-setup"), Some(&setup)).status, 200);
        let session = json!({ "starts_at": "2030-03-31T05:00", "ends_at": "2030-03-31T06:00" });
        assert_eq!(app.admin("PATCH", &format!("{CONFERENCE}/agenda/sessions/opening"), Some(&session)).status, 200);
        let refused = in_zone(&app, "Europe/Brussels", "?keep=local");
        assert_eq!(refused.faults(), ["#/time_zone impossible_time"]);
        assert!(refused.text().contains("registration/closes_at does not exist in Europe/Brussels"), "{}", refused.text());
        assert_eq!(starts_at(&app), "2030-03-31T05:00:00+01:00");
        assert_eq!(in_zone(&app, "Europe/Brussels", "?keep=instant").status, 200);
    }
}
