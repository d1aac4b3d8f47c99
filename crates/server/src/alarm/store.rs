//! `alarm` and `pace`.

use kangma_core::time::Instant;

use super::{Alarm, Kind};
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit};

static RAISE: Stmt = Stmt {
    name: "alarm.raise",
    sql: "INSERT INTO alarm (alarm_id, kind, officer, division, raised_at, last_at, times, seen) \
          VALUES ($1, $2, $3, $4, $5, $5, 1, 0) \
          ON CONFLICT (alarm_id) DO UPDATE SET last_at = excluded.last_at, times = alarm.times + 1",
};

static WITHIN: Stmt = Stmt {
    name: "alarm.within",
    sql: "SELECT alarm_id, kind, officer, division, raised_at, last_at, times, seen, answered_by, answer FROM alarm \
          WHERE division >= $1 AND division < $2 AND seen < times + $3 \
          ORDER BY last_at DESC, alarm_id DESC LIMIT $4",
};

static FIND: Stmt = Stmt {
    name: "alarm.find",
    sql: "SELECT alarm_id, kind, officer, division, raised_at, last_at, times, seen, answered_by, answer FROM alarm \
          WHERE alarm_id = $1",
};

static ANSWER: Stmt = Stmt {
    name: "alarm.answer",
    sql: "UPDATE alarm SET seen = $2, answered_by = $3, answered_at = $4, answer = $5 \
          WHERE alarm_id = $1 AND seen < $2",
};

static COUNT_OPEN: Stmt =
    Stmt { name: "alarm.count_open", sql: "SELECT COUNT(*) FROM alarm WHERE seen < times" };

static MARKS: Stmt = Stmt { name: "alarm.marks", sql: "SELECT version, marks FROM pace WHERE pace_key = $1" };

static FIRST_MARKS: Stmt =
    Stmt { name: "alarm.first_marks", sql: "INSERT INTO pace (pace_key, version, marks) VALUES ($1, 1, $2)" };

static KEEP_MARKS: Stmt = Stmt {
    name: "alarm.keep_marks",
    sql: "UPDATE pace SET version = $3 + 1, marks = $2 WHERE pace_key = $1 AND version = $3",
};

fn alarm(row: &Row) -> Result<Alarm, DbError> {
    Ok(Alarm {
        id: row.bytes(0)?.try_into().map_err(|_| DbError::shape("alarm_id"))?,
        kind: Kind::named(row.text(1)?).ok_or_else(|| DbError::shape("kind"))?,
        officer: row.text(2)?.to_owned(),
        division: row.text(3)?.to_owned(),
        raised_at: Instant(row.int(4)?),
        last_at: Instant(row.int(5)?),
        times: row.int(6)?,
        seen: row.int(7)?,
        answered_by: row.opt_text(8)?.map(str::to_owned),
        answer: row.opt_bytes(9)?.map(<[u8]>::to_vec),
    })
}

pub fn raise(unit: Unit, id: [u8; 16], kind: Kind, officer: &str, division: &str, at: Instant) -> Unit {
    let params = vec![id.into(), kind.name().into(), officer.into(), division.into(), at.into()];
    unit.expect(Affects::One, &RAISE, params)
}

pub async fn within(db: &Db, division: &str, open: bool, limit: usize) -> Result<Vec<Alarm>, DbError> {
    // Codes are digits: `~` comes after each of them.
    let last = format!("{division}~");
    let params = [division.into(), last.into(), i64::from(!open).into(), (limit as i64).into()];
    db.all(&WITHIN, &params).await?.iter().map(alarm).collect()
}

pub async fn find(db: &Db, id: [u8; 16]) -> Result<Option<Alarm>, DbError> {
    db.one(&FIND, &[id.into()]).await?.map(|row| alarm(&row)).transpose()
}

pub async fn answer(
    db: &Db,
    id: [u8; 16],
    times: i64,
    by: &str,
    at: Instant,
    answer: Vec<u8>,
) -> Result<(), DbError> {
    let params = vec![id.into(), times.into(), by.into(), at.into(), answer.into()];
    db.commit(Unit::new("alarm.answer").expect(Affects::One, &ANSWER, params)).await
}

/// Alarms that nobody has answered for.
pub async fn count_open(db: &Db) -> Result<i64, DbError> {
    db.one(&COUNT_OPEN, &[]).await?.map_or(Ok(0), |row| row.int(0))
}

pub async fn marks(db: &Db, key: [u8; 16]) -> Result<Option<(i64, Vec<u8>)>, DbError> {
    let row = db.one(&MARKS, &[key.into()]).await?;
    row.map(|row| Ok((row.int(0)?, row.bytes(1)?.to_vec()))).transpose()
}

/// Keeps marks over those that were read; a conflict if somebody was quicker.
pub async fn keep_marks(db: &Db, key: [u8; 16], version: i64, marks: Vec<u8>) -> Result<(), DbError> {
    let unit = Unit::new("alarm.keep_marks");
    let unit = match version {
        0 => unit.expect(Affects::One, &FIRST_MARKS, vec![key.into(), marks.into()]),
        _ => unit.expect(Affects::One, &KEEP_MARKS, vec![key.into(), marks.into(), version.into()]),
    };
    db.commit(unit).await
}
