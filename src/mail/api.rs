//! `/metrics`: how mail and connections are doing, for Prometheus (text exposition format 0.0.4).

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpResponse, web};

use super::{failure::Step, messages};
use crate::{
    clock,
    database::Database,
    http::{Problem, connections::Connections, problem::AnyProblem},
};

/// The upper bounds of how long a message took, in seconds.
const BOUNDS: [u64; 7] = [1, 5, 15, 60, 300, 3600, 86_400];

/// What this process counts of mail while it runs.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    put_off: AtomicU64,
    failed: AtomicU64,
    outages: AtomicU64,
    /// Steps whose bound ran out.
    timeouts: [AtomicU64; Step::ALL.len()],
    seconds: AtomicU64,
    /// Messages that took no longer than each bound.
    within: [AtomicU64; BOUNDS.len()],
}

impl Metrics {
    /// A message was accepted so long after it was caused.
    pub fn sent(&self, took: Duration) {
        self.0.sent.fetch_add(1, Ordering::Relaxed);
        self.0.seconds.fetch_add(took.as_secs(), Ordering::Relaxed);
        for (bound, count) in BOUNDS.iter().zip(&self.0.within) {
            if took <= Duration::from_secs(*bound) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A message was put off.
    pub fn put_off(&self) {
        self.0.put_off.fetch_add(1, Ordering::Relaxed);
    }

    /// A message cannot be delivered.
    pub fn failed(&self) {
        self.0.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The mail server could not be reached.
    pub fn outage(&self) {
        self.0.outages.fetch_add(1, Ordering::Relaxed);
    }

    /// The mail server left a step without an answer.
    pub fn timeout(&self, step: Step) {
        let count = Step::ALL.iter().zip(&self.0.timeouts).find(|(known, _)| **known == step);
        if let Some((_, count)) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Without the store nobody knows what waits: then only what this process counts is told.
    fn write(&self, outbox: Option<(messages::States, i64)>) -> String {
        let mut text = String::new();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut metric = |kind: &str, name: &str, help: &str, lines: &[(String, String)]| {
            // A text takes all that is written to it.
            _ = writeln!(text, "# HELP plenary_mail_{name} {help}\n# TYPE plenary_mail_{name} {kind}");
            for (labels, value) in lines {
                _ = writeln!(text, "plenary_mail_{name}{labels} {value}");
            }
        };
        let alone = |value: String| vec![(String::new(), value)];
        if let Some((states, oldest_seconds)) = outbox {
            let of_state = |state: &str| {
                let found = states.iter().find(|(known, _)| known == state);
                (format!("{{state=\"{state}\"}}"), found.map_or(0, |(_, count)| *count).to_string())
            };
            let states: Vec<_> = ["waiting", "sent", "failed", "cancelled"].map(of_state).to_vec();
            metric("gauge", "messages", "Messages in the outbox, of all processes.", &states);
            let oldest = alone(oldest_seconds.to_string());
            metric("gauge", "oldest_waiting_seconds", "How long the oldest message waits.", &oldest);
        }
        let outcomes = [("sent", &self.0.sent), ("put_off", &self.0.put_off), ("failed", &self.0.failed)];
        let outcomes: Vec<_> = outcomes
            .iter()
            .map(|(outcome, count)| (format!("{{outcome=\"{outcome}\"}}"), read(count).to_string()))
            .collect();
        metric("counter", "attempts_total", "Attempts of this process to send a message.", &outcomes);
        let outages = alone(read(&self.0.outages).to_string());
        metric("counter", "outages_total", "How often the mail server could not be reached.", &outages);
        let timeouts = Step::ALL.iter().zip(&self.0.timeouts);
        let timeouts: Vec<_> = timeouts
            .map(|(step, count)| (format!("{{step=\"{}\"}}", step.as_str()), read(count).to_string()))
            .collect();
        let help = "How often the mail server left a step of the conversation without an answer.";
        metric("counter", "timeouts_total", help, &timeouts);
        _ = writeln!(text, "# HELP plenary_mail_seconds From the cause of a message to its acceptance.");
        _ = writeln!(text, "# TYPE plenary_mail_seconds histogram");
        for (bound, count) in BOUNDS.iter().zip(&self.0.within) {
            _ = writeln!(text, "plenary_mail_seconds_bucket{{le=\"{bound}\"}} {}", read(count));
        }
        let sent = read(&self.0.sent);
        _ = writeln!(text, "plenary_mail_seconds_bucket{{le=\"+Inf\"}} {sent}");
        _ = writeln!(text, "plenary_mail_seconds_sum {}\nplenary_mail_seconds_count {sent}", read(&self.0.seconds));
        text
    }
}

/// Tells how mail and connections are doing, for Prometheus: numbers alone.
#[utoipa::path(
    get, path = "/metrics",
    tag = "service",
    responses((status = 200, description = "The numbers", body = String, content_type = "text/plain"), AnyProblem)
)]
pub async fn read_metrics(
    database: web::Data<Database>,
    metrics: web::Data<Metrics>,
    connections: web::Data<Connections>,
) -> Result<HttpResponse, Problem> {
    let depth = database.read(messages::depth).await;
    let depth = depth.inspect_err(|error| tracing::debug!(%error, "the outbox cannot be counted")).ok();
    let outbox =
        depth.map(|(states, oldest)| (states, oldest.map_or(0, |at| (clock::now() - at).num_seconds().max(0))));
    let text = database.numbers() + &connections.metrics() + &metrics.write(outbox);
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}
