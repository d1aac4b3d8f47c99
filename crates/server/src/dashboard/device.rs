//! What pages at checkpoints and of collectors say of themselves: how old their keys are, and how
//! much they have yet to send. No person is in it, and whoever opens such a page can say it: these
//! numbers help to find what stands still, and prove nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant as Moment};

use axum::extract::State;
use axum::http::StatusCode;
use kangma_core::tally::{Place, places};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::store;
use crate::app::Shared;
use crate::db::DbError;
use crate::error::{Problem, ProblemBody};
use crate::http::Body;
use crate::limit::ClientAddress;

/// Keys older than this confirm nothing: the checkpoint page's own limit.
pub const KEYS_AGE_S_MAX: i64 = 86_400;
/// A device that was not heard of for this long no longer counts.
pub const HEARD_S: i64 = 86_400;
/// Devices that are counted; more are refused.
const DEVICES_MAX: i64 = 100_000;
/// For how long a count of all devices answers.
const FRESH: Duration = Duration::from_secs(5);

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A page that verifies passes.
    Checkpoint = 1,
    /// A page of a collector.
    Collector = 2,
}

/// What a page says of itself, every few minutes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// 32 hexadecimal digits, made by the page at random and kept by it.
    #[schema(example = "4f1c2a7744be90d34f1c2a7744be90d3")]
    device: String,
    /// What it is.
    kind: DeviceKind,
    /// The division that it stands in, where it was told.
    division: Option<String>,
    /// How old its verification keys are, in seconds.
    keys_age_s: u32,
    /// Items that it has yet to send.
    outbox: u32,
}

/// Devices of a division that were heard of in the last day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Devices {
    /// Checkpoints.
    pub checkpoints: i64,
    /// Of them, with keys that are too old to confirm anything.
    pub checkpoints_stale: i64,
    /// Pages of collectors.
    pub collectors: i64,
    /// Of them, with something to send.
    pub collectors_waiting: i64,
    /// What they have to send.
    pub outbox: i64,
}

/// Counts of all devices by place, some seconds old.
#[derive(Default)]
pub struct Counted(Mutex<Option<(Moment, BTreeMap<Place, Devices>)>>);

/// The devices of a place.
pub async fn of(app: &Shared, place: Place) -> Result<Devices, DbError> {
    let mut counted = app.views.devices.0.lock().await;
    let stale = counted.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH);
    if stale {
        *counted = Some((Moment::now(), count(app).await?));
    }
    Ok(counted.as_ref().and_then(|(_, all)| all.get(&place).copied()).unwrap_or_default())
}

async fn count(app: &Shared) -> Result<BTreeMap<Place, Devices>, DbError> {
    let now = app.clock.wall();
    let mut all: BTreeMap<Place, Devices> = BTreeMap::new();
    for row in store::devices(&app.db, now.plus_s(-HEARD_S), now.plus_s(-KEYS_AGE_S_MAX)).await? {
        for place in places(row.division) {
            let sums = all.entry(place).or_default();
            if row.kind == DeviceKind::Checkpoint as i64 {
                sums.checkpoints += row.devices;
                sums.checkpoints_stale += row.stale;
            } else {
                sums.collectors += row.devices;
                sums.collectors_waiting += row.waiting;
                sums.outbox += row.outbox;
            }
        }
    }
    Ok(all)
}

/// Takes note of what a page says of itself.
#[utoipa::path(post, path = "/api/v1/devices/heartbeat", tag = "verifier", request_body = Heartbeat,
    responses((status = 204), (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn heartbeat(
    State(app): State<Shared>,
    address: ClientAddress,
    Body(said): Body<Heartbeat>,
) -> Result<StatusCode, Problem> {
    app.limits.heartbeats.take(&address)?;
    let device = id(&said.device).ok_or_else(|| {
        Problem::field(
            "device",
            "device.id",
            "设备编号应为 32 位十六进制数。",
            "A device has 32 hexadecimal digits.",
        )
    })?;
    let division = said.division.as_deref().unwrap_or("0");
    let place = Place::parse(division).filter(|p| !p.unknown).ok_or_else(|| {
        Problem::field(
            "division",
            "division.unknown",
            "没有这个区划代码。",
            "There is no division of that code.",
        )
    })?;
    let all = of(&app, Place::COUNTRY).await?;
    if all.checkpoints + all.collectors >= DEVICES_MAX {
        return Err(Problem::too_many("device.too_many", 3_600));
    }
    let now = app.clock.wall();
    let row = store::Heard {
        device,
        kind: said.kind as i64,
        division: place.code,
        keys_at: now.plus_s(-i64::from(said.keys_age_s)),
        outbox: i64::from(said.outbox),
    };
    store::hear(&app.db, row, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn id(text: &str) -> Option<[u8; 16]> {
    let is_hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(u128::to_be_bytes)
}
