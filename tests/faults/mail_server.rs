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
    app::{PATIENCE, World, person, small_conference},
    on_both_stores,
    proxy::Proxy,
    scripted::{Hang, Scripted},
    store::postgres_is_there,
};

const PATH: &str = "/api/v1/conferences/small/registrations";
const MESSAGES: &str = "/api/v1/conferences/small/mail/messages";
const WAITING: &str = "SELECT count(*) AS n FROM outbox_messages WHERE state = 'waiting'";

fn register(app: &App, number: usize) {
    let made = app.post(PATH, &person(number, "delegate"));
    assert_eq!(made.status, 201, "{}", made.text());
}

fn address(number: usize) -> String {
    format!("person-{number}@example.org")
}

/// The state of the message to an address, and what came of each attempt.
fn attempts(app: &App, address: &str) -> (String, Vec<String>, Value) {
    let list = app.admin("GET", &format!("{MESSAGES}?recipient={address}"), None).json();
    let id = list["data"][0]["id"].as_str().unwrap().to_owned();
    let message = app.admin("GET", &format!("{MESSAGES}/{id}"), None).json();
    let outcomes = message["attempts"].as_array().unwrap().iter();
    let outcomes = outcomes.map(|attempt| attempt["outcome"].as_str().unwrap().to_owned()).collect();
    (message["state"].as_str().unwrap().to_owned(), outcomes, message["attempts"][0]["reply"].clone())
}

fn wait_for_none(world: &World, statement: &str) {
    let deadline = Instant::now() + PATIENCE;
    while world.database.count(statement) > 0 {
        assert!(Instant::now() < deadline, "{statement} counts something yet");
    }
}

/// The store goes away between a server's yes and its record, and comes back.
#[test]
fn a_letter_that_was_accepted_while_the_store_was_away_is_not_sent_again() {
    if !postgres_is_there() {
        return;
    }
    let server = Scripted::start_slow(Hang::FinalDot, Duration::from_millis(1500));
    let world = World::new(Store::Postgres);
    let (line, url) = Proxy::to(&world.database.url);
    let world = world.set("PLENARY_DATABASE_URL", &url).set("PLENARY_STORE_DEADLINE_SECONDS", "1");
    let app = world.set("PLENARY_MAIL_URL", &server.url()).start();
    app.publish(&small_conference(None, None));
    register(&app, 1);
    assert_eq!(server.hung(1), [(Hang::FinalDot, address(1))]);
    line.cut();
    assert_eq!(server.accepted(1)[0].0, address(1));
    app.log.wait_for("what became of a message waits for the store");
    line.pass();
    wait_for_none(&app.world, WAITING);
    assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages WHERE state = 'sent' AND tries = 1"), 1);
    assert!(!server.has_done_more(), "it was sent again");
}

on_both_stores! {
    /// Eight conversations at once, each of which hangs elsewhere.
    fn a_mail_server_that_hung_at_any_step_gets_every_letter_once_it_is_well(store) {
        const HANGS: [Hang; 8] = [Hang::Greeting, Hang::Ehlo, Hang::Mail, Hang::Rcpt, Hang::Data, Hang::Content,
            Hang::FinalDot, Hang::FinalDot];
        let server = Scripted::start(&HANGS);
        let mut app = World::new(store)
            .set("PLENARY_MAIL_URL", &server.url())
            .set("PLENARY_MAIL_CONNECTIONS", "8")
            .set("PLENARY_MAIL_STEP_SECONDS", "2")
            .set("PLENARY_MAIL_FINAL_REPLY_SECONDS", "2")
            .start();
        app.publish(&small_conference(None, None));
        for number in 0..8 {
            register(&app, number);
        }
        let hung = server.hung(8);
        assert!(HANGS.iter().all(|hang| hung.iter().any(|(hung, _)| hung == hang)), "{hung:?}");
        // It is well from here on. Each leaves once: none was accepted before.
        let accepted = server.accepted(8);
        assert_eq!(BTreeSet::from_iter(accepted.iter().map(|(to, _)| to.clone())), BTreeSet::from_iter((0..8).map(address)));
        wait_for_none(&app.world, WAITING);
        for number in 0..8 {
            // Silence over the letter is an attempt of it; silence before is the server's.
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

    /// It was caused long ago, and the server says nothing to its address.
    fn a_server_that_hangs_over_one_address_for_days_does_not_do_so_for_ever(store) {
        let world = Arc::new(World::new(store).set("PLENARY_MAIL_URL", "smtp://127.0.0.1:9"));
        let mut app = world.start_shared();
        app.publish(&small_conference(None, None));
        register(&app, 1);
        app.kill();
        drop(app);
        let long_ago = "'2026-01-01T00:00:00.000000Z'";
        world.database.execute(&format!(
            "UPDATE outbox_messages SET created_at = {long_ago}, next_try_at = {long_ago}, lease_holder = NULL, \
             leased_until = NULL"
        ));
        let server = Scripted::start(&[Hang::Rcpt]);
        let world = Arc::into_inner(world).unwrap().set("PLENARY_MAIL_URL", &server.url());
        let app = world.set("PLENARY_MAIL_STEP_SECONDS", "1").start();
        wait_for_none(&app.world, WAITING);
        let (state, _, reply) = attempts(&app, &address(1));
        assert_eq!((state.as_str(), reply), ("failed", json!("there was no answer to RCPT TO within 1 s")));
        assert_eq!(server.hung(1), [(Hang::Rcpt, address(1))]);
        assert!(!server.has_done_more());
    }

    /// Its lease lapses while the server takes its time, as when the store was away for long; another letter wakes the
    /// worker, which looks for due ones.
    fn a_letter_on_its_way_is_not_taken_again_when_its_lease_lapsed(store) {
        let server = Scripted::start_slow(Hang::FinalDot, Duration::from_millis(1500));
        let app = World::new(store).set("PLENARY_MAIL_URL", &server.url()).start();
        app.publish(&small_conference(None, None));
        register(&app, 1);
        assert_eq!(server.hung(1), [(Hang::FinalDot, address(1))]);
        app.world.database.execute("UPDATE outbox_messages SET leased_until = '2026-01-01T00:00:00.000000Z'");
        register(&app, 2);
        let accepted: Vec<_> = server.accepted(2).into_iter().map(|(to, _)| to).collect();
        assert_eq!(accepted, [address(2), address(1)]);
        wait_for_none(&app.world, WAITING);
        assert_eq!(app.count("SELECT count(*) AS n FROM mail_attempts"), 2);
        assert!(!server.has_done_more(), "it was sent again");
    }

    /// Neither could write for a while, so the lease of one lapsed. The other gives it time to say what became of the letter.
    fn a_lease_that_lapsed_is_not_taken_over_before_its_holder_could_renew_it(store) {
        let server = Scripted::start_slow(Hang::FinalDot, Duration::from_millis(2000));
        let world = Arc::new(World::new(store).set("PLENARY_MAIL_URL", &server.url()));
        let mut first = world.start_shared();
        first.publish(&small_conference(None, None));
        let mut second = world.start_shared();
        register(&first, 1);
        assert_eq!(server.hung(1), [(Hang::FinalDot, address(1))]);
        world.database.execute("UPDATE outbox_messages SET leased_until = '2026-01-01T00:00:00.000000Z'");
        assert_eq!(server.accepted(1)[0].0, address(1));
        wait_for_none(&world, WAITING);
        assert!(first.terminate().success() && second.terminate().success());
        assert_eq!(world.database.count("SELECT count(*) AS n FROM mail_attempts"), 1);
        assert!(!server.has_done_more(), "it was sent again");
    }

    /// A yes that cannot be read may be a no as well. It is said, and the letter is not sent again and again.
    fn a_server_whose_last_word_cannot_be_read_or_kept_gets_no_letter_twice(store) {
        let words: [&[u8]; 6] = [b"250 ok\0id\r\n", b"250 re\xe7u\r\n", b"250\r\n", b"354 again\r\n", b"535 no\r\n", b"250 ok\r\n"];
        let server = Scripted::start_saying(&words);
        let app = World::new(store).set("PLENARY_MAIL_URL", &server.url()).set("PLENARY_MAIL_CONNECTIONS", "1").start();
        app.publish(&small_conference(None, None));
        for number in 0..6 {
            register(&app, number);
            assert_eq!(server.accepted(1)[0].0, address(number));
            wait_for_none(&app.world, WAITING);
        }
        let states: Vec<_> = (0..6).map(|number| attempts(&app, &address(number))).collect();
        let told: Vec<_> = states.iter().map(|(state, outcomes, _)| (state.as_str(), outcomes.len())).collect();
        let failed = ("failed", 1);
        assert_eq!(told, [("sent", 1), failed, failed, failed, failed, ("sent", 1)], "{states:?}");
        assert!(!server.has_done_more(), "it was sent again");
    }

    /// The words of a server that writes Latin-1.
    fn an_address_that_is_refused_in_words_that_cannot_be_read_holds_up_no_other(store) {
        let server = Scripted::start_saying_to_addresses(&[b"550 utilisateur inconnu \xe9\r\n".as_slice(); 3]);
        let app = World::new(store).set("PLENARY_MAIL_URL", &server.url()).set("PLENARY_MAIL_CONNECTIONS", "1").start();
        app.publish(&small_conference(None, None));
        for number in 0..6 {
            register(&app, number);
        }
        let accepted: BTreeSet<_> = server.accepted(6).into_iter().map(|(to, _)| to).collect();
        assert_eq!(accepted, BTreeSet::from_iter((0..6).map(address)), "each leaves, if need be at its second attempt");
        assert!(app.get("/metrics").text().contains("plenary_mail_outages_total 0\n"));
    }

    /// Another process took it over and sent it, while the server kept this one waiting for a no.
    fn an_attempt_that_failed_late_does_not_undo_that_a_letter_was_sent(store) {
        let server = Scripted::start_late(Hang::FinalDot, Duration::from_millis(1000));
        let app = World::new(store).set("PLENARY_MAIL_URL", &server.url()).start();
        app.publish(&small_conference(None, None));
        register(&app, 1);
        assert_eq!(server.hung(1), [(Hang::FinalDot, address(1))]);
        app.world.database.execute(
            "UPDATE outbox_messages SET state = 'sent', sent_at = '2026-01-01T00:00:00.000000Z', lease_holder = NULL, \
             leased_until = NULL",
        );
        app.log.wait_for("a message cannot be delivered");
        wait_for_none(&app.world, "SELECT count(*) AS n FROM outbox_messages WHERE (SELECT count(*) FROM mail_attempts) = 0");
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages WHERE state = 'sent'"), 1);
    }

    /// The server says yes to the address of one letter when it is late, and refuses every letter that it has read. Whoever
    /// took the late yes for the reply to the next command would take "go on" (354) for the reply to the next letter.
    fn a_late_reply_is_never_taken_for_the_reply_to_another_letter(store) {
        let server = Scripted::start_late(Hang::Rcpt, Duration::from_millis(1200));
        let app = World::new(store)
            .set("PLENARY_MAIL_URL", &server.url())
            .set("PLENARY_MAIL_CONNECTIONS", "1")
            .set("PLENARY_MAIL_STEP_SECONDS", "1")
            .start();
        app.publish(&small_conference(None, None));
        register(&app, 1);
        assert_eq!(server.hung(1), [(Hang::Rcpt, address(1))]);
        register(&app, 2);
        wait_for_none(&app.world, WAITING);
        for number in [1, 2] {
            let (state, outcomes, reply) = attempts(&app, &address(number));
            assert_eq!((state.as_str(), outcomes), ("failed", vec!["failed".to_owned()]));
            assert_eq!(reply, json!("permanent error (550): not wanted"));
        }
    }

    fn four_letters_without_a_last_word_hold_up_no_other_and_no_stop(store) {
        let server = Scripted::start(&[Hang::FinalDot; 4]);
        let world = Arc::new(World::new(store).set("PLENARY_MAIL_URL", &server.url()).set("PLENARY_MAIL_STEP_SECONDS", "1"));
        let mut app = world.start_shared();
        app.publish(&small_conference(None, None));
        for number in 0..4 {
            register(&app, number);
        }
        let hung = server.hung(4);
        register(&app, 4);
        assert_eq!(server.accepted(1)[0].0, address(4), "it does not wait for ten minutes");
        let began = Instant::now();
        assert!(app.terminate().success(), "SIGTERM is a graceful stop");
        assert!(began.elapsed() < Duration::from_secs(20), "the stop took {:?}", began.elapsed());
        let log = app.log.all().join("\n");
        assert!(log.contains("stopped while messages were on their way") && !log.contains("panicked"), "{log}");
        assert_eq!(world.database.count("SELECT count(*) AS n FROM outbox_messages WHERE leased_until IS NOT NULL"), 0);
        // Nothing came of the four, and nobody is to blame: the next process sends them.
        let app = world.start_shared();
        let accepted: BTreeSet<_> = server.accepted(4).into_iter().map(|(to, _)| to).collect();
        assert_eq!(accepted, hung.into_iter().map(|(_, to)| to).collect());
        wait_for_none(&world, WAITING);
        assert_eq!(attempts(&app, &address(0)).1, ["sent"]);
    }

    fn a_mail_folder_that_takes_nothing_is_no_letter_s_fault(store) {
        let app = World::new(store).start();
        app.publish(&small_conference(None, None));
        let folder = app.world.folder.0.join("mail");
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::write(&folder, "in the way").unwrap();
        register(&app, 1);
        app.log.wait_for("the mail server cannot be reached");
        std::fs::remove_file(&folder).unwrap();
        wait_for_none(&app.world, WAITING);
        assert_eq!(attempts(&app, &address(1)).1, ["sent"]);
    }
}

/// A server of any kind that accepts connections and says nothing.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// What a command that fails says, without its log.
fn failed(world: &World, arguments: &[&str]) -> String {
    let output = world.run(arguments);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn who_tries_a_mail_server_that_says_nothing_is_told_so() {
    let (_listener, port) = silent();
    let world = World::new(Store::Sqlite)
        .set("PLENARY_MAIL_URL", &format!("smtp://127.0.0.1:{port}"))
        .set("PLENARY_MAIL_STEP_SECONDS", "1");
    assert_eq!(failed(&world, &["mail", "check"]), "plenary: there was no greeting within 1 s\n");
    assert_eq!(failed(&world, &["mail", "test", "ada@example.org"]), "plenary: there was no greeting within 1 s\n");
}

#[test]
fn a_service_that_does_not_answer_a_command_ends_it_with_one_line() {
    let (_listener, port) = silent();
    let world = World::new(Store::Sqlite);
    let file = world.folder.write("small.json", &small_conference(None, None).to_string());
    let server = format!("http://127.0.0.1:{port}");
    let arguments = ["apply", "--server", &server, "--token", "x", "--timeout", "1", file.to_str().unwrap()];
    assert_eq!(
        failed(&world, &arguments),
        format!("plenary: {server}/api/v1/conferences/small/blueprint: timeout: receive response\n")
    );
}
