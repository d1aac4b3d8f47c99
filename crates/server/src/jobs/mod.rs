//! Work that no request asks for. Each round is bounded, may fail and runs again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::Shared;
use crate::{decide, login, staff};

/// Rounds of due decisions in one go: bounds how long one wake-up works.
const ROUNDS_MAX: usize = 50;

/// Starts all jobs; they end when `stop` is cancelled.
pub fn start(app: &Shared, stop: &CancellationToken) -> tokio_util::task::TaskTracker {
    let tracker = tokio_util::task::TaskTracker::new();
    every(&tracker, app, stop, Duration::from_secs(15), |app: Shared| async move {
        for _ in 0..ROUNDS_MAX {
            match decide::job::round(&app).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(problem) => {
                    tracing::warn!(code = problem.code, "due decisions");
                    break;
                }
            }
        }
    });
    every(&tracker, app, stop, Duration::from_secs(3600), |app: Shared| async move {
        if let Err(e) = app.signing.rotate(app.clock.now()) {
            tracing::error!(%e, "signing keys");
        }
    });
    every(&tracker, app, stop, Duration::from_secs(600), |app: Shared| async move {
        for swept in [login::sweep(&app).await, staff::sweep(&app).await] {
            if let Err(e) = swept {
                tracing::warn!(%e, "sweep");
            }
        }
    });
    tracker.close();
    tracker
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
