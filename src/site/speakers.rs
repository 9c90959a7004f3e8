//! The list of speakers: in an order, found by words and by country. The query says what a reader asks for, so that the
//! page works without a script.

use minijinja::{Value, context};

use super::{
    language_marks::without_marks,
    names::{self, folded},
    page::{PageContext, value},
};
use crate::{
    agenda::document::{AppearanceRole, OrganisationKind, Precedence},
    programme::{
        filter::ProgrammeQuery,
        negotiate::ReaderText,
        views::{SpeakerDetail, SpeakerView},
    },
    site_setup::SpeakerOrder,
    values::{CountryCode, TextValue as _},
};

/// The roles in the order of the list.
const ROLES: [AppearanceRole; 6] = [
    AppearanceRole::KeynoteSpeaker,
    AppearanceRole::Chair,
    AppearanceRole::Moderator,
    AppearanceRole::Panellist,
    AppearanceRole::Speaker,
    AppearanceRole::Rapporteur,
];

/// The longest text that is searched for, in characters.
const SEARCH_MAX: usize = 100;

/// What a reader asks for.
#[derive(Debug, Default)]
pub struct SpeakerQuery {
    pub search: Option<String>,
    pub country: Option<String>,
    pub order: SpeakerOrder,
}

/// The first of a speaker's roles in the order of the list, by its place.
fn first_role(speaker: &SpeakerDetail) -> usize {
    let place = |role: AppearanceRole| ROLES.iter().position(|listed| *listed == role);
    let places = speaker.appearances.iter().filter_map(|appearance| place(appearance.role));
    places.min().unwrap_or(ROLES.len())
}

/// The country that stands beside a speaker: none if the organisation is that State.
pub fn country_beside(page: &PageContext, speaker: &SpeakerView) -> Option<CountryCode> {
    let organisation = speaker.organisation.as_ref().and_then(|of| page.snapshot.organisation(&of.code));
    let is_state = organisation.is_some_and(|of| of.kind == OrganisationKind::State && of.country == speaker.country);
    speaker.country.clone().filter(|_| !is_state)
}

fn plain(text: Option<&ReaderText>) -> Option<&str> {
    match text? {
        ReaderText::Plain(text) => Some(text),
        ReaderText::All(_) => None,
    }
}

/// Whether each word of a search is in what the page says of a speaker.
fn matches(speaker: &SpeakerView, words: &[String], locale: &str) -> bool {
    let country = speaker.country.as_ref().map(|code| names::country(&code.text(), locale));
    let texts = [
        plain(speaker.honorific.as_ref()),
        Some(speaker.name.as_str()),
        plain(speaker.position.as_ref()),
        plain(speaker.organisation.as_ref().map(|organisation| &organisation.name)),
        country.as_deref(),
    ];
    let text = without_marks(&texts.into_iter().flatten().collect::<Vec<_>>().join(" "));
    let text = folded(&text);
    words.iter().all(|word| text.contains(word))
}

/// The context of the page.
pub fn speakers_context(page: &PageContext, query: &SpeakerQuery) -> Value {
    let mut speakers = page.view().speakers(&ProgrammeQuery::default());
    let total = speakers.len();
    let countries: Vec<&CountryCode> = speakers.iter().filter_map(|one| one.speaker.country.as_ref()).collect();
    let choices = names::countries(&page.locale).into_iter();
    let choices = choices.filter(|(code, _)| countries.iter().any(|country| country.text() == *code));
    let choices: Vec<Value> = choices.map(|(code, name)| context! { code, name }).collect();

    let search: String = query.search.iter().flat_map(|text| text.chars()).take(SEARCH_MAX).collect();
    let words: Vec<String> = search.split_whitespace().map(folded).collect();
    let is_from = |speaker: &SpeakerView| {
        query.country.as_ref().is_none_or(|asked| speaker.country.as_ref().is_some_and(|code| code.text() == *asked))
    };
    speakers.retain(|one| is_from(&one.speaker) && matches(&one.speaker, &words, &page.locale));
    match query.order {
        SpeakerOrder::Agenda => {}
        SpeakerOrder::Precedence => {
            speakers.sort_by_key(|one| one.speaker.precedence.unwrap_or(Precedence::Other));
        }
        SpeakerOrder::Name => speakers.sort_by_cached_key(|one| {
            let given_name = one.speaker.given_name.as_ref().map(|name| folded(&name.text()));
            (folded(&one.speaker.family_name.text()), given_name)
        }),
        SpeakerOrder::Role => speakers.sort_by_key(first_role),
    }
    let count = speakers.len();
    let mut groups: Vec<(Option<AppearanceRole>, Vec<Value>)> = Vec::new();
    for one in &speakers {
        let role = Some(query.order).filter(|order| *order == SpeakerOrder::Role).map(|_| first_role(one));
        let role = role.and_then(|place| ROLES.get(place).copied());
        let entry = context! { speaker => value(one), country => value(country_beside(page, &one.speaker)) };
        match groups.last_mut().filter(|(of_group, _)| *of_group == role) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((role, vec![entry])),
        }
    }
    let group = |(role, entries): (Option<AppearanceRole>, Vec<Value>)| {
        context! { role => role.map(|role| role.as_str()), speakers => entries }
    };
    context! {
        groups => groups.into_iter().map(group).collect::<Vec<Value>>(), count, total, countries => choices,
        orders => SpeakerOrder::ALL.map(|order| order.as_str()),
        asked => context! { search, country => query.country.as_deref(), order => query.order.as_str() },
        is_filtered => !words.is_empty() || query.country.is_some(),
    }
}
