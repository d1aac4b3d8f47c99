//! Reviewing: what the pack sent to a person, identities where no gateway confirms them, appeals,
//! and confirmations that an episode waits for.
//!
//! URLs: `GET /api/v1/reviews`, `GET /api/v1/review-reasons`, `GET` and `POST /api/v1/reviews/{id}`,
//! `POST` and `DELETE /api/v1/reviews/{id}/claim`, `POST /api/v1/reviews/{id}/undo`,
//! `POST /api/v1/reviews/{id}/escalation`, `GET /api/v1/reviews/{id}/evidence/{evidence}`.
//! The queue is [`crate::queue`]'s; an outcome is a fact on the person. Nobody sets a colour here: a
//! reviewer says what is so, and the rules decide. What they say takes effect after ten seconds
//! ([`apply`]), until when they can take it back.

mod apply;
mod desk;
pub mod http;
pub mod job;
mod view;

use axum::http::StatusCode;
use kangma_core::appeal::Level;
use kangma_core::id::PersonId;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use desk::Desk;

use crate::app::Shared;
use crate::appeal::{self, words::REASONS};
use crate::db::{DbError, Unit};
use crate::decide;
use crate::error::Problem;
use crate::person;
use crate::queue::{self, Item, State, Subject};

/// What a reviewer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// A declaration or identity: it is as declared.
    Approve,
    /// A declaration or identity: to be declared again, for the reason given.
    Return,
    /// A declaration: it is knowingly false.
    False,
    /// An appeal: the decision stands.
    Uphold,
    /// An appeal: the fact was wrong.
    Correct,
    /// An appeal or confirmation: the end of the measure is confirmed.
    Confirm,
    /// A confirmation: it is not.
    Refuse,
}

impl Finding {
    /// Its word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Finding::Approve => "approve",
            Finding::Return => "return",
            Finding::False => "false",
            Finding::Uphold => "uphold",
            Finding::Correct => "correct",
            Finding::Confirm => "confirm",
            Finding::Refuse => "refuse",
        }
    }

    /// Whether it answers to what an entry is about.
    fn answers(self, subject: Subject) -> bool {
        use Finding::{Approve, Confirm, Correct, False, Refuse, Return, Uphold};
        match subject {
            Subject::Declaration(_) => matches!(self, Approve | Return | False),
            Subject::Identity(_) => matches!(self, Approve | Return),
            Subject::Appeal(_) => matches!(self, Uphold | Correct | Confirm),
            Subject::Confirmation(_) => matches!(self, Confirm | Refuse),
        }
    }
}

/// The longest reason, in letters.
const REASON_MAX: usize = 500;

/// What was found, kept sealed with the entry until it takes effect.
#[derive(Clone, Serialize, Deserialize)]
struct Found {
    finding: Finding,
    code: String,
    reason: String,
    at: Instant,
}

/// Keeps a reviewer's finding; it takes effect at the instant returned.
pub async fn settle(
    app: &Shared,
    desk: &Desk,
    id: [u8; 16],
    finding: Finding,
    code: &str,
    reason: &str,
) -> Result<Instant, Problem> {
    let item = open(app, desk, id).await?;
    let (code, reason) = check_reason(finding.name(), code, reason)?;
    if matches!(finding, Finding::Return | Finding::False) && reason.is_empty() {
        return Err(no_reason());
    }
    if !finding.answers(item.subject) {
        return Err(Problem::field(
            "outcome",
            "review.outcome",
            "该条目不能这样处理。",
            "This is not an outcome for an entry of this kind.",
        ));
    }
    may_settle(app, desk, &item).await?;
    if finding == Finding::Confirm {
        may_confirm(app, desk, &item).await?;
    }
    let now = app.clock.now();
    let found = Found { finding, code: code.to_owned(), reason: reason.to_owned(), at: now };
    let sealed = seal(app, &item, &found).await?;
    match queue::settle(&app.db, id, &desk.name, sealed, now).await {
        Err(DbError::Conflict) => Err(in_other_hands()),
        done => Ok(done?),
    }
}

/// Takes back a finding that is not yet in effect; the officer then has the entry in hand again.
pub async fn undo(app: &Shared, desk: &Desk, id: [u8; 16]) -> Result<Instant, Problem> {
    desk.find(app, id).await?;
    match queue::undo(&app.db, id, &desk.name, app.clock.now()).await {
        Err(DbError::Conflict) => Err(Problem::new(
            StatusCode::CONFLICT,
            "review.in_effect",
            "已经生效，不能撤回。",
            "It is in effect and can no longer be taken back.",
        )),
        done => Ok(done?),
    }
}

/// Takes an entry in hand for ten minutes, or goes on having it.
pub async fn claim(app: &Shared, desk: &Desk, id: [u8; 16]) -> Result<Instant, Problem> {
    let item = open(app, desk, id).await?;
    may_settle(app, desk, &item).await?;
    match queue::claim(&app.db, id, &desk.name, app.clock.now()).await {
        Err(DbError::Conflict) => Err(in_other_hands()),
        done => Ok(done?),
    }
}

/// Gives an entry back.
pub async fn release(app: &Shared, desk: &Desk, id: [u8; 16]) -> Result<(), Problem> {
    desk.find(app, id).await?;
    Ok(queue::release(&app.db, id, &desk.name).await?)
}

/// Passes an entry to the office above, with a new time.
pub async fn escalate(
    app: &Shared,
    desk: &Desk,
    id: [u8; 16],
    code: &str,
    reason: &str,
) -> Result<Level, Problem> {
    let item = open(app, desk, id).await?;
    let (code, reason) = check_reason("escalate", code, reason)?;
    let now = app.clock.now();
    if item.claimed_by(now).is_some_and(|name| name != desk.name) {
        return Err(in_other_hands());
    }
    let to = item.level.above().ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "review.highest",
            "已在最高一级，不能再上报。",
            "It is at the highest level already.",
        )
    })?;
    let due_at = now.plus_s(queue::due_s(app, &item, to, now));
    let done = match item.subject {
        Subject::Appeal(person) => {
            let note = if reason.is_empty() {
                appeal::words::reason_text(code, crate::lang::Lang::Zh)
            } else {
                reason
            };
            appeal::escalate(app, person, &item, to, Some((&desk.name, note))).await
        }
        _ => app.db.commit(queue::escalate_in(Unit::new("review.escalate"), &item, to, due_at)).await,
    };
    match done {
        Err(DbError::Conflict) => Err(in_other_hands()),
        done => Ok(done.map(|()| to)?),
    }
}

/// An entry that still waits.
pub async fn open(app: &Shared, desk: &Desk, id: [u8; 16]) -> Result<Item, Problem> {
    let item = desk.find(app, id).await?;
    if item.state != State::Open {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "review.closed",
            "该条目已由他人处理，或居民已重新申报。",
            "Somebody else settled this, or the resident has declared again.",
        ));
    }
    Ok(item)
}

/// Refuses whoever has a part in what is looked at, or finds it in other hands.
async fn may_settle(app: &Shared, desk: &Desk, item: &Item) -> Result<(), Problem> {
    if item.claimed_by(app.clock.now()).is_some_and(|name| name != desk.name) {
        return Err(in_other_hands());
    }
    if has_a_part(app, desk, item).await? {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "review.own_part",
            "该判定由您经手，应当回避，请由其他人员处理。",
            "You had a part in this decision; somebody else has to answer.",
        ));
    }
    Ok(())
}

/// Whether an officer had a part in the decision that an appeal is against.
async fn has_a_part(app: &Shared, desk: &Desk, item: &Item) -> Result<bool, Problem> {
    let Subject::Appeal(id) = item.subject else { return Ok(false) };
    let appeal = appeal::find(app, id, item.id).await?.ok_or_else(Problem::not_found)?;
    let person = person::load(app, id).await?.ok_or_else(Problem::not_found)?;
    Ok(appeal::excluded(app, &person, appeal.about).await?.contains(&desk.name))
}

/// Refuses a confirmation that no stage waits for, or that a higher office has to give.
async fn may_confirm(app: &Shared, desk: &Desk, item: &Item) -> Result<(), Problem> {
    let id = item.subject.person().ok_or_else(Problem::not_found)?;
    let Some((_, needed)) = confirmable(app, id, item).await? else {
        return Err(Problem::field(
            "outcome",
            "review.nothing_to_confirm",
            "规则没有规定由机构确认解除；信息有误请选“更正”。",
            "No rule asks for a confirmation here. If a fact was wrong, correct it.",
        ));
    };
    if desk.confirms(app, item).is_none_or(|own| own > needed) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "review.above_your_level",
            "须由有确认权限的上级机构确认，请上报。",
            "An office above that may confirm has to do so; pass it on.",
        ));
    }
    Ok(())
}

/// The authority that an entry's episode asks for now, with its rule, and the level that may speak for it.
async fn confirmable(
    app: &Shared,
    id: PersonId,
    item: &Item,
) -> Result<Option<((String, String), Level)>, Problem> {
    let person = person::load(app, id).await?.ok_or_else(Problem::not_found)?;
    let decision = decide::now(app, &person, app.clock.now());
    let about = match item.subject {
        Subject::Appeal(_) => appeal::find(app, id, item.id).await?.map(|a| a.about),
        _ => None,
    };
    let episode = decision.tracked().find(|e| match about {
        Some(fact) => e.opened_by == fact && *e.rule == *item.rule,
        None => queue::confirmation_id(app, id, &e.rule, e.opened_by, e.stage) == item.id,
    });
    let Some(episode) = episode else { return Ok(None) };
    let Some(authority) = queue::confirmed_by(app, &person, episode) else { return Ok(None) };
    let level = queue::level_of(&authority);
    Ok(Some(((authority, episode.rule.to_string()), level)))
}

/// A reason always: a code of the list, and words where the code says nothing.
fn check_reason<'a>(outcome: &str, code: &'a str, reason: &'a str) -> Result<(&'a str, &'a str), Problem> {
    let reason = reason.trim();
    if reason.chars().count() > REASON_MAX || reason.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Problem::field(
            "reason",
            "review.reason_long",
            format!("理由不超过 {REASON_MAX} 字。"),
            format!("A reason has at most {REASON_MAX} letters."),
        ));
    }
    let code = if code.is_empty() { "other" } else { code };
    if !REASONS.iter().any(|(known, outcomes, ..)| *known == code && outcomes.contains(&outcome)) {
        return Err(Problem::field(
            "code",
            "review.code",
            "请从列表中选择理由。",
            "Choose a reason from the list.",
        ));
    }
    if code == "other" && reason.is_empty() {
        return Err(no_reason());
    }
    Ok((code, reason))
}

fn no_reason() -> Problem {
    Problem::field(
        "reason",
        "review.reason",
        "请填写理由，居民会看到。",
        "Give a reason; the resident reads it.",
    )
}

fn in_other_hands() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "review.claimed",
        "该条目正由其他人员处理，或刚刚有变动，请刷新队列。",
        "Somebody else has this in hand, or it has just changed. Please read the queue again.",
    )
}

async fn seal(app: &Shared, item: &Item, found: &Found) -> Result<Vec<u8>, Problem> {
    let plain = serde_json::to_vec(found).map_err(unreadable)?;
    Ok(match item.subject.person() {
        Some(person) => {
            let dek = app.person_keys.get(person).await?.ok_or_else(Problem::not_found)?;
            dek.seal("review", "finding", &item.id, &plain)
        }
        None => app.keys.master.seal("review", "finding", &item.id, &plain),
    })
}

async fn unseal(app: &Shared, item: &Item) -> Result<Found, Problem> {
    let sealed = item.finding.as_deref().ok_or_else(Problem::internal)?;
    let plain = match item.subject.person() {
        Some(person) => {
            let dek = app.person_keys.get(person).await?.ok_or_else(Problem::not_found)?;
            dek.open("review", "finding", &item.id, sealed)
        }
        None => app.keys.master.open("review", "finding", &item.id, sealed),
    };
    serde_json::from_slice(&plain.map_err(unreadable)?).map_err(unreadable)
}

fn unreadable(e: impl std::fmt::Display) -> Problem {
    tracing::error!(%e, "a finding could not be read");
    Problem::internal()
}
