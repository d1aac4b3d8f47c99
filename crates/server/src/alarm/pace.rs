//! How often somebody does a thing: a window that slides, kept in the database, so that every
//! node counts the same and a restart forgives nothing.

use kangma_core::time::Instant;

use super::store;
use crate::app::Shared;
use crate::db::DbError;
use crate::error::Problem;

/// Rounds in which another node was quicker; each lets one through.
const RETRIES: usize = 16;

/// One round of this node at a time: without it all that come at once would collide.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// So many in such a time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The thing.
    pub what: &'static str,
    /// The window, in seconds.
    pub span_s: i64,
    /// How many fit into it.
    pub most: usize,
}

impl Pace {
    /// Takes one. Whether there was room; where there was none, nothing is taken.
    pub async fn take(&self, app: &Shared, whose: &[u8]) -> Result<bool, Problem> {
        let key = self.key(app, whose);
        let _turn = TURN.lock().await;
        for _ in 0..RETRIES {
            let now = app.clock.now();
            let (version, mut marks) = self.marks(app, key, now).await?;
            if marks.len() >= self.most {
                return Ok(false);
            }
            marks.push(now.0);
            let bytes: Vec<u8> = marks.iter().flat_map(|at| at.to_be_bytes()).collect();
            match store::keep_marks(&app.db, key, version, bytes).await {
                Err(DbError::Conflict) => {}
                done => return Ok(done.map(|()| true)?),
            }
        }
        Err(DbError::Conflict.into())
    }

    /// Whether there is room, taking nothing.
    pub async fn has_room(&self, app: &Shared, whose: &[u8]) -> Result<bool, Problem> {
        let (_, marks) = self.marks(app, self.key(app, whose), app.clock.now()).await?;
        Ok(marks.len() < self.most)
    }

    fn key(&self, app: &Shared, whose: &[u8]) -> [u8; 16] {
        let hash = app.keys.hash("pace", &[self.what.as_bytes(), whose]);
        let mut key = [0; 16];
        key.copy_from_slice(&hash.as_bytes()[..16]);
        key
    }

    async fn marks(&self, app: &Shared, key: [u8; 16], now: Instant) -> Result<(i64, Vec<i64>), DbError> {
        let Some((version, bytes)) = store::marks(&app.db, key).await? else { return Ok((0, Vec::new())) };
        let marks = bytes.chunks_exact(8).map(|b| i64::from_be_bytes(b.try_into().unwrap_or_default()));
        Ok((version, marks.filter(|at| *at > now.0.saturating_sub(self.span_s)).collect()))
    }
}
