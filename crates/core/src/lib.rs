//! What is true: facts, rules, decisions and passes.
//!
//! Pure: no IO, no async, no clock, no randomness. Time, keys and chance are arguments.
//! One direction: `declaration → fact → rules::decide → decision → pass`.

pub mod appeal;
pub mod decision;
pub mod declaration;
pub mod division;
pub mod fact;
pub mod hcert;
pub mod id;
pub mod identity;
pub mod pass;
pub mod role;
pub mod rules;
pub mod table;
pub mod tally;
pub mod time;
