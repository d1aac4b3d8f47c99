//! Opaque identifiers. None of them says anything about the person.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A person: 16 bytes of HMAC-SHA-256 over the type and normalised number of their first
/// document, under a key kept outside the database; opaque and fixed from then on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub [u8; 16]);

/// A phone or channel account: 16 bytes of HMAC-SHA-256 over its normalised name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub [u8; 16]);

/// A fact: a random or time-ordered 128-bit number that the recorder made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactId(pub [u8; 16]);

impl FactId {
    /// Whether two identifiers were made for one and the same request, sent twice: their second
    /// halves, 62 bits that are random or stand for the request's key, are equal.
    pub fn is_repeat_of(&self, other: &FactId) -> bool {
        self.0[8..] == other.0[8..]
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

macro_rules! hex_id {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; 32];
                for (pair, b) in text.chunks_exact_mut(2).zip(self.0) {
                    pair.copy_from_slice(&[HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
                }
                f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl $name {
            /// Reads 32 hexadecimal digits.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let b = text.as_bytes();
                if b.len() != 32 {
                    return None;
                }
                let mut out = [0; 16];
                for (i, pair) in b.chunks_exact(2).enumerate() {
                    let hex = |c: u8| (c as char).to_digit(16);
                    out[i] = (hex(pair[0])? * 16 + hex(pair[1])?) as u8;
                }
                Some(Self(out))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(d)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected 32 hexadecimal digits"))
            }
        }
    };
}

hex_id!(PersonId);
hex_id!(AccountId);
hex_id!(FactId);
