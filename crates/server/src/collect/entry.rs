//! A vehicle or a household: several people under one number, each recorded once.
//!
//! Each person is a unit of their own, since a unit is about one person. The whole is kept first, so
//! that its number stands for one content; whoever sends it again completes what a fault cut short.

use std::collections::HashSet;

use kangma_core::id::PersonId;
use kangma_core::identity::{Document, Name};

use super::ask::EntryRequest;
use super::{
    Collector, Colours, Item, Kept, OTHER_CONTENT, Refusal, Seen, What, holder, in_time, keep, kept, open,
    record, settled, store,
};
use crate::app::Shared;
use crate::db::{DbError, Unit};
use crate::error::Problem;
use crate::person;

/// People of one entry: a coach.
pub const PEOPLE_MAX: usize = 60;

/// How somebody was identified.
pub enum Shown {
    /// By their pass.
    Pass(String),
    /// By their document, with the name on it.
    Document(Name, Document),
}

/// An entry on its way in.
pub struct Entry {
    /// A vehicle or a household.
    pub what: What,
    /// Who, and what was seen of them.
    pub people: Vec<(Shown, Seen)>,
}

/// Records an entry; the answers are in the order of the people.
pub async fn enter(
    app: &Shared,
    by: &Collector,
    item: &Item,
    ask: &EntryRequest,
    entry: &Entry,
) -> Result<Vec<Kept>, Problem> {
    if let Err(problem) = begin(app, item, ask, entry).await {
        // Whoever is told that something else is recorded under this number finds all of it recorded.
        if problem.code == OTHER_CONTENT {
            finish(app, by, item).await?;
        }
        return Err(problem);
    }
    people(app, by, item, entry).await
}

/// Keeps the whole: from here on its number stands for this content.
async fn begin(app: &Shared, item: &Item, ask: &EntryRequest, entry: &Entry) -> Result<(), Problem> {
    let Some((_, first)) = entry.people.first() else { return Ok(()) };
    if kept(app, item).await?.is_some() {
        return Ok(());
    }
    in_time(app, first.at)?;
    let label = if entry.what == What::Vehicle { &first.plate } else { &first.spot };
    let whole = Kept { people: entry.people.len(), ..Kept::new(entry.what, label, first.at) };
    let unit = keep(app, Unit::new("collect.entry"), item, &whole);
    let unit = keep(app, unit, &item.unfinished(), ask);
    settled(app, item, app.db.commit(unit).await.map_err(Problem::from)).await.map(|_| ())
}

/// Records what a fault cut short, from what was sent then.
async fn finish(app: &Shared, by: &Collector, item: &Item) -> Result<(), Problem> {
    let Some(stored) = store::find(&app.db, &item.unfinished()).await? else { return Ok(()) };
    let digest = stored.digest.as_slice().try_into().map_err(|_| DbError::shape("digest"))?;
    let item = Item { digest, ..item.clone() };
    let ask: EntryRequest = open(app, &item.unfinished(), &stored)?;
    match ask.check(app) {
        Ok((_, entry)) => people(app, by, &item, &entry).await.map(|_| ()),
        // The rules have changed since it was taken. Whoever sends it again is still told what is so.
        Err(problem) => {
            let codes: Vec<_> = problem.fields.iter().map(|wrong| wrong.code).collect();
            tracing::error!(
                ?codes,
                "an entry that was cut short is not as today's rules ask, and stays in part"
            );
            Ok(())
        }
    }
}

async fn people(app: &Shared, by: &Collector, item: &Item, entry: &Entry) -> Result<Vec<Kept>, Problem> {
    let mut met = HashSet::new();
    let mut answers = Vec::with_capacity(entry.people.len());
    for (i, (shown, seen)) in entry.people.iter().enumerate() {
        answers.push(one(app, by, &item.part(i + 1), entry.what, shown, seen, &mut met).await?);
    }
    app.db.commit(store::drop(&item.unfinished())).await?;
    Ok(answers)
}

async fn one(
    app: &Shared,
    by: &Collector,
    item: &Item,
    what: What,
    shown: &Shown,
    seen: &Seen,
    met: &mut HashSet<PersonId>,
) -> Result<Kept, Problem> {
    let (found, shows_colour) = match shown {
        Shown::Pass(text) => match holder(app, text, seen.at).await? {
            Ok((person, is_valid)) => (Ok(person), by.may_tell(is_valid)),
            Err(refusal) => (Err(refusal), false),
        },
        Shown::Document(name, document) => (named(app, name, document).await?, false),
    };
    // Also of those recorded before: the same people come in the same order.
    let found = found.and_then(|person| if met.insert(person) { Ok(person) } else { Err(Refusal::Twice) });
    if let Some(kept) = kept(app, item).await? {
        return Ok(kept);
    }
    let answer = Kept::new(what, &seen.spot, seen.at);
    let refusal = match found {
        Ok(person) => {
            // Who shows their pass shows its colour; of a document it is looked up.
            let colour = match shown {
                _ if shows_colour => Colours::Shown,
                Shown::Document(..) if by.looks_up => Colours::LookedUp,
                _ => Colours::Untold,
            };
            match record(app, by, item, person, seen, &answer, colour).await {
                Err(problem) => Refusal::of(&problem).ok_or(problem)?,
                done => return done,
            }
        }
        Err(refusal) => refusal,
    };
    let unit = keep(app, Unit::new("collect.refuse"), item, &Kept { refused: Some(refusal), ..answer });
    settled(app, item, app.db.commit(unit).await.map_err(Problem::from)).await
}

/// The person of a document, if that is their name: who guesses one of the two learns nothing.
async fn named(app: &Shared, name: &Name, document: &Document) -> Result<Result<PersonId, Refusal>, Problem> {
    let Some(id) = person::by_document(app, document).await? else { return Ok(Err(Refusal::Unknown)) };
    let state = person::state(app, id).await?;
    let same = state.is_some_and(|s| s.sealed.name == name.as_str());
    Ok(if same { Ok(id) } else { Err(Refusal::Unknown) })
}
