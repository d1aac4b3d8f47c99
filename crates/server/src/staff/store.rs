//! `staff`, `staff_session`, `office`, `role` and `staff_grant`.

use kangma_core::role::Permissions;
use kangma_core::time::Instant;

use super::{Grant, Officer};
use crate::db::{Affects, Db, DbError, Stmt, Unit, Value};

static PUT: Stmt = Stmt {
    name: "staff.put",
    sql: "INSERT INTO staff (name, password, office_id, created_at) VALUES ($1, $2, $3, $4) \
          ON CONFLICT (name) DO UPDATE SET password = excluded.password, office_id = excluded.office_id",
};

static PUT_OFFICE: Stmt = Stmt {
    name: "staff.put_office",
    sql: "INSERT INTO office (office_id, name, division, created_at) VALUES ($1, $2, $3, $4)",
};

static OFFICE: Stmt =
    Stmt { name: "staff.office", sql: "SELECT office_id FROM office WHERE name = $1 AND division = $2" };

static OFFICE_NAME: Stmt =
    Stmt { name: "staff.office_name", sql: "SELECT name FROM office WHERE office_id = $1" };

static PUT_ROLE: Stmt = Stmt {
    name: "staff.put_role",
    sql: "INSERT INTO role (name, permissions) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
};

static ROLES: Stmt = Stmt { name: "staff.roles", sql: "SELECT name, permissions FROM role ORDER BY name" };

static ADD_GRANT: Stmt = Stmt {
    name: "staff.add_grant",
    sql: "INSERT INTO staff_grant (grant_id, staff, role, division, assignment, ends_at, given_by, created_at) \
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
};

static PASSWORD: Stmt = Stmt { name: "staff.password", sql: "SELECT password FROM staff WHERE name = $1" };

static ADD_SESSION: Stmt = Stmt {
    name: "staff.add_session",
    sql: "INSERT INTO staff_session (token_hash, name, expires_at, session_id) VALUES ($1, $2, $3, $4)",
};

// A row for each grant, or one with nulls.
static SESSION: Stmt = Stmt {
    name: "staff.session",
    sql: "SELECT s.name, s.expires_at, s.session_id, m.office_id, \
          g.role, r.permissions, g.division, g.assignment, g.ends_at \
          FROM staff_session s JOIN staff m ON m.name = s.name \
          LEFT JOIN staff_grant g ON g.staff = s.name AND g.ends_at > $2 LEFT JOIN role r ON r.name = g.role \
          WHERE s.token_hash = $1 AND s.expires_at > $2 LIMIT 200",
};

static GRANTS: Stmt = Stmt {
    name: "staff.grants",
    sql: "SELECT g.role, r.permissions, g.division, g.assignment, g.ends_at, m.office_id FROM staff m \
          JOIN staff_grant g ON g.staff = m.name JOIN role r ON r.name = g.role \
          WHERE m.name = $1 AND g.ends_at > $2 LIMIT 200",
};

static END_SESSION: Stmt =
    Stmt { name: "staff.end_session", sql: "DELETE FROM staff_session WHERE token_hash = $1" };

pub static SWEEP: Stmt =
    Stmt { name: "staff.sweep", sql: "DELETE FROM staff_session WHERE expires_at <= $1" };

/// An office as it is kept.
pub struct Office<'a> {
    pub id: [u8; 16],
    pub name: &'a str,
    pub division: &'a str,
}

/// A grant as it is kept.
pub struct NewGrant<'a> {
    pub id: [u8; 16],
    pub staff: &'a str,
    pub role: &'a str,
    pub division: &'a str,
    pub assignment: Option<&'a str>,
    pub ends_at: Instant,
    pub given_by: &'a str,
}

pub async fn office(db: &Db, name: &str, division: &str) -> Result<Option<[u8; 16]>, DbError> {
    let row = db.one(&OFFICE, &[name.into(), division.into()]).await?;
    row.map(|row| id(row.bytes(0)?)).transpose()
}

pub async fn office_name(db: &Db, id: [u8; 16]) -> Result<Option<String>, DbError> {
    db.one(&OFFICE_NAME, &[id.into()]).await?.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

fn id(bytes: &[u8]) -> Result<[u8; 16], DbError> {
    bytes.try_into().map_err(|_| DbError::shape("staff"))
}

pub fn put_office(unit: Unit, office: &Office<'_>, now: Instant) -> Unit {
    let params = vec![office.id.into(), office.name.into(), office.division.into(), now.into()];
    unit.expect(Affects::One, &PUT_OFFICE, params)
}

pub fn put(unit: Unit, name: &str, hash: &str, office: [u8; 16], now: Instant) -> Unit {
    unit.expect(Affects::One, &PUT, vec![name.into(), hash.into(), office.into(), now.into()])
}

pub fn put_role(unit: Unit, name: &str, permissions: Permissions) -> Unit {
    unit.expect(Affects::Any, &PUT_ROLE, vec![name.into(), permissions.bits().into()])
}

pub async fn roles(db: &Db) -> Result<Vec<(String, Permissions)>, DbError> {
    let rows = db.all(&ROLES, &[]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), Permissions::from_bits(row.int(1)?)))).collect()
}

pub fn add_grant(unit: Unit, grant: &NewGrant<'_>, now: Instant) -> Unit {
    let params = vec![
        grant.id.into(),
        grant.staff.into(),
        grant.role.into(),
        grant.division.into(),
        grant.assignment.map_or(Value::Null, Value::from),
        grant.ends_at.into(),
        grant.given_by.into(),
        now.into(),
    ];
    unit.expect(Affects::One, &ADD_GRANT, params)
}

pub async fn password(db: &Db, name: &str) -> Result<Option<String>, DbError> {
    db.one(&PASSWORD, &[name.into()]).await?.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

pub async fn add_session(
    db: &Db,
    hash: &[u8],
    name: &str,
    session: [u8; 16],
    until: Instant,
) -> Result<(), DbError> {
    let params = vec![hash.into(), name.into(), until.into(), session.into()];
    db.commit(Unit::new("staff.add_session").expect(Affects::One, &ADD_SESSION, params)).await
}

/// Whose session it is, with the grants that have not ended; `None` where there is none.
pub async fn session(db: &Db, hash: &[u8], now: Instant) -> Result<Option<Officer>, DbError> {
    let rows = db.all(&SESSION, &[hash.into(), now.into()]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut officer = Officer {
        name: first.text(0)?.to_owned(),
        session: id(first.bytes(2)?)?,
        office: id(first.bytes(3)?)?,
        grants: Vec::new(),
    };
    for row in &rows {
        if row.opt_int(5)?.is_some() {
            officer.grants.push(Grant {
                role: row.text(4)?.to_owned(),
                permissions: Permissions::from_bits(row.int(5)?),
                division: row.text(6)?.to_owned(),
                assignment: row.opt_text(7)?.map(str::to_owned),
                ends_at: Instant(row.int(8)?),
            });
        }
    }
    Ok(Some(officer))
}

/// What somebody may do now, logged in or not: an officer without a session.
pub async fn holder(db: &Db, name: &str, now: Instant) -> Result<Option<Officer>, DbError> {
    let rows = db.all(&GRANTS, &[name.into(), now.into()]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut officer =
        Officer { name: name.to_owned(), session: [0; 16], office: id(first.bytes(5)?)?, grants: Vec::new() };
    for row in &rows {
        officer.grants.push(Grant {
            role: row.text(0)?.to_owned(),
            permissions: Permissions::from_bits(row.int(1)?),
            division: row.text(2)?.to_owned(),
            assignment: row.opt_text(3)?.map(str::to_owned),
            ends_at: Instant(row.int(4)?),
        });
    }
    Ok(Some(officer))
}

pub async fn end_session(db: &Db, hash: &[u8]) -> Result<(), DbError> {
    db.commit(Unit::new("staff.end_session").expect(Affects::Any, &END_SESSION, vec![hash.into()])).await
}
