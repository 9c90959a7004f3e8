//! The name of a row of a table, in the document that was made of its cells.

use serde_json::{Map, Value, json};

use crate::values::{NameReading, WholeName, both_honorifics, fold, honorific_before};

/// Divides the name of a row as far as its writer did, and takes honorifics off. Cells with parts of the name go
/// before a cell with the whole name. Returns how the name was read; `None` if the row has none.
pub fn read(document: &mut Map<String, Value>, row: usize) -> Option<NameReading> {
    let mut take = |field: &str| match document.remove(field) {
        Some(Value::String(text)) => Some(text).filter(|text| !text.trim().is_empty()),
        _ => None,
    };
    let column = take("honorific");
    let read = match (take("given_name"), take("family_name"), take("name")) {
        // Beside a column of given names, a name that does not contain the given name is the family name.
        (Some(given), None, Some(name)) => match contains_words(&name, &given) {
            true => WholeName::read_with_honorific(&name, column.as_deref()),
            false => parts(Some(given), Some(name), column),
        },
        (None, None, Some(name)) => WholeName::read_with_honorific(&name, column.as_deref()),
        (given, family, _) => parts(given, family, column),
    };
    let WholeName { honorific, given_name, family_name, name } = read;
    let fields =
        [("honorific", &honorific), ("given_name", &given_name), ("family_name", &family_name), ("name", &name)];
    let is_named = given_name.is_some() || family_name.is_some() || name.is_some();
    for (field, text) in fields {
        document.extend(text.as_ref().map(|text| (field.to_owned(), json!(text))));
    }
    is_named.then_some(NameReading { row, honorific, given_name, family_name, name })
}

fn parts(given: Option<String>, family: Option<String>, column: Option<String>) -> WholeName {
    let without_honorific = |part: Option<String>| match part.as_deref().and_then(honorific_before) {
        Some((honorific, rest)) => (Some(honorific), Some(rest)),
        None => (None, part),
    };
    let (before_given, given_name) = without_honorific(given);
    // Before a family name beside a given name there may be a particle that looks like an honorific.
    let (before_family, family_name) = if given_name.is_none() { without_honorific(family) } else { (None, family) };
    let honorific = both_honorifics(column.as_deref(), before_given.or(before_family).as_deref());
    WholeName { honorific, given_name, family_name, name: None }
}

/// Whether the whole name has all words of the part, and more.
fn contains_words(whole: &str, part: &str) -> bool {
    let (whole, part) = (fold(whole), fold(part));
    let words: Vec<&str> = whole.split(' ').collect();
    let mut parts = part.split(' ');
    words.len() > part.split(' ').count() && parts.all(|word| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Honorific, given name, family name and whole name, with a bar between them.
    fn read_row(cells: &[(&str, &str)]) -> String {
        let mut document = cells.iter().map(|(field, text)| ((*field).to_owned(), json!(text))).collect();
        let read = read(&mut document, 2).unwrap();
        let texts = [&read.honorific, &read.given_name, &read.family_name, &read.name];
        for (field, text) in ["honorific", "given_name", "family_name", "name"].iter().zip(texts) {
            assert_eq!(document.get(*field).and_then(Value::as_str), text.as_deref());
        }
        texts.map(|text| text.clone().unwrap_or_default()).join("|")
    }

    #[test]
    fn the_parts_of_a_name_go_before_the_whole_name() {
        let (given, family, name) = (("given_name", "Ada"), ("family_name", "King"), ("name", "Ada King"));
        assert_eq!(read_row(&[given, family, name]), "|Ada|King|");
        assert_eq!(read_row(&[given, name]), "|||Ada King");
        assert_eq!(read_row(&[given, ("name", "King")]), "|Ada|King|");
        assert_eq!(read_row(&[("given_name", "Jean"), ("name", "Jean")]), "|Jean|Jean|");
        assert_eq!(read_row(&[family]), "||King|");
        assert_eq!(read_row(&[("family_name", "H.E. Suhartono")]), "H.E.||Suhartono|");
        assert_eq!(read_row(&[given]), "|Ada||");
        assert_eq!(read_row(&[name]), "|||Ada King");
        assert_eq!(read_row(&[("name", "King, Ada")]), "|Ada|King|");
    }

    #[test]
    fn an_honorific_before_a_name_is_the_honorific() {
        assert_eq!(read_row(&[("given_name", "Dr. Lena"), ("family_name", "Meyer")]), "Dr.|Lena|Meyer|");
        assert_eq!(read_row(&[("honorific", "Prof."), ("name", "Dr. Lena Meyer")]), "Prof. Dr.|||Lena Meyer");
        assert_eq!(read_row(&[("honorific", "Dr."), ("name", "Dr Lena Meyer")]), "Dr.|||Lena Meyer");
        assert_eq!(read_row(&[("given_name", "M. Night"), ("family_name", "Shyamalan")]), "|M. Night|Shyamalan|");
    }
}
