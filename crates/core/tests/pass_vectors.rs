//! The shared vectors: what `web/shared/test/pass.test.ts` reads too.

use std::collections::BTreeSet;

use kangma_core::pass::{KeySet, SPECIMENS, Verdict, verify};
use kangma_core::time::Instant;
use serde_json::Value;

fn file() -> Value {
    serde_json::from_str(include_str!("../../../spec/vectors/pass.json")).unwrap()
}

fn list<'a>(file: &'a Value, name: &str) -> &'a [Value] {
    file[name].as_array().unwrap()
}

#[test]
fn every_vector_gets_its_verdict_its_code_and_its_claims() {
    let file = file();
    for v in list(&file, "vectors") {
        let keys = KeySet::from_jwks(&file["key_sets"][v["keys"].as_str().unwrap()].to_string()).unwrap();
        let now = Instant::parse(v["now"].as_str().unwrap()).unwrap();
        let checked = verify(v["pass"].as_str().unwrap(), &keys, now);
        let name = &v["name"];
        assert_eq!(
            (checked.verdict.name(), checked.code),
            (v["verdict"].as_str().unwrap(), v["code"].as_str().unwrap()),
            "{name}"
        );
        let claims = serde_json::to_value(checked.claims).unwrap();
        assert_eq!(claims, *v.get("claims").unwrap_or(&Value::Null), "{name}");
    }
}

#[test]
fn every_key_set_is_taken_or_refused_with_its_code() {
    for v in list(&file(), "key_set_vectors") {
        let code = KeySet::from_jwks(v["jwks"].as_str().unwrap()).err().map(|e| e.code());
        assert_eq!(code, v["code"].as_str(), "{}", v["name"]);
    }
}

#[test]
fn the_error_of_a_key_set_begins_with_its_code() {
    for v in list(&file(), "key_set_vectors") {
        if let Err(e) = KeySet::from_jwks(v["jwks"].as_str().unwrap()) {
            assert!(e.to_string().starts_with(&format!("{}: ", e.code())), "{e}");
        }
    }
}

#[test]
fn the_vectors_are_many_mostly_bad_and_reach_every_code_of_a_verifier_by_itself() {
    let file = file();
    let vectors = list(&file, "vectors");
    let bad = vectors.iter().filter(|v| v["verdict"] != "good").count();
    assert!(vectors.len() >= 75 && bad * 3 >= vectors.len() * 2);
    let names: BTreeSet<&str> = vectors.iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), vectors.len(), "each name once");
    let codes: BTreeSet<&str> = vectors.iter().map(|v| v["code"].as_str().unwrap()).collect();
    let wanted = [
        "pass.length",
        "pass.prefix",
        "pass.base45",
        "pass.cbor",
        "pass.header",
        "pass.critical",
        "pass.key",
        "pass.signature",
        "pass.claims",
        "pass.not_yet_valid",
        "pass.expired",
        "pass.stale",
        "pass.specimen",
        "pass.good",
    ];
    assert_eq!(codes, wanted.into_iter().collect());
}

#[test]
fn the_specimens_scan_as_specimens_at_any_time() {
    let keys = KeySet::from_jwks(r#"{"keys":[]}"#).unwrap();
    for now in ["1970-01-01T00:00:00Z", "2020-02-11T06:24:00Z", "9999-01-01T00:00:00Z"] {
        let now = Instant::parse(now).unwrap();
        let colours: Vec<_> = SPECIMENS
            .iter()
            .map(|s| {
                let checked = verify(s.pass, &keys, now);
                assert_eq!((checked.verdict, checked.code), (Verdict::Specimen, "pass.specimen"));
                checked.claims.unwrap().colour.name()
            })
            .collect();
        assert_eq!(colours, ["green", "yellow", "red"]);
    }
}
