//! Requests and answers of giving rights.

use std::collections::{HashMap, HashSet};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use kangma_core::id::FactId;
use kangma_core::role::{PERMISSIONS, Permission, Permissions};
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Account, Given, GrantRow, Invited};
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::limit::ClientAddress;
use crate::staff::{self, Officer};

/// Accounts.
#[derive(Serialize, ToSchema)]
pub struct Accounts {
    /// By name; at most 2,000.
    items: Vec<ListedAccount>,
    /// Who was invited and has not chosen a password yet.
    invited: Vec<InvitedItem>,
}

/// An account in a list, with what it holds.
#[derive(Serialize, ToSchema)]
pub struct ListedAccount {
    #[serde(flatten)]
    account: AccountItem,
    /// Roles that have not ended.
    grants: Vec<GivenItem>,
}

/// Somebody who was invited.
#[derive(Serialize, ToSchema)]
pub struct InvitedItem {
    /// Log-in name to be.
    name: String,
    /// Name of the office.
    office: String,
    /// Code of its division; empty for the whole country.
    division: String,
    /// By whom.
    given_by: String,
    /// Until when the invitation counts.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
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
    let mut held: HashMap<String, Vec<GivenItem>> = HashMap::new();
    for (name, grant) in super::grants_of_all(&app, &officer).await? {
        held.entry(name).or_default().push(grant.into());
    }
    let items = super::accounts(&app, &officer)
        .await?
        .into_iter()
        .map(|a| ListedAccount { grants: held.remove(&a.name).unwrap_or_default(), account: a.into() });
    let items = items.collect();
    let invited = super::invitations(&app, &officer).await?.into_iter().map(|w| InvitedItem {
        name: w.name,
        office: w.office,
        division: w.division,
        given_by: w.given_by,
        expires_at: w.expires_at,
    });
    Ok(Private(Accounts { items, invited: invited.collect() }))
}

/// An account with what it holds.
#[derive(Serialize, ToSchema)]
pub struct AccountView {
    /// The account.
    account: AccountItem,
    /// Roles that have not ended.
    grants: Vec<GivenItem>,
    /// Where it is logged in, the newest first.
    sessions: Vec<LoggedIn>,
}

/// A session of an account.
#[derive(Serialize, ToSchema)]
pub struct LoggedIn {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Instant,
    /// Until when at most.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Instant,
    /// What the browser calls itself.
    browser: String,
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

impl From<GrantRow> for GivenItem {
    fn from(g: GrantRow) -> GivenItem {
        GivenItem {
            id: FactId(g.id).to_string(),
            role: g.role,
            division: g.division,
            assignment: g.assignment,
            ends_at: g.ends_at,
            given_by: g.given_by,
        }
    }
}

/// Reads an account, what it holds and where it is logged in.
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
    let grants = super::grants(&app, &account).await?.into_iter().map(GivenItem::from).collect();
    let sessions = super::sessions(&app, &account).await?;
    let living = sessions.into_iter().filter(|s| !s.elsewhere);
    let sessions =
        living.map(|s| LoggedIn { opened_at: s.opened_at, ends_at: s.ends_at, browser: s.browser });
    Ok(Private(AccountView { account: account.into(), grants, sessions: sessions.collect() }))
}

/// Ends an account: its sessions end, and it can no longer log in.
#[utoipa::path(delete, path = "/api/v1/staff/accounts/{name}", tag = "staff",
    params(("name" = String, Path, description = "Log-in name")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
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

/// Logs an account out everywhere.
#[utoipa::path(delete, path = "/api/v1/staff/accounts/{name}/sessions", tag = "staff",
    params(("name" = String, Path, description = "Log-in name")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn end_sessions(
    State(app): State<Shared>,
    officer: Officer,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    super::end_sessions(&app, &officer, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the invitations of somebody back who has not chosen a password yet.
#[utoipa::path(delete, path = "/api/v1/staff/invitations/{name}", tag = "staff",
    params(("name" = String, Path, description = "Log-in name")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn withdraw(
    State(app): State<Shared>,
    officer: Officer,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    super::withdraw(&app, &officer, &name).await?;
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
    /// How often that was changed: what a change is made from.
    version: i64,
    /// How many accounts hold it, of offices where one gives rights.
    holders: usize,
}

fn names(set: Permissions) -> Vec<&'static str> {
    set.iter().map(Permission::name).collect()
}

/// Lists the roles.
#[utoipa::path(get, path = "/api/v1/staff/roles", tag = "staff",
    responses((status = 200, body = Roles), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn roles(State(app): State<Shared>, officer: Officer) -> Result<Private<Roles>, Problem> {
    let mut held: HashMap<String, HashSet<String>> = HashMap::new();
    for (name, grant) in super::grants_of_all(&app, &officer).await? {
        held.entry(grant.role).or_default().insert(name);
    }
    let items = staff::roles(&app.db).await?.into_iter().map(|role| RoleItem {
        holders: held.get(&role.name).map_or(0, HashSet::len),
        name: role.name,
        permissions: names(role.permissions),
        version: role.version,
    });
    Ok(Private(Roles { items: items.collect(), permissions: names(Permissions::of(&PERMISSIONS)) }))
}

/// A role with those who hold it.
#[derive(Serialize, ToSchema)]
pub struct RoleView {
    /// The role.
    role: RoleItem,
    /// By name, of offices where one gives rights; somebody may hold it in several divisions.
    holders: Vec<HolderItem>,
}

/// Somebody who holds a role.
#[derive(Serialize, ToSchema)]
pub struct HolderItem {
    /// Log-in name.
    name: String,
    /// Name of the office.
    office: String,
    /// Code of the division where the role holds; empty for the whole country.
    division: String,
    /// A place or enterprise that it is limited to.
    assignment: Option<String>,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Instant,
}

/// Reads a role and who holds it.
#[utoipa::path(get, path = "/api/v1/staff/roles/{name}", tag = "staff",
    params(("name" = String, Path, description = "Small letters and underscores")),
    responses((status = 200, body = RoleView), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn role(
    State(app): State<Shared>,
    officer: Officer,
    Path(name): Path<String>,
) -> Result<Private<RoleView>, Problem> {
    let (role, holders) = super::role_with_holders(&app, &officer, &name).await?;
    let people: HashSet<&str> = holders.iter().map(|h| h.name.as_str()).collect();
    let role = RoleItem {
        holders: people.len(),
        name: role.name,
        permissions: names(role.permissions),
        version: role.version,
    };
    let holders = holders.into_iter().map(|h| HolderItem {
        name: h.name,
        office: h.office,
        division: h.division,
        assignment: h.assignment,
        ends_at: h.ends_at,
    });
    Ok(Private(RoleView { role, holders: holders.collect() }))
}

/// What a role allows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// Names of permissions.
    permissions: Vec<String>,
    /// The version that this change was made from, as the role's answer has it; null for a new role.
    #[serde(default)]
    version: Option<i64>,
}

/// A role after a change.
#[derive(Serialize, ToSchema)]
pub struct RoleSaved {
    /// Its version now.
    version: i64,
}

/// Sets what a role allows, for all who hold it, at once; one has to hold all of it oneself. A change
/// that was made from an older version is refused with `rights.role_changed`.
#[utoipa::path(put, path = "/api/v1/staff/roles/{name}", tag = "staff", request_body = RoleRequest,
    params(("name" = String, Path, description = "Small letters and underscores")),
    responses((status = 200, body = RoleSaved), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn put_role(
    State(app): State<Shared>,
    officer: Officer,
    Path(name): Path<String>,
    Body(ask): Body<RoleRequest>,
) -> Result<Private<RoleSaved>, Problem> {
    let set: Option<Vec<Permission>> = ask.permissions.iter().map(|p| Permission::parse(p)).collect();
    let set = set.ok_or_else(|| {
        Problem::field(
            "permissions",
            "rights.permission",
            "有不存在的权限名。",
            "There is no permission of one of these names.",
        )
    })?;
    let version = super::put_role(&app, &officer, &name, Permissions::of(&set), ask.version).await?;
    Ok(Private(RoleSaved { version }))
}
