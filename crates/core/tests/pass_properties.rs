//! Passes of any claims, and texts of any kind.

use std::sync::LazyLock;

use kangma_core::decision::Colour;
use kangma_core::pass::{
    AGE_S_MAX, COSE_BYTES_MAX, Claims, DIVISION_MAX, FRESH_S_MAX, ISSUER_BYTES_MAX, KeySet, LIFETIME_S_MAX,
    NAME_BYTES_MAX, PassError, SoftSigner, TEXT_CHARS_MAX, VERSION_BYTES_MAX, Verdict, issue, verify,
};
use kangma_core::time::Instant;
use proptest::prelude::*;
use serde_json::json;

struct Issuer {
    signer: SoftSigner,
    keys: KeySet,
}

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    let signer = SoftSigner::from_pkcs8(&SoftSigner::generate_pkcs8().unwrap()).unwrap();
    let keys = KeySet::from_jwks(&json!({ "keys": [signer.public_jwk()] }).to_string()).unwrap();
    Issuer { signer, keys }
});

/// A text of 1 to `most` bytes, letters of one to four bytes.
fn text(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "*", "9", ".", "é", "张", "·", "𠮷"]), 1..=most)
        .prop_map(move |letters| {
            let mut text = String::new();
            for letter in letters {
                if text.len() + letter.len() <= most {
                    text.push_str(letter);
                }
            }
            if text.is_empty() { "*".into() } else { text }
        })
}

prop_compose! {
    fn claims()(
        issuer in text(ISSUER_BYTES_MAX),
        issued in prop_oneof![0..=0xffff_ffff_i64 - LIFETIME_S_MAX, 1_500_000_000..1_900_000_000_i64],
        lifetime in 1..=LIFETIME_S_MAX,
        age in prop_oneof![Just(0), 0..=AGE_S_MAX],
        fresh_s in 0..=FRESH_S_MAX,
        colour in prop::sample::select(vec![Colour::Green, Colour::Yellow, Colour::Red]),
        division in 0..=DIVISION_MAX,
        pack_version in text(VERSION_BYTES_MAX),
        name_masked in text(NAME_BYTES_MAX),
        handle in any::<[u8; 24]>(),
    ) -> Claims {
        let issued = Instant(issued);
        Claims {
            issuer, issued, expires: issued.plus_s(lifetime), state_at: issued.plus_s(-age), fresh_s, colour,
            division, pack_version, name_masked, handle,
        }
    }
}

fn a_pass() -> (String, Claims) {
    let claims = Claims {
        issuer: "330100".into(),
        issued: Instant(1_581_402_180),
        expires: Instant(1_581_405_780),
        state_at: Instant(1_581_402_180),
        fresh_s: 600,
        colour: Colour::Green,
        division: 330_106,
        pack_version: "1.0.0".into(),
        name_masked: "张*".into(),
        handle: [0xa5; 24],
    };
    (issue(&claims, &ISSUER.signer).unwrap(), claims)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_was_issued_is_read_again_and_fits_the_code(claims in claims()) {
        let pass = issue(&claims, &ISSUER.signer).unwrap();
        prop_assert!(pass.len() <= TEXT_CHARS_MAX);
        let checked = verify(&pass, &ISSUER.keys, claims.issued);
        let stale = claims.issued >= claims.state_at.plus_s(claims.fresh_s.into());
        prop_assert_eq!(checked.verdict, if stale { Verdict::AsOf } else { Verdict::Good });
        prop_assert_eq!(checked.claims.as_ref(), Some(&claims));
    }

    #[test]
    fn in_time_it_goes_from_early_to_good_to_stale_to_expired_and_never_back(claims in claims(), from in -200..=0_i64) {
        let pass = issue(&claims, &ISSUER.signer).unwrap();
        let order = [Verdict::NotYetValid, Verdict::Good, Verdict::AsOf, Verdict::Expired];
        let mut last = 0;
        for i in 0..40 {
            let at = claims.issued.plus_s(from + i * (LIFETIME_S_MAX + 400) / 39);
            let verdict = verify(&pass, &ISSUER.keys, at).verdict;
            let place = order.iter().position(|v| *v == verdict).unwrap();
            prop_assert!(place >= last, "{verdict:?} after {:?}", order[last]);
            last = place;
        }
        prop_assert_eq!(last, 3);
    }

    #[test]
    fn any_text_gets_an_answer_and_none_is_good(text in prop_oneof![
        ".*",
        "KM1:[0-9A-Z $%*+./:-]{0,280}",
        "[ \t\r\n]{0,3}KM1:.{0,40}",
    ]) {
        let checked = verify(&text, &ISSUER.keys, Instant(1_581_402_240));
        prop_assert_eq!(checked.claims, None);
        prop_assert!(matches!(checked.verdict, Verdict::NotAPass | Verdict::UnknownKey | Verdict::Forged));
    }

    #[test]
    fn any_bytes_get_an_answer_and_none_is_good(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = format!("KM1:{}", base45::encode(&bytes));
        let checked = verify(&text, &ISSUER.keys, Instant(1_581_402_240));
        prop_assert_eq!(checked.claims, None);
        prop_assert!(checked.verdict == Verdict::NotAPass);
    }

    #[test]
    fn a_pass_with_bytes_changed_put_in_or_taken_out_is_never_good(
        changes in prop::collection::vec((0..3_u8, any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (pass, claims) = a_pass();
        let right = base45::decode(&pass[4..]).unwrap();
        let mut bytes = right.clone();
        for (how, at, byte) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let checked = verify(&format!("KM1:{}", base45::encode(&bytes)), &ISSUER.keys, claims.issued);
        if bytes == right {
            prop_assert_eq!(checked.verdict, Verdict::Good);
        } else {
            prop_assert_eq!(checked.claims, None);
            prop_assert!(matches!(checked.verdict, Verdict::NotAPass | Verdict::UnknownKey | Verdict::Forged));
        }
    }

    #[test]
    fn any_key_set_text_is_taken_or_refused(text in r#"[\[\]{}",:a-z0-9]{0,60}"#) {
        if let Err(e) = KeySet::from_jwks(&text) {
            prop_assert!(e.to_string().starts_with("keys."));
        }
    }
}

#[test]
fn what_a_verifier_would_refuse_is_not_issued_and_the_claim_is_named() {
    type Spoil = fn(&mut Claims);
    let spoilt: [(&str, Spoil); 13] = [
        ("issuer", |c| c.issuer.clear()),
        ("issuer", |c| c.issuer = "3301000".into()),
        ("issued", |c| (c.issued, c.state_at) = (Instant(-1), Instant(-1))),
        ("expires", |c| c.expires = Instant(0x1_0000_0000)),
        ("expires", |c| c.expires = c.issued),
        ("expires", |c| c.expires = c.issued.plus_s(LIFETIME_S_MAX + 1)),
        ("state_at", |c| c.state_at = c.issued.plus_s(1)),
        ("state_at", |c| c.state_at = c.issued.plus_s(-AGE_S_MAX - 1)),
        ("fresh_s", |c| c.fresh_s = FRESH_S_MAX + 1),
        ("division", |c| c.division = DIVISION_MAX + 1),
        ("pack_version", |c| c.pack_version = "1.10.0".into()),
        ("name_masked", |c| c.name_masked = "欧阳欧阳欧阳欧阳*".into()),
        ("name_masked", |c| c.name_masked.clear()),
    ];
    for (name, spoil) in spoilt {
        let mut claims = a_pass().1;
        spoil(&mut claims);
        assert_eq!(issue(&claims, &ISSUER.signer), Err(PassError::Claims(name)));
    }
    let mut extreme = a_pass().1;
    (extreme.expires, extreme.state_at) = (Instant(i64::MAX), Instant(i64::MIN));
    assert!(issue(&extreme, &ISSUER.signer).is_err(), "no arithmetic overflows");
}

#[test]
fn the_verifier_survives_the_ends_of_time() {
    let (pass, _) = a_pass();
    assert_eq!(verify(&pass, &ISSUER.keys, Instant(i64::MAX)).verdict, Verdict::Expired);
    assert_eq!(verify(&pass, &ISSUER.keys, Instant(i64::MIN)).verdict, Verdict::NotYetValid);
}

#[test]
fn nothing_of_the_person_stands_in_debug_output() {
    let (pass, claims) = a_pass();
    let said = format!(
        "{claims:?} {:?} {:?} {:?}",
        verify(&pass, &ISSUER.keys, claims.issued),
        ISSUER.keys,
        ISSUER.signer
    );
    for secret in ["张", "330106", "a5", "165"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

#[test]
fn a_pass_of_the_largest_size_has_the_largest_size() {
    let mut claims = a_pass().1;
    claims.expires = claims.issued.plus_s(LIFETIME_S_MAX);
    claims.state_at = claims.issued.plus_s(-AGE_S_MAX);
    (claims.fresh_s, claims.division) = (FRESH_S_MAX, DIVISION_MAX);
    claims.name_masked = "*".repeat(NAME_BYTES_MAX);
    let pass = issue(&claims, &ISSUER.signer).unwrap();
    assert_eq!(base45::decode(&pass[4..]).unwrap().len(), COSE_BYTES_MAX);
    assert_eq!(pass.len(), TEXT_CHARS_MAX);
}
