//! The pass: a signed, short-lived proof of a colour, as text for a QR code. The format is
//! `spec/pass.md`; `spec/vectors/pass.json` holds what a verifier has to answer.
//!
//! `KM1:` + Base45( COSE_Sign1, ES256 ) over CWT claims. At most [`COSE_BYTES_MAX`] bytes and
//! [`TEXT_MAX`] characters, which fit a QR code of version 10 at level M.

mod cbor;
mod handle;
mod keys;
mod verify;

use crate::decision::Colour;
use crate::time::Instant;

pub use handle::HandleKey;
pub use keys::{KeySet, KeySetError, Signer, SoftSigner};
pub use verify::{Checked, Verdict, verify};

/// What every pass begins with.
pub const PREFIX: &str = "KM1:";
/// Largest signed structure, in bytes.
pub const COSE_BYTES_MAX: usize = 181;
/// Longest text, in characters: 4 and Base45 of 181 bytes.
pub const TEXT_MAX: usize = 276;
/// A text longer than this is refused unread: more than a QR code can hold.
pub const SCANNED_MAX: usize = 4_296;
/// Verifiers' clocks may be this far behind the signer's, in seconds.
pub const SKEW_S: i64 = 90;
/// Longest issuer, in bytes.
pub const ISSUER_BYTES_MAX: usize = 6;
/// Longest masked name, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 24;
/// Longest pack version, in bytes.
pub const VERSION_BYTES_MAX: usize = 5;
/// Largest division: six digits, since a street would say more of a person than a gate may know.
pub const DIVISION_MAX: u64 = 999_999;
/// Longest age of a state at signing, and longest freshness, in seconds.
pub const SHORT_S_MAX: i64 = 65_535;
/// Longest life of a pass, in seconds.
pub const LIFETIME_S_MAX: i64 = 86_400;

/// Our private claim: far below the registered ones, as RFC 8392 asks.
const CLAIM: i64 = -65_537;

/// What a pass says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claims {
    /// Who signed it, at most 6 bytes.
    pub issuer: String,
    /// When it was signed.
    pub issued: Instant,
    /// When it runs out.
    pub expires: Instant,
    /// When the signer last knew the colour to be so; at most 65,535 s before `issued`.
    pub state_at: Instant,
    /// For how long after `state_at` it is fresh, in seconds.
    pub fresh_s: u32,
    /// The colour.
    pub colour: Colour,
    /// County of stay, six digits as a number; 0 unknown.
    pub division: u64,
    /// Version of the rule pack, at most 5 bytes.
    pub pack_version: String,
    /// Such as 张*; at most 24 bytes.
    pub name_masked: String,
    /// From which only the issuer finds the person.
    pub handle: [u8; 24],
}

/// Why a pass could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PassError {
    /// A claim is longer or larger than the format allows.
    #[error("pass.claims: a claim does not fit the format")]
    Claims,
    /// The signer failed.
    #[error("pass.sign: the signing key failed")]
    Sign,
}

impl Claims {
    fn fits(&self) -> bool {
        let life = self.expires.0 - self.issued.0;
        let age = self.issued.0 - self.state_at.0;
        (1..=ISSUER_BYTES_MAX).contains(&self.issuer.len())
            && self.pack_version.len() <= VERSION_BYTES_MAX
            && self.name_masked.len() <= NAME_BYTES_MAX
            && (1..=LIFETIME_S_MAX).contains(&life)
            && (0..=SHORT_S_MAX).contains(&age)
            && i64::from(self.fresh_s) <= SHORT_S_MAX
            && (0..=i64::from(u32::MAX)).contains(&self.issued.0)
            && (0..=i64::from(u32::MAX)).contains(&self.expires.0)
            && self.division <= DIVISION_MAX
    }

    fn encode(&self) -> Vec<u8> {
        let mut w = cbor::Writer::default();
        w.map(4);
        w.int(1);
        w.text(&self.issuer);
        w.int(4);
        w.int(self.expires.0);
        w.int(6);
        w.int(self.issued.0);
        w.int(CLAIM);
        w.array(7);
        w.int(i64::from(self.colour as u8));
        w.int(self.division as i64);
        w.text(&self.pack_version);
        w.text(&self.name_masked);
        w.bytes(&self.handle);
        w.int(self.issued.0 - self.state_at.0);
        w.int(i64::from(self.fresh_s));
        w.0
    }
}

/// The bytes that are signed: COSE's Sig_structure.
fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut w = cbor::Writer::default();
    w.array(4);
    w.text("Signature1");
    w.bytes(protected);
    w.bytes(&[]);
    w.bytes(payload);
    w.0
}

fn protected_header(key_id: [u8; 8]) -> Vec<u8> {
    let mut w = cbor::Writer::default();
    w.map(2);
    w.int(1);
    w.int(-7);
    w.int(4);
    w.bytes(&key_id);
    w.0
}

/// Signs claims into the text of a QR code.
pub fn issue(claims: &Claims, signer: &dyn Signer) -> Result<String, PassError> {
    if !claims.fits() {
        return Err(PassError::Claims);
    }
    let payload = claims.encode();
    let protected = protected_header(signer.key_id());
    let signature = signer.sign(&to_be_signed(&protected, &payload))?;
    let mut w = cbor::Writer::default();
    w.array(4);
    w.bytes(&protected);
    w.map(0);
    w.bytes(&payload);
    w.bytes(&signature);
    if w.0.len() > COSE_BYTES_MAX {
        return Err(PassError::Claims);
    }
    let mut text = String::with_capacity(TEXT_MAX);
    text.push_str(PREFIX);
    text.push_str(&base45::encode(&w.0));
    Ok(text)
}

/// The public half of the specimen key, whose private half is published in `spec/pass.md`: whatever
/// it signed is a specimen, never a proof.
pub const SPECIMEN_JWK: &str = include_str!("specimen.jwk.json");

/// A specimen pass.
#[derive(Clone, Copy, Debug)]
pub struct Specimen {
    /// What it looks like, in Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
    /// Its text.
    pub pass: &'static str,
}

/// Specimens of each colour, for showing and for trying verifiers: every one scans grey.
pub static SPECIMENS: [Specimen; 3] = [
    Specimen { zh: "绿码样码", en: "Specimen of a green code", pass: include_str!("specimen.green.txt") },
    Specimen {
        zh: "黄码样码", en: "Specimen of a yellow code", pass: include_str!("specimen.yellow.txt")
    },
    Specimen { zh: "红码样码", en: "Specimen of a red code", pass: include_str!("specimen.red.txt") },
];
