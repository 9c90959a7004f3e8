//! Names as people have them: one name, a whole name whose parts nobody knows, names in other scripts.

use serde_json::{Value, json};

use crate::support::{
    Answer, App,
    app::{ADMIN, Environment, person, small_conference},
    on_both_stores,
};

const PATH: &str = "/api/v1/conferences/small/registrations";
const SMALL: &str = "/api/v1/conferences/small";

/// The form of a person with this name.
fn named(number: usize, name: &Value) -> Value {
    let mut form = person(number, "delegate");
    let fields = form.as_object_mut().unwrap();
    fields.remove("given_name");
    fields.remove("family_name");
    fields.extend(name.as_object().unwrap().clone());
    form
}

fn own_link(app: &App, answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    app.path_of(answer.json()["links"]["self"].as_str().unwrap()).to_owned()
}

/// Given name, family name, whole name and full name of an answer.
fn name_of(view: &Value) -> Vec<&str> {
    ["given_name", "family_name", "name", "full_name"].iter().map(|key| view[*key].as_str().unwrap_or("-")).collect()
}

fn send(app: &App, path: &str, media_type: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {ADMIN}");
    app.send("POST", path, &[("authorization", &bearer), ("content-type", media_type)], Some(body))
}

on_both_stores! {
    fn a_person_has_one_name_or_a_whole_name_or_parts(store) {
        // The letters wait in the outbox.
        let app = Environment::new(store).set("PLENARY_MAIL_URL", "smtp://127.0.0.1:1").start();
        app.publish(&small_conference(None, None));
        let mut links = Vec::new();
        for (number, (name, stored)) in [
            (json!({ "family_name": "Suhartono" }), ["-", "Suhartono", "-", "Suhartono"]),
            (json!({ "family_name": "Suhartono", "given_name": "" }), ["-", "Suhartono", "-", "Suhartono"]),
            (json!({ "family_name": "Suhartono", "given_name": null }), ["-", "Suhartono", "-", "Suhartono"]),
            (json!({ "given_name": "Ada", "family_name": " " }), ["Ada", "-", "-", "Ada"]),
            (json!({ "name": "王小明", "given_name": "" }), ["-", "-", "王小明", "王小明"]),
            (json!({ "given_name": "Ada\u{b}Maria", "family_name": "King" }), ["Ada Maria", "King", "-", "Ada Maria King"]),
        ].into_iter().enumerate() {
            let link = own_link(&app, &app.post(PATH, &named(number, &name)));
            assert_eq!(name_of(&app.get(&link).json()), stored);
            links.push(link);
        }
        let addressed = app.environment.database.texts("SELECT content ->> 'name' AS n FROM outbox_messages ORDER BY recipient");
        assert_eq!(addressed, ["Suhartono", "Suhartono", "Suhartono", "Ada", "王小明", "Ada Maria King"], "letters say a name once");
        for (name, faults) in [
            (json!({}), ["#/family_name required"]),
            (json!({ "name": "  ", "given_name": null, "family_name": "" }), ["#/family_name required"]),
            (json!({ "name": "Ada King", "given_name": "Ada" }), ["#/name name_and_parts"]),
            (json!({ "name": "Ada King", "family_name": "King" }), ["#/name name_and_parts"]),
            (json!({ "family_name": "A\u{200b}da" }), ["#/family_name invisible_character"]),
            (json!({ "name": "Ada\u{e0041}" }), ["#/name invisible_character"]),
            (json!({ "given_name": format!("A{}", "\u{301}".repeat(150)) }), ["#/given_name too_many_accents"]),
            (json!({ "family_name": "King", "latin_name": "K\u{200b}" }), ["#/latin_name invisible_character"]),
        ] {
            assert_eq!(app.post(PATH, &named(90, &name)).faults(), faults);
        }
        // A change is judged as a whole.
        let json_body = [("content-type", "application/json")];
        let change = |link: &str, patch: &Value| app.send("PATCH", link, &json_body, Some(&patch.to_string()));
        assert_eq!(change(&links[0], &json!({ "family_name": null })).faults(), ["#/family_name required"]);
        assert_eq!(change(&links[0], &json!({ "name": "Suhartono" })).faults(), ["#/name name_and_parts"]);
        let whole = json!({ "name": "田中 太郎", "family_name": null, "latin_name": "TANAKA TARO" });
        assert_eq!(name_of(&change(&links[0], &whole).json()), ["-", "-", "田中 太郎", "田中 太郎"]);
        assert_eq!(name_of(&change(&links[5], &json!({ "given_name": "" })).json()), ["-", "King", "-", "King"]);

        // Lists sort a whole name as it was written, and find it by every word and by its Latin form.
        let listed = |query: &str| {
            let list = app.admin("GET", &format!("{PATH}?{query}"), None).json();
            let name = |row: &Value| row["full_name"].as_str().unwrap().to_owned();
            list["data"].as_array().unwrap().iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(listed("sort=name"), ["Ada", "King", "Suhartono", "Suhartono", "王小明", "田中 太郎"]);
        assert_eq!(listed("q=tanaka"), ["田中 太郎"]);
        assert_eq!(listed("q=%E5%A4%AA%E9%83%8E"), ["田中 太郎"]);
        let export = app.admin("GET", &format!("{PATH}.csv"), None);
        assert!(export.text().contains(",,,田中 太郎,TANAKA TARO,"), "{}", export.text());
        let reference = links[0].split(['/', '?']).nth(6).unwrap().to_owned();
        let badge = app.admin("GET", &format!("{PATH}/{reference}/badge"), None).json();
        assert_eq!((name_of(&badge), &badge["latin_name"]), (vec!["-", "-", "田中 太郎", "田中 太郎"], &json!("TANAKA TARO")));
        let doctor = app.environment.run(&["doctor"]);
        assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    }

    fn fields_are_kept_faithfully_or_refused(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        for address in ["root@127.0.0.1", "a@localhost", "a@b", "a@[127.0.0.1]", "a@0x7f000001"] {
            assert_eq!(app.post(PATH, &named(1, &json!({ "family_name": "King", "email": address }))).faults(), ["#/email invalid_email"]);
        }
        let twice = r#"{ "category": "delegate", "given_name": "Ada", "given_name": "Eve", "email": "a@b.example", "consent": true }"#;
        let twice = app.send("POST", PATH, &[("content-type", "application/json")], Some(twice));
        assert_eq!((twice.problem(), twice.faults()), ((422, "validation".to_owned()), vec!["#/given_name given_twice".to_owned()]));
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 0);
        let pasted = json!({ "family_name": "King", "organisation": "A\u{b}B\u{c}C\u{2028}D\u{2029}E\u{a0}F\tG",
            "accessibility_needs": "one\u{b}two\r\nthree", "position": "", "email": "x@bücher.example" });
        let link = own_link(&app, &app.post(PATH, &named(2, &pasted)));
        let stored = app.get(&link).json();
        assert_eq!(
            [&stored["organisation"], &stored["accessibility_needs"], &stored["position_title"]],
            [&json!("A B C D E F G"), &json!("one\ntwo\nthree"), &Value::Null]
        );
        // An address that an older version took stays readable, and so does the list.
        app.environment.database.execute("UPDATE registrations SET email = 'a@localhost', email_folded = 'a@localhost'");
        assert_eq!(app.get(&link).json()["email"], "a@localhost");
        let table = "family_name,biography\nKing,\"<p>if a<b and c>d, <b>then</b></p>\"\nPlain,if a<b and c>d then\n";
        assert_eq!(send(&app, &format!("{SMALL}/agenda/import"), "text/csv", table).status, 200);
        let draft = app.admin("GET", &format!("{SMALL}/agenda"), None).json();
        let biographies = [2_usize, 3].map(|index| draft["speakers"][index]["biography"]["en"].clone());
        assert_eq!(biographies, ["if a<b and c>d, then", "if a<b and c>d then"]);
    }

    fn the_pages_take_one_name_and_show_it_once(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let site = "/conferences/small/en";
        let form = "category=delegate&given_name=&family_name=Suhartono&email=s%40example.org&consent=true";
        let own = app.submit(&format!("{site}/register?category=delegate"), form);
        assert_eq!(own.status, 200, "{}", own.text());
        assert!(own.text().contains("<bdi>Suhartono</bdi>"), "{}", own.text());
        assert_eq!(app.environment.database.texts("SELECT family_name AS n FROM registrations WHERE given_name IS NULL"), ["Suhartono"]);
        let blank = app.browse(&format!("{site}/register?category=delegate"));
        assert!(!blank.text().contains("name=\"name\"") && blank.text().contains("Family name or only name"), "{}", blank.text());

        // A whole name is changed whole, until it is emptied.
        let link = own_link(&app, &app.post(PATH, &named(2, &json!({ "name": "王小明" }))));
        let page = link.replace("/api/v1/conferences/small/", &format!("{site}/"));
        let page = page.replacen('?', "/change?", 1);
        let change = app.browse(&page);
        assert!(change.text().contains("value=\"王小明\"") && !change.text().contains("name=\"family_name\""), "{}", change.text());
        assert_eq!(app.submit(&page, "name=%E7%8E%8B%E5%A4%A7%E6%98%8E&language=en").status, 200);
        assert_eq!(app.get(&link).json()["full_name"], "王大明");
        let emptied = app.submit(&page, "name=&language=en");
        assert!(emptied.status == 422 && emptied.text().contains("id=\"e-family_name\""), "{}", emptied.text());
    }

    fn the_store_refuses_a_registration_without_a_name(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        app.post(PATH, &person(1, "delegate"));
        for names in ["given_name = NULL, family_name = NULL", "name = 'Person'"] {
            assert!(app.environment.database.refuses(&format!("UPDATE registrations SET {names}")), "{names}");
        }
        assert!(!app.environment.database.refuses("UPDATE registrations SET given_name = NULL"));
    }

    fn one_person_is_found_twice_however_the_name_was_written(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let register = |number: usize, mut name: Value| {
            name["organisation"] = json!("Institute");
            own_link(&app, &app.post(PATH, &named(number, &name)));
        };
        register(1, json!({ "given_name": "Maria", "family_name": "Silva Santos" }));
        register(2, json!({ "name": "Maria Silva Santos" }));
        register(3, json!({ "name": "Silva Santos, Maria" }));
        register(4, json!({ "name": "Maria Santos" }));
        register(5, json!({ "family_name": "Tanaka", "given_name": "Taro" }));
        register(6, json!({ "name": "田中太郎", "latin_name": "TANAKA TARO" }));
        let pairs = app.admin("GET", &format!("{SMALL}/duplicates"), None).json();
        let names = |pair: &Value| {
            let names = pair["registrations"].as_array().unwrap().iter().map(|one| one["full_name"].as_str().unwrap().to_owned());
            names.collect::<Vec<_>>().join(" = ")
        };
        let mut found: Vec<String> = pairs["data"].as_array().unwrap().iter().map(names).collect();
        found.sort();
        assert_eq!(found, [
            "Maria Silva Santos = Maria Silva Santos", "Maria Silva Santos = Silva Santos, Maria",
            "Maria Silva Santos = Silva Santos, Maria", "Taro Tanaka = 田中太郎",
        ]);
    }

    fn a_table_of_attendees_invents_no_name(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let names = [
            ("Suhartono", json!([null, null, null, "Suhartono"])),
            ("王小明", json!([null, null, null, "王小明"])),
            ("\"de la Cruz, María José\"", json!([null, "María José", "de la Cruz", null])),
            ("\"Lovelace, Ada\"", json!([null, "Ada", "Lovelace", null])),
            ("Dr. Lena Meyer", json!(["Dr.", null, null, "Lena Meyer"])),
            ("H.E. Carlos Silva", json!(["H.E.", null, null, "Carlos Silva"])),
            ("\"John Smith, PhD\"", json!([null, null, null, "John Smith, PhD"])),
        ];
        let mut table = "Nom complet,Email\n".to_owned();
        for (number, (name, _)) in names.iter().enumerate() {
            table.push_str(&format!("{name},person-{number}@example.org\n"));
        }
        let path = format!("{PATH}/import?consent=Given&category=delegate");
        let dry_run = send(&app, &format!("{path}&dry_run=true"), "text/csv", &table).json();
        let expected: Vec<Value> = names.iter().enumerate().map(|(index, (_, read))| json!({
            "row": index + 2, "honorific": read[0], "given_name": read[1], "family_name": read[2], "name": read[3]
        })).collect();
        assert_eq!((&dry_run["names"], &dry_run["errors"]), (&json!(expected), &json!([])));
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 0);
        assert_eq!(send(&app, &path, "text/csv", &table).json()["imported"], 7);
        let stored = app.environment.database.texts(
            "SELECT coalesce(honorific, '') || '|' || coalesce(given_name, '') || '|' || coalesce(family_name, '') || '|' \
             || coalesce(name, '') AS n FROM registrations ORDER BY email",
        );
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let read = |(_, read): &(&str, Value)| [0_usize, 1, 2, 3].map(|part| text(&read[part])).join("|");
        assert_eq!(stored, names.iter().map(read).collect::<Vec<_>>());
        // Parts go before a whole name; what cannot be stored is refused, not cut.
        let table = "Name,Given name,Family name,Email\nX Y,Ada,King,a@example.org\n,,A\u{200b}B,b@example.org\n";
        let answer = send(&app, &format!("{path}&dry_run=true"), "text/csv", table).json();
        assert_eq!(answer["names"][0], json!({ "row": 2, "honorific": null, "given_name": "Ada", "family_name": "King", "name": null }));
        assert_eq!(answer["errors"][0]["code"], "invisible_character");
    }

    fn a_table_of_speakers_invents_no_name_and_erases_none(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let path = format!("{SMALL}/agenda/import");
        let table = "Full name,Organization\nSuhartono,\n王小明,\n\"de la Cruz, María José\",\nDr. Lena Meyer,\nH.E. Carlos Silva,\n";
        let outcome = send(&app, &path, "text/csv", table).json();
        assert_eq!(outcome["names"][3], json!({
            "row": 5, "honorific": "Dr.", "given_name": null, "family_name": null, "name": "Lena Meyer"
        }));
        let speakers = |app: &App| {
            let draft = app.admin("GET", &format!("{SMALL}/agenda"), None).json();
            let text = |speaker: &Value, key: &str| speaker[key].as_str().unwrap_or("-").to_owned();
            let line = |speaker: &Value| {
                let honorific = speaker["honorific"]["en"].as_str().unwrap_or("-");
                ["code", "given_name", "family_name"].map(|key| text(speaker, key)).join(" | ") + " | " + honorific
            };
            draft["speakers"].as_array().unwrap().iter().map(line).collect::<Vec<_>>()
        };
        let expected = [
            "ada | Ada | Lovelace | -", "bob | Bob | Noyce | -", "suhartono | - | Suhartono | -",
            "speaker-acf979cc | - | 王小明 | -", "maria-jose-de-la-cruz | María José | de la Cruz | -",
            "lena-meyer | - | Lena Meyer | Dr.", "carlos-silva | - | Carlos Silva | H.E.",
        ];
        assert_eq!(speakers(&app), expected);
        // Again, and with a column of family names alone: nothing is lost.
        assert_eq!(send(&app, &path, "text/csv", table).json()["changes"], json!([]));
        let family_names = "code,family_name\nada,Lovelace\nmaria-jose-de-la-cruz,de la Cruz\n";
        assert_eq!(send(&app, &path, "text/csv", family_names).json()["changes"], json!([]));
        let empty_cells = "code,given_name,family_name\nada,,Lovelace\n";
        assert_eq!(send(&app, &path, "text/csv", empty_cells).json()["changes"], json!([]));
        assert_eq!(speakers(&app), expected);
        // A name that the draft has in parts keeps them, also when the list is replaced, and takes the honorific.
        let whole = "name,honorific\nAda Lovelace,Dr\nBob Noyce,\n";
        for mode in ["merge", "replace"] {
            assert_eq!(send(&app, &format!("{path}?mode={mode}"), "text/csv", whole).status, 200);
            assert_eq!(speakers(&app)[..2], ["ada | Ada | Lovelace | Dr", "bob | Bob | Noyce | -"]);
        }
    }
}
