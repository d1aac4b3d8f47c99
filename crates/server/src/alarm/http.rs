//! Requests and answers about alarms.

use axum::extract::{Path, Query, State};
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Kind;
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::staff::Officer;

/// Alarms shown at once.
const ALARMS_MAX: usize = 200;
/// The longest answer, in letters.
const ANSWER_MAX: usize = 500;

/// Which alarms.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Also those that were answered for.
    #[serde(default)]
    all: bool,
}

/// Alarms of one's divisions.
#[derive(Serialize, ToSchema)]
pub struct Alarms {
    /// The latest first; at most 200.
    items: Vec<AlarmView>,
}

/// One alarm. It says which account and which place, never which person.
#[derive(Serialize, ToSchema)]
pub struct AlarmView {
    id: String,
    kind: Kind,
    /// Log-in name; empty where it is about a place.
    officer: String,
    /// Code of the division.
    division: String,
    /// When it was first so.
    #[schema(value_type = String, format = DateTime)]
    raised_at: Instant,
    /// When it was last so.
    #[schema(value_type = String, format = DateTime)]
    last_at: Instant,
    /// How often that day.
    times: i64,
    /// Whether some of them wait for an answer.
    open: bool,
    /// Who answered last.
    answered_by: Option<String>,
    /// What they answered.
    answer: Option<String>,
}

/// Lists alarms.
#[utoipa::path(get, path = "/api/v1/alarms", tag = "staff", params(Wanted),
    responses((status = 200, body = Alarms), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn list(
    State(app): State<Shared>,
    officer: Officer,
    Query(wanted): Query<Wanted>,
) -> Result<Private<Alarms>, Problem> {
    officer.require_somewhere(Permission::Audit)?;
    let scope = officer.scope(Permission::Audit);
    let alarms = super::list(&app, &scope, !wanted.all, ALARMS_MAX).await?;
    let items = alarms
        .into_iter()
        .map(|a| AlarmView {
            id: FactId(a.id).to_string(),
            kind: a.kind,
            raised_at: a.raised_at,
            last_at: a.last_at,
            times: a.times,
            open: a.seen < a.times,
            answer: a.answer(&app),
            officer: a.officer,
            division: a.division,
            answered_by: a.answered_by,
        })
        .collect();
    Ok(Private(Alarms { items }))
}

/// An auditor's answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// Why it is as it should be, or what was done; 1 to 500 letters.
    reason: String,
}

/// The alarm is answered for.
#[derive(Serialize, ToSchema)]
pub struct Answered {
    /// `answered`.
    state: &'static str,
}

/// Answers for an alarm. What comes later on the same day opens it again.
#[utoipa::path(post, path = "/api/v1/alarms/{id}", tag = "staff", request_body = AnswerRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = Answered), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn answer(
    State(app): State<Shared>,
    officer: Officer,
    Path(id): Path<String>,
    Body(ask): Body<AnswerRequest>,
) -> Result<Private<Answered>, Problem> {
    officer.require_somewhere(Permission::Audit)?;
    let reason = crate::http::sentence("reason", &ask.reason, ANSWER_MAX)?;
    let id = FactId::parse(&id).ok_or_else(Problem::not_found)?;
    let allowed = |division: &str| officer.may(Permission::Audit, division);
    super::answer(&app, id.0, &officer.name, allowed, reason).await?;
    Ok(Private(Answered { state: "answered" }))
}
