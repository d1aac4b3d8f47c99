//! The packs that others may extend, and the set that is in force, for whoever has no service running.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use kangma_core::rules::pack::{Library, Pack, PackFiles};
use kangma_core::rules::publication::{Publication, apart, expand, fold, in_force, load_with_parents};
use kangma_core::rules::set::PackSet;
use kangma_core::time::Instant;

use super::store;
use crate::db::{Db, DbError};

/// A stored pack, if it is what its digest says.
pub(super) fn load(files: &[u8], digest: &str) -> Option<Arc<Pack>> {
    let pack = load_with_parents(&expand(files)?).ok()?;
    (*pack.digest == *digest).then(|| Arc::new(pack))
}

/// Adds what publications put in force, or on trial, to the packs that are loaded already. The digest of
/// one that cannot be loaded is the inner error.
pub(super) async fn load_all(
    db: &Db,
    publications: &[Publication],
    mut packs: BTreeMap<String, Arc<Pack>>,
) -> Result<Result<BTreeMap<String, Arc<Pack>>, String>, DbError> {
    for digest in publications.iter().filter(|p| p.shadow.is_some()).flat_map(|p| p.terms.digests()) {
        if packs.contains_key(digest) {
            continue;
        }
        match store::version(db, digest).await?.and_then(|files| load(&files, digest)) {
            Some(pack) => packs.insert(digest.clone(), pack),
            None => return Ok(Err(digest.clone())),
        };
    }
    Ok(Ok(packs))
}

/// What an installation started with, and over it all that is published in its database.
pub async fn set_of(db: &Db, start: PackSet) -> anyhow::Result<PackSet> {
    let publications = fold(&store::steps(db).await?);
    let packs = load_all(db, &publications, BTreeMap::new()).await?;
    let missing = |digest: &String| format!("rules.missing: {digest} is published and cannot be loaded");
    let packs = packs.map_err(|digest| anyhow::anyhow!(missing(&digest)))?;
    let all: Vec<&Publication> = publications.iter().collect();
    let (entries, voids) =
        in_force(&all, &packs, &start.base().division).map_err(|digest| anyhow::anyhow!(missing(&digest)))?;
    Ok(start.with(entries, voids)?)
}

/// The packs that a draft may extend: those that ship, those of the installation's folder over them, and
/// over both what is published and in force.
pub async fn library(db: &Db, dir: Option<&Path>, at: Instant) -> anyhow::Result<Library> {
    let mut library = Library::new(crate::packs::texts(dir)?);
    let mut published = fold(&store::steps(db).await?);
    published.retain(|p| {
        p.ended.is_none() && at < p.terms.sunset && p.staged.first().is_some_and(|from| *from <= at)
    });
    published.sort_by_key(|p| p.staged.first().copied());
    for p in published {
        let files = text(db, &p.terms.digest).await?;
        library.put(files.with_context(|| format!("rules.missing: {}", p.terms.digest))?);
    }
    Ok(library)
}

/// The own text of a pack that was proposed, without those that it extends.
pub(super) async fn text(db: &Db, digest: &str) -> Result<Option<PackFiles>, DbError> {
    Ok(store::version(db, digest).await?.and_then(|bytes| expand(&bytes)).map(|files| apart(&files).0))
}
