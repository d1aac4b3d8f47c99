//! Requests and answers of appealing.

use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use kangma_core::id::{FactId, PersonId};
use kangma_core::rules::words::SourceView;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::{office_name, reason_text};
use super::{Appeal, Ground, New, Outcome, Stage, What};
use crate::app::Shared;
use crate::auth::Resident;
use crate::error::{Problem, ProblemBody};
use crate::evidence::http::{FileView, Upload, download, drain};
use crate::evidence::{self, BYTES_MAX, FILES_MAX};
use crate::http::{Body, IdempotencyKey, Private};
use crate::lang::{Reads, Tongue};
use crate::limit::Who;
use crate::queue;

/// An appeal to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppealRequest {
    /// Made by the client, new for each appeal, 8 to 64 letters, digits, `-` or `_`: sent again, it is
    /// the same appeal.
    id: String,
    /// The `fact` of the reason that it is about, or of the returned declaration; the most severe
    /// reason without it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    about: Option<FactId>,
    /// What it is made on.
    ground: Ground,
    /// In the person's words, at most 1,000 letters.
    text: String,
}

/// One's own appeals.
#[derive(Serialize, ToSchema)]
pub struct Appeals {
    /// The latest first; at most 50.
    appeals: Vec<AppealView>,
    /// The most files that one appeal takes.
    files_max: usize,
    /// The largest file, in bytes.
    file_bytes_max: usize,
    /// Hours in which offices aim to answer.
    target_hours: u32,
}

/// One appeal.
#[derive(Serialize, ToSchema)]
pub struct AppealView {
    /// Identifier: the number to ask by.
    id: String,
    /// The fact that the decision rests on.
    about: String,
    /// The rule that decided.
    rule: String,
    /// The rule in a few words.
    title: String,
    /// Version of the pack whose terms it ran under.
    version: String,
    /// What it is made on.
    ground: Ground,
    /// In the person's words.
    text: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: Instant,
    /// `open`, `answered` or `withdrawn`.
    state: &'static str,
    /// Where it waits; none once it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<Waits>,
    /// What happened to it, in order.
    steps: Vec<StepView>,
    /// The files added to it.
    files: Vec<FileView>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerView>,
}

/// Where an appeal waits.
#[derive(Serialize, ToSchema)]
pub struct Waits {
    /// `street`, `county`, `city` or `province`.
    level: &'static str,
    /// The office in words.
    office: String,
    /// By when it has to answer; then the appeal goes to the office above.
    #[schema(value_type = String, format = DateTime)]
    due_at: Instant,
    /// Whether that time is over.
    late: bool,
}

/// One step.
#[derive(Serialize, ToSchema)]
pub struct StepView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// What.
    what: What,
    /// Level of the office after it.
    level: &'static str,
    /// The officer's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// An answer.
#[derive(Serialize, ToSchema)]
#[schema(as = AppealAnswer)]
pub struct AnswerView {
    /// What it is.
    outcome: Outcome,
    /// Why, in a few words; empty where the officer's own words say all.
    why: String,
    /// In the officer's words; may be empty.
    reason: String,
    /// Level of the office.
    level: &'static str,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// The rule that it cites.
    rule: String,
    /// The rule in a few words.
    title: String,
    /// Where the rule is published.
    #[schema(value_type = Option<Object>)]
    source: Option<SourceView>,
}

/// Makes an appeal against a decision about oneself.
#[utoipa::path(post, path = "/api/v1/me/appeals", tag = "resident", request_body = AppealRequest,
    responses((status = 201, body = AppealView), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn make(
    State(app): State<Shared>,
    who: Resident,
    Reads(lang): Reads,
    Body(ask): Body<AppealRequest>,
) -> Result<(StatusCode, Private<AppealView>), Problem> {
    let AppealRequest { id, about, ground, text } = ask;
    let appeal = super::make(&app, who, New { client_id: id, about, ground, text }).await?;
    let person = super::holder(&app, who).await?;
    Ok((StatusCode::CREATED, Private(view(&app, person, appeal, lang).await?)))
}

/// Lists one's own appeals with their clock and outcome.
#[utoipa::path(get, path = "/api/v1/me/appeals", tag = "resident",
    responses((status = 200, body = Appeals), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn list(
    State(app): State<Shared>,
    who: Resident,
    Reads(lang): Reads,
) -> Result<Private<Appeals>, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let person = super::holder(&app, who).await?;
    let mut appeals = Vec::new();
    for appeal in super::list(&app, person).await? {
        appeals.push(view(&app, person, appeal, lang).await?);
    }
    let division = crate::person::state(&app, person).await?.map_or(0, |state| state.sealed.division);
    let target_hours = app.packs.at(division, app.clock.now()).appeals.target_hours;
    Ok(Private(Appeals { appeals, files_max: FILES_MAX, file_bytes_max: BYTES_MAX, target_hours }))
}

/// Takes an appeal back.
#[utoipa::path(post, path = "/api/v1/me/appeals/{id}/withdrawal", tag = "resident",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
pub async fn withdraw(
    State(app): State<Shared>,
    who: Resident,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (person, appeal) = own(&app, who, &id).await?;
    super::withdraw(&app, person, appeal.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Adds a picture or PDF to one's own open appeal. The body is the file itself.
#[utoipa::path(post, path = "/api/v1/me/appeals/{id}/evidence", tag = "resident",
    params(("id" = String, Path, description = "From the list"),
        ("Idempotency-Key" = String, Header, description = "Made by the client, new for each file: sent again, it is the same file")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "JPEG, PNG, WebP or PDF, at most 5 MB; what it is, its bytes say"),
    responses((status = 201, body = FileView), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 408, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 413, body = ProblemBody), (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn add_evidence(
    State(app): State<Shared>,
    who: Resident,
    Path(id): Path<String>,
    key: IdempotencyKey,
    // The person is asked for before the file is read.
    request: Request,
) -> Result<(StatusCode, Private<FileView>), Problem> {
    let (person, appeal, key) = match may_add(&app, who, &id, key).await {
        Ok(fine) => fine,
        Err(problem) => {
            drain(request).await;
            return Err(problem);
        }
    };
    let Upload(bytes) = Upload::from_request(request, &()).await?;
    let file = evidence::add(&app, person, appeal.id, &key, bytes).await?;
    Ok((StatusCode::CREATED, Private(FileView::from(&file))))
}

/// Whether a file may come, before it is read.
async fn may_add(
    app: &Shared,
    who: Resident,
    id: &str,
    key: IdempotencyKey,
) -> Result<(PersonId, Appeal, String), Problem> {
    let key = key.0.ok_or_else(|| {
        Problem::bad_request(
            "request.idempotency_key",
            "缺少请求头 Idempotency-Key。",
            "The header Idempotency-Key is missing.",
        )
    })?;
    let (person, appeal) = own(app, who, id).await?;
    if appeal.stage != Stage::Open {
        return Err(super::closed());
    }
    app.limits.uploads.take(&Who::from(&who))?;
    Ok((person, appeal, key))
}

/// Reads a file of one's own appeal, as a download.
#[utoipa::path(get, path = "/api/v1/me/appeals/{id}/evidence/{evidence}", tag = "resident",
    params(("id" = String, Path, description = "From the list"), ("evidence" = String, Path, description = "The file's id")),
    responses((status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn read_evidence(
    State(app): State<Shared>,
    who: Resident,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let (person, appeal) = own(&app, who, &id).await?;
    let (file, bytes) = evidence::read(&app, person, appeal.id, &file).await?;
    Ok(download(&file, bytes))
}

/// An appeal of the person who asks; another's is not there.
async fn own(app: &Shared, who: Resident, id: &str) -> Result<(PersonId, Appeal), Problem> {
    let person = super::holder(app, who).await?;
    let id = FactId::parse(id).ok_or_else(Problem::not_found)?;
    let appeal = super::find(app, person, id.0).await?.ok_or_else(Problem::not_found)?;
    Ok((person, appeal))
}

async fn view(app: &Shared, person: PersonId, appeal: Appeal, lang: Tongue) -> Result<AppealView, Problem> {
    let set = app.packs.set();
    let pack = set.with_rule(set.base(), &appeal.body.rule, Some(&appeal.body.version));
    let item = match appeal.stage {
        Stage::Open => queue::find(&app.db, appeal.id).await?,
        _ => None,
    };
    let now = app.clock.now();
    let waits = item.map(|item| Waits {
        level: item.level.name(),
        office: office_name(item.county, item.level, lang.ours),
        due_at: item.due_at,
        late: item.due_at <= now,
    });
    let steps = super::steps(app, person, appeal.id).await?;
    let steps = steps
        .into_iter()
        .map(|s| StepView { at: s.at, what: s.what, level: s.level.name(), note: s.note })
        .collect();
    let files = evidence::list(app, person, appeal.id).await?;
    let title = pack.rule_title(&appeal.body.rule, lang).to_owned();
    let closed_at = appeal.closed_at.unwrap_or(appeal.made_at);
    let answer = appeal.answer.map(|answer| AnswerView {
        outcome: answer.outcome,
        why: reason_text(&answer.code, lang.ours).to_owned(),
        reason: answer.reason,
        level: answer.level.name(),
        at: closed_at,
        rule: appeal.body.rule.clone(),
        title: title.clone(),
        source: pack.rule(&appeal.body.rule).map(|r| r.source.clone()),
    });
    Ok(AppealView {
        id: FactId(appeal.id).to_string(),
        about: appeal.about.to_string(),
        rule: appeal.body.rule,
        title,
        version: appeal.body.version,
        ground: appeal.body.ground,
        text: appeal.body.text,
        made_at: appeal.made_at,
        state: match appeal.stage {
            Stage::Open => "open",
            Stage::Answered => "answered",
            Stage::Withdrawn => "withdrawn",
        },
        waits,
        steps,
        files: files.iter().map(FileView::from).collect(),
        answer,
    })
}
