//! `account`.

use kangma_core::id::{AccountId, PersonId};
use kangma_core::time::Instant;

use crate::db::{Affects, Db, DbError, Rows, Stmt, Unit, Value};
use crate::identity::ClaimState;

pub struct Row {
    pub person: Option<PersonId>,
    pub phone: Vec<u8>,
    pub claim: Option<Vec<u8>>,
    pub claim_state: i64,
    pub version: i64,
}

static FIND: Stmt = Stmt {
    name: "account.find",
    sql: "SELECT person_id, phone, claim, claim_state, version FROM account WHERE account_id = $1",
};

static CREATE: Stmt = Stmt {
    name: "account.create",
    sql: "INSERT INTO account (account_id, person_id, phone, claim, claim_state, claim_at, version, created_at) \
          VALUES ($1, NULL, $2, NULL, 0, 0, 1, $3)",
};

static KEEP_CLAIM: Stmt = Stmt {
    name: "account.keep_claim",
    sql: "UPDATE account SET claim = $3, claim_state = $4, claim_at = $5, version = $2 + 1 \
          WHERE account_id = $1 AND version = $2 AND person_id IS NULL",
};

static POINT: Stmt = Stmt {
    name: "account.point",
    sql: "UPDATE account SET person_id = $2, claim = NULL, claim_state = 0, claim_at = 0, version = version + 1 \
          WHERE account_id = $1 AND (person_id IS NULL OR person_id = $2)",
};

pub async fn find(db: &Db, id: AccountId) -> Result<Option<Row>, DbError> {
    let row = db.one(&FIND, &[id.into()]).await?;
    row.map(|row| {
        Ok(Row {
            person: row
                .opt_bytes(0)?
                .map(|b| b.try_into().map(PersonId))
                .transpose()
                .map_err(|_| DbError::shape("person_id"))?,
            phone: row.bytes(1)?.to_vec(),
            claim: row.opt_bytes(2)?.map(<[u8]>::to_vec),
            claim_state: row.int(3)?,
            version: row.int(4)?,
        })
    })
    .transpose()
}

pub async fn create(db: &Db, id: AccountId, phone: Vec<u8>, now: Instant) -> Result<(), DbError> {
    let params = vec![id.into(), phone.into(), now.into()];
    db.commit(Unit::new("account.create").expect(Affects::One, &CREATE, params)).await
}

pub async fn keep_claim(
    db: &Db,
    id: AccountId,
    version: i64,
    state: ClaimState,
    claim: Vec<u8>,
    at: Instant,
) -> Result<(), DbError> {
    let params: Vec<Value> = vec![id.into(), version.into(), claim.into(), (state as i64).into(), at.into()];
    db.commit(Unit::new("account.keep_claim").expect(Affects::One, &KEEP_CLAIM, params)).await
}

pub async fn point(db: &Db, id: AccountId, person: PersonId) -> Result<(), DbError> {
    let params = vec![id.into(), person.into()];
    db.commit(Unit::new("account.point").expect(Affects::One, &POINT, params)).await
}

/// Rows of new accounts, for filling a database.
#[derive(Default)]
pub struct Filling(Vec<Vec<Value>>);

impl Filling {
    pub fn account(&mut self, id: AccountId, phone: Vec<u8>, person: Option<PersonId>, now: Instant) {
        let (none, version) = (0_i64, 1_i64);
        self.0.push(vec![
            id.into(),
            person.into(),
            phone.into(),
            Value::Null,
            none.into(),
            none.into(),
            version.into(),
            now.into(),
        ]);
    }

    pub fn into_rows(self) -> Rows {
        let columns = "account_id, person_id, phone, claim, claim_state, claim_at, version, created_at";
        Rows { table: "account", columns, rows: self.0 }
    }
}
