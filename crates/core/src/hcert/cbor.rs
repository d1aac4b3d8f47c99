//! The CBOR of a certificate. Issuers write it with libraries of their own, so every well-formed
//! writing is read; depth and number of items are bounded.

use minicbor::Decoder;
use minicbor::data::{Tag, Type};
use serde_json::{Map, Number, Value as Json};

use crate::time::Instant;

const DEPTH_MAX: usize = 8;
const ITEMS_MAX: usize = 1_000;

/// How a certificate is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA-PSS with SHA-256.
    Ps256,
}

/// A COSE_Sign1 message.
pub struct Signed<'a> {
    pub protected: &'a [u8],
    pub algorithm: Algorithm,
    pub key_id: &'a [u8],
    pub payload: &'a [u8],
    pub signature: &'a [u8],
}

/// What is signed: CWT claims.
pub struct Claims {
    pub issuer: Option<String>,
    pub issued: Option<Instant>,
    pub expires: Instant,
    pub certificate: Json,
}

/// Reads a message, tagged or not.
pub fn signed(bytes: &[u8]) -> Option<Signed<'_>> {
    let mut d = Decoder::new(bytes);
    for tag in [61, 18] {
        if d.datatype().ok()? == Type::Tag && d.probe().tag().ok()? == Tag::new(tag) {
            d.tag().ok()?;
        }
    }
    if d.array().ok()? != Some(4) {
        return None;
    }
    let protected = d.bytes().ok()?;
    let mut header = Header::default();
    header.read(&mut Decoder::new(protected))?;
    // What is not protected may say the key's id, never the algorithm.
    let mut beside = Header::default();
    beside.read(&mut d)?;
    let payload = d.bytes().ok()?;
    let signature = d.bytes().ok()?;
    (d.position() == bytes.len()).then_some(())?;
    let key_id = header.key_id.or(beside.key_id)?;
    Some(Signed { protected, algorithm: header.algorithm?, key_id, payload, signature })
}

#[derive(Default)]
struct Header<'a> {
    algorithm: Option<Algorithm>,
    key_id: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    fn read(&mut self, d: &mut Decoder<'a>) -> Option<()> {
        for _ in 0..members(d)? {
            match d.datatype().ok()? {
                Type::String | Type::StringIndef => {
                    d.skip().ok()?;
                    d.skip().ok()?;
                    continue;
                }
                _ => {}
            }
            match d.i64().ok()? {
                1 => {
                    self.algorithm = match d.i64().ok()? {
                        -7 => Some(Algorithm::Es256),
                        -37 => Some(Algorithm::Ps256),
                        _ => return None,
                    }
                }
                // Something that has to be understood, and is not.
                2 => return None,
                4 => self.key_id = Some(d.bytes().ok()?),
                _ => d.skip().ok()?,
            }
        }
        Some(())
    }
}

/// How many members a map of definite length has.
fn members(d: &mut Decoder<'_>) -> Option<u64> {
    d.map().ok()?.filter(|n| *n <= ITEMS_MAX as u64)
}

/// Reads the claims.
pub fn claims(bytes: &[u8]) -> Option<Claims> {
    let mut d = Decoder::new(bytes);
    let (mut issuer, mut issued, mut expires, mut certificate) = (None, None, None, None);
    let mut left = ITEMS_MAX;
    for _ in 0..members(&mut d)? {
        match d.i64().ok()? {
            1 => issuer = Some(d.str().ok()?.to_owned()),
            4 => expires = Some(instant(&mut d)?),
            6 => issued = Some(instant(&mut d)?),
            -260 => {
                for _ in 0..members(&mut d)? {
                    match d.i64().ok()? {
                        1 => certificate = Some(json(&mut d, DEPTH_MAX, &mut left)?),
                        _ => d.skip().ok()?,
                    }
                }
            }
            _ => d.skip().ok()?,
        }
    }
    (d.position() == bytes.len()).then_some(())?;
    Some(Claims { issuer, issued, expires: expires?, certificate: certificate? })
}

/// Seconds since 1970; some write them as a decimal number.
fn instant(d: &mut Decoder<'_>) -> Option<Instant> {
    let seconds = match d.datatype().ok()? {
        Type::F16 | Type::F32 | Type::F64 => d.f64().ok().filter(|s| s.is_finite())? as i64,
        _ => d.i64().ok()?,
    };
    (Instant::MIN.0..=Instant::MAX.0).contains(&seconds).then_some(Instant(seconds))
}

/// A value as JSON.
fn json(d: &mut Decoder<'_>, deep: usize, left: &mut usize) -> Option<Json> {
    *left = left.checked_sub(1)?;
    Some(match d.datatype().ok()? {
        Type::Bool => Json::Bool(d.bool().ok()?),
        Type::Null => {
            d.null().ok()?;
            Json::Null
        }
        Type::Undefined => {
            d.undefined().ok()?;
            Json::Null
        }
        Type::F16 => Number::from_f64(f64::from(d.f16().ok()?)).map(Json::Number)?,
        Type::F32 => Number::from_f64(f64::from(d.f32().ok()?)).map(Json::Number)?,
        Type::F64 => Number::from_f64(d.f64().ok()?).map(Json::Number)?,
        Type::String | Type::StringIndef => Json::String(text(d)?),
        // A date-time in text (tag 0): the text is what rules read.
        Type::Tag if d.tag().ok()? == Tag::new(0) => Json::String(text(d)?),
        Type::Array | Type::ArrayIndef => {
            let deep = deep.checked_sub(1)?;
            let mut all = Vec::new();
            let n = d.array().ok()?;
            while more(d, n, all.len())? {
                all.push(json(d, deep, left)?);
            }
            Json::Array(all)
        }
        Type::Map | Type::MapIndef => {
            let deep = deep.checked_sub(1)?;
            let mut all = Map::new();
            let n = d.map().ok()?;
            while more(d, n, all.len())? {
                let name = text(d)?;
                // A name that is there twice says two things.
                if all.insert(name, json(d, deep, left)?).is_some() {
                    return None;
                }
            }
            Json::Object(all)
        }
        _ => Json::Number(d.i64().ok()?.into()),
    })
}

/// Whether there is another item; without a length a break ends them.
fn more(d: &mut Decoder<'_>, n: Option<u64>, read: usize) -> Option<bool> {
    match n {
        Some(n) => Some((read as u64) < n),
        None if d.datatype().ok()? == Type::Break => {
            d.skip().ok()?;
            Some(false)
        }
        None => Some(true),
    }
}

fn text(d: &mut Decoder<'_>) -> Option<String> {
    let mut out = String::new();
    for part in d.str_iter().ok()? {
        out.push_str(part.ok()?);
    }
    Some(out)
}
