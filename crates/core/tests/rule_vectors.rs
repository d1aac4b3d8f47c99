//! The vectors of `spec/vectors/rules/`: what packs mean, for whoever writes another engine.
//! Each file covers one thing; what an expectation leaves out is not looked at.

use std::path::Path;

use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::json;
use kangma_core::time::Instant;
use serde_json::Value as Json;

fn text(lines: &Json) -> String {
    let lines = lines.as_array().expect("a file is a list of lines");
    lines.iter().map(|l| l.as_str().expect("a line")).collect::<Vec<_>>().join("\n")
}

/// Every part of `wanted` is in `found`: members of objects, items of lists one by one.
fn within(wanted: &Json, found: &Json, at: &str, wrong: &mut Vec<String>) {
    match (wanted, found) {
        (Json::Object(wanted), Json::Object(found)) => {
            for (name, wanted) in wanted {
                within(wanted, found.get(name).unwrap_or(&Json::Null), &format!("{at}.{name}"), wrong);
            }
        }
        (Json::Array(wanted), Json::Array(found)) if wanted.len() == found.len() => {
            for (i, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                within(wanted, found, &format!("{at}[{i}]"), wrong);
            }
        }
        // The same instant may be written in several ways.
        (Json::String(a), Json::String(b)) if same_instant(a, b) => {}
        _ if wanted == found => {}
        _ => wrong.push(format!("{at}: expected {wanted}, found {found}")),
    }
}

fn same_instant(a: &str, b: &str) -> bool {
    matches!((Instant::parse(a), Instant::parse(b)), (Ok(a), Ok(b)) if a == b)
}

#[test]
fn every_vector_of_the_rules_is_decided_as_it_says() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/rules");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "json")) {
        let name = file.file_name().unwrap().to_string_lossy();
        let vector: Json = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).expect(&name);
        // Vectors of the language have another shape and a test of their own.
        let Some(pack) = vector.get("pack") else { continue };
        assert!(vector["covers"].as_str().is_some_and(|c| !c.is_empty()), "{name} says what it covers");
        let pack = match crate::common::load(&text(&pack["pack.toml"]), &text(&pack["rules.toml"])) {
            Ok(pack) => pack,
            Err(e) => panic!("{name}: {e}"),
        };
        for case in vector["cases"].as_array().expect(&name) {
            let facts = json::facts_in(&case.to_string(), &pack.zone, &pack.vocabulary)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            for expect in case["expect"].as_array().expect(&name) {
                let at = json::instant(expect["at"].as_str().unwrap(), &pack.zone).unwrap();
                let decision = json::decision(&decide(&pack, &facts, &Context { areas: pack.areas() }, at));
                let mut wanted = expect.clone();
                wanted.as_object_mut().unwrap().remove("at");
                let place = format!("{name}: {} at {}", case["name"], expect["at"]);
                within(&wanted, &decision, &place, &mut wrong);
                count += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 60, "only {count} expectations");
}
