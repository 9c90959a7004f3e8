//! Failures to send a message: at which step of the SMTP session, and who must act.

use std::{io, time::Duration};

use lettre::transport::smtp::{Error, response::Response};

/// A step of an SMTP session, for the log and the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Name lookup and TCP connection; with `smtps://` also TLS, the greeting and EHLO.
    Connect,
    /// The greeting and the reply to EHLO.
    Greeting,
    /// STARTTLS, the TLS handshake and the second EHLO.
    StartTls,
    Login,
    /// RSET on a connection that was kept open.
    Reset,
    Mail,
    Rcpt,
    /// DATA, until the server asks for the content (354).
    Data,
    /// The transfer of the content.
    Content,
    /// The reply to the final dot.
    FinalReply,
}

impl Step {
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

    /// Name in the log and the metrics.
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

    /// Describes a timeout of this step.
    fn timeout_reason(self, seconds: f32) -> String {
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

    /// Whether the server may already have the message.
    fn is_after_data(self) -> bool {
        matches!(self, Self::Content | Self::FinalReply)
    }

    /// Whether the session has not yet begun to transfer a message.
    pub fn is_before_message(self) -> bool {
        !matches!(self, Self::Mail | Self::Rcpt | Self::Data | Self::Content | Self::FinalReply)
    }
}

/// Who caused the failure, which decides about another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The message: another attempt would fail, too.
    Permanent,
    /// The message: another attempt may succeed.
    Transient,
    /// The server, which cannot be reached or does not answer: the whole queue pauses.
    Unreachable,
}

#[derive(Debug)]
pub struct Failure {
    pub kind: FailureKind,
    /// The server's reply, or a description of the timeout. It may contain an address.
    pub reason: String,
    /// `None` if there was no SMTP session.
    pub step: Option<Step>,
    pub is_timeout: bool,
    /// Whether every command was answered, so that the connection can be used for the next message.
    pub is_connection_usable: bool,
}

impl Failure {
    /// A failure outside an SMTP session.
    pub fn new(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), step: None, is_timeout: false, is_connection_usable: false }
    }

    /// A step that was not answered within its bound. It counts as the server's failure, unless the server may already
    /// have the message.
    pub fn timeout(step: Step, bound: Duration) -> Self {
        let kind = if step.is_after_data() { FailureKind::Transient } else { FailureKind::Unreachable };
        let reason = step.timeout_reason(bound.as_secs_f32());
        Self { step: Some(step), is_timeout: true, ..Self::new(kind, reason) }
    }

    /// A step that the server refused, or in which the connection broke.
    pub fn at(step: Step, error: &Error) -> Self {
        let kind = if step.is_before_message() || (!step.is_after_data() && requires_login(error)) {
            FailureKind::Unreachable
        } else if error.is_permanent() || (step.is_after_data() && is_unreadable(error)) {
            FailureKind::Permanent
        } else if error.is_transient() || step.is_after_data() || is_unreadable(error) {
            FailureKind::Transient
        } else {
            FailureKind::Unreachable
        };
        // 421: the server closes the connection (RFC 5321, section 3.8).
        let is_connection_usable = error.status().is_some_and(|code| u16::from(code) != 421);
        Self { step: Some(step), is_connection_usable, ..Self::new(kind, error_chain(error)) }
    }

    /// A reply that is not valid at this step. After the content, nobody knows whether the message was accepted.
    pub fn unexpected_reply(step: Step, reply: &Response) -> Self {
        let kind = if step.is_after_data() { FailureKind::Permanent } else { FailureKind::Unreachable };
        Self { step: Some(step), ..Self::new(kind, format!("the reply has no place here: {}", reply_text(reply))) }
    }

    /// The connection could not be opened.
    pub fn no_connection(error: &io::Error) -> Self {
        Self { step: Some(Step::Connect), ..Self::new(FailureKind::Unreachable, format!("Connection error: {error}")) }
    }
}

/// Whether the reply cannot be parsed. After the content it may have been a positive reply: sending the message again
/// until a reply can be parsed would be worse than recording that the result is unknown.
fn is_unreadable(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        source = cause.source();
    }
    // lettre reports a connection that broke within a reply as the same kind of error.
    error.is_response() && !error_chain(error).contains("incomplete response")
}

/// Whether the server refuses the credentials (RFC 4954, section 6).
fn requires_login(error: &Error) -> bool {
    let code = error.status().map(u16::from);
    matches!(code, Some(530 | 534 | 535 | 538))
}

/// The reply in one line. Servers repeat the enhanced status code (RFC 3463) in each line of a reply; it is said once.
pub fn reply_text(reply: &Response) -> String {
    let mut lines = reply.message();
    let first = lines.next().unwrap_or_default();
    let repeated = first.split(' ').next().filter(|word| is_enhanced_code(word));
    let without_code = |line: &str| match repeated.and_then(|code| line.strip_prefix(code)) {
        Some(rest) if rest.is_empty() || rest.starts_with(' ') => rest.trim_start().to_owned(),
        _ => line.to_owned(),
    };
    let text = std::iter::once(first.to_owned()).chain(lines.map(without_code)).collect::<Vec<_>>().join(" ");
    format!("{} {}", reply.code(), text.trim_end())
}

/// Whether a word is an enhanced status code, such as `5.7.1`.
fn is_enhanced_code(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_its_enhanced_code_once() {
        let text = |raw: &str| reply_text(&raw.parse::<Response>().unwrap());
        assert_eq!(
            text("550-5.7.1 We take no mail\r\n550-5.7.1 from this network.\r\n550 5.7.1\r\n"),
            "550 5.7.1 We take no mail from this network."
        );
        assert_eq!(text("250-5.7.1 a\r\n250 5.7.15 b\r\n"), "250 5.7.1 a 5.7.15 b");
        assert_eq!(text("250 OK\r\n"), "250 OK");
    }
}
