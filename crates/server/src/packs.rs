//! The rule packs of this node: which one is in force where, for whoever asks. What the installation
//! starts with is built in or a folder; what was published since comes on top.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use kangma_core::rules::pack::{Library, Pack, PackFiles};
use kangma_core::rules::set::PackSet;
use kangma_core::time::Instant;

use crate::built_in;

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
    let packs = packs.collect::<anyhow::Result<Vec<_>>>()?;
    PackSet::of(packs).with_context(|| dir.display().to_string())
}

fn one(files: &PackFiles, library: &Library) -> anyhow::Result<Pack> {
    Pack::load_with(files, library).map_err(|e| anyhow::anyhow!("the rule pack was refused:\n{e}"))
}
