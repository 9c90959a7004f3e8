//! Attempts to send a message, and their results.

use diesel::prelude::*;

use crate::{
    clock,
    database::{
        Connection, DatabaseError,
        schema::mail_attempts,
        types::{DbInstant, text_enum_columns},
    },
    ids::{Id, MailAttemptId, MessageId},
    values::text_enum,
};

text_enum! {
    /// Outcome of an attempt to send a message.
    AttemptOutcome {
        /// The mail server accepted the message.
        Sent = "sent",
        /// It is tried again.
        PutOff = "put_off",
        /// It is not tried again.
        Failed = "failed",
    }
}
text_enum_columns!(AttemptOutcome);

#[derive(Insertable)]
#[diesel(table_name = mail_attempts)]
struct NewAttempt<'a> {
    id: MailAttemptId,
    message_id: MessageId,
    at: DbInstant,
    outcome: AttemptOutcome,
    reply: &'a str,
}

pub fn record_attempt(
    connection: &mut Connection,
    message: MessageId,
    outcome: AttemptOutcome,
    reply: &str,
) -> Result<(), DatabaseError> {
    diesel::insert_into(mail_attempts::table)
        .values(NewAttempt { id: Id::new(), message_id: message, at: DbInstant(clock::now()), outcome, reply })
        .execute(connection)?;
    Ok(())
}

#[derive(Debug, Queryable)]
pub struct Attempt {
    pub at: DbInstant,
    pub outcome: AttemptOutcome,
    /// The reply of the mail server; `None` once the message was scrubbed.
    pub reply: Option<String>,
}

/// The attempts to send a message, oldest first.
pub fn list_attempts(connection: &mut Connection, message: MessageId) -> Result<Vec<Attempt>, DatabaseError> {
    Ok(mail_attempts::table
        .filter(mail_attempts::message_id.eq(message))
        .order((mail_attempts::at, mail_attempts::id))
        .select((mail_attempts::at, mail_attempts::outcome, mail_attempts::reply))
        .load(connection)?)
}
