//! What the text of a draft comes to while it is typed: nothing is stored. The checking takes a core for
//! as long as it takes, so it is done beside the threads that answer, one text of an officer at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use axum::extract::{Path, State as AxumState};
use axum::http::StatusCode;
use kangma_core::rules::cases::run_cases;
use kangma_core::rules::outline::{FILE, How, Place, Written, outline};
use kangma_core::rules::pack::{FILE_BYTES_MAX, FILES_MAX, Library, Pack, PackFiles, Rule, Then};
use kangma_core::rules::sentence::sentence;
use kangma_core::rules::words::{Lang, SourceView};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::drafts::{DiagnosticView, own, told};
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::http::{Body, Private};
use crate::staff::Officer;

/// Texts that are checked at once, of all officers.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// Officers of whom one is.
static BUSY: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The files as they are on the page.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedRequest {
    /// All files: path within the pack, and text.
    files: BTreeMap<String, String>,
}

/// What it comes to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Typed {
    /// Whether the pack can be loaded.
    pub ok: bool,
    /// Its id, version, division and digest, where it can.
    pub id: Option<String>,
    pub pack_version: Option<String>,
    pub division: Option<String>,
    pub digest: Option<String>,
    /// What is wrong.
    pub diagnostics: Vec<DiagnosticView>,
    /// Its rules: those in the text in their order, then those that it inherits.
    pub rules: Vec<TypedRule>,
    /// What the cases say; none where the pack cannot be loaded.
    pub cases: Vec<TypedCase>,
    /// What the cases reach.
    pub coverage: TypedCoverage,
}

/// A rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct TypedRule {
    /// Its id; of a change, that of the rule that it changes.
    pub id: String,
    /// `rule`, `row` of a table, `replace` and `off` stand in the text; `inherited` does not.
    pub how: &'static str,
    /// The pack that it comes from, where it is inherited.
    pub pack: Option<String>,
    /// Its file.
    pub file: Option<String>,
    /// First byte, and the one after the last.
    pub from: Option<usize>,
    pub to: Option<usize>,
    /// The kind of facts that it looks at.
    pub on: Option<String>,
    /// Its condition, as it is written.
    pub when: Option<String>,
    /// `colour`, `flag`, `review`, `release` or `expiry`; nothing where the pack cannot be loaded.
    pub does: Option<&'static str>,
    /// Its stages, where the pack can be loaded.
    #[schema(value_type = Vec<Object>)]
    pub opens: Vec<kangma_core::rules::release::Stage>,
    /// Ids of the rules whose episodes it ends.
    pub release: Vec<String>,
    /// Where it is published.
    #[schema(value_type = Option<Object>)]
    pub source: Option<SourceView>,
    /// Each value that stands in the text: `path`, `value`, and the bytes `from` and `to`.
    #[schema(value_type = Vec<Object>)]
    pub values: Vec<Place>,
    /// It in words.
    pub sentence: Option<BothWays>,
}

/// A text in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct BothWays {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What came of one case.
#[derive(Debug, Serialize, ToSchema)]
pub struct TypedCase {
    /// Its file.
    pub file: String,
    /// Its sentence; empty where the file cannot be read.
    pub name: String,
    /// Its first byte.
    pub from: usize,
    /// Whether all was as expected.
    pub passed: bool,
    /// What was not.
    pub why: Vec<String>,
}

/// What the cases reach.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct TypedCoverage {
    /// How many cases there are.
    pub cases: usize,
    /// How many pass.
    pub passed: usize,
    /// Rules, stages and ends that none reaches.
    pub unreached: Vec<String>,
    /// Sides of conditions that none sees hold, or not hold; a pack may be proposed with them.
    pub branches: Vec<String>,
}

/// An officer's turn; over when what was tried is done, also where nobody waits for it any more.
pub(super) struct Turn(String);

impl Turn {
    pub(super) fn take(officer: &str) -> Option<Turn> {
        let mut busy = BUSY.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(officer.to_owned()).then(|| Turn(officer.to_owned()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        BUSY.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

fn busy() -> Problem {
    Problem {
        retry_after_s: Some(1),
        ..Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rules.try_running",
            "上一次试算尚未结束，请稍候。",
            "What you tried before is still being checked. Wait a moment.",
        )
    }
}

/// Checks text that is not stored, runs its cases, and says where each rule stands.
#[utoipa::path(post, path = "/api/v1/drafts/{id}/try", tag = "staff", request_body = TypedRequest,
    params(("id" = String, Path, description = "From the list")),
    responses((status = 200, body = Typed), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn attempt(
    AxumState(app): AxumState<Shared>,
    officer: Officer,
    Path(text): Path<String>,
    Body(ask): Body<TypedRequest>,
) -> Result<Private<Typed>, Problem> {
    own(&app, &officer, &text).await?;
    if ask.files.len() > FILES_MAX || ask.files.values().any(|t| t.len() > FILE_BYTES_MAX) {
        return Err(Problem::field(
            "files",
            "rules.files",
            "至多 256 个 .toml 文件，每个不超过 256 KiB。",
            "At most 256 .toml files of 256 KiB each.",
        ));
    }
    let turn = Turn::take(&officer.name).ok_or_else(busy)?;
    let files = PackFiles(ask.files);
    let library = super::library_now(&app).await?;
    let work = move || {
        let _held = turn;
        typed(&files, &library)
    };
    beside(work).await.map(Private)
}

/// Does what takes a core for a while beside the threads that answer, two at once; others wait their turn.
pub(super) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let place = AT_ONCE.acquire().await.map_err(|_| Problem::internal())?;
    let done = tokio::task::spawn_blocking(move || {
        let _held = place;
        work()
    });
    done.await.map_err(|_| Problem::internal())
}

/// What files come to, with the packs that they may extend.
pub fn typed(files: &PackFiles, library: &Library) -> Typed {
    let written = files.0.get(FILE).map(|text| outline(text)).unwrap_or_default();
    let (pack, diagnostics) = match Pack::load_with(files, library) {
        Ok(pack) => (Some(pack), Vec::new()),
        Err(errors) => (None, told(files, &errors)),
    };
    let mut rules: Vec<TypedRule> = written.into_iter().map(|w| of_text(w, pack.as_ref())).collect();
    let own: BTreeSet<String> = rules.iter().map(|r| r.id.clone()).collect();
    let inherited = pack.iter().flat_map(|p| p.rules.iter().map(move |r| (p, r)));
    rules.extend(inherited.filter(|(_, r)| !own.contains(&*r.id)).map(|(pack, rule)| {
        let empty = Written { id: rule.id.to_string(), how: How::Rule, span: 0..0, values: Vec::new() };
        let from = pack.origin(&rule.id).map(|o| o.pack.to_string());
        TypedRule {
            how: "inherited",
            pack: from,
            file: None,
            from: None,
            to: None,
            ..of_text(empty, Some(pack))
        }
    }));
    let report = pack.as_ref().map(|pack| run_cases(pack, files)).unwrap_or_default();
    let cases: Vec<TypedCase> = report
        .cases
        .into_iter()
        .map(|c| TypedCase {
            file: c.file,
            name: c.name,
            from: c.from,
            passed: c.wrong.is_empty(),
            why: c.wrong,
        })
        .collect();
    let passed = cases.iter().filter(|c| c.passed).count();
    let branches = report.branches.iter().map(|b| format!("{}: {}", b.rule, b.what)).collect();
    let coverage = TypedCoverage { cases: cases.len(), passed, unreached: report.unreached, branches };
    let head = |of: fn(&Pack) -> &str| pack.as_ref().map(|p| of(p).to_owned());
    Typed {
        ok: pack.is_some(),
        id: head(|p| &p.id),
        pack_version: head(|p| &p.version),
        division: head(|p| &p.division),
        digest: head(|p| &p.digest),
        diagnostics,
        rules,
        cases,
        coverage,
    }
}

fn of_text(written: Written, pack: Option<&Pack>) -> TypedRule {
    let Written { id, how, span, values } = written;
    let known = pack.and_then(|p| p.rule(&id).map(|rule| (p, rule)));
    let said = |path: &str| {
        let value = values.iter().find(|v| v.path == path)?.value.as_str()?;
        Some(value.to_owned())
    };
    let (on, when) = (said("on"), said("when"));
    let (mut opens, mut release) = (Vec::new(), Vec::new());
    match known.map(|(_, rule)| &rule.then) {
        Some(Then::Open { stages, .. }) => opens.clone_from(stages),
        Some(Then::Release { rules }) => release = rules.iter().map(ToString::to_string).collect(),
        _ => {}
    }
    TypedRule {
        how: match how {
            How::Rule => "rule",
            How::Row => "row",
            How::Replace => "replace",
            How::Off => "off",
        },
        pack: None,
        file: Some(FILE.to_owned()),
        from: Some(span.start),
        to: Some(span.end),
        on: on.or_else(|| known.map(|(_, rule)| rule.on.name().to_owned())),
        when,
        does: known.map(|(_, rule)| does(rule)),
        opens,
        release,
        source: known.map(|(_, rule)| rule.source.clone()),
        sentence: known.map(|(pack, rule)| BothWays {
            zh: sentence(pack, rule, Lang::Zh),
            en: sentence(pack, rule, Lang::En),
        }),
        id,
        values,
    }
}

fn does(rule: &Rule) -> &'static str {
    match rule.then {
        _ if rule.is_flag() => "flag",
        Then::Open { .. } => "colour",
        Then::Review => "review",
        Then::Release { .. } => "release",
        Then::Expire => "expiry",
    }
}
