//! The only place that names a database driver.
//!
//! A request reads, calls pure code, then commits one [`Unit`]: a list of statements with
//! expectations, all or nothing. A guard that fails makes the unit a [`DbError::Conflict`], which
//! the caller re-reads and retries. Every statement is written once, in the subset that SQLite,
//! PostgreSQL and Citus share: BIGINT, BLOB, TEXT, `$n`, `ON CONFLICT`; no date functions, no
//! `SELECT *`. Where the engines differ is listed in docs/decisions/0012-engines.md.

mod changes;
mod dump;
mod migrate;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;
mod walk;

use std::path::{Path, PathBuf};

use kangma_core::id::{AccountId, FactId, PersonId};
use kangma_core::time::Instant;

pub use changes::Changes;
pub use dump::{Dump, Which, dump, engine, restore};
use postgres::Postgres;
use sqlite::Sqlite;
pub use walk::{InOrder, Page, Span, Walk};

/// A statement, written once. `name` is `duty.verb`: metric label, trace and SQL comment.
#[derive(Debug)]
pub struct Stmt {
    /// `duty.verb`.
    pub name: &'static str,
    /// Portable SQL with `$n` parameters.
    pub sql: &'static str,
}

/// A read of one row by its key, on the hot path: an engine may fetch many callers' rows at once.
#[derive(Debug)]
pub struct Point {
    /// `duty.verb`.
    pub name: &'static str,
    /// Columns; the first is the key.
    pub columns: &'static str,
    /// Table, and after `WHERE key = …` nothing but `filter`.
    pub table: &'static str,
    /// Column of the key, 16 bytes.
    pub key: &'static str,
    /// A further condition without parameters, or empty.
    pub filter: &'static str,
}

/// Rows for one table, in bulk: for filling a database, not for requests.
#[derive(Debug)]
pub struct Rows {
    /// Table.
    pub table: &'static str,
    /// Its columns, comma-separated, in the order of the values.
    pub columns: &'static str,
    /// Values.
    pub rows: Vec<Vec<Value>>,
}

/// A parameter or a column's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// BLOB.
    Bytes(Vec<u8>),
    /// TEXT.
    Text(String),
}

macro_rules! value_from {
    ($($ty:ty => |$v:ident| $value:expr;)*) => {
        $(impl From<$ty> for Value {
            fn from($v: $ty) -> Value { $value }
        })*
    };
}

value_from! {
    i64 => |v| Value::Int(v);
    Instant => |v| Value::Int(v.0);
    PersonId => |v| Value::Bytes(v.0.to_vec());
    AccountId => |v| Value::Bytes(v.0.to_vec());
    FactId => |v| Value::Bytes(v.0.to_vec());
    [u8; 16] => |v| Value::Bytes(v.to_vec());
    &[u8] => |v| Value::Bytes(v.to_vec());
    Vec<u8> => |v| Value::Bytes(v);
    &str => |v| Value::Text(v.to_owned());
    String => |v| Value::Text(v);
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Value {
        v.map_or(Value::Null, Into::into)
    }
}

/// A row that was read.
#[derive(Clone, Debug)]
pub struct Row(Vec<Value>);

impl Row {
    /// All of its columns.
    pub fn into_values(self) -> Vec<Value> {
        self.0
    }

    fn at(&self, i: usize) -> &Value {
        self.0.get(i).unwrap_or(&Value::Null)
    }

    /// A BIGINT column.
    pub fn int(&self, i: usize) -> Result<i64, DbError> {
        self.opt_int(i)?.ok_or_else(|| DbError::shape("null"))
    }

    /// A BIGINT column that may be NULL.
    pub fn opt_int(&self, i: usize) -> Result<Option<i64>, DbError> {
        match self.at(i) {
            Value::Null => Ok(None),
            Value::Int(n) => Ok(Some(*n)),
            _ => Err(DbError::shape("bigint")),
        }
    }

    /// A BLOB column.
    pub fn bytes(&self, i: usize) -> Result<&[u8], DbError> {
        self.opt_bytes(i)?.ok_or_else(|| DbError::shape("null"))
    }

    /// A BLOB column that may be NULL.
    pub fn opt_bytes(&self, i: usize) -> Result<Option<&[u8]>, DbError> {
        match self.at(i) {
            Value::Null => Ok(None),
            Value::Bytes(b) => Ok(Some(b)),
            _ => Err(DbError::shape("blob")),
        }
    }

    /// A TEXT column.
    pub fn text(&self, i: usize) -> Result<&str, DbError> {
        self.opt_text(i)?.ok_or_else(|| DbError::shape("null"))
    }

    /// A TEXT column that may be NULL.
    pub fn opt_text(&self, i: usize) -> Result<Option<&str>, DbError> {
        match self.at(i) {
            Value::Null => Ok(None),
            Value::Text(t) => Ok(Some(t)),
            _ => Err(DbError::shape("text")),
        }
    }
}

/// How many rows a statement of a unit has to affect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affects {
    /// Exactly one, or the unit is a conflict.
    One,
    /// Any number.
    Any,
}

/// Numbers of transactions; without other nodes a transaction has none, and all are over.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// Every transaction of a smaller number is over.
    pub below: i64,
    /// None has this number yet, or a greater one.
    pub next: i64,
}

/// Statements that take effect together or not at all.
#[derive(Debug)]
pub struct Unit {
    name: &'static str,
    steps: Vec<Step>,
    touches: Vec<PersonId>,
}

#[derive(Debug)]
struct Step {
    affects: Affects,
    stmt: &'static Stmt,
    params: Vec<Value>,
}

impl Unit {
    /// An empty unit, named `duty.verb`.
    pub fn new(name: &'static str) -> Unit {
        Unit { name, steps: Vec::new(), touches: Vec::new() }
    }

    /// Says that it changes a person's state: what is kept of them in memory, on every node, is
    /// forgotten when it is committed.
    #[must_use]
    pub fn touching(mut self, person: PersonId) -> Unit {
        self.touches.push(person);
        self
    }

    /// Whether it does nothing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds a statement.
    #[must_use]
    pub fn expect(mut self, affects: Affects, stmt: &'static Stmt, params: Vec<Value>) -> Unit {
        self.steps.push(Step { affects, stmt, params });
        self
    }
}

/// Why a read or a unit failed. A unit that failed left nothing behind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// A guard failed, or a key is taken: read again and retry.
    #[error("db.conflict: somebody else changed the record at the same time")]
    Conflict,
    /// The disk is full. Writes work again once there is room; no restart is needed.
    #[error("db.full: the disk is full")]
    Full,
    /// Too many writes wait.
    #[error("db.busy: too many writes wait")]
    Busy,
    /// The database server does not answer. A unit that was under way may or may not have been
    /// committed.
    #[error("db.away: the database does not answer")]
    Away,
    /// The database is closed.
    #[error("db.gone: the database is closed")]
    Gone,
    /// Anything else.
    #[error("db.other: {0}")]
    Other(String),
}

impl DbError {
    /// A column does not have the type that the code expects.
    pub fn shape(what: &str) -> DbError {
        DbError::Other(format!("a column has an unexpected shape: {what}"))
    }
}

/// Why a database could not be opened. `database` is a path, or a server without its password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer version of Kangma wrote it.
    #[error(
        "db.schema_newer: {database} has schema {found}, which this version (schema {known}) does not know. Start the newer version of Kangma, or restore a backup made by this one"
    )]
    Newer {
        /// Which.
        database: String,
        /// What it has.
        found: i64,
        /// What we know.
        known: i64,
    },
    /// A migration's text is not the one that was applied.
    #[error(
        "db.schema_changed: migration {number} of {database} is not the one that this version ships. Restore the original binary; migrations are never edited"
    )]
    Changed {
        /// Which.
        database: String,
        /// Which step.
        number: i64,
    },
    /// Not a Kangma database.
    #[error(
        "db.foreign: {0} is a database, but not one of Kangma's. Choose another DATA_DIR or DATABASE_URL"
    )]
    Foreign(String),
    /// Another process holds it.
    #[error("db.locked: another kangma runs on {0}. Stop it first, or choose another DATA_DIR")]
    Locked(PathBuf),
    /// A restore into something.
    #[error(
        "backup.target_not_empty: {0} holds data already, and a restore overwrites nothing. Choose another DATA_DIR or DATABASE_URL"
    )]
    NotEmpty(String),
    /// The address is none.
    #[error("db.url: {0}. Write postgres://user:password@host:5432/database")]
    Url(String),
    /// The folder, file or server cannot be used.
    #[error("db.open: {database}: {cause}")]
    Io {
        /// Which.
        database: String,
        /// Why.
        cause: String,
    },
}

/// Where a database lies.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file of the embedded engine.
    File(PathBuf),
    /// A PostgreSQL server, by URL, and the schema to use in place of the server's default.
    Server {
        /// `postgres://…`
        url: String,
        /// Schema; made if it is missing.
        schema: Option<&'static str>,
    },
}

/// Where a database lies, and its limits.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// Where.
    pub place: Place,
    /// Units that may wait; more are refused as busy.
    pub queue_max: usize,
    /// Pages that a file may have: only tests set it, to meet a full disk.
    pub pages_max: Option<u32>,
    /// Pages of a file's log at which it is moved into the file.
    pub log_pages: i64,
}

impl DbConfig {
    /// At a place, with the usual limits.
    pub fn at(place: Place) -> DbConfig {
        DbConfig { place, queue_max: 8_192, pages_max: None, log_pages: sqlite::LOG_PAGES }
    }

    /// The file of a data folder.
    pub fn in_dir(dir: &Path) -> DbConfig {
        DbConfig::at(Place::File(dir.join("kangma.db")))
    }

    /// Whether there is one, with a schema in it.
    pub async fn exists(&self) -> Result<bool, OpenError> {
        match &self.place {
            Place::File(path) => Ok(path.exists()),
            Place::Server { url, schema } => postgres::exists(url, *schema).await,
        }
    }
}

impl std::fmt::Display for DbConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Server { url, .. } => f.write_str(&postgres::name(url)),
        }
    }
}

/// A handle to the database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    engine: Engine,
    changes: Changes,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Db {
    /// Opens or makes the database and brings it to this version's schema.
    pub async fn open(config: &DbConfig, now: Instant) -> Result<Db, OpenError> {
        Db::with(config, migrate::MAIN, now, true).await
    }

    /// Opens the store of keys, a small database of the same kind beside the main one.
    pub async fn open_keys(config: &DbConfig, now: Instant) -> Result<Db, OpenError> {
        Db::with(config, migrate::KEYS, now, false).await
    }

    /// Opens a database of this version's schema for reading alone, beside a service that may be running on
    /// it. Nothing is made, migrated or written: a commit is refused as on a closed database.
    pub async fn open_to_read(config: &DbConfig, which: Which) -> Result<Db, OpenError> {
        let changes = Changes::new(true);
        let engine = match &config.place {
            Place::File(path) => {
                sqlite::check_schema(path, which.migrations())?;
                Engine::Sqlite(Sqlite::to_read(path))
            }
            Place::Server { url, schema } => {
                Engine::Postgres(Postgres::to_read(url, *schema, which.migrations()).await?)
            }
        };
        Ok(Db { engine, changes })
    }

    async fn with(
        config: &DbConfig,
        known: &'static [migrate::Migration],
        now: Instant,
        feed: bool,
    ) -> Result<Db, OpenError> {
        Ok(match &config.place {
            Place::File(path) => {
                let changes = Changes::new(true);
                Db { engine: Engine::Sqlite(Sqlite::open(path, config, known, now, &changes)?), changes }
            }
            Place::Server { url, schema } => {
                let changes = Changes::new(!feed);
                let engine = Postgres::open(url, *schema, config, known, now, &changes).await?;
                Db { engine: Engine::Postgres(engine), changes }
            }
        })
    }

    /// Looks at a database without changing it.
    pub async fn check(config: &DbConfig) -> Result<(), OpenError> {
        Db::look(config, migrate::MAIN).await
    }

    /// Likewise at a store of keys.
    pub async fn check_keys(config: &DbConfig) -> Result<(), OpenError> {
        Db::look(config, migrate::KEYS).await
    }

    async fn look(config: &DbConfig, known: &[migrate::Migration]) -> Result<(), OpenError> {
        match &config.place {
            Place::File(path) => sqlite::check(path, known),
            Place::Server { url, schema } => postgres::check(url, *schema, known).await,
        }
    }

    /// Spreads the tables over the shards of a Citus cluster; returns the names of those that were
    /// not yet spread.
    pub async fn spread(config: &DbConfig) -> Result<Vec<&'static str>, OpenError> {
        match &config.place {
            Place::File(_) => Err(OpenError::Url("--citus needs DATABASE_URL".into())),
            Place::Server { url, schema } => postgres::spread(url, *schema).await,
        }
    }

    /// One row of a database that is not open, read without changing anything.
    pub async fn peek(config: &DbConfig, stmt: &'static Stmt) -> Result<Option<Row>, OpenError> {
        match &config.place {
            Place::File(path) => sqlite::peek(path, stmt),
            Place::Server { url, schema } => postgres::peek(url, *schema, stmt).await,
        }
    }

    /// As [`Db::clock_ahead_ms`], without opening the database.
    pub async fn clock_of(config: &DbConfig, ours_ms: impl Fn() -> i64) -> Result<Option<i64>, OpenError> {
        match &config.place {
            Place::File(_) => Ok(None),
            Place::Server { url, schema } => postgres::clock_of(url, *schema, ours_ms).await.map(Some),
        }
    }

    /// This version's schema.
    pub fn schema_version(&self) -> usize {
        migrate::MAIN.len()
    }

    /// This version's schema of one of the two databases.
    pub fn schema_of(which: Which) -> i64 {
        which.migrations().len() as i64
    }

    /// Whether other nodes may use the same database.
    pub fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }

    /// Whether the database answers, as far as is known.
    pub fn is_away(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(_) => false,
            Engine::Postgres(server) => server.is_away(),
        }
    }

    /// Which people changed, here or on another node.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// How far the database's clock is ahead of an instant of ours, in milliseconds; `None` where it
    /// is the same machine's, or not known.
    pub async fn clock_ahead_ms(&self, ours_ms: impl Fn() -> i64) -> Result<Option<i64>, DbError> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(server) => server.clock_ahead_ms(ours_ms).await.map(Some),
        }
    }

    /// Which transactions are over; see [`Settled`].
    pub async fn settled(&self) -> Result<Settled, DbError> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(Settled { below: i64::MAX, next: i64::MAX }),
            Engine::Postgres(server) => server.settled().await,
        }
    }

    /// All rows of a statement. Sees everything that was acknowledged before.
    pub async fn all(&self, stmt: &'static Stmt, params: &[Value]) -> Result<Vec<Row>, DbError> {
        match &self.engine {
            // A point read takes microseconds: it runs here rather than crossing to another thread. The server's
            // futures stand in boxes: every request would carry room for the largest about.
            Engine::Sqlite(file) => file.readers.all(stmt, params),
            Engine::Postgres(server) => Box::pin(server.all(stmt, params)).await,
        }
    }

    /// The first row of a statement.
    pub async fn one(&self, stmt: &'static Stmt, params: &[Value]) -> Result<Option<Row>, DbError> {
        match &self.engine {
            Engine::Sqlite(file) => file.readers.one(stmt, params),
            Engine::Postgres(server) => Ok(Box::pin(server.all(stmt, params)).await?.into_iter().next()),
        }
    }

    /// The row of a key, on the hot path.
    pub async fn point(&self, point: &'static Point, key: [u8; 16]) -> Result<Option<Row>, DbError> {
        match &self.engine {
            Engine::Sqlite(file) => file.readers.point(point, key),
            Engine::Postgres(server) => Box::pin(server.point(point, key)).await,
        }
    }

    /// Reads the next page of a table, within a span of its keys, into a page that is used again.
    pub async fn walk(
        &self,
        walk: &'static Walk,
        span: Span,
        rows_max: usize,
        page: &mut Page,
    ) -> Result<(), DbError> {
        page.clear();
        match &self.engine {
            Engine::Sqlite(file) => file.readers.walk(walk, span, rows_max, page),
            Engine::Postgres(server) => server.walk(walk, span, rows_max, page).await,
        }
    }

    /// The tables in the order in which their rows came, where the engine keeps them so.
    pub fn in_order(&self) -> Option<InOrder<'_>> {
        match &self.engine {
            Engine::Sqlite(file) => Some(InOrder(&file.readers)),
            Engine::Postgres(_) => None,
        }
    }

    /// Commits a unit; returns once it is on disk.
    pub async fn commit(&self, unit: Unit) -> Result<(), DbError> {
        let name = unit.name;
        let began = std::time::Instant::now();
        let done = match &self.engine {
            Engine::Sqlite(file) => file.committer.commit(unit).await,
            Engine::Postgres(server) => server.commit(unit).await,
        };
        metrics::histogram!("kangma_unit_seconds", "unit" => name).record(began.elapsed());
        metrics::counter!("kangma_units_total", "unit" => name, "result" => result_label(&done)).increment(1);
        done
    }

    /// Adds many rows, all or nothing.
    pub async fn bulk(&self, tables: Vec<Rows>) -> Result<(), DbError> {
        match &self.engine {
            Engine::Sqlite(file) => file.committer.bulk(tables).await,
            Engine::Postgres(server) => server.bulk(tables).await,
        }
    }

    /// Commits what waits, moves the log into the file and closes.
    pub async fn close(self) {
        match self.engine {
            Engine::Sqlite(file) => file.committer.close().await,
            Engine::Postgres(server) => server.close().await,
        }
    }
}

fn result_label(done: &Result<(), DbError>) -> &'static str {
    match done {
        Ok(()) => "done",
        Err(DbError::Conflict) => "conflict",
        Err(DbError::Full) => "full",
        Err(DbError::Busy) => "busy",
        Err(DbError::Away) => "away",
        Err(DbError::Gone) => "gone",
        Err(DbError::Other(_)) => "error",
    }
}
