//! The pages, as browsers ask for them without running a script.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{
    Answer, App, Store,
    app::{BROWSER, Environment, Folder, person, repository, small_conference},
    http::Client,
    on_both_stores,
};

const SITE: &str = "/conferences/small";
const REGISTRATIONS: &str = "/api/v1/conferences/small/registrations";

/// A conference with every kind of question.
fn with_questions() -> Value {
    let mut blueprint = small_conference(None, Some(0));
    blueprint["sessions"].as_array_mut().unwrap().push(json!({
        "code": "law", "kind": "parallel", "title": { "en": "Law", "fr": "Droit" }, "access": "sign_up", "seats": 1,
        "starts_at": "2030-05-01T11:00", "ends_at": "2030-05-01T12:00", "items": []
    }));
    blueprint["registration"]["categories"][1]["waiting_list"] = json!(false);
    blueprint["registration"]["questions"] = json!([
        { "code": "diet", "kind": "single_choice", "label": { "en": "Diet", "fr": "Régime" }, "required": true,
          "options": [{ "code": "all", "label": "Everything" }, { "code": "other", "label": "Other" }] },
        { "code": "which", "kind": "short_text", "label": "Which?", "required": true, "shown_if": { "question": "diet", "any_of": ["other"] } },
        { "code": "topics", "kind": "multiple_choice", "label": "Topics", "options": [{ "code": "law", "label": "Law" }, { "code": "press", "label": "Press" }] },
        { "code": "first", "kind": "yes_no", "label": "Is it your first time?" },
        { "code": "guests", "kind": "number", "label": "Guests", "maximum": 3 }
    ]);
    blueprint
}

/// The first reference on a page; a token may have its beginning, too.
fn reference(page: &str) -> String {
    let words = page.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
    let is_reference = |word: &&str| word.starts_with("S-") && word.len() == 10;
    words.filter(is_reference).find(|word| *word == word.to_uppercase()).unwrap().to_owned()
}

fn token(page: &str) -> String {
    page.split("token=")
        .nth(1)
        .unwrap()
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
        .collect()
}

on_both_stores! {
    fn a_path_with_special_characters_redirects_to_a_valid_url(store) {
        let app = Environment::with_example(store).start();
        for (part, encoded) in [("%00", "%00"), ("%1b", "%1B"), ("a%0Ab", "a%0Ab"), ("%C2%85", "%C2%85")] {
            let members = format!("/conferences/genocide-prevention-2014/en/delegations/{part}/members");
            let redirect = app.get_with(&members, &[("accept", "text/html")]);
            let location = format!("/conferences/genocide-prevention-2014/en/delegations/{encoded}?");
            assert_eq!((redirect.status, redirect.header("location")), (303, Some(location.as_str())));
            assert_eq!(app.browse(&location).status, 404);
            let link = format!("/api/v1/conferences/genocide-prevention-2014/registrations/{part}");
            let link = app.get_with(&link, &[("accept", "text/html")]);
            assert_eq!(link.status, 303, "{}", link.text());
        }
    }

    fn a_form_that_is_refused_comes_back_as_it_was_filled_in(store) {
        let app = Environment::new(store).start();
        app.publish(&with_questions());
        let choice = app.browse(&format!("{SITE}/en/register"));
        assert!(choice.text().contains("/conferences/small/en/register?category=delegate"), "{}", choice.text());
        assert!(!choice.text().contains("register?category=press"), "a category without seats or waiting list has no form");
        let blank = app.browse(&format!("{SITE}/en/register?category=delegate"));
        for control in ["name=\"given_name\"", "name=\"answers.diet\"", "name=\"answers.which\"", "name=\"sessions\"", "name=\"consent\"", "autocomplete=\"email\""] {
            assert!(blank.text().contains(control), "{control}: {}", blank.text());
        }
        let wrong = "category=delegate&honorific=%3Cb%3EAda&given_name=&family_name=&email=nowhere&phone=12&answers.diet=other&answers.which=&answers.guests=9\
                     &answers.topics=press&sessions=law&dietary_needs=no+nuts%0D%0Aat+all";
        let refused = app.submit(&format!("{SITE}/en/register?category=delegate"), wrong);
        assert_eq!(refused.status, 422);
        let page = refused.text();
        for kept in ["value=\"&lt;b&gt;Ada\"", "value=\"nowhere\"", "value=\"12\"", "value=\"9\"", "no nuts\nat all"] {
            assert!(page.contains(kept), "{kept}: {page}");
        }
        for place in ["e-family_name", "e-email", "e-phone", "e-answers.which", "e-answers.guests", "e-consent"] {
            assert!(page.contains(&format!("id=\"{place}\"")), "{place}: {page}");
        }
        assert!(!page.contains("e-given_name") && page.contains("role=\"alert\"") && page.contains("<title>Error:"), "{page}");
        assert_eq!(app.count("SELECT count(*) AS n FROM registrations"), 0);

        // A valid form is accepted: a question that does not apply is ignored, whatever a browser without script sends.
        let right = "category=delegate&given_name=Ada&family_name=Lovelace&email=ada%40example.org&answers.diet=all&answers.which=typed+before\
                     &answers.topics=law&answers.topics=press&answers.first=true&answers.guests=2&sessions=law&consent=true&country=GB";
        let own = app.submit(&format!("{SITE}/fr/register?category=delegate"), right);
        assert!(own.text().contains("Votre inscription est confirmée") && own.text().contains("Droit"), "{}", own.text());
        let (reference, token) = (reference(own.text()), token(own.text()));
        let read = |app: &App| app.get(&format!("{REGISTRATIONS}/{reference}?token={token}")).json();
        let stored = read(&app);
        assert_eq!(stored["answers"], json!({ "diet": "all", "topics": ["law", "press"], "first": true, "guests": 2 }));
        assert_eq!((&stored["language"], &stored["country"], &stored["sessions"][0]["session"]), (&json!("fr"), &json!("GB"), &json!("law")));

        // A change keeps what the form does not show; an emptied field is cleared.
        let path = format!("{SITE}/en/registrations/{reference}");
        let change = app.browse(&format!("{path}/change?token={token}"));
        for filled in ["value=\"Ada\"", "value=\"Lovelace\"", "value=\"2\""] {
            assert!(change.text().contains(filled), "{filled}: {}", change.text());
        }
        assert!(!change.text().contains("name=\"email\""), "the address is the organisers' to change");
        let wrong = app.submit(&format!("{path}/change?token={token}"), "given_name=&family_name=&organisation=King&language=en&answers.diet=other&answers.which=x&answers.guests=7");
        assert!(wrong.status == 422 && wrong.text().contains("value=\"King\"") && wrong.text().contains("id=\"e-family_name\""), "{}", wrong.text());
        let changed = app.submit(&format!("{path}/change?token={token}"), "given_name=Ada&family_name=King&language=en&answers.diet=other&answers.which=fish&answers.first=false");
        assert_eq!(changed.status, 200, "{}", changed.text());
        let stored = read(&app);
        assert_eq!(stored["answers"], json!({ "diet": "other", "which": "fish", "first": false }));
        assert_eq!((&stored["family_name"], &stored["country"], &stored["email"]), (&json!("King"), &Value::Null, &json!("ada@example.org")));
        let sessions = format!("{path}/sessions?token={token}");
        assert_eq!(app.submit(&sessions, "").status, 200);
        let wrong = app.submit(&sessions, "sessions=law&sessions=nowhere");
        assert!(wrong.status == 422 && wrong.text().contains("value=\"law\" checked"), "{}", wrong.text());
        assert_eq!(read(&app)["sessions"], json!([]));
        assert_eq!(app.submit(&format!("{path}/fly?token={token}"), "").status, 404);
        // A trailing slash keeps the token; a body that is no form clears nothing.
        assert_eq!(app.browse(&format!("{path}/?token={token}")).status, 200);
        let other = app.send("POST", &format!("{path}/sessions?token={token}"), &[("content-type", "application/json")], Some("{}"));
        assert_eq!(other.status, 415);
        assert_eq!(app.send("HEAD", &format!("{SITE}/en/register"), &BROWSER, None).status, 200);
    }

    fn a_form_that_is_sent_too_often_comes_back_and_says_when_to_try_again(store) {
        let app = Environment::new(store)
            .set("PLENARY_RATE_LIMIT_LOOPBACK", "true")
            .set("PLENARY_REGISTRATIONS_PER_MINUTE", "1")
            .set("PLENARY_REGISTRATIONS_BURST", "1")
            .start();
        app.publish(&small_conference(None, None));
        let path = format!("{SITE}/en/register?category=delegate");
        let form = "category=delegate&given_name=Ada&family_name=Lovelace&email=ada%40example.org&consent=true";
        assert_eq!(app.submit(&path, form).status, 200);
        let seconds = |answer: &Answer| answer.header("retry-after").unwrap().parse::<u32>().unwrap();
        let refused = app.submit(&path, form);
        assert!(refused.status == 429 && refused.text().contains("value=\"Lovelace\""), "{}", refused.text());
        assert!((1..=60).contains(&seconds(&refused)));
        let link = app.submit(&format!("{SITE}/en/registration-link"), "email=ada%40example.org");
        assert_eq!(link.status, 429);
        assert!((1..=60).contains(&seconds(&link)));
    }

    fn a_code_is_not_lost_while_the_store_fails(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let created = app.admin("POST", "/api/v1/conferences/small/invitations", Some(&json!({ "kind": "personal" }))).json();
        let path = format!("{SITE}/en/register?category=delegate&invitation={}", created["code"].as_str().unwrap());
        let form = format!(
            "category=delegate&given_name=&email=ada%40example.org&consent=true&invitation={}",
            created["code"].as_str().unwrap()
        );
        let rename = |from: &str, to: &str| app.environment.database.execute(&format!("ALTER TABLE {from} RENAME TO {to}"));
        rename("invitations", "invitations_away");
        // No answer that the API document allows: nobody foresees a store without a table.
        let client = Client::new(&app.url);
        let form_type = [("content-type", "application/x-www-form-urlencoded")];
        let status = |method, body| client.try_send(method, &path, &form_type, body).unwrap().status;
        assert_eq!((status("GET", None), status("POST", Some(form.as_str()))), (500, 500));
        rename("invitations_away", "invitations");
        assert!(app.browse(&path).text().contains("name=\"invitation\""));
        assert_eq!(app.submit(&path, &form).status, 422);
    }

    fn a_focal_point_names_replaces_and_removes_members_on_a_page(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let request = json!({
            "code": "belgium", "kind": "member_state", "name": { "en": "Belgium" }, "country": "BE", "category": "delegate", "quota": 2,
            "focal_point": { "name": "F. Point", "email": "focal@example.org", "language": "en" }
        });
        let created = app.admin("POST", "/api/v1/conferences/small/delegations", Some(&request));
        assert_eq!(created.status, 201, "{}", created.text());
        let invitation = app.admin("POST", "/api/v1/conferences/small/delegations/belgium/invite-focal-point", Some(&json!({})));
        let link = invitation.json()["link"].as_str().map(str::to_owned).unwrap_or_else(|| panic!("{}", invitation.text()));
        let page = app.browse(app.path_of(&link));
        assert!(page.status == 200 && page.text().contains("Belgium"), "{}", page.text());
        let token = token(page.text());
        let path = format!("{SITE}/en/delegations/belgium");
        let wrong = app.submit(&format!("{path}/members?token={token}"), "given_name=Jo&email=x");
        assert!(wrong.status == 422 && wrong.text().contains("value=\"Jo\"") && wrong.text().contains("id=\"e-email\""), "{}", wrong.text());
        let member = |name: &str| format!("given_name={name}&family_name=Example&email={name}%40example.org&consent=true&level=minister&is_head=true");
        let added = app.submit(&format!("{path}/members?token={token}"), &member("jo"));
        assert!(added.status == 200 && added.text().contains("jo@example.org"), "{}", added.text());
        let first = reference(added.text());
        let redirect = app.browse(&format!("{path}/members/{first}/replace?token={token}"));
        assert!(redirect.text().contains(&format!("members/{first}/replace?token=")), "what is posted to leads back: {}", redirect.text());
        let conflict = app.submit(&format!("{path}/members?token={token}"), &member("jo"));
        assert_eq!((conflict.status, conflict.text().matches("This address is registered already").count()), (409, 1), "{}", conflict.text());
        let form = app.browse(&format!("{path}?token={token}&replace={first}"));
        assert!(form.text().contains(&format!("members/{first}/replace?token=")), "{}", form.text());
        let replaced = app.submit(&format!("{path}/members/{first}/replace?token={token}"), &member("kim"));
        assert!(replaced.text().contains("kim@example.org") && !replaced.text().contains("jo@example.org"), "{}", replaced.text());
        let second = reference(replaced.text());
        let removed = app.submit(&format!("{path}/members/{second}/remove?token={token}"), "");
        assert!(removed.status == 200 && !removed.text().contains("kim@example.org"), "{}", removed.text());
        let stranger = app.browse(&format!("{path}?token=x{token}"));
        assert!(stranger.status == 401 && stranger.text().contains("This link does not work"), "{} {}", stranger.status, stranger.text());
    }

    fn the_pages_of_a_release_are_answered_like_its_documents(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["conference"]["languages"] = json!(["en", "fr", "ar"]);
        blueprint["conference"]["name"]["ar"] = json!("مؤتمر صغير");
        app.publish(&blueprint);
        let programme = app.get_with(&format!("{SITE}/fr/programme"), &BROWSER);
        assert_eq!((programme.status, programme.header("content-language")), (200, Some("fr")));
        assert!(programme.text().contains("<html lang=\"fr\" dir=\"ltr\">") && programme.text().contains("Ouverture"), "{}", programme.text());
        let tag = programme.header("etag").unwrap().to_owned();
        assert_eq!(app.get_with(&format!("{SITE}/fr/programme"), &[("if-none-match", &tag)]).status, 304);
        let arabic = app.browse(&format!("{SITE}/ar/programme"));
        assert!(arabic.text().contains("<html lang=\"ar\" dir=\"rtl\">") && arabic.text().contains("مؤتمر صغير"), "{}", arabic.text());
        let elsewhere = app.get_with(&format!("{SITE}/nl/programme?day=2030-05-01"), &[("accept", "text/html"), ("accept-language", "fr")]);
        let location = elsewhere.header("location");
        assert_eq!((elsewhere.status, location), (303, Some("/conferences/small/fr/programme?day=2030-05-01")), "bookmarks outlive languages");
        for (path, status) in [
            ("", 200), ("/programme?day=2030-05-01&kind=opening", 200), ("/programme?kind=nothing", 200), ("/sessions/opening", 200),
            ("/sessions/closing", 404), ("/speakers", 200), ("/speakers/ada", 200), ("/speakers/eve", 404), ("/call-for-action", 404),
            ("/my-programme", 200), ("/my-programme?session=opening&session=gone", 200), ("/nothing/at/all", 404), ("/registrations/S-1", 404),
        ] {
            let answer = app.get_with(&format!("{SITE}/en{path}"), &BROWSER);
            assert_eq!((answer.status, answer.header("content-type")), (status, Some("text/html; charset=utf-8")), "{path}");
        }
        let mine = app.browse(&format!("{SITE}/en/my-programme?session=opening&session=gone"));
        assert!(mine.text().contains("programme.ics?lang=en&amp;sessions=opening\""), "{}", mine.text());
        assert_eq!(app.get_with(SITE, &[("accept-language", "nl, en;q=0.5")]).header("location"), Some("/conferences/small/en"));
        assert_eq!(app.get_with("/", &BROWSER).header("location"), Some("/conferences/small/en"), "one conference alone is where people want to go");
        assert_eq!(app.browse("/conferences/other/en").status, 404);

        // The next release is served at once.
        blueprint["sessions"][0]["title"] = json!({ "en": "Welcome", "fr": "Bienvenue", "ar": "أهلا" });
        app.publish(&blueprint);
        let fresh = app.get_with(&format!("{SITE}/fr/programme"), &[("if-none-match", &tag)]);
        assert!(fresh.status == 200 && fresh.text().contains("Bienvenue</a>") && !fresh.text().contains("Ouverture</a>"), "{}", fresh.text());
        assert_eq!(app.browse(&format!("{SITE}/en/register")).status, 200);
    }

    fn speakers_are_found_by_words_and_country_and_sorted_as_the_reader_asks(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["organisations"] = json!([{ "code": "rw", "name": "Republic of Rwanda", "kind": "state", "country": "RW" }]);
        blueprint["speakers"] = json!([
            { "code": "ada", "given_name": "Ada", "family_name": "Lovelace", "country": "GB" },
            { "code": "bob", "given_name": "Bob", "family_name": "Álvarez", "country": "BE", "precedence": "minister" },
            { "code": "zoe", "given_name": "Zoé", "family_name": "Uwase", "country": "RW", "organisation": "rw", "precedence": "head_of_state",
              "position": "President" }
        ]);
        app.publish(&blueprint);
        let names = |query: &str| -> Vec<String> {
            let page = app.browse(&format!("{SITE}/en/speakers{query}"));
            let links = page.text().split("<a href=\"/conferences/small/en/speakers/").skip(1);
            links.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
        };
        assert_eq!(names(""), ["ada", "bob", "zoe"]);
        assert_eq!(names("?sort=precedence"), ["zoe", "bob", "ada"]);
        assert_eq!(names("?sort=name"), ["bob", "ada", "zoe"], "Á is sorted as A");
        assert_eq!(names("?sort=role"), ["ada", "bob", "zoe"]);
        assert_eq!(names("?sort=colour"), ["ada", "bob", "zoe"], "an order that is none is that of the agenda");
        assert_eq!(names("?search=ALVAREZ"), ["bob"]);
        assert_eq!(names("?search=president+rwanda"), ["zoe"]);
        assert_eq!(names("?search=%3Cnobody%3E"), [""; 0]);
        assert_eq!(names("?country=GB&sort=name"), ["ada"]);
        assert_eq!(names("?country=GB&search=bob"), [""; 0]);
        let found = app.browse(&format!("{SITE}/en/speakers?search=%22%3Cnobody%3E"));
        for text in ["No speaker matches your choice.", "value=\"&quot;&lt;nobody&gt;\"", ">Show all speakers</a>"] {
            assert!(found.text().contains(text), "{text}: {}", found.text());
        }
        let all = app.browse(&format!("{SITE}/en/speakers?sort=role"));
        assert!(all.text().contains("Keynote speaker</h2>") && all.text().contains("Other speakers</h2>"), "{}", all.text());
        assert!(all.text().contains("United Kingdom</span>") && !all.text().contains("Rwanda</span><span"), "a State needs no country beside it");

        // Nothing is announced: a sentence says so.
        blueprint["sessions"] = json!([]);
        blueprint["speakers"] = json!([]);
        app.publish(&blueprint);
        for path in ["", "/programme", "/programme?view=rooms"] {
            let page = app.browse(&format!("{SITE}/en{path}"));
            assert!(page.text().contains("No session has been announced yet."), "{path}: {}", page.text());
        }
        assert!(app.browse(&format!("{SITE}/en/speakers")).text().contains("No speaker has been announced yet."));
    }

    fn the_programme_by_room_keeps_a_column_for_each_room_of_the_day(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["rooms"] = json!([{ "code": "hall", "name": "Hall" }, { "code": "annex", "name": "Annex" }, { "code": "unused", "name": "Unused" }]);
        let session = |code: &str, room: Option<&str>, starts: &str, ends: &str, track: Option<&str>| json!({
            "code": code, "kind": if room.is_some() { "parallel" } else { "break" }, "title": code, "room": room, "track": track,
            "starts_at": format!("2030-05-01T{starts}"), "ends_at": format!("2030-05-01T{ends}")
        });
        blueprint["sessions"] = json!([
            session("long", Some("hall"), "09:00", "11:00", None), session("first", Some("annex"), "09:00", "10:00", Some("law")),
            session("second", Some("annex"), "10:00", "11:00", None), session("coffee", None, "11:00", "11:30", None)
        ]);
        app.publish(&blueprint);
        let rows = |query: &str| -> Vec<String> {
            let page = app.browse(&format!("{SITE}/en/programme?view=rooms{query}"));
            let table = page.text().split("<table class=\"rooms\">").nth(1).unwrap_or_else(|| panic!("{}", page.text())).to_owned();
            let table = table.split("</table>").next().unwrap();
            table.split("<tr>").skip(1).map(|row| {
                let cells = row.split(['<']).filter(|part| part.starts_with("td") || part.starts_with("th") || part.starts_with("a "));
                cells.map(|part| part.trim_start_matches("a href=\"/conferences/small/en/sessions/").replace(" scope=\"col\"", "")
                    .replace(" class=\"taken\"", "").split(">\n").next().unwrap().split("\">").next().unwrap().trim_end_matches('>').to_owned())
                    .collect::<Vec<_>>().join("|")
            }).collect()
        };
        assert_eq!(rows(""), [
            "thead|th>Time|th>Hall|th>Annex".trim_start_matches("thead|"), "th scope=\"row|td rowspan=\"2\"|long|td|first", "th scope=\"row|td|second",
            "th scope=\"row|td colspan=\"2\""
        ]);
        assert_eq!(rows("&track=law"), ["th>Time|th>Hall|th>Annex", "th scope=\"row|td|td|first"], "a filter moves no room");
        let page = app.browse(&format!("{SITE}/en/programme?track=law"));
        assert!(page.text().contains("href=\"/conferences/small/en/programme?view=rooms&amp;track=law\""), "{}", page.text());
    }

    fn an_invitation_code_opens_its_form_in_a_browser(store) {
        let app = Environment::new(store).start();
        let mut blueprint = small_conference(None, None);
        blueprint["registration"]["categories"][1]["needs_invitation"] = json!(true);
        app.publish(&blueprint);
        let request = json!({ "kind": "personal", "email": "guest@example.org", "category": "press" });
        let created = app.admin("POST", "/api/v1/conferences/small/invitations", Some(&request)).json();
        let link = created["link"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
        let code = link.split("invitation=").nth(1).unwrap().to_owned();
        let page = app.browse(app.path_of(&link));
        assert!(page.status == 200 && page.text().contains(&format!("value=\"{code}\"")), "{}", page.text());
        let form = "category=press&given_name=G&family_name=Uest&email=guest%40example.org&consent=true";
        let refused = app.submit(&format!("{SITE}/en/register?category=press"), form);
        assert_eq!(refused.status, 409, "{}", refused.text());
        assert!(refused.text().contains("value=\"Uest\"") && refused.text().contains("name=\"invitation\""), "{}", refused.text());
        let own = app.submit(&format!("{SITE}/en/register?category=press"), &format!("{form}&invitation={code}"));
        assert!(own.text().contains("Your registration is confirmed"), "{}", own.text());
        let void = app.browse(&format!("{SITE}/en/register?invitation=NOSUCHCODE"));
        assert_eq!(void.status, 200, "a code that opens nothing is told beside the form of those who have none");
    }

    fn an_operator_s_own_templates_texts_and_files_change_the_pages(store) {
        let folder = Folder::create();
        for (name, text) in [
            ("templates/error.html", "{% extends \"layout.html\" %}{% block content %}<p>Own page {{ status }} {{ t(\"greeting\", name=\"<b>\") }}</p>{% endblock %}"),
            ("texts/en/ministry.ftl", "greeting = Hello { $name }\nnav-programme = Agenda of the days\n"),
            ("site.css", ":root { --accent: #003399; }"),
            ("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        ] {
            let path = folder.0.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let app = Environment::new(store).set("PLENARY_SITE_DIR", folder.0.to_str().unwrap()).start();
        app.publish(&small_conference(None, None));
        let page = app.browse(&format!("{SITE}/en/nothing"));
        assert!(page.text().contains("<p>Own page 404 Hello &lt;b&gt;</p>") && page.text().contains("Agenda of the days"), "{}", page.text());
        let style = page.text().split("href=\"/assets/site.").nth(1).unwrap().split('"').next().unwrap();
        let style = app.get(&format!("/assets/site.{style}"));
        assert_eq!((style.text(), style.header("cache-control")), (":root { --accent: #003399; }", Some("public, max-age=31536000, immutable")));
        app.post(REGISTRATIONS, &person(1, "delegate"));
    }
}

#[test]
fn invalid_site_templates_stop_the_start() {
    let folder = Folder::create();
    std::fs::create_dir_all(folder.0.join("templates")).unwrap();
    std::fs::write(folder.0.join("templates/front.html"), "{% if %}").unwrap();
    let environment =
        Environment::new(crate::support::Store::Sqlite).set("PLENARY_SITE_DIR", folder.0.to_str().unwrap());
    let ended = environment.run(&["serve"]);
    let printed = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && printed.contains("site_dir") && printed.contains("front.html"), "{printed}");
    for (source, wrong) in [("{{ t(\"no-such-text\") }}", "no-such-text"), ("{{ asset(\"logo.gif\") }}", "logo.gif")] {
        std::fs::write(folder.0.join("templates/front.html"), source).unwrap();
        let ended = environment.run(&["serve"]);
        let printed = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && printed.contains(wrong), "{printed}");
    }
}

/// Runs `tests/node/site.mjs` in Chromium; each failed assertion of it fails the test, and so do fewer than expected.
fn run_in_chromium(app: &App, what: &str, assertions_min: usize, variables: &[(&str, &str)]) {
    let folder = repository().join("tests/node");
    let output = Command::new("node")
        .arg("site.mjs")
        .arg(what)
        .current_dir(&folder)
        .env("SITE_URL", &app.url)
        .env("SITE_TOKEN", app.authorization().trim_start_matches("Bearer "))
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed: Vec<&str> = printed.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert_eq!(failed, [""; 0]);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.lines().filter(|line| line.starts_with("ok")).count() >= assertions_min, "{printed}");
}

/// Whether there is a browser, and its driver.
fn chromium_is_available() -> bool {
    let browser = std::env::var("PLENARY_TEST_CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let driver = repository().join("tests/node/node_modules/playwright-core");
    let found = Path::new(&browser).exists() && driver.exists();
    if !found {
        crate::support::report_skipped(
            "PLENARY_TEST_CHROMIUM (default /usr/bin/chromium) or tests/node/node_modules is missing",
        );
    }
    found
}

on_both_stores! {
    fn a_person_registers_waits_is_promoted_and_reads_a_new_release_in_chromium(store) {
        if !chromium_is_available() {
            return;
        }
        let mail = Folder::create();
        let app = Environment::new(store).set("PLENARY_MAIL_URL", &format!("file:{}", mail.0.display())).start();
        let mut blueprint = small_conference(None, Some(1));
        blueprint["registration"]["categories"][1]["verifies_email"] = json!(true);
        blueprint["registration"]["questions"] = json!([
            { "code": "diet", "kind": "single_choice", "label": { "en": "Diet", "fr": "Régime" },
              "options": [{ "code": "all", "label": "Everything" }, { "code": "other", "label": "Other" }] },
            { "code": "which", "kind": "short_text", "label": "Which?", "required": true, "shown_if": { "question": "diet", "any_of": ["other"] } }
        ]);
        app.publish(&blueprint);
        let pictures = repository().join("target/screenshots");
        let pictures = if store == Store::Sqlite { pictures.to_str().unwrap().to_owned() } else { String::new() };
        run_in_chromium(&app, "journey", 20, &[("SITE_SLUG", "small"), ("SITE_MAIL", mail.0.to_str().unwrap()), ("SITE_SCREENSHOTS", &pictures)]);
        assert_eq!(app.environment.database.texts("SELECT state AS n FROM registrations ORDER BY arrival"), ["cancelled", "confirmed"]);
    }
}

#[test]
fn every_english_page_is_accessible_and_light_in_both_themes() {
    audit_in_chromium("en", "light dark");
}

#[test]
fn every_french_page_is_accessible_and_light_in_both_themes() {
    audit_in_chromium("fr", "light dark");
}

#[test]
fn every_dutch_page_is_accessible_and_light() {
    audit_in_chromium("nl", "light");
}

/// Audits all pages of the example in one language: axe, overflow on a phone and on a desk, the Nu validator, the weight.
fn audit_in_chromium(language: &str, schemes: &str) {
    if !chromium_is_available() {
        return;
    }
    let app = Environment::with_example(Store::Sqlite).start();
    let path = "/api/v1/conferences/genocide-prevention-2014";
    let everywhere = |text: &str| json!({ "en": text, "fr": text, "nl": text });
    let setup = json!({
        "contact": { "name": "Protocol office", "email": "protocol@ministry.example", "phone": "+32 2 000 00 00" },
        "controller": { "name": everywhere("Ministry"), "address": "Rue Longue 1\n1000 Brussels", "data_protection_officer": "dpo@ministry.example" },
        "privacy_notice": everywhere("We keep **what you enter**."), "legal_notice": everywhere("# Publisher"),
        "accessibility_statement": "There is an induction loop.", "emblem_text": "Kingdom of Belgium",
        "pages": [{ "code": "visa", "title": everywhere("Visa"), "body": "| Country | Days |\n|---|---|\n| Chad | 9 |\n\n[Ask](https://embassy.example/)." }]
    });
    assert_eq!(app.admin("PUT", &format!("{path}/site"), Some(&setup)).status, 200);
    let category =
        app.get(&format!("{path}/registration-form")).json()["categories"][0]["code"].as_str().unwrap().to_owned();
    let created = app.post(&format!("{path}/registrations"), &person(1, &category));
    assert_eq!(created.status, 201, "{}", created.text());
    let page = created.json()["links"]["self"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let request = json!({
        "code": "belgium", "kind": "member_state", "name": { "en": "Belgium", "fr": "Belgique" }, "country": "BE", "category": category, "quota": 5,
        "focal_point": { "name": "F. Point", "email": "focal@example.org", "language": "en" }
    });
    assert_eq!(app.admin("POST", &format!("{path}/delegations"), Some(&request)).status, 201);
    let invitation =
        app.admin("POST", &format!("{path}/delegations/belgium/invite-focal-point"), Some(&json!({}))).json();
    let link = invitation["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let token = link.split_once("?token=").unwrap().1;
    let member = "given_name=Ada&family_name=Lovelace&email=ada%40example.org&consent=true&level=minister";
    let added = app
        .submit(&format!("/conferences/genocide-prevention-2014/en/delegations/belgium/members?token={token}"), member);
    assert!(added.status == 200 && added.text().contains("ada@example.org"), "{}", added.text());
    run_in_chromium(
        &app,
        "audit",
        // Twenty-six pages in two widths, in each theme.
        52 * schemes.split(' ').count(),
        &[
            ("SITE_SLUG", "genocide-prevention-2014"),
            ("SITE_LANGUAGE", language),
            ("SITE_SCHEMES", schemes),
            ("SITE_OWN", &format!("/registrations/{page}")),
            ("SITE_CATEGORY", &category),
            ("SITE_DELEGATION", &format!("/delegations/{link}")),
            ("SITE_SCREENSHOTS", repository().join("target/screenshots").to_str().unwrap()),
        ],
    );
}
