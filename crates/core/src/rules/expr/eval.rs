//! The compiled form and how it is asked. One enum per static type: nothing is tagged,
//! converted or allocated when a condition runs, and a missing value is `None`.

use std::cmp::Ordering;
use std::sync::Arc;

use smol_str::SmolStr;

use super::Env;
use super::calendar::{Calendar, add_months, months_between};
use crate::fact::Value;
use crate::rules::certlogic::Rulebook;
use crate::time::Day;

/// Kleene's three values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Truth {
    /// It does not hold.
    False,
    /// A value that it needs is missing.
    Unknown,
    /// It holds.
    True,
}

impl Truth {
    /// Whether the condition holds. Unknown does not.
    #[must_use]
    pub fn is_true(self) -> bool {
        self == Truth::True
    }

    /// The other one; unknown stays unknown.
    #[must_use]
    pub fn negate(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        }
    }

    #[inline]
    pub(super) fn of(known: Option<bool>) -> Truth {
        known.map_or(Truth::Unknown, Truth::from)
    }

    fn known(self) -> Option<bool> {
        match self {
            Truth::False => Some(false),
            Truth::Unknown => None,
            Truth::True => Some(true),
        }
    }
}

impl From<bool> for Truth {
    fn from(b: bool) -> Truth {
        if b { Truth::True } else { Truth::False }
    }
}

/// A comparison, as the set of outcomes that it takes: 1 is less, 2 equal, 4 greater.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Cmp {
    Lt = 1,
    Eq = 2,
    Le = 3,
    Gt = 4,
    Ne = 5,
    Ge = 6,
}

impl Cmp {
    /// Of values that have an order, as all but NaN do.
    #[inline]
    pub(super) fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        let outcome = 1 + u8::from(a > b) - u8::from(a < b);
        self as u8 >> outcome & 1 == 1
    }
}

/// A fact's field.
pub(super) type Slot = u16;
/// Which of the running quantifiers binds a variable.
pub(super) type Var = u8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PersonField {
    Subject,
    Residence,
    Age,
}

/// A byte of its own tells the kinds apart: one hidden in a part's would be reckoned out each time.
#[derive(Clone, Debug)]
#[repr(u8)]
pub(super) enum Cond {
    // The commonest.
    And(Box<[Cond]>),
    Or(Box<[Cond]>),
    Field(Slot),
    /// A field is a word.
    FieldIs(Slot, Box<str>),
    /// A decimal field with a constant.
    FieldReal(Cmp, Slot, f64),
    /// How many words a field has, with a constant.
    FieldSize(Cmp, Slot, i64),
    // The others.
    Const(bool),
    Var(Var),
    Not(Box<Cond>),
    If(Box<(Cond, Cond, Cond)>),
    Has(Slot),
    HasPerson(PersonField),
    /// Another condition, by its name.
    Named(Box<str>, Arc<Cond>),
    /// Whether a day is worked.
    Works(Arc<Calendar>, Int),
    /// Two conditions equal, or not.
    Same(Box<(Cond, Cond)>, bool),
    /// A condition among constants: is true there, is false there.
    In(Box<Cond>, bool, bool),
    /// A field is one of a few words.
    FieldIn(Slot, Words),
    TextIs(Text, Box<str>),
    TextSame(Box<(Text, Text)>),
    TextIn(Text, Words),
    TextInField(Text, Slot),
    StartsWith(Box<(Text, Text)>),
    IntConst(Cmp, Int, i64),
    Ints(Cmp, Box<(Int, Int)>),
    IntIn(Int, Box<[i64]>),
    Reals(Cmp, Box<(Real, Real)>),
    /// A whole number with a decimal one, by value.
    Mixed(Cmp, Box<(Int, Real)>),
    RealIn(Real, Box<[f64]>),
    /// A whole number among decimal ones.
    IntInReals(Int, Box<[f64]>),
    /// A decimal number among whole ones.
    RealInInts(Real, Box<[i64]>),
    ListSame(Box<(List, List)>),
    Quantified {
        all: bool,
        var: Var,
        list: List,
        body: Box<Cond>,
    },
    Area {
        code: Text,
        key: Box<str>,
        on: Option<Box<Int>>,
    },
    /// A country's rules make of the certificate that they take it.
    Accepted(Arc<Rulebook>, Box<str>),
}

/// Whole numbers, days (since 1970) and instants (in seconds).
#[derive(Clone, Debug)]
pub(super) enum Int {
    Const(i64),
    Field(Slot),
    Day,
    Happened,
    Age,
    Var(Var),
    Size(List),
    Length(Box<Text>),
    Neg(Box<Int>),
    /// From left to right; true subtracts.
    Sum(Box<Int>, Box<[(bool, Int)]>),
    /// Whole hours from one instant to another.
    Hours(Box<(Int, Int)>),
    /// Whole months from one day to another.
    Months(Box<(Int, Int)>),
    /// Working days after one day, up to another.
    Working(Arc<Calendar>, Box<(Int, Int)>),
    /// A day so many months on.
    AddMonths(Box<(Int, Int)>),
    /// A day so many working days on.
    AddWorking(Arc<Calendar>, Box<(Int, Int)>),
    If(Box<(Cond, Int, Int)>),
}

#[derive(Clone, Debug)]
pub(super) enum Real {
    Const(f64),
    Field(Slot),
    Var(Var),
    Neg(Box<Real>),
    Sum(Box<Real>, Box<[(bool, Real)]>),
    If(Box<(Cond, Real, Real)>),
}

#[derive(Clone, Debug)]
pub(super) enum Text {
    Const(Box<str>),
    Field(Slot),
    Person(PersonField),
    Var(Var),
    If(Box<(Cond, Text, Text)>),
}

#[derive(Clone, Debug)]
pub(super) enum List {
    Field(Slot),
    Texts(Box<[SmolStr]>),
    Ints(Box<[i64]>),
    Reals(Box<[f64]>),
    Bools(Box<[bool]>),
}

/// A set of words: a few are compared one by one, many stand in a hash table.
#[derive(Clone, Debug)]
pub(super) struct Words {
    words: Box<[SmolStr]>,
    /// Empty for a few words; else a power of two of places, at most half of them taken, each
    /// the index of a word plus one, or 0. A collision takes the next place.
    table: Box<[u16]>,
}

/// Up to so many words comparing one by one is faster than hashing.
const SCANNED_MAX: usize = 8;

/// FNV-1a. The words are the pack's own, so nobody gains by making them collide.
#[inline]
fn hash(text: &str) -> usize {
    let h = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    // Words that differ in their last letter only differ in few of the high bits: fold them in.
    (h ^ (h >> 29)) as usize
}

impl Words {
    /// INVARIANT: at most `LIST_MAX` words, far fewer than a u16 counts.
    pub(super) fn new(mut words: Vec<SmolStr>) -> Words {
        words.sort_unstable();
        words.dedup();
        let mut table = Vec::new();
        if words.len() > SCANNED_MAX {
            table.resize((words.len() * 2).next_power_of_two(), 0u16);
            for (i, word) in words.iter().enumerate() {
                let mut at = hash(word) & (table.len() - 1);
                while table[at] != 0 {
                    at = (at + 1) & (table.len() - 1);
                }
                table[at] = i as u16 + 1;
            }
        }
        Words { words: words.into(), table: table.into() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SmolStr> {
        self.words.iter()
    }

    #[inline]
    fn holds(&self, text: &str) -> bool {
        if self.table.is_empty() {
            return self.words.iter().any(|w| **w == *text);
        }
        let mask = self.table.len() - 1;
        let mut at = hash(text) & mask;
        loop {
            match usize::from(self.table[at]) {
                0 => return false,
                i if *self.words[i - 1] == *text => return true,
                _ => at = (at + 1) & mask,
            }
        }
    }
}

/// The value of a quantifier's variable.
#[derive(Clone, Copy)]
enum Bound<'e> {
    None,
    Text(&'e str),
    Int(i64),
    Real(f64),
    Bool(bool),
}

/// What a running condition sees.
#[derive(Clone, Copy)]
pub(super) struct Cx<'e> {
    env: &'e Env<'e>,
    /// None outside quantifiers, as most conditions are.
    vars: Option<&'e [Bound<'e>; super::QUANTIFIERS_MAX]>,
}

impl<'e> Cx<'e> {
    #[inline]
    pub(super) fn new(env: &'e Env<'e>) -> Cx<'e> {
        Cx { env, vars: None }
    }

    /// None past the end, where all is missing.
    #[inline]
    fn at(self, slot: Slot) -> Option<&'e Value> {
        self.env.fact.values.get(usize::from(slot))
    }

    #[inline]
    fn text(self, slot: Slot) -> Option<&'e str> {
        match self.at(slot) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    #[inline]
    fn real(self, slot: Slot) -> Option<f64> {
        match self.at(slot) {
            Some(Value::Double(n)) if n.is_finite() => Some(*n),
            _ => None,
        }
    }

    #[inline]
    fn list(self, slot: Slot) -> Option<&'e [SmolStr]> {
        match self.at(slot) {
            Some(Value::List(list)) => Some(list),
            _ => None,
        }
    }

    fn var(self, var: Var) -> Bound<'e> {
        self.vars.and_then(|vars| vars.get(usize::from(var)).copied()).unwrap_or(Bound::None)
    }

    fn age(self) -> Option<i64> {
        let born = self.env.person.born?;
        let ((y, m, d), (by, bm, bd)) = (self.env.day.ymd(), born.ymd());
        let age = i64::from(y) - i64::from(by) - i64::from((m, d) < (bm, bd));
        (age >= 0).then_some(age)
    }
}

/// Compares by value, not by conversion: 2^53 + 1 is not 2^53 as a double.
fn compare(a: i64, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    // Both bounds are exact as doubles; between them, so is the whole part as an i64.
    if b >= 9_223_372_036_854_775_808.0 {
        return Some(Ordering::Less);
    }
    if b < -9_223_372_036_854_775_808.0 {
        return Some(Ordering::Greater);
    }
    let whole = b.trunc();
    Some(a.cmp(&(whole as i64)).then_with(|| 0.0.partial_cmp(&(b - whole)).unwrap_or(Ordering::Equal)))
}

impl Cond {
    /// The few kinds that most conditions are made of. The others stand apart: their many locals would
    /// cost every call of this one.
    #[inline]
    pub(super) fn eval<'e>(&'e self, cx: Cx<'e>) -> Option<bool> {
        // Unknown is none. `&&` is decided by a part that is false, `||` by one that is true.
        let (parts, decided) = match self {
            Cond::And(parts) => (parts, false),
            Cond::Or(parts) => (parts, true),
            part => return part.eval_part(cx),
        };
        let mut result = Some(!decided);
        for part in parts {
            match part.eval_part(cx) {
                Some(truth) if truth == decided => return Some(decided),
                Some(_) => {}
                None => result = None,
            }
        }
        result
    }

    /// A part that joins nothing, as most are.
    #[inline(always)]
    fn eval_part<'e>(&'e self, cx: Cx<'e>) -> Option<bool> {
        match self {
            Cond::Field(slot) => match cx.at(*slot) {
                Some(Value::Bool(b)) => Some(*b),
                _ => None,
            },
            Cond::FieldIs(slot, word) => cx.text(*slot).map(|t| *t == **word),
            // INVARIANT: the constant is finite, as the field is: the checker refuses others.
            Cond::FieldReal(cmp, slot, to) => cx.real(*slot).map(|n| cmp.holds(n, *to)),
            Cond::FieldSize(cmp, slot, to) => {
                // INVARIANT: no list is longer than an i64 counts.
                cx.list(*slot).map(|list| cmp.holds(list.len() as i64, *to))
            }
            rare => rare.eval_rare(cx),
        }
    }

    #[inline(never)]
    fn eval_rare<'e>(&'e self, cx: Cx<'e>) -> Option<bool> {
        match self {
            // Asked above where they stand alone; here where they stand within another.
            Cond::And(_) | Cond::Or(_) => self.eval(cx),
            Cond::Field(_) | Cond::FieldIs(..) | Cond::FieldReal(..) | Cond::FieldSize(..) => {
                self.eval_part(cx)
            }
            Cond::Const(b) => Some(*b),
            Cond::Var(var) => match cx.var(*var) {
                Bound::Bool(b) => Some(b),
                _ => None,
            },
            Cond::Not(of) => of.eval(cx).map(|truth| !truth),
            Cond::If(parts) => (if parts.0.eval(cx)? { &parts.1 } else { &parts.2 }).eval(cx),
            Cond::Has(slot) => Some(!matches!(cx.at(*slot), None | Some(Value::Missing))),
            Cond::Named(_, cond) => cond.eval(cx),
            Cond::Works(calendar, day) => day.eval(cx).and_then(|day| calendar.works(day)),
            Cond::HasPerson(field) => Some(match field {
                PersonField::Subject => cx.env.person.subject.is_some(),
                PersonField::Residence => cx.env.person.residence.is_some(),
                PersonField::Age => cx.age().is_some(),
            }),
            Cond::Same(sides, same) => Some((sides.0.eval(cx)? == sides.1.eval(cx)?) == *same),
            Cond::In(of, has_true, has_false) => of.eval(cx).map(|b| if b { *has_true } else { *has_false }),
            Cond::FieldIn(slot, words) => cx.text(*slot).map(|t| words.holds(t)),
            Cond::TextIs(text, word) => text.eval(cx).map(|t| *t == **word),
            Cond::TextSame(sides) => sides.0.eval(cx).zip(sides.1.eval(cx)).map(|(a, b)| a == b),
            Cond::TextIn(text, words) => text.eval(cx).map(|t| words.holds(t)),
            Cond::TextInField(text, slot) => {
                text.eval(cx).zip(cx.list(*slot)).map(|(t, list)| list.iter().any(|item| **item == *t))
            }
            Cond::StartsWith(sides) => sides.0.eval(cx).zip(sides.1.eval(cx)).map(|(a, b)| a.starts_with(b)),
            Cond::IntConst(cmp, n, to) => n.eval(cx).map(|n| cmp.holds(n, *to)),
            Cond::Ints(cmp, sides) => sides.0.eval(cx).zip(sides.1.eval(cx)).map(|(a, b)| cmp.holds(a, b)),
            Cond::IntIn(n, among) => n.eval(cx).map(|n| among.contains(&n)),
            Cond::Reals(cmp, sides) => {
                let sides = sides.0.eval(cx).zip(sides.1.eval(cx));
                sides.and_then(|(a, b)| a.partial_cmp(&b)).map(|o| cmp.holds(o, Ordering::Equal))
            }
            Cond::Mixed(cmp, sides) => {
                let sides = sides.0.eval(cx).zip(sides.1.eval(cx));
                sides.and_then(|(a, b)| compare(a, b)).map(|o| cmp.holds(o, Ordering::Equal))
            }
            Cond::RealIn(n, among) => n.eval(cx).map(|n| among.contains(&n)),
            Cond::IntInReals(n, among) => {
                n.eval(cx).map(|n| among.iter().any(|m| compare(n, *m) == Some(Ordering::Equal)))
            }
            Cond::RealInInts(n, among) => {
                n.eval(cx).map(|n| among.iter().any(|m| compare(*m, n) == Some(Ordering::Equal)))
            }
            Cond::ListSame(sides) => sides.0.texts(cx).zip(sides.1.texts(cx)).map(|(a, b)| a == b),
            Cond::Quantified { all, var, list, body } => quantified(*all, *var, list, body, cx),
            Cond::Area { code, key, on } => {
                let day = match on {
                    None => Some(cx.env.day),
                    Some(on) => on.eval(cx).and_then(|n| i32::try_from(n).ok()).map(Day),
                };
                code.eval(cx).zip(day).map(|(code, day)| cx.env.areas.in_area(code, key, day))
            }
            Cond::Accepted(rules, country) => rules.accepts(country, cx.env.fact).known(),
        }
    }
}

/// `exists` is a long `||`, `all` a long `&&`.
fn quantified<'e>(all: bool, var: Var, list: &'e List, body: &'e Cond, cx: Cx<'e>) -> Option<bool> {
    let decided = Some(!all);
    let mut result = Some(all);
    let mut vars = cx.vars.copied().unwrap_or([Bound::None; super::QUANTIFIERS_MAX]);
    let mut ask = |value: Bound<'e>| {
        // INVARIANT: the checker numbers variables below QUANTIFIERS_MAX.
        vars[usize::from(var)] = value;
        match body.eval(Cx { vars: Some(&vars), ..cx }) {
            truth if truth == decided => true,
            None => {
                result = None;
                false
            }
            _ => false,
        }
    };
    let found = match list {
        List::Field(slot) => match cx.list(*slot) {
            None => return None,
            Some(items) => items.iter().any(|t| ask(Bound::Text(t))),
        },
        List::Texts(items) => items.iter().any(|t| ask(Bound::Text(t))),
        List::Ints(items) => items.iter().any(|n| ask(Bound::Int(*n))),
        List::Reals(items) => items.iter().any(|n| ask(Bound::Real(*n))),
        List::Bools(items) => items.iter().any(|b| ask(Bound::Bool(*b))),
    };
    if found { decided } else { result }
}

impl Int {
    fn eval<'e>(&'e self, cx: Cx<'e>) -> Option<i64> {
        match self {
            Int::Const(n) => Some(*n),
            Int::Field(slot) => match cx.at(*slot) {
                Some(Value::Int(n)) => Some(*n),
                Some(Value::Day(day)) => Some(i64::from(day.0)),
                Some(Value::Instant(at)) => Some(at.0),
                _ => None,
            },
            Int::Day => Some(i64::from(cx.env.day.0)),
            Int::Happened => Some(cx.env.fact.happened.0),
            Int::Age => cx.age(),
            Int::Var(var) => match cx.var(*var) {
                Bound::Int(n) => Some(n),
                _ => None,
            },
            Int::Size(list) => list.len(cx).and_then(|n| i64::try_from(n).ok()),
            Int::Length(text) => text.eval(cx).and_then(|t| i64::try_from(t.chars().count()).ok()),
            Int::Neg(of) => of.eval(cx)?.checked_neg(),
            Int::Sum(first, rest) => {
                let mut sum = first.eval(cx)?;
                for (minus, part) in rest {
                    let part = part.eval(cx)?;
                    sum = if *minus { sum.checked_sub(part)? } else { sum.checked_add(part)? };
                }
                Some(sum)
            }
            Int::Hours(ends) => Some(ends.1.eval(cx)?.checked_sub(ends.0.eval(cx)?)?.div_euclid(3600)),
            Int::Months(ends) => months_between(ends.0.eval(cx)?, ends.1.eval(cx)?),
            Int::Working(calendar, ends) => calendar.between(ends.0.eval(cx)?, ends.1.eval(cx)?),
            Int::AddMonths(of) => add_months(of.0.eval(cx)?, of.1.eval(cx)?),
            Int::AddWorking(calendar, of) => calendar.add(of.0.eval(cx)?, of.1.eval(cx)?),
            Int::If(parts) => (if parts.0.eval(cx)? { &parts.1 } else { &parts.2 }).eval(cx),
        }
    }
}

impl Real {
    fn eval<'e>(&'e self, cx: Cx<'e>) -> Option<f64> {
        match self {
            Real::Const(n) => Some(*n),
            Real::Field(slot) => cx.real(*slot),
            Real::Var(var) => match cx.var(*var) {
                Bound::Real(n) => Some(n),
                _ => None,
            },
            Real::Neg(of) => of.eval(cx).map(|n| -n),
            Real::Sum(first, rest) => {
                let mut sum = first.eval(cx)?;
                for (minus, part) in rest {
                    let part = part.eval(cx)?;
                    sum = if *minus { sum - part } else { sum + part };
                }
                sum.is_finite().then_some(sum)
            }
            Real::If(parts) => (if parts.0.eval(cx)? { &parts.1 } else { &parts.2 }).eval(cx),
        }
    }
}

impl Text {
    fn eval<'e>(&'e self, cx: Cx<'e>) -> Option<&'e str> {
        match self {
            Text::Const(text) => Some(text),
            Text::Field(slot) => cx.text(*slot),
            Text::Person(PersonField::Subject) => cx.env.person.subject,
            Text::Person(PersonField::Residence) => cx.env.person.residence,
            Text::Person(PersonField::Age) => None,
            Text::Var(var) => match cx.var(*var) {
                Bound::Text(text) => Some(text),
                _ => None,
            },
            Text::If(parts) => (if parts.0.eval(cx)? { &parts.1 } else { &parts.2 }).eval(cx),
        }
    }
}

impl List {
    fn len(&self, cx: Cx<'_>) -> Option<usize> {
        match self {
            List::Field(slot) => cx.list(*slot).map(<[_]>::len),
            List::Texts(items) => Some(items.len()),
            List::Ints(items) => Some(items.len()),
            List::Reals(items) => Some(items.len()),
            List::Bools(items) => Some(items.len()),
        }
    }

    fn texts<'e>(&'e self, cx: Cx<'e>) -> Option<&'e [SmolStr]> {
        match self {
            List::Field(slot) => cx.list(*slot),
            List::Texts(items) => Some(items),
            _ => None,
        }
    }
}
