//! Where each rule of a pack's own `rules.toml` stands, and each value in it: what an editor shows
//! beside the text, and where it writes. Nothing is checked here; what cannot be read is left out, so
//! that there is an outline also while somebody types.

use std::ops::Range;

use serde::Serialize;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::pack::{RULES, RULES_MAX};

/// The file that is outlined.
pub const FILE: &str = RULES;
/// How deep values are looked for: a release's condition on a later fact is the deepest.
const DEPTH_MAX: usize = 6;
/// Most values of a rule.
const VALUES_MAX: usize = 256;

/// A rule as it is written.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// Its id; of a change, that of the rule that it changes.
    pub id: String,
    /// What it is written as.
    pub how: How,
    /// First byte, and the one after the last.
    pub span: Range<usize>,
    /// Its values in the order of their places.
    pub values: Vec<Place>,
}

/// What a rule is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// `[[rule]]`.
    Rule,
    /// `[[table.row]]`.
    Row,
    /// `[[replace]]`.
    Replace,
    /// `[[off]]`.
    Off,
}

/// A value: a text, a number, true or false, or a list of them.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// The way to it, such as `stages.0.release.days`.
    pub path: String,
    /// What it is.
    pub value: Json,
    /// First byte of its text, quotes included.
    pub from: usize,
    /// The byte after the last.
    pub to: usize,
}

/// The rules of a text in the order of their places.
#[must_use]
pub fn outline(text: &str) -> Vec<Written> {
    let (root, _) = DeTable::parse_recoverable(text);
    let root = root.get_ref();
    let mut all = Vec::new();
    for (key, how, id) in
        [("rule", How::Rule, "id"), ("replace", How::Replace, "rule"), ("off", How::Off, "rule")]
    {
        all.extend(items(root, key).filter_map(|(span, item)| written(span, item, None, how, id)));
    }
    for (_, table) in items(root, "table") {
        let rows = items(table, "row");
        all.extend(rows.filter_map(|(span, row)| written(span, row, Some(table), How::Row, "id")));
    }
    all.sort_by_key(|w| w.span.start);
    all.truncate(RULES_MAX);
    all
}

fn items<'t, 'i>(
    table: &'t DeTable<'i>,
    key: &str,
) -> impl Iterator<Item = (Range<usize>, &'t DeTable<'i>)> + use<'t, 'i> {
    let list = table.get(key).and_then(|v| v.get_ref().as_array());
    list.into_iter()
        .flat_map(|items| items.iter())
        .filter_map(|item| Some((item.span(), item.get_ref().as_table()?)))
}

/// A row says what its table does not say for it.
fn written(
    span: Range<usize>,
    own: &DeTable<'_>,
    table: Option<&DeTable<'_>>,
    how: How,
    id: &str,
) -> Option<Written> {
    let id = own.get(id)?.get_ref().as_str()?.to_owned();
    let mut values = Vec::new();
    walk(own, "", DEPTH_MAX, &mut values);
    // An inline table ends after its last value, a list of tables under headers at its last value.
    let ends = own.values().map(|v| v.span().end).chain(values.iter().map(|v: &Place| v.to));
    let span = span.start..ends.max().unwrap_or(span.end).max(span.end);
    for (key, value) in table.into_iter().flat_map(|t| t.iter()) {
        let key = key.get_ref().as_ref();
        if !["id", "hit", "inputs", "otherwise", "row"].contains(&key) && !own.contains_key(key) {
            leaf(key.to_owned(), value, DEPTH_MAX, &mut values);
        }
    }
    values.sort_by_key(|v| v.from);
    Some(Written { id, how, span, values })
}

fn walk(table: &DeTable<'_>, above: &str, depth: usize, out: &mut Vec<Place>) {
    for (key, value) in table {
        leaf(joined(above, key.get_ref()), value, depth, out);
    }
}

fn joined(above: &str, key: &str) -> String {
    if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") }
}

fn leaf(path: String, value: &Spanned<DeValue<'_>>, depth: usize, out: &mut Vec<Place>) {
    if depth == 0 || out.len() >= VALUES_MAX {
        return;
    }
    let json = match value.get_ref() {
        DeValue::Table(table) => return walk(table, &path, depth - 1, out),
        DeValue::Array(items) if items.iter().any(|i| i.get_ref().is_table()) => {
            for (i, item) in items.iter().enumerate() {
                leaf(joined(&path, &i.to_string()), item, depth - 1, out);
            }
            return;
        }
        DeValue::Array(items) => list(items),
        other => scalar(other),
    };
    let span = value.span();
    out.extend(json.map(|value| Place { path, value, from: span.start, to: span.end }));
}

fn list(items: &DeArray<'_>) -> Option<Json> {
    items.iter().map(|i| scalar(i.get_ref())).collect::<Option<Vec<Json>>>().map(Json::Array)
}

fn scalar(value: &DeValue<'_>) -> Option<Json> {
    match value {
        DeValue::String(text) => Some(Json::String(text.to_string())),
        DeValue::Integer(n) => {
            i64::from_str_radix(&n.as_str().replace('_', ""), n.radix()).ok().map(Json::from)
        }
        DeValue::Float(n) => n.as_str().replace('_', "").parse::<f64>().ok().map(Json::from),
        DeValue::Boolean(b) => Some(Json::Bool(*b)),
        DeValue::Datetime(at) => Some(Json::String(at.to_string())),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# 规则
[[rule]]
id = "A"
on = "declaration"
when = 'fact.contact == "confirmed"'
stages = [
    { colour = "red", release = { check_ins_in_a_row = 14, days = 14 } },
    { colour = "yellow", release = { tests_on = [1, 4] } },
]
source = { title = "甲 \"乙\"", url = "https://example.org/", grade = "B" }

# Between.
[[replace]]
rule = "B"

[replace.source]
title = "x"

[[table]]
id = "T"
on = "listed"
[[table.row]]
id = "T-1"
when = { list = "confirmed" }
"#;

    fn at<'w>(all: &'w [Written], id: &str, path: &str) -> &'w Place {
        let rule = all.iter().find(|w| w.id == id).unwrap();
        rule.values.iter().find(|v| v.path == path).unwrap()
    }

    #[test]
    fn each_value_of_each_rule_is_found_at_its_bytes() {
        let all = outline(TEXT);
        let ids: Vec<(&str, How)> = all.iter().map(|w| (w.id.as_str(), w.how)).collect();
        assert_eq!(ids, [("A", How::Rule), ("B", How::Replace), ("T-1", How::Row)]);
        for (id, path, text) in [
            ("A", "stages.0.release.days", "14"),
            ("A", "stages.1.colour", "\"yellow\""),
            ("A", "stages.1.release.tests_on", "[1, 4]"),
            ("A", "source.title", "\"甲 \\\"乙\\\"\""),
            ("A", "when", "'fact.contact == \"confirmed\"'"),
            ("B", "source.title", "\"x\""),
            ("T-1", "when.list", "\"confirmed\""),
            ("T-1", "on", "\"listed\""),
        ] {
            let place = at(&all, id, path);
            assert_eq!(&TEXT[place.from..place.to], text, "{id} {path}");
        }
        assert_eq!(at(&all, "A", "source.title").value, "甲 \"乙\"");
        assert_eq!(at(&all, "A", "stages.0.release.days").value, 14);
    }

    #[test]
    fn a_rule_reaches_from_its_head_to_its_last_value() {
        let all = outline(TEXT);
        let text = &TEXT[all[0].span.clone()];
        assert!(text.starts_with("[[rule]]\nid = \"A\"") && text.ends_with("grade = \"B\" }"), "{text}");
        assert!(TEXT[all[1].span.clone()].ends_with("title = \"x\""));
    }

    #[test]
    fn what_is_only_half_written_leaves_the_rest_where_it_is() {
        let broken = format!("{TEXT}\n[[rule]]\nid = \"C\"\nstages = [{{ colour = \n");
        let all = outline(&broken);
        assert_eq!(at(&all, "A", "stages.0.release.days").value, 14);
        for text in ["", "[[rule", "rule = 7", "[[rule]]\nid = 7", "[rule]\nid = \"A\"", "rule = [1]"] {
            assert!(outline(text).is_empty(), "{text}");
        }
        let deep = format!("[[rule]]\nid = \"A\"\nx = {}1{}", "{ a = ".repeat(60), " }".repeat(60));
        assert_eq!(outline(&deep)[0].values.len(), 1);
    }
}
