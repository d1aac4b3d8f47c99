//! Declaring: who somebody is and what the pack asks.
//!
//! URLs: `GET /api/v1/declaration-form`, `POST /api/v1/declarations`,
//! `POST /api/v1/me/identity/proof`. No table of its own: a declaration is a fact on a person or,
//! until the identity behind it is confirmed, a claim on the account.

pub mod http;

use kangma_core::fact::{Fact, Kind, Source, Value, Values};
use kangma_core::id::{AccountId, FactId, PersonId};
use kangma_core::identity::{Document, Name, Phone};
use kangma_core::rules::set;
use serde::Serialize;

use crate::account::{self, Account, Claim};
use crate::app::{App, Shared};
use crate::auth::Resident;
use crate::db::Unit;
use crate::decide::{self, Missing, Recording};
use crate::error::Problem;
use crate::http::IdempotencyKey;
use crate::identity::{Answer, Ask, ClaimState};
use crate::lang::Lang;
use crate::login::{self, Purpose};
use crate::person::{self, Person, Profile};
use crate::queue;

/// What became of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Declared {
    /// Recorded: the code answers to it.
    Accepted,
    /// Kept as a claim until the identity is proved.
    NeedsProof,
    /// Kept as a claim until a reviewer has confirmed the identity.
    InReview,
}

/// A checked declaration on its way in.
pub struct Declaration {
    /// Name.
    pub name: Name,
    /// Document.
    pub document: Document,
    /// The form's answers by slot.
    pub values: Vec<Value>,
    /// Version of the commitment that was accepted.
    pub commitment: String,
}

/// Records a declaration, or keeps it as a claim.
pub async fn declare(
    app: &Shared,
    who: Resident,
    key: &IdempotencyKey,
    declaration: Declaration,
) -> Result<(FactId, Declared), Problem> {
    let Declaration { name, document, values, commitment } = declaration;
    let at = app.clock.now();
    let mut fact = Fact {
        id: app.fact_id_for(who.account, key),
        kind: Kind::Declaration,
        happened: at,
        recorded: at,
        source: Source::Resident,
        values: values.into(),
    };
    fact.set("commitment", Value::Text(commitment.into()));
    let id = fact.id;
    if let Some(person) = account::holder(app, who).await? {
        same_document(app, person, &document).await?;
        return Ok((add(app, person, who, &name, fact).await?, Declared::Accepted));
    }
    let account = account::find(app, who.account).await?.ok_or_else(Problem::unauthorised)?;
    let profile = Profile::new(&name, &document);
    // In a box: few come here, and whoever declares again would carry its room about.
    let declared = Box::pin(claim(app, &account, &profile, &name, &document, fact)).await?;
    Ok((id, declared))
}

/// An account that holds a person declares for that person and nobody else.
async fn same_document(app: &Shared, person: PersonId, document: &Document) -> Result<(), Problem> {
    // A person's first document has the person's own id; only further ones have to be looked up.
    let first = app.keys.person_id(&document.key()) == person;
    if !first && person::by_document(app, document).await? != Some(person) {
        return Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            "declaration.other_document",
            "本手机号已绑定另一证件，请使用该证件申报；证件录入有误请联系社区工作人员更正。",
            "This phone belongs to another document. Declare with that one, or ask the community office to correct it.",
        ));
    }
    Ok(())
}

/// Records a declaration of a person whom the account already holds.
async fn add(
    app: &Shared,
    person: PersonId,
    who: Resident,
    name: &Name,
    fact: Fact,
) -> Result<FactId, Problem> {
    let id = fact.id;
    let person = decide::record(
        app,
        person,
        Recording {
            missing: Missing::Refuse,
            unit: "declare.add",
            facts: &|person| {
                let state = person.stored.as_ref().ok_or_else(Problem::unauthorised)?;
                account::still_holds(state, who)?;
                if person.name != name.as_str() {
                    return Err(Problem::field(
                        "name",
                        "declaration.name_differs",
                        "姓名与该证件已核实的姓名不一致，请核对。",
                        "The name differs from the one confirmed for this document. Please check it.",
                    ));
                }
                let is_new = repeated(person, id).is_none();
                Ok(is_new.then(|| fact.clone()).into_iter().collect())
            },
            attach: &|unit, person, decision| queue::open_if_pending(app, unit, person, decision),
        },
    )
    .await?;
    Ok(repeated(&person, id).unwrap_or(id))
}

/// The declaration of the same request, if it was recorded before.
fn repeated(person: &Person, id: FactId) -> Option<FactId> {
    let declared = person.facts.iter().rev().filter(|f| f.kind == Kind::Declaration);
    declared.map(|f| f.id).find(|known| known.is_repeat_of(&id))
}

/// Asks who is behind the account; confirmed at once, or kept as a claim.
async fn claim(
    app: &Shared,
    account: &Account,
    profile: &Profile,
    name: &Name,
    document: &Document,
    fact: Fact,
) -> Result<Declared, Problem> {
    let phone = Phone::parse(&account.phone).map_err(|e| Problem::refused("phone", &e))?;
    // The demo's stand-in register has to look; a real one would tell by its time alone.
    let held_elsewhere = app.config.demo && is_held_elsewhere(app, document, account.id).await?;
    let answer = app.identity.check(Ask { name, document, phone: &phone, held_elsewhere }).await?;
    let state = match answer {
        Answer::Confirmed => {
            bind(app, account.id, profile, fact, app.identity.method(), |unit| unit).await?;
            return Ok(Declared::Accepted);
        }
        Answer::Refused => {
            return Err(Problem::field(
                "name",
                "identity.refused",
                "姓名、证件号码与手机号未能核验为同一人，请核对后重新提交。",
                "Name, document and phone could not be confirmed as one person's. Please check and submit again.",
            ));
        }
        Answer::NeedsProof => ClaimState::NeedsProof,
        Answer::InReview => ClaimState::InReview,
    };
    let claim = Claim {
        profile: profile.clone(),
        at: fact.happened,
        declaration: person::encode_fact(&fact),
        refused: None,
    };
    account::keep_claim(app, account, state, &claim).await?;
    if state == ClaimState::InReview {
        let place = set::place_of_declaration(&fact);
        app.db.commit(queue::open_identity(app, app.new_id(), account.id, place, app.clock.now())).await?;
        return Ok(Declared::InReview);
    }
    login::send_code(app, &phone, Purpose::Proof, Lang::Zh).await?;
    Ok(Declared::NeedsProof)
}

async fn is_held_elsewhere(app: &Shared, document: &Document, account: AccountId) -> Result<bool, Problem> {
    let Some(person) = person::by_document(app, document).await? else { return Ok(false) };
    let state = person::state(app, person).await?;
    Ok(state.is_some_and(|s| !s.sealed.holders.is_empty() && !s.held_by(account)))
}

/// Proves the identity behind a claim, in demo mode.
pub async fn prove(app: &Shared, account: &Account, proof: &str) -> Result<(), Problem> {
    let Some((ClaimState::NeedsProof, claim)) = &account.claim else {
        return Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            "identity.nothing_to_prove",
            "没有等待核验的申报。",
            "No declaration waits for a proof.",
        ));
    };
    login::use_code(app, account.id, Purpose::Proof, proof).await?;
    confirm(app, account.id, claim, app.identity.method(), |unit| unit).await
}

/// Turns a claim into facts of the person whom it names.
pub async fn confirm(
    app: &Shared,
    account: AccountId,
    claim: &Claim,
    method: &'static str,
    attach: impl Fn(Unit) -> Unit + Sync,
) -> Result<(), Problem> {
    let fact = person::decode_fact(&claim.declaration).map_err(|e| {
        tracing::error!(%e, "a claim's declaration could not be read");
        Problem::internal()
    })?;
    bind(app, account, &claim.profile, fact, method, attach).await
}

/// Person first: the binding and the declaration are facts of one unit. Pointer second. Running
/// it twice records the declaration once.
async fn bind(
    app: &Shared,
    account: AccountId,
    profile: &Profile,
    fact: Fact,
    method: &'static str,
    attach: impl Fn(Unit) -> Unit + Sync,
) -> Result<(), Problem> {
    let (Some(name), Some(document)) = (profile.name(), profile.document(app.clock.wall())) else {
        tracing::error!("a stored profile no longer parses");
        return Err(Problem::internal());
    };
    let first_id = app.keys.person_id(&document.key());
    let id = person::by_document(app, &document).await?.unwrap_or(first_id);
    let facts = |person: &Person| {
        let holders = person.holders();
        let mut facts = Vec::new();
        if repeated(person, fact.id).is_none() {
            facts.push(fact.clone());
        }
        if !holders.contains(&account) {
            if holders.len() >= person::HOLDERS_MAX {
                return Err(Problem::new(
                    axum::http::StatusCode::CONFLICT,
                    "identity.too_many_phones",
                    "该证件绑定的手机号过多，请联系社区工作人员。",
                    "Too many phones hold this document. Please ask the community office.",
                ));
            }
            facts.push(identity_fact(app, account, method));
        }
        Ok(facts)
    };
    let new_document = |unit: Unit, person: &Person| {
        if person.version == 0 {
            person::add_document(unit, app, person, profile, &document, app.clock.now())
        } else if person.is_renamed() {
            person::put_profile(unit, app, person, profile, &document)
        } else {
            unit
        }
    };
    decide::record(
        app,
        id,
        Recording {
            missing: Missing::Make(name.clone()),
            unit: "declare.bind",
            facts: &facts,
            attach: &|unit, person, decision| {
                attach(queue::open_if_pending(app, new_document(unit, person), person, decision))
            },
        },
    )
    .await?;
    account::point(app, account, id).await
}

fn identity_fact(app: &App, account: AccountId, method: &'static str) -> Fact {
    let at = app.clock.now();
    let mut fact = Fact {
        id: app.new_fact_id(),
        kind: Kind::Identity,
        happened: at,
        recorded: at,
        source: Source::IdentityCheck,
        values: Values::default(),
    };
    fact.set("method", Value::Text(method.into()));
    fact.set("account", Value::Text(account.to_string().into()));
    fact.set("bound", Value::Bool(true));
    fact
}
