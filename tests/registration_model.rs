//! Registrations against a model: after random operations in random order the service agrees with the
//! model; and concurrent operations keep the invariants.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    check_in::conference,
    support::{
        App,
        app::{Environment, person},
        http::Answer,
        on_both_stores,
    },
};

/// An operation of organisers or attendees; a number selects a person (modulo their number).
#[derive(Debug, Clone)]
enum Operation {
    Register(usize),
    Verify(usize),
    Approve(usize),
    Reject(usize),
    Revoke(usize),
    Cancel(usize),
    Promote(usize),
    Accept(usize),
    CheckIn(usize),
    /// Undoes the person's latest admission.
    Undo(usize),
    /// The time to verify, or the offer, expires.
    Expire(usize),
    /// Sets the seats of the conference (0), or of a category.
    Seats(usize, u32),
}

/// The categories: plain, with approval, with verification, with offers, and with verification and approval.
const CODES: [&str; 5] = ["plain", "decided", "verified", "offered", "both"];

fn needs_approval(category: usize) -> bool {
    category == 1 || category == 4
}

fn verifies_email(category: usize) -> bool {
    category == 2 || category == 4
}

fn operation() -> impl Strategy<Value = Operation> {
    let person = || 0..64_usize;
    prop_oneof![
        8 => (0..CODES.len()).prop_map(Operation::Register),
        4 => person().prop_map(Operation::Verify),
        4 => person().prop_map(Operation::Approve),
        1 => person().prop_map(Operation::Reject),
        1 => person().prop_map(Operation::Revoke),
        3 => person().prop_map(Operation::Cancel),
        1 => person().prop_map(Operation::Promote),
        2 => person().prop_map(Operation::Accept),
        3 => person().prop_map(Operation::CheckIn),
        1 => person().prop_map(Operation::Undo),
        1 => person().prop_map(Operation::Expire),
        2 => (0..=CODES.len(), 0..6_u32).prop_map(|(index, seats)| Operation::Seats(index, seats)),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Person {
    category: usize,
    state: &'static str,
    arrival: usize,
    has_offer: bool,
    /// Admissions that were not undone, of today at the only gate.
    admissions: usize,
}

impl Person {
    fn holds_seat(&self) -> bool {
        self.state == "confirmed" || self.has_offer
    }

    fn is_final(&self) -> bool {
        ["rejected", "expired", "cancelled", "revoked"].contains(&self.state)
    }
}

/// The table of states in its simplest form.
struct Model {
    seats: Vec<u32>,
    people: Vec<Person>,
    arrivals: usize,
}

impl Model {
    fn taken_seats(&self, index: usize) -> u32 {
        let counts = |person: &&Person| person.holds_seat() && (index == 0 || person.category + 1 == index);
        u32::try_from(self.people.iter().filter(counts).count()).unwrap()
    }

    fn has_seat(&self, category: usize) -> bool {
        self.taken_seats(0) < self.seats[0] && self.taken_seats(category + 1) < self.seats[category + 1]
    }

    fn admit(&mut self, number: usize, approved: bool) {
        let category = self.people[number].category;
        let seat = self.has_seat(category);
        self.people[number].state = match (needs_approval(category) && !approved, seat) {
            (true, _) => "pending",
            (false, true) => "confirmed",
            (false, false) => "waitlisted",
        };
    }

    fn promote_waiting(&mut self) {
        loop {
            let is_waiting = |person: &&Person| person.state == "waitlisted" && !person.has_offer;
            let first = self.people.iter().filter(is_waiting).filter(|person| self.has_seat(person.category));
            let Some(first) = first.min_by_key(|person| person.arrival).map(|person| person.arrival) else { return };
            let person = self.people.iter_mut().find(|person| person.arrival == first).unwrap();
            if person.category == 3 {
                person.has_offer = true;
            } else {
                person.state = "confirmed";
            }
        }
    }

    /// Applies an operation and returns the expected answer of the service.
    fn apply(&mut self, operation: &Operation) -> &'static str {
        let number = match operation {
            Operation::Register(category) => {
                self.arrivals += 1;
                let person = Person {
                    category: *category,
                    state: "unverified",
                    arrival: self.arrivals,
                    has_offer: false,
                    admissions: 0,
                };
                self.people.push(person);
                if !verifies_email(*category) {
                    self.admit(self.people.len() - 1, false);
                }
                return "done";
            }
            Operation::Seats(index, seats) => {
                if *seats < self.taken_seats(*index) {
                    return "seats-taken";
                }
                self.seats[*index] = *seats;
                self.promote_waiting();
                return "done";
            }
            Operation::Verify(number)
            | Operation::Approve(number)
            | Operation::Reject(number)
            | Operation::Revoke(number)
            | Operation::Cancel(number)
            | Operation::Promote(number)
            | Operation::Accept(number)
            | Operation::CheckIn(number)
            | Operation::Undo(number)
            | Operation::Expire(number) => {
                if self.people.is_empty() {
                    return "nobody";
                }
                number % self.people.len()
            }
        };
        let before = self.people[number].clone();
        match operation {
            Operation::Verify(_) if before.state == "unverified" => self.admit(number, false),
            Operation::Approve(_) if before.state == "pending" => self.admit(number, true),
            Operation::Approve(_) if ["confirmed", "waitlisted"].contains(&before.state) => return "unchanged",
            Operation::Reject(_) if ["pending", "waitlisted"].contains(&before.state) => {
                self.people[number].state = "rejected";
                self.people[number].has_offer = false;
            }
            Operation::Reject(_) if before.state == "rejected" => return "unchanged",
            Operation::Revoke(_) if before.state == "confirmed" => self.people[number].state = "revoked",
            Operation::Revoke(_) if before.state == "revoked" => return "unchanged",
            Operation::Cancel(_) if !before.is_final() => {
                self.people[number].state = "cancelled";
                self.people[number].has_offer = false;
            }
            Operation::Promote(_) if before.state == "waitlisted" => {
                if !before.has_offer && !self.has_seat(before.category) {
                    return "registration-full";
                }
                self.people[number].state = "confirmed";
                self.people[number].has_offer = false;
            }
            Operation::Accept(_) if before.has_offer => {
                self.people[number].state = "confirmed";
                self.people[number].has_offer = false;
            }
            Operation::CheckIn(_) => {
                return match before.state {
                    "confirmed" => {
                        self.people[number].admissions += 1;
                        if before.admissions == 0 { "admitted" } else { "admitted_again" }
                    }
                    "cancelled" | "revoked" => before.state,
                    _ => "not_confirmed",
                };
            }
            Operation::Undo(_) if before.admissions == 0 => return "nobody",
            Operation::Undo(_) => {
                self.people[number].admissions -= 1;
                return "done";
            }
            Operation::Expire(_) if before.state == "unverified" => self.people[number].state = "expired",
            Operation::Expire(_) if before.has_offer => {
                self.arrivals += 1;
                self.people[number].arrival = self.arrivals;
                self.people[number].has_offer = false;
            }
            Operation::Expire(_) => return "nobody",
            _ => return "wrong-state",
        }
        self.promote_waiting();
        "done"
    }

    /// A line for each person with the state, in the order of arrival.
    fn state_lines(&self) -> Vec<String> {
        let mut lines: Vec<(usize, String)> = Vec::new();
        for (number, person) in self.people.iter().enumerate() {
            let offer = if person.has_offer { "offer" } else { "none" };
            lines.push((person.arrival, format!("person-{number}@example.org {} {offer}", person.state)));
        }
        lines.sort();
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// The address with which a person registered, also after it was erased: people register in the order of their numbers.
const PERSON: &str =
    "'person-' || CAST(row_number() OVER (ORDER BY r.created_at, r.id) - 1 AS text) || '@example.org '";

/// A conference for one test case.
struct TestConference<'a> {
    app: &'a App,
    slug: String,
    setup: Value,
    /// The admitted scans of each person that were not undone.
    admissions: HashMap<usize, Vec<String>>,
}

impl<'a> TestConference<'a> {
    fn create(app: &'a App, slug: String, seats: &[u32]) -> Self {
        let mut blueprint = conference();
        blueprint["conference"]["slug"] = json!(slug);
        let categories: Vec<Value> = CODES
            .iter()
            .enumerate()
            .map(|(index, code)| {
                json!({
                    "code": code, "name": code, "seats": seats[index + 1], "needs_approval": needs_approval(index),
                    "verifies_email": verifies_email(index), "offer_hours": (index == 3).then_some(24),
                })
            })
            .collect();
        blueprint["registration"] = json!({ "seats": seats[0], "categories": categories });
        app.publish(&blueprint);
        let setup = app.admin("GET", &format!("/api/v1/conferences/{slug}/registration-setup"), None).json();
        Self { app, slug, setup, admissions: HashMap::new() }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/conferences/{}/{rest}", self.slug)
    }

    fn lines(&self, what: &str) -> Vec<String> {
        let joins = "FROM registrations r JOIN conferences c ON c.id = r.conference_id";
        let statement = format!("SELECT {what} AS n {joins} WHERE c.slug = '{}' ORDER BY r.arrival", self.slug);
        self.app.environment.database.texts(&statement)
    }

    fn reference(&self, number: usize) -> String {
        let prefix = format!("person-{number}@example.org ");
        let lines = self.lines(&format!("{PERSON} || r.reference"));
        lines.iter().find_map(|line| line.strip_prefix(&prefix)).unwrap().to_owned()
    }

    fn state_lines(&self) -> Vec<String> {
        let offer = "CASE WHEN r.offer_expires_at IS NULL THEN ' none' ELSE ' offer' END";
        self.lines(&format!("{PERSON} || r.state || {offer}"))
    }

    /// Applies an operation over HTTP and returns the answer in the terms of the model.
    fn apply(&mut self, operation: &Operation, people: usize) -> String {
        let post = |path: &str, body: &Value| self.app.admin("POST", &self.path(path), Some(body));
        let outcome = |answer: Answer| if answer.status < 300 { "done".to_owned() } else { answer.problem().1 };
        let decide = |what: &str, number: usize| {
            let answer =
                post(&format!("registrations/{what}"), &json!({ "references": [self.reference(number)] })).json();
            match (&answer["changed"], &answer["unchanged"]) {
                (changed, _) if *changed == 1 => "done".to_owned(),
                (_, unchanged) if *unchanged == 1 => "unchanged".to_owned(),
                _ => answer["data"][0]["problem"]["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned(),
            }
        };
        let act_on = |what: &str, number: usize| {
            outcome(post(&format!("registrations/{}/{what}", self.reference(number)), &json!({})))
        };
        match operation {
            Operation::Register(category) => outcome(post("registrations", &person(people, CODES[*category]))),
            Operation::Seats(index, seats) => {
                let mut setup = self.setup.clone();
                match index {
                    0 => setup["seats"] = json!(seats),
                    index => setup["categories"][index - 1]["seats"] = json!(seats),
                }
                let answer = self.app.admin("PUT", &self.path("registration-setup"), Some(&setup));
                if answer.status == 200 {
                    self.setup = setup;
                }
                outcome(answer)
            }
            _ if people == 0 => "nobody".to_owned(),
            Operation::Approve(number) => decide("approve", number % people),
            Operation::Reject(number) => decide("reject", number % people),
            Operation::Revoke(number) => decide("revoke", number % people),
            Operation::Verify(number) => act_on("verify", number % people),
            Operation::Cancel(number) => act_on("cancel", number % people),
            Operation::Promote(number) => act_on("promote", number % people),
            Operation::Accept(number) => act_on("accept", number % people),
            Operation::CheckIn(number) => {
                let scan = scan(&self.reference(number % people));
                let answer = post("check-ins", &scan).json();
                let done = &answer["data"][0];
                let outcome = if done["outcome"] == "refused" {
                    &done["reason"]
                } else {
                    let id = scan["check_ins"][0]["id"].as_str().unwrap().to_owned();
                    self.admissions.entry(number % people).or_default().push(id);
                    &done["outcome"]
                };
                outcome.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
            }
            Operation::Undo(number) => match self.admissions.get_mut(&(number % people)).and_then(Vec::pop) {
                Some(id) => {
                    let path = self.path(&format!("check-ins/{id}/undo"));
                    outcome(self.app.admin("POST", &path, Some(&json!({}))))
                }
                None => "nobody".to_owned(),
            },
            Operation::Expire(number) => self.expire(number % people),
        }
    }

    fn expire(&self, number: usize) -> String {
        let line = self.state_lines().into_iter().find(|line| line.starts_with(&format!("person-{number}@"))).unwrap();
        let column = if line.contains(" unverified ") {
            "expires_at"
        } else if line.ends_with(" offer") {
            "offer_expires_at"
        } else {
            return "nobody".to_owned();
        };
        let reference = self.reference(number);
        self.app.environment.database.execute(&format!(
            "UPDATE registrations SET {column} = '2020-01-01T00:00:00.000000Z' WHERE reference = '{reference}'"
        ));
        assert!(self.app.environment.run(&["sweep"]).status.success());
        "done".to_owned()
    }
}

/// A scan of a person without a badge at the main gate.
fn scan(reference: &str) -> Value {
    json!({ "check_ins": [{ "id": uuid::Uuid::now_v7().to_string(), "gate": "main", "reference": reference }] })
}

/// Checks the invariants of the store with SQL, and that the doctor finds nothing.
fn assert_store_is_sound(app: &App) {
    let doctor = app.environment.run(&["doctor"]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    let none = |what: &str, statement: &str| assert_eq!(app.count(statement), 0, "{what}");
    let has_seat = "(r.state = 'confirmed' OR r.offer_expires_at IS NOT NULL)";
    none(
        "taken is counted",
        &format!(
            "SELECT count(*) AS n FROM registration_setups s WHERE s.seats_taken <> \
         (SELECT count(*) FROM registrations r WHERE r.conference_id = s.conference_id AND {has_seat})"
        ),
    );
    none(
        "taken is counted by category",
        &format!(
            "SELECT count(*) AS n FROM categories c WHERE c.seats_taken <> \
         (SELECT count(*) FROM registrations r WHERE r.category_id = c.id AND {has_seat})"
        ),
    );
    none("never above the quota", "SELECT count(*) AS n FROM categories WHERE seats_taken > seats");
    none(
        "nobody waits while a seat is free",
        "SELECT count(*) AS n FROM registrations r JOIN categories c ON c.id = r.category_id \
         JOIN registration_setups s ON s.conference_id = r.conference_id WHERE r.state = 'waitlisted' \
         AND r.offer_expires_at IS NULL AND (c.seats IS NULL OR c.seats_taken < c.seats) \
         AND (s.seats IS NULL OR s.seats_taken < s.seats)",
    );
    none(
        "the history explains each state",
        "SELECT count(*) AS n FROM registrations r WHERE r.state <> (SELECT e.state FROM registration_events e \
         WHERE e.registration_id = r.id ORDER BY e.sequence DESC LIMIT 1)",
    );
    none(
        "each transition has one message",
        "SELECT count(*) AS n FROM registration_events e WHERE 1 <> \
         (SELECT count(*) FROM outbox_messages m WHERE m.event_id = e.id)",
    );
    none(
        "nobody comes twice for the first time",
        "SELECT count(*) AS n FROM (SELECT registration_id FROM check_ins c WHERE outcome = 'admitted' \
         AND NOT EXISTS (SELECT 1 FROM check_ins u WHERE u.conference_id = c.conference_id AND u.undoes = c.id) \
         GROUP BY registration_id, gate, session_id, day HAVING count(*) > 1) twice",
    );
    none("no message without its transition", "SELECT count(*) AS n FROM outbox_messages m WHERE m.event_id IS NULL");
}

on_both_stores! {
    fn random_operations_agree_with_the_model(store) {
        let app = Environment::new(store).start();
        let cases = Cell::new(0);
        let mut runner = TestRunner::new(Config { cases: 8, max_shrink_iters: 40, failure_persistence: None, ..Config::default() });
        let strategy = (proptest::collection::vec(0..5_u32, CODES.len() + 1), proptest::collection::vec(operation(), 1..40));
        let outcome = runner.run(&strategy, |(seats, operations)| {
            cases.set(cases.get() + 1);
            let mut conference = TestConference::create(&app, format!("case-{}", cases.get()), &seats);
            let mut model = Model { seats, people: Vec::new(), arrivals: 0 };
            for operation in &operations {
                let people = model.people.len();
                let (actual, expected) = (conference.apply(operation, people), model.apply(operation));
                if actual != expected {
                    return Err(TestCaseError::fail(format!("{operation:?}: the service says {actual}, the model {expected}")));
                }
                prop_assert_eq!(conference.state_lines(), model.state_lines(), "after {:?}", operation);
            }
            assert_store_is_sound(&app);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }

    /// Eight threads and two processes, one of which is killed in between.
    fn random_concurrent_operations_keep_the_invariants(store) {
        let environment = Arc::new(Environment::new(store));
        let apps = [environment.start_shared(), environment.start_shared()];
        let scene_slug = "crowd".to_owned();
        let conference = TestConference::create(&apps[0], scene_slug, &[12, 5, 5, 5, 4, 3]);
        let (slug, setup) = (conference.slug.clone(), conference.setup.clone());
        let seed = AtomicU64::new(7);
        let next = AtomicU64::new(0);
        let scans = Mutex::new(Vec::new());
        let work = |app: &App, rounds: usize| {
            // A generator of its own for each thread: xorshift (Marsaglia, 2003).
            let mut state = seed.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            let mut draw = |below: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % below
            };
            let path = |rest: &str| format!("/api/v1/conferences/{slug}/{rest}");
            for _ in 0..rounds {
                let references = app.environment.database.texts("SELECT reference AS n FROM registrations ORDER BY arrival");
                let register = draw(3) == 0 || references.is_empty();
                let status = if register {
                    let number = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                    let category = CODES[usize::try_from(draw(5)).unwrap()];
                    app.try_admin("POST", &path("registrations"), Some(&person(number, category)))
                } else if draw(12) == 0 {
                    let mut setup = setup.clone();
                    setup["seats"] = json!(10 + draw(5));
                    setup["categories"][0]["seats"] = json!(4 + draw(3));
                    app.try_admin("PUT", &path("registration-setup"), Some(&setup))
                } else {
                    let reference = &references[usize::try_from(draw(references.len() as u64)).unwrap()];
                    let many = json!({ "references": references.iter().rev().take(3).collect::<Vec<_>>() });
                    match draw(11) {
                        0 => app.try_admin("POST", &path("registrations/approve"), Some(&many)),
                        1 => app.try_admin("POST", &path("registrations/revoke"), Some(&many)),
                        2 | 3 => app.try_admin("POST", &path(&format!("registrations/{reference}/cancel")), Some(&json!({}))),
                        8 | 9 => {
                            let scan = scan(reference);
                            scans.lock().unwrap().push(scan["check_ins"][0]["id"].as_str().unwrap().to_owned());
                            app.try_admin("POST", &path("check-ins"), Some(&scan))
                        }
                        10 => {
                            let latest = scans.lock().unwrap().pop().unwrap_or_else(|| uuid::Uuid::nil().to_string());
                            app.try_admin("POST", &path(&format!("check-ins/{latest}/undo")), Some(&json!({})))
                        }
                        4 => app.try_admin("POST", &path(&format!("registrations/{reference}/accept")), Some(&json!({}))),
                        _ => app.try_admin("POST", &path(&format!("registrations/{reference}/verify")), Some(&json!({}))),
                    }
                };
                // Every refusal has a reason; a killed process does not answer.
                assert!(status.is_none_or(|status| status < 500 || status == 503), "{status:?}");
            }
        };
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (work, app) = (&work, &apps[number % 2]);
                scope.spawn(move || work(app, 25));
            }
        });
        assert_store_is_sound(&apps[0]);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (work, app) = (&work, &apps[number % 2]);
                scope.spawn(move || work(app, 15));
            }
            // As in a crash: what it was doing is done completely or not at all.
            let killed = std::process::Command::new("kill").args(["-9", &apps[1].id().to_string()]).status().unwrap();
            assert!(killed.success());
        });
        assert_store_is_sound(&apps[0]);
        assert!(apps[0].count("SELECT count(*) AS n FROM registration_events") > 100);
        assert!(apps[0].count("SELECT count(*) AS n FROM check_ins WHERE outcome = 'admitted'") > 0);
    }
}
