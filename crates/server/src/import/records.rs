//! Records from machines: up to a thousand at once, each answered on its own.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as AxumState};
use axum::http::StatusCode;
use kangma_core::table::{Cell, Column, LineError, Mapping, Reader};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::apply::{self, Origin};
use super::block::Results;
use super::http::{LineView, target};
use super::{By, held, job};
use crate::alarm;
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{IdempotencyKey, Private};
use crate::lang::Wanted;
use crate::staff::Officer;

/// The largest body.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
const RECORDS_MAX: usize = 1_000;

/// What the records are.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct What {
    /// Such as `test` (see `/api/v1/import-kinds`).
    kind: String,
    /// Code of the division for which they are sent; without it the whole country.
    #[serde(default)]
    division: String,
}

/// What became of the records.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordsAnswered)]
pub struct Answered {
    /// One for each line, numbered from 1.
    items: Vec<LineView>,
}

/// Records up to 1,000 lines of JSON, each an object of column names and texts
/// (`{"document_number": "…", "sampled_at": "2020-02-11 08:30", "result": "negative"}`), and answers each.
/// Sent again with the same Idempotency-Key nothing is recorded twice, and the answer is the same.
#[utoipa::path(post, path = "/api/v1/records", tag = "staff", params(What,
        ("Idempotency-Key" = String, Header, description = "8 to 64 letters, digits, - or _; new for each making")),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, body = Answered), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 413, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn records(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    key: IdempotencyKey,
    given: Result<Query<What>, QueryRejection>,
    body: Bytes,
) -> Result<Private<Answered>, Problem> {
    let Ok(Query(ask)) = given else {
        return Err(Problem::bad_request("import.query", "缺少 kind。", "The parameter kind is missing."));
    };
    let (kind, division) = target(&ask.kind, &ask.division)?;
    let by = By::importing(officer, &division)?;
    let Some(key) = key.0 else {
        return Err(Problem::bad_request(
            "request.idempotency_key",
            "请在请求头 Idempotency-Key 中为这批记录写一个新的标识。",
            "Send the header Idempotency-Key, new for each batch of records.",
        ));
    };
    let text = std::str::from_utf8(&body).map_err(|_| malformed(0))?;
    let lines: Vec<(u32, &str)> = (1..).zip(text.lines()).filter(|(_, l)| !l.trim().is_empty()).collect();
    if lines.len() > RECORDS_MAX {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "import.records",
            format!("一次最多 {RECORDS_MAX} 条记录。"),
            format!("At most {RECORDS_MAX} records at once."),
        ));
    }
    // Every record has all columns, in one order: the reader is that of files.
    let columns: Vec<Column> = kind.columns().collect();
    let mapping: Mapping = (0..).zip(&columns).map(|(i, c)| (*c, Cell::At(i))).collect();
    let id = app.keys.hash("import.records", &[&by.office, kind.name().as_bytes(), key.as_bytes()]);
    let id = *id.as_bytes().first_chunk().expect("a hash is longer than an id");
    let origin = Origin { id, office: by.office, division: &division, by: &by.name };
    let pack = app.packs.base();
    let reader = Reader::new(kind, &mapping, &pack.zone, app.clock.now())
        .trusting(&app.trust)
        .speaking(pack.vocabulary);
    let mut read = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        let record: BTreeMap<Column, String> = serde_json::from_str(line).map_err(|_| malformed(number))?;
        if record.keys().any(|c| !columns.contains(c)) {
            return Err(malformed(number));
        }
        let cells: Vec<&str> = columns.iter().map(|c| record.get(c).map_or("", String::as_str)).collect();
        let line = reader.read(&cells);
        read.push((number, line.and_then(|line| apply::allowed(origin, &line).map(|()| line))));
    }
    if job::too_many_elsewhere(&app, origin, &read).await? {
        alarm::raise(&app, alarm::Kind::ListHeld, &by.name, &division).await?;
        return Err(held());
    }
    let mut results = Results::default();
    for (number, result) in job::run(&app, origin, read).await? {
        results.push(number, result.map_err(|e: LineError| e));
    }
    Ok(Private(Answered { items: results.iter().map(|line| LineView::new(line, lang)).collect() }))
}

fn malformed(line: u32) -> Problem {
    Problem::bad_request(
        "import.record",
        format!("第 {line} 行不是由已知列名和文本组成的 JSON 对象。"),
        format!("Line {line} is no JSON object of known column names and texts. Nothing was recorded."),
    )
}
