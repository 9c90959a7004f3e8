//! The programme as a calendar and as linked data, read by programs that are not ours.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use chrono::DateTime;
use serde_json::{Value, json};

use crate::support::{
    App, Store,
    app::{Environment, repository, small_conference},
    fixtures::schedules,
    on_both_stores, report_skipped,
    smtp::{python, python_has},
};

const EXAMPLE: &str = "/api/v1/conferences/genocide-prevention-2014";
const SMALL: &str = "/api/v1/conferences/small";

/// Runs a program, and reads the JSON that it prints.
fn run(program: &str, arguments: &[&Path]) -> Value {
    let output = Command::new(program).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The folder of the modules of Node, if Node and this one are there.
fn node_modules(module: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("PLENARY_TEST_NODE_MODULES").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| repository().join("tests/node/node_modules"));
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).status();
    let is_available = node.is_ok_and(|status| status.success()) && folder.join(module).is_dir();
    if !is_available {
        report_skipped(&format!("there is no node, or no {module} in PLENARY_TEST_NODE_MODULES (default tests/node)"));
    }
    is_available.then_some(folder)
}

/// A calendar, checked against the rules of every calendar.
fn calendar(app: &App, path: &str) -> Vec<u8> {
    let answer = app.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/calendar; charset=utf-8"));
    assert_eq!(app.get(path).body, answer.body, "{path} differs from one reading to the next");
    let text = answer.text();
    assert!(text.ends_with("END:VCALENDAR\r\n"));
    for line in text.split_terminator("\r\n") {
        assert!(line.len() <= 75, "{path}: {line:?} is too long");
        assert!(!line.contains(char::is_control), "{path}: {line:?}");
    }
    answer.body
}

/// The events of calendars, as other libraries parse them.
fn events(app: &App, paths: &[&str]) -> Vec<Vec<Value>> {
    let files: Vec<PathBuf> = paths
        .iter()
        .enumerate()
        .map(|(number, path)| {
            let file = app.environment.folder.0.join(format!("{number}.ics"));
            std::fs::write(&file, calendar(app, path)).unwrap();
            file
        })
        .collect();
    let checker = repository().join("tests/checkers/read_calendar.py");
    let arguments: Vec<&Path> = std::iter::once(&checker).chain(&files).map(PathBuf::as_path).collect();
    let found = run(&python(), &arguments);
    found.as_array().unwrap().iter().map(|events| events.as_array().unwrap().clone()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn instant(value: &Value) -> i64 {
    DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap().timestamp()
}

/// Start, end and title of an event.
type Occurrence = (i64, i64, String);

fn occurrence(event: &Value) -> Occurrence {
    (instant(&event["starts_at"]), instant(&event["ends_at"]), text(&event["title"]))
}

/// The sessions of the programme in a language, with their identifiers.
fn sessions(app: &App, conference: &str, language: &str) -> Vec<Value> {
    let programme = app.get(&format!("{conference}/programme?lang={language}")).json();
    let days = programme["days"].as_array().unwrap().iter();
    days.flat_map(|day| day["sessions"].as_array().unwrap().clone()).collect()
}

fn guid(session: &Value) -> String {
    text(if session["guid"].is_null() { &session["id"] } else { &session["guid"] })
}

/// The items of a session whose time follows from the limits.
fn timed_items(session: &Value) -> Vec<(String, Occurrence)> {
    let (mut starts_at, end) = (instant(&session["starts_at"]), instant(&session["ends_at"]));
    let mut found = Vec::new();
    for item in session["items"].as_array().unwrap() {
        let Some(minutes) = item["time_limit_minutes"].as_i64() else { break };
        let ends_at = starts_at + minutes * 60;
        if ends_at > end {
            break;
        }
        found.push((text(&item["id"]), (starts_at, ends_at, text(&item["title"]))));
        starts_at = ends_at;
    }
    found
}

/// Asserts that a calendar has exactly the sessions and the timed items of the programme.
fn assert_equals_the_programme(events: &[Value], sessions: &[Value], name: &str) {
    let found: BTreeMap<String, (Occurrence, Value)> =
        events.iter().map(|event| (text(&event["uid"]), (occurrence(event), event["parent"].clone()))).collect();
    assert_eq!(found.len(), events.len(), "{name}: a UID stands twice");
    let uid = |guid: &str| format!("{guid}@127.0.0.1");
    let mut expected = BTreeMap::new();
    for session in sessions {
        let parent = uid(&guid(session));
        expected.insert(parent.clone(), (occurrence(session), Value::Null));
        for (id, occurrence) in timed_items(session) {
            expected.insert(uid(&id), (occurrence, json!(parent)));
        }
    }
    assert_eq!(found, expected, "{name}");
    for event in events {
        assert_eq!((&event["status"], &event["sequence"]), (&json!("CONFIRMED"), &json!(0)), "{name}");
        assert!(!text(&event["place"]).is_empty(), "{name}: giggity drops an event without a place");
        assert_eq!(event["stamp"], event["modified"]);
    }
}

#[test]
fn the_calendar_is_the_programme_in_each_language() {
    if !python_has("icalendar, vobject") {
        return;
    }
    let app = App::with_example(Store::Sqlite);
    let paths = ["en", "fr", "nl"].map(|language| format!("{EXAMPLE}/programme.ics?lang={language}"));
    let all = events(&app, &paths.each_ref().map(String::as_str));
    for (language, events) in ["en", "fr", "nl"].into_iter().zip(&all) {
        assert_equals_the_programme(events, &sessions(&app, EXAMPLE, language), language);
    }
    assert_eq!(all[0].len(), all[1].len());
    let keynote = |events: &[Value], title: &str| {
        events.iter().find(|event| event["title"] == title).unwrap_or_else(|| panic!("no {title}")).clone()
    };
    let english = keynote(&all[0], "Can Genocide and Mass Atrocities Be Prevented?");
    let french = keynote(&all[1], "Peut-on prévenir le génocide et les atrocités de masse ?");
    assert!(text(&english["description"]).contains("Keynote speaker: "), "{english}");
    assert!(text(&french["description"]).contains("Exposé principal\u{a0}: "), "{french}");
    assert_eq!(english["starts_at"], "2014-03-31T07:30:00+00:00", "half past nine in Brussels in summer");
    let session = keynote(&all[0], "The status of academic research on genocide");
    let description = text(&session["description"]);
    let first = description.find("09:30–10:00 Can Genocide and Mass Atrocities Be Prevented?\nKeynote speaker: ");
    let second = description.find("10:00–11:20 Academic research and the prevention of genocide");
    assert!(first.is_some() && first < second, "{description}");
    assert_eq!(text(&session["url"]), format!("{}{EXAMPLE}/programme/sessions/academic-research-session", app.url));
}

on_both_stores! {
    fn an_event_keeps_its_uid_across_releases_and_services(store) {
        let environment = std::sync::Arc::new(Environment::new(store));
        let app = environment.start_shared();
        let mut document = small_conference(None, None);
        app.publish(&document);
        let uids = |app: &App| {
            let text = String::from_utf8(calendar(app, &format!("{SMALL}/programme.ics"))).unwrap();
            let lines = text.lines().filter(|line| line.starts_with("UID:") || line.starts_with("SUMMARY:"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let before = uids(&app);
        document["sessions"][0]["title"] = json!("Grand opening");
        document["sessions"][0]["starts_at"] = json!("2030-05-01T08:30");
        let other = environment.start_shared();
        app.publish(&document);
        let after = uids(&app);
        assert_eq!((before.len(), &before[0]), (2, &after[0]));
        assert_eq!((before[1].as_str(), after[1].as_str()), ("SUMMARY:Opening", "SUMMARY:Grand opening"));
        other.log.wait_for("\"release\":2");
        assert_eq!(uids(&other), after, "another port is the same host");
    }
}

#[test]
fn calendar_texts_are_escaped_and_read_back_unchanged() {
    if !python_has("icalendar, vobject") {
        return;
    }
    let app = Environment::new(Store::Sqlite).start();
    let mut document = small_conference(None, None);
    let title = "Peace; law, \\ and a \"quoted: colon\" 🕊 \\n";
    let long = "L’État s’engage à prévenir, réprimer et punir : « plus jamais ça » — 🕊️ ".repeat(40);
    let about = format!("First; line, of \\two\nSecond\n\n{}", long.trim());
    document["sessions"][0]["title"] = json!(title);
    document["sessions"][0]["abstract"] = json!(about);
    document["rooms"][0]["name"] = json!("Hall; A, B");
    document["tracks"][0]["name"] = json!("Law, order");
    app.publish(&document);
    let path = format!("{SMALL}/programme.ics?lang=en");
    let found = events(&app, &[&path]).remove(0).remove(0);
    assert_eq!(
        (text(&found["title"]).as_str(), text(&found["place"]).as_str()),
        (title, "Hall; A, B, Egmont Palace, Brussels")
    );
    assert_eq!(found["categories"], json!(["Law, order", "Opening"]));
    let description = text(&found["description"]);
    let rest = description.strip_prefix(about.as_str()).unwrap_or_else(|| panic!("{description}"));
    let items = "\n\nWelcome\nKeynote speaker: Ada Lovelace\n\nTalk\nPanellist: Bob Noyce\nModerator: Ada Lovelace";
    assert_eq!(rest, items);
    let Some(modules) = node_modules("ical.js") else {
        return;
    };
    let (script, file) = (repository().join("tests/node/calendar.js"), app.environment.folder.0.join("0.ics"));
    let node_events = run("node", &[&script, &modules, &file]);
    assert_eq!((text(&node_events[0]["title"]), text(&node_events[0]["description"])), (title.to_owned(), description));
    assert_eq!(occurrence(&node_events[0]), occurrence(&found));
}

#[test]
fn a_selection_lists_its_sessions_with_items_in_programme_order() {
    if !python_has("icalendar, vobject") {
        return;
    }
    let app = App::with_example(Store::Sqlite);
    let all = sessions(&app, EXAMPLE, "en");
    let session = |code: &str| all.iter().find(|session| session["code"] == code).unwrap().clone();
    let (opening, law) = (session("opening"), session("law-session"));
    let paths = [
        format!("{EXAMPLE}/programme.ics?lang=en&sessions=law-session,{}", text(&opening["id"])),
        format!("{EXAMPLE}/programme/sessions/law-session.ics?lang=en"),
        format!("{EXAMPLE}/programme/speakers/yehuda-bauer.ics?lang=en"),
        format!("{EXAMPLE}/programme.ics?lang=en&sessions=law-session,law-session,%20,"),
    ];
    let found = events(&app, &paths.each_ref().map(String::as_str));
    assert_equals_the_programme(&found[0], &[opening.clone(), law.clone()], "a selection");
    assert_eq!(occurrence(&found[0][0]), occurrence(&opening));
    for index in [1, 3] {
        assert_equals_the_programme(&found[index], std::slice::from_ref(&law), "one session");
    }
    let titles: Vec<_> = found[2].iter().map(|event| text(&event["title"])).collect();
    assert_eq!(titles, ["Can Genocide and Mass Atrocities Be Prevented?"], "not the session: the item has a time");
}

on_both_stores! {
    fn a_selection_with_an_unknown_session_is_refused(store) {
        let app = App::with_example(store);
        let faults = |sessions: &str| {
            let answer = app.get(&format!("{EXAMPLE}/programme.ics?sessions={sessions}"));
            assert_eq!(answer.status, 422);
            (answer.faults(), answer.text().to_owned())
        };
        let (unknown, detail) = faults("opening,atlantis,00000000-0000-4000-8000-000000000000");
        assert_eq!(unknown, ["?sessions unknown_reference"; 2]);
        assert!(detail.contains("atlantis is no session of the programme"), "{detail}");
        assert_eq!(faults("").0, ["?sessions unknown_reference"]);
        assert_eq!(faults(",%20,").0, ["?sessions unknown_reference"]);
        assert_eq!(faults("welcome-address").0, ["?sessions unknown_reference"], "an item is no session");
        assert_eq!(faults(&"opening,".repeat(501)).0, ["?sessions too_long"]);
        calendar(&app, &format!("{EXAMPLE}/programme.ics?sessions={}", "opening,".repeat(500)));
        for path in ["sessions/atlantis.ics", "speakers/atlantis.ics", "sessions/Not%20a%20code.ics"] {
            assert_eq!(app.get(&format!("{EXAMPLE}/programme/{path}")).status, 404, "{path}");
        }
    }
}

#[test]
fn calendars_and_linked_data_of_imported_schedules_match_their_programmes() {
    if !python_has("icalendar, vobject, extruct") {
        return;
    }
    let app = Environment::new(Store::Sqlite).start();
    let files: Vec<_> = schedules().into_iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    for name in ["38c3_2024.xml", "pretalx_example.json"] {
        let imported = app.environment.run(&["import", files.iter().find(|path| path.ends_with(name)).unwrap()]);
        assert!(imported.status.success(), "{name}");
        let report = String::from_utf8(imported.stdout).unwrap();
        let conference = format!("/api/v1/conferences/{}", report.split(':').next().unwrap());
        let force = json!({ "force": { "reason": "as the file has it" } });
        assert_eq!(app.admin("POST", &format!("{conference}/releases"), Some(&force)).status, 201, "{name}");
        let language = text(&app.get(&conference).json()["languages"][0]);
        let sessions = sessions(&app, &conference, &language);
        let path = format!("{conference}/programme.ics?lang={language}");
        assert_equals_the_programme(&events(&app, &[&path])[0], &sessions, name);
        assert_linked(&app, &conference, &language);
        if let Some(modules) = node_modules("ical.js") {
            let (script, file) = (repository().join("tests/node/calendar.js"), app.environment.folder.0.join("0.ics"));
            let node_events = run("node", &[&script, &modules, &file]);
            let found: BTreeSet<Occurrence> = node_events.as_array().unwrap().iter().map(occurrence).collect();
            assert!(sessions.iter().all(|session| found.contains(&occurrence(session))), "{name}");
        }
    }
}

/// Saves a document of linked data as a file.
fn save_linked_data(app: &App, conference: &str, language: &str) -> PathBuf {
    let path = format!("{conference}/programme.jsonld?lang={language}");
    let answer = app.get(&path);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/ld+json")));
    assert_eq!(app.get(&path).body, answer.body);
    assert!(!answer.text().contains('<'), "it may stand in a script element");
    let file = app.environment.folder.0.join("programme.jsonld");
    std::fs::write(&file, &answer.body).unwrap();
    file
}

/// Asserts that the linked data of a page has the sessions and items of the programme.
fn assert_linked(app: &App, conference: &str, language: &str) -> Value {
    let file = save_linked_data(app, conference, language);
    let event = run(&python(), &[&repository().join("tests/checkers/read_linked_data.py"), &file]);
    let occurrence = |found: &Value| (instant(&found["startDate"]), instant(&found["endDate"]), text(&found["name"]));
    let sessions = sessions(app, conference, language);
    let found = event["subEvent"].as_array().unwrap();
    assert_eq!(found.len(), sessions.len());
    for (found, session) in found.iter().zip(&sessions) {
        let expected = (instant(&session["starts_at"]), instant(&session["ends_at"]), text(&session["title"]));
        assert_eq!((occurrence(found), text(&found["identifier"])), (expected, guid(session)));
        assert_eq!(found["superEvent"]["@id"], event["@id"]);
        let none = Vec::new();
        let items = found["subEvent"].as_array().unwrap_or(&none);
        let titles: Vec<_> = items.iter().map(|item| text(&item["name"])).collect();
        let expected: Vec<_> = session["items"].as_array().unwrap().iter().map(|item| text(&item["title"])).collect();
        assert_eq!(titles, expected);
        let times = timed_items(session);
        for (item, (_, expected)) in items.iter().zip(&times) {
            assert_eq!(occurrence(item), *expected);
        }
        for item in items.iter().skip(times.len()) {
            assert_eq!(item["startDate"], found["startDate"], "an event without a start is none");
        }
    }
    event
}

#[test]
fn linked_data_is_the_programme_in_each_language() {
    if !python_has("extruct") {
        return;
    }
    let app = App::with_example(Store::Sqlite);
    for language in ["fr", "nl", "en"] {
        assert_linked(&app, EXAMPLE, language);
    }
    let event = assert_linked(&app, EXAMPLE, "en");
    assert_eq!((&event["startDate"], &event["endDate"]), (&json!("2014-03-31"), &json!("2014-04-01")));
    assert_eq!(
        event["location"]["address"],
        json!({
            "@type": "PostalAddress", "addressCountry": "BE", "addressLocality": "Brussels"
        })
    );
    let names = |list: &Value| list.as_array().unwrap().iter().map(|one| text(&one["name"])).collect::<Vec<_>>();
    assert_eq!(names(&event["contributor"]), ["European Union", "African Union", "United Nations"]);
    assert_eq!(names(&event["organizer"])[1], "Kingdom of Belgium");
    let opening = &event["subEvent"][0];
    assert_eq!(opening["startDate"], "2014-03-31T09:00:00+02:00");
    assert_eq!(opening["location"]["containedInPlace"]["name"], "Egmont Palace");
    let minister = &opening["subEvent"][0]["performer"][0];
    assert_eq!((&minister["@type"], &minister["name"]), (&json!("Person"), &json!("Didier Reynders")));
}

#[test]
fn linked_data_keeps_markup_as_text() {
    if !python_has("extruct") {
        return;
    }
    let app = Environment::new(Store::Sqlite).start();
    let mut document = small_conference(None, None);
    document["sessions"][0]["title"] = json!("</script><script>alert(1)</script> <!-- & \u{2028}");
    app.publish(&document);
    assert_linked(&app, SMALL, "en");
}

#[test]
fn linked_data_has_the_types_of_schema_org() {
    let Some(modules) = node_modules("schema-dts") else {
        return;
    };
    let app = App::with_example(Store::Sqlite);
    let document = std::fs::read_to_string(save_linked_data(&app, EXAMPLE, "en")).unwrap();
    let compile = |document: &str| {
        let folder = app.environment.folder.0.join("typed");
        std::fs::create_dir_all(&folder).unwrap();
        let link = folder.join("node_modules");
        if !link.exists() {
            std::os::unix::fs::symlink(&modules, &link).unwrap();
        }
        let typed = format!(
            "import type {{ Event, WithContext }} from \"schema-dts\";\n\
             export const event: WithContext<Event> = {document};\n"
        );
        std::fs::write(folder.join("event.ts"), typed).unwrap();
        let compiler = modules.join(".bin/tsc");
        let arguments = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "event.ts"];
        let output = Command::new(compiler).args(arguments).current_dir(&folder).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (is_typed, compiler_output) = compile(&document);
    assert!(is_typed, "{compiler_output}");
    assert!(!compile(&document.replace("performer", "performed")).0, "the compiler sees what is wrong");
    assert!(!compile(&document.replace("EventScheduled", "EventPlanned")).0, "the compiler sees what is wrong");
}
