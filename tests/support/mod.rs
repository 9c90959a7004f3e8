//! A running service of a test's own, and what a test does with it.

pub mod app;
pub mod contract;
pub mod events;
pub mod fixtures;
pub mod http;
pub mod modules;
pub mod proxy;
pub mod scripted;
pub mod smtp;
pub mod store;
pub mod xml;

pub use app::App;
pub use http::Answer;
pub use store::Store;

/// Makes a test of each store out of one body: `name::sqlite` and `name::postgres`. Without a server the second says
/// that it was skipped, and fails where `CI` is set.
macro_rules! on_both_stores {
    ($($(#[$doc:meta])* fn $name:ident($store:ident) $body:block)+) => {
        $($(#[$doc])*
        mod $name {
            use super::*;
            fn body($store: $crate::support::Store) $body
            #[test]
            fn sqlite() {
                body($crate::support::Store::Sqlite);
            }
            #[test]
            fn postgres() {
                if $crate::support::store::postgres_is_there() {
                    body($crate::support::Store::Postgres);
                }
            }
        })+
    };
}
pub(crate) use on_both_stores;

/// Says that a test was skipped, past the capture of test output; where `CI` is set nothing may be skipped.
pub fn skipped(what: &str) {
    use std::io::Write as _;
    if std::env::var_os("CI").is_some() {
        panic!("{what}");
    }
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}

/// How much of something long a test does: a bounded part, or `whole` where `PLENARY_TEST_LONG` is set, as `.ci/long` does.
pub fn at_length(bounded: usize, whole: usize) -> usize {
    if std::env::var_os("PLENARY_TEST_LONG").is_some() { whole } else { bounded }
}
