//! Pages of a list: a limit, a cursor that nobody reads but the service, a link to the next page (RFC 8288).

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, http::header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::faults::{Fault, Faults};

/// How many without `?limit=`, and the most.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 200;

/// Which page was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many at most.
    pub limit: usize,
    /// The key of the last element of the page before.
    pub after: Option<String>,
}

impl Page {
    /// Reads `?limit=` and `?cursor=`.
    ///
    /// # Errors
    /// A limit that is no number from 1 to 200; a cursor that no page gave.
    pub fn read(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let number =
            limit.map_or(Some(LIMIT), |text| text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)));
        if number.is_none() {
            faults.0.push(Fault::at("?limit", "out_of_range", format!("must be 1 to {LIMIT_MAX}")));
        }
        let after =
            cursor.map(|text| URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()));
        if after == Some(None) {
            faults.0.push(invalid_cursor());
        }
        faults.or(Self { limit: number.unwrap_or(LIMIT), after: after.flatten() })
    }

    /// The key of the last element of the page before, where keys are not texts.
    ///
    /// # Errors
    /// A cursor that no page of this list gave.
    pub fn key<K: FromStr>(&self) -> Result<Option<K>, Faults> {
        self.after.as_deref().map(str::parse).transpose().map_err(|_| Faults(vec![invalid_cursor()]))
    }

    /// How many rows tell whether there is another page.
    pub fn rows(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX - 1) + 1
    }

    /// Cuts what was found (one more than the limit, where there is more) to the page. Answers the path of the next
    /// one.
    pub fn cut<T>(&self, request: &HttpRequest, found: &mut Vec<T>, key: impl Fn(&T) -> String) -> Option<String> {
        if found.len() <= self.limit {
            return None;
        }
        found.truncate(self.limit);
        Some(Self::link(request, &key(found.last()?)))
    }

    /// The path of the page that goes on after `key`.
    pub fn link(request: &HttpRequest, key: &str) -> String {
        let cursor = URL_SAFE_NO_PAD.encode(key);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
            if name != "cursor" {
                query.append_pair(&name, &value);
            }
        }
        query.append_pair("cursor", &cursor);
        format!("{}?{}", request.path(), query.finish())
    }
}

/// A cursor that no page gave.
pub fn invalid_cursor() -> Fault {
    Fault::at("?cursor", "invalid_cursor", "must come from the page before")
}

/// Says in a header, too, where the list goes on.
pub fn link_next(response: &mut HttpResponse, next: Option<&str>) {
    let link = next.and_then(|next| header::HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
}
