//! Signed notes, as C2SP describes them: tree heads, the log's signature and those of witnesses.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use tlog_tiles::Hash;

use super::sha256;

/// Longest note that is read.
pub const NOTE_BYTES_MAX: usize = 4 * 1024;
const NAME_BYTES_MAX: usize = 200;

/// Why a note, a key or a head is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a key.
    #[error("log.key: this is not a verifier key of the form name+hash+key")]
    Key,
    /// Not a head.
    #[error("log.head: this is not a tree head")]
    Head,
    /// Nobody's, or another log's.
    #[error("log.signature: the tree head is not signed by {0}")]
    Signature(String),
}

/// What a key signs; the first byte of its public form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// Notes as they stand: the log itself.
    Notes = 1,
    /// Cosignatures with a time: a witness.
    Cosignatures = 4,
}

/// A public key with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// Who.
    pub name: String,
    signs: Signs,
    key: [u8; 32],
}

impl Verifier {
    /// From `name+hash+key`.
    pub fn parse(text: &str) -> Result<Verifier, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (name, id, key) = (parts.next(), parts.next(), parts.next());
        let (Some(name), Some(id), Some(key)) = (name, id, key) else { return Err(NoteError::Key) };
        let key = B64.decode(key).map_err(|_| NoteError::Key)?;
        let (signs, key) = key.split_first().ok_or(NoteError::Key)?;
        let signs = match signs {
            1 => Signs::Notes,
            4 => Signs::Cosignatures,
            _ => return Err(NoteError::Key),
        };
        let key = key.try_into().map_err(|_| NoteError::Key)?;
        let verifier = Verifier { name: name.to_owned(), signs, key };
        let fine = !name.is_empty() && !name.contains(char::is_whitespace) && name.len() <= NAME_BYTES_MAX;
        (fine && hex(&verifier.id()) == id).then_some(verifier).ok_or(NoteError::Key)
    }

    /// From the text of a witness's key.
    pub fn witness(text: &str) -> Result<Verifier, NoteError> {
        Verifier::parse(text).ok().filter(Verifier::is_witness).ok_or(NoteError::Key)
    }

    /// Whether it is a witness's.
    pub fn is_witness(&self) -> bool {
        self.signs == Signs::Cosignatures
    }

    /// Four bytes that stand before each of its signatures.
    fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &[self.signs as u8], &self.key]);
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The line of a note that it signed, if one is right.
    pub fn line_in<'n>(&self, note: &'n str) -> Option<&'n str> {
        let (text, lines) = split(note)?;
        lines.lines().find(|line| self.is_right(text, line))
    }

    fn is_right(&self, text: &str, line: &str) -> bool {
        let Some(rest) = line.strip_prefix("\u{2014} ") else { return false };
        let Some((name, signature)) = rest.split_once(' ') else { return false };
        let Ok(bytes) = B64.decode(signature) else { return false };
        let Some((id, signature)) = bytes.split_first_chunk::<4>() else { return false };
        if name != self.name || *id != self.id() {
            return false;
        }
        let key = UnparsedPublicKey::new(&ED25519, self.key);
        match self.signs {
            Signs::Notes => key.verify(text.as_bytes(), signature).is_ok(),
            Signs::Cosignatures => signature.split_first_chunk::<8>().is_some_and(|(at, signature)| {
                key.verify(cosigned(u64::from_be_bytes(*at), text).as_bytes(), signature).is_ok()
            }),
        }
    }
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = [&[self.signs as u8], &self.key[..]].concat();
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), B64.encode(key))
    }
}

/// A secret key with its name.
pub struct NoteKey {
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl NoteKey {
    /// From 32 random bytes.
    pub fn from_seed(name: &str, signs: Signs, seed: &[u8]) -> Result<NoteKey, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::Key)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Key)?;
        let verifier = Verifier { name: name.to_owned(), signs, key };
        // Held to the same rules as one that is read.
        Verifier::parse(&verifier.to_string())?;
        Ok(NoteKey { pair, verifier })
    }

    /// From `PRIVATE+KEY+name+hash+key`, the form of key files of signed notes.
    pub fn parse(text: &str) -> Result<NoteKey, NoteError> {
        let rest = text.trim().strip_prefix("PRIVATE+KEY+").ok_or(NoteError::Key)?;
        let mut parts = rest.splitn(3, '+');
        let (name, id, key) = (parts.next(), parts.next(), parts.next());
        let (Some(name), Some(id), Some(key)) = (name, id, key) else { return Err(NoteError::Key) };
        let key = B64.decode(key).map_err(|_| NoteError::Key)?;
        let signs = match key.first() {
            Some(1) => Signs::Notes,
            Some(4) => Signs::Cosignatures,
            _ => return Err(NoteError::Key),
        };
        let key = NoteKey::from_seed(name, signs, &key[1..])?;
        (hex(&key.verifier.id()) == id).then_some(key).ok_or(NoteError::Key)
    }

    /// The same form, of a seed.
    pub fn file_of(name: &str, signs: Signs, seed: &[u8; 32]) -> Result<String, NoteError> {
        let key = NoteKey::from_seed(name, signs, seed)?;
        let secret = B64.encode([&[signs as u8], &seed[..]].concat());
        Ok(format!("PRIVATE+KEY+{name}+{}+{secret}\n", hex(&key.verifier.id())))
    }

    /// Its public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// A head as a note with the log's signature.
    pub fn sign(&self, head: &Head) -> String {
        let text = head.text(&self.verifier.name);
        format!("{text}\n{}", self.line(self.pair.sign(text.as_bytes()).as_ref()))
    }

    /// A witness's line for a note, with the time at which it saw it.
    pub fn cosign(&self, note: &str, at_s: u64) -> Option<String> {
        let (text, _) = split(note)?;
        let signature = self.pair.sign(cosigned(at_s, text).as_bytes());
        Some(self.line(&[&at_s.to_be_bytes(), signature.as_ref()].concat()))
    }

    fn line(&self, signature: &[u8]) -> String {
        let bytes = B64.encode([&self.verifier.id(), signature].concat());
        format!("\u{2014} {} {bytes}\n", self.verifier.name)
    }
}

impl std::fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NoteKey({}, ***)", self.verifier.name)
    }
}

/// What a witness signs.
fn cosigned(at_s: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {at_s}\n{text}")
}

/// A note's text, with its last line end, and its signatures.
fn split(note: &str) -> Option<(&str, &str)> {
    let at = note.rfind("\n\n")?;
    (note.len() <= NOTE_BYTES_MAX && note.ends_with('\n')).then(|| (&note[..=at], &note[at + 2..]))
}

/// How large a tree is, and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Leaves.
    pub size: u64,
    /// Of the tree.
    pub root: [u8; 32],
}

impl Head {
    /// Of a tree.
    pub fn new(size: u64, root: Hash) -> Head {
        Head { size, root: root.0 }
    }

    /// As tlog_tiles wants it.
    pub fn hash(&self) -> Hash {
        Hash(self.root)
    }

    fn text(&self, name: &str) -> String {
        format!("{name}\n{}\n{}\n", self.size, B64.encode(self.root))
    }

    /// Reads a note that a log signed.
    pub fn open(note: &str, log: &Verifier) -> Result<Head, NoteError> {
        let (text, _) = split(note).ok_or(NoteError::Head)?;
        log.line_in(note).ok_or_else(|| NoteError::Signature(log.name.clone()))?;
        let mut lines = text.lines();
        let (name, size, root) = (lines.next(), lines.next(), lines.next());
        let size = size.and_then(|s| s.parse().ok()).ok_or(NoteError::Head)?;
        let root = root.and_then(|r| B64.decode(r).ok()).ok_or(NoteError::Head)?;
        let head = Head { size, root: root.try_into().map_err(|_| NoteError::Head)? };
        // Its one way of writing; other lines than these three are not ours.
        (name == Some(log.name.as_str()) && text == head.text(&log.name))
            .then_some(head)
            .ok_or(NoteError::Head)
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
