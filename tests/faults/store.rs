//! A store that is unreachable, frozen, busy, full, read-only, moved, or back again.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{
    Answer, App, Store,
    app::{Environment, Folder, TIMEOUT, person, small_conference},
    http::Client,
    on_both_stores,
    proxy::Proxy,
    report_skipped,
    store::postgres_is_available,
};

const PATH: &str = "/api/v1/conferences/small/registrations";
const ALL: &str = "SELECT count(*) AS n FROM registrations";
/// Far more than the deadline, and far less than a queued request would take.
const SOON: Duration = Duration::from_secs(10);

/// An environment with a shorter store deadline than the default.
fn environment(store: Store) -> Environment {
    Environment::new(store).set("PLENARY_STORE_DEADLINE_SECONDS", "2")
}

/// A service whose connections to the store go through a proxy that can freeze.
fn start_behind_proxy() -> Option<(App, Proxy)> {
    if !postgres_is_available() {
        return None;
    }
    let environment = environment(Store::Postgres);
    let (proxy, url) = Proxy::to(&environment.database.url);
    let app = environment.set("PLENARY_DATABASE_URL", &url).start();
    app.publish(&small_conference(None, None));
    Some((app, proxy))
}

fn unavailable() -> (u16, String) {
    (503, "unavailable".to_owned())
}

/// Sends 64 registrations at once and returns the answers.
fn register_64(app: &App) -> Vec<Answer> {
    let started = Instant::now();
    let answers = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..64).map(|number| scope.spawn(move || app.post(PATH, &person(number, "delegate")))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    answers
}

fn assert_all_unavailable(answers: &[Answer]) {
    for answer in answers {
        assert_eq!(answer.problem(), unavailable(), "{}", answer.text());
        assert_eq!(answer.header("retry-after"), Some("2"));
    }
}

/// Waits until the service is ready again.
fn wait_until_ready(app: &App) {
    let deadline = Instant::now() + TIMEOUT;
    while app.get("/readyz").status != 200 {
        assert!(Instant::now() < deadline, "the service is never ready again");
    }
}

fn assert_accepts_one_more(app: &App) {
    let answer = app.post(PATH, &person(1_000, "delegate"));
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(app.count(ALL), 1, "what was refused was not done");
}

#[test]
fn sixty_four_registrations_are_refused_in_time_while_the_store_is_unreachable() {
    let Some((app, proxy)) = start_behind_proxy() else { return };
    proxy.cut();
    assert_all_unavailable(&register_64(&app));
    app.log.wait_for("the store does not answer");
    proxy.resume();
    app.log.wait_for("the store answers again");
    assert_accepts_one_more(&app);
}

#[test]
fn sixty_four_registrations_are_refused_in_time_while_the_store_is_frozen() {
    let Some((app, proxy)) = start_behind_proxy() else { return };
    proxy.freeze();
    assert_all_unavailable(&register_64(&app));
    app.log.wait_for("the store does not answer");
    proxy.resume();
    app.log.wait_for("the store answers again");
    assert_accepts_one_more(&app);
}

on_both_stores! {
    fn sixty_four_registrations_are_refused_in_time_while_another_process_locks_the_store(store) {
        let app = environment(store).start();
        app.publish(&small_conference(None, None));
        let lock = app.environment.database.lock_table("registration_setups");
        assert_all_unavailable(&register_64(&app));
        lock.release();
        assert_accepts_one_more(&app);
    }

    fn a_registration_with_a_key_is_refused_in_time_and_done_when_repeated(store) {
        let app = environment(store).start();
        app.publish(&small_conference(None, None));
        let send = || {
            let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
            app.send("POST", PATH, &headers, Some(&person(1_000, "delegate").to_string()))
        };
        let lock = app.environment.database.lock_table("registration_setups");
        let started = Instant::now();
        assert_eq!(send().problem(), unavailable());
        assert!(started.elapsed() < SOON);
        lock.release();
        assert_eq!((send().status, app.count(ALL)), (201, 1));
    }

    fn queued_edits_are_refused_together_while_another_process_locks_the_store(store) {
        let app = Environment::new(store).set("PLENARY_STORE_DEADLINE_SECONDS", "1").start();
        app.publish(&small_conference(None, None));
        let lock = app.environment.database.lock_table("conferences");
        let (started, path) = (Instant::now(), "/api/v1/conferences/small/agenda/rooms/hall");
        std::thread::scope(|scope| {
            for number in 0..16 {
                let app = &app;
                scope.spawn(move || {
                    let answer = app.admin("PATCH", path, Some(&json!({ "capacity": number + 1 })));
                    assert_eq!(answer.problem(), unavailable());
                });
            }
        });
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        lock.release();
        assert_eq!(app.admin("PATCH", path, Some(&json!({ "capacity": 7 }))).status, 200);
    }

    fn a_session_that_was_just_released_can_be_chosen_in_a_rush(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        app.publish(&blueprint);
        let (stop, number, started) = (AtomicBool::new(false), AtomicUsize::new(0), Instant::now());
        let next = || person(number.fetch_add(1, Ordering::Relaxed), "delegate");
        let statuses: Vec<_> = std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) && started.elapsed() < TIMEOUT {
                        assert_eq!(app.post(PATH, &next()).status, 201);
                    }
                });
            }
            let mut statuses = Vec::new();
            for release in 0..4 {
                let code = format!("workshop-{release}");
                blueprint["sessions"].as_array_mut().unwrap().push(json!({
                    "code": code, "kind": "parallel", "title": code, "access": "sign_up", "seats": 9,
                    "starts_at": format!("2030-05-02T{:02}:00", 10 + release),
                    "ends_at": format!("2030-05-02T{:02}:30", 10 + release), "items": []
                }));
                app.publish(&blueprint);
                let mut form = next();
                form["sessions"] = json!([code]);
                statuses.push(app.post(PATH, &form).status);
            }
            stop.store(true, Ordering::Relaxed);
            statuses
        });
        assert_eq!(statuses, [201; 4]);
    }
}

#[test]
fn a_frozen_store_blocks_no_request_and_service_resumes_with_it() {
    let Some((app, proxy)) = start_behind_proxy() else { return };
    proxy.freeze();
    let started = Instant::now();
    let paths = ["/readyz", "/api/v1/conferences/small/registration-form", "/api/v1/conferences/small/releases"];
    for path in paths {
        assert_eq!(app.get(path).problem(), unavailable(), "{path}");
    }
    let count = app.admin("POST", "/api/v1/conferences/small/agenda/rooms", Some(&json!({ "code": "x", "name": "X" })));
    assert_eq!(count.problem(), unavailable());
    let metrics = app.get("/metrics");
    assert!(metrics.text().contains("\nplenary_store_answers 0\n"), "{}", metrics.text());
    assert!(!metrics.text().contains("\nplenary_store_stuck_threads 0\n"), "{}", metrics.text());
    assert!(
        metrics.text().contains("\nplenary_mail_outages_total 0\n"),
        "what this process counts: {}",
        metrics.text()
    );
    assert!(!metrics.text().contains("\nplenary_mail_messages{"), "what the store knows: {}", metrics.text());
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!(app.get("/healthz").status, 200);
    assert_eq!(app.get("/api/v1/conferences/small/programme").status, 200, "readers need no store");
    proxy.resume();
    wait_until_ready(&app);
    for path in paths {
        assert_eq!(app.get(path).status, 200, "{path}");
    }
    assert_eq!(app.admin("GET", "/api/v1/conferences/small/agenda/rooms/x", None).status, 404, "it was not done");
    // The stuck threads have come back.
    let deadline = Instant::now() + TIMEOUT;
    while !app.get("/metrics").text().contains("\nplenary_store_stuck_threads 0\n") {
        assert!(Instant::now() < deadline, "threads stay stuck");
    }
}

#[test]
fn an_unanswered_commit_is_reported_and_a_repeated_registration_shows_the_outcome() {
    let Some((app, proxy)) = start_behind_proxy() else { return };
    proxy.freeze_at_commit_of("person-7@example.org");
    let answer = app.post(PATH, &person(7, "delegate"));
    assert_eq!(answer.problem(), (503, "outcome-unknown".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("2"));
    app.log.wait_for("the store does not answer");
    proxy.resume();
    app.log.wait_for("the store answers again");
    assert_eq!(app.post(PATH, &person(7, "delegate")).problem(), (409, "already-registered".to_owned()));
    assert_eq!(app.count(ALL), 1);
}

#[test]
fn a_registration_whose_connection_broke_at_the_commit_is_replayed_by_its_key() {
    let Some((app, proxy)) = start_behind_proxy() else { return };
    let headers = [("content-type", "application/json"), ("idempotency-key", "seven")];
    let send = || app.send("POST", PATH, &headers, Some(&person(7, "delegate").to_string()));
    proxy.freeze_at_commit_of("person-7@example.org");
    assert_eq!(send().problem(), (503, "outcome-unknown".to_owned()));
    app.log.wait_for("the store does not answer");
    proxy.cut();
    proxy.resume();
    app.log.wait_for("the store answers again");
    let repeated = send();
    assert_eq!((repeated.status, app.count(ALL)), (201, 1), "{}", repeated.text());
    let view = app.get(app.path_of(repeated.json()["links"]["self"].as_str().unwrap()));
    assert_eq!(view.json()["reference"], repeated.json()["reference"]);
}

#[test]
fn an_unanswered_commit_of_any_other_write_is_reported() {
    let Some((app, proxy)) = start_behind_proxy() else { return };
    proxy.freeze_at_commit_of("attic");
    let create = || {
        let room = json!({ "code": "attic", "name": "Attic" });
        app.admin("POST", "/api/v1/conferences/small/agenda/rooms", Some(&room)).problem()
    };
    assert_eq!(create(), (503, "outcome-unknown".to_owned()));
    proxy.resume();
    app.log.wait_for("the store answers again");
    assert_eq!(create(), (409, "already-exists".to_owned()));
}

#[test]
fn a_service_whose_store_is_frozen_stops_on_sigterm() {
    let Some((mut app, proxy)) = start_behind_proxy() else { return };
    proxy.freeze();
    assert_eq!(app.get("/api/v1/conferences/small/registration-form").problem(), unavailable());
    let started = Instant::now();
    assert!(app.terminate().success());
    assert!(started.elapsed() < TIMEOUT);
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_service_started_without_its_store_reports_it_and_serves_when_it_comes() {
    if !postgres_is_available() {
        return;
    }
    let environment = environment(Store::Postgres);
    let (proxy, url) = Proxy::to(&environment.database.url);
    proxy.cut();
    let listen = format!("127.0.0.1:{}", free_port());
    let environment = Arc::new(environment.set("PLENARY_DATABASE_URL", &url).set("PLENARY_LISTEN", &listen));
    let client = Client::new(&format!("http://{listen}"));
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| environment.start_shared());
        let get = |path: &str| client.try_send("GET", path, &[], None);
        let deadline = Instant::now() + TIMEOUT;
        while get("/healthz").is_err() || !get("/readyz").unwrap().text().contains("waits for the store") {
            assert!(Instant::now() < deadline, "it never says that it waits");
        }
        assert_eq!(get("/healthz").unwrap().status, 200);
        assert_eq!(get("/readyz").unwrap().problem(), unavailable());
        let refused = get("/api/v1/conferences").unwrap();
        assert_eq!((refused.problem(), refused.header("retry-after").is_some()), (unavailable(), true));
        proxy.resume();
        let app = starting.join().unwrap();
        app.log.wait_for("waiting for the store");
        assert_eq!(app.get("/readyz").status, 200);
        app.publish(&small_conference(None, None));
        assert_accepts_one_more(&app);
    });
}

#[test]
fn a_service_that_waits_for_its_store_stops_on_sigterm() {
    let environment = Environment::new(Store::Sqlite).set("PLENARY_DATABASE_URL", "postgres://postgres@127.0.0.1:1/x");
    let mut service = environment.command(&[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = std::io::BufRead::lines(std::io::BufReader::new(service.stderr.take().unwrap()));
    assert!(log.any(|proxy| proxy.unwrap().contains("waiting for the store")));
    assert!(Command::new("kill").args(["-TERM", &service.id().to_string()]).status().unwrap().success());
    assert!(service.wait().unwrap().success());
}

/// The last line of a command.
fn command_error(environment: &Environment, arguments: &[&str]) -> String {
    let output = environment.run(arguments);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = error.lines().filter(|proxy| proxy.starts_with("plenary: ")).collect();
    assert_eq!(lines.len(), 1, "{error}");
    lines[0].to_owned()
}

#[test]
fn a_command_does_not_wait_for_an_unreachable_store() {
    let environment = Environment::new(Store::Sqlite).set("PLENARY_DATABASE_URL", "postgres://postgres@127.0.0.1:1/x");
    let proxy = command_error(&environment, &["doctor"]);
    assert!(proxy.starts_with("plenary: the store cannot be reached"), "{proxy}");
}

#[test]
fn a_missing_database_ends_the_start_with_one_clear_line() {
    if !postgres_is_available() {
        return;
    }
    let environment = environment(Store::Postgres);
    environment.database.force_drop();
    let proxy = command_error(&environment, &[]);
    assert!(
        proxy.starts_with("plenary: the store cannot be reached: ") && proxy.ends_with("does not exist"),
        "{proxy}"
    );
}

#[test]
fn a_read_only_store_is_a_503_with_its_reason_until_it_accepts_writes() {
    if !postgres_is_available() {
        return;
    }
    let app = Environment::new(Store::Postgres).start();
    app.publish(&small_conference(None, None));
    app.environment.database.set_read_only(true);
    for answer in [
        app.post(PATH, &person(1, "delegate")),
        app.admin("POST", "/api/v1/conferences/small/agenda/rooms", Some(&json!({ "code": "x", "name": "X" }))),
        app.get("/readyz"),
    ] {
        assert_eq!(answer.problem(), (503, "store-read-only".to_owned()), "{}", answer.text());
    }
    assert_eq!(app.get("/api/v1/conferences/small/registration-form").status, 200, "what is read is read");
    app.environment.database.set_read_only(false);
    wait_until_ready(&app);
    assert_accepts_one_more(&app);
}

/// A small disk for one test, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs"]).arg(&at).output().unwrap();
        if !mounted.status.success() {
            report_skipped("no file system can be mounted here: that takes root");
            return None;
        }
        Some(Self(at))
    }

    /// Fills the disk.
    fn fill(&self) {
        let _ = std::fs::write(self.0.join("filler"), vec![1; 8 << 20]);
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_of_the_store_is_a_503_with_its_reason_until_there_is_room() {
    let folder = Folder::create();
    let Some(disk) = Disk::mount(folder.0.join("disk")) else { return };
    let mut environment = Environment::new(Store::Sqlite);
    environment.database.url = format!("sqlite:{}/plenary.db", disk.0.display());
    let url = environment.database.url.clone();
    let app = environment.set("PLENARY_DATABASE_URL", &url).start();
    app.publish(&small_conference(None, None));
    disk.fill();
    let full = (503, "storage-full".to_owned());
    // The journal has some free space left, which may hold the first of them.
    let answers: Vec<_> = (0..200).map(|number| app.post(PATH, &person(number, "delegate"))).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 201).collect();
    assert!(!refused.is_empty());
    for answer in &refused {
        assert_eq!(answer.problem(), full, "{}", answer.text());
    }
    // The same is true of rooms: whenever the journal was put into the file, it begins anew in the space that it has.
    let create_room = |number: usize| {
        let room = json!({ "code": format!("room-{number}"), "name": "X".repeat(200) });
        app.admin("POST", "/api/v1/conferences/small/agenda/rooms", Some(&room))
    };
    let refused_room = (0..200).map(create_room).find(|answer| answer.status != 201).unwrap();
    assert_eq!(refused_room.problem(), full);
    assert_eq!(app.get("/api/v1/conferences/small/registration-form").status, 200, "what is read is read");
    disk.free();
    assert_eq!(app.post(PATH, &person(1_000, "delegate")).status, 201);
    let taken_in = answers.len() - refused.len() + 1;
    assert_eq!(app.count(ALL), i64::try_from(taken_in).unwrap(), "what was refused was not done");
}

#[test]
fn a_workbook_without_room_on_the_disk_is_a_503_with_its_reason() {
    let folder = Folder::create();
    let Some(disk) = Disk::mount(folder.0.join("disk")) else { return };
    let app = Environment::new(Store::Sqlite).set("PLENARY_DATA_DIR", &disk.0.display().to_string()).start();
    app.publish(&small_conference(None, None));
    for number in 0..50 {
        assert_eq!(app.post(PATH, &person(number, "delegate")).status, 201);
    }
    let export = || app.admin("GET", &format!("{PATH}.xlsx"), None);
    disk.fill();
    assert_eq!(export().problem(), (503, "storage-full".to_owned()));
    disk.free();
    assert_eq!(export().status, 200);
}

fn assert_moved(answer: &Answer) {
    assert_eq!(answer.problem(), unavailable());
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("the files of the store are not where they were"), "{detail}");
}

/// A service on an embedded store, and the path of the store.
fn start_on_sqlite() -> (App, PathBuf) {
    let app = Environment::new(Store::Sqlite).start();
    app.publish(&small_conference(None, None));
    let path = PathBuf::from(app.environment.database.url.trim_start_matches("sqlite:"));
    (app, path)
}

fn sidecar(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

#[test]
fn a_store_whose_file_was_moved_refuses_writes_until_it_is_back() {
    let (app, path) = start_on_sqlite();
    std::fs::rename(&path, sidecar(&path, ".away")).unwrap();
    assert_moved(&app.post(PATH, &person(1, "delegate")));
    assert_moved(&app.get("/readyz"));
    assert!(!path.exists(), "no empty store takes its place");
    std::fs::rename(sidecar(&path, ".away"), &path).unwrap();
    assert_eq!(app.get("/readyz").status, 200);
    assert_accepts_one_more(&app);
}

#[test]
fn a_store_whose_journal_was_removed_refuses_writes() {
    for ending in ["-wal", "-shm"] {
        let (app, path) = start_on_sqlite();
        std::fs::remove_file(sidecar(&path, ending)).unwrap();
        assert_moved(&app.post(PATH, &person(1, "delegate")));
        assert_moved(&app.get("/readyz"));
    }
}

#[test]
fn a_file_that_replaced_the_opened_store_is_not_written_to() {
    let (app, path) = start_on_sqlite();
    std::fs::copy(&path, sidecar(&path, ".copy")).unwrap();
    std::fs::rename(sidecar(&path, ".copy"), &path).unwrap();
    assert_moved(&app.post(PATH, &person(1, "delegate")));
    assert_moved(&app.get("/readyz"));
}
