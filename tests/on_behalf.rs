//! Registrations on behalf: at the door, without an address, in any category.

use serde_json::{Value, json};

use crate::{
    check_in,
    support::{
        Answer, App,
        app::{Environment, person},
        on_both_stores,
        smtp::{self, Smtp},
    },
};

const CONFERENCE: &str = "/api/v1/conferences/small";

/// A conference that is on today. Nobody can register for `press` by the form; it has one seat and no waiting list.
fn conference() -> Value {
    let mut blueprint = check_in::conference();
    let press = json!({
        "seats": 1, "hidden": true, "needs_invitation": true, "needs_approval": true, "verifies_email": true, "waiting_list": false,
        "closes_at": "2020-01-01T00:00"
    });
    blueprint["registration"]["categories"][1].as_object_mut().unwrap().extend(press.as_object().unwrap().clone());
    blueprint["registration"]["questions"] =
        json!([{ "code": "outlet", "kind": "short_text", "label": "Outlet", "required": true }]);
    blueprint
}

fn walk_in(given_name: &str, category: &str, more: &Value) -> Value {
    let mut request = json!({
        "category": category, "given_name": given_name, "family_name": "Walker", "language": "en", "consent": "paper",
        "reason": "Came with a note verbale"
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

fn register(app: &App, request: &Value) -> Answer {
    app.admin("POST", &format!("{CONFERENCE}/registrations/on-behalf"), Some(request))
}

fn register_successfully(app: &App, request: &Value) -> Value {
    let answer = register(app, request);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn path(registration: &Value, action: &str) -> String {
    format!("{CONFERENCE}/registrations/{}{action}", registration["reference"].as_str().unwrap())
}

fn letters(app: &App) -> Vec<String> {
    app.environment.database.texts("SELECT kind AS n FROM outbox_messages ORDER BY created_at, id")
}

fn assert_healthy(app: &App) {
    let doctor = app.environment.run(&["doctor"]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
}

on_both_stores! {
    fn a_registrar_registers_somebody_without_an_address_where_nobody_else_can_register(store) {
        let app = Environment::new(store).start();
        app.publish(&conference());
        let mut form = person(1, "press");
        form["answers"] = json!({ "outlet": "Le Soir" });
        let refused = app.post(&format!("{CONFERENCE}/registrations"), &form);
        assert_eq!(refused.faults(), ["#/category unknown_reference"], "to others, there is no such category");
        let rosa = register_successfully(&app, &walk_in("Rosa", "press", &json!({})));
        assert_eq!((&rosa["status"], &rosa["email"], &rosa["links"]), (&json!("confirmed"), &Value::Null, &Value::Null));
        assert_eq!((&rosa["consent_given"], &rosa["history"][0]["reason"]), (&json!("paper"), &json!("Came with a note verbale")));
        let recorder = rosa["consent_recorded_by"].as_str().unwrap();
        assert!(recorder.ends_with("(admin)"), "{recorder}");
        // Seats hold.
        assert_eq!(register(&app, &walk_in("Sojourner", "press", &json!({}))).problem(), (409, "registration-full".to_owned()));
        // Several without an address stand side by side.
        let shown = json!({ "consent": "shown", "answers": { "outlet": "Le Soir" } });
        let tim = register_successfully(&app, &walk_in("Tim", "delegate", &shown));
        assert_eq!((&tim["consent_given"], &tim["answers"]), (&json!("shown"), &shown["answers"]));
        let entry = json!({ "id": uuid::Uuid::now_v7().to_string(), "gate": "main", "reference": rosa["reference"] });
        let scanned = app.admin("POST", &format!("{CONFERENCE}/check-ins"), Some(&json!({ "check_ins": [entry] }))).json();
        assert_eq!(scanned["data"][0]["outcome"], "admitted");
        let found = app.admin("GET", &format!("{CONFERENCE}/registrations?has_address=false&with_total=true"), None).json();
        assert_eq!((&found["total"], &found["data"][0]["email"]), (&json!(2), &Value::Null));
        let found = app.admin("GET", &format!("{CONFERENCE}/registrations?q=rosa"), None).json();
        assert_eq!(found["data"][0]["reference"], rosa["reference"]);
        assert_eq!(app.admin("POST", &path(&rosa, "/resend"), Some(&json!({}))).problem(), (409, "no-address".to_owned()));
        assert_eq!(app.admin("POST", &path(&rosa, "/renew-link"), Some(&json!({}))).status, 200);
        assert_eq!(app.admin("PATCH", &path(&tim, ""), Some(&json!({ "phone": "+32 2 555 55 55" }))).status, 200);
        assert_eq!(app.admin("POST", &path(&tim, "/cancel"), Some(&json!({}))).status, 200);
        assert_eq!(letters(&app), [""; 0], "nobody has an address");
        assert_healthy(&app);
        // An address may come later, and then stays.
        let address = json!({ "email": "rosa@example.org" });
        assert_eq!(app.admin("PATCH", &path(&rosa, ""), Some(&address)).json()["email"], "rosa@example.org");
        assert_eq!(app.admin("POST", &path(&rosa, "/resend"), Some(&json!({}))).status, 200);
        assert_eq!(letters(&app), ["changed", "link"]);
        assert_eq!(app.admin("PATCH", &path(&rosa, ""), Some(&json!({ "email": null }))).faults(), ["#/email required"]);
        assert_healthy(&app);
    }

    fn a_person_on_behalf_gets_one_letter_or_none_and_is_registered_once(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        app.publish(&conference());
        let with_letter = json!({ "email": "una@example.org" });
        let una = register_successfully(&app, &walk_in("Una", "delegate", &with_letter));
        assert_eq!(una["email"], "una@example.org");
        assert_eq!(letters(&app), ["confirmed"]);
        let link = smtp.wait_for(1)[0].link();
        let own = app.get(&link).json();
        assert_eq!((&own["history"][0]["event"], &own["history"][0]["reason"]), (&json!("registered"), &Value::Null));
        let page = app.browse(&link);
        assert!(page.status == 200 && !page.text().contains("note verbale"), "{}", page.text());
        assert_eq!(register(&app, &walk_in("Una", "delegate", &with_letter)).problem(), (409, "already-registered".to_owned()));
        let without_letter = json!({ "email": "val@example.org", "sends_letter": false });
        register_successfully(&app, &walk_in("Val", "delegate", &without_letter));
        assert_eq!(letters(&app), ["confirmed"]);
        let send = |request: &Value| {
            let authorization = app.authorization();
            let headers = [
                ("authorization", authorization.as_str()), ("content-type", "application/json"), ("idempotency-key", "desk-1"),
            ];
            let path = format!("{CONFERENCE}/registrations/on-behalf");
            app.send("POST", &path, &headers, Some(&request.to_string()))
        };
        let request = walk_in("Wes", "delegate", &json!({}));
        let (first, repeated) = (send(&request).json(), send(&request).json());
        assert_eq!(first["reference"], repeated["reference"]);
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 3);
        assert_eq!(send(&walk_in("Xia", "delegate", &json!({}))).status, 422);
        let empty = register(&app, &json!({ "category": "nobody", "email": "a@localhost", "consent": true }));
        let faults = empty.faults();
        for fault in ["#/language required", "#/reason required"] {
            assert!(faults.contains(&fault.to_owned()), "{faults:?}");
        }
        assert!(faults.iter().any(|fault| fault.starts_with("#/consent ")), "{faults:?}");

        let request = json!({ "subject": "News", "body": "Come early." });
        let broadcasts = format!("{CONFERENCE}/mail/broadcasts");
        let id = app.admin("POST", &broadcasts, Some(&request)).json()["id"].as_str().unwrap().to_owned();
        let recipients = app.admin("GET", &format!("{broadcasts}/{id}/recipients"), None).json();
        assert_eq!(recipients, json!({
            "count": 2, "languages": { "en": 2 }, "left_out": 1,
            "unreached": [{ "reference": first["reference"], "reason": "no_address" }]
        }));
        assert_eq!(app.admin("POST", &format!("{broadcasts}/{id}/send"), Some(&json!({ "expected": 2 }))).status, 200);
        assert_healthy(&app);
    }
}
