//! The pass: a signed, short-lived proof of a colour, as text for a QR code. The format is
//! `spec/pass.md`; `spec/vectors/pass.json` holds what every verifier has to answer.
//!
//! `KM1:` + Base45( COSE_Sign1, ES256 ) over CWT claims. At most [`COSE_BYTES_MAX`] bytes and
//! [`TEXT_CHARS_MAX`] characters, which fit a QR code of version 10 at level M (311 characters).

mod cbor;
mod handle;
mod keys;
mod verify;

use std::fmt;

use serde::Serialize;
use serde::ser::SerializeStruct as _;

use crate::decision::Colour;
use crate::time::Instant;

pub use handle::HandleKey;
pub use keys::{JWKS_BYTES_MAX, KEYS_MAX, KeySet, KeySetError, Signer, SoftSigner};
pub use verify::{Checked, Verdict, verify};

/// What every pass begins with.
pub const PREFIX: &str = "KM1:";
/// Largest signed structure, in bytes: what [`issue`] makes of the longest claims.
pub const COSE_BYTES_MAX: usize = 181;
/// Longest pass, in characters: the prefix and Base45 of that.
pub const TEXT_CHARS_MAX: usize = 276;
/// A text of more bytes than this is refused unread: no QR code holds more.
pub const SCANNED_BYTES_MAX: usize = 4_296;
/// A verifier's clock may be this far behind the signer's, in seconds.
pub const SKEW_S: i64 = 90;
/// Longest issuer, in bytes.
pub const ISSUER_BYTES_MAX: usize = 6;
/// Longest masked name, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 24;
/// Longest pack version, in bytes.
pub const VERSION_BYTES_MAX: usize = 5;
/// Largest division: six digits, since a street would say more of a person than a gate may know.
pub const DIVISION_MAX: u64 = 999_999;
/// Longest age of a state when it is signed, in seconds (18 hours).
pub const AGE_S_MAX: i64 = 65_535;
/// Longest freshness, in seconds (18 hours).
pub const FRESH_S_MAX: u32 = 65_535;
/// Longest life of a pass, in seconds.
pub const LIFETIME_S_MAX: i64 = 86_400;

/// Our private claim is −1 − this: −65537, the first that RFC 8392 leaves to private use.
const CLAIM: u32 = 65_536;
/// ES256 is −1 − this.
const ES256: u32 = 6;

/// What a pass says.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who signed it: 1 to 6 bytes, such as the division `330100`.
    pub issuer: String,
    /// When it was signed; from 1970 to 2106.
    pub issued: Instant,
    /// From when on it proves nothing; 1 to 86,400 s after `issued`.
    pub expires: Instant,
    /// When the signer last knew the colour to be so; 0 to 65,535 s before `issued`.
    pub state_at: Instant,
    /// For how long after `state_at` it is fresh, in seconds; at most 65,535.
    pub fresh_s: u32,
    /// The colour.
    pub colour: Colour,
    /// Division of stay, at most six digits as a number; 0 where unknown.
    pub division: u64,
    /// Version of the rule pack: 1 to 5 bytes.
    pub pack_version: String,
    /// Such as 张*: 1 to 24 bytes, never the whole name.
    pub name_masked: String,
    /// From which only the issuer finds the person; see [`HandleKey`].
    pub handle: [u8; 24],
}

/// Why a pass could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PassError {
    /// A claim is longer or larger than the format allows.
    #[error("pass.claims: {0} does not fit the format of the pass (spec/pass.md)")]
    Claims(&'static str),
    /// Not a signing key.
    #[error("pass.signing_key: not a P-256 key in PKCS#8")]
    Key,
    /// The signer failed.
    #[error("pass.sign: the signing key failed; try again, then look at the signer")]
    Sign,
}

impl Claims {
    /// The first claim that does not fit the format, by name. Issuing and verifying both ask, so
    /// nothing is signed that a verifier refuses.
    fn misfit(&self) -> Option<&'static str> {
        let seconds = 0..=i64::from(u32::MAX);
        let within = |text: &str, most: usize| (1..=most).contains(&text.len());
        [
            ("issuer", within(&self.issuer, ISSUER_BYTES_MAX)),
            ("issued", seconds.contains(&self.issued.0)),
            ("expires", seconds.contains(&self.expires.0)),
            ("expires", (1..=LIFETIME_S_MAX).contains(&(self.expires.0.saturating_sub(self.issued.0)))),
            ("state_at", (0..=AGE_S_MAX).contains(&(self.issued.0.saturating_sub(self.state_at.0)))),
            ("fresh_s", self.fresh_s <= FRESH_S_MAX),
            ("division", self.division <= DIVISION_MAX),
            ("pack_version", within(&self.pack_version, VERSION_BYTES_MAX)),
            ("name_masked", within(&self.name_masked, NAME_BYTES_MAX)),
        ]
        .into_iter()
        .find_map(|(name, fits)| (!fits).then_some(name))
    }

    fn encode(&self) -> Vec<u8> {
        let small = |n: i64| u32::try_from(n).expect("claims are measured before they are written");
        let mut w = cbor::Writer::with_capacity(COSE_BYTES_MAX);
        w.map(4);
        w.uint(1);
        w.text(&self.issuer);
        w.uint(4);
        w.uint(small(self.expires.0));
        w.uint(6);
        w.uint(small(self.issued.0));
        w.negative(CLAIM);
        w.array(7);
        w.uint(self.colour as u32);
        w.uint(small(self.division as i64));
        w.text(&self.pack_version);
        w.text(&self.name_masked);
        w.bytes(&self.handle);
        w.uint(small(self.issued.0 - self.state_at.0));
        w.uint(self.fresh_s);
        w.0
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Name, place and handle are of a person.
        f.debug_struct("Claims")
            .field("issuer", &self.issuer)
            .field("issued", &self.issued)
            .field("expires", &self.expires)
            .field("colour", &self.colour)
            .field("person", &format_args!("***"))
            .finish_non_exhaustive()
    }
}

/// As JSON: instants in RFC 3339, the handle in hexadecimal.
impl Serialize for Claims {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_struct("Claims", 10)?;
        out.serialize_field("issuer", &self.issuer)?;
        out.serialize_field("issued", &self.issued)?;
        out.serialize_field("expires", &self.expires)?;
        out.serialize_field("state_at", &self.state_at)?;
        out.serialize_field("fresh_s", &self.fresh_s)?;
        out.serialize_field("colour", &self.colour)?;
        out.serialize_field("division", &self.division)?;
        out.serialize_field("pack_version", &self.pack_version)?;
        out.serialize_field("name_masked", &self.name_masked)?;
        let handle: String = self.handle.iter().map(|b| format!("{b:02x}")).collect();
        out.serialize_field("handle", &handle)?;
        out.end()
    }
}

/// The bytes that are signed: COSE's Sig_structure, with nothing added from outside.
pub(crate) fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut w = cbor::Writer::with_capacity(COSE_BYTES_MAX);
    w.array(4);
    w.text("Signature1");
    w.bytes(protected);
    w.bytes(&[]);
    w.bytes(payload);
    w.0
}

fn protected_header(key_id: [u8; 8]) -> Vec<u8> {
    let mut w = cbor::Writer::with_capacity(16);
    w.map(2);
    w.uint(1);
    w.negative(ES256);
    w.uint(4);
    w.bytes(&key_id);
    w.0
}

/// Signs claims into the text of a QR code, at most [`TEXT_CHARS_MAX`] characters.
///
/// [`PassError::Claims`] names the claim that does not fit; the signer's own errors pass through.
pub fn issue(claims: &Claims, signer: &dyn Signer) -> Result<String, PassError> {
    if let Some(name) = claims.misfit() {
        return Err(PassError::Claims(name));
    }
    let payload = claims.encode();
    let protected = protected_header(signer.key_id());
    let signature = signer.sign(&to_be_signed(&protected, &payload))?;
    let mut w = cbor::Writer::with_capacity(COSE_BYTES_MAX);
    w.array(4);
    w.bytes(&protected);
    w.map(0);
    w.bytes(&payload);
    w.bytes(&signature);
    let text = format!("{PREFIX}{}", base45::encode(&w.0));
    // INVARIANT: the longest claims fit; see the arithmetic in spec/pass.md and the test of it.
    assert!(w.0.len() <= COSE_BYTES_MAX && text.len() <= TEXT_CHARS_MAX, "a pass outgrew its QR code");
    Ok(text)
}

/// The public half of the specimen key. Its private half is published in `spec/pass.md`, so whatever
/// it signed is a specimen, never a proof.
pub const SPECIMEN_JWK: &str = include_str!("specimen.jwk.json");

/// A pass to show and to try verifiers with.
#[derive(Clone, Copy, Debug)]
pub struct Specimen {
    /// What it looks like, in Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
    /// Its text.
    pub pass: &'static str,
}

/// Specimens: every verifier shows them grey, whatever colour they say and whatever the time.
pub const SPECIMENS: &[Specimen] = &[
    Specimen { zh: "绿码样码", en: "Specimen of a green code", pass: include_str!("specimen.green.txt") },
    Specimen {
        zh: "黄码样码", en: "Specimen of a yellow code", pass: include_str!("specimen.yellow.txt")
    },
    Specimen { zh: "红码样码", en: "Specimen of a red code", pass: include_str!("specimen.red.txt") },
];
