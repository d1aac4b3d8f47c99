//! Files on their way in and out.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use kangma_core::id::FactId;
use kangma_core::time::Instant;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::{BYTES_MAX, File};
use crate::error::Problem;

/// Uploads at once: each holds a whole file in memory.
static UPLOADS: Semaphore = Semaphore::const_new(16);
/// How long one may wait for a place.
const PLACE_WAIT: Duration = Duration::from_secs(2);
/// How much of a file that is refused is read away, in bytes.
const DRAINED_MAX: usize = 4 * BYTES_MAX;
/// How long one may take to arrive.
const ARRIVAL_WAIT: Duration = Duration::from_secs(60);

/// A file's bytes as the body of a request, whatever type it says that it has.
pub struct Upload(pub Vec<u8>);

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({} bytes)", self.0.len())
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let said = request.headers().get(header::CONTENT_LENGTH);
        let said = said.and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
        if said.is_some_and(|n| n > BYTES_MAX as u64) {
            drain(request).await;
            return Err(super::too_large());
        }
        let place = tokio::time::timeout(PLACE_WAIT, UPLOADS.acquire()).await;
        let Ok(Ok(_place)) = place else {
            let problem = Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "evidence.busy",
                "正在上传的人很多，请稍后重试。",
                "Many files are arriving. Please try again shortly.",
            );
            return Err(Problem { retry_after_s: Some(10), ..problem });
        };
        match tokio::time::timeout(ARRIVAL_WAIT, axum::body::to_bytes(request.into_body(), BYTES_MAX)).await {
            Ok(Ok(bytes)) => Ok(Upload(bytes.to_vec())),
            Ok(Err(e)) if is_limit(&e) => Err(super::too_large()),
            _ => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "body.slow",
                "网络太慢，没有收到完整的文件，请重试。",
                "The file did not arrive whole. Please try again.",
            )),
        }
    }
}

/// Reads a body away before it is refused: a browser that is still sending would see a broken
/// connection instead of the sentence. Bounded, so that nobody sends for ever.
pub async fn drain(request: Request) {
    let mut stream = request.into_body().into_data_stream();
    let mut left = DRAINED_MAX;
    let away = async {
        while let Some(Ok(part)) = stream.next().await {
            left = left.saturating_sub(part.len());
            if left == 0 {
                break;
            }
        }
    };
    tokio::time::timeout(ARRIVAL_WAIT, away).await.ok();
}

fn is_limit(e: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(e);
    while let Some(c) = cause {
        if c.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = c.source();
    }
    false
}

/// A file, without its bytes.
#[derive(Serialize, ToSchema)]
pub struct FileView {
    /// Identifier.
    id: String,
    /// `image/jpeg`, `image/png`, `image/webp` or `application/pdf`.
    r#type: &'static str,
    /// How large.
    bytes: u64,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    added_at: Instant,
}

impl From<&File> for FileView {
    fn from(file: &File) -> FileView {
        FileView {
            id: FactId(file.id).to_string(),
            r#type: file.media.name(),
            bytes: file.bytes,
            added_at: file.added_at,
        }
    }
}

/// A file as a download, which no browser opens in our origin and no cache keeps.
pub fn download(file: &File, bytes: Vec<u8>) -> Response {
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    let name = format!("attachment; filename=\"evidence-{}.{}\"", file.seq + 1, file.media.ending());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media.name()));
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_DISPOSITION, name);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nothing = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let own = HeaderValue::from_static("same-origin");
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), own);
    response
}
