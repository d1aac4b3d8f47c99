//! The pages of `web/`, built into the binary: hashed assets for ever, pages and the service
//! worker never from a cache.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use memory_serve::CacheControl;

use crate::app::Shared;
use crate::watch;

/// Serves `web/dist`.
pub fn router(app: Shared) -> Router {
    memory_serve::load!()
        .index_file(Some("/index.html"))
        .add_alias("/checkpoint", "/checkpoint/index.html")
        .add_alias("/collect", "/collector/index.html")
        .add_alias("/staff", "/console/index.html")
        .html_cache_control(CacheControl::NoCache)
        .cache_control(CacheControl::NoCache)
        .into_router()
        .layer(from_fn(keep_assets))
        .layer(from_fn_with_state(app, watch::page))
}

/// What lies under /assets/ is named by its content: a phone asks for it once.
async fn keep_assets(request: Request, next: Next) -> Response {
    let asset = request.uri().path().starts_with("/assets/");
    let mut response = next.run(request).await;
    if asset && response.status().is_success() {
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, forever);
    }
    response
}
