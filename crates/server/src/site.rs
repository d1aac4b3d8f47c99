//! What every page asks first, and whether the service is well.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kangma_core::decision::Colour;
use kangma_core::division;
use kangma_core::rules::pack::Pack;
use kangma_core::rules::words::Lang;
use kangma_core::time::Instant;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Shared;
use crate::http::Private;
use crate::lang::Wanted;
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
    /// Languages of the pages.
    languages: [&'static str; 2],
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
}

/// A word of the pack.
#[derive(Serialize, ToSchema)]
pub struct SiteWord {
    word: &'static str,
    /// In Chinese.
    zh: String,
    /// In English.
    en: String,
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
pub async fn site(State(app): State<Shared>, Wanted(lang): Wanted) -> Private<Site> {
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
        languages: ["zh", "en"],
        renew_s: pack.pass.renew_s,
        colours: colours(&pack),
        symptoms: symptoms(&pack),
    })
}

fn colours(pack: &Pack) -> [SiteColour; 3] {
    [Colour::Green, Colour::Yellow, Colour::Red].map(|colour| SiteColour {
        colour: colour.name(),
        shown: pack.display.shown(colour),
        zh: pack.colour_word(colour, Lang::Zh).to_owned(),
        en: pack.colour_word(colour, Lang::En).to_owned(),
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
}

/// How a pack differs in what it shows from that of the installation; on the way of each read.
pub fn dress(pack: &Pack, base: &Pack) -> Option<Dress> {
    let colours = (pack.display != base.display).then(|| colours(pack));
    let symptoms = (pack.vocabulary.symptoms != base.vocabulary.symptoms).then(|| symptoms(pack));
    (colours.is_some() || symptoms.is_some()).then_some(Dress { colours, symptoms })
}

fn symptoms(pack: &Pack) -> Vec<SiteWord> {
    let word = |word: &&'static str| SiteWord {
        word,
        zh: pack.symptom_word(word, Lang::Zh).to_owned(),
        en: pack.symptom_word(word, Lang::En).to_owned(),
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
