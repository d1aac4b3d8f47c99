//! The key that signs tree heads, and the log's name, which is in every head. One for all nodes, in
//! the store of keys, sealed by the master key. It is not rotated: whoever follows the log knows it.

use super::note::{NoteKey, Signs};
use super::store;
use crate::app::Rng;
use crate::db::{Db, DbError};
use crate::seal::Master;

/// What went wrong with the key.
#[derive(Debug, thiserror::Error)]
pub enum LogKeyError {
    /// It does not open or is none.
    #[error(
        "keys.damaged: the key of the decision log does not open; restore the store of keys and keys/master.json from one backup"
    )]
    Damaged,
    /// A log without its key.
    #[error(
        "keys.missing: the store of keys holds no key of the decision log although there is a log; restore it from the backup of the keys"
    )]
    Missing,
    /// The store refused.
    #[error("keys.store: {0}")]
    Store(#[from] DbError),
}

/// See the module.
#[derive(Debug)]
pub struct LogKey(NoteKey);

impl LogKey {
    /// Reads the key; where nothing was ever signed, makes it, under the name of the origin's host.
    pub async fn open(
        db: &Db,
        keys: &Db,
        master: &Master,
        rng: &Rng,
        origin: &str,
    ) -> Result<LogKey, LogKeyError> {
        if let Some(key) = read(keys, master).await? {
            return Ok(key);
        }
        if store::head(db).await?.size > 0 {
            return Err(LogKeyError::Missing);
        }
        let mut seed = [0; 32];
        rng.fill(&mut seed);
        let name = format!("{}/log", origin.split_once("://").map_or(origin, |(_, host)| host));
        let sealed = master.seal("log_key", "seed", &1_i64.to_be_bytes(), &seed);
        match store::add_key(keys, &name, sealed).await {
            // Another node was first: its key is ours.
            Ok(()) | Err(DbError::Conflict) => read(keys, master).await?.ok_or(LogKeyError::Missing),
            Err(e) => Err(e.into()),
        }
    }
}

async fn read(keys: &Db, master: &Master) -> Result<Option<LogKey>, LogKeyError> {
    let Some((name, sealed)) = store::key(keys).await? else { return Ok(None) };
    let seed = master.open("log_key", "seed", &1_i64.to_be_bytes(), &sealed);
    let seed = seed.map_err(|_| LogKeyError::Damaged)?;
    let key = NoteKey::from_seed(&name, Signs::Notes, &seed).map_err(|_| LogKeyError::Damaged)?;
    Ok(Some(LogKey(key)))
}

impl std::ops::Deref for LogKey {
    type Target = NoteKey;

    fn deref(&self) -> &NoteKey {
        &self.0
    }
}
