//! Every number, word and condition of the packs that ship is held by a case: each is changed once,
//! and then a case fails or the pack is refused.

use std::ops::Range;

use crate::shipped::shipped as packs;
use kangma_core::rules::cases::run_cases;
use kangma_core::rules::pack::{Library, Pack, PackFiles};

/// What no case can hold: pack, rule or file, what is changed, and why.
const ALIKE: &[(&str, &str, &str, &str)] = &[
    ("hangzhou-2020-02-11", "HZ-YELLOW-CHECK-IN", "days = 7", LATER),
    ("hangzhou-2020-02-11", "HZ-YELLOW-CHECK-IN", "repeat", ANYWAY),
    ("hangzhou-2020-02-17", "HZ-YELLOW-CHECK-IN", "days = 7", LATER),
    ("hangzhou-2020-02-17", "HZ-YELLOW-CHECK-IN", "repeat", ANYWAY),
    ("nation-2020", "CN-YELLOW-CHECK-IN", "days = 7", LATER),
    ("nation-2020", "CN-YELLOW-CHECK-IN", "repeat", ANYWAY),
];
const LATER: &str =
    "the run begins on the day after the abnormal check-in, so it is never shorter than the days";
const ANYWAY: &str = "an abnormal check-in starts the run again anyway";

/// A change of a file: what stands there, and what is put in its place.
struct Change {
    at: Range<usize>,
    with: String,
}

/// Every place of a needle, and what follows it up to a character.
fn after<'t>(text: &'t str, needle: &'t str, end: char) -> impl Iterator<Item = Range<usize>> + 't {
    text.match_indices(needle).filter_map(move |(at, _)| {
        let from = at + needle.len();
        Some(from..from + text[from..].find(end)?)
    })
}

/// Numbers, one more and one less.
fn numbers(text: &str, keys: &[&str], changes: &mut Vec<Change>) {
    for key in keys {
        let needle = format!("{key} = ");
        for (at, _) in text.match_indices(&needle) {
            let part_of_a_word = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let from = at + needle.len();
            let digits = text[from..].bytes().take_while(u8::is_ascii_digit).count();
            let Ok(n) = text[from..from + digits].parse::<u32>() else { continue };
            let near = if part_of_a_word { vec![] } else { vec![n + 1, n.saturating_sub(1)] };
            for other in near.into_iter().filter(|n| *n > 0) {
                changes.push(Change { at: from..from + digits, with: other.to_string() });
            }
        }
    }
}

/// Lists with one member less.
fn members(text: &str, needle: &str, changes: &mut Vec<Change>) {
    for list in after(text, needle, ']') {
        let all: Vec<&str> = text[list.clone()].split(',').map(str::trim).collect();
        for i in 0..all.len() {
            let mut fewer = all.clone();
            fewer.remove(i);
            if !fewer.is_empty() {
                changes.push(Change { at: list.clone(), with: fewer.join(", ") });
            }
        }
    }
}

/// What may be said or left out, left out.
fn left_out(text: &str, changes: &mut Vec<Change>) {
    let whole = [
        "\nrepeat = \"restart\"",
        "\nstanding = true",
        ", first_day = \"next\"",
        ", on_sampling = true",
        ", urgent = true",
    ];
    for needle in whole {
        let found = text.match_indices(needle);
        changes.extend(found.map(|(at, _)| Change { at: at..at + needle.len(), with: String::new() }));
    }
    for key in [", days_from = \"", ", test_method = \"", ", confirmed_by = \""] {
        let found = after(text, key, '"').map(|at| at.start - key.len()..at.end + 1);
        // Where days count from and whether that day counts may even each other out.
        let with_first = |at: &Range<usize>| match text[at.end..].strip_prefix(", first_day = \"next\"") {
            Some(rest) if key.contains("days_from") => at.start..text.len() - rest.len(),
            _ => at.clone(),
        };
        changes.extend(found.map(|at| Change { at: with_first(&at), with: String::new() }));
    }
}

/// Conditions: a comparison that takes its border in or leaves it out, and one part less.
fn conditions(text: &str, changes: &mut Vec<Change>) {
    let mut at = 0;
    for part in text.split_inclusive('\'').collect::<Vec<_>>().chunks(2) {
        let [before, inside] = part else { break };
        let from = at + before.len();
        let inside = &inside[..inside.len() - 1];
        for (op, other) in [(">= ", "> "), ("<= ", "< "), ("> ", ">= "), ("< ", "<= ")] {
            for (i, _) in inside.match_indices(op) {
                if inside[i + op.len()..].starts_with(|c: char| c.is_ascii_digit()) {
                    changes.push(Change { at: from + i..from + i + op.len(), with: other.into() });
                }
            }
        }
        for join in [" || ", " && "] {
            for (i, _) in inside.match_indices(join) {
                let rest = &inside[i + join.len()..];
                let end = [" || ", " && "].iter().filter_map(|j| rest.find(j)).min().unwrap_or(rest.len());
                let said = &rest[..end];
                if said.matches('(').count() == said.matches(')').count() {
                    changes.push(Change { at: from + i..from + i + join.len() + end, with: String::new() });
                }
            }
        }
        at = from + inside.len() + 1;
    }
}

/// Days of areas, one later and one earlier; those from before the pack's own first day ask nothing.
fn area_days(text: &str, changes: &mut Vec<Change>) {
    let effective = after(text, "\neffective = \"", 'T').next().map_or("", |at| &text[at]);
    for key in [" from = \"", " until = \""] {
        for day in after(text, key, '"').filter(|day| &text[day.clone()] >= effective) {
            let last = day.end - 2..day.end;
            let Ok(n) = text[last.clone()].parse::<u32>() else { continue };
            for other in [n + 1, n.saturating_sub(1)] {
                changes.push(Change { at: last.clone(), with: format!("{other:02}") });
            }
        }
    }
}

fn changes_of(file: &str, text: &str, counts_check_ins: bool) -> Vec<Change> {
    let mut changes = Vec::new();
    if file == "pack.toml" {
        numbers(text, &["grace"], &mut changes);
        area_days(text, &mut changes);
        if counts_check_ins {
            conditions(text, &mut changes);
        }
        return changes;
    }
    let keys =
        ["days", "check_ins_in_a_row", "negative_tests", "hours_apart", "within_days", "days_max", "hours"];
    numbers(text, &keys, &mut changes);
    ["tests_on = [", "releases = [", " in ["].iter().for_each(|list| members(text, list, &mut changes));
    for (colour, other) in [("red", "yellow"), ("yellow", "red")] {
        let needle = format!("colour = \"{colour}\"");
        let found = text.match_indices(&needle);
        changes.extend(
            found.map(|(at, _)| Change { at: at..at + needle.len(), with: format!("colour = \"{other}\"") }),
        );
    }
    left_out(text, &mut changes);
    conditions(text, &mut changes);
    changes
}

/// The rule in which something stands.
fn rule_at(text: &str, at: usize) -> &str {
    let named = text[..at].match_indices("\nid = \"").chain(text[..at].match_indices("\nrule = \""));
    let last = named.map(|(i, found)| i + found.len()).max();
    last.and_then(|from| text[from..].split('"').next()).unwrap_or("")
}

/// The changes of a pack that no case sees, and how many were tried.
fn unseen(id: &str, files: &PackFiles, library: &Library) -> (Vec<String>, usize) {
    let counts_check_ins = files.0["rules.toml"].contains("check_ins_in_a_row");
    let (mut unseen, mut tried) = (Vec::new(), 0);
    for file in ["rules.toml", "pack.toml"] {
        let text = &files.0[file];
        for change in changes_of(file, text, counts_check_ins) {
            let line = text[..change.at.start].matches('\n').count() + 1;
            let said = text[change.at.clone()].trim();
            let around = &text[text[..change.at.start].rfind(['{', '\n']).unwrap_or(0)..change.at.end];
            let rule = rule_at(text, change.at.start);
            let alike = |a: &&(&str, &str, &str, &str)| a.0 == id && a.1 == rule && around.contains(a.2);
            if ALIKE.iter().any(|a| alike(&a)) {
                continue;
            }
            tried += 1;
            let mut changed = files.clone();
            let mut text = text.clone();
            text.replace_range(change.at.clone(), &change.with);
            changed.0.insert(file.into(), text);
            if Pack::load_with(&changed, library).is_ok_and(|pack| run_cases(&pack, &changed).passed()) {
                unseen.push(format!("{id} {file}:{line} {rule}: {said:?} → {:?}", change.with));
            }
        }
    }
    (unseen, tried)
}

#[test]
fn whatever_is_changed_in_a_pack_a_case_fails() {
    let packs = packs();
    let library = Library::new(packs.clone());
    let (mut all, mut tried) = (Vec::new(), 0);
    for files in &packs {
        let id = Pack::load_with(files, &library).unwrap_or_else(|e| panic!("{e}")).id;
        let (unseen, of) = unseen(&id, files, &library);
        all.extend(unseen);
        tried += of;
    }
    assert!(all.is_empty(), "{} of {tried} changes are seen by no case:\n{}", all.len(), all.join("\n"));
    assert!(tried >= 400, "only {tried} changes");
}

#[test]
fn a_change_that_no_case_sees_is_found() {
    let packs = packs();
    let library = Library::new(packs.clone());
    let mut files = packs.into_iter().find(|p| p.0["pack.toml"].contains("foshan-2022-07")).unwrap();
    // Without this sentence nothing says that four days are not three.
    let cases = files.0["cases/orders.toml"].clone();
    let kept = cases.split("[[case]]").filter(|c| !c.contains("the first and the fourth day are not"));
    files.0.insert("cases/orders.toml".into(), kept.collect::<Vec<_>>().join("[[case]]"));
    let (unseen, _) = unseen("foshan-2022-07", &files, &library);
    assert_eq!(unseen.len(), 1, "{unseen:?}");
    assert!(unseen[0].contains("FS-YELLOW-TWICE: \"3\" → \"4\""), "{unseen:?}");
}
