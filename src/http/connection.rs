//! One connection: the bytes between a client and HTTP, and how long each side waits for the other.
//!
//! HTTP/1 of actix bounds the head of a connection's first request and the pause between two requests. What it does
//! not bound is bounded here: a later head that stops half-way, and a client that takes nothing of its answer. Bodies
//! are `body_pace`'s. Here is also how a connection ends at a stop: between two requests, never between a request and
//! its answer.

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
    places::{Full, Place},
};

/// How much longer an answer may stand still than a request.
const STALLS: u32 = 3;
/// How long a surplus connection is waited for: it is there for one short question.
const SURPLUS_WAIT: Duration = Duration::from_secs(1);
/// At a stop, how long a client that was just answered, or has just connected, may still ask.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// HTTP's own bounds come so much earlier than those here.
const HTTP_FIRST: Duration = Duration::from_millis(500);
/// After the last answer, how long a client may take to close: a request on its way meanwhile would otherwise have the
/// system tear down the connection, and with it what the client has not read yet.
const LINGER: Duration = Duration::from_secs(1);
/// The same, at a stop.
const LAST_LINGER: Duration = Duration::from_millis(250);
/// The answer where there is no room for a connection.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What a connection waits for when no request is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The first byte of all.
    New,
    /// The rest of a head.
    Head,
    /// The next request.
    Idle,
}

/// What a connection and the requests that come over it know of each other.
#[derive(Debug)]
pub struct Exchange {
    /// All connections.
    pub connections: Connections,
    /// Why the connection is surplus, if it is.
    pub surplus: Option<Full>,
    serving: Cell<u32>,
    phase: Cell<Phase>,
    /// Since when this is waited for.
    since: Cell<Instant>,
    said_last: Cell<bool>,
}

impl Exchange {
    /// A request is at work until the head of the answer is there.
    pub fn serve(self: &Rc<Self>) -> Serving {
        self.serving.set(self.serving.get() + 1);
        self.phase.set(Phase::Idle);
        Serving(Rc::clone(self))
    }

    /// Whether the answer that is made now is the connection's last; it says so (RFC 9112, 9.6).
    pub fn is_last(&self) -> bool {
        if self.surplus.is_some() || self.connections.are_leaving() {
            self.said_last.set(true);
        }
        self.said_last.get()
    }

    /// Whether the last answer was given: no request after it is processed (RFC 9112, 9.6).
    pub fn had_last(&self) -> bool {
        self.said_last.get()
    }

    fn heard(&self) {
        if self.serving.get() == 0 && self.phase.get() != Phase::Head {
            self.phase.set(Phase::Head);
            self.since.set(Instant::now());
        }
    }

    /// When is waited no longer, where no request is at work; `None`: HTTP's own bound of the pause holds.
    fn deadline(&self, leaves: bool) -> Option<Instant> {
        let wait = self.connections.limits().wait;
        let wait = match (self.phase.get(), self.surplus.is_some()) {
            (Phase::Idle, true) => Duration::ZERO,
            (Phase::Idle | Phase::New, _) if leaves => LAST_WAIT.min(wait),
            (Phase::New | Phase::Head, true) => SURPLUS_WAIT.min(wait),
            (Phase::Idle, false) => return None,
            // HTTP answers 408 to a first request that is late; it is to come first.
            (Phase::New | Phase::Head, false) => wait + HTTP_FIRST,
        };
        Some(self.since.get() + wait)
    }
}

/// A request at work.
#[derive(Debug)]
pub struct Serving(Rc<Exchange>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.serving.set(self.0.serving.get() - 1);
        self.0.since.set(Instant::now());
    }
}

/// A connection with its bounds.
pub struct Connection {
    io: TcpStream,
    exchange: Rc<Exchange>,
    leaving: Option<Pin<Box<dyn Future<Output = ()>>>>,
    is_cut: bool,
    reading: Alarm,
    writing: Alarm,
    stands_still_since: Option<Instant>,
    lingers_until: Option<Instant>,
    _place: Place,
}

impl Connection {
    /// Takes a connection in, with its peer's canonical address; `None` where there is no room.
    pub fn admit(io: TcpStream, connections: &Connections) -> Option<(Self, SocketAddr)> {
        let peer = io.peer_addr().ok()?;
        let peer = SocketAddr::new(super::client::canonical(peer.ip()), peer.port());
        let Some(Admission { place, surplus }) = connections.admit(peer.ip()) else {
            // What can be said without waiting. What was read does not make the system tear the connection down. The
            // runtime has not heard of this socket yet, so the system is asked itself.
            let socket = SockRef::from(&io);
            _ = (&*socket).read(&mut [0; 4096]);
            _ = (&*socket).write(NO_ROOM);
            return None;
        };
        // A peer that is gone without a word is found out by what it does not acknowledge.
        #[cfg(target_os = "linux")]
        if let Err(error) = SockRef::from(&io).set_tcp_user_timeout(Some(connections.limits().wait * STALLS)) {
            tracing::debug!(%error, "a connection takes no TCP_USER_TIMEOUT");
        }
        let exchange = Exchange {
            connections: connections.clone(),
            surplus,
            serving: Cell::new(0),
            phase: Cell::new(Phase::New),
            since: Cell::new(Instant::now()),
            said_last: Cell::new(false),
        };
        let connection = Self {
            io,
            exchange: Rc::new(exchange),
            leaving: Some(Box::pin(connections.left())),
            is_cut: false,
            reading: Alarm::default(),
            writing: Alarm::default(),
            stands_still_since: None,
            lingers_until: None,
            _place: place,
        };
        Some((connection, peer))
    }

    /// What its requests know of it.
    pub fn exchange(&self) -> Rc<Exchange> {
        Rc::clone(&self.exchange)
    }

    /// Whether nothing more is waited for from a client that has sent nothing now. Wakes the task when that changes.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if self.leaving.as_mut().is_some_and(|leaving| leaving.as_mut().poll(cx).is_ready()) {
            self.leaving = None;
        }
        if self.exchange.serving.get() > 0 {
            return false;
        }
        let deadline = self.exchange.deadline(self.leaving.is_none());
        self.is_cut = deadline.is_some_and(|deadline| self.reading.rings(deadline, cx));
        self.is_cut
    }
}

impl AsyncRead for Connection {
    /// The end of what the client sends is also told where nothing more is waited for: HTTP then closes.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_cut {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buffer) {
            Poll::Pending if self.is_over(cx) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
            Poll::Ready(read) => {
                if buffer.filled().len() > before {
                    self.exchange.heard();
                }
                Poll::Ready(read)
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match Pin::new(&mut this.io).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                this.stands_still_since = None;
                this.exchange.since.set(Instant::now());
                Poll::Ready(written)
            }
            Poll::Pending => {
                let since = *this.stands_still_since.get_or_insert_with(Instant::now);
                let until = since + this.exchange.connections.limits().wait * STALLS;
                if this.writing.rings(until, cx) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Says the end, then reads for a moment what is still on its way.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let until = match this.lingers_until {
            Some(until) => until,
            None => {
                ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
                let linger = if this.exchange.connections.are_leaving() { LAST_LINGER } else { LINGER };
                *this.lingers_until.insert(Instant::now() + linger)
            }
        };
        let mut room = [0; 1024];
        loop {
            if this.reading.rings(until, cx) {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut room);
            match Pin::new(&mut this.io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// A timer that is made when it is first needed.
#[derive(Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Whether an instant has come; if not, the task is woken then.
    pub(super) fn rings(&mut self, at: Instant, cx: &mut Context<'_>) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx).is_ready()
    }
}
