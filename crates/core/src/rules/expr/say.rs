//! A condition in words, made from its compiled form: what is asked is what is said. "Not" is pushed
//! down to the leaves, which Kleene's logic allows, so that nobody has to undo it while reading.

mod clause;
mod numbers;
mod texts;

use super::Expr;
use super::eval::{Cond, Int, List, Real, Slot, Text, Var};
use crate::fact::{Field, Kind, Type};
use crate::rules::nouns;
use crate::rules::pack::Pack;
use crate::rules::words::Lang;

pub(crate) use clause::{Clause, quoted, row};
pub(crate) use numbers::date;
use numbers::{BARE, Sort, negated};
pub(crate) use texts::{area, value_word};

impl Expr {
    /// The condition in words: a clause without a full stop.
    #[must_use]
    pub fn say(&self, pack: &Pack, lang: Lang) -> String {
        self.clause(pack, lang).inline(lang)
    }

    /// That it does not hold, in words.
    #[must_use]
    pub fn say_not(&self, pack: &Pack, lang: Lang) -> String {
        let mut say = Say { pack, lang, kind: self.kind, bound: Vec::new(), exact: true };
        say.clause(&self.root, false).inline(lang)
    }

    pub(crate) fn clause(&self, pack: &Pack, lang: Lang) -> Clause {
        Say { pack, lang, kind: self.kind, bound: Vec::new(), exact: false }.clause(&self.root, true)
    }

    /// Whether it holds of every fact.
    #[must_use]
    pub fn is_always(&self) -> bool {
        matches!(self.root, Cond::Const(true))
    }
}

/// The variable of a quantifier, while its body is said.
struct Bound {
    noun: String,
    slot: Option<Slot>,
    sort: Sort,
    /// How often it was said.
    said: usize,
}

struct Say<'p> {
    pack: &'p Pack,
    lang: Lang,
    kind: Option<Kind>,
    bound: Vec<Bound>,
    /// Whether it matters that a condition is false, and not only that it does not hold.
    exact: bool,
}

impl Say<'_> {
    fn t<'s>(&self, zh: &'s str, en: &'s str) -> &'s str {
        if self.lang == Lang::Zh { zh } else { en }
    }

    /// Subject and predicate.
    fn said(&self, subject: &str, zh: impl Into<String>, en: impl Into<String>) -> Clause {
        Clause::One(match self.lang {
            Lang::Zh => format!("{subject}{}", zh.into()),
            Lang::En => format!("{subject} {}", en.into()),
        })
    }

    fn field(&self, slot: Slot) -> Option<&'static Field> {
        self.kind?.schema().get(usize::from(slot))
    }

    fn ty(&self, slot: Slot) -> Option<Type> {
        self.field(slot).map(|f| self.pack.vocabulary.type_of(f))
    }

    fn noun(&self, slot: Slot) -> &'static str {
        match (self.kind, self.field(slot)) {
            (Some(kind), Some(field)) => nouns::field(kind, field.name, self.lang),
            _ => "",
        }
    }

    fn bound(&mut self, var: Var) -> (String, Option<Slot>) {
        match self.bound.get_mut(usize::from(var)) {
            Some(bound) => {
                bound.said += 1;
                (bound.noun.clone(), bound.slot)
            }
            None => (String::new(), None),
        }
    }

    fn clause(&mut self, cond: &Cond, yes: bool) -> Clause {
        match cond {
            Cond::Const(b) if *b == yes => Clause::One(self.t("不论填报什么", "whatever is said").to_owned()),
            Cond::Const(_) => Clause::One(self.t("任何情况都不符合", "never").to_owned()),
            Cond::And(parts) => self.join(parts, yes, true),
            Cond::Or(parts) => self.join(parts, yes, false),
            Cond::Not(of) => self.clause(of, !yes),
            Cond::Named(_, of) => self.clause(of, yes),
            Cond::If(parts) => {
                let (asked, then, other) =
                    (self.exactly(&parts.0), self.clause(&parts.1, yes), self.clause(&parts.2, yes));
                let (then, other) = (then.inline(self.lang), other.inline(self.lang));
                Clause::One(match self.lang {
                    Lang::Zh => format!("如果{asked}，则{then}；否则{other}"),
                    Lang::En => format!("if {asked}, {then}; otherwise {other}"),
                })
            }
            Cond::Same(sides, same) => {
                let (a, b) = (self.exactly(&sides.0), self.exactly(&sides.1));
                Clause::One(match (self.lang, *same == yes) {
                    (Lang::Zh, true) => format!("“{a}”与“{b}”同时成立或同时不成立"),
                    (Lang::Zh, false) => format!("“{a}”与“{b}”只有一个成立"),
                    (Lang::En, true) => format!("both or neither holds: “{a}”, “{b}”"),
                    (Lang::En, false) => format!("exactly one holds: “{a}”, “{b}”"),
                })
            }
            Cond::In(of, has_true, has_false) => match (*has_true == yes, *has_false == yes) {
                (true, true) => {
                    let text = self.exactly(of);
                    Clause::One(match self.lang {
                        Lang::Zh => format!("是否{text}是已知的"),
                        Lang::En => format!("it is known whether {text}"),
                    })
                }
                (true, false) => self.clause(of, true),
                (false, true) => self.clause(of, false),
                (false, false) => Clause::One(self.t("任何情况都不符合", "never").to_owned()),
            },
            Cond::Var(var) => {
                let (noun, _) = self.bound(*var);
                let (zh, en) = if yes { ("成立", "holds") } else { ("不成立", "does not hold") };
                self.said(&noun, zh, en)
            }
            Cond::Field(slot) => self.answered_yes(*slot, yes),
            Cond::Has(slot) => {
                let noun = self.noun(*slot);
                self.known(noun, yes)
            }
            Cond::HasPerson(field) => {
                let noun = self.person(*field).to_owned();
                self.known(&noun, yes)
            }
            Cond::Works(_, day) => {
                let day = self.int(day, Sort::Day);
                let (zh, en) = if yes {
                    ("是工作日", "is a working day")
                } else {
                    ("不是工作日", "is not a working day")
                };
                self.said(&day, zh, en)
            }
            Cond::FieldIs(slot, word) => self.text_among(&Text::Field(*slot), &[&**word], yes),
            Cond::FieldIn(slot, words) => {
                let words: Vec<&str> = words.iter().map(|w| &**w).collect();
                self.text_among(&Text::Field(*slot), &words, yes)
            }
            Cond::TextIs(text, word) => self.text_among(text, &[&**word], yes),
            Cond::TextIn(text, words) => {
                let words: Vec<&str> = words.iter().map(|w| &**w).collect();
                self.text_among(text, &words, yes)
            }
            Cond::TextSame(sides) => {
                let (a, b) = (self.text(&sides.0), self.text(&sides.1));
                match yes {
                    true => self.said(&a, format!("与{b}相同"), format!("is the same as {b}")),
                    false => self.said(&a, format!("与{b}不同"), format!("differs from {b}")),
                }
            }
            Cond::TextInField(text, slot) => {
                let (list, word) = (self.noun(*slot), self.text_of(text, Some(*slot)));
                match yes {
                    true => self.said(list, format!("中有{word}"), format!("include {word}")),
                    false => self.said(list, format!("中没有{word}"), format!("do not include {word}")),
                }
            }
            Cond::StartsWith(sides) => self.starts_with(&sides.0, &sides.1, yes),
            Cond::IntConst(cmp, n, to) => {
                let cmp = if yes { *cmp } else { negated(*cmp) };
                Clause::One(self.ints(cmp, n, &Int::Const(*to)))
            }
            Cond::Ints(cmp, sides) => {
                let cmp = if yes { *cmp } else { negated(*cmp) };
                Clause::One(self.ints(cmp, &sides.0, &sides.1))
            }
            Cond::FieldSize(cmp, slot, to) => {
                self.counted(if yes { *cmp } else { negated(*cmp) }, *slot, *to)
            }
            Cond::IntIn(n, among) => {
                let sort = self.sort(n);
                let all: Vec<String> = among.iter().map(|m| self.int(&Int::Const(*m), sort)).collect();
                let n = self.int(n, sort);
                self.among(&n, &all, yes)
            }
            Cond::IntInReals(n, among) => {
                let all: Vec<String> = among.iter().map(f64::to_string).collect();
                let n = self.int(n, BARE);
                self.among(&n, &all, yes)
            }
            Cond::RealIn(n, among) => {
                let (n, unit) = (self.real(n), self.unit(n));
                let all: Vec<String> = among.iter().map(|m| format!("{m}{unit}")).collect();
                self.among(&n, &all, yes)
            }
            Cond::RealInInts(n, among) => {
                let (n, unit) = (self.real(n), self.unit(n));
                let all: Vec<String> = among.iter().map(|m| format!("{m}{unit}")).collect();
                self.among(&n, &all, yes)
            }
            Cond::FieldReal(cmp, slot, to) => self.reals(*cmp, &Real::Field(*slot), &Real::Const(*to), yes),
            Cond::Reals(cmp, sides) => self.reals(*cmp, &sides.0, &sides.1, yes),
            Cond::Mixed(cmp, sides) => {
                let (n, unit) = (self.int(&sides.0, BARE), self.unit(&sides.1));
                let to = self.real(&sides.1);
                let cmp = if yes { *cmp } else { negated(*cmp) };
                Clause::One(self.measured(cmp, &n, &format!("{to}{unit}")))
            }
            Cond::ListSame(sides) => {
                let (a, b) = (self.list(&sides.0), self.list(&sides.1));
                match yes {
                    true => self.said(&a, format!("正好是{b}"), format!("are exactly {b}")),
                    false => self.said(&a, format!("不正好是{b}"), format!("are not exactly {b}")),
                }
            }
            Cond::Quantified { all, var, list, body } => self.quantified((*all, *var), list, body, yes),
            Cond::Area { code, key, on } => {
                let (place, area) = (self.text(code), self.area(key));
                let when = on.as_ref().map(|on| self.int(on, Sort::Day));
                let (at, lies) = match &when {
                    Some(day) => (format!("在{day}时"), "属于"),
                    None => (String::new(), "在"),
                };
                let en = when.map_or_else(String::new, |day| format!(" on {day}"));
                match yes {
                    true => self.said(&place, format!("{at}{lies}{area}"), format!("lies in {area}{en}")),
                    false => self.said(
                        &place,
                        format!("{at}不{lies}{area}"),
                        format!("does not lie in {area}{en}"),
                    ),
                }
            }
            Cond::Accepted(_, country) => {
                let subject = self.t("证明", "the certificate");
                match yes {
                    true => self.said(
                        subject,
                        format!("符合 {country} 公布的规则"),
                        format!("meets the rules that {country} publishes"),
                    ),
                    false => self.said(
                        subject,
                        format!("不符合 {country} 公布的规则"),
                        format!("does not meet the rules that {country} publishes"),
                    ),
                }
            }
        }
    }

    fn join(&mut self, parts: &[Cond], yes: bool, and: bool) -> Clause {
        // Whether a value is known need not be said beside what is asked of it.
        let is_said = |part: &Cond| match part {
            Cond::Has(slot) if and && yes && !self.exact => !parts.iter().any(|p| needs(p, *slot)),
            _ => true,
        };
        let kept: Vec<&Cond> = parts.iter().filter(|p| is_said(p)).collect();
        let clauses: Vec<Clause> = kept.into_iter().map(|p| self.clause(p, yes)).collect();
        Clause::joined(and == yes, clauses.into_iter())
    }

    fn exactly(&mut self, cond: &Cond) -> String {
        let before = std::mem::replace(&mut self.exact, true);
        let text = self.clause(cond, true).inline(self.lang);
        self.exact = before;
        text
    }

    fn quantified(&mut self, (all, var): (bool, Var), list: &List, body: &Cond, yes: bool) -> Clause {
        let slot = match list {
            List::Field(slot) => Some(*slot),
            _ => None,
        };
        let name = self.list(list);
        let unit = match slot.and_then(|s| self.ty(s)) {
            Some(Type::Divisions) => "处",
            _ => "项",
        };
        // Not every one: one that is not. Not one: none that is.
        let the = if name.starts_with("the ") || slot.is_none() { "" } else { "the " };
        let (zh, en, body_yes) = match (all, yes) {
            (false, true) => (format!("{name}中有一{unit}"), format!("at least one of {the}{name}"), true),
            (false, false) => (format!("{name}中没有一{unit}"), format!("none of {the}{name}"), true),
            (true, true) => (format!("{name}每一{unit}都"), format!("every one of {the}{name}"), true),
            (true, false) => (format!("{name}中有一{unit}"), format!("at least one of {the}{name}"), false),
        };
        let subject = if self.lang == Lang::Zh { zh } else { en };
        let mut say = |noun: String| {
            self.bound.truncate(usize::from(var));
            self.bound.push(Bound { noun, slot, sort: BARE, said: 0 });
            let clause = self.clause(body, body_yes);
            let said = self.bound.pop().map_or(0, |b| b.said);
            (clause, said)
        };
        if let (clause @ Clause::One(_), 1) = say(subject.clone()) {
            return clause;
        }
        let it = if self.lang == Lang::Zh { format!("该{unit}") } else { "it".to_owned() };
        self.bound.truncate(usize::from(var));
        self.bound.push(Bound { noun: it, slot, sort: BARE, said: 0 });
        let text = self.clause(body, body_yes).inline(self.lang);
        self.bound.pop();
        Clause::One(match self.lang {
            Lang::Zh => format!("{subject}符合（{text}）"),
            Lang::En => format!("for {subject}: ({text})"),
        })
    }
}

/// Whether a condition holds only where a field is known.
fn needs(cond: &Cond, slot: Slot) -> bool {
    let text = |t: &Text| matches!(t, Text::Field(s) if *s == slot);
    match cond {
        Cond::Field(s)
        | Cond::FieldIs(s, _)
        | Cond::FieldIn(s, _)
        | Cond::FieldSize(_, s, _)
        | Cond::FieldReal(_, s, _)
        | Cond::TextInField(_, s) => *s == slot,
        Cond::Area { code, .. } => text(code),
        Cond::StartsWith(sides) | Cond::TextSame(sides) => text(&sides.0) || text(&sides.1),
        Cond::TextIs(t, _) | Cond::TextIn(t, _) => text(t),
        Cond::IntConst(_, n, _) | Cond::IntIn(n, _) => matches!(n, Int::Field(s) if *s == slot),
        Cond::Quantified { list, .. } => matches!(list, List::Field(s) if *s == slot),
        Cond::Not(of) => !matches!(&**of, Cond::And(_) | Cond::Or(_) | Cond::Named(..)) && needs(of, slot),
        Cond::Named(_, of) => needs(of, slot),
        Cond::And(parts) => parts.iter().any(|p| needs(p, slot)),
        Cond::Or(parts) => parts.iter().all(|p| needs(p, slot)),
        _ => false,
    }
}
