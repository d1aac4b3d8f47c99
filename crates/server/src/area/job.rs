//! Keeps the lists of this node current, counts whom a proposal concerns, looks through the people when a
//! version begins to act, and stops one that changes more than was counted.

use std::sync::Arc;

use kangma_core::rules::listing::{Count, State, Version, What, state};
use kangma_core::time::Instant;

use super::{beside, find_to_change, note_walked, store, sync, take, withdraw_by};
use crate::app::Shared;
use crate::db::Unit;
use crate::decide::job::{Part, touched};
use crate::error::Problem;
use crate::seal::PersonKeys;
use crate::simulate::{self, Progress, Question, Source};

/// For how long after it began to act a version is watched, in seconds: looking through everybody takes less.
const WATCHED_S: i64 = 600;

/// Reads the lists again if a step was taken anywhere.
pub async fn follow(app: &Shared) {
    let count = app.db.changes().count(store::AREAS);
    if app.packs.lists_seen() == Some(count) {
        return;
    }
    match sync(app).await {
        Ok(()) => app.packs.set_lists_seen(count),
        Err(e) => tracing::warn!(%e, "the lists of areas could not be read; they stay as they were"),
    }
}

/// Looks through a part of the people if other lists began to act since the last time.
pub async fn walk(app: &Shared, part: Part, holds: impl Fn() -> bool) -> Result<(), Problem> {
    if app.packs.set().areas_since(app.clock.now()).is_some_and(|turn| app.packs.walked(part.number) < turn) {
        // Whoever looked through it before, here or elsewhere, is not gone over and counted again.
        note_walked(app).await?;
    }
    if let Some(walked) = touched(app, part, holds).await? {
        store::add_walk(&app.db, part.number, walked).await?;
        // Some may have been decided about by another node.
        app.db.changes().caught_up().await?;
        app.packs.set_walked(part.number, walked.turn);
        tracing::info!(?walked, part = part.number, "looked through for lists of areas");
    }
    Ok(())
}

/// Takes a version back that changes more people than were counted for it.
pub async fn watch(app: &Shared) -> Result<(), Problem> {
    let now = app.clock.now();
    // A part of the people may be looked through for several at once, so that they are held to what was
    // counted for all that began of late, also those that gave way since. Whoever gives way changes as many
    // again.
    let since = now.plus_s(-WATCHED_S);
    let versions = app.packs.area_versions();
    let of_late = |at: Instant| since < at && at <= now;
    let began = |v: &&Version| v.signed.as_ref().is_some_and(|(.., from)| of_late(*from));
    let mut bound = 0;
    for version in versions.iter() {
        let Some((.., from)) = version.signed else { continue };
        let began_of_late = i64::from(of_late(from));
        let counted = version.count.as_ref().map_or(0, Count::bound);
        bound += if version.withdrawn.as_ref().is_some_and(|w| of_late(w.0)) {
            // Where more changed than was counted it is answered for already, and as many change back.
            (began_of_late + 1) * counted.max(store::changed(&app.db, from).await?[3])
        } else {
            began_of_late * counted
        };
    }
    let acts = |v: &&Version| v.withdrawn.is_none() && state(&versions, v, now) == State::InForce;
    let acting: Vec<&Version> = versions.iter().filter(began).filter(acts).collect();
    if acting.is_empty() {
        return Ok(());
    }
    let changed = store::changed_since(&app.db, since).await?;
    if changed <= bound {
        return Ok(());
    }
    for version in acting {
        let reason = format!("{changed} or more people changed, {bound} were the bound");
        tracing::error!(reason, "a list of areas is taken back by itself");
        let (versions, version, turn) = find_to_change(app, version.id).await?;
        withdraw_by(app, (&versions, &version, turn), ("", [0; 16]), "too_many_changes", &reason).await?;
    }
    Ok(())
}

/// Counts whom the oldest proposal concerns that nobody counted yet: everybody is looked at, and those of
/// whom a fact names a place that differs are decided about under both lists, for the numbers only.
pub async fn count(app: &Shared) -> Result<(), Problem> {
    let (versions, now) = (app.packs.area_versions(), app.clock.now());
    let uncounted =
        versions.iter().filter(|v| v.count.is_none() && state(&versions, v, now) == State::Counting);
    let mut found = None;
    for version in uncounted {
        match beside(app, &versions, version).await {
            Ok(lists) => {
                found = Some((version, lists));
                break;
            }
            // One that cannot be read keeps no other waiting.
            Err(_) => tracing::warn!(id = ?version.id, "a proposed list of areas cannot be counted"),
        }
    }
    let Some((version, (before, after))) = found else { return Ok(()) };
    let active = app.packs.set();
    let proposed = active.as_ref().clone().with_areas(&[(Instant::MIN, before), (now, after)]);
    let (differs, everybody) = proposed.areas_differ(Instant::MIN, now);
    let question = Question::of_areas(active, proposed, (!everybody).then_some(differs), now);
    let keys = PersonKeys::new(app.key_store.clone(), app.keys.master.clone());
    let source = Arc::new(Source { db: app.db.clone(), keys });
    let progress = Arc::new(Progress::default());
    let run = simulate::run(source, Arc::new(question), progress, Some(Arc::clone(app))).await;
    let forecast = run.map_err(|e| {
        tracing::warn!(%e, "counting whom a list of areas concerns");
        Problem::internal()
    })?;
    let number = |shade: simulate::Shade| shade.colour().map_or(0, |c| c as u8);
    let changes = simulate::changes().map(|c| (number(c.0), number(c.1), forecast.of(c))).filter(|c| c.2 > 0);
    let count = Count {
        people: i64::try_from(forecast.people()).unwrap_or(i64::MAX),
        touched: i64::try_from(forecast.touched()).unwrap_or(i64::MAX),
        changes: changes.collect(),
    };
    let unit = Unit::new("area.count");
    match take(app, unit, (version.id, version.next), ("", [0; 16]), What::Counted(count)).await {
        // Somebody took it back meanwhile.
        Err(problem) if problem.code == "areas.changed" => Ok(()),
        done => done,
    }
}
