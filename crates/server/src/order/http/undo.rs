//! Requests and answers about undoing orders.

use axum::extract::{Path, State as AxumState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::undo::{self, Asked, Undo};
use super::{ITEMS_MAX, REASON_MAX, order_id};
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private, sentence};
use crate::staff::Officer;

/// A request to withdraw every order of an account, a place and a time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoRequest {
    /// Log-in name of who wrote them; everybody's without it.
    #[serde(default)]
    officer: String,
    /// Of people in this division; empty is the whole country.
    division: String,
    /// Written from this instant on.
    #[schema(value_type = String, format = DateTime)]
    from: Instant,
    /// Until this one.
    #[schema(value_type = String, format = DateTime)]
    to: Instant,
    /// Why; 1 to 500 letters, which residents and auditors read.
    reason: String,
}

/// A request to undo orders.
#[derive(Serialize, ToSchema)]
pub struct UndoView {
    id: String,
    /// Whose orders; empty for everybody's.
    officer: String,
    /// Of people in this division.
    division: String,
    #[schema(value_type = String, format = DateTime)]
    from: Instant,
    #[schema(value_type = String, format = DateTime)]
    to: Instant,
    reason: String,
    asked_by: String,
    #[schema(value_type = String, format = DateTime)]
    asked_at: Instant,
    signed_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    signed_at: Option<Instant>,
    /// When the last order was withdrawn.
    #[schema(value_type = Option<String>, format = DateTime)]
    done_at: Option<Instant>,
    /// Orders withdrawn so far.
    undone: i64,
}

fn undo_view(asked: Asked) -> UndoView {
    let (row, undo) = (asked.row, asked.undo);
    UndoView {
        id: FactId(row.id).to_string(),
        officer: undo.officer,
        division: undo.division,
        from: Instant(undo.from),
        to: Instant(undo.to),
        reason: undo.reason,
        asked_by: row.asked_by,
        asked_at: row.asked_at,
        signed_by: row.signed_by,
        signed_at: row.signed_at,
        done_at: row.done_at,
        undone: row.undone,
    }
}

/// The request waits for its signature.
#[derive(Serialize, ToSchema)]
pub struct UndoAsked {
    /// Its identifier.
    undo: String,
}

/// Asks for undoing. Nothing happens until somebody of another office signs.
#[utoipa::path(post, path = "/api/v1/order-undos", tag = "staff", request_body = UndoRequest,
    responses((status = 201, body = UndoAsked), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub async fn ask(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Body(ask): Body<UndoRequest>,
) -> Result<Response, Problem> {
    let reason = sentence("reason", &ask.reason, REASON_MAX)?.to_owned();
    if ask.from > ask.to {
        return Err(Problem::field(
            "to",
            "order.undo_range",
            "结束时间不能早于开始时间。",
            "The end is not before the beginning.",
        ));
    }
    let undo = Undo { officer: ask.officer, division: ask.division, from: ask.from.0, to: ask.to.0, reason };
    let id = undo::ask(&app, &officer, &undo).await?;
    Ok((StatusCode::CREATED, Private(UndoAsked { undo: FactId(id).to_string() })).into_response())
}

/// Requests to undo of one's divisions.
#[derive(Serialize, ToSchema)]
pub struct Undos {
    /// The latest first; at most 200.
    items: Vec<UndoView>,
}

/// Lists requests to undo.
#[utoipa::path(get, path = "/api/v1/order-undos", tag = "staff",
    responses((status = 200, body = Undos), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn list(AxumState(app): AxumState<Shared>, officer: Officer) -> Result<Private<Undos>, Problem> {
    let seeing = [Permission::Order, Permission::CountersignOrder, Permission::Audit];
    if seeing.iter().all(|p| officer.scope(*p).is_empty()) {
        officer.require(Permission::Order, "")?;
    }
    let allowed = |division: &str| seeing.iter().any(|p| officer.may(*p, division));
    let all = undo::list(&app, allowed, ITEMS_MAX as i64).await?;
    Ok(Private(Undos { items: all.into_iter().map(undo_view).collect() }))
}

/// Signs a request to undo that another office made, and begins; what takes longer goes on by itself.
#[utoipa::path(post, path = "/api/v1/order-undos/{id}/signature", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = UndoView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
pub async fn sign(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Private<UndoView>, Problem> {
    Ok(Private(undo_view(undo::sign(&app, &officer, order_id(&id)?).await?)))
}
