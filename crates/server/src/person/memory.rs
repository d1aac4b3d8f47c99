//! What is remembered of people, so that most reads of a code ask the database nothing.
//!
//! An entry holds for as long as nobody of the person's slot changed ([`crate::db::Changes`]) and
//! the feed of changes is current. While the database is away an unchanged entry still answers,
//! and says as of when.

use std::sync::Arc;

use kangma_core::id::{AccountId, PersonId};
use kangma_core::time::Instant;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::{Opened, State};
use crate::db::Changes;

/// People whose facts are remembered, a quarter of those whose state is: who has something to explain, or to add.
const FACTS_SHARE: usize = 4;
/// Memory for each of them. Most take less; somebody who declares every hour takes more, and then
/// fewer are remembered.
const FACTS_BYTES: usize = 2_560;

struct Kept<T> {
    /// Count of the person's slot before it was read.
    count: u32,
    /// When it was read.
    read_at: Instant,
    /// Memory that it takes, where that is not the same for all.
    bytes: u32,
    value: Arc<T>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Kept<T> {
        Kept { value: Arc::clone(&self.value), ..*self }
    }
}

/// A person's weight is the memory that they take: facts are many with some, and few with most.
#[derive(Clone)]
struct Bytes;

impl Weighter<PersonId, Kept<Opened>> for Bytes {
    fn weight(&self, _: &PersonId, kept: &Kept<Opened>) -> u64 {
        kept.bytes.into()
    }
}

/// See the module.
pub struct Memory {
    changes: Changes,
    states: Cache<PersonId, Kept<State>>,
    people: Cache<PersonId, Kept<Opened>, Bytes>,
    /// Whom an account points to. Never out of date in a way that matters: a pointer without its fact
    /// on the person grants nothing.
    holders: Cache<AccountId, PersonId>,
}

/// What an entry is worth.
pub enum Found<T> {
    /// As good as a read now.
    Current(Arc<T>),
    /// Unchanged as far as this node knows, which was last sure of it at that instant.
    AsOf(Arc<T>, Instant),
    /// Nothing.
    Nothing,
}

impl Memory {
    /// For so many people; zero remembers nobody.
    pub fn new(people: usize, changes: Changes) -> Memory {
        let facts = people / FACTS_SHARE;
        let of_facts = Cache::with_weighter(facts, (facts * FACTS_BYTES) as u64, Bytes);
        Memory { changes, states: Cache::new(people), people: of_facts, holders: Cache::new(people) }
    }

    /// A person's state.
    pub fn state(&self, id: PersonId, now: Instant) -> Found<State> {
        let found = self.find(self.states.get(&id), id, now);
        let label = match &found {
            Found::Current(_) => "hit",
            Found::AsOf(..) => "stale",
            Found::Nothing => "miss",
        };
        metrics::counter!("kangma_cache_total", "result" => label).increment(1);
        found
    }

    /// A person with all facts.
    pub(super) fn person(&self, id: PersonId, now: Instant) -> Found<Opened> {
        self.find(self.people.get(&id), id, now)
    }

    fn find<T>(&self, kept: Option<Kept<T>>, id: PersonId, now: Instant) -> Found<T> {
        let Some(kept) = kept.filter(|k| k.count == self.changes.count(id)) else { return Found::Nothing };
        let age = self.changes.age();
        if self.changes.are_current() {
            return Found::Current(kept.value);
        }
        let told = now.plus_s(-i64::try_from(age.as_secs() + 1).unwrap_or(i64::MAX / 2));
        Found::AsOf(kept.value, kept.read_at.max(told))
    }

    /// The count to read by: taken before the row is read.
    pub fn count(&self, id: PersonId) -> u32 {
        self.changes.count(id)
    }

    /// Remembers what was read; if the person changed meanwhile, nobody will find it.
    pub fn keep_state(&self, count: u32, read_at: Instant, state: &Arc<State>) {
        self.states.insert(state.id, Kept { count, read_at, bytes: 1, value: Arc::clone(state) });
    }

    /// Likewise a person.
    pub(super) fn keep_person(&self, count: u32, read_at: Instant, opened: &Arc<Opened>) {
        let bytes = u32::try_from(opened.bytes()).unwrap_or(u32::MAX);
        let kept = Kept { count, read_at, bytes, value: Arc::clone(opened) };
        self.people.insert(opened.state.id, kept);
    }

    /// Remembers what was just committed. `count` stood before the person was read: one more is this
    /// commit's own, and anything else says that somebody of the slot changed as well.
    pub(super) fn keep_written(&self, count: u32, at: Instant, opened: &Arc<Opened>) {
        let count = count.wrapping_add(1);
        if self.changes.count(opened.state.id) == count {
            self.keep_state(count, at, &opened.state);
            self.keep_person(count, at, opened);
        }
    }

    /// The person of an account that was seen to hold one.
    pub fn holder(&self, account: AccountId) -> Option<PersonId> {
        self.holders.get(&account)
    }

    /// Remembers it.
    pub fn keep_holder(&self, account: AccountId, person: PersonId) {
        self.holders.insert(account, person);
    }

    /// Entries held now.
    pub fn len(&self) -> usize {
        self.states.len()
    }
}
