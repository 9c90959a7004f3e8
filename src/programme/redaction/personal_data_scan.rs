//! A scan of the stored data for everybody who is or was a speaker of a conference, and the choice of the person who is
//! meant.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::text::lowered;
use crate::{
    access::audit::Entry,
    agenda::document::Speaker,
    ids::SpeakerId,
    values::{Code, TextValue as _},
};

/// A given name, which may be missing, and a family name.
pub type Name = (Option<String>, String);

/// A speaker as one agenda lists them.
#[derive(Debug, Clone)]
pub struct SpeakerRecord {
    pub id: SpeakerId,
    code: Code,
    name: Name,
}

fn name_of(speaker: &Speaker) -> Name {
    let given_name = speaker.given_name.as_ref().map(|name| name.as_str().to_owned());
    (given_name, speaker.family_name.to_string())
}

impl SpeakerRecord {
    /// From a speaker of the draft; `None` if they have no id.
    pub fn of(speaker: &Speaker) -> Option<Self> {
        Some(Self { id: speaker.id?, code: speaker.code.clone(), name: name_of(speaker) })
    }

    /// From the JSON of a speaker in a stored agenda, without parsing the agenda.
    pub fn read(speaker: &Value) -> Option<Self> {
        let text = |key: &str| speaker.get(key).and_then(Value::as_str);
        let name = (text("given_name").map(str::to_owned), text("family_name")?.to_owned());
        Some(Self { id: text("id")?.parse().ok()?, code: Code::parse(text("code")?).ok()?, name })
    }
}

/// Where a speaker was found.
#[derive(Debug, Clone, Copy)]
pub enum RecordSource {
    Draft,
    /// In the release with this number.
    Release(i32),
    Scheduled,
}

/// Everything that is known about one speaker.
#[derive(Debug, Clone, Default)]
pub struct SpeakerIdentity {
    /// Every code that they ever had.
    pub codes: BTreeSet<Code>,
    /// Every name that they ever had.
    pub names: BTreeSet<Name>,
    latest: Option<Name>,
    releases: BTreeSet<i32>,
    draft: bool,
}

impl SpeakerIdentity {
    /// A person with these codes and names.
    pub fn of(codes: BTreeSet<Code>, names: BTreeSet<Name>) -> Self {
        Self { codes, names, ..Self::default() }
    }

    fn add_name(&mut self, name: Name) {
        self.names.insert(name.clone());
        self.latest = Some(name);
    }

    /// The names in a form for comparison, in lower case and with single spaces.
    fn normalised_names(&self) -> BTreeSet<String> {
        let words = |name: &str| lowered(name).split_whitespace().collect::<Vec<_>>().join(" ");
        self.names
            .iter()
            .map(|(given, family)| format!("{}|{}", given.as_deref().map(words).unwrap_or_default(), words(family)))
            .collect()
    }
}

/// One of several people who have or had the same code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Candidate {
    /// Identifier of the speaker (UUID).
    pub id: SpeakerId,
    /// Latest known name; null if no stored data name them any more.
    pub name: Option<String>,
    /// Numbers of the releases in which they appear.
    pub releases: Vec<i32>,
    /// Whether they appear in the draft.
    pub draft: bool,
}

/// Whom an id or a code identifies.
#[derive(Debug)]
pub enum SpeakerMatch {
    Nobody,
    /// One person, who may have several speaker entries.
    One(Vec<(SpeakerId, SpeakerIdentity)>),
    /// Several people, to whom the code belonged one after the other.
    Several(Vec<Candidate>),
}

/// Everybody who is or was a speaker of a conference.
#[derive(Debug, Clone)]
pub struct PersonalDataScan {
    /// The name of a placeholder: an entry with this name is no person.
    placeholder_name: Name,
    people: BTreeMap<SpeakerId, SpeakerIdentity>,
    /// The latest name of each speaker according to the audit trail.
    names_in_trail: BTreeMap<SpeakerId, NameInTrail>,
}

/// A name as far as the entries of the audit trail say it: each contains only what changed.
#[derive(Debug, Clone, Default)]
struct NameInTrail {
    /// `Some(None)` for a speaker without a given name.
    given: Option<Option<String>>,
    family: Option<String>,
}

impl PersonalDataScan {
    /// An empty scan. `placeholder` is an example of a placeholder.
    pub fn new(placeholder: &Speaker) -> Self {
        Self { placeholder_name: name_of(placeholder), people: BTreeMap::new(), names_in_trail: BTreeMap::new() }
    }

    /// Adds a speaker. The last name that is added is their latest name.
    pub fn add(&mut self, record: SpeakerRecord, source: RecordSource) {
        if record.name == self.placeholder_name && record.code.as_str().starts_with(Code::WITHHELD) {
            return;
        }
        let identity = self.people.entry(record.id).or_default();
        identity.codes.insert(record.code);
        identity.add_name(record.name);
        match source {
            RecordSource::Draft => identity.draft = true,
            RecordSource::Release(number) => _ = identity.releases.insert(number),
            RecordSource::Scheduled => {}
        }
    }

    /// Adds what an entry of the audit trail says about a speaker. The oldest entries must come first.
    pub fn add_entry(&mut self, entry: &Entry) {
        let (Ok(id), false) = (entry.id.parse::<SpeakerId>(), entry.before.is_none() && entry.after.is_none()) else {
            return;
        };
        let identity = self.people.entry(id).or_default();
        let trail_name = self.names_in_trail.entry(id).or_default();
        identity.codes.extend(Code::parse(&entry.code).ok());
        for fields in [&entry.before, &entry.after].into_iter().flatten() {
            let code = fields.get("code").and_then(Value::as_str).and_then(|code| Code::parse(code).ok());
            identity.codes.extend(code);
            if let Some(given) = fields.get("given_name") {
                trail_name.given = Some(given.as_str().map(str::to_owned));
            }
            if let Some(family) = fields.get("family_name").and_then(Value::as_str) {
                trail_name.family = Some(family.to_owned());
            }
            if let NameInTrail { given: Some(given), family: Some(family) } = &*trail_name {
                let name = (given.clone(), family.clone());
                if name != self.placeholder_name {
                    identity.add_name(name);
                }
            }
        }
    }

    /// Whom `text` identifies: an id, or a code that somebody has or had.
    pub fn find_people(&self, text: &Code) -> SpeakerMatch {
        let by_id = text.as_str().parse::<SpeakerId>().ok();
        if let Some((id, identity)) = by_id.and_then(|id| self.people.get_key_value(&id)) {
            return SpeakerMatch::One(vec![(*id, identity.clone())]);
        }
        let matches: Vec<_> = self.people.iter().filter(|(_, identity)| identity.codes.contains(text)).collect();
        let Some((_, first)) = matches.first() else {
            return SpeakerMatch::Nobody;
        };
        if matches.iter().all(|(_, identity)| identity.normalised_names() == first.normalised_names()) {
            return SpeakerMatch::One(matches.into_iter().map(|(id, identity)| (*id, identity.clone())).collect());
        }
        let candidate = |(id, identity): (&SpeakerId, &SpeakerIdentity)| Candidate {
            id: *id,
            name: identity.latest.as_ref().map(|(given, family)| match given {
                Some(given) => format!("{given} {family}"),
                None => family.clone(),
            }),
            releases: identity.releases.iter().copied().collect(),
            draft: identity.draft,
        };
        SpeakerMatch::Several(matches.into_iter().map(candidate).collect())
    }
}
