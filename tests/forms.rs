//! The form: the conference's own questions, rules of categories, verification, and what frontends draw it from.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{Environment, person, small_conference},
    on_both_stores, smtp,
    smtp::{Smtp, python_has, run_python},
};

const PATH: &str = "/api/v1/conferences/small/registrations";
const FORM: &str = "/api/v1/conferences/small/registration-form";

fn with_questions() -> Value {
    let mut blueprint = small_conference(None, None);
    blueprint["registration"]["questions"] = json!([
        { "code": "diet", "kind": "single_choice", "label": { "en": "Diet", "fr": "Régime" }, "required": true,
          "options": [{ "code": "none", "label": "None" }, { "code": "vegan", "label": { "en": "Vegan", "fr": "Végétalien" } },
                      { "code": "other", "label": "Other" }] },
        { "code": "which-diet", "kind": "short_text", "label": "Which?", "required": true, "max_length": 20,
          "shown_if": { "question": "diet", "any_of": ["other"] } },
        { "code": "topics", "kind": "multiple_choice", "label": "Topics", "help": "Any number",
          "options": [{ "code": "law", "label": "Law" }, { "code": "media", "label": "Media" }] },
        { "code": "media-outlet", "kind": "short_text", "label": "Outlet", "required": true, "categories": ["press"] },
        { "code": "visa", "kind": "yes_no", "label": "Do you need a visa?" },
        { "code": "passport-country", "kind": "country", "label": "Passport", "required": true,
          "shown_if": { "question": "visa", "any_of": ["yes"] } },
        { "code": "guests", "kind": "number", "label": "Guests", "minimum": 0, "maximum": 3 },
        { "code": "arrival", "kind": "date", "label": "Arrival" },
        { "code": "assistant", "kind": "email", "label": "Assistant" },
        { "code": "hotline", "kind": "phone", "label": "Hotline" },
        { "code": "page", "kind": "url", "label": "Page" },
        { "code": "motivation", "kind": "long_text", "label": "Motivation" }
    ]);
    blueprint
}

fn with_answers(number: usize, category: &str, answers: &Value) -> Value {
    let mut form = person(number, category);
    form["answers"] = answers.clone();
    form
}

/// A conference whose delegates verify their addresses, and whose press needs approval.
fn with_verification() -> Value {
    let mut blueprint = small_conference(Some(10), None);
    blueprint["registration"]["categories"][0]["verifies_email"] = json!(true);
    blueprint
}

fn states(app: &App) -> Vec<String> {
    app.environment.database.texts("SELECT state AS n FROM registrations ORDER BY arrival")
}

on_both_stores! {
    fn answers_are_stored_and_each_wrong_one_is_reported(store) {
        let app = Environment::new(store).start();
        app.publish(&with_questions());
        let good = json!({
            "diet": "other", "which-diet": "Halal", "topics": ["law", "media"], "visa": true, "passport-country": "BE",
            "guests": 2, "arrival": "2030-04-30", "assistant": "a@example.org", "hotline": "+32 2 123 45 67",
            "page": "https://example.org/", "motivation": "One\nTwo", "media-outlet": null
        });
        let answer = app.post(PATH, &with_answers(1, "delegate", &good));
        assert_eq!(answer.status, 201, "{}", answer.text());
        let own_view = app.get(app.path_of(answer.json()["links"]["self"].as_str().unwrap())).json();
        let mut expected_answers = good;
        expected_answers.as_object_mut().unwrap().remove("media-outlet");
        assert_eq!(own_view["answers"], expected_answers);

        let wrong = json!({
            "diet": "meat", "which-diet": "x", "topics": ["law", "law"], "visa": "yes", "passport-country": "BE",
            "guests": 4, "arrival": "2030-02-30", "assistant": "nobody", "hotline": "call me", "page": "ftp://x",
            "motivation": "  ", "media-outlet": "Daily", "shoe-size": 42
        });
        let mut form = with_answers(2, "delegate", &wrong);
        form["sessions"] = json!(["opening"]);
        form["given_name"] = json!("\u{200b}");
        assert_eq!(app.post(PATH, &form).faults(), [
            "#/given_name empty",
            "#/answers/diet unknown_value",
            "#/answers/which-diet not_asked",
            "#/answers/topics duplicate",
            "#/answers/media-outlet not_asked",
            "#/answers/visa wrong_type",
            "#/answers/passport-country not_asked",
            "#/answers/guests out_of_range",
            "#/answers/arrival invalid_date",
            "#/answers/assistant invalid_email",
            "#/answers/hotline invalid_phone",
            "#/answers/page invalid_url",
            "#/answers/motivation empty",
            "#/answers/shoe-size unknown_field",
            "#/sessions/0 unknown_reference",
        ]);
        // Nothing was stored, and the address is free.
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 1);
    }

    fn questions_depend_on_category_and_earlier_answers(store) {
        let app = Environment::new(store).start();
        app.publish(&with_questions());
        let press = |answers: &Value| app.post(PATH, &with_answers(1, "press", answers)).faults();
        assert_eq!(press(&json!({})), ["#/answers/diet required", "#/answers/media-outlet required"]);
        assert_eq!(
            press(&json!({ "diet": "other", "visa": true, "media-outlet": "Daily" })),
            ["#/answers/which-diet required", "#/answers/passport-country required"]
        );
        let answer = app.post(PATH, &with_answers(1, "press", &json!({ "diet": "vegan", "media-outlet": "Daily" })));
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    fn a_form_that_changes_breaks_no_registration_made_before(store) {
        let app = Environment::new(store).start();
        let mut blueprint = with_questions();
        app.publish(&blueprint);
        let receipt = app.post(PATH, &with_answers(1, "delegate", &json!({ "diet": "vegan", "guests": 1 }))).json();
        blueprint["registration"]["questions"] = json!([
            { "code": "guests", "kind": "yes_no", "label": "Guests?", "required": true },
            { "code": "shirt", "kind": "short_text", "label": "Shirt", "required": true }
        ]);
        assert_eq!(app.admin("PUT", "/api/v1/conferences/small/blueprint", Some(&blueprint)).status, 200);
        let link = receipt["links"]["self"].as_str().unwrap();
        let path = app.path_of(link);
        let own_view = app.get(path).json();
        assert_eq!(own_view["answers"], json!({ "diet": "vegan", "guests": 1 }));
        // A stored answer is shown with the question as it was asked.
        let data = app.get(&path.replace("?token=", "/data?token=")).json();
        assert_eq!(data["answered"], json!([
            { "code": "diet", "label": "Diet", "answer": "vegan" }, { "code": "guests", "label": "Guests", "answer": 1 }
        ]));
        // Another field can be changed without answering new questions.
        let changed = app.send("PATCH", path, &[("content-type", "application/json")], Some(r#"{"phone": "+32 2 555"}"#));
        assert_eq!((changed.status, changed.json()["phone"].clone()), (200, json!("+32 2 555")));
        // A change of answers is checked against the present form; an answer to a removed question stays.
        let patch = json!({ "answers": { "guests": true, "shirt": "L" } }).to_string();
        let changed = app.send("PATCH", path, &[("content-type", "application/json")], Some(&patch)).json();
        assert_eq!(changed["answers"], json!({ "diet": "vegan", "guests": true, "shirt": "L" }));
    }

    fn each_inconsistent_question_is_reported(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["registration"]["questions"] = json!([
            { "code": "a", "kind": "single_choice", "label": { "de": "Frage" } },
            { "code": "a", "kind": "short_text", "label": "A", "options": [{ "code": "x", "label": "X" }], "minimum": 1 },
            { "code": "b", "kind": "number", "label": "B", "minimum": 5, "maximum": 4, "max_length": 3,
              "categories": ["staff"], "shown_if": { "question": "c", "any_of": [] } },
            { "code": "c", "kind": "yes_no", "label": "C", "shown_if": { "question": "b", "any_of": ["1"] } },
            { "code": "d", "kind": "long_text", "label": "D", "shown_if": { "question": "c", "any_of": ["maybe"] } }
        ]);
        let answer = app.admin("PUT", "/api/v1/conferences/small/blueprint", Some(&blueprint));
        assert_eq!(answer.faults(), [
            "#/registration/questions/0/label/de unknown_language",
            "#/registration/questions/0/options required",
            "#/registration/questions/1/code duplicate",
            "#/registration/questions/1/options not_taken",
            "#/registration/questions/1/minimum not_taken",
            "#/registration/questions/2/categories/0 unknown_reference",
            "#/registration/questions/2/max_length not_taken",
            "#/registration/questions/2/maximum out_of_range",
            "#/registration/questions/2/shown_if/question unknown_reference",
            "#/registration/questions/3/shown_if/question wrong_kind",
            "#/registration/questions/4/shown_if/any_of/0 unknown_reference",
        ]);
    }

    fn the_form_describes_everything_a_frontend_needs_in_the_reader_s_language(store) {
        let app = Environment::new(store).start();
        let mut blueprint = with_questions();
        blueprint["registration"]["categories"][1]["hidden"] = json!(true);
        blueprint["registration"]["categories"][0]["needs_approval"] = json!(true);
        app.publish(&blueprint);
        let form = app.get(&format!("{FORM}?lang=fr")).json();
        let codes = |list: &Value| list.as_array().unwrap().iter().map(|thing| thing["code"].clone()).collect::<Vec<_>>();
        assert_eq!(codes(&form["categories"]), ["delegate"]);
        assert_eq!(form["categories"][0]["needs_approval"], true);
        assert_eq!(form["questions"][0], json!({
            "code": "diet", "kind": "single_choice", "label": "Régime", "help": null, "required": true, "categories": [],
            "options": [{ "code": "none", "label": "None" }, { "code": "vegan", "label": "Végétalien" },
                        { "code": "other", "label": "Other" }],
            "shown_if": null, "max_length": null, "minimum": null, "maximum": null
        }));
        assert_eq!(form["questions"][1]["shown_if"], json!({ "question": "diet", "any_of": ["other"] }));
        assert_eq!(form["questions"][1]["max_length"], 20);
        assert_eq!(codes(&form["questions"]).len(), 11, "all but the one for the hidden category alone");
        let all = app.get(&format!("{FORM}?lang=*")).json();
        assert_eq!(all["questions"][0]["label"], json!({ "en": "Diet", "fr": "Régime" }));
    }

    /// The service accepts exactly what the schema accepts.
    fn the_json_schema_of_the_form_agrees_with_the_service(store) {
        if !python_has("jsonschema") {
            return;
        }
        let app = Environment::new(store).start();
        app.publish(&with_questions());
        let schema = app.get(&format!("{FORM}/schema"));
        assert_eq!(schema.header("content-type"), Some("application/schema+json"));
        let answers = [
            json!({ "diet": "vegan" }),
            json!({ "diet": "other" }),
            json!({ "diet": "other", "which-diet": "Halal" }),
            json!({ "diet": "vegan", "which-diet": "Halal" }),
            json!({ "diet": "vegan", "which-diet": null, "topics": [] }),
            json!({}),
            json!({ "diet": null }),
            json!({ "diet": "vegan", "media-outlet": "Daily" }),
            json!({ "diet": "vegan", "visa": true }),
            json!({ "diet": "vegan", "visa": true, "passport-country": "BE" }),
            json!({ "diet": "vegan", "visa": true, "passport-country": "ZZ" }),
            json!({ "diet": "vegan", "visa": false, "passport-country": "BE" }),
            json!({ "diet": "vegan", "topics": ["law", "media"], "guests": 3 }),
            json!({ "diet": "vegan", "topics": ["law", "law"] }),
            json!({ "diet": "vegan", "topics": "law" }),
            json!({ "diet": "vegan", "guests": 4 }),
            json!({ "diet": "vegan", "guests": "3" }),
            json!({ "diet": "vegan", "arrival": "1 May" }),
            json!({ "diet": "vegan", "page": "https://example.org", "hotline": "+32 2 123" }),
            json!({ "diet": "vegan", "page": "example.org" }),
            json!({ "diet": "vegan", "motivation": " " }),
            json!({ "diet": "vegan", "unknown": 1 }),
        ];
        let forms: Vec<Value> = ["delegate", "press", "staff"].iter()
            .flat_map(|category| answers.iter().map(move |answers| (category, answers)))
            .enumerate()
            .map(|(number, (category, answers))| with_answers(number, category, answers))
            .collect();
        let script = "import json, sys, jsonschema\n\
            given = json.load(sys.stdin)\n\
            jsonschema.Draft202012Validator.check_schema(given['schema'])\n\
            judge = jsonschema.Draft202012Validator(given['schema'])\n\
            print(json.dumps([judge.is_valid(form) for form in given['forms']]))";
        let judged = run_python(script, &json!({ "schema": schema.json(), "forms": forms }).to_string());
        let judged: Vec<bool> = serde_json::from_str(&judged).unwrap();
        let accepted: Vec<bool> = forms.iter().map(|form| app.post(PATH, form).status == 201).collect();
        assert_eq!(judged, accepted);
        assert_eq!(accepted.iter().filter(|accepted| **accepted).count(), 7);
    }

    fn a_category_opens_and_closes_at_its_own_times(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["registration"]["categories"][1]["opens_at"] = json!("2990-01-01T00:00");
        blueprint["registration"]["categories"][0]["closes_at"] = json!("2020-01-01T00:00");
        app.publish(&blueprint);
        assert_eq!(app.get(FORM).json()["open"], false);
        let answer = app.post(PATH, &person(1, "press"));
        assert_eq!(answer.problem(), (409, "registration-closed".to_owned()));
        assert_eq!(answer.json()["detail"], "it opens at 2989-12-31T23:00:00Z");
        assert_eq!(app.post(PATH, &person(1, "delegate")).json()["detail"], "it is over");
        blueprint["registration"]["categories"][0]["closes_at"] = json!("2019-01-01T00:00");
        blueprint["registration"]["categories"][0]["opens_at"] = json!("2020-01-01T00:00");
        let answer = app.admin("PUT", "/api/v1/conferences/small/blueprint", Some(&blueprint));
        assert_eq!(answer.faults(), ["#/registration/categories/0/closes_at ends_before_start"]);
    }

    fn a_full_category_without_a_waiting_list_refuses(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, Some(1));
        blueprint["registration"]["categories"][1]["waiting_list"] = json!(false);
        app.publish(&blueprint);
        assert_eq!(app.post(PATH, &person(1, "press")).status, 201);
        assert_eq!(app.post(PATH, &person(2, "press")).problem(), (409, "registration-full".to_owned()));
        assert_eq!(app.post(PATH, &person(2, "delegate")).status, 201);
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), 2);
    }

    fn a_category_for_invited_people_refuses_others(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["registration"]["categories"][1]["needs_invitation"] = json!(true);
        app.publish(&blueprint);
        assert_eq!(app.post(PATH, &person(1, "press")).problem(), (409, "invitation-needed".to_owned()));
        let mut form = person(1, "press");
        form["invitation"] = json!("open sesame");
        assert_eq!(app.post(PATH, &form).problem(), (409, "invitation-invalid".to_owned()));
    }

    /// From the first letter to the seat, without revealing who is registered.
    fn an_address_is_verified_before_its_registration_counts(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        app.publish(&with_verification());
        let first = app.post(PATH, &person(1, "delegate"));
        assert_eq!(first.status, 202);
        assert_eq!(states(&app), ["unverified"]);
        assert_eq!(app.count("SELECT seats_taken AS n FROM registration_setups"), 0);
        let letter = smtp.wait_for(1).remove(0);
        assert_eq!(letter.subject(), "Please confirm your address: Small conference");
        let link = letter.link();
        // The link changes nothing; the button does.
        assert_eq!(app.get(&link).json()["status"], "unverified");
        let page = app.browse(&link);
        assert!(page.text().contains("Please confirm that this address is yours"), "{}", page.text());
        let verify = link.replace("?token=", "/verify?token=");
        assert_eq!(app.post(&verify, &json!({})).json()["status"], "confirmed");
        assert_eq!(app.post(&verify, &json!({})).problem(), (409, "wrong-state".to_owned()));
        assert_eq!(smtp.wait_for(1)[0].subject(), "Your registration is confirmed: Small conference");

        // Again, in another spelling, and in a category without verification: the answer is the same to the byte.
        let mut repeated = person(1, "delegate");
        repeated["email"] = json!("PERSON-1@example.org");
        let mut other = person(1, "press");
        other["given_name"] = json!("Somebody else");
        let fresh = person(2, "press");
        for form in [repeated, other, fresh] {
            let answer = app.post(PATH, &form);
            assert_eq!((answer.status, answer.text()), (202, first.text()));
        }
        assert_eq!(states(&app), ["confirmed", "confirmed"]);
        // The link is sent again at most once in ten minutes.
        let to_whom = |letter: &smtp::Accepted| format!("{} {}", letter.to[0], letter.subject());
        let mut subjects: Vec<String> = smtp.wait_for(2).iter().map(to_whom).collect();
        subjects.sort();
        assert_eq!(subjects, [
            "person-1@example.org Your link: Small conference",
            "person-2@example.org Your registration is confirmed: Small conference",
        ]);
    }

    fn an_address_that_is_not_verified_in_time_may_register_again(store) {
        let app = Environment::new(store).start();
        app.publish(&with_verification());
        assert_eq!(app.post(PATH, &person(1, "delegate")).status, 202);
        app.environment.database.execute("UPDATE registrations SET expires_at = '2020-01-01T00:00:00.000000Z'");
        assert!(app.environment.run(&["sweep"]).status.success());
        assert_eq!(states(&app), ["expired"]);
        assert_eq!(app.post(PATH, &person(1, "delegate")).status, 202);
        assert_eq!(states(&app), ["expired", "unverified"]);
        let kinds = app.environment.database.texts("SELECT kind AS n FROM outbox_messages ORDER BY created_at, id");
        assert_eq!(kinds, ["received", "expired", "received"]);
    }

    /// The letter to the address promises it.
    fn what_was_entered_is_erased_when_the_verification_lapses(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        let mut blueprint = with_verification();
        blueprint["registration"]["questions"] = json!([{ "code": "why", "kind": "short_text", "label": "Why?" }]);
        app.publish(&blueprint);
        let mut form = person(1, "delegate");
        let entered = [
            ("honorific", "Maestra"), ("given_name", "Wilhelmina"), ("family_name", "Zyxwv"), ("organisation", "Qwertz Institute"),
            ("position", "Cartographer"), ("phone", "+32 2 999 88 77"), ("accessibility_needs", "Ramps"),
            ("dietary_needs", "Quince"), ("birth_date", "1971-02-03"), ("email", "wilhelmina@zyxwv.example"),
        ];
        for (field, value) in entered {
            form[field] = json!(value);
        }
        form["answers"] = json!({ "why": "Because of Ypsilanti" });
        assert_eq!(app.post(PATH, &form).status, 202);
        let received = smtp.wait_for(1).remove(0);
        let link = received.link();
        let reference = app.environment.database.texts("SELECT reference AS n FROM registrations").remove(0);
        let notes = format!("{PATH}/{reference}/notes");
        assert_eq!(app.admin("POST", &notes, Some(&json!({ "text": "Wilhelmina telephoned" }))).status, 201);
        app.environment.database.execute("UPDATE registrations SET expires_at = '2020-01-01T00:00:00.000000Z'");
        assert!(app.environment.run(&["sweep"]).status.success());
        let expired = smtp.wait_for(1).remove(0);
        assert_eq!((expired.to[0].as_str(), expired.subject()), ("wilhelmina@zyxwv.example", "Your registration has expired: Small conference".to_owned()));
        // Once the last letter is recorded as sent, nothing of what was entered is in the store.
        let sent = "SELECT count(*) AS n FROM outbox_messages WHERE state = 'sent' AND scrubbed_at IS NOT NULL AND recipient = ''";
        while app.count(sent) < 2 {}
        let dump = app.environment.database.dump();
        let answers = ["Wilhelmina telephoned", "Ypsilanti"];
        for value in entered.iter().map(|(_, value)| *value).chain(answers) {
            assert!(!dump.to_lowercase().contains(&value.to_lowercase()), "{value} is still in the store");
        }

        let registration = app.get(&link).json();
        assert_eq!((&registration["reference"], &registration["status"]), (&json!(reference), &json!("expired")));
        assert_eq!((&registration["full_name"], &registration["phone"], &registration["answers"]), (&json!(""), &Value::Null, &json!({})));
        assert_eq!((registration["erased_at"].is_string(), registration["history"].as_array().unwrap().len()), (true, 2));
        let page = app.browse(&link);
        assert!(page.status == 200 && page.text().contains("What was entered has been removed."), "{}", page.text());
        let listed = app.admin("GET", PATH, None).json();
        assert_eq!((&listed["data"][0]["email"], &listed["data"][0]["status"]), (&Value::Null, &json!("expired")));
        for action in ["resend", "renew-link"] {
            let refused = app.admin("POST", &format!("{PATH}/{reference}/{action}"), Some(&json!({})));
            assert_eq!(refused.problem(), (409, "wrong-state".to_owned()), "{action}");
        }
        assert_eq!(app.post(PATH, &form).status, 202);
        assert_eq!(smtp.wait_for(1)[0].to, ["wilhelmina@zyxwv.example"], "the address registers anew");
        assert!(app.environment.run(&["doctor"]).status.success());
    }

    fn what_an_older_version_kept_of_expired_registrations_is_erased_at_the_start(store) {
        let environment = std::sync::Arc::new(Environment::new(store));
        let mut app = environment.start_shared();
        app.publish(&with_verification());
        assert_eq!(app.post(PATH, &person(1, "delegate")).status, 202);
        app.kill();
        environment.database.execute("UPDATE registrations SET state = 'expired', expires_at = NULL");
        let doctor = environment.run(&["doctor"]);
        let findings = String::from_utf8_lossy(&doctor.stdout).into_owned();
        assert!(findings.contains("has expired and still has what was entered"), "{findings}");
        let app = environment.start_shared();
        assert!(!app.environment.database.dump().contains("person-1@example.org"));
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations WHERE erased_at IS NOT NULL AND name = ''"), 1);
    }

    fn the_link_is_resent_and_the_answer_does_not_reveal_whether_the_address_is_known(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        assert_eq!(app.post(PATH, &person(1, "delegate")).status, 201);
        let request_link = |email: &str| app.post("/api/v1/conferences/small/registration-links", &json!({ "email": email }));
        let (known_answer, unknown_answer) = (request_link("Person-1@Example.org"), request_link("nobody@example.org"));
        assert_eq!((known_answer.status, known_answer.text()), (202, unknown_answer.text()));
        assert_eq!(unknown_answer.status, 202);
        let kinds = app.environment.database.texts("SELECT kind AS n FROM outbox_messages ORDER BY created_at, id");
        assert_eq!(kinds, ["confirmed", "link"]);
    }

    fn registered_and_unknown_addresses_are_refused_alike(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, Some(0));
        blueprint["registration"]["categories"][0]["verifies_email"] = json!(true);
        blueprint["registration"]["categories"][1]["waiting_list"] = json!(false);
        app.publish(&blueprint);
        let path = "/api/v1/conferences/small/registrations";
        assert_eq!(app.post(path, &person(1, "delegate")).status, 202);
        let answers: Vec<_> = [1, 2].map(|number| app.post(path, &person(number, "press")).problem()).to_vec();
        assert_eq!(answers, vec![(409, "registration-full".to_owned()); 2]);
        let mut form = person(3, "delegate");
        form["given_name"] = json!("\u{200b}\u{3164}");
        assert_eq!(app.post(path, &form).faults(), ["#/given_name empty"]);
        for (number, address) in [(4, "x@bücher.example"), (5, "X@xn--bcher-kva.example")] {
            let mut form = person(number, "delegate");
            form["email"] = json!(address);
            assert_eq!(app.post(path, &form).status, 202);
        }
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 2, "one mailbox");
    }
}
