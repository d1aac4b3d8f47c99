//! CertLogic: the rules that European countries publish for their certificates, read as they are and
//! asked of a certificate that somebody shows.
//!
//! CertLogic is a subset of JsonLogic with date-times; version [`SPECIFICATION`] of its specification
//! is what this folder does, and `spec/packs.md` says where it is stricter. [`Logic`] is one
//! expression, checked when it is read. [`Rulebook`] holds a pack's rules, and [`Rulebook::judge`] asks
//! those in force of a certificate.
//!
//! Two kinds of nothing meet here. Inside an expression CertLogic's own hold: `null` is falsy, and a
//! missing member is `null`. Outside there are Kleene's three values: a rule passes if it comes to
//! `true`, fails if it comes to `false`, and is *open* on anything else, above all where the
//! certificate lacks what the rule computes with. What is open is unknown, and unknown never makes a
//! condition true.

mod certificate;
mod compile;
mod eval;
mod moment;
mod rule;

use std::fmt;

use serde_json::Value as Json;

pub use certificate::{Certificate, PAYLOAD_BYTES_MAX, Payload, payload};
pub use eval::Data;
pub use rule::{FOLDER, Judged, Outcome, Rule, Rulebook, Verdict};

/// Version of the specification that is done here.
pub const SPECIFICATION: (u32, u32, u32) = (1, 3, 3);
/// Most parts of an expression.
pub const NODES_MAX: usize = 4_096;
/// Deepest nesting of an expression.
pub const NESTING_MAX: usize = 64;
/// Most steps of one evaluation; `reduce` multiplies them.
pub const STEPS_MAX: u32 = 50_000;
/// Deepest array that an expression can build.
pub const VALUE_DEPTH_MAX: u8 = 16;
/// Most values of a result that are shown.
const SHOWN_MAX: u32 = 10_000;

/// What is wrong with an expression or a rule, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{path}: {text}")]
pub struct BadLogic {
    /// Where, from the top of the JSON: `Logic.and[1].plusTime[2]`.
    pub path: String,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// Why an expression comes to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Open {
    /// A date or an array that it needs is missing.
    Missing,
    /// A value of a kind that the operation does not take.
    Type,
    /// A text that is no date or time.
    Time,
    /// It would take more work than a rule may.
    Limit,
}

/// A checked expression.
#[derive(Clone, PartialEq)]
pub struct Logic(compile::Expr);

impl fmt::Debug for Logic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logic")
    }
}

impl Logic {
    /// Checks an expression that stands at a path, `Logic` for a rule's.
    pub fn compile(json: &Json, path: &str) -> Result<Logic, BadLogic> {
        compile::Compiler::new(path).expr(json).map(Logic)
    }

    /// What it comes to, as JSON; a date-time as text.
    pub fn evaluate(&self, data: Data<'_>) -> Result<Json, Open> {
        eval::Run::new().eval(&self.0, data).map(|val| val.json(&mut SHOWN_MAX.clone()))
    }

    /// Whether it holds: exactly `true` or `false`, not merely truthy or falsy.
    #[must_use]
    pub fn outcome(&self, data: Data<'_>) -> Outcome {
        match eval::Run::new().eval(&self.0, data) {
            Ok(eval::Val::Bool(true)) => Outcome::Passed,
            Ok(eval::Val::Bool(false)) => Outcome::Failed,
            Ok(_) => Outcome::Open(Open::Type),
            Err(why) => Outcome::Open(why),
        }
    }

    /// The paths that it reads, each once, in order of name.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let mut all = Vec::new();
        self.0.paths(&mut all);
        all.sort_unstable();
        all.dedup();
        all
    }
}
