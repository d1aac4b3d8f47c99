//! Checking in daily. URLs: `POST` and `GET /api/v1/me/check-ins`. A check-in is a fact; it counts
//! at server time, as the pack says.

pub mod http;

use kangma_core::fact::{Fact, Kind, Source, Value, Values};
use kangma_core::id::{AccountId, FactId, PersonId};
use kangma_core::time::Instant;

use crate::app::{App, Shared};
use crate::decide::{self, Missing, Recording};
use crate::error::Problem;
use crate::http::IdempotencyKey;
use crate::person::Person;

/// Check-ins that one person may record in a day. The pack says which of them count.
const A_DAY: usize = 10;

/// A check-in on its way in.
#[derive(Clone)]
pub struct CheckIn {
    /// Body temperature.
    pub temperature_c: f64,
    /// Words of the pack's symptoms.
    pub symptoms: Vec<String>,
}

/// Records a check-in; returns it, and the person with it.
pub async fn check_in(
    app: &Shared,
    person: PersonId,
    account: AccountId,
    key: &IdempotencyKey,
    said: &CheckIn,
) -> Result<(Fact, Person), Problem> {
    let at = app.clock.now();
    let mut fact = fact(app, at, said);
    fact.id = app.fact_id_for(account, key);
    let pack = app.packs.base();
    let zone = &pack.zone;
    let (today, tomorrow) = (zone.start_of(zone.day_of(at)), zone.start_of(zone.day_of(at).plus(1)));
    let person = decide::record(
        app,
        person,
        Recording {
            missing: Missing::Refuse,
            unit: "check_in.add",
            facts: &|person| {
                if !person.holders().contains(&account) {
                    return Err(Problem::unauthorised());
                }
                if repeated(person, fact.id).is_some() {
                    return Ok(Vec::new());
                }
                let done = person.facts.iter().filter(|f| f.kind == Kind::CheckIn);
                if done.filter(|f| (today..tomorrow).contains(&f.happened)).count() >= A_DAY {
                    let wait = u32::try_from(tomorrow.0 - at.0).unwrap_or(u32::MAX);
                    return Err(Problem::too_many("check_in.too_many", wait));
                }
                Ok(vec![fact.clone()])
            },
            attach: &decide::nothing_else,
        },
    )
    .await?;
    let recorded = repeated(&person, fact.id).cloned();
    Ok((recorded.unwrap_or(fact), person))
}

/// The check-in of the same request, if it was recorded.
fn repeated(person: &Person, id: FactId) -> Option<&Fact> {
    person.facts.iter().rev().find(|f| f.kind == Kind::CheckIn && f.id.is_repeat_of(&id))
}

/// A check-in as a fact.
pub fn fact(app: &App, at: Instant, said: &CheckIn) -> Fact {
    let mut fact = Fact {
        id: app.new_fact_id(),
        kind: Kind::CheckIn,
        happened: at,
        recorded: app.clock.now(),
        source: Source::Resident,
        values: Values::default(),
    };
    fact.set("temperature_c", Value::Double(said.temperature_c));
    fact.set("symptoms", Value::List(said.symptoms.iter().map(|s| s.as_str().into()).collect()));
    fact
}
