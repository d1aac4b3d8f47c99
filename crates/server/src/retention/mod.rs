//! Erasing facts that have had their days, as the pack where somebody is says it.
//!
//! URL: `GET /api/v1/me/retention`. Table: `retention_walk`. Once a day everybody is looked through in the
//! parts and under the leases of those who decide in time, a page at a time; what
//! [`kangma_core::rules::retention`] finds is erased person by person.

pub mod http;
pub mod job;
mod store;

use kangma_core::fact::{Fact, Kind};
use kangma_core::id::PersonId;
use kangma_core::rules::retention::spent;
use kangma_core::time::{DAY_S, Instant};

use crate::app::{App, Shared};
use crate::decide::Erasing;
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
        let Some(person) = person::load(app, id).await? else { return Ok(Outcome::default()) };
        let (rows, now) = (person::rows(app, &person).await?, app.clock.now());
        let facts = rows.iter().map(|(_, fact)| fact.clone()).collect();
        let found = spent(&app.packs.set(), &facts, now, recorded_until(now));
        if found.ids.is_empty() {
            return Ok(Outcome { kinds: Vec::new(), is_held: found.is_held });
        }
        // Whoever answers an appeal or a review reads what it is about, and what stood before it. One that is
        // made from here on changes the person, and this is overtaken.
        if queue::waits_for(&app.db, id).await? {
            return Ok(Outcome { kinds: Vec::new(), is_held: true });
        }
        let gone: Vec<(i64, Fact)> =
            rows.into_iter().filter(|(_, fact)| found.ids.contains(&fact.id)).collect();
        match decide::erase(app, person, &gone, now).await? {
            Erasing::Done => {
                let kinds = gone.iter().map(|(_, fact)| fact.kind).collect();
                return Ok(Outcome { kinds, is_held: found.is_held });
            }
            Erasing::Held => return Ok(Outcome { kinds: Vec::new(), is_held: true }),
            Erasing::Overtaken => {}
        }
    }
    Ok(Outcome { kinds: Vec::new(), is_held: true })
}

/// The day of a walk: it begins at three in the morning, when few people wait for anything.
fn day_of(app: &App, now: Instant) -> i64 {
    app.packs.base().zone.day_of(now.plus_s(-DAY_S / 8)).0.into()
}
