//! A conference as one document: planned, applied, refused; over the API and on the command line.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{ADMIN, Environment, person, repository, small_conference},
    on_both_stores,
};

const PATH: &str = "/api/v1/conferences/small/blueprint";

fn apply_document(app: &App, document: &Value) -> Vec<String> {
    let answer = app.admin("PUT", PATH, Some(document));
    assert_eq!(answer.status, 200, "{}", answer.text());
    lines(&answer.json())
}

fn lines(plan: &Value) -> Vec<String> {
    let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
    let line = |change: &Value| {
        let fields: Vec<_> = change["fields"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
        format!("{} {} {} {}", text(change, "action"), text(change, "resource"), text(change, "code"), fields.join(","))
            .trim_end()
            .to_owned()
    };
    plan["changes"].as_array().unwrap().iter().map(line).collect()
}

fn get(app: &App, path: &str) -> Value {
    let answer = app.admin("GET", path, None);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

on_both_stores! {
    fn a_document_becomes_the_draft_and_applying_it_again_changes_nothing(store) {
        let app = Environment::new(store).start();
        let document = small_conference(Some(10), None);
        let plan = [
            "create conference small", "create day 2030-05-01", "create day 2030-05-02", "create room hall",
            "create track law", "create speaker ada", "create speaker bob", "create session opening",
            "create item welcome", "create item talk", "create registration registration",
            "create category delegate", "create category press",
        ];
        let dry_run = app.admin("PUT", &format!("{PATH}?dry_run=true"), Some(&document));
        assert_eq!(lines(&dry_run.json()), plan);
        assert_eq!(app.admin("GET", PATH, None).status, 404, "a dry run writes nothing");
        assert_eq!(apply_document(&app, &document), plan);
        assert_eq!(apply_document(&app, &document), Vec::<String>::new());
        let stored = get(&app, PATH);
        assert_eq!(apply_document(&app, &stored), Vec::<String>::new(), "what is read can be written back");
        assert_eq!(get(&app, PATH), stored);
        assert_eq!(stored["sessions"][0]["starts_at"], "2030-05-01T09:00:00+02:00");
        assert_eq!(stored["tracks"][0]["name"], json!({ "en": "Law", "fr": "Droit" }));
        assert_eq!(stored["rooms"][0]["name"], json!({ "en": "Hall" }), "a plain text is in the first language");
    }

    fn a_plan_names_what_is_created_changed_moved_and_removed(store) {
        let app = Environment::new(store).start();
        apply_document(&app, &small_conference(None, None));
        let mut document = get(&app, PATH);
        let ids = |document: &Value| (document["speakers"][0]["id"].clone(), document["sessions"][0]["id"].clone());
        let before = ids(&document);
        document["speakers"][0]["code"] = json!("ada-lovelace");
        document["sessions"][0]["items"][0]["appearances"][0]["speaker"] = json!("ada-lovelace");
        document["sessions"][0]["items"][1]["appearances"][1]["speaker"] = json!("ada-lovelace");
        document["sessions"][0]["items"].as_array_mut().unwrap().reverse();
        document["sessions"][0]["room"] = json!("attic");
        document["rooms"] = json!([{ "code": "attic", "name": "Attic" }]);
        document["days"][0]["title"] = json!("First day");
        document["call_for_action"] = json!({
            "title": "Call", "issued_by": { "speaker": "ada-lovelace" },
            "commitments": [{ "text": "Prevent", "basis": "Convention" }]
        });
        assert_eq!(apply_document(&app, &document), [
            "update day 2030-05-01 title",
            "create room attic",
            "update speaker ada-lovelace code",
            "update session opening room",
            "create call_for_action call-for-action",
            "remove room hall",
            "reorder item opening",
        ]);
        let after = get(&app, PATH);
        assert_eq!(ids(&after), before, "an id never changes");
        assert_eq!(after["sessions"][0]["items"][0]["code"], "talk");
        assert_eq!(after["rooms"].as_array().unwrap().len(), 1);
        assert_eq!(apply_document(&app, &after), Vec::<String>::new());
    }

    fn codes_can_be_exchanged_and_an_item_can_move_to_another_session(store) {
        let app = Environment::new(store).start();
        apply_document(&app, &small_conference(None, None));
        let mut document = get(&app, PATH);
        let id = document["speakers"][0]["id"].clone();
        document["speakers"][0]["code"] = json!("bob");
        document["speakers"][1]["code"] = json!("ada");
        let item = document["sessions"][0]["items"].as_array_mut().unwrap().pop().unwrap();
        let item_id = item["id"].clone();
        document["sessions"].as_array_mut().unwrap().push(json!({
            "code": "second", "kind": "thematic", "title": "Second",
            "starts_at": "2030-05-02T09:00:00Z", "ends_at": "2030-05-02T10:00:00Z", "items": [item]
        }));
        let plan = apply_document(&app, &document);
        assert!(plan.contains(&"update item talk appearances,session".to_owned()), "{plan:?}");
        let after = get(&app, PATH);
        assert_eq!(after["speakers"][0]["code"], "bob");
        assert_eq!(after["speakers"][0]["id"], id);
        assert_eq!(after["sessions"][0]["items"][0]["appearances"][0]["speaker"], "ada", "references are by code");
        assert_eq!(after["sessions"][1]["items"][0]["id"], item_id);
        assert_eq!(after["sessions"][1]["starts_at"], "2030-05-02T11:00:00+02:00");
        assert_eq!(apply_document(&app, &after), Vec::<String>::new());
    }

    fn references_follow_a_code_that_moves_to_another_resource(store) {
        let app = Environment::new(store).start();
        let mut first = small_conference(None, None);
        first["organisations"] = json!([
            { "code": "one", "name": "One", "kind": "ngo" }, { "code": "two", "name": "Two", "kind": "ngo" }
        ]);
        first["conference"]["organisations"] = json!([{ "organisation": "one", "role": "host" }]);
        first["speakers"][0]["organisation"] = json!("one");
        first["call_for_action"] = json!({ "title": "Call", "issued_by": { "speaker": "ada" } });
        apply_document(&app, &first);
        // The old hall is renamed and a new one takes its code; people, organisations exchange theirs.
        let mut document = get(&app, PATH);
        document["rooms"][0]["code"] = json!("old-hall");
        document["rooms"].as_array_mut().unwrap().push(json!({ "code": "hall", "name": "New hall" }));
        for list in ["speakers", "organisations"] {
            let (a, b) = (document[list][0]["code"].clone(), document[list][1]["code"].clone());
            document[list][0]["code"] = b;
            document[list][1]["code"] = a;
        }
        let plan = apply_document(&app, &document);
        for line in [
            "update conference small organisations", "create room hall", "update room old-hall code",
            "update session opening room", "update item welcome appearances",
            "update call_for_action call-for-action issued_by",
        ] {
            assert!(plan.contains(&line.to_owned()), "{line} is not in {plan:#?}");
        }
        let after = get(&app, PATH);
        for pointer in ["/sessions", "/conference", "/speakers/0/organisation", "/call_for_action/issued_by"] {
            let mut said = document.pointer(pointer).unwrap().clone();
            let stored = after.pointer(pointer).unwrap();
            if let Some(call) = said.as_object_mut() { call.remove("id"); }
            for (key, value) in said.as_object().into_iter().flatten() {
                assert_eq!(&stored[key], value, "{pointer}/{key}");
            }
            if said.is_array() || said.is_string() { assert_eq!(stored, &said, "{pointer}"); }
        }
        assert_eq!(apply_document(&app, &document), Vec::<String>::new(), "applied once, it is the draft");
        app.publish(&document);
        let room = app.get("/api/v1/conferences/small/programme/sessions/opening").json()["room"].clone();
        assert_eq!(room, json!({ "code": "hall", "name": "New hall" }));
    }

    fn a_resource_with_a_new_id_replaces_the_one_with_its_code(store) {
        let app = Environment::new(store).start();
        apply_document(&app, &small_conference(None, None));
        let mut document = get(&app, PATH);
        let new_room_id = uuid::Uuid::now_v7().to_string();
        document["rooms"][0]["id"] = json!(new_room_id);
        let speaker = uuid::Uuid::now_v7().to_string();
        document["speakers"][0]["id"] = json!(speaker);
        apply_document(&app, &document);
        let after = get(&app, PATH);
        assert_eq!((&after["rooms"][0]["id"], &after["speakers"][0]["id"]), (&json!(new_room_id), &json!(speaker)));
        assert_eq!(after["sessions"], document["sessions"]);
        assert_eq!(apply_document(&app, &after), Vec::<String>::new());
    }

    fn an_id_may_occur_only_once_in_a_document(store) {
        let app = Environment::new(store).start();
        apply_document(&app, &small_conference(None, None));
        let stored = get(&app, PATH);
        let mut document = stored.clone();
        document["registration"]["categories"][1]["id"] = document["registration"]["categories"][0]["id"].clone();
        document["speakers"][1]["id"] = document["speakers"][0]["id"].clone();
        let faults = app.admin("PUT", PATH, Some(&document)).faults();
        assert_eq!(faults, ["#/registration/categories/1/id duplicate"]);
        document["registration"] = stored["registration"].clone();
        assert_eq!(app.admin("PUT", PATH, Some(&document)).faults(), ["#/speakers/1/id duplicate"]);
        assert_eq!(get(&app, PATH), stored);
    }

    fn every_fault_of_a_document_is_named_and_nothing_is_written(store) {
        let app = Environment::new(store).start();
        apply_document(&app, &small_conference(None, None));
        let stored = get(&app, PATH);
        let mut wrong = small_conference(None, None);
        wrong["conference"]["ends_on"] = json!("2030-04-30");
        wrong["conference"]["colour"] = json!("red");
        wrong["rooms"] = json!([{ "code": "hall", "name": "Hall", "capacity": 0 }, { "code": "hall", "name": 5 }]);
        wrong["sessions"][0]["room"] = json!("cellar");
        wrong["sessions"][0]["kind"] = json!("party");
        wrong["sessions"][0]["starts_at"] = json!("2030-03-31T02:30");
        wrong["sessions"][0]["items"][0]["appearances"][0]["speaker"] = json!("nobody");
        wrong["registration"]["seats"] = json!("many");
        wrong["registration"]["categories"][1]["code"] = json!("delegate");
        let answer = app.admin("PUT", PATH, Some(&wrong));
        assert_eq!(answer.problem(), (422, "validation".to_owned()));
        let mut faults = answer.faults();
        faults.sort();
        let mut expected = [
            "#/conference/colour unknown_field",
            "#/conference/ends_on ends_before_start",
            "#/rooms/0/capacity out_of_range",
            "#/rooms/1/code duplicate",
            "#/rooms/1/name wrong_type",
            "#/sessions/0/room unknown_reference",
            "#/sessions/0/kind unknown_value",
            "#/sessions/0/starts_at impossible_time",
            "#/sessions/0/items/0/appearances/0/speaker unknown_reference",
            "#/registration/seats wrong_type",
            "#/registration/categories/1/code duplicate",
        ];
        expected.sort_unstable();
        assert_eq!(faults, expected);
        assert_eq!(get(&app, PATH), stored);

        let mut languages = small_conference(None, None);
        languages["tracks"][0]["name"]["de"] = json!("Recht");
        languages["registration"]["categories"][0]["name"]["de"] = json!("Delegierte");
        languages["sessions"][0]["ends_at"] = json!("2030-05-01T09:00");
        assert_eq!(app.admin("PUT", PATH, Some(&languages)).faults(), [
            "#/sessions/0/ends_at ends_before_start",
            "#/tracks/0/name/de unknown_language",
            "#/registration/categories/0/name/de unknown_language",
        ]);
        assert_eq!(get(&app, PATH), stored);
    }

    fn a_document_of_another_conference_is_refused(store) {
        let app = Environment::new(store).start();
        apply_document(&app, &small_conference(None, None));
        let other = "/api/v1/conferences/other/blueprint";
        let mut copy = get(&app, PATH);
        assert_eq!(app.admin("PUT", other, Some(&copy)).faults(), ["#/conference/slug other_conference"]);
        copy["conference"]["slug"] = json!("other");
        let faults = app.admin("PUT", other, Some(&copy)).faults();
        assert!(faults.contains(&"#/conference/id other_conference".to_owned()), "{faults:?}");
        assert!(faults.contains(&"#/sessions/0/items/1/id other_conference".to_owned()), "{faults:?}");
        assert_eq!(app.admin("GET", other, None).status, 404);
        let mut plain = small_conference(None, None);
        plain["conference"]["slug"] = json!("other");
        assert_eq!(app.admin("PUT", other, Some(&plain)).status, 200);
        assert_ne!(get(&app, other)["sessions"][0]["id"], get(&app, PATH)["sessions"][0]["id"]);
    }

    fn two_concurrent_creations_of_a_conference_make_one(store) {
        let app = Environment::new(store).start();
        let plans: Vec<usize> = std::thread::scope(|scope| {
            let apply = || apply_document(&app, &small_conference(None, None)).len();
            let puts: Vec<_> = (0..4).map(|_| scope.spawn(apply)).collect();
            puts.into_iter().map(|put| put.join().unwrap()).collect()
        });
        assert_eq!(plans.iter().filter(|changes| **changes == 13).count(), 1, "{plans:?}");
        assert_eq!(plans.iter().filter(|changes| **changes == 0).count(), 3, "{plans:?}");
        assert_eq!(app.count("SELECT count(*) AS n FROM sessions"), 1);
    }

    fn the_agenda_alone_leaves_the_registration_as_it_is(store) {
        let app = Environment::new(store).start();
        apply_document(&app, &small_conference(Some(7), Some(3)));
        let path = "/api/v1/conferences/small/agenda";
        let mut agenda = get(&app, path);
        assert_eq!(agenda["registration"], Value::Null);
        let registration = get(&app, PATH)["registration"].clone();
        agenda["conference"]["name"] = json!("Renamed");
        let dry_run = app.admin("PUT", &format!("{path}?dry_run=true"), Some(&agenda)).json();
        assert_eq!(lines(&dry_run), ["update conference small name"]);
        assert_eq!(lines(&app.admin("PUT", path, Some(&agenda)).json()), ["update conference small name"]);
        assert_eq!(lines(&app.admin("PUT", path, Some(&agenda)).json()), Vec::<String>::new());
        assert_eq!(get(&app, path)["conference"]["name"], json!({ "en": "Renamed" }));
        assert_eq!(get(&app, PATH)["registration"], registration);
        let mut with_registration = agenda.clone();
        with_registration["registration"] = json!({});
        assert_eq!(app.admin("PUT", path, Some(&with_registration)).faults(), ["#/registration unknown_field"]);
        assert_eq!(app.admin("PUT", "/api/v1/conferences/nowhere/agenda", Some(&agenda)).status, 404);
    }

    fn a_conference_without_registration_settings_is_open_to_all(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        document.as_object_mut().unwrap().remove("registration");
        app.publish(&document);
        let form = app.get("/api/v1/conferences/small/registration-form").json();
        assert_eq!((&form["open"], &form["seats"]), (&json!(true), &Value::Null));
        assert_eq!(form["categories"][0]["code"], "participant");
        let answer = app.post("/api/v1/conferences/small/registrations", &person(1, "participant"));
        assert_eq!(answer.json()["status"], "confirmed");
    }

    fn only_permitted_roles_read_or_write_a_blueprint(store) {
        let app = Environment::new(store).start();
        apply_document(&app, &small_conference(None, None));
        let mut other = small_conference(None, None);
        other["conference"]["slug"] = json!("other");
        assert_eq!(app.admin("PUT", "/api/v1/conferences/other/blueprint", Some(&other)).status, 200);
        let token = |role: &str, conference: &str| {
            let created = app.environment.run(&["token", "create", "--role", role, "--conference", conference]);
            assert!(created.status.success());
            String::from_utf8(created.stdout).unwrap().trim().to_owned()
        };
        let agenda = "/api/v1/conferences/small/agenda";
        let releases = "/api/v1/conferences/small/releases";
        let document = get(&app, agenda);
        let full_document = get(&app, PATH);
        for (token, read, write, blueprint, publish) in [
            (token("agenda_editor", "small"), 200, 200, 403, 201),
            (token("viewer", "small"), 200, 403, 403, 403),
            (token("registrar", "small"), 403, 403, 403, 403),
            (token("admin", "small"), 200, 200, 200, 201),
            (token("admin", "other"), 403, 403, 403, 403),
            ("plenary_unknown".to_owned(), 401, 401, 401, 401),
        ] {
            assert_eq!(app.with_token(&token, "GET", agenda, None).status, read);
            assert_eq!(app.with_token(&token, "PUT", agenda, Some(&document)).status, write);
            assert_eq!(app.with_token(&token, "PUT", PATH, Some(&full_document)).status, blueprint);
            assert_eq!(app.with_token(&token, "POST", releases, Some(&json!({}))).status, publish);
        }
        let new = "/api/v1/conferences/new/blueprint";
        let mut document = small_conference(None, None);
        document["conference"]["slug"] = json!("new");
        assert_eq!(app.with_token(&token("admin", "small"), "PUT", new, Some(&document)).status, 403);
        assert_eq!(app.get(agenda).problem(), (401, "unauthenticated".to_owned()));
        assert_eq!(app.get("/api/v1/conferences/nowhere/agenda").status, 401, "nor does it tell what there is");
    }

    fn the_command_line_applies_and_publishes_beside_a_running_service(store) {
        let app = Environment::new(store).start();
        let environment = &app.environment;
        let file = environment.folder.write("small.json", &small_conference(Some(5), None).to_string());
        let file = file.to_str().unwrap();
        let run = |arguments: &[&str]| {
            let output = environment.run(arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
        };
        assert_eq!(run(&["apply", file, "--dry-run"]), "13 changes; nothing was written.");
        assert_eq!(run(&["apply", file]), "13 changes written to the draft; a release publishes them.");
        assert_eq!(run(&["apply", file]), "Nothing to change.");
        let remote = ["apply", file, "--server", &app.url, "--token", ADMIN];
        assert_eq!(run(&remote), "Nothing to change.");
        environment.folder.write("small.json", &small_conference(Some(6), None).to_string());
        assert_eq!(run(&remote), "1 change written to the draft; a release publishes them.");
        assert_eq!(run(&["release", "--note", "First"]), "Release 1 is published.");
        assert_eq!(environment.database.count("SELECT count(*) AS n FROM releases WHERE note = 'First'"), 1);
    }

    fn a_conflict_in_the_draft_is_reported_when_it_is_written(store) {
        let environment = Environment::new(store);
        let mut document = small_conference(None, None);
        document["sessions"][0]["starts_at"] = json!("2030-06-01T09:00");
        document["sessions"][0]["ends_at"] = json!("2030-06-01T10:00");
        let file = environment.folder.write("small.json", &document.to_string());
        let applied = environment.run(&["apply", file.to_str().unwrap()]);
        assert!(applied.status.success());
        let said = String::from_utf8(applied.stdout).unwrap();
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("warning: ") && last.contains("#/sessions/0/starts_at session opening lies on no day"), "{said}");
        let released = environment.run(&["release"]);
        assert_eq!(released.status.code(), Some(1));
        let said = String::from_utf8(released.stderr).unwrap();
        assert_eq!(said.lines().last(), Some("plenary: session opening lies on no day of the conference"));
    }

    fn a_wrong_file_is_refused_with_the_line_of_every_fault(store) {
        let environment = Environment::new(store);
        let text = "\
conference:
  slug: small
  name: { en: Small, de: Klein }
  starts_on: 2030-05-01
  ends_on: 2030-05-02
  time_zone: Europe/Brussels
  languages: [en]
sessions:
  - code: opening
    kind: opening
    title: Opening
    room: cellar
    starts_at: 2030-05-01T09:00
    ends_at: 2030-05-01T08:00
registration:
  categories:
    - { code: Press, name: Press }
";
        let file = environment.folder.write("wrong.yaml", text);
        let output = environment.run(&["apply", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let name = file.display();
        let expected = [
            format!("plenary: {name}:3:22: #/conference/name/de is not a language of the conference: en"),
            format!("plenary: {name}:12:5: #/sessions/0/room there is no room cellar"),
            format!("plenary: {name}:14:5: #/sessions/0/ends_at must be after starts_at, 2030-05-01T09:00:00+02:00"),
            format!(
                "plenary: {name}:17:9: #/registration/categories/0/code must be lower-case letters and digits in words \
                 joined by hyphens, at most 80 characters"
            ),
        ];
        assert_eq!(String::from_utf8(output.stderr).unwrap().lines().collect::<Vec<_>>(), expected);
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn the_committed_schema_is_the_generated_one_and_the_example_is_valid() {
    let generated = std::process::Command::new(crate::support::app::BINARY).arg("schema").output().unwrap();
    let committed = std::fs::read_to_string(repository().join("config/blueprint.schema.json")).unwrap();
    let generated = String::from_utf8(generated.stdout).unwrap();
    assert!(committed == generated, "run: plenary schema > config/blueprint.schema.json");
    let schema: Value = serde_json::from_str(&committed).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults = |document: &Value| -> Vec<String> {
        validator.iter_errors(document).map(|error| error.instance_path().to_string()).collect()
    };
    assert_eq!(faults(&small_conference(Some(3), None)), Vec::<String>::new());
    let mut wrong = small_conference(None, None);
    wrong["colour"] = json!("red");
    wrong["sessions"][0]["kind"] = json!("party");
    wrong["rooms"][0]["capacity"] = json!("many");
    let mut found = faults(&wrong);
    found.sort();
    assert_eq!(found, ["", "/rooms/0/capacity", "/sessions/0/kind"]);
}
