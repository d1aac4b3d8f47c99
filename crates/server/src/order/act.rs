//! What is done with an order once it is written: signed, let through, withdrawn.

use axum::http::StatusCode;
use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::rules::order::{OrderState, Standing, standings};
use kangma_core::rules::pack::Then;
use kangma_core::rules::set::place_number;
use kangma_core::time::Instant;

use super::scope::open;
use super::store::{self, Row, State};
use super::{Body, conflict, notice, record, staff_fact};
use crate::app::{App, Shared};
use crate::db::Unit;
use crate::decide::{self, Missing, Recording};
use crate::error::Problem;
use crate::staff::Officer;

/// Signs an order of another office: from now on it acts.
pub async fn sign(app: &Shared, officer: &Officer, id: [u8; 16]) -> Result<(), Problem> {
    let (row, body) = open(app, officer, Permission::CountersignOrder, id).await?;
    of_another_office(&row.officer, &row.office, officer)?;
    if row.state == State::Held {
        return Err(conflict(
            "order.held",
            "该处置令超过数量上限，须先经上一级批准。",
            "This order is held over the limit; the level above has to let it through first.",
        ));
    }
    still_in_office(app, &row).await?;
    let signature = {
        let mut fact = staff_fact(app, app.new_fact_id(), Kind::Signature, &officer.name, &officer.office);
        fact.set("of", Value::Text(FactId(id).to_string().into()));
        fact
    };
    let recording = Recording {
        missing: Missing::Refuse,
        unit: "order.sign",
        facts: &|person| {
            waits(app, &person.facts, FactId(id))?;
            Ok(vec![signature.clone()])
        },
        attach: &|unit, _, decision| store::sign(unit, app, id, &officer.name, decision.decided_at),
    };
    let person = decide::record(app, body.person(), recording).await?;
    notice::send(app, &person, id);
    Ok(())
}

/// The level above lets an order through that was held. It still waits for its signature.
pub async fn approve(app: &Shared, officer: &Officer, id: [u8; 16]) -> Result<(), Problem> {
    let (row, body) = open(app, officer, Permission::Order, id).await?;
    of_another_office(&row.officer, &row.office, officer)?;
    officer.require(Permission::Order, parent(&row.covers))?;
    if row.state != State::Held {
        return Err(conflict("order.not_held", "该处置令无需批准。", "This order is not held."));
    }
    if row.until <= app.clock.now() {
        return Err(conflict("order.ended", "该处置令已过结束时间。", "The order's end has passed."));
    }
    still_in_office(app, &row).await?;
    record(app, &row, &body, &|unit| store::approve(unit, app, id, &officer.name)).await?;
    Ok(())
}

/// Withdraws one order that opens something: that frees, so one officer may. What released somebody
/// is undone by two ([`undo`]).
pub async fn withdraw(app: &Shared, officer: &Officer, id: [u8; 16], reason: &str) -> Result<(), Problem> {
    let permission = if officer.scope(Permission::Order).is_empty() {
        Permission::CountersignOrder
    } else {
        Permission::Order
    };
    let (row, body) = open(app, officer, permission, id).await?;
    if !opens(app, &body) && row.state == State::Signed {
        return Err(conflict(
            "order.releases",
            "撤回解除须由两个单位共同作出，请使用批量撤回。",
            "Taking back a release needs two offices: ask for it under undoing orders.",
        ));
    }
    take_back(app, &row, &body, &officer.name, reason).await.map(drop)
}

/// Whether an order colours, rather than releases. One whose rule is gone colours.
pub(super) fn opens(app: &App, body: &Body) -> bool {
    let set = app.packs.set();
    let pack = set.with_rule(set.base(), &body.rule, None);
    pack.rule(&body.rule).is_none_or(|r| matches!(r.then, Then::Open { .. }))
}

/// Withdraws an order, whoever wrote it: a correction, after which the rules decide again. Whether
/// there was anything left to withdraw.
pub(super) async fn take_back(
    app: &Shared,
    row: &Row,
    body: &Body,
    by: &str,
    reason: &str,
) -> Result<bool, Problem> {
    let (id, now) = (row.id, app.clock.now());
    match row.state {
        State::Withdrawn => return Ok(false),
        State::Held => {
            let unit = store::withdraw(Unit::new("order.withdraw_held"), app, id, State::Held, by, now);
            app.db.commit(unit).await?;
            return Ok(true);
        }
        State::Waiting | State::Signed => {}
    }
    let mut correction = Fact {
        id: app.new_fact_id(),
        kind: Kind::Correction,
        happened: now,
        recorded: now,
        source: Source::Staff,
        values: Values::default(),
    };
    correction.set("of", Value::Text(FactId(id).to_string().into()));
    correction.set("reason", Value::Text(reason.into()));
    correction.set("by", Value::Text(by.into()));
    let recording = Recording {
        missing: Missing::Refuse,
        unit: "order.withdraw",
        facts: &|person| match standing(app, &person.facts, FactId(id))?.state {
            OrderState::Withdrawn => Ok(Vec::new()),
            _ => Ok(vec![correction.clone()]),
        },
        attach: &|unit, _, decision| store::withdraw(unit, app, id, row.state, by, decision.decided_at),
    };
    match decide::record(app, body.person(), recording).await {
        Ok(person) => notice::send(app, &person, id),
        // Whose data was destroyed has no colour left; the row says so too.
        Err(problem) if ["person.destroyed", "not_found"].contains(&problem.code) => {
            let unit = store::withdraw(Unit::new("order.withdraw_row"), app, id, row.state, by, now);
            app.db.commit(unit).await?;
        }
        Err(problem) => return Err(problem),
    }
    Ok(true)
}

/// An order's row that is still to say that a correction took the order back.
pub struct Corrected(Row);

/// The order of a fact, if it is one and its row does not say yet that it was withdrawn.
pub async fn corrected(app: &Shared, fact: FactId) -> Result<Option<Corrected>, Problem> {
    let row = store::find(&app.db, fact.0).await?;
    Ok(row.filter(|row| row.state != State::Withdrawn).map(Corrected))
}

impl Corrected {
    /// Says so in the unit that records the correction. Of two that change an order at once one succeeds.
    pub fn close_in(&self, unit: Unit, app: &App, by: &str, at: Instant) -> Unit {
        store::withdraw(unit, app, self.0.id, self.0.state, by, at)
    }
}

fn standing(app: &App, facts: &Facts, id: FactId) -> Result<Standing, Problem> {
    let pack = app.packs.at(place_number(facts), app.clock.now());
    let all = standings(&pack, facts, app.clock.now());
    all.into_iter().find(|s| s.order == id).ok_or_else(Problem::not_found)
}

/// Refuses to sign what does not wait for it.
fn waits(app: &App, facts: &Facts, id: FactId) -> Result<(), Problem> {
    let standing = standing(app, facts, id)?;
    let pack = app.packs.at(place_number(facts), app.clock.now());
    let rule = facts.find(id).and_then(|f| f.text("rule")).and_then(|rule| pack.rule(rule));
    if rule.is_none_or(|r| r.order.is_none()) {
        return Err(conflict(
            "order.rule_gone",
            "该处置令所引规则已不再有效。",
            "The rule that this order cites is no longer in force.",
        ));
    }
    match standing.state {
        OrderState::Waiting | OrderState::Urgent => Ok(()),
        OrderState::InForce => {
            Err(conflict("order.signed", "该处置令已复签。", "The order is signed already."))
        }
        OrderState::Lapsed | OrderState::Ended => {
            Err(conflict("order.ended", "该处置令已过结束时间。", "The order's end has passed."))
        }
        OrderState::Withdrawn => {
            Err(conflict("order.withdrawn", "该处置令已撤回。", "The order was withdrawn."))
        }
    }
}

/// Whoever wrote it must still be allowed to: an order does not outlive the right behind it unsigned.
async fn still_in_office(app: &Shared, row: &Row) -> Result<(), Problem> {
    if crate::staff::may_now(app, &row.officer, Permission::Order, &row.division).await? {
        return Ok(());
    }
    Err(conflict(
        "order.officer_gone",
        "作出处置的人员已无此权限，该处置令不能再生效。",
        "Whoever wrote the order may no longer do so; it cannot take effect any more.",
    ))
}

pub(super) fn of_another_office(name: &str, office: &[u8; 16], officer: &Officer) -> Result<(), Problem> {
    if officer.name != name && officer.office != *office {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "order.same_office",
        "须由另一单位的人员办理。",
        "Somebody of another office has to do this.",
    ))
}

/// The division above a division; the whole country above a province.
fn parent(code: &str) -> &str {
    let digits = [9, 6, 4, 2].into_iter().find(|n| *n < code.len()).unwrap_or(0);
    &code[..digits]
}
