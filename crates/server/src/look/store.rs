//! `look`.

use kangma_core::time::Instant;

use crate::app::App;
use crate::db::{Affects, Db, DbError, Stmt, Unit};
use crate::log;

static ADD: Stmt = Stmt {
    name: "look.add",
    sql: "INSERT INTO look (person_id, look_id, looked_at, staff, body) VALUES ($1, $2, $3, $4, $5)",
};

// Identifiers are in order of time.
static OF: Stmt = Stmt {
    name: "look.of",
    sql: "SELECT look_id, looked_at, body FROM look WHERE person_id = $1 AND look_id < $2 \
          ORDER BY look_id DESC LIMIT $3",
};

/// A look as it is stored.
pub struct Row {
    /// The person, or the account that claims to be one.
    pub whom: [u8; 16],
    pub id: [u8; 16],
    pub at: Instant,
    /// Log-in name; not read again.
    pub by: String,
    pub body: Vec<u8>,
}

/// Row key of a look: the person, then its identifier.
pub fn key(whom: [u8; 16], id: [u8; 16]) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&whom);
    key[16..].copy_from_slice(&id);
    key
}

/// Adds a look, and its leaf of the decision log.
pub fn add(unit: Unit, app: &App, row: &Row) -> Unit {
    let params =
        vec![row.whom.into(), row.id.into(), row.at.into(), row.by.as_str().into(), row.body.clone().into()];
    log::leaf(unit, app, log::Subject::new(log::Kind::Look, row.id), &params).expect(
        Affects::One,
        &ADD,
        params,
    )
}

/// The newest of those before an identifier.
pub async fn of(db: &Db, whom: [u8; 16], before: [u8; 16], limit: usize) -> Result<Vec<Row>, DbError> {
    let rows = db.all(&OF, &[whom.into(), before.into(), (limit as i64).into()]).await?;
    rows.iter()
        .map(|row| {
            let id = row.bytes(0)?.try_into().map_err(|_| DbError::shape("look"))?;
            Ok(Row { whom, id, at: Instant(row.int(1)?), by: String::new(), body: row.bytes(2)?.to_vec() })
        })
        .collect()
}
