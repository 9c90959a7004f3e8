//! Authorisation: each operation of the API document is called without a token, with one of each role, with one of
//! another conference, with one that has expired and with one that is revoked. New operations are called, too.

use serde_json::{Map, Value, json};

use crate::support::{
    App, Store,
    app::{ADMIN, BROWSER, Environment, person, small_conference},
    events::Events,
    http::Answer,
    on_both_stores,
};

const ROLES: [&str; 5] = ["admin", "agenda_editor", "registrar", "check_in", "viewer"];

/// Roles of some operations, independent of the document.
const SENSITIVE: [(&str, &[&str]); 16] = [
    ("read_programme", &["everyone"]),
    ("register", &["everyone"]),
    ("read_agenda", &["admin", "agenda_editor", "viewer"]),
    ("apply_agenda", &["admin", "agenda_editor"]),
    ("import_agenda", &["admin", "agenda_editor"]),
    ("publish_release", &["admin", "agenda_editor"]),
    ("apply_blueprint", &["admin"]),
    ("read_registration", &["admin", "registrar", "attendee"]),
    ("cancel_registration", &["admin", "registrar", "attendee"]),
    ("create_conference", &["server_admin"]),
    ("delete_conference", &["admin"]),
    ("list_audit_entries", &["admin"]),
    ("list_server_audit_entries", &["server_admin"]),
    ("list_tokens", &["admin"]),
    ("create_token", &["admin"]),
    ("revoke_token", &["admin"]),
];

/// An operation of the API document.
struct Operation {
    id: String,
    method: String,
    template: String,
    roles: Vec<String>,
    description: Value,
}

impl Operation {
    fn admits(&self, role: &str) -> bool {
        self.roles.iter().any(|admitted| admitted == role)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Every operation: reads first, then writes, then deletions; the widest deletion last.
fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, description) in item.as_object().unwrap() {
            found.push(Operation {
                id: text(&description["operationId"]),
                method: method.to_uppercase(),
                template: template.clone(),
                roles: description["x-roles"].as_array().unwrap().iter().map(text).collect(),
                description: description.clone(),
            });
        }
    }
    let methods = ["GET", "PUT", "PATCH", "POST", "DELETE"];
    found.sort_by_key(|operation| {
        let order = methods.iter().position(|method| *method == operation.method);
        // It makes every earlier link void.
        let renews = operation.id == "renew_registration_link";
        (order, renews, std::cmp::Reverse(operation.template.len()), operation.template.clone())
    });
    found
}

/// A conference for one test, with a registration.
struct TestConference {
    slug: String,
    reference: String,
    /// The token of the attendee's link.
    link: String,
    /// The token of the focal point's link.
    focal_point: String,
    /// An invitation.
    invitation: String,
}

impl TestConference {
    fn create(app: &App, slug: &str) -> Self {
        let mut blueprint = small_conference(None, None);
        blueprint["conference"]["slug"] = json!(slug);
        app.publish(&blueprint);
        let path = format!("/api/v1/conferences/{slug}/registrations");
        let created = app.post(&path, &person(1, "delegate")).json();
        let link = text(&created["links"]["self"]);
        let link = link.split_once("?token=").unwrap().1.to_owned();
        let conference_path = format!("/api/v1/conferences/{slug}");
        let request = json!({
            "kind": "member_state", "country": "BE", "category": "delegate",
            "focal_point": { "name": "Focal point", "email": "focal@example.org" }
        });
        assert_eq!(app.admin("POST", &format!("{conference_path}/delegations"), Some(&request)).status, 201);
        let sent =
            app.admin("POST", &format!("{conference_path}/delegations/be/invite-focal-point"), Some(&json!({}))).json();
        let focal_point = text(&sent["link"]).split_once("?token=").unwrap().1.to_owned();
        let request = json!({ "kind": "shared", "label": "x" });
        let invitation =
            text(&app.admin("POST", &format!("{conference_path}/invitations"), Some(&request)).json()["id"]);
        Self { focal_point, invitation, slug: slug.to_owned(), reference: text(&created["reference"]), link }
    }

    /// The value of a path parameter, if the conference has such a resource.
    fn value(&self, parameter: &str) -> Option<&str> {
        Some(match parameter {
            "conference" => &self.slug,
            "reference" => &self.reference,
            "session" => "opening",
            "item" => "welcome",
            "speaker" => "ada",
            "room" => "hall",
            "track" => "law",
            "delegation" => "be",
            "invitation" => &self.invitation,
            "date" | "day" => "2030-05-01",
            "number" | "release" => "1",
            _ => return None,
        })
    }
}

/// The smallest value that a schema accepts.
fn minimal_value(document: &Value, schema: &Value, depth: usize) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        return minimal_value(document, target, depth);
    }
    if let Some(value) = schema["enum"].get(0).or(schema.get("const")) {
        return value.clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let whole = parts.iter().filter_map(|part| match minimal_value(document, part, depth) {
            Value::Object(members) => Some(members),
            _ => None,
        });
        return Value::Object(whole.flatten().collect());
    }
    for one_of in ["oneOf", "anyOf"] {
        if let Some(branches) = schema[one_of].as_array() {
            let branch = branches.iter().find(|branch| branch["type"] != "null").unwrap();
            return minimal_value(document, branch, depth);
        }
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str()).unwrap_or("object");
    match kind {
        "string" => json!(minimal_text(schema)),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(false),
        "array" if schema["minItems"].as_u64().is_none_or(|least| least == 0) || depth == 0 => {
            json!([])
        }
        "array" => json!([minimal_value(document, &schema["items"], depth - 1)]),
        _ => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let member = |name: &str| (name.to_owned(), minimal_value(document, &schema["properties"][name], depth));
            Value::Object(required.map(member).collect::<Map<_, _>>())
        }
    }
}

/// The first of a few texts that matches the schema.
fn minimal_text(schema: &Value) -> &'static str {
    let validator = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
    let texts = [
        "x",
        "en",
        "BE",
        "09:00",
        "2030-05-01",
        "2030-05-01T09:00:00Z",
        "person@example.org",
        "https://example.org/",
        "01890000-0000-7000-8000-000000000000",
    ];
    texts.into_iter().find(|text| validator.is_valid(&json!(text))).unwrap_or("x")
}

/// A call of an operation in a conference: the path with its query, the media type and the body.
struct Call {
    path: String,
    body: Option<(String, String)>,
}

fn call(document: &Value, operation: &Operation, conference: &TestConference) -> Call {
    let parameters: Vec<_> = operation.description["parameters"].as_array().into_iter().flatten().collect();
    let minimal_text_of = |parameter: &Value| match minimal_value(document, &parameter["schema"], 3) {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let mut path = operation.template.clone();
    for parameter in parameters.iter().filter(|parameter| parameter["in"] == "path") {
        let name = text(&parameter["name"]);
        let value = conference.value(&name).map_or_else(|| minimal_text_of(parameter), str::to_owned);
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    let required = parameters.iter().filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let query: Vec<_> =
        required.map(|parameter| format!("{}={}", text(&parameter["name"]), minimal_text_of(parameter))).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let body = operation.description["requestBody"]["content"].as_object().map(|content| {
        let (media, description) =
            content.iter().find(|(media, _)| media.ends_with("json")).or_else(|| content.iter().next()).unwrap();
        let body = if media.ends_with("json") {
            minimal_value(document, &description["schema"], 3).to_string()
        } else {
            "x".into()
        };
        (media.clone(), body)
    });
    Call { path: format!("{path}{query}"), body }
}

impl Call {
    /// The status of the answer to a request with this token.
    fn status(&self, app: &App, operation: &Operation, token: Option<&str>) -> u16 {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers: Vec<(&str, &str)> = Vec::new();
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        headers.extend(self.body.as_ref().map(|(media, _)| ("content-type", media.as_str())));
        let body = self.body.as_ref().map(|(_, body)| body.as_str());
        // A stream without an end is requested by HEAD.
        let is_stream = operation.description["responses"]["200"]["content"].get("text/event-stream").is_some();
        let method = if is_stream { "HEAD" } else { operation.method.as_str() };
        app.send(method, &self.path, &headers, body).status
    }

    /// With the token of an attendee's link.
    fn with_link(&self, link: &str) -> Self {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        Self { path: format!("{}{separator}token={link}", self.path), body: self.body.clone() }
    }
}

fn create_token(app: &App, role: &str, conference: Option<&str>, label: &str) -> (String, String) {
    let request = json!({ "role": role, "conference": conference, "label": label });
    let created = app.admin("POST", "/api/v1/tokens", Some(&request)).json();
    (text(&created["token"]), text(&created["id"]))
}

/// A running service with the conferences and tokens of the test.
struct PolicyTest {
    app: App,
    document: Value,
    /// A conference that no permitted call changes.
    untouched: TestConference,
    /// For each role a conference for its permitted calls, and its tokens: of the conference, and of the whole server.
    by_role: Vec<(&'static str, TestConference, String, String)>,
    /// The conference of the attendee's permitted calls.
    attendee_conference: TestConference,
    /// An admin's token of another conference.
    foreign_token: String,
    /// Server-wide admin tokens that are not valid.
    invalid_tokens: [(&'static str, String); 3],
}

impl PolicyTest {
    fn create(store: Store) -> Self {
        let app = Environment::new(store).start();
        let untouched = TestConference::create(&app, "calm");
        let by_role = ROLES.map(|role| {
            let conference = TestConference::create(&app, &format!("of-{}", role.replace('_', "-")));
            let (conference_token, _) = create_token(&app, role, Some(&conference.slug), role);
            let (server_wide, _) = create_token(&app, role, None, role);
            (role, conference, conference_token, server_wide)
        });
        let attendee_conference = TestConference::create(&app, "of-attendee");
        let (foreign_token, _) = create_token(&app, "admin", Some(&attendee_conference.slug), "another conference's");
        let (expired, _) = create_token(&app, "admin", None, "expired");
        let expire = "UPDATE tokens SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE label = 'expired'";
        app.environment.database.execute(expire);
        let (revoked, id) = create_token(&app, "admin", None, "revoked");
        assert_eq!(app.admin("DELETE", &format!("/api/v1/tokens/{id}"), None).status, 204);
        let invalid_tokens = [("expired", expired), ("revoked", revoked), ("unknown", "plenary_x".to_owned())];
        let document = app.get("/openapi.json").json();
        Self { document, app, untouched, by_role: by_role.into(), attendee_conference, foreign_token, invalid_tokens }
    }

    /// Records answers to an operation that are not the expected refusals.
    fn check_refusals(&self, operation: &Operation, wrong: &mut Vec<String>) {
        let call = call(&self.document, operation, &self.untouched);
        let mut check_status = |who: &str, token: Option<&str>, expected: u16| {
            let status = call.status(&self.app, operation, token);
            if status != expected {
                wrong.push(format!(
                    "{} ({} {}) answers {who} {status}, not {expected}",
                    operation.id, operation.method, call.path
                ));
            }
        };
        check_status("nobody", None, 401);
        for (kind, token) in &self.invalid_tokens {
            check_status(kind, Some(token), 401);
        }
        let is_of_conference = operation.template.contains("{conference}");
        if is_of_conference {
            check_status("an admin of another conference", Some(&self.foreign_token), 403);
            for (role, _, conference_token, _) in &self.by_role {
                check_status(&format!("{role} of another conference"), Some(conference_token), 403);
            }
        }
        for (role, _, conference_token, server_wide) in &self.by_role {
            if operation.admits("server_admin") {
                check_status(&format!("{role} of one conference"), Some(conference_token), 403);
            }
            let by_server = operation.admits("server_admin") && *role == "admin";
            if !(operation.admits(role) || by_server) {
                check_status(role, Some(server_wide), 403);
            }
        }
        // The right is checked before the request is judged: its query and its body may be anything.
        let separator = if call.path.contains('?') { '&' } else { '?' };
        let nonsense = Call {
            path: format!("{}{separator}nonsense=1", call.path),
            body: call.body.as_ref().map(|_| ("application/json".to_owned(), "{".to_owned())),
        };
        let status = nonsense.status(&self.app, operation, None);
        if status != 401 {
            wrong.push(format!("{} answers nobody's nonsense {status}, not 401", operation.id));
        }
        // Personal links are for what the policy opens to attendees, and only for what they are about.
        let of_delegation = operation.template.contains("{delegation}");
        let (link, focal_point) = (&self.untouched.link, &self.untouched.focal_point);
        let foreign_links = match (operation.admits("attendee"), of_delegation) {
            (false, _) => vec![link, focal_point],
            (true, true) => vec![link],
            (true, false) => vec![focal_point],
        };
        for link in foreign_links {
            for (way, status) in [
                ("link", call.with_link(link).status(&self.app, operation, None)),
                ("link as bearer", call.status(&self.app, operation, Some(link))),
            ] {
                if status != 401 {
                    wrong.push(format!("{} answers a {way} that it is not for {status}, not 401", operation.id));
                }
            }
        }
        if operation.admits("attendee") {
            for link in [&self.attendee_conference.link, &self.attendee_conference.focal_point] {
                let another_s = call.with_link(link).status(&self.app, operation, None);
                if another_s != 401 {
                    wrong.push(format!("{} answers another's link {another_s}, not 401", operation.id));
                }
            }
        }
    }

    fn check_permissions(&self, operation: &Operation, wrong: &mut Vec<String>) {
        let mut check_passes = |who: &str, call: &Call, token: Option<&str>| {
            let status = call.status(&self.app, operation, token);
            if [401, 403].contains(&status) {
                wrong.push(format!("{} ({} {}) refuses {who}: {status}", operation.id, operation.method, call.path));
            }
        };
        for role in &operation.roles {
            match role.as_str() {
                "everyone" => check_passes("everyone", &call(&self.document, operation, &self.untouched), None),
                "attendee" => {
                    let call = call(&self.document, operation, &self.attendee_conference);
                    let of_delegation = operation.template.contains("{delegation}");
                    let conference = &self.attendee_conference;
                    let link = if of_delegation { &conference.focal_point } else { &conference.link };
                    check_passes("the attendee or focal point", &call.with_link(link), None);
                }
                role => {
                    let token_role = if role == "server_admin" { "admin" } else { role };
                    let (_, conference, conference_token, server_wide) =
                        self.by_role.iter().find(|(name, ..)| *name == token_role).unwrap();
                    let call = call(&self.document, operation, conference);
                    let is_of_conference = operation.template.contains("{conference}") && role != "server_admin";
                    check_passes(role, &call, Some(if is_of_conference { conference_token } else { server_wide }));
                }
            }
        }
    }
}

/// Whether the answer has no end.
fn is_endless(operation: &Operation) -> bool {
    !operation.description["responses"]["200"]["content"]["text/event-stream"].is_null()
}

on_both_stores! {
    fn every_operation_admits_exactly_the_roles_of_the_policy(store) {
        let scene = PolicyTest::create(store);
        let operations = operations(&scene.document);
        assert!(operations.len() > 30);
        let mut wrong = Vec::new();
        for operation in operations.iter().filter(|operation| operation.roles != ["everyone"]) {
            scene.check_refusals(operation, &mut wrong);
        }
        for operation in operations.iter().filter(|operation| !is_endless(operation)) {
            scene.check_permissions(operation, &mut wrong);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        // No refused call has changed anything.
        let untouched = format!("/api/v1/conferences/{}", scene.untouched.slug);
        let registration = format!("{untouched}/registrations/{}?token={}", scene.untouched.reference, scene.untouched.link);
        assert_eq!(scene.app.get(&registration).json()["status"], "confirmed");
        let releases = scene.app.with_token(ADMIN, "GET", &format!("{untouched}/releases"), None).json();
        assert_eq!(releases["data"].as_array().unwrap().len(), 1);
    }
}

/// The operations that read something of a conference, and need nothing else in their path.
fn reads_of_a_conference(operations: &[Operation]) -> impl Iterator<Item = &Operation> {
    operations.iter().filter(|operation| {
        operation.method == "GET"
            && operation.template.contains("{conference}")
            && operation.template.matches('{').count() == 1
    })
}

on_both_stores! {
    fn organisers_prepare_everything_before_the_first_release(store) {
        let app = Environment::new(store).start();
        let base = "/api/v1/conferences/small";
        let mut blueprint = small_conference(Some(2), None);
        blueprint["registration"]["categories"][1]["hidden"] = json!(true);
        blueprint["call_for_action"] = json!({ "title": "Call", "commitments": [] });
        assert_eq!(app.admin("PUT", &format!("{base}/blueprint"), Some(&blueprint)).status, 200);

        // Whoever has no token finds no conference. Organisers read everything but what only a release has.
        let document = app.get("/openapi.json").json();
        let operations = operations(&document);
        let mut unprepared = Vec::new();
        for operation in reads_of_a_conference(&operations) {
            let path = operation.template.replace("{conference}", "small");
            let is_public = operation.admits("everyone");
            let everybody = app.get(&path).status;
            assert_eq!(everybody, if is_public { 404 } else { 401 }, "{}", operation.id);
            let answer = app.admin("GET", &path, None);
            if answer.status == 404 && is_public && answer.json()["detail"].as_str().unwrap().contains("released") {
                continue;
            }
            if answer.status != 200 {
                unprepared.push(format!("{}: {}", operation.id, answer.text()));
            }
        }
        // Nobody holds the link to a preview yet.
        unprepared.retain(|line| !line.starts_with("read_preview:"));
        assert!(unprepared.is_empty(), "{unprepared:#?}");
        assert_eq!(app.admin("GET", &format!("{base}/registration-form"), None).json()["open"], true);

        let admin = |method: &str, path: &str, body: &Value, status: u16| {
            let answer = app.admin(method, &format!("{base}/{path}"), Some(body));
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
            answer
        };
        let setup = app.admin("GET", &format!("{base}/registration-setup"), None).json();
        admin("PUT", "registration-setup", &setup, 200);
        admin("POST", "delegations", &json!({ "kind": "member_state", "country": "BE", "category": "delegate" }), 201);
        admin("PUT", "mail/templates/confirmed/en", &json!({ "source": "Subject: Welcome\n\nWelcome." }), 200);
        let broadcast = json!({ "subject": "News", "body": "News." });
        admin("POST", "mail/broadcasts", &broadcast, 201);
        let invitation = admin("POST", "invitations", &json!({ "kind": "shared", "label": "Press", "category": "press", "code": "early-press" }), 201);
        assert_eq!(invitation.json()["code"], "early-press");

        // Whoever was invited registers, and everybody else finds nothing.
        let (mut press, form) = (person(1, "press"), format!("{base}/registrations"));
        assert_eq!(app.post(&form, &press).problem(), (404, "not-found".to_owned()));
        press["invitation"] = json!("wrong");
        assert_eq!(app.post(&form, &press).problem(), (404, "not-found".to_owned()));
        assert_eq!(app.get(&format!("{base}/registration-form?invitation=wrong")).status, 404);
        assert_eq!(app.get(&format!("{base}/registration-form?invitation=early-press")).json()["categories"][1]["code"], "press");
        press["invitation"] = json!("early-press");
        let receipt = app.post(&form, &press);
        assert_eq!(receipt.status, 201, "{}", receipt.text());
        let own = receipt.json()["links"]["self"].as_str().unwrap().to_owned();
        let own = app.path_of(&own);
        assert_eq!(app.get(own).json()["status"], "confirmed");
        assert_eq!((app.browse(own).status, app.get_with("/conferences/small/en", &BROWSER).status), (200, 404));
        assert_eq!(app.get(&own.replace("?token", "/programme?token")).problem(), (404, "not-found".to_owned()));
        assert_eq!(app.get(own.split_once('?').unwrap().0).status, 401);

        // From the release on, everybody sees the conference, and nothing that was prepared is lost.
        admin("POST", "releases", &json!({}), 201);
        assert_eq!(app.get(&format!("{base}/programme")).status, 200);
        assert_eq!(app.get(&format!("{base}/registration-form")).json()["seats_left"], 1);
        assert_eq!(app.get(&own.replace("?token", "/programme?token")).status, 200);
    }
}

/// An answer without what differs from request to request.
fn comparable(answer: &Answer, slug: &str) -> (u16, String, Vec<(String, String)>) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| {
            !["access-control-expose-headers", "connection", "date", "x-request-id"].contains(&name.as_str())
        })
        .cloned()
        .collect();
    headers.sort();
    let text = match answer.text().parse::<Value>() {
        Ok(Value::Object(mut problem)) => {
            problem.remove("instance");
            Value::Object(problem).to_string()
        }
        _ => answer.text().to_owned(),
    };
    (answer.status, text.replace(slug, "SLUG"), headers)
}

on_both_stores! {
    fn a_private_conference_is_like_one_that_does_not_exist(store) {
        let environment = std::sync::Arc::new(Environment::new(store));
        let app = environment.start_shared();
        let mut secret = TestConference::create(&app, "secret");
        let programme = "/api/v1/conferences/secret/programme";
        let tag = app.get(programme).header("etag").unwrap().to_owned();
        let preview = app.admin("POST", "/api/v1/conferences/secret/agenda/previews", Some(&json!({}))).json();
        let code = json!({ "kind": "shared", "label": "x", "code": "come-in" });
        assert_eq!(app.admin("POST", "/api/v1/conferences/secret/invitations", Some(&code)).status, 201);
        let (viewer, _) = create_token(&app, "viewer", Some("secret"), "viewer");
        TestConference::create(&app, "other");
        let (foreign, _) = create_token(&app, "admin", Some("other"), "another conference's");
        let second = environment.start_shared();
        assert_eq!(second.get(programme).status, 200);

        let set_listing = |listing: &str| {
            let path = "/api/v1/conferences/secret/agenda/conference";
            let answer = app.admin("PATCH", path, Some(&json!({ "listing": listing })));
            assert_eq!((answer.status, &answer.json()["listing"]), (200, &json!(listing)));
        };
        let mut events = Events::open(&app, "secret", "", &[]);
        events.expect("connected");
        set_listing("private");
        assert!(events.next().is_none(), "whoever listened without a token has nothing to hear any more");
        let document = app.get("/openapi.json").json();
        let operations = operations(&document);
        let public: Vec<_> = operations
            .iter()
            .filter(|operation| operation.admits("everyone") && operation.template.contains("{conference}"))
            .collect();
        assert!(public.len() > 30);
        let answer = |operation: &Operation, slug: &str, headers: &[(&str, &str)]| {
            let mut call = call(&document, operation, &secret);
            call.path = call.path.replace("/secret", &format!("/{slug}"));
            let mut headers = headers.to_vec();
            headers.extend(call.body.as_ref().map(|(media, _)| ("content-type", media.as_str())));
            app.send(&operation.method, &call.path, &headers, call.body.as_ref().map(|(_, body)| body.as_str()))
        };
        let of_another = format!("Bearer {foreign}");
        let of_viewer = format!("Bearer {viewer}");
        for operation in &public {
            for headers in [
                &[][..],
                &[("authorization", of_another.as_str())],
                &[("if-none-match", "*"), ("accept-encoding", "gzip")],
                &[("accept", "text/html")],
            ] {
                let hidden = answer(operation, "secret", headers);
                assert_eq!(hidden.status, 404, "{} {headers:?}: {}", operation.id, hidden.text());
                let unknown = answer(operation, "nowhere", headers);
                assert_eq!(comparable(&hidden, "secret"), comparable(&unknown, "nowhere"), "{}", operation.id);
            }
            // Of a token that counts in the conference the role does not matter.
            let is_of_link = ["read_preview", "read_mail_preferences", "set_mail_preferences"].contains(&operation.id.as_str());
            if operation.method == "GET" && !is_endless(operation) && !is_of_link {
                let shown = answer(operation, "secret", &[("authorization", &of_viewer)]);
                let is_missing = shown.status == 404 && shown.json()["detail"] != "there is no such conference";
                assert!(shown.status == 200 || is_missing, "{}: {} {}", operation.id, shown.status, shown.text());
                let caching = if is_missing { "no-store" } else { "private, no-store" };
                assert_eq!(shown.header("cache-control"), Some(caching), "{}", operation.id);
            }
        }
        assert_eq!(app.get_with(programme, &[("if-none-match", &tag)]).status, 404);
        Events::open(&app, "secret", "", &[("authorization", &of_viewer)]).expect("connected");
        let listed = app.get("/api/v1/conferences").json();
        assert_eq!(listed["data"].as_array().unwrap().iter().map(|one| &one["slug"]).collect::<Vec<_>>(), ["other"]);
        for page in ["", "/en", "/en/programme", "/en/speakers", "/en/speakers/ada", "/en/sessions/opening", "/en/register",
            "/en/register?invitation=wrong", "/en/register/sent", "/en/my-programme", "/en/nothing",
            "/en/information", "/en/information/visa", "/en/privacy", "/en/legal", "/en/accessibility",
            "/en/registrations/AB-1?token=x", "/en/registrations/AB-1/mail-preferences?token=x", "/en/delegations/be?token=x"] {
            let of = |slug: &str| app.get_with(&format!("/conferences/{slug}{page}"), &BROWSER);
            let (hidden, unknown) = (of("secret"), of("nowhere"));
            assert_eq!(hidden.status, 404, "{page}");
            assert_eq!(comparable(&hidden, "secret"), comparable(&unknown, "nowhere"), "{page}");
        }

        // Personal links open what they are for.
        let own = format!("/api/v1/conferences/secret/registrations/{}?token={}", secret.reference, secret.link);
        assert_eq!(app.get(&own).json()["status"], "confirmed");
        assert_eq!(app.get(&own.replace('?', "/programme?")).status, 200);
        assert_eq!(app.browse(&own).status, 200);
        let delegation = format!("/api/v1/conferences/secret/delegations/be?token={}", secret.focal_point);
        assert_eq!((app.get(&delegation).status, app.browse(&delegation).status), (200, 200));
        assert_eq!(app.get(app.path_of(preview["url"].as_str().unwrap())).status, 200);
        let form = "/api/v1/conferences/secret/registration-form";
        assert_eq!(app.get(&format!("{form}?invitation=come-in")).status, 200);
        assert_eq!(app.get_with("/conferences/secret/en/register?invitation=come-in", &BROWSER).status, 200);
        let mut guest = person(2, "delegate");
        guest["invitation"] = json!("come-in");
        assert_eq!(app.post("/api/v1/conferences/secret/registrations", &guest).status, 201);
        secret.link.push('x');
        let voided = format!("/conferences/secret/en/registrations/{}?token={}", secret.reference, secret.link);
        assert_eq!(app.browse(&voided).status, 404);

        // The other process follows.
        second.log.wait_for("serving under another listing");
        assert_eq!(second.get(programme).status, 404);

        // An unlisted conference is public, but nothing leads to it.
        set_listing("unlisted");
        let page = app.get_with("/conferences/secret/en/programme", &BROWSER);
        assert_eq!((page.status, page.header("x-robots-tag")), (200, Some("noindex")));
        assert!(page.text().contains("<meta name=\"robots\" content=\"noindex\">"));
        for path in [programme.to_owned(), format!("{programme}?track=law"), format!("{programme}?version=1")] {
            assert_eq!(app.get(&path).header("x-robots-tag"), Some("noindex"), "{path}");
        }
        assert_eq!(app.get("/api/v1/conferences").json(), listed);
        assert_eq!(app.get_with("/", &BROWSER).header("location"), Some("/conferences/other/en"));
        // A document that does not mention the listing leaves it, a copy begins unlisted, and a release changes nothing.
        let blueprint = app.admin("GET", "/api/v1/conferences/secret/blueprint", None).json();
        assert_eq!(blueprint["conference"]["listing"], "unlisted");
        let mut without = blueprint;
        without["conference"].as_object_mut().unwrap().remove("listing");
        app.publish(&without);
        assert_eq!(app.get(programme).header("x-robots-tag"), Some("noindex"));
        let copy = json!({ "slug": "again", "starts_on": "2031-05-01" });
        assert_eq!(app.admin("POST", "/api/v1/conferences/other/copy", Some(&copy)).json()["listing"], "unlisted");
        let changes = app.get("/api/v1/conferences/secret/releases/2/changes").json();
        assert_eq!(changes["changes"], json!([]));
        set_listing("listed");
        let page = app.get_with("/conferences/secret/en/programme", &BROWSER);
        assert!(page.header("x-robots-tag").is_none() && !page.text().contains("noindex"));
        assert_eq!(app.get("/api/v1/conferences").json()["data"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn the_document_names_the_roles_and_credentials_of_each_operation() {
    let app = Environment::new(Store::Sqlite).start();
    let document = app.get("/openapi.json").json();
    let operations = operations(&document);
    for (id, roles) in SENSITIVE {
        let operation = operations.iter().find(|operation| operation.id == id).unwrap();
        assert_eq!(operation.roles, roles, "{id}");
    }
    for operation in &operations {
        let admits = |role: &str| operation.admits(role);
        let security = operation.description.get("security").cloned().unwrap_or_default();
        match (admits("everyone"), admits("attendee")) {
            // A link that the handler checks belongs to no role.
            (true, _) => assert!(
                operation.roles.len() == 1 && (security.is_null() || security == json!([{ "link": [] }])),
                "{}",
                operation.id
            ),
            (false, true) => assert_eq!(security, json!([{ "bearer": [] }, { "link": [] }]), "{}", operation.id),
            (false, false) => assert_eq!(security, json!([{ "bearer": [] }]), "{}", operation.id),
        }
        let others = ["everyone", "attendee", "server_admin"];
        let is_known = |role: &String| ROLES.contains(&role.as_str()) || others.contains(&role.as_str());
        assert!(operation.roles.iter().all(is_known), "{}: {:?}", operation.id, operation.roles);
        assert!(admits("everyone") || admits("admin") || admits("server_admin"), "{} shuts out admins", operation.id);
        // Only three writes are open to everyone: to register, to request one's link again, and to
        // unsubscribe from announcements, by a separate token.
        let open = operation.method != "GET" && admits("everyone");
        let may_be = ["register", "request_registration_link", "set_mail_preferences"].contains(&operation.id.as_str());
        assert!(!open || may_be, "{} is for everyone and changes something", operation.id);
    }
}
