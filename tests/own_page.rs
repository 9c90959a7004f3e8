//! What the holder of a personal link finds on their page: their programme, their calendar, their answers.

use serde_json::{Value, json};

use crate::support::{
    app::{Environment, person, small_conference},
    on_both_stores,
};

const CONFERENCE: &str = "/api/v1/conferences/small";

/// A conference with sessions to sign up for and questions to answer.
fn conference() -> Value {
    let mut blueprint = small_conference(None, None);
    let workshop = |code: &str, starts_at: &str, ends_at: &str| json!({ "code": code, "kind": "parallel", "title": { "en": code }, "access": "sign_up", "seats": 1, "starts_at": starts_at, "ends_at": ends_at });
    blueprint["sessions"].as_array_mut().unwrap().push(workshop("workshop", "2030-05-01T14:00", "2030-05-01T15:00"));
    blueprint["sessions"].as_array_mut().unwrap().push(workshop("seminar", "2030-05-02T14:00", "2030-05-02T15:00"));
    blueprint["registration"]["questions"] = json!([
        { "code": "visa", "kind": "yes_no", "label": { "en": "Do you need a visa?", "fr": "Visa ?" } },
        { "code": "passport", "kind": "country", "label": { "en": "Country of your passport", "fr": "Pays du passeport" } },
        { "code": "days", "kind": "multiple_choice", "label": { "en": "Days", "fr": "Jours" }, "options": [
            { "code": "first", "label": { "en": "The first", "fr": "Le premier" } }, { "code": "second", "label": { "en": "The second", "fr": "Le second" } }
        ] },
        { "code": "diet", "kind": "short_text", "label": { "en": "Diet" } }
    ]);
    blueprint
}

on_both_stores! {
    fn a_personal_link_opens_one_programme_a_calendar_and_the_answers(store) {
        let app = Environment::new(store).start();
        app.publish(&conference());
        let mut first = person(1, "delegate");
        first["sessions"] = json!(["seminar"]);
        assert_eq!(app.post(&format!("{CONFERENCE}/registrations"), &first).status, 201);
        let mut form = person(2, "delegate");
        form["sessions"] = json!(["workshop", "seminar"]);
        form["answers"] = json!({ "visa": true, "passport": "RW", "days": ["first", "second"] });
        let receipt = app.post(&format!("{CONFERENCE}/registrations"), &form).json();
        let reference = receipt["reference"].as_str().unwrap();
        let link = app.path_of(receipt["links"]["self"].as_str().unwrap()).to_owned();
        let token = link.split_once("token=").unwrap().1;
        let own = format!("/conferences/small/fr/registrations/{reference}");

        // The answers, in the words of the form and the language of the page.
        let page = app.browse(&format!("{own}?token={token}")).text().to_owned();
        for (label, answer) in [("Visa ?", "<bdi>Oui</bdi>"), ("Pays du passeport", "<bdi>Rwanda</bdi>"),
            ("Jours", "<bdi>Le premier</bdi>, <bdi>Le second</bdi>")] {
            assert!(page.contains(&format!("<dt>{label}</dt><dd>{answer}</dd>")), "{label}: {page}");
        }
        assert!(!page.contains("<dt>Diet</dt>") && !page.contains("lang=\"en\" dir=\"ltr\">Diet"), "{page}");

        // One programme: what was signed up for, and what was chosen besides.
        let programme = format!("{own}/my-programme?token={token}");
        assert!(page.contains(&format!("href=\"{programme}\"")), "{page}");
        let page = app.browse(&format!("{programme}&session=opening&session=gone")).text().to_owned();
        let order: Vec<usize> = ["id=\"opening\"", "id=\"workshop\"", "id=\"seminar\""].map(|id| page.find(id).unwrap_or_else(|| panic!("{id}: {page}"))).to_vec();
        assert!(order.is_sorted(), "{order:?}");
        assert!(page.contains("3 séances") || page.contains("3 sessions"), "{page}");
        assert_eq!(page.matches("<strong>Vous avez une place</strong>").count(), 1, "{page}");
        assert_eq!(page.matches("<strong>(liste d’attente)</strong>").count(), 1, "{page}");
        assert!(page.contains("name=\"session\" value=\"opening\"") && !page.contains("name=\"session\" value=\"workshop\""), "{page}");
        assert_eq!(app.browse(&format!("{own}/my-programme?token=wrong")).status, 401);

        // The calendar has the entries of the letters: the conference, and the sessions with a seat.
        let calendar = format!("{CONFERENCE}/registrations/{reference}/calendar.ics?token={token}");
        assert!(page.contains(&format!("href=\"{calendar}\"")), "{page}");
        let answer = app.get(&calendar);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/calendar; charset=utf-8")));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let lines = |name: &str| answer.text().replace("\r\n ", "").lines().filter_map(|line| line.strip_prefix(name).map(str::to_owned)).collect::<Vec<_>>();
        assert_eq!(lines("SUMMARY:"), ["Small conference", "workshop"]);
        assert_eq!(lines("DTSTART:"), ["20300501T120000Z"]);
        let uids = lines("UID:");
        let (id, host) = uids[0].split_once('@').unwrap();
        assert!(uids[1].ends_with(&format!(".{id}@{host}")), "{uids:?}");
        assert_eq!(app.get(&calendar.replace(token, "wrong")).status, 401);
        let cancelled = app.post(&format!("{CONFERENCE}/registrations/{reference}/cancel?token={token}"), &json!({}));
        assert_eq!(cancelled.status, 200);
        assert_eq!(app.get(&calendar).problem(), (409, "wrong-state".to_owned()));
        let page = app.browse(&format!("{own}?token={token}")).text().to_owned();
        assert!(!page.contains("calendar.ics?token="), "{page}");
    }

    fn the_calendar_of_a_private_conference_is_for_whoever_holds_the_link(store) {
        let app = Environment::new(store).start();
        app.publish(&conference());
        let receipt = app.post(&format!("{CONFERENCE}/registrations"), &person(1, "delegate")).json();
        let link = app.path_of(receipt["links"]["self"].as_str().unwrap()).to_owned();
        let listing = json!({ "listing": "private" });
        assert_eq!(app.admin("PATCH", &format!("{CONFERENCE}/agenda/conference"), Some(&listing)).status, 200);
        let calendar = link.replace('?', "/calendar.ics?");
        assert_eq!(app.get(&calendar).status, 200);
        let page = app.browse(&link.replace("/api/v1/conferences/small/", "/conferences/small/en/").replace('?', "/my-programme?"));
        assert_eq!(page.status, 200, "{}", page.text());
        let unknown = calendar.replace("/small/", "/nowhere/");
        assert_eq!((app.get(&format!("{calendar}x")).problem(), app.get(&unknown).status), (app.get(&unknown).problem(), 401));
    }
}
