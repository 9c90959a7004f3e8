//! `plenary secret`: manages the key of the store.

use clap::Subcommand;

use super::context::{Failed, open, print_lines};
use crate::{
    access::secret::fingerprint::{Adoption, adopt},
    settings::Settings,
};

#[derive(Debug, Subcommand)]
pub(super) enum Secret {
    /// Use the key in data_dir, or a new one, as the key of this store. Only for a key that is lost: every link, code
    /// and badge that was made until now becomes void
    Adopt,
}

pub(super) async fn run(settings: &Settings, command: Secret) -> Result<(), Failed> {
    match command {
        Secret::Adopt => {
            let database = open(settings)?;
            database.migrate().await?;
            print_lines(&lines(&adopt(&database, &settings.data_dir).await?))
        }
    }
}

fn lines(adoption: &Adoption) -> Vec<String> {
    let path = adoption.path.display();
    let Some(derived) = adoption.invalidated else {
        return vec![format!("{path} is the key of this store already; nothing changed.")];
    };
    let count = |number: i64, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    vec![
        format!("{path}{} is the key of this store now.", if adoption.is_new { ", which is new," } else { "" }),
        "Void, if they were made with another key:".to_owned(),
        format!(
            "  the links in letters, and the badges and QR codes, of {}",
            count(derived.registrations, "registration")
        ),
        format!("  the links of {}", count(derived.delegations, "delegation")),
        format!("  the codes of {}, and access codes that are shared", count(derived.invitations, "invitation")),
        "  the links to previews of a programme".to_owned(),
        "Restart every process of this store. Send the letters with links again, set access codes anew, print badges \
         again, and let check-in scanners fetch their roster."
            .to_owned(),
    ]
}
