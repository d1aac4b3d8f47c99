//! Undoing orders: every order of an account, a place and a time is withdrawn, person by person,
//! and the rules decide again. Two offices ask for it, or the operator by `kangma order undo`,
//! who can free but never take back a release.

use kangma_core::role::Permission;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};

use super::act::{of_another_office, opens, take_back};
use super::store::{self, Range, UndoRow};
use super::{conflict, unreadable, unseal};
use crate::alarm;
use crate::app::{App, Shared};
use crate::db::{DbError, Unit};
use crate::error::Problem;
use crate::staff::Officer;

/// Orders that one step withdraws.
const STEP: usize = 100;
/// Steps that a request waits for; a job does the rest.
const STEPS_WAITED: usize = 5;

/// What is to be undone.
#[derive(Clone, Serialize, Deserialize)]
pub struct Undo {
    /// Log-in name of who wrote the orders; everybody's where it is empty.
    pub officer: String,
    /// Of people in this division; everywhere where it is empty.
    pub division: String,
    /// Written from this instant on.
    pub from: i64,
    /// Until this one.
    pub to: i64,
    /// Why; residents and auditors read it.
    pub reason: String,
}

/// A request with what it asks for.
pub struct Asked {
    /// Its row.
    pub row: UndoRow,
    /// What it asks for.
    pub undo: Undo,
}

/// How far undoing came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Orders withdrawn.
    pub orders: u64,
    /// Releases left alone, which only two offices take back.
    pub releases_left: u64,
}

/// Asks for undoing; nothing happens until another office signs.
pub async fn ask(app: &Shared, officer: &Officer, undo: &Undo) -> Result<[u8; 16], Problem> {
    officer.require(Permission::Order, &undo.division)?;
    let id = app.new_id();
    let plain = serde_json::to_vec(undo).map_err(unreadable)?;
    let body = app.keys.master.seal("order_undo", "body", &id, &plain);
    let unit = Unit::new("order.ask_undo");
    let unit = store::ask_undo(unit, app, id, (&officer.name, officer.office), app.clock.now(), body);
    app.db.commit(unit).await?;
    Ok(id)
}

/// Signs such a request, and begins.
pub async fn sign(app: &Shared, officer: &Officer, id: [u8; 16]) -> Result<Asked, Problem> {
    officer.require_somewhere(Permission::CountersignOrder)?;
    let asked = find(app, id).await?.filter(|a| officer.may(Permission::CountersignOrder, &a.undo.division));
    let asked = asked.ok_or_else(Problem::not_found)?;
    of_another_office(&asked.row.asked_by, &asked.row.office, officer)?;
    let unit = store::sign_undo(Unit::new("order.sign_undo"), app, id, &officer.name, app.clock.now());
    let unit =
        alarm::raise_in(unit, app, alarm::Kind::OrdersUndone, &asked.undo.officer, &asked.undo.division);
    match app.db.commit(unit).await {
        Err(DbError::Conflict) => {
            return Err(conflict("order.undo_signed", "该申请已复签。", "The request is signed already."));
        }
        done => done?,
    }
    go_on(app, &asked, STEPS_WAITED).await?;
    find(app, id).await?.ok_or_else(Problem::not_found)
}

/// Requests of some divisions, the latest first.
pub async fn list(app: &Shared, allowed: impl Fn(&str) -> bool, limit: i64) -> Result<Vec<Asked>, Problem> {
    let mut all = Vec::new();
    for row in store::undos(&app.db, limit).await? {
        let asked = read(app, row)?;
        if allowed(&asked.undo.division) {
            all.push(asked);
        }
    }
    Ok(all)
}

async fn find(app: &Shared, id: [u8; 16]) -> Result<Option<Asked>, Problem> {
    store::find_undo(&app.db, id).await?.map(|row| read(app, row)).transpose()
}

fn read(app: &App, row: UndoRow) -> Result<Asked, Problem> {
    let plain = app.keys.master.open("order_undo", "body", &row.id, &row.body).map_err(unreadable)?;
    Ok(Asked { undo: serde_json::from_slice(&plain).map_err(unreadable)?, row })
}

/// Withdraws what a signed request asks for, in steps. A step that ran twice did it once: what is
/// withdrawn is not found again.
pub async fn go_on(app: &Shared, asked: &Asked, steps: usize) -> Result<(), Problem> {
    let by = asked.row.asked_by.as_str();
    for _ in 0..steps {
        let (undone, past) = step(app, &asked.undo, by, true, [0; 16]).await?;
        if undone.orders > 0 {
            let n = i64::try_from(undone.orders).unwrap_or(i64::MAX);
            store::count_undone(&app.db, asked.row.id, n).await?;
        }
        if past.is_none() {
            return Ok(store::undo_done(&app.db, asked.row.id, app.clock.now()).await?);
        }
    }
    Ok(())
}

/// Signed requests that are not done.
pub async fn due(app: &Shared, limit: i64) -> Result<Vec<Asked>, Problem> {
    store::undos_due(&app.db, limit).await?.into_iter().map(|row| read(app, row)).collect()
}

/// All of it at once, for the command line: frees, and leaves releases alone.
pub async fn all(app: &Shared, undo: &Undo, by: &str) -> Result<Undone, Problem> {
    let (mut sum, mut past) = (Undone::default(), Some([0; 16]));
    while let Some(from) = past {
        let (undone, next) = step(app, undo, by, false, from).await?;
        sum.orders += undone.orders;
        sum.releases_left += undone.releases_left;
        past = next;
    }
    alarm::raise(app, alarm::Kind::OrdersUndone, &undo.officer, &undo.division).await?;
    Ok(sum)
}

/// One step past an order; where the next begins, none after the last.
async fn step(
    app: &Shared,
    undo: &Undo,
    by: &str,
    releases_too: bool,
    past: [u8; 16],
) -> Result<(Undone, Option<[u8; 16]>), Problem> {
    let range = Range {
        officer: &undo.officer,
        division: &undo.division,
        from: Instant(undo.from),
        to: Instant(undo.to),
    };
    let rows = store::range(&app.db, &range, past, STEP).await?;
    let mut undone = Undone::default();
    for row in &rows {
        let body = unseal(app, row)?;
        if !releases_too && !opens(app, &body) {
            undone.releases_left += 1;
            continue;
        }
        undone.orders += u64::from(take_back(app, row, &body, by, &undo.reason).await?);
    }
    let next = rows.last().filter(|_| rows.len() == STEP).map(|row| row.id);
    Ok((undone, next))
}
