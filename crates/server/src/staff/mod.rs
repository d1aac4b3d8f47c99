//! Staff who log in: reviewers, for now.
//!
//! URLs: `POST /api/v1/staff/login`, `POST /api/v1/staff/logout`. Tables: `staff`, `staff_session`.

pub mod http;
mod store;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use kangma_core::time::Instant;

use crate::app::Shared;
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

/// Adds a member of staff, or gives one a new password.
pub async fn put(db: &Db, name: &str, password: &str, now: Instant) -> anyhow::Result<()> {
    anyhow::ensure!(
        (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)),
        "a staff name has 1 to 64 letters, digits, dots, dashes or underscores"
    );
    let hash = hash(password)?;
    Ok(store::put(db, name, &hash, now).await?)
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
    store::add_session(&app.db, app.keys.hash("staff", &[&secret]).as_bytes(), name, expires_at).await?;
    Ok((B64.encode(secret), expires_at))
}

/// The name behind a session's token.
pub async fn session(app: &Shared, token: &str) -> Result<String, Problem> {
    let secret = B64.decode(token).map_err(|_| Problem::unauthorised())?;
    let found = store::session(&app.db, app.keys.hash("staff", &[&secret]).as_bytes()).await?;
    match found {
        Some((name, expires_at)) if app.clock.wall() < expires_at => Ok(name),
        _ => Err(Problem::unauthorised()),
    }
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
