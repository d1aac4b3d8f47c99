//! Requests and answers of staff logging in.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Officer, Place, second};
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
    /// Six digits of the authenticator, where the account has a second factor.
    #[serde(default)]
    code: Option<String>,
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
    place: Place,
    Body(ask): Body<StaffLogin>,
) -> Result<Response, Problem> {
    app.limits.passwords.take(&from)?;
    let (token, expires_at) =
        super::log_in(&app, &ask.name, &ask.password, ask.code.as_deref(), &place).await?;
    Ok(with_cookie(&app, token, expires_at, ask.name))
}

fn with_cookie(app: &Shared, token: String, expires_at: Instant, name: String) -> Response {
    let cookie = [(header::SET_COOKIE, auth::set_cookie(app, STAFF_COOKIE, &token, auth::STAFF_S))];
    (cookie, Private(StaffSession { token, expires_at, name })).into_response()
}

/// Ends the session.
#[utoipa::path(post, path = "/api/v1/staff/logout", tag = "staff", responses((status = 204)))]
pub async fn log_out(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    auth::own_page(&headers)?;
    let session =
        auth::cookie(&app, &headers, STAFF_COOKIE).and_then(|token| super::session_key(&app, token));
    if let Some(session) = session {
        app.operators.forget(&session);
        super::log_out(&app, &session).await?;
    }
    let cookie = [(header::SET_COOKIE, auth::set_cookie(&app, STAFF_COOKIE, "", 0))];
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}

/// Who is asking, and what they may do.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffMe)]
pub struct Me {
    /// Log-in name.
    name: String,
    /// Name of their office.
    office: String,
    /// Identifier of the session, as the list of sessions has it.
    session: String,
    /// Whether logging in asks for a second factor.
    second_factor: bool,
    /// Roles that have not ended.
    grants: Vec<GrantItem>,
    /// What one should know: log-ins that failed, sessions that were used from two places; of thirty days.
    notices: Vec<Notice>,
}

/// Something that happened to an account within ten minutes.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountNotice)]
pub struct Notice {
    /// `wrong_password`, `used_elsewhere` or `guessing`.
    kind: &'static str,
    /// Start of the ten minutes.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// How often.
    count: i64,
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
    let notices = super::told(&app, &officer.name).await?;
    let notices = notices.into_iter().map(|(event, at, count)| Notice { kind: event.name(), at, count });
    let notices = notices.collect();
    let second_factor = super::has_second_factor(&app, &officer.name).await?;
    Ok(Private(Me { name: officer.name, office, session, second_factor, grants: grants.collect(), notices }))
}

/// Sessions.
#[derive(Serialize, ToSchema)]
pub struct Sessions {
    /// The newest first: those that live, and those that ended because they were used from two places, until
    /// their time is over.
    items: Vec<SessionItem>,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub struct SessionItem {
    /// Identifier, for ending it.
    id: String,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Instant,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Instant,
    /// What the browser calls itself.
    browser: String,
    /// Whether it is the one that asks.
    own: bool,
    /// Whether it was used from two places, and opens nothing any more.
    elsewhere: bool,
}

/// Lists one's sessions: the one that asks, then the latest first.
#[utoipa::path(get, path = "/api/v1/staff/sessions", tag = "staff",
    responses((status = 200, body = Sessions), (status = 401, body = ProblemBody)))]
pub async fn sessions(State(app): State<Shared>, officer: Officer) -> Result<Private<Sessions>, Problem> {
    let all = super::sessions(&app, &officer.name).await?;
    let item = |s: super::SessionOf| SessionItem {
        own: s.id == officer.session,
        id: FactId(s.id).to_string(),
        opened_at: s.opened_at,
        ends_at: s.ends_at,
        browser: s.browser,
        elsewhere: s.elsewhere,
    };
    let mut items: Vec<SessionItem> = all.into_iter().map(item).collect();
    items.sort_by_key(|s| !s.own);
    Ok(Private(Sessions { items }))
}

/// Ends one of one's sessions.
#[utoipa::path(delete, path = "/api/v1/staff/sessions/{id}", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn end_session(
    State(app): State<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = FactId::parse(&id).ok_or_else(Problem::not_found)?;
    super::end_one(&app, &officer.name, id.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The old password and a new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The present one.
    old: String,
    /// 12 to 128 characters.
    new: String,
}

/// Gives oneself a new password. All sessions end, and a new one begins.
#[utoipa::path(post, path = "/api/v1/staff/password", tag = "staff", request_body = PasswordChange,
    responses((status = 200, body = StaffSession), (status = 401, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn change_password(
    State(app): State<Shared>,
    officer: Officer,
    from: ClientAddress,
    place: Place,
    Body(ask): Body<PasswordChange>,
) -> Result<Response, Problem> {
    app.limits.passwords.take(&from)?;
    let (token, expires_at) = super::change_password(&app, &officer, &ask.old, &ask.new, &place).await?;
    Ok(with_cookie(&app, token, expires_at, officer.name))
}

/// A new second factor.
#[derive(Serialize, ToSchema)]
pub struct Enrolment {
    /// `otpauth://…`, for an authenticator app, as a QR code or typed; shown this once.
    otpauth: String,
}

/// A code of the authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondCode {
    /// Six digits.
    code: String,
}

/// Begins a second factor. It counts once a code of it was right.
#[utoipa::path(post, path = "/api/v1/staff/second-factor", tag = "staff",
    responses((status = 200, body = Enrolment), (status = 401, body = ProblemBody), (status = 409, body = ProblemBody)))]
pub async fn enrol(State(app): State<Shared>, officer: Officer) -> Result<Private<Enrolment>, Problem> {
    Ok(Private(Enrolment { otpauth: second::enrol(&app, &officer).await? }))
}

/// Confirms the second factor by its first code.
#[utoipa::path(post, path = "/api/v1/staff/second-factor/confirm", tag = "staff", request_body = SecondCode,
    responses((status = 204), (status = 401, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn confirm(
    State(app): State<Shared>,
    officer: Officer,
    Body(ask): Body<SecondCode>,
) -> Result<StatusCode, Problem> {
    second::confirm(&app, &officer, &ask.code).await?;
    Ok(StatusCode::NO_CONTENT)
}
