//! Style that matters, as a test: the order of duties, where SQL and drivers may stand, and what
//! no file of the project may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each duty, and the duties that it may use. Acyclic by construction: a duty uses only what stands
/// above it. A new duty is one folder and one line here.
const DUTIES: &[(&str, &[&str])] = &[
    ("division", &[]),
    ("identity", &[]),
    ("tally", &[]),
    ("log", &[]),
    ("person", &["log", "tally"]),
    ("account", &["identity", "person"]),
    ("queue", &["person"]),
    ("decide", &["person", "queue", "tally"]),
    ("evidence", &[]),
    ("appeal", &["account", "decide", "evidence", "log", "person", "queue", "staff"]),
    ("login", &["account"]),
    ("declare", &["account", "decide", "identity", "login", "person", "queue"]),
    ("pass", &["account", "decide", "identity", "log", "person"]),
    ("scan", &["decide"]),
    ("check_in", &["account", "decide", "person"]),
    ("staff", &["log"]),
    ("rights", &["log", "staff"]),
    ("alarm", &["staff"]),
    ("look", &["account", "alarm", "decide", "log", "person", "staff"]),
    ("simulate", &["person"]),
    ("publication", &["alarm", "log", "simulate", "staff"]),
    ("order", &["account", "alarm", "decide", "declare", "log", "login", "look", "person", "queue", "staff"]),
    (
        "review",
        &[
            "account", "alarm", "appeal", "decide", "declare", "evidence", "identity", "look", "order",
            "person", "queue", "staff",
        ],
    ),
    ("import", &["alarm", "decide", "log", "person", "queue", "staff"]),
    ("collect", &["account", "decide", "declare", "look", "person", "queue", "staff"]),
    ("retention", &["account", "collect", "decide", "person", "queue"]),
    ("demo", &["account", "check_in", "decide", "declare", "person", "staff"]),
    ("dashboard", &["queue", "staff", "tally"]),
    ("area", &["alarm", "decide", "import", "log", "publication", "simulate", "staff"]),
    (
        "jobs",
        &[
            "appeal",
            "area",
            "collect",
            "dashboard",
            "decide",
            "import",
            "log",
            "login",
            "order",
            "person",
            "publication",
            "retention",
            "review",
            "staff",
            "tally",
        ],
    ),
    ("service", &["alarm", "demo", "jobs", "log", "queue", "retention", "staff"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(dir: &Path, endings: &[&str], out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "node_modules", "dist", ".git", "data"].contains(&name.as_str()) {
                files(&path, endings, out);
            }
        } else if endings.iter().any(|e| name.ends_with(e)) {
            out.push(path);
        }
    }
}

fn sources(dir: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    files(&root().join(dir), endings, &mut out);
    assert!(!out.is_empty(), "{dir} has files");
    out.into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.strip_prefix(root()).unwrap().to_string_lossy().into_owned(), text)
        })
        .collect()
}

#[test]
fn a_duty_uses_only_the_duties_that_it_names() {
    let allowed: BTreeMap<&str, &[&str]> = DUTIES.iter().copied().collect();
    let folders: BTreeSet<String> = std::fs::read_dir(root().join("crates/server/src"))
        .unwrap()
        .flatten()
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|name| !["cli", "db"].contains(&name.as_str()))
        .collect();
    assert_eq!(folders, allowed.keys().map(ToString::to_string).collect(), "every duty has its line");
    for (path, text) in sources("crates/server/src", &[".rs"]) {
        let duty = path.split('/').nth(3).unwrap();
        let Some(allowed) = allowed.get(duty) else { continue };
        for (line, used) in text
            .lines()
            .enumerate()
            .filter(|(_, l)| !l.trim_start().starts_with("//"))
            .flat_map(|(i, l)| l.match_indices("crate::").map(move |m| (i, &l[m.0 + 7..])))
        {
            let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let fine = used == duty || !folders.contains(&used) || allowed.contains(&used.as_str());
            assert!(fine, "{path}:{}: {duty} may not use {used}", line + 1);
        }
    }
}

#[test]
fn duties_form_no_circle() {
    let mut left: BTreeMap<&str, BTreeSet<&str>> =
        DUTIES.iter().map(|(duty, uses)| (*duty, uses.iter().copied().collect())).collect();
    while !left.is_empty() {
        let free: Vec<&str> = left.iter().filter(|(_, uses)| uses.is_empty()).map(|(d, _)| *d).collect();
        assert!(!free.is_empty(), "a circle among {:?}", left.keys());
        for duty in free {
            left.remove(duty);
            left.values_mut().for_each(|uses| {
                uses.remove(duty);
            });
        }
    }
}

#[test]
fn sql_stands_in_stores_and_drivers_in_db() {
    for (path, text) in sources("crates/server/src", &[".rs"]) {
        let store = path.ends_with("store.rs") || path.ends_with("seal.rs") || path.contains("/db/");
        if !store {
            for word in ["SELECT ", "INSERT INTO", "DELETE FROM", "UPDATE "] {
                assert!(!text.contains(word), "{path}: SQL belongs into store.rs");
            }
        }
        if !path.contains("/db/") {
            assert!(!text.contains("rusqlite"), "{path}: a driver is named outside db/");
        }
        for word in ["SELECT *", "json_extract", "datetime(", "strftime"] {
            assert!(path.contains("/db/mod.rs") || !text.contains(word), "{path}: {word} is not portable");
        }
    }
}

#[test]
fn statements_are_named_after_their_duty_and_only_once() {
    let mut names = BTreeSet::new();
    for (path, text) in sources("crates/server/src", &["store.rs", "seal.rs"]) {
        let duty = path.split('/').nth(3).unwrap().trim_end_matches(".rs").to_owned();
        for part in text.split("name: \"").skip(1) {
            let name = part.split('"').next().unwrap().to_owned();
            assert!(name.starts_with(&format!("{duty}.")), "{path}: {name} is not {duty}.verb");
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
    }
    assert!(names.len() > 30);
}

#[test]
fn core_knows_no_io() {
    for (path, text) in sources("crates/core/src", &[".rs"]) {
        for word in
            ["std::fs", "std::net", "std::env", "tokio", "async fn", "SystemTime::now", "Timestamp::now"]
        {
            assert!(!text.contains(word), "{path}: {word} in core");
        }
    }
}

#[test]
fn nothing_is_left_half_done() {
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["todo", "!("].concat(),
        ["unimplemented", "!("].concat(),
        ["dbg", "!("].concat(),
        ["#[ig", "nore"].concat(),
    ];
    for dir in ["crates", "web", "spec", "packs", "docs", "tools"] {
        for (path, text) in sources(dir, &[".rs", ".ts", ".vue", ".md", ".toml", ".sh", ".mjs", ".sql"]) {
            for mark in &marks {
                assert!(!text.contains(mark.as_str()), "{path} holds {mark}");
            }
        }
    }
}

#[test]
fn each_row_of_the_security_page_names_tests_that_exist() {
    let page = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let table = page.split("## Who tries what").nth(1).expect("the table").split("\n## ").next().unwrap();
    let code: String = sources("crates", &[".rs"]).into_iter().map(|(_, text)| text).collect();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 10);
    for row in rows {
        let tests = row.rsplit('|').nth(1).unwrap();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(code.contains(&format!("fn {name}(")), "SECURITY.md names {name}, which is not there");
        }
    }
}

#[test]
fn documents_lead_to_files_that_exist() {
    let mut docs = Vec::new();
    files(&root(), &[".md"], &mut docs);
    assert!(docs.len() >= 10);
    for doc in docs {
        let text = std::fs::read_to_string(&doc).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") || file.starts_with('<') {
                continue;
            }
            assert!(doc.parent().unwrap().join(file).exists(), "{} leads to {file}", doc.display());
        }
    }
}

#[test]
fn every_metric_is_explained_and_every_explained_metric_is_there() {
    let names = |text: &str, mark: &str| -> BTreeSet<String> {
        let end =
            |rest: &str| rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(rest.len());
        text.split(mark).skip(1).map(|rest| format!("kangma_{}", &rest[..end(rest)])).collect()
    };
    let mut counted = BTreeSet::new();
    for (path, text) in sources("crates/server/src", &[".rs"]) {
        if text.contains("metrics::") || path.ends_with("watch.rs") {
            for made in ["counter!(", "gauge!(", "histogram!("] {
                for rest in text.split(made).skip(1) {
                    counted.extend(names(rest.trim_start().split(')').next().unwrap_or(""), "\"kangma_"));
                }
            }
        }
    }
    assert!(counted.len() > 10, "{counted:?}");
    let manual = std::fs::read_to_string(root().join("docs/operate/README.md")).unwrap();
    assert_eq!(counted, names(&manual, "| `kangma_"), "docs/operate/README.md, Watching it");
}

#[test]
fn each_alert_has_its_page_and_asks_for_a_metric_that_exists() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let (alerts, dashboard) = (read("deploy/prometheus/alerts.yml"), read("deploy/grafana/dashboard.json"));
    let after = |line: &str, mark: &str| line.split_once(mark).map(|(_, rest)| rest.trim().to_owned());
    let named: BTreeSet<String> = alerts.lines().filter_map(|l| after(l, "- alert: ")).collect();
    let pages: BTreeSet<String> = std::fs::read_dir(root().join("docs/operate/alerts"))
        .unwrap()
        .flatten()
        .map(|e| e.file_name().to_string_lossy().trim_end_matches(".md").to_owned())
        .collect();
    assert_eq!(named, pages);
    for page in &pages {
        assert!(alerts.contains(&format!("runbook: docs/operate/alerts/{page}.md")), "{page}");
    }
    let manual = read("docs/operate/README.md");
    let asked = format!("{alerts}{dashboard}");
    let mut metrics = BTreeSet::new();
    for (at, _) in asked.match_indices("kangma_") {
        let name: String =
            asked[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        metrics.insert(name.trim_end_matches("_bucket").to_owned());
    }
    assert!(metrics.len() > 10, "{metrics:?}");
    for name in metrics {
        assert!(manual.contains(&format!("`{name}`")), "{name} is asked for and counted nowhere");
    }
}

#[test]
fn migrations_are_numbered_without_a_gap() {
    for dir in ["sqlite", "sqlite/keys", "postgres", "postgres/keys"]
        .map(|d| format!("crates/server/migrations/{d}"))
    {
        let mut names: Vec<String> = std::fs::read_dir(root().join(&dir))
            .unwrap()
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .filter(|n| n.ends_with(".sql"))
            .collect();
        names.sort();
        for (i, name) in (1..).zip(&names) {
            assert!(name.starts_with(&format!("{i:04}_")), "{dir}/{name}");
        }
    }
}

/// The tests of a crate are one binary, and what its root does not name is never run.
#[test]
fn every_file_of_tests_is_run() {
    for dir in ["crates/core/tests", "crates/server/tests"] {
        let named = std::fs::read_to_string(root().join(dir).join("all.rs")).unwrap();
        for entry in std::fs::read_dir(root().join(dir)).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "all") else { continue };
            assert!(named.contains(&format!("\nmod {module};\n")), "{dir}/all.rs does not name {module}");
        }
    }
}
