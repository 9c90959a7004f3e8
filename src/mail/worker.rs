//! The worker: claims due messages from the outbox, renders and sends them, and records the result. Any number of
//! processes share one outbox; the messages of a process that dies are claimed by the others once its leases expire.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, VecDeque},
    io,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use tokio::{
    sync::{Notify, watch},
    task::{JoinError, JoinSet},
    time,
};

use super::{
    api::Metrics,
    compose::Composer,
    config::MailConfig,
    failure::{Failure, FailureKind, Step},
    letter::ClaimedMessage,
    outbox::{self, Outcome},
    retry::{GIVE_UP_AFTER, PAUSE_MAX_SECONDS, next_try},
    smtp::Bounds,
    transport::Transport,
};
use crate::{
    access::ServerSecret,
    clock,
    database::{Connection, Database, DatabaseError},
    ids::{Id, LeaseHolderId, MessageId},
};

/// Messages claimed in one transaction.
const BATCH: i64 = 16;
/// Interval between looks at the outbox when no [`Wake`] comes.
const POLL: Duration = Duration::from_secs(1);
/// Interval between checks for messages that were dated by a clock that was ahead.
const CLOCK_CHECK: Duration = Duration::from_secs(60);
/// Most such messages that are made due in one transaction.
const HURRIED_MAX: i64 = 1000;
/// A write that takes longer has waited for another writer of the store.
const SLOW_WRITE: Duration = Duration::from_secs(1);
/// How long the store must have accepted writes before expired leases of other processes are taken over.
const TAKE_OVER_AFTER: Duration = Duration::from_secs(3);
/// Interval between renewals of leases: several in the duration of a lease.
const RENEWAL: Duration = Duration::from_secs(3);
/// Pause before the next try to record an attempt while the store is unavailable.
const RECORD_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause while the mail server cannot be reached.
const OUTAGE_MAX_SECONDS: u64 = 60;
/// How long a stop waits for messages that are being sent: less than service managers wait before they kill the
/// process.
const STOP_MAX: Duration = Duration::from_secs(8);
/// Interval between runs that scrub old messages.
const TIDY: Duration = Duration::from_secs(600);

/// Wakes the worker of this process when there are new messages.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Must be called after the commit.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The mail worker of one process.
pub struct Worker {
    database: Database,
    transport: Transport,
    composer: Composer,
    connections: usize,
    pace: Option<DefaultDirectRateLimiter>,
    pace_of_domains: Option<DefaultKeyedRateLimiter<String>>,
    /// Time of the last failure to reach the mail server, and the number of consecutive failures before it; `None`
    /// while the server can be reached.
    outage: Cell<Option<(time::Instant, u32)>>,
    /// Time of the last check for messages that were dated by a clock that was ahead.
    clock_checked: Cell<Option<time::Instant>>,
    holder: LeaseHolderId,
    /// Times of the first and the last of the latest consecutive writes that the store accepted without delay.
    writes: Cell<Option<(time::Instant, time::Instant)>>,
    /// Messages that are claimed and not yet finished: their leases are renewed, and they are not claimed again.
    in_hand: RefCell<BTreeSet<MessageId>>,
    wake: Wake,
    metrics: Metrics,
}

/// Keeps a message in `in_hand` until it is dropped.
struct InHand(Rc<Worker>, MessageId);

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.in_hand.borrow_mut().remove(&self.1);
    }
}

impl Worker {
    /// Builds a worker from the settings; links begin with `public_url`.
    ///
    /// # Errors
    /// The folder or the mail server's URL is not usable, the DKIM key cannot be read, or a template is wrong.
    pub fn new(
        config: &MailConfig,
        database: Database,
        secret: ServerSecret,
        public_url: String,
        (wake, metrics): (Wake, Metrics),
    ) -> io::Result<Self> {
        let per_minute = |count: u32| std::num::NonZeroU32::new(count).map(Quota::per_minute);
        let connections = usize::try_from(config.connections).unwrap_or(1);
        let bounds = Bounds { step: config.step, final_reply: config.final_reply };
        Ok(Self {
            database,
            transport: Transport::open(&config.url, connections, bounds)?,
            composer: Composer::new(config, secret, public_url)?,
            connections,
            pace: per_minute(config.per_minute).map(DefaultDirectRateLimiter::direct),
            pace_of_domains: per_minute(config.per_domain_per_minute).map(DefaultKeyedRateLimiter::keyed),
            outage: Cell::new(None),
            clock_checked: Cell::new(None),
            holder: Id::new(),
            writes: Cell::new(None),
            in_hand: RefCell::default(),
            wake,
            metrics,
        })
    }

    /// Works until `stop` turns true. Then waits some seconds for messages that are being sent, and ends the leases of
    /// the others.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let worker = Rc::new(self);
        let mut taken: VecDeque<ClaimedMessage> = VecDeque::new();
        // Separate tasks: a wait for the store in this loop must not delay a task that has an open SMTP session.
        let mut sending = JoinSet::new();
        let mut renewal = time::interval_at(time::Instant::now() + RENEWAL, RENEWAL);
        renewal.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut was_stuck = false;
        while !*stop.borrow() {
            let is_stuck = worker.is_stuck();
            if is_stuck && !was_stuck {
                tracing::warn!("the mail server accepts no message and refuses none: messages wait");
            }
            was_stuck = is_stuck;
            if let Some(pause) = worker.pause() {
                worker.give_all_back(&mut taken).await;
                if sending.is_empty() {
                    tokio::select! {
                        () = time::sleep(pause) => {}
                        _ = stop.wait_for(|stop| *stop) => {}
                    }
                    continue;
                }
            } else if is_stuck {
                worker.give_all_back(&mut taken).await;
            } else if taken.is_empty() && worker.has_room(sending.len()) {
                taken.extend(worker.take().await);
            }
            while worker.has_room(sending.len())
                && let Some(message) = taken.pop_front()
            {
                let in_hand = InHand(Rc::clone(&worker), message.id);
                sending.spawn_local(async move { in_hand.0.send(message).await });
            }
            worker.transport.close_idle();
            if sending.is_empty() {
                tokio::select! {
                    () = worker.wake.0.notified() => {}
                    () = time::sleep(POLL) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
                continue;
            }
            tokio::select! {
                Some(sent) = sending.join_next() => broke_off(sent),
                // A slow message must not delay others.
                () = worker.wake.0.notified(), if worker.has_room(sending.len()) => {}
                () = time::sleep(POLL) => {}
                _ = renewal.tick() => worker.renew().await,
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        worker.finish(sending).await;
        let holder = worker.holder;
        let given_back = worker.database.write("give messages back", move |tx| outbox::release(tx, holder)).await;
        if let Err(error) = given_back {
            tracing::warn!(%error, "messages stay leased until the lease expires");
        }
        worker.transport.close().await;
    }

    /// Waits up to [`STOP_MAX`] for messages that are being sent; then aborts them and closes their connections.
    async fn finish(&self, mut sending: JoinSet<()>) {
        let mut renewal = time::interval(RENEWAL);
        let mut end = std::pin::pin!(time::sleep(STOP_MAX));
        while !sending.is_empty() {
            tokio::select! {
                Some(sent) = sending.join_next() => broke_off(sent),
                _ = renewal.tick() => self.renew().await,
                () = &mut end => {
                    let messages = sending.len();
                    tracing::warn!(messages, "stopped while messages were on their way: they are sent again");
                    return sending.shutdown().await;
                }
            }
        }
    }

    /// Whether another message may be started. One that has long waited for the final reply does not count against the
    /// limit, up to twice the number of connections: a server that hangs on some messages does not delay the others.
    /// After an outage, one message tests whether the server answers again.
    fn has_room(&self, sending: usize) -> bool {
        let limit = if self.outage.get().is_some() { 1 } else { self.connections };
        sending < 2 * self.connections && sending.saturating_sub(self.transport.silent()) < limit
    }

    /// Whether so many messages wait for the final reply that no other is started.
    fn is_stuck(&self) -> bool {
        self.transport.silent() >= 2 * self.connections
    }

    /// Returns claimed messages without counting an attempt.
    async fn give_all_back(&self, taken: &mut VecDeque<ClaimedMessage>) {
        let ids: Vec<MessageId> = taken.drain(..).map(|message| message.id).collect();
        self.in_hand.borrow_mut().retain(|id| !ids.contains(id));
        self.give_back(ids, clock::now(), None).await;
    }

    /// Time until the mail server may be tried again after an outage; `None` if there is nothing to wait for.
    fn pause(&self) -> Option<Duration> {
        let (since, times) = self.outage.get()?;
        (since + outage_pause(times)).checked_duration_since(time::Instant::now())
    }

    /// Records that the message started at `began` failed because the server cannot be reached. Returns the pause
    /// before the next attempt. Messages that were being sent at the same time count as one failure.
    fn note_outage(&self, began: time::Instant) -> Duration {
        let times = match self.outage.get() {
            Some((since, times)) if since < began => times + 1,
            Some((_, times)) => times,
            None => 0,
        };
        self.outage.set(Some((time::Instant::now(), times)));
        self.metrics.outage();
        outage_pause(times)
    }

    async fn take(&self) -> Vec<ClaimedMessage> {
        let holder = self.holder;
        // After an outage, one message tests whether the server answers again.
        let limit = match (self.outage.get(), &self.pace) {
            (Some(_), _) => 1,
            // Claimed messages are sent before later ones of a higher priority: with a rate limit, few are claimed at a
            // time.
            (None, Some(_)) => i64::try_from(self.connections).unwrap_or(1),
            (None, None) => BATCH,
        };
        let taken = async {
            self.check_clock().await?;
            // The read comes first: an idle worker must not wait in the queue of writers.
            if !self.database.read(outbox::is_due).await? {
                return Ok(Vec::new());
            }
            let (in_hand, takes_over, asked) = (self.in_hand(), self.takes_over(), time::Instant::now());
            let work = move |tx: &mut Connection| outbox::claim(tx, holder, (&in_hand, takes_over), limit);
            let taken = self.database.write("claim messages", work).await;
            self.note_write(asked, taken.is_ok());
            let taken = taken?;
            self.in_hand.borrow_mut().extend(taken.iter().map(|message| message.id));
            Ok(taken)
        };
        taken.await.unwrap_or_else(|error: DatabaseError| {
            tracing::warn!(%error, "the outbox cannot be read");
            Vec::new()
        })
    }

    /// Makes messages due that were dated by a clock which was ahead and has been corrected since.
    async fn check_clock(&self) -> Result<(), DatabaseError> {
        if self.clock_checked.get().is_some_and(|checked| checked.elapsed() < CLOCK_CHECK) {
            return Ok(());
        }
        let longest_pause = TimeDelta::seconds(2 * PAUSE_MAX_SECONDS);
        let overtaken = move |tx: &mut Connection| super::outbox::dated_ahead(tx, longest_pause, HURRIED_MAX);
        let messages = self.database.read(overtaken).await?;
        if !messages.is_empty() {
            let count = messages.len();
            self.database.write("hurry messages", move |tx| super::outbox::make_due(tx, &messages)).await?;
            tracing::warn!(count, "messages waited for an instant of a clock that was ahead: they are sent now");
            // There may be more of them.
            return Ok(());
        }
        self.clock_checked.set(Some(time::Instant::now()));
        Ok(())
    }

    /// Whether expired leases of other processes may be taken over. While the store accepted no writes, their holders
    /// could not renew them or record a result either; they get some seconds to do so.
    fn takes_over(&self) -> bool {
        self.writes.get().is_some_and(|(first, last)| last - first >= TAKE_OVER_AFTER)
    }

    /// Records how the store accepted a write that was started at `asked`.
    fn note_write(&self, asked: time::Instant, is_done: bool) {
        // After a time without writes, the series begins anew.
        let row = self.writes.get().filter(|(_, last)| asked.duration_since(*last) < 2 * POLL);
        let first = row.map_or(asked, |(first, _)| first);
        self.writes.set((is_done && asked.elapsed() < SLOW_WRITE).then_some((first, asked)));
    }

    fn in_hand(&self) -> Vec<MessageId> {
        self.in_hand.borrow().iter().copied().collect()
    }

    async fn renew(&self) {
        let (holder, in_hand) = (self.holder, self.in_hand());
        let renewed = self.database.write("renew leases", move |tx| outbox::renew(tx, holder, &in_hand)).await;
        if let Err(error) = renewed {
            tracing::warn!(%error, "leases cannot be renewed");
        }
    }

    async fn give_back(&self, messages: Vec<MessageId>, next_try_at: DateTime<Utc>, why: Option<String>) {
        if messages.is_empty() {
            return;
        }
        let work = move |tx: &mut Connection| outbox::give_back(tx, &messages, next_try_at, why.as_deref());
        if let Err(error) = self.database.write("give messages back", work).await {
            tracing::warn!(%error, "messages stay leased until the lease expires");
        }
    }

    /// Whether a message is still to be sent; `false` if the store is unavailable, so that the message is sent later.
    async fn is_wanted(&self, message: MessageId) -> bool {
        let wanted = self.database.read(move |tx| outbox::is_wanted(tx, message)).await;
        wanted.unwrap_or_else(|error: DatabaseError| {
            tracing::warn!(%error, "the outbox cannot be read");
            false
        })
    }

    async fn send(&self, message: ClaimedMessage) {
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
            let work = move |tx: &mut Connection| outbox::drop_unwanted(tx, id);
            if let Err(error) = self.database.write("drop a message", work).await {
                tracing::warn!(%error, "a message stays leased until the lease expires");
            }
            return;
        }
        let began = time::Instant::now();
        let sent = match self.composer.compose(&message) {
            Ok(mail) => self.transport.send(mail, &self.composer.name(id)).await,
            Err(error) => Err(Failure::new(FailureKind::Permanent, error.to_string())),
        };
        if let Some(step) = sent.as_ref().err().filter(|failure| failure.is_timeout).and_then(|failure| failure.step) {
            self.metrics.timeout(step);
        }
        let is_reached = !matches!(sent, Err(Failure { fault: FailureKind::Unreachable, .. }));
        if is_reached && self.outage.get().is_some_and(|(since, _)| since < began) {
            self.outage.set(None);
        }
        let now = clock::now();
        // The server's reply may contain the address: it is written to the store, not to the log.
        let (outcome, reply) = match sent {
            Ok(reply) => {
                tracing::info!(message.id = %id, message.kind = %message.kind, "sent a message");
                self.metrics.sent((now - created_at).to_std().unwrap_or_default());
                (Outcome::Sent, reply)
            }
            // If the server hangs on one address only, attempts end after the same time as for temporary refusals.
            Err(failure)
                if failure.fault == FailureKind::Unreachable
                    && (failure.step.is_none_or(Step::is_before_letter) || now < created_at + GIVE_UP_AFTER) =>
            {
                let (step, reason) = (failure.step.map(Step::as_str), loggable(&failure));
                tracing::warn!(step, reason, "the mail server cannot be reached: messages wait");
                // The pause is longer than that of the queue, so that another message tests the server first: if the
                // server hangs on this one, the others are not delayed.
                let mut wait = TimeDelta::from_std(self.note_outage(began) + POLL).unwrap_or(TimeDelta::minutes(1));
                if failure.step.is_some_and(|step| !step.is_before_letter()) {
                    // If the server hangs on this address, the pauses of this message grow, so that it delays the
                    // others ever less often.
                    wait = wait.max(((now - created_at) / 8).min(TimeDelta::seconds(PAUSE_MAX_SECONDS)));
                }
                return self.give_back(vec![id], now + wait, Some(failure.words)).await;
            }
            Err(failure) if failure.fault == FailureKind::Transient && now < created_at + GIVE_UP_AFTER => {
                let at = next_try(now, tries);
                self.metrics.put_off();
                let (step, reason) = (failure.step.map(Step::as_str), loggable(&failure));
                tracing::warn!(message.id = %id, next_try_at = %at, step, reason, "a message waits for another try");
                (Outcome::PutOff(at), failure.words)
            }
            Err(failure) => {
                tracing::error!(message.id = %id, "a message cannot be delivered");
                self.metrics.failed();
                (Outcome::Failed, failure.words)
            }
        };
        self.record(id, outcome, reply).await;
    }

    /// Records the result of an attempt, and waits for the store if necessary: a message whose acceptance is not
    /// recorded would be sent again.
    async fn record(&self, id: MessageId, outcome: Outcome, reply: String) {
        let (result, holder) = (Arc::new((outcome, reply)), self.holder);
        let mut was_refused = false;
        loop {
            let result = Arc::clone(&result);
            let work = move |tx: &mut Connection| outbox::record(tx, (id, holder), &result.0, &result.1);
            match self.database.write("record an attempt", work).await {
                Ok(()) => return,
                Err(error @ (DatabaseError::Statement(_) | DatabaseError::Corrupt(_))) => {
                    tracing::error!(message.id = %id, %error, "what became of a message cannot be recorded");
                    return;
                }
                Err(error) if !was_refused => {
                    tracing::warn!(message.id = %id, %error, "what became of a message waits for the store");
                    was_refused = true;
                }
                Err(_) => {}
            }
            time::sleep(RECORD_PAUSE).await;
        }
    }
}

/// Logs a panic while a message was being sent: its lease expires, and it is claimed again.
fn broke_off(sent: Result<(), JoinError>) {
    if let Err(error) = sent {
        tracing::error!(%error, "sending a message ended in a panic");
    }
}

/// Pause after `times + 1` consecutive failures to reach the mail server.
fn outage_pause(times: u32) -> Duration {
    Duration::from_secs((1_u64 << times.min(10)).min(OUTAGE_MAX_SECONDS))
}

/// The reason of a failure for the log: without the server's replies that may contain the address.
fn loggable(failure: &Failure) -> &str {
    if failure.is_timeout || failure.step.is_none_or(Step::is_before_letter) {
        return &failure.words;
    }
    "the mail server said no, or the connection broke"
}

/// Scrubs messages that ended more than `retention_days` ago, until `stop` turns true.
pub async fn purge(database: Database, retention_days: u32, mut stop: watch::Receiver<bool>) {
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
