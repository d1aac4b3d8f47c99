//! Episodes: what opens one, under which terms it runs, and when it is over.

use std::borrow::Cow;

use super::known::{Known, Matched, Recorded};
use super::record::{record_id, recorded_digest};
use super::stage::{Outcome, Subject};
use crate::decision::Episode;
use crate::id::FactId;
use crate::rules::expr::Scope;
use crate::rules::pack::{Pack, Repeat, Rule, Then};
use crate::rules::release::Stage;
use crate::rules::vocabulary::Vocabulary;
use crate::time::{Instant, Now};

/// One episode, open or over.
pub(super) struct Track<'a> {
    pub(super) rule: &'a str,
    pub(super) opened_by: FactId,
    pub(super) since: Instant,
    /// Since when the person was in it, restarts left aside.
    pub(super) covers_from: Instant,
    /// When each stage that is over ended.
    pub(super) ends: Vec<Instant>,
    /// When an order ended it, by its own end or as a release.
    pub(super) cut: Option<Instant>,
    /// Its present state; none once it is over.
    pub(super) open: Option<Episode>,
    pub(super) terms: Cow<'a, [Stage]>,
    pub(super) record: Record,
}

/// What of an episode goes on record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// All of it.
    All,
    /// All but its opening, which another pack recorded.
    Later,
    /// Nothing: another pack recorded its end.
    Nothing,
}

/// What opens an episode, or did under another pack.
pub(super) struct Opening<'a> {
    /// The rule's id.
    pub(super) id: &'a str,
    /// The rule, where this pack has it.
    pub(super) rule: Option<&'a Rule>,
    pub(super) fact: FactId,
    pub(super) at: Instant,
    /// An order's end. Each order is an episode of its own.
    pub(super) until: Option<Instant>,
    pub(super) recorded: Option<&'a Recorded<'a>>,
}

/// Every opening, by when it happened: facts that a rule matches, and episodes on record under
/// another pack whose fact no rule of this one matches any more.
pub(super) fn openings<'a>(pack: &'a Pack, known: &'a Known<'a>) -> Vec<Opening<'a>> {
    let record = |m: &Matched<'a>| {
        let mut all = known.of_record(&m.rule.id, m.fact.id).peekable();
        let first = all.peek().copied();
        if !m.rule.standing {
            return first;
        }
        // Of the times that a declaration's place was on a list, this one; what was over by then was another.
        let Some(this) = all.take_while(|r| r.opened_at <= m.at).last() else { return first };
        Some(this).filter(|r| r.opened_at == m.at || r.ended.is_none_or(|end| end > m.at))
    };
    let mut all: Vec<Opening<'a>> = Vec::with_capacity(known.matched.len());
    all.extend(known.matched.iter().map(|m| Opening {
        id: &m.rule.id,
        rule: Some(m.rule),
        fact: m.fact.id,
        at: m.at,
        until: m.until,
        recorded: record(m),
    }));
    if known.recorded.is_empty() && known.standing.is_empty() {
        return all;
    }
    for recorded in &known.recorded {
        let fact = recorded.opened_by;
        // An episode goes where the fact goes that it rests on.
        if known.withdrawn.binary_search(&fact).is_ok() || known.returned.contains(&fact) {
            continue;
        }
        let order = known.standing(fact);
        if order.is_some_and(|o| o.from.is_none()) {
            continue;
        }
        let kept = recorded.ended.is_some() || recorded.keeps_terms(pack);
        if kept && !known.matched.iter().any(|m| &*m.rule.id == recorded.rule && m.fact.id == fact) {
            all.push(Opening {
                id: recorded.rule,
                rule: pack.rule(recorded.rule),
                fact,
                at: recorded.opened_at,
                until: order.map(|o| o.until),
                recorded: Some(recorded),
            });
        }
    }
    all.sort_by_key(|o| (o.at, o.fact));
    all
}

/// Opens an episode, or tells the open one of the same rule.
pub(super) fn follow<'a>(
    pack: &'a Pack,
    known: &Known<'a>,
    now: &Now,
    tracks: &mut Vec<Track<'a>>,
    opening: &Opening<'a>,
) {
    let own = opening.rule.and_then(|rule| match &rule.then {
        Then::Open { stages, repeat } => Some((stages.as_slice(), *repeat)),
        Then::Review | Then::Release { .. } | Then::Expire => None,
    });
    let over = |t: &Track<'_>| t.over_at().is_some_and(|end| end <= opening.at);
    let before = tracks.iter().rposition(|t| t.rule == opening.id && opening.until.is_none());
    let mut covers_from = opening.at;
    if let Some(i) = before
        && !over(&tracks[i])
    {
        // Without the rule only the record tells, and there a second opening took the first one's place.
        if own.map_or(Repeat::Restart, |(_, repeat)| repeat) == Repeat::Keep {
            return;
        }
        // It starts again: the earlier part is not over, it has become this one.
        covers_from = tracks.remove(i).covers_from;
    }
    let (rule, opened_by, since) = (opening.id, opening.fact, opening.at);
    // An end under another version stands: the episode is never opened again, nor by a fact that
    // it took in while it was open.
    if let Some(end) = opening.recorded.and_then(|r| r.ended) {
        let terms = Cow::Borrowed(&[] as &[Stage]);
        tracks.push(Track {
            rule,
            opened_by,
            since,
            covers_from,
            ends: vec![end],
            cut: None,
            open: None,
            terms,
            record: Record::Nothing,
        });
        return;
    }
    let carried = opening.recorded.filter(|r| r.keeps_terms(pack));
    let kept = carried.and_then(|r| Some((r.version, terms_of(pack, r.terms)?)));
    let (version, terms) = match (kept, own) {
        (Some((version, terms)), _) => (version, Cow::Owned(terms)),
        (None, Some((stages, _))) => (&*pack.version, Cow::Borrowed(stages)),
        (None, None) => return,
    };
    let record = if opening.recorded.is_some() { Record::Later } else { Record::All };
    let ends = Vec::new();
    let mut track = Track { rule, opened_by, since, covers_from, ends, cut: None, open: None, terms, record };
    run_through(pack, known, now, version, &mut track);
    cut(known, now, opening.until, &mut track);
    tracks.push(track);
}

/// Stages as the record keeps them, ready to be asked.
fn terms_of(pack: &Pack, text: &str) -> Option<Vec<Stage>> {
    let mut stages: Vec<Stage> = serde_json::from_str(text).ok()?;
    for stage in &mut stages {
        // What the record says was checked when its pack was loaded.
        stage
            .release
            .prepare(|kind| {
                Scope::of(kind).with_certificates(&pack.certificates).with_vocabulary(Vocabulary::open())
            })
            .ok()?;
    }
    Some(stages)
}

/// Ends an episode where its order ends, or where an order releases from its rule, if it is not
/// over by itself before.
fn cut(known: &Known<'_>, now: &Now, until: Option<Instant>, track: &mut Track<'_>) {
    let releases = known
        .releases
        .iter()
        .filter(|(at, rules)| *at >= track.since && rules.iter().any(|rule| &**rule == track.rule));
    let Some(end) = releases.map(|(at, _)| *at).chain(until).min() else { return };
    if track.over_at().is_some_and(|over| over <= end) {
        return;
    }
    if now.reached(end) {
        track.ends.retain(|stage| *stage < end);
        (track.cut, track.open) = (Some(end), None);
    } else if let Some(open) = &mut track.open {
        open.earliest_end = Some(open.earliest_end.map_or(end, |at| at.min(end)));
    }
}

impl Track<'_> {
    /// The id of the record of its opening under a pack.
    pub(super) fn opening_id(&self, pack: &Pack) -> FactId {
        record_id(recorded_digest(pack, self.rule), self.rule, self.opened_by, "opened", 0, self.since)
    }

    /// When it was over.
    pub(super) fn over_at(&self) -> Option<Instant> {
        if self.open.is_some() {
            return None;
        }
        self.cut.or_else(|| self.ends.last().copied())
    }
}

/// Follows an episode through its stages up to now.
fn run_through(pack: &Pack, known: &Known<'_>, now: &Now, version: &str, track: &mut Track<'_>) {
    let mut begin = track.since;
    let of = Subject { pack, known, now, rule: track.rule, opened_by: track.opened_by, since: track.since };
    for (i, stage) in track.terms.iter().enumerate() {
        match of.follow_stage(&stage.release, begin) {
            Outcome::Ended(end) => {
                track.ends.push(end);
                begin = end;
            }
            Outcome::Open { progress, broken, earliest } => {
                let later = &track.terms[i + 1..];
                let earliest_end = earliest
                    .and_then(|end| later.iter().try_fold(end, |end, s| of.earliest_after(&s.release, end)));
                track.open = Some(Episode {
                    rule: track.rule.into(),
                    version: version.into(),
                    colour: stage.colour,
                    stage: i as u16,
                    stages: track.terms.len() as u16,
                    opened_by: track.opened_by,
                    since: track.since,
                    stage_since: begin,
                    progress,
                    broken,
                    earliest_end,
                });
                return;
            }
        }
    }
}
