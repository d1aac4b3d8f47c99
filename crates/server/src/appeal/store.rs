//! `appeal`, `appeal_step` and `appeal_tally`.

use kangma_core::appeal::Level;
use kangma_core::id::{FactId, PersonId};
use kangma_core::time::{Day, Instant};

use super::{Appeal, Stage, Step, What};
use crate::app::App;
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit};
use crate::log;
use crate::queue::Item;

static ADD: Stmt = Stmt {
    name: "appeal.add",
    sql: "INSERT INTO appeal (person_id, appeal_id, about, made_at, state, body) VALUES ($1, $2, $3, $4, 0, $5)",
};

static FIND: Stmt = Stmt {
    name: "appeal.find",
    sql: "SELECT appeal_id, about, made_at, state, body, closed_at, answer FROM appeal \
          WHERE person_id = $1 AND appeal_id = $2",
};

static LIST: Stmt = Stmt {
    name: "appeal.list",
    sql: "SELECT appeal_id, about, made_at, state, body, closed_at, answer FROM appeal \
          WHERE person_id = $1 ORDER BY made_at DESC, appeal_id LIMIT $2",
};

static ABOUT: Stmt = Stmt {
    name: "appeal.about",
    sql: "SELECT appeal_id, about, made_at, state, body, closed_at, answer FROM appeal \
          WHERE person_id = $1 AND about = $2 ORDER BY made_at DESC, appeal_id LIMIT $3",
};

static CLOSE: Stmt = Stmt {
    name: "appeal.close",
    sql: "UPDATE appeal SET state = $3, closed_at = $4, answer = $5 \
          WHERE person_id = $1 AND appeal_id = $2 AND state = 0",
};

static STEPS: Stmt = Stmt {
    name: "appeal.steps",
    sql: "SELECT seq, at, what, level, officer, note FROM appeal_step \
          WHERE person_id = $1 AND appeal_id = $2 ORDER BY seq LIMIT 100",
};

static NEXT_STEP: Stmt = Stmt {
    name: "appeal.next_step",
    sql: "SELECT COALESCE(MAX(seq) + 1, 0) FROM appeal_step WHERE person_id = $1 AND appeal_id = $2",
};

static ADD_STEP: Stmt = Stmt {
    name: "appeal.add_step",
    sql: "INSERT INTO appeal_step (person_id, appeal_id, seq, at, what, level, officer, note) \
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
};

static COUNT: Stmt = Stmt {
    name: "appeal.count",
    sql: "INSERT INTO appeal_tally (day, level, division, half_hours, answered, late) VALUES ($1, $2, $3, $4, 1, $5) \
          ON CONFLICT (day, level, division, half_hours) DO UPDATE SET answered = appeal_tally.answered + 1, \
          late = appeal_tally.late + excluded.late",
};

static TALLY: Stmt = Stmt {
    name: "appeal.tally",
    sql: "SELECT level, division, half_hours, CAST(SUM(answered) AS BIGINT), CAST(SUM(late) AS BIGINT) \
          FROM appeal_tally WHERE day >= $1 AND division >= $2 AND division <= $3 \
          GROUP BY level, division, half_hours ORDER BY level, division, half_hours LIMIT 100000",
};

pub struct AppealRow {
    pub id: [u8; 16],
    pub about: FactId,
    pub made_at: Instant,
    pub stage: Stage,
    pub body: Vec<u8>,
    pub closed_at: Option<Instant>,
    pub answer: Option<Vec<u8>>,
}

fn id16(bytes: &[u8]) -> Result<[u8; 16], DbError> {
    bytes.try_into().map_err(|_| DbError::shape("appeal"))
}

fn level(n: i64) -> Result<Level, DbError> {
    u8::try_from(n).ok().and_then(Level::from_u8).ok_or_else(|| DbError::shape("level"))
}

fn appeal_row(row: &Row) -> Result<AppealRow, DbError> {
    Ok(AppealRow {
        id: id16(row.bytes(0)?)?,
        about: FactId(id16(row.bytes(1)?)?),
        made_at: Instant(row.int(2)?),
        stage: match row.int(3)? {
            0 => Stage::Open,
            1 => Stage::Answered,
            _ => Stage::Withdrawn,
        },
        body: row.bytes(4)?.to_vec(),
        closed_at: row.opt_int(5)?.map(Instant),
        answer: row.opt_bytes(6)?.map(<[u8]>::to_vec),
    })
}

pub fn add(unit: Unit, person: PersonId, appeal: &Appeal, body: Vec<u8>) -> Unit {
    let params =
        vec![person.into(), appeal.id.into(), appeal.about.into(), appeal.made_at.into(), body.into()];
    unit.expect(Affects::One, &ADD, params)
}

pub async fn find(db: &Db, person: PersonId, id: [u8; 16]) -> Result<Option<AppealRow>, DbError> {
    db.one(&FIND, &[person.into(), id.into()]).await?.map(|row| appeal_row(&row)).transpose()
}

pub async fn list(db: &Db, person: PersonId, limit: i64) -> Result<Vec<AppealRow>, DbError> {
    db.all(&LIST, &[person.into(), limit.into()]).await?.iter().map(appeal_row).collect()
}

pub async fn about(db: &Db, person: PersonId, fact: FactId, limit: i64) -> Result<Vec<AppealRow>, DbError> {
    db.all(&ABOUT, &[person.into(), fact.into(), limit.into()]).await?.iter().map(appeal_row).collect()
}

/// Closes an open appeal; a conflict if it is not open.
pub fn close(
    unit: Unit,
    person: PersonId,
    id: [u8; 16],
    stage: Stage,
    at: Instant,
    answer: Option<Vec<u8>>,
) -> Unit {
    let params = vec![person.into(), id.into(), (stage as i64).into(), at.into(), answer.into()];
    unit.expect(Affects::One, &CLOSE, params)
}

/// Steps in order, each with its sealed note.
pub async fn steps(db: &Db, person: PersonId, id: [u8; 16]) -> Result<Vec<(Step, Option<Vec<u8>>)>, DbError> {
    let rows = db.all(&STEPS, &[person.into(), id.into()]).await?;
    rows.iter()
        .map(|row| {
            let step = Step {
                seq: row.int(0)?,
                at: Instant(row.int(1)?),
                what: What::from_int(row.int(2)?).ok_or_else(|| DbError::shape("what"))?,
                level: level(row.int(3)?)?,
                officer: row.opt_text(4)?.map(str::to_owned),
                note: None,
            };
            Ok((step, row.opt_bytes(5)?.map(<[u8]>::to_vec)))
        })
        .collect()
}

/// The number of the next step; two that take the same one collide.
pub async fn next_step(db: &Db, person: PersonId, id: [u8; 16]) -> Result<i64, DbError> {
    db.one(&NEXT_STEP, &[person.into(), id.into()]).await?.map_or(Ok(0), |row| row.int(0))
}

/// Adds a step, and its leaf of the decision log.
pub fn add_step(
    unit: Unit,
    app: &App,
    person: PersonId,
    id: [u8; 16],
    step: &Step,
    note: Option<Vec<u8>>,
) -> Unit {
    let params = vec![
        person.into(),
        id.into(),
        step.seq.into(),
        step.at.into(),
        (step.what as i64).into(),
        (step.level as i64).into(),
        step.officer.as_deref().into(),
        note.into(),
    ];
    let unit = log::leaf(unit, app, log::Subject::step(log::Kind::Appeal, id, step.seq), &params);
    unit.expect(Affects::One, &ADD_STEP, params)
}

/// Counts an answer for the office that gave it.
pub fn count(unit: Unit, day: Day, item: &Item, half_hours: i64, late: bool) -> Unit {
    let params = vec![
        i64::from(day.0).into(),
        (item.level as i64).into(),
        i64::from(item.county).into(),
        half_hours.into(),
        i64::from(late).into(),
    ];
    unit.expect(Affects::One, &COUNT, params)
}

/// Answers of an office that took so long.
pub struct TallyRow {
    pub level: Level,
    pub county: u32,
    pub half_hours: i64,
    pub answered: i64,
    pub late: i64,
}

/// Answers since a day, by level, division and time taken.
pub async fn tally(db: &Db, since: Day, (first, last): (u32, u32)) -> Result<Vec<TallyRow>, DbError> {
    let params = [i64::from(since.0).into(), i64::from(first).into(), i64::from(last).into()];
    let rows = db.all(&TALLY, &params).await?;
    rows.iter()
        .map(|row| {
            Ok(TallyRow {
                level: level(row.int(0)?)?,
                county: u32::try_from(row.int(1)?).map_err(|_| DbError::shape("division"))?,
                half_hours: row.int(2)?,
                answered: row.int(3)?,
                late: row.int(4)?,
            })
        })
        .collect()
}
