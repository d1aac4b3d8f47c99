//! How many passes a second, beside the bare signature of the same bytes, in alternating rounds:
//!
//! ```sh
//! cargo run --release -p rates --bin pass_rate              # a table
//! cargo run --release -p rates --bin pass_rate -- --json    # for tools/bench.mjs
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant as Stopwatch};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use kangma_core::decision::Colour;
use kangma_core::id::PersonId;
use kangma_core::pass::{Claims, HandleKey, KeySet, Signer, SoftSigner, Verdict, issue, verify};
use kangma_core::time::Instant;
use serde_json::json;

const ROUND: Duration = Duration::from_millis(200);
const ROUNDS: usize = 15;

fn claims(handle: [u8; 24]) -> Claims {
    Claims {
        issuer: "330100".into(),
        issued: Instant(1_581_402_180),
        expires: Instant(1_581_405_780),
        state_at: Instant(1_581_402_180),
        fresh_s: 600,
        colour: Colour::Green,
        division: 330_106,
        pack_version: "1.0.0".into(),
        name_masked: "张*".into(),
        handle,
    }
}

/// One round: how often a second.
fn rate(work: &mut dyn FnMut()) -> f64 {
    let start = Stopwatch::now();
    let mut times = 0_u32;
    while start.elapsed() < ROUND {
        (0..32).for_each(|_| work());
        times += 32;
    }
    f64::from(times) / start.elapsed().as_secs_f64()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() {
    let signer = SoftSigner::from_pkcs8(&SoftSigner::generate_pkcs8().unwrap()).unwrap();
    let keys = KeySet::from_jwks(&json!({ "keys": [signer.public_jwk()] }).to_string()).unwrap();
    let (handles, person) = (HandleKey::new([7; 32]), PersonId([3; 16]));
    let pass = issue(&claims([7; 24]), &signer).unwrap();

    // The bare work: the same number of bytes under the same key.
    let message = [0x5a; 119];
    let signature = signer.sign(&message).unwrap();
    let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, signer.public_key()).unwrap();

    let says = claims([7; 24]);
    let mut issues = || drop(black_box(issue(black_box(&says), &signer).unwrap()));
    let mut slot = 0;
    let mut seals = || {
        slot += 1;
        black_box(handles.seal(person, 1, slot));
    };
    let mut signs = || {
        black_box(signer.sign(black_box(&message)).unwrap());
    };
    let now = Instant(1_581_402_240);
    let mut verifies = || assert_eq!(verify(black_box(&pass), &keys, now).verdict, Verdict::Good);
    let mut bare = || public.verify_sig(black_box(&message), &signature).unwrap();

    let names = ["issue", "bare ES256 sign", "verify", "bare ES256 verify", "seal a handle"];
    let mut work: [&mut dyn FnMut(); 5] = [&mut issues, &mut signs, &mut verifies, &mut bare, &mut seals];
    let mut rates: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        for (work, rates) in work.iter_mut().zip(&mut rates) {
            rates.push(rate(work));
        }
    }
    if std::env::args().any(|a| a == "--json") {
        let [issue, sign, verify, bare, seal] = rates.map(median);
        let said = json!({
            "issue_per_s": issue, "bare_sign_per_s": sign, "verify_per_s": verify,
            "bare_verify_per_s": bare, "seal_per_s": seal,
        });
        println!("{said}");
        return;
    }
    let ratio = |a: usize, b: usize| median(rates[a].iter().zip(&rates[b]).map(|(a, b)| b / a).collect());
    for (name, rates) in names.iter().zip(&rates) {
        let rate = median(rates.clone());
        println!("{name:<26}{rate:>10.0}/s {:>8.2} µs", 1e6 / rate);
    }
    println!("issue takes {:.3} of a bare signature", ratio(0, 1));
    println!("verify takes {:.3} of a bare verification (at most 1.15)", ratio(2, 3));
}
