//! Leases: work that one node does for all.
//!
//! A node holds a lease for some seconds and renews it long before they end. A node that dies
//! leaves its leases to run out; the others wait a little longer than that, by as much as clocks
//! may differ, and take them over: within fifteen seconds in all. Each node takes its fair share.
//! With one process there is nothing to share, and it holds everything.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::store::{self, LeaseRow};
use crate::app::{SKEW_MAX_MS, Shared};
use crate::db::DbError;

/// For how long a lease is held.
const HELD: Duration = Duration::from_secs(6);
/// How often leases are renewed and looked for. 6 s held, 5 s of skew, 2 s until somebody looks:
/// 13 s until a dead node's work goes on.
pub const PERIOD: Duration = Duration::from_secs(2);
/// A node that was not seen for this long has no share.
pub const ALIVE_MS: i64 = 10_000;
/// Parts of the people, each decided by one node at a time.
pub const PARTS: u8 = 16;
/// The lease for dropping what has run out.
pub const SWEEP: &str = "sweep";
/// The lease for folding what is counted.
pub const TALLY: &str = "tally";
/// The lease for what waits in the queue of reviews.
pub const QUEUE: &str = "queue";
/// The lease for working through imports.
pub const IMPORTS: &str = "imports";
/// The lease for the decision log.
pub const LOG: &str = "log";
/// The lease for watching publications of packs.
pub const RULES: &str = "rules";
/// Work that is not parted.
const WHOLE: [&str; 6] = [SWEEP, TALLY, QUEUE, IMPORTS, LOG, RULES];

/// The lease of a part of the people.
pub fn part_name(part: u8) -> String {
    format!("due.{part:x}")
}

/// What this node holds.
#[derive(Debug)]
pub struct Leases {
    node: [u8; 16],
    /// Without other nodes.
    alone: bool,
    held: Mutex<HashMap<String, Instant>>,
}

impl Leases {
    /// For a node with a random name.
    pub fn new(node: [u8; 16], alone: bool) -> Leases {
        Leases { node, alone, held: Mutex::default() }
    }

    /// The name of this node, which no other has and none had before.
    pub fn node(&self) -> [u8; 16] {
        self.node
    }

    /// Whether this node does a piece of work now. Asked again before each step of it.
    pub fn holds(&self, name: &str) -> bool {
        self.alone || self.held().get(name).is_some_and(|until| Instant::now() < *until)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews what is held, takes what is free up to a fair share, gives back what is beyond it.
    pub async fn round(&self, app: &Shared) -> Result<(), DbError> {
        if self.alone {
            return Ok(());
        }
        let now_ms = app.clock.wall_ms();
        let alive = store::seen(&app.db, self.node, now_ms, now_ms - ALIVE_MS).await?.max(1);
        let mut all = store::leases(&app.db).await?;
        if all.len() < usize::from(PARTS) + WHOLE.len() {
            let names: Vec<String> = (0..PARTS).map(part_name).chain(WHOLE.map(str::to_owned)).collect();
            store::make(&app.db, &names, self.node).await?;
            all = store::leases(&app.db).await?;
        }
        let share = all.len().div_ceil(usize::try_from(alive).unwrap_or(1));
        let is_mine = |lease: &&LeaseRow| lease.holder == self.node && lease.expires_at > 0;
        // By the holder's clock, which may differ from ours.
        let is_free = |lease: &&LeaseRow| lease.expires_at == 0 || now_ms > lease.expires_at + SKEW_MAX_MS;
        let held: Vec<&LeaseRow> = all.iter().filter(is_mine).collect();
        let (kept, surplus) = held.split_at(held.len().min(share));
        let mut mine = self.renew(app, kept).await?;
        for lease in surplus {
            self.give_back(app, lease).await?;
        }
        for lease in all.iter().filter(|lease| is_free(lease) && !is_mine(lease)) {
            if mine < share {
                mine += usize::from(self.take(app, lease).await?);
            }
        }
        metrics::gauge!("kangma_leases_held").set(mine as f64);
        Ok(())
    }

    /// Renews all in one commit: on a disk that is slow to write, one after the other they would run out
    /// while the first are renewed. Returns how many it holds then.
    async fn renew(&self, app: &Shared, leases: &[&LeaseRow]) -> Result<usize, DbError> {
        if leases.is_empty() {
            return Ok(0);
        }
        let (began, until_ms) = (Instant::now(), app.clock.wall_ms() + HELD.as_millis() as i64);
        match store::renew(&app.db, leases, self.node, until_ms).await {
            Ok(()) => {
                let mut held = self.held();
                leases.iter().for_each(|lease| {
                    held.insert(lease.name.clone(), began + HELD);
                });
                return Ok(leases.len());
            }
            // Somebody took one of them: which, is seen one by one.
            Err(DbError::Conflict) => {}
            Err(e) => return Err(e),
        }
        let mut mine = 0;
        for lease in leases {
            mine += usize::from(self.take(app, lease).await?);
        }
        Ok(mine)
    }

    async fn take(&self, app: &Shared, lease: &LeaseRow) -> Result<bool, DbError> {
        // Counted from before the write: the database never thinks it longer than we do.
        let (began, until_ms) = (Instant::now(), app.clock.wall_ms() + HELD.as_millis() as i64);
        match store::take(&app.db, lease, self.node, until_ms).await {
            Ok(()) => {
                self.held().insert(lease.name.clone(), began + HELD);
                Ok(true)
            }
            Err(DbError::Conflict) => {
                self.held().remove(&lease.name);
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }

    async fn give_back(&self, app: &Shared, lease: &LeaseRow) -> Result<(), DbError> {
        self.held().remove(&lease.name);
        match store::take(&app.db, lease, self.node, 0).await {
            Ok(()) | Err(DbError::Conflict) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Gives everything back, so that others need not wait.
    pub async fn leave(&self, app: &Shared) -> Result<(), DbError> {
        if self.alone {
            return Ok(());
        }
        for lease in
            store::leases(&app.db).await?.iter().filter(|l| l.holder == self.node && l.expires_at > 0)
        {
            self.give_back(app, lease).await?;
        }
        store::leave(&app.db, self.node).await
    }
}
