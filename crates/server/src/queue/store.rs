//! `review`.

use kangma_core::appeal::Level;
use kangma_core::id::{AccountId, PersonId};
use kangma_core::time::Instant;

use super::{CLAIM_S, Item, Opening, Scope, State, Subject, UNDO_S};
use crate::db::{Affects, Db, DbError, Row, Stmt, Unit, Value};

macro_rules! columns {
    () => {
        "review_id, kind, person_id, account_id, rule, opened_at, state, division, street, level, due_at, \
         claimed_by, claimed_until, closed_by, finding"
    };
}

static OPEN_ITEMS: Stmt = Stmt {
    name: "queue.open_items",
    sql: concat!(
        "SELECT ",
        columns!(),
        " FROM review WHERE state = 0 AND division >= $1 AND division <= $2 AND level >= $3 \
         AND kind >= $4 AND kind <= $5 ORDER BY due_at, review_id LIMIT $6"
    ),
};

static OPEN_ITEMS_OF_STREET: Stmt = Stmt {
    name: "queue.open_items_of_street",
    sql: concat!(
        "SELECT ",
        columns!(),
        " FROM review WHERE state = 0 AND division >= $1 AND division <= $2 AND level >= $3 \
         AND kind >= $4 AND kind <= $5 AND street = $7 ORDER BY due_at, review_id LIMIT $6"
    ),
};

static COUNT_OPEN: Stmt = Stmt {
    name: "queue.count_open",
    sql: "SELECT COUNT(*) FROM (SELECT review_id FROM review WHERE state = 0 LIMIT $1) AS waiting",
};

static WAITS_FOR: Stmt = Stmt {
    name: "queue.waits_for",
    sql: "SELECT review_id FROM review WHERE person_id = $1 AND closed_at IS NULL LIMIT 1",
};

static OPEN_APPEALS: Stmt = Stmt {
    name: "queue.open_appeals",
    sql: "SELECT division, COUNT(*), COUNT(CASE WHEN opened_at < $1 THEN 1 END) FROM review \
          WHERE state = 0 AND kind = 3 GROUP BY division",
};

static FIND: Stmt =
    Stmt { name: "queue.find", sql: concat!("SELECT ", columns!(), " FROM review WHERE review_id = $1") };

static OPEN: Stmt = Stmt {
    name: "queue.open",
    sql: "INSERT INTO review (review_id, kind, person_id, account_id, rule, opened_at, state, division, street, \
          level, due_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10) ON CONFLICT (review_id) DO NOTHING",
};

static OVERTAKE_PERSON: Stmt = Stmt {
    name: "queue.overtake_person",
    sql: "UPDATE review SET state = $3, closed_at = $2, finding = NULL, settles_at = NULL \
          WHERE person_id = $1 AND kind = 1 AND closed_at IS NULL",
};

static OVERTAKE_ACCOUNT: Stmt = Stmt {
    name: "queue.overtake_account",
    sql: "UPDATE review SET state = $3, closed_at = $2, finding = NULL, settles_at = NULL \
          WHERE account_id = $1 AND kind = 2 AND closed_at IS NULL",
};

static CLAIM: Stmt = Stmt {
    name: "queue.claim",
    sql: "UPDATE review SET claimed_by = $2, claimed_until = $3 WHERE review_id = $1 AND state = 0 \
          AND (claimed_by IS NULL OR claimed_by = $2 OR claimed_until <= $4)",
};

static RELEASE: Stmt = Stmt {
    name: "queue.release",
    sql: "UPDATE review SET claimed_by = NULL, claimed_until = 0 WHERE review_id = $1 AND state = 0 \
          AND claimed_by = $2",
};

static SETTLE: Stmt = Stmt {
    name: "queue.settle",
    sql: "UPDATE review SET state = 5, closed_by = $2, settles_at = $3, finding = $4 WHERE review_id = $1 \
          AND state = 0 AND (claimed_by IS NULL OR claimed_by = $2 OR claimed_until <= $5)",
};

static UNDO: Stmt = Stmt {
    name: "queue.undo",
    sql: "UPDATE review SET state = 0, closed_by = NULL, settles_at = NULL, finding = NULL, claimed_by = $2, \
          claimed_until = $3 WHERE review_id = $1 AND state = 5 AND closed_by = $2 AND settles_at > $4",
};

static SETTLING: Stmt = Stmt {
    name: "queue.settling",
    sql: concat!(
        "SELECT ",
        columns!(),
        " FROM review WHERE state = 5 AND settles_at <= $1 ORDER BY settles_at, review_id LIMIT $2"
    ),
};

static CLOSE: Stmt = Stmt {
    name: "queue.close",
    sql: "UPDATE review SET state = $2, closed_at = $3, finding = NULL WHERE review_id = $1 AND state = 5",
};

static DROP: Stmt = Stmt {
    name: "queue.drop",
    sql: "UPDATE review SET state = $2, closed_at = $3, finding = NULL WHERE review_id = $1 AND closed_at IS NULL",
};

static DUE: Stmt = Stmt {
    name: "queue.due",
    sql: concat!(
        "SELECT ",
        columns!(),
        " FROM review WHERE state = 0 AND kind = 3 AND level > 1 AND due_at <= $1 ORDER BY due_at LIMIT $2"
    ),
};

static ESCALATE: Stmt = Stmt {
    name: "queue.escalate",
    sql: "UPDATE review SET level = $3, due_at = $4, claimed_by = NULL, claimed_until = 0 \
          WHERE review_id = $1 AND state = 0 AND level = $2",
};

fn item(row: &Row) -> Result<Item, DbError> {
    let id = |bytes: Option<&[u8]>| -> Result<[u8; 16], DbError> {
        bytes.and_then(|b| b.try_into().ok()).ok_or_else(|| DbError::shape("review"))
    };
    let person = || -> Result<PersonId, DbError> { Ok(PersonId(id(row.opt_bytes(2)?)?)) };
    let subject = match row.int(1)? {
        1 => Subject::Declaration(person()?),
        2 => Subject::Identity(AccountId(id(row.opt_bytes(3)?)?)),
        3 => Subject::Appeal(person()?),
        _ => Subject::Confirmation(person()?),
    };
    let text = |i: usize| -> Result<Option<String>, DbError> { Ok(row.opt_text(i)?.map(str::to_owned)) };
    let level = u8::try_from(row.int(9)?).ok().and_then(Level::from_u8);
    let claim_until = Instant(row.int(12)?);
    Ok(Item {
        id: id(Some(row.bytes(0)?))?,
        subject,
        rule: row.text(4)?.to_owned(),
        opened_at: Instant(row.int(5)?),
        state: State::from_int(row.int(6)?).ok_or_else(|| DbError::shape("review.state"))?,
        county: u32::try_from(row.int(7)?).map_err(|_| DbError::shape("review.division"))?,
        street: row.opt_bytes(8)?.map(|b| id(Some(b))).transpose()?,
        level: level.ok_or_else(|| DbError::shape("review.level"))?,
        due_at: Instant(row.int(10)?),
        claim: text(11)?.map(|name| (name, claim_until)),
        settled_by: text(13)?,
        finding: row.opt_bytes(14)?.map(<[u8]>::to_vec),
    })
}

/// How many wait; counting ends at `limit`.
pub async fn count_open(db: &Db, limit: i64) -> Result<i64, DbError> {
    db.one(&COUNT_OPEN, &[limit.into()]).await?.map_or(Ok(0), |row| row.int(0))
}

/// What waits in a scope, of kinds between two, the least time left first.
pub async fn open_items(
    db: &Db,
    scope: &Scope,
    kinds: (i64, i64),
    level: Option<Level>,
    limit: i64,
) -> Result<Vec<Item>, DbError> {
    let highest = level.unwrap_or(scope.level).max(scope.level);
    let mut params: Vec<Value> = vec![
        i64::from(scope.counties.0).into(),
        i64::from(scope.counties.1).into(),
        (highest as i64).into(),
        kinds.0.into(),
        kinds.1.into(),
        limit.into(),
    ];
    let stmt = match scope.street {
        Some(street) => {
            params.push(street.into());
            &OPEN_ITEMS_OF_STREET
        }
        None => &OPEN_ITEMS,
    };
    db.all(stmt, &params).await?.iter().map(item).collect()
}

/// Appeals of one county that wait.
pub struct AppealsOf {
    /// The county's code.
    pub division: u64,
    /// How many.
    pub open: i64,
    /// Of them, those that wait longer than asked.
    pub late: i64,
}

/// Appeals that wait, by county; late are those that were opened before an instant.
pub async fn open_appeals(db: &Db, late: Instant) -> Result<Vec<AppealsOf>, DbError> {
    let rows = db.all(&OPEN_APPEALS, &[late.into()]).await?;
    rows.iter()
        .map(|row| {
            let division = row.int(0)?.unsigned_abs();
            Ok(AppealsOf { division, open: row.int(1)?, late: row.int(2)? })
        })
        .collect()
}

/// Whether something about a person waits for an officer, or was found and is not in effect yet.
pub async fn waits_for(db: &Db, person: PersonId) -> Result<bool, DbError> {
    Ok(db.one(&WAITS_FOR, &[person.into()]).await?.is_some())
}

/// One entry, open or not.
pub async fn find(db: &Db, id: [u8; 16]) -> Result<Option<Item>, DbError> {
    db.one(&FIND, &[id.into()]).await?.map(|row| item(&row)).transpose()
}

pub fn open(unit: Unit, opening: &Opening<'_>, street: Option<[u8; 16]>, due_at: Instant) -> Unit {
    let account = match opening.subject {
        Subject::Identity(account) => Some(account),
        _ => None,
    };
    let params = vec![
        opening.id.into(),
        opening.subject.kind().into(),
        opening.subject.person().into(),
        account.into(),
        opening.rule.into(),
        opening.at.into(),
        i64::from(opening.place.county).into(),
        street.into(),
        (opening.level as i64).into(),
        due_at.into(),
    ];
    unit.expect(Affects::Any, &OPEN, params)
}

pub fn overtake(unit: Unit, subject: Subject, at: Instant) -> Unit {
    let (stmt, who) = match subject {
        Subject::Identity(account) => (&OVERTAKE_ACCOUNT, Value::from(account)),
        Subject::Declaration(p) | Subject::Appeal(p) | Subject::Confirmation(p) => {
            (&OVERTAKE_PERSON, Value::from(p))
        }
    };
    unit.expect(Affects::Any, stmt, vec![who, at.into(), (State::Overtaken as i64).into()])
}

/// Takes an entry in hand, or goes on having it; a conflict if somebody else has it.
pub async fn claim(db: &Db, id: [u8; 16], by: &str, now: Instant) -> Result<Instant, DbError> {
    let until = now.plus_s(CLAIM_S);
    let params = vec![id.into(), by.into(), until.into(), now.into()];
    db.commit(Unit::new("queue.claim").expect(Affects::One, &CLAIM, params)).await?;
    Ok(until)
}

/// Gives an entry back; nothing where somebody else has it.
pub async fn release(db: &Db, id: [u8; 16], by: &str) -> Result<(), DbError> {
    let params = vec![id.into(), by.into()];
    db.commit(Unit::new("queue.release").expect(Affects::Any, &RELEASE, params)).await
}

/// Keeps what an officer found; it takes effect at the instant returned. A conflict if it is no
/// longer open, or somebody else has it in hand.
pub async fn settle(
    db: &Db,
    id: [u8; 16],
    by: &str,
    finding: Vec<u8>,
    now: Instant,
) -> Result<Instant, DbError> {
    let at = now.plus_s(UNDO_S);
    let params = vec![id.into(), by.into(), at.into(), finding.into(), now.into()];
    db.commit(Unit::new("queue.settle").expect(Affects::One, &SETTLE, params)).await?;
    Ok(at)
}

/// Takes back what an officer found, who then has the entry in hand again; a conflict once it is in effect.
pub async fn undo(db: &Db, id: [u8; 16], by: &str, now: Instant) -> Result<Instant, DbError> {
    let until = now.plus_s(CLAIM_S);
    let params = vec![id.into(), by.into(), until.into(), now.into()];
    db.commit(Unit::new("queue.undo").expect(Affects::One, &UNDO, params)).await?;
    Ok(until)
}

/// What was found and takes effect now, the oldest first.
pub async fn settling(db: &Db, now: Instant, limit: i64) -> Result<Vec<Item>, DbError> {
    db.all(&SETTLING, &[now.into(), limit.into()]).await?.iter().map(item).collect()
}

/// Closes a settled entry in the unit that records its outcome; a conflict if somebody else just did.
pub fn close_in(unit: Unit, id: [u8; 16], state: State, at: Instant) -> Unit {
    unit.expect(Affects::One, &CLOSE, vec![id.into(), (state as i64).into(), at.into()])
}

/// Closes an entry that nobody has to look at any more.
pub fn drop_in(unit: Unit, id: [u8; 16], state: State, at: Instant) -> Unit {
    unit.expect(Affects::One, &DROP, vec![id.into(), (state as i64).into(), at.into()])
}

/// Appeals whose time is over and that have a level above them, the longest overdue first.
pub async fn due(db: &Db, now: Instant, limit: i64) -> Result<Vec<Item>, DbError> {
    db.all(&DUE, &[now.into(), limit.into()]).await?.iter().map(item).collect()
}

/// Moves an open entry to another level; a conflict if it is not at the level that was seen.
pub fn escalate_in(unit: Unit, item: &Item, to: Level, due_at: Instant) -> Unit {
    let params = vec![item.id.into(), (item.level as i64).into(), (to as i64).into(), due_at.into()];
    unit.expect(Affects::One, &ESCALATE, params)
}
