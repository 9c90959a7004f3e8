//! Mail preferences: people unsubscribe by one click in their mail client (RFC 8058), or on a page.

pub mod api;
