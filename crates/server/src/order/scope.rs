//! Whom and what an officer may reach; whatever else they ask for is as if it were not there.

use kangma_core::role::Permission;

use super::store::{self, Row};
use super::{Body, Of, conflict, unseal};
use crate::alarm::{self, Pace};
use crate::app::Shared;
use crate::error::Problem;
use crate::person::{self, Person};
use crate::queue;
use crate::staff::{Officer, not_allowed};

/// Refused attempts of one account in an hour before an alarm is raised. Ours.
const REFUSED: Pace = Pace { what: "order.refused", span_s: 3_600, most: 3 };
/// Refused attempts of one account in an hour before it is told to wait. Ours.
const REFUSED_MOST: Pace = Pace { what: "order.refused_most", span_s: 3_600, most: 30 };
/// An order within the scope of a right; any other is as if it were not there, and counted.
pub async fn open(
    app: &Shared,
    officer: &Officer,
    permission: Permission,
    id: [u8; 16],
) -> Result<(Row, Body), Problem> {
    let (row, body, right) = open_by(app, officer, &[permission], id).await?;
    if right.is_of_list {
        return Err(conflict(
            "order.moved",
            "当事人已不在您的权限区域，请由其现所在区域的人员办理。",
            "The person has moved out of your divisions; whoever is responsible where they are now does this.",
        ));
    }
    Ok((row, body))
}

/// The same for the first of some rights that is held there, or where the order was written: who has it in
/// their list opens it, wherever the person has moved since, and is not counted.
pub async fn open_by(
    app: &Shared,
    officer: &Officer,
    any: &[Permission],
    id: [u8; 16],
) -> Result<(Row, Body, Right), Problem> {
    if any.iter().all(|permission| officer.scope(*permission).is_empty()) {
        return Err(not_allowed());
    }
    not_too_many_refused(app, officer).await?;
    let Some(row) = store::find(&app.db, id).await? else {
        return Err(refused(app, officer, alarm::Kind::Guessing).await);
    };
    let body = unseal(app, &row)?;
    let division = match person::state(app, body.person()).await? {
        Some(state) => person::county(state.sealed.division),
        None => row.division.clone(),
    };
    for (division, is_of_list) in [(division, false), (row.division.clone(), true)] {
        let held = any.iter().copied().find(|permission| officer.may(*permission, &division));
        if let Some(permission) = held {
            return Ok((row, body, Right { permission, division, is_of_list }));
        }
    }
    Err(refused(app, officer, alarm::Kind::OutOfScope).await)
}

/// A right that is held in a division.
pub struct Right {
    pub permission: Permission,
    pub division: String,
    /// Whether it is held where the order was written alone, and not where the person is.
    pub is_of_list: bool,
}

/// The person that an order is to be about, if they are in scope, and their county.
pub async fn find(app: &Shared, officer: &Officer, of: &Of) -> Result<(Person, String), Problem> {
    let id = match of {
        Of::Document(document) => person::by_document(app, document).await?,
        Of::Case(case) => {
            let item = queue::find(&app.db, *case).await?;
            item.filter(|i| i.state == queue::State::Open).and_then(|i| i.subject.person())
        }
    };
    let person = match id {
        Some(id) => person::load(app, id).await?,
        None => None,
    };
    let Some(person) = person else { return Err(refused(app, officer, alarm::Kind::Guessing).await) };
    let division = person::county(person.division());
    if !officer.may(Permission::Order, &division) {
        return Err(refused(app, officer, alarm::Kind::OutOfScope).await);
    }
    Ok((person, division))
}

/// The answer to whoever asks for what is not theirs: there is no such thing. Counted, and alarmed
/// after a few.
async fn refused(app: &Shared, officer: &Officer, kind: alarm::Kind) -> Problem {
    let counted = async {
        REFUSED_MOST.take(app, officer.name.as_bytes()).await?;
        if !REFUSED.take(app, officer.name.as_bytes()).await? {
            let tops = officer.scope(Permission::Order);
            alarm::raise(app, kind, &officer.name, tops.first().copied().unwrap_or("")).await?;
        }
        Ok::<(), Problem>(())
    };
    counted.await.err().unwrap_or_else(Problem::not_found)
}

pub async fn not_too_many_refused(app: &Shared, officer: &Officer) -> Result<(), Problem> {
    match REFUSED_MOST.has_room(app, officer.name.as_bytes()).await? {
        true => Ok(()),
        false => Err(Problem::too_many("order.too_many_refused", 3_600)),
    }
}
