//! `plenary release` and `plenary restore`: publish the draft, or an old release again.

use clap::Args;

use super::context::{Failed, open_with_secret, say, slug, wanted_place};
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
fn prose(flag: &str, text: Option<&String>) -> Result<Option<String>, Failed> {
    let parse = |text: &String| Prose::<2000>::parse(text).map(|text| text.as_str().to_owned());
    text.map(parse).transpose().map_err(|fault| Failed::line(format!("{flag} {}", fault.detail)))
}

/// Publishes the draft, now or at a later time.
pub(super) async fn release(settings: &Settings, command: Release) -> Result<(), Failed> {
    let wanted = command.conference.as_deref().map(slug).transpose()?;
    let request = PublicationRequest {
        note: prose("--note", command.note.as_ref())?,
        force_reason: prose("--force", command.force.as_ref())?,
    };
    let publish_at = command.publish_at.as_deref().map(LocalOrInstant::parse).transpose();
    let publish_at = publish_at.map_err(|fault| Failed::line(format!("--publish-at {}", fault.detail)))?;
    let (database, secret) = open_with_secret(settings).await?;
    if let Some(publish_at) = publish_at {
        let scheduled = database
            .write("schedule a release", move |tx| {
                let place = wanted_place(tx, wanted.as_ref())?;
                schedule(tx, &place, publish_at, request.clone(), &Actor::command_line())
            })
            .await?;
        let when = crate::clock::wire(scheduled.publish_at);
        return say(&[format!("A running service will publish the draft as it is now at {when}.")]);
    }
    let published = database
        .write("publish a release", move |tx| {
            let place = wanted_place(tx, wanted.as_ref())?;
            programme::publish(tx, &place, request.clone(), &Actor::command_line(), &secret)
        })
        .await?;
    say_published(&published)
}

/// Publishes an old release again.
pub(super) async fn restore(settings: &Settings, command: Restore) -> Result<(), Failed> {
    let wanted = command.conference.as_deref().map(slug).transpose()?;
    let note = prose("--note", command.note.as_ref())?;
    let (database, secret) = open_with_secret(settings).await?;
    let (published, kept_hidden) = database
        .write("restore a release", move |tx| {
            let place = wanted_place(tx, wanted.as_ref())?;
            let actor = Actor::command_line();
            crate::programme::releases::restore(
                tx,
                &place,
                command.number,
                note.clone(),
                command.keep_draft,
                &actor,
                &secret,
            )
        })
        .await?;
    let kept: Vec<String> = kept_hidden
        .iter()
        .map(|kept| format!("{} {} stays hidden, as in the draft.", kept.resource, kept.code))
        .collect();
    say(&kept)?;
    say_published(&published)
}

fn say_published(published: &PublishedRelease) -> Result<(), Failed> {
    let mut lines: Vec<_> = published.difference.changes.iter().map(Change::line).collect();
    lines.push(format!("Release {} is published.", published.release.number));
    say(&lines)
}
