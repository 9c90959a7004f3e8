//! `/api/v1/conferences/{conference}/agenda/.../reorder`, `/move`, `/duplicate`, `/substitute`.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::actions::{self, Move, Substitution};
use crate::{
    access::Credentials,
    agenda::{
        AgendaError,
        checks::{Conflict, warnings_of},
        document::{Agenda, Item, Session},
        edit::{
            actions::{Editor, demand, edit},
            api::{Listed, Written, written},
            resource::{Resource, find},
        },
    },
    database::{Connection, Database},
    faults::{self, Faults},
    http::{
        CodePath, Json, Preconditions, Problem,
        extract::{Large, Thing},
        idempotency::{IdempotencyKey, StoredAnswer, once},
        problem::AnyProblem,
    },
    values::{Code, Date, Localised, Moment},
};

/// The order of a list.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Order {
    /// Codes in their new order; what is left out follows in its old order.
    pub order: Vec<String>,
}

/// The order of the items of a session, and of who appears in them.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ItemOrder {
    /// The items' codes in their new order; what is left out follows in its old order.
    #[deserr(default)]
    #[schema(required = false)]
    pub order: Vec<String>,
    /// By an item's code, the codes of its speakers in their new order.
    #[deserr(default)]
    #[schema(required = false)]
    pub appearances: BTreeMap<String, Vec<String>>,
}

/// Where and when a session goes.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct SessionMove {
    /// Another day, at the same time of day.
    #[deserr(default)]
    #[schema(required = false)]
    pub day: Option<Date>,
    /// Another start; the session stays as long as it was.
    #[deserr(default)]
    #[schema(required = false)]
    pub starts_at: Option<Moment>,
    /// Another end.
    #[deserr(default)]
    #[schema(required = false)]
    pub ends_at: Option<Moment>,
    /// Another room; `null`: none.
    #[deserr(default)]
    #[schema(required = false)]
    pub room: Option<Code>,
}

/// A copy of a session.
#[derive(Debug, Clone, Deserr, Serialize, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct SessionCopy {
    /// The code of the copy. Its items get codes like those of the original, with a number behind.
    pub code: Code,
    /// Its title; that of the original if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub title: Option<Localised>,
    /// Another day, at the same time of day.
    #[deserr(default)]
    #[schema(required = false)]
    pub day: Option<Date>,
    /// Another start; the copy is as long as the original.
    #[deserr(default)]
    #[schema(required = false)]
    pub starts_at: Option<Moment>,
    /// Another room.
    #[deserr(default)]
    #[schema(required = false)]
    pub room: Option<Code>,
}

/// Where an item goes.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ItemMove {
    /// The code of its new session.
    pub session: Code,
    /// The item that it is to stand before; at the end if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub before: Option<Code>,
}

/// Who speaks in a speaker's place.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct SubstitutionWish {
    /// The code of the speaker who speaks.
    pub by: Code,
    /// In which sessions, by their codes; in all if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub sessions: Vec<Code>,
    /// Whether the programme says that they speak on behalf of the other; it does if left out.
    #[deserr(default = true)]
    #[schema(required = false)]
    pub on_behalf_of: bool,
}

/// Where a speaker was replaced.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubstitutionPlace {
    /// The session.
    pub session: Code,
    /// The item in it; none where they appeared in the session as such.
    pub item: Option<Code>,
}

/// What a substitution changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Substituted {
    /// Where the speaker was replaced.
    pub places: Vec<SubstitutionPlace>,
    /// The conflicts of the draft in which whoever speaks now has a part.
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
            let opened = editor.open(tx)?;
            let agenda = edit(tx, &editor, opened, |document, _| {
                let things = document.get_mut(list).and_then(Value::as_array_mut).map_or(&mut [][..], |list| list);
                actions::reorder(things, T::KEY, &body.order, "#/order")?;
                Ok(Some(format!("/{list}")))
            })?;
            Ok::<_, AgendaError>(T::all(&agenda, None).unwrap_or_default().to_vec())
        })
        .await?;
    Ok(HttpResponse::Ok().json(Listed { data: things, next: None }))
}

/// Another order of one list of the agenda.
macro_rules! reorder {
    ($($(#[$doc:meta])* post $url:literal => $name:ident, $thing:ty, $list:literal;)+) => {
        $($(#[$doc])*
        #[utoipa::path(
            post, path = $url,
            tag = "agenda",
            params(("conference" = String, Path, description = "The conference's slug")),
            request_body = Order,
            responses((status = 200, description = "The list in its new order", body = Listed<$thing>), AnyProblem),
            security(("bearer" = []))
        )]
        pub async fn $name(
            database: web::Data<Database>,
            credentials: Credentials,
            path: web::Path<CodePath>,
            body: Large<Order>,
        ) -> Result<HttpResponse, Problem> {
            let editor = Editor { credentials, operation: stringify!($name), slug: path.into_inner().0 };
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
    /// Puts the sessions of the draft in another order: that of sessions which start together.
    post "/api/v1/conferences/{conference}/agenda/sessions/reorder" => reorder_agenda_sessions,
        Session, "sessions";
}

/// Changes one session by `change`, if it is in the state that is expected.
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
            let opened = editor.open(tx)?;
            let known = find::<Session>(&opened.draft, None, code.as_str()).ok_or(AgendaError::NoThing("session"))?;
            demand(&preconditions, Some(known))?;
            let agenda = edit(tx, &editor, opened, &change)?;
            let session = find::<Session>(&agenda, None, code.as_str()).ok_or(AgendaError::NoThing("session"))?;
            written(&agenda, session, None)
        })
        .await?;
    Ok(answer.response())
}

/// Puts the items of a session, and who appears in them, in another order.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/items/reorder",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ("If-Match" = Option<String>, Header, description = "The state of the session that is expected")
    ),
    request_body = ItemOrder,
    responses((status = 200, description = "The session", body = Written<Session>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn reorder_agenda_items(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    preconditions: Preconditions,
    body: Large<ItemOrder>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let editor = Editor { credentials, operation: "reorder_agenda_items", slug: slug.0 };
    let (named, order) = (code.0.clone(), body.0);
    change_session(&database, editor, code.0, preconditions, move |document, draft| {
        actions::reorder_items(document, draft, &named, &order.order, &order.appearances)
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
        ("If-Match" = Option<String>, Header, description = "The state of the session that is expected")
    ),
    request_body = SessionMove,
    responses((status = 200, description = "The session", body = Written<Session>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn move_agenda_session(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    preconditions: Preconditions,
    body: Thing,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let editor = Editor { credentials, operation: "move_agenda_session", slug: slug.0 };
    // `null` takes the session out of its room; a room that is left out stays.
    let no_room = body.0.get("room").is_some_and(Value::is_null);
    let wish: SessionMove = faults::read(body.0)?;
    let room = if no_room { Some(None) } else { wish.room.map(Some) };
    let to = Move { day: wish.day, starts_at: wish.starts_at, ends_at: wish.ends_at, room };
    let named = code.0.clone();
    change_session(&database, editor, code.0, preconditions, move |document, draft| {
        actions::move_session(document, draft, &named, &to)
    })
    .await
}

/// Adds a copy of a session, on another day or in another room if that is asked for.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/duplicate",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body answer the same")
    ),
    request_body = SessionCopy,
    responses((status = 201, description = "The copy", body = Written<Session>), AnyProblem),
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
    let editor = Editor { credentials, operation: "duplicate_agenda_session", slug: slug.0 };
    let (code, wish) = (code.0, body.0);
    let turn = editor.slug.to_string();
    let answer = database
        .write_in_turn("duplicate a session of the agenda", &turn, move |tx| {
            let opened = editor.open(tx)?;
            let scope = (opened.place.id.to_string(), opened.actor.identity());
            let sent = serde_json::json!(wish);
            once(tx, &key, (&scope.0, &scope.1), &sent, |tx| {
                let agenda = edit(tx, &editor, opened, |document, draft| duplicated(document, draft, &code, &wish))?;
                answer_copy(&agenda, &editor.slug, &wish.code)
            })
        })
        .await?;
    Ok(answer.response())
}

fn answer_copy(agenda: &Agenda, slug: &Code, code: &Code) -> Result<StoredAnswer, AgendaError> {
    let copy = find::<Session>(agenda, None, code.as_str()).ok_or(AgendaError::NoThing("session"))?;
    written(agenda, copy, Some(format!("/api/v1/conferences/{slug}/agenda/sessions/{code}")))
}

fn duplicated(
    document: &mut Value,
    draft: &Agenda,
    code: &Code,
    wish: &SessionCopy,
) -> Result<Option<String>, AgendaError> {
    // The original is moved as the copy is to be, copied, and put back.
    let (day, starts_at, room) = (wish.day, wish.starts_at, wish.room.clone().map(Some));
    let pointer = actions::move_session(document, draft, code, &Move { day, starts_at, ends_at: None, room })?;
    let original = serde_json::to_value(find::<Session>(draft, None, code.as_str())).unwrap_or_default();
    let copy = actions::duplicate_session(document, draft, code, &wish.code)?;
    if let Some(place) = pointer.and_then(|pointer| document.pointer_mut(&pointer)) {
        *place = original;
    }
    let place = copy.as_deref().and_then(|pointer| document.pointer_mut(pointer));
    if let (Some(members), Some(title)) = (place.and_then(Value::as_object_mut), &wish.title) {
        // A plain text is read in the first language when the document is.
        let plain = title.plain().map(Value::from);
        members.insert("title".to_owned(), plain.unwrap_or_else(|| serde_json::json!(title)));
    }
    Ok(copy)
}

/// Moves an item to another session, or to another place in its own.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/sessions/{session}/items/{item}/move",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ("item" = String, Path, description = "The item's code"),
        ("If-Match" = Option<String>, Header, description = "The state of the item that is expected")
    ),
    request_body = ItemMove,
    responses((status = 200, description = "The item", body = Written<Item>), AnyProblem),
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
    let editor = Editor { credentials, operation: "move_agenda_item", slug: slug.0 };
    let (from, wish) = (from.0, body.0);
    let turn = editor.slug.to_string();
    let answer = database
        .write_in_turn("move an item of the agenda", &turn, move |tx: &mut Connection| {
            let opened = editor.open(tx)?;
            let known = find::<Item>(&opened.draft, Some(&from), &item).ok_or(AgendaError::NoThing("item"))?;
            demand(&preconditions, Some(known))?;
            let agenda = edit(tx, &editor, opened, |document, draft| {
                actions::move_item(document, draft, (&from, &item), &wish.session, wish.before.as_ref())
            })?;
            let moved = find::<Item>(&agenda, Some(&wish.session), &item).ok_or(AgendaError::NoThing("item"))?;
            written(&agenda, moved, None)
        })
        .await?;
    Ok(answer.response())
}

/// Puts one speaker in another's place, in some sessions or in all.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/speakers/{speaker}/substitute",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("speaker" = String, Path, description = "The code of the speaker who was to speak")
    ),
    request_body = SubstitutionWish,
    responses((status = 200, description = "Where the speaker was replaced", body = Substituted), AnyProblem),
    security(("bearer" = []))
)]
pub async fn substitute_agenda_speaker(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<(CodePath, CodePath)>,
    body: Json<SubstitutionWish>,
) -> Result<HttpResponse, Problem> {
    let (slug, speaker) = path.into_inner();
    let editor = Editor { credentials, operation: "substitute_agenda_speaker", slug: slug.0 };
    let wish = body.0;
    let wish =
        Substitution { speaker: speaker.0, by: wish.by, sessions: wish.sessions, on_behalf_of: wish.on_behalf_of };
    let (places, warnings) = database
        .write("substitute a speaker", move |tx| {
            let opened = editor.open(tx)?;
            let mut places = Vec::new();
            let agenda = edit(tx, &editor, opened, |document, draft| {
                places = actions::substitute(document, draft, &wish)?;
                Ok(None)
            })?;
            Ok::<_, AgendaError>((places, warnings_of(&agenda, &[("speaker", wish.by.as_str())])))
        })
        .await?;
    let places = places.into_iter().map(|(session, item)| SubstitutionPlace { session, item }).collect();
    Ok(HttpResponse::Ok().json(Substituted { places, warnings }))
}
