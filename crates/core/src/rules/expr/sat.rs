//! Whether a condition can hold at all: a search through the finite cases that it tells apart. Words are
//! one by one, numbers by the ranges between those that are named, everything else true, false or
//! missing. What is left apart here is held to be possible, so "can never match" is never said wrongly.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::eval::{Cmp, Cond, Int, List, PersonField, Real, Slot, Text, Truth, Words};
use crate::fact::{Field, Kind, Type};
use crate::rules::vocabulary::Vocabulary;

/// Most parts that one search looks at; then nothing is said.
pub const STEPS_MAX: usize = 200_000;

/// What came of a search.
#[derive(Clone, PartialEq, Debug)]
pub enum Search {
    /// Such a fact exists: fields of it, as they stand in cases, as far as they are told apart.
    Found(Vec<(&'static str, String)>),
    /// None can exist.
    Never,
    /// There was no time to find out.
    TooLong,
}

/// What a leaf asks of its variable.
#[derive(Clone, Debug)]
enum Ask {
    IsTrue,
    Has,
    Word(Vec<Box<str>>),
    Number(Cmp, f64),
    AmongNumbers(Vec<f64>),
}

/// A value that a variable can have.
#[derive(Clone, PartialEq, Debug)]
enum Case {
    Missing,
    Bool(bool),
    Word(Box<str>),
    OtherWord,
    Number(f64),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Sort {
    Bool,
    Word,
    Whole,
    Count,
    Decimal,
}

#[derive(Clone, Debug)]
enum Formula {
    Const(bool),
    Leaf(usize),
    And(Vec<Formula>),
    Or(Vec<Formula>),
    Not(Box<Formula>),
    If(Box<(Formula, Formula, Formula)>),
}

struct Variable {
    slot: Option<Slot>,
    sort: Sort,
    words: Vec<Box<str>>,
    /// All words that there are, where they are known.
    closed: bool,
    numbers: Vec<f64>,
    cases: Vec<Case>,
}

struct Leaf {
    variable: usize,
    ask: Ask,
    /// By case of the variable.
    truth: Vec<Truth>,
}

/// Formulas over shared variables.
pub(super) struct Problem {
    kind: Option<Kind>,
    keys: BTreeMap<String, usize>,
    variables: Vec<Variable>,
    leaves: Vec<Leaf>,
    wanted: Vec<(Formula, bool)>,
    steps: Cell<usize>,
}

impl Problem {
    pub(super) fn new(kind: Option<Kind>) -> Problem {
        Problem {
            kind,
            keys: BTreeMap::new(),
            variables: Vec::new(),
            leaves: Vec::new(),
            wanted: Vec::new(),
            steps: Cell::new(0),
        }
    }

    /// Asks that a condition holds, or that it does not (it is false, or something is missing).
    pub(super) fn want(&mut self, cond: &Cond, holds: bool) {
        let formula = self.formula(cond);
        self.wanted.push((formula, holds));
    }

    fn variable(&mut self, key: String, slot: Option<Slot>, sort: Sort) -> usize {
        let next = self.variables.len();
        let at = *self.keys.entry(key).or_insert(next);
        if at == next {
            let mut variable = Variable {
                slot,
                sort,
                words: Vec::new(),
                closed: false,
                numbers: Vec::new(),
                cases: Vec::new(),
            };
            if let Some(Type::Choice(words)) = slot.and_then(|s| self.ty(s)) {
                variable.words = words.iter().map(|w| (*w).into()).collect();
                // A pack may have words of its own for some.
                variable.closed =
                    slot.and_then(|s| self.field(s)).is_some_and(|f| Vocabulary::open().type_of(f) == f.ty);
            }
            self.variables.push(variable);
        }
        at
    }

    fn field(&self, slot: Slot) -> Option<&'static Field> {
        self.kind?.schema().get(usize::from(slot))
    }

    fn ty(&self, slot: Slot) -> Option<Type> {
        self.field(slot).map(|f| f.ty)
    }

    fn leaf(&mut self, variable: usize, ask: Ask) -> Formula {
        match &ask {
            Ask::Word(words) => self.variables[variable].words.extend(words.iter().cloned()),
            Ask::Number(_, n) => self.variables[variable].numbers.push(*n),
            Ask::AmongNumbers(all) => self.variables[variable].numbers.extend(all),
            Ask::IsTrue | Ask::Has => {}
        }
        self.leaves.push(Leaf { variable, ask, truth: Vec::new() });
        Formula::Leaf(self.leaves.len() - 1)
    }

    fn slot(&mut self, slot: Slot) -> usize {
        let sort = match self.ty(slot) {
            Some(Type::Choice(_) | Type::Text | Type::Division) => Sort::Word,
            Some(Type::Int | Type::Day | Type::Instant) => Sort::Whole,
            Some(Type::Double) => Sort::Decimal,
            _ => Sort::Bool,
        };
        self.variable(format!("fact.{slot}"), Some(slot), sort)
    }

    fn whole(&mut self, n: &Int) -> usize {
        match n {
            Int::Field(slot) => self.slot(*slot),
            Int::Size(_) | Int::Length(_) | Int::Age => self.variable(format!("{n:?}"), None, Sort::Count),
            _ => self.variable(format!("{n:?}"), None, Sort::Whole),
        }
    }

    fn text(&mut self, text: &Text) -> usize {
        match text {
            Text::Field(slot) => self.slot(*slot),
            _ => self.variable(format!("{text:?}"), None, Sort::Word),
        }
    }

    fn opaque(&mut self, cond: &Cond) -> Formula {
        let variable = self.variable(format!("{cond:?}"), None, Sort::Bool);
        self.leaf(variable, Ask::IsTrue)
    }

    fn formula(&mut self, cond: &Cond) -> Formula {
        let words = |words: &Words| Ask::Word(words.iter().map(|w| w.as_str().into()).collect());
        let is_exact = |n: i64| n.unsigned_abs() <= 1 << 53;
        match cond {
            Cond::Const(b) => Formula::Const(*b),
            Cond::And(parts) => Formula::And(parts.iter().map(|p| self.formula(p)).collect()),
            Cond::Or(parts) => Formula::Or(parts.iter().map(|p| self.formula(p)).collect()),
            Cond::Not(of) => Formula::Not(Box::new(self.formula(of))),
            Cond::If(parts) => Formula::If(Box::new((
                self.formula(&parts.0),
                self.formula(&parts.1),
                self.formula(&parts.2),
            ))),
            Cond::Named(_, of) => self.formula(of),
            Cond::Field(slot) => {
                let v = self.slot(*slot);
                self.leaf(v, Ask::IsTrue)
            }
            Cond::Has(slot) => {
                let v = self.slot(*slot);
                self.leaf(v, Ask::Has)
            }
            Cond::HasPerson(PersonField::Age) => {
                let v = self.whole(&Int::Age);
                self.leaf(v, Ask::Has)
            }
            Cond::HasPerson(field) => {
                let v = self.text(&Text::Person(*field));
                self.leaf(v, Ask::Has)
            }
            Cond::FieldIs(slot, word) => {
                let v = self.slot(*slot);
                self.leaf(v, Ask::Word(vec![word.clone()]))
            }
            Cond::FieldIn(slot, all) => {
                let v = self.slot(*slot);
                self.leaf(v, words(all))
            }
            Cond::TextIs(text, word) => {
                let v = self.text(text);
                self.leaf(v, Ask::Word(vec![word.clone()]))
            }
            Cond::TextIn(text, all) => {
                let v = self.text(text);
                self.leaf(v, words(all))
            }
            Cond::IntConst(cmp, n, to) if is_exact(*to) => {
                let v = self.whole(n);
                self.leaf(v, Ask::Number(*cmp, *to as f64))
            }
            Cond::IntIn(n, all) if all.iter().all(|n| is_exact(*n)) => {
                let v = self.whole(n);
                self.leaf(v, Ask::AmongNumbers(all.iter().map(|n| *n as f64).collect()))
            }
            Cond::FieldSize(cmp, slot, to) if is_exact(*to) => {
                let v = self.whole(&Int::Size(List::Field(*slot)));
                self.leaf(v, Ask::Number(*cmp, *to as f64))
            }
            Cond::FieldReal(cmp, slot, to) => {
                let v = self.slot(*slot);
                self.leaf(v, Ask::Number(*cmp, *to))
            }
            Cond::RealIn(Real::Field(slot), all) => {
                let v = self.slot(*slot);
                self.leaf(v, Ask::AmongNumbers(all.to_vec()))
            }
            other => self.opaque(other),
        }
    }

    /// Looks for a fact; with `known`, one of which nothing is missing. Takes what it costs from `steps`.
    pub(super) fn solve(mut self, known: bool, steps: &mut usize) -> Search {
        for v in &mut self.variables {
            v.cases = v.all_cases();
            if known {
                v.cases.remove(0);
            }
        }
        for leaf in &mut self.leaves {
            leaf.truth = self.variables[leaf.variable].cases.iter().map(|case| leaf.ask.of(case)).collect();
        }
        let mut chosen = vec![None; self.variables.len()];
        let given = STEPS_MAX.min(*steps);
        self.steps.set(given);
        let found = self.search(&mut chosen);
        *steps -= given - self.steps.get();
        match found {
            Some(true) => Search::Found(self.example(&chosen)),
            Some(false) => Search::Never,
            None => Search::TooLong,
        }
    }

    fn search(&self, chosen: &mut Vec<Option<usize>>) -> Option<bool> {
        let mut open = None;
        for (formula, holds) in &self.wanted {
            let truth = self.truth(formula, chosen);
            if self.steps.get() == 0 {
                return None;
            }
            match truth {
                Ok(truth) if truth.is_true() != *holds => return Some(false),
                Ok(_) => {}
                Err(variable) => open = open.or(Some(variable)),
            }
        }
        let Some(variable) = open else { return Some(true) };
        // The likeliest first: what is missing decides nothing, so it is tried last.
        for case in (0..self.variables[variable].cases.len()).rev() {
            chosen[variable] = Some(case);
            if self.search(chosen)? {
                return Some(true);
            }
        }
        chosen[variable] = None;
        Some(false)
    }

    /// The truth as far as it is decided, or a variable that it hangs on.
    fn truth(&self, formula: &Formula, chosen: &[Option<usize>]) -> Result<Truth, usize> {
        self.steps.set(self.steps.get().saturating_sub(1));
        match formula {
            Formula::Const(b) => Ok(Truth::from(*b)),
            Formula::Leaf(at) => {
                let leaf = &self.leaves[*at];
                chosen[leaf.variable].map(|case| leaf.truth[case]).ok_or(leaf.variable)
            }
            Formula::Not(of) => self.truth(of, chosen).map(Truth::negate),
            Formula::And(parts) => self.joined(parts, Truth::False, chosen),
            Formula::Or(parts) => self.joined(parts, Truth::True, chosen),
            Formula::If(parts) => match self.truth(&parts.0, chosen)? {
                Truth::True => self.truth(&parts.1, chosen),
                Truth::False => self.truth(&parts.2, chosen),
                Truth::Unknown => Ok(Truth::Unknown),
            },
        }
    }

    fn joined(&self, parts: &[Formula], decides: Truth, chosen: &[Option<usize>]) -> Result<Truth, usize> {
        let (mut all, mut open) = (decides.negate(), None);
        for part in parts {
            match self.truth(part, chosen) {
                Ok(truth) if truth == decides => return Ok(decides),
                Ok(Truth::Unknown) => all = Truth::Unknown,
                Ok(_) => {}
                Err(variable) => open = open.or(Some(variable)),
            }
        }
        open.map_or(Ok(all), Err)
    }

    fn example(&self, chosen: &[Option<usize>]) -> Vec<(&'static str, String)> {
        let schema = self.kind.map_or(&[][..], Kind::schema);
        let fields = self.variables.iter().zip(chosen).filter_map(|(v, case)| {
            let field = schema.get(usize::from(v.slot?))?;
            let text = match v.cases.get((*case)?)? {
                Case::Bool(b) if field.ty == Type::Bool => b.to_string(),
                Case::Word(word) => format!("{word:?}"),
                Case::Number(n) if field.ty == Type::Double => format!("{n:?}"),
                Case::Number(n) if field.ty == Type::Int => format!("{n:.0}"),
                Case::Number(n) if field.ty == Type::Day => {
                    format!("\"{}\"", crate::time::Day(*n as i32))
                }
                _ => return None,
            };
            Some((field.name, text))
        });
        fields.collect()
    }
}

impl Variable {
    /// Everything that the leaves tell apart; the first is that it is missing.
    fn all_cases(&mut self) -> Vec<Case> {
        let mut cases = vec![Case::Missing];
        match self.sort {
            Sort::Bool => cases.extend([Case::Bool(false), Case::Bool(true)]),
            Sort::Word => {
                self.words.sort_unstable();
                self.words.dedup();
                if !self.closed {
                    cases.push(Case::OtherWord);
                }
                cases.extend(self.words.iter().cloned().map(Case::Word));
            }
            Sort::Whole | Sort::Count | Sort::Decimal => {
                let mut all = Vec::new();
                let mut points = self.numbers.clone();
                points.sort_by(f64::total_cmp);
                points.dedup();
                let step = if self.sort == Sort::Decimal { 0.1 } else { 1.0 };
                for (i, n) in points.iter().enumerate() {
                    all.extend([n - step, *n, n + step]);
                    if let Some(next) = points.get(i + 1).filter(|_| self.sort == Sort::Decimal) {
                        all.push(n + (next - n) / 2.0);
                    }
                }
                if all.is_empty() {
                    all.push(0.0);
                }
                if self.sort == Sort::Count {
                    all.retain(|n| *n >= 0.0);
                }
                all.sort_by(f64::total_cmp);
                all.dedup();
                cases.extend(all.into_iter().map(Case::Number));
            }
        }
        cases
    }
}

impl Ask {
    fn of(&self, case: &Case) -> Truth {
        match (self, case) {
            (Ask::Has, case) => Truth::from(*case != Case::Missing),
            (_, Case::Missing) => Truth::Unknown,
            (Ask::IsTrue, Case::Bool(b)) => Truth::from(*b),
            (Ask::Word(words), Case::Word(word)) => Truth::from(words.contains(word)),
            (Ask::Number(cmp, to), Case::Number(n)) => {
                n.partial_cmp(to).map_or(Truth::Unknown, |o| Truth::from(cmp.holds(o, Ordering::Equal)))
            }
            (Ask::AmongNumbers(all), Case::Number(n)) => Truth::from(all.contains(n)),
            (Ask::Word(_) | Ask::AmongNumbers(_), _) => Truth::False,
            _ => Truth::Unknown,
        }
    }
}
