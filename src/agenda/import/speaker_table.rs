//! A CSV table of speakers.

use serde_json::{Map, Value};

use super::{report::Report, text};
use crate::{
    agenda::document::{OrganisationKind, Precedence, Visibility},
    csv_table::{INNER_ROW, LINE_BREAK, Row, Table, line_pointer},
    validation::ValidationErrors,
    values::{Code, CountryCode, Date, LocalOrInstant, TextValue, WholeName, both_honorifics, honorific_before},
};

/// Longest cell with a name, in characters: a longer one is refused by the agenda, not cut.
const NAME_LENGTH_MAX: usize = 1000;
/// Most speakers in one table.
const ROWS_MAX: usize = 20_000;

/// A row of the table.
#[derive(Debug, PartialEq)]
pub struct SpeakerRow {
    pub line: usize,
    /// Code, if the row has one.
    pub code: Option<String>,
    pub name: WholeName,
    /// The name in Latin letters, from which a new code is made.
    pub latin_name: Option<String>,
    /// The organisation's name or code, and its kind.
    pub organisation: Option<(String, Option<OrganisationKind>)>,
    /// Localised fields: `position`, `biography`.
    pub texts: Vec<(&'static str, String)>,
    /// Other fields, in the form of the agenda's document.
    pub values: Map<String, Value>,
}

/// Known columns, each with its other names.
const COLUMNS: &[(&str, &[&str])] = &[
    ("code", &[]),
    ("name", &["full_name", "public_name", "speaker", "nom_complet", "volledige_naam", "naam"]),
    ("given_name", &["first_name", "forename", "prenom", "voornaam"]),
    ("family_name", &["last_name", "surname", "nom_de_famille", "achternaam", "familienaam"]),
    ("latin_name", &["name_in_latin_letters", "passport_name", "romanised_name", "romanized_name"]),
    ("honorific", &["title", "salutation"]),
    ("position", &["job_title", "function"]),
    ("organisation", &["organization", "affiliation", "company", "institution"]),
    ("organisation_kind", &["organization_kind"]),
    ("country", &["country_code"]),
    ("biography", &["bio"]),
    ("precedence", &[]),
    ("precedence_rank", &[]),
    ("took_office_on", &[]),
    ("visibility", &[]),
    ("public_from", &[]),
];

/// Reads the table.
///
/// # Errors
/// A column is missing; one error for each row that cannot be understood.
pub fn read(text: &str, report: &mut Report) -> Result<Vec<SpeakerRow>, ValidationErrors> {
    let table = Table::open(text)?;
    let mut errors = ValidationErrors::default();
    let columns = columns(&table.header, report, &mut errors);
    let columns = errors.into_result(columns)?;
    let mut errors = ValidationErrors::default();
    let mut rows = Vec::new();
    table.for_each_row(ROWS_MAX, "speakers", &mut errors, |record, errors| {
        // A biography may have lines with as many commas as a row: this is a note, not an error.
        if record.inner_row(|_| true).is_some() {
            report.note(INNER_ROW.0, INNER_ROW.1, Some(record.line));
        }
        rows.extend(row(record, &columns, report, errors));
    });
    errors.into_result(rows)
}

/// Name of each column; `None` for an unknown one.
fn columns(header: &[String], report: &mut Report, errors: &mut ValidationErrors) -> Vec<Option<&'static str>> {
    let mut names = Vec::new();
    for cell in header {
        let column_name = text::folded(cell).replace('-', "_");
        let known_name =
            COLUMNS.iter().find(|(name, aliases)| *name == column_name || aliases.contains(&column_name.as_str()));
        let known_name = known_name.map(|(name, _)| *name);
        match known_name {
            Some(name) if names.contains(&known_name) => {
                errors.add(line_pointer(1), "duplicate", format!("the column {name} appears twice"));
            }
            None => {
                let name = text::line(cell, 100, report, Some(1));
                report.note("not_kept", format!("the column \"{name}\""), Some(1));
            }
            _ => {}
        }
        names.push(known_name);
    }
    if !["name", "family_name"].iter().any(|name| names.contains(&Some(name))) {
        let known_names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
        let detail = format!("a table of speakers has a column family_name or name; known: {}", known_names.join(", "));
        errors.add(line_pointer(1), "missing_column", detail);
    }
    names
}

fn row(
    record: &Row,
    columns: &[Option<&'static str>],
    report: &mut Report,
    errors: &mut ValidationErrors,
) -> Option<SpeakerRow> {
    let line = record.line;
    let cell = |name: &str| record.cell(columns.iter().position(|column| *column == Some(name))?);
    let errors_before = errors.0.len();
    for name in ["name", "given_name", "family_name", "honorific", "position", "organisation"] {
        if cell(name).is_some_and(|text| text.contains(['\n', '\r'])) {
            errors.add(line_pointer(line), LINE_BREAK.0, format!("{name} {}", LINE_BREAK.1));
        }
    }
    let mut values = Map::new();
    let mut check_cell =
        |name: &str,
         errors: &mut ValidationErrors,
         parse: fn(&str) -> Result<Value, crate::validation::ValidationError>| match cell(name).map(parse) {
            Some(Ok(value)) => _ = values.insert(name.to_owned(), value),
            Some(Err(error)) => errors.add(line_pointer(line), &error.code, format!("{name} {}", error.detail)),
            None => {}
        };
    check_cell("country", errors, |text| canonical_text::<CountryCode>(&text.to_uppercase()));
    check_cell("precedence", errors, canonical_text::<Precedence>);
    check_cell("took_office_on", errors, canonical_text::<Date>);
    check_cell("visibility", errors, canonical_text::<Visibility>);
    check_cell("public_from", errors, canonical_text::<LocalOrInstant>);
    check_cell("code", errors, canonical_text::<Code>);
    check_cell("organisation_kind", errors, canonical_text::<OrganisationKind>);
    check_cell("precedence_rank", errors, |text| {
        let rank = text.parse::<u32>().ok().filter(|rank| (1..=1_000_000).contains(rank));
        rank.map(Value::from)
            .ok_or_else(|| crate::validation::ValidationError::of_value("out_of_range", "must be 1 to 1000000"))
    });
    let mut take_text = |name: &str| values.remove(name).and_then(|value| value.as_str().map(str::to_owned));
    let code = take_text("code");
    let kind = take_text("organisation_kind").and_then(|text| OrganisationKind::from_text(&text));
    let mut name_cell = |name: &str| {
        let text = text::line(cell(name)?, NAME_LENGTH_MAX, report, Some(line));
        Some(text).filter(|text| !text.is_empty())
    };
    let name = match (name_cell("given_name"), name_cell("family_name"), name_cell("name")) {
        (None, None, whole) => whole.map(|whole| WholeName::read(&whole)).unwrap_or_default(),
        // As in a table of attendees: beside a given name alone, a name that does not contain it is the family name.
        (Some(given), None, Some(whole)) if whole.contains(&given) && whole != given => WholeName::read(&whole),
        (given, family, whole) => {
            let family = family.or(whole);
            let read = given.as_deref().or(family.as_deref()).and_then(honorific_before);
            let (honorific, rest) = read.map_or((None, None), |(honorific, rest)| (Some(honorific), Some(rest)));
            let (given_name, family_name) = match given {
                Some(given) => (rest.or(Some(given)), family),
                None => (None, rest.or(family)),
            };
            WholeName { honorific, given_name, family_name, name: None }
        }
    };
    if name.person_name().full().is_empty() {
        errors.add(line_pointer(line), "required", "the row has no name");
    }
    // An only name is the family name.
    let name = match name {
        WholeName { given_name: Some(given), family_name: None, honorific, .. } => {
            WholeName { family_name: Some(given), honorific, ..WholeName::default() }
        }
        other => other,
    };
    let honorific = both_honorifics(cell("honorific"), name.honorific.as_deref());
    let name = WholeName { honorific, ..name };
    let organisation = text::title(cell("organisation").unwrap_or_default(), report, Some(line));
    let texts = ["position", "biography"].into_iter().filter_map(|name| {
        let text = text::prose(cell(name)?, report, Some(line));
        Some((name, text)).filter(|(_, text)| !text.is_empty())
    });
    let texts = texts.collect();
    let organisation = Some((organisation, kind)).filter(|(name, _)| !name.is_empty());
    let latin_name = text::line(cell("latin_name").unwrap_or_default(), 400, report, Some(line));
    let latin_name = Some(latin_name).filter(|name| !name.is_empty());
    let row = SpeakerRow { line, code, name, latin_name, organisation, texts, values };
    (errors.0.len() == errors_before).then_some(row)
}

/// Checks a value and returns it in its canonical form.
fn canonical_text<T: TextValue>(text: &str) -> Result<Value, crate::validation::ValidationError> {
    T::parse(text).map(|value| Value::from(value.text().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        let errors = read(text, &mut Report::default()).err().unwrap_or_default().0;
        errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
    }

    #[test]
    fn every_row_that_is_wrong_is_named_by_its_line() {
        let table = "given_name,family_name,country,precedence\nA,One,BE,\n\nB,\"Two\nlines\",,\nC,Three,XX,king\n,,BE,\nE,Five,be,,too many\n";
        assert_eq!(
            errors(table),
            [
                "line 4 line_break",
                "line 6 invalid_country",
                "line 6 unknown_value",
                "line 7 required",
                "line 8 too_long"
            ]
        );
        assert_eq!(errors("country,position\nBE,x\n"), ["line 1 missing_column"]);
        assert_eq!(errors("name,name\nA,B\n"), ["line 1 duplicate"]);
        assert_eq!(errors(""), ["line 1 missing_column"]);
        assert_eq!(errors("family_name,biography\nA,\"born\nB,\n"), ["line 2 unclosed_quote"]);
    }

    #[test]
    fn a_row_within_a_cell_is_noted() {
        let mut report = Report::default();
        let rows = read("family_name,biography\nA,\"born\nB,\"\nC,one\n", &mut report).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(
            report.0.iter().map(|note| (&*note.code, &*note.lines)).collect::<Vec<_>>(),
            [(INNER_ROW.0, &[2][..])]
        );
    }

    #[test]
    fn columns_have_other_names_and_other_separators_and_names_stay_whole() {
        let mut report = Report::default();
        let rows = read(
            "Full Name;Organization;Bio;Shoe size\nAda de Lovelace;Institute;\"a\r\n\r\nb\";40\nFefe;;;\n",
            &mut report,
        );
        let rows = rows.unwrap();
        let names: Vec<_> = rows.iter().map(|row| row.name.name.as_deref()).collect();
        assert_eq!(names, [Some("Ada de Lovelace"), Some("Fefe")]);
        assert_eq!(rows[0].texts, [("biography", "a\n\nb".to_owned())]);
        assert_eq!(rows[0].organisation, Some(("Institute".to_owned(), None)));
        assert_eq!(report.0.iter().map(|note| note.detail.as_str()).collect::<Vec<_>>(), ["the column \"Shoe size\""]);
    }
}
