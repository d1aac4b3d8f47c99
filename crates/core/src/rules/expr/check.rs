//! Types a tree and lowers it to the compiled form in one walk. A mistake is noted and
//! becomes [`Typed::Bad`], which silences what follows from it, so that one walk reports every
//! independent mistake.

mod calls;
mod compare;
mod mistakes;
mod names;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use smol_str::SmolStr;

use super::diagnostic::Diagnostic;
use super::eval::{Cond, Int, List, Real, Slot, Text};
use super::named::Named;
use super::parse::{Ast, Node, Rel};
use super::{Expr, Scope};
use crate::fact::Kind;

use mistakes::type_error;

type Span = Range<usize>;

/// What texts a text can be.
#[derive(Clone, Debug)]
enum Domain {
    Any,
    Choice(&'static [&'static str]),
    Division,
    /// Literals, each with its place.
    Words(Vec<(Box<str>, Span)>),
}

/// Type of a list's items.
#[derive(Clone, Debug)]
enum Item {
    /// Of `[]`: fits everything.
    None,
    Bool,
    Int,
    Double,
    Day,
    Text(Domain),
}

/// A lowered part and its type.
#[derive(Debug)]
enum Typed {
    Bool(Cond),
    Int(Int),
    Double(Real),
    Text(Text, Domain),
    Day(Int),
    Instant(Int),
    List(List, Item),
    /// A mistake already reported.
    Bad,
}

impl Typed {
    fn name(&self) -> &'static str {
        match self {
            Typed::Bool(_) => "a yes or no (bool)",
            Typed::Int(_) => "a whole number (int)",
            Typed::Double(_) => "a decimal number (double)",
            Typed::Text(_, Domain::Division) => "a division's code",
            Typed::Text(..) => "a text",
            Typed::Day(_) => "a day",
            Typed::Instant(_) => "an instant",
            Typed::List(..) => "a list",
            Typed::Bad => "an error",
        }
    }

    fn is_bad(&self) -> bool {
        matches!(self, Typed::Bad)
    }
}

/// Names that a quantifier's variable may not take.
pub(super) const NAMES: &[&str] = &["fact", "person", "day", "happened"];
pub(super) const FUNCTIONS: &[&str] = &[
    "has",
    "size",
    "area",
    "date",
    "days_between",
    "day_count",
    "hours_between",
    "months_between",
    "add_months",
    "is_working_day",
    "working_days_between",
    "add_working_days",
    "accepted",
];
const METHODS: &[&str] = &["exists", "all", "startsWith", "size"];

pub(super) fn check(node: &Node, scope: &Scope) -> Result<Expr, Vec<Diagnostic>> {
    let (c, root) = walk(node, scope)?;
    let schema = scope.fact.map_or(&[][..], Kind::schema);
    Ok(Expr {
        kind: scope.fact,
        root,
        reads: c.reads.iter().filter_map(|slot| schema.get(usize::from(*slot))).map(|f| f.name).collect(),
        areas: c.areas.into_iter().collect(),
        codes: c.codes.into_iter().collect(),
        countries: c.countries.into_iter().collect(),
    })
}

/// The same for a condition that others name.
pub(super) fn named(node: &Node, scope: &Scope) -> Result<Named, Vec<Diagnostic>> {
    let (c, root) = walk(node, scope)?;
    let Checker { reads, areas, codes, countries, size, depth, levels, .. } = c;
    Ok(Named { cond: Arc::new(root), size, levels: levels + 1, depth, reads, areas, codes, countries })
}

fn walk<'s>(node: &Node, scope: &'s Scope) -> Result<(Checker<'s>, Cond), Vec<Diagnostic>> {
    let mut c = Checker {
        scope,
        errors: Vec::new(),
        vars: Vec::new(),
        reads: BTreeSet::new(),
        areas: BTreeSet::new(),
        codes: BTreeSet::new(),
        countries: BTreeSet::new(),
        size: super::named::size(node),
        depth: 0,
        levels: 0,
    };
    let root = c.truth(node);
    c.errors.extend(super::named::too_large(c.size, node.span.clone()));
    if c.errors.is_empty() {
        return Ok((c, root));
    }
    c.errors.sort_by_key(|d| (d.span.start, d.span.end));
    Err(c.errors)
}

struct Checker<'s> {
    scope: &'s Scope,
    errors: Vec<Diagnostic>,
    /// Variables of the quantifiers around, outermost first.
    vars: Vec<(String, Item)>,
    reads: BTreeSet<Slot>,
    areas: BTreeSet<Box<str>>,
    /// Codes in quotes that areas are asked about.
    codes: BTreeSet<Box<str>>,
    countries: BTreeSet<Box<str>>,
    /// Parts, with those of the named conditions.
    size: usize,
    /// How deep exists and all stand inside one another, with those of the named conditions.
    depth: usize,
    /// How many named conditions stand below one another.
    levels: usize,
}

impl Checker<'_> {
    fn bad(&mut self, d: Diagnostic) -> Typed {
        self.errors.push(d);
        Typed::Bad
    }

    /// A part that must be a bool. After a mistake anything will do: the result is dropped.
    fn truth(&mut self, node: &Node) -> Cond {
        match self.typed(node) {
            Typed::Bool(cond) => cond,
            Typed::Bad => Cond::Const(false),
            other => {
                let d = type_error(
                    node.span.clone(),
                    format!("this should be true or false, but is {}", other.name()),
                );
                let d = match other {
                    Typed::List(..) => d.help("ask size(list) > 0, or with exists"),
                    Typed::Text(..) => d.help("compare it with =="),
                    Typed::Int(_) | Typed::Double(_) | Typed::Day(_) | Typed::Instant(_) => {
                        d.help("compare it, for example with >=")
                    }
                    Typed::Bool(_) | Typed::Bad => d,
                };
                self.errors.push(d);
                Cond::Const(false)
            }
        }
    }

    fn typed(&mut self, node: &Node) -> Typed {
        let span = node.span.clone();
        match &node.ast {
            Ast::Bool(b) => Typed::Bool(Cond::Const(*b)),
            Ast::Int(n) => Typed::Int(Int::Const(*n)),
            Ast::Double(n) => Typed::Double(Real::Const(*n)),
            Ast::Text(text) => {
                let text: Box<str> = text.as_str().into();
                Typed::Text(Text::Const(text.clone()), Domain::Words(vec![(text, span)]))
            }
            Ast::List(items) => self.list(items),
            Ast::Name(name) => self.name(name, span),
            Ast::Member { of, name, name_span } => self.member(of, name, name_span.clone()),
            Ast::Call { target: None, name, name_span, args } => {
                self.function(name, name_span.clone(), args, span)
            }
            Ast::Call { target: Some(target), name, name_span, args } => {
                self.method(target, name, name_span.clone(), args, span)
            }
            Ast::Not(of) => Typed::Bool(Cond::Not(Box::new(self.truth(of)))),
            Ast::Neg(of) => self.negative(of),
            Ast::And(parts) => Typed::Bool(Cond::And(parts.iter().map(|p| self.truth(p)).collect())),
            Ast::Or(parts) => Typed::Bool(Cond::Or(parts.iter().map(|p| self.truth(p)).collect())),
            Ast::Sum(first, rest) => self.sum(first, rest),
            Ast::Rel(Rel::In, left, right) => self.belongs(left, right),
            Ast::Rel(rel, left, right) => self.compared(*rel, left, right, span),
            Ast::If(cond, yes, no) => self.chosen(cond, yes, no),
        }
    }

    fn list(&mut self, items: &[Node]) -> Typed {
        let mut bools = Vec::new();
        let mut ints = Vec::new();
        let mut reals = Vec::new();
        let mut words = Vec::new();
        let mut places = Vec::new();
        let mut days = Vec::new();
        let (mut any_double, mut failed) = (false, false);
        for item in items {
            match self.typed(item) {
                Typed::Bool(Cond::Const(b)) => bools.push(b),
                Typed::Int(Int::Const(n)) => {
                    ints.push(n);
                    reals.push(n as f64);
                }
                Typed::Double(Real::Const(n)) => {
                    any_double = true;
                    reals.push(n);
                }
                Typed::Text(Text::Const(text), _) => {
                    places.push((text.clone(), item.span.clone()));
                    words.push(text);
                }
                Typed::Day(Int::Const(n)) => days.push(n),
                Typed::Bad => failed = true,
                _ => {
                    failed = true;
                    self.errors.push(
                        Diagnostic::new("rule.unsupported", item.span.clone(), "lists hold only literals")
                            .help("join comparisons with || instead"),
                    );
                }
            }
        }
        if failed {
            return Typed::Bad;
        }
        let count = items.len();
        if count == 0 {
            return Typed::List(List::Texts(Box::new([])), Item::None);
        }
        if words.len() == count {
            return Typed::List(
                List::Texts(words.into_iter().map(SmolStr::from).collect()),
                Item::Text(Domain::Words(places)),
            );
        }
        if bools.len() == count {
            return Typed::List(List::Bools(bools.into()), Item::Bool);
        }
        if days.len() == count {
            return Typed::List(List::Ints(days.into()), Item::Day);
        }
        if reals.len() == count {
            if !any_double {
                return Typed::List(List::Ints(ints.into()), Item::Int);
            }
            if ints.iter().all(|n| exact(*n)) {
                return Typed::List(List::Reals(reals.into()), Item::Double);
            }
        }
        let span = items[0].span.start..items[count - 1].span.end;
        self.bad(type_error(span, "the items of a list should be of one type"))
    }

    fn each(
        &mut self,
        words: &[(Box<str>, Span)],
        fits: impl Fn(&str) -> bool,
        wrong: impl Fn(&str, Span) -> Diagnostic,
    ) -> bool {
        let before = self.errors.len();
        for (word, span) in words {
            if !fits(word) {
                self.errors.push(wrong(word, span.clone()));
            }
        }
        self.errors.len() == before
    }
}

/// Whether a whole number is the same as a double.
fn exact(n: i64) -> bool {
    n.unsigned_abs() <= 1 << 53
}
