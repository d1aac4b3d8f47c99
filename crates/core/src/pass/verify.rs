//! Verifying: one straight line, a stable code for each step. The first step that fails answers.

use super::cbor::{Bad, Reader};
use super::keys::KeySet;
use super::{CLAIM, Claims, ES256, PREFIX, SCANNED_BYTES_MAX, SKEW_S, TEXT_CHARS_MAX, to_be_signed};
use crate::decision::Colour;
use crate::time::Instant;

/// What a verifier says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Genuine and fresh: its colour counts.
    Good,
    /// Genuine and unexpired, but the colour was last confirmed a while ago: "as of 08:14".
    AsOf,
    /// It ran out.
    Expired,
    /// Signed in the future, beyond what clocks may differ.
    NotYetValid,
    /// The issuer says that it no longer counts. Only the issuer's own service answers so.
    Revoked,
    /// The signature is not right.
    Forged,
    /// Signed by a key that this verifier does not know, or no longer trusts.
    UnknownKey,
    /// Signed by the published specimen key.
    Specimen,
    /// Not a pass at all, or a damaged one.
    NotAPass,
    /// The verifier's own keys, clock or device are not good enough to say. Never green.
    CannotConfirm,
}

impl Verdict {
    /// Its word in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::AsOf => "as_of",
            Verdict::Expired => "expired",
            Verdict::NotYetValid => "not_yet_valid",
            Verdict::Revoked => "revoked",
            Verdict::Forged => "forged",
            Verdict::UnknownKey => "unknown_key",
            Verdict::Specimen => "specimen",
            Verdict::NotAPass => "not_a_pass",
            Verdict::CannotConfirm => "cannot_confirm",
        }
    }
}

/// What came of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// What to say.
    pub verdict: Verdict,
    /// The step that settled it: `pass.good`, or the one that failed.
    pub code: &'static str,
    /// What the pass says, wherever a known key's signature is right: for good, as of, expired, not
    /// yet valid, and specimens. Only for good and as of may it be acted on.
    pub claims: Option<Claims>,
}

/// The verdict and code of a step that failed.
type Refusal = (Verdict, &'static str);

/// Verifies a text at an instant. Any text gets an answer; nothing of it is kept.
#[must_use]
pub fn verify(text: &str, keys: &KeySet, now: Instant) -> Checked {
    match open(text, keys, now) {
        Ok((claims, specimen)) => {
            let (verdict, code) =
                if specimen { (Verdict::Specimen, "pass.specimen") } else { timely(&claims, now) };
            Checked { verdict, code, claims: Some(claims) }
        }
        Err((verdict, code)) => Checked { verdict, code, claims: None },
    }
}

/// A genuine pass: in time? Each limit is the first instant on its far side.
fn timely(claims: &Claims, now: Instant) -> Refusal {
    if claims.issued > now.plus_s(SKEW_S) {
        (Verdict::NotYetValid, "pass.not_yet_valid")
    } else if now >= claims.expires {
        (Verdict::Expired, "pass.expired")
    } else if now >= claims.state_at.plus_s(i64::from(claims.fresh_s)) {
        (Verdict::AsOf, "pass.stale")
    } else {
        (Verdict::Good, "pass.good")
    }
}

/// Length, prefix, Base45, CBOR, header, key, signature, claims.
fn open(text: &str, keys: &KeySet, now: Instant) -> Result<(Claims, bool), Refusal> {
    use Verdict::{Forged, NotAPass, UnknownKey};
    let body = body(text).map_err(|code| (NotAPass, code))?;
    let bytes = base45::decode(body).map_err(|_| (NotAPass, "pass.base45"))?;
    // The decoder forgives a last pair over 255; an encoder never writes one.
    if base45::encode(&bytes) != body {
        return Err((NotAPass, "pass.base45"));
    }
    let Sign1 { protected, payload, signature } = sign1(&bytes).map_err(|code| (NotAPass, code))?;
    let key_id = header(protected).map_err(|code| (NotAPass, code))?;
    let key = keys.find(key_id).ok_or((UnknownKey, "pass.key"))?;
    let signed = to_be_signed(protected, payload);
    key.key.verify_sig(&signed, signature).map_err(|_| (Forged, "pass.signature"))?;
    // A retired key may have leaked since, and whoever holds it can write any date into a pass: its
    // end is measured by our clock, never by what the pass says.
    if key.not_after.is_some_and(|at| now >= at) {
        return Err((UnknownKey, "pass.key"));
    }
    let claims = claims(payload).map_err(|Bad| (NotAPass, "pass.claims"))?;
    Ok((claims, key.specimen))
}

/// The Base45 part of a text that is not too long and has our prefix.
fn body(text: &str) -> Result<&str, &'static str> {
    if text.len() > SCANNED_BYTES_MAX {
        return Err("pass.length");
    }
    // Scanners and keyboards add line ends. Space is a letter of Base45, yet no Base45 ends in one:
    // the last letter of a group is a 5 or a W at most.
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let body = text.strip_prefix(PREFIX).ok_or("pass.prefix")?;
    if text.len() > TEXT_CHARS_MAX {
        return Err("pass.length");
    }
    Ok(body)
}

/// The three byte strings of a COSE_Sign1 structure.
struct Sign1<'a> {
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

fn sign1(bytes: &[u8]) -> Result<Sign1<'_>, &'static str> {
    const BAD: &str = "pass.cbor";
    let mut r = Reader(bytes);
    if r.array().map_err(|Bad| BAD)? != 4 {
        return Err(BAD);
    }
    let protected = r.bytes().map_err(|Bad| BAD)?;
    // What is not signed says nothing, so it may hold nothing.
    if r.map().map_err(|Bad| BAD)? != 0 {
        return Err("pass.header");
    }
    let payload = r.bytes().map_err(|Bad| BAD)?;
    let signature = r.bytes().map_err(|Bad| BAD)?;
    r.end().map_err(|Bad| BAD)?;
    Ok(Sign1 { protected, payload, signature })
}

/// The key id of a protected header that holds the algorithm, the key id and nothing else. Labels
/// stand in ascending order, which refuses duplicates too.
fn header(bytes: &[u8]) -> Result<&[u8], &'static str> {
    const BAD: &str = "pass.header";
    let mut r = Reader(bytes);
    let n = r.map().map_err(|Bad| BAD)?;
    let (mut algorithm, mut key_id, mut last) = (None, None, None);
    for _ in 0..n {
        let label = r.uint().map_err(|Bad| BAD)?;
        if last.is_some_and(|last| label <= last) {
            return Err(BAD);
        }
        last = Some(label);
        match label {
            1 => algorithm = Some(r.int().map_err(|Bad| BAD)?),
            // We know no critical header, so whatever it names is unknown.
            2 => return Err("pass.critical"),
            4 => key_id = Some(r.bytes().map_err(|Bad| BAD)?),
            _ => return Err(BAD),
        }
    }
    r.end().map_err(|Bad| BAD)?;
    match (algorithm, key_id) {
        (Some(algorithm), Some(id)) if algorithm == -1 - i64::from(ES256) && id.len() == 8 => Ok(id),
        _ => Err(BAD),
    }
}

/// The claims, each in its place and within its limits.
fn claims(bytes: &[u8]) -> Result<Claims, Bad> {
    let mut r = Reader(bytes);
    let key = |r: &mut Reader<'_>, wanted: i64| if r.int()? == wanted { Ok(()) } else { Err(Bad) };
    if r.map()? != 4 {
        return Err(Bad);
    }
    key(&mut r, 1)?;
    let issuer = r.text()?.to_owned();
    key(&mut r, 4)?;
    let expires = Instant(r.uint()?.into());
    key(&mut r, 6)?;
    let issued = Instant(r.uint()?.into());
    key(&mut r, -1 - i64::from(CLAIM))?;
    if r.array()? != 7 {
        return Err(Bad);
    }
    let colour = u8::try_from(r.uint()?).ok().and_then(Colour::from_u8).ok_or(Bad)?;
    let division = r.uint()?.into();
    let pack_version = r.text()?.to_owned();
    let name_masked = r.text()?.to_owned();
    let handle = r.bytes()?.try_into().map_err(|_| Bad)?;
    let state_at = Instant(issued.0 - i64::from(r.uint()?));
    let fresh_s = r.uint()?;
    r.end()?;
    let claims = Claims {
        issuer,
        issued,
        expires,
        state_at,
        fresh_s,
        colour,
        division,
        pack_version,
        name_masked,
        handle,
    };
    if claims.misfit().is_none() { Ok(claims) } else { Err(Bad) }
}
