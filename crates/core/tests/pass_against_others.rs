//! Our passes before other people's programs: a COSE library, a QR encoder and a QR reader.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use coset::cwt::{ClaimName, ClaimsSet, Timestamp};
use coset::{CborSerializable as _, CoseSign1, CoseSign1Builder, HeaderBuilder, iana};
use fast_qr::{ECL, QRBuilder, Version};
use kangma_core::decision::Colour;
use kangma_core::pass::{
    Claims, KeySet, SPECIMENS, Signer as _, SoftSigner, TEXT_CHARS_MAX, Verdict, issue, verify,
};
use kangma_core::time::Instant;
use serde_json::json;

fn signer() -> SoftSigner {
    SoftSigner::from_pkcs8(&SoftSigner::generate_pkcs8().unwrap()).unwrap()
}

fn claims() -> Claims {
    Claims {
        issuer: "330100".into(),
        issued: Instant(1_581_402_180),
        expires: Instant(1_581_488_580),
        state_at: Instant(1_581_402_180 - 65_535),
        fresh_s: 65_535,
        colour: Colour::Yellow,
        division: 999_999,
        pack_version: "1.0.0".into(),
        name_masked: "Wang Yangli Wang Yangl**".into(),
        handle: [0xa5; 24],
    }
}

#[test]
fn a_cose_library_reads_and_verifies_what_we_sign() {
    let (signer, claims) = (signer(), claims());
    let pass = issue(&claims, &signer).unwrap();
    let bytes = base45::decode(&pass[4..]).unwrap();
    let cose = CoseSign1::from_slice(&bytes).unwrap();
    assert_eq!(cose.protected.header.alg, Some(coset::Algorithm::Assigned(iana::Algorithm::ES256)));
    assert_eq!(cose.protected.header.key_id, signer.key_id());
    assert!(cose.unprotected.is_empty());
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, signer.public_key());
    cose.verify_signature(b"", |signature, message| public.verify(message, signature)).unwrap();
    let set = ClaimsSet::from_slice(cose.payload.as_ref().unwrap()).unwrap();
    assert_eq!(set.issuer.as_deref(), Some("330100"));
    assert_eq!(set.expiration_time, Some(Timestamp::WholeSeconds(claims.expires.0)));
    assert_eq!(set.issued_at, Some(Timestamp::WholeSeconds(claims.issued.0)));
    let [(ClaimName::PrivateUse(-65_537), ours)] = &set.rest[..] else { panic!("{:?}", set.rest) };
    let ours = ours.as_array().unwrap();
    assert_eq!(ours.len(), 7);
    assert_eq!(ours[0].as_integer(), Some(2.into()));
    assert_eq!(ours[3].as_text(), Some("Wang Yangli Wang Yangl**"));
    // And writes the very same bytes.
    assert_eq!(cose.to_vec().unwrap(), bytes);
}

#[test]
fn we_read_what_a_cose_library_signs() {
    let (signer, claims) = (signer(), claims());
    let value = |n: i64| ciborium::Value::from(n);
    let ours = vec![
        value(2),
        value(999_999),
        "1.0.0".into(),
        claims.name_masked.as_str().into(),
        ciborium::Value::Bytes(vec![0xa5; 24]),
        value(65_535),
        value(65_535),
    ];
    let set = ClaimsSet {
        issuer: Some("330100".into()),
        expiration_time: Some(Timestamp::WholeSeconds(claims.expires.0)),
        issued_at: Some(Timestamp::WholeSeconds(claims.issued.0)),
        rest: vec![(ClaimName::PrivateUse(-65_537), ciborium::Value::Array(ours))],
        ..Default::default()
    };
    let header =
        HeaderBuilder::new().algorithm(iana::Algorithm::ES256).key_id(signer.key_id().to_vec()).build();
    let cose = CoseSign1Builder::new()
        .protected(header)
        .payload(set.to_vec().unwrap())
        .create_signature(b"", |message| signer.sign(message).unwrap().to_vec())
        .build();
    let pass = format!("KM1:{}", base45::encode(cose.to_vec().unwrap()));
    let keys = KeySet::from_jwks(&json!({ "keys": [signer.public_jwk()] }).to_string()).unwrap();
    let checked = verify(&pass, &keys, Instant(claims.state_at.0 + 65_534));
    assert_eq!((checked.verdict, checked.claims), (Verdict::Good, Some(claims)));
}

/// What a reader makes of the code that an encoder draws at level M.
fn drawn_and_read(text: &str) -> (Version, String) {
    let code = QRBuilder::new(text).ecl(ECL::M).build().unwrap();
    let (module, quiet) = (4, 4);
    let side = (code.size + 2 * quiet) * module;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
        let (x, y) = (x / module, y / module);
        let inside = (quiet..quiet + code.size).contains(&x) && (quiet..quiet + code.size).contains(&y);
        if inside && code[y - quiet][x - quiet].value() { 0 } else { 255 }
    });
    let grids = image.detect_grids();
    (code.version.unwrap(), grids[0].decode().unwrap().1)
}

#[test]
fn the_longest_pass_is_a_code_of_version_10_at_level_m_and_is_read_from_it() {
    let pass = issue(&claims(), &signer()).unwrap();
    assert_eq!(pass.len(), TEXT_CHARS_MAX);
    let (version, read) = drawn_and_read(&pass);
    assert!(version as usize <= Version::V10 as usize, "{version:?}");
    assert_eq!(read, pass);
    // What version 10 holds at level M, in letters of the alphabet that QR and Base45 share.
    let full = QRBuilder::new("A".repeat(311)).ecl(ECL::M).build().unwrap();
    assert_eq!(full.version.unwrap() as usize, Version::V10 as usize);
    let over = QRBuilder::new("A".repeat(312)).ecl(ECL::M).build().unwrap();
    assert_eq!(over.version.unwrap() as usize, Version::V11 as usize);
}

#[test]
fn the_specimens_are_read_from_their_codes() {
    for specimen in SPECIMENS {
        assert_eq!(drawn_and_read(specimen.pass).1, specimen.pass);
    }
}
