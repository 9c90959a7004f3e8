//! Seats, waiting lists, one's own registration: under concurrency, after a crash, with several processes.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

use crate::support::{
    Answer, App, Store,
    app::{BROWSER, Environment, person, small_conference},
    http::Client,
    on_both_stores, smtp,
    smtp::Smtp,
};

const PATH: &str = "/api/v1/conferences/small/registrations";

/// Calls `work` with 0, 1, 2 ... below `count`, from `threads` threads.
fn in_threads(threads: usize, count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    work(number);
                }
            });
        }
    });
}

fn register(app: &App, number: usize, category: &str) -> Value {
    let answer = app.post(PATH, &person(number, category));
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn read_by_link(app: &App, receipt: &Value) -> Value {
    app.get(app.path_of(receipt["links"]["self"].as_str().unwrap())).json()
}

fn cancel(app: &App, receipt: &Value) -> Answer {
    app.post(app.path_of(receipt["links"]["cancel"].as_str().unwrap()), &json!({}))
}

fn with_status<'a>(receipts: &'a [Value], status: &str) -> Vec<&'a Value> {
    receipts.iter().filter(|receipt| receipt["status"] == status).collect()
}

/// Checks with SQL that the counters of the store are right.
fn assert_seats_add_up(app: &App) {
    let taken = app.count("SELECT seats_taken AS n FROM registration_setups");
    let confirmed = app.count("SELECT count(*) AS n FROM registrations WHERE state = 'confirmed'");
    assert_eq!(taken, confirmed);
    let of_categories = app.count(
        "SELECT count(*) AS n FROM categories c WHERE c.seats_taken <> \
         (SELECT count(*) FROM registrations r WHERE r.category_id = c.id AND r.state = 'confirmed')",
    );
    assert_eq!(of_categories, 0);
    let too_many = app.count("SELECT count(*) AS n FROM registration_setups WHERE seats_taken > seats");
    assert_eq!(too_many, 0);
    let wait_in_vain = app.count(
        "SELECT count(*) AS n FROM registrations r JOIN categories c ON c.id = r.category_id \
         JOIN registration_setups s ON s.conference_id = r.conference_id WHERE r.state = 'waitlisted' \
         AND (c.seats IS NULL OR c.seats_taken < c.seats) AND (s.seats IS NULL OR s.seats_taken < s.seats)",
    );
    assert_eq!(wait_in_vain, 0);
}

/// 500 people for 100 seats over `apps`, then 30 who cancel at once; the mail server sees each message once.
fn register_five_hundred_for_a_hundred_seats(apps: &[App], smtp: &Smtp) {
    let app = &apps[0];
    let receipts = Mutex::new(Vec::new());
    in_threads(32, 500, |number| {
        let receipt = register(&apps[number % apps.len()], number, "delegate");
        receipts.lock().unwrap().push(receipt);
    });
    let receipts = receipts.into_inner().unwrap();
    assert_eq!(receipts.len(), 500);
    let confirmed = with_status(&receipts, "confirmed");
    assert_eq!(confirmed.len(), 100);
    let mut waiting = with_status(&receipts, "waitlisted");
    waiting.sort_by_key(|receipt| receipt["position"].as_i64());
    let positions: Vec<_> = waiting.iter().map(|receipt| receipt["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, (1..=400).collect::<Vec<_>>());
    assert_seats_add_up(app);

    let references = |chosen: &[&Value]| -> BTreeSet<String> {
        chosen.iter().map(|receipt| receipt["reference"].to_string()).collect()
    };
    assert_eq!(references(&confirmed).len() + references(&waiting).len(), 500);

    let messages = smtp.wait_for(500);
    let to: BTreeSet<_> = messages.iter().flat_map(|message| &message.to).collect();
    assert_eq!(to.len(), 500, "somebody got two messages and somebody none");

    in_threads(30, 30, |number| {
        let app = &apps[number % apps.len()];
        let path = confirmed[number]["links"]["cancel"].as_str().unwrap();
        let (_, path) = path.split_at(path.find("/api/").unwrap());
        assert_eq!(app.post(path, &json!({})).status, 200);
    });
    let now_confirmed: Vec<_> = waiting
        .iter()
        .filter(|receipt| {
            let path = receipt["links"]["self"].as_str().unwrap();
            app.get(path.split_at(path.find("/api/").unwrap()).1).json()["status"] == "confirmed"
        })
        .map(|receipt| receipt["position"].as_i64().unwrap())
        .collect();
    assert_eq!(now_confirmed, (1..=30).collect::<Vec<_>>());
    assert_seats_add_up(app);
    let messages = smtp.wait_for(60);
    let subjects = |begin: &str| messages.iter().filter(|message| message.data.contains(begin)).count();
    assert_eq!(subjects("Your registration is cancelled"), 30);
    assert_eq!(subjects("A seat became free"), 30);
    assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), 560);
}

on_both_stores! {
    fn the_same_key_registers_once_with_the_same_answer(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(Some(1), None));
        let send = |path: &str, key: &str, body: &Value| {
            let headers = [("content-type", "application/json"), ("idempotency-key", key)];
            app.send("POST", path, &headers, Some(&body.to_string()))
        };
        let ann = person(1, "delegate");
        let first = send(PATH, "form-1", &ann);
        assert_eq!((first.status, &first.json()["status"]), (201, &json!("confirmed")));
        let repeated = send(PATH, "form-1", &ann);
        assert_eq!((repeated.status, &repeated.body, repeated.header("location")), (201, &first.body, first.header("location")));
        // Another person chose the same key: neither is refused, and nobody learns that the key was used.
        assert_eq!(send(PATH, "form-1", &person(2, "delegate")).json()["status"], "waitlisted");
        assert_eq!(send(PATH, "form-1", &ann).body, first.body);
        assert_eq!(send(PATH, "form-2", &ann).problem(), (409, "already-registered".to_owned()));
        let wrong = json!({ "category": "delegate" });
        assert_eq!((send(PATH, "form-3", &wrong).status, send(PATH, "form-3", &person(3, "delegate")).status), (422, 201));
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let body = person(4, "delegate");
            let racers: Vec<_> = (0..6).map(|_| { let body = body.clone(); scope.spawn(move || send(PATH, "form-4", &body)) }).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body), "{answers:?}");
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 4);
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), 4);
        // The link is replaced: the stored answer does not reveal the new one.
        let own_path = first.json()["links"]["self"].as_str().unwrap().to_owned();
        let renew = format!("{PATH}/{}/renew-link", first.json()["reference"].as_str().unwrap());
        assert_eq!(app.admin("POST", &renew, Some(&json!({}))).status, 200);
        assert_eq!(send(PATH, "form-1", &ann).json()["links"]["self"], json!(own_path));
        assert_eq!(app.get(app.path_of(&own_path)).status, 401);
        assert_eq!(app.count("SELECT count(*) AS n FROM idempotency_keys WHERE scope LIKE '%token%' OR CAST(answer AS TEXT) LIKE '%token=%'"), 0);
    }

    fn with_verification_a_repeated_key_reveals_nothing(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["registration"]["categories"][0]["verifies_email"] = json!(true);
        app.publish(&blueprint);
        let send = |key: &str, body: &Value| {
            let headers = [("content-type", "application/json"), ("idempotency-key", key)];
            app.send("POST", PATH, &headers, Some(&body.to_string()))
        };
        let answers: Vec<Answer> = ["a", "a", "b"].iter().map(|key| send(key, &person(1, "delegate"))).collect();
        assert!(answers.iter().all(|answer| answer.status == 202 && answer.body == answers[0].body), "{answers:?}");
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 1);
    }

    /// No seat is given twice, and nobody on the waiting list is skipped.
    fn a_hundred_seats_are_given_once_and_freed_ones_go_to_the_first_waiting(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        app.publish(&small_conference(Some(100), None));
        register_five_hundred_for_a_hundred_seats(std::slice::from_ref(&app), &smtp);
        assert_eq!(smtp.remaining().len(), 0);
    }

    fn a_registration_that_was_answered_survives_kill_9_and_its_message_is_delivered(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()));
        let mut app = environment.start_shared();
        app.publish(&small_conference(Some(50), None));
        let answered = Mutex::new(Vec::new());
        let kill_at = 120;
        let (url, process) = (app.url.clone(), app.id().to_string());
        let client = Client::new(&url);
        in_threads(16, 600, |number| {
            let headers = [("content-type", "application/json")];
            let body = person(number, "delegate").to_string();
            if let Ok(answer) = client.try_send("POST", PATH, &headers, Some(&body)) {
                assert_eq!(answer.status, 201);
                let mut answered = answered.lock().unwrap();
                answered.push((number, answer.json()["reference"].as_str().unwrap().to_owned()));
                if answered.len() == kill_at {
                    let killed = std::process::Command::new("kill").args(["-9", &process]).status();
                    assert!(killed.unwrap().success());
                }
            }
        });
        let answered = answered.into_inner().unwrap();
        assert!((kill_at..600).contains(&answered.len()), "the service outlived the kill");
        app.kill();

        let app = environment.start_shared();
        assert_seats_add_up(&app);
        for (_, reference) in &answered {
            let found = format!("SELECT count(*) AS n FROM registrations WHERE reference = '{reference}'");
            assert_eq!(app.count(&found), 1, "{reference} was answered and is lost");
        }
        let registrations = app.count("SELECT count(*) AS n FROM registrations");
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), registrations);
        // A message that was accepted when the process died may come twice; none is lost.
        let expected: BTreeSet<String> =
            answered.iter().map(|(number, _)| format!("person-{number}@example.org")).collect();
        let mut delivered = BTreeSet::new();
        while !expected.is_subset(&delivered) {
            delivered.extend(smtp.wait_for(1).remove(0).to);
        }
    }

    fn a_freed_conference_seat_goes_to_the_category_that_waits_longest(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(Some(2), Some(1)));
        let first = register(&app, 1, "press");
        let second = register(&app, 2, "press");
        let third = register(&app, 3, "delegate");
        let fourth = register(&app, 4, "delegate");
        let fifth = register(&app, 5, "press");
        let statuses = |all: &[&Value]| -> Vec<String> {
            all.iter().map(|receipt| read_by_link(&app, receipt)["status"].as_str().unwrap().to_owned()).collect()
        };
        let all = [&first, &second, &third, &fourth, &fifth];
        assert_eq!(statuses(&all), ["confirmed", "waitlisted", "confirmed", "waitlisted", "waitlisted"]);
        assert_eq!(read_by_link(&app, &fifth)["position"], 2, "a position counts within its list");
        // A delegate cancels: press has no free seat, so the waiting delegate gets it.
        assert_eq!(cancel(&app, &third).status, 200);
        assert_eq!(statuses(&all), ["confirmed", "waitlisted", "cancelled", "confirmed", "waitlisted"]);
        // A journalist cancels: the first waiting journalist gets the seat.
        assert_eq!(cancel(&app, &first).status, 200);
        assert_eq!(statuses(&all), ["cancelled", "confirmed", "cancelled", "confirmed", "waitlisted"]);
        assert_eq!(read_by_link(&app, &fifth)["position"], 1);
        assert_seats_add_up(&app);
    }

    fn raised_seats_go_to_those_who_wait_in_the_same_step(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(Some(1), None));
        let receipts: Vec<_> = (0..4).map(|number| register(&app, number, "delegate")).collect();
        let plan = app.admin("PUT", "/api/v1/conferences/small/blueprint", Some(&small_conference(Some(3), None)));
        let changes = plan.json()["changes"].clone();
        assert_eq!(changes.as_array().unwrap().len(), 1);
        assert_eq!(changes[0]["resource"], "registration");
        assert_eq!(changes[0]["before"], json!({ "seats": 1 }));
        assert_eq!(changes[0]["after"], json!({ "seats": 3 }));
        let statuses: Vec<_> = receipts.iter().map(|receipt| read_by_link(&app, receipt)["status"].clone()).collect();
        assert_eq!(statuses, ["confirmed", "confirmed", "confirmed", "waitlisted"]);
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages WHERE kind = 'promoted'"), 2);
        assert_seats_add_up(&app);
    }

    fn taken_seats_and_used_categories_cannot_be_removed(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        for number in 0..3 {
            register(&app, number, "press");
        }
        let put = |document: &Value| app.admin("PUT", "/api/v1/conferences/small/blueprint", Some(document)).problem();
        assert_eq!(put(&small_conference(Some(2), None)), (409, "seats-taken".to_owned()));
        assert_eq!(put(&small_conference(None, Some(2))), (409, "seats-taken".to_owned()));
        let mut without_press = small_conference(None, None);
        without_press["registration"]["categories"].as_array_mut().unwrap().remove(1);
        assert_eq!(put(&without_press), (409, "category-in-use".to_owned()));
        let form = app.get("/api/v1/conferences/small/registration-form").json();
        assert_eq!(form["seats"], Value::Null, "a refused document changes nothing");
        assert_eq!(form["categories"].as_array().unwrap().len(), 2);
    }

    fn an_address_registers_once_until_it_cancels_whatever_its_case(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let mut form = person(1, "delegate");
        form["email"] = json!("Ada.Lovelace@Example.org");
        let first = app.post(PATH, &form);
        assert_eq!(first.status, 201);
        form["email"] = json!("ada.lovelace@EXAMPLE.ORG");
        form["category"] = json!("press");
        assert_eq!(app.post(PATH, &form).problem(), (409, "already-registered".to_owned()));
        let created = AtomicUsize::new(0);
        let mut other = person(2, "delegate");
        other["email"] = json!("grace@example.org");
        in_threads(8, 8, |_| match app.post(PATH, &other).status {
            201 => _ = created.fetch_add(1, Ordering::Relaxed),
            status => assert_eq!(status, 409),
        });
        assert_eq!(created.into_inner(), 1, "eight at once make one registration");
        assert_eq!(cancel(&app, &first.json()).status, 200);
        assert_eq!(app.post(PATH, &form).status, 201, "a final registration frees its address");
        assert_seats_add_up(&app);
    }

    fn two_who_cancel_the_same_registration_free_one_seat(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(Some(1), None));
        let first = register(&app, 1, "delegate");
        let waiting: Vec<_> = (2..6).map(|number| register(&app, number, "delegate")).collect();
        let cancelled = AtomicUsize::new(0);
        in_threads(8, 8, |_| match cancel(&app, &first).status {
            200 => _ = cancelled.fetch_add(1, Ordering::Relaxed),
            status => assert_eq!(status, 409),
        });
        assert_eq!(cancelled.into_inner(), 1);
        let statuses: Vec<_> = waiting.iter().map(|receipt| read_by_link(&app, receipt)["status"].clone()).collect();
        assert_eq!(statuses, ["confirmed", "waitlisted", "waitlisted", "waitlisted"]);
        assert_seats_add_up(&app);
    }

    fn every_fault_of_a_form_is_reported_at_once_and_nothing_is_stored(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let empty = app.post(PATH, &json!({}));
        assert_eq!(empty.problem(), (422, "validation".to_owned()));
        assert_eq!(empty.faults(), [
            "#/family_name required",
            "#/category required",
            "#/email required",
            "#/consent required",
        ]);
        let wrong = app.post(PATH, &json!({
            "category": "nobody", "given_name": "\u{200b}", "family_name": "x\r\nBcc: y@z.example", "email": "no address",
            "country": "XX", "language": "de", "phone": "call me", "consent": false, "colour": "red", "position": 3
        }));
        assert_eq!(wrong.status, 422);
        let found: BTreeSet<_> = wrong.faults().into_iter().collect();
        let expected = [
            "#/category unknown_reference",
            "#/given_name empty",
            "#/family_name control_character",
            "#/email invalid_email",
            "#/country invalid_country",
            "#/language unknown_language",
            "#/phone invalid_phone",
            "#/consent consent_required",
            "#/colour unknown_field",
            "#/position wrong_type",
        ];
        assert_eq!(found, expected.map(str::to_owned).into());
        let mut unknown = person(1, "nobody");
        unknown["language"] = json!("de");
        assert_eq!(app.post(PATH, &unknown).faults(), ["#/category unknown_reference", "#/language unknown_language"]);
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 0);
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), 0);
    }

    fn the_form_shows_open_categories_and_remaining_seats(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(Some(3), Some(1)));
        register(&app, 1, "press");
        let form = app.get_with("/api/v1/conferences/small/registration-form", &[("accept-language", "fr")]).json();
        assert_eq!(form["open"], true);
        assert_eq!(form["seats"], 3);
        assert_eq!(form["seats_left"], 2);
        let category = |code: &str, name: &str, seats: Option<u32>, left: u32| json!({
            "code": code, "name": name, "open": true, "opens_at": null, "closes_at": null, "seats": seats,
            "seats_left": left, "waiting_list": true, "needs_approval": false, "needs_invitation": false,
            "verifies_email": false, "description": null
        });
        let mut categories = form["categories"].clone();
        for category in categories.as_array_mut().unwrap() {
            // What it asks about the person is tested with the set-up.
            assert!(category.as_object_mut().unwrap().remove("fields").unwrap().is_array());
        }
        assert_eq!(
            categories,
            json!([category("delegate", "Délégué", None, 2), category("press", "Press", Some(1), 0)])
        );
        let required: Vec<_> = form["fields"].as_array().unwrap().iter()
            .filter(|field| field["required"] == true).map(|field| field["name"].clone()).collect();
        assert_eq!(required, ["category", "email", "consent"]);
    }

    fn registration_opens_and_closes_at_the_times_of_the_blueprint(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        for (opens, closes, open) in [
            ("2020-01-01T00:00", "2020-02-01T00:00", false),
            ("2990-01-01T00:00", "2990-02-01T00:00", false),
            ("2020-01-01T00:00", "2990-02-01T00:00", true),
        ] {
            blueprint["registration"]["opens_at"] = json!(opens);
            blueprint["registration"]["closes_at"] = json!(closes);
            app.publish(&blueprint);
            let form = app.get("/api/v1/conferences/small/registration-form").json();
            assert_eq!(form["open"], open, "{opens} to {closes}");
            assert_eq!(form["categories"][0]["open"], open);
            let answer = app.post(PATH, &person(1, "delegate"));
            if open {
                assert_eq!(answer.status, 201);
            } else {
                assert_eq!(answer.problem(), (409, "registration-closed".to_owned()));
                let detail = if opens.starts_with("2990") { "it opens at 2989-12-31T23:00:00Z" } else { "it is over" };
                assert_eq!(answer.json()["detail"], detail);
            }
        }
    }

    fn a_registration_is_shown_only_to_its_attendee_and_to_registrars(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let mut form = person(1, "delegate");
        form["honorific"] = json!("Dr");
        form["position"] = json!("Adviser");
        form["dietary_needs"] = json!("none\nreally");
        form["language"] = json!("fr");
        let created = app.post(PATH, &form);
        assert_eq!(created.header("cache-control"), Some("no-store"));
        let receipt = created.json();
        let reference = receipt["reference"].as_str().unwrap();
        let path = format!("{PATH}/{reference}");
        assert_eq!(created.header("location"), Some(path.as_str()));
        let link = app.path_of(receipt["links"]["self"].as_str().unwrap()).to_owned();
        let token = link.split_once("?token=").unwrap().1.to_owned();
        let view = app.get(&link);
        assert_eq!(view.header("cache-control"), Some("no-store"));
        let view = view.json();
        assert_eq!(view["given_name"], "Person 1");
        assert_eq!(view["category_name"], "Délégué");
        assert_eq!(view["position_title"], "Adviser");
        assert_eq!(view["dietary_needs"], "none\nreally");
        assert_eq!(view["links"], receipt["links"]);
        assert_eq!(app.with_token(&token, "GET", &path, None).json(), view, "the same token as Bearer");
        let by_admin = app.admin("GET", &path, None).json();
        assert_eq!(by_admin["given_name"], "Person 1");
        assert_eq!(by_admin["links"], Value::Null, "an attendee's link is nobody else's");

        let other = register(&app, 2, "delegate");
        let other_token = other["links"]["self"].as_str().unwrap().split_once("?token=").unwrap().1.to_owned();
        for (token, path) in [(other_token.as_str(), path.as_str()), ("x", &path), ("x", &format!("{PATH}/S-00000000"))] {
            assert_eq!(app.get(&format!("{path}?token={token}")).problem(), (401, "unauthenticated".to_owned()));
            assert_eq!(app.with_token(token, "GET", path, None).status, 401);
            assert_eq!(app.post(&format!("{path}/cancel?token={token}"), &json!({})).status, 401);
        }
        assert_eq!(app.get(&path).status, 401);
        for strange in ["%00", "x%00", "..%2F..", "%F0%9F%98%80"] {
            assert_eq!(app.get(&format!("{PATH}/{strange}")).status, 401, "{strange}");
        }
        assert_eq!(app.admin("GET", &format!("{PATH}/S-00000000"), None).status, 404);
        assert_eq!(read_by_link(&app, &receipt)["status"], "confirmed", "a link changes nothing when it is read");
    }

    fn in_a_browser_the_link_opens_a_page_to_cancel(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(Some(1), None));
        let mut form = person(1, "delegate");
        form["language"] = json!("fr");
        form["family_name"] = json!("<script>alert(1)</script>");
        let receipt = app.post(PATH, &form).json();
        let waiting = register(&app, 2, "delegate");
        let link = app.path_of(receipt["links"]["self"].as_str().unwrap());
        let redirect = app.get_with(link, &[BROWSER[0], ("accept-language", "fr-BE")]);
        let page = redirect.header("location").unwrap().strip_prefix(&app.url).unwrap().to_owned();
        assert_eq!((redirect.status, page.split('?').next()), (303, Some(format!("/conferences/small/fr/registrations/{}", receipt["reference"].as_str().unwrap()).as_str())));
        let page_of_link = app.browse(&page);
        assert_eq!(page_of_link.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page_of_link.header("cache-control"), Some("no-store"));
        assert!(page_of_link.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        for words in ["Votre inscription est confirmée", receipt["reference"].as_str().unwrap(), "1er–2 mai 2030", "Délégué", "<svg"] {
            assert!(page_of_link.text().contains(words), "{words}: {}", page_of_link.text());
        }
        assert!(!page_of_link.text().contains("<script>alert"));
        let of_waiting = app.browse(app.path_of(waiting["links"]["self"].as_str().unwrap()));
        assert!(of_waiting.text().contains("You are number 1 on the waiting list."), "{}", of_waiting.text());
        let act = page.replace("?token=", "/cancel?token=");
        assert!(app.browse(&act).text().contains("Oui, annuler mon inscription"));
        for _ in 0..2 {
            // A button that is pressed twice works once.
            let after = app.submit(&act, "");
            assert!(after.status == 200 && after.text().contains("Votre inscription est annulée"), "{}", after.text());
        }
        assert_eq!(read_by_link(&app, &waiting)["status"], "confirmed");
        let stranger = app.browse(&format!("{link}x"));
        assert_eq!(stranger.status, 401);
        assert!(stranger.text().contains("This link does not work") && !stranger.text().contains("alert(1)"), "{}", stranger.text());
        assert_seats_add_up(&app);
    }

    fn a_cancellation_is_final(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let receipt = register(&app, 1, "delegate");
        let answer = cancel(&app, &receipt);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["status"], "cancelled");
        let history: Vec<_> = read_by_link(&app, &receipt)["history"].as_array().unwrap().iter()
            .map(|entry| (entry["event"].clone(), entry["status"].clone())).collect();
        assert_eq!(history, [(json!("registered"), json!("confirmed")), (json!("cancelled"), json!("cancelled"))]);
        assert_eq!(cancel(&app, &receipt).problem(), (409, "wrong-state".to_owned()));
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), 2);
        assert_seats_add_up(&app);
    }

    fn a_client_that_registers_too_often_gets_429(store) {
        let app = Environment::new(store)
            .set("PLENARY_RATE_LIMIT_LOOPBACK", "true")
            .set("PLENARY_REGISTRATIONS_PER_MINUTE", "1")
            .set("PLENARY_REGISTRATIONS_BURST", "2")
            .set("PLENARY_TRUSTED_PROXIES", "127.0.0.1")
            .start();
        app.publish(&small_conference(None, None));
        let from = |address: &str, number| {
            let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
            app.send("POST", PATH, &headers, Some(&person(number, "delegate").to_string()))
        };
        assert_eq!(from("192.0.2.1", 1).status, 201);
        assert_eq!(from("192.0.2.1", 2).status, 201);
        let refused = from("192.0.2.1", 3);
        assert_eq!(refused.problem(), (429, "too-many-requests".to_owned()));
        let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait));
        assert_eq!(from("192.0.2.2", 3).status, 201, "another client is not held back");
        for claimed in ["192.0.2.9, 192.0.2.1", "192.0.2.10, 192.0.2.1:4711"] {
            assert_eq!(from(claimed, 4).status, 429, "the nearest address counts, not what a client claims");
        }
    }
}

#[test]
fn two_processes_on_one_postgresql_share_seats_and_outbox() {
    if !crate::support::store::postgres_is_available() || !smtp::is_available() {
        return;
    }
    let smtp = Smtp::start();
    let environment = Arc::new(Environment::new(Store::Postgres).set("PLENARY_MAIL_URL", &smtp.url()));
    let first = environment.start_shared();
    first.publish(&small_conference(Some(100), None));
    let mut apps = [first, environment.start_shared()];
    register_five_hundred_for_a_hundred_seats(&apps, &smtp);
    for app in &mut apps {
        assert!(app.terminate().success());
    }
    assert_eq!(smtp.remaining().len(), 0, "no message was sent twice");
    let sent = "SELECT count(*) AS n FROM outbox_messages WHERE state = 'sent' AND tries = 1";
    assert_eq!(environment.database.count(sent), 560);
}
