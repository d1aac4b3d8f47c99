//! Telling viewers that what they see has changed: not what it is now, which they then ask for.

use std::convert::Infallible;
use std::time::{Duration, Instant as Moment};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use kangma_core::tally::Place;
use tokio::sync::OwnedSemaphorePermit;

use super::http::place_for;
use super::{Days, Span, Top};
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::staff::Officer;

/// Viewers who are told at once, on one node.
pub const STREAMS_MAX: usize = 1_000;
/// How often a stream looks; the look itself is shared.
const LOOK: Duration = Duration::from_secs(1);
/// A stream ends by then, and the page asks again: with the rights that the officer then has.
const LIFE: Duration = Duration::from_secs(60);

struct Viewer {
    app: Shared,
    place: Place,
    seen: Option<(Seen, Vec<(Place, Days)>)>,
    began: Moment,
    _place: OwnedSemaphorePermit,
}

/// What can change without a fold: the day.
type Seen = (i64, kangma_core::time::Day);

/// Server-sent events named `change`: at the start, and within seconds after anything that is shown
/// of the division or its children changed. The stream ends after a minute; ask again.
#[utoipa::path(get, path = "/api/v1/dashboard/{division}/live", tag = "staff",
    params(("division" = String, Path, description = "2, 4, 6, 9 or 12 digits, or 0 for the whole country")),
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 503, body = ProblemBody)))]
pub async fn live(
    State(app): State<Shared>,
    officer: Officer,
    Path(division): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = place_for(&officer, &division)?;
    let free = app.views.streams.clone().try_acquire_owned();
    let viewer = Viewer { place, seen: None, began: Moment::now(), _place: free.map_err(|_| full())?, app };
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(unfold(viewer, next)).keep_alive(keep_alive))
}

fn full() -> Problem {
    Problem {
        retry_after_s: Some(10),
        ..Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "dashboard.too_many_viewers",
            "正在查看实时数据的人太多，页面会每隔一段时间自动刷新。",
            "Too many are watching live numbers; the page refreshes by itself now and then.",
        )
    }
}

/// Waits for a change; `None` ends the stream.
async fn next(mut viewer: Viewer) -> Option<(Result<Event, Infallible>, Viewer)> {
    loop {
        if viewer.app.gate.leaving() || viewer.began.elapsed() > LIFE {
            return None;
        }
        match viewer.look().await {
            Ok(Some(top)) => {
                let event = Event::default().event("change").data(format!("{{\"as_of\":\"{}\"}}", top.as_of));
                return Some((Ok(event), viewer));
            }
            Ok(None) => {}
            // The panels say what is wrong; here the next look is as good.
            Err(problem) => tracing::debug!(code = problem.code, "a look for viewers"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Viewer {
    /// What is shown, if that is not what was.
    async fn look(&mut self) -> Result<Option<Top>, Problem> {
        let top = super::top(&self.app).await?;
        let now = (top.version, top.day);
        if self.seen.as_ref().is_some_and(|(seen, _)| *seen == now) {
            return Ok(None);
        }
        let mut rows = super::children(&self.app, &top, self.place, Span::TwoDays).await?;
        rows.push((self.place, super::shown(&self.app, &top, self.place, Span::TwoDays).await?));
        let changed = self.seen.as_ref().is_none_or(|(_, before)| *before != rows);
        self.seen = Some((now, rows));
        Ok(changed.then_some(top))
    }
}
