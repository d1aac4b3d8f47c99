//! `leaf`, `log_tile`, `log_head`, `log_witness` and `publication`; `log_key` in the store of keys.

use super::Subject;
use super::tree::{Changed, ENTRIES, TileId};
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit, Value};

static ADD_LEAF: Stmt = Stmt {
    name: "log.add_leaf",
    sql: "INSERT INTO leaf (leaf_id, kind, id, version, digest, said, salt, at, office) \
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
};

// Of the file the rowid alone is the order: a transaction commits after the one before.
static AFTER_IN_FILE: Stmt = Stmt {
    name: "log.after_in_file",
    sql: "SELECT turn, seq, leaf_id, kind, id, version, digest, said, salt, at FROM leaf \
          WHERE seq > $1 ORDER BY seq LIMIT $2",
};

static AFTER: Stmt = Stmt {
    name: "log.after",
    sql: "SELECT turn, seq, leaf_id, kind, id, version, digest, said, salt, at FROM leaf \
          WHERE (turn, seq) > ($1, $2) AND turn < $3 ORDER BY turn, seq LIMIT $4",
};

static LEAF: Stmt = Stmt {
    name: "log.leaf",
    sql: "SELECT turn, seq, leaf_id, kind, id, version, digest, said, salt, at FROM leaf WHERE leaf_id = $1",
};

static HEAD: Stmt =
    Stmt { name: "log.head", sql: "SELECT size, turn, seq, at, note FROM log_head WHERE head_id = 1" };

static MOVE_HEAD: Stmt = Stmt {
    name: "log.move_head",
    sql: "UPDATE log_head SET size = $1, turn = $2, seq = $3, at = $4, note = $5 WHERE head_id = 1 AND size = $6 AND turn = $7",
};

static TILE: Stmt = Stmt {
    name: "log.tile",
    sql: "SELECT level, n, width, first_turn, first_seq, body FROM log_tile WHERE level = $1 AND n = $2",
};

static PUT_TILE: Stmt = Stmt {
    name: "log.put_tile",
    sql: "INSERT INTO log_tile (level, n, width, first_turn, first_seq, body) VALUES ($1, $2, $3, $4, $5, $6) \
          ON CONFLICT (level, n) DO UPDATE SET width = excluded.width, body = excluded.body",
};

static BUNDLE_OF: Stmt = Stmt {
    name: "log.bundle_of",
    sql: "SELECT n FROM log_tile WHERE level = -1 AND (first_turn, first_seq) <= ($1, $2) \
          ORDER BY first_turn DESC, first_seq DESC LIMIT 1",
};

static WITNESSED: Stmt = Stmt {
    name: "log.witnessed",
    sql: "SELECT size, note FROM log_witness ORDER BY size DESC, witness LIMIT 100",
};

static PUT_WITNESS: Stmt = Stmt {
    name: "log.put_witness",
    sql: "INSERT INTO log_witness (witness, size, note) VALUES ($1, $2, $3) ON CONFLICT (witness) \
          DO UPDATE SET size = excluded.size, note = excluded.note WHERE log_witness.size < excluded.size",
};

static REBASE: Stmt = Stmt { name: "log.rebase", sql: "UPDATE leaf SET turn = turn - $1" };

static REBASE_TILES: Stmt = Stmt {
    name: "log.rebase_tiles",
    sql: "UPDATE log_tile SET first_turn = first_turn - $1 WHERE level = -1",
};

static KEY: Stmt = Stmt { name: "log.key", sql: "SELECT name, seed FROM log_key WHERE number = 1" };

static ADD_KEY: Stmt =
    Stmt { name: "log.add_key", sql: "INSERT INTO log_key (number, name, seed) VALUES (1, $1, $2)" };

static ORDERS: Stmt = Stmt {
    name: "log.orders",
    sql: "SELECT l.office, o.name, l.at / 3600000, COUNT(*) FROM leaf l LEFT JOIN office o ON o.office_id = l.office \
          WHERE l.kind = 2 AND l.version = 0 AND l.at >= $1 GROUP BY l.office, o.name, l.at / 3600000 LIMIT 100000",
};

static LAST_PUBLICATIONS: Stmt = Stmt {
    name: "log.last_publications",
    sql: "SELECT number, digest FROM publication ORDER BY number DESC LIMIT $1",
};

static ADD_PUBLICATION: Stmt = Stmt {
    name: "log.add_publication",
    sql: "INSERT INTO publication (number, pack, version, digest, published_at) VALUES ($1, $2, $3, $4, $5)",
};

/// A leaf to be stored.
pub struct NewLeaf {
    pub leaf_id: [u8; 16],
    pub subject: Subject,
    pub digest: [u8; 32],
    pub said: Option<[u8; 32]>,
    pub salt: [u8; 16],
}

pub fn add_leaf(unit: Unit, leaf: NewLeaf, at_ms: i64) -> Unit {
    let Subject { kind, id, version, office } = leaf.subject;
    let params = vec![
        leaf.leaf_id.into(),
        i64::from(kind as u8).into(),
        id.into(),
        version.into(),
        leaf.digest.as_slice().into(),
        leaf.said.map_or(Value::Null, |said| said.as_slice().into()),
        leaf.salt.into(),
        at_ms.into(),
        office.into(),
    ];
    unit.expect(Affects::One, &ADD_LEAF, params)
}

/// Where a leaf stands among all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub turn: i64,
    pub seq: i64,
}

/// A leaf as it is stored.
pub struct Leaf {
    pub place: Place,
    pub leaf_id: [u8; 16],
    pub kind: i64,
    pub id: [u8; 16],
    pub version: i64,
    pub digest: Vec<u8>,
    pub said: Option<Vec<u8>>,
    pub salt: Vec<u8>,
    pub at: i64,
}

fn leaf_row(row: &Row) -> Result<Leaf, DbError> {
    let id = |i| row.bytes(i)?.try_into().map_err(|_| DbError::shape("leaf"));
    Ok(Leaf {
        place: Place { turn: row.int(0)?, seq: row.int(1)? },
        leaf_id: id(2)?,
        kind: row.int(3)?,
        id: id(4)?,
        version: row.int(5)?,
        digest: row.bytes(6)?.to_vec(),
        said: row.opt_bytes(7)?.map(<[u8]>::to_vec),
        salt: row.bytes(8)?.to_vec(),
        at: row.int(9)?,
    })
}

/// Leaves behind a place, in order; none of a transaction that others may still come before.
pub async fn after(db: &Db, place: Place, below: i64, limit: i64) -> Result<Vec<Leaf>, DbError> {
    let rows = if db.is_shared() {
        let params = [place.turn.into(), place.seq.into(), below.into(), limit.into()];
        db.all(&AFTER, &params).await?
    } else {
        db.all(&AFTER_IN_FILE, &[place.seq.into(), limit.into()]).await?
    };
    rows.iter().map(leaf_row).collect()
}

pub async fn leaf(db: &Db, leaf_id: [u8; 16]) -> Result<Option<Leaf>, DbError> {
    db.one(&LEAF, &[leaf_id.into()]).await?.map(|row| leaf_row(&row)).transpose()
}

/// The head as it is stored.
#[derive(Clone, Debug, Default)]
pub struct HeadRow {
    pub size: u64,
    pub place: Place,
    pub at: i64,
    pub note: String,
}

pub async fn head(db: &Db) -> Result<HeadRow, DbError> {
    let Some(row) = db.one(&HEAD, &[]).await? else { return Err(DbError::shape("log_head")) };
    // What is no text was altered: its signature will say so.
    let note = String::from_utf8_lossy(row.bytes(4)?).into_owned();
    Ok(HeadRow {
        size: u64::try_from(row.int(0)?).map_err(|_| DbError::shape("log_head"))?,
        place: Place { turn: row.int(1)?, seq: row.int(2)? },
        at: row.int(3)?,
        note,
    })
}

/// Moves the head from where it was; a conflict if somebody else did.
pub fn move_head(unit: Unit, from: &HeadRow, to: &HeadRow) -> Unit {
    let params = vec![
        (to.size as i64).into(),
        to.place.turn.into(),
        to.place.seq.into(),
        to.at.into(),
        to.note.as_bytes().into(),
        (from.size as i64).into(),
        from.place.turn.into(),
    ];
    unit.expect(Affects::One, &MOVE_HEAD, params)
}

pub async fn tile(db: &Db, id: TileId) -> Result<Option<Vec<u8>>, DbError> {
    let row = db.one(&TILE, &[id.level.into(), (id.n as i64).into()]).await?;
    row.map(|row| Ok(row.bytes(5)?.to_vec())).transpose()
}

/// Writes tiles; `first` says of a bundle which leaf it begins with.
pub fn put_tiles(unit: Unit, size: u64, tiles: Changed, first: impl Fn(u64) -> Place) -> Unit {
    tiles.into_iter().fold(unit, |unit, (id, body)| {
        let place = if id.level == ENTRIES { first(id.n) } else { Place::default() };
        let params = vec![
            id.level.into(),
            (id.n as i64).into(),
            (id.width(size) as i64).into(),
            place.turn.into(),
            place.seq.into(),
            body.into(),
        ];
        unit.expect(Affects::One, &PUT_TILE, params)
    })
}

/// The bundle that a leaf is in, if it is in any.
pub async fn bundle_of(db: &Db, place: Place) -> Result<Option<u64>, DbError> {
    let row = db.one(&BUNDLE_OF, &[place.turn.into(), place.seq.into()]).await?;
    row.map(|row| Ok(row.int(0)? as u64)).transpose()
}

/// The newest head of each witness, the largest first.
pub async fn witnessed(db: &Db) -> Result<Vec<(u64, String)>, DbError> {
    let rows = db.all(&WITNESSED, &[]).await?;
    rows.iter()
        .map(|row| {
            let note =
                String::from_utf8(row.bytes(1)?.to_vec()).map_err(|_| DbError::shape("log_witness"))?;
            Ok((row.int(0)? as u64, note))
        })
        .collect()
}

pub async fn put_witness(db: &Db, witness: &str, size: u64, note: &str) -> Result<(), DbError> {
    let params = vec![witness.into(), (size as i64).into(), note.as_bytes().into()];
    db.commit(Unit::new("log.put_witness").expect(Affects::Any, &PUT_WITNESS, params)).await
}

/// Moves all leaves below every number that a new server will give out.
pub fn rebase(unit: Unit, by: i64) -> Unit {
    unit.expect(Affects::Any, &REBASE, vec![by.into()]).expect(Affects::Any, &REBASE_TILES, vec![by.into()])
}

pub async fn key(keys: &Db) -> Result<Option<(String, Vec<u8>)>, DbError> {
    let row = keys.one(&KEY, &[]).await?;
    row.map(|row| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec()))).transpose()
}

pub async fn add_key(keys: &Db, name: &str, seed: Vec<u8>) -> Result<(), DbError> {
    keys.commit(Unit::new("log.add_key").expect(Affects::One, &ADD_KEY, vec![name.into(), seed.into()])).await
}

/// Orders of an office in one hour.
pub struct Orders {
    pub office: Option<Vec<u8>>,
    pub name: Option<String>,
    pub hour: i64,
    pub orders: i64,
}

pub async fn orders(db: &Db, since_ms: i64) -> Result<Vec<Orders>, DbError> {
    let rows = db.all(&ORDERS, &[since_ms.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Orders {
                office: row.opt_bytes(0)?.map(<[u8]>::to_vec),
                name: row.opt_text(1)?.map(str::to_owned),
                hour: row.int(2)?,
                orders: row.int(3)?,
            })
        })
        .collect()
}

/// Rules as they were recorded.
pub struct Publication {
    pub number: i64,
    pub digest: Vec<u8>,
}

/// The last so many, the last first.
pub async fn last_publications(db: &Db, limit: i64) -> Result<Vec<Publication>, DbError> {
    let rows = db.all(&LAST_PUBLICATIONS, &[limit.into()]).await?;
    rows.iter().map(|row| Ok(Publication { number: row.int(0)?, digest: row.bytes(1)?.to_vec() })).collect()
}

/// A conflict where the number is taken.
pub fn add_publication(unit: Unit, row: Vec<Value>) -> Unit {
    unit.expect(Affects::One, &ADD_PUBLICATION, row)
}
