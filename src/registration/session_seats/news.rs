//! What a release makes of sessions, told to whoever is signed up for them.

use serde_json::{Value, json};

use super::store::{SessionStanding, save_slot};
use crate::{
    agenda::{Agenda, Place, document::Session, model::utc},
    database::{Connection, DatabaseError, types::JsonValue},
    mail::LetterKind,
    registration::mailing::broadcasts::{Content, announce_session},
};

/// Has those written to who are signed up for a session that the release moves, or calls off. What else it says of the
/// session, and what the room is called, is no news.
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
        let former = session.slot.replace(after.clone());
        // What nobody had heard of moves nobody.
        let Some(JsonValue(mut former)) = former.filter(|JsonValue(slot)| !slot.is_null()) else { continue };
        let kind = match found {
            None => LetterKind::SessionCancelled,
            Some(_) if !is_elsewhere(&former, &after.0) => continue,
            Some(found) => {
                // What was wrong with the title is not said again.
                former["title"] = json!(found.title.map());
                LetterKind::SessionChanged
            }
        };
        let content = Content { session: serde_json::from_value(former).ok(), ..Content::default() };
        announce_session(connection, place.id, (kind.as_str(), release, session.id), &content)?;
    }
    Ok(())
}

/// When and where a session is, and what it is called, as it is kept.
fn slot(session: &Session, agenda: &Agenda) -> Value {
    let zone = agenda.conference.time_zone;
    let room = agenda.rooms.iter().find(|room| session.room.as_ref() == Some(&room.code));
    json!({
        "id": session.id.map(|id| id.uuid()),
        "title": session.title.map(),
        "starts_at": zone.local(utc(session.starts_at)).to_rfc3339(),
        "ends_at": zone.local(utc(session.ends_at)).to_rfc3339(),
        "room": session.room,
        "room_id": room.and_then(|room| room.id).map(|id| id.uuid()),
    })
}

/// Whether a session is at another time or in another room. A room may have another code or name: its id tells, but
/// for what older versions kept, which is the code alone.
fn is_elsewhere(former: &Value, now: &Value) -> bool {
    let room = if former.get("room_id").is_some() { "room_id" } else { "room" };
    ["starts_at", "ends_at", room].iter().any(|key| former.get(*key) != now.get(*key))
}
