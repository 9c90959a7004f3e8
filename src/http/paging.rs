//! Pages of a list: a limit, an opaque cursor, and a link to the next page (RFC 8288).

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, http::header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::NO_STORE;
use crate::validation::{ValidationError, ValidationErrors};

/// The default and the maximum of `?limit=`.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// The requested page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Maximum number of elements.
    pub limit: usize,
    /// The key of the last element of the page before.
    pub after: Option<String>,
}

impl Page {
    /// Parses `?limit=` and `?cursor=`.
    ///
    /// # Errors
    /// The limit is not a number from 1 to 200; the cursor does not come from a page.
    pub fn read(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, ValidationErrors> {
        let mut errors = ValidationErrors::default();
        let parsed_limit =
            limit.map_or(Some(LIMIT_DEFAULT), |text| text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)));
        if parsed_limit.is_none() {
            errors.0.push(ValidationError::at("?limit", "out_of_range", format!("must be 1 to {LIMIT_MAX}")));
        }
        let after =
            cursor.map(|text| URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()));
        if after == Some(None) {
            errors.0.push(invalid_cursor());
        }
        errors.into_result(Self { limit: parsed_limit.unwrap_or(LIMIT_DEFAULT), after: after.flatten() })
    }

    /// Parses the key of the last element of the page before, for lists whose keys are not texts.
    ///
    /// # Errors
    /// The cursor does not come from a page of this list.
    pub fn key<K: FromStr>(&self) -> Result<Option<K>, ValidationErrors> {
        self.after.as_deref().map(str::parse).transpose().map_err(|_| ValidationErrors(vec![invalid_cursor()]))
    }

    /// Number of rows to load: one more than the limit, which shows whether there is a next page.
    pub fn rows(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX - 1) + 1
    }

    /// Cuts the loaded rows (one more than the limit if there are more) to the page. Returns the path and query of the
    /// next page.
    pub fn cut<T>(&self, request: &HttpRequest, rows: &mut Vec<T>, key: impl Fn(&T) -> String) -> Option<String> {
        if rows.len() <= self.limit {
            return None;
        }
        rows.truncate(self.limit);
        Some(Self::link(request, &key(rows.last()?)))
    }

    /// Answers the loaded rows as a page of personal data, with the link to the next page. `list` makes the body of the
    /// rows and of the path and query of the next page.
    pub fn answer<T, L: Serialize>(
        &self,
        request: &HttpRequest,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> String,
        list: impl FnOnce(Vec<T>, Option<String>) -> L,
    ) -> HttpResponse {
        let next = self.cut(request, &mut rows, key);
        let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(list(rows, next.clone()));
        link_next(&mut response, next.as_deref());
        response
    }

    /// Path and query of the page after `key`.
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

/// The cursor does not come from a page.
pub fn invalid_cursor() -> ValidationError {
    ValidationError::at("?cursor", "invalid_cursor", "must come from the page before")
}

/// Adds the `Link` header to the next page (RFC 8288).
pub fn link_next(response: &mut HttpResponse, next: Option<&str>) {
    let link = next.and_then(|next| header::HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
}
