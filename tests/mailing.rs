//! Mail for organisers: messages, their own templates, broadcasts, blocked addresses.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use serde_json::{Value, json};

use crate::support::{
    App, Store,
    app::{Environment, TIMEOUT, person, small_conference},
    on_both_stores, smtp,
    smtp::Smtp,
};

const MAIL: &str = "/api/v1/conferences/small/mail";
const REGISTRATIONS: &str = "/api/v1/conferences/small/registrations";

fn register(app: &App, number: usize, language: &str) -> Value {
    let mut form = person(number, "delegate");
    form["language"] = json!(language);
    let created = app.post(REGISTRATIONS, &form);
    assert_eq!(created.status, 201, "{}", created.text());
    created.json()
}

fn draft(app: &App, request: &Value) -> String {
    let created = app.admin("POST", &format!("{MAIL}/broadcasts"), Some(request));
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(created.json()["state"], "draft");
    created.json()["id"].as_str().unwrap().to_owned()
}

fn act(app: &App, id: &str, action: &str, body: &Value) -> crate::support::Answer {
    app.admin("POST", &format!("{MAIL}/broadcasts/{id}/{action}"), Some(body))
}

fn wait_until_done(app: &App, id: &str) -> Value {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let broadcast = app.admin("GET", &format!("{MAIL}/broadcasts/{id}"), None).json();
        if broadcast["state"] == "done" {
            return broadcast;
        }
        assert!(Instant::now() < deadline, "{broadcast}");
    }
}

fn texts() -> Value {
    json!({ "subject": { "en": "The hall, {{ name }}", "fr": "La salle" }, "body": { "en": "Another hall.\n\nCome early.", "fr": "Une autre salle." } })
}

fn start(store: Store) -> (Smtp, App) {
    let smtp = Smtp::start();
    let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
    (smtp, app)
}

on_both_stores! {
    fn a_broadcast_is_counted_tested_and_sent_once_to_each_in_their_language(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        app.publish(&small_conference(None, None));
        for number in 0..5 {
            register(&app, number, if number == 1 { "fr" } else { "en" });
        }
        smtp.wait_for(5);
        let id = draft(&app, &texts());
        let counted = app.admin("GET", &format!("{MAIL}/broadcasts/{id}/recipients"), None).json();
        assert_eq!(counted, json!({ "count": 5, "languages": { "en": 4, "fr": 1 }, "left_out": 0, "unreached": [] }));
        let preview = app.admin("GET", &format!("{MAIL}/broadcasts/{id}/preview?language=fr"), None).json();
        assert_eq!(preview["subject"], "La salle");
        assert!(preview["text"].as_str().unwrap().contains("Une autre salle.") && preview["html"].as_str().unwrap().contains("Une autre salle."), "{preview}");
        assert_eq!(act(&app, &id, "test", &json!({ "email": "me@example.org" })).status, 200);
        assert_eq!(smtp.wait_for(1)[0].to, ["me@example.org"]);
        let other = act(&app, &id, "send", &json!({ "expected": 4 }));
        assert_eq!(other.problem(), (409, "other-recipients".to_owned()));
        assert_eq!(act(&app, &id, "send", &json!({ "expected": 5 })).json()["state"], "sending");
        assert_eq!(act(&app, &id, "send", &json!({})).problem(), (409, "wrong-message-state".to_owned()));
        let messages = smtp.wait_for(5);
        assert_eq!(BTreeSet::from_iter(messages.iter().flat_map(|message| message.to.clone())).len(), 5);
        let french = messages.iter().find(|message| message.to == ["person-1@example.org"]).unwrap();
        assert_eq!(french.subject(), "La salle");
        let english = messages.iter().find(|message| message.to == ["person-2@example.org"]).unwrap();
        assert_eq!(english.subject(), "The hall, Person 2 Example");
        assert_eq!(english.header("List-Unsubscribe-Post").unwrap(), "List-Unsubscribe=One-Click");
        assert_eq!(wait_until_done(&app, &id)["messages"], json!({ "sent": 5 }));
        assert_eq!(smtp.remaining().len(), 0);
        assert_eq!(app.admin("DELETE", &format!("{MAIL}/broadcasts/{id}"), None).status, 409);
        let wrong = json!({ "subject": "A {{ nome }}", "body": { "de": "x" }, "audience": { "category": "nobody" } });
        let deep = json!({ "subject": "x", "body": format!("{{{{ {}1 }}}}", "1+".repeat(5_000)) });
        assert_eq!(app.admin("POST", &format!("{MAIL}/broadcasts"), Some(&deep)).faults(), ["#/body/en invalid_template"]);
        let faults = app.admin("POST", &format!("{MAIL}/broadcasts"), Some(&wrong)).faults();
        assert_eq!(faults, ["#/subject/en unknown_placeholder", "#/body/de unknown_language"]);
    }

    fn every_reader_gets_words_of_their_own_language(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        let mut blueprint = small_conference(None, None);
        blueprint["conference"]["languages"] = json!(["en", "fr", "ar", "de"]);
        blueprint["registration"]["letters"] = json!({ "signature": { "en": "The Desk", "ar": "الأمانة", "de": "Das Sekretariat" } });
        app.publish(&blueprint);
        for (number, language) in ["en", "ar", "de"].into_iter().enumerate() {
            register(&app, number, language);
        }
        let confirmed: Vec<_> = smtp.wait_for(3);
        let to = |messages: &[smtp::Accepted], number: usize| {
            let address = format!("person-{number}@example.org");
            messages.iter().find(|message| message.to == [address.clone()]).unwrap().clone()
        };
        let arabic = to(&confirmed, 1);
        assert!(arabic.subject().starts_with("تأكّد تسجيلكم: "), "{}", arabic.subject());
        assert_eq!(arabic.header("Content-Language").unwrap(), "ar");
        assert_eq!(to(&confirmed, 2).header("Content-Language").unwrap(), "en, de", "an English letter with German words");

        let languages: BTreeSet<String> = app.admin("GET", &format!("{MAIL}/templates"), None).json()["data"]
            .as_array().unwrap().iter().map(|template| template["language"].as_str().unwrap().to_owned()).collect();
        assert_eq!(languages, BTreeSet::from(["ar", "de", "en", "fr", "nl"].map(str::to_owned)));
        let source = json!({ "source": "Subject: Bestätigt: {{ conference }}\n\n{{ salutation }}\n\n{{ dates }}" });
        assert_eq!(app.admin("PUT", &format!("{MAIL}/templates/confirmed/de"), Some(&source)).status, 200);
        assert_eq!(app.admin("PUT", &format!("{MAIL}/templates/confirmed/es"), Some(&source)).problem(), (404, "not-found".to_owned()));
        register(&app, 4, "de");
        let german = smtp.wait_for(1).remove(0);
        assert_eq!(german.header("Content-Language").unwrap(), "de");
        assert!(german.subject().starts_with("Bestätigt: "), "{}", german.subject());

        let words = |word: &str| json!({ "en": format!("{word} en"), "ar": format!("{word} ar"), "de": format!("{word} de") });
        let id = draft(&app, &json!({ "subject": words("subject"), "body": words("body") }));
        let preview = |language: &str| app.admin("GET", &format!("{MAIL}/broadcasts/{id}/preview?language={language}"), None);
        assert_eq!(preview("es").faults(), ["?language unknown_language"]);
        for (language, written, direction) in [("en", "en", "ltr"), ("fr", "en", "ltr"), ("ar", "ar", "rtl"), ("de", "de", "ltr")] {
            let letter = preview(language).json();
            assert_eq!(letter["subject"], format!("subject {written}"));
            let html = letter["html"].as_str().unwrap();
            let frame = if language == "de" { "en" } else { language };
            assert!(html.contains(&format!("<html lang=\"{frame}\" dir=\"{direction}\">")), "{html}");
            assert_eq!(html.contains(&format!("<p lang=\"{written}\" dir=\"auto\"")), written != frame, "{language}: {html}");
        }
        assert!(preview("ar").json()["text"].as_str().unwrap().contains("\n\nالأمانة\n\n"));
        assert!(preview("de").json()["text"].as_str().unwrap().contains("\n\nDas Sekretariat\n\n"));
        assert_eq!(act(&app, &id, "test", &json!({ "email": "me@example.org", "language": "ar" })).status, 200);
        assert_eq!(smtp.wait_for(1)[0].subject(), "subject ar");
        assert_eq!(act(&app, &id, "send", &json!({ "expected": 4 })).status, 200);
        let sent = smtp.wait_for(4);
        let subjects = [0, 1, 2].map(|number| to(&sent, number).subject());
        assert_eq!(subjects, ["subject en", "subject ar", "subject de"]);
    }

    fn a_broadcast_has_subject_and_body_in_the_same_languages(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let create = |request: &Value| app.admin("POST", &format!("{MAIL}/broadcasts"), Some(request)).faults();
        let uneven = json!({ "subject": { "fr": "Salle" }, "body": { "en": "Hall", "fr": "Salle" } });
        assert_eq!(create(&uneven), ["#/subject/en required"]);
        let uneven = json!({ "subject": { "en": "Hall", "fr": "Salle" }, "body": { "en": "Hall" } });
        assert_eq!(create(&uneven), ["#/body/fr required"]);
        let mut wrong = texts();
        wrong["audience"] = json!({ "state": "nobody" });
        let faults = create(&wrong);
        assert!(faults.len() == 1 && faults[0].starts_with("#/audience/state "), "{faults:?}");
    }

    fn an_address_that_registered_twice_gets_a_broadcast_once(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        app.publish(&small_conference(None, None));
        let first = register(&app, 1, "en");
        assert_eq!(app.post(app.path_of(first["links"]["cancel"].as_str().unwrap()), &json!({})).status, 200);
        register(&app, 1, "en");
        register(&app, 2, "en");
        smtp.wait_for(4);
        let mut request = texts();
        request["audience"] = json!({ "state": "confirmed,cancelled" });
        let id = draft(&app, &request);
        assert_eq!(act(&app, &id, "send", &json!({})).status, 200);
        let mut to: Vec<String> = smtp.wait_for(2).into_iter().flat_map(|message| message.to).collect();
        to.sort();
        assert_eq!(to, ["person-1@example.org", "person-2@example.org"]);
        assert_eq!(wait_until_done(&app, &id)["messages"], json!({ "sent": 2 }));
    }

    fn deleting_a_conference_deletes_its_mail(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let invitation = json!({ "kind": "personal", "email": "guest@example.org" });
        let created = app.admin("POST", "/api/v1/conferences/small/invitations", Some(&invitation));
        assert_eq!(created.status, 201, "{}", created.text());
        let id = draft(&app, &texts());
        assert_eq!(act(&app, &id, "test", &json!({ "email": "me@example.org" })).status, 200);
        assert_eq!(app.admin("DELETE", "/api/v1/conferences/small", None).status, 204);
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), 0);
    }

    fn one_click_unsubscribes_from_announcements_only(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        app.publish(&small_conference(None, None));
        let receipts: Vec<Value> = (0..2).map(|number| register(&app, number, "en")).collect();
        smtp.wait_for(2);
        let id = draft(&app, &texts());
        assert_eq!(act(&app, &id, "send", &json!({})).status, 200);
        let messages = smtp.wait_for(2);
        let first = messages.iter().find(|message| message.to == ["person-0@example.org"]).unwrap();
        let link = first.header("List-Unsubscribe").unwrap().trim_matches(['<', '>']).to_owned();
        let path = app.path_of(&link).to_owned();
        // As a mail client does it (RFC 8058); a GET changes nothing.
        assert_eq!(app.get(&path).json(), json!({ "announcements": true, "is_shared_mailbox": false }));
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let off = json!({ "announcements": false, "is_shared_mailbox": false });
        assert_eq!(app.send("POST", &path, &form, Some("List-Unsubscribe=One-Click")).json(), off);
        let page = app.browse(&path);
        assert!(page.text().contains("You no longer get announcements"), "{}", page.text());
        let other = path.replace(receipts[0]["reference"].as_str().unwrap(), receipts[1]["reference"].as_str().unwrap());
        assert_eq!(app.get(&other).status, 404, "the token is of one registration");
        wait_until_done(&app, &id);
        let repeated = draft(&app, &texts());
        let counted = app.admin("GET", &format!("{MAIL}/broadcasts/{repeated}/recipients"), None).json();
        assert_eq!((&counted["count"], &counted["left_out"]), (&json!(1), &json!(1)));
        assert_eq!(act(&app, &repeated, "send", &json!({})).status, 200);
        assert_eq!(smtp.wait_for(1)[0].to, ["person-1@example.org"]);
        wait_until_done(&app, &repeated);
        assert_eq!(app.post(app.path_of(receipts[0]["links"]["cancel"].as_str().unwrap()), &json!({})).status, 200);
        assert_eq!(smtp.wait_for(1)[0].to, ["person-0@example.org"], "a letter about one's own registration comes");
        let on = json!({ "announcements": true, "is_shared_mailbox": false });
        assert_eq!(app.send("POST", &format!("{path}&announcements=true"), &[], None).json(), on);
    }

    fn a_stopped_broadcast_resumes_without_duplicates(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        app.publish(&small_conference(None, None));
        for number in 0..12 {
            register(&app, number, "en");
        }
        smtp.wait_for(12);
        let mut request = texts();
        request["per_minute"] = json!(120);
        let id = draft(&app, &request);
        assert_eq!(act(&app, &id, "send", &json!({})).status, 200);
        let mut messages = smtp.wait_for(1);
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let stopped = act(&app, &id, "stop", &json!({}));
            if stopped.status == 200 {
                break;
            }
            assert!(Instant::now() < deadline, "{}", stopped.text());
        }
        let stopped = app.admin("GET", &format!("{MAIL}/broadcasts/{id}"), None).json();
        assert_eq!(stopped["state"], "stopped");
        assert!(stopped["messages"]["waiting"].as_i64().unwrap() > 0, "{stopped}");
        assert_eq!(act(&app, &id, "stop", &json!({})).problem(), (409, "wrong-message-state".to_owned()));
        assert_eq!(act(&app, &id, "resume", &json!({})).status, 200);
        messages.extend(smtp.wait_for(12 - messages.len()));
        assert_eq!(BTreeSet::from_iter(messages.iter().flat_map(|message| message.to.clone())).len(), 12);
        assert_eq!(wait_until_done(&app, &id)["messages"], json!({ "sent": 12 }));
        assert_eq!(smtp.remaining().len(), 0);
    }

    fn whoever_cancels_or_unsubscribes_gets_no_waiting_announcement(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        app.publish(&small_conference(None, None));
        let receipts: Vec<Value> = (0..6).map(|number| register(&app, number, "en")).collect();
        smtp.wait_for(6);
        let mut request = texts();
        request["per_minute"] = json!(1);
        let id = draft(&app, &request);
        assert_eq!(act(&app, &id, "send", &json!({})).status, 200);
        let messages = smtp.wait_for(1);
        assert_eq!(messages[0].to, ["person-0@example.org"]);
        let deadline = Instant::now() + TIMEOUT;
        let waiting = |letters: &str| {
            let list = app.admin("GET", &format!("{MAIL}/messages?kind=announcement&recipient={letters}"), None).json();
            list["data"][0].clone()
        };
        while waiting("person-5@example.org").is_null() {
            assert!(Instant::now() < deadline);
        }
        // One cancels, one unsubscribes, one message bounces, one message is cancelled.
        assert_eq!(app.post(app.path_of(receipts[1]["links"]["cancel"].as_str().unwrap()), &json!({})).status, 200);
        let link = messages[0].header("List-Unsubscribe").unwrap().trim_matches(['<', '>']).to_owned();
        let second = act(&app, &draft(&app, &texts()), "test", &json!({ "email": "me@example.org" }));
        assert_eq!(second.status, 200);
        assert_eq!(app.send("POST", app.path_of(&link), &[], None).status, 200);
        let taken_back = waiting("person-3@example.org")["id"].as_str().unwrap().to_owned();
        assert_eq!(app.admin("POST", &format!("{MAIL}/messages/{taken_back}/cancel"), None).json()["state"], "cancelled");
        assert_eq!(act(&app, &id, "stop", &json!({})).status, 200);
        let retried = app.admin("POST", &format!("{MAIL}/messages/{}/retry", waiting("person-4@example.org")["id"].as_str().unwrap()), None);
        assert_eq!(retried.json()["state"], "waiting");
        smtp.wait_for(2);
        assert_eq!(smtp.remaining().len(), 0, "a broadcast that is stopped sends nothing, not even what is tried again");
        assert_eq!(act(&app, &id, "resume", &json!({})).status, 200);
        let next = smtp.wait_for(1);
        assert_eq!(next[0].to, ["person-4@example.org"], "who was to be tried at once is the first");
        let deadline = Instant::now() + TIMEOUT;
        while app.admin("GET", &format!("{MAIL}/broadcasts/{id}"), None).json()["messages"] != json!({ "sent": 2, "cancelled": 2, "waiting": 2 }) {
            assert!(Instant::now() < deadline, "{}", app.admin("GET", &format!("{MAIL}/broadcasts/{id}"), None).text());
        }
        assert_eq!(waiting("person-1@example.org")["state"], "cancelled");
        assert_eq!(waiting("person-3@example.org")["state"], "cancelled", "resuming brings back what was stopped, no more");
    }

    fn whoever_cancels_while_a_broadcast_is_queued_does_not_get_it(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let links: Vec<String> = (0..80)
            .map(|number| app.path_of(register(&app, number, "en")["links"]["cancel"].as_str().unwrap()).to_owned())
            .collect();
        let mut request = texts();
        request["per_minute"] = json!(1);
        let id = draft(&app, &request);
        assert_eq!(act(&app, &id, "send", &json!({})).status, 200);
        std::thread::scope(|scope| {
            for part in links.chunks(20) {
                let app = &app;
                scope.spawn(move || part.iter().for_each(|link| assert_eq!(app.post(link, &json!({})).status, 200)));
            }
            scope.spawn(|| assert!(app.environment.run(&["sweep"]).status.success()));
        });
        assert!(app.environment.run(&["sweep"]).status.success());
        let waiting_count = "SELECT count(*) AS n FROM outbox_messages WHERE state = 'waiting' AND broadcast_id IS NOT NULL";
        assert_eq!(app.count(waiting_count), 0, "nobody is left to write to");
    }

    fn a_broadcast_keeps_its_time_and_is_not_sent_to_a_changed_address(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        app.publish(&small_conference(None, None));
        let first = register(&app, 1, "en");
        let second = register(&app, 2, "en");
        smtp.wait_for(2);
        let later = draft(&app, &texts());
        assert_eq!(act(&app, &later, "send", &json!({ "send_at": "2030-01-01T00:00:00Z" })).status, 200);
        assert_eq!(act(&app, &later, "stop", &json!({})).status, 200);
        let resumed = act(&app, &later, "resume", &json!({})).json();
        assert_eq!((&resumed["state"], &resumed["started_at"]), (&json!("sending"), &json!("2030-01-01T00:00:00Z")));
        let mut request = texts();
        request["per_minute"] = json!(1);
        let id = draft(&app, &request);
        assert_eq!(act(&app, &id, "send", &json!({})).status, 200);
        assert_eq!(smtp.wait_for(1)[0].to, ["person-1@example.org"]);
        let path = |receipt: &Value| format!("{REGISTRATIONS}/{}", receipt["reference"].as_str().unwrap());
        let moved = app.admin("PATCH", &path(&second), Some(&json!({ "email": "other@example.org" })));
        assert_eq!(moved.status, 200, "{}", moved.text());
        let list = app.admin("GET", &format!("{MAIL}/messages?kind=announcement&recipient=person-2@example.org"), None).json();
        assert_eq!(list["data"][0]["state"], "cancelled");
        // Nobody who cancelled gets a message by a manual retry, either.
        let message = app.admin("GET", &format!("{MAIL}/messages?kind=announcement&recipient=person-1@example.org"), None).json();
        let message = message["data"][0]["id"].as_str().unwrap().to_owned();
        app.environment.database.execute("UPDATE outbox_messages SET state = 'failed' WHERE broadcast_id IS NOT NULL AND state = 'sent'");
        assert_eq!(app.post(app.path_of(first["links"]["cancel"].as_str().unwrap()), &json!({})).status, 200);
        assert_eq!(app.admin("POST", &format!("{MAIL}/messages/{message}/retry"), None).problem(), (409, "wrong-message-state".to_owned()));
    }

    fn one_mailbox_in_two_spellings_is_one_recipient(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        app.publish(&small_conference(None, None));
        let mut form = person(1, "delegate");
        form["email"] = json!("Person-1@Example.org");
        let first = app.post(REGISTRATIONS, &form).json();
        assert_eq!(app.post(app.path_of(first["links"]["cancel"].as_str().unwrap()), &json!({})).status, 200);
        register(&app, 1, "en");
        smtp.wait_for(3);
        let mut request = texts();
        request["audience"] = json!({ "state": "confirmed,cancelled" });
        let id = draft(&app, &request);
        let counted = app.admin("GET", &format!("{MAIL}/broadcasts/{id}/recipients"), None).json();
        assert_eq!(counted["count"], 1);
        assert_eq!(act(&app, &id, "send", &json!({ "expected": 1 })).status, 200);
        let letter = smtp.wait_for(1).remove(0);
        assert!(letter.data.contains("You can see here what we still keep"), "{}", letter.data);
        assert_eq!(wait_until_done(&app, &id)["messages"], json!({ "sent": 1 }));
    }

    fn a_template_that_fails_for_a_recipient_is_replaced_by_the_default_one(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        app.publish(&small_conference(None, None));
        let path = format!("{MAIL}/templates/confirmed/en");
        let put = |source: &str| app.admin("PUT", &path, Some(&json!({ "source": source })));
        // A template that fails for the smallest set of values is refused.
        assert_eq!(put("Subject: x\n\n{{ position + 1 }}").faults(), ["#/source/line 3 invalid_template"]);
        assert_eq!(put("Subject: x\n\n{{ sessions[0].title }}").faults(), ["#/source/line 3 invalid_template"]);
        assert_eq!(put("Subject: {% if reason %}x{% endif %}\n\nText").faults(), ["#/source/line 1 invalid_template"]);
        // A template that fails for an unforeseen recipient is replaced by the default.
        assert_eq!(put("Subject: Welcome\n\n{% if name == \"Person 1 Example\" %}{{ name + 1 }}{% endif %}Hello{{ reason }}.").status, 200);
        register(&app, 1, "en");
        let shipped = smtp.wait_for(1).remove(0);
        assert_eq!(shipped.subject(), "Your registration is confirmed: Small conference");
        register(&app, 2, "en");
        let own_text = smtp.wait_for(1).remove(0);
        assert_eq!(own_text.subject(), "Welcome");
        assert!(own_text.data.contains("Hello."), "what is not said is nothing: {}", own_text.data);
        let mut request = json!({ "kind": "reminder" });
        request["audience"] = json!({ "state": "confirmed" });
        assert_eq!(app.admin("PUT", &format!("{MAIL}/templates/reminder/en"), Some(&json!({ "source": "Subject: Soon\n\nOur words." }))).status, 200);
        let id = draft(&app, &request);
        let preview = app.admin("GET", &format!("{MAIL}/broadcasts/{id}/preview?language=en"), None).json();
        assert_eq!((&preview["subject"], &preview["text"]), (&json!("Soon"), &json!("Our words.\n")));
        assert_eq!(app.admin("DELETE", &path, None).status, 204);
        let trail = app.admin("GET", "/api/v1/conferences/small/audit", None).json();
        let acts: Vec<String> = trail["data"].as_array().unwrap().iter().filter(|entry| entry["resource"] == "mail_template")
            .map(|entry| format!("{} {}", entry["action"].as_str().unwrap(), entry["code"].as_str().unwrap())).collect();
        assert_eq!(acts, ["delete confirmed/en", "update reminder/en", "update confirmed/en"]);
    }

    fn an_unreadable_outbox_row_does_not_block_others(store) {
        let environment = Arc::new(Environment::new(store));
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        app.kill();
        drop(app);
        let id = |n: u8| match store {
            Store::Sqlite => format!("X'0189000000007000800000000000000{n}'"),
            Store::Postgres => format!("'01890000-0000-7000-8000-00000000000{n}'"),
        };
        for (n, kind) in [(1, "link"), (2, "of_no_kind_that_is_known")] {
            environment.database.execute(&format!(
                "INSERT INTO outbox_messages (id, conference_id, kind, recipient, language, content, state, tries, next_try_at, created_at, \
                 priority, domain) SELECT {}, id, '{kind}', 'person-{n}@example.org', 'en', '{{}}', 'waiting', 0, \
                 '2026-01-01T00:00:00.000000Z', '2026-11-01T00:00:00.000000Z', 0, 'example.org' FROM conferences",
                id(n)
            ));
        }
        let app = environment.start_shared();
        register(&app, 3, "en");
        let deadline = Instant::now() + TIMEOUT;
        while environment.database.count("SELECT count(*) AS n FROM outbox_messages WHERE state = 'waiting'") > 0 {
            assert!(Instant::now() < deadline);
        }
        let list = app.admin("GET", &format!("{MAIL}/messages"), None).json();
        let messages: Vec<(&str, &str)> = list["data"].as_array().unwrap().iter()
            .map(|message| (message["state"].as_str().unwrap(), message["last_error"].as_str().unwrap_or_default())).collect();
        let unread = ("failed", "what the letter says cannot be read");
        assert_eq!(messages, [("sent", ""), unread, unread]);
    }

    fn signed_up_attendees_are_notified_of_a_moved_or_cancelled_session(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        let mut blueprint = small_conference(None, None);
        let workshop = json!({
            "code": "law", "kind": "parallel", "title": "Law", "access": "sign_up", "seats": 1,
            "starts_at": "2030-05-01T11:00", "ends_at": "2030-05-01T12:00", "items": []
        });
        let place = blueprint["sessions"].as_array().unwrap().len();
        blueprint["sessions"].as_array_mut().unwrap().push(workshop);
        app.publish(&blueprint);
        let mut form = person(1, "delegate");
        form["sessions"] = json!(["law"]);
        assert_eq!(app.post(REGISTRATIONS, &form).status, 201);
        register(&app, 2, "en");
        smtp.wait_for(2);
        blueprint["sessions"][place]["starts_at"] = json!("2030-05-01T11:30");
        app.publish(&blueprint);
        let moved = smtp.wait_for(1).remove(0);
        assert_eq!((moved.to[0].as_str(), moved.subject().as_str()), ("person-1@example.org", "A session has changed: Small conference"));
        assert!(moved.data.contains("1 May 2030, 11:30") && moved.data.contains("- Law (it was to begin on 1 May 2030, 11:00"), "{}", moved.data);
        blueprint["sessions"].as_array_mut().unwrap().remove(place);
        app.publish(&blueprint);
        let message = smtp.wait_for(1).remove(0);
        assert_eq!((message.to[0].as_str(), message.subject().as_str()), ("person-1@example.org", "A session does not take place: Small conference"));
        let entries = calendars(&message.data);
        assert_eq!(entries["left.ics"][0]["status"], "CANCELLED");
        assert_eq!(entries["left.ics"][0]["uid"], calendars(&moved.data)["conference.ics"][1]["uid"], "the entry that goes is the one that came");
        assert!(entries["left.ics"][0]["sequence"].as_i64() > calendars(&moved.data)["conference.ics"][1]["sequence"].as_i64());
        let mut title = small_conference(None, None);
        title["sessions"] = blueprint["sessions"].clone();
        app.publish(&title);
        assert_eq!(smtp.remaining().len(), 0);
    }

    fn a_corrected_text_notifies_nobody(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        let mut blueprint = small_conference(None, None);
        blueprint["sessions"].as_array_mut().unwrap().push(json!({
            "code": "law", "kind": "parallel", "title": { "en": "Law", "fr": "Driot" }, "access": "sign_up", "seats": 9,
            "starts_at": "2030-05-01T11:00", "ends_at": "2030-05-01T12:00", "room": "hall", "items": []
        }));
        app.publish(&blueprint);
        for number in [1, 2] {
            let mut form = person(number, "delegate");
            form["sessions"] = json!(["law"]);
            assert_eq!(app.post(REGISTRATIONS, &form).status, 201);
        }
        let mut blueprint = app.admin("GET", "/api/v1/conferences/small/blueprint", None).json();
        let session = blueprint["sessions"].as_array().unwrap().iter().position(|one| one["code"] == "law").unwrap();
        type Mend = fn(&mut Value, usize);
        let mends: [(&str, Mend); 5] = [
            ("its title in one language", |blueprint, law| blueprint["sessions"][law]["title"]["fr"] = json!("Droit")),
            ("its text", |blueprint, law| blueprint["sessions"][law]["abstract"] = json!("Of treaties.")),
            ("its code", |blueprint, law| blueprint["sessions"][law]["code"] = json!("treaties")),
            ("the room's name", |blueprint, _| blueprint["rooms"][0]["name"] = json!({ "en": "Great hall", "fr": "Salle" })),
            ("the room's code", |blueprint, _| {
                blueprint["rooms"][0]["code"] = json!("great-hall");
                for session in blueprint["sessions"].as_array_mut().unwrap() {
                    session["room"] = json!("great-hall");
                }
            }),
        ];
        let broadcasts = || app.admin("GET", &format!("{MAIL}/broadcasts"), None).json()["data"].as_array().unwrap().len();
        for (number, (action, mend)) in (3..).zip(mends) {
            mend(&mut blueprint, session);
            app.publish(&blueprint);
            // A new registration sees the sessions of the latest release.
            register(&app, number, "en");
            assert_eq!(broadcasts(), 0, "{action}");
        }
        smtp.wait_for(7);
        blueprint["sessions"][session]["starts_at"] = json!("2030-05-01T12:00:00+02:00");
        blueprint["sessions"][session]["ends_at"] = json!("2030-05-01T13:00:00+02:00");
        app.publish(&blueprint);
        let mut moved = smtp.wait_for(2);
        moved.sort_by(|a, b| a.to.cmp(&b.to));
        let letters: Vec<_> = moved.iter().map(|letter| (letter.to[0].as_str(), letter.subject())).collect();
        let subject = "A session has changed: Small conference".to_owned();
        assert_eq!(letters, [("person-1@example.org", subject.clone()), ("person-2@example.org", subject)]);
        blueprint["sessions"][session]["room"] = Value::Null;
        app.publish(&blueprint);
        assert_eq!(smtp.wait_for(2).len(), 2, "another room");
        assert_eq!((broadcasts(), smtp.remaining().len()), (2, 0));
    }

    fn a_conference_uses_its_own_templates_if_they_can_be_rendered(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        app.publish(&small_conference(None, None));
        let path = format!("{MAIL}/templates/confirmed/en");
        let put = |source: &str| app.admin("PUT", &path, Some(&json!({ "source": source })));
        assert_eq!(put("Subject: x\n\n{{ nome }}").faults(), ["#/source/line 3 unknown_placeholder"]);
        assert_eq!(put("Subject: x\n\n{% for %}").faults(), ["#/source/line 3 invalid_template"]);
        assert_eq!(put("No subject").faults(), ["#/source/line 1 missing_subject"]);
        let runaway = "Subject: x\n{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        assert_eq!(put(runaway).faults(), ["#/source/line 2 invalid_template"]);
        let deep = format!("Subject: x\n{{{{ {}1 }}}}", "1+".repeat(2_500));
        assert_eq!(put(&deep).faults(), ["#/source too_long"]);
        let own_text = "Subject: Welcome, {{ name }}\n\nYou are in: <{{ reference }}>.\n{{ link }}";
        let preview = app.admin("POST", &format!("{path}/preview"), Some(&json!({ "source": own_text }))).json();
        assert_eq!(preview["subject"], "Welcome, Dr Ada Example");
        assert!(preview["html"].as_str().unwrap().contains("You are in: &lt;ABC-12345678&gt;."), "{preview}");
        assert_eq!(put(own_text).json()["is_own"], true);
        register(&app, 1, "en");
        assert_eq!(smtp.wait_for(1)[0].subject(), "Welcome, Person 1 Example");
        register(&app, 2, "fr");
        assert_eq!(smtp.wait_for(1)[0].subject(), "Votre inscription est confirmée : Petite conférence");
        assert_eq!(app.admin("DELETE", &path, None).status, 204);
        assert_eq!(app.admin("DELETE", &path, None).status, 404);
        register(&app, 3, "en");
        assert_eq!(smtp.wait_for(1)[0].subject(), "Your registration is confirmed: Small conference");
        let list = app.admin("GET", &format!("{MAIL}/templates"), None).json();
        assert_eq!(list["data"].as_array().unwrap().len(), 80);
        assert!(list["data"].as_array().unwrap().iter().all(|one| one["is_own"] == false && one["source"].as_str().unwrap().starts_with("Subject: ")));
    }

    fn a_message_is_retried_or_cancelled_and_a_bounce_is_recorded(store) {
        if !smtp::is_available() {
            return;
        }
        let (smtp, app) = start(store);
        app.publish(&small_conference(None, None));
        let mut form = person(1, "delegate");
        form["email"] = json!("refuse@example.org");
        assert_eq!(app.post(REGISTRATIONS, &form).status, 201);
        let deadline = Instant::now() + TIMEOUT;
        let failed = loop {
            let list = app.admin("GET", &format!("{MAIL}/messages?state=failed"), None).json();
            if let Some(found) = list["data"].as_array().unwrap().first() {
                break found.clone();
            }
            assert!(Instant::now() < deadline);
        };
        let path = format!("{MAIL}/messages/{}", failed["id"].as_str().unwrap());
        assert_eq!(app.admin("POST", &format!("{path}/cancel"), None).problem(), (409, "wrong-message-state".to_owned()));
        assert_eq!(app.admin("POST", &format!("{path}/retry"), None).json()["state"], "waiting");
        let deadline = Instant::now() + TIMEOUT;
        while app.admin("GET", &path, None).json()["attempts"].as_array().unwrap().len() < 2 {
            assert!(Instant::now() < deadline);
        }
        // A bounce that another mail server reports later.
        register(&app, 2, "en");
        let message = smtp.wait_for(1).remove(0);
        let report = format!(
            "From: MAILER-DAEMON@mx.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; \
             report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
             Final-Recipient: rfc822; person-2@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\
             Diagnostic-Code: smtp; 550 no such user\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {}\r\n--b--\r\n",
            message.header("Message-ID").unwrap()
        );
        let bearer = app.authorization();
        let headers = [("authorization", bearer.as_str()), ("content-type", "message/rfc822")];
        let noted = app.send("POST", &format!("{MAIL}/bounces"), &headers, Some(&report)).json();
        assert_eq!(noted["blocked"], json!(["person-2@example.org"]));
        let came_back = app.admin("GET", &format!("{MAIL}/messages/{}", noted["message"].as_str().unwrap()), None).json();
        assert_eq!((&came_back["state"], &came_back["last_error"]), (&json!("failed"), &json!("5.1.1 smtp; 550 no such user")));
        assert_eq!(app.send("POST", &format!("{MAIL}/bounces"), &headers, Some("Subject: x\r\n\r\nAway.")).status, 422);
        let blocks = app.admin("GET", &format!("{MAIL}/blocks"), None).json();
        assert_eq!((&blocks["data"][0]["address"], &blocks["data"][0]["reason"]), (&json!("person-2@example.org"), &json!("bounced")));
        let id = draft(&app, &texts());
        let counted = app.admin("GET", &format!("{MAIL}/broadcasts/{id}/recipients"), None).json();
        assert_eq!((&counted["count"], &counted["left_out"]), (&json!(1), &json!(1)));
        assert_eq!(app.admin("DELETE", &format!("{MAIL}/blocks/person-2@example.org"), None).status, 204);
        assert_eq!(app.admin("DELETE", &format!("{MAIL}/broadcasts/{id}"), None).status, 204);
    }
}

/// The calendar entries of a message by file, as another library reads them.
fn calendars(data: &str) -> Value {
    let script = r#"
import email, email.policy, icalendar, json, sys
message = email.message_from_string(sys.stdin.read(), policy=email.policy.default)
files = {part.get_filename(): icalendar.Calendar.from_ical(part.get_payload(decode=True).decode())
         for part in message.walk() if (part.get_filename() or "").endswith(".ics")}
print(json.dumps({name: [{"uid": e["uid"], "sequence": e["sequence"], "status": e["status"], "summary": e["summary"]}
                         for e in calendar.walk("VEVENT")] for name, calendar in files.items()}))
"#;
    serde_json::from_str(&smtp::run_python(script, data)).unwrap()
}
