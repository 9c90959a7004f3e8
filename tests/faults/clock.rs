//! Clocks that step back, and processes whose clocks differ.

use std::{path::PathBuf, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{
    check_in::conference,
    support::{
        App, Store,
        app::{Environment, person},
        on_both_stores, report_skipped,
        smtp::{self, Smtp},
    },
};

const CONFERENCE: &str = "/api/v1/conferences/small";

/// Debian's `libfaketime`, which changes the clock that a process sees.
fn faketime_library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|folder| folder.unwrap().path());
    let found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    if found.is_none() {
        report_skipped("no libfaketime (package libfaketime)");
    }
    found
}

/// The clock of a process, which the test sets.
struct Clock {
    file: PathBuf,
    faketime_library: String,
}

impl Clock {
    /// A clock that shows the right time; `None` without the library.
    fn create(environment: &Environment, name: &str) -> Option<Self> {
        let faketime_library = faketime_library()?.display().to_string();
        let clock = Self { file: environment.folder.0.join(name), faketime_library };
        clock.set("+0");
        Some(clock)
    }

    /// Sets the clock back (`-2`) or forward (`+2`) by seconds, at once.
    fn set(&self, seconds: &str) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, seconds).unwrap();
        std::fs::rename(&next, &self.file).unwrap();
    }

    fn start(&self, environment: &Arc<Environment>) -> App {
        environment.start_with(&[
            ("LD_PRELOAD", &self.faketime_library),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ])
    }
}

/// A service with a settable clock, and a conference that takes place today.
fn start(store: Store) -> Option<(App, Clock)> {
    let environment = Arc::new(Environment::new(store));
    let clock = Clock::create(&environment, "clock")?;
    let app = clock.start(&environment);
    app.publish(&conference());
    Some((app, clock))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn register(app: &App, number: usize) -> Value {
    let answer = app.post(&format!("{CONFERENCE}/registrations"), &person(number, "delegate"));
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn revoke(app: &App, receipt: &Value) {
    let body = json!({ "references": [receipt["reference"]] });
    let answer = app.admin("POST", &format!("{CONFERENCE}/registrations/revoke"), Some(&body));
    assert_eq!(answer.json()["changed"], 1, "{}", answer.text());
}

/// The payload of the QR code of a registration.
fn code(app: &App, receipt: &Value) -> String {
    let path = format!("{CONFERENCE}/registrations/{}/badge", text(&receipt["reference"]));
    text(&app.admin("GET", &path, None).json()["code"])
}

/// The answer to a scan: the outcome, or the reason of a refusal.
fn scan(app: &App, code: &str, at: Option<DateTime<Utc>>) -> String {
    let mut scan = json!({ "id": uuid::Uuid::now_v7().to_string(), "gate": "main", "code": code });
    if let Some(at) = at {
        scan["at"] = json!(at.to_rfc3339());
    }
    let answer = app.admin("POST", &format!("{CONFERENCE}/check-ins"), Some(&json!({ "check_ins": [scan] }))).json();
    let result = &answer["data"][0];
    text(if result["outcome"] == "refused" { &result["reason"] } else { &result["outcome"] })
}

/// The events of a history in their order; each is later than the one before.
fn history(app: &App, receipt: &Value) -> Vec<String> {
    let path = app.path_of(receipt["links"]["self"].as_str().unwrap()).to_owned();
    let history = app.get(&path).json()["history"].as_array().unwrap().clone();
    let at = |entry: &Value| DateTime::parse_from_rfc3339(entry["at"].as_str().unwrap()).unwrap();
    assert!(history.windows(2).all(|two| at(&two[0]) < at(&two[1])), "{history:?}");
    history.iter().map(|entry| text(&entry["event"])).collect()
}

fn assert_is_sound(app: &App) {
    let doctor = app.environment.run(&["doctor"]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
}

on_both_stores! {
    /// The scan was made after the revocation, and sent much later.
    fn a_clock_set_back_reverses_no_history_and_admits_no_revoked_person(store) {
        let Some((app, clock)) = start(store) else { return };
        let receipt = register(&app, 1);
        let code = code(&app, &receipt);
        clock.set("-600");
        revoke(&app, &receipt);
        assert_eq!(history(&app, &receipt), ["registered", "revoked"]);
        assert_is_sound(&app);
        clock.set("+3600");
        assert_eq!(scan(&app, &code, Some(Utc::now() + TimeDelta::minutes(20))), "revoked");
    }

    /// They were admitted and changed while the clock was ahead, so that both histories continue an hour ahead.
    fn a_person_revoked_after_a_clock_was_ahead_is_not_admitted_by_a_scanner(store) {
        let Some((app, clock)) = start(store) else { return };
        let receipt = register(&app, 1);
        let code = code(&app, &receipt);
        clock.set("+3600");
        assert_eq!(scan(&app, &code, None), "admitted");
        let path = format!("{CONFERENCE}/registrations/{}", text(&receipt["reference"]));
        let changed = app.admin("PATCH", &path, Some(&json!({ "family_name": "Married" })));
        assert_eq!(changed.status, 200, "{}", changed.text());
        clock.set("+0");
        revoke(&app, &receipt);
        assert_eq!(scan(&app, &code, Some(Utc::now())), "revoked");
        assert_is_sound(&app);
    }

    fn the_first_scan_stays_first_when_the_clock_goes_back(store) {
        let Some((app, clock)) = start(store) else { return };
        let code = code(&app, &register(&app, 1));
        assert_eq!(scan(&app, &code, None), "admitted");
        clock.set("-2");
        assert_eq!(scan(&app, &code, None), "admitted_again");
        let record = app.admin("GET", &format!("{CONFERENCE}/check-ins"), None).json()["data"].clone();
        let read = |entry: &Value| (text(&entry["outcome"]), text(&entry["told"]));
        let read: Vec<_> = record.as_array().unwrap().iter().map(read).collect();
        let both = |word: &str| (word.to_owned(), word.to_owned());
        assert_eq!(read, [both("admitted"), both("admitted_again")]);
        assert_is_sound(&app);
    }

    fn releases_are_later_than_those_before_when_the_clock_goes_back(store) {
        let Some((app, clock)) = start(store) else { return };
        let publish = || app.admin("POST", &format!("{CONFERENCE}/releases"), Some(&json!({}))).status;
        clock.set("-60");
        assert_eq!(publish(), 201);
        let all = app.admin("GET", &format!("{CONFERENCE}/releases"), None).json()["data"].clone();
        let at = |release: &Value| DateTime::parse_from_rfc3339(release["released_at"].as_str().unwrap()).unwrap();
        let mut all: Vec<_> = all.as_array().unwrap().iter().map(|one| (one["number"].as_i64(), at(one))).collect();
        all.sort();
        assert_eq!(all.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [Some(1), Some(2)]);
        assert!(all[0].1 < all[1].1, "{all:?}");
    }

    /// The clock of the second process is a minute behind the first, and its changes come later.
    fn processes_with_different_clocks_write_one_consistent_history(store) {
        let environment = Arc::new(Environment::new(store));
        let Some(clock) = Clock::create(&environment, "clock") else { return };
        let Some(late) = Clock::create(&environment, "late") else { return };
        late.set("-60");
        let first = clock.start(&environment);
        first.publish(&conference());
        let second = late.start(&environment);
        let roster = |since: &str| {
            first.admin("GET", &format!("{CONFERENCE}/check-ins/roster{since}"), None).json()
        };
        let receipt = register(&first, 1);
        let sync = text(&roster("")["sync"]);
        revoke(&second, &receipt);
        assert_eq!(history(&first, &receipt), ["registered", "revoked"]);
        // A scanner that has synchronised before gets this change.
        let changed = roster(&format!("?since={sync}"));
        assert_eq!(changed["data"][0]["status"], "revoked", "{changed}");
        for (app, name) in [(&first, "One"), (&second, "Two")] {
            let answer = app.admin("PATCH", &format!("{CONFERENCE}/agenda/rooms/hall"), Some(&json!({ "name": name })));
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let audit = format!("{CONFERENCE}/audit?operation=patch_agenda_room");
        let names = |path: &str| -> Vec<Value> {
            let page = first.admin("GET", path, None).json();
            page["data"].as_array().unwrap().iter().map(|entry| entry["after"]["name"].clone()).collect()
        };
        assert_eq!(names(&audit).len(), 2);
        assert_eq!(names(&format!("{audit}&limit=1")), [names(&audit)[0].clone()]);
        assert!(names(&audit)[0].to_string().contains("Two"), "{:?}", names(&audit));
        assert_is_sound(&first);
    }

    /// The holder of the lease died, and the clock was far ahead when it took the letter.
    fn a_lease_of_a_clock_that_was_ahead_delays_no_letter(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", "smtp://127.0.0.1:9"));
        let mut app = environment.start_shared();
        app.publish(&conference());
        register(&app, 1);
        app.kill();
        drop(app);
        environment.database.execute(
            "UPDATE outbox_messages SET lease_holder = id, leased_until = '2999-01-01T00:00:00.000000Z', \
             next_try_at = '2026-01-01T00:00:00.000000Z'",
        );
        let _app = Arc::into_inner(environment).unwrap().set("PLENARY_MAIL_URL", &smtp.url()).start();
        assert_eq!(smtp.wait_for(1)[0].to, ["person-1@example.org"]);
    }

    /// One letter was tried while the clock was ahead, one was queued then, and one is scheduled for later.
    fn letters_of_a_clock_that_was_ahead_do_not_wait_for_its_hour(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", "smtp://127.0.0.1:9"));
        let mut app = environment.start_shared();
        app.publish(&conference());
        for number in 1..4 {
            register(&app, number);
        }
        app.kill();
        drop(app);
        let of = |number: u8| format!("WHERE recipient = 'person-{number}@example.org'");
        let far = "'2999-01-01T00:00:00.000000Z'";
        let untried = "lease_holder = NULL, leased_until = NULL, last_error";
        for (number, change) in [
            (1, format!("lease_holder = NULL, leased_until = NULL, last_error = 'gone', next_try_at = {far}")),
            (2, format!("{untried} = NULL, next_try_at = {far}, created_at = {far}")),
            (3, format!("{untried} = NULL, next_try_at = {far}")),
        ] {
            environment.database.execute(&format!("UPDATE outbox_messages SET {change} {}", of(number)));
        }
        let mut app = Arc::into_inner(environment).unwrap().set("PLENARY_MAIL_URL", &smtp.url()).start();
        app.log.wait_for("messages waited for an instant of a clock that was ahead");
        let mut readers: Vec<_> = smtp.wait_for(2).iter().map(|message| message.to.clone()).collect();
        readers.sort();
        assert_eq!(readers, [["person-1@example.org"], ["person-2@example.org"]]);
        assert!(app.terminate().success());
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages WHERE state = 'waiting'"), 1);
    }
}
