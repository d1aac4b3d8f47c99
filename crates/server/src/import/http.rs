//! Requests and answers about imports.

use axum::body::Body as RawBody;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as AxumState};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kangma_core::division::divisions;
use kangma_core::id::FactId;
use kangma_core::table::{Cell, Column, ListKind, Mapping};
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::block::{self, Outcome, Raw, Results};
use super::{About, By, Counts, Import, Sending, Start, State, errors, store};
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::lang::{Lang, Wanted};
use crate::staff::{self, Officer};

/// Columns of a kind of list.
#[derive(Serialize, ToSchema)]
pub struct KindView {
    /// Such as `test`.
    kind: &'static str,
    /// All columns.
    columns: Vec<&'static str>,
    /// Those without which a line says nothing.
    needs: Vec<&'static str>,
}

/// Kinds of list.
#[derive(Serialize, ToSchema)]
pub struct Kinds {
    items: Vec<KindView>,
}

/// Reads which kinds of list there are, and their columns.
#[utoipa::path(get, path = "/api/v1/import-kinds", tag = "staff",
    responses((status = 200, body = Kinds), (status = 401, body = ProblemBody)))]
pub async fn kinds(officer: Officer) -> Result<Private<Kinds>, Problem> {
    By::anywhere(officer)?;
    let view = |kind: ListKind| KindView {
        kind: kind.name(),
        columns: kind.columns().map(Column::name).collect(),
        needs: kind.needs().iter().map(|c| c.name()).collect(),
    };
    Ok(Private(Kinds { items: ListKind::ALL.into_iter().map(view).collect() }))
}

/// What comes with a file.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// What it lists: `confirmed`, `test`, … (see `/api/v1/import-kinds`).
    kind: String,
    /// Code of the division for which it is sent; without it the whole country.
    #[serde(default)]
    division: String,
    /// The file's name, for whoever looks at it later.
    #[serde(default)]
    name: String,
    /// Which sheet of a workbook, where several hold data.
    sheet: Option<String>,
}

/// A kind and a division as they were asked for.
pub fn target(kind: &str, division: &str) -> Result<(ListKind, String), Problem> {
    let kind = ListKind::named(kind).ok_or_else(|| {
        Problem::field(
            "kind",
            "import.kind",
            "不支持这类名单。",
            "There is no list of this kind; see /api/v1/import-kinds.",
        )
    })?;
    if !division.is_empty() && divisions().get(division).is_none() {
        return Err(Problem::field(
            "division",
            "import.division",
            "没有该行政区划。",
            "There is no division of this code.",
        ));
    }
    Ok((kind, division.to_owned()))
}

fn query<T>(given: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    given.map(|Query(q)| q).map_err(|_| {
        Problem::bad_request(
            "import.query",
            "请求参数缺失、未知或类型不对，请对照接口文档 /api/docs。",
            "A parameter is missing, unknown or of the wrong type; compare with /api/docs.",
        )
    })
}

/// An import.
#[derive(Serialize, ToSchema)]
pub struct ImportView {
    /// 32 hexadecimal digits.
    id: String,
    /// What it lists.
    kind: &'static str,
    /// For which division; empty for the whole country.
    division: String,
    /// As the sender named it.
    name: String,
    /// `xlsx`, or the encoding of a text.
    format: String,
    /// Of a text, what stands between cells.
    delimiter: Option<char>,
    /// How far it has come.
    state: State,
    /// Rows with something in them, headers included.
    rows: u32,
    /// Lines of the list.
    lines: i64,
    /// Whether it has as many rows as a format can hold, so that it may have been cut off: starting it
    /// takes the count from the source.
    at_limit: bool,
    /// Lines that have a result.
    done_lines: i64,
    /// Lines by result.
    counts: Counts,
    /// Who sent it.
    sent_by: String,
    /// Name of their office.
    office: String,
    /// Of one that was held: who of the level above let it go on.
    released_by: Option<String>,
    /// Whether whoever asks may let it go on: it is held, and they are of the level above and did not send it.
    may_release: bool,
    #[schema(value_type = String, format = DateTime)]
    sent_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    changed_at: Instant,
    /// Of one that is finished, stopped or held: until when its lines are kept; then only counts are left, and
    /// one that was not finished has `ended`.
    #[schema(value_type = Option<String>, format = DateTime)]
    lines_until: Option<Instant>,
    /// Whether its lines are gone.
    lines_gone: bool,
    /// Whether it came in before: the same file of the same office.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
    /// Columns, for the mapper.
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<ColumnsView>,
}

/// The columns of a file.
#[derive(Serialize, ToSchema)]
pub struct ColumnsView {
    /// The row of the headers.
    header_line: u32,
    /// Headers, in order.
    headers: Vec<String>,
    /// Which column stands where: `{"document_number": {"at": 1}, "place": {"always": "330106"}}`.
    #[schema(value_type = Object)]
    mapping: Mapping,
    /// Whether the office said so the last time it sent these headers; else it is a guess.
    remembered: bool,
    /// Needed columns that are not mapped.
    missing: Vec<&'static str>,
    /// For who sent it, the first lines as they came, until it has started.
    sample: Vec<Vec<String>>,
}

const SAMPLE_LINES: usize = 5;

async fn view(app: &Shared, by: &By, import: &Import, about: &About) -> Result<ImportView, Problem> {
    let counts = import.counts;
    let may_release =
        import.state == State::Held && by.is_above(&import.division) && by.name != about.sent_by;
    Ok(ImportView {
        id: FactId(import.id).to_string(),
        kind: import.kind.name(),
        division: import.division.clone(),
        name: about.file.clone(),
        format: about.format.clone(),
        delimiter: about.delimiter,
        state: import.state,
        rows: about.rows,
        lines: import.lines,
        at_limit: Import::at_limit(about),
        done_lines: counts.fine + counts.applied + counts.known + counts.wrong,
        counts,
        sent_by: about.sent_by.clone(),
        office: staff::office_name(app, import.office).await?,
        released_by: about.released_by.clone(),
        may_release,
        sent_at: import.created_at,
        changed_at: import.changed_at,
        lines_until: super::lines_until(app, import),
        lines_gone: super::are_lines_gone(app, import),
        replayed: false,
        columns: None,
    })
}

async fn whole(app: &Shared, by: &By, import: &Import) -> Result<ImportView, Problem> {
    let about = import.about(app)?;
    let mut view = view(app, by, import, &about).await?;
    let missing = super::missing(app, import, &about).into_iter().map(Column::name).collect();
    let mut sample = Vec::new();
    if by.sent(&about)
        && [State::Ready, State::Checked].contains(&import.state)
        && let Some((lines, _)) = store::block(&app.db, import.id, 0).await?
    {
        let lines: Vec<Raw> = block::open(app, "lines", import.id, 0, &lines)?;
        sample = lines.into_iter().take(SAMPLE_LINES).map(|r| r.cells).collect();
    }
    view.columns = Some(ColumnsView {
        header_line: about.header_line,
        headers: about.headers,
        mapping: about.mapping,
        remembered: about.remembered,
        missing,
        sample,
    });
    Ok(view)
}

/// Sends a file: CSV or .xlsx, at most 64 MB and 1,048,576 rows. It is read whole and waits to be started.
/// The same file again answers the first import.
#[utoipa::path(post, path = "/api/v1/imports", tag = "staff", params(Upload),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = ImportView), (status = 200, body = ImportView, description = "It came in before"),
        (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 413, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn upload(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    given: Result<Query<Upload>, QueryRejection>,
    body: RawBody,
) -> Result<Response, Problem> {
    let ask = query(given)?;
    let (kind, division) = target(&ask.kind, &ask.division)?;
    let by = By::importing(officer, &division)?;
    if ask.name.chars().count() > 200 || ask.sheet.as_deref().is_some_and(|s| s.chars().count() > 64) {
        return Err(Problem::field("name", "import.name", "名称过长。", "The name is too long."));
    }
    let sending = Sending { kind, division, file: ask.name, sheet: ask.sheet };
    let (import, replayed) = super::receive(&app, &by, sending, body).await?;
    let mut view = whole(&app, &by, &import).await?;
    view.replayed = replayed;
    let status = if replayed { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Private(view)).into_response())
}

/// Imports.
#[derive(Serialize, ToSchema)]
pub struct Imports {
    /// The newest first, at most 200.
    items: Vec<ImportView>,
}

/// Lists the imports of one's divisions.
#[utoipa::path(get, path = "/api/v1/imports", tag = "staff",
    responses((status = 200, body = Imports), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn list(AxumState(app): AxumState<Shared>, officer: Officer) -> Result<Private<Imports>, Problem> {
    let by = By::anywhere(officer)?;
    let all = super::list(&app, &by).await?;
    let mut items = Vec::with_capacity(all.len());
    for import in &all {
        items.push(view(&app, &by, import, &import.about(&app)?).await?);
    }
    Ok(Private(Imports { items }))
}

async fn one(app: &Shared, officer: Officer, id: &str) -> Result<(By, Import), Problem> {
    let by = By::anywhere(officer)?;
    let id = FactId::parse(id).ok_or_else(Problem::not_found)?;
    let import = super::find(app, &by, id.0).await?;
    Ok((by, import))
}

/// Reads one import: progress, counts and columns.
#[utoipa::path(get, path = "/api/v1/imports/{id}", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = ImportView), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn detail(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Private<ImportView>, Problem> {
    let (by, import) = one(&app, officer, &id).await?;
    Ok(Private(whole(&app, &by, &import).await?))
}

/// Which column stands where.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MappingRequest {
    /// Column names with `{"at": place}`, counted from 0, or `{"always": "text"}`.
    #[schema(value_type = Object)]
    mapping: Mapping,
}

/// Names the columns of a file that has not started. What a dry run found is void then.
#[utoipa::path(put, path = "/api/v1/imports/{id}/mapping", tag = "staff", request_body = MappingRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = ImportView), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn mapping(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(id): Path<String>,
    Body(ask): Body<MappingRequest>,
) -> Result<Private<ImportView>, Problem> {
    let (by, import) = one(&app, officer, &id).await?;
    let long = |cell: &Cell| matches!(cell, Cell::Always(text) if text.chars().count() > 200);
    if ask.mapping.values().any(long) {
        return Err(Problem::field(
            "mapping",
            "import.mapping",
            "固定值不超过 200 字。",
            "A fixed value has at most 200 letters.",
        ));
    }
    super::map(&app, &import, ask.mapping).await?;
    let import = super::find(&app, &by, import.id).await?;
    Ok(Private(whole(&app, &by, &import).await?))
}

/// How to start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// Only look: every line gets its result, and nothing is recorded.
    #[serde(default)]
    dry_run: bool,
    /// How many lines the list has by the source's count: asked for where `at_limit`, checked where given.
    lines: Option<i64>,
}

/// Starts the import or a dry run, or lets one go on that was stopped. It works in the background.
#[utoipa::path(post, path = "/api/v1/imports/{id}/start", tag = "staff", request_body = StartRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 202, body = ImportView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn start(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(id): Path<String>,
    Body(ask): Body<StartRequest>,
) -> Result<Response, Problem> {
    let (by, import) = one(&app, officer, &id).await?;
    let may_release = by.is_above(&import.division);
    let how = Start { dry_run: ask.dry_run, lines: ask.lines, may_release };
    super::start(&app, &by, &import, how).await?;
    let import = super::find(&app, &by, import.id).await?;
    Ok((StatusCode::ACCEPTED, Private(whole(&app, &by, &import).await?)).into_response())
}

/// Stops an import after the block that is under way. What is applied stays.
#[utoipa::path(post, path = "/api/v1/imports/{id}/stop", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = ImportView), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
pub async fn stop(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Private<ImportView>, Problem> {
    let (by, import) = one(&app, officer, &id).await?;
    super::stop(&app, &import).await?;
    let import = super::find(&app, &by, import.id).await?;
    Ok(Private(whole(&app, &by, &import).await?))
}

/// Forgets a file that was not started, with its lines. What was started stays where it is.
#[utoipa::path(delete, path = "/api/v1/imports/{id}", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
pub async fn forget(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (_, import) = one(&app, officer, &id).await?;
    super::forget(&app, &import).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why lines are wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = LineReasons)]
pub struct Reasons {
    /// The most frequent first.
    items: Vec<ReasonView>,
}

/// What is wrong with some lines.
#[derive(Serialize, ToSchema)]
#[schema(as = LineReason)]
pub struct ReasonView {
    /// Which column.
    column: String,
    /// Stable code.
    code: String,
    /// What to do about it.
    detail: String,
    /// How many lines.
    lines: i64,
    /// Number of the first of them in the file.
    first: u32,
}

/// Reads why lines are wrong, each reason once with how many lines it is about.
#[utoipa::path(get, path = "/api/v1/imports/{id}/reasons", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = Reasons), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 410, body = ProblemBody)))]
pub async fn reasons(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Path(id): Path<String>,
) -> Result<Private<Reasons>, Problem> {
    let (_, import) = one(&app, officer, &id).await?;
    super::has_lines(&app, &import)?;
    let view = |reason: super::Reason| ReasonView {
        detail: reason.sentence.text(lang).to_owned(),
        column: reason.sentence.column,
        code: reason.sentence.code,
        lines: reason.lines,
        first: reason.first,
    };
    Ok(Private(Reasons { items: super::reasons(&app, &import).await?.into_iter().map(view).collect() }))
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// `fine`, `applied`, `known` or `wrong`; all without it.
    result: Option<Outcome>,
    /// `next` of the answer before.
    after: Option<String>,
    /// At most 1,000.
    limit: Option<usize>,
}

/// Results of lines.
#[derive(Serialize, ToSchema)]
pub struct Lines {
    /// In the order of the file.
    items: Vec<LineView>,
    /// Where to go on; null at the end.
    next: Option<String>,
}

/// What became of a line.
#[derive(Serialize, ToSchema)]
pub struct LineView {
    /// Its number in the file.
    pub line: u32,
    /// `fine` (of a dry run), `applied`, `known` or `wrong`.
    pub result: Outcome,
    /// Which column is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl LineView {
    /// In a language.
    pub fn new((line, result, sentence): (u32, Outcome, Option<&block::Sentence>), lang: Lang) -> LineView {
        LineView {
            line,
            result,
            column: sentence.map(|s| s.column.clone()),
            code: sentence.map(|s| s.code.clone()),
            detail: sentence.map(|s| s.text(lang).to_owned()),
        }
    }
}

/// Blocks that one answer looks through.
const BLOCKS_LOOKED: i64 = 64;

/// Reads what became of the lines. Nothing of what stood in them is repeated.
#[utoipa::path(get, path = "/api/v1/imports/{id}/lines", tag = "staff",
    params(("id" = String, Path, description = "From the list"), Which),
    responses((status = 200, body = Lines), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 410, body = ProblemBody)))]
pub async fn lines(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Path(id): Path<String>,
    given: Result<Query<Which>, QueryRejection>,
) -> Result<Private<Lines>, Problem> {
    let ask = query(given)?;
    let (_, import) = one(&app, officer, &id).await?;
    super::has_lines(&app, &import)?;
    let limit = ask.limit.unwrap_or(200).clamp(1, 1_000);
    let (mut n, mut skip) = ask.after.as_deref().and_then(cursor).unwrap_or((0, 0));
    let mut items = Vec::new();
    let end = import.done.min(n.saturating_add(BLOCKS_LOOKED));
    while n < end {
        let found = store::block(&app.db, import.id, n).await?.and_then(|(_, result)| result);
        let results: Results = match found {
            Some(sealed) => block::open(&app, "result", import.id, n, &sealed)?,
            None => Results::default(),
        };
        for (i, line) in results.iter().enumerate().skip(skip) {
            if ask.result.is_some_and(|wanted| wanted != line.1) {
                continue;
            }
            if items.len() == limit {
                return Ok(Private(Lines { items, next: Some(format!("{n}.{i}")) }));
            }
            items.push(LineView::new(line, lang));
        }
        (n, skip) = (n + 1, 0);
    }
    Ok(Private(Lines { items, next: (n < import.done).then(|| format!("{n}.0")) }))
}

fn cursor(text: &str) -> Option<(i64, usize)> {
    let (block, line) = text.split_once('.')?;
    Some((block.parse().ok().filter(|n| *n >= 0)?, line.parse().ok()?))
}

/// The lines that are wrong, as they came, with what is wrong with each: to mend and to send again, for who
/// sent them. Nobody else reads what stood in them.
#[utoipa::path(get, path = "/api/v1/imports/{id}/errors.csv", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, content_type = "text/csv", body = String), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 410, body = ProblemBody)))]
pub async fn error_file(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (by, import) = one(&app, officer, &id).await?;
    super::has_lines(&app, &import)?;
    let about = import.about(&app)?;
    if !by.sent(&about) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "import.not_sender",
            "出错行的原文只有上传者本人可以下载。请上传者下载修改，或从来源重新导出后上传。",
            "Only who sent the list may download its lines as they came. Ask them to mend it, or send it anew from its source.",
        ));
    }
    let name = format!("attachment; filename=\"errors-{}.csv\"", FactId(import.id));
    let mut response = Response::new(errors::file(&app, import, &about, lang));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers
        .insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(|_| Problem::internal())?);
    Ok(response)
}
