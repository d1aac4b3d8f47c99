//! Work that no request asks for. Each round is bounded, may fail and runs again; where several
//! nodes share a database, [`Leases`] say which of them does it. Tables: `lease`, `node`.

mod leases;
mod store;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use leases::{Leases, Work};

use crate::app::{SKEW_MAX_MS, Shared};
use crate::db::DbError;
use crate::decide::job::Part;
use crate::{
    appeal, area, collect, dashboard, decide, import, log, login, order, publication, retention, review,
    staff, tally,
};

/// Rounds of due decisions in one go: bounds how long one wake-up works.
const ROUNDS_MAX: usize = 50;

/// Starts all jobs; they end when `stop` is cancelled.
pub fn start(app: &Shared, stop: &CancellationToken) -> tokio_util::task::TaskTracker {
    let tracker = tokio_util::task::TaskTracker::new();
    every(&tracker, app, stop, leases::PERIOD, |app: Shared| async move {
        if let Err(e) = app.leases.round(&app).await {
            tracing::warn!(%e, "leases");
        }
        look_at_the_clock(&app).await;
        metrics::gauge!("kangma_cache_entries").set(app.memory.len() as f64);
        metrics::gauge!("kangma_db_away").set(if app.db.is_away() { 1.0 } else { 0.0 });
    });
    every(&tracker, app, stop, Duration::from_secs(5), due_decisions);
    every(&tracker, app, stop, Duration::from_secs(1), |app: Shared| async move {
        tally::job::round(&app, || app.leases.holds(leases::TALLY)).await;
    });
    every(&tracker, app, stop, Duration::from_secs(10), |app: Shared| async move {
        if let Err(problem) = decide::job::count_all(&app, || app.leases.holds(leases::TALLY)).await {
            tracing::warn!(code = problem.code, "counting everybody");
        }
    });
    every(&tracker, app, stop, Duration::from_secs(1), |app: Shared| async move {
        log::job::round(&app, || app.leases.holds(leases::LOG)).await;
    });
    every(&tracker, app, stop, Duration::from_millis(100), |app: Shared| async move {
        publication::job::follow(&app).await;
    });
    every(&tracker, app, stop, Duration::from_millis(500), publications);
    every(&tracker, app, stop, Duration::from_secs(1), sweep_packs);
    every(&tracker, app, stop, Duration::from_millis(100), |app: Shared| async move {
        area::job::follow(&app).await;
    });
    every(&tracker, app, stop, Duration::from_millis(500), walk_areas);
    every(&tracker, app, stop, Duration::from_secs(1), |app: Shared| async move {
        let holds = |part| app.leases.holds(&leases::part_name(part));
        if let Err(problem) = retention::job::round(&app, leases::PARTS, holds).await {
            tracing::warn!(code = problem.code, "erasing facts that have had their days");
        }
    });
    every(&tracker, app, stop, Duration::from_millis(500), areas);
    every(&tracker, app, stop, Duration::from_secs(1), findings);
    every(&tracker, app, stop, Duration::from_secs(5), overdue_appeals);
    every(&tracker, app, stop, Duration::from_millis(500), imports);
    every(&tracker, app, stop, Duration::from_secs(5), |app: Shared| async move {
        if app.leases.holds(leases::QUEUE)
            && let Err(problem) = order::job::round(&app).await
        {
            tracing::warn!(code = problem.code, "undoing orders");
        }
    });
    every(&tracker, app, stop, Duration::from_secs(60), |app: Shared| async move {
        if let Err(e) = app.signing.rotate(app.clock.now()).await {
            tracing::error!(%e, "signing keys");
        }
    });
    every(&tracker, app, stop, Duration::from_secs(600), |app: Shared| async move {
        if !app.leases.holds(leases::SWEEP) {
            return;
        }
        for swept in [
            login::sweep(&app).await,
            staff::sweep(&app).await,
            import::job::sweep(&app).await,
            dashboard::sweep(&app).await,
            collect::sweep(&app).await,
        ] {
            if let Err(e) = swept {
                tracing::warn!(%e, "sweep");
            }
        }
    });
    tracker.close();
    tracker
}

/// Which shared work is done by whom.
pub async fn work(app: &Shared) -> Result<Vec<Work>, DbError> {
    app.leases.work(app).await
}

/// How many nodes were alive some seconds ago; without a database that others share, none but ours.
pub async fn alive(app: &Shared) -> Result<i64, DbError> {
    match app.db.is_shared() {
        true => store::alive(&app.db, app.clock.wall_ms() - leases::ALIVE_MS).await,
        false => Ok(0),
    }
}

/// Decides again where an instant has passed, in the parts of the people that this node holds.
async fn due_decisions(app: Shared) {
    for part in 0..leases::PARTS {
        let name = leases::part_name(part);
        for _ in 0..ROUNDS_MAX {
            if !app.leases.holds(&name) {
                break;
            }
            match decide::job::round(&app, Part { number: part, of: leases::PARTS }).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(problem) => {
                    tracing::warn!(code = problem.code, "due decisions");
                    break;
                }
            }
        }
    }
}

/// Writes down what this node compared; one node watches how many people publications change.
async fn publications(app: Shared) {
    if let Err(problem) = publication::job::write_counts(&app).await {
        tracing::warn!(code = problem.code, "counts of publications");
    }
    if app.leases.holds(leases::RULES)
        && let Err(problem) = publication::job::round(&app).await
    {
        tracing::warn!(code = problem.code, "publications");
    }
}

/// Decides again where another pack took force, in the parts of the people that this node holds.
async fn sweep_packs(app: Shared) {
    for part in 0..leases::PARTS {
        let name = leases::part_name(part);
        let part = Part { number: part, of: leases::PARTS };
        if app.leases.holds(&name)
            && let Err(problem) = decide::job::sweep(&app, part, || app.leases.holds(&name)).await
        {
            tracing::warn!(code = problem.code, "deciding again under another pack");
        }
    }
}

/// Decides again for those whom other lists of areas touch, in the parts of the people that this node holds.
async fn walk_areas(app: Shared) {
    for part in 0..leases::PARTS {
        let name = leases::part_name(part);
        let part = Part { number: part, of: leases::PARTS };
        if app.leases.holds(&name)
            && let Err(problem) = area::job::walk(&app, part, || app.leases.holds(&name)).await
        {
            tracing::warn!(code = problem.code, "deciding again under other lists of areas");
        }
    }
}

/// Counts whom proposed lists of areas concern, and watches how many those that act change.
async fn areas(app: Shared) {
    if !app.leases.holds(leases::RULES) {
        return;
    }
    for done in [area::job::watch(&app).await, area::job::count(&app).await] {
        if let Err(problem) = done {
            tracing::warn!(code = problem.code, "lists of areas");
        }
    }
}

/// Brings what reviewers found into effect.
async fn findings(app: Shared) {
    for _ in 0..ROUNDS_MAX {
        if !app.leases.holds(leases::QUEUE) {
            break;
        }
        match review::job::round(&app).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(problem) => {
                tracing::warn!(code = problem.code, "findings");
                break;
            }
        }
    }
}

/// Passes appeals whose time is over to the office above.
async fn overdue_appeals(app: Shared) {
    for _ in 0..ROUNDS_MAX {
        if !app.leases.holds(leases::QUEUE) {
            break;
        }
        match appeal::job::round(&app).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(e) => {
                tracing::warn!(%e, "overdue appeals");
                break;
            }
        }
    }
}

/// Works through imports, a block at a time, for as long as this node is the one that does.
async fn imports(app: Shared) {
    for _ in 0..ROUNDS_MAX {
        if !app.leases.holds(leases::IMPORTS) {
            return;
        }
        match import::job::round(&app).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(problem) => {
                tracing::warn!(code = problem.code, "imports");
                return;
            }
        }
    }
}

/// Holds this machine's clock against the database's.
async fn look_at_the_clock(app: &Shared) {
    let Ok(Some(ms)) = app.db.clock_ahead_ms(|| app.clock.wall_ms()).await else { return };
    metrics::gauge!("kangma_clock_skew_seconds").set(ms as f64 / 1000.0);
    let was = app.clock.note_skew(ms);
    if ms.abs() > SKEW_MAX_MS && was.abs() <= SKEW_MAX_MS {
        tracing::error!(ms, "the database's clock differs too much from this machine's; set both by NTP");
    }
}

fn every<F, W>(
    tracker: &tokio_util::task::TaskTracker,
    app: &Shared,
    stop: &CancellationToken,
    period: Duration,
    work: F,
) where
    F: Fn(Shared) -> W + Send + Sync + 'static,
    W: Future<Output = ()> + Send,
{
    let (app, stop) = (app.clone(), stop.clone());
    tracker.spawn(async move {
        let mut tick = tokio::time::interval(period);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => work(app.clone()).await,
            }
        }
    });
}
