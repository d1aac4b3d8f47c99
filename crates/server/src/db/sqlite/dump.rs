//! Copies of an SQLite file.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::super::dump::Dump;
use super::super::migrate::Migration;
use super::super::{DbError, OpenError};
use super::{io, migrate};

/// Copies the file as it is at one instant. `VACUUM INTO` reads under one snapshot, beside a
/// service that goes on writing; SQLite's backup interface would begin anew at each commit.
pub fn dump(path: &Path, known: &[Migration], to: &Path) -> Result<Dump, OpenError> {
    let fail = |e: rusqlite::Error| io(path, DbError::from(e));
    migrate::check_schema(path, known)?;
    let source = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fail)?;
    source.execute("VACUUM INTO ?1", [to.to_string_lossy()]).map_err(fail)?;
    let private = || std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600));
    private().and_then(|()| std::fs::File::open(to)?.sync_all()).map_err(|e| io(to, e))?;
    look(to)
}

/// Puts a copy where no file is yet.
pub fn restore(path: &Path, known: &[Migration], from: &Path) -> Result<Dump, OpenError> {
    if path.exists() {
        return Err(OpenError::NotEmpty(path.display().to_string()));
    }
    migrate::check(from, known)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| io(dir, e))?;
    let new = path.with_extension("restoring");
    std::fs::copy(from, &new)
        .and_then(|_| std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)))
        .and_then(|()| std::fs::File::open(&new)?.sync_all())
        .and_then(|()| std::fs::rename(&new, path))
        .and_then(|()| std::fs::File::open(dir)?.sync_all())
        .map_err(|e| io(path, e))?;
    look(path)
}

/// Counts what a file holds.
fn look(path: &Path) -> Result<Dump, OpenError> {
    let fail = |e: rusqlite::Error| io(path, DbError::from(e));
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fail)?;
    let names: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .and_then(|mut s| s.query_map([], |r| r.get(0))?.collect())
        .map_err(fail)?;
    let count = |sql: &str| connection.query_row(sql, [], |r| r.get::<_, i64>(0)).map_err(fail);
    let tables = names
        .into_iter()
        .map(|name| Ok((name.clone(), count(&format!("SELECT COUNT(*) FROM {name}"))?)))
        .collect::<Result<_, OpenError>>()?;
    let schema = count("SELECT MAX(number) FROM schema_migration")?;
    Ok(Dump { engine: "sqlite", schema, tables })
}
