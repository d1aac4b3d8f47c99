//! `pack_version`, `pack_draft`, `pack_step` and `pack_count`.

use kangma_core::id::PersonId;
use kangma_core::rules::publication::Step;
use kangma_core::time::Instant;

use crate::app::App;
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit, Value};
use crate::log::{self, Kind, Subject};

/// Steps that a node reads at most.
const STEPS_MAX: i64 = 20_000;

static STEPS: Stmt = Stmt {
    name: "publication.steps",
    sql: "SELECT publication_id, seq, at, officer, body FROM pack_step ORDER BY publication_id, seq LIMIT $1",
};

static ADD_STEP: Stmt = Stmt {
    name: "publication.add_step",
    sql: "INSERT INTO pack_step (publication_id, seq, at, officer, office, body) VALUES ($1, $2, $3, $4, $5, $6)",
};

static VERSION: Stmt =
    Stmt { name: "publication.version", sql: "SELECT files FROM pack_version WHERE digest = $1" };

static ADD_VERSION: Stmt = Stmt {
    name: "publication.add_version",
    sql: "INSERT INTO pack_version (digest, pack, version, division, author, created_at, files) \
          VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (digest) DO NOTHING",
};

static DRAFTS: Stmt = Stmt {
    name: "publication.drafts",
    sql: "SELECT draft_id, division, author, version, updated_at FROM pack_draft ORDER BY updated_at DESC, draft_id DESC \
          LIMIT $1",
};

static DRAFT: Stmt = Stmt {
    name: "publication.draft",
    sql: "SELECT draft_id, division, author, version, updated_at, files FROM pack_draft WHERE draft_id = $1",
};

static ADD_DRAFT: Stmt = Stmt {
    name: "publication.add_draft",
    sql: "INSERT INTO pack_draft (draft_id, division, author, version, updated_at, files) \
          VALUES ($1, $2, $3, 1, $4, $5)",
};

static PUT_DRAFT: Stmt = Stmt {
    name: "publication.put_draft",
    sql: "UPDATE pack_draft SET version = version + 1, updated_at = $3, files = $4 \
          WHERE draft_id = $1 AND version = $2",
};

static COUNT: Stmt = Stmt {
    name: "publication.count",
    sql: "INSERT INTO pack_count (publication_id, node, stage, was, becomes, people) \
          VALUES ($1, $2, $3, $4, $5, $6) \
          ON CONFLICT (publication_id, node, stage, was, becomes) DO UPDATE SET people = excluded.people",
};

static COUNTS: Stmt = Stmt {
    name: "publication.counts",
    sql: "SELECT stage, was, becomes, CAST(SUM(people) AS BIGINT) FROM pack_count WHERE publication_id = $1 \
          GROUP BY stage, was, becomes ORDER BY stage, was, becomes",
};

/// Nobody's id: it stands for the packs in the feed of changes, which tells every node of a step.
pub const PACKS: PersonId = PersonId([0; 16]);

fn id_of(bytes: &[u8]) -> Result<[u8; 16], DbError> {
    bytes.try_into().map_err(|_| DbError::shape("id"))
}

/// All steps of each publication in their order; ids grow with time. One that cannot be read is an error: what it says is not known.
pub async fn steps(db: &Db) -> Result<Vec<Step>, DbError> {
    let rows = db.all(&STEPS, &[STEPS_MAX.into()]).await?;
    let step = |row: &Row| {
        Ok(Step {
            publication: id_of(row.bytes(0)?)?,
            seq: row.int(1)?,
            at: Instant(row.int(2)?),
            officer: row.text(3)?.to_owned(),
            what: serde_json::from_str(row.text(4)?).map_err(|_| DbError::shape("a step"))?,
        })
    };
    rows.iter().map(step).collect()
}

/// Adds a step with its leaf; a conflict where another was taken meanwhile.
pub fn add_step(unit: Unit, app: &App, step: &Step, office: [u8; 16]) -> Unit {
    let body = serde_json::to_string(&step.what).unwrap_or_default();
    let row: Vec<Value> = vec![
        step.publication.into(),
        step.seq.into(),
        step.at.into(),
        step.officer.as_str().into(),
        office.into(),
        body.into(),
    ];
    let subject = Subject::step(Kind::Publication, step.publication, step.seq);
    log::leaf(unit, app, subject, &row).expect(Affects::One, &ADD_STEP, row).touching(PACKS)
}

pub async fn version(db: &Db, digest: &str) -> Result<Option<Vec<u8>>, DbError> {
    db.one(&VERSION, &[digest.into()]).await?.map(|row| Ok(row.bytes(0)?.to_vec())).transpose()
}

pub struct Version<'a> {
    pub digest: &'a str,
    pub pack: &'a str,
    pub version: &'a str,
    pub division: &'a str,
    pub author: &'a str,
    pub at: Instant,
    pub files: Vec<u8>,
}

pub fn add_version(unit: Unit, v: Version<'_>) -> Unit {
    let row = vec![
        v.digest.into(),
        v.pack.into(),
        v.version.into(),
        v.division.into(),
        v.author.into(),
        v.at.into(),
        v.files.into(),
    ];
    unit.expect(Affects::Any, &ADD_VERSION, row)
}

/// A draft, without its files in a list.
pub struct Draft {
    pub id: [u8; 16],
    pub division: String,
    pub author: String,
    pub version: i64,
    pub updated_at: Instant,
    pub files: Vec<u8>,
}

fn draft_of(row: &Row, with_files: bool) -> Result<Draft, DbError> {
    Ok(Draft {
        id: id_of(row.bytes(0)?)?,
        division: row.text(1)?.to_owned(),
        author: row.text(2)?.to_owned(),
        version: row.int(3)?,
        updated_at: Instant(row.int(4)?),
        files: if with_files { row.bytes(5)?.to_vec() } else { Vec::new() },
    })
}

pub async fn drafts(db: &Db, limit: i64) -> Result<Vec<Draft>, DbError> {
    db.all(&DRAFTS, &[limit.into()]).await?.iter().map(|row| draft_of(row, false)).collect()
}

pub async fn draft(db: &Db, id: [u8; 16]) -> Result<Option<Draft>, DbError> {
    db.one(&DRAFT, &[id.into()]).await?.map(|row| draft_of(&row, true)).transpose()
}

pub fn add_draft(id: [u8; 16], division: &str, author: &str, at: Instant, files: Vec<u8>) -> Unit {
    let row = vec![id.into(), division.into(), author.into(), at.into(), files.into()];
    Unit::new("publication.add_draft").expect(Affects::One, &ADD_DRAFT, row)
}

/// A conflict where somebody else wrote it meanwhile.
pub fn put_draft(id: [u8; 16], version: i64, at: Instant, files: Vec<u8>) -> Unit {
    let row = vec![id.into(), version.into(), at.into(), files.into()];
    Unit::new("publication.put_draft").expect(Affects::One, &PUT_DRAFT, row)
}

/// Writes down what a node has counted in all.
pub fn count(
    unit: Unit,
    id: [u8; 16],
    node: [u8; 16],
    (stage, was, becomes): (i64, i64, i64),
    n: i64,
) -> Unit {
    let row = vec![id.into(), node.into(), stage.into(), was.into(), becomes.into(), n.into()];
    unit.expect(Affects::Any, &COUNT, row)
}

/// Stage (-1 the shadow), colour before and after (0 none), people.
pub async fn counts(db: &Db, id: [u8; 16]) -> Result<Vec<(i64, i64, i64, i64)>, DbError> {
    let rows = db.all(&COUNTS, &[id.into()]).await?;
    rows.iter().map(|r| Ok((r.int(0)?, r.int(1)?, r.int(2)?, r.int(3)?))).collect()
}
