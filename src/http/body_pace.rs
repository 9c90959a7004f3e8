//! Minimum pace of request bodies.
//!
//! The first byte, and each next one, must come within `wait`; once `wait` is over, the body must have come with a
//! minimum rate on average. So a small body has a bound, and a large one over a slow line has all the time that it
//! needs. A body that is too slow ends with an error for its reader, and the answer is 408 whatever the reader does
//! with the error.
//!
//! A body that nobody reads to its end (because the answer was ready before) is kept until the answer is sent: so the
//! HTTP layer sees that it is unread, and closes the connection after the answer instead of waiting for an end that may
//! never come.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpMessage as _, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{self, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::ConnectionType,
    web::Bytes,
};
use futures_util::Stream;
use tokio::time::Instant;

use super::{
    connection::LazyTimer,
    connections::{Connections, Limits},
    problem::{Problem, REQUEST_TIMEOUT},
};

/// A body that is being received, shared by its reader and the middleware.
#[derive(Clone)]
pub struct Incoming(Rc<RefCell<WatchedBody>>);

struct WatchedBody {
    payload: dev::Payload,
    pace: Pace,
    timer: LazyTimer,
    connections: Connections,
    is_complete: bool,
    is_too_slow: bool,
}

/// The number of bytes received, and the time by which more must come.
struct Pace {
    wait: Duration,
    bytes_per_second_min: u32,
    received: u64,
    /// Times of the first read and of the latest byte.
    times: Option<(Instant, Instant)>,
}

impl Pace {
    fn new(limits: &Limits) -> Self {
        Self { wait: limits.wait, bytes_per_second_min: limits.body_bytes_per_second_min, received: 0, times: None }
    }

    fn receive(&mut self, bytes: usize, now: Instant) {
        self.received = self.received.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        let (start, _) = self.times.unwrap_or((now, now));
        self.times = Some((start, now));
    }

    /// The time by which the next byte must come.
    fn deadline(&mut self, now: Instant) -> Instant {
        let (start, last) = *self.times.get_or_insert((now, now));
        let next_byte_deadline = last + self.wait;
        match self.received.checked_div(u64::from(self.bytes_per_second_min)) {
            Some(seconds) => next_byte_deadline.min(start + self.wait + Duration::from_secs(seconds)),
            None => next_byte_deadline,
        }
    }
}

impl Incoming {
    /// Wraps the body of a request; `None` if it has none.
    pub fn watch(request: &mut ServiceRequest, connections: &Connections) -> Option<Self> {
        let payload = match request.take_payload() {
            dev::Payload::None => return None,
            payload => payload,
        };
        let incoming = Self(Rc::new(RefCell::new(WatchedBody {
            payload,
            pace: Pace::new(connections.limits()),
            timer: LazyTimer::default(),
            connections: connections.clone(),
            is_complete: false,
            is_too_slow: false,
        })));
        request.set_payload(dev::Payload::Stream { payload: Box::pin(incoming.clone()) });
        Some(incoming)
    }

    /// Replaces the response by 408 if the body was too slow, and closes the connection if the body was not read to its
    /// end.
    pub fn finish(self, response: ServiceResponse<BoxBody>, request_id: &str) -> ServiceResponse<BoxBody> {
        let (is_complete, is_too_slow) = {
            let body_state = self.0.borrow();
            (body_state.is_complete, body_state.is_too_slow)
        };
        if is_complete {
            return response;
        }
        let mut response = if is_too_slow { response.into_response(too_slow(request_id)) } else { response };
        if is_too_slow {
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        response.map_body(|_, body| BoxBody::new(UnreadBody { body, _unread: self }))
    }
}

fn too_slow(request_id: &str) -> HttpResponse {
    Problem::new(&REQUEST_TIMEOUT).detail("the body came too slowly; send it again").response(Some(request_id))
}

impl Stream for Incoming {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let body_state = &mut *self.0.borrow_mut();
        if body_state.is_too_slow {
            return Poll::Ready(None);
        }
        match Pin::new(&mut body_state.payload).poll_next(cx) {
            Poll::Ready(Some(Ok(bytes))) => {
                body_state.pace.receive(bytes.len(), Instant::now());
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(None) => {
                body_state.is_complete = true;
                Poll::Ready(None)
            }
            Poll::Ready(error) => Poll::Ready(error),
            Poll::Pending => {
                let deadline = body_state.pace.deadline(Instant::now());
                if !body_state.timer.has_elapsed(deadline, cx) {
                    return Poll::Pending;
                }
                body_state.is_too_slow = true;
                body_state.connections.count_slow_body();
                Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
            }
        }
    }
}

/// A response to a request whose body was not read to its end.
struct UnreadBody {
    body: BoxBody,
    _unread: Incoming,
}

impl MessageBody for UnreadBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(bytes_per_second_min: u32) -> Pace {
        Pace { wait: Duration::from_secs(20), bytes_per_second_min, received: 0, times: None }
    }

    #[test]
    fn the_first_byte_and_each_gap_have_the_same_bound() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut pace = pace(0);
        assert_eq!(pace.deadline(start), start + 20 * second);
        for after in [19, 38, 57] {
            pace.receive(1, start + after * second);
            assert_eq!(pace.deadline(start + after * second), start + (after + 20) * second);
        }
    }

    #[test]
    fn a_trickle_is_cut_and_a_large_body_over_a_slow_line_is_not() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut trickle = pace(500);
        trickle.deadline(start);
        for after in 1..=19 {
            trickle.receive(1, start + after * second);
        }
        assert_eq!(trickle.deadline(start + 19 * second), start + 20 * second);
        let mut slow = pace(500);
        slow.deadline(start);
        for after in 1..=3600 {
            slow.receive(600, start + after * second);
            assert!(slow.deadline(start + after * second) > start + (after + 1) * second, "after {after} s");
        }
    }
}
