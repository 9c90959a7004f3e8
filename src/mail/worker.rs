//! The worker: takes due messages from the outbox, puts them into words, sends them, records it. Any number of
//! processes share one outbox; one that dies leaves its messages to the others when its leases lapse.

use std::{cell::Cell, collections::VecDeque, io, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use tokio::{
    sync::{Notify, watch},
    time,
};

use super::{
    api::Metrics,
    compose::Composer,
    outbox::{self, Claimed, Outcome},
    transport::{Failure, Transport},
};
use crate::{
    access::ServerSecret,
    clock,
    database::{Database, DatabaseError},
    ids::{Id, LeaseHolderId, MessageId},
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

/// The longest pause while the mail server cannot be reached.
const OUTAGE_MAX_SECONDS: u64 = 60;
/// How often what is old is looked for.
const TIDY: Duration = Duration::from_secs(600);

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
    composer: Composer,
    connections: usize,
    pace: Option<DefaultDirectRateLimiter>,
    pace_of_domains: Option<DefaultKeyedRateLimiter<String>>,
    /// Since when, and how often in a row, the mail server could not be reached.
    outage: Cell<Option<(time::Instant, u32)>>,
    holder: LeaseHolderId,
    wake: Wake,
    metrics: Metrics,
}

impl Worker {
    /// A worker that sends as the settings say; links begin with `public_url`.
    ///
    /// # Errors
    /// The folder or the mail server's setting does not work, the key cannot be read, or a template is wrong.
    pub fn new(
        settings: &Settings,
        database: Database,
        secret: ServerSecret,
        public_url: String,
        (wake, metrics): (Wake, Metrics),
    ) -> io::Result<Self> {
        let per_minute = |count: u32| std::num::NonZeroU32::new(count).map(Quota::per_minute);
        Ok(Self {
            database,
            transport: Transport::open(&settings.mail_url, settings.mail_connections)?,
            composer: Composer::new(settings, secret, public_url)?,
            connections: usize::try_from(settings.mail_connections).unwrap_or(1),
            pace: per_minute(settings.mail_per_minute).map(DefaultDirectRateLimiter::direct),
            pace_of_domains: per_minute(settings.mail_per_domain_per_minute).map(DefaultKeyedRateLimiter::keyed),
            outage: Cell::new(None),
            holder: Id::new(),
            wake,
            metrics,
        })
    }

    /// Works until `stop` turns true; what was begun is finished, what was taken is given back.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut taken: VecDeque<Claimed> = VecDeque::new();
        let mut sending = FuturesUnordered::new();
        let mut renewal = time::interval_at(time::Instant::now() + RENEWAL, RENEWAL);
        while !*stop.borrow() {
            if let Some(pause) = self.pause() {
                // None of these is to blame.
                let ids: Vec<MessageId> = taken.drain(..).map(|message| message.id).collect();
                self.give_back(ids, clock::now(), None).await;
                if sending.is_empty() {
                    tokio::select! {
                        () = time::sleep(pause) => {}
                        _ = stop.wait_for(|stop| *stop) => {}
                    }
                    continue;
                }
            } else if taken.is_empty() && sending.len() < self.connections {
                taken.extend(self.take().await);
            }
            while sending.len() < self.connections
                && let Some(message) = taken.pop_front()
            {
                sending.push(self.send(message));
            }
            if sending.is_empty() {
                tokio::select! {
                    () = self.wake.0.notified() => {}
                    () = time::sleep(POLL) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
                continue;
            }
            tokio::select! {
                _ = sending.next() => {}
                // A slow one holds up no other.
                () = self.wake.0.notified(), if sending.len() < self.connections => {}
                () = time::sleep(POLL), if sending.len() < self.connections => {}
                _ = renewal.tick() => self.renew().await,
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        while sending.next().await.is_some() {}
        drop(sending);
        let holder = self.holder;
        let given_back = self.database.write("give messages back", move |tx| outbox::release(tx, holder)).await;
        if let Err(error) = given_back {
            tracing::warn!(%error, "messages stay leased until the lease lapses");
        }
    }

    /// How long the mail server is left alone yet.
    fn pause(&self) -> Option<Duration> {
        let (since, times) = self.outage.get()?;
        let seconds = (1_u64 << times.min(10)).min(OUTAGE_MAX_SECONDS);
        (since + Duration::from_secs(seconds)).checked_duration_since(time::Instant::now())
    }

    async fn take(&self) -> Vec<Claimed> {
        let holder = self.holder;
        // After an outage one message finds out whether it is over.
        let limit = match (self.outage.get(), &self.pace) {
            (Some(_), _) => 1,
            // What is taken stands before what comes meanwhile.
            (None, Some(_)) => i64::try_from(self.connections).unwrap_or(1),
            (None, None) => BATCH,
        };
        let taken = async {
            // A look first: an idle worker must not queue among the writers.
            if self.database.read(outbox::is_due).await? {
                self.database.write("claim messages", move |tx| outbox::claim(tx, holder, limit)).await
            } else {
                Ok(Vec::new())
            }
        };
        taken.await.unwrap_or_else(|error: DatabaseError| {
            tracing::warn!(%error, "the outbox cannot be read");
            Vec::new()
        })
    }

    async fn renew(&self) {
        let holder = self.holder;
        if let Err(error) = self.database.write("renew leases", move |tx| outbox::renew(tx, holder)).await {
            tracing::warn!(%error, "leases cannot be renewed");
        }
    }

    async fn give_back(&self, messages: Vec<MessageId>, next_try_at: DateTime<Utc>, why: Option<String>) {
        if messages.is_empty() {
            return;
        }
        let work =
            move |tx: &mut crate::database::Connection| outbox::give_back(tx, &messages, next_try_at, why.as_deref());
        if let Err(error) = self.database.write("give messages back", work).await {
            tracing::warn!(%error, "messages stay leased until the lease lapses");
        }
    }

    /// Whether a message is still to be sent. Should the store be away, it waits for it.
    async fn is_wanted(&self, message: MessageId) -> bool {
        let wanted = self.database.read(move |tx| outbox::is_wanted(tx, message)).await;
        wanted.unwrap_or_else(|error: DatabaseError| {
            tracing::warn!(%error, "the outbox cannot be read");
            false
        })
    }

    async fn send(&self, message: Claimed) {
        let (id, tries, created_at) = (message.id, message.tries, message.created_at);
        if let Some(pace) = &self.pace_of_domains
            && let Err(refusal) = pace.check_key(&message.domain)
        {
            let wait = refusal.wait_time_from(governor::clock::DefaultClock::default().now());
            let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::minutes(1));
            return self.give_back(vec![id], clock::now() + wait, None).await;
        }
        while let Some(Err(refusal)) = self.pace.as_ref().map(|pace| pace.check()) {
            time::sleep(refusal.wait_time_from(governor::clock::DefaultClock::default().now())).await;
        }
        if message.is_of_broadcast && !self.is_wanted(id).await {
            let work = move |tx: &mut crate::database::Connection| outbox::drop_unwanted(tx, id);
            if let Err(error) = self.database.write("drop a message", work).await {
                tracing::warn!(%error, "a message stays leased until the lease lapses");
            }
            return;
        }
        let sent = match self.composer.compose(&message) {
            Ok(mail) => self.transport.send(mail, &self.composer.name(id)).await,
            Err(error) => Err(Failure::Permanent(error.to_string())),
        };
        if !matches!(sent, Err(Failure::Unreachable(_))) {
            self.outage.set(None);
        }
        let now = clock::now();
        // The server's words may quote the address: they go to the store, not to the log.
        let (outcome, reply) = match sent {
            Ok(reply) => {
                tracing::info!(message.id = %id, message.kind = %message.kind, "sent a message");
                self.metrics.sent((now - created_at).to_std().unwrap_or_default());
                (Outcome::Sent, reply)
            }
            Err(Failure::Unreachable(reason)) => {
                let times = self.outage.get().map_or(0, |(_, times)| times + 1);
                self.outage.set(Some((time::Instant::now(), times)));
                self.metrics.outage();
                tracing::warn!(%reason, "the mail server cannot be reached: messages wait");
                return self.give_back(vec![id], now, Some(reason)).await;
            }
            Err(Failure::Transient(reason)) if now < created_at + GIVE_UP_AFTER => {
                let at = next_try(now, tries);
                self.metrics.put_off();
                tracing::warn!(message.id = %id, next_try_at = %at, "a message waits for another try");
                (Outcome::PutOff(at), reason)
            }
            Err(Failure::Transient(reason) | Failure::Permanent(reason)) => {
                tracing::error!(message.id = %id, "a message cannot be delivered");
                self.metrics.failed();
                (Outcome::Failed, reason)
            }
        };
        let work = move |tx: &mut crate::database::Connection| outbox::record(tx, id, &outcome, &reply);
        if let Err(error) = self.database.write("record an attempt", work).await {
            tracing::error!(message.id = %id, %error, "what became of a message cannot be recorded");
        }
    }
}

/// Forgets what old messages say of people until `stop` turns true.
pub async fn tidy(database: Database, retention_days: u32, mut stop: watch::Receiver<bool>) {
    loop {
        let before = clock::now() - TimeDelta::days(retention_days.into());
        match database.write("scrub messages", move |tx| outbox::scrub(tx, before)).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::debug!(%error, "old messages cannot be scrubbed now"),
        }
        tokio::select! {
            () = time::sleep(TIDY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Twice as long after each attempt, from a second on, with up to a quarter of jitter.
fn next_try(now: DateTime<Utc>, tries: i32) -> DateTime<Utc> {
    let seconds = (1_i64 << tries.clamp(0, 20)).min(PAUSE_MAX_SECONDS);
    let jitter = i64::from(uuid::Uuid::new_v4().as_bytes()[0]) * seconds * 1000 / 4 / 255;
    now + TimeDelta::seconds(seconds) + TimeDelta::milliseconds(jitter)
}
