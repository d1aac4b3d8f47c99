//! Types a tree and lowers it to the compiled form in one walk. A mistake is noted and
//! becomes [`Typed::Bad`], which silences what follows from it, so that one walk reports every
//! independent mistake.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use smol_str::SmolStr;

use super::areas::is_code;
use super::diagnostic::{Diagnostic, nearest};
use super::eval::{Cmp, Cond, Int, List, PersonField, Real, Slot, Text, Var, Words};
use super::named::{LEVELS_MAX, Named};
use super::parse::{Ast, Node, Rel};
use super::{Expr, QUANTIFIERS_MAX, Scope};
use crate::fact::{Kind, Type};
use crate::time::Day;

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
const PERSON: &[&str] = &["subject", "residence", "age"];
/// `person.subject` has the words of a declaration's `subject`.
const SUBJECTS: &[&str] = &["resident", "intending"];

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

fn type_error(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("rule.type", span, message)
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ")
}

/// "did you mean …?" where something is near, else what there is.
fn suggest(d: Diagnostic, name: &str, known: &[&str], there_is: &str) -> Diagnostic {
    match nearest(name, known.iter().copied()) {
        Some(near) => d.help(format!("did you mean {near}?")),
        None => d.help(format!("{there_is}: {}", known.join(", "))),
    }
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

    fn name(&mut self, name: &str, span: Span) -> Typed {
        if let Some(at) = self.vars.iter().rposition(|(var, _)| var == name) {
            // INVARIANT: at most QUANTIFIERS_MAX variables.
            let var = at as Var;
            return match self.vars[at].1.clone() {
                // It has no value ever, so it agrees with everything.
                Item::None => Typed::Text(Text::Var(var), Domain::Words(Vec::new())),
                Item::Bool => Typed::Bool(Cond::Var(var)),
                Item::Int => Typed::Int(Int::Var(var)),
                Item::Double => Typed::Double(Real::Var(var)),
                Item::Day => Typed::Day(Int::Var(var)),
                Item::Text(domain) => Typed::Text(Text::Var(var), domain),
            };
        }
        let conditions = self.scope.conditions.clone();
        if let Some(named) = conditions.get(name) {
            self.size = self.size.saturating_add(named.size);
            self.levels = self.levels.max(named.levels);
            if self.levels > LEVELS_MAX {
                let text = format!("at most {LEVELS_MAX} conditions name one another, one below the other");
                return self.bad(Diagnostic::new("rule.limit", span, text).help("write out one of them"));
            }
            self.depth = self.depth.max(self.vars.len() + named.depth);
            if self.depth > QUANTIFIERS_MAX {
                return self.bad(too_nested(span));
            }
            self.reads.extend(named.reads.iter().copied());
            self.areas.extend(named.areas.iter().cloned());
            self.codes.extend(named.codes.iter().cloned());
            self.countries.extend(named.countries.iter().cloned());
            return Typed::Bool(Cond::Named(name.into(), Arc::clone(&named.cond)));
        }
        let d = |code, message: String| Diagnostic::new(code, span.clone(), message);
        match name {
            "day" if self.scope.fact.is_some() => Typed::Day(Int::Day),
            "happened" if self.scope.fact.is_some() => Typed::Instant(Int::Happened),
            "fact" | "person" => self.bad(
                d("rule.type", format!("{name} is not a value by itself"))
                    .help(format!("name a field, such as {name}.residence")),
            ),
            _ if is_present(name) => self.bad(about_time(span.clone(), name)),
            _ => {
                let mut known: Vec<&str> = self.vars.iter().map(|(var, _)| var.as_str()).collect();
                known.extend(NAMES);
                known.extend(conditions.names());
                let e = d("rule.unknown_name", format!("there is no {name}"));
                let field = self.scope.fact.and_then(|kind| kind.schema().iter().find(|f| f.name == name));
                let e = if let Some(field) = field.filter(|f| f.rules) {
                    e.help(format!("did you mean fact.{}?", field.name))
                } else if PERSON.contains(&name) {
                    e.help(format!("did you mean person.{name}?"))
                } else if FUNCTIONS.contains(&name) {
                    e.help(format!("{name} is a function: write {name}(…)"))
                } else {
                    suggest(e, name, &known, "there are")
                };
                self.bad(e)
            }
        }
    }

    /// The slot of a field that rules may read.
    fn field(&mut self, name: &str, span: &Span) -> Option<(Slot, Type)> {
        let Some(kind) = self.scope.fact else {
            self.errors.push(Diagnostic::new("rule.unknown_name", span.clone(), "there is no fact here"));
            return None;
        };
        let schema = kind.schema();
        if let Some((slot, field)) = schema.iter().enumerate().find(|(_, f)| f.name == name) {
            if field.rules {
                // INVARIANT: schemas are far shorter than 65,536 fields.
                let slot = slot as Slot;
                self.reads.insert(slot);
                let ty = self.scope.vocabulary.map_or(field.ty, |own| own.type_of(field));
                return Some((slot, ty));
            }
            self.errors.push(
                Diagnostic::new("rule.not_readable", span.clone(), format!("rules may not read {name}"))
                    .help("it is personal text or the engine's own"),
            );
            return None;
        }
        let known: Vec<&str> = schema.iter().filter(|f| f.rules).map(|f| f.name).collect();
        let d = Diagnostic::new(
            "rule.unknown_name",
            span.clone(),
            format!("a {} has no field {name}", kind.name()),
        );
        let elsewhere: Vec<&str> = Kind::ALL
            .into_iter()
            .filter(|k| k.schema().iter().any(|f| f.rules && f.name == name))
            .map(Kind::name)
            .collect();
        self.errors.push(if known.is_empty() {
            d.help("rules may read none of its fields")
        } else if !elsewhere.is_empty() && nearest(name, known.iter().copied()).is_none() {
            d.help(format!("{name} is a field of {}", elsewhere.join(", ")))
        } else {
            suggest(d, name, &known, "its fields are")
        });
        None
    }

    fn person_field(&mut self, name: &str, span: &Span) -> Option<PersonField> {
        match name {
            "subject" => Some(PersonField::Subject),
            "residence" => Some(PersonField::Residence),
            "age" => Some(PersonField::Age),
            _ => {
                let d = Diagnostic::new(
                    "rule.unknown_name",
                    span.clone(),
                    format!("rules know no {name} of a person"),
                );
                self.errors.push(suggest(d, name, PERSON, "they know"));
                None
            }
        }
    }

    fn member(&mut self, of: &Node, name: &str, name_span: Span) -> Typed {
        match &of.ast {
            Ast::Name(fact) if fact == "fact" => match self.field(name, &name_span) {
                None => Typed::Bad,
                Some((slot, ty)) => match ty {
                    Type::Bool => Typed::Bool(Cond::Field(slot)),
                    Type::Int => Typed::Int(Int::Field(slot)),
                    Type::Double => Typed::Double(Real::Field(slot)),
                    Type::Text => Typed::Text(Text::Field(slot), Domain::Any),
                    Type::Choice(words) => Typed::Text(Text::Field(slot), Domain::Choice(words)),
                    Type::Division => Typed::Text(Text::Field(slot), Domain::Division),
                    Type::Choices(words) => Typed::List(List::Field(slot), Item::Text(Domain::Choice(words))),
                    Type::Divisions => Typed::List(List::Field(slot), Item::Text(Domain::Division)),
                    Type::Day => Typed::Day(Int::Field(slot)),
                    Type::Instant => Typed::Instant(Int::Field(slot)),
                },
            },
            Ast::Name(person) if person == "person" => match self.person_field(name, &name_span) {
                None => Typed::Bad,
                Some(PersonField::Age) => Typed::Int(Int::Age),
                Some(field @ PersonField::Subject) => {
                    Typed::Text(Text::Person(field), Domain::Choice(SUBJECTS))
                }
                Some(field @ PersonField::Residence) => Typed::Text(Text::Person(field), Domain::Division),
            },
            _ => {
                let of = self.typed(of);
                if of.is_bad() {
                    return Typed::Bad;
                }
                let d = type_error(name_span, format!("{} has no fields", of.name()));
                self.bad(if METHODS.contains(&name) {
                    d.help(format!("{name} is a function: write .{name}(…)"))
                } else {
                    d.help("only fact and person have fields")
                })
            }
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

    fn negative(&mut self, of: &Node) -> Typed {
        match self.typed(of) {
            Typed::Int(Int::Const(n)) if n != i64::MIN => Typed::Int(Int::Const(-n)),
            Typed::Int(n) => Typed::Int(Int::Neg(Box::new(n))),
            Typed::Double(Real::Const(n)) => Typed::Double(Real::Const(-n)),
            Typed::Double(n) => Typed::Double(Real::Neg(Box::new(n))),
            Typed::Bad => Typed::Bad,
            other => {
                let d = type_error(of.span.clone(), format!("{} has no negative", other.name()));
                self.bad(match other {
                    Typed::Bool(_) => d.help("not is written !"),
                    _ => d,
                })
            }
        }
    }

    fn sum(&mut self, first: &Node, rest: &[(bool, Node)]) -> Typed {
        let mut sum = self.typed(first);
        let mut span = first.span.clone();
        for (minus, node) in rest {
            let part = self.typed(node);
            span = span.start..node.span.end;
            if let Some(d) = self.across(&sum, &part, &span) {
                sum = self.bad(d);
                continue;
            }
            sum = match (sum, part) {
                (Typed::Bad, _) | (_, Typed::Bad) => Typed::Bad,
                (Typed::Int(a), Typed::Int(b)) => Typed::Int(add(a, *minus, b)),
                (Typed::Day(a), Typed::Int(b)) => Typed::Day(add(a, *minus, b)),
                (Typed::Int(a), Typed::Day(b)) if !*minus => Typed::Day(add(a, false, b)),
                (Typed::Day(a), Typed::Day(b)) if *minus => Typed::Int(add(a, true, b)),
                (Typed::Double(a), Typed::Double(b)) => Typed::Double(match a {
                    Real::Sum(first, parts) => {
                        let mut parts = parts.into_vec();
                        parts.push((*minus, b));
                        Real::Sum(first, parts.into())
                    }
                    a => Real::Sum(Box::new(a), Box::new([(*minus, b)])),
                }),
                (a, b) => {
                    let (sign, joins) = if *minus { ("-", "from") } else { ("+", "and") };
                    let d = type_error(
                        span.clone(),
                        format!("there is no {sign} of {} {joins} {}", a.name(), b.name()),
                    );
                    self.bad(match (a, b) {
                        (Typed::Int(_), Typed::Double(_)) | (Typed::Double(_), Typed::Int(_)) => {
                            d.help("write both with a decimal point, such as 1.0")
                        }
                        (Typed::Instant(_), Typed::Instant(_)) => {
                            d.help("use hours_between(from, to), or days")
                        }
                        (Typed::Day(_), Typed::Day(_)) => d.help("subtract one day from the other"),
                        (Typed::Text(..), _) | (_, Typed::Text(..)) => {
                            d.help("texts are not joined in rules")
                        }
                        _ => d,
                    })
                }
            };
        }
        sum
    }

    fn compared(&mut self, rel: Rel, left: &Node, right: &Node, span: Span) -> Typed {
        let cmp = match rel {
            Rel::Eq => Cmp::Eq,
            Rel::Ne => Cmp::Ne,
            Rel::Lt => Cmp::Lt,
            Rel::Le => Cmp::Le,
            Rel::Gt => Cmp::Gt,
            Rel::Ge | Rel::In => Cmp::Ge,
        };
        let equality = matches!(cmp, Cmp::Eq | Cmp::Ne);
        let (a, b) = (self.typed(left), self.typed(right));
        let negated = |cond: Cond| if cmp == Cmp::Ne { Cond::Not(Box::new(cond)) } else { cond };
        if let Some(d) = self.across(&a, &b, &span) {
            return self.bad(d);
        }
        Typed::Bool(match (a, b) {
            (Typed::Bad, _) | (_, Typed::Bad) => return Typed::Bad,
            (Typed::Int(a), Typed::Int(b))
            | (Typed::Day(a), Typed::Day(b))
            | (Typed::Instant(a), Typed::Instant(b)) => ints(cmp, a, b),
            (Typed::Double(a), Typed::Double(b)) => reals(cmp, a, b),
            (Typed::Int(a), Typed::Double(b)) => mixed(cmp, a, b),
            (Typed::Double(a), Typed::Int(b)) => mixed(turned(cmp), b, a),
            (Typed::Bool(a), Typed::Bool(b)) if equality => Cond::Same(Box::new((a, b)), cmp == Cmp::Eq),
            (Typed::Text(a, left_is), Typed::Text(b, right_is)) if equality => {
                if !self.agree(&left_is, &right_is, &span) {
                    return Typed::Bad;
                }
                negated(match (a, b) {
                    (Text::Field(slot), Text::Const(word)) | (Text::Const(word), Text::Field(slot)) => {
                        Cond::FieldIs(slot, word)
                    }
                    (text, Text::Const(word)) | (Text::Const(word), text) => Cond::TextIs(text, word),
                    (a, b) => Cond::TextSame(Box::new((a, b))),
                })
            }
            (Typed::List(a, left_is), Typed::List(b, right_is)) if equality => {
                match (left_is, right_is) {
                    (Item::Text(left_is), Item::Text(right_is)) => {
                        if !self.agree(&left_is, &right_is, &span) {
                            return Typed::Bad;
                        }
                    }
                    (Item::Text(_) | Item::None, Item::Text(_) | Item::None) => {}
                    _ => {
                        return self.bad(type_error(span, "only lists of texts are compared").help("use in"));
                    }
                }
                negated(Cond::ListSame(Box::new((a, b))))
            }
            (a, b) => {
                let sign = rel.sign();
                let d = if a.name() == b.name() {
                    type_error(span, format!("{sign} does not compare {} with another", a.name()))
                } else {
                    type_error(span, format!("{sign} does not compare {} with {}", a.name(), b.name()))
                };
                return self.bad(match (&a, &b) {
                    (Typed::Day(_), Typed::Text(Text::Const(t), _))
                    | (Typed::Text(Text::Const(t), _), Typed::Day(_))
                        if Day::parse(t).is_ok() =>
                    {
                        d.help(format!("a day is written date(\"{t}\")"))
                    }
                    (Typed::Day(_), Typed::Int(_)) | (Typed::Int(_), Typed::Day(_)) => {
                        d.help("a day less a day is a number of days")
                    }
                    (Typed::Day(_), Typed::Instant(_)) | (Typed::Instant(_), Typed::Day(_)) => {
                        d.help("compare days with days; the fact's day is called day, its instant happened")
                    }
                    (Typed::List(..), Typed::Text(..)) => d.help("write text in list"),
                    (Typed::Text(..), Typed::List(..)) => d.help("write text in list"),
                    (Typed::Bool(_), Typed::Text(Text::Const(t), _))
                        if matches!(&**t, "true" | "false" | "yes" | "no") =>
                    {
                        d.help("true and false stand without quotes")
                    }
                    (Typed::Int(_) | Typed::Double(_), Typed::Text(Text::Const(t), _))
                        if t.parse::<f64>().is_ok() =>
                    {
                        d.help(format!("a number stands without quotes: {t}"))
                    }
                    (Typed::Text(..), Typed::Text(..)) => d.help("texts have no order; use == or !="),
                    (Typed::Bool(_), Typed::Bool(_)) => d.help("use == or !="),
                    _ => d,
                });
            }
        })
    }

    /// Numbers of different things are not compared, nor added.
    fn across(&self, a: &Typed, b: &Typed, span: &Span) -> Option<Diagnostic> {
        let schema = self.scope.fact.map_or(&[][..], Kind::schema);
        let of = |typed: &Typed| match typed {
            Typed::Int(n) => measure(n, schema).1,
            Typed::Double(n) => real_unit(n, schema),
            _ => None,
        };
        let (a, b) = (of(a)?, of(b)?);
        let d = || Diagnostic::new("rule.unit", span.clone(), format!("one side is {a}, the other {b}"));
        (a != b).then(|| match (a, b) {
            ("days", "hours") | ("hours", "days") => {
                d().help("a day is no fixed number of hours here; ask both in days or both in hours")
            }
            ("days", "working days") | ("working days", "days") => {
                d().help("ask both with working_days_between, or both with days_between")
            }
            _ => d().help("compare like with like; a number without a unit stands in the rule itself"),
        })
    }

    fn belongs(&mut self, left: &Node, right: &Node) -> Typed {
        let (a, b) = (self.typed(left), self.typed(right));
        let (list, item) = match b {
            Typed::Bad => return Typed::Bad,
            Typed::List(list, item) => (list, item),
            other => {
                let d =
                    type_error(right.span.clone(), format!("in needs a list, but this is {}", other.name()));
                return self.bad(d.help("write x in [\"a\", \"b\"], or == for a single value"));
            }
        };
        Typed::Bool(match (a, list, item) {
            (Typed::Bad, ..) => return Typed::Bad,
            (Typed::Text(text, left_is), list, Item::Text(right_is)) => {
                if !self.agree(&left_is, &right_is, &(left.span.start..right.span.end)) {
                    return Typed::Bad;
                }
                match (text, list) {
                    (text, List::Field(slot)) => Cond::TextInField(text, slot),
                    (Text::Field(slot), List::Texts(words)) => Cond::FieldIn(slot, Words::new(words.into())),
                    (text, List::Texts(words)) => Cond::TextIn(text, Words::new(words.into())),
                    // INVARIANT: a list of texts is one of the two.
                    _ => return Typed::Bad,
                }
            }
            (Typed::Int(n), List::Ints(among), Item::Int) | (Typed::Day(n), List::Ints(among), Item::Day) => {
                Cond::IntIn(n, among)
            }
            (Typed::Int(n), List::Reals(among), _) => Cond::IntInReals(n, among),
            (Typed::Double(n), List::Reals(among), _) => Cond::RealIn(n, among),
            (Typed::Double(n), List::Ints(among), Item::Int) => Cond::RealInInts(n, among),
            (Typed::Bool(b), List::Bools(among), _) => {
                Cond::In(Box::new(b), among.contains(&true), among.contains(&false))
            }
            // Unknown in the empty list is unknown, so the value is still looked at.
            (Typed::Text(text, _), _, Item::None) => Cond::TextIn(text, Words::new(Vec::new())),
            (Typed::Int(n) | Typed::Day(n), _, Item::None) => Cond::IntIn(n, Box::new([])),
            (Typed::Double(n), _, Item::None) => Cond::RealIn(n, Box::new([])),
            (Typed::Bool(b), _, Item::None) => Cond::In(Box::new(b), false, false),
            (other, ..) => {
                let d = type_error(
                    left.span.start..right.span.end,
                    format!("{} is never in this list", other.name()),
                );
                return self.bad(match other {
                    Typed::List(..) => d.help("write list.exists(v, v in [..])"),
                    Typed::Day(_) => d.help("days are written date(\"2020-01-23\")"),
                    _ => d.help("its items are of another type"),
                });
            }
        })
    }

    fn chosen(&mut self, cond: &Node, yes: &Node, no: &Node) -> Typed {
        let cond = self.truth(cond);
        let (a, b) = (self.typed(yes), self.typed(no));
        match (a, b) {
            (Typed::Bad, _) | (_, Typed::Bad) => Typed::Bad,
            (Typed::Bool(a), Typed::Bool(b)) => Typed::Bool(Cond::If(Box::new((cond, a, b)))),
            (Typed::Int(a), Typed::Int(b)) => Typed::Int(Int::If(Box::new((cond, a, b)))),
            (Typed::Day(a), Typed::Day(b)) => Typed::Day(Int::If(Box::new((cond, a, b)))),
            (Typed::Instant(a), Typed::Instant(b)) => Typed::Instant(Int::If(Box::new((cond, a, b)))),
            (Typed::Double(a), Typed::Double(b)) => Typed::Double(Real::If(Box::new((cond, a, b)))),
            (Typed::Text(a, a_is), Typed::Text(b, b_is)) => {
                if !self.agree(&a_is, &b_is, &(yes.span.start..no.span.end)) {
                    return Typed::Bad;
                }
                let domain = match (a_is, b_is) {
                    (Domain::Words(mut a), Domain::Words(b)) => {
                        a.extend(b);
                        Domain::Words(a)
                    }
                    (Domain::Words(words), domain) | (domain, Domain::Words(words)) => {
                        // As far as the answer goes into area().
                        self.codes.extend(words.into_iter().map(|(word, _)| word));
                        domain
                    }
                    (Domain::Division, Domain::Division) => Domain::Division,
                    (Domain::Choice(a), Domain::Choice(b)) if a == b => Domain::Choice(a),
                    _ => Domain::Any,
                };
                Typed::Text(Text::If(Box::new((cond, a, b))), domain)
            }
            (a, b) => {
                let d = type_error(
                    yes.span.start..no.span.end,
                    format!("one side of : is {}, the other {}", a.name(), b.name()),
                );
                self.bad(match a {
                    Typed::List(..) => d.help("lists cannot be chosen; choose between conditions"),
                    _ => d.help("both sides should be of one type"),
                })
            }
        }
    }

    /// Whether two texts can ever be equal. Reports words that cannot.
    fn agree(&mut self, a: &Domain, b: &Domain, span: &Span) -> bool {
        match (a, b) {
            (Domain::Words(words), Domain::Choice(choices))
            | (Domain::Choice(choices), Domain::Words(words)) => {
                self.each(words, |w| choices.contains(&w), |w, span| wrong_choice(w, span, choices))
            }
            (Domain::Words(words), Domain::Division) | (Domain::Division, Domain::Words(words)) => {
                self.each(words, is_code, wrong_code)
            }
            (Domain::Choice(a), Domain::Choice(b)) if !a.iter().any(|w| b.contains(w)) => {
                self.errors.push(type_error(span.clone(), "these two have no word in common").help(format!(
                    "one is of {}; the other of {}",
                    quoted(a),
                    quoted(b)
                )));
                false
            }
            (Domain::Choice(choices), Domain::Division) | (Domain::Division, Domain::Choice(choices)) => {
                self.errors.push(
                    type_error(span.clone(), "a division's code is never one of these words")
                        .help(quoted(choices)),
                );
                false
            }
            _ => true,
        }
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

    /// The arguments if they are as many as wanted.
    fn arguments<'n, const N: usize>(
        &mut self,
        usage: &str,
        args: &'n [Node],
        span: &Span,
    ) -> Option<&'n [Node; N]> {
        let found = args.try_into().ok();
        if found.is_none() {
            let count = if N == 1 { "1 argument".to_owned() } else { format!("{N} arguments") };
            self.errors.push(
                type_error(span.clone(), format!("this takes {count}, not {}", args.len()))
                    .help(format!("write {usage}")),
            );
        }
        found
    }

    fn function(&mut self, name: &str, name_span: Span, args: &[Node], span: Span) -> Typed {
        match name {
            "has" => {
                let Some([arg]) = self.arguments("has(fact.x)", args, &span) else { return Typed::Bad };
                match &arg.ast {
                    Ast::Member { of, name, name_span } => match &of.ast {
                        Ast::Name(of) if of == "fact" => match self.field(name, name_span) {
                            Some((slot, _)) => Typed::Bool(Cond::Has(slot)),
                            None => Typed::Bad,
                        },
                        Ast::Name(of) if of == "person" => match self.person_field(name, name_span) {
                            Some(field) => Typed::Bool(Cond::HasPerson(field)),
                            None => Typed::Bad,
                        },
                        _ => self.has_what(arg),
                    },
                    _ => self.has_what(arg),
                }
            }
            "size" => match self.arguments("size(list)", args, &span) {
                Some([arg]) => self.size(arg),
                None => Typed::Bad,
            },
            "date" => {
                let Some([arg]) = self.arguments("date(\"2020-01-23\")", args, &span) else {
                    return Typed::Bad;
                };
                match self.typed(arg) {
                    Typed::Text(Text::Const(text), _) => match Day::parse(&text) {
                        Ok(day) => Typed::Day(Int::Const(i64::from(day.0))),
                        Err(_) => self.bad(
                            Diagnostic::new("rule.date", arg.span.clone(), "there is no such day")
                                .help("write date(\"2020-01-23\")"),
                        ),
                    },
                    Typed::Bad => Typed::Bad,
                    _ => self.bad(type_error(arg.span.clone(), "date takes a text such as \"2020-01-23\"")),
                }
            }
            "days_between" => {
                let Some([from, to]) = self.arguments("days_between(from, to)", args, &span) else {
                    return Typed::Bad;
                };
                match (self.typed(from), self.typed(to)) {
                    (Typed::Day(from), Typed::Day(to)) => Typed::Int(add(to, true, from)),
                    (a, b) => self.ends("days_between takes days", (from, &a), (to, &b), |t| {
                        matches!(t, Typed::Day(_))
                    }),
                }
            }
            "day_count" => {
                let Some([from, to]) = self.days("day_count(first, last)", args, &span) else {
                    return Typed::Bad;
                };
                Typed::Int(add(add(to, true, from), false, Int::Const(1)))
            }
            "months_between" => match self.days("months_between(from, to)", args, &span) {
                Some([from, to]) => Typed::Int(Int::Months(Box::new((from, to)))),
                None => Typed::Bad,
            },
            "working_days_between" => match self.days("working_days_between(from, to)", args, &span) {
                Some([from, to]) => {
                    Typed::Int(Int::Working(Arc::clone(&self.scope.calendar), Box::new((from, to))))
                }
                None => Typed::Bad,
            },
            "add_months" => match self.day_and_number("add_months(day, 1)", args, &span) {
                Some(of) => Typed::Day(Int::AddMonths(Box::new(of))),
                None => Typed::Bad,
            },
            "add_working_days" => match self.day_and_number("add_working_days(day, 3)", args, &span) {
                Some(of) => Typed::Day(Int::AddWorking(Arc::clone(&self.scope.calendar), Box::new(of))),
                None => Typed::Bad,
            },
            "is_working_day" => match self.arguments("is_working_day(day)", args, &span) {
                None => Typed::Bad,
                Some([arg]) => match self.typed(arg) {
                    Typed::Bad => Typed::Bad,
                    Typed::Day(day) => Typed::Bool(Cond::Works(Arc::clone(&self.scope.calendar), day)),
                    other => {
                        let message = format!("is_working_day takes a day, but this is {}", other.name());
                        self.bad(type_error(arg.span.clone(), message))
                    }
                },
            },
            "hours_between" => {
                let Some([from, to]) = self.arguments("hours_between(from, to)", args, &span) else {
                    return Typed::Bad;
                };
                match (self.typed(from), self.typed(to)) {
                    (Typed::Instant(from), Typed::Instant(to)) => {
                        Typed::Int(Int::Hours(Box::new((from, to))))
                    }
                    (a, b) => self.ends("hours_between takes instants", (from, &a), (to, &b), |t| {
                        matches!(t, Typed::Instant(_))
                    }),
                }
            }
            "area" => self.area(args, span),
            "accepted" => self.accepted(args, span),
            _ if is_present(name) => self.bad(about_time(name_span, name)),
            "timestamp" | "duration" => self.bad(
                Diagnostic::new("rule.unsupported", name_span, format!("there is no {name} here"))
                    .help("a day is written date(\"2020-01-23\"); days are counted with + and -"),
            ),
            _ if METHODS.contains(&name) => self.bad(
                Diagnostic::new("rule.unknown_name", name_span, format!("{name} is asked of a value"))
                    .help(format!("write value.{name}(…)")),
            ),
            _ => {
                let d =
                    Diagnostic::new("rule.unknown_name", name_span, format!("there is no function {name}"));
                self.bad(suggest(d, name, FUNCTIONS, "there are"))
            }
        }
    }

    fn days(&mut self, usage: &str, args: &[Node], span: &Span) -> Option<[Int; 2]> {
        let [from, to] = self.arguments(usage, args, span)?;
        match (self.typed(from), self.typed(to)) {
            (Typed::Day(from), Typed::Day(to)) => Some([from, to]),
            (a, b) => {
                let what = usage.split('(').next().unwrap_or("this");
                self.ends(&format!("{what} takes days"), (from, &a), (to, &b), |t| {
                    matches!(t, Typed::Day(_))
                });
                None
            }
        }
    }

    fn day_and_number(&mut self, usage: &str, args: &[Node], span: &Span) -> Option<(Int, Int)> {
        let [day, n] = self.arguments(usage, args, span)?;
        match (self.typed(day), self.typed(n)) {
            (Typed::Day(day), Typed::Int(n)) => Some((day, n)),
            (Typed::Bad, _) | (_, Typed::Bad) => None,
            (a, b) => {
                let d = type_error(
                    span.clone(),
                    format!("this takes a day and a whole number, not {} and {}", a.name(), b.name()),
                );
                self.errors.push(d.help(format!("write {usage}")));
                None
            }
        }
    }

    fn has_what(&mut self, arg: &Node) -> Typed {
        self.bad(
            type_error(arg.span.clone(), "has asks for a field of the fact or the person")
                .help("write has(fact.contact)"),
        )
    }

    fn ends(
        &mut self,
        message: &str,
        from: (&Node, &Typed),
        to: (&Node, &Typed),
        fits: impl Fn(&Typed) -> bool,
    ) -> Typed {
        for (node, typed) in [from, to] {
            if !typed.is_bad() && !fits(typed) {
                self.errors
                    .push(type_error(node.span.clone(), format!("{message}, but this is {}", typed.name())));
            }
        }
        Typed::Bad
    }

    fn size(&mut self, of: &Node) -> Typed {
        match self.typed(of) {
            Typed::List(list, _) => Typed::Int(Int::Size(list)),
            Typed::Text(text, _) => Typed::Int(Int::Length(Box::new(text))),
            Typed::Bad => Typed::Bad,
            other => self.bad(type_error(of.span.clone(), format!("{} has no size", other.name()))),
        }
    }

    fn area(&mut self, args: &[Node], span: Span) -> Typed {
        let (code, key, on) = match args {
            [code, key] => (code, key, None),
            [code, key, on] => (code, key, Some(on)),
            _ => {
                return self.bad(
                    type_error(span, format!("area takes 2 or 3 arguments, not {}", args.len()))
                        .help("write area(fact.residence, \"high\"), or with a day as the third"),
                );
            }
        };
        let code_text = match self.typed(code) {
            Typed::Bad => None,
            Typed::Text(text, Domain::Division) => Some(text),
            Typed::Text(text, Domain::Words(words)) => {
                self.codes.extend(words.iter().map(|(word, _)| word.clone()));
                self.each(&words, is_code, wrong_code).then_some(text)
            }
            other => {
                let d = type_error(
                    code.span.clone(),
                    format!("area asks about a division, but this is {}", other.name()),
                );
                self.errors.push(match other {
                    Typed::List(..) => d.help("write list.exists(v, area(v, \"high\"))"),
                    _ => d.help("such as fact.residence, or a code in quotes"),
                });
                None
            }
        };
        let key_text = match self.typed(key) {
            Typed::Bad => None,
            Typed::Text(Text::Const(text), _) => match &self.scope.areas {
                Some(known) if !known.iter().any(|k| **k == *text) => {
                    let d = Diagnostic::new(
                        "rule.area",
                        key.span.clone(),
                        format!("there is no list of areas {:?}", &*text),
                    );
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    self.errors.push(if known.is_empty() {
                        d.help("lists stand in pack.toml under [areas]")
                    } else {
                        suggest(d, &text, &known, "there are")
                    });
                    None
                }
                _ => Some(text),
            },
            _ => {
                self.errors.push(
                    type_error(key.span.clone(), "the list of areas is named by a text in quotes")
                        .help("write area(fact.residence, \"high\")"),
                );
                None
            }
        };
        let on_day = match on {
            None => Some(None),
            Some(on) => match self.typed(on) {
                Typed::Bad => None,
                Typed::Day(day) => Some(Some(Box::new(day))),
                other => {
                    let message = format!("the third argument is a day, but this is {}", other.name());
                    self.errors.push(type_error(on.span.clone(), message));
                    None
                }
            },
        };
        match (code_text, key_text, on_day) {
            (Some(code), Some(key), Some(on)) => {
                self.areas.insert(key.clone());
                Typed::Bool(Cond::Area { code, key, on })
            }
            _ => Typed::Bad,
        }
    }

    fn accepted(&mut self, args: &[Node], span: Span) -> Typed {
        let Some([country]) = self.arguments("accepted(\"EU\")", args, &span) else { return Typed::Bad };
        if self.scope.fact != Some(Kind::Certificate) {
            return self.bad(
                type_error(span, "accepted asks about a certificate")
                    .help("it stands in a rule with on = \"certificate\""),
            );
        }
        let Typed::Text(Text::Const(name), _) = self.typed(country) else {
            return self.bad(
                type_error(country.span.clone(), "the country is named by a text in quotes")
                    .help("write accepted(\"EU\")"),
            );
        };
        let rules = self.scope.certificates.clone().unwrap_or_default();
        let known = rules.countries();
        if known.contains(&&*name) {
            self.countries.insert(name.clone());
            return Typed::Bool(Cond::Accepted(rules, name));
        }
        let d = Diagnostic::new(
            "rule.country",
            country.span.clone(),
            format!("there are no acceptance rules of {:?}", &*name),
        );
        let d = if known.is_empty() {
            d.help(
                "they stand in the pack's folder certlogic/: kangma pack import-certlogic FILE --into PACK",
            )
        } else {
            suggest(d, &name, &known, "there are those of")
        };
        self.bad(d)
    }

    fn method(&mut self, target: &Node, name: &str, name_span: Span, args: &[Node], span: Span) -> Typed {
        match name {
            "exists" | "all" => self.quantified(target, name, args, span),
            "size" => {
                if self.arguments::<0>("list.size()", args, &span).is_none() {
                    return Typed::Bad;
                }
                self.size(target)
            }
            "startsWith" => {
                let text = self.typed(target);
                let Some([arg]) = self.arguments("text.startsWith(\"33\")", args, &span) else {
                    return Typed::Bad;
                };
                let prefix = self.typed(arg);
                match (text, prefix) {
                    (Typed::Bad, _) | (_, Typed::Bad) => Typed::Bad,
                    (Typed::Text(text, domain), Typed::Text(prefix, Domain::Words(words))) => {
                        let fits = match &domain {
                            Domain::Choice(choices) => self.each(
                                &words,
                                |w| choices.iter().any(|c| c.starts_with(w)),
                                |w, span| wrong_choice(w, span, choices),
                            ),
                            Domain::Division => self.each(
                                &words,
                                |w| w.len() <= 12 && w.bytes().all(|b| b.is_ascii_digit()),
                                wrong_code,
                            ),
                            Domain::Any | Domain::Words(_) => true,
                        };
                        if fits {
                            Typed::Bool(Cond::StartsWith(Box::new((text, prefix))))
                        } else {
                            Typed::Bad
                        }
                    }
                    (Typed::Text(text, _), Typed::Text(prefix, _)) => {
                        Typed::Bool(Cond::StartsWith(Box::new((text, prefix))))
                    }
                    (Typed::Text(..), other) => {
                        let message = format!("startsWith takes a text, but this is {}", other.name());
                        self.bad(type_error(arg.span.clone(), message))
                    }
                    (Typed::List(..), _) => self.bad(
                        type_error(target.span.clone(), "startsWith is asked of a text, but this is a list")
                            .help("write list.exists(v, v.startsWith(\"33\"))"),
                    ),
                    (other, _) => {
                        let message = format!("startsWith is asked of a text, but this is {}", other.name());
                        self.bad(type_error(target.span.clone(), message))
                    }
                }
            }
            "contains" => self.bad(
                Diagnostic::new("rule.unsupported", name_span, "contains is not part of the rule language")
                    .help("write value in list"),
            ),
            "map" | "filter" | "exists_one" | "matches" | "endsWith" => self.bad(
                Diagnostic::new(
                    "rule.unsupported",
                    name_span,
                    format!("{name} is not part of the rule language"),
                )
                .help("there are exists, all, in, size and startsWith"),
            ),
            _ if FUNCTIONS.contains(&name) => self.bad(
                Diagnostic::new(
                    "rule.unknown_name",
                    name_span,
                    format!("{name} stands before its arguments"),
                )
                .help(format!("write {name}(…)")),
            ),
            _ => {
                let d =
                    Diagnostic::new("rule.unknown_name", name_span, format!("there is no function {name}"));
                self.bad(suggest(d, name, METHODS, "there are"))
            }
        }
    }

    fn quantified(&mut self, target: &Node, name: &str, args: &[Node], span: Span) -> Typed {
        let usage = format!("list.{name}(v, condition about v)");
        let list = self.typed(target);
        let Some([var, body]) = self.arguments(&usage, args, &span) else { return Typed::Bad };
        let Ast::Name(var_name) = &var.ast else {
            return self.bad(
                type_error(var.span.clone(), "this should be a new name").help(format!("write {usage}")),
            );
        };
        let is_named = self.scope.conditions.get(var_name).is_some();
        if NAMES.contains(&var_name.as_str()) || is_present(var_name) || is_named {
            return self.bad(
                type_error(var.span.clone(), format!("{var_name} has a meaning already"))
                    .help("choose another name"),
            );
        }
        if self.vars.len() == QUANTIFIERS_MAX {
            return self.bad(too_nested(span));
        }
        let (list, item) = match list {
            Typed::List(list, item) => (list, item),
            Typed::Bad => return Typed::Bad,
            other => {
                let message = format!("{name} is asked of a list, but this is {}", other.name());
                return self.bad(type_error(target.span.clone(), message));
            }
        };
        let var = self.vars.len() as Var;
        self.vars.push((var_name.clone(), item));
        self.depth = self.depth.max(self.vars.len());
        let body = self.truth(body);
        self.vars.pop();
        Typed::Bool(Cond::Quantified { all: name == "all", var, list, body: Box::new(body) })
    }
}

fn too_nested(span: Span) -> Diagnostic {
    Diagnostic::new(
        "rule.limit",
        span,
        format!("at most {QUANTIFIERS_MAX} of exists and all stand inside one another"),
    )
    .help("split the rule into several")
}

/// Whether a number is a day of the calendar, and if not, what it is a number of. Days and hours do
/// not compare, nor either with a count, an age or a temperature; a number that stands in the rule is of
/// whatever it is compared with.
fn measure(n: &Int, schema: &[crate::fact::Field]) -> (bool, Option<&'static str>) {
    let either = |a: &Int, b: &Int| match (measure(a, schema), measure(b, schema)) {
        ((point, None), (_, unit)) | ((point, unit), _) => (point, unit),
    };
    match n {
        Int::Hours(_) => (false, Some("hours")),
        Int::Size(_) | Int::Length(_) => (false, Some("a count")),
        Int::Age => (false, Some("years of age")),
        Int::Months(_) => (false, Some("months")),
        Int::Working(..) => (false, Some("working days")),
        Int::Day | Int::AddMonths(_) | Int::AddWorking(..) => (true, None),
        Int::Field(slot) => (schema.get(usize::from(*slot)).is_some_and(|f| f.ty == Type::Day), None),
        Int::Neg(of) => measure(of, schema),
        Int::If(parts) => either(&parts.1, &parts.2),
        Int::Sum(first, rest) => {
            let (first, mut unit) = measure(first, schema);
            let (mut points, mut has_point) = (i32::from(first), first);
            for (minus, part) in rest {
                let (point, of) = measure(part, schema);
                points += i32::from(point) * if *minus { -1 } else { 1 };
                has_point |= point;
                unit = unit.or(of);
            }
            match (has_point, points) {
                (true, 0) => (false, Some("days")),
                (true, _) => (true, None),
                (false, _) => (false, unit),
            }
        }
        Int::Const(_) | Int::Happened | Int::Var(_) => (false, None),
    }
}

/// What a decimal number is of: fields in °C end in `_c`.
fn real_unit(n: &Real, schema: &[crate::fact::Field]) -> Option<&'static str> {
    match n {
        Real::Field(slot) => {
            schema.get(usize::from(*slot)).filter(|f| f.name.ends_with("_c")).map(|_| "a temperature in °C")
        }
        Real::Neg(of) => real_unit(of, schema),
        Real::Sum(first, rest) => {
            real_unit(first, schema).or_else(|| rest.iter().find_map(|(_, n)| real_unit(n, schema)))
        }
        Real::If(parts) => real_unit(&parts.1, schema).or_else(|| real_unit(&parts.2, schema)),
        Real::Const(_) | Real::Var(_) => None,
    }
}

fn is_present(name: &str) -> bool {
    matches!(name, "now" | "today" | "yesterday" | "tomorrow" | "current_time" | "current_date")
}

fn about_time(span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(
        "rule.time",
        span,
        format!("{name} does not exist: a rule asks about the fact, not the present"),
    )
    .help("days that pass belong in a stage's release; the day of the fact is called day")
}

fn wrong_choice(word: &str, span: Span, choices: &[&str]) -> Diagnostic {
    let d = Diagnostic::new("rule.choice", span, format!("{word:?} is never the value here"));
    let all = quoted(choices);
    match nearest(word, choices.iter().copied()) {
        Some(near) => d.help(format!("did you mean \"{near}\"? It is one of {all}")),
        None => d.help(format!("it is one of {all}")),
    }
}

fn wrong_code(word: &str, span: Span) -> Diagnostic {
    Diagnostic::new("rule.division", span, format!("{word:?} is not a division's code"))
        .help("codes have 2, 4, 6, 9 or 12 digits, such as 33 or 330106")
}

/// Whether a whole number is the same as a double.
fn exact(n: i64) -> bool {
    n.unsigned_abs() <= 1 << 53
}

fn add(a: Int, minus: bool, b: Int) -> Int {
    match a {
        Int::Sum(first, parts) => {
            let mut parts = parts.into_vec();
            parts.push((minus, b));
            Int::Sum(first, parts.into())
        }
        a => Int::Sum(Box::new(a), Box::new([(minus, b)])),
    }
}

/// `a cmp b` as `b cmp' a`.
fn turned(cmp: Cmp) -> Cmp {
    match cmp {
        Cmp::Eq | Cmp::Ne => cmp,
        Cmp::Lt => Cmp::Gt,
        Cmp::Le => Cmp::Ge,
        Cmp::Gt => Cmp::Lt,
        Cmp::Ge => Cmp::Le,
    }
}

fn ints(cmp: Cmp, a: Int, b: Int) -> Cond {
    match (a, b) {
        (Int::Size(List::Field(slot)), Int::Const(n)) => Cond::FieldSize(cmp, slot, n),
        (Int::Const(n), Int::Size(List::Field(slot))) => Cond::FieldSize(turned(cmp), slot, n),
        (a, Int::Const(n)) => Cond::IntConst(cmp, a, n),
        (Int::Const(n), b) => Cond::IntConst(turned(cmp), b, n),
        (a, b) => Cond::Ints(cmp, Box::new((a, b))),
    }
}

fn reals(cmp: Cmp, a: Real, b: Real) -> Cond {
    match (a, b) {
        (Real::Field(slot), Real::Const(n)) => Cond::FieldReal(cmp, slot, n),
        (Real::Const(n), Real::Field(slot)) => Cond::FieldReal(turned(cmp), slot, n),
        (a, b) => Cond::Reals(cmp, Box::new((a, b))),
    }
}

fn mixed(cmp: Cmp, a: Int, b: Real) -> Cond {
    match (a, b) {
        (Int::Const(n), b) if exact(n) => reals(cmp, Real::Const(n as f64), b),
        (a, b) => Cond::Mixed(cmp, Box::new((a, b))),
    }
}
