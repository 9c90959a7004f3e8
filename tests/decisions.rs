//! Approval, refusal, withdrawal: in bulk, with a reason, again and again; notes; the log.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{Environment, person, small_conference},
    on_both_stores, smtp,
    smtp::Smtp,
};

const PATH: &str = "/api/v1/conferences/small/registrations";

/// The small conference with two press seats, which need approval.
fn with_press_approval() -> Value {
    let mut blueprint = small_conference(None, Some(2));
    blueprint["registration"]["categories"][1]["needs_approval"] = json!(true);
    blueprint
}

fn register(app: &App, number: usize) -> String {
    let answer = app.post(PATH, &person(number, "press"));
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["status"], "pending");
    answer.json()["reference"].as_str().unwrap().to_owned()
}

fn decide(app: &App, what: &str, references: &[&str], reason: &str) -> Value {
    let answer =
        app.admin("POST", &format!("{PATH}/{what}"), Some(&json!({ "references": references, "reason": reason })));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn state(app: &App, reference: &str) -> String {
    app.environment
        .database
        .texts(&format!("SELECT state AS n FROM registrations WHERE reference = '{reference}'"))
        .remove(0)
}

on_both_stores! {
    fn an_approved_person_gets_a_seat_or_waits_and_each_row_has_a_result(store) {
        let app = Environment::new(store).start();
        app.publish(&with_press_approval());
        let all: Vec<String> = (0..4).map(|number| register(&app, number)).collect();
        let names: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(app.count("SELECT seats_taken AS n FROM registration_setups"), 0);
        let decided = decide(&app, "approve", &[names[2], names[0], names[1], "GP-NOBODY", names[0]], "Welcome");
        assert_eq!((decided["changed"].clone(), decided["unchanged"].clone(), decided["failed"].clone()), (json!(3), json!(0), json!(1)));
        let nobody = decided["data"].as_array().unwrap().iter().find(|row| row["reference"] == "GP-NOBODY").unwrap();
        assert_eq!(nobody["problem"]["type"], "/problems/not-found");
        let mut states: Vec<String> = names[..3].iter().map(|name| state(&app, name)).collect();
        states.sort();
        assert_eq!(states, ["confirmed", "confirmed", "waitlisted"]);
        // Again: nothing changes and no letter is sent.
        let messages = app.count("SELECT count(*) AS n FROM outbox_messages");
        let repeated = decide(&app, "approve", &names[..3], "Welcome");
        assert_eq!((repeated["changed"].clone(), repeated["unchanged"].clone()), (json!(0), json!(3)));
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), messages);
        // An opposite decision stays.
        let refused = decide(&app, "reject", &[names[0], names[3]], "No room");
        assert_eq!((refused["changed"].clone(), refused["failed"].clone()), (json!(1), json!(1)));
        assert_eq!(state(&app, names[3]), "rejected");
    }

    fn many_are_cancelled_in_one_request_after_a_dry_run_that_changes_nothing(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, Some(2)));
        let all: Vec<String> = (0..4).map(|number| {
            app.post(PATH, &person(number, "press")).json()["reference"].as_str().unwrap().to_owned()
        }).collect();
        let states = || all.iter().map(|reference| state(&app, reference)).collect::<Vec<_>>();
        assert_eq!(states(), ["confirmed", "confirmed", "waitlisted", "waitlisted"]);
        let request = |dry_run: bool| json!({
            "references": [all[0], "S-NOBODY", all[3], all[0]], "reason": "Their flight is cancelled", "dry_run": dry_run
        });
        let cancel = |dry_run: bool| app.admin("POST", &format!("{PATH}/cancel"), Some(&request(dry_run))).json();
        let outcomes = |answer: &Value| {
            let outcome = |row: &Value| (row["reference"].clone(), row["changed"].clone(), row["status"].clone());
            answer["data"].as_array().unwrap().iter().map(outcome).collect::<Vec<_>>()
        };
        let planned = cancel(true);
        assert_eq!((&planned["dry_run"], &planned["changed"], &planned["failed"]), (&json!(true), &json!(2), &json!(1)));
        assert_eq!(states(), ["confirmed", "confirmed", "waitlisted", "waitlisted"]);
        let letters = "SELECT kind AS n FROM outbox_messages WHERE kind IN ('cancelled', 'promoted', 'rejected') ORDER BY kind";
        assert_eq!(app.environment.database.texts(letters), [""; 0]);
        let cancelled = cancel(false);
        assert_eq!(outcomes(&cancelled), outcomes(&planned));
        assert_eq!(outcomes(&cancelled), [
            (json!(all[0]), json!(true), json!("cancelled")),
            (json!("S-NOBODY"), json!(false), Value::Null),
            (json!(all[3]), json!(true), json!("cancelled")),
        ]);
        assert_eq!(states(), ["cancelled", "confirmed", "confirmed", "cancelled"], "the seat goes to who waited longest");
        assert_eq!(app.environment.database.texts(letters), ["cancelled", "cancelled", "promoted"]);
        let repeated = cancel(false);
        assert_eq!((&repeated["changed"], &repeated["unchanged"]), (&json!(0), &json!(2)));

        // Who waits can be refused, too, like who is pending.
        let waiting = app.post(PATH, &person(5, "press")).json();
        assert_eq!(waiting["status"], "waitlisted");
        let reference = waiting["reference"].as_str().unwrap();
        let planned = json!({ "references": [reference], "dry_run": true });
        assert_eq!(app.admin("POST", &format!("{PATH}/reject"), Some(&planned)).json()["changed"], 1);
        assert_eq!(state(&app, reference), "waitlisted");
        assert_eq!(decide(&app, "reject", &[reference], "No room")["changed"], 1);
        assert_eq!(state(&app, reference), "rejected");
        assert_eq!(app.environment.database.texts(letters), ["cancelled", "cancelled", "promoted", "rejected"]);
        assert!(app.environment.run(&["doctor"]).status.success());
    }

    fn an_unknown_stored_status_is_an_error(store) {
        let app = Environment::new(store).start();
        app.publish(&with_press_approval());
        decide(&app, "approve", &[&register(&app, 1)], "Welcome");
        app.environment.database.execute("UPDATE registration_events SET state = 'lost' WHERE event = 'approved'");
        assert_eq!(app.try_admin("GET", "/api/v1/conferences/small/decisions", None), Some(500));
        app.log.wait_for("is no RegistrationStatus");
    }

    fn the_letter_quotes_the_reason_and_the_log_names_the_decider(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        app.publish(&with_press_approval());
        let reference = register(&app, 1);
        smtp.wait_for(1);
        decide(&app, "reject", &[&reference], "Accreditation of this outlet\nhas ended.");
        let letter = smtp.wait_for(1).remove(0);
        assert_eq!(letter.subject(), "Your registration was not accepted: Small conference");
        assert!(letter.data.contains("Accreditation of this outlet\r\nhas ended."), "{}", letter.data);
        let log = app.admin("GET", "/api/v1/conferences/small/decisions", None).json();
        assert_eq!(log["data"][0]["event"], "rejected");
        assert_eq!(log["data"][0]["reference"], json!(reference));
        assert_eq!(log["data"][0]["reason"], "Accreditation of this outlet\nhas ended.");
        assert!(log["data"][0]["actor"].as_str().unwrap().ends_with("(admin)"));
        assert_eq!(log["next"], Value::Null);
        // A final state frees the address.
        let repeated = register(&app, 1);
        smtp.wait_for(1);
        decide(&app, "approve", &[&repeated], "Please come to desk 3.");
        assert!(smtp.wait_for(1)[0].data.contains("The organisers write:\r\nPlease come to desk 3."));
    }

    fn a_revoked_accreditation_frees_the_seat_for_the_next(store) {
        let app = Environment::new(store).start();
        app.publish(&with_press_approval());
        let all: Vec<String> = (0..3).map(|number| register(&app, number)).collect();
        for reference in &all {
            decide(&app, "approve", &[reference], "Welcome");
        }
        assert_eq!(state(&app, &all[2]), "waitlisted");
        let revoked = decide(&app, "revoke", &[&all[0], &all[2]], "Withdrawn");
        assert_eq!((revoked["changed"].clone(), revoked["failed"].clone()), (json!(1), json!(1)));
        assert_eq!(state(&app, &all[0]), "revoked");
        assert_eq!(state(&app, &all[2]), "confirmed");
        assert_eq!(app.count("SELECT seats_taken AS n FROM registration_setups"), 2);
    }

    fn an_invalid_bulk_request_is_refused_as_a_whole(store) {
        let app = Environment::new(store).start();
        app.publish(&with_press_approval());
        let many: Vec<String> = (0..1001).map(|number| format!("S-{number}")).collect();
        for references in [json!([]), json!(many)] {
            let answer = app.admin("POST", &format!("{PATH}/approve"), Some(&json!({ "references": references })));
            assert_eq!(answer.faults(), ["#/references out_of_range"]);
        }
        let answer = app.admin("POST", &format!("{PATH}/approve"), Some(&json!({ "reference": "x" })));
        assert_eq!(answer.faults(), ["#/reference unknown_field", "#/references required"]);
    }

    fn notes_are_for_registrars_alone(store) {
        let app = Environment::new(store).start();
        app.publish(&with_press_approval());
        let receipt = app.post(PATH, &person(1, "press")).json();
        let path = format!("{PATH}/{}/notes", receipt["reference"].as_str().unwrap());
        let note = app.admin("POST", &path, Some(&json!({ "text": "Knows the minister" })));
        assert_eq!((note.status, note.json()["text"].clone()), (201, json!("Knows the minister")));
        app.admin("POST", &path, Some(&json!({ "text": "Called back" })));
        let notes = app.admin("GET", &path, None).json();
        let texts: Vec<_> = notes["data"].as_array().unwrap().iter().map(|note| note["text"].clone()).collect();
        assert_eq!(texts, ["Knows the minister", "Called back"]);
        let own_link = app.path_of(receipt["links"]["self"].as_str().unwrap());
        assert!(!app.get(own_link).text().contains("minister"));
        assert!(!app.get(&own_link.replace("?token=", "/data?token=")).text().contains("minister"));
        let token = own_link.split_once("?token=").unwrap().1;
        assert_eq!(app.with_token(token, "GET", &path, None).status, 401);
    }

    fn scarce_seats_go_to_the_first_registered_in_any_order_of_the_request(store) {
        let app = Environment::new(store).start();
        let mut blueprint = with_press_approval();
        blueprint["registration"]["seats"] = json!(1);
        app.publish(&blueprint);
        let references: Vec<String> = (1..=4).map(|number| register(&app, number)).collect();
        let reversed: Vec<&str> = references.iter().rev().map(String::as_str).collect();
        let decided = decide(&app, "approve", &reversed, "Welcome");
        let results: Vec<(&str, &str)> = decided["data"].as_array().unwrap().iter()
            .map(|row| (row["reference"].as_str().unwrap(), row["status"].as_str().unwrap())).collect();
        let states = ["waitlisted", "waitlisted", "waitlisted", "confirmed"];
        assert_eq!(results, reversed.iter().copied().zip(states).collect::<Vec<_>>(), "answered as they were named");
    }
}
