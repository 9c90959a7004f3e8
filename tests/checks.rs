//! What is checked before a release: conflicts, the order of precedence, the languages.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{Environment, small_conference},
    on_both_stores,
};

const EXAMPLE: &str = "/api/v1/conferences/genocide-prevention-2014";
const SMALL: &str = "/api/v1/conferences/small";

/// A conference with a second session that overlaps the first, in its room and with one of its speakers.
fn double_booked() -> Value {
    let mut document = small_conference(None, None);
    document["sessions"].as_array_mut().unwrap().push(json!({
        "code": "second", "kind": "parallel", "title": { "en": "Second", "fr": "Deuxième" },
        "starts_at": "2030-05-01T09:30", "ends_at": "2030-05-01T10:30", "room": "hall",
        "appearances": [{ "speaker": "bob", "role": "speaker" }]
    }));
    document
}

/// A conference with a high-level session of four ministers and two institutions.
fn high_level() -> Value {
    let mut document = small_conference(None, None);
    let speaker = |code: &str, country: Value, precedence: &str| json!({ "code": code, "given_name": "G", "family_name": code, "country": country, "precedence": precedence });
    document["speakers"] = json!([
        speaker("ada", json!("BE"), "minister"),
        speaker("bob", json!(null), "other"),
        speaker("swede", json!("SE"), "minister"),
        speaker("german", json!("DE"), "minister"),
        speaker("egyptian", json!("EG"), "deputy_minister"),
        speaker("secretary", json!(null), "head_of_organisation"),
    ]);
    let item = |code: &str, kind: &str, limit: Value, speaker: &str| {
        json!({ "code": code, "kind": kind, "title": { "en": code, "fr": code }, "time_limit_minutes": limit,
            "appearances": [{ "speaker": speaker, "role": "speaker" }] })
    };
    document["sessions"].as_array_mut().unwrap().push(json!({
        "code": "high", "kind": "high_level_political", "title": { "en": "High", "fr": "Haut" },
        "starts_at": "2030-05-02T09:00", "ends_at": "2030-05-02T10:00", "room": "hall",
        "protocol_rule": "english_alphabet",
        "appearances": [{ "speaker": "ada", "role": "chair" }],
        "items": [
            item("of-bob", "institutional_response", json!(10), "bob"),
            item("of-egypt", "ministerial_intervention", json!(10), "egyptian"),
            item("of-sweden", "ministerial_intervention", json!(10), "swede"),
            item("of-germany", "ministerial_intervention", json!(10), "german"),
            item("of-belgium", "ministerial_intervention", json!(null), "ada"),
            item("of-the-secretary", "institutional_response", json!(25), "secretary"),
        ]
    }));
    document
}

fn apply(app: &App, document: &Value) -> Value {
    let answer = app.admin("PUT", &format!("{SMALL}/blueprint"), Some(document));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn read(app: &App, path: &str) -> Value {
    let answer = app.admin("GET", path, None);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// Each conflict as its code and its resource.
fn lines(list: &Value) -> Vec<String> {
    let line =
        |conflict: &Value| format!("{} {}", conflict["code"].as_str().unwrap(), conflict["thing"].as_str().unwrap());
    list.as_array().unwrap().iter().map(line).collect()
}

fn conflicts(app: &App, query: &str) -> Vec<String> {
    lines(&read(app, &format!("{SMALL}/agenda/conflicts{query}"))["data"])
}

fn column<'a>(list: &'a Value, key: &str) -> Vec<&'a Value> {
    list.as_array().unwrap().iter().map(|element| &element[key]).collect()
}

on_both_stores! {
    fn conflicts_are_listed_reported_to_the_editor_and_prevent_a_release(store) {
        let app = Environment::new(store).start();
        let written = apply(&app, &double_booked());
        let errors = ["room_double_booked second", "speaker_double_booked second"];
        let warnings = [
            "untranslated hall", "untranslated welcome", "untranslated talk",
        ];
        let every: Vec<_> = ["untranslated small"].into_iter().chain(warnings).map(str::to_owned).collect();
        let every: Vec<_> = errors.iter().map(|line| (*line).to_owned()).chain(every).collect();
        assert_eq!(lines(&written["warnings"]), every);
        let list = read(&app, &format!("{SMALL}/agenda/conflicts"));
        assert_eq!(lines(&list["data"]), every);
        assert_eq!((&list["errors"], &list["warnings"]), (&json!(2), &json!(4)));
        assert_eq!(list["data"][1], json!({
            "severity": "error", "code": "speaker_double_booked", "resource": "session", "thing": "second",
            "pointer": "#/sessions/1/appearances/0/speaker",
            "detail": "speaker bob is in sessions opening and second, which overlap by 30 minutes",
            "others": [
                { "resource": "session", "code": "opening" }, { "resource": "speaker", "code": "bob" },
                { "resource": "item", "code": "talk" }
            ]
        }));
        assert_eq!(conflicts(&app, "?severity=error"), errors);
        assert_eq!(conflicts(&app, "?code=room_double_booked"), errors[..1]);
        assert_eq!(conflicts(&app, "?resource=room"), ["room_double_booked second", "untranslated hall"]);
        assert_eq!(conflicts(&app, "?thing=bob"), errors[1..]);
        assert_eq!(conflicts(&app, "?thing=opening&resource=session"), errors);
        assert_eq!(conflicts(&app, "?thing=opening&resource=room"), Vec::<String>::new());
        assert_eq!(read(&app, &format!("{SMALL}/agenda/conflicts?thing=nobody"))["errors"], 2, "of the whole draft");

        let refused = app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({})));
        assert_eq!(refused.problem(), (409, "agenda-conflicts".to_owned()));
        assert_eq!(lines(&refused.json()["conflicts"]), errors);
        let mut mended = double_booked();
        mended["sessions"][1]["starts_at"] = json!("2030-05-01T10:00");
        assert_eq!(lines(&apply(&app, &mended)["warnings"]), Vec::<String>::new(), "it has no conflict any more");
        assert_eq!(app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({}))).status, 201);
    }

    fn a_write_returns_the_conflicts_of_its_resource(store) {
        let app = Environment::new(store).start();
        let mut document = double_booked();
        document["sessions"][1]["starts_at"] = json!("2030-05-01T10:00");
        apply(&app, &document);
        let reported_conflicts = |method: &str, path: &str, body: Value| {
            let answer = app.admin(method, &format!("{SMALL}/agenda/{path}"), Some(&body));
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let every = lines(&answer.json()["warnings"]);
            every.into_iter().filter(|line| !line.starts_with("untranslated")).collect::<Vec<_>>()
        };
        let starts_at = json!({ "starts_at": "2030-05-01T09:45" });
        let both = ["room_double_booked second", "speaker_double_booked second"];
        assert_eq!(reported_conflicts("PATCH", "sessions/second", starts_at), both);
        assert_eq!(reported_conflicts("PATCH", "sessions/opening/items/talk", json!({ "time_limit_minutes": 90 })), [
            "speaker_double_booked second", "items_too_long opening"
        ]);
        assert_eq!(reported_conflicts("PATCH", "rooms/hall", json!({ "capacity": 50 })), ["room_double_booked second"]);
        assert_eq!(reported_conflicts("PATCH", "speakers/ada", json!({ "country": "GB" })), Vec::<String>::new());
        assert_eq!(reported_conflicts("POST", "speakers/bob/substitute", json!({ "by": "ada" })), ["speaker_double_booked second"]);
        let elsewhere = json!({ "time_zone": "Pacific/Honolulu" });
        let outside = ["outside_conference opening", "outside_conference second"];
        assert_eq!(reported_conflicts("PATCH", "conference?keep=instant", elsewhere), outside, "where it is the day before");
    }

    fn a_dry_run_returns_the_conflicts_that_a_document_would_cause(store) {
        let app = Environment::new(store).start();
        apply(&app, &small_conference(None, None));
        let mut document = double_booked();
        document.as_object_mut().unwrap().remove("registration");
        let plan = app.admin("PUT", &format!("{SMALL}/agenda?dry_run=true"), Some(&document));
        assert_eq!(lines(&plan.json()["warnings"]), ["room_double_booked second", "speaker_double_booked second"]);
        assert_eq!(conflicts(&app, "?severity=error"), Vec::<String>::new());
    }

    fn the_check_returns_its_duration_and_refuses_unauthorised_callers(store) {
        let app = Environment::new(store).start();
        apply(&app, &small_conference(None, None));
        let answer = app.admin("GET", &format!("{SMALL}/agenda/conflicts"), None);
        let timing = answer.header("server-timing").and_then(|text| text.strip_prefix("check;dur=")).unwrap();
        assert!(timing.parse::<f64>().is_ok_and(|milliseconds| milliseconds >= 0.0), "{timing}");
        for (method, path) in [
            ("GET", "conflicts"), ("GET", "completeness"),
            ("GET", "sessions/opening/protocol-order"), ("POST", "sessions/opening/protocol-order"),
        ] {
            let path = format!("{SMALL}/agenda/{path}");
            assert_eq!(app.send(method, &path, &[], None).problem(), (401, "unauthenticated".to_owned()), "{path}");
        }
        let viewer = app.environment.run(&["token", "create", "--role", "viewer", "--conference", "small"]);
        let viewer = String::from_utf8(viewer.stdout).unwrap();
        let order = format!("{SMALL}/agenda/sessions/opening/protocol-order");
        assert_eq!(app.with_token(viewer.trim(), "GET", &order, None).status, 200);
        assert_eq!(app.with_token(viewer.trim(), "POST", &order, Some(&json!({}))).status, 403);
        assert_eq!(app.admin("GET", &format!("{SMALL}/agenda/conflicts?code=odd"), None).faults(), ["?code unknown_value"]);
        assert_eq!(app.admin("GET", "/api/v1/conferences/none/agenda/conflicts", None).status, 404);
    }

    fn the_running_order_is_proposed_by_protocol_and_accepted_or_overridden(store) {
        let app = Environment::new(store).start();
        apply(&app, &high_level());
        let path = format!("{SMALL}/agenda/sessions/high/protocol-order");
        let order = read(&app, &path);
        assert_eq!(order["rule"], "english_alphabet");
        let today = ["of-bob", "of-egypt", "of-sweden", "of-germany", "of-belgium", "of-the-secretary"];
        assert_eq!(column(&order["items"], "code"), today);
        assert_eq!(column(&order["items"], "place"), [1, 2, 3, 4, 5, 6]);
        assert_eq!(column(&order["items"], "proposed_place"), [6, 4, 3, 2, 1, 5], "the responses follow the ministers");
        assert_eq!(order["items"][3]["reason"], "class minister, listed as Germany");
        assert_eq!(order["items"][4]["starts_at"], "2030-05-02T09:40:00+02:00");
        assert_eq!(order["items"][4]["ends_at"], "2030-05-02T09:40:00+02:00");
        assert_eq!(column(&order["items"], "is_without_limit"), [false, false, false, false, true, false]);
        assert_eq!(order["computed_ends_at"], "2030-05-02T10:05:00+02:00");
        assert_eq!(order["overrun_minutes"], 5);
        assert_eq!(lines(&order["warnings"])[0], "items_too_long high");
        assert_eq!(conflicts(&app, "?code=out_of_precedence").len(), 5);
        let tried = read(&app, &format!("{path}?rule=french_alphabet"));
        assert_eq!(column(&tried["items"], "proposed_place"), [6, 4, 3, 1, 2, 5], "Allemagne before Belgique");
        assert_eq!(column(&read(&app, &path)["items"], "code"), today, "what is asked is not written");
        assert_eq!(read(&app, &format!("{SMALL}/audit?operation=set_protocol_order"))["data"], json!([]));

        let accepted = app.admin("POST", &path, Some(&json!({ "rule": "french_alphabet" })));
        assert_eq!(accepted.status, 200, "{}", accepted.text());
        let accepted = accepted.json();
        let proposed = ["of-germany", "of-belgium", "of-sweden", "of-egypt", "of-the-secretary", "of-bob"];
        assert_eq!(column(&accepted["items"], "code"), proposed);
        assert_eq!(read(&app, &path), accepted);
        let trail = read(&app, &format!("{SMALL}/audit?operation=set_protocol_order"));
        assert_eq!(column(&trail["data"], "action"), ["reorder", "update"]);
        assert_eq!(conflicts(&app, "?code=out_of_precedence"), Vec::<String>::new());

        let overridden = json!({
            "order": ["of-egypt", "of-germany", "of-belgium", "of-sweden", "of-the-secretary", "of-bob"],
            "placed_by_hand": ["of-egypt"]
        });
        let overridden = app.admin("POST", &path, Some(&overridden)).json();
        assert_eq!(column(&overridden["items"], "placed_by_hand"), [true, false, false, false, false, false]);
        assert_eq!(column(&overridden["items"], "proposed_place"), [1, 2, 3, 4, 5, 6]);
        assert_eq!(overridden["items"][0]["reason"], "placed by hand");
        assert_eq!(conflicts(&app, "?code=out_of_precedence"), Vec::<String>::new(), "it is not judged");

        let judged = app.admin("POST", &path, Some(&json!({ "placed_by_hand": [] }))).json();
        assert_eq!(column(&judged["items"], "code"), proposed, "judged again and put in its place");
        let agenda = read(&app, &format!("{SMALL}/agenda"));
        assert_eq!(column(&agenda["sessions"][1]["items"], "code"), proposed);
        assert_eq!(agenda["sessions"][1]["protocol_rule"], "french_alphabet");
    }

    fn an_intervention_added_at_the_end_is_placed_in_order_when_the_proposal_is_accepted(store) {
        let app = Environment::new(store).start();
        apply(&app, &high_level());
        let path = format!("{SMALL}/agenda/sessions/high/protocol-order");
        assert_eq!(app.admin("POST", &path, Some(&json!({}))).status, 200);
        let late = json!({
            "code": "late", "kind": "ministerial_intervention", "title": "Late",
            "appearances": [{ "speaker": "egyptian", "role": "speaker" }]
        });
        let added = app.admin("POST", &format!("{SMALL}/agenda/sessions/high/items"), Some(&late));
        assert_eq!(added.status, 201, "{}", added.text());
        assert_eq!(conflicts(&app, "?code=out_of_precedence"), ["out_of_precedence late"], "it is torn off");
        let accepted = app.admin("POST", &path, Some(&json!({}))).json();
        let expected = ["of-belgium", "of-germany", "of-sweden", "of-egypt", "late", "of-the-secretary", "of-bob"];
        assert_eq!(column(&accepted["items"], "code"), expected);
        assert_eq!(conflicts(&app, "?code=out_of_precedence"), Vec::<String>::new());
    }

    fn a_null_rule_resets_the_rule_and_an_omitted_one_keeps_it(store) {
        let app = Environment::new(store).start();
        apply(&app, &high_level());
        let path = format!("{SMALL}/agenda/sessions/high/protocol-order");
        let set = |body: Value| {
            let answer = app.admin("POST", &path, Some(&body));
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()
        };
        let accepted = set(json!({}));
        assert_eq!(accepted["rule"], "english_alphabet");
        assert_eq!(column(&accepted["items"], "place"), column(&accepted["items"], "proposed_place"));
        assert_eq!(accepted["items"][0]["code"], "of-belgium", "an empty object accepts the proposal");
        let order = ["of-sweden", "of-germany", "of-belgium", "of-egypt", "of-the-secretary", "of-bob"];
        let reset = set(json!({ "rule": null, "order": order }));
        assert_eq!(reset["rule"], Value::Null);
        assert_eq!(column(&reset["items"], "proposed_place"), [1, 2, 3, 4, 5, 6], "they are equals");
        assert_eq!(read(&app, &format!("{SMALL}/agenda"))["sessions"][1]["protocol_rule"], Value::Null);
        assert_eq!(set(json!({ "rule": "french_alphabet" }))["items"][0]["code"], "of-germany");
        // A session of many items is longer than what other requests carry.
        let long = json!({ "order": vec!["x".repeat(60); 2_000] });
        assert_eq!(app.admin("POST", &path, Some(&long)).status, 422);
        let too_long = json!({ "order": vec!["x".repeat(60); 20_000] });
        assert_eq!(app.admin("POST", &path, Some(&too_long)).status, 413);
    }

    fn an_order_with_other_items_than_the_session_s_changes_nothing(store) {
        let app = Environment::new(store).start();
        apply(&app, &high_level());
        let path = format!("{SMALL}/agenda/sessions/high/protocol-order");
        let before = read(&app, &path);
        let faults = |body: Value| app.admin("POST", &path, Some(&body)).faults();
        assert_eq!(
            faults(json!({ "order": ["of-bob", "of-bob", "welcome"], "placed_by_hand": ["nothing"] })),
            [
                "#/order/1 duplicate", "#/order/2 unknown_reference", "#/placed_by_hand/0 unknown_reference",
                "#/order incomplete",
            ]
        );
        assert_eq!(faults(json!({ "rule": "by-size" })), ["#/rule unknown_value"]);
        assert_eq!(faults(json!({ "ordre": [] })), ["#/ordre unknown_field"]);
        assert_eq!(read(&app, &path), before);
        let nowhere = format!("{SMALL}/agenda/sessions/nowhere/protocol-order");
        assert_eq!(app.admin("GET", &nowhere, None).problem(), (404, "not-found".to_owned()));
        assert_eq!(app.admin("POST", &nowhere, Some(&json!({}))).problem(), (404, "not-found".to_owned()));
    }

    fn missing_translations_are_counted_and_listed(store) {
        let app = Environment::new(store).start();
        apply(&app, &small_conference(None, None));
        let path = format!("{SMALL}/agenda/completeness");
        let report = read(&app, &path);
        assert_eq!(column(&report["data"], "language"), ["en", "fr"]);
        assert_eq!(column(&report["data"], "texts"), [8, 8]);
        assert_eq!(column(&report["data"], "translated"), [8, 4]);
        assert_eq!(report["data"][0]["missing"], json!([]));
        assert_eq!(report["data"][1]["missing"][3], json!({
            "resource": "item", "code": "talk", "field": "title", "pointer": "#/sessions/0/items/1/title"
        }));
        let french = read(&app, &format!("{path}?language=fr"));
        assert_eq!(french["data"], json!([report["data"][1]]));
        let unknown = app.admin("GET", &format!("{path}?language=nl"), None);
        assert_eq!(unknown.faults(), ["?language unknown_language"]);
    }

    fn the_example_has_no_errors_and_only_expected_warnings(store) {
        let app = App::with_example(store);
        let list = read(&app, &format!("{EXAMPLE}/agenda/conflicts"));
        assert_eq!(list["errors"], 0);
        let lines = lines(&list["data"]);
        let gaps: Vec<_> = lines.iter().filter(|line| !line.starts_with("untranslated")).collect();
        assert_eq!(gaps, [
            "missing_moderator academic-research-panel", "missing_moderator law-panel",
            "missing_moderator political-actions-panel", "missing_chair academic-research-session",
            "missing_chair law-session", "missing_chair political-actions-session",
        ]);
        let order = read(&app, &format!("{EXAMPLE}/agenda/sessions/high-level-political-session/protocol-order"));
        assert_eq!(order["overrun_minutes"], 0);
        assert_eq!(column(&order["items"], "proposed_place"), [1, 2, 3, 4, 5, 6]);
    }
}
