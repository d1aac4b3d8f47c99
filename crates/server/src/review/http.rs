//! Requests and answers of reviewing.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use kangma_core::appeal::Level;
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::{self, ReviewDetail};
use super::{Desk, Finding};
use crate::app::Shared;
use crate::appeal::words::{REASONS, office_name};
use crate::error::{Problem, ProblemBody};
use crate::evidence::{self, http::download};
use crate::http::{Body, Private};
use crate::lang::{Lang, Wanted};
use crate::look::{self, Looker, Purpose};
use crate::queue::{self, IDENTITY_RULE, Item, Subject, UNDO_S};
use crate::staff::Officer;

/// Entries shown at once.
const ITEMS_MAX: usize = 200;

/// What to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReviewsQuery {
    /// `declaration`, `identity`, `appeal` or `confirmation`; all of them without it.
    #[serde(default)]
    kind: Option<String>,
    /// Only what waits at `street`, `county`, `city` or `province`, or below it.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    level: Option<Level>,
}

/// What waits.
#[derive(Serialize, ToSchema)]
pub struct Reviews {
    /// The least time left first; at most 200.
    items: Vec<ReviewItem>,
    /// Seconds in which a finding can be taken back.
    undo_s: i64,
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    server_time: Instant,
}

/// One entry. It shows nobody: who it is about is read by opening it, which they are shown.
#[derive(Serialize, ToSchema)]
pub struct ReviewItem {
    id: String,
    /// `declaration`, `identity`, `appeal` or `confirmation`.
    kind: &'static str,
    /// The pack's rule, or `identity.claim`.
    rule: String,
    /// What it is about.
    title: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    waiting_since: Instant,
    /// By when the office has to answer.
    #[schema(value_type = String, format = DateTime)]
    due_at: Instant,
    /// Whether that time is over.
    late: bool,
    /// Level of the office: `street`, `county`, `city` or `province`.
    level: &'static str,
    /// The office in words.
    office: String,
    /// Who has it in hand.
    claim: Option<Claim>,
}

/// Who has an entry in hand.
#[derive(Serialize, ToSchema)]
pub struct Claim {
    /// Log-in name.
    by: String,
    /// Whether it is the one who asks.
    mine: bool,
    /// Until when, unless renewed.
    #[schema(value_type = String, format = DateTime)]
    until: Instant,
}

impl Claim {
    /// Of an entry, for the one who asks.
    pub fn of(item: &Item, desk: &Desk, now: Instant) -> Option<Claim> {
        let (by, until) = item.claim.clone().filter(|(_, until)| now < *until)?;
        Some(Claim { mine: by == desk.name, by, until })
    }
}

/// Lists what waits in one's own divisions, the least time left first.
#[utoipa::path(get, path = "/api/v1/reviews", tag = "staff", params(ReviewsQuery),
    responses((status = 200, body = Reviews), (status = 401, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn list(
    State(app): State<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    query: Result<Query<ReviewsQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Private<Reviews>, Problem> {
    let Ok(Query(query)) = query else { return Err(bad_query()) };
    let wanted = match query.kind.as_deref() {
        None => (1, 4),
        Some("declaration") => (1, 1),
        Some("identity") => (2, 2),
        Some("appeal") => (3, 3),
        Some("confirmation") => (4, 4),
        Some(_) => return Err(bad_query()),
    };
    let desk = Desk::of(&officer)?;
    let mut found: Vec<Item> = Vec::new();
    for (scope, kinds) in desk.scopes(&app) {
        let kinds = (kinds.0.max(wanted.0), kinds.1.min(wanted.1));
        let own = queue::open_items(&app.db, &scope, kinds, query.level, ITEMS_MAX as i64).await?;
        // Divisions of two grants may overlap.
        found.extend(
            own.into_iter().filter(|new| !found.iter().any(|item| item.id == new.id)).collect::<Vec<_>>(),
        );
    }
    found.sort_by_key(|item| (item.due_at, item.id));
    found.truncate(ITEMS_MAX);
    let now = app.clock.now();
    let items = found.into_iter().map(|item| ReviewItem {
        id: hex(item.id),
        kind: kind(&item),
        title: title(&app, &item, lang),
        waiting_since: item.opened_at,
        due_at: item.due_at,
        late: item.due_at <= now,
        level: item.level.name(),
        office: office_name(item.county, item.level, lang),
        claim: Claim::of(&item, &desk, now),
        rule: item.rule,
    });
    Ok(Private(Reviews { items: items.collect(), undo_s: UNDO_S, server_time: now }))
}

fn bad_query() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "review.query",
        "筛选条件不正确。",
        "Take kind and level from the description of the interface.",
    )
}

fn hex(id: [u8; 16]) -> String {
    FactId(id).to_string()
}

fn parse(id: &str) -> Result<[u8; 16], Problem> {
    FactId::parse(id).map(|id| id.0).ok_or_else(Problem::not_found)
}

/// The kind's word.
pub fn kind(item: &Item) -> &'static str {
    item.subject.name()
}

/// What an entry is about, in a few words.
pub fn title(app: &Shared, item: &Item, lang: Lang) -> String {
    let set = app.packs.set();
    let pack = set.with_rule(set.at(item.county.into(), app.clock.now()), &item.rule, None);
    let rule = pack.rule_title(&item.rule, lang);
    match (item.subject, lang) {
        (Subject::Identity(_), Lang::Zh) => "核验身份".to_owned(),
        (Subject::Identity(_), Lang::En) => "Confirm an identity".to_owned(),
        (Subject::Appeal(_), Lang::Zh) => format!("申诉：{rule}"),
        (Subject::Appeal(_), Lang::En) => format!("Appeal: {rule}"),
        (Subject::Confirmation(_), Lang::Zh) => format!("确认解除：{rule}"),
        (Subject::Confirmation(_), Lang::En) => format!("Confirm the end of: {rule}"),
        (Subject::Declaration(_), _) => rule.to_owned(),
    }
}

/// Why an entry waits.
pub fn why(app: &Shared, item: &Item, lang: Lang) -> String {
    match (item.rule.as_str(), lang) {
        (IDENTITY_RULE, Lang::Zh) => {
            "没有接入身份核验服务，需人工核对姓名、证件号码与手机号是否为同一人。".to_owned()
        }
        (IDENTITY_RULE, Lang::En) => {
            "No identity gateway is connected: check that name, document and phone belong to one person."
                .to_owned()
        }
        (rule, _) => {
            let set = app.packs.set();
            let pack = set.with_rule(set.at(item.county.into(), app.clock.now()), rule, None);
            pack.rule_why(rule, lang).to_owned()
        }
    }
}

/// Reads one entry: what was declared, recorded and decided.
#[utoipa::path(get, path = "/api/v1/reviews/{id}", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = ReviewDetail), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
pub async fn detail(
    State(app): State<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Path(id): Path<String>,
) -> Result<Private<ReviewDetail>, Problem> {
    let desk = Desk::of(&officer)?;
    let item = super::open(&app, &desk, parse(&id)?).await?;
    looked(&app, &officer, &item).await?;
    Ok(Private(view::detail(&app, &desk, item, lang).await?))
}

/// What an entry is about has been seen: the person is shown it, and whoever claims to be somebody too.
async fn looked(app: &Shared, officer: &Officer, item: &Item) -> Result<(), Problem> {
    let (right, purpose) = match item.subject {
        Subject::Declaration(_) | Subject::Identity(_) => (Permission::Review, Purpose::Review),
        Subject::Appeal(_) => (Permission::Appeal, Purpose::Appeal),
        Subject::Confirmation(_) => (Permission::Approve, Purpose::Review),
    };
    let role = officer.scope(right).first().map(|code| (*code).to_owned()).unwrap_or_default();
    let by = Looker::of(app, officer, right, &role).await?;
    match item.subject {
        Subject::Identity(account) => look::record_claim(app, &by, account, purpose).await,
        Subject::Declaration(person) | Subject::Appeal(person) | Subject::Confirmation(person) => {
            look::record(app, &by, person, purpose, "").await
        }
    }
}

/// A reviewer's finding.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingRequest {
    /// One of the entry's `outcomes`.
    outcome: Finding,
    /// A code of the list of reasons; `other` without it.
    #[serde(default)]
    code: String,
    /// In the officer's words, which the resident reads. Needed for `other`, `return` and `false`.
    #[serde(default)]
    reason: String,
}

/// The entry is settled.
#[derive(Serialize, ToSchema)]
pub struct Settled {
    /// `settling`: recorded, and can be taken back until it takes effect.
    state: &'static str,
    /// When it takes effect.
    #[schema(value_type = String, format = DateTime)]
    takes_effect_at: Instant,
}

/// Settles one entry; it takes effect after ten seconds unless it is undone.
#[utoipa::path(post, path = "/api/v1/reviews/{id}", tag = "staff", request_body = FindingRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = Settled), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn settle(
    State(app): State<Shared>,
    officer: Officer,
    Path(id): Path<String>,
    Body(ask): Body<FindingRequest>,
) -> Result<Private<Settled>, Problem> {
    let desk = Desk::of(&officer)?;
    let takes_effect_at =
        super::settle(&app, &desk, parse(&id)?, ask.outcome, &ask.code, &ask.reason).await?;
    Ok(Private(Settled { state: "settling", takes_effect_at }))
}

/// An entry is in hand.
#[derive(Serialize, ToSchema)]
pub struct InHand {
    /// Until when, unless renewed.
    #[schema(value_type = String, format = DateTime)]
    until: Instant,
}

/// Takes a finding back that is not yet in effect; the entry is then in hand again.
#[utoipa::path(post, path = "/api/v1/reviews/{id}/undo", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = InHand), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
pub async fn undo(
    State(app): State<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Private<InHand>, Problem> {
    let until = super::undo(&app, &Desk::of(&officer)?, parse(&id)?).await?;
    Ok(Private(InHand { until }))
}

/// Takes an entry in hand for ten minutes; sent again, it renews.
#[utoipa::path(post, path = "/api/v1/reviews/{id}/claim", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = InHand), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
pub async fn claim(
    State(app): State<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Private<InHand>, Problem> {
    let until = super::claim(&app, &Desk::of(&officer)?, parse(&id)?).await?;
    Ok(Private(InHand { until }))
}

/// Gives an entry back to the queue.
#[utoipa::path(delete, path = "/api/v1/reviews/{id}/claim", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn release(
    State(app): State<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    super::release(&app, &Desk::of(&officer)?, parse(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why an entry goes to the office above.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalationRequest {
    /// A code of the list of reasons; `other` without it.
    #[serde(default)]
    code: String,
    /// In the officer's words, which the resident reads.
    #[serde(default)]
    reason: String,
}

/// Where it waits now.
#[derive(Serialize, ToSchema)]
pub struct Escalated {
    /// `county`, `city` or `province`.
    level: &'static str,
}

/// Passes an entry to the office above, which gets its own time.
#[utoipa::path(post, path = "/api/v1/reviews/{id}/escalation", tag = "staff", request_body = EscalationRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = Escalated), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn escalate(
    State(app): State<Shared>,
    officer: Officer,
    Path(id): Path<String>,
    Body(ask): Body<EscalationRequest>,
) -> Result<Private<Escalated>, Problem> {
    let level = super::escalate(&app, &Desk::of(&officer)?, parse(&id)?, &ask.code, &ask.reason).await?;
    Ok(Private(Escalated { level: level.name() }))
}

/// Reads a file of an appeal, as a download.
#[utoipa::path(get, path = "/api/v1/reviews/{id}/evidence/{evidence}", tag = "staff",
    params(("id" = String, Path, description = "From the list"), ("evidence" = String, Path, description = "The file's id")),
    responses((status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 401, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
pub async fn read_evidence(
    State(app): State<Shared>,
    officer: Officer,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let item = super::open(&app, &Desk::of(&officer)?, parse(&id)?).await?;
    let Subject::Appeal(person) = item.subject else { return Err(Problem::not_found()) };
    looked(&app, &officer, &item).await?;
    let (file, bytes) = evidence::read(&app, person, item.id, &file).await?;
    Ok(download(&file, bytes))
}

/// Reasons that an officer can give.
#[derive(Serialize, ToSchema)]
pub struct Reasons {
    reasons: Vec<ReasonView>,
}

/// One reason.
#[derive(Serialize, ToSchema)]
pub struct ReasonView {
    /// To send.
    code: &'static str,
    /// In words.
    text: &'static str,
    /// The outcomes that it can be given for; `escalate` is among them.
    outcomes: &'static [&'static str],
}

/// Lists the reasons that a finding or an escalation can have.
#[utoipa::path(get, path = "/api/v1/review-reasons", tag = "staff",
    responses((status = 200, body = Reasons), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn reasons(officer: Officer, Wanted(lang): Wanted) -> Result<Private<Reasons>, Problem> {
    Desk::of(&officer)?;
    let reasons = REASONS.iter().map(|(code, outcomes, zh, en)| ReasonView {
        code,
        text: if lang == Lang::Zh { zh } else { en },
        outcomes,
    });
    Ok(Private(Reasons { reasons: reasons.collect() }))
}
