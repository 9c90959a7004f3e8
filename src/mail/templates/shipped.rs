//! The templates that ship: one for every kind of letter and language.

use crate::mail::letter::{LetterKind, MailLanguage};

macro_rules! letters {
    ($($language:literal: [$($kind:literal),+]),+ $(,)?) => {
        &[$($((concat!($language, "/", $kind), include_str!(concat!("../../../config/mail/", $language, "/", $kind, ".txt")))),+),+]
    };
}

/// The shipped template of every letter in every language.
pub const SHIPPED: &[(&str, &str)] = letters! {
    "en": [
        "received", "pending", "confirmed", "waitlisted", "offered", "lapsed", "promoted", "rejected",
        "expired", "cancelled", "revoked", "changed", "sessions", "link", "invitation", "delegation", "announcement",
        "reminder", "session_changed", "session_cancelled"
    ],
    "fr": [
        "received", "pending", "confirmed", "waitlisted", "offered", "lapsed", "promoted", "rejected",
        "expired", "cancelled", "revoked", "changed", "sessions", "link", "invitation", "delegation", "announcement",
        "reminder", "session_changed", "session_cancelled"
    ],
    "nl": [
        "received", "pending", "confirmed", "waitlisted", "offered", "lapsed", "promoted", "rejected",
        "expired", "cancelled", "revoked", "changed", "sessions", "link", "invitation", "delegation", "announcement",
        "reminder", "session_changed", "session_cancelled"
    ],
    "ar": [
        "received", "pending", "confirmed", "waitlisted", "offered", "lapsed", "promoted", "rejected",
        "expired", "cancelled", "revoked", "changed", "sessions", "link", "invitation", "delegation", "announcement",
        "reminder", "session_changed", "session_cancelled"
    ],
};

/// The source of a shipped letter.
pub fn shipped(kind: LetterKind, language: MailLanguage) -> Option<&'static str> {
    shipped_source(&format!("{language}/{kind}"))
}

/// The source of a shipped letter by its name, `<language>/<kind>`.
pub fn shipped_source(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, source)| *source)
}
