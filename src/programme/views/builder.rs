//! The views of a release, made of its snapshot.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, FixedOffset};

use super::types::{
    AppearanceView, CallForActionView, CommitmentView, ConferenceView, DayView, HighLevelSessionView, ItemReference,
    ItemView, KeynoteView, NowView, OrganisationView, PanelView, ParticipantView, ProgrammeView, Reference,
    ReleaseView, RoomView, RunningView, SessionReference, SessionView, SpeakerAppearance, SpeakerDetail,
    SpeakerReference, SpeakerView, TrackView, VenueView,
};
use crate::{
    agenda::document::{
        Appearance, AppearanceRole, Item, ItemKind, Organisation, Room, Session, SessionKind, Speaker, Track,
    },
    programme::{
        change_text::full_name,
        filter::ProgrammeQuery,
        negotiate::{self, Language, ReaderText},
        phrases::Phrases,
        snapshot::Snapshot,
        timing::{Span, item_spans},
    },
    values::{Code, Date, LocalOrInstant, Localised},
};

/// Whether a list keeps the thing with this code. `None`: the list keeps everything.
fn includes(codes: &Option<HashSet<&Code>>, code: &Code) -> bool {
    codes.as_ref().is_none_or(|codes| codes.contains(code))
}

/// Makes the views of a release in one language.
#[derive(Debug)]
pub struct ViewBuilder<'a> {
    snapshot: &'a Snapshot,
    language: &'a Language,
}

impl<'a> ViewBuilder<'a> {
    pub fn new(snapshot: &'a Snapshot, language: &'a Language) -> Self {
        Self { snapshot, language }
    }

    fn text(&self, localised: &Localised) -> ReaderText {
        negotiate::text(localised, self.language, &self.snapshot.agenda.conference.languages)
    }

    fn optional_text(&self, localised: Option<&Localised>) -> Option<ReaderText> {
        localised.map(|localised| self.text(localised))
    }

    /// The whole programme, or the sessions that the query selects.
    pub fn programme(&self, query: &ProgrammeQuery) -> ProgrammeView {
        let agenda = &self.snapshot.agenda;
        ProgrammeView {
            conference: self.conference(),
            release: self.snapshot.release.is_released().then(|| ReleaseView::of(&self.snapshot.release)),
            languages: agenda.conference.languages.clone(),
            tracks: self.tracks(query),
            rooms: self.rooms(query),
            speakers: self.selected_speakers(query).map(|speaker| self.speaker(speaker)).collect(),
            days: self.days(query),
        }
    }

    pub fn conference(&self) -> ConferenceView {
        let conference = &self.snapshot.agenda.conference;
        let organisation = |code: &Code| self.snapshot.organisation(code);
        ConferenceView {
            id: self.snapshot.conference.id,
            slug: conference.slug.clone(),
            name: self.text(&conference.name),
            description: self.optional_text(conference.description.as_ref()),
            starts_on: conference.starts_on,
            ends_on: conference.ends_on,
            time_zone: conference.time_zone,
            languages: conference.languages.clone(),
            venue: conference.venue.as_ref().map(|venue| VenueView {
                name: self.text(&venue.name),
                address: self.optional_text(venue.address.as_ref()),
                city: self.optional_text(venue.city.as_ref()),
                country: venue.country.clone(),
            }),
            organisations: conference
                .organisations
                .iter()
                .filter_map(|entry| Some((entry.role, organisation(&entry.organisation)?)))
                .map(|(role, organisation)| OrganisationView {
                    code: organisation.code.clone(),
                    name: self.text(&organisation.name),
                    kind: organisation.kind,
                    role,
                    country: organisation.country.clone(),
                    website: organisation.website.clone(),
                })
                .collect(),
            is_demonstration: conference.is_demonstration,
        }
    }

    /// The codes that the selected sessions refer to; `None` if the query selects all sessions.
    fn referenced_codes<'q>(
        &'q self,
        query: &'q ProgrammeQuery,
        codes_of: impl Fn(&'q Session) -> Vec<&'q Code>,
    ) -> Option<HashSet<&'q Code>> {
        query.has_filter().then(|| self.selected_sessions(query).flat_map(codes_of).collect())
    }

    /// The tracks, or those of the sessions that the query selects.
    pub fn tracks(&self, query: &ProgrammeQuery) -> Vec<TrackView> {
        let view = |track: &Track| TrackView {
            id: track.id.unwrap_or_default(),
            code: track.code.clone(),
            name: self.text(&track.name),
            description: self.optional_text(track.description.as_ref()),
        };
        let referenced_codes = self.referenced_codes(query, |session| session.track.iter().collect());
        self.snapshot.agenda.tracks.iter().filter(|track| includes(&referenced_codes, &track.code)).map(view).collect()
    }

    /// The rooms, or those of the sessions that the query selects.
    pub fn rooms(&self, query: &ProgrammeQuery) -> Vec<RoomView> {
        let view = |room: &Room| RoomView {
            id: room.id.unwrap_or_default(),
            code: room.code.clone(),
            name: self.text(&room.name),
            capacity: room.capacity,
        };
        let referenced_codes = self.referenced_codes(query, |session| session.room.iter().collect());
        self.snapshot.agenda.rooms.iter().filter(|room| includes(&referenced_codes, &room.code)).map(view).collect()
    }

    fn name(&self, speaker: &Speaker) -> String {
        let phrases = self.language.tag().and_then(|tag| Phrases::of(tag.as_str()));
        full_name(speaker, phrases.unwrap_or(Phrases::English))
    }

    fn speaker(&self, speaker: &Speaker) -> SpeakerView {
        SpeakerView {
            id: speaker.id.unwrap_or_default(),
            code: speaker.code.clone(),
            name: self.name(speaker),
            honorific: self.optional_text(speaker.honorific.as_ref()),
            given_name: speaker.given_name.clone(),
            family_name: speaker.family_name.clone(),
            position: self.optional_text(speaker.position.as_ref()),
            organisation: self.organisation_reference(speaker.organisation.as_ref()),
            country: speaker.country.clone(),
            biography: self.optional_text(speaker.biography.as_ref()),
            precedence: speaker.precedence,
        }
    }

    /// The speakers; if the query selects sessions, those who appear in them or are represented there.
    fn selected_speakers<'q>(&'q self, query: &'q ProgrammeQuery) -> impl Iterator<Item = &'q Speaker> {
        let referenced_codes = self.referenced_codes(query, |session| {
            let people_in = |appearance: &'q Appearance| [Some(&appearance.speaker), appearance.on_behalf_of.as_ref()];
            session.all_appearances().flat_map(people_in).flatten().collect()
        });
        self.snapshot.agenda.speakers.iter().filter(move |speaker| includes(&referenced_codes, &speaker.code))
    }

    /// The speakers with their appearances in the sessions that the query selects.
    pub fn speakers(&self, query: &ProgrammeQuery) -> Vec<SpeakerDetail> {
        let mut appearances = self.speaker_appearances(query, |_| true);
        let detail = |speaker: &Speaker| SpeakerDetail {
            speaker: self.speaker(speaker),
            appearances: appearances.remove(&speaker.code).unwrap_or_default(),
        };
        self.selected_speakers(query).map(detail).collect()
    }

    pub fn speaker_detail(&self, speaker: &Speaker) -> SpeakerDetail {
        let everything = ProgrammeQuery::default();
        let mut appearances = self.speaker_appearances(&everything, |code| *code == speaker.code);
        let appearances = appearances.remove(&speaker.code).unwrap_or_default();
        SpeakerDetail { speaker: self.speaker(speaker), appearances }
    }

    /// The appearances of the speakers that `is_wanted` accepts, in order of the programme.
    fn speaker_appearances<'q>(
        &'q self,
        query: &'q ProgrammeQuery,
        is_wanted: impl Fn(&Code) -> bool,
    ) -> HashMap<&'q Code, Vec<SpeakerAppearance>> {
        let mut appearances: HashMap<&Code, Vec<SpeakerAppearance>> = HashMap::new();
        for session in self.selected_sessions(query) {
            let of_session = session.appearances.iter().map(|appearance| (appearance, None));
            let of_items = session
                .items
                .iter()
                .flat_map(|item| item.appearances.iter().map(move |appearance| (appearance, Some(item))));
            for (appearance, item) in
                of_session.chain(of_items).filter(|(appearance, _)| is_wanted(&appearance.speaker))
            {
                appearances.entry(&appearance.speaker).or_default().push(SpeakerAppearance {
                    role: appearance.role,
                    on_behalf_of: self.on_behalf_of(appearance),
                    session: self.session_reference(session),
                    item: item.map(|item| ItemReference {
                        code: item.code.clone(),
                        kind: item.kind,
                        title: self.text(&item.title),
                    }),
                });
            }
        }
        appearances
    }

    /// The days with the sessions that the query selects. If the query leaves sessions out, days without a session are
    /// left out too, except the day that it asks for.
    pub fn days(&self, query: &ProgrammeQuery) -> Vec<DayView> {
        let agenda = &self.snapshot.agenda;
        let mut by_day: BTreeMap<Date, Vec<SessionView>> = BTreeMap::new();
        for session in self.selected_sessions(query) {
            if let Some(day) = agenda.day_of(session) {
                by_day.entry(day.date).or_default().push(self.session(session));
            }
        }
        agenda
            .days
            .iter()
            .map(|day| DayView {
                date: day.date,
                title: self.optional_text(day.title.as_ref()),
                sessions: by_day.remove(&day.date).unwrap_or_default(),
            })
            .filter(|day| !query.has_filter() || !day.sessions.is_empty() || query.day == Some(day.date))
            .collect()
    }

    /// The sessions that the query selects, in order of start time.
    pub fn sessions(&self, query: &ProgrammeQuery) -> Vec<SessionView> {
        self.selected_sessions(query).map(|session| self.session(session)).collect()
    }

    fn selected_sessions<'q>(&'q self, query: &'q ProgrammeQuery) -> impl Iterator<Item = &'q Session> {
        self.snapshot.agenda.sessions.iter().filter(|session| query.selects(self.snapshot, session))
    }

    pub fn session(&self, session: &Session) -> SessionView {
        SessionView {
            id: session.id.unwrap_or_default(),
            guid: session.guid.or(session.id).unwrap_or_default(),
            code: session.code.clone(),
            kind: session.kind,
            title: self.text(&session.title),
            r#abstract: self.optional_text(session.abstract_.as_ref()),
            day: self.snapshot.agenda.day_of(session).map(|day| day.date),
            starts_at: session.starts_at,
            ends_at: session.ends_at,
            room: self.room_reference(session),
            track: session
                .track
                .as_ref()
                .and_then(|code| self.snapshot.track(code))
                .map(|track| Reference { code: track.code.clone(), name: self.text(&track.name) }),
            languages: session.languages.clone(),
            interpretation: session.interpretation.clone(),
            access: session.access,
            seats: session.seats,
            appearances: self.appearances(&session.appearances),
            items: (session.items.iter().zip(1..).zip(item_spans(session)))
                .map(|((item, ordinal), span)| self.item(item, ordinal, span))
                .collect(),
        }
    }

    /// The selected sessions that take place at this instant, and those of the next time slot.
    pub fn now(&self, query: &ProgrammeQuery, at: DateTime<FixedOffset>) -> NowView {
        let is_selected = |session: &&Session| query.selects_ignoring_time(self.snapshot, session);
        let sessions: Vec<&Session> = self.snapshot.agenda.sessions.iter().filter(is_selected).collect();
        let running = sessions.iter().filter(|session| Span::of(session).contains(at));
        NowView {
            at: LocalOrInstant::Instant(at),
            now: running.map(|session| self.running(session, at)).collect(),
            next: self.next_slot(&sessions, at).into_iter().map(|session| self.session(session)).collect(),
        }
    }

    /// Of these sessions, those that start together as the first ones after an instant, on the day of that instant or
    /// on the day that follows it.
    fn next_slot<'s>(&self, sessions: &[&'s Session], at: DateTime<FixedOffset>) -> Vec<&'s Session> {
        let starts_at = |session: &Session| Span::of(session).starts_at;
        let Some(next) = sessions.iter().map(|session| starts_at(session)).filter(|start| *start > at).min() else {
            return Vec::new();
        };
        if self.snapshot.agenda.days_begun_between(at.naive_local(), next.naive_local()) > 1 {
            return Vec::new();
        }
        sessions.iter().copied().filter(|session| starts_at(session) == next).collect()
    }

    /// The sessions just before and just after a session on its day, without pauses: of those that end before it
    /// starts, the ones that start last, and of those that start when it is over, the ones that start first. If one of
    /// them is in the same room, it alone.
    pub fn neighbours(&self, session: &Session) -> (Vec<SessionReference>, Vec<SessionReference>) {
        let agenda = &self.snapshot.agenda;
        let day = agenda.day_of(session).map(|day| day.date);
        let is_neighbour =
            |other: &&Session| other.kind != SessionKind::Break && agenda.day_of(other).map(|day| day.date) == day;
        let of_day: Vec<&Session> = agenda.sessions.iter().filter(is_neighbour).collect();
        let span = Span::of(session);
        let is_other = |other: &Session| other.code != session.code;
        let before =
            of_day.iter().copied().filter(|other| is_other(other) && Span::of(other).ends_at <= span.starts_at);
        let after = of_day.iter().copied().filter(|other| is_other(other) && span.ends_at <= Span::of(other).starts_at);
        let slot = |sessions: Vec<&Session>, start: Option<DateTime<FixedOffset>>| -> Vec<SessionReference> {
            let slot: Vec<&Session> =
                sessions.into_iter().filter(|other| Some(Span::of(other).starts_at) == start).collect();
            let same_room = slot.iter().find(|other| session.room.is_some() && other.room == session.room).copied();
            same_room
                .map_or(slot, |same_room| vec![same_room])
                .into_iter()
                .map(|other| self.session_reference(other))
                .collect()
        };
        let start = |other: &&Session| Span::of(other).starts_at;
        let (last, first) =
            (before.clone().map(|other| start(&other)).max(), after.clone().map(|other| start(&other)).min());
        (slot(before.collect(), last), slot(after.collect(), first))
    }

    fn running(&self, session: &Session, at: DateTime<FixedOffset>) -> RunningView {
        let view = self.session(session);
        let spans = item_spans(session);
        let is_current = |span: &Option<Span>| span.is_some_and(|span| span.contains(at));
        let item = spans.iter().position(is_current).and_then(|index| {
            let (item, span) = (session.items.get(index)?, *spans.get(index)?);
            Some(self.item(item, index + 1, span))
        });
        let ends_at = item.as_ref().and_then(|item| item.ends_at).unwrap_or(session.ends_at);
        RunningView { session: view, item, ends_at }
    }

    fn item(&self, item: &Item, ordinal: usize, span: Option<Span>) -> ItemView {
        ItemView {
            ordinal,
            id: item.id.unwrap_or_default(),
            code: item.code.clone(),
            kind: item.kind,
            title: self.text(&item.title),
            r#abstract: self.optional_text(item.abstract_.as_ref()),
            time_limit_minutes: item.time_limit_minutes,
            starts_at: span.map(|span| LocalOrInstant::Instant(span.starts_at)),
            ends_at: span.map(|span| LocalOrInstant::Instant(span.ends_at)),
            appearances: self.appearances(&item.appearances),
        }
    }

    fn appearances(&self, appearances: &[Appearance]) -> Vec<AppearanceView> {
        let view = |appearance: &Appearance| {
            let speaker = self.snapshot.speaker(&appearance.speaker)?;
            Some(AppearanceView {
                role: appearance.role,
                speaker: self.speaker_reference(speaker),
                on_behalf_of: self.on_behalf_of(appearance),
            })
        };
        appearances.iter().filter_map(view).collect()
    }

    fn on_behalf_of(&self, appearance: &Appearance) -> Option<SpeakerReference> {
        let speaker = appearance.on_behalf_of.as_ref().and_then(|code| self.snapshot.speaker(code))?;
        Some(self.speaker_reference(speaker))
    }

    fn participants(&self, item: &Item, roles: &[AppearanceRole]) -> Vec<ParticipantView> {
        let view = |appearance: &Appearance| {
            let speaker = self.speaker_reference(self.snapshot.speaker(&appearance.speaker)?);
            Some(ParticipantView { speaker, on_behalf_of: self.on_behalf_of(appearance) })
        };
        item.appearances.iter().filter(|appearance| roles.contains(&appearance.role)).filter_map(view).collect()
    }

    fn speaker_reference(&self, speaker: &Speaker) -> SpeakerReference {
        SpeakerReference {
            code: speaker.code.clone(),
            name: self.name(speaker),
            honorific: self.optional_text(speaker.honorific.as_ref()),
            position: self.optional_text(speaker.position.as_ref()),
            organisation: self.organisation_reference(speaker.organisation.as_ref()),
        }
    }

    fn organisation_reference(&self, code: Option<&Code>) -> Option<Reference> {
        let view = |organisation: &Organisation| Reference {
            code: organisation.code.clone(),
            name: self.text(&organisation.name),
        };
        code.and_then(|code| self.snapshot.organisation(code)).map(view)
    }

    fn room_reference(&self, session: &Session) -> Option<Reference> {
        let room = session.room.as_ref().and_then(|code| self.snapshot.room(code))?;
        Some(Reference { code: room.code.clone(), name: self.text(&room.name) })
    }

    fn session_reference(&self, session: &Session) -> SessionReference {
        SessionReference {
            code: session.code.clone(),
            title: self.text(&session.title),
            starts_at: session.starts_at,
            ends_at: session.ends_at,
            room: self.room_reference(session),
        }
    }

    fn items_of_kind<'q>(
        &'q self,
        query: &'q ProgrammeQuery,
        kind: ItemKind,
    ) -> impl Iterator<Item = (&'q Session, &'q Item, Option<Span>)> {
        self.selected_sessions(query)
            .flat_map(|session| {
                session.items.iter().zip(item_spans(session)).map(move |(item, span)| (session, item, span))
            })
            .filter(move |(_, item, span)| item.kind == kind && query.selects_item(item, *span))
    }

    pub fn panels(&self, query: &ProgrammeQuery) -> Vec<PanelView> {
        self.items_of_kind(query, ItemKind::Panel)
            .map(|(session, item, span)| PanelView {
                code: item.code.clone(),
                title: self.text(&item.title),
                r#abstract: self.optional_text(item.abstract_.as_ref()),
                starts_at: span.map(|span| LocalOrInstant::Instant(span.starts_at)),
                ends_at: span.map(|span| LocalOrInstant::Instant(span.ends_at)),
                session: self.session_reference(session),
                moderators: self.participants(item, &[AppearanceRole::Moderator, AppearanceRole::Chair]),
                panellists: self.participants(item, &[AppearanceRole::Panellist, AppearanceRole::Speaker]),
            })
            .collect()
    }

    pub fn keynotes(&self, query: &ProgrammeQuery) -> Vec<KeynoteView> {
        self.items_of_kind(query, ItemKind::Keynote)
            .map(|(session, item, span)| KeynoteView {
                code: item.code.clone(),
                title: self.text(&item.title),
                r#abstract: self.optional_text(item.abstract_.as_ref()),
                starts_at: span.map(|span| LocalOrInstant::Instant(span.starts_at)),
                ends_at: span.map(|span| LocalOrInstant::Instant(span.ends_at)),
                session: self.session_reference(session),
                speakers: self.participants(item, &[AppearanceRole::KeynoteSpeaker, AppearanceRole::Speaker]),
            })
            .collect()
    }

    pub fn high_level_session(&self) -> Option<HighLevelSessionView> {
        let session =
            self.snapshot.agenda.sessions.iter().find(|session| session.kind == SessionKind::HighLevelPolitical)?;
        let mut view = self.session(session);
        let mut take_items = |kind| {
            let (items_of_kind, others) =
                std::mem::take(&mut view.items).into_iter().partition(|item| item.kind == kind);
            view.items = others;
            items_of_kind
        };
        let ministerial_interventions = take_items(ItemKind::MinisterialIntervention);
        let institutional_responses = take_items(ItemKind::InstitutionalResponse);
        Some(HighLevelSessionView { session: view, ministerial_interventions, institutional_responses })
    }

    pub fn call_for_action(&self) -> Option<CallForActionView> {
        let call = self.snapshot.agenda.call_for_action.as_ref()?;
        let issuer = call.issued_by.as_ref();
        let speaker = issuer.and_then(|issuer| issuer.speaker.as_ref()).and_then(|code| self.snapshot.speaker(code));
        let issued_by = match speaker {
            Some(speaker) => {
                Some(Reference { code: speaker.code.clone(), name: ReaderText::Plain(self.name(speaker)) })
            }
            None => self.organisation_reference(issuer.and_then(|issuer| issuer.organisation.as_ref())),
        };
        Some(CallForActionView {
            title: self.text(&call.title),
            preamble: self.optional_text(call.preamble.as_ref()),
            commitments: call
                .commitments
                .iter()
                .zip(1..)
                .map(|(commitment, number)| CommitmentView {
                    number,
                    text: self.text(&commitment.text),
                    basis: self.optional_text(commitment.basis.as_ref()),
                })
                .collect(),
            issued_by,
            status: call.status,
        })
    }
}
