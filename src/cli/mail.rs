//! `plenary mail`: checks the mail settings.

use clap::Subcommand;

use super::context::{Failed, print_lines};
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
    let secret = ServerSecret::unsaved()?;
    let diagnostics = Diagnostics::new(&settings.mail, settings.public_url.clone().unwrap_or_default(), secret)?;
    match command {
        Mail::Test { address } => {
            let reply = diagnostics.send(&address).await.map_err(Failed::line)?;
            print_lines(&[format!("sent: {reply}")])
        }
        Mail::Check => {
            let mut lines = vec![diagnostics.connect().await.map_err(Failed::line)?];
            lines.extend(diagnostics.check_dkim().await?);
            print_lines(&lines)
        }
    }
}
