//! How the service starts and stops, what it prints and logs.

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use serde_json::json;

use crate::support::{
    App, Store,
    app::{ADMIN, Environment, person, small_conference},
    on_both_stores,
};

fn token_of(app: &App) -> Option<String> {
    let line = app.startup_output.iter().find(|line| line.contains("Admin token"))?;
    line.split_whitespace().last().map(str::to_owned)
}

fn collect_modes(folder: &Path, found: &mut Vec<(String, u32)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        found.push((entry.file_name().into_string().unwrap(), mode));
        if entry.path().is_dir() {
            collect_modes(&entry.path(), found);
        }
    }
}

/// The last line of a start with wrong settings.
fn start_error(environment: &Environment) -> String {
    let output = environment.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = error.lines().filter(|line| line.starts_with("plenary: ")).collect();
    assert_eq!(lines.len(), 1, "{error}");
    lines[0].to_owned()
}

on_both_stores! {
    fn the_first_start_publishes_the_example_and_shows_a_token_that_later_starts_do_not(store) {
        let environment = Arc::new(Environment::with_example(store).unset("PLENARY_ADMIN_TOKEN"));
        environment.database.clear();
        let mut app = environment.start_shared();
        let programme = "/api/v1/conferences/genocide-prevention-2014/programme";
        assert_eq!(app.startup_output[0], format!("Plenary is ready at {}", app.url));
        assert!(app.startup_output[1].ends_with(&format!("{}/", app.url)), "where the pages are");
        assert!(app.startup_output[2].ends_with(&format!("{}{programme}", app.url)));
        assert!(app.startup_output[3].ends_with(&format!("{}/docs", app.url)));
        let token = token_of(&app).unwrap();
        assert_eq!(app.get("/readyz").status, 200);
        assert_eq!(app.get("/healthz").json(), json!({ "status": "ok" }));
        let first = app.get(programme);
        assert_eq!(first.json()["release"]["number"], 1);
        let blueprint = "/api/v1/conferences/genocide-prevention-2014/blueprint";
        assert_eq!(app.with_token(&token, "GET", blueprint, None).status, 200);
        assert_eq!(app.count("SELECT count(*) AS n FROM tokens"), 1);
        assert!(app.terminate().success(), "SIGTERM is a graceful stop");

        let app = environment.start_shared();
        assert_eq!(token_of(&app), None);
        assert_eq!(app.get(programme).body, first.body);
        assert_eq!(app.count("SELECT count(*) AS n FROM releases"), 1);
        assert_eq!(app.with_token(&token, "GET", blueprint, None).status, 200, "the token lasts");

        let created = environment.run(&["token", "create", "--role", "admin"]);
        let another = String::from_utf8(created.stdout).unwrap().trim().to_owned();
        assert_eq!(app.with_token(&another, "GET", blueprint, None).status, 200, "a lost token is replaced");
        let revoked = environment.run(&["token", "revoke", &token[..12]]);
        assert!(revoked.status.success());
        assert_eq!(app.with_token(&token, "GET", blueprint, None).status, 401);
    }

    fn a_token_of_the_settings_replaces_the_one_before(store) {
        let environment = Environment::with_example(store);
        let path = "/api/v1/conferences/genocide-prevention-2014/agenda";
        let app = environment.start();
        assert_eq!(token_of(&app), None, "a token that is set is not shown");
        assert_eq!(app.admin("GET", path, None).status, 200);
        let environment = app.environment.clone();
        drop(app);
        let environment = Arc::try_unwrap(environment).ok().unwrap().set("PLENARY_ADMIN_TOKEN", &"x".repeat(32));
        let app = environment.start();
        assert_eq!(app.admin("GET", path, None).status, 401);
        assert_eq!(app.with_token(&"x".repeat(32), "GET", path, None).status, 200);
    }

    fn files_of_the_service_are_readable_by_their_owner_only(store) {
        let app = App::with_example(store);
        let conference = "/api/v1/conferences/genocide-prevention-2014";
        let mut form = person(1, "delegate");
        form["language"] = json!("nl");
        assert_eq!(app.post(&format!("{conference}/registrations"), &form).status, 201);
        app.log.wait_for("sent a message");
        let mut found = Vec::new();
        collect_modes(&app.environment.folder.0, &mut found);
        assert!(found.iter().any(|(name, _)| name == "secret.key"));
        assert!(found.iter().any(|(name, _)| name.ends_with(".eml")));
        for (name, mode) in found {
            assert_eq!(mode & 0o077, 0, "{name} has mode {mode:o}");
        }
    }

    fn the_log_has_no_names_addresses_or_tokens(store) {
        let mut app = Environment::new(store).set("PLENARY_LOG", "info").start();
        app.publish(&small_conference(None, None));
        let path = "/api/v1/conferences/small/registrations";
        let created = app.post(path, &person(77, "delegate")).json();
        let link = created["links"]["self"].as_str().unwrap().to_owned();
        assert_eq!(app.get(app.path_of(&link)).status, 200);
        assert_eq!(app.post(path, &person(77, "delegate")).status, 409);
        app.log.wait_for("sent a message");
        assert!(app.terminate().success());
        let token = link.split_once("?token=").unwrap().1;
        let log = app.log.all().join("\n");
        // The whole log was searched: it has the two registrations that were created and the one that was read.
        assert_eq!(log.matches("/registrations\"").count() + log.matches("/registrations/{reference}\"").count(), 3, "{log}");
        for secret in ["person-77", "Person 77", token, ADMIN] {
            assert!(!log.contains(secret), "{secret} is in the log");
        }
    }

    fn an_existing_store_is_not_seeded(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let mut environment = app.environment.clone();
        drop(app);
        let example = crate::support::app::repository().join("config/genocide-prevention-2014.yaml");
        for seed in [example.to_str().unwrap(), "a-file-that-is-gone.yaml"] {
            let app = Arc::try_unwrap(environment).ok().unwrap().set("PLENARY_SEED", seed).start();
            assert_eq!(app.get("/api/v1/conferences/genocide-prevention-2014").status, 404);
            assert_eq!(app.get("/api/v1/conferences/small").status, 200);
            environment = app.environment.clone();
        }
    }

    fn two_processes_that_start_together_make_one_conference_and_one_release(store) {
        let environment = Arc::new(Environment::with_example(store));
        let apps: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..2).map(|_| scope.spawn(|| environment.start_shared())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let path = "/api/v1/conferences/genocide-prevention-2014/programme";
        assert_eq!(apps[0].get(path).body, apps[1].get(path).body);
        assert_eq!(apps[0].count("SELECT count(*) AS n FROM releases"), 1);
        let created = apps[0].post("/api/v1/conferences/genocide-prevention-2014/registrations", &person(1, "press"));
        let link = created.json()["links"]["self"].as_str().unwrap().to_owned();
        let path = link.strip_prefix(&apps[0].url).unwrap();
        assert_eq!(apps[1].get(path).status, 200, "a link of one opens at the other");
    }
}

#[test]
fn a_wrong_setting_stops_the_start_with_one_clear_line() {
    let environment = || Environment::new(Store::Sqlite);
    assert_eq!(
        start_error(&environment().set("PLENARY_LISTN", "x")),
        "plenary: PLENARY_LISTN is not a setting; config/default.toml lists them all"
    );
    assert_eq!(
        start_error(&environment().set("PLENARY_LISTEN", "nowhere")),
        "plenary: listen (PLENARY_LISTEN) must be an address and a port, such as 127.0.0.1:8080"
    );
    assert_eq!(
        start_error(&environment().set("PLENARY_MAIL_URL", "pigeon://x")),
        "plenary: mail_url (PLENARY_MAIL_URL) must be file:<folder>, smtp://user:password@host:port or \
         smtps://user:password@host:port"
    );
    let missing = start_error(&environment().set("PLENARY_SEED", "nothing.yaml"));
    assert_eq!(missing, "plenary: seed nothing.yaml: No such file or directory (os error 2)");
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = occupied.local_addr().unwrap().to_string();
    let error = start_error(&environment().set("PLENARY_LISTEN", &address));
    assert_eq!(error, format!("plenary: listen {address}: Address already in use (os error 98)"));
}

#[test]
fn a_settings_file_is_read_and_variables_override_it() {
    let environment = Environment::new(Store::Sqlite).unset("PLENARY_MAIL_URL").set("PLENARY_TEST_ANYTHING", "ignored");
    let settings = "registrations_per_minute = 0\nmail_url = \"file:letters\"\n";
    std::fs::create_dir(environment.folder.0.join("config")).unwrap();
    environment.folder.write("config/default.toml", settings);
    assert_eq!(
        start_error(&environment),
        "plenary: registrations_per_minute (PLENARY_REGISTRATIONS_PER_MINUTE) must be 1 or more"
    );
    let app = environment.set("PLENARY_REGISTRATIONS_PER_MINUTE", "5").start();
    assert!(app.environment.folder.0.join("letters").is_dir());
}

#[test]
fn an_unavailable_store_is_a_503_with_retry_after() {
    if !crate::support::store::postgres_is_available() {
        return;
    }
    let app = Environment::new(Store::Postgres).set("PLENARY_STORE_DEADLINE_SECONDS", "1").start();
    app.publish(&small_conference(None, None));
    app.environment.database.force_drop();
    for answer in [
        app.post("/api/v1/conferences/small/registrations", &person(1, "delegate")),
        app.get("/api/v1/conferences/small/registration-form"),
        app.admin("GET", "/api/v1/conferences/small/agenda", None),
        app.get("/readyz"),
    ] {
        assert_eq!(answer.problem(), (503, "unavailable".to_owned()));
        assert_eq!(answer.header("retry-after"), Some("2"));
    }
    assert_eq!(app.get("/healthz").status, 200);
    assert_eq!(app.get("/api/v1/conferences/small/programme").status, 200, "readers need no store");
}
