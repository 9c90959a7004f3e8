//! The members of a delegation, whom its focal point or a registrar adds, changes, replaces and removes.

pub mod actions;
pub mod api;
pub mod import;
pub mod rules;

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

use self::rules::MemberDefaults;
use super::store::Member;
use crate::{
    access::Actor,
    agenda::{Agenda, document::Precedence},
    clock,
    mail::is_deliverable,
    registration::{
        RegistrationError,
        admission::{Application, check_against_conference},
        field_structs::{form_of, form_struct, view, view_struct},
        field_values::read_form,
        fields::personal_fields,
        form::{Answers, Question, RawAnswers},
        membership::Membership,
        model::{Consent, ConsentGiven, ConsentRecord, Form, RegistrationStatus},
        setup::state::SetupState,
    },
    validation::{self, ValidationErrors},
    values::{Code, Count},
};

personal_fields! { form_struct {
    /// Data of a member and their role in the delegation. If the member has no `language`, it is that of the focal
    /// point, else the conference's first language. A new member without `country` gets that of the delegation.
    #[derive(Clone, PartialEq, Deserr, ToSchema)]
    #[deserr(error = ValidationErrors, deny_unknown_fields)]
    pub struct MemberDetails {
    } then {
        /// Whether the member is the head of the delegation, in place of the earlier head; `false` if left out. When a
        /// member is replaced: as the replaced member, if left out.
        #[deserr(default)]
        #[schema(required = false)]
        pub is_head: Option<bool>,
        /// Class of the member in the order of precedence; `other` if left out. When a member is replaced: that of the
        /// replaced member, if left out.
        #[deserr(default)]
        #[schema(required = false)]
        pub level: Option<Precedence>,
    }
} }

/// Personal data must not appear in logs.
impl std::fmt::Debug for MemberDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemberDetails(..)")
    }
}

/// What a new member answers and chooses, in addition to their data.
#[derive(Clone, PartialEq, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct MemberWishes {
    /// Answers to the conference's own questions, by the code of the question.
    #[deserr(default)]
    #[schema(required = false, value_type = Object)]
    pub answers: RawAnswers,
    /// Codes of the sessions to sign up for. They must not overlap.
    #[deserr(default)]
    #[schema(required = false)]
    pub sessions: Vec<Code>,
    /// Consent of the member to the storage of these data: must be `true`.
    pub consent: Consent,
    /// Version of the privacy notice that the member was shown: 422 `outdated` if another is in force. If left out, the
    /// one in force counts as shown.
    #[deserr(default)]
    #[schema(required = false)]
    pub privacy_notice_version: Option<Count<1>>,
}

/// A new member. Their category is the delegation's.
#[derive(Clone)]
pub struct NewMember {
    pub details: MemberDetails,
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
const WISH_FIELDS: [&str; 4] = ["answers", "sessions", "consent", "privacy_notice_version"];

impl NewMember {
    /// Reads a new member and reports the validation errors of the form and of the conference's rules together.
    ///
    /// # Errors
    /// The validation errors.
    pub fn read(
        sent: &Value,
        category: &Code,
        setup_state: &SetupState,
        agenda: &Agenda,
    ) -> Result<Self, RegistrationError> {
        let questions = setup_state.questions()?;
        Self::read_with(sent, category, &questions, setup_state, agenda).map_err(Into::into)
    }

    /// Like [`NewMember::read`], with questions that were read before.
    ///
    /// # Errors
    /// The validation errors.
    pub fn read_with(
        sent: &Value,
        category: &Code,
        questions: &[Question],
        setup_state: &SetupState,
        agenda: &Agenda,
    ) -> Result<Self, ValidationErrors> {
        let mut details = sent.clone();
        let mut wishes = Map::new();
        if let Value::Object(fields) = &mut details {
            for key in WISH_FIELDS {
                wishes.extend(fields.remove(key).map(|value| (key.to_owned(), value)));
            }
        }
        let read = (read_form::<MemberDetails>(details), validation::read::<MemberWishes>(Value::Object(wishes)));
        let mut errors = ValidationErrors::default();
        let conference_fields = json!({
            "category": category, "language": sent.get("language"), "answers": sent.get("answers"),
            "sessions": sent.get("sessions"),
        });
        let member = match read {
            (Ok(details), Ok(wishes)) => Some(Self { details, wishes }),
            (details, wishes) => {
                errors.0.extend(details.err().into_iter().chain(wishes.err()).flat_map(|of_part| of_part.0));
                None
            }
        };
        let is_undeliverable = |member: &Self| !is_deliverable(member.details.email.as_str());
        if member.as_ref().is_some_and(is_undeliverable) {
            errors.add("#/email", "invalid_email", "must be an address that mail can be sent to");
        }
        errors.0.extend(check_against_conference(&conference_fields, setup_state, questions, agenda).0.0);
        member
            .ok_or_else(ValidationErrors::default)
            .and_then(|member| errors.clone().into_result(member))
            .map_err(|_| errors)
    }

    /// The application to register the member in `category`, on behalf of `actor`. The address counts as verified.
    pub fn application(
        &self,
        category: &Code,
        membership: Membership,
        defaults: &MemberDefaults,
        actor: &Actor,
    ) -> Application {
        let Self { mut details, wishes } = self.clone();
        details.country = details.country.or_else(|| defaults.country.clone());
        let form = personal_fields! { form_of { Form {
            category: category.clone(),
            answers: wishes.answers,
            sessions: wishes.sessions,
            invitation: None,
            consent: wishes.consent,
            privacy_notice_version: wishes.privacy_notice_version,
        } of details } };
        Application {
            actor: actor.clone(),
            consent: ConsentRecord { given: ConsentGiven::Form, recorded_by: Some(actor.name().to_owned()) },
            is_vouched_for: true,
            membership: Some(membership),
            may_share_mailbox: defaults.may_share_mailbox,
            ..Application::from_public_form(form, &defaults.language)
        }
    }
}

personal_fields! { view_struct {
    /// A member of a delegation, as the focal point and registrars see it: without the member's own link, and without
    /// registrars' notes. A field that was not given is null.
    #[derive(Debug, Serialize, ToSchema)]
    #[schema(as = Member)]
    pub struct MemberView {
        /// Reference of the registration, such as `GP-7K3M9Q2X`.
        pub reference: String,
        /// Status of the registration.
        pub status: RegistrationStatus,
        /// Whether the member is the head of the delegation.
        pub is_head: bool,
        /// Class of the member in the order of precedence.
        pub level: Precedence,
        /// The name as one text, without the honorific: `name`, or given and family name.
        pub full_name: String,
    } then {
        /// Answers to the conference's own questions, by the code of the question.
        #[schema(value_type = Object)]
        pub answers: Answers,
        /// Time of registration (RFC 3339, UTC).
        pub created_at: String,
        /// Time of the last change (RFC 3339, UTC).
        pub updated_at: String,
    }
} }

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        let Member { registration, membership } = member;
        personal_fields! { view { Self {
            reference: registration.reference,
            status: registration.state,
            is_head: membership.is_head,
            level: membership.level,
            full_name: registration.person.person_name().full(),
            answers: registration.answers,
            created_at: clock::wire(registration.created_at),
            updated_at: clock::wire(registration.updated_at),
        } of registration.person } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::Id,
        registration::fields::{PERSONAL_FIELDS, tests::person},
        values::{LanguageTag, TextValue as _},
    };

    #[test]
    fn a_member_has_every_field() {
        let code = Code::parse("delegate").unwrap();
        let new = NewMember {
            details: validation::read(Value::Object(person().document())).unwrap(),
            wishes: validation::read(json!({ "consent": true })).unwrap(),
        };
        let membership = Membership { delegation: Id::new(), is_head: false, level: Precedence::Other };
        let defaults =
            MemberDefaults { language: LanguageTag::parse("fr").unwrap(), country: None, may_share_mailbox: false };
        let stored = new.application(&code, membership, &defaults, &Actor::focal_point()).person;
        let view = personal_fields! { view { MemberView {
            reference: String::new(),
            status: RegistrationStatus::Pending,
            is_head: false,
            level: Precedence::Other,
            full_name: String::new(),
            answers: Answers::new(),
            created_at: String::new(),
            updated_at: String::new(),
        } of person() } };
        let view = serde_json::to_value(view).unwrap();
        for field in PERSONAL_FIELDS {
            assert!(import::is_column(field.name), "{}", field.name);
            assert_eq!(stored.text(field), person().text(field), "{}", field.name);
            assert_eq!(view[field.output_name].as_str().map(str::to_owned), person().text(field), "{}", field.name);
        }
    }
}
