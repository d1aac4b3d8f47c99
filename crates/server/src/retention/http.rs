//! The answer to how long one's facts are kept.

use axum::extract::State;
use kangma_core::fact::Kind;
use kangma_core::rules::retention;
use kangma_core::time::Instant;
use serde::Serialize;
use utoipa::ToSchema;

use crate::account;
use crate::app::Shared;
use crate::auth::Resident;
use crate::error::{Problem, ProblemBody};
use crate::http::Private;
use crate::limit::Who;
use crate::person;

/// How long facts of oneself are kept.
#[derive(Serialize, ToSchema)]
pub struct Retention {
    /// By kind, as the rules where one is say it; what is not named is kept. Where days are given for
    /// anything, declarations, check-ins and tests are named as well.
    kinds: Vec<KindKept>,
    /// When something was erased last because its days were over.
    #[schema(value_type = Option<String>, format = DateTime)]
    erased_at: Option<Instant>,
}

/// A kind of fact.
#[derive(Serialize, ToSchema)]
pub struct KindKept {
    /// `check_in`, `test` …
    kind: &'static str,
    /// Days after which it is erased, if nothing rests on it any more; null where it is kept.
    days: Option<u32>,
    /// How many of oneself were erased so far.
    erased: u64,
}

/// What everybody has and would look for in a list that leaves it out.
const OWN: [Kind; 3] = [Kind::Declaration, Kind::CheckIn, Kind::Test];

/// Reads how long facts of oneself are kept, and how many were erased since.
#[utoipa::path(get, path = "/api/v1/me/retention", tag = "resident",
    responses((status = 200, body = Retention), (status = 401, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn mine(State(app): State<Shared>, who: Resident) -> Result<Private<Retention>, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let state = match account::holder(&app, who).await? {
        Some(id) => person::state(&app, id).await?,
        None => None,
    };
    if let Some(state) = &state {
        account::still_holds(state, who)?;
    }
    let set = app.packs.set();
    let now = app.clock.now();
    let pack = set.at(state.as_ref().map_or(0, |s| s.sealed.division), now);
    let erased = state.as_ref().and_then(|s| s.sealed.erased.as_ref());
    let of = |kind: Kind| KindKept {
        kind: kind.name(),
        days: retention::days(&set, pack, kind, now),
        erased: erased.map_or(0, |e| e.of(kind)),
    };
    let kinds = Kind::ALL.into_iter().map(|kind| (kind, of(kind))).collect::<Vec<_>>();
    let is_told = |k: &KindKept| k.days.is_some() || k.erased > 0;
    let any = kinds.iter().any(|(_, k)| is_told(k));
    let told = kinds.into_iter().filter(|(kind, k)| is_told(k) || any && OWN.contains(kind)).map(|(_, k)| k);
    Ok(Private(Retention { kinds: told.collect(), erased_at: erased.map(|e| Instant(e.at)) }))
}
