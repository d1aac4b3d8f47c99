//! `signing_key`, in the store of keys.

use kangma_core::time::Instant;

use crate::db::{Affects, Db, DbError, Stmt, Unit};

/// A key as it is stored.
pub struct KeyRow {
    /// Counts up; two nodes that make the next key at once meet here.
    pub number: i64,
    /// Sealed by the master key.
    pub pkcs8: Vec<u8>,
    pub active_from: Instant,
    pub retired_at: Option<Instant>,
}

static ALL: Stmt = Stmt {
    name: "pass.signing_keys",
    sql: "SELECT number, pkcs8, active_from, retired_at FROM signing_key ORDER BY number",
};

static ADD: Stmt = Stmt {
    name: "pass.add_signing_key",
    sql: "INSERT INTO signing_key (number, pkcs8, active_from, retired_at) VALUES ($1, $2, $3, NULL)",
};

static RETIRE: Stmt = Stmt {
    name: "pass.retire_signing_key",
    sql: "UPDATE signing_key SET retired_at = $2 WHERE number = $1 AND retired_at IS NULL",
};

static DROP: Stmt = Stmt { name: "pass.drop_signing_key", sql: "DELETE FROM signing_key WHERE number = $1" };

pub async fn all(db: &Db) -> Result<Vec<KeyRow>, DbError> {
    let rows = db.all(&ALL, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(KeyRow {
                number: row.int(0)?,
                pkcs8: row.bytes(1)?.to_vec(),
                active_from: Instant(row.int(2)?),
                retired_at: row.opt_int(3)?.map(Instant),
            })
        })
        .collect()
}

pub fn add(unit: Unit, number: i64, pkcs8: Vec<u8>, active_from: Instant) -> Unit {
    unit.expect(Affects::One, &ADD, vec![number.into(), pkcs8.into(), active_from.into()])
}

pub fn retire(unit: Unit, number: i64, at: Instant) -> Unit {
    unit.expect(Affects::One, &RETIRE, vec![number.into(), at.into()])
}

pub fn delete(unit: Unit, number: i64) -> Unit {
    unit.expect(Affects::One, &DROP, vec![number.into()])
}
