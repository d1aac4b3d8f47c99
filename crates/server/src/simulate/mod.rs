//! What-if: a draft of the rules beside those in force, over everybody, before it binds anybody.
//! Table: `pack_simulation`, where runs that the service makes are kept ([`runs`]).
//!
//! Reads, and never writes of people: each person is opened, decided about and forgotten. Out comes
//! a [`Forecast`], which holds counts and nothing else; what of it may be shown is made by
//! [`Forecast::shown`] alone, and the people in its examples are made up.

mod count;
pub mod runs;
mod shown;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use kangma_core::decision::Decision;
use kangma_core::fact::Facts;
use kangma_core::id::PersonId;
use kangma_core::rules::examples::shade;
use kangma_core::rules::expr::Difference;
use kangma_core::rules::pack::Pack;
use kangma_core::rules::publication::Below;
use kangma_core::rules::set::{BadSet, Entry, PackSet, decide_in};
use kangma_core::tally::Place;
use kangma_core::time::{Day, Instant};
use tokio::sync::oneshot;

use crate::admit::Class;
use crate::app::Shared;
use crate::db::Db;
use crate::person::{Plan, Seen, WalkError, Walker};
use crate::seal::{Dek, PersonKeys};

pub use count::{Age, Forecast, Shade, changes};
pub use shown::Shown;

/// Parts that the people are walked in, each by one worker.
const PARTS: u32 = 256;
/// Workers at most.
pub const WORKERS_MAX: usize = 64;

/// Where the people are.
pub struct Source {
    /// The database.
    pub db: Db,
    /// The store of their keys.
    pub keys: PersonKeys,
}

/// What is asked.
#[derive(Debug)]
pub struct Question {
    /// The rules in force.
    pub active: Arc<PackSet>,
    /// The draft.
    pub draft: Arc<Pack>,
    /// The packs in force below that extend it.
    pub below: Below,
    /// What would be in force with them.
    pub proposed: PackSet,
    /// When; now, or later.
    pub at: Instant,
    /// Of whom: everybody where it is the country.
    pub division: Place,
    /// So many in so many people.
    pub sample: (u32, u32),
    /// How many at once.
    pub workers: usize,
    /// Where only lists of areas differ: of whom no fact names such a place, nothing changes. `None` where
    /// everybody may be concerned.
    pub touching: Option<Difference>,
}

impl Question {
    /// A draft, with the packs below that extend it, in place of what is in force in their divisions, asked
    /// about everybody.
    pub fn new(
        active: Arc<PackSet>,
        draft: Arc<Pack>,
        below: Below,
        at: Instant,
    ) -> Result<Question, BadSet> {
        let home = &active.base().division;
        let entry = |pack: &Arc<Pack>| {
            let covers = if pack.division == *home { "".into() } else { pack.division.clone() };
            Entry { pack: Arc::clone(pack), covers, from: at, until: None }
        };
        let entries = std::iter::once(&draft).chain(below.fit.iter().map(|(pack, ..)| pack)).map(entry);
        let proposed = active.with(entries.collect(), Vec::new())?;
        Ok(Question { draft, below, ..Question::of_areas(active, proposed, None, at) })
    }

    /// Other lists of areas in place of those that act, under the packs in force. `proposed` acts under them
    /// at the instant.
    pub fn of_areas(
        active: Arc<PackSet>,
        proposed: PackSet,
        touching: Option<Difference>,
        at: Instant,
    ) -> Question {
        let (draft, below) = (Arc::clone(active.base()), Below::default());
        let (division, sample) = (Place::COUNTRY, (1, 1));
        Question { active, draft, below, proposed, at, division, sample, workers: 1, touching }
    }

    fn active(&self, facts: &Facts, at: Instant) -> Decision {
        decide_in(&self.active, facts, at)
    }

    fn draft(&self, facts: &Facts, at: Instant) -> Decision {
        decide_in(&self.proposed, facts, at)
    }
}

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// Somebody stopped it.
    #[error("simulate.stopped: the run was stopped")]
    Stopped,
    /// People cannot be read.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// A worker broke down.
    #[error("simulate.worker: a part of the run broke down, so there is no result; the log says where")]
    Worker,
}

/// How far a run has come, for whoever watches or stops it.
#[derive(Debug, Default)]
pub struct Progress {
    /// In parts of 2³².
    share: AtomicU64,
    people: AtomicU64,
    stopped: AtomicBool,
}

impl Progress {
    /// Of a thousand.
    pub fn per_mille(&self) -> u64 {
        (self.share.load(Ordering::Relaxed).saturating_mul(1_000) >> 32).min(1_000)
    }

    /// People looked at so far.
    pub fn people(&self) -> u64 {
        self.people.load(Ordering::Relaxed)
    }

    /// Ends the run, soon.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether somebody did.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Asks. `service` is given where people use the service meanwhile: the run then takes a place at the
/// gate like the least urgent of requests for each page of people, and the least of the processor.
pub async fn run(
    source: Arc<Source>,
    question: Arc<Question>,
    progress: Arc<Progress>,
    service: Option<Shared>,
) -> Result<Forecast, SimulateError> {
    /// Whichever way it ends, no worker goes on.
    struct StopAtEnd(Arc<Progress>);
    impl Drop for StopAtEnd {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    let _stop = StopAtEnd(Arc::clone(&progress));
    let next = Arc::new(AtomicU32::new(0));
    let plan = Plan::of(&source.db, &source.keys, question.sample).map_err(WalkError::from)?;
    let runtime = tokio::runtime::Handle::current();
    let workers = FuturesUnordered::new();
    for i in 0..question.workers.clamp(1, WORKERS_MAX) {
        let (source, question, progress) =
            (Arc::clone(&source), Arc::clone(&question), Arc::clone(&progress));
        let (next, service, runtime) = (Arc::clone(&next), service.clone(), runtime.clone());
        let (done, result) = oneshot::channel();
        // A thread of its own: its low priority must not stay with one that serves requests.
        let thread = std::thread::Builder::new().name(format!("simulate-{i}")).spawn(move || {
            if service.is_some() {
                stand_back();
            }
            let work = work(&source, &question, &progress, (plan, &next), service.as_ref());
            done.send(runtime.block_on(work)).ok();
        });
        thread.map_err(|_| SimulateError::Worker)?;
        workers.push(result);
    }
    together(workers).await
}

/// What all workers counted, in the order in which they end: the first that fails, or that is gone without a
/// word, ends the run at once, whatever the others still have to do.
async fn together(
    mut workers: FuturesUnordered<oneshot::Receiver<Result<Forecast, SimulateError>>>,
) -> Result<Forecast, SimulateError> {
    let mut forecast = Forecast::default();
    while let Some(worker) = workers.next().await {
        forecast.add(worker.map_err(|_| SimulateError::Worker)??);
    }
    Ok(forecast)
}

/// This thread gets what others leave.
fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(e) = rustix::process::nice(19) {
        tracing::debug!(%e, "a what-if keeps its priority");
    }
}

async fn work(
    source: &Source,
    question: &Question,
    progress: &Progress,
    (plan, next): (Plan, &AtomicU32),
    service: Option<&Shared>,
) -> Result<Forecast, SimulateError> {
    let mut forecast = Forecast::default();
    let mut changed: Vec<(PersonId, Dek)> = Vec::new();
    let mut changes: Vec<(Shade, Shade)> = Vec::new();
    loop {
        let part = next.fetch_add(1, Ordering::Relaxed);
        if part >= PARTS {
            return Ok(forecast);
        }
        let mut walker = Walker::new(&source.db, &source.keys, plan, part, PARTS);
        loop {
            let _place = match service {
                Some(app) => Some(place(app, progress).await?),
                None => None,
            };
            if progress.is_stopped() {
                return Err(SimulateError::Stopped);
            }
            let Some(covered) = walker.next().await? else { break };
            changed.clear();
            changes.clear();
            let before = forecast.people();
            let destroyed = walker.each(|seen| {
                if let Some((change, seen)) = look(question, &mut forecast, seen)? {
                    changed.push(seen.into_key());
                    changes.push(change);
                }
                Ok(())
            })?;
            forecast.destroyed(destroyed);
            let today = question.draft.zone.day_of(question.at);
            for (birth, change) in walker.births(&changed).await?.into_iter().zip(&changes) {
                forecast.age(*change, Age::of(birth, today));
            }
            progress.people.fetch_add(forecast.people() - before, Ordering::Relaxed);
            progress.share.fetch_add(covered, Ordering::Relaxed);
        }
    }
}

/// A place at the gate, as soon as there is one: exports come first.
async fn place<'a>(
    app: &'a Shared,
    progress: &Progress,
) -> Result<tokio::sync::SemaphorePermit<'a>, SimulateError> {
    loop {
        if progress.is_stopped() {
            return Err(SimulateError::Stopped);
        }
        match app.gate.enter(Class::Export).await {
            Some(place) => return Ok(place),
            None => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

/// Colour before and after.
type Turn = (Shade, Shade);

/// Looks at one person; returns them where their colour changes.
fn look<'a>(
    question: &Question,
    forecast: &mut Forecast,
    mut seen: Seen<'a>,
) -> Result<Option<(Turn, Seen<'a>)>, WalkError> {
    let state = seen.state()?;
    if !question.division.holds(state.division) {
        return Ok(None);
    }
    let mut facts = seen.facts()?;
    if question.touching.as_ref().is_some_and(|differs| !differs.touches(&facts)) {
        forecast.untouched();
        return Ok(None);
    }
    // What is stored answers where it still stands; only its reasons have to be asked for anew.
    let decided_at = seen.decided_at()?;
    let stands = seen.stands(question.at, question.active.digest(state.division, question.at))?
        && !question.active.areas_touch(&facts, decided_at, question.at);
    let stored = stands.then(|| Shade::stored(state.status, state.colour));
    let mut before = None;
    if stored.is_none() {
        let decision = question.active(&facts, question.at);
        // By then this will be on record.
        decision.records.iter().for_each(|f| facts.push(f.clone()));
        before = Some(decision);
    }
    let after = question.draft(&facts, question.at);
    let from = before.as_ref().map_or_else(|| stored.unwrap_or(Shade::Grey), |d| Shade::of(shade(d)));
    let to = Shade::of(shade(&after));
    forecast.person((from, to), state.division);
    let may_have_reasons = from != Shade::Green || !after.episodes.is_empty();
    if from != to || may_have_reasons {
        let before = before.unwrap_or_else(|| question.active(&facts, question.at));
        forecast.rules((from, to), &before, &after);
    }
    if from == to {
        return Ok(None);
    }
    forecast.told((from, to), !state.holders.is_empty());
    Ok(Some(((from, to), seen)))
}

/// Day of birth to band: see [`Age`].
impl Age {
    fn of(birth: Option<Day>, today: Day) -> Age {
        let Some(birth) = birth.filter(|b| *b <= today) else { return Age::Unknown };
        let ((y, m, d), (born_y, born_m, born_d)) = (today.ymd(), birth.ymd());
        let years = i32::from(y) - i32::from(born_y) - i32::from((m, d) < (born_m, born_d));
        match years {
            ..18 => Age::Under18,
            18..60 => Age::From18,
            60..80 => Age::From60,
            _ => Age::From80,
        }
    }
}
