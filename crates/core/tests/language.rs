//! The rule language as its specification has it: the shared cases, names, tables, and what is refused
//! because it makes no sense.

use std::sync::Arc;

use crate::worked::Worked;
use kangma_core::fact::Kind;
use kangma_core::rules::expr::{Areas, Calendar, Conditions, Env, PersonView, Scope, Truth, compile};
use kangma_core::rules::json;
use kangma_core::rules::pack::{Library, Pack, PackErrors, PackFiles, Then};
use kangma_core::time::{Day, Zone};
use serde_json::{Map, Value as Json};

#[test]
fn every_shared_case_comes_to_what_it_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/expressions.json");
    let doc: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let zone = Zone::named(doc["zone"].as_str().unwrap()).unwrap();
    let areas: Areas = serde_json::from_value(doc["areas"].clone()).unwrap();
    let days = |key: &str| -> Vec<Day> { serde_json::from_value(doc["calendar"][key].clone()).unwrap() };
    let calendar = Arc::new(Calendar::new(&days("holidays"), &days("workdays")));
    let cases = doc["cases"].as_array().unwrap();
    assert!(cases.len() > 50);
    for case in cases {
        let kind = Kind::named(case["kind"].as_str().unwrap()).unwrap();
        let mut scope = Scope::of(kind).with_areas(&areas).with_calendar(&calendar);
        if let Some(named) = doc["conditions"][kind.name()].as_object() {
            let sources = named.iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap()));
            let (named, wrong) = Conditions::compile(sources, &scope);
            assert!(wrong.is_empty(), "{wrong:?}");
            scope = scope.with_conditions(&Arc::new(named));
        }
        let source = case["expression"].as_str().unwrap();
        match (compile(source, &scope), &case["error"]) {
            (Ok(expr), Json::Null) => {
                let mut fields: Map<String, Json> = case["fact"].as_object().unwrap().clone();
                fields.insert("kind".into(), kind.name().into());
                fields.insert("at".into(), case["at"].clone());
                let fact = json::fact(0, &fields, &zone).unwrap();
                let (person, day) = (PersonView::default(), zone.day_of(fact.happened));
                let found = expr.eval(&Env { fact: &fact, person: &person, areas: &areas, day });
                let expected = case["expected"].as_bool().map_or(Truth::Unknown, Truth::from);
                assert_eq!(found, expected, "{source}");
            }
            (Err(all), error) => {
                assert!(error.is_object(), "{source}: {all:?}");
                assert_eq!(all[0].code, error["code"], "{source}: {all:?}");
                assert_eq!(source.get(all[0].span.clone()).unwrap(), error["at"], "{source}: {all:?}");
                assert!(all.iter().all(|d| d.help.is_some() || d.code != "rule.unit"), "{source}");
            }
            (Ok(_), _) => panic!("{source} was taken"),
        }
    }
}

fn parent() -> PackFiles {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parent");
    let names = ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"];
    PackFiles(
        names.iter().map(|n| ((*n).to_owned(), std::fs::read_to_string(dir.join(n)).unwrap())).collect(),
    )
}

/// A pack with these rules and no others, whose words are there.
fn with(rules: &str, ids: &[&str]) -> Result<Pack, PackErrors> {
    let mut files = parent();
    files.0.insert("rules.toml".into(), rules.into());
    for lang in ["zh", "en"] {
        let name = format!("words/{lang}.toml");
        let head = files.0[&name].split("[rules.").next().unwrap().to_owned();
        let texts: String = ids
            .iter()
            .map(|id| format!("[rules.{id}]\ntitle = \"t\"\nwhy = \"w\"\nwhat_to_do = \"d\"\n"))
            .collect();
        files.0.insert(name, head + &texts);
    }
    Pack::load_with(&files, &Library::default())
}

const REST: &str = "stages = [{ colour = \"red\", release = { days = 14 } }]\nsource = { title = \"T\", url = \"https://example.org\", grade = \"B\" }";

fn rule(id: &str, when: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\non = \"declaration\"\nwhen = '{when}'\n{REST}\n")
}

fn refused(rules: &str, ids: &[&str], code: &str, says: &str) {
    let errors = with(rules, ids).err().unwrap_or_else(|| panic!("{rules} was taken"));
    let shown = errors.to_string();
    assert!(errors.iter().any(|(_, d)| d.code == code && d.help.is_some()), "{rules}: {shown}");
    assert!(shown.contains(says), "{rules}: {shown}");
}

#[test]
fn a_condition_that_contradicts_itself_is_refused_with_the_parts_that_do() {
    for (when, says) in [
        (
            "fact.contact == \"none\" && fact.in_city && fact.contact == \"confirmed\"",
            "contradict each other",
        ),
        (
            "fact.temperature_c > 38.0 && fact.temperature_c < 37.0",
            "fact.temperature_c > 38.0 and fact.temperature_c < 37.0",
        ),
        ("size(fact.symptoms) < 0", "size(fact.symptoms) < 0 is never true"),
        ("fact.in_city && !fact.in_city", "contradict"),
        ("fact.overseas || (fact.in_city && !has(fact.in_city))", "contradict"),
        ("day - fact.left_on > 14 && day - fact.left_on < 14 && fact.overseas", "contradict"),
        ("area(fact.residence, \"key\") && !area(fact.residence, \"key\")", "contradict"),
        ("false", "never"),
    ] {
        refused(&rule("A", when), &["A"], "rule.never", says);
    }
    for when in [
        "fact.temperature_c > 37.0 && fact.temperature_c < 37.2",
        "fact.contact != \"none\" && fact.contact != \"confirmed\"",
        "area(fact.residence, \"key\") && !area(fact.residence, \"high\")",
        "fact.residence.startsWith(\"33\") && !fact.residence.startsWith(\"3301\")",
        "person.age > 60 || person.age < 3",
        "true",
    ] {
        with(&rule("A", when), &["A"]).unwrap_or_else(|e| panic!("{when}: {e}"));
    }
}

#[test]
fn a_rule_that_another_hides_is_refused_and_one_that_does_something_else_is_not() {
    let wide = rule("A", "fact.contact != \"none\"");
    refused(
        &(wide.clone() + &rule("B", "fact.contact == \"confirmed\"")),
        &["A", "B"],
        "pack.rule_hidden",
        "B is hidden: A matches",
    );
    // The narrow one first says more.
    with(&(rule("B", "fact.contact == \"confirmed\"") + &wide), &["A", "B"])
        .unwrap_or_else(|e| panic!("{e}"));
    let other = rule("B", "fact.contact == \"confirmed\"").replace("days = 14", "days = 21");
    with(&(wide + &other), &["A", "B"]).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn a_condition_has_a_name_and_mistakes_in_it_are_told_where_it_stands() {
    let names = "[conditions.declaration]\nfever = 'fact.temperature_c >= 37.3'\nill = 'fever || size(fact.symptoms) > 0'\n";
    let pack = with(&(names.to_owned() + &rule("A", "ill && fact.in_city")), &["A"])
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(pack.rules[0].when.reads(), ["in_city", "temperature_c", "symptoms"].as_slice());
    let one = |names: &str, code, says| {
        refused(&(format!("[conditions.declaration]\n{names}\n") + &rule("A", "true")), &["A"], code, says);
    };
    one("fever = 'fact.temprature_c >= 37.3'", "rule.unknown_name", "rules.toml:2:15");
    one("a = 'b'\nb = 'a'", "rule.circle", "and in the end itself");
    one("size = 'true'", "rule.name", "has a meaning already");
    one("Fever = 'true'", "rule.name", "a-z");
    one("a = 'true'\nb = 'a'\nc = 'b'\nd = 'c'\ne = 'd'\nf = 'e'", "rule.limit", "one below the other");
    let rules = names.to_owned() + &rule("A", "fevr");
    refused(&rules, &["A"], "rule.unknown_name", "did you mean fever");
    refused(
        &("[conditions.rumour]\na = 'true'\n".to_owned() + &rule("A", "true")),
        &["A"],
        "pack.conditions",
        "rumour",
    );
}

#[test]
fn conditions_that_double_with_each_name_meet_a_limit() {
    let wide = |of: &str| vec![of; 60].join(" && ");
    let names = format!(
        "[conditions.declaration]\na = '{}'\nb = '{}'\nc = '{}'\n",
        wide("fact.in_city"),
        wide("a"),
        wide("b")
    );
    refused(&(names + &rule("A", "c")), &["A"], "rule.limit", "more than 4096 parts");
}

fn table(hit: &str, rows: &[(&str, &str)], more: &str) -> String {
    let rows: String = rows
        .iter()
        .map(|(id, when)| format!("[[table.row]]\nid = \"{id}\"\nwhen = {{ {when} }}\n"))
        .collect();
    format!(
        "[[table]]\nid = \"T\"\non = \"declaration\"\nhit = \"{hit}\"\n{more}\ninputs = {{ contact = \"fact.contact\", hot = \"fact.temperature_c\" }}\n{REST}\n{rows}"
    )
}

#[test]
fn a_table_becomes_rules_and_the_first_row_that_matches_counts() {
    let rows = [
        ("A", "contact = \"confirmed\""),
        ("B", "contact = [\"confirmed\", \"suspected\"], hot = \">= 37.3\""),
    ];
    let pack = with(&table("first", &rows, "otherwise = \"nothing\""), &["A", "B"])
        .unwrap_or_else(|e| panic!("{e}"));
    assert!(pack.rules.iter().all(|r| matches!(r.then, Then::Open { .. })));
    let zone = Zone::named("Asia/Shanghai").unwrap();
    let matching = |contact: &str, hot: f64| {
        let fields = serde_json::json!({ "kind": "declaration", "at": "2020-02-11 10:00", "contact": contact, "temperature_c": hot });
        let fact = json::fact(0, fields.as_object().unwrap(), &zone).unwrap();
        let (person, day) = (PersonView::default(), zone.day_of(fact.happened));
        let env = Env { fact: &fact, person: &person, areas: pack.areas(), day };
        pack.rules
            .iter()
            .filter(|r| r.when.holds(&env))
            .map(|r| r.id.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(matching("confirmed", 38.0), "A");
    assert_eq!(matching("suspected", 38.0), "B");
    assert_eq!(matching("suspected", 36.5), "");
}

#[test]
fn gaps_overlaps_and_slips_of_a_table_are_refused_with_a_fact_that_shows_them() {
    let two = [("A", "contact = \"confirmed\""), ("B", "contact = \"suspected\"")];
    refused(
        &table("unique", &two, ""),
        &["A", "B"],
        "pack.table_gap",
        "no row of T matches, such as { contact = ",
    );
    with(&table("unique", &two, "otherwise = \"nothing\""), &["A", "B"]).unwrap_or_else(|e| panic!("{e}"));
    let rest = [("A", "contact = \"none\""), ("B", "contact = \"!= 'none'\"")];
    with(&table("unique", &rest.map(|(i, w)| (i, w)), ""), &["A", "B"]).unwrap_or_else(|e| panic!("{e}"));
    let over = [("A", "contact = \"confirmed\""), ("B", "hot = \">= 38.0\"")];
    refused(
        &table("unique", &over, "otherwise = \"nothing\""),
        &["A", "B"],
        "pack.table_overlap",
        "A and B both match, such as { temperature_c = 38.1, contact = \"confirmed\" }",
    );
    let never = [("A", "contact = \"confirmed\""), ("B", "contact = \"confirmed\", hot = \">= 38.0\"")];
    refused(
        &table("first", &never, "otherwise = \"nothing\""),
        &["A", "B"],
        "rule.never",
        "the rows of T above it",
    );
    let unknown = [("A", "contcat = \"confirmed\"")];
    refused(
        &table("first", &unknown, "otherwise = \"nothing\""),
        &["A"],
        "pack.table",
        "did you mean \"contact\"",
    );
    refused(&table("best", &two, ""), &["A", "B"], "pack.table", "which row counts");
    let wrong = [("A", "contact = \"confirmd\"")];
    refused(&table("first", &wrong, "otherwise = \"nothing\""), &["A"], "rule.choice", "did you mean");
}

#[test]
fn a_condition_made_to_be_searched_for_ever_is_given_up_on_in_time() {
    // Each part is true of most facts, and all together of none that the search finds early.
    let names = [
        "fact.in_city",
        "fact.overseas",
        "has(fact.contact)",
        "has(fact.left_on)",
        "size(fact.symptoms) > 1",
    ];
    let mut parts = Vec::new();
    for i in 0..60 {
        let (a, b) = (names[i % 5], names[(i * 7 + 3) % 5]);
        parts.push(format!("({a} != (size(fact.visited) > {i}) || {b} == (day - fact.left_on > {i}))"));
    }
    let text = parts.join(" && ");
    let began = Worked::begin();
    let _ = with(&rule("A", text[..text.len().min(4000)].rsplit_once(" && ").unwrap().0), &["A"]);
    assert!(began.time().as_secs() < 10, "{:?}", began.time());
}
