//! `evidence` and `evidence_chunk`.

use kangma_core::id::PersonId;
use kangma_core::time::Instant;

use super::File;
use crate::db::{Affects, Db, DbError, Stmt, Unit};

static ADD: Stmt = Stmt {
    name: "evidence.add",
    sql: "INSERT INTO evidence (person_id, evidence_id, appeal_id, seq, added_at, chunks, head) \
          VALUES ($1, $2, $3, $4, $5, $6, $7)",
};

static ADD_CHUNK: Stmt = Stmt {
    name: "evidence.add_chunk",
    sql: "INSERT INTO evidence_chunk (person_id, evidence_id, seq, body) VALUES ($1, $2, $3, $4)",
};

static LIST: Stmt = Stmt {
    name: "evidence.list",
    sql: "SELECT evidence_id, seq, added_at, chunks, head FROM evidence \
          WHERE person_id = $1 AND appeal_id = $2 ORDER BY seq LIMIT $3",
};

static CHUNKS: Stmt = Stmt {
    name: "evidence.chunks",
    sql: "SELECT seq, body FROM evidence_chunk WHERE person_id = $1 AND evidence_id = $2 ORDER BY seq",
};

pub struct FileRow {
    pub id: [u8; 16],
    pub seq: i64,
    pub added_at: Instant,
    pub chunks: i64,
    pub head: Vec<u8>,
}

/// A file with all its chunks; a conflict if its number is taken.
pub async fn add(
    db: &Db,
    person: PersonId,
    appeal: [u8; 16],
    file: &File,
    head: Vec<u8>,
    chunks: Vec<Vec<u8>>,
) -> Result<(), DbError> {
    let params = vec![
        person.into(),
        file.id.into(),
        appeal.into(),
        file.seq.into(),
        file.added_at.into(),
        file.chunks.into(),
        head.into(),
    ];
    let unit = Unit::new("evidence.add").expect(Affects::One, &ADD, params);
    let unit = chunks.into_iter().zip(0_i64..).fold(unit, |unit, (body, seq)| {
        unit.expect(Affects::One, &ADD_CHUNK, vec![person.into(), file.id.into(), seq.into(), body.into()])
    });
    db.commit(unit).await
}

pub async fn list(db: &Db, person: PersonId, appeal: [u8; 16], limit: i64) -> Result<Vec<FileRow>, DbError> {
    let rows = db.all(&LIST, &[person.into(), appeal.into(), limit.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(FileRow {
                id: row.bytes(0)?.try_into().map_err(|_| DbError::shape("evidence_id"))?,
                seq: row.int(1)?,
                added_at: Instant(row.int(2)?),
                chunks: row.int(3)?,
                head: row.bytes(4)?.to_vec(),
            })
        })
        .collect()
}

pub async fn chunks(db: &Db, person: PersonId, id: [u8; 16]) -> Result<Vec<(i64, Vec<u8>)>, DbError> {
    let rows = db.all(&CHUNKS, &[person.into(), id.into()]).await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.bytes(1)?.to_vec()))).collect()
}
