//! Files of the store and the key that are lost, copied, foreign or damaged.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, mpsc::channel},
};

use crate::support::{
    App, Store,
    app::{BROWSER, Environment, TIMEOUT, person, small_conference},
    on_both_stores,
    store::Database,
};

const REGISTRATIONS: &str = "/api/v1/conferences/small/registrations";
const COUNT: &str = "SELECT count(*) AS n FROM registrations";

/// The file of the store, or a file beside it.
fn file(environment: &Environment, suffix: &str) -> PathBuf {
    environment.folder.0.join(format!("plenary.db{suffix}"))
}

/// Registers people; each registration is answered.
fn register(app: &App, numbers: std::ops::Range<usize>) {
    for number in numbers {
        assert_eq!(app.post(REGISTRATIONS, &person(number, "delegate")).status, 201);
    }
}

/// A service with the small conference and some people in it.
fn start_with_people(environment: &Arc<Environment>, count: usize) -> App {
    let app = environment.start_shared();
    app.publish(&small_conference(None, None));
    register(&app, 0..count);
    app
}

/// The last line of a command that fails.
fn start_error(environment: &Environment, arguments: &[&str]) -> String {
    let child = environment.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (id, (sender, receiver)) = (child.id().to_string(), channel());
    std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    let output = receiver.recv_timeout(TIMEOUT).unwrap_or_else(|_| {
        Command::new("kill").args(["-9", &id]).status().unwrap();
        panic!("it started, and should not have");
    });
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = error.lines().filter(|line| line.starts_with("plenary: ")).collect();
    assert_eq!(lines.len(), 1, "{error}");
    lines[0].to_owned()
}

fn count_in(path: &Path) -> i64 {
    Database::at_path(path).count(COUNT)
}

#[test]
fn a_clean_stop_leaves_the_whole_store_in_its_file() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    let mut app = start_with_people(&environment, 50);
    assert!(app.terminate().success());
    for journal in ["-wal", "-shm"] {
        assert!(!file(&environment, journal).exists(), "{journal} is left");
    }
    let copy = Arc::new(Environment::new(Store::Sqlite));
    fs::copy(file(&environment, ""), file(&copy, "")).unwrap();
    assert_eq!(count_in(&file(&copy, "")), 50);
    fs::create_dir(copy.folder.0.join("data")).unwrap();
    fs::copy(environment.folder.0.join("data/secret.key"), copy.folder.0.join("data/secret.key")).unwrap();
    assert_eq!(copy.start_shared().post(REGISTRATIONS, &person(7, "delegate")).status, 409, "known there, too");
}

#[test]
fn a_command_leaves_the_whole_store_in_its_file() {
    let environment = Environment::new(Store::Sqlite);
    assert!(environment.run(&["migrate"]).status.success());
    assert!(environment.run(&["token", "create", "--role", "viewer"]).status.success());
    assert!(!file(&environment, "-wal").exists());
    assert_eq!(environment.database.count("SELECT count(*) AS n FROM tokens"), 1);
}

#[test]
fn a_backup_restored_beside_a_later_journal_stops_the_start_and_changes_nothing() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    assert!(start_with_people(&environment, 3).terminate().success());
    let backup = fs::read(file(&environment, "")).unwrap();
    let mut app = environment.start_shared();
    register(&app, 3..8);
    app.kill();
    let names = ["", "-wal", "-shm", "-opened"];
    let contents = names.map(|name| fs::read(file(&environment, name)).unwrap());

    fs::write(file(&environment, ""), &backup).unwrap();
    let journal = file(&environment, "-wal").display().to_string();
    let path = file(&environment, "").display().to_string();
    let line = format!(
        "{journal} is the journal of another copy of {path} and would destroy it; nothing was changed. If {path} was \
         restored from a backup, move {journal} and {path}-shm to another folder and start again; if not, put the file \
         back that was there before (docs/operations.md)"
    );
    assert_eq!(start_error(&environment, &[]), format!("plenary: database_url: {line}"));
    assert_eq!(start_error(&environment, &["doctor"]), format!("plenary: {line}"));
    let found = names.map(|name| fs::read(file(&environment, name)).unwrap());
    assert!(
        found == [backup.clone(), contents[1].clone(), contents[2].clone(), contents[3].clone()],
        "a file was touched"
    );

    // The first remedy of the message: move the journal away.
    for name in ["-wal", "-shm"] {
        fs::remove_file(file(&environment, name)).unwrap();
    }
    let mut app = environment.start_shared();
    assert_eq!(app.count(COUNT), 3);
    register(&app, 3..4);
    app.kill();
    assert_eq!(environment.start_shared().count(COUNT), 4, "its own journal is read");

    // The second remedy: put the file back.
    for (name, bytes) in names.iter().zip(&contents) {
        fs::write(file(&environment, name), bytes).unwrap();
    }
    assert_eq!(environment.start_shared().count(COUNT), 8);
}

#[test]
fn a_journal_without_its_file_stops_the_start() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    start_with_people(&environment, 2).kill();
    let moved = environment.folder.0.join("aside.db");
    fs::rename(file(&environment, ""), &moved).unwrap();
    let path = file(&environment, "").display().to_string();
    let line = format!(
        "plenary: database_url: {path} is not there or empty, but its journal {path}-wal is, and has what was written last; \
         nothing was changed. Put {path} back and leave the journal where it is (docs/operations.md)"
    );
    assert_eq!(start_error(&environment, &[]), line);
    fs::write(file(&environment, ""), "").unwrap();
    assert_eq!(start_error(&environment, &[]), line);
    fs::remove_file(file(&environment, "")).unwrap();
    let note = fs::read(file(&environment, "-opened")).unwrap();
    fs::remove_file(file(&environment, "-opened")).unwrap();
    assert_eq!(start_error(&environment, &[]), line);
    fs::write(file(&environment, "-opened"), note).unwrap();
    fs::rename(&moved, file(&environment, "")).unwrap();
    assert_eq!(environment.start_shared().count(COUNT), 2);
}

#[test]
fn a_journal_that_was_removed_after_a_kill_stops_the_start() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    assert!(start_with_people(&environment, 2).terminate().success());
    let mut app = environment.start_shared();
    register(&app, 2..5);
    app.kill();
    let journal = fs::read(file(&environment, "-wal")).unwrap();
    fs::remove_file(file(&environment, "-wal")).unwrap();
    let names = ["", "-opened"];
    let found = names.map(|name| fs::read(file(&environment, name)).unwrap());
    let path = file(&environment, "").display().to_string();
    let line = format!(
        "{path} lacks what was written to it last, and its journal {path}-wal is missing or damaged; nothing was changed. \
         Put the journal back; if it is lost, or {path} was restored from a backup, move {path}-opened to another folder and \
         start again (docs/operations.md)"
    );
    assert_eq!(start_error(&environment, &[]), format!("plenary: database_url: {line}"));
    assert_eq!(start_error(&environment, &["doctor"]), format!("plenary: {line}"));
    assert!(names.map(|name| fs::read(file(&environment, name)).unwrap()) == found, "a file was touched");
    assert!(!file(&environment, "-wal").exists());

    // The first remedy of the message: put the journal back.
    fs::write(file(&environment, "-wal"), &journal).unwrap();
    let mut app = environment.start_shared();
    assert_eq!(app.count(COUNT), 5);
    register(&app, 5..6);
    app.kill();

    // The second remedy.
    fs::remove_file(file(&environment, "-wal")).unwrap();
    assert_eq!(start_error(&environment, &[]), format!("plenary: database_url: {line}"));
    fs::remove_file(file(&environment, "-opened")).unwrap();
    let mut app = environment.start_shared();
    assert_eq!(app.count(COUNT), 5);
    register(&app, 5..7);
    app.kill();
    assert_eq!(environment.start_shared().count(COUNT), 7, "from now on as ever");
}

/// A journal without the frames that an earlier round left at its end: each frame repeats the salt of the header
/// (<https://www.sqlite.org/fileformat2.html>, 4.1).
fn without_old_frames(journal: Vec<u8>) -> Vec<u8> {
    let (header, frames) = journal.split_at(32);
    let valid = frames.chunks_exact(4120).take_while(|frame| frame[8..16] == header[16..24]);
    [header.to_vec(), valid.flatten().copied().collect()].concat()
}

#[test]
fn a_journal_that_is_cut_off_or_damaged_stops_the_start_and_stays_as_it_is() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    let mut app = start_with_people(&environment, 6);
    // The mail worker writes, too: the last write has to be one that was answered.
    super::mail_server::wait_for_none(&environment, "SELECT count(*) AS n FROM outbox_messages WHERE state <> 'sent'");
    let room = serde_json::json!({ "code": "library", "name": "Library" });
    assert_eq!(app.admin("POST", "/api/v1/conferences/small/agenda/rooms", Some(&room)).status, 201);
    app.kill();
    let (names, journal) = (["", "-opened"], without_old_frames(fs::read(file(&environment, "-wal")).unwrap()));
    let found = names.map(|name| fs::read(file(&environment, name)).unwrap());
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
        fs::write(file(&environment, "-wal"), &damaged).unwrap();
        let line = start_error(&environment, &[]);
        assert!(line.contains("lacks what was written to it last, and its journal"), "{what}: {line}");
        assert!(fs::read(file(&environment, "-wal")).unwrap() == damaged, "{what}: the journal was touched");
        assert!(names.map(|name| fs::read(file(&environment, name)).unwrap()) == found, "{what}: a file was touched");
    }
    fs::write(file(&environment, "-wal"), &journal).unwrap();
    assert_eq!(environment.start_shared().count(COUNT), 6);
}

#[test]
fn a_service_does_not_join_one_whose_journal_was_moved_away() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    let mut app = start_with_people(&environment, 3);
    let (journal, moved) = (file(&environment, "-wal"), environment.folder.0.join("aside"));
    fs::rename(&journal, &moved).unwrap();
    assert!(start_error(&environment, &["token", "list"]).contains("lacks what was written to it last"));
    fs::rename(&moved, &journal).unwrap();
    register(&app, 3..4);
    assert!(app.terminate().success());
    assert_eq!(count_in(&file(&environment, "")), 4);
}

#[test]
fn a_symbolic_link_to_a_store_opens_its_target() {
    let mut environment = Environment::new(Store::Sqlite);
    let link = environment.folder.0.join("link.db");
    let target = environment.database.url.clone();
    assert!(environment.run(&["migrate"]).status.success());
    std::os::unix::fs::symlink(file(&environment, ""), &link).unwrap();
    let url = format!("sqlite:{}", link.display());
    environment = environment.set("PLENARY_DATABASE_URL", &url);
    environment.database.url = target;
    let app = environment.start();
    app.publish(&small_conference(None, None));
    register(&app, 0..2);
    assert_eq!(app.count(COUNT), 2);
}

#[test]
fn a_dangling_link_does_not_destroy_the_existing_journal() {
    let environment = Environment::new(Store::Sqlite);
    let link = environment.folder.0.join("link.db");
    std::os::unix::fs::symlink("plenary.db", &link).unwrap();
    let url = format!("sqlite:{}", link.display());
    let environment = Arc::new(environment.set("PLENARY_DATABASE_URL", &url));
    start_with_people(&environment, 2).kill();
    let (moved, journal) = (environment.folder.0.join("aside.db"), fs::read(file(&environment, "-wal")).unwrap());
    fs::rename(file(&environment, ""), &moved).unwrap();
    for _ in 0..2 {
        assert!(start_error(&environment, &[]).contains("plenary.db is not there or empty, but its journal"));
        assert!(!file(&environment, "").exists());
        assert!(fs::read(file(&environment, "-wal")).unwrap() == journal, "the journal was touched");
    }
    fs::rename(&moved, file(&environment, "")).unwrap();
    assert_eq!(environment.start_shared().count(COUNT), 2);
}

#[test]
fn a_truncated_journal_is_found_while_another_program_has_the_file_open() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    start_with_people(&environment, 6).kill();
    let mut reader = std::process::Command::new("sqlite3")
        .arg(file(&environment, ""))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    reader.stdin.as_mut().unwrap().write_all(format!("{COUNT};\n").as_bytes()).unwrap();
    let mut counted = String::new();
    BufReader::new(reader.stdout.as_mut().unwrap()).read_line(&mut counted).unwrap();
    assert_eq!(counted, "6\n");
    // The service may have been killed between the commit of its last work and the note of it.
    assert!(environment.run(&["doctor"]).status.success());
    let note = fs::read(file(&environment, "-opened")).unwrap();
    assert!(environment.run(&["doctor"]).status.success());
    assert!(fs::read(file(&environment, "-opened")).unwrap()[18..] == note[18..], "the last write is as it was noted");
    reader.kill().unwrap();
    reader.wait().unwrap();
    let journal = fs::read(file(&environment, "-wal")).unwrap();
    fs::write(file(&environment, "-wal"), &journal[..journal.len() / 2]).unwrap();
    assert!(start_error(&environment, &[]).contains("lacks what was written to it last"));
    fs::write(file(&environment, "-wal"), &journal).unwrap();
    assert_eq!(environment.start_shared().count(COUNT), 6);
}

#[test]
fn a_service_whose_journal_was_removed_writes_it_into_the_file_at_its_stop() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    let mut app = start_with_people(&environment, 3);
    fs::remove_file(file(&environment, "-wal")).unwrap();
    assert_eq!(app.post(REGISTRATIONS, &person(3, "delegate")).status, 503);
    assert!(app.terminate().success());
    assert_eq!(environment.start_shared().count(COUNT), 3);
}

#[test]
fn a_journal_that_another_program_checkpointed_after_a_kill_is_not_missed() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    start_with_people(&environment, 3).kill();
    let counted = std::process::Command::new("sqlite3").arg(file(&environment, "")).arg(COUNT).output().unwrap();
    assert_eq!(String::from_utf8(counted.stdout).unwrap(), "3\n");
    assert!(!file(&environment, "-wal").exists(), "the last to close the file removes it");
    assert_eq!(environment.start_shared().count(COUNT), 3);
}

#[test]
fn a_journal_that_a_command_read_and_removed_is_not_missed() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    start_with_people(&environment, 2).kill();
    assert!(environment.run(&["doctor"]).status.success());
    assert!(!file(&environment, "-wal").exists());
    assert_eq!(environment.start_shared().count(COUNT), 2);
}

#[test]
fn a_store_whose_file_is_missing_is_not_created_again() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    assert!(start_with_people(&environment, 2).terminate().success());
    let moved = environment.folder.0.join("aside.db");
    fs::rename(file(&environment, ""), &moved).unwrap();
    let path = file(&environment, "").display().to_string();
    let line = format!(
        "plenary: database_url: {path} is not there or empty, but {path}-opened, which was made with it, says that it was \
         written to. Put {path} back; to begin with an empty store, move {path}-opened to another folder \
         (docs/operations.md)"
    );
    assert_eq!(start_error(&environment, &[]), line);
    assert!(!file(&environment, "").exists());
    fs::write(file(&environment, ""), "").unwrap();
    assert_eq!(start_error(&environment, &[]), line);
    fs::rename(&moved, file(&environment, "")).unwrap();
    let mut app = environment.start_shared();
    assert_eq!(app.count(COUNT), 2);
    assert!(app.terminate().success());
    for name in ["", "-opened"] {
        fs::remove_file(file(&environment, name)).unwrap();
    }
    assert_eq!(environment.start_shared().get("/api/v1/conferences/small").status, 404);
}

#[test]
fn after_a_kill_the_store_is_checked_and_no_answered_write_is_lost() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    start_with_people(&environment, 9).kill();
    assert!(fs::metadata(file(&environment, "-wal")).unwrap().len() > 0);
    let app = environment.start_shared();
    app.log.wait_for("the store was examined and is whole");
    assert_eq!(app.count(COUNT), 9);
}

#[test]
fn a_damaged_store_stops_the_start_with_its_journal_in_place() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    assert!(start_with_people(&environment, 40).terminate().success());
    let mut app = environment.start_shared();
    register(&app, 40..41);
    app.kill();
    let mut bytes = fs::read(file(&environment, "")).unwrap();
    // All pages but the first, with the header; some of them are in the journal, too.
    bytes[4096..].fill(0x5a);
    fs::write(file(&environment, ""), &bytes).unwrap();
    let journal = fs::read(file(&environment, "-wal")).unwrap();
    let line = start_error(&environment, &[]);
    assert!(line.contains("plenary.db is damaged ("), "{line}");
    assert!(line.ends_with("; nothing was changed: restore it from a backup (docs/operations.md)"), "{line}");
    assert!(fs::read(file(&environment, "")).unwrap() == bytes, "the file was touched");
    assert!(fs::read(file(&environment, "-wal")).unwrap() == journal, "the journal was touched");
}

#[test]
fn a_truncated_store_stops_the_start() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    assert!(start_with_people(&environment, 40).terminate().success());
    let bytes = fs::read(file(&environment, "")).unwrap();
    fs::write(file(&environment, ""), &bytes[..100_000]).unwrap();
    let path = file(&environment, "").display().to_string();
    let line = format!(
        "plenary: database_url: {path} is damaged (its end is missing); nothing was changed: restore it from a backup \
         (docs/operations.md)"
    );
    assert_eq!(start_error(&environment, &[]), line);
}

#[test]
fn a_key_is_not_adopted_while_a_service_runs_with_another() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    let mut app = start_with_people(&environment, 1);
    fs::rename(key(&environment), environment.folder.0.join("aside.key")).unwrap();
    let line = "plenary: another process has this store open, and goes on with the key that it was started with: stop every \
                process of this store first";
    assert_eq!(start_error(&environment, &["secret", "adopt"]), line);
    assert!(!key(&environment).exists());
    assert!(app.terminate().success());
    assert!(environment.run(&["secret", "adopt"]).status.success());
}

#[test]
fn a_backup_of_a_running_service_is_whole_and_is_never_mixed_with_a_journal() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    let mut app = start_with_people(&environment, 5);
    let backup = environment.folder.0.join("backup.db");
    environment.database.execute(&format!("VACUUM INTO '{}'", backup.display()));
    // As docs/operations.md says: no service has the copy open.
    Database::at_path(&backup).execute("PRAGMA user_version = 0");
    assert_eq!(count_in(&backup), 5);
    register(&app, 5..7);
    app.kill();
    fs::copy(&backup, file(&environment, "")).unwrap();
    assert!(start_error(&environment, &[]).contains("is the journal of another copy"));
    for name in ["-wal", "-shm"] {
        fs::remove_file(file(&environment, name)).unwrap();
    }
    assert_eq!(environment.start_shared().count(COUNT), 5);
}

#[test]
fn processes_that_share_a_file_stop_and_die_without_loss() {
    let environment = Arc::new(Environment::new(Store::Sqlite));
    let mut first = start_with_people(&environment, 2);
    let mut second = environment.start_shared();
    register(&second, 2..4);
    assert!(first.terminate().success(), "the other has it open still");
    register(&second, 4..6);
    assert!(environment.run(&["doctor"]).status.success(), "a command beside it");
    let mut third = environment.start_shared();
    second.kill();
    register(&third, 6..8);
    assert!(third.terminate().success());
    assert!(!file(&environment, "-wal").exists());
    assert_eq!(count_in(&file(&environment, "")), 8);
}

const MISSING: &str = "secret.key is missing: the links, codes and badges of this store were made with it. Put it back from \
                       the backup (docs/operations.md); if it is lost, `plenary secret adopt` makes another, and all of \
                       them are void";
const FOREIGN: &str = "secret.key is not the key of this store: the links, codes and badges of this store were made with \
                       another. Put that one back from the backup, or copy it from the other process of this store \
                       (docs/operations.md); if it is lost, `plenary secret adopt` takes this one, and all of them are void";

fn key(environment: &Environment) -> PathBuf {
    environment.folder.0.join("data/secret.key")
}

/// The path of an attendee's link.
fn link(app: &App, number: usize) -> String {
    let created = app.post(REGISTRATIONS, &person(number, "delegate")).json();
    app.path_of(created["links"]["self"].as_str().unwrap()).to_owned()
}

/// The entries about keys in the audit trail of the server.
fn adoptions(app: &App) -> Vec<serde_json::Value> {
    let found = app.admin("GET", "/api/v1/audit?resource=secret", None).json();
    found["data"].as_array().unwrap().clone()
}

on_both_stores! {
    fn a_key_that_is_lost_or_foreign_stops_the_start_until_somebody_adopts_one(store) {
        let environment = Arc::new(Environment::new(store));
        let mut app = start_with_people(&environment, 1);
        let link_path = link(&app, 1);
        assert_eq!(app.get(&link_path).status, 200);
        assert!(app.terminate().success());
        let key_bytes = fs::read(key(&environment)).unwrap();

        fs::remove_file(key(&environment)).unwrap();
        let path = key(&environment).with_file_name("").display().to_string();
        assert_eq!(start_error(&environment, &[]), format!("plenary: {path}{MISSING}"));
        assert_eq!(start_error(&environment, &["release"]), format!("plenary: {path}{MISSING}"));
        assert!(!key(&environment).exists(), "no other key is made in silence");

        fs::write(key(&environment), [9; 32]).unwrap();
        assert_eq!(start_error(&environment, &[]), format!("plenary: {path}{FOREIGN}"));
        for command in [["release"], ["sweep"]] {
            assert_eq!(start_error(&environment, &command), format!("plenary: {path}{FOREIGN}"));
        }

        fs::write(key(&environment), &key_bytes).unwrap();
        let mut app = environment.start_shared();
        assert_eq!(app.get(&link_path).status, 200, "the right key works as ever");
        assert_eq!(adoptions(&app), Vec::<serde_json::Value>::new());
        assert!(app.terminate().success());

        fs::write(key(&environment), [9; 32]).unwrap();
        let adopted = environment.run(&["secret", "adopt"]);
        assert!(adopted.status.success());
        let words = String::from_utf8(adopted.stdout).unwrap();
        let lines: Vec<_> = words.lines().collect();
        assert_eq!(lines[0], format!("{path}secret.key is the key of this store now."));
        assert_eq!(lines[2], "  the links in letters, and the badges and QR codes, of 2 registrations");
        let app = environment.start_shared();
        assert_eq!(app.get(&link_path).status, 401, "as the command said");
        assert_eq!(app.get(&link(&app, 2)).status, 200);
        let [adoption] = adoptions(&app).try_into().unwrap();
        assert_eq!(adoption["actor"], "command line");
        assert_eq!(adoption["action"], "adopt");
        let repeated = String::from_utf8(environment.run(&["secret", "adopt"]).stdout).unwrap();
        assert_eq!(repeated, format!("{path}secret.key is the key of this store already; nothing changed.\n"));
        assert_eq!(adoptions(&app).len(), 1);
    }

    fn adopting_creates_a_new_key_if_it_is_lost(store) {
        let environment = Arc::new(Environment::new(store));
        assert!(start_with_people(&environment, 1).terminate().success());
        fs::remove_file(key(&environment)).unwrap();
        let words = String::from_utf8(environment.run(&["secret", "adopt"]).stdout).unwrap();
        assert!(words.contains("secret.key, which is new, is the key of this store now.\n"), "{words}");
        let app = environment.start_shared();
        assert_eq!(app.get(&link(&app, 1)).status, 200);
    }

    fn a_store_without_a_fingerprint_takes_the_present_key_and_detects_its_loss(store) {
        let environment = Arc::new(Environment::new(store));
        assert!(start_with_people(&environment, 1).terminate().success());
        let key_bytes = fs::read(key(&environment)).unwrap();
        environment.database.execute("DELETE FROM store_identity");
        fs::remove_file(key(&environment)).unwrap();
        assert!(start_error(&environment, &[]).contains("secret.key is missing"));
        fs::write(key(&environment), &key_bytes).unwrap();
        assert!(environment.start_shared().terminate().success());
        fs::write(key(&environment), [9; 32]).unwrap();
        assert!(start_error(&environment, &[]).contains("secret.key is not the key of this store"), "it was noted at the start before");
    }

    fn of_two_processes_with_different_keys_only_one_starts(store) {
        let environment = Arc::new(Environment::new(store));
        let app = environment.start_shared();
        let elsewhere = environment.folder.0.join("elsewhere");
        let second = environment.command(&[]).env("PLENARY_DATA_DIR", &elsewhere).output().unwrap();
        assert_eq!(second.status.code(), Some(1));
        let error = String::from_utf8(second.stderr).unwrap();
        assert!(error.contains("elsewhere/secret.key is missing"), "{error}");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("secret.key"), [9; 32]).unwrap();
        let second = environment.command(&[]).env("PLENARY_DATA_DIR", &elsewhere).output().unwrap();
        let error = String::from_utf8(second.stderr).unwrap();
        assert!(error.contains("elsewhere/secret.key is not the key of this store"), "{error}");
        app.publish(&small_conference(None, None));
        assert_eq!(app.get(&link(&app, 0)).status, 200);
    }

    fn no_start_logs_a_warning(store) {
        let environment = Arc::new(Environment::with_example(store).set("PLENARY_LOG", "info"));
        for start in ["first", "second"] {
            let mut app = environment.start_shared();
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
fn a_text_with_an_unknown_placeholder_is_reported_at_the_start() {
    let environment = Environment::new(Store::Sqlite);
    let folder = environment.folder.0.join("site/texts/fr");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("own.ftl"), "filter-speaker = Avec { $nobody }\nfilter-any-day = Tous\n").unwrap();
    let site = environment.folder.0.join("site").display().to_string();
    let mut app = environment.set("PLENARY_SITE_DIR", &site).start();
    assert!(app.terminate().success());
    let warnings: Vec<_> = app.log.all().into_iter().filter(|line| line.contains("\"level\":\"WARN\"")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for part in ["own.ftl", "filter-speaker", "Unknown variable: $nobody", "a place that no page fills"] {
        assert!(warnings[0].contains(part), "{part}: {}", warnings[0]);
    }
}
