//! Two registrations of one person: noticed, listed, dismissed, merged into one.

use serde_json::{Value, json};

use crate::support::{
    Answer, App, Store,
    app::{Environment, small_conference},
    on_both_stores,
};

const PATH: &str = "/api/v1/conferences/small";

/// Ada Lovelace at an address, with further fields.
fn ada(address: &str, more: &Value) -> Value {
    let mut form = json!({
        "category": "delegate", "given_name": "Ada", "family_name": "Lovelace", "email": format!("{address}@example.org"),
        "birth_date": "1990-12-10", "consent": true
    });
    form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    form
}

fn register(app: &App, form: &Value) -> String {
    let answer = app.post(&format!("{PATH}/registrations"), form);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["reference"].as_str().unwrap().to_owned()
}

fn read(app: &App, reference: &str) -> Value {
    app.admin("GET", &format!("{PATH}/registrations/{reference}"), None).json()
}

fn pairs(app: &App) -> Vec<Value> {
    app.admin("GET", &format!("{PATH}/duplicates"), None).json()["data"].as_array().unwrap().clone()
}

fn decide_pair(app: &App, pair: &Value, how: &str, body: &Value) -> Answer {
    let id = pair["id"].as_str().unwrap();
    app.admin("POST", &format!("{PATH}/duplicates/{id}/{how}"), Some(body))
}

fn merge(app: &App, keep: &str) -> Answer {
    decide_pair(app, &pairs(app)[0], "merge", &json!({ "keep": keep }))
}

fn messages(app: &App) -> i64 {
    app.count("SELECT count(*) AS n FROM outbox_messages")
}

fn assert_healthy(app: &App) {
    let output = app.environment.run(&["doctor"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn events(registration: &Value) -> Vec<(&str, &str)> {
    let history = registration["history"].as_array().unwrap();
    history.iter().map(|line| (line["event"].as_str().unwrap(), line["status"].as_str().unwrap())).collect()
}

/// Three sessions to sign up for: two at once, one later.
fn with_sessions() -> Value {
    let mut blueprint = small_conference(None, None);
    for (code, from, to) in [("one", "11:00", "12:00"), ("two", "11:30", "12:30"), ("three", "14:00", "15:00")] {
        blueprint["sessions"].as_array_mut().unwrap().push(json!({
            "code": code, "kind": "parallel", "title": code, "access": "sign_up", "seats": 1,
            "starts_at": format!("2030-05-01T{from}"), "ends_at": format!("2030-05-01T{to}"), "items": []
        }));
    }
    blueprint
}

/// The id of a row as an SQL literal.
fn id(store: Store, number: u8) -> String {
    match store {
        Store::Sqlite => format!("X'0189000000007000800000000000{number:04}'"),
        Store::Postgres => format!("'01890000-0000-7000-8000-00000000{number:04}'"),
    }
}

on_both_stores! {
    fn a_change_that_makes_two_people_look_like_one_is_flagged(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        register(&app, &ada("one", &json!({})));
        let other = register(&app, &ada("two", &json!({ "birth_date": "1991-01-01" })));
        assert_eq!(pairs(&app).len(), 0);
        let patch = |body: &Value| app.admin("PATCH", &format!("{PATH}/registrations/{other}"), Some(body)).status;
        assert_eq!(patch(&json!({ "phone": "+32 2 555" })), 200);
        assert_eq!(pairs(&app).len(), 0);
        assert_eq!(patch(&json!({ "birth_date": "1990-12-10" })), 200);
        assert_eq!(pairs(&app).len(), 1);
        assert_healthy(&app);
    }

    fn a_probable_pair_is_shown_side_by_side_until_it_is_dismissed(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let first = register(&app, &ada("ada", &json!({ "organisation": "Institute" })));
        // Another name order, another writing of the name; another date of birth; neither date nor organisation.
        let second = register(&app, &ada("a.l", &json!({ "given_name": "Lovelace", "family_name": "Ádà" })));
        register(&app, &ada("other", &json!({ "birth_date": "1970-01-01" })));
        register(&app, &ada("plain", &json!({ "birth_date": null, "organisation": null })));
        let third = register(&app, &ada("third", &json!({ "birth_date": null, "organisation": "INSTITUTE" })));
        let found = pairs(&app);
        let summary = |pair: &Value| (pair["reason"].clone(), pair["registrations"][0]["reference"].clone(),
            pair["registrations"][1]["reference"].clone());
        assert_eq!(found.iter().map(summary).collect::<Vec<_>>(), [
            (json!("birth_date"), json!(first), json!(second)),
            (json!("organisation"), json!(first), json!(third)),
        ]);
        assert_eq!(found[0]["registrations"][0]["organisation"], "Institute");
        assert_eq!(found[0]["registrations"][1]["email"], "a.l@example.org");
        let page = app.admin("GET", &format!("{PATH}/duplicates?limit=1"), None).json();
        let rest = app.admin("GET", page["next"].as_str().unwrap(), None).json();
        assert_eq!((&page["data"], &rest["data"], &rest["next"]), (&json!([found[0]]), &json!([found[1]]), &Value::Null));
        for _ in 0..2 {
            let dismissed = decide_pair(&app, &found[0], "dismiss", &json!({}));
            assert_eq!((dismissed.status, &dismissed.json()["status"]), (200, &json!("dismissed")));
        }
        assert_eq!(pairs(&app), [found[1].clone()]);
        let trail = app.admin("GET", &format!("{PATH}/audit?operation=dismiss_duplicate"), None).json()["data"].clone();
        let entry = &trail[0];
        assert_eq!((&entry["action"], &entry["code"]), (&json!("dismiss"), &found[0]["id"]));
        assert_eq!(trail.as_array().unwrap().len(), 1, "the second time changes nothing");
        // A pair with a cancelled registration is not listed.
        let cancel = format!("{PATH}/registrations/{third}/cancel");
        assert_eq!(app.admin("POST", &cancel, Some(&json!({}))).status, 200);
        assert_eq!(pairs(&app), Vec::<Value>::new());
        let unknown = json!({ "id": "01890000-0000-7000-8000-000000000000" });
        assert_eq!(decide_pair(&app, &unknown, "dismiss", &json!({})).status, 404);
        assert_eq!(decide_pair(&app, &json!({ "id": "x" }), "merge", &json!({ "keep": "x" })).status, 404);
    }

    fn a_merge_makes_one_registration_and_one_letter_of_two(store) {
        let app = Environment::new(store).start();
        app.publish(&with_sessions());
        let first = register(&app, &ada("ada", &json!({ "position": "Analyst", "sessions": ["one"] })));
        let second = register(&app, &ada("a.l", &json!({
            "position": "Director", "organisation": "Institute", "country": "GB", "phone": "+32 2 123 45 67",
            "sessions": ["two", "three"], "honorific": "Dr"
        })));
        let before = messages(&app);
        let pair = pairs(&app)[0].clone();
        let wrong = json!({ "keep": "SMALL-1", "fields": { "email": "S-2", "height": first } });
        assert_eq!(decide_pair(&app, &pair, "merge", &wrong).faults(), ["#/fields/height unknown_field"]);
        let wrong = json!({ "keep": "SMALL-1", "fields": { "email": "S-2" } });
        assert_eq!(decide_pair(&app, &pair, "merge", &wrong).faults(), ["#/keep unknown_reference", "#/fields/email unknown_reference"]);
        let request = json!({ "keep": first, "fields": { "email": second, "honorific": first } });
        let merged = decide_pair(&app, &pair, "merge", &request);
        assert_eq!((merged.status, &merged.json()["status"]), (200, &json!("merged")), "{}", merged.text());

        let kept_registration = read(&app, &first);
        let fields = ["email", "position_title", "organisation", "country", "phone", "honorific", "status"];
        let found: Vec<_> = fields.iter().map(|field| kept_registration[*field].clone()).collect();
        assert_eq!(found, [json!("a.l@example.org"), json!("Analyst"), json!("Institute"), json!("GB"),
            json!("+32 2 123 45 67"), Value::Null, json!("confirmed")]);
        let mut sessions: Vec<_> = kept_registration["sessions"].as_array().unwrap().iter().map(|seat| seat["session"].clone()).collect();
        sessions.sort_by_key(Value::to_string);
        assert_eq!(sessions, ["one", "three"], "two is on at the same time as one");
        assert_eq!(events(&kept_registration), [("registered", "confirmed"), ("merged", "confirmed")]);
        let other = read(&app, &second);
        assert_eq!(events(&other), [("registered", "confirmed"), ("cancelled", "cancelled")]);
        assert_eq!(other["sessions"], json!([]));
        let detail = format!("SELECT count(*) AS n FROM registration_events WHERE detail ->> 'merged_into' = '{first}' \
            OR detail ->> 'merged_from' = '{second}'");
        assert_eq!(app.count(&detail), 2);
        assert_eq!(messages(&app), before + 1);
        let to = "SELECT count(*) AS n FROM outbox_messages WHERE kind = 'changed' AND recipient = 'a.l@example.org'";
        assert_eq!(app.count(to), 1);

        let repeated = decide_pair(&app, &pair, "merge", &request);
        assert_eq!(repeated.problem(), (409, "already-merged".to_owned()));
        assert_eq!(decide_pair(&app, &pair, "dismiss", &json!({})).problem(), (409, "already-merged".to_owned()));
        assert_eq!(messages(&app), before + 1);
        assert_healthy(&app);
    }

    fn a_merge_keeps_the_better_place_and_frees_the_other(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(Some(2), None));
        let seated = register(&app, &ada("ada", &json!({})));
        let blocker = register(&app, &json!({ "category": "press", "given_name": "B", "family_name": "B",
            "email": "b@example.org", "consent": true }));
        let next = register(&app, &json!({ "category": "delegate", "given_name": "N", "family_name": "N",
            "email": "n@example.org", "consent": true }));
        let waiting = register(&app, &ada("a.l", &json!({})));
        let before = messages(&app);
        assert_eq!(merge(&app, &waiting).status, 200);
        assert_eq!(events(&read(&app, &waiting)), [("registered", "waitlisted"), ("merged", "confirmed")]);
        assert_eq!(read(&app, &seated)["status"], "cancelled");
        assert_eq!(read(&app, &next)["status"], "waitlisted", "the seat is handed over, not given away");
        assert_eq!(messages(&app), before + 1);
        assert_healthy(&app);

        // Both have a seat: one of the two becomes free for the waiting list.
        assert_eq!(app.admin("POST", &format!("{PATH}/registrations/{blocker}/cancel"), Some(&json!({}))).status, 200);
        assert_eq!(read(&app, &next)["status"], "confirmed");
        let late = register(&app, &json!({ "category": "delegate", "given_name": "L", "family_name": "L",
            "email": "l@example.org", "consent": true }));
        assert_eq!(read(&app, &late)["position"], 1);
        // Both wait: the merge keeps the earlier place.
        let one = register(&app, &ada("w1", &json!({ "birth_date": "1980-01-01" })));
        let between = register(&app, &json!({ "category": "delegate", "given_name": "M", "family_name": "M",
            "email": "m@example.org", "consent": true }));
        let two = register(&app, &ada("w2", &json!({ "birth_date": "1980-01-01" })));
        assert_eq!((&read(&app, &one)["position"], &read(&app, &two)["position"]), (&json!(2), &json!(4)));
        assert_eq!(merge(&app, &two).status, 200);
        assert_eq!((&read(&app, &two)["position"], &read(&app, &between)["position"]), (&json!(2), &json!(3)));
        assert_healthy(&app);
    }

    fn a_merge_of_two_seats_gives_one_to_the_next_who_waits(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(Some(2), None));
        let first = register(&app, &ada("ada", &json!({})));
        register(&app, &ada("a.l", &json!({})));
        let next = register(&app, &json!({ "category": "press", "given_name": "N", "family_name": "N",
            "email": "n@example.org", "consent": true }));
        assert_eq!(read(&app, &next)["status"], "waitlisted");
        let before = messages(&app);
        assert_eq!(merge(&app, &first).status, 200);
        assert_eq!(events(&read(&app, &next)), [("registered", "waitlisted"), ("promoted", "confirmed")]);
        assert_eq!(messages(&app), before + 2);
        assert_healthy(&app);
    }

    fn a_merge_result_is_checked_against_third_registrations(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let first = register(&app, &ada("ada", &json!({ "birth_date": null, "organisation": "Institute" })));
        let second = register(&app, &ada("a.l", &json!({ "organisation": "The institute" })));
        let third = register(&app, &ada("third", &json!({})));
        // A registrar may merge although the organisations differ.
        let found = pairs(&app);
        assert_eq!(found.len(), 1, "the first says nothing that another says");
        let request = json!({ "keep": second, "fields": { "organisation": second } });
        assert_eq!(decide_pair(&app, &found[0], "dismiss", &json!({})).status, 200);
        let fourth = register(&app, &ada("fourth", &json!({ "organisation": "Institute" })));
        let with_first = |pair: &&Value| pair["registrations"][0]["reference"] == json!(first);
        let found: Vec<Value> = pairs(&app).iter().filter(with_first).cloned().collect();
        assert_eq!(found.len(), 1);
        assert_eq!(decide_pair(&app, &found[0], "merge", &request).faults(), ["#/keep unknown_reference", "#/fields/organisation unknown_reference"]);
        assert_eq!(decide_pair(&app, &found[0], "merge", &json!({ "keep": first })).status, 200);
        let others = |pair: &Value| pair["registrations"].as_array().unwrap().iter()
            .map(|one| one["reference"].clone()).collect::<Vec<_>>();
        let summary: Vec<_> = pairs(&app).iter().map(others).collect();
        assert_eq!(summary, [[json!(first), json!(second)], [json!(first), json!(third)]]);
        assert_eq!(read(&app, &fourth)["status"], "cancelled");
        assert_healthy(&app);
    }

    fn a_seat_that_a_merge_cannot_take_over_is_not_lost(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, Some(1));
        blueprint["registration"]["categories"].as_array_mut().unwrap().push(
            json!({ "code": "vip", "name": "VIP", "needs_approval": true })
        );
        app.publish(&blueprint);
        register(&app, &json!({ "category": "press", "given_name": "P", "family_name": "P", "email": "p@example.org",
            "consent": true }));
        let seated = register(&app, &ada("ada", &json!({})));
        let undecided = register(&app, &ada("vip", &json!({ "category": "vip" })));
        assert_eq!(merge(&app, &undecided).problem(), (409, "merge-loses-seat".to_owned()));
        let full = register(&app, &ada("press", &json!({ "category": "press" })));
        let found = pairs(&app);
        let pair = found.iter().find(|pair| pair["registrations"][0]["reference"] == json!(seated)
            && pair["registrations"][1]["reference"] == json!(full)).unwrap();
        assert_eq!(decide_pair(&app, pair, "merge", &json!({ "keep": full })).problem(), (409, "merge-loses-seat".to_owned()));
        assert_eq!(decide_pair(&app, pair, "merge", &json!({ "keep": seated })).status, 200);
        assert_eq!(read(&app, &seated)["status"], "confirmed");
        assert_healthy(&app);
    }

    fn the_kept_registration_takes_over_delegation_and_answers(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["registration"]["questions"] = json!([
            { "code": "diet", "kind": "short_text", "label": "Diet" },
            { "code": "badge", "kind": "short_text", "label": "Badge" },
            { "code": "press-card", "kind": "short_text", "label": "Card", "categories": ["press"] }
        ]);
        app.publish(&blueprint);
        let first = register(&app, &ada("ada", &json!({ "answers": { "diet": "fish" } })));
        let second = register(&app, &ada("a.l", &json!({
            "category": "press", "answers": { "diet": "none", "badge": "Ada", "press-card": "7" }
        })));
        let delegation = id(store, 1);
        let now = "'2026-01-01T00:00:00.000000Z'";
        app.environment.database.execute(&format!("INSERT INTO delegations (id, conference_id, code, kind, name, name_folded, \
            category_id, quota, members, token_generation, created_at, updated_at) SELECT {delegation}, conference_id, 'be', \
            'member_state', '{{}}', 'be', id, 1, 1, 1, {now}, {now} FROM categories WHERE code = 'delegate'"));
        app.environment.database.execute(&format!("INSERT INTO delegation_members (registration_id, delegation_id, is_head, level) \
            SELECT id, {delegation}, TRUE, 'minister' FROM registrations WHERE reference = '{second}'"));
        assert_healthy(&app);
        assert_eq!(merge(&app, &first).status, 200);
        assert_eq!(read(&app, &first)["answers"], json!({ "diet": "fish", "badge": "Ada" }));
        let head = format!("SELECT count(*) AS n FROM delegation_members m JOIN registrations r ON r.id = m.registration_id \
            WHERE r.reference = '{first}' AND m.is_head AND m.level = 'minister'");
        assert_eq!(app.count(&head), 1);
        assert_healthy(&app);
    }

    fn a_merge_keeps_the_better_sign_up_for_the_same_session(store) {
        let app = Environment::new(store).start();
        app.publish(&with_sessions());
        let seated = register(&app, &ada("one", &json!({ "sessions": ["one"] })));
        let bob = register(&app, &ada("bob", &json!({ "given_name": "Bob", "sessions": ["one"] })));
        let waiting = register(&app, &ada("two", &json!({ "sessions": ["one"] })));
        assert_eq!(merge(&app, &waiting).status, 200);
        assert_eq!(read(&app, &waiting)["sessions"], json!([{ "session": "one", "status": "confirmed" }]));
        assert_eq!(read(&app, &bob)["sessions"], json!([{ "session": "one", "status": "waitlisted" }]));
        assert_eq!(read(&app, &seated)["status"], "cancelled");
        assert_healthy(&app);
    }

    fn the_link_of_an_address_that_a_merge_drops_is_void(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let kept_registration = app.post(&format!("{PATH}/registrations"), &ada("one", &json!({}))).json();
        let other = register(&app, &ada("two", &json!({})));
        let reference = kept_registration["reference"].as_str().unwrap();
        let request = json!({ "keep": reference, "fields": { "email": other } });
        assert_eq!(decide_pair(&app, &pairs(&app)[0], "merge", &request).status, 200);
        assert_eq!(read(&app, reference)["email"], "two@example.org");
        assert_eq!(app.get(app.path_of(kept_registration["links"]["self"].as_str().unwrap())).status, 401);
        let into = read(&app, &other)["history"].as_array().unwrap().last().unwrap()["merged_into"].clone();
        assert_eq!(into, json!(reference));
    }
}
