//! Holding a log to its head: from the outside, over HTTP and without trust, and from the inside, where
//! the rows that leaves speak of are held to the log as well.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tlog_tiles::{check_tree, prove_tree};

use super::entry::{self, Entry};
use super::note::{Head, NOTE_BYTES_MAX, NoteKey, Verifier, hex};
use super::prove::{Tiles, needed_for_consistency};
use super::row_store::{self, Stored};
use super::store::{self, Leaf, Place};
use super::tree::{Changed, ENTRIES, Edge, TileId, WIDTH};
use super::{Kind, Subject, digest, job, whole};
use crate::app::App;

/// Findings that are named; more are counted.
const NAMED_MAX: usize = 20;
/// Reads under way at once.
const AT_ONCE: usize = 16;
/// Leaves in one read.
const LOOK: i64 = 4_096;
/// A full bundle is smaller than this.
const TILE_BYTES_MAX: usize = 64 * 1024;

/// Where a log is read.
pub trait Source {
    /// The signed head.
    fn checkpoint(&self) -> impl Future<Output = anyhow::Result<String>>;
    /// A tile's first hashes, or a bundle's first entries; `None` where it is not there.
    fn tile(&self, id: TileId, width: usize) -> impl Future<Output = anyhow::Result<Option<Vec<u8>>>>;
}

/// A service, as anybody sees it.
#[derive(Debug)]
pub struct Outside {
    client: reqwest::Client,
    base: String,
}

impl Outside {
    /// At an address such as `https://code.example.org`.
    pub fn new(url: &str) -> anyhow::Result<Outside> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        Ok(Outside { client, base: url.trim_end_matches('/').to_owned() })
    }

    async fn get(&self, path: &str, bytes_max: usize) -> anyhow::Result<Option<Vec<u8>>> {
        let mut response = self.client.get(format!("{}/log/{path}", self.base)).send().await?;
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        ensure!(response.status().is_success(), "log.http: {path} answers {}", response.status());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            ensure!(body.len() <= bytes_max, "log.http: {path} is longer than {bytes_max} bytes");
        }
        Ok(Some(body))
    }

    async fn text(&self, path: &str) -> anyhow::Result<String> {
        let body = self.get(path, NOTE_BYTES_MAX).await?;
        let body = body.with_context(|| format!("log.none: there is no /log/{path} at {}", self.base))?;
        String::from_utf8(body).with_context(|| format!("log.http: /log/{path} is not text"))
    }

    /// The key that the service says is the log's.
    pub async fn key(&self) -> anyhow::Result<Verifier> {
        Ok(Verifier::parse(&self.text("key").await?)?)
    }

    /// Sends a head with a witness's line.
    pub async fn send(&self, note: String) -> anyhow::Result<()> {
        let response = self.client.post(format!("{}/log/cosignature", self.base)).body(note).send().await?;
        let status = response.status();
        let said = response.text().await.unwrap_or_default();
        ensure!(status.is_success(), "log.cosignature: the service answers {status}: {said}");
        Ok(())
    }
}

impl Source for Outside {
    async fn checkpoint(&self) -> anyhow::Result<String> {
        self.text("checkpoint").await
    }

    async fn tile(&self, id: TileId, width: usize) -> anyhow::Result<Option<Vec<u8>>> {
        self.get(&id.path(width), TILE_BYTES_MAX).await
    }
}

/// The tables themselves.
pub struct Inside<'a>(pub &'a App);

impl Source for Inside<'_> {
    async fn checkpoint(&self) -> anyhow::Result<String> {
        Ok(store::head(&self.0.db).await?.note)
    }

    async fn tile(&self, id: TileId, _: usize) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(store::tile(&self.0.db, id).await?)
    }
}

/// The head that was verified last, to hold the next one to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The log's key.
    pub key: String,
    /// Leaves.
    pub size: u64,
    /// The tree's hash, in hexadecimal.
    pub root: String,
    /// Decisions that are not in the log, where that was looked at.
    #[serde(default)]
    pub unlogged: Option<u64>,
}

/// What is wrong.
#[derive(Debug, Default)]
pub struct Findings {
    /// The first of them, each a sentence.
    pub named: Vec<String>,
    /// How many in all.
    pub count: u64,
}

impl Findings {
    fn add(&mut self, finding: String) {
        self.count += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(finding);
        }
    }
}

/// What was found of a log.
#[derive(Debug)]
pub struct Report {
    /// Its head, if it has a right one.
    pub head: Option<Head>,
    /// Witnesses are counted by whoever knows their keys.
    pub checkpoint: String,
    /// Entries of each kind.
    pub kinds: Vec<(&'static str, u64)>,
    /// What is wrong.
    pub findings: Findings,
    /// Decisions that are in no leaf, from before there was a log or made by `kangma seed`.
    pub unlogged: Option<u64>,
}

/// Reads the whole log and rebuilds its tree: signature, inclusion of every entry, every tile, and that it
/// begins with the tree that was known.
pub async fn tree(source: &impl Source, log: &Verifier, known: Option<&Known>) -> anyhow::Result<Report> {
    let checkpoint = source.checkpoint().await?;
    let mut report =
        Report { head: None, checkpoint, kinds: Vec::new(), findings: Findings::default(), unlogged: None };
    let findings = &mut report.findings;
    let head = match Head::open(&report.checkpoint, log) {
        Ok(head) => head,
        Err(e) => {
            findings.add(e.to_string());
            return Ok(report);
        }
    };
    if let Some(known) = known.filter(|known| known.size > head.size) {
        findings.add(format!(
            "log.rolled_back: the head has {} leaves, an earlier one had {}",
            head.size, known.size
        ));
    }
    let (mut edge, mut counts) = (Edge::default(), [0_u64; Kind::ALL.len() + 1]);
    let ids = (0..head.size.div_ceil(WIDTH as u64)).map(|n| TileId { level: ENTRIES, n });
    let mut bundles = stream::iter(ids)
        .map(|id| async move { anyhow::Ok((id, source.tile(id, id.width(head.size)).await?)) })
        .buffered(AT_ONCE);
    while let Some((id, bundle)) = bundles.try_next().await? {
        let width = id.width(head.size);
        let bundle = bundle.unwrap_or_default();
        let entries = entry::split(&bundle).unwrap_or_default();
        if entries.len() < width {
            let path = id.path(width);
            findings.add(format!("log.bundle: {path} holds {} entries, not {width}", entries.len()));
            return Ok(report);
        }
        let mut changed = Changed::new();
        for bytes in &entries[..width] {
            match Entry::from_bytes(bytes) {
                Some(entry) => counts[entry.kind as usize] += 1,
                None => findings.add(format!("log.entry: entry {} is not one", edge.size())),
            }
            edge.append(bytes, &mut changed);
            if let Some(known) = known.filter(|known| known.size == edge.size())
                && known.root != hex(&edge.root().0)
            {
                findings.add(format!(
                    "log.forked: the first {} leaves are not those of the earlier head",
                    known.size
                ));
            }
        }
        if edge.size() == head.size {
            edge.finish(&mut changed);
        }
        for (id, body) in changed.into_iter().filter(|(id, _)| id.level != ENTRIES) {
            let width = id.width(edge.size());
            let theirs = source.tile(id, width).await?;
            if theirs.is_none_or(|theirs| theirs != body) {
                findings.add(format!("log.tile: {} is not what the entries make", id.path(width)));
            }
        }
    }
    if Head::new(edge.size(), edge.root()) != head {
        findings.add("log.root: the entries do not make the tree that the head was signed for".into());
    }
    report.kinds = Kind::ALL.into_iter().map(|kind| (kind.name(), counts[kind as usize])).collect();
    drop(bundles);
    report.head = Some(head);
    Ok(report)
}

/// As [`tree`], and holds every leaf and every row that a leaf speaks of to the log.
pub async fn inside(app: &App, known: Option<&Known>) -> anyhow::Result<Report> {
    let mut report = tree(&Inside(app), app.log_key.verifier(), known).await?;
    let Some(head) = report.head.clone() else { return Ok(report) };
    let (mut place, mut index, mut bundle) = (Place::default(), 0_u64, (u64::MAX, Vec::new()));
    place.turn = i64::MIN;
    let last = store::head(&app.db).await?.place;
    let mut logged = HashSet::new();
    loop {
        let mut leaves = store::after(&app.db, place, i64::MAX, LOOK).await?;
        let Some(end) = leaves.last() else { break };
        place = end.place;
        for leaf in &leaves {
            if leaf.kind == Kind::Decision as i64 {
                logged.insert((leaf.id, leaf.version));
            }
        }
        leaves.retain(|leaf| leaf.place <= last);
        for leaf in &leaves {
            let ours = job::entry(leaf).map(|entry| entry.to_bytes()).unwrap_or_default();
            // A leaf that is not where it stands may have lost its neighbours: look a little further.
            let mut found = None;
            for ahead in index..(index + 8).min(head.size) {
                let n = ahead / WIDTH as u64;
                if bundle.0 != n {
                    let body = store::tile(&app.db, TileId { level: ENTRIES, n }).await?.unwrap_or_default();
                    bundle = (n, body);
                }
                let entries = entry::split(&bundle.1).unwrap_or_default();
                if entries.get((ahead % WIDTH as u64) as usize).is_some_and(|e| *e == ours) {
                    found = Some(ahead);
                    break;
                }
            }
            match found {
                Some(at) => {
                    (index..at).for_each(|gone| {
                        report
                            .findings
                            .add(format!("log.leaf_gone: entry {gone} has no leaf, or an altered one"));
                    });
                    index = at + 1;
                }
                None => report.findings.add(format!(
                    "log.leaf_altered: leaf {} is not in the log: it was altered or put in later",
                    hex(&leaf.leaf_id)
                )),
            }
        }
        let checks = stream::iter(&leaves).map(|leaf| row(app, leaf)).buffered(AT_ONCE);
        for finding in checks.try_collect::<Vec<_>>().await?.into_iter().flatten() {
            report.findings.add(finding);
        }
    }
    (index..head.size).take(NAMED_MAX).for_each(|gone| {
        report.findings.add(format!("log.leaf_gone: entry {gone} has no leaf, or an altered one"));
    });
    unlogged(app, &logged, known, &mut report).await?;
    unlogged_acts(app, &mut report).await?;
    Ok(report)
}

/// Holds the row that a leaf speaks of to its digest.
async fn row(app: &App, leaf: &Leaf) -> anyhow::Result<Option<String>> {
    let Some(kind) = u8::try_from(leaf.kind).ok().and_then(Kind::from_u8) else { return Ok(None) };
    let name = || format!("{} {} version {}", kind.name(), hex(&leaf.id), leaf.version);
    let columns = match row_store::columns(&app.db, kind, leaf.id, leaf.version).await? {
        Stored::Columns(columns) => columns,
        Stored::Gone => return Ok(Some(format!("log.row_gone: {} is no longer stored", name()))),
        Stored::Nowhere => return Ok(None),
    };
    let said = leaf.said.as_deref().and_then(|said| said.try_into().ok());
    let same = whole(&digest(kind, &columns), said.as_ref())[..] == leaf.digest[..];
    Ok((!same).then(|| format!("log.row_altered: {} is not what was logged", name())))
}

/// Decisions that no leaf speaks of. Those from before there was a log have none, and are the first of
/// their person; one that comes after a logged one was put in by hand.
async fn unlogged(
    app: &App,
    logged: &HashSet<([u8; 16], i64)>,
    known: Option<&Known>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (mut after, mut count, mut person_logged) = (([0; 16], i64::MIN), 0_u64, false);
    loop {
        let rows = row_store::decisions_after(&app.db, after, LOOK).await?;
        let Some(last) = rows.last() else { break };
        let end = (last.0, last.1);
        for (person, version, _) in &rows {
            if *person != after.0 {
                person_logged = false;
            }
            after = (*person, *version);
            if logged.contains(&after) {
                person_logged = true;
                continue;
            }
            count += 1;
            if person_logged {
                report.findings.add(format!(
                    "log.row_unlogged: decision {} version {version} was never logged",
                    hex(person)
                ));
            }
        }
        after = end;
    }
    if let Some(before) = known.and_then(|known| known.unlogged).filter(|before| *before < count) {
        let more = count - before;
        report.findings.add(format!("log.rows_unlogged: {more} more decisions without a leaf than before"));
    }
    report.unlogged = Some(count);
    Ok(())
}

/// Grants, roles, orders and their signatures, lists, looks, steps of appeals and publications that no leaf
/// speaks of were put in by hand: what there was when the log began to speak of them was logged then.
/// Two rows under one id hide behind one leaf.
async fn unlogged_acts(app: &App, report: &mut Report) -> anyhow::Result<()> {
    for Subject { kind, id, version, .. } in row_store::unlogged_acts(&app.db, LOOK).await? {
        let name = kind.name();
        report
            .findings
            .add(format!("log.row_unlogged: {name} {} version {version} was never logged", hex(&id)));
    }
    for Subject { kind, id, version, .. } in row_store::doubled_acts(&app.db, LOOK).await? {
        let name = kind.name();
        report.findings.add(format!("log.row_doubled: {name} {} version {version} is there twice", hex(&id)));
    }
    Ok(())
}

/// What a witness does: checks that the head is the log's and that its tree begins with the one that the
/// witness signed last, and signs it. Returns the note with its line, and what to remember.
pub async fn cosign(
    source: &impl Source,
    log: &Verifier,
    witness: &NoteKey,
    known: Option<&Known>,
    at_s: u64,
) -> anyhow::Result<(String, Known)> {
    ensure!(
        witness.verifier().is_witness(),
        "log.key: this is not a witness's key; make one: kangma log witness"
    );
    let note = source.checkpoint().await?;
    let head = Head::open(&note, log)?;
    if let Some(known) = known {
        consistent(source, known, &head).await?;
    }
    let ours = log.line_in(&note).unwrap_or_default();
    let text = note.find("\n\n").map_or(0, |at| at + 2);
    let alone = format!("{}{ours}\n", &note[..text]);
    let line = witness.cosign(&alone, at_s).context("log.head: this is not a tree head")?;
    let remember = Known { key: log.to_string(), size: head.size, root: hex(&head.root), unlogged: None };
    Ok((alone + &line, remember))
}

/// That a head's tree begins with one that is known.
async fn consistent(source: &impl Source, known: &Known, head: &Head) -> anyhow::Result<()> {
    ensure!(
        known.size <= head.size,
        "log.rolled_back: the head has {} leaves, an earlier one had {}",
        head.size,
        known.size
    );
    let forked = || format!("log.forked: the first {} leaves are not those of the earlier head", known.size);
    if known.size == head.size {
        ensure!(known.root == hex(&head.root), forked());
    }
    if known.size == 0 || known.size == head.size {
        return Ok(());
    }
    let mut tiles = Tiles::default();
    for id in needed_for_consistency(head.size, known.size)? {
        let body = source.tile(id, id.width(head.size)).await?;
        tiles.0.insert(id, body.with_context(|| format!("log.tile: {} is missing", id.path(WIDTH)))?);
    }
    let proof = prove_tree(head.size, known.size, &tiles)?;
    let old = tlog_tiles::Hash::parse_hash(&base64_of(&known.root)?)?;
    check_tree(&proof, head.size, head.hash(), known.size, old).with_context(forked)
}

fn base64_of(hexadecimal: &str) -> anyhow::Result<String> {
    use base64::Engine as _;
    let bytes: Option<Vec<u8>> = (0..hexadecimal.len() / 2)
        .map(|i| u8::from_str_radix(hexadecimal.get(2 * i..2 * i + 2)?, 16).ok())
        .collect();
    Ok(base64::engine::general_purpose::STANDARD
        .encode(bytes.context("log.state: the state file is damaged")?))
}
