//! How many connections the service accepts, given the settings and the limit of open files.

use std::time::Duration;

use crate::{http::connections::Limits, settings::Settings};

/// Open files that belong neither to connections nor to the store nor to the mail server: the log, imports, exports,
/// the runtime.
const OTHER_FILES: u64 = 100;

/// Open files of one SQLite connection, which has more than a PostgreSQL one: the database, its write-ahead log and the
/// log's index.
const STORE_FILES: u64 = 3;

/// Default limit of connections: each needs some memory.
const CONNECTIONS_MAX: u64 = 20_000;

/// Raises the process's limit of open files as far as the system allows, and returns it.
pub fn open_files() -> u64 {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(%error, "the limit of open files cannot be raised");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
    })
}

/// The limits of connections, given the limit of open files.
pub fn connection_limits(settings: &Settings, files: u64) -> Limits {
    let reserved =
        STORE_FILES * u64::from(settings.database_connections) + u64::from(settings.mail.connections) + OTHER_FILES;
    let files_max = files.saturating_sub(reserved).max(1);
    let available = files_max / 10 * 9;
    let count_max = match u64::from(settings.connections_max) {
        0 => available.min(CONNECTIONS_MAX),
        configured => configured.min(available),
    };
    if count_max < u64::from(settings.connections_max) {
        tracing::warn!(
            connections_max = count_max,
            open_files = files,
            "the limit of open files allows fewer connections"
        );
    }
    let to_usize = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Limits {
        count_max: to_usize(count_max),
        per_client_max: to_usize(settings.connections_per_client_max.into()),
        files_max: to_usize(files_max),
        exempt: settings.connections_exempt.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        counts_loopback: settings.rate_limits.counts_loopback,
        wait: Duration::from_secs(settings.client_wait_seconds.into()),
        body_bytes_per_second_min: settings.body_bytes_per_second_min,
    }
}
