//! Composes a whole e-mail message: texts, calendar, badge code, headers and DKIM signature.

use std::{io, str::FromStr as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Attachment, Body, Mailbox, MultiPart, SinglePart,
        dkim::{DkimCanonicalization, DkimCanonicalizationType, DkimConfig, DkimSigningAlgorithm, DkimSigningKey},
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use rsa::{pkcs1::DecodeRsaPrivateKey as _, pkcs8::EncodePublicKey as _};

use super::{
    calendar::{self, Letterhead},
    config::MailConfig,
    letter::{CalendarEntry, ClaimedMessage, LinkKind},
    templates::{Links, Renderer},
};
use crate::{
    access::{
        ServerSecret,
        badge::{Badge, BadgeKey},
    },
    ids::{Id, MessageId},
    qr,
};

/// Pixels per module of a QR code.
const SCALE: u16 = 5;

/// Composes messages from letters.
pub struct Composer {
    renderer: Renderer,
    secret: ServerSecret,
    public_url: String,
    sender: Mailbox,
    reply_to: Option<Mailbox>,
    bounces_to: Address,
    signing: Option<Signing>,
}

/// The headers that every DKIM signature covers.
const SIGNED: [&str; 6] = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version"];

/// DKIM configurations of letters to one person and of broadcasts.
struct Signing {
    of_one: DkimConfig,
    of_many: DkimConfig,
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

impl Composer {
    /// Builds a composer from the settings; links begin with `public_url`.
    ///
    /// # Errors
    /// The DKIM key cannot be read, an address in the settings is not valid, or a template is wrong.
    pub fn new(config: &MailConfig, secret: ServerSecret, public_url: String) -> io::Result<Self> {
        let mailbox = |text: &String| Mailbox::from_str(text).map_err(io::Error::other);
        let sender = mailbox(&config.from)?;
        let bounces_to = config.bounces_to.as_ref().map(mailbox).transpose()?;
        let signing = match &config.dkim_key {
            None => None,
            Some(path) => {
                let wrong = |reason: String| io::Error::other(format!("mail_dkim_key {}: {reason}", path.display()));
                let pem = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
                let signing = |headers: &[&'static str]| {
                    let key = DkimSigningKey::new(&pem, DkimSigningAlgorithm::Rsa);
                    let key = key.map_err(|error| wrong(format!("is no RSA key in PKCS #1 PEM: {error}")))?;
                    let headers = headers.iter().map(|name| HeaderName::new_from_ascii_str(name)).collect();
                    let (selector, domain) = (config.dkim_selector.clone(), sender.email.domain().to_owned());
                    // Mail servers fold headers and trim lines on the way.
                    let canonicalization =
                        DkimCanonicalization { header: DkimCanonicalizationType::Relaxed, ..Default::default() };
                    Ok::<_, io::Error>(DkimConfig::new(selector, domain, key, headers, canonicalization))
                };
                // RFC 8058, section 3.1: the headers for unsubscribing must be signed, too.
                let of_many = [&SIGNED[..], &["List-Unsubscribe", "List-Unsubscribe-Post"]].concat();
                Some(Signing { of_one: signing(&SIGNED)?, of_many: signing(&of_many)? })
            }
        };
        Ok(Self {
            renderer: Renderer::new().map_err(io::Error::other)?,
            secret,
            public_url,
            bounces_to: bounces_to.map_or_else(|| sender.email.clone(), |mailbox| mailbox.email),
            reply_to: config.reply_to.as_ref().map(mailbox).transpose()?,
            sender,
            signing,
        })
    }

    /// The `Message-ID` of a message, without angle brackets; the same in every attempt.
    pub fn name(&self, message: MessageId) -> String {
        format!("{message}@{}", self.sender.email.domain())
    }

    /// Name and content of the DNS TXT record with the public key (RFC 6376, section 3.6.1); `None` if mail is not
    /// signed.
    ///
    /// # Errors
    /// The DKIM key cannot be read.
    pub fn record(&self, config: &MailConfig) -> io::Result<Option<(String, String)>> {
        let Some(path) = &config.dkim_key else { return Ok(None) };
        let pem = std::fs::read_to_string(path)?;
        let key = rsa::RsaPrivateKey::from_pkcs1_pem(&pem).map_err(io::Error::other)?;
        let public = key.to_public_key().to_public_key_der().map_err(io::Error::other)?;
        let name = format!("{}._domainkey.{}", config.dkim_selector, self.sender.email.domain());
        Ok(Some((name, format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(public.as_bytes())))))
    }

    /// Renders a letter and composes the message.
    ///
    /// # Errors
    /// A template uses a value that the letter does not have, or the recipient's address is not valid.
    pub fn compose(&self, message: &ClaimedMessage) -> Result<Message, Fault> {
        let content = &message.content;
        let links = self.links(message);
        let words = self.renderer.render(message, &links)?;
        let code = if content.has_badge { self.code(message)? } else { None };
        let html = SinglePart::html(words.html);
        let mut body = MultiPart::alternative().singlepart(SinglePart::plain(words.text));
        body = match &code {
            None => body.singlepart(html),
            Some(png) => body.multipart(
                MultiPart::related()
                    .singlepart(html)
                    .singlepart(Attachment::new_inline("badge".to_owned()).body(png.clone(), png_type()?)),
            ),
        };
        let mut files = Vec::new();
        if let Some(entry) = content.calendar {
            let (sender, stamp) = (&self.sender.email, message.created_at);
            let head = Letterhead { domain: sender.domain(), organiser: sender.as_ref(), stamp };
            let file = calendar::render(content, entry, &head);
            body = body.singlepart(calendar_part(entry, file.clone())?);
            files.push(("conference.ics", file));
            let left = calendar::render_left(content, entry.sequence, &head).filter(|_| !entry.cancelled);
            files.extend(left.map(|file| ("left.ics", file)));
        }
        let mut whole = MultiPart::mixed().multipart(body);
        for (name, file) in files {
            let part = Attachment::new(name.to_owned()).body(file, ContentType::parse("application/ics")?);
            whole = whole.singlepart(part);
        }
        if let Some(png) = code {
            whole = whole.singlepart(Attachment::new("badge.png".to_owned()).body(png, png_type()?));
        }
        let to: Address = deliverable(&message.recipient)?.parse()?;
        let mut builder = Message::builder()
            .message_id(Some(format!("<{}>", self.name(message.id))))
            .date(message.created_at.into())
            .from(self.sender.clone())
            .to(Mailbox::new(Some(content.name.clone()).filter(|name| !name.is_empty()), to.clone()))
            .subject(words.subject)
            .envelope(Envelope::new(Some(self.bounces_to.clone()), vec![to])?);
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let mut mail = builder.multipart(whole)?;
        let mut header = |name: &'static str, value: String| {
            mail.headers_mut().insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        };
        // RFC 3834: asks for no automatic reply.
        header("Auto-Submitted", "auto-generated".to_owned());
        header("Content-Language", message.language.clone());
        if message.kind.can_be_declined() {
            // RFC 2369 and RFC 8058.
            header("List-Unsubscribe", format!("<{}>", links.preferences));
            header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned());
        }
        if let Some(signing) = &self.signing {
            mail.sign(if message.kind.can_be_declined() { &signing.of_many } else { &signing.of_one });
        }
        Ok(mail)
    }

    fn links(&self, message: &ClaimedMessage) -> Links {
        let content = &message.content;
        let (id, generation) = (content.registration, content.token_generation);
        let (parameter, token) = match content.link {
            LinkKind::Registration => ("token", self.secret.link_token(Id::from_uuid(id), generation)),
            LinkKind::Invitation => ("invitation", self.secret.invitation_code(Id::from_uuid(id), generation)),
            LinkKind::Delegation => ("token", self.secret.delegation_token(Id::from_uuid(id), generation)),
        };
        let url = format!("{}{}", self.public_url, content.link_path);
        let preferences = self.secret.preferences_token(Id::from_uuid(id));
        Links {
            link: format!("{url}?{parameter}={token}"),
            preferences: format!("{url}/mail-preferences?token={preferences}"),
        }
    }

    /// The QR code of the recipient's badge, as PNG; `None` if it cannot be drawn.
    fn code(&self, message: &ClaimedMessage) -> Result<Option<Body>, Fault> {
        let key = BadgeKey::of(&self.secret, message.conference)?;
        let (id, generation) = (message.content.registration, message.content.token_generation);
        let payload = key.write(Badge { registration: Id::from_uuid(id), generation });
        let png = qr::modules(&payload).and_then(|modules| qr::png(&modules, SCALE));
        Ok(png.map(Body::new))
    }
}

fn png_type() -> Result<ContentType, Fault> {
    Ok(ContentType::parse("image/png")?)
}

fn calendar_part(entry: CalendarEntry, file: String) -> Result<SinglePart, Fault> {
    let method = calendar::method(entry);
    let media_type = ContentType::parse(&format!("text/calendar; method={method}; charset=UTF-8"))?;
    Ok(SinglePart::builder().header(media_type).body(file))
}

/// The address with its domain in ASCII (RFC 5890), which every mail server accepts. The local part is left as it is.
fn deliverable(address: &str) -> Result<String, Fault> {
    let (local, domain) = address.rsplit_once('@').ok_or("the address has no domain")?;
    Ok(format!("{local}@{}", url::Host::parse(domain)?))
}
