//! From JSON to a checked expression: whatever can be wrong without a certificate at hand is told
//! here, with its place.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::moment::Unit;
use super::{BadLogic, NESTING_MAX, NODES_MAX};

/// Which way a comparison goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Less,
    Greater,
    AtMost,
    AtLeast,
}

/// A name on the way of `var`, and the same as a place in an array.
pub(super) type Step = (Box<str>, Option<usize>);

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Expr {
    Bool(bool),
    Int(f64),
    Text(Box<str>),
    Array(Box<[Expr]>),
    Var(Box<[Step]>),
    If(Box<(Expr, Expr, Expr)>),
    And(Box<[Expr]>),
    Not(Box<Expr>),
    Same(Box<(Expr, Expr)>),
    In(Box<(Expr, Expr)>),
    Plus(Box<(Expr, Expr)>),
    Ints(Order, Box<[Expr]>),
    Moments(Order, Box<[Expr]>),
    PlusTime(Box<Expr>, i64, Unit),
    Birth(Box<Expr>),
    Uvci(Box<Expr>, i64),
    /// Array, what is done with each item, beginning.
    Reduce(Box<(Expr, Expr, Expr)>),
}

/// Every operation, for whoever misspells one.
const OPERATIONS: &[&str] = &[
    "var",
    "if",
    "and",
    "!",
    "===",
    "<",
    ">",
    "<=",
    ">=",
    "in",
    "+",
    "after",
    "before",
    "not-after",
    "not-before",
    "plusTime",
    "dccDateOfBirth",
    "extractFromUVCI",
    "reduce",
];
/// The largest whole number that a double holds exactly, and so the largest of a rule.
const INT_MAX: i64 = 1 << 53;

pub(super) struct Compiler {
    path: String,
    nodes: usize,
    depth: usize,
}

type Compiled<T> = Result<T, BadLogic>;

impl Compiler {
    /// For an expression that stands at a path.
    pub(super) fn new(path: &str) -> Compiler {
        Compiler { path: path.to_owned(), nodes: 0, depth: 0 }
    }

    fn bad<T>(&self, text: impl Into<String>) -> Compiled<T> {
        Err(BadLogic { path: self.path.clone(), text: text.into() })
    }

    /// The same with a step further down the path.
    fn inside<T>(
        &mut self,
        step: std::fmt::Arguments<'_>,
        f: impl FnOnce(&mut Self) -> Compiled<T>,
    ) -> Compiled<T> {
        let len = self.path.len();
        // Writing into a String does not fail.
        let _ = self.path.write_fmt(step);
        let done = f(self);
        if done.is_ok() {
            self.path.truncate(len);
        }
        done
    }

    pub(super) fn expr(&mut self, json: &Json) -> Compiled<Expr> {
        self.nodes += 1;
        self.depth += 1;
        if self.nodes > NODES_MAX || self.depth > NESTING_MAX {
            return self.bad(format!("a rule has at most {NODES_MAX} parts, {NESTING_MAX} deep"));
        }
        let expr = match json {
            Json::Bool(b) => Expr::Bool(*b),
            Json::Number(_) => Expr::Int(self.int(json)? as f64),
            Json::String(text) => Expr::Text(text.as_str().into()),
            Json::Array(items) => Expr::Array(self.each(items)?),
            Json::Object(map) => match map.iter().next() {
                Some((operation, operands)) if map.len() == 1 => {
                    self.inside(format_args!(".{operation}"), |c| c.operation(operation, operands))?
                }
                _ => {
                    return self.bad(
                        "an operation is an object with one member, such as {\"var\": \"payload.dob\"}",
                    );
                }
            },
            Json::Null => return self.bad("null cannot be written in a rule"),
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn each(&mut self, items: &[Json]) -> Compiled<Box<[Expr]>> {
        items
            .iter()
            .enumerate()
            .map(|(i, item)| self.inside(format_args!("[{i}]"), |c| c.expr(item)))
            .collect()
    }

    /// A whole number that stands in the rule itself.
    fn int(&self, json: &Json) -> Compiled<i64> {
        let whole = |n: f64| (n.fract() == 0.0 && n.abs() <= INT_MAX as f64).then_some(n as i64);
        match json.as_i64().or_else(|| json.as_f64().and_then(whole)) {
            Some(n) if n.unsigned_abs() <= INT_MAX.unsigned_abs() => Ok(n),
            _ => self.bad("this should be a whole number of at most 53 bits"),
        }
    }

    /// So many operands, neither more nor fewer.
    fn exactly<'j, const N: usize>(&self, operands: &'j [Json], what: &str) -> Compiled<&'j [Json; N]> {
        match operands.try_into() {
            Ok(operands) => Ok(operands),
            Err(_) => self.bad(format!("{what}; there are {}", operands.len())),
        }
    }

    fn nth(&mut self, operands: &[Json], i: usize) -> Compiled<Expr> {
        self.inside(format_args!("[{i}]"), |c| c.expr(&operands[i]))
    }

    fn pair(&mut self, operands: &[Json], what: &str) -> Compiled<Box<(Expr, Expr)>> {
        self.exactly::<2>(operands, what)?;
        Ok(Box::new((self.nth(operands, 0)?, self.nth(operands, 1)?)))
    }

    fn compared(&mut self, operands: &[Json]) -> Compiled<Box<[Expr]>> {
        if !(2..=3).contains(&operands.len()) {
            return self.bad(format!("a comparison takes 2 or 3 operands; there are {}", operands.len()));
        }
        self.each(operands)
    }

    fn operation(&mut self, operation: &str, operands: &Json) -> Compiled<Expr> {
        if operation == "var" {
            return self.var(operands);
        }
        if !OPERATIONS.contains(&operation) {
            return self
                .bad(format!("there is no operation {operation:?}; there are {}", OPERATIONS.join(", ")));
        }
        let Some(operands) = operands.as_array().filter(|o| !o.is_empty()) else {
            return self.bad("operands stand in an array, such as {\"!\": [{\"var\": \"payload.t.0\"}]}");
        };
        Ok(match operation {
            "if" => {
                self.exactly::<3>(operands, "if takes what it asks, then and else")?;
                let (guard, then) = (self.nth(operands, 0)?, self.nth(operands, 1)?);
                Expr::If(Box::new((guard, then, self.nth(operands, 2)?)))
            }
            "and" if operands.len() < 2 => return self.bad("and takes at least 2 operands"),
            "and" => Expr::And(self.each(operands)?),
            "!" => {
                self.exactly::<1>(operands, "! takes 1 operand")?;
                Expr::Not(Box::new(self.nth(operands, 0)?))
            }
            "===" => Expr::Same(self.pair(operands, "=== takes 2 operands")?),
            "in" => Expr::In(self.pair(operands, "in takes a value and an array")?),
            "+" => Expr::Plus(self.pair(operands, "+ takes 2 operands")?),
            "<" => Expr::Ints(Order::Less, self.compared(operands)?),
            ">" => Expr::Ints(Order::Greater, self.compared(operands)?),
            "<=" => Expr::Ints(Order::AtMost, self.compared(operands)?),
            ">=" => Expr::Ints(Order::AtLeast, self.compared(operands)?),
            "before" => Expr::Moments(Order::Less, self.compared(operands)?),
            "after" => Expr::Moments(Order::Greater, self.compared(operands)?),
            "not-after" => Expr::Moments(Order::AtMost, self.compared(operands)?),
            "not-before" => Expr::Moments(Order::AtLeast, self.compared(operands)?),
            "plusTime" => {
                let [_, amount, unit] =
                    self.exactly::<3>(operands, "plusTime takes a text, an amount and a unit")?;
                let of = self.nth(operands, 0)?;
                let amount = self.inside(format_args!("[1]"), |c| c.int(amount))?;
                match unit.as_str().and_then(Unit::named) {
                    Some(unit) => Expr::PlusTime(Box::new(of), amount, unit),
                    None => {
                        return self.bad("the unit of plusTime is \"year\", \"month\", \"day\" or \"hour\"");
                    }
                }
            }
            "dccDateOfBirth" => {
                self.exactly::<1>(operands, "dccDateOfBirth takes 1 operand")?;
                Expr::Birth(Box::new(self.nth(operands, 0)?))
            }
            "extractFromUVCI" => {
                let [_, index] = self.exactly::<2>(operands, "extractFromUVCI takes a text and an index")?;
                let of = self.nth(operands, 0)?;
                Expr::Uvci(Box::new(of), self.inside(format_args!("[1]"), |c| c.int(index))?)
            }
            _ => {
                self.exactly::<3>(operands, "reduce takes an array, an expression and a beginning")?;
                let (of, each) = (self.nth(operands, 0)?, self.nth(operands, 1)?);
                Expr::Reduce(Box::new((of, each, self.nth(operands, 2)?)))
            }
        })
    }

    fn var(&mut self, operand: &Json) -> Compiled<Expr> {
        let Some(path) = operand.as_str() else {
            return self.bad("var takes a path such as \"payload.v.0.mp\"");
        };
        if path.is_empty() {
            return Ok(Expr::Var(Box::new([])));
        }
        if path.len() > 256 || path.split('.').any(str::is_empty) {
            return self.bad("the path of var is names and numbers with dots between them");
        }
        let index =
            |name: &str| name.bytes().all(|b| b.is_ascii_digit()).then(|| name.parse().ok()).flatten();
        Ok(Expr::Var(path.split('.').map(|name| (name.into(), index(name))).collect()))
    }
}

impl Expr {
    /// The paths that it reads of the data, in order of place; inside `reduce`, of its own names.
    pub(super) fn paths(&self, out: &mut Vec<String>) {
        match self {
            Expr::Bool(_) | Expr::Int(_) | Expr::Text(_) => {}
            Expr::Var(path) => {
                let names: Vec<&str> = path.iter().map(|(name, _)| &**name).collect();
                out.push(names.join("."));
            }
            Expr::Array(parts) | Expr::And(parts) | Expr::Ints(_, parts) | Expr::Moments(_, parts) => {
                parts.iter().for_each(|p| p.paths(out));
            }
            Expr::Not(of) | Expr::PlusTime(of, ..) | Expr::Birth(of) | Expr::Uvci(of, _) => of.paths(out),
            Expr::Same(sides) | Expr::In(sides) | Expr::Plus(sides) => {
                sides.0.paths(out);
                sides.1.paths(out);
            }
            Expr::If(parts) => [&parts.0, &parts.1, &parts.2].into_iter().for_each(|p| p.paths(out)),
            Expr::Reduce(parts) => [&parts.0, &parts.2].into_iter().for_each(|p| p.paths(out)),
        }
    }
}
