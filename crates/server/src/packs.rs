//! The rule packs of this node: which one is in force where, for whoever asks. What the installation
//! starts with is built in or a folder; what was published since comes on top.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use kangma_core::rules::pack::{Pack, PackFiles};
use kangma_core::rules::set::PackSet;
use kangma_core::time::Instant;

/// The pack that is built in: Hangzhou, 11 February 2020.
static BUILT_IN: include_dir::Dir<'_> =
    include_dir::include_dir!("$CARGO_MANIFEST_DIR/../../packs/hangzhou-2020-02-11");

/// See the module.
#[derive(Debug)]
pub struct Packs {
    set: RwLock<Arc<PackSet>>,
}

impl Packs {
    /// Of a set.
    pub fn new(set: PackSet) -> Packs {
        Packs { set: RwLock::new(Arc::new(set)) }
    }

    /// All of them. A request that asks more than once asks one set, so that what it answers is of
    /// one piece.
    pub fn set(&self) -> Arc<PackSet> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another set in its place.
    #[cfg(test)]
    pub fn put(&self, set: PackSet) {
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
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

/// The packs that an installation starts with: the built-in one, that of a folder, or all of a folder of
/// such folders.
pub fn load(dir: Option<&Path>) -> anyhow::Result<PackSet> {
    let Some(dir) = dir else { return Ok(PackSet::single(Arc::new(one(&built_in()?)?))) };
    if dir.join("pack.toml").exists() {
        return Ok(PackSet::single(Arc::new(one(&crate::cli::pack::read_dir(dir)?)?)));
    }
    let entries = std::fs::read_dir(dir).with_context(|| format!("pack.folder: {}", dir.display()))?;
    let mut folders: Vec<_> = entries.collect::<Result<Vec<_>, _>>()?.into_iter().map(|e| e.path()).collect();
    folders.retain(|path| path.join("pack.toml").exists());
    folders.sort();
    let packs = folders.iter().map(|folder| {
        let pack = one(&crate::cli::pack::read_dir(folder)?).with_context(|| folder.display().to_string())?;
        Ok(Arc::new(pack))
    });
    let packs = packs.collect::<anyhow::Result<Vec<_>>>()?;
    PackSet::of(packs).with_context(|| dir.display().to_string())
}

fn built_in() -> anyhow::Result<PackFiles> {
    let mut files = PackFiles::default();
    let texts = BUILT_IN.find("**/*.toml").context("the built-in pack")?.filter_map(|e| e.as_file());
    for file in texts {
        let text = file.contents_utf8().context("a pack file is UTF-8")?;
        files.0.insert(file.path().to_string_lossy().into_owned(), text.to_owned());
    }
    Ok(files)
}

fn one(files: &PackFiles) -> anyhow::Result<Pack> {
    Pack::load(files).map_err(|e| anyhow::anyhow!("the rule pack was refused:\n{e}"))
}
