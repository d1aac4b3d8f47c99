//! Decides again for people whose `review_at` has passed and whom nobody reads.

use futures_util::{StreamExt as _, TryStreamExt as _};
use kangma_core::decision::Status;
use kangma_core::fact::Facts;
use kangma_core::id::PersonId;
use kangma_core::rules::set::{PackSet, decide_in};
use kangma_core::time::Instant;

use crate::app::Shared;
use crate::error::Problem;
use crate::person::{self, Plan, WalkError, Walker};
use crate::{packs, tally};

/// People in one round: small, so that requests never wait long behind a round.
const BATCH: i64 = 200;
/// Of whom so many at once, so that their commits share a write.
const AT_ONCE: usize = 32;

/// A part of all people, by the first byte of their ids.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// From 0.
    pub number: u8,
    /// Parts in all: divides 256.
    pub of: u8,
}

impl Part {
    /// Everybody.
    pub const ALL: Part = Part { number: 0, of: 1 };

    /// First and last id.
    fn range(self) -> (PersonId, PersonId) {
        let width = 256 / u16::from(self.of);
        let (mut first, mut last) = ([0; 16], [0xff; 16]);
        first[0] = (width * u16::from(self.number)) as u8;
        last[0] = (width * (u16::from(self.number) + 1) - 1) as u8;
        (PersonId(first), PersonId(last))
    }
}

/// One round. Returns how many were due; a full batch means that more are.
pub async fn round(app: &Shared, part: Part) -> Result<usize, Problem> {
    let due = person::due(&app.db, app.clock.now(), part.range(), BATCH).await?;
    let n = due.len();
    futures_util::stream::iter(due)
        .map(|id| super::refresh(app, id))
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    Ok(n)
}

/// Looks through a part of the people after another pack took force or ended somewhere, and decides again
/// for those under another pack than their place's: whoever nobody reads is counted and told as well.
pub async fn sweep(app: &Shared, part: Part, holds: impl Fn() -> bool) -> Result<(), Problem> {
    let Some(turns) = app.packs.unswept(part.number, app.clock.now()) else { return Ok(()) };
    let (first, end) = part.range();
    // From just below the first: ids are looked for behind one.
    let mut last = u128::from_be_bytes(first.0).checked_sub(1).map(|n| PersonId(n.to_be_bytes()));
    while holds() {
        let people = person::states_after(app, last, LOOK).await?;
        let is_over = people.last().is_none_or(|(id, _)| *id > end);
        last = people.last().map(|(id, _)| *id);
        let now = app.clock.now();
        let other = |s: &person::State| !app.packs.is_in_force(&s.pack, s.sealed.division, now);
        let stale = people.into_iter().filter(|(id, s)| *id <= end && s.as_ref().is_some_and(other));
        futures_util::stream::iter(stale.map(|(id, _)| id).collect::<Vec<_>>())
            .map(|id| super::refresh(app, id))
            .buffer_unordered(AT_ONCE)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        if is_over {
            app.packs.set_swept(part.number, turns);
            return Ok(());
        }
    }
    Ok(())
}

/// The part that somebody belongs to, of as many as jobs are parted in.
pub fn part_of(id: PersonId) -> u8 {
    (usize::from(id.0[0]) * packs::PARTS / 256) as u8
}

/// What a look through a part of the people for lists of areas came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked {
    /// Since when the lists act.
    pub turn: Instant,
    /// People in the part.
    pub people: i64,
    /// Of whom a fact names a place where the lists differ, whoever decided about them since: this look, a
    /// read or another fact.
    pub touched: i64,
    /// To whom the lists give another colour.
    pub changed: i64,
}

/// Looks through a part of the people after other lists of areas began to act, and decides again for those
/// of whom a fact names a place where they differ; nobody else is written. `None` where nothing is to do, or
/// the work passed to another node. A part that was not finished is looked through again.
pub async fn touched(app: &Shared, part: Part, holds: impl Fn() -> bool) -> Result<Option<Walked>, Problem> {
    let (set, after) = (app.packs.set(), app.packs.walked(part.number));
    let Some(turn) = set.areas_since(app.clock.now()).filter(|turn| after < *turn) else { return Ok(None) };
    let mut walked = Walked { turn, people: 0, touched: 0, changed: 0 };
    let (differs, everybody) = set.areas_differ(after, turn);
    if differs.is_empty() {
        return Ok(Some(walked));
    }
    let before = set.as_ref().clone().before_areas(after);
    // By what was known when the lists began to act, under those before and under these at one instant: what
    // a read, a due decision or a look that was broken off decided since is counted like what this look does.
    let is_changed = |facts: &Facts| {
        let known = Facts::new(facts.iter().filter(|f| f.recorded < turn).cloned().collect());
        let shade = |set: &PackSet| {
            let decision = decide_in(set, &known, turn);
            decision.colour.filter(|_| decision.status == Status::Active)
        };
        shade(&before) != shade(&set)
    };
    // The parts of a walk by ids are those of the jobs.
    let plan = Plan::Ids((1, 1));
    let mut walker = Walker::new(&app.db, &app.person_keys, plan, part.number.into(), part.of.into());
    while walker.next().await.map_err(unwalked)?.is_some() {
        if !holds() {
            return Ok(None);
        }
        let (mut touched, mut stale) = (Vec::new(), Vec::new());
        let look = |mut seen: person::Seen<'_>| {
            walked.people += 1;
            match seen.facts() {
                Ok(facts) if everybody || differs.touches(&facts) => {
                    // Whoever was decided about since was asked under these lists already.
                    if seen.decided_at()? < turn {
                        stale.push(seen.id);
                    }
                    touched.push(facts);
                }
                Ok(_) => {}
                // Nobody can be decided about whose facts do not open, and nobody else waits for that.
                Err(e @ (WalkError::Closed(_) | WalkError::Shape(_))) => {
                    tracing::error!(%e, "somebody was left out of a look for lists of areas");
                }
                Err(e) => return Err(e),
            }
            Ok(())
        };
        walker.each(look).map_err(unwalked)?;
        walked.touched += touched.len() as i64;
        for some in touched.chunks(AT_ONCE) {
            walked.changed += some.iter().filter(|facts| is_changed(facts)).count() as i64;
            // Requests come first.
            tokio::task::yield_now().await;
        }
        let again = futures_util::stream::iter(stale).map(|id| super::refresh_older(app, id, turn));
        again.buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await?;
        // Requests come first: a page is some milliseconds of work without a pause.
        tokio::task::yield_now().await;
    }
    Ok(Some(walked))
}

fn unwalked(e: WalkError) -> Problem {
    tracing::warn!(%e, "people could not be looked through");
    Problem::internal()
}

/// People in one look for those who are not counted yet.
const LOOK: i64 = 500;

/// Counts everybody whom an older version stored: once in the life of a database, by deciding again.
pub async fn count_all(app: &Shared, holds: impl Fn() -> bool) -> Result<(), Problem> {
    if !holds() || tally::all_counted(app).await? {
        return Ok(());
    }
    let mut last = None;
    while holds() {
        let people = person::states_after(app, last, LOOK).await?;
        let Some((id, _)) = people.last() else { return Ok(tally::set_all_counted(app).await?) };
        last = Some(*id);
        for (id, state) in people {
            if state.is_some_and(|s| s.counted().is_none()) {
                super::refresh(app, id).await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn parts_cover_everybody_once() {
        for of in [1, 2, 16, 64] {
            let mut next = Some(0_u8);
            for number in 0..of {
                let (first, last) = Part { number, of }.range();
                assert_eq!(Some(first.0[0]), next);
                assert!(first.0[1..] == [0; 15] && last.0[1..] == [0xff; 15]);
                next = last.0[0].checked_add(1);
            }
            assert_eq!(next, None, "{of} parts end with the last id");
        }
    }
}
