//! `person`, `document`, `fact` and `decision`.

use kangma_core::id::PersonId;
use kangma_core::time::Instant;

use crate::db::{Affects, Db, DbError, Point, Row, Rows, Stmt, Unit, Value, Walk};

pub struct StateRow {
    pub version: i64,
    pub tokens_after: i64,
    pub decided_at: i64,
    pub review_at: Option<i64>,
    pub pack: Vec<u8>,
    pub state: Vec<u8>,
}

/// Columns 1 to 6; column 0 is the person.
fn state_row(row: &Row) -> Result<StateRow, DbError> {
    Ok(StateRow {
        version: row.int(1)?,
        tokens_after: row.int(2)?,
        decided_at: row.int(3)?,
        review_at: row.opt_int(4)?,
        pack: row.bytes(5)?.to_vec(),
        state: row.bytes(6)?.to_vec(),
    })
}

static STATE: Point = Point {
    name: "person.state",
    columns: "person_id, version, tokens_after, decided_at, review_at, pack, state",
    table: "person",
    key: "person_id",
    filter: "",
};

pub static EVERYBODY: Walk = Walk {
    name: "person.walk",
    columns: "person_id, decided_at, review_at, pack, state, dossier, next_seq",
    table: "person",
    key: "person_id",
    filter: "",
};

pub static DOCUMENT: Point = Point {
    name: "person.find_document",
    columns: "document_id, profile",
    table: "document",
    key: "document_id",
    filter: "",
};

pub static DOCUMENTS: Walk = Walk {
    name: "person.walk_documents",
    columns: "document_id, profile",
    table: "document",
    key: "document_id",
    filter: "",
};

static LOAD: Stmt = Stmt {
    name: "person.load",
    sql: "SELECT person_id, version, tokens_after, decided_at, review_at, pack, state, dossier, next_seq \
          FROM person WHERE person_id = $1",
};

static BY_DOCUMENT: Stmt =
    Stmt { name: "person.by_document", sql: "SELECT person_id FROM document WHERE document_id = $1" };

// A person's first document has the person's own id, which keeps this on one shard.
static PROFILE: Stmt =
    Stmt { name: "person.profile", sql: "SELECT document_id, profile FROM document WHERE document_id = $1" };

static FACTS: Stmt =
    Stmt { name: "person.facts", sql: "SELECT seq, body FROM fact WHERE person_id = $1 ORDER BY seq" };

static DUE: Stmt = Stmt {
    name: "person.due",
    sql: "SELECT person_id FROM person WHERE review_at IS NOT NULL AND review_at <= $1 \
          AND person_id >= $3 AND person_id <= $4 ORDER BY review_at LIMIT $2",
};

static STATES_AFTER: Stmt = Stmt {
    name: "person.states_after",
    sql: "SELECT person_id, version, tokens_after, decided_at, review_at, pack, state FROM person \
          WHERE person_id > $1 ORDER BY person_id LIMIT $2",
};

static ADD_FACT: Stmt = Stmt {
    name: "person.add_fact",
    sql: "INSERT INTO fact (person_id, seq, recorded_at, body) VALUES ($1, $2, $3, $4)",
};

static REMOVE_FACTS: Stmt = Stmt {
    name: "person.remove_facts",
    sql: "DELETE FROM fact WHERE person_id = $1 AND seq >= $2 AND seq <= $3",
};

static ADD_DECISION: Stmt = Stmt {
    name: "person.add_decision",
    sql: "INSERT INTO decision (person_id, version, decided_at, body) VALUES ($1, $2, $3, $4)",
};

static ADD_DOCUMENT: Stmt = Stmt {
    name: "person.add_document",
    sql: "INSERT INTO document (document_id, person_id, profile, created_at) VALUES ($1, $2, $3, $4)",
};

static PUT_PROFILE: Stmt = Stmt {
    name: "person.put_profile",
    sql: "UPDATE document SET profile = $3 WHERE document_id = $1 AND person_id = $2",
};

static CREATE: Stmt = Stmt {
    name: "person.create",
    sql: "INSERT INTO person (person_id, version, next_seq, tokens_after, decided_at, review_at, pack, state, dossier) \
          VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8)",
};

static UPDATE: Stmt = Stmt {
    name: "person.update",
    sql: "UPDATE person SET version = $9 + 1, next_seq = $2, tokens_after = $3, decided_at = $4, review_at = $5, \
          pack = $6, state = $7, dossier = $8 WHERE person_id = $1 AND version = $9",
};

static CHANGE: Stmt = Stmt {
    name: "person.change",
    sql: "UPDATE person SET version = $2 + 1 WHERE person_id = $1 AND version = $2",
};

pub async fn state(db: &Db, id: PersonId) -> Result<Option<StateRow>, DbError> {
    db.point(&STATE, id.0).await?.map(|row| state_row(&row)).transpose()
}

pub async fn load(db: &Db, id: PersonId) -> Result<Option<(StateRow, Vec<u8>, i64)>, DbError> {
    let row = db.one(&LOAD, &[id.into()]).await?;
    row.map(|row| Ok((state_row(&row)?, row.bytes(7)?.to_vec(), row.int(8)?))).transpose()
}

pub async fn by_document(db: &Db, document: PersonId) -> Result<Option<PersonId>, DbError> {
    let row = db.one(&BY_DOCUMENT, &[document.into()]).await?;
    row.map(|row| person_id(row.bytes(0)?)).transpose()
}

pub async fn profile(db: &Db, id: PersonId) -> Result<Option<([u8; 16], Vec<u8>)>, DbError> {
    let row = db.one(&PROFILE, &[id.into()]).await?;
    row.map(|row| Ok((person_id(row.bytes(0)?)?.0, row.bytes(1)?.to_vec()))).transpose()
}

pub async fn facts(db: &Db, id: PersonId) -> Result<Vec<(i64, Vec<u8>)>, DbError> {
    let rows = db.all(&FACTS, &[id.into()]).await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.bytes(1)?.to_vec()))).collect()
}

/// People between two ids whose stored decision may no longer hold, the longest overdue first.
pub async fn due(
    db: &Db,
    now: Instant,
    (first, last): (PersonId, PersonId),
    limit: i64,
) -> Result<Vec<PersonId>, DbError> {
    let rows = db.all(&DUE, &[now.into(), limit.into(), first.into(), last.into()]).await?;
    rows.iter().map(|row| person_id(row.bytes(0)?)).collect()
}

/// People after an id, in order.
pub async fn states_after(
    db: &Db,
    id: Option<PersonId>,
    limit: i64,
) -> Result<Vec<(PersonId, StateRow)>, DbError> {
    let after = id.map_or(Vec::new(), |id| id.0.to_vec());
    let rows = db.all(&STATES_AFTER, &[after.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((person_id(row.bytes(0)?)?, state_row(row)?))).collect()
}

fn person_id(bytes: &[u8]) -> Result<PersonId, DbError> {
    bytes.try_into().map(PersonId).map_err(|_| DbError::shape("person_id"))
}

/// Row key of a fact or decision: the person, then its number.
pub fn fact_key(id: PersonId, seq: i64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&id.0);
    key[16..].copy_from_slice(&seq.to_be_bytes());
    key
}

pub fn add_fact(unit: Unit, id: PersonId, seq: i64, recorded: Instant, body: Vec<u8>) -> Unit {
    unit.expect(Affects::One, &ADD_FACT, vec![id.into(), seq.into(), recorded.into(), body.into()])
}

pub fn remove_facts(unit: Unit, id: PersonId, first: i64, last: i64) -> Unit {
    unit.expect(Affects::Any, &REMOVE_FACTS, vec![id.into(), first.into(), last.into()])
}

pub fn add_decision(unit: Unit, id: PersonId, version: i64, at: Instant, body: Vec<u8>) -> Unit {
    unit.expect(Affects::One, &ADD_DECISION, vec![id.into(), version.into(), at.into(), body.into()])
}

pub fn add_document(
    unit: Unit,
    document: PersonId,
    person: PersonId,
    profile: Vec<u8>,
    now: Instant,
) -> Unit {
    unit.expect(Affects::One, &ADD_DOCUMENT, vec![document.into(), person.into(), profile.into(), now.into()])
}

pub fn put_profile(unit: Unit, document: PersonId, person: PersonId, profile: Vec<u8>) -> Unit {
    unit.expect(Affects::One, &PUT_PROFILE, vec![document.into(), person.into(), profile.into()])
}

pub struct PersonRow {
    /// The version that was read; 0 creates.
    pub version: i64,
    pub next_seq: i64,
    pub tokens_after: Instant,
    pub decided_at: Instant,
    pub review_at: Option<Instant>,
    pub pack: Vec<u8>,
    pub state: Vec<u8>,
    pub dossier: Vec<u8>,
}

impl PersonRow {
    /// The parameters of [`CREATE`].
    fn params(self, id: PersonId) -> Vec<Value> {
        vec![
            id.into(),
            self.next_seq.into(),
            self.tokens_after.into(),
            self.decided_at.into(),
            self.review_at.into(),
            self.pack.into(),
            self.state.into(),
            self.dossier.into(),
        ]
    }
}

pub fn put(unit: Unit, id: PersonId, row: PersonRow) -> Unit {
    let unit = unit.touching(id);
    let version = row.version;
    let mut params = row.params(id);
    if version == 0 {
        return unit.expect(Affects::One, &CREATE, params);
    }
    params.push(version.into());
    unit.expect(Affects::One, &UPDATE, params)
}

pub fn change(unit: Unit, id: PersonId, version: i64) -> Unit {
    unit.touching(id).expect(Affects::One, &CHANGE, vec![id.into(), version.into()])
}

/// Rows of new people, for filling a database.
#[derive(Default)]
pub struct Filling {
    people: Vec<Vec<Value>>,
    documents: Vec<Vec<Value>>,
    facts: Vec<Vec<Value>>,
    decisions: Vec<Vec<Value>>,
}

impl Filling {
    pub fn person(&mut self, id: PersonId, row: PersonRow) {
        let mut values = row.params(id);
        values.insert(1, 1.into());
        self.people.push(values);
    }

    pub fn document(&mut self, document: PersonId, person: PersonId, profile: Vec<u8>, now: Instant) {
        self.documents.push(vec![document.into(), person.into(), profile.into(), now.into()]);
    }

    pub fn fact(&mut self, id: PersonId, seq: i64, recorded: Instant, body: Vec<u8>) {
        self.facts.push(vec![id.into(), seq.into(), recorded.into(), body.into()]);
    }

    pub fn decision(&mut self, id: PersonId, version: i64, at: Instant, body: Vec<u8>) {
        self.decisions.push(vec![id.into(), version.into(), at.into(), body.into()]);
    }

    pub fn into_rows(self) -> Vec<Rows> {
        vec![
            Rows {
                table: "person",
                columns: "person_id, version, next_seq, tokens_after, decided_at, review_at, pack, state, dossier",
                rows: self.people,
            },
            Rows {
                table: "document",
                columns: "document_id, person_id, profile, created_at",
                rows: self.documents,
            },
            Rows { table: "fact", columns: "person_id, seq, recorded_at, body", rows: self.facts },
            Rows { table: "decision", columns: "person_id, version, decided_at, body", rows: self.decisions },
        ]
    }
}
