//! The agenda as a document: what organisers write in a blueprint file, send to the API and get back.

use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    faults::Faults,
    ids::{CallForActionId, ConferenceId, DayId, ItemId, OrganisationId, RoomId, SessionId, SpeakerId, TrackId},
    values::{
        Code, Count, CountryCode, Date, LanguageTag, Line, Localised, Moment, TimeOfDay, TimeZone, WebAddress,
        text_enum,
    },
};

text_enum! {
    /// What an organisation is to the conference.
    OrganisationRole {
        /// It organises.
        Organiser = "organiser",
        /// It receives.
        Host = "host",
        /// It works with the organisers.
        Partner = "partner",
    }
}
text_enum! {
    /// What an organisation is.
    OrganisationKind {
        /// A State.
        State = "state",
        /// An organisation of States.
        InternationalOrganisation = "international_organisation",
        /// An organisation of the States of a region.
        RegionalOrganisation = "regional_organisation",
        /// A ministry, a parliament, an agency.
        GovernmentBody = "government_body",
        /// A university.
        University = "university",
        /// An institute of research.
        ResearchInstitute = "research_institute",
        /// A non-governmental organisation.
        Ngo = "ngo",
        /// Press, radio, television.
        Media = "media",
        /// A company.
        Company = "company",
        /// Anything else.
        Other = "other",
    }
}
text_enum! {
    /// A speaker's class in the order of precedence, the highest first.
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
        /// Everyone else.
        Other = "other",
    }
}
text_enum! {
    /// What a session is.
    SessionKind {
        /// The opening.
        Opening = "opening",
        /// On one theme.
        Thematic = "thematic",
        /// Interventions of ministers and institutions.
        HighLevelPolitical = "high_level_political",
        /// The closing.
        Closing = "closing",
        /// Beside others.
        Parallel = "parallel",
        /// Beside the conference.
        SideEvent = "side_event",
        /// A ceremony.
        Ceremony = "ceremony",
        /// A reception, a dinner.
        Social = "social",
        /// A pause.
        Break = "break",
    }
}
text_enum! {
    /// Who may come to a session.
    SessionAccess {
        /// Every participant.
        Open = "open",
        /// Who signed up for it.
        SignUp = "sign_up",
        /// Who was invited to it.
        Invitation = "invitation",
    }
}
text_enum! {
    /// What an agenda item is.
    ItemKind {
        /// A welcome address.
        WelcomeAddress = "welcome_address",
        /// A keynote.
        Keynote = "keynote",
        /// A panel: a topic, its moderator and its panellists.
        Panel = "panel",
        /// A statement.
        Statement = "statement",
        /// A minister's intervention.
        MinisterialIntervention = "ministerial_intervention",
        /// An institution's response.
        InstitutionalResponse = "institutional_response",
        /// A discussion.
        Discussion = "discussion",
        /// The call for action is read out.
        CallForAction = "call_for_action",
        /// Music, theatre, film.
        Performance = "performance",
        /// A pause.
        Break = "break",
    }
}
text_enum! {
    /// What a speaker does in an item or session.
    AppearanceRole {
        /// Presides over it.
        Chair = "chair",
        /// Leads the discussion.
        Moderator = "moderator",
        /// Gives the keynote.
        KeynoteSpeaker = "keynote_speaker",
        /// Sits on the panel.
        Panellist = "panellist",
        /// Speaks.
        Speaker = "speaker",
        /// Reports on it.
        Rapporteur = "rapporteur",
    }
}
text_enum! {
    /// Who may see something of the agenda once it is released.
    Visibility {
        /// Everyone.
        Public = "public",
        /// Whoever has a confirmed registration, by its link.
        Attendees = "attendees",
        /// Nobody: a placeholder stands in.
        Withheld = "withheld",
    }
}
text_enum! {
    /// How those of the same class and rank are ordered in a session that follows the order of precedence.
    ProtocolRule {
        /// By the date of inscription on the list of speakers.
        Inscription = "inscription",
        /// By the English name of the State.
        EnglishAlphabet = "english_alphabet",
        /// By the French name of the State.
        FrenchAlphabet = "french_alphabet",
    }
}
text_enum! {
    /// How far a call for action is.
    CallForActionStatus {
        /// Being written.
        Drafted = "drafted",
        /// Adopted by the conference.
        Adopted = "adopted",
    }
}

/// The agenda of one conference, whole. Everything is referred to by its code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Agenda {
    /// The event itself.
    pub conference: Conference,
    /// States, institutions, universities that the document refers to.
    #[deserr(default)]
    #[schema(required = false)]
    pub organisations: Vec<Organisation>,
    /// The days; left out, every date of the conference is one.
    #[deserr(default)]
    #[schema(required = false)]
    pub days: Vec<Day>,
    /// The rooms.
    #[deserr(default)]
    #[schema(required = false)]
    pub rooms: Vec<Room>,
    /// The themes.
    #[deserr(default)]
    #[schema(required = false)]
    pub tracks: Vec<Track>,
    /// The people who appear.
    #[deserr(default)]
    #[schema(required = false)]
    pub speakers: Vec<Speaker>,
    /// The blocks of the days.
    #[deserr(default)]
    #[schema(required = false)]
    pub sessions: Vec<Session>,
    /// The outcome document.
    #[deserr(default)]
    #[schema(required = false)]
    pub call_for_action: Option<CallForAction>,
}

/// The event itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Conference {
    /// Given by the service; may be left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<ConferenceId>,
    /// Its name in URLs.
    pub slug: Code,
    /// Its name.
    pub name: Localised,
    /// What it is about.
    #[deserr(default)]
    #[schema(required = false)]
    pub description: Option<Localised>,
    /// Its first date.
    pub starts_on: Date,
    /// Its last date.
    pub ends_on: Date,
    /// The time zone of all its times.
    pub time_zone: TimeZone,
    /// Its languages; plain texts are in the first.
    pub languages: Vec<LanguageTag>,
    /// Where it is.
    #[deserr(default)]
    #[schema(required = false)]
    pub venue: Option<Venue>,
    /// Who organises, hosts and supports it.
    #[deserr(default)]
    #[schema(required = false)]
    pub organisations: Vec<ConferenceOrganisation>,
    /// How long people need from one room to another; 5 if left out. A speaker with less is warned of.
    #[deserr(default)]
    #[schema(required = false)]
    pub walking_minutes: Option<Count<0>>,
}

/// Where a conference is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Venue {
    /// Its name.
    pub name: Localised,
    /// Street and number.
    #[deserr(default)]
    #[schema(required = false)]
    pub address: Option<Localised>,
    /// The city.
    #[deserr(default)]
    #[schema(required = false)]
    pub city: Option<Localised>,
    /// The country.
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<CountryCode>,
}

/// An organisation's part in the conference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ConferenceOrganisation {
    /// The organisation's code.
    pub organisation: Code,
    /// What it does.
    pub role: OrganisationRole,
}

/// A State, an international organisation, a university, an NGO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Organisation {
    /// Given by the service; may be left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<OrganisationId>,
    /// Its stable name.
    pub code: Code,
    /// Its name.
    pub name: Localised,
    /// What it is.
    pub kind: OrganisationKind,
    /// Its country.
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<CountryCode>,
    /// Its website.
    #[deserr(default)]
    #[schema(required = false)]
    pub website: Option<WebAddress>,
}

/// A date of the conference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Day {
    /// Given by the service; may be left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<DayId>,
    /// The date.
    pub date: Date,
    /// What the day is about.
    #[deserr(default)]
    #[schema(required = false)]
    pub title: Option<Localised>,
    /// When the day begins and the one before ends, `00:00` if left out: a session lies on the day whose span holds
    /// its start.
    #[deserr(default)]
    #[schema(required = false)]
    pub changeover: Option<TimeOfDay>,
}

/// A place of sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Room {
    /// Given by the service; may be left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<RoomId>,
    /// Its stable name.
    pub code: Code,
    /// Its name.
    pub name: Localised,
    /// How many people it holds.
    #[deserr(default)]
    #[schema(required = false)]
    pub capacity: Option<Count<1>>,
}

/// A theme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Track {
    /// Given by the service; may be left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<TrackId>,
    /// Its stable name.
    pub code: Code,
    /// Its name.
    pub name: Localised,
    /// What it is about.
    #[deserr(default)]
    #[schema(required = false)]
    pub description: Option<Localised>,
}

/// A person who appears in the agenda.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Speaker {
    /// Given by the service; may be left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<SpeakerId>,
    /// Their stable name.
    pub code: Code,
    /// Dr, H.E., Sir.
    #[deserr(default)]
    #[schema(required = false)]
    pub honorific: Option<Localised>,
    /// The given name; none for someone who has but one name.
    #[deserr(default)]
    #[schema(required = false)]
    pub given_name: Option<Line<200>>,
    /// The family name, or the one name.
    pub family_name: Line<200>,
    /// What they are.
    #[deserr(default)]
    #[schema(required = false)]
    pub position: Option<Localised>,
    /// The code of the organisation they speak for.
    #[deserr(default)]
    #[schema(required = false)]
    pub organisation: Option<Code>,
    /// Their country.
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<CountryCode>,
    /// Who they are.
    #[deserr(default)]
    #[schema(required = false)]
    pub biography: Option<Localised>,
    /// Their class in the order of precedence.
    #[deserr(default)]
    #[schema(required = false)]
    pub precedence: Option<Precedence>,
    /// Their rank in that class, 1 the highest, where it is agreed; it goes before the date of taking office.
    #[deserr(default)]
    #[schema(required = false)]
    pub precedence_rank: Option<Count<1>>,
    /// When they took office: in a class the longest-serving go first.
    #[deserr(default)]
    #[schema(required = false)]
    pub took_office_on: Option<Date>,
    /// Who may see who they are until `public_from`; `public` if left out.
    #[deserr(default = Visibility::Public)]
    #[schema(required = false)]
    pub visibility: Visibility,
    /// From when on everyone may see who they are. What is `public` is not seen by anyone before.
    #[deserr(default)]
    #[schema(required = false)]
    pub public_from: Option<Moment>,
}

impl Speaker {
    /// The whole name.
    pub fn name(&self) -> String {
        match &self.given_name {
            Some(given_name) => format!("{given_name} {}", self.family_name),
            None => self.family_name.to_string(),
        }
    }
}

/// A block of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Session {
    /// Given by the service; may be left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<SessionId>,
    /// Its stable name.
    pub code: Code,
    /// The identifier that it was imported with.
    #[deserr(default)]
    #[schema(required = false)]
    pub guid: Option<SessionId>,
    /// What it is.
    pub kind: SessionKind,
    /// Its title.
    pub title: Localised,
    /// What it is about.
    #[serde(rename = "abstract")]
    #[deserr(default, rename = "abstract")]
    #[schema(required = false)]
    pub abstract_: Option<Localised>,
    /// When it starts.
    pub starts_at: Moment,
    /// When it ends.
    pub ends_at: Moment,
    /// The code of its room.
    #[deserr(default)]
    #[schema(required = false)]
    pub room: Option<Code>,
    /// The code of its track.
    #[deserr(default)]
    #[schema(required = false)]
    pub track: Option<Code>,
    /// The languages spoken.
    #[deserr(default)]
    #[schema(required = false)]
    pub languages: Vec<LanguageTag>,
    /// The languages it is interpreted into.
    #[deserr(default)]
    #[schema(required = false)]
    pub interpretation: Vec<LanguageTag>,
    /// Who may come; `open` if left out.
    #[deserr(default = SessionAccess::Open)]
    #[schema(required = false)]
    pub access: SessionAccess,
    /// How many may come.
    #[deserr(default)]
    #[schema(required = false)]
    pub seats: Option<Count<0>>,
    /// Who may see it until `public_from`; `public` if left out.
    #[deserr(default = Visibility::Public)]
    #[schema(required = false)]
    pub visibility: Visibility,
    /// From when on everyone may see it. What is `public` is not seen by anyone before.
    #[deserr(default)]
    #[schema(required = false)]
    pub public_from: Option<Moment>,
    /// The rule that decides between those of the same class and rank; without it only classes and ranks are judged.
    #[deserr(default)]
    #[schema(required = false)]
    pub protocol_rule: Option<ProtocolRule>,
    /// Who presides over it, in order.
    #[deserr(default)]
    #[schema(required = false)]
    pub appearances: Vec<Appearance>,
    /// What happens in it, in order.
    #[deserr(default)]
    #[schema(required = false)]
    pub items: Vec<Item>,
}

/// An agenda item inside a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Item {
    /// Given by the service; may be left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<ItemId>,
    /// Its stable name, unique in the conference.
    pub code: Code,
    /// What it is.
    pub kind: ItemKind,
    /// Its title; a panel's topic.
    pub title: Localised,
    /// What it is about.
    #[serde(rename = "abstract")]
    #[deserr(default, rename = "abstract")]
    #[schema(required = false)]
    pub abstract_: Option<Localised>,
    /// How long it may last.
    #[deserr(default)]
    #[schema(required = false)]
    pub time_limit_minutes: Option<Count<1>>,
    /// Who may see it until `public_from`; `public` if left out.
    #[deserr(default = Visibility::Public)]
    #[schema(required = false)]
    pub visibility: Visibility,
    /// From when on everyone may see it. What is `public` is not seen by anyone before.
    #[deserr(default)]
    #[schema(required = false)]
    pub public_from: Option<Moment>,
    /// When it was inscribed on the list of speakers.
    #[deserr(default)]
    #[schema(required = false)]
    pub inscribed_at: Option<Moment>,
    /// The organisers have chosen its place: it is not judged by the order of precedence.
    #[deserr(default)]
    #[schema(required = false)]
    pub placed_by_hand: bool,
    /// Who appears in it, in order. It may be nobody.
    #[deserr(default)]
    #[schema(required = false)]
    pub appearances: Vec<Appearance>,
}

/// A speaker in an item or session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Appearance {
    /// The speaker's code.
    pub speaker: Code,
    /// What they do there.
    pub role: AppearanceRole,
    /// The code of the speaker whom they stand in for.
    #[deserr(default)]
    #[schema(required = false)]
    pub on_behalf_of: Option<Code>,
}

/// The conference's outcome document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct CallForAction {
    /// Given by the service; may be left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub id: Option<CallForActionId>,
    /// Its title.
    pub title: Localised,
    /// What goes before the commitments.
    #[deserr(default)]
    #[schema(required = false)]
    pub preamble: Option<Localised>,
    /// Who issues it.
    #[deserr(default)]
    #[schema(required = false)]
    pub issued_by: Option<Issuer>,
    /// How far it is; `drafted` if left out.
    #[deserr(default = CallForActionStatus::Drafted)]
    #[schema(required = false)]
    pub status: CallForActionStatus,
    /// The commitments, numbered from 1 in this order.
    #[deserr(default)]
    #[schema(required = false)]
    pub commitments: Vec<Commitment>,
}

/// Who issues a call for action: a speaker or an organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Issuer {
    /// The speaker's code.
    #[deserr(default)]
    #[schema(required = false)]
    pub speaker: Option<Code>,
    /// The organisation's code.
    #[deserr(default)]
    #[schema(required = false)]
    pub organisation: Option<Code>,
}

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Commitment {
    /// What is asked for.
    pub text: Localised,
    /// The treaty, resolution or norm that it rests on.
    #[deserr(default)]
    #[schema(required = false)]
    pub basis: Option<Localised>,
}
