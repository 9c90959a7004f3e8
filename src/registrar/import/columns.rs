//! Fields of a table's columns: as the options map them, else by the column names of pretix, Indico and Eventbrite.

use std::collections::BTreeMap;

use crate::{
    registration::{
        fields::{NAME_FIELDS, PERSONAL_FIELDS},
        form::Question,
    },
    validation::ValidationErrors,
    values::fold,
};

/// Folded names by which a column with the category is recognised.
const CATEGORY: &[&str] = &["category", "ticket type", "product", "item", "ticket", "categorie"];
/// The fields that are not of a person, with the folded names by which their columns are recognised.
const OTHER_FIELDS: &[(&str, &[&str])] = &[
    ("sessions", &["sessions"]),
    ("status", &["status", "attendee status", "registration status", "order status", "state", "statut"]),
    ("external_id", &["external id", "order code", "attendee", "registration id", "order id", "id"]),
];

/// Every field that a column can have, with the folded names by which it is recognised. Of several names the first one
/// that the table has wins, so an attendee's address goes before an orderer's.
fn known_fields() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    let personal = PERSONAL_FIELDS.iter().map(|field| (field.name, field.import_columns));
    [("category", CATEGORY)].into_iter().chain(personal).chain(OTHER_FIELDS.iter().copied())
}

/// Fields of the columns of a table.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// In the order of the columns; `None` for a column that is not imported.
    fields: Vec<Option<String>>,
    header: Vec<String>,
}

impl Columns {
    /// Finds the field of each column. Validation errors: a mapping of an unknown column or field, two columns of one
    /// field, and no column for a field that every registration needs.
    pub fn of(
        header: &[String],
        map: &BTreeMap<String, Option<String>>,
        questions: &[Question],
        errors: &mut ValidationErrors,
    ) -> Self {
        let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let mut fields: Vec<Option<String>> = vec![None; header.len()];
        let mut is_mapped = vec![false; header.len()];
        for (name, field) in map {
            let Some(index) = header.iter().position(|column| column == name.trim()) else {
                errors.add(format!("?map/{name}"), "unknown_reference", "is no column of the table");
                continue;
            };
            if let Some(field) = field.as_ref().filter(|field| !is_field(field, questions)) {
                let names: Vec<_> = known_fields().map(|(name, _)| name).collect();
                let detail = format!("{field:?} is no field: one of {}, or answers.CODE", names.join(", "));
                errors.add(format!("?map/{name}"), "unknown_value", detail);
            }
            if field.is_some() && fields.contains(field) {
                errors.add(format!("?map/{name}"), "duplicate", "another column is mapped to this field");
            }
            if let (Some(slot), Some(is_mapped)) = (fields.get_mut(index), is_mapped.get_mut(index)) {
                slot.clone_from(field);
                *is_mapped = true;
            }
        }
        let folded_header: Vec<String> = header.iter().map(|name| fold(name)).collect();
        let mut recognise = |field: String, names: &[String]| {
            if fields.iter().flatten().any(|existing| *existing == field) {
                return;
            }
            let find_free_column = |name: &String| {
                let columns = folded_header.iter().zip(&is_mapped).zip(&fields);
                let mut columns = columns.enumerate();
                columns.find(|(_, ((column, is_mapped), field))| *column == name && !**is_mapped && field.is_none())
            };
            let index = names.iter().find_map(|name| find_free_column(name).map(|(index, _)| index));
            if let Some(slot) = index.and_then(|index| fields.get_mut(index)) {
                *slot = Some(field);
            }
        };
        for (field, names) in known_fields() {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            recognise(field.to_owned(), &names);
        }
        for question in questions {
            let code = question.code.as_str();
            let labels = question.label.map().values().map(|label| fold(label));
            let names: Vec<String> = [fold(&format!("answers {code}")), fold(code)].into_iter().chain(labels).collect();
            recognise(format!("answers.{code}"), &names);
        }
        let mut columns = Self { fields, header };
        columns.read_lone_name_as_whole(&is_mapped);
        for (required, alternatives) in [("email", &["email"][..]), ("name", &NAME_FIELDS[..])] {
            if alternatives.iter().all(|field| columns.index_of(field).is_none()) {
                let detail = format!("no column is the {required}: name it in ?map={{\"COLUMN\":\"{required}\"}}");
                errors.add("row 1", "missing_column", detail);
            }
        }
        columns
    }

    /// A column `Nom` without a column `Prénom` has whole names.
    fn read_lone_name_as_whole(&mut self, is_mapped: &[bool]) {
        let has_other = ["given_name", "name"].iter().any(|field| self.index_of(field).is_some());
        let Some(index) = self.index_of("family_name").filter(|_| !has_other) else { return };
        let is_ambiguous = self.header.get(index).is_some_and(|column| fold(column) == "nom");
        if let (true, Some(false), Some(field)) = (is_ambiguous, is_mapped.get(index), self.fields.get_mut(index)) {
            *field = Some("name".to_owned());
        }
    }

    /// Index of the field's column.
    pub fn index_of(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|column| column.as_deref() == Some(field))
    }

    /// Codes of questions, with the index of their columns.
    pub fn answers(&self) -> impl Iterator<Item = (&str, usize)> {
        let fields = self.fields.iter().enumerate();
        fields.filter_map(|(index, field)| Some((field.as_deref()?.strip_prefix("answers.")?, index)))
    }

    /// Position of a validation error: `row 7, column E-mail`.
    pub fn error_position(&self, row: usize, field: &str) -> String {
        let is_name = NAME_FIELDS.contains(&field);
        let other_name = || NAME_FIELDS.iter().filter(|_| is_name).find_map(|name| self.index_of(name));
        match self.index_of(field).or_else(other_name).and_then(|index| self.header.get(index)) {
            Some(column) => format!("row {row}, column {column}"),
            None => format!("row {row}"),
        }
    }

    /// Names of imported columns, with their fields.
    pub fn mapping(&self) -> BTreeMap<String, String> {
        let columns = self.header.iter().zip(&self.fields);
        columns.filter_map(|(column, field)| Some((column.clone(), field.clone()?))).collect()
    }

    /// Names of columns that are not imported.
    pub fn unmapped(&self) -> Vec<String> {
        let columns = self.header.iter().zip(&self.fields);
        columns.filter(|(_, field)| field.is_none()).map(|(column, _)| column.clone()).collect()
    }
}

fn is_field(field: &str, questions: &[Question]) -> bool {
    match field.strip_prefix("answers.") {
        Some(code) => questions.iter().any(|question| question.code.as_str() == code),
        None => known_fields().any(|(name, _)| name == field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(header: &str, map: &[(&str, Option<&str>)]) -> (Vec<(String, String)>, Vec<String>) {
        let header: Vec<String> = header.split(';').map(str::to_owned).collect();
        let map = map.iter().map(|(name, field)| ((*name).to_owned(), field.map(str::to_owned))).collect();
        let mut errors = ValidationErrors::default();
        let columns = Columns::of(&header, &map, &[], &mut errors);
        let errors = errors.0.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect();
        (columns.mapping().into_iter().collect(), errors)
    }

    #[test]
    fn columns_of_other_systems_are_recognised() {
        let of = |header: &str| {
            let (mapping, errors) = mapping(header, &[]);
            assert_eq!(errors, Vec::<String>::new());
            mapping.into_iter().map(|(column, field)| format!("{column}={field}")).collect::<Vec<_>>().join(";")
        };
        assert_eq!(
            of("Order code;E-mail;Product;Attendee name: Given name;Attendee name: Family name;Attendee email;Company"),
            "Attendee email=email;Attendee name: Family name=family_name;Attendee name: Given name=given_name;\
             Company=organisation;Order code=external_id;Product=category"
        );
        assert_eq!(
            of("ID;Name;Email Address;Affiliation;Title"),
            "Affiliation=organisation;Email Address=email;ID=external_id;Name=name;Title=honorific"
        );
        assert_eq!(
            of("Order ID;Attendee #;First Name;Last Name;Email;Ticket Type;Attendee Status;Home Country"),
            "Attendee #=external_id;Attendee Status=status;Email=email;First Name=given_name;Home Country=country;\
             Last Name=family_name;Ticket Type=category"
        );
        assert_eq!(of("Nom;Prénom;Courriel"), "Courriel=email;Nom=family_name;Prénom=given_name");
        for name in ["Nom", "Nom complet", "Volledige naam", "Naam", "Full name"] {
            assert_eq!(of(&format!("Email;{name}")), format!("Email=email;{name}=name"));
        }
    }

    #[test]
    fn a_mapping_goes_before_what_is_recognised_and_is_checked_against_the_table() {
        let (fields, errors) = mapping("Email;Nom;Contact", &[("Contact", Some("email")), ("Nom", Some("name"))]);
        assert_eq!(fields, [("Contact".into(), "email".into()), ("Nom".into(), "name".into())]);
        assert_eq!(errors, Vec::<String>::new());
        let (_, errors) = mapping("Email;Nom", &[("Email", None), ("Mail", Some("email")), ("Nom", Some("height"))]);
        assert_eq!(
            errors,
            ["?map/Mail unknown_reference", "?map/Nom unknown_value", "row 1 missing_column", "row 1 missing_column"]
        );
    }

    #[test]
    fn a_column_of_every_field_is_recognised() {
        let header: Vec<String> = PERSONAL_FIELDS.iter().map(|field| field.import_columns[0].to_owned()).collect();
        let columns = Columns::of(&header, &BTreeMap::new(), &[], &mut ValidationErrors::default());
        for (index, field) in PERSONAL_FIELDS.iter().enumerate() {
            assert_eq!(columns.index_of(field.name), Some(index), "{}", field.name);
        }
    }
}
