//! The answers of lists, and the queries of lists and exports.

use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    actions::{ListContext, ListQuery},
    model::{RelatedData, Sort},
    row::ListRow,
};
use crate::{
    clock,
    database::DatabaseError,
    registration::model::RegistrationStatus,
    validation::ValidationErrors,
    values::{Line, Switch},
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
    /// The name as one text, without the honorific: `name`, or given and family name.
    pub full_name: String,
    /// Given name; null if the person has none, or if it is not known.
    pub given_name: Option<String>,
    /// Family name, or the only name; null where `name` has the whole name.
    pub family_name: Option<String>,
    /// The whole name as it was written, where its parts are not known; else null.
    pub name: Option<String>,
    /// The name in Latin letters, as in a passport; null if none was given.
    pub latin_name: Option<String>,
    /// E-mail address; null if the person has none, or if what was entered was removed, because the address was not
    /// verified in time.
    pub email: Option<String>,
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
    /// Answers to the conference's own questions, by the code of the question; null unless `with_answers=true`.
    #[schema(value_type = Option<Object>)]
    pub answers: Option<Value>,
}

impl ListedRegistration {
    /// # Errors
    /// Those of [`ListContext::category_code`].
    pub fn new(
        row: ListRow,
        related: Option<&RelatedData>,
        context: &ListContext,
        with_answers: bool,
    ) -> Result<Self, DatabaseError> {
        Ok(Self {
            status: row.state,
            category: context.category_code(row.category_id)?,
            reference: row.reference,
            full_name: row.person.person_name().full(),
            honorific: row.person.honorific,
            given_name: row.person.given_name,
            family_name: row.person.family_name,
            name: row.person.name,
            latin_name: row.person.latin_name,
            email: row.person.email,
            organisation: row.person.organisation,
            position_title: row.person.position,
            country: row.person.country,
            delegation: related.and_then(|related| related.delegation.clone()),
            arrival: row.arrival,
            offer_expires_at: row.offer_expires_at.map(|at| clock::wire(at.0)),
            created_at: clock::wire(row.created_at.0),
            updated_at: clock::wire(row.updated_at.0),
            checked_in: related.is_some_and(|related| related.checked_in),
            possible_duplicate: related.is_some_and(|related| related.possible_duplicate),
            answers: with_answers.then_some(row.answers.0),
        })
    }
}

/// A page of registrations.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegistrationList {
    /// Registrations. If few of very many match, a page may have fewer than `limit`, or none, although `next` is set.
    pub data: Vec<ListedRegistration>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
    /// Number of registrations that match, on all pages together; null unless `with_total=true`.
    pub total: Option<usize>,
}

/// Defines a query of registrations. A list's query has paging parameters, too.
macro_rules! query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Default, Deserr, IntoParams)]
        #[deserr(error = ValidationErrors, deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            $($(#[$field_doc])* #[deserr(default)] pub $field: Option<$type>,)*
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
            /// `true`: only people with an e-mail address; `false`: only people whom no letter reaches.
            #[deserr(default)]
            pub has_address: Option<Switch>,
            /// Search text. Each of its words must begin a word of the name, of the name in Latin letters or of the
            /// organisation, or the address or reference must contain the whole text. Case and accents are ignored.
            /// Matches at the beginning of the name (family name first) or address, and the exact reference, come
            /// first, unless they are very many or another filter leaves few registrations.
            #[deserr(default)]
            pub q: Option<Line<200>>,
        }

        impl $name {
            /// The filters of the query.
            pub fn filters(&self) -> ListQuery {
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
                    has_address: is_on(self.has_address),
                    q: self.q.as_ref().map(|text| text.as_str().to_owned()),
                }
            }

            /// The order that was asked for, or the default one.
            pub fn sort(&self) -> Sort {
                self.sort.unwrap_or(Sort::Arrival)
            }
        }
    };
}

query! {
    /// Query of a page of registrations.
    RegistrationsQuery {
        /// Greatest number of registrations on the page, from 1 to 200; 50 if left out.
        limit: String,
        /// Cursor, taken from `next` of the page before; the first page if left out.
        cursor: String,
        /// `true`: each registration has the answers to the conference's own questions.
        with_answers: Switch,
        /// `true`: says how many registrations match, on all pages together.
        with_total: Switch
    }
}

query! {
    /// Query of an export of registrations.
    ExportQuery {}
}
