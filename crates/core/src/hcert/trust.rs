//! Which keys are trusted, for which country and which kind of certificate.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PSS_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use serde::Deserialize;

use super::cbor::Algorithm;
use crate::time::Instant;

/// Longest text of a list, in bytes.
pub const TRUST_BYTES_MAX: usize = 8 * 1024 * 1024;
const KEYS_MAX: usize = 16_384;

/// The keys that are trusted.
#[derive(Debug, Default)]
pub struct TrustList(Vec<Key>);

/// One of them.
#[derive(Debug)]
pub struct Key {
    id: [u8; 8],
    pub country: Box<str>,
    key: ParsedPublicKey,
    algorithm: Algorithm,
    uses: Option<Vec<String>>,
    /// It is trusted until then.
    pub until: Option<Instant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListJson {
    keys: Vec<KeyJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyJson {
    /// First 8 bytes of the certificate's SHA-256, in base64.
    kid: String,
    /// Two capitals.
    country: String,
    /// SubjectPublicKeyInfo in base64: P-256, or RSA of 2,048 bits and more.
    key: String,
    /// `vaccination`, `test`, `recovery`; all of them without it.
    #[serde(default, rename = "use")]
    uses: Option<Vec<String>>,
    #[serde(default)]
    until: Option<Instant>,
}

/// Why a list was refused. It is taken whole or not at all; the number is a key's place, from 0.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadTrustList {
    /// Not such a list.
    #[error("trust.format: {0}")]
    Format(String),
    /// Too long.
    #[error("trust.limit: a trust list has at most 16,384 keys and 8 MiB")]
    Limit,
    /// A key that cannot be used.
    #[error("trust.key: key {0}: {1}")]
    Key(usize, &'static str),
}

impl TrustList {
    /// Reads a list.
    pub fn read(text: &str) -> Result<TrustList, BadTrustList> {
        if text.len() > TRUST_BYTES_MAX {
            return Err(BadTrustList::Limit);
        }
        let json: ListJson = serde_json::from_str(text).map_err(|e| BadTrustList::Format(e.to_string()))?;
        if json.keys.len() > KEYS_MAX {
            return Err(BadTrustList::Limit);
        }
        let keys = json.keys.into_iter().enumerate();
        keys.map(|(i, json)| Key::read(json).map_err(|e| BadTrustList::Key(i, e)))
            .collect::<Result<_, _>>()
            .map(TrustList)
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of an id: two issuers may have the same.
    pub(super) fn keys<'a>(&'a self, id: &'a [u8]) -> impl Iterator<Item = &'a Key> {
        self.0.iter().filter(move |key| key.id == id)
    }
}

impl Key {
    fn read(json: KeyJson) -> Result<Key, &'static str> {
        let id =
            B64.decode(&json.kid).ok().and_then(|id| id.try_into().ok()).ok_or("kid is 8 bytes in base64")?;
        if json.country.len() != 2 || !json.country.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err("country is two capitals");
        }
        let known = |uses: &Vec<String>| uses.iter().all(|u| crate::fact::EVENTS.contains(&u.as_str()));
        if !json.uses.as_ref().is_none_or(known) {
            return Err("use lists vaccination, test and recovery");
        }
        let der = B64.decode(&json.key).map_err(|_| "key is a SubjectPublicKeyInfo in base64")?;
        let curve = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &der).map(|key| (key, Algorithm::Es256));
        let (key, algorithm) = curve
            .or_else(|_| {
                ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &der).map(|key| (key, Algorithm::Ps256))
            })
            .map_err(|_| "key is one of P-256, or RSA of 2,048 bits and more")?;
        Ok(Key { id, country: json.country.into(), key, algorithm, uses: json.uses, until: json.until })
    }

    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.algorithm == algorithm && self.key.verify_sig(message, signature).is_ok()
    }

    pub(super) fn may_sign(&self, event: &str) -> bool {
        self.uses.as_ref().is_none_or(|uses| uses.iter().any(|u| u == event))
    }
}
