//! The keys that sign passes: made on first start, published, rotated, the same on every node.
//!
//! A key is **pending** (published so that verifiers know it before it is used), then **active**
//! (signs), then **retired** (verifies what it signed until that has run out), then deleted. They
//! lie in the store of keys, sealed by the master key. Never delete an active one by hand: every
//! pass it signed would turn grey at once.

use std::sync::{Arc, PoisonError, RwLock};

use kangma_core::pass::{KeySet, SPECIMEN_JWK, Signer, SoftSigner};
use kangma_core::time::{DAY_S, Instant};
use serde_json::{Value, json};

use super::store;
use crate::db::{Db, DbError, Unit};
use crate::seal::Master;

/// A key signs for this long.
const ACTIVE_S: i64 = 30 * DAY_S;
/// And is published this long before: checkpoints that are online once a day know it by then.
const PENDING_S: i64 = 2 * DAY_S;
/// A retired key verifies for this long; no pass lives longer.
const RETIRED_S: i64 = DAY_S;
/// Nodes that rotate at once collide; the second time round the work is done.
const TRIES: usize = 3;

/// What went wrong with the keys.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// One does not open or is no key.
    #[error(
        "keys.damaged: signing key {0} does not open; restore the store of keys and keys/master.json from one backup"
    )]
    Damaged(i64),
    /// A database without its keys.
    #[error(
        "keys.missing: the store of keys holds no signing key although a database exists; restore it from the backup of the keys"
    )]
    Missing,
    /// The store refused.
    #[error("keys.store: {0}")]
    Store(#[from] DbError),
}

struct Key {
    number: i64,
    signer: SoftSigner,
    active_from: Instant,
    retired_at: Option<Instant>,
}

impl Key {
    fn status(&self, now: Instant) -> &'static str {
        match self.retired_at {
            Some(_) => "retired",
            None if now < self.active_from => "pending",
            None => "active",
        }
    }
}

/// All living keys.
pub struct SigningKeys {
    db: Db,
    master: Master,
    keys: RwLock<Keys>,
}

struct Keys {
    all: Vec<Key>,
    public: Arc<KeySet>,
}

impl SigningKeys {
    /// Reads the keys; beside a fresh database makes the first one.
    pub async fn open(
        db: Db,
        master: Master,
        fresh: bool,
        now: Instant,
    ) -> Result<SigningKeys, SigningKeysError> {
        let mut all = read(&db, &master).await?;
        if all.is_empty() {
            if !fresh {
                return Err(SigningKeysError::Missing);
            }
            let unit = add(Unit::new("pass.first_key"), &master, 1, now)?;
            match db.commit(unit).await {
                // Another node was first: its key is ours.
                Ok(()) | Err(DbError::Conflict) => all = read(&db, &master).await?,
                Err(e) => return Err(e.into()),
            }
        }
        let public = Arc::new(public(&all, now));
        Ok(SigningKeys { db, master, keys: RwLock::new(Keys { all, public }) })
    }

    fn keys(&self) -> std::sync::RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The public keys, for verifying.
    pub fn public(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys().public)
    }

    /// Each living key: its status, since when it signs, and when it stopped.
    pub fn ages(&self, now: Instant) -> Vec<(&'static str, Instant, Option<Instant>)> {
        self.keys().all.iter().map(|key| (key.status(now), key.active_from, key.retired_at)).collect()
    }

    /// Signs with the newest active key.
    pub fn with_active<T>(&self, now: Instant, sign: impl FnOnce(&dyn Signer) -> T) -> T {
        let keys = self.keys();
        let living = keys.all.iter().filter(|k| k.retired_at.is_none());
        let active = living.clone().filter(|k| k.active_from <= now).max_by_key(|k| k.active_from);
        // INVARIANT: there is always a key that is not retired; a clock set back finds it pending.
        let key = active.or_else(|| living.min_by_key(|k| k.active_from)).unwrap_or(&keys.all[0]);
        sign(&key.signer)
    }

    /// The JWK set that verifiers read.
    pub fn jwks(&self, now: Instant) -> Value {
        let members: Vec<Value> = self.keys().all.iter().map(|k| jwk(k, now)).collect();
        json!({ "keys": members, "issued_at": now, "specimen": SPECIMEN_JWK_VALUE.clone() })
    }

    /// Reads what other nodes did, and moves keys along their life; called now and then. Returns
    /// whether it moved any itself.
    pub async fn rotate(&self, now: Instant) -> Result<bool, SigningKeysError> {
        for _ in 0..TRIES {
            let all = read(&self.db, &self.master).await?;
            if all.is_empty() {
                return Err(SigningKeysError::Missing);
            }
            let unit = self.due(&all, now)?;
            let moves = !unit.is_empty();
            if moves {
                match self.db.commit(unit).await {
                    Err(DbError::Conflict) => continue,
                    done => done?,
                }
            }
            let all = if moves { read(&self.db, &self.master).await? } else { all };
            let public = Arc::new(public(&all, now));
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Keys { all, public };
            return Ok(moves);
        }
        Err(DbError::Conflict.into())
    }

    /// The moves that are due, as one unit.
    fn due(&self, all: &[Key], now: Instant) -> Result<Unit, SigningKeysError> {
        let mut unit = Unit::new("pass.rotate");
        let newest = all.iter().filter(|k| k.retired_at.is_none()).map(|k| k.active_from).max();
        let mut next = None;
        if newest.is_none_or(|at| now >= at.plus_s(ACTIVE_S - PENDING_S)) {
            let active_from = newest.map_or(now, |at| at.plus_s(ACTIVE_S).max(now.plus_s(PENDING_S)));
            let number = all.iter().map(|k| k.number).max().unwrap_or(0) + 1;
            unit = add(unit, &self.master, number, active_from)?;
            next = Some(active_from);
        }
        let living = all.iter().filter(|k| k.retired_at.is_none()).map(|k| k.active_from);
        let signing = living.chain(next).filter(|at| *at <= now).max();
        for key in all {
            if key.retired_at.is_none() && signing.is_some_and(|at| key.active_from < at) {
                unit = store::retire(unit, key.number, now);
            }
            if key.retired_at.is_some_and(|at| now >= at.plus_s(RETIRED_S)) {
                unit = store::delete(unit, key.number);
            }
        }
        Ok(unit)
    }
}

static SPECIMEN_JWK_VALUE: std::sync::LazyLock<Value> =
    std::sync::LazyLock::new(|| serde_json::from_str(SPECIMEN_JWK).unwrap_or(Value::Null));

fn jwk(key: &Key, now: Instant) -> Value {
    let mut jwk = key.signer.public_jwk();
    jwk["kangma:status"] = key.status(now).into();
    if let Some(at) = key.retired_at {
        jwk["kangma:not_after"] = at.plus_s(RETIRED_S).to_string().into();
    }
    jwk
}

fn public(all: &[Key], now: Instant) -> KeySet {
    let members: Vec<Value> = all.iter().map(|k| jwk(k, now)).collect();
    KeySet::from_jwks(&json!({ "keys": members }).to_string()).expect("our own keys make a key set")
}

async fn read(db: &Db, master: &Master) -> Result<Vec<Key>, SigningKeysError> {
    let open = |row: store::KeyRow| {
        let damaged = || SigningKeysError::Damaged(row.number);
        let pkcs8 = master
            .open("signing_key", "pkcs8", &row.number.to_be_bytes(), &row.pkcs8)
            .map_err(|_| damaged())?;
        let signer = SoftSigner::from_pkcs8(&pkcs8).map_err(|_| damaged())?;
        Ok(Key { number: row.number, signer, active_from: row.active_from, retired_at: row.retired_at })
    };
    store::all(db).await?.into_iter().map(open).collect()
}

fn add(unit: Unit, master: &Master, number: i64, active_from: Instant) -> Result<Unit, SigningKeysError> {
    let pkcs8 = SoftSigner::generate_pkcs8().map_err(|_| SigningKeysError::Damaged(number))?;
    let sealed = master.seal("signing_key", "pkcs8", &number.to_be_bytes(), &pkcs8);
    Ok(store::add(unit, number, sealed, active_from))
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKeys(***)")
    }
}
