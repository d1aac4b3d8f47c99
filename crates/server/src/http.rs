//! Small pieces that handlers share: a JSON body with a limit, and answers that no cache keeps.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Problem;

/// The largest request body that any route takes, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// How long a body may take to arrive: a request holds a place meanwhile.
const BODY_WAIT: Duration = Duration::from_secs(5);

/// A JSON body; what is wrong with it is a [`Problem`].
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "body.content_type",
                "请求需要 Content-Type: application/json。",
                "Send the header Content-Type: application/json.",
            ));
        }
        match tokio::time::timeout(BODY_WAIT, Bytes::from_request(request, state)).await {
            Ok(Ok(bytes)) => serde_json::from_slice(&bytes).map(Body).map_err(|e| wrong(&e)),
            Ok(Err(rejection)) => Err(unread(&rejection)),
            Err(_) => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "body.slow",
                "网络太慢，没有收到完整的内容，请重试。",
                "The body came too slowly; please retry.",
            )),
        }
    }
}

/// `application/json`, or a kind of it.
fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let kind = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    kind.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

/// The header `Idempotency-Key`: a request sent again with the same key is recorded once, also where
/// the first answer was lost on the way. Chosen by the client, 8 to 64 characters, new for each making.
#[derive(Clone, Debug, Default)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(given) = parts.headers.get("idempotency-key") else { return Ok(IdempotencyKey(None)) };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match given.to_str() {
            Ok(key) if (8..=64).contains(&key.len()) && key.chars().all(plain) => {
                Ok(IdempotencyKey(Some(key.to_owned())))
            }
            _ => Err(Problem::bad_request(
                "request.idempotency_key",
                "请求头 Idempotency-Key 应为 8 到 64 个字母、数字、- 或 _。",
                "The header Idempotency-Key takes 8 to 64 letters, digits, - or _.",
            )),
        }
    }
}

fn wrong(e: &serde_json::Error) -> Problem {
    if e.is_data() {
        // serde names the field and the expected type; a wrong value of a personal field could be quoted
        // in it, so none of it is kept.
        return Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "body.type",
            "提交的内容缺少必填项、含有未知项或类型不对，请对照接口文档 /api/docs。",
            "A member is missing, unknown or of the wrong type; compare with /api/docs.",
        );
    }
    Problem::bad_request("body.malformed", "提交的内容不是有效的 JSON。", "The body is not valid JSON.")
}

fn unread(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body.too_large",
            "提交的内容太大，请分几次提交。",
            "The body is too large. Send it in parts.",
        );
    }
    Problem::bad_request(
        "body.unreadable",
        "没有收到完整的内容，请重试。",
        "The body did not arrive whole; please retry.",
    )
}

/// A sentence that somebody wrote, without the spaces around it: 1 to `letters_max` letters.
pub fn sentence<'a>(field: &str, text: &'a str, letters_max: usize) -> Result<&'a str, Problem> {
    let text = text.trim();
    let plain = !text.chars().any(|c| c.is_control() && c != '\n');
    if plain && (1..=letters_max).contains(&text.chars().count()) {
        return Ok(text);
    }
    Err(Problem::field(
        field,
        "form.sentence",
        format!("请填写，不超过 {letters_max} 字。"),
        format!("Write 1 to {letters_max} letters here."),
    ))
}

/// A JSON answer that no cache may keep.
#[derive(Debug)]
pub struct Private<T>(pub T);

impl<T: Serialize> IntoResponse for Private<T> {
    fn into_response(self) -> Response {
        let mut out = Json(self.0).into_response();
        out.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        out
    }
}
