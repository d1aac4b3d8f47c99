//! Appeals that wait in a division, and those that wait too long: from the queue, all of it counted
//! once for all viewers, and withheld where they are few like every count of people. Those that are late
//! are a part of those that wait, and told only where the other part is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant as Moment};

use kangma_core::tally::{Counts, Place, Shown, places, suppress, suppress_top};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::app::Shared;
use crate::db::DbError;
use crate::error::Problem;
use crate::queue;

/// For how long a count of the queue answers.
const FRESH: Duration = Duration::from_secs(3);
/// Where they stand in [`Counts`].
const OPEN: usize = 0;
const LATE: usize = 1;
const IN_TIME: usize = 2;

/// Appeals of people who live in a division; below a county they are not told apart.
#[derive(Serialize, ToSchema)]
#[schema(as = AppealCounts)]
pub struct Appeals {
    /// That wait for an answer; null where it is withheld.
    #[schema(value_type = Option<i64>)]
    open: Shown,
    /// Of them, those that wait for longer than any one office has for an answer: an office let its
    /// time pass. Null where it is withheld.
    #[schema(value_type = Option<i64>)]
    late: Shown,
}

/// Counts by place, some seconds old.
#[derive(Default)]
pub struct Counted(Mutex<Option<(Moment, BTreeMap<Place, Counts>)>>);

/// The appeals of a place.
pub async fn of(app: &Shared, place: Place) -> Result<Appeals, Problem> {
    let mut counted = app.views.appeals.0.lock().await;
    if counted.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH) {
        *counted = Some((Moment::now(), count(app).await?));
    }
    let none = BTreeMap::new();
    let all = counted.as_ref().map_or(&none, |(_, all)| all);
    let of = |place: &Place| [all.get(place).copied().unwrap_or_default()];
    let mut shown = suppress_top(&of(&Place::COUNTRY));
    for pair in place.path().windows(2) {
        let &[above, below] = pair else { continue };
        let children = above.children();
        let counts: Vec<[Counts; 1]> = children.iter().map(of).collect();
        let rows: Vec<&[Counts]> = counts.iter().map(<[Counts; 1]>::as_slice).collect();
        let at = children.iter().position(|child| *child == below).ok_or_else(Problem::not_found)?;
        shown = suppress(&rows, &shown).swap_remove(at);
    }
    let day = shown.first().ok_or_else(Problem::not_found)?;
    Ok(Appeals { open: day[OPEN], late: day[LATE].only_with(day[IN_TIME]).only_with(day[OPEN]) })
}

async fn count(app: &Shared) -> Result<BTreeMap<Place, Counts>, DbError> {
    let mut all: BTreeMap<Place, Counts> = BTreeMap::new();
    let hours = app.packs.base().appeals.due_hours.into_iter().max().unwrap_or(0);
    let late = app.clock.now().plus_s(-3_600 * i64::from(hours));
    for county in queue::open_appeals(&app.db, late).await? {
        for place in places(county.division) {
            let sums = all.entry(place).or_default();
            sums[OPEN] += county.open;
            sums[LATE] += county.late;
            sums[IN_TIME] += county.open - county.late;
        }
    }
    Ok(all)
}
