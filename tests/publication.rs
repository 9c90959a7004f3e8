//! The documents of a release, served from memory in codings and languages, to caches and pages
//! of other origins.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::support::{
    Answer, App, Store,
    app::{Environment, small_conference},
    on_both_stores, smtp,
};

const SMALL: &str = "/api/v1/conferences/small";

/// Every document of a release: its path under the conference, and its media type.
const DOCUMENTS: [(&str, &str); 15] = [
    ("", "application/json"),
    ("/programme", "application/json"),
    ("/programme/days", "application/json"),
    ("/programme/sessions", "application/json"),
    ("/programme/panels", "application/json"),
    ("/programme/keynotes", "application/json"),
    ("/programme/speakers", "application/json"),
    ("/programme/rooms", "application/json"),
    ("/programme/tracks", "application/json"),
    ("/schedule.xml", "application/xml"),
    ("/schedule.json", "application/json"),
    ("/programme.ics", "text/calendar; charset=utf-8"),
    ("/programme.jsonld", "application/ld+json"),
    ("/programme/sessions.csv", "text/csv; charset=utf-8; header=present"),
    ("/releases.atom", "application/atom+xml"),
];

fn start_published(store: Store) -> App {
    let app = Environment::new(store).start();
    app.publish(&small_conference(None, None));
    app
}

fn release(app: &App) {
    assert_eq!(app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({}))).status, 201);
}

fn get_coded(app: &App, path: &str, coding: &str) -> Answer {
    app.get_with(path, &[("accept-encoding", coding)])
}

fn decompress(answer: &Answer) -> Vec<u8> {
    let mut plain = Vec::new();
    match answer.header("content-encoding") {
        Some("br") => _ = brotli::Decompressor::new(answer.body.as_slice(), 4096).read_to_end(&mut plain).unwrap(),
        Some("zstd") => plain = zstd::decode_all(answer.body.as_slice()).unwrap(),
        Some("gzip") => _ = flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_end(&mut plain).unwrap(),
        _ => plain.clone_from(&answer.body),
    }
    plain
}

on_both_stores! {
    fn every_document_has_each_coding_with_its_own_etag(store) {
        let app = start_published(store);
        for (place, media_type) in DOCUMENTS {
            let path = format!("{SMALL}{place}");
            let plain = get_coded(&app, &path, "identity");
            assert_eq!(plain.status, 200, "{path}");
            assert_eq!(plain.header("content-type"), Some(media_type), "{path}");
            assert_eq!(plain.header("content-encoding"), None);
            assert_eq!(plain.header("content-language"), Some("en"));
            assert_eq!(plain.header("vary"), Some("Accept-Encoding, Accept-Language"));
            assert_eq!(plain.header("cache-control"), Some("public, max-age=10, stale-while-revalidate=60"));
            assert_eq!(plain.header("access-control-allow-origin"), Some("*"));
            let mut tags = vec![plain.header("etag").unwrap().to_owned()];
            for coding in ["br", "zstd", "gzip"] {
                let coded = get_coded(&app, &path, coding);
                assert_eq!(coded.header("content-encoding"), Some(coding), "{path}");
                assert_eq!(decompress(&coded), plain.body, "{path} {coding}");
                let tag = coded.header("etag").unwrap().to_owned();
                let headers = [("accept-encoding", coding), ("if-none-match", tag.as_str())];
                let fresh = app.get_with(&path, &headers);
                assert_eq!((fresh.status, fresh.header("etag")), (304, Some(tag.as_str())), "{path}");
                assert_eq!(fresh.header("vary"), plain.header("vary"));
                assert_eq!(fresh.header("cache-control"), plain.header("cache-control"));
                let head = app.send("HEAD", &path, &[("accept-encoding", coding)], None);
                assert_eq!((head.status, head.header("etag")), (200, Some(tag.as_str())));
                assert_eq!(head.header("content-length"), Some(coded.body.len().to_string().as_str()));
                tags.push(tag);
            }
            tags.sort_unstable();
            tags.dedup();
            assert_eq!(tags.len(), 4, "{path}");
            assert!(tags.iter().all(|tag| tag.starts_with('"')), "strong");
        }
    }

    fn documents_are_the_same_bytes_after_a_restart_and_in_another_process(store) {
        let environment = std::sync::Arc::new(Environment::new(store).set("PLENARY_PUBLIC_URL", "https://conference.example"));
        let app = environment.start_shared();
        app.publish(&small_conference(None, None));
        app.log.wait_for("the documents of a release are stored");
        let read = |app: &App| {
            let tag_of = |coding: &str| {
                let get = |(place, _): &(&str, &str)| get_coded(app, &format!("{SMALL}{place}"), coding);
                DOCUMENTS.iter().map(get).map(|answer| (answer.header("etag").unwrap().to_owned(), answer.body)).collect()
            };
            ["identity", "br", "zstd", "gzip"].map(tag_of) as [Vec<_>; 4]
        };
        let first = read(&app);
        let stored = environment.database.count("SELECT count(*) AS n FROM representations");
        let in_two_languages_and_three_codings = i64::try_from(DOCUMENTS.len()).unwrap() * 2 * 3;
        assert_eq!(stored, in_two_languages_and_three_codings);
        let second = environment.start_shared();
        assert!(read(&second) == first, "another process");
        drop((app, second));
        let third = environment.start_shared();
        assert!(read(&third) == first, "after a restart");
        assert_eq!(environment.database.count("SELECT count(*) AS n FROM representations"), stored);
        // A release replaces the one before.
        release(&third);
        third.log.wait_for("the documents of a release are stored");
        assert_eq!(environment.database.count("SELECT count(*) AS n FROM representations"), stored);
    }

    fn unreadable_stored_documents_are_made_again(store) {
        let environment = std::sync::Arc::new(Environment::new(store).set("PLENARY_PUBLIC_URL", "https://conference.example"));
        let app = environment.start_shared();
        app.publish(&small_conference(None, None));
        app.log.wait_for("the documents of a release are stored");
        let before = app.get(&format!("{SMALL}/programme"));
        drop(app);
        environment.database.execute("UPDATE representations SET publication = 'nonsense' WHERE publication = 'programme.ics'");
        let app = environment.start_shared();
        app.log.wait_for("the stored documents of a release cannot be read");
        app.log.wait_for("the documents of a release are stored");
        assert_eq!(app.get(&format!("{SMALL}/programme")).body, before.body);
        let nonsense = "SELECT count(*) AS n FROM representations WHERE publication = 'nonsense'";
        assert_eq!(environment.database.count(nonsense), 0);
    }

    fn a_reader_with_an_etag_gets_each_changed_release_from_either_process(store) {
        let environment = std::sync::Arc::new(Environment::new(store).set("PLENARY_PUBLIC_URL", "https://conference.example"));
        let (first_app, second_app) = (environment.start_shared(), environment.start_shared());
        let mut document = small_conference(None, None);
        first_app.publish(&document);
        second_app.log.wait_for("serving a release");
        let paths = ["/programme", "/programme/rooms", "/schedule.xml", "/programme.ics"];
        let tags = |app: &App| paths.map(|path| app.get(&format!("{SMALL}{path}")).header("etag").unwrap().to_owned());
        let statuses = |app: &App, tags: &[String; 4]| {
            let ask = |(path, tag): (&str, &String)| app.get_with(&format!("{SMALL}{path}"), &[("if-none-match", tag)]).status;
            paths.into_iter().zip(tags).map(ask).collect::<Vec<_>>()
        };
        let first = tags(&first_app);
        assert_eq!(tags(&second_app), first);
        assert_eq!((statuses(&first_app, &first), statuses(&second_app, &first)), (vec![304; 4], vec![304; 4]));
        // The second release renames a session: rooms stay as they were.
        document["sessions"][0]["title"] = json!("Grand opening");
        second_app.publish(&document);
        first_app.log.wait_for("\"release\":2");
        let second = tags(&second_app);
        for app in [&first_app, &second_app] {
            assert_eq!(statuses(app, &first), [200, 304, 200, 200]);
            assert_eq!(statuses(app, &second), [304; 4]);
        }
        // The third changes only its number, which is in the programme and the schedule.
        first_app.publish(&document);
        second_app.log.wait_for("\"release\":3");
        for app in [&first_app, &second_app] {
            assert_eq!(statuses(app, &second), [200, 304, 200, 304]);
            assert_eq!(statuses(app, &first), [200, 304, 200, 200]);
        }
    }

    fn a_redaction_changes_every_document_and_older_releases_with_new_etags(store) {
        let app = start_published(store);
        release(&app);
        let paths: Vec<String> = DOCUMENTS
            .iter()
            .flat_map(|(place, _)| ["", "?version=1"].map(|query| format!("{SMALL}{place}{query}")))
            .filter(|path| !path.contains("releases.atom?"))
            .collect();
        let named: Vec<_> = paths.iter().filter(|path| app.get(path).text().contains("Lovelace")).collect();
        assert!(named.len() >= 14, "{named:?}");
        let tags: Vec<_> = named.iter().map(|path| app.get(path).header("etag").unwrap().to_owned()).collect();
        assert_eq!(app.admin("POST", &format!("{SMALL}/agenda/speakers/ada/redact"), Some(&json!({}))).status, 200);
        for path in &paths {
            for coding in ["identity", "br", "zstd", "gzip"] {
                let answer = get_coded(&app, path, coding);
                let text = String::from_utf8(decompress(&answer)).unwrap();
                assert!(!text.contains("Lovelace"), "{path} {coding}");
            }
        }
        for (path, tag) in named.iter().zip(&tags) {
            assert_eq!(app.get_with(path, &[("if-none-match", tag)]).status, 200, "{path}");
        }
    }
}

#[test]
fn a_redaction_of_a_person_in_older_releases_only_changes_the_feed() {
    let app = start_published(Store::Sqlite);
    let mut without = small_conference(None, None);
    without["speakers"].as_array_mut().unwrap().remove(0);
    without["sessions"][0]["items"] = json!([]);
    app.publish(&without);
    app.log.wait_for("\"release\":2");
    let feed = || app.get(&format!("{SMALL}/releases.atom")).text().to_owned();
    assert!(feed().contains("Lovelace"));
    assert!(!app.get(&format!("{SMALL}/programme")).text().contains("Lovelace"));
    assert_eq!(app.admin("POST", &format!("{SMALL}/agenda/speakers/ada/redact"), Some(&json!({}))).status, 200);
    assert!(!feed().contains("Lovelace"));
}

#[test]
fn a_partial_document_has_codings_and_etags_and_is_never_outdated() {
    let app = start_published(Store::Sqlite);
    let paths = [
        "/programme?day=2030-05-01",
        "/programme/days/2030-05-01",
        "/programme/sessions/opening",
        "/programme/speakers/ada",
        "/programme.ics?sessions=opening",
        "/programme/sessions/opening.ics",
        "/programme/sessions?fields=title",
    ];
    let read = |path: &str| get_coded(&app, &format!("{SMALL}{path}"), "identity");
    let first = paths.map(read);
    for (path, plain) in paths.iter().zip(&first) {
        for coding in ["br", "zstd", "gzip"] {
            let coded = get_coded(&app, &format!("{SMALL}{path}"), coding);
            assert_eq!(
                (coded.header("content-encoding"), decompress(&coded)),
                (Some(coding), plain.body.clone()),
                "{path}"
            );
            assert_ne!(coded.header("etag"), plain.header("etag"));
            assert_eq!(coded.header("vary"), Some("Accept-Encoding, Accept-Language"));
        }
        let tag = plain.header("etag").unwrap();
        assert_eq!(app.get_with(&format!("{SMALL}{path}"), &[("if-none-match", tag)]).status, 304, "{path}");
    }
    let mut document = small_conference(None, None);
    document["sessions"][0]["title"] = json!("Grand opening");
    document["speakers"][0]["family_name"] = json!("King");
    app.publish(&document);
    for (path, before) in paths.iter().zip(&first) {
        assert_ne!(read(path).body, before.body, "{path}");
    }
}

#[test]
fn an_older_release_is_cacheable_for_a_day_and_can_change() {
    let app = start_published(Store::Sqlite);
    release(&app);
    for version in [1, 2] {
        let answer = app.get(&format!("{SMALL}/schedule.xml?version={version}"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=86400"));
        assert!(answer.text().contains(&format!("<version>{version}</version>")));
    }
}

#[test]
fn any_origin_may_read_the_programme_whatever_the_settings() {
    let app = Environment::new(Store::Sqlite).set("PLENARY_CORS_ORIGINS", "https://our.example").start();
    app.publish(&small_conference(None, None));
    let origin = ("origin", "https://other.example");
    for path in ["/programme", "/schedule.xml", "/releases", "/programme?track=nothing", "/programme/sessions/nothing"]
    {
        let answer = app.get_with(&format!("{SMALL}{path}"), &[origin]);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert!(answer.header("vary").is_none_or(|vary| !vary.contains("Origin")), "{path}");
        let ask =
            [origin, ("access-control-request-method", "GET"), ("access-control-request-headers", "if-none-match")];
        let leave = app.send("OPTIONS", &format!("{SMALL}{path}"), &ask, None);
        assert_eq!((leave.status, leave.header("access-control-allow-origin")), (204, Some("*")), "{path}");
        assert!(leave.header("access-control-allow-headers").unwrap().contains("if-none-match"));
    }
    let ask = [origin, ("access-control-request-method", "POST")];
    let leave = app.send("OPTIONS", &format!("{SMALL}/releases"), &ask, None);
    assert_eq!(leave.header("access-control-allow-origin"), None, "writing is another matter");
    let private = app.get_with(&format!("{SMALL}/agenda"), &[origin]);
    assert_eq!(private.header("access-control-allow-origin"), None);
}

#[test]
fn a_document_has_one_language_and_a_missing_resource_is_404() {
    let app = start_published(Store::Sqlite);
    assert_eq!(app.get(&format!("{SMALL}/schedule.xml?lang=*")).faults(), ["?lang unknown_language"]);
    assert_eq!(app.get(&format!("{SMALL}/schedule.xml?lang=de")).faults(), ["?lang unknown_language"]);
    assert_eq!(app.get(&format!("{SMALL}/schedule.xml?day=2030-05-01")).faults(), ["?day unknown_field"]);
    assert_eq!(
        app.get_with(&format!("{SMALL}/programme.ics"), &[("accept-language", "fr")]).header("content-language"),
        Some("fr")
    );
    assert_eq!(app.get(&format!("{SMALL}/programme/high-level-session")).status, 404);
    assert_eq!(app.get(&format!("{SMALL}/schedule.xml?version=9")).status, 404);
    assert_eq!(app.get("/api/v1/conferences/nowhere/schedule.xml").status, 404);
    for path in ["/", "/programme/", "/schedule.xml/"] {
        assert_eq!(app.get(&format!("{SMALL}{path}")).status, 404, "{path} is no route");
    }
}

/// A feed as a feed library parses it: whether it is well formed, and each entry's title, summary and content.
const FEED_READER: &str = "
import feedparser, json, sys
feed = feedparser.parse(sys.stdin.buffer.read())
entries = [[entry.get(key, '') for key in ('title', 'summary', 'published')] + [
    entry.content[0].value if 'content' in entry else ''] for entry in feed.entries]
print(json.dumps([bool(feed.bozo), feed.feed.title, feed.feed.language if 'language' in feed.feed else '', entries]))
";

#[test]
fn the_feed_has_an_entry_for_each_release_with_its_changes() {
    if !smtp::python_has("feedparser") {
        return;
    }
    let app = Environment::new(Store::Sqlite).start();
    let mut document = small_conference(None, None);
    app.publish(&document);
    document["sessions"][0]["title"]["fr"] = json!("Grande <ouverture> & \u{e9}t\u{e9}");
    assert_eq!(app.admin("PUT", &format!("{SMALL}/blueprint"), Some(&document)).status, 200);
    let note = json!({ "note": "Un <titre> & deux" });
    assert_eq!(app.admin("POST", &format!("{SMALL}/releases"), Some(&note)).status, 201);
    let feed = app.get(&format!("{SMALL}/releases.atom?lang=fr"));
    let read: Value = serde_json::from_str(&smtp::run_python(FEED_READER, feed.text())).unwrap();
    let released = |number: u32| app.get(&format!("{SMALL}/releases/{number}")).json()["released_at"].clone();
    assert_eq!(read[0], false, "well formed");
    assert_eq!(read[1], "Petite conférence");
    assert_eq!(
        read[3],
        json!([
            [
                "Version 2",
                "Un <titre> & deux",
                released(2),
                "«\u{a0}Ouverture\u{a0}» s’appelle désormais «\u{a0}Grande <ouverture> & été\u{a0}»."
            ],
            ["Version 1", "", released(1), ""],
        ])
    );
    for number in 3..=25 {
        release(&app);
        assert_eq!(app.get(&format!("{SMALL}/releases/{number}")).status, 200);
    }
    let feed = app.get(&format!("{SMALL}/releases.atom")).text().to_owned();
    assert_eq!(feed.matches("<entry>").count(), 20, "the last ones");
    assert!(feed.contains("<title>Release 25</title>") && !feed.contains("<title>Release 5</title>"));
}
