//! Brings an SQLite file to this version's schema.

use std::path::Path;

use kangma_core::time::Instant;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::super::OpenError;
use super::super::migrate::{Dialect, Migration, compare};
use super::Writer;

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    number BIGINT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL, applied_at BIGINT NOT NULL)";

fn fail(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    move |e| super::io(&path, e)
}

/// Applies what is missing.
pub fn run(writer: Writer, path: &Path, known: &[Migration], now: Instant) -> Result<Writer, OpenError> {
    let fail = fail(path);
    let connection = &writer.connection;
    look(connection, path, known)?;
    connection.execute_batch(LEDGER).map_err(&fail)?;
    for (number, migration) in (1_i64..).zip(known) {
        // Exclusive, and looked at again inside: of two processes one applies it, both go on.
        connection.execute_batch("BEGIN EXCLUSIVE").map_err(&fail)?;
        let applied: Option<i64> = connection
            .query_row("SELECT number FROM schema_migration WHERE number = ?1", [number], |r| r.get(0))
            .optional()
            .map_err(&fail)?;
        if applied.is_none() {
            let row = (number, migration.name, migration.hash(Dialect::Sqlite), now.0);
            let step = connection.execute_batch(migration.sql(Dialect::Sqlite)).and_then(|()| {
                connection.execute("INSERT INTO schema_migration VALUES (?1, ?2, ?3, ?4)", row)
            });
            if let Err(e) = step {
                connection.execute_batch("ROLLBACK").ok();
                return Err(fail(e));
            }
        }
        connection.execute_batch("COMMIT").map_err(&fail)?;
    }
    Ok(writer)
}

/// Looks at the schema alone.
pub fn check_schema(path: &Path, known: &[Migration]) -> Result<(), OpenError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fail(path))?;
    look(&connection, path, known)
}

/// Looks without changing anything.
pub fn check(path: &Path, known: &[Migration]) -> Result<(), OpenError> {
    let fail = fail(path);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(&fail)?;
    look(&connection, path, known)?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(&fail)?;
    if verdict == "ok" { Ok(()) } else { Err(super::io(path, verdict)) }
}

fn look(connection: &Connection, path: &Path, known: &[Migration]) -> Result<(), OpenError> {
    let fail = fail(path);
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        .and_then(|mut s| s.query_map([], |r| r.get(0))?.collect())
        .map_err(&fail)?;
    if !tables.iter().any(|t| t == "schema_migration") {
        return if tables.is_empty() { Ok(()) } else { Err(OpenError::Foreign(path.display().to_string())) };
    }
    let applied: Vec<(i64, Vec<u8>)> = connection
        .prepare("SELECT number, hash FROM schema_migration ORDER BY number")
        .and_then(|mut s| s.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(&fail)?;
    compare(&path.display().to_string(), known, Dialect::Sqlite, &applied)
}
