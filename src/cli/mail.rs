//! `plenary mail`.

use clap::Subcommand;

use super::{Failed, say};
use crate::{access::ServerSecret, mail::trial::Trial, settings::Settings};

#[derive(Debug, Subcommand)]
pub(super) enum Mail {
    /// Send one message as the settings say, and print what the mail server answers
    Test {
        /// To whom
        address: String,
    },
    /// Connect to the mail server, log in, and say what DNS must hold for the signature, and whether it does
    Check,
}

pub(super) async fn run(settings: &Settings, command: Mail) -> Result<(), Failed> {
    // Nothing that is sent here has a link to anything.
    let secret = ServerSecret::throwaway()?;
    let trial = Trial::new(settings, secret)?;
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
