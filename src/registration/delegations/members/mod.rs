//! The members of a delegation: whom its focal point (or a registrar) adds, changes, replaces and takes out.

pub mod actions;
pub mod api;
pub mod import;

use deserr::Deserr;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{AllOfBuilder, Schema},
    },
};

use super::{
    Membership,
    actions::language,
    store::{Delegation, Member},
};
use crate::{
    access::Actor,
    agenda::{Agenda, document::Precedence},
    clock,
    faults::{self, Faults},
    mail::is_deliverable,
    registration::{
        RegistrationError,
        form::{Answers, Question, RawAnswers},
        intake::{Application, conference_faults},
        model::{Consent, Event, Form, PhoneNumber, State},
        setup::store::Standing,
    },
    values::{Code, CountryCode, Date, EmailAddress, LanguageTag, Line, Prose, TextValue as _},
};

/// Who a member is, and what in the delegation.
#[derive(Clone, PartialEq, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct MemberDetails {
    /// Dr, H.E., Sir.
    #[deserr(default)]
    #[schema(required = false)]
    pub honorific: Option<Line<100>>,
    /// The given name.
    pub given_name: Line<200>,
    /// The family name.
    pub family_name: Line<200>,
    /// Where the member's own letters go.
    pub email: EmailAddress,
    /// Whom they come for.
    #[deserr(default)]
    #[schema(required = false)]
    pub organisation: Option<Line<300>>,
    /// What they are there.
    #[deserr(default)]
    #[schema(required = false)]
    pub position: Option<Line<300>>,
    /// Their country.
    #[deserr(default)]
    #[schema(required = false)]
    pub country: Option<CountryCode>,
    /// The language of what is written to them; the focal point's if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub language: Option<LanguageTag>,
    /// Where to call.
    #[deserr(default)]
    #[schema(required = false)]
    pub phone: Option<PhoneNumber>,
    /// What they need to take part.
    #[deserr(default)]
    #[schema(required = false)]
    pub accessibility_needs: Option<Prose<2000>>,
    /// What they can and cannot eat.
    #[deserr(default)]
    #[schema(required = false)]
    pub dietary_needs: Option<Prose<2000>>,
    /// The date of birth, where the organisers need it for accreditation.
    #[deserr(default)]
    #[schema(required = false)]
    pub birth_date: Option<Date>,
    /// Whether they lead the delegation: whoever did so does not any more. Of a replacement: what the member was, if
    /// left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub is_head: Option<bool>,
    /// Their class in the order of precedence; `other` if left out. Of a replacement: the member's.
    #[deserr(default)]
    #[schema(required = false)]
    pub level: Option<Precedence>,
}

/// Personal data does not print itself into logs.
impl std::fmt::Debug for MemberDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemberDetails(..)")
    }
}

/// What a new member says beside who they are.
#[derive(Clone, PartialEq, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct MemberWishes {
    /// Answers to the conference's own questions, by their codes.
    #[deserr(default)]
    #[schema(required = false, value_type = Object)]
    pub answers: RawAnswers,
    /// The codes of sessions to sign up for.
    #[deserr(default)]
    #[schema(required = false)]
    pub sessions: Vec<Code>,
    /// That the member consents to keeping what is said here.
    pub consent: Consent,
}

/// A new member. The category is the delegation's.
#[derive(Clone)]
pub struct NewMember {
    /// Who it is.
    pub details: MemberDetails,
    /// What else.
    pub wishes: MemberWishes,
}

impl PartialSchema for NewMember {
    fn schema() -> RefOr<Schema> {
        let both = AllOfBuilder::new().item(MemberDetails::schema()).item(MemberWishes::schema());
        Schema::AllOf(both.build()).into()
    }
}
impl ToSchema for NewMember {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        MemberDetails::schemas(schemas);
        MemberWishes::schemas(schemas);
    }
}

/// The fields of [`MemberWishes`].
const WISHES: [&str; 3] = ["answers", "sessions", "consent"];

impl NewMember {
    /// Reads a member with every fault of the form and of the conference at once.
    ///
    /// # Errors
    /// The form is wrong.
    pub fn read(
        sent: &Value,
        category: &Code,
        standing: &Standing,
        agenda: &Agenda,
    ) -> Result<Self, RegistrationError> {
        let questions = standing.questions()?;
        Self::read_with(sent, category, &questions, standing, agenda).map_err(Into::into)
    }

    /// Reads a member, where the questions are at hand.
    ///
    /// # Errors
    /// The form is wrong.
    pub fn read_with(
        sent: &Value,
        category: &Code,
        questions: &[Question],
        standing: &Standing,
        agenda: &Agenda,
    ) -> Result<Self, Faults> {
        let mut details = sent.clone();
        let mut wishes = Map::new();
        if let Value::Object(members) = &mut details {
            for key in WISHES {
                wishes.extend(members.remove(key).map(|value| (key.to_owned(), value)));
            }
        }
        let read = (faults::read::<MemberDetails>(details), faults::read::<MemberWishes>(Value::Object(wishes)));
        let mut found = Faults::default();
        let asked = json!({
            "category": category, "language": sent.get("language"), "answers": sent.get("answers"),
            "sessions": sent.get("sessions"),
        });
        let member = match read {
            (Ok(details), Ok(wishes)) => Some(Self { details, wishes }),
            (details, wishes) => {
                found.0.extend(details.err().into_iter().chain(wishes.err()).flat_map(|faults| faults.0));
                None
            }
        };
        let is_undeliverable = |member: &Self| !is_deliverable(member.details.email.as_str());
        if member.as_ref().is_some_and(is_undeliverable) {
            found.add("#/email", "invalid_email", "must be an address that mail can be sent to");
        }
        found.0.extend(conference_faults(&asked, standing, questions, agenda).0.0);
        member.ok_or_else(Faults::default).and_then(|member| found.clone().or(member)).map_err(|_| found)
    }

    /// The application of a member, to `category`, as `actor` makes it.
    pub fn application(
        &self,
        category: &Code,
        membership: Membership,
        spoken: &LanguageTag,
        actor: &Actor,
    ) -> Application {
        let Self { details, wishes } = self.clone();
        Application {
            form: Form {
                category: category.clone(),
                honorific: details.honorific,
                given_name: details.given_name,
                family_name: details.family_name,
                email: details.email,
                organisation: details.organisation,
                position: details.position,
                country: details.country,
                language: details.language,
                phone: details.phone,
                accessibility_needs: details.accessibility_needs,
                dietary_needs: details.dietary_needs,
                birth_date: details.birth_date,
                answers: wishes.answers,
                sessions: wishes.sessions,
                invitation: None,
                consent: wishes.consent,
            },
            language: spoken.clone(),
            actor: actor.clone(),
            event: Event::Registered,
            is_vouched_for: true,
            is_approved: false,
            membership: Some(membership),
        }
    }
}

/// The language of members who name none.
///
/// # Errors
/// The conference has none.
pub fn spoken(delegation: &Delegation, agenda: &Agenda) -> Result<LanguageTag, RegistrationError> {
    LanguageTag::parse(language(delegation, agenda)).map_err(|_| RegistrationError::NoConference)
}

/// A member, as their focal point and registrars see it: without any link of the member's own, and without what
/// registrars note among themselves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub struct MemberView {
    /// What the registration is called.
    pub reference: String,
    /// Where it stands.
    pub status: State,
    /// Whether they lead the delegation.
    pub is_head: bool,
    /// Their class in the order of precedence.
    pub level: Precedence,
    /// Dr, H.E., Sir.
    pub honorific: Option<String>,
    /// The given name.
    pub given_name: String,
    /// The family name.
    pub family_name: String,
    /// Where the member's own letters go.
    pub email: EmailAddress,
    /// Whom they come for.
    pub organisation: Option<String>,
    /// What they are there.
    pub position_title: Option<String>,
    /// Their country.
    pub country: Option<String>,
    /// The language of what is written to them.
    pub language: String,
    /// Where to call.
    pub phone: Option<String>,
    /// What they need to take part.
    pub accessibility_needs: Option<String>,
    /// What they can and cannot eat.
    pub dietary_needs: Option<String>,
    /// Their date of birth.
    pub birth_date: Option<String>,
    /// Their answers to the conference's own questions, by code.
    #[schema(value_type = Object)]
    pub answers: Answers,
    /// When the registration was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        let Member { registration, membership } = member;
        Self {
            reference: registration.reference,
            status: registration.state,
            is_head: membership.is_head,
            level: membership.level,
            honorific: registration.honorific,
            given_name: registration.given_name,
            family_name: registration.family_name,
            email: registration.email,
            organisation: registration.organisation,
            position_title: registration.position,
            country: registration.country,
            language: registration.language,
            phone: registration.phone,
            accessibility_needs: registration.accessibility_needs,
            dietary_needs: registration.dietary_needs,
            birth_date: registration.birth_date.map(|date| date.to_string()),
            answers: registration.answers,
            created_at: clock::wire(registration.created_at),
            updated_at: clock::wire(registration.updated_at),
        }
    }
}

/// Refuses a focal point who comes too early or too late. Whoever runs the registration may add members at any time.
///
/// # Errors
/// [`RegistrationError::Closed`].
pub fn refuse_when_closed(
    standing: &Standing,
    delegation: &Delegation,
    actor: &Actor,
) -> Result<(), RegistrationError> {
    let Some(category) = standing.category_by_id(delegation.category) else { return Ok(()) };
    let now = clock::now();
    if *actor != Actor::focal_point() || standing.is_open(category, now) {
        return Ok(());
    }
    let opens = [standing.opens_at, category.opens_at].into_iter().flatten().max();
    Err(RegistrationError::Closed { opens_at: opens.filter(|opens| now < *opens) })
}

/// The code of the category that a delegation's members go into.
///
/// # Errors
/// The store holds none.
pub fn category_of(standing: &Standing, delegation: &Delegation) -> Result<Code, RegistrationError> {
    let found = standing.category_by_id(delegation.category);
    Ok(found.ok_or(RegistrationError::NoThing("category"))?.code.clone())
}
