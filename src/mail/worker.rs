//! The worker: takes due messages from the outbox, puts them into words, sends them, records it. Any number of
//! processes share one outbox; one that dies leaves its messages to the others when its leases lapse.

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
    failure::{Failure, Fault, Step},
    outbox::{self, Claimed, Outcome},
    smtp::Bounds,
    transport::Transport,
};
use crate::{
    access::ServerSecret,
    clock,
    database::{Connection, Database, DatabaseError},
    ids::{Id, LeaseHolderId, MessageId},
    settings::Settings,
};

/// Messages taken at once.
const BATCH: i64 = 16;
/// How often the outbox is looked at when nobody calls.
const POLL: Duration = Duration::from_secs(1);
/// How often it is looked whether messages wait for another clock.
const CLOCK_CHECK: Duration = Duration::from_secs(60);
/// How many of them are hurried at once.
const HURRIED_MAX: i64 = 1000;
/// A write that took longer had to wait for whoever held the store.
const SLOW_WRITE: Duration = Duration::from_secs(1);
/// How long the store has to take writes before what another process held is taken over.
const TAKE_OVER_AFTER: Duration = Duration::from_secs(3);
/// How often leases are renewed: several times in their length.
const RENEWAL: Duration = Duration::from_secs(3);
/// The longest pause between two attempts.
const PAUSE_MAX_SECONDS: i64 = 300;
/// How long attempts go on (RFC 5321, 4.5.4.1: at least 4 to 5 days).
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(5);

/// How soon a store that was away is asked again to record what became of a message.
const RECORD_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause while the mail server cannot be reached.
const OUTAGE_MAX_SECONDS: u64 = 60;
/// How long a stop waits for messages on their way: less than a process is given by whoever stops it.
const STOP_MAX: Duration = Duration::from_secs(8);
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
    /// When it was last looked whether messages wait for another clock.
    clock_checked: Cell<Option<time::Instant>>,
    holder: LeaseHolderId,
    /// The first and the last of the latest writes in a row that the store took without delay.
    writes: Cell<Option<(time::Instant, time::Instant)>>,
    /// What was taken and is not done: its leases are renewed, and it is not taken again.
    in_hand: RefCell<BTreeSet<MessageId>>,
    wake: Wake,
    metrics: Metrics,
}

/// One message in hand, until this is dropped.
struct InHand(Rc<Worker>, MessageId);

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.in_hand.borrow_mut().remove(&self.1);
    }
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
        let connections = usize::try_from(settings.mail_connections).unwrap_or(1);
        let bounds = Bounds { step: settings.mail_step, final_reply: settings.mail_final_reply };
        Ok(Self {
            database,
            transport: Transport::open(&settings.mail_url, connections, bounds)?,
            composer: Composer::new(settings, secret, public_url)?,
            connections,
            pace: per_minute(settings.mail_per_minute).map(DefaultDirectRateLimiter::direct),
            pace_of_domains: per_minute(settings.mail_per_domain_per_minute).map(DefaultKeyedRateLimiter::keyed),
            outage: Cell::new(None),
            clock_checked: Cell::new(None),
            holder: Id::new(),
            writes: Cell::new(None),
            in_hand: RefCell::default(),
            wake,
            metrics,
        })
    }

    /// Works until `stop` turns true; what was begun has some seconds to end, what was not recorded is given back.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let worker = Rc::new(self);
        let mut taken: VecDeque<Claimed> = VecDeque::new();
        // Tasks of their own: what waits here for the store holds up none of them, which may have a connection to it.
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
                // A slow one holds up no other.
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
            tracing::warn!(%error, "messages stay leased until the lease lapses");
        }
        worker.transport.close().await;
    }

    /// Lets messages on their way end, within bounds; cuts the others, and their connections with them.
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

    /// Whether one message more may be begun. One that has long waited for its last word leaves its place to another,
    /// until twice as many are on their way: a server which hangs over some messages holds up no other. After an outage
    /// one message finds out whether it is over.
    fn has_room(&self, sending: usize) -> bool {
        let limit = if self.outage.get().is_some() { 1 } else { self.connections };
        sending < 2 * self.connections && sending.saturating_sub(self.transport.silent()) < limit
    }

    /// Whether so many messages wait for their last word that no other is begun.
    fn is_stuck(&self) -> bool {
        self.transport.silent() >= 2 * self.connections
    }

    /// None of these is to blame.
    async fn give_all_back(&self, taken: &mut VecDeque<Claimed>) {
        let ids: Vec<MessageId> = taken.drain(..).map(|message| message.id).collect();
        self.in_hand.borrow_mut().retain(|id| !ids.contains(id));
        self.give_back(ids, clock::now(), None).await;
    }

    /// How long the mail server is left alone yet.
    fn pause(&self) -> Option<Duration> {
        let (since, times) = self.outage.get()?;
        (since + outage_pause(times)).checked_duration_since(time::Instant::now())
    }

    /// Notes that a message begun at `began` could not be sent for the server's sake. Answers how long to wait before
    /// the next is sent: those that were on their way at once are one failure.
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
            self.check_clock().await?;
            // A look first: an idle worker must not queue among the writers.
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

    /// Lets nothing wait as long as a clock was ahead that was set right since.
    async fn check_clock(&self) -> Result<(), DatabaseError> {
        if self.clock_checked.get().is_some_and(|checked| checked.elapsed() < CLOCK_CHECK) {
            return Ok(());
        }
        let longest_pause = TimeDelta::seconds(2 * PAUSE_MAX_SECONDS);
        let overtaken = move |tx: &mut Connection| outbox::overtaken(tx, longest_pause, HURRIED_MAX);
        let messages = self.database.read(overtaken).await?;
        if !messages.is_empty() {
            let count = messages.len();
            self.database.write("hurry messages", move |tx| outbox::hurry(tx, &messages)).await?;
            tracing::warn!(count, "messages waited for an instant of a clock that was ahead: they are sent now");
            // There may be more.
            return Ok(());
        }
        self.clock_checked.set(Some(time::Instant::now()));
        Ok(())
    }

    /// Whether what another process held may be taken. While nobody could write, its holder could not say either that
    /// it goes on, or what became of it: it gets some seconds.
    fn takes_over(&self) -> bool {
        self.writes.get().is_some_and(|(first, last)| last - first >= TAKE_OVER_AFTER)
    }

    /// Notes how the store took a write that was asked for then.
    fn note_write(&self, asked: time::Instant, is_done: bool) {
        // Of a time without writes nothing is known.
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
            let work = move |tx: &mut Connection| outbox::drop_unwanted(tx, id);
            if let Err(error) = self.database.write("drop a message", work).await {
                tracing::warn!(%error, "a message stays leased until the lease lapses");
            }
            return;
        }
        let began = time::Instant::now();
        let sent = match self.composer.compose(&message) {
            Ok(mail) => self.transport.send(mail, &self.composer.name(id)).await,
            Err(error) => Err(Failure::new(Fault::Permanent, error.to_string())),
        };
        if let Some(step) = sent.as_ref().err().filter(|failure| failure.is_timeout).and_then(|failure| failure.step) {
            self.metrics.timeout(step);
        }
        let is_reached = !matches!(sent, Err(Failure { fault: Fault::Unreachable, .. }));
        if is_reached && self.outage.get().is_some_and(|(since, _)| since < began) {
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
            // A server that hangs over one address alone does so for no longer than it may refuse it for now.
            Err(failure)
                if failure.fault == Fault::Unreachable
                    && (failure.step.is_none_or(Step::is_before_letter) || now < created_at + GIVE_UP_AFTER) =>
            {
                let (step, reason) = (failure.step.map(Step::as_str), loggable(&failure));
                tracing::warn!(step, reason, "the mail server cannot be reached: messages wait");
                // Another one finds out whether it is over: should the server hang over this one, it holds up no other.
                let mut wait = TimeDelta::from_std(self.note_outage(began) + POLL).unwrap_or(TimeDelta::minutes(1));
                if failure.step.is_some_and(|step| !step.is_before_letter()) {
                    // Should it be this one's address, the others are held up ever more rarely.
                    wait = wait.max(((now - created_at) / 8).min(TimeDelta::seconds(PAUSE_MAX_SECONDS)));
                }
                return self.give_back(vec![id], now + wait, Some(failure.words)).await;
            }
            Err(failure) if failure.fault == Fault::Transient && now < created_at + GIVE_UP_AFTER => {
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

    /// Records what became of a message. A store that is away is waited for: a message whose acceptance is not recorded
    /// would be sent again.
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

/// Says that sending a message ended in a panic: its lease lapses, and it is taken again.
fn broke_off(sent: Result<(), JoinError>) {
    if let Err(error) = sent {
        tracing::error!(%error, "sending a message broke off");
    }
}

/// How long a mail server is left alone after so many failures in a row, less one.
fn outage_pause(times: u32) -> Duration {
    Duration::from_secs((1_u64 << times.min(10)).min(OUTAGE_MAX_SECONDS))
}

/// Why a message did not leave, without what a server says that knows its address.
fn loggable(failure: &Failure) -> &str {
    if failure.is_timeout || failure.step.is_none_or(Step::is_before_letter) {
        return &failure.words;
    }
    "the mail server said no, or the connection broke"
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
