//! A store that is away, frozen, busy, read-only or back again.
