//! Requests and answers about divisions.

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use kangma_core::division::divisions;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{Problem, ProblemBody};

/// Below which division.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Below {
    /// Code of 2, 4, 6 or 9 digits; provinces without it.
    parent: Option<String>,
}

/// Divisions.
#[derive(Serialize, ToSchema)]
pub struct DivisionList {
    /// By code.
    items: Vec<DivisionItem>,
}

/// One division.
#[derive(Serialize, ToSchema)]
pub struct DivisionItem {
    /// 2, 4, 6, 9 or 12 digits; a longer code begins with its parent's.
    code: &'static str,
    /// In Chinese.
    name: &'static str,
    /// 1 province to 5 community.
    level: u8,
    /// Whether there are divisions below it.
    has_children: bool,
}

/// Lists the divisions below one.
#[utoipa::path(get, path = "/api/v1/divisions", tag = "resident", params(Below),
    responses((status = 200, body = DivisionList), (status = 404, body = ProblemBody)))]
pub async fn list(below: Result<Query<Below>, QueryRejection>) -> Result<Response, Problem> {
    let unknown = || {
        Problem::new(
            axum::http::StatusCode::NOT_FOUND,
            "division.unknown",
            "没有这个区划代码。",
            "There is no division of that code.",
        )
    };
    let Query(Below { parent }) = below.map_err(|_| unknown())?;
    let all = divisions();
    let parent = parent.filter(|p| !p.is_empty());
    if parent.as_deref().is_some_and(|code| all.get(code).is_none()) {
        return Err(unknown());
    }
    let items = all
        .children(parent.as_deref())
        .map(|d| DivisionItem { code: d.code, name: d.name, level: d.level, has_children: d.has_children })
        .collect();
    let mut response = Json(DivisionList { items }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    Ok(response)
}
