//! Content lines of an iCalendar file (RFC 5545, 3.1). They are unfolded as bytes, because some writers fold inside a
//! character, and they keep their line numbers, which the crates that read calendars do not report.

use std::borrow::Cow;

/// A property of a component: `NAME;PARAMETER=value:text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Line where it begins, from 1.
    pub line: usize,
    /// Name in capitals.
    pub name: String,
    /// Parameters, with names in capitals.
    pub parameters: Vec<(String, String)>,
    /// Value as in the file, with its escapes.
    pub value: String,
}

impl Property {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(parameter, _)| parameter == name).map(|(_, value)| value.as_str())
    }

    /// Value as a text, without escapes.
    pub fn text(&self) -> String {
        unescape(&self.value)
    }

    /// Values of a comma-separated list, without escapes.
    pub fn texts(&self) -> Vec<String> {
        let mut texts = vec![String::new()];
        let mut is_escaped = false;
        for c in self.value.chars() {
            if c == ',' && !is_escaped {
                texts.push(String::new());
            } else if let Some(last) = texts.last_mut() {
                last.push(c);
            }
            is_escaped = c == '\\' && !is_escaped;
        }
        texts.iter().map(|text| unescape(text)).collect()
    }
}

fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('n' | 'N') => text.push('\n'),
                other => text.extend(other),
            },
            other => text.push(other),
        }
    }
    text
}

/// Properties of a file, in order; `Err` is the number of a line that is not a property.
pub fn properties(bytes: &[u8]) -> impl Iterator<Item = Result<Property, usize>> {
    let mut lines = bytes.split(|byte| *byte == b'\n').zip(1..).peekable();
    std::iter::from_fn(move || {
        loop {
            let (first, number) = lines.next()?;
            let mut unfolded = Cow::Borrowed(without_return(first));
            while let Some((continuation, _)) =
                lines.next_if(|(line, _)| line.starts_with(b" ") || line.starts_with(b"\t"))
            {
                unfolded.to_mut().extend_from_slice(without_return(continuation).get(1..).unwrap_or_default());
            }
            if !unfolded.trim_ascii().is_empty() {
                return Some(std::str::from_utf8(&unfolded).ok().and_then(|text| property(text, number)).ok_or(number));
            }
        }
    })
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn property(text: &str, line: usize) -> Option<Property> {
    let end = text.find([';', ':'])?;
    let (name, mut rest) = text.split_at_checked(end)?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let mut parameters = Vec::new();
    while let Some(parameter) = rest.strip_prefix(';') {
        let (name, value) = parameter.split_once('=')?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_at_checked(value.find([';', ':'])?)?,
        };
        parameters.push((name.to_ascii_uppercase(), value.to_owned()));
        // Further values of a parameter are not needed.
        rest = after.get(after.find([';', ':'])?..)?;
    }
    let value = rest.strip_prefix(':')?.to_owned();
    is_name.then(|| Property { line, name: name.to_ascii_uppercase(), parameters, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_unfolded_even_inside_a_character_and_keep_their_numbers() {
        let file = b"BEGIN:VCALENDAR\r\nSUMMARY;LANGUAGE=fr;X=\"a:b;c\":caf\xc3\r\n \xa9\\, \\\"x\\\"\\nY\n\n\tfolded\nCATEGORIES:a\\,b,c\nbad\n";
        let results: Vec<_> = properties(file).collect();
        let summary = results[1].as_ref().unwrap();
        assert_eq!(summary.text(), "café, \"x\"\nY");
        assert_eq!(summary.parameter("X"), Some("a:b;c"));
        assert_eq!((summary.line, summary.name.as_str()), (2, "SUMMARY"));
        assert_eq!(results[2].as_ref().map_err(|line| *line), Err(4).map(|(): ()| summary));
        assert_eq!(results[3].as_ref().unwrap().texts(), ["a,b", "c"]);
        assert_eq!(results[4], Err(7));
    }
}
