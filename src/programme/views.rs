//! What readers get: each part of a release as its own shape, in the reader's language. References are codes with what
//! a reader needs beside them.

use serde::Serialize;
use utoipa::ToSchema;

use super::{negotiate::ReaderText, release::ReleaseRow};
use crate::{
    agenda::document::{
        AppearanceRole, CallForActionStatus, ItemKind, OrganisationKind, OrganisationRole, Precedence, SessionAccess,
        SessionKind,
    },
    clock,
    ids::{ConferenceId, ItemId, RoomId, SessionId, SpeakerId, TrackId},
    values::{Code, Count, CountryCode, Date, LanguageTag, Line, Moment, TimeZone, WebAddress},
};

/// A list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// Its elements, in order.
    pub data: Vec<T>,
}

/// Something with a name, referred to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Reference {
    /// Its code.
    pub code: Code,
    /// Its name.
    pub name: ReaderText,
}

/// The released programme; of a filtered one, the tracks, rooms and speakers that its sessions refer to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProgrammeView {
    /// The event itself.
    pub conference: ConferenceView,
    /// Which release this is; none in a preview of the draft.
    pub release: Option<ReleaseView>,
    /// The languages there are.
    pub languages: Vec<LanguageTag>,
    /// The themes.
    pub tracks: Vec<TrackView>,
    /// The rooms.
    pub rooms: Vec<RoomView>,
    /// The people who appear.
    pub speakers: Vec<SpeakerView>,
    /// The days, each with its sessions in running order.
    pub days: Vec<DayView>,
}

/// Which release a programme is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseView {
    /// Its number, from 1.
    pub number: i32,
    /// When it was published.
    pub released_at: String,
    /// What the organisers say about it.
    pub note: Option<String>,
    /// The number of the release that it published again.
    pub restores: Option<i32>,
}

impl ReleaseView {
    /// What the public may know of a release.
    pub fn of(release: &ReleaseRow) -> Self {
        Self {
            number: release.number,
            released_at: clock::wire(release.released_at),
            note: release.note.clone(),
            restores: release.restores,
        }
    }
}

/// The event itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConferenceView {
    /// Its id.
    pub id: ConferenceId,
    /// Its name in URLs.
    pub slug: Code,
    /// Its name.
    pub name: ReaderText,
    /// What it is about.
    pub description: Option<ReaderText>,
    /// Its first date.
    pub starts_on: Date,
    /// Its last date.
    pub ends_on: Date,
    /// The time zone of its times.
    pub time_zone: TimeZone,
    /// Its languages.
    pub languages: Vec<LanguageTag>,
    /// Where it is.
    pub venue: Option<VenueView>,
    /// Who organises, hosts and supports it.
    pub organisations: Vec<OrganisationView>,
}

/// Where a conference is.
#[derive(Debug, Serialize, ToSchema)]
pub struct VenueView {
    /// Its name.
    pub name: ReaderText,
    /// Street and number.
    pub address: Option<ReaderText>,
    /// The city.
    pub city: Option<ReaderText>,
    /// The country.
    pub country: Option<CountryCode>,
}

/// An organisation's part in the conference.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganisationView {
    /// Its code.
    pub code: Code,
    /// Its name.
    pub name: ReaderText,
    /// What it is.
    pub kind: OrganisationKind,
    /// What it does for the conference.
    pub role: OrganisationRole,
    /// Its country.
    pub country: Option<CountryCode>,
    /// Its website.
    pub website: Option<WebAddress>,
}

/// A theme.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrackView {
    /// Its id.
    pub id: TrackId,
    /// Its code.
    pub code: Code,
    /// Its name.
    pub name: ReaderText,
    /// What it is about.
    pub description: Option<ReaderText>,
}

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomView {
    /// Its id.
    pub id: RoomId,
    /// Its code.
    pub code: Code,
    /// Its name.
    pub name: ReaderText,
    /// How many people it holds.
    pub capacity: Option<Count<1>>,
}

/// A person who appears.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpeakerView {
    /// Their id.
    pub id: SpeakerId,
    /// Their code.
    pub code: Code,
    /// Given and family name.
    pub name: String,
    /// Dr, H.E., Sir.
    pub honorific: Option<ReaderText>,
    /// The given name; none for someone who has but one name.
    pub given_name: Option<Line<200>>,
    /// The family name, or the one name.
    pub family_name: Line<200>,
    /// What they are.
    pub position: Option<ReaderText>,
    /// Whom they speak for.
    pub organisation: Option<Reference>,
    /// Their country.
    pub country: Option<CountryCode>,
    /// Who they are.
    pub biography: Option<ReaderText>,
    /// Their class in the order of precedence.
    pub precedence: Option<Precedence>,
}

/// A person who appears, with all that they appear in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpeakerDetail {
    /// Who they are.
    #[serde(flatten)]
    pub speaker: SpeakerView,
    /// What they appear in, in running order.
    pub appearances: Vec<SpeakerAppearance>,
}

/// Something that a speaker appears in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpeakerAppearance {
    /// What they do there.
    pub role: AppearanceRole,
    /// On whose behalf, where they stand in for somebody.
    pub on_behalf_of: Option<SpeakerReference>,
    /// The session.
    pub session: SessionReference,
    /// The item in it; none when they appear in the session as such.
    pub item: Option<ItemReference>,
}

/// A speaker, referred to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpeakerReference {
    /// Their code.
    pub code: Code,
    /// Given and family name.
    pub name: String,
    /// Dr, H.E., Sir.
    pub honorific: Option<ReaderText>,
    /// What they are.
    pub position: Option<ReaderText>,
    /// Whom they speak for.
    pub organisation: Option<Reference>,
}

/// A session, referred to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionReference {
    /// Its code.
    pub code: Code,
    /// Its title.
    pub title: ReaderText,
    /// When it starts.
    pub starts_at: Moment,
    /// When it ends.
    pub ends_at: Moment,
    /// Its room.
    pub room: Option<Reference>,
}

/// An item, referred to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ItemReference {
    /// Its code.
    pub code: Code,
    /// What it is.
    pub kind: ItemKind,
    /// Its title.
    pub title: ReaderText,
}

/// A day with its sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayView {
    /// The date.
    pub date: Date,
    /// What the day is about.
    pub title: Option<ReaderText>,
    /// Its sessions in running order.
    pub sessions: Vec<SessionView>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// The identifier that other systems know it by: the one that it was imported with, else its id.
    pub guid: SessionId,
    /// Its code.
    pub code: Code,
    /// What it is.
    pub kind: SessionKind,
    /// Its title.
    pub title: ReaderText,
    /// What it is about.
    pub r#abstract: Option<ReaderText>,
    /// The day on which it lies.
    pub day: Option<Date>,
    /// When it starts, in the conference's offset.
    pub starts_at: Moment,
    /// When it ends.
    pub ends_at: Moment,
    /// Its room.
    pub room: Option<Reference>,
    /// Its track.
    pub track: Option<Reference>,
    /// The languages spoken.
    pub languages: Vec<LanguageTag>,
    /// The languages it is interpreted into.
    pub interpretation: Vec<LanguageTag>,
    /// Who may come.
    pub access: SessionAccess,
    /// How many may come.
    pub seats: Option<Count<0>>,
    /// Who presides over it.
    pub appearances: Vec<AppearanceView>,
    /// What happens in it, in running order.
    pub items: Vec<ItemView>,
}

/// An agenda item.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemView {
    /// Its place in the running order of its session, from 1.
    pub ordinal: usize,
    /// Its id.
    pub id: ItemId,
    /// Its code.
    pub code: Code,
    /// What it is.
    pub kind: ItemKind,
    /// Its title.
    pub title: ReaderText,
    /// What it is about.
    pub r#abstract: Option<ReaderText>,
    /// How long it may last.
    pub time_limit_minutes: Option<Count<1>>,
    /// When it starts, where that is known: it and all items before it have a time limit.
    pub starts_at: Option<Moment>,
    /// When it ends, where that is known.
    pub ends_at: Option<Moment>,
    /// Who appears in it.
    pub appearances: Vec<AppearanceView>,
}

/// A speaker in an item or session.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppearanceView {
    /// What they do there.
    pub role: AppearanceRole,
    /// Who.
    pub speaker: SpeakerReference,
    /// On whose behalf, where they stand in for somebody.
    pub on_behalf_of: Option<SpeakerReference>,
}

/// A speaker in a panel or a keynote.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParticipantView {
    /// Who.
    #[serde(flatten)]
    pub speaker: SpeakerReference,
    /// On whose behalf, where they stand in for somebody.
    pub on_behalf_of: Option<SpeakerReference>,
}

/// A panel: its topic, its moderators and its panellists.
#[derive(Debug, Serialize, ToSchema)]
pub struct PanelView {
    /// Its code.
    pub code: Code,
    /// Its topic.
    pub title: ReaderText,
    /// What it is about.
    pub r#abstract: Option<ReaderText>,
    /// When it starts, where that is known: it and all items before it have a time limit.
    pub starts_at: Option<Moment>,
    /// When it ends, where that is known.
    pub ends_at: Option<Moment>,
    /// The session it is in.
    pub session: SessionReference,
    /// Who leads it.
    pub moderators: Vec<ParticipantView>,
    /// Who sits on it.
    pub panellists: Vec<ParticipantView>,
}

/// A keynote.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeynoteView {
    /// Its code.
    pub code: Code,
    /// Its title.
    pub title: ReaderText,
    /// What it is about.
    pub r#abstract: Option<ReaderText>,
    /// When it starts, where that is known: it and all items before it have a time limit.
    pub starts_at: Option<Moment>,
    /// When it ends, where that is known.
    pub ends_at: Option<Moment>,
    /// The session it is in.
    pub session: SessionReference,
    /// Who gives it.
    pub speakers: Vec<ParticipantView>,
}

/// What is on at an instant, and what comes next.
#[derive(Debug, Serialize, ToSchema)]
pub struct NowView {
    /// The instant: the one that was asked for, else the present minute.
    pub at: Moment,
    /// The sessions that are on, pauses too, in running order.
    pub now: Vec<RunningView>,
    /// In each room the first session that starts later, on whichever day; sessions without a room count as one place.
    pub next: Vec<SessionView>,
}

/// A session that is on.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunningView {
    /// The session.
    pub session: SessionView,
    /// The item of it that is on, where that is known.
    pub item: Option<ItemView>,
    /// When what is on ends: the item, else the session.
    pub ends_at: Moment,
}

/// The high-level political session.
#[derive(Debug, Serialize, ToSchema)]
pub struct HighLevelSessionView {
    /// The session; its `items` are those that are neither an intervention nor a response.
    #[serde(flatten)]
    pub session: SessionView,
    /// The ministers' interventions, in running order.
    pub ministerial_interventions: Vec<ItemView>,
    /// The institutions' responses, in running order.
    pub institutional_responses: Vec<ItemView>,
}

/// The conference's outcome document.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallForActionView {
    /// Its title.
    pub title: ReaderText,
    /// What goes before the commitments.
    pub preamble: Option<ReaderText>,
    /// What is asked for.
    pub commitments: Vec<CommitmentView>,
    /// Who issues it: a speaker or an organisation.
    pub issued_by: Option<Reference>,
    /// How far it is.
    pub status: CallForActionStatus,
}

/// One thing that is asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommitmentView {
    /// Its number, from 1.
    pub number: usize,
    /// What is asked for.
    pub text: ReaderText,
    /// The norm that it rests on.
    pub basis: Option<ReaderText>,
}
