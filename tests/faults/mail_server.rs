//! Mail servers that hang, at each step of the conversation.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    App, Store,
    app::{Environment, TIMEOUT, person, small_conference},
    on_both_stores,
    proxy::Proxy,
    scripted::{Hang, ScriptedMailServer},
    store::postgres_is_available,
};

const PATH: &str = "/api/v1/conferences/small/registrations";
const MESSAGES: &str = "/api/v1/conferences/small/mail/messages";
const WAITING: &str = "SELECT count(*) AS n FROM outbox_messages WHERE state = 'waiting'";

fn register(app: &App, number: usize) {
    let created = app.post(PATH, &person(number, "delegate"));
    assert_eq!(created.status, 201, "{}", created.text());
}

fn address(number: usize) -> String {
    format!("person-{number}@example.org")
}

/// The state of the message to an address, and the outcome of each attempt.
fn attempts(app: &App, address: &str) -> (String, Vec<String>, Value) {
    let list = app.admin("GET", &format!("{MESSAGES}?recipient={address}"), None).json();
    let id = list["data"][0]["id"].as_str().unwrap().to_owned();
    let message = app.admin("GET", &format!("{MESSAGES}/{id}"), None).json();
    let outcomes = message["attempts"].as_array().unwrap().iter();
    let outcomes = outcomes.map(|attempt| attempt["outcome"].as_str().unwrap().to_owned()).collect();
    (message["state"].as_str().unwrap().to_owned(), outcomes, message["attempts"][0]["reply"].clone())
}

pub(super) fn wait_for_none(environment: &Environment, statement: &str) {
    let deadline = Instant::now() + TIMEOUT;
    while environment.database.count(statement) > 0 {
        assert!(Instant::now() < deadline, "{statement} counts something yet");
    }
}

/// The store fails between the server's acceptance and its record, and comes back.
#[test]
fn a_letter_accepted_while_the_store_was_unavailable_is_not_sent_again() {
    if !postgres_is_available() {
        return;
    }
    let server = ScriptedMailServer::start_slow(Hang::FinalDot, Duration::from_millis(1500));
    let environment = Environment::new(Store::Postgres);
    let (line, url) = Proxy::to(&environment.database.url);
    let environment = environment.set("PLENARY_DATABASE_URL", &url).set("PLENARY_STORE_DEADLINE_SECONDS", "1");
    let app = environment.set("PLENARY_MAIL_URL", &server.url()).start();
    app.publish(&small_conference(None, None));
    register(&app, 1);
    assert_eq!(server.next_hung(1), [(Hang::FinalDot, address(1))]);
    line.cut();
    assert_eq!(server.next_accepted(1)[0].0, address(1));
    app.log.wait_for("what became of a message waits for the store");
    line.resume();
    wait_for_none(&app.environment, WAITING);
    assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages WHERE state = 'sent' AND tries = 1"), 1);
    assert!(!server.has_more_events(), "it was sent again");
}

on_both_stores! {
    /// Eight conversations at once, each of which hangs at another step.
    fn a_mail_server_that_hung_at_any_step_gets_every_letter_when_it_recovers(store) {
        const HANGS: [Hang; 8] = [Hang::Greeting, Hang::Ehlo, Hang::Mail, Hang::Rcpt, Hang::Data, Hang::Content,
            Hang::FinalDot, Hang::FinalDot];
        let server = ScriptedMailServer::start(&HANGS);
        let mut app = Environment::new(store)
            .set("PLENARY_MAIL_URL", &server.url())
            .set("PLENARY_MAIL_CONNECTIONS", "8")
            .set("PLENARY_MAIL_STEP_SECONDS", "2")
            .set("PLENARY_MAIL_FINAL_REPLY_SECONDS", "2")
            .start();
        app.publish(&small_conference(None, None));
        for number in 0..8 {
            register(&app, number);
        }
        let hung = server.next_hung(8);
        assert!(HANGS.iter().all(|hang| hung.iter().any(|(hung, _)| hung == hang)), "{hung:?}");
        // The server works from here on. Each letter is sent once: none was accepted before.
        let accepted = server.next_accepted(8);
        assert_eq!(BTreeSet::from_iter(accepted.iter().map(|(to, _)| to.clone())), BTreeSet::from_iter((0..8).map(address)));
        wait_for_none(&app.environment, WAITING);
        for number in 0..8 {
            // A hang at the letter is a failed attempt of that letter; an earlier hang is not.
            let blamed = |(hang, to): &&(Hang, String)| {
                *to == address(number) && matches!(hang, Hang::Content | Hang::FinalDot)
            };
            let blamed = hung.iter().filter(blamed).count();
            let (state, outcomes, reply) = attempts(&app, &address(number));
            let expected = [vec!["put_off"; blamed], vec!["sent"]].concat();
            assert_eq!((state, outcomes.join(" ")), ("sent".to_owned(), expected.join(" ")), "{hung:?}");
            if blamed > 0 {
                assert_eq!(reply, json!("there was no answer within 2 s to the whole message, which may have been accepted"));
            }
        }
        let metrics = app.get("/metrics").text().to_owned();
        for (step, count) in [("connect", 0), ("greeting", 2), ("mail", 1), ("rcpt", 1), ("data", 1), ("final_reply", 3)] {
            let line = format!("plenary_mail_timeouts_total{{step=\"{step}\"}} {count}\n");
            assert!(metrics.contains(&line), "{line} is not in {metrics}");
        }
        assert!(app.terminate().success());
        let log = app.log.all().join("\n");
        for words in ["there was no greeting within 2 s", "there was no answer to MAIL FROM within 2 s",
            "there was no answer to RCPT TO within 2 s", "there was no answer to DATA within 2 s", "\"step\":\"final_reply\""] {
            assert!(log.contains(words), "{words} is not in {log}");
        }
        assert!(!log.contains("example.org") && !log.contains("panicked"), "{log}");
    }

    /// The letter was queued long ago, and the server hangs at its address.
    fn attempts_for_an_address_that_makes_the_server_hang_end_after_days(store) {
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", "smtp://127.0.0.1:9"));
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        register(&app, 1);
        app.kill();
        drop(app);
        let long_ago = "'2026-01-01T00:00:00.000000Z'";
        environment.database.execute(&format!(
            "UPDATE outbox_messages SET created_at = {long_ago}, next_try_at = {long_ago}, lease_holder = NULL, \
             leased_until = NULL"
        ));
        let server = ScriptedMailServer::start(&[Hang::Rcpt]);
        let environment = Arc::into_inner(environment).unwrap().set("PLENARY_MAIL_URL", &server.url());
        let app = environment.set("PLENARY_MAIL_STEP_SECONDS", "1").start();
        wait_for_none(&app.environment, WAITING);
        let (state, _, reply) = attempts(&app, &address(1));
        assert_eq!((state.as_str(), reply), ("failed", json!("there was no answer to RCPT TO within 1 s")));
        assert_eq!(server.next_hung(1), [(Hang::Rcpt, address(1))]);
        assert!(!server.has_more_events());
    }

    /// The lease lapses while the server is slow, as after a long failure of the store; another letter wakes the
    /// worker, which looks for due ones.
    fn a_letter_in_progress_is_not_sent_again_when_its_lease_lapsed(store) {
        let server = ScriptedMailServer::start_slow(Hang::FinalDot, Duration::from_millis(1500));
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &server.url()).start();
        app.publish(&small_conference(None, None));
        register(&app, 1);
        assert_eq!(server.next_hung(1), [(Hang::FinalDot, address(1))]);
        app.environment.database.execute("UPDATE outbox_messages SET leased_until = '2026-01-01T00:00:00.000000Z'");
        register(&app, 2);
        let accepted: Vec<_> = server.next_accepted(2).into_iter().map(|(to, _)| to).collect();
        assert_eq!(accepted, [address(2), address(1)]);
        wait_for_none(&app.environment, WAITING);
        assert_eq!(app.count("SELECT count(*) AS n FROM mail_attempts"), 2);
        assert!(!server.has_more_events(), "it was sent again");
    }

    /// Neither could write for a while, so the lease of one lapsed. The other gives it time to record the outcome.
    fn a_lapsed_lease_is_not_taken_over_before_its_holder_could_renew_it(store) {
        let server = ScriptedMailServer::start_slow(Hang::FinalDot, Duration::from_millis(2000));
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", &server.url()));
        let mut first = environment.start_shared();
        first.publish(&small_conference(None, None));
        let mut second = environment.start_shared();
        register(&first, 1);
        assert_eq!(server.next_hung(1), [(Hang::FinalDot, address(1))]);
        environment.database.execute("UPDATE outbox_messages SET leased_until = '2026-01-01T00:00:00.000000Z'");
        assert_eq!(server.next_accepted(1)[0].0, address(1));
        wait_for_none(&environment, WAITING);
        assert!(first.terminate().success() && second.terminate().success());
        assert_eq!(environment.database.count("SELECT count(*) AS n FROM mail_attempts"), 1);
        assert!(!server.has_more_events(), "it was sent again");
    }

    /// A reply that cannot be parsed may be a refusal. It is reported, and the letter is not sent repeatedly.
    fn a_final_reply_that_cannot_be_parsed_or_stored_causes_no_duplicate(store) {
        let words: [&[u8]; 6] = [b"250 ok\0id\r\n", b"250 re\xe7u\r\n", b"250\r\n", b"354 again\r\n", b"535 no\r\n", b"250 ok\r\n"];
        let server = ScriptedMailServer::start_with_final_replies(&words);
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &server.url()).set("PLENARY_MAIL_CONNECTIONS", "1").start();
        app.publish(&small_conference(None, None));
        for number in 0..6 {
            register(&app, number);
            assert_eq!(server.next_accepted(1)[0].0, address(number));
            wait_for_none(&app.environment, WAITING);
        }
        let states: Vec<_> = (0..6).map(|number| attempts(&app, &address(number))).collect();
        let results: Vec<_> = states.iter().map(|(state, outcomes, _)| (state.as_str(), outcomes.len())).collect();
        let command_error = ("failed", 1);
        assert_eq!(results, [("sent", 1), command_error, command_error, command_error, command_error, ("sent", 1)], "{states:?}");
        assert!(!server.has_more_events(), "it was sent again");
    }

    /// The refusal of a server that writes Latin-1.
    fn an_unreadable_refusal_of_one_address_delays_no_other(store) {
        let server = ScriptedMailServer::start_with_recipient_replies(&[b"550 utilisateur inconnu \xe9\r\n".as_slice(); 3]);
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &server.url()).set("PLENARY_MAIL_CONNECTIONS", "1").start();
        app.publish(&small_conference(None, None));
        for number in 0..6 {
            register(&app, number);
        }
        let accepted: BTreeSet<_> = server.next_accepted(6).into_iter().map(|(to, _)| to).collect();
        assert_eq!(accepted, BTreeSet::from_iter((0..6).map(address)), "each leaves, if need be at its second attempt");
        assert!(app.get("/metrics").text().contains("plenary_mail_outages_total 0\n"));
    }

    /// Another process took it over and sent it, while this one waited for a refusal.
    fn a_late_failure_does_not_undo_a_sent_letter(store) {
        let server = ScriptedMailServer::start_slow_refusing(Hang::FinalDot, Duration::from_millis(1000));
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &server.url()).start();
        app.publish(&small_conference(None, None));
        register(&app, 1);
        assert_eq!(server.next_hung(1), [(Hang::FinalDot, address(1))]);
        app.environment.database.execute(
            "UPDATE outbox_messages SET state = 'sent', sent_at = '2026-01-01T00:00:00.000000Z', lease_holder = NULL, \
             leased_until = NULL",
        );
        app.log.wait_for("a message cannot be delivered");
        wait_for_none(&app.environment, "SELECT count(*) AS n FROM outbox_messages WHERE (SELECT count(*) FROM mail_attempts) = 0");
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages WHERE state = 'sent'"), 1);
    }

    /// The server accepts the address of one letter late, and refuses every letter that it has read. A client that
    /// took the late reply for the reply to the next command would take "go on" (354) for the reply to the next letter.
    fn a_late_reply_is_never_taken_for_the_reply_to_another_letter(store) {
        let server = ScriptedMailServer::start_slow_refusing(Hang::Rcpt, Duration::from_millis(1200));
        let app = Environment::new(store)
            .set("PLENARY_MAIL_URL", &server.url())
            .set("PLENARY_MAIL_CONNECTIONS", "1")
            .set("PLENARY_MAIL_STEP_SECONDS", "1")
            .start();
        app.publish(&small_conference(None, None));
        register(&app, 1);
        assert_eq!(server.next_hung(1), [(Hang::Rcpt, address(1))]);
        register(&app, 2);
        wait_for_none(&app.environment, WAITING);
        for number in [1, 2] {
            let (state, outcomes, reply) = attempts(&app, &address(number));
            assert_eq!((state.as_str(), outcomes), ("failed", vec!["failed".to_owned()]));
            assert_eq!(reply, json!("permanent error (550): not wanted"));
        }
    }

    fn four_letters_without_a_final_reply_delay_neither_others_nor_a_stop(store) {
        let server = ScriptedMailServer::start(&[Hang::FinalDot; 4]);
        let environment = Arc::new(Environment::new(store).set("PLENARY_MAIL_URL", &server.url()).set("PLENARY_MAIL_STEP_SECONDS", "1"));
        let mut app = environment.start_shared();
        app.publish(&small_conference(None, None));
        for number in 0..4 {
            register(&app, number);
        }
        let hung = server.next_hung(4);
        register(&app, 4);
        assert_eq!(server.next_accepted(1)[0].0, address(4), "it does not wait for ten minutes");
        let began = Instant::now();
        assert!(app.terminate().success(), "SIGTERM is a graceful stop");
        assert!(began.elapsed() < Duration::from_secs(20), "the stop took {:?}", began.elapsed());
        let log = app.log.all().join("\n");
        assert!(log.contains("stopped while messages were on their way") && !log.contains("panicked"), "{log}");
        assert_eq!(environment.database.count("SELECT count(*) AS n FROM outbox_messages WHERE leased_until IS NOT NULL"), 0);
        // The four have no outcome and count no attempt: the next process sends them.
        let app = environment.start_shared();
        let accepted: BTreeSet<_> = server.next_accepted(4).into_iter().map(|(to, _)| to).collect();
        assert_eq!(accepted, hung.into_iter().map(|(_, to)| to).collect());
        wait_for_none(&environment, WAITING);
        assert_eq!(attempts(&app, &address(0)).1, ["sent"]);
    }

    fn an_unwritable_mail_folder_is_not_counted_as_failed_attempts(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let folder = app.environment.folder.0.join("mail");
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::write(&folder, "in the way").unwrap();
        register(&app, 1);
        app.log.wait_for("the mail server cannot be reached");
        std::fs::remove_file(&folder).unwrap();
        wait_for_none(&app.environment, WAITING);
        assert_eq!(attempts(&app, &address(1)).1, ["sent"]);
    }
}

/// A server of any kind that accepts connections and says nothing.
fn silent_server() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The error output of a command that fails, without its log.
fn command_error(environment: &Environment, arguments: &[&str]) -> String {
    let output = environment.run(arguments);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_mail_check_of_a_silent_server_ends_with_a_message() {
    let (_listener, port) = silent_server();
    let environment = Environment::new(Store::Sqlite)
        .set("PLENARY_MAIL_URL", &format!("smtp://127.0.0.1:{port}"))
        .set("PLENARY_MAIL_STEP_SECONDS", "1");
    assert_eq!(command_error(&environment, &["mail", "check"]), "plenary: there was no greeting within 1 s\n");
    assert_eq!(
        command_error(&environment, &["mail", "test", "ada@example.org"]),
        "plenary: there was no greeting within 1 s\n"
    );
}

#[test]
fn a_service_that_does_not_answer_a_command_ends_it_with_one_line() {
    let (_listener, port) = silent_server();
    let environment = Environment::new(Store::Sqlite);
    let file = environment.folder.write("small.json", &small_conference(None, None).to_string());
    let server = format!("http://127.0.0.1:{port}");
    let arguments = ["apply", "--server", &server, "--token", "x", "--timeout", "1", file.to_str().unwrap()];
    assert_eq!(
        command_error(&environment, &arguments),
        format!("plenary: {server}/api/v1/conferences/small/blueprint: timeout: receive response\n")
    );
}
