//! The demo's pages and calls.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Form, Json};
use kangma_core::pass::SPECIMENS;
use kangma_core::time::{DAY_S, Instant};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{DAYS_MAX, PASSWORD, STAFF, Story, told};
use crate::app::Shared;
use crate::decide;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::lang::{Lang, Wanted};

const STYLE: &str = include_str!("demo.css");

fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("text/html"))
}

/// The demo's style sheet.
pub async fn style() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"))], STYLE).into_response()
}

/// The five residents, specimen codes and the clock: a page for browsers, JSON otherwise.
#[utoipa::path(get, path = "/demo", tag = "demo", responses((status = 200, body = Object)))]
pub async fn index(State(app): State<Shared>, Wanted(lang): Wanted, headers: HeaderMap) -> Response {
    let now = app.clock.now();
    if wants_page(&headers) {
        return Html(page(&index_body(now, told(&app), lang), lang)).into_response();
    }
    let residents: Vec<_> = told(&app)
        .iter()
        .map(|s| json!({ "story": { "zh": s.zh, "en": s.en }, "phone": s.phone, "colour": s.colour }))
        .collect();
    let specimens: Vec<_> =
        SPECIMENS.iter().map(|s| json!({ "title": { "zh": s.zh, "en": s.en }, "pass": s.pass })).collect();
    Private(json!({ "residents": residents, "specimens": specimens, "now": now })).into_response()
}

fn index_body(now: Instant, residents: &[Story], lang: Lang) -> String {
    let zh = lang == Lang::Zh;
    let t = |z: &'static str, e: &'static str| if zh { z } else { e };
    let stories: String = residents
        .iter()
        .map(|s| {
            format!(
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                s.phone,
                escape(s.colour),
                escape(if zh { s.zh } else { s.en })
            )
        })
        .collect();
    let specimens: String = SPECIMENS
        .iter()
        .map(|s| {
            format!(
                "<figure>{}<figcaption>{}</figcaption></figure>",
                qr(s.pass),
                escape(if zh { s.zh } else { s.en })
            )
        })
        .collect();
    format!(
        "<h1>{}</h1><p>{} <strong>{now}</strong></p>\
         <form method=post action=/demo/advance><input type=hidden name=days value=1><button>{}</button></form>\
         <h2>{}</h2><table><thead><tr><th>{}</th><th>{}</th><th>{}</th></tr></thead><tbody>{stories}</tbody></table>\
         <p>{} <a href=/demo/outbox>/demo/outbox</a></p>\
         <h2>{}</h2><ul><li><a href=/>{}</a></li><li><a href=/checkpoint>{}</a></li>\
         <li><a href=/staff>{}</a> ({} / {})</li><li><a href=/api/docs>API</a></li></ul>\
         <h2>{}</h2><p>{}</p><div class=specimens>{specimens}</div>",
        t("演示", "Demo"),
        t("演示时钟：", "The demo's clock:"),
        t("前进一天", "Advance one day"),
        t("五位居民", "Five residents"),
        t("手机号", "Phone"),
        t("现在", "Now"),
        t("故事", "Story"),
        t("登录验证码见发件箱：", "Log-in codes arrive in the outbox:"),
        t("页面", "Pages"),
        t("居民", "Resident"),
        t("核验点", "Checkpoint"),
        t("工作人员", "Staff"),
        STAFF.map(|(name, ..)| name).join(", "),
        PASSWORD,
        t("样码", "Specimen codes"),
        t("用任何核验页扫描都显示灰色“演示码”。", "Any checkpoint shows them grey, as a demo code."),
    )
}

/// A QR code as SVG; drawn on the server for the demo page only.
fn qr(text: &str) -> String {
    use fast_qr::convert::{Builder as _, svg::SvgBuilder};
    let code = fast_qr::QRBuilder::new(text).ecl(fast_qr::ECL::M).build();
    code.map(|code| SvgBuilder::default().margin(4).to_str(&code)).unwrap_or_default()
}

/// Messages that would have gone to phones: a page for browsers, JSON otherwise.
#[utoipa::path(get, path = "/demo/outbox", tag = "demo", responses((status = 200, body = Object)))]
pub async fn outbox(State(app): State<Shared>, Wanted(lang): Wanted, headers: HeaderMap) -> Response {
    let messages = app.outbox.as_ref().map(|o| o.all()).unwrap_or_default();
    if !wants_page(&headers) {
        let messages: Vec<_> = messages
            .iter()
            .map(|m| json!({ "to": m.to, "kind": m.kind, "code": m.code, "text": m.text }))
            .collect();
        return Private(json!({ "messages": messages })).into_response();
    }
    let rows: String = messages
        .iter()
        .map(|m| {
            format!(
                "<tr><td>{}</td><td><strong>{}</strong></td><td>{}</td></tr>",
                escape(&m.to),
                escape(&m.code),
                escape(&m.text)
            )
        })
        .collect();
    let (title, empty) = match lang {
        Lang::Zh => ("发件箱（演示）", "还没有短信。"),
        Lang::En => ("Outbox (demo)", "No messages yet."),
    };
    let body = if rows.is_empty() {
        format!("<h1>{title}</h1><p>{empty}</p>")
    } else {
        format!("<h1>{title}</h1><table><tbody>{rows}</tbody></table>")
    };
    let mut response = Html(page(&body, lang)).into_response();
    response.headers_mut().insert("refresh", HeaderValue::from_static("3"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// How far to advance.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Advance {
    /// 1 to 60.
    #[schema(example = 1)]
    days: u32,
}

/// The clock after it.
#[derive(Serialize, ToSchema)]
pub struct Advanced {
    /// The demo's time now.
    #[schema(value_type = String, format = DateTime)]
    now: Instant,
}

/// Advances the demo's clock. Takes JSON from programs and a form from the demo page.
#[utoipa::path(post, path = "/demo/advance", tag = "demo", request_body = Advance,
    responses((status = 200, body = Advanced), (status = 422, body = ProblemBody)))]
pub async fn advance(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let wrong = || {
        Problem::field(
            "days",
            "demo.days",
            format!("天数应为 1 到 {DAYS_MAX}。"),
            format!("Advance 1 to {DAYS_MAX} days."),
        )
    };
    let Advance { days } = if is_form {
        Form::<Advance>::from_request(request, &()).await.map_err(|_| wrong())?.0
    } else {
        Body::<Advance>::from_request(request, &()).await?.0
    };
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(wrong());
    }
    let lead_s = app.clock.advance(i64::from(days) * DAY_S);
    super::save_lead(&app.db, lead_s).await?;
    let now = app.clock.now();
    app.signing.rotate(now).await.map_err(|e| {
        tracing::error!(%e, "signing keys");
        Problem::internal()
    })?;
    decide::job::round(&app, decide::job::Part::ALL).await?;
    if is_form {
        Ok(Redirect::to("/demo").into_response())
    } else {
        Ok(Json(Advanced { now }).into_response())
    }
}

fn page(body: &str, lang: Lang) -> String {
    let lang = if lang == Lang::Zh { "zh-Hans" } else { "en" };
    format!(
        "<!doctype html><html lang={lang}><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>康码 Kangma demo</title><link rel=stylesheet href=/demo/style.css><main>{body}</main></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
