//! Evidence: pictures and PDF that somebody adds to an appeal.
//!
//! Tables: `evidence`, `evidence_chunk`. What a file is, its bytes say and not its name, which is
//! not kept. A picture has to open as one; a PDF may not run or carry anything. The bytes are kept as
//! they came, sealed by the person's key, and given out only as a download ([`http::download`]).
//! Whoever calls has looked at who asks.

pub mod http;
mod pdf;
mod picture;
mod store;
#[cfg(test)]
mod tests;

use axum::http::StatusCode;
use kangma_core::id::{FactId, PersonId};
use kangma_core::time::Instant;
use tokio::sync::Semaphore;

use crate::app::Shared;
use crate::db::DbError;
use crate::error::Problem;
use crate::seal::Dek;

/// The largest file, in bytes.
pub const BYTES_MAX: usize = 5 * 1024 * 1024;
/// The most files to one appeal.
pub const FILES_MAX: usize = 5;
/// A chunk, in bytes: a row that both engines take without effort.
const CHUNK: usize = 256 * 1024;
/// Two uploads to one appeal race for a number; each round lets one through.
const RETRIES: usize = FILES_MAX + 1;

/// Files looked at once: a large picture takes some hundred megabytes while it is open.
static LOOKS: Semaphore = Semaphore::const_new(1);

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Media {
    /// JPEG.
    #[n(1)]
    Jpeg,
    /// PNG.
    #[n(2)]
    Png,
    /// WebP.
    #[n(3)]
    Webp,
    /// PDF.
    #[n(4)]
    Pdf,
}

impl Media {
    /// Its media type.
    pub fn name(self) -> &'static str {
        match self {
            Media::Jpeg => "image/jpeg",
            Media::Png => "image/png",
            Media::Webp => "image/webp",
            Media::Pdf => "application/pdf",
        }
    }

    /// How the name of a download ends.
    fn ending(self) -> &'static str {
        match self {
            Media::Jpeg => "jpg",
            Media::Png => "png",
            Media::Webp => "webp",
            Media::Pdf => "pdf",
        }
    }
}

/// A file, without its bytes.
#[derive(Clone, Debug)]
pub struct File {
    /// Identifier.
    pub id: [u8; 16],
    /// From 0, within the appeal.
    pub seq: i64,
    /// What it is.
    pub media: Media,
    /// How large.
    pub bytes: u64,
    /// When it was added.
    pub added_at: Instant,
    digest: Vec<u8>,
    chunks: i64,
}

/// The sealed part.
#[derive(minicbor::Encode, minicbor::Decode)]
struct Head {
    #[n(0)]
    media: Media,
    #[n(1)]
    bytes: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    digest: Vec<u8>,
}

/// Keeps a file for an appeal. The same key, or the same bytes again, is the same file.
pub async fn add(
    app: &Shared,
    person: PersonId,
    appeal: [u8; 16],
    key: &str,
    bytes: Vec<u8>,
) -> Result<File, Problem> {
    let hash = app.keys.hash("evidence", &[&appeal, key.as_bytes()]);
    let id: [u8; 16] = *hash.as_bytes().first_chunk().ok_or_else(Problem::internal)?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes).as_ref().to_vec();
    let same = |files: &[File]| files.iter().find(|f| f.id == id || f.digest == digest).cloned();
    if let Some(known) = same(&list(app, person, appeal).await?) {
        return Ok(known);
    }
    let permit = LOOKS.acquire().await.map_err(|_| Problem::internal())?;
    let (media, bytes) = tokio::task::spawn_blocking(move || look(&bytes).map(|media| (media, bytes)))
        .await
        .map_err(|_| unreadable_picture())??;
    drop(permit);
    let dek = key_of(app, person).await?;
    let head = Head { media, bytes: bytes.len() as u64, digest: digest.clone() };
    let head_sealed = dek.seal("evidence", "head", &id, &encode(&head));
    for _ in 0..RETRIES {
        let files = list(app, person, appeal).await?;
        if let Some(known) = same(&files) {
            return Ok(known);
        }
        if files.len() >= FILES_MAX {
            return Err(too_many());
        }
        let file = File {
            id,
            seq: files.iter().map(|f| f.seq + 1).max().unwrap_or(0),
            media,
            bytes: head.bytes,
            added_at: app.clock.now(),
            digest: digest.clone(),
            chunks: bytes.len().div_ceil(CHUNK) as i64,
        };
        let chunks = bytes.chunks(CHUNK).zip(0_i64..);
        let chunks = chunks
            .map(|(part, seq)| dek.seal("evidence_chunk", "body", &chunk_key(id, seq, file.chunks), part));
        match store::add(&app.db, person, appeal, &file, head_sealed.clone(), chunks.collect()).await {
            Ok(()) => return Ok(file),
            Err(DbError::Conflict) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Err(DbError::Conflict.into())
}

/// The files of an appeal, in the order in which they came.
pub async fn list(app: &Shared, person: PersonId, appeal: [u8; 16]) -> Result<Vec<File>, Problem> {
    let rows = store::list(&app.db, person, appeal, FILES_MAX as i64).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let dek = key_of(app, person).await?;
    rows.into_iter()
        .map(|row| {
            let plain = dek.open("evidence", "head", &row.id, &row.head).map_err(unreadable)?;
            let head: Head = minicbor::decode(&plain).map_err(unreadable)?;
            Ok(File {
                id: row.id,
                seq: row.seq,
                media: head.media,
                bytes: head.bytes,
                added_at: row.added_at,
                digest: head.digest,
                chunks: row.chunks,
            })
        })
        .collect()
}

/// A file of an appeal with its bytes; nothing for the file of another appeal.
pub async fn read(
    app: &Shared,
    person: PersonId,
    appeal: [u8; 16],
    id: &str,
) -> Result<(File, Vec<u8>), Problem> {
    let id = FactId::parse(id).ok_or_else(Problem::not_found)?.0;
    let files = list(app, person, appeal).await?;
    let file = files.into_iter().find(|f| f.id == id).ok_or_else(Problem::not_found)?;
    let dek = key_of(app, person).await?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.bytes).unwrap_or(0).min(BYTES_MAX));
    for (seq, body) in store::chunks(&app.db, person, id).await? {
        let key = chunk_key(id, seq, file.chunks);
        bytes.extend(dek.open("evidence_chunk", "body", &key, &body).map_err(unreadable)?);
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    if digest.as_ref() != file.digest {
        return Err(unreadable("a chunk is missing"));
    }
    Ok((file, bytes))
}

/// Says what a file is, or why it is not taken.
fn look(bytes: &[u8]) -> Result<Media, Problem> {
    if bytes.is_empty() {
        return Err(refused(
            "evidence.empty",
            "文件是空的，请重新选择。",
            "The file is empty. Please choose another.",
        ));
    }
    if bytes.len() > BYTES_MAX {
        return Err(too_large());
    }
    if let Some(media) = picture::kind(bytes) {
        return picture::open(bytes, media).map(|()| media);
    }
    if pdf::is_pdf(bytes) {
        return pdf::look(bytes).map(|()| Media::Pdf);
    }
    if picture::is_heic(bytes) {
        return Err(refused(
            "evidence.heic",
            "不支持 HEIC 图片。苹果手机可在“设置—相机—格式”选“兼容性最佳”后重拍，或截屏后上传截图。",
            "HEIC pictures are not taken. On an iPhone choose Settings, Camera, Formats, Most Compatible and take \
             it again, or send a screenshot of it.",
        ));
    }
    Err(refused(
        "evidence.type",
        "只接受 JPEG、PNG、WebP 图片和 PDF 文件，请转换后再上传。",
        "Only JPEG, PNG and WebP pictures and PDF files are taken. Please convert it and send it again.",
    ))
}

/// Bound to its number and to how many there are, so that none can be left out or moved.
fn chunk_key(id: [u8; 16], seq: i64, of: i64) -> Vec<u8> {
    [&id[..], &seq.to_be_bytes(), &of.to_be_bytes()].concat()
}

fn encode(head: &Head) -> Vec<u8> {
    minicbor::to_vec(head).expect("encoding into memory cannot fail")
}

async fn key_of(app: &Shared, person: PersonId) -> Result<Dek, Problem> {
    app.person_keys.get(person).await?.ok_or_else(Problem::not_found)
}

fn refused(code: &'static str, zh: &str, en: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, zh, en)
}

fn unreadable_picture() -> Problem {
    refused(
        "evidence.not_a_picture",
        "文件打不开，可能已损坏或不是图片，请换一个文件。",
        "The file does not open: it is damaged, or not a picture. Please choose another.",
    )
}

fn too_large() -> Problem {
    let mb = BYTES_MAX / 1024 / 1024;
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "evidence.too_large",
        format!("单个文件不超过 {mb} MB，请压缩后再上传。"),
        format!("A file has at most {mb} MB. Please make it smaller and send it again."),
    )
}

fn too_many() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "evidence.too_many",
        format!("每次申诉最多上传 {FILES_MAX} 个文件。"),
        format!("An appeal takes at most {FILES_MAX} files."),
    )
}

fn unreadable(e: impl std::fmt::Display) -> Problem {
    tracing::error!(%e, "a piece of evidence could not be read");
    Problem::internal()
}
