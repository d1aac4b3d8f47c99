//! What every page asks first, and whether the service is well.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use kangma_core::decision::Colour;
use kangma_core::division;
use kangma_core::rules::display::Display;
use kangma_core::rules::pack::{Pack, Pages, shown};
use kangma_core::rules::tongue::{Direction, Tongue};
use kangma_core::rules::words::{Lang, Words};
use kangma_core::time::Instant;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::Private;
use crate::lang::Reads;
use crate::service;

/// This installation.
#[derive(Serialize, ToSchema)]
pub struct Site {
    /// Whether it is a demo.
    demo: bool,
    /// The division that it serves.
    division: SiteDivision,
    /// IANA name of the time zone of days.
    zone: String,
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    server_time: Instant,
    /// The effective pack.
    pack: SitePack,
    /// Languages that residents may choose: Chinese, English, and what more the pack ships.
    languages: Vec<SiteLanguage>,
    /// Which of them fits this request's Accept-Language best.
    language: String,
    /// How often a shown code is read again, in seconds.
    renew_s: u32,
    /// What each colour is drawn in and called: a pack may show green as blue.
    colours: [SiteColour; 3],
    /// Symptoms that can be declared and checked in, in the order of the pack.
    symptoms: Vec<SiteWord>,
}

/// A colour as it is shown.
#[derive(Serialize, ToSchema)]
pub struct SiteColour {
    /// `green`, `yellow` or `red`: what passes and answers say.
    colour: &'static str,
    /// What it is drawn in: itself, `blue` for green or `orange` for yellow.
    shown: &'static str,
    /// Its word in Chinese.
    zh: String,
    /// Its word in English.
    en: String,
    /// In the pack's further languages, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    more: BTreeMap<String, String>,
}

/// A language.
#[derive(Serialize, ToSchema)]
pub struct SiteLanguage {
    /// Its name as packs write it, and `Accept-Language`: `zh`, `en`, `zh-Hant`.
    lang: String,
    /// What it calls itself.
    name: String,
    /// Which way it is written: `ltr` or `rtl`.
    dir: &'static str,
    /// Where the pages' own words in it are, which never change there; a page says in Chinese or English
    /// what is not among them. The pages have Chinese and English themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<String>,
}

/// A word of the pack.
#[derive(Serialize, ToSchema)]
pub struct SiteWord {
    word: &'static str,
    /// In Chinese.
    zh: String,
    /// In English.
    en: String,
    /// In the pack's further languages, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    more: BTreeMap<String, String>,
}

/// A division.
#[derive(Serialize, ToSchema)]
pub struct SiteDivision {
    code: String,
    name: String,
}

/// A pack.
#[derive(Serialize, ToSchema)]
pub struct SitePack {
    id: String,
    version: String,
    /// First 8 bytes of SHA-256, in hexadecimal.
    digest: String,
    name: String,
}

/// Reads what this installation is.
#[utoipa::path(get, path = "/api/v1/site", tag = "site", responses((status = 200, body = Site)))]
pub async fn site(State(app): State<Shared>, Reads(lang): Reads) -> Private<Site> {
    let pack = app.packs.base();
    Private(Site {
        demo: app.config.demo,
        division: SiteDivision {
            code: pack.division.to_string(),
            name: division::name(&pack.division).unwrap_or_default().to_owned(),
        },
        zone: pack.zone_name().to_owned(),
        server_time: app.clock.now(),
        pack: SitePack {
            id: pack.id.to_string(),
            version: pack.version.to_string(),
            digest: pack.digest.to_string(),
            name: pack.name(lang).to_owned(),
        },
        languages: languages(&pack, pack.languages()),
        language: lang.in_pack(&pack).to_owned(),
        renew_s: pack.pass.renew_s,
        colours: colours(&pack, EVERY),
        symptoms: symptoms(&pack, EVERY),
    })
}

fn colours(pack: &Pack, which: Which<'_>) -> [SiteColour; 3] {
    [Colour::Green, Colour::Yellow, Colour::Red].map(|colour| SiteColour {
        colour: colour.name(),
        shown: pack.display.shown(colour),
        zh: pack.colour_word(colour, Lang::Zh).to_owned(),
        en: pack.colour_word(colour, Lang::En).to_owned(),
        more: more(pack, which, |words| words.colours.get(colour.name())),
    })
}

/// What the pack of somebody's place shows otherwise than the site does.
#[derive(Serialize, ToSchema)]
pub struct Dress {
    /// What each colour is drawn in and called, where one is drawn in another.
    #[serde(skip_serializing_if = "Option::is_none")]
    colours: Option<[SiteColour; 3]>,
    /// Symptoms that can be declared and checked in, where they are others.
    #[serde(skip_serializing_if = "Option::is_none")]
    symptoms: Option<Vec<SiteWord>>,
    /// Where the languages beside Chinese and English are, where they are others.
    #[serde(skip_serializing_if = "Option::is_none")]
    languages: Option<String>,
}

/// How a pack differs in what it shows from that of the installation; on the way of each read, which has to
/// be small however many languages there are: further words are in the language of the answer, and which
/// languages there are the page asks once.
pub fn dress(pack: &Pack, base: &Pack, lang: Tongue) -> Option<Dress> {
    let others = !pack.languages().eq(base.languages());
    let read = lang.in_pack(pack);
    // With other languages, what is not drawn in its own colour has to be called so in them.
    let drawn = pack.display != base.display || others && pack.display != Display::default();
    let colours = drawn.then(|| colours(pack, &|name| name == read));
    let asked = pack.vocabulary.symptoms != base.vocabulary.symptoms;
    let symptoms = asked.then(|| symptoms(pack, &|name| name == read));
    let languages = others.then(|| format!("/api/v1/languages/{}", pack.digest));
    (colours.is_some() || symptoms.is_some() || languages.is_some()).then_some(Dress {
        colours,
        symptoms,
        languages,
    })
}

fn languages<'p>(pack: &'p Pack, which: impl Iterator<Item = &'p str>) -> Vec<SiteLanguage> {
    let one = |lang: &str| SiteLanguage {
        lang: lang.to_owned(),
        name: pack.language_name(lang).to_owned(),
        dir: Direction::of(pack.language_name(lang)).name(),
        pages: pack.page_texts_digest(lang).map(|of| format!("/api/v1/page-texts/{of}/{lang}")),
    };
    which.map(one).collect()
}

/// The languages of a pack.
#[derive(Serialize, ToSchema)]
pub struct Languages {
    /// Chinese, English, and what more it ships.
    languages: Vec<SiteLanguage>,
    /// Which of them fits this request's Accept-Language best.
    language: String,
}

/// Reads which languages a pack in force ships, as a code read names it (`dress.languages`).
#[utoipa::path(get, path = "/api/v1/languages/{digest}", tag = "site",
    params(("digest" = String, Path, description = "Digest of the pack")),
    responses((status = 200, body = Languages), (status = 404, body = ProblemBody)))]
pub async fn pack_languages(
    State(app): State<Shared>,
    Path(digest): Path<String>,
    Reads(lang): Reads,
) -> Result<Private<Languages>, Problem> {
    let set = app.packs.set();
    let pack = set.packs().find(|pack| *pack.digest == *digest).ok_or_else(Problem::not_found)?;
    Ok(Private(Languages {
        languages: languages(pack, pack.languages()),
        language: lang.in_pack(pack).to_owned(),
    }))
}

/// Which further languages words are said in.
type Which<'w> = &'w dyn Fn(&str) -> bool;

const EVERY: Which<'static> = &|_| true;

/// A word in further languages of a pack.
fn more<'p>(
    pack: &'p Pack,
    which: Which<'_>,
    pick: impl Fn(&'p Words) -> Option<&'p String>,
) -> BTreeMap<String, String> {
    let all = pack.further_languages().filter(|lang| which(lang)).filter_map(|lang| {
        let word = pick(pack.words_in(lang)?)?;
        Some((lang.to_owned(), word.clone()))
    });
    all.collect()
}

/// The pages' own words in a further language of a pack, by part of the pages and key. The digest is of
/// what is answered, so what is found here never changes and may be kept.
#[utoipa::path(get, path = "/api/v1/page-texts/{digest}/{language}", tag = "site",
    params(("digest" = String, Path, description = "Digest of the texts"),
        ("language" = String, Path, description = "Such as zh-Hant")),
    responses((status = 200, description = "Texts by part and key", body = Object),
        (status = 404, body = ProblemBody)))]
pub async fn page_texts(
    State(app): State<Shared>,
    Path((digest, language)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = format!("{digest}/{language}");
    let known = lock(&PACKED).get(&name).cloned();
    let (plain, packed) = match known {
        Some(known) => known,
        None => {
            let set = app.packs.set();
            let of = |pack: &&Arc<Pack>| pack.page_texts_digest(&language) == Some(&digest);
            let pack = set.packs().find(of).ok_or_else(Problem::not_found)?;
            let texts = pack.page_texts(&language).ok_or_else(Problem::not_found)?;
            let made = pack_texts(texts).map_err(|_| Problem::internal())?;
            let mut kept = lock(&PACKED);
            if kept.len() >= PACKED_MAX {
                kept.clear();
            }
            kept.insert(name, made.clone());
            made
        }
    };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("");
    let gzip = accepted.split(',').any(|e| e.trim() == "gzip");
    let mut response = Response::new(Body::from(if gzip { packed } else { plain }));
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// Texts as they are sent, plain and compressed, by digest and language. On a first day everybody asks for
/// the same ones.
static PACKED: LazyLock<Mutex<HashMap<String, (Bytes, Bytes)>>> = LazyLock::new(Mutex::default);
/// More than all the packs of a country ship at once; then it begins anew.
const PACKED_MAX: usize = 64;

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pack_texts(texts: &Pages) -> std::io::Result<(Bytes, Bytes)> {
    let plain = shown(texts);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&plain)?;
    Ok((plain.into(), gzip.finish()?.into()))
}

fn symptoms(pack: &Pack, which: Which<'_>) -> Vec<SiteWord> {
    let word = |word: &&'static str| SiteWord {
        word,
        zh: pack.symptom_word(word, Lang::Zh).to_owned(),
        en: pack.symptom_word(word, Lang::En).to_owned(),
        more: more(pack, which, |words| words.symptoms.get(*word)),
    };
    pack.vocabulary.symptoms.iter().map(word).collect()
}

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "site", responses((status = 200, description = "ok")))]
pub async fn livez() -> &'static str {
    "ok"
}

/// The process can serve: it is not about to stop, and the database answers.
#[utoipa::path(get, path = "/readyz", tag = "site",
    responses((status = 200, description = "ready"), (status = 503, description = "what is missing")))]
pub async fn readyz(State(app): State<Shared>) -> Response {
    match service::state(&app).await {
        service::State::Ready => "ready".into_response(),
        service::State::Degraded => service::DEGRADED.into_response(),
        service::State::NotReady(_, said) => (StatusCode::SERVICE_UNAVAILABLE, said).into_response(),
    }
}
