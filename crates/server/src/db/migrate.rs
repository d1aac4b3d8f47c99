//! Migrations: numbered, named, hashed, each in one transaction; an unknown schema is refused.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use kangma_core::time::Instant;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::OpenError;
use super::sqlite::Writer;

/// One step. Its text never changes once it has shipped.
pub struct Migration {
    name: &'static str,
    sql: &'static str,
}

/// The main database.
pub const MAIN: &[Migration] =
    &[Migration { name: "first", sql: include_str!("../../migrations/sqlite/0001_first.sql") }];

/// The store of personal keys.
pub const KEYS: &[Migration] =
    &[Migration { name: "keys", sql: include_str!("../../migrations/sqlite/keys/0001_keys.sql") }];

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    number BIGINT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL, applied_at BIGINT NOT NULL)";

fn hash(migration: &Migration) -> Vec<u8> {
    digest(&SHA256, migration.sql.as_bytes()).as_ref().to_vec()
}

fn io(path: &Path, cause: &rusqlite::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), cause: cause.to_string() }
}

/// Applies what is missing.
pub fn run(writer: Writer, path: &Path, known: &[Migration], now: Instant) -> Result<Writer, OpenError> {
    let fail = |e: rusqlite::Error| io(path, &e);
    let connection = &writer.connection;
    compare(connection, path, known)?;
    connection.execute_batch(LEDGER).map_err(fail)?;
    for (number, migration) in (1_i64..).zip(known) {
        // Exclusive, and looked at again inside: of two processes one applies it, both go on.
        connection.execute_batch("BEGIN EXCLUSIVE").map_err(fail)?;
        let applied: Option<i64> = connection
            .query_row("SELECT number FROM schema_migration WHERE number = ?1", [number], |r| r.get(0))
            .optional()
            .map_err(fail)?;
        if applied.is_none() {
            let row = (number, migration.name, hash(migration), now.0);
            let step = connection.execute_batch(migration.sql).and_then(|()| {
                connection.execute("INSERT INTO schema_migration VALUES (?1, ?2, ?3, ?4)", row)
            });
            if let Err(e) = step {
                connection.execute_batch("ROLLBACK").ok();
                return Err(fail(e));
            }
        }
        connection.execute_batch("COMMIT").map_err(fail)?;
    }
    Ok(writer)
}

/// Looks without changing anything.
pub fn check(path: &Path, known: &[Migration]) -> Result<(), OpenError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|e| io(path, &e))?;
    compare(&connection, path, known)?;
    let verdict: String =
        connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(|e| io(path, &e))?;
    if verdict == "ok" { Ok(()) } else { Err(OpenError::Io { path: path.to_owned(), cause: verdict }) }
}

fn compare(connection: &Connection, path: &Path, known: &[Migration]) -> Result<(), OpenError> {
    let fail = |e: rusqlite::Error| io(path, &e);
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        .and_then(|mut s| s.query_map([], |r| r.get(0))?.collect())
        .map_err(fail)?;
    if !tables.iter().any(|t| t == "schema_migration") {
        return if tables.is_empty() { Ok(()) } else { Err(OpenError::Foreign(path.to_owned())) };
    }
    let applied: Vec<(i64, Vec<u8>)> = connection
        .prepare("SELECT number, hash FROM schema_migration ORDER BY number")
        .and_then(|mut s| s.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(fail)?;
    for (number, found) in applied {
        let ours = usize::try_from(number - 1).ok().and_then(|i| known.get(i));
        match ours {
            None => {
                return Err(OpenError::Newer {
                    path: path.to_owned(),
                    found: number,
                    known: known.len() as i64,
                });
            }
            Some(ours) if hash(ours) != found => {
                return Err(OpenError::Changed { path: path.to_owned(), number });
            }
            Some(_) => {}
        }
    }
    Ok(())
}
