//! Accounts, grants and invitations.

use kangma_core::role::Permissions;
use kangma_core::time::Instant;

use crate::app::App;
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit, Value};
use crate::log;

static ACCOUNTS: Stmt = Stmt {
    name: "rights.accounts",
    sql: "SELECT s.name, o.name, o.division, s.totp_confirmed, s.ended_at FROM staff s \
          JOIN office o ON o.office_id = s.office_id WHERE o.division LIKE $1 ORDER BY s.name LIMIT 2000",
};

static ACCOUNT: Stmt = Stmt {
    name: "rights.account",
    sql: "SELECT s.name, o.name, o.division, s.totp_confirmed, s.ended_at FROM staff s \
          JOIN office o ON o.office_id = s.office_id WHERE s.name = $1",
};

static GRANTS: Stmt = Stmt {
    name: "rights.grants",
    sql: "SELECT grant_id, role, division, assignment, ends_at, given_by FROM staff_grant \
          WHERE staff = $1 AND ends_at > $2 AND ended_at IS NULL ORDER BY created_at, grant_id LIMIT 200",
};

// Of accounts that can log in, whose offices lie in a division.
static GRANTS_IN: Stmt = Stmt {
    name: "rights.grants_in",
    sql: "SELECT g.grant_id, g.role, g.division, g.assignment, g.ends_at, g.given_by, s.name FROM staff_grant g \
          JOIN staff s ON s.name = g.staff JOIN office o ON o.office_id = s.office_id \
          WHERE o.division LIKE $1 AND g.ends_at > $2 AND g.ended_at IS NULL AND s.ended_at IS NULL \
          ORDER BY s.name, g.created_at, g.grant_id LIMIT 20000",
};

static HOLDERS: Stmt = Stmt {
    name: "rights.holders",
    sql: "SELECT s.name, o.name, o.division, g.division, g.assignment, g.ends_at FROM staff_grant g \
          JOIN staff s ON s.name = g.staff JOIN office o ON o.office_id = s.office_id \
          WHERE g.role = $1 AND g.ends_at > $2 AND g.ended_at IS NULL AND s.ended_at IS NULL \
          ORDER BY s.name, g.created_at, g.grant_id LIMIT 20000",
};

static INVITATIONS: Stmt = Stmt {
    name: "rights.invitations",
    sql: "SELECT i.staff, o.name, o.division, i.given_by, i.expires_at FROM invitation i \
          JOIN office o ON o.office_id = i.office_id WHERE o.division LIKE $1 AND i.expires_at > $2 \
          ORDER BY i.staff LIMIT 2000",
};

static INVITED: Stmt = Stmt {
    name: "rights.invited",
    sql: "SELECT o.division FROM invitation i JOIN office o ON o.office_id = i.office_id WHERE i.staff = $1 LIMIT 100",
};

static WITHDRAW: Stmt =
    Stmt { name: "rights.withdraw_invitations", sql: "DELETE FROM invitation WHERE staff = $1" };

static GRANT: Stmt = Stmt {
    name: "rights.grant",
    sql: "SELECT grant_id, role, division, assignment, ends_at, given_by FROM staff_grant WHERE grant_id = $1",
};

static END_GRANT: Stmt = Stmt {
    name: "rights.end_grant",
    sql: "UPDATE staff_grant SET ended_at = $2, ended_by = $3 \
          WHERE grant_id = $1 AND ends_at > $2 AND ended_at IS NULL",
};

static CHANGE_ROLE: Stmt = Stmt {
    name: "rights.change_role",
    sql: "UPDATE role SET permissions = $2, version = $3 WHERE name = $1 AND version + 1 = $3",
};

static ADD_INVITATION: Stmt = Stmt {
    name: "rights.add_invitation",
    sql: "INSERT INTO invitation (token_hash, staff, office_id, given_by, expires_at) VALUES ($1, $2, $3, $4, $5)",
};

static INVITATION: Stmt = Stmt {
    name: "rights.invitation",
    sql: "SELECT staff, office_id FROM invitation WHERE token_hash = $1 AND expires_at > $2",
};

static USE_INVITATION: Stmt =
    Stmt { name: "rights.use_invitation", sql: "DELETE FROM invitation WHERE token_hash = $1" };

static ADD_ACCOUNT: Stmt = Stmt {
    name: "rights.add_account",
    sql: "INSERT INTO staff (name, password, office_id, created_at) VALUES ($1, $2, $3, $4)",
};

static END_ACCOUNT: Stmt =
    Stmt { name: "rights.end_account", sql: "UPDATE staff SET ended_at = $2 WHERE name = $1" };

static RESET: Stmt = Stmt {
    name: "rights.reset_second_factor",
    sql: "UPDATE staff SET totp = NULL, totp_confirmed = 0, totp_step = 0 WHERE name = $1",
};

/// An account, as those see it who give rights.
pub struct Account {
    /// Log-in name.
    pub name: String,
    /// Name of the office.
    pub office: String,
    /// Code of its division.
    pub division: String,
    /// Whether a second factor is in use.
    pub has_second_factor: bool,
    /// Whether it can no longer log in.
    pub has_ended: bool,
}

/// A role that an account holds.
pub struct GrantRow {
    /// Identifier.
    pub id: [u8; 16],
    /// Name of the role.
    pub role: String,
    /// Code of the division.
    pub division: String,
    /// A place or enterprise.
    pub assignment: Option<String>,
    /// Until when.
    pub ends_at: Instant,
    /// By whom.
    pub given_by: String,
}

/// Somebody who holds a role.
pub struct Holder {
    /// Log-in name.
    pub name: String,
    /// Name of the office.
    pub office: String,
    /// Code of the office's division.
    pub office_division: String,
    /// Code of the division where the role holds.
    pub division: String,
    /// A place or enterprise.
    pub assignment: Option<String>,
    /// Until when.
    pub ends_at: Instant,
}

/// Somebody who has not chosen a password yet.
pub struct Waiting {
    /// Log-in name to be.
    pub name: String,
    /// Name of the office.
    pub office: String,
    /// Code of its division.
    pub division: String,
    /// By whom.
    pub given_by: String,
    /// Until when.
    pub expires_at: Instant,
}

fn account_row(row: &Row) -> Result<Account, DbError> {
    Ok(Account {
        name: row.text(0)?.to_owned(),
        office: row.text(1)?.to_owned(),
        division: row.text(2)?.to_owned(),
        has_second_factor: row.int(3)? == 1,
        has_ended: row.opt_int(4)?.is_some(),
    })
}

fn grant_row(row: &Row) -> Result<GrantRow, DbError> {
    Ok(GrantRow {
        id: row.bytes(0)?.try_into().map_err(|_| DbError::shape("grant"))?,
        role: row.text(1)?.to_owned(),
        division: row.text(2)?.to_owned(),
        assignment: row.opt_text(3)?.map(str::to_owned),
        ends_at: Instant(row.int(4)?),
        given_by: row.text(5)?.to_owned(),
    })
}

/// Of offices in a division; its code is digits alone.
pub async fn accounts(db: &Db, division: &str) -> Result<Vec<Account>, DbError> {
    db.all(&ACCOUNTS, &[format!("{division}%").into()]).await?.iter().map(account_row).collect()
}

pub async fn account(db: &Db, name: &str) -> Result<Option<Account>, DbError> {
    db.one(&ACCOUNT, &[name.into()]).await?.map(|row| account_row(&row)).transpose()
}

pub async fn grants(db: &Db, name: &str, now: Instant) -> Result<Vec<GrantRow>, DbError> {
    db.all(&GRANTS, &[name.into(), now.into()]).await?.iter().map(grant_row).collect()
}

/// With the names of the accounts that hold them.
pub async fn grants_in(db: &Db, division: &str, now: Instant) -> Result<Vec<(String, GrantRow)>, DbError> {
    let rows = db.all(&GRANTS_IN, &[format!("{division}%").into(), now.into()]).await?;
    rows.iter().map(|row| Ok((row.text(6)?.to_owned(), grant_row(row)?))).collect()
}

pub async fn holders(db: &Db, role: &str, now: Instant) -> Result<Vec<Holder>, DbError> {
    let rows = db.all(&HOLDERS, &[role.into(), now.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Holder {
                name: row.text(0)?.to_owned(),
                office: row.text(1)?.to_owned(),
                office_division: row.text(2)?.to_owned(),
                division: row.text(3)?.to_owned(),
                assignment: row.opt_text(4)?.map(str::to_owned),
                ends_at: Instant(row.int(5)?),
            })
        })
        .collect()
}

pub async fn invitations(db: &Db, division: &str, now: Instant) -> Result<Vec<Waiting>, DbError> {
    let rows = db.all(&INVITATIONS, &[format!("{division}%").into(), now.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Waiting {
                name: row.text(0)?.to_owned(),
                office: row.text(1)?.to_owned(),
                division: row.text(2)?.to_owned(),
                given_by: row.text(3)?.to_owned(),
                expires_at: Instant(row.int(4)?),
            })
        })
        .collect()
}

/// The divisions of the offices that somebody is invited to.
pub async fn invited(db: &Db, name: &str) -> Result<Vec<String>, DbError> {
    db.all(&INVITED, &[name.into()]).await?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

pub fn withdraw(name: &str) -> Unit {
    Unit::new("rights.withdraw").expect(Affects::Any, &WITHDRAW, vec![name.into()])
}

pub async fn grant(db: &Db, id: [u8; 16]) -> Result<Option<GrantRow>, DbError> {
    db.one(&GRANT, &[id.into()]).await?.map(|row| grant_row(&row)).transpose()
}

/// Ends a grant, with its leaf of the decision log; a conflict where it has ended.
pub fn end_grant(app: &App, id: [u8; 16], by: &str, now: Instant) -> Unit {
    let params: Vec<Value> = vec![id.into(), now.into(), by.into()];
    let unit = Unit::new("rights.end_grant");
    let unit = log::leaf(unit, app, log::Subject::step(log::Kind::Grant, id, 1), &params);
    unit.expect(Affects::One, &END_GRANT, params)
}

/// Changes a role for the `version`th time, with its leaf of the decision log; a conflict where somebody
/// else did so.
pub fn change_role(app: &App, name: &str, set: Permissions, version: i64) -> Unit {
    let params: Vec<Value> = vec![name.into(), set.bits().into(), version.into()];
    let subject = log::Subject::step(log::Kind::Role, log::role_id(name), version);
    let unit = log::leaf(Unit::new("rights.change_role"), app, subject, &params);
    unit.expect(Affects::One, &CHANGE_ROLE, params)
}

pub fn add_invitation(
    unit: Unit,
    hash: &[u8],
    name: &str,
    office: [u8; 16],
    by: &str,
    until: Instant,
) -> Unit {
    let params = vec![hash.into(), name.into(), office.into(), by.into(), until.into()];
    unit.expect(Affects::One, &ADD_INVITATION, params)
}

pub async fn invitation(db: &Db, hash: &[u8], now: Instant) -> Result<Option<(String, [u8; 16])>, DbError> {
    let row = db.one(&INVITATION, &[hash.into(), now.into()]).await?;
    row.map(|row| {
        let office = row.bytes(1)?.try_into().map_err(|_| DbError::shape("invitation"))?;
        Ok((row.text(0)?.to_owned(), office))
    })
    .transpose()
}

/// A conflict where the invitation was used meanwhile, or the name was taken.
pub fn accept(hash: &[u8], name: &str, password: &str, office: [u8; 16], now: Instant) -> Unit {
    let account = vec![name.into(), password.into(), office.into(), now.into()];
    Unit::new("rights.accept").expect(Affects::One, &USE_INVITATION, vec![hash.into()]).expect(
        Affects::One,
        &ADD_ACCOUNT,
        account,
    )
}

pub fn end_account(name: &str, now: Instant) -> Unit {
    Unit::new("rights.end_account").expect(Affects::One, &END_ACCOUNT, vec![name.into(), now.into()])
}

pub fn reset_second_factor(name: &str) -> Unit {
    Unit::new("rights.reset_second_factor").expect(Affects::One, &RESET, vec![name.into()])
}
