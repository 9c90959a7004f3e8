//! How often one client may knock.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
};

use actix_web::{HttpRequest, http::header};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};

use crate::{
    http::problem::{Problem, TOO_MANY_REQUESTS},
    settings::Settings,
};

/// Clients kept in mind before idle ones are forgotten.
const CLIENTS_MAX: usize = 10_000;

/// A limit per client address.
#[derive(Debug, Clone)]
pub struct RateLimit {
    limiter: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    loopback: bool,
    trusted_proxies: Arc<[IpAddr]>,
}

impl RateLimit {
    /// The limit of registrations that the settings ask for.
    pub fn new(settings: &Settings) -> Self {
        Self::of(settings, settings.registrations_per_minute, settings.registrations_burst)
    }

    /// The limit of tries at a code that the settings ask for.
    pub fn of_codes(settings: &Settings) -> Self {
        Self::of(settings, settings.code_tries_per_minute, settings.code_tries_per_minute)
    }

    fn of(settings: &Settings, per_minute: u32, burst: u32) -> Self {
        let positive = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(positive(per_minute)).allow_burst(positive(burst));
        Self {
            limiter: Arc::new(DefaultKeyedRateLimiter::keyed(quota)),
            loopback: settings.rate_limit_loopback,
            trusted_proxies: settings.trusted_proxies.clone().into(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 with `Retry-After`, when its client has used up its share.
    pub fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        let Some(client) = self.client(request) else {
            return Ok(());
        };
        if client.is_loopback() && !self.loopback {
            return Ok(());
        }
        if self.limiter.len() > CLIENTS_MAX {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&network(client)).map_err(|refusal| {
            let wait = refusal.wait_time_from(governor::clock::DefaultClock::default().now());
            Problem::new(&TOO_MANY_REQUESTS).header(header::RETRY_AFTER, (wait.as_secs() + 1).to_string())
        })
    }

    /// The client: the peer, or the nearest address in `X-Forwarded-For` that is no trusted proxy.
    fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip();
        if !self.trusted_proxies.contains(&peer) {
            return Some(peer);
        }
        let forwarded: Vec<&str> = request
            .headers()
            .get_all(header::X_FORWARDED_FOR)
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for element in forwarded.into_iter().rev() {
            match address(element.trim()) {
                Some(address) if self.trusted_proxies.contains(&address) => {}
                Some(address) => return Some(address),
                // What the nearest proxy wrote cannot be read: nothing before it is to be believed.
                None => break,
            }
        }
        Some(peer)
    }
}

/// An address as proxies write it: alone, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
}

/// One customer holds a whole IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}
