//! Keys that sign and verify passes.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};

use super::PassError;
use crate::time::Instant;

/// Signs passes: a key in memory, or a hardware module.
///
/// Contract. `key_id` and `public_key` never change in the life of a value and cost nothing. `sign`
/// gives an ES256 signature (r ‖ s, 64 bytes) over SHA-256 of exactly these bytes, may be called from
/// many threads at once, and blocks for no longer than the device needs. It is not repeatable: each
/// call may give other bytes. It fails rather than sign with another key or give half a signature; a
/// failure leaves nothing behind, and calling again is safe. The private key never leaves the value.
pub trait Signer: Send + Sync {
    /// First 8 bytes of the public key's RFC 7638 thumbprint.
    fn key_id(&self) -> [u8; 8];
    /// The public key, uncompressed: 0x04, x, y.
    fn public_key(&self) -> [u8; 65];
    /// Signs.
    fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], PassError>;
}

/// A signer with its key in memory. Pure but for the nonce of each signature and for new keys, which
/// come from the cryptographic library: a predictable nonce would give the private key away, so here
/// chance is not an argument.
pub struct SoftSigner {
    pair: EcdsaKeyPair,
    public: [u8; 65],
    key_id: [u8; 8],
    rng: SystemRandom,
}

impl SoftSigner {
    /// From a P-256 key in PKCS#8; [`PassError::Key`] for anything else.
    pub fn from_pkcs8(der: &[u8]) -> Result<SoftSigner, PassError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| PassError::Key)?;
        let public: [u8; 65] = pair.public_key().as_ref().try_into().map_err(|_| PassError::Key)?;
        Ok(SoftSigner { key_id: key_id(&public), public, pair, rng: SystemRandom::new() })
    }

    /// A new key as PKCS#8, to be kept where nobody else reads it.
    pub fn generate_pkcs8() -> Result<Vec<u8>, PassError> {
        let rng = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng)
            .map_err(|_| PassError::Key)?;
        Ok(der.as_ref().to_vec())
    }

    /// The public key as a member of a JWK set, still without `kangma:status`.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": B64.encode(self.key_id),
            "x": B64.encode(&self.public[1..33]), "y": B64.encode(&self.public[33..]),
        })
    }
}

impl Signer for SoftSigner {
    fn key_id(&self) -> [u8; 8] {
        self.key_id
    }

    fn public_key(&self) -> [u8; 65] {
        self.public
    }

    fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], PassError> {
        let signature = self.pair.sign(&self.rng, bytes).map_err(|_| PassError::Sign)?;
        signature.as_ref().try_into().map_err(|_| PassError::Sign)
    }
}

impl std::fmt::Debug for SoftSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SoftSigner(***)")
    }
}

/// First 8 bytes of the RFC 7638 thumbprint: SHA-256 over the four members in this very writing.
fn key_id(public: &[u8; 65]) -> [u8; 8] {
    let (x, y) = (B64.encode(&public[1..33]), B64.encode(&public[33..]));
    let text = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let hash = digest(&SHA256, text.as_bytes());
    *hash.as_ref().first_chunk().expect("SHA-256 has 32 bytes")
}

/// Most keys in a set.
pub const KEYS_MAX: usize = 64;
/// Longest text of a set, in bytes.
pub const JWKS_BYTES_MAX: usize = 65_536;

/// Why a key set was refused. A set is taken whole or not at all; the number is the key's place in it,
/// from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeySetError {
    /// Not a JWK set.
    #[error("keys.format: not a JWK set; expected an object with a list \"keys\"")]
    Format,
    /// Too long, or too many keys.
    #[error("keys.limit: a key set has at most 64 keys and 64 KiB")]
    Limit,
    /// It lists a private key.
    #[error("keys.private: key {0} carries its private half; withdraw it at once and publish another")]
    Private(usize),
    /// Its coordinates are no point of the curve, or not written as 32 bytes of base64url each.
    #[error("keys.point: key {0} is not a point of P-256 in base64url without padding")]
    Point(usize),
    /// Its id is not its thumbprint.
    #[error("keys.kid: the kid of key {0} is not the first 8 bytes of its RFC 7638 thumbprint, in base64url")]
    Kid(usize),
    /// Its place in life is not one that we know.
    #[error(
        "keys.status: key {0} needs \"kangma:status\" pending, active or retired; a retired one needs \"kangma:not_after\", an instant such as 2020-02-12T10:00:00Z"
    )]
    Status(usize),
    /// Listed twice.
    #[error("keys.duplicate: key {0} is listed before; list each once")]
    Duplicate(usize),
}

impl KeySetError {
    /// Its stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            KeySetError::Format => "keys.format",
            KeySetError::Limit => "keys.limit",
            KeySetError::Private(_) => "keys.private",
            KeySetError::Point(_) => "keys.point",
            KeySetError::Kid(_) => "keys.kid",
            KeySetError::Status(_) => "keys.status",
            KeySetError::Duplicate(_) => "keys.duplicate",
        }
    }
}

/// A key that verifies.
pub(super) struct PublicKey {
    pub id: [u8; 8],
    pub key: ParsedPublicKey,
    /// From this instant on nothing that it signed counts.
    pub not_after: Option<Instant>,
    /// Whether anybody can sign with it.
    pub specimen: bool,
}

/// The keys that a verifier trusts, parsed once. The specimen key is always known.
pub struct KeySet {
    keys: Vec<PublicKey>,
}

impl KeySet {
    /// Reads a JWK set, such as `/.well-known/kangma/keys.json`. Keys for other algorithms are passed
    /// over, since a set may carry some for later verifiers; the specimen key keeps its meaning
    /// whoever lists it. An empty set is a set: it trusts nobody.
    pub fn from_jwks(text: &str) -> Result<KeySet, KeySetError> {
        if text.len() > JWKS_BYTES_MAX {
            return Err(KeySetError::Limit);
        }
        let set: Value = serde_json::from_str(text).map_err(|_| KeySetError::Format)?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or(KeySetError::Format)?;
        if listed.len() > KEYS_MAX {
            return Err(KeySetError::Limit);
        }
        let mut keys = vec![specimen()];
        for (i, jwk) in listed.iter().enumerate() {
            let Some(key) = parse(jwk, i)? else { continue };
            match keys.iter().find(|k| k.id == key.id) {
                Some(known) if known.specimen => {}
                Some(_) => return Err(KeySetError::Duplicate(i)),
                None => keys.push(key),
            }
        }
        Ok(KeySet { keys })
    }

    /// The key of an id.
    pub(super) fn find(&self, id: &[u8]) -> Option<&PublicKey> {
        self.keys.iter().find(|k| k.id == id)
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeySet({} and the specimen key)", self.keys.len() - 1)
    }
}

fn specimen() -> PublicKey {
    let jwk = serde_json::from_str(super::SPECIMEN_JWK).expect("the specimen key is JSON");
    let (id, key) = point(&jwk, 0).expect("the specimen key is a key");
    PublicKey { id, key, not_after: None, specimen: true }
}

/// A key of the set; `None` for one that is not for ES256 signatures.
fn parse(jwk: &Value, i: usize) -> Result<Option<PublicKey>, KeySetError> {
    let members = jwk.as_object().ok_or(KeySetError::Format)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let other = |name: &str, ours: &str| members.get(name).is_some_and(|v| v.as_str() != Some(ours));
    if text("kty").is_none() {
        return Err(KeySetError::Format);
    }
    if members.contains_key("d") {
        return Err(KeySetError::Private(i));
    }
    if text("kty") != Some("EC")
        || text("crv") != Some("P-256")
        || other("alg", "ES256")
        || other("use", "sig")
    {
        return Ok(None);
    }
    let (id, key) = point(jwk, i)?;
    let not_after = match members.get("kangma:not_after") {
        None => None,
        Some(at) => {
            let at = at.as_str().and_then(|at| Instant::parse(at).ok());
            Some(at.ok_or(KeySetError::Status(i))?)
        }
    };
    match (members.contains_key("kangma:status"), text("kangma:status")) {
        (false, _) | (_, Some("pending" | "active")) => {}
        (_, Some("retired")) if not_after.is_some() => {}
        _ => return Err(KeySetError::Status(i)),
    }
    Ok(Some(PublicKey { id, key, not_after, specimen: false }))
}

/// The key itself and its id.
fn point(jwk: &Value, i: usize) -> Result<([u8; 8], ParsedPublicKey), KeySetError> {
    let member = |name: &str| jwk.get(name).and_then(Value::as_str).and_then(|t| B64.decode(t).ok());
    let mut public = [4; 65];
    for (name, place) in [("x", 1..33), ("y", 33..65)] {
        let bytes = member(name).filter(|b| b.len() == 32).ok_or(KeySetError::Point(i))?;
        public[place].copy_from_slice(&bytes);
    }
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).map_err(|_| KeySetError::Point(i))?;
    let id = key_id(&public);
    if member("kid").as_deref() != Some(&id[..]) {
        return Err(KeySetError::Kid(i));
    }
    Ok((id, key))
}
