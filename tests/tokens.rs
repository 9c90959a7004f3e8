//! Tokens: who creates, sees and revokes which; when they expire; when they were last used.

use serde_json::{Value, json};

use crate::support::{
    Answer, App,
    app::{ADMIN, Environment, small_conference},
    on_both_stores,
};

const TOKENS: &str = "/api/v1/tokens";

/// The small conference under another slug.
fn conference(slug: &str) -> Value {
    let mut blueprint = small_conference(None, None);
    blueprint["conference"]["slug"] = json!(slug);
    blueprint
}

/// A service with the conferences `one` and `two`.
fn start_with_two_conferences(environment: Environment) -> App {
    let app = environment.start();
    app.publish(&conference("one"));
    app.publish(&conference("two"));
    app
}

/// Creates a token as `caller`; returns the token in clear, and its id.
fn create(app: &App, caller: &str, request: &Value) -> (String, String) {
    let created = app.with_token(caller, "POST", TOKENS, Some(request));
    assert_eq!(created.status, 201, "{}", created.text());
    let text = |key: &str| created.json()[key].as_str().unwrap().to_owned();
    (text("token"), text("id"))
}

fn labels(list: &Answer) -> Vec<String> {
    assert_eq!(list.status, 200, "{}", list.text());
    list.json()["data"].as_array().unwrap().iter().map(|token| token["label"].as_str().unwrap().to_owned()).collect()
}

fn path(id: &str) -> String {
    format!("{TOKENS}/{id}")
}

on_both_stores! {
    fn a_token_is_shown_once_and_later_only_its_prefix(store) {
        let app = start_with_two_conferences(Environment::new(store));
        let request = json!({ "role": "viewer", "conference": "one", "label": "Press office",
            "expires_at": "2998-01-01T00:00:00+01:00" });
        let created = app.admin("POST", TOKENS, Some(&request));
        assert_eq!(created.status, 201, "{}", created.text());
        assert_eq!(created.header("cache-control"), Some("no-store"));
        let view = created.json();
        let (token, id) = (view["token"].as_str().unwrap(), view["id"].as_str().unwrap());
        assert_eq!(created.header("location"), Some(path(id).as_str()));
        assert!(token.starts_with("plenary_"));
        assert_eq!(view["prefix"], token[..12]);
        let read = app.admin("GET", &path(id), None);
        let mut expected = view.clone();
        expected.as_object_mut().unwrap().remove("token");
        assert_eq!(read.json(), expected);
        assert_eq!(expected["role"], "viewer");
        assert_eq!(expected["conference"], "one");
        assert_eq!(expected["source"], "made");
        assert_eq!(expected["expires_at"], "2997-12-31T23:00:00Z");
        assert_eq!(expected["last_used_at"], json!(null));
        assert_eq!(expected["revoked_at"], json!(null));
        let list = app.admin("GET", TOKENS, None);
        assert_eq!(labels(&list), ["Press office", "settings"]);
        assert_eq!(list.json()["data"][0], expected);
        assert!(!list.text().contains(token));
        assert_eq!(app.with_token(token, "GET", "/api/v1/conferences/one/agenda", None).status, 200);
        assert_eq!(app.with_token(token, "GET", "/api/v1/conferences/two/agenda", None).status, 403);
    }

    fn an_invalid_request_for_a_token_is_refused_with_all_faults(store) {
        let app = start_with_two_conferences(Environment::new(store));
        let faults = |request: Value| {
            let answer = app.admin("POST", TOKENS, Some(&request));
            assert_eq!(answer.problem(), (422, "validation".to_owned()), "{request}");
            let mut faults = answer.faults();
            faults.sort();
            faults
        };
        assert_eq!(faults(json!({})), ["#/label required", "#/role required"]);
        assert_eq!(
            faults(json!({ "role": "king", "label": "", "conference": "A b", "expires_at": "soon", "key": 1 })),
            [
                "#/conference invalid_code", "#/expires_at invalid_time", "#/key unknown_field", "#/label empty",
                "#/role unknown_value",
            ]
        );
        let with = |name: &str, value: Value| {
            let mut request = json!({ "role": "viewer", "label": "x" });
            request[name] = value;
            faults(request)
        };
        assert_eq!(with("conference", json!("three")), ["#/conference unknown_conference"]);
        assert_eq!(with("expires_at", json!("2020-01-01T00:00:00Z")), ["#/expires_at past"]);
        assert_eq!(with("expires_at", json!("2030-01-01T00:00")), ["#/expires_at invalid_time"]);
        assert_eq!(with("expires_in_days", json!(0)), ["#/expires_in_days out_of_range"]);
        assert_eq!(with("expires_in_days", json!(3651)), ["#/expires_in_days out_of_range"]);
        for query in ["limit=0", "cursor=%00", "cursor=eA", "role=king", "revoked=perhaps", "conference=three"] {
            let answer = app.admin("GET", &format!("{TOKENS}?{query}"), None);
            assert_eq!(answer.problem(), (422, "validation".to_owned()), "{query}");
        }
        for id in ["x", "01890000-0000-7000-8000-000000000000"] {
            assert_eq!(app.admin("GET", &path(id), None).problem(), (404, "not-found".to_owned()));
            assert_eq!(app.admin("DELETE", &path(id), None).problem(), (404, "not-found".to_owned()));
        }
        assert_eq!(app.count("SELECT count(*) AS n FROM tokens"), 1);
    }

    fn a_conference_s_admin_sees_and_creates_only_tokens_of_that_conference(store) {
        let app = start_with_two_conferences(Environment::new(store));
        let admin_of = |slug: &str, label: &str| json!({ "role": "admin", "conference": slug, "label": label });
        let (token_of_one, _) = create(&app, ADMIN, &admin_of("one", "admin of one"));
        let (_, two_id) = create(&app, ADMIN, &admin_of("two", "admin of two"));
        let (_, server_id) = create(&app, ADMIN, &json!({ "role": "admin", "label": "admin of all" }));

        let request = json!({ "role": "registrar", "conference": "one", "label": "desk of one" });
        let (_, desk_id) = create(&app, &token_of_one, &request);
        let refused = |request: Value| app.with_token(&token_of_one, "POST", TOKENS, Some(&request)).problem();
        let forbidden = (403, "forbidden".to_owned());
        assert_eq!(refused(admin_of("two", "x")), forbidden);
        assert_eq!(refused(admin_of("three", "x")), forbidden, "whether there is such a conference is not said");
        assert_eq!(refused(json!({ "role": "viewer", "label": "x" })), forbidden);

        let list = |caller: &str, query: &str| app.with_token(caller, "GET", &format!("{TOKENS}{query}"), None);
        assert_eq!(labels(&list(&token_of_one, "")), ["desk of one", "admin of one"]);
        assert_eq!(labels(&list(&token_of_one, "?conference=one&role=registrar")), ["desk of one"]);
        assert_eq!(list(&token_of_one, "?conference=two").problem(), forbidden);
        assert_eq!(list(&token_of_one, "?conference=three").problem(), forbidden);
        let all = ["desk of one", "admin of all", "admin of two", "admin of one", "settings"];
        assert_eq!(labels(&list(ADMIN, "")), all);
        assert_eq!(labels(&list(ADMIN, "?conference=two")), ["admin of two"]);
        assert_eq!(labels(&list(ADMIN, "?role=registrar")), ["desk of one"]);

        for id in [&two_id, &server_id] {
            for method in ["GET", "DELETE"] {
                assert_eq!(app.with_token(&token_of_one, method, &path(id), None).problem(), (404, "not-found".to_owned()));
            }
            assert_eq!(app.admin("GET", &path(id), None).json()["revoked_at"], json!(null));
        }
        assert_eq!(app.with_token(&token_of_one, "DELETE", &path(&desk_id), None).status, 204);
    }

    fn the_list_of_tokens_is_paged(store) {
        let app = start_with_two_conferences(Environment::new(store));
        for number in 1..=4 {
            create(&app, ADMIN, &json!({ "role": "viewer", "conference": "one", "label": format!("token {number}") }));
        }
        let mut next = Some(format!("{TOKENS}?limit=2&conference=one"));
        let mut listed = Vec::new();
        while let Some(path) = next {
            let page = app.admin("GET", &path, None);
            listed.push(labels(&page));
            next = page.json()["next"].as_str().map(str::to_owned);
            let link = next.as_ref().map(|next| format!("<{next}>; rel=\"next\""));
            assert_eq!(page.header("link"), link.as_deref());
        }
        assert_eq!(listed, [["token 4", "token 3"], ["token 2", "token 1"]]);
    }

    fn a_revoked_token_is_refused_and_stays_listed(store) {
        let app = start_with_two_conferences(Environment::new(store));
        let (token, id) = create(&app, ADMIN, &json!({ "role": "viewer", "conference": "one", "label": "guest" }));
        let agenda = "/api/v1/conferences/one/agenda";
        assert_eq!(app.with_token(&token, "GET", agenda, None).status, 200);
        let revoked = app.admin("DELETE", &path(&id), None);
        assert_eq!((revoked.status, revoked.body.as_slice()), (204, b"".as_slice()));
        let answer = app.with_token(&token, "GET", agenda, None);
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"plenary\", error=\"invalid_token\""));
        assert_eq!(app.get(agenda).header("www-authenticate"), Some("Bearer realm=\"plenary\""));
        assert_eq!(labels(&app.admin("GET", TOKENS, None)), ["settings"]);
        let expected = app.admin("GET", &path(&id), None).json();
        assert_ne!(expected["revoked_at"], json!(null));
        assert_ne!(expected["last_used_at"], json!(null));
        let with_revoked = app.admin("GET", &format!("{TOKENS}?revoked=true"), None);
        assert_eq!(labels(&with_revoked), ["guest", "settings"]);
        assert_eq!(app.admin("DELETE", &path(&id), None).status, 204, "a second time changes nothing");
        assert_eq!(app.admin("GET", &path(&id), None).json(), expected);
    }

    fn an_expired_token_is_refused(store) {
        let app = start_with_two_conferences(Environment::new(store));
        let request = json!({ "role": "viewer", "conference": "one", "label": "guest", "expires_in_days": 7 });
        let (token, id) = create(&app, ADMIN, &request);
        let agenda = "/api/v1/conferences/one/agenda";
        assert_eq!(app.with_token(&token, "GET", agenda, None).status, 200);
        app.environment.database.execute(
            "UPDATE tokens SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE label = 'guest'",
        );
        let answer = app.with_token(&token, "GET", agenda, None);
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"plenary\", error=\"invalid_token\""));
        assert_eq!(app.admin("GET", &path(&id), None).json()["expires_at"], "2020-01-01T00:00:00Z");
    }

    fn the_last_admin_token_cannot_be_revoked_over_the_api(store) {
        let environment = Environment::new(store).unset("PLENARY_ADMIN_TOKEN");
        let first = String::from_utf8(environment.run(&["token", "create", "--role", "admin"]).stdout).unwrap();
        let first = first.trim();
        let app = environment.start();
        let list = app.with_token(first, "GET", TOKENS, None).json();
        let first_id = list["data"][0]["id"].as_str().unwrap().to_owned();
        let revoke = |caller: &str, id: &str| app.with_token(caller, "DELETE", &path(id), None);
        let last = (409, "last-admin-token".to_owned());
        assert_eq!(revoke(first, &first_id).problem(), last);
        let (viewer, viewer_id) = create(&app, first, &json!({ "role": "viewer", "label": "reads" }));
        assert_eq!(revoke(first, &first_id).problem(), last, "a viewer makes no tokens");
        let (_, expired_id) = create(&app, first, &json!({ "role": "admin", "label": "gone", "expires_in_days": 1 }));
        app.environment.database.execute(
            "UPDATE tokens SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE label = 'gone'",
        );
        assert_eq!(revoke(first, &first_id).problem(), last, "nor does one that has expired");
        assert_eq!(revoke(first, &expired_id).status, 204);
        assert_eq!(revoke(first, &viewer_id).status, 204);
        assert_eq!(app.with_token(&viewer, "GET", TOKENS, None).status, 401);
        let (second, second_id) = create(&app, first, &json!({ "role": "admin", "label": "second" }));
        assert_eq!(revoke(first, &first_id).status, 204, "one's own, while there is another");
        assert_eq!(revoke(first, &second_id).status, 401);
        assert_eq!(revoke(&second, &second_id).problem(), last);
    }

    fn of_two_admin_tokens_revoked_at_once_one_remains(store) {
        let environment = Environment::new(store).unset("PLENARY_ADMIN_TOKEN");
        let first = String::from_utf8(environment.run(&["token", "create", "--role", "admin"]).stdout).unwrap();
        let mut caller = first.trim().to_owned();
        let app = environment.start();
        let mut id = app.with_token(&caller, "GET", TOKENS, None).json()["data"][0]["id"].as_str().unwrap().to_owned();
        for round in 0..8 {
            let request = json!({ "role": "admin", "label": format!("round {round}") });
            let (other, other_id) = create(&app, &caller, &request);
            // Each revokes the other.
            let statuses = std::thread::scope(|scope| {
                let token_of_one = scope.spawn(|| app.with_token(&caller, "DELETE", &path(&other_id), None).status);
                let two = scope.spawn(|| app.with_token(&other, "DELETE", &path(&id), None).status);
                [token_of_one.join().unwrap(), two.join().unwrap()]
            });
            assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
            let live = "SELECT count(*) AS n FROM tokens WHERE revoked_at IS NULL";
            assert_eq!(app.count(live), 1);
            if statuses[1] == 204 {
                (caller, id) = (other, other_id);
            }
        }
    }

    fn the_token_of_the_settings_is_changed_only_by_the_settings(store) {
        let app = Environment::new(store).start();
        let settings = app.admin("GET", TOKENS, None).json()["data"][0].clone();
        assert_eq!((&settings["label"], &settings["source"]), (&json!("settings"), &json!("settings")));
        create(&app, ADMIN, &json!({ "role": "admin", "label": "another" }));
        let id = settings["id"].as_str().unwrap();
        assert_eq!(app.admin("DELETE", &path(id), None).problem(), (409, "settings-token".to_owned()));
        let environment = app.environment.clone();
        drop(app);
        let app = environment.start_shared();
        let repeated = app.admin("GET", &path(id), None).json();
        assert_eq!(repeated["created_at"], settings["created_at"], "a start with the same token changes nothing of it");
        // It was revoked on the command line, and the settings still have it: the next start makes it valid.
        assert!(environment.run(&["token", "revoke", ADMIN]).status.success());
        assert_eq!(app.admin("GET", TOKENS, None).status, 401);
        drop(app);
        assert_eq!(environment.start_shared().admin("GET", TOKENS, None).status, 200);
    }

    fn the_audit_trail_records_who_created_and_revoked_a_token_without_the_token(store) {
        let app = start_with_two_conferences(Environment::new(store));
        let of_one = json!({ "role": "admin", "conference": "one", "label": "admin of one" });
        let (token_of_one, _) = create(&app, ADMIN, &of_one);
        let (desk, id) = create(&app, &token_of_one, &json!({ "role": "check_in", "conference": "one", "label": "desk" }));
        assert_eq!(app.with_token(&token_of_one, "DELETE", &path(&id), None).status, 204);
        assert_eq!(app.with_token(&token_of_one, "DELETE", &path(&id), None).status, 204);
        let line = String::from_utf8(app.environment.run(&["token", "create", "--role", "viewer"]).stdout).unwrap();
        let trail = |path: &str| {
            let list = app.admin("GET", &format!("{path}?resource=token"), None);
            for secret in [&token_of_one, &desk, line.trim()] {
                assert!(!list.text().contains(secret));
            }
            list.json()["data"].as_array().unwrap().clone()
        };
        let said = |entry: &Value| {
            ["actor", "operation", "action", "code"].map(|key| entry[key].as_str().unwrap().to_owned())
        };
        let of_one = trail("/api/v1/conferences/one/audit");
        assert_eq!(
            of_one.iter().map(said).collect::<Vec<_>>(),
            [
                ["admin of one (admin)", "revoke_token", "revoke", &desk[..12]],
                ["admin of one (admin)", "create_token", "create", &desk[..12]],
                ["settings (admin)", "create_token", "create", &token_of_one[..12]],
            ]
        );
        assert_eq!(of_one[0]["thing_id"], id);
        assert_eq!(of_one[1]["after"], json!({ "role": "check_in", "label": "desk", "expires_at": null }));
        let all = trail("/api/v1/audit");
        assert_eq!(all.len(), 4);
        assert_eq!(said(&all[0]), ["command line", "create_token", "create", &line[..12]]);
    }

    fn the_last_use_of_a_token_is_stored_before_a_list_and_at_a_stop(store) {
        let mut app = start_with_two_conferences(Environment::new(store));
        let (token, id) = create(&app, ADMIN, &json!({ "role": "viewer", "conference": "one", "label": "guest" }));
        let last_used = |app: &App| app.admin("GET", &path(&id), None).json()["last_used_at"].clone();
        assert_eq!(last_used(&app), json!(null));
        let agenda = "/api/v1/conferences/one/agenda";
        assert_eq!(app.with_token(&token, "GET", agenda, None).status, 200);
        let list = app.admin("GET", TOKENS, None).json();
        let first = list["data"][0]["last_used_at"].clone();
        assert_ne!(first, json!(null));
        assert_ne!(list["data"][1]["last_used_at"], json!(null), "the list itself is a use");
        assert_eq!(last_used(&app), first, "nothing happened since");
        assert_eq!(app.with_token(&token, "GET", agenda, None).status, 200);
        assert!(app.terminate().success());
        let app = app.environment.start_shared();
        assert!(last_used(&app).as_str().unwrap() > first.as_str().unwrap());
    }

    fn the_command_line_creates_expiring_tokens_and_lists_them_in_columns(store) {
        let environment = Environment::new(store);
        let run = |arguments: &[&str]| String::from_utf8(environment.run(arguments).stdout).unwrap();
        let token = run(&["token", "create", "--role", "viewer", "--label", "Press office", "--expires-in-days", "30"]);
        let endless = run(&["token", "create", "--role", "admin"]);
        let list = run(&["token", "list"]);
        let lines: Vec<Vec<_>> =
            list.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
        assert_eq!(lines[0], ["TOKEN", "ROLE", "CONFERENCE", "LABEL", "EXPIRES", "LAST USED"]);
        assert_eq!(lines[1][..4], [&token[..12], "viewer", "(all)", "Press office"]);
        assert!(lines[1][4].ends_with('Z'), "{list}");
        assert_eq!(lines[1][5], "never");
        assert_eq!(lines[2], [&endless[..12], "admin", "(all)", "command line", "never", "never"]);
        assert_eq!(lines.len(), 3);
        let refused = environment.run(&["token", "create", "--role", "viewer", "--expires-in-days", "0"]);
        assert!(!refused.status.success());
    }
}
