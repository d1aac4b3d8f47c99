//! `staff_order` and `order_undo`.

use kangma_core::time::Instant;

use crate::app::App;
use crate::db::{self, Affects, Db, DbError, Stmt, Unit, Value};
use crate::log;

/// How far an order's row has come. Whether it acts is for the rules to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrderState)]
pub enum State {
    /// One too many: it waits for the level above and is no fact.
    Held = 0,
    /// It waits for a signature.
    Waiting = 1,
    /// A second office signed.
    Signed = 2,
    /// Withdrawn.
    Withdrawn = 3,
}

impl State {
    fn from_int(n: i64) -> Option<State> {
        [State::Held, State::Waiting, State::Signed, State::Withdrawn].into_iter().find(|s| *s as i64 == n)
    }
}

/// An order's row.
pub struct Row {
    /// The fact's id.
    pub id: [u8; 16],
    /// How far it has come.
    pub state: State,
    /// Log-in name of who wrote it.
    pub officer: String,
    /// Their office.
    pub office: [u8; 16],
    /// County of the person.
    pub division: String,
    /// The division that the officer's right covered.
    pub covers: String,
    /// Whether it acts alone for two hours.
    pub urgent: bool,
    /// When it was written.
    pub ordered_at: Instant,
    /// Its end.
    pub until: Instant,
    /// Who of the level above let it through.
    pub approved_by: Option<String>,
    /// Who signed.
    pub signed_by: Option<String>,
    /// When.
    pub signed_at: Option<Instant>,
    /// Who withdrew it.
    pub withdrawn_by: Option<String>,
    /// When.
    pub withdrawn_at: Option<Instant>,
    pub(super) salt: [u8; 16],
    pub(super) body: Vec<u8>,
}

static ADD: Stmt = Stmt {
    name: "order.add",
    sql: "INSERT INTO staff_order (order_id, state, officer, office, division, covers, urgent, ordered_at, until, \
          salt, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
};

static FIND: Stmt = Stmt {
    name: "order.find",
    sql: "SELECT order_id, state, officer, office, division, covers, urgent, ordered_at, until, approved_by, \
          signed_by, signed_at, withdrawn_by, withdrawn_at, salt, body FROM staff_order WHERE order_id = $1",
};

static WITHIN: Stmt = Stmt {
    name: "order.within",
    sql: "SELECT order_id, state, officer, office, division, covers, urgent, ordered_at, until, approved_by, \
          signed_by, signed_at, withdrawn_by, withdrawn_at, salt, body FROM staff_order \
          WHERE state = $1 AND division >= $2 AND division < $3 AND ordered_at >= $4 \
          ORDER BY ordered_at DESC, order_id DESC LIMIT $5",
};

// By an account, or by all where the name is empty.
static RANGE: Stmt = Stmt {
    name: "order.range",
    sql: "SELECT order_id, state, officer, office, division, covers, urgent, ordered_at, until, approved_by, \
          signed_by, signed_at, withdrawn_by, withdrawn_at, salt, body FROM staff_order \
          WHERE order_id > $1 AND officer >= $2 AND officer < $3 AND division >= $4 AND division < $5 \
          AND ordered_at >= $6 AND ordered_at <= $7 AND state < $8 ORDER BY order_id LIMIT $9",
};

static APPROVE: Stmt = Stmt {
    name: "order.approve",
    sql: "UPDATE staff_order SET state = 1, approved_by = $2 WHERE order_id = $1 AND state = 0",
};

static SIGN: Stmt = Stmt {
    name: "order.sign",
    sql: "UPDATE staff_order SET state = 2, signed_by = $2, signed_at = $3 WHERE order_id = $1 AND state = 1",
};

static WITHDRAW: Stmt = Stmt {
    name: "order.withdraw",
    sql: "UPDATE staff_order SET state = 3, withdrawn_by = $2, withdrawn_at = $3 WHERE order_id = $1 AND state = $4",
};

static ASK_UNDO: Stmt = Stmt {
    name: "order.ask_undo",
    sql: "INSERT INTO order_undo (undo_id, asked_by, office, asked_at, undone, body) VALUES ($1, $2, $3, $4, 0, $5)",
};

static FIND_UNDO: Stmt = Stmt {
    name: "order.find_undo",
    sql: "SELECT undo_id, asked_by, office, asked_at, signed_by, signed_at, done_at, undone, body FROM order_undo \
          WHERE undo_id = $1",
};

static UNDOS: Stmt = Stmt {
    name: "order.undos",
    sql: "SELECT undo_id, asked_by, office, asked_at, signed_by, signed_at, done_at, undone, body FROM order_undo \
          ORDER BY asked_at DESC, undo_id DESC LIMIT $1",
};

static UNDOS_DUE: Stmt = Stmt {
    name: "order.undos_due",
    sql: "SELECT undo_id, asked_by, office, asked_at, signed_by, signed_at, done_at, undone, body FROM order_undo \
          WHERE signed_at IS NOT NULL AND done_at IS NULL ORDER BY asked_at, undo_id LIMIT $1",
};

static SIGN_UNDO: Stmt = Stmt {
    name: "order.sign_undo",
    sql: "UPDATE order_undo SET signed_by = $2, signed_at = $3 WHERE undo_id = $1 AND signed_at IS NULL",
};

static COUNT_UNDONE: Stmt =
    Stmt { name: "order.count_undone", sql: "UPDATE order_undo SET undone = undone + $2 WHERE undo_id = $1" };

static UNDO_DONE: Stmt =
    Stmt { name: "order.undo_done", sql: "UPDATE order_undo SET done_at = $2 WHERE undo_id = $1" };

fn id(row: &db::Row, i: usize) -> Result<[u8; 16], DbError> {
    row.bytes(i)?.try_into().map_err(|_| DbError::shape("staff_order"))
}

fn order(row: &db::Row) -> Result<Row, DbError> {
    Ok(Row {
        id: id(row, 0)?,
        state: State::from_int(row.int(1)?).ok_or_else(|| DbError::shape("state"))?,
        officer: row.text(2)?.to_owned(),
        office: id(row, 3)?,
        division: row.text(4)?.to_owned(),
        covers: row.text(5)?.to_owned(),
        urgent: row.int(6)? != 0,
        ordered_at: Instant(row.int(7)?),
        until: Instant(row.int(8)?),
        approved_by: row.opt_text(9)?.map(str::to_owned),
        signed_by: row.opt_text(10)?.map(str::to_owned),
        signed_at: row.opt_int(11)?.map(Instant),
        withdrawn_by: row.opt_text(12)?.map(str::to_owned),
        withdrawn_at: row.opt_int(13)?.map(Instant),
        salt: id(row, 14)?,
        body: row.bytes(15)?.to_vec(),
    })
}

/// Adds an order, and its leaf of the decision log.
pub fn add(unit: Unit, app: &App, row: &Row) -> Unit {
    let params = vec![
        row.id.into(),
        (row.state as i64).into(),
        row.officer.as_str().into(),
        row.office.into(),
        row.division.as_str().into(),
        row.covers.as_str().into(),
        i64::from(row.urgent).into(),
        row.ordered_at.into(),
        row.until.into(),
        row.salt.into(),
        row.body.clone().into(),
    ];
    // Of what never changes, whatever becomes of the order.
    let columns = [
        row.id.into(),
        row.officer.as_str().into(),
        row.office.into(),
        row.division.as_str().into(),
        row.ordered_at.into(),
        row.body.clone().into(),
    ];
    let subject = log::Subject { office: Some(row.office), ..log::Subject::new(log::Kind::Order, row.id) };
    log::leaf(unit.expect(Affects::One, &ADD, params), app, subject, &columns)
}

pub async fn find(db: &Db, id: [u8; 16]) -> Result<Option<Row>, DbError> {
    db.one(&FIND, &[id.into()]).await?.map(|row| order(&row)).transpose()
}

/// Orders of a division in a state, the latest first.
pub async fn within(
    db: &Db,
    state: State,
    division: &str,
    since: Instant,
    limit: usize,
) -> Result<Vec<Row>, DbError> {
    let params =
        [(state as i64).into(), division.into(), after(division).into(), since.into(), (limit as i64).into()];
    db.all(&WITHIN, &params).await?.iter().map(order).collect()
}

/// Whose orders, of which people, written when.
pub struct Range<'a> {
    /// Log-in name; everybody's where it is empty.
    pub officer: &'a str,
    /// Of people in this division; everywhere where it is empty.
    pub division: &'a str,
    /// From this instant on.
    pub from: Instant,
    /// Until this one, it included.
    pub to: Instant,
}

/// Orders of a range that are not withdrawn, after an id.
pub async fn range(db: &Db, range: &Range<'_>, past: [u8; 16], limit: usize) -> Result<Vec<Row>, DbError> {
    // A name is one name, not the beginning of others; nothing sorts before a space but the empty text.
    let names = match range.officer {
        "" => (String::new(), "~".to_owned()),
        name => (name.to_owned(), format!("{name} ")),
    };
    let params = [
        past.into(),
        names.0.into(),
        names.1.into(),
        range.division.into(),
        after(range.division).into(),
        range.from.into(),
        range.to.into(),
        (State::Withdrawn as i64).into(),
        (limit as i64).into(),
    ];
    db.all(&RANGE, &params).await?.iter().map(order).collect()
}

/// Comes after every code of a division: codes are digits.
fn after(division: &str) -> String {
    format!("{division}~")
}

/// What becomes of an order or of a request to undo is logged by what that step writes.
fn step(unit: Unit, app: &App, id: [u8; 16], step: log::OrderStep, columns: &[Value]) -> Unit {
    log::leaf(unit, app, log::Subject::step(log::Kind::Order, id, step as i64), columns)
}

pub fn approve(unit: Unit, app: &App, id: [u8; 16], by: &str) -> Unit {
    let params = vec![id.into(), by.into()];
    step(unit, app, id, log::OrderStep::Approved, &params).expect(Affects::One, &APPROVE, params)
}

pub fn sign(unit: Unit, app: &App, id: [u8; 16], by: &str, at: Instant) -> Unit {
    let params = vec![id.into(), by.into(), at.into()];
    step(unit, app, id, log::OrderStep::Signed, &params).expect(Affects::One, &SIGN, params)
}

/// `was` guards: of two that change an order at once one succeeds.
pub fn withdraw(unit: Unit, app: &App, id: [u8; 16], was: State, by: &str, at: Instant) -> Unit {
    let params = vec![id.into(), by.into(), at.into(), (was as i64).into()];
    step(unit, app, id, log::OrderStep::Withdrawn, &params[..3]).expect(Affects::One, &WITHDRAW, params)
}

/// A request to withdraw many orders.
pub struct UndoRow {
    pub id: [u8; 16],
    pub asked_by: String,
    pub office: [u8; 16],
    pub asked_at: Instant,
    pub signed_by: Option<String>,
    pub signed_at: Option<Instant>,
    pub done_at: Option<Instant>,
    pub undone: i64,
    pub body: Vec<u8>,
}

fn undo(row: &db::Row) -> Result<UndoRow, DbError> {
    Ok(UndoRow {
        id: id(row, 0)?,
        asked_by: row.text(1)?.to_owned(),
        office: id(row, 2)?,
        asked_at: Instant(row.int(3)?),
        signed_by: row.opt_text(4)?.map(str::to_owned),
        signed_at: row.opt_int(5)?.map(Instant),
        done_at: row.opt_int(6)?.map(Instant),
        undone: row.int(7)?,
        body: row.bytes(8)?.to_vec(),
    })
}

pub fn ask_undo(
    unit: Unit,
    app: &App,
    id: [u8; 16],
    by: (&str, [u8; 16]),
    at: Instant,
    body: Vec<u8>,
) -> Unit {
    let params = vec![id.into(), by.0.into(), by.1.into(), at.into(), body.into()];
    step(unit, app, id, log::OrderStep::UndoAsked, &params).expect(Affects::One, &ASK_UNDO, params)
}

pub async fn find_undo(db: &Db, id: [u8; 16]) -> Result<Option<UndoRow>, DbError> {
    db.one(&FIND_UNDO, &[id.into()]).await?.map(|row| undo(&row)).transpose()
}

pub async fn undos(db: &Db, limit: i64) -> Result<Vec<UndoRow>, DbError> {
    db.all(&UNDOS, &[limit.into()]).await?.iter().map(undo).collect()
}

/// Those that are signed and not done.
pub async fn undos_due(db: &Db, limit: i64) -> Result<Vec<UndoRow>, DbError> {
    db.all(&UNDOS_DUE, &[limit.into()]).await?.iter().map(undo).collect()
}

pub fn sign_undo(unit: Unit, app: &App, id: [u8; 16], by: &str, at: Instant) -> Unit {
    let params = vec![id.into(), by.into(), at.into()];
    step(unit, app, id, log::OrderStep::UndoSigned, &params).expect(Affects::One, &SIGN_UNDO, params)
}

pub async fn count_undone(db: &Db, id: [u8; 16], n: i64) -> Result<(), DbError> {
    let unit = Unit::new("order.count_undone").expect(Affects::One, &COUNT_UNDONE, vec![id.into(), n.into()]);
    db.commit(unit).await
}

pub async fn undo_done(db: &Db, id: [u8; 16], at: Instant) -> Result<(), DbError> {
    let unit = Unit::new("order.undo_done").expect(Affects::One, &UNDO_DONE, vec![id.into(), at.into()]);
    db.commit(unit).await
}
