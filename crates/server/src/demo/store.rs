//! `setting`.

use crate::db::{Affects, Db, DbError, Stmt, Unit};

static GET: Stmt = Stmt { name: "demo.setting", sql: "SELECT value FROM setting WHERE name = $1" };

static PUT: Stmt = Stmt {
    name: "demo.put_setting",
    sql: "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};

/// How far the demo's clock is ahead, in seconds.
pub async fn lead_s(db: &Db) -> Result<i64, DbError> {
    db.one(&GET, &["demo.lead_s".into()]).await?.map_or(Ok(0), |row| row.int(0))
}

/// Keeps it over a restart.
pub async fn save_lead(db: &Db, s: i64) -> Result<(), DbError> {
    db.commit(Unit::new("demo.advance").expect(Affects::One, &PUT, vec!["demo.lead_s".into(), s.into()]))
        .await
}

/// Whether the stories are planted.
pub async fn planted(db: &Db) -> Result<bool, DbError> {
    Ok(db.one(&GET, &["demo.planted".into()]).await?.is_some())
}

/// They are.
pub async fn set_planted(db: &Db) -> Result<(), DbError> {
    db.commit(Unit::new("demo.plant").expect(Affects::One, &PUT, vec!["demo.planted".into(), 1_i64.into()]))
        .await
}
