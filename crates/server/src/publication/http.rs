//! Requests and answers about drafts and publications.

use std::collections::BTreeMap;

use axum::extract::{Path, State as AxumState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kangma_core::division::{divisions, prefix};
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::rules::cases::run_cases;
use kangma_core::rules::diff::{Diff, diff};
use kangma_core::rules::pack::{FILE_BYTES_MAX, FILES_MAX, Pack, PackErrors, PackFiles, Then};
use kangma_core::rules::publication::{Publication, Stage, State, compress, expand, load_with_parents};
use kangma_core::rules::words::Lang;
use kangma_core::tally::suppress_alone;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::{self, Draft};
use super::typed::beside;
use crate::app::Shared;
use crate::db::DbError;
use crate::error::{FieldProblem, Problem, ProblemBody};
use crate::http::{Body, Private, sentence};
use crate::lang::Reads;
use crate::staff::Officer;

/// Largest body: all files of a pack.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Most drafts in a list.
const DRAFTS_MAX: i64 = 200;

/// Where a pack is wrong: each diagnostic with its file, line and column, and what to write instead.
pub fn refused(errors: &PackErrors) -> Problem {
    let fields = errors.iter().take(50).map(|(file, d)| FieldProblem {
        field: format!("{file}:{}-{}", d.span.start, d.span.end),
        code: "rules.diagnostic",
        zh: d.message.clone(),
        en: d.message.clone(),
    });
    Problem {
        fields: fields.collect(),
        ..Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "rules.pack",
            "规则包有错误，现行规则不变；请逐项修正。",
            "The pack is refused, and the rules in force stay. Mend each of these.",
        )
    }
}

/// Packs in force below that would be none with the one that they extend, and why.
pub fn children_refused(unfit: &[(Box<str>, PackErrors)]) -> Problem {
    let told = unfit.iter().flat_map(|(pack, errors)| errors.iter().map(move |(file, d)| (pack, file, d)));
    let fields = told.take(50).map(|(pack, file, d)| FieldProblem {
        field: format!("{pack}: {file}:{}-{}", d.span.start, d.span.end),
        code: "rules.diagnostic",
        zh: d.message.clone(),
        en: d.message.clone(),
    });
    Problem {
        fields: fields.collect(),
        ..Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "rules.child",
            "下级区划现行的规则包继承本规则包，与新文本不相容；现行规则不变。请保留其引用的规则，或先更换下级规则包。",
            "Packs in force below extend this one and do not fit its new text; the rules in force stay. Keep the rules that they name, or replace those packs first.",
        )
    }
}

/// Packs in force below whose own text this node does not have, so that nobody knows what they would come to.
pub fn children_lost(lost: &[Box<str>]) -> Problem {
    let names = lost.join(", ");
    Problem::new(
        StatusCode::CONFLICT,
        "rules.child_text",
        format!(
            "下级现行规则包 {names} 继承本规则包，但本机没有与其现行版本一致的原文，无法得知新文本对其的影响。\
             请先把原文放入规则包文件夹，或重新发布该下级规则包。"
        ),
        format!(
            "{names}, in force below, extend this pack, and the text that they were made of is not at hand: nobody \
             knows what they would come to. Put their text back into the folder of packs, or publish them anew first."
        ),
    )
}

/// A draft may extend the packs that ship, those of the installation and those that are published.
pub(super) async fn load(app: &Shared, files: &PackFiles) -> Result<Result<Pack, PackErrors>, Problem> {
    let (files, library) = (files.clone(), super::library_now(app).await?);
    beside(move || Pack::load_with(&files, &library)).await
}

pub(super) fn id(text: &str) -> Result<[u8; 16], Problem> {
    FactId::parse(text).map(|id| id.0).ok_or_else(Problem::not_found)
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

/// The texts of a pack that was proposed, ships, or was there at the start.
async fn files_of(app: &Shared, digest: &str) -> Result<Option<PackFiles>, Problem> {
    match store::version(&app.db, digest).await? {
        Some(bytes) => expand(&bytes).map(Some).ok_or_else(Problem::internal),
        None => Ok(crate::packs::source(app.config.pack.as_deref(), digest)),
    }
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

/// A stage of a publication.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StageRequest {
    /// Code of the division.
    division: String,
    /// For how long changes are watched, and the next stage waits, in seconds.
    hold_s: i64,
    /// How many people are expected to have another colour; taken from the what-if where it is left out.
    #[serde(default)]
    forecast: Option<i64>,
    /// How many more may; beyond that it stops by itself.
    margin: i64,
}

impl StageRequest {
    /// As core has it, with what it forecasts itself.
    pub fn stage(&self) -> (Stage, Option<i64>) {
        let StageRequest { division, hold_s, forecast, margin } = self;
        let (division, forecast, given) = (division.clone(), forecast.unwrap_or(0), *forecast);
        (Stage { division, hold_s: *hold_s, forecast, margin: *margin }, given)
    }
}

/// On what terms a draft is proposed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsRequest {
    /// The legal reference: 1 to 500 letters.
    pub reference: String,
    /// Not before; in the future.
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Instant,
    /// In force until.
    #[schema(value_type = String, format = DateTime)]
    pub sunset: Instant,
    /// How long it runs in shadow, in seconds.
    pub shadow_s: i64,
    /// In order; the last is the pack's division.
    pub stages: Vec<StageRequest>,
    /// A what-if of this draft that is done: forecasts that are left out are taken from it.
    #[serde(default)]
    pub simulation: Option<String>,
}

/// Which publication.
#[derive(Serialize, ToSchema)]
pub struct Proposed {
    /// Its identifier.
    publication: String,
    /// What is signed.
    digest: String,
}

/// Proposes a draft: the first of two signatures.
#[utoipa::path(post, path = "/api/v1/drafts/{id}/proposal", tag = "staff", request_body = TermsRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 201, body = Proposed), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn propose(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
    Body(terms): Body<TermsRequest>,
) -> Result<Response, Problem> {
    let (draft, _) = own(&app, &officer, &text).await?;
    let publication = super::propose(&app, &officer, &draft, &terms).await?;
    let digest = super::find(&app, publication).await?.terms.digest;
    let publication = FactId(publication).to_string();
    Ok((StatusCode::CREATED, Private(Proposed { publication, digest })).into_response())
}

/// A publication and how far it is.
#[derive(Serialize, ToSchema)]
pub struct PublicationView {
    id: String,
    #[schema(value_type = String)]
    state: State,
    pack: String,
    pack_version: String,
    digest: String,
    division: String,
    reference: String,
    #[schema(value_type = String, format = DateTime)]
    starts_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    sunset: Instant,
    proposed_by: String,
    signed_by: Option<String>,
    /// When its time in shadow is over.
    #[schema(value_type = Option<String>, format = DateTime)]
    shadow_until: Option<Instant>,
    stages: Vec<StageView>,
    /// Packs in force below that extend it: they go over to it with the stages that cover them.
    children: Vec<ChildView>,
    /// When it ended before its time.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Instant>,
    /// `stopped`, `rolled_back` or `too_many_changes`.
    ended_how: Option<String>,
    ended_why: Option<String>,
    /// Decisions compared in shadow and how many differ; counts under 5 are withheld, others in fives.
    shadow: Vec<Transition>,
    /// In percent, where enough was compared.
    disagreement_percent: Option<f64>,
}

/// A pack in force below, as it comes to with the pack that is published.
#[derive(Serialize, ToSchema)]
pub struct ChildView {
    pack: String,
    pack_version: String,
    digest: String,
    division: String,
}

/// A stage and its counts.
#[derive(Serialize, ToSchema)]
pub struct StageView {
    division: String,
    hold_s: i64,
    forecast: i64,
    margin: i64,
    /// When it takes or took force.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Instant>,
    changes: Vec<Transition>,
}

/// How many went from one colour to another.
#[derive(Serialize, ToSchema)]
pub struct Transition {
    from: &'static str,
    to: &'static str,
    /// Withheld under 5, and otherwise in fives.
    #[schema(value_type = Option<i64>)]
    people: kangma_core::tally::Shown,
}

fn colour(n: i64) -> &'static str {
    let colour = u8::try_from(n).ok().and_then(kangma_core::decision::Colour::from_u8);
    colour.map_or("grey", kangma_core::decision::Colour::name)
}

async fn tell(app: &Shared, p: Publication) -> Result<PublicationView, Problem> {
    let counts = store::counts(&app.db, p.id).await?;
    let of = |stage: i64| {
        let rows = counts.iter().filter(move |(s, ..)| *s == stage);
        rows.map(|(_, was, becomes, n)| Transition {
            from: colour(*was),
            to: colour(*becomes),
            people: suppress_alone(*n),
        })
        .collect()
    };
    let sum = |differ: bool| -> i64 {
        let rows = counts.iter().filter(|(s, was, becomes, _)| *s == -1 && (!differ || was != becomes));
        rows.map(|(.., n)| n).sum()
    };
    let (compared, differ) = (suppress_alone(sum(false)), suppress_alone(sum(true)));
    let percent = compared.count().zip(differ.count()).map(|(all, some)| some as f64 * 100.0 / all as f64);
    let state = p.state(app.clock.now());
    let stages = p.terms.stages.iter().enumerate().map(|(i, s)| StageView {
        division: s.division.clone(),
        hold_s: s.hold_s,
        forecast: s.forecast,
        margin: s.margin,
        from: p.staged.get(i).copied(),
        changes: of(i as i64),
    });
    let stages = stages.collect();
    let children = p.terms.children.into_iter().map(|c| ChildView {
        pack: c.pack,
        pack_version: c.version,
        digest: c.digest,
        division: c.division,
    });
    let children = children.collect();
    let ended = p.ended.clone();
    Ok(PublicationView {
        id: FactId(p.id).to_string(),
        state,
        stages,
        children,
        shadow: of(-1),
        disagreement_percent: percent.map(|p| p.min(100.0)),
        pack: p.terms.pack,
        pack_version: p.terms.version,
        digest: p.terms.digest,
        division: p.terms.division,
        reference: p.terms.reference,
        starts_at: p.terms.starts_at,
        sunset: p.terms.sunset,
        proposed_by: p.proposed.0,
        signed_by: p.signed.map(|s| s.0),
        shadow_until: p.shadow.map(|s| s.1),
        ended_at: ended.as_ref().map(|e| e.0),
        ended_how: ended.as_ref().map(|e| e.1.clone()),
        ended_why: ended.map(|e| e.2),
    })
}

fn sees(officer: &Officer, p: &Publication) -> bool {
    [Permission::Rules, Permission::PublishRules].iter().any(|r| officer.may(*r, &p.terms.division))
}

fn may_see(officer: &Officer) -> Result<(), Problem> {
    officer
        .require_somewhere(Permission::Rules)
        .or_else(|_| officer.require_somewhere(Permission::PublishRules))
}

/// Publications.
#[derive(Serialize, ToSchema)]
pub struct Publications {
    /// The latest first.
    items: Vec<PublicationView>,
}

/// Lists publications where one writes or signs rules.
#[utoipa::path(get, path = "/api/v1/publications", tag = "staff",
    responses((status = 200, body = Publications), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn list(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
) -> Result<Private<Publications>, Problem> {
    may_see(&officer)?;
    let mut items = Vec::new();
    for p in super::all(&app).await?.into_iter().rev().filter(|p| sees(&officer, p)).take(100) {
        items.push(tell(&app, p).await?);
    }
    Ok(Private(Publications { items }))
}

/// Tells how far a publication is, with what it changes.
#[utoipa::path(get, path = "/api/v1/publications/{id}", tag = "staff", params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = PublicationView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn status(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
) -> Result<Private<PublicationView>, Problem> {
    may_see(&officer)?;
    let p = super::find(&app, id(&text)?).await?;
    if !sees(&officer, &p) {
        return Err(Problem::not_found());
    }
    Ok(Private(tell(&app, p).await?))
}

/// The texts of a pack.
#[derive(Serialize, ToSchema)]
pub struct PackTexts {
    pack: String,
    pack_version: String,
    digest: String,
    /// Path and text of each file; those of packs that it extends stand under `@id/`.
    files: BTreeMap<String, String>,
}

/// What is proposed, beside what it takes the place of.
#[derive(Serialize, ToSchema)]
pub struct TextsView {
    proposed: PackTexts,
    /// In force in its division now, or until it took force.
    before: Option<PackTexts>,
    /// What changes from one to the other, in words.
    told: Option<ToldBothWays>,
}

/// What changes, in both languages: `changes` of rules, settings and words, and `people` of the cases for
/// whom it is another answer.
#[derive(Serialize, ToSchema)]
pub struct ToldBothWays {
    #[schema(value_type = Object)]
    zh: Diff,
    #[schema(value_type = Object)]
    en: Diff,
}

/// Reads the texts of a publication and of the pack whose place it takes: what the second person signs.
#[utoipa::path(get, path = "/api/v1/publications/{id}/files", tag = "staff", params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = TextsView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn texts(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
) -> Result<Private<TextsView>, Problem> {
    may_see(&officer)?;
    let p = super::find(&app, id(&text)?).await?;
    if !sees(&officer, &p) {
        return Err(Problem::not_found());
    }
    let files = files_of(&app, &p.terms.digest).await?.ok_or_else(Problem::internal)?;
    let at = p.staged.first().map_or(app.clock.now(), |from| from.plus_s(-1));
    let old = app.packs.of(&p.terms.division, at);
    let old_files = files_of(&app, &old.digest).await?;
    // It decides the people of all cases twice.
    let compare = move || {
        let told = load_with_parents(&files).ok().zip(old_files.as_ref()).map(|(new, old_files)| {
            let of = |lang| diff((&old, old_files), (&new, &files), lang);
            ToldBothWays { zh: of(Lang::Zh), en: of(Lang::En) }
        });
        let before = old_files.map(|files| PackTexts {
            pack: old.id.to_string(),
            pack_version: old.version.to_string(),
            digest: old.digest.to_string(),
            files: files.0,
        });
        (files.0, before, told)
    };
    let (files, before, told) =
        tokio::task::spawn_blocking(compare).await.map_err(|_| Problem::internal())?;
    let proposed =
        PackTexts { pack: p.terms.pack, pack_version: p.terms.version, digest: p.terms.digest, files };
    Ok(Private(TextsView { proposed, before, told }))
}

/// What one signs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureRequest {
    /// Digest of the pack, as one read it.
    digest: String,
}

/// Why something ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndRequest {
    /// 1 to 500 letters.
    reason: String,
}

/// Signs a publication as the second person.
#[utoipa::path(post, path = "/api/v1/publications/{id}/signature", tag = "staff", request_body = SignatureRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn sign(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
    Body(ask): Body<SignatureRequest>,
) -> Result<StatusCode, Problem> {
    officer.require_somewhere(Permission::PublishRules)?;
    super::sign(&app, &officer, id(&text)?, &ask.digest).await.map(|()| StatusCode::NO_CONTENT)
}

/// Begins the time in shadow of a publication that two people signed.
#[utoipa::path(post, path = "/api/v1/publications/{id}/shadow", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
pub async fn shadow(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    officer.require_somewhere(Permission::PublishRules)?;
    super::shadow(&app, &officer, id(&text)?).await.map(|()| StatusCode::NO_CONTENT)
}

/// Publishes: the first stage takes force at its start, the others follow by themselves.
#[utoipa::path(post, path = "/api/v1/publications/{id}/publish", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
pub async fn publish(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    officer.require_somewhere(Permission::PublishRules)?;
    super::publish(&app, &officer, id(&text)?).await.map(|()| StatusCode::NO_CONTENT)
}

async fn end(
    app: &Shared,
    officer: &Officer,
    text: &str,
    how: &str,
    ask: &EndRequest,
) -> Result<StatusCode, Problem> {
    officer.require_somewhere(Permission::PublishRules)?;
    let reason = sentence("reason", &ask.reason, 500)?;
    super::end(app, officer, id(text)?, how, reason).await.map(|()| StatusCode::NO_CONTENT)
}

/// Stops a publication on its way; the earlier rules are in force again some seconds later.
#[utoipa::path(post, path = "/api/v1/publications/{id}/stop", tag = "staff", request_body = EndRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn stop(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
    Body(ask): Body<EndRequest>,
) -> Result<StatusCode, Problem> {
    end(&app, &officer, &text, "stopped", &ask).await
}

/// Brings the earlier rules back from a publication, in all places; what it decided counts no more.
#[utoipa::path(post, path = "/api/v1/publications/{id}/rollback", tag = "staff", request_body = EndRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn roll_back(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
    Body(ask): Body<EndRequest>,
) -> Result<StatusCode, Problem> {
    end(&app, &officer, &text, "rolled_back", &ask).await
}

/// Rules that are, were or will be in force, for anybody to read.
#[derive(Serialize, ToSchema)]
pub struct Registry {
    /// As of when.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    items: Vec<InForce>,
}

/// A pack in force for a division.
#[derive(Serialize, ToSchema)]
pub struct InForce {
    /// Code of the division; empty for everybody whom no other covers.
    division: String,
    pack: String,
    pack_version: String,
    digest: String,
    name: String,
    /// Since when; null since the installation began.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Instant>,
    /// Whether it is in force now.
    in_force: bool,
    rules: Vec<RuleText>,
}

/// A rule in words.
#[derive(Serialize, ToSchema)]
pub struct RuleText {
    id: String,
    title: String,
    why: String,
    /// `colour`, `review`, `release` or `expiry`.
    does: &'static str,
    #[schema(value_type = Object)]
    source: kangma_core::rules::words::SourceView,
}

/// Reads all packs that are, were or will be in force, with their rules in words and their sources.
#[utoipa::path(get, path = "/api/v1/public/packs", tag = "site", responses((status = 200, body = Registry)))]
pub async fn packs(AxumState(app): AxumState<Shared>, Reads(lang): Reads) -> axum::Json<Registry> {
    let (set, at) = (app.packs.set(), app.clock.now());
    let items = set.entries().map(|e| {
        let place = e.covers.parse().unwrap_or(0);
        let rules = e.pack.rules.iter().map(|rule| RuleText {
            id: rule.id.to_string(),
            title: e.pack.rule_title(&rule.id, lang).to_owned(),
            why: e.pack.rule_why(&rule.id, lang).to_owned(),
            does: match rule.then {
                Then::Open { .. } => "colour",
                Then::Review => "review",
                Then::Release { .. } => "release",
                Then::Expire => "expiry",
            },
            source: rule.source.clone(),
        });
        InForce {
            in_force: e.from <= at
                && e.until.is_none_or(|u| at < u)
                && set.at(place, at).digest == e.pack.digest,
            pack: e.pack.id.to_string(),
            pack_version: e.pack.version.to_string(),
            digest: e.pack.digest.to_string(),
            name: e.pack.name(lang).to_owned(),
            from: (e.from != Instant::MIN).then_some(e.from),
            until: e.until,
            rules: rules.collect(),
            division: e.covers.into(),
        }
    });
    axum::Json(Registry { at, items: items.collect() })
}
