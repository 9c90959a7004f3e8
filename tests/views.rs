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
        assert_eq!(on("2030-10-26T08:59"), pair("", "opening vigil"));
        assert_eq!(on("2030-10-26T09:00"), pair("opening", "pause vigil"));
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
