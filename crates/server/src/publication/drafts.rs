//! Requests and answers about drafts: their files, what is wrong with them, and what their cases say.

use std::collections::BTreeMap;

use axum::extract::{Path, State as AxumState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kangma_core::division::{divisions, prefix};
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::rules::cases::run_cases;
use kangma_core::rules::pack::{FILE_BYTES_MAX, FILES_MAX, Pack, PackErrors, PackFiles};
use kangma_core::rules::publication::{compress, expand};
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::http::{files_of, id};
use super::refusals::refused;
use super::store::{self, Draft};
use super::typed::beside;
use crate::app::Shared;
use crate::db::DbError;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::staff::Officer;

/// Largest body: all files of a pack.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Most drafts in a list.
const DRAFTS_MAX: i64 = 200;

/// A draft may extend the packs that ship, those of the installation and those that are published.
pub(super) async fn load(app: &Shared, files: &PackFiles) -> Result<Result<Pack, PackErrors>, Problem> {
    let (files, library) = (files.clone(), super::library_now(app).await?);
    beside(move || Pack::load_with(&files, &library)).await
}

/// A new draft.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftRequest {
    /// Code of the division where it is written; empty is the whole country.
    division: String,
    /// Digest of a pack in force to begin with; without it the draft is empty.
    #[serde(default)]
    from: Option<String>,
}

/// The files of a draft.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesRequest {
    /// The version that was read: somebody else's changes are not written over.
    version: i64,
    /// All files: path within the pack, and text.
    files: BTreeMap<String, String>,
}

/// A draft.
#[derive(Serialize, ToSchema)]
pub struct DraftView {
    id: String,
    division: String,
    author: String,
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
    /// Path and text of each file; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<BTreeMap<String, String>>,
}

fn view(draft: Draft, files: Option<PackFiles>) -> DraftView {
    DraftView {
        id: FactId(draft.id).to_string(),
        division: draft.division,
        author: draft.author,
        version: draft.version,
        updated_at: draft.updated_at,
        files: files.map(|f| f.0),
    }
}

/// Drafts.
#[derive(Serialize, ToSchema)]
pub struct Drafts {
    items: Vec<DraftView>,
}

/// Lists drafts where one writes or signs rules.
#[utoipa::path(get, path = "/api/v1/drafts", tag = "staff",
    responses((status = 200, body = Drafts), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn drafts(AxumState(app): AxumState<Shared>, officer: Officer) -> Result<Private<Drafts>, Problem> {
    officer.require_somewhere(Permission::Rules)?;
    let all = store::drafts(&app.db, DRAFTS_MAX).await?;
    let own = all.into_iter().filter(|d| officer.may(Permission::Rules, &d.division));
    Ok(Private(Drafts { items: own.map(|d| view(d, None)).collect() }))
}

/// Begins a draft, empty or from the text of a published pack.
#[utoipa::path(post, path = "/api/v1/drafts", tag = "staff", request_body = DraftRequest,
    responses((status = 201, body = DraftView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn add_draft(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Body(ask): Body<DraftRequest>,
) -> Result<Response, Problem> {
    officer.require(Permission::Rules, &ask.division)?;
    let known = prefix(&ask.division).is_empty() || divisions().get(&ask.division).is_some();
    if !known {
        return Err(Problem::field(
            "division",
            "division.unknown",
            "没有这个区划代码。",
            "There is no division of that code.",
        ));
    }
    let mut files = match &ask.from {
        None => PackFiles::default(),
        Some(digest) => files_of(&app, digest).await?.ok_or_else(Problem::not_found)?,
    };
    // What it extends stays where it is: a draft is one's own text.
    files.0.retain(|path, _| !path.starts_with('@'));
    let draft = app.new_id();
    let unit = store::add_draft(draft, &ask.division, &officer.name, app.clock.now(), compress(&files));
    app.db.commit(unit).await?;
    let draft = store::draft(&app.db, draft).await?.ok_or_else(Problem::internal)?;
    Ok((StatusCode::CREATED, Private(view(draft, Some(files)))).into_response())
}

/// A draft that is one's to write.
pub(super) async fn own(app: &Shared, officer: &Officer, text: &str) -> Result<(Draft, PackFiles), Problem> {
    officer.require_somewhere(Permission::Rules)?;
    let draft = store::draft(&app.db, id(text)?).await?;
    let draft =
        draft.filter(|d| officer.may(Permission::Rules, &d.division)).ok_or_else(Problem::not_found)?;
    let files = expand(&draft.files).ok_or_else(Problem::internal)?;
    Ok((draft, files))
}

/// Reads a draft with its files.
#[utoipa::path(get, path = "/api/v1/drafts/{id}", tag = "staff", params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = DraftView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn draft(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
) -> Result<Private<DraftView>, Problem> {
    let (draft, files) = own(&app, &officer, &text).await?;
    Ok(Private(view(draft, Some(files))))
}

/// Puts files in place of those of a draft; they need not be right yet.
#[utoipa::path(put, path = "/api/v1/drafts/{id}/files", tag = "staff", request_body = FilesRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = DraftView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn put_files(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
    Body(ask): Body<FilesRequest>,
) -> Result<Private<DraftView>, Problem> {
    let (draft, _) = own(&app, &officer, &text).await?;
    let plain = |path: &str| {
        (path.ends_with(".toml") || path.ends_with(".json"))
            && !path.starts_with('@')
            && path.len() <= 200
            && path.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
            && !path.chars().any(|c| c.is_control() || c == '\\')
    };
    if ask.files.len() > FILES_MAX || ask.files.iter().any(|(p, t)| !plain(p) || t.len() > FILE_BYTES_MAX) {
        return Err(Problem::field(
            "files",
            "rules.files",
            "至多 256 个 .toml 文件，每个不超过 256 KiB。",
            "At most 256 .toml files of 256 KiB each.",
        ));
    }
    let files = PackFiles(ask.files);
    let unit = store::put_draft(draft.id, ask.version, app.clock.now(), compress(&files));
    match app.db.commit(unit).await {
        Err(DbError::Conflict) => Err(Problem::new(
            StatusCode::CONFLICT,
            "rules.draft_changed",
            "草案刚被他人修改，请重新打开后再改。",
            "Somebody else changed this draft just now. Open it again before you change it.",
        )),
        done => {
            done?;
            let draft = store::draft(&app.db, draft.id).await?.ok_or_else(Problem::not_found)?;
            Ok(Private(view(draft, Some(files))))
        }
    }
}

/// Something wrong with a draft.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagnosticView {
    file: String,
    code: String,
    message: String,
    /// What to write instead.
    help: Option<String>,
    /// First and last byte in the file.
    from: usize,
    to: usize,
    /// From 1.
    line: usize,
    column: usize,
}

/// What is wrong with files, each with its line and column.
pub(super) fn told(files: &PackFiles, errors: &PackErrors) -> Vec<DiagnosticView> {
    let one = |(file, d): (&str, &kangma_core::rules::expr::Diagnostic)| {
        let before = files.0.get(file).and_then(|t| t.get(..d.span.start)).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        DiagnosticView {
            file: file.to_owned(),
            code: d.code.to_owned(),
            message: d.message.clone(),
            help: d.help.clone(),
            from: d.span.start,
            to: d.span.end,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    };
    errors.iter().map(one).collect()
}

/// What a check found.
#[derive(Serialize, ToSchema)]
pub struct Checked {
    /// Whether the pack could be loaded.
    ok: bool,
    id: Option<String>,
    pack_version: Option<String>,
    digest: Option<String>,
    diagnostics: Vec<DiagnosticView>,
}

/// Checks a draft as a pack is checked when it is loaded.
#[utoipa::path(post, path = "/api/v1/drafts/{id}/check", tag = "staff", params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = Checked), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn check(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
) -> Result<Private<Checked>, Problem> {
    let (_, files) = own(&app, &officer, &text).await?;
    let (pack, errors) = match load(&app, &files).await? {
        Ok(pack) => (Some(pack), None),
        Err(errors) => (None, Some(errors)),
    };
    Ok(Private(Checked {
        ok: pack.is_some(),
        id: pack.as_ref().map(|p| p.id.to_string()),
        pack_version: pack.as_ref().map(|p| p.version.to_string()),
        digest: pack.as_ref().map(|p| p.digest.to_string()),
        diagnostics: errors.iter().flat_map(|e| told(&files, e)).collect(),
    }))
}

/// What the cases of a draft say.
#[derive(Serialize, ToSchema)]
pub struct CasesView {
    /// Whether all pass and reach everything.
    passed: bool,
    /// Each with its file, name and what is wrong.
    #[schema(value_type = Object)]
    report: kangma_core::rules::cases::CaseReport,
}

/// Runs a draft's cases.
#[utoipa::path(post, path = "/api/v1/drafts/{id}/cases", tag = "staff", params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = CasesView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn cases(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
) -> Result<Private<CasesView>, Problem> {
    let (_, files) = own(&app, &officer, &text).await?;
    let pack = load(&app, &files).await?.map_err(|e| refused(&e))?;
    let report = beside(move || run_cases(&pack, &files)).await?;
    Ok(Private(CasesView { passed: report.passed(), report }))
}
