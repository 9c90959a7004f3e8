//! The types of the programme's answers: each part of a release, in the reader's language. A reference is a code with
//! the name or title that a reader needs.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    agenda::document::{
        AppearanceRole, CallForActionStatus, ItemKind, OrganisationKind, OrganisationRole, Precedence, SessionAccess,
        SessionKind,
    },
    clock,
    ids::{ConferenceId, ItemId, RoomId, SessionId, SpeakerId, TrackId},
    programme::{negotiate::ReaderText, release::ReleaseRow},
    values::{Code, Count, CountryCode, Date, LanguageTag, Line, LocalOrInstant, TimeZone, WebAddress},
};

/// A list of elements.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// Elements of the list, in order.
    pub data: Vec<T>,
}

/// A reference to something by its code, with its name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Reference {
    /// Code of the thing: short, lower-case and unique in the conference, such as `plenary-hall`.
    pub code: Code,
    /// Name to show for it.
    pub name: ReaderText,
}

/// The released programme. If the query selects sessions, it contains only these, and the tracks, rooms and speakers
/// that they refer to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProgrammeView {
    /// The conference itself: name, dates, venue and organisations.
    pub conference: ConferenceView,
    /// Release that the programme belongs to; null in a preview of the draft.
    pub release: Option<ReleaseView>,
    /// Languages of the conference (BCP 47 tags); the first one is the default.
    pub languages: Vec<LanguageTag>,
    /// Tracks (themes) of the conference.
    pub tracks: Vec<TrackView>,
    /// Rooms of the conference.
    pub rooms: Vec<RoomView>,
    /// Speakers of the conference. `GET .../programme/speakers` also lists their appearances.
    pub speakers: Vec<SpeakerView>,
    /// Days, each with its sessions in order of start time.
    pub days: Vec<DayView>,
}

/// A release of the programme, as the public sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseView {
    /// Number of the release. The first release of a conference has number 1.
    pub number: i32,
    /// Time of publication (RFC 3339, UTC).
    pub released_at: String,
    /// Note on what changed and why; null if there is none.
    pub note: Option<String>,
    /// Number of the earlier release that this release published again; null if it does not restore one.
    pub restores: Option<i32>,
}

impl ReleaseView {
    pub fn of(release: &ReleaseRow) -> Self {
        Self {
            number: release.number,
            released_at: clock::wire(release.released_at),
            note: release.note.clone(),
            restores: release.restores,
        }
    }
}

/// A conference, as the public sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConferenceView {
    /// Identifier of the conference (UUID). It never changes, while the slug may.
    pub id: ConferenceId,
    /// Name of the conference in URLs: short and lower-case, such as `peace-2030`.
    pub slug: Code,
    /// Name of the conference.
    pub name: ReaderText,
    /// Description of the conference; null if there is none.
    pub description: Option<ReaderText>,
    /// First date (`YYYY-MM-DD`).
    pub starts_on: Date,
    /// Last date (`YYYY-MM-DD`).
    pub ends_on: Date,
    /// IANA time zone of all times of the programme, such as `Europe/Brussels`.
    pub time_zone: TimeZone,
    /// Languages of the conference (BCP 47 tags); the first one is the default.
    pub languages: Vec<LanguageTag>,
    /// Venue of the conference; null if it is not given.
    pub venue: Option<VenueView>,
    /// Organisers, hosts and partners of the conference.
    pub organisations: Vec<OrganisationView>,
    /// Whether the conference only shows how the service works.
    pub is_demonstration: bool,
}

/// The venue of a conference.
#[derive(Debug, Serialize, ToSchema)]
pub struct VenueView {
    /// Name of the venue.
    pub name: ReaderText,
    /// Street and number; null if not given.
    pub address: Option<ReaderText>,
    /// City; null if not given.
    pub city: Option<ReaderText>,
    /// Country (ISO 3166-1 alpha-2 code); null if not given.
    pub country: Option<CountryCode>,
}

/// An organisation that organises, hosts or supports the conference.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganisationView {
    /// Code of the organisation: short, lower-case and unique in the conference, such as `university-for-peace`.
    pub code: Code,
    /// Name of the organisation.
    pub name: ReaderText,
    /// Kind of organisation, such as a State, a university or an NGO.
    pub kind: OrganisationKind,
    /// Role of the organisation in the conference: organiser, host or partner.
    pub role: OrganisationRole,
    /// Country (ISO 3166-1 alpha-2 code); null if not given.
    pub country: Option<CountryCode>,
    /// Address of its website; null if not given.
    pub website: Option<WebAddress>,
}

/// A track: a theme that several sessions share.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrackView {
    /// Identifier of the track (UUID). It never changes, while the code may.
    pub id: TrackId,
    /// Code of the track: short, lower-case and unique in the conference, such as `education`.
    pub code: Code,
    /// Name of the track.
    pub name: ReaderText,
    /// Description of the track; null if there is none.
    pub description: Option<ReaderText>,
}

/// A room of the conference.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomView {
    /// Identifier of the room (UUID). It never changes, while the code may.
    pub id: RoomId,
    /// Code of the room: short, lower-case and unique in the conference, such as `plenary-hall`.
    pub code: Code,
    /// Name of the room.
    pub name: ReaderText,
    /// Largest number of people in the room; null if not given.
    pub capacity: Option<Count<1>>,
}

/// A speaker: a person who appears in the programme.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpeakerView {
    /// Identifier of the speaker (UUID). It never changes, while the code may.
    pub id: SpeakerId,
    /// Code of the speaker: short, lower-case and unique in the conference, such as `ban-ki-moon`.
    pub code: Code,
    /// Given name and family name, without the form of address. Where the organisers withhold the name, a text that
    /// says so.
    pub name: String,
    /// Form of address, such as `Dr`, `H.E.` or `Sir`; null if there is none.
    pub honorific: Option<ReaderText>,
    /// Given name; null for a person who has only one name.
    pub given_name: Option<Line<200>>,
    /// Family name, or the only name of the person.
    pub family_name: Line<200>,
    /// Office or function, such as `Minister of Education`; null if it is not given.
    pub position: Option<ReaderText>,
    /// Organisation that the speaker speaks for; null if there is none.
    pub organisation: Option<Reference>,
    /// Country (ISO 3166-1 alpha-2 code); null if not given.
    pub country: Option<CountryCode>,
    /// Biography; null if there is none.
    pub biography: Option<ReaderText>,
    /// Rank group in the order of precedence (protocol); null if not given.
    pub precedence: Option<Precedence>,
}

/// A speaker with everything that they appear in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpeakerDetail {
    /// The speaker.
    #[serde(flatten)]
    pub speaker: SpeakerView,
    /// Sessions and items in which the speaker appears, in order of the programme. If the query selects sessions, only
    /// those of the selected sessions.
    pub appearances: Vec<SpeakerAppearance>,
}

/// A session or an item in which a speaker appears.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpeakerAppearance {
    /// Role of the speaker there.
    pub role: AppearanceRole,
    /// Speaker whom this person represents; null if they appear for themselves.
    pub on_behalf_of: Option<SpeakerReference>,
    /// Session in which the speaker appears.
    pub session: SessionReference,
    /// Item of the session in which the speaker appears; null if they appear in the session itself, for instance as its
    /// chair.
    pub item: Option<ItemReference>,
}

/// A reference to a speaker by their code, with what a programme shows of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpeakerReference {
    /// Code of the speaker: short, lower-case and unique in the conference, such as `ban-ki-moon`.
    pub code: Code,
    /// Given name and family name, without the form of address. Where the organisers withhold the name, a text that
    /// says so.
    pub name: String,
    /// Form of address, such as `Dr`, `H.E.` or `Sir`; null if there is none.
    pub honorific: Option<ReaderText>,
    /// Office or function, such as `Minister of Education`; null if it is not given.
    pub position: Option<ReaderText>,
    /// Organisation that the speaker speaks for; null if there is none.
    pub organisation: Option<Reference>,
}

/// A reference to a session by its code, with its title, times and room.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionReference {
    /// Code of the session: short, lower-case and unique in the conference, such as `high-level-political-session`.
    pub code: Code,
    /// Title of the session.
    pub title: ReaderText,
    /// Start time (RFC 3339, with the offset of the conference's time zone).
    pub starts_at: LocalOrInstant,
    /// End time (RFC 3339, with the offset of the conference's time zone).
    pub ends_at: LocalOrInstant,
    /// Room of the session; null if it has none.
    pub room: Option<Reference>,
}

/// A reference to an item of a session by its code, with its kind and title.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ItemReference {
    /// Code of the item: short, lower-case and unique in the conference, such as `opening-keynote`.
    pub code: Code,
    /// Kind of item, such as `keynote` or `panel`.
    pub kind: ItemKind,
    /// Title of the item.
    pub title: ReaderText,
}

/// A day of the conference with its sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayView {
    /// Date of the day (`YYYY-MM-DD`).
    pub date: Date,
    /// Title of the day; null if there is none.
    pub title: Option<ReaderText>,
    /// Sessions of the day, in order of start time.
    pub sessions: Vec<SessionView>,
}

/// A session: a block of a day, with its items.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Identifier of the session (UUID). It never changes, while the code may.
    pub id: SessionId,
    /// Identifier by which other systems know the session, for instance in calendars and `schedule.xml`: the one that
    /// it was imported with, otherwise its `id`.
    pub guid: SessionId,
    /// Code of the session: short, lower-case and unique in the conference, such as `high-level-political-session`.
    pub code: Code,
    /// Kind of session, such as `opening` or `parallel`.
    pub kind: SessionKind,
    /// Title of the session.
    pub title: ReaderText,
    /// Summary of the session; null if there is none.
    pub r#abstract: Option<ReaderText>,
    /// Date of the day to which the session belongs (`YYYY-MM-DD`); null if it belongs to none.
    pub day: Option<Date>,
    /// Start time (RFC 3339, with the offset of the conference's time zone).
    pub starts_at: LocalOrInstant,
    /// End time (RFC 3339, with the offset of the conference's time zone).
    pub ends_at: LocalOrInstant,
    /// Room of the session; null if it has none.
    pub room: Option<Reference>,
    /// Track of the session; null if it has none.
    pub track: Option<Reference>,
    /// Languages spoken in the session (BCP 47 tags).
    pub languages: Vec<LanguageTag>,
    /// Languages into which the session is interpreted (BCP 47 tags).
    pub interpretation: Vec<LanguageTag>,
    /// Who may attend: everybody, people who sign up, or people who are invited.
    pub access: SessionAccess,
    /// Number of seats; null if it is not limited.
    pub seats: Option<Count<0>>,
    /// People who appear in the session itself, such as its chair.
    pub appearances: Vec<AppearanceView>,
    /// Items of the session, in order.
    pub items: Vec<ItemView>,
}

/// An agenda item of a session.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemView {
    /// Position of the item in its session, from 1.
    pub ordinal: usize,
    /// Identifier of the item (UUID). It never changes, while the code may.
    pub id: ItemId,
    /// Code of the item: short, lower-case and unique in the conference, such as `opening-keynote`.
    pub code: Code,
    /// Kind of item, such as `keynote` or `panel`.
    pub kind: ItemKind,
    /// Title of the item.
    pub title: ReaderText,
    /// Summary of the item; null if there is none.
    pub r#abstract: Option<ReaderText>,
    /// Longest duration of the item, in minutes; null if it is not limited.
    pub time_limit_minutes: Option<Count<1>>,
    /// Start time (RFC 3339, with the offset of the conference's time zone). It is known only if this item and every
    /// item before it in the session have a time limit, and the item ends within the session; otherwise null.
    pub starts_at: Option<LocalOrInstant>,
    /// End time (RFC 3339, with the offset of the conference's time zone); null if it is not known.
    pub ends_at: Option<LocalOrInstant>,
    /// People who appear in the item, in order.
    pub appearances: Vec<AppearanceView>,
}

/// The appearance of a speaker in a session or an item.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppearanceView {
    /// Role of the speaker there, such as `moderator` or `panellist`.
    pub role: AppearanceRole,
    /// The speaker.
    pub speaker: SpeakerReference,
    /// Speaker whom this person represents; null if they appear for themselves.
    pub on_behalf_of: Option<SpeakerReference>,
}

/// A speaker in a panel or a keynote.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParticipantView {
    /// The speaker.
    #[serde(flatten)]
    pub speaker: SpeakerReference,
    /// Speaker whom this person represents; null if they appear for themselves.
    pub on_behalf_of: Option<SpeakerReference>,
}

/// A panel: a topic with its moderators and panellists.
#[derive(Debug, Serialize, ToSchema)]
pub struct PanelView {
    /// Code of the panel: short, lower-case and unique in the conference, such as `panel-on-education`.
    pub code: Code,
    /// Topic of the panel.
    pub title: ReaderText,
    /// Summary of the panel; null if there is none.
    pub r#abstract: Option<ReaderText>,
    /// Start time (RFC 3339, with the offset of the conference's time zone). It is known only if this item and every
    /// item before it in the session have a time limit, and the item ends within the session; otherwise null.
    pub starts_at: Option<LocalOrInstant>,
    /// End time (RFC 3339, with the offset of the conference's time zone); null if it is not known.
    pub ends_at: Option<LocalOrInstant>,
    /// Session that contains the panel.
    pub session: SessionReference,
    /// Speakers who moderate or chair the panel.
    pub moderators: Vec<ParticipantView>,
    /// Panellists and other speakers of the panel.
    pub panellists: Vec<ParticipantView>,
}

/// A keynote.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeynoteView {
    /// Code of the keynote: short, lower-case and unique in the conference, such as `opening-keynote`.
    pub code: Code,
    /// Title of the keynote.
    pub title: ReaderText,
    /// Summary of the keynote; null if there is none.
    pub r#abstract: Option<ReaderText>,
    /// Start time (RFC 3339, with the offset of the conference's time zone). It is known only if this item and every
    /// item before it in the session have a time limit, and the item ends within the session; otherwise null.
    pub starts_at: Option<LocalOrInstant>,
    /// End time (RFC 3339, with the offset of the conference's time zone); null if it is not known.
    pub ends_at: Option<LocalOrInstant>,
    /// Session that contains the keynote.
    pub session: SessionReference,
    /// Speakers who give the keynote.
    pub speakers: Vec<ParticipantView>,
}

/// The sessions that take place at a given time, and those that come next.
#[derive(Debug, Serialize, ToSchema)]
pub struct NowView {
    /// Time that the answer describes (RFC 3339, with the offset of the conference's time zone): the value of `?at=`,
    /// otherwise the current minute.
    pub at: LocalOrInstant,
    /// Sessions that take place at this time, breaks included, in order of start time.
    pub now: Vec<RunningView>,
    /// Sessions of the next time slot: all that start together as the first ones after this time. If no more start on
    /// the day of this time, those that start first on the day that follows; empty if none start on that day, either.
    pub next: Vec<SessionView>,
}

/// A session that takes place at the given time.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunningView {
    /// The session.
    pub session: SessionView,
    /// Item of the session that takes place at this time; null if it is not known.
    pub item: Option<ItemView>,
    /// End time of the current item, if it is known, otherwise of the session (RFC 3339, with the offset of the
    /// conference's time zone).
    pub ends_at: LocalOrInstant,
}

/// The high-level political session, with its interventions and responses in lists of their own.
#[derive(Debug, Serialize, ToSchema)]
pub struct HighLevelSessionView {
    /// The session. Its `items` are only those that are neither an intervention nor a response.
    #[serde(flatten)]
    pub session: SessionView,
    /// Interventions of ministers, in order.
    pub ministerial_interventions: Vec<ItemView>,
    /// Responses of institutions, in order.
    pub institutional_responses: Vec<ItemView>,
}

/// The call for action: the outcome document of the conference.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallForActionView {
    /// Title of the document.
    pub title: ReaderText,
    /// Text before the commitments; null if there is none.
    pub preamble: Option<ReaderText>,
    /// Commitments of the document, in order.
    pub commitments: Vec<CommitmentView>,
    /// Speaker or organisation that issues the document; null if not given.
    pub issued_by: Option<Reference>,
    /// Status of the document: `drafted` while it is being written, `adopted` once the conference has adopted it.
    pub status: CallForActionStatus,
}

/// One commitment of the call for action.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommitmentView {
    /// Number of the commitment, from 1.
    pub number: usize,
    /// Text of the commitment.
    pub text: ReaderText,
    /// Treaty, resolution or norm on which the commitment is based; null if not given.
    pub basis: Option<ReaderText>,
}
