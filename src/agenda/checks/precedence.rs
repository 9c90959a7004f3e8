//! The order of precedence: the order in which ministers speak, and institutions answer them.
//!
//! The interventions of ministers are one block, and the responses of institutions are another one, which follows it.
//! Each block is contiguous and is ordered in itself; all other items keep their order around the blocks. The person
//! who speaks decides: a representative has their own class, not that of the person whom they represent.
//!
//! The classes and their order are [`Precedence`], in the document of the agenda.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    AgendaResource,
    conflict::{Conflict, ConflictCode, Findings, Thing},
    index::AgendaIndex,
    states,
};
use crate::{
    agenda::{
        document::{Agenda, Appearance, Item, ItemKind, Precedence, ProtocolRule, Session, SessionKind, Speaker},
        model::utc,
    },
    values::{Code, Date, LanguageTag},
};

/// Kinds of items that precedence orders. Each is a block of its own, in this order.
const BLOCKS: [ItemKind; 2] = [ItemKind::MinisterialIntervention, ItemKind::InstitutionalResponse];

/// Sort key of an item: the smaller one speaks first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PrecedenceKey {
    class: Precedence,
    /// Items with an agreed rank come before those without.
    rank: u32,
    /// The longest in office come first; those without a date come last.
    office: (bool, Option<Date>),
    rule: RuleKey,
}

/// Sort key by the session's rule: the smaller one speaks first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum RuleKey {
    Inscribed(i64),
    State(String),
    Organisation(String),
    Undecided,
}

/// First appearance of an item, with its speaker. Only this one counts for precedence.
pub fn speaker_of<'a>(agenda_index: &AgendaIndex<'a>, item: &'a Item) -> Option<(&'a Appearance, &'a Speaker)> {
    let appearance = item.appearances.first()?;
    Some((appearance, agenda_index.speakers.get(&appearance.speaker).copied()?))
}

/// Class of a speaker; the last class for a speaker without one.
pub fn class_of(speaker: &Speaker) -> Precedence {
    speaker.precedence.unwrap_or(Precedence::Other)
}

/// Name of a speaker's State in the language of a rule.
fn state_name(rule: ProtocolRule, speaker: &Speaker) -> Option<&'static str> {
    let (english, french) = states::names(speaker.country.as_ref()?)?;
    match rule {
        ProtocolRule::EnglishAlphabet => Some(english),
        ProtocolRule::FrenchAlphabet => Some(french),
        ProtocolRule::Inscription => None,
    }
}

fn rule_key(
    agenda_index: &AgendaIndex,
    languages: &[LanguageTag],
    rule: Option<ProtocolRule>,
    item: &Item,
    speaker: &Speaker,
) -> RuleKey {
    let organisation = |language| {
        let node = agenda_index.organisations.get(speaker.organisation.as_ref()?)?;
        Some(RuleKey::Organisation(states::sort_key(node.name.text(language, languages))))
    };
    let state = |rule| Some(RuleKey::State(states::sort_key(state_name(rule, speaker)?)));
    let key = match rule {
        None => None,
        Some(ProtocolRule::Inscription) => {
            item.inscribed_at.map(|time| RuleKey::Inscribed(utc(time).timestamp_micros()))
        }
        Some(rule @ ProtocolRule::EnglishAlphabet) => state(rule).or_else(|| organisation("en")),
        Some(rule @ ProtocolRule::FrenchAlphabet) => state(rule).or_else(|| organisation("fr")),
    };
    key.unwrap_or(RuleKey::Undecided)
}

/// Sort key of an item in a block; `None` as long as its speaker is not known.
fn precedence_key(
    agenda_index: &AgendaIndex,
    languages: &[LanguageTag],
    rule: Option<ProtocolRule>,
    item: &Item,
) -> Option<PrecedenceKey> {
    let (_, speaker) = speaker_of(agenda_index, item)?;
    Some(PrecedenceKey {
        class: class_of(speaker),
        rank: speaker.precedence_rank.map_or(u32::MAX, |rank| rank.0),
        office: (speaker.took_office_on.is_none(), speaker.took_office_on),
        rule: rule_key(agenda_index, languages, rule, item, speaker),
    })
}

/// The items of one kind that are not placed by hand, by their positions.
struct Block {
    kind: ItemKind,
    /// Position of the first item.
    first: Option<usize>,
    /// Present positions of the items that are checked: those with a known speaker.
    checked: Vec<usize>,
    /// Positions of all items in the proposed order; those that are not checked come last.
    proposed: Vec<usize>,
}

impl Block {
    fn of(
        kind: ItemKind,
        agenda_index: &AgendaIndex,
        languages: &[LanguageTag],
        session: &Session,
        rule: Option<ProtocolRule>,
    ) -> Self {
        let items = movable(session).filter(|(_, item)| item.kind == kind);
        let keyed_items: Vec<_> =
            items.map(|(index, item)| (index, precedence_key(agenda_index, languages, rule, item))).collect();
        let checked = keyed_items
            .iter()
            .filter(|(_, precedence_key)| precedence_key.is_some())
            .map(|(index, _)| *index)
            .collect();
        let first = keyed_items.first().map(|(index, _)| *index);
        let mut proposed = keyed_items;
        // The sort is stable: items with equal keys keep their order.
        proposed.sort_by(|(_, key), (_, other_key)| (key.is_none(), key).cmp(&(other_key.is_none(), other_key)));
        Self { kind, first, checked, proposed: proposed.into_iter().map(|(index, _)| index).collect() }
    }
}

/// Items that the proposal may move, with their positions.
fn movable(session: &Session) -> impl Iterator<Item = (usize, &Item)> {
    session.items.iter().enumerate().filter(|(_, item)| !item.placed_by_hand)
}

fn blocks(
    agenda_index: &AgendaIndex,
    languages: &[LanguageTag],
    session: &Session,
    rule: Option<ProtocolRule>,
) -> [Block; 2] {
    BLOCKS.map(|kind| Block::of(kind, agenda_index, languages, session, rule))
}

/// The proposed running order: for each position of the session, the present position of the item that should be there.
///
/// A block begins where its first item is now; if the responses would come before the ministers, they follow the
/// ministers directly. Items placed by hand keep their position in the session, and the others fill the rest.
pub fn proposed(
    agenda: &Agenda,
    agenda_index: &AgendaIndex,
    session: &Session,
    rule: Option<ProtocolRule>,
) -> Vec<usize> {
    let [ministers, responses] = blocks(agenda_index, &agenda.conference.languages, session, rule);
    let responses_follow = ministers.first < responses.first;
    let mut order = Vec::new();
    for (index, item) in movable(session) {
        if !BLOCKS.contains(&item.kind) {
            order.push(index);
        } else if Some(index) == ministers.first {
            order.extend(&ministers.proposed);
            order.extend(responses.proposed.iter().filter(|_| !responses_follow));
        } else if Some(index) == responses.first && responses_follow {
            order.extend(&responses.proposed);
        }
    }
    let mut order = order.into_iter();
    let index_for = |(index, item): (usize, &Item)| if item.placed_by_hand { Some(index) } else { order.next() };
    session.items.iter().enumerate().filter_map(index_for).collect()
}

/// Reason for the proposed position of an item, in English.
pub fn reason(agenda_index: &AgendaIndex, rule: Option<ProtocolRule>, item: &Item) -> String {
    if !BLOCKS.contains(&item.kind) {
        return format!("items of kind {} keep their order", item.kind);
    }
    if item.placed_by_hand {
        return "placed by hand".to_owned();
    }
    let Some((appearance, speaker)) = speaker_of(agenda_index, item) else {
        return "no speaker is known: last of its kind".to_owned();
    };
    let mut parts = vec![format!("class {}", class_of(speaker))];
    if let Some(principal) = &appearance.on_behalf_of {
        parts.push(format!("on behalf of {principal}"));
    }
    parts.extend(speaker.precedence_rank.map(|rank| format!("rank {}", rank.0)));
    parts.extend(speaker.took_office_on.map(|date| format!("in office since {date}")));
    parts.extend(rule.map(|rule| describe_rule(rule, item, speaker)));
    parts.join(", ")
}

fn describe_rule(rule: ProtocolRule, item: &Item, speaker: &Speaker) -> String {
    match (rule, state_name(rule, speaker), &item.inscribed_at) {
        (ProtocolRule::Inscription, _, Some(_)) => "by the date of inscription".to_owned(),
        (ProtocolRule::Inscription, _, None) => "not inscribed".to_owned(),
        (_, Some(state), _) => format!("listed as {state}"),
        (_, None, _) => "without a State, by organisation".to_owned(),
    }
}

/// Reports the items of high-level sessions that are out of the order of precedence.
pub fn check(agenda: &Agenda, agenda_index: &AgendaIndex, findings: &mut Findings) {
    for (session_index, session) in agenda.sessions.iter().enumerate() {
        if session.kind != SessionKind::HighLevelPolitical {
            continue;
        }
        let blocks = blocks(agenda_index, &agenda.conference.languages, session, session.protocol_rule);
        for (item_index, predecessor) in misplaced_items(session, &blocks) {
            findings.add(ConflictCode::OutOfPrecedence, || {
                out_of_precedence(session_index, session, item_index, predecessor)
            });
        }
    }
}

fn out_of_precedence(
    session_index: usize,
    session: &Session,
    item_index: usize,
    predecessor: Option<usize>,
) -> Conflict {
    let code = |item_index: usize| session.items.get(item_index).map(|item| &item.code);
    let mut others = vec![Thing::session(&session.code)];
    let expectation = match predecessor.and_then(code) {
        Some(predecessor) => {
            others.push(Thing::item(predecessor));
            format!("should follow item {predecessor}")
        }
        None => "should be the first of its kind".to_owned(),
    };
    let speaker = session.items.get(item_index).and_then(|item| item.appearances.first());
    others.extend(speaker.map(|speaker| Thing::new(AgendaResource::Speaker, speaker.speaker.as_str())));
    let name = code(item_index).map_or_else(String::new, ToString::to_string);
    let detail = format!("item {name} is out of the order of precedence: it {expectation}");
    let pointer = format!("#/sessions/{session_index}/items/{item_index}");
    Conflict::of(ConflictCode::OutOfPrecedence, Thing::new(AgendaResource::Item, name), pointer, detail, others)
}

/// Checked items that are out of place, each with the item that it should follow: those out of the order of their
/// block, those separated from it, and the first response if it comes before the ministers.
fn misplaced_items(session: &Session, blocks: &[Block; 2]) -> BTreeMap<usize, Option<usize>> {
    let mut misplaced = BTreeMap::new();
    for block in blocks {
        let predecessors: HashMap<usize, usize> =
            block.proposed.iter().skip(1).copied().zip(block.proposed.iter().copied()).collect();
        let separated = separated(session, block);
        let indexes = out_of_order(block, &separated).into_iter().chain(separated);
        misplaced.extend(indexes.map(|index| (index, predecessors.get(&index).copied())));
    }
    let [ministers, responses] = blocks;
    if let (Some(minister), Some(response)) = (ministers.checked.first(), responses.checked.first())
        && response < minister
    {
        misplaced.insert(*response, ministers.proposed.last().copied());
    }
    misplaced
}

/// The smallest set of further items that must move, once the separated ones are moved to their places.
fn out_of_order(block: &Block, separated: &[usize]) -> Vec<usize> {
    let stays_in_block =
        |index: &&usize| block.checked.binary_search(index).is_ok() && separated.binary_search(index).is_err();
    let remaining: Vec<usize> = block.checked.iter().filter(stays_in_block).copied().collect();
    let mut expected_ranks: Vec<(usize, usize)> =
        block.proposed.iter().filter(stays_in_block).enumerate().map(|(rank, index)| (*index, rank)).collect();
    expected_ranks.sort_unstable();
    let ranks: Vec<usize> = expected_ranks.into_iter().map(|(_, rank)| rank).collect();
    let ranks_in_order = longest_increasing_subsequence(&ranks);
    remaining
        .into_iter()
        .zip(&ranks)
        .filter(|(_, rank)| !ranks_in_order.contains(*rank))
        .map(|(index, _)| index)
        .collect()
}

/// Checked items that an item of another kind separates from those of their block before them.
fn separated(session: &Session, block: &Block) -> Vec<usize> {
    let (mut has_begun, mut is_interrupted) = (false, false);
    let mut indexes = Vec::new();
    for (index, item) in movable(session) {
        if item.kind != block.kind {
            is_interrupted = has_begun;
        } else if block.checked.binary_search(&index).is_ok() {
            indexes.extend(is_interrupted.then_some(index));
            (has_begun, is_interrupted) = (true, false);
        }
    }
    indexes
}

/// Longest strictly increasing subsequence of numbers; of several, the one with the smallest last number.
fn longest_increasing_subsequence(numbers: &[usize]) -> HashSet<usize> {
    // `best_ends`: index of the smallest number that ends a sequence of each length. `predecessors`: for each number,
    // the index of the number before it in its sequence.
    let mut best_ends: Vec<usize> = Vec::new();
    let mut predecessors: Vec<Option<usize>> = Vec::new();
    let number_at = |index: &usize| numbers.get(*index).copied().unwrap_or_default();
    for (index, number) in numbers.iter().enumerate() {
        let length = best_ends.partition_point(|end| number_at(end) < *number);
        predecessors.push(length.checked_sub(1).and_then(|shorter| best_ends.get(shorter)).copied());
        match best_ends.get_mut(length) {
            Some(end) => *end = index,
            None => best_ends.push(index),
        }
    }
    let mut subsequence = HashSet::new();
    let mut index = best_ends.last().copied();
    while let Some(current) = index {
        subsequence.insert(number_at(&current));
        index = predecessors.get(current).copied().flatten();
    }
    subsequence
}

/// Codes of the items in an order of positions.
pub fn codes<'a>(session: &'a Session, order: &[usize]) -> Vec<&'a Code> {
    order.iter().filter_map(|index| session.items.get(*index)).map(|item| &item.code).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::agenda::checks::sample::{conflicts_with_code, document, read, session};

    const MINISTER: &str = "ministerial_intervention";
    const RESPONSE: &str = "institutional_response";

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
        let mut agenda_document = document(&[node]);
        for (code, _, speaker) in items {
            if let Some(Value::Object(fields)) = speaker {
                let mut speaker = json!({ "code": code, "given_name": "G", "family_name": "F" });
                speaker.as_object_mut().unwrap().extend(fields.clone());
                agenda_document["speakers"].as_array_mut().unwrap().push(speaker);
            }
        }
        agenda_document["organisations"] = json!([
            { "code": "au", "name": "African Union", "kind": "regional_organisation" },
            { "code": "un", "name": "United Nations", "kind": "international_organisation" },
        ]);
        read(agenda_document)
    }

    fn order(agenda: &Agenda) -> Vec<&str> {
        let session = &agenda.sessions[0];
        let order = proposed(agenda, &AgendaIndex::of(agenda), session, session.protocol_rule);
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
            for (index, day) in [(0, 3), (4, 1), (6, 2)] {
                let inscribed_at = format!("2030-01-0{day}T10:00:00+01:00");
                agenda.sessions[0].items[index].inscribed_at = chrono::DateTime::parse_from_rfc3339(&inscribed_at)
                    .ok()
                    .map(crate::values::LocalOrInstant::Instant);
            }
            order(&agenda).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(items(None), ["un", "lone", "se", "au", "de", "eg", "be"]);
        assert_eq!(items(Some("english_alphabet")), ["be", "eg", "de", "se", "au", "un", "lone"]);
        assert_eq!(items(Some("french_alphabet")), ["de", "be", "eg", "se", "au", "un", "lone"]);
        assert_eq!(items(Some("inscription")), ["de", "be", "un", "lone", "se", "au", "eg"]);
    }

    #[test]
    fn each_block_is_contiguous_and_an_item_placed_by_hand_keeps_its_position() {
        let class = |class: &str| Some(json!({ "precedence": class }));
        let mut agenda = high_level(
            None,
            &[
                ("organ", RESPONSE, class("head_of_organisation")),
                ("deputy", MINISTER, class("deputy_minister")),
                ("statement", "statement", class("head_of_state")),
                ("to-come", MINISTER, None),
                ("placed", MINISTER, class("ambassador")),
                ("premier", MINISTER, class("head_of_government")),
                ("president", RESPONSE, class("head_of_state")),
            ],
        );
        agenda.sessions[0].items[4].placed_by_hand = true;
        let expected = ["premier", "deputy", "to-come", "president", "placed", "organ", "statement"];
        assert_eq!(order(&agenda), expected);
    }

    /// The proposed order, the warnings before it is accepted, and those after. Items are named `m1` (a minister of
    /// this rank), `r1` (a response), `mx` and `rx` (nobody appears yet), `h1` (a minister placed by hand); all others
    /// are statements.
    fn accepted(codes: &[&str]) -> (Vec<String>, Vec<String>, Vec<String>) {
        let items: Vec<_> = codes
            .iter()
            .map(|code| {
                let kind = match &code[..1] {
                    "m" | "h" => MINISTER,
                    "r" => RESPONSE,
                    _ => "statement",
                };
                let rank = code[1..].parse::<u32>().ok();
                (*code, kind, rank.map(|rank| json!({ "precedence": "minister", "precedence_rank": rank })))
            })
            .collect();
        let mut agenda = high_level(None, &items);
        let placed = |item: &mut Item| item.placed_by_hand = item.code.as_str().starts_with('h');
        agenda.sessions[0].items.iter_mut().for_each(placed);
        let before = conflicts_with_code(&agenda, "out_of_precedence");
        let order: Vec<_> = order(&agenda).into_iter().map(str::to_owned).collect();
        let position = |item: &Item| order.iter().position(|code| *code == item.code.as_str());
        agenda.sessions[0].items.sort_by_key(position);
        (order, before, conflicts_with_code(&agenda, "out_of_precedence"))
    }

    #[test]
    fn accepting_the_proposal_makes_the_blocks_whole_and_leaves_no_warning() {
        for (today, proposed, warned) in [
            // New interventions were added at the end of the session.
            ("m1 m3 r1 r2 m2", "m1 m2 m3 r1 r2", vec!["4 m2 high m1 m2"]),
            ("m1 a r1 m2 r2", "m1 m2 a r1 r2", vec!["3 m2 high m1 m2", "4 r2 high r1 r2"]),
            ("r1 r2 a m1 m2 b", "a m1 m2 r1 r2 b", vec!["0 r1 high m2 r1"]),
            ("a m1 b m2 c r1 d", "a m1 m2 b c r1 d", vec!["3 m2 high m1 m2"]),
            ("m2 a m1", "m1 m2 a", vec!["2 m1 high m1"]),
            ("m1 mx m2 a r1 rx b r2", "m1 m2 mx a r1 r2 rx b", vec!["7 r2 high r1 r2"]),
            ("m1 mx m2", "m1 m2 mx", vec![]),
            ("m1 a mx", "m1 mx a", vec![]),
            ("m2 h9 m1 a h8 r1", "m1 h9 m2 a h8 r1", vec!["0 m2 high m1 m2"]),
            ("r1 h9 m1", "m1 h9 r1", vec!["0 r1 high m1 r1"]),
            ("a m1 h9 m2 b r1", "a m1 h9 m2 b r1", vec![]),
            ("r2 a r1", "r1 r2 a", vec!["2 r1 high r1"]),
            ("a b", "a b", vec![]),
        ] {
            let codes: Vec<_> = today.split(' ').collect();
            let warned: Vec<_> = warned.into_iter().map(|line| format!("#/sessions/0/items/{line}")).collect();
            assert_eq!(accepted(&codes), (proposed.split(' ').map(str::to_owned).collect(), warned, vec![]), "{today}");
        }
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
        let reason = reason(&AgendaIndex::of(&agenda), None, &agenda.sessions[0].items[0]);
        assert_eq!(reason, "class deputy_minister, on behalf of minister");
    }

    #[test]
    fn an_item_out_of_precedence_is_named_with_the_one_that_it_should_follow() {
        let ranked = |rank: u32| Some(json!({ "precedence": "minister", "precedence_rank": rank }));
        let warned = |ranks: &[u32]| {
            let names: Vec<_> = ranks.iter().map(|rank| format!("m{rank}")).collect();
            let items: Vec<_> =
                names.iter().zip(ranks).map(|(name, rank)| (name.as_str(), MINISTER, ranked(*rank))).collect();
            conflicts_with_code(&high_level(None, &items), "out_of_precedence")
        };
        assert_eq!(warned(&[1, 2, 3, 4]), Vec::<String>::new());
        assert_eq!(warned(&[2, 1]), ["#/sessions/0/items/0 m2 high m1 m2"]);
        assert_eq!(warned(&[3, 1, 2, 4]), ["#/sessions/0/items/0 m3 high m2 m3"]);
        assert_eq!(warned(&[2, 3, 4, 1]), ["#/sessions/0/items/3 m1 high m1"]);
    }
}
