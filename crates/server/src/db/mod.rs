//! The only place that names a database driver.
//!
//! A request reads, calls pure code, then commits one [`Unit`]: a list of statements with
//! expectations, all or nothing. A guard that fails makes the unit a [`DbError::Conflict`], which
//! the caller re-reads and retries. Every statement is written once, in the subset that SQLite,
//! PostgreSQL and Citus share: BIGINT, BLOB, TEXT, `$n`, `ON CONFLICT`; no date functions, no
//! `SELECT *`. Another engine is one more file beside `sqlite.rs`.

mod migrate;
mod sqlite;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use kangma_core::id::{AccountId, FactId, PersonId};
use kangma_core::time::Instant;

pub use sqlite::{Committer, Readers};

/// A statement, written once. `name` is `duty.verb`: metric label, trace and SQL comment.
#[derive(Debug)]
pub struct Stmt {
    /// `duty.verb`.
    pub name: &'static str,
    /// Portable SQL with `$n` parameters.
    pub sql: &'static str,
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
#[derive(Debug)]
pub struct Row(Vec<Value>);

impl Row {
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
        match self.at(i) {
            Value::Text(t) => Ok(t),
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

/// Statements that take effect together or not at all.
#[derive(Debug)]
pub struct Unit {
    name: &'static str,
    steps: Vec<Step>,
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
        Unit { name, steps: Vec::new() }
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

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer version of Kangma wrote it.
    #[error(
        "db.schema_newer: {path} has schema {found}, which this version (schema {known}) does not know. Start the newer version of Kangma, or restore a backup made by this one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: i64,
        /// What we know.
        known: i64,
    },
    /// A migration's text is not the one that was applied.
    #[error(
        "db.schema_changed: migration {number} of {path} is not the one that this version ships. Restore the original binary; migrations are never edited"
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// Which.
        number: i64,
    },
    /// Not a Kangma database.
    #[error("db.foreign: {0} is a database, but not one of Kangma's. Choose another DATA_DIR")]
    Foreign(PathBuf),
    /// Another process holds it.
    #[error("db.locked: another kangma runs on {0}. Stop it first, or choose another DATA_DIR")]
    Locked(PathBuf),
    /// The folder or file cannot be used.
    #[error("db.open: {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
}

/// Where a database lies.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// The file.
    pub path: PathBuf,
    /// Units that may wait; more are refused as busy.
    pub queue_max: usize,
    /// Pages that the file may have: only tests set it, to meet a full disk.
    pub pages_max: Option<u32>,
}

impl DbConfig {
    /// The database of a data folder.
    pub fn in_dir(dir: &Path) -> DbConfig {
        DbConfig { path: dir.join("kangma.db"), queue_max: 8_192, pages_max: None }
    }

    /// Whether there is one.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }
}

/// A handle to the database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    readers: Readers,
    committer: Committer,
}

impl Db {
    /// Opens or makes the database and brings it to this version's schema.
    pub fn open(config: &DbConfig, now: Instant) -> Result<Db, OpenError> {
        let writer = sqlite::open_writer(config)?;
        let writer = migrate::run(writer, &config.path, migrate::MAIN, now)?;
        Ok(Db { readers: Readers::new(&config.path), committer: Committer::start(writer, config.queue_max) })
    }

    /// Opens a second, small database of the same kind, such as the store of personal keys.
    pub fn open_keys(config: &DbConfig, now: Instant) -> Result<Db, OpenError> {
        let writer = sqlite::open_writer(config)?;
        let writer = migrate::run(writer, &config.path, migrate::KEYS, now)?;
        Ok(Db { readers: Readers::new(&config.path), committer: Committer::start(writer, config.queue_max) })
    }

    /// Looks at a database without changing it.
    pub fn check(config: &DbConfig) -> Result<(), OpenError> {
        migrate::check(&config.path, migrate::MAIN)
    }

    /// This version's schema.
    pub fn schema_version(&self) -> usize {
        migrate::MAIN.len()
    }

    /// All rows of a statement. Sees everything that was acknowledged before.
    pub async fn all(&self, stmt: &'static Stmt, params: &[Value]) -> Result<Vec<Row>, DbError> {
        // A point read takes microseconds: it runs here rather than crossing to another thread.
        self.readers.all(stmt, params)
    }

    /// The first row of a statement.
    pub async fn one(&self, stmt: &'static Stmt, params: &[Value]) -> Result<Option<Row>, DbError> {
        self.readers.one(stmt, params)
    }

    /// [`Db::one`] for code that is not async.
    pub fn one_now(&self, stmt: &'static Stmt, params: &[Value]) -> Result<Option<Row>, DbError> {
        self.readers.one(stmt, params)
    }

    /// Commits a unit; returns once it is on disk.
    pub async fn commit(&self, unit: Unit) -> Result<(), DbError> {
        self.committer.commit(unit).await
    }

    /// Commits what waits, moves the log into the file and closes.
    pub async fn close(self) {
        self.committer.close().await;
    }
}
