//! Requests and answers of reviewing.

use axum::extract::{Path, State};
use kangma_core::fact::{Fact, Kind, Value};
use kangma_core::id::FactId;
use kangma_core::identity::Phone;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Finding;
use crate::account;
use crate::app::Shared;
use crate::auth::Staff;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::lang::{Lang, Wanted};
use crate::person::{self, Profile};
use crate::queue::{self, IDENTITY_RULE, Item, Subject};

/// Entries shown at once.
const ITEMS_MAX: i64 = 200;

/// What waits.
#[derive(Serialize, ToSchema)]
pub struct Reviews {
    /// The longest waiting first; at most 200.
    items: Vec<ReviewItem>,
}

/// One entry.
#[derive(Serialize, ToSchema)]
pub struct ReviewItem {
    id: String,
    /// `declaration` or `identity`.
    kind: &'static str,
    /// The pack's review rule, or `identity.claim`.
    rule: String,
    /// What it is about.
    title: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    waiting_since: Instant,
    /// Such as 张*.
    name_masked: String,
}

/// Lists what waits for a reviewer.
#[utoipa::path(get, path = "/api/v1/reviews", tag = "staff",
    responses((status = 200, body = Reviews), (status = 401, body = ProblemBody)))]
pub async fn list(
    State(app): State<Shared>,
    _: Staff,
    Wanted(lang): Wanted,
) -> Result<Private<Reviews>, Problem> {
    let mut items = Vec::new();
    for item in queue::open_items(&app.db, ITEMS_MAX).await? {
        let name_masked = match item.subject {
            Subject::Declaration(person) => {
                person::state(&app, person).await?.map(|s| s.sealed.name_masked.clone())
            }
            Subject::Identity(account) => {
                let account = account::find(&app, account).await?;
                account.and_then(|a| a.claim).and_then(|(_, c)| c.profile.name()).map(|n| n.masked())
            }
        };
        items.push(ReviewItem {
            id: hex(item.id),
            kind: kind(&item),
            title: title(&app, &item.rule, lang),
            rule: item.rule,
            waiting_since: item.opened_at,
            name_masked: name_masked.unwrap_or_default(),
        });
    }
    Ok(Private(Reviews { items }))
}

fn hex(id: [u8; 16]) -> String {
    FactId(id).to_string()
}

fn kind(item: &Item) -> &'static str {
    match item.subject {
        Subject::Declaration(_) => "declaration",
        Subject::Identity(_) => "identity",
    }
}

fn title(app: &Shared, rule: &str, lang: Lang) -> String {
    match (rule, lang) {
        (IDENTITY_RULE, Lang::Zh) => "核验身份".to_owned(),
        (IDENTITY_RULE, Lang::En) => "Confirm an identity".to_owned(),
        _ => app.pack.rule_title(rule, lang).to_owned(),
    }
}

fn why(app: &Shared, rule: &str, lang: Lang) -> String {
    match (rule, lang) {
        (IDENTITY_RULE, Lang::Zh) => {
            "没有接入身份核验服务，需人工核对姓名、证件号码与手机号是否为同一人。".to_owned()
        }
        (IDENTITY_RULE, Lang::En) => {
            "No identity gateway is connected: check that name, document and phone belong to one person."
                .to_owned()
        }
        _ => app.pack.rule_why(rule, lang).to_owned(),
    }
}

/// One entry with all that a reviewer needs.
#[derive(Serialize, ToSchema)]
pub struct ReviewDetail {
    id: String,
    /// `declaration` or `identity`.
    kind: &'static str,
    /// The pack's review rule, or `identity.claim`.
    rule: String,
    /// What it is about.
    title: String,
    /// Why it was sent to review.
    why: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    waiting_since: Instant,
    /// Full name: a reviewer calls people.
    name: String,
    /// First and last letters.
    document_masked: String,
    /// Such as 139****0001; none for a declaration, which several phones may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_masked: Option<String>,
    /// What was declared.
    answers: Vec<AnswerView>,
    /// What the same person declared before, newest first.
    earlier: Vec<Earlier>,
}

/// One answer.
#[derive(Serialize, ToSchema)]
pub struct AnswerView {
    /// Name of the field.
    field: String,
    /// The question.
    label: String,
    /// The answer, as the form shows it.
    value: String,
    /// Whether the review rule looks at this field.
    flagged: bool,
}

/// An earlier declaration.
#[derive(Serialize, ToSchema)]
pub struct Earlier {
    /// When it was declared.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// What was declared.
    answers: Vec<AnswerView>,
}

/// Earlier declarations shown.
const EARLIER_MAX: usize = 5;

/// Reads one entry.
#[utoipa::path(get, path = "/api/v1/reviews/{id}", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = ReviewDetail), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
pub async fn detail(
    State(app): State<Shared>,
    _: Staff,
    Wanted(lang): Wanted,
    Path(id): Path<String>,
) -> Result<Private<ReviewDetail>, Problem> {
    let id = FactId::parse(&id).ok_or_else(Problem::not_found)?;
    let item = super::open(&app, id.0).await?;
    let (profile, phone_masked, declared, earlier) = subject(&app, &item, lang).await?;
    let document = profile.document(app.clock.wall());
    Ok(Private(ReviewDetail {
        id: hex(item.id),
        kind: kind(&item),
        title: title(&app, &item.rule, lang),
        why: why(&app, &item.rule, lang),
        waiting_since: item.opened_at,
        name: profile.name.clone(),
        document_masked: document.map(|d| d.masked()).unwrap_or_default(),
        phone_masked,
        answers: answers(&app, &declared, &item.rule, lang),
        rule: item.rule,
        earlier,
    }))
}

async fn subject(
    app: &Shared,
    item: &Item,
    lang: Lang,
) -> Result<(Profile, Option<String>, Fact, Vec<Earlier>), Problem> {
    match item.subject {
        Subject::Declaration(id) => {
            let person = person::load(app, id).await?.ok_or_else(Problem::not_found)?;
            let profile = person::profile(app, id).await?.ok_or_else(Problem::not_found)?;
            let declared = person.facts.find(FactId(item.id)).cloned().ok_or_else(Problem::not_found)?;
            let others =
                person.facts.iter().rev().filter(|f| f.kind == Kind::Declaration && f.id != declared.id);
            let earlier = others
                .take(EARLIER_MAX)
                .map(|f| Earlier { at: f.happened, answers: answers(app, f, &item.rule, lang) })
                .collect();
            Ok((profile, None, declared, earlier))
        }
        Subject::Identity(id) => {
            let account = account::find(app, id).await?.ok_or_else(Problem::not_found)?;
            let phone = Phone::parse(&account.phone).ok().map(|p| p.masked());
            let (_, claim) = account.claim.ok_or_else(Problem::not_found)?;
            let declared = person::decode_fact(&claim.declaration).map_err(|_| Problem::internal())?;
            Ok((claim.profile, phone, declared, Vec::new()))
        }
    }
}

fn answers(app: &Shared, fact: &Fact, rule: &str, lang: Lang) -> Vec<AnswerView> {
    let pack = &app.pack;
    let flagged = pack.rule_fields(rule);
    let asked = pack.form.fields.iter().filter(|f| *fact.get(&f.field) != Value::Missing);
    asked
        .map(|f| AnswerView {
            field: f.field.clone(),
            label: pack.field_label(&f.field, lang),
            value: pack.value_text(&f.field, fact.get(&f.field), lang),
            flagged: flagged.iter().any(|name| *name == f.field),
        })
        .collect()
}

/// A reviewer's finding.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingRequest {
    /// `approve`, `return` or `false`.
    outcome: Finding,
    /// Needed unless approved; the resident reads it.
    #[serde(default)]
    reason: String,
}

/// The entry is settled.
#[derive(Serialize, ToSchema)]
pub struct Settled {
    /// `settled`.
    state: &'static str,
}

/// Settles one entry.
#[utoipa::path(post, path = "/api/v1/reviews/{id}", tag = "staff", request_body = FindingRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = Settled), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn settle(
    State(app): State<Shared>,
    staff: Staff,
    Path(id): Path<String>,
    Body(ask): Body<FindingRequest>,
) -> Result<Private<Settled>, Problem> {
    let id = FactId::parse(&id).ok_or_else(Problem::not_found)?;
    super::settle(&app, &staff.name, id.0, ask.outcome, &ask.reason).await?;
    Ok(Private(Settled { state: "settled" }))
}
