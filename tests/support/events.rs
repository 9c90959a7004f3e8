//! A client of server-sent events.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read},
};

use serde_json::Value;

use super::{App, app::TIMEOUT};

/// A received event.
#[derive(Debug, Clone)]
pub struct Event {
    pub name: String,
    pub data: Value,
    /// The last id that was sent up to this event.
    pub id: String,
}

/// An open stream of events.
pub struct Events {
    pub headers: BTreeMap<String, String>,
    /// The pause before a new connection, as the answer gives it.
    pub retry: Option<String>,
    lines: BufReader<Box<dyn Read + Send>>,
    last_id: String,
}

impl Events {
    /// Opens the events of a conference. `query` follows `/events`.
    pub fn open(app: &App, conference: &str, query: &str, headers: &[(&str, &str)]) -> Self {
        let url = format!("{}/api/v1/conferences/{conference}/programme/events{query}", app.url);
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build();
        let mut request = ureq::Agent::new_with_config(config).get(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.call().unwrap();
        let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let reader: Box<dyn Read + Send> = Box::new(response.into_body().into_reader());
        Self { headers, retry: None, lines: BufReader::new(reader), last_id: String::new() }
    }

    /// The next event; `None` at the end.
    pub fn next(&mut self) -> Option<Event> {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let line = line.strip_suffix('\n').expect("a whole line");
            match line.split_once(": ") {
                Some(("event", value)) => name = value.to_owned(),
                Some(("data", value)) => data.push_str(value),
                Some(("id", value)) => self.last_id = value.to_owned(),
                Some(("retry", value)) => self.retry = Some(value.to_owned()),
                _ if line.is_empty() && !data.is_empty() => {
                    let data = serde_json::from_str(&data).unwrap();
                    return Some(Event { name, data, id: self.last_id.clone() });
                }
                _ => assert!(line.is_empty() || line.starts_with(':'), "{line}"),
            }
        }
    }

    /// The next event, which must have this name.
    pub fn expect(&mut self, name: &str) -> Event {
        let event = self.next().unwrap_or_else(|| panic!("the answer ended before {name}"));
        assert_eq!(event.name, name, "{event:?}");
        event
    }
}
