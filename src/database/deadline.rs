//! Deadlines of work on the store.
//!
//! A driver that waits for a server cannot be interrupted: its thread stays blocked until the answer comes or the
//! connection breaks, and a frozen server lets neither happen. So the caller waits beside that thread, not in it
//! ([`Database::run_with_deadline`](super::Database)), and may leave. Both share one value, the stage of a [`Ticket`]:
//!
//! waiting → begun → committing → done
//!
//! A caller that leaves sets it to `abandoned`. The stage until then decides the outcome: before `committing`, nothing
//! was committed and nothing will be, because the thread checks the stage when it has the store and again before it
//! commits; at `committing`, only the store knows.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// The thread waits for a connection, a lock or its turn.
const WAITING: u8 = 0;
/// The thread has begun its transaction.
const BEGUN: u8 = 1;
/// `COMMIT` was or is being sent.
const COMMITTING: u8 = 2;
/// The thread has its result.
const DONE: u8 = 3;
/// The caller has left.
const ABANDONED: u8 = 4;

/// Minimum of a lock timeout: 0 would mean no timeout.
const LOCK_WAIT_MIN: Duration = Duration::from_millis(50);
/// The store's lock timeout ends this much before the deadline, so that its answer is in time.
const MARGIN: Duration = Duration::from_millis(200);

/// Threads of this process that are in the driver although their callers have left.
pub(super) static STUCK: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// The state of one piece of work, shared by its caller and its thread.
pub(super) struct Ticket {
    stage: AtomicU8,
    deadline: Option<Instant>,
    /// Threads of this process whose callers have left.
    stuck: Arc<AtomicUsize>,
}

/// The outcome of work whose caller leaves.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing was committed, and nothing will be.
    NotCommitted,
    /// The commit was in progress.
    Unknown,
    /// The result is there after all.
    Done,
}

impl Ticket {
    pub(super) fn new(deadline: Option<Instant>, stuck: &Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Self { stage: AtomicU8::new(WAITING), deadline, stuck: Arc::clone(stuck) })
    }

    fn advance(&self, from: u8, to: u8) -> bool {
        self.stage.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The thread has begun its transaction. False: the caller has left, and the thread must roll back.
    pub(super) fn begin(&self) -> bool {
        self.advance(WAITING, BEGUN)
    }

    /// The thread is about to commit. False: the caller has left, and the thread must roll back.
    pub(super) fn commit(&self) -> bool {
        self.advance(BEGUN, COMMITTING)
    }

    /// The thread starts again, because nothing was committed. False: the caller has left.
    pub(super) fn wait_again(&self) -> bool {
        self.advance(BEGUN, WAITING) || self.advance(COMMITTING, WAITING) || self.is_waiting()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.stage.load(Ordering::Acquire) == WAITING
    }

    /// The remaining lock timeout, if there is a deadline.
    pub(super) fn lock_wait(&self) -> Option<Duration> {
        let remaining = self.deadline?.saturating_duration_since(Instant::now());
        Some(remaining.saturating_sub(MARGIN).max(LOCK_WAIT_MIN))
    }

    /// The caller leaves. The thread counts as stuck until it has finished.
    pub(super) fn abandon(&self) -> Outcome {
        // Counted first: a thread that finishes in the meantime subtracts itself.
        self.stuck.fetch_add(1, Ordering::AcqRel);
        match self.stage.swap(ABANDONED, Ordering::AcqRel) {
            DONE => {
                self.stuck.fetch_sub(1, Ordering::AcqRel);
                Outcome::Done
            }
            COMMITTING => Outcome::Unknown,
            _ => Outcome::NotCommitted,
        }
    }
}

/// The thread's guard of its ticket: dropping it marks the work as done, even after a panic.
pub(super) struct WorkerGuard(pub(super) Arc<Ticket>);

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        if self.0.stage.swap(DONE, Ordering::AcqRel) == ABANDONED {
            self.0.stuck.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// The caller's guard of its ticket: if the caller is dropped because the client hung up, work that has not begun is
/// not begun.
pub(super) struct CallerGuard(pub(super) Arc<Ticket>);

impl Drop for CallerGuard {
    fn drop(&mut self) {
        let stuck = &self.0.stuck;
        if self.0.is_waiting() {
            stuck.fetch_add(1, Ordering::AcqRel);
            if !self.0.advance(WAITING, ABANDONED) {
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
    fn work_abandoned_before_its_start_never_starts() {
        let (ticket, stuck) = ticket();
        let guard = WorkerGuard(Arc::clone(&ticket));
        assert_eq!(ticket.abandon(), Outcome::NotCommitted);
        assert!(!ticket.begin());
        assert_eq!(stuck.load(Ordering::Acquire), 1);
        drop(guard);
        assert_eq!(stuck.load(Ordering::Acquire), 0);
    }

    #[test]
    fn work_abandoned_before_the_commit_is_rolled_back() {
        let (ticket, _) = ticket();
        assert!(ticket.begin());
        assert_eq!(ticket.abandon(), Outcome::NotCommitted);
        assert!(!ticket.commit());
        assert!(!ticket.wait_again());
    }

    #[test]
    fn work_abandoned_during_the_commit_has_an_unknown_outcome() {
        let (ticket, _) = ticket();
        assert!(ticket.begin() && ticket.commit());
        assert_eq!(ticket.abandon(), Outcome::Unknown);
    }

    #[test]
    fn finished_work_is_done() {
        let (ticket, stuck) = ticket();
        drop(WorkerGuard(Arc::clone(&ticket)));
        assert_eq!(ticket.abandon(), Outcome::Done);
        assert_eq!(stuck.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_client_that_hangs_up_stops_only_work_that_has_not_begun() {
        let (ticket, stuck) = ticket();
        drop(CallerGuard(Arc::clone(&ticket)));
        assert!(!ticket.begin());
        drop(WorkerGuard(ticket));
        let ticket = Ticket::new(None, &stuck);
        assert!(ticket.begin());
        drop(CallerGuard(Arc::clone(&ticket)));
        assert!(ticket.commit());
        drop(WorkerGuard(ticket));
        assert_eq!(stuck.load(Ordering::Acquire), 0);
    }
}
