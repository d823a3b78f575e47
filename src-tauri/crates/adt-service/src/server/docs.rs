//! `/docs`: a page to try the data plane in the browser. It is made from `/openapi.json` and loads
//! nothing from elsewhere.

use super::gate::Door;
use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::routing::get;
use std::sync::Arc;

/// The page may run its own script and call this server, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn router() -> Router<Arc<Door>> {
    let html = include_str!("docs/page.html");
    Router::new()
        .route("/docs", asset("text/html; charset=utf-8", html))
        .route(
            "/docs/page.js",
            asset("text/javascript; charset=utf-8", include_str!("docs/page.js")),
        )
        .route("/docs/page.css", asset("text/css; charset=utf-8", include_str!("docs/page.css")))
}

fn asset(media_type: &'static str, text: &'static str) -> axum::routing::MethodRouter<Arc<Door>> {
    let headers: [(HeaderName, &str); 5] = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    get(move || async move { (headers, text) })
}
