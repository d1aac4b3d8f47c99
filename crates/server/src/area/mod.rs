//! Risk areas as data (风险区): each division's list in versions, two signatures of two offices, an instant at
//! which a version acts on every node, and the look through the people that decides again for those whom it
//! touches.
//!
//! URLs: `/api/v1/areas`, `GET /api/v1/public/areas`. Tables: `area_list`, `area_step`, `area_turn`, `area_walk`. Steps are
//! the truth: what acts when is computed from them alone ([`kangma_core::rules::listing`]), on every node alike;
//! each step and each list is a leaf of the decision log.

mod entries;
pub mod http;
pub mod job;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::http::StatusCode;
use kangma_core::role::Permission;
use kangma_core::rules::expr::Areas;
use kangma_core::rules::listing::{
    ALL_ENTRIES_MAX, Entry, State, Step, Terms, Version, What, areas, compress, expand, fold, in_force,
    state, timeline,
};
use kangma_core::time::{DAY_S, Instant};

use crate::alarm;
use crate::app::{App, Shared};
use crate::db::{DbError, Unit};
use crate::error::Problem;
use crate::packs::{Line, Lists, PARTS};
use crate::publication::AHEAD_S;
use crate::staff::{self, Officer};

pub use store::AREAS;

/// Proposals of a division that wait at once.
const WAITING_MAX: usize = 20;
/// Proposals of a division in a day: steps are kept for ever, and every node reads them.
const A_DAY_MAX: usize = 100;

/// Brings this node's lists to what the steps say. What cannot be read leaves them as they are, and the node
/// not ready.
pub async fn sync(app: &App) -> Result<(), DbError> {
    // One after the other: what was read earlier is never put over what was read later.
    let _turn = app.packs.syncing_lists().await;
    note_walked(app).await?;
    let versions = all(app).await?;
    // Lists that acted before are asked no more once everybody was looked through for later ones.
    let looked = (0..PARTS).map(|part| app.packs.walked(part as u8)).min();
    let line = timeline(&versions, looked.unwrap_or(Instant::MIN).min(app.clock.now()));
    let ids = |acting: &[&Version]| acting.iter().map(|v| v.id).collect();
    let made_of: Line = line.iter().map(|(from, acting)| (*from, ids(acting))).collect();
    if app.packs.listings_are(&made_of) {
        app.packs.set_area_versions(versions);
        return Ok(());
    }
    let (known, mut kept) = (app.packs.lists(), Lists::new());
    let mut listings = Vec::with_capacity(line.len());
    for (from, acting) in line {
        let mut entries = Vec::with_capacity(acting.len());
        for version in acting {
            let Some(list) = read(app, version, &known).await? else {
                tracing::error!(id = ?version.id, "a list of areas cannot be read; the lists stay as they were");
                app.packs.set_lists_failed(format!("a list of areas of {}", version.terms.division));
                return Ok(());
            };
            kept.insert(version.id, Arc::clone(&list));
            entries.push(list);
        }
        match areas(entries.iter().flat_map(|list| list.iter())) {
            Ok(listed) => listings.push((from, listed)),
            Err(e) => {
                tracing::error!(%e, "the lists of areas make no sense; they stay as they were");
                app.packs.set_lists_failed(e.to_string());
                return Ok(());
            }
        }
    }
    app.packs.put_listings(listings, kept, made_of);
    app.packs.set_area_versions(versions);
    Ok(())
}

/// Notes which parts of the people were looked through, here or on another node.
async fn note_walked(app: &App) -> Result<(), DbError> {
    let walked = store::walked(&app.db).await?;
    if walked.iter().any(|(part, turn)| app.packs.walked(*part) < *turn) {
        app.db.changes().caught_up().await?;
    }
    walked.iter().for_each(|(part, turn)| app.packs.set_walked(*part, *turn));
    Ok(())
}

/// Every version, the oldest first.
async fn all(app: &App) -> Result<Vec<Version>, DbError> {
    Ok(fold(&store::steps(&app.db).await?))
}

/// The entries of a version, if they are what its digest says.
async fn read(app: &App, version: &Version, known: &Lists) -> Result<Option<Arc<Vec<Entry>>>, DbError> {
    if let Some(list) = known.get(&version.id) {
        return Ok(Some(Arc::clone(list)));
    }
    let stored = store::list(&app.db, version.id).await?;
    Ok(stored.and_then(|bytes| expand(&bytes, &version.terms.digest)).map(Arc::new))
}

async fn entries_of(app: &App, version: &Version) -> Result<Arc<Vec<Entry>>, Problem> {
    read(app, version, &app.packs.lists()).await?.ok_or_else(Problem::internal)
}

async fn find(app: &App, id: [u8; 16]) -> Result<(Vec<Version>, Version), Problem> {
    let versions = all(app).await?;
    let version = versions.iter().find(|v| v.id == id).cloned().ok_or_else(Problem::not_found)?;
    Ok((versions, version))
}

/// The same with the turn that whoever changes what acts there takes: read before what the change rests on,
/// so that whoever signs or takes back meanwhile takes the same one.
async fn find_to_change(app: &App, id: [u8; 16]) -> Result<(Vec<Version>, Version, i64), Problem> {
    let (_, known) = find(app, id).await?;
    let turn = store::turn(&app.db, &known.terms.division).await?;
    let (versions, version) = find(app, id).await?;
    Ok((versions, version, turn))
}

/// The version of a division that acts, or will within seconds.
fn last<'a>(versions: &'a [Version], division: &str) -> Option<&'a Version> {
    in_force(versions, Instant::MAX).into_iter().find(|v| v.terms.division == division)
}

fn conflict(code: &'static str, zh: &str, en: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, zh, en)
}

fn changed() -> Problem {
    conflict(
        "areas.changed",
        "该区划的名单刚有变动，请刷新核对后重新提出。",
        "The list of this division has changed meanwhile. Look at it again, and propose anew.",
    )
}

/// Takes a step after those that were read.
async fn take(
    app: &App,
    unit: Unit,
    (version, seq): ([u8; 16], i64),
    (officer, office): (&str, [u8; 16]),
    what: What,
) -> Result<(), Problem> {
    let step = Step { version, seq, at: app.clock.now(), officer: officer.to_owned(), office, what };
    match app.db.commit(store::add_step(unit, app, &step)).await {
        Err(DbError::Conflict) => Err(changed()),
        done => {
            done?;
            // Here at once; elsewhere by the feed. The step is taken, whatever becomes of this: the next look
            // follows it.
            if let Err(e) = sync(app).await {
                tracing::warn!(%e, "the lists of areas could not be read; they stay as they were");
            }
            Ok(())
        }
    }
}

/// What is proposed.
pub struct Proposal<'a> {
    /// Code of the division whose list it is; empty for the whole country.
    pub division: &'a str,
    /// The legal reference.
    pub reference: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The version that it takes the place of, as the proposer saw it.
    pub replaces: Option<[u8; 16]>,
    /// The whole list.
    pub entries: Vec<Entry>,
}

/// Proposes a list: the first signature. Returns the version.
pub async fn propose(app: &Shared, officer: &Officer, new: Proposal<'_>) -> Result<[u8; 16], Problem> {
    officer.require(Permission::Rules, new.division)?;
    let (versions, now) = (all(app).await?, app.clock.now());
    if last(&versions, new.division).map(|v| v.id) != new.replaces {
        return Err(changed());
    }
    let waiting = |v: &&Version| {
        v.terms.division == new.division
            && matches!(state(&versions, v, now), State::Counting | State::Proposed)
    };
    let of_today = |v: &&Version| v.terms.division == new.division && now.plus_s(-DAY_S) < v.proposed.2;
    if versions.iter().filter(waiting).count() >= WAITING_MAX
        || versions.iter().filter(of_today).count() >= A_DAY_MAX
    {
        return Err(conflict(
            "areas.many",
            "待签署或今日已提出的名单过多，请先签署或撤回，或明日再提。",
            "Too many lists wait or were proposed today. Sign or withdraw some, or propose again tomorrow.",
        ));
    }
    // Together with what else acts they are not beyond what a node holds.
    let others = in_force(&versions, now).into_iter().filter(|v| v.terms.division != new.division);
    if others.map(|v| v.terms.entries).sum::<usize>() + new.entries.len() > ALL_ENTRIES_MAX {
        return Err(entries::too_many());
    }
    let (bytes, digest) = compress(&new.entries);
    let terms = Terms {
        division: new.division.to_owned(),
        digest,
        entries: new.entries.len(),
        reference: new.reference.to_owned(),
        reason: new.reason.to_owned(),
        replaces: new.replaces.map(|id| kangma_core::id::FactId(id).to_string()),
    };
    let id = app.new_id();
    let unit = store::add_list(Unit::new("area.propose"), app, id, bytes);
    take(app, unit, (id, 0), (&officer.name, officer.office), What::Proposed(terms)).await?;
    Ok(id)
}

/// The second signature: of another person of another office, with another right, over the digest that they
/// read, and knowing how many it concerns.
pub async fn sign(app: &Shared, officer: &Officer, id: [u8; 16], digest: &str) -> Result<Instant, Problem> {
    officer.require_somewhere(Permission::PublishRules)?;
    let (versions, version, turn) = find_to_change(app, id).await?;
    if !officer.may(Permission::PublishRules, &version.terms.division) {
        return Err(staff::not_allowed());
    }
    let forbidden = |code, zh, en| Err(Problem::new(StatusCode::FORBIDDEN, code, zh, en));
    if version.proposed.0 == officer.name {
        return forbidden(
            "areas.same_person",
            "须由另一人签署。",
            "Somebody else signs what one proposed oneself.",
        );
    }
    if version.proposed.1 == officer.office {
        return forbidden(
            "areas.same_office",
            "须由另一单位的人员签署。",
            "Somebody of another office signs.",
        );
    }
    let now = app.clock.now();
    match state(&versions, &version, now) {
        State::Proposed => {}
        State::Counting => {
            return Err(conflict(
                "areas.counting",
                "正在统计涉及人数，请稍候再签署。",
                "It is still being counted whom this concerns; sign when that is known.",
            ));
        }
        _ => return Err(conflict("areas.signed", "已签署或已结束。", "It is signed already, or over.")),
    }
    if digest != version.terms.digest {
        return Err(Problem::field(
            "digest",
            "areas.digest",
            "摘要与所提名单不符。",
            "This is not the digest of the list that was proposed.",
        ));
    }
    let replaces =
        last(&versions, &version.terms.division).map(|v| kangma_core::id::FactId(v.id).to_string());
    if replaces != version.terms.replaces {
        return Err(changed());
    }
    // Others may have taken force since it was proposed.
    let others = in_force(&versions, Instant::MAX).into_iter();
    let others = others.filter(|v| v.terms.division != version.terms.division).map(|v| v.terms.entries);
    if others.sum::<usize>() + version.terms.entries > ALL_ENTRIES_MAX {
        return Err(entries::too_many());
    }
    let from = now.plus_s(AHEAD_S);
    let what = What::Signed { digest: digest.to_owned(), from };
    let unit = store::add_turn(Unit::new("area.sign"), &version.terms.division, turn);
    take(app, unit, (id, version.next), (&officer.name, officer.office), what).await?;
    Ok(from)
}

/// Takes a version back: a proposal is over, and what acts gives way to the version before it. Whoever wrote
/// a proposal may, and whoever may sign.
pub async fn withdraw(app: &Shared, officer: &Officer, id: [u8; 16], reason: &str) -> Result<(), Problem> {
    let (versions, version, turn) = find_to_change(app, id).await?;
    let division = &version.terms.division;
    let own = version.signed.is_none() && officer.may(Permission::Rules, division);
    if !own && !officer.may(Permission::PublishRules, division) {
        return Err(staff::not_allowed());
    }
    // One person undoes what is new; what has stood for a day is changed by two, with its number counted.
    if version.signed.as_ref().is_some_and(|s| s.2.plus_s(DAY_S) <= app.clock.now()) {
        return Err(conflict(
            "areas.old",
            "该名单生效已超过一日，不能由一人撤回，请另行提出名单。",
            "This list has acted for more than a day, so one person cannot take it back. Propose another list.",
        ));
    }
    let by = (officer.name.as_str(), officer.office);
    withdraw_by(app, (&versions, &version, turn), by, "withdrawn", reason).await
}

/// The same by the service itself as well.
async fn withdraw_by(
    app: &App,
    (versions, version, turn): (&[Version], &Version, i64),
    (by, office): (&str, [u8; 16]),
    how: &str,
    reason: &str,
) -> Result<(), Problem> {
    let now = app.clock.now();
    if matches!(state(versions, version, now), State::Withdrawn | State::Replaced)
        || version.withdrawn.is_some()
    {
        return Err(conflict("areas.ended", "该名单已不再生效。", "This list acts no more."));
    }
    let from = if version.signed.is_some() { now.plus_s(AHEAD_S) } else { now };
    let what = What::Withdrawn { from, how: how.to_owned(), reason: reason.to_owned() };
    let mut unit = Unit::new("area.withdraw");
    if version.signed.is_some() {
        unit = store::add_turn(unit, &version.terms.division, turn);
        unit = alarm::raise_in(unit, app, alarm::Kind::RulesStopped, by, &version.terms.division);
    }
    take(app, unit, (version.id, version.next), (by, office), what).await
}

/// The lists that act with a version in place of its division's: those now, and those then.
async fn beside(
    app: &App,
    versions: &[Version],
    version: &Version,
) -> Result<(Arc<Areas>, Arc<Areas>), Problem> {
    let (mut before, mut after) = (Vec::new(), vec![entries_of(app, version).await?]);
    for acting in in_force(versions, app.clock.now()) {
        let list = entries_of(app, acting).await?;
        if acting.terms.division != version.terms.division {
            after.push(Arc::clone(&list));
        }
        before.push(list);
    }
    let make = |lists: &[Arc<Vec<Entry>>]| {
        areas(lists.iter().flat_map(|list| list.iter())).map_err(|_| Problem::internal())
    };
    Ok((make(&before)?, make(&after)?))
}
