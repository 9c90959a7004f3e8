//! Answers that do not say whether an address is registered: neither by their words nor by their time.

use std::time::Duration;

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::NO_STORE;

/// Answers that must not be told apart are sent at a multiple of this time after the request arrived, so that the time
/// of the answer does not say whether an address was known: a known one costs a few writes more, or fewer.
const RESPONSE_QUANTUM: Duration = Duration::from_millis(50);

/// The arrival of a request whose answer must not say whether an address was known. Only [`Arrival::quantised`] makes
/// the proof that [`Accepted`] and a page in its place need, so that no such answer is sent at its own time.
#[derive(Debug, Clone, Copy)]
pub struct Arrival(tokio::time::Instant);

/// Proof that the answer waited for the next multiple of [`RESPONSE_QUANTUM`].
#[derive(Debug)]
pub struct Quantised(());

impl Arrival {
    pub fn now() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Waits until the answer may be sent.
    pub async fn quantised(self) -> Quantised {
        tokio::time::sleep_until(self.0 + answer_time(self.0.elapsed())).await;
        Quantised(())
    }
}

/// The time after the arrival at which an answer is sent that was ready after `elapsed`.
fn answer_time(elapsed: Duration) -> Duration {
    let quanta = elapsed.as_millis() / RESPONSE_QUANTUM.as_millis() + 1;
    RESPONSE_QUANTUM * u32::try_from(quanta).unwrap_or(1)
}

/// An answer that is the same for every address, so that nobody learns whether an address is registered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// What happens next, as an English sentence for the person.
    detail: &'static str,
}

impl Accepted {
    /// The answer with this sentence, after its wait.
    pub fn answer(detail: &'static str, _: Quantised) -> HttpResponse {
        HttpResponse::Accepted().insert_header(NO_STORE).json(Self { detail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_take_a_little_more_or_less_are_sent_at_the_same_time() {
        let sent_at = |micros| answer_time(Duration::from_micros(micros));
        assert_eq!([0, 1_850, 2_100, 49_999].map(sent_at), [RESPONSE_QUANTUM; 4]);
        assert_eq!([50_000, 99_000].map(sent_at), [2 * RESPONSE_QUANTUM; 2]);
    }
}
