//! `plenary redact`.

use clap::Args;

use super::{Failed, open, say, slug, wanted_place};
use crate::{
    access::{Actor, ServerSecret},
    programme::redaction::actions::{Redacted, redact},
    settings::Settings,
    values::{Code, TextValue as _},
};

/// Take a speaker out of everything that was ever released, for good
#[derive(Debug, Args)]
pub struct Redact {
    /// The speaker's code, in the draft or in any release
    speaker: String,
    /// The conference's slug; may be left out where there is one conference
    #[arg(long, value_name = "SLUG")]
    conference: Option<String>,
}

pub async fn run(settings: &Settings, command: Redact) -> Result<(), Failed> {
    let wanted = command.conference.as_deref().map(slug).transpose()?;
    let speaker =
        Code::parse(&command.speaker).map_err(|fault| Failed::line(format!("the speaker {}", fault.detail)))?;
    let secret = ServerSecret::load_or_make(&settings.data_dir)?;
    let database = open(settings)?;
    database.migrate().await?;
    let redacted = database
        .write("redact a speaker", move |tx| {
            let place = wanted_place(tx, wanted.as_ref())?;
            redact(tx, &place, &Actor::command_line(), &speaker, &secret)
        })
        .await?;
    say(&lines(&redacted))
}

fn lines(redacted: &Redacted) -> Vec<String> {
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let draft = if redacted.draft { " and the draft" } else { "" };
    let mut lines = vec![format!(
        "{}, {}{draft} are rewritten, and {} of the audit trail.",
        count(redacted.releases, "release"),
        count(redacted.scheduled_releases, "scheduled release"),
        if redacted.audit_entries == 1 { "1 entry".to_owned() } else { format!("{} entries", redacted.audit_entries) },
    )];
    if !redacted.mentions.is_empty() {
        lines.push("The family name still stands in these texts of the draft; read them:".to_owned());
        lines.extend(redacted.mentions.iter().map(|mention| format!("  {} ({})", mention.pointer, mention.language)));
    }
    lines
}
