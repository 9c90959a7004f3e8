//! Files that are lost, copied, foreign or on a full disk.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::support::{
    App, Store,
    app::{BROWSER, World, person, small_conference},
    on_both_stores,
    store::Database,
};

const REGISTRATIONS: &str = "/api/v1/conferences/small/registrations";
const COUNT: &str = "SELECT count(*) AS n FROM registrations";

/// The file of a world's store, or one beside it.
fn file(world: &World, suffix: &str) -> PathBuf {
    world.folder.0.join(format!("plenary.db{suffix}"))
}

/// Registers people, each of whom is told that they are.
fn register(app: &App, numbers: std::ops::Range<usize>) {
    for number in numbers {
        assert_eq!(app.post(REGISTRATIONS, &person(number, "delegate")).status, 201);
    }
}

/// A service with the small conference and some people in it.
fn with_people(world: &Arc<World>, count: usize) -> App {
    let app = world.start_shared();
    app.publish(&small_conference(None, None));
    register(&app, 0..count);
    app
}

/// The one line that a command which fails ends with.
fn refused(world: &World, arguments: &[&str]) -> String {
    let output = world.run(arguments);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = error.lines().filter(|line| line.starts_with("plenary: ")).collect();
    assert_eq!(lines.len(), 1, "{error}");
    lines[0].to_owned()
}

fn count_in(path: &Path) -> i64 {
    Database::of_file(path).count(COUNT)
}

#[test]
fn a_clean_stop_leaves_all_of_the_store_in_its_file() {
    let world = Arc::new(World::new(Store::Sqlite));
    let mut app = with_people(&world, 50);
    assert!(app.terminate().success());
    for journal in ["-wal", "-shm"] {
        assert!(!file(&world, journal).exists(), "{journal} is left");
    }
    let copy = Arc::new(World::new(Store::Sqlite));
    fs::copy(file(&world, ""), file(&copy, "")).unwrap();
    assert_eq!(count_in(&file(&copy, "")), 50);
    fs::create_dir(copy.folder.0.join("data")).unwrap();
    fs::copy(world.folder.0.join("data/secret.key"), copy.folder.0.join("data/secret.key")).unwrap();
    assert_eq!(copy.start_shared().post(REGISTRATIONS, &person(7, "delegate")).status, 409, "known there, too");
}

#[test]
fn a_command_leaves_all_of_the_store_in_its_file() {
    let world = World::new(Store::Sqlite);
    assert!(world.run(&["migrate"]).status.success());
    assert!(world.run(&["token", "create", "--role", "viewer"]).status.success());
    assert!(!file(&world, "-wal").exists());
    assert_eq!(world.database.count("SELECT count(*) AS n FROM tokens"), 1);
}

#[test]
fn a_backup_put_back_beside_the_journal_of_a_later_run_stops_the_start_and_nothing_is_touched() {
    let world = Arc::new(World::new(Store::Sqlite));
    assert!(with_people(&world, 3).terminate().success());
    let backup = fs::read(file(&world, "")).unwrap();
    let mut app = world.start_shared();
    register(&app, 3..8);
    app.kill();
    let names = ["", "-wal", "-shm", "-opened"];
    let lost = names.map(|name| fs::read(file(&world, name)).unwrap());

    fs::write(file(&world, ""), &backup).unwrap();
    let journal = file(&world, "-wal").display().to_string();
    let path = file(&world, "").display().to_string();
    let line = format!(
        "{journal} is the journal of another copy of {path} and would destroy it; nothing was changed. If {path} was \
         restored from a backup, move {journal} and {path}-shm to another folder and start again; if not, put the file \
         back that was there before (docs/operations.md)"
    );
    assert_eq!(refused(&world, &[]), format!("plenary: database_url: {line}"));
    assert_eq!(refused(&world, &["doctor"]), format!("plenary: {line}"));
    let found = names.map(|name| fs::read(file(&world, name)).unwrap());
    assert!(found == [backup.clone(), lost[1].clone(), lost[2].clone(), lost[3].clone()], "a file was touched");

    // What the line says first: the journal goes away.
    for name in ["-wal", "-shm"] {
        fs::remove_file(file(&world, name)).unwrap();
    }
    let mut app = world.start_shared();
    assert_eq!(app.count(COUNT), 3);
    register(&app, 3..4);
    app.kill();
    assert_eq!(world.start_shared().count(COUNT), 4, "its own journal is read");

    // What it says second: the file comes back.
    for (name, bytes) in names.iter().zip(&lost) {
        fs::write(file(&world, name), bytes).unwrap();
    }
    assert_eq!(world.start_shared().count(COUNT), 8);
}

#[test]
fn a_journal_whose_file_is_gone_stops_the_start() {
    let world = Arc::new(World::new(Store::Sqlite));
    with_people(&world, 2).kill();
    let aside = world.folder.0.join("aside.db");
    fs::rename(file(&world, ""), &aside).unwrap();
    let path = file(&world, "").display().to_string();
    let line = format!(
        "plenary: database_url: {path} is not there or empty, but its journal {path}-wal is, and has what was written last; \
         nothing was changed. Put {path} back and leave the journal where it is (docs/operations.md)"
    );
    assert_eq!(refused(&world, &[]), line);
    fs::write(file(&world, ""), "").unwrap();
    assert_eq!(refused(&world, &[]), line);
    fs::remove_file(file(&world, "")).unwrap();
    let note = fs::read(file(&world, "-opened")).unwrap();
    fs::remove_file(file(&world, "-opened")).unwrap();
    assert_eq!(refused(&world, &[]), line);
    fs::write(file(&world, "-opened"), note).unwrap();
    fs::rename(&aside, file(&world, "")).unwrap();
    assert_eq!(world.start_shared().count(COUNT), 2);
}

#[test]
fn a_journal_that_was_removed_after_a_kill_stops_the_start() {
    let world = Arc::new(World::new(Store::Sqlite));
    assert!(with_people(&world, 2).terminate().success());
    let mut app = world.start_shared();
    register(&app, 2..5);
    app.kill();
    let journal = fs::read(file(&world, "-wal")).unwrap();
    fs::remove_file(file(&world, "-wal")).unwrap();
    let names = ["", "-opened"];
    let found = names.map(|name| fs::read(file(&world, name)).unwrap());
    let path = file(&world, "").display().to_string();
    let line = format!(
        "{path} lacks what was written to it last, and its journal {path}-wal is missing or damaged; nothing was changed. \
         Put the journal back; if it is lost, or {path} was restored from a backup, move {path}-opened to another folder and \
         start again (docs/operations.md)"
    );
    assert_eq!(refused(&world, &[]), format!("plenary: database_url: {line}"));
    assert_eq!(refused(&world, &["doctor"]), format!("plenary: {line}"));
    assert!(names.map(|name| fs::read(file(&world, name)).unwrap()) == found, "a file was touched");
    assert!(!file(&world, "-wal").exists());

    // What the line says first: the journal comes back.
    fs::write(file(&world, "-wal"), &journal).unwrap();
    let mut app = world.start_shared();
    assert_eq!(app.count(COUNT), 5);
    register(&app, 5..6);
    app.kill();

    // What it says second.
    fs::remove_file(file(&world, "-wal")).unwrap();
    assert_eq!(refused(&world, &[]), format!("plenary: database_url: {line}"));
    fs::remove_file(file(&world, "-opened")).unwrap();
    let mut app = world.start_shared();
    assert_eq!(app.count(COUNT), 5);
    register(&app, 5..7);
    app.kill();
    assert_eq!(world.start_shared().count(COUNT), 7, "from now on as ever");
}

#[test]
fn a_journal_that_is_cut_off_or_damaged_stops_the_start_and_stays_as_it_is() {
    let world = Arc::new(World::new(Store::Sqlite));
    with_people(&world, 6).kill();
    let (names, journal) = (["", "-opened"], fs::read(file(&world, "-wal")).unwrap());
    let found = names.map(|name| fs::read(file(&world, name)).unwrap());
    let middle = journal.len() / 2;
    let (mut with_another_byte, mut without_its_head) = (journal.clone(), journal.clone());
    with_another_byte[middle] ^= 1;
    without_its_head[..32].fill(0);
    for (what, damaged) in [
        ("empty", Vec::new()),
        ("half", journal[..middle].to_vec()),
        ("without its last page", journal[..journal.len() - 4120].to_vec()),
        ("with another byte", with_another_byte),
        ("without its head", without_its_head),
    ] {
        fs::write(file(&world, "-wal"), &damaged).unwrap();
        let line = refused(&world, &[]);
        assert!(line.contains("lacks what was written to it last, and its journal"), "{what}: {line}");
        assert!(fs::read(file(&world, "-wal")).unwrap() == damaged, "{what}: the journal was touched");
        assert!(names.map(|name| fs::read(file(&world, name)).unwrap()) == found, "{what}: a file was touched");
    }
    fs::write(file(&world, "-wal"), &journal).unwrap();
    assert_eq!(world.start_shared().count(COUNT), 6);
}

#[test]
fn a_service_does_not_join_one_whose_journal_was_moved_away() {
    let world = Arc::new(World::new(Store::Sqlite));
    let mut app = with_people(&world, 3);
    let (journal, aside) = (file(&world, "-wal"), world.folder.0.join("aside"));
    fs::rename(&journal, &aside).unwrap();
    assert!(refused(&world, &["token", "list"]).contains("lacks what was written to it last"));
    fs::rename(&aside, &journal).unwrap();
    register(&app, 3..4);
    assert!(app.terminate().success());
    assert_eq!(count_in(&file(&world, "")), 4);
}

#[test]
fn a_store_behind_a_link_is_the_store_that_it_leads_to() {
    let mut world = World::new(Store::Sqlite);
    let link = world.folder.0.join("link.db");
    let target = world.database.url.clone();
    assert!(world.run(&["migrate"]).status.success());
    std::os::unix::fs::symlink(file(&world, ""), &link).unwrap();
    let url = format!("sqlite:{}", link.display());
    world = world.set("PLENARY_DATABASE_URL", &url);
    world.database.url = target;
    let app = world.start();
    app.publish(&small_conference(None, None));
    register(&app, 0..2);
    assert_eq!(app.count(COUNT), 2);
}

#[test]
fn a_link_that_leads_to_nothing_does_not_destroy_the_journal_that_is_there() {
    let world = World::new(Store::Sqlite);
    let link = world.folder.0.join("link.db");
    std::os::unix::fs::symlink("plenary.db", &link).unwrap();
    let url = format!("sqlite:{}", link.display());
    let world = Arc::new(world.set("PLENARY_DATABASE_URL", &url));
    with_people(&world, 2).kill();
    let (aside, journal) = (world.folder.0.join("aside.db"), fs::read(file(&world, "-wal")).unwrap());
    fs::rename(file(&world, ""), &aside).unwrap();
    for _ in 0..2 {
        assert!(refused(&world, &[]).contains("plenary.db is not there or empty, but its journal"));
        assert!(!file(&world, "").exists());
        assert!(fs::read(file(&world, "-wal")).unwrap() == journal, "the journal was touched");
    }
    fs::rename(&aside, file(&world, "")).unwrap();
    assert_eq!(world.start_shared().count(COUNT), 2);
}

#[test]
fn a_program_that_has_the_file_open_does_not_hide_that_the_journal_is_cut_off() {
    let world = Arc::new(World::new(Store::Sqlite));
    with_people(&world, 6).kill();
    let note = fs::read(file(&world, "-opened")).unwrap();
    let mut reader = std::process::Command::new("sqlite3")
        .arg(file(&world, ""))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    reader.stdin.as_mut().unwrap().write_all(format!("{COUNT};\n").as_bytes()).unwrap();
    let mut counted = String::new();
    BufReader::new(reader.stdout.as_mut().unwrap()).read_line(&mut counted).unwrap();
    assert_eq!(counted, "6\n");
    assert!(world.run(&["doctor"]).status.success());
    assert!(fs::read(file(&world, "-opened")).unwrap()[18..] == note[18..], "the last write is as it was noted");
    reader.kill().unwrap();
    reader.wait().unwrap();
    let journal = fs::read(file(&world, "-wal")).unwrap();
    fs::write(file(&world, "-wal"), &journal[..journal.len() / 2]).unwrap();
    assert!(refused(&world, &[]).contains("lacks what was written to it last"));
    fs::write(file(&world, "-wal"), &journal).unwrap();
    assert_eq!(world.start_shared().count(COUNT), 6);
}

#[test]
fn a_service_whose_journal_was_removed_puts_all_of_it_into_the_file_when_it_is_told_to_end() {
    let world = Arc::new(World::new(Store::Sqlite));
    let mut app = with_people(&world, 3);
    fs::remove_file(file(&world, "-wal")).unwrap();
    assert_eq!(app.post(REGISTRATIONS, &person(3, "delegate")).status, 503);
    assert!(app.terminate().success());
    assert_eq!(world.start_shared().count(COUNT), 3);
}

#[test]
fn a_journal_that_another_program_put_into_the_file_after_a_kill_is_not_missed() {
    let world = Arc::new(World::new(Store::Sqlite));
    with_people(&world, 3).kill();
    let counted = std::process::Command::new("sqlite3").arg(file(&world, "")).arg(COUNT).output().unwrap();
    assert_eq!(String::from_utf8(counted.stdout).unwrap(), "3\n");
    assert!(!file(&world, "-wal").exists(), "the last to close the file removes it");
    assert_eq!(world.start_shared().count(COUNT), 3);
}

#[test]
fn a_journal_that_a_command_read_and_removed_is_not_missed() {
    let world = Arc::new(World::new(Store::Sqlite));
    with_people(&world, 2).kill();
    assert!(world.run(&["doctor"]).status.success());
    assert!(!file(&world, "-wal").exists());
    assert_eq!(world.start_shared().count(COUNT), 2);
}

#[test]
fn a_store_whose_file_is_gone_is_not_begun_anew() {
    let world = Arc::new(World::new(Store::Sqlite));
    assert!(with_people(&world, 2).terminate().success());
    let aside = world.folder.0.join("aside.db");
    fs::rename(file(&world, ""), &aside).unwrap();
    let path = file(&world, "").display().to_string();
    let line = format!(
        "plenary: database_url: {path} is not there or empty, but {path}-opened, which was made with it, says that it was \
         written to. Put {path} back; to begin with an empty store, move {path}-opened to another folder \
         (docs/operations.md)"
    );
    assert_eq!(refused(&world, &[]), line);
    assert!(!file(&world, "").exists());
    fs::write(file(&world, ""), "").unwrap();
    assert_eq!(refused(&world, &[]), line);
    fs::rename(&aside, file(&world, "")).unwrap();
    let mut app = world.start_shared();
    assert_eq!(app.count(COUNT), 2);
    assert!(app.terminate().success());
    for name in ["", "-opened"] {
        fs::remove_file(file(&world, name)).unwrap();
    }
    assert_eq!(world.start_shared().get("/api/v1/conferences/small").status, 404);
}

#[test]
fn after_a_kill_the_store_is_examined_and_nothing_that_was_answered_is_lost() {
    let world = Arc::new(World::new(Store::Sqlite));
    with_people(&world, 9).kill();
    assert!(fs::metadata(file(&world, "-wal")).unwrap().len() > 0);
    let app = world.start_shared();
    app.log.wait_for("the store was examined and is whole");
    assert_eq!(app.count(COUNT), 9);
}

#[test]
fn a_damaged_store_stops_the_start_with_its_journal_in_place() {
    let world = Arc::new(World::new(Store::Sqlite));
    assert!(with_people(&world, 40).terminate().success());
    let mut app = world.start_shared();
    register(&app, 40..41);
    app.kill();
    let mut bytes = fs::read(file(&world, "")).unwrap();
    // All pages but the first, with the header; some of them are in the journal, too.
    bytes[4096..].fill(0x5a);
    fs::write(file(&world, ""), &bytes).unwrap();
    let journal = fs::read(file(&world, "-wal")).unwrap();
    let line = refused(&world, &[]);
    assert!(line.contains("plenary.db is damaged ("), "{line}");
    assert!(line.ends_with("; nothing was changed: restore it from a backup (docs/operations.md)"), "{line}");
    assert!(fs::read(file(&world, "")).unwrap() == bytes, "the file was touched");
    assert!(fs::read(file(&world, "-wal")).unwrap() == journal, "the journal was touched");
}

#[test]
fn a_store_that_is_cut_off_stops_the_start() {
    let world = Arc::new(World::new(Store::Sqlite));
    assert!(with_people(&world, 40).terminate().success());
    let bytes = fs::read(file(&world, "")).unwrap();
    fs::write(file(&world, ""), &bytes[..100_000]).unwrap();
    let path = file(&world, "").display().to_string();
    let line = format!(
        "plenary: database_url: {path} is damaged (its end is missing); nothing was changed: restore it from a backup \
         (docs/operations.md)"
    );
    assert_eq!(refused(&world, &[]), line);
}

#[test]
fn a_key_is_not_adopted_beside_a_service_that_goes_on_with_another() {
    let world = Arc::new(World::new(Store::Sqlite));
    let mut app = with_people(&world, 1);
    fs::rename(key(&world), world.folder.0.join("aside.key")).unwrap();
    let line = "plenary: another process has this store open, and goes on with the key that it was started with: stop every \
                process of this store first";
    assert_eq!(refused(&world, &["secret", "adopt"]), line);
    assert!(!key(&world).exists());
    assert!(app.terminate().success());
    assert!(world.run(&["secret", "adopt"]).status.success());
}

#[test]
fn a_backup_of_a_running_service_is_whole_and_is_never_mixed_with_a_journal() {
    let world = Arc::new(World::new(Store::Sqlite));
    let mut app = with_people(&world, 5);
    let backup = world.folder.0.join("backup.db");
    world.database.execute(&format!("VACUUM INTO '{}'", backup.display()));
    // As docs/operations.md says: the copy is no file that a service has open.
    Database::of_file(&backup).execute("PRAGMA user_version = 0");
    assert_eq!(count_in(&backup), 5);
    register(&app, 5..7);
    app.kill();
    fs::copy(&backup, file(&world, "")).unwrap();
    assert!(refused(&world, &[]).contains("is the journal of another copy"));
    for name in ["-wal", "-shm"] {
        fs::remove_file(file(&world, name)).unwrap();
    }
    assert_eq!(world.start_shared().count(COUNT), 5);
}

#[test]
fn processes_that_share_a_file_stop_and_die_without_loss() {
    let world = Arc::new(World::new(Store::Sqlite));
    let mut first = with_people(&world, 2);
    let mut second = world.start_shared();
    register(&second, 2..4);
    assert!(first.terminate().success(), "the other has it open still");
    register(&second, 4..6);
    assert!(world.run(&["doctor"]).status.success(), "a command beside it");
    let mut third = world.start_shared();
    second.kill();
    register(&third, 6..8);
    assert!(third.terminate().success());
    assert!(!file(&world, "-wal").exists());
    assert_eq!(count_in(&file(&world, "")), 8);
}

const MISSING: &str = "secret.key is missing: the links, codes and badges of this store were made with it. Put it back from \
                       the backup (docs/operations.md); if it is lost, `plenary secret adopt` makes another, and all of \
                       them are void";
const FOREIGN: &str = "secret.key is not the key of this store: the links, codes and badges of this store were made with \
                       another. Put that one back from the backup, or copy it from the other process of this store \
                       (docs/operations.md); if it is lost, `plenary secret adopt` takes this one, and all of them are void";

fn key(world: &World) -> PathBuf {
    world.folder.0.join("data/secret.key")
}

/// The path of somebody's own link.
fn link(app: &App, number: usize) -> String {
    let made = app.post(REGISTRATIONS, &person(number, "delegate")).json();
    app.path_of(made["links"]["self"].as_str().unwrap()).to_owned()
}

/// What stands in the audit trail of the server about keys.
fn adoptions(app: &App) -> Vec<serde_json::Value> {
    let found = app.admin("GET", "/api/v1/audit?resource=secret", None).json();
    found["data"].as_array().unwrap().clone()
}

on_both_stores! {
    fn a_key_that_is_lost_or_foreign_stops_the_start_until_somebody_adopts_one(store) {
        let world = Arc::new(World::new(store));
        let mut app = with_people(&world, 1);
        let own = link(&app, 1);
        assert_eq!(app.get(&own).status, 200);
        assert!(app.terminate().success());
        let kept = fs::read(key(&world)).unwrap();

        fs::remove_file(key(&world)).unwrap();
        let path = key(&world).with_file_name("").display().to_string();
        assert_eq!(refused(&world, &[]), format!("plenary: {path}{MISSING}"));
        assert_eq!(refused(&world, &["release"]), format!("plenary: {path}{MISSING}"));
        assert!(!key(&world).exists(), "no other key is made in silence");

        fs::write(key(&world), [9; 32]).unwrap();
        assert_eq!(refused(&world, &[]), format!("plenary: {path}{FOREIGN}"));
        for command in [["release"], ["sweep"]] {
            assert_eq!(refused(&world, &command), format!("plenary: {path}{FOREIGN}"));
        }

        fs::write(key(&world), &kept).unwrap();
        let mut app = world.start_shared();
        assert_eq!(app.get(&own).status, 200, "the right key works as ever");
        assert_eq!(adoptions(&app), Vec::<serde_json::Value>::new());
        assert!(app.terminate().success());

        fs::write(key(&world), [9; 32]).unwrap();
        let adopted = world.run(&["secret", "adopt"]);
        assert!(adopted.status.success());
        let words = String::from_utf8(adopted.stdout).unwrap();
        let lines: Vec<_> = words.lines().collect();
        assert_eq!(lines[0], format!("{path}secret.key is the key of this store now."));
        assert_eq!(lines[2], "  the links in letters, and the badges and QR codes, of 2 registrations");
        let app = world.start_shared();
        assert_eq!(app.get(&own).status, 401, "as the command said");
        assert_eq!(app.get(&link(&app, 2)).status, 200);
        let [adoption] = adoptions(&app).try_into().unwrap();
        assert_eq!(adoption["actor"], "command line");
        assert_eq!(adoption["action"], "adopt");
        let again = String::from_utf8(world.run(&["secret", "adopt"]).stdout).unwrap();
        assert_eq!(again, format!("{path}secret.key is the key of this store already; nothing changed.\n"));
        assert_eq!(adoptions(&app).len(), 1);
    }

    fn a_lost_key_is_made_anew_by_adopting_one(store) {
        let world = Arc::new(World::new(store));
        assert!(with_people(&world, 1).terminate().success());
        fs::remove_file(key(&world)).unwrap();
        let words = String::from_utf8(world.run(&["secret", "adopt"]).stdout).unwrap();
        assert!(words.contains("secret.key, which is new, is the key of this store now.\n"), "{words}");
        let app = world.start_shared();
        assert_eq!(app.get(&link(&app, 1)).status, 200);
    }

    fn a_store_of_before_takes_the_key_it_is_used_with_and_misses_one_that_is_lost(store) {
        let world = Arc::new(World::new(store));
        assert!(with_people(&world, 1).terminate().success());
        let kept = fs::read(key(&world)).unwrap();
        world.database.execute("DELETE FROM store_identity");
        fs::remove_file(key(&world)).unwrap();
        assert!(refused(&world, &[]).contains("secret.key is missing"));
        fs::write(key(&world), &kept).unwrap();
        assert!(world.start_shared().terminate().success());
        fs::write(key(&world), [9; 32]).unwrap();
        assert!(refused(&world, &[]).contains("secret.key is not the key of this store"), "it was noted at the start before");
    }

    fn of_two_processes_with_keys_of_their_own_one_starts(store) {
        let world = Arc::new(World::new(store));
        let app = world.start_shared();
        let elsewhere = world.folder.0.join("elsewhere");
        let second = world.command(&[]).env("PLENARY_DATA_DIR", &elsewhere).output().unwrap();
        assert_eq!(second.status.code(), Some(1));
        let error = String::from_utf8(second.stderr).unwrap();
        assert!(error.contains("elsewhere/secret.key is missing"), "{error}");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("secret.key"), [9; 32]).unwrap();
        let second = world.command(&[]).env("PLENARY_DATA_DIR", &elsewhere).output().unwrap();
        let error = String::from_utf8(second.stderr).unwrap();
        assert!(error.contains("elsewhere/secret.key is not the key of this store"), "{error}");
        app.publish(&small_conference(None, None));
        assert_eq!(app.get(&link(&app, 0)).status, 200);
    }

    fn a_first_start_and_every_later_one_warn_of_nothing(store) {
        let world = Arc::new(World::with_example(store).set("PLENARY_LOG", "info"));
        for start in ["first", "second"] {
            let mut app = world.start_shared();
            assert_eq!(app.get_with("/conferences/genocide-prevention-2014/fr/programme", &BROWSER).status, 200);
            assert!(app.terminate().success());
            let log = app.log.all();
            let of_level = |level: &str| log.iter().filter(|line| line.contains(&format!("\"level\":\"{level}\""))).count();
            assert!(of_level("INFO") > 0, "{log:?}");
            assert_eq!((of_level("WARN"), of_level("ERROR")), (0, 0), "at the {start} start: {log:#?}");
        }
    }
}

#[test]
fn an_operator_hears_at_the_start_of_a_text_with_a_place_that_no_page_fills() {
    let world = World::new(Store::Sqlite);
    let folder = world.folder.0.join("site/texts/fr");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("own.ftl"), "filter-speaker = Avec { $nobody }\nfilter-any-day = Tous\n").unwrap();
    let site = world.folder.0.join("site").display().to_string();
    let mut app = world.set("PLENARY_SITE_DIR", &site).start();
    assert!(app.terminate().success());
    let warnings: Vec<_> = app.log.all().into_iter().filter(|line| line.contains("\"level\":\"WARN\"")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for part in ["own.ftl", "filter-speaker", "Unknown variable: $nobody", "a place that no page fills"] {
        assert!(warnings[0].contains(part), "{part}: {}", warnings[0]);
    }
}
