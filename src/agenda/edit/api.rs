//! `/api/v1/conferences/{conference}/agenda/...`: every resource of the draft.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{AdditionalProperties, ObjectBuilder, Schema, Type},
    },
};

use super::{
    actions::{Editor, edit_thing, tag},
    document::{Address, Edit},
    list::{
        Filter, ItemListQuery, ListQuery, ListQueryBase, OrganisationListQuery, SessionListQuery, SpeakerListQuery,
    },
    resource::{Resource, find},
};
use crate::{
    access::{Credentials, Operation},
    agenda::{
        Agenda, AgendaError,
        checks::{CALL_FOR_ACTION, Conflict, warnings_of},
        document::{CallForAction, Conference, Day, Item, Organisation, Room, Session, Speaker, Track},
    },
    database::{Database, DatabaseError},
    http::{
        CodePath, Preconditions, Problem, Query, Representation, answer,
        extract::RawAgendaJson,
        idempotency::{IdempotencyKey, StoredAnswer, once},
        paging::link_next,
        problem::AnyProblem,
    },
    values::Code,
};

/// A thing as it was written, with its conflicts in the draft.
#[derive(Debug, Serialize, ToSchema)]
pub struct WithWarnings<T> {
    /// The thing, as a read of it would answer.
    #[serde(flatten)]
    pub thing: T,
    /// Conflicts of the draft that involve the thing. They do not stop the write; errors among them stop a release.
    pub warnings: Vec<Conflict>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListPage<T> {
    /// Things on this page, in the order that was asked for.
    pub data: Vec<T>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// Body of a `PATCH`: a merge patch (RFC 7396) for any kind of thing.
pub struct MergePatch;

impl PartialSchema for MergePatch {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .description(Some(
                "A merge patch (RFC 7396): only the fields that change. `null` clears a field; a list replaces the \
                 whole list. A plain string for a localised text sets the conference's first language and keeps the \
                 others.",
            ))
            .build()
            .into()
    }
}
impl ToSchema for MergePatch {}

/// Path parameters of an operation, taken apart.
trait PathParameters {
    /// The conference's slug, the session's code (of items), and the thing's code (empty for a list).
    fn parts(self) -> (Code, Option<Code>, String);
}
impl PathParameters for CodePath {
    fn parts(self) -> (Code, Option<Code>, String) {
        (self.0, None, String::new())
    }
}
impl PathParameters for (CodePath, CodePath) {
    fn parts(self) -> (Code, Option<Code>, String) {
        (self.0.0, Some(self.1.0), String::new())
    }
}
impl PathParameters for (CodePath, String) {
    fn parts(self) -> (Code, Option<Code>, String) {
        (self.0.0, None, self.1)
    }
}
impl PathParameters for (CodePath, CodePath, String) {
    fn parts(self) -> (Code, Option<Code>, String) {
        (self.0.0, Some(self.1.0), self.2)
    }
}

async fn list_things<T: Resource>(
    request: &HttpRequest,
    database: &Database,
    editor: Editor,
    session: Option<Code>,
    query: impl Filter<T>,
) -> Result<HttpResponse, Problem> {
    let agenda = database.read(move |tx| editor.read(tx)).await?;
    let all = T::all(&agenda, session.as_ref()).ok_or(AgendaError::ThingNotFound("session"))?;
    let filtered = query.filter(&agenda, all)?;
    let list_query: ListQueryBase = query.into();
    let page = list_query.page::<T>()?;
    let languages = &agenda.conference.languages;
    let mut data = list_query.select(all, &filtered, languages, &page);
    let next = page.cut(request, &mut data, |thing| list_query.sort_key(*thing, all, languages));
    let representation = Representation::private(&ListPage { data, next: next.clone() })?;
    let mut response = answer(request, representation);
    link_next(&mut response, next.as_deref());
    Ok(response)
}

async fn read_thing<T: Resource>(
    request: &HttpRequest,
    database: &Database,
    editor: Editor,
    session: Option<Code>,
    code: String,
) -> Result<HttpResponse, Problem> {
    let agenda = database.read(move |tx| editor.read(tx)).await?;
    let thing = find::<T>(&agenda, session.as_ref(), &code).ok_or(AgendaError::ThingNotFound(T::NOUN))?;
    Ok(answer(request, Representation::private(thing)?))
}

/// Path of a thing, for the `Location` header.
fn location(slug: &Code, session: Option<&Code>, list: &str, code: &str) -> String {
    let within = session.map_or_else(String::new, |session| format!("sessions/{session}/"));
    format!("/api/v1/conferences/{slug}/agenda/{within}{list}/{code}")
}

/// Answers a write of one thing: 201 with `location`, else 200.
pub fn answer_write<T: Resource>(
    agenda: &Agenda,
    thing: &T,
    location: Option<String>,
) -> Result<StoredAnswer, AgendaError> {
    let etag = Some(tag(thing)?);
    let warnings = warnings(agenda, T::NOUN, &thing.code());
    let status = if location.is_some() { 201 } else { 200 };
    StoredAnswer::of(status, location, etag, &WithWarnings { thing, warnings }).map_err(AgendaError::from)
}

/// Conflicts that involve the thing or, of a session, one of its items.
fn warnings(agenda: &Agenda, noun: &str, code: &str) -> Vec<Conflict> {
    let mut involved = match noun {
        "conference" => vec![(noun, agenda.conference.slug.as_str())],
        "call_for_action" => vec![(noun, CALL_FOR_ACTION)],
        _ => vec![(noun, code)],
    };
    let written_sessions = agenda.sessions.iter().filter(|session| noun == "session" && session.code.as_str() == code);
    involved.extend(written_sessions.flat_map(|session| &session.items).map(|item| ("item", item.code.as_str())));
    warnings_of(agenda, &involved)
}

async fn create_thing<T: Resource>(
    database: &Database,
    editor: Editor,
    session: Option<Code>,
    key: IdempotencyKey,
    body: serde_json::Value,
) -> Result<HttpResponse, Problem> {
    let turn = editor.slug.to_string();
    let answer = database
        .write_in_turn("create a thing of the agenda", &turn, move |tx| {
            let locked_draft = editor.open(tx)?;
            let address = Address::of::<T>(session.clone(), "");
            let scope = (locked_draft.conference.id.to_string(), locked_draft.actor.identity());
            once(tx, &key, &scope.0, &scope.1, &body, |tx| {
                let edit = Edit::Create(body.clone());
                let outcome = edit_thing::<T>(tx, &editor, locked_draft, &address, &Preconditions::default(), edit)?;
                let missing = || DatabaseError::missing(format_args!("the {} that was created", T::NOUN));
                let thing = outcome.thing.ok_or_else(missing)?;
                let location = location(&editor.slug, session.as_ref(), T::LIST, &thing.code());
                answer_write(&outcome.agenda, &thing, Some(location))
            })
        })
        .await?;
    Ok(answer.response())
}

async fn change_thing<T: Resource>(
    request: &HttpRequest,
    database: &Database,
    editor: Editor,
    address: Address,
    preconditions: Preconditions,
    edit: Edit,
) -> Result<HttpResponse, Problem> {
    let path = request.path().to_owned();
    let turn = editor.slug.to_string();
    let answer = database
        .write_in_turn("change a thing of the agenda", &turn, move |tx| {
            let locked_draft = editor.open(tx)?;
            let outcome = edit_thing::<T>(tx, &editor, locked_draft, &address, &preconditions, edit.clone())?;
            let Some(thing) = &outcome.thing else {
                return Ok(None);
            };
            answer_write(&outcome.agenda, thing, outcome.is_new.then(|| path.clone())).map(Some)
        })
        .await?;
    Ok(answer.map_or_else(|| HttpResponse::NoContent().finish(), |answer| answer.response()))
}

/// Defines the six operations of a list of the agenda. Each states its method, its whole path and its name.
macro_rules! collection {
    (
        $thing:ty, $query:ty, in $list_path:ty [$($within:tt)*], one $one_path:ty [$($named:tt)*];
        $(#[$list_doc:meta])* get $list_url:literal => $list:ident;
        $(#[$create_doc:meta])* post $create_url:literal => $create:ident;
        $(#[$read_doc:meta])* get $read_url:literal => $read:ident;
        $(#[$put_doc:meta])* put $put_url:literal => $put:ident;
        $(#[$patch_doc:meta])* patch $patch_url:literal => $patch:ident;
        $(#[$delete_doc:meta])* delete $delete_url:literal => $delete:ident;
    ) => {
        $(#[$list_doc])*
        #[utoipa::path(
            get, path = $list_url,
            tag = "agenda",
            params(("conference" = String, Path, description = "The conference's slug"), $($within)* $query),
            responses((status = 200, description = "One page of the list", body = ListPage<$thing>), AnyProblem),
            security(("bearer" = []))
        )]
        pub async fn $list(
            request: HttpRequest,
            database: web::Data<Database>,
            credentials: Credentials,
            path: web::Path<$list_path>,
            query: Query<$query>,
        ) -> Result<HttpResponse, Problem> {
            let (slug, session, _) = path.into_inner().parts();
            let editor = Editor { credentials, operation: pastey::paste!(Operation::[<$list:camel>]), slug };
            list_things::<$thing>(&request, &database, editor, session, query.0).await
        }

        $(#[$create_doc])*
        #[utoipa::path(
            post, path = $create_url,
            tag = "agenda",
            params(
                ("conference" = String, Path, description = "The conference's slug"), $($within)*
                ("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer")
            ),
            request_body = $thing,
            responses((status = 201, description = "The resource as written", body = WithWarnings<$thing>), AnyProblem),
            security(("bearer" = []))
        )]
        pub async fn $create(
            database: web::Data<Database>,
            credentials: Credentials,
            path: web::Path<$list_path>,
            key: IdempotencyKey,
            body: RawAgendaJson,
        ) -> Result<HttpResponse, Problem> {
            let (slug, session, _) = path.into_inner().parts();
            let editor = Editor { credentials, operation: pastey::paste!(Operation::[<$create:camel>]), slug };
            create_thing::<$thing>(&database, editor, session, key, body.0).await
        }

        one_thing! {
            $thing, one $one_path [$($named)*];
            $(#[$read_doc])* get $read_url => $read;
            $(#[$put_doc])* put $put_url => $put;
            $(#[$patch_doc])* patch $patch_url => $patch;
        }

        deletion! { $thing, one $one_path [$($named)*]; $(#[$delete_doc])* delete $delete_url => $delete; }
    };
}

/// Defines the operations that read, replace and patch one thing of the agenda.
macro_rules! one_thing {
    (
        $thing:ty, one $one_path:ty [$($named:tt)*];
        $(#[$read_doc:meta])* get $read_url:literal => $read:ident;
        $(#[$put_doc:meta])* put $put_url:literal => $put:ident;
        $(#[$patch_doc:meta])* patch $patch_url:literal => $patch:ident;
    ) => {
        $(#[$read_doc])*
        #[utoipa::path(
            get, path = $read_url,
            tag = "agenda",
            params(("conference" = String, Path, description = "The conference's slug"), $($named)*),
            responses((status = 200, description = "The resource", body = $thing), AnyProblem),
            security(("bearer" = []))
        )]
        pub async fn $read(
            request: HttpRequest,
            database: web::Data<Database>,
            credentials: Credentials,
            path: web::Path<$one_path>,
        ) -> Result<HttpResponse, Problem> {
            let (slug, session, code) = path.into_inner().parts();
            let editor = Editor { credentials, operation: pastey::paste!(Operation::[<$read:camel>]), slug };
            let code = single_code::<$thing>(code);
            read_thing::<$thing>(&request, &database, editor, session, code).await
        }

        $(#[$put_doc])*
        #[utoipa::path(
            put, path = $put_url,
            tag = "agenda",
            params(
                ("conference" = String, Path, description = "The conference's slug"), $($named)*
                ("If-Match" = Option<String>, Header, description = "Entity tag that the resource must have"),
                ("If-None-Match" = Option<String>, Header, description = "`*`: write only if it does not exist")
            ),
            request_body = $thing,
            responses(
                (status = 200, description = "The resource as written", body = WithWarnings<$thing>),
                (status = 201, description = "The resource as created", body = WithWarnings<$thing>),
                AnyProblem
            ),
            security(("bearer" = []))
        )]
        pub async fn $put(
            request: HttpRequest,
            database: web::Data<Database>,
            credentials: Credentials,
            path: web::Path<$one_path>,
            preconditions: Preconditions,
            body: RawAgendaJson,
        ) -> Result<HttpResponse, Problem> {
            let (slug, session, code) = path.into_inner().parts();
            let editor = Editor { credentials, operation: pastey::paste!(Operation::[<$put:camel>]), slug };
            let address = Address::of::<$thing>(session, &single_code::<$thing>(code));
            change_thing::<$thing>(&request, &database, editor, address, preconditions, Edit::Put(body.0)).await
        }

        $(#[$patch_doc])*
        #[utoipa::path(
            patch, path = $patch_url,
            tag = "agenda",
            params(
                ("conference" = String, Path, description = "The conference's slug"), $($named)*
                ("If-Match" = Option<String>, Header, description = "Entity tag that the resource must have")
            ),
            request_body(content = MergePatch, content_type = "application/merge-patch+json"),
            responses((status = 200, description = "The resource as written", body = WithWarnings<$thing>), AnyProblem),
            security(("bearer" = []))
        )]
        pub async fn $patch(
            request: HttpRequest,
            database: web::Data<Database>,
            credentials: Credentials,
            path: web::Path<$one_path>,
            preconditions: Preconditions,
            body: RawAgendaJson,
        ) -> Result<HttpResponse, Problem> {
            let (slug, session, code) = path.into_inner().parts();
            let editor = Editor { credentials, operation: pastey::paste!(Operation::[<$patch:camel>]), slug };
            let address = Address::of::<$thing>(session, &single_code::<$thing>(code));
            change_thing::<$thing>(&request, &database, editor, address, preconditions, Edit::Patch(body.0)).await
        }
    };
}

/// Defines the operation that deletes one thing of the agenda.
macro_rules! deletion {
    (
        $thing:ty, one $one_path:ty [$($named:tt)*];
        $(#[$delete_doc:meta])* delete $delete_url:literal => $delete:ident;
    ) => {
        $(#[$delete_doc])*
        #[utoipa::path(
            delete, path = $delete_url,
            tag = "agenda",
            params(
                ("conference" = String, Path, description = "The conference's slug"), $($named)*
                ("If-Match" = Option<String>, Header, description = "Entity tag that the resource must have")
            ),
            responses((status = 204, description = "The resource is deleted"), AnyProblem),
            security(("bearer" = []))
        )]
        pub async fn $delete(
            request: HttpRequest,
            database: web::Data<Database>,
            credentials: Credentials,
            path: web::Path<$one_path>,
            preconditions: Preconditions,
        ) -> Result<HttpResponse, Problem> {
            let (slug, session, code) = path.into_inner().parts();
            let editor = Editor { credentials, operation: pastey::paste!(Operation::[<$delete:camel>]), slug };
            let address = Address::of::<$thing>(session, &single_code::<$thing>(code));
            change_thing::<$thing>(&request, &database, editor, address, preconditions, Edit::Delete).await
        }
    };
}

/// A thing that exists once in a conference has no code in its path: its code is the member's name.
fn single_code<T: Resource>(code: String) -> String {
    if code.is_empty() { T::LIST.to_owned() } else { code }
}

/// Reads the conference's own fields in the draft.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/agenda/conference",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The resource", body = Conference), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_agenda_conference(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let editor = Editor { credentials, operation: Operation::ReadAgendaConference, slug: path.into_inner().0 };
    read_thing::<Conference>(&request, &database, editor, None, Conference::LIST.to_owned()).await
}

one_thing! {
    CallForAction, one CodePath [];
    /// Reads the call for action in the draft.
    get "/api/v1/conferences/{conference}/agenda/call-for-action" => read_agenda_call_for_action;
    /// Creates or replaces the call for action in the draft.
    put "/api/v1/conferences/{conference}/agenda/call-for-action" => put_agenda_call_for_action;
    /// Changes some fields of the call for action in the draft.
    patch "/api/v1/conferences/{conference}/agenda/call-for-action" => patch_agenda_call_for_action;
}

deletion! {
    CallForAction, one CodePath [];
    /// Deletes the call for action from the draft.
    delete "/api/v1/conferences/{conference}/agenda/call-for-action" => delete_agenda_call_for_action;
}

collection! {
    Organisation, OrganisationListQuery, in CodePath [],
    one (CodePath, String) [("organisation" = String, Path, description = "The organisation's code"),];
    /// Lists the organisations of the draft.
    get "/api/v1/conferences/{conference}/agenda/organisations" => list_agenda_organisations;
    /// Adds an organisation to the draft.
    post "/api/v1/conferences/{conference}/agenda/organisations" => create_agenda_organisation;
    /// Reads an organisation of the draft.
    get "/api/v1/conferences/{conference}/agenda/organisations/{organisation}" => read_agenda_organisation;
    /// Replaces an organisation of the draft, or adds it. A body with another code renames it everywhere in the agenda.
    put "/api/v1/conferences/{conference}/agenda/organisations/{organisation}" => put_agenda_organisation;
    /// Changes some fields of an organisation of the draft. Another code renames it everywhere in the agenda.
    patch "/api/v1/conferences/{conference}/agenda/organisations/{organisation}" => patch_agenda_organisation;
    /// Deletes an organisation from the draft. Refused (409) while other parts of the agenda refer to it.
    delete "/api/v1/conferences/{conference}/agenda/organisations/{organisation}" => delete_agenda_organisation;
}

collection! {
    Day, ListQuery, in CodePath [], one (CodePath, String) [("date" = String, Path, description = "The day's date"),];
    /// Lists the days of the draft.
    get "/api/v1/conferences/{conference}/agenda/days" => list_agenda_days;
    /// Adds a day to the draft.
    post "/api/v1/conferences/{conference}/agenda/days" => create_agenda_day;
    /// Reads a day of the draft.
    get "/api/v1/conferences/{conference}/agenda/days/{date}" => read_agenda_day;
    /// Replaces a day of the draft, or adds it.
    put "/api/v1/conferences/{conference}/agenda/days/{date}" => put_agenda_day;
    /// Changes some fields of a day of the draft.
    patch "/api/v1/conferences/{conference}/agenda/days/{date}" => patch_agenda_day;
    /// Deletes a day from the draft.
    delete "/api/v1/conferences/{conference}/agenda/days/{date}" => delete_agenda_day;
}

collection! {
    Room, ListQuery, in CodePath [], one (CodePath, String) [("room" = String, Path, description = "The room's code"),];
    /// Lists the rooms of the draft.
    get "/api/v1/conferences/{conference}/agenda/rooms" => list_agenda_rooms;
    /// Adds a room to the draft.
    post "/api/v1/conferences/{conference}/agenda/rooms" => create_agenda_room;
    /// Reads a room of the draft.
    get "/api/v1/conferences/{conference}/agenda/rooms/{room}" => read_agenda_room;
    /// Replaces a room of the draft, or adds it. A body with another code renames it everywhere in the agenda.
    put "/api/v1/conferences/{conference}/agenda/rooms/{room}" => put_agenda_room;
    /// Changes some fields of a room of the draft. Another code renames it everywhere in the agenda.
    patch "/api/v1/conferences/{conference}/agenda/rooms/{room}" => patch_agenda_room;
    /// Deletes a room from the draft. Refused (409) while other parts of the agenda refer to it.
    delete "/api/v1/conferences/{conference}/agenda/rooms/{room}" => delete_agenda_room;
}

collection! {
    Track, ListQuery, in CodePath [], one (CodePath, String) [("track" = String, Path, description = "The track's code"),];
    /// Lists the tracks of the draft.
    get "/api/v1/conferences/{conference}/agenda/tracks" => list_agenda_tracks;
    /// Adds a track to the draft.
    post "/api/v1/conferences/{conference}/agenda/tracks" => create_agenda_track;
    /// Reads a track of the draft.
    get "/api/v1/conferences/{conference}/agenda/tracks/{track}" => read_agenda_track;
    /// Replaces a track of the draft, or adds it. A body with another code renames it everywhere in the agenda.
    put "/api/v1/conferences/{conference}/agenda/tracks/{track}" => put_agenda_track;
    /// Changes some fields of a track of the draft. Another code renames it everywhere in the agenda.
    patch "/api/v1/conferences/{conference}/agenda/tracks/{track}" => patch_agenda_track;
    /// Deletes a track from the draft. Refused (409) while other parts of the agenda refer to it.
    delete "/api/v1/conferences/{conference}/agenda/tracks/{track}" => delete_agenda_track;
}

collection! {
    Speaker, SpeakerListQuery, in CodePath [],
    one (CodePath, String) [("speaker" = String, Path, description = "The speaker's code"),];
    /// Lists the speakers of the draft.
    get "/api/v1/conferences/{conference}/agenda/speakers" => list_agenda_speakers;
    /// Adds a speaker to the draft.
    post "/api/v1/conferences/{conference}/agenda/speakers" => create_agenda_speaker;
    /// Reads a speaker of the draft.
    get "/api/v1/conferences/{conference}/agenda/speakers/{speaker}" => read_agenda_speaker;
    /// Replaces a speaker of the draft, or adds it. A body with another code renames it everywhere in the agenda.
    put "/api/v1/conferences/{conference}/agenda/speakers/{speaker}" => put_agenda_speaker;
    /// Changes some fields of a speaker of the draft. Another code renames it everywhere in the agenda.
    patch "/api/v1/conferences/{conference}/agenda/speakers/{speaker}" => patch_agenda_speaker;
    /// Deletes a speaker from the draft. Refused (409) while other parts of the agenda refer to it.
    delete "/api/v1/conferences/{conference}/agenda/speakers/{speaker}" => delete_agenda_speaker;
}

collection! {
    Session, SessionListQuery, in CodePath [],
    one (CodePath, String) [("session" = String, Path, description = "The session's code"),];
    /// Lists the sessions of the draft.
    get "/api/v1/conferences/{conference}/agenda/sessions" => list_agenda_sessions;
    /// Adds a session to the draft.
    post "/api/v1/conferences/{conference}/agenda/sessions" => create_agenda_session;
    /// Reads a session of the draft.
    get "/api/v1/conferences/{conference}/agenda/sessions/{session}" => read_agenda_session;
    /// Replaces a session of the draft, or adds it. A body with another code renames it everywhere in the agenda.
    put "/api/v1/conferences/{conference}/agenda/sessions/{session}" => put_agenda_session;
    /// Changes some fields of a session of the draft. Another code renames it everywhere in the agenda.
    patch "/api/v1/conferences/{conference}/agenda/sessions/{session}" => patch_agenda_session;
    /// Deletes a session from the draft, with its items.
    delete "/api/v1/conferences/{conference}/agenda/sessions/{session}" => delete_agenda_session;
}

collection! {
    Item, ItemListQuery,
    in (CodePath, CodePath) [("session" = String, Path, description = "The session's code"),],
    one (CodePath, CodePath, String) [("session" = String, Path, description = "The session's code"),
        ("item" = String, Path, description = "The item's code"),];
    /// Lists the items of a session of the draft.
    get "/api/v1/conferences/{conference}/agenda/sessions/{session}/items" => list_agenda_items;
    /// Adds an item to a session of the draft.
    post "/api/v1/conferences/{conference}/agenda/sessions/{session}/items" => create_agenda_item;
    /// Reads an item of the draft.
    get "/api/v1/conferences/{conference}/agenda/sessions/{session}/items/{item}" => read_agenda_item;
    /// Replaces an item of the draft, or adds it.
    put "/api/v1/conferences/{conference}/agenda/sessions/{session}/items/{item}" => put_agenda_item;
    /// Changes some fields of an item of the draft.
    patch "/api/v1/conferences/{conference}/agenda/sessions/{session}/items/{item}" => patch_agenda_item;
    /// Deletes an item from the draft.
    delete "/api/v1/conferences/{conference}/agenda/sessions/{session}/items/{item}" => delete_agenda_item;
}
