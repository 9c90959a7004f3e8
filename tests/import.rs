//! Files of other systems: imported, imported again, refused whole; whole schedules are released and read back.

use std::{collections::BTreeSet, process::Output};

use serde_json::{Value, json};

use crate::support::{
    Answer, App,
    app::{ADMIN, Environment, small_conference},
    fixtures::schedules,
    on_both_stores, repetitions,
};

const SMALL: &str = "/api/v1/conferences/small";
const XML: &str = "application/xml";
const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const CALENDAR: &str = "text/calendar";

fn import(app: &App, query: &str, media_type: &str, file: &str) -> Answer {
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", media_type)];
    app.send("POST", &format!("{SMALL}/agenda/import{query}"), &headers, Some(file))
}

fn import_successfully(app: &App, query: &str, media_type: &str, file: &str) -> Value {
    let answer = import(app, query, media_type, file);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn changes(outcome: &Value) -> Vec<String> {
    let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
    let line = |change: &Value| {
        let fields: Vec<_> = change["fields"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
        let line = format!(
            "{} {} {} {}",
            text(change, "action"),
            text(change, "resource"),
            text(change, "code"),
            fields.join(",")
        );
        line.trim_end().to_owned()
    };
    outcome["changes"].as_array().unwrap().iter().map(line).collect()
}

/// The codes of the notes with their counts.
fn notes(outcome: &Value) -> Vec<String> {
    let note = |note: &Value| format!("{} {}", note["code"].as_str().unwrap(), note["count"]);
    outcome["report"].as_array().unwrap().iter().map(note).collect()
}

fn draft(app: &App) -> Value {
    app.admin("GET", &format!("{SMALL}/agenda"), None).json()
}

/// A service with the small conference.
fn start_small(store: crate::support::Store) -> App {
    let app = Environment::new(store).start();
    app.publish(&small_conference(Some(10), None));
    app
}

fn schedule(conference: &str, events: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<schedule><conference>{conference}</conference>\n\
         <day index=\"1\" date=\"2030-05-01\" start=\"2030-05-01T04:00:00+02:00\"><room name=\"Hall\">\n{events}\n\
         </room></day><day index=\"2\" date=\"2030-05-02\" start=\"2030-05-02T04:00:00+02:00\"/></schedule>"
    )
}

/// A schedule with this head and these events.
const HEAD: &str =
    "<title>Lenient</title><acronym>lenient2030</acronym><time_zone_name>Europe/Brussels</time_zone_name>";

fn event(number: u32, title: &str, persons: &str) -> String {
    format!(
        "<event guid=\"00000000-0000-4000-8000-{number:012}\" id=\"{number}\"><date>2030-05-01T{:02}:00:00+02:00</date>\
         <duration>00:30</duration><title>{title}</title><type>lecture</type><language>en</language>\
         <persons>{persons}</persons></event>\n",
        9 + number % 12
    )
}

fn run(app: &App, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = app.environment.run(arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

on_both_stores! {
    fn an_import_adds_and_updates_and_a_second_one_changes_nothing(store) {
        let app = start_small(store);
        let file = schedule(HEAD, &(event(1, "One", "<person id='1'>Ada Lovelace</person>") + &event(2, "Two", "")));
        let plan = [
            "update day 2030-05-01 changeover", "update day 2030-05-02 changeover",
            "create session one", "create session two",
        ];
        let dry_run = import_successfully(&app, "?dry_run=true", XML, &file);
        assert_eq!(changes(&dry_run), plan);
        assert_eq!(draft(&app)["sessions"].as_array().unwrap().len(), 1, "a dry run writes nothing");
        let outcome = import_successfully(&app, "", XML, &file);
        assert_eq!(changes(&outcome), plan);
        assert_eq!(outcome["counts"], json!({ "days": 2, "rooms": 1, "tracks": 0, "sessions": 2, "speakers": 1 }));
        assert_eq!(notes(&outcome), ["kind 2"]);
        for query in ["", "?mode=merge", "?dry_run=true"] {
            assert_eq!(changes(&import_successfully(&app, query, XML, &file)), Vec::<String>::new());
        }
        let before = draft(&app);
        assert_eq!(before["sessions"].as_array().unwrap().len(), 3, "nothing is removed");
        let one = &before["sessions"][1];
        assert_eq!(one["room"], "hall");
        assert_eq!(one["appearances"][0]["speaker"], "ada", "a speaker is found by name");
        assert_eq!(one["starts_at"], "2030-05-01T10:00:00+02:00");
        let changed = file.replace("<title>One</title>", "<title>Eins</title>");
        assert_eq!(changes(&import_successfully(&app, "", XML, &changed)), ["update session one title"]);
        let after = draft(&app);
        assert_eq!(after["sessions"][1]["id"], one["id"]);
        assert_eq!(after["sessions"][1]["title"], json!({ "en": "Eins" }));
    }

    fn a_name_that_latin_letters_do_not_say_gets_a_neutral_code_that_stays(store) {
        let app = start_small(store);
        let people = "<person>田中 太郎</person><person>สมชาย ใจดี</person><person>Zoë 😀</person><person>Наталия Щербакова</person>";
        let file = schedule(HEAD, &event(1, "开幕式", people));
        import_successfully(&app, "", XML, &file);
        let codes = |list: &str| -> Vec<String> {
            let draft = draft(&app);
            draft[list].as_array().unwrap().iter().map(|thing| thing["code"].as_str().unwrap().to_owned()).collect()
        };
        let speakers = ["ada", "bob", "speaker-4c171aab", "speaker-682c224a", "zoe", "nataliia-shcherbakova"];
        assert_eq!(codes("speakers"), speakers);
        assert_eq!(codes("sessions"), ["opening", "session-1432c0a8"]);
        assert_eq!(changes(&import_successfully(&app, "", XML, &file)), Vec::<String>::new());
        // A speaker keeps the code that an import of before has made; a table may have the name in Latin letters.
        let table = "code,name,latin_name,organisation\ntian-zhong,田中 一郎,,\n,金 太郎,Kim Tarō,日本政府\n";
        import_successfully(&app, "", CSV, table);
        let table = "name,latin_name\n田中 一郎,Tanaka Ichirō\n金 太郎,\n";
        assert_eq!(changes(&import_successfully(&app, "", CSV, table)), Vec::<String>::new());
        assert_eq!(codes("speakers")[6..], ["tian-zhong", "kim-taro"]);
        assert_eq!(codes("organisations").last().unwrap(), "organisation-96b4856b");
        // schedule.xml gives the session a slug without a guess.
        app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({})));
        let schedule = app.get(&format!("{SMALL}/schedule.xml"));
        assert!(schedule.text().contains("-parallel</slug>") && !schedule.text().contains("kai-mu"), "{}", schedule.text());
    }

    fn edits_of_an_imported_session_survive_the_next_import(store) {
        let app = start_small(store);
        let file = schedule(HEAD, &event(1, "One", "<person>Ada Lovelace</person><person>Cleo</person>"));
        import_successfully(&app, "", XML, &file);
        let mut document = draft(&app);
        let session = &mut document["sessions"][1];
        session["code"] = json!("first");
        session["kind"] = json!("thematic");
        session["title"]["fr"] = json!("Un");
        session["appearances"] = json!([
            { "speaker": "cleo", "role": "moderator" }, { "speaker": "bob", "role": "chair" }
        ]);
        session["items"] = json!([
            { "code": "talk-of-ada", "kind": "keynote", "title": "Talk",
              "appearances": [{ "speaker": "ada", "role": "keynote_speaker" }] }
        ]);
        assert_eq!(app.admin("PUT", &format!("{SMALL}/agenda"), Some(&document)).status, 200);
        let stored = draft(&app);
        assert_eq!(changes(&import_successfully(&app, "", XML, &file)), Vec::<String>::new());
        assert_eq!(draft(&app), stored);
    }

    fn mode_replace_replaces_the_lists_and_keeps_the_conference(store) {
        let app = start_small(store);
        let file = schedule(HEAD, &event(1, "One", "<person>Ada Lovelace</person>"));
        let before = draft(&app);
        assert_eq!(changes(&import_successfully(&app, "?mode=replace", XML, &file)), [
            "update day 2030-05-01 changeover", "update day 2030-05-02 changeover", "update room hall capacity",
            "create session one", "remove track law", "remove speaker bob", "remove session opening",
            "remove item welcome", "remove item talk",
        ]);
        let after = draft(&app);
        assert_eq!(after["conference"], before["conference"]);
        assert_eq!(after["speakers"][0]["id"], before["speakers"][0]["id"]);
        assert_eq!(changes(&import_successfully(&app, "?mode=replace", XML, &file)), Vec::<String>::new());
    }

    fn a_file_with_a_fault_is_refused_as_a_whole_with_line_numbers(store) {
        let app = start_small(store);
        let before = draft(&app);
        let good = schedule(HEAD, &event(1, "One", ""));
        let bad = |from: &str, to: &str| good.replace(from, to);
        let json = |events: &str| format!(
            "{{\"schedule\": {{\"conference\": {{\"days\": \
             [{{\"date\": \"2030-05-01\", \"rooms\": {{\"Hall\": [\n{events}]}}}}]}}}}}}"
        );
        let bomb = "<?xml version=\"1.0\"?>\n\
            <!DOCTYPE b [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]>\n<schedule>&b;</schedule>";
        for (media_type, file, expected) in [
            (XML, good[..good.len() - 60].to_owned(), "line 6 malformed_xml"),
            (XML, bad("<title>One</title>", "<title> </title>"), "line 4 required"),
            (XML, bad("00:30", "soon"), "line 4 invalid_duration"),
            (XML, bad("<date>2030-05-01T10:00:00+02:00</date>", ""), "line 4 invalid_time"),
            (XML, bad("date=\"2030-05-02\"", "date=\"2031-05-02\""), "line 6 outside_conference"),
            (XML, bad("date=\"2030-05-02\"", ""), "line 6 outside_conference"),
            (XML, bomb.to_owned(), "line 2 doctype"),
            (XML, "<html/>".to_owned(), "line 1 other_format"),
            (CSV, good.clone(), "line 1 other_format"),
            (JSON, good.clone(), "line 1 other_format"),
            (XML, "name\nAda\n".to_owned(), "line 1 other_format"),
            (JSON, json("{\"title\": \"One\", }"), "line 2 malformed_json"),
            (JSON, json("{\"title\": \"\", \"start\": \"9:00\"}"), "line 2 required"),
            (JSON, "{}".to_owned(), "line 1 other_format"),
            (JSON, "[1".to_owned(), "line 1 other_format"),
            (CALENDAR, "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\n".to_owned(), "line 3 malformed_calendar"),
            (CSV, "given_name,country\nAda,BE\n".to_owned(), "line 1 missing_column"),
            (CSV, String::new(), "line 1 missing_column"),
        ] {
            let file = if expected.ends_with("6 outside_conference") && !file.contains("2031") {
                file.replace("start=\"2030-05-02T", "start=\"2031-05-02T")
            } else {
                file
            };
            let answer = import(&app, "", media_type, &file);
            assert_eq!(answer.problem(), (422, "validation".to_owned()));
            assert_eq!(answer.faults(), [expected], "{file}");
        }
        let far = import(&app, "", XML, &bad("2030-05-01T10:00:00+02:00", "4000-05-01T10:00:00+02:00"));
        assert_eq!(far.faults(), ["line 4 invalid_time", "line 4 invalid_time"], "its start and its end");
        let many: String = (0..5001).map(|number| event(number, "One", "")).collect();
        let answer = import(&app, "", XML, &schedule(HEAD, &many));
        assert_eq!((answer.status, answer.faults()), (422, vec!["line 5004 too_long".to_owned()]));
        let several = schedule(HEAD, &(event(1, "One", "") + &event(2, "", "") + &event(3, "", "")));
        assert_eq!(import(&app, "", XML, &several).faults(), ["line 5 required", "line 6 required"]);
        assert_eq!(draft(&app), before);
    }

    fn only_editors_import_and_only_accepted_formats(store) {
        let app = start_small(store);
        let path = format!("{SMALL}/agenda/import");
        let file = schedule(HEAD, "");
        for (role, status) in [("viewer", 403), ("registrar", 403), ("agenda_editor", 200)] {
            let (_, token, _) = run(&app, &["token", "create", "--role", role, "--conference", "small"]);
            let bearer = format!("Bearer {}", token.trim());
            let headers = [("authorization", bearer.as_str()), ("content-type", "text/xml")];
            assert_eq!(app.send("POST", &path, &headers, Some(&file)).status, status, "{role}");
        }
        assert_eq!(app.send("POST", &path, &[("content-type", XML)], Some(&file)).status, 401);
        for media_type in ["text/plain", "application/octet-stream", "multipart/form-data"] {
            let answer = import(&app, "", media_type, &file);
            assert_eq!(answer.problem(), (415, "unsupported-media-type".to_owned()));
            assert!(answer.header("accept").unwrap().contains("text/calendar"));
        }
        assert_eq!(import(&app, "", "application/vnd.c3voc.schedule+xml; charset=utf-8", &file).status, 200);
        assert_eq!(import(&app, "?mode=append", XML, &file).faults(), ["?mode unknown_value"]);
        assert_eq!(import(&app, "?time_zone=Mars", XML, &file).faults(), ["?time_zone invalid_time_zone"]);
        assert_eq!(import(&app, "?what=1", XML, &file).faults(), ["?what unknown_field"]);
        let elsewhere = app.admin("POST", "/api/v1/conferences/none/agenda/import", Some(&json!({})));
        assert_eq!(elsewhere.problem(), (404, "not-found".to_owned()));
        let long = " ".repeat(16 * 1024 * 1024 + 1);
        assert_eq!(import(&app, "", XML, &long).problem(), (413, "too-large".to_owned()));
    }

    fn files_are_read_leniently_and_each_assumption_is_reported(store) {
        let app = Environment::new(store).start();
        let events = [
            // No guid, no date: of the day, or of the night after it.
            "<event id='1'><start>23:30</start><duration>00:45:00</duration><title>Late</title></event>",
            "<event id='2'><start>03:30</start><duration>1:00</duration><title>Night</title></event>",
            // A guid that is none; a date in UTC with a start that is not.
            "<event id='3' guid='c2FtcGxl=='><date>2030-05-01T05:00:00+00:00</date><start>10:30</start>\
                <duration>45</duration><title>Early</title><unknown><deep>x</deep></unknown></event>",
            // Twice the same guid, and twice the same id.
            "<event id='4' guid='270fa44c-821a-577f-8ca3-33e8d4a8c2a7'><date>2030-05-01T09:00:00+02:00</date>\
                <duration>00:30</duration><title>Kept</title></event>",
            "<event id='5' guid='270FA44C-821A-577F-8CA3-33E8D4A8C2A7'><date>2030-05-01T09:00:00+02:00</date>\
                <duration>00:30</duration><title>Left out</title></event>",
            "<event id='4' guid='270fa44c-821a-577f-8ca3-33e8d4a8c2a8'><date>2030-05-01T09:00:00+02:00</date>\
                <duration>25:00</duration><title>Cafe\u{301}\u{202E} &amp; &#60;b&#62;</title><room>Attic</room>\
                <subtitle>Sub</subtitle><abstract>&lt;p&gt;A&lt;/p&gt;&lt;p&gt;B&lt;/p&gt;</abstract>\
                <language>en_US, Klingonisch</language>\
                <persons><person>Ada Lovelace</person><person id='x7'>Ada Lovelace</person><person id='8'>Ada Lovelace</person>\
                <person id='9'>Fefe</person><person id='9'>Fefe</person><person/></persons></event>",
            "<event id='6'><date>2030-05-01T09:00</date><duration/><title>Short</title><type>Coffee break</type></event>",
        ];
        let conference = format!("{HEAD}<day_change>06:00</day_change><timeslot_duration>00:15</timeslot_duration>");
        let file = format!("\u{FEFF}{}", schedule(&conference, &events.join("\n")));
        let path = app.environment.folder.write("lenient.xml", &file);
        let (code, out, _) = run(&app, &["import", path.to_str().unwrap()]);
        assert_eq!(code, 0);
        let mut lines = out.lines();
        assert_eq!(lines.next(), Some("lenient2030: 2 days, 1 room, 0 tracks, 6 sessions, 3 speakers"));
        let codes: BTreeSet<_> = lines.filter_map(|line| line.strip_prefix("  ")?.split(':').next()).collect();
        assert_eq!(codes.into_iter().collect::<Vec<_>>(), [
            "conflict", "duplicate_event", "duplicate_id", "duration_parts", "guid_derived", "guid_replaced",
            "hidden_character", "html", "language", "nameless", "no_duration", "not_kept", "room", "same_name", "subtitle",
        ]);
        let document = app.admin("GET", "/api/v1/conferences/lenient2030/agenda", None).json();
        let sessions: Vec<_> = document["sessions"].as_array().unwrap().iter().map(|session| {
            let text = |key: &str| session[key].as_str().unwrap()[..16].to_owned();
            let code = session["code"].as_str().unwrap();
            format!("{code} {} {} {}", text("starts_at"), text("ends_at"), session["kind"])
        }).collect();
        assert_eq!(sessions, [
            "early 2030-05-01T07:00 2030-05-01T07:45 \"parallel\"",
            "kept 2030-05-01T09:00 2030-05-01T09:30 \"parallel\"",
            "cafe-b 2030-05-01T09:00 2030-05-02T10:00 \"parallel\"",
            "short 2030-05-01T09:00 2030-05-01T09:15 \"break\"",
            "late 2030-05-01T23:30 2030-05-02T00:15 \"parallel\"",
            "night 2030-05-02T03:30 2030-05-02T04:30 \"parallel\"",
        ]);
        assert_eq!(document["conference"]["languages"], json!(["en-US"]));
        let cafe = &document["sessions"][2];
        assert_eq!(cafe["title"], json!({ "en-US": "Café & <b>" }));
        assert_eq!(cafe["abstract"], json!({ "en-US": "Sub\n\nA\n\nB" }));
        assert_eq!(cafe["room"], "hall");
        let appearances = cafe["appearances"].as_array().unwrap();
        let speakers: Vec<_> = appearances.iter().map(|found| found["speaker"].clone()).collect();
        assert_eq!(speakers, ["ada-lovelace-2", "ada-lovelace", "fefe"]);
        assert_eq!(document["speakers"][2]["given_name"], Value::Null);
        assert_eq!(document["days"][1]["changeover"], "04:00");
        let force = json!({ "force": { "reason": "as the file has it" } });
        assert_eq!(app.admin("POST", "/api/v1/conferences/lenient2030/releases", Some(&force)).status, 201);
        let (code, out, _) = run(&app, &["import", path.to_str().unwrap()]);
        assert_eq!((code, out.lines().last()), (0, Some("Nothing to change.")));
        assert_eq!(app.get("/api/v1/conferences/lenient2030/registration-form").status, 200);
    }

    fn a_table_of_speakers_adds_and_updates_them_and_their_organisations(store) {
        let app = start_small(store);
        let table = "Given name;Family name;Organisation;Country;Biography;Shoe size\n\
            Ada;Lovelace;Analytical Institute;gb;\"First.\n\nSecond.\";37\n\
            Grace;Hopper;analytical institute;US;;\n;Fefe;;;;\n";
        let outcome = import_successfully(&app, "", CSV, table);
        assert_eq!(changes(&outcome), [
            "create organisation analytical-institute", "update speaker ada biography,country,organisation",
            "create speaker grace-hopper", "create speaker fefe",
        ]);
        assert_eq!(outcome["counts"]["speakers"], 3);
        assert_eq!(outcome["report"], json!([
            { "code": "not_kept", "detail": "the column \"Shoe size\"", "count": 1, "lines": [1] }
        ]));
        assert_eq!(changes(&import_successfully(&app, "", CSV, table)), Vec::<String>::new());
        let document = draft(&app);
        assert_eq!(document["speakers"][0]["biography"], json!({ "en": "First.\n\nSecond." }));
        let rows = "code,family_name,country\n\
            ada,Lovelace,\nbob,Noyce,BE\nx,X,\ny,Y,\nz,Z,\nbad,Bad,Belgium\nbad,Bad,\nx,X,XX\n";
        assert_eq!(import(&app, "", CSV, rows).faults(), ["line 7 invalid_country", "line 9 invalid_country"]);
        assert_eq!(import(&app, "", CSV, "code,name\nada,Ada L\nada,Ada M\n").faults(), ["line 3 duplicate"]);
        assert_eq!(import(&app, "?mode=replace", CSV, "name\nAda Lovelace\n").status, 422, "Bob still speaks");
        assert_eq!(draft(&app), document);
    }

    fn a_table_of_speakers_loses_the_guards_against_formulas_and_nothing_else(store) {
        let app = start_small(store);
        let table = "family_name,organisation,country\n'=x,'-Dash; Inc,\n-5,+32,\n't Hooft,''@at,\n";
        import_successfully(&app, "", CSV, table);
        let document = draft(&app);
        let values_of = |list: &str, field: &str| -> Vec<Value> {
            document[list].as_array().unwrap().iter().map(|thing| thing[field].clone()).collect()
        };
        let names = values_of("speakers", "family_name");
        assert!(["=x", "-5", "'t Hooft"].iter().all(|name| names.contains(&json!(name))), "{names:?}");
        let names = json!(values_of("organisations", "name")).to_string();
        assert!(["\"-Dash; Inc\"", "\"+32\"", "\"'@at\""].iter().all(|name| names.contains(name)), "{names}");
    }

    fn a_calendar_becomes_sessions_in_the_conference_s_zone(store) {
        let app = start_small(store);
        let file = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Any\r\n\
            BEGIN:VEVENT\r\nUID:270fa44c-821a-577f-8ca3-33e8d4a8c2a7@example.org\r\nSUMMARY:Zulu\\, a talk\r\n\
            DTSTART:20300501T080000Z\r\nDTEND:20300501T090000Z\r\nLOCATION:Hall\r\nCATEGORIES:Law\r\n\
            ATTENDEE;CN=\"Ada Lovelace\":invalid:nomail\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:Floating\r\nDTSTART:20300502T080000\r\nDURATION:PT1H30M\r\n\
            RRULE:FREQ=DAILY\r\n\
            DESCRIPTION:One\\n\r\n \\nTwo\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let outcome = import_successfully(&app, "", CALENDAR, file);
        assert_eq!(changes(&outcome), ["create session zulu-a-talk", "create session floating"]);
        assert_eq!(notes(&outcome), ["recurrence 1", "guid_replaced 1"]);
        assert_eq!(changes(&import_successfully(&app, "", CALENDAR, file)), Vec::<String>::new());
        let document = draft(&app);
        let zulu = &document["sessions"][1];
        assert_eq!(zulu["guid"], "270fa44c-821a-577f-8ca3-33e8d4a8c2a7");
        assert_eq!(zulu["starts_at"], "2030-05-01T10:00:00+02:00");
        assert_eq!((&zulu["room"], &zulu["track"]), (&json!("hall"), &json!("law")));
        assert_eq!(zulu["appearances"][0]["speaker"], "ada");
        assert_eq!(document["sessions"][2]["ends_at"], "2030-05-02T09:30:00+02:00");
        assert_eq!(document["sessions"][2]["abstract"], json!({ "en": "One\n\nTwo" }));
    }

    fn the_command_prints_a_report_and_reports_faults_by_line(store) {
        let app = Environment::new(store).start();
        let write = |name: &str, text: &str| app.environment.folder.write(name, text).to_str().unwrap().to_owned();
        let head = "<title>Small</title><start>2030-05-01</start><end>2030-05-03</end>";
        let event = "<event id='1'><start>09:00</start><duration>00:30</duration><title>One</title></event>";
        let file = write("small.xml", &schedule(head, event));
        let (code, out, _) = run(&app, &["import", &file, "--dry-run", "--time-zone", "Europe/Brussels"]);
        assert_eq!((code, out.lines().last()), (0, Some("7 changes; nothing was written.")));
        assert_eq!(out.lines().filter(|line| line.contains("session one")).count(), 1, "a line a change: {out}");
        assert_eq!(app.admin("GET", &format!("{SMALL}/agenda"), None).status, 404);
        let (code, out, _) = run(&app, &["import", &file, "--time-zone", "Europe/Brussels"]);
        assert_eq!((code, out.lines().last()), (0, Some("7 changes written to the draft; a release publishes them.")));
        let document = draft(&app);
        assert_eq!(document["sessions"][0]["starts_at"], "2030-05-01T09:00:00+02:00");
        assert_eq!(document["conference"]["ends_on"], "2030-05-03");
        let (code, out, _) = run(&app, &["import", &file, "--dry-run", "--time-zone", "UTC"]);
        assert_eq!((code, out.contains("time_zone: the conference is in Europe/Brussels: its time_zone is not")), (0, true));
        let table = write("people.csv", "name,country\nAda Lovelace,GB\nB,XX\n");
        let (code, _, err) = run(&app, &["import", &table, "--conference", "small"]);
        assert_eq!(code, 1);
        assert!(err.starts_with(&format!("plenary: {table}:3: country must be an ISO 3166-1")), "{err}");
        let (code, _, err) = run(&app, &["import", &table]);
        assert_eq!((code, err.starts_with(&format!("plenary: {table}:3:"))), (1, true), "{err}");
        let table = write("people.csv", "name\nAda Lovelace\n");
        let nameless = format!("plenary: {table}:1: the file names no conference: name an existing one\n");
        assert_eq!(run(&app, &["import", &table]).2, nameless);
        assert_eq!(run(&app, &["import", &table, "--conference", "small"]).0, 0);
        let (code, _, err) = run(&app, &["import", &table, "--conference", "other"]);
        assert_eq!((code, err.contains(":1: a table of speakers needs an existing conference")), (1, true), "{err}");
        for arguments in [
            ["import", "nowhere.xml", "--conference", "small"],
            ["import", &table, "--conference", "No Slug"],
            ["import", &table, "--mode", "append"],
            ["import", &table, "--time-zone", "Mars"],
        ] {
            assert_eq!(run(&app, &arguments).0, 1, "{arguments:?}");
        }
        let long = schedule("<title>Long</title>", "").replace("date=\"2030-05-02\"", "date=\"2032-05-02\"");
        let (code, _, err) = run(&app, &["import", &write("long.xml", &long)]);
        let too_long = "long.xml:1: conference ends_on a conference has at most 366 days";
        assert_eq!((code, err.contains(too_long)), (1, true), "{err}");
        let other = schedule("<title>Other</title>", "").replace("2030", "2031");
        let other = write("other.xml", &other);
        assert_eq!(run(&app, &["import", &other, "--conference", "third"]).0, 0, "a conference may be named");
        assert_eq!(app.admin("GET", "/api/v1/conferences/third/agenda", None).json()["sessions"], json!([]));
        std::fs::write(app.environment.folder.0.join("latin.csv"), b"name\nAda\nCaf\xe9\n").unwrap();
        let (code, _, err) = run(&app, &["import", "latin.csv", "--conference", "small"]);
        assert_eq!((code, err.as_str()), (1, "plenary: latin.csv:3: is not UTF-8\n"));
    }

    fn every_schedule_is_imported_released_and_read_back(store) {
        let app = Environment::new(store).start();
        // The importer does not depend on the store: large files are read on one of them only, if time is short.
        let bytes_max = if store == crate::support::Store::Sqlite { usize::MAX } else { repetitions(500_000, usize::MAX) };
        for path in schedules() {
            let text = std::fs::read_to_string(&path).unwrap();
            if text.len() > bytes_max {
                continue;
            }
            let expected = independent::read(&text);
            let name = path.file_name().unwrap().to_str().unwrap();
            let (code, out, err) = run(&app, &["import", path.to_str().unwrap()]);
            assert_eq!((code, err.as_str()), (0, ""), "{name}");
            let (slug, counts) = out.lines().next().unwrap().split_once(": ").unwrap();
            let counted: Vec<&str> = counts.split(", ").collect();
            let counts = [counted[0], counted[1], counted[3], counted[4]];
            assert_eq!(counts.join(", "), expected.counts(), "{name}");
            let conference = format!("/api/v1/conferences/{slug}");
            // Real schedules have double-booked people and rooms.
            let force = json!({ "force": { "reason": "as the file has it" } });
            assert_eq!(app.admin("POST", &format!("{conference}/releases"), Some(&force)).status, 201, "{name}");
            let programme = app.get(&format!("{conference}/programme")).json();
            let mut found = independent::released_events(&programme);
            let mut events = expected.events;
            // An honorific is no part of the name.
            for person in events.iter_mut().flat_map(|event| &mut event.persons) {
                *person = person.replace("Prof. ", "").replace("Dr. ", "");
            }
            // The importer creates a guid if the file has none.
            let created = events.iter().all(|event| event.guid.is_empty());
            if created {
                let guids: BTreeSet<String> = found.iter_mut().map(|event| std::mem::take(&mut event.guid)).collect();
                assert_eq!(guids.len(), events.len(), "{name}");
            }
            found.sort();
            events.sort();
            assert_eq!(found.len(), events.len(), "{name}");
            for (found, expected) in found.iter().zip(&events) {
                assert_eq!(found, expected, "{name}");
            }
            let media_type = if name.ends_with("json") { JSON } else { XML };
            let bearer = format!("Bearer {ADMIN}");
            let headers = [("authorization", bearer.as_str()), ("content-type", media_type)];
            for mode in ["merge", "replace"] {
                let repeated = app.send("POST", &format!("{conference}/agenda/import?mode={mode}"), &headers, Some(&text));
                assert_eq!((repeated.status, changes(&repeated.json())), (200, vec![]), "{name}");
            }
        }
    }
}

/// A reader of schedules and of programmes that shares nothing with the importer.
mod independent {
    use std::collections::BTreeSet;

    use chrono::DateTime;
    use serde_json::Value;

    use crate::support::xml::Element;

    /// What an import and a release must preserve.
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub struct Event {
        pub guid: String,
        pub title: String,
        pub day: String,
        pub room: String,
        pub starts_at: i64,
        pub minutes: i64,
        pub track: String,
        pub languages: Vec<String>,
        pub persons: Vec<String>,
    }

    #[derive(Default)]
    pub struct File {
        days: BTreeSet<String>,
        rooms: BTreeSet<String>,
        persons: BTreeSet<String>,
        pub events: Vec<Event>,
    }

    impl File {
        pub fn counts(&self) -> String {
            let (days, rooms, events, persons) =
                (self.days.len(), self.rooms.len(), self.events.len(), self.persons.len());
            format!("{days} days, {rooms} rooms, {events} sessions, {persons} speakers")
        }
    }

    pub fn read(text: &str) -> File {
        let mut file = File::default();
        match text.starts_with('{') {
            true => of_json(&serde_json::from_str(text).unwrap(), &mut file),
            false => of_xml(&Element::read(text), &mut file),
        }
        file
    }

    fn minutes(duration: &str) -> i64 {
        let parts: Vec<i64> = duration.split(':').map(|part| part.parse().unwrap()).collect();
        parts[0] * 60 + parts[1]
    }

    /// Without the characters that a text of the agenda never holds.
    fn plain(text: &str) -> String {
        text.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned()
    }

    fn words(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn languages(text: &str) -> Vec<String> {
        text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
    }

    fn of_json(value: &Value, file: &mut File) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for day in value["schedule"]["conference"]["days"].as_array().unwrap() {
            file.days.insert(text(&day["date"]));
            for (room, events) in day["rooms"].as_object().unwrap() {
                file.rooms.insert(room.clone());
                for event in events.as_array().unwrap() {
                    let persons = event["persons"].as_array().unwrap();
                    file.persons.extend(persons.iter().map(|person| person["id"].to_string()));
                    file.events.push(Event {
                        guid: text(&event["guid"]),
                        title: plain(&text(&event["title"])),
                        day: text(&day["date"]),
                        room: room.clone(),
                        starts_at: DateTime::parse_from_rfc3339(&text(&event["date"])).unwrap().timestamp(),
                        minutes: minutes(&text(&event["duration"])),
                        track: text(&event["track"]),
                        languages: languages(&text(&event["language"])),
                        persons: persons.iter().map(|person| words(&text(&person["public_name"]))).collect(),
                    });
                }
            }
        }
    }

    fn of_xml(root: &Element, file: &mut File) {
        for day in root.all("day") {
            let date = day.attribute("date");
            file.days.insert(date.clone());
            for room in day.all("room") {
                file.rooms.insert(room.attribute("name"));
                for event in room.all("event") {
                    let persons: Vec<_> = event.all("persons").flat_map(|persons| persons.all("person")).collect();
                    let key = |person: &&Element| person.attribute("guid") + &person.attribute("id");
                    file.persons.extend(persons.iter().map(key));
                    let starts_at = match event.text("date").as_str() {
                        // These have no zone either.
                        "" => format!("{date}T{}:00Z", event.text("start")),
                        date => date.to_owned(),
                    };
                    file.events.push(Event {
                        guid: event.attribute("guid"),
                        title: plain(&event.text("title")),
                        day: date.clone(),
                        room: room.attribute("name"),
                        starts_at: DateTime::parse_from_rfc3339(&starts_at).unwrap().timestamp(),
                        minutes: minutes(&event.text("duration")),
                        track: event.text("track"),
                        languages: languages(&event.text("language")),
                        persons: persons.iter().map(|person| words(&person.text)).collect(),
                    });
                }
            }
        }
    }

    /// The sessions of a programme.
    pub fn released_events(programme: &Value) -> Vec<Event> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let instant = |value: &Value| DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap().timestamp();
        let mut events = Vec::new();
        for day in programme["days"].as_array().unwrap() {
            for session in day["sessions"].as_array().unwrap() {
                let starts_at = instant(&session["starts_at"]);
                let appearances = session["appearances"].as_array().unwrap();
                events.push(Event {
                    guid: text(&session["guid"]),
                    title: text(&session["title"]),
                    day: text(&day["date"]),
                    room: text(&session["room"]["name"]),
                    starts_at,
                    minutes: (instant(&session["ends_at"]) - starts_at) / 60,
                    track: text(&session["track"]["name"]),
                    languages: session["languages"].as_array().unwrap().iter().map(text).collect(),
                    persons: appearances.iter().map(|found| text(&found["speaker"]["name"])).collect(),
                });
            }
        }
        events
    }

    #[test]
    fn a_duration_with_seconds_is_imported() {
        assert_eq!(minutes("01:30:00"), 90);
    }
}
