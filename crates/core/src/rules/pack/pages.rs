//! The pages' own words in a further language: `pages/<language>.toml`, checked against what the pages
//! say in English.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use toml::de::DeValue;

use super::Checker;
use super::inherit::Tree;
use crate::rules::expr::{Diagnostic, nearest};
use crate::rules::said::{SAID, SERVER};

/// Texts by page and key.
pub type Pages = BTreeMap<String, BTreeMap<String, String>>;

/// Longest text of a page, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// What the pages say in English, by part and key: what can be translated, and the values that each
/// text takes. `spec/pages.json` is written by the pages' own tests; the service's sentences join it.
pub static ENGLISH: LazyLock<Pages> = LazyLock::new(|| {
    let text = include_str!("../../../../../spec/pages.json");
    let mut all: Pages = serde_json::from_str(text).unwrap_or_default();
    let said = SAID.iter().map(|(key, _, en)| ((*key).to_owned(), (*en).to_owned()));
    all.insert(SERVER.to_owned(), said.collect());
    all
});

/// The texts of one language. Of a text that was published before the pages changed, what they no
/// longer know is left out.
pub(super) fn check(c: &mut Checker<'_>, lang: &str, tree: Tree<'_>) -> Pages {
    let file = format!("pages/{lang}.toml");
    let mut pages = Pages::new();
    let published = c.published;
    let mut wrong = |d: Diagnostic| {
        if !published {
            c.wrong(&file, d);
        }
    };
    for (part, texts) in tree.into_inner() {
        let name = part.get_ref().as_ref();
        let span = part.span();
        let (Some(english), DeValue::Table(texts)) = (ENGLISH.get(name), texts.into_inner()) else {
            let all: Vec<&str> = ENGLISH.keys().map(String::as_str).collect();
            let text = format!("{name:?} is no part of the pages");
            wrong(Diagnostic::new("pack.pages", span, text).help(format!("one of {}", all.join(", "))));
            continue;
        };
        let mut into = BTreeMap::new();
        for (key, value) in texts {
            let (key, span) = (key.get_ref().to_string(), value.span());
            let Some(known) = english.get(&key) else {
                let d = Diagnostic::new("pack.pages", span, format!("the pages do not say {name}.{key}"));
                let near = nearest(&key, english.keys().map(String::as_str));
                wrong(d.help(match near {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => "kangma pack pages DIR lists what they say".to_owned(),
                }));
                continue;
            };
            let DeValue::String(text) = value.into_inner() else {
                wrong(Diagnostic::new("pack.pages", span, format!("{name}.{key} is no text")));
                continue;
            };
            match slip(known, &text) {
                Some((said, help)) => {
                    wrong(Diagnostic::new("pack.pages", span, format!("{name}.{key} {said}")).help(help));
                }
                None => drop(into.insert(key, text.into_owned())),
            }
        }
        pages.insert(name.to_owned(), into);
    }
    pages
}

/// What is wrong with a text, and what to do.
fn slip(english: &str, text: &str) -> Option<(String, String)> {
    if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
        let help = "leave the line out, and the page says it in English or Chinese".to_owned();
        return Some((format!("is empty, or longer than {TEXT_BYTES_MAX} bytes"), help));
    }
    if let Some(c) = hostile(text) {
        let help = "write the text without it".to_owned();
        return Some((format!("holds the invisible character U+{:04X}", c as u32), help));
    }
    let (has, needs) = (marks(text), marks(english));
    (has != needs).then(|| {
        let list =
            |marks: &BTreeSet<&str>| marks.iter().map(|m| format!("{{{m}}}")).collect::<Vec<_>>().join(", ");
        let needs = if needs.is_empty() { "no {value}".to_owned() } else { list(&needs) };
        (
            format!("has other values than the page fills in: {}", list(&has)),
            format!("it takes {needs}; in English: {english}"),
        )
    })
}

/// The texts as the pages fetch them: all but those that the service says itself, as JSON.
#[must_use]
pub fn shown(pages: &Pages) -> Vec<u8> {
    let shown: BTreeMap<_, _> = pages.iter().filter(|(part, _)| *part != SERVER).collect();
    // Texts by text: nothing of it can fail to be written.
    serde_json::to_vec(&shown).unwrap_or_default()
}

/// The names in `{…}` where a page puts a value.
fn marks(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if end > 0 && rest[end..].starts_with('}') {
            found.insert(&rest[..end]);
        }
    }
    found
}

/// A character that nobody sees and that turns what stands around it: controls, and marks that begin
/// or end a direction. Marks of one place (LRM, RLM, ALM) and joiners are letters' own business.
pub(super) fn hostile(text: &str) -> Option<char> {
    let turns = |c: char| matches!(c as u32, 0x202A..=0x202E | 0x2066..=0x2069 | 0x2028 | 0x2029 | 0x206A..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB);
    text.chars().find(|c| c.is_control() || turns(*c))
}

/// What a language leaves in English: part and key.
#[must_use]
pub fn missing(pages: Option<&Pages>) -> Vec<(&'static str, &'static str, &'static str)> {
    let all = ENGLISH.iter().flat_map(|(part, keys)| keys.iter().map(move |(k, en)| (part, k, en)));
    let there = |part: &str, key: &str| pages.and_then(|p| p.get(part)?.get(key)).is_some();
    all.filter(|(part, key, _)| !there(part, key))
        .map(|(p, k, en)| (p.as_str(), k.as_str(), en.as_str()))
        .collect()
}
