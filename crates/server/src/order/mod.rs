//! Orders (处置令): what staff ask for by hand, and that one office alone changes nothing.
//!
//! URLs: `GET` and `POST /api/v1/orders`, `GET /api/v1/orders/{id}`, `POST …/signature`, `…/approval`,
//! `…/withdrawal`, `GET` and `POST /api/v1/order-undos`, `POST /api/v1/order-undos/{id}/signature`,
//! `GET /api/v1/me/notices`. Tables: `staff_order`, `order_undo`.
//!
//! An order cites a rule that the pack lets be ordered, and rests on evidence. It is a fact on the
//! person, as are its signature and its withdrawal; the rules say what follows
//! (`core::rules::order`). Over the limit of an hour an order is held: it is no fact and nobody
//! hears of it until the level above lets it through.

mod act;
pub mod http;
pub mod job;
pub mod notice;
mod scope;
mod store;
#[cfg(test)]
mod tests;
pub mod undo;

use axum::http::StatusCode;
use kangma_core::fact::{EVIDENCE, Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::{FactId, PersonId};
use kangma_core::identity::Document;
use kangma_core::role::Permission;
use kangma_core::rules::order::{OrderState, Standing, has_case, standings, urgent_before};
use kangma_core::rules::pack::{Pack, Rule, Then};
use kangma_core::time::{DAY_S, Instant};
use serde::{Deserialize, Serialize};

use crate::alarm::{self, Pace};
use crate::app::{App, Shared};
use crate::db::Unit;
use crate::decide::{self, Missing, Recording};
use crate::error::Problem;
use crate::http::IdempotencyKey;
use crate::look::{self, Looker, Purpose};
use crate::person;
use crate::staff::Officer;

pub use act::{approve, corrected, sign, withdraw};
pub use store::{Row, State};

/// The longest reference to evidence, in letters.
pub const REFERENCE_MAX: usize = 200;
/// Whom an order is about.
pub enum Of {
    /// The person of a document.
    Document(Document),
    /// The person of an entry that waits for review.
    Case([u8; 16]),
}

/// What an officer asks for.
pub struct Ask {
    /// Whom it is about.
    pub of: Of,
    /// Id of a rule that the pack lets be ordered.
    pub rule: String,
    /// Kind of evidence.
    pub evidence: String,
    /// Where the evidence lies.
    pub reference: String,
    /// When it ends.
    pub until: Instant,
    /// Whether it acts alone for two hours.
    pub urgent: bool,
}

/// What an order says, sealed beside its row.
#[derive(Clone, Serialize, Deserialize)]
struct Body {
    person: [u8; 16],
    rule: String,
    evidence: String,
    reference: String,
}

impl Body {
    fn person(&self) -> PersonId {
        PersonId(self.person)
    }
}

/// An order that an officer opened, and whom it is about.
pub struct Opened {
    /// Its row.
    row: Row,
    /// What it says.
    body: Body,
    /// Such as 张*.
    name_masked: String,
    /// Whether the person is elsewhere by now, where others act.
    has_moved: bool,
}

/// Opens an order of one's divisions, to sign it or to check it. The person is shown that it was done.
pub async fn look_at(app: &Shared, officer: &Officer, id: [u8; 16]) -> Result<Opened, Problem> {
    let seeing = [Permission::CountersignOrder, Permission::Order, Permission::Audit];
    let (row, body, right) = scope::open_by(app, officer, &seeing, id).await?;
    let purpose = if right.permission == Permission::Audit { Purpose::Audit } else { Purpose::Order };
    let by = Looker::of(app, officer, right.permission, &right.division).await?;
    let state = person::state(app, body.person()).await?.ok_or_else(Problem::not_found)?;
    look::record(app, &by, state.id, purpose, "").await?;
    Ok(Opened { row, body, name_masked: state.sealed.name_masked.clone(), has_moved: right.is_of_list })
}

/// Writes an order. Inert, unless it is urgent; held, if it is one too many.
pub async fn give(
    app: &Shared,
    officer: &Officer,
    key: &IdempotencyKey,
    ask: &Ask,
) -> Result<(FactId, State), Problem> {
    officer.require_somewhere(Permission::Order)?;
    // Anywhere first, so that what nobody can order is not asked about people.
    let set = app.packs.set();
    check(app, set.with_rule(set.base(), &ask.rule, None), ask)?;
    let id = FactId(match &key.0 {
        Some(key) => id_from(app, &[b"order", officer.name.as_bytes(), key.as_bytes()]),
        None => app.new_id(),
    });
    if let Some(row) = store::find(&app.db, id.0).await? {
        // The same key again: said once, answered the same.
        return Ok((id, row.state));
    }
    scope::not_too_many_refused(app, officer).await?;
    let (person, division) = scope::find(app, officer, &ask.of).await?;
    let pack = set.at(person.division(), app.clock.now());
    let rule = check(app, pack, ask)?;
    may_be_ordered(app, pack, &person.facts, ask)?;
    let covers = officer.grant_for(Permission::Order, &division).map_or("", |g| g.division.as_str());
    let now = app.clock.now();
    let mut row = Row {
        id: id.0,
        state: State::Waiting,
        officer: officer.name.clone(),
        office: officer.office,
        covers: covers.to_owned(),
        division,
        urgent: ask.urgent,
        ordered_at: now,
        until: ask.until,
        approved_by: None,
        signed_by: None,
        signed_at: None,
        withdrawn_by: None,
        withdrawn_at: None,
        salt: salt(app),
        body: Vec::new(),
    };
    let body = Body {
        person: person.id.0,
        rule: ask.rule.clone(),
        evidence: ask.evidence.clone(),
        reference: ask.reference.clone(),
    };
    row.body = seal(app, &row.id, &body);
    let limit = Pace { what: "order.hour", span_s: 3_600, most: app.config.orders_per_hour };
    let has_room =
        limit.take(app, officer.name.as_bytes()).await? && limit.take(app, &officer.office).await?;
    if !has_room {
        // Held, it is not urgent any more: the level above looks at it first.
        (row.state, row.urgent) = (State::Held, false);
        let unit = store::add(Unit::new("order.hold"), app, &row);
        let unit = alarm::raise_in(unit, app, alarm::Kind::BulkStopped, &row.officer, &row.covers);
        app.db.commit(unit).await?;
        return Ok((id, State::Held));
    }
    record(app, &row, &body, &|unit| store::add(unit, app, &row)).await?;
    if matches!(rule.then, Then::Open { .. }) && !has_case(&person.facts, now) {
        alarm::without_case(app, &row.officer, &row.division).await?;
    }
    Ok((id, State::Waiting))
}

/// What does not depend on whom it is about.
fn check<'a>(app: &App, pack: &'a Pack, ask: &Ask) -> Result<&'a Rule, Problem> {
    let rule = pack.rule(&ask.rule).filter(|r| r.order.is_some());
    let Some((rule, terms)) = rule.and_then(|r| Some((r, r.order?))) else {
        return Err(Problem::field(
            "rule",
            "order.rule",
            "现行规则包中没有可据以处置的这条规则。",
            "The rules in force have no such rule that can be ordered.",
        ));
    };
    if !EVIDENCE.contains(&ask.evidence.as_str()) {
        return Err(Problem::field(
            "evidence",
            "order.evidence",
            "请选择所依据的材料种类。",
            "Say what kind of evidence it rests on.",
        ));
    }
    let now = app.clock.now();
    if ask.until <= now || ask.until > now.plus_s(i64::from(terms.days_max) * DAY_S) {
        return Err(Problem::field(
            "until",
            "order.until",
            format!("结束时间须在此刻之后，最长 {} 天。", terms.days_max),
            format!("The end lies ahead, and at most {} days.", terms.days_max),
        ));
    }
    if ask.urgent && !terms.urgent {
        return Err(Problem::field(
            "urgent",
            "order.not_urgent",
            "这条规则不允许紧急处置，须经复签后生效。",
            "Nothing under this rule is urgent; it acts once it is signed.",
        ));
    }
    Ok(rule)
}

/// What depends on the person: no second order of the same rule beside one, and no second urgent one.
fn may_be_ordered(app: &App, pack: &Pack, facts: &Facts, ask: &Ask) -> Result<(), Problem> {
    let now = app.clock.now();
    let living = |s: &Standing| {
        matches!(s.state, OrderState::Waiting | OrderState::Urgent | OrderState::InForce)
            && facts.find(s.order).and_then(|f| f.text("rule")) == Some(&ask.rule)
    };
    if standings(pack, facts, now).iter().any(living) {
        return Err(conflict(
            "order.already",
            "该人员已有一份同一规则的处置令尚未结束。",
            "There is an order under this rule for this person already.",
        ));
    }
    if ask.urgent && urgent_before(facts, now).is_some() {
        return Err(conflict(
            "order.urgent_again",
            "七天内对同一人只能紧急处置一次；可作普通处置，经复签后生效。",
            "One urgent order per person in seven days. Write an ordinary one, which acts once it is signed.",
        ));
    }
    Ok(())
}

/// Records the order's fact, with its row in the same unit.
async fn record(
    app: &Shared,
    row: &Row,
    body: &Body,
    keep: &(dyn Fn(Unit) -> Unit + Sync),
) -> Result<(), Problem> {
    let mut order = staff_fact(app, FactId(row.id), Kind::Order, &row.officer, &row.office);
    for (field, text) in [("rule", &body.rule), ("evidence", &body.evidence), ("reference", &body.reference)]
    {
        order.set(field, Value::Text(text.as_str().into()));
    }
    order.set("until", Value::Instant(row.until));
    order.set("urgent", Value::Bool(row.urgent));
    let ask = Ask {
        of: Of::Case(row.id),
        rule: body.rule.clone(),
        evidence: body.evidence.clone(),
        reference: body.reference.clone(),
        until: row.until,
        urgent: row.urgent,
    };
    let recording = Recording {
        missing: Missing::Refuse,
        unit: "order.record",
        facts: &|person| {
            may_be_ordered(app, &app.packs.at(person.division(), app.clock.now()), &person.facts, &ask)?;
            Ok(vec![order.clone()])
        },
        attach: &|unit, _, _| {
            let unit = keep(unit);
            if row.urgent {
                return alarm::raise_in(unit, app, alarm::Kind::UrgentOrder, &row.officer, &row.division);
            }
            unit
        },
    };
    let person = decide::record(app, body.person(), recording).await?;
    notice::send(app, &person, row.id);
    Ok(())
}

fn conflict(code: &'static str, zh: &str, en: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, zh, en)
}

fn staff_fact(app: &App, id: FactId, kind: Kind, by: &str, office: &[u8; 16]) -> Fact {
    let at = app.clock.now();
    let mut fact =
        Fact { id, kind, happened: at, recorded: at, source: Source::Staff, values: Values::default() };
    fact.set("by", Value::Text(by.into()));
    fact.set("office", Value::Text(FactId(*office).to_string().into()));
    fact
}

fn id_from(app: &App, parts: &[&[u8]]) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&app.keys.hash("order", parts).as_bytes()[..16]);
    id
}

fn salt(app: &App) -> [u8; 16] {
    let mut salt = [0; 16];
    app.rng.fill(&mut salt);
    salt
}

fn seal(app: &App, id: &[u8; 16], body: &Body) -> Vec<u8> {
    let plain = serde_json::to_vec(body).expect("an order is plain JSON");
    app.keys.master.seal("staff_order", "body", id, &plain)
}

fn unseal(app: &App, row: &Row) -> Result<Body, Problem> {
    let plain = app.keys.master.open("staff_order", "body", &row.id, &row.body).map_err(unreadable)?;
    serde_json::from_slice(&plain).map_err(unreadable)
}

fn unreadable(e: impl std::fmt::Display) -> Problem {
    tracing::error!(%e, "an order's sealed column could not be read");
    Problem::internal()
}
