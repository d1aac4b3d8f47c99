//! Orders (处置令): what a member of staff asks for by hand, under a rule that the pack lets be ordered.
//!
//! An order is a fact, and inert until a second person of another office signs it, which is a fact
//! too. An urgent one acts alone, for [`URGENT_S`] at most and once per person in
//! [`URGENT_APART_S`]; unsigned by then it has lapsed. Every order has an end. What is checked
//! here was checked when the facts were recorded; a record that got in otherwise does nothing.

use serde::Deserialize;

use crate::fact::{Fact, Facts, Kind, Value};
use crate::id::FactId;
use crate::rules::decide::withdrawn;
use crate::rules::pack::Pack;
use crate::time::{DAY_S, Instant, Now};

/// For how long an urgent order acts without a second signature, in seconds.
pub const URGENT_S: i64 = 2 * 3600;
/// After an urgent order for a person there is none for this long, in seconds.
pub const URGENT_APART_S: i64 = 7 * DAY_S;

/// What a pack says of orders under one of its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orderable {
    /// An order ends at most this many times 24 hours after it was written.
    pub days_max: u32,
    /// Whether one may act for two hours before it is signed.
    #[serde(default)]
    pub urgent: bool,
}

/// How far an order has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Inert: nobody has signed.
    Waiting,
    /// Acts alone, unsigned.
    Urgent,
    /// Signed.
    InForce,
    /// Nobody signed in time.
    Lapsed,
    /// Its end has come.
    Ended,
    /// A correction withdrew it.
    Withdrawn,
}

impl OrderState {
    /// Its word in JSON and cases.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OrderState::Waiting => "waiting",
            OrderState::Urgent => "urgent",
            OrderState::InForce => "in_force",
            OrderState::Lapsed => "lapsed",
            OrderState::Ended => "ended",
            OrderState::Withdrawn => "withdrawn",
        }
    }
}

/// Where an order stands at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The order's fact.
    pub order: FactId,
    /// How far it has come.
    pub state: OrderState,
    /// Since when it acts or acted; none where it never did.
    pub from: Option<Instant>,
    /// When it stops: its end, or an urgent one's two hours while nobody signed.
    pub until: Instant,
    /// When it was signed.
    pub signed_at: Option<Instant>,
}

/// Every order of a person in canonical order, and where it stands.
#[must_use]
pub fn standings(pack: &Pack, facts: &Facts, now: Instant) -> Vec<Standing> {
    let now = Now::new(now);
    let withdrawn = withdrawn(facts, &now);
    let orders = facts.iter().filter(|f| f.kind == Kind::Order && now.reached(f.happened));
    orders.map(|order| standing(pack, facts, &withdrawn, order, &now)).collect()
}

/// The end of an order: its own, and never later than the pack lets it be.
#[must_use]
pub fn end_of(pack: &Pack, order: &Fact) -> Instant {
    // Without an end it never acts.
    let Value::Instant(until) = *order.get("until") else { return order.happened };
    let days_max = orderable(pack, order).map(|o| i64::from(o.days_max));
    days_max.map_or(until, |days| until.min(order.happened.plus_s(days * DAY_S)))
}

fn orderable(pack: &Pack, order: &Fact) -> Option<Orderable> {
    pack.rule(order.text("rule")?)?.order
}

/// The last order of a person that asked to be urgent, withdrawn or not, within the days before `at`.
#[must_use]
pub fn urgent_before(facts: &Facts, at: Instant) -> Option<&Fact> {
    let urgent = |f: &&Fact| f.kind == Kind::Order && *f.get("urgent") == Value::Bool(true);
    let near = |f: &&Fact| f.happened <= at && f.happened > at.plus_s(-URGENT_APART_S);
    facts.iter().rev().filter(urgent).find(near)
}

/// Lists that say that somebody is ill or met somebody who is.
const CASES: [&str; 5] = ["confirmed", "suspected", "asymptomatic", "close_contact", "contact_of_contact"];
/// For how long a list or a test says something, in seconds.
pub(crate) const CASE_S: i64 = 14 * DAY_S;

/// Whether a list or a positive test of the last 14 days stands behind a person, besides orders.
#[must_use]
pub fn has_case(facts: &Facts, at: Instant) -> bool {
    let withdrawn = withdrawn(facts, &Now::new(at));
    let recent = |f: &&Fact| f.happened <= at && f.happened > at.plus_s(-CASE_S);
    let counts = |f: &&Fact| withdrawn.binary_search(&f.id).is_err();
    facts.iter().filter(recent).filter(counts).any(|f| match f.kind {
        Kind::Listed => f.text("list").is_some_and(|list| CASES.contains(&list)),
        Kind::Test => f.text("result") == Some("positive"),
        _ => false,
    })
}

pub(crate) fn standing(
    pack: &Pack,
    facts: &Facts,
    withdrawn: &[FactId],
    order: &Fact,
    now: &Now,
) -> Standing {
    let end = end_of(pack, order);
    let asked = *order.get("urgent") == Value::Bool(true);
    let urgent = asked && orderable(pack, order).is_some_and(|o| o.urgent) && is_first_urgent(facts, order);
    // Unsigned, it stops or lapses here.
    let alone_until = if urgent { end.min(order.happened.plus_s(URGENT_S)) } else { end };
    let is_withdrawn = |id: &FactId| withdrawn.binary_search(id).is_ok();
    let signs = |s: &&Fact| {
        s.kind == Kind::Signature
            && s.text("of").and_then(FactId::parse) == Some(order.id)
            && (order.happened..alone_until).contains(&s.happened)
            && by_others(order, s)
            && !is_withdrawn(&s.id)
    };
    let signed_at = facts.iter().filter(signs).map(|s| s.happened).find(|at| now.reached(*at));
    let (state, from, until) = if is_withdrawn(&order.id) {
        (OrderState::Withdrawn, None, end)
    } else if let Some(at) = signed_at {
        let over = now.reached(end);
        let from = if urgent { order.happened } else { at };
        (if over { OrderState::Ended } else { OrderState::InForce }, Some(from), end)
    } else {
        let over = now.reached(alone_until);
        let state = match (over, urgent) {
            (true, _) => OrderState::Lapsed,
            (false, true) => OrderState::Urgent,
            (false, false) => OrderState::Waiting,
        };
        (state, urgent.then_some(order.happened), alone_until)
    };
    Standing { order: order.id, state, from, until, signed_at }
}

/// Whether a signature is another person's of another office. Without both names it is not.
fn by_others(order: &Fact, signature: &Fact) -> bool {
    let differs = |field| order.text(field).zip(signature.text(field)).is_some_and(|(a, b)| a != b);
    differs("office") && differs("by")
}

fn is_first_urgent(facts: &Facts, order: &Fact) -> bool {
    let before = |f: &&Fact| (f.happened, f.id) < (order.happened, order.id);
    let near = |f: &Fact| f.happened > order.happened.plus_s(-URGENT_APART_S);
    let urgent = |f: &&Fact| f.kind == Kind::Order && *f.get("urgent") == Value::Bool(true);
    !facts.iter().filter(urgent).filter(before).any(near)
}
