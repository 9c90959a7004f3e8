//! How often one client may knock.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use actix_web::{HttpRequest, http::header};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};

use crate::{
    http::{
        client::{self, Networks},
        problem::{Problem, TOO_MANY_REQUESTS},
    },
    settings::Settings,
};

/// Clients kept in mind before idle ones are forgotten.
const CLIENTS_MAX: usize = 10_000;

/// A limit per client address.
#[derive(Debug, Clone)]
pub struct RateLimit {
    limiter: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    loopback: bool,
    trusted_proxies: Networks,
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
            trusted_proxies: settings.trusted_proxies.clone(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 with `Retry-After`, when its client has used up its share.
    pub fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        let Some(client) = client::of(request, &self.trusted_proxies) else {
            return Ok(());
        };
        if client.is_loopback() && !self.loopback {
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
