//! Which people changed: lets memory of people be trusted no longer than it is true.
//!
//! Each person falls into one of a million slots, each with a count that grows when somebody of
//! the slot changes, here or (told by the feed) on another node. Whoever keeps something of a
//! person keeps the count that stood before it was read; another count means: read again. Two
//! people of one slot cost each other a read now and then, never a wrong answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use kangma_core::id::PersonId;

use super::{DbError, Unit};

const SLOTS: usize = 1 << 20;

/// Memory counts as current for this long after the feed was last read. With the reading itself
/// it keeps a change elsewhere from being overlooked for more than two seconds.
pub const FEED_MAX_AGE: Duration = Duration::from_millis(1_200);

/// How long [`Changes::caught_up`] waits, and how often it looks: the feed is read every 250 ms.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);
const CATCH_UP_STEP: Duration = Duration::from_millis(20);

/// See the module.
#[derive(Clone, Debug)]
pub struct Changes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    counts: Box<[AtomicU32]>,
    began: std::time::Instant,
    /// Milliseconds after `began` at which the feed was last read; `ALWAYS` without other nodes, `NEVER`
    /// before the first look.
    fed_ms: AtomicU64,
}

const ALWAYS: u64 = u64::MAX;
const NEVER: u64 = 0;

impl Changes {
    /// Without other nodes, memory is always current; with them, once the feed was read.
    pub(super) fn new(alone: bool) -> Changes {
        let counts = (0..SLOTS).map(|_| AtomicU32::new(0)).collect();
        let fed_ms = AtomicU64::new(if alone { ALWAYS } else { NEVER });
        Changes(Arc::new(Inner { counts, began: std::time::Instant::now(), fed_ms }))
    }

    fn slot(&self, person: PersonId) -> &AtomicU32 {
        // Ids are keyed hashes: any bits of them are evenly spread.
        let bits = u32::from_be_bytes([person.0[8], person.0[9], person.0[10], person.0[11]]);
        &self.0.counts[bits as usize % SLOTS]
    }

    /// The count of a person's slot.
    pub fn count(&self, person: PersonId) -> u32 {
        self.slot(person).load(Ordering::Acquire)
    }

    /// A person changed.
    pub fn note(&self, person: PersonId) {
        self.slot(person).fetch_add(1, Ordering::AcqRel);
    }

    /// A unit ended. Noted by the writer and not by whoever asked, who may have gone away meanwhile;
    /// also where the outcome is unknown: reading once more is always right.
    pub(super) fn note_unit(&self, unit: &Unit, result: &Result<(), DbError>) {
        if !matches!(result, Err(DbError::Conflict | DbError::Busy)) {
            unit.touches.iter().for_each(|person| self.note(*person));
        }
    }

    /// Anybody may have changed: some of the feed was missed.
    pub(super) fn note_all(&self) {
        self.0.counts.iter().for_each(|c| {
            c.fetch_add(1, Ordering::AcqRel);
        });
    }

    /// Milliseconds since the start, for [`Changes::fed`].
    pub(super) fn tick_ms(&self) -> u64 {
        self.0.began.elapsed().as_millis() as u64 + 1
    }

    /// Everything that was committed before the instant `at_ms` is noted.
    pub(super) fn fed(&self, at_ms: u64) {
        self.0.fed_ms.fetch_max(at_ms, Ordering::AcqRel);
    }

    /// How old the newest look at the feed is; zero without other nodes.
    pub fn age(&self) -> Duration {
        match self.0.fed_ms.load(Ordering::Acquire) {
            ALWAYS => Duration::ZERO,
            NEVER => Duration::from_secs(u64::from(u32::MAX)),
            at => Duration::from_millis(self.tick_ms().saturating_sub(at)),
        }
    }

    /// Returns once whatever is committed now is noted here: for what must not be known before the people
    /// that it is about.
    pub async fn caught_up(&self) -> Result<(), DbError> {
        // A look of the same millisecond may have begun before.
        let asked = self.tick_ms() + 1;
        let began = tokio::time::Instant::now();
        while self.0.fed_ms.load(Ordering::Acquire) < asked {
            if began.elapsed() > CATCH_UP_MAX {
                return Err(DbError::Away);
            }
            tokio::time::sleep(CATCH_UP_STEP).await;
        }
        Ok(())
    }

    /// Whether memory may be trusted.
    pub fn are_current(&self) -> bool {
        self.age() <= FEED_MAX_AGE
    }
}
