//! The heartbeat of an open answer: a comment after each pause, by which the client and the proxies before it see that
//! the connection is alive.

use std::time::Duration;

use bytes::Bytes;

/// The longest time without an event or a comment.
pub const INTERVAL: Duration = Duration::from_secs(20);

/// A comment (WHATWG HTML, 9.2.6): clients ignore a line that begins with a colon.
pub const COMMENT: Bytes = Bytes::from_static(b": still here\n\n");
