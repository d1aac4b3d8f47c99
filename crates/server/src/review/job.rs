//! Brings findings into effect once nobody can take them back.

use super::apply::apply;
use crate::app::Shared;
use crate::error::Problem;
use crate::queue;

/// Findings in one round.
const BATCH: i64 = 100;

/// One round. Returns how many were ripe; a full batch means that more are. A finding is kept until
/// it has taken effect, so a node that dies in between leaves it to the next one.
pub async fn round(app: &Shared) -> Result<usize, Problem> {
    let ripe = queue::settling(&app.db, app.clock.now(), BATCH).await?;
    let mut done = 0;
    for item in &ripe {
        match apply(app, item).await {
            Ok(()) => done += 1,
            // The others do not wait for one that fails; it is tried again in the next round.
            Err(problem) => tracing::warn!(code = problem.code, "a finding did not take effect"),
        }
    }
    Ok(done)
}
