//! Parts of the programme: sparse fields, filters, what is on at a time.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{Environment, small_conference},
    on_both_stores,
};

const EXAMPLE: &str = "/api/v1/conferences/genocide-prevention-2014";
const SMALL: &str = "/api/v1/conferences/small";

fn get(app: &App, path: &str) -> Value {
    let answer = app.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn codes(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|element| element["code"].as_str().unwrap()).collect()
}

/// Two sessions of a day, the first with items of known times, and one in the night when the clocks go back.
fn timed() -> Value {
    let mut document = small_conference(None, None);
    document["conference"]["starts_on"] = json!("2030-10-26");
    document["conference"]["ends_on"] = json!("2030-10-27");
    let opening = &mut document["sessions"][0];
    (opening["starts_at"], opening["ends_at"]) = (json!("2030-10-26T09:00"), json!("2030-10-26T10:00"));
    opening["items"][0]["time_limit_minutes"] = json!(20);
    document["sessions"].as_array_mut().unwrap().extend([
        json!({ "code": "pause", "kind": "break", "title": "Pause", "room": "hall",
                "starts_at": "2030-10-26T10:00", "ends_at": "2030-10-26T10:30" }),
        json!({ "code": "vigil", "kind": "side_event", "title": "Vigil",
                "starts_at": "2030-10-27T01:30", "ends_at": "2030-10-27T02:30:00+01:00" }),
    ]);
    document
}

on_both_stores! {
    fn a_sparse_answer_has_the_requested_fields_in_document_order(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let text = |path: &str| app.get(&format!("{SMALL}{path}")).text().to_owned();
        assert_eq!(text("/programme/sessions?fields=items.title,room.name,code"),
            r#"{"data":[{"code":"opening","room":{"name":"Hall"},"items":[{"title":"Welcome"},{"title":"Talk"}]}]}"#);
        assert_eq!(text("/programme/sessions/opening?fields=title&lang=fr"), r#"{"title":"Ouverture"}"#);
        assert_eq!(text("?fields=slug"), r#"{"slug":"small"}"#);
        assert_eq!(text("/programme/speakers?fields=name,appearances.role&speaker=bob").matches("name").count(), 2);
        let wrong = app.get(&format!("{SMALL}/programme/rooms?fields=colour,code"));
        assert_eq!(wrong.faults(), ["?fields unknown_field"]);
        assert!(wrong.text().contains("known: capacity, code, id, name"), "{}", wrong.text());
    }

    fn a_session_is_on_from_its_start_until_just_before_its_end(store) {
        let app = Environment::new(store).start();
        app.publish(&timed());
        let on = |at: &str| {
            let now = get(&app, &format!("{SMALL}/programme/now?at={at}&fields=now.session.code,next.code"));
            let on = now["now"].as_array().unwrap().iter().map(|one| one["session"].clone()).collect();
            (codes(&Value::Array(on)).join(" "), codes(&now["next"]).join(" "))
        };
        let pair = |now: &str, next: &str| (now.to_owned(), next.to_owned());
        assert_eq!(on("2030-10-26T08:59"), pair("", "opening"));
        assert_eq!(on("2030-10-26T09:00"), pair("opening", "pause"));
        assert_eq!(on("2030-10-26T10:00"), pair("pause", "vigil"));
        assert_eq!(on("2030-10-26T10:30"), pair("", "vigil"));
        assert_eq!(on("2030-10-27T02:15:00%2B02:00"), pair("vigil", ""));
        assert_eq!(on("2030-10-27T02:29:00%2B01:00"), pair("vigil", ""), "the hour that is there twice");
        assert_eq!(on("2030-10-27T02:30:00%2B01:00"), pair("", ""));

        let first = get(&app, &format!("{SMALL}/programme/now?at=2030-10-26T09:19"));
        assert_eq!(first["at"], "2030-10-26T09:19:00+02:00");
        assert_eq!((&first["now"][0]["item"]["code"], &first["now"][0]["ends_at"]),
            (&json!("welcome"), &json!("2030-10-26T09:20:00+02:00")));
        let second = get(&app, &format!("{SMALL}/programme/now?at=2030-10-26T09:20"));
        assert_eq!((&second["now"][0]["item"], &second["now"][0]["ends_at"]),
            (&Value::Null, &json!("2030-10-26T10:00:00+02:00")), "nobody knows when the talk ends");
        let refused = |at: &str| app.get(&format!("{SMALL}/programme/now?at={at}")).faults();
        assert_eq!(refused("2030-03-31T02:30"), ["?at impossible_time"]);
        assert_eq!(refused("2030-10-27T02:30"), ["?at ambiguous_time"]);
        let present = app.get(&format!("{SMALL}/programme/now"));
        assert_eq!((present.header("cache-control"), present.header("last-modified")), (Some("public, max-age=5"), None));

        let keynotes = |at: &str| get(&app, &format!("{SMALL}/programme/keynotes?at={at}"))["data"].clone();
        assert_eq!(codes(&keynotes("2030-10-26T09:19")), ["welcome"]);
        assert_eq!(keynotes("2030-10-26T09:20"), json!([]));
    }

    fn next_is_the_next_time_slot_of_the_day_and_then_of_the_next_day(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        document["conference"]["ends_on"] = json!("2030-05-04");
        document["rooms"] = json!([{ "code": "hall", "name": "Hall" }, { "code": "attic", "name": "Attic" }]);
        let session = |code: &str, room: &str, start: &str, end: &str| {
            json!({ "code": code, "kind": "parallel", "title": format!("Talk {code}"), "room": room, "starts_at": start, "ends_at": end })
        };
        document["sessions"].as_array_mut().unwrap().extend([
            session("law", "hall", "2030-05-01T11:00", "2030-05-01T12:00"),
            session("art", "attic", "2030-05-01T11:00", "2030-05-01T13:00"),
            session("late", "hall", "2030-05-01T12:30", "2030-05-01T13:00"),
            session("night", "hall", "2030-05-01T22:00", "2030-05-02T01:00"),
            session("morning", "hall", "2030-05-02T09:00", "2030-05-02T10:00"),
            session("early", "attic", "2030-05-02T09:00", "2030-05-02T09:30"),
            session("last", "attic", "2030-05-04T09:00", "2030-05-04T10:00"),
        ]);
        app.publish(&document);
        let next = |at: &str| {
            let answer = get(&app, &format!("{SMALL}/programme/now?at={at}&fields=now.session.code,next.code"));
            codes(&answer["next"]).join(" ")
        };
        assert_eq!(next("2030-05-01T09:30"), "law art", "the whole slot, and nothing after it");
        assert_eq!(next("2030-05-01T11:00"), "late");
        assert_eq!(next("2030-05-01T22:30"), "morning early", "then the next day");
        assert_eq!(next("2030-05-02T00:30"), "morning early");
        assert_eq!(next("2030-05-02T09:00"), "", "the next session is two days off");
        assert_eq!(next("2030-05-03T08:00"), "last");
        assert_eq!(next("2030-04-20T08:00"), "opening", "before the first day");
        let in_attic = get(&app, &format!("{SMALL}/programme/now?at=2030-05-01T09:30&room=attic&fields=next.code"));
        assert_eq!(codes(&in_attic["next"]), ["art"], "a sign at one door");

        let neighbours = |code: &str| {
            let page = app.browse(&format!("/conferences/small/en/sessions/{code}"));
            let navigation = page.text().split("class=\"neighbours\"").nth(1).unwrap_or_default();
            let navigation = navigation.split("</nav>").next().unwrap().to_owned();
            let codes_of = |class: &str| {
                let paragraph = navigation.split(&format!("class=\"{class}\"")).nth(1).unwrap_or_default().to_owned();
                let paragraph = paragraph.split("</p>").next().unwrap().to_owned();
                let links = paragraph.split("/sessions/").skip(1).map(|link| link.split('"').next().unwrap().to_owned());
                links.collect::<Vec<_>>().join(" ")
            };
            (codes_of("before"), codes_of("after"))
        };
        let pair = |before: &str, after: &str| (before.to_owned(), after.to_owned());
        assert_eq!(neighbours("opening"), pair("", "law"), "the one in the same room");
        assert_eq!(neighbours("law"), pair("opening", "late"), "and not the parallel one");
        assert_eq!(neighbours("art"), pair("opening", "night"), "`late` is on at the same time");
        assert_eq!(neighbours("night"), pair("late", ""));
        assert_eq!(neighbours("last"), pair("", ""));
    }

    fn a_filtered_programme_has_the_resources_that_its_sessions_refer_to(store) {
        let app = App::with_example(store);
        let full = get(&app, &format!("{EXAMPLE}/programme"));
        let filtered = get(&app, &format!("{EXAMPLE}/programme?kind=high_level_political"));
        let speakers = get(&app, &format!("{EXAMPLE}/programme/speakers?kind=high_level_political"));
        assert_eq!(codes(&filtered["speakers"]), codes(&speakers["data"]));
        assert!(codes(&filtered["speakers"]).contains(&"ban-ki-moon"));
        assert!(codes(&filtered["speakers"]).len() < codes(&full["speakers"]).len());
        let rooms = get(&app, &format!("{EXAMPLE}/programme/rooms?kind=high_level_political"));
        assert_eq!(codes(&rooms["data"]), [filtered["days"][0]["sessions"][0]["room"]["code"].as_str().unwrap()]);
        assert_eq!(codes(&filtered["rooms"]), codes(&rooms["data"]));
        let unknown = app.get(&format!("{EXAMPLE}/programme/rooms?track=x&language=tlh"));
        assert_eq!(unknown.faults(), ["?track unknown_reference", "?language unknown_reference"]);
    }
}
