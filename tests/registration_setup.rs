//! The registration set-up: whether people can register at all, and what the form of each category asks for.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{BROWSER, Environment, person, small_conference},
    on_both_stores,
};

const CONFERENCE: &str = "/api/v1/conferences/small";
const PATH: &str = "/api/v1/conferences/small/registrations";
const FORM: &str = "/api/v1/conferences/small/registration-form";
const SETUP: &str = "/api/v1/conferences/small/registration-setup";
const PAGE: &str = "/conferences/small/en/register";

fn page(app: &App, path: &str) -> String {
    let answer = app.get_with(path, &BROWSER);
    assert_eq!(answer.status, 200, "{path}");
    answer.text().to_owned()
}

/// What the form says of a field of a category.
fn field(app: &App, category: usize, name: &str) -> Value {
    let form = app.get(FORM).json();
    let fields = form["categories"][category]["fields"].as_array().unwrap().clone();
    fields.into_iter().find(|field| field["name"] == name).unwrap()
}

/// A set-up in which the press must give more than delegates, and nobody is asked for a diet.
fn with_rules() -> Value {
    let mut blueprint = small_conference(None, None);
    blueprint["registration"]["fields"] = json!({
        "dietary_needs": { "presence": "hidden" },
        "birth_date": { "presence": "hidden" },
        "phone": { "help": { "en": "For the day itself", "fr": "Pour le jour même" } }
    });
    let press = &mut blueprint["registration"]["categories"][1];
    press["description"] =
        json!({ "en": "Journalists with a press card", "fr": "Journalistes titulaires d’une carte" });
    press["fields"] = json!({
        "birth_date": { "presence": "required", "help": "As in your passport" },
        "phone": { "presence": "required" },
        "language": { "presence": "hidden" }
    });
    blueprint
}

on_both_stores! {
    fn registration_is_closed_until_it_is_set_up(store) {
        let environment = std::sync::Arc::new(Environment::new(store));
        let app = environment.start_shared();
        let mut blueprint = small_conference(None, None);
        blueprint.as_object_mut().unwrap().remove("registration");
        let path = format!("{CONFERENCE}/blueprint");
        assert_eq!(app.admin("PUT", &path, Some(&blueprint)).status, 200);
        assert_eq!(app.admin("POST", &format!("{CONFERENCE}/releases"), Some(&json!({}))).status, 201);
        let form = app.get(FORM).json();
        assert_eq!((&form["enabled"], &form["open"], &form["categories"][0]["open"]), (&json!(false), &json!(false), &json!(false)));
        let refused = app.post(PATH, &person(1, "participant"));
        assert_eq!(refused.problem(), (409, "registration-closed".to_owned()));
        assert_eq!(refused.json()["detail"], "the organisers have not opened registration");
        assert!(page(&app, PAGE).contains("Registration is not open."));
        assert!(!page(&app, "/conferences/small/en").contains("/conferences/small/en/register"));
        // What is exported is what is there: applied again it changes nothing, and opens nothing.
        let exported = app.admin("GET", &path, None).json();
        assert_eq!(exported["registration"]["enabled"], false);
        assert_eq!(app.admin("PUT", &path, Some(&exported)).json()["changes"], json!([]));
        let setup = app.admin("GET", SETUP, None);
        assert_eq!(app.admin("PUT", SETUP, Some(&setup.json())).json()["changes"], json!([]));
        // A conference that is created from its own fields begins the same way.
        let mut fields = blueprint["conference"].clone();
        fields["slug"] = json!("bare");
        assert_eq!(app.admin("POST", "/api/v1/conferences", Some(&fields)).status, 201);
        assert_eq!(app.admin("GET", "/api/v1/conferences/bare/registration-setup", None).json()["enabled"], false);

        // Set up, it is open; the organisers close it again, and whoever is registered keeps what they have.
        assert_eq!(app.admin("PUT", SETUP, Some(&json!({}))).status, 200);
        assert_eq!(app.get(FORM).json()["open"], true);
        let registered = app.post(PATH, &person(1, "participant"));
        assert_eq!(registered.status, 201);
        let own = registered.json()["links"]["self"].as_str().unwrap().to_owned();
        assert_eq!(app.admin("PATCH", SETUP, Some(&json!({ "enabled": false }))).status, 200);
        assert_eq!(app.post(PATH, &person(2, "participant")).problem(), (409, "registration-closed".to_owned()));
        assert_eq!(app.get(app.path_of(&own)).json()["status"], "confirmed");
    }

    fn a_hidden_category_is_like_one_that_does_not_exist(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        let press = &mut blueprint["registration"]["categories"][1];
        press["hidden"] = json!(true);
        press["closes_at"] = json!("2020-01-01T00:00");
        press["fields"] = json!({ "birth_date": { "presence": "required" } });
        blueprint["registration"]["questions"] = json!([
            { "code": "protection", "kind": "yes_no", "label": "Close protection?", "required": true, "categories": ["press"] }
        ]);
        app.publish(&blueprint);
        let answer = |category: &str, more: &Value| {
            let mut form = person(1, category);
            form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let refused = app.post(PATH, &form);
            (refused.status, refused.faults(), refused.json()["detail"].to_string().replace(category, "-"))
        };
        for more in [json!({}), json!({ "phone": "x" }), json!({ "invitation": "wrong" }), json!({ "privacy_notice_version": 9 }),
            json!({ "answers": { "protection": true } }), json!({ "email": "nobody" })] {
            assert_eq!(answer("press", &more), answer("nothing", &more), "{more}");
        }
        let form = app.get(FORM).json();
        assert_eq!((&form["questions"], form["categories"].as_array().unwrap().len()), (&json!([]), 1));
        assert!(!app.get(&format!("{FORM}/schema")).text().contains("protection"));
        // Whoever is invited to it sees it.
        let invitation = json!({ "kind": "shared", "code": "come-in", "category": "press", "uses_max": 5 });
        let created = app.admin("POST", &format!("{CONFERENCE}/invitations"), Some(&invitation));
        assert_eq!(created.status, 201, "{}", created.text());
        let form = app.get(&format!("{FORM}?invitation=come-in")).json();
        assert_eq!(form["questions"][0]["categories"], json!(["press"]));
        assert_eq!(answer("press", &json!({ "invitation": "come-in" })).1, ["#/answers/protection required", "#/birth_date required"]);
    }

    fn a_set_up_is_patched_against_the_version_that_was_read(store) {
        let app = Environment::new(store).start();
        app.publish(&with_rules());
        let read = app.admin("GET", SETUP, None);
        let tag = read.header("etag").unwrap().to_owned();
        let authorization = app.authorization();
        let patch = |tag: &str, query: &str, patch: &Value| {
            let headers = [
                ("authorization", authorization.as_str()), ("content-type", "application/merge-patch+json"), ("if-match", tag),
            ];
            app.send("PATCH", &format!("{SETUP}{query}"), &headers, Some(&patch.to_string()))
        };
        let change = json!({ "seats": 7, "fields": { "phone": { "help": "On the day" }, "dietary_needs": null } });
        assert_eq!(patch(&tag, "?dry_run=true", &change).json()["changes"].as_array().unwrap().len(), 1);
        assert_eq!(app.admin("GET", SETUP, None).json(), read.json());
        assert_eq!(patch(&tag, "", &change).status, 200);
        let now = app.admin("GET", SETUP, None).json();
        let mut expected = read.json();
        expected["seats"] = json!(7);
        expected["fields"] = json!({
            "birth_date": { "presence": "hidden" }, "phone": { "help": { "en": "On the day", "fr": "Pour le jour même" } }
        });
        assert_eq!(now, expected);
        let stale = patch(&tag, "", &json!({ "seats": 8 }));
        assert_eq!((stale.status, &stale.json()["current"]["seats"]), (412, &json!(7)));
        assert_eq!(patch("*", "", &json!({ "seats": "many", "colour": 1 })).status, 422);
        let wrong = json!({
            "fields": { "email": { "presence": "hidden" }, "shoe_size": {}, "phone": { "presence": "maybe" } },
        });
        assert_eq!(patch("*", "", &wrong).faults(), ["#/fields/phone/presence unknown_value"]);
        let wrong = json!({
            "fields": { "email": { "presence": "hidden" }, "shoe_size": {}, "phone": { "help": { "de": "Warum" } } },
            "categories": [{ "code": "press", "name": "Press", "description": { "de": "Presse" }, "fields": { "family_name": {} } }]
        });
        let mut faults = patch("*", "", &wrong).faults();
        faults.sort();
        assert_eq!(faults, [
            "#/categories/0/description/de unknown_language", "#/categories/0/fields/family_name unknown_field",
            "#/fields/email unknown_field", "#/fields/phone/help/de unknown_language", "#/fields/shoe_size unknown_field",
        ]);
        assert_eq!(app.admin("GET", SETUP, None).json(), expected);
    }

    fn each_category_asks_for_what_it_needs(store) {
        let app = Environment::new(store).start();
        app.publish(&with_rules());
        // The form says it, in the reader's language, and so do the schema and the pages.
        assert_eq!(field(&app, 0, "birth_date"), json!({ "name": "birth_date", "presence": "hidden", "help": null }));
        assert_eq!(field(&app, 1, "birth_date"), json!({ "name": "birth_date", "presence": "required", "help": "As in your passport" }));
        assert_eq!(field(&app, 1, "phone"), json!({ "name": "phone", "presence": "required", "help": "For the day itself" }));
        assert_eq!(field(&app, 0, "phone")["presence"], "optional");
        let french = app.get(&format!("{FORM}?lang=fr")).json();
        assert_eq!(french["categories"][1]["description"], "Journalistes titulaires d’une carte");
        assert_eq!(french["categories"][0]["description"], json!(null));
        assert!(page(&app, PAGE).contains("Journalists with a press card"));
        let (delegate, press) = (page(&app, &format!("{PAGE}?category=delegate")), page(&app, &format!("{PAGE}?category=press")));
        let has = |page: &str, name: &str| page.contains(&format!("name=\"{name}\""));
        assert_eq!(["birth_date", "phone", "language", "dietary_needs"].map(|name| has(&delegate, name)), [false, true, true, false]);
        assert_eq!(["birth_date", "phone", "language", "dietary_needs"].map(|name| has(&press, name)), [true, true, false, false]);
        assert!(press.contains("As in your passport") && press.contains("For the day itself"));
        let schema = app.get(&format!("{FORM}/schema")).json();
        let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();

        // What is sent is judged by the same rules; the schema agrees.
        let with = |number: usize, category: &str, more: &Value| {
            let mut form = person(number, category);
            form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            form
        };
        let (date, phone) = (json!("1990-12-10"), json!("+32 2 123 45 67"));
        for (number, category, more, faults) in [
            (1, "delegate", json!({ "birth_date": date }), &["#/birth_date not_asked"][..]),
            (2, "press", json!({}), &["#/phone required", "#/birth_date required"]),
            (3, "press", json!({ "birth_date": null, "phone": phone, "language": "en" }), &["#/language not_asked", "#/birth_date required"]),
            (4, "press", json!({ "birth_date": date, "phone": phone, "dietary_needs": "None" }), &["#/dietary_needs not_asked"]),
            (5, "delegate", json!({ "language": "fr" }), &[]),
            (6, "press", json!({ "birth_date": date, "phone": phone }), &[]),
        ] {
            let form = with(number, category, &more);
            let answer = app.post(PATH, &form);
            assert_eq!((answer.status, answer.faults()), if faults.is_empty() { (201, vec![]) } else { (422, faults.iter().map(ToString::to_string).collect()) }, "{form}");
            assert_eq!(schema.is_valid(&form), faults.is_empty(), "{form}");
        }
        // With the faults of the form itself, all at once.
        let mut form = with(7, "press", &json!({ "phone": phone }));
        form["email"] = json!("nonsense");
        assert_eq!(app.post(PATH, &form).faults(), ["#/email invalid_email", "#/birth_date required"]);
        // A page sends what it shows.
        let sent = app.submit(&format!("{PAGE}?category=press"),
            "category=press&given_name=Nellie&family_name=Bly&email=nellie%40example.org&phone=%2B32+2+123&birth_date=1990-12-10&consent=true");
        assert!(sent.text().contains("Nellie"), "{}", sent.text());
    }

    fn the_rules_of_a_category_hold_for_changes_and_members_but_not_for_registrars(store) {
        let app = Environment::new(store).start();
        let mut blueprint = with_rules();
        blueprint["registration"]["fields"]["dietary_needs"] = json!({});
        app.publish(&blueprint);
        let mut form = person(1, "press");
        form["birth_date"] = json!("1990-12-10");
        form["phone"] = json!("+32 2 123");
        form["dietary_needs"] = json!("Vegan");
        let receipt = app.post(PATH, &form).json();
        let own = app.path_of(receipt["links"]["self"].as_str().unwrap()).to_owned();
        let hide = json!({ "fields": { "dietary_needs": { "presence": "hidden" }, "country": { "presence": "required" } } });
        assert_eq!(app.admin("PATCH", SETUP, Some(&hide)).status, 200);
        let change = |patch: &Value| {
            app.send("PATCH", &own, &[("content-type", "application/merge-patch+json")], Some(&patch.to_string()))
        };
        // What is not touched stays, even where it is missing or hidden now; what is touched follows the rules.
        assert_eq!(change(&json!({ "organisation": "Daily" })).status, 200);
        assert_eq!(change(&json!({ "phone": null, "dietary_needs": "None", "country": null })).faults(),
            ["#/country required", "#/phone required", "#/dietary_needs not_asked"]);
        // The page asks for what is required now, and leaves what it does not show.
        let (path, token) = own.trim_start_matches("/api/v1").split_once('?').unwrap();
        let change_page = format!("{}/change?{token}", path.replace("/small/", "/small/en/"));
        let shown = page(&app, &change_page);
        assert!(!shown.contains("name=\"dietary_needs\"") && shown.contains("name=\"country\""));
        let fields = "given_name=Person+1&family_name=Example&phone=%2B32+2+124&birth_date=1990-12-10&organisation=Weekly";
        let answer = app.send("POST", &change_page, &[BROWSER[0], ("content-type", "application/x-www-form-urlencoded")], Some(fields));
        assert_eq!(answer.status, 422);
        assert!(app.submit(&change_page, &format!("{fields}&country=BE")).text().contains("Weekly"));
        let now = app.get(&own).json();
        assert_eq!((&now["organisation"], &now["country"], &now["dietary_needs"]), (&json!("Weekly"), &json!("BE"), &json!("Vegan")));
        // Registrars enter what they know.
        let reference = receipt["reference"].as_str().unwrap();
        let by_registrar = app.admin("PATCH", &format!("{PATH}/{reference}"), Some(&json!({ "phone": null, "dietary_needs": "None" })));
        assert_eq!((by_registrar.status, &by_registrar.json()["dietary_needs"]), (200, &json!("None")));

        // A focal point fills in the form of the delegation's category; a registrar need not.
        let delegation = json!({ "kind": "member_state", "country": "BE", "category": "press",
            "focal_point": { "name": "Focal Point", "email": "focal@example.org" } });
        assert_eq!(app.admin("POST", &format!("{CONFERENCE}/delegations"), Some(&delegation)).status, 201);
        let sent = app.admin("POST", &format!("{CONFERENCE}/delegations/be/invite-focal-point"), Some(&json!({}))).json();
        let token = sent["link"].as_str().unwrap().split_once("?token=").unwrap().1.to_owned();
        let member = json!({ "given_name": "Ada", "family_name": "Byron", "email": "ada@example.org", "consent": true, "country": "BE" });
        let members = format!("{CONFERENCE}/delegations/be/members");
        let refused = app.post(&format!("{members}?token={token}"), &member);
        assert_eq!(refused.faults(), ["#/phone required", "#/birth_date required"]);
        let form = page(&app, &format!("/conferences/small/en/delegations/be?token={token}"));
        assert!(form.contains("As in your passport") && !form.contains("name=\"dietary_needs\""));
        let added = app.admin("POST", &members, Some(&member));
        assert_eq!(added.status, 201, "{}", added.text());
        let member = format!("{members}/{}?token={token}", added.json()["reference"].as_str().unwrap());
        let patch = app.send("PATCH", &member, &[("content-type", "application/json")], Some(&json!({ "dietary_needs": "None", "country": null }).to_string()));
        assert_eq!(patch.faults(), ["#/country required", "#/dietary_needs not_asked"]);
        // An import of what another system knew, too.
        let table = "email,given name,family name,category,dietary needs\nbob@example.org,Bob,Noyce,press,Kosher\n";
        let headers = [("authorization", app.authorization()), ("content-type", "text/csv".to_owned())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let imported = app.send("POST", &format!("{PATH}/import?consent=By+letter"), &headers, Some(table));
        assert_eq!(imported.status, 200, "{}", imported.text());
        let warnings = imported.json()["warnings"].as_array().unwrap().clone();
        let missing: Vec<_> = warnings.iter().map(|warning| warning["detail"].as_str().unwrap().rsplit(" ").next().unwrap()).collect();
        assert_eq!(missing, ["country", "phone", "birth_date"]);
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations WHERE email = 'bob@example.org' AND birth_date IS NULL"), 1);
    }
}
