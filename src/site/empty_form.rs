//! The registration form of a conference before it is filled in.

use actix_web::HttpRequest;

use super::page::PageContext;
use crate::{
    http::Problem,
    registration::{
        actions::FormState,
        form::Question,
        form_api::{RegistrationForm, form, read_form_state},
        service::RegistrationService,
        setup::state::SetupState,
    },
};

/// The registration form without values, and its questions as they are configured.
pub struct EmptyForm {
    /// The form as the API answers it.
    pub form: RegistrationForm,
    pub questions: Vec<Question>,
    pub setup_state: SetupState,
}

impl EmptyForm {
    /// The form of a conference, with an invitation code or without.
    ///
    /// # Errors
    /// The code is not valid, or the store fails.
    pub async fn find(
        request: &HttpRequest,
        page: &PageContext,
        service: &RegistrationService,
        code: Option<String>,
    ) -> Result<Self, Problem> {
        let state: FormState = read_form_state(request, service, &page.snapshot, code).await?;
        let form = form(&state, &page.snapshot, &page.language);
        Ok(Self { form, questions: state.questions, setup_state: state.setup_state })
    }
}
