//! Logging in with a phone and a one-time code.
//!
//! URLs: `POST /api/v1/login/codes`, `POST /api/v1/login`, `POST /api/v1/login/renew`,
//! `POST /api/v1/logout`. Tables: `one_time_code`, `device`.
//!
//! A code is six digits, lives ten minutes and dies with its fifth wrong try or its first right
//! one. A phone gets five codes in ten minutes; an address, as many as the settings say.

pub mod http;
mod outbox;
mod sender;
mod store;

use kangma_core::id::AccountId;
use kangma_core::identity::Phone;
use kangma_core::time::Instant;

pub use outbox::Outbox;
pub use sender::{DemoSender, GatewaySender, NoSender, Sender, SenderError};

use crate::account;
use crate::app::Shared;
use crate::auth;
use crate::db::{Affects, DbError, Unit};
use crate::error::Problem;
use crate::lang::Lang;
use crate::seal::Hash;

/// How long a code lives.
pub const CODE_S: i64 = 600;
/// Tries that a code survives.
const TRIES: i64 = 5;
/// Codes to one phone in one window.
const CODES_PER_WINDOW: i64 = 5;
const WINDOW_S: i64 = 600;
/// Guards collide when two requests race for one row; more than a few times is an attack.
const RETRIES: usize = 5;

/// What a one-time code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To log in.
    Login = 1,
    /// To prove an identity, in demo mode.
    Proof = 2,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Purpose::Login => "login",
            Purpose::Proof => "proof",
        }
    }
}

/// Makes a code, keeps its hash and sends it.
pub async fn send_code(app: &Shared, phone: &Phone, purpose: Purpose, lang: Lang) -> Result<(), Problem> {
    let account = app.keys.account_id(phone.as_str());
    let code = format!("{:06}", app.rng.below(1_000_000));
    let now = app.clock.wall();
    for _ in 0..RETRIES {
        let last = store::find(&app.db, account, purpose).await?;
        let (window_at, sent) = match &last {
            Some(last) if now.0 < last.window_at + WINDOW_S => (last.window_at, last.sent),
            _ => (now.0, 0),
        };
        if sent >= CODES_PER_WINDOW {
            let wait = u32::try_from(window_at + WINDOW_S - now.0).unwrap_or(1).max(1);
            return Err(Problem::too_many("login.too_many_codes", wait));
        }
        let row = store::Row {
            code_hash: hash(app, account, purpose, &code),
            expires_at: now.0 + CODE_S,
            tries_left: TRIES,
            window_at,
            sent: sent + 1,
        };
        match store::put(&app.db, account, purpose, &row, last.as_ref()).await {
            Err(DbError::Conflict) => continue,
            done => done?,
        }
        let text = sender::text(&code, purpose, lang);
        return app.sender.send(phone, purpose.as_str(), &code, &text).await.map_err(|cause| {
            tracing::warn!(%cause, "one-time code not sent");
            Problem::new(
                axum::http::StatusCode::BAD_GATEWAY,
                "login.not_sent",
                "验证码没有发出，请稍后再试。",
                "The code could not be sent. Please try again shortly.",
            )
        });
    }
    Err(Problem::too_many("login.too_many_codes", 5))
}

/// Uses a code up, or says what is wrong with it. A wrong try costs one of five.
pub async fn use_code(app: &Shared, account: AccountId, purpose: Purpose, code: &str) -> Result<(), Problem> {
    let now = app.clock.wall();
    for _ in 0..RETRIES {
        let row = store::find(&app.db, account, purpose)
            .await?
            .filter(|row| row.tries_left > 0 && now.0 < row.expires_at)
            .ok_or_else(expired)?;
        let right = row.code_hash.equals(&hash(app, account, purpose, code));
        let tries_left = if right { 0 } else { row.tries_left - 1 };
        match store::spend(&app.db, account, purpose, &row, tries_left).await {
            Err(DbError::Conflict) => continue,
            done => done?,
        }
        return match (right, tries_left) {
            (true, _) => Ok(()),
            (false, 0) => Err(expired()),
            (false, left) => Err(Problem::field(
                "code",
                "login.code_wrong",
                format!("验证码不正确，还可以再试 {left} 次。"),
                format!("That code is not right. You have {left} more tries."),
            )),
        };
    }
    Err(Problem::too_many("login.too_many_tries", 5))
}

fn expired() -> Problem {
    Problem::field(
        "code",
        "login.code_expired",
        "验证码已失效（过期、已使用或输错次数过多），请重新获取。",
        "The code no longer counts (too old, already used, or tried too often). Please ask for a new one.",
    )
}

fn hash(app: &Shared, account: AccountId, purpose: Purpose, code: &str) -> Hash {
    app.keys.hash(purpose.as_str(), &[&account.0, code.as_bytes()])
}

/// A new log-in of a phone.
#[derive(Debug)]
pub struct Session {
    /// The resident's token.
    pub token: String,
    /// When it ends.
    pub expires_at: Instant,
    /// The token that renews it.
    pub device: String,
}

/// Logs in with a code.
pub async fn log_in(app: &Shared, phone: &Phone, code: &str) -> Result<Session, Problem> {
    let account = app.keys.account_id(phone.as_str());
    use_code(app, account, Purpose::Login, code).await?;
    let person = account::open(app, account, phone).await?.person;
    let mut secret = [0; 32];
    app.rng.fill(&mut secret);
    let device = store::DeviceToken { account, secret };
    store::add_device(&app.db, account, &device_hash(app, &device), app.clock.wall()).await?;
    let (token, expires_at) = auth::mint(app, account, person);
    Ok(Session { token, expires_at, device: device.text() })
}

/// A fresh token for a phone that is still logged in.
pub async fn renew(app: &Shared, device: &str) -> Result<(String, Instant), Problem> {
    let device = store::DeviceToken::parse(device).ok_or_else(Problem::unauthorised)?;
    let created = store::device(&app.db, device.account, &device_hash(app, &device)).await?;
    let living = created.is_some_and(|at| app.clock.wall() < at.plus_s(auth::DEVICE_S));
    if !living {
        return Err(Problem::unauthorised());
    }
    let person = account::find(app, device.account).await?.and_then(|a| a.person);
    Ok(auth::mint(app, device.account, person))
}

/// Ends a phone's log-in. The short token runs out by itself.
pub async fn log_out(app: &Shared, device: &str) -> Result<(), Problem> {
    if let Some(device) = store::DeviceToken::parse(device) {
        store::end_device(&app.db, device.account, &device_hash(app, &device)).await?;
    }
    Ok(())
}

fn device_hash(app: &Shared, device: &store::DeviceToken) -> Hash {
    app.keys.hash("device", &[&device.account.0, &device.secret])
}

/// Deletes codes and devices whose time is over.
pub async fn sweep(app: &Shared) -> Result<(), DbError> {
    let now = app.clock.wall();
    let unit = Unit::new("login.sweep")
        .expect(Affects::Any, &store::SWEEP_CODES, vec![(now.0 - WINDOW_S).into()])
        .expect(Affects::Any, &store::SWEEP_DEVICES, vec![(now.0 - auth::DEVICE_S).into()]);
    app.db.commit(unit).await
}
