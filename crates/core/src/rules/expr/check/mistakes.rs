//! What is told of a mistake that several checks find.

use super::Span;
use crate::rules::expr::QUANTIFIERS_MAX;
use crate::rules::expr::diagnostic::{Diagnostic, nearest};

pub(super) fn type_error(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("rule.type", span, message)
}

pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ")
}

/// "did you mean …?" where something is near, else what there is.
pub(super) fn suggest(d: Diagnostic, name: &str, known: &[&str], there_is: &str) -> Diagnostic {
    match nearest(name, known.iter().copied()) {
        Some(near) => d.help(format!("did you mean {near}?")),
        None => d.help(format!("{there_is}: {}", known.join(", "))),
    }
}

pub(super) fn too_nested(span: Span) -> Diagnostic {
    Diagnostic::new(
        "rule.limit",
        span,
        format!("at most {QUANTIFIERS_MAX} of exists and all stand inside one another"),
    )
    .help("split the rule into several")
}

pub(super) fn is_present(name: &str) -> bool {
    matches!(name, "now" | "today" | "yesterday" | "tomorrow" | "current_time" | "current_date")
}

pub(super) fn about_time(span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(
        "rule.time",
        span,
        format!("{name} does not exist: a rule asks about the fact, not the present"),
    )
    .help("days that pass belong in a stage's release; the day of the fact is called day")
}

pub(super) fn wrong_choice(word: &str, span: Span, choices: &[&str]) -> Diagnostic {
    let d = Diagnostic::new("rule.choice", span, format!("{word:?} is never the value here"));
    let all = quoted(choices);
    match nearest(word, choices.iter().copied()) {
        Some(near) => d.help(format!("did you mean \"{near}\"? It is one of {all}")),
        None => d.help(format!("it is one of {all}")),
    }
}

pub(super) fn wrong_code(word: &str, span: Span) -> Diagnostic {
    Diagnostic::new("rule.division", span, format!("{word:?} is not a division's code"))
        .help("codes have 2, 4, 6, 9 or 12 digits, such as 33 or 330106")
}
