//! People in a file, as speakers of a document.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    ImportOptions,
    list::{ImportedList, Node, assign_codes, assign_codes_from, set_text},
    report::Report,
    schedule::Person,
    speaker_table::SpeakerRow,
    target::{Composed, Counts, Target, document},
    text,
};
use crate::{
    agenda::{Agenda, document::OrganisationKind},
    csv_table::line_pointer,
    validation::ValidationErrors,
    values::{LanguageTag, NameReading, WholeName},
};

/// Puts the people of a schedule into the list of speakers. Returns the code of each.
pub fn add_schedule_speakers(list: &mut ImportedList, people: &[Person], target: &Target<'_>) -> Vec<String> {
    let draft_names = speaker_names(target.draft);
    // People with the same name are sorted by their key, not by their first event, so that their codes stay the same.
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (index, person) in people.iter().enumerate() {
        first.entry(&person.name).or_insert(index);
    }
    let mut order: Vec<usize> = (0..people.len()).collect();
    let key = |index: &usize| {
        let person = people.get(*index);
        let first = person.and_then(|person| first.get(person.name.as_str()).copied());
        let key = person.and_then(|person| person.key.clone()).unwrap_or_default();
        (first, key.len(), key)
    };
    order.sort_by_cached_key(key);
    let read_names: Vec<WholeName> = people.iter().map(|person| WholeName::read_displayed(&person.name)).collect();
    let full_names: Vec<String> = read_names.iter().map(|name| name.person_name().full()).collect();
    let names: Vec<&str> = order.iter().filter_map(|index| full_names.get(*index)).map(String::as_str).collect();
    let mut codes = vec![String::new(); people.len()];
    for (index, code) in order.iter().zip(assign_codes(&names, &draft_names, "speaker")) {
        if let Some(code_slot) = codes.get_mut(*index) {
            *code_slot = code;
        }
    }
    for ((person, read), code) in people.iter().zip(&read_names).zip(&codes) {
        let draft_node = list.draft_node(code).cloned();
        let node = list.node(code);
        set_whole_name(node, draft_node.as_ref(), read);
        set_honorific(node, read, &target.language);
        if let Some(biography) = &person.biography {
            set_text(node, "biography", &target.language, biography);
        }
    }
    codes
}

/// How the names of a schedule's people are read.
pub fn name_readings(people: &[Person]) -> Vec<NameReading> {
    people.iter().map(|person| reading(person.line, WholeName::read_displayed(&person.name))).collect()
}

/// How the names of a table are read.
fn table_name_readings(rows: &[SpeakerRow]) -> Vec<NameReading> {
    rows.iter().map(|row| reading(row.line, row.name.clone())).collect()
}

fn reading(row: usize, name: WholeName) -> NameReading {
    let WholeName { honorific, given_name, family_name, name } = name;
    NameReading { row, honorific, given_name, family_name, name }
}

/// Sets the name of a speaker, unless the draft has it already, maybe in parts. The agenda has no field for a whole
/// name: it is the family name, and the given name is empty, as that of people who have one name.
fn set_whole_name(node: &mut Node, draft_node: Option<&Node>, name: &WholeName) {
    let person_name = name.person_name();
    let draft_node = draft_node.filter(|draft_node| full_name(draft_node) == person_name.full());
    let (given_name, family_name) = match draft_node {
        Some(draft_node) => (draft_node.get("given_name").cloned(), draft_node.get("family_name").cloned()),
        None => (person_name.given.map(Value::from), person_name.family.or(person_name.whole).map(Value::from)),
    };
    node.insert("given_name".to_owned(), given_name.unwrap_or_default());
    node.insert("family_name".to_owned(), family_name.unwrap_or_default());
}

fn set_honorific(node: &mut Node, name: &WholeName, language: &str) {
    if let Some(honorific) = &name.honorific {
        set_text(node, "honorific", language, honorific);
    }
}

/// The codes of a draft's speakers, each with the speaker's name, with and without an honorific before it.
fn speaker_names(draft: Option<&Agenda>) -> Vec<(String, Vec<String>)> {
    let speakers = draft.into_iter().flat_map(|draft| &draft.speakers);
    let names = |name: String| {
        let read = WholeName::read_displayed(&name).person_name().full();
        if read == name { vec![name] } else { vec![name, read] }
    };
    speakers.map(|speaker| (speaker.code.as_str().to_owned(), names(speaker.name()))).collect()
}

fn full_name(node: &Node) -> String {
    let text = |field: &str| node.get(field).and_then(Value::as_str);
    [text("given_name"), text("family_name")].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Composes the new draft with a table of speakers. An empty cell changes nothing. A name that the draft has already
/// in parts keeps them, unless the row has parts, too.
///
/// # Errors
/// Rows for the same speaker.
pub fn compose_table(
    rows: &[SpeakerRow],
    report: &Report,
    draft: &Agenda,
    options: &ImportOptions,
) -> Result<Composed, ValidationErrors> {
    let language = draft.conference.languages.first().map_or("en", LanguageTag::as_str).to_owned();
    let mut document = document(Some(draft));
    let mut organisations = Organisations::of(draft, &mut document, &language);
    let mut list = ImportedList::of(document.remove("speakers"), "code", options.mode);
    let codes = codes(rows, draft);
    let mut errors = ValidationErrors::default();
    let mut lines: HashMap<String, usize> = HashMap::new();
    for (row, code) in rows.iter().zip(codes) {
        if let Some(first) = lines.insert(code.clone(), row.line) {
            errors.add(line_pointer(row.line), "duplicate", format!("the speaker {code} is in line {first} already"));
        }
        let draft_node = list.draft_node(&code).cloned();
        let node = list.node(&code);
        if row.name.name.is_some() {
            set_whole_name(node, draft_node.as_ref(), &row.name);
        } else {
            // Without a given name, the row may be of a table that has no such column.
            for (field, text) in [("family_name", &row.name.family_name), ("given_name", &row.name.given_name)] {
                node.extend(text.as_ref().map(|text| (field.to_owned(), json!(text))));
            }
        }
        set_honorific(node, &row.name, &language);
        node.extend(row.values.clone());
        for (field, text) in &row.texts {
            set_text(node, field, &language, text);
        }
        if let Some((name, kind)) = &row.organisation {
            node.insert("organisation".to_owned(), Value::from(organisations.code(name, *kind)));
        }
    }
    let counts = Counts { speakers: rows.len(), ..Counts::default() };
    let mut composed = Composed::new(report.clone(), counts, table_name_readings(rows));
    let (codes, speakers) = list.into_value();
    composed.record_lines("speakers", &codes, &lines);
    document.insert("speakers".to_owned(), speakers);
    document.insert("organisations".to_owned(), Value::Array(organisations.nodes));
    composed.document = Value::Object(document);
    errors.into_result(composed)
}

/// The code of each row: the one in the row, else that of the speaker with this name.
fn codes(rows: &[SpeakerRow], draft: &Agenda) -> Vec<String> {
    let without_code = || rows.iter().filter(|row| row.code.is_none());
    let names: Vec<String> = without_code().map(|row| row.name.person_name().full()).collect();
    let row_codes: Vec<&str> = rows.iter().filter_map(|row| row.code.as_deref()).collect();
    let mut draft_names = speaker_names(Some(draft));
    // A speaker whose code is in a row is not found by name.
    draft_names.iter_mut().filter(|(code, _)| row_codes.contains(&code.as_str())).for_each(|(_, names)| names.clear());
    draft_names.extend(row_codes.iter().map(|code| ((*code).to_owned(), Vec::new())));
    let texts =
        without_code().zip(&names).map(|(row, name)| (name.as_str(), row.latin_name.as_deref().unwrap_or(name)));
    let mut assigned_codes = assign_codes_from(&texts.collect::<Vec<_>>(), &draft_names, "speaker").into_iter();
    rows.iter().map(|row| row.code.clone().or_else(|| assigned_codes.next()).unwrap_or_default()).collect()
}

/// Organisations of a draft, and those that a table adds; each once.
struct Organisations<'a> {
    nodes: Vec<Value>,
    by_name: HashMap<String, String>,
    codes: super::text::CodeAllocator,
    language: &'a str,
}

impl<'a> Organisations<'a> {
    fn of(draft: &Agenda, document: &mut Node, language: &'a str) -> Self {
        let nodes = match document.remove("organisations") {
            Some(Value::Array(nodes)) => nodes,
            _ => Vec::new(),
        };
        let mut by_name = HashMap::new();
        for organisation in &draft.organisations {
            let code = organisation.code.as_str();
            by_name.insert(code.to_owned(), code.to_owned());
            for name in organisation.name.map().values() {
                by_name.entry(name.to_lowercase()).or_insert_with(|| code.to_owned());
            }
        }
        let codes = super::text::CodeAllocator::with_used_codes(
            draft.organisations.iter().map(|organisation| organisation.code.as_str()),
        );
        Self { nodes, by_name, codes, language }
    }

    fn code(&mut self, name: &str, kind: Option<OrganisationKind>) -> String {
        if let Some(code) = self.by_name.get(&name.to_lowercase()) {
            return code.clone();
        }
        let code = self.codes.allocate(&text::code(name, "organisation"), "organisation");
        let kind = kind.unwrap_or(OrganisationKind::Other);
        self.nodes.push(json!({ "code": code, "name": { self.language: name }, "kind": kind.as_str() }));
        self.by_name.insert(name.to_lowercase(), code.clone());
        code
    }
}
