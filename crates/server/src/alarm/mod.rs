//! Alarms (预警): unusual patterns of what staff do by hand, for auditors.
//!
//! URLs: `GET /api/v1/alarms`, `POST /api/v1/alarms/{id}`. Tables: `alarm`, `pace`. An alarm says
//! which account and which place, never which person. One that goes on is one row that counts up,
//! and is open again once it counts more than an auditor answered for.

pub mod http;
mod pace;
mod store;
#[cfg(test)]
mod tests;

use kangma_core::time::{DAY_S, Instant};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, Shared};
use crate::db::{DbError, Unit};
use crate::error::Problem;

pub use pace::Pace;
pub use store::count_open;

/// What is unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An order acted before a second office signed it.
    UrgentOrder,
    /// An account or its office wrote more orders in an hour than the limit: further ones are held.
    BulkStopped,
    /// An account asked again and again for people outside its scope.
    OutOfScope,
    /// An account asked again and again for documents that nobody has.
    Guessing,
    /// Many colours by hand, ordered or found, by one account or for one place, of people of whom no
    /// list and no test says anything.
    ManyWithoutCase,
    /// All orders of an account, a place or a time were withdrawn.
    OrdersUndone,
    /// A list was stopped by itself: too many of its lines are about people of other divisions.
    ListHeld,
    /// Published rules were stopped or brought back from, by themselves or by hand.
    RulesStopped,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::UrgentOrder,
        Kind::BulkStopped,
        Kind::OutOfScope,
        Kind::Guessing,
        Kind::ManyWithoutCase,
        Kind::OrdersUndone,
        Kind::ListHeld,
        Kind::RulesStopped,
    ];

    /// Its word in JSON, metrics and the database.
    pub fn name(self) -> &'static str {
        match self {
            Kind::UrgentOrder => "urgent_order",
            Kind::BulkStopped => "bulk_stopped",
            Kind::OutOfScope => "out_of_scope",
            Kind::Guessing => "guessing",
            Kind::ManyWithoutCase => "many_without_case",
            Kind::OrdersUndone => "orders_undone",
            Kind::ListHeld => "list_held",
            Kind::RulesStopped => "rules_stopped",
        }
    }

    fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// Adds an alarm to a unit: a new one, or one more of the place's today. `officer` is a log-in name, empty
/// where it is about a place.
pub fn raise_in(unit: Unit, app: &App, kind: Kind, officer: &str, division: &str) -> Unit {
    let at = app.clock.now();
    let day = app.packs.base().zone.day_of(at).0.to_be_bytes();
    let parts: [&[u8]; 4] = [kind.name().as_bytes(), officer.as_bytes(), division.as_bytes(), &day];
    let hash = app.keys.hash("alarm", &parts);
    let mut id = [0; 16];
    id.copy_from_slice(&hash.as_bytes()[..16]);
    store::raise(unit, id, kind, officer, division, at)
}

/// Raises an alarm by itself.
pub async fn raise(app: &Shared, kind: Kind, officer: &str, division: &str) -> Result<(), Problem> {
    Ok(app.db.commit(raise_in(Unit::new("alarm.raise"), app, kind, officer, division)).await?)
}

/// Look-ups in an hour that found nobody of one's own, before an alarm is raised. Ours, as for orders.
const NOBODY: Pace = Pace { what: "alarm.guessing", span_s: 3_600, most: 3 };

/// Counts a look-up that found nobody whom the officer may see; `division` is one where they may look.
pub async fn guessed(app: &Shared, officer: &str, division: &str) -> Result<(), Problem> {
    if !NOBODY.take(app, officer.as_bytes()).await? {
        raise(app, Kind::Guessing, officer, division).await?;
    }
    Ok(())
}

/// Colours by hand in a day, of people of whom no list and no test says anything, by one account or
/// for one county, before an alarm is raised. Ours.
const WITHOUT_CASE: Pace = Pace { what: "alarm.without_case", span_s: DAY_S, most: 4 };

/// Counts a colour that an officer brought about, of somebody of whom no list and no test says
/// anything.
pub async fn without_case(app: &Shared, officer: &str, county: &str) -> Result<(), Problem> {
    let by_account = !WITHOUT_CASE.take(app, officer.as_bytes()).await?;
    let by_place = !WITHOUT_CASE.take(app, county.as_bytes()).await?;
    if by_account {
        raise(app, Kind::ManyWithoutCase, officer, county).await?;
    }
    if by_place {
        raise(app, Kind::ManyWithoutCase, "", county).await?;
    }
    Ok(())
}

/// An alarm as it is stored.
pub struct Alarm {
    /// Its identifier.
    pub id: [u8; 16],
    /// What is unusual.
    pub kind: Kind,
    /// Whose account; empty where it is about a place.
    pub officer: String,
    /// Where.
    pub division: String,
    /// When it was first so.
    pub raised_at: Instant,
    /// When it was last so.
    pub last_at: Instant,
    /// How often.
    pub times: i64,
    /// How many of them were answered for.
    pub seen: i64,
    /// Who answered.
    pub answered_by: Option<String>,
    answer: Option<Vec<u8>>,
}

impl Alarm {
    /// What an auditor answered.
    pub fn answer(&self, app: &App) -> Option<String> {
        let plain = app.keys.master.open("alarm", "answer", &self.id, self.answer.as_ref()?).ok()?;
        String::from_utf8(plain).ok()
    }
}

/// Alarms of some divisions, the latest first.
pub async fn list(app: &Shared, scope: &[&str], open: bool, limit: usize) -> Result<Vec<Alarm>, Problem> {
    let mut all = Vec::new();
    for division in scope {
        all.extend(store::within(&app.db, division, open, limit).await?);
    }
    all.sort_by_key(|a| std::cmp::Reverse((a.last_at, a.id)));
    all.dedup_by_key(|a| a.id);
    all.truncate(limit);
    Ok(all)
}

/// An auditor answers for an alarm: why it is as it should be, or what was done.
pub async fn answer(
    app: &Shared,
    id: [u8; 16],
    by: &str,
    allowed: impl Fn(&str) -> bool,
    answer: &str,
) -> Result<(), Problem> {
    let alarm = store::find(&app.db, id).await?.filter(|a| allowed(&a.division));
    let alarm = alarm.ok_or_else(Problem::not_found)?;
    let sealed = app.keys.master.seal("alarm", "answer", &id, answer.as_bytes());
    // Only what was seen is answered for: what came meanwhile stays open.
    match store::answer(&app.db, id, alarm.times, by, app.clock.now(), sealed).await {
        Err(DbError::Conflict) => Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            "alarm.answered",
            "该预警已由他人处理。",
            "Somebody else has answered for this alarm.",
        )),
        done => Ok(done?),
    }
}
