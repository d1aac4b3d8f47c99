//! Proofs that a leaf is in the tree, and that one tree begins with another. tlog_tiles asks for hashes
//! by number, all at once: the first pass writes down which, the second has their tiles.

use std::cell::RefCell;
use std::collections::HashMap;

use serde::Serialize;
use tlog_tiles::{EMPTY_HASH, Error, Hash, HashReader, Tile, prove_record, prove_tree};
use utoipa::ToSchema;

use super::entry::{self, Entry};
use super::job::LogError;
use super::note::{Head, hex};
use super::row_store::{self, Stored};
use super::store;
use super::tree::{ENTRIES, HEIGHT, TileId, WIDTH};
use super::{Told, digest, job, whole};
use crate::app::App;

/// Writes down what is asked for.
#[derive(Default)]
struct Asked(RefCell<Vec<u64>>);

impl HashReader for Asked {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        self.0.borrow_mut().extend(indexes);
        Ok(vec![EMPTY_HASH; indexes.len()])
    }
}

/// Tiles that were read.
#[derive(Default)]
pub(super) struct Tiles(pub HashMap<TileId, Vec<u8>>);

fn tile_of(index: u64) -> (Tile, TileId) {
    let tile = Tile::from_index(HEIGHT, index);
    (tile, TileId { level: i64::from(tile.level()), n: tile.level_index() })
}

impl HashReader for Tiles {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let hash = |index: &u64| {
            let (tile, id) = tile_of(*index);
            tile.hash_at_index(self.0.get(&id).ok_or(Error::InvalidTile)?, *index)
        };
        indexes.iter().map(hash).collect()
    }
}

/// The tiles that a proof needs of a tree beginning with a smaller one.
pub(super) fn needed_for_consistency(size: u64, old: u64) -> Result<Vec<TileId>, Error> {
    let asked = Asked::default();
    prove_tree(size, old, &asked)?;
    Ok(unique(asked))
}

fn needed_for_inclusion(size: u64, index: u64) -> Result<Vec<TileId>, Error> {
    let asked = Asked::default();
    prove_record(size, index, &asked)?;
    Ok(unique(asked))
}

fn unique(asked: Asked) -> Vec<TileId> {
    let mut ids: Vec<TileId> = asked.0.into_inner().into_iter().map(|index| tile_of(index).1).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// All that somebody needs to find their own decision in the log, and to check it without us.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Proof {
    /// What the decision said, in the words that the log commits to.
    pub statement: String,
    /// Secret number of the statement, in hexadecimal; spec/log.md says what each value is for.
    pub nonce: String,
    /// Digest of the row as it is stored, in hexadecimal.
    pub row: String,
    /// Salt of the leaf, in hexadecimal.
    pub salt: String,
    /// The entry of the log, in hexadecimal.
    pub entry: String,
    /// Its number, from 0.
    pub index: u64,
    /// Hashes from the entry to the tree's own, in hexadecimal.
    pub path: Vec<String>,
    /// The signed tree head, with those who signed it too.
    pub checkpoint: String,
    /// The key that verifies it.
    pub key: String,
}

/// A proof, or why there is none yet.
#[derive(Debug)]
pub enum Proven {
    /// Here it is.
    Here(Box<Proof>),
    /// The leaf waits to be integrated.
    Waits,
    /// There is no such leaf.
    Unknown,
}

/// Proves that what somebody was told is in the tree.
pub async fn prove(app: &App, told: Told, statement: String) -> Result<Proven, LogError> {
    let Some(leaf) = store::leaf(&app.db, told.leaf_id).await? else { return Ok(Proven::Unknown) };
    let head = store::head(&app.db).await?;
    if leaf.place > head.place || head.size == 0 {
        return Ok(Proven::Waits);
    }
    let damaged = |what: &str| LogError::Damaged(what.to_owned());
    let wanted: Entry = job::entry(&leaf)?;
    let Stored::Columns(columns) = row_store::columns(&app.db, wanted.kind, leaf.id, leaf.version).await?
    else {
        return Err(damaged("a logged row is gone"));
    };
    let row = digest(wanted.kind, &columns);
    if whole(&row, Some(&told.commit(&statement)))[..] != leaf.digest[..] {
        // The row still answers for the leaf: then a newer decision is on its way.
        let said = leaf.said.as_deref().and_then(|said| said.try_into().ok());
        let same = whole(&row, said.as_ref())[..] == leaf.digest[..];
        return if same { Ok(Proven::Waits) } else { Err(damaged("a row is not what was logged")) };
    }
    let bundle =
        store::bundle_of(&app.db, leaf.place).await?.ok_or_else(|| damaged("a leaf is in no bundle"))?;
    let id = TileId { level: ENTRIES, n: bundle };
    let body = store::tile(&app.db, id).await?.ok_or_else(|| damaged("a bundle is missing"))?;
    let bytes = wanted.to_bytes();
    let at = entry::split(&body).and_then(|all| all.iter().position(|e| *e == bytes));
    let at = at.ok_or_else(|| damaged("a leaf is not in its bundle"))?;
    let index = bundle * WIDTH as u64 + at as u64;
    if index >= head.size {
        return Ok(Proven::Waits);
    }
    let wrong = |_: Error| damaged("a tile does not belong to the tree");
    let mut tiles = Tiles::default();
    for id in needed_for_inclusion(head.size, index).map_err(wrong)? {
        let body = store::tile(&app.db, id).await?.ok_or_else(|| damaged("a tile is missing"))?;
        tiles.0.insert(id, body);
    }
    let path = prove_record(head.size, index, &tiles).map_err(wrong)?;
    let signed = Head::open(&head.note, app.log_key.verifier())?;
    let hash = tlog_tiles::record_hash(&bytes);
    tlog_tiles::check_record(&path, signed.size, signed.hash(), index, hash).map_err(wrong)?;
    Ok(Proven::Here(Box::new(Proof {
        statement,
        nonce: hex(&told.nonce),
        row: hex(&row),
        salt: hex(&leaf.salt),
        entry: hex(&bytes),
        index,
        path: path.iter().map(|hash| hex(&hash.0)).collect(),
        checkpoint: super::http::with_witnesses(&app.db, head.note).await?,
        key: app.log_key.verifier().to_string(),
    })))
}
