//! The languages that residents read.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
pub use kangma_core::rules::words::Lang;

/// Picks a language from the request's headers: the first of Accept-Language that we have.
pub trait FromHeaders {
    /// Chinese unless English is asked for first.
    fn of(headers: &HeaderMap) -> Lang;
}

impl FromHeaders for Lang {
    fn of(headers: &HeaderMap) -> Lang {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or("");
        for wanted in accepted.split(',').take(16) {
            let wanted = wanted.trim_start();
            if wanted.starts_with("en") {
                return Lang::En;
            }
            if wanted.starts_with("zh") {
                return Lang::Zh;
            }
        }
        Lang::Zh
    }
}

/// The request's language, for handlers.
#[derive(Debug, Clone, Copy)]
pub struct Wanted(pub Lang);

impl<S: Sync> FromRequestParts<S> for Wanted {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Wanted(Lang::of(&parts.headers)))
    }
}
