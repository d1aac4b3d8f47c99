//! The right edge of the tree: all that appending needs, whatever the size.
//!
//! Tiles are 256 hashes wide. A full tile's own hash is a hash of the level above, so the edge is one
//! unfinished tile for each level and the unfinished bundle of entries.

use std::collections::BTreeMap;

use tlog_tiles::{EMPTY_HASH, HASH_SIZE, Hash, Tile, node_hash, record_hash};

use super::entry;

/// Hashes in a full tile, and entries in a full bundle.
pub const WIDTH: usize = 256;
/// As tlog_tiles wants it.
pub const HEIGHT: u8 = 8;
/// The level of bundles of entries.
pub const ENTRIES: i64 = -1;
/// 256 to the seventh is more than there will ever be.
pub const LEVELS_MAX: usize = 7;

/// Which tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 and up; [`ENTRIES`].
    pub level: i64,
    /// From the left.
    pub n: u64,
}

impl TileId {
    /// How wide it is in a tree of a size; 0 where it is not there.
    pub fn width(self, size: u64) -> usize {
        let level = u32::try_from(self.level.max(0)).unwrap_or(u32::MAX);
        let hashes = size.checked_shr(8 * level).unwrap_or(0);
        let from = self.n.saturating_mul(WIDTH as u64);
        usize::try_from(hashes.saturating_sub(from)).unwrap_or(usize::MAX).min(WIDTH)
    }

    /// The path below /log/, of a width.
    pub fn path(self, width: usize) -> String {
        let mut number = format!("{:03}", self.n % 1000);
        let mut rest = self.n / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        let level = if self.level == ENTRIES { "entries".to_owned() } else { self.level.to_string() };
        let partial = if width < WIDTH { format!(".p/{width}") } else { String::new() };
        format!("tile/{level}/{number}{partial}")
    }

    /// Reads what follows `tile/`: which tile, and the width that is asked for. Only the one way of
    /// writing it counts.
    pub fn parse(path: &str) -> Option<(TileId, usize)> {
        if path.len() > 64 {
            return None;
        }
        let (level, rest) = path.split_once('/')?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok()?),
            None => (rest, WIDTH),
        };
        let level = if level == "entries" { ENTRIES } else { level.parse().ok()? };
        let mut n = 0_u64;
        for part in number.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            n = n.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let id = TileId { level, n };
        let fine = (ENTRIES..LEVELS_MAX as i64).contains(&level) && (1..=WIDTH).contains(&width);
        (fine && id.path(width).strip_prefix("tile/") == Some(path)).then_some((id, width))
    }
}

/// Unfinished tiles of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// Hashes of each level's last tile, if it is not full.
    levels: Vec<Vec<u8>>,
    /// The last bundle, if it is not full.
    bundle: Vec<u8>,
}

/// Tiles that appending changed, the unfinished ones with them.
pub type Changed = BTreeMap<TileId, Vec<u8>>;

impl Edge {
    /// The tiles that are unfinished at a size, to be read and given to [`Edge::from_tiles`].
    pub fn unfinished(size: u64) -> Vec<TileId> {
        (ENTRIES..LEVELS_MAX as i64)
            .map(|level| TileId { level, n: size >> (8 * (level.max(0) + 1)) })
            .filter(|id| id.width(size) > 0)
            .collect()
    }

    /// At a size, from its unfinished tiles; `None` where one is missing or has another width.
    pub fn from_tiles(size: u64, mut tiles: Changed) -> Option<Edge> {
        let mut edge = Edge { size, ..Edge::default() };
        for id in Edge::unfinished(size) {
            let (body, width) = (tiles.remove(&id)?, id.width(size));
            if id.level == ENTRIES {
                (entry::split(&body)?.len() == width).then_some(())?;
                edge.bundle = body;
                continue;
            }
            (body.len() == width * HASH_SIZE).then_some(())?;
            let level = usize::try_from(id.level).ok()?;
            edge.levels.resize(edge.levels.len().max(level + 1), Vec::new());
            edge.levels[level] = body;
        }
        Some(edge)
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends an entry; full tiles go to `changed`.
    pub fn append(&mut self, bytes: &[u8], changed: &mut Changed) {
        entry::push(&mut self.bundle, bytes);
        let mut hash = record_hash(bytes);
        let index = self.size;
        self.size += 1;
        if self.size.is_multiple_of(WIDTH as u64) {
            let id = TileId { level: ENTRIES, n: index / WIDTH as u64 };
            changed.insert(id, std::mem::take(&mut self.bundle));
        }
        for level in 0..LEVELS_MAX {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let tile = &mut self.levels[level];
            tile.extend_from_slice(&hash.0);
            if tile.len() < WIDTH * HASH_SIZE {
                return;
            }
            hash = Tile::subtree_hash(tile);
            let n = index >> (8 * (level + 1));
            changed.insert(TileId { level: level as i64, n }, std::mem::take(tile));
        }
    }

    /// Adds the unfinished tiles to what changed.
    pub fn finish(&self, changed: &mut Changed) {
        for id in Edge::unfinished(self.size) {
            let body = if id.level == ENTRIES { &self.bundle } else { &self.levels[id.level as usize] };
            changed.insert(id, body.clone());
        }
    }

    /// The tree's hash.
    pub fn root(&self) -> Hash {
        let mut right: Option<Hash> = None;
        for tile in &self.levels {
            // Whole subtrees of a tile, the smallest and rightmost first.
            let mut end = tile.len() / HASH_SIZE;
            while end > 0 {
                let start = end & (end - 1);
                let left = Tile::subtree_hash(&tile[start * HASH_SIZE..end * HASH_SIZE]);
                right = Some(right.map_or(left, |right| node_hash(left, right)));
                end = start;
            }
        }
        right.unwrap_or(EMPTY_HASH)
    }
}
