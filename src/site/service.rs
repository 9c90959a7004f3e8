//! What all pages share: templates, texts and assets.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use super::{assets::Assets, registration_window::RegistrationWindow, renderer::Renderer};
use crate::site_setup::SiteSetups;

/// What all pages share.
#[derive(Clone)]
pub struct Site {
    pub(super) renderers: Arc<BTreeMap<String, Renderer>>,
    pub(super) assets: Arc<Assets>,
    /// The path of `public_url`, which precedes every path.
    pub(super) prefix: Arc<str>,
    pub(super) public_url: Arc<str>,
    pub(super) registration_window: RegistrationWindow,
    pub site_setups: SiteSetups,
}

impl Site {
    /// Loads the shipped site, with the operator's files in `folder` instead of shipped ones. `public_url` is the
    /// external URL of the service.
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
            registration_window: RegistrationWindow::default(),
            site_setups: SiteSetups::default(),
        })
    }
}
