//! What anybody may read of the log, as the C2SP tile format has it, and what witnesses send.

use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::entry;
use super::note::{Head, NOTE_BYTES_MAX};
use super::store;
use super::tree::{ENTRIES, TileId};
use crate::app::Shared;
use crate::db::{Db, DbError};
use crate::error::Problem;

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

fn answer(body: Vec<u8>, kind: &'static str, keep: &'static str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    // Anybody's page may check the log.
    let origin = HeaderName::from_static("access-control-allow-origin");
    headers.insert(origin, HeaderValue::from_static("*"));
    response
}

/// The log's key: for whoever has it from nowhere better.
pub async fn key(State(app): State<Shared>) -> Response {
    answer(format!("{}\n", app.log_key.verifier()).into_bytes(), TEXT, "public, max-age=60")
}

/// The newest head, and the lines of witnesses who signed this very one.
pub async fn checkpoint(State(app): State<Shared>) -> Result<Response, Problem> {
    let head = store::head(&app.db).await?;
    if head.note.is_empty() {
        return Err(Problem::not_found());
    }
    let note = with_witnesses(&app.db, head.note).await?;
    Ok(answer(note.into_bytes(), TEXT, "no-cache"))
}

/// The newest head that any witness signed.
pub async fn cosigned(State(app): State<Shared>) -> Result<Response, Problem> {
    let newest = store::witnessed(&app.db).await?.into_iter().next().ok_or_else(Problem::not_found)?;
    let (log, _) = newest.1.split_at(log_part(&newest.1));
    let note = with_witnesses(&app.db, log.to_owned()).await?;
    Ok(answer(note.into_bytes(), TEXT, "no-cache"))
}

/// Where a note's first signature ends: what comes before is the log's own.
fn log_part(note: &str) -> usize {
    let text = note.find("\n\n").map_or(0, |at| at + 2);
    note[text..].find('\n').map_or(note.len(), |at| text + at + 1)
}

/// A head with the lines of those witnesses who signed it.
pub(super) async fn with_witnesses(db: &Db, note: String) -> Result<String, DbError> {
    let all = store::witnessed(db).await?;
    let lines = all.iter().filter_map(|(_, theirs)| theirs.strip_prefix(note.as_str()));
    Ok(lines.fold(note.clone(), |out, line| out + line))
}

/// A tile or a bundle, whole or its first entries.
pub async fn tile(State(app): State<Shared>, Path(path): Path<String>) -> Result<Response, Problem> {
    let (id, width) = TileId::parse(&path).ok_or_else(Problem::not_found)?;
    let body = store::tile(&app.db, id).await?.ok_or_else(Problem::not_found)?;
    let part = if id.level == ENTRIES {
        let entries = entry::split(&body).ok_or_else(Problem::internal)?;
        let bytes = entries.get(..width).map(|first| first.iter().map(|e| e.len() + 2).sum::<usize>());
        bytes.and_then(|bytes| body.get(..bytes))
    } else {
        body.get(..width * tlog_tiles::HASH_SIZE)
    };
    Ok(answer(part.ok_or_else(Problem::not_found)?.to_vec(), BYTES, FOR_EVER))
}

/// Takes a head of ours with a witness's line under it.
pub async fn cosignature(State(app): State<Shared>, body: String) -> Result<StatusCode, Problem> {
    let refused = |code, zh: &str, en: &str| Err(Problem::new(StatusCode::BAD_REQUEST, code, zh, en));
    if body.len() > NOTE_BYTES_MAX {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "log.too_large",
            "树头与签名超过 4 KB。",
            "The tree head with its signatures is over 4 KB.",
        ));
    }
    let key = app.log_key.verifier();
    let Ok(head) = Head::open(&body, key) else {
        return refused(
            "log.not_ours",
            "这不是本日志签署的树头。",
            "This is not a tree head that this log signed.",
        );
    };
    let signed = app.config.witnesses.iter().find_map(|witness| Some((witness, witness.line_in(&body)?)));
    let (Some((witness, line)), Some(ours)) = (signed, key.line_in(&body)) else {
        return refused(
            "log.not_a_witness",
            "没有本系统认可的见证方签名。",
            "It has no signature of a witness that this service knows.",
        );
    };
    let text = body.find("\n\n").map_or(0, |at| at + 2);
    let note = format!("{}{ours}\n{line}\n", &body[..text]);
    store::put_witness(&app.db, &witness.to_string(), head.size, &note).await?;
    Ok(StatusCode::NO_CONTENT)
}
