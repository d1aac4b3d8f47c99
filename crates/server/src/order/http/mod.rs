//! Requests and answers about orders.

pub mod notices;
pub mod undo;

use std::collections::HashMap;

use axum::extract::{Path, Query, State as AxumState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kangma_core::division::lies_in;
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::rules::pack::{Pack, Then};
use kangma_core::time::{DAY_S, Instant};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Ask, Body as Said, Of, REFERENCE_MAX, State, store};
use crate::app::Shared;
use crate::declare::http::DocumentRequest;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, IdempotencyKey, Private, sentence};
use crate::lang::{Lang, Wanted};
use crate::staff::{self, Officer};

/// Orders, or requests to undo, shown at once.
const ITEMS_MAX: usize = 200;
/// Lists go back this far.
const LISTED_S: i64 = 30 * DAY_S;
/// The longest reason, in letters.
const REASON_MAX: usize = 500;

/// Whom an order is about: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum OfRequest {
    /// The person of a document.
    Document(DocumentRequest),
    /// The person of an entry that waits for review, by its id.
    Case(String),
}

/// An order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// Whom it is about.
    of: OfRequest,
    /// A rule that the pack in force lets be ordered: `GET /api/v1/orders` lists them.
    #[schema(example = "HZ-RED-ORDER")]
    rule: String,
    /// `investigation_report`, `laboratory_report`, `diagnosis` or `correction_notice`.
    evidence: String,
    /// Where the evidence lies, such as a file number; 1 to 200 letters.
    reference: String,
    /// When it ends: at most so many days ahead as the pack lets it.
    #[schema(value_type = String, format = DateTime)]
    until: Instant,
    /// Whether it acts for two hours before it is signed, where the rule lets it.
    #[serde(default)]
    urgent: bool,
}

/// What became of an order.
#[derive(Serialize, ToSchema)]
pub struct OrderAnswer {
    /// Its identifier.
    order: String,
    /// `waiting` for a signature, or `held` for the level above.
    state: State,
}

/// Writes an order. It does nothing until somebody of another office signs it; an urgent one acts
/// alone for two hours at most. Somebody outside one's scope is as if they did not exist. The same
/// `Idempotency-Key` sent again writes nothing more.
#[utoipa::path(post, path = "/api/v1/orders", tag = "staff", request_body = OrderRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "8 to 64 letters, digits, - or _")),
    responses((status = 201, body = OrderAnswer), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody),
        (status = 429, body = ProblemBody)))]
pub async fn give(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    key: IdempotencyKey,
    Body(ask): Body<OrderRequest>,
) -> Result<Response, Problem> {
    let of = match ask.of {
        OfRequest::Document(document) => {
            let today = app.packs.base().zone.day_of(app.clock.now());
            Of::Document(document.parse(today).map_err(|e| Problem::refused("of.document.number", &e))?)
        }
        OfRequest::Case(id) => Of::Case(FactId::parse(&id).ok_or_else(Problem::not_found)?.0),
    };
    let reference = sentence("reference", &ask.reference, REFERENCE_MAX)?.to_owned();
    let ask =
        Ask { of, rule: ask.rule, evidence: ask.evidence, reference, until: ask.until, urgent: ask.urgent };
    let (id, state) = super::give(&app, &officer, &key, &ask).await?;
    Ok((StatusCode::CREATED, Private(OrderAnswer { order: id.to_string(), state })).into_response())
}

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// `held`, `waiting` (without it), `signed` or `withdrawn`.
    state: Option<WhichState>,
}

/// A state to list.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WhichState {
    Held,
    Waiting,
    Signed,
    Withdrawn,
}

/// Orders of one's divisions.
#[derive(Serialize, ToSchema)]
pub struct Orders {
    /// The latest of the last 30 days first; at most 200.
    items: Vec<OrderView>,
    /// The rules that can be ordered.
    rules: Vec<RuleView>,
}

/// A rule that can be ordered.
#[derive(Serialize, ToSchema)]
pub struct RuleView {
    id: String,
    title: String,
    /// `colour` or `release`.
    effect: &'static str,
    /// An order ends at most so many times 24 hours ahead.
    days_max: u32,
    /// Whether one may be urgent.
    urgent: bool,
}

/// An order as lists have it. It shows nobody: who it is about, and where the evidence lies, is read by
/// opening it, which they are shown.
#[derive(Serialize, ToSchema)]
pub struct OrderView {
    id: String,
    state: State,
    /// The rule that it cites.
    rule: String,
    /// The rule in a few words.
    title: String,
    /// Kind of evidence.
    evidence: String,
    /// County of the person.
    division: String,
    /// Log-in name of who wrote it.
    officer: String,
    /// Name of their office.
    office: String,
    urgent: bool,
    #[schema(value_type = String, format = DateTime)]
    written_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    until: Instant,
    approved_by: Option<String>,
    signed_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    signed_at: Option<Instant>,
    withdrawn_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    withdrawn_at: Option<Instant>,
    /// Whether the one who asks can sign it.
    can_sign: bool,
}

/// Lists orders of people in one's scope, and the rules that can be ordered.
#[utoipa::path(get, path = "/api/v1/orders", tag = "staff", params(Which),
    responses((status = 200, body = Orders), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn list(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Query(which): Query<Which>,
) -> Result<Private<Orders>, Problem> {
    let seeing = [Permission::Order, Permission::CountersignOrder, Permission::Audit];
    let mut scope: Vec<&str> = seeing.iter().flat_map(|p| officer.scope(*p)).collect();
    if scope.is_empty() {
        officer.require(Permission::Order, "")?;
    }
    scope.sort_unstable();
    scope.dedup();
    let state = match which.state.unwrap_or(WhichState::Waiting) {
        WhichState::Held => State::Held,
        WhichState::Waiting => State::Waiting,
        WhichState::Signed => State::Signed,
        WhichState::Withdrawn => State::Withdrawn,
    };
    let since = app.clock.now().plus_s(-LISTED_S);
    let mut rows = Vec::new();
    for division in scope {
        rows.extend(store::within(&app.db, state, division, since, ITEMS_MAX).await?);
    }
    rows.sort_by_key(|r| std::cmp::Reverse((r.ordered_at, r.id)));
    rows.dedup_by_key(|r| r.id);
    rows.truncate(ITEMS_MAX);
    let mut items = Vec::with_capacity(rows.len());
    let mut names = Offices::default();
    for row in rows {
        let body = super::unseal(&app, &row)?;
        items.push(view(&app, &officer, row, &body, &mut names, lang).await?);
    }
    Ok(Private(Orders { items, rules: rules(&app, &officer, lang) }))
}

/// An order and whom it is about.
#[derive(Serialize, ToSchema)]
pub struct OrderDetail {
    /// As the list has it.
    order: OrderView,
    /// Such as 张*.
    name_masked: String,
    /// Where the evidence lies.
    reference: String,
}

/// Opens one order: whom it is about. The person is shown that it was done.
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = OrderDetail), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn detail(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Path(id): Path<String>,
) -> Result<Private<OrderDetail>, Problem> {
    let super::Opened { row, body, name_masked, has_moved } =
        super::look_at(&app, &officer, order_id(&id)?).await?;
    let mut order = view(&app, &officer, row, &body, &mut Offices::default(), lang).await?;
    order.can_sign &= !has_moved;
    Ok(Private(OrderDetail { order, name_masked, reference: body.reference }))
}

/// What may be ordered where an officer orders.
fn rules(app: &Shared, officer: &Officer, lang: Lang) -> Vec<RuleView> {
    let (set, now) = (app.packs.set(), app.clock.now());
    let mut packs: Vec<&Pack> = Vec::new();
    for division in officer.scope(Permission::Order) {
        let here = set.at(division.parse().unwrap_or(0), now);
        let below = set.entries().filter(|e| lies_in(&e.covers, division) && e.covers.len() > division.len());
        let below = below.filter_map(|e| e.covers.parse().ok()).map(|place| set.at(place, now));
        packs.extend(std::iter::once(here).chain(below).map(|pack| &**pack));
    }
    let mut seen = std::collections::BTreeSet::new();
    let orderable =
        packs.iter().flat_map(|pack| pack.rules.iter().filter_map(move |r| Some((pack, r, r.order?))));
    orderable
        .filter(|(_, rule, _)| seen.insert(rule.id.clone()))
        .map(|(pack, rule, terms)| RuleView {
            id: rule.id.to_string(),
            title: pack.rule_title(&rule.id, lang).to_owned(),
            effect: if matches!(rule.then, Then::Release { .. }) { "release" } else { "colour" },
            days_max: terms.days_max,
            urgent: terms.urgent,
        })
        .collect()
}

async fn view(
    app: &Shared,
    officer: &Officer,
    row: store::Row,
    body: &Said,
    names: &mut Offices,
    lang: Lang,
) -> Result<OrderView, Problem> {
    let office = names.name(app, &FactId(row.office).to_string()).await?;
    let set = app.packs.set();
    let pack = set.at(row.division.parse().unwrap_or(0), app.clock.now());
    let can_sign = row.state == State::Waiting
        && officer.may(Permission::CountersignOrder, &row.division)
        && officer.office != row.office
        && officer.name != row.officer;
    Ok(OrderView {
        id: FactId(row.id).to_string(),
        state: row.state,
        title: set.with_rule(pack, &body.rule, None).rule_title(&body.rule, lang).to_owned(),
        rule: body.rule.clone(),
        evidence: body.evidence.clone(),
        division: row.division,
        officer: row.officer,
        office,
        urgent: row.urgent,
        written_at: row.ordered_at,
        until: row.until,
        approved_by: row.approved_by,
        signed_by: row.signed_by,
        signed_at: row.signed_at,
        withdrawn_by: row.withdrawn_by,
        withdrawn_at: row.withdrawn_at,
        can_sign,
    })
}

/// It is done.
#[derive(Serialize, ToSchema)]
pub struct OrderDone {
    /// `signed`, `approved` or `withdrawn`.
    state: &'static str,
}

fn order_id(id: &str) -> Result<[u8; 16], Problem> {
    FactId::parse(id).map(|id| id.0).ok_or_else(Problem::not_found)
}

/// Signs an order that another office wrote: from now on it acts.
#[utoipa::path(post, path = "/api/v1/orders/{id}/signature", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = OrderDone), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn sign(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Private<OrderDone>, Problem> {
    super::sign(&app, &officer, order_id(&id)?).await?;
    Ok(Private(OrderDone { state: "signed" }))
}

/// Lets an order through that was held over the limit of an hour: for the level above, of another
/// office. It still waits for its signature.
#[utoipa::path(post, path = "/api/v1/orders/{id}/approval", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = OrderDone), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn approve(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Private<OrderDone>, Problem> {
    super::approve(&app, &officer, order_id(&id)?).await?;
    Ok(Private(OrderDone { state: "approved" }))
}

/// Why an order is withdrawn.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawalRequest {
    /// 1 to 500 letters; the resident reads it.
    reason: String,
}

/// Withdraws an order that colours. One that released somebody is taken back by two offices only.
#[utoipa::path(post, path = "/api/v1/orders/{id}/withdrawal", tag = "staff", request_body = WithdrawalRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = OrderDone), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn withdraw(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(id): Path<String>,
    Body(ask): Body<WithdrawalRequest>,
) -> Result<Private<OrderDone>, Problem> {
    let reason = sentence("reason", &ask.reason, REASON_MAX)?;
    super::withdraw(&app, &officer, order_id(&id)?, reason).await?;
    Ok(Private(OrderDone { state: "withdrawn" }))
}

/// Names of offices, each read once.
#[derive(Default)]
pub(super) struct Offices(HashMap<String, String>);

impl Offices {
    pub async fn name(&mut self, app: &Shared, office: &str) -> Result<String, Problem> {
        if let Some(name) = self.0.get(office) {
            return Ok(name.clone());
        }
        let id = FactId::parse(office).ok_or_else(Problem::internal)?;
        let name = staff::office_name(app, id.0).await?;
        self.0.insert(office.to_owned(), name.clone());
        Ok(name)
    }
}
