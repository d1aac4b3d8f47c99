//! Decides again for people whose `review_at` has passed and whom nobody reads.

use futures_util::{StreamExt as _, TryStreamExt as _};
use kangma_core::id::PersonId;

use crate::app::Shared;
use crate::error::Problem;
use crate::{person, tally};

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
        .try_collect::<()>()
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
            .try_collect::<()>()
            .await?;
        if is_over {
            app.packs.set_swept(part.number, turns);
            return Ok(());
        }
    }
    Ok(())
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
