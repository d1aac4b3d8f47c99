//! A condition, as somebody types it: an answer, or diagnostics that can be shown. The first byte says of
//! what kind of fact it is asked.
#![no_main]

use kangma_core::fact::{Fact, Kind, Source};
use kangma_core::id::FactId;
use kangma_core::rules::expr::{Areas, Env, PersonView, Scope, compile, render};
use kangma_core::time::{Day, Instant};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((kind, text)) = input.split_first() else { return Corpus::Reject };
    let Ok(text) = std::str::from_utf8(text) else { return Corpus::Reject };
    let kind = Kind::ALL[usize::from(*kind) % Kind::ALL.len()];
    match compile(text, &Scope::of(kind)) {
        Ok(expr) => {
            let fact = Fact {
                id: FactId([0; 16]),
                kind,
                happened: Instant(0),
                recorded: Instant(0),
                source: Source::Resident,
                values: Vec::new(),
            };
            let (person, areas) = (PersonView::default(), Areas::new());
            let _ = expr.eval(&Env { fact: &fact, person: &person, areas: &areas, day: Day(0) });
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            assert!(diagnostics.iter().all(|d| text.get(d.span.clone()).is_some()), "each shows its place");
            assert!(!render(&diagnostics, "rules.toml", text).is_empty());
        }
    }
    Corpus::Keep
});
