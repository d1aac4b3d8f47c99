//! What the public sees of appeals: how long each office takes. Counts of answered appeals of the
//! last thirty days, never of people, and never under five.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use kangma_core::appeal::{Level, Place, office};
use kangma_core::division::divisions;
use kangma_core::role::Permission;
use kangma_core::tally::{Shown, suppress_alone, suppress_part, suppress_whole};
use kangma_core::time::Instant;
use serde::Serialize;
use utoipa::ToSchema;

use super::store::{self, TallyRow};
use super::words::office_name;
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::Private;
use crate::lang::{Lang, Wanted};
use crate::staff::{Officer, not_allowed};

/// Days that are counted.
const DAYS: i32 = 30;

/// Answered appeals by office.
#[derive(Serialize, ToSchema)]
pub struct AppealFigures {
    /// Days that are counted, up to and with today.
    days: i32,
    /// Hours in which offices aim to answer.
    target_hours: u32,
    /// Offices that answered at least one appeal, the highest level first.
    offices: Vec<OfficeFigures>,
    /// When it was counted.
    #[schema(value_type = String, format = DateTime)]
    counted_at: Instant,
}

/// One office.
#[derive(Serialize, ToSchema)]
pub struct OfficeFigures {
    /// `province`, `city`, `county` or `street`; the streets of a county are counted together.
    level: &'static str,
    /// Code of its division.
    division: String,
    /// In words.
    name: String,
    /// Appeals answered, in whole fives; null under five.
    #[schema(value_type = Option<i64>)]
    answered: Shown,
    /// The middle of the hours from making to answer, in half hours; null under five.
    median_hours: Option<f64>,
    /// Per cent answered after their first office's time was over, in whole tens; null where those, or the
    /// others, are one to four.
    pub(super) late_percent: Option<i64>,
}

/// An office's counts before anybody sees them.
pub(super) struct Office {
    pub level: Level,
    pub county: u32,
    pub answered: i64,
    pub late: i64,
    pub median_half_hours: i64,
}

/// Folds the rows of each office, which stand together in order of time taken.
pub(super) fn fold(rows: &[TallyRow]) -> Vec<Office> {
    let same = |a: &TallyRow, b: &TallyRow| (a.level, a.county) == (b.level, b.county);
    rows.chunk_by(same)
        .map(|own| {
            let answered = own.iter().map(|r| r.answered).sum();
            let mut before = 0;
            let median = own.iter().find(|r| {
                before += r.answered;
                before * 2 >= answered
            });
            Office {
                level: own[0].level,
                county: own[0].county,
                answered,
                late: own.iter().map(|r| r.late).sum(),
                median_half_hours: median.map_or(0, |r| r.half_hours),
            }
        })
        .collect()
}

/// What may be told of an office.
pub(super) fn told(of: &Office, lang: Lang) -> OfficeFigures {
    let answered = suppress_alone(of.answered);
    let enough = answered.count().is_some();
    let late = suppress_part(of.late, of.answered, suppress_whole(of.answered)).count();
    OfficeFigures {
        level: of.level.name(),
        division: office(of.county, of.level),
        name: office_name(of.county, of.level, lang),
        answered,
        median_hours: enough.then_some(of.median_half_hours as f64 / 2.0),
        late_percent: late.filter(|_| enough).map(|late| (late * 100 / of.answered.max(1) + 5) / 10 * 10),
    }
}

/// Offices of a division and those below it.
async fn offices(app: &Shared, division: &str, lang: Lang) -> Result<Vec<OfficeFigures>, Problem> {
    let since = app.packs.base().zone.day_of(app.clock.now()).plus(1 - DAYS);
    let rows = store::tally(&app.db, since, Place::counties(division)).await?;
    Ok(fold(&rows).iter().map(|o| told(o, lang)).collect())
}

async fn count(app: &Shared, lang: Lang) -> Result<AppealFigures, Problem> {
    let offices = offices(app, &app.packs.base().division, lang).await?;
    let counted_at = app.clock.now();
    Ok(AppealFigures { days: DAYS, target_hours: app.packs.base().appeals.target_hours, offices, counted_at })
}

/// Reads how long the offices of a division, and those below it, take to answer appeals.
#[utoipa::path(get, path = "/api/v1/dashboard/{division}/appeals", tag = "staff",
    params(("division" = String, Path, description = "Code of a county or above, or 0 for the whole country")),
    responses((status = 200, body = AppealFigures), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn panel(
    State(app): State<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Path(division): Path<String>,
) -> Result<Private<AppealFigures>, Problem> {
    if officer.scope(Permission::Dashboard).is_empty() {
        return Err(not_allowed());
    }
    let code = if division == "0" { "" } else { division.as_str() };
    let known = code.is_empty() || divisions().get(code).is_some_and(|d| d.level <= Level::County as u8);
    if !known || !officer.may(Permission::Dashboard, code) {
        return Err(Problem::not_found());
    }
    let offices = offices(&app, code, lang).await?;
    let (target_hours, counted_at) =
        (app.packs.of(code, app.clock.now()).appeals.target_hours, app.clock.now());
    Ok(Private(AppealFigures { days: DAYS, target_hours, offices, counted_at }))
}

/// Reads how long each office takes to answer appeals.
#[utoipa::path(get, path = "/api/v1/public/appeals", tag = "site", responses((status = 200, body = AppealFigures)))]
pub async fn figures(State(app): State<Shared>, Wanted(lang): Wanted) -> Result<Response, Problem> {
    let mut response = axum::Json(count(&app, lang).await?).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-language"));
    Ok(response)
}

/// The same as a page, in both languages.
pub async fn page(State(app): State<Shared>) -> Result<Response, Problem> {
    let (zh, en) = (count(&app, Lang::Zh).await?, count(&app, Lang::En).await?);
    let body = format!("{}{}", section(&zh, Lang::Zh), section(&en, Lang::En));
    let html = format!(
        "<!doctype html><html lang=zh-Hans><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>申诉办理公开 Appeals</title><main>{body}</main></html>"
    );
    let mut response = Html(html).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(response)
}

fn section(figures: &AppealFigures, lang: Lang) -> String {
    let (days, target) = (figures.days, figures.target_hours);
    let (tag, title, lead, heads, few, withheld, none) = match lang {
        Lang::Zh => (
            "zh-Hans",
            "申诉办理公开",
            format!(
                "近 {days} 天办结的申诉。目标：{target} 小时内答复。不足 5 件不显示，由此能算出的也不显示；件数按 5 件取整，比例按 10% 取整。"
            ),
            ["机构", "办结（件）", "办理时长中位数（小时）", "超时比例"],
            "不足 5 件",
            "不显示",
            "近期没有办结的申诉。",
        ),
        Lang::En => (
            "en",
            "How appeals are answered",
            format!(
                "Appeals answered in the last {days} days. Offices aim at {target} hours. Counts under 5 are not \
                 shown, nor is what would tell them; counts are in whole fives, shares in whole tens of a per cent."
            ),
            ["Office", "Answered", "Median hours", "Late"],
            "under 5",
            "withheld",
            "No appeal was answered lately.",
        ),
    };
    let mut rows = String::new();
    for office in &figures.offices {
        let late = office.late_percent.map_or_else(|| withheld.to_owned(), |late| format!("{late}%"));
        let cells = match (office.answered.count(), office.median_hours) {
            (Some(n), Some(hours)) => format!("<td>{n}<td>{hours:.1}<td>{late}"),
            _ => format!("<td colspan=3>{few}"),
        };
        rows.push_str(&format!("<tr><th scope=row>{}{cells}", office.name));
    }
    let table = if rows.is_empty() {
        format!("<p>{none}")
    } else {
        let heads: String = heads.iter().map(|h| format!("<th scope=col>{h}")).collect();
        format!("<table><thead><tr>{heads}<tbody>{rows}</table>")
    };
    format!("<section lang={tag}><h1>{title}</h1><p>{lead}{table}</section>")
}
