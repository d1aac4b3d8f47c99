//! Giving rights: accounts, invitations, roles and grants. One gives only what one holds oneself, where
//! one holds it and not longer.
//!
//! URLs: `/api/v1/staff/accounts`, `/api/v1/staff/invitations`, `/api/v1/staff/roles`,
//! `/api/v1/staff/grants`. Tables: `invitation`; `staff`, `office`, `role` and `staff_grant` are
//! [`crate::staff`]'s, which reads them at each request.

pub mod http;
mod store;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use kangma_core::division::divisions;
use kangma_core::role::{Permission, Permissions};
use kangma_core::time::Instant;

pub use store::{Account, GrantRow, Holder, Waiting};

use crate::app::Shared;
use crate::db::{DbError, Unit};
use crate::error::Problem;
use crate::staff::{self, NewGrant, Officer};

/// An invitation counts for so long, in seconds.
const INVITATION_S: i64 = 3 * 86_400;
/// A grant ends within so many seconds.
const GRANT_S_MAX: i64 = 366 * 86_400;

/// The accounts whose offices lie where one gives rights.
pub async fn accounts(app: &Shared, officer: &Officer) -> Result<Vec<Account>, Problem> {
    let mut all: Vec<Account> = Vec::new();
    for division in giving(officer)? {
        all.extend(store::accounts(&app.db, division).await?);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// What the accounts hold whose offices lie where one gives rights, with the names of the accounts.
pub async fn grants_of_all(app: &Shared, officer: &Officer) -> Result<Vec<(String, GrantRow)>, Problem> {
    let mut all = Vec::new();
    for division in giving(officer)? {
        all.extend(store::grants_in(&app.db, division, app.clock.wall()).await?);
    }
    Ok(all)
}

/// Who was invited where one gives rights, and has not chosen a password yet.
pub async fn invitations(app: &Shared, officer: &Officer) -> Result<Vec<Waiting>, Problem> {
    let mut all = Vec::new();
    for division in giving(officer)? {
        all.extend(store::invitations(&app.db, division, app.clock.wall()).await?);
    }
    Ok(all)
}

/// Takes the invitations of somebody back.
pub async fn withdraw(app: &Shared, officer: &Officer, name: &str) -> Result<(), Problem> {
    giving(officer)?;
    let divisions = store::invited(&app.db, name).await?;
    if divisions.is_empty() || !divisions.iter().all(|d| officer.may(Permission::GrantRights, d)) {
        return Err(Problem::not_found());
    }
    Ok(app.db.commit(store::withdraw(name)).await?)
}

/// A role, and who holds it of those whose offices lie where one gives rights.
pub async fn role_with_holders(
    app: &Shared,
    officer: &Officer,
    name: &str,
) -> Result<(staff::Role, Vec<Holder>), Problem> {
    giving(officer)?;
    let known = staff::roles(&app.db).await?;
    let role = known.into_iter().find(|there| there.name == name).ok_or_else(Problem::not_found)?;
    let mut holders = store::holders(&app.db, name, app.clock.wall()).await?;
    holders.retain(|h| officer.may(Permission::GrantRights, &h.office_division));
    Ok((role, holders))
}

fn giving(officer: &Officer) -> Result<Vec<&str>, Problem> {
    let scope = officer.scope(Permission::GrantRights);
    if scope.is_empty() { Err(staff::not_allowed()) } else { Ok(scope) }
}

/// An account that is one's to manage; another is not there.
pub async fn account(app: &Shared, officer: &Officer, name: &str) -> Result<Account, Problem> {
    giving(officer)?;
    let account = store::account(&app.db, name).await?;
    account.filter(|a| officer.may(Permission::GrantRights, &a.division)).ok_or_else(Problem::not_found)
}

/// The grants of an account.
pub async fn grants(app: &Shared, account: &Account) -> Result<Vec<GrantRow>, Problem> {
    Ok(store::grants(&app.db, &account.name, app.clock.wall()).await?)
}

/// Somebody to be invited.
pub struct Invited<'a> {
    /// Log-in name.
    pub name: &'a str,
    /// Name of their office, made if new.
    pub office: &'a str,
    /// Code of its division.
    pub division: &'a str,
}

/// Invites somebody; the answer is the token with which they choose a password, once.
pub async fn invite(
    app: &Shared,
    officer: &Officer,
    invited: &Invited<'_>,
) -> Result<(String, Instant), Problem> {
    officer.require(Permission::GrantRights, invited.division)?;
    known_division(invited.division)?;
    staff::check_names(invited.name, invited.office)
        .map_err(|(zh, en)| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "rights.name", zh, en))?;
    if store::account(&app.db, invited.name).await?.is_some() {
        return Err(taken());
    }
    let (now, mut secret) = (app.clock.wall(), [0; 32]);
    app.rng.fill(&mut secret);
    let expires_at = now.plus_s(INVITATION_S);
    let unit = Unit::new("rights.invite");
    let (unit, office) =
        staff::with_office(unit, &app.db, &app.rng, invited.office, invited.division, now).await?;
    let hash = app.keys.hash("invitation", &[&secret]);
    let unit = store::add_invitation(unit, hash.as_bytes(), invited.name, office, &officer.name, expires_at);
    app.db.commit(unit).await?;
    Ok((B64.encode(secret), expires_at))
}

fn taken() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "rights.name_taken",
        "该登录名已被使用，请换一个。",
        "This log-in name is taken; choose another.",
    )
}

fn known_division(code: &str) -> Result<(), Problem> {
    if code.is_empty() || divisions().get(code).is_some() {
        return Ok(());
    }
    Err(Problem::field(
        "division",
        "division.unknown",
        "没有这个区划代码。",
        "There is no division of that code.",
    ))
}

/// Takes an invitation up with a password of one's own.
pub async fn accept(app: &Shared, token: &str, password: &str) -> Result<String, Problem> {
    let over = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "rights.invitation_over",
            "邀请不存在、已使用或已过期，请向邀请人重新索取。",
            "This invitation is not there, was used or has ended. Ask whoever invited you for a new one.",
        )
    };
    let secret = B64.decode(token).map_err(|_| over())?;
    let hash = app.keys.hash("invitation", &[&secret]);
    let now = app.clock.wall();
    let found = store::invitation(&app.db, hash.as_bytes(), now).await?;
    let (name, office) = found.ok_or_else(over)?;
    let password = staff::new_hash(password).await?;
    match app.db.commit(store::accept(hash.as_bytes(), &name, &password, office, now)).await {
        Err(DbError::Conflict) => Err(over()),
        done => {
            done?;
            Ok(name)
        }
    }
}

/// A role to be given.
pub struct Given<'a> {
    /// Its name.
    pub role: &'a str,
    /// Code of the division where; empty for the whole country.
    pub division: &'a str,
    /// A place or enterprise that it is limited to.
    pub assignment: Option<&'a str>,
    /// Until when.
    pub ends_at: Instant,
}

/// Gives a role to an account.
pub async fn give(
    app: &Shared,
    officer: &Officer,
    to: &Account,
    given: &Given<'_>,
) -> Result<[u8; 16], Problem> {
    known_division(given.division)?;
    let now = app.clock.wall();
    if given.ends_at <= now || given.ends_at > now.plus_s(GRANT_S_MAX) {
        return Err(Problem::field(
            "ends_at",
            "rights.end",
            "授权须有截止时间，在现在之后、一年之内。",
            "A grant has an end: after now and within a year.",
        ));
    }
    let long = given.assignment.is_some_and(|a| !(1..=100).contains(&a.chars().count()));
    if long {
        return Err(Problem::field(
            "assignment",
            "rights.assignment",
            "地点或单位名称为 1 到 100 字。",
            "An assignment has 1 to 100 letters.",
        ));
    }
    let permissions = role(app, given.role).await?;
    if !officer.may_give(permissions, given.division, given.ends_at) {
        return Err(not_yours());
    }
    let mut id = [0; 16];
    app.rng.fill(&mut id);
    let grant = NewGrant {
        id,
        staff: &to.name,
        role: given.role,
        division: given.division,
        assignment: given.assignment,
        ends_at: given.ends_at,
        given_by: &officer.name,
    };
    app.db.commit(staff::with_grant(Unit::new("rights.give"), &app.rng, &grant, now)).await?;
    Ok(id)
}

fn not_yours() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "rights.not_held",
        "只能授予自己在该区域持有的权限，且不得长于自己的期限。",
        "You can give only what you hold yourself, in that division and not longer.",
    )
}

async fn role(app: &Shared, name: &str) -> Result<Permissions, Problem> {
    let roles = staff::roles(&app.db).await?;
    roles
        .into_iter()
        .find(|there| there.name == name)
        .map(|there| there.permissions)
        .ok_or_else(|| Problem::field("role", "rights.role", "没有这个角色。", "There is no such role."))
}

/// Ends a grant at once.
pub async fn end_grant(app: &Shared, officer: &Officer, id: [u8; 16]) -> Result<(), Problem> {
    giving(officer)?;
    let grant = store::grant(&app.db, id).await?;
    let Some(grant) = grant.filter(|g| officer.may(Permission::GrantRights, &g.division)) else {
        return Err(Problem::not_found());
    };
    match app.db.commit(store::end_grant(app, grant.id, &officer.name, app.clock.wall())).await {
        // It has ended already.
        Err(DbError::Conflict) => Ok(()),
        done => Ok(done?),
    }
}

/// Sets what a role allows, for all who hold it, at once; answers which version it now is. `seen` is the
/// version that the change was made from, and none for a role that is to be new: whoever saw an older one
/// is told so, and changes nothing.
pub async fn put_role(
    app: &Shared,
    officer: &Officer,
    name: &str,
    set: Permissions,
    seen: Option<i64>,
) -> Result<i64, Problem> {
    officer.require(Permission::GrantRights, "")?;
    let known = staff::roles(&app.db).await?;
    let known = known.into_iter().find(|there| there.name == name);
    let before = known.as_ref().map_or(Permissions::default(), |known| known.permissions);
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && (1..=40).contains(&name.len());
    if !plain || set.is_empty() {
        return Err(Problem::field(
            "role",
            "rights.role_name",
            "角色名由 1 到 40 个小写字母或下划线组成，且至少有一项权限。",
            "A role has a name of 1 to 40 small letters or underscores, and at least one permission.",
        ));
    }
    if !officer.may_give(before.union(set), "", app.clock.wall()) {
        return Err(not_yours());
    }
    if seen != known.as_ref().map(|known| known.version) {
        return Err(role_changed());
    }
    // Nobody could undo it: the right would be gone from the very account that asks.
    if !set.contains(Permission::GrantRights) && !gives_without(officer, name) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "rights.own_right",
            "这样修改后，您自己将失去授权的权限，改动无法撤回。请由另一位授权管理员办理。",
            "You would take the right to give rights from yourself, and could not go back. Ask somebody else who gives rights.",
        ));
    }
    let (unit, version) = match known {
        Some(known) => (store::change_role(app, name, set, known.version + 1), known.version + 1),
        None => (staff::with_role(Unit::new("rights.put_role"), &app.rng, name, set, app.clock.wall()), 0),
    };
    match app.db.commit(unit).await {
        Err(DbError::Conflict) => Err(role_changed()),
        done => {
            done?;
            Ok(version)
        }
    }
}

/// Whether somebody gives rights in the whole country by another role than this one.
fn gives_without(officer: &Officer, role: &str) -> bool {
    let gives = |g: &staff::Grant| g.permissions.contains(Permission::GrantRights) && g.assignment.is_none();
    officer.grants.iter().any(|g| g.role != role && g.division.is_empty() && gives(g))
}

fn role_changed() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "rights.role_changed",
        "该角色已被他人修改，您看到的不是最新内容。请重新查看后再改。",
        "Somebody else has changed this role since you looked. Look at it again before you change it.",
    )
}

/// Ends an account and its sessions.
pub async fn end_account(app: &Shared, officer: &Officer, name: &str) -> Result<(), Problem> {
    let account = account(app, officer, name).await?;
    if account.name == officer.name {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "rights.own_account",
            "不能注销自己的账号，请由另一位授权管理员办理。",
            "One's own account is ended by somebody else who gives rights.",
        ));
    }
    let unit = store::end_account(&account.name, app.clock.wall());
    Ok(app.db.commit(staff::end_all(unit, &account.name)).await?)
}

/// Lets an account begin a new second factor; its sessions end.
pub async fn reset_second_factor(app: &Shared, officer: &Officer, name: &str) -> Result<(), Problem> {
    let account = account(app, officer, name).await?;
    // Whoever took over a session must not rid themselves of the factor that they lack.
    if account.name == officer.name {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "rights.own_second_factor",
            "不能重置自己的第二因素，请由另一位授权管理员办理。",
            "One's own second factor is reset by somebody else who gives rights.",
        ));
    }
    let unit = store::reset_second_factor(&account.name);
    Ok(app.db.commit(staff::end_all(unit, &account.name)).await?)
}

/// Where an account is logged in.
pub async fn sessions(app: &Shared, account: &Account) -> Result<Vec<staff::SessionOf>, Problem> {
    staff::sessions(app, &account.name).await
}

/// Logs an account out everywhere.
pub async fn end_sessions(app: &Shared, officer: &Officer, name: &str) -> Result<(), Problem> {
    let account = account(app, officer, name).await?;
    let unit = staff::end_all(Unit::new("rights.end_sessions"), &account.name);
    Ok(app.db.commit(unit).await?)
}
