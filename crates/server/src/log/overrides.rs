//! What the public sees of manual changes: how many orders each office made on each day. An order is an
//! act of an office; its count says nothing of who lives where, and is not withheld where it is small.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use kangma_core::time::{DAY_S, Instant};
use serde::Serialize;
use utoipa::ToSchema;

use super::note::hex;
use super::store;
use crate::app::Shared;
use crate::error::Problem;

/// Days that are counted.
const DAYS: i32 = 30;

/// Manual changes by office and day.
#[derive(Serialize, ToSchema)]
pub struct Overrides {
    /// Days that are counted, up to and with today.
    days: i32,
    /// Offices and days with at least one, the newest day first.
    items: Vec<OfficeDay>,
    /// When it was counted.
    #[schema(value_type = String, format = DateTime)]
    counted_at: Instant,
}

/// Orders of one office on one day.
#[derive(Serialize, ToSchema)]
pub struct OfficeDay {
    /// Id of the office.
    office: String,
    /// Its name.
    name: String,
    /// Such as 2026-11-23, in the pack's zone.
    day: String,
    /// How many.
    orders: i64,
}

async fn count(app: &Shared) -> Result<Overrides, Problem> {
    let now = app.clock.wall();
    let pack = app.packs.base();
    let zone = &pack.zone;
    let first = zone.day_of(now).plus(1 - DAYS);
    let since_ms = (now.0 - i64::from(DAYS) * DAY_S) * 1000;
    let mut counts: BTreeMap<_, i64> = BTreeMap::new();
    for row in store::orders(&app.db, since_ms).await? {
        let day = zone.day_of(Instant(row.hour * 3600));
        if day >= first {
            let office = row.office.map_or_else(String::new, |id| hex(&id));
            *counts.entry((std::cmp::Reverse(day), row.name.unwrap_or_default(), office)).or_default() +=
                row.orders;
        }
    }
    let items = counts.into_iter().map(|((day, name, office), orders)| OfficeDay {
        office,
        name,
        day: day.0.to_string(),
        orders,
    });
    Ok(Overrides { days: DAYS, items: items.collect(), counted_at: now })
}

/// Reads how many manual changes each office made.
#[utoipa::path(get, path = "/api/v1/public/overrides", tag = "site", responses((status = 200, body = Overrides)))]
pub async fn figures(State(app): State<Shared>) -> Result<Response, Problem> {
    let mut response = axum::Json(count(&app).await?).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Ok(response)
}

/// The same as a page, in both languages.
pub async fn page(State(app): State<Shared>) -> Result<Response, Problem> {
    let all = count(&app).await?;
    let zh = section(
        &all,
        "zh-Hans",
        "人工处置公开",
        &format!(
            "近 {DAYS} 天各单位发出的处置令。每条处置令都引用已公布的规则和证据，由另一单位的第二人会签，写入不可篡改的决定日志（/log/checkpoint），当事人即时得知并可申诉。"
        ),
        ["日期", "单位", "处置令（件）"],
        "近期没有处置令。",
    );
    let en = section(
        &all,
        "en",
        "Manual changes",
        &format!(
            "Orders of the last {DAYS} days by office. Each cites a published rule and evidence, is signed by a second \
             person of another office and stands in the decision log (/log/checkpoint), which nobody can quietly \
             edit; the person is told at once and can appeal."
        ),
        ["Day", "Office", "Orders"],
        "There was no order lately.",
    );
    let html = format!(
        "<!doctype html><html lang=zh-Hans><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>人工处置公开 Manual changes</title><main>{zh}{en}</main></html>"
    );
    let mut response = Html(html).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Ok(response)
}

fn section(all: &Overrides, tag: &str, title: &str, lead: &str, heads: [&str; 3], none: &str) -> String {
    let rows: String = all
        .items
        .iter()
        .map(|item| format!("<tr><td>{}<th scope=row>{}<td>{}", item.day, escaped(&item.name), item.orders))
        .collect();
    let table = if rows.is_empty() {
        format!("<p>{none}")
    } else {
        let heads: String = heads.iter().map(|h| format!("<th scope=col>{h}")).collect();
        format!("<table><thead><tr>{heads}<tbody>{rows}</table>")
    };
    format!("<section lang={tag}><h1>{title}</h1><p>{lead}{table}</section>")
}

/// A name that somebody typed.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
