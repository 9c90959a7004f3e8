//! The order of precedence: in which order ministers speak, and institutions answer them.
//!
//! The interventions of ministers are one block and the responses of institutions another; each is ordered in itself,
//! and everything else keeps its place. Who speaks decides: a representative speaks at his own class, not at that of
//! the person whom he stands in for.

use std::collections::HashSet;

use super::{
    AgendaResource, Known,
    conflict::{Conflict, ConflictCode, Findings, Thing},
    states,
};
use crate::{
    agenda::{
        document::{Agenda, Appearance, Item, ItemKind, Precedence, ProtocolRule, Session, SessionKind, Speaker},
        model::utc,
    },
    values::{Code, Date, LanguageTag},
};

/// The kinds of items that precedence orders, each a block of its own.
const BLOCKS: [ItemKind; 2] = [ItemKind::MinisterialIntervention, ItemKind::InstitutionalResponse];

/// What decides between two items: the lesser speaks first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    class: Precedence,
    /// Those with an agreed rank go before those without.
    rank: u32,
    /// Whoever is longest in office goes first; whose date is not known, last.
    office: (bool, Option<Date>),
    rule: RuleKey,
}

/// What the session's rule decides by; the lesser speaks first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum RuleKey {
    Inscribed(i64),
    State(String),
    Organisation(String),
    Undecided,
}

/// The first appearance of an item, and who it is. The others do not decide.
pub fn speaker_of<'a>(known: &Known<'a>, item: &'a Item) -> Option<(&'a Appearance, &'a Speaker)> {
    let appearance = item.appearances.first()?;
    Some((appearance, known.speakers.get(&appearance.speaker).copied()?))
}

/// Those without a class are of the last.
pub fn class_of(speaker: &Speaker) -> Precedence {
    speaker.precedence.unwrap_or(Precedence::Other)
}

/// The name of a speaker's State in the language of a rule.
fn state_name(rule: ProtocolRule, speaker: &Speaker) -> Option<&'static str> {
    let (english, french) = states::names(speaker.country.as_ref()?)?;
    match rule {
        ProtocolRule::EnglishAlphabet => Some(english),
        ProtocolRule::FrenchAlphabet => Some(french),
        ProtocolRule::Inscription => None,
    }
}

fn rule_key(
    known: &Known,
    languages: &[LanguageTag],
    rule: Option<ProtocolRule>,
    item: &Item,
    speaker: &Speaker,
) -> RuleKey {
    let organisation = |language| {
        let node = known.organisations.get(speaker.organisation.as_ref()?)?;
        Some(RuleKey::Organisation(states::sorted_as(node.name.text(language, languages))))
    };
    let state = |rule| Some(RuleKey::State(states::sorted_as(state_name(rule, speaker)?)));
    let key = match rule {
        None => None,
        Some(ProtocolRule::Inscription) => {
            item.inscribed_at.map(|moment| RuleKey::Inscribed(utc(moment).timestamp_micros()))
        }
        Some(rule @ ProtocolRule::EnglishAlphabet) => state(rule).or_else(|| organisation("en")),
        Some(rule @ ProtocolRule::FrenchAlphabet) => state(rule).or_else(|| organisation("fr")),
    };
    key.unwrap_or(RuleKey::Undecided)
}

/// The standing of an item that precedence orders: one of a block, not placed by hand, whose speaker is known.
fn standing(known: &Known, languages: &[LanguageTag], rule: Option<ProtocolRule>, item: &Item) -> Option<Standing> {
    if !BLOCKS.contains(&item.kind) || item.placed_by_hand {
        return None;
    }
    let (_, speaker) = speaker_of(known, item)?;
    Some(Standing {
        class: class_of(speaker),
        rank: speaker.precedence_rank.map_or(u32::MAX, |rank| rank.0),
        office: (speaker.took_office_on.is_none(), speaker.took_office_on),
        rule: rule_key(known, languages, rule, item, speaker),
    })
}

/// The items of a block that precedence orders, by their places: as they stand, and as they should.
struct Block {
    today: Vec<usize>,
    proposed: Vec<usize>,
}

fn blocks(known: &Known, languages: &[LanguageTag], session: &Session, rule: Option<ProtocolRule>) -> Vec<Block> {
    let of_kind = |kind: &ItemKind| {
        let mut standings: Vec<(usize, Standing)> = Vec::new();
        for (place, item) in session.items.iter().enumerate().filter(|(_, item)| item.kind == *kind) {
            standings.extend(standing(known, languages, rule, item).map(|standing| (place, standing)));
        }
        let today = standings.iter().map(|(place, _)| *place).collect();
        // The sort is stable: what nothing decides stays as it is.
        standings.sort_by(|(_, one), (_, other)| one.cmp(other));
        Block { today, proposed: standings.into_iter().map(|(place, _)| place).collect() }
    };
    BLOCKS.iter().map(of_kind).collect()
}

/// The proposed running order: for each place of the session the place of the item that should stand there.
pub fn proposed(agenda: &Agenda, known: &Known, session: &Session, rule: Option<ProtocolRule>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..session.items.len()).collect();
    for block in blocks(known, &agenda.conference.languages, session, rule) {
        for (place, item) in block.today.iter().zip(block.proposed) {
            if let Some(slot) = order.get_mut(*place) {
                *slot = item;
            }
        }
    }
    order
}

/// Why an item stands where the proposal puts it, in words.
pub fn reason(known: &Known, rule: Option<ProtocolRule>, item: &Item) -> String {
    if !BLOCKS.contains(&item.kind) {
        return format!("items of kind {} keep their place", item.kind);
    }
    if item.placed_by_hand {
        return "placed by hand".to_owned();
    }
    let Some((appearance, speaker)) = speaker_of(known, item) else {
        return "nobody is known to speak: the item keeps its place".to_owned();
    };
    let mut words = vec![format!("class {}", class_of(speaker))];
    if let Some(principal) = &appearance.on_behalf_of {
        words.push(format!("of whoever speaks, on behalf of {principal}"));
    }
    words.extend(speaker.precedence_rank.map(|rank| format!("rank {}", rank.0)));
    words.extend(speaker.took_office_on.map(|date| format!("in office since {date}")));
    words.extend(rule.map(|rule| rule_words(rule, item, speaker)));
    words.join(", ")
}

fn rule_words(rule: ProtocolRule, item: &Item, speaker: &Speaker) -> String {
    match (rule, state_name(rule, speaker), &item.inscribed_at) {
        (ProtocolRule::Inscription, _, Some(_)) => "by the date of inscription".to_owned(),
        (ProtocolRule::Inscription, _, None) => "not inscribed".to_owned(),
        (_, Some(state), _) => format!("as {state}"),
        (_, None, _) => "without a State, by organisation".to_owned(),
    }
}

/// Finds the items of high-level sessions that are out of the order of precedence.
pub fn check(agenda: &Agenda, known: &Known, findings: &mut Findings) {
    for (index, session) in agenda.sessions.iter().enumerate() {
        if session.kind != SessionKind::HighLevelPolitical {
            continue;
        }
        for block in blocks(known, &agenda.conference.languages, session, session.protocol_rule) {
            for (place, before) in out_of_place(&block) {
                findings.add(ConflictCode::OutOfPrecedence, || out_of_precedence(index, session, place, before));
            }
        }
    }
}

fn out_of_precedence(index: usize, session: &Session, place: usize, before: Option<usize>) -> Conflict {
    let code = |place: usize| session.items.get(place).map(|item| &item.code);
    let mut others = vec![Thing::session(&session.code)];
    let should = match before.and_then(code) {
        Some(before) => {
            others.push(Thing::item(before));
            format!("should follow item {before}")
        }
        None => "should be the first of its kind".to_owned(),
    };
    let speaker = session.items.get(place).and_then(|item| item.appearances.first());
    others.extend(speaker.map(|speaker| Thing::new(AgendaResource::Speaker, speaker.speaker.as_str())));
    let name = code(place).map_or_else(String::new, ToString::to_string);
    let detail = format!("item {name} is out of the order of precedence: it {should}");
    let pointer = format!("#/sessions/{index}/items/{place}");
    Conflict::of(ConflictCode::OutOfPrecedence, Thing::new(AgendaResource::Item, name), pointer, detail, others)
}

/// The fewest items that would have to move, each with the one that it should follow.
fn out_of_place(block: &Block) -> Vec<(usize, Option<usize>)> {
    let mut should: Vec<(usize, usize)> = block.proposed.iter().enumerate().map(|(n, place)| (*place, n)).collect();
    should.sort_unstable();
    let ranks: Vec<usize> = should.into_iter().map(|(_, rank)| rank).collect();
    let kept = longest_rise(&ranks);
    let moved = block.today.iter().zip(&ranks).filter(|(_, rank)| !kept.contains(*rank));
    moved
        .map(|(place, rank)| (*place, rank.checked_sub(1).and_then(|before| block.proposed.get(before)).copied()))
        .collect()
}

/// The longest series of numbers that rise from left to right; of several the one whose last is the least.
fn longest_rise(numbers: &[usize]) -> HashSet<usize> {
    // The place of the least number that ends a series of each length, and what goes before each number.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    let number = |place: &usize| numbers.get(*place).copied().unwrap_or_default();
    for (place, this) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| number(end) < *this);
        before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter)).copied());
        match ends.get_mut(length) {
            Some(end) => *end = place,
            None => ends.push(place),
        }
    }
    let mut rise = HashSet::new();
    let mut place = ends.last().copied();
    while let Some(this) = place {
        rise.insert(number(&this));
        place = before.get(this).copied().flatten();
    }
    rise
}

/// The codes of the items in an order of their places.
pub fn codes<'a>(session: &'a Session, order: &[usize]) -> Vec<&'a Code> {
    order.iter().filter_map(|place| session.items.get(*place)).map(|item| &item.code).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::agenda::checks::sample::{document, found, read, session};

    const MINISTER: &str = "ministerial_intervention";

    /// A high-level session; each item as code, kind and the fields of its speaker, if it has one.
    fn high_level(rule: Option<&str>, items: &[(&str, &str, Option<Value>)]) -> Agenda {
        let mut node = session("high", "2030-05-01T09:00", "2030-05-01T12:00");
        node["kind"] = json!("high_level_political");
        node["protocol_rule"] = json!(rule);
        let item = |(code, kind, speaker): &(&str, &str, Option<Value>)| {
            let appearances =
                speaker.as_ref().map_or_else(|| json!([]), |_| json!([{ "speaker": code, "role": "speaker" }]));
            json!({ "code": code, "kind": kind, "title": code, "appearances": appearances })
        };
        node["items"] = items.iter().map(item).collect();
        let mut all = document(&[node]);
        for (code, _, speaker) in items {
            if let Some(Value::Object(fields)) = speaker {
                let mut speaker = json!({ "code": code, "given_name": "G", "family_name": "F" });
                speaker.as_object_mut().unwrap().extend(fields.clone());
                all["speakers"].as_array_mut().unwrap().push(speaker);
            }
        }
        all["organisations"] = json!([
            { "code": "au", "name": "African Union", "kind": "regional_organisation" },
            { "code": "un", "name": "United Nations", "kind": "international_organisation" },
        ]);
        read(all)
    }

    fn order(agenda: &Agenda) -> Vec<&str> {
        let session = &agenda.sessions[0];
        let order = proposed(agenda, &Known::of(agenda), session, session.protocol_rule);
        codes(session, &order).into_iter().map(Code::as_str).collect()
    }

    #[test]
    fn the_class_goes_first_then_the_rank_then_the_time_in_office() {
        let agenda = high_level(
            None,
            &[
                ("nobody-s", MINISTER, Some(json!({}))),
                ("ambassador", MINISTER, Some(json!({ "precedence": "ambassador" }))),
                ("new", MINISTER, Some(json!({ "precedence": "minister", "took_office_on": "2013-01-01" }))),
                ("undated", MINISTER, Some(json!({ "precedence": "minister" }))),
                ("old", MINISTER, Some(json!({ "precedence": "minister", "took_office_on": "2009-01-01" }))),
                ("second", MINISTER, Some(json!({ "precedence": "minister", "precedence_rank": 2 }))),
                (
                    "first",
                    MINISTER,
                    Some(json!({ "precedence": "minister", "precedence_rank": 1, "took_office_on": "2014-01-01" })),
                ),
                ("king", MINISTER, Some(json!({ "precedence": "head_of_state" }))),
            ],
        );
        assert_eq!(order(&agenda), ["king", "first", "second", "old", "new", "undated", "ambassador", "nobody-s"]);
    }

    #[test]
    fn the_agreed_rule_decides_between_equals() {
        let items = |rule| {
            let of = |country: &str| Some(json!({ "precedence": "minister", "country": country }));
            let from = |organisation: &str| Some(json!({ "precedence": "minister", "organisation": organisation }));
            let mut agenda = high_level(
                rule,
                &[
                    ("un", MINISTER, from("un")),
                    ("lone", MINISTER, Some(json!({ "precedence": "minister" }))),
                    ("se", MINISTER, of("SE")),
                    ("au", MINISTER, from("au")),
                    ("de", MINISTER, of("DE")),
                    ("eg", MINISTER, of("EG")),
                    ("be", MINISTER, of("BE")),
                ],
            );
            for (place, day) in [(0, 3), (4, 1), (6, 2)] {
                let moment = format!("2030-01-0{day}T10:00:00+01:00");
                agenda.sessions[0].items[place].inscribed_at =
                    chrono::DateTime::parse_from_rfc3339(&moment).ok().map(crate::values::Moment::Instant);
            }
            order(&agenda).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(items(None), ["un", "lone", "se", "au", "de", "eg", "be"]);
        assert_eq!(items(Some("english_alphabet")), ["be", "eg", "de", "se", "au", "un", "lone"]);
        assert_eq!(items(Some("french_alphabet")), ["de", "be", "eg", "se", "au", "un", "lone"]);
        assert_eq!(items(Some("inscription")), ["de", "be", "un", "lone", "se", "au", "eg"]);
    }

    #[test]
    fn each_block_is_ordered_in_itself_and_what_is_placed_by_hand_or_has_no_speaker_stays() {
        let class = |class: &str| Some(json!({ "precedence": class }));
        let mut agenda = high_level(
            None,
            &[
                ("organ", "institutional_response", class("head_of_organisation")),
                ("deputy", MINISTER, class("deputy_minister")),
                ("statement", "statement", class("head_of_state")),
                ("to-come", MINISTER, None),
                ("placed", MINISTER, class("ambassador")),
                ("premier", MINISTER, class("head_of_government")),
                ("president", "institutional_response", class("head_of_state")),
            ],
        );
        agenda.sessions[0].items[4].placed_by_hand = true;
        let expected = ["president", "premier", "statement", "to-come", "placed", "deputy", "organ"];
        assert_eq!(order(&agenda), expected);
    }

    #[test]
    fn a_representative_speaks_at_his_own_class() {
        let class = |class: &str| Some(json!({ "precedence": class }));
        let mut agenda = high_level(
            None,
            &[("deputy", MINISTER, class("deputy_minister")), ("minister", MINISTER, class("minister"))],
        );
        agenda.sessions[0].items[0].appearances[0].on_behalf_of = Some(agenda.sessions[0].items[1].code.clone());
        assert_eq!(order(&agenda), ["minister", "deputy"]);
        let reason = reason(&Known::of(&agenda), None, &agenda.sessions[0].items[0]);
        assert_eq!(reason, "class deputy_minister, of whoever speaks, on behalf of minister");
    }

    #[test]
    fn an_item_out_of_precedence_is_named_with_the_one_that_it_should_follow() {
        let ranked = |rank: u32| Some(json!({ "precedence": "minister", "precedence_rank": rank }));
        let warned = |ranks: &[u32]| {
            let names: Vec<_> = ranks.iter().map(|rank| format!("m{rank}")).collect();
            let items: Vec<_> =
                names.iter().zip(ranks).map(|(name, rank)| (name.as_str(), MINISTER, ranked(*rank))).collect();
            found(&high_level(None, &items), "out_of_precedence")
        };
        assert_eq!(warned(&[1, 2, 3, 4]), Vec::<String>::new());
        assert_eq!(warned(&[2, 1]), ["#/sessions/0/items/0 m2 high m1 m2"]);
        assert_eq!(warned(&[3, 1, 2, 4]), ["#/sessions/0/items/0 m3 high m2 m3"]);
        assert_eq!(warned(&[2, 3, 4, 1]), ["#/sessions/0/items/3 m1 high m1"]);
    }
}
