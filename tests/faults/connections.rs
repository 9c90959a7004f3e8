//! Clients that are slow, silent or many.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::support::{
    App, Store,
    app::{Environment, TIMEOUT, person, small_conference},
    events::Events,
};

const SMALL: &str = "/api/v1/conferences/small";
const PROGRAMME: &str = "GET /api/v1/conferences/small/programme HTTP/1.1\r\nhost: x\r\n\r\n";
const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

/// A client that writes raw bytes to a socket.
struct RawClient(BufReader<TcpStream>);

#[derive(Debug)]
struct RawAnswer {
    status: u16,
    head: String,
    body: String,
}

impl RawAnswer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn is_last(&self) -> bool {
        self.header("connection") == Some("close")
    }

    /// The last part of the problem's type.
    fn problem(&self) -> String {
        let document: Value = serde_json::from_str(&self.body).unwrap();
        document["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned()
    }
}

fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

impl RawClient {
    fn to(port: u16, host: u8) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0)).into()).unwrap();
        socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self(BufReader::new(socket.into()))
    }

    /// A client whose address is 127.0.0.`host`.
    fn from(app: &App, host: u8) -> Self {
        Self::to(port_of(&app.url), host)
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The next answer; `None` if the connection was closed instead.
    fn try_read(&mut self) -> std::io::Result<Option<RawAnswer>> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head)? == 0 {
                assert_eq!(head, "", "an answer was cut");
                return Ok(None);
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = RawAnswer { status, head, body: String::new() };
        if status != 100 {
            let mut body = vec![0; answer.header("content-length").map_or(0, |length| length.parse().unwrap())];
            self.0.read_exact(&mut body)?;
            answer.body = String::from_utf8(body).unwrap();
        }
        Ok(Some(answer))
    }

    fn read(&mut self) -> RawAnswer {
        self.try_read().unwrap().expect("an answer")
    }

    fn ask(&mut self, request: &str) -> RawAnswer {
        self.send(request);
        self.read()
    }

    fn expect_end(&mut self) {
        assert!(self.try_read().unwrap().is_none());
    }
}

fn post(path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{more}\r\n")
}

/// A registration whose body stops after its first byte.
fn half_sent() -> String {
    post(&format!("{SMALL}/registrations"), "content-length: 60000\r\n") + "{"
}

fn register(number: usize) -> String {
    let body = person(number, "delegate").to_string();
    post(&format!("{SMALL}/registrations"), &format!("content-length: {}\r\n", body.len())) + &body
}

fn start_published(environment: Environment) -> App {
    let app = environment.start();
    app.publish(&small_conference(None, None));
    app
}

/// An environment in which a client may be silent for a second.
fn with_short_timeouts() -> Environment {
    Environment::new(Store::Sqlite).set("PLENARY_CLIENT_WAIT_SECONDS", "1")
}

fn metric(app: &App, name: &str) -> u64 {
    let numbers = app.get("/metrics");
    let line = numbers.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name}: {}", numbers.text())).parse().unwrap()
}

/// Polls until the condition is true.
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn stalled_bodies_get_408_and_their_connections_end() {
    let app = start_published(with_short_timeouts());
    let registrations = format!("{SMALL}/registrations");
    let form = "POST /conferences/small/en/register HTTP/1.1\r\nhost: x\r\n\
                content-type: application/x-www-form-urlencoded\r\ncontent-length: 90\r\n\r\ncategory=";
    let still = [
        half_sent(),
        post(&registrations, "content-length: 60000\r\n"),
        post(&registrations, "transfer-encoding: chunked\r\n") + "1\r\n{\r\n",
        post(&registrations, "transfer-encoding: chunked\r\n"),
        form.to_owned(),
    ];
    let mut clients: Vec<_> = still.iter().map(|_| RawClient::from(&app, 1)).collect();
    for (client, request) in clients.iter_mut().zip(&still) {
        client.send(request);
    }
    let mut polite = RawClient::from(&app, 1);
    polite.send(&post(&registrations, "content-length: 60000\r\nexpect: 100-continue\r\n"));
    assert_eq!(polite.read().status, 100);
    clients.push(polite);
    for client in &mut clients {
        let answer = client.read();
        assert_eq!((answer.status, answer.problem().as_str()), (408, "request-timeout"), "{answer:?}");
        assert!(answer.is_last(), "{answer:?}");
        assert_eq!(answer.header("x-request-id").map(str::len), Some(36));
        client.expect_end();
    }
    assert_eq!(metric(&app, "plenary_slow_bodies_total"), 6);
}

#[test]
fn an_unread_body_does_not_keep_its_connection_open() {
    let app = start_published(with_short_timeouts());
    for length in ["content-length: 60000\r\n", "transfer-encoding: chunked\r\n"] {
        for path in ["/healthz", "/api/v1/conferences/small/programme", "/nowhere"] {
            let mut client = RawClient::from(&app, 1);
            let answer = client.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n{length}\r\n"));
            assert!([200, 404].contains(&answer.status) && answer.is_last(), "{length}{path}: {answer:?}");
            client.expect_end();
        }
    }
    assert_eq!(metric(&app, "plenary_slow_bodies_total"), 0);
}

#[test]
fn a_trickling_body_is_cut_and_a_slow_upload_is_not() {
    let app = start_published(with_short_timeouts().set("PLENARY_BODY_BYTES_PER_SECOND_MIN", "200"));
    let body = format!("{}{}", person(1, "delegate"), " ".repeat(1200));
    let head = post(&format!("{SMALL}/registrations"), &format!("content-length: {}\r\n", body.len()));
    let paced = |bytes: usize| {
        let mut client = RawClient::from(&app, 1);
        client.send(&head);
        for part in body.as_bytes().chunks(bytes) {
            std::thread::sleep(Duration::from_millis(100));
            // A client that was answered before may be cut off.
            if client.0.get_mut().write_all(part).is_err() || !client.0.buffer().is_empty() {
                break;
            }
            client.0.get_ref().set_nonblocking(true).unwrap();
            let answered = client.0.fill_buf().is_ok_and(|bytes| !bytes.is_empty());
            client.0.get_ref().set_nonblocking(false).unwrap();
            if answered {
                break;
            }
        }
        client.read()
    };
    let (trickle, slow) = std::thread::scope(|scope| {
        let trickle = scope.spawn(|| paced(1));
        let slow = scope.spawn(|| paced(60));
        (trickle.join().unwrap(), slow.join().unwrap())
    });
    assert_eq!((trickle.status, trickle.problem().as_str()), (408, "request-timeout"));
    assert_eq!(slow.status, 201, "{slow:?}");
}

#[test]
fn an_incomplete_head_on_a_kept_alive_connection_is_cut() {
    let app = start_published(with_short_timeouts());
    let mut client = RawClient::from(&app, 1);
    for _ in 0..2 {
        let answer = client.ask(HEALTH);
        assert!(answer.status == 200 && !answer.is_last());
    }
    client.send("GET /heal");
    client.expect_end();
    let mut first = RawClient::from(&app, 1);
    assert_eq!(first.ask("GET /heal").status, 408, "the first head");
}

#[test]
fn a_client_that_reads_nothing_is_cut_and_a_listener_is_not() {
    let app = start_published(with_short_timeouts());
    let mut events = Events::open(&app, "small", "", &[]);
    events.expect("connected");
    let mut silent = RawClient::from(&app, 1);
    let count = app.get("/openapi.json").body.len();
    for _ in 0..(16 * 1024 * 1024 / count).min(16) {
        silent.send("GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n");
    }
    // The connections of this client, of the listener and of the silent client.
    wait_until("it is there", || metric(&app, "plenary_connections") == 3);
    wait_until("it is cut", || metric(&app, "plenary_connections") == 2);
    app.publish(&small_conference(None, None));
    assert_eq!(events.expect("release").data["number"], 2);
}

#[test]
fn the_connections_of_one_client_are_limited_without_affecting_others() {
    let environment = Environment::new(Store::Sqlite)
        .set("PLENARY_RATE_LIMIT_LOOPBACK", "true")
        .set("PLENARY_CONNECTIONS_PER_CLIENT_MAX", "3")
        .set("PLENARY_CONNECTIONS_EXEMPT", "127.0.0.8/29");
    let app = start_published(environment);
    let open_connections = |host: u8, count: usize| -> Vec<RawClient> {
        let open = (0..count).map(|_| {
            let mut client = RawClient::from(&app, host);
            client.send(&half_sent());
            client
        });
        open.collect()
    };
    let open = open_connections(2, 3);
    wait_until("all are there", || metric(&app, "plenary_connections") == 4);
    let mut surplus = RawClient::from(&app, 2);
    let refused = surplus.ask(PROGRAMME);
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too-many-requests"));
    assert_eq!((refused.header("retry-after"), refused.is_last()), (Some("30"), true));
    surplus.expect_end();
    let healthy = RawClient::from(&app, 2).ask(HEALTH);
    assert!(healthy.status == 200 && healthy.is_last(), "health answers under any load: {healthy:?}");
    assert_eq!(RawClient::from(&app, 3).ask(PROGRAMME).status, 200);
    let exempt = open_connections(9, 6);
    assert_eq!(RawClient::from(&app, 9).ask(PROGRAMME).status, 200, "the venue has no limit");
    drop((open, exempt));
    wait_until("the place is free again", || RawClient::from(&app, 2).ask(PROGRAMME).status == 200);
    assert!(metric(&app, "plenary_connections_refused_total") >= 2);
}

#[test]
fn a_client_with_too_many_connections_gets_429_and_blocks_nobody() {
    let environment = Environment::new(Store::Sqlite)
        .set("PLENARY_RATE_LIMIT_LOOPBACK", "true")
        .set("PLENARY_CONNECTIONS_PER_CLIENT_MAX", "3");
    let app = start_published(environment.open_files_max(300));
    let crowd: Vec<_> = (0..12).map(|_| RawClient::from(&app, 2)).collect();
    // Three connections, and a quarter of those that are reserved for refusals.
    wait_until("it is told without a word of its own", || {
        let answer = RawClient::from(&app, 2).try_read().ok().flatten();
        answer.is_some_and(|answer| {
            answer.status == 503 && answer.header("retry-after") == Some("30") && answer.is_last()
        })
    });
    assert_eq!(RawClient::from(&app, 3).ask(PROGRAMME).status, 200);
    let others: Vec<_> = (0..3).map(|_| RawClient::from(&app, 3)).collect();
    wait_until("another client's surplus is answered", || RawClient::from(&app, 3).ask(PROGRAMME).status == 429);
    drop((crowd, others));
}

#[test]
fn the_connections_of_all_clients_are_limited() {
    let environment = Environment::new(Store::Sqlite)
        .set("PLENARY_RATE_LIMIT_LOOPBACK", "true")
        .set("PLENARY_CONNECTIONS_MAX", "4")
        .set("PLENARY_TRUSTED_PROXIES", "127.0.0.9");
    let app = start_published(environment);
    let mut open: Vec<_> = (2..5).map(|host| RawClient::from(&app, host)).collect();
    open.iter_mut().for_each(|client| client.send(&half_sent()));
    wait_until("all are there", || metric(&app, "plenary_connections") == 4);
    let refused = RawClient::from(&app, 5).ask(PROGRAMME);
    assert_eq!((refused.status, refused.problem().as_str()), (503, "unavailable"));
    assert_eq!(RawClient::from(&app, 5).ask(HEALTH).status, 200);
    assert_eq!(RawClient::from(&app, 9).ask(PROGRAMME).status, 200, "a proxy speaks for many");
}

#[test]
fn a_flood_of_incomplete_bodies_leaves_room_for_health_checks_and_ends_by_itself() {
    let app = start_published(with_short_timeouts().open_files_max(300));
    let mut flood = Vec::new();
    for _ in 0..400 {
        let mut client = RawClient::from(&app, 1);
        // A client without a free connection may be closed already.
        _ = client.0.get_mut().write_all(half_sent().as_bytes());
        flood.push(client);
    }
    wait_until("health answers", || {
        let mut client = RawClient::from(&app, 1);
        _ = client.0.get_mut().write_all(HEALTH.as_bytes());
        matches!(client.try_read(), Ok(Some(RawAnswer { status: 200, .. })))
    });
    let statuses = flood.iter_mut().map(|client| client.try_read().ok().flatten().map(|answer| answer.status));
    let too_slow = statuses.filter(|status| *status == Some(408)).count();
    // The limit, less the files of the store, of mail, of other uses and the reserve for health checks.
    assert!((100..=166).contains(&too_slow), "{too_slow}");
    wait_until("all have ended", || metric(&app, "plenary_connections") == 1);
    assert_eq!(RawClient::from(&app, 1).ask(&register(1)).status, 201);
}

#[test]
fn ipv4_clients_of_a_dual_stack_listener_are_counted_separately() {
    let limited = |environment: Environment| {
        let environment =
            environment.set("PLENARY_RATE_LIMIT_LOOPBACK", "true").set("PLENARY_LISTEN", "[::ffff:127.0.0.1]:0");
        start_published(
            environment.set("PLENARY_REGISTRATIONS_PER_MINUTE", "1").set("PLENARY_REGISTRATIONS_BURST", "1"),
        )
    };
    let app = limited(Environment::new(Store::Sqlite));
    for (number, host, status) in [(1, 2, 201), (2, 3, 201), (3, 2, 429), (4, 3, 429)] {
        assert_eq!(RawClient::from(&app, host).ask(&register(number)).status, status, "127.0.0.{host}");
    }
    let app = limited(Environment::new(Store::Sqlite).set("PLENARY_TRUSTED_PROXIES", "::ffff:127.0.0.0/104"));
    for (number, client, status) in [
        (1, "::ffff:192.0.2.1", 201),
        (2, "[::ffff:192.0.2.2]:4711", 201),
        (3, "192.0.2.1", 429),
        (4, "192.0.2.2, ::ffff:127.0.0.7", 429),
        (5, "64:ff9b::192.0.2.3", 201),
        (6, "192.0.2.3", 429),
    ] {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", client)];
        let body = person(number, "delegate").to_string();
        let answer = app.send("POST", &format!("{SMALL}/registrations"), &headers, Some(&body));
        assert_eq!(answer.status, status, "{client}");
    }
}

#[test]
fn the_listeners_of_one_client_are_limited_without_affecting_others() {
    let environment = Environment::new(Store::Sqlite)
        .set("PLENARY_TRUSTED_PROXIES", "127.0.0.1")
        .set("PLENARY_EVENT_LISTENERS_PER_CLIENT_MAX", "2");
    let app = start_published(environment);
    let listen = |client: &str| Events::open(&app, "small", "", &[("x-forwarded-for", client)]);
    let mut held = [listen("192.0.2.1"), listen("::ffff:192.0.2.1")];
    held.iter_mut().for_each(|events| drop(events.expect("connected")));
    let path = format!("{SMALL}/programme/events");
    let refused = app.get_with(&path, &[("x-forwarded-for", "192.0.2.1")]);
    assert_eq!(refused.problem(), (429, "too-many-requests".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("30"));
    listen("192.0.2.2").expect("connected");
}

/// A service that cannot finish its start.
struct Starting {
    port: u16,
    process: Child,
}

impl Starting {
    fn of(environment: &Environment) -> Self {
        let mut process = environment.command(&[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = log.find_map(|line| {
            let rest = line.split_once("listening on: ")?.1;
            rest.split('"').next().map(str::to_owned)
        });
        std::thread::spawn(move || log.for_each(drop));
        Self { port: port_of(&address.expect("it listens")), process }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

#[test]
fn requests_during_the_start_get_503_with_retry_after() {
    let mut app = start_published(Environment::new(Store::Sqlite).set("PLENARY_LOG", "info"));
    assert!(app.terminate().success());
    let open = app.environment.database.lock_table("conferences");
    let starting = Starting::of(&app.environment);
    let get = |path: &str, accept: &str| {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\naccept-language: fr, en;q=0.5\r\n\r\n");
        RawClient::to(starting.port, 1).ask(&request)
    };
    for path in ["/", "/conferences/small/fr", "/conferences/small/en/register", "/nowhere"] {
        let page = get(path, "text/html,*/*;q=0.8");
        assert_eq!((page.status, page.header("retry-after")), (503, Some("5")), "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("content-language"), Some("fr"));
        let words = ["Le service démarre", "The service is starting", "De dienst start op", "dir=\"rtl\""];
        for word in words {
            assert!(page.body.contains(word), "{word}: {}", page.body);
        }
        assert!(page.body.find(words[0]) < page.body.find(words[1]), "the reader's language comes first");
        assert!(!page.body.contains("src=") && !page.body.contains("href="), "it needs nothing else");
    }
    for path in ["/", "/conferences/small/fr", &format!("{SMALL}/programme"), "/nowhere"] {
        let refused = get(path, "application/json");
        assert_eq!((refused.status, refused.problem().as_str()), (503, "unavailable"), "{path}");
        assert_eq!(refused.header("retry-after"), Some("5"));
    }
    assert_eq!(get("/healthz", "*/*").status, 200);
    assert_eq!(get("/readyz", "*/*").status, 503);
    assert_eq!(get("/openapi.json", "*/*").status, 200);
    open.release();
    wait_until("it has started", || get("/conferences/small/fr", "text/html").status == 200);
}

#[test]
fn requests_sent_before_a_stop_are_answered() {
    let mut app = start_published(Environment::new(Store::Sqlite));
    let port = port_of(&app.url);
    let has_left = AtomicBool::new(false);
    let body = person(1, "delegate").to_string();
    let head = post(&format!("{SMALL}/registrations"), &format!("content-length: {}\r\n", body.len()));
    std::thread::scope(|scope| {
        let (sent_count, answered) = std::sync::mpsc::channel();
        let senders: Vec<_> = (0..8)
            .map(|_| {
                let (sent_count, has_left) = (sent_count.clone(), &has_left);
                scope.spawn(move || {
                    let mut client = RawClient::to(port, 1);
                    let mut count = 0;
                    loop {
                        let answer = client.ask(PROGRAMME);
                        assert_eq!(answer.status, 200);
                        count += 1;
                        if answer.is_last() {
                            has_left.store(true, Ordering::Release);
                            client.expect_end();
                            return count;
                        }
                        if count == 1 {
                            sent_count.send(()).unwrap();
                        }
                    }
                })
            })
            .collect();
        (0..8).for_each(|_| answered.recv().unwrap());
        // A request in the middle of its body, a connection that was answered before, and one without a request yet.
        let (mut sending, mut waiting, mut fresh) =
            (RawClient::to(port, 1), RawClient::to(port, 1), RawClient::to(port, 1));
        sending.send(&head);
        assert_eq!(waiting.ask(HEALTH).status, 200);
        let id = app.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        wait_until("it says that it leaves", || has_left.load(Ordering::Acquire));
        sending.send(&body);
        for (client, status) in [(&mut sending, 201), (&mut fresh, 200), (&mut waiting, 200)] {
            if status == 200 {
                client.send(HEALTH);
            }
            let answer = client.read();
            assert!(answer.status == status && answer.is_last(), "{answer:?}");
            client.expect_end();
        }
        for senders in senders {
            assert!(senders.join().unwrap() > 1);
        }
    });
    assert!(app.terminate().success());
    assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 1);
}

#[test]
fn a_connection_without_a_request_does_not_delay_a_stop() {
    let mut app = start_published(Environment::new(Store::Sqlite));
    let (mut silent, mut kept) = (RawClient::from(&app, 1), RawClient::from(&app, 1));
    assert_eq!(kept.ask(HEALTH).status, 200);
    let start_published = Instant::now();
    assert!(app.terminate().success());
    assert!(start_published.elapsed() < Duration::from_secs(3), "{:?}", start_published.elapsed());
    silent.expect_end();
    kept.expect_end();
}
