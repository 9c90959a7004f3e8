//! Rate limits per client.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use actix_web::{HttpRequest, http::header};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};

use crate::http::{
    client::{self, Networks},
    problem::{Problem, TOO_MANY_REQUESTS},
};

/// Number of clients above which idle ones are forgotten.
const CLIENTS_MAX: usize = 10_000;

/// A rate limit per client address.
#[derive(Debug, Clone)]
pub struct RateLimit {
    limiter: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    counts_loopback: bool,
    trusted_proxies: Networks,
}

/// The settings of the limits, checked.
#[derive(Debug, Clone)]
pub struct RateLimits {
    /// Limit for each client.
    pub registrations_per_minute: u32,
    /// Limit for each client.
    pub registrations_burst: u32,
    /// Limit of tries at invitation codes, for each client.
    pub code_tries_per_minute: u32,
    /// Whether clients on this machine have limits, too.
    pub counts_loopback: bool,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Networks,
}

impl RateLimit {
    /// The limit of registrations, from the settings.
    pub fn new(limits: &RateLimits) -> Self {
        Self::with_quota(limits, limits.registrations_per_minute, limits.registrations_burst)
    }

    /// The limit of tries at invitation codes, from the settings.
    pub fn for_codes(limits: &RateLimits) -> Self {
        Self::with_quota(limits, limits.code_tries_per_minute, limits.code_tries_per_minute)
    }

    fn with_quota(limits: &RateLimits, per_minute: u32, burst: u32) -> Self {
        let positive = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(positive(per_minute)).allow_burst(positive(burst));
        Self {
            limiter: Arc::new(DefaultKeyedRateLimiter::keyed(quota)),
            counts_loopback: limits.counts_loopback,
            trusted_proxies: limits.trusted_proxies.clone(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 with `Retry-After` when the client has used up its limit.
    pub fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        let Some(client) = client::address_of(request, &self.trusted_proxies) else {
            return Ok(());
        };
        if client.is_loopback() && !self.counts_loopback {
            return Ok(());
        }
        if self.limiter.len() > CLIENTS_MAX {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&client::network(client)).map_err(|refusal| {
            let wait = refusal.wait_time_from(governor::clock::DefaultClock::default().now());
            Problem::new(&TOO_MANY_REQUESTS).header(header::RETRY_AFTER, (wait.as_secs() + 1).to_string())
        })
    }
}
