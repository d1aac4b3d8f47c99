//! The languages that residents read.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
pub use kangma_core::rules::tongue::Tongue;
pub use kangma_core::rules::words::Lang;

/// Picks a language from the request's headers, by the weights of Accept-Language.
pub trait FromHeaders {
    /// Chinese unless English is asked for first.
    fn of(headers: &HeaderMap) -> Self;
}

impl FromHeaders for Tongue {
    fn of(headers: &HeaderMap) -> Tongue {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or("");
        Tongue::asked(accepted)
    }
}

impl FromHeaders for Lang {
    fn of(headers: &HeaderMap) -> Lang {
        Tongue::of(headers).ours
    }
}

/// Chinese or English, for handlers that say nothing in the words of a pack, or say it to officers.
#[derive(Debug, Clone, Copy)]
pub struct Wanted(pub Lang);

impl<S: Sync> FromRequestParts<S> for Wanted {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Wanted(Lang::of(&parts.headers)))
    }
}

/// What a resident reads, for handlers that speak in the words of a pack: in each pack the best of it
/// that the pack ships.
#[derive(Debug, Clone, Copy)]
pub struct Reads(pub Tongue);

impl<S: Sync> FromRequestParts<S> for Reads {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Reads(Tongue::of(&parts.headers)))
    }
}
