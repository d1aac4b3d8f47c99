//! `lease` and `node`.

use crate::db::{Affects, Db, DbError, Stmt, Unit};

static SEEN: Stmt = Stmt {
    name: "jobs.seen",
    sql: "INSERT INTO node (node_id, seen_at) VALUES ($1, $2) ON CONFLICT (node_id) DO UPDATE SET seen_at = excluded.seen_at",
};

static FORGET: Stmt = Stmt { name: "jobs.forget_nodes", sql: "DELETE FROM node WHERE seen_at < $1" };

static LEAVE: Stmt = Stmt { name: "jobs.leave", sql: "DELETE FROM node WHERE node_id = $1" };

static ALIVE: Stmt = Stmt { name: "jobs.alive", sql: "SELECT COUNT(*) FROM node WHERE seen_at >= $1" };

static LEASES: Stmt =
    Stmt { name: "jobs.leases", sql: "SELECT name, holder, expires_at FROM lease ORDER BY name" };

static MAKE: Stmt = Stmt {
    name: "jobs.make_lease",
    sql: "INSERT INTO lease (name, holder, expires_at) VALUES ($1, $2, 0) ON CONFLICT (name) DO NOTHING",
};

// The guard is the whole row that was seen: of two nodes that reach for it one gets it.
static TAKE: Stmt = Stmt {
    name: "jobs.take_lease",
    sql: "UPDATE lease SET holder = $2, expires_at = $3 WHERE name = $1 AND holder = $4 AND expires_at = $5",
};

/// A lease as it is stored.
pub struct LeaseRow {
    pub name: String,
    pub holder: [u8; 16],
    /// Milliseconds since 1970, by the holder's clock; 0 where it was given back.
    pub expires_at: i64,
}

/// Says that a node is alive, drops those long gone, and counts those seen since `alive_since`.
pub async fn seen(db: &Db, node: [u8; 16], now_ms: i64, alive_since: i64) -> Result<i64, DbError> {
    let unit = Unit::new("jobs.seen").expect(Affects::One, &SEEN, vec![node.into(), now_ms.into()]).expect(
        Affects::Any,
        &FORGET,
        vec![(now_ms - 3_600_000).into()],
    );
    db.commit(unit).await?;
    alive(db, alive_since).await
}

/// How many nodes were seen since.
pub async fn alive(db: &Db, since: i64) -> Result<i64, DbError> {
    db.one(&ALIVE, &[since.into()]).await?.map_or(Ok(0), |row| row.int(0))
}

/// A node ends and says so.
pub async fn leave(db: &Db, node: [u8; 16]) -> Result<(), DbError> {
    db.commit(Unit::new("jobs.leave").expect(Affects::Any, &LEAVE, vec![node.into()])).await
}

/// Makes the leases that are missing, free.
pub async fn make(db: &Db, names: &[String], node: [u8; 16]) -> Result<(), DbError> {
    let unit = names.iter().fold(Unit::new("jobs.make_leases"), |unit, name| {
        unit.expect(Affects::Any, &MAKE, vec![name.as_str().into(), node.into()])
    });
    db.commit(unit).await
}

/// All leases.
pub async fn leases(db: &Db) -> Result<Vec<LeaseRow>, DbError> {
    let rows = db.all(&LEASES, &[]).await?;
    rows.iter()
        .map(|row| {
            let holder = row.bytes(1)?.try_into().map_err(|_| DbError::shape("holder"))?;
            Ok(LeaseRow { name: row.text(0)?.to_owned(), holder, expires_at: row.int(2)? })
        })
        .collect()
}

/// Takes, renews or (with 0) gives back a lease as it was seen; a conflict if somebody was quicker.
pub async fn take(db: &Db, seen: &LeaseRow, node: [u8; 16], until_ms: i64) -> Result<(), DbError> {
    db.commit(taking(Unit::new("jobs.take_lease"), seen, node, until_ms)).await
}

/// Renews leases as they were seen, all or none; a conflict if somebody took one of them.
pub async fn renew(db: &Db, seen: &[&LeaseRow], node: [u8; 16], until_ms: i64) -> Result<(), DbError> {
    let unit = Unit::new("jobs.renew_leases");
    db.commit(seen.iter().fold(unit, |unit, lease| taking(unit, lease, node, until_ms))).await
}

fn taking(unit: Unit, seen: &LeaseRow, node: [u8; 16], until_ms: i64) -> Unit {
    let params = vec![
        seen.name.as_str().into(),
        node.into(),
        until_ms.into(),
        seen.holder.into(),
        seen.expires_at.into(),
    ];
    unit.expect(Affects::One, &TAKE, params)
}
