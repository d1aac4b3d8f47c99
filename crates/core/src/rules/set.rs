//! Which pack is in force: for a place, at an instant.
//!
//! A set is a base, which answers wherever and whenever nothing else does, and entries: a pack, the
//! division that it covers there, since when and until when. In force is the deepest entry that
//! covers the place, and of several for one division the one that took force last. The choice asks
//! [`Now`], so that the instant at which another pack takes force is part of `review_at`.

use std::sync::Arc;

use crate::decision::{Decision, Episode};
use crate::division::{lies_in, prefix};
use crate::fact::{Fact, Facts, Kind};
use crate::rules::decide::{Context, Ground, decide_at, ground_at};
use crate::rules::expr::{Areas, CODE_LENGTHS, Difference};
use crate::rules::pack::Pack;
use crate::rules::tongue::Tongue;
use crate::rules::words::{FlagView, Reason, explain_by, explain_flags_by};
use crate::time::{Instant, Now};

/// Most entries of a set.
pub const ENTRIES_MAX: usize = 4_096;

/// A pack in force for a division, for a while.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The pack.
    pub pack: Arc<Pack>,
    /// Code of the division; empty, or that of the whole country, for everybody.
    pub covers: Box<str>,
    /// Since when.
    pub from: Instant,
    /// Until before when; for good without an end.
    pub until: Option<Instant>,
}

/// What was decided under a pack and counts no more: it was stopped, or brought back from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Void {
    /// Digest of the pack.
    pub digest: Box<str>,
    /// From this instant on.
    pub from: Instant,
}

/// Why a set cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSet {
    /// No pack.
    #[error("packs.none: there is no pack; name a folder that holds pack.toml, or one of such folders")]
    Empty,
    /// Two that could be the base.
    #[error(
        "packs.no_root: {0} and {1} both stand at the top, and neither covers the other; add a pack of the division above them"
    )]
    Roots(String, String),
    /// A site's beside another.
    #[error(
        "packs.site: {0} is the pack of a campus or an enterprise and answers for all of an installation; {1} cannot stand beside it: serve {0} from a folder of its own, or leave it out"
    )]
    Site(String, String),
    /// Not a division's code.
    #[error("packs.division: {0} is not the code of a division")]
    Division(String),
    /// Too many.
    #[error("packs.limit: a set has at most {ENTRIES_MAX} entries")]
    Many,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct PackSet {
    base: Held,
    /// By digits of the division's code, code, and the latest first.
    entries: Vec<Row>,
    /// Lengths of codes that occur, the longest first.
    lengths: Vec<u32>,
    voids: Vec<Void>,
    /// Lists of areas that act one after the other.
    listings: Vec<Listing>,
}

/// Lists of areas that act from an instant on, beside those of every pack.
#[derive(Clone, Debug)]
struct Listing {
    from: Instant,
    listed: Arc<Areas>,
    /// Where they differ from those before.
    differs: Difference,
    /// Whether a pack asks about a place there whatever is known of a person.
    everybody: bool,
    /// By digest of the pack, its lists with these beside them.
    of: Vec<(Box<str>, Areas)>,
}

impl Listing {
    fn touches(&self, facts: &Facts) -> bool {
        self.everybody || self.differs.touches(facts)
    }
}

#[derive(Clone, Debug)]
struct Held {
    pack: Arc<Pack>,
    digest: [u8; 8],
}

#[derive(Clone, Debug)]
struct Row {
    digits: u32,
    code: u64,
    from: Instant,
    until: Option<Instant>,
    held: Held,
}

impl Held {
    fn new(pack: Arc<Pack>) -> Held {
        Held { digest: digest_bytes(&pack.digest), pack }
    }
}

/// A digest as stored decisions carry it.
#[must_use]
pub fn digest_bytes(hex: &str) -> [u8; 8] {
    u64::from_str_radix(hex, 16).unwrap_or(0).to_be_bytes()
}

impl PackSet {
    /// One pack for everybody.
    #[must_use]
    pub fn single(pack: Arc<Pack>) -> PackSet {
        let (entries, lengths, voids, listings) = Default::default();
        PackSet { base: Held::new(pack), entries, lengths, voids, listings }
    }

    /// The packs of one installation, each for its own division, in force as it says itself. The one
    /// whose division lies above all others is the base, and for people elsewhere as well; of several of
    /// that division the first to take force. A site's pack is the only one: those that it extends may lie
    /// beside it, and are in force as far as it says what they say.
    pub fn of(packs: Vec<Arc<Pack>>) -> Result<PackSet, BadSet> {
        if let Some(site) = packs.iter().find(|p| p.site.is_some()) {
            let other = packs.iter().find(|p| p.digest != site.digest && !site.parents.contains(&p.id));
            return match other {
                Some(other) => Err(BadSet::Site(site.id.to_string(), other.id.to_string())),
                None => Ok(PackSet::single(Arc::clone(site))),
            };
        }
        let top = packs
            .iter()
            .min_by_key(|p| (prefix(&p.division).len(), p.effective))
            .ok_or(BadSet::Empty)?
            .clone();
        if let Some(other) = packs.iter().find(|p| !lies_in(&p.division, &top.division)) {
            return Err(BadSet::Roots(top.id.to_string(), other.id.to_string()));
        }
        let entries = packs.into_iter().filter(|p| p.digest != top.digest).map(|pack| Entry {
            covers: if pack.division == top.division { "".into() } else { pack.division.clone() },
            from: pack.effective,
            until: pack.sunset,
            pack,
        });
        PackSet::single(Arc::clone(&top)).with(entries.collect(), Vec::new())
    }

    /// The same set with further entries, of which a later one stands before an earlier one of the same
    /// division and instant, and what no longer counts.
    pub fn with(&self, further: Vec<Entry>, voids: Vec<Void>) -> Result<PackSet, BadSet> {
        let mut set = self.clone();
        let base = &self.base.pack;
        if let Some(entry) = further.iter().find(|e| base.site.or(e.pack.site).is_some()) {
            let (site, other) = if base.site.is_some() { (base, &entry.pack) } else { (&entry.pack, base) };
            return Err(BadSet::Site(site.id.to_string(), other.id.to_string()));
        }
        for entry in further.into_iter().rev() {
            let (digits, code) = number(&entry.covers).ok_or(BadSet::Division(entry.covers.to_string()))?;
            let held = Held::new(entry.pack);
            set.entries.push(Row { digits, code, from: entry.from, until: entry.until, held });
        }
        if set.entries.len() > ENTRIES_MAX {
            return Err(BadSet::Many);
        }
        // Stable: of equal ones the later-given stays before the earlier.
        set.entries.sort_by_key(|r| (r.digits, r.code, std::cmp::Reverse(r.from)));
        set.lengths = set.entries.iter().map(|r| r.digits).collect();
        set.lengths.dedup();
        set.lengths.reverse();
        set.voids.extend(voids);
        Ok(set.with_areas(&self.listings.iter().map(|t| (t.from, Arc::clone(&t.listed))).collect::<Vec<_>>()))
    }

    /// The same set under lists of areas beside those of its packs: each acts from an instant on, in order of
    /// time, until the next.
    #[must_use]
    pub fn with_areas(mut self, turns: &[(Instant, Arc<Areas>)]) -> PackSet {
        let packs: Vec<Arc<Pack>> = self.packs().cloned().collect();
        let none = Arc::default();
        let before = std::iter::once(&none).chain(turns.iter().map(|(_, listed)| listed));
        let listing = |((from, listed), before): (&(Instant, Arc<Areas>), &Arc<Areas>)| {
            let differs = Difference::between(before, listed);
            Listing {
                from: *from,
                listed: Arc::clone(listed),
                everybody: packs.iter().flat_map(|p| p.asked_codes()).any(|code| differs.holds(code)),
                differs,
                of: packs.iter().map(|p| (p.digest.clone(), p.areas().beside(listed))).collect(),
            }
        };
        self.listings = turns.iter().zip(before).map(listing).collect();
        self
    }

    /// The lists for a pack, and since when they act. What time will change of that is noted in `now` if
    /// it concerns somebody of whom these facts are known.
    fn areas<'a>(&'a self, pack: &'a Pack, facts: &Facts, now: &Now) -> (&'a Areas, Option<Instant>) {
        let mut acting = None;
        for turn in &self.listings {
            // Of whom nothing names a place that differs, the answer is the same and time changes nothing.
            if turn.from <= now.stamp() || turn.touches(facts) && now.reached(turn.from) {
                acting = Some(turn);
            }
        }
        let Some(turn) = acting else { return (pack.areas(), None) };
        let of_pack = turn.of.iter().find(|(digest, _)| *digest == pack.digest);
        (of_pack.map_or(pack.areas(), |(_, areas)| areas), Some(turn.from))
    }

    /// Since when the lists of areas act that act at an instant; none where there are none but the packs'.
    #[must_use]
    pub fn areas_since(&self, at: Instant) -> Option<Instant> {
        self.listings.iter().rev().map(|t| t.from).find(|from| *from <= at)
    }

    /// The same set as if no list had begun to act after an instant.
    #[must_use]
    pub fn before_areas(mut self, after: Instant) -> PackSet {
        self.listings.retain(|t| t.from <= after);
        self
    }

    /// Since when the earliest lists act that are held.
    #[must_use]
    pub fn areas_first(&self) -> Option<Instant> {
        self.listings.first().map(|t| t.from)
    }

    /// Whether lists that began to act after one instant and until another are answered otherwise for
    /// somebody of whom these facts are known. Of whom that is not so, a decision made before still stands.
    #[must_use]
    pub fn areas_touch(&self, facts: &Facts, after: Instant, until: Instant) -> bool {
        self.listings.iter().filter(|t| after < t.from && t.from <= until).any(|t| t.touches(facts))
    }

    /// What [`PackSet::areas_touch`] asks, for many people.
    #[must_use]
    pub fn areas_differ(&self, after: Instant, until: Instant) -> (Difference, bool) {
        let turns = self.listings.iter().filter(|t| after < t.from && t.from <= until);
        turns.fold((Difference::default(), false), |(differs, everybody), t| {
            (differs.and(&t.differs), everybody || t.everybody)
        })
    }

    /// The pack of the installation: what answers wherever nothing else does.
    #[must_use]
    pub fn base(&self) -> &Arc<Pack> {
        &self.base.pack
    }

    fn held(&self, place: u64, now: &Now) -> &Held {
        let known = place.checked_ilog10().map_or(0, |n| n + 1);
        for &digits in self.lengths.iter().filter(|d| **d <= known) {
            let code = if digits == 0 { 0 } else { place / 10_u64.pow(known - digits) };
            let first = self.entries.partition_point(|r| (r.digits, r.code) < (digits, code));
            let here = self.entries[first..].iter().take_while(|r| (r.digits, r.code) == (digits, code));
            for row in here {
                if now.reached(row.from) && row.until.is_none_or(|until| !now.reached(until)) {
                    return &row.held;
                }
            }
        }
        &self.base
    }

    /// The pack in force for a place, by the number of its code (0 where it is not known); what time
    /// will change of that is noted in `now`.
    #[must_use]
    pub fn in_force(&self, place: u64, now: &Now) -> &Arc<Pack> {
        &self.held(place, now).pack
    }

    /// The same at an instant.
    #[must_use]
    pub fn at(&self, place: u64, at: Instant) -> &Arc<Pack> {
        &self.held(place, &Now::new(at)).pack
    }

    /// Its digest, as stored decisions carry it.
    #[must_use]
    pub fn digest(&self, place: u64, at: Instant) -> &[u8; 8] {
        &self.held(place, &Now::new(at)).digest
    }

    /// Whether what was decided under a pack counts no more.
    pub(crate) fn is_void(&self, digest: &str, now: &Now) -> bool {
        self.voids.iter().any(|v| &*v.digest == digest && now.reached(v.from))
    }

    /// Every pack of the set once, in force or not, the base first.
    pub fn packs(&self) -> impl Iterator<Item = &Arc<Pack>> {
        let all = std::iter::once(&self.base).chain(self.entries.iter().map(|r| &r.held));
        let mut seen: Vec<[u8; 8]> = Vec::new();
        all.filter(move |held| {
            let fresh = !seen.contains(&held.digest);
            if fresh {
                seen.push(held.digest);
            }
            fresh
        })
        .map(|held| &held.pack)
    }

    /// The packs that answer for anybody now or are to, and not those whose place another took for good.
    pub(crate) fn answering(&self, now: Instant) -> Vec<&Arc<Pack>> {
        let (mut packs, mut base) = (Vec::new(), Some(&self.base.pack));
        for here in self.entries.chunk_by(|a, b| (a.digits, a.code) == (b.digits, b.code)) {
            // The latest first.
            for row in here.iter().filter(|r| r.until.is_none_or(|until| now < until)) {
                packs.push(&row.held.pack);
                if row.from <= now && row.until.is_none() {
                    base = base.filter(|_| row.digits > 0);
                    break;
                }
            }
        }
        packs.extend(base);
        packs
    }

    /// Every entry, and the base as one that covers everybody since ever.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let base =
            Entry { pack: Arc::clone(&self.base.pack), covers: "".into(), from: Instant::MIN, until: None };
        let rows = self.entries.iter().map(|r| Entry {
            pack: Arc::clone(&r.held.pack),
            covers: if r.digits == 0 { "".into() } else { r.code.to_string().into() },
            from: r.from,
            until: r.until,
        });
        std::iter::once(base).chain(rows)
    }

    /// How many of the set's instants have passed: another number says that another pack may be in
    /// force somewhere.
    #[must_use]
    pub fn turns(&self, at: Instant) -> usize {
        let passed = |instant: &Instant| *instant <= at;
        self.entries.iter().filter(|r| passed(&r.from)).count()
            + self.entries.iter().filter_map(|r| r.until).filter(passed).count()
            + self.voids.iter().filter(|v| passed(&v.from)).count()
    }

    /// The pack that a rule's texts come from: of the version that opened an episode, if that is in the
    /// set, or else any pack that has the rule, the one at hand first.
    #[must_use]
    pub fn with_rule<'a>(&'a self, at_hand: &'a Pack, rule: &str, version: Option<&str>) -> &'a Pack {
        let has = |p: &&Pack| p.rule(rule).is_some();
        let all = || std::iter::once(at_hand).chain(self.packs().map(Arc::as_ref));
        let same = version.and_then(|version| all().filter(has).find(|p| &*p.version == version));
        same.or_else(|| all().find(has)).unwrap_or(at_hand)
    }

    /// The holder's account of a decision that this set made; each reason in the words of the pack
    /// that has its rule.
    #[must_use]
    pub fn explain(
        &self,
        pack: &Pack,
        decision: &Decision,
        facts: &Facts,
        lang: impl Into<Tongue>,
    ) -> Vec<Reason> {
        explain_by(pack, decision, facts, lang.into(), |e| self.texts_of(pack, e))
    }

    /// The same of the open flags.
    #[must_use]
    pub fn explain_flags(
        &self,
        pack: &Pack,
        decision: &Decision,
        facts: &Facts,
        lang: impl Into<Tongue>,
    ) -> Vec<FlagView> {
        explain_flags_by(pack, decision, facts, lang.into(), |e| self.texts_of(pack, e))
    }

    /// The pack that has an episode's rule.
    fn texts_of<'a>(&'a self, pack: &'a Pack, e: &Episode) -> &'a Pack {
        match pack.rule(&e.rule) {
            Some(_) => pack,
            None => self.with_rule(pack, &e.rule, Some(&e.version)),
        }
    }
}

/// Digits and number of a division's code; zeros for the whole country.
fn number(code: &str) -> Option<(u32, u64)> {
    let code = prefix(code);
    if code.is_empty() {
        return Some((0, 0));
    }
    let digits = code.bytes().all(|b| b.is_ascii_digit()) && !code.starts_with('0');
    (digits && CODE_LENGTHS.contains(&code.len())).then(|| Some((code.len() as u32, code.parse().ok()?)))?
}

/// Decides under the pack that is in force where the person is. Pure: the same arguments give the same
/// decision, for every instant in `[now, review_at)`.
#[must_use]
pub fn decide_in(set: &PackSet, facts: &Facts, now: Instant) -> Decision {
    let now = Now::new(now);
    let pack = set.in_force(place_number(facts), &now);
    decide_under(set, pack, facts, &now)
}

/// The same under a pack of the set, wherever the person is.
pub(crate) fn decide_under(set: &PackSet, pack: &Pack, facts: &Facts, now: &Now) -> Decision {
    let (areas, since) = set.areas(pack, facts, now);
    let mut decision = decide_at(pack, facts, &Context { areas }, &|digest| set.is_void(digest, now), now);
    decision.areas = since;
    decision
}

/// What that would say rests on.
pub(crate) fn ground_under(set: &PackSet, pack: &Pack, facts: &Facts, now: Instant) -> Ground {
    let now = Now::new(now);
    let (areas, _) = set.areas(pack, facts, &now);
    ground_at(pack, facts, &Context { areas }, &|digest| set.is_void(digest, &now), &now)
}

/// Division of the current stay, or the destination of somebody who intends to come, as deep as the
/// person gave it; of somebody who never declared, where the first list that came puts them
/// (a later one could fetch people into a division to get at them).
#[must_use]
pub fn place_of(facts: &Facts) -> Option<&str> {
    match facts.iter().rev().find(|f| f.kind == Kind::Declaration) {
        Some(declaration) => place_of_declaration(declaration),
        None => first_placing(facts).and_then(|f| f.text("place")),
    }
}

/// The first that came of the facts that place somebody who never declared.
pub(crate) fn first_placing(facts: &Facts) -> Option<&Fact> {
    facts.iter().filter(|f| f.text("place").is_some()).min_by_key(|f| (f.recorded, f.id))
}

/// [`place_of`] as a number; 0 unknown.
#[must_use]
pub fn place_number(facts: &Facts) -> u64 {
    place_of(facts).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// Where a declaration places a person.
#[must_use]
pub fn place_of_declaration(declaration: &Fact) -> Option<&str> {
    match declaration.text("subject") {
        Some("intending") => declaration.text("destination").or_else(|| declaration.text("residence")),
        _ => declaration.text("residence"),
    }
}
