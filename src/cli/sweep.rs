//! `plenary sweep`.

use super::{Failed, open, say};
use crate::{access::ServerSecret, programme::Programmes, registration::sweep, settings::Settings};

/// Does what has come due by itself, once: a running service looks every two seconds.
pub(super) async fn run(settings: &Settings) -> Result<(), Failed> {
    let database = open(settings)?;
    let secret = ServerSecret::load_or_make(&settings.data_dir)?;
    let programmes = Programmes::new(secret, settings.public_url.as_deref().unwrap_or_default());
    programmes.refresh(&database).await?;
    while sweep::sweep(&database, &programmes).await? {}
    say(&["nothing is due any more".to_owned()])
}
