//! `plenary apply`: applies a blueprint file to the draft, in the store or in a running service.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;

use super::context::{Failed, open, print_lines};
use crate::{
    access::Actor,
    agenda::{self, Change},
    blueprint::{
        self, Blueprint,
        yaml::{self, Source},
    },
    registration::RegistrationError,
    server::causes,
    settings::Settings,
    validation::ValidationErrors,
};

#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The blueprint file: YAML or JSON
    file: PathBuf,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// URL of a running service; default: the store in the settings
    #[arg(long, value_name = "URL", requires = "token")]
    server: Option<String>,
    /// A token for the running service
    #[arg(long, value_name = "TOKEN", requires = "server")]
    token: Option<String>,
    /// The longest time to connect to the running service (at most 10), to send the file, and to wait for the answer
    #[arg(long, value_name = "SECONDS", requires = "server", default_value = "120")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// Longest time to resolve a running service's name and to connect to it.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Applies the file and prints the changes.
pub(super) async fn apply(settings: &Settings, command: Apply) -> Result<(), Failed> {
    let file = command.file.display().to_string();
    let (source, blueprint) = read_blueprint(&command.file)?;
    let invalid = |errors: ValidationErrors| Failed(source.describe(&file, &errors));
    // A draft may have conflicts; they are reported now, and not only at the release.
    let warnings = release_blockers(&blueprint);
    let lines = match (&command.server, &command.token) {
        (Some(server), Some(token)) => {
            let slug = &blueprint.agenda.conference.slug;
            let url = format!("{}/api/v1/conferences/{slug}/blueprint", server.trim_end_matches('/'));
            let url = if command.dry_run { format!("{url}?dry_run=true") } else { url };
            let timeout = Duration::from_secs(command.timeout);
            send(&url, token, &source.value, timeout).map_err(|error| match error {
                SendError::Refused(errors) => invalid(errors),
                SendError::Other(line) => Failed::line(line),
            })?
        }
        _ => {
            let database = open(settings)?;
            database.migrate().await?;
            let slug = blueprint.agenda.conference.slug.clone();
            let (dry_run, document) = (command.dry_run, source.value.clone());
            let sender_domains = settings.mail.sender_domains.clone();
            let changes = database
                .write("apply a blueprint", move |tx| {
                    // The times of a blueprint are local: they stay so when it changes the time zone.
                    let blueprint = blueprint::time_zone::read_blueprint(tx, &document, None)?;
                    let actor = Actor::command_line();
                    blueprint::actions::apply(tx, &slug, &blueprint, &actor, &sender_domains, dry_run)
                })
                .await
                .map_err(|error| match error {
                    RegistrationError::Invalid(errors)
                    | RegistrationError::Agenda(agenda::AgendaError::Invalid(errors)) => invalid(errors),
                    RegistrationError::SeatsTaken { category, taken } => Failed::line(match category {
                        Some(code) => format!("{file}: {taken} seats are taken in category {code}"),
                        None => format!("{file}: {taken} seats are taken in all"),
                    }),
                    other => Failed::line(causes(&other)),
                })?;
            changes.iter().map(Change::line).collect()
        }
    };
    let count = match lines.len() {
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    let summary = match (lines.is_empty(), command.dry_run) {
        (true, _) => "Nothing to change.".to_owned(),
        (false, true) => format!("{count}; nothing was written."),
        (false, false) => format!("{count} written to the draft; a release publishes them."),
    };
    let warnings = source.describe(&file, &warnings);
    let warnings = warnings.iter().map(|line| format!("warning: {line}; a release is refused until it is mended"));
    print_lines(&lines.into_iter().chain([summary]).chain(warnings).collect::<Vec<_>>())
}

/// The conflicts of a blueprint that prevent its release.
fn release_blockers(blueprint: &Blueprint) -> ValidationErrors {
    let mut errors = ValidationErrors::default();
    for conflict in agenda::checks::errors(&blueprint.agenda) {
        errors.add(conflict.pointer, conflict.code.as_str(), conflict.detail);
    }
    errors
}

fn read_blueprint(file: &Path) -> Result<(Source, Blueprint), Failed> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| Failed::line(format!("{name}: {error}")))?;
    let source = Source::read(&text).map_err(|errors| Failed(yaml::describe_syntax_errors(&name, &errors)))?;
    match blueprint::document::read(source.value.clone()) {
        Ok(blueprint) => Ok((source, blueprint)),
        Err(errors) => Err(Failed(source.describe(&name, &errors))),
    }
}

enum SendError {
    Refused(ValidationErrors),
    Other(String),
}

/// Applies a document to a running service; each step may take as long as `timeout`. Returns a line for each change.
fn send(url: &str, token: &str, document: &serde_json::Value, timeout: Duration) -> Result<Vec<String>, SendError> {
    let transport_error = |error: &dyn std::error::Error| SendError::Other(format!("{url}: {}", causes(error)));
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_resolve(Some(timeout.min(CONNECT_MAX)))
        .timeout_connect(Some(timeout.min(CONNECT_MAX)))
        .timeout_send_request(Some(timeout))
        .timeout_send_body(Some(timeout))
        .timeout_recv_response(Some(timeout))
        .timeout_recv_body(Some(timeout));
    let agent = ureq::Agent::new_with_config(config.build());
    let mut response = agent
        .put(url)
        .header("authorization", &format!("Bearer {token}"))
        .header("content-type", "application/json")
        .send(document.to_string())
        .map_err(|error| transport_error(&error))?;
    let status = response.status();
    let body = response
        .body_mut()
        .with_config()
        .limit(64 * 1024 * 1024)
        .read_to_string()
        .map_err(|error| transport_error(&error))?;
    let answer: serde_json::Value = serde_json::from_str(&body).map_err(|error| transport_error(&error))?;
    let text =
        |value: &serde_json::Value, key: &str| value.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let list = |key: &str| answer.get(key).and_then(|value| value.as_array()).cloned().unwrap_or_default();
    if status.is_success() {
        return Ok(list("changes").iter().filter_map(Change::from_json).map(|change| change.line()).collect());
    }
    let errors = list("errors");
    if !errors.is_empty() {
        let mut refused = ValidationErrors::default();
        for error in &errors {
            let member = |key| text(error, key).unwrap_or_default();
            refused.add(member("pointer"), &member("code"), member("detail"));
        }
        return Err(SendError::Refused(refused));
    }
    let message =
        [text(&answer, "title"), text(&answer, "detail")].into_iter().flatten().collect::<Vec<_>>().join(": ");
    Err(SendError::Other(format!("{url}: {status}: {message}")))
}
