//! SQLite: one writer thread with group commit, and a read connection for each thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, ToSql};
use tokio::sync::{mpsc, oneshot};

use kangma_core::time::Instant;

use super::migrate::Migration;
use super::{
    Affects, Changes, DbConfig, DbError, OpenError, Page, Point, Row, Rows, Span, Stmt, Unit, Value, Walk,
};

mod checkpoint;
mod dump;
mod migrate;

use checkpoint::Checkpoints;
pub(super) use dump::{dump, restore};
pub(super) use migrate::{check, check_schema};

/// Units in one transaction at most; bounds how long the first of a group waits.
const GROUP_MAX: usize = 1_024;
/// While units come in company, groups begin at least this far apart: each costs a flush of the disk and a
/// round of the file's locks, as much as a dozen units.
const PACE: Duration = Duration::from_millis(2);
/// Units of two groups in a row that are company.
const COMPANY: usize = 6;
/// Bytes of a page, of files made from now on: a person's row has some hundreds, and whoever changes it writes
/// its page into the log and into the file.
const PAGE: i64 = 2_048;
/// Page cache of a reading connection, in KiB. Small: the operating system caches the file.
const READ_CACHE_KIB: i64 = 4 * 1024;
const WRITE_CACHE_KIB: i64 = 64 * 1024;
/// The log is moved into the file when it has this many pages of [`PAGE`] bytes, where nothing else is asked.
/// Rarely: moving random pages costs more than the commits themselves.
pub(super) const LOG_PAGES: i64 = 200_000;
/// Prepared statements kept by a connection.
const STATEMENTS: usize = 256;

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(n) => ValueRef::Integer(*n),
            Value::Bytes(b) => ValueRef::Blob(b),
            Value::Text(t) => ValueRef::Text(t.as_bytes()),
        }))
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(e: rusqlite::Error) -> DbError {
        match e.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => DbError::Conflict,
            Some(ErrorCode::DiskFull) => DbError::Full,
            // The message names columns and statements, never values.
            _ => DbError::Other(e.to_string()),
        }
    }
}

/// The embedded engine: one process, one file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    pub readers: Readers,
    pub committer: Committer,
}

impl Sqlite {
    pub fn open(
        path: &Path,
        config: &DbConfig,
        known: &[Migration],
        now: Instant,
        changes: &Changes,
    ) -> Result<Sqlite, OpenError> {
        let mut writer = migrate::run(open_writer(path, config)?, path, known, now)?;
        let checkpoints = Checkpoints::of(&mut writer, path, config.log_pages)?;
        let committer = Committer::start(writer, checkpoints, config.queue_max, changes.clone());
        Ok(Sqlite { readers: Readers::new(path), committer })
    }

    /// Without a writer, and so without the lock.
    pub fn to_read(path: &Path) -> Sqlite {
        Sqlite { readers: Readers::new(path), committer: Committer::nobody() }
    }
}

/// One row, without opening the database for writing.
pub(super) fn peek(path: &Path, stmt: &'static Stmt) -> Result<Option<Row>, OpenError> {
    Readers::new(path).one(stmt, &[]).map_err(|e| io(path, e))
}

/// SQLite numbers `$n` by first appearance; `?n` means what it says. The name goes along.
pub(super) fn rewrite(name: &str, sql: &str) -> String {
    let mut out = format!("/* {name} */ ");
    let mut quoted = false;
    for c in sql.chars() {
        quoted ^= c == '\'';
        out.push(if c == '$' && !quoted { '?' } else { c });
    }
    out
}

thread_local! {
    /// Rewritten SQL by the statement's address: statements are statics.
    static SQL: RefCell<HashMap<usize, Arc<str>>> = RefCell::new(HashMap::new());
    /// This thread's connection to each database.
    static CONNECTIONS: RefCell<HashMap<u64, Connection>> = RefCell::new(HashMap::new());
}

fn prepare<'c>(connection: &'c Connection, stmt: &'static Stmt) -> Result<CachedStatement<'c>, DbError> {
    cached(connection, std::ptr::from_ref(stmt).addr(), || rewrite(stmt.name, stmt.sql))
}

fn prepare_point<'c>(
    connection: &'c Connection,
    point: &'static Point,
) -> Result<CachedStatement<'c>, DbError> {
    let Point { name, columns, table, key, filter } = point;
    cached(connection, std::ptr::from_ref(point).addr(), || {
        rewrite(name, &format!("SELECT {columns} FROM {table} WHERE {key} = $1 {filter}"))
    })
}

fn cached(
    connection: &Connection,
    address: usize,
    sql: impl FnOnce() -> String,
) -> Result<CachedStatement<'_>, DbError> {
    let sql = SQL.with_borrow_mut(|known| Arc::clone(known.entry(address).or_insert_with(|| sql().into())));
    Ok(connection.prepare_cached(&sql)?)
}

fn io(path: &Path, cause: impl std::fmt::Display) -> OpenError {
    OpenError::Io { database: path.display().to_string(), cause: cause.to_string() }
}

/// The writer's connection, and the lock that keeps a second process away.
#[derive(Debug)]
pub(super) struct Writer {
    pub connection: Connection,
    _lock: std::fs::File,
}

fn open_writer(path: &Path, config: &DbConfig) -> Result<Writer, OpenError> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| io(dir, e))?;
    let lock_path = path.with_extension("lock");
    let lock = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&lock_path)
        .map_err(|e| io(&lock_path, e))?;
    lock.try_lock().map_err(|_| OpenError::Locked(dir.to_owned()))?;
    if !path.exists() {
        // SQLite gives its log the mode of the file.
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| io(path, e))?;
    }
    let connection = Connection::open(path).map_err(|e| io(path, e))?;
    let set = || -> rusqlite::Result<()> {
        connection.pragma_update(None, "page_size", PAGE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "OFF")?;
        // What is erased is overwritten where it lay, where that costs no further page.
        connection.pragma_update(None, "secure_delete", "FAST")?;
        connection.pragma_update(None, "cache_size", -WRITE_CACHE_KIB)?;
        connection.pragma_update(None, "journal_size_limit", 512 * 1024 * 1024_i64)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        if let Some(pages) = config.pages_max {
            connection.pragma_update(None, "max_page_count", pages)?;
        }
        Ok(())
    };
    set().map_err(|e| io(path, e))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(Writer { connection, _lock: lock })
}

/// Reads on the calling thread.
#[derive(Clone, Debug)]
pub struct Readers {
    path: Arc<PathBuf>,
    id: u64,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Readers {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Readers { path: Arc::new(path.to_owned()), id: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, DbError>) -> Result<T, DbError> {
        CONNECTIONS.with_borrow_mut(|connections| {
            read(match connections.entry(self.id) {
                Entry::Occupied(open) => open.into_mut(),
                Entry::Vacant(free) => free.insert(open_reader(&self.path)?),
            })
        })
    }

    pub(super) fn all(&self, stmt: &'static Stmt, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.with(|connection| {
            let mut prepared = prepare(connection, stmt)?;
            let columns = prepared.column_count();
            let mut rows = prepared.query(rusqlite::params_from_iter(params))?;
            let mut out = Vec::new();
            while let Some(row) = rows.next()? {
                out.push(owned(row, columns)?);
            }
            Ok(out)
        })
    }

    pub(super) fn one(&self, stmt: &'static Stmt, params: &[Value]) -> Result<Option<Row>, DbError> {
        self.with(|connection| {
            let mut prepared = prepare(connection, stmt)?;
            let columns = prepared.column_count();
            let mut rows = prepared.query(rusqlite::params_from_iter(params))?;
            rows.next()?.map(|row| owned(row, columns)).transpose()
        })
    }
}

impl Readers {
    pub(super) fn point(&self, point: &'static Point, key: [u8; 16]) -> Result<Option<Row>, DbError> {
        self.with(|connection| {
            let mut prepared = prepare_point(connection, point)?;
            let columns = prepared.column_count();
            let mut rows = prepared.query([&key[..]])?;
            rows.next()?.map(|row| owned(row, columns)).transpose()
        })
    }
}

impl Readers {
    pub(super) fn walk(
        &self,
        walk: &'static Walk,
        span: Span,
        rows_max: usize,
        page: &mut Page,
    ) -> Result<(), DbError> {
        self.with(|connection| {
            let sql = || rewrite(walk.name, &walk.sql());
            let mut prepared = cached(connection, std::ptr::from_ref(walk).addr(), sql)?;
            let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
            let params = rusqlite::params![&span.first[..], &span.last[..], rows_max];
            page.begin(prepared.column_count());
            fill(page, prepared.query(params)?)
        })
    }

    pub(super) fn last_row(&self, walk: &'static Walk) -> Result<i64, DbError> {
        self.with(|connection| {
            let sql = || rewrite(walk.name, &format!("SELECT COALESCE(MAX(rowid), 0) FROM {}", walk.table));
            // Each statement of a walk has an address of its own within it.
            let mut prepared = cached(connection, std::ptr::from_ref(&walk.table).addr(), sql)?;
            Ok(prepared.query_row([], |row| row.get(0))?)
        })
    }

    pub(super) fn walk_rows(
        &self,
        walk: &'static Walk,
        rows: &Range<i64>,
        rows_max: usize,
        page: &mut Page,
    ) -> Result<(), DbError> {
        self.with(|connection| {
            let sql = || rewrite(walk.name, &walk.sql_in_order());
            let mut prepared = cached(connection, std::ptr::from_ref(&walk.columns).addr(), sql)?;
            let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
            page.begin(prepared.column_count());
            fill(page, prepared.query([rows.start, rows.end, rows_max])?)
        })
    }

    pub(super) fn points(
        &self,
        point: &'static Point,
        keys: &[[u8; 16]],
        page: &mut Page,
    ) -> Result<(), DbError> {
        self.with(|connection| {
            let mut prepared = prepare_point(connection, point)?;
            page.begin(prepared.column_count());
            keys.iter().try_for_each(|key| fill(page, prepared.query([&key[..]])?))
        })
    }
}

/// Adds rows to a page.
fn fill(page: &mut Page, mut rows: rusqlite::Rows<'_>) -> Result<(), DbError> {
    let columns = rows.as_ref().map_or(0, |statement| statement.column_count());
    while let Some(row) = rows.next()? {
        for i in 0..columns {
            match row.get_ref(i)? {
                ValueRef::Null => page.null(),
                ValueRef::Integer(n) => page.int(n),
                ValueRef::Blob(b) => page.bytes(b),
                ValueRef::Text(t) => page.bytes(t),
                ValueRef::Real(_) => return Err(DbError::shape("real")),
            }
        }
    }
    Ok(())
}

fn open_reader(path: &Path) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -READ_CACHE_KIB)?;
    // The file is not mapped: each commit takes a reader's mapping down, and what it reads next faults anew.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "query_only", "ON")?;
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn owned(row: &rusqlite::Row<'_>, columns: usize) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(columns);
    for i in 0..columns {
        values.push(match row.get_ref(i)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(n) => Value::Int(n),
            ValueRef::Blob(b) => Value::Bytes(b.to_vec()),
            ValueRef::Text(t) => Value::Text(String::from_utf8_lossy(t).into_owned()),
            ValueRef::Real(_) => return Err(DbError::shape("real")),
        });
    }
    Ok(Row(values))
}

struct Waiting {
    work: Work,
    done: oneshot::Sender<Done>,
}

/// What became of a piece of work, and the work itself: an allocator takes back cheaply what is freed
/// where it was made.
struct Done {
    result: Result<(), DbError>,
    _work: Work,
}

enum Work {
    Unit(Unit),
    Bulk(Vec<Rows>),
    /// Ends the writer when everything before it is done.
    End,
}

/// Hands units to the writer thread.
#[derive(Clone, Debug)]
pub struct Committer {
    queue: mpsc::Sender<Waiting>,
    thread: Arc<std::sync::Mutex<Option<JoinHandle<()>>>>,
}

impl Committer {
    fn start(writer: Writer, checkpoints: Checkpoints, queue_max: usize, changes: Changes) -> Committer {
        let (queue, waiting) = mpsc::channel(queue_max.max(1));
        let thread = std::thread::Builder::new()
            .name("db-writer".into())
            .spawn(move || write_all(writer, checkpoints, waiting, &changes))
            .expect("a thread can be started at the start of the service");
        Committer { queue, thread: Arc::new(std::sync::Mutex::new(Some(thread))) }
    }

    /// Refuses everything: its queue ends nowhere.
    fn nobody() -> Committer {
        Committer { queue: mpsc::channel(1).0, thread: Arc::default() }
    }

    pub(super) async fn commit(&self, unit: Unit) -> Result<(), DbError> {
        self.hand(Work::Unit(unit)).await
    }

    pub(super) async fn bulk(&self, tables: Vec<Rows>) -> Result<(), DbError> {
        self.hand(Work::Bulk(tables)).await
    }

    async fn hand(&self, work: Work) -> Result<(), DbError> {
        let (done, result) = oneshot::channel();
        self.queue.try_send(Waiting { work, done }).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => DbError::Busy,
            mpsc::error::TrySendError::Closed(_) => DbError::Gone,
        })?;
        result.await.map_or(Err(DbError::Gone), |done| done.result)
    }

    pub(super) async fn close(self) {
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        // The writer ends when it has taken the mark below and everything before it.
        let (done, closed) = oneshot::channel();
        let end = Waiting { work: Work::End, done };
        if self.queue.send(end).await.is_ok() {
            closed.await.ok();
        }
        if let Some(thread) = thread {
            tokio::task::spawn_blocking(move || thread.join().ok()).await.ok();
        }
    }
}

/// The writer thread: takes all units that wait into one transaction, and answers them only after the
/// commit is on disk. A lone unit commits at once, and while it does others gather; where they come in
/// company, a group waits until [`PACE`] after the one before it began.
fn write_all(
    writer: Writer,
    mut checkpoints: Checkpoints,
    mut queue: mpsc::Receiver<Waiting>,
    changes: &Changes,
) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    let (mut began, mut before) = (std::time::Instant::now(), 0);
    while queue.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        if before + group.len() >= COMPANY {
            std::thread::sleep(PACE.saturating_sub(began.elapsed()));
            while group.len() < GROUP_MAX
                && let Ok(waiting) = queue.try_recv()
            {
                group.push(waiting);
            }
        }
        (began, before) = (std::time::Instant::now(), group.len());
        let end = group.iter().position(|w| matches!(w.work, Work::End));
        let rest = end.map(|at| group.split_off(at));
        let results = write_group(&writer.connection, &group);
        for (Waiting { work, done }, result) in group.drain(..).zip(results) {
            if let Work::Unit(unit) = &work {
                changes.note_unit(unit, &result);
            }
            done.send(Done { result, _work: work }).ok();
        }
        checkpoints.look(&writer.connection);
        if let Some(rest) = rest {
            queue.close();
            checkpoints.end();
            let checkpoint = writer.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            if let Err(e) = checkpoint {
                tracing::warn!(%e, "the log was not moved into the file; the next start does it");
            }
            for (i, Waiting { work, done }) in rest.into_iter().enumerate() {
                let result = if i == 0 { Ok(()) } else { Err(DbError::Gone) };
                done.send(Done { result, _work: work }).ok();
            }
            return;
        }
    }
}

/// Commits a group. Where one of its units fails, the group is rolled back and done once more with
/// a savepoint around each, which costs more and is rarely needed.
fn write_group(connection: &Connection, group: &[Waiting]) -> Vec<Result<(), DbError>> {
    match try_group(connection, group, false) {
        Err(_) if group.len() > 1 => try_group(connection, group, true),
        results => results,
    }
    .unwrap_or_else(|cause| group.iter().map(|_| Err(cause.clone())).collect())
}

/// One transaction of all units. Without savepoints the first that fails ends it: nothing stands.
fn try_group(
    connection: &Connection,
    group: &[Waiting],
    savepoints: bool,
) -> Result<Vec<Result<(), DbError>>, DbError> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(|e| DbError::from_ref(&e))?;
    let mut results = Vec::with_capacity(group.len());
    for waiting in group {
        let written = write(connection, &waiting.work, savepoints);
        // A full disk or a broken file ends SQLite's whole transaction by itself.
        let ended = connection.is_autocommit();
        match written {
            Err(cause) if ended || !savepoints => {
                if !ended {
                    connection.execute_batch("ROLLBACK").ok();
                }
                return Err(cause);
            }
            written => results.push(written),
        }
    }
    Ok(match connection.execute_batch("COMMIT") {
        Ok(()) => results,
        Err(e) => {
            connection.execute_batch("ROLLBACK").ok();
            results.into_iter().map(|r| r.and_then(|()| Err(DbError::from_ref(&e)))).collect()
        }
    })
}

impl DbError {
    fn from_ref(e: &rusqlite::Error) -> DbError {
        match e.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => DbError::Full,
            _ => DbError::Other(e.to_string()),
        }
    }
}

fn write(connection: &Connection, work: &Work, savepoint: bool) -> Result<(), DbError> {
    if savepoint {
        connection.prepare_cached("SAVEPOINT unit")?.execute([])?;
    }
    let written = match work {
        Work::Unit(unit) => unit.steps.iter().try_for_each(|step| {
            let affected =
                prepare(connection, step.stmt)?.execute(rusqlite::params_from_iter(&step.params))?;
            match step.affects {
                Affects::One if affected != 1 => Err(DbError::Conflict),
                _ => Ok(()),
            }
        }),
        Work::Bulk(tables) => tables.iter().try_for_each(|rows| write_rows(connection, rows)),
        Work::End => Ok(()),
    };
    if savepoint && !connection.is_autocommit() {
        if written.is_err() {
            connection.prepare_cached("ROLLBACK TO unit")?.execute([])?;
        }
        connection.prepare_cached("RELEASE unit")?.execute([])?;
    }
    if let (Work::Unit(unit), Err(DbError::Other(cause))) = (work, &written) {
        tracing::error!(unit = unit.name, %cause, "a unit failed");
    }
    written
}

fn write_rows(connection: &Connection, Rows { table, columns, rows }: &Rows) -> Result<(), DbError> {
    let marks = vec!["?"; columns.split(',').count()].join(", ");
    let mut insert =
        connection.prepare_cached(&format!("INSERT INTO {table} ({columns}) VALUES ({marks})"))?;
    for row in rows {
        insert.execute(rusqlite::params_from_iter(row))?;
    }
    Ok(())
}
