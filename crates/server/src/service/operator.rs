//! Who runs the service, also while the database that knows them is away: that is when they look.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use kangma_core::role::Permission;
use kangma_core::time::Instant;

use crate::app::Shared;
use crate::db::DbError;
use crate::error::Problem;
use crate::staff::{self, Officer, Place, SessionKey, Shown, not_allowed};

/// How long a database may take before it counts as one that does not answer.
pub const WAIT: Duration = Duration::from_secs(2);
/// How long after it last said so somebody counts as one who runs the service, if it says nothing.
const REMEMBERED_S: i64 = 3_600;
/// Sessions that are remembered.
const SESSIONS_MAX: usize = 256;
/// How often the database is asked whether they still hold the right: who logs out on another node, or
/// loses the right, this long before it goes away is forgotten.
pub const ASKED: Duration = Duration::from_secs(2);

/// Sessions that this node lately found to hold the right.
#[derive(Default)]
pub struct Operators(Mutex<HashMap<SessionKey, Seen>>);

struct Seen {
    from: Place,
    until: Instant,
}

impl Operators {
    fn all(&self) -> MutexGuard<'_, HashMap<SessionKey, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, session: SessionKey, from: Place, now: Instant, ends_at: Instant) {
        let mut all = self.all();
        all.retain(|_, seen| now < seen.until);
        if all.len() >= SESSIONS_MAX
            && let Some(oldest) = all.iter().min_by_key(|(_, seen)| seen.until).map(|(session, _)| *session)
        {
            all.remove(&oldest);
        }
        all.insert(session, Seen { from, until: now.plus_s(REMEMBERED_S).min(ends_at) });
    }

    /// Somebody logged out, or holds the right no more.
    pub fn forget(&self, session: &SessionKey) {
        self.all().remove(session);
    }

    /// The right lasts until then.
    fn shorten(&self, session: &SessionKey, ends_at: Instant) {
        if let Some(seen) = self.all().get_mut(session) {
            seen.until = seen.until.min(ends_at);
        }
    }

    fn knows(&self, session: &SessionKey, from: &Place, now: Instant) -> bool {
        let all = self.all();
        all.get(session).is_some_and(|seen| now < seen.until && !from.is_elsewhere_than(&seen.from))
    }
}

/// Asks the database about all who are remembered; as long as it does not answer, nobody is forgotten.
pub async fn ask_again(app: &Shared) {
    let now = app.clock.wall();
    let remembered: Vec<SessionKey> = {
        let mut all = app.operators.all();
        all.retain(|_, seen| now < seen.until);
        all.keys().copied().collect()
    };
    for session in remembered {
        match staff::of_session(app, &session).await.map(|officer| officer.until(Permission::Operate)) {
            Ok(Some(ends_at)) => app.operators.shorten(&session, ends_at),
            Err(problem) if problem.status.is_server_error() => return,
            Ok(None) | Err(_) => app.operators.forget(&session),
        }
    }
}

/// Somebody who runs the service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    /// The database says so.
    Checked,
    /// It said so within the hour, and does not answer now.
    Remembered,
}

impl<S> FromRequestParts<S> for Operator
where
    Shared: FromRef<S>,
    S: Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = Shared::from_ref(state);
        let shown = Shown::from_request_parts(parts, state).await?;
        let found = tokio::time::timeout(WAIT, shown.officer(&app)).await;
        let found = found.unwrap_or_else(|_| Err(DbError::Away.into()));
        let until = |officer: Officer| officer.until(Permission::Operate).ok_or_else(not_allowed);
        let Shown { session, place } = shown;
        match found.and_then(until) {
            Ok(ends_at) => {
                app.operators.note(session, place, app.clock.wall(), ends_at);
                Ok(Operator::Checked)
            }
            Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
                match app.operators.knows(&session, &place, app.clock.wall()) {
                    true => Ok(Operator::Remembered),
                    false => Err(problem),
                }
            }
            Err(problem) => {
                app.operators.forget(&session);
                Err(problem)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: u8, agent: &str) -> Place {
        Place::test([192, 0, address, 1], agent)
    }

    #[test]
    fn who_held_the_right_is_remembered_for_an_hour_where_they_were_and_no_longer_than_they_held_it() {
        let operators = Operators::default();
        let (session, now) = ([1; 32], Instant(1_000));
        assert!(!operators.knows(&session, &place(1, "a"), now));
        operators.note(session, place(1, "a"), now, now.plus_s(60));
        assert!(!operators.knows(&session, &place(1, "a"), now.plus_s(60)), "longer than the right lasts");
        operators.note(session, place(1, "a"), now, Instant::MAX);
        assert!(operators.knows(&session, &place(1, "a"), now.plus_s(REMEMBERED_S - 1)));
        assert!(operators.knows(&session, &place(2, "a"), now), "who moves about");
        assert!(!operators.knows(&session, &place(2, "b"), now), "taken along");
        assert!(!operators.knows(&[2; 32], &place(1, "a"), now), "another session");
        assert!(!operators.knows(&session, &place(1, "a"), now.plus_s(REMEMBERED_S)));
        operators.forget(&session);
        assert!(!operators.knows(&session, &place(1, "a"), now));
    }

    #[test]
    fn memory_does_not_grow_with_sessions_and_the_oldest_goes_first() {
        let operators = Operators::default();
        let session = |n: usize| std::array::from_fn(|i| (n >> (8 * (i % 8))) as u8);
        for n in 0..SESSIONS_MAX + 10 {
            operators.note(session(n), place(1, "a"), Instant(n as i64), Instant::MAX);
        }
        assert_eq!(operators.0.lock().unwrap().len(), SESSIONS_MAX);
        assert!(!operators.knows(&session(9), &place(1, "a"), Instant(300)));
        assert!(operators.knows(&session(10), &place(1, "a"), Instant(300)));
    }
}
