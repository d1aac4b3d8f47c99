//! How the service itself is, for whoever runs it. Nothing of anybody's health: no colours, no divisions,
//! no names; what waits is a number for the whole installation.
//!
//! URL: `GET /api/v1/service`. No table.

pub mod http;
pub mod operator;

use crate::app::Shared;
use crate::db::DbError;

/// How a node says that it answers from memory.
pub const DEGRADED: &str = "degraded: the database is away";

/// Whether this node can serve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// It can.
    Ready,
    /// Those whom it remembers are answered; the database is away.
    Degraded,
    /// It cannot, for a cause with a stable code and a sentence.
    NotReady(&'static str, String),
}

/// Looks whether this node can serve: it is not about to stop, its clock and its rules are right, and
/// the database answers.
pub async fn state(app: &Shared) -> State {
    if app.gate.leaving() {
        return State::NotReady("stopping", "stopping".into());
    }
    if !app.clock.agrees() {
        let said = "clock: it differs too much from the database's; set both by NTP";
        return State::NotReady("clock", said.into());
    }
    if let Some(what) = app.packs.failed() {
        let said =
            format!("rules: {what} is published and could not be loaded; this node keeps the packs it had");
        return State::NotReady("rules", said);
    }
    let answer = tokio::time::timeout(operator::WAIT, crate::demo::lead_s(&app.db)).await;
    match answer.unwrap_or(Err(DbError::Away)) {
        Ok(_) => State::Ready,
        // Those whom this node remembers are still answered: no balancer should take that away.
        Err(DbError::Away) if app.memory.len() > 0 => State::Degraded,
        Err(e) => State::NotReady("database", format!("database: {e}")),
    }
}
