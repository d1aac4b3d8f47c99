//! What a compiled expression comes to, over data that it only borrows.

use std::rc::Rc;

use serde_json::Value as Json;

use super::compile::{Expr, Order};
use super::moment::{self, Moment};
use super::{Open, STEPS_MAX, VALUE_DEPTH_MAX};

/// What an expression reads: one JSON value, or a certificate's payload beside what comes with it.
#[derive(Clone, Copy)]
pub enum Data<'a> {
    /// As it is.
    Whole(&'a Json),
    /// `payload`, `external`, and `external.valueSets`, which many certificates share.
    Certificate {
        /// The certificate's own.
        payload: &'a Json,
        /// Clock, countries, key: an object.
        external: &'a Json,
        /// Lists of codes by name: an object.
        value_sets: &'a Json,
    },
}

/// A value under way. Compounds are shared, never copied.
#[derive(Clone)]
pub(super) enum Val<'a> {
    Null,
    Bool(bool),
    /// As in JSON: a double, whole or not.
    Number(f64),
    Text(&'a str),
    Moment(Moment),
    /// An array of the data.
    Array(&'a [Json]),
    /// An array that was computed, and how deep it is.
    List(Rc<[Val<'a>]>, u8),
    /// An object of the data.
    Object(&'a serde_json::Map<String, Json>),
    /// The data as a whole, or `external`: something that is there.
    Several,
}

impl<'a> Val<'a> {
    fn of(json: &'a Json) -> Val<'a> {
        match json {
            Json::Null => Val::Null,
            Json::Bool(b) => Val::Bool(*b),
            Json::Number(n) => n.as_f64().map_or(Val::Null, Val::Number),
            Json::String(text) => Val::Text(text),
            Json::Array(items) => Val::Array(items),
            Json::Object(map) => Val::Object(map),
        }
    }

    /// Truthy or falsy; a date-time is neither.
    pub(super) fn truthy(&self) -> Result<bool, Open> {
        match self {
            Val::Null => Ok(false),
            Val::Bool(b) => Ok(*b),
            Val::Number(n) => Ok(*n != 0.0),
            Val::Text(text) => Ok(!text.is_empty()),
            Val::Array(items) => Ok(!items.is_empty()),
            Val::List(items, _) => Ok(!items.is_empty()),
            Val::Object(map) => Ok(!map.is_empty()),
            Val::Several => Ok(true),
            Val::Moment(_) => Err(Open::Type),
        }
    }

    fn depth(&self) -> u8 {
        match self {
            Val::List(_, depth) => *depth,
            _ => 0,
        }
    }

    fn int(&self) -> Result<f64, Open> {
        match self {
            Val::Number(n) if n.is_finite() && n.fract() == 0.0 => Ok(*n),
            _ => Err(Open::Type),
        }
    }

    /// Equal without conversion. Of arrays, objects and date-times the specification does not say
    /// when they are equal; two of them settle nothing, and one equals no text, number or null.
    fn same(&self, other: &Val<'_>) -> Result<bool, Open> {
        let simple = |v: &Val<'_>| matches!(v, Val::Null | Val::Bool(_) | Val::Number(_) | Val::Text(_));
        match (self, other) {
            (Val::Null, Val::Null) => Ok(true),
            (Val::Bool(a), Val::Bool(b)) => Ok(a == b),
            (Val::Number(a), Val::Number(b)) => Ok(a == b),
            (Val::Text(a), Val::Text(b)) => Ok(a == b),
            (a, b) if simple(a) || simple(b) => Ok(false),
            _ => Err(Open::Type),
        }
    }

    fn child(&self, name: &str, index: Option<usize>) -> Val<'a> {
        match self {
            Val::Object(map) => map.get(name).map_or(Val::Null, Val::of),
            Val::Array(items) => index.and_then(|i| items.get(i)).map_or(Val::Null, Val::of),
            Val::List(items, _) => index.and_then(|i| items.get(i)).cloned().unwrap_or(Val::Null),
            _ => Val::Null,
        }
    }

    /// As JSON, for whoever looks at it: of a value that shares its parts, no more than `left` of them.
    pub(super) fn json(&self, left: &mut u32) -> Json {
        if *left == 0 {
            return Json::Null;
        }
        *left -= 1;
        match self {
            Val::Null | Val::Several => Json::Null,
            Val::Bool(b) => (*b).into(),
            // INVARIANT: a whole double of this size is the same as i64.
            Val::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => (*n as i64).into(),
            Val::Number(n) => (*n).into(),
            Val::Text(text) => (*text).into(),
            Val::Moment(at) => moment::written(*at).into(),
            Val::Array(items) => Json::Array(items.to_vec()),
            Val::List(items, _) => items.iter().map(|item| item.json(left)).collect(),
            Val::Object(map) => Json::Object((*map).clone()),
        }
    }
}

/// Where names lead at a place of an expression.
enum Names<'a, 's> {
    Data(Data<'a>),
    /// Inside `reduce`.
    Fold {
        accumulator: &'s Val<'a>,
        current: &'s Val<'a>,
    },
}

/// One evaluation, with the work that it may still do.
pub(super) struct Run {
    left: u32,
}

impl Run {
    pub(super) fn new() -> Run {
        Run { left: STEPS_MAX }
    }

    pub(super) fn eval<'a>(&mut self, expr: &'a Expr, data: Data<'a>) -> Result<Val<'a>, Open> {
        self.at(expr, &Names::Data(data))
    }

    fn step(&mut self) -> Result<(), Open> {
        self.left = self.left.checked_sub(1).ok_or(Open::Limit)?;
        Ok(())
    }

    fn at<'a>(&mut self, expr: &'a Expr, names: &Names<'a, '_>) -> Result<Val<'a>, Open> {
        self.step()?;
        Ok(match expr {
            Expr::Bool(b) => Val::Bool(*b),
            Expr::Int(n) => Val::Number(*n),
            Expr::Text(text) => Val::Text(text),
            Expr::Array(items) => {
                let items: Rc<[Val<'a>]> =
                    items.iter().map(|item| self.at(item, names)).collect::<Result<_, Open>>()?;
                let depth = items.iter().map(Val::depth).max().unwrap_or(0) + 1;
                if depth > VALUE_DEPTH_MAX {
                    return Err(Open::Limit);
                }
                Val::List(items, depth)
            }
            Expr::Var(path) => {
                let path = path.iter().map(|(name, index)| (&**name, *index));
                read(names, path)
            }
            Expr::If(parts) => {
                let (guard, then, other) = &**parts;
                let chosen = if self.at(guard, names)?.truthy()? { then } else { other };
                self.at(chosen, names)?
            }
            Expr::And(parts) => {
                let mut last = Val::Bool(true);
                for part in parts {
                    last = self.at(part, names)?;
                    if !last.truthy()? {
                        break;
                    }
                }
                last
            }
            Expr::Not(of) => Val::Bool(!self.at(of, names)?.truthy()?),
            Expr::Same(sides) => {
                let (a, b) = (self.at(&sides.0, names)?, self.at(&sides.1, names)?);
                Val::Bool(a.same(&b)?)
            }
            Expr::In(sides) => {
                let (item, among) = (self.at(&sides.0, names)?, self.at(&sides.1, names)?);
                Val::Bool(self.among(&item, &among)?)
            }
            Expr::Plus(sides) => {
                let (a, b) = (self.at(&sides.0, names)?, self.at(&sides.1, names)?);
                Val::Number(a.int()? + b.int()?)
            }
            Expr::Ints(order, parts) => {
                let all = parts.iter().map(|p| self.at(p, names)).collect::<Result<Vec<_>, Open>>()?;
                let all = all.iter().map(Val::int).collect::<Result<Vec<_>, Open>>()?;
                Val::Bool(in_order(*order, &all))
            }
            Expr::Moments(order, parts) => {
                let all = parts.iter().map(|p| match self.at(p, names)? {
                    Val::Moment(at) => Ok(at),
                    _ => Err(Open::Type),
                });
                let all = all.collect::<Result<Vec<Moment>, Open>>()?;
                Val::Bool(in_order(*order, &all))
            }
            Expr::PlusTime(of, amount, unit) => match self.at(of, names)? {
                Val::Text(text) => {
                    let at = moment::parse(text).ok_or(Open::Time)?;
                    Val::Moment(moment::plus(at, *amount, *unit).ok_or(Open::Time)?)
                }
                other => return Err(missing_or_type(&other)),
            },
            Expr::Birth(of) => match self.at(of, names)? {
                Val::Text(text) => Val::Moment(moment::birth(text).ok_or(Open::Time)?),
                other => return Err(missing_or_type(&other)),
            },
            Expr::Uvci(of, index) => match self.at(of, names)? {
                Val::Null => Val::Null,
                Val::Text(text) => fragment(text, *index).map_or(Val::Null, Val::Text),
                _ => return Err(Open::Type),
            },
            Expr::Reduce(parts) => {
                let (of, each, initial) = &**parts;
                let items = self.at(of, names)?;
                let mut accumulator = self.at(initial, names)?;
                let len = match &items {
                    Val::Null => 0,
                    Val::Array(items) => items.len(),
                    Val::List(items, _) => items.len(),
                    _ => return Err(Open::Type),
                };
                for i in 0..len {
                    let current = items.child("", Some(i));
                    accumulator =
                        self.at(each, &Names::Fold { accumulator: &accumulator, current: &current })?;
                }
                accumulator
            }
        })
    }

    fn among(&mut self, item: &Val<'_>, among: &Val<'_>) -> Result<bool, Open> {
        let len = match among {
            Val::Array(items) => items.len(),
            Val::List(items, _) => items.len(),
            other => return Err(missing_or_type(other)),
        };
        for i in 0..len {
            self.step()?;
            if item.same(&among.child("", Some(i)))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A date or a list that is not there: the certificate lacks something.
fn missing_or_type(val: &Val<'_>) -> Open {
    if matches!(val, Val::Null) { Open::Missing } else { Open::Type }
}

fn in_order<T: PartialOrd>(order: Order, all: &[T]) -> bool {
    all.windows(2).all(|pair| match order {
        Order::Less => pair[0] < pair[1],
        Order::Greater => pair[0] > pair[1],
        Order::AtMost => pair[0] <= pair[1],
        Order::AtLeast => pair[0] >= pair[1],
    })
}

fn read<'a, 'p>(names: &Names<'a, '_>, mut path: impl Iterator<Item = (&'p str, Option<usize>)>) -> Val<'a> {
    let mut at = match names {
        Names::Fold { accumulator, current } => match path.next() {
            None => Val::Several,
            Some(("accumulator", _)) => (*accumulator).clone(),
            Some(("current", _)) => (*current).clone(),
            Some(_) => Val::Null,
        },
        Names::Data(Data::Whole(json)) => Val::of(json),
        Names::Data(Data::Certificate { payload, external, value_sets }) => match path.next() {
            None => Val::Several,
            Some(("payload", _)) => Val::of(payload),
            Some(("external", _)) => match path.next() {
                None => Val::Several,
                Some(("valueSets", _)) => Val::of(value_sets),
                Some((name, index)) => Val::of(external).child(name, index),
            },
            Some(_) => Val::Null,
        },
    };
    for (name, index) in path {
        at = at.child(name, index);
    }
    at
}

/// The part of a certificate's identifier at a place, from 0.
fn fragment(text: &str, index: i64) -> Option<&str> {
    let text = text.strip_prefix("URN:UVCI:").unwrap_or(text);
    text.split(['/', '#', ':']).nth(usize::try_from(index).ok()?)
}
