//! Staff: who they are, what they may do and where, and their sessions.
//!
//! URLs: `POST /api/v1/staff/login`, `POST /api/v1/staff/logout`, `GET /api/v1/staff/me`. Tables: `staff`, `staff_session`,
//! `office`, `role`, `staff_grant`. [`Officer`] is what other duties ask.

pub mod http;
mod officer;
mod store;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use kangma_core::division::divisions;
use kangma_core::role::{Permission, ROLES};
use kangma_core::time::Instant;

pub use officer::{Grant, Officer, not_allowed};

use crate::app::{Rng, Shared};
use crate::auth;
use crate::db::{Affects, Db, DbError, Unit};
use crate::error::Problem;

/// Password checks at once: each takes 19 MB.
static CHECKS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(4);

/// A hash that no password has, so that an unknown name takes as long as a wrong password.
static NOBODY: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| hash(&B64.encode([7; 32])).unwrap_or_default());

fn hash(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|e| anyhow::anyhow!("{e}"))?;
    Ok(hash.to_string())
}

/// Somebody to be put on the staff by whoever runs the service.
pub struct NewStaff<'a> {
    /// Log-in name.
    pub name: &'a str,
    /// Password, to be stored as a hash.
    pub password: &'a str,
    /// Name of their office, made if new.
    pub office: &'a str,
    /// Code of its division, and of what the role is given for; empty for the whole country.
    pub division: &'a str,
    /// A role, if one is given.
    pub role: Option<&'a str>,
    /// Until when.
    pub ends_at: Instant,
}

/// Adds a member of staff, or gives one a new password and office, and a role.
pub async fn put(db: &Db, rng: &Rng, new: &NewStaff<'_>, now: Instant) -> anyhow::Result<()> {
    anyhow::ensure!(
        (1..=64).contains(&new.name.len())
            && new.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)),
        "a staff name has 1 to 64 letters, digits, dots, dashes or underscores"
    );
    anyhow::ensure!(
        (1..=64).contains(&new.office.chars().count()) && !new.office.chars().any(char::is_control),
        "an office's name has 1 to 64 letters"
    );
    anyhow::ensure!(
        new.division.is_empty() || divisions().get(new.division).is_some(),
        "there is no division {}; give a code of 2, 4, 6, 9 or 12 digits, or none for the whole country",
        new.division
    );
    let random = || {
        let mut id = [0; 16];
        rng.fill(&mut id);
        id
    };
    let mut unit = Unit::new("staff.put");
    let office = match store::office(db, new.office, new.division).await? {
        Some(id) => id,
        None => {
            let office = store::Office { id: random(), name: new.office, division: new.division };
            unit = store::put_office(unit, &office, now);
            office.id
        }
    };
    unit = store::put(unit, new.name, &hash(new.password)?, office, now);
    if let Some(role) = new.role {
        let known = store::roles(db).await?;
        anyhow::ensure!(
            known.iter().any(|(name, _)| name == role),
            "there is no role {role}; there are {}",
            known.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
        );
        let grant = store::NewGrant {
            id: random(),
            staff: new.name,
            role,
            division: new.division,
            assignment: None,
            ends_at: new.ends_at,
            given_by: "command line",
        };
        unit = store::add_grant(unit, &grant, now);
    }
    Ok(db.commit(unit).await?)
}

/// Whether somebody may do something in a division now, whether or not they are logged in: what they
/// began does not outlive their right to it.
pub async fn may_now(
    app: &Shared,
    name: &str,
    permission: Permission,
    division: &str,
) -> Result<bool, DbError> {
    let holder = store::holder(&app.db, name, app.clock.wall()).await?;
    Ok(holder.is_some_and(|officer| officer.may(permission, division)))
}

/// Puts in the roles of a new installation that are not there; an edited one stays as it is.
pub async fn put_roles(db: &Db) -> Result<(), DbError> {
    let known = store::roles(db).await?;
    let missing = ROLES.iter().filter(|(name, _)| !known.iter().any(|(there, _)| there == name));
    let unit =
        missing.fold(Unit::new("staff.put_roles"), |unit, (name, set)| store::put_role(unit, name, *set));
    if unit.is_empty() { Ok(()) } else { db.commit(unit).await }
}

/// Logs in; the answer is the session's token.
pub async fn log_in(app: &Shared, name: &str, password: &str) -> Result<(String, Instant), Problem> {
    let wrong = || {
        Problem::new(
            axum::http::StatusCode::UNAUTHORIZED,
            "staff.wrong",
            "账号或密码不正确。",
            "Name or password is not right.",
        )
    };
    let known = store::password(&app.db, name).await?;
    let permit = CHECKS.acquire().await.map_err(|_| Problem::internal())?;
    let (stored, password) = (known.clone().unwrap_or_else(|| NOBODY.clone()), password.to_owned());
    let right = tokio::task::spawn_blocking(move || {
        PasswordHash::new(&stored)
            .is_ok_and(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
    })
    .await
    .map_err(|_| Problem::internal())?;
    drop(permit);
    if !right || known.is_none() {
        return Err(wrong());
    }
    let mut secret = [0; 32];
    app.rng.fill(&mut secret);
    let expires_at = app.clock.wall().plus_s(auth::STAFF_S);
    let mut session = [0; 16];
    app.rng.fill(&mut session);
    let hash = app.keys.hash("staff", &[&secret]);
    store::add_session(&app.db, hash.as_bytes(), name, session, expires_at).await?;
    Ok((B64.encode(secret), expires_at))
}

/// Who is behind a session's token.
async fn officer(app: &Shared, token: &str) -> Result<Officer, Problem> {
    let secret = B64.decode(token).map_err(|_| Problem::unauthorised())?;
    let hash = app.keys.hash("staff", &[&secret]);
    let found = store::session(&app.db, hash.as_bytes(), app.clock.wall()).await?;
    found.ok_or_else(Problem::unauthorised)
}

/// The name of an office.
pub async fn office_name(app: &Shared, id: [u8; 16]) -> Result<String, Problem> {
    Ok(store::office_name(&app.db, id).await?.unwrap_or_default())
}

/// Ends a session.
pub async fn log_out(app: &Shared, token: &str) -> Result<(), Problem> {
    let Ok(secret) = B64.decode(token) else { return Ok(()) };
    Ok(store::end_session(&app.db, app.keys.hash("staff", &[&secret]).as_bytes()).await?)
}

/// Deletes sessions whose time is over.
pub async fn sweep(app: &Shared) -> Result<(), DbError> {
    let unit = Unit::new("staff.sweep").expect(Affects::Any, &store::SWEEP, vec![app.clock.wall().into()]);
    app.db.commit(unit).await
}
