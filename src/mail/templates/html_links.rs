//! The links in the HTML of a letter: which parts of a line are links, and how the letter's own links are called.

use serde::Serialize;

#[derive(Debug, Clone, Default)]
pub struct Links {
    /// The link to what the letter is about.
    pub link: String,
    /// The link to the mail preferences.
    pub preferences: String,
}

/// How the two links of a letter are called in its HTML, where nobody wants to see 150 characters of an address.
#[derive(Default)]
pub struct Labels {
    link: Option<String>,
    preferences: Option<String>,
}

/// How the lines of a template begin, below the subject, that give the labels.
const LABEL_OF_LINK: &str = "Button:";
const LABEL_OF_PREFERENCES: &str = "Stop:";

impl Labels {
    pub fn of(source: &str) -> Self {
        let label = |prefix: &str| {
            let mut lines = source.lines().skip(1).take_while(|line| !line.trim().is_empty());
            lines.find_map(|line| line.strip_prefix(prefix)).map(|label| label.trim().to_owned())
        };
        Self { link: label(LABEL_OF_LINK), preferences: label(LABEL_OF_PREFERENCES) }
    }

    pub fn or(self, other: &Self) -> Self {
        Self {
            link: self.link.or_else(|| other.link.clone()),
            preferences: self.preferences.or_else(|| other.preferences.clone()),
        }
    }
}

/// The text of a letter after the lines that give labels.
pub fn without_labels(text: &str) -> &str {
    let mut rest = text;
    while rest.starts_with(LABEL_OF_LINK) || rest.starts_with(LABEL_OF_PREFERENCES) {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest
}

/// A part of a line of the HTML: a text, or a link.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    text: String,
    href: Option<String>,
    is_button: bool,
}

/// The parts of a line. The letter's own links get their labels; other web addresses, for instance in a broadcast, are
/// links as they are.
pub fn parts_of(line: &str, links: &Links, labels: &Labels) -> Vec<Part> {
    let link = |label: Option<&str>, is_button: bool| {
        let text = label.unwrap_or(line).to_owned();
        vec![Part { text, href: Some(line.to_owned()), is_button: is_button && label.is_some() }]
    };
    if !line.is_empty() && line == links.link {
        return link(labels.link.as_deref(), true);
    }
    if !line.is_empty() && line == links.preferences {
        return link(labels.preferences.as_deref(), false);
    }
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some((before, address, after)) = next_web_address(rest) {
        parts.push(Part { text: before.to_owned(), href: None, is_button: false });
        parts.push(Part { text: address.to_owned(), href: Some(address.to_owned()), is_button: false });
        rest = after;
    }
    parts.push(Part { text: rest.to_owned(), href: None, is_button: false });
    parts.retain(|part| !part.text.is_empty());
    parts
}

/// The first `http` or `https` address of a text, with what is before and after it.
fn next_web_address(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let scheme = rest.find("http")?;
        let candidate = rest.get(scheme..)?;
        let end = candidate.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c));
        let address = candidate.get(..end.unwrap_or(candidate.len()))?;
        // A full stop or a bracket after an address belongs to the sentence.
        let address = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '’', '»', '”', ']', '}']);
        let has_open_bracket = address.contains('(');
        let address = if has_open_bracket { address } else { address.trim_end_matches(')') };
        let is_web = address.starts_with("http://") || address.starts_with("https://");
        if is_web && url::Url::parse(address).is_ok_and(|url| url.has_host()) {
            let start = from + scheme;
            return Some((text.get(..start)?, address, text.get(start + address.len()..)?));
        }
        from += scheme + "http".len();
    }
}
