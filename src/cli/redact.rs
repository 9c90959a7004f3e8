//! `plenary redact`: removes a speaker from all releases.

use clap::Args;

use super::context::{Failed, find_conference, open_with_secret, parse_slug, print_lines};
use crate::{
    access::Actor,
    database::Connection,
    programme::{
        ProgrammeError,
        redaction::{
            actions::{RedactionOutcome, RedactionRequest, redact},
            api::checked_words,
            report::RedactionReport,
            rewriting,
        },
    },
    settings::Settings,
    values::{Code, Line, TextValue as _},
};

/// Remove a speaker from everything that was ever released, for good
#[derive(Debug, Args)]
pub struct Redact {
    /// The speaker's id, or a code that the speaker ever had
    speaker: String,
    /// A word to remove from all texts, and from codes of sessions and items; may be given several times
    #[arg(long, value_name = "TEXT")]
    word: Vec<String>,
    /// Show what would be rewritten and what would still name the speaker, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Slug of the conference; needed only if there are several
    #[arg(long, value_name = "SLUG")]
    conference: Option<String>,
}

pub async fn run(settings: &Settings, command: Redact) -> Result<(), Failed> {
    let conference = command.conference.as_deref().map(parse_slug).transpose()?;
    let speaker =
        Code::parse(&command.speaker).map_err(|error| Failed::line(format!("the speaker {}", error.detail)))?;
    let words = command.word.iter().map(|word| Line::parse(word)).collect::<Result<Vec<Line<200>>, _>>();
    let words = words.map_err(|error| Failed::line(format!("--word {}", error.detail)))?;
    let words = checked_words(Some(words).filter(|words| !words.is_empty()))
        .map_err(|errors| Failed(errors.0.into_iter().map(|error| format!("--word {}", error.detail)).collect()))?;
    let dry_run = command.dry_run;
    let (database, secret) = open_with_secret(settings).await?;
    let build_request = move |tx: &mut Connection| {
        let request = RedactionRequest { speaker: speaker.clone(), words: words.clone(), dry_run };
        Ok((find_conference(tx, conference.as_ref())?, Actor::command_line(), request))
    };
    let report = match redact(&database, &secret, build_request).await.map_err(describe_failure)? {
        RedactionOutcome::Planned(report) => report,
        // If this is interrupted, a running service finishes it.
        RedactionOutcome::Hidden(id, report) => rewriting::finish(&database, id).await?.unwrap_or(report),
    };
    print_lines(&lines(&report, dry_run))
}

fn describe_failure(error: ProgrammeError) -> Failed {
    let ProgrammeError::AmbiguousSpeaker(candidates) = error else {
        return error.into();
    };
    let mut lines = vec!["the code belonged to several people; give the id of one of them:".to_owned()];
    lines.extend(candidates.iter().map(|candidate| {
        let mut sources: Vec<_> = candidate.releases.iter().map(|number| format!("release {number}")).collect();
        sources.extend(candidate.draft.then(|| "the draft".to_owned()));
        format!("  {} {} ({})", candidate.id, candidate.name.as_deref().unwrap_or("-"), sources.join(", "))
    }));
    Failed(lines)
}

fn lines(report: &RedactionReport, dry_run: bool) -> Vec<String> {
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let draft = if report.draft { " and the draft" } else { "" };
    let mut lines = vec![format!(
        "{}, {}{draft} {} rewritten, and {} of the audit trail.",
        count(report.releases, "release"),
        count(report.scheduled_releases, "scheduled release"),
        if dry_run { "would be" } else { "are" },
        if report.audit_entries == 1 { "1 entry".to_owned() } else { format!("{} entries", report.audit_entries) },
    )];
    let mentions = &report.mentions;
    if !mentions.list.is_empty() {
        lines.push("The family name or a code still appears here; please check:".to_owned());
        lines.extend(mentions.list.iter().map(|mention| {
            let source = mention.release.map_or_else(|| "draft".to_owned(), |number| format!("release {number}"));
            let language = mention.language.as_ref().map(|language| format!(" ({language})")).unwrap_or_default();
            format!("  {source} {}{language}", mention.pointer)
        }));
    }
    if let Some(more) = mentions.count.checked_sub(mentions.list.len()).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more"));
    }
    lines
}
