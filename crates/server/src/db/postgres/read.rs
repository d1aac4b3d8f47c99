//! Reading one row by its key, for many callers at once: whoever waits while a batch is under way
//! is read with the next. On a sharded database, where such a batch would go to every shard, each
//! key is a read of its own, pipelined.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::super::{DbError, Point, Row};
use super::link::{Link, Session};
use super::value::owned;

/// Keys in one batch at most.
const BATCH_MAX: usize = 256;
/// Batches under way at once. With a second one batches are smaller, and a read takes a tenth more of
/// both processors; at a millisecond between machines one still carries 256,000 reads a second.
const BATCHES: usize = 1;
/// Callers that may wait.
const WAITING_MAX: usize = 65_536;

struct Waiting {
    key: [u8; 16],
    done: oneshot::Sender<Result<Option<Row>, DbError>>,
}

/// Reads rows of one [`Point`].
#[derive(Clone)]
pub struct Batcher(mpsc::Sender<Waiting>);

impl Batcher {
    /// Starts one; it ends when the last handle is gone.
    pub fn start(point: &'static Point, links: Arc<[Link]>) -> Batcher {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(run(point, links, waiting));
        Batcher(queue)
    }

    /// The row of a key.
    pub async fn read(&self, key: [u8; 16]) -> Result<Option<Row>, DbError> {
        let (done, row) = oneshot::channel();
        self.0.try_send(Waiting { key, done }).map_err(|_| DbError::Busy)?;
        row.await.unwrap_or(Err(DbError::Gone))
    }
}

async fn run(point: &'static Point, links: Arc<[Link]>, mut waiting: mpsc::Receiver<Waiting>) {
    let places = Arc::new(Semaphore::new(BATCHES));
    let mut turn = 0;
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let mut batch = Vec::new();
        if waiting.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        turn = (turn + 1) % links.len();
        let link = links[turn].clone();
        tokio::spawn(async move {
            let rows = match link.session() {
                Ok(session) => read(&session, point, &batch).await,
                Err(e) => Err(e),
            };
            drop(place);
            match rows {
                Ok(mut rows) => {
                    for Waiting { key, done } in batch {
                        done.send(Ok(rows.get_mut(&key).and_then(Vec::pop))).ok();
                    }
                }
                Err(e) => batch.into_iter().for_each(|w| drop(w.done.send(Err(e.clone())))),
            }
        });
    }
}

async fn read(
    session: &Session,
    point: &'static Point,
    batch: &[Waiting],
) -> Result<HashMap<[u8; 16], Vec<Row>>, DbError> {
    let Point { name, columns, table, key, filter } = point;
    let sql = || format!("/* {name} */ SELECT {columns} FROM {table} WHERE {key} = ANY($1) {filter}");
    let statement = session.prepare(std::ptr::from_ref(point).addr(), sql).await?;
    let mut wanted: HashMap<[u8; 16], usize> = HashMap::with_capacity(batch.len());
    batch.iter().for_each(|w| *wanted.entry(w.key).or_default() += 1);
    let keys: Vec<&[u8]> = wanted.keys().map(<[u8; 16]>::as_slice).collect();
    let mut found = HashMap::with_capacity(keys.len());
    for row in session.client.query(&statement, &[&keys]).await? {
        let row = owned(&row)?;
        let key: [u8; 16] = row.bytes(0)?.try_into().map_err(|_| DbError::shape("key"))?;
        // Two callers of one key are rare; each gets a copy.
        let copies = wanted.get(&key).copied().unwrap_or(1);
        let mut rows = Vec::with_capacity(copies);
        (1..copies).for_each(|_| rows.push(row.clone()));
        rows.push(row);
        found.insert(key, rows);
    }
    Ok(found)
}
