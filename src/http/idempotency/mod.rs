//! `Idempotency-Key` on requests that create (draft-ietf-httpapi-idempotency-key-header): the answer is stored in the
//! transaction that it is about. The same request sent again gets the same answer and changes nothing.
//!
//! Invariants:
//! - A key is inserted before anything else is written, under a unique constraint: of two requests at the same time the
//!   second waits for the first and gets its answer ([`once`]).
//! - A refusal is not stored: its transaction is rolled back together with the key.
//! - An answer with a secret is not stored: such routes do not accept a key.

mod store;

use std::time::Duration;

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, dev,
    http::{StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::{
    Problem,
    problem::{BAD_REQUEST, KEY_REUSED},
};
use crate::{
    clock,
    database::{Connection, Database, DatabaseError},
    ids::IdempotencyKeyId,
};

/// The longest key, in characters.
const KEY_LENGTH_MAX: usize = 255;

/// Hours for which an answer is stored.
const RETENTION_HOURS: i64 = 24;

/// The key of a request, and the request's route.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    key: Option<String>,
    route: String,
}

impl IdempotencyKey {
    /// Whether the request has a key.
    pub fn is_given(&self) -> bool {
        self.key.is_some()
    }
}

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        // A token in the query is a secret, and not part of what the request asks for.
        let parameters: Vec<&str> =
            request.query_string().split('&').filter(|pair| !pair.starts_with("token=")).collect();
        let route = format!("{} {}?{}", request.method(), request.path(), parameters.join("&"));
        // The draft puts the key in quotes (RFC 8941); most clients do not.
        let text = |value: &header::HeaderValue| value.to_str().unwrap_or_default().trim().trim_matches('"').to_owned();
        let key = request.headers().get("idempotency-key").map(text);
        let is_valid =
            |key: &String| (1..=KEY_LENGTH_MAX).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
        if key.as_ref().is_some_and(|key| !is_valid(key)) {
            let detail = format!("Idempotency-Key must be 1 to {KEY_LENGTH_MAX} visible characters");
            return std::future::ready(Err(Problem::new(&BAD_REQUEST).detail(detail)));
        }
        std::future::ready(Ok(Self { key, route }))
    }
}

impl IdempotencyKey {
    /// The key of a sender who is not known. Different people may choose the same key, such as `order-1`, so it is
    /// bound to the body: another body is another request, and nobody learns that the key was used.
    pub fn bound_to(self, body: &Value) -> Self {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(body.to_string()));
        Self { route: format!("{} {digest}", self.route), ..self }
    }
}

/// An answer that can be sent again.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAnswer {
    pub status: u16,
    pub location: Option<String>,
    pub etag: Option<String>,
    /// JSON, exactly as it was sent.
    pub body: String,
}

impl StoredAnswer {
    /// Builds an answer with this body.
    ///
    /// # Errors
    /// The body cannot be serialised as JSON.
    pub fn of(
        status: u16,
        location: Option<String>,
        etag: Option<String>,
        body: &impl Serialize,
    ) -> Result<Self, DatabaseError> {
        let body = serde_json::to_string(body).map_err(|error| DatabaseError::Corrupt(error.to_string()))?;
        Ok(Self { status, location, etag, body })
    }

    pub fn response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = HttpResponse::build(status);
        if let Some(location) = &self.location {
            response.insert_header((header::LOCATION, location.as_str()));
        }
        if let Some(etag) = &self.etag {
            response.insert_header((header::ETAG, etag.as_str()));
        }
        response.insert_header((header::CONTENT_TYPE, "application/json")).body(self.body.clone())
    }

    /// Parses the body.
    ///
    /// # Errors
    /// The body is not a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, DatabaseError> {
        serde_json::from_str(&self.body).map_err(|error| DatabaseError::unreadable("a stored answer", &error))
    }

    fn json(&self) -> Value {
        json!({ "location": self.location, "etag": self.etag, "body": self.body })
    }

    fn from_json(status: i32, value: &Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            status: u16::try_from(status).unwrap_or(200),
            location: text("location"),
            etag: text("etag"),
            body: text("body").unwrap_or_default(),
        }
    }
}

/// The key was used before with another request.
#[derive(Debug, thiserror::Error)]
#[error("the Idempotency-Key was used for another request")]
pub struct KeyReused;

impl From<KeyReused> for Problem {
    fn from(_: KeyReused) -> Self {
        Self::new(&KEY_REUSED)
    }
}

/// Does `work` once for the key, `actor` and `owner` (a conference's id); for the same request sent again, returns the
/// stored answer. Without a key, just does `work`.
///
/// # Errors
/// [`KeyReused`] if the key was used with another body; otherwise those of `work`.
pub fn once<E: From<KeyReused> + From<DatabaseError>>(
    connection: &mut Connection,
    key: &IdempotencyKey,
    owner: &str,
    actor: &str,
    body: &Value,
    work: impl FnOnce(&mut Connection) -> Result<StoredAnswer, E>,
) -> Result<StoredAnswer, E> {
    let Some(text) = &key.key else {
        return work(connection);
    };
    let scope = format!("{owner}|{actor}|{}", key.route);
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(body.to_string()));
    if store::insert_key(connection, &scope, text, &digest)? {
        let answer = work(connection)?;
        store::set_answer(connection, &scope, text, answer.status, answer.json())?;
        return Ok(answer);
    }
    match store::find(connection, &scope, text)? {
        Some((request_digest, status, answer)) if request_digest == digest => {
            Ok(StoredAnswer::from_json(status, &answer))
        }
        _ => Err(KeyReused.into()),
    }
}

/// Like [`once`], but stores only the name that `make` returns, and so neither personal data nor a secret. Returns the
/// name, also if the same request made it before.
///
/// # Errors
/// Those of [`once`].
pub fn make_once<E: From<KeyReused> + From<DatabaseError>>(
    connection: &mut Connection,
    key: &IdempotencyKey,
    owner: &str,
    actor: &str,
    body: &Value,
    make: impl FnOnce(&mut Connection) -> Result<String, E>,
) -> Result<String, E> {
    let answer =
        once(connection, key, owner, actor, body, |tx| Ok::<_, E>(StoredAnswer::of(201, None, None, &make(tx)?)?))?;
    Ok(answer.read()?)
}

/// Interval between runs that delete old answers.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Deletes old answers until `stop` turns true. Each run has its own transaction, so that no request waits for it.
pub async fn purge(database: Database, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = database.write("forget old answers", delete_expired).await {
            tracing::debug!(%error, "old answers cannot be forgotten now");
        }
        tokio::select! {
            () = tokio::time::sleep(PURGE_INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn delete_expired(connection: &mut Connection) -> Result<(), DatabaseError> {
    store::delete_older(connection, clock::now() - TimeDelta::hours(RETENTION_HOURS))
}

/// The ids of the stored answers for `owner`.
pub fn answer_ids(connection: &mut Connection, owner: &str) -> Result<Vec<IdempotencyKeyId>, DatabaseError> {
    store::ids(connection, owner)
}

/// Rewrites these answers, or with `dry_run` only finds out which ones: `redact` changes an answer and returns whether
/// it did. Returns the ids of the changed answers. The keys stay, so that no request is done twice.
pub fn rewrite(
    connection: &mut Connection,
    ids: &[IdempotencyKeyId],
    dry_run: bool,
    redact: impl Fn(&mut StoredAnswer) -> bool,
) -> Result<Vec<IdempotencyKeyId>, DatabaseError> {
    let mut rewritten = Vec::new();
    for id in ids {
        let Some((status, value)) = store::find_answer(connection, *id)? else { continue };
        let mut answer = StoredAnswer::from_json(status, &value);
        if redact(&mut answer) {
            if !dry_run {
                store::replace(connection, *id, answer.json())?;
            }
            rewritten.push(*id);
        }
    }
    Ok(rewritten)
}

/// Deletes every stored answer for `owner`.
pub fn delete_answers_of(connection: &mut Connection, owner: &str) -> Result<(), DatabaseError> {
    store::delete_answers_of(connection, owner)
}
