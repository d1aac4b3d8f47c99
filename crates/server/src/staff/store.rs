//! `staff` and `staff_session`.

use kangma_core::time::Instant;

use crate::db::{Affects, Db, DbError, Stmt, Unit};

static PUT: Stmt = Stmt {
    name: "staff.put",
    sql: "INSERT INTO staff (name, password, role, created_at) VALUES ($1, $2, 'reviewer', $3) \
          ON CONFLICT (name) DO UPDATE SET password = excluded.password",
};

static PASSWORD: Stmt = Stmt { name: "staff.password", sql: "SELECT password FROM staff WHERE name = $1" };

static ADD_SESSION: Stmt = Stmt {
    name: "staff.add_session",
    sql: "INSERT INTO staff_session (token_hash, name, expires_at) VALUES ($1, $2, $3)",
};

static SESSION: Stmt =
    Stmt { name: "staff.session", sql: "SELECT name, expires_at FROM staff_session WHERE token_hash = $1" };

static END_SESSION: Stmt =
    Stmt { name: "staff.end_session", sql: "DELETE FROM staff_session WHERE token_hash = $1" };

pub static SWEEP: Stmt =
    Stmt { name: "staff.sweep", sql: "DELETE FROM staff_session WHERE expires_at <= $1" };

pub async fn put(db: &Db, name: &str, hash: &str, now: Instant) -> Result<(), DbError> {
    let params = vec![name.into(), hash.into(), now.into()];
    db.commit(Unit::new("staff.put").expect(Affects::One, &PUT, params)).await
}

pub async fn password(db: &Db, name: &str) -> Result<Option<String>, DbError> {
    db.one(&PASSWORD, &[name.into()]).await?.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

pub async fn add_session(db: &Db, hash: &[u8], name: &str, until: Instant) -> Result<(), DbError> {
    let params = vec![hash.into(), name.into(), until.into()];
    db.commit(Unit::new("staff.add_session").expect(Affects::One, &ADD_SESSION, params)).await
}

pub async fn session(db: &Db, hash: &[u8]) -> Result<Option<(String, Instant)>, DbError> {
    let row = db.one(&SESSION, &[hash.into()]).await?;
    row.map(|row| Ok((row.text(0)?.to_owned(), Instant(row.int(1)?)))).transpose()
}

pub async fn end_session(db: &Db, hash: &[u8]) -> Result<(), DbError> {
    db.commit(Unit::new("staff.end_session").expect(Affects::Any, &END_SESSION, vec![hash.into()])).await
}
