//! Credentials of a request.

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev, http::header, web};

use super::token::{PlainToken, TokenUses};
use crate::http::middleware::RequestId;

/// The credentials of a request. Every handler that is not public takes them.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The token of `Authorization: Bearer` (RFC 6750).
    pub bearer: Option<PlainToken>,
    /// The token of a personal link (`?token=`).
    pub link_token: Option<String>,
    /// The request's id, for the audit trail.
    pub request_id: Option<String>,
    /// Records that a token was used.
    pub token_uses: TokenUses,
}

impl Credentials {
    /// Adds the token of a personal link.
    pub fn with_link(self, link_token: Option<String>) -> Self {
        Self { link_token, ..self }
    }

    /// The token of a personal link, from the query or the `Authorization` header.
    pub fn attendee_token(&self) -> Option<&str> {
        self.link_token.as_deref().or_else(|| self.bearer.as_ref().map(PlainToken::reveal))
    }
}

impl FromRequest for Credentials {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let bearer = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| PlainToken::new(token.trim()));
        let request_id = request.extensions().get::<RequestId>().map(|RequestId(id)| id.clone());
        let token_uses =
            request.app_data::<web::Data<TokenUses>>().map(|token_uses| (***token_uses).clone()).unwrap_or_default();
        std::future::ready(Ok(Self { bearer, link_token: None, request_id, token_uses }))
    }
}
