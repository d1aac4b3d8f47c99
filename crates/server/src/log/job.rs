//! Integrates what waits, each second, on the node that holds the lease.

use std::collections::HashMap;

use super::Kind;
use super::entry::Entry;
use super::note::{Head, NoteError};
use super::store::{self, HeadRow, Leaf, Place};
use super::tree::{Changed, Edge, WIDTH};
use crate::app::App;
use crate::db::{DbError, Unit};

/// Leaves in one unit: bounds how long others wait behind it.
const LEAVES_MAX: usize = 8_192;
/// Units of one round.
const UNITS_MAX: usize = 40;
/// Beyond what any server ever counted, and small enough to be taken off eight thousand times.
const REBASE: i64 = 1 << 50;

/// Why nothing is integrated.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The tree is not what its head says.
    #[error("log.damaged: {0}; run kangma log verify")]
    Damaged(String),
}

impl From<NoteError> for LogError {
    fn from(e: NoteError) -> LogError {
        LogError::Damaged(e.to_string())
    }
}

/// One round; `holds` says before each unit whether it is still ours to do.
pub async fn round(app: &App, holds: impl Fn() -> bool) {
    for _ in 0..UNITS_MAX {
        if !holds() {
            break;
        }
        match integrate(app).await {
            Ok(LEAVES_MAX) => {}
            Ok(_) | Err(LogError::Db(DbError::Conflict)) => break,
            Err(e) => {
                tracing::error!(%e, "the decision log");
                break;
            }
        }
    }
    if let Err(e) = measure(app).await {
        tracing::warn!(%e, "the decision log");
    }
}

/// How many leaves the tree has, and for how many milliseconds the oldest of the others waits.
pub async fn how_far(app: &App) -> Result<(u64, i64), DbError> {
    let head = store::head(&app.db).await?;
    let waiting = store::after(&app.db, head.place, i64::MAX, 1).await?;
    Ok((head.size, waiting.first().map_or(0, |leaf| (app.clock.wall_ms() - leaf.at).max(0))))
}

async fn measure(app: &App) -> Result<(), DbError> {
    let (leaves, lag_ms) = how_far(app).await?;
    metrics::gauge!("kangma_log_leaves").set(leaves as f64);
    metrics::gauge!("kangma_log_lag_seconds").set(lag_ms as f64 / 1000.0);
    Ok(())
}

/// The tree's edge as it is stored, held to the signed head.
async fn edge(app: &App, head: &HeadRow) -> Result<Edge, LogError> {
    if head.size == 0 && head.note.is_empty() {
        return Ok(Edge::default());
    }
    let signed = Head::open(&head.note, app.log_key.verifier())?;
    let mut tiles = Changed::new();
    for id in Edge::unfinished(head.size) {
        let body = store::tile(&app.db, id).await?;
        tiles.insert(id, body.ok_or_else(|| LogError::Damaged(format!("{} is missing", id.path(WIDTH))))?);
    }
    let edge = Edge::from_tiles(head.size, tiles)
        .ok_or_else(|| LogError::Damaged("a tile has another width than the head says".into()))?;
    if Head::new(edge.size(), edge.root()) != signed {
        return Err(LogError::Damaged("the tree is not the one that the head was signed for".into()));
    }
    Ok(edge)
}

/// Integrates some of what waits; returns how many leaves. A full number means that more wait.
pub async fn integrate(app: &App) -> Result<usize, LogError> {
    let settled = app.db.settled().await?;
    let head = store::head(&app.db).await?;
    let leaves = store::after(&app.db, head.place, settled.below, LEAVES_MAX as i64).await?;
    let Some(last) = leaves.last() else { return Ok(0) };
    let mut edge = edge(app, &head).await?;
    let mut changed = Changed::new();
    let mut firsts: HashMap<u64, Place> = HashMap::new();
    for leaf in &leaves {
        firsts.entry(edge.size() / WIDTH as u64).or_insert(leaf.place);
        edge.append(&entry(leaf)?.to_bytes(), &mut changed);
    }
    edge.finish(&mut changed);
    let note = app.log_key.sign(&Head::new(edge.size(), edge.root()));
    let to = HeadRow { size: edge.size(), place: last.place, at: app.clock.wall_ms(), note };
    // The head first: of two nodes that integrate at once one fails before it writes tiles. A bundle that
    // was begun before keeps what is stored of its first leaf.
    let unit = store::move_head(Unit::new("log.integrate"), &head, &to);
    let first = |n| firsts.get(&n).copied().unwrap_or_default();
    app.db.commit(store::put_tiles(unit, to.size, changed, first)).await?;
    Ok(leaves.len())
}

/// What the log shows of a leaf.
pub(super) fn entry(leaf: &Leaf) -> Result<Entry, LogError> {
    let damaged = || LogError::Damaged(format!("leaf {} has no shape", super::note::hex(&leaf.leaf_id)));
    let kind = u8::try_from(leaf.kind).ok().and_then(Kind::from_u8).ok_or_else(damaged)?;
    let digest = leaf.digest.as_slice().try_into().map_err(|_| damaged())?;
    Ok(Entry::of(kind, leaf.at, &leaf.salt, digest))
}

/// At the start of a node, before it writes: on a server that counts its transactions anew, such as one
/// that a backup was restored into, the leaves that are there move below all that will come.
pub async fn settle_in(app: &App) -> Result<(), DbError> {
    let (settled, head) = (app.db.settled().await?, store::head(&app.db).await?);
    let waiting = store::after(&app.db, head.place, i64::MAX, 1).await?;
    let is_known = |turn: i64| turn < settled.next;
    if is_known(head.place.turn) && waiting.first().is_none_or(|leaf| is_known(leaf.place.turn)) {
        return Ok(());
    }
    let place = Place { turn: head.place.turn - REBASE, ..head.place };
    let unit = store::move_head(Unit::new("log.rebase"), &head, &HeadRow { place, ..head.clone() });
    match app.db.commit(store::rebase(unit, REBASE)).await {
        Ok(()) | Err(DbError::Conflict) => Ok(()),
        Err(e) => Err(e),
    }
}
