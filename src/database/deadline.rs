//! How long the store is waited for.
//!
//! A driver that waits for a server cannot be called back: its thread stays where it is until the answer comes or the
//! connection breaks, and a frozen server lets neither happen. So whoever asks waits beside that thread, not in it
//! ([`Database::attend`](super::Database)), and may leave. Both agree on one word, the stage of a [`Ticket`]:
//!
//! waiting → begun → committing → done
//!
//! Whoever leaves changes it to `left`. What it was until then tells what became of the wish: before `committing`,
//! nothing was committed and nothing will be, because the thread looks at the word when it has the store and again
//! before it commits; at `committing`, only the store knows.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// The thread waits for a connection, a lock or its turn.
const WAITING: u8 = 0;
/// The thread has the store.
const BEGUN: u8 = 1;
/// `COMMIT` is on its way.
const COMMITTING: u8 = 2;
/// The thread has its result.
const DONE: u8 = 3;
/// Nobody waits for the result.
const LEFT: u8 = 4;

/// What a store may still be waited for at the least: a lock timeout of 0 would mean for ever.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
/// So much before the deadline the store itself gives up waiting for a lock, so that its answer is in time.
const MARGIN: Duration = Duration::from_millis(200);

/// Threads of this process that are in the driver although their callers have left.
pub(super) static STUCK: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// One wish on its way through the store.
pub(super) struct Ticket {
    stage: AtomicU8,
    deadline: Option<Instant>,
    /// Threads of this process whose callers have left.
    stuck: Arc<AtomicUsize>,
}

/// What became of a wish whose caller left.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing of it was committed, and nothing will be.
    Nothing,
    /// It was being committed.
    Unknown,
    /// It has a result after all.
    Done,
}

impl Ticket {
    pub(super) fn new(deadline: Option<Instant>, stuck: &Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Self { stage: AtomicU8::new(WAITING), deadline, stuck: Arc::clone(stuck) })
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.stage.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The thread has the store. False: nobody waits for it any more, and it leaves everything as it is.
    pub(super) fn begin(&self) -> bool {
        self.step(WAITING, BEGUN)
    }

    /// The thread is about to commit. False: nobody waits for it any more, and it rolls back.
    pub(super) fn commit(&self) -> bool {
        self.step(BEGUN, COMMITTING)
    }

    /// The thread begins anew, because nothing was committed. False: nobody waits for it any more.
    pub(super) fn wait_again(&self) -> bool {
        self.step(BEGUN, WAITING) || self.step(COMMITTING, WAITING) || self.is_waiting()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.stage.load(Ordering::Acquire) == WAITING
    }

    /// How long the store may wait for a lock, if there is a deadline.
    pub(super) fn lock_wait(&self) -> Option<Duration> {
        let left = self.deadline?.saturating_duration_since(Instant::now());
        Some(left.saturating_sub(MARGIN).max(SHORTEST_WAIT))
    }

    /// The caller leaves. Its thread counts as stuck until it comes back.
    pub(super) fn leave(&self) -> Fate {
        // Counted first: a thread that comes back meanwhile takes itself off.
        self.stuck.fetch_add(1, Ordering::AcqRel);
        match self.stage.swap(LEFT, Ordering::AcqRel) {
            DONE => {
                self.stuck.fetch_sub(1, Ordering::AcqRel);
                Fate::Done
            }
            COMMITTING => Fate::Unknown,
            _ => Fate::Nothing,
        }
    }
}

/// The thread's hold on its ticket: whatever becomes of the work, it is done when this is dropped.
pub(super) struct Working(pub(super) Arc<Ticket>);

impl Drop for Working {
    fn drop(&mut self) {
        if self.0.stage.swap(DONE, Ordering::AcqRel) == LEFT {
            self.0.stuck.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// The caller's hold on its ticket: what nobody waits for any more, because the client hung up, is not begun.
pub(super) struct Asking(pub(super) Arc<Ticket>);

impl Drop for Asking {
    fn drop(&mut self) {
        let stuck = &self.0.stuck;
        if self.0.is_waiting() {
            stuck.fetch_add(1, Ordering::AcqRel);
            if !self.0.step(WAITING, LEFT) {
                stuck.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> (Arc<Ticket>, Arc<AtomicUsize>) {
        let stuck = Arc::default();
        (Ticket::new(None, &stuck), stuck)
    }

    #[test]
    fn what_its_caller_left_before_it_began_is_never_begun() {
        let (ticket, stuck) = ticket();
        let working = Working(Arc::clone(&ticket));
        assert_eq!(ticket.leave(), Fate::Nothing);
        assert!(!ticket.begin());
        assert_eq!(stuck.load(Ordering::Acquire), 1);
        drop(working);
        assert_eq!(stuck.load(Ordering::Acquire), 0);
    }

    #[test]
    fn what_its_caller_left_before_the_commit_is_rolled_back() {
        let (ticket, _) = ticket();
        assert!(ticket.begin());
        assert_eq!(ticket.leave(), Fate::Nothing);
        assert!(!ticket.commit());
        assert!(!ticket.wait_again());
    }

    #[test]
    fn what_its_caller_left_during_the_commit_is_unknown() {
        let (ticket, _) = ticket();
        assert!(ticket.begin() && ticket.commit());
        assert_eq!(ticket.leave(), Fate::Unknown);
    }

    #[test]
    fn what_is_done_is_done() {
        let (ticket, stuck) = ticket();
        drop(Working(Arc::clone(&ticket)));
        assert_eq!(ticket.leave(), Fate::Done);
        assert_eq!(stuck.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_client_who_hangs_up_stops_what_has_not_begun_and_nothing_else() {
        let (ticket, stuck) = ticket();
        drop(Asking(Arc::clone(&ticket)));
        assert!(!ticket.begin());
        drop(Working(ticket));
        let ticket = Ticket::new(None, &stuck);
        assert!(ticket.begin());
        drop(Asking(Arc::clone(&ticket)));
        assert!(ticket.commit());
        drop(Working(ticket));
        assert_eq!(stuck.load(Ordering::Acquire), 0);
    }
}
