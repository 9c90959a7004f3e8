//! A store that is away, frozen, busy, full, read-only, moved, or back again.

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
    app::{Folder, PATIENCE, World, person, small_conference},
    http::Client,
    on_both_stores,
    proxy::Proxy,
    skipped,
    store::postgres_is_there,
};

const PATH: &str = "/api/v1/conferences/small/registrations";
const ALL: &str = "SELECT count(*) AS n FROM registrations";
/// Far more than the deadline, far less than what a request took that waited for its turn.
const SOON: Duration = Duration::from_secs(10);

/// A service that waits shorter for its store than it ships.
fn world(store: Store) -> World {
    World::new(store).set("PLENARY_STORE_DEADLINE_SECONDS", "2")
}

/// A service behind a line that can be frozen.
fn behind_a_line() -> Option<(App, Proxy)> {
    if !postgres_is_there() {
        return None;
    }
    let world = world(Store::Postgres);
    let (line, url) = Proxy::to(&world.database.url);
    let app = world.set("PLENARY_DATABASE_URL", &url).start();
    app.publish(&small_conference(None, None));
    Some((app, line))
}

fn unavailable() -> (u16, String) {
    (503, "unavailable".to_owned())
}

/// Sends 64 registrations at once and answers what became of them.
fn register_64(app: &App) -> Vec<Answer> {
    let begun = Instant::now();
    let answers = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..64).map(|number| scope.spawn(move || app.post(PATH, &person(number, "delegate")))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    answers
}

fn assert_all_unavailable(answers: &[Answer]) {
    for answer in answers {
        assert_eq!(answer.problem(), unavailable(), "{}", answer.text());
        assert_eq!(answer.header("retry-after"), Some("2"));
    }
}

/// Until the service says that it is ready again.
fn wait_until_ready(app: &App) {
    let deadline = Instant::now() + PATIENCE;
    while app.get("/readyz").status != 200 {
        assert!(Instant::now() < deadline, "the service is never ready again");
    }
}

fn assert_one_more_is_taken_in(app: &App) {
    let answer = app.post(PATH, &person(1_000, "delegate"));
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(app.count(ALL), 1, "what was refused was not done");
}

#[test]
fn sixty_four_registrations_at_once_are_refused_in_time_while_the_store_is_away() {
    let Some((app, line)) = behind_a_line() else { return };
    line.cut();
    assert_all_unavailable(&register_64(&app));
    app.log.wait_for("the store does not answer");
    line.pass();
    app.log.wait_for("the store answers again");
    assert_one_more_is_taken_in(&app);
}

#[test]
fn sixty_four_registrations_at_once_are_refused_in_time_while_the_store_is_frozen() {
    let Some((app, line)) = behind_a_line() else { return };
    line.freeze();
    assert_all_unavailable(&register_64(&app));
    app.log.wait_for("the store does not answer");
    line.pass();
    app.log.wait_for("the store answers again");
    assert_one_more_is_taken_in(&app);
}

on_both_stores! {
    fn sixty_four_registrations_at_once_are_refused_in_time_while_another_process_holds_the_store(store) {
        let app = world(store).start();
        app.publish(&small_conference(None, None));
        let held = app.world.database.hold("registration_setups");
        assert_all_unavailable(&register_64(&app));
        held.release();
        assert_one_more_is_taken_in(&app);
    }

    fn a_registration_with_a_key_is_refused_in_time_too_and_done_when_it_is_repeated(store) {
        let app = world(store).start();
        app.publish(&small_conference(None, None));
        let send = || {
            let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
            app.send("POST", PATH, &headers, Some(&person(1_000, "delegate").to_string()))
        };
        let held = app.world.database.hold("registration_setups");
        let begun = Instant::now();
        assert_eq!(send().problem(), unavailable());
        assert!(begun.elapsed() < SOON);
        held.release();
        assert_eq!((send().status, app.count(ALL)), (201, 1));
    }

    fn edits_that_wait_for_one_another_are_refused_together_while_another_process_holds_the_store(store) {
        let app = World::new(store).set("PLENARY_STORE_DEADLINE_SECONDS", "1").start();
        app.publish(&small_conference(None, None));
        let held = app.world.database.hold("conferences");
        let (begun, path) = (Instant::now(), "/api/v1/conferences/small/agenda/rooms/hall");
        std::thread::scope(|scope| {
            for number in 0..16 {
                let app = &app;
                scope.spawn(move || {
                    let answer = app.admin("PATCH", path, Some(&json!({ "capacity": number + 1 })));
                    assert_eq!(answer.problem(), unavailable());
                });
            }
        });
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        held.release();
        assert_eq!(app.admin("PATCH", path, Some(&json!({ "capacity": 7 }))).status, 200);
    }

    fn a_rush_never_keeps_a_session_that_was_just_released_from_those_who_choose_it(store) {
        let app = World::new(store).start();
        let mut blueprint = small_conference(None, None);
        app.publish(&blueprint);
        let (stop, number, begun) = (AtomicBool::new(false), AtomicUsize::new(0), Instant::now());
        let next = || person(number.fetch_add(1, Ordering::Relaxed), "delegate");
        let statuses: Vec<_> = std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) && begun.elapsed() < PATIENCE {
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
fn a_frozen_store_is_not_waited_for_and_everything_goes_on_when_it_thaws() {
    let Some((app, line)) = behind_a_line() else { return };
    line.freeze();
    let begun = Instant::now();
    let asked = ["/readyz", "/api/v1/conferences/small/registration-form", "/api/v1/conferences/small/releases"];
    for path in asked {
        assert_eq!(app.get(path).problem(), unavailable(), "{path}");
    }
    let written =
        app.admin("POST", "/api/v1/conferences/small/agenda/rooms", Some(&json!({ "code": "x", "name": "X" })));
    assert_eq!(written.problem(), unavailable());
    let metrics = app.get("/metrics");
    assert!(metrics.text().contains("\nplenary_store_answers 0\n"), "{}", metrics.text());
    assert!(!metrics.text().contains("\nplenary_store_stuck_threads 0\n"), "{}", metrics.text());
    assert!(
        metrics.text().contains("\nplenary_mail_outages_total 0\n"),
        "what this process counts: {}",
        metrics.text()
    );
    assert!(!metrics.text().contains("\nplenary_mail_messages{"), "what the store knows: {}", metrics.text());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(app.get("/healthz").status, 200);
    assert_eq!(app.get("/api/v1/conferences/small/programme").status, 200, "readers need no store");
    line.pass();
    wait_until_ready(&app);
    for path in asked {
        assert_eq!(app.get(path).status, 200, "{path}");
    }
    assert_eq!(app.admin("GET", "/api/v1/conferences/small/agenda/rooms/x", None).status, 404, "it was not done");
    // What was stuck has come back.
    let deadline = Instant::now() + PATIENCE;
    while !app.get("/metrics").text().contains("\nplenary_store_stuck_threads 0\n") {
        assert!(Instant::now() < deadline, "threads stay stuck");
    }
}

#[test]
fn a_registration_whose_commit_gets_no_answer_is_told_so_and_the_same_again_tells_the_outcome() {
    let Some((app, line)) = behind_a_line() else { return };
    line.freeze_at_commit_of("person-7@example.org");
    let answer = app.post(PATH, &person(7, "delegate"));
    assert_eq!(answer.problem(), (503, "outcome-unknown".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("2"));
    app.log.wait_for("the store does not answer");
    line.pass();
    app.log.wait_for("the store answers again");
    assert_eq!(app.post(PATH, &person(7, "delegate")).problem(), (409, "already-registered".to_owned()));
    assert_eq!(app.count(ALL), 1);
}

#[test]
fn a_registration_whose_connection_breaks_over_the_commit_is_answered_again_under_its_key() {
    let Some((app, line)) = behind_a_line() else { return };
    let headers = [("content-type", "application/json"), ("idempotency-key", "seven")];
    let send = || app.send("POST", PATH, &headers, Some(&person(7, "delegate").to_string()));
    line.freeze_at_commit_of("person-7@example.org");
    assert_eq!(send().problem(), (503, "outcome-unknown".to_owned()));
    app.log.wait_for("the store does not answer");
    line.cut();
    line.pass();
    app.log.wait_for("the store answers again");
    let again = send();
    assert_eq!((again.status, app.count(ALL)), (201, 1), "{}", again.text());
    let own = app.get(app.path_of(again.json()["links"]["self"].as_str().unwrap()));
    assert_eq!(own.json()["reference"], again.json()["reference"]);
}

#[test]
fn any_other_write_whose_commit_gets_no_answer_is_told_so_too() {
    let Some((app, line)) = behind_a_line() else { return };
    line.freeze_at_commit_of("attic");
    let create = || {
        let room = json!({ "code": "attic", "name": "Attic" });
        app.admin("POST", "/api/v1/conferences/small/agenda/rooms", Some(&room)).problem()
    };
    assert_eq!(create(), (503, "outcome-unknown".to_owned()));
    line.pass();
    app.log.wait_for("the store answers again");
    assert_eq!(create(), (409, "already-exists".to_owned()));
}

#[test]
fn a_service_whose_store_is_frozen_ends_when_it_is_told_to() {
    let Some((mut app, line)) = behind_a_line() else { return };
    line.freeze();
    assert_eq!(app.get("/api/v1/conferences/small/registration-form").problem(), unavailable());
    let begun = Instant::now();
    assert!(app.terminate().success());
    assert!(begun.elapsed() < PATIENCE);
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_service_that_starts_while_the_store_is_away_says_so_and_serves_when_it_comes() {
    if !postgres_is_there() {
        return;
    }
    let world = world(Store::Postgres);
    let (line, url) = Proxy::to(&world.database.url);
    line.cut();
    let listen = format!("127.0.0.1:{}", free_port());
    let world = Arc::new(world.set("PLENARY_DATABASE_URL", &url).set("PLENARY_LISTEN", &listen));
    let client = Client::new(&format!("http://{listen}"));
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| world.start_shared());
        let get = |path: &str| client.try_send("GET", path, &[], None);
        let deadline = Instant::now() + PATIENCE;
        while get("/healthz").is_err() || !get("/readyz").unwrap().text().contains("waits for the store") {
            assert!(Instant::now() < deadline, "it never says that it waits");
        }
        assert_eq!(get("/healthz").unwrap().status, 200);
        assert_eq!(get("/readyz").unwrap().problem(), unavailable());
        let refused = get("/api/v1/conferences").unwrap();
        assert_eq!((refused.problem(), refused.header("retry-after").is_some()), (unavailable(), true));
        line.pass();
        let app = starting.join().unwrap();
        app.log.wait_for("waiting for the store");
        assert_eq!(app.get("/readyz").status, 200);
        app.publish(&small_conference(None, None));
        assert_one_more_is_taken_in(&app);
    });
}

#[test]
fn a_service_that_waits_for_its_store_ends_when_it_is_told_to() {
    let world = World::new(Store::Sqlite).set("PLENARY_DATABASE_URL", "postgres://postgres@127.0.0.1:1/x");
    let mut service = world.command(&[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = std::io::BufRead::lines(std::io::BufReader::new(service.stderr.take().unwrap()));
    assert!(log.any(|line| line.unwrap().contains("waiting for the store")));
    assert!(Command::new("kill").args(["-TERM", &service.id().to_string()]).status().unwrap().success());
    assert!(service.wait().unwrap().success());
}

/// The one line that a command ends with.
fn last_words(world: &World, arguments: &[&str]) -> String {
    let output = world.run(arguments);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = error.lines().filter(|line| line.starts_with("plenary: ")).collect();
    assert_eq!(lines.len(), 1, "{error}");
    lines[0].to_owned()
}

#[test]
fn a_command_does_not_wait_for_a_store_that_is_away() {
    let world = World::new(Store::Sqlite).set("PLENARY_DATABASE_URL", "postgres://postgres@127.0.0.1:1/x");
    let line = last_words(&world, &["doctor"]);
    assert!(line.starts_with("plenary: the store cannot be reached"), "{line}");
}

#[test]
fn a_database_that_is_not_there_ends_the_start_with_one_clear_line() {
    if !postgres_is_there() {
        return;
    }
    let world = world(Store::Postgres);
    world.database.drop_now();
    let line = last_words(&world, &[]);
    assert!(line.starts_with("plenary: the store cannot be reached: ") && line.ends_with("does not exist"), "{line}");
}

#[test]
fn a_server_that_takes_no_writes_is_a_503_that_says_so_until_it_takes_them_again() {
    if !postgres_is_there() {
        return;
    }
    let app = World::new(Store::Postgres).start();
    app.publish(&small_conference(None, None));
    app.world.database.set_read_only(true);
    for answer in [
        app.post(PATH, &person(1, "delegate")),
        app.admin("POST", "/api/v1/conferences/small/agenda/rooms", Some(&json!({ "code": "x", "name": "X" }))),
        app.get("/readyz"),
    ] {
        assert_eq!(answer.problem(), (503, "store-read-only".to_owned()), "{}", answer.text());
    }
    assert_eq!(app.get("/api/v1/conferences/small/registration-form").status, 200, "what is read is read");
    app.world.database.set_read_only(false);
    wait_until_ready(&app);
    assert_one_more_is_taken_in(&app);
}

/// A small disk of a test's own, unmounted with it.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs"]).arg(&at).output().unwrap();
        if !mounted.status.success() {
            skipped("no file system can be mounted here: that takes root");
            return None;
        }
        Some(Self(at))
    }

    /// Leaves no room on it.
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
fn a_full_disk_under_the_store_is_a_503_that_says_so_until_there_is_room() {
    let folder = Folder::create();
    let Some(disk) = Disk::mount(folder.0.join("disk")) else { return };
    let mut world = World::new(Store::Sqlite);
    world.database.url = format!("sqlite:{}/plenary.db", disk.0.display());
    let url = world.database.url.clone();
    let app = world.set("PLENARY_DATABASE_URL", &url).start();
    app.publish(&small_conference(None, None));
    disk.fill();
    let full = (503, "storage-full".to_owned());
    // The journal has a little room of its own left, in which the first of them may find a place.
    let answers: Vec<_> = (0..200).map(|number| app.post(PATH, &person(number, "delegate"))).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 201).collect();
    assert!(!refused.is_empty());
    for answer in &refused {
        assert_eq!(answer.problem(), full, "{}", answer.text());
    }
    let room = json!({ "code": "x", "name": "X".repeat(200) });
    assert_eq!(app.admin("POST", "/api/v1/conferences/small/agenda/rooms", Some(&room)).problem(), full);
    assert_eq!(app.get("/api/v1/conferences/small/registration-form").status, 200, "what is read is read");
    disk.free();
    assert_eq!(app.post(PATH, &person(1_000, "delegate")).status, 201);
    let taken_in = answers.len() - refused.len() + 1;
    assert_eq!(app.count(ALL), i64::try_from(taken_in).unwrap(), "what was refused was not done");
}

#[test]
fn a_workbook_for_which_the_disk_has_no_room_is_a_503_that_says_so() {
    let folder = Folder::create();
    let Some(disk) = Disk::mount(folder.0.join("disk")) else { return };
    let app = World::new(Store::Sqlite).set("PLENARY_DATA_DIR", &disk.0.display().to_string()).start();
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

fn moved(answer: &Answer) {
    assert_eq!(answer.problem(), unavailable());
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("the files of the store are not where they were"), "{detail}");
}

/// A service on an embedded store, and the path of the store.
fn on_a_file() -> (App, PathBuf) {
    let app = World::new(Store::Sqlite).start();
    app.publish(&small_conference(None, None));
    let path = PathBuf::from(app.world.database.url.trim_start_matches("sqlite:"));
    (app, path)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

#[test]
fn a_store_whose_file_is_moved_away_takes_no_writes_until_it_is_back() {
    let (app, path) = on_a_file();
    std::fs::rename(&path, beside(&path, ".away")).unwrap();
    moved(&app.post(PATH, &person(1, "delegate")));
    moved(&app.get("/readyz"));
    assert!(!path.exists(), "no empty store takes its place");
    std::fs::rename(beside(&path, ".away"), &path).unwrap();
    assert_eq!(app.get("/readyz").status, 200);
    assert_one_more_is_taken_in(&app);
}

#[test]
fn a_store_whose_journal_is_removed_takes_no_writes() {
    for ending in ["-wal", "-shm"] {
        let (app, path) = on_a_file();
        std::fs::remove_file(beside(&path, ending)).unwrap();
        moved(&app.post(PATH, &person(1, "delegate")));
        moved(&app.get("/readyz"));
    }
}

#[test]
fn another_store_in_the_place_of_the_one_that_was_opened_takes_no_writes() {
    let (app, path) = on_a_file();
    std::fs::copy(&path, beside(&path, ".copy")).unwrap();
    std::fs::rename(beside(&path, ".copy"), &path).unwrap();
    moved(&app.post(PATH, &person(1, "delegate")));
    moved(&app.get("/readyz"));
}
