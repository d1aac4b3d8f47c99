//! Runs that the service makes for a draft: one at a time of a draft and of a node, kept with what came
//! out of them. A run belongs to its node, which renews its lease; where that ends, it has failed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use kangma_core::tally::Place;
use kangma_core::time::Instant;
use serde_json::Value as Json;

use super::{Progress, Question, SimulateError, Source, stand_back, store};
use crate::app::{App, SKEW_MAX_MS, Shared};
use crate::db::DbError;
use crate::error::Problem;
use crate::seal::PersonKeys;

pub use store::KEPT_MAX;

/// How often a run says how far it is, and looks whether it was stopped.
const RENEWAL: Duration = Duration::from_secs(1);
/// For how long its word holds, in seconds.
const LEASE_S: i64 = 20;
/// A node that is about to end waits so long for its run.
const LEAVE_MAX: Duration = Duration::from_secs(3);
/// What `done` counts up to.
pub const OF: i64 = 1_000;

/// Its node ended.
const NODE: &str = "simulate.node";
/// People could not be read.
const PEOPLE: &str = "simulate.people";
/// A worker broke down: a fault of ours.
const WORKER: &str = "simulate.worker";

const RUNNING: i64 = 0;
pub(super) const DONE: i64 = 1;
const STOPPED: i64 = 2;
const FAILED: i64 = 3;

/// A run as it is kept.
#[derive(Clone, Debug)]
pub struct Run {
    /// Which.
    pub id: [u8; 16],
    /// Of which draft.
    pub draft: [u8; 16],
    /// Of which version of it.
    pub draft_version: i64,
    /// When it was asked.
    pub asked_at: Instant,
    /// Log-in name of who asked.
    pub asked_by: String,
    /// The instant that is asked about.
    pub at: Instant,
    /// Whose people; empty is everybody.
    pub division: String,
    /// Percent of them.
    pub sample: i64,
    pub(super) state: i64,
    pub(super) reason: String,
    pub(super) lease_until: Instant,
    /// Thousandths that are done.
    pub done: i64,
    /// Digest of the draft's pack.
    pub digest: String,
}

impl Run {
    /// Its state: `running`, `done`, `stopped` or `failed`.
    pub fn state(&self, wall: Instant) -> &'static str {
        match self.state {
            RUNNING if overdue(wall) <= self.lease_until => "running",
            DONE => "done",
            STOPPED => "stopped",
            _ => "failed",
        }
    }

    /// Why it failed, in Chinese and in English.
    pub fn reason(&self, wall: Instant) -> Option<(&'static str, &'static str)> {
        (self.state(wall) == "failed").then_some(match self.reason.as_str() {
            PEOPLE => (
                "未能读取全部人员数据，请查看该节点的日志，稍后重新试算。",
                "Some people could not be read. Look at the node's log, and ask again.",
            ),
            WORKER => (
                "试算的一部分意外中断，没有结果；请查看该节点的日志，并报告给维护人员。",
                "A part of it broke down, so there is no result. The node's log says where; tell whoever maintains it.",
            ),
            _ => (
                "运行该试算的节点中途停止，没有结果；请重新试算。",
                "The node that ran it ended before it was done, so there is no result. Ask again.",
            ),
        })
    }
}

/// Leases that ended before this have run out, by whichever clock.
fn overdue(wall: Instant) -> Instant {
    wall.plus_s(-SKEW_MAX_MS / 1000)
}

/// A run of this node, if there is one.
#[derive(Debug, Default)]
pub struct Runs(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    run: Option<([u8; 16], Arc<Progress>)>,
    /// Runs whose outcome is not written down yet.
    open: usize,
    leaving: bool,
}

impl Runs {
    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one place of this node.
    fn take(app: &Shared, id: [u8; 16]) -> Option<Slot> {
        let mut held = app.simulations.held();
        if held.run.is_some() || held.leaving {
            return None;
        }
        let progress = Arc::new(Progress::default());
        held.run = Some((id, Arc::clone(&progress)));
        held.open += 1;
        Some(Slot { app: Arc::clone(app), id, progress })
    }

    fn stop(&self, id: [u8; 16]) {
        if let Some((_, progress)) = self.held().run.as_ref().filter(|(own, _)| *own == id) {
            progress.stop();
        }
    }

    /// The node ends: so does its run.
    pub async fn leave(&self) {
        {
            let mut held = self.held();
            held.leaving = true;
            if let Some((_, progress)) = &held.run {
                progress.stop();
            }
        }
        let gone = async {
            while self.held().open > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LEAVE_MAX, gone).await.ok();
    }
}

/// Free again when it is dropped, or before.
struct Slot {
    app: Shared,
    id: [u8; 16],
    progress: Arc<Progress>,
}

impl Slot {
    /// Another may begin, while this one is written down.
    fn free(&self) -> std::sync::MutexGuard<'_, Held> {
        let mut held = self.app.simulations.held();
        held.run.take_if(|(id, _)| *id == self.id);
        held
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.free().open -= 1;
    }
}

/// What is asked, and by whom.
pub struct Ask<'a> {
    /// Which draft.
    pub draft: [u8; 16],
    /// The version that was read.
    pub draft_version: i64,
    /// Log-in name of who asks.
    pub by: &'a str,
    /// Whose people; empty is everybody. Also in the question, as a place.
    pub division: String,
    /// Percent of them. Also in the question.
    pub sample: u8,
    /// The divisions just below it are listed.
    pub below: Place,
    /// The rest.
    pub question: Question,
}

fn running() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "rules.simulation_running",
        "已有试算在进行：每个草案、每个节点同时只能有一个。请等它结束，或先停止它。",
        "A what-if is running already: one at a time for each draft and each node. Wait for it, or stop it first.",
    )
}

/// Begins a run, which goes on by itself.
pub async fn begin(app: &Shared, ask: Ask<'_>) -> Result<[u8; 16], Problem> {
    let (id, wall) = (app.new_id(), app.clock.wall());
    let slot = Runs::take(app, id).ok_or_else(running)?;
    let run = Run {
        id,
        draft: ask.draft,
        draft_version: ask.draft_version,
        asked_at: app.clock.now(),
        asked_by: ask.by.to_owned(),
        at: ask.question.at,
        division: ask.division,
        sample: ask.sample.into(),
        state: RUNNING,
        reason: String::new(),
        lease_until: wall.plus_s(LEASE_S),
        done: 0,
        digest: ask.question.draft.digest.to_string(),
    };
    let kept = store::list(&app.db, ask.draft).await?;
    let oldest = usize::try_from(KEPT_MAX - 2).ok().and_then(|i| kept.get(i)).map(|run| run.id);
    match app.db.commit(store::begin(&run, overdue(wall), NODE, oldest)).await {
        Err(DbError::Conflict) => return Err(running()),
        done => done?,
    }
    let (question, runtime) = (Arc::new(ask.question), tokio::runtime::Handle::current());
    // A thread of its own: what it makes of the counts at the end takes as low a priority.
    let thread = std::thread::Builder::new().name("simulate".into()).spawn(move || {
        stand_back();
        runtime.block_on(keep(slot, id, question, ask.below));
    });
    if let Err(e) = thread {
        tracing::warn!(%e, "a what-if could not be begun");
        app.db.commit(store::end(id, FAILED, NODE, None, None)).await?;
    }
    Ok(id)
}

/// Runs, says how far it is meanwhile, and writes down what came out.
async fn keep(slot: Slot, id: [u8; 16], question: Arc<Question>, below: Place) {
    let (app, progress) = (&slot.app, &slot.progress);
    let keys = PersonKeys::new(app.key_store.clone(), app.keys.master.clone());
    let source = Arc::new(Source { db: app.db.clone(), keys });
    let began = std::time::Instant::now();
    let work = super::run(source, Arc::clone(&question), Arc::clone(progress), Some(Arc::clone(app)));
    tokio::pin!(work);
    let mut tick = tokio::time::interval(RENEWAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut until = began + Duration::from_secs(LEASE_S.unsigned_abs());
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            _ = tick.tick() => {
                let asked = std::time::Instant::now();
                match renew(app, id, progress).await {
                    Ok(()) => until = asked + Duration::from_secs(LEASE_S.unsigned_abs()),
                    // Stopped, perhaps at another node.
                    Err(DbError::Conflict) => progress.stop(),
                    Err(_) if std::time::Instant::now() > until => progress.stop(),
                    Err(e) => tracing::debug!(%e, "a what-if could not say how far it is"),
                }
            }
        }
    };
    let end = match done {
        Ok(forecast) => {
            let shown = forecast.shown(&question, below);
            let mut report = serde_json::to_value(&shown).unwrap_or_default();
            report["seconds"] = began.elapsed().as_secs_f64().into();
            let places = forecast.forecasts(question.sample);
            store::end(id, DONE, "", Some(text(&report)), Some(text(&places)))
        }
        Err(SimulateError::Stopped) if app.simulations.held().leaving => {
            store::end(id, FAILED, NODE, None, None)
        }
        Err(SimulateError::Stopped) => store::end(id, STOPPED, "", None, None),
        Err(e) => {
            tracing::warn!(%e, "a what-if failed");
            let reason = if matches!(e, SimulateError::Worker) { WORKER } else { PEOPLE };
            store::end(id, FAILED, reason, None, None)
        }
    };
    // Before the commit: whoever reads that it is done may begin the next, and this thread comes on late.
    drop(slot.free());
    match app.db.commit(end).await {
        // A conflict: it was stopped.
        Ok(()) | Err(DbError::Conflict) => {}
        Err(e) => tracing::warn!(%e, "what came out of a what-if could not be kept"),
    }
}

async fn renew(app: &App, id: [u8; 16], progress: &Progress) -> Result<(), DbError> {
    let done = i64::try_from(progress.per_mille()).unwrap_or(0).min(OF - 1);
    app.db.commit(store::renew(id, app.clock.wall().plus_s(LEASE_S), done)).await
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Runs of a draft, the latest first.
pub async fn list(app: &App, draft: [u8; 16]) -> Result<Vec<Run>, DbError> {
    store::list(&app.db, draft).await
}

/// A run, and what came out of it.
pub struct Outcome {
    /// The run.
    pub run: Run,
    /// What may be shown.
    pub report: Option<Json>,
    /// By division, how many people have another colour at most, where it is more than five.
    pub places: Option<BTreeMap<u64, i64>>,
}

/// A run of a draft.
pub async fn find(app: &App, draft: [u8; 16], id: [u8; 16]) -> Result<Outcome, Problem> {
    let found = store::find(&app.db, draft, id).await?.ok_or_else(Problem::not_found)?;
    let report = found.report.and_then(|text| serde_json::from_str(&text).ok());
    let places = found.places.and_then(|text| serde_json::from_str(&text).ok());
    Ok(Outcome { run: found.run, report, places })
}

/// Stops a run. One that has ended stays as it is.
pub async fn stop(app: &App, draft: [u8; 16], id: [u8; 16]) -> Result<(), Problem> {
    find(app, draft, id).await?;
    match app.db.commit(store::end(id, STOPPED, "", None, None)).await {
        Ok(()) => app.simulations.stop(id),
        Err(DbError::Conflict) => {}
        Err(e) => return Err(e.into()),
    }
    Ok(())
}
