//! Values of a fact, alone or beside those of others.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

use super::Value;

/// A fact's values by slot. Those of facts that were read together lie together: a person has hundreds of
/// them, and is read to be decided about once.
#[derive(Clone)]
pub struct Values(Held);

#[derive(Clone)]
enum Held {
    Alone(Vec<Value>),
    Together { all: Arc<[Value]>, first: u32, past: u32 },
}

impl Values {
    /// A part of the values of several facts.
    ///
    /// # Panics
    ///
    /// Where there is no such part.
    #[must_use]
    pub fn part(all: &Arc<[Value]>, part: Range<usize>) -> Values {
        assert!(part.start <= part.end && part.end <= all.len(), "a part of what there is");
        let bound = |n| u32::try_from(n).expect("facts are bounded");
        Values(Held::Together { all: Arc::clone(all), first: bound(part.start), past: bound(part.end) })
    }

    pub(super) fn alone(&mut self) -> &mut Vec<Value> {
        if let Held::Together { .. } = self.0 {
            self.0 = Held::Alone(self.to_vec());
        }
        match &mut self.0 {
            Held::Alone(values) => values,
            Held::Together { .. } => unreachable!("it was set above"),
        }
    }
}

impl Default for Values {
    fn default() -> Values {
        Values(Held::Alone(Vec::new()))
    }
}

impl From<Vec<Value>> for Values {
    fn from(values: Vec<Value>) -> Values {
        Values(Held::Alone(values))
    }
}

impl Deref for Values {
    type Target = [Value];

    #[inline]
    fn deref(&self) -> &[Value] {
        match &self.0 {
            Held::Alone(values) => values,
            Held::Together { all, first, past } => &all[*first as usize..*past as usize],
        }
    }
}

/// What lies with others is copied first.
impl DerefMut for Values {
    fn deref_mut(&mut self) -> &mut [Value] {
        self.alone()
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
