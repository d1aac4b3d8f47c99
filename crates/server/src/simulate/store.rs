//! `pack_simulation`.

use kangma_core::time::Instant;

use super::runs::{self, Run};
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit};

/// Runs of a draft that are kept.
pub const KEPT_MAX: i64 = 20;

static LIST: Stmt = Stmt {
    name: "simulate.list",
    sql: "SELECT simulation_id, draft_id, draft_version, asked_at, asked_by, at, division, sample, state, reason, \
          lease_until, done, digest FROM pack_simulation WHERE draft_id = $1 ORDER BY simulation_id DESC LIMIT $2",
};

static FIND: Stmt = Stmt {
    name: "simulate.find",
    sql: "SELECT simulation_id, draft_id, draft_version, asked_at, asked_by, at, division, sample, state, reason, \
          lease_until, done, digest, report, places FROM pack_simulation WHERE simulation_id = $1 AND draft_id = $2",
};

// One whose node ended makes room for the next.
static BURY: Stmt = Stmt {
    name: "simulate.bury",
    sql: "UPDATE pack_simulation SET state = 3, reason = $3 WHERE draft_id = $1 AND state = 0 AND lease_until < $2",
};

static BEGIN: Stmt = Stmt {
    name: "simulate.begin",
    sql: "INSERT INTO pack_simulation (simulation_id, draft_id, draft_version, asked_at, asked_by, at, division, \
          sample, state, reason, lease_until, done, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', $9, 0, $10)",
};

static DROP_OLD: Stmt = Stmt {
    name: "simulate.drop_old",
    sql: "DELETE FROM pack_simulation WHERE draft_id = $1 AND simulation_id < $2 AND state <> 0",
};

static RENEW: Stmt = Stmt {
    name: "simulate.renew",
    sql: "UPDATE pack_simulation SET lease_until = $2, done = $3 WHERE simulation_id = $1 AND state = 0",
};

static END: Stmt = Stmt {
    name: "simulate.end",
    sql: "UPDATE pack_simulation SET state = $2, reason = $3, report = $4, places = $5 \
          WHERE simulation_id = $1 AND state = 0",
};

fn id_of(bytes: &[u8]) -> Result<[u8; 16], DbError> {
    bytes.try_into().map_err(|_| DbError::shape("id"))
}

fn run_of(row: &Row) -> Result<Run, DbError> {
    let state = row.int(8)?;
    Ok(Run {
        id: id_of(row.bytes(0)?)?,
        draft: id_of(row.bytes(1)?)?,
        draft_version: row.int(2)?,
        asked_at: Instant(row.int(3)?),
        asked_by: row.text(4)?.to_owned(),
        at: Instant(row.int(5)?),
        division: row.text(6)?.to_owned(),
        sample: row.int(7)?,
        state,
        reason: row.text(9)?.to_owned(),
        lease_until: Instant(row.int(10)?),
        done: if state == runs::DONE { runs::OF } else { row.int(11)? },
        digest: row.text(12)?.to_owned(),
    })
}

/// Runs of a draft, the latest first.
pub async fn list(db: &Db, draft: [u8; 16]) -> Result<Vec<Run>, DbError> {
    db.all(&LIST, &[draft.into(), KEPT_MAX.into()]).await?.iter().map(run_of).collect()
}

/// A run with its report and places, in JSON.
pub struct Found {
    pub run: Run,
    pub report: Option<String>,
    pub places: Option<String>,
}

pub async fn find(db: &Db, draft: [u8; 16], id: [u8; 16]) -> Result<Option<Found>, DbError> {
    let row = db.one(&FIND, &[id.into(), draft.into()]).await?;
    let text = |row: &Row, i| Ok::<_, DbError>(row.opt_text(i)?.map(str::to_owned));
    row.map(|row| Ok(Found { run: run_of(&row)?, report: text(&row, 13)?, places: text(&row, 14)? }))
        .transpose()
}

/// Begins a run; a conflict where another of the draft runs. Those from `drop_below` down are forgotten.
pub fn begin(run: &Run, overdue: Instant, why: &str, drop_below: Option<[u8; 16]>) -> Unit {
    let mut unit = Unit::new("simulate.begin").expect(
        Affects::Any,
        &BURY,
        vec![run.draft.into(), overdue.into(), why.into()],
    );
    if let Some(id) = drop_below {
        unit = unit.expect(Affects::Any, &DROP_OLD, vec![run.draft.into(), id.into()]);
    }
    let row = vec![
        run.id.into(),
        run.draft.into(),
        run.draft_version.into(),
        run.asked_at.into(),
        run.asked_by.as_str().into(),
        run.at.into(),
        run.division.as_str().into(),
        run.sample.into(),
        run.lease_until.into(),
        run.digest.as_str().into(),
    ];
    unit.expect(Affects::One, &BEGIN, row)
}

/// Says how far a run is; a conflict where it was stopped.
pub fn renew(id: [u8; 16], lease_until: Instant, done: i64) -> Unit {
    let row = vec![id.into(), lease_until.into(), done.into()];
    Unit::new("simulate.renew").expect(Affects::One, &RENEW, row)
}

/// Ends a run that runs.
pub fn end(id: [u8; 16], state: i64, reason: &str, report: Option<String>, places: Option<String>) -> Unit {
    let row = vec![id.into(), state.into(), reason.into(), report.into(), places.into()];
    Unit::new("simulate.end").expect(Affects::One, &END, row)
}
