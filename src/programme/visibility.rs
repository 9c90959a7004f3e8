//! Which parts of an agenda an audience may see, and when. A release stores the part that the public may see;
//! everything that the public reads is made from it.
//!
//! `visibility` applies until `public_from`; from then on everybody sees the thing. A thing that is `public` and has a
//! `public_from` is under embargo until then: nobody sees it, not even attendees.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::phrases::Phrases;
use crate::{
    access::ServerSecret,
    agenda::{
        Agenda,
        document::{
            Appearance, Conference, Issuer, Item, Organisation, Room, Session, SessionAccess, Speaker, Track,
            Visibility,
        },
        model::utc,
    },
    ids::{ConferenceId, Id, SpeakerId},
    values::{Code, LanguageTag, Line, LocalOrInstant, Localised},
};

/// For whom a projection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody.
    Public,
    /// People with a confirmed registration.
    Attendees,
}

/// What an audience sees of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exposure {
    /// Unchanged.
    Full,
    /// Replaced by a placeholder.
    Placeholder,
    /// Left out.
    Hidden,
}

/// The part of an agenda that an audience may see at an instant. Placeholders have their own codes and ids, derived
/// from the secret of the server; they are the same in every projection.
pub fn project(agenda: &Agenda, audience: Audience, at: DateTime<Utc>, secret: &ServerSecret) -> Agenda {
    let conference = agenda.conference.id.unwrap_or_else(|| Id::from_uuid(uuid::Uuid::nil()));
    let mut projector = Projector {
        audience,
        at,
        secret,
        conference,
        languages: &agenda.conference.languages,
        placeholders: HashMap::new(),
    };
    for speaker in &agenda.speakers {
        if projector.exposure(speaker.visibility, speaker.public_from) != Exposure::Full {
            projector.placeholders.insert(&speaker.code, projector.placeholder_speaker(speaker));
        }
    }
    let sessions: Vec<Session> = agenda.sessions.iter().filter_map(|session| projector.session(session)).collect();
    let mut call_for_action = agenda.call_for_action.clone();
    if let Some(Issuer { speaker: Some(code), .. }) = call_for_action.as_mut().and_then(|call| call.issued_by.as_mut())
        && let Some(placeholder) = projector.placeholders.get(code)
    {
        code.clone_from(&placeholder.code);
    }
    let issuer = call_for_action.as_ref().and_then(|call| call.issued_by.as_ref());
    let speakers = projector.speakers(agenda, &sessions, issuer);
    let (visible, all) = (References::of(&agenda.conference, &speakers, &sessions, issuer), References::of_all(agenda));
    let organisation = |node: &&Organisation| visible.organisations.may_be_known(&all.organisations, &node.code);
    let room = |node: &&Room| visible.rooms.may_be_known(&all.rooms, &node.code);
    let track = |node: &&Track| visible.tracks.may_be_known(&all.tracks, &node.code);
    let organisations = agenda.organisations.iter().filter(organisation).cloned().collect();
    let rooms = agenda.rooms.iter().filter(room).cloned().collect();
    let tracks = agenda.tracks.iter().filter(track).cloned().collect();
    let conference = Conference { walking_minutes: None, listing: None, ..agenda.conference.clone() };
    Agenda { conference, organisations, days: agenda.days.clone(), rooms, tracks, speakers, sessions, call_for_action }
}

/// Given and family name of a placeholder.
const WITHHELD_NAMES: (&str, &str) = ("Name", "withheld");

/// Whether this speaker entry is a placeholder for a speaker whose name is withheld.
pub fn is_placeholder(speaker: &Speaker) -> bool {
    let names = (speaker.given_name.as_ref().map(|name| name.as_str()), speaker.family_name.as_str());
    names == (Some(WITHHELD_NAMES.0), WITHHELD_NAMES.1) && speaker.code.as_str().starts_with(Code::WITHHELD)
}

/// The end of the next embargo after this instant.
pub fn next_embargo(agenda: &Agenda, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let of_speakers = agenda.speakers.iter().map(|speaker| speaker.public_from);
    let of_sessions = agenda.sessions.iter().map(|session| session.public_from);
    let of_items = agenda.sessions.iter().flat_map(|session| &session.items).map(|item| item.public_from);
    of_speakers.chain(of_sessions).chain(of_items).flatten().map(utc).filter(|ends_at| *ends_at > after).min()
}

/// The speakers to whom sessions, their items and the call for action refer.
fn mentioned_speakers<'a>(sessions: &'a [Session], issuer: Option<&'a Issuer>) -> Codes<'a> {
    let appearances = sessions.iter().flat_map(Session::all_appearances);
    let appearing = appearances.flat_map(|appearance| [Some(&appearance.speaker), appearance.on_behalf_of.as_ref()]);
    Codes(appearing.chain([issuer.and_then(|issuer| issuer.speaker.as_ref())]).flatten().collect())
}

/// The codes to which speakers, sessions, the conference and the call for action refer.
struct References<'a> {
    organisations: Codes<'a>,
    rooms: Codes<'a>,
    tracks: Codes<'a>,
}

struct Codes<'a>(HashSet<&'a Code>);

impl Codes<'_> {
    /// Whether the audience may know the thing: something visible refers to it, or nothing at all does.
    fn may_be_known(&self, all: &Codes<'_>, code: &Code) -> bool {
        self.0.contains(code) || !all.0.contains(code)
    }
}

impl<'a> References<'a> {
    fn of(
        conference: &'a Conference,
        speakers: &'a [Speaker],
        sessions: &'a [Session],
        issuer: Option<&'a Issuer>,
    ) -> Self {
        let of_speakers = speakers.iter().filter_map(|speaker| speaker.organisation.as_ref());
        let of_conference = conference.organisations.iter().map(|part| &part.organisation);
        let of_issuer = issuer.and_then(|issuer| issuer.organisation.as_ref());
        Self {
            organisations: Codes(of_speakers.chain(of_conference).chain(of_issuer).collect()),
            rooms: Codes(sessions.iter().filter_map(|session| session.room.as_ref()).collect()),
            tracks: Codes(sessions.iter().filter_map(|session| session.track.as_ref()).collect()),
        }
    }

    fn of_all(agenda: &'a Agenda) -> Self {
        let issuer = agenda.call_for_action.as_ref().and_then(|call| call.issued_by.as_ref());
        Self::of(&agenda.conference, &agenda.speakers, &agenda.sessions, issuer)
    }
}

/// The id and the code of the placeholder for a thing.
fn placeholder_keys<K>(id: Option<Id<K>>, conference: ConferenceId, secret: &ServerSecret) -> (Option<Id<K>>, Code) {
    let thing = id.map_or_else(uuid::Uuid::nil, Id::uuid);
    let placeholder = secret.placeholder(conference, thing);
    (Some(Id::from_uuid(placeholder.id)), Code::withheld(placeholder.number))
}

/// The placeholder for a speaker whose name is withheld. It is the same in every appearance.
pub fn placeholder(id: Option<SpeakerId>, conference: ConferenceId, secret: &ServerSecret) -> Speaker {
    let (id, code) = placeholder_keys(id, conference, secret);
    Speaker {
        id,
        code,
        honorific: None,
        given_name: Some(Line::from_static(WITHHELD_NAMES.0)),
        family_name: Line::from_static(WITHHELD_NAMES.1),
        position: None,
        organisation: None,
        country: None,
        biography: None,
        precedence: None,
        precedence_rank: None,
        took_office_on: None,
        visibility: Visibility::Public,
        public_from: None,
    }
}

/// Makes the projection of an agenda for an audience.
struct Projector<'a> {
    audience: Audience,
    at: DateTime<Utc>,
    secret: &'a ServerSecret,
    conference: ConferenceId,
    languages: &'a [LanguageTag],
    /// The placeholders of the speakers who are hidden, by the real code of each.
    placeholders: HashMap<&'a Code, Speaker>,
}

impl Projector<'_> {
    fn exposure(&self, visibility: Visibility, public_from: Option<LocalOrInstant>) -> Exposure {
        let from = public_from.map(utc);
        if from.is_some_and(|from| from <= self.at) {
            return Exposure::Full;
        }
        match (visibility, self.audience) {
            (Visibility::Public, _) if from.is_some() => Exposure::Hidden,
            (Visibility::Public, _) | (Visibility::Attendees, Audience::Attendees) => Exposure::Full,
            (Visibility::Attendees, Audience::Public) => Exposure::Hidden,
            (Visibility::Withheld, _) => Exposure::Placeholder,
        }
    }

    fn placeholder_keys<K>(&self, id: Option<Id<K>>) -> (Option<Id<K>>, Code) {
        placeholder_keys(id, self.conference, self.secret)
    }

    fn placeholder_speaker(&self, speaker: &Speaker) -> Speaker {
        placeholder(speaker.id, self.conference, self.secret)
    }

    /// The speakers whom the audience may know and to whom not only hidden things refer; then the placeholders to which
    /// something visible refers. Placeholders are sorted by code, so that an alphabetical list of speakers reveals
    /// nothing.
    fn speakers(&self, agenda: &Agenda, sessions: &[Session], issuer: Option<&Issuer>) -> Vec<Speaker> {
        let issuer_of_all = agenda.call_for_action.as_ref().and_then(|call| call.issued_by.as_ref());
        let (visible, all) =
            (mentioned_speakers(sessions, issuer), mentioned_speakers(&agenda.sessions, issuer_of_all));
        let by_placeholder_code: BTreeMap<&Code, &Speaker> =
            self.placeholders.values().map(|speaker| (&speaker.code, speaker)).collect();
        let may_know = |speaker: &&Speaker| {
            !self.placeholders.contains_key(&speaker.code) && visible.may_be_known(&all, &speaker.code)
        };
        let visible_speakers = agenda.speakers.iter().filter(may_know).map(|speaker| Speaker {
            precedence_rank: None,
            took_office_on: None,
            visibility: Visibility::Public,
            public_from: None,
            ..speaker.clone()
        });
        let withheld = by_placeholder_code.into_values().filter(|speaker| visible.0.contains(&speaker.code)).cloned();
        visible_speakers.chain(withheld).collect()
    }

    fn session(&self, session: &Session) -> Option<Session> {
        match self.exposure(session.visibility, session.public_from) {
            Exposure::Hidden => None,
            Exposure::Placeholder => {
                let (id, code) = self.placeholder_keys(session.id);
                Some(Session {
                    id,
                    code,
                    guid: None,
                    kind: session.kind,
                    title: to_be_announced(self.languages),
                    abstract_: None,
                    starts_at: session.starts_at,
                    ends_at: session.ends_at,
                    room: session.room.clone(),
                    track: None,
                    languages: Vec::new(),
                    interpretation: Vec::new(),
                    access: SessionAccess::Open,
                    seats: None,
                    visibility: Visibility::Public,
                    public_from: None,
                    protocol_rule: None,
                    appearances: Vec::new(),
                    items: Vec::new(),
                })
            }
            Exposure::Full => Some(Session {
                visibility: Visibility::Public,
                public_from: None,
                protocol_rule: None,
                appearances: self.appearances(&session.appearances),
                items: session.items.iter().filter_map(|item| self.item(item)).collect(),
                ..session.clone()
            }),
        }
    }

    fn item(&self, item: &Item) -> Option<Item> {
        let as_public = |item: Item| Item {
            visibility: Visibility::Public,
            public_from: None,
            inscribed_at: None,
            placed_by_hand: false,
            ..item
        };
        match self.exposure(item.visibility, item.public_from) {
            Exposure::Hidden => None,
            Exposure::Placeholder => {
                let (id, code) = self.placeholder_keys(item.id);
                let (title, appearances) = (to_be_announced(self.languages), Vec::new());
                Some(as_public(Item { id, code, title, abstract_: None, appearances, ..item.clone() }))
            }
            Exposure::Full => {
                let appearances = self.appearances(&item.appearances);
                Some(as_public(Item { appearances, ..item.clone() }))
            }
        }
    }

    fn appearances(&self, appearances: &[Appearance]) -> Vec<Appearance> {
        let projected = |appearance: &Appearance| Appearance {
            speaker: self
                .placeholders
                .get(&appearance.speaker)
                .map_or_else(|| appearance.speaker.clone(), |placeholder| placeholder.code.clone()),
            role: appearance.role,
            on_behalf_of: appearance.on_behalf_of.clone().filter(|code| !self.placeholders.contains_key(code)),
        };
        appearances.iter().map(projected).collect()
    }
}

/// The title of a withheld session or item, in those languages of the conference that the service knows, otherwise in
/// English.
fn to_be_announced(languages: &[LanguageTag]) -> Localised {
    let title = |tag: &LanguageTag| Some((tag.to_string(), Phrases::of(tag.as_str())?.to_be_announced().to_owned()));
    let mut titles = languages.iter().filter_map(title).peekable();
    if titles.peek().is_none() {
        return Localised::new(Phrases::English.tag(), Phrases::English.to_be_announced());
    }
    Localised::of(titles)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::agenda::{arbitrary, model};

    fn at() -> DateTime<Utc> {
        arbitrary::AT.parse().unwrap()
    }

    fn projection(agenda: &Agenda, audience: Audience) -> Value {
        serde_json::to_value(project(agenda, audience, at(), &ServerSecret::of_test())).unwrap()
    }

    /// A conference of one session with a speech and a panel, which `edit` changes.
    fn conference(edit: impl FnOnce(&mut Value)) -> Agenda {
        let mut document = json!({
            "conference": { "slug": "any", "name": "Any", "starts_on": "2030-05-01", "ends_on": "2030-05-01",
                "time_zone": "Europe/Brussels", "languages": ["fr-BE", "en"], "walking_minutes": 9 },
            "organisations": [{ "code": "office", "name": "Office", "kind": "ngo" }],
            "rooms": [{ "code": "hall", "name": "Hall" }],
            "tracks": [{ "code": "law", "name": "Law" }],
            "speakers": [
                { "code": "ada", "given_name": "Ada", "family_name": "L", "organisation": "office", "country": "GB" },
                { "code": "bob", "given_name": "Bob", "family_name": "N" }
            ],
            "sessions": [{
                "code": "opening", "kind": "opening", "title": "Opening", "abstract": "All of it", "room": "hall",
                "track": "law", "starts_at": "2030-05-01T09:00", "ends_at": "2030-05-01T10:00", "languages": ["en"],
                "items": [
                    { "code": "speech", "kind": "keynote", "title": "Speech", "time_limit_minutes": 5,
                      "appearances": [{ "speaker": "bob", "role": "speaker", "on_behalf_of": "ada" }] },
                    { "code": "panel", "kind": "panel", "title": "Panel",
                      "appearances": [{ "speaker": "ada", "role": "panellist" }] }
                ]
            }]
        });
        edit(&mut document);
        let mut agenda = model::read(document).unwrap();
        agenda.adopt_ids(None).unwrap();
        agenda
    }

    #[test]
    fn a_speaker_who_is_withheld_is_a_name_withheld_at_the_end_of_the_list_and_nothing_else() {
        let agenda = conference(|document| document["speakers"][0]["visibility"] = json!("withheld"));
        let projection = projection(&agenda, Audience::Attendees);
        let speakers = projection["speakers"].as_array().unwrap();
        assert_eq!((speakers.len(), &speakers[0]["code"]), (2, &json!("bob")));
        assert_eq!((&speakers[1]["given_name"], &speakers[1]["family_name"]), (&json!("Name"), &json!("withheld")));
        let code = speakers[1]["code"].as_str().unwrap();
        assert!(code.starts_with("withheld-") && code.len() == "withheld-".len() + 16);
        for field in ["organisation", "country", "honorific", "position", "biography", "precedence"] {
            assert_eq!(speakers[1][field], Value::Null, "{field}");
        }
        assert_eq!(projection["organisations"], json!([]), "whom only they speak for would tell");
        let items = &projection["sessions"][0]["items"];
        assert_eq!(items[1]["appearances"][0]["speaker"], code);
        assert_eq!(items[0]["appearances"][0]["on_behalf_of"], Value::Null);
        assert_eq!(project(&agenda, Audience::Public, at(), &ServerSecret::of_test()).speakers[1].code.as_str(), code);
    }

    #[test]
    fn a_session_that_is_withheld_keeps_its_time_its_room_and_its_kind() {
        let agenda = conference(|document| document["sessions"][0]["visibility"] = json!("withheld"));
        let projection = projection(&agenda, Audience::Public);
        let session = &projection["sessions"][0];
        assert_eq!(session["title"], json!({ "en": "To be announced", "fr-BE": "À annoncer" }));
        assert_eq!((&session["kind"], &session["room"]), (&json!("opening"), &json!("hall")));
        assert_eq!(session["starts_at"], "2030-05-01T09:00:00+02:00");
        assert_eq!(
            (&session["abstract"], &session["track"], &session["items"]),
            (&Value::Null, &Value::Null, &json!([]))
        );
        assert_ne!(session["id"], json!(agenda.sessions[0].id));
        assert_eq!((&projection["rooms"][0]["code"], &projection["tracks"]), (&json!("hall"), &json!([])));
    }

    #[test]
    fn an_item_that_is_withheld_keeps_its_kind_and_time_limit_and_one_for_attendees_is_theirs() {
        let agenda = conference(|document| {
            document["sessions"][0]["items"][0]["visibility"] = json!("withheld");
            document["sessions"][0]["items"][1]["visibility"] = json!("attendees");
        });
        let items = projection(&agenda, Audience::Public)["sessions"][0]["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 1);
        assert_eq!((&items[0]["kind"], &items[0]["time_limit_minutes"]), (&json!("keynote"), &json!(5)));
        assert_eq!((&items[0]["title"]["en"], &items[0]["appearances"]), (&json!("To be announced"), &json!([])));
        assert_eq!(projection(&agenda, Audience::Attendees)["sessions"][0]["items"][1]["code"], "panel");
    }

    #[test]
    fn an_embargo_hides_from_all_until_its_end_and_not_a_moment_longer() {
        let agenda = conference(|document| document["sessions"][0]["public_from"] = json!("2030-02-01T12:00:00+01:00"));
        let ends_at: DateTime<Utc> = "2030-02-01T11:00:00Z".parse().unwrap();
        let moment = chrono::TimeDelta::microseconds(1);
        let sessions = |at| project(&agenda, Audience::Attendees, at, &ServerSecret::of_test()).sessions.len();
        assert_eq!((sessions(ends_at - moment), sessions(ends_at)), (0, 1));
        assert_eq!(next_embargo(&agenda, at()), Some(ends_at));
        assert_eq!(next_embargo(&agenda, ends_at), None);
    }

    #[test]
    fn fields_of_organisers_are_in_no_projection() {
        let agenda = conference(|document| {
            document["sessions"][0]["protocol_rule"] = json!("inscription");
            document["sessions"][0]["items"][0]["inscribed_at"] = json!("2029-01-01T00:00:00Z");
            document["sessions"][0]["items"][0]["placed_by_hand"] = json!(true);
            document["speakers"][0]["precedence_rank"] = json!(1);
            document["speakers"][0]["took_office_on"] = json!("2020-01-01");
        });
        let plain =
            conference(|document| _ = document["conference"].as_object_mut().unwrap().remove("walking_minutes"));
        let without_ids = |agenda: &Agenda| {
            let text = projection(agenda, Audience::Public).to_string();
            let ids = text.match_indices("\"id\":\"").map(|(start, _)| text[start + 6..start + 42].to_owned());
            ids.fold(text.clone(), |text, id| text.replace(&id, "id"))
        };
        assert_eq!(without_ids(&agenda), without_ids(&plain));
    }

    /// The speakers to whom the agenda refers, without sessions and items whose code contains the mark `hidden`, if
    /// given.
    fn mentions(agenda: &Agenda, hidden_mark: Option<&str>) -> HashSet<Code> {
        let is_open = |code: &Code| hidden_mark.is_none_or(|mark| !code.as_str().contains(mark));
        let mut appearances = Vec::new();
        for session in agenda.sessions.iter().filter(|session| is_open(&session.code)) {
            appearances.extend(&session.appearances);
            let items = session.items.iter().filter(|item| is_open(&item.code));
            appearances.extend(items.flat_map(|item| &item.appearances));
        }
        let issuer = agenda.call_for_action.as_ref().and_then(|call| call.issued_by.as_ref());
        let appearing = appearances.into_iter().flat_map(|one| [Some(&one.speaker), one.on_behalf_of.as_ref()]);
        appearing.chain([issuer.and_then(|issuer| issuer.speaker.as_ref())]).flatten().cloned().collect()
    }

    #[test]
    fn a_speaker_whom_only_hidden_things_mention_is_left_out_and_so_is_their_organisation() {
        let codes = |projection: &Value| {
            let speakers = projection["speakers"].as_array().unwrap().iter();
            speakers.map(|speaker| speaker["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let hide_panel = |document: &mut Value| {
            document["sessions"][0]["items"][1]["visibility"] = json!("attendees");
            document["sessions"][0]["items"][0]["appearances"][0]["on_behalf_of"] = Value::Null;
        };
        let agenda = conference(hide_panel);
        let public = projection(&agenda, Audience::Public);
        assert_eq!((codes(&public), &public["organisations"]), (vec!["bob".to_owned()], &json!([])));
        assert_eq!(codes(&projection(&agenda, Audience::Attendees)), ["ada", "bob"]);
        let of_behalf = conference(|document| document["sessions"][0]["items"][1]["visibility"] = json!("attendees"));
        assert_eq!(codes(&projection(&of_behalf, Audience::Public)), ["ada", "bob"]);
        let of_nothing = conference(|document| document["sessions"] = json!([]));
        assert_eq!(codes(&projection(&of_nothing, Audience::Public)), ["ada", "bob"]);
        let of_issuer = conference(|document| {
            hide_panel(document);
            document["call_for_action"] =
                json!({ "title": "Call", "commitments": [], "issued_by": { "speaker": "ada" } });
        });
        assert_eq!(codes(&projection(&of_issuer, Audience::Public)), ["ada", "bob"]);
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_in_a_projection(agenda in arbitrary::agenda()) {
            let (public, attendees) = (projection(&agenda, Audience::Public), projection(&agenda, Audience::Attendees));
            prop_assert!(!public.to_string().contains(arbitrary::NOT_PUBLIC));
            prop_assert!(!attendees.to_string().contains(arbitrary::NOT_FOR_ATTENDEES));
            let sessions = agenda.sessions.iter().map(|node| (node.code.as_str(), node.id.map(Id::uuid)));
            let items = agenda.sessions.iter().flat_map(|session| &session.items);
            let items = items.map(|node| (node.code.as_str(), node.id.map(Id::uuid)));
            for (code, id) in sessions.chain(items) {
                let (code, id) = (code.to_owned(), id.unwrap().to_string());
                prop_assert_eq!(public.to_string().contains(&id), !code.contains(arbitrary::NOT_PUBLIC));
                prop_assert_eq!(attendees.to_string().contains(&id), !code.contains(arbitrary::NOT_FOR_ATTENDEES));
            }
            for (projection, mark) in [(public, arbitrary::NOT_PUBLIC), (attendees, arbitrary::NOT_FOR_ATTENDEES)] {
                let (projection, of_all) = (projection.to_string(), mentions(&agenda, None));
                let of_seen = mentions(&agenda, Some(mark));
                for speaker in &agenda.speakers {
                    let code = &speaker.code;
                    let is_known = of_seen.contains(code) || !of_all.contains(code);
                    let is_shown = is_known && !code.as_str().contains(mark);
                    prop_assert_eq!(projection.contains(&speaker.id.unwrap().to_string()), is_shown, "{}", code);
                    prop_assert_eq!(projection.contains(&format!("\"{code}\"")), is_shown, "{}", code);
                    let organisation = speaker.organisation.as_ref().unwrap();
                    prop_assert_eq!(projection.contains(&format!("\"{organisation}\"")), is_shown, "{}", code);
                }
            }
        }

        #[test]
        fn a_projection_is_an_agenda_of_its_own_and_projects_to_itself(agenda in arbitrary::agenda()) {
            let public = projection(&agenda, Audience::Public);
            let read = model::read(public.clone()).unwrap();
            prop_assert_eq!(projection(&read, Audience::Public), public.clone());
            prop_assert_eq!(projection(&read, Audience::Attendees), public);
        }
    }
}
