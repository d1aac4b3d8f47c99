//! Requests and answers of dashboards: each panel asks for itself, and says as of when it is.

use axum::extract::{Path, State};
use kangma_core::division::{self, divisions};
use kangma_core::role::Permission;
use kangma_core::tally::{FLOOR, MEASURES, Measure, Place, Shown};
use kangma_core::time::Instant;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Days, Span, Top, desk, device};
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::Private;
use crate::staff::{Officer, not_allowed};

/// The numbers of a division, with the change since yesterday.
#[derive(Serialize, ToSchema)]
pub struct Numbers {
    #[serde(flatten)]
    head: Head,
    /// One for each measure.
    numbers: Vec<Number>,
    /// Appeals of people who live in the division.
    appeals: desk::Appeals,
    /// What checkpoints and collectors' pages in the division say of themselves.
    devices: device::Devices,
}

/// What a panel is of.
#[derive(Serialize, ToSchema)]
pub struct Head {
    /// Code, or 0 for the whole country.
    division: String,
    /// In Chinese, from the province down.
    name: String,
    /// The divisions above that the officer may see, and this one, from the topmost down.
    path: Vec<Crumb>,
    /// Everything that was decided until then is counted.
    #[schema(value_type = String, format = DateTime)]
    as_of: Instant,
    /// Today, in the pack's zone.
    #[schema(value_type = String, format = Date)]
    day: String,
    /// Counts below it are withheld, and others from which they could be computed.
    floor: i64,
}

/// A step of the way down.
#[derive(Serialize, ToSchema)]
pub struct Crumb {
    /// Code, or 0 for the whole country.
    division: String,
    /// In Chinese.
    name: String,
}

/// One measure.
#[derive(Serialize, ToSchema)]
pub struct Number {
    /// `green`, `yellow`, `red`, `grey`: people by colour; `new_red`: who turned red today; `overdue`:
    /// whose check-in of today is due; `review`: of whom something waits for a reviewer.
    measure: &'static str,
    /// People; null where it is withheld.
    #[schema(value_type = Option<i64>)]
    count: Shown,
    /// Since the end of yesterday; null where either count is withheld.
    change: Option<i64>,
}

/// The measures of a division, day by day.
#[derive(Serialize, ToSchema)]
pub struct SeriesOf {
    #[serde(flatten)]
    head: Head,
    /// Ninety days, the oldest first; today is the last.
    #[schema(value_type = Vec<String>)]
    days: Vec<String>,
    /// One for each measure.
    series: Vec<Series>,
}

/// One measure, day by day.
#[derive(Serialize, ToSchema)]
pub struct Series {
    /// As in the numbers.
    measure: &'static str,
    /// As each day ended; null where it is withheld.
    #[schema(value_type = Vec<Option<i64>>)]
    counts: Vec<Shown>,
}

/// The divisions just below one, for a table or a treemap.
#[derive(Serialize, ToSchema)]
pub struct Children {
    #[serde(flatten)]
    head: Head,
    /// The order of the counts in each row.
    measures: Vec<&'static str>,
    /// How many rows: as many as the file of the export has.
    rows_total: usize,
    /// Whether there is a map on which all of them are drawn: `…/map`.
    map: bool,
    /// In order of code, the unknown last.
    rows: Vec<ChildRow>,
}

/// One division.
#[derive(Serialize, ToSchema)]
pub struct ChildRow {
    /// Code; with a question mark, those in the division above who gave no deeper code.
    division: String,
    /// In Chinese.
    name: String,
    /// Whether there are divisions below it.
    has_children: bool,
    /// Whether these are those who gave no deeper code.
    unknown: bool,
    /// People, one count for each measure; null where it is withheld.
    #[schema(value_type = Vec<Option<i64>>)]
    counts: [Shown; MEASURES],
    /// Since the end of yesterday, one for each measure.
    changes: Vec<Option<i64>>,
}

/// The place that an officer asked for, if it is theirs to see. Who may see no numbers at all is told
/// so; what lies outside of somebody's scope is as if it did not exist.
pub fn place_for(officer: &Officer, division: &str) -> Result<Place, Problem> {
    if officer.scope(Permission::Dashboard).is_empty() {
        return Err(not_allowed());
    }
    let place = Place::parse(division).filter(|place| !place.unknown).ok_or_else(Problem::not_found)?;
    if may_see(officer, place) { Ok(place) } else { Err(Problem::not_found()) }
}

fn may_see(officer: &Officer, place: Place) -> bool {
    officer.may(Permission::Dashboard, &code_of(place))
}

/// The code that rights speak of: the whole country has none.
pub fn code_of(place: Place) -> String {
    if place == Place::COUNTRY { String::new() } else { place.to_string() }
}

/// A place in words.
pub fn name_of(place: Place) -> String {
    match place {
        Place { unknown: true, .. } => "未填写下级区划".to_owned(),
        Place { code, .. } => division::name(&code.to_string()).unwrap_or_default().to_owned(),
    }
}

fn head(officer: &Officer, place: Place, top: &Top) -> Head {
    let path: Vec<Place> = place.path().into_iter().filter(|p| may_see(officer, *p)).collect();
    let name = divisions().path_name(&place.to_string()).unwrap_or_else(|| name_of(place));
    let crumb = |place: &Place| Crumb { division: place.to_string(), name: name_of(*place) };
    Head {
        division: place.to_string(),
        name,
        path: path.iter().map(crumb).collect(),
        as_of: top.as_of,
        day: top.day.to_string(),
        floor: FLOOR,
    }
}

fn change(days: &Days, m: usize) -> Option<i64> {
    days.first()?[m].change_since(days.get(1)?[m])
}

/// The numbers of a division now, and by how much they changed since yesterday.
#[utoipa::path(get, path = "/api/v1/dashboard/{division}/numbers", tag = "staff",
    params(("division" = String, Path, description = "2, 4, 6, 9 or 12 digits, or 0 for the whole country")),
    responses((status = 200, body = Numbers), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn numbers(
    State(app): State<Shared>,
    officer: Officer,
    Path(division): Path<String>,
) -> Result<Private<Numbers>, Problem> {
    let place = place_for(&officer, &division)?;
    let top = super::top(&app).await?;
    let days = super::shown(&app, &top, place, Span::TwoDays).await?;
    let appeals = desk::of(&app, place).await?;
    let devices = device::of(&app, place).await?;
    let number = |measure: Measure| {
        let m = measure as usize;
        Some(Number { measure: measure.name(), count: days.first()?[m], change: change(&days, m) })
    };
    let numbers = Measure::ALL.into_iter().filter_map(number).collect();
    Ok(Private(Numbers { head: head(&officer, place, &top), numbers, appeals, devices }))
}

/// The numbers of a division, as each of ninety days ended.
#[utoipa::path(get, path = "/api/v1/dashboard/{division}/series", tag = "staff",
    params(("division" = String, Path, description = "2, 4, 6, 9 or 12 digits, or 0 for the whole country")),
    responses((status = 200, body = SeriesOf), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn series(
    State(app): State<Shared>,
    officer: Officer,
    Path(division): Path<String>,
) -> Result<Private<SeriesOf>, Problem> {
    let place = place_for(&officer, &division)?;
    let top = super::top(&app).await?;
    let shown = super::shown(&app, &top, place, Span::All).await?;
    let days = (0..shown.len() as i32).rev().map(|ago| top.day.plus(-ago).to_string()).collect();
    let of = |measure: Measure| {
        let counts = shown.iter().rev().map(|day| day[measure as usize]).collect();
        Series { measure: measure.name(), counts }
    };
    let series = Measure::ALL.into_iter().map(of).collect();
    Ok(Private(SeriesOf { head: head(&officer, place, &top), days, series }))
}

/// The divisions just below one, each with its numbers.
#[utoipa::path(get, path = "/api/v1/dashboard/{division}/children", tag = "staff",
    params(("division" = String, Path, description = "2, 4, 6, 9 or 12 digits, or 0 for the whole country")),
    responses((status = 200, body = Children), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn children(
    State(app): State<Shared>,
    officer: Officer,
    Path(division): Path<String>,
) -> Result<Private<Children>, Problem> {
    let place = place_for(&officer, &division)?;
    let top = super::top(&app).await?;
    let rows = super::children(&app, &top, place, Span::TwoDays).await?;
    let row = |(place, days): (Place, Days)| {
        Some(ChildRow {
            division: place.to_string(),
            name: name_of(place),
            has_children: !place.unknown
                && divisions().get(&place.to_string()).is_some_and(|d| d.has_children),
            unknown: place.unknown,
            counts: *days.first()?,
            changes: (0..MEASURES).map(|m| change(&days, m)).collect(),
        })
    };
    let rows: Vec<ChildRow> = rows.into_iter().filter_map(row).collect();
    Ok(Private(Children {
        head: head(&officer, place, &top),
        measures: Measure::ALL.map(Measure::name).to_vec(),
        rows_total: rows.len(),
        map: app.maps.draws(place),
        rows,
    }))
}
