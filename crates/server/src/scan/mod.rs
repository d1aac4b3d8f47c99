//! Scanning: a checkpoint asks the server about a pass. URL: `POST /api/v1/scans`.
//!
//! Nothing is stored: not who was scanned, nor where. The answer holds the verdict, the colour
//! and the masked name, all of which the pass itself shows to anybody who reads it; the server
//! adds what changed since it was signed.

pub mod http;

use kangma_core::decision::Colour;
use kangma_core::pass::{self, Verdict};
use kangma_core::time::Instant;

use crate::app::Shared;
use crate::decide;
use crate::error::Problem;

/// What a checkpoint learns.
#[derive(Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The verdict.
    pub verdict: Verdict,
    /// Stable code of the step that settled it.
    pub code: &'static str,
    /// The colour now, where the pass is genuine and unexpired.
    pub colour: Option<Colour>,
    /// The masked name, likewise.
    pub name_masked: Option<String>,
    /// The instant that the answer speaks of.
    pub as_of: Instant,
}

/// Verifies a pass, then looks whether its holder's colour is still the same.
pub async fn scan(app: &Shared, text: &str) -> Result<Scanned, Problem> {
    let now = app.clock.now();
    let checked = pass::verify(text, &app.signing.public(), now);
    let refused = |verdict, code| Scanned { verdict, code, colour: None, name_masked: None, as_of: now };
    let claims = match (checked.verdict, checked.claims) {
        (Verdict::Good | Verdict::AsOf, Some(claims)) => claims,
        (verdict, _) => return Ok(refused(verdict, checked.code)),
    };
    let person = app.keys.handle_key().open(&claims.handle);
    let Some(state) = decide::current(app, person).await? else {
        return Ok(refused(Verdict::Revoked, "pass.revoked"));
    };
    let name_masked = Some(claims.name_masked);
    Ok(match state.colour() {
        // The server knows that the colour holds now, however old the proof is.
        Some(colour) if colour == claims.colour => Scanned {
            verdict: Verdict::Good,
            code: "pass.good",
            colour: Some(colour),
            name_masked,
            as_of: now,
        },
        colour => {
            Scanned { verdict: Verdict::Revoked, code: "pass.superseded", colour, name_masked, as_of: now }
        }
    })
}
