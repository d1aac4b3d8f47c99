//! `collected`.

use kangma_core::time::Instant;

use super::Item;
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit};

static ADD: Stmt = Stmt {
    name: "collect.add",
    sql: "INSERT INTO collected (officer_id, item_id, part, received_at, digest, body) \
          VALUES ($1, $2, $3, $4, $5, $6)",
};

static FIND: Stmt = Stmt {
    name: "collect.find",
    sql: "SELECT item_id, received_at, digest, body FROM collected \
          WHERE officer_id = $1 AND item_id = $2 AND part = $3",
};

static RECENT: Stmt = Stmt {
    name: "collect.recent",
    sql: "SELECT item_id, received_at, digest, body FROM collected \
          WHERE officer_id = $1 AND part = 0 ORDER BY received_at DESC, item_id LIMIT $2",
};

static DROP: Stmt = Stmt {
    name: "collect.drop",
    sql: "DELETE FROM collected WHERE officer_id = $1 AND item_id = $2 AND part = $3",
};

static SWEEP: Stmt = Stmt { name: "collect.sweep", sql: "DELETE FROM collected WHERE received_at < $1" };

/// A row as it is stored.
pub struct Stored {
    pub item: [u8; 16],
    pub received: Instant,
    pub digest: Vec<u8>,
    pub body: Vec<u8>,
}

fn stored(row: &Row) -> Result<Stored, DbError> {
    Ok(Stored {
        item: row.bytes(0)?.try_into().map_err(|_| DbError::shape("item_id"))?,
        received: Instant(row.int(1)?),
        digest: row.bytes(2)?.to_vec(),
        body: row.bytes(3)?.to_vec(),
    })
}

/// Keeps what is answered; a conflict if the item is already there.
pub fn add(unit: Unit, item: &Item, at: Instant, body: Vec<u8>) -> Unit {
    let key = vec![item.officer.into(), item.id.into(), item.part.into()];
    let rest = vec![at.into(), item.digest[..].into(), body.into()];
    unit.expect(Affects::One, &ADD, [key, rest].concat())
}

pub async fn find(db: &Db, item: &Item) -> Result<Option<Stored>, DbError> {
    let key = [item.officer.into(), item.id.into(), item.part.into()];
    db.one(&FIND, &key).await?.as_ref().map(stored).transpose()
}

/// A collector's own, the latest first.
pub async fn recent(db: &Db, officer: [u8; 16], limit: i64) -> Result<Vec<Stored>, DbError> {
    db.all(&RECENT, &[officer.into(), limit.into()]).await?.iter().map(stored).collect()
}

/// Forgets one.
pub fn drop(item: &Item) -> Unit {
    let key = vec![item.officer.into(), item.id.into(), item.part.into()];
    Unit::new("collect.drop").expect(Affects::Any, &DROP, key)
}

pub fn sweep(before: Instant) -> Unit {
    Unit::new("collect.sweep").expect(Affects::Any, &SWEEP, vec![before.into()])
}
