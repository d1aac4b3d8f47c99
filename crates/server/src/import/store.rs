//! `import`, `import_block` and `import_mapping`.

use kangma_core::table::ListKind;
use kangma_core::time::Instant;

use super::{Counts, Import, State};
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit};

static FIND: Stmt = Stmt {
    name: "import.find",
    sql: "SELECT import_id, office, division, kind, state, lines, blocks, done, fine, applied, known, wrong, \
          elsewhere, created_at, changed_at, about FROM import WHERE import_id = $1",
};

static LIST: Stmt = Stmt {
    name: "import.list",
    sql: "SELECT import_id, office, division, kind, state, lines, blocks, done, fine, applied, known, wrong, \
          elsewhere, created_at, changed_at, about FROM import \
          WHERE state > 0 AND division >= $1 AND division < $2 ORDER BY created_at DESC, import_id LIMIT $3",
};

static WORK: Stmt = Stmt {
    name: "import.work",
    sql: "SELECT import_id, office, division, kind, state, lines, blocks, done, fine, applied, known, wrong, \
          elsewhere, created_at, changed_at, about FROM import \
          WHERE state IN (2, 4) ORDER BY changed_at, import_id LIMIT $1",
};

static BEGIN: Stmt = Stmt {
    name: "import.begin",
    sql: "INSERT INTO import (import_id, office, division, kind, state, lines, blocks, done, fine, applied, known, \
          wrong, elsewhere, about, created_at, changed_at) \
          VALUES ($1, $2, $3, $4, 0, 0, 0, 0, 0, 0, 0, 0, 0, $5, $6, $6)",
};

static DROP_IMPORT: Stmt = Stmt {
    name: "import.drop",
    sql: "DELETE FROM import WHERE import_id = $1 AND state = 0 AND changed_at = $2",
};

static DROP_UNSTARTED: Stmt = Stmt {
    name: "import.drop_unstarted",
    sql: "DELETE FROM import WHERE import_id = $1 AND state IN (1, 3) AND changed_at <= $2",
};

static DROP_BLOCKS: Stmt =
    Stmt { name: "import.drop_blocks", sql: "DELETE FROM import_block WHERE import_id = $1" };

static ADD_BLOCK: Stmt = Stmt {
    name: "import.add_block",
    sql: "INSERT INTO import_block (import_id, block, lines) VALUES ($1, $2, $3)",
};

static ARRIVED: Stmt = Stmt {
    name: "import.arrived",
    sql: "UPDATE import SET state = 1, lines = $2, blocks = $3, about = $4 WHERE import_id = $1 AND state = 0",
};

static BLOCK: Stmt = Stmt {
    name: "import.block",
    sql: "SELECT lines, result FROM import_block WHERE import_id = $1 AND block = $2",
};

static RESULTS: Stmt = Stmt {
    name: "import.results",
    sql: "SELECT block, result FROM import_block WHERE import_id = $1 AND block >= $2 AND block < $3 \
          AND result IS NOT NULL ORDER BY block",
};

static RESULT: Stmt = Stmt {
    name: "import.result",
    sql: "UPDATE import_block SET result = $3 WHERE import_id = $1 AND block = $2",
};

static KEEP: Stmt = Stmt {
    name: "import.keep",
    sql: "UPDATE import_block SET lines = $3 WHERE import_id = $1 AND block = $2",
};

// The guard is how far it was seen to have come: of two nodes that did one block, one counts it.
static PROGRESS: Stmt = Stmt {
    name: "import.progress",
    sql: "UPDATE import SET done = $2, fine = fine + $3, applied = applied + $4, known = known + $5, \
          wrong = wrong + $6, elsewhere = elsewhere + $7, changed_at = $8 WHERE import_id = $1 AND done + 1 = $2",
};

static FINISH: Stmt = Stmt {
    name: "import.finish",
    sql: "UPDATE import SET state = state + $2, changed_at = $3 \
          WHERE import_id = $1 AND state IN (2, 4) AND done = blocks",
};

static RESTART: Stmt = Stmt {
    name: "import.restart",
    sql: "UPDATE import SET state = $2, done = 0, fine = 0, applied = 0, known = 0, wrong = 0, elsewhere = 0, \
          about = $3, changed_at = $4 WHERE import_id = $1 AND state IN (1, 3)",
};

static MOVE: Stmt = Stmt {
    name: "import.move",
    sql: "UPDATE import SET state = $2, about = $3, changed_at = $4 WHERE import_id = $1 AND state = $5",
};

static DESCRIBE: Stmt = Stmt {
    name: "import.describe",
    sql: "UPDATE import SET state = 1, about = $2, changed_at = $3 WHERE import_id = $1 AND state IN (1, 3)",
};

static REMEMBER: Stmt = Stmt {
    name: "import.remember",
    sql: "INSERT INTO import_mapping (office, fingerprint, mapping) VALUES ($1, $2, $3) \
          ON CONFLICT (office, fingerprint) DO UPDATE SET mapping = excluded.mapping",
};

static REMEMBERED: Stmt = Stmt {
    name: "import.remembered",
    sql: "SELECT mapping FROM import_mapping WHERE office = $1 AND fingerprint = $2",
};

static UNSTARTED: Stmt = Stmt {
    name: "import.unstarted",
    sql: "SELECT import_id, changed_at FROM import WHERE state IN (1, 3) AND changed_at < $1 LIMIT 100",
};

static RESTING: Stmt = Stmt {
    name: "import.resting",
    sql: "SELECT import_id, changed_at FROM import WHERE state IN (5, 6, 7) AND blocks > 0 AND changed_at < $1 \
          LIMIT 100",
};

// No blocks is how a finished list says that its lines are gone; one that never came so far has ended.
static EMPTY: Stmt = Stmt {
    name: "import.empty",
    sql: "UPDATE import SET state = CASE WHEN state = 7 THEN 7 ELSE 8 END, blocks = 0, done = 0 \
          WHERE import_id = $1 AND state IN (5, 6, 7) AND changed_at = $2",
};

static OLD: Stmt = Stmt {
    name: "import.old",
    sql: "SELECT import_id, changed_at FROM import WHERE state = 0 AND changed_at < $1 LIMIT 100",
};

fn import(row: &Row) -> Result<Import, DbError> {
    let id =
        |i| -> Result<[u8; 16], DbError> { row.bytes(i)?.try_into().map_err(|_| DbError::shape("import")) };
    let small =
        |i| -> Result<u8, DbError> { u8::try_from(row.int(i)?).map_err(|_| DbError::shape("import")) };
    Ok(Import {
        id: id(0)?,
        office: id(1)?,
        division: row.text(2)?.to_owned(),
        kind: ListKind::from_u8(small(3)?).ok_or_else(|| DbError::shape("kind"))?,
        state: State::from_u8(small(4)?).ok_or_else(|| DbError::shape("state"))?,
        lines: row.int(5)?,
        blocks: row.int(6)?,
        done: row.int(7)?,
        counts: Counts {
            fine: row.int(8)?,
            applied: row.int(9)?,
            known: row.int(10)?,
            wrong: row.int(11)?,
            elsewhere: row.int(12)?,
        },
        created_at: Instant(row.int(13)?),
        changed_at: Instant(row.int(14)?),
        about: row.bytes(15)?.to_vec(),
    })
}

pub async fn find(db: &Db, id: [u8; 16]) -> Result<Option<Import>, DbError> {
    db.one(&FIND, &[id.into()]).await?.map(|row| import(&row)).transpose()
}

/// Those of a division and below it, the newest first.
pub async fn list(db: &Db, division: &str, limit: i64) -> Result<Vec<Import>, DbError> {
    // Codes are digits: the sign after 9 ends those that begin alike.
    let rows = db.all(&LIST, &[division.into(), format!("{division}:").into(), limit.into()]).await?;
    rows.iter().map(import).collect()
}

/// Those that are to be worked on, the longest untouched first.
pub async fn work(db: &Db, limit: i64) -> Result<Vec<Import>, DbError> {
    db.all(&WORK, &[limit.into()]).await?.iter().map(import).collect()
}

pub async fn begin(db: &Db, new: &Import) -> Result<(), DbError> {
    let params = vec![
        new.id.into(),
        new.office.into(),
        new.division.as_str().into(),
        i64::from(new.kind as u8).into(),
        new.about.clone().into(),
        new.created_at.into(),
    ];
    db.commit(Unit::new("import.begin").expect(Affects::One, &BEGIN, params)).await
}

/// Forgets what never came in whole.
pub async fn forget(db: &Db, id: [u8; 16], changed_at: Instant) -> Result<(), DbError> {
    let unit = Unit::new("import.forget")
        .expect(Affects::One, &DROP_IMPORT, vec![id.into(), changed_at.into()])
        .expect(Affects::Any, &DROP_BLOCKS, vec![id.into()]);
    db.commit(unit).await
}

/// Forgets a file that was not started, unless it was touched after an instant.
pub async fn drop_unstarted(db: &Db, id: [u8; 16], touched: Instant) -> Result<(), DbError> {
    let unit = Unit::new("import.drop_unstarted")
        .expect(Affects::One, &DROP_UNSTARTED, vec![id.into(), touched.into()])
        .expect(Affects::Any, &DROP_BLOCKS, vec![id.into()]);
    db.commit(unit).await
}

pub async fn add_block(db: &Db, id: [u8; 16], block: i64, lines: Vec<u8>) -> Result<(), DbError> {
    let params = vec![id.into(), block.into(), lines.into()];
    db.commit(Unit::new("import.add_block").expect(Affects::One, &ADD_BLOCK, params)).await
}

pub async fn arrived(db: &Db, id: [u8; 16], lines: i64, blocks: i64, about: Vec<u8>) -> Result<(), DbError> {
    let params = vec![id.into(), lines.into(), blocks.into(), about.into()];
    db.commit(Unit::new("import.arrived").expect(Affects::One, &ARRIVED, params)).await
}

/// Lines and result of a block, sealed.
pub async fn block(db: &Db, id: [u8; 16], block: i64) -> Result<Option<(Vec<u8>, Option<Vec<u8>>)>, DbError> {
    let row = db.one(&BLOCK, &[id.into(), block.into()]).await?;
    row.map(|row| Ok((row.bytes(0)?.to_vec(), row.opt_bytes(1)?.map(<[u8]>::to_vec)))).transpose()
}

/// Results of some blocks, sealed, in order.
pub async fn results(
    db: &Db,
    id: [u8; 16],
    blocks: std::ops::Range<i64>,
) -> Result<Vec<(i64, Vec<u8>)>, DbError> {
    let rows = db.all(&RESULTS, &[id.into(), blocks.start.into(), blocks.end.into()]).await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.bytes(1)?.to_vec()))).collect()
}

/// What became of a block: its result, the lines that stay, and the counts. A conflict if another
/// node has counted it.
pub async fn progress(
    db: &Db,
    id: [u8; 16],
    block: i64,
    (result, kept): (Vec<u8>, Option<Vec<u8>>),
    counts: Counts,
    now: Instant,
) -> Result<(), DbError> {
    let moved = vec![
        id.into(),
        (block + 1).into(),
        counts.fine.into(),
        counts.applied.into(),
        counts.known.into(),
        counts.wrong.into(),
        counts.elsewhere.into(),
        now.into(),
    ];
    let mut unit = Unit::new("import.progress").expect(Affects::One, &PROGRESS, moved).expect(
        Affects::One,
        &RESULT,
        vec![id.into(), block.into(), result.into()],
    );
    if let Some(kept) = kept {
        unit = unit.expect(Affects::One, &KEEP, vec![id.into(), block.into(), kept.into()]);
    }
    db.commit(unit).await
}

/// From checking to checked, or from running to done, if all blocks are finished.
pub fn finish(unit: Unit, import: &Import, now: Instant) -> Unit {
    let step: i64 = if import.state == State::Checking { 1 } else { 3 };
    unit.expect(Affects::One, &FINISH, vec![import.id.into(), step.into(), now.into()])
}

/// From ready or checked to checking or running, from the first line.
pub async fn restart(
    db: &Db,
    id: [u8; 16],
    to: State,
    about: Vec<u8>,
    now: Instant,
    and: impl FnOnce(Unit) -> Unit,
) -> Result<(), DbError> {
    let params = vec![id.into(), i64::from(to as u8).into(), about.into(), now.into()];
    db.commit(and(Unit::new("import.restart").expect(Affects::One, &RESTART, params))).await
}

pub async fn move_to(
    db: &Db,
    import: &Import,
    to: State,
    about: Vec<u8>,
    now: Instant,
) -> Result<(), DbError> {
    let params = vec![
        import.id.into(),
        i64::from(to as u8).into(),
        about.into(),
        now.into(),
        i64::from(import.state as u8).into(),
    ];
    db.commit(Unit::new("import.move").expect(Affects::One, &MOVE, params)).await
}

pub async fn describe(db: &Db, id: [u8; 16], about: Vec<u8>, now: Instant) -> Result<(), DbError> {
    let params = vec![id.into(), about.into(), now.into()];
    db.commit(Unit::new("import.describe").expect(Affects::One, &DESCRIBE, params)).await
}

pub async fn remember(db: &Db, office: [u8; 16], print: [u8; 16], mapping: Vec<u8>) -> Result<(), DbError> {
    let params = vec![office.into(), print.into(), mapping.into()];
    db.commit(Unit::new("import.remember").expect(Affects::One, &REMEMBER, params)).await
}

pub async fn remembered(db: &Db, office: [u8; 16], print: [u8; 16]) -> Result<Option<Vec<u8>>, DbError> {
    let row = db.one(&REMEMBERED, &[office.into(), print.into()]).await?;
    row.map(|row| Ok(row.bytes(0)?.to_vec())).transpose()
}

/// Files that never came in whole.
pub async fn old(db: &Db, before: Instant) -> Result<Vec<([u8; 16], Instant)>, DbError> {
    touched(&db.all(&OLD, &[before.into()]).await?)
}

/// Lists that are finished, or that nobody let go on, and still have their lines.
pub async fn resting(db: &Db, before: Instant) -> Result<Vec<([u8; 16], Instant)>, DbError> {
    touched(&db.all(&RESTING, &[before.into()]).await?)
}

/// Drops the lines of such a list; its counts and who sent it stay.
pub async fn drop_lines(db: &Db, id: [u8; 16], changed_at: Instant) -> Result<(), DbError> {
    let unit = Unit::new("import.drop_lines")
        .expect(Affects::One, &EMPTY, vec![id.into(), changed_at.into()])
        .expect(Affects::Any, &DROP_BLOCKS, vec![id.into()]);
    db.commit(unit).await
}

/// Files that nobody started.
pub async fn unstarted(db: &Db, before: Instant) -> Result<Vec<([u8; 16], Instant)>, DbError> {
    touched(&db.all(&UNSTARTED, &[before.into()]).await?)
}

fn touched(rows: &[Row]) -> Result<Vec<([u8; 16], Instant)>, DbError> {
    rows.iter()
        .map(|row| {
            let id = row.bytes(0)?.try_into().map_err(|_| DbError::shape("import"))?;
            Ok((id, Instant(row.int(1)?)))
        })
        .collect()
}
