//! Migrations: numbered, named, hashed, each in one transaction; an unknown schema is refused.
//! Each engine applies its own text; numbers and names are the same.

use aws_lc_rs::digest::{SHA256, digest};

use super::OpenError;

/// One step. Its text never changes once it has shipped.
pub struct Migration {
    /// The same on both engines.
    pub name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($name:literal => $file:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../../migrations/postgres/", $file)),
        }),*]
    };
}

/// The main database.
pub const MAIN: &[Migration] = migrations![
    "first" => "0001_first.sql",
    "nodes" => "0002_nodes.sql",
    "facts" => "0003_facts.sql",
    "tally" => "0004_tally.sql",
    "appeals" => "0005_appeals.sql",
    "import" => "0006_import.sql",
    "rights" => "0007_rights.sql",
    "dashboard" => "0008_dashboard.sql",
    "collected" => "0009_collected.sql",
    "orders" => "0010_orders.sql",
    "accounts" => "0011_accounts.sql",
    "log" => "0012_log.sql",
    "logged" => "0013_logged.sql",
    "rows" => "0014_rows.sql",
    "packs" => "0015_packs.sql",
    "areas" => "0016_areas.sql",
    "simulations" => "0017_simulations.sql",
    "area_turns" => "0018_area_turns.sql",
    "places" => "0019_places.sql",
    "retention" => "0020_retention.sql",
    "dossier" => "0021_dossier.sql",
];

/// The store of keys.
pub const KEYS: &[Migration] = migrations!["keys" => "keys/0001_keys.sql", "signing" => "keys/0002_signing.sql", "log" => "keys/0003_log.sql"];

/// Which text of a migration.
#[derive(Clone, Copy, Debug)]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

impl Migration {
    /// Its text for an engine.
    pub fn sql(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }

    /// Of its text.
    pub fn hash(&self, dialect: Dialect) -> Vec<u8> {
        digest(&SHA256, self.sql(dialect).as_bytes()).as_ref().to_vec()
    }
}

/// Holds what a database says was applied against what this version ships.
pub fn compare(
    database: &str,
    known: &[Migration],
    dialect: Dialect,
    applied: &[(i64, Vec<u8>)],
) -> Result<(), OpenError> {
    for (number, found) in applied {
        let ours = usize::try_from(number - 1).ok().and_then(|i| known.get(i));
        match ours {
            None => {
                return Err(OpenError::Newer {
                    database: database.to_owned(),
                    found: *number,
                    known: known.len() as i64,
                });
            }
            Some(ours) if ours.hash(dialect) != *found => {
                return Err(OpenError::Changed { database: database.to_owned(), number: *number });
            }
            Some(_) => {}
        }
    }
    Ok(())
}
