//! What people want no more of: by one click from their mail reader (RFC 8058), or on a page.

pub mod api;
