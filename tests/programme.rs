//! The public programme: releases of the draft, in parts, in languages, from caches.

use serde_json::{Value, json};

use crate::support::{
    App,
    app::{Environment, small_conference},
    on_both_stores,
};

const EXAMPLE: &str = "/api/v1/conferences/genocide-prevention-2014";
const SMALL: &str = "/api/v1/conferences/small";

fn get(app: &App, path: &str) -> Value {
    let answer = app.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|element| element[key].as_str().unwrap()).collect()
}

on_both_stores! {
    fn the_draft_is_not_read_until_it_is_released_and_a_release_stays_as_it_was(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        let blueprint = format!("{SMALL}/blueprint");
        assert_eq!(app.admin("PUT", &blueprint, Some(&document)).status, 200);
        assert_eq!(app.get(&format!("{SMALL}/programme")).problem(), (404, "not-found".to_owned()));
        assert_eq!(get(&app, "/api/v1/conferences")["data"], json!([]), "no public list shows a draft");
        let released = app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({ "note": "First" })));
        assert_eq!(released.status, 201);
        assert_eq!(released.header("location"), Some("/api/v1/conferences/small/releases/1"));
        assert_eq!(texts(&get(&app, "/api/v1/conferences")["data"], "slug"), ["small"]);
        let first = app.get(&format!("{SMALL}/programme"));

        document["sessions"][0]["title"] = json!({ "en": "Grand opening" });
        document["sessions"][0]["starts_at"] = json!("2030-05-01T08:30");
        assert_eq!(app.admin("PUT", &blueprint, Some(&document)).status, 200);
        assert_eq!(app.get(&format!("{SMALL}/programme")).body, first.body, "the draft stays a draft");
        let released = app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({}))).json();
        assert_eq!(released["number"], 2);
        assert_eq!(released["changes"].as_array().unwrap().len(), 1);
        let change = &released["changes"][0];
        assert_eq!((&change["action"], &change["resource"], &change["code"]), (
            &json!("update"), &json!("session"), &json!("opening")
        ));
        assert_eq!(change["fields"], json!(["starts_at", "title"]));
        assert_eq!(change["before"], json!({
            "starts_at": "2030-05-01T09:00:00+02:00", "title": { "en": "Opening", "fr": "Ouverture" }
        }));
        assert_eq!(change["after"], json!({
            "starts_at": "2030-05-01T08:30:00+02:00", "title": { "en": "Grand opening" }
        }));
        assert_eq!(get(&app, &format!("{SMALL}/programme"))["days"][0]["sessions"][0]["title"], "Grand opening");
        assert_eq!(app.get(&format!("{SMALL}/programme?version=1")).body, first.body);
        assert_eq!(app.get(&format!("{SMALL}/programme?version=3")).status, 404);
        assert_eq!(app.get(&format!("{SMALL}/programme?version=0")).faults(), ["?version invalid_number"]);

        let list = get(&app, &format!("{SMALL}/releases"));
        assert_eq!(list["data"].as_array().unwrap().iter().map(|row| &row["number"]).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(list["next"], Value::Null);
        let page = app.get(&format!("{SMALL}/releases?limit=1"));
        let next = page.json()["next"].as_str().unwrap().to_owned();
        assert_eq!(page.header("link"), Some(format!("<{next}>; rel=\"next\"").as_str()));
        assert_eq!(get(&app, &next)["data"][0]["note"], "First");
        assert_eq!(get(&app, &format!("{SMALL}/releases/2/changes"))["changes"], released["changes"]);
        assert_eq!(get(&app, &format!("{SMALL}/releases/1"))["note"], "First");
        assert_eq!(app.get(&format!("{SMALL}/releases/9")).status, 404);
    }

    fn a_session_outside_the_days_of_the_conference_prevents_a_release(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        document["sessions"][0]["starts_at"] = json!("2030-05-03T09:00");
        document["sessions"][0]["ends_at"] = json!("2030-05-03T10:00");
        assert_eq!(app.admin("PUT", &format!("{SMALL}/blueprint"), Some(&document)).status, 200, "a draft may");
        let refused = app.admin("POST", &format!("{SMALL}/releases"), Some(&json!({})));
        assert_eq!(refused.problem(), (409, "agenda-conflicts".to_owned()));
        assert_eq!(refused.json()["conflicts"][0]["pointer"], "#/sessions/0/starts_at");
        document["days"] = json!([{ "date": "2030-05-01" }, { "date": "2030-05-02", "changeover": "04:00" }]);
        document["sessions"][0]["starts_at"] = json!("2030-05-03T03:59");
        app.publish(&document);
        let day = get(&app, &format!("{SMALL}/programme/days/2030-05-02"));
        assert_eq!(texts(&day["sessions"], "code"), ["opening"], "before its changeover a night is the day before");
    }

    fn the_programme_shows_on_whose_behalf_somebody_speaks(store) {
        let app = Environment::new(store).start();
        let mut document = small_conference(None, None);
        document["sessions"][0]["kind"] = json!("high_level_political");
        document["sessions"][0]["appearances"] = json!([{ "speaker": "bob", "role": "chair", "on_behalf_of": "ada" }]);
        let items = &mut document["sessions"][0]["items"];
        items[0]["appearances"][0]["on_behalf_of"] = json!("bob");
        items[1]["appearances"][0]["on_behalf_of"] = json!("ada");
        app.publish(&document);
        let reference = |code: &str, name: &str| {
            json!({ "code": code, "name": name, "honorific": null, "position": null, "organisation": null })
        };
        let (ada, bob) = (reference("ada", "Ada Lovelace"), reference("bob", "Bob Noyce"));
        let programme = get(&app, &format!("{SMALL}/programme"));
        let high_level = get(&app, &format!("{SMALL}/programme/high-level-session"));
        for session in [&programme["days"][0]["sessions"][0], &high_level] {
            assert_eq!(session["appearances"], json!([{ "role": "chair", "speaker": bob, "on_behalf_of": ada }]));
            assert_eq!(session["items"][0]["appearances"], json!([
                { "role": "keynote_speaker", "speaker": ada, "on_behalf_of": bob }
            ]));
            assert_eq!(session["items"][1]["appearances"][1], json!({
                "role": "moderator", "speaker": ada, "on_behalf_of": null
            }));
        }
        let panel = get(&app, &format!("{SMALL}/programme/panels"))["data"][0].clone();
        assert_eq!((&panel["panellists"][0]["code"], &panel["panellists"][0]["on_behalf_of"]), (&json!("bob"), &ada));
        assert_eq!(panel["moderators"][0]["on_behalf_of"], Value::Null);
        let keynote = get(&app, &format!("{SMALL}/programme/keynotes"))["data"][0].clone();
        assert_eq!((&keynote["speakers"][0]["code"], &keynote["speakers"][0]["on_behalf_of"]), (&json!("ada"), &bob));
        let appearances = get(&app, &format!("{SMALL}/programme/speakers/bob"))["appearances"].clone();
        let behalf: Vec<&Value> = appearances.as_array().unwrap().iter().map(|appearance| &appearance["on_behalf_of"]).collect();
        assert_eq!(behalf, [&ada, &ada]);
    }

    fn the_example_is_the_conference_of_2014(store) {
        let app = App::with_example(store);
        let programme = get(&app, &format!("{EXAMPLE}/programme"));
        assert_eq!(programme["conference"]["name"], "International Conference on Genocide Prevention");
        assert_eq!(programme["conference"]["venue"]["name"], "Egmont Palace");
        assert_eq!(programme["release"]["number"], 1);
        assert_eq!(programme["languages"], json!(["en", "fr", "nl"]));
        assert_eq!(texts(&programme["days"], "date"), ["2014-03-31", "2014-04-01"]);
        assert_eq!(programme["tracks"].as_array().unwrap().len(), 4);
        let sessions: Vec<&Value> =
            programme["days"].as_array().unwrap().iter().flat_map(|day| day["sessions"].as_array().unwrap()).collect();
        let thematic: Vec<_> = sessions.iter().filter(|session| session["kind"] == "thematic").collect();
        assert_eq!(thematic.len(), 4);
        for session in thematic {
            let kinds = texts(&session["items"], "kind");
            let keynotes = kinds.iter().take_while(|kind| **kind == "keynote").count();
            assert!(keynotes >= 1, "{kinds:?}");
            assert_eq!(&kinds[keynotes..keynotes + 1], ["panel"], "keynotes, then a panel");
            assert!(session["starts_at"].as_str().unwrap().ends_with("+02:00"));
        }
        let first = &programme["days"][0]["sessions"][0];
        assert_eq!(first["items"][0]["kind"], "welcome_address");
        assert_eq!(first["items"][0]["appearances"][0]["speaker"]["code"], "didier-reynders");

        let keynotes = get(&app, &format!("{EXAMPLE}/programme/keynotes"));
        let bauer = keynotes["data"].as_array().unwrap().iter()
            .find(|keynote| keynote["title"] == "Can Genocide and Mass Atrocities Be Prevented?").unwrap();
        assert_eq!(texts(&bauer["speakers"], "code"), ["yehuda-bauer"]);
        let panels = get(&app, &format!("{EXAMPLE}/programme/panels"));
        assert_eq!(panels["data"].as_array().unwrap().len(), 4);
        let civil = panels["data"].as_array().unwrap().iter()
            .find(|panel| panel["moderators"].as_array().is_some_and(|moderators| !moderators.is_empty())).unwrap();
        assert_eq!(texts(&civil["moderators"], "code"), ["simon-adams"]);
        assert_eq!(texts(&civil["panellists"], "code"), ["andrew-burns"]);

        let high = get(&app, &format!("{EXAMPLE}/programme/high-level-session"));
        assert_eq!(high["kind"], "high_level_political");
        let speaker = |item: &Value| item["appearances"][0]["speaker"]["code"].clone();
        assert_eq!(speaker(&high["ministerial_interventions"][0]), "evangelos-venizelos");
        let responses: Vec<_> = high["institutional_responses"].as_array().unwrap().iter().map(speaker).collect();
        assert_eq!(responses, ["ban-ki-moon", "thorbjorn-jagland", "nkosazana-dlamini-zuma"]);
        for item in high["items"].as_array().unwrap() {
            assert!(item["kind"] != "ministerial_intervention" && item["kind"] != "institutional_response");
        }

        let call = get(&app, &format!("{EXAMPLE}/call-for-action"));
        assert_eq!(call["issued_by"], json!({ "code": "didier-reynders", "name": "Didier Reynders" }));
        assert_eq!(call["status"], "adopted");
        let commitments = call["commitments"].as_array().unwrap();
        assert!(commitments.len() >= 4);
        assert!(commitments.iter().zip(1..).all(|(commitment, number)| commitment["number"] == number));
        assert!(commitments[0]["text"].as_str().unwrap().contains("Convention"));

        let ban = get(&app, &format!("{EXAMPLE}/programme/speakers/ban-ki-moon"));
        assert_eq!(ban["name"], "Ban Ki-moon");
        assert_eq!(ban["appearances"].as_array().unwrap().len(), 1);
        assert_eq!(ban["appearances"][0]["session"]["code"], high["code"]);
    }

    fn a_reader_gets_their_language_or_all_of_them(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let path = format!("{SMALL}/programme/sessions/opening");
        for (query, accept, title, language) in [
            ("", None, "Opening", "en"),
            ("", Some("fr-BE,en;q=0.8"), "Ouverture", "fr"),
            ("", Some("de"), "Opening", "en"),
            ("?lang=fr", Some("en"), "Ouverture", "fr"),
        ] {
            let headers: Vec<_> = accept.iter().map(|value| ("accept-language", *value)).collect();
            let answer = app.get_with(&format!("{path}{query}"), &headers);
            assert_eq!(answer.json()["title"], title);
            assert_eq!(answer.header("content-language"), Some(language));
            assert!(answer.header("vary").unwrap().contains("Accept-Language"));
        }
        let all = app.get(&format!("{path}?lang=*"));
        assert_eq!(all.json()["title"], json!({ "en": "Opening", "fr": "Ouverture" }));
        assert_eq!(all.json()["items"][0]["title"], json!({ "en": "Welcome" }));
        assert_eq!(app.get(&format!("{path}?lang=de")).faults(), ["?lang unknown_language"]);
        let french = get(&app, &format!("{path}?lang=fr"));
        assert_eq!(french["items"][0]["title"], "Welcome", "what is not translated is shown as it is");
    }

    fn filters_combine_and_unknown_values_are_faults(store) {
        let app = App::with_example(store);
        let codes = |query: &str| -> Vec<String> {
            let list = get(&app, &format!("{EXAMPLE}/programme/sessions{query}"));
            texts(&list["data"], "code").into_iter().map(str::to_owned).collect()
        };
        let all = codes("");
        let (first, second) = (codes("?day=2014-03-31"), codes("?day=2014-04-01"));
        assert_eq!([first.clone(), second.clone()].concat(), all);
        let tracks = get(&app, &format!("{EXAMPLE}/programme/tracks"));
        let track = tracks["data"][2]["code"].as_str().unwrap();
        assert_eq!(codes(&format!("?track={track}&kind=thematic")).len(), 1);
        assert_eq!(codes(&format!("?track={track}&day=2014-04-01")), Vec::<String>::new());
        assert_eq!(codes("?speaker=ban-ki-moon&kind=high_level_political").len(), 1);
        let items = |list: &str, speaker: &str| {
            get(&app, &format!("{EXAMPLE}/programme/{list}?speaker={speaker}"))["data"].as_array().unwrap().len()
        };
        assert_eq!((items("panels", "andrew-burns"), items("keynotes", "andrew-burns")), (1, 0));
        let days = get(&app, &format!("{EXAMPLE}/programme?day=2014-04-01"))["days"].clone();
        assert_eq!(texts(&days, "date"), ["2014-04-01"]);
        assert_eq!(texts(&days[0]["sessions"], "code"), second);
        let wrong = app.get(&format!("{EXAMPLE}/programme?day=2015-01-01&track=x&room=y&speaker=z&kind=thematic"));
        assert_eq!(wrong.faults(), [
            "?day unknown_reference", "?track unknown_reference", "?room unknown_reference", "?speaker unknown_reference"
        ]);
        let unread = app.get(&format!("{EXAMPLE}/programme/panels?day=tomorrow&kind=party&colour=red&lang=en&lang=fr"));
        let mut faults = unread.faults();
        faults.sort();
        assert_eq!(faults, ["?colour unknown_field", "?day invalid_date", "?kind unknown_value", "?lang given_twice"]);
    }

    fn a_cache_with_the_present_version_gets_304(store) {
        let app = Environment::new(store).start();
        app.publish(&small_conference(None, None));
        let path = format!("{SMALL}/programme");
        let first = app.get_dated(&path);
        let tag = first.header("etag").unwrap().to_owned();
        assert!(tag.starts_with('"'), "a strong tag");
        assert!(first.header("cache-control").unwrap().starts_with("public, max-age="));
        let modified = first.header("last-modified").unwrap().to_owned();
        for headers in [
            vec![("if-none-match", tag.as_str())],
            vec![("if-none-match", "\"other\", *")],
            vec![("if-modified-since", modified.as_str())],
        ] {
            let repeated = app.get_with(&path, &headers);
            assert_eq!(repeated.status, 304, "{headers:?}");
            assert_eq!(repeated.header("etag"), Some(tag.as_str()));
            assert!(repeated.header("cache-control").is_some() && repeated.header("vary").is_some());
        }
        assert_eq!(app.get_with(&path, &[("if-none-match", "\"other\"")]).status, 200);
        let french = app.get(&format!("{path}?lang=fr"));
        assert_ne!(french.header("etag"), Some(tag.as_str()));
        let head = app.send("HEAD", &path, &[], None);
        assert_eq!((head.status, head.header("etag")), (200, Some(tag.as_str())));
        assert_eq!(head.header("content-length"), Some(first.body.len().to_string().as_str()));
        let mut changed = small_conference(None, None);
        changed["sessions"][0]["title"] = json!("Changed");
        app.publish(&changed);
        assert_eq!(app.get_with(&path, &[("if-none-match", &tag)]).status, 200, "another release, another tag");
    }
}
