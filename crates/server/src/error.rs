//! One place turns what went wrong into an RFC 9457 answer: a sentence that a person can act
//! on, in their language, with a stable code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kangma_core::identity::IdentityError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::lang::Lang;

/// What went wrong. Never carries personal data: it reaches logs and screens.
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable code, such as `login.code_wrong`.
    pub code: &'static str,
    /// What to do about it, in Chinese.
    pub zh: String,
    /// What to do about it, in English.
    pub en: String,
    /// Per field, where a form was wrong.
    pub fields: Vec<FieldProblem>,
    /// When to try again.
    pub retry_after_s: Option<u32>,
}

/// What is wrong with one field.
#[derive(Debug, Clone)]
pub struct FieldProblem {
    /// Its name in the request.
    pub field: String,
    /// Stable code.
    pub code: &'static str,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// The body of every error answer (RFC 9457, `application/problem+json`).
#[derive(Serialize, ToSchema)]
pub struct ProblemBody {
    /// A URI of the kind of problem: `urn:kangma:` and the code.
    #[schema(example = "urn:kangma:login.code_wrong")]
    r#type: String,
    /// The status in words.
    title: String,
    /// HTTP status.
    status: u16,
    /// `urn:kangma:request:` and the request's id, as the header X-Request-Id says it: whoever is
    /// asked for help finds the request by it.
    #[schema(example = "urn:kangma:request:1f0c2a7744be90d3")]
    instance: String,
    /// Stable code for programs.
    code: String,
    /// What to do about it, in the language of Accept-Language (Chinese by default).
    detail: String,
    /// Per field, where a form was wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldBody>,
    /// Seconds until another try makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
}

/// What is wrong with one field.
#[derive(Serialize, ToSchema)]
pub struct FieldBody {
    /// Its name in the request.
    field: String,
    /// Stable code for programs.
    code: String,
    /// What to do about it.
    detail: String,
}

impl Problem {
    /// A problem with a sentence in both languages.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Problem {
        Problem { status, code, zh: zh.into(), en: en.into(), fields: Vec::new(), retry_after_s: None }
    }

    /// 400.
    pub fn bad_request(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, code, zh, en)
    }

    /// 422, with what is wrong per field.
    pub fn fields(fields: Vec<FieldProblem>) -> Problem {
        let (zh, en) = match fields.as_slice() {
            [one] => (one.zh.clone(), one.en.clone()),
            many => (
                format!("有 {} 处需要修改，请逐项核对。", many.len()),
                format!("{} answers need a correction; see each field.", many.len()),
            ),
        };
        let code = if let [one] = fields.as_slice() { one.code } else { "form.fields" };
        Problem { fields, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, zh, en) }
    }

    /// 422 for one field.
    pub fn field(field: &str, code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Problem {
        Problem::fields(vec![FieldProblem { field: field.into(), code, zh: zh.into(), en: en.into() }])
    }

    /// 422 for a name, document or phone that core refused.
    pub fn refused(field: &str, e: &IdentityError) -> Problem {
        Problem::field(field, e.code, e.zh, e.en)
    }

    /// 429 with Retry-After.
    pub fn too_many(code: &'static str, retry_after_s: u32) -> Problem {
        Problem {
            retry_after_s: Some(retry_after_s),
            ..Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                code,
                format!("操作太频繁，请在 {retry_after_s} 秒后再试。"),
                format!("Too many tries. Please try again in {retry_after_s} seconds."),
            )
        }
    }

    /// 401: who is asking is not known.
    pub fn unauthorised() -> Problem {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "auth.required",
            "登录已失效，请重新登录。",
            "You are not logged in, or the log-in has ended. Please log in again.",
        )
    }

    /// 404.
    pub fn not_found() -> Problem {
        Problem::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "没有这个地址或条目。",
            "There is no such address or item.",
        )
    }

    /// 500: our fault. The cause is logged by whoever found it.
    pub fn internal() -> Problem {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "系统内部出错，您的数据没有丢失，请稍后再试。",
            "Something failed on our side; nothing was lost. Please try again later.",
        )
    }

    /// As JSON in a language, for the request of this id.
    fn body(&self, lang: Lang, id: &HeaderValue) -> ProblemBody {
        let pick = |zh: &str, en: &str| if lang == Lang::Zh { zh.to_owned() } else { en.to_owned() };
        ProblemBody {
            r#type: format!("urn:kangma:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            instance: format!("urn:kangma:request:{}", id.to_str().unwrap_or("none")),
            code: self.code.to_owned(),
            detail: pick(&self.zh, &self.en),
            fields: self
                .fields
                .iter()
                .map(|f| FieldBody {
                    field: f.field.clone(),
                    code: f.code.to_owned(),
                    detail: pick(&f.zh, &f.en),
                })
                .collect(),
            retry_after_s: self.retry_after_s,
        }
    }
}

impl From<DbError> for Problem {
    fn from(e: DbError) -> Problem {
        let status = match e {
            DbError::Conflict => StatusCode::CONFLICT,
            DbError::Busy | DbError::Full | DbError::Gone | DbError::Away => StatusCode::SERVICE_UNAVAILABLE,
            DbError::Other(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let (code, zh, en) = match &e {
            DbError::Conflict => (
                "db.conflict",
                "有人同时修改了这条记录，请再试一次。",
                "The record was changed at the same time. Please try again.",
            ),
            DbError::Busy => (
                "db.busy",
                "现在使用的人很多，请稍后再试；已提交的内容不会丢失。",
                "The service is busy. Please try again shortly; what was accepted is safe.",
            ),
            DbError::Full => (
                "db.full",
                "服务器存储空间已满，暂时不能提交；已提交的内容不会丢失。",
                "The server's disk is full, so nothing can be submitted now; what was accepted is safe.",
            ),
            DbError::Away => (
                "db.away",
                "服务器暂时连接不到数据库，这次提交可能没有成功；请稍后再试，重复提交不会造成影响。",
                "The service cannot reach its database, and this may not have been recorded. Please try again shortly; doing so twice does no harm.",
            ),
            DbError::Gone => (
                "db.gone",
                "服务正在重启，请稍后再试。",
                "The service is restarting. Please try again shortly.",
            ),
            DbError::Other(cause) => {
                tracing::error!(%cause, "database");
                return Problem::internal();
            }
        };
        let retry_after_s = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        Problem { retry_after_s, ..Problem::new(status, code, zh, en) }
    }
}

impl IntoResponse for Problem {
    /// The language is the request's, which a response cannot see: [`render`] writes the body.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a [`Problem`] in the language of its request, with the request's id.
pub fn render(mut response: Response, lang: Lang, id: &HeaderValue) -> Response {
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => write(&problem, lang, id),
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
            let allow = response.headers().get(header::ALLOW).cloned();
            let mut out = write(
                &Problem::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method_not_allowed",
                    "这个地址不支持该请求方法。",
                    "This address does not take that method.",
                ),
                lang,
                id,
            );
            if let Some(allow) = allow {
                out.headers_mut().insert(header::ALLOW, allow);
            }
            out
        }
        None => response,
    }
}

fn write(problem: &Problem, lang: Lang, id: &HeaderValue) -> Response {
    let mut out = (problem.status, Json(problem.body(lang, id))).into_response();
    let headers = out.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(s) = problem.retry_after_s {
        headers.insert(header::RETRY_AFTER, s.into());
    }
    out
}
