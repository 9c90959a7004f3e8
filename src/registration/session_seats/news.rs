//! What a release makes of sessions, told to whoever is signed up for them.

use serde_json::{Value, json};

use super::store::{SessionStanding, save_slot};
use crate::{
    agenda::{Agenda, Place, document::Session, model::utc},
    database::{Connection, DatabaseError, types::JsonValue},
    mail::LetterKind,
    registration::mailing::broadcasts::{Content, announce_session},
};

/// Has those written to who are signed up for a session that the release moves, or calls off.
///
/// # Errors
/// The store fails.
pub fn tell(
    connection: &mut Connection,
    place: &Place,
    agenda: &Agenda,
    (release, sessions): (i32, &mut [SessionStanding]),
) -> Result<(), DatabaseError> {
    for session in sessions {
        let found = agenda.sessions.iter().find(|one| one.id == Some(session.id));
        let after = JsonValue(found.map_or(Value::Null, |found| slot(found, agenda)));
        if session.slot.as_ref() == Some(&after) {
            continue;
        }
        save_slot(connection, session.id, &after)?;
        // What nobody had heard of moves nobody.
        if let Some(JsonValue(former)) = session.slot.replace(after).filter(|JsonValue(slot)| !slot.is_null()) {
            let kind = if found.is_some() { LetterKind::SessionChanged } else { LetterKind::SessionCancelled };
            let content = Content { session: serde_json::from_value(former).ok(), ..Content::default() };
            announce_session(connection, place.id, (kind.as_str(), release, session.id), &content)?;
        }
    }
    Ok(())
}

/// When and where a session is, as it is kept.
fn slot(session: &Session, agenda: &Agenda) -> Value {
    let zone = agenda.conference.time_zone;
    json!({
        "id": session.id.map(|id| id.uuid()),
        "title": session.title.map(),
        "starts_at": zone.local(utc(session.starts_at)).to_rfc3339(),
        "ends_at": zone.local(utc(session.ends_at)).to_rfc3339(),
        "room": session.room,
    })
}
