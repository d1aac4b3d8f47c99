//! `look`.

use kangma_core::id::PersonId;
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
    sql: "SELECT look_id, looked_at, body FROM look WHERE person_id = $1 ORDER BY look_id DESC LIMIT $2",
};

/// Row key of a look: the person, then its identifier.
pub fn key(person: PersonId, id: [u8; 16]) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&person.0);
    key[16..].copy_from_slice(&id);
    key
}

/// Adds a look, and its leaf of the decision log.
pub async fn add(
    app: &App,
    person: PersonId,
    id: [u8; 16],
    at: Instant,
    by: &str,
    body: Vec<u8>,
) -> Result<(), DbError> {
    let params = vec![person.into(), id.into(), at.into(), by.into(), body.into()];
    let unit = log::leaf(Unit::new("look.add"), app, log::Subject::new(log::Kind::Look, id), &params);
    app.db.commit(unit.expect(Affects::One, &ADD, params)).await
}

pub async fn of(db: &Db, person: PersonId, limit: i64) -> Result<Vec<([u8; 16], Instant, Vec<u8>)>, DbError> {
    let rows = db.all(&OF, &[person.into(), limit.into()]).await?;
    rows.iter()
        .map(|row| {
            let id = row.bytes(0)?.try_into().map_err(|_| DbError::shape("look"))?;
            Ok((id, Instant(row.int(1)?), row.bytes(2)?.to_vec()))
        })
        .collect()
}
