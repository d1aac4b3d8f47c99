//! The pass: reading one's own code, and the keys that sign it.
//!
//! URLs: `GET /api/v1/me/code`, `GET /api/v1/me`, `GET /.well-known/kangma/keys.json`. Table, in the
//! store of keys: `signing_key`. Signing a pass writes nothing.

pub mod http;
mod keys;
pub mod proof;
mod store;
#[cfg(test)]
mod tests;

use kangma_core::pass::{self, Claims};
use kangma_core::time::Instant;

pub use keys::SigningKeys;

use crate::app::Shared;
use crate::error::Problem;
use crate::person::Known;

/// A signed pass and its times.
pub struct Issued {
    /// `KM1:…`.
    pub text: String,
    /// When it was signed.
    pub issued_at: Instant,
    /// Until when verifiers call it fresh.
    pub fresh_until: Instant,
    /// When it runs out.
    pub expires_at: Instant,
}

/// Signs a pass for a state that holds at `now`; `None` where there is no colour to show.
pub fn issue(app: &Shared, state: &Known, now: Instant) -> Result<Option<Issued>, Problem> {
    let Some(colour) = state.colour() else { return Ok(None) };
    let pack = app.packs.at(state.sealed.division, state.as_of);
    let terms = &pack.pass;
    // A pass never outlives the instant at which time alone can change its colour, and is no
    // fresher than what it says.
    let until = |s: u32| {
        let at = state.as_of.plus_s(i64::from(s));
        state.review_at.map_or(at, |review_at| at.min(review_at))
    };
    let (fresh_until, expires_at) = (until(terms.fresh_s), until(terms.lifetime_s));
    if expires_at <= now {
        return Ok(None);
    }
    let slot = (now.0 / i64::from(terms.renew_s.max(1))).unsigned_abs();
    let claims = Claims {
        issuer: app.config.issuer.clone(),
        issued: now,
        expires: expires_at,
        state_at: state.as_of,
        fresh_s: u32::try_from(fresh_until.0 - state.as_of.0).unwrap_or(0),
        colour,
        division: county(state.sealed.division),
        pack_version: pack.version.to_string(),
        name_masked: state.sealed.name_masked.clone(),
        handle: app.keys.handle_key().seal(state.id, state.version.unsigned_abs(), slot),
    };
    let text = app.signing.with_active(now, |signer| pass::issue(&claims, signer)).map_err(|e| {
        tracing::error!(%e, "a pass could not be signed");
        Problem::internal()
    })?;
    Ok(Some(Issued { text, issued_at: now, fresh_until, expires_at }))
}

/// The county of a deeper code: a pass says no more of where somebody lives.
fn county(mut division: u64) -> u64 {
    while division > 999_999 {
        division /= 1_000;
    }
    division
}
