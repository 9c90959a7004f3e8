//! The commands.

mod apply;
mod doctor;
mod import;
mod mail;
mod redact;
mod release;
mod secret;
mod sweep;
mod token;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    access::{
        ServerSecret,
        secret::fingerprint::{Origin, SecretError, recognise},
    },
    agenda::{self, Place},
    blueprint,
    database::{Connection, Database, DatabaseError},
    programme::ProgrammeError,
    registration::{RegistrationError, folded_names},
    routes,
    server::{self, causes},
    settings::Settings,
    values::{Code, TextValue as _},
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
    Apply(apply::Apply),
    /// Import a schedule.xml, a schedule.json, an iCalendar file or a CSV table of speakers
    Import(import::Import),
    /// Publish the draft of a conference
    Release(release::Release),
    /// Publish an old release of a conference again
    Restore(release::Restore),
    Redact(redact::Redact),
    Doctor(doctor::Doctor),
    /// Make, list and revoke tokens
    #[command(subcommand)]
    Token(token::Token),
    /// See to the key that links, codes and badges are made with
    #[command(subcommand)]
    Secret(secret::Secret),
    /// Try mail: send one message, or connect and log in
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Do what has come due, once: expire, lapse, end (a running service does so by itself)
    Sweep,
    /// Bring the store's schema to this version
    Migrate,
    /// Write the API document (OpenAPI 3.1, YAML)
    Openapi,
    /// Write the JSON Schema of blueprint files
    Schema,
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
failed_from!(
    DatabaseError,
    io::Error,
    crate::settings::SettingsError,
    agenda::AgendaError,
    RegistrationError,
    SecretError
);

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
    let system = actix_web::rt::System::new();
    let done = system.block_on(async move {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => Ok(server::serve(settings).await?),
            Command::Apply(command) => apply::apply(&settings, command).await,
            Command::Import(command) => import::import(&settings, command).await,
            Command::Release(command) => release::release(&settings, command).await,
            Command::Restore(command) => release::restore(&settings, command).await,
            Command::Redact(command) => redact::run(&settings, command).await,
            Command::Doctor(command) => doctor::run(&settings, command).await,
            Command::Token(command) => token::tokens(&settings, command).await,
            Command::Secret(command) => secret::run(&settings, command).await,
            Command::Mail(command) => mail::run(&settings, command).await,
            Command::Sweep => sweep::run(&settings).await,
            Command::Migrate => {
                let database = open(&settings)?;
                let steps = database.migrate().await?;
                folded_names::fold(&database).await?;
                say(&[format!("{steps} steps; the schema is of this version")])
            }
            Command::Openapi | Command::Schema => Ok(()),
        }
    });
    // To drop it would wait for threads that wait on the outside: a name that is looked up, a disk
    // that hangs, a store that may never answer.
    // Threads that end now are not the last to hold the way to it: dropping that wakes what was forgotten, and aborts.
    std::mem::forget(actix_web::rt::System::try_current());
    std::mem::forget(system);
    done
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
    Ok(Database::open(&settings.store, settings.database_connections, settings.store_deadline)?)
}

/// The store, brought to this version, and its key.
async fn open_with_secret(settings: &Settings) -> Result<(Database, ServerSecret), Failed> {
    let database = open(settings)?;
    database.migrate().await?;
    let secret = ServerSecret::find(&database, &settings.data_dir).await?;
    recognise(&database, (&secret, Origin::Known), &settings.data_dir).await?;
    Ok((database, secret))
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
