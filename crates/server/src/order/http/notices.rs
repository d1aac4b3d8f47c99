//! What a resident reads of orders about them.

use axum::extract::State as AxumState;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::notice::{self, Notice};
use super::Offices;
use crate::account;
use crate::app::Shared;
use crate::auth::Resident;
use crate::error::{Problem, ProblemBody};
use crate::http::Private;
use crate::lang::Reads;
use crate::limit::Who;
use crate::person;

/// What one is told.
#[derive(Serialize, ToSchema)]
pub struct Notices {
    /// The newest first; at most 50.
    items: Vec<Notice>,
}

/// Reads what staff ordered about oneself, whatever became of it.
#[utoipa::path(get, path = "/api/v1/me/notices", tag = "resident",
    responses((status = 200, body = Notices), (status = 401, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn list(
    AxumState(app): AxumState<Shared>,
    who: Resident,
    Reads(lang): Reads,
) -> Result<Private<Notices>, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let none = Private(Notices { items: Vec::new() });
    let Some(id) = account::holder(&app, who).await? else { return Ok(none) };
    let Some(state) = person::state(&app, id).await? else { return Ok(none) };
    account::still_holds(&state, who)?;
    let Some(person) = person::explained(&app, id).await? else { return Ok(none) };
    let mut items = notice::of(&app, &person, lang);
    let mut names = Offices::default();
    for notice in &mut items {
        notice.office = names.name(&app, &notice.office).await?;
        if let Some(office) = &mut notice.signed_by {
            *office = names.name(&app, office).await?;
        }
    }
    Ok(Private(Notices { items }))
}
