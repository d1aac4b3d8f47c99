//! Goes on with undoing that a request began and did not finish.

use super::undo;
use crate::app::Shared;
use crate::error::Problem;

/// Requests in one round, and steps of each.
const REQUESTS: i64 = 4;
const STEPS: usize = 10;

/// One round.
pub async fn round(app: &Shared) -> Result<(), Problem> {
    for asked in undo::due(app, REQUESTS).await? {
        undo::go_on(app, &asked, STEPS).await?;
    }
    Ok(())
}
