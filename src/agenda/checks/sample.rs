//! Agendas for the unit tests of the checks.

use serde_json::{Value, json};

use super::{Conflict, Scope, check};
use crate::agenda::{Agenda, model};

/// A session with nothing but its times.
pub fn session(code: &str, starts_at: &str, ends_at: &str) -> Value {
    json!({ "code": code, "kind": "parallel", "title": code, "starts_at": starts_at, "ends_at": ends_at })
}

/// A session in a room, with speakers.
pub fn session_in(code: &str, room: Option<&str>, starts_at: &str, ends_at: &str, speakers: &[&str]) -> Value {
    let mut node = session(code, starts_at, ends_at);
    node["room"] = json!(room);
    node["appearances"] = speakers.iter().map(|speaker| json!({ "speaker": speaker, "role": "speaker" })).collect();
    node
}

/// A conference of two days in one language, with three rooms, three speakers and these sessions.
pub fn document(sessions: &[Value]) -> Value {
    json!({
        "conference": {
            "slug": "small", "name": "Small", "starts_on": "2030-05-01", "ends_on": "2030-05-02",
            "time_zone": "Europe/Brussels", "languages": ["en"], "walking_minutes": 10,
        },
        "rooms": [
            { "code": "hall", "name": "Hall", "capacity": 100 },
            { "code": "attic", "name": "Attic" },
            { "code": "cellar", "name": "Cellar" },
        ],
        "speakers": [
            { "code": "ada", "given_name": "Ada", "family_name": "L" },
            { "code": "bob", "given_name": "Bob", "family_name": "N" },
            { "code": "eve", "given_name": "Eve", "family_name": "O" },
        ],
        "sessions": sessions,
    })
}

/// That conference as an agenda.
pub fn agenda(sessions: &[Value]) -> Agenda {
    read(document(sessions))
}

/// A document as an agenda.
pub fn read(document: Value) -> Agenda {
    model::read(document).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Every conflict of the agenda.
pub fn conflicts(agenda: &Agenda) -> Vec<Conflict> {
    check(agenda, Scope::default()).conflicts()
}

/// Conflicts with this code; each as its pointer, its thing and the other things.
pub fn conflicts_with_code(agenda: &Agenda, code: &str) -> Vec<String> {
    let matching = conflicts(agenda).into_iter().filter(|conflict| conflict.code.as_str() == code);
    matching
        .map(|conflict| {
            let others = conflict.others.iter().map(|other| format!(" {}", other.code)).collect::<String>();
            format!("{} {}{others}", conflict.pointer, conflict.thing)
        })
        .collect()
}
