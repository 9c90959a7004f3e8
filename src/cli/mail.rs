//! `plenary mail`: checks the mail settings.

use clap::Subcommand;

use super::context::{Failed, say};
use crate::{access::ServerSecret, mail::diagnostics::Diagnostics, settings::Settings};

#[derive(Debug, Subcommand)]
pub(super) enum Mail {
    /// Send one message with the present settings, and print the reply of the mail server
    Test {
        /// Address of the recipient
        address: String,
    },
    /// Connect to the mail server and log in; print the DNS record that the DKIM signature needs, and whether DNS has
    /// it
    Check,
}

pub(super) async fn run(settings: &Settings, command: Mail) -> Result<(), Failed> {
    // Test messages have no links, so any secret will do.
    let secret = ServerSecret::throwaway()?;
    let trial = Diagnostics::new(&settings.mail, settings.public_url.clone().unwrap_or_default(), secret)?;
    match command {
        Mail::Test { address } => {
            let words = trial.send(&address).await.map_err(Failed::line)?;
            say(&[format!("sent: {words}")])
        }
        Mail::Check => {
            let mut lines = vec![trial.connect().await.map_err(Failed::line)?];
            lines.extend(trial.signature().await?);
            say(&lines)
        }
    }
}
