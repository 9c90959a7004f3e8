//! The command line.

mod apply;
mod context;
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
use context::{Failed, open, print_lines};

use crate::{
    blueprint,
    registration::refold_names,
    routes,
    server::{self},
    settings::Settings,
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
    /// The settings file; default: config/default.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address and port to listen on, instead of the setting
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The store, instead of the setting
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service (the default command)
    Serve,
    /// Apply a blueprint file to the draft of a conference
    Apply(apply::Apply),
    /// Import a schedule.xml, a schedule.json, an iCalendar file or a CSV table of speakers
    Import(import::Import),
    /// Publish the draft of a conference
    Release(release::Release),
    /// Publish an old release of a conference again
    Restore(release::Restore),
    Redact(redact::Redact),
    Doctor(doctor::Doctor),
    /// Create, list and revoke tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Manage the key that links, codes and badges are made with
    #[command(subcommand)]
    Secret(secret::Secret),
    /// Check mail: send one message, or connect and log in
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Do what is due, once: expire registrations and offers, end what is over (a running service does this by itself)
    Sweep,
    /// Migrate the store's schema to this version
    Migrate,
    /// Print the API document (OpenAPI 3.1, YAML)
    Openapi,
    /// Print the JSON Schema of blueprint files
    Schema,
}

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(lines)) => {
            for line in lines {
                // Nothing can be done if even this fails.
                _ = writeln!(io::stderr(), "plenary: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> Result<(), Failed> {
    let mut stdout = io::stdout().lock();
    // These two commands need no settings.
    match &cli.command {
        Some(Command::Openapi) => {
            let document = routes::documentation().yaml().map_err(|problem| Failed::line(problem.to_string()))?;
            return Ok(stdout.write_all(document.as_bytes())?);
        }
        Some(Command::Schema) => {
            let schema = serde_json::to_string_pretty(&blueprint::schema::blueprint()).map_err(io::Error::from)?;
            return Ok(writeln!(stdout, "{schema}")?);
        }
        _ => drop(stdout),
    }
    let flags = [("listen", cli.global.listen.as_deref()), ("database_url", cli.global.database_url.as_deref())];
    let settings = Settings::read(cli.global.config.as_deref(), variables(), &flags)?;
    start_logging(&settings);
    let system = actix_web::rt::System::new();
    let result = system.block_on(async move {
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
                refold_names::fold(&database).await?;
                print_lines(&[format!("{steps} migrations were run; the schema is up to date")])
            }
            Command::Openapi | Command::Schema => Ok(()),
        }
    });
    // Dropping the runtime would wait for threads that are blocked: by a name lookup, a hanging disk, a store that may
    // never answer. Threads that end now must not drop the last handle to it: that would wake tasks that were
    // forgotten, and abort.
    std::mem::forget(actix_web::rt::System::try_current());
    std::mem::forget(system);
    result
}

/// The environment's variables. A variable that is not valid Unicode cannot be a setting.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn start_logging(settings: &Settings) {
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(&settings.log);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if settings.log_json {
        log.json().flatten_event(true).init();
    } else {
        log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init();
    }
}
