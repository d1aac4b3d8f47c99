//! Certificates of other countries: the genuine ones are read, and every step refuses what it should.

use crate::issuer::{Issuer, Made, pack, text, vaccination};
use kangma_core::fact::{Fact, Kind, Source, Value, Values};
use kangma_core::hcert::{self, BadCertificate, TrustList};
use kangma_core::id::FactId;
use kangma_core::rules::certlogic::{Outcome, Rulebook};
use kangma_core::rules::expr::Truth;
use kangma_core::table::{Cell, Column, ListKind, Mapping, Reader};
use kangma_core::time::{Instant, Zone};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const SHOWN: &str = "2022-03-01T10:00:00Z";

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn trust(keys: &[Json]) -> TrustList {
    TrustList::read(&json!({ "keys": keys }).to_string()).unwrap()
}

fn fact(of: &hcert::Verified) -> Fact {
    let happened = at(SHOWN);
    let mut fact = Fact {
        id: FactId([7; 16]),
        kind: Kind::Certificate,
        happened,
        recorded: happened,
        source: Source::List,
        values: Values::default(),
    };
    of.fill(&mut fact);
    fact
}

#[test]
fn a_genuine_certificate_is_read_without_its_holders_name() {
    let payload = vaccination(2, 2, "1980-01-01");
    for issuer in [Issuer::es256(1), Issuer::ps256(2)] {
        for (packed, tagged) in [(true, true), (false, false)] {
            let text = issuer.make(&Made { packed, tagged, ..Made::of(&payload) });
            let found = hcert::read(&text, &trust(&[issuer.key()]), at(SHOWN)).unwrap();
            let fact = fact(&found);
            assert_eq!(fact.text("type"), Some("vaccination"));
            assert_eq!((fact.text("country"), fact.text("disease")), (Some("XB"), Some("840539006")));
            assert_eq!(fact.get("issued_at"), &Value::Instant(at("2022-01-01T00:00:00Z")));
            let kept = fact.text("payload").unwrap();
            assert!(kept.contains("1528") && !kept.contains("MUSTER") && !kept.contains("nam"), "{kept}");
            assert!(!format!("{found:?} {fact:?}").contains("1980"), "what is personal does not print");
        }
    }
}

#[test]
fn every_step_refuses_what_it_should() {
    use BadCertificate as Bad;
    let issuer = Issuer::es256(1);
    let payload = vaccination(2, 2, "1980-01-01");
    let good = trust(&[issuer.key()]);
    let made = || Made::of(&payload);
    let with = |change: Json| {
        let mut key = issuer.key();
        change.as_object().unwrap().iter().for_each(|(k, v)| key[k] = v.clone());
        trust(&[key])
    };
    let make = |made: Made<'_>| issuer.make(&made);
    let genuine = issuer.issue(&payload);
    let other = Issuer::es256(1);
    let bomb = text(&pack(&vec![0; 40 * 1024 * 1024]));
    assert!(bomb.len() > hcert::TEXT_BYTES_MAX, "a large bomb does not fit, so a small one is tried");
    let bomb = text(&pack(&vec![0; 1024 * 1024]));
    let two = json!({ "dob": "1980", "v": payload["v"], "t": payload["v"] });
    let deep = (0..12).fold(json!(1), |inner, _| json!([inner]));
    let cases = [
        (genuine.replacen("HC1:", "HC2:", 1), &good, Bad::Prefix),
        ("A".repeat(5_000), &good, Bad::Prefix),
        ("HC1:abc".into(), &good, Bad::Base45),
        (text(&[0x78, 0x9c, 1, 2, 3]), &good, Bad::Zlib),
        (bomb, &good, Bad::Zlib),
        (text(b"\x84\x40\xa0\x40\x40"), &good, Bad::Cose),
        (make(Made { alg: Some(-35), ..made() }), &good, Bad::Cose),
        (make(Made { meddle: |b| b.push(0), ..made() }), &good, Bad::Cose),
        (genuine.clone(), &trust(&[]), Bad::Key),
        (genuine.clone(), &trust(&[other.key()]), Bad::Signature),
        (make(Made { meddle: |b| *b.last_mut().unwrap() ^= 1, ..made() }), &good, Bad::Signature),
        (make(Made { alg: Some(-37), ..made() }), &good, Bad::Signature),
        (make(Made { iss: "XC", ..made() }), &good, Bad::Use),
        (genuine.clone(), &with(json!({ "use": ["test"] })), Bad::Use),
        (genuine.clone(), &with(json!({ "until": "2022-02-01T00:00:00Z" })), Bad::Key),
        (make(Made { exp: at(SHOWN).0, ..made() }), &good, Bad::Expired),
        (make(Made { iat: at(SHOWN).0 + 3_600, ..made() }), &good, Bad::NotYetValid),
        (issuer.issue(&json!({ "dob": "1980" })), &good, Bad::Payload),
        (issuer.issue(&two), &good, Bad::Payload),
        (issuer.issue(&json!({ "v": [{ "dn": deep }] })), &good, Bad::Payload),
        (issuer.issue(&json!({ "v": [{ "is": "x".repeat(4_000) }] })), &good, Bad::Payload),
    ];
    for (i, (text, trust, expected)) in cases.iter().enumerate() {
        let e = hcert::read(text, trust, at(SHOWN)).map(drop);
        assert_eq!(e, Err(*expected), "case {i}");
    }
    assert_eq!(hcert::read(&genuine, &trust(&[other.key(), issuer.key()]), at(SHOWN)).map(drop), Ok(()));
}

#[test]
fn a_trust_list_with_a_key_that_cannot_be_used_is_refused_whole() {
    let key = Issuer::es256(1).key();
    for (change, told) in [
        (json!({ "kid": "AAAA" }), "key 1: kid"),
        (json!({ "country": "Xb" }), "key 1: country"),
        (json!({ "use": ["all"] }), "key 1: use"),
        (json!({ "key": "AAAA" }), "key 1: key"),
        (json!({ "private": "x" }), "trust.format"),
    ] {
        let mut bad = key.clone();
        change.as_object().unwrap().iter().for_each(|(k, v)| bad[k] = v.clone());
        let e = TrustList::read(&json!({ "keys": [key, bad] }).to_string()).unwrap_err().to_string();
        assert!(e.contains(told), "{e}");
    }
}

proptest! {
    #[test]
    fn whatever_stands_behind_the_prefix_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), packed: bool) {
        let bytes = if packed { pack(&bytes) } else { bytes };
        let refused = hcert::read(&text(&bytes), &TrustList::default(), at(SHOWN)).is_err();
        prop_assert!(refused);
    }
}

fn book(rules: &[Json]) -> Rulebook {
    let files =
        rules.iter().enumerate().map(|(i, r)| (format!("certlogic/{i:02}.json"), r.to_string())).collect();
    Rulebook::read(&files, |file, code, text| panic!("{file}: {code}: {text}"))
}

fn rule(id: &str, with: Json) -> Json {
    let mut rule = json!({
        "Identifier": id, "Type": "Acceptance", "Country": "XA", "Version": "1.0.0", "SchemaVersion": "1.0.0",
        "Engine": "CERTLOGIC", "EngineVersion": "1.3.0", "CertificateType": "Vaccination", "Description": [],
        "ValidFrom": "2022-01-01T00:00:00Z", "ValidTo": "2023-01-01T00:00:00Z", "AffectedFields": [],
        "Logic": { ">=": [{ "var": "payload.v.0.dn" }, { "var": "payload.v.0.sd" }] },
    });
    with.as_object().unwrap().iter().for_each(|(k, v)| rule[k] = v.clone());
    rule
}

/// What a book's rules of XA make of a vaccination that XB issued, shown at an instant.
fn judged(rules: &[Json], payload: Json, shown: &str) -> Truth {
    let zone = Zone::named("UTC").unwrap();
    let map = json!({ "kind": "certificate", "at": shown, "payload": payload });
    let fact = kangma_core::rules::json::fact(0, map.as_object().unwrap(), &zone).unwrap();
    book(rules).accepts("XA", &fact)
}

#[test]
fn a_certificate_is_accepted_where_every_rule_in_force_passes() {
    use Truth::{False, True, Unknown};
    let (whole, half) = (vaccination(2, 2, "1980"), vaccination(1, 2, "1980"));
    let mut bare = whole.clone();
    bare["v"][0].as_object_mut().unwrap().remove("sd");
    let doses = rule("VR-XA-0001", json!({}));
    let never = |with: Json| {
        let mut rule = rule("GR-XA-0002", json!({ "CertificateType": "General", "Logic": false }));
        with.as_object().unwrap().iter().for_each(|(k, v)| rule[k] = v.clone());
        rule
    };
    let issuer_says = |country: &str| {
        never(json!({ "Type": "Invalidation", "Identifier": "IR-XB-0001", "Country": country }))
    };
    let window = rule(
        "VR-XA-0003",
        json!({ "Logic": { "not-after": [{ "plusTime": [{ "var": "external.validationClock" }, 0, "day"] },
            { "plusTime": [{ "var": "payload.v.0.dt" }, 270, "day"] }] } }),
    );
    let newer = rule(
        "VR-XA-0001",
        json!({ "Version": "1.2.0", "ValidFrom": "2022-06-01T00:00:00Z", "Logic": false }),
    );
    for (what, rules, payload, shown, expected) in [
        ("the rule passes", vec![doses.clone()], &whole, SHOWN, True),
        ("the rule fails", vec![doses.clone()], &half, SHOWN, False),
        ("the payload lacks what the rule compares", vec![doses.clone()], &bare, SHOWN, Unknown),
        (
            "one that fails outweighs one that is open",
            vec![doses.clone(), never(json!({}))],
            &bare,
            SHOWN,
            False,
        ),
        (
            "a rule for tests is not asked",
            vec![doses.clone(), never(json!({ "CertificateType": "Test" }))],
            &whole,
            SHOWN,
            True,
        ),
        ("no rule is in force", vec![doses.clone()], &whole, "2021-12-31T23:59:59Z", Unknown),
        ("the last second", vec![doses.clone()], &whole, "2022-12-31T23:59:59Z", True),
        ("its end is not in it", vec![doses.clone()], &whole, "2023-01-01T00:00:00Z", Unknown),
        ("the issuer took its own back", vec![doses.clone(), issuer_says("XB")], &whole, SHOWN, False),
        ("another country took its own back", vec![doses.clone(), issuer_says("XC")], &whole, SHOWN, True),
        ("a newer version is not in force yet", vec![doses.clone(), newer.clone()], &whole, SHOWN, True),
        (
            "the newest version in force is asked alone",
            vec![doses.clone(), newer],
            &whole,
            "2022-06-01T00:00:00Z",
            False,
        ),
        ("the clock is when it was shown", vec![window.clone()], &whole, "2022-08-28T00:00:00Z", True),
        ("and a second later it is too late", vec![window], &whole, "2022-08-28T00:00:01Z", False),
        (
            "a rule that comes to a text is open",
            vec![rule("VR-XA-0001", json!({ "Logic": { "var": "payload.v.0.mp" } }))],
            &whole,
            SHOWN,
            Unknown,
        ),
    ] {
        assert_eq!(judged(&rules, payload.clone(), shown), expected, "{what}");
    }
}

#[test]
fn value_sets_are_read_in_both_forms_and_a_verdict_names_each_rule() {
    let listed = rule(
        "VR-XA-0004",
        json!({ "Logic": { "in": [{ "var": "payload.v.0.mp" }, { "var": "external.valueSets.names" }] } }),
    );
    for (set, outcome) in [
        (json!(["EU/1/20/1528"]), Outcome::Passed),
        (json!({ "valueSetValues": { "Other": {} } }), Outcome::Failed),
    ] {
        let files = [
            ("certlogic/a.json".to_owned(), listed.to_string()),
            ("certlogic/value-sets/names.json".to_owned(), set.to_string()),
        ]
        .into();
        let book = Rulebook::read(&files, |file, code, text| panic!("{file}: {code}: {text}"));
        let issuer = Issuer::es256(1);
        let found =
            hcert::read(&issuer.issue(&vaccination(2, 2, "1980")), &trust(&[issuer.key()]), at(SHOWN))
                .unwrap();
        let certificate = kangma_core::rules::certlogic::Certificate::of(&fact(&found)).unwrap();
        let verdict = book.judge("XA", &certificate);
        assert_eq!(
            verdict.rules.iter().map(|j| (&*j.rule.id, j.outcome)).collect::<Vec<_>>(),
            [("VR-XA-0004", outcome)]
        );
    }
}

#[test]
fn a_line_with_a_certificate_of_somebody_else_is_refused() {
    let issuer = Issuer::es256(1);
    let trust = trust(&[issuer.key()]);
    let zone = Zone::named("Asia/Shanghai").unwrap();
    let mapping: Mapping = [Column::DocumentNumber, Column::Certificate, Column::ShownAt]
        .into_iter()
        .zip((0..).map(Cell::At))
        .collect();
    let reader =
        Reader::new(ListKind::Certificate, &mapping, &zone, at("2022-03-02T00:00:00Z")).trusting(&trust);
    // Born on 1 January 1980.
    let number = "330106198001010013";
    let line = |dob: &str, shown: &str| reader.read(&[number, &issuer.issue(&vaccination(2, 2, dob)), shown]);
    for dob in ["1980-01-01", "1980-01", "1980", ""] {
        let line = line(dob, "2022-03-01 10:00").unwrap_or_else(|e| panic!("{dob}: {e}"));
        assert_eq!((line.fact.kind, line.fact.happened), (Kind::Certificate, at("2022-03-01T02:00:00Z")));
        assert!(!line.weighs());
    }
    for dob in ["1980-01-02", "1981"] {
        assert_eq!(line(dob, "").unwrap_err().code, "line.certificate_holder", "{dob}");
    }
    assert_eq!(line("1980", "2022-03-05").unwrap_err().code, "line.date_range");
    let untrusting = Reader::new(ListKind::Certificate, &mapping, &zone, at("2022-03-02T00:00:00Z"));
    let text = issuer.issue(&vaccination(2, 2, "1980"));
    assert_eq!(untrusting.read(&[number, &text, ""]).unwrap_err().code, "certificate.key");
}
