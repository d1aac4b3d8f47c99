//! Appeals: a person says that a decision is wrong, or brings what releases them, and an office has
//! to answer in time.
//!
//! URLs: `GET` and `POST /api/v1/me/appeals`, `POST /api/v1/me/appeals/{id}/withdrawal`,
//! `POST /api/v1/me/appeals/{id}/evidence`, `GET /api/v1/me/appeals/{id}/evidence/{evidence}`,
//! `GET /api/v1/public/appeals`, `GET /public/appeals`, `GET /api/v1/dashboard/{division}/appeals`. Tables: `appeal`, `appeal_step`,
//! `appeal_tally`. Its place in the queue is [`crate::queue`]'s, under the same id. When an office's
//! time is over, [`job`] moves it to the office above. An answer is a fact on the person
//! ([`crate::review`]); the rules decide.

pub mod http;
pub mod job;
pub mod public;
mod store;
#[cfg(test)]
mod tests;
pub mod words;

use kangma_core::appeal::Level;
use kangma_core::decision::Decision;
use kangma_core::id::{FactId, PersonId};
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account;
use crate::app::{App, Shared};
use crate::auth::Resident;
use crate::db::{DbError, Unit};
use crate::decide;
use crate::error::Problem;
use crate::person::{self, Person};
use crate::queue::{self, Item, Opening, Subject};
use crate::seal::Dek;

/// Appeals that a person reads at once, the latest first.
const LIST_MAX: i64 = 50;
/// Units of one person that race; each round lets at least one through.
const RETRIES: usize = 8;
/// The longest text, in letters.
const TEXT_MAX: usize = 1000;

/// What an appeal is made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// What the decision rests on is not so.
    WrongFact,
    /// A notice of release, or another document that ends a measure.
    ReleaseNotice,
    /// Something else.
    Other,
}

/// How an appeal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waits for an answer.
    Open = 0,
    /// Answered.
    Answered = 1,
    /// Taken back.
    Withdrawn = 2,
}

/// What an office answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The decision stands.
    Upheld,
    /// The fact was wrong and is withdrawn.
    Corrected,
    /// An authority confirms the end of the measure.
    Confirmed,
}

/// An appeal, opened.
#[derive(Clone, Debug)]
pub struct Appeal {
    /// Identifier.
    pub id: [u8; 16],
    /// The fact that opened the episode, or the returned declaration.
    pub about: FactId,
    /// When it was made.
    pub made_at: Instant,
    /// How it stands.
    pub stage: Stage,
    /// What the person says.
    pub body: Body,
    /// What the office says.
    pub answer: Option<Answer>,
    /// When it was answered or taken back.
    pub closed_at: Option<Instant>,
}

/// What the person says. Sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Body {
    /// On what.
    pub ground: Ground,
    /// In their words.
    pub text: String,
    /// The rule that decided.
    pub rule: String,
    /// Version of the pack whose terms it ran under.
    pub version: String,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What the office says. Sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Answer {
    /// What it is.
    pub outcome: Outcome,
    /// Code of the reason.
    pub code: String,
    /// In the officer's words; may be empty.
    pub reason: String,
    /// Level of the office.
    pub level: Level,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What happened to an appeal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(i64)]
#[schema(as = AppealedWhat)]
pub enum What {
    /// It was made.
    Made = 1,
    /// Its time was over, and it went to the office above.
    EscalatedByClock = 2,
    /// An officer passed it to the office above.
    EscalatedByOfficer = 3,
    /// It was answered.
    Answered = 4,
    /// The person took it back.
    Withdrawn = 5,
}

impl What {
    fn from_int(n: i64) -> Option<What> {
        use What::{Answered, EscalatedByClock, EscalatedByOfficer, Made, Withdrawn};
        [Made, EscalatedByClock, EscalatedByOfficer, Answered, Withdrawn].into_iter().find(|w| *w as i64 == n)
    }
}

/// One step of an appeal.
#[derive(Clone, Debug)]
pub struct Step {
    /// From 0.
    pub seq: i64,
    /// When.
    pub at: Instant,
    /// What.
    pub what: What,
    /// Level of the office after it.
    pub level: Level,
    /// Who did it; none where it was the clock or the person.
    pub officer: Option<String>,
    /// In their words.
    pub note: Option<String>,
}

/// What a person sends.
pub struct New {
    /// Made by the client, new for each appeal: sent again, it is the same appeal.
    pub client_id: String,
    /// What it is about; the most severe reason without it.
    pub about: Option<FactId>,
    /// On what.
    pub ground: Ground,
    /// In their words.
    pub text: String,
}

/// The person behind a resident's token, who still holds their code.
pub async fn holder(app: &Shared, who: Resident) -> Result<PersonId, Problem> {
    let id = account::holder(app, who).await?.ok_or_else(Problem::not_found)?;
    let state = person::state(app, id).await?.ok_or_else(Problem::not_found)?;
    account::still_holds(&state, who)?;
    Ok(id)
}

/// Makes an appeal.
pub async fn make(app: &Shared, who: Resident, new: New) -> Result<Appeal, Problem> {
    check(&new)?;
    let person_id = holder(app, who).await?;
    let hash = app.keys.hash("appeal", &[&person_id.0, new.client_id.as_bytes()]);
    let id: [u8; 16] = *hash.as_bytes().first_chunk().ok_or_else(Problem::internal)?;
    if let Some(known) = find(app, person_id, id).await? {
        return Ok(known);
    }
    app.limits.appeals.take(&(&who).into())?;
    for _ in 0..RETRIES {
        if let Some(appeal) = make_once(app, person_id, id, &new).await? {
            return Ok(appeal);
        }
        // Sent twice at once, or another one about the same decision, or the person changed meanwhile.
        if let Some(known) = find(app, person_id, id).await? {
            return Ok(known);
        }
    }
    Err(DbError::Conflict.into())
}

/// The appeal, unless something collided.
async fn make_once(
    app: &Shared,
    person_id: PersonId,
    id: [u8; 16],
    new: &New,
) -> Result<Option<Appeal>, Problem> {
    let person = person::load(app, person_id).await?.ok_or_else(Problem::not_found)?;
    let now = app.clock.now();
    let decision = decide::now(app, &person, now);
    let (about, rule, version) = stands(&decision, new.about).ok_or_else(nothing_to_appeal)?;
    let place = queue::place_of(app, person.place());
    let earlier = store::about(&app.db, person_id, about, LIST_MAX).await?;
    let dek = key_of(app, person_id).await?;
    let mut level = place.level;
    for row in &earlier {
        let before = open(&dek, row)?;
        if before.stage == Stage::Open {
            return Err(open_already());
        }
        // Who asks again is heard by the office above the one that answered.
        if let Some(answer) = before.answer {
            level = level.min(answer.level.above().unwrap_or(answer.level));
        }
    }
    let body = Body { ground: new.ground, text: new.text.trim().to_owned(), rule, version };
    let appeal = Appeal { id, about, made_at: now, stage: Stage::Open, body, answer: None, closed_at: None };
    let sealed = dek.seal("appeal", "body", &id, &plain(&appeal.body));
    let unit = store::add(Unit::new("appeal.make"), person_id, &appeal, sealed);
    let unit = step_in(
        unit,
        app,
        &dek,
        person_id,
        id,
        &Step { seq: 0, at: now, what: What::Made, level, officer: None, note: None },
    );
    let opening = Opening {
        id,
        subject: Subject::Appeal(person_id),
        rule: &appeal.body.rule,
        place: &place,
        level,
        at: now,
    };
    // Whoever erases something of theirs at this moment has not seen that somebody will ask about it.
    let unit = person::change(queue::open(app, unit, &opening), &person);
    match app.db.commit(unit).await {
        Ok(()) => Ok(Some(appeal)),
        Err(DbError::Conflict) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn check(new: &New) -> Result<(), Problem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(8..=64).contains(&new.client_id.len()) || !new.client_id.chars().all(plain) {
        return Err(Problem::field(
            "id",
            "appeal.id",
            "申诉标识应为 8 到 64 个字母、数字、- 或 _。",
            "The id takes 8 to 64 letters, digits, - or _.",
        ));
    }
    let letters = new.text.trim().chars().count();
    if letters == 0 || letters > TEXT_MAX || new.text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Problem::field(
            "text",
            "appeal.text",
            format!("请说明情况，不超过 {TEXT_MAX} 字。"),
            format!("Say what is wrong, in at most {TEXT_MAX} letters."),
        ));
    }
    Ok(())
}

/// What of a decision can be appealed: a reason that stands, or a declaration that was returned.
fn stands(decision: &Decision, about: Option<FactId>) -> Option<(FactId, String, String)> {
    let wanted = |fact: FactId| about.is_none_or(|a| a == fact);
    if let Some(e) = decision.tracked().find(|e| wanted(e.opened_by)) {
        return Some((e.opened_by, e.rule.to_string(), e.version.to_string()));
    }
    let returned = decision.review.as_ref().filter(|r| r.returned.is_some() && wanted(r.fact))?;
    Some((returned.fact, returned.rule.to_string(), decision.pack.version.to_string()))
}

/// One appeal of a person.
pub async fn find(app: &Shared, person: PersonId, id: [u8; 16]) -> Result<Option<Appeal>, Problem> {
    let Some(row) = store::find(&app.db, person, id).await? else { return Ok(None) };
    Ok(Some(open(&key_of(app, person).await?, &row)?))
}

/// A person's appeals, the latest first.
pub async fn list(app: &Shared, person: PersonId) -> Result<Vec<Appeal>, Problem> {
    let rows = store::list(&app.db, person, LIST_MAX).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let dek = key_of(app, person).await?;
    rows.iter().map(|row| open(&dek, row)).collect()
}

/// What happened to an appeal, in order.
pub async fn steps(app: &Shared, person: PersonId, id: [u8; 16]) -> Result<Vec<Step>, Problem> {
    let rows = store::steps(&app.db, person, id).await?;
    let dek = key_of(app, person).await?;
    rows.into_iter()
        .map(|(step, note)| {
            let open = |sealed: Vec<u8>| -> Result<String, Problem> {
                let plain =
                    dek.open("appeal_step", "note", &step_key(id, step.seq), &sealed).map_err(unreadable)?;
                String::from_utf8(plain).map_err(unreadable)
            };
            let note = note.map(open).transpose()?;
            Ok(Step { note, ..step })
        })
        .collect()
}

/// Who may not answer an appeal: whoever recorded the fact behind the decision, signed or reviewed
/// it, or answered an earlier appeal about it.
pub async fn excluded(app: &Shared, person: &Person, about: FactId) -> Result<Vec<String>, Problem> {
    let mut names: Vec<String> = Vec::new();
    let hex = about.to_string();
    let concerning = person.facts.iter().filter(|f| f.id == about || f.text("of") == Some(&hex));
    names.extend(concerning.filter_map(|f| f.text("by")).map(str::to_owned));
    if let Some(fact) = person.facts.find(about) {
        // A finding rests on a declaration that somebody looked at.
        let of = fact.text("of").and_then(FactId::parse);
        for id in [Some(about), of].into_iter().flatten() {
            names.extend(queue::find(&app.db, id.0).await?.and_then(|item| item.settled_by));
        }
    }
    for row in store::about(&app.db, person.id, about, LIST_MAX).await? {
        let steps = store::steps(&app.db, person.id, row.id).await?;
        let answered = steps.into_iter().filter(|(s, _)| s.what == What::Answered);
        names.extend(answered.filter_map(|(s, _)| s.officer));
    }
    Ok(names)
}

/// Takes an appeal back.
pub async fn withdraw(app: &Shared, person: PersonId, id: [u8; 16]) -> Result<(), Problem> {
    let appeal = find(app, person, id).await?.ok_or_else(Problem::not_found)?;
    if appeal.stage == Stage::Withdrawn {
        return Ok(());
    }
    let item = queue::find(&app.db, id).await?.ok_or_else(Problem::not_found)?;
    let (dek, now) = (key_of(app, person).await?, app.clock.now());
    let step = Step {
        seq: store::next_step(&app.db, person, id).await?,
        at: now,
        what: What::Withdrawn,
        level: item.level,
        officer: None,
        note: None,
    };
    let unit = store::close(Unit::new("appeal.withdraw"), person, id, Stage::Withdrawn, now, None);
    let unit = step_in(unit, app, &dek, person, id, &step);
    match app.db.commit(queue::drop_in(unit, id, queue::State::Withdrawn, now)).await {
        Err(DbError::Conflict) => Err(closed()),
        done => Ok(done?),
    }
}

/// Moves an appeal to the office above; `by` is the officer and their reason, or nobody where its
/// time was over. A conflict if it has moved on meanwhile.
pub async fn escalate(
    app: &Shared,
    person: PersonId,
    item: &Item,
    to: Level,
    by: Option<(&str, &str)>,
) -> Result<(), DbError> {
    let now = app.clock.now();
    let Ok(dek) = key_of(app, person).await else {
        // Their key is destroyed: nobody can read the appeal, and nobody has to.
        let unit = queue::drop_in(Unit::new("appeal.escalate"), item.id, queue::State::Overtaken, now);
        return app.db.commit(unit).await;
    };
    let step = Step {
        seq: store::next_step(&app.db, person, item.id).await?,
        at: now,
        what: if by.is_some() { What::EscalatedByOfficer } else { What::EscalatedByClock },
        level: to,
        officer: by.map(|(name, _)| name.to_owned()),
        note: by.map(|(_, reason)| reason.to_owned()),
    };
    let unit = queue::escalate_in(
        Unit::new("appeal.escalate"),
        item,
        to,
        now.plus_s(queue::due_s(app, item, to, now)),
    );
    app.db.commit(step_in(unit, app, &dek, person, item.id, &step)).await
}

/// An answer on its way into the unit that records its facts.
pub struct Answering<'a> {
    /// Whose.
    pub person: PersonId,
    /// Which.
    pub appeal: &'a Appeal,
    /// Its place in the queue.
    pub item: &'a Item,
    /// The answer.
    pub answer: &'a Answer,
    /// Who answers.
    pub officer: &'a str,
    /// When.
    pub at: Instant,
    dek: Dek,
    seq: i64,
    was_late: bool,
}

/// Reads what an answer needs.
pub async fn answering<'a>(
    app: &Shared,
    person: PersonId,
    item: &'a Item,
    appeal: &'a Appeal,
    answer: &'a Answer,
    (officer, at): (&'a str, Instant),
) -> Result<Answering<'a>, Problem> {
    let steps = store::steps(&app.db, person, appeal.id).await?;
    let was_late = at >= item.due_at || steps.iter().any(|(s, _)| s.what == What::EscalatedByClock);
    let seq = store::next_step(&app.db, person, appeal.id).await?;
    Ok(Answering {
        person,
        appeal,
        item,
        answer,
        officer,
        at,
        dek: key_of(app, person).await?,
        seq,
        was_late,
    })
}

/// Adds an answer to a unit: the appeal, its step and the office's count. A conflict if it is no
/// longer open.
pub fn answer_in(unit: Unit, app: &Shared, a: &Answering<'_>) -> Unit {
    let id = a.appeal.id;
    let sealed = a.dek.seal("appeal", "answer", &id, &plain(a.answer));
    let unit = store::close(unit, a.person, id, Stage::Answered, a.at, Some(sealed));
    let step = Step {
        seq: a.seq,
        at: a.at,
        what: What::Answered,
        level: a.item.level,
        officer: Some(a.officer.to_owned()),
        note: None,
    };
    let unit = step_in(unit, app, &a.dek, a.person, id, &step);
    let half_hours = (a.at.0 - a.appeal.made_at.0).max(1).div_euclid(1800) + 1;
    let day = app.packs.base().zone.day_of(a.at);
    store::count(unit, day, a.item, half_hours.min(1000), a.was_late)
}

fn step_in(unit: Unit, app: &App, dek: &Dek, person: PersonId, id: [u8; 16], step: &Step) -> Unit {
    let note = step.note.as_deref();
    let note = note.map(|text| dek.seal("appeal_step", "note", &step_key(id, step.seq), text.as_bytes()));
    store::add_step(unit, app, person, id, step, note)
}

fn step_key(id: [u8; 16], seq: i64) -> Vec<u8> {
    [&id[..], &seq.to_be_bytes()].concat()
}

fn open(dek: &Dek, row: &store::AppealRow) -> Result<Appeal, Problem> {
    let body = dek.open("appeal", "body", &row.id, &row.body).map_err(unreadable)?;
    let answer = row.answer.as_ref().map(|sealed| dek.open("appeal", "answer", &row.id, sealed));
    let answer = answer.transpose().map_err(unreadable)?;
    Ok(Appeal {
        id: row.id,
        about: row.about,
        made_at: row.made_at,
        stage: row.stage,
        body: serde_json::from_slice(&body).map_err(unreadable)?,
        answer: answer.map(|a| serde_json::from_slice(&a)).transpose().map_err(unreadable)?,
        closed_at: row.closed_at,
    })
}

fn plain(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and codes are plain JSON")
}

async fn key_of(app: &Shared, person: PersonId) -> Result<Dek, Problem> {
    app.person_keys.get(person).await?.ok_or_else(Problem::not_found)
}

fn conflict(code: &'static str, zh: &str, en: &str) -> Problem {
    Problem::new(axum::http::StatusCode::CONFLICT, code, zh, en)
}

fn nothing_to_appeal() -> Problem {
    conflict(
        "appeal.nothing",
        "这项判定已不再生效，请刷新健康码页面后再看。",
        "This decision no longer stands. Please read your code again.",
    )
}

fn open_already() -> Problem {
    conflict(
        "appeal.open",
        "这项判定已有一次申诉正在处理，可在其中补充材料。",
        "An appeal against this decision is already open; you can add evidence to it.",
    )
}

fn closed() -> Problem {
    conflict("appeal.closed", "该申诉已经办结。", "This appeal is already closed.")
}

fn unreadable(e: impl std::fmt::Display) -> Problem {
    tracing::error!(%e, "an appeal could not be read");
    Problem::internal()
}
