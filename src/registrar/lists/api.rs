//! `/api/v1/conferences/{conference}/registrations` as lists, its exports, and `.../statistics`.

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
use deserr::Deserr;
use futures_util::{Stream, stream};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    ExportError,
    actions::{self, Budget, ListContext, ListPage, ListQuery},
    export_csv,
    model::{Cursor, Filter, Part, RelatedData, Sort},
    row::ListRow,
    statistics::{self, Statistics},
    workbook::Workbook,
};
use crate::{
    access::{Credentials, Operation, authorise},
    clock,
    database::{Connection, DatabaseError, blocking},
    http::{
        CodePath, NO_STORE, Problem, Query,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::RegistrationId,
    programme::Snapshot,
    registration::{RegistrationError, model::RegistrationStatus, service::RegistrationService},
    validation::ValidationErrors,
    values::{Code, Line, Switch},
};

/// A registration in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedRegistration {
    /// The registration's reference, such as GP-7K3M9Q2X.
    pub reference: String,
    /// Status of the registration.
    pub status: RegistrationStatus,
    /// Code of the category.
    pub category: String,
    /// Honorific, such as Dr, H.E. or Sir; null if none was given.
    pub honorific: Option<String>,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// E-mail address.
    pub email: String,
    /// Organisation that the person represents; null if none was given.
    pub organisation: Option<String>,
    /// Position in the organisation; null if none was given.
    pub position_title: Option<String>,
    /// Country (ISO 3166-1 alpha-2); null if none was given.
    pub country: Option<String>,
    /// Code of the delegation; null if the person is in none.
    pub delegation: Option<String>,
    /// Arrival number: the position in the order in which registrations arrived. Among those who wait, smaller numbers
    /// come first.
    pub arrival: i64,
    /// Time until which the offered seat is held (RFC 3339, UTC); null without an offer.
    pub offer_expires_at: Option<String>,
    /// Time of the registration (RFC 3339, UTC).
    pub created_at: String,
    /// Time of the last change (RFC 3339, UTC).
    pub updated_at: String,
    /// Whether the person was admitted at a gate, and the admission was not undone.
    pub checked_in: bool,
    /// Whether another registration is probably of the same person and no registrar has decided about the pair yet.
    pub possible_duplicate: bool,
}

/// A page of registrations.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegistrationList {
    /// Registrations. If few of very many match, a page may have fewer than `limit`, or none, although `next` is set.
    pub data: Vec<ListedRegistration>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// Defines a query of registrations. A list's query has paging parameters, too.
macro_rules! query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),* }) => {
        $(#[$doc])*
        #[derive(Default, Deserr, IntoParams)]
        #[deserr(error = ValidationErrors, deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            $($(#[$field_doc])* #[deserr(default)] pub $field: Option<String>,)*
            /// Order of the list; `arrival` if left out.
            #[deserr(default)]
            pub sort: Option<Sort>,
            /// Only registrations with one of these statuses, separated by commas. `pending` is the queue for
            /// decisions.
            #[deserr(default)]
            pub state: Option<String>,
            /// Only registrations of one of these categories (codes, separated by commas).
            #[deserr(default)]
            pub category: Option<String>,
            /// Only registrations from one of these countries (ISO 3166-1 alpha-2, separated by commas).
            #[deserr(default)]
            pub country: Option<String>,
            /// Only members of the delegation with this code.
            #[deserr(default)]
            pub delegation: Option<String>,
            /// Only people who are signed up for the session with this code, wait for a seat in it or wish one.
            #[deserr(default)]
            pub session: Option<String>,
            /// Only registrations with these answers: pairs of question and value such as `diet:vegan`, separated by
            /// commas. The value is the code of an option, `yes` or `no`, a number, or a whole text. Of several values
            /// for one question any may match; of several questions all must match.
            #[deserr(default)]
            pub answer: Option<String>,
            /// `true`: only people who were admitted at a gate; `false`: only the others.
            #[deserr(default)]
            pub checked_in: Option<Switch>,
            /// `true`: only possible duplicates that await a decision; `false`: only the others.
            #[deserr(default)]
            pub duplicates: Option<Switch>,
            /// Search text. Each of its words must begin a word of the name or organisation, or the address or
            /// reference must contain the whole text. Case and accents are ignored. Matches at the beginning of the
            /// name (family name first) or address, and the exact reference, come first, unless they are very many or
            /// another filter leaves few registrations.
            #[deserr(default)]
            pub q: Option<Line<200>>,
        }

        impl $name {
            fn asked(&self) -> ListQuery {
                let is_on = |switch: Option<Switch>| switch.map(|switch| switch == Switch::On);
                ListQuery {
                    state: self.state.clone(),
                    category: self.category.clone(),
                    country: self.country.clone(),
                    delegation: self.delegation.clone(),
                    session: self.session.clone(),
                    answer: self.answer.clone(),
                    checked_in: is_on(self.checked_in),
                    duplicates: is_on(self.duplicates),
                    q: self.q.as_ref().map(|text| text.as_str().to_owned()),
                }
            }

            fn sort(&self) -> Sort {
                self.sort.unwrap_or(Sort::Arrival)
            }
        }
    };
}

query! {
    /// Query of a page of registrations.
    RegistrationsQuery {
        /// Greatest number of registrations on the page, from 1 to 200; 50 if left out.
        limit,
        /// Cursor, taken from `next` of the page before; the first page if left out.
        cursor
    }
}

query! {
    /// Query of an export of registrations.
    ExportQuery {}
}

/// What each transaction of a list or export needs.
#[derive(Clone)]
struct Reader {
    snapshot: Arc<Snapshot>,
    credentials: Credentials,
    asked: ListQuery,
    sort: Sort,
    operation: Operation,
}

/// A page with the related data of its registrations.
struct Sheet {
    entries: Vec<ListRow>,
    beside: HashMap<RegistrationId, RelatedData>,
    facts: ListContext,
    next: Option<Cursor>,
}

impl Reader {
    fn facts(&self, tx: &mut Connection) -> Result<ListContext, RegistrationError> {
        authorise(tx, &self.credentials, self.operation, Some(self.snapshot.place.id))?;
        ListContext::load(tx, &self.snapshot.place)
    }

    fn filter(&self, tx: &mut Connection, facts: &ListContext) -> Result<Filter, RegistrationError> {
        actions::filter(tx, &self.snapshot.place, &self.snapshot.agenda, facts, &self.asked)
    }

    fn page(
        &self,
        tx: &mut Connection,
        from: Option<Cursor>,
        limit: usize,
        budget: Budget,
    ) -> Result<Sheet, RegistrationError> {
        let facts = self.facts(tx)?;
        let filter = self.filter(tx, &facts)?;
        let ListPage { entries, next } = actions::page(tx, &filter, self.sort, from, limit, budget)?;
        let beside = super::actions::related_data(tx, &entries)?;
        Ok(Sheet { entries, beside, facts, next })
    }

    /// The rows of an export after a cursor.
    fn rows(&self, tx: &mut Connection, from: Cursor) -> Result<Rows, RegistrationError> {
        let Sheet { entries, mut beside, facts, next } = self.page(tx, Some(from), ROWS, Budget::EXPORT)?;
        let row = |entry: &ListRow| {
            let beside = beside.remove(&entry.id).unwrap_or_default();
            export_csv::row(entry, &beside, &facts, &self.snapshot.agenda)
        };
        let rows = entries.iter().map(row).collect::<Result<_, _>>()?;
        Ok(Rows { rows, next, questions: facts.questions })
    }
}

/// Rows of an export that are read in one transaction.
const ROWS: usize = 1_000;

/// The beginning of an export. The order of an export has only one part.
const START: Cursor = Cursor { part: Part::Whole, after: None };

struct Rows {
    rows: Vec<Vec<String>>,
    next: Option<Cursor>,
    questions: Vec<crate::registration::form::Question>,
}

fn listed(
    entry: ListRow,
    beside: Option<&RelatedData>,
    facts: &ListContext,
) -> Result<ListedRegistration, DatabaseError> {
    Ok(ListedRegistration {
        status: entry.state,
        category: facts.category(entry.category_id)?,
        reference: entry.reference,
        honorific: entry.person.honorific,
        given_name: entry.person.given_name,
        family_name: entry.person.family_name,
        email: entry.person.email,
        organisation: entry.person.organisation,
        position_title: entry.person.position,
        country: entry.person.country,
        delegation: beside.and_then(|beside| beside.delegation.clone()),
        arrival: entry.arrival,
        offer_expires_at: entry.offer_expires_at.map(|at| clock::wire(at.0)),
        created_at: clock::wire(entry.created_at.0),
        updated_at: clock::wire(entry.updated_at.0),
        checked_in: beside.is_some_and(|beside| beside.checked_in),
        possible_duplicate: beside.is_some_and(|beside| beside.possible_duplicate),
    })
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
    let reader = reader(&service, &path.0, credentials, query.0.asked(), query.0.sort(), Operation::ListRegistrations)?;
    let (limit, cursor) = (query.0.limit, query.0.cursor);
    let sheet = service
        .database
        .read(move |tx| {
            // The permission is checked before the parameters.
            let facts = reader.facts(tx)?;
            let page = Page::read(limit.as_deref(), cursor.as_deref());
            let from = page.as_ref().map_err(Clone::clone).and_then(|page| Cursor::read(page, reader.sort));
            let filter = reader.filter(tx, &facts);
            let (page, from) = match (page, from, filter) {
                (Ok(page), Ok(from), Ok(_)) => (page, from),
                (page, from, filter) => {
                    let of_page = page.err().or(from.err()).unwrap_or_default();
                    return Err(match filter {
                        Ok(_) => RegistrationError::Invalid(of_page),
                        Err(RegistrationError::Invalid(faults)) => RegistrationError::Invalid(ValidationErrors(
                            of_page.0.into_iter().chain(faults.0).collect(),
                        )),
                        Err(other) => other,
                    });
                }
            };
            reader.page(tx, from, page.limit, Budget::PAGE)
        })
        .await?;
    let next = sheet.next.as_ref().map(|cursor| Page::link(&request, &cursor.text()));
    let data = sheet.entries.into_iter().map(|entry| {
        let beside = sheet.beside.get(&entry.id);
        listed(entry, beside, &sheet.facts)
    });
    let list = RegistrationList { data: data.collect::<Result<_, _>>()?, next };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(&list);
    link_next(&mut response, list.next.as_deref());
    Ok(response)
}

fn reader(
    service: &RegistrationService,
    slug: &Code,
    credentials: Credentials,
    asked: ListQuery,
    sort: Sort,
    operation: Operation,
) -> Result<Reader, RegistrationError> {
    Ok(Reader { snapshot: service.snapshot(slug)?, credentials, asked, sort, operation })
}

fn file_name(reader: &Reader, ending: &str) -> (header::HeaderName, String) {
    let name = format!("attachment; filename=\"{}-registrations.{ending}\"", reader.snapshot.place.slug);
    (header::CONTENT_DISPOSITION, name)
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
        reader(&service, &path.0, credentials, query.0.asked(), query.0.sort(), Operation::ExportRegistrationsCsv)?;
    let first = reader.clone();
    // Every error is answered before the response begins.
    let first = service.database.read(move |tx| first.rows(tx, START)).await?;
    let mut beginning = export_csv::csv(&[export_csv::header(&first.questions)]);
    beginning.extend(export_csv::csv(&first.rows));
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header(file_name(&reader, "csv"))
        .streaming(lines(service, reader, beginning.into(), first.next)))
}

/// The body of a CSV export: each part is read when the one before was sent.
fn lines(
    service: web::Data<RegistrationService>,
    reader: Reader,
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
                let rows = reader.rows(tx, from)?;
                Ok::<_, RegistrationError>((Bytes::from(export_csv::csv(&rows.rows)), rows.next))
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
        reader(&service, &path.0, credentials, query.0.asked(), query.0.sort(), Operation::ExportRegistrationsXlsx)?;
    let (mut book, mut next): (Option<Workbook>, _) = (None, Some(START));
    while let Some(from) = next {
        let (reader, scratch) = (reader.clone(), Arc::clone(&service.scratch));
        let work = move |tx: &mut Connection| {
            let rows = reader.rows(tx, from)?;
            let mut book = match book {
                Some(book) => book,
                None => Workbook::create(&scratch, export_csv::header(&rows.questions))?,
            };
            book.add(&rows.rows)?;
            Ok::<_, ExportError>((book, rows.next))
        };
        let written;
        (written, next) = service.database.read(work).await?;
        book = Some(written);
    }
    let Some(book) = book else {
        return Err(Problem::unexpected("an export without a page"));
    };
    let (file, length) = blocking(move || book.finish()).await?;
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_TYPE, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))
        .insert_header(file_name(&reader, "xlsx"))
        .body(SizedStream::new(length, pieces(file))))
}

/// Bytes that are read from a file at once.
const PIECE: usize = 256 * 1024;

/// The content of a file, piece by piece.
fn pieces(file: File) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::try_unfold(file, |mut file| async move {
        let read = blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece).map_err(ExportError::Write)?;
            piece.truncate(length);
            Ok::<_, ExportError>((piece, file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}

/// Counts registrations by status, category, country and date, and seats, waiting lists, sessions and check-ins.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/statistics",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The present counts", body = Statistics), AnyProblem)
)]
pub async fn read_statistics(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let reader =
        reader(&service, &path.0, credentials, ListQuery::default(), Sort::Arrival, Operation::ReadStatistics)?;
    let statistics = service
        .database
        .read(move |tx| {
            let facts = reader.facts(tx)?;
            statistics::count(tx, &reader.snapshot.place, &reader.snapshot.agenda, &facts)
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(statistics))
}
