//! Lists of offices on their way in: files and records, line by line, each a fact or a sentence
//! that says what is wrong with it.
//!
//! URLs: `/api/v1/imports` and below, `POST /api/v1/records`, `GET /api/v1/import-kinds`. Tables:
//! `import`, `import_block`, `import_mapping`. A file is read once, into sealed blocks of lines; a
//! job then works through them ([`job`]). A line's fact has an id made of the import and the line,
//! and of what it says: done twice it is recorded once, and said twice by an office it is known.
//!
//! An office learns from an import only what it sent itself: a line about somebody whom nobody
//! knew ends like one about somebody with a code.

mod apply;
mod block;
mod errors;
pub mod http;
pub mod job;
pub mod reader;
pub mod records;
mod sheet;
mod store;
#[cfg(test)]
mod tests;
mod upload;

use axum::http::StatusCode;
use kangma_core::division::lies_in;
use kangma_core::role::Permission;
use kangma_core::table::{Column, ListKind, Mapping, Reader};
use kangma_core::time::{DAY_S, Instant};
use serde::{Deserialize, Serialize};

pub use upload::{Sending, receive};

use crate::app::{App, Shared};
use crate::db::Unit;
use crate::error::Problem;
use crate::log;
use crate::staff::{self, Officer};

/// Who sends, and where they may.
pub struct By {
    /// Log-in name.
    pub name: String,
    /// Their office.
    pub office: [u8; 16],
    scope: Vec<String>,
}

impl By {
    /// An officer who may import for a division.
    pub fn importing(officer: Officer, division: &str) -> Result<By, Problem> {
        officer.require(Permission::Import, division)?;
        By::anywhere(officer)
    }

    /// An officer who may import somewhere.
    pub fn anywhere(officer: Officer) -> Result<By, Problem> {
        let scope: Vec<String> = officer.scope(Permission::Import).into_iter().map(str::to_owned).collect();
        if scope.is_empty() {
            return Err(staff::not_allowed());
        }
        Ok(By { name: officer.name, office: officer.office, scope })
    }

    /// Divisions in which they may.
    fn scope(&self) -> Vec<&str> {
        self.scope.iter().map(String::as_str).collect()
    }

    /// Whether they sent an import: to them alone it gives back what stood in it.
    pub fn sent(&self, about: &About) -> bool {
        self.name == about.sent_by
    }

    /// Whether they stand above a division.
    pub fn is_above(&self, division: &str) -> bool {
        self.scope.iter().any(|outer| outer.len() < division.len() && lies_in(division, outer))
    }
}

/// How far an import has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[schema(as = ImportState)]
pub enum State {
    /// On its way in.
    Receiving = 0,
    /// Read; its columns may be named.
    Ready = 1,
    /// A dry run.
    Checking = 2,
    /// The dry run is done.
    Checked = 3,
    /// Lines become facts.
    Running = 4,
    /// Stopped by somebody; can go on.
    Stopped = 5,
    /// Stopped by itself: too many of its lines are about people of other divisions.
    Held = 6,
    /// Every line has its result.
    Done = 7,
    /// It was stopped or held, and nobody let it go on in time: the lines that were left are gone.
    Ended = 8,
}

impl State {
    fn from_u8(n: u8) -> Option<State> {
        use State::{Checked, Checking, Done, Ended, Held, Ready, Receiving, Running, Stopped};
        [Receiving, Ready, Checking, Checked, Running, Stopped, Held, Done, Ended]
            .into_iter()
            .find(|s| *s as u8 == n)
    }
}

/// Lines by result.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// Of a dry run: nothing is wrong with them.
    pub fine: i64,
    /// They are facts now.
    pub applied: i64,
    /// The same office has said the same before.
    pub known: i64,
    /// Something is wrong with them.
    pub wrong: i64,
    /// Lines that can give a colour, about people of other divisions.
    #[serde(skip)]
    pub elsewhere: i64,
}

/// A file that was sent.
#[derive(Clone)]
pub struct Import {
    /// Keyed hash of office, division, kind and the file, and of how often it ended before.
    pub id: [u8; 16],
    /// Whose it is.
    pub office: [u8; 16],
    /// For which division.
    pub division: String,
    /// What it lists.
    pub kind: ListKind,
    /// How far it has come.
    pub state: State,
    /// Lines below the headers.
    pub lines: i64,
    /// Blocks of lines.
    pub blocks: i64,
    /// Blocks that are finished.
    pub done: i64,
    /// Lines by result.
    pub counts: Counts,
    /// When it was sent.
    pub created_at: Instant,
    /// When it last moved.
    pub changed_at: Instant,
    /// [`About`], sealed.
    about: Vec<u8>,
}

/// What only those may read who may read the import.
#[derive(Clone, Serialize, Deserialize)]
pub struct About {
    /// As the sender named it.
    pub file: String,
    /// `xlsx`, or the encoding of a text.
    pub format: String,
    /// Of a text, what stands between cells.
    pub delimiter: Option<char>,
    /// Rows with something in them, headers included.
    pub rows: u32,
    /// The row of the headers.
    pub header_line: u32,
    /// Headers.
    pub headers: Vec<String>,
    /// Which column stands where.
    pub mapping: Mapping,
    /// Whether the office said so the last time.
    pub remembered: bool,
    /// Who sent it.
    pub sent_by: String,
    /// Who let it go on after it had been held.
    pub released_by: Option<String>,
}

impl Import {
    /// What is sealed of it.
    pub fn about(&self, app: &Shared) -> Result<About, Problem> {
        let plain = app.keys.master.open("import", "about", &self.id, &self.about).map_err(unreadable)?;
        serde_json::from_slice(&plain).map_err(unreadable)
    }

    /// Whether it has as many rows as a format can hold: it may have been cut off.
    pub fn at_limit(about: &About) -> bool {
        reader::FORMAT_LIMITS.contains(&about.rows)
    }
}

fn seal_about(app: &Shared, id: [u8; 16], about: &About) -> Vec<u8> {
    let plain = serde_json::to_vec(about).expect("it is plain JSON");
    app.keys.master.seal("import", "about", &id, &plain)
}

fn unreadable(e: impl std::fmt::Display) -> Problem {
    tracing::error!(%e, "an import's sealed column could not be read");
    Problem::internal()
}

/// An import that these may see; one of others is not there.
pub async fn find(app: &Shared, by: &By, id: [u8; 16]) -> Result<Import, Problem> {
    let import = store::find(&app.db, id).await?.filter(|i| i.state != State::Receiving);
    import.filter(|i| by.scope().iter().any(|s| lies_in(&i.division, s))).ok_or_else(Problem::not_found)
}

/// Imports in a list at most.
pub const LIST_MAX: i64 = 200;

/// Those that these may see, the newest first.
pub async fn list(app: &Shared, by: &By) -> Result<Vec<Import>, Problem> {
    let mut all = Vec::new();
    for division in by.scope() {
        all.extend(store::list(&app.db, division, LIST_MAX).await?);
    }
    all.sort_by_key(|i| std::cmp::Reverse((i.created_at, i.id)));
    all.dedup_by_key(|i| i.id);
    all.truncate(LIST_MAX as usize);
    Ok(all)
}

fn conflict(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, zh, en)
}

fn wrong_state() -> Problem {
    conflict(
        "import.state",
        "该导入当前不能执行此操作，请刷新后再看。",
        "The import is not in a state for that now. Look again where it stands.",
    )
}

/// Says which column stands where. What a dry run found is void then.
pub async fn map(app: &Shared, import: &Import, mapping: Mapping) -> Result<(), Problem> {
    let mut about = import.about(app)?;
    let foreign = mapping.keys().find(|c| !import.kind.columns().any(|k| k == **c));
    if let Some(column) = foreign {
        return Err(Problem::field(
            column.name(),
            "import.column",
            "这类名单没有该列。",
            "A list of this kind has no such column.",
        ));
    }
    about.mapping = mapping;
    about.remembered = false;
    match store::describe(&app.db, import.id, seal_about(app, import.id, &about), app.clock.now()).await {
        Err(crate::db::DbError::Conflict) => Err(wrong_state()),
        done => Ok(done?),
    }
}

/// Columns that the list needs and the mapping does not give.
pub fn missing(app: &Shared, import: &Import, about: &About) -> Vec<Column> {
    Reader::new(import.kind, &about.mapping, &app.packs.base().zone, import.created_at).missing()
}

/// For how long the lines of a list are kept that is finished, or that nobody lets go on, in seconds.
fn lines_s(app: &App) -> i64 {
    i64::from(app.config.list_days) * DAY_S
}

/// Until when the lines of a list are kept; none while it is on its way.
pub fn lines_until(app: &App, import: &Import) -> Option<Instant> {
    let rests = [State::Stopped, State::Held, State::Done].contains(&import.state);
    rests.then(|| import.changed_at.plus_s(lines_s(app)))
}

/// Whether the lines of a list are gone, and only its counts are left.
pub fn are_lines_gone(app: &App, import: &Import) -> bool {
    import.state == State::Ended
        || lines_until(app, import).is_some_and(|until| import.blocks == 0 || until < app.clock.now())
}

/// Refuses to speak of lines that are gone.
pub fn has_lines(app: &App, import: &Import) -> Result<(), Problem> {
    if !are_lines_gone(app, import) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::GONE,
        "import.lines_gone",
        "名单完成或停止已久，逐行的内容已按期删除，只保留条数。需要时请向来源单位索取原件，重新发送。",
        "The list was finished or stopped long ago: its lines were deleted in time, and only counts are left. Ask whoever it came from for the original, and send it again.",
    ))
}

/// Forgets a file that was not started, with its lines: nobody is touched by it.
pub async fn forget(app: &Shared, import: &Import) -> Result<(), Problem> {
    match store::drop_unstarted(&app.db, import.id, Instant(i64::MAX)).await {
        Err(crate::db::DbError::Conflict) => Err(wrong_state()),
        done => Ok(done?),
    }
}

/// What is wrong with lines, each sentence once.
pub struct Reason {
    /// The sentence.
    pub sentence: block::Sentence,
    /// How many lines.
    pub lines: i64,
    /// The first of them.
    pub first: u32,
}

/// Blocks whose results are in memory at once.
const RESULTS_AT_ONCE: usize = 32;

/// Why lines are wrong, the most frequent first. There are as many as checks of a line, not as lines.
pub async fn reasons(app: &Shared, import: &Import) -> Result<Vec<Reason>, Problem> {
    let mut all: Vec<Reason> = Vec::new();
    let end = if import.counts.wrong == 0 { 0 } else { import.done };
    for from in (0..end).step_by(RESULTS_AT_ONCE) {
        let blocks = from..end.min(from + RESULTS_AT_ONCE as i64);
        for (n, sealed) in store::results(&app.db, import.id, blocks).await? {
            let results: block::Results = block::open(app, "result", import.id, n, &sealed)?;
            for (line, _, sentence) in results.iter() {
                let Some(sentence) = sentence else { continue };
                match all.iter_mut().find(|reason| reason.sentence == *sentence) {
                    Some(reason) => reason.lines += 1,
                    None => all.push(Reason { sentence: sentence.clone(), lines: 1, first: line }),
                }
            }
        }
    }
    all.sort_by_key(|reason| (std::cmp::Reverse(reason.lines), reason.first));
    Ok(all)
}

/// How to start.
#[derive(Clone, Copy, Default, Debug)]
pub struct Start {
    /// Only look, and record nothing.
    pub dry_run: bool,
    /// How many lines the file has by the sender's count.
    pub lines: Option<i64>,
    /// Whether the starter may release what is held.
    pub may_release: bool,
}

/// Starts a dry run or the real one, or lets one go on that was stopped.
pub async fn start(app: &Shared, by: &By, import: &Import, how: Start) -> Result<(), Problem> {
    has_lines(app, import)?;
    let mut about = import.about(app)?;
    let now = app.clock.now();
    if how.lines.is_some_and(|n| n != import.lines) || how.lines.is_none() && Import::at_limit(&about) {
        let (rows, lines) = (about.rows, import.lines);
        return Err(conflict(
            "import.count",
            format!(
                "文件共 {rows} 行，其中名单 {lines} 条。请与原件核对条数，并在 lines 中填写；{rows} 行可能是导出时被截断。"
            ),
            format!(
                "The file has {rows} rows, {lines} of them lines of the list. Compare with the source and give its count as lines: a format's row limit may have cut it off."
            ),
        ));
    }
    let missing = missing(app, import, &about);
    if let Some(column) = missing.first() {
        return Err(Problem::field(
            column.name(),
            "import.column_missing",
            "请指定该列在文件中的位置。",
            "Say which column of the file holds this.",
        ));
    }
    let moved = match (import.state, how.dry_run) {
        (State::Ready | State::Checked, dry) => {
            upload::remember(app, import, &about).await?;
            let to = if dry { State::Checking } else { State::Running };
            let logged = |unit| if how.dry_run { unit } else { leaf(unit, app, import) };
            store::restart(&app.db, import.id, to, seal_about(app, import.id, &about), now, logged).await
        }
        (State::Stopped, false) => {
            store::move_to(&app.db, import, State::Running, import.about.clone(), now).await
        }
        (State::Held, false) => {
            if !how.may_release || by.name == about.sent_by {
                return Err(held());
            }
            about.released_by = Some(by.name.clone());
            store::move_to(&app.db, import, State::Running, seal_about(app, import.id, &about), now).await
        }
        _ => return Err(wrong_state()),
    };
    match moved {
        Err(crate::db::DbError::Conflict) => Err(wrong_state()),
        done => Ok(done?),
    }
}

/// A list that takes effect is in the decision log: who sent it for where, and how many lines.
fn leaf(unit: Unit, app: &App, import: &Import) -> Unit {
    let Import { id, office, division, kind, lines, created_at, .. } = import;
    let columns = [
        (*id).into(),
        (*office).into(),
        division.as_str().into(),
        i64::from(*kind as u8).into(),
        (*lines).into(),
        (*created_at).into(),
    ];
    log::leaf(unit, app, log::Subject::new(log::Kind::Import, *id), &columns)
}

fn held() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "import.held",
        "名单中有较多人员属于其他区划，已自动暂停，须由上级单位的另一人核准后继续。",
        "Too many of its lines are about people of other divisions. Somebody else, of the level above, has to let it go on.",
    )
}

/// Stops it after the block that is under way. What is applied stays.
pub async fn stop(app: &Shared, import: &Import) -> Result<(), Problem> {
    let to = match import.state {
        State::Running => State::Stopped,
        State::Checking => State::Ready,
        _ => return Err(wrong_state()),
    };
    match store::move_to(&app.db, import, to, import.about.clone(), app.clock.now()).await {
        Err(crate::db::DbError::Conflict) => Err(wrong_state()),
        done => Ok(done?),
    }
}
