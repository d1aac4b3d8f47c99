//! PostgreSQL, alone or sharded by Citus: pipelined units, reads for many callers at once.

mod citus;
mod dump;
mod feed;
mod link;
mod migrate;
mod read;
mod value;
mod write;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::pin_mut;
use kangma_core::time::Instant;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::ToSql;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use dump::{dump, restore};

use super::migrate::Migration;
use super::{
    Changes, DbConfig, DbError, OpenError, Page, Point, Row, Rows, Settled, Span, Stmt, Unit, Value, Walk,
};
use link::{Link, Session, Target};
use read::Batcher;
use write::Waiting;

/// Connections for reading and for writing. One carries thousands of pipelined reads a second; with
/// two, a slow answer holds up half. While one writer waits for its commit, others gather.
const MAIN: (usize, usize) = (2, 4);
/// The same for the store of keys, which is small and rarely written.
const KEYS: (usize, usize) = (1, 1);

/// A handle to the server; cheap to clone.
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    target: Target,
    readers: Arc<[Link]>,
    turn: AtomicUsize,
    /// Sharded: a batch of keys would go to every shard.
    sharded: bool,
    batchers: RwLock<HashMap<usize, Batcher>>,
    queue: mpsc::Sender<Waiting>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Postgres({})", self.0.target.name)
    }
}

/// Whether there is a Kangma schema.
pub async fn exists(url: &str, schema: Option<&'static str>) -> Result<bool, OpenError> {
    let target = Target::parse(url, schema)?;
    let (client, task) = target.connect().await.map_err(|e| target.open_error(&e))?;
    let found = client
        .query_one("SELECT to_regclass('schema_migration') IS NOT NULL", &[])
        .await
        .map(|row| row.get(0))
        .map_err(|e| target.open_error(&e));
    task.abort();
    found
}

/// Looks at the schema without changing it.
pub async fn check(url: &str, schema: Option<&'static str>, known: &[Migration]) -> Result<(), OpenError> {
    let target = Target::parse(url, schema)?;
    let (client, task) = target.connect().await.map_err(|e| target.open_error(&e))?;
    let found = migrate::look(&client, &target, known).await;
    task.abort();
    found.map(drop)
}

/// Spreads the tables over a Citus cluster; returns the names of those that were not yet.
pub async fn spread(url: &str, schema: Option<&'static str>) -> Result<Vec<&'static str>, OpenError> {
    let target = Target::parse(url, schema)?;
    let (client, task) = target.connect().await.map_err(|e| target.open_error(&e))?;
    let done = citus::spread(&client, &target).await;
    task.abort();
    done
}

static SETTLED: Stmt = Stmt {
    name: "db.settled",
    sql: "SELECT pg_snapshot_xmin(now)::text::bigint, pg_snapshot_xmax(now)::text::bigint FROM pg_current_snapshot() now",
};

/// One row, without opening the database for writing.
pub async fn peek(
    url: &str,
    schema: Option<&'static str>,
    stmt: &'static Stmt,
) -> Result<Option<Row>, OpenError> {
    let target = Target::parse(url, schema)?;
    let (client, task) = target.connect().await.map_err(|e| target.open_error(&e))?;
    let row = client.query_opt(stmt.sql, &[]).await;
    task.abort();
    let row = row.map_err(|e| target.open_error(&e))?;
    row.map(|row| value::owned(&row))
        .transpose()
        .map_err(|e| OpenError::Io { database: target.name.clone(), cause: e.to_string() })
}

/// Host, port and database of a URL, for messages.
pub fn name(url: &str) -> String {
    Target::parse(url, None).map_or_else(|_| "a PostgreSQL database".to_owned(), |target| target.name)
}

/// How far the server's clock is ahead, in milliseconds.
pub async fn clock_of(
    url: &str,
    schema: Option<&'static str>,
    ours_ms: impl Fn() -> i64,
) -> Result<i64, OpenError> {
    let target = Target::parse(url, schema)?;
    let (client, task) = target.connect().await.map_err(|e| target.open_error(&e))?;
    let ahead = clock_ahead(&client, ours_ms).await.map_err(|e| target.open_error(&e));
    task.abort();
    ahead
}

async fn clock_ahead(
    client: &tokio_postgres::Client,
    ours_ms: impl Fn() -> i64,
) -> Result<i64, tokio_postgres::Error> {
    let before = ours_ms();
    let clock = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let theirs: i64 = client.query_one(clock, &[]).await?.try_get(0)?;
    Ok(theirs - (before + ours_ms()) / 2)
}

impl Postgres {
    /// Connects, brings the schema to this version and starts the tasks.
    pub async fn open(
        url: &str,
        schema: Option<&'static str>,
        config: &DbConfig,
        known: &[Migration],
        now: Instant,
        changes: &Changes,
    ) -> Result<Postgres, OpenError> {
        let target = Target::parse(url, schema)?;
        let fail = |e| target.open_error(&e);
        let (mut client, task) = target.connect().await.map_err(fail)?;
        migrate::run(&mut client, &target, known, now).await?;
        let sharded = "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')";
        let sharded = client.query_one(sharded, &[]).await.map_err(fail)?.get(0);
        task.abort();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let with_feed = !changes.are_current();
        let (n_readers, n_writers) = if with_feed { MAIN } else { KEYS };
        let mut readers = Vec::with_capacity(n_readers);
        for _ in 0..n_readers {
            readers.push(Link::open(&target, &stop).await?);
        }
        let (queue, waiting) = mpsc::channel(config.queue_max.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        let told = write::Told { changes: changes.clone(), own: feed::Own::default() };
        for _ in 0..n_writers {
            let link = Link::open(&target, &stop).await?;
            tasks.spawn(write::run(link, Arc::clone(&waiting), told.clone(), sharded, stop.clone()));
        }
        if with_feed {
            let link = Link::open(&target, &stop).await?;
            tokio::spawn(feed::run(link, changes.clone(), told.own, stop.clone()));
        }
        tasks.close();
        let (turn, batchers) = (AtomicUsize::new(0), RwLock::default());
        let readers = readers.into();
        Ok(Postgres(Arc::new(Inner { target, readers, turn, sharded, batchers, queue, stop, tasks })))
    }

    /// Connects for reading alone: nothing is migrated, and no connection writes.
    pub async fn to_read(
        url: &str,
        schema: Option<&'static str>,
        known: &[Migration],
    ) -> Result<Postgres, OpenError> {
        let target = Target::parse(url, schema)?;
        let (client, task) = target.connect().await.map_err(|e| target.open_error(&e))?;
        let found = migrate::look(&client, &target, known).await;
        task.abort();
        if !found? {
            let cause = "there is no database of Kangma's".to_owned();
            return Err(OpenError::Io { database: target.name.clone(), cause });
        }
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut readers = Vec::with_capacity(MAIN.0);
        for _ in 0..MAIN.0 {
            readers.push(Link::open(&target, &stop).await?);
        }
        tasks.close();
        Ok(Postgres(Arc::new(Inner {
            target,
            readers: readers.into(),
            turn: AtomicUsize::new(0),
            sharded: false,
            batchers: RwLock::default(),
            // Its other end is gone: whoever would write is refused.
            queue: mpsc::channel(1).0,
            stop,
            tasks,
        })))
    }

    /// The next page of a walk.
    pub async fn walk(
        &self,
        walk: &'static Walk,
        span: Span,
        rows_max: usize,
        page: &mut Page,
    ) -> Result<(), DbError> {
        let session = self.reader()?;
        let sql = || format!("/* {} */ {}", walk.name, walk.sql());
        let statement = session.prepare(std::ptr::from_ref(walk).addr(), sql).await?;
        let (first, last) = (&span.first[..], &span.last[..]);
        let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let rows = session.client.query(&statement, &[&first, &last, &rows_max]).await?;
        page.begin(statement.columns().len());
        rows.iter().try_for_each(|row| value::into_page(row, page))
    }

    /// Whether no reading connection stands.
    pub fn is_away(&self) -> bool {
        self.0.readers.iter().all(|link| link.session().is_err())
    }

    /// A session for reading: each in turn, of those that stand.
    fn reader(&self) -> Result<Arc<Session>, DbError> {
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        let all = &self.0.readers;
        (0..all.len()).find_map(|i| all[(turn + i) % all.len()].session().ok()).ok_or(DbError::Away)
    }

    /// All rows of a statement.
    pub async fn all(&self, stmt: &'static Stmt, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let address = std::ptr::from_ref(stmt).addr();
        self.rows(address, || format!("/* {} */ {}", stmt.name, stmt.sql), params).await
    }

    async fn rows(
        &self,
        address: usize,
        sql: impl FnOnce() -> String,
        params: &[Value],
    ) -> Result<Vec<Row>, DbError> {
        let session = self.reader()?;
        let statement = session.prepare(address, sql).await?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|v| v as _).collect();
        session.client.query(&statement, &params).await?.iter().map(value::owned).collect()
    }

    /// The row of a key.
    pub async fn point(&self, point: &'static Point, key: [u8; 16]) -> Result<Option<Row>, DbError> {
        let address = std::ptr::from_ref(point).addr();
        if self.0.sharded {
            let Point { name, columns, table, key: column, filter } = point;
            let sql = || format!("/* {name} */ SELECT {columns} FROM {table} WHERE {column} = $1 {filter}");
            return Ok(self.rows(address, sql, &[key.into()]).await?.into_iter().next());
        }
        let known = self.0.batchers.read().unwrap_or_else(PoisonError::into_inner).get(&address).cloned();
        let batcher = known.unwrap_or_else(|| {
            let mut all = self.0.batchers.write().unwrap_or_else(PoisonError::into_inner);
            all.entry(address).or_insert_with(|| Batcher::start(point, Arc::clone(&self.0.readers))).clone()
        });
        batcher.read(key).await
    }

    /// Commits a unit.
    pub async fn commit(&self, unit: Unit) -> Result<(), DbError> {
        let (done, result) = oneshot::channel();
        self.0.queue.try_send(Waiting { unit, done }).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => DbError::Busy,
            mpsc::error::TrySendError::Closed(_) => DbError::Gone,
        })?;
        metrics::gauge!("kangma_db_queue")
            .set((self.0.queue.max_capacity() - self.0.queue.capacity()) as f64);
        result.await.unwrap_or(Err(DbError::Gone))
    }

    /// Copies rows in, in one transaction on a connection of its own.
    pub async fn bulk(&self, tables: Vec<Rows>) -> Result<(), DbError> {
        let (mut client, task) = self.0.target.connect().await?;
        client.batch_execute("SET statement_timeout = 0").await?;
        let copied = copy(&mut client, &tables).await;
        task.abort();
        copied
    }

    /// How far the server's clock is ahead, in milliseconds.
    pub async fn clock_ahead_ms(&self, ours_ms: impl Fn() -> i64) -> Result<i64, DbError> {
        let session = self.reader()?;
        Ok(clock_ahead(&session.client, ours_ms).await?)
    }

    /// Which transactions are over.
    pub async fn settled(&self) -> Result<Settled, DbError> {
        let rows = self.all(&SETTLED, &[]).await?;
        let row = rows.first().ok_or_else(|| DbError::shape("snapshot"))?;
        Ok(Settled { below: row.int(0)?, next: row.int(1)? })
    }

    /// Writes what waits and lets go of the connections.
    pub async fn close(&self) {
        self.0.stop.cancel();
        self.0.tasks.wait().await;
    }
}

async fn copy(client: &mut tokio_postgres::Client, tables: &[Rows]) -> Result<(), DbError> {
    let transaction = client.transaction().await?;
    for Rows { table, columns, rows } in tables {
        let shape = transaction.prepare(&format!("SELECT {columns} FROM {table}")).await?;
        let types: Vec<_> = shape.columns().iter().map(|c| c.type_().clone()).collect();
        let sink = transaction.copy_in(&format!("COPY {table} ({columns}) FROM STDIN BINARY")).await?;
        let writer = BinaryCopyInWriter::new(sink, &types);
        pin_mut!(writer);
        for row in rows {
            writer.as_mut().write_raw(row).await?;
        }
        writer.finish().await?;
    }
    transaction.commit().await?;
    Ok(())
}
