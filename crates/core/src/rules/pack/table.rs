//! Decision tables: another way of writing rules. A row is a rule whose condition is written in cells;
//! it becomes one before anything else is done, so a child replaces a row as it replaces a rule.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::RULES;
use super::inherit::{Sources, Tree, Wrong, named, tables, text_of};
use crate::rules::expr::Diagnostic;

/// Most rows of a table.
pub(super) const ROWS_MAX: usize = 64;

/// A table, for what is checked of it as a whole.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub id: String,
    pub span: Range<usize>,
    /// No two rows may match; otherwise the first that does.
    pub unique: bool,
    /// Facts that no row matches are meant.
    pub gaps: bool,
    /// Ids of its rows.
    pub rows: Vec<String>,
}

fn slip(span: Range<usize>, text: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    Diagnostic::new("pack.table", span, text).help(help)
}

/// Takes the tables out of a file of rules and puts their rows among the rules.
pub(super) fn expand(tree: &mut Tree<'_>, sources: &Sources<'_>, wrong: Wrong<'_>) -> Vec<Table> {
    let mut done = Vec::new();
    let mut rules: Vec<Spanned<DeValue<'_>>> = Vec::new();
    for (place, table) in tables(tree, "table") {
        let mut say = |d| wrong(sources, RULES, d);
        if let Some(table) = one(place.span(), table, &mut rules, &mut say) {
            done.push(table);
        }
    }
    if rules.is_empty() {
        return done;
    }
    let place = rules[0].span();
    let mut all = DeArray::new();
    match tree.get_mut().remove("rule") {
        Some(old) if old.get_ref().is_array() => {
            if let DeValue::Array(items) = old.into_inner() {
                items.into_iter().for_each(|item| all.push(item));
            }
        }
        Some(other) => drop(tree.get_mut().insert(Spanned::new(other.span(), "rule".into()), other)),
        None => {}
    }
    rules.into_iter().for_each(|rule| all.push(rule));
    tree.get_mut()
        .insert(Spanned::new(place.clone(), "rule".into()), Spanned::new(place, DeValue::Array(all)));
    done
}

fn one<'a>(
    place: Range<usize>,
    mut table: DeTable<'a>,
    rules: &mut Vec<Spanned<DeValue<'a>>>,
    say: &mut dyn FnMut(Diagnostic),
) -> Option<Table> {
    let whole = DeValue::Table(table.clone());
    let Some((id, _)) = text_of(&whole, "id") else {
        say(slip(place, "a table has no id", "id = \"HZ-AREAS\""));
        return None;
    };
    let unique = match text_of(&whole, "hit").as_ref().map(|(text, _)| text.as_str()) {
        Some("unique") => true,
        Some("first") => false,
        _ => {
            say(slip(
                place,
                format!("{id} does not say which row counts"),
                "hit = \"first\" or hit = \"unique\"",
            ));
            return None;
        }
    };
    let gaps = match text_of(&whole, "otherwise") {
        None => false,
        Some((text, _)) if text == "nothing" => true,
        Some((_, span)) => {
            say(slip(
                span,
                "otherwise is \"nothing\", or left out",
                "to do something, add a row without a when",
            ));
            return None;
        }
    };
    let inputs: Vec<(String, String)> = match table.remove("inputs").map(|v| (v.span(), v.into_inner())) {
        Some((_, DeValue::Table(inputs))) if inputs.values().all(|v| v.get_ref().is_str()) => inputs
            .iter()
            .map(|(k, v)| (k.get_ref().to_string(), v.get_ref().as_str().unwrap_or("").to_owned()))
            .collect(),
        at => {
            let span = at.map_or(place, |(span, _)| span);
            say(slip(span, format!("{id} has no inputs"), "inputs = { contact = \"fact.contact\" }"));
            return None;
        }
    };
    for key in ["id", "hit", "otherwise"] {
        table.remove(key);
    }
    let rows = match table.remove("row").map(|v| (v.span(), v.into_inner())) {
        Some((_, DeValue::Array(rows)))
            if (1..=ROWS_MAX).contains(&rows.len()) && rows.iter().all(|r| r.get_ref().is_table()) =>
        {
            rows
        }
        at => {
            let span = at.map_or(place, |(span, _)| span);
            say(slip(span, format!("{id} has 1 to {ROWS_MAX} rows"), "add [[table.row]]"));
            return None;
        }
    };
    let mut before: Vec<String> = Vec::new();
    let mut names = Vec::new();
    for row in rows {
        let span = row.span();
        let DeValue::Table(mut row) = row.into_inner() else { continue };
        let cells = row.remove("when");
        let at = cells.as_ref().map_or(span.clone(), Spanned::span);
        let mut parts = Vec::new();
        match cells.map(Spanned::into_inner) {
            None => {}
            Some(DeValue::Table(cells)) => {
                for (key, cell) in cells {
                    let name = key.get_ref().as_ref();
                    let Some((_, input)) = inputs.iter().find(|(known, _)| known == name) else {
                        let d =
                            Diagnostic::new("pack.table", key.span(), format!("{id} has no input {name}"));
                        say(named(d, name, inputs.iter().map(|(k, _)| k.as_str())));
                        continue;
                    };
                    match condition(input, cell.get_ref()) {
                        Ok(part) => parts.extend(part),
                        Err(text) => say(slip(
                            cell.span(),
                            text,
                            "such as \"confirmed\", [\"a\", \"b\"], true or \">= 37.3\"",
                        )),
                    }
                }
            }
            Some(_) => {
                say(slip(at.clone(), "the when of a row has cells", "when = { contact = \"confirmed\" }"))
            }
        }
        let own = if parts.is_empty() { "true".to_owned() } else { parts.join(" && ") };
        let text = if unique || before.is_empty() {
            own.clone()
        } else {
            let not: Vec<String> = before.iter().map(|b| format!("!({b})")).collect();
            if own == "true" { not.join(" && ") } else { format!("{own} && {}", not.join(" && ")) }
        };
        before.push(own);
        for (key, value) in &table {
            if !row.contains_key(key.get_ref().as_ref()) {
                row.insert(key.clone(), value.clone());
            }
        }
        row.insert(Spanned::new(at.clone(), "when".into()), Spanned::new(at, DeValue::String(text.into())));
        let rule = DeValue::Table(row);
        names.extend(text_of(&rule, "id").map(|(id, _)| id));
        rules.push(Spanned::new(span, rule));
    }
    Some(Table { id, span: place, unique, gaps, rows: names })
}

/// What a cell asks of an input; nothing where it is `"-"`.
fn condition(input: &str, cell: &DeValue<'_>) -> Result<Option<String>, String> {
    Ok(Some(match cell {
        DeValue::String(text) => {
            let text = text.trim();
            if text == "-" {
                return Ok(None);
            }
            let asks = ["<=", ">=", "==", "!=", "<", ">"].iter().any(|op| text.starts_with(op));
            if asks || text.starts_with("in ") {
                format!("({input}) {text}")
            } else {
                format!("({input}) == {}", literal(cell)?)
            }
        }
        DeValue::Boolean(true) => format!("({input})"),
        DeValue::Boolean(false) => format!("!({input})"),
        DeValue::Array(items) => {
            let items: Result<Vec<String>, String> = items.iter().map(|i| literal(i.get_ref())).collect();
            format!("({input}) in [{}]", items?.join(", "))
        }
        other => format!("({input}) == {}", literal(other)?),
    }))
}

fn literal(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => {
            Ok(format!("\"{}\"", text.trim().replace('\\', "\\\\").replace('"', "\\\"")))
        }
        DeValue::Integer(n) if n.radix() == 10 => Ok(n.to_string()),
        DeValue::Float(n) => Ok(n.to_string()),
        DeValue::Boolean(b) => Ok(b.to_string()),
        _ => Err("a cell is a word, a number, true or false, or a list of them".to_owned()),
    }
}
