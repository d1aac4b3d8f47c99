//! Numbers, days and instants in words, and how two of them compare.

use super::clause::spaced;
use super::{Clause, Say};
use crate::fact::{Kind, Type};
use crate::rules::expr::eval::{Cmp, Int, PersonField, Real, Slot};
use crate::rules::nouns;
use crate::rules::words::Lang;
use crate::time::Day;

/// What a number is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sort {
    Day,
    Instant,
    /// A number and its unit in both languages.
    Number(&'static str, &'static str),
}

pub(super) const BARE: Sort = Sort::Number("", "");

/// A unit of as many: one day, two days.
fn plural<'u>(n: &str, unit: &'u str) -> &'u str {
    if n == "1" { unit.strip_suffix('s').unwrap_or(unit) } else { unit }
}

pub(super) fn negated(cmp: Cmp) -> Cmp {
    match cmp {
        Cmp::Eq => Cmp::Ne,
        Cmp::Ne => Cmp::Eq,
        Cmp::Lt => Cmp::Ge,
        Cmp::Le => Cmp::Gt,
        Cmp::Gt => Cmp::Le,
        Cmp::Ge => Cmp::Lt,
    }
}

/// A civil day as people write it.
pub(crate) fn date(day: Day, lang: Lang) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, month, d) = day.ymd();
    match lang {
        Lang::Zh => format!("{year}年{month}月{d}日"),
        Lang::En => {
            let name = usize::try_from(month - 1).ok().and_then(|m| MONTHS.get(m)).unwrap_or(&"");
            format!("{d} {name} {year}")
        }
    }
}

impl Say<'_> {
    pub(super) fn counted(&self, cmp: Cmp, slot: Slot, to: i64) -> Clause {
        let noun = self.noun(slot);
        match (cmp, to) {
            (Cmp::Gt, 0) | (Cmp::Ge, 1) | (Cmp::Ne, 0) => match self.lang {
                Lang::Zh => Clause::One(format!("填报了{noun}")),
                Lang::En => Clause::One(format!("{noun} are reported")),
            },
            (Cmp::Eq | Cmp::Le, 0) | (Cmp::Lt, 1) => match self.lang {
                Lang::Zh => Clause::One(format!("没有填报{noun}")),
                Lang::En => {
                    let noun = noun.strip_prefix("the ").unwrap_or(noun);
                    Clause::One(format!("no {noun} are reported"))
                }
            },
            _ => {
                let subject = match self.lang {
                    Lang::Zh => format!("填报的{noun}"),
                    Lang::En => {
                        format!("the number of {}", noun.strip_prefix("the ").unwrap_or(noun))
                    }
                };
                let amount = if self.lang == Lang::Zh { format!("{to} 项") } else { to.to_string() };
                Clause::One(self.measured(cmp, &subject, &amount))
            }
        }
    }

    pub(super) fn sort(&self, n: &Int) -> Sort {
        match n {
            Int::Day | Int::AddMonths(_) | Int::AddWorking(..) => Sort::Day,
            Int::Happened => Sort::Instant,
            Int::Field(slot) => match self.ty(*slot) {
                Some(Type::Day) => Sort::Day,
                Some(Type::Instant) => Sort::Instant,
                _ => BARE,
            },
            Int::Age => Sort::Number("岁", ""),
            Int::Size(_) => Sort::Number("项", ""),
            Int::Length(_) => Sort::Number("字", ""),
            Int::Hours(_) => Sort::Number("小时", "hours"),
            Int::Months(_) => Sort::Number("个月", "months"),
            Int::Working(..) => Sort::Number("个工作日", "working days"),
            Int::Var(var) => self.bound.get(usize::from(*var)).map_or(BARE, |b| b.sort),
            Int::Neg(of) => self.sort(of),
            Int::If(parts) => match self.sort(&parts.1) {
                BARE => self.sort(&parts.2),
                sort => sort,
            },
            Int::Sum(first, rest) => {
                let terms = std::iter::once((false, &**first)).chain(rest.iter().map(|(m, n)| (*m, n)));
                let (mut points, mut days, mut unit) = (0, false, BARE);
                for (minus, term) in terms {
                    match self.sort(term) {
                        Sort::Day => {
                            points += if minus { -1 } else { 1 };
                            days = true;
                        }
                        BARE => {}
                        other => unit = other,
                    }
                }
                match (days, points) {
                    (true, 1) => Sort::Day,
                    (true, _) => Sort::Number("天", "days"),
                    (false, _) => unit,
                }
            }
            Int::Const(_) => BARE,
        }
    }

    /// What a number counts from one point in time to another, and in what.
    fn span(&mut self, n: &Int) -> Option<(String, String, &'static str, &'static str)> {
        Some(match n {
            Int::Hours(ends) => {
                (self.int(&ends.0, Sort::Instant), self.int(&ends.1, Sort::Instant), "小时", "hours")
            }
            Int::Months(ends) => {
                (self.int(&ends.0, Sort::Day), self.int(&ends.1, Sort::Day), "个月", "months")
            }
            Int::Working(_, ends) => {
                (self.int(&ends.0, Sort::Day), self.int(&ends.1, Sort::Day), "个工作日", "working days")
            }
            Int::Sum(first, rest) => {
                let terms = std::iter::once((false, &**first)).chain(rest.iter().map(|(m, n)| (*m, n)));
                let terms: Vec<(bool, &Int)> = terms.collect();
                let is_day = |n: &Int| self.sort(n) == Sort::Day;
                let (mut to, mut from, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
                for (minus, term) in terms {
                    match (term, minus) {
                        (Int::Const(c), minus) => numbers.push((minus, *c)),
                        (day, true) if is_day(day) => from.push(day),
                        (day, false) if is_day(day) => to.push(day),
                        _ => return None,
                    }
                }
                // A day that stands in the rule is a number by now: the one that the other side lacks.
                let (from, to) = (from.as_slice(), to.as_slice());
                let (from, to, both) = match (from, to, numbers.as_slice()) {
                    ([from], [to], []) => (self.int(from, Sort::Day), self.int(to, Sort::Day), false),
                    ([from], [to], [(false, 1)]) => {
                        (self.int(from, Sort::Day), self.int(to, Sort::Day), true)
                    }
                    ([from], [], [(false, to), rest @ ..]) if matches!(rest, [] | [(false, 1)]) => {
                        let to = self.int(&Int::Const(*to), Sort::Day);
                        (self.int(from, Sort::Day), to, !rest.is_empty())
                    }
                    ([], [to], [(true, from), rest @ ..])
                        if *from > 10_000 && matches!(rest, [] | [(false, 1)]) =>
                    {
                        let from = self.int(&Int::Const(*from), Sort::Day);
                        (from, self.int(to, Sort::Day), !rest.is_empty())
                    }
                    _ => return None,
                };
                match both {
                    true => (from, to, "天（首尾两天都计入）", "days (both counted)"),
                    false => (from, to, "天", "days"),
                }
            }
            _ => return None,
        })
    }

    pub(super) fn ints(&mut self, cmp: Cmp, a: &Int, b: &Int) -> String {
        if let Some((from, to, zh, en)) = self.span(a) {
            let n = self.int(b, BARE);
            return match self.lang {
                Lang::Zh => format!("从{from}到{to}{} {n} {zh}", self.amount(cmp)),
                Lang::En => {
                    let (are, en) = if n == "1" { ("is", plural(&n, en)) } else { ("are", en) };
                    format!("there {are} {} {n} {en} from {from} to {to}", self.amount(cmp))
                }
            };
        }
        let sort = match self.sort(a) {
            BARE => self.sort(b),
            sort => sort,
        };
        let (a, b) = (self.int(a, sort), self.int(b, sort));
        match (sort, self.lang) {
            (Sort::Number(unit, _), Lang::Zh) => {
                let b = if unit.is_empty() { b } else { format!("{b} {unit}") };
                self.measured(cmp, &a, &b)
            }
            (Sort::Number(_, unit), Lang::En) => {
                let b = if unit.is_empty() { b } else { format!("{b} {unit}") };
                self.measured(cmp, &a, &b)
            }
            (_, Lang::Zh) => {
                let cmp = match cmp {
                    Cmp::Eq => "就是",
                    Cmp::Ne => "不是",
                    Cmp::Lt => "早于",
                    Cmp::Le => "不晚于",
                    Cmp::Gt => "晚于",
                    Cmp::Ge => "不早于",
                };
                format!("{a}{cmp}{b}")
            }
            (sort, Lang::En) => {
                let cmp = match (cmp, sort) {
                    (Cmp::Eq, _) => "is",
                    (Cmp::Ne, _) => "is not",
                    (Cmp::Lt, _) => "is before",
                    (Cmp::Le, Sort::Day) => "is on or before",
                    (Cmp::Le, _) => "is at or before",
                    (Cmp::Gt, _) => "is after",
                    (Cmp::Ge, Sort::Day) => "is on or after",
                    (Cmp::Ge, _) => "is at or after",
                };
                format!("{a} {cmp} {b}")
            }
        }
    }

    fn amount(&self, cmp: Cmp) -> &'static str {
        let (zh, en) = match cmp {
            Cmp::Eq => ("正好", "exactly"),
            Cmp::Ne => ("不是", "not exactly"),
            Cmp::Lt => ("不足", "fewer than"),
            Cmp::Le => ("不超过", "at most"),
            Cmp::Gt => ("超过", "more than"),
            Cmp::Ge => ("至少", "at least"),
        };
        if self.lang == Lang::Zh { zh } else { en }
    }

    /// Something that is measured, with an amount.
    pub(super) fn measured(&self, cmp: Cmp, subject: &str, amount: &str) -> String {
        match self.lang {
            Lang::Zh => {
                let cmp = match cmp {
                    Cmp::Eq => "为",
                    Cmp::Ne => "不为",
                    Cmp::Lt => "低于",
                    Cmp::Le => "不超过",
                    Cmp::Gt => "超过",
                    Cmp::Ge => "达到",
                };
                format!("{subject}{cmp}{}", spaced(amount).trim_end())
            }
            Lang::En => match cmp {
                Cmp::Eq => format!("{subject} is {amount}"),
                Cmp::Ne => format!("{subject} is not {amount}"),
                Cmp::Lt => format!("{subject} is below {amount}"),
                Cmp::Le => format!("{subject} is {amount} or less"),
                Cmp::Gt => format!("{subject} is above {amount}"),
                Cmp::Ge => format!("{subject} is {amount} or more"),
            },
        }
    }

    pub(super) fn int(&mut self, n: &Int, sort: Sort) -> String {
        let kind = self.kind.unwrap_or(Kind::Declaration);
        match n {
            Int::Const(n) => match sort {
                Sort::Day => i32::try_from(*n).map_or_else(|_| n.to_string(), |n| date(Day(n), self.lang)),
                _ => n.to_string(),
            },
            Int::Field(slot) => self.noun(*slot).to_owned(),
            Int::Day => match self.lang {
                Lang::Zh => format!("{}当天", nouns::kind(kind, self.lang)),
                Lang::En => format!("the day of the {}", nouns::bare(kind, self.lang)),
            },
            Int::Happened => match self.lang {
                Lang::Zh => format!("{}的时间", nouns::kind(kind, self.lang)),
                Lang::En => format!("the time of the {}", nouns::bare(kind, self.lang)),
            },
            Int::Age => self.person(PersonField::Age).to_owned(),
            Int::Var(var) => self.bound(*var).0,
            Int::Size(list) => {
                let list = self.list(list);
                match self.lang {
                    Lang::Zh => format!("{list}的数量"),
                    Lang::En => format!("the number of {}", list.strip_prefix("the ").unwrap_or(&list)),
                }
            }
            Int::Length(text) => {
                let text = self.text(text);
                match self.lang {
                    Lang::Zh => format!("{text}的字数"),
                    Lang::En => format!("the length of {text}"),
                }
            }
            Int::Neg(of) => {
                let of = self.int(of, sort);
                if self.lang == Lang::Zh { format!("负的{of}") } else { format!("minus {of}") }
            }
            Int::If(parts) => {
                let asked = self.exactly(&parts.0);
                let (a, b) = (self.int(&parts.1, sort), self.int(&parts.2, sort));
                self.either(&asked, &a, &b)
            }
            Int::AddMonths(of) => self.after(&of.0, &of.1, "个月", "months"),
            Int::AddWorking(_, of) => self.after(&of.0, &of.1, "个工作日", "working days"),
            Int::Hours(_) | Int::Months(_) | Int::Working(..) => match (self.span(n), self.lang) {
                (Some((from, to, unit, _)), Lang::Zh) => format!("从{from}到{to}的{unit}数"),
                (Some((from, to, _, unit)), Lang::En) => format!("the {unit} from {from} to {to}"),
                (None, _) => String::new(),
            },
            Int::Sum(first, rest) => {
                if let Some((from, to, zh, en)) = self.span(n) {
                    return match self.lang {
                        Lang::Zh => format!("从{from}到{to}的{zh}数"),
                        Lang::En => format!("the {en} from {from} to {to}"),
                    };
                }
                if let (Sort::Day, [(minus, days)]) = (self.sort(first), &**rest) {
                    return match minus {
                        false => self.after(first, days, "天", "days"),
                        true => {
                            let (day, n) = (self.int(first, Sort::Day), self.int(days, BARE));
                            match self.lang {
                                Lang::Zh => format!("{day}之前 {n} 天"),
                                Lang::En => format!("{n} {} before {day}", plural(&n, "days")),
                            }
                        }
                    };
                }
                let mut text = self.int(first, sort);
                for (minus, part) in rest {
                    let part = self.int(part, BARE);
                    text.push_str(
                        self.t(if *minus { "减" } else { "加" }, if *minus { " less " } else { " plus " }),
                    );
                    text.push_str(&part);
                }
                text
            }
        }
    }

    fn after(&mut self, day: &Int, n: &Int, zh: &str, en: &str) -> String {
        let (day, n) = (self.int(day, Sort::Day), self.int(n, BARE));
        match self.lang {
            Lang::Zh => format!("{day}之后 {n} {zh}"),
            Lang::En => format!("{n} {} after {day}", plural(&n, en)),
        }
    }

    pub(super) fn unit(&self, n: &Real) -> &'static str {
        match n {
            Real::Field(slot) if self.field(*slot).is_some_and(|f| f.name.ends_with("_c")) => " ℃",
            Real::Neg(of) => self.unit(of),
            Real::Sum(first, rest) => {
                let all = std::iter::once(&**first).chain(rest.iter().map(|(_, n)| n));
                all.map(|n| self.unit(n)).find(|u| !u.is_empty()).unwrap_or("")
            }
            Real::If(parts) => self.unit(&parts.1),
            _ => "",
        }
    }

    pub(super) fn reals(&mut self, cmp: Cmp, a: &Real, b: &Real, yes: bool) -> Clause {
        let cmp = if yes { cmp } else { negated(cmp) };
        let unit = match (b, self.unit(a)) {
            (Real::Const(_), unit) => unit,
            _ => "",
        };
        let (a, b) = (self.real(a), self.real(b));
        Clause::One(self.measured(cmp, &a, &format!("{b}{unit}")))
    }

    pub(super) fn real(&mut self, n: &Real) -> String {
        match n {
            Real::Const(n) => n.to_string(),
            Real::Field(slot) => self.noun(*slot).to_owned(),
            Real::Var(var) => self.bound(*var).0,
            Real::Neg(of) => {
                let of = self.real(of);
                if self.lang == Lang::Zh { format!("负的{of}") } else { format!("minus {of}") }
            }
            Real::Sum(first, rest) => {
                let mut text = self.real(first);
                for (minus, part) in rest {
                    let part = self.real(part);
                    text.push_str(
                        self.t(if *minus { "减" } else { "加" }, if *minus { " less " } else { " plus " }),
                    );
                    text.push_str(&part);
                }
                text
            }
            Real::If(parts) => {
                let asked = self.exactly(&parts.0);
                let (a, b) = (self.real(&parts.1), self.real(&parts.2));
                self.either(&asked, &a, &b)
            }
        }
    }
}
