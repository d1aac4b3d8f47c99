//! What-if runs of a draft: asked, watched and stopped beside it, and what a proposal takes from one.

use axum::extract::{Path, State as AxumState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kangma_core::division::{divisions, lies_in, prefix};
use kangma_core::id::FactId;
use kangma_core::rules::pack::Pack;
use kangma_core::rules::publication::{Below, Stage};
use kangma_core::tally::{FLOOR, Place};
use kangma_core::time::{DAY_S, Instant};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::drafts::{load, own};
use super::http::{TermsRequest, id};
use super::refusals::refused;
use super::store::Draft;
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::lang::{Lang, Wanted};
use crate::simulate::Question;
use crate::simulate::Shown;
use crate::simulate::runs::{self, Ask, OF, Outcome, Run};
use crate::staff::Officer;

/// How far ahead may be asked, in seconds.
const AHEAD_S_MAX: i64 = 366 * DAY_S;
/// A page's clock may be so much behind, in seconds.
const BEHIND_S_MAX: i64 = 3_600;

/// What to try.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulationRequest {
    /// The instant to ask about; now without it.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Instant>,
    /// Code of a division within the draft's: only its people. Without it, all whom the draft would bind.
    #[serde(default)]
    division: Option<String>,
    /// Percent of the people; all without it.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100)]
    sample: Option<u8>,
}

/// A run that was begun.
#[derive(Serialize, ToSchema)]
pub struct SimulationBegun {
    /// Its identifier.
    id: String,
    /// `running`.
    state: &'static str,
}

/// A run.
#[derive(Serialize, ToSchema)]
pub struct SimulationView {
    id: String,
    /// `running`, `done`, `stopped` or `failed`.
    state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The version of the draft that was tried.
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    asked_at: Instant,
    asked_by: String,
    /// The instant that is asked about.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// Whose people; empty is everybody.
    division: String,
    /// Percent of them.
    sample: i64,
    /// How far it is, of `of`.
    done: i64,
    of: i64,
    /// What came out, once it is done: counts that may be shown, as `kangma pack simulate --json` prints them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Shown>)]
    report: Option<serde_json::Value>,
}

/// Runs of a draft.
#[derive(Serialize, ToSchema)]
pub struct Simulations {
    /// The latest first; the last twenty are kept.
    simulations: Vec<SimulationView>,
}

fn view(run: Run, wall: Instant, lang: Lang, report: Option<serde_json::Value>) -> SimulationView {
    let reason = run.reason(wall).map(|(zh, en)| if lang == Lang::Zh { zh } else { en });
    SimulationView {
        id: FactId(run.id).to_string(),
        state: run.state(wall),
        reason,
        version: run.draft_version,
        asked_at: run.asked_at,
        asked_by: run.asked_by,
        at: run.at,
        division: run.division,
        sample: run.sample,
        done: run.done,
        of: OF,
        report,
    }
}

/// Tries a draft on everybody, or on a part, beside the rules in force, and counts what would change. It
/// writes nothing of people and stands back for whoever uses the service.
#[utoipa::path(post, path = "/api/v1/drafts/{id}/simulations", tag = "staff", request_body = SimulationRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 202, body = SimulationBegun), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn simulate(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
    Body(ask): Body<SimulationRequest>,
) -> Result<Response, Problem> {
    let (draft, files) = own(&app, &officer, &text).await?;
    let now = app.clock.now();
    let at = ask.at.unwrap_or(now);
    if !(now.plus_s(-BEHIND_S_MAX)..=now.plus_s(AHEAD_S_MAX)).contains(&at) {
        return Err(Problem::field(
            "at",
            "simulate.at",
            "所问时刻须为现在或今后一年之内。",
            "The instant is now or within a year from now.",
        ));
    }
    let sample = ask.sample.unwrap_or(100);
    if !(1..=100).contains(&sample) {
        return Err(Problem::field(
            "sample",
            "simulate.sample",
            "抽样比例为 1 至 100（百分比）。",
            "A sample is 1 to 100 percent.",
        ));
    }
    let library = super::library_now(&app).await?;
    let pack = load(&app, &files).await?.map_err(|e| refused(&e))?;
    super::beside_sites(&app, &pack)?;
    // Whom a run looks at is bounded by the draft's division, whatever its text says.
    if !lies_in(&pack.division, &draft.division) {
        return Err(Problem::field(
            "division",
            "rules.division",
            "规则包的区划不在草案的区划之内。",
            "The pack's division does not lie in the draft's.",
        ));
    }
    let active = app.packs.set();
    let division = match ask.division {
        None if pack.division == active.base().division => String::new(),
        None => prefix(&pack.division).to_owned(),
        Some(code) => {
            let known = prefix(&code).is_empty() || divisions().get(&code).is_some();
            if !known || !lies_in(&code, &draft.division) {
                return Err(Problem::field(
                    "division",
                    "simulate.division",
                    "区划代码不存在，或不在草案的区划之内。",
                    "There is no division of that code, or it does not lie in the draft's.",
                ));
            }
            prefix(&code).to_owned()
        }
    };
    let place = |code: &str| Place::division(code.parse().unwrap_or(0));
    let below = Below::of(&active, &pack, &files, &library, now);
    // The divisions that the draft is about are listed also where everybody is looked at.
    let listed = if division.is_empty() { place(&pack.division) } else { place(&division) };
    let question = Question::new(active, std::sync::Arc::new(pack), below, at).map_err(|e| {
        tracing::error!(%e, "a draft makes no set");
        Problem::internal()
    })?;
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let question = Question {
        division: place(&division),
        sample: (u32::from(sample), 100),
        // Half of what there is, at the lowest priority.
        workers: processors.div_ceil(2),
        ..question
    };
    let (draft, draft_version) = (draft.id, draft.version);
    let ask = Ask { draft, draft_version, by: &officer.name, division, sample, below: listed, question };
    let id = FactId(runs::begin(&app, ask).await?).to_string();
    Ok((StatusCode::ACCEPTED, Private(SimulationBegun { id, state: "running" })).into_response())
}

/// Lists the what-if runs of a draft.
#[utoipa::path(get, path = "/api/v1/drafts/{id}/simulations", tag = "staff", params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = Simulations), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn list(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Path(text): Path<String>,
) -> Result<Private<Simulations>, Problem> {
    let (draft, _) = own(&app, &officer, &text).await?;
    let wall = app.clock.wall();
    let all = runs::list(&app, draft.id).await?.into_iter().map(|run| view(run, wall, lang, None));
    Ok(Private(Simulations { simulations: all.collect() }))
}

/// Tells how far a what-if run is, and what came out of it.
#[utoipa::path(get, path = "/api/v1/drafts/{id}/simulations/{simulation}", tag = "staff",
    params(("id" = String, Path, description = "From the list"), ("simulation" = String, Path, description = "From the list")),
    responses((status = 200, body = SimulationView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn read(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Path((draft, simulation)): Path<(String, String)>,
) -> Result<Private<SimulationView>, Problem> {
    let (draft, _) = own(&app, &officer, &draft).await?;
    let found = runs::find(&app, draft.id, id(&simulation)?).await?;
    Ok(Private(view(found.run, app.clock.wall(), lang, found.report)))
}

/// Stops a what-if run. There is nothing to undo: it wrote nothing.
#[utoipa::path(post, path = "/api/v1/drafts/{id}/simulations/{simulation}/stop", tag = "staff",
    params(("id" = String, Path, description = "From the list"), ("simulation" = String, Path, description = "From the list")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn stop(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path((draft, simulation)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (draft, _) = own(&app, &officer, &draft).await?;
    runs::stop(&app, draft.id, id(&simulation)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The stages of a proposal; what they do not forecast themselves is taken from the what-if that it names.
pub(super) async fn stages(
    app: &Shared,
    draft: &Draft,
    pack: &Pack,
    terms: &TermsRequest,
) -> Result<Vec<Stage>, Problem> {
    let found = match &terms.simulation {
        Some(text) => Some(runs::find(app, draft.id, id(text)?).await?),
        None => None,
    };
    let told: Vec<(Stage, Option<i64>)> = terms.stages.iter().map(|stage| stage.stage()).collect();
    if let Some(found) = &found {
        fits(app, found, pack)?;
    } else if told.iter().any(|(_, forecast)| forecast.is_none()) {
        return Err(Problem::field(
            "stages",
            "rules.forecast",
            "每个阶段须填写预计人数，或指明一次已完成的试算（simulation）。",
            "Each stage has a forecast, or the proposal names a what-if that is done (simulation).",
        ));
    }
    let divisions: Vec<String> = told.iter().map(|(stage, _)| stage.division.clone()).collect();
    let told = told.into_iter().enumerate().map(|(i, (mut stage, forecast))| {
        if forecast.is_none()
            && let Some(found) = &found
        {
            stage.forecast = expected(app, found, &divisions[..i], &stage.division)?;
        }
        Ok(stage)
    });
    told.collect()
}

/// Refuses a what-if that is not done, or was of another text, or beside other rules.
fn fits(app: &Shared, found: &Outcome, pack: &Pack) -> Result<(), Problem> {
    if found.run.state(app.clock.wall()) != "done" {
        return Err(Problem::field(
            "simulation",
            "rules.simulation_not_done",
            "该试算没有完成，不能用作预计。",
            "This what-if is not done, so nothing can be forecast from it.",
        ));
    }
    if found.run.sample < 100 {
        return Err(Problem::field(
            "simulation",
            "rules.simulation_sample",
            "抽样试算不能用作预计，请对全部人员试算。",
            "A what-if of a sample is no forecast. Ask about everybody.",
        ));
    }
    let beside = found.report.as_ref().and_then(|report| report["active"]["digest"].as_str());
    let in_force = app.packs.of(&pack.division, app.clock.now());
    if found.run.digest != *pack.digest || beside != Some(&in_force.digest) {
        return Err(Problem::field(
            "simulation",
            "rules.simulation_old",
            "试算之后草案或现行规则已改变，请重新试算。",
            "The draft or the rules in force changed since this what-if. Ask again.",
        ));
    }
    Ok(())
}

/// How many people a stage changes at most: those of its division, without those whom earlier stages have
/// changed before. Numbers are in whole fives, so it may say some more, and never fewer.
fn expected(app: &Shared, found: &Outcome, earlier: &[String], division: &str) -> Result<i64, Problem> {
    let home = app.packs.base().division.to_string();
    // The installation's own pack answers for those whom no other covers, wherever they are.
    let code = |division: &str| if division == home { String::new() } else { prefix(division).to_owned() };
    let (here, asked) = (code(division), &found.run.division);
    if !here.starts_with(asked.as_str()) {
        return Err(Problem::field(
            "stages",
            "rules.simulation_elsewhere",
            format!("试算不含 {division} 的全部人员，请填写预计人数，或重新试算。"),
            format!("The what-if did not look at everybody of {division}. Give a forecast, or ask again."),
        ));
    }
    let places = found.places.as_ref();
    let of =
        |code: &str| places.and_then(|all| all.get(&code.parse().unwrap_or(0))).copied().unwrap_or(FLOOR);
    let mut before: Vec<String> = earlier.iter().map(|division| code(division)).collect();
    before.retain(|earlier| earlier.starts_with(&here));
    before.sort();
    // Of stages that lie in one another the widest counts.
    before.dedup_by(|deeper, wider| deeper.starts_with(wider.as_str()));
    let done: i64 = before.iter().map(|code| of(code) - FLOOR).sum();
    Ok((of(&here) - done).max(FLOOR))
}
