//! `tally` and `tally_outbox`, and the instant up to which they are folded, in `setting`.

use kangma_core::tally::Cell;

use crate::db::{Affects, Db, DbError, Point, Stmt, Unit};

static NOTE: Stmt =
    Stmt { name: "tally.note", sql: "INSERT INTO tally_outbox (change_id, body) VALUES ($1, $2)" };

static WAITING: Stmt =
    Stmt { name: "tally.waiting", sql: "SELECT change_id, body FROM tally_outbox LIMIT $1" };

static DONE: Stmt = Stmt { name: "tally.done", sql: "DELETE FROM tally_outbox WHERE change_id = $1" };

static CELL: Point = Point {
    name: "tally.cell",
    columns: "cell_id, version, body",
    table: "tally",
    key: "cell_id",
    filter: "",
};

static MAKE: Stmt =
    Stmt { name: "tally.make", sql: "INSERT INTO tally (cell_id, version, body) VALUES ($1, 1, $2)" };

static UPDATE: Stmt = Stmt {
    name: "tally.update",
    sql: "UPDATE tally SET version = $3 + 1, body = $2 WHERE cell_id = $1 AND version = $3",
};

static FORGET: Stmt = Stmt { name: "tally.forget", sql: "DELETE FROM tally" };

static SETTING: Stmt = Stmt { name: "tally.setting", sql: "SELECT value FROM setting WHERE name = $1" };

static SET: Stmt = Stmt {
    name: "tally.set",
    sql: "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};

/// What waits in the outbox.
pub struct Waiting {
    pub id: [u8; 16],
    pub body: Vec<u8>,
}

/// A cell as it is stored.
pub struct CellRow {
    pub version: i64,
    pub body: Vec<u8>,
}

pub fn note(unit: Unit, id: [u8; 16], body: Vec<u8>) -> Unit {
    unit.expect(Affects::One, &NOTE, vec![id.into(), body.into()])
}

pub async fn waiting(db: &Db, limit: i64) -> Result<Vec<Waiting>, DbError> {
    let rows = db.all(&WAITING, &[limit.into()]).await?;
    rows.iter()
        .map(|row| {
            let id = row.bytes(0)?.try_into().map_err(|_| DbError::shape("change_id"))?;
            Ok(Waiting { id, body: row.bytes(1)?.to_vec() })
        })
        .collect()
}

pub async fn cell(db: &Db, id: [u8; 16]) -> Result<Option<CellRow>, DbError> {
    let row = db.point(&CELL, id).await?;
    row.map(|row| Ok(CellRow { version: row.int(1)?, body: row.bytes(2)?.to_vec() })).transpose()
}

/// Writes a cell as it was read at a version; 0 makes it.
pub fn put(unit: Unit, id: [u8; 16], version: i64, body: Vec<u8>) -> Unit {
    if version == 0 {
        return unit.expect(Affects::One, &MAKE, vec![id.into(), body.into()]);
    }
    unit.expect(Affects::One, &UPDATE, vec![id.into(), body.into(), version.into()])
}

/// Takes a change out of the outbox; a conflict if somebody else did.
pub fn done(unit: Unit, id: [u8; 16]) -> Unit {
    unit.expect(Affects::One, &DONE, vec![id.into()])
}

/// Drops every cell.
pub fn forget(unit: Unit) -> Unit {
    unit.expect(Affects::Any, &FORGET, Vec::new())
}

pub async fn setting(db: &Db, name: &str) -> Result<Option<i64>, DbError> {
    db.one(&SETTING, &[name.into()]).await?.map(|row| row.int(0)).transpose()
}

pub async fn set(db: &Db, name: &str, value: i64) -> Result<(), DbError> {
    db.commit(Unit::new("tally.set").expect(Affects::One, &SET, vec![name.into(), value.into()])).await
}

/// A stored cell as a cell.
pub fn decode(plain: &[u8]) -> Result<Cell, DbError> {
    Cell::from_bytes(plain).ok_or_else(|| DbError::shape("tally"))
}
