//! The agenda as a document: what organisers write in a blueprint file, send to the API and get back.

use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ids::{CallForActionId, ConferenceId, DayId, ItemId, OrganisationId, RoomId, SessionId, SpeakerId, TrackId},
    validation::ValidationErrors,
    values::{
        Code, Count, CountryCode, Date, LanguageTag, Line, LocalOrInstant, Localised, TimeOfDay, TimeZone, WebAddress,
        text_enum,
    },
};

text_enum! {
    /// Part of an organisation in the conference.
    OrganisationRole {
        /// Organises the conference.
        Organiser = "organiser",
        /// Hosts the conference.
        Host = "host",
        /// Works with the organisers.
        Partner = "partner",
    }
}
text_enum! {
    /// Who finds a conference.
    Listing {
        /// Everybody: it is in lists, and search engines may show it.
        Listed = "listed",
        /// Whoever knows its address: it is in no list, and search engines are told not to show it.
        Unlisted = "unlisted",
        /// Holders of a token or a personal link. For everybody else it does not exist.
        Private = "private",
    }
}
text_enum! {
    /// Kind of an organisation.
    OrganisationKind {
        /// A State.
        State = "state",
        /// An organisation of States.
        InternationalOrganisation = "international_organisation",
        /// An organisation of the States of one region.
        RegionalOrganisation = "regional_organisation",
        /// A ministry, a parliament or a public agency.
        GovernmentBody = "government_body",
        /// A university.
        University = "university",
        /// A research institute.
        ResearchInstitute = "research_institute",
        /// A non-governmental organisation.
        Ngo = "ngo",
        /// Press, radio or television.
        Media = "media",
        /// A company.
        Company = "company",
        /// Any other organisation.
        Other = "other",
    }
}
text_enum! {
    /// A speaker's class in the order of precedence, from the highest to the lowest.
    Precedence {
        /// A head of State.
        HeadOfState = "head_of_state",
        /// A head of government.
        HeadOfGovernment = "head_of_government",
        /// A vice-president.
        VicePresident = "vice_president",
        /// A minister.
        Minister = "minister",
        /// A deputy minister.
        DeputyMinister = "deputy_minister",
        /// The head of an international organisation.
        HeadOfOrganisation = "head_of_organisation",
        /// An ambassador.
        Ambassador = "ambassador",
        /// Any other speaker; also the class of a speaker without one.
        Other = "other",
    }
}
text_enum! {
    /// Kind of a session.
    SessionKind {
        /// The opening of the conference.
        Opening = "opening",
        /// A session on one theme.
        Thematic = "thematic",
        /// Interventions of ministers, and responses of institutions. The order of precedence is checked here.
        HighLevelPolitical = "high_level_political",
        /// The closing of the conference.
        Closing = "closing",
        /// A session held at the same time as others.
        Parallel = "parallel",
        /// An event on the margins of the conference.
        SideEvent = "side_event",
        /// A ceremony.
        Ceremony = "ceremony",
        /// A social event, such as a reception or a dinner.
        Social = "social",
        /// A break without a programme, such as lunch.
        Break = "break",
    }
}
text_enum! {
    /// Who may attend a session.
    SessionAccess {
        /// Every participant may attend.
        Open = "open",
        /// Only participants who signed up for the session.
        SignUp = "sign_up",
        /// Only participants who were invited to the session.
        Invitation = "invitation",
    }
}
text_enum! {
    /// Kind of an agenda item.
    ItemKind {
        /// A welcome address.
        WelcomeAddress = "welcome_address",
        /// A keynote.
        Keynote = "keynote",
        /// A panel: a topic, its moderator and its panellists.
        Panel = "panel",
        /// A statement by a speaker.
        Statement = "statement",
        /// An intervention by a minister. Ordered by precedence.
        MinisterialIntervention = "ministerial_intervention",
        /// A response by an institution. Ordered by precedence, after the ministerial interventions.
        InstitutionalResponse = "institutional_response",
        /// A discussion.
        Discussion = "discussion",
        /// The call for action is read out.
        CallForAction = "call_for_action",
        /// A performance, such as music, theatre or film.
        Performance = "performance",
        /// A pause.
        Break = "break",
    }
}
text_enum! {
    /// Role of a speaker in an item or session.
    AppearanceRole {
        /// Presides over the session.
        Chair = "chair",
        /// Leads the discussion.
        Moderator = "moderator",
        /// Gives the keynote.
        KeynoteSpeaker = "keynote_speaker",
        /// Takes part in the panel.
        Panellist = "panellist",
        /// Speaks, without another role.
        Speaker = "speaker",
        /// Reports on the session or item.
        Rapporteur = "rapporteur",
    }
}
text_enum! {
    /// Who sees a session, item or speaker once the agenda is released.
    Visibility {
        /// Everyone.
        Public = "public",
        /// People with a confirmed registration, through their personal link; the public sees nothing.
        Attendees = "attendees",
        /// Nobody: a placeholder is published instead.
        Withheld = "withheld",
    }
}
text_enum! {
    /// How the order of precedence ranks speakers of the same class, agreed rank and date of taking office.
    ProtocolRule {
        /// By the time of inscription on the list of speakers.
        Inscription = "inscription",
        /// By the English name of the State; without a State, by the English name of the organisation.
        EnglishAlphabet = "english_alphabet",
        /// By the French name of the State; without a State, by the French name of the organisation.
        FrenchAlphabet = "french_alphabet",
    }
}
text_enum! {
    /// Status of the call for action.
    CallForActionStatus {
        /// The text is being drafted.
        Drafted = "drafted",
        /// The conference has adopted the text.
        Adopted = "adopted",
    }
}

/// The whole agenda of one conference. Its parts refer to each other by `code`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Agenda {
    /// The conference's own fields.
    pub conference: Conference,
    /// Organisations that the conference, speakers or the call for action refer to.
    #[deserr(default)]
    #[schema(required = false)]
    pub organisations: Vec<Organisation>,
    /// Days of the conference. Left out or empty: every date from `starts_on` to `ends_on`.
    #[deserr(default)]
    #[schema(required = false)]
    pub days: Vec<Day>,
    /// Rooms of the venue.
    #[deserr(default)]
    #[schema(required = false)]
    pub rooms: Vec<Room>,
    /// Themes that group sessions.
    #[deserr(default)]
    #[schema(required = false)]
    pub tracks: Vec<Track>,
    /// People who appear in the agenda.
    #[deserr(default)]
    #[schema(required = false)]
    pub speakers: Vec<Speaker>,
    /// Sessions, each with its items. The order counts for sessions that start at the same time.
    #[deserr(default)]
    #[schema(required = false)]
    pub sessions: Vec<Session>,
    /// The conference's outcome document; null if there is none.
    #[deserr(default)]
    #[schema(required = false)]
    pub call_for_action: Option<CallForAction>,
}

/// The conference's own fields: name, dates, time zone, venue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Conference {
    /// Identifier (UUID), assigned by the service; never changes. Optional in requests.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<ConferenceId>,
    /// The conference's name in URLs, such as `genocide-prevention-2014`.
    pub slug: Code,
    /// Name of the conference.
    pub name: Localised,
    /// What the conference is about.
    #[deserr(default)]
    #[schema(required = false)]
    pub description: Option<Localised>,
    /// First date of the conference.
    pub starts_on: Date,
    /// Last date of the conference, not before `starts_on`.
    pub ends_on: Date,
    /// IANA time zone of all times of the agenda, such as `Europe/Brussels`.
    pub time_zone: TimeZone,
    /// Languages of the conference (BCP 47), at least one and each once. A text sent as a plain string is in the first.
    pub languages: Vec<LanguageTag>,
    /// Where the conference takes place.
    #[deserr(default)]
    #[schema(required = false)]
    pub venue: Option<Venue>,
    /// Organisations that organise, host or support the conference.
    #[deserr(default)]
    #[schema(required = false)]
    pub organisations: Vec<ConferenceOrganisation>,
    /// Minutes that a person needs from one room to another; 5 if left out. A speaker with less time between sessions
    /// in two rooms causes the conflict `speaker_walking_time`.
    #[deserr(default)]
    #[schema(required = false)]
    pub walking_minutes: Option<Count<0>>,
    /// Whether the conference only shows how the service works, as the shipped example does; its pages say so. `false`
    /// if left out. A copy of the conference does not have it.
    #[deserr(default)]
    #[schema(required = false)]
    pub is_demonstration: bool,
    /// Who finds the conference. Applies at once, and not with a release. If left out, it stays as it is; a new
    /// conference is `listed`, a copy `unlisted`.
    #[deserr(default)]
    #[schema(required = false)]
    pub listing: Option<Listing>,
}

/// Where a conference takes place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Venue {
    /// Name of the venue.
    pub name: Localised,
    /// Street and number.
    #[deserr(default)]
    #[schema(required = false)]
    pub address: Option<Localised>,
    /// City of the venue.
    #[deserr(default)]
    #[schema(required = false)]
    pub city: Option<Localised>,
    /// Country of the venue (ISO 3166-1 alpha-2), such as `BE`.
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<CountryCode>,
}

/// Part of one organisation in the conference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct ConferenceOrganisation {
    /// Code of the organisation.
    pub organisation: Code,
    /// Role of the organisation in the conference.
    pub role: OrganisationRole,
}

/// A State, an international organisation, a university, an NGO or another organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Organisation {
    /// Identifier (UUID), assigned by the service; never changes. Send it together with another `code` to rename the
    /// organisation.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<OrganisationId>,
    /// Stable name of the organisation, unique among the organisations of the conference.
    pub code: Code,
    /// Name of the organisation.
    pub name: Localised,
    /// Kind of organisation.
    pub kind: OrganisationKind,
    /// Country of the organisation (ISO 3166-1 alpha-2).
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<CountryCode>,
    /// Website of the organisation, an absolute address.
    #[deserr(default)]
    #[schema(required = false)]
    pub website: Option<WebAddress>,
}

/// A day of the conference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Day {
    /// Identifier (UUID), assigned by the service; never changes. Optional in requests.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<DayId>,
    /// Date of the day, unique in the conference.
    pub date: Date,
    /// Title of the day, such as its theme.
    #[deserr(default)]
    #[schema(required = false)]
    pub title: Option<Localised>,
    /// Time of day at which this day begins and the day before ends, as `HH:MM`; `00:00` if left out. A session belongs
    /// to the day that has begun last when the session starts.
    #[deserr(default)]
    #[schema(required = false)]
    pub changeover: Option<TimeOfDay>,
}

/// A room in which sessions take place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Room {
    /// Identifier (UUID), assigned by the service; never changes. Send it together with another `code` to rename the
    /// room.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<RoomId>,
    /// Stable name of the room, unique among the rooms of the conference.
    pub code: Code,
    /// Name of the room.
    pub name: Localised,
    /// Number of people that the room holds; null if it is not known.
    #[deserr(default)]
    #[schema(required = false)]
    pub capacity: Option<Count<1>>,
}

/// A theme that groups sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Track {
    /// Identifier (UUID), assigned by the service; never changes. Send it together with another `code` to rename the
    /// track.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<TrackId>,
    /// Stable name of the track, unique among the tracks of the conference.
    pub code: Code,
    /// Name of the track.
    pub name: Localised,
    /// What the track is about.
    #[deserr(default)]
    #[schema(required = false)]
    pub description: Option<Localised>,
}

/// A person who appears in the agenda.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Speaker {
    /// Identifier (UUID), assigned by the service; never changes. Send it together with another `code` to rename the
    /// speaker.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<SpeakerId>,
    /// Stable name of the speaker, unique among the speakers of the conference, such as `ban-ki-moon`.
    pub code: Code,
    /// Title before the name, such as `Dr`, `H.E.` or `Sir`.
    #[deserr(default)]
    #[schema(required = false)]
    pub honorific: Option<Localised>,
    /// Given name, at most 200 characters; null for a person with one name only.
    #[deserr(default)]
    #[schema(required = false)]
    pub given_name: Option<Line<200>>,
    /// Family name, or the person's only name; at most 200 characters.
    pub family_name: Line<200>,
    /// Position or office of the speaker, such as `Minister of Foreign Affairs`.
    #[deserr(default)]
    #[schema(required = false)]
    pub position: Option<Localised>,
    /// Code of the organisation that the speaker represents.
    #[deserr(default)]
    #[schema(required = false)]
    pub organisation: Option<Code>,
    /// Country of the speaker (ISO 3166-1 alpha-2). The alphabetical protocol rules sort by its name.
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<CountryCode>,
    /// Biography of the speaker.
    #[deserr(default)]
    #[schema(required = false)]
    pub biography: Option<Localised>,
    /// Class in the order of precedence; a speaker without one is ordered as `other`.
    #[deserr(default)]
    #[schema(required = false)]
    pub precedence: Option<Precedence>,
    /// Agreed rank in the class, 1 for the highest. It counts before the date of taking office.
    #[deserr(default)]
    #[schema(required = false)]
    pub precedence_rank: Option<Count<1>>,
    /// Date of taking office. Within a class and rank, those longest in office speak first.
    #[deserr(default)]
    #[schema(required = false)]
    pub took_office_on: Option<Date>,
    /// Who sees the speaker's identity until `public_from`; `public` if left out.
    #[deserr(default = Visibility::Public)]
    #[schema(required = false)]
    pub visibility: Visibility,
    /// Time from which everyone sees the speaker's identity. With the visibility `public`, nobody sees it before.
    #[deserr(default)]
    #[schema(required = false)]
    pub public_from: Option<LocalOrInstant>,
}

impl Speaker {
    /// Given and family name, in this order.
    pub fn name(&self) -> String {
        match &self.given_name {
            Some(given_name) => format!("{given_name} {}", self.family_name),
            None => self.family_name.to_string(),
        }
    }
}

/// A session: a block of the day, with its items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Session {
    /// Identifier (UUID), assigned by the service; never changes. Send it together with another `code` to rename the
    /// session.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<SessionId>,
    /// Stable name of the session, unique among the sessions of the conference.
    pub code: Code,
    /// Identifier (UUID) from the file that the session was imported from, or derived from it. Exports use it instead
    /// of `id`.
    #[deserr(default)]
    #[schema(required = false)]
    pub guid: Option<SessionId>,
    /// Kind of session.
    pub kind: SessionKind,
    /// Title of the session.
    pub title: Localised,
    /// What the session is about.
    #[serde(rename = "abstract")]
    #[deserr(default, rename = "abstract")]
    #[schema(required = false)]
    pub abstract_: Option<Localised>,
    /// Start of the session.
    pub starts_at: LocalOrInstant,
    /// End of the session.
    pub ends_at: LocalOrInstant,
    /// Code of the room in which the session takes place.
    #[deserr(default)]
    #[schema(required = false)]
    pub room: Option<Code>,
    /// Code of the track to which the session belongs.
    #[deserr(default)]
    #[schema(required = false)]
    pub track: Option<Code>,
    /// Languages spoken in the session (BCP 47).
    #[deserr(default)]
    #[schema(required = false)]
    pub languages: Vec<LanguageTag>,
    /// Languages into which the session is interpreted (BCP 47).
    #[deserr(default)]
    #[schema(required = false)]
    pub interpretation: Vec<LanguageTag>,
    /// Who may attend; `open` if left out.
    #[deserr(default = SessionAccess::Open)]
    #[schema(required = false)]
    pub access: SessionAccess,
    /// Number of seats; null for no limit.
    #[deserr(default)]
    #[schema(required = false)]
    pub seats: Option<Count<0>>,
    /// Who sees the session until `public_from`; `public` if left out.
    #[deserr(default = Visibility::Public)]
    #[schema(required = false)]
    pub visibility: Visibility,
    /// Time from which everyone sees the session. With the visibility `public`, nobody sees it before.
    #[deserr(default)]
    #[schema(required = false)]
    pub public_from: Option<LocalOrInstant>,
    /// Rule that orders speakers of the same class, rank and date of taking office; null if the order of precedence
    /// uses only these three.
    #[deserr(default)]
    #[schema(required = false)]
    pub protocol_rule: Option<ProtocolRule>,
    /// Speakers of the session as a whole, such as its chair, in order.
    #[deserr(default)]
    #[schema(required = false)]
    pub appearances: Vec<Appearance>,
    /// Agenda items of the session, in order.
    #[deserr(default)]
    #[schema(required = false)]
    pub items: Vec<Item>,
}

/// An agenda item of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Item {
    /// Identifier (UUID), assigned by the service; never changes. Send it together with another `code` to rename the
    /// item.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<ItemId>,
    /// Stable name of the item, unique among the items of the whole conference.
    pub code: Code,
    /// Kind of item.
    pub kind: ItemKind,
    /// Title of the item; the topic of a panel.
    pub title: Localised,
    /// What the item is about.
    #[serde(rename = "abstract")]
    #[deserr(default, rename = "abstract")]
    #[schema(required = false)]
    pub abstract_: Option<Localised>,
    /// Longest duration of the item, in minutes; null for no limit.
    #[deserr(default)]
    #[schema(required = false)]
    pub time_limit_minutes: Option<Count<1>>,
    /// Who sees the item until `public_from`; `public` if left out.
    #[deserr(default = Visibility::Public)]
    #[schema(required = false)]
    pub visibility: Visibility,
    /// Time from which everyone sees the item. With the visibility `public`, nobody sees it before.
    #[deserr(default)]
    #[schema(required = false)]
    pub public_from: Option<LocalOrInstant>,
    /// Time at which the item was inscribed on the list of speakers; used by the protocol rule `inscription`.
    #[deserr(default)]
    #[schema(required = false)]
    pub inscribed_at: Option<LocalOrInstant>,
    /// Whether the organisers chose the item's place themselves. Such an item keeps its place, and the order of
    /// precedence is not checked for it.
    #[deserr(default)]
    #[schema(required = false)]
    pub placed_by_hand: bool,
    /// Speakers of the item, in order; may be empty.
    #[deserr(default)]
    #[schema(required = false)]
    pub appearances: Vec<Appearance>,
}

/// A speaker's part in an item or session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Appearance {
    /// Code of the speaker.
    pub speaker: Code,
    /// Role of the speaker in the item or session.
    pub role: AppearanceRole,
    /// Code of the speaker whom this speaker represents; null if the speaker speaks for themselves.
    #[deserr(default)]
    #[schema(required = false)]
    pub on_behalf_of: Option<Code>,
}

/// The call for action: the conference's outcome document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct CallForAction {
    /// Identifier (UUID), assigned by the service; never changes. Optional in requests.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<CallForActionId>,
    /// Title of the call for action.
    pub title: Localised,
    /// Text before the commitments.
    #[deserr(default)]
    #[schema(required = false)]
    pub preamble: Option<Localised>,
    /// Speaker or organisation that issues the call for action.
    #[deserr(default)]
    #[schema(required = false)]
    pub issued_by: Option<Issuer>,
    /// Status of the call for action; `drafted` if left out.
    #[deserr(default = CallForActionStatus::Drafted)]
    #[schema(required = false)]
    pub status: CallForActionStatus,
    /// Commitments, numbered from 1 in this order.
    #[deserr(default)]
    #[schema(required = false)]
    pub commitments: Vec<Commitment>,
}

/// Issuer of a call for action. Exactly one of the two fields is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Issuer {
    /// Code of the speaker who issues it.
    #[deserr(default)]
    #[schema(required = false)]
    pub speaker: Option<Code>,
    /// Code of the organisation that issues it.
    #[deserr(default)]
    #[schema(required = false)]
    pub organisation: Option<Code>,
}

/// One commitment of a call for action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Commitment {
    /// Text of the commitment.
    pub text: Localised,
    /// Treaty, resolution or norm on which the commitment is based.
    #[deserr(default)]
    #[schema(required = false)]
    pub basis: Option<Localised>,
}
