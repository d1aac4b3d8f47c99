//! Accounts: a phone's pointer to a person, and the claim that waits where there is none yet.
//!
//! Table: `account`. The binding's truth is an identity fact on the person ([`crate::person`]):
//! a pointer without that fact grants nothing, and one that a crash left unwritten is mended
//! here when it is next needed. Person first, pointer second; both steps may run twice.

mod store;

use kangma_core::id::{AccountId, PersonId};
use kangma_core::identity::Phone;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};

use crate::app::{App, Shared};
use crate::auth::Resident;
use crate::db::DbError;
use crate::error::Problem;
use crate::identity::ClaimState;
use crate::person::{Profile, State};

pub use store::Filling;

/// A phone's account.
pub struct Account {
    /// Keyed hash of the phone.
    pub id: AccountId,
    /// The person it points to.
    pub person: Option<PersonId>,
    /// The phone, canonical.
    pub phone: String,
    /// A declaration that waits for the identity behind it.
    pub claim: Option<(ClaimState, Claim)>,
    version: i64,
}

/// A declaration that is nobody's yet. Grey; neither changes nor reveals a person.
#[derive(Clone, Serialize, Deserialize)]
pub struct Claim {
    /// Who the account says it is.
    pub profile: Profile,
    /// When they declared.
    pub at: Instant,
    /// The declaration as it will be recorded.
    pub declaration: Vec<u8>,
    /// Why a reviewer refused.
    pub refused: Option<String>,
}

/// The account, if the phone ever logged in.
pub async fn find(app: &Shared, id: AccountId) -> Result<Option<Account>, Problem> {
    let Some(row) = store::find(&app.db, id).await? else { return Ok(None) };
    let phone = app.keys.master.open("account", "phone", &id.0, &row.phone).map_err(unreadable)?;
    let claim = match (ClaimState::from_int(row.claim_state), row.claim) {
        (Some(state), Some(sealed)) => {
            let plain = app.keys.master.open("account", "claim", &id.0, &sealed).map_err(unreadable)?;
            Some((state, serde_json::from_slice(&plain).map_err(unreadable)?))
        }
        _ => None,
    };
    let phone = String::from_utf8(phone).map_err(unreadable)?;
    Ok(Some(Account { id, person: row.person, phone, claim, version: row.version }))
}

/// The account of a phone that just logged in; made if new.
pub async fn open(app: &Shared, id: AccountId, phone: &Phone) -> Result<Account, Problem> {
    if let Some(account) = find(app, id).await? {
        return Ok(account);
    }
    let sealed = app.keys.master.seal("account", "phone", &id.0, phone.as_str().as_bytes());
    match store::create(&app.db, id, sealed, app.clock.wall()).await {
        Ok(()) | Err(DbError::Conflict) => {}
        Err(e) => return Err(e.into()),
    }
    find(app, id).await?.ok_or_else(Problem::internal)
}

/// Keeps a claim on the account, in place of an earlier one.
pub async fn keep_claim(
    app: &Shared,
    account: &Account,
    state: ClaimState,
    claim: &Claim,
) -> Result<(), Problem> {
    let plain = serde_json::to_vec(claim).map_err(unreadable)?;
    let sealed = app.keys.master.seal("account", "claim", &account.id.0, &plain);
    store::keep_claim(&app.db, account.id, account.version, state, sealed, claim.at).await?;
    Ok(())
}

/// Points the account to a person whose facts already name it as a holder; the claim is over.
pub async fn point(app: &Shared, id: AccountId, person: PersonId) -> Result<(), Problem> {
    Ok(store::point(&app.db, id, person).await?)
}

/// The person of an account, mending a pointer that a crash left unwritten.
pub async fn person_of(app: &Shared, account: &Account) -> Result<Option<PersonId>, Problem> {
    if account.person.is_some() {
        return Ok(account.person);
    }
    let Some((_, claim)) = &account.claim else { return Ok(None) };
    let Some(document) = claim.profile.document(app.clock.wall()) else { return Ok(None) };
    let Some(person) = crate::person::by_document(app, &document).await? else { return Ok(None) };
    if !crate::person::holds(app, person, account.id).await? {
        return Ok(None);
    }
    point(app, account.id, person).await?;
    Ok(Some(person))
}

/// The person of a resident's token, if their account holds one.
pub async fn holder(app: &Shared, who: Resident) -> Result<Option<PersonId>, Problem> {
    if who.person.is_some() {
        return Ok(who.person);
    }
    if let Some(person) = app.memory.holder(who.account) {
        return Ok(Some(person));
    }
    Box::pin(find_holder(app, who.account)).await
}

async fn find_holder(app: &Shared, id: AccountId) -> Result<Option<PersonId>, Problem> {
    let account = find(app, id).await?.ok_or_else(Problem::unauthorised)?;
    let person = person_of(app, &account).await?;
    if let Some(person) = person {
        app.memory.keep_holder(id, person);
    }
    Ok(person)
}

/// Refuses a token that no longer counts for a person.
pub fn still_holds(state: &State, who: Resident) -> Result<(), Problem> {
    if who.issued < state.tokens_after || !state.held_by(who.account) {
        return Err(Problem::unauthorised());
    }
    Ok(())
}

fn unreadable(e: impl std::fmt::Display) -> Problem {
    tracing::error!(%e, "an account's sealed column could not be read");
    Problem::internal()
}

/// Adds to rows an account that already points to its person, or to nobody: for filling a database.
pub fn fill(
    rows: &mut Filling,
    app: &App,
    id: AccountId,
    phone: &Phone,
    person: Option<PersonId>,
    now: Instant,
) {
    let sealed = app.keys.master.seal("account", "phone", &id.0, phone.as_str().as_bytes());
    rows.account(id, sealed, person, now);
}
