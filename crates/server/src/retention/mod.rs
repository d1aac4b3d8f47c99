//! Erasing facts that have had their days, as the pack where somebody is says it.
//!
//! URL: `GET /api/v1/me/retention`. Table: `retention_walk`. Once a day everybody is looked through in the
//! parts and under the leases of those who decide in time, a page at a time; what
//! [`kangma_core::rules::retention`] finds is erased person by person.

pub mod http;
pub mod job;
mod store;

use kangma_core::fact::Kind;
use kangma_core::id::PersonId;
use kangma_core::rules::retention::spent;
use kangma_core::time::{DAY_S, Instant};

use crate::app::{App, Shared};
use crate::error::Problem;
use crate::{decide, person, queue};

pub use store::last;

/// What was recorded less than this ago is kept: an outbox may send it again ([`crate::collect::LATE_S_MAX`]).
const SENT_AGAIN_S: i64 = crate::collect::LATE_S_MAX;
/// Guards collide when somebody writes meanwhile; the next day is early enough.
const RETRIES: usize = 3;

/// What a look at somebody came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Kinds of the facts that were erased.
    pub kinds: Vec<Kind>,
    /// Whether something stays that is past its days: an answer rests on it, or an office has yet to say
    /// something.
    pub is_held: bool,
}

/// Whether any pack that is served lets facts go at all.
pub fn is_asked(app: &App) -> bool {
    app.packs.set().packs().any(|p| !p.retention.is_empty())
}

/// Until when what was recorded may be erased.
fn recorded_until(now: Instant) -> Instant {
    now.plus_s(-SENT_AGAIN_S)
}

/// Erases what has had its days of somebody's facts, as their rows have them.
pub async fn erase(app: &Shared, id: PersonId) -> Result<Outcome, Problem> {
    for _ in 0..RETRIES {
        let Some(mut person) = person::load(app, id).await? else { return Ok(Outcome::default()) };
        let rows = person::with_rows(app, &mut person).await?;
        let now = app.clock.now();
        let found = spent(&app.packs.set(), &person.facts, now, recorded_until(now));
        if found.ids.is_empty() {
            return Ok(Outcome { kinds: Vec::new(), is_held: found.is_held });
        }
        // Whoever answers an appeal or a review reads what it is about, and what stood before it.
        if queue::waits_for(&app.db, id).await? {
            return Ok(Outcome { kinds: Vec::new(), is_held: true });
        }
        let of = |id| person.facts.find(id).map(|f| f.kind);
        let kinds = found.ids.iter().filter_map(|id| of(*id)).collect();
        let seqs: Vec<i64> =
            rows.iter().filter(|(_, id)| found.ids.contains(id)).map(|(seq, _)| *seq).collect();
        if decide::erase(app, person, (&found.ids, &seqs), now).await? {
            return Ok(Outcome { kinds, is_held: found.is_held });
        }
    }
    Ok(Outcome { kinds: Vec::new(), is_held: true })
}

/// The day of a walk: it begins at three in the morning, when few people wait for anything.
fn day_of(app: &App, now: Instant) -> i64 {
    app.packs.base().zone.day_of(now.plus_s(-DAY_S / 8)).0.into()
}
