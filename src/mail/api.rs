//! Metrics of mail, connections and the store for Prometheus (`/metrics`, text exposition format 0.0.4).

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpResponse, web};

use super::{failure::Step, tracking};
use crate::{
    clock,
    database::Database,
    http::{Problem, connections::Connections, problem::AnyProblem},
    mail::{attempts::AttemptOutcome, letter::MessageState},
};

/// Upper bounds of the buckets of the delivery time histogram, in seconds.
const BUCKET_BOUNDS: [u64; 7] = [1, 5, 15, 60, 300, 3600, 86_400];

/// Mail counters of this process since its start.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    put_off: AtomicU64,
    failed: AtomicU64,
    outages: AtomicU64,
    /// Numbers of timeouts by step.
    timeouts: [AtomicU64; Step::ALL.len()],
    total_seconds: AtomicU64,
    /// Numbers of messages that took no longer than each of [`BUCKET_BOUNDS`].
    bucket_counts: [AtomicU64; BUCKET_BOUNDS.len()],
}

impl Metrics {
    /// Counts an accepted message; `duration` is the time from its cause to its acceptance.
    pub fn count_sent(&self, duration: Duration) {
        self.0.sent.fetch_add(1, Ordering::Relaxed);
        self.0.total_seconds.fetch_add(duration.as_secs(), Ordering::Relaxed);
        for (bound, count) in BUCKET_BOUNDS.iter().zip(&self.0.bucket_counts) {
            if duration <= Duration::from_secs(*bound) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub fn count_deferred(&self) {
        self.0.put_off.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_failed(&self) {
        self.0.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_outage(&self) {
        self.0.outages.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a step that the mail server did not answer in time.
    pub fn count_timeout(&self, step: Step) {
        let count = Step::ALL.iter().zip(&self.0.timeouts).find(|(counted, _)| **counted == step);
        if let Some((_, count)) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes the metrics. `outbox` is `None` when the store cannot be read; the counters of this process are written
    /// anyway.
    fn write(&self, outbox: Option<(super::tracking::StateCounts, i64)>) -> String {
        let mut text = String::new();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut metric = |kind: &str, name: &str, help: &str, lines: &[(String, String)]| {
            // Writing to a `String` never fails.
            _ = writeln!(text, "# HELP plenary_mail_{name} {help}\n# TYPE plenary_mail_{name} {kind}");
            for (labels, value) in lines {
                _ = writeln!(text, "plenary_mail_{name}{labels} {value}");
            }
        };
        let without_labels = |value: String| vec![(String::new(), value)];
        if let Some((states, oldest_seconds)) = outbox {
            let value_of_state = |state: MessageState| {
                let row = states.iter().find(|(counted, _)| *counted == state);
                (format!("{{state=\"{state}\"}}"), row.map_or(0, |(_, count)| *count).to_string())
            };
            let states: Vec<_> = MessageState::ALL.into_iter().map(value_of_state).collect();
            metric("gauge", "messages", "Messages in the outbox, of all processes.", &states);
            let oldest = without_labels(oldest_seconds.to_string());
            metric("gauge", "oldest_waiting_seconds", "How long the oldest message waits.", &oldest);
        }
        let outcomes = [
            (AttemptOutcome::Sent, &self.0.sent),
            (AttemptOutcome::PutOff, &self.0.put_off),
            (AttemptOutcome::Failed, &self.0.failed),
        ];
        let outcomes: Vec<_> = outcomes
            .iter()
            .map(|(outcome, count)| (format!("{{outcome=\"{outcome}\"}}"), read(count).to_string()))
            .collect();
        metric("counter", "attempts_total", "Attempts of this process to send a message.", &outcomes);
        let outages = without_labels(read(&self.0.outages).to_string());
        metric("counter", "outages_total", "How often the mail server could not be reached.", &outages);
        let timeouts = Step::ALL.iter().zip(&self.0.timeouts);
        let timeouts: Vec<_> = timeouts
            .map(|(step, count)| (format!("{{step=\"{}\"}}", step.as_str()), read(count).to_string()))
            .collect();
        let help = "How often the mail server left a step of the conversation without an answer.";
        metric("counter", "timeouts_total", help, &timeouts);
        _ = writeln!(text, "# HELP plenary_mail_seconds From the cause of a message to its acceptance.");
        _ = writeln!(text, "# TYPE plenary_mail_seconds histogram");
        for (bound, count) in BUCKET_BOUNDS.iter().zip(&self.0.bucket_counts) {
            _ = writeln!(text, "plenary_mail_seconds_bucket{{le=\"{bound}\"}} {}", read(count));
        }
        let sent = read(&self.0.sent);
        _ = writeln!(text, "plenary_mail_seconds_bucket{{le=\"+Inf\"}} {sent}");
        _ = writeln!(
            text,
            "plenary_mail_seconds_sum {}\nplenary_mail_seconds_count {sent}",
            read(&self.0.total_seconds)
        );
        text
    }
}

/// Returns the metrics of mail, connections and the store in the Prometheus text format. They contain no personal data.
#[utoipa::path(
    get, path = "/metrics",
    tag = "service",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"), AnyProblem)
)]
pub async fn read_metrics(
    database: web::Data<Database>,
    metrics: web::Data<Metrics>,
    connections: web::Data<Connections>,
) -> Result<HttpResponse, Problem> {
    let depth = database.read(tracking::outbox_depth).await;
    let depth = depth.inspect_err(|error| tracing::debug!(%error, "the outbox cannot be counted")).ok();
    let outbox =
        depth.map(|(states, oldest)| (states, oldest.map_or(0, |at| (clock::now() - at).num_seconds().max(0))));
    let text = database.metrics() + &connections.metrics() + &metrics.write(outbox);
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}
