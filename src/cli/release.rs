//! `plenary release` and `plenary restore`: publish the draft, or an old release again.

use clap::Args;

use super::context::{Failed, find_conference, open_with_secret, parse_slug, print_lines};
use crate::{
    access::Actor,
    agenda::Change,
    programme::{
        self, PublicationRequest,
        releases::{PublishedRelease, schedule::schedule},
    },
    settings::Settings,
    values::{LocalOrInstant, Prose, TextValue as _},
};

#[derive(Debug, Args)]
pub(super) struct Release {
    /// Slug of the conference; needed only if there are several
    #[arg(long, value_name = "SLUG")]
    conference: Option<String>,
    /// What changed and why; readers see it
    #[arg(long)]
    note: Option<String>,
    /// Publish in spite of conflicts, for this reason
    #[arg(long, value_name = "REASON")]
    force: Option<String>,
    /// Publish the present draft at this time; a running service does it
    #[arg(long, value_name = "TIME")]
    publish_at: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The number of the release
    number: i32,
    /// Slug of the conference; needed only if there are several
    #[arg(long, value_name = "SLUG")]
    conference: Option<String>,
    /// Why; readers see it
    #[arg(long)]
    note: Option<String>,
    /// Leave the draft as it is
    #[arg(long)]
    keep_draft: bool,
}

/// Validates a text of the command line as the API does.
fn parse_prose(flag: &str, text: Option<&String>) -> Result<Option<String>, Failed> {
    let parse = |text: &String| Prose::<2000>::parse(text).map(|text| text.as_str().to_owned());
    text.map(parse).transpose().map_err(|error| Failed::line(format!("{flag} {}", error.detail)))
}

/// Publishes the draft, now or at a later time.
pub(super) async fn release(settings: &Settings, command: Release) -> Result<(), Failed> {
    let conference = command.conference.as_deref().map(parse_slug).transpose()?;
    let request = PublicationRequest {
        note: parse_prose("--note", command.note.as_ref())?,
        force_reason: parse_prose("--force", command.force.as_ref())?,
    };
    let publish_at = command.publish_at.as_deref().map(LocalOrInstant::parse).transpose();
    let publish_at = publish_at.map_err(|error| Failed::line(format!("--publish-at {}", error.detail)))?;
    let (database, secret) = open_with_secret(settings).await?;
    if let Some(publish_at) = publish_at {
        let scheduled = database
            .write("schedule a release", move |tx| {
                let conference = find_conference(tx, conference.as_ref())?;
                schedule(tx, &conference, publish_at, request.clone(), &Actor::command_line())
            })
            .await?;
        let time = crate::clock::wire(scheduled.publish_at);
        return print_lines(&[format!("A running service will publish the draft as it is now at {time}.")]);
    }
    let published = database
        .write("publish a release", move |tx| {
            let conference = find_conference(tx, conference.as_ref())?;
            programme::publish(tx, &conference, request.clone(), &Actor::command_line(), &secret)
        })
        .await?;
    print_published(&published)
}

/// Publishes an old release again.
pub(super) async fn restore(settings: &Settings, command: Restore) -> Result<(), Failed> {
    let conference = command.conference.as_deref().map(parse_slug).transpose()?;
    let note = parse_prose("--note", command.note.as_ref())?;
    let (database, secret) = open_with_secret(settings).await?;
    let (published, kept_hidden) = database
        .write("restore a release", move |tx| {
            let conference = find_conference(tx, conference.as_ref())?;
            let actor = Actor::command_line();
            crate::programme::releases::restore(
                tx,
                &conference,
                command.number,
                note.clone(),
                command.keep_draft,
                &actor,
                &secret,
            )
        })
        .await?;
    let hidden: Vec<String> = kept_hidden
        .iter()
        .map(|hidden| format!("{} {} stays hidden, as in the draft.", hidden.resource, hidden.code))
        .collect();
    print_lines(&hidden)?;
    print_published(&published)
}

fn print_published(published: &PublishedRelease) -> Result<(), Failed> {
    let mut lines: Vec<_> = published.difference.changes.iter().map(Change::line).collect();
    lines.push(format!("Release {} is published.", published.release.number));
    print_lines(&lines)
}
