//! The second factor: six digits that an authenticator app makes every thirty seconds (RFC 6238).

use axum::http::StatusCode;
use totp_rs::{Builder, Totp};

use super::store::{self, AccountRow};
use super::{Officer, wrong};
use crate::app::Shared;
use crate::db::DbError;
use crate::error::Problem;

/// Bytes of a secret: what RFC 4226 asks for.
const SECRET: usize = 20;

fn totp(app: &Shared, name: &str, secret: Vec<u8>) -> Result<Totp, Problem> {
    let issuer = format!("Kangma {}", app.config.issuer);
    let built = Builder::new().with_secret(secret).with_account_name(name).with_issuer(Some(issuer)).build();
    built.map_err(|e| {
        tracing::error!(%e, "a second factor");
        Problem::internal()
    })
}

/// A new secret for an account that has none in use; the answer is its `otpauth:` address, which is
/// shown once and never again.
pub async fn enrol(app: &Shared, officer: &Officer) -> Result<String, Problem> {
    let mut secret = vec![0; SECRET];
    app.rng.fill(&mut secret);
    let name = &officer.name;
    let sealed = app.keys.master.seal("staff", "totp", name.as_bytes(), &secret);
    let url = totp(app, name, secret)?.to_url().map_err(|_| Problem::internal())?;
    match store::set_totp(&app.db, name, sealed).await {
        Err(DbError::Conflict) => Err(Problem::new(
            StatusCode::CONFLICT,
            "staff.second_factor_there",
            "已启用动态码。更换设备请联系授权管理员。",
            "A second factor is in use. Ask whoever gives out rights if you changed your device.",
        )),
        done => {
            done?;
            Ok(url)
        }
    }
}

/// Confirms a new secret by its first code.
pub async fn confirm(app: &Shared, officer: &Officer, code: &str) -> Result<(), Problem> {
    app.limits.names.take(&super::name_key(app, &officer.name))?;
    let account = store::account(&app.db, &officer.name).await?.ok_or_else(wrong)?;
    use_code(app, &officer.name, &account, code).await
}

/// Each code works once.
pub async fn use_code(app: &Shared, name: &str, account: &AccountRow, code: &str) -> Result<(), Problem> {
    let Some(sealed) = &account.totp else { return Err(wrong()) };
    let opened = app.keys.master.open("staff", "totp", name.as_bytes(), sealed);
    let secret = opened.map_err(|_| Problem::internal())?;
    let now = u64::try_from(app.clock.wall().0).unwrap_or(0);
    let step = totp(app, name, secret)?.check(code.trim(), now).ok_or_else(wrong)?;
    let step = i64::try_from(step).map_err(|_| Problem::internal())?;
    if step <= account.step {
        return Err(wrong());
    }
    match store::use_step(&app.db, name, step).await {
        Err(DbError::Conflict) => Err(wrong()),
        done => Ok(done?),
    }
}
