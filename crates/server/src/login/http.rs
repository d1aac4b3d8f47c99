//! Requests and answers of logging in.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use kangma_core::identity::Phone;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Purpose;
use crate::app::Shared;
use crate::auth::{self, DEVICE_COOKIE, TOKEN_COOKIE};
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::lang::Wanted;
use crate::limit::ClientAddress;

/// Which phone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRequest {
    /// A mainland number, or one with its country code.
    #[schema(example = "13900000001")]
    phone: String,
}

/// A code is on its way.
#[derive(Serialize, ToSchema)]
pub struct CodeSent {
    /// How long it counts, in seconds.
    expires_in_s: i64,
    /// When to offer another, in seconds.
    resend_in_s: u32,
    /// Where to read it, in demo mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    demo_outbox: Option<&'static str>,
}

/// Sends a one-time code to a phone. The answer is the same whether the phone is known or not.
#[utoipa::path(post, path = "/api/v1/login/codes", tag = "resident", request_body = CodeRequest,
    responses((status = 202, body = CodeSent), (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn send_code(
    State(app): State<Shared>,
    Wanted(lang): Wanted,
    from: ClientAddress,
    Body(ask): Body<CodeRequest>,
) -> Result<Response, Problem> {
    app.limits.codes.take(&from)?;
    let phone = Phone::parse(&ask.phone).map_err(|e| Problem::refused("phone", &e))?;
    super::send_code(&app, &phone, Purpose::Login, lang).await?;
    let demo_outbox = app.outbox.is_some().then_some("/demo/outbox");
    let sent = CodeSent { expires_in_s: super::CODE_S, resend_in_s: 60, demo_outbox };
    Ok((StatusCode::ACCEPTED, Private(sent)).into_response())
}

/// A phone and the code that it got.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// The same phone.
    #[schema(example = "13900000001")]
    phone: String,
    /// Six digits.
    #[schema(example = "000000")]
    code: String,
}

/// A resident's token; also set as a cookie.
#[derive(Serialize, ToSchema)]
pub struct Token {
    /// For `Authorization: Bearer …`.
    token: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
}

/// Logs in with a one-time code.
#[utoipa::path(post, path = "/api/v1/login", tag = "resident", request_body = LoginRequest,
    responses((status = 200, body = Token), (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn log_in(
    State(app): State<Shared>,
    from: ClientAddress,
    Body(ask): Body<LoginRequest>,
) -> Result<Response, Problem> {
    app.limits.tries.take(&from)?;
    let phone = Phone::parse(&ask.phone).map_err(|e| Problem::refused("phone", &e))?;
    let session = super::log_in(&app, &phone, ask.code.trim()).await?;
    let cookies = AppendHeaders([
        (header::SET_COOKIE, auth::set_cookie(&app, TOKEN_COOKIE, &session.token, auth::TOKEN_S)),
        (header::SET_COOKIE, auth::set_cookie(&app, DEVICE_COOKIE, &session.device, auth::DEVICE_S)),
    ]);
    Ok((cookies, Private(Token { token: session.token, expires_at: session.expires_at })).into_response())
}

/// Renews the token of a phone that is still logged in, by its device cookie.
#[utoipa::path(post, path = "/api/v1/login/renew", tag = "resident",
    responses((status = 200, body = Token), (status = 401, body = ProblemBody)))]
pub async fn renew(
    State(app): State<Shared>,
    from: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.limits.tries.take(&from)?;
    auth::own_page(&headers)?;
    let device = auth::cookie(&app, &headers, DEVICE_COOKIE).ok_or_else(Problem::unauthorised)?;
    let (token, expires_at) = super::renew(&app, device).await?;
    let cookie = [(header::SET_COOKIE, auth::set_cookie(&app, TOKEN_COOKIE, &token, auth::TOKEN_S))];
    Ok((cookie, Private(Token { token, expires_at })).into_response())
}

/// Ends this phone's log-in.
#[utoipa::path(post, path = "/api/v1/logout", tag = "resident", responses((status = 204)))]
pub async fn log_out(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    auth::own_page(&headers)?;
    if let Some(device) = auth::cookie(&app, &headers, DEVICE_COOKIE) {
        super::log_out(&app, device).await?;
    }
    let cookies = AppendHeaders([
        (header::SET_COOKIE, auth::set_cookie(&app, TOKEN_COOKIE, "", 0)),
        (header::SET_COOKIE, auth::set_cookie(&app, DEVICE_COOKIE, "", 0)),
    ]);
    Ok((StatusCode::NO_CONTENT, cookies).into_response())
}
