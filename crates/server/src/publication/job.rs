//! Keeps the packs of this node current, counts what they change, and goes from stage to stage.

use kangma_core::rules::publication::What;

use super::{AHEAD_S, all, end_by, store, sync, take};
use crate::app::Shared;
use crate::db::Unit;
use crate::error::Problem;

/// Reads the packs again if a step was taken anywhere.
pub async fn follow(app: &Shared) {
    let count = app.db.changes().count(store::PACKS);
    if app.packs.seen() == Some(count) {
        return;
    }
    match sync(app).await {
        Ok(()) => app.packs.set_seen(count),
        Err(e) => tracing::warn!(%e, "the packs in force could not be read; they stay as they were"),
    }
}

/// Writes down what this node compared.
pub async fn write_counts(app: &Shared) -> Result<(), Problem> {
    let counted = app.packs.take_counts();
    if counted.is_empty() {
        return Ok(());
    }
    let unit = counted
        .iter()
        .fold(Unit::new("publication.count"), |unit, ((id, key), n)| store::count(unit, *id, *key, *n));
    if let Err(e) = app.db.commit(unit).await {
        app.packs.put_counts_back(counted);
        return Err(e.into());
    }
    Ok(())
}

/// Stops what changes more people than was forecast, and lets the next stage take force in its time.
pub async fn round(app: &Shared) -> Result<(), Problem> {
    let now = app.clock.now();
    for p in all(app).await? {
        let Some((stage, from)) = p.staged.len().checked_sub(1).zip(p.staged.last().copied()) else {
            continue;
        };
        if p.ended.is_some() || now >= p.terms.sunset || now < from {
            continue;
        }
        let counts = store::counts(&app.db, p.id).await?;
        for (i, terms) in p.terms.stages.iter().enumerate().take(stage + 1) {
            let of_stage = counts.iter().filter(|(s, was, becomes, _)| *s == i as i64 && was != becomes);
            let changed: i64 = of_stage.map(|(.., n)| n).sum();
            if changed > terms.forecast.saturating_add(terms.margin) {
                let reason = format!(
                    "stage {}: {} or more people changed, {} were forecast",
                    i + 1,
                    terms.forecast + terms.margin + 1,
                    terms.forecast
                );
                tracing::error!(digest = p.terms.digest, reason, "a publication stops by itself");
                return end_by(app, &p, ("", [0; 16]), "too_many_changes", &reason).await;
            }
        }
        let hold_s = p.terms.stages[stage].hold_s;
        if stage + 1 < p.terms.stages.len() && now >= from.plus_s(hold_s) {
            let what = What::Staged { stage: stage + 1, from: now.plus_s(AHEAD_S) };
            take(app, Unit::new("publication.next_stage"), (p.id, p.next), ("", [0; 16]), what).await?;
        }
    }
    Ok(())
}
