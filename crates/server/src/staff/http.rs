//! Requests and answers of staff logging in.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Officer;
use crate::app::Shared;
use crate::auth::{self, STAFF_COOKIE};
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::limit::ClientAddress;

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffLogin {
    /// Log-in name.
    #[schema(example = "reviewer")]
    name: String,
    /// Password.
    password: String,
}

/// A session; also set as a cookie.
#[derive(Serialize, ToSchema)]
pub struct StaffSession {
    /// For `Authorization: Bearer …`.
    token: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
    /// Log-in name.
    name: String,
}

/// Logs a member of staff in.
#[utoipa::path(post, path = "/api/v1/staff/login", tag = "staff", request_body = StaffLogin,
    responses((status = 200, body = StaffSession), (status = 401, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn log_in(
    State(app): State<Shared>,
    from: ClientAddress,
    Body(ask): Body<StaffLogin>,
) -> Result<Response, Problem> {
    app.limits.passwords.take(&from)?;
    let (token, expires_at) = super::log_in(&app, &ask.name, &ask.password).await?;
    let cookie = [(header::SET_COOKIE, auth::set_cookie(&app, STAFF_COOKIE, &token, auth::STAFF_S))];
    Ok((cookie, Private(StaffSession { token, expires_at, name: ask.name })).into_response())
}

/// Ends the session.
#[utoipa::path(post, path = "/api/v1/staff/logout", tag = "staff", responses((status = 204)))]
pub async fn log_out(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    auth::own_page(&headers)?;
    if let Some(token) = auth::cookie(&app, &headers, STAFF_COOKIE) {
        super::log_out(&app, token).await?;
    }
    let cookie = [(header::SET_COOKIE, auth::set_cookie(&app, STAFF_COOKIE, "", 0))];
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}

/// Who is asking, and what they may do.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// Log-in name.
    name: String,
    /// Name of their office.
    office: String,
    /// Identifier of the session, as the list of sessions has it.
    session: String,
    /// Roles that have not ended.
    grants: Vec<GrantItem>,
}

/// A role that somebody holds.
#[derive(Serialize, ToSchema)]
pub struct GrantItem {
    /// Its name.
    role: String,
    /// What it allows.
    permissions: Vec<&'static str>,
    /// Code of the division where; empty for the whole country.
    division: String,
    /// A place or enterprise that it is limited to.
    assignment: Option<String>,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Instant,
}

/// Says who is asking.
#[utoipa::path(get, path = "/api/v1/staff/me", tag = "staff",
    responses((status = 200, body = Me), (status = 401, body = ProblemBody)))]
pub async fn me(State(app): State<Shared>, officer: Officer) -> Result<Private<Me>, Problem> {
    let office = super::office_name(&app, officer.office).await?;
    let grants = officer.grants.into_iter().map(|g| GrantItem {
        role: g.role,
        permissions: g.permissions.iter().map(Permission::name).collect(),
        division: g.division,
        assignment: g.assignment,
        ends_at: g.ends_at,
    });
    let session = FactId(officer.session).to_string();
    Ok(Private(Me { name: officer.name, office, session, grants: grants.collect() }))
}
