//! Composes a whole e-mail message: texts, calendar, badge code and headers; [`super::dkim`] signs it.

use std::{collections::HashMap, io, str::FromStr as _};

use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Attachment, Body, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};

use super::{
    calendar::{self, Letterhead},
    config::MailConfig,
    dkim::Signer,
    letter::{CalendarEntry, ClaimedMessage, LinkKind},
    letter_settings::LetterSettings,
    salutation,
    sender_domains::SenderDomains,
    templates::{Links, Renderer},
};
use crate::{
    access::{
        ServerSecret,
        badge::{Badge, BadgeKey},
    },
    database::uid_hosts::UidHosts,
    ids::Id,
    qr,
};

/// Width of a module of a QR code.
const QR_MODULE_PIXELS: u16 = 5;

/// Composes messages from letters.
pub struct Composer {
    renderer: Renderer,
    secret: ServerSecret,
    public_url: String,
    sender: Mailbox,
    sender_domains: SenderDomains,
    reply_to: Option<Mailbox>,
    bounces_to: Address,
    /// By the domain of the sender; empty if mail is not signed.
    signers: HashMap<String, Signer>,
}

type ComposeError = Box<dyn std::error::Error + Send + Sync>;

impl Composer {
    /// Builds a composer from the settings; links begin with `public_url`.
    ///
    /// # Errors
    /// The DKIM key cannot be read, an address in the settings is not valid, or a template is wrong.
    pub fn new(config: &MailConfig, secret: ServerSecret, public_url: String) -> io::Result<Self> {
        let mailbox = |text: &String| ascii_mailbox(text).map_err(io::Error::other);
        let sender = mailbox(&config.from)?;
        let bounces_to = config.bounces_to.as_ref().map(mailbox).transpose()?;
        let mut signers = HashMap::new();
        for domain in config.sender_domains.all() {
            signers.extend(Signer::load(config, domain)?.map(|signer| (domain.clone(), signer)));
        }
        Ok(Self {
            renderer: Renderer::new().map_err(io::Error::other)?,
            secret,
            public_url,
            bounces_to: bounces_to.map_or_else(|| sender.email.clone(), |mailbox| mailbox.email),
            reply_to: config.reply_to.as_ref().map(mailbox).transpose()?,
            sender,
            sender_domains: config.sender_domains.clone(),
            signers,
        })
    }

    /// The domain of the sender's address.
    pub fn sender_domain(&self) -> &str {
        self.sender.email.domain()
    }

    /// The `Message-ID` of a message, without angle brackets; the same in every attempt.
    pub fn message_id(&self, message: &ClaimedMessage) -> String {
        // A `Message-ID` is ASCII (RFC 5322, section 3.6.4); the pinned host may have other letters.
        let host = ascii_domain(&message.uid_host).unwrap_or_else(|_| UidHosts::FALLBACK.to_owned());
        format!("{}@{host}", message.id)
    }

    /// The sender of a message: that of its conference where the settings allow its domain, else that of the settings.
    fn sender_of(&self, message: &ClaimedMessage) -> Result<Mailbox, ComposeError> {
        let LetterSettings { sender_name, sender_address, .. } = &message.settings;
        let address = match sender_address {
            Some(address) if self.sender_domains.allow(address) => with_ascii_domain(address.as_str())?.parse()?,
            Some(_) => {
                tracing::warn!(conference.id = %message.conference, "the sender of a conference is not allowed any more");
                self.sender.email.clone()
            }
            None => self.sender.email.clone(),
        };
        let name = sender_name.as_ref().map(|name| name.as_str().to_owned());
        Ok(Mailbox::new(name.or_else(|| self.sender.name.clone()), address))
    }

    /// Renders a letter and composes the message.
    ///
    /// # Errors
    /// A template uses a value that the letter does not have, or the recipient's address is not valid.
    pub fn compose(&self, message: &ClaimedMessage) -> Result<Message, ComposeError> {
        let content = &message.content;
        let links = self.links(message);
        let rendered = self.renderer.render(message, &links)?;
        let badge_code = if content.has_badge { self.badge_code(message)? } else { None };
        let html = SinglePart::html(rendered.html);
        let mut body = MultiPart::alternative().singlepart(SinglePart::plain(rendered.text));
        body = match &badge_code {
            None => body.singlepart(html),
            Some(png) => body.multipart(
                MultiPart::related()
                    .singlepart(html)
                    .singlepart(Attachment::new_inline("badge".to_owned()).body(png.clone(), png_type()?)),
            ),
        };
        let sender = self.sender_of(message)?;
        let mut files = Vec::new();
        if let Some(entry) = content.calendar {
            let (organiser, created_at) = (Some(sender.email.as_ref()), message.created_at);
            let letterhead = Letterhead { uid_host: &message.uid_host, organiser, created_at };
            let file = calendar::render(content, entry, &letterhead);
            body = body.singlepart(calendar_part(entry, file.clone())?);
            files.push(("conference.ics", file));
            let left_sessions =
                calendar::render_left_sessions(content, entry.sequence, &letterhead).filter(|_| !entry.cancelled);
            files.extend(left_sessions.map(|file| ("left.ics", file)));
        }
        let mut mixed = MultiPart::mixed().multipart(body);
        for (name, file) in files {
            let part = Attachment::new(name.to_owned()).body(file, ContentType::parse("application/ics")?);
            mixed = mixed.singlepart(part);
        }
        if let Some(png) = badge_code {
            mixed = mixed.singlepart(Attachment::new("badge.png".to_owned()).body(png, png_type()?));
        }
        let to: Address = with_ascii_domain(&message.recipient)?.parse()?;
        let mut builder = Message::builder()
            .message_id(Some(format!("<{}>", self.message_id(message))))
            .date(message.created_at.into())
            .from(sender.clone())
            .to(Mailbox::new(salutation::recipient_name(content).map(str::to_owned), to.clone()))
            .subject(rendered.subject)
            .envelope(Envelope::new(Some(self.bounces_to.clone()), vec![to])?);
        let own_reply_to =
            message.settings.reply_to.as_ref().map(|address| ascii_mailbox(address.as_str())).transpose()?;
        if let Some(reply_to) = own_reply_to.or_else(|| self.reply_to.clone()) {
            builder = builder.reply_to(reply_to);
        }
        let mut mail = builder.multipart(mixed)?;
        let mut header = |name: &'static str, value: String| {
            mail.headers_mut().insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        };
        // RFC 3834: asks for no automatic reply.
        header("Auto-Submitted", "auto-generated".to_owned());
        header("Content-Language", rendered.languages.join(", "));
        if message.kind.can_be_declined() {
            // RFC 2369 and RFC 8058.
            header("List-Unsubscribe", format!("<{}>", links.preferences));
            header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned());
        }
        if let Some(signer) = self.signers.get(sender.email.domain()) {
            signer.sign(&mut mail, message.kind.can_be_declined());
        }
        Ok(mail)
    }

    fn links(&self, message: &ClaimedMessage) -> Links {
        let content = &message.content;
        let (id, token_generation) = (content.registration, content.token_generation);
        let (parameter, token) = match content.link {
            LinkKind::Registration => ("token", self.secret.link_token(Id::from_uuid(id), token_generation)),
            LinkKind::Invitation => ("invitation", self.secret.invitation_code(Id::from_uuid(id), token_generation)),
            LinkKind::Delegation => ("token", self.secret.delegation_token(Id::from_uuid(id), token_generation)),
        };
        let url = format!("{}{}", self.public_url, content.link_path);
        let preferences = self.secret.preferences_token(Id::from_uuid(id));
        Links {
            link: format!("{url}?{parameter}={token}"),
            preferences: format!("{url}/mail-preferences?token={preferences}"),
        }
    }

    /// The QR code of the recipient's badge, as PNG; `None` if it cannot be drawn.
    fn badge_code(&self, message: &ClaimedMessage) -> Result<Option<Body>, ComposeError> {
        let key = BadgeKey::derive(&self.secret, message.conference)?;
        let (id, generation) = (message.content.registration, message.content.token_generation);
        let payload = key.sign(Badge { registration: Id::from_uuid(id), generation });
        let png = qr::modules(&payload).and_then(|modules| qr::png(&modules, QR_MODULE_PIXELS));
        Ok(png.map(Body::new))
    }
}

fn png_type() -> Result<ContentType, ComposeError> {
    Ok(ContentType::parse("image/png")?)
}

fn calendar_part(entry: CalendarEntry, file: String) -> Result<SinglePart, ComposeError> {
    let method = calendar::method(entry);
    let media_type = ContentType::parse(&format!("text/calendar; method={method}; charset=UTF-8"))?;
    Ok(SinglePart::builder().header(media_type).body(file))
}

/// A domain in ASCII (RFC 5890).
fn ascii_domain(domain: &str) -> Result<String, ComposeError> {
    Ok(url::Host::parse(domain)?.to_string())
}

/// The address with its domain in ASCII, which every mail server accepts. The local part is left as it is.
fn with_ascii_domain(address: &str) -> Result<String, ComposeError> {
    let (local, domain) = address.rsplit_once('@').ok_or("the address has no domain")?;
    Ok(format!("{local}@{}", ascii_domain(domain)?))
}

/// A name and an address, such as `Plenary <plenary@example.org>`, with the domain in ASCII.
fn ascii_mailbox(text: &str) -> Result<Mailbox, ComposeError> {
    let mailbox = Mailbox::from_str(text)?;
    // A literal such as [192.0.2.1] stays as it is.
    let address = with_ascii_domain(mailbox.email.as_ref()).ok().and_then(|address| address.parse().ok());
    Ok(Mailbox::new(mailbox.name, address.unwrap_or(mailbox.email)))
}
