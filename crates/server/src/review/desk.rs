//! The officer at the desk: over which divisions they answer, and for what.

use kangma_core::appeal::{Level, highest};

use crate::app::Shared;
use crate::auth::Staff;
use crate::error::Problem;
use crate::queue::{self, Item, Scope};

/// Who asks.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Log-in name.
    pub name: String,
    /// Divisions, each with the lowest and highest kind of entry that is looked at there.
    scopes: Vec<(String, (i64, i64))>,
}

/// Kinds that the right to review covers: all but appeals, which are a right of their own.
const ALL_KINDS: (i64, i64) = (1, 4);

impl Desk {
    /// Of a member of staff.
    pub fn of(staff: &Staff) -> Desk {
        Desk { name: staff.name.clone(), scopes: vec![(String::new(), ALL_KINDS)] }
    }

    /// As the queue is searched for them.
    pub fn scopes<'a>(&'a self, app: &'a Shared) -> impl Iterator<Item = (Scope, (i64, i64))> + 'a {
        self.scopes.iter().map(|(code, kinds)| (Scope::of(app, code), *kinds))
    }

    /// Whether an entry is theirs to look at.
    pub fn holds(&self, app: &Shared, item: &Item) -> bool {
        self.scopes(app)
            .any(|(scope, kinds)| (kinds.0..=kinds.1).contains(&item.subject.kind()) && scope.holds(item))
    }

    /// The highest level at which they answer for an entry.
    pub fn level(&self, app: &Shared, item: &Item) -> Option<Level> {
        let over = self.scopes.iter().filter(|(code, _)| Scope::of(app, code).holds(item));
        over.map(|(code, _)| highest(code)).min()
    }

    /// An entry that is theirs; what lies elsewhere is not there.
    pub async fn find(&self, app: &Shared, id: [u8; 16]) -> Result<Item, Problem> {
        let item = queue::find(&app.db, id).await?.filter(|item| self.holds(app, item));
        item.ok_or_else(Problem::not_found)
    }
}
