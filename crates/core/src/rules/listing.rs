//! Lists of areas at risk as offices keep them (风险区名单): versions, each the whole list of one division, and
//! the steps that put them in force. What acts when follows from the steps alone, so that no list acts
//! without two people of two offices.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::rules::expr::{Area, AreaError, Areas};
use crate::time::{Day, Instant};

/// Most entries of a version.
pub const ENTRIES_MAX: usize = 20_000;
/// Most entries that act at once, of all divisions.
pub const ALL_ENTRIES_MAX: usize = 200_000;
/// Longest source of an entry, in letters.
pub const SOURCE_LETTERS_MAX: usize = 200;
/// Largest version unpacked, in bytes.
const UNPACKED_BYTES_MAX: usize = ENTRIES_MAX * 1_024;

/// A division on a list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Which list, as packs name it, such as `high`.
    pub list: String,
    /// Code of the division or community; all that lie in it are meant too.
    pub code: String,
    /// First day on the list.
    pub from: Day,
    /// First day no longer on it; open without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Where that was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Entries in one piece, in an order of their own, and the digest that is signed.
#[must_use]
pub fn compress(entries: &[Entry]) -> (Vec<u8>, String) {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort();
    sorted.dedup();
    let plain = serde_json::to_vec(&sorted).unwrap_or_default();
    (zstd::bulk::compress(&plain, 9).unwrap_or_default(), hex(&plain))
}

/// The entries again; `None` where they are damaged, or not those of the digest.
#[must_use]
pub fn expand(bytes: &[u8], digest: &str) -> Option<Vec<Entry>> {
    let plain = zstd::bulk::decompress(bytes, UNPACKED_BYTES_MAX).ok()?;
    if hex(&plain) != digest {
        return None;
    }
    let entries: Vec<Entry> = serde_json::from_slice(&plain).ok()?;
    (entries.len() <= ENTRIES_MAX).then_some(entries)
}

fn hex(plain: &[u8]) -> String {
    digest(&SHA256, plain).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Code of the division whose list it is; empty for the whole country.
    pub division: String,
    /// Digest of the entries.
    pub digest: String,
    /// How many entries.
    pub entries: usize,
    /// The legal reference.
    pub reference: String,
    /// Why.
    pub reason: String,
    /// The version of that division that it takes the place of; none for its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// How many people a version concerns, counted before it is signed.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// People who were looked at.
    pub people: i64,
    /// Of whom a fact names a place that differs.
    pub touched: i64,
    /// How many of them would have another colour: from, to (0 none), people.
    pub changes: Vec<(u8, u8, i64)>,
}

impl Count {
    /// How many would have another colour.
    #[must_use]
    pub fn changed(&self) -> i64 {
        self.changes.iter().map(|(.., n)| n).sum()
    }

    /// How many may: a fifth more than were counted, and 20, since people go on declaring meanwhile. Ours.
    #[must_use]
    pub fn bound(&self) -> i64 {
        let changed = self.changed();
        changed.saturating_add(changed / 5).saturating_add(20)
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The first signature: a list is proposed.
    Proposed(Terms),
    /// Whom it concerns was counted.
    Counted(Count),
    /// The second signature, over the digest: it acts.
    Signed {
        /// Digest of the entries.
        digest: String,
        /// Then.
        from: Instant,
    },
    /// It goes back: a proposal is over, what acts acts no more, and the version before it does.
    Withdrawn {
        /// Then.
        from: Instant,
        /// `withdrawn` or `too_many_changes`.
        how: String,
        /// Why.
        reason: String,
    },
}

/// A step on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Of which version.
    pub version: [u8; 16],
    /// From 0.
    pub seq: i64,
    /// When it was taken.
    pub at: Instant,
    /// Log-in name of who took it; empty for the service itself.
    pub officer: String,
    /// Their office.
    pub office: [u8; 16],
    /// What.
    pub what: What,
}

/// How far a version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Whom it concerns is being counted.
    Counting,
    /// Waits for the second signature.
    Proposed,
    /// Signed; acts at an instant that is close.
    Signed,
    /// Acts.
    InForce,
    /// Another version of its division took its place.
    Replaced,
    /// Went back.
    Withdrawn,
}

/// A version, as its steps make it.
#[derive(Clone, Debug)]
pub struct Version {
    /// Which; ids grow with time.
    pub id: [u8; 16],
    /// On what terms.
    pub terms: Terms,
    /// Who proposed it, of which office, and when.
    pub proposed: (String, [u8; 16], Instant),
    /// Whom it concerns.
    pub count: Option<Count>,
    /// Who signed it, when, and from when on it acts.
    pub signed: Option<(String, Instant, Instant)>,
    /// Since when it is over, how and why.
    pub withdrawn: Option<(Instant, String, String)>,
    /// Number of the next step.
    pub next: i64,
}

impl Version {
    /// From when on it acts, and until when, as far as it goes back itself.
    fn span(&self) -> Option<(Instant, Option<Instant>)> {
        let (.., from) = self.signed.as_ref()?;
        let until = self.withdrawn.as_ref().map(|w| w.0);
        until.is_none_or(|until| *from < until).then_some((*from, until))
    }

    fn acts(&self, at: Instant) -> bool {
        self.span().is_some_and(|(from, until)| from <= at && until.is_none_or(|until| at < until))
    }

    /// Takes a step, or leaves out one that has no right to be there.
    fn take(&mut self, step: &Step) {
        if step.seq != self.next || self.withdrawn.is_some() {
            return;
        }
        let fits = match &step.what {
            What::Proposed(_) => false,
            What::Counted(count) => {
                let fits = self.signed.is_none();
                if fits {
                    self.count = Some(count.clone());
                }
                fits
            }
            What::Signed { digest, from } => {
                let fits = self.signed.is_none()
                    && self.count.is_some()
                    && *digest == self.terms.digest
                    && !step.officer.is_empty()
                    && step.officer != self.proposed.0
                    && step.office != self.proposed.1
                    && *from > step.at;
                if fits {
                    self.signed = Some((step.officer.clone(), step.at, *from));
                }
                fits
            }
            What::Withdrawn { from, how, reason } => {
                let fits = *from >= step.at;
                if fits {
                    self.withdrawn = Some((*from, how.clone(), reason.clone()));
                }
                fits
            }
        };
        // A step that does not fit, and all that rest on it, are as if they were not there.
        self.next += i64::from(fits);
    }
}

/// Versions of steps, which are in the order of their taking.
#[must_use]
pub fn fold(steps: &[Step]) -> Vec<Version> {
    let mut all: Vec<Version> = Vec::new();
    let mut index: BTreeMap<[u8; 16], usize> = BTreeMap::new();
    for step in steps {
        match (&step.what, index.get(&step.version)) {
            (What::Proposed(terms), None) if step.seq == 0 && !step.officer.is_empty() => {
                index.insert(step.version, all.len());
                all.push(Version {
                    id: step.version,
                    terms: terms.clone(),
                    proposed: (step.officer.clone(), step.office, step.at),
                    count: None,
                    signed: None,
                    withdrawn: None,
                    next: 1,
                });
            }
            (_, Some(i)) => all[*i].take(step),
            _ => {}
        }
    }
    all
}

/// The version of each division that acts at an instant: the one that was the last to begin.
#[must_use]
pub fn in_force(versions: &[Version], at: Instant) -> Vec<&Version> {
    let mut last: BTreeMap<&str, &Version> = BTreeMap::new();
    let mut acting: Vec<&Version> = versions.iter().filter(|v| v.acts(at)).collect();
    acting.sort_by_key(|v| (v.span().map(|s| s.0), v.id));
    for version in acting {
        last.insert(&version.terms.division, version);
    }
    last.into_values().collect()
}

/// How far a version is at an instant, among all.
#[must_use]
pub fn state(versions: &[Version], version: &Version, at: Instant) -> State {
    match (&version.withdrawn, &version.signed) {
        (Some((from, ..)), _) if *from <= at || version.signed.is_none() => State::Withdrawn,
        (_, Some((.., from))) if at < *from => State::Signed,
        (_, Some(_)) if in_force(versions, at).iter().any(|v| v.id == version.id) => State::InForce,
        (_, Some(_)) => State::Replaced,
        (_, None) if version.count.is_none() => State::Counting,
        (_, None) => State::Proposed,
    }
}

/// Every instant after `since` at which other versions act, and the last until then, with what acts from
/// there on.
#[must_use]
pub fn timeline(versions: &[Version], since: Instant) -> Vec<(Instant, Vec<&Version>)> {
    let spans = versions.iter().filter_map(Version::span);
    let mut instants: Vec<Instant> =
        spans.flat_map(|(from, until)| std::iter::once(from).chain(until)).collect();
    instants.sort_unstable();
    instants.dedup();
    let first = instants.partition_point(|at| *at <= since).saturating_sub(1);
    instants[first..].iter().map(|at| (*at, in_force(versions, *at))).collect()
}

/// The lists that some entries make together.
pub fn areas<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Arc<Areas>, AreaError> {
    let mut lists: BTreeMap<&str, Vec<Area>> = BTreeMap::new();
    let mut n = 0;
    for entry in entries {
        n += 1;
        // Two that are signed at once, or one that gives way to an older one, may go over what is let in; it
        // must not keep every node from its lists.
        if n > 5 * ALL_ENTRIES_MAX {
            return Err(AreaError::Limit);
        }
        let area = Area { code: entry.code.as_str().into(), from: Some(entry.from), until: entry.until };
        lists.entry(&entry.list).or_default().push(area);
    }
    let mut areas = Areas::new();
    for (list, all) in lists {
        areas.set(list, &all)?;
    }
    Ok(Arc::new(areas))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(version: u8, seq: i64, at: i64, by: (&str, u8), what: What) -> Step {
        Step { version: [version; 16], seq, at: Instant(at), officer: by.0.into(), office: [by.1; 16], what }
    }

    fn proposed(division: &str) -> What {
        What::Proposed(Terms {
            division: division.into(),
            digest: "aa".into(),
            entries: 1,
            reference: "r".into(),
            reason: "why".into(),
            replaces: None,
        })
    }

    fn signed(from: i64) -> What {
        What::Signed { digest: "aa".into(), from: Instant(from) }
    }

    fn whole(version: u8, division: &str, at: i64) -> Vec<Step> {
        vec![
            step(version, 0, at, ("maker", 1), proposed(division)),
            step(version, 1, at + 1, ("", 0), What::Counted(Count::default())),
            step(version, 2, at + 2, ("signer", 2), signed(at + 8)),
        ]
    }

    fn acting(steps: &[Step], at: i64) -> Vec<u8> {
        in_force(&fold(steps), Instant(at)).iter().map(|v| v.id[0]).collect()
    }

    #[test]
    fn nothing_acts_without_two_people_of_two_offices_whatever_is_put_in_the_table() {
        assert_eq!(acting(&whole(1, "3301", 10), 18), [1]);
        assert!(acting(&whole(1, "3301", 10), 17).is_empty(), "not before its instant");
        type Spoil = fn(&mut Vec<Step>);
        let mut spoilt: Vec<(&str, Spoil)> = vec![
            ("without the proposal", |s| drop(s.remove(0))),
            ("without the count", |s| drop(s.remove(1))),
            ("the same person", |s| s[2].officer = "maker".into()),
            ("the same office", |s| s[2].office = [1; 16]),
            ("nobody", |s| s[2].officer.clear()),
            ("another list", |s| s[2].what = What::Signed { digest: "ab".into(), from: Instant(18) }),
            ("at once", |s| s[2].what = signed(12)),
        ];
        for (why, spoil) in spoilt.drain(..) {
            let mut steps = whole(1, "3301", 10);
            spoil(&mut steps);
            assert!(acting(&steps, 100).is_empty(), "{why}");
        }
    }

    #[test]
    fn each_division_has_a_list_of_its_own_and_a_version_that_goes_back_leaves_the_one_before() {
        let mut steps = [whole(1, "3301", 10), whole(2, "33", 20), whole(3, "3301", 30)].concat();
        let back = What::Withdrawn { from: Instant(60), how: "withdrawn".into(), reason: "typo".into() };
        steps.push(step(3, 3, 50, ("signer", 2), back));
        assert_eq!(acting(&steps, 28), [2, 1]);
        assert_eq!(acting(&steps, 38), [2, 3]);
        assert_eq!(acting(&steps, 60), [2, 1]);
        let versions = fold(&steps);
        let line: Vec<i64> = timeline(&versions, Instant::MIN).iter().map(|(at, _)| at.0).collect();
        assert_eq!(line, [18, 28, 38, 60]);
        assert_eq!(timeline(&versions, Instant(40))[0].0, Instant(38), "what acts now is part of it");
        assert_eq!(timeline(&versions, Instant(40)).len(), 2);
        let states = |at| versions.iter().map(|v| state(&versions, v, Instant(at))).collect::<Vec<_>>();
        assert_eq!(states(31), [State::InForce, State::InForce, State::Signed]);
        assert_eq!(states(40), [State::Replaced, State::InForce, State::InForce]);
        assert_eq!(states(61), [State::InForce, State::InForce, State::Withdrawn]);
    }

    #[test]
    fn entries_are_those_of_their_digest_in_any_order() {
        let entry = |code: &str| Entry {
            list: "high".into(),
            code: code.into(),
            from: Day::parse("2022-03-01").unwrap(),
            until: None,
            source: None,
        };
        let (one, other) = (entry("330106001002"), entry("3303"));
        let (bytes, digest) = compress(&[one.clone(), other.clone()]);
        assert_eq!(compress(&[other, one.clone(), one]).1, digest);
        assert_eq!(expand(&bytes, &digest).unwrap().len(), 2);
        assert_eq!(expand(&bytes, "00"), None);
        assert_eq!(expand(b"x", &digest), None);
        let areas = areas(&expand(&bytes, &digest).unwrap()).unwrap();
        assert!(areas.in_area("330106001002", "high", Day::parse("2022-03-01").unwrap()));
    }
}
