//! Verifying: one straight line, a stable code for each step.

use super::cbor::{Bad, Reader};
use super::keys::KeySet;
use super::{CLAIM, COSE_BYTES_MAX, Claims, PREFIX, SCANNED_MAX, SKEW_S, to_be_signed};
use crate::decision::Colour;
use crate::time::Instant;

/// What a verifier says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Genuine and fresh: its colour counts.
    Good,
    /// Genuine and unexpired, but the colour was last confirmed a while ago.
    AsOf,
    /// It ran out.
    Expired,
    /// Signed in the future.
    NotYetValid,
    /// The issuer says that it no longer counts.
    Revoked,
    /// The signature is not right.
    Forged,
    /// Signed by a key that this verifier does not know.
    UnknownKey,
    /// Signed by the published specimen key.
    Specimen,
    /// Not a pass at all, or a damaged one.
    NotAPass,
    /// The verifier's own keys or clock are not good enough to say.
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
    /// The step that settled it.
    pub code: &'static str,
    /// What the pass says, wherever the signature is right.
    pub claims: Option<Claims>,
}

fn refused(verdict: Verdict, code: &'static str) -> Checked {
    Checked { verdict, code, claims: None }
}

/// Verifies a text at an instant.
#[must_use]
pub fn verify(text: &str, keys: &KeySet, now: Instant) -> Checked {
    match open(text, keys) {
        Ok((claims, true, _)) => {
            Checked { verdict: Verdict::Specimen, code: "pass.specimen", claims: Some(claims) }
        }
        Ok((claims, false, not_after)) => timely(claims, not_after, now),
        Err((verdict, code)) => refused(verdict, code),
    }
}

/// A genuine pass, in time?
fn timely(claims: Claims, not_after: Option<Instant>, now: Instant) -> Checked {
    let (verdict, code) = if not_after.is_some_and(|at| claims.issued > at) {
        (Verdict::UnknownKey, "pass.key_retired")
    } else if claims.issued > now.plus_s(SKEW_S) {
        (Verdict::NotYetValid, "pass.not_yet_valid")
    } else if now >= claims.expires {
        (Verdict::Expired, "pass.expired")
    } else if now > claims.state_at.plus_s(i64::from(claims.fresh_s)) {
        (Verdict::AsOf, "pass.stale")
    } else {
        (Verdict::Good, "pass.good")
    };
    Checked { verdict, code, claims: Some(claims) }
}

type Opened = (Claims, bool, Option<Instant>);

/// Prefix, Base45, CBOR, header, key, signature, claims: in this order, each with its code.
fn open(text: &str, keys: &KeySet) -> Result<Opened, (Verdict, &'static str)> {
    use Verdict::{Forged, NotAPass, UnknownKey};
    if text.len() > SCANNED_MAX {
        return Err((NotAPass, "pass.length"));
    }
    // Scanners and keyboards add line ends; nothing else is forgiven.
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let body = text.strip_prefix(PREFIX).ok_or((NotAPass, "pass.prefix"))?;
    let bytes = base45::decode(body).map_err(|_| (NotAPass, "pass.base45"))?;
    // A decoder may forgive what an encoder never writes.
    if base45::encode(&bytes) != body {
        return Err((NotAPass, "pass.base45"));
    }
    if bytes.len() > COSE_BYTES_MAX {
        return Err((NotAPass, "pass.length"));
    }
    let (protected, payload, signature) = sign1(&bytes).map_err(|Bad| (NotAPass, "pass.cbor"))?;
    let key_id = header(protected).map_err(|code| (NotAPass, code))?;
    let (key, specimen) = keys.find(key_id).ok_or((UnknownKey, "pass.key"))?;
    let signed = to_be_signed(protected, payload);
    key.key.verify_sig(&signed, signature).map_err(|_| (Forged, "pass.signature"))?;
    let claims = claims(payload).map_err(|Bad| (NotAPass, "pass.claims"))?;
    if !claims.fits() {
        return Err((NotAPass, "pass.claims"));
    }
    Ok((claims, specimen, key.not_after))
}

fn sign1(bytes: &[u8]) -> Result<(&[u8], &[u8], &[u8]), Bad> {
    let mut r = Reader(bytes);
    if r.array()? != 4 {
        return Err(Bad);
    }
    let protected = r.bytes()?;
    if r.map()? != 0 {
        return Err(Bad);
    }
    let (payload, signature) = (r.bytes()?, r.bytes()?);
    r.end()?;
    if signature.len() != 64 {
        return Err(Bad);
    }
    Ok((protected, payload, signature))
}

/// The protected header: algorithm and key id, in this order, and nothing that we do not know.
fn header(bytes: &[u8]) -> Result<&[u8], &'static str> {
    const BAD: &str = "pass.header";
    let mut r = Reader(bytes);
    let n = r.map().map_err(|Bad| BAD)?;
    let (mut algorithm, mut key_id, mut before) = (None, None, None);
    for _ in 0..n {
        let label = r.int().map_err(|Bad| BAD)?;
        if before.is_some_and(|b| b >= label) {
            return Err(BAD);
        }
        before = Some(label);
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
        (Some(-7), Some(id)) if id.len() == 8 => Ok(id),
        _ => Err(BAD),
    }
}

fn claims(bytes: &[u8]) -> Result<Claims, Bad> {
    let mut r = Reader(bytes);
    let label = |r: &mut Reader<'_>, wanted: i64| if r.int()? == wanted { Ok(()) } else { Err(Bad) };
    if r.map()? != 4 {
        return Err(Bad);
    }
    label(&mut r, 1)?;
    let issuer = r.text()?.to_owned();
    label(&mut r, 4)?;
    let expires = Instant(r.int()?);
    label(&mut r, 6)?;
    let issued = Instant(r.int()?);
    label(&mut r, CLAIM)?;
    if r.array()? != 7 {
        return Err(Bad);
    }
    let colour = u8::try_from(r.int()?).ok().and_then(Colour::from_u8).ok_or(Bad)?;
    let division = u64::try_from(r.int()?).map_err(|_| Bad)?;
    let pack_version = r.text()?.to_owned();
    let name_masked = r.text()?.to_owned();
    let handle = r.bytes()?.try_into().map_err(|_| Bad)?;
    let age = r.int()?;
    let fresh_s = u32::try_from(r.int()?).map_err(|_| Bad)?;
    r.end()?;
    let state_at = Instant(issued.0.checked_sub(age).ok_or(Bad)?);
    Ok(Claims {
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
    })
}
