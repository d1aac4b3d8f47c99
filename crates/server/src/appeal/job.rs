//! Passes appeals whose time is over to the office above.

use kangma_core::appeal::Level;

use super::escalate;
use crate::app::Shared;
use crate::db::DbError;
use crate::queue;

/// Appeals in one round.
const BATCH: i64 = 200;

/// One round. Returns how many were due; a full batch means that more are. Running it twice, or on
/// two nodes, passes each appeal on once: the level that was seen is the guard.
pub async fn round(app: &Shared) -> Result<usize, DbError> {
    let due = queue::due(&app.db, app.clock.now(), BATCH).await?;
    for item in &due {
        let (Some(person), Some(to)) = (item.subject.person(), item.level.above()) else { continue };
        match escalate(app, person, item, to, None).await {
            Ok(()) => {
                metrics::counter!("kangma_appeals_escalated_total", "to" => label(to)).increment(1);
            }
            // Answered, withdrawn or passed on by somebody else meanwhile.
            Err(DbError::Conflict) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(due.len())
}

fn label(level: Level) -> &'static str {
    level.name()
}
