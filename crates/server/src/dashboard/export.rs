//! A table as a file, for an office that says why.

use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use kangma_core::role::Permission;
use kangma_core::tally::{Measure, Place};
use kangma_core::time::Instant;
use serde::Deserialize;
use utoipa::ToSchema;

use super::http::{code_of, name_of, place_for};
use super::{Days, Span, store};
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::Body;
use crate::staff::Officer;

/// Letters of a reason.
const REASON: std::ops::RangeInclusive<usize> = 4..=200;
/// What stands for a count that is withheld.
const WITHHELD: &str = "*";

/// Why a file is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportAsk {
    /// 4 to 200 letters; kept, sealed, with the officer's name.
    #[schema(example = "市防疫指挥部日报")]
    reason: String,
}

/// The table of children as CSV: UTF-8 with a byte order mark, as many rows as `rows_total` says, and
/// an asterisk where a count is withheld. The header `X-Rows` says how many.
#[utoipa::path(post, path = "/api/v1/dashboard/{division}/export.csv", tag = "staff", request_body = ExportAsk,
    params(("division" = String, Path, description = "2, 4, 6, 9 or 12 digits, or 0 for the whole country")),
    responses((status = 200, content_type = "text/csv", body = String), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn export(
    State(app): State<Shared>,
    officer: Officer,
    Path(division): Path<String>,
    Body(ask): Body<ExportAsk>,
) -> Result<Response, Problem> {
    let place = place_for(&officer, &division)?;
    officer.require(Permission::Export, &code_of(place))?;
    let reason = ask.reason.trim();
    if !REASON.contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        return Err(Problem::field(
            "reason",
            "export.reason",
            "请用 4 到 200 个字说明导出的用途。",
            "Say in 4 to 200 letters what the file is for.",
        ));
    }
    let top = super::top(&app).await?;
    let rows = super::children(&app, &top, place, Span::TwoDays).await?;
    let id = app.new_id();
    let sealed = app.keys.master.seal("dashboard_export", "reason", &id, reason.as_bytes());
    let asked = store::Export { id, officer: &officer.name, place, rows: rows.len(), reason: sealed };
    store::note_export(&app.db, asked, app.clock.now()).await?;
    let name = format!("attachment; filename=\"kangma-{place}-{}.csv\"", top.day);
    let number = HeaderValue::from(rows.len());
    Ok((
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (
                header::CONTENT_DISPOSITION,
                HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment")),
            ),
            (HeaderName::from_static("x-rows"), number),
        ],
        csv(&rows, top.as_of),
    )
        .into_response())
}

/// The table as text.
pub fn csv(rows: &[(Place, Days)], as_of: Instant) -> String {
    let mut out = String::from("\u{feff}division,name,as_of");
    for measure in Measure::ALL {
        out.push(',');
        out.push_str(measure.name());
    }
    out.push_str("\r\n");
    for (place, days) in rows {
        out.push_str(&[place.to_string(), name_of(*place), as_of.to_string()].map(|t| cell(&t)).join(","));
        for measure in Measure::ALL {
            let count = days.first().and_then(|day| day[measure as usize].count());
            out.push(',');
            out.push_str(&count.map_or_else(|| WITHHELD.to_owned(), |n| n.to_string()));
        }
        out.push_str("\r\n");
    }
    out
}

/// A text that no spreadsheet takes for a formula.
pub fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r', '\t']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}
