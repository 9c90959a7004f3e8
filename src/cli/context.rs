//! Shared by the commands: errors, opening the store, and output.

use std::io::{self, Write as _};

use crate::{
    access::{
        ServerSecret,
        secret::fingerprint::{SecretError, StartSecret, verify_fingerprint},
    },
    agenda::{self, ConferenceRef},
    database::{Connection, Database, DatabaseError},
    programme::ProgrammeError,
    registration::RegistrationError,
    server::{self, causes},
    settings::Settings,
    values::{Code, TextValue as _},
};

/// The command failed; lines for standard error.
pub(super) struct Failed(pub(super) Vec<String>);

impl Failed {
    pub(super) fn line(line: impl Into<String>) -> Self {
        Self(vec![line.into()])
    }
}

impl From<ProgrammeError> for Failed {
    fn from(error: ProgrammeError) -> Self {
        match error {
            ProgrammeError::Agenda(agenda::AgendaError::Conflicts(conflicts)) => {
                Self(conflicts.into_iter().map(|conflict| conflict.detail).collect())
            }
            ProgrammeError::Invalid(errors) => Self(errors.0.into_iter().map(|error| error.detail).collect()),
            other => Self::line(causes(&other)),
        }
    }
}

impl From<server::ServeError> for Failed {
    fn from(error: server::ServeError) -> Self {
        Self::line(error.to_string())
    }
}

pub(super) fn open(settings: &Settings) -> Result<Database, Failed> {
    Ok(Database::open(&settings.store, settings.database_connections, settings.store_deadline)?)
}

/// Opens and migrates the store, and loads its secret.
pub(super) async fn open_with_secret(settings: &Settings) -> Result<(Database, ServerSecret), Failed> {
    let database = open(settings)?;
    database.migrate().await?;
    let secret = ServerSecret::find(&database, &settings.data_dir).await?;
    let start = StartSecret { secret, is_saved: true };
    verify_fingerprint(&database, &start, &settings.data_dir).await?;
    Ok((database, start.secret))
}

pub(super) fn print_lines(lines: &[String]) -> Result<(), Failed> {
    let mut stdout = io::stdout().lock();
    for line in lines {
        writeln!(stdout, "{line}")?;
    }
    Ok(())
}

pub(super) fn parse_slug(text: &str) -> Result<Code, Failed> {
    Code::parse(text).map_err(|error| Failed::line(format!("--conference {}", error.detail)))
}

/// The conference with this slug; without a slug, the only conference.
pub(super) fn find_conference(
    connection: &mut Connection,
    slug: Option<&Code>,
) -> Result<ConferenceRef, ProgrammeError> {
    match slug {
        Some(slug) => Ok(agenda::actions::find(connection, slug)?),
        None => match agenda::actions::list(connection)?.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(ProgrammeError::NotFound("conference")),
            _ => Err(ProgrammeError::Unnamed),
        },
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
