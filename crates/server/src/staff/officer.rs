//! Who on the staff is asking, and what they may do. Read from the database at each request: a
//! right that ends, ends at once.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use kangma_core::division::lies_in;
use kangma_core::role::{Permission, Permissions};
use kangma_core::time::Instant;

use super::{Place, SessionKey};
use crate::app::Shared;
use crate::auth::{self, STAFF_COOKIE};
use crate::error::Problem;

/// A role that somebody holds.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its name.
    pub role: String,
    /// What it allows.
    pub permissions: Permissions,
    /// Code of the division where; empty for the whole country.
    pub division: String,
    /// A place or enterprise that it is limited to.
    pub assignment: Option<String>,
    /// Until when.
    pub ends_at: Instant,
}

/// A member of staff with a living session.
#[derive(Clone, Debug)]
pub struct Officer {
    /// Log-in name.
    pub name: String,
    /// Their unit.
    pub office: [u8; 16],
    /// The session that asks.
    pub session: [u8; 16],
    /// Roles that have not ended.
    pub grants: Vec<Grant>,
}

#[allow(dead_code, reason = "the duties that ask for rights come one after the other")]
impl Officer {
    /// Whether something is allowed in a division; a grant for one assignment allows nothing here.
    pub fn may(&self, permission: Permission, division: &str) -> bool {
        self.grant_for(permission, division).is_some()
    }

    /// The widest grant that allows something in a division.
    pub fn grant_for(&self, permission: Permission, division: &str) -> Option<&Grant> {
        self.held(permission).filter(|g| lies_in(division, &g.division)).min_by_key(|g| g.division.len())
    }

    fn held(&self, permission: Permission) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |g| g.assignment.is_none() && g.permissions.contains(permission))
    }

    /// Whether something is allowed at a place in a division: in all of the division, or to whoever is
    /// assigned to just that place, by its name. Who manages an enterprise is allowed nothing elsewhere.
    pub fn may_at(&self, permission: Permission, division: &str, spot: Option<&str>) -> bool {
        let assigned = |grant: &Grant| {
            grant.assignment.as_deref().is_some_and(|place| Some(place) == spot)
                && grant.permissions.contains(permission)
                && lies_in(division, &grant.division)
        };
        let everywhere = permission != Permission::Enterprise && self.may(permission, division);
        everywhere || self.grants.iter().any(assigned)
    }

    /// Refuses what is not allowed in a division.
    pub fn require(&self, permission: Permission, division: &str) -> Result<(), Problem> {
        if self.may(permission, division) { Ok(()) } else { Err(not_allowed()) }
    }

    /// Until when something is allowed somewhere.
    pub fn until(&self, permission: Permission) -> Option<Instant> {
        self.held(permission).map(|g| g.ends_at).max()
    }

    /// Refuses what is allowed nowhere.
    pub fn require_somewhere(&self, permission: Permission) -> Result<(), Problem> {
        if self.held(permission).next().is_some() { Ok(()) } else { Err(not_allowed()) }
    }

    /// Whether all of a set is held in a division until an instant: what may be given to others.
    pub fn may_give(&self, set: Permissions, division: &str, until: Instant) -> bool {
        let holds =
            |permission| self.held(permission).any(|g| lies_in(division, &g.division) && until <= g.ends_at);
        holds(Permission::GrantRights) && set.iter().all(holds)
    }

    /// The topmost divisions where something is allowed: `[""]` is the whole country, none is nowhere.
    pub fn scope(&self, permission: Permission) -> Vec<&str> {
        let mut all: Vec<&str> = self.held(permission).map(|g| g.division.as_str()).collect();
        all.sort_unstable();
        // In this order a division comes before those in it.
        let mut top: Vec<&str> = Vec::new();
        for division in all {
            if !top.last().is_some_and(|outer| lies_in(division, outer)) {
                top.push(division);
            }
        }
        top
    }

    /// The role under which something is done in a division.
    pub fn role_for(&self, permission: Permission, division: &str) -> &str {
        self.grant_for(permission, division).map_or("", |g| g.role.as_str())
    }

    /// The role under which one of some things is done at a place in a division: see [`Officer::may_at`].
    pub fn role_at(&self, any: &[Permission], division: &str, spot: Option<&str>) -> &str {
        let gives = |grant: &&Grant| {
            let here = grant.assignment.as_deref().is_none_or(|place| Some(place) == spot);
            here && lies_in(division, &grant.division) && any.iter().any(|p| grant.permissions.contains(*p))
        };
        self.grants.iter().find(gives).map_or("", |g| g.role.as_str())
    }
}

/// The refusal of what somebody may not do; it tells nothing of what they asked about.
pub fn not_allowed() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "auth.not_allowed",
        "您的账号没有这项权限，或权限不含该区域。如工作需要，请向授权管理员申请。",
        "Your account does not hold this right, or not for this division. Ask whoever gives out rights if your work needs it.",
    )
}

/// What a request shows of whose it is: a session, which need not be one, and where it comes from.
pub struct Shown {
    /// What the session is kept by.
    pub session: SessionKey,
    /// Where it is used.
    pub place: Place,
}

impl Shown {
    /// Whose session it is, by the database.
    pub async fn officer(&self, app: &Shared) -> Result<Officer, Problem> {
        super::officer(app, self).await
    }
}

impl<S> FromRequestParts<S> for Shown
where
    Shared: FromRef<S>,
    S: Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = Shared::from_ref(state);
        let place = Place::from_request_parts(parts, state).await?;
        let token = auth::credential(&app, parts, STAFF_COOKIE)?;
        let session = super::session_key(&app, token).ok_or_else(Problem::unauthorised)?;
        Ok(Shown { session, place })
    }
}

impl<S> FromRequestParts<S> for Officer
where
    Shared: FromRef<S>,
    S: Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Shown::from_request_parts(parts, state).await?.officer(&Shared::from_ref(state)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn officer(grants: &[(&str, &[Permission], Option<&str>)]) -> Officer {
        let grant = |(division, permissions, assignment): &(&str, &[Permission], Option<&str>)| Grant {
            role: format!("in {division}"),
            permissions: Permissions::of(permissions),
            division: (*division).to_owned(),
            assignment: assignment.map(str::to_owned),
            ends_at: Instant(1),
        };
        let grants = grants.iter().map(grant).collect();
        Officer { name: "someone".into(), office: [0; 16], session: [0; 16], grants }
    }

    #[test]
    fn a_right_holds_in_its_division_and_in_what_lies_in_it() {
        use Permission::{Order, Review};
        let one = officer(&[("3301", &[Review], None), ("330106", &[Order], None)]);
        assert!(one.may(Review, "3301") && one.may(Review, "330106001"));
        assert!(!one.may(Review, "33") && !one.may(Review, "3302") && !one.may(Review, ""));
        assert!(one.may(Order, "330106") && !one.may(Order, "3301"));
        assert_eq!(one.require(Order, "3301").unwrap_err().code, "auth.not_allowed");
        assert_eq!(one.role_for(Order, "330106"), "in 330106");
        assert!(one.scope(Permission::Import).is_empty());
    }

    #[test]
    fn one_gives_what_one_holds_there_and_not_longer() {
        use Permission::{GrantRights, Order, Review};
        let one = officer(&[("3301", &[GrantRights, Review], None), ("33", &[Order], None)]);
        let review = Permissions::of(&[Review]);
        assert!(one.may_give(review, "330106", Instant(1)));
        assert!(!one.may_give(review, "33", Instant(1)), "not above");
        assert!(!one.may_give(review, "3301", Instant(2)), "not longer");
        assert!(!one.may_give(Permissions::of(&[Permission::Import]), "3301", Instant(1)), "not more");
        assert!(one.may_give(Permissions::of(&[Order]), "3301", Instant(1)));
        assert!(!one.may_give(Permissions::of(&[Order]), "3302", Instant(1)), "nothing to give there");
    }

    #[test]
    fn a_scope_names_each_division_once_by_its_topmost() {
        use Permission::Dashboard;
        let grants: Vec<(&str, &[Permission], Option<&str>)> =
            ["330106", "3301", "34", "330102", "35"].map(|d| (d, &[Dashboard][..], None)).to_vec();
        assert_eq!(officer(&grants).scope(Dashboard), ["3301", "34", "35"]);
        assert_eq!(officer(&[("", &[Dashboard], None), ("33", &[Dashboard], None)]).scope(Dashboard), [""]);
        assert!(officer(&[]).scope(Dashboard).is_empty());
    }

    #[test]
    fn a_grant_for_one_place_allows_nothing_in_the_division() {
        use Permission::Collect;
        let one = officer(&[("3301", &[Collect], Some("gate 7"))]);
        assert!(!one.may(Collect, "3301") && one.scope(Collect).is_empty());
        assert!(one.may_at(Collect, "330106", Some("gate 7")));
        assert!(!one.may_at(Collect, "330106", Some("gate 8")) && !one.may_at(Collect, "330106", None));
        assert!(!one.may_at(Collect, "3302", Some("gate 7")), "of that name, elsewhere");
        assert!(!one.may_at(Permission::LookUp, "330106", Some("gate 7")), "nor anything else");
    }
}
