//! What was found takes effect: facts on the person, all or nothing with the entry's end.

use kangma_core::fact::{Fact, Kind, Source, Value, Values};
use kangma_core::id::{AccountId, FactId, PersonId};
use kangma_core::rules::order::has_case;
use kangma_core::time::Instant;

use super::{Finding, Found, unseal};
use crate::account;
use crate::alarm;
use crate::app::{App, Shared};
use crate::appeal::{self, Answer, Outcome, Stage};
use crate::db::{DbError, Unit};
use crate::decide::{self, Missing, Recording};
use crate::declare;
use crate::error::Problem;
use crate::identity::ClaimState;
use crate::order;
use crate::person;
use crate::queue::{self, Item, State, Subject};

/// Brings one settled entry into effect; nothing if somebody else just did.
pub async fn apply(app: &Shared, item: &Item) -> Result<(), Problem> {
    let by = item.settled_by.as_deref().unwrap_or_default();
    let applied = match unseal(app, item).await {
        Ok(found) => match item.subject {
            Subject::Declaration(person) => declaration(app, by, item, person, &found).await,
            Subject::Identity(account) => identity(app, item, account, &found).await,
            Subject::Appeal(person) => appealed(app, by, item, person, &found).await,
            Subject::Confirmation(person) => confirmation(app, by, item, person, &found).await,
        },
        Err(problem) => Err(problem),
    };
    match applied {
        // What it was about is no more, or its key is destroyed: nobody has to look any more.
        Err(problem) if ["not_found", "person.destroyed"].contains(&problem.code) => {
            let unit = queue::drop_in(Unit::new("review.drop"), item.id, State::Overtaken, app.clock.now());
            match app.db.commit(unit).await {
                Ok(()) | Err(DbError::Conflict) => Ok(()),
                Err(e) => Err(e.into()),
            }
        }
        Err(problem) if problem.code == "db.conflict" && is_closed(app, item).await? => Ok(()),
        done => done,
    }
}

async fn is_closed(app: &Shared, item: &Item) -> Result<bool, Problem> {
    Ok(queue::find(&app.db, item.id).await?.is_none_or(|now| now.state != State::Settling))
}

/// Facts of an officer, made at the instant of the finding.
struct Facts<'a> {
    app: &'a App,
    by: &'a str,
    at: Instant,
    all: Vec<Fact>,
}

impl Facts<'_> {
    fn add(&mut self, kind: Kind, values: &[(&str, &str)]) {
        let mut fact = Fact {
            id: self.app.new_fact_id(),
            kind,
            happened: self.at,
            recorded: self.app.clock.now(),
            source: Source::Staff,
            values: Values::default(),
        };
        let by = [("by", self.by)];
        for (name, text) in values.iter().chain(&by).filter(|(_, text)| !text.is_empty()) {
            fact.set(name, Value::Text((*text).into()));
        }
        self.all.push(fact);
    }
}

fn facts<'a>(app: &'a App, by: &'a str, found: &Found) -> Facts<'a> {
    Facts { app, by, at: found.at, all: Vec::new() }
}

async fn declaration(
    app: &Shared,
    by: &str,
    item: &Item,
    person: PersonId,
    found: &Found,
) -> Result<(), Problem> {
    let of = FactId(item.id);
    let state = match found.finding {
        Finding::Return => State::Returned,
        Finding::False => State::False,
        _ => State::Approved,
    };
    let mut facts = facts(app, by, found);
    // A declaration found false has been looked at: it no longer waits, and the finding colours.
    let outcome = if state == State::Returned { "returned" } else { "approved" };
    facts.add(Kind::Review, &[("of", &of.to_string()), ("outcome", outcome), ("reason", &found.reason)]);
    if state == State::False {
        let finding = [("finding", "false_declaration"), ("of", &of.to_string()), ("note", &found.reason)];
        facts.add(Kind::Finding, &finding);
    }
    record(app, person, Some(of), facts.all, |unit, at| queue::close_in(unit, item.id, state, at)).await?;
    if state == State::False
        && let Some(known) = person::load(app, person).await?
        && !has_case(&known.facts, app.clock.now())
    {
        alarm::without_case(app, by, &person::county(known.division())).await?;
    }
    Ok(())
}

async fn appealed(
    app: &Shared,
    by: &str,
    item: &Item,
    person: PersonId,
    found: &Found,
) -> Result<(), Problem> {
    let appeal = appeal::find(app, person, item.id).await?.ok_or_else(Problem::not_found)?;
    if appeal.stage != Stage::Open {
        return Err(Problem::not_found());
    }
    let about = appeal.about.to_string();
    let mut facts = facts(app, by, found);
    // An order that is corrected away is withdrawn, and its row says so with the same unit.
    let mut order = None;
    let (outcome, state) = match found.finding {
        Finding::Correct => {
            let known = crate::person::load(app, person).await?.ok_or_else(Problem::not_found)?;
            let decision = decide::now(app, &known, app.clock.now());
            let returned = decision.review.is_some_and(|r| r.fact == appeal.about && r.returned.is_some());
            if returned {
                facts
                    .add(Kind::Review, &[("of", &about), ("outcome", "approved"), ("reason", &found.reason)]);
            } else {
                facts.add(Kind::Correction, &[("of", &about), ("reason", &found.reason)]);
                order = order::corrected(app, appeal.about).await?;
            }
            (Outcome::Corrected, State::Allowed)
        }
        Finding::Confirm => {
            if let Some(((authority, rule), _)) = super::confirmable(app, person, item).await? {
                facts.add(Kind::Confirmation, &[("level", &authority), ("rule", &rule)]);
            }
            (Outcome::Confirmed, State::Confirmed)
        }
        _ => (Outcome::Upheld, State::Upheld),
    };
    let finding = if outcome == Outcome::Upheld { "appeal_upheld" } else { "appeal_allowed" };
    facts.add(Kind::Finding, &[("finding", finding), ("of", &about), ("note", &found.reason)]);
    let answer =
        Answer { outcome, code: found.code.clone(), reason: found.reason.clone(), level: item.level };
    let answering = appeal::answering(app, person, item, &appeal, &answer, (by, found.at)).await?;
    record(app, person, Some(appeal.about), facts.all, |unit, at| {
        let unit = order.iter().fold(unit, |unit, order| order.close_in(unit, app, by, at));
        queue::close_in(appeal::answer_in(unit, app, &answering), item.id, state, at)
    })
    .await
}

async fn confirmation(
    app: &Shared,
    by: &str,
    item: &Item,
    person: PersonId,
    found: &Found,
) -> Result<(), Problem> {
    let Some(((authority, rule), _)) = super::confirmable(app, person, item).await? else {
        return Err(Problem::not_found());
    };
    let mut facts = facts(app, by, found);
    let state = if found.finding == Finding::Confirm {
        facts.add(Kind::Confirmation, &[("level", &authority), ("rule", &rule)]);
        State::Confirmed
    } else {
        facts.add(Kind::Finding, &[("finding", "confirmation_refused"), ("note", &found.reason)]);
        State::Refused
    };
    record(app, person, None, facts.all, |unit, at| queue::close_in(unit, item.id, state, at)).await
}

/// Facts and the entry's end in one unit, if the fact that it is about is still there.
async fn record(
    app: &Shared,
    person: PersonId,
    of: Option<FactId>,
    facts: Vec<Fact>,
    close: impl Fn(Unit, Instant) -> Unit + Sync,
) -> Result<(), Problem> {
    let recording = Recording {
        missing: Missing::Refuse,
        unit: "review.settle",
        facts: &|person| match of {
            Some(of) if person.facts.find(of).is_none() => Err(Problem::not_found()),
            _ => Ok(facts.clone()),
        },
        attach: &|unit, _, decision| close(unit, decision.decided_at),
    };
    decide::record(app, person, recording).await.map(drop)
}

async fn identity(app: &Shared, item: &Item, id: AccountId, found: &Found) -> Result<(), Problem> {
    let account = account::find(app, id).await?.ok_or_else(Problem::not_found)?;
    let Some((ClaimState::InReview, mut claim)) = account.claim.clone() else {
        return Err(Problem::not_found());
    };
    let at = app.clock.now();
    if found.finding == Finding::Approve {
        let close = |unit: Unit| queue::close_in(unit, item.id, State::Approved, at);
        return declare::confirm(app, id, &claim, "reviewer", close).await;
    }
    claim.refused = Some(found.reason.clone());
    account::keep_claim(app, &account, ClaimState::Refused, &claim).await?;
    let unit = queue::close_in(Unit::new("review.close"), item.id, State::Returned, at);
    Ok(app.db.commit(unit).await?)
}
