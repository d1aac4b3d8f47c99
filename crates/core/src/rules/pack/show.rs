//! A pack with all that it inherits, as one text.

use std::cmp::Ordering;
use std::fmt::Write as _;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::inherit::{Merged, Sources};
use super::{PACK, RULES};

/// Members that a reader looks for first, in this order; all others follow by name.
const FIRST: &[&str] = &[
    "id",
    "extends",
    "version",
    "division",
    "zone",
    "effective",
    "sunset",
    "languages",
    "name",
    "rule",
    "field",
    "on",
    "when",
    "review",
    "repeat",
    "stages",
    "title",
    "why",
    "what_to_do",
    "label",
    "help",
];

pub(super) fn show(merged: &Merged<'_>, sources: &Sources<'_>) -> String {
    let mut out = String::new();
    let mut files = vec![(PACK.to_owned(), merged.pack.as_ref()), (RULES.to_owned(), merged.rules.as_ref())];
    let words = merged.words.iter();
    files.extend(words.map(|(lang, tree)| (format!("words/{lang}.toml"), tree.as_ref())));
    files.extend(merged.pages.iter().map(|(lang, tree)| (format!("pages/{lang}.toml"), Some(tree))));
    for (name, tree) in files {
        let Some(tree) = tree else { continue };
        let line = "─".repeat(70_usize.saturating_sub(name.chars().count()));
        let _ = writeln!(out, "{}# ── {name} {line}", if out.is_empty() { "" } else { "\n" });
        table(&mut out, "", tree.get_ref(), sources);
        if name == RULES {
            for off in &merged.off {
                let from = place(off.at, sources);
                let _ = writeln!(out, "\n# {} is switched off: {}  # {from}", off.rule, off.reason);
            }
        }
    }
    out
}

fn place(at: usize, sources: &Sources<'_>) -> String {
    sources.origin(at).map_or_else(String::new, |o| format!("{}/{}:{}", o.pack, o.file, o.line))
}

fn rank(key: &str) -> usize {
    FIRST.iter().position(|k| *k == key).unwrap_or(FIRST.len())
}

fn order(a: &str, b: &str) -> Ordering {
    rank(a).cmp(&rank(b)).then_with(|| a.cmp(b))
}

type Entry<'t> = (&'t str, usize, &'t DeValue<'t>);

/// The members of a table: first those of one line each, then tables under their headings.
fn table(out: &mut String, path: &str, table: &DeTable<'_>, sources: &Sources<'_>) {
    let mut entries: Vec<Entry<'_>> =
        table.iter().map(|(k, v)| (k.get_ref().as_ref(), k.span().start, v.get_ref())).collect();
    entries.sort_by(|a, b| order(a.0, b.0));
    let (blocks, lines): (Vec<Entry<'_>>, Vec<Entry<'_>>) = entries.into_iter().partition(|(key, _, v)| {
        // What a rule or a question holds stays on its line.
        let in_list = path.ends_with(']');
        !in_list && (v.is_table() || (is_tables(v) && ["rule", "fields", "table"].contains(key)))
    });
    let texts: Vec<(String, usize)> =
        lines.into_iter().map(|(key, at, v)| (format!("{} = {}", bare(key), value(v)), at)).collect();
    let width = texts.iter().map(|(t, _)| t.chars().count()).filter(|n| *n <= 60).max().unwrap_or(0);
    for (text, at) in texts {
        let _ = writeln!(out, "{text:width$}  # {}", place(at, sources));
    }
    for (key, at, v) in blocks {
        let path = match path {
            "" => bare(key),
            path => format!("{path}.{}", bare(key)),
        };
        match v {
            DeValue::Table(inner) => {
                // A table that only holds tables needs no heading of its own.
                if inner.values().any(|v| !v.get_ref().is_table()) || inner.is_empty() {
                    let _ = writeln!(
                        out,
                        "\n[{path}]{}",
                        if inner.is_empty() { format!("  # {}", place(at, sources)) } else { String::new() }
                    );
                }
                self::table(out, &path, inner, sources);
            }
            DeValue::Array(items) => {
                for item in items.iter() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        let _ = writeln!(out, "\n[[{path}]]");
                        self::table(out, &format!("{path}[]"), inner, sources);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_tables(v: &DeValue<'_>) -> bool {
    v.as_array().is_some_and(|items| items.iter().all(|i| i.get_ref().is_table()))
}

fn bare(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if is_bare { key.to_owned() } else { text(key) }
}

/// On one line. A condition stands as it was written wherever TOML allows it.
fn text(text: &str) -> String {
    let is_plain = !text.chars().any(|c| c.is_control() || c == '\'');
    if is_plain && text.contains(['"', '\\']) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn value(v: &DeValue<'_>) -> String {
    match v {
        DeValue::String(s) => text(s),
        DeValue::Integer(n) => n.to_string(),
        DeValue::Float(n) => n.to_string(),
        DeValue::Boolean(b) => b.to_string(),
        DeValue::Datetime(d) => d.to_string(),
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|i| value(i.get_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(table) => {
            let mut entries: Vec<(&str, &Spanned<DeValue<'_>>)> =
                table.iter().map(|(k, v)| (k.get_ref().as_ref(), v)).collect();
            entries.sort_by(|a, b| order(a.0, b.0));
            let entries: Vec<String> =
                entries.iter().map(|(k, v)| format!("{} = {}", bare(k), value(v.get_ref()))).collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
    }
}
