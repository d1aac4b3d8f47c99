//! Health certificates of other countries, as people carry them: a text that begins with `HC1:`
//! (the European electronic health certificate), and whether a trusted key signed it.
//!
//! One straight line: prefix, Base45, zlib, COSE, key, signature, times, payload. Each step has a
//! stable code, and the first that fails answers. [`read`] is pure: keys and the instant are arguments.

mod cbor;
mod trust;

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;

pub use trust::{BadTrustList, TRUST_BYTES_MAX, TrustList};

use crate::fact::{Fact, Value};
use crate::pass::SKEW_S;
use crate::rules::certlogic::{Payload, payload};
use crate::time::Instant;

/// What the text begins with.
const PREFIX: &str = "HC1:";
/// Longest text: what a QR code can hold.
pub const TEXT_BYTES_MAX: usize = 4_296;
/// Most bytes that a certificate unpacks to.
const UNPACKED_BYTES_MAX: u64 = 32 * 1024;

/// The step that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadCertificate {
    /// No text of this kind.
    #[error("certificate.prefix")]
    Prefix,
    /// Not Base45.
    #[error("certificate.base45")]
    Base45,
    /// Cannot be unpacked, or not within bounds.
    #[error("certificate.zlib")]
    Zlib,
    /// Not a signed message of the kinds that are taken.
    #[error("certificate.cose")]
    Cose,
    /// No trusted key has its id.
    #[error("certificate.key")]
    Key,
    /// The signature is not right.
    #[error("certificate.signature")]
    Signature,
    /// The key may not sign certificates of this kind, or not for this country.
    #[error("certificate.use")]
    Use,
    /// Its time is over.
    #[error("certificate.expired")]
    Expired,
    /// It is of the future.
    #[error("certificate.not_yet_valid")]
    NotYetValid,
    /// What was signed is no health certificate.
    #[error("certificate.payload")]
    Payload,
}

impl BadCertificate {
    /// Stable code, and what to do, in Chinese and in English.
    #[must_use]
    pub fn told(self) -> (&'static str, &'static str, &'static str) {
        match self {
            BadCertificate::Prefix => (
                "certificate.prefix",
                "这不是电子健康证明，内容应以 HC1: 开头。",
                "This is no health certificate: its text begins with HC1:.",
            ),
            BadCertificate::Base45 | BadCertificate::Zlib => (
                if self == BadCertificate::Zlib { "certificate.zlib" } else { "certificate.base45" },
                "证明内容不完整或已损坏，请重新扫描。",
                "The certificate is incomplete or damaged. Scan it again.",
            ),
            BadCertificate::Cose | BadCertificate::Payload => (
                if self == BadCertificate::Cose { "certificate.cose" } else { "certificate.payload" },
                "无法读取该证明的格式，请改用其他证明材料。",
                "This certificate is of a form that cannot be read here. Ask for another proof.",
            ),
            BadCertificate::Key => (
                "certificate.key",
                "没有可信的公钥能核对该证明，请更新可信签发方名单后再试。",
                "No trusted key has signed this certificate. Update the trust list and try again.",
            ),
            BadCertificate::Signature => (
                "certificate.signature",
                "证明的签名不正确，可能是伪造的。",
                "The signature is not right: the certificate may be forged.",
            ),
            BadCertificate::Use => (
                "certificate.use",
                "签发方无权签发此类证明。",
                "Whoever signed this may not issue certificates of this kind.",
            ),
            BadCertificate::Expired => (
                "certificate.expired",
                "该证明在出示时已过期。",
                "The certificate had run out when it was shown.",
            ),
            BadCertificate::NotYetValid => (
                "certificate.not_yet_valid",
                "该证明的签发时间晚于出示时间。",
                "The certificate says that it was issued after it was shown.",
            ),
        }
    }
}

/// A certificate whose signature is right.
#[derive(Debug)]
pub struct Verified {
    /// What it says.
    pub payload: Payload,
    /// The country whose key signed it.
    pub country: Box<str>,
    /// When it was issued.
    pub issued: Option<Instant>,
    /// When it runs out.
    pub expires: Instant,
    key_id: [u8; 8],
}

impl Verified {
    /// Puts it into a fact of kind `certificate`.
    pub fn fill(&self, fact: &mut Fact) {
        fact.set("country", Value::Text((*self.country).into()));
        self.payload.fill(fact);
        if let Some(at) = self.issued {
            fact.set("issued_at", Value::Instant(at));
        }
        fact.set("expires_at", Value::Instant(self.expires));
        fact.set("key_id", Value::Text(B64.encode(self.key_id).into()));
    }
}

/// Reads a certificate that is shown at an instant.
pub fn read(text: &str, trust: &TrustList, shown: Instant) -> Result<Verified, BadCertificate> {
    use BadCertificate::{Base45, Expired, Key, NotYetValid, Prefix, Signature, Use};
    let text = text.trim();
    let body = text.strip_prefix(PREFIX).filter(|_| text.len() <= TEXT_BYTES_MAX).ok_or(Prefix)?;
    let bytes = unpacked(base45::decode(body).map_err(|_| Base45)?)?;
    let signed = cbor::signed(&bytes).ok_or(BadCertificate::Cose)?;
    let claims = cbor::claims(signed.payload).ok_or(BadCertificate::Payload)?;
    let mut keys = trust.keys(signed.key_id).peekable();
    if keys.peek().is_none() {
        return Err(Key);
    }
    let message = crate::pass::to_be_signed(signed.protected, signed.payload);
    let right = |key: &&trust::Key| key.verifies(signed.algorithm, &message, signed.signature);
    let key = keys.find(right).ok_or(Signature)?;
    let payload = payload(claims.certificate).map_err(|_| BadCertificate::Payload)?;
    let whose = claims.issuer.as_deref().is_none_or(|issuer| issuer == &*key.country);
    if !whose || !key.may_sign(payload.event()) {
        return Err(Use);
    }
    // A key that ended may have leaked since, whatever the certificate says of its own time.
    if key.until.is_some_and(|until| shown >= until) {
        return Err(Key);
    }
    if shown >= claims.expires {
        return Err(Expired);
    }
    if claims.issued.is_some_and(|at| at > shown.plus_s(SKEW_S)) {
        return Err(NotYetValid);
    }
    let Ok(key_id) = signed.key_id.try_into() else { return Err(Key) };
    Ok(Verified {
        payload,
        country: key.country.clone(),
        issued: claims.issued,
        expires: claims.expires,
        key_id,
    })
}

/// Unpacks what is packed; the first byte tells. Stops at the bound, whatever it would come to.
fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, BadCertificate> {
    if bytes.first() != Some(&0x78) {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    let packed = flate2::read::ZlibDecoder::new(&bytes[..]);
    packed.take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut out).map_err(|_| BadCertificate::Zlib)?;
    if out.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(BadCertificate::Zlib);
    }
    Ok(out)
}
