//! The life of registrations against a model of it: whatever is done, in whatever order, the service says what the
//! model says; and whatever is done at once, what must hold holds.

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
        app::{World, person},
        http::Answer,
        on_both_stores,
    },
};

/// What organisers and attendees do; a number stands for whichever person it falls on.
#[derive(Debug, Clone)]
enum Act {
    Register(usize),
    Verify(usize),
    Approve(usize),
    Reject(usize),
    Revoke(usize),
    Cancel(usize),
    Promote(usize),
    Accept(usize),
    CheckIn(usize),
    /// The latest admission that stands is undone.
    Undo(usize),
    /// The time to verify, or the offer, runs out.
    RunOut(usize),
    /// The seats of the conference (0), or of a category.
    Seats(usize, u32),
}

/// The categories: plain, decided about, verified, offered, and verified and decided about.
const CODES: [&str; 5] = ["plain", "decided", "verified", "offered", "both"];

fn needs_approval(category: usize) -> bool {
    category == 1 || category == 4
}

fn verifies(category: usize) -> bool {
    category == 2 || category == 4
}

fn act() -> impl Strategy<Value = Act> {
    let person = || 0..64_usize;
    prop_oneof![
        8 => (0..CODES.len()).prop_map(Act::Register),
        4 => person().prop_map(Act::Verify),
        4 => person().prop_map(Act::Approve),
        1 => person().prop_map(Act::Reject),
        1 => person().prop_map(Act::Revoke),
        3 => person().prop_map(Act::Cancel),
        1 => person().prop_map(Act::Promote),
        2 => person().prop_map(Act::Accept),
        3 => person().prop_map(Act::CheckIn),
        1 => person().prop_map(Act::Undo),
        1 => person().prop_map(Act::RunOut),
        2 => (0..=CODES.len(), 0..6_u32).prop_map(|(which, seats)| Act::Seats(which, seats)),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Person {
    category: usize,
    state: &'static str,
    arrival: usize,
    has_offer: bool,
    /// Admissions that stand, of today at the one gate that there is.
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

/// The table of states, in the shortest words.
struct Model {
    seats: Vec<u32>,
    people: Vec<Person>,
    arrivals: usize,
}

impl Model {
    fn taken(&self, which: usize) -> u32 {
        let counts = |person: &&Person| person.holds_seat() && (which == 0 || person.category + 1 == which);
        u32::try_from(self.people.iter().filter(counts).count()).unwrap()
    }

    fn has_seat(&self, category: usize) -> bool {
        self.taken(0) < self.seats[0] && self.taken(category + 1) < self.seats[category + 1]
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

    fn fill(&mut self) {
        loop {
            let waits = |person: &&Person| person.state == "waitlisted" && !person.has_offer;
            let first = self.people.iter().filter(waits).filter(|person| self.has_seat(person.category));
            let Some(first) = first.min_by_key(|person| person.arrival).map(|person| person.arrival) else { return };
            let person = self.people.iter_mut().find(|person| person.arrival == first).unwrap();
            if person.category == 3 {
                person.has_offer = true;
            } else {
                person.state = "confirmed";
            }
        }
    }

    /// Does it, and says how the service answers.
    fn does(&mut self, act: &Act) -> &'static str {
        let number = match act {
            Act::Register(category) => {
                self.arrivals += 1;
                let person = Person {
                    category: *category,
                    state: "unverified",
                    arrival: self.arrivals,
                    has_offer: false,
                    admissions: 0,
                };
                self.people.push(person);
                if !verifies(*category) {
                    self.admit(self.people.len() - 1, false);
                }
                return "done";
            }
            Act::Seats(which, seats) => {
                if *seats < self.taken(*which) {
                    return "seats-taken";
                }
                self.seats[*which] = *seats;
                self.fill();
                return "done";
            }
            Act::Verify(number)
            | Act::Approve(number)
            | Act::Reject(number)
            | Act::Revoke(number)
            | Act::Cancel(number)
            | Act::Promote(number)
            | Act::Accept(number)
            | Act::CheckIn(number)
            | Act::Undo(number)
            | Act::RunOut(number) => {
                if self.people.is_empty() {
                    return "nobody";
                }
                number % self.people.len()
            }
        };
        let before = self.people[number].clone();
        match act {
            Act::Verify(_) if before.state == "unverified" => self.admit(number, false),
            Act::Approve(_) if before.state == "pending" => self.admit(number, true),
            Act::Approve(_) if ["confirmed", "waitlisted"].contains(&before.state) => return "unchanged",
            Act::Reject(_) if before.state == "pending" => self.people[number].state = "rejected",
            Act::Reject(_) if before.state == "rejected" => return "unchanged",
            Act::Revoke(_) if before.state == "confirmed" => self.people[number].state = "revoked",
            Act::Revoke(_) if before.state == "revoked" => return "unchanged",
            Act::Cancel(_) if !before.is_final() => {
                self.people[number].state = "cancelled";
                self.people[number].has_offer = false;
            }
            Act::Promote(_) if before.state == "waitlisted" => {
                if !before.has_offer && !self.has_seat(before.category) {
                    return "registration-full";
                }
                self.people[number].state = "confirmed";
                self.people[number].has_offer = false;
            }
            Act::Accept(_) if before.has_offer => {
                self.people[number].state = "confirmed";
                self.people[number].has_offer = false;
            }
            Act::CheckIn(_) => {
                return match before.state {
                    "confirmed" => {
                        self.people[number].admissions += 1;
                        if before.admissions == 0 { "admitted" } else { "admitted_again" }
                    }
                    "cancelled" | "revoked" => before.state,
                    _ => "not_confirmed",
                };
            }
            Act::Undo(_) if before.admissions == 0 => return "nobody",
            Act::Undo(_) => {
                self.people[number].admissions -= 1;
                return "done";
            }
            Act::RunOut(_) if before.state == "unverified" => self.people[number].state = "expired",
            Act::RunOut(_) if before.has_offer => {
                self.arrivals += 1;
                self.people[number].arrival = self.arrivals;
                self.people[number].has_offer = false;
            }
            Act::RunOut(_) => return "nobody",
            _ => return "wrong-state",
        }
        self.fill();
        "done"
    }

    /// Every person as the store has them, and who waits in which order.
    fn says(&self) -> Vec<String> {
        let mut of: Vec<(usize, String)> = Vec::new();
        for (number, person) in self.people.iter().enumerate() {
            let offer = if person.has_offer { "offer" } else { "none" };
            of.push((person.arrival, format!("person-{number}@example.org {} {offer}", person.state)));
        }
        of.sort();
        of.into_iter().map(|(_, line)| line).collect()
    }
}

/// A conference of a case's own.
struct Scene<'a> {
    app: &'a App,
    slug: String,
    setup: Value,
    /// The scans of each person that were admitted and not undone.
    admissions: HashMap<usize, Vec<String>>,
}

impl<'a> Scene<'a> {
    fn create(app: &'a App, slug: String, seats: &[u32]) -> Self {
        let mut blueprint = conference();
        blueprint["conference"]["slug"] = json!(slug);
        let categories: Vec<Value> = CODES
            .iter()
            .enumerate()
            .map(|(index, code)| {
                json!({
                    "code": code, "name": code, "seats": seats[index + 1], "needs_approval": needs_approval(index),
                    "verifies_email": verifies(index), "offer_hours": (index == 3).then_some(24),
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
        let of = "FROM registrations r JOIN conferences c ON c.id = r.conference_id";
        let statement = format!("SELECT {what} AS n {of} WHERE c.slug = '{}' ORDER BY r.arrival", self.slug);
        self.app.world.database.texts(&statement)
    }

    fn reference(&self, number: usize) -> String {
        let wanted = format!("person-{number}@example.org ");
        let lines = self.lines("r.email || ' ' || r.reference");
        lines.iter().find_map(|line| line.strip_prefix(&wanted)).unwrap().to_owned()
    }

    fn says(&self) -> Vec<String> {
        self.lines("r.email || ' ' || r.state || CASE WHEN r.offer_expires_at IS NULL THEN ' none' ELSE ' offer' END")
    }

    /// Does it over HTTP, and answers in the model's words.
    fn does(&mut self, act: &Act, people: usize) -> String {
        let post = |path: &str, body: &Value| self.app.admin("POST", &self.path(path), Some(body));
        let word = |answer: Answer| if answer.status < 300 { "done".to_owned() } else { answer.problem().1 };
        let bulk = |what: &str, number: usize| {
            let answer =
                post(&format!("registrations/{what}"), &json!({ "references": [self.reference(number)] })).json();
            match (&answer["changed"], &answer["unchanged"]) {
                (changed, _) if *changed == 1 => "done".to_owned(),
                (_, unchanged) if *unchanged == 1 => "unchanged".to_owned(),
                _ => answer["data"][0]["problem"]["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned(),
            }
        };
        let one = |what: &str, number: usize| {
            word(post(&format!("registrations/{}/{what}", self.reference(number)), &json!({})))
        };
        match act {
            Act::Register(category) => word(post("registrations", &person(people, CODES[*category]))),
            Act::Seats(which, seats) => {
                let mut setup = self.setup.clone();
                match which {
                    0 => setup["seats"] = json!(seats),
                    which => setup["categories"][which - 1]["seats"] = json!(seats),
                }
                let answer = self.app.admin("PUT", &self.path("registration-setup"), Some(&setup));
                if answer.status == 200 {
                    self.setup = setup;
                }
                word(answer)
            }
            _ if people == 0 => "nobody".to_owned(),
            Act::Approve(number) => bulk("approve", number % people),
            Act::Reject(number) => bulk("reject", number % people),
            Act::Revoke(number) => bulk("revoke", number % people),
            Act::Verify(number) => one("verify", number % people),
            Act::Cancel(number) => one("cancel", number % people),
            Act::Promote(number) => one("promote", number % people),
            Act::Accept(number) => one("accept", number % people),
            Act::CheckIn(number) => {
                let scan = scan(&self.reference(number % people));
                let answer = post("check-ins", &scan).json();
                let done = &answer["data"][0];
                let word = if done["outcome"] == "refused" {
                    &done["reason"]
                } else {
                    let id = scan["check_ins"][0]["id"].as_str().unwrap().to_owned();
                    self.admissions.entry(number % people).or_default().push(id);
                    &done["outcome"]
                };
                word.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
            }
            Act::Undo(number) => match self.admissions.get_mut(&(number % people)).and_then(Vec::pop) {
                Some(id) => {
                    let path = self.path(&format!("check-ins/{id}/undo"));
                    word(self.app.admin("POST", &path, Some(&json!({}))))
                }
                None => "nobody".to_owned(),
            },
            Act::RunOut(number) => self.run_out(number % people),
        }
    }

    fn run_out(&self, number: usize) -> String {
        let line = self.says().into_iter().find(|line| line.starts_with(&format!("person-{number}@"))).unwrap();
        let column = if line.contains(" unverified ") {
            "expires_at"
        } else if line.ends_with(" offer") {
            "offer_expires_at"
        } else {
            return "nobody".to_owned();
        };
        let reference = self.reference(number);
        self.app.world.database.execute(&format!(
            "UPDATE registrations SET {column} = '2020-01-01T00:00:00.000000Z' WHERE reference = '{reference}'"
        ));
        assert!(self.app.world.run(&["sweep"]).status.success());
        "done".to_owned()
    }
}

/// Someone without a badge at the main gate.
fn scan(reference: &str) -> Value {
    json!({ "check_ins": [{ "id": uuid::Uuid::now_v7().to_string(), "gate": "main", "reference": reference }] })
}

/// What must hold at every moment, counted in the store itself; and the doctor finds nothing either.
fn assert_store_is_sound(app: &App) {
    let doctor = app.world.run(&["doctor"]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    let none = |what: &str, statement: &str| assert_eq!(app.count(statement), 0, "{what}");
    let holds = "(r.state = 'confirmed' OR r.offer_expires_at IS NOT NULL)";
    none(
        "taken is counted",
        &format!(
            "SELECT count(*) AS n FROM registration_setups s WHERE s.seats_taken <> \
         (SELECT count(*) FROM registrations r WHERE r.conference_id = s.conference_id AND {holds})"
        ),
    );
    none(
        "taken is counted by category",
        &format!(
            "SELECT count(*) AS n FROM categories c WHERE c.seats_taken <> \
         (SELECT count(*) FROM registrations r WHERE r.category_id = c.id AND {holds})"
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
    fn whatever_is_done_the_service_says_what_the_model_says(store) {
        let app = World::new(store).start();
        let cases = Cell::new(0);
        let mut runner = TestRunner::new(Config { cases: 8, max_shrink_iters: 40, failure_persistence: None, ..Config::default() });
        let given = (proptest::collection::vec(0..5_u32, CODES.len() + 1), proptest::collection::vec(act(), 1..40));
        let outcome = runner.run(&given, |(seats, acts)| {
            cases.set(cases.get() + 1);
            let mut scene = Scene::create(&app, format!("case-{}", cases.get()), &seats);
            let mut model = Model { seats, people: Vec::new(), arrivals: 0 };
            for act in &acts {
                let people = model.people.len();
                let (said, due) = (scene.does(act, people), model.does(act));
                if said != due {
                    return Err(TestCaseError::fail(format!("{act:?}: the service says {said}, the model {due}")));
                }
                prop_assert_eq!(scene.says(), model.says(), "after {:?}", act);
            }
            assert_store_is_sound(&app);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }

    /// Eight threads, two processes, one of them killed in the midst of it.
    fn whatever_is_done_at_once_what_must_hold_holds(store) {
        let world = Arc::new(World::new(store));
        let apps = [world.start_shared(), world.start_shared()];
        let scene_slug = "crowd".to_owned();
        let scene = Scene::create(&apps[0], scene_slug, &[12, 5, 5, 5, 4, 3]);
        let (slug, setup) = (scene.slug.clone(), scene.setup.clone());
        let seed = AtomicU64::new(7);
        let next = AtomicU64::new(0);
        let scans = Mutex::new(Vec::new());
        let busy = |app: &App, rounds: usize| {
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
                let references = app.world.database.texts("SELECT reference AS n FROM registrations ORDER BY arrival");
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
                // What the service refuses it refuses with a reason; a killed one does not answer.
                assert!(status.is_none_or(|status| status < 500 || status == 503), "{status:?}");
            }
        };
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (busy, app) = (&busy, &apps[number % 2]);
                scope.spawn(move || busy(app, 25));
            }
        });
        assert_store_is_sound(&apps[0]);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (busy, app) = (&busy, &apps[number % 2]);
                scope.spawn(move || busy(app, 15));
            }
            // As a crash ends it: whatever it was doing is done whole or not at all.
            let killed = std::process::Command::new("kill").args(["-9", &apps[1].id().to_string()]).status().unwrap();
            assert!(killed.success());
        });
        assert_store_is_sound(&apps[0]);
        assert!(apps[0].count("SELECT count(*) AS n FROM registration_events") > 100);
        assert!(apps[0].count("SELECT count(*) AS n FROM check_ins WHERE outcome = 'admitted'") > 0);
    }
}
