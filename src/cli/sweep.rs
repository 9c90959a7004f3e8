//! `plenary sweep`: does what is due, once.

use super::context::{Failed, open_with_secret, print_lines};
use crate::{expiry, programme::Programmes, settings::Settings};

/// Does once what a running service does every two seconds: expires what is due.
pub(super) async fn run(settings: &Settings) -> Result<(), Failed> {
    let (database, secret) = open_with_secret(settings).await?;
    let programmes = Programmes::new(secret, settings.public_url.as_deref().unwrap_or_default());
    programmes.refresh(&database).await?;
    while expiry::expire_due(&database, &programmes).await? {}
    print_lines(&["nothing is due any more".to_owned()])
}
