//! The columns of a registration that lists and exports read.

use diesel::prelude::*;

use crate::{
    database::{
        schema::registrations,
        types::{DbInstant, JsonValue},
    },
    ids::{CategoryId, RegistrationId},
    registration::{model::RegistrationStatus, rows::PersonalColumns},
};

#[derive(Clone, QueryableByName)]
#[diesel(table_name = registrations)]
pub struct ListRow {
    pub id: RegistrationId,
    pub category_id: CategoryId,
    pub reference: String,
    pub state: RegistrationStatus,
    pub arrival: i64,
    #[diesel(embed)]
    pub person: PersonalColumns,
    pub name_folded: String,
    pub email_folded: Option<String>,
    pub answers: JsonValue,
    pub offer_expires_at: Option<DbInstant>,
    pub created_at: DbInstant,
    pub updated_at: DbInstant,
}

impl ListRow {
    /// The folded address; empty if the person has none.
    pub fn address_folded(&self) -> &str {
        self.email_folded.as_deref().unwrap_or_default()
    }
}
