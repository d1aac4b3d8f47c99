//! A condition, put through: for the tests and for fuzzing.

use kangma_core::fact::{Fact, Kind, Source, Values};
use kangma_core::id::FactId;
use kangma_core::rules::expr::{Areas, Env, PersonView, Scope, compile};
use kangma_core::time::{Day, Instant};

/// Compiles, and either runs the condition or shows what is wrong with it.
pub fn put_through(source: &str, kind: Kind) -> Result<(), Vec<&'static str>> {
    match compile(source, &Scope::of(kind)) {
        Ok(expr) => {
            let fact = Fact {
                id: FactId([0; 16]),
                kind,
                happened: Instant(0),
                recorded: Instant(0),
                source: Source::Resident,
                values: Values::default(),
            };
            let (person, areas) = (PersonView::default(), Areas::new());
            let _ = expr.eval(&Env { fact: &fact, person: &person, areas: &areas, day: Day(0) });
            Ok(())
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            for d in &diagnostics {
                assert!(d.span.start <= d.span.end, "{d:?}");
                assert!(source.get(d.span.clone()).is_some(), "{d:?}");
                assert!(d.code.starts_with("rule."));
                assert!(!d.message.is_empty() && d.message.len() < 300, "{d:?}");
            }
            Err(diagnostics.iter().map(|d| d.code).collect())
        }
    }
}
