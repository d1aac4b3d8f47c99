//! Publishing packs (规则发布): drafts, two signatures, a shadow, stages, and the way back.
//!
//! URLs: `/api/v1/drafts`, `/api/v1/publications`, `GET /api/v1/public/packs`. Tables: `pack_version`,
//! `pack_draft`, `pack_step`, `pack_count`. Steps are the truth: which packs are in force is computed from
//! them alone ([`kangma_core::rules::publication`]), on every node alike, each step is a leaf of the
//! decision log, and what is in force changes only at an instant that all nodes know of before.

pub mod drafts;
pub mod http;
pub mod job;
mod refusals;
pub mod registry;
pub mod simulation;
mod store;
#[cfg(test)]
mod tests;
mod texts;
pub mod typed;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use kangma_core::division::{lies_in, prefix};
use kangma_core::role::Permission;
use kangma_core::rules::pack::{Library, Pack};
use kangma_core::rules::publication::{
    Below, Child, Publication, State, Step, Terms, What, compress, expand, fold, in_force, with_parents,
};
use kangma_core::rules::set::{Entry, PackSet, Void};
use kangma_core::time::Instant;

use crate::alarm;
use crate::app::{App, Shared};
use crate::db::{DbError, Unit};
use crate::error::Problem;
use crate::packs::Trial;
use crate::staff::{self, Officer};

pub use store::PACKS;
pub use texts::{library, set_of};

/// What takes force does so this many seconds after it was written, so that every node has it: the feed
/// tells of it within 250 ms, and clocks may differ by five seconds.
pub const AHEAD_S: i64 = 6;

/// Brings this node's packs to what the steps say. What fails to load leaves the packs as they are, and
/// the node not ready.
pub async fn sync(app: &App) -> Result<(), DbError> {
    let publications = fold(&store::steps(&app.db).await?);
    let packs = match texts::load_all(&app.db, &publications, app.packs.versions()).await? {
        Ok(packs) => packs,
        Err(digest) => {
            tracing::error!(digest, "a published pack cannot be loaded; the packs stay as they were");
            app.packs.set_failed(Some(digest));
            return Ok(());
        }
    };
    match build(app, &publications, &packs) {
        Ok((set, trials)) => {
            app.packs.put(set, trials, packs);
            app.packs.set_failed(None);
        }
        Err(why) => {
            tracing::error!(why, "the published packs make no set; the packs stay as they were");
            app.packs.set_failed(Some(why));
        }
    }
    Ok(())
}

fn build(
    app: &App,
    publications: &[Publication],
    packs: &BTreeMap<String, Arc<Pack>>,
) -> Result<(PackSet, Vec<Trial>), String> {
    let start = app.packs.start();
    let home = start.base().division.to_string();
    let set_of = |some: &[&Publication]| {
        let (entries, voids) = in_force(some, packs, &home)?;
        start.with(entries, voids).map_err(|e| e.to_string())
    };
    let all: Vec<&Publication> = publications.iter().collect();
    let set = set_of(&all)?;
    let mut trials = Vec::new();
    for p in publications.iter().filter(|p| p.ended.is_none()) {
        let Some(pack) = packs.get(&p.terms.digest) else { continue };
        let home_or = |division: &str| if division == home { String::new() } else { division.to_owned() };
        if let Some((from, until)) = p.shadow
            && p.staged.is_empty()
        {
            let other = Arc::new(in_shadow(p, pack, &set, packs)?);
            let (covers, digests) = (home_or(&p.terms.division), Vec::new());
            trials.push(Trial { id: p.id, stage: None, covers, digests, from, until, other });
        }
        if p.staged.is_empty() {
            continue;
        }
        let others: Vec<&Publication> = all.iter().copied().filter(|o| o.id != p.id).collect();
        // Beside what is in force without it, where its own records count for nothing.
        let void = |digest: &String| Void { digest: digest.as_str().into(), from: Instant::MIN };
        let voids = p.terms.digests().map(void).collect();
        let earlier = set_of(&others)?.with(Vec::new(), voids).map_err(|e| e.to_string())?;
        let earlier = Arc::new(earlier);
        for (i, (stage, from)) in p.terms.stages.iter().zip(&p.staged).enumerate() {
            let until = p.staged.get(i + 1).copied().unwrap_or(from.plus_s(stage.hold_s));
            trials.push(Trial {
                id: p.id,
                stage: Some(i),
                covers: home_or(&stage.division),
                digests: p.terms.digests().cloned().collect(),
                from: *from,
                until,
                other: Arc::clone(&earlier),
            });
        }
    }
    Ok((set, trials))
}

/// Whether a division lies in another and is not it.
fn is_below(code: &str, outer: &str) -> bool {
    prefix(code).len() > prefix(outer).len() && lies_in(code, outer)
}

/// What would be in force under a publication where its division lies, as if since ever: the packs of
/// divisions below stay, but for those that go over to it.
fn in_shadow(
    p: &Publication,
    pack: &Arc<Pack>,
    set: &PackSet,
    packs: &BTreeMap<String, Arc<Pack>>,
) -> Result<PackSet, String> {
    let goes_over = |e: &Entry| p.terms.children.iter().any(|c| *c.pack == *e.pack.id);
    let lies_below = |e: &Entry| is_below(&e.covers, &p.terms.division);
    let mut entries: Vec<Entry> = set.entries().filter(|e| lies_below(e) && !goes_over(e)).collect();
    for child in &p.terms.children {
        let pack = packs.get(&child.digest).ok_or_else(|| child.digest.clone())?;
        let covers = child.division.as_str().into();
        entries.push(Entry { pack: Arc::clone(pack), covers, from: Instant::MIN, until: None });
    }
    PackSet::single(Arc::clone(pack)).with(entries, Vec::new()).map_err(|e| e.to_string())
}

/// A publication, and how far all are.
pub async fn all(app: &App) -> Result<Vec<Publication>, DbError> {
    Ok(fold(&store::steps(&app.db).await?))
}

async fn find(app: &App, id: [u8; 16]) -> Result<Publication, Problem> {
    all(app).await?.into_iter().find(|p| p.id == id).ok_or_else(Problem::not_found)
}

fn conflict(code: &'static str, zh: &str, en: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, zh, en)
}

/// Takes a step after those that were read.
async fn take(
    app: &App,
    unit: Unit,
    publication: ([u8; 16], i64),
    (officer, office): (&str, [u8; 16]),
    what: What,
) -> Result<(), Problem> {
    let (publication, seq) = publication;
    let step = Step { publication, seq, at: app.clock.now(), officer: officer.to_owned(), what };
    match app.db.commit(store::add_step(unit, app, &step, office)).await {
        Err(DbError::Conflict) => Err(conflict(
            "rules.changed",
            "该发布刚有新进展，请刷新后再试。",
            "Somebody else took a step in this publication just now. Look again, and retry.",
        )),
        done => {
            done?;
            // Here at once; elsewhere by the feed.
            sync(app).await?;
            Ok(())
        }
    }
}

/// The packs that a draft may extend now.
async fn library_now(app: &App) -> Result<Library, Problem> {
    library(&app.db, app.config.pack.as_deref(), app.clock.now()).await.map_err(|e| {
        tracing::error!(%e, "the texts of packs");
        Problem::internal()
    })
}

/// Refuses to put a pack beside those in force where one of them is a site's: it answers for all of its
/// installation, or for nobody.
fn beside_sites(app: &App, pack: &Pack) -> Result<(), Problem> {
    if pack.site.is_none() && app.packs.base().site.is_none() {
        return Ok(());
    }
    Err(of_a_site())
}

fn of_a_site() -> Problem {
    Problem::field(
        "site",
        "rules.site",
        "校园或企业的规则包只随其自身的安装启用，不与其他规则包一同发布或试算。",
        "The pack of a campus or an enterprise is what its own installation starts with; it is not published or tried beside others, nor others beside it.",
    )
}

/// Proposes a draft on terms: the first signature. Returns the publication.
pub async fn propose(
    app: &Shared,
    officer: &Officer,
    draft: &store::Draft,
    terms: &http::TermsRequest,
) -> Result<[u8; 16], Problem> {
    officer.require(Permission::Rules, &draft.division)?;
    let files = expand(&draft.files).ok_or_else(Problem::internal)?;
    let library = library_now(app).await?;
    let pack = drafts::load(app, &files).await?.map_err(|e| refusals::refused(&e))?;
    beside_sites(app, &pack)?;
    if !lies_in(&pack.division, &draft.division) {
        return Err(Problem::field(
            "division",
            "rules.division",
            "规则包的区划不在草案的区划之内。",
            "The pack's division does not lie in the draft's.",
        ));
    }
    let now = app.clock.now();
    let below = Below::of(&app.packs.set(), &pack, &files, &library, now);
    if !below.unfit.is_empty() {
        return Err(refusals::children_refused(&below.unfit));
    }
    if !below.lost.is_empty() {
        return Err(refusals::children_lost(&below.lost));
    }
    let (pack, report) = {
        let files = files.clone();
        typed::beside(move || {
            let report = kangma_core::rules::cases::run_cases(&pack, &files);
            (pack, report)
        })
        .await?
    };
    if !report.passed() {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "rules.cases",
            "规则包的用例未全部通过或未覆盖全部规则，请先修正。",
            "Cases of the pack fail, or do not reach every rule; mend them first.",
        ));
    }
    let known = all(app).await?;
    let on_its_way = |p: &&Publication| {
        p.terms.pack == *pack.id
            && p.terms.division == *pack.division
            && p.ended.is_none()
            && !p.staged.is_empty()
            && p.staged.len() < p.terms.stages.len()
    };
    if known.iter().any(|p| on_its_way(&p)) {
        return Err(conflict(
            "rules.on_its_way",
            "同一规则包的另一版本正在分阶段发布，请等其完成或先停止它，再提出新版本。",
            "Another version of this pack is going through its stages. Wait for its last one, or stop it first.",
        ));
    }
    let stages = simulation::stages(app, draft, &pack, terms).await?;
    let terms = Terms {
        digest: pack.digest.to_string(),
        pack: pack.id.to_string(),
        version: pack.version.to_string(),
        division: pack.division.to_string(),
        reference: crate::http::sentence("reference", &terms.reference, 500)?.to_owned(),
        starts_at: terms.starts_at,
        sunset: terms.sunset,
        shadow_s: terms.shadow_s,
        stages,
        children: below.fit.iter().map(|(pack, _, of)| child(pack, of, &known)).collect(),
    };
    if let Some((code, zh, en)) = terms.slip(now) {
        return Err(Problem::field(code.trim_start_matches("rules."), code, zh, en));
    }
    if let Some(other) = deeper(app, &terms, now) {
        return Err(Problem::field(
            "stages",
            "rules.stage_elsewhere",
            format!("阶段区划 {other} 现由下级规则包管辖，不能作为本规则包的阶段。"),
            format!("In {other} a pack of a division below is in force; it can be no stage of this one."),
        ));
    }
    if known.iter().any(|p| p.terms.digests().any(|digest| *digest == terms.digest))
        || app.packs.set().packs().any(|p| *p.digest == *terms.digest)
    {
        return Err(conflict(
            "rules.version_known",
            "这一版本已发布或曾被撤回，不能再次发布；请修改版本号。",
            "This very version is or was published, or brought back from. Give it another version number.",
        ));
    }
    let id = app.new_id();
    let mut extended = library.clone();
    extended.put(files.clone());
    let texts = std::iter::once((&pack, &files));
    let texts = texts.chain(below.fit.iter().map(|(pack, files, _)| (pack.as_ref(), files)));
    let unit = texts.fold(Unit::new("publication.propose"), |unit, (pack, files)| {
        let version = store::Version {
            digest: &pack.digest,
            pack: &pack.id,
            version: &pack.version,
            division: &pack.division,
            author: &draft.author,
            at: now,
            files: compress(&with_parents(files, &extended)),
        };
        store::add_version(unit, version)
    });
    take(app, unit, (id, 0), (&officer.name, officer.office), What::Proposed(terms)).await?;
    Ok(id)
}

/// A pack in force below, as a publication names it.
fn child(pack: &Pack, of: &str, known: &[Publication]) -> Child {
    // What itself went over to an earlier text of the parent keeps what it was published as.
    let mut earlier = known.iter().flat_map(|p| &p.terms.children).filter(|c| c.digest == *of);
    Child {
        digest: pack.digest.to_string(),
        of: earlier.next_back().map_or_else(|| of.to_owned(), |c| c.of.clone()),
        pack: pack.id.to_string(),
        version: pack.version.to_string(),
        division: pack.division.to_string(),
    }
}

/// A stage in which a pack of a division between its own and the publication's is in force: there the
/// publication would stand before that.
fn deeper<'a>(app: &App, terms: &'a Terms, now: Instant) -> Option<&'a str> {
    let here = |s: &&kangma_core::rules::publication::Stage| {
        let pack = app.packs.of(&s.division, now);
        is_below(&pack.division, &terms.division)
    };
    terms.stages.iter().find(here).map(|s| s.division.as_str())
}

/// The second signature: of another person, with another right, over the digest that they read.
pub async fn sign(app: &Shared, officer: &Officer, id: [u8; 16], digest: &str) -> Result<(), Problem> {
    officer.require_somewhere(Permission::PublishRules)?;
    let p = find(app, id).await?;
    if !officer.may(Permission::PublishRules, &p.terms.division) {
        return Err(staff::not_allowed());
    }
    let now = app.clock.now();
    if p.proposed.0 == officer.name {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "rules.same_person",
            "须由另一人签署。",
            "Somebody else signs what one proposed oneself.",
        ));
    }
    if app.packs.base().site.is_some() {
        return Err(of_a_site());
    }
    if p.state(now) != State::Proposed {
        return Err(conflict("rules.signed", "已签署或已结束。", "It is signed already, or over."));
    }
    if digest != p.terms.digest {
        return Err(Problem::field(
            "digest",
            "rules.digest",
            "摘要与所提请的规则包不符。",
            "This is not the digest of the pack that was proposed.",
        ));
    }
    if p.terms.starts_at <= now {
        return Err(Problem::field(
            "starts_at",
            "rules.start",
            "生效时间已过。",
            "The start has passed; propose it again.",
        ));
    }
    let what = What::Signed { digest: digest.to_owned() };
    take(app, Unit::new("publication.sign"), (id, p.next), (&officer.name, officer.office), what).await
}

/// Begins its time in shadow.
pub async fn shadow(app: &Shared, officer: &Officer, id: [u8; 16]) -> Result<(), Problem> {
    officer.require_somewhere(Permission::PublishRules)?;
    let p = find(app, id).await?;
    officer.require(Permission::PublishRules, &p.terms.division)?;
    if p.state(app.clock.now()) != State::Signed {
        return Err(conflict(
            "rules.not_signed",
            "须先由两人签署，且只试运行一次。",
            "It runs in shadow once, after two people have signed.",
        ));
    }
    let what = What::Shadow { until: app.clock.now().plus_s(p.terms.shadow_s) };
    take(app, Unit::new("publication.shadow"), (id, p.next), (&officer.name, officer.office), what).await
}

/// Publishes: its first stage takes force.
pub async fn publish(app: &Shared, officer: &Officer, id: [u8; 16]) -> Result<(), Problem> {
    officer.require_somewhere(Permission::PublishRules)?;
    let p = find(app, id).await?;
    officer.require(Permission::PublishRules, &p.terms.division)?;
    let now = app.clock.now();
    let tried = p.shadow.is_some_and(|(_, until)| until <= now);
    if p.state(now) != State::Shadow || !tried {
        return Err(conflict(
            "rules.shadow_first",
            "试运行尚未结束，或已发布。",
            "Its time in shadow is not over, or it is published already.",
        ));
    }
    let from = now.plus_s(AHEAD_S).max(p.terms.starts_at);
    let what = What::Staged { stage: 0, from };
    take(app, Unit::new("publication.publish"), (id, p.next), (&officer.name, officer.office), what).await
}

/// Ends it before its time; the earlier packs are in force again, and what it decided counts no more.
pub async fn end(app: &App, officer: &Officer, id: [u8; 16], how: &str, reason: &str) -> Result<(), Problem> {
    officer.require_somewhere(Permission::PublishRules)?;
    let p = find(app, id).await?;
    officer.require(Permission::PublishRules, &p.terms.division)?;
    end_by(app, &p, (&officer.name, officer.office), how, reason).await
}

/// The same by whoever may: the operator's command, or the service itself.
pub async fn end_by(
    app: &App,
    p: &Publication,
    (by, office): (&str, [u8; 16]),
    how: &str,
    reason: &str,
) -> Result<(), Problem> {
    if p.ended.is_some() {
        return Err(conflict("rules.ended", "该发布已结束。", "This publication has ended."));
    }
    let from = app.clock.now().plus_s(AHEAD_S);
    let what = What::Ended { from, how: how.to_owned(), reason: reason.to_owned() };
    let kind = alarm::Kind::RulesStopped;
    let unit = alarm::raise_in(Unit::new("publication.end"), app, kind, by, &p.terms.division);
    take(app, unit, (p.id, p.next), (by, office), what).await
}
