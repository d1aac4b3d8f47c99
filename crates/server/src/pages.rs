//! The pages of `web/`, built into the binary: hashed assets for ever, pages and the service
//! worker never from a cache.

use axum::Router;
use memory_serve::CacheControl;

/// Serves `web/dist`.
pub fn router() -> Router {
    memory_serve::load!()
        .index_file(Some("/index.html"))
        .add_alias("/checkpoint", "/checkpoint/index.html")
        .add_alias("/staff", "/staff/index.html")
        .html_cache_control(CacheControl::NoCache)
        .cache_control(CacheControl::NoCache)
        .into_router()
}
