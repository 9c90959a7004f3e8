//! What the pages of a conference say besides its programme: contact, controller, notices, practical information. It
//! applies as soon as it is saved, not with a release.
//!
//! Nouns: the *site set-up* is the document ([`SiteSetup`]); the *privacy notice* is what people read before they
//! consent. Each text of it (with its controller) is a *version*, which registrations keep.
//!
//! Invariants:
//! - A version of the privacy notice never changes ([`store::save`] adds the next one), so that it is known what
//!   somebody consented to.
//! - Readers find what is in the set-up at most five seconds after it was saved, in every process
//!   ([`served::SiteSetups`]).

pub mod actions;
pub mod api;
mod served;
mod store;

use std::collections::HashSet;

use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use served::SiteSetups;
pub use store::{PrivacyNotice, notice_in_force, notice_version_in_force};

use crate::{
    access::audit::ResourceKind,
    agenda::Node,
    validation::{self, ValidationErrors},
    values::{Code, EmailAddress, LanguageTag, Localised, PhoneNumber, WebAddress, text_enum},
};

/// The most pages of practical information.
const PAGES_MAX: usize = 50;

/// What the pages of a conference say besides its programme. Every part may be left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct SiteSetup {
    /// Whom people ask; in the footer of every page.
    #[deserr(default)]
    #[schema(required = false)]
    pub contact: Option<Contact>,
    /// Who is responsible for the personal data (GDPR, article 13); shown with the privacy notice.
    #[deserr(default)]
    #[schema(required = false)]
    pub controller: Option<Controller>,
    /// What people read before they consent, in Markdown. A registration keeps the version that was in force.
    #[deserr(default)]
    #[schema(required = false)]
    pub privacy_notice: Option<Localised>,
    /// Legal notice, in Markdown.
    #[deserr(default)]
    #[schema(required = false)]
    pub legal_notice: Option<Localised>,
    /// Accessibility statement, in Markdown.
    #[deserr(default)]
    #[schema(required = false)]
    pub accessibility_statement: Option<Localised>,
    /// Words that stand above the name of the conference, as under an emblem: the institution that invites.
    #[deserr(default)]
    #[schema(required = false)]
    pub emblem_text: Option<Localised>,
    /// The order of the speakers on their page until a reader chooses another; as in the agenda if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub speaker_order: SpeakerOrder,
    /// Pages of practical information, in the order of their list.
    #[deserr(default)]
    #[schema(required = false)]
    pub pages: Vec<InformationPage>,
}

/// Whom people ask.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Contact {
    /// Name of the office or person.
    #[deserr(default)]
    #[schema(required = false)]
    pub name: Option<Localised>,
    /// Address for mail.
    #[deserr(default)]
    #[schema(required = false)]
    pub email: Option<EmailAddress>,
    /// Telephone number.
    #[deserr(default)]
    #[schema(required = false)]
    pub phone: Option<PhoneNumber>,
    /// Web page.
    #[deserr(default)]
    #[schema(required = false)]
    pub website: Option<WebAddress>,
    /// When somebody answers.
    #[deserr(default)]
    #[schema(required = false)]
    pub hours: Option<Localised>,
}

/// Who is responsible for the personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Controller {
    /// Name of the institution.
    pub name: Localised,
    /// Postal address.
    #[deserr(default)]
    #[schema(required = false)]
    pub address: Option<Localised>,
    /// Address for mail.
    #[deserr(default)]
    #[schema(required = false)]
    pub email: Option<EmailAddress>,
    /// Address for mail of the data protection officer.
    #[deserr(default)]
    #[schema(required = false)]
    pub data_protection_officer: Option<EmailAddress>,
}

/// A page of practical information.
#[derive(Debug, Clone, PartialEq, Serialize, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct InformationPage {
    /// Code of the page, unique in the conference; part of its address.
    pub code: Code,
    /// Title of the page.
    pub title: Localised,
    /// Text of the page, in Markdown (CommonMark, with tables). HTML in it is shown as text.
    pub body: Localised,
}

text_enum! {
    /// The order of a list of speakers.
    #[derive(Default)]
    SpeakerOrder {
        /// As the organisers put them in the agenda.
        #[default]
        Agenda = "agenda",
        /// By class in the order of precedence, then as in the agenda.
        Precedence = "precedence",
        /// By family name.
        Name = "name",
        /// By what they do: keynote speakers first. Somebody with several roles is where the first of them is.
        Role = "role",
    }
}

/// Reads a site set-up of a conference with these languages.
///
/// # Errors
/// Every validation error of the document.
pub fn read(document: Value, languages: &[LanguageTag]) -> Result<SiteSetup, ValidationErrors> {
    let mut setup = validation::read::<SiteSetup>(document)?;
    let mut errors = ValidationErrors::default();
    for (pointer, text) in setup.texts() {
        text.check_languages(&pointer, languages, &mut errors);
    }
    if setup.pages.len() > PAGES_MAX {
        errors.add("#/pages", "too_many", format!("must be at most {PAGES_MAX} pages"));
    }
    let mut codes = HashSet::new();
    for (index, page) in setup.pages.iter().enumerate() {
        if !codes.insert(&page.code) {
            errors.add(format!("#/pages/{index}/code"), "duplicate", "is the code of an earlier page, too");
        }
    }
    errors.into_result(setup)
}

impl SiteSetup {
    /// Every localised text, with its place in the document.
    fn texts(&mut self) -> Vec<(String, &mut Localised)> {
        let mut texts: Vec<(String, Option<&mut Localised>)> = vec![
            ("#/privacy_notice".to_owned(), self.privacy_notice.as_mut()),
            ("#/legal_notice".to_owned(), self.legal_notice.as_mut()),
            ("#/accessibility_statement".to_owned(), self.accessibility_statement.as_mut()),
            ("#/emblem_text".to_owned(), self.emblem_text.as_mut()),
        ];
        if let Some(Contact { name, hours, .. }) = &mut self.contact {
            texts.push(("#/contact/name".to_owned(), name.as_mut()));
            texts.push(("#/contact/hours".to_owned(), hours.as_mut()));
        }
        if let Some(Controller { name, address, .. }) = &mut self.controller {
            texts.push(("#/controller/name".to_owned(), Some(name)));
            texts.push(("#/controller/address".to_owned(), address.as_mut()));
        }
        for (index, page) in self.pages.iter_mut().enumerate() {
            texts.push((format!("#/pages/{index}/title"), Some(&mut page.title)));
            texts.push((format!("#/pages/{index}/body"), Some(&mut page.body)));
        }
        texts.into_iter().filter_map(|(pointer, text)| Some((pointer, text?))).collect()
    }

    /// The parts of the set-up that a plan compares.
    fn nodes(&self) -> Vec<Node> {
        let own = Node::of(ResourceKind::Site, "site", self, &["pages"]);
        let page = |page: &InformationPage| Node::of(ResourceKind::Page, page.code.as_str(), page, &[]);
        std::iter::once(own).chain(self.pages.iter().map(page)).collect()
    }

    pub fn page(&self, code: &str) -> Option<&InformationPage> {
        self.pages.iter().find(|page| page.code.as_str() == code)
    }
}
