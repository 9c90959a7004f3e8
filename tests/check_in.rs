//! Check-in: verifiable badges, scans that come twice, late, out of order and concurrently, and sheets of badges.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Days, NaiveDate, SecondsFormat, TimeDelta, Timelike as _, Utc};
use serde_json::{Value, json};

use crate::support::{
    Answer, App, Store,
    app::{Environment, person, repository, small_conference},
    on_both_stores, report_skipped,
    smtp::{python, python_has},
};

const CONFERENCE: &str = "/api/v1/conferences/small";
const CHECK_INS: &str = "/api/v1/conferences/small/check-ins";

/// Today's date and the zone where it is noon now: no midnight falls into a test there, whenever it runs.
fn noon() -> (NaiveDate, String) {
    let now = Utc::now();
    let ahead = 12 - i64::from(now.hour());
    // The signs of these zones are those of POSIX: what is west of Greenwich has a plus.
    ((now + TimeDelta::hours(ahead)).date_naive(), format!("Etc/GMT{:+}", -ahead))
}

/// A conference from yesterday until tomorrow.
pub fn conference() -> Value {
    let (today, zone) = noon();
    let date = |days: u64| (today - Days::new(1) + Days::new(days)).to_string();
    let mut text = small_conference(None, None).to_string();
    text = text.replace("2030-05-01", &date(0)).replace("2030-05-02", &date(2)).replace("Europe/Brussels", &zone);
    let mut blueprint: Value = serde_json::from_str(&text).unwrap();
    let workshop = json!({
        "code": "workshop", "kind": "parallel", "title": "Workshop", "room": "hall", "access": "sign_up", "seats": 1,
        "starts_at": format!("{}T14:00", date(1)), "ends_at": format!("{}T15:00", date(1)), "items": []
    });
    blueprint["sessions"].as_array_mut().unwrap().push(workshop);
    blueprint["registration"]["categories"][0]["badge"] =
        json!({ "level": "P", "zones": ["hall", "garden"], "colour": "#003399" });
    blueprint
}

fn start(store: Store) -> App {
    let app = Environment::new(store).start();
    app.publish(&conference());
    app
}

fn register(app: &App, number: usize) -> Value {
    let answer = app.post(&format!("{CONFERENCE}/registrations"), &person(number, "delegate"));
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn token(receipt: &Value) -> String {
    text(&receipt["links"]["self"]).split_once("?token=").unwrap().1.to_owned()
}

fn registration_path(receipt: &Value, part: &str) -> String {
    format!("{CONFERENCE}/registrations/{}/{part}", text(&receipt["reference"]))
}

/// The payload of the QR code of a registration.
fn code(app: &App, receipt: &Value) -> String {
    let badge = app.admin("GET", &registration_path(receipt, "badge"), None);
    assert_eq!(badge.status, 200, "{}", badge.text());
    text(&badge.json()["code"])
}

fn scan_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn wire(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A scan of a code at the main gate, now.
fn scan(code: &str) -> Value {
    json!({ "id": scan_id(), "gate": "main", "code": code })
}

fn with_members(scan: &Value, members: Value) -> Value {
    let mut scan = scan.clone();
    scan.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    scan
}

fn send(app: &App, scans: &[Value]) -> Answer {
    app.admin("POST", CHECK_INS, Some(&json!({ "check_ins": scans })))
}

fn results(app: &App, scans: &[Value]) -> Vec<Value> {
    let answer = send(app, scans);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].as_array().unwrap().clone()
}

fn result(app: &App, scan: Value) -> Value {
    results(app, &[scan]).pop().unwrap()
}

/// The outcome, with the reason of a refusal or of a fault.
fn outcome(result: &Value) -> String {
    let parts = [&result["outcome"], &result["reason"], &result["fault"]["code"]];
    parts.into_iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

/// The whole record.
fn record(app: &App) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut path = Some(format!("{CHECK_INS}?limit=200"));
    while let Some(next) = path {
        let page = app.admin("GET", &next, None).json();
        entries.extend(page["data"].as_array().unwrap().clone());
        path = page["next"].as_str().map(str::to_owned);
    }
    entries
}

fn has_tool(tool: &str, package: &str) -> bool {
    let is_available = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !is_available {
        report_skipped(&format!("{tool} is not there ({package})"));
    }
    is_available
}

fn run(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The payloads of the QR codes in a picture.
fn read_codes(picture: &Path) -> Vec<String> {
    let printed = run(Command::new("zbarimg").args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"]).arg(picture));
    let mut codes: Vec<String> = printed.lines().map(str::to_owned).collect();
    codes.sort();
    codes
}

/// The example script in the documentation.
fn documented_script() -> String {
    let page = std::fs::read_to_string(repository().join("docs/check-in.md")).unwrap();
    let (_, rest) = page.split_once("```python\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

on_both_stores! {
    fn a_badge_can_be_verified_with_the_public_key_alone(store) {
        let app = start(store);
        let receipt = register(&app, 1);
        let payload = code(&app, &receipt);
        let key = app.get(&format!("{CONFERENCE}/check-in-key")).json();
        let bytes = URL_SAFE_NO_PAD.decode(&payload).unwrap();
        assert_eq!(bytes.len() as u64, key["payload"]["bytes"].as_u64().unwrap());
        assert_eq!((bytes[0], &bytes[17..21]), (1, &[0, 0, 0, 1][..]));

        // OpenSSL.
        let folder = &app.environment.folder;
        let pem = folder.write("key.pem", key["pem"].as_str().unwrap());
        let (says, signature) = (folder.0.join("says"), folder.0.join("signature"));
        std::fs::write(&says, &bytes[..21]).unwrap();
        let verify = |signed: &[u8]| {
            std::fs::write(&signature, signed).unwrap();
            let mut openssl = Command::new("openssl");
            openssl.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]).arg(&pem);
            openssl.arg("-in").arg(&says).arg("-sigfile").arg(&signature);
            openssl.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
        };
        assert!(verify(&bytes[21..]));
        let mut forged = bytes.clone();
        forged[80] ^= 1;
        assert!(!verify(&forged[21..]));

        // The example script in the documentation.
        if python_has("cryptography") {
            let key_file = folder.write("key.json", &key.to_string());
            let script = folder.write("verify.py", &documented_script());
            let verify = |payload: &str| {
                let output = Command::new(python()).args([&script, &key_file]).arg(payload).output().unwrap();
                (output.status.success(), String::from_utf8(output.stdout).unwrap())
            };
            let registration = uuid::Uuid::from_slice(&bytes[1..17]).unwrap();
            assert_eq!(verify(&payload), (true, format!("{registration} 1\n")));
            assert!(!verify(&URL_SAFE_NO_PAD.encode(&forged)).0);
            assert!(!verify("https://example.org/").0);
            let x = "from cryptography.hazmat.primitives.serialization import *; import base64, json, sys; \
                     key = json.load(sys.stdin); pem = load_pem_public_key(key['pem'].encode()); \
                     raw = pem.public_bytes(Encoding.Raw, PublicFormat.Raw); \
                     print(base64.urlsafe_b64encode(raw).decode().rstrip('=') == key['jwk']['x'] == key['public_key'])";
            assert_eq!(crate::support::smtp::run_python(x, &key.to_string()), "True\n");
        }
        // Another conference has another key.
        let mut other = conference();
        other["conference"]["slug"] = json!("other");
        app.publish(&other);
        assert_ne!(app.get("/api/v1/conferences/other/check-in-key").json()["public_key"], key["public_key"]);
    }

    fn the_qr_code_of_a_badge_is_read_back_from_its_picture(store) {
        let app = start(store);
        let receipt = register(&app, 1);
        let path = format!("{}?token={}", registration_path(&receipt, "qr.svg"), token(&receipt));
        let svg = app.get(&path);
        assert_eq!((svg.status, svg.header("content-type")), (200, Some("image/svg+xml")));
        assert_eq!(svg.header("cache-control"), Some("no-store"));
        if has_tool("zbarimg", "zbar-tools") {
            let picture = app.environment.folder.0.join("code.pgm");
            std::fs::write(&picture, raster(svg.text())).unwrap();
            assert_eq!(read_codes(&picture), [code(&app, &receipt)]);
        }
        // A person who is not confirmed has no badge.
        assert_eq!(app.admin("POST", &registration_path(&receipt, "cancel"), Some(&json!({}))).status, 200);
        for part in ["qr.svg", "badge"] {
            assert_eq!(app.admin("GET", &registration_path(&receipt, part), None).problem(), (409, "wrong-state".to_owned()));
        }
    }

    fn a_scan_admits_once_and_a_refusal_has_its_reason(store) {
        let app = start(store);
        let receipt = register(&app, 1);
        let code = code(&app, &receipt);
        let first = scan(&code);
        let admitted = result(&app, first.clone());
        assert_eq!(outcome(&admitted), "admitted");
        assert_eq!(admitted["registration"]["name"], "Person 1 Example");
        assert_eq!(admitted["registration"]["level"], "P");
        let repeated = result(&app, scan(&code));
        assert_eq!(outcome(&repeated), "admitted_again");
        assert_eq!(repeated["first"]["id"], first["id"]);
        assert_eq!((&repeated["first"]["at"], &repeated["first"]["gate"]), (&admitted["at"], &json!("main")));
        // Another gate, and a session, count separately.
        assert_eq!(outcome(&result(&app, with_members(&scan(&code), json!({ "gate": "garden" })))), "admitted");
        assert_eq!(outcome(&result(&app, with_members(&scan(&code), json!({ "session": "opening" })))), "admitted");
        assert_eq!(outcome(&result(&app, with_members(&scan(&code), json!({ "session": "opening" })))), "admitted_again");

        let bytes = URL_SAFE_NO_PAD.decode(&code).unwrap();
        let mut forged = bytes;
        forged[3] ^= 1;
        let forged = scan(&URL_SAFE_NO_PAD.encode(&forged));
        assert_eq!(outcome(&result(&app, forged)), "refused bad_signature");
        assert_eq!(outcome(&result(&app, scan("WIFI:S:Hall;;\u{0}"))), "refused bad_signature");
        let by_reference = |reference: &str| json!({ "id": scan_id(), "gate": "side", "reference": reference });
        let reference = text(&receipt["reference"]);
        assert_eq!(outcome(&result(&app, by_reference(&reference.to_lowercase()))), "admitted");
        assert_eq!(outcome(&result(&app, by_reference("S-00000000"))), "refused unknown");
        assert_eq!(outcome(&result(&app, by_reference("\u{0}'"))), "refused unknown");
        assert_eq!(outcome(&result(&app, with_members(&scan(&code), json!({ "zone": "stage" })))), "refused wrong_zone");
        assert_eq!(outcome(&result(&app, with_members(&scan(&code), json!({ "zone": "hall", "gate": "hall" })))), "admitted");
        let early = wire(Utc::now() - TimeDelta::days(3));
        // Before the registration it was not confirmed; the day is checked for confirmed people only.
        assert_eq!(outcome(&result(&app, with_members(&scan(&code), json!({ "at": early })))), "refused not_confirmed");
        let workshop = || with_members(&scan(&code), json!({ "session": "workshop" }));
        assert_eq!(outcome(&result(&app, workshop())), "refused no_seat_in_session");
        let chosen = app.admin("PUT", &registration_path(&receipt, "sessions"), Some(&json!({ "sessions": ["workshop"] })));
        assert_eq!(chosen.status, 200);
        assert_eq!(outcome(&result(&app, workshop())), "admitted");

        let renewed = app.admin("POST", &registration_path(&receipt, "renew-link"), Some(&json!({})));
        assert_eq!(renewed.status, 200);
        assert_eq!(outcome(&result(&app, scan(&code))), "refused superseded");
        assert_eq!(outcome(&result(&app, scan(&self::code(&app, &receipt)))), "admitted_again");
        app.environment.database.execute("UPDATE registrations SET state = 'revoked'");
        assert_eq!(outcome(&result(&app, by_reference(&reference))), "refused revoked");
        app.environment.database.execute("UPDATE registrations SET state = 'pending'");
        assert_eq!(outcome(&result(&app, by_reference(&reference))), "refused not_confirmed");

        // The record has every scan, in its order.
        let record = record(&app);
        let numbers: Vec<_> = record.iter().map(|entry| entry["sequence"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=record.len() as i64).collect::<Vec<_>>());
        let outcomes = record.iter().fold(BTreeMap::<String, usize>::new(), |mut counts, entry| {
            *counts.entry(outcome(entry)).or_default() += 1;
            counts
        });
        let due = [
            ("admitted", 6), ("admitted_again", 3), ("refused bad_signature", 2), ("refused no_seat_in_session", 1),
            ("refused not_confirmed", 2), ("refused revoked", 1), ("refused superseded", 1), ("refused unknown", 2),
            ("refused wrong_zone", 1),
        ];
        assert_eq!(outcomes, due.map(|(outcome, count)| (outcome.to_owned(), count)).into());
        let unknown = record.iter().find(|entry| entry["reason"] == "unknown").unwrap();
        assert_eq!(unknown["reference"], Value::Null);
    }

    fn a_scan_for_a_day_outside_the_conference_is_refused(store) {
        let app = start(store);
        let receipt = register(&app, 1);
        let mut later = conference();
        let tomorrow = (noon().0 + Days::new(1)).to_string();
        later["conference"]["starts_on"] = json!(tomorrow);
        later["sessions"] = json!([]);
        app.publish(&later);
        assert_eq!(outcome(&result(&app, scan(&code(&app, &receipt)))), "refused wrong_day");
    }

    fn the_door_follows_the_sessions_the_changeover_and_the_desk(store) {
        let app = Environment::new(store).start();
        let text = small_conference(None, None).to_string().replace("2030-05-0", "2020-05-0");
        let mut blueprint: Value = serde_json::from_str(&text).unwrap();
        blueprint["days"] = json!([{ "date": "2020-05-01", "changeover": "04:00" }, { "date": "2020-05-02" }]);
        blueprint["sessions"].as_array_mut().unwrap().push(json!({
            "code": "night", "kind": "social", "title": "Night", "starts_at": "2020-05-02T21:00", "ends_at": "2020-05-03T03:00"
        }));
        blueprint["registration"]["open_after_end"] = json!(true);
        app.publish(&blueprint);
        let receipt = register(&app, 1);
        let code = code(&app, &receipt);
        app.environment.database.execute("UPDATE registration_events SET at = '2020-01-01T00:00:00.000000Z'");
        let at = |time: &str, more: Value| {
            let scan = with_members(&scan(&code), json!({ "at": format!("{time}+02:00"), "gate": uuid::Uuid::new_v4().to_string() }));
            let id = scan["id"].clone();
            let outcome = outcome(&result(&app, with_members(&scan, more)));
            let entry = record(&app).into_iter().find(|entry| entry["id"] == id).unwrap();
            (outcome, entry["day"].as_str().unwrap_or("none").to_owned())
        };
        let admitted = |day: &str| ("admitted".to_owned(), day.to_owned());
        let refused = || ("refused wrong_day".to_owned(), "none".to_owned());
        assert_eq!(at("2020-05-03T01:17:00", json!({})), admitted("2020-05-02"), "the session goes on");
        let night = json!({ "session": "night", "gate": "night" });
        assert_eq!(at("2020-05-02T22:00:00", night.clone()), admitted("2020-05-02"));
        assert_eq!(at("2020-05-03T01:17:00", night), ("admitted_again".to_owned(), "2020-05-02".to_owned()));
        assert_eq!(at("2020-05-03T03:00:01", json!({})), refused());
        assert_eq!(at("2020-05-01T03:59:00", json!({})), admitted("2020-05-01"), "a date of the conference");
        assert_eq!(at("2020-05-01T23:59:00", json!({})), admitted("2020-05-01"));
        assert_eq!(at("2020-04-30T18:00:00", json!({})), refused());

        let setup_path = format!("{CONFERENCE}/registration-setup");
        let mut setup = app.admin("GET", &setup_path, None).json();
        setup["check_in"] = json!({ "opens_at": "2020-04-30T17:00" });
        assert_eq!(app.admin("PUT", &setup_path, Some(&setup)).status, 200);
        let stored = app.admin("GET", &setup_path, None).json();
        assert_eq!(stored["check_in"]["opens_at"], "2020-04-30T17:00:00+02:00");
        assert_eq!(at("2020-04-30T16:59:00", json!({})), refused());
        assert_eq!(at("2020-04-30T17:00:00", json!({})), admitted("2020-04-30"), "the registration desk");
        assert_eq!(at("2020-05-03T03:00:02", json!({})), refused(), "it opens no door afterwards");
        setup["check_in"] = json!({ "opens_at": "2020-03-29T02:30" });
        assert_eq!(app.admin("PUT", &setup_path, Some(&setup)).faults(), ["#/check_in/opens_at impossible_time"]);
    }

    fn a_repeated_batch_of_scans_gets_the_same_answer(store) {
        let app = start(store);
        let codes: Vec<_> = (0..20).map(|number| code(&app, &register(&app, number))).collect();
        let mut batch: Vec<_> = codes.iter().chain(&codes[..5]).map(|code| scan(code)).collect();
        batch.push(scan("nothing"));
        let first = results(&app, &batch);
        assert_eq!(first.iter().filter(|result| outcome(result) == "admitted").count(), 20);
        assert_eq!(first.iter().filter(|result| outcome(result) == "admitted_again").count(), 5);
        // Later changes do not change a given answer.
        assert_eq!(outcome(&result(&app, scan(&codes[0]))), "admitted_again");
        let undone = app.admin("POST", &format!("{CHECK_INS}/{}/undo", text(&batch[0]["id"])), Some(&json!({})));
        assert_eq!(undone.status, 200, "{}", undone.text());
        let before = record(&app).len();
        assert_eq!(results(&app, &batch), first);
        batch.reverse();
        let mut reversed = first.clone();
        reversed.reverse();
        assert_eq!(results(&app, &batch), reversed);
        assert_eq!(record(&app).len(), before);
        // Another scan with the same id does not fail its batch; a scan that is twice in one batch counts once.
        let fresh = with_members(&scan(&codes[1]), json!({ "gate": "garden" }));
        let other = with_members(&batch[0], json!({ "gate": "garden" }));
        let answers = results(&app, &[other, fresh.clone(), fresh.clone(), with_members(&fresh, json!({ "gate": "pond" }))]);
        assert_eq!(answers.iter().map(outcome).collect::<Vec<_>>(), ["id_reused", "admitted", "admitted", "id_reused"]);
        assert_eq!(answers[1], answers[2]);
        assert_eq!(record(&app).len(), before + 1);
    }

    fn the_first_entry_is_decided_by_the_time_of_the_scan(store) {
        let app = start(store);
        let receipt = register(&app, 1);
        let code = code(&app, &receipt);
        // Registered before the earliest of these scans.
        app.environment.database.execute(&format!(
            "UPDATE registration_events SET at = '{}'",
            (Utc::now() - TimeDelta::hours(3)).format("%Y-%m-%dT%H:%M:%S%.6fZ")
        ));
        let morning = Utc::now() - TimeDelta::minutes(30);
        let at = |minute: i64| wire(morning + TimeDelta::minutes(minute));
        let late = with_members(&scan(&code), json!({ "at": at(15) }));
        let early = with_members(&scan(&code), json!({ "at": at(5) }));
        let between = with_members(&scan(&code), json!({ "at": at(10) }));
        assert_eq!(outcome(&result(&app, late.clone())), "admitted");
        let answer = result(&app, early.clone());
        assert_eq!((outcome(&answer), &answer["first"]), ("admitted".to_owned(), &Value::Null));
        let answer = result(&app, between.clone());
        assert_eq!((outcome(&answer), &answer["first"]["id"]), ("admitted_again".to_owned(), &early["id"]));
        let present_record = |app: &App| -> Vec<(String, String, Value)> {
            let summary = |entry: &Value| (text(&entry["outcome"]), text(&entry["told"]), entry["first"]["id"].clone());
            record(app).iter().map(summary).collect()
        };
        let (admitted, repeated) = ("admitted".to_owned(), "admitted_again".to_owned());
        assert_eq!(present_record(&app), [
            (repeated.clone(), admitted.clone(), early["id"].clone()),
            (admitted.clone(), admitted.clone(), Value::Null),
            (repeated.clone(), repeated.clone(), early["id"].clone()),
        ]);
        // If the first is undone, the next becomes the first.
        let undo = format!("{CHECK_INS}/{}/undo", text(&early["id"]));
        assert_eq!(app.admin("POST", &undo, Some(&json!({}))).status, 200);
        assert_eq!(present_record(&app)[0], (repeated, admitted.clone(), between["id"].clone()));
        assert_eq!(present_record(&app)[2], (admitted, "admitted_again".to_owned(), Value::Null));
    }

    fn a_scan_is_decided_by_the_state_at_its_time(store) {
        let app = start(store);
        let receipt = register(&app, 1);
        let code = code(&app, &receipt);
        let earlier = (Utc::now() - TimeDelta::hours(3)).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        app.environment.database.execute(&format!("UPDATE registration_events SET at = '{earlier}'"));
        assert_eq!(app.admin("POST", &registration_path(&receipt, "renew-link"), Some(&json!({}))).status, 200);
        assert_eq!(app.admin("POST", &registration_path(&receipt, "cancel"), Some(&json!({}))).status, 200);
        let at = |ago: TimeDelta| with_members(&scan(&code), json!({ "at": wire(Utc::now() - ago) }));
        let offline = result(&app, at(TimeDelta::hours(2)));
        assert_eq!((outcome(&offline), &offline["registration"]["status"]), ("admitted".into(), &json!("cancelled")));
        assert_eq!(outcome(&result(&app, at(TimeDelta::hours(4)))), "refused not_confirmed");
        // A slow clock admits nobody who is cancelled.
        assert_eq!(outcome(&result(&app, at(TimeDelta::minutes(4)))), "refused cancelled");
        assert_eq!(outcome(&result(&app, at(TimeDelta::minutes(-4)))), "refused cancelled");
        assert_eq!(outcome(&result(&app, at(TimeDelta::minutes(-6)))), "in_future");
    }

    fn two_scanners_at_once_do_not_both_admit(store) {
        let environment = Arc::new(Environment::new(store));
        let apps = [environment.start_shared(), environment.start_shared()];
        apps[0].publish(&conference());
        let codes: Vec<_> = (0..4).map(|number| code(&apps[0], &register(&apps[0], number))).collect();
        // The other process serves the release.
        while apps[1].get(&format!("{CONFERENCE}/check-in-key")).status == 404 {}
        let outcomes = Mutex::new(BTreeMap::<(usize, String), usize>::new());
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (apps, codes, outcomes) = (&apps, &codes, &outcomes);
                scope.spawn(move || {
                    for round in 0..6 {
                        let index = (thread + round) % codes.len();
                        let outcome = outcome(&result(&apps[thread % 2], scan(&codes[index])));
                        *outcomes.lock().unwrap().entry((index, outcome)).or_default() += 1;
                    }
                });
            }
        });
        let outcomes = outcomes.into_inner().unwrap();
        for index in 0..codes.len() {
            assert_eq!(outcomes[&(index, "admitted".to_owned())], 1);
            assert_eq!(outcomes[&(index, "admitted_again".to_owned())], 11);
        }
        let numbers: Vec<_> = record(&apps[1]).iter().map(|entry| entry["sequence"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=48).collect::<Vec<_>>());
    }

    fn an_undo_is_recorded_as_an_entry_and_allows_a_new_check_in(store) {
        let app = start(store);
        let code = code(&app, &register(&app, 1));
        let first = scan(&code);
        assert_eq!(outcome(&result(&app, first.clone())), "admitted");
        let path = format!("{CHECK_INS}/{}/undo", text(&first["id"]));
        let undone = app.admin("POST", &path, Some(&json!({})));
        assert_eq!((undone.status, text(&undone.json()["outcome"])), (200, "undone".to_owned()));
        assert_eq!(undone.json()["undoes"], first["id"]);
        assert_eq!(app.admin("POST", &path, Some(&json!({}))).json(), undone.json());
        assert_eq!(record(&app).len(), 2);
        assert_eq!(record(&app)[0]["undone_by"], undone.json()["id"]);
        assert_eq!(outcome(&result(&app, scan(&code))), "admitted");
        let refused = scan("nothing");
        assert_eq!(outcome(&result(&app, refused.clone())), "refused bad_signature");
        for scan_id in [&refused["id"], &undone.json()["id"]] {
            let answer = app.admin("POST", &format!("{CHECK_INS}/{}/undo", text(scan_id)), Some(&json!({})));
            assert_eq!(answer.problem(), (409, "not-admitted".to_owned()));
        }
        for scan_id in [scan_id(), "x".to_owned()] {
            let answer = app.admin("POST", &format!("{CHECK_INS}/{scan_id}/undo"), Some(&json!({})));
            assert_eq!(answer.problem(), (404, "not-found".to_owned()));
        }
    }

    fn an_answered_scan_survives_a_kill(store) {
        let environment = Arc::new(Environment::new(store));
        let mut app = environment.start_shared();
        app.publish(&conference());
        let batch: Vec<_> = (0..50).map(|number| scan(&code(&app, &register(&app, number)))).collect();
        let first = results(&app, &batch);
        let undo = format!("{CHECK_INS}/{}/undo", text(&batch[0]["id"]));
        let undone = app.admin("POST", &undo, Some(&json!({}))).json();
        app.kill();
        let app = environment.start_shared();
        assert_eq!(results(&app, &batch), first);
        assert_eq!(app.admin("POST", &undo, Some(&json!({}))).json(), undone);
        assert_eq!(record(&app).len(), 51);
    }

    fn a_roster_has_all_people_first_and_then_only_changes(store) {
        let app = start(store);
        let receipts: Vec<_> = (0..5).map(|number| register(&app, number)).collect();
        let roster = format!("{CHECK_INS}/roster");
        let read = |path: &str| {
            let (mut people, mut sync, mut path) = (Vec::new(), Value::Null, Some(path.to_owned()));
            while let Some(next) = path {
                let page = app.admin("GET", &next, None).json();
                people.extend(page["data"].as_array().unwrap().clone());
                sync = page["sync"].clone();
                path = page["next"].as_str().map(str::to_owned);
            }
            (people, text(&sync))
        };
        let references = |people: &[Value]| people.iter().map(|entry| text(&entry["reference"])).collect::<Vec<_>>();
        let (people, sync) = read(&format!("{roster}?limit=2"));
        assert_eq!(references(&people), receipts.iter().map(|it| text(&it["reference"])).collect::<Vec<_>>());
        let bytes = URL_SAFE_NO_PAD.decode(code(&app, &receipts[0])).unwrap();
        assert_eq!(people[0]["id"], uuid::Uuid::from_slice(&bytes[1..17]).unwrap().to_string());
        assert_eq!((&people[0]["generation"], &people[0]["zones"]), (&json!(1), &json!(["hall", "garden"])));
        assert_eq!(read(&format!("{roster}?since={sync}")), (Vec::new(), sync.clone()), "nothing is told twice");
        // A cursor that is ahead of this store, or of an older version, starts from the beginning.
        for unknown in ["9000".to_owned(), uuid::Uuid::now_v7().to_string()] {
            assert_eq!(read(&format!("{roster}?since={unknown}")).0.len(), 5, "{unknown}");
        }
        assert_eq!(app.admin("POST", &registration_path(&receipts[1], "cancel"), Some(&json!({}))).status, 200);
        assert_eq!(app.admin("POST", &registration_path(&receipts[2], "renew-link"), Some(&json!({}))).status, 200);
        let chosen = app.admin("PUT", &registration_path(&receipts[3], "sessions"), Some(&json!({ "sessions": ["workshop"] })));
        assert_eq!(chosen.status, 200);
        let (changed, _) = read(&format!("{roster}?since={sync}&limit=3"));
        let entry_of = |receipt: &Value| changed.iter().rfind(|entry| entry["reference"] == receipt["reference"]).unwrap();
        assert_eq!(entry_of(&receipts[1])["status"], "cancelled");
        assert_eq!(entry_of(&receipts[2])["generation"], 2);
        assert_eq!(entry_of(&receipts[3])["sessions"], json!(["workshop"]));
        assert_eq!(app.admin("GET", &format!("{roster}?cursor=eA"), None).faults(), ["?cursor invalid_cursor"]);
        assert_eq!(app.admin("GET", &format!("{roster}?since=x"), None).faults(), ["?since invalid_sync"]);
    }

    fn all_invalid_scans_of_a_batch_are_reported_at_once(store) {
        let app = start(store);
        let good = scan("x");
        let both = with_members(&good, json!({ "reference": "S-1" }));
        let neither = json!({ "id": scan_id(), "gate": "main" });
        let wall = with_members(&good, json!({ "at": "2030-05-01T09:00" }));
        let answer = send(&app, &[good.clone(), both, neither, wall]);
        assert_eq!((answer.status, answer.faults()), (422, vec![
            "#/check_ins/1 one_of".to_owned(), "#/check_ins/2 one_of".to_owned(), "#/check_ins/3/at invalid_time".to_owned(),
        ]));
        let answer = send(&app, &[json!({ "id": "x", "gate": "Main Gate", "code": "x", "door": 1 })]);
        assert_eq!(answer.status, 422);
        assert_eq!(answer.faults().len(), 3, "{:?}", answer.faults());
        assert_eq!(send(&app, &[]).faults(), ["#/check_ins out_of_range"]);
        assert_eq!(send(&app, &vec![good; 1001]).faults(), ["#/check_ins out_of_range"]);
        assert_eq!(outcome(&result(&app, with_members(&scan("x"), json!({ "session": "nowhere" })))), "unknown_session");
        assert_eq!(app.count("SELECT count(*) AS n FROM check_ins"), 0);
        let answer = app.admin("GET", &format!("{CHECK_INS}?after=-1&limit=0"), None);
        assert_eq!(answer.faults(), ["?after out_of_range", "?limit out_of_range"]);
    }

    fn a_thousand_scans_are_one_request(store) {
        let app = start(store);
        let codes: Vec<_> = (0..10).map(|number| code(&app, &register(&app, number))).collect();
        let batch: Vec<_> = (0..1000).map(|number| scan(&codes[number % 10])).collect();
        let answers = results(&app, &batch);
        assert_eq!(answers.iter().filter(|result| outcome(result) == "admitted").count(), 10);
        assert_eq!(results(&app, &batch), answers);
        assert_eq!(record(&app).len(), 1000);
    }

    fn long_names_take_more_lines_and_what_is_cut_is_named(store) {
        let app = start(store);
        let long = [
            "Maria da Conceição Almeida de Vasconcelos e Sousa Pinto Coelho Rodrigues da Silva",
            "Wolfeschlegelsteinhausen-Donaudampfschiffahrt",
        ];
        for (number, name) in long.iter().enumerate() {
            register_as(&app, number, json!({ "given_name": null, "family_name": null, "name": name }));
        }
        let organisation = "Permanent Delegation of the European Union and of the Organisations of the Region to the United Nations Office and other Bodies";
        register_as(&app, 3, json!({ "organisation": organisation }));
        let check = format!("{CONFERENCE}/badges/check");
        assert_eq!(app.admin("GET", &check, None).json(), json!({ "checked": 3, "data": [], "next": null }));
        if has_tool("pdftotext", "poppler-utils") {
            let printed = printed_text(&app, &app.admin("GET", &format!("{CONFERENCE}/badges.pdf"), None));
            for text in long.iter().chain([&organisation]) {
                // The tool takes a hyphen at the end of a line for one of its own.
                assert!(printed.replace('-', "").contains(&text.replace('-', "")), "{text}: {printed}");
            }
        }
        // A word that no line is long enough for is cut, and the badge is named.
        let word = "Donaudampfschiffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";
        let cut = register_as(&app, 4, json!({ "given_name": null, "family_name": word }));
        let data = app.admin("GET", &check, None).json()["data"].clone();
        assert_eq!((data.as_array().unwrap().len(), &data[0]["reference"]), (1, &cut["reference"]));
        let text = &data[0]["texts"][0];
        assert_eq!((&text["field"], &text["text"], &text["missing"]), (&json!("name"), &json!(word), &json!("")));
        let printed = text["printed"].as_str().unwrap();
        assert!(printed.strip_suffix('…').is_some_and(|kept| word.starts_with(kept)), "{printed}");
        let document = app.admin("GET", &format!("{CONFERENCE}/badges.pdf"), None);
        assert_eq!(document.header("unprintable-badges"), cut["reference"].as_str());
    }

    fn names_are_printed_as_they_are_written_or_the_badge_is_named(store) {
        let app = start(store);
        let names = [
            ("محمد", "عبد الله"), ("דוד", "כהן"), ("Նարեկ", "Մարտիրոսյան"), ("ნინო", "ანანიაშვილი"), ("አበበ", "ቢቂላ"),
            ("ខ្មែរ", "សុខា"), ("สมชาย", "ใจดี"), ("सुनीता", "शर्मा"), ("অমর্ত্য", "সেন"), ("செல்வன்", "குமார்"), ("Zoë", "😀"),
            ("Ada", "दत्त"),
        ];
        for (number, (given, family)) in names.iter().enumerate() {
            register_as(&app, number, json!({ "given_name": given, "family_name": family }));
        }
        let all = format!("{CONFERENCE}/badges/check");
        let complete = app.admin("GET", &all, None);
        assert_eq!((complete.status, complete.json()), (200, json!({ "checked": 12, "data": [], "next": null })));
        let document = app.admin("GET", &format!("{CONFERENCE}/badges.pdf"), None);
        assert_eq!((document.status, document.header("unprintable-badges")), (200, None));
        if has_tool("pdftotext", "poppler-utils") {
            let printed = printed_text(&app, &document);
            for (given, family) in names {
                assert!(printed.contains(&format!("{given} {family}")), "{given} {family}: {printed}");
            }
        }

        // What the program's fonts lack is named, with the fonts that have it; nothing is transliterated.
        let tanaka = register_as(&app, 20, json!({
            "given_name": "太郎", "family_name": "田中", "organisation": "Plenary 株式会社"
        }));
        let zoe = register_as(&app, 21, json!({ "given_name": "Zoë", "family_name": "Ünal 🦄" }));
        let check = app.admin("GET", &all, None).json();
        assert_eq!(check["checked"], 14);
        let entry = |receipt: &Value, texts: Value| json!({ "reference": receipt["reference"], "texts": texts });
        let of_tanaka = json!([
            { "field": "name", "text": "太郎 田中", "missing": "太郎田中", "printed": "", "fonts": ["Noto Sans CJK"] },
            {
                "field": "organisation", "text": "Plenary 株式会社", "missing": "株式会社", "printed": "Plenary",
                "fonts": ["Noto Sans CJK"]
            },
        ]);
        let of_zoe = json!([
            { "field": "name", "text": "Zoë Ünal 🦄", "missing": "🦄", "printed": "Zoë Ünal", "fonts": ["Noto Emoji"] }
        ]);
        let data = check["data"].as_array().unwrap();
        assert_eq!(data.len(), 2);
        assert!(data.contains(&entry(&tanaka, of_tanaka.clone())) && data.contains(&entry(&zoe, of_zoe)), "{check}");
        assert_eq!(app.admin("GET", &registration_path(&tanaka, "badge"), None).json()["unprintable"], of_tanaka);
        let document = app.admin("GET", &format!("{CONFERENCE}/badges.pdf"), None);
        let named = document.header("unprintable-badges").unwrap();
        let mut named: Vec<_> = named.split(", ").collect();
        named.sort_unstable();
        let mut due = [text(&tanaka["reference"]), text(&zoe["reference"])];
        due.sort();
        assert_eq!(named, due);
        if has_tool("pdftotext", "poppler-utils") {
            let one = app.admin("GET", &format!("{CONFERENCE}/badges.pdf?reference={}", text(&tanaka["reference"])), None);
            let printed = printed_text(&app, &one);
            assert!(printed.contains("Plenary") && !printed.contains("Tian") && !printed.contains("Tai"), "{printed}");
        }

        // The check takes the pages of the document.
        let first = app.admin("GET", &format!("{all}?limit=13"), None).json();
        let second = app.admin("GET", &text(&first["next"]), None).json();
        assert_eq!((&first["checked"], &second["checked"], &second["next"]), (&json!(13), &json!(1), &Value::Null));
        assert_eq!(app.admin("GET", &format!("{all}?limit=0"), None).faults(), ["?limit out_of_range"]);
    }

    fn badges_are_printed_in_order_of_names_with_readable_codes(store) {
        let app = start(store);
        let names = [
            ("Ban", "Ki-moon", "United Nations"), ("Ελένη", "Παπαδοπούλου", "Δημοκρατία"), ("محمد", "البرادعي", "الوكالة"),
            ("Đặng", "Žižek", "Université libre de Bruxelles"), ("Наталия", "Щербакова", "Мемориал"),
            ("基文", "潘", "联合国"), ("Wolfeschlegelsteinhausenbergerdorff", "Hubert-Blaine-Featherstonehaugh-Cholmondeley", "X"),
            ("Maria da Conceição Aparecida", "Rodrigues de Albuquerque e Silva Montenegro",
             "International Committee for the Coordination of Committees of International Committees and Agencies"),
            ("Ada", "Lovelace", "Analytical Society"),
        ];
        let receipts: Vec<_> = names.iter().enumerate().map(|(number, (given, family, organisation))| {
            let form = with_members(&person(number, "delegate"), json!({
                "given_name": given, "family_name": family, "organisation": organisation, "honorific": "H.E.", "country": "BE"
            }));
            let answer = app.post(&format!("{CONFERENCE}/registrations"), &form);
            assert_eq!(answer.status, 201, "{}", answer.text());
            answer.json()
        }).collect();
        let press = app.post(&format!("{CONFERENCE}/registrations"), &person(50, "press")).json();
        let first = app.admin("GET", &format!("{CONFERENCE}/badges.pdf?category=delegate&limit=8"), None);
        assert_eq!((first.status, first.header("content-type")), (200, Some("application/pdf")));
        let next = first.header("link").unwrap().split(['<', '>']).nth(1).unwrap().to_owned();
        let second = app.admin("GET", &next, None);
        assert_eq!((second.status, second.header("link")), (200, None));
        let one = app.admin("GET", &format!("{CONFERENCE}/badges.pdf?reference={}", text(&receipts[0]["reference"])), None);
        assert_eq!(one.status, 200);
        // A badge needs no zones, level, organisation or country; without people there is no sheet.
        let plain = app.admin("GET", &format!("{CONFERENCE}/badges.pdf?category=press"), None);
        assert_eq!(plain.status, 200);
        assert_eq!(app.admin("POST", &registration_path(&press, "cancel"), Some(&json!({}))).status, 200);
        let nobody = app.admin("GET", &format!("{CONFERENCE}/badges.pdf?category=press"), None);
        assert_eq!((nobody.status, nobody.body.starts_with(b"%PDF-")), (200, true));
        let faults = |query: &str| app.admin("GET", &format!("{CONFERENCE}/badges.pdf?{query}"), None).faults();
        assert_eq!(faults("limit=2001"), ["?limit out_of_range"]);
        assert_eq!(faults("category=nobody"), ["?category unknown_category"]);
        assert_eq!(faults("cursor=eA"), ["?cursor invalid_cursor"]);
        if has_tool("pdftoppm", "poppler-utils") && has_tool("zbarimg", "zbar-tools") {
            let mut printed_codes = Vec::new();
            for (number, answer) in [&first, &second].into_iter().enumerate() {
                let file = app.environment.folder.0.join(format!("{number}.pdf"));
                std::fs::write(&file, &answer.body).unwrap();
                let picture = app.environment.folder.0.join(number.to_string());
                run(Command::new("pdftoppm").args(["-r", "200", "-png", "-singlefile"]).arg(&file).arg(&picture));
                printed_codes.extend(read_codes(&picture.with_extension("png")));
                let words = run(Command::new("pdftotext").arg(&file).arg("-"));
                assert_eq!(words.contains("Ada Lovelace"), number == 0, "{words}");
                assert_eq!(words.contains("Щербакова"), number == 0, "{words}");
            }
            printed_codes.sort();
            let mut due: Vec<_> = receipts.iter().map(|receipt| code(&app, receipt)).collect();
            due.sort();
            assert_eq!(printed_codes, due);
        }
    }
}

/// A registration of a delegate with these fields.
fn register_as(app: &App, number: usize, fields: Value) -> Value {
    let form = with_members(&person(number, "delegate"), fields);
    let answer = app.post(&format!("{CONFERENCE}/registrations"), &form);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// The text of a document in the order of reading, its words separated by one space, without marks of direction.
fn printed_text(app: &App, document: &Answer) -> String {
    let file = app.environment.folder.0.join("badges.pdf");
    std::fs::write(&file, &document.body).unwrap();
    let words = run(Command::new("pdftotext").arg(&file).arg("-"));
    let is_mark =
        |letter: &char| matches!(letter, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let words: String = words.chars().filter(|letter| !is_mark(letter)).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The fonts of an operator: a folder with a collection, a font with many weights, a broken font, and what is no font.
#[test]
fn the_operator_s_fonts_print_what_the_program_s_lack_and_broken_ones_are_named() {
    let fonts = crate::support::app::Folder::create();
    for name in ["NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc", "NotoSansSundanese-VF.ttf"] {
        std::fs::create_dir_all(fonts.0.join("more")).unwrap();
        std::fs::copy(repository().join("tests/fixtures/fonts").join(name), fonts.0.join("more").join(name)).unwrap();
    }
    let whole = std::fs::read(fonts.0.join("more/NotoSansCJK-Bold.ttc")).unwrap();
    std::fs::write(fonts.0.join("cut.ttc"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(fonts.0.join("broken.ttf"), "no font").unwrap();
    std::fs::write(fonts.0.join("README"), "no font either").unwrap();
    let folder = fonts.0.to_str().unwrap();
    let mut app = Environment::new(Store::Sqlite).set("PLENARY_BADGE_FONTS", folder).start();
    app.publish(&conference());
    let names =
        [("太郎", "田中", "JP"), ("偉真", "张", "CN"), ("철수", "김", "KR"), ("ᮃᮘ", "ᮓᮔ", "ID"), ("真", "Ada", "TW")];
    for (number, (given, family, country)) in names.iter().enumerate() {
        register_as(&app, number, json!({ "given_name": given, "family_name": family, "country": country }));
    }
    let check = app.admin("GET", &format!("{CONFERENCE}/badges/check"), None).json();
    assert_eq!(check, json!({ "checked": 5, "data": [], "next": null }));
    let document = app.admin("GET", &format!("{CONFERENCE}/badges.pdf"), None);
    assert_eq!((document.status, document.header("unprintable-badges")), (200, None));
    if has_tool("pdftotext", "poppler-utils") {
        let printed = printed_text(&app, &document);
        for (given, family, _) in names {
            assert!(printed.contains(&format!("{given} {family}")), "{given} {family}: {printed}");
        }
    }
    app.terminate();
    let log = app.log.all().join("\n");
    let line_of = |file: &str| log.lines().find(|line| line.contains(file)).unwrap_or_default().to_owned();
    assert!(line_of("broken.ttf").contains("badge_fonts: this font file is not used"), "{log}");
    assert!(line_of("cut.ttc").contains("badge_fonts: this font file is not used"), "{log}");
    assert!(!log.contains("README") && log.contains("read the fonts of badges"), "{log}");

    // A folder without fonts, or none at all, stops the start.
    for (folder, why) in [(fonts.0.join("none"), "No such file"), (repository().join("docs"), "no font")] {
        let environment = Environment::new(Store::Sqlite).set("PLENARY_BADGE_FONTS", folder.to_str().unwrap());
        let ended = environment.run(&["serve"]);
        let printed = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && printed.contains("badge_fonts") && printed.contains(why), "{printed}");
    }
}

/// The picture of a code, eight points a module, as PGM: its path is nothing but rectangles of one module's height.
fn raster(svg: &str) -> Vec<u8> {
    let side: usize = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let mut dark = vec![false; side * side];
    let path = svg.split("<path d=\"").nth(1).unwrap().split('"').next().unwrap();
    for run in path.split('M').skip(1) {
        let numbers: Vec<usize> = run.split([' ', 'h', 'v']).take(3).map(|number| number.parse().unwrap()).collect();
        let start = numbers[1] * side + numbers[0];
        dark[start..start + numbers[2]].fill(true);
    }
    let mut picture = format!("P5 {} {} 255\n", side * 8, side * 8).into_bytes();
    for row in dark.chunks(side) {
        let line: Vec<u8> = row.iter().flat_map(|dark| [if *dark { 0 } else { 255 }; 8]).collect();
        (0..8).for_each(|_| picture.extend(&line));
    }
    picture
}
