//! Words that a pack names of its own (词表): symptoms, methods of testing, vaccines. The fields that
//! take them are core's; which words they take is the pack's, and those of
//! [`fact`](crate::fact) where it says nothing. What is stored is a word and stays what it is.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde::Deserialize;

use crate::fact::{Field, METHODS, SYMPTOMS, Type, VACCINES};

/// Most words of one sort.
pub const WORDS_MAX: usize = 64;
/// Longest word, in bytes.
pub const WORD_BYTES_MAX: usize = 40;

/// A fixed set of words.
pub type Words = &'static [&'static str];

/// The words of a pack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vocabulary {
    /// Of symptoms.
    pub symptoms: Words,
    /// Of how a sample was tested.
    pub methods: Words,
    /// Of vaccines.
    pub vaccines: Words,
    /// Whether any word passes: for conditions from the record of another pack.
    open: bool,
}

impl Default for Vocabulary {
    fn default() -> Vocabulary {
        Vocabulary { symptoms: SYMPTOMS, methods: METHODS, vaccines: VACCINES, open: false }
    }
}

/// As `pack.toml` has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VocabularyToml {
    symptoms: Option<Vec<String>>,
    methods: Option<Vec<String>>,
    vaccines: Option<Vec<String>>,
}

impl VocabularyToml {
    /// Checked; the first thing that is wrong, in words.
    pub(crate) fn load(&self) -> Result<Vocabulary, String> {
        let mut all = Vocabulary::default();
        for (name, own, words) in [
            ("symptoms", &self.symptoms, &mut all.symptoms),
            ("methods", &self.methods, &mut all.methods),
            ("vaccines", &self.vaccines, &mut all.vaccines),
        ] {
            let Some(own) = own else { continue };
            if own.is_empty() || own.len() > WORDS_MAX {
                return Err(format!("{name} has 1 to {WORDS_MAX} words"));
            }
            let mut seen = BTreeSet::new();
            if let Some(bad) = own.iter().find(|w| !is_word(w) || !seen.insert(w.as_str())) {
                let shown: String = bad.chars().take(WORD_BYTES_MAX).collect();
                return Err(format!(
                    "{name}: {shown:?} is there twice, or is no word of a-z, 0-9 and _ begun by a letter, \
                     {WORD_BYTES_MAX} at most"
                ));
            }
            *words = kept(own);
        }
        Ok(all)
    }
}

impl Vocabulary {
    /// Any method and vaccine passes.
    #[must_use]
    pub fn open() -> Vocabulary {
        Vocabulary { open: true, ..Vocabulary::default() }
    }

    /// A field's type under this vocabulary.
    #[must_use]
    pub fn type_of(&self, field: &Field) -> Type {
        match field.ty {
            Type::Choices(SYMPTOMS) => Type::Choices(self.symptoms),
            Type::Choice(METHODS | VACCINES) if self.open => Type::Text,
            Type::Choice(METHODS) => Type::Choice(self.methods),
            Type::Choice(VACCINES) => Type::Choice(self.vaccines),
            ty => ty,
        }
    }

    /// The words of its own, by the table of the words that hold their texts; symptoms have theirs.
    pub(crate) fn terms(&self) -> impl Iterator<Item = &'static str> {
        let own = |words: Words, built_in: Words| if words == built_in { &[] } else { words };
        own(self.methods, METHODS).iter().chain(own(self.vaccines, VACCINES)).copied()
    }
}

fn is_word(text: &str) -> bool {
    (1..=WORD_BYTES_MAX).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Keeps words for as long as the program runs, each set once: types are compared and copied on
/// the hot path, and packs are loaded rarely.
fn kept(own: &[String]) -> Words {
    static ALL: LazyLock<Mutex<BTreeSet<Words>>> = LazyLock::new(Mutex::default);
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(words) = all.iter().find(|words| words.iter().eq(own)) {
        return words;
    }
    let words: Vec<&'static str> = own.iter().map(|w| &*Box::leak(w.clone().into_boxed_str())).collect();
    let words: Words = Box::leak(words.into_boxed_slice());
    all.insert(words);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Vocabulary, String> {
        toml::from_str::<VocabularyToml>(text).map_err(|e| e.to_string())?.load()
    }

    #[test]
    fn a_pack_names_words_of_its_own_and_keeps_the_others() {
        let own = load(r#"symptoms = ["rash", "vomiting"]"#).unwrap();
        assert_eq!((own.symptoms, own.methods), (&["rash", "vomiting"][..], METHODS));
        assert!(std::ptr::eq(own.symptoms, load(r#"symptoms = ["rash", "vomiting"]"#).unwrap().symptoms));
        assert_eq!(own.terms().count(), 0);
        assert_eq!(load(r#"methods = ["culture"]"#).unwrap().terms().collect::<Vec<_>>(), ["culture"]);
    }

    #[test]
    fn words_that_are_none_are_refused() {
        for bad in ["[]", r#"["Rash"]"#, r#"["a", "a"]"#, r#"["1a"]"#, r#"["发热"]"#, r#"[""]"#] {
            assert!(load(&format!("symptoms = {bad}")).is_err(), "{bad}");
        }
        assert!(load(r#"rumours = ["a"]"#).is_err());
    }
}
