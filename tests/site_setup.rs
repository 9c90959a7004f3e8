//! What the pages of a conference say besides its programme: contact, notices, practical information.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{BROWSER, Environment, person, small_conference},
    on_both_stores,
};

const CONFERENCE: &str = "/api/v1/conferences/small";
const SITE: &str = "/api/v1/conferences/small/site";
const PATH: &str = "/api/v1/conferences/small/registrations";
const PAGE: &str = "/conferences/small/en";

/// What a ministry says of a conference.
fn ministry() -> Value {
    json!({
        "contact": {
            "name": { "en": "Protocol office", "fr": "Service du protocole" }, "email": "protocol@ministry.example",
            "phone": "+32 2 501 81 11", "website": "https://ministry.example/", "hours": { "en": "Monday to Friday, 9 to 17" }
        },
        "controller": {
            "name": { "en": "Ministry of Foreign Affairs", "fr": "Ministère des Affaires étrangères" },
            "address": { "en": "Rue des Petits Carmes 15\n1000 Brussels" }, "email": "data@ministry.example",
            "data_protection_officer": "dpo@ministry.example"
        },
        "privacy_notice": { "en": "We keep **what you enter** until the conference is over.", "fr": "Nous conservons *ce que vous saisissez*." },
        "legal_notice": { "en": "# Publisher\n\nThe ministry." },
        "accessibility_statement": { "en": "The hall has an induction loop." },
        "emblem_text": { "en": "Kingdom of Belgium", "fr": "Royaume de Belgique" },
        "speaker_order": "name",
        "pages": [
            { "code": "visa", "title": { "en": "Visa", "fr": "Visas" }, "body": { "en": "Ask <b>early</b>, see [the embassy](https://embassy.example/).", "fr": "Demandez tôt." } },
            { "code": "hotels", "title": { "en": "Hotels" }, "body": { "en": "| Hotel | Price |\n|---|---|\n| Astoria | 120 |" } }
        ]
    })
}

fn page(app: &App, path: &str) -> String {
    let answer = app.get_with(path, &BROWSER);
    assert_eq!(answer.status, 200, "{path}");
    answer.text().to_owned()
}

/// Takes the French texts out of a document.
fn keep_english(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("fr");
            members.values_mut().for_each(keep_english);
        }
        Value::Array(elements) => elements.iter_mut().for_each(keep_english),
        _ => {}
    }
}

/// The version of the notice that a registration keeps.
fn version_of(app: &App, reference: &Value) -> Value {
    app.admin("GET", &format!("{PATH}/{}", reference.as_str().unwrap()), None).json()["privacy_notice_version"].clone()
}

on_both_stores! {
    fn a_site_is_set_up_over_the_api_and_in_a_blueprint(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let empty = app.get(SITE).json();
        assert_eq!((&empty["contact"], &empty["pages"], &empty["speaker_order"]), (&Value::Null, &json!([]), &json!("agenda")));
        let json_body = [("content-type", "application/json")];
        assert_eq!(app.send("PUT", SITE, &json_body, Some(&ministry().to_string())).status, 401);
        let planned = app.admin("PUT", &format!("{SITE}?dry_run=true"), Some(&ministry())).json();
        assert_eq!(planned["changes"].as_array().unwrap().len(), 3);
        assert_eq!(app.get(SITE).json(), empty);
        assert_eq!(app.admin("PUT", SITE, Some(&ministry())).json(), planned);
        assert_eq!(app.get(SITE).json(), ministry());
        assert_eq!(app.admin("PUT", SITE, Some(&ministry())).json()["changes"], json!([]));

        // A patch changes what it names; a stale one changes nothing.
        let read = app.get(SITE);
        let tag = read.header("etag").unwrap().to_owned();
        let patch = |tag: &str, patch: &Value| {
            let authorization = app.authorization();
            let headers = [("authorization", authorization.as_str()), ("content-type", "application/merge-patch+json"), ("if-match", tag)];
            app.send("PATCH", SITE, &headers, Some(&patch.to_string()))
        };
        assert_eq!(patch(&tag, &json!({ "emblem_text": "Belgium", "legal_notice": null })).status, 200);
        let mut expected = ministry();
        expected["emblem_text"]["en"] = json!("Belgium");
        expected["legal_notice"] = Value::Null;
        assert_eq!(app.get(SITE).json(), expected);
        let stale = patch(&tag, &json!({ "emblem_text": null }));
        assert_eq!(stale.status, 412);
        assert_eq!(app.get(SITE).json(), expected);

        // What is wrong is named, all of it, and nothing is saved.
        let wrong = json!({
            "contact": { "email": "nobody", "website": "javascript:alert(1)", "phone": "call me", "fax": "1" }, "legal_notice": { "de": "Impressum" },
            "speaker_order": "beauty"
        });
        let refused = app.admin("PUT", SITE, Some(&wrong));
        assert_eq!((refused.status, refused.faults()), (422, vec![
            "#/contact/email invalid_email".to_owned(), "#/contact/fax unknown_field".to_owned(),
            "#/contact/phone invalid_phone".to_owned(), "#/contact/website invalid_url".to_owned(), "#/speaker_order unknown_value".to_owned(),
        ]));
        let mut twice = ministry();
        twice["pages"][1]["code"] = json!("visa");
        twice["emblem_text"] = json!({ "de": "Belgien" });
        assert_eq!(app.admin("PUT", SITE, Some(&twice)).faults(), ["#/emblem_text/de unknown_language", "#/pages/1/code duplicate"]);
        let mut blueprint = app.admin("GET", &format!("{CONFERENCE}/blueprint"), None).json();
        assert_eq!(blueprint["site"], expected);
        blueprint["site"]["emblem_text"] = json!({ "de": "Belgien" });
        let refused = app.admin("PUT", &format!("{CONFERENCE}/blueprint"), Some(&blueprint));
        assert_eq!(refused.faults(), ["#/site/emblem_text/de unknown_language"]);
        assert_eq!(app.get(SITE).json(), expected);

        // An empty body is no empty document, and what a text may not hold is named.
        let headers = [("authorization", app.authorization()), ("content-type", "application/json".to_owned())];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let empty_body = app.send("PUT", SITE, &headers, Some(""));
        assert_eq!((empty_body.status, app.get(SITE).json()), (400, expected.clone()), "{}", empty_body.text());
        let marked = json!({ "emblem_text": "Belgium\u{E0001}\u{E0061}\u{E0072}" });
        assert_eq!(app.admin("PATCH", SITE, Some(&marked)).faults(), ["#/emblem_text/en control_character"]);
        // A language in which something is said stays until nothing is.
        let change = |path: &str, patch: Value| app.admin("PATCH", &format!("{CONFERENCE}/{path}"), Some(&patch));
        let done = |path: &str, patch: Value| {
            let answer = change(path, patch);
            assert_eq!(answer.status, 200, "{}", answer.text());
        };
        done("agenda/conference", json!({ "languages": ["en", "fr", "de"] }));
        assert_eq!(app.admin("POST", &format!("{CONFERENCE}/releases"), Some(&json!({}))).status, 201);
        done("site", json!({ "emblem_text": { "de": "Belgien" } }));
        done("registration-setup", json!({ "letters": { "signature": { "de": "Das Sekretariat" } } }));
        let dropped = change("agenda/conference", json!({ "languages": ["en", "fr"] }));
        assert_eq!(dropped.problem(), (409, "in-use".to_owned()));
        assert_eq!(dropped.faults(), ["#/site/emblem_text/de unknown_language", "#/registration/letters/signature/de unknown_language"]);
        done("site", json!({ "emblem_text": { "de": null } }));
        done("registration-setup", json!({ "letters": { "signature": null } }));
        done("agenda/conference", json!({ "languages": ["en", "fr"] }));

        // A document that leaves a language out everywhere may be planned and applied, but for the texts of the site.
        let mut without = blueprint.clone();
        without.as_object_mut().unwrap().remove("site");
        without["conference"]["languages"] = json!(["en"]);
        keep_english(&mut without);
        for query in ["?dry_run=true", ""] {
            let refused = app.admin("PUT", &format!("{CONFERENCE}/blueprint{query}"), Some(&without));
            assert_eq!(refused.problem(), (409, "in-use".to_owned()), "{}", refused.text());
            assert!(refused.faults().iter().all(|fault| fault.starts_with("#/site/")), "{:?}", refused.faults());
        }

        // A blueprint that does not mention the site leaves it; one that does sets it; a copy has it.
        blueprint.as_object_mut().unwrap().remove("site");
        let changes = |blueprint: &Value| app.admin("PUT", &format!("{CONFERENCE}/blueprint"), Some(blueprint)).json()["changes"].clone();
        assert_eq!(changes(&blueprint), json!([]));
        assert_eq!(app.get(SITE).json(), expected);
        let copy = json!({ "slug": "again", "starts_on": "2031-05-01" });
        assert_eq!(app.admin("POST", &format!("{CONFERENCE}/copy"), Some(&copy)).status, 201);
        let of_copy = app.admin("GET", "/api/v1/conferences/again/blueprint", None).json();
        assert_eq!(of_copy["site"], expected);
        let own = app.admin("GET", "/api/v1/conferences/again/site", None);
        assert_eq!((own.status, own.json()), (200, expected));
        assert_eq!(app.get("/api/v1/conferences/again/site").status, 404, "nothing of a conference without a release is public");
        blueprint["site"] = json!({});
        assert_eq!(changes(&blueprint).as_array().unwrap().len(), 3);
        assert_eq!(app.get(SITE).json(), empty);
        let audit = app.admin("GET", &format!("{CONFERENCE}/audit?resource=site"), None).json();
        let mut acts: Vec<_> = audit["data"].as_array().unwrap().iter().map(|entry| entry["operation"].as_str().unwrap()).collect();
        acts.dedup();
        assert_eq!(acts, ["apply_blueprint", "patch_site", "put_site"]);
        assert_eq!(app.admin("DELETE", "/api/v1/conferences/again", None).status, 204);
    }

    fn a_registration_keeps_the_version_of_the_privacy_notice_that_was_shown(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let form = |path: &str| app.get(&format!("{CONFERENCE}/registration-form{path}")).json()["privacy_notice"].clone();
        assert_eq!(form(""), Value::Null);
        let before = app.post(PATH, &person(1, "delegate")).json();
        assert_eq!(version_of(&app, &before["reference"]), Value::Null);
        let mut unasked = person(2, "delegate");
        unasked["privacy_notice_version"] = json!(1);
        assert_eq!(app.post(PATH, &unasked).faults(), ["#/privacy_notice_version outdated"]);

        assert_eq!(app.admin("PUT", SITE, Some(&ministry())).status, 200);
        assert_eq!(form("?lang=fr"), json!({
            "version": 1, "text": "Nous conservons *ce que vous saisissez*.", "controller": "Ministère des Affaires étrangères"
        }));
        let shown = page(&app, &format!("{PAGE}/register?category=delegate"));
        assert!(shown.contains("<input type=\"hidden\" name=\"privacy_notice_version\" value=\"1\">"), "{shown}");
        assert!(shown.contains("<summary>Privacy notice of Ministry of Foreign Affairs</summary>"), "{shown}");
        assert!(shown.contains("<p>We keep <strong>what you enter</strong> until the conference is over.</p>"), "{shown}");
        let first = app.post(PATH, &unasked).json();
        assert_eq!(version_of(&app, &first["reference"]), 1);

        // Other parts of the set-up are no other notice, and a text that is taken back has its version again.
        let patch = |patch: Value| assert_eq!(app.admin("PATCH", SITE, Some(&patch)).status, 200);
        patch(json!({ "emblem_text": "Belgium" }));
        patch(json!({ "privacy_notice": null }));
        assert_eq!(form(""), Value::Null);
        patch(json!({ "privacy_notice": ministry()["privacy_notice"] }));
        assert_eq!(form("")["version"], 1);
        patch(json!({ "privacy_notice": { "en": "We keep it for a year." } }));
        assert_eq!(form("")["version"], 2);

        // Whoever read the earlier one is shown the new one, with everything that they typed.
        let typed = "given_name=Grace&family_name=Hopper&email=grace%40example.org&consent=true&category=delegate&privacy_notice_version=1";
        let refused = app.submit(&format!("{PAGE}/register"), typed);
        assert_eq!(refused.status, 422);
        for text in ["value=\"Hopper\"", "We keep it for a year.", "name=\"privacy_notice_version\" value=\"2\"",
            "The privacy notice has changed. Please read it and agree again."] {
            assert!(refused.text().contains(text), "{text}: {}", refused.text());
        }
        let again = app.submit(&format!("{PAGE}/register"), &typed.replace("version=1", "version=2"));
        assert!(again.text().contains("Your registration is confirmed"), "{}", again.text());
        let mut third = person(3, "delegate");
        third["privacy_notice_version"] = json!(1);
        let refused = app.post(PATH, &third);
        assert_eq!((refused.status, refused.faults()), (422, vec!["#/privacy_notice_version outdated".to_owned()]));
        third.as_object_mut().unwrap().remove("privacy_notice_version");
        assert_eq!(version_of(&app, &app.post(PATH, &third).json()["reference"]), 2);

        // Registrars say whether it was shown; what was agreed to on paper is not known here.
        for (number, consent, version) in [(4, "shown", json!(2)), (5, "paper", Value::Null)] {
            let mut guest = person(number, "delegate");
            guest["consent"] = json!(consent);
            guest["reason"] = json!("At the desk");
            guest["language"] = json!("en");
            let registered = app.admin("POST", &format!("{PATH}/on-behalf"), Some(&guest));
            assert_eq!(registered.status, 201, "{}", registered.text());
            assert_eq!(version_of(&app, &registered.json()["reference"]), version, "{consent}");
        }
        let versions = "SELECT count(*) AS n FROM privacy_notices";
        assert_eq!(app.count(versions), 2);
    }

    fn pages_say_who_invites_in_the_languages_of_the_conference(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["site"] = ministry();
        blueprint["conference"]["languages"] = json!(["en", "fr", "ar"]);
        app.publish(&blueprint);
        let front = page(&app, PAGE);
        for text in ["<p class=\"emblem\">Kingdom of Belgium</p>", "href=\"mailto:protocol@ministry.example\"", "href=\"tel:+3225018111\"",
            "href=\"/conferences/small/en/privacy\"", "href=\"/conferences/small/en/legal\"", "href=\"/conferences/small/en/accessibility\"",
            "href=\"/conferences/small/en/information\"", "hreflang=\"ar\""] {
            assert!(front.contains(text), "{text}: {front}");
        }
        assert!(!front.contains("/docs\"") && !front.contains("hreflang=\"nl\""), "{front}");
        assert_eq!(app.get_with("/conferences/small/nl", &BROWSER).header("location"), Some("/conferences/small/en"));

        let list = page(&app, &format!("{PAGE}/information"));
        assert!(list.find("/en/information/visa\">Visa</a>").unwrap() < list.find("/en/information/hotels\">Hotels</a>").unwrap(), "{list}");
        let visa = page(&app, &format!("{PAGE}/information/visa"));
        assert!(visa.contains("<p>Ask &lt;b&gt;early&lt;/b&gt;, see <a href=\"https://embassy.example/\">the embassy</a>.</p>"), "{visa}");
        assert!(page(&app, &format!("{PAGE}/information/hotels")).contains("<td>Astoria</td><td>120</td>"));
        assert_eq!(app.browse(&format!("{PAGE}/information/parking")).status, 404);
        let privacy = page(&app, &format!("{PAGE}/privacy"));
        for text in ["Ministry of Foreign Affairs", "Rue des Petits Carmes 15<br>1000 Brussels", "mailto:dpo@ministry.example"] {
            assert!(privacy.contains(text), "{text}: {privacy}");
        }
        assert!(page(&app, &format!("{PAGE}/legal")).contains("<h2>Publisher</h2>"));

        // What is in another language than the page says so, and to which side it is written.
        let french = page(&app, "/conferences/small/fr/information");
        assert!(french.contains(">Visas</a>") && french.contains("><span lang=\"en\" dir=\"ltr\">Hotels</span></a>"), "{french}");
        let hotels = page(&app, "/conferences/small/fr/information/hotels");
        assert!(hotels.contains("<div lang=\"en\" dir=\"ltr\">") && hotels.contains("<title>Hotels – "), "{hotels}");
        let arabic = page(&app, "/conferences/small/ar");
        assert!(arabic.contains("<html lang=\"ar\" dir=\"rtl\">") && arabic.contains("<p class=\"emblem\"><span lang=\"en\" dir=\"ltr\">Kingdom of Belgium</span></p>"), "{arabic}");
        assert!(!arabic.contains('\u{E0001}') && !arabic.contains('\u{E007F}'));

        // A language for which the service has no texts of its own: those of the pages are English, and say so.
        blueprint["conference"]["languages"] = json!(["en", "fr", "de"]);
        app.publish(&blueprint);
        let german = page(&app, "/conferences/small/de");
        assert!(german.contains("<html lang=\"de\"") && german.contains("><span lang=\"en\" dir=\"ltr\">Speakers</span></a>"), "{german}");
        assert!(!german.contains('\u{E0001}'), "{german}");

        // Nothing of it is there before it is set up.
        assert_eq!(app.admin("PUT", SITE, Some(&json!({}))).status, 200);
        for gone in ["/information", "/information/visa", "/privacy", "/legal", "/accessibility"] {
            assert_eq!(app.browse(&format!("{PAGE}{gone}")).status, 404, "{gone}");
        }
        let front = page(&app, PAGE);
        assert!(!front.contains("emblem") && !front.contains("/privacy") && !front.contains("<address>"), "{front}");
    }

    fn speakers_come_in_the_order_of_the_set_up_until_a_reader_chooses(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        let speaker = |code: &str, family_name: &str, precedence: &str| json!({
            "code": code, "given_name": "A", "family_name": family_name, "precedence": precedence
        });
        blueprint["speakers"] = json!([
            speaker("zola", "Zola", "minister"), speaker("amin", "Amin", "other"), speaker("moyo", "Moyo", "head_of_state")
        ]);
        blueprint["sessions"][0]["items"] = json!([]);
        blueprint["sessions"][0]["appearances"] = json!([
            { "speaker": "zola", "role": "speaker" }, { "speaker": "amin", "role": "speaker" }, { "speaker": "moyo", "role": "speaker" }
        ]);
        app.publish(&blueprint);
        let order = |query: &str| {
            let page = page(&app, &format!("{PAGE}/speakers{query}"));
            let links = page.split("<a href=\"/conferences/small/en/speakers/").skip(1);
            links.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).filter(|code| ["zola", "amin", "moyo"].contains(&code.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(order(""), ["zola", "amin", "moyo"]);
        for (chosen, expected) in [("name", ["amin", "moyo", "zola"]), ("precedence", ["moyo", "zola", "amin"])] {
            assert_eq!(app.admin("PATCH", SITE, Some(&json!({ "speaker_order": chosen }))).status, 200);
            assert_eq!(order(""), expected, "{chosen}");
        }
        assert_eq!(order("?sort=agenda"), ["zola", "amin", "moyo"]);
    }
}
