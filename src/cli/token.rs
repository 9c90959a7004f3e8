//! `plenary token`: manages tokens.

use clap::Subcommand;

use super::context::{Failed, open, parse_slug, print_lines};
use crate::{
    access::{
        Actor, Role,
        token::{
            self, NewToken,
            model::{DAYS_MAX, expiry},
        },
    },
    agenda, clock,
    settings::Settings,
    values::{Count, Line, TextValue as _},
};

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Create a token and print it
    Create {
        /// Role of the token: admin, agenda_editor, registrar, check_in, viewer
        #[arg(long)]
        role: String,
        /// Slug of the token's conference; all conferences if left out
        #[arg(long, value_name = "SLUG")]
        conference: Option<String>,
        /// Name of the bearer in the audit trail
        #[arg(long, default_value = "command line")]
        label: String,
        /// Days until the token expires; if left out, it is valid until it is revoked
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(DAYS_MAX)))]
        expires_in_days: Option<u32>,
    },
    /// List the tokens: first characters, role, conference, label, expiry, last use
    List,
    /// Revoke a token
    Revoke {
        /// The token, or its first characters as `list` shows them
        #[arg(value_name = "TOKEN")]
        prefix: String,
    },
}

/// Creates, lists or revokes tokens.
pub(super) async fn tokens(settings: &Settings, command: Token) -> Result<(), Failed> {
    let database = open(settings)?;
    database.migrate().await?;
    match command {
        Token::Create { role, conference, label, expires_in_days } => {
            let role = Role::from_text(&role)
                .ok_or_else(|| Failed::line(format!("--role must be one of {}", Role::TEXTS.join(", "))))?;
            let slug = conference.as_deref().map(parse_slug).transpose()?;
            let label =
                Line::<100>::parse(&label).map_err(|error| Failed::line(format!("--label {}", error.detail)))?;
            let expires_at = expiry(clock::now(), None, expires_in_days.map(Count)).map_err(|errors| {
                Failed(errors.0.into_iter().map(|error| format!("--expires-in-days {}", error.detail)).collect())
            })?;
            let (_, token) = database
                .write("make a token", move |tx| {
                    let conference = slug.as_ref().map(|slug| agenda::actions::find(tx, slug)).transpose()?;
                    let conference = conference.map(|conference| conference.id);
                    let new = NewToken { role, conference, label: label.as_str().to_owned(), expires_at };
                    Ok::<_, agenda::AgendaError>(token::actions::create_token(tx, &Actor::command_line(), &new)?)
                })
                .await?;
            print_lines(&[token.reveal().to_owned()])
        }
        Token::List => print_lines(&format_table(&database.read(token::actions::list_all).await?)),
        Token::Revoke { prefix } => {
            let count = database
                .write("revoke a token", move |tx| {
                    token::actions::revoke_by_prefix(tx, &Actor::command_line(), &prefix)
                })
                .await?;
            match count {
                0 => Err(Failed::line("no valid token begins with this; `plenary token list` shows all")),
                count => print_lines(&[format!("{count} revoked")]),
            }
        }
    }
}

/// Formats tokens as a table with headings.
fn format_table(tokens: &[token::Token]) -> Vec<String> {
    let minute = |instant: chrono::DateTime<chrono::Utc>| instant.format("%Y-%m-%d %H:%MZ").to_string();
    let line = |token: &token::Token| {
        [
            token.prefix.clone(),
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
    let pad_line = |line: &[String; 6]| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(pad_line).collect()
}
