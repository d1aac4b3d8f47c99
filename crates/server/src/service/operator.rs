//! Who runs the service, also while the database that knows them is away: that is when they look.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use kangma_core::role::Permission;
use kangma_core::time::Instant;

use crate::app::Shared;
use crate::auth::{self, STAFF_COOKIE};
use crate::db::DbError;
use crate::error::Problem;
use crate::limit::ClientAddress;
use crate::seal::Keys;
use crate::staff::{Officer, Place, not_allowed};

/// How long a database may take before it counts as one that does not answer.
pub const WAIT: Duration = Duration::from_secs(2);
/// How long after it last said so somebody counts as one who runs the service, if it says nothing.
const REMEMBERED_S: i64 = 3_600;
/// Sessions that are remembered.
const SESSIONS_MAX: usize = 256;

/// Sessions that this node lately found to hold the right, by a keyed hash of their token.
#[derive(Default)]
pub struct Operators(Mutex<HashMap<[u8; 32], Seen>>);

struct Seen {
    from: Place,
    until: Instant,
}

impl Operators {
    fn note(&self, session: [u8; 32], from: Place, now: Instant, ends_at: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, seen| now < seen.until);
        if all.len() >= SESSIONS_MAX
            && let Some(oldest) = all.iter().min_by_key(|(_, seen)| seen.until).map(|(session, _)| *session)
        {
            all.remove(&oldest);
        }
        all.insert(session, Seen { from, until: now.plus_s(REMEMBERED_S).min(ends_at) });
    }

    /// Somebody logged out.
    pub fn log_out(&self, keys: &Keys, token: &str) {
        self.forget(&session(keys, token));
    }

    fn forget(&self, session: &[u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }

    fn knows(&self, session: &[u8; 32], from: &Place, now: Instant) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(session).is_some_and(|seen| now < seen.until && !from.is_elsewhere_than(&seen.from))
    }
}

/// What a session is remembered by.
fn session(keys: &Keys, token: &str) -> [u8; 32] {
    let hash = keys.hash("service.operator", &[token.as_bytes()]);
    *hash.as_bytes().first_chunk().expect("a hash has 32 bytes")
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
        let from = ClientAddress::from_request_parts(parts, state).await?;
        let from = Place::of(&app, &from, &parts.headers);
        let token = auth::credential(&app, parts, STAFF_COOKIE)?;
        let session = session(&app.keys, token);
        let found = tokio::time::timeout(WAIT, Officer::from_request_parts(parts, state)).await;
        let found = found.unwrap_or_else(|_| Err(DbError::Away.into()));
        let until = |officer: Officer| officer.until(Permission::Operate).ok_or_else(not_allowed);
        let checked = found.and_then(until);
        match checked {
            Ok(ends_at) => {
                app.operators.note(session, from, app.clock.wall(), ends_at);
                Ok(Operator::Checked)
            }
            Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
                match app.operators.knows(&session, &from, app.clock.wall()) {
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
        Place::test(address, agent)
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
