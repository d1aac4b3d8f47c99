//! Who looked at whom: each reading of a person by staff is recorded before it is answered, or together
//! with what they record of the person, and shown to the person. Lists show nobody. What a collector saw of
//! somebody is a fact, sealed, that says who saw them; it is shown among the looks, and has no row of its
//! own here: rows stay for ever and have whom and when in clear, so that all who passed a gate together
//! could be read from them.
//!
//! URLs: `POST /api/v1/people/look-up`, `GET /api/v1/me/looks`. Table: `look`. Whoever waits for their
//! identity to be confirmed is nobody's person yet: who looked at their claim stands under the account.

pub mod http;
mod store;

use kangma_core::fact::{Fact, Kind};
use kangma_core::id::{AccountId, FactId, PersonId};
use kangma_core::role::Permission;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::{App, Shared};
use crate::db::Unit;
use crate::error::Problem;
use crate::person::Person;
use crate::seal::SealError;
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

/// Looks that are shown to a person; and as many, apart, of what collectors recorded, who scan somebody every
/// day.
const SHOWN_MAX: usize = 500;
/// Rows that are read for that, in pages of [`SHOWN_MAX`].
const PAGES_MAX: usize = 20;
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

/// A look that is about to be recorded.
pub struct New(store::Row);

impl New {
    /// That a collector is told the colour of somebody whom they record by a document, under the identifier
    /// of that fact: shown once.
    pub async fn collected(
        app: &Shared,
        by: &Looker,
        person: PersonId,
        fact: FactId,
    ) -> Result<New, Problem> {
        New::of(app, by, person, fact.0, Purpose::Collect, "").await
    }

    async fn of(
        app: &Shared,
        by: &Looker,
        person: PersonId,
        id: [u8; 16],
        purpose: Purpose,
        reason: &str,
    ) -> Result<New, Problem> {
        let Some(dek) = app.person_keys.get(person).await? else { return Err(Problem::not_found()) };
        let seal = |key: &[u8], plain: &[u8]| dek.seal("look", "body", key, plain);
        Ok(New::sealed(app, by, (person.0, id), purpose, reason, seal))
    }

    fn sealed(
        app: &App,
        by: &Looker,
        (whom, id): ([u8; 16], [u8; 16]),
        purpose: Purpose,
        reason: &str,
        seal: impl Fn(&[u8], &[u8]) -> Vec<u8>,
    ) -> New {
        let Looker { name, role, office } = by.clone();
        let kept = Kept { role, office, purpose, reason: reason.to_owned() };
        let plain = serde_json::to_vec(&kept).expect("a look is plain JSON");
        let body = seal(&store::key(whom, id), &plain);
        New(store::Row { whom, id, at: app.clock.wall(), by: name, body })
    }

    /// Records it together with what a unit does.
    pub fn add_to(&self, unit: Unit, app: &App) -> Unit {
        store::add(unit, app, &self.0)
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
    let look = New::of(app, by, person, app.new_id(), purpose, reason).await?;
    Ok(app.db.commit(look.add_to(Unit::new("look.add"), app)).await?)
}

/// Records that somebody is about to see what an account claims to be.
pub async fn record_claim(
    app: &Shared,
    by: &Looker,
    account: AccountId,
    purpose: Purpose,
) -> Result<(), Problem> {
    let seal = |key: &[u8], plain: &[u8]| app.keys.master.seal("look", "body", key, plain);
    let look = New::sealed(app, by, (account.0, app.new_id()), purpose, "", seal);
    Ok(app.db.commit(look.add_to(Unit::new("look.add"), app)).await?)
}

/// Who looked at an account's claim, and at the person that it holds, the newest first.
pub async fn of(app: &Shared, account: AccountId, person: Option<&Person>) -> Result<Vec<Look>, Problem> {
    let claim = |key: &[u8], body: &[u8]| app.keys.master.open("look", "body", key, body);
    let mut all = rows(app, account.0, claim).await?;
    if let Some(person) = person
        && let Some(dek) = app.person_keys.get(person.id).await?
    {
        all.extend(rows(app, person.id.0, |key, body| dek.open("look", "body", key, body)).await?);
        let seen = person.facts.iter().filter_map(seen);
        let fresh: Vec<_> = seen.filter(|(id, _)| all.iter().all(|(there, _)| there != id)).collect();
        all.extend(fresh);
    }
    // Identifiers are in order of time, and two looks may be of one second.
    all.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    let mut left = [SHOWN_MAX; 2];
    all.retain(|(_, look)| {
        let left = &mut left[usize::from(look.purpose == Purpose::Collect)];
        let has_room = *left > 0;
        *left = left.saturating_sub(1);
        has_room
    });
    Ok(all.into_iter().map(|(_, look)| look).collect())
}

/// The newest looks at somebody by their rows: as many as are shown beside what collectors recorded.
async fn rows(
    app: &Shared,
    whom: [u8; 16],
    open: impl Fn(&[u8], &[u8]) -> Result<Vec<u8>, SealError>,
) -> Result<Vec<([u8; 16], Look)>, Problem> {
    let (mut all, mut before) = (Vec::new(), [0xff; 16]);
    for _ in 0..PAGES_MAX {
        let page = store::of(&app.db, whom, before, SHOWN_MAX).await?;
        let Some(last) = page.last() else { break };
        before = last.id;
        for row in &page {
            all.push((row.id, opened(row, open(&store::key(row.whom, row.id), &row.body))?));
        }
        let others = all.iter().filter(|(_, look)| look.purpose != Purpose::Collect).count();
        if page.len() < SHOWN_MAX || others >= SHOWN_MAX {
            break;
        }
    }
    Ok(all)
}

/// What a collector saw of a person, as a look. It goes with the fact when that has had its days.
fn seen(fact: &Fact) -> Option<([u8; 16], Look)> {
    let text = |field| fact.text(field).map(str::to_owned);
    // A record of an older version has no role; it is shown among what was recorded alone.
    let role = text("role").filter(|_| fact.kind == Kind::Observation)?;
    let office = text("office").unwrap_or_default();
    Some((fact.id.0, Look { at: fact.recorded, role, office, purpose: Purpose::Collect }))
}

fn opened(row: &store::Row, plain: Result<Vec<u8>, SealError>) -> Result<Look, Problem> {
    let kept = plain.ok().and_then(|plain| serde_json::from_slice::<Kept>(&plain).ok()).ok_or_else(|| {
        tracing::error!("a look's sealed column could not be read");
        Problem::internal()
    })?;
    Ok(Look { at: row.at, role: kept.role, office: kept.office, purpose: kept.purpose })
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
