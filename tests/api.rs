//! The API in general: its document, its errors, its limits.

use std::{collections::BTreeSet, process::Command};

use serde_json::{Value, json};

use crate::support::{
    App, Store,
    app::{BINARY, Environment, person, repository, small_conference},
    on_both_stores,
};

fn document(app: &App) -> Value {
    app.get("/openapi.json").json()
}

/// Every operation: method, path template, the operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations
}

#[test]
fn the_committed_api_document_is_the_generated_one() {
    let generated = Command::new(BINARY).arg("openapi").output().unwrap();
    let committed = std::fs::read_to_string(repository().join("openapi.yaml")).unwrap();
    let generated = String::from_utf8(generated.stdout).unwrap();
    assert!(committed == generated, "run: plenary openapi > openapi.yaml");
    assert!(committed.starts_with("openapi: 3.1."));
    let app = Environment::new(Store::Sqlite).start();
    assert_eq!(app.get("/openapi.yaml").text(), committed);
}

#[test]
fn every_route_is_in_the_document_and_every_operation_of_the_document_is_a_route() {
    let app = Environment::new(Store::Sqlite).start();
    let documented: BTreeSet<_> =
        operations(&document(&app)).into_iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    // Operations are declared as `get, path = "/..."` in `#[utoipa::path]`, or in the calls of the macros of programme/
    // and agenda/; pages as `#[get("/...")]`: there is no other way (tests/layout.rs).
    let mut declared = BTreeSet::new();
    for source in crate::layout::sources() {
        for line in source.text.lines() {
            let line = line.trim();
            for method in ["get", "post", "put", "patch", "delete"] {
                let of_page = line.strip_prefix(&format!("#[{method}(\""));
                let of_operation = line.strip_prefix(&format!("{method}, path = \""));
                if let Some(path) = of_page.or(of_operation) {
                    declared.insert(format!("{} {}", method.to_uppercase(), path.split('"').next().unwrap()));
                }
            }
            // In the calls of the macros of agenda/: `get "/..." => read_something`.
            for method in ["get", "post", "put", "patch", "delete"] {
                if let Some(path) = line.strip_prefix(&format!("{method} \"")) {
                    declared.insert(format!("{} {}", method.to_uppercase(), path.split('"').next().unwrap()));
                }
            }
            let quoted = line
                .split('"')
                .nth(1)
                .filter(|_| ["programme/api.rs", "programme/format_api.rs"].contains(&source.path.as_str()));
            if let Some(path) = quoted.filter(|path| path.starts_with("/api/v1/") && !line.starts_with("#[")) {
                declared.insert(format!("GET {path}"));
            }
        }
    }
    // Redirects to pages, which are not part of the API.
    assert!(declared.remove("GET /docs") && declared.remove("GET /"));
    declared.retain(|route| !route.contains(" /conferences") && !route.contains(" /assets/"));
    assert_eq!(declared, documented);
    for route in documented {
        let (method, template) = route.split_once(' ').unwrap();
        let path = template
            .replace("{conference}", "nowhere")
            .replace("{date}", "2014-03-31")
            .replace("{number}", "1")
            .replace("{slug}", "validation");
        let path =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        let headers = [("content-type", "application/json")];
        let answer = app.send(method, &path, &headers, (method != "GET").then_some("{}"));
        assert_ne!(answer.status, 405, "{route}");
        let is_fallback = answer.status == 404 && answer.text().contains("the API is described at /docs");
        assert!(!is_fallback, "{route} is documented and is no route");
    }
}

#[test]
fn every_operation_has_an_id_a_tag_a_summary_a_success_and_a_problem() {
    let app = Environment::new(Store::Sqlite).start();
    let document = document(&app);
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|summary| summary.ends_with('.')), "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        assert_eq!(
            responses["default"]["content"]["application/problem+json"]["schema"]["$ref"],
            "#/components/schemas/Problem"
        );
    }
    let defined = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for name in text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(defined.contains_key(name), "{name} is referred to and not defined");
    }
    let description = document["info"]["description"].as_str().unwrap();
    let kinds = app.get("/problems").json();
    for kind in kinds["data"].as_array().unwrap() {
        let name = kind["type"].as_str().unwrap();
        assert!(description.contains(&format!("`{name}`")), "{name} is not documented");
        assert_eq!(&app.get(name).json(), kind);
    }
}

on_both_stores! {
    fn every_failure_is_a_problem_document(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let registrations = "/api/v1/conferences/small/registrations";
        let json = [("content-type", "application/json")];
        let problem = |method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>| {
            let answer = app.send(method, path, headers, body);
            let document = answer.json();
            assert_eq!(document["status"], answer.status);
            assert_eq!(document["instance"].as_str(), answer.header("x-request-id"));
            answer.problem()
        };
        let expected = |status: u16, kind: &str| (status, kind.to_owned());
        assert_eq!(problem("GET", "/nowhere", &[], None), expected(404, "not-found"));
        assert_eq!(problem("GET", "/api/v1/conferences/small/nowhere", &[], None), expected(404, "not-found"));
        assert_eq!(problem("GET", "/api/v1/conferences/Not%20A%20Code/programme", &[], None), expected(404, "not-found"));
        assert_eq!(problem("GET", "/api/v1/conferences/small/programme/days/tomorrow", &[], None), expected(404, "not-found"));
        assert_eq!(problem("GET", "/api/v1/conferences/small/releases/first", &[], None), expected(404, "not-found"));
        assert_eq!(problem("DELETE", registrations, &[], None), expected(405, "method-not-allowed"));
        assert_eq!(problem("POST", registrations, &json, Some("{\"a\":")), expected(400, "malformed-json"));
        assert_eq!(problem("POST", registrations, &json, Some("")), expected(422, "validation"), "it says nothing");
        assert_eq!(problem("POST", registrations, &json, Some("[]")), expected(422, "validation"));
        let form = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(problem("POST", registrations, &form, Some("a=b")), expected(415, "unsupported-media-type"));
        let too_long = format!("\"{}\"", "x".repeat(70_000));
        assert_eq!(problem("POST", registrations, &json, Some(&too_long)), expected(413, "too-large"));
        assert_eq!(problem("GET", "/problems/nothing", &[], None), expected(404, "not-found"));
        assert_eq!(problem("GET", "/docs/nothing.js", &[], None), expected(404, "not-found"));
        let wrong_method = app.send("PATCH", "/api/v1/conferences/small/blueprint", &[], None);
        assert_eq!(wrong_method.header("allow"), Some("GET, HEAD, PUT"));
    }

    fn naughty_strings_are_stored_unchanged_or_refused(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let path = "/api/v1/conferences/small/registrations";
        let texts = [
            "Robert'); DROP TABLE registrations;--", "<script>alert(1)</script>", "{{ 7 * 7 }}", "%s%n", "=1+1",
            "Zoë Ångström", "名前", "שָׁלוֹם", "👩‍👩‍👧‍👦", "a\u{0301}", "\\\"", "null", "../../etc/passwd", "İstanbul",
        ];
        for (number, text) in texts.into_iter().enumerate() {
            let mut form = person(number, "delegate");
            form["given_name"] = json!(text);
            let created = app.post(path, &form);
            assert_eq!(created.status, 201, "{text}: {}", created.text());
            let link = created.json()["links"]["self"].as_str().unwrap().to_owned();
            assert_eq!(app.get(app.path_of(&link)).json()["given_name"], text);
        }
        for text in ["\u{0}", "a\u{0}b", "a\nb", "\u{202E}evil", "\u{FEFF}", "\u{7}"] {
            let mut form = person(99, "delegate");
            form["given_name"] = json!(text);
            assert_eq!(app.post(path, &form).status, 422, "{text:?}");
        }
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), i64::try_from(texts.len()).unwrap());
    }
}

#[test]
fn the_documentation_loads_nothing_from_other_hosts() {
    let app = Environment::new(Store::Sqlite).start();
    let page = app.get("/docs");
    assert_eq!((page.status, page.header("location")), (308, Some("/docs/")));
    assert_eq!(app.get("/").header("location"), Some("/docs/"));
    let page = app.get("/docs/");
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("://"), "the page loads nothing from another host");
    let parts: Vec<_> = page.text().split(['"', '\'']).filter(|part| part.starts_with("./")).collect();
    assert!(parts.iter().any(|part| part.ends_with("swagger-ui-bundle.js")));
    for part in parts {
        assert_eq!(app.get(&format!("/docs/{}", &part[2..])).status, 200, "{part}");
    }
}

#[test]
fn configured_origins_may_call_the_api() {
    let origin = |app: &App, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        let preflight = app.send("OPTIONS", "/api/v1/conferences/small/registrations", &headers, None);
        preflight.header("access-control-allow-origin").map(str::to_owned)
    };
    let app = Environment::new(Store::Sqlite).start();
    assert_eq!(origin(&app, "https://a.example"), Some("*".to_owned()));
    let app =
        Environment::new(Store::Sqlite).set("PLENARY_CORS_ORIGINS", "https://a.example, https://b.example").start();
    assert_eq!(origin(&app, "https://b.example"), Some("https://b.example".to_owned()));
    assert_eq!(origin(&app, "https://c.example"), None);
}
