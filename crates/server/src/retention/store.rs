//! `retention_walk`.

use std::collections::BTreeMap;

use kangma_core::id::PersonId;

use crate::db::{Affects, Db, DbError, Row, Stmt, Unit};

static WALKS: Stmt = Stmt {
    name: "retention.walks",
    sql: "SELECT part, day, past, is_over, people, facts, held FROM retention_walk ORDER BY part",
};

static PUT: Stmt = Stmt {
    name: "retention.put_walk",
    sql: "INSERT INTO retention_walk (part, day, past, is_over, people, facts, held) \
          VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (part) DO UPDATE SET day = excluded.day, \
          past = excluded.past, is_over = excluded.is_over, people = excluded.people, facts = excluded.facts, \
          held = excluded.held",
};

static LAST: Stmt = Stmt {
    name: "retention.last",
    sql: "SELECT CAST(COALESCE(MAX(day), 0) AS BIGINT), COUNT(CASE WHEN is_over = 0 THEN 1 END), \
          CAST(COALESCE(SUM(people), 0) AS BIGINT), CAST(COALESCE(SUM(facts), 0) AS BIGINT), \
          CAST(COALESCE(SUM(held), 0) AS BIGINT), COUNT(*) FROM retention_walk",
};

/// How far a part of the people was looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Civil day on which it began.
    pub day: i64,
    /// The last who was looked at.
    pub past: Option<PersonId>,
    /// Whether that was the last of the part.
    pub is_over: bool,
    /// How many were looked at.
    pub people: i64,
    /// How many facts were erased.
    pub facts: i64,
    /// Of how many people something stays that is past its days.
    pub held: i64,
}

/// By part, where one was ever begun.
pub async fn walks(db: &Db) -> Result<BTreeMap<u8, Walk>, DbError> {
    let rows = db.all(&WALKS, &[]).await?;
    let walk = |row: &Row| {
        let past = row.opt_bytes(2)?.map(|b| b.try_into().map(PersonId).map_err(|_| DbError::shape("past")));
        let walk = Walk {
            day: row.int(1)?,
            past: past.transpose()?,
            is_over: row.int(3)? != 0,
            people: row.int(4)?,
            facts: row.int(5)?,
            held: row.int(6)?,
        };
        Ok((u8::try_from(row.int(0)?).unwrap_or(u8::MAX), walk))
    };
    rows.iter().map(walk).collect()
}

pub async fn put(db: &Db, part: u8, walk: &Walk) -> Result<(), DbError> {
    let row = vec![
        i64::from(part).into(),
        walk.day.into(),
        walk.past.into(),
        i64::from(walk.is_over).into(),
        walk.people.into(),
        walk.facts.into(),
        walk.held.into(),
    ];
    db.commit(Unit::new("retention.walked").expect(Affects::Any, &PUT, row)).await
}

/// What the last looks at all parts came to, and how many parts are not done; `None` before the first.
pub async fn last(db: &Db) -> Result<Option<(Walk, i64)>, DbError> {
    let Some(row) = db.one(&LAST, &[]).await? else { return Ok(None) };
    if row.int(5)? == 0 {
        return Ok(None);
    }
    let (day, left) = (row.int(0)?, row.int(1)?);
    let (people, facts, held) = (row.int(2)?, row.int(3)?, row.int(4)?);
    Ok(Some((Walk { day, past: None, is_over: left == 0, people, facts, held }, left)))
}
