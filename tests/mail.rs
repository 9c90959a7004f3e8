//! Letters, as a mail server and a mail client see them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{
    App, Store,
    app::{Environment, person, small_conference},
    on_both_stores, smtp,
    smtp::Smtp,
};

const PATH: &str = "/api/v1/conferences/small/registrations";

/// A message as a mail library parses it: headers, parts, and the calendar entry.
const READER: &str = r#"
import base64, email, email.policy, icalendar, json, sys
strict = email.policy.default.clone(raise_on_defect=True)
message = email.message_from_string(sys.stdin.read(), policy=strict)
parts = [{"type": part.get_content_type(), "disposition": part.get_content_disposition(),
          "method": part.get_param("method"), "filename": part.get_filename(),
          "text": part.get_content() if part.get_content_maintype() == "text"
          else base64.b64encode(part.get_payload(decode=True)).decode() if part.get_content_maintype() == "image"
          else part.get_payload(decode=True).decode()}
         for part in message.walk() if not part.is_multipart()]
calendars = [icalendar.Calendar.from_ical(part["text"]) for part in parts if part["filename"] == "conference.ics"]
entries = [{"method": calendar["method"], "uid": event["uid"], "summary": event["summary"], "status": event["status"],
            "sequence": event["sequence"], "start": str(event.decoded("dtstart")), "end": str(event.decoded("dtend")),
            "location": event.get("location"), "description": event.get("description"), "errors": calendar.errors + event.errors}
           for calendar in calendars for event in calendar.walk("VEVENT")]
print(json.dumps({"headers": dict(message.items()), "structure": [p.get_content_type() for p in message.walk()],
                  "parts": parts, "entries": entries}))
"#;

fn read(message: &smtp::Accepted) -> Value {
    serde_json::from_str(&smtp::run_python(READER, &message.data)).unwrap()
}

fn register(app: &App, form: &Value) -> Value {
    let created = app.post(PATH, form);
    assert_eq!(created.status, 201, "{}", created.text());
    created.json()
}

on_both_stores! {
    fn a_confirmation_has_event_time_and_place_in_the_attendee_s_language(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start_with(&["--login", "plenary", "p:w@d"]);
        let url = format!("smtp://plenary:p%3Aw%40d@127.0.0.1:{}", smtp.port);
        let app = Environment::new(store)
            .set("PLENARY_MAIL_URL", &url)
            .set("PLENARY_MAIL_FROM", "Secretariat <no-reply@conference.example>")
            .set("PLENARY_PUBLIC_URL", "https://conference.example/")
            .start();
        app.publish(&small_conference(Some(1), None));
        let mut form = person(1, "delegate");
        form["honorific"] = json!("Dr");
        form["given_name"] = json!("Zoë");
        form["family_name"] = json!("O'Brien <b>");
        form["language"] = json!("fr");
        let receipt = register(&app, &form);
        let link = receipt["links"]["self"].as_str().unwrap();
        assert!(link.starts_with("https://conference.example/api/v1/conferences/small/registrations/"));
        let message = smtp.wait_for(1).remove(0);
        assert_eq!(message.to, ["person-1@example.org"]);
        assert!(message.data.lines().all(|line| line.len() <= 998), "RFC 5322, 2.1.1");
        let parsed = read(&message);
        let headers = &parsed["headers"];
        assert_eq!(headers["Subject"], "Votre inscription est confirmée : Petite conférence");
        assert_eq!(headers["From"], "Secretariat <no-reply@conference.example>");
        assert_eq!(headers["Auto-Submitted"], "auto-generated");
        assert_eq!(headers["Content-Language"], "fr");
        assert!(headers["Message-ID"].as_str().unwrap().ends_with("@conference.example>"));
        assert_eq!(parsed["structure"], json!([
            "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
            "text/calendar", "application/ics", "image/png"
        ]));
        let text = parsed["parts"][0]["text"].as_str().unwrap();
        for words in [
            "Bonjour Dr Zoë O'Brien <b>,", receipt["reference"].as_str().unwrap(), "Catégorie : Délégué",
            "Dates : 1er–2 mai 2030", "Lieu : Egmont Palace, Bruxelles", link,
        ] {
            assert!(text.contains(words), "{words} is not in {text}");
        }
        let html = parsed["parts"][1]["text"].as_str().unwrap();
        assert!(html.contains("lang=\"fr\"") && html.contains("O&#x27;Brien &lt;b&gt;"), "{html}");
        assert_eq!(parsed["parts"][3]["method"], "PUBLISH");
        assert_eq!((&parsed["parts"][2]["disposition"], &parsed["parts"][4]["disposition"]), (&json!("inline"), &json!("attachment")));
        assert!(html.contains("src=\"cid:badge\""));
        assert_eq!((&parsed["parts"][5]["filename"], &parsed["parts"][5]["text"]), (&json!("badge.png"), &parsed["parts"][2]["text"]));
        let entry = &parsed["entries"][0];
        assert_eq!(entry["errors"], json!([]));
        assert_eq!((&entry["method"], &entry["status"], &entry["sequence"]), (&json!("PUBLISH"), &json!("CONFIRMED"), &json!(0)));
        assert_eq!(entry["summary"], "Petite conférence");
        assert_eq!((&entry["start"], &entry["end"]), (&json!("2030-05-01"), &json!("2030-05-03")), "whole days");
        assert_eq!(entry["location"], "Egmont Palace, Bruxelles");
        assert_eq!(entry["description"], receipt["reference"], "no personal link in what people share");

        let waiting = register(&app, &person(2, "delegate"));
        let parsed = read(&smtp.wait_for(1)[0]);
        assert_eq!(parsed["headers"]["Subject"], "You are on the waiting list: Small conference");
        assert!(parsed["parts"][0]["text"].as_str().unwrap().contains("at position 1"));
        assert_eq!(parsed["entries"], json!([]), "no calendar entry without a seat");

        let cancel = receipt["links"]["cancel"].as_str().unwrap().strip_prefix("https://conference.example").unwrap();
        assert_eq!(app.post(cancel, &json!({})).status, 200);
        let mut letters: Vec<_> = smtp.wait_for(2).iter().map(read).collect();
        letters.sort_by_key(|parsed| parsed["headers"]["To"].to_string());
        let (promoted, cancelled) = if letters[0]["headers"]["To"].to_string().contains("person-2") {
            (&letters[0], &letters[1])
        } else {
            (&letters[1], &letters[0])
        };
        assert_eq!(cancelled["headers"]["Subject"], "Votre inscription est annulée : Petite conférence");
        let cancelled_event = &cancelled["entries"][0];
        assert_eq!((&cancelled_event["method"], &cancelled_event["status"], &cancelled_event["sequence"]), (&json!("CANCEL"), &json!("CANCELLED"), &json!(2)));
        assert_eq!(cancelled_event["uid"], entry["uid"], "the entry that goes is the one that came");
        assert_eq!(
            promoted["headers"]["Subject"],
            "A seat became free, your registration is confirmed: Small conference"
        );
        let text = promoted["parts"][0]["text"].as_str().unwrap();
        let link = waiting["links"]["self"].as_str().unwrap();
        assert!(text.contains(link));
        assert_eq!(promoted["entries"][0]["method"], "PUBLISH");
    }

    fn uids_stay_what_they_were_when_sender_and_public_url_change(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let environment = Environment::new(store)
            .set("PLENARY_MAIL_URL", &smtp.url())
            .set("PLENARY_MAIL_FROM", "Secretariat <no-reply@old.example>")
            .set("PLENARY_PUBLIC_URL", "https://conference.old.example");
        let environment = Arc::new(environment);
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        let uids = |app: &App| {
            let answer = app.get("/api/v1/conferences/small/programme.ics");
            let feed = answer.text();
            feed.lines().filter(|line| line.starts_with("UID:")).map(str::to_owned).collect::<Vec<_>>()
        };
        let reference = register(&app, &person(1, "delegate"))["reference"].as_str().unwrap().to_owned();
        let confirmed = read(&smtp.wait_for(1)[0]);
        let feed_before = uids(&app);
        assert!(feed_before.len() == 1 && feed_before[0].ends_with("@conference.old.example"), "{feed_before:?}");
        let uid = confirmed["entries"][0]["uid"].as_str().unwrap();
        assert!(uid.ends_with("@old.example"), "{uid}");
        assert!(app.terminate().success());
        drop(app);

        let environment = Arc::try_unwrap(environment).ok().unwrap()
            .set("PLENARY_MAIL_FROM", "Büro <no-reply@bücher.example>")
            .set("PLENARY_PUBLIC_URL", "https://new.example");
        let environment = Arc::new(environment);
        let mut app = environment.start_shared();
        assert_eq!(uids(&app), feed_before);
        assert_eq!(app.admin("POST", &format!("{PATH}/{reference}/cancel"), Some(&json!({}))).status, 200);
        let cancelled = read(&smtp.wait_for(1)[0]);
        assert_eq!((&cancelled["entries"][0]["method"], &cancelled["entries"][0]["uid"]), (&json!("CANCEL"), &json!(uid)));
        assert_eq!(cancelled["headers"]["From"], "Büro <no-reply@xn--bcher-kva.example>");
        assert!(cancelled["headers"]["Message-ID"].as_str().unwrap().ends_with("@old.example>"));
        assert!(app.terminate().success());
        drop(app);

        // A store of an older version has no hosts yet: the first start pins those that it computed until now.
        environment.database.execute("DELETE FROM uid_hosts");
        let app = environment.start_shared();
        register(&app, &person(2, "delegate"));
        let message = smtp.wait_for(1).remove(0);
        let parsed = read(&message);
        assert!(parsed["entries"][0]["uid"].as_str().unwrap().ends_with("@bücher.example"), "{parsed}");
        assert!(parsed["headers"]["Message-ID"].as_str().unwrap().ends_with("@xn--bcher-kva.example>"));
        assert_eq!(app.count("SELECT count(*) AS n FROM uid_hosts WHERE feeds = 'new.example' AND letters = 'bücher.example'"), 1);
    }

    fn arabic_letters_are_arabic_and_other_languages_keep_the_words_of_the_organisers(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        let mut blueprint = small_conference(None, None);
        blueprint["conference"]["languages"] = json!(["en", "fr", "ar", "de"]);
        blueprint["conference"]["name"] = json!({ "en": "Small conference", "fr": "Petite conférence", "ar": "مؤتمر صغير", "de": "Kleine Konferenz" });
        blueprint["registration"]["letters"] = json!({ "signature": { "en": "The Secretariat", "ar": "الأمانة", "de": "Das Sekretariat" } });
        app.publish(&blueprint);
        let register_in = |number: usize, language: &str| {
            let mut form = person(number, "delegate");
            form["language"] = json!(language);
            register(&app, &form);
            let letter = smtp.wait_for(1)[0].clone();
            let parsed = read(&letter);
            (parsed["headers"]["Subject"].as_str().unwrap().to_owned(), parsed["parts"][0]["text"].as_str().unwrap().to_owned(), letter)
        };
        let (subject, text, letter) = register_in(1, "ar");
        assert_eq!(subject, "تأكّد تسجيلكم: مؤتمر صغير");
        assert!(text.starts_with("تحية طيبة إلى Person 1 Example،") && text.contains("الأمانة") && !text.contains("Secretariat"), "{text}");
        assert!(text.contains("التاريخ: 1–2 مايو 2030"), "{text}");
        assert!(String::from_utf8_lossy(letter.data.as_ref()).contains("Content-Language: ar"));
        let (subject, text, letter) = register_in(2, "de");
        assert_eq!(subject, "Your registration is confirmed: Kleine Konferenz");
        assert!(text.contains("Das Sekretariat"), "{text}");
        assert!(String::from_utf8_lossy(letter.data.as_ref()).contains("Content-Language: en"));

        // What is written to many is read by each in their own language, and lacks none of the other text.
        let broadcasts = "/api/v1/conferences/small/mail/broadcasts";
        let announcement = |subject: Value, body: Value| json!({ "kind": "announcement", "subject": subject, "body": body, "audience": {} });
        let halves = announcement(json!({ "en": "Hall", "fr": "Salle" }), json!({ "en": "Another hall.", "ar": "قاعة أخرى." }));
        assert_eq!(app.admin("POST", broadcasts, Some(&halves)).faults(), ["#/subject/ar required", "#/body/fr required"]);
        let texts = |ar: &str, de: &str, en: &str| json!({ "ar": ar, "de": de, "en": en });
        let whole = announcement(texts("القاعة", "Saal", "Hall"), texts("قاعة أخرى.", "Ein anderer Saal.", "Another hall."));
        let id = app.admin("POST", broadcasts, Some(&whole)).json()["id"].as_str().unwrap().to_owned();
        let recipients = app.admin("GET", &format!("{broadcasts}/{id}/recipients"), None).json();
        let sent = app.admin("POST", &format!("{broadcasts}/{id}/send"), Some(&json!({ "expected": recipients["recipients"] })));
        assert!(sent.status < 300, "{} {}", sent.text(), recipients);
        let mut subjects: Vec<String> = smtp.wait_for(2).iter().map(|letter| read(letter)["headers"]["Subject"].as_str().unwrap().to_owned()).collect();
        subjects.sort();
        assert_eq!(subjects, ["Saal", "القاعة"]);
    }

    fn letters_greet_as_registrars_say_and_otherwise_guess_nothing(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        app.publish(&small_conference(None, None));
        let greeting = || {
            let parsed = read(&smtp.wait_for(1)[0]);
            parsed["parts"][0]["text"].as_str().unwrap().lines().next().unwrap().to_owned()
        };
        let mut form = person(1, "delegate");
        form["honorific"] = json!("S.E.");
        form["language"] = json!("fr");
        let receipt = register(&app, &form);
        assert_eq!(greeting(), "Excellence,");
        let own = receipt["links"]["self"].as_str().unwrap();
        let salutation = |lines: Value| json!({ "salutation": lines });
        let patch = |body: &Value| app.admin("PATCH", &format!("{PATH}/{}", receipt["reference"].as_str().unwrap()), Some(body));
        let by_attendee = app.send("PATCH", app.path_of(own), &[("content-type", "application/json")], Some(&salutation(json!("Sire,")).to_string()));
        assert_eq!(by_attendee.faults(), ["#/salutation not_changeable"]);
        assert_eq!(patch(&salutation(json!({ "de": "Exzellenz," }))).faults(), ["#/salutation/de unknown_language"]);
        assert_eq!(patch(&salutation(json!({ "fr": "Monsieur\nl'Ambassadeur," }))).faults(), ["#/salutation/fr control_character"]);
        let set = patch(&salutation(json!({ "fr": "Monsieur l'Ambassadeur," })));
        assert_eq!((set.status, &set.json()["salutation"]), (200, &json!({ "fr": "Monsieur l'Ambassadeur," })));
        assert_eq!(app.get(app.path_of(own)).json()["salutation"]["fr"], "Monsieur l'Ambassadeur,");
        let resend = format!("{PATH}/{}/resend", receipt["reference"].as_str().unwrap());
        assert_eq!(app.admin("POST", &resend, Some(&json!({}))).status, 200);
        assert_eq!(greeting(), "Monsieur l'Ambassadeur,", "and no letter said that it changed");

        let conference = "/api/v1/conferences/small";
        let delegation = json!({ "kind": "member_state", "country": "NG", "category": "delegate", "focal_point": {
            "name": "Permanent Mission of Nigeria", "email": "mission@example.org", "language": "fr" } });
        assert_eq!(app.admin("POST", &format!("{conference}/delegations"), Some(&delegation)).status, 201);
        let invite = |status: u16| {
            let path = format!("{conference}/delegations/ng/invite-focal-point");
            assert_eq!(app.admin("POST", &path, Some(&json!({}))).status, status);
        };
        invite(200);
        assert_eq!(greeting(), "Madame, Monsieur,");
        let lines = json!({ "focal_point": { "salutation": { "fr": "Madame la Représentante permanente," } } });
        let patched = app.admin("PATCH", &format!("{conference}/delegations/ng"), Some(&lines)).json();
        assert_eq!(patched["focal_point"]["salutation"], lines["focal_point"]["salutation"]);
        invite(200);
        assert_eq!(greeting(), "Madame la Représentante permanente,");
        let wrong = json!({ "focal_point": { "salutation": { "sw": "Habari," } } });
        let refused = app.admin("PATCH", &format!("{conference}/delegations/ng"), Some(&wrong));
        assert_eq!(refused.faults(), ["#/focal_point/salutation/sw unknown_language"]);

        let invitation = |more: Value| {
            let mut body = json!({ "kind": "personal", "email": "guest@example.org" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let created = app.admin("POST", &format!("{conference}/invitations"), Some(&body));
            assert_eq!(created.status, 201, "{}", created.text());
            greeting()
        };
        assert_eq!(invitation(json!({})), "Dear Sir or Madam,");
        assert_eq!(invitation(json!({ "name": "H.E. Ada Eze" })), "Excellency,");
        assert_eq!(invitation(json!({ "name": "Ada Eze" })), "Dear Ada Eze,");
        assert_eq!(invitation(json!({ "name": "Ada Eze", "salutation": "Madam President," })), "Madam President,");
        assert!(app.environment.run(&["doctor"]).status.success());
    }

    fn a_stranger_s_links_do_not_leave_in_letters(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        app.publish(&small_conference(None, None));
        for (field, value) in [
            ("given_name", "https://evil.example/win"), ("family_name", "WWW.Evil.Example"), ("honorific", "evil.example/win"),
            ("given_name", "evil\u{3002}example"), ("family_name", "win@evil.example"),
        ] {
            let mut form = person(1, "delegate");
            form[field] = json!(value);
            assert_eq!(app.post(PATH, &form).faults(), [format!("#/{field} link")], "{value}");
        }
        let mut form = person(1, "delegate");
        form["given_name"] = json!("J.R.R.");
        form["family_name"] = json!("Smith & Co. v.d. Berg");
        // Neither of these is in any letter.
        form["organisation"] = json!("Bits.of.Freedom");
        form["position"] = json!("https://evil.example/position");
        let receipt = register(&app, &form);
        let confirmed = smtp.wait_for(1).remove(0);
        assert!(read(&confirmed)["parts"][0]["text"].as_str().unwrap().starts_with("Dear J.R.R. Smith & Co. v.d. Berg,"));
        assert!(!confirmed.data.contains("evil"));
        // By the link, which the answer discloses where addresses are not verified.
        let own = receipt["links"]["self"].as_str().unwrap();
        let json_body = [("content-type", "application/json")];
        let rename = json!({ "given_name": "Win at evil.example" }).to_string();
        assert_eq!(app.send("PATCH", app.path_of(own), &json_body, Some(&rename)).faults(), ["#/given_name link"]);
        let template = json!({ "source": "Subject: {{ name }}\n\n{{ salutation }}\n\n{{ reason }}" });
        assert_eq!(app.admin("PUT", "/api/v1/conferences/small/mail/templates/cancelled/en", Some(&template)).status, 200);
        let cancel = app.path_of(receipt["links"]["cancel"].as_str().unwrap());
        assert_eq!(app.post(cancel, &json!({ "reason": "See www.evil.example" })).status, 200);
        assert!(!smtp.wait_for(1)[0].data.contains("evil"));
        // As an older version stored it.
        let stored = register(&app, &person(2, "delegate"));
        smtp.wait_for(1);
        app.environment.database.execute("UPDATE registrations SET given_name = 'Win at https://evil.example/win' WHERE email = 'person-2@example.org'");
        let resend = format!("{PATH}/{}/resend", stored["reference"].as_str().unwrap());
        assert_eq!(app.admin("POST", &resend, Some(&json!({}))).status, 200);
        let link = smtp.wait_for(1).remove(0);
        let parsed = read(&link);
        assert!(!link.data.contains("evil") && parsed["headers"]["To"] == "person-2@example.org", "{}", link.data);
        assert!(parsed["parts"][0]["text"].as_str().unwrap().starts_with("Dear Sir or Madam,"));
    }

    fn an_unsent_message_is_sent_after_a_restart(store) {
        if !smtp::is_available() {
            return;
        }
        // A port that nobody listens on, until the mail server is there.
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", "smtp://127.0.0.1:1"));
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        let receipt = register(&app, &person(1, "delegate"));
        app.log.wait_for("the mail server cannot be reached");
        assert!(app.terminate().success());
        let waiting = "SELECT count(*) AS n FROM outbox_messages WHERE state = 'waiting' AND lease_holder IS NULL";
        assert_eq!(environment.database.count(waiting), 1);
        drop(app);
        let smtp = Smtp::start();
        let environment = Arc::try_unwrap(environment).ok().unwrap().set("PLENARY_MAIL_URL", &smtp.url());
        let app = environment.start();
        let message = smtp.wait_for(1).remove(0);
        let token = receipt["links"]["self"].as_str().unwrap().split_once("?token=").unwrap().1;
        let text = read(&message)["parts"][0]["text"].as_str().unwrap().to_owned();
        assert!(text.contains(token), "a token is derived again, not kept");
        app.log.wait_for("sent a message");
    }

    fn a_permanent_refusal_ends_a_message_and_a_temporary_one_does_not(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        app.publish(&small_conference(None, None));
        for (number, address) in ["refuse@example.org", "later@example.org", "fine@example.org"].into_iter().enumerate() {
            let mut form = person(number, "delegate");
            form["email"] = json!(address);
            register(&app, &form);
        }
        let mut to: Vec<_> = smtp.wait_for(2).into_iter().flat_map(|message| message.to).collect();
        to.sort();
        assert_eq!(to, ["fine@example.org", "later@example.org"]);
        let mut app = app;
        assert!(app.terminate().success());
        let states = |state: &str| app.count(&format!("SELECT count(*) AS n FROM outbox_messages WHERE state = '{state}'"));
        assert_eq!((states("sent"), states("failed"), states("waiting")), (2, 1, 0));
        let failed_for_good = "SELECT count(*) AS n FROM outbox_messages WHERE state = 'failed' AND last_error LIKE '%no such mailbox%'";
        assert_eq!(app.count(failed_for_good), 1, "the server's words are kept");
    }

    fn without_a_mail_server_each_message_is_a_readable_file(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        register(&app, &person(1, "delegate"));
        app.log.wait_for("sent a message");
        let folder = app.environment.folder.0.join("mail");
        let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].extension().unwrap(), "eml");
        let text = std::fs::read_to_string(&files[0]).unwrap();
        let name = files[0].file_stem().unwrap().to_str().unwrap();
        assert!(text.contains(&format!("Message-ID: <{name}>\r\n")));
        assert!(text.contains("To: \"Person 1 Example\" <person-1@example.org>\r\n"), "{text}");
    }
}

/// A self-signed certificate for 127.0.0.1, and its key.
fn certificate(folder: &std::path::Path) -> (String, String) {
    let at = |name: &str| folder.join(name).display().to_string();
    let (certificate, key) = (at("certificate.pem"), at("key.pem"));
    let created = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", &key, "-out", &certificate])
        .stderr(std::process::Stdio::null())
        .status();
    assert!(created.unwrap().success());
    (certificate, key)
}

#[test]
fn over_tls_mail_goes_only_to_a_server_with_a_trusted_certificate() {
    if !smtp::is_available() {
        return;
    }
    let environment = Environment::new(Store::Sqlite);
    let (certificate, key) = certificate(&environment.folder.0);
    let smtp = Smtp::start_with(&["--tls", &certificate, &key]);
    let environment = Arc::new(environment.set("PLENARY_MAIL_URL", &format!("smtps://127.0.0.1:{}", smtp.port)));
    let mut app = environment.start_shared();
    app.publish(&small_conference(None, None));
    register(&app, &person(1, "delegate"));
    app.log.wait_for("the mail server cannot be reached");
    assert!(app.terminate().success());
    drop(app);
    let words = "SELECT count(*) AS n FROM outbox_messages WHERE last_error LIKE '%certificate%'";
    assert_eq!(environment.database.count(words), 1, "a stranger's certificate is refused");
    assert_eq!(smtp.remaining().len(), 0);

    let app = Arc::try_unwrap(environment).ok().unwrap().set("SSL_CERT_FILE", &certificate).start();
    assert_eq!(smtp.wait_for(1)[0].to, ["person-1@example.org"]);
    app.log.wait_for("sent a message");
}
