//! Reviewing: what the pack sent to a person, and identities where no gateway confirms them.
//!
//! URLs: `GET /api/v1/reviews`, `GET` and `POST /api/v1/reviews/{id}`. The queue is
//! [`crate::queue`]'s; an outcome is a fact on the person. Nobody sets a colour here: a reviewer
//! says what is so, and the rules decide.

pub mod http;

use kangma_core::fact::{Fact, Kind, Source, Value};
use kangma_core::id::{AccountId, FactId, PersonId};
use serde::Deserialize;

use crate::account;
use crate::app::{App, Shared};
use crate::db::Unit;
use crate::decide::{self, Missing, Recording};
use crate::declare;
use crate::error::Problem;
use crate::identity::ClaimState;
use crate::queue::{self, Item, Outcome, Subject};

/// What a reviewer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It is as declared.
    Approve,
    /// To be declared again, for the reason given.
    Return,
    /// It is knowingly false.
    False,
}

/// The longest reason, in letters.
const REASON_MAX: usize = 500;

/// Records a reviewer's finding.
pub async fn settle(
    app: &Shared,
    by: &str,
    id: [u8; 16],
    finding: Finding,
    reason: &str,
) -> Result<(), Problem> {
    let reason = reason.trim();
    let reason_letters = reason.chars().count();
    if finding != Finding::Approve && reason_letters == 0 {
        return Err(Problem::field(
            "reason",
            "review.reason",
            "请填写理由，居民会看到。",
            "Give a reason; the resident reads it.",
        ));
    }
    if reason_letters > REASON_MAX || reason.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Problem::field(
            "reason",
            "review.reason_long",
            format!("理由不超过 {REASON_MAX} 字。"),
            format!("A reason has at most {REASON_MAX} letters."),
        ));
    }
    let item = open(app, id).await?;
    match item.subject {
        Subject::Declaration(person) => declaration(app, by, &item, person, finding, reason).await,
        Subject::Identity(account) => identity(app, by, &item, account, finding, reason).await,
    }
}

/// An entry that still waits.
pub async fn open(app: &Shared, id: [u8; 16]) -> Result<Item, Problem> {
    let item = queue::find(&app.db, id).await?.ok_or_else(Problem::not_found)?;
    if !item.open {
        return Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            "review.closed",
            "该条目已由他人处理，或居民已重新申报。",
            "Somebody else settled this, or the resident has declared again.",
        ));
    }
    Ok(item)
}

async fn declaration(
    app: &Shared,
    by: &str,
    item: &Item,
    person: PersonId,
    finding: Finding,
    reason: &str,
) -> Result<(), Problem> {
    let of = FactId(item.id);
    let outcome = match finding {
        Finding::Approve => Outcome::Approved,
        Finding::Return => Outcome::Returned,
        Finding::False => Outcome::False,
    };
    let facts = vec_of_facts(app, of, finding, reason);
    decide::record(
        app,
        person,
        Recording {
            missing: Missing::Refuse,
            unit: "review.settle",
            facts: &|person| {
                if person.facts.find(of).is_none() {
                    return Err(Problem::not_found());
                }
                Ok(facts.clone())
            },
            attach: &|unit, _, decision| queue::close_in(unit, item.id, outcome, by, decision.decided_at),
        },
    )
    .await?;
    Ok(())
}

fn vec_of_facts(app: &App, of: FactId, finding: Finding, reason: &str) -> Vec<Fact> {
    let at = app.clock.now();
    let fact = |kind| Fact {
        id: app.new_fact_id(),
        kind,
        happened: at,
        recorded: at,
        source: Source::Staff,
        values: Vec::new(),
    };
    let mut review = fact(Kind::Review);
    review.set("of", Value::Text(of.to_string().into()));
    // A declaration found false has been looked at: it no longer waits, and the finding colours.
    let outcome = if finding == Finding::Return { "returned" } else { "approved" };
    review.set("outcome", Value::Text(outcome.into()));
    if !reason.is_empty() {
        review.set("reason", Value::Text(reason.into()));
    }
    let mut facts = vec![review];
    if finding == Finding::False {
        let mut found = fact(Kind::Finding);
        found.set("finding", Value::Text("false_declaration".into()));
        found.set("of", Value::Text(of.to_string().into()));
        found.set("note", Value::Text(reason.into()));
        facts.push(found);
    }
    facts
}

async fn identity(
    app: &Shared,
    by: &str,
    item: &Item,
    id: AccountId,
    finding: Finding,
    reason: &str,
) -> Result<(), Problem> {
    let account = account::find(app, id).await?.ok_or_else(Problem::not_found)?;
    let Some((ClaimState::InReview, mut claim)) = account_claim(&account) else {
        return Err(Problem::not_found());
    };
    let at = app.clock.now();
    if finding == Finding::Approve {
        let close = |unit: Unit| queue::close_in(unit, item.id, Outcome::Approved, by, at);
        return declare::confirm(app, id, &claim, "reviewer", close).await;
    }
    claim.refused = Some(reason.to_owned());
    account::keep_claim(app, &account, ClaimState::Refused, &claim).await?;
    Ok(queue::close(&app.db, item.id, Outcome::Returned, by, at).await?)
}

fn account_claim(account: &account::Account) -> Option<(ClaimState, account::Claim)> {
    account.claim.clone()
}
