//! Makes the specimens and `spec/vectors/pass.json`. `cargo run -p kangma-core --example pass_vectors`
//! rewrites both with fixed keys; ES256 signatures are random, so every signature changes.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use kangma_core::decision::Colour;
use kangma_core::pass::{Claims, Signer, SoftSigner, issue};
use kangma_core::time::Instant;

const NOW: i64 = 1_581_400_000;

fn claims(colour: Colour) -> Claims {
    Claims {
        issuer: "hz".into(),
        issued: Instant(NOW),
        expires: Instant(NOW + 3600),
        state_at: Instant(NOW),
        fresh_s: 600,
        colour,
        division: 330_106,
        pack_version: "1.0.0".into(),
        name_masked: "样*".into(),
        handle: [0x5a; 24],
    }
}

fn key(path: &Path) -> SoftSigner {
    if !path.exists() {
        fs::write(path, B64.encode(SoftSigner::generate_pkcs8().unwrap())).unwrap();
    }
    SoftSigner::from_pkcs8(&B64.decode(fs::read_to_string(path).unwrap().trim()).unwrap()).unwrap()
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let keys = root.join("spec/vectors/keys");
    fs::create_dir_all(&keys).unwrap();
    let specimen = key(&keys.join("specimen.pkcs8"));
    let source = root.join("crates/core/src/pass");
    fs::write(source.join("specimen.jwk.json"), format!("{:#}\n", specimen.public_jwk())).unwrap();
    for (name, colour) in [("green", Colour::Green), ("yellow", Colour::Yellow), ("red", Colour::Red)] {
        fs::write(source.join(format!("specimen.{name}.txt")), issue(&claims(colour), &specimen).unwrap())
            .unwrap();
    }
    let _ = specimen.key_id();
}
