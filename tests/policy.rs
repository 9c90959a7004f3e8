//! Who may: each operation of the API document is called without a token, with one of each role, with one of another
//! conference, with one that has expired and with one that is revoked. Whatever is added to the document is called, too.

use serde_json::{Map, Value, json};

use crate::support::{
    App, Store,
    app::{ADMIN, World, person, small_conference},
    on_both_stores,
};

const ROLES: [&str; 5] = ["admin", "agenda_editor", "registrar", "check_in", "viewer"];

/// What must stay true whatever the document says.
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
    described: Value,
}

impl Operation {
    fn lets_in(&self, role: &str) -> bool {
        self.roles.iter().any(|found| found == role)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Every operation: what reads before what writes before what deletes, and what deletes most last of all.
fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            found.push(Operation {
                id: text(&described["operationId"]),
                method: method.to_uppercase(),
                template: template.clone(),
                roles: described["x-roles"].as_array().unwrap().iter().map(text).collect(),
                described: described.clone(),
            });
        }
    }
    let methods = ["GET", "PUT", "PATCH", "POST", "DELETE"];
    found.sort_by_key(|operation| {
        let order = methods.iter().position(|method| *method == operation.method);
        // After it every earlier link is void.
        let renews = operation.id == "renew_registration_link";
        (order, renews, std::cmp::Reverse(operation.template.len()), operation.template.clone())
    });
    found
}

/// A conference of a test's own, with a registration in it.
struct Place {
    slug: String,
    reference: String,
    /// The token of the attendee's link.
    link: String,
    /// The token of the focal point's link, of a delegation.
    focal_point: String,
    /// An invitation.
    invitation: String,
}

impl Place {
    fn create(app: &App, slug: &str) -> Self {
        let mut blueprint = small_conference(None, None);
        blueprint["conference"]["slug"] = json!(slug);
        app.publish(&blueprint);
        let path = format!("/api/v1/conferences/{slug}/registrations");
        let made = app.post(&path, &person(1, "delegate")).json();
        let link = text(&made["links"]["self"]);
        let link = link.split_once("?token=").unwrap().1.to_owned();
        let within = format!("/api/v1/conferences/{slug}");
        let asked = json!({
            "kind": "member_state", "country": "BE", "category": "delegate",
            "focal_point": { "name": "Focal point", "email": "focal@example.org" }
        });
        assert_eq!(app.admin("POST", &format!("{within}/delegations"), Some(&asked)).status, 201);
        let sent = app.admin("POST", &format!("{within}/delegations/be/invite-focal-point"), Some(&json!({}))).json();
        let focal_point = text(&sent["link"]).split_once("?token=").unwrap().1.to_owned();
        let asked = json!({ "kind": "shared", "label": "x" });
        let invitation = text(&app.admin("POST", &format!("{within}/invitations"), Some(&asked)).json()["id"]);
        Self { focal_point, invitation, slug: slug.to_owned(), reference: text(&made["reference"]), link }
    }

    /// What stands in a path for a parameter, where there is such a thing in the place.
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

/// What a parameter or a body of this schema may be: the least that it takes.
fn least(document: &Value, schema: &Value, depth: usize) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        return least(document, target, depth);
    }
    if let Some(value) = schema["enum"].get(0).or(schema.get("const")) {
        return value.clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let whole = parts.iter().filter_map(|part| match least(document, part, depth) {
            Value::Object(members) => Some(members),
            _ => None,
        });
        return Value::Object(whole.flatten().collect());
    }
    for one_of in ["oneOf", "anyOf"] {
        if let Some(cases) = schema[one_of].as_array() {
            let case = cases.iter().find(|case| case["type"] != "null").unwrap();
            return least(document, case, depth);
        }
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str()).unwrap_or("object");
    match kind {
        "string" => json!(least_text(schema)),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(false),
        "array" if schema["minItems"].as_u64().is_none_or(|least| least == 0) || depth == 0 => json!([]),
        "array" => json!([least(document, &schema["items"], depth - 1)]),
        _ => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let member = |name: &str| (name.to_owned(), least(document, &schema["properties"][name], depth));
            Value::Object(required.map(member).collect::<Map<_, _>>())
        }
    }
}

/// The first of a few texts that fits the schema.
fn least_text(schema: &Value) -> &'static str {
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

/// A call of an operation in a place: the path with its query, the media type and the body.
struct Call {
    path: String,
    body: Option<(String, String)>,
}

fn call(document: &Value, operation: &Operation, place: &Place) -> Call {
    let parameters: Vec<_> = operation.described["parameters"].as_array().into_iter().flatten().collect();
    let least_of = |parameter: &Value| match least(document, &parameter["schema"], 3) {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let mut path = operation.template.clone();
    for parameter in parameters.iter().filter(|parameter| parameter["in"] == "path") {
        let name = text(&parameter["name"]);
        let value = place.value(&name).map_or_else(|| least_of(parameter), str::to_owned);
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    let required = parameters.iter().filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let query: Vec<_> =
        required.map(|parameter| format!("{}={}", text(&parameter["name"]), least_of(parameter))).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let body = operation.described["requestBody"]["content"].as_object().map(|content| {
        let (media, described) =
            content.iter().find(|(media, _)| media.ends_with("json")).or_else(|| content.iter().next()).unwrap();
        let body =
            if media.ends_with("json") { least(document, &described["schema"], 3).to_string() } else { "x".into() };
        (media.clone(), body)
    });
    Call { path: format!("{path}{query}"), body }
}

impl Call {
    /// The status of the answer to whoever shows this token.
    fn status(&self, app: &App, operation: &Operation, token: Option<&str>) -> u16 {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers: Vec<(&str, &str)> = Vec::new();
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        headers.extend(self.body.as_ref().map(|(media, _)| ("content-type", media.as_str())));
        let body = self.body.as_ref().map(|(_, body)| body.as_str());
        // What has no end is asked for without it.
        let is_stream = operation.described["responses"]["200"]["content"].get("text/event-stream").is_some();
        let method = if is_stream { "HEAD" } else { operation.method.as_str() };
        app.send(method, &self.path, &headers, body).status
    }

    /// With the token of an attendee's link.
    fn with_link(&self, link: &str) -> Self {
        let mark = if self.path.contains('?') { '&' } else { '?' };
        Self { path: format!("{}{mark}token={link}", self.path), body: self.body.clone() }
    }
}

fn make(app: &App, role: &str, conference: Option<&str>, label: &str) -> (String, String) {
    let asked = json!({ "role": role, "conference": conference, "label": label });
    let made = app.admin("POST", "/api/v1/tokens", Some(&asked)).json();
    (text(&made["token"]), text(&made["id"]))
}

/// Everything that the test knows of a running service.
struct Scene {
    app: App,
    document: Value,
    /// Whom nobody's permitted call changes.
    calm: Place,
    /// For each role a place for its permitted calls, and its tokens: of the place, and of the whole server.
    of_roles: Vec<(&'static str, Place, String, String)>,
    /// The conference of the attendee's permitted calls.
    of_attendee: Place,
    /// An admin's token of another conference.
    foreign: String,
    /// Server-wide admin tokens that are void.
    void: [(&'static str, String); 3],
}

impl Scene {
    fn create(store: Store) -> Self {
        let app = World::new(store).start();
        let calm = Place::create(&app, "calm");
        let of_roles = ROLES.map(|role| {
            let place = Place::create(&app, &format!("of-{}", role.replace('_', "-")));
            let (own, _) = make(&app, role, Some(&place.slug), role);
            let (server_wide, _) = make(&app, role, None, role);
            (role, place, own, server_wide)
        });
        let of_attendee = Place::create(&app, "of-attendee");
        let (foreign, _) = make(&app, "admin", Some(&of_attendee.slug), "another conference's");
        let (expired, _) = make(&app, "admin", None, "expired");
        let past = "UPDATE tokens SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE label = 'expired'";
        app.world.database.execute(past);
        let (revoked, id) = make(&app, "admin", None, "revoked");
        assert_eq!(app.admin("DELETE", &format!("/api/v1/tokens/{id}"), None).status, 204);
        let void = [("expired", expired), ("revoked", revoked), ("unknown", "plenary_x".to_owned())];
        let document = app.get("/openapi.json").json();
        Self { document, app, calm, of_roles: of_roles.into(), of_attendee, foreign, void }
    }

    /// Notes where the answer to an operation's caller is not the one that is due.
    fn check_refusals(&self, operation: &Operation, wrong: &mut Vec<String>) {
        let call = call(&self.document, operation, &self.calm);
        let mut is_due = |who: &str, token: Option<&str>, due: u16| {
            let status = call.status(&self.app, operation, token);
            if status != due {
                wrong.push(format!(
                    "{} ({} {}) answers {who} {status}, not {due}",
                    operation.id, operation.method, call.path
                ));
            }
        };
        is_due("nobody", None, 401);
        for (kind, token) in &self.void {
            is_due(kind, Some(token), 401);
        }
        let is_of_conference = operation.template.contains("{conference}");
        if is_of_conference {
            is_due("an admin of another conference", Some(&self.foreign), 403);
            for (role, _, own, _) in &self.of_roles {
                is_due(&format!("{role} of another conference"), Some(own), 403);
            }
        }
        for (role, _, own, server_wide) in &self.of_roles {
            if operation.lets_in("server_admin") {
                is_due(&format!("{role} of one conference"), Some(own), 403);
            }
            let by_server = operation.lets_in("server_admin") && *role == "admin";
            if !(operation.lets_in(role) || by_server) {
                is_due(role, Some(server_wide), 403);
            }
        }
        if operation.lets_in("attendee") {
            for link in [&self.of_attendee.link, &self.of_attendee.focal_point] {
                let another_s = call.with_link(link).status(&self.app, operation, None);
                if another_s != 401 {
                    wrong.push(format!("{} answers another's link {another_s}, not 401", operation.id));
                }
            }
        }
    }

    fn check_permissions(&self, operation: &Operation, wrong: &mut Vec<String>) {
        let mut passes = |who: &str, call: &Call, token: Option<&str>| {
            let status = call.status(&self.app, operation, token);
            if [401, 403].contains(&status) {
                wrong.push(format!("{} ({} {}) refuses {who}: {status}", operation.id, operation.method, call.path));
            }
        };
        for role in &operation.roles {
            match role.as_str() {
                "everyone" => passes("everyone", &call(&self.document, operation, &self.calm), None),
                "attendee" => {
                    let call = call(&self.document, operation, &self.of_attendee);
                    let of_delegation = operation.template.contains("{delegation}");
                    let place = &self.of_attendee;
                    let link = if of_delegation { &place.focal_point } else { &place.link };
                    passes("the attendee or focal point", &call.with_link(link), None);
                }
                role => {
                    let as_token = if role == "server_admin" { "admin" } else { role };
                    let (_, place, own, server_wide) =
                        self.of_roles.iter().find(|(known, ..)| *known == as_token).unwrap();
                    let call = call(&self.document, operation, place);
                    let is_of_conference = operation.template.contains("{conference}") && role != "server_admin";
                    passes(role, &call, Some(if is_of_conference { own } else { server_wide }));
                }
            }
        }
    }
}

/// An answer that does not end: there is nothing to wait for.
fn is_endless(operation: &Operation) -> bool {
    !operation.described["responses"]["200"]["content"]["text/event-stream"].is_null()
}

on_both_stores! {
    fn every_operation_lets_in_whom_the_policy_names_and_no_one_else(store) {
        let scene = Scene::create(store);
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
        // Nothing that was refused has changed anything.
        let calm = format!("/api/v1/conferences/{}", scene.calm.slug);
        let registration = format!("{calm}/registrations/{}?token={}", scene.calm.reference, scene.calm.link);
        assert_eq!(scene.app.get(&registration).json()["status"], "confirmed");
        let releases = scene.app.with_token(ADMIN, "GET", &format!("{calm}/releases"), None).json();
        assert_eq!(releases["data"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn the_document_says_who_may_call_each_operation_and_what_they_show() {
    let app = World::new(Store::Sqlite).start();
    let document = app.get("/openapi.json").json();
    let operations = operations(&document);
    for (id, roles) in SENSITIVE {
        let operation = operations.iter().find(|operation| operation.id == id).unwrap();
        assert_eq!(operation.roles, roles, "{id}");
    }
    for operation in &operations {
        let is = |role: &str| operation.lets_in(role);
        let security = operation.described.get("security").cloned().unwrap_or_default();
        match (is("everyone"), is("attendee")) {
            // A link that is judged by itself belongs to no role.
            (true, _) => assert!(
                operation.roles.len() == 1 && (security.is_null() || security == json!([{ "link": [] }])),
                "{}",
                operation.id
            ),
            (false, true) => assert_eq!(security, json!([{ "bearer": [] }, { "link": [] }]), "{}", operation.id),
            (false, false) => assert_eq!(security, json!([{ "bearer": [] }]), "{}", operation.id),
        }
        let others = ["everyone", "attendee", "server_admin"];
        let known = |role: &String| ROLES.contains(&role.as_str()) || others.contains(&role.as_str());
        assert!(operation.roles.iter().all(known), "{}: {:?}", operation.id, operation.roles);
        assert!(is("everyone") || is("admin") || is("server_admin"), "{} shuts out admins", operation.id);
        // What changes something is for everyone in three cases alone: to register, to be sent one's link again, and to
        // want no announcements, by a token of its own.
        let open = operation.method != "GET" && is("everyone");
        let may_be = ["register", "request_registration_link", "set_mail_preferences"].contains(&operation.id.as_str());
        assert!(!open || may_be, "{} is for everyone and changes something", operation.id);
    }
}
