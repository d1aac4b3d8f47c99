//! Headers that keep pages to themselves.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

/// Of every page of ours.
pub const CSP: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
    connect-src 'self'; manifest-src 'self'; worker-src 'self'; media-src 'self' blob:; font-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";
/// Of the API's own pages.
pub const CSP_DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The console's library of controls writes its styles as it draws; scripts stay our own files.
const CSP_CONSOLE: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
    connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Around the pages.
pub async fn secure(request: Request, next: Next) -> Response {
    let csp = if request.uri().path() == "/staff" { CSP_CONSOLE } else { CSP };
    secured(next.run(request).await, csp)
}

/// Adds the headers that keep pages to themselves.
pub fn secured(mut response: Response, csp: &'static str) -> Response {
    let headers = response.headers_mut();
    let set = |headers: &mut axum::http::HeaderMap, name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::REFERRER_POLICY, "no-referrer");
    let is_html = headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"text/html"));
    if is_html {
        set(headers, header::CONTENT_SECURITY_POLICY, csp);
        set(
            headers,
            HeaderName::from_static("permissions-policy"),
            "camera=(self), geolocation=(), microphone=()",
        );
        set(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    }
    if response.status() == StatusCode::NOT_FOUND {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
