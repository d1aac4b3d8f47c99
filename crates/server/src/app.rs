//! Everything that a request needs, built once, real or for a test. The only place that asks
//! the system's clock and chance.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use anyhow::Context as _;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use kangma_core::hcert::{TRUST_BYTES_MAX, TrustList};
use kangma_core::id::{AccountId, FactId};
use kangma_core::time::Instant;

use crate::admit::Gate;
use crate::config::Config;
use crate::dashboard::Views;
use crate::dashboard::map::{self, Maps};
use crate::db::Db;
use crate::http::IdempotencyKey;
use crate::identity::{DemoCheck, GatewayCheck, IdentityCheck, ReviewerCheck};
use crate::jobs::Leases;
use crate::limit::Limits;
use crate::log::{self, LogKey};
use crate::login::{DemoSender, GatewaySender, NoSender, Outbox, Sender};
use crate::packs::{self, Packs};
use crate::pass::SigningKeys;
use crate::person::Memory;
use crate::seal::{self, KeyError, Keys, PersonKeys};
use crate::service::operator::Operators;
use crate::simulate::runs::Runs;
use crate::tally::FoldedAt;
use crate::watch::Requests;

/// The service's state, shared by all requests and jobs.
pub type Shared = Arc<App>;

/// See [`Shared`].
pub struct App {
    /// Settings.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// Keys that seal, hash and sign tokens.
    pub keys: Keys,
    /// The database of keys, apart from the data.
    pub key_store: Db,
    /// Each person's own key, stored there.
    pub person_keys: PersonKeys,
    /// What is remembered of people.
    pub memory: Memory,
    /// Keys that sign passes.
    pub signing: SigningKeys,
    /// The key that signs heads of the decision log.
    pub log_key: LogKey,
    /// The clock.
    pub clock: Clock,
    /// Chance.
    pub rng: Rng,
    /// The rule packs.
    pub packs: Packs,
    /// Keys of issuers whose health certificates are taken.
    pub trust: TrustList,
    /// Maps of divisions, if the installation brought any.
    pub maps: Maps,
    /// Sends one-time codes.
    pub sender: Box<dyn Sender>,
    /// Confirms identities.
    pub identity: Box<dyn IdentityCheck>,
    /// Throttles by address and by person.
    pub limits: Limits,
    /// What this node does for all.
    pub leases: Leases,
    /// How far the counts of people are.
    pub folded: FoldedAt,
    /// What is remembered for those who look at them.
    pub views: Views,
    /// What-if runs of this node.
    pub simulations: Runs,
    /// Who runs the service, for when the database cannot say.
    pub operators: Operators,
    /// Who comes in when there is not room for all.
    pub gate: Gate,
    /// Ids and counts of requests.
    pub requests: Requests,
    /// The last identifier's time and count.
    pub last_id: AtomicU64,
    /// Messages instead of a telephone network, in demo mode only.
    pub outbox: Option<Arc<Outbox>>,
}

/// Reads the keys of issuers, or none.
pub fn load_trust(file: Option<&Path>) -> anyhow::Result<TrustList> {
    let Some(file) = file else { return Ok(TrustList::default()) };
    let size = std::fs::metadata(file).with_context(|| format!("trust.file: {}", file.display()))?.len();
    anyhow::ensure!(size <= TRUST_BYTES_MAX as u64, "trust.limit: {} is over 8 MiB", file.display());
    let text = std::fs::read_to_string(file).with_context(|| format!("trust.file: {}", file.display()))?;
    TrustList::read(&text).with_context(|| format!("the trust list {} was refused", file.display()))
}

impl App {
    /// Opens the data folder and builds everything on it.
    pub async fn open(config: Config, rng: Rng) -> anyhow::Result<Shared> {
        anyhow::ensure!(
            (1..=6).contains(&config.issuer.len()),
            "config.issuer: an issuer has 1 to 6 bytes; set KANGMA_ISSUER"
        );
        let wall = Clock::system(0).wall();
        let packs = Packs::new(packs::load(config.pack.as_deref())?);
        let trust = load_trust(config.trust_list.as_deref())?;
        let maps = map::load(config.map.as_deref(), &config.data.data_dir)?;
        let db = Db::open(&config.data.database(), wall).await?;
        // The database is marked last: a first start that is cut short leaves one that is still
        // nobody's, never data without keys.
        let fresh = !seal::is_marked(&db).await?;
        let key_dir = config.data.key_dir();
        let keys = Keys::load_or_create(&key_dir, fresh)?;
        let key_store = Db::open_keys(&config.data.key_store(), wall).await?;
        let signing = SigningKeys::open(key_store.clone(), keys.master.clone(), fresh, wall).await?;
        let person_keys = PersonKeys::new(key_store.clone(), keys.master.clone());
        if !keys.belong_to(&db).await? {
            return Err(KeyError::Other(key_dir.join("master.json")).into());
        }
        crate::staff::put_roles(&db, &rng, wall).await?;
        let log_key = LogKey::open(&db, &key_store, &keys.master, &rng, &config.origin).await?;
        let mut node = [0; 16];
        rng.fill(&mut node);
        let leases = Leases::new(node, !db.is_shared());
        let memory = Memory::new(config.cache_people, db.changes().clone());
        let lead_s = if config.demo { crate::demo::lead_s(&db).await? } else { 0 };
        let clock = Clock::system(lead_s);
        signing.rotate(clock.now()).await?;
        let outbox = config.demo.then(|| Arc::new(Outbox::default()));
        let sender: Box<dyn Sender> = match (&outbox, &config.sms_url) {
            (Some(outbox), _) => Box::new(DemoSender(Arc::clone(outbox))),
            (None, Some(url)) => Box::new(GatewaySender::new(url.clone(), config.sms_token.clone())?),
            (None, None) => Box::new(NoSender),
        };
        let identity: Box<dyn IdentityCheck> = match (&config.identity_url, config.demo) {
            (Some(url), _) => Box::new(GatewayCheck::new(url.clone(), config.identity_token.clone())?),
            (None, true) => Box::new(DemoCheck),
            (None, false) => Box::new(ReviewerCheck),
        };
        let limits = Limits::new(&config);
        let gate = Gate::new(config.in_flight);
        let requests = Requests::new(&rng, config.metrics.is_some());
        let app = Arc::new(App {
            config,
            db,
            keys,
            key_store,
            person_keys,
            memory,
            signing,
            log_key,
            clock,
            rng,
            packs,
            trust,
            maps,
            sender,
            identity,
            limits,
            leases,
            folded: FoldedAt::default(),
            views: Views::default(),
            simulations: Runs::default(),
            operators: Operators::default(),
            gate,
            requests,
            last_id: AtomicU64::new(0),
            outbox,
        });
        log::job::settle_in(&app).await?;
        let count = app.db.changes().count(crate::publication::PACKS);
        crate::publication::sync(&app).await?;
        app.packs.set_seen(count);
        let count = app.db.changes().count(crate::area::AREAS);
        crate::area::sync(&app).await?;
        app.packs.set_lists_seen(count);
        Ok(app)
    }

    /// A new identifier (UUID v7): ordered by time and, within this process, by the order of making,
    /// so that of two facts of one second the later one is later.
    pub fn new_id(&self) -> [u8; 16] {
        let ms = u64::try_from(self.clock.wall_ms()).unwrap_or(0);
        let floor = ms << 12;
        let step = |last: u64| Some(floor.max(last + 1));
        let last =
            self.last_id.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_else(|last| last);
        let next = floor.max(last + 1);
        let mut chance = self.rng.in_clear();
        chance[0] = (next >> 8) as u8 & 0x0f;
        chance[1] = next as u8;
        *uuid::Builder::from_unix_timestamp_millis(next >> 12, &chance).as_uuid().as_bytes()
    }

    /// A new fact's identifier.
    pub fn new_fact_id(&self) -> FactId {
        FactId(self.new_id())
    }

    /// A new fact's identifier for a request that may be sent twice: its second half stands for the
    /// account and the key that it chose ([`FactId::is_repeat_of`]).
    pub fn fact_id_for(&self, account: AccountId, key: &IdempotencyKey) -> FactId {
        let mut id = self.new_id();
        if let Some(key) = &key.0 {
            let hash = self.keys.hash("request", &[&account.0, key.as_bytes()]);
            id[8..].copy_from_slice(&hash.as_bytes()[..8]);
            // The variant bits of a UUID.
            id[8] = id[8] & 0x3f | 0x80;
        }
        FactId(id)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

/// A node whose clock differs from the database's by more than this is not ready: leases and the
/// times of facts rest on clocks that agree.
pub const SKEW_MAX_MS: i64 = 5_000;

/// Two clocks: `now` is the time of facts, decisions and passes, which a demo can advance;
/// `wall` is the machine's, for credentials and throttles.
#[derive(Debug)]
pub struct Clock {
    lead_s: AtomicI64,
    stopped: Option<AtomicI64>,
    /// How far the database's clock was ahead when last looked at, in milliseconds.
    skew_ms: AtomicI64,
}

impl Clock {
    /// The machine's clock, `lead_s` ahead for facts.
    pub fn system(lead_s: i64) -> Clock {
        Clock { lead_s: AtomicI64::new(lead_s), stopped: None, skew_ms: AtomicI64::new(0) }
    }

    /// A clock that stands still until it is moved.
    #[cfg(test)]
    pub fn stopped(at: Instant) -> Clock {
        Clock { lead_s: AtomicI64::new(0), stopped: Some(AtomicI64::new(at.0)), skew_ms: AtomicI64::new(0) }
    }

    /// The machine's time.
    pub fn wall(&self) -> Instant {
        Instant(self.wall_ms() / 1000)
    }

    /// The machine's time in milliseconds, for identifiers.
    pub fn wall_ms(&self) -> i64 {
        match &self.stopped {
            Some(at) => at.load(Ordering::Relaxed) * 1000,
            None => {
                #[expect(clippy::disallowed_methods, reason = "the one place that asks the system's clock")]
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }

    /// The time of facts, decisions and passes.
    pub fn now(&self) -> Instant {
        self.wall().plus_s(self.lead_s.load(Ordering::Relaxed))
    }

    /// Notes how far the database's clock is ahead; returns what was noted before.
    pub fn note_skew(&self, ms: i64) -> i64 {
        self.skew_ms.swap(ms, Ordering::Relaxed)
    }

    /// How far the database's clock was ahead when last looked at, in milliseconds.
    pub fn skew_ms(&self) -> i64 {
        self.skew_ms.load(Ordering::Relaxed)
    }

    /// Whether it agrees with the database's.
    pub fn agrees(&self) -> bool {
        self.skew_ms().abs() <= SKEW_MAX_MS
    }

    /// Moves `now` ahead, and returns how far it is ahead in all.
    pub fn advance(&self, s: i64) -> i64 {
        self.lead_s.fetch_add(s, Ordering::Relaxed) + s
    }

    /// Moves a stopped clock, wall time included.
    #[cfg(test)]
    pub fn pass_time(&self, s: i64) {
        if let Some(at) = &self.stopped {
            at.fetch_add(s, Ordering::Relaxed);
        }
    }
}

/// Chance, from the operating system, or repeatable in a test.
pub enum Rng {
    /// The system's.
    System(SystemRandom),
    /// Counted out from a seed.
    #[cfg(test)]
    Seeded(Box<std::sync::Mutex<rand::rngs::StdRng>>),
}

impl Rng {
    /// The system's.
    pub fn system() -> Rng {
        Rng::System(SystemRandom::new())
    }

    /// Repeatable.
    #[cfg(test)]
    pub fn seeded(seed: u64) -> Rng {
        Rng::Seeded(Box::new(std::sync::Mutex::new(rand::SeedableRng::seed_from_u64(seed))))
    }

    /// Fills a buffer.
    pub fn fill(&self, out: &mut [u8]) {
        match self {
            Rng::System(rng) => rng.fill(out).expect("the operating system always gives random bytes"),
            #[cfg(test)]
            Rng::Seeded(rng) => {
                let mut rng = rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                rand::RngCore::fill_bytes(&mut *rng, out);
            }
        }
    }

    /// Chance for what is stored in clear, of which some may be known ahead.
    fn in_clear(&self) -> [u8; 10] {
        match self {
            Rng::System(_) => *seal::chance_in_clear().first_chunk().expect("there are more"),
            #[cfg(test)]
            Rng::Seeded(_) => {
                let mut out = [0; 10];
                self.fill(&mut out);
                out
            }
        }
    }

    /// A number below `below`, evenly spread.
    pub fn below(&self, below: u32) -> u32 {
        // 64 random bits over 32: the bias is under one in four billion.
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        ((u128::from(u64::from_be_bytes(bytes)) * u128::from(below)) >> 64) as u32
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rng")
    }
}
