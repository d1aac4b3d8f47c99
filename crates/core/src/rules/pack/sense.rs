//! Whether the rules of a pack make sense together: none that can never match, none that another hides,
//! and tables without gaps and overlaps.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::inherit::Tree;
use super::table::Table;
use super::{Checker, RULES, Rule, Then};
use crate::rules::expr::{Diagnostic, STEPS_MAX, Search, search};

/// Parts that all searches of a pack look at together; what there is no time for is not said.
const STEPS_OF_PACK: usize = 10 * STEPS_MAX;

/// Where a rule stands, and its condition.
pub(super) struct Place {
    id: Range<usize>,
    when: Range<usize>,
    text: String,
}

/// Of every rule of a tree.
pub(super) fn places(rules: &Tree<'_>) -> BTreeMap<String, Place> {
    let all = rules.get_ref().get("rule").and_then(|r| r.get_ref().as_array());
    let all = all.into_iter().flat_map(|all| all.iter()).filter_map(|rule| {
        let table = rule.get_ref().as_table()?;
        let (id, when) = (table.get("id")?, table.get("when")?);
        let place = Place { id: id.span(), when: when.span(), text: when.get_ref().as_str()?.to_owned() };
        Some((id.get_ref().as_str()?.to_owned(), place))
    });
    all.collect()
}

pub(super) fn check(c: &mut Checker<'_>, rules: &[Rule], places: &BTreeMap<String, Place>, tables: &[Table]) {
    let mut steps = STEPS_OF_PACK;
    let mut dead = Vec::new();
    for rule in rules {
        let Some(place) = places.get(&*rule.id) else { continue };
        let Some(parts) = rule.when.contradiction(&place.text, &mut steps) else { continue };
        dead.push(rule.id.clone());
        let in_table = tables.iter().find(|t| !t.unique && t.rows.iter().any(|r| **r == *rule.id));
        let d = match in_table {
            Some(table) => Diagnostic::new(
                "rule.never",
                place.when.clone(),
                format!(
                    "{} can never match: the rows of {} above it take all that it asks for",
                    rule.id, table.id
                ),
            )
            .help("put it higher, or leave it out"),
            None => never(c, rule, place, &parts),
        };
        c.wrong(RULES, d);
    }
    hidden(c, rules, places, &dead, &mut steps);
    for table in tables {
        whole(c, table, rules, places, &mut steps);
    }
}

fn never(c: &Checker<'_>, rule: &Rule, place: &Place, parts: &[Range<usize>]) -> Diagnostic {
    let raw = c.sources.slice(&place.when);
    let span = match (raw.find(place.text.as_str()), parts.first(), parts.last()) {
        (Some(at), Some(first), Some(last)) => {
            place.when.start + at + first.start..place.when.start + at + last.end
        }
        _ => place.when.clone(),
    };
    let said: Vec<&str> = parts.iter().filter_map(|p| place.text.get(p.clone())).collect();
    let d = |text| Diagnostic::new("rule.never", span.clone(), text);
    if said.len() > 1 {
        d(format!("{} can never match: {} contradict each other", rule.id, said.join(" and ")))
            .help("one of them should be joined with ||, or is not meant")
    } else {
        d(format!("{} can never match: {} is never true", rule.id, said.first().unwrap_or(&"it")))
            .help("leave it out, or ask something else")
    }
}

/// Whether a rule does all that another does: the same stages in the same colours or worse.
fn does_as_much(rule: &Rule, other: &Rule) -> bool {
    if rule.lapse.is_some() || other.lapse.is_some() || rule.order.is_some() || other.order.is_some() {
        return false;
    }
    match (&rule.then, &other.then) {
        (Then::Review, Then::Review) => true,
        (Then::Open { stages: a, repeat: ra }, Then::Open { stages: b, repeat: rb }) => {
            ra == rb && a == b && rule.standing == other.standing
        }
        _ => false,
    }
}

fn hidden(
    c: &mut Checker<'_>,
    rules: &[Rule],
    places: &BTreeMap<String, Place>,
    dead: &[Box<str>],
    steps: &mut usize,
) {
    for (i, rule) in rules.iter().enumerate().filter(|(_, r)| !dead.contains(&r.id)) {
        let above = rules[..i].iter().find(|above| {
            above.on == rule.on && does_as_much(above, rule) && rule.when.implies(&above.when, steps)
        });
        let (Some(above), Some(place)) = (above, places.get(&*rule.id)) else { continue };
        let text = format!(
            "{} is hidden: {} matches wherever it does, stands before it and does the same",
            rule.id, above.id
        );
        let d = Diagnostic::new("pack.rule_hidden", place.id.clone(), text);
        c.wrong(RULES, d.help(format!("leave it out, or narrow {}", above.id)));
    }
}

fn whole(
    c: &mut Checker<'_>,
    table: &Table,
    rules: &[Rule],
    places: &BTreeMap<String, Place>,
    steps: &mut usize,
) {
    let rows: Vec<&Rule> = table.rows.iter().filter_map(|id| rules.iter().find(|r| *r.id == **id)).collect();
    if table.unique {
        for (i, row) in rows.iter().enumerate() {
            for other in &rows[..i] {
                let both = [(&row.when, true), (&other.when, true)];
                if let Search::Found(example) = search(&both, false, steps)
                    && let Some(place) = places.get(&*row.id)
                {
                    let text = format!("{} and {} both match{}", other.id, row.id, such_as(&example));
                    let d = Diagnostic::new("pack.table_overlap", place.when.clone(), text);
                    c.wrong(RULES, d.help("narrow one of them, or say hit = \"first\""));
                }
            }
        }
    }
    // A child took a row away, and knows why.
    if table.gaps || rows.len() != table.rows.len() {
        return;
    }
    let none: Vec<_> = rows.iter().map(|r| (&r.when, false)).collect();
    if let Search::Found(example) = search(&none, true, steps) {
        let text = format!("no row of {} matches{}", table.id, such_as(&example));
        let d = Diagnostic::new("pack.table_gap", table.span.clone(), text);
        c.wrong(RULES, d.help("add a row, or say otherwise = \"nothing\""));
    }
}

fn such_as(example: &[(&'static str, String)]) -> String {
    if example.is_empty() {
        return String::new();
    }
    let fields: Vec<String> = example.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!(", such as {{ {} }}", fields.join(", "))
}

/// Names of conditions and where they stand.
pub(super) type Texts = BTreeMap<String, BTreeMap<String, Spanned<String>>>;
