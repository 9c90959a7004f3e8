//! `/api/v1/tokens`, for admins. A conference's admin sees and creates tokens of that conference, a server-wide admin
//! all.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    actions,
    model::{self, Token, TokenSource},
    store::TokenFilter,
    uses::TokenUses,
};
use crate::{
    access::{AccessError, Credentials, Operation, Role, authorise_within},
    clock,
    database::Database,
    http::{Problem, Query, extract::RawJson, paging::Page, problem::AnyProblem},
    ids::TokenId,
    validation::{self, ValidationErrors},
    values::{Code, Count, Line, LocalOrInstant, Switch},
};

/// Answers about tokens must not be cached.
const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// A token to be created.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct TokenCreate {
    /// Role of the token.
    pub role: Role,
    /// Slug of the token's conference; every conference if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub conference: Option<Code>,
    /// Name of the token's bearer, as the audit trail shows it; at most 100 characters.
    pub label: Line<100>,
    /// Time at which the token expires: RFC 3339 with an offset, in the future. If neither this nor `expires_in_days`
    /// is given, the token is valid until it is revoked.
    #[deserr(default)]
    #[schema(required = false)]
    pub expires_at: Option<LocalOrInstant>,
    /// Days from now after which the token expires, 1 to 3650; excludes `expires_at`.
    #[deserr(default)]
    #[schema(required = false)]
    pub expires_in_days: Option<Count<1>>,
}

/// A token; only its first characters are shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    /// Id of the token.
    pub id: TokenId,
    /// First 12 characters of the token, to tell tokens apart.
    pub prefix: String,
    /// Role of the token.
    pub role: Role,
    /// Slug of the token's conference; null if the token is valid for every conference.
    pub conference: Option<String>,
    /// Name of the token's bearer, as the audit trail shows it.
    pub label: String,
    /// Where the token came from: `made` by the service (at its first start, on the command line or by the API), or
    /// `settings` (the setting `admin_token`).
    pub source: TokenSource,
    /// Time of creation (RFC 3339, UTC).
    pub created_at: String,
    /// Time at which the token expires (RFC 3339, UTC); null if it is valid until it is revoked.
    pub expires_at: Option<String>,
    /// Time of the last use (RFC 3339, UTC); null if the token was never used. If the service is killed, uses of its
    /// last ten seconds may be missing.
    pub last_used_at: Option<String>,
    /// Time of the revocation (RFC 3339, UTC); null if the token is not revoked.
    pub revoked_at: Option<String>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            prefix: token.prefix,
            role: token.role,
            conference: token.conference,
            label: token.label,
            source: token.source,
            created_at: clock::wire(token.created_at),
            expires_at: token.expires_at.map(clock::wire),
            last_used_at: token.last_used_at.map(clock::wire),
            revoked_at: token.revoked_at.map(clock::wire),
        }
    }
}

/// A new token.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeToken {
    /// The token in clear. It is returned only here and cannot be read again.
    pub token: String,
    /// The stored data of the token.
    #[serde(flatten)]
    pub stored: TokenView,
}

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenList {
    /// The tokens, latest first.
    pub data: Vec<TokenView>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// Filter of the list of tokens.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TokenListQuery {
    /// Maximum number of tokens in a page: 1 to 200, default 50.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor of the page, taken from `next` of the page before.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Only tokens of the conference with this slug.
    #[deserr(default)]
    pub conference: Option<Code>,
    /// Only tokens of this role.
    #[deserr(default)]
    pub role: Option<Role>,
    /// `true` to include revoked tokens.
    #[deserr(default)]
    pub revoked: Option<Switch>,
}

impl TokenListQuery {
    fn read(&self) -> Result<(Page, TokenFilter), ValidationErrors> {
        let page = Page::read(self.limit.as_deref(), self.cursor.as_deref())?;
        let filter = TokenFilter {
            role: self.role,
            revoked: self.revoked == Some(Switch::On),
            before: page.key()?,
            limit: Some(page.rows()),
            ..TokenFilter::default()
        };
        Ok((page, filter))
    }
}

/// Lists the tokens that the caller may see, latest first.
///
/// Only the first characters of each token are shown.
#[utoipa::path(
    get, path = "/api/v1/tokens",
    tag = "access",
    params(TokenListQuery),
    responses((status = 200, description = "A page of tokens", body = TokenList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_tokens(
    request: HttpRequest,
    database: web::Data<Database>,
    token_uses: web::Data<TokenUses>,
    credentials: Credentials,
    query: Query<TokenListQuery>,
) -> Result<HttpResponse, Problem> {
    let (page, filter) = query.0.read()?;
    let caller = database.read(move |tx| authorise_within(tx, &credentials, Operation::ListTokens)).await?;
    token_uses.flush(&database).await?;
    let slug = query.0.conference;
    let tokens = database.read(move |tx| actions::list(tx, caller.scope, slug.as_ref(), &filter)).await?;
    let list = |tokens: Vec<_>, next| TokenList { data: tokens.into_iter().map(TokenView::from).collect(), next };
    Ok(page.answer(&request, tokens, |token| token.id.to_string(), list))
}

/// Creates a token.
///
/// The token is shown in this answer only; the service stores a digest of it. The header `Idempotency-Key` is not
/// supported, because an answer that can be repeated would have to be stored.
#[utoipa::path(
    post, path = "/api/v1/tokens",
    tag = "access",
    request_body = TokenCreate,
    responses((status = 201, description = "The new token", body = MadeToken), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_token(
    database: web::Data<Database>,
    credentials: Credentials,
    body: RawJson,
) -> Result<HttpResponse, Problem> {
    let created = database
        .write("make a token", move |tx| {
            let caller = authorise_within(tx, &credentials, Operation::CreateToken)?;
            let create = validation::read::<TokenCreate>(body.0.clone())?;
            let expires_at = model::expiry(clock::now(), create.expires_at, create.expires_in_days)?;
            let (slug, label) = (create.conference.as_ref(), create.label.as_str());
            actions::create(tx, &caller, slug, create.role, label, expires_at)
        })
        .await?;
    Ok(HttpResponse::Created()
        .insert_header(NO_STORE)
        .insert_header((header::LOCATION, format!("/api/v1/tokens/{}", created.token.id)))
        .json(MadeToken { token: created.plain.reveal().to_owned(), stored: created.token.into() }))
}

fn parse_id(path: &str) -> Result<TokenId, AccessError> {
    path.parse().map_err(|_| AccessError::NotFound)
}

/// Returns the stored data of a token, whether it is revoked or not.
#[utoipa::path(
    get, path = "/api/v1/tokens/{id}",
    tag = "access",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 200, description = "The token", body = TokenView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_token(
    database: web::Data<Database>,
    token_uses: web::Data<TokenUses>,
    credentials: Credentials,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = database.read(move |tx| authorise_within(tx, &credentials, Operation::ReadToken)).await?;
    let id = parse_id(&path)?;
    token_uses.flush(&database).await?;
    let token = database.read(move |tx| actions::get(tx, caller.scope, id)).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(TokenView::from(token)))
}

/// Revokes a token permanently.
///
/// Does nothing if the token is already revoked. The token of the settings and the last server-wide admin token cannot
/// be revoked.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}",
    tag = "access",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 204, description = "The token is revoked"), AnyProblem),
    security(("bearer" = []))
)]
pub async fn revoke_token(
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let path = path.into_inner();
    database
        .write("revoke a token", move |tx| {
            let caller = authorise_within(tx, &credentials, Operation::RevokeToken)?;
            actions::revoke(tx, &caller, parse_id(&path)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
