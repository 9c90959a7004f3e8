//! The web pages, rendered here from the views of the API. They work without JavaScript, which only adds comfort.
//!
//! Nouns: a *page* is one template rendered for one reader; the *site* is what all pages share: templates, texts and
//! assets, either the shipped ones or the operator's own; the *locale* is in the path.
//!
//! Invariants:
//! - A page shows what the API answers: its context is the API's own view ([`programme`], [`registration`]).
//! - Typed text is never lost: a refused form is shown again with it ([`form::SubmittedForm`]).
//! - A `GET` changes nothing; without the token of a personal link, nobody learns anything ([`page::PageContext`]).
//! - A page loads nothing from other hosts, and runs no script but the service's own ([`page::POLICY`]).

use actix_web::web;

mod answers;
mod asset_route;
pub mod assets;
mod delegation;
mod empty_form;
mod form;
mod information;
mod language_marks;
mod markdown;
mod my_programme;
mod names;
mod opened_registration;
mod page;
mod programme;
mod query;
mod registration;
mod registration_window;
mod renderer;
mod room_grid;
mod service;
mod speakers;
mod starting;
mod texts;

pub use service::Site;
pub use starting::starting_page;

/// Limits the size of a form: enough for the longest text in every field, in any script.
pub fn body_config() -> web::PayloadConfig {
    web::PayloadConfig::new(2 * 1024 * 1024)
}

/// Registers every page.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(asset_route::asset)
        .service(programme::list_conferences)
        .service(programme::redirect_to_conferences)
        .service(programme::choose_language)
        .service(programme::show_front)
        .service(programme::show_programme)
        .service(programme::show_session)
        .service(programme::show_speakers)
        .service(programme::show_speaker)
        .service(programme::show_call_for_action)
        .service(my_programme::show_my_programme)
        .service(information::list_information_pages)
        .service(information::show_information_page)
        .service(information::show_privacy_notice)
        .service(information::show_legal_notice)
        .service(information::show_accessibility_statement)
        .service(registration::show_registration_form)
        .service(registration::send_registration)
        .service(registration::show_sent)
        .service(registration::show_link_form)
        .service(registration::send_link_again)
        .service(registration::show_registration)
        .service(registration::show_mail_preferences)
        .service(registration::set_mail_preferences)
        .service(registration::show_change_form)
        .service(registration::show_session_form)
        .service(my_programme::show_own_programme)
        .service(registration::ask_before_cancelling)
        .service(registration::redirect_to_registration)
        .service(registration::act_on_registration)
        .service(delegation::show_delegation)
        .service(delegation::redirect_to_delegation)
        .service(delegation::add_member)
        .service(delegation::act_on_member)
        .service(programme::show_nothing);
}
