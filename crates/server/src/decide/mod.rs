//! The funnel: every new fact comes through [`record`], and only `rules::decide` sets a colour.
//!
//! A stored decision answers until a fact comes, its `review_at` passes or another pack takes
//! force. After that a read answers from the pure function and hands the result to the writer
//! without waiting; a job does the same for those whom nobody reads.

pub mod job;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kangma_core::decision::Decision;
use kangma_core::fact::Fact;
use kangma_core::id::PersonId;
use kangma_core::identity::Name;
use kangma_core::rules::retention::is_same;
use kangma_core::rules::set::decide_in;
use kangma_core::time::Instant;

use crate::app::{App, Shared};
use crate::db::{DbError, Unit};
use crate::error::Problem;
use crate::packs::AreasSay;
use crate::person::{self, Known, Person, State};
use crate::queue;

/// Guards collide when two requests of one person race; each round lets at least one through.
const RETRIES: usize = 8;
/// Two nodes whose clocks are each as far off as a node may be, in seconds.
const AHEAD_MAX_S: i64 = 2 * crate::app::SKEW_MAX_MS / 1000;

/// What the rules make of a person now.
pub fn now(app: &App, person: &Person, at: Instant) -> Decision {
    decide_in(&app.packs.set(), &person.facts, at)
}

/// Where nobody is stored yet.
#[derive(Clone, Debug)]
pub enum Missing {
    /// It is an error.
    Refuse,
    /// Make the person, with this name, which was confirmed: it also takes the place of one that only
    /// a list gave, where nobody holds the person yet.
    Make(Name),
    /// Make the person, with a name that nobody has confirmed.
    Unproven(Name),
}

/// What to record of a person.
pub struct Recording<'a> {
    /// What to do where nobody is stored yet.
    pub missing: Missing,
    /// Names the unit: metric label, trace and SQL comment.
    pub unit: &'static str,
    /// New facts, given what is known; called again if somebody else wrote meanwhile.
    pub facts: &'a (dyn Fn(&Person) -> Result<Vec<Fact>, Problem> + Sync),
    /// Whatever else belongs into the same unit, given the decision.
    pub attach: &'a (dyn Fn(Unit, &Person, &Decision) -> Unit + Sync),
}

/// Appends facts, decides and commits, all or nothing; returns the person with the new facts.
pub async fn record(app: &Shared, id: PersonId, recording: Recording<'_>) -> Result<Person, Problem> {
    record_and(app, id, recording, true).await
}

/// The same for one of many whom nobody may be reading: who is not in memory does not come into it.
pub async fn record_unread(app: &Shared, id: PersonId, recording: Recording<'_>) -> Result<(), Problem> {
    record_and(app, id, recording, false).await.map(drop)
}

async fn record_and(
    app: &Shared,
    id: PersonId,
    recording: Recording<'_>,
    remember: bool,
) -> Result<Person, Problem> {
    for round in 0..RETRIES {
        let found = person::base(app, id, round == 0).await?;
        let mut base = match (found, &recording.missing) {
            (Some(mut base), Missing::Make(name)) if base.person.holders().is_empty() => {
                base.person.name_as(name);
                base
            }
            (Some(base), _) => base,
            (None, Missing::Make(name) | Missing::Unproven(name)) => person::new_base(app, id, name).await?,
            (None, Missing::Refuse) => return Err(Problem::not_found()),
        };
        let fresh = match (recording.facts)(&base.person) {
            // Memory may lag behind another node: what it refuses is asked of the database.
            Err(_) if base.is_remembered => continue,
            made => made?,
        };
        let at = app.clock.now();
        let person = &mut base.person;
        let before = person.stored.as_ref().map(|s| s.pack.clone());
        let (decision, stored) = settle(app, person, fresh, at);
        let tokens_after = person.stored.as_ref().map_or(Instant(0), |s| s.tokens_after);
        let unit = (recording.attach)(Unit::new(recording.unit), person, &decision);
        let unit = queue::open_confirmations(app, unit, person, &decision);
        let unit = person::write(app, unit, person, &stored, &decision, tokens_after);
        match app.db.commit(unit).await {
            Err(DbError::Conflict) => continue,
            done => done?,
        }
        app.packs.compare(&base.person.facts, &decision, before.as_deref());
        return Ok(if remember || base.is_remembered { base.committed(app) } else { base.person });
    }
    Err(DbError::Conflict.into())
}

/// For [`Recording::attach`] where nothing else belongs into the unit.
pub fn nothing_else(unit: Unit, _: &Person, _: &Decision) -> Unit {
    unit
}

/// Adds facts and the episode records that follow; returns the decision and all facts to store.
fn settle(app: &App, person: &mut Person, fresh: Vec<Fact>, at: Instant) -> (Decision, Vec<Fact>) {
    let mut stored = fresh;
    stored.iter().for_each(|f| person.facts.push(f.clone()));
    let decision = now(app, person, at);
    decision.records.iter().for_each(|f| person.facts.push(f.clone()));
    stored.extend(decision.records.iter().cloned());
    (decision, stored)
}

/// Whether a stored decision still answers at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes: nothing that time alone does has come, the pack that made it is in force where the person is, and
    /// the lists of areas are those that it was made under, or differ elsewhere.
    Stands,
    /// If no fact names a place where the lists of areas differ since an instant: nobody looked yet.
    IfUntouched(Instant),
    /// No.
    Over,
}

/// Whether a stored decision still answers at an instant, by what it costs nothing to know. `walked` was asked
/// before the state was read ([`crate::packs::Packs::walked`]).
pub fn standing(app: &App, state: &State, walked: Instant, at: Instant) -> Standing {
    if !state.stands(at) || !app.packs.is_in_force(&state.pack, state.sealed.division, at) {
        return Standing::Over;
    }
    let under = state.sealed.areas.map(Instant);
    match app.packs.areas_say(walked, state.decided_at, under, at) {
        AreasSay::Stands => Standing::Stands,
        AreasSay::IfUntouched(since) => Standing::IfUntouched(since),
        AreasSay::Over => Standing::Over,
    }
}

/// A person's colour now, whatever is stored.
pub async fn current(app: &Shared, id: PersonId) -> Result<Option<Known>, Problem> {
    let walked = app.packs.walked(job::part_of(id));
    let Some(state) = person::state(app, id).await? else { return Ok(None) };
    let now = app.clock.now();
    let at = instant_of(&state, now);
    match standing(app, &state, walked, at) {
        Standing::Stands => return Ok(Some(state)),
        Standing::IfUntouched(since) => {
            let known = person::explained(app, id).await?.filter(|p| p.version == state.version);
            if known.is_some_and(|p| !app.packs.set().areas_touch(&p.facts, since, at)) {
                return Ok(Some(state));
            }
        }
        Standing::Over => {}
    }
    let Some(mut person) = person::load(app, id).await? else { return Ok(None) };
    // Another node may have decided since this one last heard of them.
    if let Some(newer) = person.stored.as_ref().filter(|s| s.version != state.version) {
        let at = instant_of(newer, now);
        if matches!(standing(app, newer, walked, at), Standing::Stands) {
            return Ok(Some(Known { state: Arc::clone(newer), as_of: at }));
        }
    }
    let (decision, stored) = settle(app, &mut person, Vec::new(), at);
    let fresh = fresh_state(&person, &decision, &state);
    let unit = queue::open_confirmations(app, Unit::new("decide.refresh"), &person, &decision);
    let unit = person::write(app, unit, &mut person, &stored, &decision, fresh.tokens_after);
    let (app, before) = (Arc::clone(app), state.pack.clone());
    tokio::spawn(async move {
        match app.db.commit(unit).await {
            Ok(()) => app.packs.compare(&person.facts, &decision, Some(&before)),
            // Somebody else wrote a newer decision, which is as good.
            Err(DbError::Conflict) => {}
            Err(e) => {
                tracing::warn!(%e, "a refreshed decision was not stored; the next read decides again");
            }
        }
    });
    Ok(Some(Known { state: Arc::new(fresh), as_of: at }))
}

/// Another node's clock may be a little ahead: for one person time never runs back, so that between nodes
/// nobody sees an earlier pack's answer after a later one's.
fn instant_of(state: &State, now: Instant) -> Instant {
    let ahead = state.decided_at.0 - now.0;
    if (1..=AHEAD_MAX_S).contains(&ahead) { state.decided_at } else { now }
}

fn fresh_state(person: &Person, decision: &Decision, old: &State) -> State {
    let mut state = State { decided_at: decision.decided_at, review_at: decision.review_at, ..old.clone() };
    state.sealed.status = decision.status as u8;
    state.sealed.colour = decision.colour.map_or(0, |c| c as u8);
    state.sealed.division = person.division();
    state.sealed.check_in_due = decision.check_in_due;
    state.sealed.flags = u8::try_from(decision.flags.len()).unwrap_or(u8::MAX);
    state.sealed.lasts_until = decision.lasts.as_ref().map(|l| l.until.0);
    state.sealed.areas = decision.areas.map(|since| since.0);
    state.pack = person::digest_bytes(&decision.pack.digest);
    state
}

/// How erasing went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasing {
    /// It was done.
    Done,
    /// Not, because somebody else wrote meanwhile.
    Overtaken,
    /// Not, because the rules say something else without those facts.
    Held,
}

/// Takes facts away that have had their days, with their rows. It is decided from the dossier, as it is
/// everywhere else, and only where the rules say the same before and after.
pub async fn erase(
    app: &Shared,
    mut person: Person,
    gone: &[(i64, Fact)],
    at: Instant,
) -> Result<Erasing, Problem> {
    let before = person.stored.as_ref().map(|s| s.pack.clone());
    let (whole, stored) = settle(app, &mut person, Vec::new(), at);
    person.erase(gone, at);
    // What goes on record is among the facts by now.
    let less = now(app, &person, at);
    if !is_same(&Decision { records: Vec::new(), ..whole.clone() }, &less) {
        return Ok(Erasing::Held);
    }
    let decision = Decision { records: whole.records, ..less };
    let tokens_after = person.stored.as_ref().map_or(Instant(0), |s| s.tokens_after);
    let unit = queue::open_confirmations(app, Unit::new("decide.erase"), &person, &decision);
    let unit = person::write(app, unit, &mut person, &stored, &decision, tokens_after);
    match app.db.commit(person::remove_facts(unit, person.id, gone)).await {
        Err(DbError::Conflict) => return Ok(Erasing::Overtaken),
        done => done?,
    }
    app.packs.compare(&person.facts, &decision, before.as_deref());
    Ok(Erasing::Done)
}

/// Stores a fresh decision for somebody whom nobody reads.
pub async fn refresh(app: &Shared, id: PersonId) -> Result<(), Problem> {
    refresh_older(app, id, Instant::MAX).await
}

/// The same where the stored decision is older than an instant: on another node somebody may have read
/// them since they were looked at.
pub async fn refresh_older(app: &Shared, id: PersonId, than: Instant) -> Result<(), Problem> {
    let Some(mut person) = person::load(app, id).await? else { return Ok(()) };
    if person.stored.as_ref().is_some_and(|s| s.decided_at >= than) {
        return Ok(());
    }
    let before = person.stored.as_ref().map(|s| s.pack.clone());
    let (decision, stored) = settle(app, &mut person, Vec::new(), app.clock.now());
    let tokens_after = person.stored.as_ref().map_or(Instant(0), |s| s.tokens_after);
    let unit = queue::open_confirmations(app, Unit::new("decide.refresh"), &person, &decision);
    let unit = person::write(app, unit, &mut person, &stored, &decision, tokens_after);
    match app.db.commit(unit).await {
        // Somebody else wrote a newer decision, which is as good.
        Err(DbError::Conflict) => Ok(()),
        done => {
            done?;
            app.packs.compare(&person.facts, &decision, before.as_deref());
            Ok(())
        }
    }
}
