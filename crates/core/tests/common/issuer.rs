//! An issuer of health certificates, made up: whatever it signs, whole or damaged.

#![allow(dead_code, reason = "the two binaries use a part each")]

use std::io::Write as _;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PSS_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use minicbor::Encoder;
use serde_json::{Value as Json, json};

enum Pair {
    Es256(EcdsaKeyPair),
    Ps256(RsaKeyPair),
}

pub struct Issuer {
    pair: Pair,
    pub kid: [u8; 8],
    pub country: &'static str,
}

/// What of a certificate is made otherwise than it should be.
pub struct Made<'a> {
    pub payload: &'a Json,
    pub iss: &'a str,
    pub iat: i64,
    pub exp: i64,
    pub packed: bool,
    pub tagged: bool,
    /// What the header says, instead of the key's own algorithm.
    pub alg: Option<i64>,
    /// Changes the message after it was signed.
    pub meddle: fn(&mut Vec<u8>),
}

impl<'a> Made<'a> {
    pub fn of(payload: &'a Json) -> Made<'a> {
        let (iat, exp) = (1_640_995_200, 4_070_908_800);
        Made { payload, iss: "XB", iat, exp, packed: true, tagged: true, alg: None, meddle: |_| {} }
    }
}

impl Issuer {
    pub fn es256(n: u8) -> Issuer {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        Issuer { pair: Pair::Es256(pair), kid: [n; 8], country: "XB" }
    }

    pub fn ps256(n: u8) -> Issuer {
        Issuer {
            pair: Pair::Ps256(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
            kid: [n; 8],
            country: "XB",
        }
    }

    /// As a trust list has it.
    pub fn key(&self) -> Json {
        let der: PublicKeyX509Der<'_> = match &self.pair {
            Pair::Es256(pair) => pair.public_key().as_der().unwrap(),
            Pair::Ps256(pair) => pair.public_key().as_der().unwrap(),
        };
        json!({ "kid": B64.encode(self.kid), "country": self.country, "key": B64.encode(der.as_ref()) })
    }

    pub fn trust_list(&self) -> String {
        json!({ "keys": [self.key()] }).to_string()
    }

    pub fn issue(&self, payload: &Json) -> String {
        self.make(&Made::of(payload))
    }

    pub fn make(&self, made: &Made<'_>) -> String {
        let alg = made.alg.unwrap_or(if matches!(self.pair, Pair::Es256(_)) { -7 } else { -37 });
        let mut e = Encoder::new(Vec::new());
        e.map(2).unwrap().i64(1).unwrap().i64(alg).unwrap().i64(4).unwrap().bytes(&self.kid).unwrap();
        let protected = e.into_writer();
        let mut e = Encoder::new(Vec::new());
        e.map(4).unwrap().i64(1).unwrap().str(made.iss).unwrap();
        e.i64(4).unwrap().i64(made.exp).unwrap().i64(6).unwrap().i64(made.iat).unwrap();
        e.i64(-260).unwrap().map(1).unwrap().i64(1).unwrap();
        value(&mut e, made.payload);
        let payload = e.into_writer();
        let mut e = Encoder::new(Vec::new());
        e.array(4).unwrap().str("Signature1").unwrap().bytes(&protected).unwrap();
        e.bytes(&[]).unwrap().bytes(&payload).unwrap();
        let message = e.into_writer();
        let signature = match &self.pair {
            Pair::Es256(pair) => pair.sign(&SystemRandom::new(), &message).unwrap().as_ref().to_vec(),
            Pair::Ps256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PSS_SHA256, &SystemRandom::new(), &message, &mut signature).unwrap();
                signature
            }
        };
        let mut e = Encoder::new(Vec::new());
        if made.tagged {
            e.tag(minicbor::data::Tag::new(18)).unwrap();
        }
        e.array(4).unwrap().bytes(&protected).unwrap().map(0).unwrap();
        e.bytes(&payload).unwrap().bytes(&signature).unwrap();
        let mut bytes = e.into_writer();
        (made.meddle)(&mut bytes);
        text(&if made.packed { pack(&bytes) } else { bytes })
    }
}

pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    format!("HC1:{}", base45::encode(bytes))
}

fn value(e: &mut Encoder<Vec<u8>>, json: &Json) {
    match json {
        Json::Null => drop(e.null().unwrap()),
        Json::Bool(b) => drop(e.bool(*b).unwrap()),
        Json::Number(n) => match n.as_i64() {
            Some(n) => drop(e.i64(n).unwrap()),
            None => drop(e.f64(n.as_f64().unwrap()).unwrap()),
        },
        Json::String(text) => drop(e.str(text).unwrap()),
        Json::Array(items) => {
            // Without a length, as some libraries write it.
            e.begin_array().unwrap();
            items.iter().for_each(|item| value(e, item));
            e.end().unwrap();
        }
        Json::Object(map) => {
            e.map(map.len() as u64).unwrap();
            for (name, item) in map {
                e.str(name).unwrap();
                value(e, item);
            }
        }
    }
}

/// A vaccination, dose `dn` of `sd`, of somebody of a date of birth.
pub fn vaccination(dn: i64, sd: i64, dob: &str) -> Json {
    json!({
        "ver": "1.3.0", "dob": dob, "nam": { "fn": "Muster", "gn": "Person", "fnt": "MUSTER" },
        "v": [{ "tg": "840539006", "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": dn,
            "sd": sd, "dt": "2021-12-01", "co": "XB", "is": "Made Up", "ci": "URN:UVCI:01:XB:1#A" }],
    })
}
