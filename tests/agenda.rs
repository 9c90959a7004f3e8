//! The resources of the draft: reading, editing, and concurrent edits.

use serde_json::{Value, json};

use crate::support::{
    Answer, App,
    app::{Environment, person, small_conference},
    on_both_stores, repetitions,
};

const SMALL: &str = "/api/v1/conferences/small";
const AGENDA: &str = "/api/v1/conferences/small/agenda";

fn start_app(store: crate::support::Store) -> App {
    let app = Environment::new(store).start();
    assert_eq!(app.admin("PUT", &format!("{SMALL}/blueprint"), Some(&small_conference(None, None))).status, 200);
    app
}

fn agenda_path(path: &str) -> String {
    format!("{AGENDA}/{path}")
}

fn read(app: &App, path: &str) -> Value {
    let answer = app.admin("GET", path, None);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn write(app: &App, method: &str, path: &str, body: &Value) -> Value {
    let answer = app.admin(method, path, Some(body));
    assert!([200, 201].contains(&answer.status), "{method} {path}: {}", answer.text());
    answer.json()
}

fn send_with_headers(app: &App, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let bearer = format!("Bearer {}", crate::support::app::ADMIN);
    let mut all = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    all.extend(headers);
    app.send(method, path, &all, Some(&body.to_string()))
}

fn codes(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|thing| thing["code"].as_str().unwrap().to_owned()).collect()
}

on_both_stores! {
    fn every_resource_is_created_read_replaced_patched_and_deleted(store) {
        let app = start_app(store);
        for (list, key, new, patch, field) in [
            ("organisations", "code", json!({ "code": "aegis", "name": "Aegis", "kind": "ngo" }),
                json!({ "country": "GB" }), "country"),
            ("days", "date", json!({ "date": "2030-05-01", "title": "First" }), json!({ "changeover": "04:00" }), "changeover"),
            ("rooms", "code", json!({ "code": "attic", "name": "Attic" }), json!({ "capacity": 12 }), "capacity"),
            ("tracks", "code", json!({ "code": "memory", "name": "Memory" }), json!({ "description": "Why" }), "description"),
            ("speakers", "code", json!({ "code": "eve", "given_name": "Eve", "family_name": "Online" }),
                json!({ "took_office_on": "2020-01-01" }), "took_office_on"),
            ("sessions", "code", json!({ "code": "night", "kind": "social", "title": "Night",
                "starts_at": "2030-05-01T20:00", "ends_at": "2030-05-01T22:00" }), json!({ "seats": 10 }), "seats"),
            ("sessions/opening/items", "code", json!({ "code": "music", "kind": "performance", "title": "Music" }),
                json!({ "time_limit_minutes": 5 }), "time_limit_minutes"),
        ] {
            let code = new[key].as_str().unwrap();
            let (all, one) = (agenda_path(list), agenda_path(&format!("{list}/{code}")));
            if list == "days" {
                assert_eq!(app.admin("DELETE", &one, None).status, 204, "the dates are days already");
            }
            let before = read(&app, &all)["data"].as_array().unwrap().len();
            let created = app.admin("POST", &all, Some(&new));
            assert_eq!((created.status, created.header("location")), (201, Some(one.as_str())), "{}", created.text());
            let expected_warnings = if list == "speakers" { json!([]) } else { json!(["untranslated"]) };
            let warnings = created.json()["warnings"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
            assert_eq!(Value::Array(warnings), expected_warnings, "{list}: it has no French yet");
            let listed = app.admin("GET", &one, None);
            assert_eq!(listed.header("etag"), created.header("etag"), "a write answers the tag of what it wrote");
            assert_eq!(listed.json()[key], code);
            assert_eq!(app.admin("POST", &all, Some(&new)).problem(), (409, "already-exists".to_owned()));
            assert_eq!(read(&app, &all)["data"].as_array().unwrap().len(), before + 1);

            let patched = write(&app, "PATCH", &one, &patch);
            assert_eq!(patched["id"], listed.json()["id"], "{list}");
            assert_ne!(patched[field], Value::Null, "{list}: {patched}");
            let replaced = write(&app, "PUT", &one, &new);
            assert_eq!(replaced["id"], listed.json()["id"], "a thing keeps its id");
            assert_ne!(replaced[field], patched[field], "what a replacement leaves out is gone");
            assert_eq!(app.admin("GET", &one, None).header("etag"), listed.header("etag"));

            assert_eq!(app.admin("DELETE", &one, None).status, 204);
            assert_eq!(app.admin("GET", &one, None).problem(), (404, "not-found".to_owned()));
            assert_eq!(app.admin("DELETE", &one, None).status, 404);
            assert_eq!(app.admin("PATCH", &one, Some(&patch)).status, 404);
            let put = app.admin("PUT", &one, Some(&new));
            assert_eq!((put.status, put.header("location")), (201, Some(one.as_str())));
            assert_eq!(read(&app, &all)["data"].as_array().unwrap().len(), before + 1);
        }
    }

    fn the_conference_and_the_call_for_action_are_edited_in_the_draft(store) {
        let app = start_app(store);
        let conference = agenda_path("conference");
        let before = read(&app, &conference);
        let patched = write(&app, "PATCH", &conference, &json!({ "name": "Great conference", "ends_on": "2030-05-03" }));
        assert_eq!(patched["name"], json!({ "en": "Great conference", "fr": "Petite conférence" }));
        assert_eq!(patched["id"], before["id"]);
        assert_eq!(app.admin("PATCH", &conference, Some(&json!({ "slug": "other" }))).status, 422);
        let call = agenda_path("call-for-action");
        assert_eq!(app.admin("GET", &call, None).status, 404);
        let body = json!({ "title": "Call", "issued_by": { "speaker": "ada" }, "commitments": [{ "text": "Prevent" }] });
        assert_eq!(app.admin("PUT", &call, Some(&body)).status, 201);
        let patched = write(&app, "PATCH", &call, &json!({ "status": "adopted", "commitments": [
            { "text": "Prevent" }, { "text": "Remember" }
        ] }));
        assert_eq!(patched["commitments"].as_array().unwrap().len(), 2, "a list replaces the list");
        assert_eq!(app.admin("DELETE", &call, None).status, 204);
        assert_eq!(app.admin("GET", &call, None).status, 404);
        assert_eq!(read(&app, AGENDA)["call_for_action"], Value::Null);
    }

    fn each_fault_is_reported_with_its_pointer_and_nothing_is_written(store) {
        let app = start_app(store);
        let before = read(&app, AGENDA);
        let wrong = app.admin("POST", &agenda_path("sessions"), Some(&json!({
            "code": "Not A Code", "kind": "party", "title": { "xx": "?" }, "starts_at": "2030-05-01T10:00",
            "ends_at": "2030-05-01T09:00", "room": "nowhere", "colour": "red",
            "items": [{ "code": "welcome", "kind": "keynote", "title": "Again" }]
        })));
        assert_eq!(wrong.problem(), (422, "validation".to_owned()));
        let mut faults = wrong.faults();
        faults.sort();
        assert_eq!(faults, [
            "#/code invalid_code", "#/colour unknown_field", "#/ends_at ends_before_start", "#/items/0/code duplicate",
            "#/kind unknown_value", "#/room unknown_reference"
        ]);
        let wrong = app.admin("PATCH", &agenda_path("sessions/opening"), Some(&json!({ "title": { "xx": "?" } })));
        assert_eq!(wrong.faults(), ["#/title/xx unknown_language"]);
        let earlier_start = app.admin("PATCH", &agenda_path("conference"), Some(&json!({ "starts_on": "2030-03-31", "ends_on": "2030-05-02" })));
        assert_eq!(earlier_start.status, 200);
        write(&app, "PATCH", &agenda_path("conference"), &json!({ "starts_on": "2030-05-01" }));
        let session = json!({ "code": "gap", "kind": "social", "title": "Gap",
            "starts_at": "2030-03-31T02:30", "ends_at": "2030-10-27T02:30" });
        let mut faults = app.admin("POST", &agenda_path("sessions"), Some(&session)).faults();
        faults.sort();
        assert_eq!(faults, ["#/ends_at ambiguous_time", "#/starts_at impossible_time"]);
        assert_eq!(app.admin("PATCH", &agenda_path("rooms/hall"), Some(&json!([1]))).faults(), ["# wrong_type"]);
        assert_eq!(app.admin("PATCH", &agenda_path("rooms/hall"), Some(&json!({ "id": json!("0190a2b4-0000-7000-8000-000000000000") })))
            .faults(), ["#/id other_id"]);
        assert_eq!(app.admin("PUT", &agenda_path("rooms/attic"), Some(&json!({ "code": "cellar", "name": "x" }))).faults(),
            ["#/code other_code"]);
        let bearer = format!("Bearer {}", crate::support::app::ADMIN);
        let plain = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
        let form = app.send("PATCH", &agenda_path("rooms/hall"), &plain, Some("{}"));
        assert_eq!(form.status, 415);
        assert_eq!(form.header("accept-patch"), Some("application/merge-patch+json, application/json"));
        assert_eq!(read(&app, AGENDA), before);
    }

    fn a_referenced_resource_cannot_be_deleted_and_references_follow_a_new_code(store) {
        let app = start_app(store);
        let refused = app.admin("DELETE", &agenda_path("rooms/hall"), None);
        assert_eq!(refused.problem(), (409, "in-use".to_owned()));
        assert_eq!(refused.faults(), ["#/sessions/0/room in_use"]);
        assert_eq!(refused.json()["errors"][0]["detail"], "session opening refers to it");
        let refused = app.admin("DELETE", &agenda_path("speakers/bob"), None);
        assert_eq!(refused.json()["errors"][0]["detail"], "session opening, item talk refers to it");
        assert_eq!(app.admin("DELETE", &agenda_path("speakers/ada"), None).problem().1, "in-use");
        for (before, code) in [("attic", "hall"), ("hall", "attic")] {
            let room = json!({ "code": "attic", "name": "Attic" });
            assert_eq!(app.admin("PUT", &agenda_path("rooms/attic"), Some(&room)).status / 100, 2);
            let conflict = app.admin("PATCH", &agenda_path(&format!("rooms/{before}")), Some(&json!({ "code": code })));
            assert_eq!(conflict.problem(), (409, "already-exists".to_owned()), "whichever stands first");
        }
        write(&app, "POST", &agenda_path("sessions"), &json!({ "code": "later", "kind": "social", "title": "Later",
            "starts_at": "2030-05-02T20:00", "ends_at": "2030-05-02T22:00" }));
        let conflict = app.admin("POST", &agenda_path("sessions/later/items"), Some(&json!({
            "code": "welcome", "kind": "keynote", "title": "Again"
        })));
        assert_eq!(conflict.problem(), (409, "already-exists".to_owned()), "an item's code is of the whole conference");
        write(&app, "POST", &agenda_path("sessions/reorder"), &json!({ "order": ["later", "opening"] }));
        let conflict = app.admin("PATCH", &agenda_path("sessions/later"), Some(&json!({
            "items": [{ "code": "welcome", "kind": "keynote", "title": "Again" }]
        })));
        assert_eq!(conflict.faults(), ["#/items/0/code duplicate"]);
        assert_eq!(app.admin("DELETE", &agenda_path("sessions/later"), None).status, 204);
        write(&app, "PATCH", &agenda_path("rooms/hall"), &json!({ "code": "great-hall" }));
        write(&app, "PATCH", &agenda_path("speakers/ada"), &json!({ "code": "ada-lovelace" }));
        let session = read(&app, &agenda_path("sessions/opening"));
        assert_eq!(session["room"], "great-hall");
        assert_eq!(session["items"][0]["appearances"][0]["speaker"], "ada-lovelace");
        assert_eq!(app.admin("GET", &agenda_path("rooms/hall"), None).status, 404);
        write(&app, "PATCH", &agenda_path("sessions/opening"), &json!({ "room": null }));
        assert_eq!(app.admin("DELETE", &agenda_path("rooms/great-hall"), None).status, 204);
    }

    fn lists_are_filtered_searched_sorted_and_paged(store) {
        let app = start_app(store);
        for (code, title, start, end, room) in [
            ("zeta", json!({ "en": "Memory", "fr": "Mémoire" }), "2030-05-02T09:00", "2030-05-02T10:00", None),
            ("alpha", json!({ "en": "Law and memory" }), "2030-05-01T11:00", "2030-05-01T12:00", Some("hall")),
        ] {
            write(&app, "POST", &agenda_path("sessions"), &json!({ "code": code, "kind": "thematic", "title": title,
                "starts_at": start, "ends_at": end, "room": room }));
        }
        let listed = |query: &str| codes(&read(&app, &agenda_path(&format!("sessions{query}"))));
        assert_eq!(listed(""), ["opening", "zeta", "alpha"], "the draft's own order");
        assert_eq!(listed("?sort=starts_at"), ["opening", "alpha", "zeta"]);
        assert_eq!(listed("?sort=-starts_at"), ["zeta", "alpha", "opening"]);
        assert_eq!(listed("?sort=title"), ["alpha", "zeta", "opening"]);
        assert_eq!(listed("?q=M%C3%89MOIRE"), ["zeta"]);
        assert_eq!(listed("?q=memory&kind=thematic&day=2030-05-01"), ["alpha"]);
        assert_eq!(listed("?room=hall&speaker=ada"), ["opening"]);
        assert_eq!(listed("?track=law"), ["opening"]);
        assert_eq!(listed("?q=welcome"), ["opening"], "titles of items are searched, too");
        let first = app.admin("GET", &agenda_path("sessions?sort=code&limit=2&q=e"), None);
        assert_eq!(codes(&first.json()), ["alpha", "opening"]);
        let next = first.json()["next"].as_str().unwrap().to_owned();
        assert_eq!(first.header("link"), Some(format!("<{next}>; rel=\"next\"").as_str()));
        assert_eq!(codes(&read(&app, &next)), ["zeta"]);
        assert_eq!(read(&app, &next)["next"], Value::Null);
        assert_eq!(codes(&read(&app, &agenda_path("speakers?sort=-family_name"))), ["bob", "ada"]);
        assert_eq!(codes(&read(&app, &agenda_path("speakers?q=love"))), ["ada"]);
        assert_eq!(codes(&read(&app, &agenda_path("sessions/opening/items"))), ["welcome", "talk"]);
        let wrong = app.admin("GET", &agenda_path("sessions?day=2031-01-01&room=x&track=y&speaker=z"), None);
        assert_eq!(wrong.faults(), [
            "?day unknown_reference", "?track unknown_reference", "?room unknown_reference", "?speaker unknown_reference"
        ]);
        let wrong = app.admin("GET", &agenda_path("rooms?limit=0&cursor=%21&sort=colour"), None);
        assert_eq!(wrong.faults(), ["?limit out_of_range", "?cursor invalid_cursor", "?sort unknown_value"]);
        assert_eq!(app.admin("GET", &agenda_path("rooms?kind=x"), None).faults(), ["?kind unknown_field"]);
        write(&app, "POST", &agenda_path("organisations"), &json!({ "code": "un", "name": "UN", "kind": "international_organisation" }));
        write(&app, "POST", &agenda_path("organisations"), &json!({ "code": "be", "name": "Belgium", "kind": "state", "country": "BE" }));
        write(&app, "PATCH", &agenda_path("speakers/bob"), &json!({ "organisation": "be", "country": "BE", "precedence": "minister" }));
        assert_eq!(codes(&read(&app, &agenda_path("organisations?kind=state&country=BE"))), ["be"]);
        assert_eq!(codes(&read(&app, &agenda_path("speakers?organisation=be&country=BE&precedence=minister"))), ["bob"]);
        assert_eq!(codes(&read(&app, &agenda_path("speakers?country=FR"))), Vec::<String>::new());
        assert_eq!(codes(&read(&app, &agenda_path("sessions/opening/items?kind=panel&speaker=bob"))), ["talk"]);
        assert_eq!(app.admin("GET", &agenda_path("speakers?organisation=x"), None).faults(), ["?organisation unknown_reference"]);
        assert_eq!(app.admin("GET", &agenda_path("sessions/nowhere/items"), None).status, 404);
    }

    fn lists_items_and_appearances_are_reordered_in_one_call(store) {
        let app = start_app(store);
        write(&app, "POST", &agenda_path("rooms"), &json!({ "code": "attic", "name": "Attic" }));
        write(&app, "POST", &agenda_path("rooms"), &json!({ "code": "cellar", "name": "Cellar" }));
        let ordered = write(&app, "POST", &agenda_path("rooms/reorder"), &json!({ "order": ["cellar", "hall"] }));
        assert_eq!(codes(&ordered), ["cellar", "hall", "attic"]);
        assert_eq!(codes(&read(&app, &agenda_path("rooms"))), ["cellar", "hall", "attic"]);
        let session = write(&app, "POST", &agenda_path("sessions/opening/items/reorder"), &json!({
            "order": ["talk", "welcome"], "appearances": { "talk": ["ada", "bob"] }
        }));
        let items = &session["items"];
        assert_eq!((&items[0]["code"], &items[1]["code"]), (&json!("talk"), &json!("welcome")));
        assert_eq!(items[0]["appearances"][0]["speaker"], "ada");
        assert_eq!(items[0]["appearances"][0]["role"], "moderator", "who changes places keeps their role");
        let wrong = app.admin("POST", &agenda_path("rooms/reorder"), Some(&json!({ "order": ["hall", "x", "hall"] })));
        assert_eq!(wrong.faults(), ["#/order/1 unknown_reference", "#/order/2 duplicate"]);
        let wrong = app.admin("POST", &agenda_path("sessions/opening/items/reorder"), Some(&json!({
            "appearances": { "x": [], }
        })));
        assert_eq!(wrong.faults(), ["#/appearances/x unknown_reference"]);
    }

    fn a_session_is_moved_and_duplicated_and_an_item_goes_to_another_session(store) {
        let app = start_app(store);
        write(&app, "POST", &agenda_path("rooms"), &json!({ "code": "attic", "name": "Attic" }));
        let moved = write(&app, "POST", &agenda_path("sessions/opening/move"), &json!({ "day": "2030-05-02", "room": "attic" }));
        assert_eq!((&moved["starts_at"], &moved["ends_at"], &moved["room"]),
            (&json!("2030-05-02T09:00:00+02:00"), &json!("2030-05-02T10:00:00+02:00"), &json!("attic")));
        let moved = write(&app, "POST", &agenda_path("sessions/opening/move"), &json!({ "starts_at": "2030-05-01T14:00" }));
        assert_eq!(moved["ends_at"], "2030-05-01T15:00:00+02:00", "it stays as long as it was");
        let moved = write(&app, "POST", &agenda_path("sessions/opening/move"), &json!({ "room": null }));
        assert_eq!(moved["room"], Value::Null);
        write(&app, "POST", &agenda_path("sessions/opening/move"), &json!({ "room": "attic" }));
        let wrong = app.admin("POST", &agenda_path("sessions/opening/move"), Some(&json!({ "room": "nowhere" })));
        assert_eq!(wrong.faults(), ["#/room unknown_reference"]);
        let wrong = app.admin("POST", &agenda_path("sessions/opening/move"), Some(&json!({ "day": "2030-05-01", "starts_at": "2030-05-01T14:00" })));
        assert_eq!(wrong.faults(), ["#/day either_or"]);

        let copy = app.admin("POST", &agenda_path("sessions/opening/duplicate"), Some(&json!({
            "code": "encore", "title": "Encore", "day": "2030-05-02", "room": "hall"
        })));
        assert_eq!((copy.status, copy.header("location")), (201, Some(agenda_path("sessions/encore").as_str())), "{}", copy.text());
        let (copy, original) = (copy.json(), read(&app, &agenda_path("sessions/opening")));
        assert_eq!(copy["title"], json!({ "en": "Encore" }));
        assert_eq!(copy["starts_at"], "2030-05-02T14:00:00+02:00");
        assert_eq!(copy["room"], "hall");
        assert_eq!(original["starts_at"], "2030-05-01T14:00:00+02:00", "the original stays where it is");
        assert_eq!(copy["items"][0]["code"], "welcome-2");
        assert_eq!(copy["items"][1]["appearances"], original["items"][1]["appearances"]);
        assert_ne!(copy["items"][0]["id"], original["items"][0]["id"]);
        let repeated = app.admin("POST", &agenda_path("sessions/opening/duplicate"), Some(&json!({ "code": "encore" })));
        assert_eq!(repeated.problem(), (409, "already-exists".to_owned()));

        let item = write(&app, "POST", &agenda_path("sessions/opening/items/talk/move"), &json!({
            "session": "encore", "before": "talk-2"
        }));
        assert_eq!(item["id"], original["items"][1]["id"], "an item keeps its id wherever it goes");
        assert_eq!(codes(&read(&app, &agenda_path("sessions/encore/items"))), ["welcome-2", "talk", "talk-2"]);
        assert_eq!(codes(&read(&app, &agenda_path("sessions/opening/items"))), ["welcome"]);
        let wrong = app.admin("POST", &agenda_path("sessions/opening/items/welcome/move"), Some(&json!({ "session": "x" })));
        assert_eq!(wrong.faults(), ["#/session unknown_reference"]);
    }

    fn a_substitute_speaks_on_behalf_of_the_replaced_speaker(store) {
        let app = start_app(store);
        write(&app, "POST", &agenda_path("speakers"), &json!({ "code": "eve", "given_name": "Eve", "family_name": "Online" }));
        let answer = write(&app, "POST", &agenda_path("speakers/ada/substitute"), &json!({ "by": "eve" }));
        assert_eq!(answer["places"], json!([
            { "session": "opening", "item": "welcome" }, { "session": "opening", "item": "talk" }
        ]));
        let appearances = |item: &str| read(&app, &agenda_path(&format!("sessions/opening/items/{item}")))["appearances"].clone();
        assert_eq!(appearances("welcome"), json!([{ "speaker": "eve", "role": "keynote_speaker", "on_behalf_of": "ada" }]));
        assert_eq!(appearances("talk")[1], json!({ "speaker": "eve", "role": "moderator", "on_behalf_of": "ada" }));
        assert_eq!(read(&app, &agenda_path("speakers/ada"))["code"], "ada", "whoever is replaced stays known");
        assert_eq!(app.admin("DELETE", &agenda_path("speakers/ada"), None).problem().1, "in-use");

        write(&app, "POST", &agenda_path("speakers/eve/substitute"), &json!({ "by": "bob", "sessions": ["opening"] }));
        assert_eq!(appearances("welcome")[0]["on_behalf_of"], "ada", "whoever stands in for a substitute does so for the first");
        assert_eq!(appearances("talk"), json!([
            { "speaker": "bob", "role": "panellist", "on_behalf_of": null },
            { "speaker": "bob", "role": "moderator", "on_behalf_of": "ada" }
        ]));
        write(&app, "POST", &agenda_path("speakers/bob/substitute"), &json!({ "by": "ada", "on_behalf_of": false }));
        assert_eq!(appearances("welcome")[0], json!({ "speaker": "ada", "role": "keynote_speaker", "on_behalf_of": null }));
        let wrong = app.admin("POST", &agenda_path("speakers/ada/substitute"), Some(&json!({ "by": "x", "sessions": ["y"] })));
        assert_eq!(wrong.faults(), ["#/by unknown_reference", "#/sessions/0 unknown_reference"]);
        let wrong = app.admin("POST", &agenda_path("speakers/eve/substitute"), Some(&json!({ "by": "ada" })));
        assert_eq!(wrong.faults(), ["#/sessions no_appearance"]);
        assert_eq!(app.admin("POST", &agenda_path("speakers/x/substitute"), Some(&json!({ "by": "ada" }))).status, 404);
    }

    fn a_stale_precondition_changes_nothing_and_returns_the_present_state(store) {
        let app = start_app(store);
        let path = agenda_path("sessions/opening");
        let first = app.admin("GET", &path, None);
        let tag = first.header("etag").unwrap().to_owned();
        let changed = send_with_headers(&app, "PATCH", &path, &[("if-match", &tag)], &json!({ "title": "Mine" }));
        assert_eq!(changed.status, 200);
        for (method, body) in [("PATCH", json!({ "title": "Yours" })), ("PUT", first.json()), ("DELETE", json!({}))] {
            let stale = send_with_headers(&app, method, &path, &[("if-match", &tag)], &body);
            assert_eq!(stale.problem(), (412, "precondition-failed".to_owned()), "{method}");
            assert_eq!(stale.header("etag"), changed.header("etag"), "the present state's tag");
            assert_eq!(stale.json()["current"]["title"]["en"], "Mine");
        }
        assert_eq!(send_with_headers(&app, "POST", &agenda_path("sessions/opening/move"), &[("if-match", &tag)], &json!({ "day": "2030-05-02" })).status, 412);
        let order = agenda_path("sessions/opening/protocol-order");
        assert_eq!(send_with_headers(&app, "POST", &order, &[("if-match", &tag)], &json!({})).status, 412);
        let new_tag = changed.header("etag").unwrap();
        let two_tags = format!("\"other\", {new_tag}");
        assert_eq!(send_with_headers(&app, "PATCH", &path, &[("if-match", &two_tags)], &json!({ "seats": 5 })).status, 200);
        assert_eq!(send_with_headers(&app, "PATCH", &path, &[("if-match", "*")], &json!({ "seats": 6 })).status, 200);
        let room = json!({ "code": "attic", "name": "Attic" });
        assert_eq!(send_with_headers(&app, "PUT", &agenda_path("rooms/attic"), &[("if-match", "*")], &room).status, 412, "there is none yet");
        assert_eq!(send_with_headers(&app, "PUT", &agenda_path("rooms/attic"), &[("if-none-match", "*")], &room).status, 201);
        assert_eq!(send_with_headers(&app, "PUT", &agenda_path("rooms/attic"), &[("if-none-match", "*")], &room).status, 412);
        assert_eq!(send_with_headers(&app, "PUT", &agenda_path("rooms/attic"), &[], &room).status, 200);
        let unchanged = app.get_with(&agenda_path("rooms/attic"), &[("authorization", &format!("Bearer {}", crate::support::app::ADMIN)),
            ("if-none-match", app.admin("GET", &agenda_path("rooms/attic"), None).header("etag").unwrap())]);
        assert_eq!(unchanged.status, 304);
    }

    fn an_idempotency_key_makes_a_request_happen_once_with_the_same_answer(store) {
        let app = start_app(store);
        let room = json!({ "code": "attic", "name": "Attic" });
        let key = [("idempotency-key", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"")];
        let first = send_with_headers(&app, "POST", &agenda_path("rooms"), &key, &room);
        assert_eq!(first.status, 201);
        write(&app, "PATCH", &agenda_path("rooms/attic"), &json!({ "capacity": 9 }));
        let repeated = send_with_headers(&app, "POST", &agenda_path("rooms"), &key, &room);
        assert_eq!((repeated.status, &repeated.body, repeated.header("etag"), repeated.header("location")),
            (201, &first.body, first.header("etag"), first.header("location")), "the first answer, byte for byte");
        let other = send_with_headers(&app, "POST", &agenda_path("rooms"), &key, &json!({ "code": "cellar", "name": "Cellar" }));
        assert_eq!(other.problem(), (422, "idempotency-key-reused".to_owned()));
        let track = json!({ "code": "attic", "name": "Attic" });
        assert_eq!(send_with_headers(&app, "POST", &agenda_path("tracks"), &key, &track).status, 201, "a key is of its route");
        let wrong = send_with_headers(&app, "POST", &agenda_path("rooms"), &[("idempotency-key", "k2")], &json!({ "code": "cellar" }));
        assert_eq!(wrong.status, 422);
        let corrected = send_with_headers(&app, "POST", &agenda_path("rooms"), &[("idempotency-key", "k2")], &json!({ "code": "cellar", "name": "C" }));
        assert_eq!(corrected.status, 201, "a refusal is not kept");
        assert_eq!(send_with_headers(&app, "POST", &agenda_path("rooms"), &[("idempotency-key", &"x".repeat(256))], &room).status, 400);

        let (releases, note) = (format!("{SMALL}/releases"), json!({ "note": "Once" }));
        let first = send_with_headers(&app, "POST", &releases, &key, &note);
        assert_eq!((first.status, &first.json()["number"]), (201, &json!(1)));
        assert_eq!(send_with_headers(&app, "POST", &releases, &key, &note).body, first.body, "nothing is released twice");
        let restored = send_with_headers(&app, "POST", &format!("{releases}/1/restore"), &key, &json!({}));
        assert_eq!(send_with_headers(&app, "POST", &format!("{releases}/1/restore"), &key, &json!({})).body, restored.body);
        assert_eq!(app.count("SELECT count(*) AS n FROM releases"), 2);

        let create_with_key = |number: usize| {
            let key = format!("race-{number}");
            let body = json!({ "code": format!("race-{number}"), "name": "Race" });
            std::thread::scope(|scope| {
                let send = || send_with_headers(&app, "POST", &agenda_path("rooms"), &[("idempotency-key", key.as_str())], &body);
                let racers: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
                racers.into_iter().map(|racer| racer.join().unwrap()).collect::<Vec<_>>()
            })
        };
        for number in 0..5 {
            let answers = create_with_key(number);
            assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body), "{answers:?}");
        }
        assert_eq!(app.count("SELECT count(*) AS n FROM rooms"), 8);
    }

    fn old_stored_answers_are_deleted_without_blocking_requests(store) {
        let app = start_app(store);
        let create_with_key = |path: &str, key: &str, body: &Value| {
            send_with_headers(&app, "POST", path, &[("idempotency-key", key)], body).status
        };
        for number in 0..20 {
            let body = json!({ "code": format!("old-{number}"), "name": "Old" });
            assert_eq!(create_with_key(&agenda_path("rooms"), &format!("old-{number}"), &body), 201);
        }
        app.environment.database.execute("UPDATE idempotency_keys SET created_at = '2020-01-01T00:00:00.000000Z'");
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|writer| {
                    let create_with_key = &create_with_key;
                    scope.spawn(move || {
                        let key = format!("new-{writer}");
                        if writer % 2 == 0 {
                            create_with_key(&format!("{SMALL}/releases"), &key, &json!({}))
                        } else {
                            let body = json!({ "code": key, "name": "New" });
                            create_with_key(&agenda_path("rooms"), &key, &body)
                        }
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(statuses, [201; 8]);
    }

    fn a_queue_for_one_conference_does_not_delay_another(store) {
        let app = start_app(store);
        let body = json!({ "slug": "other", "name": "Other", "starts_on": "2031-01-10", "ends_on": "2031-01-11",
            "time_zone": "Africa/Kigali", "languages": ["en"] });
        assert_eq!(app.admin("POST", "/api/v1/conferences", Some(&body)).status, 201);
        let lock = app.environment.database.lock_table("conferences");
        let waiting = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..20)
                .map(|number| {
                    let (app, waiting) = (&app, &waiting);
                    scope.spawn(move || {
                        waiting.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        app.admin("PATCH", &agenda_path("rooms/hall"), Some(&json!({ "capacity": number + 1 }))).status
                    })
                })
                .collect();
            while waiting.load(std::sync::atomic::Ordering::SeqCst) < 20 {
                std::thread::yield_now();
            }
            for _ in 0..10 {
                assert_eq!(app.get("/readyz").status, 200, "whoever reads is not kept waiting");
                assert_eq!(app.admin("GET", "/api/v1/conferences/other/agenda/rooms", None).status, 200);
            }
            lock.release();
            let statuses: Vec<u16> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
            assert_eq!(statuses, [200; 20], "whoever waits comes to it");
        });
    }

    fn two_writers_of_the_same_session_lose_no_update(store) {
        let app = start_app(store);
        let path = agenda_path("sessions/opening");
        write(&app, "PATCH", &path, &json!({ "seats": 0 }));
        // Each raises the seats by one, many times, and retries when the other one came first.
        let rounds_per_writer = repetitions(60, 500);
        let raise_seats = || {
            let mut refused = 0;
            for _ in 0..rounds_per_writer {
                loop {
                    let current = app.admin("GET", &path, None);
                    let seats = current.json()["seats"].as_u64().unwrap() + 1;
                    let tag = current.header("etag").unwrap().to_owned();
                    let answer = send_with_headers(&app, "PATCH", &path, &[("if-match", &tag)], &json!({ "seats": seats }));
                    match answer.status {
                        200 => break,
                        412 => refused += 1,
                        other => panic!("{other}: {}", answer.text()),
                    }
                }
            }
            refused
        };
        let refused: usize = std::thread::scope(|scope| {
            let writers = [scope.spawn(raise_seats), scope.spawn(raise_seats)];
            writers.into_iter().map(|writer| writer.join().unwrap()).sum()
        });
        assert_eq!(read(&app, &path)["seats"], 2 * rounds_per_writer);
        assert!(refused > 0, "the two never met");
        let patched = app.count("SELECT count(*) AS n FROM audit_entries WHERE operation = 'patch_agenda_session'");
        assert_eq!(usize::try_from(patched).unwrap(), 2 * rounds_per_writer + 1);
    }

    fn writers_of_different_resources_do_not_conflict(store) {
        let app = start_app(store);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let app = &app;
                scope.spawn(move || {
                    for number in 0..10 {
                        let code = format!("room-{writer}-{number}");
                        write(app, "POST", &agenda_path("rooms"), &json!({ "code": code, "name": "Room" }));
                        write(app, "PATCH", &agenda_path(&format!("rooms/{code}")), &json!({ "capacity": number + 1 }));
                    }
                });
            }
        });
        let rooms = read(&app, &agenda_path("rooms?limit=200"));
        assert_eq!(rooms["data"].as_array().unwrap().len(), 41);
        assert_eq!(app.count("SELECT count(*) AS n FROM rooms WHERE capacity IS NOT NULL"), 41);
        assert_eq!(app.count("SELECT count(DISTINCT ordinal) AS n FROM rooms"), 41, "no place is given twice");
    }

    fn conferences_are_created_copied_with_shifted_dates_and_deleted(store) {
        let app = start_app(store);
        let body = json!({ "slug": "new", "name": "New", "starts_on": "2031-01-10", "ends_on": "2031-01-11",
            "time_zone": "Africa/Kigali", "languages": ["en", "fr"] });
        let key = [("idempotency-key", "create-new")];
        let created = send_with_headers(&app, "POST", "/api/v1/conferences", &key, &body);
        assert_eq!((created.status, created.header("location")), (201, Some("/api/v1/conferences/new/agenda/conference")));
        assert_eq!(send_with_headers(&app, "POST", "/api/v1/conferences", &key, &body).body, created.body);
        assert_eq!(app.admin("POST", "/api/v1/conferences", Some(&body)).problem(), (409, "already-exists".to_owned()));
        let days = read(&app, "/api/v1/conferences/new/agenda/days");
        assert_eq!(days["data"][1]["date"], "2031-01-11");
        let wrong = app.admin("POST", "/api/v1/conferences", Some(&json!({ "slug": "x", "name": { "de": "x" }, "colour": 1 })));
        let mut faults = wrong.faults();
        faults.sort();
        assert_eq!(faults, ["#/colour unknown_field", "#/ends_on required", "#/languages required", "#/starts_on required", "#/time_zone required"]);
        assert_eq!(app.admin("POST", "/api/v1/conferences/new/releases", Some(&json!({}))).status, 201);
        assert_eq!(app.get("/api/v1/conferences/new/registration-form").status, 200);

        let copied = app.admin("POST", &format!("{SMALL}/copy"), Some(&json!({ "slug": "next", "starts_on": "2030-11-01", "name": "Next" })));
        assert_eq!(copied.status, 201, "{}", copied.text());
        let (original, copy) = (read(&app, AGENDA), read(&app, "/api/v1/conferences/next/agenda"));
        assert_eq!(copy["conference"]["name"], json!({ "en": "Next" }));
        assert_eq!(copy["conference"]["ends_on"], "2030-11-02");
        assert_eq!(copy["sessions"][0]["starts_at"], "2030-11-01T09:00:00+01:00", "the same time of day, in winter");
        assert_eq!(copy["sessions"][0]["items"][0]["code"], original["sessions"][0]["items"][0]["code"]);
        assert_ne!(copy["sessions"][0]["id"], original["sessions"][0]["id"]);
        let blueprint = read(&app, "/api/v1/conferences/next/blueprint");
        assert_eq!(blueprint["registration"]["categories"][1]["code"], "press");
        assert_eq!(app.admin("POST", &format!("{SMALL}/copy"), Some(&json!({ "slug": "next", "starts_on": "2030-11-01" }))).status, 409);

        let night_times = json!({ "starts_at": "2030-05-01T02:30", "ends_at": "2030-05-01T03:30" });
        write(&app, "PATCH", &agenda_path("sessions/opening"), &night_times);
        let copy = app.admin("POST", &format!("{SMALL}/copy"), Some(&json!({ "slug": "gap", "starts_on": "2031-03-30" })));
        assert_eq!(copy.faults(), ["#/starts_on impossible_time"], "the clocks go forward that night");

        assert_eq!(app.admin("DELETE", "/api/v1/conferences/new", None).status, 204);
        assert_eq!(app.get("/api/v1/conferences/new").status, 404, "nobody reads it any more");
        assert_eq!(app.admin("DELETE", "/api/v1/conferences/new", None).status, 404);
        let recreated = send_with_headers(&app, "POST", "/api/v1/conferences", &key, &body);
        assert_eq!(recreated.status, 201);
        assert_ne!(recreated.json()["id"], created.json()["id"], "a kept answer does not outlive its conference");
        assert_eq!(app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({}))).status, 201);
        assert_eq!(app.post(&format!("{SMALL}/registrations"), &person(1, "delegate")).status, 201);
        assert_eq!(app.admin("DELETE", SMALL, None).problem(), (409, "conference-in-use".to_owned()));
        assert_eq!(app.get(&format!("{SMALL}/programme")).status, 200);
    }
}
