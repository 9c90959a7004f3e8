//! Personal invitations and access codes: who may use them, how often, and the seats that they reserve.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::{
    Answer, App,
    app::{Environment, person, small_conference},
    on_both_stores,
};

const CONFERENCE: &str = "/api/v1/conferences/small";

/// The small conference with rules for its categories.
fn conference(slug: &str, seats: Option<u32>, rules: &Value) -> Value {
    let mut blueprint = small_conference(seats, None);
    blueprint["conference"]["slug"] = json!(slug);
    let delegate = blueprint["registration"]["categories"][0].as_object_mut().unwrap();
    delegate.extend(rules.as_object().unwrap().clone());
    blueprint
}

fn start_with_rules(environment: Environment, seats: Option<u32>, rules: &Value) -> App {
    let app = environment.start();
    app.publish(&conference("small", seats, rules));
    app
}

fn create(app: &App, request: &Value) -> Answer {
    app.admin("POST", &format!("{CONFERENCE}/invitations"), Some(request))
}

fn create_successfully(app: &App, request: &Value) -> Value {
    let answer = create(app, request);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn register_with(app: &App, number: usize, code: &Value) -> Answer {
    let mut form = person(number, "delegate");
    form["invitation"] = code.clone();
    app.post(&format!("{CONFERENCE}/registrations"), &form)
}

fn read(app: &App, invitation: &Value) -> Value {
    app.admin("GET", &format!("{CONFERENCE}/invitations/{}", invitation["id"].as_str().unwrap()), None).json()
}

fn act(app: &App, invitation: &Value, what: &str) -> Answer {
    let path = format!("{CONFERENCE}/invitations/{}/{what}", invitation["id"].as_str().unwrap());
    app.admin("POST", &path, Some(&json!({})))
}

fn upload(app: &App, query: &str, table: &str) -> Answer {
    let bearer = format!("Bearer {}", crate::support::app::ADMIN);
    let headers = [("authorization", bearer.as_str()), ("content-type", "text/csv")];
    app.send("POST", &format!("{CONFERENCE}/invitations/batch{query}"), &headers, Some(table))
}

/// Checks that the taken seats are those of people and the reserved ones, in all and in each category.
fn assert_seats_add_up(app: &App) {
    let wrong = app.count(
        "SELECT count(*) AS n FROM categories c WHERE c.seats_taken <> (SELECT count(*) FROM registrations r \
         WHERE r.category_id = c.id AND (r.state = 'confirmed' OR r.offer_expires_at IS NOT NULL)) + \
         (SELECT coalesce(sum(i.seats_reserved), 0) FROM invitations i WHERE i.category_id = c.id)",
    );
    assert_eq!(wrong, 0);
    let wrong = app.count(
        "SELECT count(*) AS n FROM registration_setups s WHERE s.seats_taken <> \
         (SELECT sum(c.seats_taken) FROM categories c WHERE c.conference_id = s.conference_id)",
    );
    assert_eq!(wrong, 0);
}

on_both_stores! {
    fn a_code_of_twenty_uses_admits_twenty_of_fifty_at_once(store) {
        let app = start_with_rules(Environment::new(store), None, &json!({ "needs_invitation": true }));
        let code = create_successfully(&app, &json!({ "kind": "shared", "code": "Open Sesame-14", "uses_max": 20, "category": "delegate" }));
        assert_eq!(code["code"], "Open Sesame-14");
        let answers = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for number in 0..50 {
                let (app, answers) = (&app, &answers);
                scope.spawn(move || {
                    let answer = register_with(app, number, &json!("  opensesame14 "));
                    let refused = (answer.status != 201).then(|| answer.problem());
                    answers.lock().unwrap().push(refused);
                });
            }
        });
        let answers = answers.into_inner().unwrap();
        let refused: Vec<_> = answers.iter().flatten().collect();
        assert_eq!((answers.len(), refused.len()), (50, 30));
        assert!(refused.iter().all(|problem| **problem == (409, "invitation-invalid".to_owned())));
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations WHERE state = 'confirmed'"), 20);
        let now = read(&app, &code);
        assert_eq!((&now["uses"], &now["status"], &now["code"]), (&json!(20), &json!("used"), &json!(null)));
        assert_seats_add_up(&app);
    }

    fn every_invalid_code_gets_the_same_answer(store) {
        let app = start_with_rules(Environment::new(store), None, &json!({}));
        app.publish(&conference("other", None, &json!({})));
        let foreign = app.admin("POST", "/api/v1/conferences/other/invitations", Some(&json!({ "kind": "personal" }))).json();
        let foreign_shared = json!({ "kind": "shared", "code": "foreign-code" });
        assert_eq!(app.admin("POST", "/api/v1/conferences/other/invitations", Some(&foreign_shared)).status, 201);
        let used = create_successfully(&app, &json!({ "kind": "personal" }));
        assert_eq!(register_with(&app, 1, &used["code"]).status, 201);
        let revoked = create_successfully(&app, &json!({ "kind": "personal" }));
        assert_eq!(act(&app, &revoked, "revoke").status, 200);
        assert_eq!(act(&app, &revoked, "revoke").problem(), (409, "invitation-over".to_owned()));
        let expired = create_successfully(&app, &json!({ "kind": "personal", "expires_at": "2040-01-01T00:00" }));
        let expire = "UPDATE invitations SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE expires_at IS NOT NULL";
        app.environment.database.execute(expire);
        let bound = create_successfully(&app, &json!({ "kind": "personal", "email": "Someone@Example.org" }));
        let press = create_successfully(&app, &json!({ "kind": "personal", "category": "press" }));
        let mut forged = used["code"].as_str().unwrap().to_owned();
        forged.replace_range(30..31, if &forged[30..31] == "A" { "B" } else { "A" });
        let bodies: Vec<Value> = [
            json!("nonsense"), json!(forged), used["code"].clone(), expired["code"].clone(), revoked["code"].clone(),
            foreign["code"].clone(), json!("foreign-code"), bound["code"].clone(), press["code"].clone(),
        ].iter().map(|code| {
            let answer = register_with(&app, 2, code);
            assert_eq!(answer.problem(), (409, "invitation-invalid".to_owned()), "{code}");
            let mut body = answer.json();
            body.as_object_mut().unwrap().remove("instance");
            body
        }).collect();
        assert!(bodies.iter().all(|body| *body == bodies[0]));
        // The invited person is admitted, whatever the capitals of the address.
        let mut form = person(3, "delegate");
        form["email"] = json!("someone@example.ORG");
        form["invitation"] = bound["code"].clone();
        assert_eq!(app.post(&format!("{CONFERENCE}/registrations"), &form).status, 201);
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 2);
    }

    fn a_client_that_guesses_codes_gets_429(store) {
        let environment = Environment::new(store)
            .set("PLENARY_RATE_LIMIT_LOOPBACK", "true")
            .set("PLENARY_REGISTRATIONS_PER_MINUTE", "1000")
            .set("PLENARY_REGISTRATIONS_BURST", "1000")
            .set("PLENARY_CODE_TRIES_PER_MINUTE", "3");
        let app = start_with_rules(environment, None, &json!({}));
        for number in 0..3 {
            assert_eq!(register_with(&app, number, &json!(format!("guess-{number}"))).status, 409);
        }
        let refused = register_with(&app, 4, &json!("guess-4"));
        assert_eq!(refused.problem(), (429, "too-many-requests".to_owned()));
        assert!(refused.header("retry-after").is_some());
        assert_eq!(app.post(&format!("{CONFERENCE}/registrations"), &person(5, "delegate")).status, 201, "who tries no code may go on");
    }

    fn reserved_seats_are_given_to_nobody_else(store) {
        let app = start_with_rules(Environment::new(store), Some(5), &json!({}));
        let request = json!({ "kind": "shared", "uses_max": 3, "category": "delegate", "seats_reserved": 3 });
        let code = create_successfully(&app, &request);
        assert_eq!(code["seats_reserved"], 3);
        assert_seats_add_up(&app);
        let states = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for number in 0..20 {
                let (app, states) = (&app, &states);
                scope.spawn(move || {
                    let answer = app.post(&format!("{CONFERENCE}/registrations"), &person(number, "delegate")).json();
                    states.lock().unwrap().push(answer["status"].clone());
                });
            }
        });
        let confirmed = states.into_inner().unwrap().iter().filter(|state| **state == "confirmed").count();
        assert_eq!(confirmed, 2);
        let too_many = json!({ "kind": "shared", "category": "delegate", "seats_reserved": 1 });
        assert_eq!(create(&app, &too_many).problem(), (409, "seats-taken".to_owned()));
        // In spite of a waiting list of 18, a person with the code gets a reserved seat.
        assert_eq!(register_with(&app, 30, &code["code"]).json()["status"], "confirmed");
        assert_eq!(read(&app, &code)["seats_reserved"], 2);
        assert_seats_add_up(&app);
        // The seats of a revoked code go to the waiting list.
        assert_eq!(act(&app, &code, "revoke").json()["seats_reserved"], 0);
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations WHERE state = 'confirmed'"), 5);
        assert_seats_add_up(&app);
    }

    fn reserved_seats_that_nobody_can_use_any_more_are_freed(store) {
        let app = start_with_rules(Environment::new(store), Some(4), &json!({ "verifies_email": true }));
        let keep = |seats: u32| json!({ "kind": "shared", "uses_max": seats, "category": "delegate", "seats_reserved": seats });
        let code = create_successfully(&app, &keep(2));
        assert_eq!(register_with(&app, 1, &code["code"]).status, 202);
        assert_eq!(register_with(&app, 2, &code["code"]).status, 202);
        assert_eq!(read(&app, &code)["seats_reserved"], 2, "whoever came waits to be verified");
        // One cancels before, one is never verified.
        let reference = |number: usize| {
            let list = format!("SELECT arrival AS n FROM registrations WHERE email = 'person-{number}@example.org'");
            app.count(&list)
        };
        assert!(reference(1) < reference(2));
        app.environment.database.execute(
            "UPDATE registrations SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE email = 'person-1@example.org'",
        );
        let deadline = std::time::Instant::now() + crate::support::app::TIMEOUT;
        while app.count("SELECT count(*) AS n FROM registrations WHERE state = 'expired'") == 0 {
            assert!(std::time::Instant::now() < deadline, "the registration never expires");
        }
        assert_eq!(read(&app, &code)["seats_reserved"], 1);
        assert_seats_add_up(&app);
        // An invitation that expires frees its reserved seats.
        let brief = create_successfully(&app, &json!({
            "kind": "shared", "uses_max": 2, "category": "delegate", "seats_reserved": 2, "expires_at": "2040-01-01T00:00"
        }));
        app.environment.database.execute(
            "UPDATE invitations SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE expires_at IS NOT NULL",
        );
        while read(&app, &brief)["seats_reserved"] != 0 {
            assert!(std::time::Instant::now() < deadline, "the invitation never ends");
        }
        assert_eq!(read(&app, &brief)["status"], "over");
        assert_seats_add_up(&app);
    }

    fn a_category_with_reserved_seats_or_invitations_cannot_be_removed(store) {
        let app = start_with_rules(Environment::new(store), Some(4), &json!({}));
        create_successfully(&app, &json!({ "kind": "personal", "category": "press", "seats_reserved": 1 }));
        let mut blueprint = conference("small", Some(4), &json!({}));
        blueprint["registration"]["categories"].as_array_mut().unwrap().pop();
        let refused = app.admin("PUT", &format!("{CONFERENCE}/blueprint"), Some(&blueprint));
        assert_eq!(refused.problem(), (409, "category-in-use".to_owned()));
        blueprint = conference("small", Some(0), &json!({}));
        let refused = app.admin("PUT", &format!("{CONFERENCE}/blueprint"), Some(&blueprint));
        assert_eq!(refused.problem(), (409, "seats-taken".to_owned()));
    }

    fn a_table_of_invitations_is_accepted_completely_or_not_at_all(store) {
        let app = start_with_rules(Environment::new(store), Some(50), &json!({ "needs_invitation": true, "verifies_email": true }));
        let table = "\u{feff}E-mail;Name\n";
        assert_eq!(upload(&app, "", table).faults(), ["line 1/e_mail unknown_column", "line 1/email missing_column"]);
        create_successfully(&app, &json!({ "kind": "personal", "email": "Known@example.org" }));
        assert_eq!(register_with(&app, 1, &create_successfully(&app, &json!({ "kind": "personal" }))["code"]).status, 202);
        let wrong = "email,name,language,category,expires_at\n\
            a@example.org,A,en,delegate,2040-01-01T00:00\n\
            no address,,de,nobody,2020-01-01T00:00\n\
            A@EXAMPLE.org,Twice,,,\n\
            known@example.org,,,,soon\n\
            known@example.org,,,,\n\
            person-1@example.org,,,,\n";
        let before = app.count("SELECT count(*) AS n FROM outbox_messages");
        for query in ["", "?dry_run=true"] {
            assert_eq!(upload(&app, query, wrong).faults(), [
                "line 3/email invalid_email", "line 3/category unknown_reference", "line 3/language unknown_language",
                "line 3/expires_at in_the_past", "line 4/email duplicate", "line 5/expires_at invalid_time",
                "line 6/email already_invited", "line 7/email already_registered",
            ].iter().filter(|fault| !fault.contains("line 3/") || fault.contains("invalid_email")).copied().collect::<Vec<_>>());
        }
        assert_eq!(app.count("SELECT count(*) AS n FROM invitations"), 2);
        let right = "\u{feff}Email;Name;Language;Category\r\nzoe@example.org;\"Zoë; =1+1\";fr;delegate\r\nb@example.org;;;\r\n";
        assert_eq!(upload(&app, "?dry_run=true", right).json(), json!({ "rows": 2, "invited": 2, "dry_run": true }));
        assert_eq!(app.count("SELECT count(*) AS n FROM invitations"), 2);
        assert_eq!(upload(&app, "", right).json(), json!({ "rows": 2, "invited": 2, "dry_run": false }));
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages") - before, 2);
        let french = "SELECT count(*) AS n FROM outbox_messages WHERE kind = 'invitation' AND language = 'fr'";
        assert_eq!(app.count(french), 1);
        // The link in the letter opens the form, and verifies the address.
        let list = app.admin("GET", &format!("{CONFERENCE}/invitations?kind=personal&status=open&limit=2"), None);
        let first = list.json();
        assert_eq!(first["data"].as_array().unwrap().len(), 2);
        assert!(first["data"].as_array().unwrap().iter().all(|one| one["code"].is_null()));
        let second = app.admin("GET", first["next"].as_str().unwrap(), None).json();
        let zoe = first["data"].as_array().unwrap().iter().find(|one| one["email"] == "zoe@example.org").unwrap();
        assert_eq!(second["data"].as_array().unwrap().len(), 1);
        assert_eq!(zoe["name"], "Zoë; =1+1");
        let zoe = read(&app, zoe);
        let form = app.get(app.path_of(zoe["link"].as_str().unwrap()));
        assert_eq!(form.status, 200);
        let mut asked = person(9, "delegate");
        asked["email"] = json!("zoe@example.org");
        asked["invitation"] = zoe["code"].clone();
        assert_eq!(app.post(&format!("{CONFERENCE}/registrations"), &asked).status, 202);
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations WHERE state = 'confirmed'"), 1);
        assert_eq!(app.admin("GET", &format!("{CONFERENCE}/invitations?status=used"), None).json()["data"].as_array().unwrap().len(), 2);
        assert_eq!(act(&app, &zoe, "resend").problem(), (409, "invitation-over".to_owned()));
        let reserve = upload(&app, "?reserve_seats=true", "email\nc@example.org\n");
        assert_eq!(reserve.faults(), ["line 2/category required"]);
        let reserve = upload(&app, "?reserve_seats=true", "email,category\nc@example.org,delegate\n");
        assert_eq!(reserve.json()["invited"], 1);
        assert_seats_add_up(&app);
    }

    fn ten_thousand_are_invited_at_once(store) {
        let app = start_with_rules(Environment::new(store).set("PLENARY_MAIL_URL", "smtp://127.0.0.1:1"), None, &json!({}));
        let mut table = "email,name,category\n".to_owned();
        (0..10_000).for_each(|number| table.push_str(&format!("guest-{number}@example.org,Guest {number},delegate\n")));
        assert_eq!(upload(&app, "", &table).json()["invited"], 10_000);
        assert_eq!(app.count("SELECT count(*) AS n FROM invitations"), 10_000);
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages WHERE kind = 'invitation'"), 10_000);
    }

    fn an_invitation_is_validated_when_it_is_created(store) {
        let app = start_with_rules(Environment::new(store), None, &json!({}));
        let wrong = json!({
            "kind": "shared", "email": "a@b.example", "name": "A", "language": "de", "category": "nobody", "code": "a-b c",
            "uses_max": 2, "seats_reserved": 3, "expires_at": "2020-01-01T00:00"
        });
        assert_eq!(create(&app, &wrong).faults(), [
            "#/category unknown_reference", "#/language unknown_language", "#/expires_at in_the_past",
            "#/email not_of_this_kind", "#/name not_of_this_kind", "#/language not_of_this_kind",
            "#/seats_reserved out_of_range", "#/code too_short",
        ]);
        let personal = json!({ "kind": "personal", "uses_max": 2, "code": "abcdefgh", "seats_reserved": 1 });
        assert_eq!(create(&app, &personal).faults(), [
            "#/category required", "#/uses_max not_of_this_kind", "#/code not_of_this_kind",
        ]);
        create_successfully(&app, &json!({ "kind": "shared", "code": "Friends of Rwanda" }));
        let conflict = create(&app, &json!({ "kind": "shared", "code": "friends-of-RWANDA" }));
        assert_eq!(conflict.problem(), (409, "access-code-taken".to_owned()));
        let drawn = create_successfully(&app, &json!({ "kind": "shared" }));
        assert_eq!(drawn["code"].as_str().unwrap().len(), 14);
        assert_eq!(app.count("SELECT count(*) AS n FROM invitations WHERE code_digest IS NOT NULL"), 2);
        assert_eq!(app.admin("GET", &format!("{CONFERENCE}/invitations/nothing"), None).status, 404);
        assert_eq!(app.admin("DELETE", "/api/v1/conferences/small", None).status, 204, "nobody registered");
        assert_eq!(app.count("SELECT count(*) AS n FROM invitations"), 0);
    }

    fn a_reserved_seat_is_freed_when_its_guest_changes_category(store) {
        let app = start_with_rules(Environment::new(store), Some(1), &json!({ "needs_approval": true }));
        let code = create_successfully(&app, &json!({ "kind": "shared", "uses_max": 1, "category": "delegate", "seats_reserved": 1 }));
        let guest = register_with(&app, 1, &code["code"]).json();
        let other = app.post(&format!("{CONFERENCE}/registrations"), &person(2, "delegate")).json();
        let path = format!("{CONFERENCE}/registrations/{}", guest["reference"].as_str().unwrap());
        assert_eq!(app.admin("PATCH", &path, Some(&json!({ "category": "press" }))).status, 200);
        assert_eq!(read(&app, &code)["seats_reserved"], 0);
        let body = json!({ "references": [other["reference"]] });
        let decided = app.admin("POST", &format!("{CONFERENCE}/registrations/approve"), Some(&body)).json();
        assert_eq!(decided["data"][0]["status"], "confirmed");
        assert_seats_add_up(&app);
        assert!(app.environment.run(&["doctor"]).status.success());
    }
}
