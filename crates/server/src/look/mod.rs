//! Who looked at whom: each reading of a person by staff is recorded before it is answered, and shown
//! to the person.
//!
//! URLs: `POST /api/v1/people/look-up`, `GET /api/v1/me/looks`. Table: `look`.

pub mod http;
mod store;

use kangma_core::id::PersonId;
use kangma_core::role::Permission;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Shared;
use crate::error::Problem;
use crate::staff::{self, Officer};

/// Why somebody was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To settle what waits for review.
    Review,
    /// To answer an appeal.
    Appeal,
    /// To write or to sign an order.
    Order,
    /// To help somebody who asked.
    Help,
    /// To trace contacts.
    Tracing,
    /// To check how others worked.
    Audit,
    /// To enter somebody who showed a document.
    Collect,
}

/// A reading, as the person sees it. The officer's name is not told; the record has it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Look {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Instant,
    /// The officer's role.
    pub role: String,
    /// Name of their office.
    pub office: String,
    /// Why.
    pub purpose: Purpose,
}

/// Looks that are shown to a person.
const SHOWN_MAX: i64 = 500;
/// The longest reason, in letters.
const REASON_MAX: usize = 200;

/// What is sealed of a look; the reason, in the officer's words, is for whoever checks how they work.
#[derive(Serialize, Deserialize)]
struct Kept {
    role: String,
    office: String,
    purpose: Purpose,
    reason: String,
}

/// Who looks.
#[derive(Clone, Debug)]
pub struct Looker {
    /// Log-in name.
    pub name: String,
    /// The role under which they may.
    pub role: String,
    /// Name of their office.
    pub office: String,
}

impl Looker {
    /// An officer, by a right in a division.
    pub async fn of(
        app: &Shared,
        officer: &Officer,
        right: Permission,
        division: &str,
    ) -> Result<Looker, Problem> {
        let office = staff::office_name(app, officer.office).await?;
        let role = officer.role_for(right, division).to_owned();
        Ok(Looker { name: officer.name.clone(), role, office })
    }
}

/// Records that somebody is about to see a person.
pub async fn record(
    app: &Shared,
    by: &Looker,
    person: PersonId,
    purpose: Purpose,
    reason: &str,
) -> Result<(), Problem> {
    let Looker { name, role, office } = by.clone();
    let kept = Kept { role, office, purpose, reason: reason.to_owned() };
    let Some(dek) = app.person_keys.get(person).await? else { return Err(Problem::not_found()) };
    let id = app.new_id();
    let plain = serde_json::to_vec(&kept).map_err(|_| Problem::internal())?;
    let body = dek.seal("look", "body", &store::key(person, id), &plain);
    Ok(store::add(app, person, id, app.clock.wall(), &name, body).await?)
}

/// Who looked at a person, the newest first.
pub async fn of(app: &Shared, person: PersonId) -> Result<Vec<Look>, Problem> {
    let rows = store::of(&app.db, person, SHOWN_MAX).await?;
    let Some(dek) = app.person_keys.get(person).await? else { return Ok(Vec::new()) };
    rows.into_iter()
        .map(|(id, at, body)| {
            let unreadable = |_| {
                tracing::error!("a look's sealed column could not be read");
                Problem::internal()
            };
            let plain =
                dek.open("look", "body", &store::key(person, id), &body).map_err(|_| unreadable(()))?;
            let kept: Kept = serde_json::from_slice(&plain).map_err(|_| unreadable(()))?;
            Ok(Look { at, role: kept.role, office: kept.office, purpose: kept.purpose })
        })
        .collect()
}

/// A reason as it is kept.
pub fn reason(given: &str) -> Result<&str, Problem> {
    let reason = given.trim();
    let letters = reason.chars().count();
    if (2..=REASON_MAX).contains(&letters) && !reason.chars().any(char::is_control) {
        return Ok(reason);
    }
    Err(Problem::field(
        "reason",
        "look.reason",
        format!("请填写查询理由，2 到 {REASON_MAX} 字；当事人可以看到本次查询。"),
        format!("Give a reason of 2 to {REASON_MAX} letters; the person is shown that you looked."),
    ))
}
