//! Counting people per division and day, never live: who writes a person adds what changed to an
//! outbox in the same unit, and one node folds it into the counts some moments later.
//!
//! Tables: `tally`, `tally_outbox`. A cell is the counts of one place, found by a keyed hash of it,
//! sealed; ninety days of it are one row. A fold writes cells and takes changes out of the outbox
//! in one unit, guarded by the version of each cell: however many nodes believe that it is theirs
//! to do, each change is counted once. Changes are taken as they are seen and in any order, so it
//! does not matter in which order PostgreSQL's transactions commit.

pub mod job;
mod store;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::try_join_all;
use kangma_core::tally::{Cell, Change, Counts, Folded, Place, fold};
use kangma_core::time::Day;

use crate::app::{App, Shared};
use crate::db::{DbError, Unit};
use crate::seal::Keys;

/// Changes in one unit of folding: bounds how long others wait behind it.
const FOLD_MAX: usize = 500;
/// Name of the setting that tells other nodes how far everything is folded.
const FOLDED_AT: &str = "tally.folded_at";
/// Name of the setting that says that everybody is counted.
const ALL_COUNTED: &str = "tally.all_counted";

/// Up to when everything that was decided is in the counts, as this node knows it; milliseconds.
#[derive(Debug, Default)]
pub struct FoldedAt(AtomicI64);

impl FoldedAt {
    /// In milliseconds since 1970; 0 before the first fold.
    pub fn ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Adds to a unit that what is counted of somebody has changed.
pub fn note(unit: Unit, app: &App, change: &Change) -> Unit {
    let mut id = [0; 16];
    app.rng.fill(&mut id);
    store::note(unit, id, app.keys.master.seal("tally_outbox", "body", &id, &change.to_bytes()))
}

/// A cell, and the version that it was read at.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The counts.
    pub cell: Cell,
    /// Guard of the next write; 0 where nothing is stored.
    pub version: i64,
}

fn cell_id(keys: &Keys, place: Place) -> [u8; 16] {
    let hash = keys.hash("tally", &[place.to_string().as_bytes()]);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// The counts of places, in their order.
pub async fn read(app: &App, places: &[Place]) -> Result<Vec<Read>, DbError> {
    try_join_all(places.iter().map(|place| async {
        let id = cell_id(&app.keys, *place);
        let Some(row) = store::cell(&app.db, id).await? else { return Ok(Read::default()) };
        let plain = app.keys.master.open("tally", "body", &id, &row.body).map_err(unreadable)?;
        Ok(Read { cell: store::decode(&plain)?, version: row.version })
    }))
    .await
}

/// Whether anybody was ever counted.
pub async fn knows_anybody(app: &App) -> Result<bool, DbError> {
    Ok(read(app, &[Place::COUNTRY]).await?.iter().any(|country| country.version > 0))
}

fn unreadable(_: crate::seal::SealError) -> DbError {
    DbError::shape("a sealed count")
}

fn sealed(keys: &Keys, place: Place, cell: &Cell) -> ([u8; 16], Vec<u8>) {
    let id = cell_id(keys, place);
    (id, keys.master.seal("tally", "body", &id, &cell.to_bytes()))
}

/// Folds some of what waits; returns how many changes that was. A full number means that more wait.
async fn fold_some(app: &App) -> Result<usize, DbError> {
    let (ids, changes) = waiting(app, FOLD_MAX as i64).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let mut folded = fold(&changes);
    // The country's version tells readers that something was folded, also where it all cancels out.
    folded.entry(Place::COUNTRY).or_default();
    let places: Vec<Place> = folded.keys().copied().collect();
    let cells = read(app, &places).await?;
    let unit = adding(app, "tally.fold", &folded.iter().collect::<Vec<_>>(), cells);
    let n = ids.len();
    let unit = ids.into_iter().fold(unit, store::done);
    app.db.commit(unit).await?;
    Ok(n)
}

async fn waiting(app: &App, limit: i64) -> Result<(Vec<[u8; 16]>, Vec<Change>), DbError> {
    let mut changes = Vec::new();
    let mut ids = Vec::new();
    for row in store::waiting(&app.db, limit).await? {
        let plain = app.keys.master.open("tally_outbox", "body", &row.id, &row.body).map_err(unreadable)?;
        changes.push(Change::from_bytes(&plain).ok_or_else(|| DbError::shape("a change of counts"))?);
        ids.push(row.id);
    }
    Ok((ids, changes))
}

/// Folds all that waits, for commands that run without the service.
pub async fn fold_all(app: &App) -> Result<(), DbError> {
    while fold_some(app).await? > 0 {}
    Ok(())
}

/// Every place that can be counted, from the country down.
pub fn all_places() -> Vec<Place> {
    let mut all = vec![Place::COUNTRY];
    let mut next = 0;
    while let Some(place) = all.get(next) {
        let below = place.children();
        all.extend(below);
        next += 1;
    }
    all
}

/// Adds what was folded elsewhere, some places at a time: for filling a database.
pub async fn add(app: &App, folded: &Folded) -> Result<(), DbError> {
    let all: Vec<_> = folded.iter().collect();
    for some in all.chunks(FOLD_MAX) {
        let places: Vec<Place> = some.iter().map(|(place, _)| **place).collect();
        // A service that runs beside may write the same places.
        while let Err(e) = app.db.commit(adding(app, "tally.add", some, read(app, &places).await?)).await {
            if e != DbError::Conflict {
                return Err(e);
            }
        }
    }
    Ok(())
}

fn adding(app: &App, name: &'static str, some: &[(&Place, &Days)], cells: Vec<Read>) -> Unit {
    some.iter().zip(cells).fold(Unit::new(name), |unit, ((place, days), Read { mut cell, version })| {
        days.iter().for_each(|(day, counts)| cell.add(*day, counts));
        let (id, body) = sealed(&app.keys, **place, &cell);
        store::put(unit, id, version, body)
    })
}

type Days = BTreeMap<Day, Counts>;

/// Puts cells in place of all that are stored, in one unit.
pub async fn replace(app: &App, cells: &BTreeMap<Place, Cell>) -> Result<(), DbError> {
    let unit = cells.iter().fold(store::forget(Unit::new("tally.rebuild")), |unit, (place, cell)| {
        let (id, body) = sealed(&app.keys, *place, cell);
        store::put(unit, id, 0, body)
    });
    app.db.commit(unit).await
}

/// Whether everybody who is stored is known to be counted.
pub async fn all_counted(app: &Shared) -> Result<bool, DbError> {
    Ok(store::setting(&app.db, ALL_COUNTED).await?.is_some())
}

/// They are.
pub async fn set_all_counted(app: &Shared) -> Result<(), DbError> {
    store::set(&app.db, ALL_COUNTED, 1).await
}
