//! Requests and answers of looking people up, and of seeing who looked.

use axum::extract::State;
use axum::http::StatusCode;
use kangma_core::identity::{Document, DocumentType};
use kangma_core::role::Permission;
use kangma_core::rules::words::Reason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Look, Looker, Purpose};
use crate::account;
use crate::alarm;
use crate::app::Shared;
use crate::auth::Resident;
use crate::decide;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::lang::Wanted;
use crate::limit::Who;
use crate::person;
use crate::staff::{self, Event, Officer};

/// Whom to look up, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUp {
    /// The person's document.
    document: LookUpDocument,
    /// Why.
    purpose: Purpose,
    /// In your words, 2 to 200 letters. The person is shown that you looked, not the words.
    reason: String,
}

/// A document.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUpDocument {
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "resident_id")]
    ty: DocumentType,
    /// Its number.
    number: String,
    /// Two letters (ISO 3166-1), where the type needs it.
    #[serde(default)]
    nationality: Option<String>,
}

/// Somebody who was found.
#[derive(Serialize, ToSchema)]
pub struct Found {
    /// Such as 张*.
    name_masked: String,
    /// First and last letters of the document.
    document_masked: String,
    /// `green`, `yellow`, `red` or `grey`.
    colour: &'static str,
    /// The colour in words, as the holder reads it.
    word: String,
    /// Why, as the holder reads it.
    #[schema(value_type = Vec<Object>)]
    reasons: Vec<Reason>,
}

fn nobody() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "look.nobody",
        "在您的权限范围内没有查到此人，请核对证件类型与号码。",
        "Nobody of that document is within your rights. Check its type and number.",
    )
}

/// Looks a person up by document. The person is shown that it was done.
#[utoipa::path(post, path = "/api/v1/people/look-up", tag = "staff", request_body = LookUp,
    responses((status = 200, body = Found), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn look_up(
    State(app): State<Shared>,
    officer: Officer,
    Wanted(lang): Wanted,
    Body(ask): Body<LookUp>,
) -> Result<Private<Found>, Problem> {
    if officer.scope(Permission::LookUp).is_empty() {
        return Err(staff::not_allowed());
    }
    app.limits.look_ups.take(&staff::name_key(&app, &officer.name))?;
    let reason = super::reason(&ask.reason)?;
    let today = app.packs.base().zone.day_of(app.clock.now());
    let LookUpDocument { ty, number, nationality } = ask.document;
    let document = Document::parse(ty, &number, nationality.as_deref(), today)
        .map_err(|e| Problem::refused("document.number", &e))?;
    let found = person::by_document(&app, &document).await?;
    let known = match found {
        Some(id) => decide::current(&app, id).await?,
        None => None,
    };
    // A county's code has six digits; a person whose place is not known is the whole country's.
    let place = |state: &person::State| match state.sealed.division {
        0 => String::new(),
        code => code.to_string(),
    };
    let Some((state, division)) = known
        .map(|state| (place(&state), state))
        .filter(|(division, _)| officer.may(Permission::LookUp, division))
        .map(|(division, state)| (state, division))
    else {
        // The same for somebody elsewhere and for nobody; many of them are counted against the account.
        staff::note(&app, &officer.name, Event::Guessing).await?;
        let tops = officer.scope(Permission::LookUp);
        alarm::guessed(&app, &officer.name, tops.first().copied().unwrap_or("")).await?;
        return Err(nobody());
    };
    let by = Looker::of(&app, &officer, Permission::LookUp, &division).await?;
    super::record(&app, &by, state.id, ask.purpose, reason).await?;
    let person = person::explained(&app, state.id).await?.ok_or_else(nobody)?;
    let now = app.clock.now();
    let decision = decide::now(&app, &person, now);
    let set = app.packs.set();
    let pack = set.at(person.division(), now);
    Ok(Private(Found {
        name_masked: state.sealed.name_masked.clone(),
        document_masked: document.masked(),
        colour: state.colour().map_or("grey", kangma_core::decision::Colour::name),
        word: pack.word(state.status(), state.colour(), lang).to_owned(),
        reasons: set.explain(pack, &decision, &person.facts, lang),
    }))
}

/// Who looked at one's data.
#[derive(Serialize, ToSchema)]
pub struct Looks {
    /// The newest first: at most 500, and apart from them at most 500 of what collectors recorded.
    items: Vec<Look>,
}

/// Reads who of the staff looked at one's data, in what role, for what purpose and when; also at what one
/// declared before one's identity was confirmed.
#[utoipa::path(get, path = "/api/v1/me/looks", tag = "resident",
    responses((status = 200, body = Looks), (status = 401, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn looks(State(app): State<Shared>, who: Resident) -> Result<Private<Looks>, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let person = match account::holder(&app, who).await? {
        Some(id) => Some(person::explained(&app, id).await?.ok_or_else(Problem::unauthorised)?),
        None => None,
    };
    if let Some(state) = person.as_ref().and_then(|person| person.stored.as_ref()) {
        account::still_holds(state, who)?;
    }
    Ok(Private(Looks { items: super::of(&app, who.account, person.as_ref()).await? }))
}
