//! CertLogic: conformance vectors of our own, and whatever a hostile rule or certificate can try.

use std::collections::BTreeMap;

use kangma_core::rules::certlogic::{Data, Logic, Open, Outcome, Rule, Rulebook};
use serde::Deserialize;
use serde_json::{Value as Json, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[serde(rename = "about")]
    _about: String,
    evaluate: Vec<Case>,
    refuse: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    covers: String,
    logic: Json,
    #[serde(default)]
    data: Json,
    /// A value, or `{"open": true}`: it comes to nothing.
    #[serde(default)]
    is: Json,
    #[serde(default)]
    open: bool,
    /// How the peer differs, where the specification leaves it open.
    #[serde(default, rename = "peer")]
    _peer: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    covers: String,
    logic: Json,
    at: String,
}

fn vectors() -> Vectors {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/vectors/certlogic.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_vector_comes_to_what_it_says() {
    let vectors = vectors();
    assert!(vectors.evaluate.len() >= 80);
    let mut covered = std::collections::BTreeSet::new();
    for case in &vectors.evaluate {
        assert!(covered.insert(case.covers.clone()), "{}: covered twice", case.covers);
        let logic = Logic::compile(&case.logic, "Logic").unwrap_or_else(|e| panic!("{}: {e}", case.covers));
        let is = logic.evaluate(Data::Whole(&case.data));
        if case.open {
            assert!(is.is_err(), "{}: {is:?}", case.covers);
        } else {
            assert_eq!(is.as_ref(), Ok(&case.is), "{}", case.covers);
        }
    }
}

#[test]
fn every_refused_expression_is_refused_at_its_place() {
    for case in vectors().refuse {
        let e = Logic::compile(&case.logic, "Logic").expect_err(&case.covers);
        assert_eq!(e.path, case.at, "{}: {e}", case.covers);
    }
}

#[test]
fn a_rule_that_never_ends_or_grows_without_bound_meets_its_limit() {
    let many = json!((0..60).collect::<Vec<_>>());
    let turns = |each: Json| json!({ "reduce": [many, each, 0] });
    let data = json!({ "a": (0..300).collect::<Vec<_>>() });
    for (what, logic) in [
        ("60 × 60 × 60 turns", turns(turns(turns(json!(1))))),
        (
            "a value twice as large each turn",
            json!({ "reduce": [{ "var": "a" }, [{ "var": "accumulator" }, { "var": "accumulator" }], 0] }),
        ),
        (
            "60,000 comparisons",
            json!({ "and": (0..200).map(|_| json!({ "!": [{ "in": [-1, { "var": "a" }] }] })).collect::<Vec<_>>() }),
        ),
    ] {
        let logic = Logic::compile(&logic, "Logic").unwrap();
        assert_eq!(logic.evaluate(Data::Whole(&data)), Err(Open::Limit), "{what}");
        assert_eq!(logic.outcome(Data::Whole(&data)), Outcome::Open(Open::Limit), "{what}");
    }
    let deep = (0..65).fold(json!(true), |inner, _| json!({ "!": [inner] }));
    assert!(Logic::compile(&deep, "Logic").unwrap_err().to_string().contains("64 deep"));
    let wide = json!((0..5_000).collect::<Vec<_>>());
    assert!(Logic::compile(&wide, "Logic").unwrap_err().to_string().contains("4096 parts"));
}

fn rule(id: &str, version: &str, with: Json) -> Json {
    let mut rule = json!({
        "Identifier": id, "Type": "Acceptance", "Country": "XB", "Version": version, "SchemaVersion": "1.0.0",
        "Engine": "CERTLOGIC", "EngineVersion": "1.3.0", "CertificateType": "Vaccination",
        "Description": [{ "lang": "en", "desc": "made up" }], "ValidFrom": "2022-01-01T00:00:00Z",
        "ValidTo": "2023-01-01T00:00:00Z", "AffectedFields": ["v.0.dn"], "Logic": true,
    });
    with.as_object().unwrap().iter().for_each(|(k, v)| rule[k] = v.clone());
    rule
}

#[test]
fn a_rule_that_cannot_be_meant_here_is_refused_with_its_member() {
    Rule::read(&rule("VR-XB-0001", "1.0.0", json!({}))).unwrap();
    for (with, member) in [
        (json!({ "Identifier": "vr 1" }), "Identifier"),
        (json!({ "Country": "xb" }), "Country"),
        (json!({ "Region": "North" }), "Region"),
        (json!({ "Version": "1" }), "Version"),
        (json!({ "Engine": "JSONLOGIC" }), "Engine"),
        (json!({ "EngineVersion": "2.0.0" }), "EngineVersion"),
        (json!({ "EngineVersion": "0.7.4" }), "EngineVersion"),
        (json!({ "ValidFrom": "soon" }), "ValidFrom"),
        (json!({ "ValidTo": "2021-01-01T00:00:00Z" }), "ValidTo"),
        (json!({ "Logic": { "==": [1, 1] } }), "Logic.=="),
        (json!({ "Logic": { "var": "hcert.v.0" } }), "Logic"),
        (json!({ "Type": "Suggestion" }), "rule"),
        (json!({ "Extra": 1 }), "rule"),
    ] {
        assert_eq!(
            Rule::read(&rule("VR-XB-0001", "1.0.0", with.clone())).unwrap_err().path,
            member,
            "{with}"
        );
    }
}

#[test]
fn a_book_says_what_is_wrong_with_which_file() {
    let files: BTreeMap<String, String> = [
        ("certlogic/a.json", rule("VR-XB-0001", "1.0.0", json!({})).to_string()),
        ("certlogic/b.json", rule("VR-XB-0001", "1.0.0", json!({})).to_string()),
        (
            "certlogic/c.json",
            rule(
                "VR-XB-0002",
                "1.0.0",
                json!({ "Logic": { "in": ["a", { "var": "external.valueSets.none" }] } }),
            )
            .to_string(),
        ),
        ("certlogic/d.json", "{".into()),
        ("certlogic/value-sets/e.json", "[1]".into()),
        ("rules.toml", "not looked at".into()),
    ]
    .map(|(file, text)| (file.to_owned(), text))
    .into();
    let mut wrong = Vec::new();
    Rulebook::read(&files, |file, code, _| wrong.push((file.to_owned(), code)));
    wrong.sort();
    let expected = [
        ("certlogic/b.json", "certlogic.twice"),
        ("certlogic/c.json", "certlogic.value_set"),
        ("certlogic/d.json", "certlogic.format"),
        ("certlogic/value-sets/e.json", "certlogic.value_set"),
    ];
    assert_eq!(wrong, expected.map(|(file, code)| (file.to_owned(), code)));
}

/// The public test suite of the specification lies outside this project; where its folder is given it
/// is run as a whole.
#[test]
fn the_test_suite_of_the_specification_passes_where_it_is_at_hand() {
    let Ok(dir) = std::env::var("CERTLOGIC_TEST_SUITE") else { return };
    let skip = |json: &Json| json.get("directive").is_some_and(|d| d == "skip");
    let (mut passed, mut skipped, mut failed) = (0, 0, Vec::new());
    for entry in std::fs::read_dir(dir).unwrap() {
        let suite: Json =
            serde_json::from_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        for case in suite["cases"].as_array().unwrap() {
            for assertion in case["assertions"].as_array().unwrap() {
                if skip(&suite) || skip(case) || skip(assertion) {
                    skipped += 1;
                    continue;
                }
                let logic = assertion.get("certLogicExpression").unwrap_or(&case["certLogicExpression"]);
                let is = Logic::compile(logic, "Logic").map(|l| l.evaluate(Data::Whole(&assertion["data"])));
                match is {
                    Ok(Ok(is)) if is == assertion["expected"] => passed += 1,
                    other => failed.push(format!("{logic} {assertion}: {other:?}")),
                }
            }
        }
    }
    println!("{passed} passed, {skipped} skipped by the suite itself, {} failed", failed.len());
    assert!(failed.is_empty() && passed > 0, "{failed:#?}");
}
