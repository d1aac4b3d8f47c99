//! Requests and answers of collecting.

use std::num::NonZeroU32;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kangma_core::division::divisions;
use kangma_core::fact::{Fact, Kind, Value};
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::time::{DAY_S, Instant};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::{AssistedRequest, EntryRequest, ObservationRequest};
use super::entry::Shown;
use super::{Collector, Item, Kept, What};
use crate::account;
use crate::app::Shared;
use crate::auth::Resident;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::lang::{Lang, Wanted};
use crate::limit::Who;
use crate::look::Looker;
use crate::person;
use crate::staff::{self, Officer, not_allowed};

/// The largest body: an entry of sixty people with their passes and a remark on each.
pub const BODY_BYTES_MAX: usize = 128 * 1024;

/// Who collects in a division. Whoever is assigned to one place or enterprise collects there and
/// nowhere else: the `spot` of what they send is its name. Who manages an enterprise records people by
/// their codes; naming them by documents is for collectors.
///
/// Whose it is comes first: of another account's item nothing else is said, so that it waits for its own.
async fn collector(
    app: &Shared,
    officer: &Officer,
    said: Option<&String>,
    division: &str,
    spot: Option<&str>,
) -> Result<Collector, Problem> {
    own(officer, said)?;
    let names = officer.may_at(Permission::Collect, division, spot);
    if !names && !officer.may_at(Permission::Enterprise, division, spot) {
        return Err(not_allowed());
    }
    let office = staff::office_name(app, officer.office).await?;
    let role = officer.role_at(&[Permission::Collect, Permission::Enterprise], division, spot).to_owned();
    Ok(Collector {
        name: officer.name.clone(),
        names,
        looks_up: officer.may(Permission::LookUp, division),
        looker: Looker { name: officer.name.clone(), role, office: office.clone() },
        office,
    })
}

/// An item is kept under the name of who sends it. A page that several people use says whose it is, so
/// that one collector's outbox is never sent, perhaps a second time, under another's name.
fn own(officer: &Officer, said: Option<&String>) -> Result<(), Problem> {
    if said.is_none_or(|name| *name == officer.name) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::CONFLICT,
        "collect.other_officer",
        "这一条是另一账号采集的，请用采集时的账号登录后提交。",
        "Another account collected this. Log in with that one to send it.",
    ))
}

fn codes_only() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "collect.codes_only",
        "单位只能扫码登记，不能按证件登记。没有手机的人请由社区采集员登记。",
        "A place of its own records people by their codes, not by documents. Whoever has no phone is registered by a collector.",
    )
}

/// What a collector learns of whom they saw, and nothing more.
#[derive(Serialize, ToSchema)]
pub struct ObservationAnswer {
    /// Such as 张*.
    name_masked: String,
    /// `green`, `yellow`, `red`, or `grey` where nothing is confirmed.
    colour: Option<String>,
}

/// Records what was seen of somebody whose code was scanned. The same `id` again records nothing more
/// and answers the same.
#[utoipa::path(post, path = "/api/v1/observations", tag = "staff", request_body = ObservationRequest,
    responses((status = 201, body = ObservationAnswer), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn observe(
    State(app): State<Shared>,
    officer: Officer,
    Body(ask): Body<ObservationRequest>,
) -> Result<Response, Problem> {
    let by = collector(&app, &officer, ask.by.as_ref(), &ask.division, Some(ask.spot.trim())).await?;
    let (id, seen) = ask.check(&app)?;
    app.limits.collected.take(&by.name)?;
    let item = Item::new(&app, &by, id, "observation", &ask);
    let kept = super::observe(&app, &by, &item, &ask.pass, &seen).await?;
    let answer = ObservationAnswer { name_masked: kept.name_masked, colour: kept.colour };
    Ok((StatusCode::CREATED, Private(answer)).into_response())
}

/// What came of the people of an entry.
#[derive(Serialize, ToSchema)]
pub struct EntryAnswer {
    /// In the order in which they were sent.
    people: Vec<EntryPersonAnswer>,
}

/// What came of one of them.
#[derive(Serialize, ToSchema)]
pub struct EntryPersonAnswer {
    /// `recorded` or `refused`.
    state: &'static str,
    /// Stable code of why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    /// Such as 张*.
    name_masked: String,
    /// As of an observation; none of somebody who showed a document instead of a code, unless the
    /// collector may look people up.
    colour: Option<String>,
}

/// Records a vehicle or a household with up to sixty people. The same `id` again completes what a
/// fault cut short, and answers the same.
#[utoipa::path(post, path = "/api/v1/entries", tag = "staff", request_body = EntryRequest,
    responses((status = 201, body = EntryAnswer), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 413, body = ProblemBody), (status = 422, body = ProblemBody),
        (status = 429, body = ProblemBody)))]
pub async fn enter(
    State(app): State<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Body(ask): Body<EntryRequest>,
) -> Result<Response, Problem> {
    let by = collector(&app, &officer, ask.by.as_ref(), &ask.division, Some(ask.spot.trim())).await?;
    let (id, entry) = ask.check(&app)?;
    let count = |n: usize| u32::try_from(n).ok().and_then(NonZeroU32::new);
    let named = entry.people.iter().filter(|(shown, _)| matches!(shown, Shown::Document(..))).count();
    if named > 0 && !by.names {
        return Err(codes_only());
    }
    if let Some(n) = count(named) {
        app.limits.named.take_many(&by.name, n)?;
    }
    if let Some(n) = count(entry.people.len()) {
        app.limits.collected.take_many(&by.name, n)?;
    }
    let item = Item::new(&app, &by, id, "entry", &ask);
    let people = super::entry::enter(&app, &by, &item, &ask, &entry).await?;
    let people = people.into_iter().map(|kept| answer(kept, lang)).collect();
    Ok((StatusCode::CREATED, Private(EntryAnswer { people })).into_response())
}

fn answer(kept: Kept, lang: Lang) -> EntryPersonAnswer {
    EntryPersonAnswer {
        state: if kept.refused.is_some() { "refused" } else { "recorded" },
        code: kept.refused.map(|r| r.code()),
        detail: kept.refused.map(|r| r.detail(lang)),
        name_masked: kept.name_masked,
        colour: kept.colour,
    }
}

/// Somebody without a phone is registered: what to print for them. No colour stands on it; whoever has
/// to know it looks the person up by the document.
#[derive(Serialize, ToSchema)]
pub struct AssistedAnswer {
    /// The declaration's identifier.
    #[schema(value_type = Option<String>)]
    declaration: Option<FactId>,
    /// Such as 张*.
    name_masked: String,
    /// First and last letters.
    document_masked: String,
    /// When it was declared.
    #[schema(value_type = String, format = DateTime)]
    declared_at: Instant,
}

/// Registers somebody without a phone, from a document that the collector sees, with their consent on
/// the record. The same `id` again records nothing more and answers the same.
#[utoipa::path(post, path = "/api/v1/assisted-declarations", tag = "staff", request_body = AssistedRequest,
    responses((status = 201, body = AssistedAnswer), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn assist(
    State(app): State<Shared>,
    officer: Officer,
    Body(ask): Body<AssistedRequest>,
) -> Result<Response, Problem> {
    let by = collector(&app, &officer, ask.by.as_ref(), &ask.division, None).await?;
    if !by.names {
        return Err(not_allowed());
    }
    let (id, at, consent) = ask.check()?;
    let item = Item::new(&app, &by, id, "declaration", &ask);
    let declaration = crate::declare::http::check(&app, ask.declaration)?;
    app.limits.named.take(&by.name)?;
    let kept = super::assist::assist(&app, &by, &item, &declaration, &consent, at).await?;
    let answer = AssistedAnswer {
        declaration: kept.declaration,
        name_masked: kept.name_masked,
        document_masked: kept.document_masked,
        declared_at: kept.at,
    };
    Ok((StatusCode::CREATED, Private(answer)).into_response())
}

/// What a collector sent.
#[derive(Serialize, ToSchema)]
pub struct RecentItems {
    /// Log-in name of who asks.
    officer: String,
    /// The latest first; at most 50.
    items: Vec<RecentItem>,
    /// Places that one is assigned to: the `spot` of what one sends from there is just that name.
    places: Vec<AssignedPlace>,
    /// Whether one records people by their codes alone, and names none by documents.
    codes_only: bool,
}

/// A place or enterprise that somebody is assigned to.
#[derive(Serialize, ToSchema)]
pub struct AssignedPlace {
    /// Code of its division, or of one that it lies in.
    division: String,
    /// Its name.
    spot: String,
}

/// One of them.
#[derive(Serialize, ToSchema)]
pub struct RecentItem {
    /// The `id` that the collector's page made.
    id: String,
    /// What it was.
    what: What,
    /// When it was seen.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Instant,
    /// When it came in.
    #[schema(value_type = String, format = DateTime)]
    received_at: Instant,
    /// How many people.
    people: usize,
    /// Of somebody who was scanned, where, in the collector's words: neither plates nor doors are told.
    label: String,
}

/// What one has sent oneself, without names, plates, doors and colours.
#[utoipa::path(get, path = "/api/v1/observations", tag = "staff",
    responses((status = 200, body = RecentItems), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn recent(State(app): State<Shared>, officer: Officer) -> Result<Private<RecentItems>, Problem> {
    // One's own list needs no more than to collect anywhere.
    let holds = |permission| officer.grants.iter().any(|g| g.permissions.contains(permission));
    let codes_only = !holds(Permission::Collect);
    if codes_only && !holds(Permission::Enterprise) {
        return Err(not_allowed());
    }
    let collects = |g: &&staff::Grant| {
        [Permission::Collect, Permission::Enterprise].iter().any(|p| g.permissions.contains(*p))
    };
    let place =
        |g: &staff::Grant| Some(AssignedPlace { division: g.division.clone(), spot: g.assignment.clone()? });
    let places = officer.grants.iter().filter(collects).filter_map(place).collect();
    let recent = super::recent(&app, &officer.name).await?;
    let items = recent.into_iter().map(|(id, received_at, kept)| RecentItem {
        id: uuid::Uuid::from_bytes(id).to_string(),
        what: kept.what,
        seen_at: kept.at,
        received_at,
        people: kept.people,
        label: if kept.what == What::Observation { kept.label } else { String::new() },
    });
    let items = items.collect();
    Ok(Private(RecentItems { officer: officer.name, items, places, codes_only }))
}

/// What collectors recorded of oneself.
#[derive(Serialize, ToSchema)]
pub struct Observations {
    /// Newest first, of the last 30 days.
    items: Vec<ObservationItem>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
pub struct ObservationItem {
    /// When it was seen.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// `person`, `vehicle` or `household`.
    entry: String,
    /// Where: division and place.
    place: String,
    /// Body temperature, where it was taken.
    temperature_c: Option<f64>,
    /// Symptoms that were seen; none where nobody asked.
    symptoms: Option<Vec<String>>,
    /// The vehicle's plate.
    #[serde(skip_serializing_if = "Option::is_none")]
    plate: Option<String>,
    /// In the collector's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    remarks: Option<String>,
    /// The collector's office.
    #[serde(skip_serializing_if = "Option::is_none")]
    office: Option<String>,
}

/// Reads what collectors recorded of oneself.
#[utoipa::path(get, path = "/api/v1/me/observations", tag = "resident",
    responses((status = 200, body = Observations), (status = 401, body = ProblemBody)))]
pub async fn mine(State(app): State<Shared>, who: Resident) -> Result<Private<Observations>, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let nothing = Private(Observations { items: Vec::new() });
    let Some(id) = account::holder(&app, who).await? else { return Ok(nothing) };
    let Some(person) = person::explained(&app, id).await? else { return Ok(nothing) };
    if let Some(state) = &person.stored {
        account::still_holds(state, who)?;
    }
    let since = app.clock.now().plus_s(-30 * DAY_S);
    let facts = person.facts.iter().rev();
    let items = facts.filter(|f| f.kind == Kind::Observation && f.happened >= since).map(item).collect();
    Ok(Private(Observations { items }))
}

fn item(fact: &Fact) -> ObservationItem {
    let text = |field| fact.text(field).map(ToOwned::to_owned);
    let place = fact.text("place").and_then(|code| divisions().path_name(code));
    let place = [place, text("spot")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    ObservationItem {
        at: fact.happened,
        entry: text("entry").unwrap_or_default(),
        place,
        temperature_c: if let Value::Double(t) = fact.get("temperature_c") { Some(*t) } else { None },
        symptoms: if let Value::List(list) = fact.get("symptoms") {
            Some(list.iter().map(ToString::to_string).collect())
        } else {
            None
        },
        plate: text("plate"),
        remarks: text("remarks"),
        office: text("office"),
    }
}
