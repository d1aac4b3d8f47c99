//! Rules that took force: a node that begins with other rules than those that are recorded last writes
//! down which, before it decides anything by them.

use super::{Kind, Subject, leaf, row_store, store};
use crate::app::Shared;
use crate::db::{DbError, Unit, Value};

/// Tries to be the one that writes it down, of nodes that begin at once.
const TRIES: usize = 8;
/// Grants, roles and steps of orders of an older service; with more it would have been in use for years.
const ACTS_MAX: i64 = 100_000;

/// Records the rules of this node if they are not those that are recorded last.
pub async fn record(app: &Shared) -> Result<(), DbError> {
    for _ in 0..TRIES {
        let last = store::last_publication(&app.db).await?;
        if last.as_ref().is_some_and(|last| last.digest == app.pack_digest) {
            return Ok(());
        }
        let number = last.map_or(1, |last| last.number + 1);
        let row: Vec<Value> = vec![
            number.into(),
            (&*app.pack.id).into(),
            (&*app.pack.version).into(),
            app.pack_digest.as_slice().into(),
            app.clock.wall().into(),
        ];
        if number == 1 {
            take_up(app).await?;
        }
        let unit = Unit::new("log.publish");
        let unit = leaf(unit, app, Subject::step(Kind::Publication, [0; 16], number), &row);
        match app.db.commit(store::add_publication(unit, row)).await {
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
