//! The end: what nobody can do any more when a conference or a session is over, and what its pages say.

use chrono::{Days, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{
    App,
    app::{Environment, person, small_conference},
    on_both_stores,
};

const CONFERENCE: &str = "/api/v1/conferences/small";
const REGISTRATIONS: &str = "/api/v1/conferences/small/registrations";
const SETUP: &str = "/api/v1/conferences/small/registration-setup";

/// A conference of 2014 with every way to a seat, for which people can still register.
fn past() -> Value {
    let text = small_conference(None, None).to_string().replace("2030-05-0", "2014-05-0");
    let mut blueprint: Value = serde_json::from_str(&text).unwrap();
    blueprint["sessions"].as_array_mut().unwrap().push(json!({
        "code": "workshop", "kind": "parallel", "title": "Workshop", "access": "sign_up", "seats": 1,
        "starts_at": "2014-05-01T11:00", "ends_at": "2014-05-01T12:00"
    }));
    blueprint["registration"] = json!({
        "open_after_end": true,
        "categories": [
            { "code": "delegate", "name": "Delegate", "seats": 1 },
            { "code": "press", "name": "Press", "seats": 1, "offer_hours": 48 },
            { "code": "academic", "name": "Academic", "needs_approval": true },
            { "code": "guest", "name": "Guest" }
        ]
    });
    blueprint
}

fn register(app: &App, number: usize, category: &str) -> Value {
    let answer = app.post(REGISTRATIONS, &person(number, category));
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn reference(receipt: &Value) -> &str {
    receipt["reference"].as_str().unwrap()
}

fn read(app: &App, receipt: &Value) -> Value {
    app.admin("GET", &format!("{REGISTRATIONS}/{}", reference(receipt)), None).json()
}

fn state(app: &App, receipt: &Value) -> String {
    read(app, receipt)["status"].as_str().unwrap().to_owned()
}

fn put_setup(app: &App, change: impl FnOnce(&mut Value)) {
    let mut setup = app.admin("GET", SETUP, None).json();
    change(&mut setup);
    let put = app.admin("PUT", SETUP, Some(&setup));
    assert_eq!(put.status, 200, "{}", put.text());
}

on_both_stores! {
    fn nobody_is_registered_promoted_or_confirmed_after_the_end(store) {
        let app = Environment::new(store).start();
        app.publish(&past());
        let (seated, waiting) = (register(&app, 1, "delegate"), register(&app, 2, "delegate"));
        let (left, offered) = (register(&app, 3, "press"), register(&app, 4, "press"));
        let pending = register(&app, 5, "academic");
        let register_before_end = register(&app, 8, "guest");
        let act = |receipt: &Value, action: &str, body: Value| {
            app.admin("POST", &format!("{REGISTRATIONS}/{}/{action}", reference(receipt)), Some(&body))
        };
        assert_eq!(act(&left, "cancel", json!({})).status, 200);
        assert!(read(&app, &offered)["offer_expires_at"].is_string());
        let sessions = |receipt: &Value, codes: Value| {
            let path = format!("{REGISTRATIONS}/{}/sessions", reference(receipt));
            app.admin("PUT", &path, Some(&json!({ "sessions": codes })))
        };
        assert_eq!(sessions(&seated, json!(["workshop"])).status, 200, "the set-up says that it goes on");
        put_setup(&app, |setup| setup["categories"][0]["verifies_email"] = json!(true));
        assert_eq!(app.post(REGISTRATIONS, &person(6, "delegate")).status, 202);
        let unverified = app.admin("GET", &format!("{REGISTRATIONS}?q=person-6"), None).json()["data"][0].clone();
        let delegation = json!({
            "code": "belgium", "kind": "member_state", "country": "BE", "category": "academic",
            "focal_point": { "name": "Focal Point", "email": "mission@example.org", "language": "en" }
        });
        assert_eq!(app.admin("POST", &format!("{CONFERENCE}/delegations"), Some(&delegation)).status, 201);
        let invite_focal_point = || {
            app.admin("POST", &format!("{CONFERENCE}/delegations/belgium/invite-focal-point"), Some(&json!({})))
        };
        let invited = invite_focal_point().json();
        let token = invited["link"].as_str().unwrap().split_once("?token=").unwrap().1.to_owned();
        let send_member = |part: &str, number: usize| {
            let mut member = person(number, "");
            member.as_object_mut().unwrap().remove("category");
            app.post(&format!("{CONFERENCE}/delegations/belgium/members{part}?token={token}"), &member)
        };
        let member = send_member("", 18);
        assert_eq!(member.status, 201, "{}", member.text());
        let replace = format!("/{}/replace", reference(&member.json()));
        let invitations = format!("{CONFERENCE}/invitations");
        let early_guest = json!({ "kind": "personal", "email": "early@example.org", "category": "press" });
        let sent = app.admin("POST", &invitations, Some(&early_guest)).json();
        let listed = |status: &str| {
            let list = app.admin("GET", &format!("{invitations}?status={status}"), None).json();
            list["data"].as_array().unwrap().iter().map(|found| found["id"].clone()).collect::<Vec<_>>()
        };
        let one = || {
            let view = app.admin("GET", &format!("{invitations}/{}", sent["id"].as_str().unwrap()), None).json();
            (view["status"].clone(), view["code"].clone())
        };
        assert_eq!((listed("open"), listed("over")), (vec![sent["id"].clone()], vec![]));

        put_setup(&app, |setup| setup["open_after_end"] = json!(false));
        let form = app.get(&format!("{CONFERENCE}/registration-form")).json();
        assert_eq!((&form["open"], &form["is_over"], &form["sessions"]), (&json!(false), &json!(true), &json!([])));
        let refused = app.post(REGISTRATIONS, &person(7, "press"));
        assert_eq!(refused.problem(), (409, "registration-closed".to_owned()));
        assert!(refused.text().contains("the conference is over"), "{}", refused.text());
        let over = (409, "conference-over".to_owned());
        assert_eq!(act(&waiting, "promote", json!({})).problem(), over);
        assert_eq!(act(&offered, "accept", json!({})).problem(), over);
        assert_eq!(act(&unverified, "verify", json!({})).problem(), over);
        let approval = json!({ "references": [reference(&pending)] });
        assert_eq!(app.admin("POST", &format!("{REGISTRATIONS}/approve"), Some(&approval)).problem(), over);
        let invitation = json!({ "kind": "personal", "email": "guest@example.org", "category": "press" });
        assert_eq!(app.admin("POST", &invitations, Some(&invitation)).problem(), over);
        let bearer = app.authorization();
        let headers = [("authorization", bearer.as_str()), ("content-type", "text/csv")];
        let batch = app.send("POST", &format!("{invitations}/batch"), &headers, Some("email\ntable@example.org\n"));
        assert_eq!(batch.problem(), over);
        assert_eq!((listed("open"), listed("over")), (vec![], vec![sent["id"].clone()]), "what was sent is void");
        assert_eq!(one(), (json!("over"), Value::Null));
        assert_eq!(send_member("", 19).problem(), (409, "registration-closed".to_owned()));
        assert_eq!(send_member(&replace, 19).problem(), over);
        assert_eq!(invite_focal_point().problem(), over);
        let session_over = sessions(&pending, json!(["workshop"]));
        assert_eq!(session_over.faults(), ["#/sessions/0 session_over"]);
        assert_eq!(sessions(&seated, json!([])).status, 200);
        assert_eq!(read(&app, &seated)["sessions"][0]["session"], "workshop", "what was stays");
        assert_eq!(app.admin("POST", &format!("{REGISTRATIONS}/reject"), Some(&approval)).status, 200, "a decision without a seat");
        assert_eq!(act(&seated, "cancel", json!({})).status, 200);
        assert_eq!(state(&app, &waiting), "waitlisted", "the free seat is given to nobody");
        let doctor = app.environment.run(&["doctor"]);
        assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));

        // The registrar records who came all the same.
        let table = "given_name,family_name,email,category,status\nLate,Comer,late@example.org,press,confirmed\n";
        let headers = [("authorization", app.authorization()), ("content-type", "text/csv".to_owned())];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let withdrawn = act(&offered, "cancel", json!({}));
        assert_eq!(withdrawn.status, 200, "{}", withdrawn.text());
        let imported = app.send("POST", &format!("{REGISTRATIONS}/import?consent=On%20paper"), &headers, Some(table));
        assert_eq!((imported.status, &imported.json()["imported"]), (200, &json!(1)), "{}", imported.text());
        let walk_in = json!({
            "category": "academic", "name": "Amina Diallo", "language": "en", "consent": "shown", "reason": "Came at noon"
        });
        let recorded = app.admin("POST", &format!("{REGISTRATIONS}/on-behalf"), Some(&walk_in));
        assert_eq!((recorded.status, &recorded.json()["status"]), (201, &json!("confirmed")), "{}", recorded.text());
        assert_eq!((&recorded.json()["full_name"], &recorded.json()["email"]), (&json!("Amina Diallo"), &Value::Null));

        // Nobody waits for what cannot come, and no letter says how to come, or that a seat may become free.
        let letters = || app.count("SELECT count(*) AS n FROM outbox_messages");
        let before = letters();
        let full = json!({
            "category": "press", "name": "Too Late", "email": "too-late@example.org", "language": "en", "consent": "shown", "reason": "Came"
        });
        let refused = app.admin("POST", &format!("{REGISTRATIONS}/on-behalf"), Some(&full));
        assert_eq!(refused.problem(), (409, "registration-full".to_owned()), "{}", refused.text());
        let mut seen = walk_in;
        seen["name"] = json!("Seen Someone");
        seen["email"] = json!("seen@example.org");
        assert_eq!(app.admin("POST", &format!("{REGISTRATIONS}/on-behalf"), Some(&seen)).json()["status"], "confirmed");
        let late = app.admin("GET", &format!("{REGISTRATIONS}?q=late"), None).json()["data"][0].clone();
        assert_eq!(act(&late, "cancel", json!({})).status, 200);
        assert_eq!(letters(), before);
        let reminder = json!({ "kind": "reminder", "audience": {} });
        assert_eq!(app.admin("POST", &format!("{CONFERENCE}/mail/broadcasts"), Some(&reminder)).problem(), over);
        // Who was there was there: people correct what is kept of them, and do not undo it.
        let last = register_before_end;
        let link = app.path_of(last["links"]["self"].as_str().unwrap()).to_owned();
        let own_page = app.browse(&link);
        assert!(own_page.text().contains("Change your registration") && !own_page.text().contains("Cancel my registration"), "{}", own_page.text());
        let token = link.split_once("token=").unwrap().1;
        let undone = app.post(&format!("{REGISTRATIONS}/{}/cancel?token={token}", reference(&last)), &json!({}));
        assert_eq!(undone.problem(), over);
        let doctor = app.environment.run(&["doctor"]);
        assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));

        let page = |path: &str| app.browse(&format!("/conferences/small/en{path}")).text().to_owned();
        let front = page("");
        assert!(front.contains("This conference is over.") && !front.contains("/en/register"), "{front}");
        assert!(!front.contains("This is a demonstration"), "{front}");
        assert!(page("/register").contains("You can no longer register."), "{}", page("/register"));
        assert!(page("/programme").contains("Opening"), "what was is still shown");
        let own = app.browse(app.path_of(waiting["links"]["self"].as_str().unwrap()));
        assert!(own.text().contains("The conference is over. You can still correct what we keep of you."), "{}", own.text());
        assert!(!own.text().contains("When a seat becomes free for you"), "{}", own.text());

        put_setup(&app, |setup| setup["open_after_end"] = json!(true));
        assert_eq!(state(&app, &waiting), "confirmed", "with the set-up that goes on");
        assert_eq!(one(), (json!("open"), sent["code"].clone()));
        assert_eq!(listed("open"), [sent["id"].clone()]);
    }

    fn offers_and_the_time_to_verify_an_address_end_with_the_conference(store) {
        let app = Environment::new(store).start();
        let tomorrow = Utc::now().date_naive() + Days::new(1);
        let text = small_conference(None, Some(1)).to_string();
        let text = text.replace("2030-05-01", &tomorrow.to_string()).replace("2030-05-02", &tomorrow.to_string());
        let mut blueprint: Value = serde_json::from_str(&text.replace("Europe/Brussels", "Etc/UTC")).unwrap();
        let days = [json!({ "date": tomorrow.to_string(), "changeover": "04:00" })];
        blueprint["days"] = json!(days);
        // Two hours longer than the day.
        blueprint["sessions"][0]["starts_at"] = json!(format!("{tomorrow}T22:00"));
        blueprint["sessions"][0]["ends_at"] = json!(format!("{}T06:00", tomorrow + Days::new(1)));
        blueprint["registration"]["categories"][1]["offer_hours"] = json!(200);
        app.publish(&blueprint);
        let (seated, waiting) = (register(&app, 1, "press"), register(&app, 2, "press"));
        let cancelled = app.admin("POST", &format!("{REGISTRATIONS}/{}/cancel", reference(&seated)), Some(&json!({})));
        assert_eq!(cancelled.status, 200);
        let ends_at = (tomorrow + Days::new(1)).and_hms_opt(6, 0, 0).unwrap().and_utc();
        let ends_at = ends_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        assert_eq!(read(&app, &waiting)["offer_expires_at"], ends_at);
        put_setup(&app, |setup| {
            setup["verification_hours"] = json!(200);
            setup["categories"][0]["verifies_email"] = json!(true);
        });
        assert_eq!(app.post(REGISTRATIONS, &person(3, "delegate")).status, 202);
        let unverified = app.admin("GET", &format!("{REGISTRATIONS}?q=person-3"), None).json()["data"][0].clone();
        assert_eq!(read(&app, &unverified)["expires_at"], ends_at);
    }

    fn nobody_signs_up_for_a_session_that_is_over(store) {
        let app = Environment::new(store).start();
        let now = Utc::now();
        let day = |days: i64| (now + TimeDelta::days(days)).date_naive().to_string();
        let text = small_conference(None, None).to_string();
        let text = text.replace("2030-05-01", &day(-2)).replace("2030-05-02", &day(2)).replace("Europe/Brussels", "Etc/UTC");
        let mut blueprint: Value = serde_json::from_str(&text).unwrap();
        let workshop = |code: &str, date: &str| {
            json!({ "code": code, "kind": "parallel", "title": code, "access": "sign_up", "seats": 5,
                    "starts_at": format!("{date}T11:00"), "ends_at": format!("{date}T12:00") })
        };
        blueprint["sessions"].as_array_mut().unwrap().extend([workshop("past", &day(-2)), workshop("future", &day(2))]);
        app.publish(&blueprint);
        let form = app.get(&format!("{CONFERENCE}/registration-form")).json();
        let codes: Vec<_> = form["sessions"].as_array().unwrap().iter().map(|session| &session["code"]).collect();
        assert_eq!(codes, ["future"]);
        let mut application = person(1, "delegate");
        application["sessions"] = json!(["future", "past"]);
        assert_eq!(app.post(REGISTRATIONS, &application).faults(), ["#/sessions/1 session_over"]);
        application["sessions"] = json!(["future"]);
        assert_eq!(app.post(REGISTRATIONS, &application).status, 201);
        let page = |code: &str| app.browse(&format!("/conferences/small/en/sessions/{code}")).text().to_owned();
        let aside = |page: String| page.split("<aside").nth(1).unwrap().split("</aside>").next().unwrap().to_owned();
        assert!(aside(page("future")).contains("/en/register"));
        assert!(!aside(page("past")).contains("/en/register"));
    }

    fn the_example_says_that_it_is_a_demonstration_and_a_copy_does_not(store) {
        let app = App::with_example(store);
        let example = "/api/v1/conferences/genocide-prevention-2014";
        assert_eq!(app.get(example).json()["is_demonstration"], true);
        let front = app.browse("/conferences/genocide-prevention-2014/fr");
        assert!(front.text().contains("Ceci est une démonstration."), "{}", front.text());
        assert!(front.text().contains("Cette conférence est terminée.") && front.text().contains("/fr/register"), "{}", front.text());
        assert_eq!(app.post(&format!("{example}/registrations"), &person(1, "delegate")).status, 201);
        let request = json!({ "slug": "next", "starts_on": "2015-03-30" });
        assert_eq!(app.admin("POST", &format!("{example}/copy"), Some(&request)).status, 201);
        let copy = app.admin("GET", "/api/v1/conferences/next/blueprint", None).json();
        assert_eq!((&copy["conference"]["is_demonstration"], &copy["registration"]["open_after_end"]), (&json!(false), &json!(false)));
        // The file that organisers start from is a conference of its own, without either.
        let template = crate::support::app::repository().join("config/template.yaml");
        let applied = app.environment.run(&["apply", &template.display().to_string()]);
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let started = app.admin("GET", "/api/v1/conferences/my-conference/blueprint", None).json();
        assert_eq!((&started["conference"]["is_demonstration"], &started["registration"]["open_after_end"]), (&json!(false), &json!(false)));
        let conflicts = app.admin("GET", "/api/v1/conferences/my-conference/agenda/conflicts", None).json();
        assert_eq!(conflicts["data"], json!([]), "it can be released");
    }
}
