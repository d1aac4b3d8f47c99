//! Requests and answers of giving rights.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use kangma_core::id::FactId;
use kangma_core::role::{PERMISSIONS, Permission, Permissions};
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Account, Given, Invited};
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::limit::ClientAddress;
use crate::staff::{self, Officer};

/// Accounts.
#[derive(Serialize, ToSchema)]
pub struct Accounts {
    /// By name; at most 2,000.
    items: Vec<AccountItem>,
}

/// An account.
#[derive(Serialize, ToSchema)]
pub struct AccountItem {
    /// Log-in name.
    name: String,
    /// Name of the office.
    office: String,
    /// Code of its division; empty for the whole country.
    division: String,
    /// Whether a second factor is in use.
    second_factor: bool,
    /// Whether it can no longer log in.
    ended: bool,
}

impl From<Account> for AccountItem {
    fn from(a: Account) -> AccountItem {
        AccountItem {
            name: a.name,
            office: a.office,
            division: a.division,
            second_factor: a.has_second_factor,
            ended: a.has_ended,
        }
    }
}

/// Lists the accounts of offices where one gives rights.
#[utoipa::path(get, path = "/api/v1/staff/accounts", tag = "staff",
    responses((status = 200, body = Accounts), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn accounts(State(app): State<Shared>, officer: Officer) -> Result<Private<Accounts>, Problem> {
    let items = super::accounts(&app, &officer).await?;
    Ok(Private(Accounts { items: items.into_iter().map(AccountItem::from).collect() }))
}

/// An account with what it holds.
#[derive(Serialize, ToSchema)]
pub struct AccountView {
    /// The account.
    account: AccountItem,
    /// Roles that have not ended.
    grants: Vec<GivenItem>,
}

/// A role that an account holds.
#[derive(Serialize, ToSchema)]
pub struct GivenItem {
    /// Identifier, for ending it.
    id: String,
    /// Name of the role.
    role: String,
    /// Code of the division; empty for the whole country.
    division: String,
    /// A place or enterprise that it is limited to.
    assignment: Option<String>,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Instant,
    /// By whom.
    given_by: String,
}

/// Reads an account and what it holds.
#[utoipa::path(get, path = "/api/v1/staff/accounts/{name}", tag = "staff",
    params(("name" = String, Path, description = "Log-in name")),
    responses((status = 200, body = AccountView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn account(
    State(app): State<Shared>,
    officer: Officer,
    Path(name): Path<String>,
) -> Result<Private<AccountView>, Problem> {
    let account = super::account(&app, &officer, &name).await?;
    let grants = super::grants(&app, &account).await?;
    let grants = grants.into_iter().map(|g| GivenItem {
        id: FactId(g.id).to_string(),
        role: g.role,
        division: g.division,
        assignment: g.assignment,
        ends_at: g.ends_at,
        given_by: g.given_by,
    });
    let grants = grants.collect();
    Ok(Private(AccountView { account: account.into(), grants }))
}

/// Ends an account: its sessions end, and it can no longer log in.
#[utoipa::path(delete, path = "/api/v1/staff/accounts/{name}", tag = "staff",
    params(("name" = String, Path, description = "Log-in name")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn end_account(
    State(app): State<Shared>,
    officer: Officer,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    super::end_account(&app, &officer, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets an account begin a new second factor; its sessions end.
#[utoipa::path(delete, path = "/api/v1/staff/accounts/{name}/second-factor", tag = "staff",
    params(("name" = String, Path, description = "Log-in name")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
pub async fn reset_second_factor(
    State(app): State<Shared>,
    officer: Officer,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    super::reset_second_factor(&app, &officer, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody to be invited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    /// Log-in name: 1 to 64 letters, digits, dots, dashes or underscores.
    name: String,
    /// Name of the office, made if new.
    office: String,
    /// Code of its division; empty for the whole country.
    #[serde(default)]
    division: String,
}

/// An invitation.
#[derive(Serialize, ToSchema)]
pub struct Invitation {
    /// For choosing a password, once; hand it over yourself.
    token: String,
    /// Until when it counts.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
}

/// Invites somebody to the staff. They hold no right until one is given.
#[utoipa::path(post, path = "/api/v1/staff/invitations", tag = "staff", request_body = InvitationRequest,
    responses((status = 201, body = Invitation), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn invite(
    State(app): State<Shared>,
    officer: Officer,
    Body(ask): Body<InvitationRequest>,
) -> Result<(StatusCode, Private<Invitation>), Problem> {
    let invited = Invited { name: &ask.name, office: &ask.office, division: &ask.division };
    let (token, expires_at) = super::invite(&app, &officer, &invited).await?;
    Ok((StatusCode::CREATED, Private(Invitation { token, expires_at })))
}

/// An invitation's token and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// From the invitation.
    token: String,
    /// 12 to 128 characters.
    password: String,
}

/// A new account.
#[derive(Serialize, ToSchema)]
pub struct Accepted {
    /// Log-in name.
    name: String,
}

/// Takes an invitation up.
#[utoipa::path(post, path = "/api/v1/staff/invitations/accept", tag = "staff", request_body = Acceptance,
    responses((status = 201, body = Accepted), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody),
        (status = 429, body = ProblemBody)))]
pub async fn accept(
    State(app): State<Shared>,
    from: ClientAddress,
    Body(ask): Body<Acceptance>,
) -> Result<(StatusCode, Private<Accepted>), Problem> {
    app.limits.passwords.take(&from)?;
    let name = super::accept(&app, &ask.token, &ask.password).await?;
    Ok((StatusCode::CREATED, Private(Accepted { name })))
}

/// A role to be given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    /// Name of the role.
    role: String,
    /// Code of the division where; empty for the whole country.
    #[serde(default)]
    division: String,
    /// A place or enterprise that it is limited to.
    #[serde(default)]
    assignment: Option<String>,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Instant,
}

/// A grant.
#[derive(Serialize, ToSchema)]
pub struct Granted {
    /// Identifier, for ending it.
    id: String,
}

/// Gives a role to an account: only what one holds oneself, there and not longer.
#[utoipa::path(post, path = "/api/v1/staff/accounts/{name}/grants", tag = "staff", request_body = GrantRequest,
    params(("name" = String, Path, description = "Log-in name")),
    responses((status = 201, body = Granted), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn give(
    State(app): State<Shared>,
    officer: Officer,
    Path(name): Path<String>,
    Body(ask): Body<GrantRequest>,
) -> Result<(StatusCode, Private<Granted>), Problem> {
    let to = super::account(&app, &officer, &name).await?;
    let given = Given {
        role: &ask.role,
        division: &ask.division,
        assignment: ask.assignment.as_deref(),
        ends_at: ask.ends_at,
    };
    let id = super::give(&app, &officer, &to, &given).await?;
    Ok((StatusCode::CREATED, Private(Granted { id: FactId(id).to_string() })))
}

/// Ends a grant at once.
#[utoipa::path(delete, path = "/api/v1/staff/grants/{id}", tag = "staff",
    params(("id" = String, Path, description = "From an account's grants")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn end_grant(
    State(app): State<Shared>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = FactId::parse(&id).ok_or_else(Problem::not_found)?;
    super::end_grant(&app, &officer, id.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Roles.
#[derive(Serialize, ToSchema)]
pub struct Roles {
    /// By name.
    items: Vec<RoleItem>,
    /// Every permission that there is.
    permissions: Vec<&'static str>,
}

/// A named set of permissions.
#[derive(Serialize, ToSchema)]
pub struct RoleItem {
    /// Its name.
    name: String,
    /// What it allows.
    permissions: Vec<&'static str>,
}

/// Lists the roles.
#[utoipa::path(get, path = "/api/v1/staff/roles", tag = "staff",
    responses((status = 200, body = Roles), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn roles(State(app): State<Shared>, officer: Officer) -> Result<Private<Roles>, Problem> {
    super::giving(&officer)?;
    let items = staff::roles(&app.db).await?;
    let items = items.into_iter().map(|role| RoleItem {
        name: role.name,
        permissions: role.permissions.iter().map(Permission::name).collect(),
    });
    let permissions = PERMISSIONS.into_iter().map(Permission::name).collect();
    Ok(Private(Roles { items: items.collect(), permissions }))
}

/// What a role allows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// Names of permissions.
    permissions: Vec<String>,
}

/// Sets what a role allows, for all who hold it, at once; one has to hold all of it oneself.
#[utoipa::path(put, path = "/api/v1/staff/roles/{name}", tag = "staff", request_body = RoleRequest,
    params(("name" = String, Path, description = "Small letters and underscores")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn put_role(
    State(app): State<Shared>,
    officer: Officer,
    Path(name): Path<String>,
    Body(ask): Body<RoleRequest>,
) -> Result<StatusCode, Problem> {
    let set: Option<Vec<Permission>> = ask.permissions.iter().map(|p| Permission::parse(p)).collect();
    let set = set.ok_or_else(|| {
        Problem::field(
            "permissions",
            "rights.permission",
            "有不存在的权限名。",
            "There is no permission of one of these names.",
        )
    })?;
    super::put_role(&app, &officer, &name, Permissions::of(&set)).await?;
    Ok(StatusCode::NO_CONTENT)
}
