//! Requests and answers of showing a code.

use axum::extract::State as AxumState;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use kangma_core::decision::Status;
use kangma_core::identity::Phone;
use kangma_core::rules::pack::Pack;
use kangma_core::rules::words::{
    FlagView, LapseView, Reason, TakenBack, explain_lapse, lasts_view, taken_back,
};
use kangma_core::time::Instant;
use serde::Serialize;
use utoipa::ToSchema;

use crate::account;
use crate::app::Shared;
use crate::auth::Resident;
use crate::decide;
use crate::error::{Problem, ProblemBody};
use crate::http::Private;
use crate::identity::ClaimState;
use crate::lang::{Reads, Tongue};
use crate::limit::Who;
use crate::person::{self, Known, State};
use crate::site::{self, Dress};

/// One's own code.
#[derive(Serialize, ToSchema)]
pub struct Code {
    /// `green`, `yellow`, `red`, or `grey` where there is no colour.
    colour: &'static str,
    /// `active`; or why there is no colour: `unknown` (nothing declared), `claim` (the identity is
    /// not confirmed), `pending` (a reviewer looks), `returned` (declare again), `expired` (a
    /// duty that keeps the code green was missed).
    status: &'static str,
    /// The colour's or status's word, as the pack names it.
    word: String,
    /// Why, for yellow and red: every active reason, the most severe first.
    #[schema(value_type = Vec<Object>)]
    reasons: Vec<Reason>,
    /// Tasks beside the colour, which they never alter: each with what clears it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    flags: Vec<FlagView>,
    /// Until when a green code lasts, or since when it has lapsed, where the pack lets it lapse.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    lapse: Option<LapseView>,
    /// A reviewer's reason, where a declaration was returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<Returned>,
    /// What was known and was taken back or corrected in the last fourteen days, the last first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    taken_back: Vec<TakenBack>,
    /// What to show as a QR code; null where there is no colour.
    pass: Option<String>,
    /// When the pass was signed.
    #[schema(value_type = Option<String>, format = DateTime)]
    issued_at: Option<Instant>,
    /// When it runs out.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Instant>,
    /// Until when verifiers call it fresh.
    #[schema(value_type = Option<String>, format = DateTime)]
    fresh_until: Option<Instant>,
    /// The first instant at which time alone can change the colour.
    #[schema(value_type = Option<String>, format = DateTime)]
    review_at: Option<Instant>,
    /// When the server last knew this to be so.
    #[schema(value_type = String, format = DateTime)]
    state_at: Instant,
    /// How often to read again while the code is shown, in seconds.
    renew_s: u32,
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    server_time: Instant,
    /// Such as 张*.
    name_masked: Option<String>,
    /// The daily check-in.
    check_in: CheckInDuty,
    /// The rules that decided.
    pack: PackVersion,
    /// What they show otherwise than the site says: a green that is blue, other symptoms.
    #[serde(skip_serializing_if = "Option::is_none")]
    dress: Option<Dress>,
}

/// A reviewer's reason.
#[derive(Serialize, ToSchema)]
pub struct Returned {
    /// The declaration: what an appeal is about.
    fact: String,
    /// As the reviewer wrote it.
    reason: String,
}

/// The daily check-in.
#[derive(Serialize, ToSchema)]
pub struct CheckInDuty {
    /// Whether one is due today and not yet done.
    due: bool,
    /// Whether one was recorded today.
    done_today: bool,
}

/// A pack by id and version.
#[derive(Serialize, ToSchema)]
pub struct PackVersion {
    id: String,
    version: String,
}

/// Reads one's own code: decided, explained and signed now.
#[utoipa::path(get, path = "/api/v1/me/code", tag = "resident",
    responses((status = 200, body = Code), (status = 401, body = ProblemBody), (status = 429, body = ProblemBody),
        (status = 503, body = ProblemBody)))]
pub async fn code(
    AxumState(app): AxumState<Shared>,
    who: Resident,
    Reads(lang): Reads,
) -> Result<Private<Code>, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let Some(id) = account::holder(&app, who).await? else { return without_person(&app, who, lang).await };
    let Some(state) = decide::current(&app, id).await? else { return without_person(&app, who, lang).await };
    account::still_holds(&state, who)?;
    let now = app.clock.now();
    let issued = super::issue(&app, &state, now)?;
    let recently = now.plus_s(-TAKEN_BACK_S);
    let taken_back = state.sealed.corrected_at.is_some_and(|at| Instant(at) >= recently);
    let pack = app.packs.at(state.sealed.division, state.as_of);
    let green = state.status() == Status::Active && state.colour() == Some(GREEN);
    let told = if green && !taken_back && state.sealed.flags == 0 {
        let lasts = state.sealed.lasts_until.map(Instant);
        Told { lapse: lasts.and_then(|until| lasts_view(&pack, until, lang)), ..Told::default() }
    } else {
        account_for(&app, id, &state, lang).await?
    };
    let mut code = blank(&pack, now, lang);
    code.colour = state.colour().map_or("grey", kangma_core::decision::Colour::name);
    code.status = status_word(state.status());
    code.word = pack.word(state.status(), state.colour(), lang).to_owned();
    code.dress = site::dress(&pack, app.packs.set().base(), lang);
    code.reasons = told.reasons;
    code.flags = told.flags;
    code.lapse = told.lapse;
    code.returned = told.returned;
    code.taken_back = told.taken_back;
    code.review_at = state.review_at;
    code.state_at = state.as_of;
    code.name_masked = Some(state.sealed.name_masked.clone());
    let day = |at| pack.zone.day_of(at);
    code.check_in = CheckInDuty {
        due: state.sealed.check_in_due,
        done_today: day(Instant(state.sealed.last_check_in)) == day(now),
    };
    if let Some(issued) = issued {
        code.pass = Some(issued.text);
        code.issued_at = Some(issued.issued_at);
        code.fresh_until = Some(issued.fresh_until);
        code.expires_at = Some(issued.expires_at);
    }
    Ok(Private(code))
}

/// For how long a code says that something was taken back.
const TAKEN_BACK_S: i64 = 14 * kangma_core::time::DAY_S;

const GREEN: kangma_core::decision::Colour = kangma_core::decision::Colour::Green;

fn blank(pack: &Pack, now: Instant, lang: Tongue) -> Code {
    Code {
        colour: "grey",
        status: "unknown",
        word: pack.word(Status::Unknown, None, lang).to_owned(),
        reasons: Vec::new(),
        flags: Vec::new(),
        lapse: None,
        returned: None,
        taken_back: Vec::new(),
        pass: None,
        issued_at: None,
        expires_at: None,
        fresh_until: None,
        review_at: None,
        state_at: now,
        renew_s: pack.pass.renew_s,
        server_time: now,
        name_masked: None,
        check_in: CheckInDuty { due: false, done_today: false },
        pack: PackVersion { id: pack.id.to_string(), version: pack.version.to_string() },
        dress: None,
    }
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Unknown => "unknown",
        Status::Pending => "pending",
        Status::Returned => "returned",
        Status::Active => "active",
        Status::Expired => "expired",
    }
}

/// What the holder reads beside the colour.
#[derive(Default)]
struct Told {
    reasons: Vec<Reason>,
    flags: Vec<FlagView>,
    lapse: Option<LapseView>,
    returned: Option<Returned>,
    taken_back: Vec<TakenBack>,
}

/// The full account for the holder, from all facts. Only those with something to explain pay for it.
async fn account_for(
    app: &Shared,
    id: kangma_core::id::PersonId,
    state: &Known,
    lang: Tongue,
) -> Result<Told, Problem> {
    let Some(person) = person::explained(app, id).await? else { return Ok(Told::default()) };
    // At the instant of the state that is shown, so that colour and reasons are of one pack.
    let now = state.as_of;
    let decision = decide::now(app, &person, now);
    let set = app.packs.set();
    let pack = set.at(person.division(), now);
    let returned = decision
        .review
        .as_ref()
        .and_then(|r| Some(Returned { fact: r.fact.to_string(), reason: r.returned.as_ref()?.to_string() }));
    let taken_back = taken_back(pack, &person.facts, now.plus_s(-TAKEN_BACK_S), lang);
    Ok(Told {
        reasons: set.explain(pack, &decision, &person.facts, lang),
        flags: set.explain_flags(pack, &decision, &person.facts, lang),
        lapse: explain_lapse(pack, &decision, lang),
        returned,
        taken_back,
    })
}

/// A code for an account that holds nobody yet: grey, and the same whoever the claim names.
async fn without_person(app: &Shared, who: Resident, lang: Tongue) -> Result<Private<Code>, Problem> {
    let account = account::find(app, who.account).await?.ok_or_else(Problem::unauthorised)?;
    let mut code = blank(&app.packs.base(), app.clock.now(), lang);
    if account.claim.is_some() {
        code.status = "claim";
        code.word = app.packs.base().said("claim.word", lang).to_owned();
    }
    Ok(Private(code))
}

/// Who one is, as far as it is known.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// Such as 139****0001.
    phone_masked: String,
    /// `new`, `claim` or `holder`.
    state: &'static str,
    /// Such as 张*.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_masked: Option<String>,
    /// First and last letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_masked: Option<String>,
    /// The declaration that waits for the identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<ClaimView>,
}

/// A declaration that waits for the identity behind it.
#[derive(Serialize, ToSchema)]
pub struct ClaimView {
    /// How far it has come.
    state: ClaimState,
    /// How the identity is confirmed here: `demo`, `gateway` or `reviewer`.
    method: &'static str,
    /// What to do.
    detail: String,
}

/// Reads who one is.
#[utoipa::path(get, path = "/api/v1/me", tag = "resident",
    responses((status = 200, body = Me), (status = 401, body = ProblemBody)))]
pub async fn me(
    AxumState(app): AxumState<Shared>,
    who: Resident,
    Reads(lang): Reads,
) -> Result<Private<Me>, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let account = account::find(&app, who.account).await?.ok_or_else(Problem::unauthorised)?;
    let phone_masked = Phone::parse(&account.phone).map_or_else(|_| "***".to_owned(), |p| p.masked());
    let mut me = Me { phone_masked, state: "new", name_masked: None, document_masked: None, claim: None };
    if let Some(person) = account::person_of(&app, &account).await? {
        let state = person::state(&app, person).await?.ok_or_else(Problem::unauthorised)?;
        account::still_holds(&state, who)?;
        let profile = person::profile(&app, person).await?;
        me.state = "holder";
        me.name_masked = Some(masked(&state));
        me.document_masked = profile.and_then(|p| p.document(app.clock.wall())).map(|d| d.masked());
    } else if let Some((state, claim)) = &account.claim {
        me.state = "claim";
        me.name_masked = claim.profile.name().map(|n| n.masked());
        me.document_masked = claim.profile.document(app.clock.wall()).map(|d| d.masked());
        let detail = claim
            .refused
            .clone()
            .unwrap_or_else(|| app.packs.base().said(claim_key(*state), lang).to_owned());
        me.claim = Some(ClaimView { state: *state, method: app.identity.method(), detail });
    }
    Ok(Private(me))
}

fn masked(state: &State) -> String {
    state.sealed.name_masked.clone()
}

fn claim_key(state: ClaimState) -> &'static str {
    match state {
        ClaimState::NeedsProof => "claim.needs_proof",
        ClaimState::InReview => "claim.in_review",
        ClaimState::Refused => "claim.refused",
    }
}

/// The public keys that verify passes, as a JWK set (RFC 7517).
#[utoipa::path(get, path = "/.well-known/kangma/keys.json", tag = "verifier",
    responses((status = 200, description = "A JWK set; spec/pass.md gives the members", body = Object)))]
pub async fn keys(AxumState(app): AxumState<Shared>) -> Response {
    let now = app.clock.now();
    let mut response = axum::Json(app.signing.jwks(now)).into_response();
    // Verifiers read it each few minutes; what they get must not be older than that.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    response
}
