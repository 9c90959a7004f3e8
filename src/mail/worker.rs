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
    outbox::{self, SendOutcome},
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
const CLAIM_BATCH: i64 = 16;
/// Interval between looks at the outbox when no [`Wake`] comes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Interval between checks for messages that were dated by a clock that was ahead.
const CLOCK_CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Most such messages that are made due in one transaction.
const MADE_DUE_MAX: i64 = 1000;
/// A write that takes longer has waited for another writer of the store.
const SLOW_WRITE: Duration = Duration::from_secs(1);
/// How long the store must have accepted writes before expired leases of other processes are taken over.
const TAKE_OVER_AFTER: Duration = Duration::from_secs(3);
/// Interval between renewals of leases: several in the duration of a lease.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(3);
/// Pause before the next try to record an attempt while the store is unavailable.
const RECORD_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause while the mail server cannot be reached.
const OUTAGE_MAX_SECONDS: u64 = 60;
/// How long a stop waits for messages that are being sent: less than service managers wait before they kill the
/// process.
const STOP_MAX: Duration = Duration::from_secs(8);
/// Interval between runs that scrub old messages.
const SCRUB_INTERVAL: Duration = Duration::from_secs(600);

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
    rate_limit: Option<DefaultDirectRateLimiter>,
    domain_rate_limit: Option<DefaultKeyedRateLimiter<String>>,
    /// Time of the last failure to reach the mail server, and the number of consecutive failures before it; `None`
    /// while the server can be reached.
    outage: Cell<Option<(time::Instant, u32)>>,
    /// Time of the last check for messages that were dated by a clock that was ahead.
    last_clock_check: Cell<Option<time::Instant>>,
    holder: LeaseHolderId,
    /// Times of the first and the last of the latest consecutive writes that the store accepted without delay.
    prompt_writes: Cell<Option<(time::Instant, time::Instant)>>,
    /// Messages that are claimed and not yet finished: their leases are renewed, and they are not claimed again.
    in_progress: RefCell<BTreeSet<MessageId>>,
    wake: Wake,
    metrics: Metrics,
}

/// Keeps a message in `in_progress` until it is dropped.
struct InProgress(Rc<Worker>, MessageId);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.in_progress.borrow_mut().remove(&self.1);
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
        wake: Wake,
        metrics: Metrics,
    ) -> io::Result<Self> {
        let per_minute = |count: u32| std::num::NonZeroU32::new(count).map(Quota::per_minute);
        let connections = usize::try_from(config.connections).unwrap_or(1);
        let bounds = Bounds { step: config.step, final_reply: config.final_reply };
        Ok(Self {
            database,
            transport: Transport::open(&config.url, connections, bounds)?,
            composer: Composer::new(config, secret, public_url)?,
            connections,
            rate_limit: per_minute(config.per_minute).map(DefaultDirectRateLimiter::direct),
            domain_rate_limit: per_minute(config.per_domain_per_minute).map(DefaultKeyedRateLimiter::keyed),
            outage: Cell::new(None),
            last_clock_check: Cell::new(None),
            holder: Id::new(),
            prompt_writes: Cell::new(None),
            in_progress: RefCell::default(),
            wake,
            metrics,
        })
    }

    /// Works until `stop` turns true. Then waits some seconds for messages that are being sent, and ends the leases of
    /// the others.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let worker = Rc::new(self);
        let mut claimed: VecDeque<ClaimedMessage> = VecDeque::new();
        // Separate tasks: a wait for the store in this loop must not delay a task that has an open SMTP session.
        let mut sending = JoinSet::new();
        let mut renewal = time::interval_at(time::Instant::now() + RENEWAL_INTERVAL, RENEWAL_INTERVAL);
        renewal.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut was_stuck = false;
        while !*stop.borrow() {
            let is_stuck = worker.is_stuck();
            if is_stuck && !was_stuck {
                tracing::warn!("the mail server accepts no message and refuses none: messages wait");
            }
            was_stuck = is_stuck;
            if let Some(pause) = worker.remaining_pause() {
                worker.unclaim_all(&mut claimed).await;
                if sending.is_empty() {
                    tokio::select! {
                        () = time::sleep(pause) => {}
                        _ = stop.wait_for(|stop| *stop) => {}
                    }
                    continue;
                }
            } else if is_stuck {
                worker.unclaim_all(&mut claimed).await;
            } else if claimed.is_empty() && worker.has_capacity(sending.len()) {
                claimed.extend(worker.claim().await);
            }
            while worker.has_capacity(sending.len())
                && let Some(message) = claimed.pop_front()
            {
                let in_progress = InProgress(Rc::clone(&worker), message.id);
                sending.spawn_local(async move { in_progress.0.send(message).await });
            }
            worker.transport.close_idle();
            if sending.is_empty() {
                tokio::select! {
                    () = worker.wake.0.notified() => {}
                    () = time::sleep(POLL_INTERVAL) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
                continue;
            }
            tokio::select! {
                Some(result) = sending.join_next() => log_panic(result),
                // A slow message must not delay others.
                () = worker.wake.0.notified(), if worker.has_capacity(sending.len()) => {}
                () = time::sleep(POLL_INTERVAL) => {}
                _ = renewal.tick() => worker.renew().await,
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        worker.finish_sending(sending).await;
        let holder = worker.holder;
        let released = worker.database.write("give messages back", move |tx| outbox::release_leases(tx, holder)).await;
        if let Err(error) = released {
            tracing::warn!(%error, "messages stay leased until the lease expires");
        }
        worker.transport.close().await;
    }

    /// Waits up to [`STOP_MAX`] for messages that are being sent; then aborts them and closes their connections.
    async fn finish_sending(&self, mut sending: JoinSet<()>) {
        let mut renewal = time::interval(RENEWAL_INTERVAL);
        let mut end = std::pin::pin!(time::sleep(STOP_MAX));
        while !sending.is_empty() {
            tokio::select! {
                Some(result) = sending.join_next() => log_panic(result),
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
    fn has_capacity(&self, sending: usize) -> bool {
        let limit = if self.outage.get().is_some() { 1 } else { self.connections };
        sending < 2 * self.connections && sending.saturating_sub(self.transport.silent_count()) < limit
    }

    /// Whether so many messages wait for the final reply that no other is started.
    fn is_stuck(&self) -> bool {
        self.transport.silent_count() >= 2 * self.connections
    }

    /// Returns claimed messages without counting an attempt.
    async fn unclaim_all(&self, claimed: &mut VecDeque<ClaimedMessage>) {
        let ids: Vec<MessageId> = claimed.drain(..).map(|message| message.id).collect();
        self.in_progress.borrow_mut().retain(|id| !ids.contains(id));
        self.unclaim(ids, clock::now(), None).await;
    }

    /// Time until the mail server may be tried again after an outage; `None` if there is nothing to wait for.
    fn remaining_pause(&self) -> Option<Duration> {
        let (last_failure, earlier_failures) = self.outage.get()?;
        (last_failure + outage_pause(earlier_failures)).checked_duration_since(time::Instant::now())
    }

    /// Records that a message, `started` at this time, failed because the server cannot be reached. Returns the pause
    /// before the next attempt. Messages that were being sent at the same time count as one failure.
    fn record_outage(&self, started: time::Instant) -> Duration {
        let earlier_failures = match self.outage.get() {
            Some((last_failure, earlier_failures)) if last_failure < started => earlier_failures + 1,
            Some((_, earlier_failures)) => earlier_failures,
            None => 0,
        };
        self.outage.set(Some((time::Instant::now(), earlier_failures)));
        self.metrics.count_outage();
        outage_pause(earlier_failures)
    }

    async fn claim(&self) -> Vec<ClaimedMessage> {
        let holder = self.holder;
        // After an outage, one message tests whether the server answers again.
        let limit = match (self.outage.get(), &self.rate_limit) {
            (Some(_), _) => 1,
            // Claimed messages are sent before later ones of a higher priority: with a rate limit, few are claimed at a
            // time.
            (None, Some(_)) => i64::try_from(self.connections).unwrap_or(1),
            (None, None) => CLAIM_BATCH,
        };
        let claimed = async {
            self.check_clock().await?;
            // The read comes first: an idle worker must not wait in the queue of writers.
            if !self.database.read(outbox::has_due_message).await? {
                return Ok(Vec::new());
            }
            let (in_progress, may_take_over, started) =
                (self.in_progress(), self.may_take_over(), time::Instant::now());
            let work = move |tx: &mut Connection| outbox::claim(tx, holder, &in_progress, may_take_over, limit);
            let claimed = self.database.write("claim messages", work).await;
            self.record_write(started, claimed.is_ok());
            let claimed = claimed?;
            self.in_progress.borrow_mut().extend(claimed.iter().map(|message| message.id));
            Ok(claimed)
        };
        claimed.await.unwrap_or_else(|error: DatabaseError| {
            tracing::warn!(%error, "the outbox cannot be read");
            Vec::new()
        })
    }

    /// Makes messages due that were dated by a clock which was ahead and has been corrected since.
    async fn check_clock(&self) -> Result<(), DatabaseError> {
        if self.last_clock_check.get().is_some_and(|checked| checked.elapsed() < CLOCK_CHECK_INTERVAL) {
            return Ok(());
        }
        let longest_pause = TimeDelta::seconds(2 * PAUSE_MAX_SECONDS);
        let find = move |tx: &mut Connection| super::outbox::find_dated_ahead(tx, longest_pause, MADE_DUE_MAX);
        let messages = self.database.read(find).await?;
        if !messages.is_empty() {
            let count = messages.len();
            self.database.write("hurry messages", move |tx| super::outbox::make_due(tx, &messages)).await?;
            tracing::warn!(count, "messages waited for an instant of a clock that was ahead: they are sent now");
            // There may be more of them.
            return Ok(());
        }
        self.last_clock_check.set(Some(time::Instant::now()));
        Ok(())
    }

    /// Whether expired leases of other processes may be taken over. While the store accepted no writes, their holders
    /// could not renew them or record a result either; they get some seconds to do so.
    fn may_take_over(&self) -> bool {
        self.prompt_writes.get().is_some_and(|(first, last)| last - first >= TAKE_OVER_AFTER)
    }

    /// Records how the store accepted a write, `started` at this time.
    fn record_write(&self, started: time::Instant, is_done: bool) {
        // After a time without writes, the series begins anew.
        let series = self.prompt_writes.get().filter(|(_, last)| started.duration_since(*last) < 2 * POLL_INTERVAL);
        let first = series.map_or(started, |(first, _)| first);
        self.prompt_writes.set((is_done && started.elapsed() < SLOW_WRITE).then_some((first, started)));
    }

    fn in_progress(&self) -> Vec<MessageId> {
        self.in_progress.borrow().iter().copied().collect()
    }

    async fn renew(&self) {
        let (holder, in_progress) = (self.holder, self.in_progress());
        let renewed =
            self.database.write("renew leases", move |tx| outbox::renew_leases(tx, holder, &in_progress)).await;
        if let Err(error) = renewed {
            tracing::warn!(%error, "leases cannot be renewed");
        }
    }

    async fn unclaim(&self, messages: Vec<MessageId>, next_try_at: DateTime<Utc>, reason: Option<String>) {
        if messages.is_empty() {
            return;
        }
        let work = move |tx: &mut Connection| outbox::unclaim(tx, &messages, next_try_at, reason.as_deref());
        if let Err(error) = self.database.write("give messages back", work).await {
            tracing::warn!(%error, "messages stay leased until the lease expires");
        }
    }

    /// Whether a message is still to be sent; `false` if the store is unavailable, so that the message is sent later.
    async fn is_still_wanted(&self, message: MessageId) -> bool {
        let is_wanted = self.database.read(move |tx| outbox::is_still_wanted(tx, message)).await;
        is_wanted.unwrap_or_else(|error: DatabaseError| {
            tracing::warn!(%error, "the outbox cannot be read");
            false
        })
    }

    async fn send(&self, message: ClaimedMessage) {
        let (id, tries, created_at) = (message.id, message.tries, message.created_at);
        if let Some(rate_limit) = &self.domain_rate_limit
            && let Err(refusal) = rate_limit.check_key(&message.domain)
        {
            let wait = refusal.wait_time_from(governor::clock::DefaultClock::default().now());
            let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::minutes(1));
            return self.unclaim(vec![id], clock::now() + wait, None).await;
        }
        while let Some(Err(refusal)) = self.rate_limit.as_ref().map(|rate_limit| rate_limit.check()) {
            time::sleep(refusal.wait_time_from(governor::clock::DefaultClock::default().now())).await;
        }
        if message.is_broadcast && !self.is_still_wanted(id).await {
            let work = move |tx: &mut Connection| outbox::cancel_unwanted(tx, id);
            if let Err(error) = self.database.write("drop a message", work).await {
                tracing::warn!(%error, "a message stays leased until the lease expires");
            }
            return;
        }
        let started = time::Instant::now();
        let result = match self.composer.compose(&message) {
            Ok(mail) => self.transport.send(mail, &self.composer.message_id(&message)).await,
            Err(error) => Err(Failure::new(FailureKind::Permanent, error.to_string())),
        };
        if let Some(step) = result.as_ref().err().filter(|failure| failure.is_timeout).and_then(|failure| failure.step)
        {
            self.metrics.count_timeout(step);
        }
        let is_reached = !matches!(result, Err(Failure { kind: FailureKind::Unreachable, .. }));
        if is_reached && self.outage.get().is_some_and(|(last_failure, _)| last_failure < started) {
            self.outage.set(None);
        }
        let now = clock::now();
        // The server's reply may contain the address: it is written to the store, not to the log.
        let (outcome, reply) = match result {
            Ok(reply) => {
                tracing::info!(message.id = %id, message.kind = %message.kind, "sent a message");
                self.metrics.count_sent((now - created_at).to_std().unwrap_or_default());
                (SendOutcome::Sent, reply)
            }
            // If the server hangs on one address only, attempts end after the same time as for temporary refusals.
            Err(failure)
                if failure.kind == FailureKind::Unreachable
                    && (failure.step.is_none_or(Step::is_before_message) || now < created_at + GIVE_UP_AFTER) =>
            {
                let (step, reason) = (failure.step.map(Step::as_str), reason_for_log(&failure));
                tracing::warn!(step, reason, "the mail server cannot be reached: messages wait");
                // The pause is longer than that of the queue, so that another message tests the server first: if the
                // server hangs on this one, the others are not delayed.
                let mut wait =
                    TimeDelta::from_std(self.record_outage(started) + POLL_INTERVAL).unwrap_or(TimeDelta::minutes(1));
                if failure.step.is_some_and(|step| !step.is_before_message()) {
                    // If the server hangs on this address, the pauses of this message grow, so that it delays the
                    // others ever less often.
                    wait = wait.max(((now - created_at) / 8).min(TimeDelta::seconds(PAUSE_MAX_SECONDS)));
                }
                return self.unclaim(vec![id], now + wait, Some(failure.reason)).await;
            }
            Err(failure) if failure.kind == FailureKind::Transient && now < created_at + GIVE_UP_AFTER => {
                let at = next_try(now, tries);
                self.metrics.count_deferred();
                let (step, reason) = (failure.step.map(Step::as_str), reason_for_log(&failure));
                tracing::warn!(message.id = %id, next_try_at = %at, step, reason, "a message waits for another try");
                (SendOutcome::PutOff(at), failure.reason)
            }
            Err(failure) => {
                tracing::error!(message.id = %id, "a message cannot be delivered");
                self.metrics.count_failed();
                (SendOutcome::Failed, failure.reason)
            }
        };
        self.record(id, outcome, reply).await;
    }

    /// Records the result of an attempt, and waits for the store if necessary: a message whose acceptance is not
    /// recorded would be sent again.
    async fn record(&self, id: MessageId, outcome: SendOutcome, reply: String) {
        let (result, holder) = (Arc::new((outcome, reply)), self.holder);
        let mut was_refused = false;
        loop {
            let result = Arc::clone(&result);
            let work = move |tx: &mut Connection| outbox::record(tx, id, holder, &result.0, &result.1);
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
fn log_panic(result: Result<(), JoinError>) {
    if let Err(error) = result {
        tracing::error!(%error, "sending a message ended in a panic");
    }
}

/// Pause after `earlier_failures + 1` consecutive failures to reach the mail server.
fn outage_pause(earlier_failures: u32) -> Duration {
    Duration::from_secs((1_u64 << earlier_failures.min(10)).min(OUTAGE_MAX_SECONDS))
}

/// The reason of a failure for the log: without the server's replies that may contain the address.
fn reason_for_log(failure: &Failure) -> &str {
    if failure.is_timeout || failure.step.is_none_or(Step::is_before_message) {
        return &failure.reason;
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
            () = time::sleep(SCRUB_INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
