//! The commands.

mod import;
mod redact;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    access::{
        Actor, Role, ServerSecret,
        token::{
            self, NewToken,
            model::{DAYS_MAX, expiry},
        },
    },
    agenda::{self, Change, Place},
    blueprint::{
        self, Blueprint,
        yaml::{self, Source},
    },
    clock,
    database::{Connection, Database, DatabaseError},
    faults::Faults,
    programme::{
        self, ProgrammeError, Request,
        release::{PublishedRelease, schedule::schedule},
    },
    registration::RegistrationError,
    routes,
    server::{self, causes},
    settings::Settings,
    values::{Code, Count, Line, Moment, Prose, TextValue as _},
};

/// A conference event-management service.
#[derive(Debug, Parser)]
#[command(name = "plenary", version, about)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Global {
    /// The settings file, instead of config/default.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, instead of the setting
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The store, instead of the setting
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service (this is what happens without a command)
    Serve,
    /// Make the draft of a conference what a blueprint file says
    Apply(Apply),
    /// Import a schedule.xml, a schedule.json, an iCalendar file or a CSV table of speakers
    Import(import::Import),
    /// Publish the draft of a conference
    Release(Release),
    /// Publish an old release of a conference again
    Restore(Restore),
    Redact(redact::Redact),
    /// Make, list and revoke tokens
    #[command(subcommand)]
    Token(Token),
    /// Bring the store's schema to this version
    Migrate,
    /// Write the API document (OpenAPI 3.1, YAML)
    Openapi,
    /// Write the JSON Schema of blueprint files
    Schema,
}

#[derive(Debug, Args)]
struct Apply {
    /// The blueprint: YAML or JSON
    file: PathBuf,
    /// Show what would change and change nothing
    #[arg(long)]
    dry_run: bool,
    /// A running service, instead of the store in the settings
    #[arg(long, value_name = "URL", requires = "token")]
    server: Option<String>,
    /// A token for the running service
    #[arg(long, value_name = "TOKEN", requires = "server")]
    token: Option<String>,
}

#[derive(Debug, Args)]
struct Release {
    /// The conference's slug; may be left out where there is one conference
    #[arg(long, value_name = "SLUG")]
    conference: Option<String>,
    /// What changed and why, for readers
    #[arg(long)]
    note: Option<String>,
    /// Publish in spite of conflicts, for this reason
    #[arg(long, value_name = "REASON")]
    force: Option<String>,
    /// Publish the draft as it is now at this time: a running service does it
    #[arg(long, value_name = "TIME")]
    publish_at: Option<String>,
}

#[derive(Debug, Args)]
struct Restore {
    /// The number of the release
    number: i32,
    /// The conference's slug; may be left out where there is one conference
    #[arg(long, value_name = "SLUG")]
    conference: Option<String>,
    /// Why, for readers
    #[arg(long)]
    note: Option<String>,
    /// Leave the draft as it is
    #[arg(long)]
    keep_draft: bool,
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Make a token and print it
    Create {
        /// What it may do: admin, agenda_editor, registrar, check_in, viewer
        #[arg(long)]
        role: String,
        /// Its conference's slug; for all of them if left out
        #[arg(long, value_name = "SLUG")]
        conference: Option<String>,
        /// What the history calls its bearer
        #[arg(long, default_value = "command line")]
        label: String,
        /// In how many days it ends; it lasts until it is revoked if left out
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(DAYS_MAX)))]
        expires_in_days: Option<u32>,
    },
    /// List the tokens: the beginning of each, its role, its conference, its label, when it ends, when it was last used
    List,
    /// Make a token void
    Revoke {
        /// The token, or its beginning as `list` shows it
        shown: String,
    },
}

/// Lines for standard error; the command failed.
struct Failed(Vec<String>);

impl Failed {
    fn line(line: impl Into<String>) -> Self {
        Self(vec![line.into()])
    }
}

macro_rules! failed_from {
    ($($error:ty),+) => { $(impl From<$error> for Failed {
        fn from(error: $error) -> Self {
            Self::line(causes(&error))
        }
    })+ };
}
failed_from!(DatabaseError, io::Error, crate::settings::SettingsError, agenda::AgendaError, RegistrationError);

impl From<ProgrammeError> for Failed {
    fn from(error: ProgrammeError) -> Self {
        match error {
            ProgrammeError::Agenda(agenda::AgendaError::Conflicts(conflicts)) => {
                Self(conflicts.into_iter().map(|conflict| conflict.detail).collect())
            }
            ProgrammeError::Invalid(faults) => Self(faults.0.into_iter().map(|fault| fault.detail).collect()),
            other => Self::line(causes(&other)),
        }
    }
}

impl From<server::ServeError> for Failed {
    fn from(error: server::ServeError) -> Self {
        Self::line(error.to_string())
    }
}

/// Runs the command of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(lines)) => {
            for line in lines {
                // Nothing is left to do where even this fails.
                _ = writeln!(io::stderr(), "plenary: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    // These two need no settings.
    match &cli.command {
        Some(Command::Openapi) => {
            let document = routes::documentation().yaml().map_err(|problem| Failed::line(problem.to_string()))?;
            return Ok(out.write_all(document.as_bytes())?);
        }
        Some(Command::Schema) => {
            let schema = serde_json::to_string_pretty(&blueprint::schema::blueprint()).map_err(io::Error::from)?;
            return Ok(writeln!(out, "{schema}")?);
        }
        _ => drop(out),
    }
    let flags = [("listen", cli.global.listen.as_deref()), ("database_url", cli.global.database_url.as_deref())];
    let settings = Settings::read(cli.global.config.as_deref(), variables(), &flags)?;
    start_log(&settings);
    actix_web::rt::System::new().block_on(async move {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => Ok(server::serve(settings).await?),
            Command::Apply(command) => apply(&settings, command).await,
            Command::Import(command) => import::import(&settings, command).await,
            Command::Release(command) => release(&settings, command).await,
            Command::Restore(command) => restore(&settings, command).await,
            Command::Redact(command) => redact::run(&settings, command).await,
            Command::Token(command) => tokens(&settings, command).await,
            Command::Migrate => {
                let steps = open(&settings)?.migrate().await?;
                say(&[format!("{steps} steps; the schema is of this version")])
            }
            Command::Openapi | Command::Schema => Ok(()),
        }
    })
}

/// The environment's variables; one that is no text cannot be a setting.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn start_log(settings: &Settings) {
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(&settings.log);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if settings.log_json {
        log.json().flatten_event(true).init();
    } else {
        log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init();
    }
}

fn open(settings: &Settings) -> Result<Database, Failed> {
    Ok(Database::open(&settings.store, settings.database_connections)?)
}

fn say(lines: &[String]) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn slug(text: &str) -> Result<Code, Failed> {
    Code::parse(text).map_err(|fault| Failed::line(format!("--conference {}", fault.detail)))
}

async fn apply(settings: &Settings, command: Apply) -> Result<(), Failed> {
    let file = command.file.display().to_string();
    let (source, blueprint) = read_blueprint(&command.file)?;
    let refused = |faults: Faults| Failed(source.describe(&file, &faults));
    // A draft may hold conflicts; whoever writes one hears of them now and not at the release.
    let warnings = stops_a_release(&blueprint);
    let lines = match (&command.server, &command.token) {
        (Some(server), Some(token)) => {
            let slug = &blueprint.agenda.conference.slug;
            let url = format!("{}/api/v1/conferences/{slug}/blueprint", server.trim_end_matches('/'));
            let url = if command.dry_run { format!("{url}?dry_run=true") } else { url };
            send(&url, token, &source.value).map_err(|error| match error {
                SendError::Refused(faults) => refused(faults),
                SendError::Other(line) => Failed::line(line),
            })?
        }
        _ => {
            let database = open(settings)?;
            database.migrate().await?;
            let slug = blueprint.agenda.conference.slug.clone();
            let dry_run = command.dry_run;
            let changes = database
                .write("apply a blueprint", move |tx| {
                    blueprint::actions::apply(tx, &slug, &blueprint, &Actor::command_line(), dry_run)
                })
                .await
                .map_err(|error| match error {
                    RegistrationError::Invalid(faults)
                    | RegistrationError::Agenda(agenda::AgendaError::Invalid(faults)) => refused(faults),
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
    let last = match (lines.is_empty(), command.dry_run) {
        (true, _) => "Nothing to change.".to_owned(),
        (false, true) => format!("{count}; nothing was written."),
        (false, false) => format!("{count} written to the draft; a release publishes them."),
    };
    let warnings = source.describe(&file, &warnings);
    let warnings = warnings.iter().map(|line| format!("warning: {line}; a release is refused until it is mended"));
    say(&lines.into_iter().chain([last]).chain(warnings).collect::<Vec<_>>())
}

/// The conflicts of a blueprint that would stop its release.
fn stops_a_release(blueprint: &Blueprint) -> Faults {
    let mut faults = Faults::default();
    for conflict in agenda::checks::errors(&blueprint.agenda) {
        faults.add(conflict.pointer, conflict.code.as_str(), conflict.detail);
    }
    faults
}

fn read_blueprint(file: &Path) -> Result<(Source, Blueprint), Failed> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| Failed::line(format!("{name}: {error}")))?;
    let source = Source::read(&text).map_err(|faults| Failed(yaml::describe_unread(&name, &faults)))?;
    match blueprint::document::read(source.value.clone()) {
        Ok(blueprint) => Ok((source, blueprint)),
        Err(faults) => Err(Failed(source.describe(&name, &faults))),
    }
}

enum SendError {
    Refused(Faults),
    Other(String),
}

/// Applies a document to a running service. Answers a line a change.
fn send(url: &str, token: &str, document: &serde_json::Value) -> Result<Vec<String>, SendError> {
    let other = |error: &dyn std::error::Error| SendError::Other(format!("{url}: {}", causes(error)));
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
    let mut response = agent
        .put(url)
        .header("authorization", &format!("Bearer {token}"))
        .header("content-type", "application/json")
        .send(document.to_string())
        .map_err(|error| other(&error))?;
    let status = response.status();
    let body =
        response.body_mut().with_config().limit(64 * 1024 * 1024).read_to_string().map_err(|error| other(&error))?;
    let answer: serde_json::Value = serde_json::from_str(&body).map_err(|error| other(&error))?;
    let text =
        |value: &serde_json::Value, key: &str| value.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let list = |key: &str| answer.get(key).and_then(|value| value.as_array()).cloned().unwrap_or_default();
    if status.is_success() {
        return Ok(list("changes").iter().filter_map(Change::from_wire).map(|change| change.line()).collect());
    }
    let errors = list("errors");
    if !errors.is_empty() {
        let mut faults = Faults::default();
        for error in &errors {
            let part = |key| text(error, key).unwrap_or_default();
            faults.add(part("pointer"), &part("code"), part("detail"));
        }
        return Err(SendError::Refused(faults));
    }
    let words = [text(&answer, "title"), text(&answer, "detail")].into_iter().flatten().collect::<Vec<_>>().join(": ");
    Err(SendError::Other(format!("{url}: {status}: {words}")))
}

/// The conference of this slug, or the only one there is.
fn wanted_place(connection: &mut Connection, slug: Option<&Code>) -> Result<Place, ProgrammeError> {
    match slug {
        Some(slug) => Ok(agenda::actions::find(connection, slug)?),
        None => match agenda::actions::list(connection)?.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(ProgrammeError::NotFound("conference")),
            _ => Err(ProgrammeError::Unnamed),
        },
    }
}

/// A text of the command line, checked as the API would.
fn prose(flag: &str, text: Option<&String>) -> Result<Option<String>, Failed> {
    let parse = |text: &String| Prose::<2000>::parse(text).map(|text| text.as_str().to_owned());
    text.map(parse).transpose().map_err(|fault| Failed::line(format!("{flag} {}", fault.detail)))
}

async fn release(settings: &Settings, command: Release) -> Result<(), Failed> {
    let wanted = command.conference.as_deref().map(slug).transpose()?;
    let request = Request {
        note: prose("--note", command.note.as_ref())?,
        force_reason: prose("--force", command.force.as_ref())?,
    };
    let publish_at = command.publish_at.as_deref().map(Moment::parse).transpose();
    let publish_at = publish_at.map_err(|fault| Failed::line(format!("--publish-at {}", fault.detail)))?;
    let secret = ServerSecret::load_or_make(&settings.data_dir)?;
    let database = open(settings)?;
    database.migrate().await?;
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

async fn restore(settings: &Settings, command: Restore) -> Result<(), Failed> {
    let wanted = command.conference.as_deref().map(slug).transpose()?;
    let note = prose("--note", command.note.as_ref())?;
    let secret = ServerSecret::load_or_make(&settings.data_dir)?;
    let database = open(settings)?;
    database.migrate().await?;
    let published = database
        .write("restore a release", move |tx| {
            let place = wanted_place(tx, wanted.as_ref())?;
            let actor = Actor::command_line();
            programme::release::restore(tx, &place, command.number, note.clone(), command.keep_draft, &actor, &secret)
        })
        .await?;
    say_published(&published)
}

fn say_published(published: &PublishedRelease) -> Result<(), Failed> {
    let mut lines: Vec<_> = published.difference.changes.iter().map(Change::line).collect();
    lines.push(format!("Release {} is published.", published.release.number));
    say(&lines)
}

async fn tokens(settings: &Settings, command: Token) -> Result<(), Failed> {
    let database = open(settings)?;
    database.migrate().await?;
    match command {
        Token::Create { role, conference, label, expires_in_days } => {
            let role = Role::from_word(&role)
                .ok_or_else(|| Failed::line(format!("--role must be one of {}", Role::WORDS.join(", "))))?;
            let slug = conference.as_deref().map(slug).transpose()?;
            let label =
                Line::<100>::parse(&label).map_err(|fault| Failed::line(format!("--label {}", fault.detail)))?;
            let expires_at = expiry(clock::now(), None, expires_in_days.map(Count)).map_err(|faults| {
                Failed(faults.0.into_iter().map(|fault| format!("--expires-in-days {}", fault.detail)).collect())
            })?;
            let (_, token) = database
                .write("make a token", move |tx| {
                    let place = slug.as_ref().map(|slug| agenda::actions::find(tx, slug)).transpose()?;
                    let conference = place.map(|place| place.id);
                    let new = NewToken { role, conference, label: label.as_str().to_owned(), expires_at };
                    Ok::<_, agenda::AgendaError>(token::actions::make_token(tx, &Actor::command_line(), &new)?)
                })
                .await?;
            say(&[token.reveal().to_owned()])
        }
        Token::List => say(&table(&database.read(token::actions::list_all).await?)),
        Token::Revoke { shown } => {
            let count = database
                .write("revoke a token", move |tx| token::actions::revoke_shown(tx, &Actor::command_line(), &shown))
                .await?;
            match count {
                0 => Err(Failed::line("no live token begins like this; `plenary token list` shows them")),
                count => say(&[format!("{count} revoked")]),
            }
        }
    }
}

/// Tokens in columns under their headings.
fn table(tokens: &[token::Token]) -> Vec<String> {
    let minute = |instant: chrono::DateTime<chrono::Utc>| instant.format("%Y-%m-%d %H:%MZ").to_string();
    let line = |token: &token::Token| {
        [
            token.shown.clone(),
            token.role.to_string(),
            token.conference.clone().unwrap_or_else(|| "(all)".to_owned()),
            token.label.clone(),
            token.expires_at.map_or_else(|| "never".to_owned(), minute),
            token.last_used_at.map_or_else(|| "never".to_owned(), minute),
        ]
    };
    let headings = ["TOKEN", "ROLE", "CONFERENCE", "LABEL", "EXPIRES", "LAST USED"].map(str::to_owned);
    let lines: Vec<_> = [headings].into_iter().chain(tokens.iter().map(line)).collect();
    let widths: Vec<usize> = (0..6)
        .map(|column| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let padded = |line: &[String; 6]| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(padded).collect()
}
