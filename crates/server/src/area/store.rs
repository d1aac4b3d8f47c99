//! `area_list`, `area_step`, `area_turn` and `area_walk`.

use kangma_core::id::PersonId;
use kangma_core::rules::listing::Step;
use kangma_core::time::Instant;

use crate::app::App;
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit, Value};
use crate::decide::job::Walked;
use crate::log::{self, AREA_LIST_ROW, Kind, Subject};

/// Steps that a node reads at most: some centuries of a country's.
const STEPS_MAX: usize = 10_000_000;

static STEPS: Stmt = Stmt {
    name: "area.steps",
    sql: "SELECT version_id, seq, at, officer, office, body FROM area_step ORDER BY version_id, seq LIMIT $1",
};

static ADD_STEP: Stmt = Stmt {
    name: "area.add_step",
    sql: "INSERT INTO area_step (version_id, seq, at, officer, office, body) VALUES ($1, $2, $3, $4, $5, $6)",
};

static TURN: Stmt = Stmt {
    name: "area.turn",
    sql: "SELECT CAST(COALESCE(MAX(turn), 0) AS BIGINT) FROM area_turn WHERE division = $1",
};

static ADD_TURN: Stmt =
    Stmt { name: "area.add_turn", sql: "INSERT INTO area_turn (division, turn) VALUES ($1, $2)" };

static LIST: Stmt = Stmt { name: "area.list", sql: "SELECT entries FROM area_list WHERE version_id = $1" };

static ADD_LIST: Stmt =
    Stmt { name: "area.add_list", sql: "INSERT INTO area_list (version_id, entries) VALUES ($1, $2)" };

static WALKED: Stmt =
    Stmt { name: "area.walked", sql: "SELECT part, MAX(turn) FROM area_walk GROUP BY part ORDER BY part" };

static CHANGED: Stmt = Stmt {
    name: "area.changed",
    sql: "SELECT COUNT(*), CAST(COALESCE(SUM(people), 0) AS BIGINT), CAST(COALESCE(SUM(touched), 0) AS BIGINT), \
          CAST(COALESCE(SUM(changed), 0) AS BIGINT) FROM area_walk WHERE turn = $1",
};

static CHANGED_SINCE: Stmt = Stmt {
    name: "area.changed_since",
    sql: "SELECT CAST(COALESCE(SUM(changed), 0) AS BIGINT) FROM area_walk WHERE turn > $1",
};

static ADD_WALK: Stmt = Stmt {
    name: "area.add_walk",
    sql: "INSERT INTO area_walk (turn, part, people, touched, changed) VALUES ($1, $2, $3, $4, $5) \
          ON CONFLICT (turn, part) DO NOTHING",
};

/// Nobody's id: it stands for the lists of areas in the feed of changes, which tells every node of a step.
pub const AREAS: PersonId = PersonId([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);

/// All steps of each version in their order; ids grow with time. One that cannot be read is an error: what
/// it says is not known.
pub async fn steps(db: &Db) -> Result<Vec<Step>, DbError> {
    let rows = db.all(&STEPS, &[(STEPS_MAX as i64 + 1).into()]).await?;
    if rows.len() > STEPS_MAX {
        return Err(DbError::shape("too many steps of lists of areas"));
    }
    let id = |bytes: &[u8]| bytes.try_into().map_err(|_| DbError::shape("id"));
    let step = |row: &Row| {
        Ok(Step {
            version: id(row.bytes(0)?)?,
            seq: row.int(1)?,
            at: Instant(row.int(2)?),
            officer: row.text(3)?.to_owned(),
            office: id(row.bytes(4)?)?,
            what: serde_json::from_str(row.text(5)?).map_err(|_| DbError::shape("a step"))?,
        })
    };
    rows.iter().map(step).collect()
}

/// Adds a step with its leaf; a conflict where another was taken meanwhile.
pub fn add_step(unit: Unit, app: &App, step: &Step) -> Unit {
    let body = serde_json::to_string(&step.what).unwrap_or_default();
    let row: Vec<Value> = vec![
        step.version.into(),
        step.seq.into(),
        step.at.into(),
        step.officer.as_str().into(),
        step.office.into(),
        body.into(),
    ];
    let subject = Subject::step(Kind::Area, step.version, step.seq);
    log::leaf(unit, app, subject, &row).expect(Affects::One, &ADD_STEP, row).touching(AREAS)
}

/// How often what acts in a division was changed. Read before the steps that a change rests on.
pub async fn turn(db: &Db, division: &str) -> Result<i64, DbError> {
    db.one(&TURN, &[division.into()]).await?.map_or(Ok(0), |row| row.int(0))
}

/// Changes what acts in a division, after `turn` changes; a conflict where somebody else did meanwhile.
pub fn add_turn(unit: Unit, division: &str, turn: i64) -> Unit {
    unit.expect(Affects::One, &ADD_TURN, vec![division.into(), (turn + 1).into()])
}

pub async fn list(db: &Db, version: [u8; 16]) -> Result<Option<Vec<u8>>, DbError> {
    db.one(&LIST, &[version.into()]).await?.map(|row| Ok(row.bytes(0)?.to_vec())).transpose()
}

/// Adds the entries of a version with their leaf.
pub fn add_list(unit: Unit, app: &App, version: [u8; 16], entries: Vec<u8>) -> Unit {
    let row: Vec<Value> = vec![version.into(), entries.into()];
    let subject = Subject::step(Kind::Area, version, AREA_LIST_ROW);
    log::leaf(unit, app, subject, &row).expect(Affects::One, &ADD_LIST, row)
}

/// Takes the entries of a version away, as somebody with access to the table could.
#[cfg(test)]
pub async fn forget(db: &Db, version: [u8; 16]) -> Result<(), DbError> {
    static FORGET: Stmt = Stmt { name: "area.forget", sql: "DELETE FROM area_list WHERE version_id = $1" };
    db.commit(Unit::new("area.forget").expect(Affects::One, &FORGET, vec![version.into()])).await
}

/// Everybody, and when they were decided about.
#[cfg(test)]
pub async fn decided(db: &Db) -> Result<Vec<(PersonId, Instant)>, DbError> {
    static DECIDED: Stmt =
        Stmt { name: "area.decided", sql: "SELECT person_id, decided_at FROM person ORDER BY person_id" };
    let row = |row: &Row| {
        let id = row.bytes(0)?.try_into().map_err(|_| DbError::shape("id"))?;
        Ok((PersonId(id), Instant(row.int(1)?)))
    };
    db.all(&DECIDED, &[]).await?.iter().map(row).collect()
}

/// Up to which turn each part of the people was looked through, where it was.
pub async fn walked(db: &Db) -> Result<Vec<(u8, Instant)>, DbError> {
    let rows = db.all(&WALKED, &[]).await?;
    let part = |row: &Row| Ok((u8::try_from(row.int(0)?).unwrap_or(u8::MAX), Instant(row.int(1)?)));
    rows.iter().map(part).collect()
}

/// How many have another colour by lists that began to act after an instant.
pub async fn changed_since(db: &Db, since: Instant) -> Result<i64, DbError> {
    db.one(&CHANGED_SINCE, &[since.into()]).await?.map_or(Ok(0), |row| row.int(0))
}

/// What a turn came to so far: parts, people in them, decided again, with another colour.
pub async fn changed(db: &Db, turn: Instant) -> Result<[i64; 4], DbError> {
    let row = db.one(&CHANGED, &[turn.into()]).await?.ok_or_else(|| DbError::shape("a sum"))?;
    Ok([row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?])
}

/// Notes that a part was looked through.
pub async fn add_walk(db: &Db, part: u8, walked: Walked) -> Result<(), DbError> {
    let row = vec![
        walked.turn.into(),
        i64::from(part).into(),
        walked.people.into(),
        walked.touched.into(),
        walked.changed.into(),
    ];
    db.commit(Unit::new("area.walked").touching(AREAS).expect(Affects::Any, &ADD_WALK, row)).await
}
