//! The lines of an iCalendar stream (RFC 5545, 3.1). The bytes depend only on the values.
//!
//! The `icalendar` crate, which the letters use, does not guarantee this: it adds the current time where a stamp is
//! missing. It also writes control characters and a CR alone unchanged, escapes the commas between categories, and
//! needs quadratic time to fold a long description.

use chrono::{DateTime, Utc};

/// The longest line, in octets, without the line break.
const OCTETS_MAX: usize = 75;

/// An iCalendar stream that is being written.
#[derive(Debug, Default)]
pub struct Lines(String);

impl Lines {
    /// A property whose value is written unchanged: a keyword, a number, a URI, a list of escaped texts.
    pub fn raw(&mut self, name: &str, value: &str) {
        let line: String = name.chars().chain([':']).chain(value.chars()).filter(|c| !c.is_control()).collect();
        let mut octets = 0;
        for c in line.chars() {
            if octets + c.len_utf8() > OCTETS_MAX {
                self.0.push_str("\r\n ");
                octets = 1;
            }
            self.0.push(c);
            octets += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }

    /// A property whose value is a text, which is escaped.
    pub fn text(&mut self, name: &str, value: &str) {
        self.raw(name, &escaped(value));
    }

    /// A property whose value is an instant, in UTC. Times with the name of a time zone are wrong by an hour if a
    /// reader does not know the zone, has other rules for it or ignores the name; and calendars show times in the zone
    /// of their owner anyway.
    pub fn instant(&mut self, name: &str, value: DateTime<Utc>) {
        self.raw(name, &value.format("%Y%m%dT%H%M%SZ").to_string());
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

/// A text, escaped as a value or as one value of a list (RFC 5545, 3.3.11).
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' | '\r' => escaped.push_str("\\n"),
            '\t' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: &str) -> String {
        let mut lines = Lines::default();
        lines.text("SUMMARY", value);
        String::from_utf8(lines.into_bytes()).unwrap()
    }

    #[test]
    fn a_text_is_escaped_and_rid_of_control_characters() {
        assert_eq!(text("a;b,c\\d\r\ne\rf\tg\u{0}\u{7f}\u{85}h"), "SUMMARY:a\\;b\\,c\\\\d\\ne\\nf gh\r\n");
    }

    proptest! {
        #[test]
        fn a_folded_line_is_short_and_unfolds_to_what_it_was(value in "[a-zé🕊 ;]{0,300}") {
            let folded = text(&value);
            prop_assert!(folded.ends_with("\r\n"));
            prop_assert!(folded.lines().all(|line| line.len() <= OCTETS_MAX));
            let unfolded = folded.replace("\r\n ", "");
            prop_assert_eq!(unfolded, format!("SUMMARY:{}\r\n", escaped(&value)));
        }
    }
}
