//! Numbers for each level of administration, from the country to a committee.
//!
//! URLs: `GET /api/v1/dashboard/{division}/numbers`, `…/series`, `…/children`, `…/map` and `…/live`, `POST
//! …/export.csv`, `POST /api/v1/devices/heartbeat`. `{division}` is a code or `0`, the whole country;
//! what lies outside of an officer's scope answers as if it did not exist.
//!
//! Tables: `dashboard_export`, `heartbeat`. Counts come from [`crate::tally`], and leave through
//! `kangma_core::tally::suppress` only. What many viewers look at is computed once: the country's
//! cell is read at most once a second, and everything that was computed stands until it changes.

pub mod desk;
pub mod device;
pub mod export;
pub mod http;
pub mod live;
pub mod map;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use kangma_core::tally::{Cell, Counts, DAYS, MEASURES, Place, Shown, suppress, suppress_top};
use kangma_core::time::{Day, Instant};
use quick_cache::sync::Cache;
use tokio::sync::{Mutex, Semaphore};

use crate::app::Shared;
use crate::db::DbError;
use crate::error::Problem;
use crate::tally;

pub use store::sweep;

/// For how long the country's cell answers without another look.
const FRESH: Duration = Duration::from_secs(1);
/// Tables of children that are remembered: some kilobytes each, and some hundreds for ninety days.
const TABLES: usize = 2_048;
const LONG_TABLES: usize = 96;

/// Counts of one place that may be shown: a day and those before it, the day first.
pub type Days = Vec<[Shown; MEASURES]>;

/// How far back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// Today and yesterday.
    TwoDays,
    /// All that is kept.
    All,
}

impl Span {
    const fn days(self) -> usize {
        match self {
            Span::TwoDays => 2,
            Span::All => DAYS,
        }
    }
}

/// What is remembered for viewers.
pub struct Views {
    top: Mutex<Option<Top>>,
    tables: Cache<Place, Slot>,
    long_tables: Cache<Place, Slot>,
    devices: device::Counted,
    appeals: desk::Counted,
    /// Places for those who are told of changes.
    streams: Arc<Semaphore>,
}

/// One table of children, made by whoever needs it first while the others wait.
type Slot = Arc<Mutex<Option<Arc<Table>>>>;

impl Default for Views {
    fn default() -> Views {
        Views {
            top: Mutex::default(),
            tables: Cache::new(TABLES),
            long_tables: Cache::new(LONG_TABLES),
            devices: device::Counted::default(),
            appeals: desk::Counted::default(),
            streams: Arc::new(Semaphore::new(live::STREAMS_MAX)),
        }
    }
}

/// The country's cell, and what follows from it for all others.
#[derive(Clone)]
pub struct Top {
    read_at: Moment,
    version: i64,
    cell: Arc<Cell>,
    /// Today.
    pub day: Day,
    /// Everything that was decided until then is counted.
    pub as_of: Instant,
}

/// What may be shown of all children of a division.
struct Table {
    version: i64,
    day: Day,
    rows: Vec<(Place, Days)>,
}

impl Table {
    fn row(&self, place: Place) -> Option<&Days> {
        self.rows.iter().find(|(p, _)| *p == place).map(|(_, days)| days)
    }
}

/// The country, at most a second old.
pub async fn top(app: &Shared) -> Result<Top, DbError> {
    let mut top = app.views.top.lock().await;
    if let Some(top) = top.as_ref().filter(|t| t.read_at.elapsed() < FRESH) {
        return Ok(top.clone());
    }
    // Before the cell is read: it has all that was folded until then, and perhaps more.
    let now = app.clock.now();
    let age_ms = (app.clock.wall_ms() - app.folded.ms()).max(0);
    let read = tally::read(app, &[Place::COUNTRY]).await?.pop().unwrap_or_default();
    let fresh = Top {
        read_at: Moment::now(),
        version: read.version,
        cell: Arc::new(read.cell),
        day: app.packs.base().zone.day_of(now),
        as_of: now.plus_s(-(age_ms + 999) / 1000),
    };
    *top = Some(fresh.clone());
    Ok(fresh)
}

/// What may be shown of one place.
pub async fn shown(app: &Shared, top: &Top, place: Place, span: Span) -> Result<Days, Problem> {
    let mut shown = suppress_top(&top.cell.back_from(top.day, span.days()));
    for pair in place.path().windows(2) {
        let &[above, below] = pair else { continue };
        let table = table(app, top, above, &shown, span).await?;
        shown = table.row(below).ok_or_else(Problem::not_found)?.clone();
    }
    Ok(shown)
}

/// What may be shown of each child of a place, the unknown last.
pub async fn children(
    app: &Shared,
    top: &Top,
    place: Place,
    span: Span,
) -> Result<Vec<(Place, Days)>, Problem> {
    let above = shown(app, top, place, span).await?;
    Ok(table(app, top, place, &above, span).await?.rows.clone())
}

async fn table(
    app: &Shared,
    top: &Top,
    place: Place,
    above: &Days,
    span: Span,
) -> Result<Arc<Table>, DbError> {
    let tables = match span {
        Span::TwoDays => &app.views.tables,
        Span::All => &app.views.long_tables,
    };
    let slot = tables.get_or_insert_with(&place, || Ok::<_, DbError>(Slot::default()))?;
    let mut slot = slot.lock().await;
    if let Some(table) = slot.as_ref().filter(|t| (t.version, t.day) == (top.version, top.day)) {
        return Ok(Arc::clone(table));
    }
    let children = place.children();
    let cells = tally::read(app, &children).await?;
    let counts: Vec<Vec<Counts>> = cells.iter().map(|r| r.cell.back_from(top.day, span.days())).collect();
    let rows: Vec<&[Counts]> = counts.iter().map(Vec::as_slice).collect();
    let rows = children.into_iter().zip(suppress(&rows, above)).collect();
    let table = Arc::new(Table { version: top.version, day: top.day, rows });
    *slot = Some(Arc::clone(&table));
    Ok(table)
}
