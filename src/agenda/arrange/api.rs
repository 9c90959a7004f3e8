//! `/api/v1/conferences/{conference}/agenda/.../reorder`, `/move`, `/duplicate`, `/substitute`.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::actions::{self, Move, Substitution};
use crate::{
    access::{Credentials, Operation},
    agenda::{
        AgendaError,
        checks::{Conflict, warnings_of},
        document::{Agenda, Item, Session},
        edit::{
            actions::{Editor, edit, ensure_preconditions},
            api::{ListPage, WithWarnings, answer_write},
            resource::{Resource, find},
        },
    },
    database::{Connection, Database, DatabaseError},
    http::{
        CodePath, Json, Preconditions, Problem,
        extract::{LargeJson, RawAgendaJson},
        idempotency::{IdempotencyKey, StoredAnswer, once},
        problem::AnyProblem,
    },
    validation::{self, ValidationErrors},
    values::{Code, Date, LocalOrInstant, Localised},
};

/// New order of a list.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Order {
    /// Codes in their new order. Things that are left out follow in their old order.
    pub order: Vec<String>,
}

/// New order of the items of a session, and of the speakers in them.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct ItemOrder {
    /// Codes of the items in their new order. Items that are left out follow in their old order.
    #[deserr(default)]
    #[schema(required = false)]
    pub order: Vec<String>,
    /// New order of speakers: a map from the code of an item to the codes of its speakers. Speakers that are left out
    /// follow in their old order.
    #[deserr(default)]
    #[schema(required = false)]
    pub appearances: BTreeMap<String, Vec<String>>,
}

/// New day, time or room of a session. Fields that are left out stay as they are.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct SessionMove {
    /// New day, at the same time of day; not together with `starts_at`.
    #[deserr(default)]
    #[schema(required = false)]
    pub day: Option<Date>,
    /// New start; the session keeps its duration.
    #[deserr(default)]
    #[schema(required = false)]
    pub starts_at: Option<LocalOrInstant>,
    /// New end.
    #[deserr(default)]
    #[schema(required = false)]
    pub ends_at: Option<LocalOrInstant>,
    /// Code of the new room; `null` takes the session out of its room.
    #[deserr(default)]
    #[schema(required = false)]
    pub room: Option<Code>,
}

/// A copy of a session. Fields that are left out are those of the original.
#[derive(Debug, Clone, Deserr, Serialize, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct SessionCopy {
    /// Code of the copy. Its items get the codes of the original's items with a number appended, such as `keynote-2`.
    pub code: Code,
    /// Title of the copy.
    #[deserr(default)]
    #[schema(required = false)]
    pub title: Option<Localised>,
    /// Another day, at the same time of day; not together with `starts_at`.
    #[deserr(default)]
    #[schema(required = false)]
    pub day: Option<Date>,
    /// Another start; the copy has the duration of the original.
    #[deserr(default)]
    #[schema(required = false)]
    pub starts_at: Option<LocalOrInstant>,
    /// Code of another room.
    #[deserr(default)]
    #[schema(required = false)]
    pub room: Option<Code>,
}

/// New place of an item.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct ItemMove {
    /// Code of the session to which the item moves.
    pub session: Code,
    /// Code of the item that follows it there; if left out, the item goes to the end.
    #[deserr(default)]
    #[schema(required = false)]
    pub before: Option<Code>,
}

/// Replacement of a speaker by another one.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct SubstitutionRequest {
    /// Code of the speaker who speaks instead.
    pub by: Code,
    /// Codes of the sessions in which the speaker is replaced; all sessions if left out or empty.
    #[deserr(default)]
    #[schema(required = false)]
    pub sessions: Vec<Code>,
    /// Whether the programme says that the new speaker speaks on behalf of the replaced one; `true` if left out.
    #[deserr(default = true)]
    #[schema(required = false)]
    pub on_behalf_of: bool,
}

/// A place where a speaker was replaced.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubstitutionPlace {
    /// Code of the session.
    pub session: Code,
    /// Code of the item in the session; null if the speaker appeared in the session as a whole.
    pub item: Option<Code>,
}

/// Result of a substitution.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubstitutionResult {
    /// Places where the speaker was replaced.
    pub places: Vec<SubstitutionPlace>,
    /// Conflicts of the draft that involve the new speaker.
    pub warnings: Vec<Conflict>,
}

async fn change_list<T: Resource>(
    database: &Database,
    editor: Editor,
    list: &'static str,
    body: Order,
) -> Result<HttpResponse, Problem> {
    let turn = editor.slug.to_string();
    let things = database
        .write_in_turn("reorder a list of the agenda", &turn, move |tx| {
            let locked_draft = editor.open(tx)?;
            let agenda = edit(tx, &editor, locked_draft, |document, _| {
                let things = document.get_mut(list).and_then(Value::as_array_mut).map_or(&mut [][..], |list| list);
                actions::reorder(things, T::KEY, &body.order, "#/order")?;
                Ok(Some(format!("/{list}")))
            })?;
            Ok::<_, AgendaError>(T::all(&agenda, None).unwrap_or_default().to_vec())
        })
        .await?;
    Ok(HttpResponse::Ok().json(ListPage { data: things, next: None }))
}

/// Defines the operations that put a list of the agenda in another order.
macro_rules! reorder {
    ($($(#[$doc:meta])* post $url:literal => $name:ident, $thing:ty, $list:literal;)+) => {
        $($(#[$doc])*
        #[utoipa::path(
            post, path = $url,
            tag = "agenda",
            params(("conference" = String, Path, description = "The conference's slug")),
            request_body = Order,
            responses((status = 200, description = "The list in its new order", body = ListPage<$thing>), AnyProblem),
            security(("bearer" = []))
        )]
        pub async fn $name(
            database: web::Data<Database>,
            credentials: Credentials,
            path: web::Path<CodePath>,
            body: LargeJson<Order>,
        ) -> Result<HttpResponse, Problem> {
            let operation = pastey::paste!(Operation::[<$name:camel>]);
            let editor = Editor { credentials, operation, slug: path.into_inner().0 };
            change_list::<$thing>(&database, editor, $list, body.0).await
        })+
    };
}

reorder! {
    /// Puts the organisations of the draft in another order.
    post "/api/v1/conferences/{conference}/agenda/organisations/reorder" => reorder_agenda_organisations,
        crate::agenda::document::Organisation, "organisations";
    /// Puts the rooms of the draft in another order.
    post "/api/v1/conferences/{conference}/agenda/rooms/reorder" => reorder_agenda_rooms,
        crate::agenda::document::Room, "rooms";
    /// Puts the tracks of the draft in another order.
    post "/api/v1/conferences/{conference}/agenda/tracks/reorder" => reorder_agenda_tracks,
        crate::agenda::document::Track, "tracks";
    /// Puts the speakers of the draft in another order.
    post "/api/v1/conferences/{conference}/agenda/speakers/reorder" => reorder_agenda_speakers,
        crate::agenda::document::Speaker, "speakers";
    /// Puts the sessions of the draft in another order. It counts for sessions that start at the same time.
    post "/api/v1/conferences/{conference}/agenda/sessions/reorder" => reorder_agenda_sessions,
        Session, "sessions";
}

/// Changes one session by `change`, if the session meets the preconditions.
async fn change_session(
    database: &Database,
    editor: Editor,
    code: Code,
    preconditions: Preconditions,
    change: impl Fn(&mut Value, &Agenda) -> Result<Option<String>, AgendaError> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let turn = editor.slug.to_string();
    let answer = database
        .write_in_turn("change a session of the agenda", &turn, move |tx| {
            let locked_draft = editor.open(tx)?;
            let present = find::<Session>(&locked_draft.draft, None, code.as_str())
                .ok_or(AgendaError::ThingNotFound("session"))?;
            ensure_preconditions(&preconditions, Some(present))?;
            let agenda = edit(tx, &editor, locked_draft, &change)?;
            let session = find::<Session>(&agenda, None, code.as_str());
            answer_write(&agenda, session.ok_or_else(|| DatabaseError::missing(format_args!("session {code}")))?, None)
        })
        .await?;
    Ok(answer.response())
}

/// Puts the items of a session, and the speakers in them, in another order.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/items/reorder",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ("If-Match" = Option<String>, Header, description = "Entity tag that the session must have")
    ),
    request_body = ItemOrder,
    responses((status = 200, description = "The session as written", body = WithWarnings<Session>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn reorder_agenda_items(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    preconditions: Preconditions,
    body: LargeJson<ItemOrder>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let editor = Editor { credentials, operation: Operation::ReorderAgendaItems, slug: slug.0 };
    let (session_code, order) = (code.0.clone(), body.0);
    change_session(&database, editor, code.0, preconditions, move |document, draft| {
        actions::reorder_items(document, draft, &session_code, &order.order, &order.appearances)
    })
    .await
}

/// Moves a session to another day, time or room.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/move",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ("If-Match" = Option<String>, Header, description = "Entity tag that the session must have")
    ),
    request_body = SessionMove,
    responses((status = 200, description = "The session as written", body = WithWarnings<Session>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn move_agenda_session(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    preconditions: Preconditions,
    body: RawAgendaJson,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let editor = Editor { credentials, operation: Operation::MoveAgendaSession, slug: slug.0 };
    // `null` takes the session out of its room; if `room` is left out, the session stays in its room.
    let is_room_cleared = body.0.get("room").is_some_and(Value::is_null);
    let request: SessionMove = validation::read(body.0)?;
    let room = if is_room_cleared { Some(None) } else { request.room.map(Some) };
    let to = Move { day: request.day, starts_at: request.starts_at, ends_at: request.ends_at, room };
    let session_code = code.0.clone();
    change_session(&database, editor, code.0, preconditions, move |document, draft| {
        actions::move_session(document, draft, &session_code, &to)
    })
    .await
}

/// Adds a copy of a session, if asked for on another day, at another time or in another room.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/duplicate",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer")
    ),
    request_body = SessionCopy,
    responses((status = 201, description = "The copy of the session", body = WithWarnings<Session>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn duplicate_agenda_session(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    key: IdempotencyKey,
    body: Json<SessionCopy>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let editor = Editor { credentials, operation: Operation::DuplicateAgendaSession, slug: slug.0 };
    let (code, copy_request) = (code.0, body.0);
    let turn = editor.slug.to_string();
    let answer = database
        .write_in_turn("duplicate a session of the agenda", &turn, move |tx| {
            let locked_draft = editor.open(tx)?;
            let scope = (locked_draft.conference.id.to_string(), locked_draft.actor.identity());
            let request_json = serde_json::json!(copy_request);
            once(tx, &key, &scope.0, &scope.1, &request_json, |tx| {
                let agenda = edit(tx, &editor, locked_draft, |document, draft| {
                    duplicate(document, draft, &code, &copy_request)
                })?;
                answer_copy(&agenda, &editor.slug, &copy_request.code)
            })
        })
        .await?;
    Ok(answer.response())
}

fn answer_copy(agenda: &Agenda, slug: &Code, code: &Code) -> Result<StoredAnswer, AgendaError> {
    let copy = find::<Session>(agenda, None, code.as_str());
    let copy = copy.ok_or_else(|| DatabaseError::missing(format_args!("session {code}")))?;
    answer_write(agenda, copy, Some(format!("/api/v1/conferences/{slug}/agenda/sessions/{code}")))
}

fn duplicate(
    document: &mut Value,
    draft: &Agenda,
    code: &Code,
    copy_request: &SessionCopy,
) -> Result<Option<String>, AgendaError> {
    // The original is moved to the place of the copy, copied, and put back.
    let (day, starts_at, room) = (copy_request.day, copy_request.starts_at, copy_request.room.clone().map(Some));
    let pointer = actions::move_session(document, draft, code, &Move { day, starts_at, ends_at: None, room })?;
    let original = serde_json::to_value(find::<Session>(draft, None, code.as_str())).unwrap_or_default();
    let copy = actions::duplicate_session(document, draft, code, &copy_request.code)?;
    if let Some(moved) = pointer.and_then(|pointer| document.pointer_mut(&pointer)) {
        *moved = original;
    }
    let copy_node = copy.as_deref().and_then(|pointer| document.pointer_mut(pointer));
    if let (Some(members), Some(title)) = (copy_node.and_then(Value::as_object_mut), &copy_request.title) {
        // A plain text has no language yet: it gets the first one when the document is read.
        let plain = title.plain().map(Value::from);
        members.insert("title".to_owned(), plain.unwrap_or_else(|| serde_json::json!(title)));
    }
    Ok(copy)
}

/// Moves an item to another session, or to another place in its session.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/items/{item}/move",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ("item" = String, Path, description = "The item's code"),
        ("If-Match" = Option<String>, Header, description = "Entity tag that the item must have")
    ),
    request_body = ItemMove,
    responses((status = 200, description = "The item as written", body = WithWarnings<Item>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn move_agenda_item(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath, String)>,
    preconditions: Preconditions,
    body: Json<ItemMove>,
) -> Result<HttpResponse, Problem> {
    let (slug, from, item) = path.into_inner();
    let editor = Editor { credentials, operation: Operation::MoveAgendaItem, slug: slug.0 };
    let (from, request) = (from.0, body.0);
    let turn = editor.slug.to_string();
    let answer = database
        .write_in_turn("move an item of the agenda", &turn, move |tx: &mut Connection| {
            let locked_draft = editor.open(tx)?;
            let present =
                find::<Item>(&locked_draft.draft, Some(&from), &item).ok_or(AgendaError::ThingNotFound("item"))?;
            ensure_preconditions(&preconditions, Some(present))?;
            let agenda = edit(tx, &editor, locked_draft, |document, draft| {
                actions::move_item(document, draft, &from, &item, &request.session, request.before.as_ref())
            })?;
            let moved = find::<Item>(&agenda, Some(&request.session), &item);
            answer_write(&agenda, moved.ok_or_else(|| DatabaseError::missing(format_args!("item {item}")))?, None)
        })
        .await?;
    Ok(answer.response())
}

/// Replaces one speaker by another, in some sessions or in all.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/speakers/{speaker}/substitute",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("speaker" = String, Path, description = "Code of the speaker who is replaced")
    ),
    request_body = SubstitutionRequest,
    responses((status = 200, description = "Places where the speaker was replaced", body = SubstitutionResult), AnyProblem),
    security(("bearer" = []))
)]
pub async fn substitute_agenda_speaker(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    body: Json<SubstitutionRequest>,
) -> Result<HttpResponse, Problem> {
    let (slug, speaker) = path.into_inner();
    let editor = Editor { credentials, operation: Operation::SubstituteAgendaSpeaker, slug: slug.0 };
    let SubstitutionRequest { by, sessions, on_behalf_of } = body.0;
    let substitution = Substitution { speaker: speaker.0, by, sessions, on_behalf_of };
    let (places, warnings) = database
        .write("substitute a speaker", move |tx| {
            let locked_draft = editor.open(tx)?;
            let mut places = Vec::new();
            let agenda = edit(tx, &editor, locked_draft, |document, draft| {
                places = actions::substitute(document, draft, &substitution)?;
                Ok(None)
            })?;
            Ok::<_, AgendaError>((places, warnings_of(&agenda, &[("speaker", substitution.by.as_str())])))
        })
        .await?;
    let places = places.into_iter().map(|(session, item)| SubstitutionPlace { session, item }).collect();
    Ok(HttpResponse::Ok().json(SubstitutionResult { places, warnings }))
}
