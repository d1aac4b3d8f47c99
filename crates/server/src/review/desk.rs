//! The officer at the desk: over which divisions they answer, and for what.

use kangma_core::appeal::{Level, highest};
use kangma_core::role::Permission;

use crate::app::Shared;
use crate::error::Problem;
use crate::queue::{self, Item, Scope, Subject};
use crate::staff::{self, Officer};

/// Who asks.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Log-in name.
    pub name: String,
    /// Divisions, each with the lowest and highest kind of entry that is looked at there.
    scopes: Vec<(String, (i64, i64))>,
}

/// Each right, with the kinds of entry that it is for.
const KINDS: [(Permission, (i64, i64)); 3] =
    [(Permission::Review, (1, 2)), (Permission::Appeal, (3, 3)), (Permission::Approve, (4, 4))];

impl Desk {
    /// Of an officer who holds one of the rights somewhere.
    pub fn of(officer: &Officer) -> Result<Desk, Problem> {
        let mut scopes = Vec::new();
        for (permission, kinds) in KINDS {
            scopes.extend(officer.scope(permission).into_iter().map(|code| (code.to_owned(), kinds)));
        }
        if scopes.is_empty() {
            return Err(staff::not_allowed());
        }
        Ok(Desk { name: officer.name.clone(), scopes })
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

    /// The highest level at which they may confirm what an entry is about, whatever its kind.
    pub fn confirms(&self, app: &Shared, item: &Item) -> Option<Level> {
        let approving = self.scopes.iter().filter(|(_, kinds)| kinds.1 == Subject::CONFIRMATION);
        approving.filter(|(code, _)| Scope::of(app, code).holds(item)).map(|(code, _)| highest(code)).min()
    }

    /// An entry that is theirs; what lies elsewhere is not there.
    pub async fn find(&self, app: &Shared, id: [u8; 16]) -> Result<Item, Problem> {
        let item = queue::find(&app.db, id).await?.filter(|item| self.holds(app, item));
        item.ok_or_else(Problem::not_found)
    }
}
