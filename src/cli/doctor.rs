//! `plenary doctor`: checks the store.

use clap::Args;

use super::context::{Failed, open, parse_slug, print_lines};
use crate::{
    access::secret::fingerprint::check,
    registrar::doctor::{Check, actions::examine},
    settings::Settings,
};

/// Check that the key is the store's and that the registrations are consistent, and change nothing; exit code 1 if
/// something is wrong
#[derive(Debug, Args)]
pub struct Doctor {
    /// Slug of the conference; all conferences if left out
    #[arg(long, value_name = "SLUG")]
    conference: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: &Settings, command: Doctor) -> Result<(), Failed> {
    let conference = command.conference.as_deref().map(parse_slug).transpose()?;
    let database = open(settings)?;
    if !database.is_migrated().await? {
        return Err(Failed::line("the store's schema is not of this version: run `plenary migrate` first"));
    }
    check(&database, &settings.data_dir).await?;
    let checks = database.read(move |tx| examine(tx, conference.as_ref())).await?;
    let count: usize = checks.iter().map(|check| check.findings.len()).sum();
    if command.json {
        let report = serde_json::json!({ "healthy": count == 0, "checks": checks });
        print_lines(&[serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?])?;
    } else {
        print_lines(&["ok     secret.key: it is that of the store, if the store has one".to_owned()])?;
        print_lines(&lines(&checks))?;
    }
    match count {
        0 => Ok(()),
        1 => Err(Failed::line("1 finding")),
        count => Err(Failed::line(format!("{count} findings"))),
    }
}

fn lines(checks: &[Check]) -> Vec<String> {
    let mut lines = Vec::new();
    for check in checks {
        if check.findings.is_empty() {
            lines.push(format!("ok     {}: {} checked", check.name, check.checked));
        }
        lines.extend(check.findings.iter().map(|finding| {
            format!("wrong  {}: {}: {} {}", check.name, finding.conference, finding.subject, finding.detail)
        }));
        if check.more {
            lines.push(format!("wrong  {}: and more", check.name));
        }
    }
    lines
}
