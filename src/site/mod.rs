//! The pages that people see, rendered here from the documents that the API answers: whole without JavaScript, better
//! with it.
//!
//! Nouns: a *page* is one template filled for one reader; the *site* is what all pages share: templates, texts and
//! assets, those that ship or an operator's own in their place; the *reader's language* stands in the path.
//!
//! Invariants:
//! - A page says what the API says: its context is the API's own view ([`programme`], [`registration`]).
//! - What somebody typed is never lost: a form that is refused comes back with it ([`form::Filled`]).
//! - A link is a GET and changes nothing; whoever does not hold its token learns nothing ([`page::Seen`]).
//! - No page asks anything of another host, and none runs what it did not bring along ([`page::POLICY`]).

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use actix_web::web;

pub mod assets;
mod delegation;
mod doors;
mod form;
mod names;
mod page;
mod programme;
mod registration;
mod renderer;
mod starting;
mod texts;

use assets::Assets;
use doors::Doors;
use renderer::Renderer;
pub use starting::starting_page;

/// What all pages share.
#[derive(Clone)]
pub struct Site {
    renderers: Arc<BTreeMap<String, Renderer>>,
    assets: Arc<Assets>,
    /// The path of the service's own address, before every path.
    prefix: Arc<str>,
    public_url: Arc<str>,
    doors: Doors,
}

impl Site {
    /// The site as it ships, with what `folder` puts in its place; `public_url` is how the world reaches the service.
    ///
    /// # Errors
    /// A file of the folder cannot be read or is wrong.
    pub fn load(folder: Option<&Path>, public_url: &str) -> io::Result<Self> {
        if let Some(missing) = folder.filter(|folder| !folder.is_dir()) {
            return Err(io::Error::other(format!("{} is no folder", missing.display())));
        }
        let prefix = url::Url::parse(public_url).map(|url| url.path().trim_end_matches('/').to_owned());
        let prefix = prefix.unwrap_or_default();
        let assets = Arc::new(Assets::load(folder, &prefix)?);
        Ok(Self {
            renderers: Arc::new(Renderer::load(folder, &assets)?),
            assets,
            prefix: prefix.into(),
            public_url: public_url.into(),
            doors: Doors::default(),
        })
    }
}

/// How long a form may be: every text of it in full, in any script.
pub fn body_config() -> web::PayloadConfig {
    web::PayloadConfig::new(2 * 1024 * 1024)
}

/// Registers every page.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(assets::asset)
        .service(programme::list_conferences)
        .service(programme::lead_to_conferences)
        .service(programme::choose_language)
        .service(programme::show_front)
        .service(programme::show_programme)
        .service(programme::show_session)
        .service(programme::show_speakers)
        .service(programme::show_speaker)
        .service(programme::show_call_for_action)
        .service(programme::show_my_programme)
        .service(registration::show_registration_form)
        .service(registration::send_registration)
        .service(registration::show_sent)
        .service(registration::show_registration)
        .service(registration::show_mail_preferences)
        .service(registration::set_mail_preferences)
        .service(registration::show_change_form)
        .service(registration::show_session_form)
        .service(registration::ask_before_cancelling)
        .service(registration::lead_to_registration)
        .service(registration::act_on_registration)
        .service(delegation::show_delegation)
        .service(delegation::lead_to_delegation)
        .service(delegation::add_member)
        .service(delegation::act_on_member)
        .service(programme::show_nothing);
}
