//! Why a message did not leave: where the conversation with the mail server ended, and whose fault it is.

use std::{io, time::Duration};

use lettre::transport::smtp::{Error, response::Response};

/// A step of a conversation, for the log and the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The server's name and its port; with `smtps://` all up to the answer to EHLO.
    Connect,
    /// The greeting and the answer to EHLO.
    Greeting,
    /// STARTTLS, the handshake, and EHLO once more.
    StartTls,
    /// AUTH.
    Login,
    /// RSET on a connection that was kept.
    Reset,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, up to the word to go on (354).
    Data,
    /// The letter itself.
    Content,
    /// The reply to the final dot.
    FinalReply,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Connect,
        Self::Greeting,
        Self::StartTls,
        Self::Login,
        Self::Reset,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Content,
        Self::FinalReply,
    ];

    /// Its name in the log and the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::StartTls => "starttls",
            Self::Login => "login",
            Self::Reset => "reset",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Content => "content",
            Self::FinalReply => "final_reply",
        }
    }

    /// What did not come within the bound.
    fn missing(self, seconds: f32) -> String {
        let within = format!("within {seconds} s");
        match self {
            Self::Connect => format!("there was no connection {within}"),
            Self::Greeting => format!("there was no greeting {within}"),
            Self::StartTls => format!("there was no answer to STARTTLS {within}"),
            Self::Login => format!("there was no answer to AUTH {within}"),
            Self::Reset => format!("there was no answer to RSET {within}"),
            Self::Mail => format!("there was no answer to MAIL FROM {within}"),
            Self::Rcpt => format!("there was no answer to RCPT TO {within}"),
            Self::Data => format!("there was no answer to DATA {within}"),
            Self::Content => format!("the server read nothing more of the message {within}"),
            Self::FinalReply => {
                format!("there was no answer {within} to the whole message, which may have been accepted")
            }
        }
    }

    /// Whether the server may have the letter.
    fn is_after_data(self) -> bool {
        matches!(self, Self::Content | Self::FinalReply)
    }

    /// Whether it comes before there is word of any letter.
    pub fn is_before_letter(self) -> bool {
        !matches!(self, Self::Mail | Self::Rcpt | Self::Data | Self::Content | Self::FinalReply)
    }
}

/// Whose fault it is that a message did not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The message's: another attempt would fail alike.
    Permanent,
    /// The message's: another attempt may succeed.
    Transient,
    /// The server's, which cannot be reached or does not answer.
    Unreachable,
}

/// Why a message did not leave.
#[derive(Debug)]
pub struct Failure {
    /// Whose fault it is.
    pub fault: Fault,
    /// The server's words, or ours for its silence. They may quote an address.
    pub words: String,
    /// Where the conversation ended, if there was one.
    pub step: Option<Step>,
    /// Whether the step's bound ran out.
    pub is_timeout: bool,
    /// Whether every command had its reply, so that the connection can go on to the next letter.
    pub is_in_step: bool,
}

impl Failure {
    /// A failure outside of a conversation.
    pub fn new(fault: Fault, words: impl Into<String>) -> Self {
        Self { fault, words: words.into(), step: None, is_timeout: false, is_in_step: false }
    }

    /// The bound of a step ran out: the server's fault, unless it may have the letter.
    pub fn timeout(step: Step, bound: Duration) -> Self {
        let fault = if step.is_after_data() { Fault::Transient } else { Fault::Unreachable };
        let words = step.missing(bound.as_secs_f32());
        Self { step: Some(step), is_timeout: true, ..Self::new(fault, words) }
    }

    /// A step failed: refused by the server, or the connection broke.
    pub fn at(step: Step, error: &Error) -> Self {
        let fault = if step.is_before_letter() || (!step.is_after_data() && wants_login(error)) {
            Fault::Unreachable
        } else if error.is_permanent() || (step.is_after_data() && is_unreadable(error)) {
            Fault::Permanent
        } else if error.is_transient() || step.is_after_data() || is_unreadable(error) {
            Fault::Transient
        } else {
            Fault::Unreachable
        };
        // 421: the server closes the connection (RFC 5321, 3.8).
        let is_in_step = error.status().is_some_and(|code| u16::from(code) != 421);
        Self { step: Some(step), is_in_step, ..Self::new(fault, chain(error)) }
    }

    /// A reply that has no place at this step: the server is out of step with us. After the letter nobody knows whether
    /// it was accepted.
    pub fn out_of_step(step: Step, reply: &Response) -> Self {
        let fault = if step.is_after_data() { Fault::Permanent } else { Fault::Unreachable };
        Self { step: Some(step), ..Self::new(fault, format!("the reply has no place here: {}", words(reply))) }
    }

    /// Nobody is there.
    pub fn no_connection(error: &io::Error) -> Self {
        Self { step: Some(Step::Connect), ..Self::new(Fault::Unreachable, format!("Connection error: {error}")) }
    }
}

/// Whether there was a reply that makes no sense. After the letter it may have been a yes: to send the letter again
/// until somebody reads the reply would be worse than to say that nobody knows.
fn is_unreadable(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        source = cause.source();
    }
    // lettre says the same kind of a connection that broke within a reply.
    error.is_response() && !chain(error).contains("incomplete response")
}

/// Whether the server wants another login (RFC 4954, 6).
fn wants_login(error: &Error) -> bool {
    let code = error.status().map(u16::from);
    matches!(code, Some(530 | 534 | 535 | 538))
}

/// A reply in one line.
pub fn words(reply: &Response) -> String {
    let lines: Vec<&str> = reply.message().collect();
    format!("{} {}", reply.code(), lines.join(" "))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        source = cause.source();
    }
    words
}
