//! Keys and sealing.
//!
//! Names, numbers, phones and fact bodies are sealed with AES-256-GCM-SIV under associated data
//! that names table, column and row: a sealed value opens nowhere but where it was written. Each
//! person has a random key of their own, wrapped by the master key and kept in the store of keys,
//! apart from data and backups; deleting it destroys all that was sealed with it.
//!
//! `keys/master.json` holds the master keys (the first seals, all open), the identity key, the
//! token key and the handle key. Do: back it up apart from the database; add a master key in
//! front to rotate. Do not: edit the identity key (every person would become a stranger), copy it
//! to another installation, or delete an old master key before everything is sealed anew.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use kangma_core::id::{AccountId, PersonId};
use kangma_core::pass::HandleKey;
use serde::{Deserialize, Serialize};

use crate::db::{Affects, Db, DbConfig, DbError, OpenError, Page, Point, Rows, Span, Stmt, Unit, Walk};

/// Why a value did not open, or keys could not be reached. Says nothing of the value.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Damaged, moved, or sealed by a key that we do not have.
    #[error("seal.closed: a sealed value does not open: damaged, moved, or under an unknown key")]
    Closed,
    /// The store of personal keys failed.
    #[error("seal.store: {0}")]
    Store(#[from] DbError),
}

/// Why the keys could not be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Others can read them.
    #[error("keys.permissions: {0} can be read by others; run: chmod 600 {0}")]
    Permissions(PathBuf),
    /// A database without its keys.
    #[error(
        "keys.missing: {0} is missing although a database exists; restore it from the backup of the keys"
    )]
    Missing(PathBuf),
    /// Not a key file.
    #[error("keys.damaged: {0} is not a key file; restore it from the backup of the keys")]
    Damaged(PathBuf),
    /// A database of other keys.
    #[error(
        "keys.other: {0} does not belong to this database. Use the same keys/master.json on every node and with every backup"
    )]
    Other(PathBuf),
    /// The disk refused.
    #[error("keys.io: {0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// The store of personal keys could not be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
}

const VERSION: u8 = 1;
const KEY: usize = 32;
/// Before the ciphertext: version, key number, nonce.
const HEAD: usize = 2 + NONCE_LEN;
/// Behind it.
const TAG: usize = 16;
/// Nonces that a thread asks the system for at once.
const NONCES: usize = 64;

thread_local! {
    static NONCE_POOL: RefCell<(usize, [[u8; NONCE_LEN]; NONCES])> = const { RefCell::new((NONCES, [[0; NONCE_LEN]; NONCES])) };
}

/// Random bytes for what is stored in clear: nonces, beside what they seal, and ids. That some may be known
/// ahead is no loss; asking the system for each took more time than the sealing itself.
pub fn chance_in_clear() -> [u8; NONCE_LEN] {
    NONCE_POOL.with_borrow_mut(|(used, pool)| {
        if *used == NONCES {
            SystemRandom::new()
                .fill(pool.as_flattened_mut())
                .expect("the operating system always gives random bytes");
            *used = 0;
        }
        *used += 1;
        pool[*used - 1]
    })
}

/// Seals and opens under one key, numbered within its ring.
#[derive(Clone)]
struct Cipher {
    number: u8,
    key: Arc<LessSafeKey>,
}

impl Cipher {
    fn new(number: u8, key: &[u8; KEY]) -> Cipher {
        let key = UnboundKey::new(&AES_256_GCM_SIV, key).expect("the key has the algorithm's length");
        Cipher { number, key: Arc::new(LessSafeKey::new(key)) }
    }

    /// Version, key number, nonce, ciphertext and tag.
    fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = chance_in_clear();
        let mut out = Vec::with_capacity(HEAD + plain.len() + TAG);
        out.extend_from_slice(&[VERSION, self.number]);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plain);
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut out[HEAD..])
            .expect("values are far below the algorithm's limit");
        out.extend_from_slice(tag.as_ref());
        out
    }

    fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut plain = Vec::new();
        self.open_in(aad, sealed, &mut plain)?;
        Ok(plain)
    }

    /// Opens into a buffer that is used again.
    fn open_in(&self, aad: &[u8], sealed: &[u8], plain: &mut Vec<u8>) -> Result<(), SealError> {
        let (head, rest) = sealed.split_first_chunk::<2>().ok_or(SealError::Closed)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Closed)?;
        if *head != [VERSION, self.number] {
            return Err(SealError::Closed);
        }
        plain.clear();
        plain.extend_from_slice(body);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let n = self.key.open_in_place(nonce, Aad::from(aad), plain).map_err(|_| SealError::Closed)?.len();
        plain.truncate(n);
        Ok(())
    }
}

/// Where a sealed value stands: lengths first, so that no two places read alike.
fn place(table: &str, column: &str, row: &[u8]) -> Vec<u8> {
    let mut aad = Vec::with_capacity(2 + table.len() + column.len() + row.len());
    aad.push(table.len() as u8);
    aad.extend_from_slice(table.as_bytes());
    aad.push(column.len() as u8);
    aad.extend_from_slice(column.as_bytes());
    aad.extend_from_slice(row);
    aad
}

/// A ring of keys: the first seals, all open.
#[derive(Clone)]
pub struct Master(Vec<Cipher>);

impl Master {
    /// Seals a value for its place.
    pub fn seal(&self, table: &str, column: &str, row: &[u8], plain: &[u8]) -> Vec<u8> {
        self.0[0].seal(&place(table, column, row), plain)
    }

    /// Opens it again.
    pub fn open(&self, table: &str, column: &str, row: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let number = *sealed.get(1).ok_or(SealError::Closed)?;
        let cipher = self.0.iter().find(|c| c.number == number).ok_or(SealError::Closed)?;
        cipher.open(&place(table, column, row), sealed)
    }
}

/// One person's own key.
#[derive(Clone)]
pub struct Dek(Cipher);

impl Dek {
    /// Seals a value for its place.
    pub fn seal(&self, table: &str, column: &str, row: &[u8], plain: &[u8]) -> Vec<u8> {
        self.0.seal(&place(table, column, row), plain)
    }

    /// Opens it again.
    pub fn open(&self, table: &str, column: &str, row: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.0.open(&place(table, column, row), sealed)
    }
}

/// Opens one column of many rows, into a buffer that is used again.
pub struct Opener {
    aad: Vec<u8>,
    head: usize,
    plain: Vec<u8>,
}

impl Opener {
    /// Of a column.
    pub fn new(table: &str, column: &str) -> Opener {
        let aad = place(table, column, &[]);
        Opener { head: aad.len(), aad, plain: Vec::new() }
    }

    /// Opens a row's value.
    pub fn open(&mut self, dek: &Dek, row: &[u8], sealed: &[u8]) -> Result<&[u8], SealError> {
        self.open_by(&dek.0, row, sealed)
    }

    fn open_by(&mut self, cipher: &Cipher, row: &[u8], sealed: &[u8]) -> Result<&[u8], SealError> {
        self.aad.truncate(self.head);
        self.aad.extend_from_slice(row);
        cipher.open_in(&self.aad, sealed, &mut self.plain)?;
        Ok(&self.plain)
    }
}

/// A keyed hash, compared in constant time.
#[derive(Clone)]
pub struct Hash([u8; 32]);

impl Hash {
    /// As it is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From a column.
    pub fn from_bytes(bytes: &[u8]) -> Result<Hash, DbError> {
        bytes.try_into().map(Hash).map_err(|_| DbError::shape("hash"))
    }

    /// Whether two are the same.
    pub fn equals(&self, other: &Hash) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// All keys but those that sign passes.
pub struct Keys {
    /// Seals what is not one person's, and wraps persons' keys.
    pub master: Master,
    id: hmac::Key,
    token: hmac::Key,
    handle: HandleKey,
}

#[derive(Serialize, Deserialize)]
struct File {
    master: Vec<MasterFile>,
    id: String,
    token: String,
    handle: String,
}

#[derive(Serialize, Deserialize)]
struct MasterFile {
    number: u8,
    key: String,
}

impl Keys {
    /// Reads the keys; makes them where there is no database yet.
    pub fn load_or_create(dir: &Path, fresh: bool) -> Result<Keys, KeyError> {
        let path = dir.join("master.json");
        if !path.exists() {
            if !fresh {
                return Err(KeyError::Missing(path));
            }
            create(dir, &path).map_err(|e| KeyError::Io(path.clone(), e))?;
        }
        Keys::load(dir)
    }

    /// Reads the keys.
    pub fn load(dir: &Path) -> Result<Keys, KeyError> {
        let path = dir.join("master.json");
        let io = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => KeyError::Missing(path.clone()),
            _ => KeyError::Io(path.clone(), e),
        };
        for p in [dir, &path] {
            if fs::metadata(p).map_err(io)?.permissions().mode() & 0o077 != 0 {
                return Err(KeyError::Permissions(p.to_owned()));
            }
        }
        let damaged = || KeyError::Damaged(path.clone());
        let file: File =
            serde_json::from_str(&fs::read_to_string(&path).map_err(io)?).map_err(|_| damaged())?;
        let key = |text: &str| -> Result<[u8; KEY], KeyError> {
            B64.decode(text).ok().and_then(|k| k.try_into().ok()).ok_or_else(damaged)
        };
        let master: Vec<Cipher> = file
            .master
            .iter()
            .map(|m| Ok(Cipher::new(m.number, &key(&m.key)?)))
            .collect::<Result<_, KeyError>>()?;
        if master.is_empty() {
            return Err(damaged());
        }
        let mac = |k: &[u8; KEY]| hmac::Key::new(hmac::HMAC_SHA256, k);
        Ok(Keys {
            master: Master(master),
            id: mac(&key(&file.id)?),
            token: mac(&key(&file.token)?),
            handle: HandleKey::new(key(&file.handle)?),
        })
    }

    /// The person of a document's key.
    pub fn person_id(&self, document_key: &str) -> PersonId {
        PersonId(self.short_id("person", document_key))
    }

    /// The account of a phone.
    pub fn account_id(&self, phone: &str) -> AccountId {
        AccountId(self.short_id("account", phone))
    }

    fn short_id(&self, domain: &str, text: &str) -> [u8; 16] {
        let hash = self.hash(domain, &[text.as_bytes()]);
        *hash.0.first_chunk().expect("a hash is longer than an id")
    }

    /// A keyed hash of some parts, within a domain.
    pub fn hash(&self, domain: &str, parts: &[&[u8]]) -> Hash {
        let mut mac = hmac::Context::with_key(&self.id);
        mac.update(domain.as_bytes());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Hash(mac.sign().as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// The keyed hash that signs residents' tokens.
    pub fn token_mac(&self, bytes: &[u8]) -> [u8; 32] {
        hmac::sign(&self.token, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// A number that tells these keys from others, and tells nothing else of them.
    pub fn mark(&self) -> i64 {
        let mark = self.hash("keys.check", &[]);
        i64::from_be_bytes(*mark.0.first_chunk().expect("a hash is longer than a number"))
    }

    /// Whether a database is of these keys; a fresh one becomes so.
    pub async fn belong_to(&self, db: &Db) -> Result<bool, DbError> {
        let mark = self.mark();
        if let Some(row) = db.one(&CHECK, &[]).await? {
            return Ok(row.int(0)? == mark);
        }
        db.commit(Unit::new("seal.mark").expect(Affects::Any, &MARK, vec![mark.into()])).await?;
        Ok(db.one(&CHECK, &[]).await?.is_some_and(|row| row.int(0) == Ok(mark)))
    }

    /// Makes and opens the handles in passes.
    pub fn handle_key(&self) -> &HandleKey {
        &self.handle
    }
}

fn create(dir: &Path, path: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let key = || {
        let mut key = [0; KEY];
        SystemRandom::new().fill(&mut key).expect("the operating system always gives random bytes");
        B64.encode(key)
    };
    let file =
        File { master: vec![MasterFile { number: 1, key: key() }], id: key(), token: key(), handle: key() };
    let text = serde_json::to_string_pretty(&file).expect("a key file is plain JSON");
    let new = path.with_extension("new");
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&new, path)?;
    fs::File::open(dir)?.sync_all()
}

static CHECK: Stmt = Stmt { name: "seal.check", sql: "SELECT value FROM setting WHERE name = 'keys.check'" };

static MARK: Stmt = Stmt {
    name: "seal.mark",
    sql: "INSERT INTO setting (name, value) VALUES ('keys.check', $1) ON CONFLICT (name) DO NOTHING",
};

/// The mark of a database that is not open.
pub async fn mark_of(config: &DbConfig) -> anyhow::Result<Option<i64>> {
    let row = Db::peek(config, &CHECK).await?;
    Ok(row.map(|row| row.int(0)).transpose()?)
}

/// Whether a database belongs to some keys: one that does not holds nothing yet.
pub async fn is_marked(db: &Db) -> Result<bool, DbError> {
    Ok(db.one(&CHECK, &[]).await?.is_some())
}

/// Retention class of health facts, the only one so far.
const HEALTH: i64 = 1;
/// Unwrapped keys kept in memory. About 200 bytes each.
const CACHED_MAX: usize = 50_000;
/// Parts of the cache, each with its lock.
const SHARDS: usize = 16;

/// The store of persons' own keys.
pub struct PersonKeys {
    db: Db,
    master: Master,
    cache: [Mutex<HashMap<PersonId, Dek>>; SHARDS],
}

static FIND: Point = Point {
    name: "seal.find_key",
    columns: "person_id, wrapped",
    table: "person_key",
    key: "person_id",
    filter: "AND class = 1",
};

static ADD: Stmt = Stmt {
    name: "seal.add_key",
    sql: "INSERT INTO person_key (person_id, class, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
};

#[cfg(test)]
static DESTROY: Stmt = Stmt { name: "seal.destroy_keys", sql: "DELETE FROM person_key WHERE person_id = $1" };

static WALK: Walk = Walk {
    name: "seal.walk_keys",
    columns: "person_id, wrapped",
    table: "person_key",
    key: "person_id",
    filter: "AND class = 1",
};

/// Keys of a span of people, for a walk over everybody: nothing of them is kept in memory.
pub struct KeyPage {
    page: Page,
    opener: Opener,
    row: usize,
}

impl Default for KeyPage {
    fn default() -> KeyPage {
        KeyPage { page: Page::default(), opener: Opener::new("person_key", "wrapped"), row: 0 }
    }
}

impl KeyPage {
    /// The key of somebody, who comes behind whoever was asked for before; `None` where there is none, or it
    /// was destroyed.
    pub fn of(&mut self, master: &Master, person: PersonId) -> Result<Option<Dek>, SealError> {
        while self.row < self.page.len() && self.page.key(self.row)? < person.0 {
            self.row += 1;
        }
        if self.row == self.page.len() || self.page.key(self.row)? != person.0 {
            return Ok(None);
        }
        let wrapped = self.page.at_bytes(self.row, 1)?;
        let number = *wrapped.get(1).ok_or(SealError::Closed)?;
        let cipher = master.0.iter().find(|c| c.number == number).ok_or(SealError::Closed)?;
        let plain = self.opener.open_by(cipher, &person.0, wrapped)?;
        let key: &[u8; KEY] = plain.try_into().map_err(|_| SealError::Closed)?;
        Ok(Some(Dek(Cipher::new(0, key))))
    }

    /// Whether keys up to a person's may be missing, because there are more than were asked for.
    pub fn is_cut(&self, asked: usize, last: [u8; 16]) -> Result<bool, DbError> {
        let n = self.page.len();
        Ok(n == asked && self.page.key(n - 1)? < last)
    }
}

impl PersonKeys {
    /// Reads the keys of a span of people, of whom there are at most so many.
    pub async fn walk(&self, span: Span, people_max: usize, keys: &mut KeyPage) -> Result<(), DbError> {
        keys.row = 0;
        self.db.walk(&WALK, span, people_max, &mut keys.page).await
    }

    /// Whether they can be found without a walk; see [`PersonKeys::find`].
    pub fn are_found(&self) -> bool {
        self.db.in_order().is_some()
    }

    /// Reads the keys of some people, in order of their ids.
    pub fn find(&self, people: &[[u8; 16]], keys: &mut KeyPage) -> Result<(), DbError> {
        keys.row = 0;
        self.db.in_order().map_or(Ok(()), |db| db.find(&FIND, people, &mut keys.page))
    }

    /// What wraps the keys.
    pub fn master(&self) -> &Master {
        &self.master
    }

    /// On the store of keys.
    pub fn new(db: Db, master: Master) -> PersonKeys {
        PersonKeys { db, master, cache: std::array::from_fn(|_| Mutex::new(HashMap::new())) }
    }

    fn shard(&self, person: PersonId) -> std::sync::MutexGuard<'_, HashMap<PersonId, Dek>> {
        self.cache[usize::from(person.0[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A person's key; `None` if there is none, or it was destroyed.
    pub async fn get(&self, person: PersonId) -> Result<Option<Dek>, SealError> {
        if let Some(dek) = self.shard(person).get(&person) {
            return Ok(Some(dek.clone()));
        }
        let Some(row) = self.db.point(&FIND, person.0).await? else { return Ok(None) };
        let plain = self.master.open("person_key", "wrapped", &person.0, row.bytes(1)?)?;
        let key: [u8; KEY] = plain.try_into().map_err(|_| SealError::Closed)?;
        let dek = Dek(Cipher::new(0, &key));
        let mut shard = self.shard(person);
        // Which one goes matters little: a miss costs a point read.
        if shard.len() >= CACHED_MAX / SHARDS
            && let Some(other) = shard.keys().next().copied()
        {
            shard.remove(&other);
        }
        shard.insert(person, dek.clone());
        Ok(Some(dek))
    }

    /// A person's key, made if there is none; durable before it is returned.
    pub async fn ensure(&self, person: PersonId) -> Result<Dek, SealError> {
        if let Some(dek) = self.get(person).await? {
            return Ok(dek);
        }
        let (_, wrapped) = self.make(person);
        let params = vec![person.into(), HEALTH.into(), wrapped.into()];
        self.db.commit(Unit::new("seal.ensure").expect(Affects::Any, &ADD, params)).await?;
        // Read back: of two requests that raced, one key stands for both.
        self.get(person).await?.ok_or(SealError::Closed)
    }

    /// Keys of people who have none, and the rows to keep them with, which nothing holds yet: for
    /// filling a database.
    pub fn fresh(&self, people: &[PersonId]) -> (Vec<Dek>, Rows) {
        let made = people.iter().map(|person| {
            let (key, wrapped) = self.make(*person);
            (Dek(Cipher::new(0, &key)), vec![(*person).into(), HEALTH.into(), wrapped.into()])
        });
        let (deks, rows) = made.unzip();
        (deks, Rows { table: "person_key", columns: "person_id, class, wrapped", rows })
    }

    fn make(&self, person: PersonId) -> ([u8; KEY], Vec<u8>) {
        let mut key = [0; KEY];
        SystemRandom::new().fill(&mut key).expect("the operating system always gives random bytes");
        let wrapped = self.master.seal("person_key", "wrapped", &person.0, &key);
        (key, wrapped)
    }

    /// Destroys a person's keys: all that they sealed is gone, in every copy.
    #[cfg(test)]
    pub async fn destroy(&self, person: PersonId) -> Result<(), SealError> {
        self.db.commit(Unit::new("seal.destroy").expect(Affects::Any, &DESTROY, vec![person.into()])).await?;
        self.shard(person).remove(&person);
        Ok(())
    }
}

macro_rules! secret_debug {
    ($($ty:ty),*) => {
        $(impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($ty), "(***)"))
            }
        })*
    };
}

secret_debug!(Master, Dek, Opener, KeyPage, Hash, Keys, PersonKeys);

#[cfg(test)]
mod tests {
    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Dir {
            let dir = std::env::temp_dir().join(format!("kangma-seal-{name}-{}", std::process::id()));
            fs::remove_dir_all(&dir).ok();
            Dir(dir)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    #[test]
    fn a_sealed_value_opens_only_where_it_was_written() {
        let master = Master(vec![Cipher::new(1, &[1; KEY])]);
        let sealed = master.seal("person", "state", b"row", b"value");
        assert_eq!(master.open("person", "state", b"row", &sealed).unwrap(), b"value");
        assert!(master.open("person", "state", b"other", &sealed).is_err());
        assert!(master.open("person", "dossier", b"row", &sealed).is_err());
        assert!(master.open("personstate", "", b"row", &sealed).is_err());
        for i in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[i] ^= 1;
            assert!(master.open("person", "state", b"row", &damaged).is_err(), "byte {i}");
            assert!(master.open("person", "state", b"row", &sealed[..i]).is_err(), "cut at {i}");
        }
    }

    #[test]
    fn the_first_key_seals_and_older_ones_still_open() {
        let old = Master(vec![Cipher::new(1, &[1; KEY])]);
        let new = Master(vec![Cipher::new(2, &[2; KEY]), Cipher::new(1, &[1; KEY])]);
        let sealed = old.seal("t", "c", b"r", b"v");
        assert_eq!(new.open("t", "c", b"r", &sealed).unwrap(), b"v");
        assert!(old.open("t", "c", b"r", &new.seal("t", "c", b"r", b"v")).is_err());
    }

    #[tokio::test]
    async fn a_destroyed_key_is_gone_for_good_and_a_raced_one_is_the_same_for_both() {
        let dir = Dir::new("person");
        let keys = Keys::load_or_create(&dir.0, true).unwrap();
        let store = DbConfig::in_dir(&dir.0);
        let store = Db::open_keys(&store, kangma_core::time::Instant(0)).await.unwrap();
        let people = PersonKeys::new(store, keys.master.clone());
        let id = keys.person_id("10:x");
        assert!(people.get(id).await.unwrap().is_none());
        let (a, b) = tokio::join!(people.ensure(id), people.ensure(id));
        let sealed = a.unwrap().seal("t", "c", b"r", b"v");
        assert_eq!(b.unwrap().open("t", "c", b"r", &sealed).unwrap(), b"v");
        people.destroy(id).await.unwrap();
        assert!(people.get(id).await.unwrap().is_none());
        assert!(
            people.ensure(id).await.unwrap().open("t", "c", b"r", &sealed).is_err(),
            "a new key opens nothing old"
        );
    }

    #[test]
    fn ids_differ_by_domain_and_parts_do_not_run_together() {
        let dir = Dir::new("ids");
        let keys = Keys::load_or_create(&dir.0, true).unwrap();
        assert_ne!(keys.person_id("1").0, keys.account_id("1").0);
        assert!(!keys.hash("d", &[b"ab", b"c"]).equals(&keys.hash("d", &[b"a", b"bc"])));
        assert!(keys.hash("d", &[b"ab"]).equals(&Keys::load(&dir.0).unwrap().hash("d", &[b"ab"])));
    }
}
