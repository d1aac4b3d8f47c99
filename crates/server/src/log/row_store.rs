//! The rows that leaves speak of: the columns that their digests are over, and rows that no leaf speaks of.

use super::{AREA_LIST_ROW, Kind, OrderStep, Subject, role_id};
use crate::db::{Db, DbError, Row, Stmt, Value};

static DECISION: Stmt = Stmt {
    name: "log.decision",
    sql: "SELECT person_id, version, decided_at, body FROM decision WHERE person_id = $1 AND version = $2",
};

static APPEAL_STEP: Stmt = Stmt {
    name: "log.appeal_step",
    sql: "SELECT person_id, appeal_id, seq, at, what, level, officer, note FROM appeal_step \
          WHERE appeal_id = $1 AND seq = $2",
};

static ORDER: Stmt = Stmt {
    name: "log.order",
    sql: "SELECT order_id, officer, office, division, ordered_at, body FROM staff_order WHERE order_id = $1",
};

static ORDER_APPROVED: Stmt = Stmt {
    name: "log.order_approved",
    sql: "SELECT order_id, approved_by FROM staff_order WHERE order_id = $1",
};

static ORDER_SIGNED: Stmt = Stmt {
    name: "log.order_signed",
    sql: "SELECT order_id, signed_by, signed_at FROM staff_order WHERE order_id = $1",
};

static ORDER_WITHDRAWN: Stmt = Stmt {
    name: "log.order_withdrawn",
    sql: "SELECT order_id, withdrawn_by, withdrawn_at FROM staff_order WHERE order_id = $1",
};

static UNDO_ASKED: Stmt = Stmt {
    name: "log.undo_asked",
    sql: "SELECT undo_id, asked_by, office, asked_at, body FROM order_undo WHERE undo_id = $1",
};

static UNDO_SIGNED: Stmt = Stmt {
    name: "log.undo_signed",
    sql: "SELECT undo_id, signed_by, signed_at FROM order_undo WHERE undo_id = $1",
};

static LOOK: Stmt = Stmt {
    name: "log.look",
    sql: "SELECT person_id, look_id, looked_at, staff, body FROM look WHERE look_id = $1",
};

static GRANT: Stmt = Stmt {
    name: "log.grant",
    sql: "SELECT grant_id, staff, role, division, assignment, ends_at, given_by, created_at FROM staff_grant \
          WHERE grant_id = $1",
};

static GRANT_ENDED: Stmt = Stmt {
    name: "log.grant_ended",
    sql: "SELECT grant_id, ended_at, ended_by FROM staff_grant WHERE grant_id = $1",
};

static ROLES: Stmt = Stmt { name: "log.roles", sql: "SELECT name, permissions, version FROM role" };

static PUBLICATION: Stmt = Stmt {
    name: "log.publication",
    sql: "SELECT number, pack, version, digest, published_at FROM publication WHERE number = $1",
};

static PACK_STEP: Stmt = Stmt {
    name: "log.pack_step",
    sql: "SELECT publication_id, seq, at, officer, office, body FROM pack_step WHERE publication_id = $1 AND seq = $2",
};

static AREA_STEP: Stmt = Stmt {
    name: "log.area_step",
    sql: "SELECT version_id, seq, at, officer, office, body FROM area_step WHERE version_id = $1 AND seq = $2",
};

static AREA_LIST: Stmt =
    Stmt { name: "log.area_list", sql: "SELECT version_id, entries FROM area_list WHERE version_id = $1" };

static IMPORT: Stmt = Stmt {
    name: "log.import",
    sql: "SELECT import_id, office, division, kind, lines, created_at FROM import WHERE import_id = $1",
};

static DECISIONS_AFTER: Stmt = Stmt {
    name: "log.decisions_after",
    sql: "SELECT person_id, version, decided_at FROM decision WHERE (person_id, version) > ($1, $2) \
          ORDER BY person_id, version LIMIT $3",
};

// Rights, orders and what became of them, lists that took effect, looks, steps of appeals; roles are
// few and looked at one by one.
static UNLOGGED_ACTS: Stmt = Stmt {
    name: "log.unlogged_acts",
    sql: "SELECT a.kind, a.id, a.version FROM \
          (SELECT CAST(7 AS BIGINT) AS kind, grant_id AS id, CAST(0 AS BIGINT) AS version FROM staff_grant \
          UNION ALL SELECT 7, grant_id, 1 FROM staff_grant WHERE ended_at IS NOT NULL \
          UNION ALL SELECT 2, order_id, 0 FROM staff_order \
          UNION ALL SELECT 2, order_id, 2 FROM staff_order WHERE signed_at IS NOT NULL \
          UNION ALL SELECT 2, order_id, 3 FROM staff_order WHERE withdrawn_at IS NOT NULL \
          UNION ALL SELECT 3, publication_id, seq FROM pack_step \
          UNION ALL SELECT 2, undo_id, 4 FROM order_undo \
          UNION ALL SELECT 2, undo_id, 5 FROM order_undo WHERE signed_at IS NOT NULL \
          UNION ALL SELECT 4, import_id, 0 FROM import WHERE state > 3 \
          UNION ALL SELECT 5, look_id, 0 FROM look \
          UNION ALL SELECT 9, version_id, seq FROM area_step \
          UNION ALL SELECT 9, version_id, -1 FROM area_list \
          UNION ALL SELECT 6, appeal_id, seq FROM appeal_step) a \
          LEFT JOIN leaf l ON l.kind <> 1 AND l.kind = a.kind AND l.id = a.id AND l.version = a.version \
          WHERE l.id IS NULL LIMIT $1",
};

static PUBLICATIONS: Stmt = Stmt { name: "log.publications", sql: "SELECT number FROM publication" };

// Where a person is part of the key, an id can stand in the table twice.
static DOUBLED_ACTS: Stmt = Stmt {
    name: "log.doubled_acts",
    sql: "SELECT CAST(5 AS BIGINT), look_id, CAST(0 AS BIGINT) FROM look GROUP BY look_id HAVING COUNT(*) > 1 \
          UNION ALL SELECT 6, appeal_id, seq FROM appeal_step GROUP BY appeal_id, seq HAVING COUNT(*) > 1 LIMIT $1",
};

static ACT: Stmt = Stmt {
    name: "log.act",
    sql: "SELECT version FROM leaf WHERE kind <> 1 AND kind = $1 AND id = $2 AND version = $3 LIMIT 1",
};

/// What is stored of the thing that a leaf speaks of.
pub enum Stored {
    /// The columns that its digest is over.
    Columns(Vec<Value>),
    /// Nothing.
    Gone,
    /// It was replaced since: the leaf is all there is.
    Nowhere,
}

/// The row that a leaf speaks of.
pub async fn columns(db: &Db, kind: Kind, id: [u8; 16], version: i64) -> Result<Stored, DbError> {
    let row = match kind {
        Kind::Decision => db.one(&DECISION, &[id.into(), version.into()]).await?,
        Kind::Appeal => db.one(&APPEAL_STEP, &[id.into(), version.into()]).await?,
        Kind::Order => {
            let of_step = match OrderStep::from_int(version) {
                Some(OrderStep::Written) => &ORDER,
                Some(OrderStep::Approved) => &ORDER_APPROVED,
                Some(OrderStep::Signed) => &ORDER_SIGNED,
                Some(OrderStep::Withdrawn) => &ORDER_WITHDRAWN,
                Some(OrderStep::UndoAsked) => &UNDO_ASKED,
                Some(OrderStep::UndoSigned) => &UNDO_SIGNED,
                None => return Ok(Stored::Gone),
            };
            db.one(of_step, &[id.into()]).await?
        }
        Kind::Import => db.one(&IMPORT, &[id.into()]).await?,
        Kind::Look => db.one(&LOOK, &[id.into()]).await?,
        Kind::Publication if id != [0; 16] => db.one(&PACK_STEP, &[id.into(), version.into()]).await?,
        Kind::Publication => db.one(&PUBLICATION, &[version.into()]).await?,
        Kind::Area if version == AREA_LIST_ROW => db.one(&AREA_LIST, &[id.into()]).await?,
        Kind::Area => db.one(&AREA_STEP, &[id.into(), version.into()]).await?,
        Kind::Grant if version == 0 => db.one(&GRANT, &[id.into()]).await?,
        Kind::Grant => db.one(&GRANT_ENDED, &[id.into()]).await?,
        Kind::Role => {
            let mut role = None;
            for row in db.all(&ROLES, &[]).await? {
                if role_id(row.text(0)?) == id {
                    // What a later change replaced is kept nowhere.
                    if row.int(2)? > version {
                        return Ok(Stored::Nowhere);
                    }
                    role = (row.int(2)? == version).then_some(row);
                    break;
                }
            }
            role
        }
    };
    Ok(row.map_or(Stored::Gone, |row| Stored::Columns(row.into_values())))
}

/// Decisions behind a key: person, version, instant.
pub async fn decisions_after(
    db: &Db,
    (person, version): ([u8; 16], i64),
    limit: i64,
) -> Result<Vec<([u8; 16], i64, i64)>, DbError> {
    let rows = db.all(&DECISIONS_AFTER, &[person.into(), version.into(), limit.into()]).await?;
    rows.iter()
        .map(|row| {
            let id = row.bytes(0)?.try_into().map_err(|_| DbError::shape("decision"))?;
            Ok((id, row.int(1)?, row.int(2)?))
        })
        .collect()
}

/// Grants, orders, what became of them, lists, looks, steps of appeals, roles and publications that no leaf
/// speaks of.
pub async fn unlogged_acts(db: &Db, limit: i64) -> Result<Vec<Subject>, DbError> {
    let mut all = subjects(&db.all(&UNLOGGED_ACTS, &[limit.into()]).await?)?;
    let mut few = Vec::new();
    for row in db.all(&ROLES, &[]).await? {
        few.push(Subject::step(Kind::Role, role_id(row.text(0)?), row.int(2)?));
    }
    for row in db.all(&PUBLICATIONS, &[]).await? {
        few.push(Subject::step(Kind::Publication, [0; 16], row.int(0)?));
    }
    for act in few {
        let params = [i64::from(act.kind as u8).into(), act.id.into(), act.version.into()];
        if db.one(&ACT, &params).await?.is_none() {
            all.push(act);
        }
    }
    Ok(all)
}

/// Looks and steps of appeals that stand under one id twice.
pub async fn doubled_acts(db: &Db, limit: i64) -> Result<Vec<Subject>, DbError> {
    subjects(&db.all(&DOUBLED_ACTS, &[limit.into()]).await?)
}

fn subjects(rows: &[Row]) -> Result<Vec<Subject>, DbError> {
    let kind = |n: i64| u8::try_from(n).ok().and_then(Kind::from_u8).ok_or_else(|| DbError::shape("kind"));
    rows.iter()
        .map(|row| {
            let id = row.bytes(1)?.try_into().map_err(|_| DbError::shape("act"))?;
            Ok(Subject::step(kind(row.int(0)?)?, id, row.int(2)?))
        })
        .collect()
}
