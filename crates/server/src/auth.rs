//! Who is asking: residents by a signed, short-lived token; staff by an opaque session.
//!
//! A resident's token says account, person and times under a keyed hash, so that a code read
//! checks it without the database. The person's row carries the instant before which no token
//! counts, and its sealed state the accounts that hold it; both are read anyway.
//! Credentials live on the wall clock: "advance one day" in a demo advances the story only.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use kangma_core::id::{AccountId, PersonId};
use kangma_core::time::Instant;

use crate::app::Shared;
use crate::error::Problem;

/// How long a resident's token counts.
pub const TOKEN_S: i64 = 30 * 60;
/// How long a phone stays logged in.
pub const DEVICE_S: i64 = 30 * 86_400;
/// How long a staff session lasts.
pub const STAFF_S: i64 = 8 * 3_600;

const VERSION: u8 = 1;
const BODY: usize = 1 + 16 + 16 + 8;
const MAC: usize = 16;

/// A resident's verified token.
#[derive(Clone, Copy, Debug)]
pub struct Resident {
    /// The phone's account.
    pub account: AccountId,
    /// The person, if the account was theirs when the token was made.
    pub person: Option<PersonId>,
    /// When the token was made, on the wall clock.
    pub issued: Instant,
}

/// Makes a resident's token and says when it ends.
pub fn mint(app: &Shared, account: AccountId, person: Option<PersonId>) -> (String, Instant) {
    let issued = app.clock.wall();
    (encode(&app.keys, account, person, issued), issued.plus_s(TOKEN_S))
}

/// The token's text for an instant of issue.
pub fn encode(
    keys: &crate::seal::Keys,
    account: AccountId,
    person: Option<PersonId>,
    issued: Instant,
) -> String {
    let mut bytes = [0; BODY + MAC];
    bytes[0] = VERSION;
    bytes[1..17].copy_from_slice(&account.0);
    bytes[17..33].copy_from_slice(&person.map_or([0; 16], |p| p.0));
    bytes[33..BODY].copy_from_slice(&issued.0.to_be_bytes());
    let mac = keys.token_mac(&bytes[..BODY]);
    bytes[BODY..].copy_from_slice(&mac[..MAC]);
    B64.encode(bytes)
}

fn decode(app: &Shared, text: &str) -> Option<Resident> {
    let mut bytes = [0; BODY + MAC + 3];
    let n = B64.decode_slice(text, &mut bytes).ok()?;
    let bytes = bytes.get(..n).filter(|b| b.len() == BODY + MAC && b[0] == VERSION)?;
    let mac = app.keys.token_mac(&bytes[..BODY]);
    aws_lc_rs::constant_time::verify_slices_are_equal(&mac[..MAC], &bytes[BODY..]).ok()?;
    let account = AccountId(bytes[1..17].try_into().ok()?);
    let person: [u8; 16] = bytes[17..33].try_into().ok()?;
    let issued = Instant(i64::from_be_bytes(bytes[33..BODY].try_into().ok()?));
    let now = app.clock.wall();
    // A minute of skew between nodes; a token from the future is nobody's.
    let living = issued <= now.plus_s(60) && now < issued.plus_s(TOKEN_S);
    living.then_some(Resident { account, person: (person != [0; 16]).then_some(PersonId(person)), issued })
}

impl<S> FromRequestParts<S> for Resident
where
    Shared: FromRef<S>,
    S: Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = Shared::from_ref(state);
        let token = credential(&app, parts, TOKEN_COOKIE)?;
        decode(&app, token).ok_or_else(Problem::unauthorised)
    }
}

/// Cookie of a resident's token.
pub const TOKEN_COOKIE: &str = "km_token";
/// Cookie that renews it.
pub const DEVICE_COOKIE: &str = "km_device";
/// Cookie of a staff session.
pub const STAFF_COOKIE: &str = "km_staff";

/// The bearer token, or else the cookie. A write by cookie has to come from our own pages: a
/// header that no foreign form can send, and no foreign site or origin named by the browser.
pub fn credential<'a>(app: &Shared, parts: &'a Parts, name: &str) -> Result<&'a str, Problem> {
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let bearer = value.to_str().ok().and_then(|v| {
            let (scheme, token) = v.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        return bearer.ok_or_else(Problem::unauthorised);
    }
    let token = cookie(app, &parts.headers, name).ok_or_else(Problem::unauthorised)?;
    if parts.method != Method::GET && parts.method != Method::HEAD {
        own_page(&parts.headers)?;
    }
    Ok(token)
}

/// Refuses a cookie-borne write that did not come from our own pages.
pub fn own_page(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok());
    let own_site = site.is_none_or(|s| s == "same-origin" || s == "none");
    if own_site && headers.contains_key("x-kangma") {
        return Ok(());
    }
    Err(Problem::new(
        axum::http::StatusCode::FORBIDDEN,
        "auth.cross_site",
        "请在本页面内操作，不接受来自其他网站的请求。",
        "Requests from other sites are refused. Please use our own page.",
    ))
}

/// A cookie's value.
pub fn cookie<'a>(app: &Shared, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let prefix = if app.config.https() { "__Host-" } else { "" };
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key.strip_prefix(prefix)? == name).then_some(value)
        })
}

/// A Set-Cookie value; `max_age_s` 0 deletes it.
pub fn set_cookie(app: &Shared, name: &str, value: &str, max_age_s: i64) -> HeaderValue {
    let (prefix, secure) = if app.config.https() { ("__Host-", "; Secure") } else { ("", "") };
    let text =
        format!("{prefix}{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}
