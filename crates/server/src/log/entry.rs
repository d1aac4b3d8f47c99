//! What the log shows of a leaf: its kind, the second it was written in, and a digest. An entry
//! names nobody, and its digest is salted: who does not hold the salt learns nothing by trying.

use minicbor::{Decoder, Encoder};

use super::tree::WIDTH;
use super::{Kind, sha256};

/// Longest entry: a map of three, each value at its longest.
const ENTRY_BYTES_MAX: usize = 64;

/// One entry of the log; spec/log.md gives its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it speaks of.
    pub kind: Kind,
    /// When it was written, in seconds since 1970.
    pub at_s: u64,
    /// SHA-256 of salt and digest of the row.
    pub digest: [u8; 32],
}

impl Entry {
    /// Of a leaf.
    pub fn of(kind: Kind, at_ms: i64, salt: &[u8], digest: &[u8; 32]) -> Entry {
        Entry { kind, at_s: u64::try_from(at_ms / 1000).unwrap_or(0), digest: sha256(&[salt, digest]) }
    }

    /// Its one encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Encoder::new(Vec::with_capacity(48));
        let done = out
            .map(3)
            .and_then(|e| e.u8(1)?.u8(self.kind as u8))
            .and_then(|e| e.u8(2)?.u64(self.at_s))
            .and_then(|e| e.u8(3)?.bytes(&self.digest).map(drop));
        done.expect("encoding into memory cannot fail");
        out.into_writer()
    }

    /// Reads one; `None` for anything that [`Entry::to_bytes`] does not write.
    pub fn from_bytes(bytes: &[u8]) -> Option<Entry> {
        let mut from = Decoder::new(bytes);
        let read = |from: &mut Decoder<'_>| -> Result<(u8, u64, [u8; 32]), minicbor::decode::Error> {
            from.map()?;
            from.u8()?;
            let kind = from.u8()?;
            from.u8()?;
            let at_s = from.u64()?;
            from.u8()?;
            let digest = from.bytes()?.try_into().map_err(|_| minicbor::decode::Error::message("digest"))?;
            Ok((kind, at_s, digest))
        };
        let (kind, at_s, digest) = read(&mut from).ok()?;
        let entry = Entry { kind: Kind::from_u8(kind)?, at_s, digest };
        (entry.to_bytes() == bytes).then_some(entry)
    }
}

/// Adds an entry to a bundle: two bytes of length, then the entry.
pub fn push(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).expect("an entry is short");
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The entries of a bundle; `None` where it is not one.
pub fn split(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut all = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length)?;
        if length > ENTRY_BYTES_MAX || all.len() == WIDTH {
            return None;
        }
        all.push(entry);
        bundle = rest;
    }
    bundle.is_empty().then_some(all)
}
