//! `dashboard_export` and `heartbeat`.

use kangma_core::tally::Place;
use kangma_core::time::Instant;

use super::device::HEARD_S;
use crate::app::Shared;
use crate::db::{Affects, Db, DbError, Stmt, Unit};

static NOTE_EXPORT: Stmt = Stmt {
    name: "dashboard.note_export",
    sql: "INSERT INTO dashboard_export (export_id, at, officer, division, row_count, reason) \
          VALUES ($1, $2, $3, $4, $5, $6)",
};

static HEAR: Stmt = Stmt {
    name: "dashboard.hear",
    sql: "INSERT INTO heartbeat (device_id, kind, division, keys_at, outbox, seen_at) \
          VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (device_id) DO UPDATE SET kind = excluded.kind, \
          division = excluded.division, keys_at = excluded.keys_at, outbox = excluded.outbox, \
          seen_at = excluded.seen_at",
};

static DEVICES: Stmt = Stmt {
    name: "dashboard.devices",
    sql: "SELECT division, kind, COUNT(*), COUNT(CASE WHEN keys_at < $2 THEN 1 END), \
          COUNT(CASE WHEN outbox > 0 THEN 1 END), CAST(SUM(outbox) AS BIGINT) \
          FROM heartbeat WHERE seen_at >= $1 GROUP BY division, kind",
};

static FORGET: Stmt =
    Stmt { name: "dashboard.forget_devices", sql: "DELETE FROM heartbeat WHERE seen_at < $1" };

/// A file that was made.
pub struct Export<'a> {
    pub id: [u8; 16],
    pub officer: &'a str,
    pub place: Place,
    pub rows: usize,
    pub reason: Vec<u8>,
}

pub async fn note_export(db: &Db, export: Export<'_>, at: Instant) -> Result<(), DbError> {
    let params = vec![
        export.id.into(),
        at.into(),
        export.officer.into(),
        export.place.to_string().into(),
        (export.rows as i64).into(),
        export.reason.into(),
    ];
    db.commit(Unit::new("dashboard.export").expect(Affects::One, &NOTE_EXPORT, params)).await
}

/// What a device said.
pub struct Heard {
    pub device: [u8; 16],
    pub kind: i64,
    pub division: u64,
    pub keys_at: Instant,
    pub outbox: i64,
}

pub async fn hear(db: &Db, heard: Heard, now: Instant) -> Result<(), DbError> {
    let params = vec![
        heard.device.into(),
        heard.kind.into(),
        (heard.division as i64).into(),
        heard.keys_at.into(),
        heard.outbox.into(),
        now.into(),
    ];
    db.commit(Unit::new("dashboard.hear").expect(Affects::One, &HEAR, params)).await
}

/// Devices of one division and kind.
pub struct DeviceRow {
    pub division: u64,
    pub kind: i64,
    pub devices: i64,
    pub stale: i64,
    pub waiting: i64,
    pub outbox: i64,
}

/// Devices heard of since; stale are those with keys from before.
pub async fn devices(db: &Db, since: Instant, keys_since: Instant) -> Result<Vec<DeviceRow>, DbError> {
    let rows = db.all(&DEVICES, &[since.into(), keys_since.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(DeviceRow {
                division: row.int(0)?.unsigned_abs(),
                kind: row.int(1)?,
                devices: row.int(2)?,
                stale: row.int(3)?,
                waiting: row.int(4)?,
                outbox: row.int(5)?,
            })
        })
        .collect()
}

/// Drops devices that were not heard of for a day.
pub async fn sweep(app: &Shared) -> Result<(), DbError> {
    let before = app.clock.wall().plus_s(-HEARD_S);
    app.db.commit(Unit::new("dashboard.sweep").expect(Affects::Any, &FORGET, vec![before.into()])).await
}
