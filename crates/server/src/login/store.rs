//! `one_time_code` and `device`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use kangma_core::id::AccountId;
use kangma_core::time::Instant;

use super::Purpose;
use crate::db::{Affects, Db, DbError, Stmt, Unit};
use crate::seal::Hash;

/// A living or spent code.
pub struct Row {
    pub code_hash: Hash,
    pub expires_at: i64,
    pub tries_left: i64,
    pub window_at: i64,
    pub sent: i64,
}

static FIND: Stmt = Stmt {
    name: "login.find_code",
    sql: "SELECT code_hash, expires_at, tries_left, window_at, sent FROM one_time_code \
          WHERE account_id = $1 AND purpose = $2",
};

static FIRST: Stmt = Stmt {
    name: "login.first_code",
    sql: "INSERT INTO one_time_code (account_id, purpose, code_hash, expires_at, tries_left, window_at, sent) \
          VALUES ($1, $2, $3, $4, $5, $6, $7)",
};

// The old hash is the guard: of two racing requests one is told to look again.
static NEXT: Stmt = Stmt {
    name: "login.next_code",
    sql: "UPDATE one_time_code SET code_hash = $3, expires_at = $4, tries_left = $5, window_at = $6, sent = $7 \
          WHERE account_id = $1 AND purpose = $2 AND code_hash = $8",
};

static SPEND: Stmt = Stmt {
    name: "login.spend_try",
    sql: "UPDATE one_time_code SET tries_left = $3 \
          WHERE account_id = $1 AND purpose = $2 AND code_hash = $4 AND tries_left = $5",
};

pub static SWEEP_CODES: Stmt =
    Stmt { name: "login.sweep_codes", sql: "DELETE FROM one_time_code WHERE expires_at < $1" };

pub static SWEEP_DEVICES: Stmt =
    Stmt { name: "login.sweep_devices", sql: "DELETE FROM device WHERE created_at < $1" };

static ADD_DEVICE: Stmt = Stmt {
    name: "login.add_device",
    sql: "INSERT INTO device (account_id, token_hash, created_at) VALUES ($1, $2, $3)",
};

// A phone keeps its ten newest log-ins, so that logging in for ever does not fill the disk.
static TRIM_DEVICES: Stmt = Stmt {
    name: "login.trim_devices",
    sql: "DELETE FROM device WHERE account_id = $1 AND token_hash NOT IN \
          (SELECT token_hash FROM device WHERE account_id = $1 ORDER BY created_at DESC, token_hash LIMIT 10)",
};

static DEVICE: Stmt = Stmt {
    name: "login.device",
    sql: "SELECT created_at FROM device WHERE account_id = $1 AND token_hash = $2",
};

static END_DEVICE: Stmt =
    Stmt { name: "login.end_device", sql: "DELETE FROM device WHERE account_id = $1 AND token_hash = $2" };

pub async fn find(db: &Db, account: AccountId, purpose: Purpose) -> Result<Option<Row>, DbError> {
    let row = db.one(&FIND, &[account.into(), (purpose as i64).into()]).await?;
    row.map(|row| {
        Ok(Row {
            code_hash: Hash::from_bytes(row.bytes(0)?)?,
            expires_at: row.int(1)?,
            tries_left: row.int(2)?,
            window_at: row.int(3)?,
            sent: row.int(4)?,
        })
    })
    .transpose()
}

pub async fn put(
    db: &Db,
    account: AccountId,
    purpose: Purpose,
    row: &Row,
    last: Option<&Row>,
) -> Result<(), DbError> {
    let mut params = vec![
        account.into(),
        (purpose as i64).into(),
        row.code_hash.as_bytes().into(),
        row.expires_at.into(),
        row.tries_left.into(),
        row.window_at.into(),
        row.sent.into(),
    ];
    let stmt = match last {
        None => &FIRST,
        Some(last) => {
            params.push(last.code_hash.as_bytes().into());
            &NEXT
        }
    };
    db.commit(Unit::new("login.send").expect(Affects::One, stmt, params)).await
}

pub async fn spend(
    db: &Db,
    account: AccountId,
    purpose: Purpose,
    row: &Row,
    left: i64,
) -> Result<(), DbError> {
    let params = vec![
        account.into(),
        (purpose as i64).into(),
        left.into(),
        row.code_hash.as_bytes().into(),
        row.tries_left.into(),
    ];
    db.commit(Unit::new("login.spend").expect(Affects::One, &SPEND, params)).await
}

pub async fn add_device(db: &Db, account: AccountId, hash: &Hash, now: Instant) -> Result<(), DbError> {
    let unit = Unit::new("login.add_device")
        .expect(Affects::One, &ADD_DEVICE, vec![account.into(), hash.as_bytes().into(), now.into()])
        .expect(Affects::Any, &TRIM_DEVICES, vec![account.into()]);
    db.commit(unit).await
}

pub async fn device(db: &Db, account: AccountId, hash: &Hash) -> Result<Option<Instant>, DbError> {
    let row = db.one(&DEVICE, &[account.into(), hash.as_bytes().into()]).await?;
    row.map(|row| Ok(Instant(row.int(0)?))).transpose()
}

pub async fn end_device(db: &Db, account: AccountId, hash: &Hash) -> Result<(), DbError> {
    let params = vec![account.into(), hash.as_bytes().into()];
    db.commit(Unit::new("login.end_device").expect(Affects::Any, &END_DEVICE, params)).await
}

/// What a phone keeps to renew its token: the account and a secret.
pub struct DeviceToken {
    pub account: AccountId,
    pub secret: [u8; 32],
}

impl DeviceToken {
    pub fn text(&self) -> String {
        B64.encode([self.account.0.as_slice(), &self.secret].concat())
    }

    pub fn parse(text: &str) -> Option<DeviceToken> {
        let mut bytes = [0; 51];
        let n = B64.decode_slice(text, &mut bytes).ok()?;
        let (account, secret) = bytes.get(..n)?.split_first_chunk::<16>()?;
        Some(DeviceToken { account: AccountId(*account), secret: secret.try_into().ok()? })
    }
}
