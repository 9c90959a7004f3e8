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
    actions::{self, Asked, Budget, Facts, Found},
    model::{Beside, Bookmark, Filter, Part, Sort},
    statistics::{self, Statistics},
    store::Entry,
    table,
    workbook::Workbook,
};
use crate::{
    access::{Credentials, authorise},
    clock,
    database::{Connection, blocking},
    faults::Faults,
    http::{
        CodePath, Problem, Query,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::RegistrationId,
    programme::Snapshot,
    registration::{
        RegistrationError,
        api::{Desk, NO_STORE},
        model::State,
    },
    values::{Code, Line, Switch},
};

/// A registration as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedRegistration {
    /// What it is called.
    pub reference: String,
    /// Where it stands.
    pub status: State,
    /// The category's code.
    pub category: String,
    /// Dr, H.E., Sir.
    pub honorific: Option<String>,
    /// The given name.
    pub given_name: String,
    /// The family name.
    pub family_name: String,
    /// Where mail goes.
    pub email: String,
    /// Whom they come for.
    pub organisation: Option<String>,
    /// What they are there.
    pub position_title: Option<String>,
    /// Their country.
    pub country: Option<String>,
    /// The code of their delegation.
    pub delegation: Option<String>,
    /// The place among all registrations of the conference, in the order in which they came.
    pub arrival: i64,
    /// Until when a seat is held for them, while they have an offer of one.
    pub offer_expires_at: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Whether they have come in.
    pub checked_in: bool,
    /// Whether they are perhaps registered twice, and nobody has judged it yet.
    pub possible_duplicate: bool,
}

/// A page of registrations.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegistrationList {
    /// The registrations. A page of what few match among very many may hold fewer than `limit`, or none, and go on.
    pub data: Vec<ListedRegistration>,
    /// Where the list goes on; the end is where there is none.
    pub next: Option<String>,
}

/// A query of registrations: a list's has a page, too.
macro_rules! query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),* }) => {
        $(#[$doc])*
        #[derive(Default, Deserr, IntoParams)]
        #[deserr(error = Faults, deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            $($(#[$field_doc])* #[deserr(default)] pub $field: Option<String>,)*
            /// The order; `arrival` if left out.
            #[deserr(default)]
            pub sort: Option<Sort>,
            /// Only in these states, several after commas: `pending` is the queue of those who wait for a decision.
            #[deserr(default)]
            pub state: Option<String>,
            /// Only in these categories, by code, several after commas.
            #[deserr(default)]
            pub category: Option<String>,
            /// Only from these countries, several after commas.
            #[deserr(default)]
            pub country: Option<String>,
            /// Only of the delegation of this code.
            #[deserr(default)]
            pub delegation: Option<String>,
            /// Only who is signed up for the session of this code, waits for it or wishes it.
            #[deserr(default)]
            pub session: Option<String>,
            /// Only who answered so: `diet:vegan`, several after commas. An option of one or several choices, `yes` or
            /// `no`, a number, or the whole of a text. Several of one question: any of them; of several questions:
            /// each.
            #[deserr(default)]
            pub answer: Option<String>,
            /// Only who has come in, or who has not.
            #[deserr(default)]
            pub checked_in: Option<Switch>,
            /// Only who is perhaps registered twice and not yet judged, or who is not.
            #[deserr(default)]
            pub duplicates: Option<Switch>,
            /// Only where each word begins a word of name or organisation, or address or reference hold the whole;
            /// accents and capitals do not matter. What begins with it comes first: name (family name first),
            /// address, reference.
            #[deserr(default)]
            pub q: Option<Line<200>>,
        }

        impl $name {
            fn asked(&self) -> Asked {
                let is_on = |switch: Option<Switch>| switch.map(|switch| switch == Switch::On);
                Asked {
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
    /// Which registrations a list has, and which page of it.
    RegistrationsQuery {
        /// How many at most: 1 to 200, 50 if left out.
        limit,
        /// Where to go on, as `next` of the page before says.
        cursor
    }
}

query! {
    /// Which registrations an export has.
    ExportQuery {}
}

/// What every read of registrations comes with.
#[derive(Clone)]
struct Reader {
    snapshot: Arc<Snapshot>,
    credentials: Credentials,
    asked: Asked,
    sort: Sort,
    operation: &'static str,
}

/// A page, with what stands beside it.
struct Sheet {
    entries: Vec<Entry>,
    beside: HashMap<RegistrationId, Beside>,
    facts: Facts,
    next: Option<Bookmark>,
}

impl Reader {
    fn facts(&self, tx: &mut Connection) -> Result<Facts, RegistrationError> {
        authorise(tx, &self.credentials, self.operation, Some(self.snapshot.place.id))?;
        Facts::load(tx, &self.snapshot.place)
    }

    fn filter(&self, tx: &mut Connection, facts: &Facts) -> Result<Filter, RegistrationError> {
        actions::filter(tx, &self.snapshot.place, &self.snapshot.agenda, facts, &self.asked)
    }

    fn page(
        &self,
        tx: &mut Connection,
        from: Option<Bookmark>,
        limit: usize,
        budget: Budget,
    ) -> Result<Sheet, RegistrationError> {
        let facts = self.facts(tx)?;
        let filter = self.filter(tx, &facts)?;
        let Found { entries, next } = actions::page(tx, &filter, self.sort, from, limit, budget)?;
        let beside = actions::beside(tx, &entries)?;
        Ok(Sheet { entries, beside, facts, next })
    }

    /// The rows of an export after a bookmark.
    fn rows(&self, tx: &mut Connection, from: Bookmark) -> Result<Rows, RegistrationError> {
        let Sheet { entries, mut beside, facts, next } = self.page(tx, Some(from), ROWS, Budget::EXPORT)?;
        let row = |entry: &Entry| {
            let beside = beside.remove(&entry.id).unwrap_or_default();
            table::row(entry, &beside, &facts, &self.snapshot.agenda)
        };
        Ok(Rows { rows: entries.iter().map(row).collect(), next, questions: facts.questions })
    }
}

/// Rows of an export that are read at once.
const ROWS: usize = 1_000;

/// The beginning of an export, whose order has no parts.
const START: Bookmark = Bookmark { part: Part::Whole, after: None };

/// Some rows of an export.
struct Rows {
    rows: Vec<Vec<String>>,
    next: Option<Bookmark>,
    questions: Vec<crate::registration::form::Question>,
}

fn listed(entry: Entry, beside: Option<&Beside>, facts: &Facts) -> ListedRegistration {
    ListedRegistration {
        status: State::from_word(&entry.state).unwrap_or(State::Cancelled),
        category: facts.category(entry.category_id),
        reference: entry.reference,
        honorific: entry.honorific,
        given_name: entry.given_name,
        family_name: entry.family_name,
        email: entry.email,
        organisation: entry.organisation,
        position_title: entry.position,
        country: entry.country,
        delegation: beside.and_then(|beside| beside.delegation.clone()),
        arrival: entry.arrival,
        offer_expires_at: entry.offer_expires_at.map(|at| clock::wire(at.0)),
        created_at: clock::wire(entry.created_at.0),
        updated_at: clock::wire(entry.updated_at.0),
        checked_in: beside.is_some_and(|beside| beside.checked_in),
        possible_duplicate: beside.is_some_and(|beside| beside.possible_duplicate),
    }
}

/// Lists registrations: those that fit each of the parameters, page by page.
///
/// Pages go on after the last registration of the page before: each that matches throughout is on one of them, whoever
/// registers meanwhile. In the order of `updated` a registration that changes meanwhile moves to the end of the list.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), RegistrationsQuery),
    responses((status = 200, description = "A page of registrations", body = RegistrationList), AnyProblem)
)]
pub async fn list_registrations(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<RegistrationsQuery>,
) -> Result<HttpResponse, Problem> {
    let reader = reader(&desk, &path.0, credentials, query.0.asked(), query.0.sort(), "list_registrations")?;
    let (limit, cursor) = (query.0.limit, query.0.cursor);
    let sheet = desk
        .database
        .read(move |tx| {
            // Who may is asked before the page is judged.
            let facts = reader.facts(tx)?;
            let page = Page::read(limit.as_deref(), cursor.as_deref());
            let from = page.as_ref().map_err(Clone::clone).and_then(|page| Bookmark::read(page, reader.sort));
            let filter = reader.filter(tx, &facts);
            let (page, from) = match (page, from, filter) {
                (Ok(page), Ok(from), Ok(_)) => (page, from),
                (page, from, filter) => {
                    let of_page = page.err().or(from.err()).unwrap_or_default();
                    return Err(match filter {
                        Ok(_) => RegistrationError::Invalid(of_page),
                        Err(RegistrationError::Invalid(faults)) => {
                            RegistrationError::Invalid(Faults(of_page.0.into_iter().chain(faults.0).collect()))
                        }
                        Err(other) => other,
                    });
                }
            };
            reader.page(tx, from, page.limit, Budget::PAGE)
        })
        .await?;
    let next = sheet.next.as_ref().map(|bookmark| Page::link(&request, &bookmark.text()));
    let data = sheet.entries.into_iter().map(|entry| {
        let beside = sheet.beside.get(&entry.id);
        listed(entry, beside, &sheet.facts)
    });
    let list = RegistrationList { data: data.collect(), next };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(&list);
    link_next(&mut response, list.next.as_deref());
    Ok(response)
}

fn reader(
    desk: &Desk,
    slug: &Code,
    credentials: Credentials,
    asked: Asked,
    sort: Sort,
    operation: &'static str,
) -> Result<Reader, RegistrationError> {
    Ok(Reader { snapshot: desk.snapshot(slug)?, credentials, asked, sort, operation })
}

fn file_name(reader: &Reader, ending: &str) -> (header::HeaderName, String) {
    let name = format!("attachment; filename=\"{}-registrations.{ending}\"", reader.snapshot.place.slug);
    (header::CONTENT_DISPOSITION, name)
}

/// Exports registrations as CSV (RFC 4180, UTF-8): those that fit each of the parameters.
///
/// A column for each question of the present form, `answers.CODE`; values of several choices are parted by `; `. A cell
/// that a spreadsheet might take for a formula begins with an apostrophe. The answer is written while it is read: where
/// it breaks off without its end, something went wrong.
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
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let reader = reader(&desk, &path.0, credentials, query.0.asked(), query.0.sort(), "export_registrations_csv")?;
    let first = reader.clone();
    // Whatever is wrong is said before the answer begins.
    let first = desk.database.read(move |tx| first.rows(tx, START)).await?;
    let mut beginning = table::csv(&[table::header(&first.questions)]);
    beginning.extend(table::csv(&first.rows));
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header(file_name(&reader, "csv"))
        .streaming(lines(desk, reader, beginning.into(), first.next)))
}

/// The parts of a CSV, each read when the one before is on its way.
fn lines(
    desk: web::Data<Desk>,
    reader: Reader,
    beginning: Bytes,
    next: Option<Bookmark>,
) -> impl Stream<Item = Result<Bytes, RegistrationError>> {
    stream::try_unfold((Some(beginning), next), move |(beginning, next)| {
        let (desk, reader) = (desk.clone(), reader.clone());
        async move {
            if let Some(beginning) = beginning {
                return Ok::<_, RegistrationError>(Some((beginning, (None, next))));
            }
            let Some(from) = next else {
                return Ok(None);
            };
            let work = move |tx: &mut Connection| {
                let rows = reader.rows(tx, from)?;
                Ok::<_, RegistrationError>((Bytes::from(table::csv(&rows.rows)), rows.next))
            };
            let (part, next) = desk.database.read(work).await?;
            Ok(Some((part, (None, next))))
        }
    })
}

/// Exports registrations as a workbook (XLSX): those that fit each of the parameters. Every cell is a text.
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
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let reader = reader(&desk, &path.0, credentials, query.0.asked(), query.0.sort(), "export_registrations_xlsx")?;
    let (mut book, mut next): (Option<Workbook>, _) = (None, Some(START));
    while let Some(from) = next {
        let (reader, scratch) = (reader.clone(), Arc::clone(&desk.scratch));
        let work = move |tx: &mut Connection| {
            let rows = reader.rows(tx, from)?;
            let mut book = match book {
                Some(book) => book,
                None => Workbook::create(&scratch, table::header(&rows.questions))?,
            };
            book.add(&rows.rows)?;
            Ok::<_, RegistrationError>((book, rows.next))
        };
        let written;
        (written, next) = desk.database.read(work).await?;
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

/// How much of a file is read at once, in bytes.
const PIECE: usize = 256 * 1024;

/// A file piece by piece.
fn pieces(file: File) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::try_unfold(file, |mut file| async move {
        let read = blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece).map_err(RegistrationError::Export)?;
            piece.truncate(length);
            Ok::<_, RegistrationError>((piece, file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}

/// Counts registrations: by state, category, country and date, seats and waiting lists, sessions, check-ins.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/statistics",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The counts, as they stand", body = Statistics), AnyProblem)
)]
pub async fn read_statistics(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let reader = reader(&desk, &path.0, credentials, Asked::default(), Sort::Arrival, "read_statistics")?;
    let statistics = desk
        .database
        .read(move |tx| {
            let facts = reader.facts(tx)?;
            statistics::count(tx, &reader.snapshot.place, &reader.snapshot.agenda, &facts)
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(statistics))
}
