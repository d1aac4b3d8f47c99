//! A file on its way in: taken whole or not at all, read once, and kept sealed.

use std::ops::ControlFlow;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use kangma_core::table::{ListKind, Mapping, guess, header_row};
use tokio::sync::{Semaphore, mpsc};

use super::block::{self, Raw};
use super::reader::{self, ROWS_MAX, refused};
use super::{About, By, Counts, Import, State, conflict, errors, seal_about, store, unreadable};
use crate::app::Shared;
use crate::db::DbError;
use crate::error::Problem;

/// The largest file.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Files that are held in memory at once; more wait their turn elsewhere.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// Workbooks are read one after the other: their texts are in memory until the last row.
static WORKBOOKS: Semaphore = Semaphore::const_new(1);
/// How long a file may take to come in, and how long the next part of it.
const FILE_WAIT: std::time::Duration = std::time::Duration::from_secs(600);
const PART_WAIT: std::time::Duration = std::time::Duration::from_secs(15);
/// Files that did not come in whole are forgotten after so long.
pub const RECEIVING_S: i64 = 900;
/// Rows in which the headers are looked for.
const HEAD_ROWS: usize = 10;

/// What comes with a file.
pub struct Sending {
    /// What it lists.
    pub kind: ListKind,
    /// For which division.
    pub division: String,
    /// What the sender calls it.
    pub file: String,
    /// Which sheet of a workbook.
    pub sheet: Option<String>,
}

/// Lets a body come and keeps none of it: who is answered while still sending sees a broken connection in
/// place of the answer.
async fn discard(body: Body) {
    let mut parts = body.into_data_stream();
    let all = async { while let Some(Ok(_)) = parts.next().await {} };
    tokio::time::timeout(PART_WAIT, all).await.ok();
}

/// Takes a file. The second value says that the same office has sent it before.
pub async fn receive(app: &Shared, by: &By, sending: Sending, body: Body) -> Result<(Import, bool), Problem> {
    let Ok(_turn) = AT_ONCE.try_acquire() else {
        discard(body).await;
        return Err(Problem {
            retry_after_s: Some(10),
            ..Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "import.busy",
                "正在接收其他文件，请稍后再试。",
                "Other files are coming in. Please try again shortly.",
            )
        });
    };
    let bytes = tokio::time::timeout(FILE_WAIT, whole(body)).await.map_err(|_| slow())??;
    let parts: [&[u8]; 6] = [
        &by.office,
        sending.division.as_bytes(),
        &[sending.kind as u8],
        sending.sheet.as_deref().unwrap_or("").as_bytes(),
        &[u8::from(sending.sheet.is_some())],
        &bytes,
    ];
    let id = match known(app, &parts).await? {
        Known::There(import) => return Ok((*import, true)),
        Known::New(id) => id,
    };
    let now = app.clock.now();
    let about = About {
        file: sending.file,
        format: String::new(),
        delimiter: None,
        rows: 0,
        header_line: 0,
        headers: Vec::new(),
        mapping: Mapping::new(),
        remembered: false,
        sent_by: by.name.clone(),
        released_by: None,
    };
    let new = Import {
        id,
        office: by.office,
        division: sending.division,
        kind: sending.kind,
        state: State::Receiving,
        lines: 0,
        blocks: 0,
        done: 0,
        counts: Counts::default(),
        created_at: now,
        changed_at: now,
        about: seal_about(app, id, &about),
    };
    match store::begin(&app.db, &new).await {
        Err(DbError::Conflict) => return Err(receiving()),
        done => done?,
    }
    match keep(app, &new, about, bytes, sending.sheet).await {
        Ok(()) => {
            let import = store::find(&app.db, id).await?.ok_or_else(Problem::not_found)?;
            Ok((import, false))
        }
        Err(problem) => {
            store::forget(&app.db, id, now).await.ok();
            Err(problem)
        }
    }
}

fn receiving() -> Problem {
    conflict("import.receiving", "同一文件正在接收中。", "The same file is coming in at this moment.")
}

/// What is known of a file.
enum Known {
    /// It came in before.
    There(Box<Import>),
    /// It is new, under this id.
    New([u8; 16]),
}

/// The same file, if it came in before. One that did not come in whole is forgotten; one that ended before
/// its last line comes in once more, as another import: of its lines those that were applied are known.
async fn known(app: &Shared, parts: &[&[u8]]) -> Result<Known, Problem> {
    let file = app.keys.hash("import", parts);
    for ended in 0_u32.. {
        let hash = match ended {
            0 => file.clone(),
            _ => app.keys.hash("import.again", &[file.as_bytes(), &ended.to_be_bytes()]),
        };
        let id = *hash.as_bytes().first_chunk().expect("a hash is longer than an id");
        let Some(import) = store::find(&app.db, id).await? else { return Ok(Known::New(id)) };
        match import.state {
            State::Ended | State::Stopped | State::Held if super::are_lines_gone(app, &import) => {}
            State::Receiving if app.clock.now() < import.changed_at.plus_s(RECEIVING_S) => {
                return Err(receiving());
            }
            State::Receiving => {
                store::forget(&app.db, id, import.changed_at).await?;
                return Ok(Known::New(id));
            }
            _ => return Ok(Known::There(Box::new(import))),
        }
    }
    Err(Problem::internal())
}

fn slow() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "body.slow",
        "网络太慢，没有收到完整的内容，请重试。",
        "The body came too slowly; please retry.",
    )
}

/// The body, never beyond the limit.
async fn whole(body: Body) -> Result<Vec<u8>, Problem> {
    let mut parts = body.into_data_stream();
    let (mut bytes, mut seen): (Vec<u8>, usize) = (Vec::new(), 0);
    loop {
        let part: Option<Result<Bytes, _>> =
            tokio::time::timeout(PART_WAIT, parts.next()).await.map_err(|_| slow())?;
        let Some(part) = part else {
            return if seen > FILE_BYTES_MAX { Err(too_large()) } else { Ok(bytes) };
        };
        let part = part.map_err(|_| {
            Problem::bad_request(
                "body.unreadable",
                "没有收到完整的内容，请重试。",
                "The body did not arrive whole; please retry.",
            )
        })?;
        seen += part.len();
        if seen <= FILE_BYTES_MAX {
            // Grown by doubling, as a vector is, but never to more than a file may have.
            if bytes.capacity() < seen {
                let room = seen.max(2 * bytes.capacity()).min(FILE_BYTES_MAX);
                bytes.reserve_exact(room - bytes.len());
            }
            bytes.extend_from_slice(&part);
            continue;
        }
        // A sender that is still sending would not read an answer: as much again is let pass unread.
        bytes = Vec::new();
        if seen > 2 * FILE_BYTES_MAX {
            return Err(too_large());
        }
    }
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "import.too_large",
        format!("文件超过 {} MB，请拆分。", FILE_BYTES_MAX >> 20),
        format!("The file is over {} MB. Please split it.", FILE_BYTES_MAX >> 20),
    )
}

/// What the reader found beside the lines.
pub(super) struct Found {
    format: reader::Format,
    pub(super) rows: u32,
    pub(super) lines: i64,
    header: Option<Raw>,
}

/// Reads the file on a thread of its own and stores block after block, sealed.
async fn keep(
    app: &Shared,
    new: &Import,
    mut about: About,
    bytes: Vec<u8>,
    sheet: Option<String>,
) -> Result<(), Problem> {
    let _alone = match &bytes[..] {
        [b'P', b'K', ..] => Some(WORKBOOKS.acquire().await.map_err(unreadable)?),
        _ => None,
    };
    let (send, mut blocks) = mpsc::channel::<Vec<Raw>>(2);
    let kind = new.kind;
    let reading = tokio::task::spawn_blocking(move || read(&bytes, sheet.as_deref(), kind, &send));
    let mut n = 0;
    while let Some(lines) = blocks.recv().await {
        let sealed = block::seal(app, "lines", new.id, n, &lines);
        store::add_block(&app.db, new.id, n, sealed).await?;
        n += 1;
    }
    let found = reading.await.map_err(unreadable)??;
    if found.rows > ROWS_MAX {
        let rows = found.rows;
        return Err(refused(
            "import.rows",
            format!("文件有 {rows} 行，超过 {ROWS_MAX} 行，未导入任何一行。请拆分。"),
            format!(
                "The file has {rows} rows, more than {ROWS_MAX}. None of them was taken; please split it."
            ),
        ));
    }
    let Some(header) = found.header.filter(|_| found.lines > 0) else {
        return Err(refused(
            "import.no_lines",
            "文件只有表头，没有名单。",
            "The file has headers only, and no line below them.",
        ));
    };
    about.format = found.format.name.to_owned();
    about.delimiter = found.format.delimiter;
    about.rows = found.rows;
    about.header_line = header.number;
    about.headers = header.cells;
    (about.mapping, about.remembered) = match remembered(app, new, &about).await? {
        Some(mapping) => (mapping, true),
        None => (guess(kind, &about.headers), false),
    };
    Ok(store::arrived(&app.db, new.id, found.lines, n, seal_about(app, new.id, &about)).await?)
}

/// All rows: those above the headers are left out, those below go on in blocks.
pub(super) fn read(
    bytes: &[u8],
    sheet: Option<&str>,
    kind: ListKind,
    send: &mpsc::Sender<Vec<Raw>>,
) -> Result<Found, Problem> {
    let mut rows = 0_u32;
    let mut lines = 0_i64;
    let mut header: Option<Raw> = None;
    let mut head: Vec<Raw> = Vec::new();
    let mut waiting: Vec<Raw> = Vec::with_capacity(block::LINES);
    let mut gone = false;
    let mut add = |raw: Raw, lines: &mut i64| {
        *lines += 1;
        waiting.push(raw);
        if waiting.len() == block::LINES {
            gone |= send.blocking_send(std::mem::take(&mut waiting)).is_err();
        }
        gone
    };
    let mut choose = |head: &mut Vec<Raw>, lines: &mut i64, add: &mut dyn FnMut(Raw, &mut i64) -> bool| {
        let texts: Vec<&[String]> = head.iter().map(|r| r.cells.as_slice()).collect();
        let at = header_row(kind, &texts);
        let mut rest = head.drain(..).skip(at);
        header = rest.next();
        for raw in rest {
            add(raw, lines);
        }
    };
    let mut chosen = false;
    let format = reader::rows(bytes, sheet, &mut |row| {
        rows = rows.saturating_add(1);
        if rows > ROWS_MAX {
            // Counted to the end, for the answer.
            return ControlFlow::Continue(());
        }
        let raw = Raw { number: row.number, cells: row.cells };
        if !chosen {
            head.push(raw);
            if head.len() == HEAD_ROWS {
                choose(&mut head, &mut lines, &mut add);
                chosen = true;
            }
            return ControlFlow::Continue(());
        }
        if add(raw, &mut lines) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if !chosen && !head.is_empty() {
        choose(&mut head, &mut lines, &mut add);
    }
    if !waiting.is_empty() {
        send.blocking_send(waiting).ok();
    }
    Ok(Found { format, rows, lines, header })
}

/// A name for headers, as the office's own memory has it.
fn fingerprint(app: &Shared, import: &Import, about: &About) -> [u8; 16] {
    let mut parts: Vec<&[u8]> = vec![import.kind.name().as_bytes()];
    parts.extend(errors::original(&about.headers).iter().map(String::as_bytes));
    *app.keys.hash("import.headers", &parts).as_bytes().first_chunk().expect("a hash is longer than an id")
}

fn place(office: [u8; 16], print: [u8; 16]) -> [u8; 32] {
    let mut row = [0; 32];
    row[..16].copy_from_slice(&office);
    row[16..].copy_from_slice(&print);
    row
}

/// What these headers meant to the office the last time.
async fn remembered(app: &Shared, import: &Import, about: &About) -> Result<Option<Mapping>, Problem> {
    let print = fingerprint(app, import, about);
    let Some(sealed) = store::remembered(&app.db, import.office, print).await? else { return Ok(None) };
    let row = place(import.office, print);
    let plain = app.keys.master.open("import_mapping", "mapping", &row, &sealed).map_err(unreadable)?;
    Ok(Some(serde_json::from_slice(&plain).map_err(unreadable)?))
}

/// Remembers it for the next file with these headers.
pub async fn remember(app: &Shared, import: &Import, about: &About) -> Result<(), Problem> {
    let print = fingerprint(app, import, about);
    let plain = serde_json::to_vec(&about.mapping).expect("it is plain JSON");
    let row = place(import.office, print);
    let sealed = app.keys.master.seal("import_mapping", "mapping", &row, &plain);
    Ok(store::remember(&app.db, import.office, print, sealed).await?)
}
