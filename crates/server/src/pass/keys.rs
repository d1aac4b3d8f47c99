//! The keys that sign passes: made on first start, published, rotated.
//!
//! A key is **pending** (published so that verifiers know it before it is used), then **active**
//! (signs), then **retired** (verifies what it signed until that has run out), then deleted.
//! They lie in `keys/pass/`, one file a key, 0600. Never copy one to another installation, never
//! delete an active one by hand: every pass it signed would turn grey at once.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use kangma_core::pass::{KeySet, SPECIMEN_JWK, Signer, SoftSigner};
use kangma_core::time::{DAY_S, Instant};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A key signs for this long.
const ACTIVE_S: i64 = 30 * DAY_S;
/// And is published this long before: checkpoints that are online once a day know it by then.
const PENDING_S: i64 = 2 * DAY_S;
/// A retired key verifies for this long; no pass lives longer.
const RETIRED_S: i64 = DAY_S;

/// What went wrong with the keys.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// Others can read it.
    #[error("keys.permissions: {0} can be read by others; run: chmod 600 {0}")]
    Permissions(PathBuf),
    /// It is no key file.
    #[error("keys.damaged: {0} is not a signing key; restore it from the backup of the keys")]
    Damaged(PathBuf),
    /// A database without its keys.
    #[error(
        "keys.missing: {0} holds no signing key although a database exists; restore the folder from the backup of the keys"
    )]
    Missing(PathBuf),
    /// The disk refused.
    #[error("keys.io: {0}: {1}")]
    Io(PathBuf, std::io::Error),
}

#[derive(Serialize, Deserialize)]
struct File {
    pkcs8: String,
    active_from: Instant,
    retired_at: Option<Instant>,
}

struct Key {
    path: PathBuf,
    signer: SoftSigner,
    pkcs8: String,
    active_from: Instant,
    retired_at: Option<Instant>,
}

impl Key {
    fn kid_hex(&self) -> String {
        self.signer.key_id().iter().map(|b| format!("{b:02x}")).collect()
    }

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
    dir: PathBuf,
    keys: RwLock<Keys>,
}

struct Keys {
    all: Vec<Key>,
    public: Arc<KeySet>,
}

impl SigningKeys {
    /// Reads the keys of a folder; on a fresh database makes the first one.
    pub fn load_or_create(dir: &Path, fresh: bool, now: Instant) -> Result<SigningKeys, SigningKeysError> {
        let io = |e| SigningKeysError::Io(dir.to_owned(), e);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        let mut all = Vec::new();
        for entry in fs::read_dir(dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|e| e == "json") {
                all.push(read(path)?);
            }
        }
        if all.is_empty() {
            if !fresh {
                return Err(SigningKeysError::Missing(dir.to_owned()));
            }
            all.push(create(dir, now)?);
        }
        let public = Arc::new(public(&all, now));
        Ok(SigningKeys { dir: dir.to_owned(), keys: RwLock::new(Keys { all, public }) })
    }

    /// The public keys, for verifying.
    pub fn public(&self, _now: Instant) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner).public)
    }

    /// Signs with the newest active key.
    pub fn with_active<T>(&self, now: Instant, sign: impl FnOnce(&dyn Signer) -> T) -> T {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let living = keys.all.iter().filter(|k| k.retired_at.is_none());
        let active = living.clone().filter(|k| k.active_from <= now).max_by_key(|k| k.active_from);
        // INVARIANT: there is always a key that is not retired; a clock set back finds it pending.
        let key = active.or_else(|| living.min_by_key(|k| k.active_from)).unwrap_or(&keys.all[0]);
        sign(&key.signer)
    }

    /// The JWK set that verifiers read.
    pub fn jwks(&self, now: Instant) -> Value {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let members: Vec<Value> = keys.all.iter().map(|k| jwk(k, now)).collect();
        json!({ "keys": members, "issued_at": now, "specimen": SPECIMEN_JWK_VALUE.clone() })
    }

    /// Moves keys along their life; called now and then. Returns whether anything changed.
    pub fn rotate(&self, now: Instant) -> Result<bool, SigningKeysError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        let newest = keys.all.iter().filter(|k| k.retired_at.is_none()).map(|k| k.active_from).max();
        if newest.is_none_or(|at| now >= at.plus_s(ACTIVE_S - PENDING_S)) {
            let active_from = newest.map_or(now, |at| at.plus_s(ACTIVE_S).max(now.plus_s(PENDING_S)));
            let key = create(&self.dir, active_from)?;
            keys.all.push(key);
            changed = true;
        }
        let active = keys.all.iter().filter(|k| k.retired_at.is_none() && k.active_from <= now);
        let signing = active.map(|k| k.active_from).max();
        for key in &mut keys.all {
            if key.retired_at.is_none() && signing.is_some_and(|at| key.active_from < at) {
                key.retired_at = Some(now);
                write(key)?;
                changed = true;
            }
        }
        let over = |k: &Key| k.retired_at.is_some_and(|at| now >= at.plus_s(RETIRED_S));
        for key in keys.all.iter().filter(|k| over(k)) {
            fs::remove_file(&key.path).map_err(|e| SigningKeysError::Io(key.path.clone(), e))?;
            changed = true;
        }
        keys.all.retain(|k| !over(k));
        keys.public = Arc::new(public(&keys.all, now));
        Ok(changed)
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

fn read(path: PathBuf) -> Result<Key, SigningKeysError> {
    let io = |e| SigningKeysError::Io(path.clone(), e);
    let mode = fs::metadata(&path).map_err(io)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(SigningKeysError::Permissions(path));
    }
    let text = fs::read_to_string(&path).map_err(io)?;
    let parsed = serde_json::from_str::<File>(&text).ok().and_then(|file| {
        let signer = SoftSigner::from_pkcs8(&B64.decode(&file.pkcs8).ok()?).ok()?;
        Some((signer, file))
    });
    let Some((signer, file)) = parsed else { return Err(SigningKeysError::Damaged(path)) };
    Ok(Key { path, signer, pkcs8: file.pkcs8, active_from: file.active_from, retired_at: file.retired_at })
}

fn create(dir: &Path, active_from: Instant) -> Result<Key, SigningKeysError> {
    let damaged = || SigningKeysError::Damaged(dir.to_owned());
    let pkcs8 = SoftSigner::generate_pkcs8().map_err(|_| damaged())?;
    let signer = SoftSigner::from_pkcs8(&pkcs8).map_err(|_| damaged())?;
    let mut key =
        Key { path: PathBuf::new(), signer, pkcs8: B64.encode(&pkcs8), active_from, retired_at: None };
    key.path = dir.join(format!("{}.json", key.kid_hex()));
    write(&key)?;
    Ok(key)
}

/// Whole or not at all: a new file, synced, then renamed over the old.
fn write(key: &Key) -> Result<(), SigningKeysError> {
    let io = |e| SigningKeysError::Io(key.path.clone(), e);
    let file = File { pkcs8: key.pkcs8.clone(), active_from: key.active_from, retired_at: key.retired_at };
    let text = serde_json::to_string_pretty(&file).expect("a key file is plain JSON");
    let new = key.path.with_extension("new");
    let mut out =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(io)?;
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(io)?;
    fs::rename(&new, &key.path).map_err(io)?;
    let dir = key.path.parent().map(fs::File::open);
    dir.map_or(Ok(()), |d| d.and_then(|d| d.sync_all())).map_err(io)
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKeys(***)")
    }
}
