//! People: what is stored of them, and nothing of what it means.
//!
//! Tables: `person`, `document`, `fact`, `decision`. A person's facts are the truth; the dossier
//! beside them holds the same facts in one sealed value, so that a decision costs one read.
//! Writes are made by [`crate::decide`], the funnel.

mod dossier;
mod memory;
mod profile;
mod store;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kangma_core::decision::{Colour, Decision, Status};
use kangma_core::fact::{Fact, Facts, Kind, Source, Value};
use kangma_core::id::{AccountId, FactId, PersonId};
use kangma_core::identity::{Document, Name};
use kangma_core::rules::set;
use kangma_core::tally::{Change, Counted};
use kangma_core::time::Instant;

pub use dossier::{decode_one as decode_fact, encode_one as encode_fact};
pub use memory::Memory;
pub use profile::Profile;
pub use store::{Filling, due};
pub use walk::{Plan, Seen, WalkError, Walker};

use memory::Found;

use crate::app::{App, Shared};
use crate::db::{DbError, Unit};
use crate::error::Problem;
use crate::log::{self, Told};
use crate::seal::Dek;
use crate::tally;

/// What a remembered person takes beside their facts: key, state, names.
const REST_BYTES: usize = 1_024;

/// What a state takes, about: for room.
const STATE_BYTES: usize = 256;

/// What is remembered of a person: their facts as the dossier has them, which takes a small part of the
/// memory that they take apart, so that many more people are remembered.
struct Opened {
    state: Arc<State>,
    dossier: Arc<[u8]>,
    next_seq: i64,
    dek: Dek,
}

impl Opened {
    /// About how much memory it takes, in bytes.
    fn bytes(&self) -> usize {
        REST_BYTES + self.dossier.len()
    }

    fn person(&self) -> Result<Person, Problem> {
        let State { id, version, ref sealed, .. } = *self.state;
        let dossier::Held { facts, spent, read } = dossier::read(&self.dossier).map_err(unreadable)?;
        Ok(Person {
            id,
            version,
            facts,
            spent: spent.into(),
            erased: sealed.erased.clone(),
            name: sealed.name.clone(),
            name_masked: sealed.name_masked.clone(),
            stored: Some(Arc::clone(&self.state)),
            next_seq: self.next_seq,
            dek: self.dek.clone(),
            read: Some(read),
            dossier: None,
        })
    }
}

/// Lines of lists that are known again when what they said is erased, of one person.
const SPENT_MAX: usize = 256;

/// Accounts that may hold one person.
pub const HOLDERS_MAX: usize = 10;

/// What a code read needs, from one small row.
#[derive(Clone)]
pub struct State {
    /// Who.
    pub id: PersonId,
    /// State version: grows by one with every unit.
    pub version: i64,
    /// No token issued before this instant counts.
    pub tokens_after: Instant,
    /// When the stored decision was made.
    pub decided_at: Instant,
    /// Until when it stands if no fact comes.
    pub review_at: Option<Instant>,
    /// Digest of the pack that made it.
    pub pack: Vec<u8>,
    /// Sealed part.
    pub sealed: Sealed,
}

/// The sealed part of a state.
#[derive(Clone, minicbor::Encode, minicbor::Decode)]
pub struct Sealed {
    /// [`Status`], by number.
    #[n(0)]
    pub status: u8,
    /// [`Colour`], by number; 0 where there is none.
    #[n(1)]
    pub colour: u8,
    /// Such as 张*.
    #[n(2)]
    pub name_masked: String,
    /// Division of the current stay, as a number: the deepest code that the person gave, of 6, 9 or
    /// 12 digits; 0 unknown.
    #[n(3)]
    pub division: u64,
    /// Accounts that hold this person.
    #[n(4)]
    pub holders: Vec<minicbor::bytes::ByteArray<16>>,
    /// Whether a check-in is due today and not done.
    #[n(5)]
    pub check_in_due: bool,
    /// When the last check-in was; 0 where there is none.
    #[n(6)]
    pub last_check_in: i64,
    /// Full name: a later declaration is held to it.
    #[n(7)]
    pub name: String,
    /// Whether the decision speaks of a review, so that one may be open; `None` where it is not known.
    #[n(8)]
    pub in_review: Option<bool>,
    /// Whether these values are in the counts, or wait in their outbox.
    #[n(9)]
    #[cbor(default)]
    pub is_counted: bool,
    /// When something that was known of them was last taken back, where it ever was.
    #[n(10)]
    pub corrected_at: Option<i64>,
    /// Where the decision log speaks of the last stored decision ([`Told`]).
    #[n(11)]
    pub told: Option<minicbor::bytes::ByteArray<32>>,
    /// How many flags are open.
    #[n(12)]
    #[cbor(default)]
    pub flags: u8,
    /// Until when green lasts, where it lapses.
    #[n(13)]
    pub lasts_until: Option<i64>,
    /// Since when the lists of areas act that the decision was made under.
    #[n(14)]
    pub areas: Option<i64>,
    /// What was erased of them by age, where anything was.
    #[n(15)]
    pub erased: Option<Erased>,
}

/// How many facts of somebody were erased because their days were over. Says nothing of what they were.
#[derive(Clone, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Erased {
    /// When the last were.
    #[n(0)]
    pub at: i64,
    /// How many of each [`Kind`], by number.
    #[n(1)]
    pub kinds: Vec<(u8, u64)>,
}

impl Erased {
    /// How many in all.
    pub fn total(&self) -> u64 {
        self.kinds.iter().map(|(_, n)| n).sum()
    }

    /// How many of a kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.kinds.iter().find(|(k, _)| *k == kind as u8).map_or(0, |(_, n)| *n)
    }

    fn add(&mut self, kind: Kind) {
        match self.kinds.iter_mut().find(|(k, _)| *k == kind as u8) {
            Some((_, n)) => *n += 1,
            None => self.kinds.push((kind as u8, 1)),
        }
    }
}

impl Sealed {
    /// What of it is counted.
    fn counted(&self) -> Counted {
        let status = Status::from_u8(self.status);
        let is_active = status == Some(Status::Active);
        Counted {
            division: self.division,
            colour: Colour::from_u8(self.colour).filter(|_| is_active),
            overdue: self.check_in_due,
            review: self.in_review == Some(true) && status != Some(Status::Returned),
        }
    }
}

impl State {
    /// Whether there is a colour.
    pub fn status(&self) -> Status {
        Status::from_u8(self.sealed.status).unwrap_or(Status::Unknown)
    }

    /// The colour.
    pub fn colour(&self) -> Option<Colour> {
        Colour::from_u8(self.sealed.colour)
    }

    /// Whether an account is one of the holders.
    pub fn held_by(&self, account: AccountId) -> bool {
        self.sealed.holders.iter().any(|h| **h == account.0)
    }

    /// What is counted of them; `None` where nothing is yet.
    pub fn counted(&self) -> Option<Counted> {
        self.sealed.is_counted.then(|| self.sealed.counted())
    }

    /// Whether the stored decision still answers at an instant, if its pack is in force.
    pub fn stands(&self, now: Instant) -> bool {
        self.decided_at <= now && self.review_at.is_none_or(|at| now < at)
    }
}

/// A person with all their facts.
#[derive(Clone)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// Guard of the next unit; 0 for somebody who is not stored yet.
    pub version: i64,
    /// Everything known.
    pub facts: Facts,
    /// Full name.
    pub name: String,
    /// Such as 张*.
    pub name_masked: String,
    /// The decision that is stored, in short.
    pub stored: Option<Arc<State>>,
    next_seq: i64,
    dek: Dek,
    /// Second halves of the ids of what lists said and was erased.
    spent: Box<[u8]>,
    erased: Option<Erased>,
    /// All facts as they were read.
    read: Option<dossier::Read>,
    /// All facts as bytes, once they were written.
    dossier: Option<Arc<[u8]>>,
}

impl Person {
    /// Accounts that hold the person: those whose last identity fact says so.
    pub fn holders(&self) -> Vec<AccountId> {
        let mut holders: Vec<AccountId> = Vec::new();
        for fact in self.facts.iter().filter(|f| f.kind == Kind::Identity) {
            let Some(account) = fact.text("account").and_then(AccountId::parse) else { continue };
            holders.retain(|h| *h != account);
            if *fact.get("bound") == Value::Bool(true) {
                holders.push(account);
            }
        }
        holders
    }

    /// Whether an entry of theirs may wait in the queue of reviews.
    pub fn may_be_in_review(&self) -> bool {
        self.stored.as_ref().is_some_and(|s| s.sealed.in_review != Some(false))
    }

    /// When the last check-in was; 1970 where there is none.
    pub fn last_check_in(&self) -> Instant {
        self.facts.iter().rev().find(|f| f.kind == Kind::CheckIn).map_or(Instant(0), |f| f.happened)
    }

    /// Whether a list said the same before, and it was erased since: sent again, it is nothing new.
    pub fn is_spent(&self, id: &FactId) -> bool {
        self.spent.chunks_exact(8).any(|half| half == &id.0[8..])
    }

    /// Takes facts away, in the dossier or in rows alone, and keeps count of them.
    pub fn erase(&mut self, gone: &[(i64, Fact)], now: Instant) {
        let mut erased = self.erased.take().unwrap_or_default();
        let mut spent = std::mem::take(&mut self.spent).into_vec();
        erased.at = now.0;
        let ids: BTreeSet<FactId> = gone.iter().map(|(_, f)| f.id).collect();
        let rest = self.facts.iter().filter(|f| !ids.contains(&f.id)).cloned().collect();
        for (_, fact) in gone {
            erased.add(fact.kind);
            if fact.source == Source::List {
                spent.extend_from_slice(&fact.id.0[8..]);
            }
        }
        // The oldest lie first.
        spent.drain(..spent.len().saturating_sub(8 * SPENT_MAX));
        (self.facts, self.spent, self.erased) = (rest, spent.into(), Some(erased));
    }

    /// Gives a name that was confirmed in place of one that was not.
    pub fn name_as(&mut self, name: &Name) {
        name.as_str().clone_into(&mut self.name);
        self.name_masked = name.masked();
    }

    /// Whether the stored name is another one.
    pub fn is_renamed(&self) -> bool {
        self.stored.as_ref().is_some_and(|s| s.sealed.name != self.name)
    }

    /// Division of the current stay, or the destination of somebody who intends to come, as deep as the
    /// person gave it; of somebody who never declared, where the first list that came puts them
    /// (a later one could fetch people into a division to get at them).
    pub fn place(&self) -> Option<&str> {
        set::place_of(&self.facts)
    }

    /// [`Person::place`] as a number; 0 unknown.
    pub fn division(&self) -> u64 {
        set::place_number(&self.facts)
    }
}

/// Whether there are rows of facts that a dossier of so many does not hold.
fn more_rows(next_seq: i64, erased: Option<&Erased>, in_dossier: usize) -> bool {
    let rows = u64::try_from(next_seq).unwrap_or(0).saturating_sub(erased.map_or(0, Erased::total));
    rows > in_dossier as u64
}

/// The county of a stored division, as a code; the whole country where it is not known.
pub fn county(mut division: u64) -> String {
    while division > 999_999 {
        division /= 1_000;
    }
    if division == 0 { String::new() } else { division.to_string() }
}

/// A state, and the instant that it is known to hold at: now, or earlier while the database is away.
#[derive(Clone)]
pub struct Known {
    /// What is known.
    pub state: Arc<State>,
    /// As of when.
    pub as_of: Instant,
}

impl std::ops::Deref for Known {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

/// Somebody who is remembered waits no longer than this for a database that may be gone.
const ANSWER_WAIT: Duration = Duration::from_millis(300);

/// The small row, for reading one's own code; from memory where that is as good.
pub async fn state(app: &Shared, id: PersonId) -> Result<Option<Known>, Problem> {
    let now = app.clock.now();
    let last = match app.memory.state(id, now) {
        Found::Current(state) => return Ok(Some(Known { state, as_of: now })),
        Found::AsOf(state, as_of) => Some(Known { state, as_of }),
        Found::Nothing => None,
    };
    let count = app.memory.count(id);
    match or_last(read_state(app, id), last.as_ref()).await {
        Some(read) => {
            let state = read?.map(Arc::new);
            if let Some(state) = &state {
                app.memory.keep_state(count, now, state);
            }
            Ok(state.map(|state| Known { state, as_of: now }))
        }
        None => Ok(last),
    }
}

/// A read, or `None` where the database does not answer and something else does.
async fn or_last<T, L>(
    read: impl Future<Output = Result<T, Problem>>,
    last: Option<&L>,
) -> Option<Result<T, Problem>> {
    if last.is_none() {
        return Some(read.await);
    }
    match tokio::time::timeout(ANSWER_WAIT, read).await {
        Ok(Err(problem)) if problem.code == "db.away" => None,
        Ok(done) => Some(done),
        Err(_) => None,
    }
}

async fn read_state(app: &Shared, id: PersonId) -> Result<Option<State>, Problem> {
    // Both at once: of two round trips one is saved, and somebody unknown has no key either.
    let (row, dek) = tokio::join!(store::state(&app.db, id), app.person_keys.get(id));
    let Some(row) = row? else { return Ok(None) };
    let Some(dek) = dek? else { return Err(destroyed()) };
    Ok(Some(unseal(id, &dek, row)?))
}

/// States of people after an id, in order, at most `limit`; an id without one is somebody whose key was
/// destroyed.
pub async fn states_after(
    app: &Shared,
    id: Option<PersonId>,
    limit: i64,
) -> Result<Vec<(PersonId, Option<State>)>, Problem> {
    let rows = store::states_after(&app.db, id, limit).await?;
    let read = rows.into_iter().map(|(id, row)| async move {
        let Some(dek) = app.person_keys.get(id).await? else { return Ok((id, None)) };
        Ok::<_, Problem>((id, Some(unseal(id, &dek, row)?)))
    });
    futures_util::future::try_join_all(read).await
}

/// A person with all facts, for explaining: from memory where that is as good, and the last that
/// is known while the database is away.
pub async fn explained(app: &Shared, id: PersonId) -> Result<Option<Person>, Problem> {
    let now = app.clock.now();
    let last = match app.memory.person(id, now) {
        Found::Current(opened) => return opened.person().map(Some),
        Found::AsOf(opened, _) => Some(opened),
        Found::Nothing => None,
    };
    let count = app.memory.count(id);
    let opened = match or_last(open(app, id), last.as_ref()).await {
        Some(read) => {
            let opened = read?.map(Arc::new);
            if let Some(opened) = &opened {
                app.memory.keep_person(count, now, opened);
            }
            opened
        }
        None => last,
    };
    opened.map(|opened| opened.person()).transpose()
}

fn unseal(id: PersonId, dek: &Dek, row: store::StateRow) -> Result<State, Problem> {
    let plain = dek.open("person", "state", &id.0, &row.state).map_err(unreadable)?;
    let sealed = minicbor::decode(&plain).map_err(unreadable)?;
    Ok(State {
        id,
        version: row.version,
        tokens_after: Instant(row.tokens_after),
        decided_at: Instant(row.decided_at),
        review_at: row.review_at.map(Instant),
        pack: row.pack,
        sealed,
    })
}

/// A person with all facts, from the dossier.
pub async fn load(app: &Shared, id: PersonId) -> Result<Option<Person>, Problem> {
    open(app, id).await?.map(|opened| opened.person()).transpose()
}

async fn open(app: &Shared, id: PersonId) -> Result<Option<Opened>, Problem> {
    let (row, dek) = tokio::join!(store::load(&app.db, id), app.person_keys.get(id));
    let Some((row, sealed_dossier, next_seq)) = row? else { return Ok(None) };
    let Some(dek) = dek? else { return Err(destroyed()) };
    let dossier = dek.open("person", "dossier", &id.0, &sealed_dossier).map_err(unreadable)?.into();
    let state = Arc::new(unseal(id, &dek, row)?);
    Ok(Some(Opened { state, dossier, next_seq, dek }))
}

/// Somebody who is not stored yet. Their key is durable before this returns.
pub async fn new(app: &Shared, id: PersonId, name: &Name) -> Result<Person, Problem> {
    let dek = app.person_keys.ensure(id).await?;
    Ok(with_key(id, name, dek, Facts::default()))
}

/// The person of a document, if anybody ever confirmed it.
pub async fn by_document(app: &Shared, document: &Document) -> Result<Option<PersonId>, Problem> {
    Ok(store::by_document(&app.db, app.keys.person_id(&document.key())).await?)
}

/// Whether a person's facts name an account as a holder.
pub async fn holds(app: &Shared, person: PersonId, account: AccountId) -> Result<bool, Problem> {
    Ok(state(app, person).await?.is_some_and(|s| s.held_by(account)))
}

/// The name and document of a person.
pub async fn profile(app: &Shared, id: PersonId) -> Result<Option<Profile>, Problem> {
    let Some((document, sealed)) = store::profile(&app.db, id).await? else { return Ok(None) };
    let Some(dek) = app.person_keys.get(id).await? else { return Err(destroyed()) };
    let plain = dek.open("document", "profile", &document, &sealed).map_err(unreadable)?;
    Ok(Some(serde_json::from_slice(&plain).map_err(unreadable)?))
}

/// A person's facts as they were recorded, from the rows themselves: the truth that the dossier copies.
#[cfg(test)]
pub async fn recorded_facts(app: &Shared, id: PersonId) -> Result<Facts, Problem> {
    let Some(person) = load(app, id).await? else { return Ok(Facts::default()) };
    Ok(Facts::new(rows(app, &person).await?.into_iter().map(|(_, fact)| fact).collect()))
}

/// The rows of somebody's facts, by their numbers: also those that the dossier leaves to them.
pub async fn rows(app: &Shared, person: &Person) -> Result<Vec<(i64, Fact)>, Problem> {
    let (id, dek) = (person.id, &person.dek);
    let mut facts = Vec::new();
    for (seq, body) in store::facts(&app.db, id).await? {
        let plain = dek.open("fact", "body", &store::fact_key(id, seq), &body).map_err(unreadable)?;
        facts.push((seq, dossier::decode_one(&plain).map_err(unreadable)?));
    }
    Ok(facts)
}

/// Removes rows of facts, in the unit that writes the person without them. Their numbers, in order, are not
/// given again.
pub fn remove_facts(mut unit: Unit, id: PersonId, gone: &[(i64, Fact)]) -> Unit {
    for run in gone.chunk_by(|(a, _), (b, _)| a + 1 == *b) {
        if let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) {
            unit = store::remove_facts(unit, id, *first, *last);
        }
    }
    unit
}

/// Makes a unit collide with every other that began before it and writes the person, and those with it.
pub fn change(unit: Unit, person: &Person) -> Unit {
    store::change(unit, person.id, person.version)
}

/// A person to add facts to.
pub struct Base {
    /// Who, and what is known.
    pub person: Person,
    /// Whether that is from memory: as good as a read where the unit's guard holds, and only there.
    pub is_remembered: bool,
    count: u32,
}

/// A person to add facts to, from memory where that may be as good; `None` where nobody is stored.
pub async fn base(app: &Shared, id: PersonId, may_be_remembered: bool) -> Result<Option<Base>, Problem> {
    let count = app.memory.count(id);
    if may_be_remembered && let Found::Current(person) = app.memory.person(id, app.clock.now()) {
        return Ok(Some(Base { person: person.person()?, is_remembered: true, count }));
    }
    let person = load(app, id).await?;
    Ok(person.map(|person| Base { person, is_remembered: false, count }))
}

/// Somebody new to add facts to; see [`new`].
pub async fn new_base(app: &Shared, id: PersonId, name: &Name) -> Result<Base, Problem> {
    let count = app.memory.count(id);
    Ok(Base { person: new(app, id, name).await?, is_remembered: false, count })
}

impl Base {
    /// What was added is committed: remembered, unless somebody of the slot changed meanwhile.
    pub fn committed(mut self, app: &Shared) -> Person {
        let person = &mut self.person;
        if let (Some(state), Some(dossier)) = (&person.stored, person.dossier.take()) {
            let (next_seq, dek) = (person.next_seq, person.dek.clone());
            let opened = Arc::new(Opened { state: Arc::clone(state), dossier, next_seq, dek });
            app.memory.keep_written(self.count, app.clock.now(), &opened);
        }
        self.person
    }
}

/// What a decision writes of a person, sealed.
struct Written {
    facts: Vec<(i64, Instant, Vec<u8>)>,
    decision: Option<(i64, Instant, Vec<u8>)>,
    told: Option<Told>,
    row: store::PersonRow,
    sealed: Sealed,
    dossier: Vec<u8>,
}

/// Seals new facts, the person's row and, where the answer differs from the stored one, the
/// decision. `facts` are those not yet stored; `person.facts` already holds them; `told` is kept with
/// a decision that is stored.
fn seal(
    person: &Person,
    facts: &[Fact],
    decision: &Decision,
    tokens_after: Instant,
    told: impl FnOnce() -> Option<Told>,
) -> Written {
    let id = person.id;
    let dek = &person.dek;
    let sealed_facts = facts.iter().zip(person.next_seq..).map(|(fact, seq)| {
        let body = dek.seal("fact", "body", &store::fact_key(id, seq), &dossier::encode_one(fact));
        (seq, fact.recorded, body)
    });
    let (status, colour) = (decision.status as u8, decision.colour.map_or(0, |c| c as u8));
    let changed = person.stored.as_ref().is_none_or(|old| {
        let before = (old.sealed.status, old.sealed.colour);
        before != (status, colour) || !decision.records.is_empty()
    });
    let told = if changed { told() } else { None };
    let told_before = || person.stored.as_ref().and_then(|old| old.sealed.told);
    let sealed = Sealed {
        status,
        colour,
        name_masked: person.name_masked.clone(),
        division: person.division(),
        holders: person.holders().into_iter().map(|a| a.0.into()).collect(),
        check_in_due: decision.check_in_due,
        last_check_in: person.last_check_in().0,
        name: person.name.clone(),
        in_review: Some(decision.review.is_some()),
        is_counted: true,
        flags: u8::try_from(decision.flags.len()).unwrap_or(u8::MAX),
        lasts_until: decision.lasts.as_ref().map(|l| l.until.0),
        areas: decision.areas.map(|since| since.0),
        corrected_at: person.facts.iter().rev().find(|f| f.kind == Kind::Correction).map(|f| f.happened.0),
        told: if changed { told.map(|told| told.to_bytes().into()) } else { told_before() },
        erased: person.erased.clone(),
    };
    let mut state = Vec::with_capacity(STATE_BYTES);
    minicbor::encode(&sealed, &mut state).expect("encoding into memory cannot fail");
    let version = person.version + 1;
    let sealed_decision = changed.then(|| {
        let plain = dossier::encode_decision(decision);
        let body = dek.seal("decision", "body", &store::fact_key(id, version), &plain);
        (version, decision.decided_at, body)
    });
    let dossier = dossier::encode(&person.facts, &person.spent, decision, person.read.as_ref());
    let row = store::PersonRow {
        version: person.version,
        next_seq: person.next_seq + i64::try_from(facts.len()).unwrap_or(i64::MAX),
        tokens_after,
        decided_at: decision.decided_at,
        review_at: decision.review_at,
        pack: digest_bytes(&decision.pack.digest),
        state: dek.seal("person", "state", &id.0, &state),
        dossier: dek.seal("person", "dossier", &id.0, &dossier),
    };
    Written { facts: sealed_facts.collect(), decision: sealed_decision, told, row, sealed, dossier }
}

/// Adds to a unit all that a decision writes, its leaf of the decision log, and what it changes of the
/// counts; the person is then as the unit leaves them.
pub fn write(
    app: &App,
    unit: Unit,
    person: &mut Person,
    facts: &[Fact],
    decision: &Decision,
    tokens_after: Instant,
) -> Unit {
    let id = person.id;
    let written = seal(person, facts, decision, tokens_after, || Some(Told::new(app)));
    let row = &written.row;
    let before = person.stored.take();
    let to = written.sealed.counted();
    person.version += 1;
    person.next_seq = row.next_seq;
    person.dossier = Some(written.dossier.into());
    person.stored = Some(Arc::new(State {
        id,
        version: person.version,
        tokens_after,
        decided_at: row.decided_at,
        review_at: row.review_at,
        pack: row.pack.clone(),
        sealed: written.sealed,
    }));
    let mut unit = unit;
    for (seq, recorded, body) in written.facts {
        unit = store::add_fact(unit, id, seq, recorded, body);
    }
    if let (Some((version, at, body)), Some(told)) = (written.decision, written.told) {
        let row = log::decision_digest(id.0, version, at.0, &body);
        let subject = log::Subject { version, ..log::Subject::new(log::Kind::Decision, id.0) };
        let said = told.commit(&log::statement(decision.status, decision.colour));
        unit = store::add_decision(unit, id, version, at, body);
        unit = log::leaf_of(unit, app, told.leaf_id, subject, row, Some(said));
    }
    unit = store::put(unit, id, written.row);
    let from = before.as_ref().and_then(|old| old.counted());
    if from == Some(to) {
        return unit;
    }
    let was_red = before.is_some_and(|old| old.sealed.counted().colour == Some(Colour::Red));
    let change = Change {
        day: app.packs.base().zone.day_of(decision.decided_at),
        at_ms: app.clock.wall_ms(),
        from,
        to,
        new_red: to.colour == Some(Colour::Red) && !was_red,
    };
    tally::note(unit, app, &change)
}

/// Adds the document of a new person, or a further one.
pub fn add_document(
    unit: Unit,
    app: &Shared,
    person: &Person,
    profile: &Profile,
    document: &Document,
    now: Instant,
) -> Unit {
    let id = app.keys.person_id(&document.key());
    store::add_document(unit, id, person.id, seal_profile(person, profile, id), now)
}

/// Replaces the profile of a person's document, whose name was not confirmed before.
pub fn put_profile(
    unit: Unit,
    app: &Shared,
    person: &Person,
    profile: &Profile,
    document: &Document,
) -> Unit {
    let id = app.keys.person_id(&document.key());
    store::put_profile(unit, id, person.id, seal_profile(person, profile, id))
}

fn seal_profile(person: &Person, profile: &Profile, document: PersonId) -> Vec<u8> {
    let plain = serde_json::to_vec(profile).expect("a profile is plain JSON");
    person.dek.seal("document", "profile", &document.0, &plain)
}

/// Somebody new under a key that nobody has yet: for filling a database.
pub fn with_key(id: PersonId, name: &Name, dek: Dek, facts: Facts) -> Person {
    Person {
        id,
        version: 0,
        facts,
        name: name.as_str().to_owned(),
        name_masked: name.masked(),
        stored: None,
        next_seq: 0,
        dek,
        spent: Box::default(),
        erased: None,
        read: None,
        dossier: None,
    }
}

/// Adds to rows what [`write`] and [`add_document`] add to a unit; the person's document is the
/// one that gave them their id. Returns what is to be counted of them: the rows do not have it.
pub fn fill(
    rows: &mut Filling,
    person: &Person,
    facts: &[Fact],
    decision: &Decision,
    profile: &Profile,
) -> Counted {
    let id = person.id;
    let written = seal(person, facts, decision, Instant(0), || None);
    let to = written.sealed.counted();
    for (seq, recorded, body) in written.facts {
        rows.fact(id, seq, recorded, body);
    }
    if let Some((version, at, body)) = written.decision {
        rows.decision(id, version, at, body);
    }
    rows.person(id, written.row);
    rows.document(id, id, seal_profile(person, profile, id), decision.decided_at);
    to
}

/// A pack digest as stored.
pub fn digest_bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).filter_map(|i| u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok()).collect()
}

/// What is stored of them does not open.
const UNREADABLE: &str = "person.unreadable";
/// Their key is gone.
const DESTROYED: &str = "person.destroyed";

/// Whether a problem is one person's own, so that others need not wait for it.
pub fn is_their_own(problem: &Problem) -> bool {
    [UNREADABLE, DESTROYED].contains(&problem.code)
}

fn unreadable(e: impl std::fmt::Display) -> Problem {
    tracing::error!(%e, "a person's sealed column could not be read");
    Problem { code: UNREADABLE, ..Problem::internal() }
}

fn destroyed() -> Problem {
    Problem::new(
        axum::http::StatusCode::GONE,
        DESTROYED,
        "该人员的数据密钥已按规定销毁，数据不可恢复。",
        "This person's data key was destroyed as the rules ask; the data cannot be recovered.",
    )
}

/// Errors of the key store are errors of the database behind it.
impl From<crate::seal::SealError> for Problem {
    fn from(e: crate::seal::SealError) -> Problem {
        tracing::error!(%e, "sealing");
        Problem::from(DbError::Other("the store of personal keys failed".into()))
    }
}
