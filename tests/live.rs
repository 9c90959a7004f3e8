//! Server-sent events and signals between processes: releases, and the events of a programme.

use std::{sync::Arc, time::Instant as Timer};

use chrono::{SecondsFormat, SubsecRound as _, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{
    Store,
    app::{Environment, small_conference},
    events::{Event, Events},
    on_both_stores,
};

const SMALL: &str = "/api/v1/conferences/small";
const EVENTS: &str = "/api/v1/conferences/small/programme/events";

/// Number of connections of other processes that listen for releases.
const LISTENING: &str = "pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN plenary_releases'";

fn with_title(title: &str) -> Value {
    let mut document = small_conference(None, None);
    document["sessions"][0]["title"] = json!(title);
    document
}

fn titles(changes: &Value) -> Vec<&str> {
    changes.as_array().unwrap().iter().map(|change| change["words"].as_str().unwrap()).collect()
}

/// The small conference with an opening that begins in two seconds: a talk of a minute, then another.
fn starting_soon() -> Value {
    let starts_at = Utc::now().trunc_subsecs(0) + TimeDelta::seconds(2);
    let wire = |seconds| (starts_at + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut document = small_conference(None, None);
    document["conference"]["time_zone"] = json!("UTC");
    document["conference"]["starts_on"] = json!(wire(-86400)[..10]);
    document["conference"]["ends_on"] = json!(wire(86400)[..10]);
    let session = &mut document["sessions"][0];
    session["starts_at"] = json!(wire(0));
    session["ends_at"] = json!(wire(600));
    session["items"][0]["time_limit_minutes"] = json!(5);
    document
}

on_both_stores! {
    fn releases_of_another_process_are_served_at_once(store) {
        let environment = Arc::new(Environment::new(store));
        let (publisher, other) = (environment.start_shared(), environment.start_shared());
        publisher.publish(&with_title("First"));
        other.log.wait_for("serving a release");
        let started = Timer::now();
        for title in ["Second", "Third", "Fourth", "Fifth"] {
            publisher.publish(&with_title(title));
            other.log.wait_for("serving a release");
        }
        // Polling would have taken 15 seconds at least.
        assert!(started.elapsed().as_secs() < 12, "{:?}", started.elapsed());
    }

    fn a_listener_gets_a_release_event_with_changes_in_their_language(store) {
        let app = Environment::new(store).start();
        app.publish(&with_title("First"));
        let mut events = Events::open(&app, "small", "", &[("accept-language", "fr")]);
        assert_eq!(events.headers["content-type"], "text/event-stream");
        assert_eq!(events.headers["cache-control"], "no-cache");
        assert_eq!(events.headers["x-accel-buffering"], "no");
        assert_eq!(events.headers["content-language"], "fr");
        let connected = events.expect("connected");
        assert_eq!(connected.data["number"], 1);
        assert!(connected.id.starts_with("1-"), "{connected:?}");
        assert_eq!(events.retry.as_deref(), Some("5000"));
        app.publish(&with_title("Second"));
        let release = events.expect("release");
        let changes = app.get(&format!("{SMALL}/releases/2/changes?lang=fr")).json();
        assert_eq!((&release.data["number"], &release.data["since"]), (&json!(2), &json!(1)));
        assert_eq!(release.data["changes"], changes["changes"]);
        assert_eq!(release.data["changes_count"], 1);
        assert!(titles(&release.data["changes"])[0].contains("Second"), "{release:?}");
        assert!(release.id.starts_with("2-"), "{release:?}");
    }

    fn a_reconnected_listener_gets_missed_changes_once(store) {
        let app = Environment::new(store).start();
        app.publish(&with_title("First"));
        let known = Events::open(&app, "small", "", &[]).expect("connected");
        app.publish(&with_title("Second"));
        app.publish(&with_title("Third"));
        let by_query = format!("?last_event_id={}", known.id);
        let mut by_query = Events::open(&app, "small", &by_query, &[]);
        let mut by_header = Events::open(&app, "small", "?last_event_id=1-0-0", &[("last-event-id", &known.id)]);
        for events in [&mut by_query, &mut by_header] {
            let connected = events.expect("connected");
            assert_eq!((&connected.data["number"], &connected.id), (&json!(3), &known.id));
            let release = events.expect("release");
            assert_eq!((&release.data["number"], &release.data["since"]), (&json!(3), &json!(1)));
            let mut repeated = Events::open(&app, "small", "", &[("last-event-id", &release.id)]);
            assert_eq!(repeated.expect("connected").id, release.id);
        }
        app.publish(&with_title("Fourth"));
        for events in [&mut by_query, &mut by_header] {
            assert_eq!(events.expect("release").data["since"], 3, "nothing is told twice");
        }
        let mut events = Events::open(&app, "small", "", &[("last-event-id", "nonsense")]);
        assert!(events.expect("connected").id.starts_with("4-"), "a browser cannot mend what it sends");
        assert_eq!(app.get(&format!("{EVENTS}?last_event_id=nonsense")).faults(), ["?last_event_id malformed"]);
    }

    fn a_listener_is_told_to_reload_a_redacted_release(store) {
        let app = Environment::new(store).start();
        app.publish(&with_title("First"));
        let mut events = Events::open(&app, "small", "", &[]);
        let connected = events.expect("connected");
        assert_eq!(app.admin("POST", &format!("{SMALL}/agenda/speakers/ada/redact"), Some(&json!({}))).status, 200);
        let mut reconnected = Events::open(&app, "small", "", &[("last-event-id", &connected.id)]);
        reconnected.expect("connected");
        let received = events.expect("redacted");
        assert_eq!(received.data["number"], 1);
        assert!(!received.data.to_string().contains("Ada"), "{received:?}");
        assert_eq!(reconnected.expect("redacted").data, received.data);
    }

    fn a_listener_gets_an_event_when_something_starts_by_the_schedule(store) {
        let app = Environment::new(store).start();
        let document = starting_soon();
        app.publish(&document);
        let mut events = Events::open(&app, "small", "?lang=fr", &[]);
        let connected = events.expect("connected");
        let session = events.expect("session_started");
        assert_eq!((&session.data["code"], &session.data["title"]), (&json!("opening"), &json!("Ouverture")));
        assert_eq!(session.data["at"], document["sessions"][0]["starts_at"]);
        assert_eq!(session.data["room"], json!({ "code": "hall", "name": "Hall" }));
        let item = events.expect("item_started");
        assert_eq!((&item.data["code"], &item.data["kind"]), (&json!("welcome"), &json!("keynote")));
        assert_eq!(item.data["session"], json!({ "code": "opening", "title": "Ouverture" }));
        assert_eq!(session.id, connected.id, "whoever is cut off between two events of a moment hears both again");
        let mut reconnected = Events::open(&app, "small", "?lang=fr", &[("last-event-id", &connected.id)]);
        reconnected.expect("connected");
        let received: Vec<Event> = vec![reconnected.expect("session_started"), reconnected.expect("item_started")];
        assert_eq!((&received[0].data, &received[1].data, &received[1].id), (&session.data, &item.data, &item.id));
    }

    fn a_reconnected_listener_gets_what_finished_meanwhile(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        document["conference"]["starts_on"] = json!("2020-05-01");
        document["conference"]["ends_on"] = json!("2020-05-02");
        document["sessions"][0]["starts_at"] = json!("2020-05-01T09:00");
        document["sessions"][0]["ends_at"] = json!("2020-05-01T10:00");
        document["sessions"][0]["items"][0]["time_limit_minutes"] = json!(30);
        document["sessions"][0]["items"][1]["time_limit_minutes"] = json!(30);
        app.publish(&document);
        let connected = Events::open(&app, "small", "", &[]).expect("connected");
        let (release, _) = connected.id.rsplit_once('-').unwrap();
        let mut events = Events::open(&app, "small", "", &[("last-event-id", &format!("{release}-0"))]);
        events.expect("connected");
        let received: Vec<Event> = (0..6).map(|_| events.next().unwrap()).collect();
        let received: Vec<_> = received.iter().map(|event| (event.name.as_str(), event.data["code"].as_str().unwrap())).collect();
        assert_eq!(received, [
            ("session_started", "opening"), ("item_started", "welcome"),
            ("item_finished", "welcome"), ("item_started", "talk"),
            ("item_finished", "talk"), ("session_finished", "opening"),
        ]);
    }

    fn hundreds_of_listeners_get_a_release_of_another_process_and_do_not_delay_a_stop(store) {
        let environment = Arc::new(Environment::new(store));
        let (publisher, mut other) = (environment.start_shared(), environment.start_shared());
        publisher.publish(&with_title("First"));
        other.log.wait_for("serving a release");
        let mut all: Vec<_> = (0..500).map(|_| Events::open(&other, "small", "", &[])).collect();
        publisher.publish(&with_title("Second"));
        for events in &mut all {
            events.expect("connected");
            assert_eq!(events.expect("release").data["number"], 2);
        }
        assert!(other.terminate().success());
        for events in &mut all {
            assert!(events.next().is_none(), "the answer has a proper end");
        }
    }

    fn an_event_stream_ends_with_its_conference(store) {
        let app = Environment::new(store).start();
        assert_eq!(app.get(EVENTS).problem(), (404, "not-found".to_owned()));
        app.publish(&with_title("First"));
        let mut events = Events::open(&app, "small", "", &[]);
        events.expect("connected");
        let deleted = app.admin("DELETE", SMALL, None);
        assert_eq!(deleted.status, 204, "{}", deleted.text());
        assert!(events.next().is_none());
    }
}

#[test]
fn the_number_of_listeners_is_limited_by_the_setting() {
    let app = Environment::new(Store::Sqlite).set("PLENARY_EVENT_LISTENERS_MAX", "1").start();
    app.publish(&with_title("First"));
    for _ in 0..3 {
        assert_eq!(app.send("HEAD", EVENTS, &[], None).status, 200, "whoever asks for the head alone takes no place");
    }
    let mut events = Events::open(&app, "small", "", &[]);
    events.expect("connected");
    let refused = app.get(EVENTS);
    assert_eq!(refused.problem(), (503, "unavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("30"));
    assert_eq!(app.get(&format!("{EVENTS}?lang=xx")).faults(), ["?lang unknown_language"]);
}

#[test]
fn a_process_whose_store_connection_is_cut_listens_again() {
    if !crate::support::store::postgres_is_available() {
        return;
    }
    let environment =
        Environment::new(Store::Postgres).set("PLENARY_LOG", "plenary=info,plenary::database::changes=debug");
    let environment = Arc::new(environment);
    let (publisher, other) = (environment.start_shared(), environment.start_shared());
    other.log.wait_for("listening for releases");
    publisher.publish(&with_title("First"));
    other.log.wait_for("serving a release");
    environment.database.execute(&format!("SELECT pg_terminate_backend(pid) FROM {LISTENING}"));
    other.log.wait_for("listening for releases");
    assert!(environment.database.count(&format!("SELECT count(*) AS n FROM {LISTENING}")) >= 1);
    let started = Timer::now();
    for title in ["Second", "Third", "Fourth", "Fifth"] {
        publisher.publish(&with_title(title));
        other.log.wait_for("serving a release");
    }
    assert!(started.elapsed().as_secs() < 12, "{:?}", started.elapsed());
}
