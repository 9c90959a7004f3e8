//! The programme as schedule.xml, schedule.json and a table: valid by published schemas, with the same content, and as
//! schedule apps need it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::Command,
};

use chrono::{DateTime, Duration, FixedOffset};
use serde_json::{Value, json};

use crate::support::{
    App, Store,
    app::{Environment, Folder, small_conference},
    fixtures::{fixture, schedules},
    report_skipped,
    smtp::python,
    xml::Element,
};

const EXAMPLE: &str = "/api/v1/conferences/genocide-prevention-2014";
const SMALL: &str = "/api/v1/conferences/small";

/// A schedule in both formats.
struct Schedule {
    xml: String,
    json: String,
}

impl Schedule {
    fn fetch(app: &App, conference: &str, query: &str) -> Self {
        let get = |name: &str| {
            let answer = app.get(&format!("{conference}/{name}{query}"));
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.text().to_owned()
        };
        Self { xml: get("schedule.xml"), json: get("schedule.json") }
    }

    fn root(&self) -> Element {
        Element::read(&self.xml)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.json).unwrap()
    }

    /// Asserts what is true for every schedule.
    fn check(&self, schemas: Option<&Schemas>) {
        let root = self.root();
        assert_beginning(&self.xml);
        assert_conference(&root);
        assert_days(&root);
        assert_events(&root);
        let mut expected = as_json(&root);
        let conference = expected["schedule"]["conference"].as_object_mut().unwrap();
        // A time zone that the JSON schema does not accept is only in the XML.
        if conference["time_zone_name"].as_str().unwrap().starts_with("Etc/GMT") {
            conference.remove("time_zone_name");
        }
        assert_eq!(expected, self.json());
        if let Some(schemas) = schemas {
            schemas.check(self);
        }
    }
}

/// Every event, with its day and its room.
fn events(root: &Element) -> Vec<(&Element, &Element, &Element)> {
    let rooms = root.all("day").flat_map(|day| day.all("room").map(move |room| (day, room)));
    rooms.flat_map(|(day, room)| room.all("event").map(move |event| (day, room, event))).collect()
}

fn instant(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn is_word(text: &str, others: &str) -> bool {
    text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || others.contains(c))
}

fn assert_all_differ<T: Ord + std::fmt::Debug>(values: impl IntoIterator<Item = T>) {
    let values: Vec<T> = values.into_iter().collect();
    let count = values.len();
    let distinct: BTreeSet<T> = values.into_iter().collect();
    assert_eq!(distinct.len(), count, "{distinct:?}");
}

/// Readers sniff the first kilobyte, and give up at what XML 1.0 cannot hold.
fn assert_beginning(xml: &str) {
    assert!(
        xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<schedule>"),
        "no mark of byte order, no DOCTYPE"
    );
    let head: String = xml.chars().take(1024).collect();
    assert!(head.contains("<schedule") && head.contains("<conference"));
    assert!(!xml.contains("<!"));
    assert!(xml.chars().all(|c| matches!(c, '\n' | '\t' | ' '..='\u{FFFD}' | '\u{10000}'..)));
}

fn assert_conference(root: &Element) {
    assert_ne!(root.text("version"), "");
    let conference = root.all("conference").next().unwrap();
    let acronym = conference.text("acronym");
    assert!(acronym.len() >= 4 && is_word(&acronym, ""), "{acronym}");
    assert!(conference.text("time_zone_name").parse::<chrono_tz::Tz>().is_ok());
    assert_eq!(conference.text("days"), root.all("day").count().to_string());
    for date in ["start", "end"] {
        assert_eq!(conference.text(date).len(), "2030-05-01".len());
    }
    for track in conference.all("track") {
        let slug = track.attribute("slug");
        assert!(slug.len() > 1 && slug.starts_with(|c: char| c.is_ascii_lowercase()) && is_word(&slug, "-"), "{slug}");
        assert_ne!(track.attribute("name"), "");
    }
}

/// Days are numbered without gaps, have one date each and do not overlap; rooms are known by name, every day.
fn assert_days(root: &Element) {
    let days: Vec<&Element> = root.all("day").collect();
    let all: Vec<String> = days[0].all("room").map(|room| room.attribute("name")).collect();
    assert_all_differ(all.clone());
    assert!(all.iter().all(|name| !name.trim().is_empty()));
    for (index, day) in days.iter().enumerate() {
        assert_eq!(day.attribute("index"), (index + 1).to_string());
        let (start, end) = (instant(&day.attribute("start")), instant(&day.attribute("end")));
        assert!(start < end);
        assert_eq!(day.attribute("start")[..10], day.attribute("date"));
        if let Some(next) = days.get(index + 1) {
            assert!(day.attribute("date") < next.attribute("date"));
            assert!(end <= instant(&next.attribute("start")) - Duration::minutes(1));
        }
        assert_eq!(day.all("room").map(|room| room.attribute("name")).collect::<Vec<_>>(), all);
        for room in day.all("room") {
            let starts: Vec<_> = room.all("event").map(|event| instant(&event.text("date"))).collect();
            assert!(starts.is_sorted(), "the events of a room are in time order");
        }
    }
}

fn assert_events(root: &Element) {
    let conference = root.all("conference").next().unwrap();
    let zone: chrono_tz::Tz = conference.text("time_zone_name").parse().unwrap();
    let events = events(root);
    for name in ["guid", "id"] {
        assert_all_differ(events.iter().map(|(.., event)| event.attribute(name)));
    }
    assert_all_differ(events.iter().map(|(.., event)| event.text("slug")));
    for (day, room, event) in events {
        assert_eq!(event.text("room"), room.attribute("name"));
        assert!((1..=i32::MAX).contains(&event.attribute("id").parse().unwrap()));
        let date = instant(&event.text("date"));
        assert!(
            instant(&day.attribute("start")) <= date && date < instant(&day.attribute("end")) + Duration::minutes(1)
        );
        assert_eq!(date.to_rfc3339(), date.with_timezone(&zone).to_rfc3339(), "the offset is that of the conference");
        assert_eq!(event.text("start"), date.format("%H:%M").to_string());
        let duration = event.text("duration");
        assert!(("00:01".."24:00").contains(&duration.as_str()) && duration.len() == 5, "{duration}");
        let slug = event.text("slug");
        let rest = slug.strip_prefix(&format!("{}-{}-", conference.text("acronym"), event.attribute("id"))).unwrap();
        assert!(rest.len() >= 4 && is_word(rest, "-_") && !rest.ends_with(['-', '_']), "{slug}");
        assert_eq!(event.all("subtitle").count(), 1);
        assert!(event.text("subtitle").is_empty() || !event.text("description").is_empty());
        assert!(event.all("language").all(|language| language.text.len() == 2));
        for link in ["url", "feedback_url", "origin_url", "logo"] {
            assert!(event.all(link).all(|found| found.text.starts_with("http")), "an empty {link} is left out");
        }
        for person in event.all("persons").flat_map(|persons| persons.all("person")) {
            assert!((1..=i32::MAX).contains(&person.attribute("id").parse().unwrap()));
            assert_ne!(person.text.trim(), "");
        }
    }
}

/// The part of the JSON that must equal the XML, converted from the XML.
fn as_json(root: &Element) -> Value {
    let conference = root.all("conference").next().unwrap();
    let generator = root.all("generator").next().unwrap();
    let track = |track: &Element| json!({ "name": track.attribute("name"), "slug": track.attribute("slug") });
    let room = |room: &Element| json!({ "name": room.attribute("name"), "guid": room.attribute("guid") });
    json!({
        "$schema": "https://c3voc.de/schedule/schema.json",
        "generator": {
            "name": generator.attribute("name"), "version": generator.attribute("version"),
            "url": generator.attribute("system"),
        },
        "schedule": {
            "version": root.text("version"),
            "conference": {
                "acronym": conference.text("acronym"),
                "title": conference.text("title"),
                "start": conference.text("start"),
                "end": conference.text("end"),
                "daysCount": root.all("day").count(),
                "timeslot_duration": conference.text("timeslot_duration"),
                "time_zone_name": conference.text("time_zone_name"),
                "tracks": conference.all("track").map(track).collect::<Vec<_>>(),
                "rooms": root.all("day").next().unwrap().all("room").map(room).collect::<Vec<_>>(),
                "days": root.all("day").map(day_as_json).collect::<Vec<_>>(),
            },
        },
    })
}

fn day_as_json(day: &Element) -> Value {
    let room = |room: &Element| (room.attribute("name"), room.all("event").map(event_as_json).collect::<Vec<_>>());
    json!({
        "index": day.attribute("index").parse::<u32>().unwrap(),
        "date": day.attribute("date"),
        "day_start": day.attribute("start"),
        "day_end": day.attribute("end"),
        "rooms": day.all("room").map(room).collect::<BTreeMap<_, _>>(),
    })
}

fn event_as_json(event: &Element) -> Value {
    let some = |name: &str| Some(event.text(name)).filter(|text| !text.is_empty());
    let person =
        |person: &Element| json!({ "guid": person.attribute("guid"), "name": person.text, "public_name": person.text });
    let link =
        |link: &Element| json!({ "url": link.attribute("href"), "type": link.attribute("type"), "title": link.text });
    json!({
        "guid": event.attribute("guid"),
        "id": event.attribute("id").parse::<u32>().unwrap(),
        "date": event.text("date"),
        "start": event.text("start"),
        "duration": event.text("duration"),
        "room": event.text("room"),
        "slug": event.text("slug"),
        "url": event.text("url"),
        "title": event.text("title"),
        "subtitle": event.text("subtitle"),
        "track": some("track"),
        "type": event.text("type"),
        "language": some("language"),
        "abstract": event.text("abstract"),
        "description": event.text("description"),
        "persons": event.all("persons").flat_map(|all| all.all("person")).map(person).collect::<Vec<_>>(),
        "links": event.all("links").flat_map(|all| all.all("link")).map(link).collect::<Vec<_>>(),
    })
}

/// The schemas of the format, and the validators.
struct Schemas {
    folder: PathBuf,
}

impl Schemas {
    fn find() -> Option<Self> {
        let runs = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
        let lacking = if !runs(Command::new("xmllint").arg("--version")) {
            "xmllint is not installed"
        } else if !runs(Command::new(python()).args(["-m", "check_jsonschema", "--version"])) {
            "PLENARY_TEST_PYTHON (default python3) lacks check-jsonschema"
        } else {
            return Some(Self { folder: fixture("schemas") });
        };
        report_skipped(lacking);
        None
    }

    fn check(&self, schedule: &Schedule) {
        let folder = Folder::create();
        let (xml, json) = (folder.write("schedule.xml", &schedule.xml), folder.write("schedule.json", &schedule.json));
        let run = |command: &mut Command| {
            let output = command.output().unwrap();
            let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{printed}");
        };
        run(Command::new("xmllint").args(["--noout", "--schema"]).arg(self.folder.join("schedule.xsd")).arg(xml));
        let schema = self.folder.join("schedule.schema.json");
        run(Command::new(python()).args(["-m", "check_jsonschema", "--schemafile"]).arg(schema).arg(json));
    }
}

/// Publishes a conference in spite of its conflicts.
fn publish(app: &App, blueprint: &Value) {
    let conference = format!("/api/v1/conferences/{}", blueprint["conference"]["slug"].as_str().unwrap());
    let put = app.admin("PUT", &format!("{conference}/blueprint"), Some(blueprint));
    assert_eq!(put.status, 200, "{}", put.text());
    let force = json!({ "force": { "reason": "to see how it is written" } });
    assert_eq!(app.admin("POST", &format!("{conference}/releases"), Some(&force)).status, 201);
}

#[test]
fn the_example_is_valid_in_each_of_its_languages() {
    let app = App::with_example(Store::Sqlite);
    let schemas = Schemas::find();
    for (language, title, part_of) in [
        ("en", "Opening", "Part of “Opening”"),
        ("fr", "Ouverture", "Fait partie de «\u{a0}Ouverture\u{a0}»"),
        ("nl", "Opening", "Onderdeel van “Opening”"),
    ] {
        let schedule = Schedule::fetch(&app, EXAMPLE, &format!("?lang={language}"));
        schedule.check(schemas.as_ref());
        let root = schedule.root();
        let events = events(&root);
        let first: Vec<String> = events.iter().take(2).map(|(.., event)| event.text("subtitle")).collect();
        assert_eq!((events[0].2.text("title").as_str(), first), (title, vec![String::new(), title.to_owned()]));
        assert_eq!(events[1].2.text("description"), part_of);
    }
    let programme = app.get(&format!("{EXAMPLE}/programme?lang=fr")).json();
    assert_eq!(
        Schedule::fetch(&app, EXAMPLE, "?lang=fr").json()["schedule"]["version"],
        programme["release"]["number"].to_string()
    );
}

#[test]
fn an_item_is_its_own_event_after_its_session_and_links_to_it() {
    let app = Environment::new(Store::Sqlite).start();
    let mut document = small_conference(None, None);
    let session = &mut document["sessions"][0];
    session["languages"] = json!(["fr-BE", "en"]);
    session["items"][0]["time_limit_minutes"] = json!(20);
    session["items"][0]["abstract"] = json!("What we hope for.");
    publish(&app, &document);
    let schedule = Schedule::fetch(&app, SMALL, "");
    schedule.check(None);
    let url = format!("{}{SMALL}/programme/sessions/opening", app.url);
    let days = schedule.json()["schedule"]["conference"]["days"].clone();
    assert_eq!(days[0]["day_start"], "2030-05-01T00:00:00+02:00");
    assert_eq!(days[0]["day_end"], "2030-05-01T23:59:00+02:00");
    let events = days[0]["rooms"]["Hall"].as_array().unwrap();
    assert_eq!(events.len(), 2, "the second item has no time of its own");
    let item = &events[1];
    let persons: Vec<_> = events[0]["persons"].as_array().unwrap().iter().map(|found| found["name"].clone()).collect();
    assert_eq!(persons, ["Ada Lovelace", "Bob Noyce"], "each once");
    let keys =
        ["title", "subtitle", "type", "track", "language", "date", "start", "duration", "room", "abstract", "url"];
    let values: Vec<&str> = keys.iter().map(|key| item[key].as_str().unwrap()).collect();
    assert_eq!(
        values,
        [
            "Welcome",
            "Opening",
            "keynote",
            "Law",
            "fr",
            "2030-05-01T09:00:00+02:00",
            "09:00",
            "00:20",
            "Hall",
            "What we hope for.",
            &url,
        ]
    );
    assert_eq!(item["links"], json!([{ "url": url, "title": "Opening", "type": "related" }]));
    assert_eq!(events[0]["links"], json!([]));
}

#[test]
fn schedule_ids_stay_when_titles_times_and_order_change() {
    let app = Environment::new(Store::Sqlite).start();
    let mut document = small_conference(None, None);
    document["sessions"][0]["items"][0]["time_limit_minutes"] = json!(20);
    let mut second = document["sessions"][0].clone();
    second["code"] = json!("second");
    second["starts_at"] = json!("2030-05-01T11:00");
    second["ends_at"] = json!("2030-05-01T12:00");
    second["items"] = json!([]);
    document["sessions"].as_array_mut().unwrap().push(second);
    publish(&app, &document);
    let before = Schedule::fetch(&app, SMALL, "");
    document["sessions"][0]["title"] = json!({ "en": "Another title" });
    document["sessions"][0]["starts_at"] = json!("2030-05-02T14:00");
    document["sessions"][0]["ends_at"] = json!("2030-05-02T15:00");
    document["sessions"].as_array_mut().unwrap().swap(0, 1);
    document["speakers"].as_array_mut().unwrap().swap(0, 1);
    publish(&app, &document);
    let after = Schedule::fetch(&app, SMALL, "");
    let identifiers = |schedule: &Schedule| -> BTreeSet<(String, String)> {
        let root = schedule.root();
        let identifiers = |element: &Element| (element.attribute("guid"), element.attribute("id"));
        let persons = |event: &Element| {
            event.all("persons").flat_map(|all| all.all("person")).map(identifiers).collect::<Vec<_>>()
        };
        events(&root)
            .into_iter()
            .flat_map(|(.., event)| persons(event).into_iter().chain([identifiers(event)]))
            .collect()
    };
    assert_eq!(identifiers(&before), identifiers(&after));
    assert_eq!(identifiers(&before).len(), 5, "two sessions, an item, two speakers");
    let titles = |schedule: &Schedule| -> Vec<String> {
        events(&schedule.root()).iter().map(|(.., event)| event.text("title")).collect()
    };
    assert_eq!(titles(&before), ["Opening", "Welcome", "Opening"]);
    assert_eq!(titles(&after), ["Opening", "Another title", "Welcome"]);
    assert_eq!([before.root().text("version"), after.root().text("version")], ["1", "2"]);
    let old = Schedule::fetch(&app, SMALL, "?version=1");
    assert_eq!((old.xml, old.json), (before.xml, before.json), "a release is written the same every time");
}

const WILD: &str = "\"Quotes\" & 'apostrophes' <b>tags</b> ]]> &amp; 👩‍🚀 مؤتمر السلام שלום";

/// A conference with everything that is hard to write into a schedule.
fn awkward_conference() -> Value {
    let mut document = small_conference(None, None);
    document["conference"]["slug"] = json!("ab");
    document["conference"]["name"] = json!(WILD);
    document["days"] =
        json!([{ "date": "2030-05-01", "changeover": "04:00" }, { "date": "2030-05-02", "changeover": "04:00" }]);
    document["rooms"] = json!([
        { "code": "hall", "name": "Hall" }, { "code": "hall-2", "name": "Hall" }, { "code": "empty", "name": "Hall (hall)" },
        { "code": "palace", "name": "Egmont Palace" }, { "code": "attic", "name": format!("Attic\n{WILD}") },
    ]);
    document["tracks"] = json!([{ "code": "30-science", "name": WILD }, { "code": "x", "name": "X" }]);
    document["speakers"].as_array_mut().unwrap().push(json!({ "code": "wild", "family_name": WILD }));
    let guid = "270fa44c-821a-577f-8ca3-33e8d4a8c2a7";
    let session = |code: &str, title: &str, start: &str, end: &str| json!({ "code": code, "kind": "parallel", "title": title, "starts_at": start, "ends_at": end });
    let mut sessions = [
        session("long", "X", "2030-05-01T09:00", "2030-05-02T15:00"),
        session("night", "!", "2030-05-02T01:30", "2030-05-02T02:00"),
        session("short", WILD, "2030-05-01T09:00:00+02:00", "2030-05-01T09:00:30+02:00"),
        session("tagalog", "日本語", "2030-05-02T09:00", "2030-05-02T10:00"),
        session("stray", "Before the first day", "2030-05-01T03:00", "2030-05-01T03:30"),
    ];
    sessions[0]["room"] = json!("hall-2");
    sessions[0]["guid"] = json!(guid);
    sessions[2]["guid"] = json!(guid);
    sessions[2]["room"] = json!("attic");
    sessions[2]["track"] = json!("30-science");
    sessions[2]["abstract"] = json!(format!("=1+1\n\n{WILD}"));
    sessions[2]["appearances"] = json!([{ "speaker": "wild", "role": "chair" }]);
    sessions[2]["items"] = json!([{ "code": "item", "kind": "panel", "title": "-", "time_limit_minutes": 3 }]);
    sessions[3]["languages"] = json!(["fil"]);
    document["sessions"] = json!(sessions);
    document
}

#[test]
fn an_awkward_conference_has_a_valid_schedule() {
    let app = Environment::new(Store::Sqlite).start();
    publish(&app, &awkward_conference());
    let schedule = Schedule::fetch(&app, "/api/v1/conferences/ab", "");
    schedule.check(Schemas::find().as_ref());
    let root = schedule.root();
    let conference = root.all("conference").next().unwrap();
    assert_eq!((conference.text("acronym").as_str(), conference.text("title").as_str()), ("ab2030", WILD));
    let slugs: Vec<_> = conference.all("track").map(|track| track.attribute("slug")).collect();
    assert_eq!(slugs, ["track-30-science", "track-x"]);
    let day = root.all("day").next().unwrap();
    let rooms: Vec<_> = day.all("room").map(|room| room.attribute("name")).collect();
    let attic = format!("Attic {WILD}");
    assert_eq!(
        rooms,
        [
            "Hall (hall) (hall)",
            "Hall (hall-2)",
            "Hall (hall) (empty)",
            "Egmont Palace",
            attic.as_str(),
            "Room to be announced",
        ]
    );
    let line = |(day, room, event): &(&Element, &Element, &Element)| {
        let text_of = |name: &str| event.text(name);
        format!(
            "{} {} {} {} {}",
            day.attribute("date"),
            &text_of("date")[..16],
            text_of("duration"),
            room.attribute("name"),
            text_of("title")
        )
    };
    let wild = format!("2030-05-01 2030-05-01T09:00 00:01 {attic} {WILD}");
    assert_eq!(
        events(&root).iter().map(line).collect::<Vec<_>>(),
        [
            // Longer than readers accept.
            "2030-05-01 2030-05-01T09:00 23:59 Hall (hall-2) X",
            &wild,
            "2030-05-01 2030-05-01T03:00 00:30 Room to be announced Before the first day",
            "2030-05-01 2030-05-02T01:30 00:30 Room to be announced !",
            "2030-05-02 2030-05-02T09:00 01:00 Room to be announced 日本語",
        ]
    );
    let guid = "270fa44c-821a-577f-8ca3-33e8d4a8c2a7";
    assert_eq!(schedule.xml.matches(&format!("event guid=\"{guid}\"")).count(), 1, "of two with one guid one has it");
}

#[test]
fn every_schedule_is_exported_valid_and_complete() {
    let app = Environment::new(Store::Sqlite).start();
    let schemas = Schemas::find();
    for path in schedules() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let output = app.environment.run(&["import", path.to_str().unwrap()]);
        let printed = String::from_utf8(output.stdout).unwrap();
        let conference = format!("/api/v1/conferences/{}", printed.split(':').next().unwrap());
        let force = json!({ "force": { "reason": "as the file has it" } });
        assert_eq!(app.admin("POST", &format!("{conference}/releases"), Some(&force)).status, 201, "{name}");
        let schedule = Schedule::fetch(&app, &conference, "");
        schedule.check(schemas.as_ref());
        let root = schedule.root();
        let exported: BTreeSet<_> = events(&root).iter().map(|(.., event)| event.attribute("guid")).collect();
        let programme = app.get(&format!("{conference}/programme")).json();
        let sessions = programme["days"].as_array().unwrap().iter().flat_map(|day| day["sessions"].as_array().unwrap());
        let released: BTreeSet<_> = sessions.map(|session| session["guid"].as_str().unwrap().to_owned()).collect();
        assert_eq!(exported, released, "{name}");
    }
}

/// The rows of a table, each by column.
fn rows(table: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

#[test]
fn the_table_has_a_row_for_every_session_and_item() {
    let app = Environment::new(Store::Sqlite).start();
    let mut document = small_conference(None, None);
    let session = &mut document["sessions"][0];
    session["languages"] = json!(["en", "fr"]);
    session["interpretation"] = json!(["nl"]);
    session["items"][0]["time_limit_minutes"] = json!(20);
    session["abstract"] = json!("One.\n\nTwo, \"three\".");
    publish(&app, &document);
    let answer = app.get(&format!("{SMALL}/programme/sessions.csv?lang=fr"));
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert!(answer.text().starts_with(
        "type,code,session,id,guid,day,starts_at,ends_at,minutes,room,track,kind,title,abstract,languages,interpretation,\
         speakers,speaker_codes,url\r\nsession,opening,opening,"
    ));
    let rows = rows(answer.text());
    let cells = |row: &BTreeMap<String, String>| {
        let columns =
            ["type", "code", "session", "day", "starts_at", "ends_at", "minutes", "kind", "title", "speaker_codes"];
        columns.map(|column| row[column].clone()).join("|")
    };
    assert_eq!(
        rows.iter().map(cells).collect::<Vec<_>>(),
        [
            "session|opening|opening|2030-05-01|2030-05-01T09:00:00+02:00|2030-05-01T10:00:00+02:00|60|opening|Ouverture|ada; bob",
            "item|welcome|opening|2030-05-01|2030-05-01T09:00:00+02:00|2030-05-01T09:20:00+02:00|20|keynote|Welcome|ada",
            "item|talk|opening|2030-05-01||||panel|Talk|bob; ada",
        ]
    );
    let columns = ["room", "track", "abstract", "languages", "interpretation", "speakers", "url"];
    assert_eq!(
        columns.map(|column| rows[0][column].clone()),
        [
            "Hall",
            "Droit",
            "One.\n\nTwo, \"three\".",
            "en; fr",
            "nl",
            "Ada Lovelace; Bob Noyce",
            &format!("{}{SMALL}/programme/sessions/opening", app.url),
        ]
    );
    let programme = app.get(&format!("{SMALL}/programme")).json();
    let released = &programme["days"][0]["sessions"][0];
    assert_eq!(
        (json!(rows[0]["id"]), json!(rows[2]["id"])),
        (released["id"].clone(), released["items"][1]["id"].clone())
    );
}

#[test]
fn no_cell_of_the_table_is_a_formula_and_every_writing_system_is_kept() {
    let app = Environment::new(Store::Sqlite).start();
    let mut document = awkward_conference();
    document["sessions"][0]["title"] = json!("＝1+1");
    document["sessions"][1]["title"] = json!("'=1");
    publish(&app, &document);
    let answer = app.get("/api/v1/conferences/ab/programme/sessions.csv");
    assert!(answer.text().lines().count() > 6 && answer.text().ends_with("\r\n"));
    let rows = rows(answer.text());
    let by_code: BTreeMap<&str, _> = rows.iter().map(|row| (row["code"].as_str(), row)).collect();
    assert_eq!(["item", "long", "night"].map(|code| by_code[code]["title"].as_str()), ["'-", "'＝1+1", "''=1"]);
    assert_eq!(by_code["short"]["abstract"], format!("'=1+1\n\n{WILD}"));
    assert_eq!((&by_code["short"]["speakers"], &by_code["tagalog"]["title"]), (&WILD.to_owned(), &"日本語".to_owned()));
    assert_eq!((&by_code["night"]["day"], &by_code["long"]["minutes"]), (&"2030-05-01".to_owned(), &"1800".to_owned()));
    let is_formula = |cell: &String| cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n']);
    assert!(!rows.iter().flat_map(BTreeMap::values).any(is_formula));
}
