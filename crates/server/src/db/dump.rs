//! One consistent copy of a database, taken while it is in use, and the way back.

use std::path::Path;

use super::{DbConfig, OpenError, Place, migrate, postgres, sqlite};

/// What a copy holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// Schema number.
    pub schema: i64,
    /// Rows of each table, as of the copy.
    pub tables: Vec<(String, i64)>,
}

/// Which of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The data.
    Data,
    /// The store of keys.
    Keys,
}

impl Which {
    pub(super) fn migrations(self) -> &'static [migrate::Migration] {
        match self {
            Which::Data => migrate::MAIN,
            Which::Keys => migrate::KEYS,
        }
    }
}

/// Copies a database into a new file.
pub async fn dump(config: &DbConfig, which: Which, to: &Path) -> Result<Dump, OpenError> {
    match &config.place {
        Place::File(path) => sqlite::dump(path, which.migrations(), to),
        Place::Server { url, schema } => postgres::dump(url, *schema, which.migrations(), to).await,
    }
}

/// Fills a database that does not exist yet from such a file; returns what is in it then.
pub async fn restore(config: &DbConfig, which: Which, from: &Path) -> Result<Dump, OpenError> {
    match &config.place {
        Place::File(path) => sqlite::restore(path, which.migrations(), from),
        Place::Server { url, schema } => postgres::restore(url, *schema, which.migrations(), from).await,
    }
}

/// The name of the engine at a place.
pub fn engine(config: &DbConfig) -> &'static str {
    match &config.place {
        Place::File(_) => "sqlite",
        Place::Server { .. } => "postgres",
    }
}
