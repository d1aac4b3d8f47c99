//! Requests and answers about lists of areas at risk.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State as AxumState};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kangma_core::decision::Colour;
use kangma_core::division::divisions;
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::rules::listing::{Count, Entry, State, Version, state};
use kangma_core::tally::{Shown, suppress_alone};
use kangma_core::time::{Day, Instant};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::entries::{self, Raw};
use super::{Proposal, entries_of, find, last, store};
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private, sentence};
use crate::lang::{Reads, Tongue, Wanted};
use crate::staff::Officer;

/// Largest body: a list of 20,000 entries.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most versions in an answer.
const VERSIONS_MAX: usize = 100;
/// Entries of one version in an answer to anybody who asks for all.
const SHOWN_MAX: usize = 500;

fn id(text: &str) -> Result<[u8; 16], Problem> {
    FactId::parse(text).map(|id| id.0).ok_or_else(Problem::not_found)
}

fn colour(n: u8) -> &'static str {
    Colour::from_u8(n).map_or("grey", Colour::name)
}

/// A division in words, as deep as the table goes.
fn name(code: &str) -> String {
    let known = divisions().path_name(code).or_else(|| divisions().path_name(code.get(..9)?));
    known.unwrap_or_default()
}

/// An entry of a list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AreaEntry)]
pub struct EntryRequest {
    /// Which list, as packs name it, such as `high`.
    list: String,
    /// Code of the division or community.
    code: String,
    /// First day on the list.
    #[schema(example = "2022-03-01")]
    from: String,
    /// First day no longer on it; open without.
    #[serde(default)]
    until: Option<String>,
    /// Where that was announced: up to 200 letters.
    #[serde(default)]
    source: Option<String>,
}

/// A list to propose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaRequest {
    /// Code of the division whose list it is; empty is the whole country.
    division: String,
    /// The legal reference: 1 to 500 letters.
    reference: String,
    /// Why: 1 to 500 letters.
    reason: String,
    /// The version of that division that acts, as one saw it; left out for the first.
    #[serde(default)]
    replaces: Option<String>,
    /// The whole list: what is not in it any more is on it no more.
    entries: Vec<EntryRequest>,
}

/// What comes with a file.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// With a file: code of the division whose list it is; empty is the whole country.
    division: Option<String>,
    /// With a file: the legal reference.
    reference: Option<String>,
    /// With a file: why.
    reason: Option<String>,
    /// With a file: the version of that division that acts, as one saw it.
    replaces: Option<String>,
}

/// Entries to look at before they are proposed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntriesRequest {
    /// Code of the division whose list it is; empty is the whole country.
    division: String,
    /// The entries.
    entries: Vec<EntryRequest>,
}

/// Of which division.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfDivision {
    /// Code of the division whose list it is; empty is the whole country.
    division: Option<String>,
}

/// A version, and what is signed.
#[derive(Serialize, ToSchema)]
pub struct ProposedArea {
    /// Its identifier.
    version: String,
    /// What is signed.
    digest: String,
}

fn is_file(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    !kind.starts_with("application/json")
}

fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    query.map(|Query(query)| query).map_err(|_| {
        Problem::bad_request(
            "areas.query",
            "请求参数未知，请对照接口文档 /api/docs。",
            "A parameter is not known; compare with /api/docs.",
        )
    })
}

fn json<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|_| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "body.type",
            "提交的内容缺少必填项、含有未知项或类型不对，请对照接口文档 /api/docs。",
            "A member is missing, unknown or of the wrong type; compare with /api/docs.",
        )
    })
}

fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body.too_large",
            "提交的内容太大或不完整。",
            "The body is too large, or did not arrive whole.",
        )
    })
}

fn raws(entries: Vec<EntryRequest>) -> Vec<Raw> {
    let raw = |(i, e): (usize, EntryRequest)| Raw {
        at: format!("entry {}", i + 1),
        list: e.list,
        code: e.code,
        from: e.from,
        until: e.until.unwrap_or_default(),
        source: e.source.unwrap_or_default(),
    };
    entries.into_iter().enumerate().map(raw).collect()
}

fn request(
    headers: &HeaderMap,
    query: Result<Query<FileQuery>, QueryRejection>,
    body: &Bytes,
) -> Result<(AreaRequest, Vec<Raw>), Problem> {
    if is_file(headers) {
        let FileQuery { division, reference, reason, replaces } = asked(query)?;
        let ask = AreaRequest {
            division: division.unwrap_or_default(),
            reference: reference.unwrap_or_default(),
            reason: reason.unwrap_or_default(),
            replaces: replaces.filter(|id| !id.is_empty()),
            entries: Vec::new(),
        };
        return Ok((ask, entries::of_file(body)?));
    }
    let mut ask: AreaRequest = json(body)?;
    let raws = raws(std::mem::take(&mut ask.entries));
    Ok((ask, raws))
}

/// Refuses a list of a division that does not exist, or in which one writes no rules.
fn may_write(officer: &Officer, division: &str) -> Result<(), Problem> {
    officer.require(Permission::Rules, division)?;
    if !division.is_empty() && divisions().get(division).is_none() {
        return Err(Problem::field(
            "division",
            "division.unknown",
            "没有这个区划代码。",
            "There is no division of that code.",
        ));
    }
    Ok(())
}

/// Proposes a division's list of areas at risk, as JSON or as a file: the first of two signatures.
#[utoipa::path(post, path = "/api/v1/areas", tag = "staff", params(FileQuery),
    request_body(content((AreaRequest = "application/json"), (String = "text/csv"))),
    responses((status = 201, body = ProposedArea), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 409, body = ProblemBody), (status = 413, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub async fn propose(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    query: Result<Query<FileQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    officer.require_somewhere(Permission::Rules)?;
    let (ask, raws) = request(&headers, query, &whole(body)?)?;
    may_write(&officer, &ask.division)?;
    let replaces = ask.replaces.as_deref().map(id).transpose()?;
    let new = Proposal {
        division: &ask.division,
        reference: sentence("reference", &ask.reference, 500)?,
        reason: sentence("reason", &ask.reason, 500)?,
        replaces,
        entries: entries::check(&raws, &ask.division, &app.packs.set())?,
    };
    let version = super::propose(&app, &officer, new).await?;
    let digest = find(&app, version).await?.1.terms.digest;
    let version = FactId(version).to_string();
    Ok((StatusCode::CREATED, Private(ProposedArea { version, digest })).into_response())
}

/// Entries as they would be proposed, in the order in which they came.
#[derive(Serialize, ToSchema)]
pub struct CheckedEntries {
    entries: Vec<EntryView>,
    /// Those that begin on a later day; null where none does.
    later: Option<LaterView>,
}

/// Entries that begin on a later day. The rules are asked about them on that day: what is counted of the list
/// before has nobody changed by them.
#[derive(Serialize, ToSchema)]
pub struct LaterView {
    /// How many.
    entries: usize,
    /// The first day on which one of them begins.
    #[schema(value_type = String, format = Date)]
    first: Day,
}

fn later(app: &Shared, entries: &[Entry]) -> Option<LaterView> {
    let today = app.packs.set().base().zone.day_of(app.clock.now());
    let days = entries.iter().map(|e| e.from).filter(|day| *day > today);
    let (entries, first) = (days.clone().count(), days.min()?);
    Some(LaterView { entries, first })
}

/// Checks entries, as JSON or as a file, as a proposal does, and answers what was read; nothing is kept.
#[utoipa::path(post, path = "/api/v1/areas/check", tag = "staff", params(OfDivision),
    request_body(content((EntriesRequest = "application/json"), (String = "text/csv"))),
    responses((status = 200, body = CheckedEntries), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 413, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn check(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    query: Result<Query<OfDivision>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Private<CheckedEntries>, Problem> {
    officer.require_somewhere(Permission::Rules)?;
    let body = whole(body)?;
    let (division, raws) = if is_file(&headers) {
        (asked(query)?.division.unwrap_or_default(), entries::of_file(&body)?)
    } else {
        let ask: EntriesRequest = json(&body)?;
        (ask.division, raws(ask.entries))
    };
    may_write(&officer, &division)?;
    let read = entries::check(&raws, &division, &app.packs.set())?;
    let later = later(&app, &read);
    Ok(Private(CheckedEntries { entries: read.iter().map(entry).collect(), later }))
}

/// How many would go from one colour to another.
#[derive(Serialize, ToSchema)]
pub struct AreaChange {
    from: &'static str,
    to: &'static str,
    /// Withheld under 5, and otherwise in fives.
    #[schema(value_type = Option<i64>)]
    people: Shown,
}

/// An entry, with its division in words.
#[derive(Serialize, ToSchema)]
pub struct EntryView {
    list: String,
    code: String,
    name: String,
    #[schema(value_type = String, format = Date)]
    from: Day,
    /// First day no longer on the list; null while open.
    #[schema(value_type = Option<String>, format = Date)]
    until: Option<Day>,
    source: Option<String>,
}

fn entry(e: &Entry) -> EntryView {
    EntryView {
        list: e.list.clone(),
        code: e.code.clone(),
        name: name(&e.code),
        from: e.from,
        until: e.until,
        source: e.source.clone(),
    }
}

/// How far everybody was looked through since a version acts.
#[derive(Serialize, ToSchema)]
pub struct WalkView {
    /// Parts of the people that are done, of 16.
    parts: i64,
    /// How many were decided again so far; withheld under 5, and otherwise in fives.
    #[schema(value_type = Option<i64>)]
    decided: Shown,
    /// Of whom so many have another colour.
    #[schema(value_type = Option<i64>)]
    changed: Shown,
}

/// A version of a division's list.
#[derive(Serialize, ToSchema)]
pub struct AreaView {
    version: String,
    #[schema(value_type = String)]
    state: State,
    division: String,
    division_name: String,
    /// How many entries.
    count: usize,
    digest: String,
    reference: String,
    reason: String,
    /// The version before.
    replaces: Option<String>,
    proposed_by: String,
    #[schema(value_type = String, format = DateTime)]
    proposed_at: Instant,
    /// How many people it concerns: of whom a fact names a place that differs. Withheld under 5, and otherwise
    /// in fives; null while that is being counted.
    #[schema(value_type = Option<i64>)]
    touched: Option<Shown>,
    /// Of whom so many would have another colour.
    changes: Vec<AreaChange>,
    signed_by: Option<String>,
    /// From when on it acts.
    #[schema(value_type = Option<String>, format = DateTime)]
    acts_from: Option<Instant>,
    /// Since when it acts no more, where it was taken back.
    #[schema(value_type = Option<String>, format = DateTime)]
    withdrawn_at: Option<Instant>,
    /// `withdrawn` or `too_many_changes`.
    withdrawn_how: Option<String>,
    withdrawn_why: Option<String>,
    /// Once it acts, not in lists of versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    walk: Option<WalkView>,
    /// Entries that begin on a later day, where there are any; not in lists of versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    later: Option<LaterView>,
    /// The list itself; not in lists of versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Vec<EntryView>>,
}

fn view(versions: &[Version], v: &Version, at: Instant, entries: Option<&[Entry]>) -> AreaView {
    let changes = v.count.iter().flat_map(|c: &Count| &c.changes).map(|(from, to, n)| AreaChange {
        from: colour(*from),
        to: colour(*to),
        people: suppress_alone(*n),
    });
    let withdrawn = v.withdrawn.clone();
    AreaView {
        version: FactId(v.id).to_string(),
        state: state(versions, v, at),
        division: v.terms.division.clone(),
        division_name: name(&v.terms.division),
        count: v.terms.entries,
        digest: v.terms.digest.clone(),
        reference: v.terms.reference.clone(),
        reason: v.terms.reason.clone(),
        replaces: v.terms.replaces.clone(),
        proposed_by: v.proposed.0.clone(),
        proposed_at: v.proposed.2,
        touched: v.count.as_ref().map(|c| suppress_alone(c.touched)),
        changes: changes.collect(),
        signed_by: v.signed.as_ref().map(|s| s.0.clone()),
        acts_from: v.signed.as_ref().map(|s| s.2),
        withdrawn_at: withdrawn.as_ref().map(|w| w.0),
        withdrawn_how: withdrawn.as_ref().map(|w| w.1.clone()),
        withdrawn_why: withdrawn.map(|w| w.2),
        walk: None,
        later: None,
        entries: entries.map(|all| all.iter().map(entry).collect()),
    }
}

fn may_see(officer: &Officer) -> Result<(), Problem> {
    officer
        .require_somewhere(Permission::Rules)
        .or_else(|_| officer.require_somewhere(Permission::PublishRules))
}

fn sees(officer: &Officer, division: &str) -> bool {
    [Permission::Rules, Permission::PublishRules].iter().any(|r| officer.may(*r, division))
}

/// Versions of lists.
#[derive(Serialize, ToSchema)]
pub struct AreaViews {
    /// The latest first.
    items: Vec<AreaView>,
    /// Of the division that was asked for: the version that acts, or will within seconds. The next one takes
    /// its place.
    acts: Option<String>,
    /// The lists that there are, in the words of the rules that ask them.
    lists: Vec<ListWords>,
}

/// Lists versions of lists of areas at risk, where one writes or signs rules: of all divisions, or of one.
#[utoipa::path(get, path = "/api/v1/areas", tag = "staff", params(OfDivision),
    responses((status = 200, body = AreaViews), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody)))]
pub async fn list(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    query: Result<Query<OfDivision>, QueryRejection>,
) -> Result<Private<AreaViews>, Problem> {
    may_see(&officer)?;
    let wanted = asked(query)?.division;
    let (versions, now) = (super::all(&app).await?, app.clock.now());
    let asked_for = |v: &&Version| wanted.as_ref().is_none_or(|wanted| v.terms.division == *wanted);
    let seen = versions.iter().rev().filter(|v| sees(&officer, &v.terms.division)).filter(asked_for);
    let items = seen.take(VERSIONS_MAX).map(|v| view(&versions, v, now, None)).collect();
    let of = wanted.filter(|wanted| sees(&officer, wanted));
    let acts = of.and_then(|wanted| last(&versions, &wanted).map(|v| FactId(v.id).to_string()));
    Ok(Private(AreaViews { items, acts, lists: words(&app, lang) }))
}

/// Reads a version with all its entries, and whom it concerns: what a second person reads before signing.
#[utoipa::path(get, path = "/api/v1/areas/{id}", tag = "staff",
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = AreaView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn detail(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
) -> Result<Private<AreaView>, Problem> {
    may_see(&officer)?;
    let (versions, version) = find(&app, id(&text)?).await?;
    if !sees(&officer, &version.terms.division) {
        return Err(Problem::not_found());
    }
    let entries = entries_of(&app, &version).await?;
    let mut view = view(&versions, &version, app.clock.now(), Some(&entries));
    view.later = later(&app, &entries);
    if let (State::InForce, Some((.., from))) = (view.state, &version.signed) {
        let [parts, _, decided, changed] = store::changed(&app.db, *from).await?;
        view.walk =
            Some(WalkView { parts, decided: suppress_alone(decided), changed: suppress_alone(changed) });
    }
    Ok(Private(view))
}

/// What one signs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaSignature {
    /// Digest of the list, as one read it.
    digest: String,
}

/// From when on a version acts.
#[derive(Serialize, ToSchema)]
pub struct ActsFrom {
    #[schema(value_type = String, format = DateTime)]
    acts_from: Instant,
}

/// Signs a list as the second person, of another office; some seconds later it acts.
#[utoipa::path(post, path = "/api/v1/areas/{id}/signature", tag = "staff", request_body = AreaSignature,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = ActsFrom), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn sign(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
    Body(ask): Body<AreaSignature>,
) -> Result<Private<ActsFrom>, Problem> {
    officer.require_somewhere(Permission::PublishRules)?;
    let acts_from = super::sign(&app, &officer, id(&text)?, &ask.digest).await?;
    Ok(Private(ActsFrom { acts_from }))
}

/// Why a list goes back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaWithdrawal {
    /// 1 to 500 letters.
    reason: String,
}

/// Takes a list back: a proposal is over; of one that acts, the version before acts again some seconds later.
#[utoipa::path(post, path = "/api/v1/areas/{id}/withdrawal", tag = "staff", request_body = AreaWithdrawal,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn withdraw(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
    Body(ask): Body<AreaWithdrawal>,
) -> Result<StatusCode, Problem> {
    may_see(&officer)?;
    let reason = sentence("reason", &ask.reason, 500)?;
    super::withdraw(&app, &officer, id(&text)?, reason).await.map(|()| StatusCode::NO_CONTENT)
}

/// Which version to show whole.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhichAreas {
    /// A version, with all its entries.
    version: Option<String>,
}

/// Lists of areas at risk, for anybody to read.
#[derive(Serialize, ToSchema)]
pub struct PublicAreas {
    /// As of when.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// What each list does, in the words of the rules that ask it.
    lists: Vec<ListWords>,
    /// Versions that act, did or soon will, the latest first.
    items: Vec<PublicArea>,
}

/// What a list does.
#[derive(Serialize, ToSchema)]
pub struct ListWords {
    list: String,
    /// What the packs call it, where they do.
    name: Option<String>,
    /// Titles of the rules that ask it.
    rules: Vec<String>,
    /// Divisions that the packs in force have on it themselves, up to 500.
    of_packs: Vec<String>,
}

/// A version of a division's list, as anybody may read it.
#[derive(Serialize, ToSchema)]
pub struct PublicArea {
    version: String,
    division: String,
    division_name: String,
    #[schema(value_type = String)]
    state: State,
    #[schema(value_type = String, format = DateTime)]
    acts_from: Instant,
    #[schema(value_type = Option<String>, format = DateTime)]
    withdrawn_at: Option<Instant>,
    withdrawn_why: Option<String>,
    digest: String,
    reference: String,
    reason: String,
    /// How many entries it has.
    count: usize,
    /// Of one that acts, the first 500; of one that was asked for, all.
    entries: Vec<EntryView>,
}

/// Reads the lists of areas at risk that act, with their history: who is listed since when, and why.
#[utoipa::path(get, path = "/api/v1/public/areas", tag = "site", params(WhichAreas),
    responses((status = 200, body = PublicAreas), (status = 404, body = ProblemBody)))]
pub async fn public(
    AxumState(app): AxumState<Shared>,
    Reads(lang): Reads,
    which: Result<Query<WhichAreas>, QueryRejection>,
) -> Result<axum::Json<PublicAreas>, Problem> {
    let (versions, at) = (app.packs.area_versions(), app.clock.now());
    let Query(which) = which.map_err(|_| Problem::not_found())?;
    let wanted = which.version.as_deref().map(id).transpose()?;
    let mut items = Vec::new();
    // What was never signed is nobody's business yet.
    let signed = versions.iter().rev().filter(|v| v.signed.is_some());
    for v in signed.filter(|v| wanted.is_none_or(|wanted| wanted == v.id)).take(VERSIONS_MAX) {
        let Some((.., acts_from)) = v.signed else { continue };
        let state = state(&versions, v, at);
        let shown = match wanted {
            Some(_) => usize::MAX,
            None if matches!(state, State::InForce | State::Signed) => SHOWN_MAX,
            None => 0,
        };
        let entries = if shown > 0 { entries_of(&app, v).await?.to_vec() } else { Vec::new() };
        items.push(PublicArea {
            version: FactId(v.id).to_string(),
            division: v.terms.division.clone(),
            division_name: name(&v.terms.division),
            state,
            acts_from,
            withdrawn_at: v.withdrawn.as_ref().map(|w| w.0),
            withdrawn_why: v.withdrawn.as_ref().map(|w| w.2.clone()),
            digest: v.terms.digest.clone(),
            reference: v.terms.reference.clone(),
            reason: v.terms.reason.clone(),
            count: v.terms.entries,
            entries: entries.iter().take(shown).map(entry).collect(),
        });
    }
    if wanted.is_some() && items.is_empty() {
        return Err(Problem::not_found());
    }
    Ok(axum::Json(PublicAreas { at, lists: words(&app, lang), items }))
}

fn words(app: &Shared, lang: impl Into<Tongue>) -> Vec<ListWords> {
    let (set, lang) = (app.packs.set(), lang.into());
    let mut lists: BTreeMap<&str, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for pack in set.packs() {
        for list in pack.areas().keys() {
            let (rules, codes) = lists.entry(list).or_default();
            for rule in pack.rules.iter().filter(|r| r.when.area_keys().any(|key| key == list)) {
                let title = pack.rule_title(&rule.id, lang).to_owned();
                if !rules.contains(&title) {
                    rules.push(title);
                }
            }
            codes.extend(
                pack.areas().codes_of(list).take(SHOWN_MAX - codes.len().min(SHOWN_MAX)).map(Into::into),
            );
        }
    }
    let name = |list: &str| set.packs().find_map(|p| p.words(lang).areas.get(list).cloned());
    let words = |(list, (rules, mut of_packs)): (&str, (Vec<String>, Vec<String>))| {
        of_packs.sort_unstable();
        of_packs.dedup();
        ListWords { list: list.to_owned(), name: name(list), rules, of_packs }
    };
    lists.into_iter().map(words).collect()
}
