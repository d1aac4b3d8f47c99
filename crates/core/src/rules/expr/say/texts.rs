//! Texts, answers, places and lists of areas in words.

use super::clause::{quoted, row, spaced};
use super::{Clause, Say};
use crate::division::divisions;
use crate::fact::{Kind, Type};
use crate::rules::expr::eval::{List, PersonField, Slot, Text};
use crate::rules::nouns;
use crate::rules::pack::Pack;
use crate::rules::words::Lang;

/// So many values left over are named instead of saying which it is not.
const OTHERS_MAX: usize = 4;

impl Say<'_> {
    fn place(&self, code: &str) -> String {
        match (divisions().path_name(code), self.lang) {
            (Some(name), Lang::Zh) => name,
            (Some(name), Lang::En) => format!("{name} ({code})"),
            (None, Lang::Zh) => format!("代码为 {code} 的地区"),
            (None, Lang::En) => format!("the division {code}"),
        }
    }

    pub(super) fn area(&self, key: &str) -> String {
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

    pub(super) fn known(&self, noun: &str, yes: bool) -> Clause {
        match (self.lang, yes) {
            (Lang::Zh, true) => Clause::One(format!("有{noun}")),
            (Lang::Zh, false) => Clause::One(format!("没有{noun}")),
            (Lang::En, true) => Clause::One(format!("{noun} is known")),
            (Lang::En, false) => Clause::One(format!("{noun} is not known")),
        }
    }

    pub(super) fn answered_yes(&self, slot: Slot, yes: bool) -> Clause {
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

    pub(super) fn among(&self, subject: &str, all: &[String], yes: bool) -> Clause {
        let all = row(all, true, self.lang);
        match yes {
            true => self.said(subject, format!("为{}", spaced(&all).trim_end()), format!("is {all}")),
            false => self.said(subject, format!("不是{}", spaced(&all).trim_end()), format!("is not {all}")),
        }
    }

    pub(super) fn text_among(&mut self, text: &Text, words: &[&str], yes: bool) -> Clause {
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

    pub(super) fn starts_with(&mut self, text: &Text, prefix: &Text, yes: bool) -> Clause {
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

    pub(super) fn person(&self, field: PersonField) -> &'static str {
        let (zh, en) = match field {
            PersonField::Subject => ("申报人类别", "the kind of person"),
            PersonField::Residence => ("本人居住地", "the person's place of residence"),
            PersonField::Age => ("年龄", "the person's age"),
        };
        if self.lang == Lang::Zh { zh } else { en }
    }

    pub(super) fn text(&mut self, text: &Text) -> String {
        self.text_of(text, None)
    }

    /// A text; a word in quotes as a value of the field that it is compared with.
    pub(super) fn text_of(&mut self, text: &Text, slot: Option<Slot>) -> String {
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

    pub(super) fn either(&self, asked: &str, a: &str, b: &str) -> String {
        match self.lang {
            Lang::Zh => format!("（{asked}时为{a}，否则为{b}）"),
            Lang::En => format!("({a} if {asked}, otherwise {b})"),
        }
    }

    pub(super) fn list(&self, list: &List) -> String {
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

    /// The question that the pack asks, where it is one of yes or no or of a few answers.
    fn question(&self, slot: Slot) -> Option<&str> {
        let field = self.field(slot).filter(|_| self.kind == Some(Kind::Declaration))?;
        matches!(field.ty, Type::Bool | Type::Choice(_)).then_some(())?;
        self.pack.words(self.lang).fields.get(field.name).map(|f| f.label.as_str())
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
