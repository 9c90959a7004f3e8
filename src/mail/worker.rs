//! The worker: takes due messages from the outbox, puts them into words, sends them, records it. Any number of
//! processes share one outbox; one that dies leaves its messages to the others when its leases lapse.

use std::{io, str::FromStr as _, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};
use lettre::{
    Message,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use tokio::{
    sync::{Notify, watch},
    time,
};

use super::{
    calendar,
    letter::LinkKind,
    outbox::{self, Claimed},
    render::Renderer,
    transport::{Failure, SMTP_CONNECTIONS_MAX, Transport},
};
use crate::{
    access::ServerSecret,
    clock,
    database::{Database, DatabaseError},
    ids::{Id, LeaseHolderId},
    settings::Settings,
};

/// Messages taken at once.
const BATCH: i64 = 16;
/// How often the outbox is looked at when nobody calls.
const POLL: Duration = Duration::from_secs(1);
/// How often leases are renewed: several times in their length.
const RENEWAL: Duration = Duration::from_secs(3);
/// The longest pause between two attempts.
const PAUSE_MAX_SECONDS: i64 = 300;
/// How long attempts go on (RFC 5321, 4.5.4.1: at least 4 to 5 days).
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(5);

/// Tells the worker of this process that there are new messages.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// To be called after a commit.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The worker of one process.
pub struct Worker {
    database: Database,
    transport: Transport,
    renderer: Renderer,
    secret: ServerSecret,
    sender: Mailbox,
    public_url: String,
    holder: LeaseHolderId,
    wake: Wake,
}

impl Worker {
    /// A worker that sends as the settings say; links begin with `public_url`.
    ///
    /// # Errors
    /// The folder or the mail server's setting does not work, or a template is wrong.
    pub fn new(
        settings: &Settings,
        database: Database,
        secret: ServerSecret,
        public_url: String,
        wake: Wake,
    ) -> io::Result<Self> {
        Ok(Self {
            database,
            transport: Transport::open(&settings.mail_url)?,
            renderer: Renderer::new().map_err(io::Error::other)?,
            secret,
            sender: Mailbox::from_str(&settings.mail_from).map_err(io::Error::other)?,
            public_url,
            holder: Id::new(),
            wake,
        })
    }

    /// Works until `stop` turns true; what was begun is finished, what was taken is given back.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            let taken = self.take().await;
            if taken.is_empty() {
                tokio::select! {
                    () = self.wake.0.notified() => {}
                    () = time::sleep(POLL) => {}
                    _ = stop.wait_for(|stop| *stop) => break,
                }
                continue;
            }
            self.send_all(taken, &stop).await;
            if *stop.borrow() {
                break;
            }
        }
        let holder = self.holder;
        let given_back = self.database.write("give messages back", move |tx| outbox::release(tx, holder)).await;
        if let Err(error) = given_back {
            tracing::warn!(%error, "messages stay leased until the lease lapses");
        }
    }

    async fn take(&self) -> Vec<Claimed> {
        let holder = self.holder;
        let taken = async {
            // A look first: an idle worker must not queue among the writers.
            if self.database.read(outbox::is_due).await? {
                self.database.write("claim messages", move |tx| outbox::claim(tx, holder, BATCH)).await
            } else {
                Ok(Vec::new())
            }
        };
        taken.await.unwrap_or_else(|error: DatabaseError| {
            tracing::warn!(%error, "the outbox cannot be read");
            Vec::new()
        })
    }

    async fn send_all(&self, messages: Vec<Claimed>, stop: &watch::Receiver<bool>) {
        let sending = stream::iter(messages).for_each_concurrent(SMTP_CONNECTIONS_MAX as usize, |message| async move {
            if !*stop.borrow() {
                self.send(message).await;
            }
        });
        tokio::pin!(sending);
        let mut renewal = time::interval_at(time::Instant::now() + RENEWAL, RENEWAL);
        loop {
            tokio::select! {
                () = &mut sending => return,
                _ = renewal.tick() => self.renew().await,
            }
        }
    }

    async fn renew(&self) {
        let holder = self.holder;
        if let Err(error) = self.database.write("renew leases", move |tx| outbox::renew(tx, holder)).await {
            tracing::warn!(%error, "leases cannot be renewed");
        }
    }

    async fn send(&self, message: Claimed) {
        let (id, tries, created_at) = (message.id, message.tries, message.created_at);
        let name = format!("{id}@{}", self.sender.email.domain());
        let sent = match self.compose(&message, &name) {
            Ok(mail) => self.transport.send(mail, &name).await,
            Err(error) => Err(Failure { permanent: true, reason: error.to_string() }),
        };
        let recorded = match sent {
            Ok(()) => {
                tracing::info!(message.id = %id, message.kind = %message.kind, "sent a message");
                self.database.write("record a sent message", move |tx| outbox::record_sent(tx, id)).await
            }
            Err(Failure { permanent, reason }) => {
                let now = clock::now();
                let next = (!permanent && now < created_at + GIVE_UP_AFTER).then(|| next_try(now, tries));
                // The server's words may quote the address: they go to the store, not to the log.
                match next {
                    Some(at) => tracing::warn!(message.id = %id, next_try_at = %at, "a message waits for another try"),
                    None => tracing::error!(message.id = %id, "a message cannot be delivered"),
                }
                self.database
                    .write("record a failed attempt", move |tx| outbox::record_failure(tx, id, &reason, next))
                    .await
            }
        };
        if let Err(error) = recorded {
            tracing::error!(message.id = %id, %error, "what became of a message cannot be recorded");
        }
    }

    fn compose(&self, message: &Claimed, name: &str) -> Result<Message, Box<dyn std::error::Error>> {
        let content = &message.content;
        let (id, generation) = (content.registration, content.token_generation);
        let token = match content.link {
            LinkKind::Registration => self.secret.link_token(Id::from_uuid(id), generation),
            LinkKind::Invitation => self.secret.invitation_code(Id::from_uuid(id), generation),
            LinkKind::Delegation => self.secret.delegation_token(Id::from_uuid(id), generation),
        };
        let parameter = if content.link == LinkKind::Invitation { "invitation" } else { "token" };
        let link = format!("{}{}?{parameter}={token}", self.public_url, content.link_path);
        let words = self.renderer.render(message, &link)?;
        let mut body =
            MultiPart::alternative().singlepart(SinglePart::plain(words.text)).singlepart(SinglePart::html(words.html));
        let mut attachment = None;
        if let Some(entry) = content.calendar {
            let sender = &self.sender.email;
            let file = calendar::render(content, entry, sender.domain(), sender.as_ref(), message.created_at);
            let method = calendar::method(entry);
            let media_type = ContentType::parse(&format!("text/calendar; method={method}; charset=UTF-8"))?;
            body = body.singlepart(SinglePart::builder().header(media_type).body(file.clone()));
            attachment =
                Some(Attachment::new("conference.ics".to_owned()).body(file, ContentType::parse("application/ics")?));
        }
        let mut whole = MultiPart::mixed().multipart(body);
        if let Some(attachment) = attachment {
            whole = whole.singlepart(attachment);
        }
        let mut mail = Message::builder()
            .message_id(Some(format!("<{name}>")))
            .date(message.created_at.into())
            .from(self.sender.clone())
            .to(Mailbox::new(Some(content.name.clone()).filter(|name| !name.is_empty()), message.recipient.parse()?))
            .subject(words.subject)
            .multipart(whole)?;
        // RFC 3834: no out-of-office reply to a machine.
        let headers = mail.headers_mut();
        headers.insert_raw(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
        headers
            .insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str("Content-Language"), message.language.clone()));
        Ok(mail)
    }
}

/// Twice as long after each attempt, from a second on, with up to a quarter of jitter.
fn next_try(now: DateTime<Utc>, tries: i32) -> DateTime<Utc> {
    let seconds = (1_i64 << tries.clamp(0, 20)).min(PAUSE_MAX_SECONDS);
    let jitter = i64::from(uuid::Uuid::new_v4().as_bytes()[0]) * seconds * 1000 / 4 / 255;
    now + TimeDelta::seconds(seconds) + TimeDelta::milliseconds(jitter)
}
