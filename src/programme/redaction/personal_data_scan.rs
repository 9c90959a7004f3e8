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
pub enum Source {
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

    fn learn_name(&mut self, name: Name) {
        self.names.insert(name.clone());
        self.latest = Some(name);
    }

    /// The names in a form for comparison, in lower case and with single spaces.
    fn compared(&self) -> BTreeSet<String> {
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
    stand_in: Name,
    people: BTreeMap<SpeakerId, SpeakerIdentity>,
    /// The latest given and family name of each speaker according to the audit trail, whose entries contain only what
    /// changed.
    told: BTreeMap<SpeakerId, (Option<Option<String>>, Option<String>)>,
}

impl PersonalDataScan {
    /// An empty census. `placeholder` is an example of a placeholder.
    pub fn new(placeholder: &Speaker) -> Self {
        Self { stand_in: name_of(placeholder), people: BTreeMap::new(), told: BTreeMap::new() }
    }

    /// Adds a speaker. The last name that is added is their latest name.
    pub fn learn(&mut self, seen: SpeakerRecord, source: Source) {
        if seen.name == self.stand_in && seen.code.as_str().starts_with(Code::WITHHELD) {
            return;
        }
        let known = self.people.entry(seen.id).or_default();
        known.codes.insert(seen.code);
        known.learn_name(seen.name);
        match source {
            Source::Draft => known.draft = true,
            Source::Release(number) => _ = known.releases.insert(number),
            Source::Scheduled => {}
        }
    }

    /// Adds what an entry of the audit trail says about a speaker. The oldest entries must come first.
    pub fn learn_entry(&mut self, entry: &Entry) {
        let (Ok(id), false) = (entry.id.parse::<SpeakerId>(), entry.before.is_none() && entry.after.is_none()) else {
            return;
        };
        let known = self.people.entry(id).or_default();
        let told = self.told.entry(id).or_default();
        known.codes.extend(Code::parse(&entry.code).ok());
        for fields in [&entry.before, &entry.after].into_iter().flatten() {
            let code = fields.get("code").and_then(Value::as_str).and_then(|code| Code::parse(code).ok());
            known.codes.extend(code);
            if let Some(given) = fields.get("given_name") {
                told.0 = Some(given.as_str().map(str::to_owned));
            }
            if let Some(family) = fields.get("family_name").and_then(Value::as_str) {
                told.1 = Some(family.to_owned());
            }
            if let (Some(given), Some(family)) = &*told {
                let name = (given.clone(), family.clone());
                if name != self.stand_in {
                    known.learn_name(name);
                }
            }
        }
    }

    /// Whom `text` identifies: an id, or a code that somebody has or had.
    pub fn meant(&self, text: &Code) -> SpeakerMatch {
        let by_id = text.as_str().parse::<SpeakerId>().ok();
        if let Some((id, known)) = by_id.and_then(|id| self.people.get_key_value(&id)) {
            return SpeakerMatch::One(vec![(*id, known.clone())]);
        }
        let found: Vec<_> = self.people.iter().filter(|(_, known)| known.codes.contains(text)).collect();
        let Some((_, first)) = found.first() else {
            return SpeakerMatch::Nobody;
        };
        if found.iter().all(|(_, known)| known.compared() == first.compared()) {
            return SpeakerMatch::One(found.into_iter().map(|(id, known)| (*id, known.clone())).collect());
        }
        let candidate = |(id, known): (&SpeakerId, &SpeakerIdentity)| Candidate {
            id: *id,
            name: known.latest.as_ref().map(|(given, family)| match given {
                Some(given) => format!("{given} {family}"),
                None => family.clone(),
            }),
            releases: known.releases.iter().copied().collect(),
            draft: known.draft,
        };
        SpeakerMatch::Several(found.into_iter().map(candidate).collect())
    }
}
