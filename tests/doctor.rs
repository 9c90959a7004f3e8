//! `plenary doctor`: finds nothing in a healthy store, and each inconsistency in a broken one.

use serde_json::{Value, json};

use crate::{
    check_in::conference,
    support::{
        App, Store,
        app::{Environment, person, small_conference},
        on_both_stores,
    },
};

const PATH: &str = "/api/v1/conferences/small/registrations";

/// The exit code and the lines.
fn doctor(app: &App, arguments: &[&str]) -> (i32, Vec<String>, String) {
    let output = app.environment.run(&[&["doctor"], arguments].concat());
    let lines = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    (output.status.code().unwrap(), lines, String::from_utf8(output.stderr).unwrap())
}

fn wrong(app: &App) -> Vec<String> {
    let (code, lines, _) = doctor(app, &[]);
    let wrong: Vec<String> = lines.iter().filter_map(|line| line.strip_prefix("wrong  ")).map(str::to_owned).collect();
    assert_eq!(code, i32::from(!wrong.is_empty()));
    wrong
}

/// The id of a row as an SQL literal.
fn id(store: Store, number: u8) -> String {
    match store {
        Store::Sqlite => format!("X'0189000000007000800000000000{number:04}'"),
        Store::Postgres => format!("'01890000-0000-7000-8000-00000000{number:04}'"),
    }
}

/// The references of people in every state, by their names.
struct BusyConference {
    app: App,
    store: Store,
}

impl BusyConference {
    fn create(store: Store) -> Self {
        let mut blueprint = small_conference(Some(20), Some(1));
        blueprint["sessions"].as_array_mut().unwrap().push(json!({
            "code": "workshop", "kind": "parallel", "title": "Workshop", "access": "sign_up", "seats": 1,
            "starts_at": "2030-05-01T11:00", "ends_at": "2030-05-01T12:00", "items": []
        }));
        blueprint["registration"]["categories"].as_array_mut().unwrap().extend([
            json!({ "code": "vip", "name": "VIP", "needs_approval": true }),
            json!({ "code": "guest", "name": "Guest", "seats": 1, "offer_hours": 24 }),
        ]);
        let app = Environment::new(store).start();
        app.publish(&blueprint);
        let fixture = Self { app, store };
        for (name, category, sessions) in [
            ("ann", "delegate", json!(["workshop"])),
            ("bob", "delegate", json!(["workshop"])),
            ("cyd", "press", json!([])),
            ("dan", "press", json!([])),
            ("eve", "vip", json!(["workshop"])),
            ("fay", "delegate", json!(["workshop"])),
            ("gus", "guest", json!([])),
            ("hal", "guest", json!([])),
            ("ida", "guest", json!([])),
        ] {
            fixture.register(name, category, &sessions);
        }
        fixture.act("fay", "cancel");
        fixture.act("gus", "cancel");
        fixture.act("hal", "accept");
        fixture.act("ann", "renew-link");
        let (delegation, now) = (id(store, 1), "'2026-01-01T00:00:00.000000Z'");
        let of_press = "FROM categories WHERE code = 'press'";
        fixture.execute(&format!(
            "INSERT INTO delegations (id, conference_id, code, kind, name, name_folded, category_id, quota, members, \
             token_generation, created_at, updated_at) SELECT {delegation}, conference_id, 'be', 'member_state', '{{}}', \
             'be', id, 5, 1, 1, {now}, {now} {of_press}"
        ));
        fixture.execute(&format!(
            "INSERT INTO delegation_members (registration_id, delegation_id, is_head, level) \
             SELECT id, {delegation}, TRUE, 'minister' FROM registrations WHERE given_name = 'cyd'"
        ));
        fixture.execute(&format!(
            "INSERT INTO invitations (id, conference_id, kind, label, category_id, uses_max, uses, seats_reserved, \
             generation, created_at) SELECT {}, conference_id, 'shared', 'friends', id, 5, 0, 0, 1, {now} {of_press}",
            id(store, 2)
        ));
        fixture
    }

    fn register(&self, name: &str, category: &str, sessions: &Value) {
        let form = json!({
            "category": category, "given_name": name, "family_name": "Example", "email": format!("{name}@example.org"),
            "sessions": sessions, "consent": true
        });
        let answer = self.app.post(PATH, &form);
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    fn act(&self, name: &str, action: &str) {
        let reference = self.reference(name);
        let answer = self.app.admin("POST", &format!("{PATH}/{reference}/{action}"), Some(&json!({})));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    fn reference(&self, name: &str) -> String {
        self.app
            .environment
            .database
            .texts(&format!("SELECT reference AS n FROM registrations WHERE given_name = '{name}'"))
            .pop()
            .unwrap_or_default()
    }

    fn execute(&self, statement: &str) {
        self.app.environment.database.execute(statement);
    }

    /// Executes `statement`, compares the doctor's findings with `expected`, and repairs the store. A name in braces
    /// stands for that person's reference.
    fn provoke(&self, statement: &str, expected: &[&str], repair: &str) {
        let names = ["ann", "bob", "cyd", "dan", "eve", "fay", "ida"];
        let with_references = |line: &&str| {
            names
                .iter()
                .fold((*line).to_owned(), |line, name| line.replace(&format!("{{{name}}}"), &self.reference(name)))
        };
        let expected: Vec<String> = expected.iter().map(with_references).collect();
        self.execute(statement);
        assert_eq!(wrong(&self.app), expected, "{statement}");
        self.execute(repair);
        assert_eq!(wrong(&self.app), Vec::<String>::new(), "{repair}");
    }
}

on_both_stores! {
    fn a_healthy_store_has_no_findings(store) {
        let BusyConference { app, .. } = BusyConference::create(store);
        let (code, lines, said) = doctor(&app, &[]);
        assert_eq!((code, said.as_str()), (0, ""), "{lines:?}");
        assert_eq!(lines, [
            "ok     secret.key: it is that of the store, if the store has one",
            "ok     seats of the conference: 1 checked",
            "ok     seats of categories: 4 checked",
            "ok     seats of sessions: 1 checked",
            "ok     no more seats taken than there are: 1 checked",
            "ok     nobody waits while a seat is free: 4 checked",
            "ok     nobody waits for a session that has a seat: 1 checked",
            "ok     sign-ups of confirmed registrations have a seat or wait for one: 3 checked",
            "ok     only waiting registrations have an offer: 9 checked",
            "ok     reserved seats can be used: 1 checked",
            "ok     members of delegations: 1 checked",
            "ok     quotas of delegations: 1 checked",
            "ok     uses of invitations: 1 checked",
            "ok     one live registration per address: 9 checked",
            "ok     one live registration per person of a shared address: 9 checked",
            "ok     each privacy notice that somebody consented to is kept: 9 checked",
            "ok     arrival numbers are unique: 9 checked",
            "ok     category and invitation are of the same conference: 9 checked",
            "ok     nothing that was entered outlives its verification: 9 checked",
            "ok     the last arrival: 1 checked",
            "ok     the last entry of the check-in record: 0 checked",
            "ok     only live registrations are signed up for sessions: 3 checked",
            "ok     the status is that of the latest event: 9 checked",
            "ok     histories follow the status transitions: 14 checked",
            "ok     histories do not go back in time: 14 checked",
            "ok     the last event: 1 checked",
            "ok     each event has its letter: 14 checked",
            "ok     each letter has its event: 14 checked",
            "ok     outcomes of check-ins follow from the entries before: 0 checked",
        ]);
        let (code, lines, _) = doctor(&app, &["--conference", "small", "--json"]);
        let report: Value = serde_json::from_str(&lines.concat()).unwrap();
        assert_eq!((code, &report["healthy"]), (0, &json!(true)));
        assert_eq!(report["checks"][22], json!({ "name": "histories follow the status transitions", "checked": 14,
            "findings": [], "more": false }));
        let (code, lines, said) = doctor(&app, &["--conference", "other"]);
        assert_eq!((code, lines.len()), (1, 0));
        assert!(said.starts_with("plenary: "), "{said}");
    }

    fn each_inconsistency_is_found(store) {
        let fixture = BusyConference::create(store);
        fixture.provoke(
            "UPDATE session_sign_ups SET state = 'wished' WHERE state = 'waitlisted'",
            &["sign-ups of confirmed registrations have a seat or wait for one: small: registration {bob} is confirmed and wished in a session"],
            "UPDATE session_sign_ups SET state = 'waitlisted' WHERE state = 'wished' \
             AND registration_id IN (SELECT id FROM registrations WHERE state = 'confirmed')",
        );
        fixture.provoke(
            "UPDATE registration_setups SET seats_taken = seats_taken + 1",
            &["seats of the conference: small: seats_taken is 5, the count is 4"],
            "UPDATE registration_setups SET seats_taken = seats_taken - 1",
        );
        fixture.provoke(
            "UPDATE categories SET seats_taken = seats_taken - 1 WHERE code = 'delegate'",
            &["seats of categories: small: category delegate is 1, the count is 2"],
            "UPDATE categories SET seats_taken = seats_taken + 1 WHERE code = 'delegate'",
        );
        fixture.provoke(
            "UPDATE invitations SET seats_reserved = 2",
            &[
                "seats of the conference: small: seats_taken is 4, the count is 6",
                "seats of categories: small: category press is 1, the count is 3",
            ],
            "UPDATE invitations SET seats_reserved = 0",
        );
        fixture.provoke(
            "UPDATE session_quotas SET seats_taken = 0, seats = 0",
            &["seats of sessions: small: session workshop is 0, the count is 1"],
            "UPDATE session_quotas SET seats_taken = 1, seats = 1",
        );
        fixture.provoke(
            "UPDATE categories SET seats = 2 WHERE code = 'press'",
            &["nobody waits while a seat is free: small: registration {dan} waits while there is a seat in category press"],
            "UPDATE categories SET seats = 1 WHERE code = 'press'",
        );
        fixture.provoke(
            "UPDATE session_quotas SET seats = 2",
            &["nobody waits for a session that has a seat: small: registration {bob} waits while there is a seat in \
               session workshop"],
            "UPDATE session_quotas SET seats = 1",
        );
        fixture.provoke(
            "UPDATE delegations SET members = 0",
            &["members of delegations: small: delegation be is 0, the count is 1"],
            "UPDATE delegations SET members = 1",
        );
        fixture.provoke(
            "UPDATE invitations SET uses = 1",
            &["uses of invitations: small: invitation friends is 1, the count is 0"],
            "UPDATE invitations SET uses = 0",
        );
        fixture.provoke(
            "UPDATE registrations SET privacy_notice_version = 9 WHERE given_name = 'fay'",
            &["each privacy notice that somebody consented to is kept: small: registration {fay} names version 9 of the privacy notice"],
            "UPDATE registrations SET privacy_notice_version = NULL",
        );
        fixture.provoke(
            "UPDATE registration_setups SET last_arrival = 3",
            &["the last arrival: small: last_arrival is 3, the latest is 13"],
            "UPDATE registration_setups SET last_arrival = 13",
        );
        fixture.provoke(
            "UPDATE registration_setups SET last_event = 3",
            &["the last event: small: last_event is 3, the latest is 14"],
            "UPDATE registration_setups SET last_event = 14",
        );
        let cancelled = "event = 'cancelled' AND registration_id = (SELECT id FROM registrations WHERE given_name = 'fay')";
        fixture.provoke(
            &format!("UPDATE registration_events SET at = '2020-01-01T00:00:00.000000Z' WHERE {cancelled}"),
            &["histories do not go back in time: small: registration {fay} has an instant of cancelled before the one of \
               the event before"],
            &format!("UPDATE registration_events SET at = (SELECT updated_at FROM registrations \
                WHERE given_name = 'fay') WHERE {cancelled}"),
        );
        let sign_up = "SELECT r.id, q.session_id, 'wished', 1, r.created_at FROM registrations r, session_quotas q";
        fixture.provoke(
            &format!("INSERT INTO session_sign_ups {sign_up} WHERE r.given_name = 'fay'"),
            &["only live registrations are signed up for sessions: small: registration {fay} is cancelled and signed up for a \
               session"],
            "DELETE FROM session_sign_ups WHERE registration_id = \
             (SELECT id FROM registrations WHERE given_name = 'fay')",
        );
        fixture.provoke(
            "UPDATE registrations SET state = 'rejected' WHERE given_name = 'eve'",
            &[
                "only live registrations are signed up for sessions: small: registration {eve} is rejected and signed up for a \
                 session",
                "the status is that of the latest event: small: registration {eve} is rejected, its history ends with pending",
            ],
            "UPDATE registrations SET state = 'pending' WHERE given_name = 'eve'",
        );
    }

    fn an_impossible_history_and_a_missing_letter_are_found(store) {
        let fixture = BusyConference::create(store);
        let of_eve = "registration_id = (SELECT id FROM registrations WHERE given_name = 'eve')";
        fixture.provoke(
            &format!("UPDATE registration_events SET event = 'promoted' WHERE {of_eve}"),
            &[
                "histories follow the status transitions: small: registration {eve} went from nothing to pending by promoted",
                "each letter has its event: small: letter pending registration {eve} has none for promoted",
            ],
            &format!("UPDATE registration_events SET event = 'registered' WHERE {of_eve}"),
        );
        fixture.provoke(
            "UPDATE outbox_messages SET kind = 'rejected' WHERE kind = 'pending'",
            &["each letter has its event: small: letter rejected registration {eve} has none for registered"],
            "UPDATE outbox_messages SET kind = 'pending' WHERE kind = 'rejected'",
        );
        fixture.provoke(
            "UPDATE outbox_messages SET event_id = NULL WHERE kind = 'pending'",
            &["each event has its letter: small: registration {eve} has no letter about registered"],
            &format!("UPDATE outbox_messages SET event_id = (SELECT id FROM registration_events WHERE {of_eve}) \
                WHERE kind = 'pending'"),
        );
        let unknown = id(fixture.store, 9);
        fixture.provoke(
            &format!("UPDATE outbox_messages SET event_id = {unknown} WHERE kind = 'pending'"),
            &[
                "each event has its letter: small: registration {eve} has no letter about registered",
                "each letter has its event: small: letter pending is about an event that did not happen",
            ],
            &format!("UPDATE outbox_messages SET event_id = (SELECT id FROM registration_events WHERE {of_eve}) \
                WHERE kind = 'pending'"),
        );
        fixture.execute(&format!("DELETE FROM registration_events WHERE {of_eve}"));
        let eve = fixture.reference("eve");
        assert_eq!(wrong(&fixture.app), [
            format!("the status is that of the latest event: small: registration {eve} is pending, its history ends with \
                     nothing"),
            "each letter has its event: small: letter pending is about an event that did not happen".to_owned(),
        ]);
    }

    fn an_inconsistent_check_in_record_is_found(store) {
        let app = Environment::new(store).start();
        app.publish(&conference());
        let form = person(1, "delegate");
        let reference = app.post(PATH, &form).json()["reference"].as_str().unwrap().to_owned();
        let path = "/api/v1/conferences/small/check-ins";
        let scan = || {
            let scan = json!({ "id": uuid::Uuid::now_v7().to_string(), "gate": "main", "reference": reference });
            let answer = app.admin("POST", path, Some(&json!({ "check_ins": [scan] }))).json();
            (scan["id"].as_str().unwrap().to_owned(), answer["data"][0]["outcome"].as_str().unwrap().to_owned())
        };
        let (first, outcome) = scan();
        assert_eq!((outcome, scan().1), ("admitted".to_owned(), "admitted_again".to_owned()));
        assert_eq!(app.admin("POST", &format!("{path}/{first}/undo"), Some(&json!({}))).status, 200);
        assert_eq!(scan().1, "admitted_again");
        let (code, lines, _) = doctor(&app, &[]);
        assert_eq!(code, 0, "{lines:?}");
        assert!(lines.contains(&"ok     outcomes of check-ins follow from the entries before: 4 checked".to_owned()), "{lines:?}");
        let fixture = BusyConference { app, store };
        let check = "outcomes of check-ins follow from the entries before: small: registration";
        fixture.provoke(
            "UPDATE check_ins SET outcome = 'admitted' WHERE sequence = 2",
            &[&format!("{check} {reference} entry 2 is admitted, but should be admitted_again")],
            "UPDATE check_ins SET outcome = 'admitted_again' WHERE sequence = 2",
        );
        let nobody = id(store, 9);
        fixture.provoke(
            &format!("UPDATE check_ins SET undoes = {nobody} WHERE outcome = 'undone'"),
            &[&format!("{check} {reference} entry 3 undoes no earlier admission")],
            "UPDATE check_ins SET undoes = (SELECT id FROM check_ins WHERE sequence = 1) WHERE outcome = 'undone'",
        );
        fixture.provoke(
            "UPDATE check_in_counters SET last_sequence = 1",
            &["the last entry of the check-in record: small: last_sequence is 1, the latest is 4"],
            "UPDATE check_in_counters SET last_sequence = 4",
        );
    }

    /// What a constraint refuses can only be there without the constraint.
    fn what_constraints_guarantee_is_checked_too(store) {
        let fixture = BusyConference::create(store);
        let arrival = |name: &str| fixture.app.count(&format!("SELECT arrival AS n FROM registrations WHERE given_name = '{name}'"));
        let (ann, bob) = (arrival("ann"), arrival("bob"));
        fixture.execute(&format!("UPDATE registrations SET arrival = {ann} WHERE given_name = 'bob'"));
        let first = [fixture.reference("ann"), fixture.reference("bob")].into_iter().min().unwrap();
        let expected = format!("arrival numbers are unique: small: registration {first} has the arrival {ann} of another");
        assert_eq!(wrong(&fixture.app), [expected]);
        fixture.execute(&format!("UPDATE registrations SET arrival = {bob} WHERE given_name = 'bob'"));
        fixture.execute("DROP INDEX registrations_live_email_key");
        let expected = format!("one live registration per address: small: registration {first} shares its address with 1 other live \
            ones");
        fixture.provoke(
            "UPDATE registrations SET email_folded = 'ann@example.org' WHERE given_name = 'bob'",
            &[&expected],
            "UPDATE registrations SET email_folded = 'bob@example.org' WHERE given_name = 'bob'",
        );
        if store == Store::Postgres {
            fixture.execute("ALTER TABLE registrations DROP CONSTRAINT registrations_offer_check");
            fixture.provoke(
                "UPDATE registrations SET offer_expires_at = now() + interval '1 day' WHERE given_name = 'ann'",
                &["only waiting registrations have an offer: small: registration {ann} is confirmed and has an offer"],
                "UPDATE registrations SET offer_expires_at = NULL WHERE given_name = 'ann'",
            );
            fixture.execute("ALTER TABLE categories DROP CONSTRAINT categories_seats_taken_check");
            fixture.provoke(
                "UPDATE categories SET seats = 0 WHERE code = 'press'",
                &["no more seats taken than there are: small: category press more seats are taken than there are"],
                "UPDATE categories SET seats = 1 WHERE code = 'press'",
            );
            fixture.execute("ALTER TABLE delegations DROP CONSTRAINT delegations_members_check");
            fixture.provoke(
                "UPDATE delegations SET quota = 0",
                &["quotas of delegations: small: delegation be has more members than its quota"],
                "UPDATE delegations SET quota = 5",
            );
        }
    }
}
