//! Requests and answers about publications: proposed, signed, on their way into force and back.

use std::collections::BTreeMap;

use axum::extract::{Path, State as AxumState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kangma_core::id::FactId;
use kangma_core::role::Permission;
use kangma_core::rules::diff::{Diff, diff};
use kangma_core::rules::pack::PackFiles;
use kangma_core::rules::publication::{Publication, Stage, State, expand, load_with_parents};
use kangma_core::rules::words::Lang;
use kangma_core::tally::suppress_alone;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::drafts::own;
use super::store;
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private, sentence};
use crate::staff::Officer;

pub(super) fn id(text: &str) -> Result<[u8; 16], Problem> {
    FactId::parse(text).map(|id| id.0).ok_or_else(Problem::not_found)
}

/// The texts of a pack that was proposed, ships, or was there at the start.
pub(super) async fn files_of(app: &Shared, digest: &str) -> Result<Option<PackFiles>, Problem> {
    match store::version(&app.db, digest).await? {
        Some(bytes) => expand(&bytes).map(Some).ok_or_else(Problem::internal),
        None => Ok(crate::packs::source(app.config.pack.as_deref(), digest)),
    }
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
