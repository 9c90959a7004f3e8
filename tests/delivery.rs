//! The outbox against a mail server that fails in every way: nothing is lost, and nothing comes twice unless a reply
//! was lost. Which server, and how it fails: tests/mail/README.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    App, Store,
    app::{Environment, TIMEOUT, person, small_conference},
    on_both_stores, repetitions, smtp,
    smtp::Smtp,
};

const PATH: &str = "/api/v1/conferences/small/registrations";
const MESSAGES: &str = "/api/v1/conferences/small/mail/messages";

fn register_as(app: &App, number: usize, address: &str) {
    let mut form = person(number, "delegate");
    form["email"] = json!(address);
    let created = app.post(PATH, &form);
    assert_eq!(created.status, 201, "{}", created.text());
}

/// Waits until the statement counts no rows.
fn wait_for_none(environment: &Environment, statement: &str) {
    let deadline = Instant::now() + TIMEOUT;
    while environment.database.count(statement) > 0 {
        assert!(Instant::now() < deadline, "{statement} counts something yet");
    }
}

const WAITING: &str = "SELECT count(*) AS n FROM outbox_messages WHERE state = 'waiting'";

fn message_of(app: &App, address: &str) -> Value {
    let list = app.admin("GET", &format!("{MESSAGES}?recipient={address}"), None).json();
    let id = list["data"][0]["id"].as_str().unwrap().to_owned();
    app.admin("GET", &format!("{MESSAGES}/{id}"), None).json()
}

/// Inserts letters of a broadcast into the outbox, for a conference without a release.
fn enqueue(environment: &Environment, store: Store, count: usize) {
    let number = |n: usize| match store {
        Store::Sqlite => format!("X'01890000000070008000{n:012}'"),
        Store::Postgres => format!("'01890000-0000-7000-8000-{n:012}'"),
    };
    let content = json!({
        "conference": "Small", "starts_on": "2030-05-01", "ends_on": "2030-05-02", "venue": null, "name": "A", "reference": "S-1",
        "category": "Delegate", "position": null, "link_path": "/x", "registration": "01890000-0000-7000-8000-000000000001",
        "token_generation": 1, "calendar": null
    });
    for n in 0..count {
        environment.database.execute(&format!(
            "INSERT INTO outbox_messages (id, conference_id, kind, recipient, language, content, state, tries, next_try_at, \
             created_at, priority, domain) SELECT {}, id, 'link', 'person-{n}@example.org', 'en', '{content}', 'waiting', 0, \
             '2026-01-01T00:00:00.000000Z', '2026-11-01T00:00:00.000000Z', 0, 'example.org' FROM conferences",
            number(n)
        ));
    }
}

/// The kinds of letters.
const KINDS: [&str; 20] = [
    "received",
    "pending",
    "confirmed",
    "waitlisted",
    "offered",
    "lapsed",
    "promoted",
    "rejected",
    "expired",
    "cancelled",
    "revoked",
    "changed",
    "sessions",
    "link",
    "invitation",
    "delegation",
    "announcement",
    "reminder",
    "session_changed",
    "session_cancelled",
];

/// SpamAssassin without the network, and two readers of calendars.
const JUDGE: &str = r#"
import email, email.policy, icalendar, json, re, subprocess, sys, vobject
letters = json.load(sys.stdin)
mbox = ""
for letter in letters:
    message = email.message_from_string(letter["data"], policy=email.policy.strict)
    assert not message.defects
    for part in message.walk():
        assert not part.defects, part.defects
        if (part.get_filename() or "").endswith(".ics"):
            text = part.get_payload(decode=True).decode()
            one = sorted(str(event["uid"]) for event in icalendar.Calendar.from_ical(text).walk("VEVENT"))
            other = sorted(event.uid.value for event in vobject.readOne(text).vevent_list)
            assert one == other and one, (one, other)
    trace = "Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.example.com with ESMTPS; Sun, 1 Nov 2026 00:00:00 +0000"
    body = re.sub(r"(?m)^From ", ">From ", letter["data"].replace("\r\n", "\n"))
    mbox += f"From sender@example.org Sun Nov  1 00:00:00 2026\n{trace}\nX-Judged: {letter['to']}\n{body}\n\n"
said = subprocess.run(["spamassassin", "--local", "--mbox"], input=mbox, text=True, capture_output=True, check=True).stdout
scores = []
for letter in said.split("\nFrom sender@example.org"):
    score, to = re.search(r"score=(-?[0-9.]+)", letter), re.search(r"X-Judged: (\S+)", letter)
    if score and to:
        tests = re.search(r"tests=([^ ]*(?:\n\t[^ ]*)*)", letter)
        scores.append({"to": to[1], "score": float(score[1]), "tests": tests and tests[1]})
print(json.dumps(scores))
"#;

fn spamassassin_is_available() -> bool {
    let found = Command::new("spamassassin")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        crate::support::report_skipped("spamassassin is not installed");
    }
    found && smtp::python_has("vobject")
}

fn ids(messages: &[smtp::Accepted]) -> Vec<String> {
    messages.iter().map(|message| message.header("Message-ID").unwrap()).collect()
}

on_both_stores! {
    fn each_message_is_delivered_and_recorded_whatever_the_mail_server_does(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        app.publish(&small_conference(None, None));
        let addresses = ["refuse@example.org", "later@example.org", "cut@example.org", "lost@example.org", "slow@example.org"];
        for (number, address) in addresses.iter().enumerate() {
            register_as(&app, number, address);
        }
        // The message whose reply was lost comes twice, and is the same one.
        let messages = smtp.wait_for(5);
        let lost: Vec<_> = messages.iter().filter(|message| message.to == ["lost@example.org"]).cloned().collect();
        assert_eq!(lost.len(), 2);
        assert_eq!(BTreeSet::from_iter(ids(&lost)).len(), 1);
        wait_for_none(&app.environment, WAITING);
        let outcomes = |address: &str| {
            let message = message_of(&app, address);
            let attempts = message["attempts"].as_array().unwrap();
            let outcomes: Vec<String> = attempts.iter().map(|one| one["outcome"].as_str().unwrap().to_owned()).collect();
            (message["state"].as_str().unwrap().to_owned(), outcomes.join(" "))
        };
        let expected = |state: &str, outcomes: &str| (state.to_owned(), outcomes.to_owned());
        assert_eq!(outcomes("refuse@example.org"), expected("failed", "failed"));
        assert_eq!(outcomes("later@example.org"), expected("sent", "put_off sent"));
        assert_eq!(outcomes("cut@example.org"), expected("sent", "put_off sent"));
        assert_eq!(outcomes("lost@example.org"), expected("sent", "put_off sent"));
        assert_eq!(outcomes("slow@example.org"), expected("sent", "sent"));
        let refused = message_of(&app, "refuse@example.org");
        assert!(refused["attempts"][0]["reply"].as_str().unwrap().contains("no such mailbox"), "{refused}");
        assert_eq!(smtp.remaining().len(), 0);
        let metrics = app.get("/metrics").text().to_owned();
        for line in ["plenary_mail_messages{state=\"sent\"} 4", "plenary_mail_messages{state=\"failed\"} 1",
            "plenary_mail_attempts_total{outcome=\"put_off\"} 3", "plenary_mail_seconds_count 4"] {
            assert!(metrics.contains(line), "{line} is not in {metrics}");
        }
    }

    fn an_unreachable_mail_server_is_not_counted_as_failed_attempts_of_messages(store) {
        if !smtp::is_available() {
            return;
        }
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", "smtp://127.0.0.1:1"));
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        for number in 0..20 {
            register_as(&app, number, &format!("person-{number}@example.org"));
        }
        app.log.wait_for("the mail server cannot be reached");
        let message = message_of(&app, "person-0@example.org");
        assert_eq!((&message["state"], &message["tries"], &message["attempts"]), (&json!("waiting"), &json!(0), &json!([])));
        assert!(app.terminate().success());
        drop(app);
        let smtp = Smtp::start();
        let _app = Arc::try_unwrap(environment).ok().unwrap().set("PLENARY_MAIL_URL", &smtp.url()).start();
        let messages = smtp.wait_for(20);
        assert_eq!(BTreeSet::from_iter(ids(&messages)).len(), 20);
    }

    fn a_wrong_login_is_not_counted_as_a_failed_attempt_of_a_message(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start_with(&["--login", "plenary", "right"]);
        let url = |password: &str| format!("smtp://plenary:{password}@127.0.0.1:{}", smtp.port);
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", &url("wrong")));
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        register_as(&app, 1, "person-1@example.org");
        app.log.wait_for("the mail server cannot be reached");
        let message = message_of(&app, "person-1@example.org");
        assert_eq!((&message["state"], &message["tries"]), (&json!("waiting"), &json!(0)));
        assert!(app.terminate().success());
        drop(app);
        let _app = Arc::try_unwrap(environment).ok().unwrap().set("PLENARY_MAIL_URL", &url("right")).start();
        assert_eq!(smtp.wait_for(1)[0].to, ["person-1@example.org"]);
    }

    fn two_processes_share_one_outbox_without_duplicate_messages(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()));
        let first = environment.start_shared();
        first.publish(&small_conference(None, None));
        let second = environment.start_shared();
        enqueue(&environment, store, 300);
        let messages = smtp.wait_for(300);
        wait_for_none(&environment, WAITING);
        assert_eq!(BTreeSet::from_iter(ids(&messages)).len(), 300);
        assert_eq!(smtp.remaining().len(), 0);
        drop((first, second));
    }

    /// Up to 100 rounds on each store: a process is killed at a random moment of its work.
    fn a_worker_killed_at_any_moment_loses_no_message_and_repeats_only_unrecorded_ones(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()));
        let app = environment.start_shared();
        app.publish(&small_conference(None, None));
        drop(app);
        const CONNECTIONS: usize = 4;
        let lives = repetitions(20, 100);
        let messages = 12 * lives;
        enqueue(&environment, store, messages);
        let mut came: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..lives {
            let mut app = environment.start_shared();
            let moment = u64::from(uuid::Uuid::new_v4().as_bytes()[0]) % 60;
            std::thread::sleep(Duration::from_millis(moment));
            app.kill();
            drop(app);
            // Lets the leases of killed processes lapse at once.
            environment.database.execute("UPDATE outbox_messages SET leased_until = NULL WHERE state = 'waiting'");
        }
        let mut app = environment.start_shared();
        wait_for_none(&environment, WAITING);
        assert!(app.terminate().success());
        let app = environment.start_shared();
        register_as(&app, 9_999, "last@example.org");
        loop {
            let message = smtp.wait_for(1).remove(0);
            if message.to == ["last@example.org"] {
                break;
            }
            *came.entry(message.header("Message-ID").unwrap()).or_default() += 1;
        }
        assert_eq!(came.len(), messages, "nothing is lost");
        let sent = environment.database.count("SELECT count(*) AS n FROM outbox_messages WHERE state = 'sent'");
        assert!(sent >= i64::try_from(messages).unwrap());
        // Only messages in progress when a process died come twice, with the same id: one for each connection at most.
        let doubled: usize = came.values().map(|times| times - 1).sum();
        assert!(doubled <= CONNECTIONS * lives, "{doubled}");
    }

    fn a_confirmation_overtakes_ten_thousand_announcements(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).set("PLENARY_MAIL_PER_MINUTE", "60"));
        let app = environment.start_shared();
        app.publish(&small_conference(None, None));
        enqueue(&environment, store, 200);
        environment.database.execute("UPDATE outbox_messages SET priority = 1");
        register_as(&app, 9_999, "urgent@example.org");
        let deadline = Instant::now() + TIMEOUT;
        while environment.database.count("SELECT count(*) AS n FROM outbox_messages WHERE recipient = 'urgent@example.org' AND state = 'sent'") == 0 {
            assert!(Instant::now() < deadline, "it never came");
        }
        assert!(environment.database.count(WAITING) >= 100, "the others wait yet");
    }

    fn every_letter_in_every_language_parses_strictly_and_does_not_look_like_spam(store) {
        if !smtp::is_available() || !spamassassin_is_available() {
            return;
        }
        let environment = Arc::new(Environment::new(store));
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        app.kill();
        drop(app);
        let session = json!({ "title": "Law", "starts_at": "2030-05-01T11:00:00+02:00", "ends_at": "2030-05-01T12:00:00+02:00",
            "waits": false, "id": "01890000-0000-7000-8000-000000000002", "room": "Hall" });
        let content = json!({
            "conference": "Conference on Prevention", "starts_on": "2030-05-01", "ends_on": "2030-05-02", "venue": "Egmont Palace, Brussels",
            "name": "Dr Ada O'Neill", "reference": "S-12345678", "category": "Delegate", "position": 3,
            "link_path": "/api/v1/conferences/small/registrations/S-12345678", "registration": "01890000-0000-7000-8000-000000000001",
            "token_generation": 1, "calendar": { "sequence": 1, "cancelled": false }, "reason": "The hall is small.", "offer_hours": 48,
            "deadline": "2030-03-01T09:30:00+01:00", "sessions": [session], "left": [session], "moved": session, "delegation": "Belgium",
            "announcement": { "subject": "Another hall", "body": "The hall is another one.\n\nPlease come early." }, "has_badge": true
        });
        let mut number = 0;
        for kind in KINDS {
            for language in ["en", "fr", "nl", "ar"] {
                number += 1;
                let id = match store {
                    Store::Sqlite => format!("X'01890000000070008000{number:012}'"),
                    Store::Postgres => format!("'01890000-0000-7000-8000-{number:012}'"),
                };
                environment.database.execute(&format!(
                    "INSERT INTO outbox_messages (id, conference_id, kind, recipient, language, content, state, tries, next_try_at, \
                     created_at, priority, domain) SELECT {id}, id, '{kind}', '{kind}-{language}@example.org', '{language}', '{}', 'waiting', 0, \
                     '2026-01-01T00:00:00.000000Z', '2026-11-01T00:00:00.000000Z', 0, 'example.org' FROM conferences",
                    content.to_string().replace('\'', "''")
                ));
            }
        }
        let smtp = Smtp::start();
        let environment = Arc::into_inner(environment).unwrap().set("PLENARY_MAIL_URL", &smtp.url()).set("PLENARY_MAIL_FROM", "Conference <conference@example.org>");
        let app = environment.start();
        let messages = smtp.wait_for(KINDS.len() * 4);
        drop(app);
        let list: Vec<Value> = messages.iter().map(|message| json!({ "to": message.to[0], "data": message.data })).collect();
        let judged: Value = serde_json::from_str(&smtp::run_python(JUDGE, &json!(list).to_string())).unwrap();
        let suspicious: Vec<&Value> = judged.as_array().unwrap().iter().filter(|letter| letter["score"].as_f64().unwrap() >= 2.0).collect();
        assert_eq!(suspicious, [&Value::Null; 0]);
        assert_eq!(judged.as_array().unwrap().len(), KINDS.len() * 4);
    }

    fn old_delivered_messages_keep_no_personal_data(store) {
        let environment = Arc::new(Environment::new(store));
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        register_as(&app, 1, "old@example.org");
        wait_for_none(&environment, WAITING);
        environment.database.execute("UPDATE outbox_messages SET next_try_at = '2020-01-01T00:00:00.000000Z'");
        assert!(app.terminate().success());
        drop(app);
        let app = environment.start_shared();
        wait_for_none(&environment, "SELECT count(*) AS n FROM outbox_messages WHERE scrubbed_at IS NULL");
        let list = app.admin("GET", MESSAGES, None).json();
        assert_eq!((&list["data"][0]["recipient"], &list["data"][0]["state"]), (&Value::Null, &json!("sent")));
        let rows_with_address = "SELECT count(*) AS n FROM outbox_messages WHERE CAST(content AS text) LIKE '%old@%' OR recipient <> ''";
        assert_eq!(environment.database.count(rows_with_address), 0);
        assert_eq!(environment.database.count("SELECT count(*) AS n FROM mail_attempts WHERE reply IS NOT NULL"), 0);
        assert!(environment.run(&["doctor"]).status.success());
    }

    fn mail_is_signed_and_has_separate_addresses_for_replies_and_bounces(store) {
        if !smtp::is_available() || !smtp::python_has("dkim") {
            return;
        }
        let smtp = Smtp::start();
        let environment = Environment::new(store);
        let key = environment.folder.0.join("dkim.pem");
        let created = std::process::Command::new("openssl").args(["genrsa", "-traditional", "-out"]).arg(&key).arg("2048")
            .stderr(std::process::Stdio::null()).status();
        assert!(created.unwrap().success());
        let app = environment
            .set("PLENARY_MAIL_URL", &smtp.url())
            .set("PLENARY_MAIL_FROM", "Secretariat <no-reply@conference.example>")
            .set("PLENARY_MAIL_REPLY_TO", "Desk <desk@conference.example>")
            .set("PLENARY_MAIL_BOUNCES_TO", "bounces@mail.conference.example")
            .set("PLENARY_MAIL_DKIM_KEY", &key.display().to_string())
            .set("PLENARY_MAIL_DKIM_SELECTOR", "s2030")
            .set("PLENARY_MAIL_SENDER_DOMAINS", "ministère.example")
            .start();
        app.publish(&small_conference(None, None));
        register_as(&app, 1, "zoë@bücher.example");
        let message = smtp.wait_for(1).remove(0);
        assert_eq!((message.from.as_str(), message.to[0].as_str()), ("bounces@mail.conference.example", "zoë@xn--bcher-kva.example"));
        assert_eq!(message.header("From").unwrap(), "Secretariat <no-reply@conference.example>");
        assert_eq!(message.header("Reply-To").unwrap(), "Desk <desk@conference.example>");
        assert!(message.header("Message-ID").unwrap().ends_with("@conference.example>"));
        assert_eq!(message.header("List-Unsubscribe"), None, "a confirmation is no announcement");
        let checked = app.environment.run(&["mail", "check"]);
        let printed = String::from_utf8(checked.stdout).unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let record = printed.lines().find_map(|line| line.strip_prefix("s2030._domainkey.conference.example. TXT ")).unwrap();
        let script = "import dkim, json, sys\n\
            record, message = json.loads(sys.stdin.read())\n\
            find = lambda name, timeout=5: record.encode()\n\
            print(dkim.verify(message.encode('utf-8', 'surrogateescape'), dnsfunc=find))";
        let input = json!([record.trim_matches('"'), message.data]).to_string();
        assert_eq!(smtp::run_python(script, &input).trim(), "True");
        let signature = message.header("DKIM-Signature").unwrap().split_whitespace().collect::<String>();
        let covered = "h=from:reply-to:to:subject:date:message-id:mime-version;";
        assert!(signature.contains(covered), "{signature}");
        let elsewhere = message.data.replacen("desk@conference.example", "desk@elsewhere.example", 1);
        let input = json!([record.trim_matches('"'), elsewhere]).to_string();
        assert_eq!(smtp::run_python(script, &input).trim(), "False", "replies cannot be led elsewhere");
        // A conference of a ministry, which this service may send for.
        let setup = "/api/v1/conferences/small/registration-setup";
        let with_letters = |letters: &Value| {
            let mut document = app.admin("GET", setup, None).json();
            document["letters"] = letters.clone();
            app.admin("PUT", setup, Some(&document))
        };
        let foreign = json!({ "sender_address": "ada@evil.example", "signature": { "de": "Hallo" } });
        assert_eq!(with_letters(&foreign).faults(), ["#/letters/signature/de unknown_language"]);
        assert_eq!(with_letters(&json!({ "sender_address": "ada@evil.example" })).faults(), ["#/letters/sender_address sender_not_allowed"]);
        let mut blueprint = app.admin("GET", "/api/v1/conferences/small/blueprint", None).json();
        blueprint["registration"]["letters"] = json!({ "sender_address": "ada@sub.conference.example" });
        let refused = app.admin("PUT", "/api/v1/conferences/small/blueprint", Some(&blueprint));
        assert_eq!(refused.faults(), ["#/registration/letters/sender_address sender_not_allowed"]);
        let letters = json!({
            "sender_name": "Ministry", "sender_address": "no-reply@ministère.example", "reply_to": "protocol@elsewhere.example",
            "signature": { "en": "The Protocol Office", "fr": "Le Protocole" }, "contact": { "en": "See https://ministry.example/contact." },
        });
        assert_eq!(with_letters(&letters).status, 200);
        assert_eq!(app.admin("GET", setup, None).json()["letters"], letters);
        register_as(&app, 2, "second@example.org");
        let message = smtp.wait_for(1).remove(0);
        assert_eq!(message.from, "bounces@mail.conference.example");
        assert_eq!(message.header("From").unwrap(), "Ministry <no-reply@xn--ministre-60a.example>");
        assert_eq!(message.header("Reply-To").unwrap(), "protocol@elsewhere.example");
        let text = message.data.replace("=\r\n", "").replace("=\n", "");
        assert!(text.contains("The Protocol Office") && text.contains("See https://ministry.example/contact."), "{text}");
        assert!(message.header("DKIM-Signature").unwrap().contains("d=xn--ministre-60a.example;"), "DMARC compares it with the sender");
        let input = json!([record.trim_matches('"'), message.data]).to_string();
        assert_eq!(smtp::run_python(script, &input).trim(), "True");
        assert!(printed.contains("s2030._domainkey.xn--ministre-60a.example. TXT "), "{printed}");

        let tried = app.environment.run(&["mail", "test", "someone@example.org"]);
        assert!(String::from_utf8(tried.stdout).unwrap().starts_with("sent: 250"));
        assert_eq!(smtp.wait_for(1)[0].to, ["someone@example.org"]);
        let refused = app.environment.run(&["mail", "test", "refuse@example.org"]);
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("no such mailbox"));
    }
}
