//! PDF files: none that runs, opens or carries something else.
//!
//! A reader follows a table of offsets and may find an object anywhere, so forbidden names are looked
//! for in every byte as they stand, and in object streams after they are unpacked. What hides its
//! objects in a way that we do not unpack, or enciphers them, is refused.

use std::io::Read as _;

use flate2::read::ZlibDecoder;

use super::refused;
use crate::error::Problem;

/// Names of what a document may not do or hold.
const FORBIDDEN: &[&str] = &[
    "JavaScript",
    "Launch",
    "EmbeddedFile",
    "EmbeddedFiles",
    "Filespec",
    "RichMedia",
    "GoToE",
    "GoToR",
    "ImportData",
    "SubmitForm",
    "Rendition",
    "XFA",
];
/// All object streams of a file unpack to this many bytes at most.
const UNPACKED_MAX: u64 = 32 * 1024 * 1024;
/// The end of a file lies in its last bytes.
const TAIL: usize = 2048;
/// Before a stream stands its dictionary, which is no longer than this.
const DICTIONARY_MAX: usize = 4096;

/// Whether it says that it is one. Readers forgive a kilobyte before it; we do not, since what
/// stands there can be another file.
pub fn is_pdf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"%PDF-")
}

/// Looks at a whole file.
pub fn look(bytes: &[u8]) -> Result<(), Problem> {
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    if find(tail, b"%%EOF").is_none() || find(bytes, b" obj").is_none() {
        return Err(refused(
            "evidence.not_a_pdf",
            "文件打不开，可能已损坏或不是 PDF，请换一个文件。",
            "The file does not open: it is damaged, or not a PDF. Please choose another.",
        ));
    }
    names(bytes)?;
    let mut left = UNPACKED_MAX;
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], b"stream") {
        let begin = at + found;
        at = begin + b"stream".len();
        if bytes[..begin].ends_with(b"end") {
            continue;
        }
        let head = &bytes[begin.saturating_sub(DICTIONARY_MAX)..begin];
        // Of the object that the stream belongs to alone.
        let own = find_last(head, b" obj").map_or(head, |i| &head[i..]);
        if has(own, "ObjStm") {
            left = unpack(own, &bytes[at..], left)?;
        }
    }
    Ok(())
}

/// Unpacks an object stream and looks at it; returns what may still be unpacked.
fn unpack(dictionary: &[u8], rest: &[u8], left: u64) -> Result<u64, Problem> {
    let others = ["LZWDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode", "Crypt", "DecodeParms"];
    let short = ["LZW", "AHx", "A85", "RL", "DP", "DCTDecode", "JPXDecode", "CCITTFaxDecode", "JBIG2Decode"];
    if others.iter().chain(&short).any(|name| has(dictionary, name)) {
        return Err(hidden());
    }
    if !has(dictionary, "FlateDecode") && !has(dictionary, "Fl") {
        // As it stands: looked at already.
        return Ok(left);
    }
    let body = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
    let mut plain = Vec::new();
    ZlibDecoder::new(body).take(left + 1).read_to_end(&mut plain).map_err(|_| hidden())?;
    let left = left.checked_sub(plain.len() as u64).ok_or_else(hidden)?;
    names(&plain)?;
    Ok(left)
}

/// Refuses forbidden names.
fn names(bytes: &[u8]) -> Result<(), Problem> {
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|b| *b == b'/') {
        at += found + 1;
        let name = name_at(&bytes[at..]);
        if name == b"Encrypt" {
            return Err(hidden());
        }
        if FORBIDDEN.iter().any(|f| f.as_bytes() == name) {
            return Err(refused(
                "evidence.active_pdf",
                "PDF 含有脚本、附件或自动操作，不能上传；请打印或截图后以图片上传。",
                "The PDF holds a script, an attachment or an action, and is not taken. Please send a picture or a \
                 print of it.",
            ));
        }
    }
    Ok(())
}

/// Whether a dictionary holds a name.
fn has(dictionary: &[u8], name: &str) -> bool {
    let slashes = dictionary.iter().enumerate().filter(|(_, b)| **b == b'/');
    slashes.into_iter().any(|(i, _)| name_at(&dictionary[i + 1..]) == name.as_bytes())
}

/// The name that begins here, with `#4a` read as a letter.
fn name_at(bytes: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    let mut i = 0;
    while let Some(b) = bytes.get(i).filter(|_| name.len() < 32) {
        let escaped = (*b == b'#').then(|| bytes.get(i + 1..i + 3)).flatten();
        let escaped = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match escaped {
            Some(letter) => {
                name.push(letter);
                i += 3;
            }
            None if b.is_ascii_alphanumeric() => {
                name.push(*b);
                i += 1;
            }
            None => break,
        }
    }
    name
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

fn find_last(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|w| w == what)
}

fn hidden() -> Problem {
    refused(
        "evidence.hidden_pdf",
        "PDF 已加密或无法检查，不能上传；请另存为普通 PDF，或以图片上传。",
        "The PDF is enciphered or cannot be looked into. Please save it as a plain PDF, or send a picture of it.",
    )
}
