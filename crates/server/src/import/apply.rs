//! One line into the facts of the person whom it names.

use std::sync::{Mutex, PoisonError};

use kangma_core::division::lies_in;
use kangma_core::fact::{Fact, Kind, Source, Value, Values};
use kangma_core::id::{FactId, PersonId};
use kangma_core::identity::Name;
use kangma_core::table::{Change, Column, Line, LineError};
use kangma_core::time::Instant;

use super::block::Outcome;
use crate::app::Shared;
use crate::decide::{self, Missing, Recording};
use crate::error::Problem;
use crate::person::{self, Person, Profile};
use crate::queue;

/// The name of somebody of whom a list gives only the number, until they declare.
const NAMELESS: &str = "未登记";

/// Where a line came from.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// The import, or the request.
    pub id: [u8; 16],
    /// Whose it is.
    pub office: [u8; 16],
    /// For which division.
    pub division: &'a str,
    /// The officer who sent it: never the one who answers an appeal against it.
    pub by: &'a str,
}

pub type Applied = Result<Outcome, LineError>;

const NOTHING_TO_WITHDRAW: LineError = LineError {
    column: Column::Reference,
    code: "line.nothing_to_withdraw",
    zh: "本单位没有以该编号报送过此人的有效记录，或该记录已过保存期限、已被删除。",
    en: "Your office has sent no standing record of this person under this reference, or its days were over and it was erased.",
};

const PLACE_OUTSIDE: LineError = LineError {
    column: Column::Place,
    code: "line.place_outside",
    zh: "该区划不在本次导入的范围内。",
    en: "This division is not within the one that the list was sent for.",
};

/// Whether a line may be taken from here at all; told from the line alone.
pub fn allowed(origin: Origin<'_>, line: &Line) -> Result<(), LineError> {
    match &line.place {
        Some(place) if !lies_in(place, origin.division) => Err(PLACE_OUTSIDE),
        _ => Ok(()),
    }
}

/// Whether a line gives somebody of another division a colour.
pub async fn is_elsewhere(app: &Shared, origin: Origin<'_>, line: &Line) -> Result<bool, Problem> {
    if !line.weighs() || origin.division.is_empty() {
        return Ok(false);
    }
    let Some(state) = person::state(app, app.keys.person_id(&line.document.key())).await? else {
        return Ok(false);
    };
    let home = state.sealed.division.to_string();
    // Known less deep than the list goes, it may be within.
    let within = lies_in(&home, origin.division) || lies_in(origin.division, &home);
    Ok(state.sealed.division != 0 && !within)
}

/// Records a line. The same line again is recorded once, whoever was ended in the middle of it.
pub async fn apply(
    app: &Shared,
    origin: Origin<'_>,
    number: u32,
    mut line: Line,
) -> Result<Applied, Problem> {
    line.fact.set("office", Value::Text(hex(origin.office).into()));
    if line.fact.get("place") == &Value::Missing
        && origin.division.len() >= 6
        && line.change != Change::Withdrawn
    {
        line.fact.set("place", Value::Text(origin.division.into()));
    }
    line.fact.id = fact_id(app, origin, number, &line.content());
    line.fact.set("by", Value::Text(origin.by.into()));
    let first = app.keys.person_id(&line.document.key());
    let refuse = record(app, first, Missing::Refuse, &line).await;
    match refuse {
        Err(problem) if problem.code == "not_found" => {}
        done => return done,
    }
    // Their first document may be another one; a list may also name somebody for the first time.
    if let Some(other) = person::by_document(app, &line.document).await?.filter(|p| *p != first) {
        return record(app, other, Missing::Refuse, &line).await;
    }
    if line.change != Change::New {
        return Ok(Err(NOTHING_TO_WITHDRAW));
    }
    let name = line.name.clone().or_else(|| Name::parse(NAMELESS).ok()).ok_or_else(Problem::internal)?;
    record(app, first, Missing::Unproven(name), &line).await
}

fn hex(id: [u8; 16]) -> String {
    FactId(id).to_string()
}

/// The first half stands for the import and its line, the second for the office and what is said:
/// [`FactId::is_repeat_of`].
fn fact_id(app: &Shared, origin: Origin<'_>, number: u32, content: &[u8]) -> FactId {
    let half = |domain, parts: &[&[u8]]| -> [u8; 8] {
        *app.keys.hash(domain, parts).as_bytes().first_chunk().expect("a hash is longer than half an id")
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&half("import.line", &[&origin.id, &number.to_be_bytes()]));
    id[8..].copy_from_slice(&half("import.content", &[&origin.office, content]));
    FactId(id)
}

async fn record(app: &Shared, id: PersonId, missing: Missing, line: &Line) -> Result<Applied, Problem> {
    let ended: Mutex<Option<Applied>> = Mutex::new(None);
    let end = |how: Applied| {
        *ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
        // Nothing is to be recorded: the unit is not made.
        Err(Problem::internal())
    };
    let recorded = decide::record_unread(
        app,
        id,
        Recording {
            missing,
            unit: "import.apply",
            facts: &|person| match facts(app, person, line) {
                Ok(facts) if facts.is_empty() => end(Ok(already(person, line))),
                Ok(facts) => {
                    // Asked again of the database, it may no longer be what memory thought.
                    *ended.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    Ok(facts)
                }
                Err(e) => end(Err(e)),
            },
            attach: &|unit, person, decision| {
                let unit = match (person.version, &line.name) {
                    (0, name) => {
                        let unproven = Name::parse(NAMELESS).ok();
                        match name.as_ref().or(unproven.as_ref()) {
                            Some(name) => {
                                let profile = Profile::new(name, &line.document);
                                person::add_document(
                                    unit,
                                    app,
                                    person,
                                    &profile,
                                    &line.document,
                                    app.clock.now(),
                                )
                            }
                            None => unit,
                        }
                    }
                    _ => unit,
                };
                queue::open_if_pending(app, unit, person, decision)
            },
        },
    )
    .await;
    match (recorded, ended.into_inner().unwrap_or_else(PoisonError::into_inner)) {
        (_, Some(how)) => Ok(how),
        (Ok(_), None) => Ok(Ok(Outcome::Applied)),
        (Err(problem), None) => Err(problem),
    }
}

/// How a line ends of which everything is recorded.
fn already(person: &Person, line: &Line) -> Outcome {
    if person.facts.find(line.fact.id).is_some() || person.facts.find(undo_id(line.fact.id, 0)).is_some() {
        return Outcome::Applied;
    }
    Outcome::Known
}

/// The id of the n-th correction that a line makes.
fn undo_id(mut id: FactId, n: u8) -> FactId {
    id.0[0] ^= 0x55;
    id.0[7] ^= n;
    id.0[15] ^= 0x55;
    id.0[8] ^= n;
    id
}

/// What a line adds to a person; nothing where it was said before.
fn facts(app: &Shared, person: &Person, line: &Line) -> Result<Vec<Fact>, LineError> {
    let said = |id: FactId| person.facts.iter().any(|f| f.id.is_repeat_of(&id)) || person.is_spent(&id);
    if line.change == Change::New {
        return Ok(if said(line.fact.id) { Vec::new() } else { vec![line.fact.clone()] });
    }
    if said(undo_id(line.fact.id, 0)) {
        return Ok(Vec::new());
    }
    let at = app.clock.now();
    let mut all: Vec<Fact> = (0..)
        .zip(standing(person, line))
        .map(|(n, of)| correction(undo_id(line.fact.id, n), of, line.change, at))
        .collect();
    if all.is_empty() {
        return Err(NOTHING_TO_WITHDRAW);
    }
    if line.change == Change::Corrected {
        all.push(line.fact.clone());
    }
    Ok(all)
}

/// What the same office said under the same reference, and has not taken back.
fn standing(person: &Person, line: &Line) -> Vec<FactId> {
    let withdrawn: Vec<FactId> = person
        .facts
        .iter()
        .filter(|f| f.kind == Kind::Correction)
        .filter_map(|f| f.text("of").and_then(FactId::parse))
        .collect();
    let same = |f: &&Fact| {
        f.kind == line.fact.kind
            && f.source == Source::List
            && f.text("office") == line.fact.text("office")
            && f.text("reference") == line.reference.as_deref()
            && !withdrawn.contains(&f.id)
    };
    person.facts.iter().filter(same).map(|f| f.id).take(16).collect()
}

fn correction(id: FactId, of: FactId, change: Change, at: Instant) -> Fact {
    let mut fact = Fact {
        id,
        kind: Kind::Correction,
        happened: at,
        recorded: at,
        source: Source::List,
        values: Values::default(),
    };
    fact.set("of", Value::Text(of.to_string().into()));
    let reason = if change == Change::Corrected { "corrected" } else { "withdrawn" };
    fact.set("reason", Value::Text(reason.into()));
    fact
}
