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
const WARNING_INTERVAL: Duration = Duration::from_secs(60);
/// One client may have one in this many of the surplus connections.
const SURPLUS_SHARE: usize = 4;
/// Interval at which a stop checks whether all connections have ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

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
    fn surplus_reserve(&self) -> usize {
        (self.files_max / 20).max(1)
    }
}

/// All connections of the process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    slots: Slots,
    /// Surplus connections are counted separately, so that refused clients take no room from others.
    surplus: Slots,
    is_stopping: watch::Sender<bool>,
    refused: AtomicU64,
    slow_bodies: AtomicU64,
    warned_at: Mutex<Option<Instant>>,
}

/// An admitted connection.
#[derive(Debug)]
pub struct Admission {
    pub slot: Slot,
    /// The limit that the connection exceeds, if any.
    pub surplus: Option<LimitReached>,
}

impl Connections {
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Inner {
            limits,
            slots: Slots::default(),
            surplus: Slots::default(),
            is_stopping: watch::Sender::new(false),
            refused: AtomicU64::default(),
            slow_bodies: AtomicU64::default(),
            warned_at: Mutex::default(),
        }))
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The key by which a client is counted; `None` if it has no limit.
    pub fn limit_key(&self, address: IpAddr) -> Option<IpAddr> {
        let limits = &self.0.limits;
        let address = client::canonical(address);
        let is_exempt = (address.is_loopback() && !limits.counts_loopback)
            || limits.trusted_proxies.contains(address)
            || limits.exempt.contains(address);
        (!is_exempt).then(|| client::network(address))
    }

    /// The key by which the client of a request, also behind proxies, is counted; `None` if it has no limit.
    pub fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        client::address_of(request, &self.0.limits.trusted_proxies).and_then(|address| self.limit_key(address))
    }

    /// Admits a connection; `None` if there is no room at all.
    pub fn admit(&self, peer: IpAddr) -> Option<Admission> {
        let Inner { limits, slots, surplus, .. } = &*self.0;
        let client = self.limit_key(peer);
        let below_surplus = limits.files_max.saturating_sub(limits.surplus_reserve());
        let count_max = if client.is_some() { limits.count_max.min(below_surplus) } else { below_surplus };
        let limit = match slots.acquire(client, count_max, limits.per_client_max) {
            Ok(slot) => return Some(Admission { slot, surplus: None }),
            Err(limit) => limit,
        };
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        self.warn(limit);
        let reserve = limits.surplus_reserve();
        let slot = surplus.acquire(client, reserve, reserve.div_ceil(SURPLUS_SHARE)).ok()?;
        Some(Admission { slot, surplus: Some(limit) })
    }

    fn count(&self) -> usize {
        self.0.slots.count() + self.0.surplus.count()
    }

    fn warn(&self, limit: LimitReached) {
        let now = Instant::now();
        let mut warned_at = self.0.warned_at.lock().unwrap_or_else(PoisonError::into_inner);
        if warned_at.is_none_or(|at| now - at >= WARNING_INTERVAL) {
            *warned_at = Some(now);
            let setting = match limit {
                LimitReached::All => "connections_max",
                LimitReached::Client => "connections_per_client_max",
            };
            tracing::warn!(setting, connections = self.count(), "connections are refused; this is said once a minute");
        }
    }

    /// Starts a stop: from now on every answer is the last of its connection, and idle connections end.
    pub fn begin_stop(&self) {
        self.0.is_stopping.send_replace(true);
    }

    /// Whether the service is stopping.
    pub fn are_stopping(&self) -> bool {
        *self.0.is_stopping.borrow()
    }

    /// Waits until the service is stopping.
    pub fn wait_for_stop(&self) -> impl Future<Output = ()> + use<> {
        let mut is_stopping = self.0.is_stopping.subscribe();
        async move {
            // The sender lives as long as any connection.
            _ = is_stopping.wait_for(|is_stopping| *is_stopping).await;
        }
    }

    /// Waits until there is no connection, for `timeout`.
    pub async fn wait_until_closed(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        while self.count() > 0 && Instant::now() < deadline {
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Counts a body that came too slowly.
    pub(super) fn count_slow_body(&self) {
        self.0.slow_bodies.fetch_add(1, Ordering::Relaxed);
    }

    /// Metrics in the Prometheus text format.
    pub fn metrics(&self) -> String {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let line = |kind, name, help, value| {
            format!("# HELP plenary_{name} {help}\n# TYPE plenary_{name} {kind}\nplenary_{name} {value}\n")
        };
        let (open, refused, slow) = (self.count(), load(&self.0.refused), load(&self.0.slow_bodies));
        line("gauge", "connections", "Connections that are open.", open.to_string())
            + &line("counter", "connections_refused_total", "Connections beyond a limit.", refused.to_string())
            + &line("counter", "slow_bodies_total", "Requests whose body came too slowly.", slow.to_string())
    }
}
