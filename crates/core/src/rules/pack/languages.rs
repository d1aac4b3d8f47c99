//! The languages that a pack ships: Chinese and English always, and whatever more it names.

use toml::Spanned;

use super::inherit::LANGUAGES_MAX;
use super::{Checker, PACK};
use crate::rules::expr::Diagnostic;
use crate::rules::tongue::is_language;
use crate::rules::words::Lang;

/// Chinese and English are always there; what more there is has a name.
pub(super) fn check(c: &mut Checker<'_>, named: Option<&Spanned<Vec<Spanned<String>>>>) {
    let Some(named) = named else {
        // Files of words that nobody names are told, since nobody would ever read them.
        return stray_words(c, &[]);
    };
    let all: Vec<&str> = named.get_ref().iter().map(|l| l.get_ref().as_str()).collect();
    let mut wrong = |span, text: String, help: &str| {
        c.wrong(PACK, Diagnostic::new("pack.languages", span, text).help(help));
    };
    for lang in Lang::ALL.iter().map(|l| l.name()).filter(|l| !all.contains(l)) {
        let text = format!("every pack ships {lang}, and languages does not name it");
        wrong(named.span(), text, "languages = [\"zh\", \"en\"], and more after them");
    }
    for (i, lang) in named.get_ref().iter().enumerate() {
        let name = lang.get_ref();
        if !is_language(name) {
            let text = format!("{name:?} is not the name of a language");
            wrong(
                lang.span(),
                text,
                "two or three small letters, such as \"bo\", or with a script, \"mn-Mong\"",
            );
        } else if all[..i].contains(&name.as_str()) {
            wrong(lang.span(), format!("{name} is named twice"), "name each language once");
        }
    }
    if all.len() > LANGUAGES_MAX {
        let text = format!("a pack has at most {LANGUAGES_MAX} languages");
        wrong(named.span(), text, "leave some out");
    }
    stray_words(c, &all);
}

/// Files of words in no language that the pack ships.
fn stray_words(c: &mut Checker<'_>, named: &[&str]) {
    let files = c.files;
    for file in files.0.keys() {
        let Some((folder, lang)) = file.strip_suffix(".toml").and_then(|f| f.split_once('/')) else {
            continue;
        };
        let ours = Lang::ALL.iter().any(|l| l.name() == lang);
        let (text, help) = match (folder, ours, named.contains(&lang)) {
            ("pages", true, _) => (
                format!("the pages say their own words in {lang} themselves"),
                format!("take {file} away; what a rule or a question says is in words/{lang}.toml"),
            ),
            ("words" | "pages", false, false) => (
                format!("{file} is there, and languages in {PACK} does not name {lang}"),
                format!(
                    "languages = [\"zh\", \"en\", \"{lang}\"] before the first [table], or take the file away"
                ),
            ),
            _ => continue,
        };
        c.wrong(file, Diagnostic::new("pack.languages", 0..0, text).help(help));
    }
}
