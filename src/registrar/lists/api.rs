//! `/api/v1/conferences/{conference}/registrations` as lists and exports.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    sync::Arc,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::header,
    web::{self, Bytes},
};
use futures_util::{Stream, stream};

use super::{
    ExportError,
    actions::{self, Budget, ListContext, ListPage, ListQuery},
    export_csv,
    model::{Cursor, Filter, Part, RelatedData, Sort},
    row::ListRow,
    views::{ExportQuery, ListedRegistration, RegistrationList, RegistrationsQuery},
    workbook::Workbook,
};
use crate::{
    access::{Credentials, Operation, authorise},
    database::{Connection, blocking},
    http::{
        CodePath, NO_STORE, Problem, Query,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::RegistrationId,
    programme::Snapshot,
    registration::{RegistrationError, service::RegistrationService},
    validation::ValidationErrors,
    values::{Code, Switch},
};

/// What each transaction of a list or export needs.
#[derive(Clone)]
struct ListReader {
    snapshot: Arc<Snapshot>,
    credentials: Credentials,
    query: ListQuery,
    sort: Sort,
    operation: Operation,
}

/// A page with the related data of its registrations.
struct PageData {
    rows: Vec<ListRow>,
    related: HashMap<RegistrationId, RelatedData>,
    context: ListContext,
    next: Option<Cursor>,
}

impl ListReader {
    fn context(&self, tx: &mut Connection) -> Result<ListContext, RegistrationError> {
        authorise(tx, &self.credentials, self.operation, Some(self.snapshot.conference.id))?;
        ListContext::load(tx, &self.snapshot.conference)
    }

    fn filter(&self, tx: &mut Connection, context: &ListContext) -> Result<Filter, RegistrationError> {
        actions::filter(tx, &self.snapshot.conference, &self.snapshot.agenda, context, &self.query)
    }

    fn page(
        &self,
        tx: &mut Connection,
        from: Option<Cursor>,
        limit: usize,
        budget: Budget,
    ) -> Result<PageData, RegistrationError> {
        let context = self.context(tx)?;
        let filter = self.filter(tx, &context)?;
        let ListPage { rows, next } = actions::page(tx, &filter, self.sort, from, limit, budget)?;
        let related = actions::related_data(tx, &rows)?;
        Ok(PageData { rows, related, context, next })
    }

    /// The rows of an export after a cursor.
    fn export_batch(&self, tx: &mut Connection, from: Cursor) -> Result<ExportBatch, RegistrationError> {
        let PageData { rows, mut related, context, next } = self.page(tx, Some(from), BATCH_ROWS, Budget::EXPORT)?;
        let cells = |row: &ListRow| {
            let related = related.remove(&row.id).unwrap_or_default();
            export_csv::row(row, &related, &context, &self.snapshot.agenda)
        };
        let rows = rows.iter().map(cells).collect::<Result<_, _>>()?;
        Ok(ExportBatch { rows, next, questions: context.questions })
    }
}

/// Rows of an export that are read in one transaction.
const BATCH_ROWS: usize = 1_000;

/// The beginning of an export. The order of an export has only one part.
const START: Cursor = Cursor { part: Part::Whole, after: None };

struct ExportBatch {
    /// The cells of each row.
    rows: Vec<Vec<String>>,
    next: Option<Cursor>,
    questions: Vec<crate::registration::form::Question>,
}

/// Lists registrations that match all parameters, page by page.
///
/// A page continues after the last registration of the page before, so each registration that matches all the time is
/// on exactly one page, even if people register meanwhile. With `sort=updated`, a registration that changes meanwhile
/// moves to the end of the list.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), RegistrationsQuery),
    responses((status = 200, description = "A page of registrations", body = RegistrationList), AnyProblem)
)]
pub async fn list_registrations(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<RegistrationsQuery>,
) -> Result<HttpResponse, Problem> {
    let reader =
        reader(&service, &path.0, credentials, query.0.filters(), query.0.sort(), Operation::ListRegistrations).await?;
    let (limit, cursor) = (query.0.limit, query.0.cursor);
    let with_answers = query.0.with_answers == Some(Switch::On);
    let with_total = query.0.with_total == Some(Switch::On);
    let (data, total) = service
        .database
        .read(move |tx| {
            // The permission is checked before the parameters.
            let context = reader.context(tx)?;
            let page = Page::read(limit.as_deref(), cursor.as_deref());
            let from = page.as_ref().map_err(Clone::clone).and_then(|page| Cursor::read(page, reader.sort));
            let filter = reader.filter(tx, &context);
            let (page, from, filter) = match (page, from, filter) {
                (Ok(page), Ok(from), Ok(filter)) => (page, from, filter),
                (page, from, filter) => {
                    let page_errors = page.err().or(from.err()).unwrap_or_default();
                    return Err(match filter {
                        Ok(_) => RegistrationError::Invalid(page_errors),
                        Err(RegistrationError::Invalid(filter_errors)) => RegistrationError::Invalid(ValidationErrors(
                            page_errors.0.into_iter().chain(filter_errors.0).collect(),
                        )),
                        Err(other) => other,
                    });
                }
            };
            let total = if with_total { Some(actions::total(tx, &filter)?) } else { None };
            Ok((reader.page(tx, from, page.limit, Budget::PAGE)?, total))
        })
        .await?;
    let PageData { rows, related, context, next } = data;
    let next = next.map(|cursor| Page::link(&request, &cursor.text()));
    let data = rows.into_iter().map(|row| {
        let related = related.get(&row.id);
        ListedRegistration::new(row, related, &context, with_answers)
    });
    let list = RegistrationList { data: data.collect::<Result<_, _>>()?, next, total };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(&list);
    link_next(&mut response, list.next.as_deref());
    Ok(response)
}

async fn reader(
    service: &RegistrationService,
    slug: &Code,
    credentials: Credentials,
    query: ListQuery,
    sort: Sort,
    operation: Operation,
) -> Result<ListReader, RegistrationError> {
    Ok(ListReader { snapshot: service.conference(slug).await?, credentials, query, sort, operation })
}

fn content_disposition(reader: &ListReader, extension: &str) -> (header::HeaderName, String) {
    let value = format!("attachment; filename=\"{}-registrations.{extension}\"", reader.snapshot.conference.slug);
    (header::CONTENT_DISPOSITION, value)
}

/// Exports registrations that match all parameters as CSV (RFC 4180, UTF-8).
///
/// Each question of the present form has a column `answers.CODE`; several values in a cell are separated by `; `. A
/// cell that a spreadsheet could take for a formula gets an apostrophe in front. The response is streamed: if it breaks
/// off before its end, the export failed.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations.csv",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), ExportQuery),
    responses(
        (status = 200, description = "The registrations", body = String, content_type = "text/csv"),
        AnyProblem
    )
)]
pub async fn export_registrations_csv(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let reader =
        reader(&service, &path.0, credentials, query.0.filters(), query.0.sort(), Operation::ExportRegistrationsCsv)
            .await?;
    let first = reader.clone();
    // Every error is answered before the response begins.
    let first = service.database.read(move |tx| first.export_batch(tx, START)).await?;
    let mut beginning = export_csv::csv(&[export_csv::header(&first.questions)]);
    beginning.extend(export_csv::csv(&first.rows));
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header(content_disposition(&reader, "csv"))
        .streaming(csv_body(service, reader, beginning.into(), first.next)))
}

/// The body of a CSV export: each part is read when the one before was sent.
fn csv_body(
    service: web::Data<RegistrationService>,
    reader: ListReader,
    beginning: Bytes,
    next: Option<Cursor>,
) -> impl Stream<Item = Result<Bytes, RegistrationError>> {
    stream::try_unfold((Some(beginning), next), move |(beginning, next)| {
        let (service, reader) = (service.clone(), reader.clone());
        async move {
            if let Some(beginning) = beginning {
                return Ok::<_, RegistrationError>(Some((beginning, (None, next))));
            }
            let Some(from) = next else {
                return Ok(None);
            };
            let work = move |tx: &mut Connection| {
                let batch = reader.export_batch(tx, from)?;
                Ok::<_, RegistrationError>((Bytes::from(export_csv::csv(&batch.rows)), batch.next))
            };
            let (part, next) = service.database.read(work).await?;
            Ok(Some((part, (None, next))))
        }
    })
}

/// Exports registrations that match all parameters as a workbook (XLSX). All cells are texts.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations.xlsx",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), ExportQuery),
    responses(
        (
            status = 200,
            description = "The registrations",
            body = String,
            content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        ),
        AnyProblem
    )
)]
pub async fn export_registrations_xlsx(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let reader =
        reader(&service, &path.0, credentials, query.0.filters(), query.0.sort(), Operation::ExportRegistrationsXlsx)
            .await?;
    let (mut book, mut next): (Option<Workbook>, _) = (None, Some(START));
    while let Some(from) = next {
        let (reader, scratch) = (reader.clone(), Arc::clone(&service.scratch_folder));
        let work = move |tx: &mut Connection| {
            let batch = reader.export_batch(tx, from)?;
            let mut book = match book {
                Some(book) => book,
                None => Workbook::create(&scratch, export_csv::header(&batch.questions))?,
            };
            book.add(&batch.rows)?;
            Ok::<_, ExportError>((book, batch.next))
        };
        let book_so_far;
        (book_so_far, next) = service.database.read(work).await?;
        book = Some(book_so_far);
    }
    let Some(book) = book else {
        return Err(Problem::unexpected("an export without a page"));
    };
    let (file, length) = blocking(move || book.finish()).await?;
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_TYPE, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))
        .insert_header(content_disposition(&reader, "xlsx"))
        .body(SizedStream::new(length, chunks(file))))
}

/// Bytes that are read from a file at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// The content of a file, chunk by chunk.
fn chunks(file: File) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::try_unfold(file, |mut file| async move {
        let read = blocking(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            let length = file.read(&mut chunk).map_err(ExportError::Write)?;
            chunk.truncate(length);
            Ok::<_, ExportError>((chunk, file))
        });
        let (chunk, file) = read.await.map_err(io::Error::other)?;
        Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), file)))
    })
}
