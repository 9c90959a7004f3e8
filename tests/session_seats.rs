//! Sessions with sign-up, each with its own seats and waiting list; offers; changes by attendees.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{Environment, person, small_conference},
    on_both_stores,
};

const PATH: &str = "/api/v1/conferences/small/registrations";

/// Three workshops of one seat each; the first two are on at once.
fn with_workshops(seats: Option<u32>) -> Value {
    let mut blueprint = small_conference(seats, None);
    let workshop = |code: &str, starts: &str, ends: &str| {
        json!({
            "code": code, "kind": "parallel", "title": code, "access": "sign_up", "seats": 1,
            "starts_at": format!("2030-05-01T{starts}"), "ends_at": format!("2030-05-01T{ends}"), "items": []
        })
    };
    let sessions = blueprint["sessions"].as_array_mut().unwrap();
    sessions.push(workshop("law", "11:00", "12:00"));
    sessions.push(workshop("media", "11:30", "12:30"));
    sessions.push(workshop("film", "14:00", "15:00"));
    blueprint
}

fn register(app: &App, number: usize, sessions: &[&str]) -> Value {
    let mut form = person(number, "delegate");
    form["sessions"] = json!(sessions);
    let answer = app.post(PATH, &form);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn read_by_link(app: &App, receipt: &Value) -> Value {
    app.get(app.path_of(receipt["links"]["self"].as_str().unwrap())).json()
}

fn seats(app: &App, receipt: &Value) -> Vec<String> {
    let view = read_by_link(app, receipt);
    let line = |seat: &Value| format!("{} {}", seat["session"].as_str().unwrap(), seat["status"].as_str().unwrap());
    let mut seats: Vec<String> = view["sessions"].as_array().unwrap().iter().map(line).collect();
    seats.sort();
    seats
}

fn choose(app: &App, receipt: &Value, sessions: &[&str]) -> crate::support::Answer {
    let path = app.path_of(receipt["links"]["sessions"].as_str().unwrap());
    app.send("PUT", path, &[("content-type", "application/json")], Some(&json!({ "sessions": sessions }).to_string()))
}

fn assert_session_seats_add_up(app: &App) {
    let wrong = app.count(
        "SELECT count(*) AS n FROM session_quotas q WHERE q.seats_taken <> \
         (SELECT count(*) FROM session_sign_ups s WHERE s.session_id = q.session_id AND s.state = 'confirmed')",
    );
    assert_eq!(wrong, 0);
}

on_both_stores! {
    fn a_session_seat_goes_to_the_first_sign_up_and_then_to_the_waiting_list(store) {
        let app = Environment::new(store).start();
        app.publish(&with_workshops(None));
        let (ada, bob) = (register(&app, 1, &["law", "film"]), register(&app, 2, &["law"]));
        assert_eq!(seats(&app, &ada), ["film confirmed", "law confirmed"]);
        assert_eq!(seats(&app, &bob), ["law waitlisted"]);
        let form = app.get("/api/v1/conferences/small/registration-form").json();
        assert_eq!(form["sessions"][0]["code"], "law");
        assert_eq!((form["sessions"][0]["seats"].clone(), form["sessions"][0]["seats_left"].clone()), (json!(1), json!(0)));
        // She gives up the session: he gets the seat, and his history and a letter say so.
        assert_eq!(choose(&app, &ada, &["film"]).status, 200);
        assert_eq!(seats(&app, &ada), ["film confirmed"]);
        assert_eq!(seats(&app, &bob), ["law confirmed"]);
        assert_eq!(read_by_link(&app, &bob)["history"][1]["event"], "seated");
        // A cancellation gives up every seat.
        app.post(app.path_of(bob["links"]["cancel"].as_str().unwrap()), &json!({}));
        assert_eq!(choose(&app, &ada, &["film", "law"]).json()["sessions"].as_array().unwrap().len(), 2);
        assert_eq!(seats(&app, &ada), ["film confirmed", "law confirmed"]);
        assert_session_seats_add_up(&app);
        let kinds = app.environment.database.texts("SELECT kind AS n FROM outbox_messages ORDER BY created_at, id");
        assert_eq!(kinds, ["confirmed", "confirmed", "sessions", "sessions", "cancelled", "sessions"]);
    }

    fn nobody_is_in_two_sessions_at_once(store) {
        let app = Environment::new(store).start();
        app.publish(&with_workshops(None));
        let mut form = person(1, "delegate");
        form["sessions"] = json!(["law", "media", "law", "opening", "nothing"]);
        assert_eq!(app.post(PATH, &form).faults(), [
            "#/sessions/1 overlap",
            "#/sessions/2 duplicate",
            "#/sessions/3 unknown_reference",
            "#/sessions/4 unknown_reference",
        ]);
        let ada = register(&app, 1, &["law"]);
        assert_eq!(choose(&app, &ada, &["law", "media"]).faults(), ["#/sessions/1 overlap"]);
        assert_eq!(choose(&app, &ada, &["media", "film"]).status, 200);
        assert_eq!(seats(&app, &ada), ["film confirmed", "media confirmed"]);
        // Choosing the same again is no change.
        let messages = app.count("SELECT count(*) AS n FROM outbox_messages");
        assert_eq!(choose(&app, &ada, &["film", "media"]).status, 200);
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), messages);
    }

    fn a_person_on_the_waiting_list_has_no_session_seat(store) {
        let app = Environment::new(store).start();
        app.publish(&with_workshops(Some(1)));
        let (ada, bob) = (register(&app, 1, &["film"]), register(&app, 2, &["law", "film"]));
        assert_eq!(seats(&app, &bob), ["film wished", "law wished"]);
        app.post(app.path_of(ada["links"]["cancel"].as_str().unwrap()), &json!({}));
        assert_eq!(seats(&app, &bob), ["film confirmed", "law confirmed"]);
        assert_session_seats_add_up(&app);
    }

    fn a_release_with_more_seats_admits_waiting_people_and_one_with_fewer_removes_nobody(store) {
        let app = Environment::new(store).start();
        let mut blueprint = with_workshops(None);
        blueprint["sessions"][3]["seats"] = json!(2);
        app.publish(&blueprint);
        let people: Vec<Value> = (0..4).map(|number| register(&app, number, &["film"])).collect();
        assert_eq!(seats(&app, &people[2]), ["film waitlisted"]);
        blueprint["sessions"][3]["seats"] = json!(3);
        app.publish(&blueprint);
        assert!(app.environment.run(&["sweep"]).status.success());
        assert_eq!(seats(&app, &people[2]), ["film confirmed"]);
        blueprint["sessions"][3]["seats"] = json!(1);
        app.publish(&blueprint);
        assert!(app.environment.run(&["sweep"]).status.success());
        for person in &people[..3] {
            assert_eq!(seats(&app, person), ["film confirmed"]);
        }
        // Three are confirmed for one seat: who leaves makes room for nobody, until one is left.
        for person in &people[..2] {
            assert_eq!(choose(&app, person, &[]).status, 200);
            assert_eq!(seats(&app, &people[3]), ["film waitlisted"]);
        }
        assert_eq!(choose(&app, &people[2], &[]).status, 200);
        assert_eq!(seats(&app, &people[3]), ["film confirmed"]);
        assert_session_seats_add_up(&app);
    }

    fn an_offer_holds_a_seat_until_it_is_taken_or_ends(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, Some(1));
        blueprint["registration"]["categories"][1]["offer_hours"] = json!(24);
        app.publish(&blueprint);
        let receipts: Vec<Value> = (0..3).map(|number| app.post(PATH, &person(number, "press")).json()).collect();
        app.post(app.path_of(receipts[0]["links"]["cancel"].as_str().unwrap()), &json!({}));
        let offered = read_by_link(&app, &receipts[1]);
        assert_eq!((offered["status"].clone(), offered["position"].clone()), (json!("waitlisted"), Value::Null));
        assert!(offered["offer_expires_at"].is_string());
        assert_eq!(app.count("SELECT seats_taken AS n FROM registration_setups"), 1);
        assert_eq!(read_by_link(&app, &receipts[2])["position"], 1);
        let page = app.path_of(receipts[1]["links"]["self"].as_str().unwrap());
        let page = app.browse(page);
        assert!(page.text().contains("A seat is held for you") && page.text().contains("/accept?token="), "{}", page.text());
        // The offer lapses: the seat goes to the next, who accepts it; the first is last now.
        app.environment.database.execute(
            "UPDATE registrations SET offer_expires_at = '2020-01-01T00:00:00.000000Z' WHERE offer_expires_at IS NOT NULL",
        );
        let accept = |receipt: &Value| {
            let path = app.path_of(receipt["links"]["self"].as_str().unwrap()).replace("?token=", "/accept?token=");
            app.post(&path, &json!({}))
        };
        assert_eq!(accept(&receipts[1]).problem(), (409, "wrong-state".to_owned()));
        assert!(app.environment.run(&["sweep"]).status.success());
        assert_eq!(read_by_link(&app, &receipts[1])["position"], 1);
        assert_eq!(accept(&receipts[2]).json()["status"], "confirmed");
        assert_eq!(accept(&receipts[2]).problem(), (409, "wrong-state".to_owned()));
        let kinds = app.environment.database.texts("SELECT kind AS n FROM outbox_messages ORDER BY created_at, id");
        assert_eq!(kinds, [
            "confirmed", "waitlisted", "waitlisted", "cancelled", "offered", "lapsed", "offered", "promoted"
        ]);
    }

    fn attendees_change_their_own_fields_and_registrars_the_others(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, Some(1));
        blueprint["registration"]["categories"][0]["needs_approval"] = json!(true);
        app.publish(&blueprint);
        let receipt = app.post(PATH, &person(1, "delegate")).json();
        let path = app.path_of(receipt["links"]["self"].as_str().unwrap()).to_owned();
        let reference = receipt["reference"].as_str().unwrap();
        let patch = |body: Value| app.send("PATCH", &path, &[("content-type", "application/json")], Some(&body.to_string()));
        assert_eq!(patch(json!({ "given_name": "Ada", "country": "BE" })).json()["given_name"], "Ada");
        let bulk = json!({ "references": [reference] });
        assert_eq!(app.admin("POST", &format!("{PATH}/approve"), Some(&bulk)).json()["changed"], 1);
        let refused = patch(json!({
            "given_name": "Eve", "email": "eve@example.org", "category": "press", "badge": { "level": "VIP" },
        }));
        assert_eq!(refused.faults(), [
            "#/category not_changeable", "#/email not_changeable", "#/badge not_changeable", "#/given_name not_changeable",
        ]);
        assert_eq!(patch(json!({ "country": "Belgium", "consent": true })).faults(), [
            "#/consent unknown_field", "#/country invalid_country",
        ]);
        assert_eq!(patch(json!({ "country": null })).json()["country"], Value::Null);
        // A registrar may; a new address makes the old link void.
        let by_registrar = |body: Value| app.admin("PATCH", &format!("{PATH}/{reference}"), Some(&body));
        let moved = by_registrar(json!({ "category": "press", "badge": { "level": "VIP" } })).json();
        assert_eq!((moved["category"].clone(), moved["status"].clone()), (json!("press"), json!("confirmed")));
        assert_eq!(app.count("SELECT count(*) AS n FROM categories WHERE seats_taken = 1 AND code = 'press'"), 1);
        assert_eq!(by_registrar(json!({ "email": "ada@example.org" })).json()["email"], "ada@example.org");
        assert_eq!(app.get(&path).status, 401);
        // The category is full now, and the address taken.
        let second = app.post(PATH, &person(2, "delegate")).json();
        let other = format!("{PATH}/{}", second["reference"].as_str().unwrap());
        let bulk = json!({ "references": [second["reference"]] });
        assert_eq!(app.admin("POST", &format!("{PATH}/approve"), Some(&bulk)).json()["changed"], 1);
        assert_eq!(
            app.admin("PATCH", &other, Some(&json!({ "category": "press" }))).problem(),
            (409, "registration-full".to_owned())
        );
        assert_eq!(
            app.admin("PATCH", &other, Some(&json!({ "email": "ADA@example.org" }))).problem(),
            (409, "already-registered".to_owned())
        );
        let taken = app.count("SELECT count(*) AS n FROM categories WHERE seats_taken = 1");
        assert_eq!(taken, 2);
    }

    fn a_renewed_link_replaces_the_old_one(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let receipt = app.post(PATH, &person(1, "delegate")).json();
        let path = app.path_of(receipt["links"]["self"].as_str().unwrap()).to_owned();
        let renewed = app.post(&path.replace("?token=", "/renew-link?token="), &json!({}));
        assert_eq!(renewed.status, 200, "{}", renewed.text());
        assert_eq!(app.get(&path).status, 401);
        let kinds = app.environment.database.texts("SELECT kind AS n FROM outbox_messages ORDER BY created_at, id");
        assert_eq!(kinds, ["confirmed", "link"]);
    }

    fn the_set_up_is_read_and_written_over_the_api(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(Some(1), None));
        let path = "/api/v1/conferences/small/registration-setup";
        let first = app.admin("GET", path, None);
        let mut setup = first.json();
        app.post(PATH, &person(1, "delegate"));
        let waiting = app.post(PATH, &person(2, "delegate")).json();
        setup["seats"] = json!(2);
        setup["questions"] = json!([{ "code": "visa", "kind": "yes_no", "label": "Visa?" }]);
        let plan = app.admin("PUT", &format!("{path}?dry_run=true"), Some(&setup)).json();
        let codes: Vec<_> = plan["changes"].as_array().unwrap().iter().map(|change| change["code"].clone()).collect();
        assert_eq!(codes, ["registration", "visa"]);
        assert_eq!(read_by_link(&app, &waiting)["status"], "waitlisted");
        assert_eq!(app.admin("PUT", path, Some(&setup)).json()["changes"], plan["changes"]);
        assert_eq!(read_by_link(&app, &waiting)["status"], "confirmed");
        setup["categories"][0]["seats"] = json!(1);
        assert_eq!(app.admin("PUT", path, Some(&setup)).problem(), (409, "seats-taken".to_owned()));
        setup["categories"][0]["code"] = json!("Bad Code");
        assert_eq!(app.admin("PUT", path, Some(&setup)).faults(), ["#/categories/0/code invalid_code"]);
        let stale = app.send(
            "PUT", path,
            &[("content-type", "application/json"), ("authorization", &app.authorization()),
              ("if-match", first.header("etag").unwrap())],
            Some(first.text()),
        );
        assert_eq!(stale.problem(), (412, "precondition-failed".to_owned()));
    }

    fn a_process_with_an_older_release_removes_no_seats_of_a_newer_one(store) {
        let app = Environment::new(store).start();
        app.publish(&with_workshops(None));
        let receipts: Vec<Value> = (1..=3).map(|number| register(&app, number, &["law"])).collect();
        assert_eq!(seats(&app, &receipts[1]), ["law waitlisted"]);
        // As another process with a later release leaves it, with two seats.
        let law = "(SELECT id FROM sessions WHERE code = 'law')";
        app.environment.database.execute("UPDATE registration_setups SET sessions_release = 99");
        app.environment.database.execute(&format!("UPDATE session_quotas SET seats = 2, seats_released = 2 WHERE session_id = {law}"));
        app.environment.database.execute(&format!(
            "UPDATE session_quotas SET seats_taken = 2 WHERE session_id = {law}"
        ));
        app.environment.database.execute(&format!(
            "UPDATE session_sign_ups SET state = 'confirmed' WHERE session_id = {law} AND registration_id = \
             (SELECT id FROM registrations WHERE email = 'person-2@example.org')"
        ));
        assert_eq!(app.post(app.path_of(receipts[0]["links"]["cancel"].as_str().unwrap()), &json!({})).status, 200);
        assert_eq!(app.count(&format!("SELECT seats AS n FROM session_quotas WHERE session_id = {law}")), 2);
        assert_eq!(seats(&app, &receipts[2]), ["law confirmed"]);
        assert_session_seats_add_up(&app);
    }

    fn a_new_address_makes_the_old_link_void(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let receipt = register(&app, 1, &[]);
        let link = app.path_of(receipt["links"]["self"].as_str().unwrap()).to_owned();
        let path = format!("{PATH}/{}", receipt["reference"].as_str().unwrap());
        let both = json!({ "category": "press", "email": "new@example.org" });
        assert_eq!(app.admin("PATCH", &path, Some(&both)).status, 200);
        assert_eq!(app.get(&link).status, 401);
    }

    fn an_address_cannot_be_flooded_with_letters_about_changes(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let receipt = register(&app, 1, &[]);
        let link = app.path_of(receipt["links"]["self"].as_str().unwrap()).to_owned();
        for number in 0..8 {
            let patch = json!({ "phone": format!("+32 2 555 00 0{number}") }).to_string();
            let headers = [("content-type", "application/merge-patch+json")];
            assert_eq!(app.send("PATCH", &link, &headers, Some(&patch)).status, 200);
        }
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages WHERE kind = 'changed'"), 5);
        assert_eq!(app.count("SELECT count(*) AS n FROM registration_events WHERE event = 'changed'"), 8);
        assert!(app.environment.run(&["doctor"]).status.success());
    }
}
