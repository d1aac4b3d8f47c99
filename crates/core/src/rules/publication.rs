//! Publications: how a pack comes into force, step by step. Every step is a record; which packs are in
//! force where follows from the steps alone, so that none is without both signatures.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::division::lies_in;
use crate::rules::pack::{FILES_MAX, Library, Pack, PackErrors, PackFiles};
use crate::rules::set::{Entry, PackSet, Void};
use crate::time::{DAY_S, Instant};

/// Most stages of a publication.
pub const STAGES_MAX: usize = 8;
/// Longest shadow, in seconds.
pub const SHADOW_S_MAX: i64 = 30 * DAY_S;
/// Longest hold of a stage, in seconds.
pub const HOLD_S_MAX: i64 = 30 * DAY_S;
/// Most packs above one.
const PARENTS_MAX: usize = 8;
/// Largest pack unpacked, in bytes.
const UNPACKED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A stage: where the pack takes force, and how many people may change there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Code of the division.
    pub division: String,
    /// For how long changes are watched, and the next stage waits, in seconds.
    pub hold_s: i64,
    /// How many people are expected to have another colour.
    pub forecast: i64,
    /// How many more may; beyond that it stops by itself.
    pub margin: i64,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Digest of the pack.
    pub digest: String,
    /// Its id.
    pub pack: String,
    /// Its version.
    pub version: String,
    /// Its division.
    pub division: String,
    /// The legal reference.
    pub reference: String,
    /// Not before.
    pub starts_at: Instant,
    /// In force until.
    pub sunset: Instant,
    /// How long it runs in shadow, in seconds.
    pub shadow_s: i64,
    /// In order; the last is the pack's division.
    pub stages: Vec<Stage>,
    /// Packs in force below that extend it, as they come to with it: they take force with its stages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Child>,
}

/// A pack in force below one that it extends, as it comes to with a new text of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Child {
    /// Digest of what it comes to.
    pub digest: String,
    /// Digest under which its own text was published, or began: what ends with that ends with this.
    pub of: String,
    /// Its id.
    pub pack: String,
    /// Its version, which is its own text's and stays.
    pub version: String,
    /// Its division.
    pub division: String,
}

impl Terms {
    /// Digests of all that takes force by it.
    pub fn digests(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.digest).chain(self.children.iter().map(|c| &c.digest))
    }

    /// What is wrong with them at an instant: a stable code, in Chinese, in English.
    #[must_use]
    pub fn slip(&self, now: Instant) -> Option<(&'static str, &'static str, &'static str)> {
        let within = |s: &Stage| lies_in(&s.division, &self.division);
        let fine =
            |s: &Stage| within(s) && (1..=HOLD_S_MAX).contains(&s.hold_s) && s.forecast >= 0 && s.margin >= 0;
        if self.starts_at <= now {
            return Some(("rules.start", "生效时间须在将来。", "The start lies in the future."));
        }
        if self.sunset <= self.starts_at {
            return Some((
                "rules.sunset",
                "须有失效时间，且在生效之后。",
                "A pack has a sunset, after its start.",
            ));
        }
        if !(1..=SHADOW_S_MAX).contains(&self.shadow_s) {
            return Some(("rules.shadow", "试运行为 1 秒至 30 天。", "A shadow lasts 1 second to 30 days."));
        }
        let last = self.stages.last().is_some_and(|s| s.division == self.division);
        if !last || self.stages.len() > STAGES_MAX || !self.stages.iter().all(fine) {
            return Some((
                "rules.stages",
                "分阶段发布须在规则包的区划之内，最后一阶段为整个区划，至多 8 个阶段，每阶段有观察时间、预计与余量。",
                "Up to 8 stages lie in the pack's division, the last is all of it, and each has a hold, a forecast and a margin.",
            ));
        }
        None
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The first signature: a pack is proposed on terms.
    Proposed(Terms),
    /// The second, over the digest.
    Signed {
        /// Digest of the pack.
        digest: String,
    },
    /// It runs in shadow.
    Shadow {
        /// Until then.
        until: Instant,
    },
    /// A stage takes force.
    Staged {
        /// From 0.
        stage: usize,
        /// Then.
        from: Instant,
    },
    /// It ends before its time, and what it decided counts no more.
    Ended {
        /// Then.
        from: Instant,
        /// `stopped`, `rolled_back` or `too_many_changes`.
        how: String,
        /// Why.
        reason: String,
    },
}

/// A step on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Of which publication.
    pub publication: [u8; 16],
    /// From 0.
    pub seq: i64,
    /// When it was taken.
    pub at: Instant,
    /// Log-in name of who took it; empty for the service itself.
    pub officer: String,
    /// What.
    pub what: What,
}

/// How far a publication is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for the second signature.
    Proposed,
    /// Signed; nothing runs.
    Signed,
    /// Runs in shadow, or has.
    Shadow,
    /// In force in the stages so far.
    Staged,
    /// In force in all of its division, and past its last hold.
    InForce,
    /// Ended before its time.
    Ended,
    /// Past its sunset.
    Over,
}

/// A publication, as its steps make it.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Which.
    pub id: [u8; 16],
    /// On what terms.
    pub terms: Terms,
    /// Who proposed it, and when.
    pub proposed: (String, Instant),
    /// Who signed it second, and when.
    pub signed: Option<(String, Instant)>,
    /// Its time in shadow.
    pub shadow: Option<(Instant, Instant)>,
    /// When each stage so far takes or took force.
    pub staged: Vec<Instant>,
    /// When, how and why it ended before its time.
    pub ended: Option<(Instant, String, String)>,
    /// Number of the next step.
    pub next: i64,
}

impl Publication {
    /// How far it is at an instant.
    #[must_use]
    pub fn state(&self, now: Instant) -> State {
        let last_hold = self.terms.stages.last().map_or(0, |s| s.hold_s);
        match (&self.ended, self.staged.last()) {
            (Some(_), _) => State::Ended,
            _ if now >= self.terms.sunset => State::Over,
            (None, Some(at))
                if self.staged.len() == self.terms.stages.len() && now >= at.plus_s(last_hold) =>
            {
                State::InForce
            }
            (None, Some(_)) => State::Staged,
            _ if self.shadow.is_some() => State::Shadow,
            _ if self.signed.is_some() => State::Signed,
            _ => State::Proposed,
        }
    }

    /// Takes a step, or leaves out one that has no right to be there.
    fn take(&mut self, step: &Step) {
        if step.seq != self.next || self.ended.is_some() {
            return;
        }
        let fits = match &step.what {
            What::Proposed(_) => false,
            What::Signed { digest } => {
                let fits = self.signed.is_none()
                    && *digest == self.terms.digest
                    && step.officer != self.proposed.0
                    && !step.officer.is_empty()
                    && step.at < self.terms.starts_at;
                if fits {
                    self.signed = Some((step.officer.clone(), step.at));
                }
                fits
            }
            What::Shadow { until } => {
                let fits = self.signed.is_some() && self.shadow.is_none();
                if fits {
                    self.shadow = Some((step.at, *until));
                }
                fits
            }
            What::Staged { stage, from } => {
                let tried = self.shadow.is_some_and(|(_, until)| until <= step.at);
                let fits = tried && *stage == self.staged.len() && *stage < self.terms.stages.len();
                let fits = fits && *from >= self.terms.starts_at && *from > step.at;
                if fits {
                    self.staged.push(*from);
                }
                fits
            }
            What::Ended { from, how, reason } => {
                self.ended = Some((*from, how.clone(), reason.clone()));
                true
            }
        };
        // A step that does not fit, and all that rest on it, are as if they were not there.
        self.next += i64::from(fits);
    }

    /// Since when it is in force in the division of each stage so far, and until when: until it ends, or a
    /// later stage covers that division as well.
    fn held(&self) -> impl Iterator<Item = (&Stage, Instant, Instant)> {
        let ended = self.ended.as_ref().map(|e| e.0);
        let staged = || self.terms.stages.iter().zip(&self.staged);
        staged().enumerate().map(move |(i, (stage, from))| {
            let wider = staged().skip(i + 1).find(|(later, _)| lies_in(&stage.division, &later.division));
            let ends = [ended, wider.map(|(_, from)| *from)];
            let until = ends.into_iter().flatten().fold(self.terms.sunset, Instant::min);
            (stage, *from, until)
        })
    }

    /// What is in force by it, for an installation whose own division is `home`.
    fn entries(&self, pack: &Arc<Pack>, home: &str, out: &mut Vec<Entry>) {
        for (stage, from, until) in self.held().filter(|(_, from, until)| from < until) {
            let covers = if stage.division == home { "" } else { &stage.division };
            out.push(Entry { pack: Arc::clone(pack), covers: covers.into(), from, until: Some(until) });
        }
    }

    /// The same of a pack below that extends it: in its own division, with the stages that cover that.
    fn child_entries(
        &self,
        (child, pack): (&Child, &Arc<Pack>),
        all: &[&Publication],
        home: &str,
        out: &mut Vec<Entry>,
    ) {
        let covers = if child.division == home { "" } else { &child.division };
        for (_, from, until) in self.held().filter(|(stage, ..)| lies_in(&child.division, &stage.division)) {
            let until = child.ends(pack, all, from).map_or(until, |ends| ends.min(until));
            if from < until {
                out.push(Entry { pack: Arc::clone(pack), covers: covers.into(), from, until: Some(until) });
            }
        }
    }
}

impl Child {
    /// When it ends whatever becomes of its parent: with its own text, or where its own division publishes
    /// another, from when that holds in all of it. What was over before it begins does not count.
    fn ends(&self, pack: &Pack, all: &[&Publication], begins: Instant) -> Option<Instant> {
        let own = all.iter().find(|p| p.terms.digest == self.of);
        let since = own.and_then(|p| p.staged.first());
        let is_other = |p: &&&Publication| {
            p.terms.pack == self.pack
                && p.terms.division == self.division
                && p.terms.digest != self.of
                && p.ended.is_none()
        };
        let others = all.iter().filter(is_other);
        let whole = others.filter_map(|p| p.held().find(|(s, ..)| lies_in(&self.division, &s.division)));
        let whole = whole.filter(|(_, from, until)| *until > begins && since.is_none_or(|s| from > s));
        let others = whole.map(|(_, from, _)| from);
        let text = match own {
            Some(own) => Some(own.ended.as_ref().map_or(own.terms.sunset, |e| e.0.min(own.terms.sunset))),
            None => pack.sunset,
        };
        others.chain(text).min()
    }
}

/// Packs in force below one that they extend, held against a new text of that.
#[derive(Debug, Default)]
pub struct Below {
    /// Those that it alters: what they come to, their own texts, and their digests now.
    pub fit: Vec<(Arc<Pack>, PackFiles, Box<str>)>,
    /// Those that make no pack with it.
    pub unfit: Vec<(Box<str>, PackErrors)>,
    /// Those whose own text is not at hand: what they come to with it is not known.
    pub lost: Vec<Box<str>>,
}

impl Below {
    /// Of all that is in force in a set at an instant, given the texts that it was made of, below a pack
    /// and its text. A pack that is only on its way through its stages keeps the text that was signed.
    #[must_use]
    pub fn of(set: &PackSet, pack: &Pack, files: &PackFiles, library: &Library, at: Instant) -> Below {
        let mut with = library.clone();
        with.put(files.clone());
        let mut below = Below::default();
        for entry in set.entries() {
            let child = &entry.pack;
            let is_whole = entry.covers == child.division || entry.covers.is_empty();
            let in_force = set.at(entry.covers.parse().unwrap_or(0), at).digest == child.digest;
            let is_new = below.fit.iter().all(|(.., of)| *of != child.digest);
            if !(is_whole && in_force && is_new && child.parents.contains(&pack.id)) {
                continue;
            }
            let is_text =
                |own: &&PackFiles| Pack::load_published(own, library).is_ok_and(|p| p.digest == child.digest);
            let Some(own) = library.get(&child.id).filter(is_text) else {
                if !below.lost.contains(&child.id) {
                    below.lost.push(child.id.clone());
                }
                continue;
            };
            match Pack::load_published(own, &with) {
                Ok(pack) if pack.digest == child.digest => {}
                Ok(pack) => below.fit.push((Arc::new(pack), own.clone(), child.digest.clone())),
                Err(errors) => below.unfit.push((child.id.clone(), errors)),
            }
        }
        below
    }
}

/// Publications of steps, which are in the order of their taking.
#[must_use]
pub fn fold(steps: &[Step]) -> Vec<Publication> {
    let mut all: Vec<Publication> = Vec::new();
    let mut index: BTreeMap<[u8; 16], usize> = BTreeMap::new();
    for step in steps {
        match (&step.what, index.get(&step.publication)) {
            (What::Proposed(terms), None) if step.seq == 0 && !step.officer.is_empty() => {
                index.insert(step.publication, all.len());
                all.push(Publication {
                    id: step.publication,
                    terms: terms.clone(),
                    proposed: (step.officer.clone(), step.at),
                    signed: None,
                    shadow: None,
                    staged: Vec::new(),
                    ended: None,
                    next: 1,
                });
            }
            (_, Some(i)) => all[*i].take(step),
            _ => {}
        }
    }
    all
}

/// What is in force by publications, and what counts no more. A pack that is not there is the error.
pub fn in_force(
    publications: &[&Publication],
    packs: &BTreeMap<String, Arc<Pack>>,
    home: &str,
) -> Result<(Vec<Entry>, Vec<Void>), String> {
    let (mut entries, mut voids) = (Vec::new(), Vec::new());
    let pack_of = |digest: &String| packs.get(digest).ok_or_else(|| digest.clone());
    for p in publications.iter().filter(|p| !p.staged.is_empty()) {
        p.entries(pack_of(&p.terms.digest)?, home, &mut entries);
        for child in &p.terms.children {
            p.child_entries((child, pack_of(&child.digest)?), publications, home, &mut entries);
        }
        if let Some((from, ..)) = &p.ended {
            // Also what it came to under a new text of its parent.
            let staged = publications.iter().filter(|o| !o.staged.is_empty());
            let over = staged.flat_map(|o| &o.terms.children).filter(|c| c.of == p.terms.digest);
            let digests = p.terms.digests().chain(over.map(|c| &c.digest));
            voids.extend(digests.map(|digest| Void { digest: digest.as_str().into(), from: *from }));
        }
    }
    entries.sort_by_key(|e| e.from);
    Ok((entries, voids))
}

/// The files of a pack in one piece.
#[must_use]
pub fn compress(files: &PackFiles) -> Vec<u8> {
    let plain = serde_json::to_vec(&files.0).unwrap_or_default();
    zstd::bulk::compress(&plain, 9).unwrap_or_default()
}

/// The files again; `None` where they are damaged or too large.
#[must_use]
pub fn expand(bytes: &[u8]) -> Option<PackFiles> {
    let plain = zstd::bulk::decompress(bytes, UNPACKED_BYTES_MAX).ok()?;
    let files: BTreeMap<String, String> = serde_json::from_slice(&plain).ok()?;
    (files.len() <= FILES_MAX * (1 + PARENTS_MAX)).then_some(PackFiles(files))
}

/// A pack with the packs that it extends, which stand under `@id/`: what is signed is whole, whatever
/// becomes of its parents.
#[must_use]
pub fn with_parents(files: &PackFiles, library: &Library) -> PackFiles {
    let mut all = files.clone();
    let mut next = files.extends();
    for _ in 0..PARENTS_MAX {
        let Some((id, parent)) = next.and_then(|id| library.get(&id).map(|p| (id.clone(), p))) else { break };
        all.0.extend(parent.0.iter().map(|(path, text)| (format!("@{id}/{path}"), text.clone())));
        next = parent.extends();
    }
    all
}

/// Loads such a pack, which was published.
pub fn load_with_parents(files: &PackFiles) -> Result<Pack, PackErrors> {
    let (own, parents) = apart(files);
    Pack::load_published(&own, &Library::new(parents))
}

/// Such a pack's own files, and those of the packs that it extends.
#[must_use]
pub fn apart(files: &PackFiles) -> (PackFiles, Vec<PackFiles>) {
    let (mut own, mut parents) = (PackFiles::default(), BTreeMap::<&str, PackFiles>::new());
    for (path, text) in &files.0 {
        match path.strip_prefix('@').and_then(|p| p.split_once('/')) {
            Some((id, path)) => parents.entry(id).or_default().0.insert(path.to_owned(), text.clone()),
            None => own.0.insert(path.clone(), text.clone()),
        };
    }
    (own, parents.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::division::COUNTRY;

    fn terms() -> Terms {
        let stage = |division: &str| Stage { division: division.into(), hold_s: 10, forecast: 1, margin: 1 };
        Terms {
            digest: "00000000000000aa".into(),
            pack: "p".into(),
            version: "2".into(),
            division: "3301".into(),
            reference: "r".into(),
            starts_at: Instant(100),
            sunset: Instant(1_000),
            shadow_s: 5,
            stages: vec![stage("330106"), stage("3301")],
            children: Vec::new(),
        }
    }

    fn step(seq: i64, at: i64, officer: &str, what: What) -> Step {
        Step { publication: [1; 16], seq, at: Instant(at), officer: officer.into(), what }
    }

    fn whole() -> Vec<Step> {
        vec![
            step(0, 1, "maker", What::Proposed(terms())),
            step(1, 2, "signer", What::Signed { digest: terms().digest }),
            step(2, 3, "signer", What::Shadow { until: Instant(8) }),
            step(3, 9, "signer", What::Staged { stage: 0, from: Instant(100) }),
            step(4, 120, "", What::Staged { stage: 1, from: Instant(125) }),
        ]
    }

    #[test]
    fn nothing_is_in_force_without_both_signatures_and_the_shadow_whatever_is_put_in_the_table() {
        assert_eq!(fold(&whole())[0].staged, [Instant(100), Instant(125)]);
        for without in 1..4 {
            let mut steps = whole();
            steps.remove(without);
            assert!(fold(&steps)[0].staged.is_empty(), "without step {without}");
        }
        let mut steps = whole();
        steps[1].officer = "maker".into();
        assert!(fold(&steps)[0].staged.is_empty(), "the same person twice");
        let mut steps = whole();
        steps[1].what = What::Signed { digest: "00000000000000ab".into() };
        assert!(fold(&steps)[0].staged.is_empty(), "another pack was signed");
        let mut steps = whole();
        steps[3].at = Instant(7);
        assert!(fold(&steps)[0].staged.is_empty(), "before the shadow is over");
        let mut steps = whole();
        steps[3].what = What::Staged { stage: 0, from: Instant(50) };
        assert!(fold(&steps)[0].staged.is_empty(), "before its start");
    }

    #[test]
    fn terms_say_what_is_wrong_with_them() {
        let code = |change: fn(&mut Terms)| {
            let mut terms = terms();
            change(&mut terms);
            terms.slip(Instant(50)).map(|s| s.0)
        };
        assert_eq!(code(|_| {}), None);
        assert_eq!(code(|t| t.starts_at = Instant(50)), Some("rules.start"));
        assert_eq!(code(|t| t.sunset = t.starts_at), Some("rules.sunset"));
        assert_eq!(code(|t| t.shadow_s = 0), Some("rules.shadow"));
        assert_eq!(code(|t| t.stages.clear()), Some("rules.stages"));
        assert_eq!(code(|t| t.stages[0].division = "3401".into()), Some("rules.stages"));
        assert_eq!(code(|t| t.stages.truncate(1)), Some("rules.stages"));
        let whole = |t: &mut Terms| {
            (t.division, t.stages[1].division) = (COUNTRY.into(), COUNTRY.into());
        };
        assert_eq!(code(whole), None);
        assert_eq!(code(|t| t.stages[0].division = COUNTRY.into()), Some("rules.stages"));
        assert_eq!(code(|t| t.stages[0].margin = -1), Some("rules.stages"));
    }

    #[test]
    fn files_come_back_as_they_were_and_damage_is_no_pack() {
        let files = PackFiles([("pack.toml".to_owned(), "id".to_owned())].into());
        let bytes = compress(&files);
        assert_eq!(expand(&bytes).unwrap().0, files.0);
        assert!(expand(&bytes[1..]).is_none() && expand(&[]).is_none());
    }
}
