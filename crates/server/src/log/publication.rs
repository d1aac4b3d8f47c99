//! Rules that took force: a node that begins with other rules than those that are recorded last writes
//! down which, before it decides anything by them.

use kangma_core::rules::set::digest_bytes;

use super::{Kind, Subject, leaf, row_store, store};
use crate::app::Shared;
use crate::db::{DbError, Unit, Value};

/// Tries to be the one that writes it down, of nodes that begin at once.
const TRIES: usize = 8;
/// Grants, roles and steps of orders of an older service; with more it would have been in use for years.
const ACTS_MAX: i64 = 100_000;

/// Records the packs that this node starts with if they are not those that are recorded last.
pub async fn record(app: &Shared) -> Result<(), DbError> {
    let set = app.packs.set();
    let packs: Vec<_> = set.packs().collect();
    for _ in 0..TRIES {
        let last = store::last_publications(&app.db, i64::try_from(packs.len()).unwrap_or(i64::MAX)).await?;
        let digests = packs.iter().map(|pack| digest_bytes(&pack.digest));
        if last.len() == packs.len()
            && digests.eq(last.iter().rev().map(|l| l.digest[..].try_into().unwrap_or([0; 8])))
        {
            return Ok(());
        }
        let next = last.first().map_or(1, |last| last.number + 1);
        if next == 1 {
            take_up(app).await?;
        }
        let mut unit = Unit::new("log.publish");
        for (number, pack) in (next..).zip(&packs) {
            let row: Vec<Value> = vec![
                number.into(),
                (&*pack.id).into(),
                (&*pack.version).into(),
                digest_bytes(&pack.digest)[..].into(),
                app.clock.wall().into(),
            ];
            unit = leaf(unit, app, Subject::step(Kind::Publication, [0; 16], number), &row);
            unit = store::add_publication(unit, row);
        }
        match app.db.commit(unit).await {
            Err(DbError::Conflict) => {}
            done => return done,
        }
    }
    Err(DbError::Conflict)
}

/// Logs the rights and orders that a service had before it logged them, as they are now: from then on one
/// that is in no leaf was put in by hand.
async fn take_up(app: &Shared) -> Result<(), DbError> {
    for subject in row_store::unlogged_acts(&app.db, ACTS_MAX).await? {
        if let row_store::Stored::Columns(row) =
            row_store::columns(&app.db, subject.kind, subject.id, subject.version).await?
        {
            app.db.commit(leaf(Unit::new("log.take_up"), app, subject, &row)).await?;
        }
    }
    Ok(())
}
