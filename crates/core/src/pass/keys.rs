//! Keys that sign and verify passes.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde::Deserialize;
use serde_json::{Value, json};

use super::PassError;
use crate::time::Instant;

/// Signs passes.
///
/// Contract: `key_id` and `public_key` never change in the life of a value; `sign` may be called from
/// many threads at once, gives a fresh ES256 signature (r ‖ s, 64 bytes) of the bytes each time, and
/// fails rather than sign with another key. Trusted to keep the private key to itself.
pub trait Signer: Send + Sync {
    /// First 8 bytes of the public key's RFC 7638 thumbprint.
    fn key_id(&self) -> [u8; 8];
    /// The public key: 0x04, x, y.
    fn public_key(&self) -> [u8; 65];
    /// Signs.
    fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], PassError>;
}

/// A signer with its key in memory. The nonce of each signature comes from the library.
pub struct SoftSigner {
    pair: EcdsaKeyPair,
    public: [u8; 65],
    key_id: [u8; 8],
    rng: SystemRandom,
}

impl SoftSigner {
    /// From a PKCS#8 document.
    pub fn from_pkcs8(der: &[u8]) -> Result<SoftSigner, PassError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| PassError::Sign)?;
        let public: [u8; 65] = pair.public_key().as_ref().try_into().map_err(|_| PassError::Sign)?;
        Ok(SoftSigner { key_id: key_id(&public), public, pair, rng: SystemRandom::new() })
    }

    /// A new key, from the operating system's chance.
    pub fn generate_pkcs8() -> Result<Vec<u8>, PassError> {
        let rng = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng)
            .map_err(|_| PassError::Sign)?;
        Ok(der.as_ref().to_vec())
    }

    /// The public key as a JWK.
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

/// First 8 bytes of the RFC 7638 thumbprint.
fn key_id(public: &[u8; 65]) -> [u8; 8] {
    let (x, y) = (B64.encode(&public[1..33]), B64.encode(&public[33..]));
    let text = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    *digest(&SHA256, text.as_bytes()).as_ref().first_chunk().unwrap_or(&[0; 8])
}

/// Most keys in a set.
pub const KEYS_MAX: usize = 64;

/// Why a key set was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeySetError {
    /// Not a JWK set.
    #[error("keys.format: not a JWK set: an object with a list \"keys\"")]
    Format,
    /// Too many.
    #[error("keys.limit: more than 64 keys")]
    Limit,
    /// One of them is no P-256 key, or its id is not its thumbprint.
    #[error("keys.key: key {0} is not a P-256 public key, or its kid is not its thumbprint")]
    Key(usize),
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    kid: String,
    x: String,
    y: String,
    #[serde(default, rename = "kangma:not_after")]
    not_after: Option<Instant>,
}

/// A key that verifies.
pub(super) struct PublicKey {
    pub id: [u8; 8],
    pub key: ParsedPublicKey,
    /// Passes issued later than this are not its own.
    pub not_after: Option<Instant>,
}

/// The keys that a verifier trusts, parsed once.
pub struct KeySet {
    keys: Vec<PublicKey>,
    specimen: PublicKey,
}

impl KeySet {
    /// Reads a JWK set.
    pub fn from_jwks(text: &str) -> Result<KeySet, KeySetError> {
        let set: Jwks = serde_json::from_str(text).map_err(|_| KeySetError::Format)?;
        if set.keys.len() > KEYS_MAX {
            return Err(KeySetError::Limit);
        }
        let mut keys: Vec<PublicKey> = Vec::with_capacity(set.keys.len());
        for (i, jwk) in set.keys.iter().enumerate() {
            let key = parse(jwk).ok_or(KeySetError::Key(i))?;
            if !keys.iter().any(|k| k.id == key.id) {
                keys.push(key);
            }
        }
        let specimen: Jwk = serde_json::from_str(super::SPECIMEN_JWK).map_err(|_| KeySetError::Format)?;
        let specimen = parse(&specimen).ok_or(KeySetError::Format)?;
        // The published key proves nothing, whoever lists it.
        keys.retain(|k| k.id != specimen.id);
        Ok(KeySet { keys, specimen })
    }

    /// The key of an id, and whether it is the specimen key.
    pub(super) fn find(&self, id: &[u8]) -> Option<(&PublicKey, bool)> {
        if self.specimen.id == id {
            return Some((&self.specimen, true));
        }
        self.keys.iter().find(|k| k.id == id).map(|k| (k, false))
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeySet({})", self.keys.len())
    }
}

fn parse(jwk: &Jwk) -> Option<PublicKey> {
    if jwk.kty != "EC" || jwk.crv != "P-256" {
        return None;
    }
    let mut public = [4; 65];
    let (x, y) = (B64.decode(&jwk.x).ok()?, B64.decode(&jwk.y).ok()?);
    public[1..33].copy_from_slice(x.get(..32).filter(|_| x.len() == 32)?);
    public[33..].copy_from_slice(y.get(..32).filter(|_| y.len() == 32)?);
    let id = key_id(&public);
    if B64.decode(&jwk.kid).ok()? != id {
        return None;
    }
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).ok()?;
    Some(PublicKey { id, key, not_after: jwk.not_after })
}
