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
    let counted = app.packs.unwritten_counts();
    if counted.is_empty() {
        return Ok(());
    }
    let node = app.leases.node();
    let unit = counted
        .iter()
        .fold(Unit::new("publication.count"), |unit, ((id, key), n)| store::count(unit, *id, node, *key, *n));
    // What failed may stand nevertheless; written again, it is the same.
    app.db.commit(unit).await?;
    app.packs.note_written(&counted);
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

#[cfg(test)]
mod tests {
    use crate::app::Rng;
    use crate::db::Unit;
    use crate::publication::store;
    use crate::testing::{Dir, open};

    /// With the database silent nobody knows whether a write came through; it is done again.
    #[tokio::test]
    async fn a_count_that_is_written_again_counts_nobody_twice() {
        let dir = Dir::new("counts");
        let app = open(&dir, Rng::seeded(3), None, |_| ()).await;
        let (id, key) = ([7; 16], (0, 2, 3));
        (0..3).for_each(|_| app.packs.count((id, key)));
        // It came through, and its node was not told.
        let unit = store::count(Unit::new("publication.count"), id, app.leases.node(), key, 3);
        app.db.commit(unit).await.unwrap();
        let counted = async || {
            super::write_counts(&app).await.unwrap_or_else(|p| panic!("{}", p.code));
            store::counts(&app.db, id).await.unwrap()
        };
        assert_eq!(counted().await, [(0, 2, 3, 3)]);
        app.packs.count((id, key));
        // Another node's come on top.
        let unit = store::count(Unit::new("publication.count"), id, [9; 16], key, 10);
        app.db.commit(unit).await.unwrap();
        assert_eq!(counted().await, [(0, 2, 3, 14)]);
        assert_eq!(counted().await, [(0, 2, 3, 14)], "and nothing is left to write");
        app.db.clone().close().await;
        app.key_store.clone().close().await;
    }
}
