//! The `when` language: a type-checked subset of [CEL](https://cel.dev), compiled once and
//! asked of every fact.
//!
//! # What it asks about
//!
//! One fact (`fact.contact`), the person (`person.age`), the civil day of the fact (`day`) and
//! the named areas (`area(fact.residence, "high")`). Never the present: days that pass belong in
//! a stage's release, where the engine can say when an answer will change. The same fact
//! therefore gets the same answer for ever, under the same areas.
//!
//! # Syntax
//!
//! | | |
//! | --- | --- |
//! | join | `&&` `\|\|` `!` `? :` |
//! | compare | `==` `!=` `<` `<=` `>` `>=`, not chained |
//! | add | `+` `-` on int, double and day |
//! | belong | `x in [..]`, `x in fact.symptoms` |
//! | literals | `true`, `14`, `37.3`, `"text"` with CEL's escapes, lists of literals |
//! | read | `fact.x`, `person.subject`, `person.residence`, `person.age`, `day`, `happened` |
//! | ask | `has(fact.x)`, `size(list or text)`, `list.exists(v, ..)`, `list.all(v, ..)`, `text.startsWith("..")` |
//! | days | `date("2020-01-23")`, `days_between(from, to)` (= `to - from`), `day - fact.left_on`, `day + 14` |
//! | days | `day_count(first, last)`, both counted; `months_between`, `add_months(day, 1)`, which ends where the month does |
//! | working days | `is_working_day(day)`, `working_days_between(from, to)`, `add_working_days(day, 3)` |
//! | names | `fever`, where the pack says what it is |
//! | hours | `hours_between(fact.sampled_at, happened)`, whole hours, rounded down |
//! | areas | `area(code, "key")` on `day`, `area(code, "key", on)` on another day |
//! | certificates | `accepted("EU")`: what that country's CertLogic rules make of the fact |
//!
//! # Types
//!
//! `bool`, `int`, `double`, text (any, a choice or a division's code), `day`, `instant`, and lists.
//! Nothing is converted. As in CEL, int and double compare with each other by value (`<` and
//! the like, and here `==`, `!=` and `in` too, as at CEL's run time), but they do not add. A text
//! compared with a choice must be one of its words, and with a division a code. Texts have no
//! order. Lists of texts compare with `==` in order. A division's code equals only itself: whether a
//! place lies in Zhejiang is `fact.residence.startsWith("33")`, or better `area(..)`.
//!
//! # Three values
//!
//! A value that is missing is *unknown*, and everything computed from it is unknown, with
//! Kleene's exceptions: `false && unknown` and `unknown && false` are false, `true || unknown` and
//! `unknown || true` are true, and `exists` and `all` are long `||` and `&&`. A sum that overflows is
//! unknown. [`has()`](self#syntax) is never unknown. A condition holds only if it is
//! [`Truth::True`]: **unknown never makes a condition true**, nor does its negation. These are
//! CEL's rules for errors, so a CEL evaluator agrees wherever it gives an answer.
//!
//! # Bounds
//!
//! [`SOURCE_BYTES_MAX`], [`NESTING_MAX`], [`NODES_MAX`], [`LIST_MAX`], [`QUANTIFIERS_MAX`]. Evaluation
//! does not allocate, does not fail and always ends.

mod areas;
mod calendar;
mod check;
mod diagnostic;
mod eval;
mod lex;
mod named;
mod parse;
mod sat;
mod say;
mod sides;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use areas::{Area, AreaError, Areas, CODE_LENGTHS, Difference, is_code};
pub use calendar::{Calendar, HOLIDAYS_MAX};
pub(crate) use diagnostic::nearest;
pub use diagnostic::{Diagnostic, render};
pub use eval::Truth;
pub use named::{Conditions, NAMED_MAX};
pub use sat::{STEPS_MAX, Search};
pub(crate) use say::{Clause, area, date, quoted, row, value_word};
pub use sides::Side;

use crate::fact::{Fact, Kind};
use crate::rules::certlogic::Rulebook;
use crate::rules::vocabulary::Vocabulary;
use crate::time::Day;

/// Longest source, in bytes.
pub const SOURCE_BYTES_MAX: usize = 4096;
/// Deepest nesting: parentheses, calls, lists, signs, `? :` and member access.
pub const NESTING_MAX: usize = 32;
/// Most parts of an expression.
pub const NODES_MAX: usize = 512;
/// Most parts with those of the named conditions, each counted as often as it is named.
pub const EXPANDED_MAX: usize = 4096;
/// Most items of a list literal.
pub const LIST_MAX: usize = 256;
/// Most `exists` and `all` inside one another: their work multiplies.
pub const QUANTIFIERS_MAX: usize = 2;

/// What names exist where a condition stands, for the checker.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scope {
    /// The kind of the fact; without one, `fact`, `day` and `happened` do not exist.
    pub fact: Option<Kind>,
    /// The names of the lists of areas; without them any name passes.
    pub areas: Option<Vec<String>>,
    /// The rules that `accepted(..)` asks; without them there is no such function.
    pub certificates: Option<Arc<Rulebook>>,
    /// The words that open fields take; those of the facts without it.
    pub vocabulary: Option<Vocabulary>,
    /// The conditions that can be asked by name.
    pub conditions: Arc<Conditions>,
    /// Which days are worked; Monday to Friday if nothing is said.
    pub calendar: Arc<Calendar>,
}

impl Scope {
    /// For conditions on facts of a kind, with any list of areas.
    #[must_use]
    pub fn of(kind: Kind) -> Scope {
        Scope { fact: Some(kind), ..Scope::default() }
    }

    /// The same, with the lists of areas that exist.
    #[must_use]
    pub fn with_areas(mut self, areas: &Areas) -> Scope {
        self.areas = Some(areas.keys().map(str::to_owned).collect());
        self
    }

    /// The same, with a pack's words.
    #[must_use]
    pub fn with_vocabulary(mut self, vocabulary: Vocabulary) -> Scope {
        self.vocabulary = Some(vocabulary);
        self
    }

    /// The same, with conditions that can be asked by name.
    #[must_use]
    pub fn with_conditions(mut self, conditions: &Arc<Conditions>) -> Scope {
        self.conditions = Arc::clone(conditions);
        self
    }

    /// The same, with a calendar of working days.
    #[must_use]
    pub fn with_calendar(mut self, calendar: &Arc<Calendar>) -> Scope {
        self.calendar = Arc::clone(calendar);
        self
    }

    /// The same, with the rules that certificates are judged by.
    #[must_use]
    pub fn with_certificates(mut self, rules: &Arc<Rulebook>) -> Scope {
        self.certificates = Some(Arc::clone(rules));
        self
    }
}

/// What rules may know of a person beside the fact. The caller derives it from the facts up to
/// the one in question, so that a later fact does not change an earlier answer.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct PersonView<'a> {
    /// A resident or intending to come: `person.subject`, a choice as in declarations.
    pub subject: Option<&'a str>,
    /// Division of residence: `person.residence`.
    pub residence: Option<&'a str>,
    /// Day of birth, for `person.age`: whole years on `day`, one more on each birthday. Born on
    /// 29 February, one more on 1 March of other years.
    pub born: Option<Day>,
}

impl fmt::Debug for PersonView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonView(***)")
    }
}

/// What a condition is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Env<'a> {
    /// The fact. Of another kind than the condition was compiled for, all is unknown.
    pub fact: &'a Fact,
    /// The person.
    pub person: &'a PersonView<'a>,
    /// The areas.
    pub areas: &'a Areas,
    /// The civil day on which the fact happened, in the pack's zone.
    pub day: Day,
}

/// A compiled condition.
#[derive(Clone, Debug)]
pub struct Expr {
    kind: Option<Kind>,
    root: eval::Cond,
    reads: Box<[&'static str]>,
    areas: Box<[Box<str>]>,
    codes: Box<[Box<str>]>,
    countries: Box<[Box<str>]>,
}

/// Checks and compiles a condition. On error every independent mistake is reported, in order
/// of place; spans are bytes of `source`.
pub fn compile(source: &str, scope: &Scope) -> Result<Expr, Vec<Diagnostic>> {
    let node = parse::parse(source).map_err(|d| vec![d])?;
    check::check(&node, scope)
}

/// Most parts of a contradiction that are looked through for what can be left out.
const CORE_MAX: usize = 64;

/// Looks for a fact of which some conditions hold and others do not; with `known`, one of which nothing
/// that they ask is missing. All conditions are on facts of one kind.
#[must_use]
pub fn search(wanted: &[(&Expr, bool)], known: bool, steps: &mut usize) -> Search {
    if *steps == 0 {
        return Search::TooLong;
    }
    let mut problem = sat::Problem::new(wanted.first().and_then(|(e, _)| e.kind));
    wanted.iter().for_each(|(e, holds)| problem.want(&e.root, *holds));
    problem.solve(known, steps)
}

impl Expr {
    /// Asks the condition.
    #[must_use]
    pub fn eval(&self, env: &Env<'_>) -> Truth {
        Truth::of(self.known(env))
    }

    /// Whether it holds; unknown does not. Costs some 10 ns for a typical one; never allocates.
    #[must_use]
    #[inline]
    pub fn holds(&self, env: &Env<'_>) -> bool {
        self.known(env) == Some(true)
    }

    #[inline]
    fn known(&self, env: &Env<'_>) -> Option<bool> {
        if self.kind.is_some_and(|kind| kind != env.fact.kind) {
            return None;
        }
        self.root.eval(eval::Cx::new(env))
    }

    /// The parts of the condition that together keep it from ever holding, in bytes of its source; none
    /// where it can hold, or where that takes too long to find out. With an `||` outermost, also a side
    /// of it that never holds.
    #[must_use]
    pub fn contradiction(&self, source: &str, steps: &mut usize) -> Option<Vec<Range<usize>>> {
        let node = parse::parse(source).ok()?;
        self.contradicted(&self.root, &node, steps)
    }

    fn contradicted(
        &self,
        cond: &eval::Cond,
        node: &parse::Node,
        steps: &mut usize,
    ) -> Option<Vec<Range<usize>>> {
        let mut never = |conds: &[&eval::Cond]| {
            if *steps == 0 {
                return false;
            }
            let mut problem = sat::Problem::new(self.kind);
            conds.iter().for_each(|c| problem.want(c, true));
            problem.solve(false, steps) == Search::Never
        };
        match (cond, &node.ast) {
            (eval::Cond::And(conds), parse::Ast::And(nodes)) if conds.len() == nodes.len() => {
                if !never(&[cond]) {
                    return None;
                }
                // Whatever can be left out without making it possible is no part of the reason.
                let mut left: Vec<usize> = (0..conds.len()).collect();
                for i in (0..conds.len()).rev().take(CORE_MAX) {
                    let without: Vec<usize> = left.iter().copied().filter(|at| *at != i).collect();
                    if !without.is_empty() && never(&without.iter().map(|at| &conds[*at]).collect::<Vec<_>>())
                    {
                        left = without;
                    }
                }
                Some(left.into_iter().map(|i| nodes[i].span.clone()).collect())
            }
            (eval::Cond::Or(conds), parse::Ast::Or(nodes)) if conds.len() == nodes.len() => conds
                .iter()
                .zip(nodes)
                .take(CORE_MAX)
                .find_map(|(cond, node)| self.contradicted(cond, node, steps)),
            _ => never(&[cond]).then(|| vec![node.span.clone()]),
        }
    }

    /// Whether this condition holds only where another does.
    #[must_use]
    pub fn implies(&self, other: &Expr, steps: &mut usize) -> bool {
        self.kind == other.kind && search(&[(self, true), (other, false)], false, steps) == Search::Never
    }

    /// Whether it is a choice between two conditions.
    #[must_use]
    pub fn is_choice(&self) -> bool {
        matches!(self.root, eval::Cond::If(_))
    }

    /// Whether two conditions were compiled to the same.
    pub(crate) fn is_same(&self, other: &Expr) -> bool {
        self.kind == other.kind && format!("{:?}", self.root) == format!("{:?}", other.root)
    }

    /// The kind of facts that it was compiled for.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// The fields of the fact that it reads, in order of the schema, each once.
    #[must_use]
    pub fn reads(&self) -> &[&'static str] {
        &self.reads
    }

    /// The countries whose rules for certificates it asks, in order of name, each once.
    #[must_use]
    pub fn countries(&self) -> &[Box<str>] {
        &self.countries
    }

    /// The codes in quotes that it asks lists of areas about: whatever is known of a person.
    pub(crate) fn asked_codes(&self) -> &[Box<str>] {
        &self.codes
    }

    /// The lists of areas that it asks, in order of name, each once.
    pub fn area_keys(&self) -> impl Iterator<Item = &str> {
        self.areas.iter().map(|key| &**key)
    }
}
