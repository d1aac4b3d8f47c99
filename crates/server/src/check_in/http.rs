//! Requests and answers of checking in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kangma_core::fact::{Fact, Kind, Value};
use kangma_core::time::{DAY_S, Day, Instant};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CheckIn;
use crate::account::holder;
use crate::app::Shared;
use crate::auth::Resident;
use crate::error::{FieldProblem, Problem, ProblemBody};
use crate::http::{Body, IdempotencyKey, Private};
use crate::lang::Reads;
use crate::limit::Who;
use crate::person::{self, Person};

/// How somebody is today.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckInRequest {
    /// Body temperature, 30 to 45 °C.
    #[schema(example = 36.5)]
    temperature_c: f64,
    /// Symptoms; empty where there are none.
    #[schema(example = json!([]))]
    symptoms: Vec<String>,
}

/// A check-in was recorded.
#[derive(Serialize, ToSchema)]
pub struct CheckedIn {
    /// The day that it is for, in the pack's zone.
    #[schema(value_type = String, format = Date)]
    day: Day,
    /// Whether the pack takes it as normal.
    normal: bool,
    /// Whether it is the one that counts today; a second one counts only where it is not normal.
    counted: bool,
    /// What follows, in words.
    detail: String,
}

/// Checks in for today.
#[utoipa::path(post, path = "/api/v1/me/check-ins", tag = "resident", request_body = CheckInRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "8 to 64 letters, digits, - or _")),
    responses((status = 201, body = CheckedIn), (status = 401, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn check_in(
    State(app): State<Shared>,
    who: Resident,
    Reads(lang): Reads,
    key: IdempotencyKey,
    Body(ask): Body<CheckInRequest>,
) -> Result<Response, Problem> {
    let person = holder(&app, who).await?.ok_or_else(nobody_yet)?;
    let place = person::state(&app, person).await?.map_or(0, |state| state.sealed.division);
    let said = check(ask, app.packs.at(place, app.clock.now()).vocabulary.symptoms)?;
    let (fact, person) = super::check_in(&app, person, who.account, &key, &said).await?;
    let pack = app.packs.at(person.division(), app.clock.now());
    let zone = &pack.zone;
    let day = zone.day_of(app.clock.now());
    let of_today = |f: &&Fact| f.kind == Kind::CheckIn && zone.day_of(f.happened) == day;
    let first_today = person.facts.iter().filter(of_today).count() == 1;
    let normal = pack.check_in_is_normal(&fact);
    let counted = first_today || !normal;
    let key = match (normal, counted) {
        (true, true) => "check_in.normal",
        (true, false) => "check_in.again",
        (false, _) => "check_in.abnormal",
    };
    let detail = pack.said(key, lang);
    Ok((StatusCode::CREATED, Private(CheckedIn { day, normal, counted, detail: detail.to_owned() }))
        .into_response())
}

fn nobody_yet() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "check_in.no_declaration",
        "请先完成健康申报，再打卡。",
        "Please declare first; check-ins follow.",
    )
}

fn check(ask: CheckInRequest, words: &[&str]) -> Result<CheckIn, Problem> {
    let mut wrong = Vec::new();
    if !(30.0..=45.0).contains(&ask.temperature_c) {
        wrong.push(FieldProblem {
            field: "temperature_c".into(),
            code: "check_in.temperature",
            zh: "体温应在 30 到 45 ℃ 之间，请重新测量。".into(),
            en: "A temperature lies between 30 and 45 °C. Please measure again.".into(),
        });
    }
    let mut symptoms = ask.symptoms;
    symptoms.sort();
    symptoms.dedup();
    if symptoms.iter().any(|s| !words.contains(&s.as_str())) {
        wrong.push(FieldProblem {
            field: "symptoms".into(),
            code: "check_in.symptom",
            zh: format!("症状只能从下列选择：{}。", words.join("、")),
            en: format!("Symptoms are chosen from: {}.", words.join(", ")),
        });
    }
    if wrong.is_empty() {
        Ok(CheckIn { temperature_c: (ask.temperature_c * 10.0).round() / 10.0, symptoms })
    } else {
        Err(Problem::fields(wrong))
    }
}

/// One's own check-ins.
#[derive(Serialize, ToSchema)]
pub struct CheckIns {
    /// Newest first, of the last 30 days.
    items: Vec<CheckInItem>,
}

/// One check-in.
#[derive(Serialize, ToSchema)]
pub struct CheckInItem {
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// The day that it is for.
    #[schema(value_type = String, format = Date)]
    day: Day,
    /// As it was given.
    temperature_c: Option<f64>,
    /// As they were given.
    symptoms: Vec<String>,
    /// Whether the pack takes it as normal.
    normal: bool,
}

/// Reads one's own check-ins.
#[utoipa::path(get, path = "/api/v1/me/check-ins", tag = "resident",
    responses((status = 200, body = CheckIns), (status = 401, body = ProblemBody)))]
pub async fn list(State(app): State<Shared>, who: Resident) -> Result<Private<CheckIns>, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let Some(id) = holder(&app, who).await? else { return Ok(Private(CheckIns { items: Vec::new() })) };
    let person = person::load(&app, id).await?;
    let since = app.clock.now().plus_s(-30 * DAY_S);
    let pack = app.packs.at(person.as_ref().map_or(0, Person::division), app.clock.now());
    let facts = person.iter().flat_map(|p| p.facts.iter().rev());
    let items = facts
        .filter(|f| f.kind == Kind::CheckIn && f.happened >= since)
        .map(|f| CheckInItem {
            at: f.happened,
            day: pack.zone.day_of(f.happened),
            temperature_c: if let Value::Double(t) = f.get("temperature_c") { Some(*t) } else { None },
            symptoms: texts(f, "symptoms"),
            normal: pack.check_in_is_normal(f),
        })
        .collect();
    Ok(Private(CheckIns { items }))
}

fn texts(fact: &Fact, field: &str) -> Vec<String> {
    match fact.get(field) {
        Value::List(list) => list.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}
