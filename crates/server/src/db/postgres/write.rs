//! Writing: a few connections, one task each, which take the units that wait, send them in one
//! transaction without waiting in between, and commit.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::{MaybeDone, maybe_done};
use futures_util::poll;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_util::sync::CancellationToken;

use super::super::{Affects, Changes, DbError, Unit, Value};
use super::feed::Own;
use super::link::{Link, Session};

/// Units in one transaction at most. More gain little and hold locks for longer.
const GROUP_MAX: usize = 64;
/// Deadlocks and the like are tried again so often.
const TRIES: usize = 4;

const CHANGE: &str = "/* db.change */ INSERT INTO change (people) VALUES ($1) RETURNING xid";
static CHANGE_ADDRESS: u8 = 0;

/// A unit that waits, and whoever waits for it.
pub struct Waiting {
    pub unit: Unit,
    pub done: oneshot::Sender<Result<(), DbError>>,
}

impl Waiting {
    fn answer(self, changes: &Changes, result: Result<(), DbError>) {
        changes.note_unit(&self.unit, &result);
        self.done.send(result).ok();
    }
}

/// Whom writing tells what they wrote.
#[derive(Clone)]
pub struct Told {
    /// This node's memory of people.
    pub changes: Changes,
    /// The feed, which would tell it once more.
    pub own: Own,
}

/// The queue that the writing tasks share.
pub type Queue = Arc<Mutex<mpsc::Receiver<Waiting>>>;

/// Takes units until `stop`, and then those that still wait.
pub async fn run(link: Link, queue: Queue, told: Told, one_by_one: bool, stop: CancellationToken) {
    let group_max = if one_by_one { 1 } else { GROUP_MAX };
    loop {
        let mut group = Vec::new();
        {
            let mut queue = queue.lock().await;
            tokio::select! {
                n = queue.recv_many(&mut group, group_max) => if n == 0 { return },
                () = stop.cancelled(), if !queue.is_closed() => queue.close(),
            }
        }
        write_group(&link, &told, group).await;
    }
}

async fn write_group(link: &Link, told: &Told, mut group: Vec<Waiting>) {
    // In the order of keys, so that two groups never wait for each other in a circle; a second unit
    // of the same person would meet its own lock, or a guard that the first one moved.
    group.sort_by(|a, b| key(&a.unit).cmp(key(&b.unit)));
    let mut seen = HashSet::new();
    let (first, again): (Vec<_>, Vec<_>) =
        group.into_iter().partition(|w| key(&w.unit).is_empty() || seen.insert(key(&w.unit).to_vec()));
    let session = match link.session() {
        Ok(session) => session,
        // Nothing was sent: nobody changed.
        Err(e) => {
            for waiting in first.into_iter().chain(again) {
                waiting.done.send(Err(e.clone())).ok();
            }
            return;
        }
    };
    let mut alone = again;
    if first.len() > 1 {
        let units: Vec<&Unit> = first.iter().map(|w| &w.unit).collect();
        match transaction(&session, &told.own, &units).await {
            Ok(()) => first.into_iter().for_each(|w| w.answer(&told.changes, Ok(()))),
            // Nobody knows what became of the group.
            Err(Failure::Final(DbError::Away)) => {
                first.into_iter().for_each(|w| w.answer(&told.changes, Err(DbError::Away)));
            }
            // One of them failed and took the others along: each on its own.
            Err(_) => alone.splice(0..0, first).for_each(drop),
        }
    } else {
        alone.splice(0..0, first).for_each(drop);
    }
    for waiting in alone {
        let result = write_alone(&session, &told.own, &waiting.unit).await;
        if let Err(DbError::Other(cause)) = &result {
            tracing::error!(unit = waiting.unit.name, %cause, "a unit failed");
        }
        waiting.answer(&told.changes, result);
    }
}

/// The first identifier that a unit writes: nearly always its person or account.
fn key(unit: &Unit) -> &[u8] {
    match unit.steps.first().and_then(|s| s.params.first()) {
        Some(Value::Bytes(bytes)) => bytes,
        _ => &[],
    }
}

async fn write_alone(session: &Session, own: &Own, unit: &Unit) -> Result<(), DbError> {
    for _ in 0..TRIES {
        match transaction(session, own, &[unit]).await {
            Err(Failure::Again) => {}
            Err(Failure::Final(e)) => return Err(e),
            Ok(()) => return Ok(()),
        }
    }
    Err(DbError::Busy)
}

enum Failure {
    /// The server chose this transaction to break a circle: nothing of it stands.
    Again,
    Final(DbError),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(e: tokio_postgres::Error) -> Failure {
        match e.code() {
            Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE) => Failure::Again,
            _ => Failure::Final(e.into()),
        }
    }
}

type Pending<'a> = Pin<
    Box<MaybeDone<Pin<Box<dyn Future<Output = Result<Option<u64>, tokio_postgres::Error>> + Send + 'a>>>>,
>;

async fn transaction(session: &Session, own: &Own, units: &[&Unit]) -> Result<(), Failure> {
    let client = &session.client;
    let steps = || units.iter().flat_map(|u| &u.steps);
    let mut statements = Vec::new();
    for step in steps() {
        let stmt = step.stmt;
        let sql = || format!("/* {} */ {}", stmt.name, stmt.sql);
        statements.push(session.prepare(std::ptr::from_ref(stmt).addr(), sql).await?);
    }
    let touched: Vec<u8> = units.iter().flat_map(|u| &u.touches).flat_map(|p| p.0).collect();
    let change = if touched.is_empty() {
        None
    } else {
        Some(session.prepare(std::ptr::from_ref(&CHANGE_ADDRESS).addr(), || CHANGE.to_owned()).await?)
    };
    let (number, numbered) = (AtomicI64::new(0), change.is_some());
    let mut sent: Vec<Pending<'_>> = Vec::with_capacity(statements.len() + 2);
    sent.push(pending(async { client.batch_execute("BEGIN").await.map(|()| None) }));
    for (step, statement) in steps().zip(&statements) {
        let params = step.params.iter().map(|v| v as &(dyn ToSql + Sync));
        sent.push(pending(async move { client.execute_raw(statement, params).await.map(Some) }));
    }
    if let Some(change) = &change {
        let (touched, number) = (&touched, &number);
        sent.push(pending(async move {
            let row = client.query_one(change, &[touched]).await?;
            number.store(row.try_get(0)?, Ordering::Relaxed);
            Ok(Some(1))
        }));
    }
    // A request goes out when it is first polled: all of them now, in this order, in one go.
    for request in &mut sent {
        let _ = poll!(request.as_mut());
    }
    let mut failed: Option<Failure> = None;
    let expected = std::iter::once(Affects::Any).chain(steps().map(|s| s.affects)).chain([Affects::Any]);
    for (request, affects) in sent.iter_mut().zip(expected) {
        request.as_mut().await;
        let result = request.as_mut().take_output().expect("it was awaited just now");
        // After the first error the server answers to the rest that the transaction has failed.
        failed = failed.or(match result {
            Err(e) => Some(e.into()),
            Ok(Some(n)) if affects == Affects::One && n != 1 => Some(Failure::Final(DbError::Conflict)),
            Ok(_) => None,
        });
    }
    if let Some(failure) = failed {
        client.batch_execute("ROLLBACK").await.ok();
        return Err(failure);
    }
    drop(sent);
    client.batch_execute("COMMIT").await?;
    if numbered {
        own.keep(number.into_inner());
    }
    Ok(())
}

fn pending<'a>(
    request: impl Future<Output = Result<Option<u64>, tokio_postgres::Error>> + Send + 'a,
) -> Pending<'a> {
    Box::pin(maybe_done(Box::pin(request) as Pin<Box<dyn Future<Output = _> + Send + 'a>>))
}
