//! `review`.

use kangma_core::id::{AccountId, PersonId};
use kangma_core::time::Instant;

use super::{Item, Outcome, Subject};
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit, Value};

static OPEN_ITEMS: Stmt = Stmt {
    name: "queue.open_items",
    sql: "SELECT review_id, kind, person_id, account_id, rule, opened_at, state FROM review \
          WHERE state = 0 ORDER BY opened_at, review_id LIMIT $1",
};

static COUNT_OPEN: Stmt = Stmt {
    name: "queue.count_open",
    sql: "SELECT COUNT(*) FROM (SELECT review_id FROM review WHERE state = 0 LIMIT $1) AS waiting",
};

static FIND: Stmt = Stmt {
    name: "queue.find",
    sql: "SELECT review_id, kind, person_id, account_id, rule, opened_at, state FROM review WHERE review_id = $1",
};

static OPEN: Stmt = Stmt {
    name: "queue.open",
    sql: "INSERT INTO review (review_id, kind, person_id, account_id, rule, opened_at, state) \
          VALUES ($1, $2, $3, $4, $5, $6, 0) ON CONFLICT (review_id) DO NOTHING",
};

static OVERTAKE_PERSON: Stmt = Stmt {
    name: "queue.overtake_person",
    sql: "UPDATE review SET state = $3, closed_at = $2 WHERE person_id = $1 AND kind = 1 AND state = 0",
};

static OVERTAKE_ACCOUNT: Stmt = Stmt {
    name: "queue.overtake_account",
    sql: "UPDATE review SET state = $3, closed_at = $2 WHERE account_id = $1 AND kind = 2 AND state = 0",
};

static CLOSE: Stmt = Stmt {
    name: "queue.close",
    sql: "UPDATE review SET state = $2, closed_at = $3, closed_by = $4 WHERE review_id = $1 AND state = 0",
};

fn item(row: &Row) -> Result<Item, DbError> {
    let id = |bytes: Option<&[u8]>| -> Result<[u8; 16], DbError> {
        bytes.and_then(|b| b.try_into().ok()).ok_or_else(|| DbError::shape("review"))
    };
    let subject = match row.int(1)? {
        1 => Subject::Declaration(PersonId(id(row.opt_bytes(2)?)?)),
        _ => Subject::Identity(AccountId(id(row.opt_bytes(3)?)?)),
    };
    Ok(Item {
        id: id(Some(row.bytes(0)?))?,
        subject,
        rule: row.text(4)?.to_owned(),
        opened_at: Instant(row.int(5)?),
        open: row.int(6)? == 0,
    })
}

/// How many wait; counting ends at `limit`.
pub async fn count_open(db: &Db, limit: i64) -> Result<i64, DbError> {
    db.one(&COUNT_OPEN, &[limit.into()]).await?.map_or(Ok(0), |row| row.int(0))
}

/// What waits, the longest first.
pub async fn open_items(db: &Db, limit: i64) -> Result<Vec<Item>, DbError> {
    db.all(&OPEN_ITEMS, &[limit.into()]).await?.iter().map(item).collect()
}

/// One entry, open or not.
pub async fn find(db: &Db, id: [u8; 16]) -> Result<Option<Item>, DbError> {
    db.one(&FIND, &[id.into()]).await?.map(|row| item(&row)).transpose()
}

pub fn open(unit: Unit, id: [u8; 16], subject: Subject, rule: &str, at: Instant) -> Unit {
    let (kind, person, account) = match subject {
        Subject::Declaration(person) => (1_i64, Value::from(person), Value::Null),
        Subject::Identity(account) => (2, Value::Null, Value::from(account)),
    };
    unit.expect(Affects::Any, &OPEN, vec![id.into(), kind.into(), person, account, rule.into(), at.into()])
}

pub fn overtake(unit: Unit, subject: Subject, at: Instant) -> Unit {
    let (stmt, who) = match subject {
        Subject::Declaration(person) => (&OVERTAKE_PERSON, Value::from(person)),
        Subject::Identity(account) => (&OVERTAKE_ACCOUNT, Value::from(account)),
    };
    unit.expect(Affects::Any, stmt, vec![who, at.into(), (Outcome::Overtaken as i64).into()])
}

/// Closes an entry in the unit that records its outcome; a conflict if somebody else just did.
pub fn close_in(unit: Unit, id: [u8; 16], outcome: Outcome, by: &str, at: Instant) -> Unit {
    unit.expect(Affects::One, &CLOSE, vec![id.into(), (outcome as i64).into(), at.into(), by.into()])
}

/// Closes an entry on its own.
pub async fn close(db: &Db, id: [u8; 16], outcome: Outcome, by: &str, at: Instant) -> Result<(), DbError> {
    db.commit(close_in(Unit::new("queue.close"), id, outcome, by, at)).await
}
