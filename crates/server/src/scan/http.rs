//! Requests and answers of scanning.

use axum::extract::State;
use kangma_core::decision::Colour;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::limit::ClientAddress;

/// What was read from a QR code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanRequest {
    /// `KM1:…`
    pass: String,
}

/// What a checkpoint may know, and nothing more.
#[derive(Serialize, ToSchema)]
pub struct ScanAnswer {
    /// `good`, or why not: `expired`, `not_yet_valid`, `revoked`, `forged`, `unknown_key`,
    /// `specimen`, `not_a_pass`.
    verdict: &'static str,
    /// Stable code of the step that settled it, such as `pass.signature`.
    code: &'static str,
    /// `green`, `yellow`, `red`, or `grey` where nothing is confirmed.
    colour: &'static str,
    /// Such as 张*.
    name_masked: Option<String>,
    /// The instant that the answer speaks of.
    #[schema(value_type = String, format = DateTime)]
    as_of: Instant,
}

/// Verifies a pass and tells the colour of its holder now.
#[utoipa::path(post, path = "/api/v1/scans", tag = "verifier", request_body = ScanRequest,
    responses((status = 200, body = ScanAnswer), (status = 413, body = ProblemBody), (status = 422, body = ProblemBody),
        (status = 429, body = ProblemBody)))]
pub async fn scan(
    State(app): State<Shared>,
    from: ClientAddress,
    Body(ask): Body<ScanRequest>,
) -> Result<Private<ScanAnswer>, Problem> {
    app.limits.scans.take(&from)?;
    let scanned = super::scan(&app, &ask.pass).await?;
    Ok(Private(ScanAnswer {
        verdict: scanned.verdict.name(),
        code: scanned.code,
        colour: scanned.colour.map_or("grey", Colour::name),
        name_masked: scanned.name_masked,
        as_of: scanned.as_of,
    }))
}
