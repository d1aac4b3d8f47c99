//! The sides of a condition: what stands left and right of its outermost `&&`, `||` or `? :`, each as a
//! condition of its own, for whoever asks which of them held.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Expr;
use super::eval::{Cond, Int, List, Real, Slot, Text};
use crate::fact::Kind;

/// A side of a condition.
#[derive(Clone, Debug)]
pub struct Side {
    /// The named condition that it is a side of; none for the condition itself.
    pub name: Option<Box<str>>,
    /// Which one, from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
    /// The side.
    pub expr: Expr,
    /// What has to hold, or not, for this side to decide.
    pub beside: Vec<(Expr, bool)>,
}

impl Expr {
    /// The sides of its outermost join; itself where it joins nothing. What is always or never true is
    /// no side.
    #[must_use]
    pub fn sides(&self) -> Vec<Side> {
        sides(self.kind, &self.root, None)
    }

    /// The same of every condition that it names, each once.
    #[must_use]
    pub fn named_sides(&self) -> Vec<Side> {
        let mut named = Vec::new();
        names(&self.root, &mut named);
        named.into_iter().flat_map(|(name, cond)| sides(self.kind, &cond, Some(name))).collect()
    }

    fn part(kind: Option<Kind>, cond: &Cond) -> Expr {
        let mut slots = BTreeSet::new();
        in_cond(cond, &mut |slot| {
            slots.insert(slot);
        });
        let schema = kind.map_or(&[][..], Kind::schema);
        let reads = slots.iter().filter_map(|s| schema.get(usize::from(*s))).map(|f| f.name).collect();
        Expr {
            kind,
            root: cond.clone(),
            reads,
            areas: Box::new([]),
            codes: Box::new([]),
            countries: Box::new([]),
        }
    }
}

fn sides(kind: Option<Kind>, cond: &Cond, name: Option<Box<str>>) -> Vec<Side> {
    let part = |cond: &Cond| Expr::part(kind, cond);
    let found: Vec<(Expr, Vec<(Expr, bool)>)> = match cond {
        Cond::Not(of) if matches!(&**of, Cond::And(_) | Cond::Or(_) | Cond::If(_)) => {
            return sides(kind, of, name);
        }
        Cond::Named(own, of) if name.is_none() => return sides(kind, of, Some(own.clone())),
        Cond::And(parts) | Cond::Or(parts) => {
            let holds = matches!(cond, Cond::And(_));
            let beside = |at: usize| {
                let others = parts.iter().enumerate().filter(|(i, _)| *i != at);
                others.map(|(_, other)| (part(other), holds)).collect()
            };
            parts.iter().enumerate().map(|(i, p)| (part(p), beside(i))).collect()
        }
        Cond::If(parts) => vec![
            (part(&parts.0), Vec::new()),
            (part(&parts.1), vec![(part(&parts.0), true)]),
            (part(&parts.2), vec![(part(&Cond::Not(Box::new(parts.0.clone()))), true)]),
        ],
        other => vec![(part(other), Vec::new())],
    };
    let of = found.len();
    let sides = found.into_iter().enumerate().filter(|(_, (e, _))| !matches!(e.root, Cond::Const(_)));
    sides.map(|(i, (expr, beside))| Side { name: name.clone(), number: i + 1, of, expr, beside }).collect()
}

/// The named conditions in it, and those that they name, each once.
fn names(cond: &Cond, found: &mut Vec<(Box<str>, Arc<Cond>)>) {
    match cond {
        Cond::Named(name, of) if !found.iter().any(|(known, _)| known == name) => {
            found.push((name.clone(), Arc::clone(of)));
            names(of, found);
        }
        Cond::And(parts) | Cond::Or(parts) => parts.iter().for_each(|p| names(p, found)),
        Cond::Not(of) | Cond::In(of, ..) => names(of, found),
        Cond::If(parts) => [&parts.0, &parts.1, &parts.2].into_iter().for_each(|p| names(p, found)),
        Cond::Same(sides, _) => [&sides.0, &sides.1].into_iter().for_each(|p| names(p, found)),
        Cond::Quantified { body, .. } => names(body, found),
        _ => {}
    }
}

fn in_cond(cond: &Cond, see: &mut dyn FnMut(Slot)) {
    match cond {
        Cond::Const(_) | Cond::Var(_) | Cond::HasPerson(_) | Cond::Accepted(..) => {}
        Cond::Field(slot)
        | Cond::Has(slot)
        | Cond::FieldIs(slot, _)
        | Cond::FieldIn(slot, _)
        | Cond::FieldSize(_, slot, _)
        | Cond::FieldReal(_, slot, _) => see(*slot),
        Cond::And(parts) | Cond::Or(parts) => parts.iter().for_each(|p| in_cond(p, see)),
        Cond::Not(of) | Cond::In(of, ..) => in_cond(of, see),
        Cond::Named(_, of) => in_cond(of, see),
        Cond::If(parts) => [&parts.0, &parts.1, &parts.2].into_iter().for_each(|p| in_cond(p, see)),
        Cond::Same(sides, _) => [&sides.0, &sides.1].into_iter().for_each(|p| in_cond(p, see)),
        Cond::Works(_, n) | Cond::IntConst(_, n, _) | Cond::IntIn(n, _) | Cond::IntInReals(n, _) => {
            in_int(n, see);
        }
        Cond::Ints(_, sides) => [&sides.0, &sides.1].into_iter().for_each(|n| in_int(n, see)),
        Cond::Reals(_, sides) => [&sides.0, &sides.1].into_iter().for_each(|n| in_real(n, see)),
        Cond::Mixed(_, sides) => {
            in_int(&sides.0, see);
            in_real(&sides.1, see);
        }
        Cond::RealIn(n, _) | Cond::RealInInts(n, _) => in_real(n, see),
        Cond::TextIs(text, _) | Cond::TextIn(text, _) => in_text(text, see),
        Cond::TextSame(sides) | Cond::StartsWith(sides) => {
            [&sides.0, &sides.1].into_iter().for_each(|t| in_text(t, see));
        }
        Cond::TextInField(text, slot) => {
            in_text(text, see);
            see(*slot);
        }
        Cond::ListSame(sides) => [&sides.0, &sides.1].into_iter().for_each(|l| in_list(l, see)),
        Cond::Quantified { list, body, .. } => {
            in_list(list, see);
            in_cond(body, see);
        }
        Cond::Area { code, on, .. } => {
            in_text(code, see);
            on.iter().for_each(|n| in_int(n, see));
        }
    }
}

fn in_int(n: &Int, see: &mut dyn FnMut(Slot)) {
    match n {
        Int::Const(_) | Int::Day | Int::Happened | Int::Age | Int::Var(_) => {}
        Int::Field(slot) => see(*slot),
        Int::Size(list) => in_list(list, see),
        Int::Length(text) => in_text(text, see),
        Int::Neg(of) => in_int(of, see),
        Int::Sum(first, rest) => {
            in_int(first, see);
            rest.iter().for_each(|(_, n)| in_int(n, see));
        }
        Int::Hours(of)
        | Int::Months(of)
        | Int::Working(_, of)
        | Int::AddMonths(of)
        | Int::AddWorking(_, of) => {
            in_int(&of.0, see);
            in_int(&of.1, see);
        }
        Int::If(parts) => {
            in_cond(&parts.0, see);
            in_int(&parts.1, see);
            in_int(&parts.2, see);
        }
    }
}

fn in_real(n: &Real, see: &mut dyn FnMut(Slot)) {
    match n {
        Real::Const(_) | Real::Var(_) => {}
        Real::Field(slot) => see(*slot),
        Real::Neg(of) => in_real(of, see),
        Real::Sum(first, rest) => {
            in_real(first, see);
            rest.iter().for_each(|(_, n)| in_real(n, see));
        }
        Real::If(parts) => {
            in_cond(&parts.0, see);
            in_real(&parts.1, see);
            in_real(&parts.2, see);
        }
    }
}

fn in_text(text: &Text, see: &mut dyn FnMut(Slot)) {
    match text {
        Text::Const(_) | Text::Person(_) | Text::Var(_) => {}
        Text::Field(slot) => see(*slot),
        Text::If(parts) => {
            in_cond(&parts.0, see);
            in_text(&parts.1, see);
            in_text(&parts.2, see);
        }
    }
}

fn in_list(list: &List, see: &mut dyn FnMut(Slot)) {
    if let List::Field(slot) = list {
        see(*slot);
    }
}
