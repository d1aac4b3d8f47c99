//! `staff`, `staff_session`, `office`, `role` and `staff_grant`.

use kangma_core::role::Permissions;
use kangma_core::time::Instant;

use super::place::Trail;
use super::{Grant, Officer, SessionKey};
use crate::app::Rng;
use crate::db::{Affects, Db, DbError, Stmt, Unit, Value};
use crate::log;

static PUT: Stmt = Stmt {
    name: "staff.put",
    sql: "INSERT INTO staff (name, password, office_id, created_at) VALUES ($1, $2, $3, $4) \
          ON CONFLICT (name) DO UPDATE SET password = excluded.password, office_id = excluded.office_id, \
          ended_at = NULL",
};

static PUT_OFFICE: Stmt = Stmt {
    name: "staff.put_office",
    sql: "INSERT INTO office (office_id, name, division, created_at) VALUES ($1, $2, $3, $4)",
};

static OFFICE: Stmt =
    Stmt { name: "staff.office", sql: "SELECT office_id FROM office WHERE name = $1 AND division = $2" };

static OFFICE_NAME: Stmt =
    Stmt { name: "staff.office_name", sql: "SELECT name FROM office WHERE office_id = $1" };

static PUT_ROLE: Stmt =
    Stmt { name: "staff.put_role", sql: "INSERT INTO role (name, permissions, version) VALUES ($1, $2, $3)" };

static ROLES: Stmt =
    Stmt { name: "staff.roles", sql: "SELECT name, permissions, version FROM role ORDER BY name" };

static ADD_GRANT: Stmt = Stmt {
    name: "staff.add_grant",
    sql: "INSERT INTO staff_grant (grant_id, staff, role, division, assignment, ends_at, given_by, created_at) \
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
};

static ACCOUNT: Stmt = Stmt {
    name: "staff.account",
    sql: "SELECT password, totp, totp_confirmed, totp_step, ended_at FROM staff WHERE name = $1",
};

static SET_PASSWORD: Stmt =
    Stmt { name: "staff.set_password", sql: "UPDATE staff SET password = $2 WHERE name = $1" };

static SET_TOTP: Stmt = Stmt {
    name: "staff.set_totp",
    sql: "UPDATE staff SET totp = $2, totp_confirmed = 0, totp_step = 0 WHERE name = $1 AND totp_confirmed = 0",
};

static USE_STEP: Stmt = Stmt {
    name: "staff.use_step",
    sql: "UPDATE staff SET totp_step = $2, totp_confirmed = 1 WHERE name = $1 AND totp_step < $2",
};

static NOTE: Stmt = Stmt {
    name: "staff.note",
    sql: "INSERT INTO staff_event (staff, kind, window_at, count) VALUES ($1, $2, $3, 1) \
          ON CONFLICT (staff, kind, window_at) DO UPDATE SET count = staff_event.count + 1",
};

static EVENTS: Stmt = Stmt {
    name: "staff.events",
    sql: "SELECT kind, window_at, count FROM staff_event WHERE staff = $1 AND window_at >= $2 \
          ORDER BY window_at DESC, kind LIMIT 100",
};

static ACCOUNTS_WITH: Stmt = Stmt {
    name: "staff.accounts_with",
    sql: "SELECT COUNT(DISTINCT staff) FROM staff_event WHERE kind = $1 AND window_at >= $2",
};

static ADD_SESSION: Stmt = Stmt {
    name: "staff.add_session",
    sql: "INSERT INTO staff_session (token_hash, name, expires_at, session_id, created_at, trail, agent) \
          VALUES ($1, $2, $3, $4, $5, $6, $7)",
};

// A row for each grant, the oldest first, or one with nulls.
static SESSION: Stmt = Stmt {
    name: "staff.session",
    sql: "SELECT s.name, s.session_id, m.office_id, s.trail, s.agent, m.totp_confirmed, \
          g.role, r.permissions, g.division, g.assignment, g.ends_at, s.elsewhere \
          FROM staff_session s JOIN staff m ON m.name = s.name \
          LEFT JOIN staff_grant g ON g.staff = s.name AND g.ends_at > $2 \
          AND g.ended_at IS NULL LEFT JOIN role r ON r.name = g.role \
          WHERE s.token_hash = $1 AND s.expires_at > $2 AND m.ended_at IS NULL \
          ORDER BY g.created_at, g.grant_id LIMIT 200",
};

static SESSIONS: Stmt = Stmt {
    name: "staff.sessions",
    sql: "SELECT session_id, created_at, expires_at, agent, elsewhere FROM staff_session \
          WHERE name = $1 AND expires_at > $2 ORDER BY created_at DESC, session_id DESC LIMIT 100",
};

static GRANTS: Stmt = Stmt {
    name: "staff.grants",
    sql: "SELECT g.role, r.permissions, g.division, g.assignment, g.ends_at, m.office_id FROM staff m \
          JOIN staff_grant g ON g.staff = m.name JOIN role r ON r.name = g.role \
          WHERE m.name = $1 AND g.ends_at > $2 AND g.ended_at IS NULL \
          ORDER BY g.created_at, g.grant_id LIMIT 200",
};

// Of two that move a session at once one is told that the other was first.
static MOVE_SESSION: Stmt = Stmt {
    name: "staff.move_session",
    sql: "UPDATE staff_session SET trail = $3 WHERE token_hash = $1 AND trail = $2 AND elsewhere = 0",
};

static END_ELSEWHERE: Stmt = Stmt {
    name: "staff.end_elsewhere",
    sql: "UPDATE staff_session SET elsewhere = 1, trail = $2 WHERE token_hash = $1 AND elsewhere = 0",
};

static END_SESSION: Stmt = Stmt {
    name: "staff.end_session",
    sql: "DELETE FROM staff_session WHERE token_hash = $1 AND elsewhere = 0",
};

static END_ONE: Stmt =
    Stmt { name: "staff.end_one", sql: "DELETE FROM staff_session WHERE name = $1 AND session_id = $2" };

static END_ALL: Stmt = Stmt { name: "staff.end_all", sql: "DELETE FROM staff_session WHERE name = $1" };

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

/// Adds a role, and its leaf of the decision log; a conflict where it is there.
pub fn put_role(unit: Unit, rng: &Rng, name: &str, permissions: Permissions, now: Instant) -> Unit {
    let params: Vec<Value> = vec![name.into(), permissions.bits().into(), 0.into()];
    let subject = log::Subject::new(log::Kind::Role, log::role_id(name));
    log::leaf_by(unit, rng, now, subject, &params).expect(Affects::One, &PUT_ROLE, params)
}

/// A role as it is kept.
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it allows.
    pub permissions: Permissions,
    /// How often that was changed.
    pub version: i64,
}

pub async fn roles(db: &Db) -> Result<Vec<Role>, DbError> {
    let rows = db.all(&ROLES, &[]).await?;
    rows.iter()
        .map(|row| {
            let permissions = Permissions::from_bits(row.int(1)?);
            Ok(Role { name: row.text(0)?.to_owned(), permissions, version: row.int(2)? })
        })
        .collect()
}

/// Adds a grant, and its leaf of the decision log.
pub fn add_grant(unit: Unit, rng: &Rng, grant: &NewGrant<'_>, now: Instant) -> Unit {
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
    let subject = log::Subject::new(log::Kind::Grant, grant.id);
    log::leaf_by(unit, rng, now, subject, &params).expect(Affects::One, &ADD_GRANT, params)
}

/// What logging in needs.
pub struct AccountRow {
    pub password: String,
    pub totp: Option<Vec<u8>>,
    pub has_confirmed: bool,
    pub step: i64,
    pub has_ended: bool,
}

pub async fn account(db: &Db, name: &str) -> Result<Option<AccountRow>, DbError> {
    let row = db.one(&ACCOUNT, &[name.into()]).await?;
    row.map(|row| {
        Ok(AccountRow {
            password: row.text(0)?.to_owned(),
            totp: row.opt_bytes(1)?.map(<[u8]>::to_vec),
            has_confirmed: row.int(2)? == 1,
            step: row.int(3)?,
            has_ended: row.opt_int(4)?.is_some(),
        })
    })
    .transpose()
}

pub async fn set_password(db: &Db, name: &str, hash: &str) -> Result<(), DbError> {
    let unit = Unit::new("staff.set_password");
    db.commit(unit.expect(Affects::One, &SET_PASSWORD, vec![name.into(), hash.into()])).await
}

/// A conflict where a confirmed one is in use.
pub async fn set_totp(db: &Db, name: &str, sealed: Vec<u8>) -> Result<(), DbError> {
    let unit = Unit::new("staff.set_totp");
    db.commit(unit.expect(Affects::One, &SET_TOTP, vec![name.into(), sealed.into()])).await
}

/// A conflict where a code of this step or a later one was used.
pub async fn use_step(db: &Db, name: &str, step: i64) -> Result<(), DbError> {
    let unit = Unit::new("staff.use_step");
    db.commit(unit.expect(Affects::One, &USE_STEP, vec![name.into(), step.into()])).await
}

pub fn note(unit: Unit, name: &str, kind: i64, window: Instant) -> Unit {
    unit.expect(Affects::One, &NOTE, vec![name.into(), kind.into(), window.into()])
}

/// Kind, start of the window and count, the newest first.
pub async fn events(db: &Db, name: &str, since: Instant) -> Result<Vec<(i64, Instant, i64)>, DbError> {
    let rows = db.all(&EVENTS, &[name.into(), since.into()]).await?;
    rows.iter().map(|row| Ok((row.int(0)?, Instant(row.int(1)?), row.int(2)?))).collect()
}

/// How many accounts have an event of a kind.
pub async fn accounts_with(db: &Db, kind: i64, since: Instant) -> Result<i64, DbError> {
    let row = db.one(&ACCOUNTS_WITH, &[kind.into(), since.into()]).await?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// A session as it is opened.
pub struct NewSession<'a> {
    pub hash: &'a [u8],
    pub name: &'a str,
    pub id: [u8; 16],
    pub at: Instant,
    pub until: Instant,
    pub trail: &'a Trail,
    pub agent: &'a str,
}

pub async fn add_session(db: &Db, new: &NewSession<'_>) -> Result<(), DbError> {
    let params = vec![
        new.hash.into(),
        new.name.into(),
        new.until.into(),
        new.id.into(),
        new.at.into(),
        new.trail.to_bytes().into(),
        new.agent.into(),
    ];
    db.commit(Unit::new("staff.add_session").expect(Affects::One, &ADD_SESSION, params)).await
}

/// A session, with the grants that have not ended and where it was used.
pub struct SessionRow {
    pub officer: Officer,
    pub trail: Trail,
    pub agent: String,
    pub has_second_factor: bool,
    pub was_elsewhere: bool,
}

pub async fn session(db: &Db, hash: &[u8], now: Instant) -> Result<Option<SessionRow>, DbError> {
    let rows = db.all(&SESSION, &[hash.into(), now.into()]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut officer = Officer {
        name: first.text(0)?.to_owned(),
        session: id(first.bytes(1)?)?,
        office: id(first.bytes(2)?)?,
        grants: Vec::new(),
    };
    for row in &rows {
        if row.opt_int(7)?.is_some() {
            officer.grants.push(Grant {
                role: row.text(6)?.to_owned(),
                permissions: Permissions::from_bits(row.int(7)?),
                division: row.text(8)?.to_owned(),
                assignment: row.opt_text(9)?.map(str::to_owned),
                ends_at: Instant(row.int(10)?),
            });
        }
    }
    Ok(Some(SessionRow {
        officer,
        trail: Trail::from_bytes(first.bytes(3)?),
        agent: first.text(4)?.to_owned(),
        has_second_factor: first.int(5)? == 1,
        was_elsewhere: first.int(11)? == 1,
    }))
}

/// Keeps where a session moved to; a conflict where it moved, or ended, meanwhile.
pub async fn move_session(db: &Db, key: &SessionKey, was: &Trail, now: &Trail) -> Result<(), DbError> {
    let params = vec![key.as_slice().into(), was.to_bytes().into(), now.to_bytes().into()];
    db.commit(Unit::new("staff.move_session").expect(Affects::One, &MOVE_SESSION, params)).await
}

/// Ends a session that was used from two places, and forgets where; a conflict where somebody did.
pub fn end_elsewhere(unit: Unit, key: &SessionKey) -> Unit {
    unit.expect(Affects::One, &END_ELSEWHERE, vec![key.as_slice().into(), Vec::<u8>::new().into()])
}

/// A session of an account.
pub struct SessionOf {
    /// Its identifier.
    pub id: [u8; 16],
    /// When it was opened.
    pub opened_at: Instant,
    /// When it ends by itself.
    pub ends_at: Instant,
    /// What the browser calls itself.
    pub browser: String,
    /// Whether it ended because it was used from two places.
    pub elsewhere: bool,
}

/// An account's sessions whose time is not over, the newest first.
pub async fn sessions(db: &Db, name: &str, now: Instant) -> Result<Vec<SessionOf>, DbError> {
    let rows = db.all(&SESSIONS, &[name.into(), now.into()]).await?;
    let read = |row: &crate::db::Row| {
        Ok(SessionOf {
            id: id(row.bytes(0)?)?,
            opened_at: Instant(row.int(1)?),
            ends_at: Instant(row.int(2)?),
            browser: row.text(3)?.to_owned(),
            elsewhere: row.int(4)? == 1,
        })
    };
    rows.iter().map(read).collect()
}

pub async fn end_one(db: &Db, name: &str, session: [u8; 16]) -> Result<(), DbError> {
    let unit = Unit::new("staff.end_one");
    db.commit(unit.expect(Affects::One, &END_ONE, vec![name.into(), session.into()])).await
}

pub fn end_all(unit: Unit, name: &str) -> Unit {
    unit.expect(Affects::Any, &END_ALL, vec![name.into()])
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
