//! Changes that may change the conference's time zone: of its own fields, and of the whole agenda. The times of the
//! registration set-up follow.

use actix_web::{HttpResponse, web};

use super::{
    BlueprintError,
    actions::ensure_languages_remain,
    time_zone::{DocumentQuery, KeepQuery, KeepTimes, keep_setup_times, prepare_draft},
};
use crate::{
    access::{Credentials, Operation, check_early},
    agenda::{
        Agenda, AgendaError,
        actions::{find_authorised, load, lock, plan, write},
        api::Plan,
        document::Conference,
        edit::{
            actions::{Editor, edit_prepared},
            api::{MergePatch, WithWarnings, answer_write},
            document::{Address, Edit},
        },
        model,
    },
    database::{Connection, Database},
    http::{
        CodePath, Preconditions, Problem, Query,
        extract::{Document, RawAgendaJson},
        problem::AnyProblem,
    },
    mail::Wake,
    values::Switch,
};

/// The field of an agenda that changes the time zone.
const POINTER: &str = "#/conference/time_zone";

/// Replaces the conference's own fields in the draft. A change of the time zone says what times keep (`keep`).
#[utoipa::path(
    put, path = "/api/v1/conferences/{conference}/agenda/conference",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"), KeepQuery,
        ("If-Match" = Option<String>, Header, description = "Entity tag that the resource must have"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: write only if it does not exist")
    ),
    request_body = Conference,
    responses((status = 200, description = "The resource as written", body = WithWarnings<Conference>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn put_agenda_conference(
    database: web::Data<Database>,
    wake: web::Data<Wake>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<KeepQuery>,
    preconditions: Preconditions,
    body: RawAgendaJson,
) -> Result<HttpResponse, Problem> {
    let editor = Editor { credentials, operation: Operation::PutAgendaConference, slug: path.into_inner().0 };
    change_conference(&database, &wake, editor, preconditions, query.0.keep, Edit::Put(body.0)).await
}

/// Changes some of the conference's own fields in the draft. A change of the time zone says what times keep (`keep`).
#[utoipa::path(
    patch, path = "/api/v1/conferences/{conference}/agenda/conference",
    tag = "agenda",
    params(
        ("conference" = String, Path, description = "The conference's slug"), KeepQuery,
        ("If-Match" = Option<String>, Header, description = "Entity tag that the resource must have")
    ),
    request_body(content = MergePatch, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The resource as written", body = WithWarnings<Conference>), AnyProblem),
    security(("bearer" = []))
)]
pub async fn patch_agenda_conference(
    database: web::Data<Database>,
    wake: web::Data<Wake>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<KeepQuery>,
    preconditions: Preconditions,
    body: RawAgendaJson,
) -> Result<HttpResponse, Problem> {
    let editor = Editor { credentials, operation: Operation::PatchAgendaConference, slug: path.into_inner().0 };
    change_conference(&database, &wake, editor, preconditions, query.0.keep, Edit::Patch(body.0)).await
}

async fn change_conference(
    database: &Database,
    wake: &Wake,
    editor: Editor,
    preconditions: Preconditions,
    keep: Option<KeepTimes>,
    edit: Edit,
) -> Result<HttpResponse, Problem> {
    let turn = editor.slug.to_string();
    let answer = database
        .write_in_turn("change a conference", &turn, move |tx| {
            let locked_draft = editor.open(tx)?;
            let (conference, actor) = (locked_draft.conference.clone(), locked_draft.actor.clone());
            let former = locked_draft.draft.conference.time_zone;
            let former_languages = locked_draft.draft.conference.languages.clone();
            let address = Address::of::<Conference>(None, "conference");
            let mut keeps_local = false;
            let prepare = |document: &mut serde_json::Value, draft: &Agenda| {
                keeps_local = prepare_draft(document, draft, keep, "#/time_zone")?;
                Ok(())
            };
            let outcome = edit_prepared::<Conference>(
                tx,
                &editor,
                locked_draft,
                &address,
                &preconditions,
                edit.clone(),
                prepare,
            )?;
            if former_languages != outcome.agenda.conference.languages {
                ensure_languages_remain(tx, &conference, &outcome.agenda)?;
            }
            if keeps_local {
                let by = (&actor, editor.operation);
                keep_setup_times(tx, &conference, former, &outcome.agenda, by, "#/time_zone")?;
            }
            Ok::<_, BlueprintError>(answer_write(&outcome.agenda, &outcome.agenda.conference, None)?)
        })
        .await?;
    // Registration may open earlier in the new zone.
    wake.wake();
    Ok(answer.response())
}

/// Replaces the draft of the agenda with the document. A change of the time zone says what times keep (`keep`).
#[utoipa::path(
    put, path = "/api/v1/conferences/{conference}/agenda",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug"), DocumentQuery),
    request_body = Agenda,
    responses((status = 200, description = "The changes, made or planned (`dry_run`)", body = Plan), AnyProblem),
    security(("bearer" = []))
)]
pub async fn apply_agenda(
    database: web::Data<Database>,
    wake: web::Data<Wake>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<DocumentQuery>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let (dry_run, keep) = (query.0.dry_run == Some(Switch::On), query.0.keep);
    let checked_slug = slug.clone();
    check_early(&database, &credentials, move |tx, credentials| {
        find_authorised(tx, credentials, Operation::ApplyAgenda, &checked_slug)
    })
    .await?;
    let document = body.receive().await?;
    let agenda = model::read(document.clone())?;
    let turn = slug.to_string();
    let plan = database
        .write_in_turn("apply an agenda", &turn, move |tx: &mut Connection| {
            let (conference, actor) = find_authorised(tx, &credentials, Operation::ApplyAgenda, &slug)?;
            let (mut agenda, mut former) = (agenda.clone(), None);
            lock(tx, &conference)?;
            let draft = load(tx, &conference)?;
            if draft.conference.time_zone != agenda.conference.time_zone {
                let mut document = document.clone();
                if prepare_draft(&mut document, &draft, keep, POINTER)? {
                    agenda = model::read(document).map_err(AgendaError::from)?;
                    former = Some(draft.conference.time_zone);
                }
            }
            if draft.conference.languages != agenda.conference.languages {
                ensure_languages_remain(tx, &conference, &agenda)?;
            }
            let planned = plan(tx, &slug, agenda)?;
            if !dry_run {
                write(tx, &planned, &actor, Operation::ApplyAgenda)?;
                if let Some(former) = former {
                    let by = (&actor, Operation::ApplyAgenda);
                    keep_setup_times(tx, &conference, former, &planned.after, by, POINTER)?;
                }
            }
            Ok::<_, BlueprintError>(Plan::of(planned.changes, &planned.after))
        })
        .await?;
    wake.wake();
    Ok(HttpResponse::Ok().json(plan))
}
