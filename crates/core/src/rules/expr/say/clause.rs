//! A condition as parts that are joined, on one line or as a list.

use crate::rules::words::Lang;

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

    pub(super) fn joined(all: bool, parts: impl Iterator<Item = Clause>) -> Clause {
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

/// Chinese numbers stand apart from the characters around them.
pub(super) fn spaced(text: &str) -> String {
    let latin = |c: char| c.is_ascii_alphanumeric();
    let (first, last) = (text.chars().next(), text.chars().last());
    let before = if first.is_some_and(latin) { " " } else { "" };
    let after = if last.is_some_and(latin) { " " } else { "" };
    format!("{before}{text}{after}")
}
