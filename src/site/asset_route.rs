//! The route of the static files.

use actix_web::{HttpRequest, HttpResponse, get, http::header, web};

use super::service::Site;
use crate::{
    http::{Problem, problem::NOT_FOUND},
    programme::documents::Coding,
};

/// Serves a static file.
#[get("/assets/{name}")]
pub async fn asset(
    request: HttpRequest,
    site: web::Data<Site>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let file = site.assets.files.get(name.as_str()).ok_or_else(|| Problem::new(&NOT_FOUND))?;
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let coding = Coding::choose(accepted);
    let compressed = file.compressed.iter().find(|(available, _)| Some(*available) == coding);
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, file.content_type))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::VARY, "Accept-Encoding"));
    if let Some((coding, _)) = compressed {
        response.insert_header((header::CONTENT_ENCODING, coding.as_str()));
    }
    Ok(response.body(compressed.map_or(&file.bytes, |(_, bytes)| bytes).clone()))
}
