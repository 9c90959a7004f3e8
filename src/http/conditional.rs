//! Conditional requests (RFC 9110, section 13): a strong `ETag` of the body, 304 for a client that has it, and the
//! preconditions of a write.

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, dev,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Problem;
use crate::clock;

/// A body, and the headers that caches need.
#[derive(Debug)]
pub struct Representation {
    pub body: Vec<u8>,
    pub content_type: &'static str,
    pub language: Option<String>,
    pub modified: Option<DateTime<Utc>>,
    pub cache_control: &'static str,
    pub vary: HeaderValue,
}

impl Representation {
    /// A JSON representation that only its reader's cache may store.
    ///
    /// # Errors
    /// The value cannot be serialised.
    pub fn private(value: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self {
            body: serde_json::to_vec(value).map_err(Problem::unexpected)?,
            content_type: "application/json",
            language: None,
            modified: None,
            cache_control: "private, no-cache",
            vary: HeaderValue::from_static("Authorization"),
        })
    }
}

/// The strong entity tag of these bytes.
pub fn entity_tag(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest[..18]))
}

/// The preconditions `If-Match` and `If-None-Match` of a write (RFC 9110, section 13.1).
#[derive(Debug, Clone, Default)]
pub struct Preconditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

impl Preconditions {
    /// Whether the preconditions are true for the state with this tag (`None`: there is none yet).
    pub fn are_met(&self, tag: Option<&str>) -> bool {
        let lists_tag = |list: &str| match tag {
            Some(tag) => list.split(',').map(str::trim).any(|listed| listed == "*" || listed == tag),
            None => false,
        };
        self.if_match.as_deref().is_none_or(lists_tag) && !self.if_none_match.as_deref().is_some_and(lists_tag)
    }
}

impl FromRequest for Preconditions {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        // A list may be spread over several headers (RFC 9110, section 5.3).
        let list = |name: header::HeaderName| {
            let values: Vec<_> = request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect();
            (!values.is_empty()).then(|| values.join(","))
        };
        let if_match = list(header::IF_MATCH);
        std::future::ready(Ok(Self { if_match, if_none_match: list(header::IF_NONE_MATCH) }))
    }
}

/// Answers a `GET`: 304 if the client has this body, else 200 with the body.
pub fn answer(request: &HttpRequest, representation: Representation) -> HttpResponse {
    let tag = entity_tag(&representation.body);
    let modified =
        representation.modified.map(LastModified::of).filter(|modified| modified.completed_second().is_some());
    let is_unchanged = is_fresh(request, &tag, modified.as_ref().and_then(LastModified::completed_second));
    let mut response = HttpResponse::build(if is_unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, representation.cache_control))
        .insert_header((header::VARY, representation.vary));
    if let Some(modified) = modified {
        response.insert_header((header::LAST_MODIFIED, modified.header));
    }
    if is_unchanged {
        return response.finish();
    }
    if let Some(language) = representation.language {
        response.insert_header((header::CONTENT_LANGUAGE, language));
    }
    response.insert_header((header::CONTENT_TYPE, representation.content_type)).body(representation.body)
}

/// `Last-Modified`: the time of a change, rounded up to a whole second (RFC 9110, section 8.8.2).
#[derive(Debug, Clone)]
pub struct LastModified {
    second: DateTime<Utc>,
    /// The value of the header (RFC 9110, section 5.6.7).
    pub header: HeaderValue,
}

impl LastModified {
    /// Rounds the time of the last change up to a second.
    pub fn of(changed: DateTime<Utc>) -> Self {
        let second = changed.trunc_subsecs(0);
        let second = if second == changed { second } else { second + TimeDelta::seconds(1) };
        let text = second.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        // The text has digits, letters and punctuation only.
        Self { second, header: HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")) }
    }

    /// The second, once it is over. Before, a second change might fall into the same second, and clients that use
    /// `If-Modified-Since` would miss it (RFC 9110, section 8.8.2.2).
    pub fn completed_second(&self) -> Option<DateTime<Utc>> {
        (self.second < clock::now()).then_some(self.second)
    }
}

/// `If-None-Match` decides alone if it is sent; otherwise `If-Modified-Since`.
pub fn is_fresh(request: &HttpRequest, tag: &str, modified: Option<DateTime<Utc>>) -> bool {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(list) = header(header::IF_NONE_MATCH) {
        return list.split(',').map(str::trim).any(|listed| listed == "*" || listed.trim_start_matches("W/") == tag);
    }
    let since = header(header::IF_MODIFIED_SINCE).and_then(|text| DateTime::parse_from_rfc2822(text).ok());
    matches!((since, modified), (Some(since), Some(modified)) if modified <= since.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_a_date_once_its_second_is_over_and_the_date_is_after_it() {
        let change: DateTime<Utc> = "2030-05-01T09:00:00.3Z".parse().unwrap();
        assert_eq!(LastModified::of(change).completed_second(), None, "its second is still to come");
        let past: DateTime<Utc> = "2014-05-01T09:00:00.3Z".parse().unwrap();
        assert_eq!(LastModified::of(past).header, "Thu, 01 May 2014 09:00:01 GMT");
        assert!(LastModified::of(past).completed_second().is_some());
        assert_eq!(LastModified::of(clock::now()).completed_second(), None);
    }
}
