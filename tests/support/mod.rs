//! Support of the tests: a service for each test, its store, clients and fakes.

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

/// Makes a test for each store from one body: `name::sqlite` and `name::postgres`. Without a server the second says
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
                if $crate::support::store::postgres_is_available() {
                    body($crate::support::Store::Postgres);
                }
            }
        })+
    };
}
pub(crate) use on_both_stores;

/// Says that a test was skipped, past the capture of test output; where `CI` is set nothing may be skipped.
pub fn report_skipped(what: &str) {
    use std::io::Write as _;
    if std::env::var_os("CI").is_some() {
        panic!("{what}");
    }
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}

/// How often a test repeats something: `short`, or `long` if `PLENARY_TEST_LONG` is set, as `.ci/long` does.
pub fn repetitions(short: usize, long: usize) -> usize {
    if std::env::var_os("PLENARY_TEST_LONG").is_some() { long } else { short }
}
