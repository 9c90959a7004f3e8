//! All connections of the process: their limits, the timeouts of slow clients, and their end at a stop.
//!
//! Each connection is an open file. If connections used up the process's limit of open files, nothing would work any
//! more: no store, no mail, no health check. So there are three limits, and the first applies to ordinary clients only:
//!
//! - a client (an IPv4 address or an IPv6 /64) has at most `per_client_max`, and ordinary clients together at most
//!   `count_max`;
//! - clients without a limit of their own (proxies, exempt networks, this machine) may go beyond that;
//! - nobody goes beyond `files_max`.
//!
//! A connection beyond the first two is *surplus*: it exists so that health checks are answered under any load, and
//! every other request over it is refused. One client may have a part of the surplus connections. A connection beyond
//! `files_max`, or beyond that part, is closed at once.

use std::{
    future::Future,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::HttpRequest;
use tokio::{sync::watch, time::Instant};

use super::{
    client::{self, Networks},
    slots::{LimitReached, Slot, Slots},
};

/// Interval between log lines about refused connections.
const WARNING_PAUSE: Duration = Duration::from_secs(60);
/// One client may have one in this many of the surplus connections.
const SURPLUS_SHARE: usize = 4;
/// Interval at which a stop checks whether all connections have ended.
const GLANCE: Duration = Duration::from_millis(10);

/// The limits from the settings.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections of all clients that have limits.
    pub count_max: usize,
    /// Connections of one client.
    pub per_client_max: usize,
    /// Connections of all clients: what the limit of open files leaves.
    pub files_max: usize,
    /// Networks whose clients have no limits.
    pub exempt: Networks,
    /// Proxies: each forwards for many clients.
    pub trusted_proxies: Networks,
    /// Whether clients on this machine have limits, too.
    pub counts_loopback: bool,
    /// Longest wait for the head of a request, for the first byte of its body, and for each next one. A client may stop
    /// reading an answer for three times as long.
    pub wait: Duration,
    /// Minimum bytes of a body per second, on average, once `wait` is over; 0: no minimum.
    pub body_bytes_per_second_min: u32,
}

impl Limits {
    /// A twentieth of all connections is reserved for surplus ones.
    fn kept_free(&self) -> usize {
        (self.files_max / 20).max(1)
    }
}

/// All connections of the process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    places: Slots,
    /// Surplus connections are counted separately, so that refused clients take no room from others.
    surplus: Slots,
    leaving: watch::Sender<bool>,
    refused: AtomicU64,
    slow_bodies: AtomicU64,
    warned_at: Mutex<Option<Instant>>,
}

/// An admitted connection.
#[derive(Debug)]
pub struct Admission {
    pub place: Slot,
    /// The limit that the connection exceeds, if any.
    pub surplus: Option<LimitReached>,
}

impl Connections {
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Inner {
            limits,
            places: Slots::default(),
            surplus: Slots::default(),
            leaving: watch::Sender::new(false),
            refused: AtomicU64::default(),
            slow_bodies: AtomicU64::default(),
            warned_at: Mutex::default(),
        }))
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The key by which a client is counted; `None` if it has no limit.
    pub fn counted_as(&self, address: IpAddr) -> Option<IpAddr> {
        let limits = &self.0.limits;
        let address = client::canonical(address);
        let is_free = (address.is_loopback() && !limits.counts_loopback)
            || limits.trusted_proxies.contains(address)
            || limits.exempt.contains(address);
        (!is_free).then(|| client::network(address))
    }

    /// The key by which the client of a request, also behind proxies, is counted; `None` if it has no limit.
    pub fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        client::of(request, &self.0.limits.trusted_proxies).and_then(|address| self.counted_as(address))
    }

    /// Admits a connection; `None` if there is no room at all.
    pub fn admit(&self, peer: IpAddr) -> Option<Admission> {
        let Inner { limits, places, surplus, .. } = &*self.0;
        let client = self.counted_as(peer);
        let below_surplus = limits.files_max.saturating_sub(limits.kept_free());
        let count_max = if client.is_some() { limits.count_max.min(below_surplus) } else { below_surplus };
        let full = match places.take(client, count_max, limits.per_client_max) {
            Ok(place) => return Some(Admission { place, surplus: None }),
            Err(full) => full,
        };
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        self.warn(full);
        let kept_free = limits.kept_free();
        let place = surplus.take(client, kept_free, kept_free.div_ceil(SURPLUS_SHARE)).ok()?;
        Some(Admission { place, surplus: Some(full) })
    }

    fn count(&self) -> usize {
        self.0.places.count() + self.0.surplus.count()
    }

    fn warn(&self, full: LimitReached) {
        let now = Instant::now();
        let mut warned_at = self.0.warned_at.lock().unwrap_or_else(PoisonError::into_inner);
        if warned_at.is_none_or(|at| now - at >= WARNING_PAUSE) {
            *warned_at = Some(now);
            let setting = match full {
                LimitReached::All => "connections_max",
                LimitReached::Client => "connections_per_client_max",
            };
            tracing::warn!(setting, connections = self.count(), "connections are refused; this is said once a minute");
        }
    }

    /// Starts a stop: from now on every answer is the last of its connection, and idle connections end.
    pub fn leave(&self) {
        self.0.leaving.send_replace(true);
    }

    /// Whether the service is stopping.
    pub fn are_leaving(&self) -> bool {
        *self.0.leaving.borrow()
    }

    /// Waits until the service is stopping.
    pub fn left(&self) -> impl Future<Output = ()> + use<> {
        let mut leaving = self.0.leaving.subscribe();
        async move {
            // The sender lives as long as any connection.
            _ = leaving.wait_for(|leaving| *leaving).await;
        }
    }

    /// Waits until there is no connection, for `at_most`.
    pub async fn ended(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        while self.count() > 0 && Instant::now() < until {
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Counts a body that came too slowly.
    pub(super) fn saw_slow_body(&self) {
        self.0.slow_bodies.fetch_add(1, Ordering::Relaxed);
    }

    /// Metrics in the Prometheus text format.
    pub fn metrics(&self) -> String {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let line = |kind, name, help, value| {
            format!("# HELP plenary_{name} {help}\n# TYPE plenary_{name} {kind}\nplenary_{name} {value}\n")
        };
        let (open, refused, slow) = (self.count(), read(&self.0.refused), read(&self.0.slow_bodies));
        line("gauge", "connections", "Connections that are open.", open.to_string())
            + &line("counter", "connections_refused_total", "Connections beyond a limit.", refused.to_string())
            + &line("counter", "slow_bodies_total", "Requests whose body came too slowly.", slow.to_string())
    }
}
