//! What happens is told as it happens: releases of other processes, and the events of a programme.

use std::{sync::Arc, time::Instant as Stopwatch};

use chrono::{SecondsFormat, SubsecRound as _, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{
    Store,
    app::{World, small_conference},
    events::{Event, Events},
    on_both_stores,
};

const SMALL: &str = "/api/v1/conferences/small";
const EVENTS: &str = "/api/v1/conferences/small/programme/events";

/// Connections of other processes on which releases are listened to.
const LISTENING: &str = "pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN plenary_releases'";

fn titled(title: &str) -> Value {
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
        let world = Arc::new(World::new(store));
        let (one, other) = (world.start_shared(), world.start_shared());
        one.publish(&titled("First"));
        other.log.wait_for("serving a release");
        let started = Stopwatch::now();
        for title in ["Second", "Third", "Fourth", "Fifth"] {
            one.publish(&titled(title));
            other.log.wait_for("serving a release");
        }
        // Found by looking now and then, they would have taken 15 seconds at the least.
        assert!(started.elapsed().as_secs() < 12, "{:?}", started.elapsed());
    }

    fn a_listener_hears_of_a_release_with_its_changes_in_their_language(store) {
        let app = World::new(store).start();
        app.publish(&titled("First"));
        let mut events = Events::open(&app, "small", "", &[("accept-language", "fr")]);
        assert_eq!(events.headers["content-type"], "text/event-stream");
        assert_eq!(events.headers["cache-control"], "no-cache");
        assert_eq!(events.headers["x-accel-buffering"], "no");
        assert_eq!(events.headers["content-language"], "fr");
        let connected = events.expect("connected");
        assert_eq!(connected.data["number"], 1);
        assert!(connected.id.starts_with("1-"), "{connected:?}");
        assert_eq!(events.retry.as_deref(), Some("5000"));
        app.publish(&titled("Second"));
        let release = events.expect("release");
        let changes = app.get(&format!("{SMALL}/releases/2/changes?lang=fr")).json();
        assert_eq!((&release.data["number"], &release.data["since"]), (&json!(2), &json!(1)));
        assert_eq!(release.data["changes"], changes["changes"]);
        assert_eq!(release.data["changes_count"], 1);
        assert!(titles(&release.data["changes"])[0].contains("Second"), "{release:?}");
        assert!(release.id.starts_with("2-"), "{release:?}");
    }

    fn whoever_comes_back_hears_once_what_changed_meanwhile(store) {
        let app = World::new(store).start();
        app.publish(&titled("First"));
        let known = Events::open(&app, "small", "", &[]).expect("connected");
        app.publish(&titled("Second"));
        app.publish(&titled("Third"));
        let by_query = format!("?last_event_id={}", known.id);
        let mut by_query = Events::open(&app, "small", &by_query, &[]);
        let mut by_header = Events::open(&app, "small", "?last_event_id=1-0-0", &[("last-event-id", &known.id)]);
        for events in [&mut by_query, &mut by_header] {
            let connected = events.expect("connected");
            assert_eq!((&connected.data["number"], &connected.id), (&json!(3), &known.id));
            let release = events.expect("release");
            assert_eq!((&release.data["number"], &release.data["since"]), (&json!(3), &json!(1)));
            let mut again = Events::open(&app, "small", "", &[("last-event-id", &release.id)]);
            assert_eq!(again.expect("connected").id, release.id);
        }
        app.publish(&titled("Fourth"));
        for events in [&mut by_query, &mut by_header] {
            assert_eq!(events.expect("release").data["since"], 3, "nothing is told twice");
        }
        let mut events = Events::open(&app, "small", "", &[("last-event-id", "nonsense")]);
        assert!(events.expect("connected").id.starts_with("4-"), "a browser cannot mend what it sends");
        assert_eq!(app.get(&format!("{EVENTS}?last_event_id=nonsense")).faults(), ["?last_event_id malformed"]);
    }

    fn a_listener_hears_that_a_release_is_to_be_read_again(store) {
        let app = World::new(store).start();
        app.publish(&titled("First"));
        let mut events = Events::open(&app, "small", "", &[]);
        let known = events.expect("connected");
        assert_eq!(app.admin("POST", &format!("{SMALL}/agenda/speakers/ada/redact"), Some(&json!({}))).status, 200);
        let mut later = Events::open(&app, "small", "", &[("last-event-id", &known.id)]);
        later.expect("connected");
        let told = events.expect("redacted");
        assert_eq!(told.data["number"], 1);
        assert!(!told.data.to_string().contains("Ada"), "{told:?}");
        assert_eq!(later.expect("redacted").data, told.data);
    }

    fn what_starts_by_the_schedule_is_told_when_it_starts(store) {
        let app = World::new(store).start();
        let document = starting_soon();
        app.publish(&document);
        let mut events = Events::open(&app, "small", "?lang=fr", &[]);
        let known = events.expect("connected");
        let session = events.expect("session_started");
        assert_eq!((&session.data["code"], &session.data["title"]), (&json!("opening"), &json!("Ouverture")));
        assert_eq!(session.data["at"], document["sessions"][0]["starts_at"]);
        assert_eq!(session.data["room"], json!({ "code": "hall", "name": "Hall" }));
        let item = events.expect("item_started");
        assert_eq!((&item.data["code"], &item.data["kind"]), (&json!("welcome"), &json!("keynote")));
        assert_eq!(item.data["session"], json!({ "code": "opening", "title": "Ouverture" }));
        assert_eq!(session.id, known.id, "whoever is cut off between two events of a moment hears both again");
        let mut later = Events::open(&app, "small", "?lang=fr", &[("last-event-id", &known.id)]);
        later.expect("connected");
        let told: Vec<Event> = vec![later.expect("session_started"), later.expect("item_started")];
        assert_eq!((&told[0].data, &told[1].data, &told[1].id), (&session.data, &item.data, &item.id));
    }

    fn what_finished_meanwhile_is_told_to_whoever_comes_back(store) {
        let app = World::new(store).start();
        let mut document = small_conference(None, None);
        document["conference"]["starts_on"] = json!("2020-05-01");
        document["conference"]["ends_on"] = json!("2020-05-02");
        document["sessions"][0]["starts_at"] = json!("2020-05-01T09:00");
        document["sessions"][0]["ends_at"] = json!("2020-05-01T10:00");
        document["sessions"][0]["items"][0]["time_limit_minutes"] = json!(30);
        document["sessions"][0]["items"][1]["time_limit_minutes"] = json!(30);
        app.publish(&document);
        let known = Events::open(&app, "small", "", &[]).expect("connected");
        let (release, _) = known.id.rsplit_once('-').unwrap();
        let mut events = Events::open(&app, "small", "", &[("last-event-id", &format!("{release}-0"))]);
        events.expect("connected");
        let told: Vec<Event> = (0..6).map(|_| events.next().unwrap()).collect();
        let told: Vec<_> = told.iter().map(|event| (event.name.as_str(), event.data["code"].as_str().unwrap())).collect();
        assert_eq!(told, [
            ("session_started", "opening"), ("item_started", "welcome"),
            ("item_finished", "welcome"), ("item_started", "talk"),
            ("item_finished", "talk"), ("session_finished", "opening"),
        ]);
    }

    fn hundreds_hear_of_a_release_that_another_process_published_and_none_holds_up_the_stop(store) {
        let world = Arc::new(World::new(store));
        let (one, mut other) = (world.start_shared(), world.start_shared());
        one.publish(&titled("First"));
        other.log.wait_for("serving a release");
        let mut all: Vec<_> = (0..500).map(|_| Events::open(&other, "small", "", &[])).collect();
        one.publish(&titled("Second"));
        for events in &mut all {
            events.expect("connected");
            assert_eq!(events.expect("release").data["number"], 2);
        }
        assert!(other.terminate().success());
        for events in &mut all {
            assert!(events.next().is_none(), "the answer has a proper end");
        }
    }

    fn an_answer_ends_with_its_conference(store) {
        let app = World::new(store).start();
        assert_eq!(app.get(EVENTS).problem(), (404, "not-found".to_owned()));
        app.publish(&titled("First"));
        let mut events = Events::open(&app, "small", "", &[]);
        events.expect("connected");
        let deleted = app.admin("DELETE", SMALL, None);
        assert_eq!(deleted.status, 204, "{}", deleted.text());
        assert!(events.next().is_none());
    }
}

#[test]
fn there_are_at_most_as_many_listeners_as_the_setting_says() {
    let app = World::new(Store::Sqlite).set("PLENARY_EVENT_LISTENERS_MAX", "1").start();
    app.publish(&titled("First"));
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
fn a_process_whose_connection_is_cut_listens_again() {
    if !crate::support::store::postgres_is_there() {
        return;
    }
    let world = World::new(Store::Postgres).set("PLENARY_LOG", "plenary=info,plenary::database::changes=debug");
    let world = Arc::new(world);
    let (one, other) = (world.start_shared(), world.start_shared());
    other.log.wait_for("listening for releases");
    one.publish(&titled("First"));
    other.log.wait_for("serving a release");
    world.database.execute(&format!("SELECT pg_terminate_backend(pid) FROM {LISTENING}"));
    other.log.wait_for("listening for releases");
    assert!(world.database.count(&format!("SELECT count(*) AS n FROM {LISTENING}")) >= 1);
    let started = Stopwatch::now();
    for title in ["Second", "Third", "Fourth", "Fifth"] {
        one.publish(&titled(title));
        other.log.wait_for("serving a release");
    }
    assert!(started.elapsed().as_secs() < 12, "{:?}", started.elapsed());
}
