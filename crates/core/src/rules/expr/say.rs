//! A condition in words, made from its compiled form: what is asked is what is said. "Not" is pushed
//! down to the leaves, which Kleene's logic allows, so that nobody has to undo it while reading.

use super::Expr;
use super::eval::{Cmp, Cond, Int, List, PersonField, Real, Slot, Text, Var};
use crate::division::divisions;
use crate::fact::{Field, Kind, Type};
use crate::rules::nouns;
use crate::rules::pack::Pack;
use crate::rules::words::Lang;
use crate::time::Day;

/// A condition as parts that are joined.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Clause {
    /// One statement.
    One(String),
    /// All of them hold.
    All(Vec<Clause>),
    /// One of them holds.
    Any(Vec<Clause>),
}

/// So many values left over are named instead of saying which it is not.
const OTHERS_MAX: usize = 4;

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

impl Clause {
    /// On one line; groups within it stand in parentheses.
    pub(crate) fn inline(&self, lang: Lang) -> String {
        let (parts, all) = match self {
            Clause::One(text) => return text.clone(),
            Clause::All(parts) => (parts, true),
            Clause::Any(parts) => (parts, false),
        };
        let parts: Vec<String> = parts
            .iter()
            .map(|part| match (part, lang) {
                (Clause::One(text), _) => text.clone(),
                (group, Lang::Zh) => format!("（{}）", group.inline(lang)),
                (group, Lang::En) => format!("({})", group.inline(lang)),
            })
            .collect();
        parts.join(match (all, lang) {
            (true, Lang::Zh) => "，且",
            (false, Lang::Zh) => "，或者",
            (true, Lang::En) => " and ",
            (false, Lang::En) => " or ",
        })
    }

    /// Whether it reads better as a list: three parts or more, or groups within it.
    pub(crate) fn is_long(&self) -> bool {
        match self {
            Clause::One(_) => false,
            Clause::All(parts) | Clause::Any(parts) => {
                // A part that is itself a row of values would run into the next one.
                let is_row = |text: &str| text.contains("” or “") || text.contains("”或“");
                let is_long = |p: &Clause| !matches!(p, Clause::One(text) if !is_row(text));
                parts.len() > 2 || parts.iter().any(is_long)
            }
        }
    }

    /// As a list: （一）…；（二）…
    pub(crate) fn list(&self, lang: Lang) -> String {
        let (Clause::All(parts) | Clause::Any(parts)) = self else { return self.inline(lang) };
        let parts: Vec<String> = parts
            .iter()
            .enumerate()
            .map(|(i, part)| match lang {
                Lang::Zh => format!("（{}）{}", i + 1, part.inline(lang)),
                Lang::En => format!("({}) {}", i + 1, part.inline(lang)),
            })
            .collect();
        parts.join(if lang == Lang::Zh { "；" } else { "; " })
    }

    fn joined(all: bool, parts: impl Iterator<Item = Clause>) -> Clause {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Clause::All(inner) if all => flat.extend(inner),
                Clause::Any(inner) if !all => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match (flat.len(), all) {
            (1, _) => flat.remove(0),
            (_, true) => Clause::All(flat),
            (_, false) => Clause::Any(flat),
        }
    }
}

/// What a number is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sort {
    Day,
    Instant,
    /// A number and its unit in both languages.
    Number(&'static str, &'static str),
}

const BARE: Sort = Sort::Number("", "");

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

/// Chinese numbers stand apart from the characters around them.
fn spaced(text: &str) -> String {
    let latin = |c: char| c.is_ascii_alphanumeric();
    let (first, last) = (text.chars().next(), text.chars().last());
    let before = if first.is_some_and(latin) { " " } else { "" };
    let after = if last.is_some_and(latin) { " " } else { "" };
    format!("{before}{text}{after}")
}

/// A unit of as many: one day, two days.
fn plural<'u>(n: &str, unit: &'u str) -> &'u str {
    if n == "1" { unit.strip_suffix('s').unwrap_or(unit) } else { unit }
}

fn negated(cmp: Cmp) -> Cmp {
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

/// Words as a row: “A”、“B”或“C”.
pub(crate) fn row(words: &[String], or: bool, lang: Lang) -> String {
    let Some((last, rest)) = words.split_last() else { return String::new() };
    if rest.is_empty() {
        return last.clone();
    }
    let (comma, join) = match (lang, or) {
        (Lang::Zh, true) => ("、", "或"),
        (Lang::Zh, false) => ("、", "和"),
        (Lang::En, true) => (", ", " or "),
        (Lang::En, false) => (", ", " and "),
    };
    format!("{}{join}{last}", rest.join(comma))
}

pub(crate) fn quoted(text: &str) -> String {
    format!("“{text}”")
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

    /// The question that the pack asks, where it is one of yes or no or of a few answers.
    fn question(&self, slot: Slot) -> Option<&str> {
        let field = self.field(slot).filter(|_| self.kind == Some(Kind::Declaration))?;
        matches!(field.ty, Type::Bool | Type::Choice(_)).then_some(())?;
        self.pack.words(self.lang).fields.get(field.name).map(|f| f.label.as_str())
    }

    fn place(&self, code: &str) -> String {
        match (divisions().path_name(code), self.lang) {
            (Some(name), Lang::Zh) => name,
            (Some(name), Lang::En) => format!("{name} ({code})"),
            (None, Lang::Zh) => format!("代码为 {code} 的地区"),
            (None, Lang::En) => format!("the division {code}"),
        }
    }

    fn area(&self, key: &str) -> String {
        area(self.pack, key, self.lang)
    }

    /// A value of a field, as it is shown.
    fn value(&self, slot: Option<Slot>, word: &str) -> String {
        let Some(field) = slot.and_then(|s| self.field(s)) else { return quoted(word) };
        match field.ty {
            Type::Division | Type::Divisions => self.place(word),
            _ => quoted(&value_word(self.pack, self.kind, field.name, word, self.lang)),
        }
    }

    fn values<'w>(&self, slot: Option<Slot>, words: impl Iterator<Item = &'w str>) -> Vec<String> {
        words.map(|w| self.value(slot, w)).collect()
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

    fn known(&self, noun: &str, yes: bool) -> Clause {
        match (self.lang, yes) {
            (Lang::Zh, true) => Clause::One(format!("有{noun}")),
            (Lang::Zh, false) => Clause::One(format!("没有{noun}")),
            (Lang::En, true) => Clause::One(format!("{noun} is known")),
            (Lang::En, false) => Clause::One(format!("{noun} is not known")),
        }
    }

    fn answered_yes(&self, slot: Slot, yes: bool) -> Clause {
        let words = self.pack.words(self.lang);
        if let Some(question) = self.question(slot) {
            let answer = if yes { &words.yes } else { &words.no };
            return self.answered(question, &[quoted(answer)], true);
        }
        let name = self.field(slot).map_or("", |f| f.name);
        match nouns::yes_no(name, yes, self.lang) {
            Some(text) => Clause::One(text.to_owned()),
            None => {
                let (zh, en) = if yes { ("为“是”", "is yes") } else { ("为“否”", "is no") };
                self.said(self.noun(slot), zh, en)
            }
        }
    }

    fn answered(&self, question: &str, answers: &[String], yes: bool) -> Clause {
        let all = row(answers, true, self.lang);
        Clause::One(match (self.lang, yes) {
            (Lang::Zh, true) => format!("对“{question}”回答{all}"),
            (Lang::Zh, false) => format!("对“{question}”的回答不是{all}"),
            (Lang::En, true) => format!("the answer to “{question}” is {all}"),
            (Lang::En, false) => format!("the answer to “{question}” is not {all}"),
        })
    }

    fn among(&self, subject: &str, all: &[String], yes: bool) -> Clause {
        let all = row(all, true, self.lang);
        match yes {
            true => self.said(subject, format!("为{}", spaced(&all).trim_end()), format!("is {all}")),
            false => self.said(subject, format!("不是{}", spaced(&all).trim_end()), format!("is not {all}")),
        }
    }

    fn text_among(&mut self, text: &Text, words: &[&str], yes: bool) -> Clause {
        let mut words = words.to_vec();
        let mut yes = yes;
        let closed = match text {
            Text::Field(slot) => self.ty(*slot),
            _ => None,
        };
        // Of few values, what it is says more than what it is not.
        if let (false, Some(Type::Choice(all))) = (yes, closed) {
            let others: Vec<&str> = all.iter().copied().filter(|w| !words.contains(w)).collect();
            if (1..=OTHERS_MAX).contains(&others.len()) {
                (words, yes) = (others, true);
            }
        }
        // In the order of the schema, which is the order in which they are asked.
        let listed = match text {
            Text::Var(var) => self.bound.get(usize::from(*var)).and_then(|b| self.ty(b.slot?)),
            _ => closed,
        };
        if let Some(Type::Choice(all) | Type::Choices(all)) = listed {
            words.sort_by_key(|w| all.iter().position(|a| a == w));
        }
        let (subject, slot) = match text {
            Text::Field(slot) => {
                let values = self.values(Some(*slot), words.iter().copied());
                if let Some(question) = self.question(*slot) {
                    return self.answered(question, &values, yes);
                }
                return self.among(self.noun(*slot), &values, yes);
            }
            Text::Var(var) => self.bound(*var),
            Text::Person(PersonField::Residence) => {
                let values: Vec<String> = words.iter().map(|w| self.place(w)).collect();
                let noun = self.person(PersonField::Residence);
                return self.among(noun, &values, yes);
            }
            Text::Person(PersonField::Subject) => {
                let word = |w: &&str| {
                    let declared = Some(Kind::Declaration);
                    quoted(&value_word(self.pack, declared, "subject", w, self.lang))
                };
                let values: Vec<String> = words.iter().map(word).collect();
                return self.among(self.person(PersonField::Subject), &values, yes);
            }
            other => (self.text(other), None),
        };
        let values = self.values(slot, words.into_iter());
        self.among(&subject, &values, yes)
    }

    fn starts_with(&mut self, text: &Text, prefix: &Text, yes: bool) -> Clause {
        let is_place = match text {
            Text::Field(slot) => matches!(self.ty(*slot), Some(Type::Division)),
            Text::Person(field) => *field == PersonField::Residence,
            Text::Var(var) => {
                let slot = self.bound.get(usize::from(*var)).and_then(|b| b.slot);
                matches!(slot.and_then(|s| self.ty(s)), Some(Type::Divisions))
            }
            _ => false,
        };
        let subject = self.text(text);
        match prefix {
            Text::Const(code) if is_place && divisions().get(code).is_some() => {
                let place = self.place(code);
                match yes {
                    true => self.said(&subject, format!("在{place}"), format!("lies in {place}")),
                    false => self.said(&subject, format!("不在{place}"), format!("does not lie in {place}")),
                }
            }
            _ => {
                let prefix = self.text(prefix);
                match yes {
                    true => self.said(&subject, format!("以{prefix}开头"), format!("begins with {prefix}")),
                    false => self.said(
                        &subject,
                        format!("不以{prefix}开头"),
                        format!("does not begin with {prefix}"),
                    ),
                }
            }
        }
    }

    fn person(&self, field: PersonField) -> &'static str {
        let (zh, en) = match field {
            PersonField::Subject => ("申报人类别", "the kind of person"),
            PersonField::Residence => ("本人居住地", "the person's place of residence"),
            PersonField::Age => ("年龄", "the person's age"),
        };
        if self.lang == Lang::Zh { zh } else { en }
    }

    fn text(&mut self, text: &Text) -> String {
        self.text_of(text, None)
    }

    /// A text; a word in quotes as a value of the field that it is compared with.
    fn text_of(&mut self, text: &Text, slot: Option<Slot>) -> String {
        match text {
            Text::Const(word) => self.value(slot, word),
            Text::Field(slot) => self.noun(*slot).to_owned(),
            Text::Person(field) => self.person(*field).to_owned(),
            Text::Var(var) => self.bound(*var).0,
            Text::If(parts) => {
                let asked = self.exactly(&parts.0);
                let (a, b) = (self.text_of(&parts.1, slot), self.text_of(&parts.2, slot));
                self.either(&asked, &a, &b)
            }
        }
    }

    fn either(&self, asked: &str, a: &str, b: &str) -> String {
        match self.lang {
            Lang::Zh => format!("（{asked}时为{a}，否则为{b}）"),
            Lang::En => format!("({a} if {asked}, otherwise {b})"),
        }
    }

    fn list(&self, list: &List) -> String {
        let words: Vec<String> = match list {
            List::Field(slot) => return self.noun(*slot).to_owned(),
            List::Texts(items) => items.iter().map(|t| quoted(t)).collect(),
            List::Ints(items) => items.iter().map(i64::to_string).collect(),
            List::Reals(items) => items.iter().map(f64::to_string).collect(),
            List::Bools(items) => items
                .iter()
                .map(|b| self.t(["否", "是"][usize::from(*b)], ["no", "yes"][usize::from(*b)]).to_owned())
                .collect(),
        };
        row(&words, false, self.lang)
    }

    fn counted(&self, cmp: Cmp, slot: Slot, to: i64) -> Clause {
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

    fn sort(&self, n: &Int) -> Sort {
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

    fn ints(&mut self, cmp: Cmp, a: &Int, b: &Int) -> String {
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
    fn measured(&self, cmp: Cmp, subject: &str, amount: &str) -> String {
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

    fn int(&mut self, n: &Int, sort: Sort) -> String {
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

    fn unit(&self, n: &Real) -> &'static str {
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

    fn reals(&mut self, cmp: Cmp, a: &Real, b: &Real, yes: bool) -> Clause {
        let cmp = if yes { cmp } else { negated(cmp) };
        let unit = match (b, self.unit(a)) {
            (Real::Const(_), unit) => unit,
            _ => "",
        };
        let (a, b) = (self.real(a), self.real(b));
        Clause::One(self.measured(cmp, &a, &format!("{b}{unit}")))
    }

    fn real(&mut self, n: &Real) -> String {
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

/// What a list of areas is called.
pub(crate) fn area(pack: &Pack, key: &str, lang: Lang) -> String {
    match (pack.words(lang).areas.get(key), lang) {
        (Some(name), _) => name.clone(),
        (None, Lang::Zh) => format!("“{key}”名单所列地区"),
        (None, Lang::En) => format!("a place on the list “{key}”"),
    }
}

/// The word of a value: the pack's own where it has one.
pub(crate) fn value_word(pack: &Pack, kind: Option<Kind>, field: &str, word: &str, lang: Lang) -> String {
    let words = pack.words(lang);
    let asked = words.fields.get(field).filter(|_| kind == Some(Kind::Declaration));
    let own = asked.and_then(|f| f.options.get(word)).or_else(|| match field {
        "symptoms" => words.symptoms.get(word),
        "method" | "vaccine" => words.terms.get(word),
        _ => None,
    });
    match own {
        Some(own) => own.clone(),
        None => nouns::choice(field, word, lang).unwrap_or(word).to_owned(),
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
