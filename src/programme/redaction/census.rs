//! Everyone who ever was a speaker of a conference, and who of them is meant.

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

/// A given name, where there is one, and a family name.
pub type Name = (Option<String>, String);

/// A speaker as one agenda has them.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// Their id.
    pub id: SpeakerId,
    /// Their code.
    code: Code,
    /// Their name.
    name: Name,
}

fn name_of(speaker: &Speaker) -> Name {
    let given_name = speaker.given_name.as_ref().map(|name| name.as_str().to_owned());
    (given_name, speaker.family_name.to_string())
}

impl Sighting {
    /// Of a speaker of the draft.
    pub fn of(speaker: &Speaker) -> Option<Self> {
        Some(Self { id: speaker.id?, code: speaker.code.clone(), name: name_of(speaker) })
    }

    /// Of a speaker of a stored agenda, which need not be read whole for that.
    pub fn read(speaker: &Value) -> Option<Self> {
        let text = |key: &str| speaker.get(key).and_then(Value::as_str);
        let name = (text("given_name").map(str::to_owned), text("family_name")?.to_owned());
        Some(Self { id: text("id")?.parse().ok()?, code: Code::parse(text("code")?).ok()?, name })
    }
}

/// Where a speaker was seen.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// In the draft.
    Draft,
    /// In the release of this number.
    Release(i32),
    /// In a scheduled release.
    Scheduled,
}

/// All that is known of one speaker.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Every code that they ever had.
    pub codes: BTreeSet<Code>,
    /// Every name that they ever had.
    pub names: BTreeSet<Name>,
    latest: Option<Name>,
    releases: BTreeSet<i32>,
    draft: bool,
}

impl Known {
    /// A person of these codes and names.
    pub fn of(codes: BTreeSet<Code>, names: BTreeSet<Name>) -> Self {
        Self { codes, names, ..Self::default() }
    }

    fn learn_name(&mut self, name: Name) {
        self.names.insert(name.clone());
        self.latest = Some(name);
    }

    /// The names, to be compared.
    fn compared(&self) -> BTreeSet<String> {
        let words = |name: &str| lowered(name).split_whitespace().collect::<Vec<_>>().join(" ");
        self.names
            .iter()
            .map(|(given, family)| format!("{}|{}", given.as_deref().map(words).unwrap_or_default(), words(family)))
            .collect()
    }
}

/// One of several people who had a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Candidate {
    /// Their id.
    pub id: SpeakerId,
    /// Their latest name; none where nothing is left that names them.
    pub name: Option<String>,
    /// The numbers of the releases that they stand in.
    pub releases: Vec<i32>,
    /// Whether they stand in the draft.
    pub draft: bool,
}

/// Whom a path means.
#[derive(Debug)]
pub enum Meant {
    /// Nobody.
    Nobody,
    /// One person, who may have been entered more than once.
    One(Vec<(SpeakerId, Known)>),
    /// The code passed from one person to another.
    Several(Vec<Candidate>),
}

/// Everyone who ever was a speaker of a conference.
#[derive(Debug, Clone)]
pub struct Census {
    /// The name of placeholders: those who have it are nobody.
    stand_in: Name,
    people: BTreeMap<SpeakerId, Known>,
    /// The name of each as far as the entries of the audit trail have told it, which say what changed alone.
    told: BTreeMap<SpeakerId, (Option<Option<String>>, Option<String>)>,
}

impl Census {
    /// Of nobody yet. `placeholder` stands in for somebody.
    pub fn new(placeholder: &Speaker) -> Self {
        Self { stand_in: name_of(placeholder), people: BTreeMap::new(), told: BTreeMap::new() }
    }

    /// Learns of a speaker. What is learnt last is their latest name.
    pub fn learn(&mut self, seen: Sighting, source: Source) {
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

    /// Learns from an entry of the audit trail, which is of a speaker. The oldest come first.
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

    /// Whom `text` means: an id, or a code that somebody ever had.
    pub fn meant(&self, text: &Code) -> Meant {
        let by_id = text.as_str().parse::<SpeakerId>().ok();
        if let Some((id, known)) = by_id.and_then(|id| self.people.get_key_value(&id)) {
            return Meant::One(vec![(*id, known.clone())]);
        }
        let found: Vec<_> = self.people.iter().filter(|(_, known)| known.codes.contains(text)).collect();
        let Some((_, first)) = found.first() else {
            return Meant::Nobody;
        };
        if found.iter().all(|(_, known)| known.compared() == first.compared()) {
            return Meant::One(found.into_iter().map(|(id, known)| (*id, known.clone())).collect());
        }
        let candidate = |(id, known): (&SpeakerId, &Known)| Candidate {
            id: *id,
            name: known.latest.as_ref().map(|(given, family)| match given {
                Some(given) => format!("{given} {family}"),
                None => family.clone(),
            }),
            releases: known.releases.iter().copied().collect(),
            draft: known.draft,
        };
        Meant::Several(found.into_iter().map(candidate).collect())
    }
}
