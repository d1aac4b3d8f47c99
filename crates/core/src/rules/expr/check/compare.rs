//! What may be added, compared and chosen between, and what becomes of it.

use super::mistakes::{quoted, type_error, wrong_choice, wrong_code};
use super::{Checker, Domain, Item, Span, Typed, exact};
use crate::fact::{Field, Kind, Type};
use crate::rules::expr::areas::is_code;
use crate::rules::expr::diagnostic::Diagnostic;
use crate::rules::expr::eval::{Cmp, Cond, Int, List, Real, Text, Words};
use crate::rules::expr::parse::{Node, Rel};
use crate::time::Day;

impl Checker<'_> {
    pub(super) fn negative(&mut self, of: &Node) -> Typed {
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

    pub(super) fn sum(&mut self, first: &Node, rest: &[(bool, Node)]) -> Typed {
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

    pub(super) fn compared(&mut self, rel: Rel, left: &Node, right: &Node, span: Span) -> Typed {
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

    pub(super) fn belongs(&mut self, left: &Node, right: &Node) -> Typed {
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

    pub(super) fn chosen(&mut self, cond: &Node, yes: &Node, no: &Node) -> Typed {
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
}

/// Whether a number is a day of the calendar, and if not, what it is a number of. Days and hours do
/// not compare, nor either with a count, an age or a temperature; a number that stands in the rule is of
/// whatever it is compared with.
fn measure(n: &Int, schema: &[Field]) -> (bool, Option<&'static str>) {
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
fn real_unit(n: &Real, schema: &[Field]) -> Option<&'static str> {
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

pub(super) fn add(a: Int, minus: bool, b: Int) -> Int {
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
