//! Decides again for people whose `review_at` has passed and whom nobody reads.

use crate::app::Shared;
use crate::error::Problem;
use crate::person;

/// People in one round: small, so that requests never wait long behind a round.
const BATCH: i64 = 200;

/// One round. Returns how many were due; a full batch means that more are.
pub async fn round(app: &Shared) -> Result<usize, Problem> {
    let due = person::due(&app.db, app.clock.now(), BATCH).await?;
    for id in &due {
        super::refresh(app, *id).await?;
    }
    Ok(due.len())
}
