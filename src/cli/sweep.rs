//! `plenary sweep`.

use super::{Failed, open_with_secret, say};
use crate::{programme::Programmes, registration::sweep, settings::Settings};

/// Does what has come due by itself, once: a running service looks every two seconds.
pub(super) async fn run(settings: &Settings) -> Result<(), Failed> {
    let (database, secret) = open_with_secret(settings).await?;
    let programmes = Programmes::new(secret, settings.public_url.as_deref().unwrap_or_default());
    programmes.refresh(&database).await?;
    while sweep::sweep(&database, &programmes).await? {}
    say(&["nothing is due any more".to_owned()])
}
