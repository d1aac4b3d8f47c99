//! The rule packs of this node: which one is in force where, for whoever asks. What the installation
//! starts with is built in or a folder; what was published since comes on top.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::Context as _;
use kangma_core::decision::Decision;
use kangma_core::division::lies_in;
use kangma_core::fact::{Fact, Facts};
use kangma_core::rules::expr::Areas;
use kangma_core::rules::listing;
use kangma_core::rules::pack::{Library, Pack, PackFiles};
use kangma_core::rules::set::{PackSet, decide_in, digest_bytes, place_of};
use kangma_core::time::Instant;

use crate::built_in;

/// A publication whose decisions are held against other rules, for its numbers only: its shadow, or a
/// stage that has taken force.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Which publication.
    pub id: [u8; 16],
    /// Which stage; none for the shadow.
    pub stage: Option<usize>,
    /// Code of the division; empty for everybody.
    pub covers: String,
    /// Digests of what took force.
    pub digests: Vec<String>,
    /// Since when.
    pub from: Instant,
    /// Until before when.
    pub until: Instant,
    /// What to compare with.
    pub other: Arc<PackSet>,
}

/// Publication; then its stage (-1 the shadow), and colours before and after (0 none).
pub type CountOf = ([u8; 16], (i64, i64, i64));
/// What a node has counted since it began. Written down as it is, and never as what came on top: a write
/// whose outcome nobody knows is done again, and a person counted twice would stop a publication.
pub type Counts = HashMap<CountOf, i64>;

#[derive(Debug, Default)]
struct Counted {
    all: i64,
    written: i64,
}

/// See the module.
#[derive(Debug)]
pub struct Packs {
    start: Arc<PackSet>,
    set: RwLock<Arc<PackSet>>,
    trials: RwLock<Arc<Vec<Trial>>>,
    counts: Mutex<HashMap<CountOf, Counted>>,
    state: Mutex<State>,
    /// For each part of the people, up to which turn of the lists of areas it was looked through.
    walked: [AtomicI64; PARTS],
    syncing_lists: tokio::sync::Mutex<()>,
}

/// Parts of the people, by their ids, for what is done for all of them.
pub const PARTS: usize = 16;

/// What the lists of areas say of a stored decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreasSay {
    /// It was made under the lists that act, or looked at since they do.
    Stands,
    /// It stands if no fact of the person names a place where the lists differ since an instant.
    IfUntouched(Instant),
    /// It was made under lists that are not held any more, by a node that had not heard of later ones.
    Over,
}

/// How far this node followed what is published.
#[derive(Debug, Default)]
struct State {
    versions: BTreeMap<String, Arc<Pack>>,
    failed: Option<String>,
    seen: Option<u32>,
    swept: HashMap<u8, usize>,
    listings: Vec<(Instant, Arc<Areas>)>,
    lists: Lists,
    lists_failed: Option<String>,
    lists_seen: Option<u32>,
    /// Of which versions they are made, and when.
    line: Line,
    /// Every version of a list.
    area_versions: Arc<Vec<listing::Version>>,
}

/// Which versions of lists of areas act, and from when on.
pub type Line = Vec<(Instant, Vec<[u8; 16]>)>;

/// Entries of versions of lists of areas, by the version.
pub type Lists = BTreeMap<[u8; 16], Arc<Vec<listing::Entry>>>;

impl Packs {
    /// Of a set.
    pub fn new(set: PackSet) -> Packs {
        let start = Arc::new(set);
        Packs {
            set: RwLock::new(Arc::clone(&start)),
            start,
            trials: RwLock::default(),
            counts: Mutex::default(),
            state: Mutex::default(),
            walked: std::array::from_fn(|_| AtomicI64::new(i64::MIN)),
            syncing_lists: tokio::sync::Mutex::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the installation started with.
    pub fn start(&self) -> Arc<PackSet> {
        Arc::clone(&self.start)
    }

    /// Published packs that this node has loaded, by digest.
    pub fn versions(&self) -> BTreeMap<String, Arc<Pack>> {
        self.state().versions.clone()
    }

    /// What of the published packs could not be loaded: the node is not ready meanwhile.
    pub fn failed(&self) -> Option<String> {
        let state = self.state();
        state.failed.clone().or_else(|| state.lists_failed.clone())
    }

    /// Notes that.
    pub fn set_failed(&self, what: Option<String>) {
        self.state().failed = what;
    }

    /// Up to which change of the feed the packs were read.
    pub fn seen(&self) -> Option<u32> {
        self.state().seen
    }

    /// Notes that.
    pub fn set_seen(&self, count: u32) {
        self.state().seen = Some(count);
    }

    /// Whether packs turned since a part of the people was looked through; how often they have.
    pub fn unswept(&self, part: u8, now: Instant) -> Option<usize> {
        let turns = self.set().turns(now);
        (self.state().swept.get(&part).copied().unwrap_or(0) != turns).then_some(turns)
    }

    /// A part was looked through after so many turns.
    pub fn set_swept(&self, part: u8, turns: usize) {
        self.state().swept.insert(part, turns);
    }

    /// Decides a fresh decision's facts under the other rules of each trial that concerns it, and counts
    /// what differs. `before` is the digest of the decision that was stored. What is decided so goes
    /// nowhere but into the counts.
    pub fn compare(&self, facts: &Facts, decision: &Decision, before: Option<&[u8]>) {
        let trials = Arc::clone(&self.trials.read().unwrap_or_else(PoisonError::into_inner));
        if trials.is_empty() {
            return;
        }
        let at = decision.decided_at;
        // As they were before this decision put its own episodes on record.
        let is_new = |f: &&Fact| decision.records.iter().all(|r| r.id != f.id);
        let facts = &Facts::new(facts.iter().filter(is_new).cloned().collect());
        let place = place_of(facts).unwrap_or("");
        for trial in trials.iter().filter(|t| t.from <= at && at < t.until && lies_in(place, &t.covers)) {
            let is_of = |digest: &[u8]| trial.digests.iter().any(|own| digest_bytes(own)[..] == *digest);
            let is_first = before.is_some_and(|before| !is_of(before))
                && trial.digests.iter().any(|own| **own == *decision.pack.digest);
            // In a stage, those who come under the pack by its taking force, not by arriving or being new.
            if trial.stage.is_some() && !is_first {
                continue;
            }
            let other = decide_in(&trial.other, facts, at);
            let colour = |d: &Decision| d.colour.map_or(0, |c| c as i64);
            let stage = trial.stage.map_or(-1, |s| s as i64);
            let key = match trial.stage {
                None => (stage, colour(decision), colour(&other)),
                Some(_) => (stage, colour(&other), colour(decision)),
            };
            self.count((trial.id, key));
        }
    }

    /// Counts somebody.
    pub fn count(&self, of: CountOf) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(of).or_default().all += 1;
    }

    /// What this node has counted in all, and has not written down yet.
    pub fn unwritten_counts(&self) -> Counts {
        let all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(_, n)| n.all != n.written).map(|(key, n)| (*key, n.all)).collect()
    }

    /// Notes what was written down.
    pub fn note_written(&self, counts: &Counts) {
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, n) in counts {
            all.entry(*key).or_default().written = *n;
        }
    }

    /// All of them. A request that asks more than once asks one set, so that what it answers is of
    /// one piece.
    pub fn set(&self) -> Arc<PackSet> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another set in its place, with what is on trial beside it.
    pub fn put(&self, set: PackSet, trials: Vec<Trial>, versions: BTreeMap<String, Arc<Pack>>) {
        let mut state = self.state();
        state.versions = versions;
        self.put_under(&state.listings, set, trials);
    }

    fn put_under(&self, listings: &[(Instant, Arc<Areas>)], set: PackSet, mut trials: Vec<Trial>) {
        let set = set.with_areas(listings);
        for trial in &mut trials {
            trial.other = Arc::new(PackSet::clone(&trial.other).with_areas(listings));
        }
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        *self.trials.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(trials);
    }

    /// Whether the lists that act are made of these versions already.
    pub fn listings_are(&self, line: &Line) -> bool {
        let state = self.state();
        state.line == *line && state.lists_failed.is_none()
    }

    /// The turn of whoever brings the lists of areas up to date.
    pub async fn syncing_lists(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.syncing_lists.lock().await
    }

    /// Puts lists of areas in place of others: each acts from an instant on. `lists` and `line` are what they
    /// were made of.
    pub fn put_listings(&self, listings: Vec<(Instant, Arc<Areas>)>, lists: Lists, line: Line) {
        let mut state = self.state();
        let trials = self.trials.read().unwrap_or_else(PoisonError::into_inner).to_vec();
        self.put_under(&listings, PackSet::clone(&self.set()), trials);
        (state.listings, state.lists, state.line, state.lists_failed) = (listings, lists, line, None);
    }

    /// Entries of versions that this node has read.
    pub fn lists(&self) -> Lists {
        self.state().lists.clone()
    }

    /// Notes that a list cannot be read: the node is not ready meanwhile.
    pub fn set_lists_failed(&self, what: String) {
        self.state().lists_failed = Some(what);
    }

    /// Every version of a list of areas, as this node knows them: at most a moment behind.
    pub fn area_versions(&self) -> Arc<Vec<listing::Version>> {
        Arc::clone(&self.state().area_versions)
    }

    /// Notes them.
    pub fn set_area_versions(&self, versions: Vec<listing::Version>) {
        self.state().area_versions = Arc::new(versions);
    }

    /// Up to which change of the feed the lists were read.
    pub fn lists_seen(&self) -> Option<u32> {
        self.state().lists_seen
    }

    /// Notes that.
    pub fn set_lists_seen(&self, count: u32) {
        self.state().lists_seen = Some(count);
    }

    /// Up to which turn of the lists of areas a part of the people was looked through. Asked before somebody's
    /// state is read: of what was read earlier it says nothing.
    pub fn walked(&self, part: u8) -> Instant {
        Instant(self.walked[usize::from(part) % PARTS].load(Ordering::Acquire))
    }

    /// A part was looked through for a turn, here or on another node. Said only when everybody who was decided
    /// about in it is noted as changed here ([`crate::db::Changes::caught_up`]): what is remembered of them
    /// would be taken for looked through.
    pub fn set_walked(&self, part: u8, turn: Instant) {
        self.walked[usize::from(part) % PARTS].fetch_max(turn.0, Ordering::AcqRel);
    }

    /// What the lists of areas say of a decision of somebody of a part of the people that was [`Packs::walked`].
    /// `under` are the lists that it was made under. On the way of each read: without such lists it is one
    /// look at none.
    pub fn areas_say(
        &self,
        walked: Instant,
        decided_at: Instant,
        under: Option<Instant>,
        at: Instant,
    ) -> AreasSay {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner);
        let Some(since) = set.areas_since(at) else { return AreasSay::Stands };
        // Whoever looked through the part looked at what was decided before.
        let under = under.unwrap_or(Instant::MIN);
        let known = if decided_at < walked { under.max(walked) } else { under };
        if known >= since {
            AreasSay::Stands
        } else if known != Instant::MIN && set.areas_first().is_some_and(|first| known < first) {
            AreasSay::Over
        } else {
            AreasSay::IfUntouched(known)
        }
    }

    /// The installation's own, for what is about no place: its days, its name, its form.
    pub fn base(&self) -> Arc<Pack> {
        Arc::clone(self.set().base())
    }

    /// The one in force for a place, by the number of its code; 0 where it is not known.
    pub fn at(&self, place: u64, at: Instant) -> Arc<Pack> {
        Arc::clone(self.set().at(place, at))
    }

    /// The one in force for a division, by its code.
    pub fn of(&self, division: &str, at: Instant) -> Arc<Pack> {
        self.at(division.parse().unwrap_or(0), at)
    }

    /// Whether a stored decision is of the pack that is in force for its division: on the way of each
    /// read, so nothing is copied.
    pub fn is_in_force(&self, digest: &[u8], division: u64, at: Instant) -> bool {
        self.set.read().unwrap_or_else(PoisonError::into_inner).digest(division, at)[..] == *digest
    }
}

/// The texts of every pack that ships, and over them of those in the installation's folder and beside it.
pub fn texts(dir: Option<&Path>) -> anyhow::Result<Vec<PackFiles>> {
    let mut all = built_in::all()?;
    let Some(dir) = dir else { return Ok(all) };
    let is_one = dir.join("pack.toml").exists();
    // A pack may extend those beside it, as when it is loaded.
    let folder = match is_one {
        true => std::fs::canonicalize(dir)?.parent().map(Path::to_owned),
        false => Some(dir.to_owned()),
    };
    let entries = folder.map(std::fs::read_dir).transpose()?.into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries.map(|e| e.path()).filter(|p| p.join("pack.toml").exists()).collect();
    folders.sort();
    folders.extend(is_one.then(|| dir.to_owned()));
    // One that cannot be read is missed only by a pack that extends it, and then by name.
    all.extend(folders.iter().filter_map(|folder| crate::cli::pack::read_dir(folder).ok()));
    Ok(all)
}

/// The texts of a pack that ships or that the installation starts with.
pub fn source(dir: Option<&Path>, digest: &str) -> Option<PackFiles> {
    let all = texts(dir).ok()?;
    let library = Library::new(all.clone());
    all.into_iter().find(|files| Pack::load_with(files, &library).is_ok_and(|pack| *pack.digest == *digest))
}

/// The packs that an installation starts with: the built-in one (Hangzhou, 11 February 2020), that of a
/// folder, or all of a folder of such folders.
pub fn load(dir: Option<&Path>) -> anyhow::Result<PackSet> {
    use crate::cli::pack::{library, read_dir};
    let Some(dir) = dir else {
        let files = built_in::pack("hangzhou-2020-02-11")?;
        return Ok(PackSet::single(Arc::new(one(&files, &built_in::library()?)?)));
    };
    if dir.join("pack.toml").exists() {
        let files = read_dir(dir)?;
        let library = library(&files, dir, None)?;
        return Ok(PackSet::single(Arc::new(one(&files, &library)?)));
    }
    let entries = std::fs::read_dir(dir).with_context(|| format!("pack.folder: {}", dir.display()))?;
    let mut folders: Vec<_> = entries.collect::<Result<Vec<_>, _>>()?.into_iter().map(|e| e.path()).collect();
    folders.retain(|path| path.join("pack.toml").exists());
    folders.sort();
    let read = |path: &std::path::PathBuf| Ok((path.clone(), read_dir(path)?));
    let all = folders.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    // Those built in may be extended as well; of two with one id the folder's counts.
    let mut library = built_in::library()?;
    all.iter().for_each(|(_, files)| library.put(files.clone()));
    let packs = all.iter().map(|(path, files)| {
        let pack = one(files, &library).with_context(|| path.display().to_string())?;
        Ok(Arc::new(pack))
    });
    let packs = without_sites(packs.collect::<anyhow::Result<Vec<_>>>()?);
    PackSet::of(packs).with_context(|| dir.display().to_string())
}

/// A folder of the packs of many places serves the places: a site's pack there is to be read and extended
/// from, and answers in an installation of its own.
fn without_sites(mut packs: Vec<Arc<Pack>>) -> Vec<Arc<Pack>> {
    let sites: Vec<Arc<Pack>> = packs.iter().filter(|p| p.site.is_some()).cloned().collect();
    let is_above = |p: &Pack| p.site.is_some() || sites.iter().any(|s| s.parents.contains(&p.id));
    if !packs.iter().all(|p| is_above(p)) {
        for site in &sites {
            tracing::warn!(pack = %site.id, "a site's pack beside other places' answers for nobody; serve it from its own folder");
        }
        packs.retain(|p| p.site.is_none());
    }
    packs
}

fn one(files: &PackFiles, library: &Library) -> anyhow::Result<Pack> {
    Pack::load_with(files, library).map_err(|e| anyhow::anyhow!("the rule pack was refused:\n{e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packs_that_ship_are_one_set_under_the_country() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
        let set = load(Some(&dir)).unwrap_or_else(|e| panic!("{e:#}"));
        assert_eq!((&*set.base().id, &*set.base().division), ("nation-2020", "0"));
        let at = |place, at: &str| set.at(place, Instant::parse(at).unwrap()).id.to_string();
        for (place, day, expected) in [
            (330_106, "2020-02-16", "hangzhou-2020-02-11"),
            (330_106, "2020-02-17", "hangzhou-2020-02-17"),
            (330_203, "2020-02-16", "nation-2020"),
            (330_203, "2020-02-17", "zhejiang-2020-02-17"),
            (330_203, "2020-05-08", "zhejiang-2020"),
            (340_104, "2020-03-01", "anhui-2020"),
            (420_106, "2020-03-10", "hubei-2020-03"),
            (411_702, "2020-03-17", "zhumadian-2020"),
            (460_105, "2020-02-18", "hainan-2020-02"),
            (370_102, "2020-03-01", "nation-2020"),
            (0, "2020-03-01", "nation-2020"),
        ] {
            assert_eq!(at(place, &format!("{day}T00:00:00+08:00")), expected, "{place} on {day}");
        }
        assert!(set.packs().all(|p| p.site.is_none()), "a campus answers in an installation of its own");
    }

    #[test]
    fn a_campus_is_served_from_its_own_folder_and_from_one_that_holds_what_it_extends() {
        let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
        let alone = load(Some(&packs.join("fiction-campus-2020"))).unwrap_or_else(|e| panic!("{e:#}"));
        assert_eq!(&*alone.base().id, "fiction-campus-2020");
        let dir = std::env::temp_dir().join(format!("kangma-campus-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let copy = |id: &str| {
            for (name, text) in crate::cli::pack::read_dir(&packs.join(id)).unwrap().0 {
                let path = dir.join(id).join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
        };
        ["fiction-campus-2020", "hangzhou-2020-02-17", "nation-2020"].into_iter().for_each(copy);
        let set = load(Some(&dir)).unwrap_or_else(|e| panic!("{e:#}"));
        assert_eq!((&*set.base().id, set.packs().count()), ("fiction-campus-2020", 1));
        copy("hubei-2020-03");
        let set = load(Some(&dir)).unwrap_or_else(|e| panic!("{e:#}"));
        assert_eq!(&*set.base().id, "nation-2020");
        assert!(set.packs().all(|p| p.site.is_none()));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
