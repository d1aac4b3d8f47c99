//! Folds what waits in the outbox, once a second, on the node that holds the lease; every node
//! learns how far that has come.

use std::sync::atomic::Ordering;

use super::{FOLD_MAX, FOLDED_AT, fold_some, store};
use crate::app::Shared;
use crate::db::DbError;

/// Units of one round.
const UNITS_MAX: usize = 40;

/// One round; `holds` says before each unit whether it is still ours to do.
pub async fn round(app: &Shared, holds: impl Fn() -> bool) {
    let done = if holds() { fold(app, holds).await } else { learn(app).await };
    if let Err(e) = done
        && e != DbError::Conflict
    {
        tracing::warn!(%e, "counts");
    }
    // Before the first round there is nothing to compare with.
    let folded_ms = app.folded.ms();
    if folded_ms > 0 {
        let lag_ms = (app.clock.wall_ms() - folded_ms).max(0);
        metrics::gauge!("kangma_tally_lag_seconds").set(lag_ms as f64 / 1000.0);
    }
}

async fn fold(app: &Shared, holds: impl Fn() -> bool) -> Result<(), DbError> {
    for _ in 0..UNITS_MAX {
        if !holds() {
            return Ok(());
        }
        // What is acknowledged before this instant is in the outbox, or folded.
        let began_ms = app.clock.wall_ms();
        if fold_some(app).await? < FOLD_MAX {
            return told(app, began_ms).await;
        }
    }
    Ok(())
}

/// Everything until `at_ms` is folded.
async fn told(app: &Shared, at_ms: i64) -> Result<(), DbError> {
    app.folded.0.store(at_ms, Ordering::Relaxed);
    if app.db.is_shared() {
        store::set(&app.db, FOLDED_AT, at_ms).await?;
    }
    Ok(())
}

async fn learn(app: &Shared) -> Result<(), DbError> {
    if let Some(at_ms) = store::setting(&app.db, FOLDED_AT).await? {
        app.folded.0.store(at_ms, Ordering::Relaxed);
    }
    Ok(())
}
