//! One's own decision in the decision log.

use axum::extract::State as AxumState;
use axum::http::StatusCode;

use crate::account;
use crate::app::Shared;
use crate::auth::Resident;
use crate::decide;
use crate::error::{Problem, ProblemBody};
use crate::http::Private;
use crate::limit::Who;
use crate::log::{self, Proof, Proven, Told};

/// Reads the proof that one's own last decision is in the decision log. The page checks it itself.
#[utoipa::path(get, path = "/api/v1/me/decision/proof", tag = "resident",
    responses((status = 200, body = Proof), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 429, body = ProblemBody), (status = 503, body = ProblemBody)))]
pub async fn proof(AxumState(app): AxumState<Shared>, who: Resident) -> Result<Private<Proof>, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let id = account::holder(&app, who).await?.ok_or_else(unlogged)?;
    // A decision that time made due is stored, and logged, before it is looked for.
    let state = decide::current(&app, id).await?.ok_or_else(unlogged)?;
    account::still_holds(&state, who)?;
    let told = state.sealed.told.as_ref().map(|told| Told::from_bytes(told)).ok_or_else(unlogged)?;
    let statement = log::statement(state.status(), state.colour());
    match log::prove(&app, told, statement).await {
        Ok(Proven::Here(proof)) => Ok(Private(*proof)),
        Ok(Proven::Waits) => Err(waits()),
        Ok(Proven::Unknown) => Err(unlogged()),
        Err(log::LogError::Db(e)) => Err(e.into()),
        Err(log::LogError::Damaged(cause)) => {
            tracing::error!(%cause, "a proof from the decision log");
            Err(Problem::internal())
        }
    }
}

fn unlogged() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "log.none",
        "决定日志中还没有您的决定；下一次判定后即可核对。",
        "The decision log holds no decision of yours yet; the next one will be in it.",
    )
}

fn waits() -> Problem {
    Problem {
        retry_after_s: Some(5),
        ..Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "log.waits",
            "您的决定正在写入决定日志，请几秒后再试。",
            "Your decision is being added to the decision log. Please try again in some seconds.",
        )
    }
}
