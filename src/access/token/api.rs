//! `/api/v1/tokens`: for admins. A conference's admin sees and makes tokens of that conference, a server-wide one all.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    actions,
    model::{self, Token, TokenSource},
    store::Wanted,
    uses::TokenUses,
};
use crate::{
    access::{AccessError, Credentials, Role, authorise_within},
    clock,
    database::Database,
    faults::{self, Faults},
    http::{
        Problem, Query,
        extract::Body,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::TokenId,
    values::{Code, Count, Line, Moment, Switch},
};

/// Nobody keeps what is said of tokens.
const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// A token as it is asked for.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct TokenCreate {
    /// What it may do.
    pub role: Role,
    /// Its conference's slug; every conference, if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub conference: Option<Code>,
    /// What the history calls its bearer.
    pub label: Line<100>,
    /// When it ends: RFC 3339 with an offset, in the future. Without an end it lasts until it is revoked.
    #[deserr(default)]
    #[schema(required = false)]
    pub expires_at: Option<Moment>,
    /// When it ends, in days from now, 1 to 3650; instead of `expires_at`.
    #[deserr(default)]
    #[schema(required = false)]
    pub expires_in_days: Option<Count<1>>,
}

/// A token, of which no more than its beginning is shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    /// Its id.
    pub id: TokenId,
    /// Its beginning, to tell tokens apart.
    pub prefix: String,
    /// What it may do.
    pub role: Role,
    /// Its conference's slug; none: every conference.
    pub conference: Option<String>,
    /// What the history calls its bearer.
    pub label: String,
    /// Where it came from.
    pub source: TokenSource,
    /// When it was made.
    pub created_at: String,
    /// When it ends, if it does.
    pub expires_at: Option<String>,
    /// When it was last used, if it was. A process that is killed may forget the uses of its last ten seconds.
    pub last_used_at: Option<String>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<String>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            prefix: token.shown,
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
    /// The token in clear: this once, and never again.
    pub token: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub kept: TokenView,
}

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenList {
    /// The tokens, the latest first.
    pub data: Vec<TokenView>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// Which tokens are wanted.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TokenListQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Only those of the conference with this slug.
    #[deserr(default)]
    pub conference: Option<Code>,
    /// Only those of this role.
    #[deserr(default)]
    pub role: Option<Role>,
    /// `true`: those that are revoked, too.
    #[deserr(default)]
    pub revoked: Option<Switch>,
}

impl TokenListQuery {
    fn read(&self) -> Result<(Page, Wanted), Faults> {
        let page = Page::read(self.limit.as_deref(), self.cursor.as_deref())?;
        let wanted = Wanted {
            role: self.role,
            revoked: self.revoked == Some(Switch::On),
            before: page.key()?,
            limit: Some(page.rows()),
            ..Wanted::default()
        };
        Ok((page, wanted))
    }
}

/// Lists the tokens that the caller may see, the latest first.
///
/// No more than its beginning is shown of any.
#[utoipa::path(
    get, path = "/api/v1/tokens",
    tag = "access",
    params(TokenListQuery),
    responses((status = 200, description = "The tokens", body = TokenList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_tokens(
    request: HttpRequest,
    database: web::Data<Database>,
    uses: web::Data<TokenUses>,
    credentials: Credentials,
    query: Query<TokenListQuery>,
) -> Result<HttpResponse, Problem> {
    let (page, wanted) = query.0.read()?;
    let (_, reach) = database.read(move |tx| authorise_within(tx, &credentials, "list_tokens")).await?;
    uses.flush(&database).await?;
    let slug = query.0.conference;
    let mut found = database.read(move |tx| actions::list(tx, reach, slug.as_ref(), &wanted)).await?;
    let next = page.cut(&request, &mut found, |token| token.id.to_string());
    let data = found.into_iter().map(TokenView::from).collect();
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(TokenList { data, next: next.clone() });
    link_next(&mut response, next.as_deref());
    Ok(response)
}

/// Makes a token.
///
/// It is shown in this answer alone; the service keeps a digest of it. No `Idempotency-Key` is taken: an answer that
/// could be replayed would have to be kept.
#[utoipa::path(
    post, path = "/api/v1/tokens",
    tag = "access",
    request_body = TokenCreate,
    responses((status = 201, description = "The token", body = MadeToken), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_token(
    database: web::Data<Database>,
    credentials: Credentials,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let made = database
        .write("make a token", move |tx| {
            let caller = authorise_within(tx, &credentials, "create_token")?;
            let asked = faults::read::<TokenCreate>(body.0.clone())?;
            let expires_at = model::expiry(clock::now(), asked.expires_at, asked.expires_in_days)?;
            let (slug, label) = (asked.conference.as_ref(), asked.label.as_str());
            actions::create(tx, &caller, slug, asked.role, label, expires_at)
        })
        .await?;
    Ok(HttpResponse::Created()
        .insert_header(NO_STORE)
        .insert_header((header::LOCATION, format!("/api/v1/tokens/{}", made.token.id)))
        .json(MadeToken { token: made.plain.reveal().to_owned(), kept: made.token.into() }))
}

fn id_of(path: &str) -> Result<TokenId, AccessError> {
    path.parse().map_err(|_| AccessError::NotFound)
}

/// Reads what is kept of a token, revoked or not.
#[utoipa::path(
    get, path = "/api/v1/tokens/{id}",
    tag = "access",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 200, description = "The token", body = TokenView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_token(
    database: web::Data<Database>,
    uses: web::Data<TokenUses>,
    credentials: Credentials,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (_, reach) = database.read(move |tx| authorise_within(tx, &credentials, "read_token")).await?;
    let id = id_of(&path)?;
    uses.flush(&database).await?;
    let token = database.read(move |tx| actions::get(tx, reach, id)).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(TokenView::from(token)))
}

/// Revokes a token for good.
///
/// One that is revoked already stays as it is. The settings' token and the last server-wide admin token are refused.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}",
    tag = "access",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 204, description = "It is revoked"), AnyProblem),
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
            let caller = authorise_within(tx, &credentials, "revoke_token")?;
            actions::revoke(tx, &caller, id_of(&path)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
