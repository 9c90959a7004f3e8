//! Several people behind one address, as where a mission registers its delegates with its own.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::{
    Answer, App,
    app::{Environment, small_conference},
    on_both_stores, smtp,
    smtp::Smtp,
};

const CONFERENCE: &str = "/api/v1/conferences/small";
const MAILBOX: &str = "mission@example.org";

/// `delegate` allows that people share an address, `press` does not.
fn conference() -> Value {
    let mut blueprint = small_conference(None, None);
    blueprint["registration"]["categories"][0]["shared_mailbox"] = json!(true);
    blueprint
}

fn form(given_name: &str, family_name: &str, category: &str) -> Value {
    json!({
        "category": category, "given_name": given_name, "family_name": family_name, "email": MAILBOX, "consent": true,
        "organisation": "Mission"
    })
}

fn register(app: &App, form: &Value) -> Answer {
    app.post(&format!("{CONFERENCE}/registrations"), form)
}

fn register_successfully(app: &App, form: &Value) -> Value {
    let answer = register(app, form);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn refused() -> (u16, String) {
    (409, "already-registered".to_owned())
}

/// The address may be used, but not twice by one name.
fn refused_by_name() -> (u16, String) {
    (409, "name-registered".to_owned())
}

fn texts(app: &App, statement: &str) -> Vec<String> {
    app.environment.database.texts(statement)
}

fn assert_healthy(app: &App) {
    let doctor = app.environment.run(&["doctor"]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
}

on_both_stores! {
    fn a_person_of_a_mailbox_is_one_person_in_parts_and_as_a_whole_name(store) {
        let app = Environment::new(store).start();
        app.publish(&conference());
        let whole = |name: &str| json!({ "category": "delegate", "name": name, "email": MAILBOX, "consent": true });
        let ana = register_successfully(&app, &form("Ana", "Lima", "delegate"));
        assert_eq!(register(&app, &whole("Ana Lima")).problem(), refused_by_name());
        assert_eq!(register(&app, &form("Lima", "Ana", "delegate")).problem(), refused_by_name());
        register_successfully(&app, &whole("王小明"));
        assert_eq!(register(&app, &form("小明", "王", "delegate")).problem(), refused_by_name());
        let bob = register_successfully(&app, &whole("Bob Noyce"));
        let path = format!("{CONFERENCE}/registrations/{}", bob["reference"].as_str().unwrap());
        let renamed = json!({ "name": null, "given_name": "Ana", "family_name": "Lima" });
        assert_eq!(app.admin("PATCH", &path, Some(&renamed)).problem(), refused_by_name());
        let own = json!({ "name": "Lima Ana", "given_name": null, "family_name": null });
        let path = format!("{CONFERENCE}/registrations/{}", ana["reference"].as_str().unwrap());
        assert_eq!(app.admin("PATCH", &path, Some(&own)).status, 200, "nobody is in their own way");
        // A table that names the same people otherwise brings nobody twice.
        let headers = [("authorization", app.authorization()), ("content-type", "text/csv".to_owned())];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let import = |query: &str, table: String| {
            app.send("POST", &format!("{CONFERENCE}/registrations/import?consent=On%20paper&{query}"), &headers, Some(&table))
        };
        let row = format!("Ana Lima,{MAILBOX},delegate,confirmed\n");
        let table = format!("name,email,category,status\n{row}");
        assert_eq!(import("", table.clone()).faults(), ["row 2, column email already_registered"]);
        assert_eq!(import("mode=skip", table).json()["skipped"], 1);
        let twice = format!("name,given_name,family_name,email,category,status\nEve Moneypenny,,,{MAILBOX},delegate,confirmed\n,Eve,Moneypenny,{MAILBOX},delegate,confirmed\n");
        assert_eq!(import("", twice).faults(), ["row 3, column email duplicate"]);
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 3);
        assert_healthy(&app);
    }

    fn people_of_one_mailbox_have_registrations_links_and_letters_of_their_own(store) {
        let app = Environment::new(store).start();
        app.publish(&conference());
        let ada = register_successfully(&app, &form("Ada", "Lovelace", "delegate"));
        let bob = register_successfully(&app, &form("Bob", "Noyce", "delegate"));
        for (receipt, name) in [(&ada, "Ada"), (&bob, "Bob")] {
            let own = app.get(app.path_of(receipt["links"]["self"].as_str().unwrap())).json();
            assert_eq!((&own["given_name"], &own["email"]), (&json!(name), &json!(MAILBOX)));
        }
        assert_eq!(register(&app, &form("ÀDA", "lovelace", "delegate")).problem(), refused_by_name());
        // Somebody who does not share the address may stand beside those who do, under another name.
        assert_eq!(register(&app, &form("Bob", "Noyce", "press")).problem(), refused_by_name());
        let cyd = register_successfully(&app, &form("Cyd", "Charisse", "press"));
        let other = register(&app, &form("Dee", "Dee", "press"));
        assert_eq!(other.problem(), refused());
        assert!(other.json()["detail"].as_str().unwrap().contains("registration-links"), "{}", other.text());

        let again = json!({ "email": MAILBOX });
        for _ in 0..2 {
            assert_eq!(app.post(&format!("{CONFERENCE}/registration-links"), &again).status, 202);
        }
        let reference = |receipt: &Value| receipt["reference"].as_str().unwrap().to_owned();
        let mut linked = texts(&app, "SELECT content ->> 'reference' AS n FROM outbox_messages WHERE kind = 'link'");
        linked.sort();
        let mut everybody = [&ada, &bob, &cyd].map(reference);
        everybody.sort();
        assert_eq!(linked, everybody, "each gets their own link, once in ten minutes");
        let own_link = ada["links"]["self"].as_str().unwrap().replace('?', "/data?");
        let data = app.get(app.path_of(&own_link)).json();
        let kinds: Vec<_> = data["messages"].as_array().unwrap().iter().map(|message| message["kind"].clone()).collect();
        assert_eq!(kinds, ["confirmed", "link"], "the letters of the others are not hers");

        let path = |receipt: &Value| format!("{CONFERENCE}/registrations/{}", reference(receipt));
        let named_ada = json!({ "given_name": "Ada", "family_name": "Lovelace" });
        assert_eq!(app.admin("PATCH", &path(&bob), Some(&named_ada)).problem(), refused_by_name());
        assert_eq!(app.admin("PATCH", &path(&cyd), Some(&named_ada)).problem(), refused_by_name());
        assert_eq!(app.admin("GET", &format!("{CONFERENCE}/duplicates"), None).json()["data"], json!([]));
        assert_healthy(&app);

        // After a cancellation the same person may register anew; colleagues are not touched.
        assert_eq!(app.post(app.path_of(ada["links"]["cancel"].as_str().unwrap()), &json!({})).status, 200);
        register_successfully(&app, &form("Ada", "Lovelace", "delegate"));
        assert_eq!(app.admin("GET", &path(&bob), None).json()["status"], "confirmed");
        assert_healthy(&app);
        app.environment.database.execute("DROP INDEX registrations_live_person_key");
        app.environment.database.execute("UPDATE registrations SET name_folded = 'lovelace ada' WHERE given_name = 'Bob'");
        let report = app.environment.run(&["doctor"]);
        let report = String::from_utf8_lossy(&report.stdout).into_owned();
        assert!(report.contains("has address and name of 1 other live ones"), "{report}");
    }

    fn one_person_of_a_mailbox_registers_once_however_many_try_at_once(store) {
        let app = Environment::new(store).start();
        app.publish(&conference());
        let answers = Mutex::new(Vec::new());
        let races = [("delegate", "delegate"), ("delegate", "press"), ("press", "delegate")];
        for (number, categories) in races.iter().enumerate() {
            std::thread::scope(|scope| {
                for category in [categories.0, categories.1, categories.0, categories.1] {
                    let (app, answers) = (&app, &answers);
                    let form = form("Ada", &format!("Number {number}"), category);
                    scope.spawn(move || answers.lock().unwrap().push((number, register(app, &form).status)));
                }
            });
        }
        let answers = answers.into_inner().unwrap();
        for number in 0..races.len() {
            let registered = answers.iter().filter(|answer| **answer == (number, 201)).count();
            let refused = answers.iter().filter(|answer| **answer == (number, 409)).count();
            assert_eq!((registered, refused), (1, 3), "{answers:?}");
        }
        assert_healthy(&app);
    }

    fn a_public_answer_says_nothing_about_a_shared_mailbox_and_nobody_floods_it(store) {
        let app = Environment::new(store).start();
        let mut blueprint = conference();
        blueprint["registration"]["categories"][0]["verifies_email"] = json!(true);
        app.publish(&blueprint);
        let answers: Vec<_> = (0..22).map(|number| register(&app, &form("Ada", &format!("Number {number}"), "delegate"))).collect();
        let repeated = register(&app, &form("Ada", "Number 0", "delegate"));
        let pressed = register(&app, &form("Ada", "Number 1", "press"));
        let all = answers.iter().chain([&repeated, &pressed]);
        assert!(all.map(|answer| (answer.status, answer.text())).all(|answer| answer == (202, repeated.text())));
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 20);
        let kinds = texts(&app, "SELECT DISTINCT kind AS n FROM outbox_messages ORDER BY kind");
        assert_eq!(kinds, ["link", "received"]);
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages WHERE kind = 'received'"), 20);
    }

    fn a_broadcast_reaches_each_person_and_an_unsubscription_is_the_mailbox_s(store) {
        if !smtp::is_available() {
            return;
        }
        let smtp = Smtp::start();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &smtp.url()).start();
        app.publish(&conference());
        let receipts: Vec<_> =
            ["Ada", "Bob", "Cyd"].map(|name| register_successfully(&app, &form(name, "Lee", "delegate"))).to_vec();
        let mut subjects: Vec<_> = smtp.wait_for(3).iter().map(|letter| letter.subject()).collect();
        subjects.sort();
        let confirmed = |name: &str| format!("Your registration is confirmed: Small conference ({name} Lee)");
        assert_eq!(subjects, ["Ada", "Bob", "Cyd"].map(confirmed));
        let broadcasts = format!("{CONFERENCE}/mail/broadcasts");
        let act = |id: &str, action: &str, body: &Value| app.admin("POST", &format!("{broadcasts}/{id}/{action}"), Some(body));
        let draft = |per_minute: u32| {
            let request = json!({
                "subject": "News", "body": "Come early.", "per_minute": per_minute, "audience": { "state": "confirmed,cancelled" }
            });
            app.admin("POST", &broadcasts, Some(&request)).json()["id"].as_str().unwrap().to_owned()
        };
        let id = draft(600);
        let counted = app.admin("GET", &format!("{broadcasts}/{id}/recipients"), None).json();
        assert_eq!(counted["count"], 3);
        assert_eq!(act(&id, "send", &json!({ "expected": 3 })).status, 200);
        let letters = smtp.wait_for(3);
        let mut subjects: Vec<_> = letters.iter().map(|letter| letter.subject()).collect();
        subjects.sort();
        assert_eq!(subjects, ["News (Ada Lee)", "News (Bob Lee)", "News (Cyd Lee)"]);
        let text = letters[0].data.replace("=\r\n", "").replace("=\n", "");
        assert!(text.contains("If you stop the announcements, they stop for everybody at this address."), "{text}");

        // One of three leaves while the next broadcast is on its way: the others still get theirs.
        let id = draft(1);
        assert_eq!(act(&id, "send", &json!({})).status, 200);
        let waiting = "SELECT count(*) AS n FROM outbox_messages WHERE broadcast_id IS NOT NULL AND state = 'waiting'";
        assert_eq!(smtp.wait_for(1)[0].subject(), "News (Ada Lee)");
        assert_eq!(app.post(app.path_of(receipts[1]["links"]["cancel"].as_str().unwrap()), &json!({})).status, 200);
        assert_eq!(app.count(waiting), 1);
        smtp.wait_for(1);
        // Who unsubscribes does so for the mailbox.
        let link = letters[0].header("List-Unsubscribe").unwrap();
        let link = link.trim_matches(['<', '>']);
        let answer = app.post(app.path_of(link), &json!({}));
        assert_eq!(answer.json(), json!({ "announcements": false, "is_shared_mailbox": true }));
        assert_eq!(app.count(waiting), 0);
        let page = app.browse(app.path_of(link)).text().to_owned();
        assert!(page.contains("applies to all of them"), "{page}");
        let counted = app.admin("GET", &format!("{broadcasts}/{}/recipients", draft(600)), None).json();
        assert_eq!((&counted["count"], &counted["left_out"]), (&json!(0), &json!(3)));
        assert_healthy(&app);
    }

    fn a_delegation_may_share_its_mailbox_and_tables_tell_its_members_apart(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["registration"]["categories"][1]["shared_mailbox"] = json!(true);
        app.publish(&blueprint);
        let request = json!({ "kind": "member_state", "country": "RW", "category": "delegate" });
        let created = app.admin("POST", &format!("{CONFERENCE}/delegations"), Some(&request)).json();
        assert_eq!(created["shared_mailbox"], false);
        let member = |given_name: &str| {
            let mut member = form(given_name, "Kagame", "");
            member.as_object_mut().unwrap().remove("category");
            app.admin("POST", &format!("{CONFERENCE}/delegations/rw/members"), Some(&member))
        };
        assert_eq!(member("Ada").status, 201);
        assert_eq!(member("Bob").problem(), refused());
        let allowed = app.admin("PATCH", &format!("{CONFERENCE}/delegations/rw"), Some(&json!({ "shared_mailbox": true })));
        assert_eq!((allowed.status, &allowed.json()["shared_mailbox"]), (200, &json!(true)));
        let bob = member("Bob").json();
        assert_eq!(member("Bob").problem(), refused_by_name());
        // A change of name tells the rest apart, too.
        let path = format!("{CONFERENCE}/delegations/rw/members/{}", bob["reference"].as_str().unwrap());
        assert_eq!(app.admin("PATCH", &path, Some(&json!({ "given_name": "Ada" }))).problem(), refused_by_name());
        assert_eq!(app.admin("PATCH", &path, Some(&json!({ "given_name": "Bo" }))).status, 200);
        assert_eq!(app.admin("PATCH", &path, Some(&json!({ "level": "minister" }))).status, 200);
        let send = |path: &str, table: &str| {
            let headers = [("content-type", "text/csv"), ("authorization", &app.authorization())];
            app.send("POST", &format!("{CONFERENCE}/{path}"), &headers, Some(table))
        };
        let people = |names: &[&str]| {
            let rows = names.iter().map(|name| format!("{name},Kagame,{MAILBOX}\n"));
            std::iter::once("given_name,family_name,email\n".to_owned()).chain(rows).collect::<String>()
        };
        let faults = send("delegations/rw/members/import?consent=true", &people(&["Cyd", "Cyd", "Ada"])).faults();
        assert_eq!(faults, ["line 3/email duplicate", "line 4/email already_registered"]);
        assert_eq!(send("delegations/rw/members/import?consent=true", &people(&["Cyd", "Dan"])).status, 200);

        let query = "registrations/import?consent=on+paper&category=press&mode=skip";
        let imported = send(query, &people(&["Ada", "Eve", "Fay"])).json();
        assert_eq!((&imported["imported"], &imported["skipped"]), (&json!(2), &json!(1)));
        let imported = send(query, &people(&["Eve", "Fay"])).json();
        assert_eq!((&imported["imported"], &imported["skipped"]), (&json!(0), &json!(2)));

        let guests = |rows: &str| send("invitations/batch", &format!("email,name,category\n{rows}"));
        let faults = guests(&format!("{MAILBOX},Fay Kagame,press\n{MAILBOX},Gil Kagame,delegate\n")).faults();
        assert_eq!(faults, ["line 2/email already_registered", "line 3/email already_registered"]);
        let invited = guests(&format!("{MAILBOX},Gil Kagame,press\n{MAILBOX},Hal Kagame,press\n"));
        assert_eq!(invited.status, 200, "{}", invited.text());
        assert_eq!(guests(&format!("{MAILBOX},Kagame Gil,press\n")).faults(), ["line 2/email already_invited"]);
        assert_healthy(&app);
    }

    fn a_focal_point_reads_that_members_may_share_the_mission_s_address(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["conference"]["languages"] = json!(["en", "fr", "nl", "ar"]);
        app.publish(&blueprint);
        let request = json!({
            "kind": "member_state", "country": "RW", "category": "delegate",
            "focal_point": { "name": "F. Point", "email": "focal@example.org", "language": "en" }
        });
        let delegation = format!("{CONFERENCE}/delegations");
        assert_eq!(app.admin("POST", &delegation, Some(&request)).status, 201);
        let invited = app.admin("POST", &format!("{delegation}/rw/invite-focal-point"), Some(&json!({})));
        let link = invited.json()["link"].as_str().unwrap().to_owned();
        let token = link.split_once("token=").unwrap().1.to_owned();
        let page = |language: &str| app.browse(&format!("/conferences/small/{language}/delegations/rw?token={token}")).text().to_owned();
        assert!(page("en").contains("The person’s own address. We send"), "{}", page("en"));
        assert_eq!(app.admin("PATCH", &format!("{delegation}/rw"), Some(&json!({ "shared_mailbox": true }))).status, 200);
        let words = [("en", "or that of the mission"), ("fr", "ou celle de la mission"), ("nl", "of dat van de missie"), ("ar", "أو عنوان البعثة")];
        for (language, shared) in words {
            assert!(page(language).contains(shared), "{}", page(language));
        }
        let member = "given_name=Ada&family_name=Kagame&email=mission%40example.org&consent=true";
        let add = |language: &str| app.submit(&format!("/conferences/small/{language}/delegations/rw/members?token={token}"), member);
        assert_eq!(add("en").status, 200);
        let words = [("en", "Somebody with this name"), ("fr", "Une personne de ce nom"), ("nl", "Iemand met deze naam"), ("ar", "سبق تسجيل شخص بهذا الاسم")];
        for (language, about_name) in words {
            let again = add(language);
            assert_eq!((again.status, again.text().matches(about_name).count()), (409, 1), "{}", again.text());
        }
    }

    fn who_is_registered_already_is_offered_the_link_again(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["conference"]["languages"] = json!(["en", "fr", "nl", "ar"]);
        app.publish(&blueprint);
        let page = "/conferences/small/en";
        let typed = "given_name=Ada&family_name=Lovelace&email=ada%40example.org&consent=true&category=press";
        assert!(app.submit(&format!("{page}/register"), typed).text().contains("Your registration is confirmed"));
        let again = app.submit(&format!("{page}/register"), typed);
        assert_eq!(again.status, 409);
        let offers = [
            app.browse(&format!("{page}/register")).text().to_owned(),
            again.text().to_owned(),
            app.browse(&format!("{page}/registrations/S-00000000?token=x")).text().to_owned(),
        ];
        for offer in &offers {
            assert!(offer.contains(&format!("{page}/registration-link\"")), "{offer}");
        }
        assert!(offers[1].contains("<input type=\"hidden\" name=\"email\" value=\"ada@example.org\">"), "{}", offers[1]);
        let empty = app.submit(&format!("{page}/registration-link"), "email=nobody");
        assert_eq!(empty.status, 422);
        assert!(empty.text().contains("Please give an address"), "{}", empty.text());
        for address in ["ada%40example.org", "nobody%40example.org"] {
            let sent = app.submit(&format!("{page}/registration-link"), &format!("email={address}"));
            assert_eq!(sent.status, 200);
            assert!(sent.text().contains("If this address is registered, its link is on its way."), "{}", sent.text());
        }
        assert_eq!(app.count("SELECT count(*) AS n FROM outbox_messages WHERE kind = 'link'"), 1);
        for (language, title) in [("fr", "Votre lien, à nouveau"), ("nl", "Uw link opnieuw"), ("ar", "إرسال رابطكم من جديد")] {
            let page = app.browse(&format!("/conferences/small/{language}/registration-link"));
            assert!(page.text().contains(title), "{}", page.text());
        }
    }
}
