//! One connection between a client and the HTTP layer, and how long each side waits for the other.
//!
//! actix's HTTP/1 limits the time for the head of a connection's first request and the pause between two requests. This
//! module limits the rest: a later head that stops half-way, and a client that does not read its answer. Bodies are
//! limited in `body_pace`. This module also ends connections at a stop: between two requests, never between a request
//! and its answer.

use std::{
    cell::Cell,
    future::Future,
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::{
    connections::{Admission, Connections},
    slots::{LimitReached, Slot},
};

/// A client may stop reading an answer for this many times as long as it may stop sending a request.
const STALL_FACTOR: u32 = 3;
/// Longest wait for a surplus connection: it is there for one short request.
const SURPLUS_WAIT: Duration = Duration::from_secs(1);
/// At a stop: how long a client that was just answered, or has just connected, may still send a request.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// The HTTP layer's own timeouts come this much earlier than those here.
const HTTP_TIMEOUT_LEAD: Duration = Duration::from_millis(500);
/// After the last answer: how long a client may take to close. Closing at once while a request is arriving would make
/// the system reset the connection, and the client would lose the part of the answer that it has not read.
const LINGER: Duration = Duration::from_secs(1);
/// The same at a stop.
const LAST_LINGER: Duration = Duration::from_millis(250);
/// The answer when there is no room for a connection.
const REFUSED: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What a connection waits for, while no request is being processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The first byte of the connection.
    New,
    /// The rest of a head.
    Head,
    /// The next request.
    Idle,
}

/// State that a connection and its requests share.
#[derive(Debug)]
pub struct Exchange {
    /// All connections.
    pub connections: Connections,
    /// The limit that the connection exceeds, if any.
    pub surplus: Option<LimitReached>,
    active_requests: Cell<u32>,
    phase: Cell<Phase>,
    /// Start of the wait.
    wait_started: Cell<Instant>,
    last_announced: Cell<bool>,
}

impl Exchange {
    /// Marks a request as being processed until the returned guard is dropped.
    pub fn start_request(self: &Rc<Self>) -> ActiveRequest {
        self.active_requests.set(self.active_requests.get() + 1);
        self.phase.set(Phase::Idle);
        ActiveRequest(Rc::clone(self))
    }

    /// Whether the present answer is the connection's last one, which must be sent with `Connection: close` (RFC 9112,
    /// section 9.6).
    pub fn announce_if_last(&self) -> bool {
        if self.surplus.is_some() || self.connections.are_stopping() {
            self.last_announced.set(true);
        }
        self.last_announced.get()
    }

    /// Whether the last answer was given: no later request is processed (RFC 9112, section 9.6).
    pub fn has_announced_last(&self) -> bool {
        self.last_announced.get()
    }

    fn record_received_bytes(&self) {
        if self.active_requests.get() == 0 && self.phase.get() != Phase::Head {
            self.phase.set(Phase::Head);
            self.wait_started.set(Instant::now());
        }
    }

    /// The time at which the wait ends, while no request is being processed; `None`: the HTTP layer's own timeout
    /// applies.
    fn deadline(&self, is_stopping: bool) -> Option<Instant> {
        let wait = self.connections.limits().wait;
        let wait = match (self.phase.get(), self.surplus.is_some()) {
            (Phase::Idle, true) => Duration::ZERO,
            (Phase::Idle | Phase::New, _) if is_stopping => LAST_WAIT.min(wait),
            (Phase::New | Phase::Head, true) => SURPLUS_WAIT.min(wait),
            (Phase::Idle, false) => return None,
            // The HTTP layer answers 408 to a first request that is late; its timeout must come first.
            (Phase::New | Phase::Head, false) => wait + HTTP_TIMEOUT_LEAD,
        };
        Some(self.wait_started.get() + wait)
    }
}

/// A request that is being processed.
#[derive(Debug)]
pub struct ActiveRequest(Rc<Exchange>);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.active_requests.set(self.0.active_requests.get() - 1);
        self.0.wait_started.set(Instant::now());
    }
}

/// A connection with its timeouts.
pub struct Connection {
    io: TcpStream,
    exchange: Rc<Exchange>,
    stop_signal: Option<Pin<Box<dyn Future<Output = ()>>>>,
    has_timed_out: bool,
    read_timer: LazyTimer,
    write_timer: LazyTimer,
    stalled_since: Option<Instant>,
    linger_until: Option<Instant>,
    _slot: Slot,
}

impl Connection {
    /// Admits a connection and returns it with its peer's canonical address; `None` if there is no room.
    pub fn admit(io: TcpStream, connections: &Connections) -> Option<(Self, SocketAddr)> {
        let peer = io.peer_addr().ok()?;
        let peer = SocketAddr::new(super::client::canonical(peer.ip()), peer.port());
        let Some(Admission { slot, surplus }) = connections.admit(peer.ip()) else {
            // Reads and writes once, without waiting. Bytes that were read cannot make the system reset the connection.
            // The runtime has not registered this socket yet, so the socket is used directly.
            let socket = SockRef::from(&io);
            _ = (&*socket).read(&mut [0; 4096]);
            _ = (&*socket).write(REFUSED);
            return None;
        };
        // Finds a peer that has gone away silently, because it does not acknowledge what it is sent.
        #[cfg(target_os = "linux")]
        if let Err(error) = SockRef::from(&io).set_tcp_user_timeout(Some(connections.limits().wait * STALL_FACTOR)) {
            tracing::debug!(%error, "a connection takes no TCP_USER_TIMEOUT");
        }
        let exchange = Exchange {
            connections: connections.clone(),
            surplus,
            active_requests: Cell::new(0),
            phase: Cell::new(Phase::New),
            wait_started: Cell::new(Instant::now()),
            last_announced: Cell::new(false),
        };
        let connection = Self {
            io,
            exchange: Rc::new(exchange),
            stop_signal: Some(Box::pin(connections.wait_for_stop())),
            has_timed_out: false,
            read_timer: LazyTimer::default(),
            write_timer: LazyTimer::default(),
            stalled_since: None,
            linger_until: None,
            _slot: slot,
        };
        Some((connection, peer))
    }

    /// The state that the connection's requests share.
    pub fn exchange(&self) -> Rc<Exchange> {
        Rc::clone(&self.exchange)
    }

    /// Whether the wait for a client that has sent nothing is over. Otherwise wakes the task when it is.
    fn is_wait_over(&mut self, cx: &mut Context<'_>) -> bool {
        if self.stop_signal.as_mut().is_some_and(|stop_signal| stop_signal.as_mut().poll(cx).is_ready()) {
            self.stop_signal = None;
        }
        if self.exchange.active_requests.get() > 0 {
            return false;
        }
        let deadline = self.exchange.deadline(self.stop_signal.is_none());
        self.has_timed_out = deadline.is_some_and(|deadline| self.read_timer.has_elapsed(deadline, cx));
        self.has_timed_out
    }
}

impl AsyncRead for Connection {
    /// Also returns the end of the stream when the wait is over: the HTTP layer then closes the connection.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.has_timed_out {
            return Poll::Ready(Ok(()));
        }
        let filled_before = buffer.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buffer) {
            Poll::Pending if self.is_wait_over(cx) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                if buffer.filled().len() > filled_before {
                    self.exchange.record_received_bytes();
                }
                Poll::Ready(result)
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match Pin::new(&mut this.io).poll_write(cx, bytes) {
            Poll::Ready(result) => {
                this.stalled_since = None;
                this.exchange.wait_started.set(Instant::now());
                Poll::Ready(result)
            }
            Poll::Pending => {
                let wait_started = *this.stalled_since.get_or_insert_with(Instant::now);
                let until = wait_started + this.exchange.connections.limits().wait * STALL_FACTOR;
                if this.write_timer.has_elapsed(until, cx) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Shuts the sending side down, then reads for a moment what is still arriving.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let until = match this.linger_until {
            Some(until) => until,
            None => {
                ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
                let linger = if this.exchange.connections.are_stopping() { LAST_LINGER } else { LINGER };
                *this.linger_until.insert(Instant::now() + linger)
            }
        };
        let mut scratch = [0; 1024];
        loop {
            if this.read_timer.has_elapsed(until, cx) {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// A timer that is created when it is first needed.
#[derive(Default)]
pub(super) struct LazyTimer(Option<Pin<Box<Sleep>>>);

impl LazyTimer {
    /// Whether the time has come; if not, the task is woken then.
    pub(super) fn has_elapsed(&mut self, at: Instant, cx: &mut Context<'_>) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx).is_ready()
    }
}
