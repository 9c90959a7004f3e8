//! Delegations: what a registrar sets up, and what a focal point does with members, alone and concurrently.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::{
    Answer, App,
    app::{ADMIN, Environment, person, small_conference},
    on_both_stores,
};

const CONFERENCE: &str = "/api/v1/conferences/small";

fn conference(seats: Option<u32>, rules: &Value) -> Value {
    let mut blueprint = small_conference(seats, None);
    let delegate = blueprint["registration"]["categories"][0].as_object_mut().unwrap();
    delegate.extend(rules.as_object().unwrap().clone());
    blueprint
}

fn start(environment: Environment, seats: Option<u32>, rules: &Value) -> App {
    let app = environment.start();
    app.publish(&conference(seats, rules));
    app
}

/// A delegation with a focal point, and the focal point's token.
struct TestDelegation<'a> {
    app: &'a App,
    code: String,
    token: String,
}

impl<'a> TestDelegation<'a> {
    fn open(app: &'a App, country: &str, quota: Option<u32>) -> Self {
        let request = json!({
            "kind": "member_state", "country": country, "category": "delegate", "quota": quota,
            "focal_point": { "name": "Focal Point", "email": format!("mission-{country}@example.org"), "language": "fr" }
        });
        let created = app.admin("POST", &format!("{CONFERENCE}/delegations"), Some(&request));
        assert_eq!(created.status, 201, "{}", created.text());
        let code = created.json()["code"].as_str().unwrap().to_owned();
        let mut delegation = Self { app, code, token: String::new() };
        delegation.token = delegation.invite(false);
        delegation
    }

    fn path(&self) -> String {
        format!("{CONFERENCE}/delegations/{}", self.code)
    }

    fn invite(&self, renew: bool) -> String {
        let path = format!("{}/invite-focal-point", self.path());
        let invitation = self.app.admin("POST", &path, Some(&json!({ "renew": renew }))).json();
        invitation["link"].as_str().unwrap().split_once("?token=").unwrap().1.to_owned()
    }

    fn send(&self, method: &str, part: &str, body: Option<&Value>) -> Answer {
        let path = format!("{}{part}?token={}", self.path(), self.token);
        let headers = [("content-type", "application/json")];
        self.app.send(method, &path, &headers, body.map(Value::to_string).as_deref())
    }

    fn add(&self, number: usize) -> Answer {
        self.send("POST", "/members", Some(&member_form(number)))
    }

    fn add_successfully(&self, number: usize) -> Value {
        let answer = self.add(number);
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    fn replace(&self, member: &Value, number: usize) -> Answer {
        let path = format!("/members/{}/replace", member["reference"].as_str().unwrap());
        self.send("POST", &path, Some(&member_form(number)))
    }

    fn remove(&self, member: &Value) -> Answer {
        self.send("DELETE", &format!("/members/{}", member["reference"].as_str().unwrap()), None)
    }

    fn patch(&self, member: &Value, patch: &Value) -> Answer {
        self.send("PATCH", &format!("/members/{}", member["reference"].as_str().unwrap()), Some(patch))
    }

    fn read(&self) -> Value {
        let answer = self.send("GET", "", None);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    fn import(&self, query: &str, table: &str) -> Answer {
        let path = format!("{}/members/import?token={}{query}", self.path(), self.token);
        self.app.send("POST", &path, &[("content-type", "text/csv")], Some(table))
    }

    fn names(&self) -> Vec<String> {
        let members = self.read()["members"].as_array().unwrap().clone();
        members.iter().map(|member| member["given_name"].as_str().unwrap().to_owned()).collect()
    }
}

fn member_form(number: usize) -> Value {
    let mut form = person(number, "delegate");
    form.as_object_mut().unwrap().remove("category");
    form
}

/// Checks with SQL that the counters of the store are right.
fn assert_members_add_up(app: &App) {
    let live = "('unverified', 'pending', 'confirmed', 'waitlisted')";
    let wrong = app.count(&format!(
        "SELECT count(*) AS n FROM delegations d WHERE d.members <> (SELECT count(*) FROM delegation_members m \
         JOIN registrations r ON r.id = m.registration_id WHERE m.delegation_id = d.id AND r.state IN {live})"
    ));
    assert_eq!(wrong, 0, "members are not those who are live");
    assert_eq!(app.count("SELECT count(*) AS n FROM delegations WHERE members > quota"), 0);
    let wrong = app.count(
        "SELECT count(*) AS n FROM categories c WHERE c.seats_taken <> (SELECT count(*) FROM registrations r \
         WHERE r.category_id = c.id AND r.state = 'confirmed') + \
         (SELECT coalesce(sum(i.seats_reserved), 0) FROM invitations i WHERE i.category_id = c.id)",
    );
    assert_eq!(wrong, 0, "seats are not those that are held");
    let final_heads = format!(
        "SELECT count(*) AS n FROM delegation_members m JOIN registrations r ON r.id = m.registration_id \
         WHERE m.is_head AND r.state NOT IN {live}"
    );
    assert_eq!(app.count(&final_heads), 0);
}

on_both_stores! {
    fn all_193_member_states_have_a_delegation_with_their_names(store) {
        let app = start(Environment::new(store), None, &json!({}));
        let states = app.get("/api/v1/reference/member-states");
        assert_eq!(states.json()["data"].as_array().unwrap().len(), 193);
        assert!(states.header("etag").is_some());
        let path = format!("{CONFERENCE}/delegations/member-states");
        let some = json!({ "countries": ["RW", "BE"], "category": "delegate", "quota": 4 });
        let created = app.admin("POST", &path, Some(&some)).json();
        assert_eq!(created, json!({ "created": ["rw", "be"], "existing": 0 }));
        let all = json!({ "category": "delegate", "quota": 3 });
        let created = app.admin("POST", &path, Some(&all)).json();
        assert_eq!((created["created"].as_array().unwrap().len(), &created["existing"]), (191, &json!(2)));
        assert_eq!(app.admin("POST", &path, Some(&all)).json(), json!({ "created": [], "existing": 193 }));
        let wrong = json!({ "countries": ["VA", "FR", "FR"], "category": "nobody" });
        assert_eq!(app.admin("POST", &path, Some(&wrong)).faults(), [
            "#/category unknown_reference", "#/countries/0 unknown_reference", "#/countries/2 duplicate"
        ]);
        let read = |code: &str| app.admin("GET", &format!("{CONFERENCE}/delegations/{code}"), None).json();
        let turkiye = read("tr");
        assert_eq!(turkiye["name"], json!({ "en": "Türkiye", "fr": "Türkiye" }));
        assert_eq!(turkiye["regional_group"], "western_european_and_others");
        assert_eq!((&read("rw")["quota"], &read("us")["quota"]), (&json!(4), &json!(3)));
        assert_eq!(read("ci")["name"]["fr"], "Côte d'Ivoire");
        // The pages of the list have each delegation once.
        let mut next = Some(format!("{CONFERENCE}/delegations?limit=100&sort=-regional_group"));
        let mut codes = Vec::new();
        while let Some(path) = next {
            let page = app.admin("GET", &path, None).json();
            codes.extend(page["data"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()));
            next = page["next"].as_str().map(str::to_owned);
        }
        assert_eq!(codes.iter().collect::<std::collections::BTreeSet<_>>().len(), 193);
        assert_eq!(codes.len(), 193);
        let african = app.admin("GET", &format!("{CONFERENCE}/delegations?regional_group=african&name=rwa"), None).json();
        assert_eq!(african["data"].as_array().unwrap().len(), 1);
        assert_eq!(app.admin("DELETE", CONFERENCE, None).status, 204);
    }

    fn a_registrar_creates_delegations_and_lists_them_by_size_and_head(store) {
        let app = start(Environment::new(store), None, &json!({}));
        let create = |request: &Value| app.admin("POST", &format!("{CONFERENCE}/delegations"), Some(request));
        let holy_see = json!({ "kind": "observer", "code": "holy-see", "country": "VA", "name": { "en": "Holy See", "fr": "Saint-Siège" }, "category": "delegate" });
        assert_eq!(create(&holy_see).status, 201);
        assert_eq!(create(&holy_see).problem(), (409, "delegation-taken".to_owned()));
        let au = json!({ "kind": "organisation", "code": "african-union", "name": "African Union", "category": "delegate", "quota": 0, "regional_group": "african" });
        assert_eq!(create(&au).json()["name"], json!({ "en": "African Union" }));
        let wrong = json!({ "kind": "member_state", "country": "VA", "regional_group": "african", "category": "x", "name": { "de": "x" },
            "focal_point": { "name": "A", "email": "a@b.example", "language": "de" } });
        assert_eq!(create(&wrong).faults(), [
            "#/category unknown_reference", "#/focal_point/language unknown_language", "#/country unknown_reference",
            "#/regional_group not_of_this_kind", "#/name/de unknown_language",
        ]);
        assert_eq!(create(&json!({ "kind": "observer", "category": "delegate" })).faults(), ["#/name required", "#/code required"]);
        assert_eq!(create(&json!({ "kind": "member_state", "category": "delegate" })).faults(), ["#/country required"]);
        let rwanda = TestDelegation::open(&app, "RW", Some(3));
        let repeated = json!({ "kind": "member_state", "country": "RW", "code": "rwanda", "category": "delegate" });
        assert_eq!(create(&repeated).problem(), (409, "delegation-taken".to_owned()));
        let mut head = member_form(1);
        head["is_head"] = json!(true);
        head["level"] = json!("minister");
        assert_eq!(rwanda.send("POST", "/members", Some(&head)).status, 201);
        rwanda.add_successfully(2);
        let belgium = TestDelegation::open(&app, "BE", None);
        head = member_form(3);
        head["is_head"] = json!(true);
        head["level"] = json!("head_of_government");
        assert_eq!(belgium.send("POST", "/members", Some(&head)).status, 201);
        let list = |query: &str| {
            let list = app.admin("GET", &format!("{CONFERENCE}/delegations?{query}"), None).json();
            let codes: Vec<_> = list["data"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect();
            codes.join(" ")
        };
        assert_eq!(list("sort=name"), "african-union be holy-see rw");
        assert_eq!(list("sort=-size"), "rw be holy-see african-union");
        assert_eq!(list("sort=head_level"), "be rw african-union holy-see");
        assert_eq!(list("sort=regional_group"), "african-union rw be holy-see");
        assert_eq!(list("head_level=minister"), "rw");
        assert_eq!(list("kind=observer"), "holy-see");
        assert_eq!(list("name=saint"), "holy-see");
        // A quota of zero admits nobody; a quota below the number of members is refused.
        let full = app.admin("POST", &format!("{CONFERENCE}/delegations/african-union/members"), Some(&member_form(9)));
        assert_eq!(full.problem(), (409, "delegation-full".to_owned()));
        let patch = |code: &str, patch: &Value| app.admin("PATCH", &format!("{CONFERENCE}/delegations/{code}"), Some(patch));
        assert_eq!(patch("rw", &json!({ "quota": 1 })).problem(), (409, "quota-below-members".to_owned()));
        assert_eq!(patch("rw", &json!({ "quota": 2, "name": "Rwanda!" })).json()["name"], json!({ "en": "Rwanda!", "fr": "Rwanda" }));
        assert_eq!(rwanda.add(4).problem(), (409, "delegation-full".to_owned()));
        assert_eq!(patch("rw", &json!({ "quota": null })).json()["quota"], json!(null));
        rwanda.add_successfully(4);
        assert_eq!(patch("rw", &json!({ "members": 0, "category": "nobody" })).faults(), ["#/members unknown_field"]);
        let delete = |code: &str| app.admin("DELETE", &format!("{CONFERENCE}/delegations/{code}"), None);
        assert_eq!(delete("rw").problem(), (409, "delegation-in-use".to_owned()));
        assert_eq!(delete("african-union").status, 204);
        assert_eq!(delete("african-union").status, 404);
        let invite = app.admin("POST", &format!("{CONFERENCE}/delegations/holy-see/invite-focal-point"), Some(&json!({})));
        assert_eq!(invite.problem(), (409, "no-focal-point".to_owned()));
        let mut blueprint = conference(None, &json!({}));
        blueprint["registration"]["categories"].as_array_mut().unwrap().remove(0);
        assert_eq!(app.admin("PUT", &format!("{CONFERENCE}/blueprint"), Some(&blueprint)).problem(), (409, "category-in-use".to_owned()));
        assert_members_add_up(&app);
    }

    fn a_focal_point_sees_only_their_delegation_and_no_member_links(store) {
        let app = start(Environment::new(store), None, &json!({}));
        let (rwanda, belgium) = (TestDelegation::open(&app, "RW", Some(5)), TestDelegation::open(&app, "BE", Some(5)));
        let belgian_member = belgium.add_successfully(1);
        let member = rwanda.add_successfully(2);
        let view = rwanda.read();
        assert_eq!(rwanda.names(), ["Person 2"]);
        assert!(!view.to_string().contains("token") && !view.to_string().contains("links"), "{view}");
        assert_eq!(app.get(&format!("{}?token={}", belgium.path(), rwanda.token)).status, 401);
        assert_eq!(app.get(&format!("{CONFERENCE}/registrations/{}?token={}", member["reference"].as_str().unwrap(), rwanda.token)).status, 401);
        for answer in [rwanda.remove(&belgian_member), rwanda.patch(&belgian_member, &json!({ "level": "minister" })), rwanda.replace(&belgian_member, 3)] {
            assert_eq!(answer.problem(), (404, "not-found".to_owned()));
        }
        assert_eq!(app.get(&format!("{CONFERENCE}/delegations?token={}", rwanda.token)).status, 401, "the list is for registrars");
        let with_bearer = app.with_token(&rwanda.token, "GET", &rwanda.path(), None);
        assert_eq!(with_bearer.status, 200, "the token may come in Authorization, too");
        // A renewal or a new address makes the old link void at once.
        let old_token = rwanda.token.clone();
        let renewed = rwanda.invite(true);
        assert_eq!(rwanda.add(4).status, 401);
        assert_ne!(renewed, old_token);
        let rwanda = TestDelegation { token: renewed, ..rwanda };
        rwanda.add_successfully(4);
        let patch = json!({ "focal_point": { "email": "successor@example.org" } });
        assert_eq!(app.admin("PATCH", &rwanda.path(), Some(&patch)).json()["focal_point"]["name"], "Focal Point");
        assert_eq!(rwanda.remove(&member).status, 401);
        let rwanda = TestDelegation { token: rwanda.invite(false), ..rwanda };
        assert_eq!(rwanda.remove(&member).json()["status"], "cancelled");
        assert_eq!(app.admin("PATCH", &rwanda.path(), Some(&json!({ "focal_point": null }))).status, 200);
        assert_eq!(rwanda.add(5).status, 401);
        let letters = "SELECT count(*) AS n FROM outbox_messages WHERE kind = 'delegation' AND language = 'fr'";
        assert_eq!(app.count(letters), 4);
        assert_members_add_up(&app);
    }

    fn concurrent_changes_of_members_keep_the_count_right(store) {
        let app = start(Environment::new(store), Some(30), &json!({}));
        let delegation = TestDelegation::open(&app, "RW", Some(10));
        let add_successfully = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for number in 0..40 {
                let (delegation, add_successfully) = (&delegation, &add_successfully);
                scope.spawn(move || {
                    let answer = delegation.add(number);
                    if answer.status == 201 {
                        add_successfully.lock().unwrap().push(answer.json());
                    } else {
                        assert_eq!(answer.problem(), (409, "delegation-full".to_owned()));
                    }
                });
            }
        });
        let add_successfully = add_successfully.into_inner().unwrap();
        assert_eq!((add_successfully.len(), &delegation.read()["size"]), (10, &json!(10)));
        assert_members_add_up(&app);
        // The registrar cancels three, three are removed, two replaced, and new ones are added, all at once.
        std::thread::scope(|scope| {
            for (number, one) in add_successfully.iter().enumerate() {
                let (app, delegation) = (&app, &delegation);
                scope.spawn(move || match number {
                    0..3 => {
                        let path = format!("{CONFERENCE}/registrations/{}/cancel", one["reference"].as_str().unwrap());
                        assert_eq!(app.admin("POST", &path, Some(&json!({}))).status, 200);
                    }
                    3..6 => assert_eq!(delegation.remove(one).status, 200),
                    6..8 => assert_eq!(delegation.replace(one, 100 + number).status, 201),
                    _ => _ = delegation.add(200 + number),
                });
            }
        });
        assert_members_add_up(&app);
        let size = delegation.read()["size"].as_i64().unwrap();
        assert!((4..=6).contains(&size), "{size}");
    }

    fn a_replacement_takes_over_the_place_of_the_replaced_member(store) {
        let app = start(Environment::new(store), Some(1), &json!({}));
        let delegation = TestDelegation::open(&app, "RW", Some(3));
        let head = json!({ "is_head": true, "level": "ambassador" });
        let first = delegation.add_successfully(1);
        assert_eq!(delegation.patch(&first, &head).json()["is_head"], true);
        let waiting = delegation.add_successfully(2);
        let last = app.post(&format!("{CONFERENCE}/registrations"), &person(3, "delegate")).json();
        assert_eq!((&first["status"], &waiting["status"], &last["position"]), (&json!("confirmed"), &json!("waitlisted"), &json!(2)));
        let second = delegation.replace(&first, 4).json();
        assert_eq!((&second["status"], &second["is_head"], &second["level"]), (&json!("confirmed"), &json!(true), &json!("ambassador")));
        assert_eq!(app.get(app.path_of(last["links"]["self"].as_str().unwrap())).json()["position"], 2, "nobody moved up");
        let waiting = delegation.replace(&waiting, 5).json();
        assert_eq!(waiting["status"], "waitlisted");
        assert_eq!(app.get(app.path_of(last["links"]["self"].as_str().unwrap())).json()["position"], 2);
        // A second replacement of the same member is refused.
        assert_eq!(delegation.replace(&first, 6).problem(), (409, "wrong-state".to_owned()));
        let answers = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for number in 10..14 {
                let (delegation, answers, second) = (&delegation, &answers, &second);
                scope.spawn(move || answers.lock().unwrap().push(delegation.replace(second, number).status));
            }
        });
        let mut answers = answers.into_inner().unwrap();
        answers.sort_unstable();
        assert_eq!(answers, [201, 409, 409, 409]);
        // The address of the replaced member is free; an address that is registered is not.
        let member = delegation.read()["members"][0].clone();
        let number = member["email"].as_str().unwrap().trim_start_matches("person-").split('@').next().unwrap().parse().unwrap();
        let other = if member["status"] == "waitlisted" { member } else { delegation.replace(&member, number).json() };
        assert!(["confirmed", "waitlisted"].contains(&other["status"].as_str().unwrap()), "{other}");
        assert_eq!(delegation.replace(&other, 3).problem(), (409, "already-registered".to_owned()));
        assert_eq!(delegation.read()["size"], 2);
        assert_members_add_up(&app);
    }

    fn the_replacement_of_an_approved_member_waits_for_approval_and_keeps_the_seat(store) {
        let app = start(Environment::new(store), Some(1), &json!({ "needs_approval": true }));
        let delegation = TestDelegation::open(&app, "RW", Some(3));
        let one = delegation.add_successfully(1);
        assert_eq!(one["status"], "pending");
        assert_eq!(delegation.patch(&one, &json!({ "family_name": "Corrected" })).status, 200, "nobody has decided yet");
        // As an approval leaves it.
        app.environment.database.execute("UPDATE registrations SET state = 'confirmed'");
        app.environment.database.execute("UPDATE categories SET seats_taken = 1 WHERE code = 'delegate'");
        app.environment.database.execute("UPDATE registration_setups SET seats_taken = 1");
        let wrong = delegation.patch(&one, &json!({ "given_name": "Somebody else" }));
        assert_eq!(wrong.problem(), (409, "identity-approved".to_owned()));
        assert_eq!(delegation.patch(&one, &json!({ "phone": "+250 788 000 000" })).json()["phone"], "+250 788 000 000");
        let other = delegation.replace(&one, 2).json();
        assert_eq!(other["status"], "pending");
        assert_members_add_up(&app);
        assert_eq!(app.count("SELECT seats_taken AS n FROM registration_setups"), 1, "the seat is kept");
        assert_eq!(delegation.remove(&other).status, 200);
        assert_eq!(app.count("SELECT seats_taken AS n FROM registration_setups"), 0);
        assert_members_add_up(&app);
    }

    fn a_delegation_has_one_head_and_letters_go_where_the_focal_point_chose(store) {
        let app = start(Environment::new(store), None, &json!({ "verifies_email": true }));
        let delegation = TestDelegation::open(&app, "RW", None);
        let (one, two) = (delegation.add_successfully(1), delegation.add_successfully(2));
        assert_eq!(one["status"], "confirmed", "the address is vouched for");
        let head = json!({ "is_head": true });
        assert_eq!(delegation.patch(&one, &head).status, 200);
        assert_eq!(delegation.patch(&two, &json!({ "is_head": true, "level": "head_of_state" })).json()["level"], "head_of_state");
        let view = delegation.read();
        assert_eq!(view["head"]["reference"], two["reference"]);
        assert_eq!(app.count("SELECT count(*) AS n FROM delegation_members WHERE is_head"), 1);
        let heads = Mutex::new(0);
        std::thread::scope(|scope| {
            for one in [&one, &two, &one, &two] {
                let (delegation, head, heads) = (&delegation, &head, &heads);
                scope.spawn(move || {
                    assert_eq!(delegation.patch(one, head).status, 200);
                    *heads.lock().unwrap() += 1;
                });
            }
        });
        assert_eq!(heads.into_inner().unwrap(), 4);
        assert_eq!(app.count("SELECT count(*) AS n FROM delegation_members WHERE is_head"), 1);
        let changed = |kind: &str| app.count(&format!("SELECT count(*) AS n FROM outbox_messages WHERE kind = '{kind}'"));
        assert_eq!(changed("changed"), 0, "a rank alone is no letter");
        let patch = json!({ "email": "new@example.org", "phone": "+250 1 23", "organisation": "Ministry", "birth_date": "1970-01-02" });
        let patched = delegation.patch(&one, &patch).json();
        assert_eq!((&patched["email"], &patched["birth_date"]), (&json!("new@example.org"), &json!("1970-01-02")));
        assert_eq!(changed("changed"), 1);
        let cleared = delegation.patch(&one, &json!({ "phone": null, "organisation": null })).json();
        assert_eq!((&cleared["phone"], &cleared["organisation"]), (&json!(null), &json!(null)));
        let conflict = delegation.patch(&one, &json!({ "email": "PERSON-2@example.org" }));
        assert_eq!(conflict.problem(), (409, "already-registered".to_owned()));
        assert_eq!(delegation.patch(&one, &json!({ "given_name": null, "family_name": "", "email": "x", "level": "king", "answers": {} })).faults().len(), 4);
        let wrong = json!({ "category": "press", "given_name": "A", "family_name": "B", "email": "x", "language": "de", "sessions": ["opening"] });
        let mut faults = delegation.send("POST", "/members", Some(&wrong)).faults();
        faults.sort();
        assert_eq!(faults, [
            "#/category unknown_field", "#/consent required", "#/email invalid_email", "#/language unknown_language",
            "#/sessions/0 unknown_reference",
        ]);
        assert_members_add_up(&app);
    }

    fn a_focal_point_adds_members_while_the_category_is_open_and_a_registrar_always(store) {
        let app = start(Environment::new(store), None, &json!({ "closes_at": "2020-01-01T00:00", "hidden": true, "needs_invitation": true }));
        let delegation = TestDelegation::open(&app, "RW", None);
        assert_eq!(delegation.add(1).problem(), (409, "registration-closed".to_owned()));
        let member = app.admin("POST", &format!("{}/members", delegation.path()), Some(&member_form(1)));
        assert_eq!(member.status, 201);
        assert_eq!(delegation.replace(&member.json(), 2).status, 201, "people fall ill after the closing, too");
    }

    fn a_member_has_the_country_of_the_delegation_unless_they_name_another(store) {
        let app = start(Environment::new(store), None, &json!({}));
        let rwanda = TestDelegation::open(&app, "RW", None);
        let first = rwanda.add_successfully(1);
        assert_eq!(first["country"], "RW");
        let mut form = member_form(2);
        form["country"] = json!("BE");
        assert_eq!(rwanda.send("POST", "/members", Some(&form)).json()["country"], "BE");
        assert_eq!(rwanda.replace(&first, 3).json()["country"], "RW");
        let table = "given_name,family_name,email,country\nA,B,a@example.org,\nC,D,c@example.org,fr\n";
        let imported = rwanda.import("&consent=true", table);
        assert_eq!(imported.status, 200, "{}", imported.text());
        let members = rwanda.read()["members"].as_array().unwrap().clone();
        let countries: Vec<&str> = members
            .iter()
            .filter(|member| member["status"] == "confirmed")
            .map(|member| member["country"].as_str().unwrap_or("-"))
            .collect();
        assert_eq!(countries, ["BE", "RW", "RW", "FR"]);
        let request = json!({ "kind": "observer", "code": "red-cross", "name": { "en": "Red Cross" }, "category": "delegate" });
        assert_eq!(app.admin("POST", &format!("{CONFERENCE}/delegations"), Some(&request)).status, 201);
        let added = app.admin("POST", &format!("{CONFERENCE}/delegations/red-cross/members"), Some(&member_form(7))).json();
        assert_eq!(added["country"], Value::Null, "{added}");
    }

    fn a_table_of_members_is_imported_completely_or_not_at_all(store) {
        let app = start(Environment::new(store), None, &json!({}));
        let mut blueprint = conference(None, &json!({}));
        blueprint["registration"]["questions"] = json!([
            { "code": "first-visit", "kind": "yes_no", "label": "First visit?", "required": true, "categories": ["delegate"] },
            { "code": "nights", "kind": "number", "label": "Nights", "maximum": 9 }
        ]);
        app.publish(&blueprint);
        let delegation = TestDelegation::open(&app, "RW", Some(4));
        assert_eq!(app.post(&format!("{CONFERENCE}/registrations"), &{
            let mut form = person(1, "press");
            form["category"] = json!("press");
            form
        }).status, 201);
        let header = "given_name,family_name,email,country,is_head,level,answers.first-visit,answers.nights\n";
        let wrong = format!("{header}A,One,a@example.org,rw,yes,minister,yes,3\n\
            B,Two,person-1@example.org,,,,no,\n\
            C,Three,A@example.org,,true,,no,\n\
            ,,d@example.org,XX,,king,perhaps,10\n\
            E,Five,e@example.org,,,,,\n");
        for query in ["&consent=true", "&dry_run=true"] {
            let mut faults = delegation.import(query, &wrong).faults();
            faults.sort();
            assert_eq!(faults, [
                "line 3/email already_registered", "line 4/email duplicate", "line 4/is_head duplicate",
                "line 5/answers.first-visit wrong_type", "line 5/answers.nights out_of_range", "line 5/country invalid_country",
                "line 5/family_name required", "line 5/level unknown_value", "line 6 delegation_full",
                "line 6/answers.first-visit required",
            ]);
        }
        assert_eq!(delegation.read()["size"], 0);
        let right = format!("\u{feff}{}Zoë;\"Two; words\";z@example.org;rw;x;minister;yes;3\r\n=1+1;'=2;f@example.org;;;;no;\r\n",
            header.replace(',', ";"));
        assert_eq!(delegation.import("", &right).faults(), ["?consent consent_required"]);
        let imported = |added: usize, dry_run: bool| {
            let name = |row: usize, given: &str, family: &str| {
                json!({ "row": row, "honorific": null, "given_name": given, "family_name": family, "name": null })
            };
            json!({ "rows": 2, "added": added, "dry_run": dry_run, "names": [name(2, "Zoë", "Two; words"), name(3, "=1+1", "=2")] })
        };
        assert_eq!(delegation.import("&dry_run=true", &right).json(), imported(2, true));
        assert_eq!(delegation.read()["size"], 0);
        assert_eq!(delegation.import("&consent=true", &right).json(), imported(2, false));
        let view = delegation.read();
        let members = view["members"].as_array().unwrap();
        assert_eq!((&members[0]["family_name"], &members[0]["country"]), (&json!("Two; words"), &json!("RW")));
        assert_eq!(members[0]["answers"], json!({ "first-visit": true, "nights": 3 }));
        assert_eq!((&members[1]["given_name"], &members[1]["family_name"]), (&json!("=1+1"), &json!("=2")));
        assert_eq!(view["head"]["level"], "minister");
        assert_members_add_up(&app);
        let bearer = format!("Bearer {ADMIN}");
        let path = format!("{}/members/import?consent=true", delegation.path());
        let invitation = app.send("POST", &path, &[("authorization", &bearer), ("content-type", "application/json")], Some("{}"));
        assert_eq!(invitation.status, 415);
    }

    fn members_have_the_names_that_they_have(store) {
        let app = start(Environment::new(store), None, &json!({}));
        let delegation = TestDelegation::open(&app, "RW", None);
        let mut form = member_form(1);
        form["given_name"] = Value::Null;
        form["family_name"] = json!("Suhartono");
        assert_eq!(delegation.send("POST", "/members", Some(&form)).json()["full_name"], "Suhartono");
        form["name"] = json!("Suhartono");
        assert_eq!(delegation.send("POST", "/members", Some(&form)).faults(), ["#/name name_and_parts"]);
        let table = "Volledige naam,Email\n王小明,a@example.org\n\"de la Cruz, María José\",b@example.org\nH.E. Carlos Silva,c@example.org\n";
        let dry_run = delegation.import("&dry_run=true", table).json();
        assert_eq!(dry_run["names"][2], json!({
            "row": 4, "honorific": "H.E.", "given_name": null, "family_name": null, "name": "Carlos Silva"
        }));
        let imported = delegation.import("&consent=true", table).json();
        assert_eq!((&imported["added"], &imported["names"]), (&json!(3), &dry_run["names"]));
        let members = delegation.read()["members"].as_array().unwrap().clone();
        let names: Vec<_> = members.iter().map(|member| member["full_name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Suhartono", "王小明", "María José de la Cruz", "Carlos Silva"]);
        let patched = delegation.patch(&members[1], &json!({ "name": null, "family_name": "王", "given_name": "小明" }));
        assert_eq!((&patched.json()["full_name"], &patched.json()["name"]), (&json!("小明 王"), &Value::Null));
        assert_eq!(delegation.import("&dry_run=true", "Email\nx@example.org\n").faults(), ["line 1/family_name missing_column"]);
        assert_members_add_up(&app);
    }

    fn ten_thousand_members_are_imported_in_one_table(store) {
        let app = start(Environment::new(store).set("PLENARY_MAIL_URL", "smtp://127.0.0.1:1"), None, &json!({}));
        let delegation = TestDelegation::open(&app, "RW", None);
        let mut table = "given_name,family_name,email\n".to_owned();
        (0..10_000).for_each(|number| table.push_str(&format!("Person {number},Example,person-{number}@example.org\n")));
        assert_eq!(delegation.import("&consent=true", &table).json()["added"], 10_000);
        let first = delegation.read();
        assert_eq!((&first["size"], first["members"].as_array().unwrap().len()), (&json!(10_000), 50));
        assert!(first["next"].is_string());
        assert_members_add_up(&app);
        table.push_str("One,Too many,last@example.org\n");
        assert_eq!(delegation.import("&consent=true", &table).faults(), ["line 10002 too_long"]);
    }

    fn a_kept_seat_passes_on_to_each_successor(store) {
        let app = start(Environment::new(store), Some(1), &json!({ "needs_approval": true }));
        let delegation = TestDelegation::open(&app, "RW", Some(5));
        let approve = |member: &Value| {
            let body = json!({ "references": [member["reference"]] });
            app.admin("POST", &format!("{CONFERENCE}/registrations/approve"), Some(&body)).json()["data"][0]["status"].clone()
        };
        let first = delegation.add_successfully(1);
        assert_eq!(approve(&first), "confirmed");
        let waiting = delegation.add_successfully(2);
        assert_eq!(approve(&waiting), "waitlisted");
        let second = delegation.replace(&first, 3).json();
        let third = delegation.replace(&second, 4).json();
        assert_eq!(third["status"], "pending");
        assert_eq!(approve(&third), "confirmed");
        // A waiting member is replaced without a duplicate place.
        let other = delegation.replace(&waiting, 5).json();
        assert_eq!(approve(&other), "waitlisted");
        assert_members_add_up(&app);
        assert!(app.environment.run(&["doctor"]).status.success());
    }
}
