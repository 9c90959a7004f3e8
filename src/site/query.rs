//! Query parameters of the pages.

use actix_web::HttpRequest;

/// The parameters of a query, in order.
pub fn query_pairs(request: &HttpRequest) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect()
}

/// The last value of a parameter, if it is not empty.
pub fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    query_pairs(request).into_iter().rfind(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
}

/// The query parameters of pages; others are ignored.
const PAGE_PARAMETERS: [&str; 14] = [
    "day",
    "track",
    "room",
    "kind",
    "speaker",
    "view",
    "session",
    "search",
    "country",
    "sort",
    "category",
    "invitation",
    "token",
    "replace",
];

/// The known parameters of the query but one, as a query without its question mark.
pub fn query_without(request: &HttpRequest, left_out: &str) -> String {
    let is_known = |(key, value): &(String, String)| {
        PAGE_PARAMETERS.contains(&key.as_str()) && key != left_out && !value.is_empty()
    };
    let parameters = query_pairs(request).into_iter().filter(is_known);
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters.take(500)).finish()
}

/// The known parameters of the query, as a query.
pub fn known_query(request: &HttpRequest) -> String {
    let query = query_without(request, "");
    if query.is_empty() { query } else { format!("?{query}") }
}
