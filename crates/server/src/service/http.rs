//! The answer for whoever runs the service.

use axum::extract::State;
use kangma_core::tally::{Shown, suppress_alone};
use kangma_core::time::{Day, Instant};
use serde::Serialize;
use utoipa::ToSchema;

use super::State as Readiness;
use super::operator::{Operator, WAIT};
use crate::app::Shared;
use crate::db::DbError;
use crate::error::{Problem, ProblemBody};
use crate::http::Private;
use crate::jobs::Work;
use crate::{alarm, jobs, log, queue, retention};

/// Reviews are counted up to here: more is a crowd, whatever the number.
const REVIEWS_COUNTED_MAX: i64 = 10_000;

/// How the service is.
#[derive(Serialize, ToSchema)]
pub struct Service {
    /// When this was so, by the machine's clock.
    #[schema(value_type = String, format = DateTime)]
    as_of: Instant,
    /// `ready`, `degraded` (the database is away, those who are remembered are answered) or `not_ready`.
    state: &'static str,
    /// Why it is not ready, or degraded: `stopping`, `clock`, `rules` or `database`.
    cause: Option<&'static str>,
    /// The same as a sentence, as `/readyz` says it.
    detail: Option<String>,
    /// Of this node.
    version: &'static str,
    /// `sqlite` or `postgresql`.
    engine: &'static str,
    /// Number of the database's schema.
    schema: usize,
    /// Whether the right of whoever asks was read from the database just now; if not, within the last hour.
    right_checked: bool,
    /// Nodes that were seen in the last seconds; null, as all that the database would have to say, where it
    /// does not answer within two seconds.
    nodes: Option<i64>,
    /// What one node does for all, and whether any does.
    work: Option<Vec<WorkItem>>,
    /// What waits.
    waiting: Option<Waiting>,
    /// How late things are.
    lags: Lags,
    /// The last look for facts that have had their days; null where no rules say how long they are kept, or
    /// before the first.
    retention: Option<RetentionItem>,
    /// Requests inside this node's handlers.
    requests_inside: usize,
    /// Places for them.
    requests_max: usize,
    /// People whom this node remembers.
    people_remembered: usize,
    /// And at most.
    people_remembered_max: usize,
    /// Keys that sign passes.
    keys: Vec<KeyItem>,
    /// The rule pack of the installation's division.
    pack: PackItem,
}

/// Work that is shared by lease.
#[derive(Serialize, ToSchema)]
pub struct WorkItem {
    /// `due` (deciding again in time, in sixteen parts), `imports`, `log`, `queue`, `rules`, `sweep` or `tally`.
    name: &'static str,
    /// Parts that this node does.
    here: usize,
    /// Parts that other nodes do.
    elsewhere: usize,
    /// Parts that nobody does: for some seconds after a node ended, that is as it should be.
    nobody: usize,
}

/// What waits, in the whole installation.
#[derive(Serialize, ToSchema)]
pub struct Waiting {
    /// Reviews, in whole fives and up to 10,000; null under 5, as on dashboards.
    #[schema(value_type = Option<i64>)]
    reviews: Shown,
    /// Alarms that no auditor has answered.
    alarms: i64,
    /// Leaves that are in the decision log's tree.
    log_leaves: u64,
}

/// How late things are, in seconds.
#[derive(Serialize, ToSchema)]
pub struct Lags {
    /// Since when everything that was decided is in the counts of dashboards; null before the first count.
    counts_s: Option<i64>,
    /// Since when the oldest leaf waits for the decision log's tree; 0 where none does.
    log_s: Option<i64>,
    /// Since this node last heard of other nodes' changes; 0 without other nodes.
    feed_s: u64,
    /// By how much the database's clock is ahead of this machine's, in milliseconds.
    clock_ms: i64,
}

/// A look through everybody for facts that have had their days.
#[derive(Serialize, ToSchema)]
pub struct RetentionItem {
    /// The day on which it began.
    #[schema(value_type = String, format = Date)]
    day: Day,
    /// Parts of the people, of sixteen, that are still looked through.
    parts_left: i64,
    /// Facts that were erased.
    erased: i64,
    /// People of whom something stays that is past its days, since an answer rests on it; in whole fives, and
    /// null under 5, as on dashboards.
    #[schema(value_type = Option<i64>)]
    held: Shown,
}

/// A key that signs passes.
#[derive(Serialize, ToSchema)]
pub struct KeyItem {
    /// `pending` (published, not yet used), `active` or `retired` (verifies what it signed).
    status: &'static str,
    /// Since when it signs, or from when it will.
    #[schema(value_type = String, format = DateTime)]
    active_from: Instant,
    /// When it stopped.
    #[schema(value_type = Option<String>, format = DateTime)]
    retired_at: Option<Instant>,
}

/// A pack.
#[derive(Serialize, ToSchema)]
pub struct PackItem {
    id: String,
    version: String,
    /// First 8 bytes of SHA-256, in hexadecimal.
    digest: String,
}

/// What the database says within [`WAIT`].
async fn within<T>(asked: impl Future<Output = Result<T, DbError>>) -> Option<T> {
    tokio::time::timeout(WAIT, asked).await.ok()?.ok()
}

/// Says how the service is; nothing of anybody's health. It answers while the database is away, too.
#[utoipa::path(get, path = "/api/v1/service", tag = "staff",
    responses((status = 200, body = Service), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn service(State(app): State<Shared>, operator: Operator) -> Result<Private<Service>, Problem> {
    let (state, log, work, nodes, reviews, alarms, retention) = tokio::join!(
        super::state(&app),
        within(log::job::how_far(&app)),
        within(jobs::work(&app)),
        within(jobs::alive(&app)),
        within(queue::count_open(&app.db, REVIEWS_COUNTED_MAX)),
        within(alarm::count_open(&app.db)),
        within(retention::last(&app.db)),
    );
    let retention = retention.flatten().map(|(walk, parts_left)| RetentionItem {
        day: Day(i32::try_from(walk.day).unwrap_or(0)),
        parts_left,
        erased: walk.facts,
        held: suppress_alone(walk.held),
    });
    let (state, cause, detail) = match state {
        Readiness::Ready => ("ready", None, None),
        Readiness::Degraded => ("degraded", Some("database"), Some(super::DEGRADED.to_owned())),
        Readiness::NotReady(cause, detail) => ("not_ready", Some(cause), Some(detail)),
    };
    let (now_ms, folded_ms) = (app.clock.wall_ms(), app.folded.ms());
    let item = |Work { name, here, elsewhere, nobody }: Work| WorkItem { name, here, elsewhere, nobody };
    let waiting = || Some(Waiting { reviews: suppress_alone(reviews?), alarms: alarms?, log_leaves: log?.0 });
    let keys = app
        .signing
        .ages(app.clock.now())
        .into_iter()
        .map(|(status, active_from, retired_at)| KeyItem { status, active_from, retired_at });
    let pack = app.packs.base();
    Ok(Private(Service {
        as_of: app.clock.wall(),
        state,
        cause,
        detail,
        version: env!("CARGO_PKG_VERSION"),
        engine: if app.db.is_shared() { "postgresql" } else { "sqlite" },
        schema: app.db.schema_version(),
        right_checked: operator == Operator::Checked,
        nodes: nodes.map(|n| n.max(1)),
        work: work.map(|all| all.into_iter().map(item).collect()),
        waiting: waiting(),
        lags: Lags {
            counts_s: (folded_ms > 0).then(|| (now_ms - folded_ms).max(0) / 1000),
            log_s: log.map(|(_, ms)| ms / 1000),
            feed_s: app.db.changes().age().as_secs(),
            clock_ms: app.clock.skew_ms(),
        },
        retention,
        requests_inside: app.gate.inside(),
        requests_max: app.gate.places(),
        people_remembered: app.memory.len(),
        people_remembered_max: app.config.cache_people,
        keys: keys.collect(),
        pack: PackItem {
            id: pack.id.to_string(),
            version: pack.version.to_string(),
            digest: pack.digest.to_string(),
        },
    }))
}
