//! Registrations of another system, from a table: recognised, rehearsed, all or nothing, never overbooked.

use serde_json::{Value, json};

use crate::support::{
    Answer, App,
    app::{ADMIN, Environment, person, small_conference},
    on_both_stores,
};

const PATH: &str = "/api/v1/conferences/small/registrations";

/// Imports a table; `query` is appended to the query.
fn import(app: &App, query: &str, table: &str) -> Answer {
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "text/csv")];
    app.send("POST", &format!("{PATH}/import?consent=Given%20at%20the%20old%20shop{query}"), &headers, Some(table))
}

fn import_successfully(app: &App, query: &str, table: &str) -> Value {
    let answer = import(app, query, table);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn count(app: &App, condition: &str) -> i64 {
    app.count(&format!("SELECT count(*) AS n FROM registrations WHERE {condition}"))
}

fn assert_healthy(app: &App) {
    let output = app.environment.run(&["doctor"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn with_questions() -> Value {
    let mut blueprint = small_conference(Some(10), Some(1));
    blueprint["registration"]["questions"] = json!([
        { "code": "dinner", "kind": "yes_no", "label": { "en": "Will you dine?", "fr": "Dînerez-vous ?" }, "required": true },
        { "code": "topics", "kind": "multiple_choice", "label": "Topics", "options": [
            { "code": "law", "label": "International law" }, { "code": "media", "label": "Media" }
        ] },
        { "code": "years", "kind": "number", "label": "Years", "minimum": 0 }
    ]);
    blueprint
}

/// An export of pretix.
const PRETIX: &str = "\u{FEFF}Order code;E-mail;Product;Attendee name: Given name;Attendee name: Family name;Attendee email;Company;\
                      Country;Status;Will you dine?;Topics;Years;Shoe size\r\n\
                      ABC12;orders@example.org;Delegate;Zoë;Łukasz;zoe@example.org;\"Institute; of law\";be;Paid;yes;\
                      International law, media;7;41\r\n\
                      ABC13;orders@example.org;Délégué;Ann;Onymous;ann@example.org;;;canceled;;;;\r\n\
                      ABC14;orders@example.org;press;Bo;Press;bo@example.org;;;Paid;no;;;\r\n\
                      ABC15;orders@example.org;Press;Cy;Press;cy@example.org;;;waiting list;;;;\r\n\
                      ABC16;orders@example.org;Press;Di;Press;di@example.org;;;pending;;;;\r\n";

on_both_stores! {
    fn a_table_of_another_system_is_dry_run_and_imported_without_letters(store) {
        let app = Environment::new(store).start();
        app.publish(&with_questions());
        let names = [["Zoë", "Łukasz"], ["Ann", "Onymous"], ["Bo", "Press"], ["Cy", "Press"], ["Di", "Press"]];
        let name = |(index, [given, family]): (usize, &[&str; 2])| {
            json!({ "row": index + 2, "honorific": null, "given_name": given, "family_name": family, "name": null })
        };
        let names: Vec<Value> = names.iter().enumerate().map(name).collect();
        let mut expected = json!({
            "dry_run": true, "rows": 5, "imported": 5, "skipped": 0,
            "mapping": {
                "Order code": "external_id", "Product": "category", "Attendee name: Given name": "given_name",
                "Attendee name: Family name": "family_name", "Attendee email": "email", "Company": "organisation",
                "Country": "country", "Status": "status", "Will you dine?": "answers.dinner", "Topics": "answers.topics",
                "Years": "answers.years"
            },
            "unknown_columns": ["E-mail", "Shoe size"],
            "names": names,
            "counts": [
                { "category": "delegate", "status": "cancelled", "count": 1 },
                { "category": "delegate", "status": "confirmed", "count": 1 },
                { "category": "press", "status": "confirmed", "count": 1 },
                { "category": "press", "status": "pending", "count": 1 },
                { "category": "press", "status": "waitlisted", "count": 1 }
            ],
            "errors": [], "warnings": []
        });
        assert_eq!(import_successfully(&app, "&dry_run=true", PRETIX), expected);
        assert_eq!(count(&app, "1 = 1"), 0);
        expected["dry_run"] = json!(false);
        expected["names"] = json!([]);
        assert_eq!(import_successfully(&app, "", PRETIX), expected);
        assert_eq!(count(&app, "1 = 1"), 5);
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), 0);
        assert_eq!(app.count("SELECT seats_taken AS n FROM registration_setups"), 2);
        let detail = "SELECT count(*) AS n FROM registration_events WHERE event = 'imported' \
                      AND detail ->> 'consent' = 'Given at the old shop' AND detail ->> 'external_id' LIKE 'ABC1_'";
        assert_eq!(app.count(detail), 5);
        assert_eq!(count(&app, "email = 'zoe@example.org' AND given_name = 'Zoë' AND family_name = 'Łukasz' \
            AND organisation = 'Institute; of law' AND country = 'BE' AND language = 'en'"), 1);
        assert_eq!(count(&app, "email = 'zoe@example.org' AND CAST(answers ->> 'dinner' AS text) IN ('true', '1') \
            AND CAST(answers ->> 'years' AS text) = '7' AND CAST(answers AS text) LIKE '%law%media%'"), 1);
        assert_healthy(&app);
    }

    fn a_repeated_import_is_refused_row_by_row_or_skipped(store) {
        let app = Environment::new(store).start();
        app.publish(&with_questions());
        import_successfully(&app, "", PRETIX);
        let repeated = import(&app, "", PRETIX);
        assert_eq!(repeated.problem(), (422, "validation".to_owned()));
        let already_registered: Vec<_> = (2..=6).map(|row| format!("row {row}, column Attendee email already_registered")).collect();
        assert_eq!(repeated.faults(), already_registered);
        let more = format!("{PRETIX}ABC17;x@example.org;Delegate;New;Comer;new@example.org;;;;;;;\r\n");
        let second_import = import_successfully(&app, "&mode=skip", &more);
        assert_eq!((&second_import["skipped"], &second_import["imported"], &second_import["rows"]), (&json!(5), &json!(1), &json!(6)));
        assert_eq!(count(&app, "1 = 1"), 6);
        assert_healthy(&app);
    }

    fn every_fault_has_its_row_and_column_and_nothing_is_written(store) {
        let app = Environment::new(store).start();
        app.publish(&with_questions());
        let table = "First Name,Last Name,Email,Ticket Type,Country,Attendee Status,Years,Topics,Language,Birthday\n\
                     Ada,Lovelace,ada@example.org,delegate,BE,Attending,1,law,en,1990-12-10\n\
                     \"Two\nlines\",Noyce,not an address,delegate,XX,Attending,-1,sport,nl,10.12.1990\n\
                     \n\
                     ,,cy@example.org,king,,perhaps,,,,\n\
                     Di,Twice,ADA@example.org,delegate,,,,,,\n\
                     Ed,Long,ed@example.org,delegate,,,,,,,,too many\n";
        let faults = [
            "row 3, column Birthday invalid_date",
            "row 3, column Country invalid_country",
            "row 3, column Email invalid_email",
            "row 3, column First Name line_break",
            "row 5, column Attendee Status unknown_value",
            "row 5, column Last Name required",
            "row 5, column Ticket Type unknown_reference",
            "row 6, column Email duplicate",
            "line 8 too_long",
        ];
        let sorted = |mut faults: Vec<String>| { faults.sort(); faults };
        let answer = import(&app, "", table);
        assert_eq!(answer.status, 422);
        assert_eq!(sorted(answer.faults()), sorted(faults.iter().map(|fault| (*fault).to_owned()).collect()));
        let dry_run = import_successfully(&app, "&dry_run=true", table);
        assert_eq!(dry_run["errors"].as_array().unwrap().len(), faults.len());
        assert_eq!(dry_run["imported"], 1);
        // Faults that depend on the conference are reported in the same way.
        let table = "Name,Email,Category,Years,Topics,Language\nAda Lovelace,ada@example.org,delegate,-1,sport,nl\n";
        assert_eq!(import(&app, "", table).faults(), [
            "row 2, column Language unknown_language",
            "row 2, column Topics unknown_value",
            "row 2, column Years out_of_range",
        ]);
        assert_eq!(count(&app, "1 = 1"), 0);
    }

    fn an_unreadable_table_is_refused_with_its_reason(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let table = "Name,Email\nAda Lovelace,ada@example.org\n";
        let faults = |query: &str, table: &str| import(&app, query, table).faults();
        assert_eq!(faults("", table), ["row 2 unknown_reference"], "two categories and none named");
        assert_eq!(faults("&category=king&language=nl", table), ["?category unknown_reference", "?language unknown_language"]);
        assert_eq!(faults("&category=press", "Shoe,Size\n1,2\n"), ["row 1 missing_column", "row 1 missing_column"]);
        assert_eq!(faults("&category=press&map=[]", table), ["?map invalid"]);
        let map = "&category=press&map=%7B%22Name%22%3A%22height%22%2C%22Mail%22%3A%22email%22%7D";
        assert_eq!(faults(map, table).len(), 3);
        let bearer = format!("Bearer {ADMIN}");
        let path = format!("{PATH}/import?consent=x&category=press");
        let as_json = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        assert_eq!(app.send("POST", &path, &as_json, Some("{}")).problem().0, 415);
        let latin = app.environment.folder.0.join("latin.csv");
        std::fs::write(&latin, b"Name,Email\nAda Lovelace,ada@example.org\nJos\xE9 Diaz,jose@example.org\n").unwrap();
        let output = std::process::Command::new("curl")
            .args(["-sS", "-H", &format!("Authorization: {bearer}"), "-H", "Content-Type: text/csv", "--data-binary"])
            .args([&format!("@{}", latin.display()), &format!("{}{path}", app.url)])
            .output()
            .unwrap();
        let problem: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&problem["status"], &problem["errors"][0]["pointer"]), (&json!(422), &json!("row 3")));
        assert_eq!(problem["errors"][0]["code"], "not_utf8");
        let mapped = "&map=%7B%22Mail%22%3A%22email%22%2C%22Email%22%3Anull%7D&category=press&status=pending&language=fr";
        let outcome = import_successfully(&app, mapped, "Name\tMail\tEmail\nAda Lovelace\tada@example.org\tnothing\n");
        assert_eq!(outcome["mapping"], json!({ "Name": "name", "Mail": "email" }));
        assert_eq!(count(&app, "state = 'pending' AND language = 'fr' AND name = 'Ada Lovelace'"), 1);
        assert_healthy(&app);
    }

    fn a_missing_quote_does_not_swallow_rows(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let refused = |table: &str| ["", "&dry_run=true"].map(|query| {
            import(&app, &format!("&category=press{query}"), &format!("Name,Email,Diet\n{table}")).faults()
        });
        let unclosed = "A One,a@example.org,\"vegan\nB Two,b@example.org,\nC Three,c@example.org,\n";
        assert_eq!(refused(unclosed), [["line 2 unclosed_quote"], ["line 2 unclosed_quote"]]);
        let closed_below = "A One,a@example.org,\"vegan\nB Two,b@example.org,\"no nuts\"\n";
        assert_eq!(refused(closed_below), [["line 3 stray_quote"], ["line 3 stray_quote"]]);
        let two_missing = "A One,a@example.org,\"vegan\nB Two,b@example.org,\"\nC Three,c@example.org,\n";
        let map = "&category=press&map=%7B%22Diet%22%3A%22dietary_needs%22%7D";
        let table = format!("Name,Email,Diet\n{two_missing}");
        assert_eq!(import(&app, map, &table).faults(), ["row 2 row_within_a_cell"]);
        let same_column = "\"A One,a@example.org,vegan\nB Two\",b@example.org,\n";
        assert_eq!(import(&app, map, &format!("Name,Email,Diet\n{same_column}")).faults(),
            ["row 2, column Name line_break", "row 2, column Name link"]);
        let with_quotes = "A One,a@example.org,\"vegan,\nno \"\"nuts\"\"\"\nB Two,b@example.org,\n";
        assert_eq!(import_successfully(&app, map, &format!("Name,Email,Diet\n{with_quotes}"))["imported"], 2);
        assert_eq!(count(&app, "1 = 1"), 2);
        assert_healthy(&app);
    }

    fn an_import_overbooks_nothing(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(Some(3), Some(1)));
        let table = "Name,Email,Category,Status\nA Waits,a@example.org,press,waitlisted\nB Has,b@example.org,press,paid\n\
                     C Has,c@example.org,press,paid\nD Has,d@example.org,delegate,paid\nE Has,e@example.org,delegate,paid\n\
                     F Has,f@example.org,delegate,paid\n";
        let refused = import(&app, "", table);
        assert_eq!(refused.faults(), ["row 4, column Status no_seat", "row 7, column Status no_seat"]);
        assert_eq!(count(&app, "1 = 1"), 0);
        assert_eq!(app.count("SELECT seats_taken AS n FROM registration_setups"), 0);
        let fits = "Name,Email,Category,Status\nA Waits,a@example.org,press,waitlisted\nB Has,b@example.org,press,paid\n\
                    G Waits,g@example.org,delegate,waitlisted\n";
        import_successfully(&app, "", fits);
        // Nobody waits while a seat is free.
        assert_eq!(count(&app, "email = 'g@example.org' AND state = 'confirmed'"), 1);
        assert_eq!(count(&app, "email = 'a@example.org' AND state = 'waitlisted'"), 1);
        assert_healthy(&app);
    }

    fn registered_people_get_no_letter_about_an_import(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["registration"]["categories"][0]["verifies_email"] = json!(true);
        app.publish(&blueprint);
        assert_eq!(app.post(PATH, &person(1, "delegate")).status, 202);
        let table = "Name,Email\nPerson One,person-1@example.org\nPerson Two,person-2@example.org\n";
        assert_eq!(import(&app, "&category=delegate", table).faults(), ["row 2, column Email already_registered"]);
        assert_eq!(import_successfully(&app, "&category=delegate&mode=skip", table)["imported"], 1);
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages"), 1);
        assert_eq!(count(&app, "email = 'person-2@example.org' AND state = 'confirmed'"), 1);
        assert_healthy(&app);
    }

    fn an_export_is_imported_into_another_conference_unchanged(store) {
        let app = Environment::new(store).start();
        let mut conference = small_conference(None, None);
        conference["registration"]["questions"] = json!([{ "code": "essay", "kind": "long_text", "label": "Essay" }]);
        app.publish(&conference);
        conference["conference"]["slug"] = json!("other");
        app.publish(&conference);
        let texts = ["＝1+1", "-Dash, Inc", "'t Hooft", "'=x", "@at", "=2", "''+3", "－4", "' =5", "\"quoted\"; a"];
        for (number, text) in texts.iter().enumerate() {
            let mut form = person(number, "delegate");
            for field in ["given_name", "family_name", "organisation", "dietary_needs"] {
                form[field] = json!(text);
            }
            form["phone"] = json!("+32 2 555 12 12");
            form["answers"] = json!({ "essay": format!("{text}\n{text}") });
            let answer = app.post(PATH, &form);
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        let export = |path: &str| app.admin("GET", &format!("{path}.csv"), None).text().to_owned();
        let other = "/api/v1/conferences/other/registrations";
        let bearer = format!("Bearer {ADMIN}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "text/csv")];
        let answer = app.send("POST", &format!("{other}/import?consent=Given"), &headers, Some(&export(PATH)));
        assert_eq!((answer.status, &answer.json()["imported"]), (200, &json!(texts.len())), "{}", answer.text());
        let people = |path: &str| {
            let columns =
                ["email", "given_name", "family_name", "organisation", "dietary_needs", "phone", "answers", "status"];
            let reference = |row: &Value| row["reference"].as_str().unwrap().to_owned();
            let rows = app.admin("GET", path, None).json()["data"].as_array().unwrap().clone();
            let registrations = rows.iter().map(|row| app.admin("GET", &format!("{path}/{}", reference(row)), None).json());
            let mut people: Vec<_> = registrations.map(|person| columns.map(|column| person[column].clone())).collect();
            people.sort_by_key(|person| person[0].to_string());
            people
        };
        assert_eq!(people(other), people(PATH));
        let names: Vec<_> = people(other).iter().map(|person| person[1].clone()).collect();
        assert_eq!(names, texts.map(|text| json!(text)));
        assert_healthy(&app);
    }

    /// More values than one statement binds, and more than one batch.
    fn thousands_of_rows_are_imported_at_once(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let row = |number: usize| format!("Person {number},person-{number}@example.org,Institute {number}\n");
        let table: String = std::iter::once("Name,Email,Affiliation\n".to_owned()).chain((0..3000).map(row)).collect();
        assert_eq!(import_successfully(&app, "&category=delegate", &table)["imported"], 3000);
        assert_eq!(app.count("SELECT seats_taken AS n FROM registration_setups"), 3000);
        assert_eq!(import(&app, "&category=delegate", &table).faults().len(), 200, "faults are cut");
        assert_healthy(&app);
    }
}
