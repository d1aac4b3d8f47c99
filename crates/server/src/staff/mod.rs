//! Staff: who they are, what they may do and where, and their sessions.
//!
//! URLs: `POST /api/v1/staff/login`, `POST /api/v1/staff/logout`, `GET /api/v1/staff/me`,
//! `/api/v1/staff/sessions`, `/api/v1/staff/password`, `/api/v1/staff/second-factor`. Tables: `staff`,
//! `staff_session`, `staff_event`, `office`, `role`, `staff_grant`. [`Officer`] is what other duties ask.

pub mod http;
mod officer;
mod place;
mod second;
mod store;

use std::sync::atomic::{AtomicI64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use kangma_core::division::divisions;
use kangma_core::role::{Permission, Permissions, ROLES, SECOND_FACTOR};
use kangma_core::time::Instant;

pub use officer::{Grant, Officer, Shown, not_allowed};
pub use place::{Place, Range};
pub use store::{NewGrant, Role, SessionOf, roles};

use crate::app::{Rng, Shared};
use crate::auth;
use crate::db::{Affects, Db, DbError, Unit};
use crate::error::Problem;
use place::{Step, Trail};

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
    /// A place or enterprise that the role is limited to.
    pub assignment: Option<&'a str>,
    /// Until when.
    pub ends_at: Instant,
}

/// Whether a log-in name and an office's name can be; the sentences in Chinese and English where not.
pub fn check_names(name: &str, office: &str) -> Result<(), (&'static str, &'static str)> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
        return Err((
            "登录名由 1 到 64 个字母、数字、点、短横或下划线组成。",
            "a staff name has 1 to 64 letters, digits, dots, dashes or underscores",
        ));
    }
    if !(1..=64).contains(&office.chars().count()) || office.chars().any(char::is_control) {
        return Err(("单位名称为 1 到 64 个字。", "an office's name has 1 to 64 letters"));
    }
    Ok(())
}

fn random(rng: &Rng) -> [u8; 16] {
    let mut id = [0; 16];
    rng.fill(&mut id);
    id
}

/// An office by name and division, added to the unit if it is new.
pub async fn with_office(
    unit: Unit,
    db: &Db,
    rng: &Rng,
    name: &str,
    division: &str,
    now: Instant,
) -> Result<(Unit, [u8; 16]), DbError> {
    if let Some(id) = store::office(db, name, division).await? {
        return Ok((unit, id));
    }
    let office = store::Office { id: random(rng), name, division };
    Ok((store::put_office(unit, &office, now), office.id))
}

/// Adds a grant to a unit.
pub fn with_grant(unit: Unit, rng: &Rng, grant: &NewGrant<'_>, now: Instant) -> Unit {
    store::add_grant(unit, rng, grant, now)
}

/// Adds a role to a unit; a conflict where there is one of that name.
pub fn with_role(unit: Unit, rng: &Rng, name: &str, set: Permissions, now: Instant) -> Unit {
    store::put_role(unit, rng, name, set, now)
}

/// Adds a member of staff, or gives one a new password and office, and a role.
pub async fn put(db: &Db, rng: &Rng, new: &NewStaff<'_>, now: Instant) -> anyhow::Result<()> {
    check_names(new.name, new.office).map_err(|(_, en)| anyhow::anyhow!(en))?;
    anyhow::ensure!(
        new.division.is_empty() || divisions().get(new.division).is_some(),
        "there is no division {}; give a code of 2, 4, 6, 9 or 12 digits, or none for the whole country",
        new.division
    );
    let (unit, office) = with_office(Unit::new("staff.put"), db, rng, new.office, new.division, now).await?;
    let mut unit = store::put(unit, new.name, &hash(new.password)?, office, now);
    if let Some(role) = new.role {
        let known = store::roles(db).await?;
        anyhow::ensure!(
            known.iter().any(|known| known.name == role),
            "there is no role {role}; there are {}",
            known.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", ")
        );
        let grant = NewGrant {
            id: random(rng),
            staff: new.name,
            role,
            division: new.division,
            assignment: new.assignment,
            ends_at: new.ends_at,
            given_by: "command line",
        };
        unit = with_grant(unit, rng, &grant, now);
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

/// Whether somebody's log-in asks for a second factor.
pub async fn has_second_factor(app: &Shared, name: &str) -> Result<bool, DbError> {
    Ok(store::account(&app.db, name).await?.is_some_and(|account| account.has_confirmed))
}

/// Puts in the roles of a new installation that are not there; an edited one stays as it is.
pub async fn put_roles(db: &Db, rng: &Rng, now: Instant) -> Result<(), DbError> {
    for _ in 0..8 {
        let known = store::roles(db).await?;
        let missing = ROLES.iter().filter(|(name, _)| !known.iter().any(|there| there.name == *name));
        let unit = missing.fold(Unit::new("staff.put_roles"), |unit, (name, set)| {
            store::put_role(unit, rng, name, *set, now)
        });
        match if unit.is_empty() { Ok(()) } else { db.commit(unit).await } {
            // Another node begins too, and was first: of what it put in nothing is missing any more.
            Err(DbError::Conflict) => {}
            done => return done,
        }
    }
    Err(DbError::Conflict)
}

/// What an account's owner is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Event {
    /// Somebody tried a wrong password or code.
    WrongPassword = 1,
    /// A session was used from two places, and ended.
    Elsewhere = 2,
    /// Many look-ups of people who are not there.
    Guessing = 3,
}

const HOUR_S: i64 = 3_600;
/// Events are counted by windows of this many seconds.
const WINDOW_S: i64 = 600;
/// For how long an owner is told, in seconds.
const TOLD_S: i64 = 30 * 86_400;

/// Counts an event of an account.
pub async fn note(app: &Shared, name: &str, event: Event) -> Result<(), Problem> {
    Ok(noted(app, Unit::new("staff.note"), name, event).await?)
}

/// Counts an event together with what a unit does.
async fn noted(app: &Shared, unit: Unit, name: &str, event: Event) -> Result<(), DbError> {
    let now = app.clock.wall();
    let window = Instant(now.0 - now.0.rem_euclid(WINDOW_S));
    app.db.commit(store::note(unit, name, event as i64, window)).await?;
    metrics::counter!("kangma_staff_events_total", "kind" => event.name()).increment(1);
    Ok(())
}

impl Event {
    /// In interfaces.
    pub fn name(self) -> &'static str {
        match self {
            Event::WrongPassword => "wrong_password",
            Event::Elsewhere => "used_elsewhere",
            Event::Guessing => "guessing",
        }
    }
}

fn wrong() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "staff.wrong",
        "账号、密码或动态码不正确。",
        "Name, password or code is not right.",
    )
}

/// Whether a password is an account's; an unknown account takes as long.
async fn is_password(known: Option<String>, password: &str) -> Result<bool, Problem> {
    let permit = CHECKS.acquire().await.map_err(|_| Problem::internal())?;
    let exists = known.is_some();
    let (stored, password) = (known.unwrap_or_else(|| NOBODY.clone()), password.to_owned());
    let right = tokio::task::spawn_blocking(move || {
        PasswordHash::new(&stored)
            .is_ok_and(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
    })
    .await
    .map_err(|_| Problem::internal())?;
    drop(permit);
    Ok(right && exists)
}

/// Logs in; the answer is the session's token.
pub async fn log_in(
    app: &Shared,
    name: &str,
    password: &str,
    code: Option<&str>,
    place: &Place,
) -> Result<(String, Instant), Problem> {
    app.limits.names.take(&name_key(app, name))?;
    let account = store::account(&app.db, name).await?.filter(|a| !a.has_ended);
    if !is_password(account.as_ref().map(|a| a.password.clone()), password).await? {
        if account.is_some() {
            note(app, name, Event::WrongPassword).await?;
        }
        return Err(wrong());
    }
    let account = account.ok_or_else(wrong)?;
    if account.has_confirmed {
        let Some(code) = code else {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "staff.code_needed",
                "请输入验证器中的 6 位动态码。",
                "Enter the six digits that your authenticator shows.",
            ));
        };
        if let Err(problem) = second::use_code(app, name, &account, code).await {
            note(app, name, Event::WrongPassword).await?;
            return Err(problem);
        }
    }
    open(app, name, place).await
}

/// What limits by account count by.
pub fn name_key(app: &Shared, name: &str) -> [u8; 32] {
    let hash = app.keys.hash("staff.name", &[name.as_bytes()]);
    hash.as_bytes().try_into().unwrap_or([0; 32])
}

/// What a session is kept by: a keyed hash of its token.
pub type SessionKey = [u8; 32];

/// The key of a token; `None` for what is no token.
pub fn session_key(app: &Shared, token: &str) -> Option<SessionKey> {
    let secret = B64.decode(token).ok()?;
    app.keys.hash("staff", &[&secret]).as_bytes().try_into().ok()
}

async fn open(app: &Shared, name: &str, place: &Place) -> Result<(String, Instant), Problem> {
    let mut secret = [0; 32];
    app.rng.fill(&mut secret);
    let id = app.new_id();
    let at = app.clock.wall();
    let until = at.plus_s(auth::STAFF_S);
    let hash = app.keys.hash("staff", &[&secret]);
    let trail = Trail::begin(place.mark(&app.keys, &id), at);
    let new =
        store::NewSession { hash: hash.as_bytes(), name, id, at, until, trail: &trail, agent: &place.agent };
    store::add_session(&app.db, &new).await?;
    Ok((B64.encode(secret), until))
}

/// Rounds in which another request, perhaps on another node, moved the session first.
const MOVES: usize = 8;

/// Whose session it is that a request shows. A session that is used from two places, or from another
/// network by another browser, ends for all who have it, and its owner is told.
async fn officer(app: &Shared, shown: &Shown) -> Result<Officer, Problem> {
    for _ in 0..MOVES {
        let found = living(app, &shown.session).await?;
        let now = app.clock.wall();
        let mark = shown.place.mark(&app.keys, &found.officer.session);
        match found.trail.step(mark, now) {
            Step::Here => return Ok(found.officer),
            Step::Moved(trail) if shown.place.agent == found.agent => {
                match store::move_session(&app.db, &shown.session, &found.trail, &trail).await {
                    Err(DbError::Conflict) => {}
                    done => return Ok(done.map(|()| found.officer)?),
                }
            }
            Step::Moved(_) | Step::TwoPlaces => {
                let unit = Unit::new("staff.elsewhere");
                let unit = store::end_elsewhere(unit, &shown.session);
                match noted(app, unit, &found.officer.name, Event::Elsewhere).await {
                    Ok(()) => warn_of_several(app).await?,
                    // Somebody's request, on this node or another, ended it just now.
                    Err(DbError::Conflict) => {}
                    Err(e) => return Err(e.into()),
                }
                return Err(elsewhere());
            }
        }
    }
    Err(DbError::Conflict.into())
}

/// Accounts whose sessions were used from two places within an hour: that many are rather the network's doing
/// than so many thieves'. Ours.
const SEVERAL: i64 = 3;
/// When this node last said so.
static SAID: AtomicI64 = AtomicI64::new(i64::MIN);

/// Tells whoever runs the service, at most once an hour, where many sessions end.
async fn warn_of_several(app: &Shared) -> Result<(), DbError> {
    let now = app.clock.wall();
    let since = now.plus_s(-HOUR_S);
    let accounts = store::accounts_with(&app.db, Event::Elsewhere as i64, since).await?;
    let last = SAID.load(Ordering::Relaxed);
    let is_first = || SAID.compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if accounts >= SEVERAL && last <= since.0 && is_first() {
        tracing::warn!(
            accounts,
            "sessions of several accounts ended within an hour because each was used from two places; if their \
             owners were alone, requests come over several addresses: name an office's lines in \
             KANGMA_OFFICE_LINES, and set KANGMA_TRUST_PROXY behind balancers (docs/operate/staff.md)"
        );
    }
    Ok(())
}

/// Whose session a key is, wherever it is used from: for what this node remembers of somebody.
pub async fn of_session(app: &Shared, key: &SessionKey) -> Result<Officer, Problem> {
    Ok(living(app, key).await?.officer)
}

/// A session that is not over, with the rights that count.
async fn living(app: &Shared, key: &SessionKey) -> Result<store::SessionRow, Problem> {
    let found = store::session(&app.db, key, app.clock.wall()).await?;
    let mut found = found.ok_or_else(Problem::unauthorised)?;
    if found.was_elsewhere {
        return Err(elsewhere());
    }
    if !found.has_second_factor && !app.config.demo {
        for grant in &mut found.officer.grants {
            grant.permissions = grant.permissions.without(SECOND_FACTOR);
        }
    }
    Ok(found)
}

/// The one answer to all who have a session that was used from two places.
fn elsewhere() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "staff.elsewhere",
        "此登录在另一处被使用，已被结束。请重新登录；如非本人操作，请立即修改密码。如只有您本人在用而一再如此，是您的网络在几条线路间来回切换，请告知系统管理员。",
        "This session was used from another place and has been ended. Log in again; change your password if that was not you. If it was you alone and it happens again, your network goes to and fro between lines: tell whoever runs the service.",
    )
}

/// Gives oneself a new password; the other sessions end.
pub async fn change_password(
    app: &Shared,
    officer: &Officer,
    old: &str,
    new: &str,
    place: &Place,
) -> Result<(String, Instant), Problem> {
    app.limits.names.take(&name_key(app, &officer.name))?;
    let account = store::account(&app.db, &officer.name).await?.ok_or_else(wrong)?;
    if !is_password(Some(account.password), old).await? {
        note(app, &officer.name, Event::WrongPassword).await?;
        return Err(wrong());
    }
    store::set_password(&app.db, &officer.name, &new_hash(new).await?).await?;
    app.db.commit(store::end_all(Unit::new("staff.end_all"), &officer.name)).await?;
    open(app, &officer.name, place).await
}

/// The hash of a password that somebody chose.
pub async fn new_hash(password: &str) -> Result<String, Problem> {
    if !(12..=128).contains(&password.chars().count()) {
        return Err(Problem::field(
            "password",
            "staff.password",
            "密码长度应为 12 到 128 个字符。",
            "A password has 12 to 128 characters.",
        ));
    }
    let permit = CHECKS.acquire().await.map_err(|_| Problem::internal())?;
    let password = password.to_owned();
    let made = tokio::task::spawn_blocking(move || hash(&password)).await;
    drop(permit);
    made.ok().and_then(Result::ok).ok_or_else(Problem::internal)
}

/// The name of an office.
pub async fn office_name(app: &Shared, id: [u8; 16]) -> Result<String, Problem> {
    Ok(store::office_name(&app.db, id).await?.unwrap_or_default())
}

/// What an account's owner should know, the newest first.
async fn told(app: &Shared, name: &str) -> Result<Vec<(Event, Instant, i64)>, Problem> {
    let rows = store::events(&app.db, name, app.clock.wall().plus_s(-TOLD_S)).await?;
    let event = |kind| {
        [Event::WrongPassword, Event::Elsewhere, Event::Guessing].into_iter().find(|e| *e as i64 == kind)
    };
    Ok(rows.into_iter().filter_map(|(kind, at, n)| Some((event(kind)?, at, n))).collect())
}

/// An account's sessions, the newest first: living ones, and those that were used from two places, until
/// their time is over.
pub async fn sessions(app: &Shared, name: &str) -> Result<Vec<SessionOf>, Problem> {
    Ok(store::sessions(&app.db, name, app.clock.wall()).await?)
}

/// Ends one of an account's sessions.
async fn end_one(app: &Shared, name: &str, session: [u8; 16]) -> Result<(), Problem> {
    match store::end_one(&app.db, name, session).await {
        Err(DbError::Conflict) => Err(Problem::not_found()),
        done => Ok(done?),
    }
}

/// Adds to a unit the end of all of an account's sessions.
pub fn end_all(unit: Unit, name: &str) -> Unit {
    store::end_all(unit, name)
}

/// Ends a session; one that was used from two places stays marked until its time is over.
pub async fn log_out(app: &Shared, key: &SessionKey) -> Result<(), Problem> {
    Ok(store::end_session(&app.db, key).await?)
}

/// Deletes sessions whose time is over.
pub async fn sweep(app: &Shared) -> Result<(), DbError> {
    let unit = Unit::new("staff.sweep").expect(Affects::Any, &store::SWEEP, vec![app.clock.wall().into()]);
    app.db.commit(unit).await
}
