//! Bounce reports: delivery status notifications (RFC 3464) in a `multipart/report` (RFC 6522), in which other mail
//! servers report what they could not deliver. A permanent failure blocks the address.

use mailparse::{MailHeaderMap as _, ParsedMail};

use super::{
    block_list::{self, BlockReason},
    tracking,
};
use crate::{
    database::{Connection, DatabaseError},
    ids::{ConferenceId, MessageId},
    values::EmailAddress,
};

/// An address that a message could not be delivered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    pub address: String,
    /// Whether the failure is permanent: the status begins with 5 (RFC 3463).
    pub is_permanent: bool,
    /// The status and the diagnostic text of the mail server.
    pub reason: String,
}

/// A delivery status notification about one of our messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Taken from the `Message-ID` of the returned message; `None` if the report does not contain it.
    pub message: Option<MessageId>,
    pub bounces: Vec<Bounce>,
}

/// Maximum number of multipart parts in a report. `mailparse` parses nested parts recursively, and anybody can send a
/// report.
const PARTS_MAX: usize = 20;

/// Parses a delivery status notification; `None` if the message is not one.
pub fn parse(bytes: &[u8]) -> Option<Report> {
    let parts = bytes.windows(10).filter(|window| window.eq_ignore_ascii_case(b"multipart/")).count();
    if parts > PARTS_MAX {
        return None;
    }
    let mail = mailparse::parse_mail(bytes).ok()?;
    // RFC 6533: the same part for addresses that are not ASCII.
    let status =
        find_part(&mail, "message/delivery-status").or_else(|| find_part(&mail, "message/global-delivery-status"))?;
    // PostgreSQL cannot store a NUL.
    let fields = status.get_body().ok()?.replace('\0', " ");
    let mut report = Report { message: original_message_id(&mail), bounces: Vec::new() };
    // The first group of fields describes the message; each of the others describes a recipient.
    for group in fields.replace("\r\n", "\n").split("\n\n") {
        let group = format!("{}\n\n", group.trim());
        let Ok((headers, _)) = mailparse::parse_headers(group.as_bytes()) else { continue };
        let field = |name: &str| headers.get_first_value(name).map(|value| value.trim().to_owned());
        let Some(recipient) = field("Final-Recipient").or_else(|| field("Original-Recipient")) else { continue };
        if field("Action").is_none_or(|action| !action.eq_ignore_ascii_case("failed")) {
            continue;
        }
        let status = field("Status").unwrap_or_default();
        let reason = format!("{status} {}", field("Diagnostic-Code").unwrap_or_default()).replace('\0', " ");
        let address = recipient.split_once(';').map_or(recipient.as_str(), |(_, address)| address.trim());
        report.bounces.push(Bounce {
            address: address.trim_matches(['<', '>']).to_owned(),
            is_permanent: status.starts_with('5'),
            reason: reason.split_whitespace().collect::<Vec<_>>().join(" "),
        });
    }
    Some(report)
}

/// Effect of a bounce report.
#[derive(Debug, Default)]
pub struct BounceEffect {
    /// Addresses that are blocked because of it.
    pub blocked: Vec<EmailAddress>,
    /// The message that bounced; `None` if the report names none of the conference, or no failure.
    pub message: Option<MessageId>,
}

/// Records the bounces of a report for its message, and blocks the addresses whose failure is permanent.
pub fn record(
    connection: &mut Connection,
    conference: ConferenceId,
    report: &Report,
) -> Result<BounceEffect, DatabaseError> {
    let recipient = match report.message {
        Some(message) => tracking::find_recipient(connection, conference, message)?,
        None => None,
    };
    let mut effect = BounceEffect::default();
    for bounce in &report.bounces {
        // The bounce is recorded for its message even if the failure is temporary.
        if let Some(message) = report.message.filter(|_| recipient.is_some()) {
            tracking::record_bounce(connection, message, &bounce.reason)?;
            effect.message = Some(message);
        }
        if !bounce.is_permanent {
            continue;
        }
        // The report may name an address that mail was forwarded to; the block is on the address that we wrote to.
        let address = recipient.as_deref().unwrap_or(&bounce.address);
        let Ok(address) = EmailAddress::parse_stored(address) else { continue };
        block_list::block(connection, conference, &address.folded(), BlockReason::Bounced, Some(&bounce.reason))?;
        effect.blocked.push(address);
    }
    Ok(effect)
}

fn find_part<'a>(mail: &'a ParsedMail<'a>, media_type: &str) -> Option<&'a ParsedMail<'a>> {
    if mail.ctype.mimetype.eq_ignore_ascii_case(media_type) {
        return Some(mail);
    }
    mail.subparts.iter().find_map(|inner| find_part(inner, media_type))
}

/// The id of the returned message, read from the `Message-ID` of its copy or of its headers.
fn original_message_id(mail: &ParsedMail<'_>) -> Option<MessageId> {
    let returned = ["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"]
        .into_iter()
        .find_map(|media_type| find_part(mail, media_type))?;
    let body = returned.get_body_raw().ok()?;
    let (headers, _) = mailparse::parse_headers(&body).ok()?;
    let message_id = headers.get_first_value("Message-ID")?;
    let id = message_id.trim().trim_start_matches('<').split('@').next()?.parse().ok()?;
    Some(MessageId::from_uuid(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTFIX: &str = "From: MAILER-DAEMON@mx.example\r\nTo: bounces@conference.example\r\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\nMIME-Version: 1.0\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\nI'm sorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; mx.example\r\n\r\n\
        Final-Recipient: rfc822; ada@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\
        Diagnostic-Code: smtp; 550 5.1.1 <ada@example.org>:\r\n no such user\r\n\r\n\
        Final-Recipient: rfc822; bob@example.org\r\nAction: delayed\r\nStatus: 4.2.2\r\n\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\n\
        Message-ID: <01890000-0000-7000-8000-000000000001@conference.example>\r\nSubject: x\r\n\r\nBody\r\n--b--\r\n";

    #[test]
    fn a_report_names_the_message_the_address_and_the_reason() {
        let report = parse(POSTFIX.as_bytes()).unwrap();
        assert_eq!(report.message.unwrap().to_string(), "01890000-0000-7000-8000-000000000001");
        let reason = "5.1.1 smtp; 550 5.1.1 <ada@example.org>: no such user".to_owned();
        assert_eq!(report.bounces, [Bounce { address: "ada@example.org".to_owned(), is_permanent: true, reason }]);
        assert_eq!(parse(b"Subject: Out of office\r\n\r\nI am away."), None);
        assert_eq!(parse(b"\xff\xfe"), None);
        let level = |n: usize| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
        assert_eq!(parse((0..5_000).map(level).collect::<String>().as_bytes()), None);
        let encoded = POSTFIX.replace("no such user", "=?utf-8?q?a=00b?=");
        assert!(!parse(encoded.as_bytes()).unwrap().bounces[0].reason.contains('\0'));
    }
}
