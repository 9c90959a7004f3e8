//! Notices to the people who are signed up for a session that a release moves or cancels.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    broadcast::BroadcastContent,
    session_seats::{SessionQuota, save_announced_slot},
};
use crate::{
    agenda::{Agenda, ConferenceRef, document::Session, model::utc},
    clock,
    database::{
        Connection, DatabaseError,
        types::{DbInstant, JsonValue},
    },
    ids::{ConferenceId, Id, SessionId},
    registration::broadcast::{BroadcastKind, BroadcastState, NewBroadcast, insert},
};

/// Creates a notice for each session that the release moves or cancels. A change of anything else, such as the title or
/// the name of the room, causes no notice; nor does a correction of what has taken place already (`is_past`).
pub fn announce_moved_sessions(
    connection: &mut Connection,
    conference: &ConferenceRef,
    agenda: &Agenda,
    release: i32,
    quotas: &mut [SessionQuota],
    is_past: impl Fn(DateTime<Utc>) -> bool,
) -> Result<(), DatabaseError> {
    for quota in quotas {
        let session = agenda.sessions.iter().find(|session| session.id == Some(quota.id));
        let present = JsonValue(session.map_or(Value::Null, |session| slot(session, agenda)));
        if quota.announced_slot.as_ref() == Some(&present) {
            continue;
        }
        save_announced_slot(connection, quota.id, &present)?;
        let former = quota.announced_slot.replace(present.clone());
        // A session that nobody has been notified of cannot have moved.
        let Some(JsonValue(mut former)) = former.filter(|JsonValue(slot)| !slot.is_null()) else { continue };
        let ended_at = former["ends_at"].as_str().and_then(|ends_at| DateTime::parse_from_rfc3339(ends_at).ok());
        let was_over = ended_at.is_some_and(|ends_at| is_past(ends_at.to_utc()));
        if was_over && session.is_none_or(|session| is_past(utc(session.ends_at))) {
            continue;
        }
        let kind = match session {
            None => BroadcastKind::SessionCancelled,
            Some(_) if !has_moved(&former, &present.0) => continue,
            Some(session) => {
                // The notice uses the new title.
                former["title"] = json!(session.title.map());
                BroadcastKind::SessionChanged
            }
        };
        let content = BroadcastContent { session: serde_json::from_value(former).ok(), ..BroadcastContent::default() };
        announce_session(connection, conference.id, kind, release, quota.id, &content)?;
    }
    Ok(())
}

/// Time, room and title of a session, as they are stored.
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

/// Whether a session is at another time or in another room. The room is compared by its id, because its code or name
/// may change; a slot that an older version stored has only the code.
fn has_moved(former: &Value, present: &Value) -> bool {
    let room_key = if former.get("room_id").is_some() { "room_id" } else { "room" };
    // In another time zone, the same instant is written with another offset.
    let instant = |slot: &Value, key: &str| DateTime::parse_from_rfc3339(slot.get(key)?.as_str()?).ok();
    let is_other_time = |key: &&str| instant(former, key) != instant(present, key);
    ["starts_at", "ends_at"].iter().any(is_other_time) || former.get(room_key) != present.get(room_key)
}

/// Creates a notice about one session, for the people who are signed up for it; once for each release.
pub fn announce_session(
    connection: &mut Connection,
    conference: ConferenceId,
    kind: BroadcastKind,
    release: i32,
    session: SessionId,
    content: &BroadcastContent,
) -> Result<(), DatabaseError> {
    let now = DbInstant(clock::now());
    let corrupt = |error: serde_json::Error| DatabaseError::Corrupt(format!("a broadcast: {error}"));
    let content = serde_json::to_value(content).map_err(corrupt)?;
    insert(
        connection,
        NewBroadcast {
            id: Id::new(),
            conference_id: conference,
            kind,
            state: BroadcastState::Sending,
            content: JsonValue(content),
            audience: JsonValue(serde_json::json!({ "session_id": session.to_string() })),
            per_minute: i32::MAX,
            reached: 0,
            enqueued: 0,
            source: Some(format!("{kind}:{release}:{session}")),
            created_by: "service".to_owned(),
            created_at: now,
            started_at: Some(now),
        },
    )
}
