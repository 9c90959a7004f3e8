//! All connections of the process: how many there may be, how slow a client may be on one, and their end at a stop.
//!
//! Each connection is an open file. Should they use up the process's limit of these, nothing works any more: no store,
//! no mail, no health route. So there are three bounds, the lower two for strangers:
//!
//! - a client (an IPv4 address or an IPv6 /64) has at most `per_client_max`, and strangers together `count_max`;
//! - clients without a limit of their own (proxies, exempt networks, this machine) may go beyond that;
//! - nobody goes beyond `files_max`.
//!
//! A connection beyond the first two is *surplus*: it is there so that health is answered under any load, and gets a
//! refusal for everything else. One client has a part of these. One beyond the last, or beyond that part, is closed at
//! once.

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
    places::{Full, Place, Places},
};

/// How often the log says that connections are refused.
const WARNING_PAUSE: Duration = Duration::from_secs(60);
/// The part of all surplus connections that one client may have: one in so many.
const SURPLUS_SHARE: usize = 4;
/// How often a stop looks whether all connections have ended.
const GLANCE: Duration = Duration::from_millis(10);

/// What the settings ask for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections of strangers, in all.
    pub count_max: usize,
    /// Connections of one client.
    pub per_client_max: usize,
    /// Connections of everybody: what the limit of open files leaves.
    pub files_max: usize,
    /// Networks without a limit of their own.
    pub exempt: Networks,
    /// Proxies: each speaks for many clients.
    pub trusted_proxies: Networks,
    /// Whether clients on this machine have limits, too.
    pub counts_loopback: bool,
    /// How long is waited for the head of a request, the first byte of its body, and each next one. An answer may
    /// stand still for three times as long.
    pub wait: Duration,
    /// Bytes of a body in a second, on average, once `wait` is over.
    pub body_bytes_per_second_min: u32,
}

impl Limits {
    /// The last twentieth of all connections is nobody's but the surplus's.
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
    places: Places,
    /// Of connections beyond the bounds, counted apart: whoever is refused takes nothing from those who are not.
    surplus: Places,
    leaving: watch::Sender<bool>,
    refused: AtomicU64,
    slow_bodies: AtomicU64,
    warned_at: Mutex<Option<Instant>>,
}

/// How a connection is let in.
#[derive(Debug)]
pub struct Admission {
    /// Its place.
    pub place: Place,
    /// Why it is surplus, if it is.
    pub surplus: Option<Full>,
}

impl Connections {
    /// None yet.
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Inner {
            limits,
            places: Places::default(),
            surplus: Places::default(),
            leaving: watch::Sender::new(false),
            refused: AtomicU64::default(),
            slow_bodies: AtomicU64::default(),
            warned_at: Mutex::default(),
        }))
    }

    /// What the settings ask for.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What a client is counted as; `None` where it has no limit of its own.
    pub fn counted_as(&self, address: IpAddr) -> Option<IpAddr> {
        let limits = &self.0.limits;
        let address = client::canonical(address);
        let is_free = (address.is_loopback() && !limits.counts_loopback)
            || limits.trusted_proxies.contains(address)
            || limits.exempt.contains(address);
        (!is_free).then(|| client::network(address))
    }

    /// What the client of a request, behind proxies, too, is counted as; `None` where it has no limit of its own.
    pub fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        client::of(request, &self.0.limits.trusted_proxies).and_then(|address| self.counted_as(address))
    }

    /// Lets a connection in; `None` where there is no room at all.
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

    fn warn(&self, full: Full) {
        let now = Instant::now();
        let mut warned_at = self.0.warned_at.lock().unwrap_or_else(PoisonError::into_inner);
        if warned_at.is_none_or(|at| now - at >= WARNING_PAUSE) {
            *warned_at = Some(now);
            let setting = match full {
                Full::All => "connections_max",
                Full::Client => "connections_per_client_max",
            };
            tracing::warn!(setting, connections = self.count(), "connections are refused; this is said once a minute");
        }
    }

    /// From now on every answer is the last of its connection, and those without a request end.
    pub fn leave(&self) {
        self.0.leaving.send_replace(true);
    }

    /// Whether the service stops.
    pub fn are_leaving(&self) -> bool {
        *self.0.leaving.borrow()
    }

    /// Waits until the service stops.
    pub fn left(&self) -> impl Future<Output = ()> + use<> {
        let mut leaving = self.0.leaving.subscribe();
        async move {
            // The sender lives as long as any connection.
            _ = leaving.wait_for(|leaving| *leaving).await;
        }
    }

    /// Waits until there is no connection, so long at most.
    pub async fn ended(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        while self.count() > 0 && Instant::now() < until {
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// A body came too slowly.
    pub(super) fn saw_slow_body(&self) {
        self.0.slow_bodies.fetch_add(1, Ordering::Relaxed);
    }

    /// The numbers, for Prometheus.
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
