//! What waits for a reviewer. Table: `review`.
//!
//! The queue only points: what is to be reviewed lies with the person (a declaration) or the
//! account (an identity claim), and the outcome is a fact there.

mod store;

use kangma_core::decision::{Decision, Status};
use kangma_core::id::{AccountId, PersonId};
use kangma_core::time::Instant;

pub use store::{close, close_in, count_open, find, open_items};

use crate::db::Unit;

/// What a review is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A declaration of a person; the review's id is the fact's.
    Declaration(PersonId),
    /// The identity claim of an account.
    Identity(AccountId),
}

/// How a review ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Approved.
    Approved = 1,
    /// Returned with a reason.
    Returned = 2,
    /// Found to be false.
    False = 3,
    /// A newer declaration took its place.
    Overtaken = 4,
}

/// One entry.
#[derive(Debug, Clone)]
pub struct Item {
    /// Identifier: random, or the declaration's.
    pub id: [u8; 16],
    /// What it is about.
    pub subject: Subject,
    /// The pack's review rule, or `identity.claim`.
    pub rule: String,
    /// Since when it waits.
    pub opened_at: Instant,
    /// Whether it still waits.
    pub open: bool,
}

/// The rule name of identity claims.
pub const IDENTITY_RULE: &str = "identity.claim";

/// Opens an entry in the unit that records a declaration, if the pack sends it to review, in place
/// of an earlier one if there may be any.
pub fn open_if_pending(unit: Unit, person: PersonId, earlier: bool, decision: &Decision) -> Unit {
    let unit = match earlier {
        true => store::overtake(unit, Subject::Declaration(person), decision.decided_at),
        false => unit,
    };
    match &decision.review {
        Some(review) if decision.status == Status::Pending || review.returned.is_none() => {
            store::open(unit, review.fact.0, Subject::Declaration(person), &review.rule, decision.decided_at)
        }
        _ => unit,
    }
}

/// Opens an entry for an identity claim, in place of an earlier one of the same account.
pub fn open_identity(id: [u8; 16], account: AccountId, at: Instant) -> Unit {
    let unit = store::overtake(Unit::new("queue.open_identity"), Subject::Identity(account), at);
    store::open(unit, id, Subject::Identity(account), IDENTITY_RULE, at)
}
