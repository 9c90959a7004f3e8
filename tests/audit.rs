//! The audit trail: who changed what, when, from what to what, by which request.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{Environment, small_conference},
    on_both_stores,
};

const SMALL: &str = "/api/v1/conferences/small";

fn list(app: &App, query: &str) -> Vec<Value> {
    let answer = app.admin("GET", &format!("{SMALL}/audit{query}"), None);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    answer.json()["data"].as_array().unwrap().clone()
}

fn line(entry: &Value) -> String {
    let text = |key: &str| entry[key].as_str().unwrap();
    format!("{} {} {} {}", text("operation"), text("action"), text("resource"), text("code"))
}

on_both_stores! {
    fn each_write_is_recorded_with_actor_time_change_and_request(store) {
        let app = Environment::new(store).start();
        assert_eq!(app.admin("PUT", &format!("{SMALL}/blueprint"), Some(&small_conference(None, None))).status, 200);
        let entries = list(&app, "");
        assert_eq!(entries.len(), 13, "an entry a changed thing: {entries:#?}");
        assert!(entries.iter().all(|entry| entry["action"] == "create" && entry["operation"] == "apply_blueprint"));

        let created = app.environment.run(&["token", "create", "--role", "agenda_editor", "--label", "Ida"]);
        let token = String::from_utf8(created.stdout).unwrap().trim().to_owned();
        let changed = app.with_token(&token, "PATCH", &format!("{SMALL}/agenda/sessions/opening"), Some(&json!({
            "title": "Grand opening", "seats": 9
        })));
        assert_eq!(changed.status, 200);
        let entry = &list(&app, "?operation=patch_agenda_session")[0];
        assert_eq!(line(entry), "patch_agenda_session update session opening");
        assert_eq!(entry["actor"], "Ida (agenda_editor)");
        assert_eq!(entry["request_id"].as_str(), changed.header("x-request-id"));
        assert_eq!(entry["thing_id"], changed.json()["id"]);
        assert_eq!(entry["before"], json!({ "title": { "en": "Opening", "fr": "Ouverture" }, "seats": null }));
        assert_eq!(entry["after"], json!({ "title": { "en": "Grand opening", "fr": "Ouverture" }, "seats": 9 }));

        let unchanged = app.admin("PATCH", &format!("{SMALL}/agenda/sessions/opening"), Some(&json!({ "seats": 9 })));
        assert_eq!(unchanged.status, 200);
        let refused = app.admin("PATCH", &format!("{SMALL}/agenda/sessions/opening"), Some(&json!({ "seats": -1 })));
        assert_eq!(refused.status, 422);
        assert_eq!(list(&app, "").len(), 14, "what changes nothing is not recorded");

        let file = app.environment.folder.write("small.json", &{
            let mut document = small_conference(Some(7), None);
            document["sessions"][0]["title"] = json!("Opening again");
            document.to_string()
        });
        assert!(app.environment.run(&["apply", &file.display().to_string()]).status.success());
        let by_command = list(&app, "?actor=command%20line");
        assert!(by_command.iter().any(|entry| line(entry) == "apply_blueprint update registration registration"));
        assert!(by_command.iter().all(|entry| entry["request_id"] == Value::Null));
    }

    fn the_trail_is_filtered_and_paged(store) {
        let app = Environment::new(store).start();
        assert_eq!(app.admin("PUT", &format!("{SMALL}/blueprint"), Some(&small_conference(None, None))).status, 200);
        for capacity in 1..=3 {
            let path = format!("{SMALL}/agenda/rooms/hall");
            assert_eq!(app.admin("PATCH", &path, Some(&json!({ "capacity": capacity }))).status, 200);
        }
        let capacities = |entries: &[Value]| entries.iter().map(|entry| entry["after"]["capacity"].clone()).collect::<Vec<_>>();
        let rooms = list(&app, "?resource=room&code=hall&action=update");
        assert_eq!(capacities(&rooms), [3, 2, 1], "the latest first");
        let first = app.admin("GET", &format!("{SMALL}/audit?action=update&limit=2"), None);
        assert_eq!(capacities(first.json()["data"].as_array().unwrap()), [3, 2]);
        let next = first.json()["next"].as_str().unwrap().to_owned();
        assert_eq!(first.header("link"), Some(format!("<{next}>; rel=\"next\"").as_str()));
        assert_eq!(capacities(app.admin("GET", &next, None).json()["data"].as_array().unwrap()), [1]);
        let middle = rooms[1]["at"].as_str().unwrap();
        assert_eq!(capacities(&list(&app, &format!("?action=update&since={middle}"))), [3, 2]);
        assert_eq!(capacities(&list(&app, &format!("?action=update&until={middle}"))), [1]);
        let request = rooms[2]["request_id"].as_str().unwrap();
        assert_eq!(capacities(&list(&app, &format!("?request={request}"))), [1]);
        let control_characters = app.admin("GET", &format!("{SMALL}/audit?actor=a%00b&code=%0a"), None);
        assert_eq!(control_characters.faults(), ["?actor control_character", "?code empty"]);
        let wrong = app.admin("GET", &format!("{SMALL}/audit?since=yesterday&limit=999&colour=red"), None);
        let mut faults = wrong.faults();
        faults.sort();
        assert_eq!(faults, ["?colour unknown_field", "?since invalid_time"]);
        assert_eq!(app.admin("GET", &format!("{SMALL}/audit?since=2030-01-01T00:00&cursor=x"), None).faults().len(), 1);
    }

    fn an_entry_outlives_its_conference(store) {
        let app = Environment::new(store).start();
        assert_eq!(app.admin("PUT", &format!("{SMALL}/blueprint"), Some(&small_conference(None, None))).status, 200);
        assert_eq!(app.admin("DELETE", SMALL, None).status, 204);
        assert_eq!(app.admin("GET", &format!("{SMALL}/audit"), None).status, 404);
        let all = app.admin("GET", "/api/v1/audit?limit=200", None).json();
        assert_eq!(line(&all["data"][0]), "delete_conference remove conference small");
        assert_eq!(all["data"][0]["before"]["name"]["en"], "Small conference");
        let (_, rest) = all["data"].as_array().unwrap().split_first().unwrap();
        assert_eq!(rest.len(), 13);
        for entry in rest {
            assert_eq!((&entry["before"], &entry["after"]), (&Value::Null, &Value::Null), "it names people no more");
            assert_eq!(entry["resource"] == "speaker", entry["code"] == entry["thing_id"] && entry["resource"] == "speaker");
        }
        assert!(!all.to_string().contains("Lovelace") && !all.to_string().contains("\"ada\""));
    }
}
