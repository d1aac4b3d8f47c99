//! Looks everybody through once a day.

use kangma_core::fact::Facts;
use kangma_core::id::PersonId;
use kangma_core::rules::retention::spent;
use kangma_core::rules::set::place_number;

use super::store::{self, Walk};
use super::{Outcome, day_of, is_asked, recorded_until};
use crate::app::Shared;
use crate::decide::job::Part;
use crate::error::Problem;
use crate::person::{self, Plan, Seen, WalkError, Walker};

/// People that are looked at between two moments at which requests come first.
const AT_ONCE: usize = 32;

/// Looks at the next page of each part of the people that this node holds and that was not looked through
/// today. Where it stopped is kept: another node goes on there.
pub async fn round(app: &Shared, parts: u8, holds: impl Fn(u8) -> bool) -> Result<(), Problem> {
    if !is_asked(app) {
        return Ok(());
    }
    let (mut walks, today) = (store::walks(&app.db).await?, day_of(app, app.clock.now()));
    let mut failed = Ok(());
    for number in (0..parts).filter(|number| holds(*number)) {
        let walk = match walks.remove(&number) {
            Some(walk) if walk.is_over && walk.day >= today => continue,
            // One of yesterday that did not come to its end goes on: nobody is left out.
            Some(walk) if !walk.is_over => walk,
            _ => Walk { day: today, ..Walk::default() },
        };
        if let Err(problem) = page(app, Part { number, of: parts }, walk, || holds(number)).await {
            // The other parts do not wait for that.
            tracing::warn!(
                part = number,
                code = problem.code,
                "a look for facts that have had their days failed"
            );
            failed = Err(problem);
        }
    }
    failed
}

async fn page(app: &Shared, part: Part, mut walk: Walk, holds: impl Fn() -> bool) -> Result<(), Problem> {
    let (set, now) = (app.packs.set(), app.clock.now());
    let plan = Plan::Ids((1, 1));
    let mut walker = Walker::new(&app.db, &app.person_keys, plan, part.number.into(), part.of.into());
    if let Some(past) = walk.past {
        walker = walker.behind(past);
    }
    let mut wanted: Vec<(PersonId, Facts, bool)> = Vec::new();
    if walker.next().await.map_err(unwalked)?.is_some() {
        let look = |mut seen: Seen<'_>| {
            walk.people += 1;
            let read = seen.facts().and_then(|facts| Ok((seen.has_more_rows(&facts)?, facts)));
            match read {
                Ok((_, facts)) if set.at(place_number(&facts), now).retention.is_empty() => {}
                Ok((more, facts)) => wanted.push((seen.id, facts, more)),
                // Nobody can be decided about whose facts do not open, and nobody else waits for that.
                Err(e @ (WalkError::Closed(_) | WalkError::Shape(_))) => left_out(&e),
                Err(e) => return Err(e),
            }
            Ok(())
        };
        walker.each(look).map_err(unwalked)?;
    }
    for some in wanted.chunks(AT_ONCE) {
        for (id, facts, more) in some {
            let found = spent(&set, facts, now, recorded_until(now));
            let outcome = match *more || !found.ids.is_empty() {
                true => match super::erase(app, *id).await {
                    // A row of theirs does not open, or their key was destroyed since.
                    Err(problem) if person::is_their_own(&problem) => {
                        left_out(&problem.code);
                        Outcome { is_held: true, ..Outcome::default() }
                    }
                    done => done?,
                },
                false => Outcome { is_held: found.is_held, ..Outcome::default() },
            };
            walk.note(&outcome);
        }
        if !holds() {
            // Whoever has the part now looks at the page again, and finds less to do.
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
    walk.past = walker.last().or(walk.past);
    walk.is_over = walker.is_over();
    store::put(&app.db, part.number, &walk).await?;
    if walk.is_over {
        let Walk { people, facts, held, .. } = walk;
        tracing::info!(
            part = part.number,
            people,
            facts,
            held,
            "looked through for facts that have had their days"
        );
    }
    Ok(())
}

impl Walk {
    fn note(&mut self, outcome: &Outcome) {
        self.facts += outcome.kinds.len() as i64;
        self.held += i64::from(outcome.is_held);
        for kind in &outcome.kinds {
            metrics::counter!("kangma_facts_erased_total", "kind" => kind.name()).increment(1);
        }
    }
}

/// Says nothing of who it was.
fn left_out(why: &dyn std::fmt::Display) {
    tracing::error!(%why, "somebody was left out of a look for facts that have had their days");
}

fn unwalked(e: WalkError) -> Problem {
    tracing::warn!(%e, "people could not be looked through for facts that have had their days");
    Problem::internal()
}
