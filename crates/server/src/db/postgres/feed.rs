//! The feed of changes: each commit that changes people leaves one row with their ids, and every
//! node reads those rows a few times a second.
//!
//! A row carries its transaction's number. The cursor is the oldest transaction that was still
//! open at the last look: whatever commits later has a number at or above it. Rows between are
//! seen more than once, which costs a read and nothing else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::super::{Changes, DbError};
use super::link::Link;

const PERIOD: Duration = Duration::from_millis(250);
/// Rows are deleted when they are this old.
const KEPT: Duration = Duration::from_secs(60);
/// A node that did not look for this long may have missed deleted rows: it forgets everybody.
const MISSED: Duration = Duration::from_secs(30);
/// More rows than this are cheaper to answer by forgetting everybody.
const ROWS_MAX: usize = 50_000;

const READ: &str = "/* db.feed */ SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, people, xid \
     FROM (SELECT 1) AS always LEFT JOIN change ON xid >= $1 LIMIT 50001";
const PRUNE: &str = "/* db.prune_feed */ DELETE FROM change WHERE xid < $1";
static READ_ADDRESS: u8 = 0;

/// Transactions of this node that are known to be committed: whoever asked for one has noted its
/// people already, and to note them again would cost each of them a read.
#[derive(Clone, Default)]
pub struct Own(Arc<Mutex<BTreeSet<i64>>>);

impl Own {
    /// A transaction of ours is committed.
    pub fn keep(&self, number: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
    }

    fn is(&self, number: i64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }

    /// Rows below are not read again.
    fn forget_below(&self, cursor: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all = all.split_off(&cursor);
    }
}

/// Reads the feed until `stop`.
pub async fn run(link: Link, changes: Changes, own: Own, stop: CancellationToken) {
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut cursor, mut first) = (None, true);
    let mut last = Instant::now();
    let mut marks: Vec<(Instant, i64)> = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let (at, at_ms) = (Instant::now(), changes.tick_ms());
        match look(&link, cursor, &changes, &own).await {
            Ok(oldest) => {
                // Away meanwhile, perhaps replaced by another server; or set back, or too late.
                let set_back = cursor.is_none_or(|c| oldest < c) || last.elapsed() > MISSED;
                if set_back && !first {
                    changes.note_all();
                }
                (cursor, first) = (Some(oldest), false);
                changes.fed(at_ms);
                own.forget_below(oldest);
                last = at;
                if marks.last().is_none_or(|(t, _)| t.elapsed() > KEPT / 4) {
                    marks.push((at, oldest));
                }
            }
            // What is remembered stays: it is the last that was known, and is shown with its age.
            Err(_) => cursor = None,
        }
        if let Some(&(t, below)) = marks.first()
            && t.elapsed() > KEPT
        {
            marks.remove(0);
            if let Ok(session) = link.session() {
                session.client.execute(PRUNE, &[&below]).await.ok();
            }
        }
        metrics::gauge!("kangma_feed_age_seconds").set(changes.age().as_secs_f64());
    }
}

async fn look(link: &Link, cursor: Option<i64>, changes: &Changes, own: &Own) -> Result<i64, DbError> {
    let session = link.session()?;
    let read = session.prepare(std::ptr::from_ref(&READ_ADDRESS).addr(), || READ.to_owned()).await?;
    // The first look only sets the cursor: nothing is remembered yet.
    let rows = session.client.query(&read, &[&cursor.unwrap_or(i64::MAX)]).await?;
    if rows.len() > ROWS_MAX {
        changes.note_all();
    }
    for row in &rows {
        if row.try_get::<_, Option<i64>>(2)?.is_some_and(|number| own.is(number)) {
            continue;
        }
        for id in row.try_get::<_, Option<&[u8]>>(1)?.unwrap_or_default().chunks_exact(16) {
            changes.note(kangma_core::id::PersonId(id.try_into().map_err(|_| DbError::shape("feed"))?));
        }
    }
    rows.first().ok_or_else(|| DbError::shape("feed"))?.try_get(0).map_err(DbError::from)
}
