//! What a registrar says about somebody whom they register.

use deserr::Deserr;
use utoipa::ToSchema;

use crate::{
    registration::{field_structs::change_struct, fields::personal_fields, form::RawAnswers, model::ConsentGiven},
    validation::ValidationErrors,
    values::{Code, Prose, text_enum},
};

text_enum! {
    /// How somebody consented whom a registrar registers.
    ConsentOnBehalf {
        /// On paper.
        Paper = "paper",
        /// By word of mouth, after the privacy notice was shown to them.
        Shown = "shown",
    }
}

impl From<ConsentOnBehalf> for ConsentGiven {
    fn from(consent: ConsentOnBehalf) -> Self {
        match consent {
            ConsentOnBehalf::Paper => Self::Paper,
            ConsentOnBehalf::Shown => Self::Shown,
        }
    }
}

personal_fields! { change_struct {
    /// Somebody whom a registrar registers. Only the names, the language, the reason and the consent are needed.
    #[derive(Clone, Deserr, ToSchema)]
    #[deserr(error = ValidationErrors, deny_unknown_fields)]
    #[schema(as = RegistrationOnBehalf)]
    pub struct OnBehalf {
        /// Code of the category: any, also one that is hidden, closed or only for people with an invitation.
        pub category: Code,
    } then {
        /// Answers to the conference's own questions, by the code of the question. None is required.
        #[deserr(default)]
        #[schema(required = false, value_type = Object)]
        pub answers: RawAnswers,
        /// Codes of the sessions to sign up for. They must not overlap.
        #[deserr(default)]
        #[schema(required = false)]
        pub sessions: Vec<Code>,
        /// How the person consented to the storage of these data. The registration keeps who said so.
        pub consent: ConsentOnBehalf,
        /// Why the person is registered this way. The history keeps it, and the person can read it there.
        pub reason: Prose<2000>,
        /// Whether the person gets a letter; `true` if left out. Nobody without an address gets one.
        #[deserr(default = true)]
        #[schema(required = false)]
        pub sends_letter: bool,
    }
} }
