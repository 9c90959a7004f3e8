//! The registrar's lists, exports and statistics.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};

use crate::support::{
    App, Store,
    app::{Environment, person, small_conference},
    fixtures::fixture,
    on_both_stores,
    smtp::{python, python_has},
};

const PATH: &str = "/api/v1/conferences/small/registrations";

/// A conference with a form and a session to sign up for.
fn with_form(questions: Value) -> Value {
    let mut conference = small_conference(None, None);
    conference["registration"]["questions"] = questions;
    conference
}

fn questions() -> Value {
    json!([
        { "code": "diet", "kind": "multiple_choice", "label": "Diet",
          "options": [{ "code": "vegan", "label": "Vegan" }, { "code": "halal", "label": "Halal" }] },
        { "code": "level", "kind": "single_choice", "label": "Level",
          "options": [{ "code": "high", "label": "High" }, { "code": "low", "label": "Low" }] },
        { "code": "visa", "kind": "yes_no", "label": "Visa" },
        { "code": "motto", "kind": "short_text", "label": "Motto" },
        { "code": "essay", "kind": "long_text", "label": "Essay" },
        { "code": "age", "kind": "number", "label": "Age" }
    ])
}

/// Registers one person; `more` overrides fields of the default form.
fn register(app: &App, number: usize, category: &str, more: &Value) -> String {
    let mut form = person(number, category);
    for (key, value) in more.as_object().unwrap() {
        form[key] = value.clone();
    }
    let answer = app.post(PATH, &form);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["reference"].as_str().unwrap().to_owned()
}

fn list(app: &App, query: &str) -> Value {
    let answer = app.admin("GET", &format!("{PATH}{query}"), None);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The rows of every page, from the first to the last.
fn all(app: &App, query: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut page = list(app, query);
    loop {
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str().map(str::to_owned) else {
            return rows;
        };
        page = app.admin("GET", &next, None).json();
    }
}

fn column(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter().map(|row| row[name].as_str().unwrap().to_owned()).collect()
}

/// The family names that a query finds, in the order of the list.
fn matching(app: &App, query: &str) -> Vec<String> {
    column(&all(app, query), "family_name")
}

/// Registers eight people, of whom each filter finds some.
fn eight_people(app: &App) {
    app.publish(&with_form(questions()));
    let people = [
        (
            "Abel",
            "delegate",
            json!({ "country": "BE", "answers": { "diet": ["vegan"], "level": "high", "visa": true } }),
        ),
        ("Baker", "delegate", json!({ "country": "FR", "answers": { "diet": ["vegan", "halal"], "level": "low" } })),
        (
            "Čech",
            "press",
            json!({ "country": "CZ", "answers": { "visa": false, "age": 30 }, "organisation": "Le Soir" }),
        ),
        ("De Vos", "press", json!({ "country": "BE", "answers": { "motto": "Never again" } })),
        ("Egan", "delegate", json!({ "country": "IE", "answers": { "level": "high", "age": 30.5 } })),
        ("Faure", "press", json!({ "country": "FR", "answers": { "diet": ["halal"], "visa": true } })),
        ("Gül", "delegate", json!({ "organisation": "Soir Bruxelles" })),
        ("Gül", "press", json!({ "organisation": "Soir Bruxelles" })),
    ];
    for (number, (name, category, more)) in people.into_iter().enumerate() {
        let mut more = more;
        more["family_name"] = json!(name);
        more["given_name"] = json!(if name == "Gül" { "Zoé".to_owned() } else { format!("Given {number}") });
        register(app, number, category, &more);
    }
    let cancelled = list(app, "?q=egan")["data"][0]["reference"].as_str().unwrap().to_owned();
    assert_eq!(app.admin("POST", &format!("{PATH}/{cancelled}/cancel"), Some(&json!({}))).status, 200);
}

/// Inserts check-ins of these addresses at a gate. The entries have the ids of the registrations.
fn check_in(app: &App, gate: &str, at: &str, addresses: &str) {
    app.environment.database.execute(&format!(
        "INSERT INTO check_ins (id, conference_id, registration_id, gate, at, received_at, sequence, outcome, actor, request_digest) \
         SELECT id, conference_id, id, '{gate}', '{at}', '{at}', arrival, 'admitted', 'scanner', '' \
         FROM registrations WHERE email LIKE '{addresses}'"
    ));
}

/// Undoes the check-in of this address.
fn undo(app: &App, address: &str) {
    app.environment.database.execute(&format!(
        "INSERT INTO check_ins (id, conference_id, registration_id, gate, at, received_at, sequence, outcome, undoes, actor, request_digest) \
         SELECT conference_id, conference_id, id, 'desk', '2030-05-01T12:00:00.000000Z', '2030-05-01T12:00:00.000000Z', arrival + 1000, \
         'undone', id, 'desk', '' FROM registrations WHERE email = '{address}'"
    ));
}

/// Inserts a delegation `be` with the people of this address. It has the id of the conference.
fn delegation(app: &App, address: &str) {
    app.environment.database.execute(
        "INSERT INTO delegations (id, conference_id, code, kind, name, name_folded, category_id, members, token_generation, created_at, \
         updated_at) SELECT conference_id, conference_id, 'be', 'member_state', '{\"en\": \"Belgium\"}', 'belgium', id, 0, 1, \
         '2030-01-01T00:00:00.000000Z', '2030-01-01T00:00:00.000000Z' FROM categories WHERE code = 'press'",
    );
    app.environment.database.execute(&format!(
        "INSERT INTO delegation_members (registration_id, delegation_id, is_head, level) \
         SELECT id, conference_id, {}, 'other' FROM registrations WHERE email = '{address}'",
        if app.environment.database.url.starts_with("sqlite") { "0" } else { "FALSE" }
    ));
}

/// Inserts `count` copies of the first registration into the store, with a few columns changed; `Crowd 000123` came
/// from one of four countries, in one of three states.
fn insert_people(app: &App, store: Store, count: usize) {
    let (id, small_number) = match store {
        Store::Sqlite => ("randomblob(16)", "printf('%06d', n)"),
        Store::Postgres => ("gen_random_uuid()", "lpad(n::text, 6, '0')"),
    };
    app.environment.database.execute(&format!(
        "INSERT INTO registrations (id, conference_id, category_id, reference, state, arrival, given_name, family_name, email, \
         email_folded, country, language, consented_at, token_generation, created_at, updated_at, answers, name_folded, badge) \
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) \
         SELECT {id}, r.conference_id, r.category_id, 'C-' || {small_number}, \
         CASE n % 3 WHEN 0 THEN 'cancelled' WHEN 1 THEN 'pending' ELSE 'rejected' END, 1000 + n, 'Member', 'Crowd ' || {small_number}, \
         'crowd-' || n || '@example.org', 'crowd-' || n || '@example.org', \
         CASE n % 4 WHEN 0 THEN 'BE' WHEN 1 THEN 'FR' WHEN 2 THEN 'NL' ELSE 'LU' END, r.language, r.consented_at, 1, r.created_at, \
         r.updated_at, r.answers, 'crowd ' || {small_number} || ' member', r.badge \
         FROM numbers, registrations r WHERE r.arrival = 1"
    ));
    // The planner of PostgreSQL takes a table for empty until it is counted; autovacuum counts once a minute.
    if store == Store::Postgres {
        app.environment.database.execute("ANALYZE registrations");
    }
}

on_both_stores! {
    fn pages_give_each_registration_once_while_others_register(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let before: BTreeSet<String> = (0..60).map(|number| register(&app, number, "delegate", &json!({
            // Several people have one name: the id decides.
            "family_name": format!("Name {}", number % 7)
        }))).collect();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1000..1400 {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    register(&app, number, "press", &json!({ "family_name": format!("Name {}", number % 7) }));
                }
            });
            for query in ["?limit=7", "?limit=7&sort=-arrival", "?limit=7&sort=name", "?limit=7&sort=-name", "?limit=7&sort=-updated"] {
                let references = column(&all(&app, query), "reference");
                let once: BTreeSet<String> = references.iter().cloned().collect();
                assert_eq!(once.len(), references.len(), "{query} gives one twice");
                assert_eq!(before.difference(&once).count(), 0, "{query} leaves one out");
            }
            stop.store(true, Ordering::Relaxed);
        });
    }

    fn combined_filters_find_what_matches_all_of_them(store) {
        let app = Environment::new(store).start();
        eight_people(&app);
        check_in(&app, "north", "2030-05-01T07:00:00.000000Z", "person-_@example.org");
        app.environment.database.execute("DELETE FROM check_ins WHERE sequence > 3");
        undo(&app, "person-0@example.org");
        delegation(&app, "person-3@example.org");
        let everyone = ["Abel", "Baker", "Čech", "De Vos", "Egan", "Faure", "Gül", "Gül"];
        assert_eq!(matching(&app, ""), everyone);
        let cases: &[(&str, &[&str])] = &[
            ("?state=confirmed", &["Abel", "Baker", "Čech", "De Vos", "Faure", "Gül", "Gül"]),
            ("?state=cancelled,pending", &["Egan"]),
            ("?category=press", &["Čech", "De Vos", "Faure", "Gül"]),
            ("?category=press,delegate&country=BE", &["Abel", "De Vos"]),
            ("?country=FR,IE", &["Baker", "Egan", "Faure"]),
            ("?delegation=be", &["De Vos"]),
            ("?answer=diet:vegan", &["Abel", "Baker"]),
            ("?answer=diet:vegan,diet:halal", &["Abel", "Baker", "Faure"]),
            ("?answer=diet:vegan,level:high", &["Abel"]),
            ("?answer=visa:yes", &["Abel", "Faure"]),
            ("?answer=visa:no", &["Čech"]),
            ("?answer=age:30", &["Čech"]),
            ("?answer=age:30.5", &["Egan"]),
            ("?answer=motto:Never%20again", &["De Vos"]),
            ("?answer=motto:Never", &[]),
            ("?checked_in=true", &["Baker", "Čech"]),
            ("?checked_in=false&state=confirmed", &["Abel", "De Vos", "Faure", "Gül", "Gül"]),
            ("?duplicates=true", &["Gül", "Gül"]),
            ("?duplicates=false&category=press", &["Čech", "De Vos", "Faure"]),
            ("?q=cech", &["Čech"]),
            ("?q=DE%20vos", &["De Vos"]),
            ("?q=given%20abel", &["Abel"]),
            ("?q=soir", &["Čech", "Gül", "Gül"]),
            ("?q=zoe%20brux&category=press", &["Gül"]),
            ("?q=person-5@", &["Faure"]),
            ("?q=erson-5", &["Faure"]),
            ("?q=nobody", &[]),
            ("?q=%3D", &[]),
            ("?q=given&answer=visa:yes&country=FR&state=confirmed&category=press", &["Faure"]),
            ("?sort=-name&category=delegate", &["Gül", "Egan", "Baker", "Abel"]),
            ("?sort=name&country=BE,FR", &["Abel", "Baker", "De Vos", "Faure"]),
            ("?sort=-updated&country=IE,BE", &["Egan", "De Vos", "Abel"]),
        ];
        for (query, expected) in cases {
            assert_eq!(matching(&app, query), *expected, "{query}");
            let mark = if query.contains('?') { '&' } else { '?' };
            assert_eq!(matching(&app, &format!("{query}{mark}limit=1")), *expected, "{query}, one by one");
            let page = list(&app, &format!("{query}{mark}limit=1&with_total=true"));
            assert_eq!(page["total"], json!(expected.len()), "{query}, in total");
        }
        let reference = list(&app, "?q=faure")["data"][0]["reference"].as_str().unwrap().to_lowercase();
        assert_eq!(matching(&app, &format!("?q={reference}")), ["Faure"]);
        // Names that begin with the text come first.
        assert_eq!(matching(&app, "?q=g"), ["Gül", "Gül", "Abel", "Baker", "Čech", "De Vos", "Egan", "Faure"]);
        let with_answers = list(&app, "?q=abel&with_answers=true");
        assert_eq!(with_answers["data"][0]["answers"], json!({ "diet": ["vegan"], "level": "high", "visa": true }));
        assert_eq!(with_answers["total"], Value::Null);
        let row = &list(&app, "?q=de%20vos")["data"][0];
        assert_eq!(row["answers"], Value::Null);
        assert_eq!(row["delegation"], "be");
        assert_eq!([&row["checked_in"], &row["possible_duplicate"], &row["arrival"]], [&json!(false), &json!(false), &json!(4)]);
        assert_eq!(list(&app, "?q=baker")["data"][0]["checked_in"], true);
    }

    fn an_unknown_filter_value_is_a_fault_that_lists_the_known_ones(store) {
        let app = Environment::new(store).start();
        app.publish(&with_form(questions()));
        let wrong = app.admin(
            "GET",
            &format!("{PATH}?state=confirmed,asleep&category=vip&country=Belgium&delegation=be&session=opening&answer=diet:air,shoes:42,x&cursor=%7E&limit=0"),
            None,
        );
        assert_eq!(wrong.status, 422);
        assert_eq!(wrong.faults(), [
            "?limit out_of_range", "?cursor invalid_cursor", "?state unknown_value", "?category unknown_value",
            "?country invalid_country", "?delegation unknown_value", "?session unknown_value", "?answer unknown_value",
            "?answer unknown_value", "?answer malformed",
        ]);
        let errors_text = wrong.json()["errors"].to_string();
        for known in ["must be one of delegate, press", "must be one of vegan, halal", "diet, level, visa, motto, essay, age", "unverified, pending"] {
            assert!(errors_text.contains(known), "{known} is not in {errors_text}");
        }
        assert_eq!(app.admin("GET", &format!("{PATH}?sort=age"), None).faults(), ["?sort unknown_value"]);
        assert_eq!(app.admin("GET", &format!("{PATH}?colour=red"), None).faults(), ["?colour unknown_field"]);
        assert_eq!(app.admin("GET", &format!("{PATH}.csv?limit=5"), None).faults(), ["?limit unknown_field"]);
        assert_eq!(app.admin("GET", &format!("{PATH}.xlsx?category=vip"), None).faults(), ["?category unknown_value"]);
        assert_eq!(app.get(&format!("{PATH}?limit=0")).status, 401);
    }

    /// More registrations than are sorted in memory, so that lists follow an index.
    fn a_large_conference_has_the_same_lists(store) {
        let app = Environment::new(store).start();
        app.publish(&with_form(questions()));
        register(&app, 1, "delegate", &json!({ "family_name": "Zuse", "organisation": "Crowd control", "country": "DE" }));
        insert_people(&app, store, 7000);
        let numbers = |fits: &dyn Fn(usize) -> bool| -> Vec<String> {
            (1..=7000).filter(|number| fits(*number)).map(|number| format!("Crowd {number:06}")).collect()
        };
        let rare = ["Crowd 000012", "Crowd 003000", "Crowd 006996"];
        app.environment.database.execute("UPDATE registrations SET answers = '{\"diet\": [\"vegan\"]}' WHERE reference IN ('C-000012', 'C-003000', 'C-006996')");
        let cases: [(&str, Vec<String>); 8] = [
            ("?state=pending&limit=200", numbers(&|n| n % 3 == 1)),
            ("?country=BE,NL&limit=200", numbers(&|n| n % 2 == 0)),
            ("?state=pending&country=BE&limit=200&sort=name", numbers(&|n| n % 12 == 4)),
            ("?category=delegate&state=pending,cancelled&country=LU,FR&limit=200", numbers(&|n| n % 3 != 2 && n % 2 == 1)),
            ("?category=press", vec![]),
            ("?answer=diet:vegan", rare.map(str::to_owned).to_vec()),
            ("?answer=diet:vegan&sort=name&state=cancelled", rare.map(str::to_owned).to_vec()),
            ("?q=crowd-123@", vec!["Crowd 000123".to_owned()]),
        ];
        for (query, expected) in cases {
            assert_eq!(matching(&app, query), expected, "{query}");
        }
        let mut backwards = matching(&app, "?sort=-name&limit=200&country=FR");
        backwards.reverse();
        assert_eq!(backwards, numbers(&|n| n % 4 == 1));
        // Few names begin with the text: they come first, then those that contain it.
        assert_eq!(matching(&app, "?q=crowd%20000"), numbers(&|n| n < 1000));
        assert_eq!(matching(&app, "?q=control"), ["Zuse"]);
        assert_eq!(matching(&app, "?q=zus"), ["Zuse"]);
        let everyone = matching(&app, "?q=crowd&limit=200&sort=name");
        assert_eq!(everyone, [numbers(&|_| true), vec!["Zuse".to_owned()]].concat());
        let csv = app.admin("GET", &format!("{PATH}.csv?state=pending&sort=name"), None);
        let lines: Vec<&str> = csv.text().split_terminator("\r\n").skip(1).collect();
        let names: Vec<String> = lines.iter().map(|line| line.split(',').nth(5).unwrap().to_owned()).collect();
        assert_eq!(names, numbers(&|n| n % 3 == 1));
    }

    fn statistics_match_the_registrations(store) {
        let app = Environment::new(store).start();
        eight_people(&app);
        check_in(&app, "north", "2030-04-30T22:30:00.000000Z", "person-1@example.org");
        check_in(&app, "south", "2030-05-01T08:00:00.000000Z", "person-_@example.com");
        check_in(&app, "south", "2030-05-01T08:00:00.000000Z", "person-2@example.org");
        check_in(&app, "south", "2030-05-02T08:00:00.000000Z", "person-3@example.org");
        undo(&app, "person-2@example.org");
        // Scanned again and again, a person is one.
        for (number, outcome) in [(1, "admitted_again"), (2, "admitted_again"), (3, "refused"), (4, "refused")] {
            let (statement, reason) = (number + 100, if outcome == "refused" { "'wrong_zone'" } else { "NULL" });
            let id = if store == Store::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
            app.environment.database.execute(&format!(
                "INSERT INTO check_ins (id, conference_id, registration_id, gate, at, received_at, sequence, outcome, reason, actor, request_digest) \
                 SELECT {id}, conference_id, id, 'north', '2030-05-01T09:00:00.000000Z', '2030-05-01T09:00:00.000000Z', {statement}, '{outcome}', \
                 {reason}, 'scanner', '' FROM registrations WHERE email = 'person-1@example.org'"
            ));
        }
        let statement = |at: &str, who: &str| format!("UPDATE registrations SET created_at = '{at}' WHERE email {who}");
        // Midnight in Brussels is 22:00 in summer and 23:00 in winter.
        app.environment.database.execute(&statement("2030-03-01T22:59:59.999999Z", "LIKE 'person-%'"));
        app.environment.database.execute(&statement("2030-03-01T23:00:00.000000Z", "IN ('person-1@example.org', 'person-2@example.org')"));
        app.environment.database.execute(&statement("2030-04-05T22:00:00.000000Z", "= 'person-3@example.org'"));
        app.environment.database.execute("UPDATE categories SET seats = 6 WHERE code = 'press'");
        let counts = app.admin("GET", "/api/v1/conferences/small/statistics", None).json();
        assert_eq!(counts["registrations"], 8);
        let states: BTreeMap<String, i64> = counts["states"].as_array().unwrap().iter()
            .map(|state| (state["status"].as_str().unwrap().to_owned(), state["registrations"].as_i64().unwrap()))
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(states, BTreeMap::from([("confirmed".to_owned(), 7), ("cancelled".to_owned(), 1)]));
        assert_eq!(counts["seats"], json!({ "seats": null, "taken": 7, "reserved": 0, "free": null }));
        assert_eq!(counts["categories"], json!([
            { "category": "delegate", "registrations": 4, "seats": { "seats": null, "taken": 3, "reserved": 0, "free": null }, "waiting": 0 },
            { "category": "press", "registrations": 4, "seats": { "seats": 6, "taken": 4, "reserved": 0, "free": 2 }, "waiting": 0 }
        ]));
        let mut countries: Vec<_> = counts["countries"].as_array().unwrap().iter()
            .map(|country| (country["country"].as_str().unwrap_or("-").to_owned(), country["registrations"].as_i64().unwrap()))
            .collect();
        countries.sort();
        let expected = [("-", 2), ("BE", 2), ("CZ", 1), ("FR", 2), ("IE", 1)];
        assert_eq!(countries, expected.map(|(country, count)| (country.to_owned(), count)));
        assert_eq!(counts["days"], json!([
            { "date": "2030-03-01", "registrations": 5, "total": 5 },
            { "date": "2030-03-02", "registrations": 2, "total": 7 },
            { "date": "2030-04-06", "registrations": 1, "total": 8 }
        ]));
        assert_eq!(counts["checked_in"], 2);
        assert_eq!(counts["check_ins"], json!([
            { "date": "2030-05-01", "gate": "north", "admitted": 1, "admitted_again": 1, "refused": 1, "scans": 5 },
            { "date": "2030-05-02", "gate": "south", "admitted": 1, "admitted_again": 0, "refused": 0, "scans": 1 }
        ]));
    }

    fn exports_have_the_registered_data_and_no_formulas(store) {
        let app = Environment::new(store).start();
        app.publish(&with_form(questions()));
        let naughty = difficult_strings();
        let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (number, text) in naughty.iter().enumerate() {
            let mut form = person(number, "delegate");
            form["given_name"] = json!(text);
            form["organisation"] = json!(text);
            form["answers"] = json!({ "motto": text, "essay": format!("{text}\n{text}"), "diet": ["halal", "vegan"], "visa": true });
            let mut answer = app.post(PATH, &form);
            if answer.status == 422 {
                // A string that cannot be a name may still be an answer of several lines.
                form["given_name"] = json!("Plain");
                form.as_object_mut().unwrap().remove("organisation");
                form["answers"] = json!({ "essay": text });
                answer = app.post(PATH, &form);
            }
            if answer.status != 201 {
                continue;
            }
            let reference = answer.json()["reference"].as_str().unwrap().to_owned();
            let registration = app.admin("GET", &format!("{PATH}/{reference}"), None).json();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let answers = &registration["answers"];
            let diet = answers["diet"].as_array().map(|_| "halal; vegan").unwrap_or_default().to_owned();
            let visa = if answers["visa"] == true { "yes" } else { "" }.to_owned();
            let cells = [&registration["given_name"], &registration["organisation"], &answers["motto"], &answers["essay"]].map(text);
            expected.insert(reference, [cells.to_vec(), vec![diet, visa]].concat());
        }
        assert!(expected.len() > 10 && expected.len() * 10 > naughty.len() * 8, "{} of {}", expected.len(), naughty.len());
        let csv = app.admin("GET", &format!("{PATH}.csv"), None);
        assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"small-registrations.csv\""));
        assert_eq!(csv.header("cache-control"), Some("no-store"));
        assert!(csv.body.starts_with(b"reference,status,category,"), "no mark of the byte order");
        let rows = read(&app, "registrations.csv", &csv.body, CSV_READER);
        let (header, rows) = rows.split_first().unwrap();
        let place = |name: &str| header.iter().position(|matching| matching == name).unwrap();
        let places = ["given_name", "organisation", "answers.motto", "answers.essay", "answers.diet", "answers.visa"].map(place);
        let csv_rows: BTreeMap<String, Vec<String>> =
            rows.iter().map(|row| (row[0].clone(), places.map(|place| row[place].clone()).to_vec())).collect();
        let is_formula = |cell: &str| cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n']);
        let safe = |cell: &String| {
            // Apostrophes before a formula are counted, so that a reader knows which one is the guard.
            if is_formula(cell.trim_start_matches('\'')) { format!("'{cell}") } else { cell.clone() }
        };
        let expected_csv: BTreeMap<String, Vec<String>> =
            expected.iter().map(|(reference, cells)| (reference.clone(), cells.iter().map(safe).collect())).collect();
        assert_eq!(csv_rows, expected_csv);
        assert!(rows.iter().flatten().all(|cell| !is_formula(cell)));

        if !python_has("openpyxl") {
            return;
        }
        let xlsx = app.admin("GET", &format!("{PATH}.xlsx"), None);
        assert_eq!(xlsx.header("content-length"), Some(xlsx.body.len().to_string().as_str()));
        let workbook_rows = read(&app, "registrations.xlsx", &xlsx.body, XLSX_READER);
        assert_eq!(&workbook_rows[0], header);
        // A cell of a workbook is a text by its type and needs no apostrophe.
        let plain: Vec<Vec<String>> = workbook_rows[1..].iter().map(|row| row.iter().map(safe).collect()).collect();
        assert_eq!(plain, rows);
    }

    fn an_export_has_signed_up_sessions_and_respects_the_filter(store) {
        let app = Environment::new(store).start();
        eight_people(&app);
        app.environment.database.execute(
            "INSERT INTO session_sign_ups (registration_id, session_id, state, arrival, created_at) \
             SELECT r.id, s.id, CASE r.arrival WHEN 1 THEN 'confirmed' ELSE 'waitlisted' END, r.arrival, r.created_at \
             FROM registrations r, sessions s WHERE r.arrival < 3",
        );
        let csv = app.admin("GET", &format!("{PATH}.csv?country=BE,FR&sort=-name"), None);
        let rows = read(&app, "some.csv", &csv.body, CSV_READER);
        let place = |name: &str| rows[0].iter().position(|matching| matching == name).unwrap();
        let places = ["family_name", "sessions", "sessions_waiting", "answers.level"].map(place);
        let cells: Vec<[&str; 4]> = rows[1..].iter().map(|row| places.map(|place| row[place].as_str())).collect();
        assert_eq!(cells, [
            ["Faure", "", "", ""], ["De Vos", "", "", ""], ["Baker", "", "opening", "low"], ["Abel", "opening", "", "high"],
        ]);
        // The temporary file of an export has no name, and is gone.
        assert_eq!(app.admin("GET", &format!("{PATH}.xlsx?country=BE"), None).status, 200);
        let left: Vec<_> = std::fs::read_dir(app.environment.folder.0.join("data")).unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(left.iter().all(|name| name.contains("secret")), "{left:?}");
    }
}

/// The big list of naughty strings, and some that it lacks.
fn difficult_strings() -> Vec<String> {
    let list = std::fs::read_to_string(fixture("strings/blns.json")).unwrap();
    let mut strings: Vec<String> = serde_json::from_str(&list).unwrap();
    let more = [
        "=1+1",
        "+1",
        "@SUM(1+9)*cmd|' /C calc'!A0",
        "'=1",
        "＝1+1",
        "'t Hooft",
        "\"quoted\", and parted",
        "_x0041_",
        "a;b,c",
    ];
    strings.extend(more.map(str::to_owned));
    strings
}

const CSV_READER: &str = "import csv, json, sys
with open(sys.argv[1], encoding='utf-8', newline='') as file:
    print(json.dumps(list(csv.reader(file, strict=True))))";

// Excel undoes its escapes (`_x0041_` is an A, and is kept as `_x005F_x0041_`) by itself, openpyxl when it is told to.
const XLSX_READER: &str = "import json, openpyxl, sys
from openpyxl.utils.escape import unescape
book = openpyxl.load_workbook(sys.argv[1])
cells = [[cell for cell in row] for row in book['Registrations'].iter_rows()]
assert all(cell.data_type in ('s', 'n') and not (cell.data_type == 'n' and cell.value is not None) for row in cells for cell in row)
print(json.dumps([[unescape(cell.value or '') for cell in row] for row in cells]))";

/// The cells of a table, read by another program.
fn read(app: &App, name: &str, bytes: &[u8], reader: &str) -> Vec<Vec<String>> {
    let file = app.environment.folder.0.join(name);
    std::fs::write(&file, bytes).unwrap();
    let output = Command::new(python()).args(["-c", reader]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
