//! The one funnel: [`decide`] is the only function that sets a colour.
//!
//! It reads a person's facts in canonical order, once; opens an episode for every fact that a rule
//! matches; and asks of each whether its stages have ended. Whatever depends on the present goes
//! through [`Now`], so `review_at` is exact: the same facts give the same decision for every
//! instant in `[now, review_at)`.

use std::borrow::Cow;

use crate::decision::Counted;
use crate::decision::{
    BrokenBy, Colour, Decision, Episode, PackRef, Progress, ReviewReason, RunBroken, Status,
};
use crate::fact::{Fact, Facts, Kind, Source, Value};
use crate::id::FactId;
use crate::rules::expr::{Areas, Env, PersonView};
use crate::rules::order::{self, Standing};
use crate::rules::pack::{OnAbnormal, OnMissed, OnNewVersion, Pack, Release, Repeat, Rule, Stage, Then};
use crate::time::{Day, Instant, Now};

/// What rules may know beside pack and facts.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The named areas.
    pub areas: &'a Areas,
}

/// Decides. Pure: the same arguments give the same decision.
#[must_use]
pub fn decide(pack: &Pack, facts: &Facts, context: &Context<'_>, now: Instant) -> Decision {
    decide_at(pack, facts, context, &|_| false, &Now::new(now))
}

/// The same by a clock that was asked already, and without what was recorded under packs that are void.
pub(crate) fn decide_at(
    pack: &Pack,
    facts: &Facts,
    context: &Context<'_>,
    is_void: &dyn Fn(&str) -> bool,
    now: &Now,
) -> Decision {
    let known = Known::read(pack, facts, context, is_void, now);
    let mut tracks: Vec<Track<'_>> = Vec::new();
    for opening in openings(pack, &known) {
        follow(pack, &known, now, &mut tracks, &opening);
    }
    let mut episodes: Vec<Episode> = Vec::new();
    let mut records: Vec<Fact> = Vec::new();
    for track in &tracks {
        record(pack, &known, track, now.stamp(), &mut records);
        if let Some(open) = &track.open {
            episodes.push(open.clone());
        }
    }
    episodes.sort_by(|a, b| {
        (b.colour, a.since, &a.rule, a.opened_by).cmp(&(a.colour, b.since, &b.rule, b.opened_by))
    });
    let (status, review) = known.status(!episodes.is_empty());
    let severest = episodes.first().map_or(Colour::Green, |e| e.colour);
    let runs = |e: &Episode| e.progress.iter().any(|p| p.what == Counted::CheckIns);
    let check_in_due = episodes.iter().any(runs) && {
        let today = now.today(&pack.zone);
        known.check_ins.last().is_none_or(|c| c.day != today)
    };
    Decision {
        status,
        colour: (status == Status::Active).then_some(severest),
        episodes,
        review,
        pack: pack.pack_ref(),
        decided_at: now.stamp(),
        review_at: now.review_at(),
        check_in_due,
        orders: known.orders,
        records,
    }
}

/// Whether a pack takes a check-in as normal.
#[must_use]
pub fn check_in_is_normal(pack: &Pack, fact: &Fact) -> bool {
    let env = Env {
        fact,
        person: &PersonView::default(),
        areas: pack.areas(),
        day: pack.zone.day_of(fact.happened),
    };
    pack.check_in.normal.eval(&env).is_true()
}

/// A check-in that counts for runs.
#[derive(Clone, Copy)]
struct CheckIn {
    at: Instant,
    day: Day,
    normal: bool,
}

/// A fact that a rule matched.
struct Matched<'a> {
    rule: &'a Rule,
    fact: &'a Fact,
    /// When the episode opens: when the fact happened, or when an order began to act.
    at: Instant,
    /// When it ends at the latest: an order's end.
    until: Option<Instant>,
}

/// An episode under another pack's terms, as it was recorded.
struct Recorded<'a> {
    rule: &'a str,
    opened_by: FactId,
    version: &'a str,
    opened_at: Instant,
    terms: &'a str,
    ended: Option<Instant>,
    /// Whether it was opened in another place: it travels with the person, under its own terms.
    travels: bool,
}

impl Recorded<'_> {
    /// Whether it runs on under the terms that opened it.
    fn keeps_terms(&self, pack: &Pack) -> bool {
        self.travels || pack.on_new_version == OnNewVersion::Keep
    }
}

/// All that one pass over the facts finds.
struct Known<'a> {
    check_ins: Vec<CheckIn>,
    matched: Vec<Matched<'a>>,
    orders: Vec<Standing>,
    /// Orders that end episodes: since when they act, and of which rules.
    releases: Vec<(Instant, &'a [Box<str>])>,
    tests: Vec<&'a Fact>,
    confirmations: Vec<&'a Fact>,
    recorded: Vec<Recorded<'a>>,
    record_ids: Vec<FactId>,
    /// Facts that a correction withdraws, sorted.
    withdrawn: Vec<FactId>,
    /// Declarations that a reviewer returned.
    returned: Vec<FactId>,
    /// The last declaration, and what a reviewer has to say to it.
    declared: Option<Declared<'a>>,
}

struct Declared<'a> {
    fact: &'a Fact,
    review: Option<(&'a str, Option<&'a Fact>)>,
}

impl<'a> Known<'a> {
    fn read(
        pack: &'a Pack,
        facts: &'a Facts,
        context: &Context<'_>,
        is_void: &dyn Fn(&str) -> bool,
        now: &Now,
    ) -> Known<'a> {
        let mut known = Known {
            check_ins: Vec::with_capacity(facts.len()),
            matched: Vec::new(),
            orders: Vec::new(),
            releases: Vec::new(),
            tests: Vec::new(),
            confirmations: Vec::new(),
            recorded: Vec::new(),
            record_ids: Vec::new(),
            withdrawn: withdrawn(facts, now),
            returned: Vec::new(),
            declared: None,
        };
        let mut person = PersonView::default();
        for fact in facts.iter() {
            // In canonical order the rest happens even later: the first of them tells when to look again.
            if !now.reached(fact.happened) {
                break;
            }
            if fact.kind == Kind::Order {
                known.orders.push(order::standing(pack, facts, &known.withdrawn, fact, now));
            }
            if known.withdrawn.binary_search(&fact.id).is_ok() {
                continue;
            }
            if fact.kind == Kind::Episode {
                known.episode_record(pack, is_void, fact);
                continue;
            }
            known.one(pack, facts, context, now, fact, &mut person);
        }
        known
    }

    fn one(
        &mut self,
        pack: &'a Pack,
        facts: &'a Facts,
        context: &Context<'_>,
        now: &Now,
        fact: &'a Fact,
        person: &mut PersonView<'a>,
    ) {
        match fact.kind {
            Kind::Declaration => {
                person.subject = text_of(fact, "subject").or(person.subject);
                person.residence = text_of(fact, "residence").or(person.residence);
            }
            Kind::Test => self.tests.push(fact),
            Kind::Confirmation => self.confirmations.push(fact),
            _ => {}
        }
        let rules = &pack.by_kind[fact.kind as usize];
        if rules.is_empty() && fact.kind != Kind::CheckIn && fact.kind != Kind::Declaration {
            return;
        }
        let env = Env { fact, person, areas: context.areas, day: pack.zone.day_of(fact.happened) };
        if fact.kind == Kind::CheckIn {
            let normal = pack.check_in.normal.eval(&env).is_true();
            self.check_ins.push(CheckIn { at: fact.happened, day: env.day, normal });
        }
        if fact.kind == Kind::Declaration {
            let sent = rules
                .iter()
                .map(|i| &pack.rules[*i])
                .find(|rule| matches!(rule.then, Then::Review) && rule.when.eval(&env).is_true());
            let review = sent.map(|rule| (&*rule.id, answer(facts, &self.withdrawn, fact.id, now)));
            self.declared = Some(Declared { fact, review });
            // One that waits, or was returned, opens nothing.
            if let Some((_, answer)) = review {
                let outcome = answer.and_then(|a| text_of(a, "outcome"));
                if outcome == Some("returned") {
                    self.returned.push(fact.id);
                }
                if outcome != Some("approved") {
                    return;
                }
            }
        }
        if fact.kind == Kind::Order {
            return self.order(pack, fact, &env);
        }
        for &i in rules {
            let rule = &pack.rules[i];
            if matches!(rule.then, Then::Open { .. }) && rule.when.eval(&env).is_true() {
                self.matched.push(Matched { rule, fact, at: fact.happened, until: None });
            }
        }
    }

    /// An order does what the one rule says that it cites, while it acts.
    fn order(&mut self, pack: &'a Pack, fact: &'a Fact, env: &Env<'_>) {
        let cited = fact.text("rule").and_then(|id| pack.rule(id));
        let Some(rule) = cited.filter(|r| r.order.is_some() && r.when.eval(env).is_true()) else { return };
        let Some(Standing { from: Some(at), until, .. }) = self.standing(fact.id) else { return };
        match &rule.then {
            Then::Open { .. } => self.matched.push(Matched { rule, fact, at, until: Some(until) }),
            Then::Release { rules } => self.releases.push((at, rules)),
            Then::Review => {}
        }
    }

    fn standing(&self, order: FactId) -> Option<Standing> {
        self.orders.iter().find(|s| s.order == order).copied()
    }

    fn episode_record(&mut self, pack: &Pack, is_void: &dyn Fn(&str) -> bool, fact: &'a Fact) {
        self.record_ids.push(fact.id);
        let (Some(event), Some(rule), Some(digest)) =
            (text_of(fact, "event"), text_of(fact, "rule"), text_of(fact, "pack"))
        else {
            return;
        };
        let (digest, version) = digest.split_once(' ').unwrap_or((digest, ""));
        // Records of earlier services do not say of which division the pack was: of this one.
        let (version, division) = version.split_once(' ').unwrap_or((version, &pack.division));
        let travels = division != &*pack.division;
        let Some(opened_by) = text_of(fact, "opened_by").and_then(FactId::parse) else { return };
        // Under the same pack all is recomputed, so the order of recording cannot matter; what is void
        // is recomputed under the pack that is in force in its place.
        if digest == &*pack.digest || is_void(digest) {
            return;
        }
        let at = self.recorded.iter().position(|r| r.rule == rule && r.opened_by == opened_by);
        let index = at.unwrap_or_else(|| {
            let opened_at = fact.happened;
            self.recorded.push(Recorded {
                rule,
                opened_by,
                version,
                opened_at,
                terms: "",
                ended: None,
                travels,
            });
            self.recorded.len() - 1
        });
        let recorded = &mut self.recorded[index];
        match event {
            "opened" if recorded.terms.is_empty() => {
                (recorded.opened_at, recorded.version) = (fact.happened, version);
                recorded.travels = travels;
                recorded.terms = text_of(fact, "terms").unwrap_or("");
            }
            "ended" => recorded.ended = Some(recorded.ended.map_or(fact.happened, |e| e.min(fact.happened))),
            _ => {}
        }
    }

    fn status(&self, active: bool) -> (Status, Option<ReviewReason>) {
        let Some(declared) = &self.declared else {
            return (if active { Status::Active } else { Status::Unknown }, None);
        };
        let Some((rule, answer)) = declared.review else { return (Status::Active, None) };
        let reason = |returned: Option<&str>| {
            Some(ReviewReason {
                rule: rule.into(),
                fact: declared.fact.id,
                returned: returned.map(Into::into),
            })
        };
        let (status, review) = match answer.and_then(|a| Some((a, text_of(a, "outcome")?))) {
            Some((_, "approved")) => (Status::Active, None),
            Some((a, _)) => (Status::Returned, reason(Some(text_of(a, "reason").unwrap_or("")))),
            None => (Status::Pending, reason(None)),
        };
        // A reason that stands is not hidden by one that waits.
        (if active { Status::Active } else { status }, review)
    }
}

fn text_of<'a>(fact: &'a Fact, field: &str) -> Option<&'a str> {
    fact.text(field)
}

/// A reviewer's last word on a declaration; a word that was withdrawn is none.
fn answer<'a>(facts: &'a Facts, withdrawn: &[FactId], of: FactId, now: &Now) -> Option<&'a Fact> {
    let answers = facts.iter().filter(|f| {
        f.kind == Kind::Review
            && text_of(f, "of").and_then(FactId::parse) == Some(of)
            && withdrawn.binary_search(&f.id).is_err()
    });
    answers.filter(|f| now.reached(f.happened)).last()
}

/// Facts that a correction withdraws, sorted; a correction can itself be corrected. Whatever the
/// order of recording: a correction counts unless one that counts names it. Corrections that name
/// one another in a circle count for nothing.
pub(crate) fn withdrawn(facts: &Facts, now: &Now) -> Vec<FactId> {
    let mut edges: Vec<(FactId, FactId)> = facts
        .iter()
        .filter(|f| f.kind == Kind::Correction && now.reached(f.happened))
        .filter_map(|f| Some((f.id, text_of(f, "of").and_then(FactId::parse)?)))
        .collect();
    if edges.is_empty() {
        return Vec::new();
    }
    edges.sort_unstable();
    edges.dedup_by_key(|(id, _)| *id);
    let named = |of: &FactId| edges.binary_search_by_key(of, |(id, _)| *id).ok();
    // How many corrections of unknown standing still name each one.
    let mut open = vec![0_u32; edges.len()];
    edges.iter().filter_map(|(_, of)| named(of)).for_each(|i| open[i] += 1);
    let mut counts: Vec<Option<bool>> = open.iter().map(|n| (*n == 0).then_some(true)).collect();
    let mut settled: Vec<usize> = (0..edges.len()).filter(|i| counts[*i].is_some()).collect();
    // From those that nobody names inwards: each is settled once.
    while let Some(i) = settled.pop() {
        let Some(target) = named(&edges[i].1).filter(|t| counts[*t].is_none()) else { continue };
        open[target] -= 1;
        if counts[i] == Some(true) {
            counts[target] = Some(false);
            settled.push(target);
        } else if open[target] == 0 {
            counts[target] = Some(true);
            settled.push(target);
        }
    }
    let mut out: Vec<FactId> =
        edges.iter().zip(counts).filter(|(_, c)| *c == Some(true)).map(|((_, of), _)| *of).collect();
    out.sort_unstable();
    out
}

/// One episode, open or over.
struct Track<'a> {
    rule: &'a str,
    opened_by: FactId,
    since: Instant,
    /// When each stage that is over ended.
    ends: Vec<Instant>,
    /// When an order ended it, by its own end or as a release.
    cut: Option<Instant>,
    /// Its present state; none once it is over.
    open: Option<Episode>,
    terms: Cow<'a, [Stage]>,
    record: Record,
}

/// What of an episode goes on record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Record {
    /// All of it.
    All,
    /// All but its opening, which another pack recorded.
    Later,
    /// Nothing: another pack recorded its end.
    Nothing,
}

/// What opens an episode, or did under another pack.
struct Opening<'a> {
    /// The rule's id.
    id: &'a str,
    /// The rule, where this pack has it.
    rule: Option<&'a Rule>,
    fact: FactId,
    at: Instant,
    /// An order's end. Each order is an episode of its own.
    until: Option<Instant>,
    recorded: Option<&'a Recorded<'a>>,
}

/// Every opening, by when it happened: facts that a rule matches, and episodes on record under
/// another pack whose fact no rule of this one matches any more.
fn openings<'a>(pack: &'a Pack, known: &'a Known<'a>) -> Vec<Opening<'a>> {
    let record =
        |rule: &str, fact: FactId| known.recorded.iter().find(|r| r.rule == rule && r.opened_by == fact);
    let mut all: Vec<Opening<'a>> = Vec::with_capacity(known.matched.len());
    all.extend(known.matched.iter().map(|m| Opening {
        id: &m.rule.id,
        rule: Some(m.rule),
        fact: m.fact.id,
        at: m.at,
        until: m.until,
        recorded: record(&m.rule.id, m.fact.id),
    }));
    if known.recorded.is_empty() {
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
fn follow<'a>(
    pack: &'a Pack,
    known: &Known<'a>,
    now: &Now,
    tracks: &mut Vec<Track<'a>>,
    opening: &Opening<'a>,
) {
    let own = opening.rule.and_then(|rule| match &rule.then {
        Then::Open { stages, repeat } => Some((stages.as_slice(), *repeat)),
        Then::Review | Then::Release { .. } => None,
    });
    let over = |t: &Track<'_>| t.over_at().is_some_and(|end| end <= opening.at);
    let before = tracks.iter().rposition(|t| t.rule == opening.id && opening.until.is_none());
    if let Some(i) = before
        && !over(&tracks[i])
    {
        // Without the rule only the record tells, and there a second opening took the first one's place.
        if own.map_or(Repeat::Restart, |(_, repeat)| repeat) == Repeat::Keep {
            return;
        }
        // It starts again: the earlier part is not over, it has become this one.
        tracks.remove(i);
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
            ends: vec![end],
            cut: None,
            open: None,
            terms,
            record: Record::Nothing,
        });
        return;
    }
    let carried = opening.recorded.filter(|r| r.keeps_terms(pack));
    let kept = carried.and_then(|r| Some((r.version, serde_json::from_str::<Vec<Stage>>(r.terms).ok()?)));
    let (version, terms) = match (kept, own) {
        (Some((version, terms)), _) => (version, Cow::Owned(terms)),
        (None, Some((stages, _))) => (&*pack.version, Cow::Borrowed(stages)),
        (None, None) => return,
    };
    let record = if opening.recorded.is_some() { Record::Later } else { Record::All };
    let mut track = Track { rule, opened_by, since, ends: Vec::new(), cut: None, open: None, terms, record };
    run_through(pack, known, now, version, &mut track);
    cut(known, now, opening.until, &mut track);
    tracks.push(track);
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
    /// When it was over.
    fn over_at(&self) -> Option<Instant> {
        if self.open.is_some() {
            return None;
        }
        self.cut.or_else(|| self.ends.last().copied())
    }
}

/// Follows an episode through its stages up to now.
fn run_through(pack: &Pack, known: &Known<'_>, now: &Now, version: &str, track: &mut Track<'_>) {
    let mut begin = track.since;
    for (i, stage) in track.terms.iter().enumerate() {
        match follow_stage(pack, known, now, track.rule, &stage.release, begin) {
            Outcome::Ended(end) => {
                track.ends.push(end);
                begin = end;
            }
            Outcome::Open { progress, broken, earliest } => {
                let later = &track.terms[i + 1..];
                let earliest_end = earliest.and_then(|end| {
                    later.iter().try_fold(end, |end, s| earliest_after(pack, &s.release, end))
                });
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

enum Outcome {
    Ended(Instant),
    Open { progress: Vec<Progress>, broken: Option<RunBroken>, earliest: Option<Instant> },
}

/// A span in which conditions hold: from, and until before which; for good without an end.
type Span = (Instant, Option<Instant>);

/// The first instant in one of the spans, from `met` on and no later than `latest`.
fn first_in(spans: &[Span], met: Instant, latest: Option<Instant>) -> Option<Instant> {
    let from = spans.iter().map(|(from, until)| (met.max(*from), *until));
    let mut held = from.filter(|(at, until)| until.is_none_or(|u| *at < u)).map(|(at, _)| at);
    held.next().filter(|at| latest.is_none_or(|l| *at <= l))
}

/// Whether a stage that began at `begin` has ended: at the first instant at which all its
/// conditions hold at once.
fn follow_stage(
    pack: &Pack,
    known: &Known<'_>,
    now: &Now,
    rule: &str,
    release: &Release,
    begin: Instant,
) -> Outcome {
    if release.is_empty() {
        return Outcome::Open { progress: Vec::new(), broken: None, earliest: None };
    }
    let first_day = pack.zone.day_of(begin);
    // When the conditions that cannot be lost again hold; none while one waits for somebody.
    let mut gate = Some(begin);
    if let Some(n) = release.days {
        gate = gate.map(|g| g.max(pack.zone.start_of(first_day.plus(n as i32))));
    }
    let confirmed = release.confirmed_by.as_deref().map(|level| confirmed_at(known, begin, rule, level));
    if let Some(at) = confirmed {
        gate = gate.zip(at).map(|(g, at)| g.max(at));
    }
    // When everything but the run holds.
    let whole = [(gate.unwrap_or(begin), None)];
    let mut tests = release
        .negative_tests
        .map(|of| (of, negative_tests(known, begin, of, release.hours_apart.unwrap_or(0))));
    if let (Some((_, (_, spans))), Some(gate)) = (&mut tests, gate) {
        spans.iter_mut().for_each(|(from, _)| *from = gate.max(*from));
    }
    let spans: &[Span] = match (gate, &tests) {
        (None, _) => &[],
        (Some(_), None) => &whole,
        (Some(_), Some((_, (_, spans)))) => spans,
    };
    let run =
        release.check_ins_in_a_row.map(|of| (of, follow_run(pack, known, now, first_day, begin, of, spans)));
    let end = match &run {
        Some((_, run)) => run.ended,
        None => first_in(spans, begin, None).filter(|at| now.reached(*at)),
    };
    if let Some(end) = end {
        return Outcome::Ended(end);
    }
    let mut progress = Vec::with_capacity(2);
    if let Some((of, run)) = &run {
        progress.push(Progress { what: Counted::CheckIns, done: run.count.min(*of), of: *of });
    }
    if let Some(of) = release.days {
        let passed = now.today(&pack.zone).0 - first_day.0;
        progress.push(Progress { what: Counted::Days, done: u32::try_from(passed).unwrap_or(0).min(of), of });
    }
    if let Some((of, (done, _))) = &tests {
        progress.push(Progress { what: Counted::Tests, done: *done, of: *of });
    }
    if let Some(at) = confirmed {
        progress.push(Progress { what: Counted::Confirmations, done: u32::from(at.is_some()), of: 1 });
    }
    let by_run = run.as_ref().map_or(begin, |(_, run)| run.earliest);
    let earliest = spans.last().filter(|(_, until)| until.is_none()).map(|(from, _)| by_run.max(*from));
    Outcome::Open { progress, broken: run.and_then(|(_, r)| r.broken), earliest }
}

/// The earliest end of a later stage that begins at `begin`, if it needs nobody.
fn earliest_after(pack: &Pack, release: &Release, begin: Instant) -> Option<Instant> {
    if release.negative_tests.is_some() || release.confirmed_by.is_some() || release.is_empty() {
        return None;
    }
    let first = pack.zone.day_of(begin);
    let days = release.days.map_or(begin, |n| pack.zone.start_of(first.plus(n as i32)));
    let skipped = i32::from(!pack.check_in.opening_day_counts);
    let run =
        release.check_ins_in_a_row.map_or(begin, |n| pack.zone.start_of(first.plus(n as i32 - 1 + skipped)));
    Some(days.max(run).max(begin))
}

/// Negative tests in a row so far, and the spans in which they were enough: a positive test ends one.
fn negative_tests(known: &Known<'_>, begin: Instant, of: u32, hours_apart: u32) -> (u32, Vec<Span>) {
    let apart_s = i64::from(hours_apart) * 3600;
    let (mut done, mut last, mut spans) = (0, None::<Instant>, Vec::new());
    for test in known.tests.iter().filter(|t| t.happened >= begin) {
        let at = if let Value::Instant(at) = test.get("sampled_at") { *at } else { test.happened };
        match text_of(test, "result") {
            Some("negative") if done < of && last.is_none_or(|l| at.0.saturating_sub(l.0) >= apart_s) => {
                done += 1;
                last = Some(at);
                if done == of {
                    spans.push((test.happened, None));
                }
            }
            Some("positive") => {
                (done, last) = (0, None);
                if let Some((_, until @ None)) = spans.last_mut() {
                    *until = Some(test.happened);
                }
            }
            _ => {}
        }
    }
    (done, spans)
}

fn confirmed_at(known: &Known<'_>, begin: Instant, rule: &str, level: &str) -> Option<Instant> {
    let mut all =
        known.confirmations.iter().filter(|c| c.happened >= begin && text_of(c, "level") == Some(level));
    all.find(|c| text_of(c, "rule").is_none_or(|r| r == rule)).map(|c| c.happened)
}

/// A run of check-ins up to now.
struct Run {
    count: u32,
    broken: Option<RunBroken>,
    /// When the stage ended: the run was long enough and the gate open.
    ended: Option<Instant>,
    /// When the run can be long enough at the earliest.
    earliest: Instant,
}

/// Follows a run from a stage's first day. It is met while it holds at least `of` days; the stage
/// ends when it is met within one of `spans`, unless it broke before.
fn follow_run(
    pack: &Pack,
    known: &Known<'_>,
    now: &Now,
    first_day: Day,
    begin: Instant,
    of: u32,
    spans: &[Span],
) -> Run {
    let terms = &pack.check_in;
    // How many days without a check-in stand still; every number of them if none.
    let allowed = match terms.on_missed_day {
        OnMissed::Restart => Some(0),
        OnMissed::Grace(n) => Some(i32::try_from(n).unwrap_or(i32::MAX - 2)),
        OnMissed::Pause => None,
    };
    let from = if terms.opening_day_counts { first_day } else { first_day.plus(1) };
    let mut run = Run { count: 0, broken: None, ended: None, earliest: begin };
    let mut last = from.plus(-1); // the last day that is settled, by a check-in or as missed
    let mut counted = false; // whether `last` counts for the run
    let mut met: Option<Instant> = None;
    let ended = |met: Option<Instant>, latest| met.and_then(|met| first_in(spans, met, latest));
    // The day that breaks a run that nothing is said to after `last`; it does at that day's end.
    let breaks = |last: Day| allowed.map(|n| last.plus(1).plus(n));
    let start = known.check_ins.partition_point(|c| c.day < from);
    for check_in in &known.check_ins[start..] {
        if let Some(broken) = breaks(last).filter(|day| *day < check_in.day) {
            run.ended = ended(met, Some(pack.zone.start_of(broken.plus(1))));
            if run.ended.is_some() {
                return run;
            }
            run.restart(broken, BrokenBy::Missed);
            met = None;
        }
        run.ended = ended(met, Some(check_in.at));
        if run.ended.is_some() {
            return run;
        }
        let same_day = check_in.day == last;
        if check_in.normal {
            // The first of a day counts; after an abnormal one nothing on that day does.
            if !same_day {
                run.count += 1;
                counted = true;
                if run.count >= of && met.is_none() {
                    met = Some(check_in.at.max(begin));
                }
            }
        } else if terms.on_abnormal == OnAbnormal::Restart {
            run.restart(check_in.day, BrokenBy::Abnormal);
            counted = false;
            met = None;
        } else {
            if same_day && counted {
                run.count -= 1;
                if run.count < of {
                    met = None;
                }
            }
            counted = false;
        }
        last = check_in.day;
    }
    // From here on nothing more is recorded: what has time alone done?
    let broken = breaks(last);
    let end = ended(met, broken.map(|day| pack.zone.start_of(day.plus(1))));
    if let Some(end) = end
        && now.reached(end)
    {
        run.ended = Some(end);
        return run;
    }
    let today = now.today(&pack.zone);
    if let Some(day) = broken.filter(|day| *day < today) {
        run.restart(day, BrokenBy::Missed);
    }
    let left = of.saturating_sub(run.count);
    // The next day that can count: today if nothing was said yet, else tomorrow.
    let next = if last < today { today.max(from) } else { today.plus(1) };
    run.earliest = match left {
        0 => met.unwrap_or(begin),
        left => pack.zone.start_of(next.plus(left as i32 - 1)),
    };
    run
}

impl Run {
    fn restart(&mut self, on: Day, why: BrokenBy) {
        if self.count > 0 {
            self.broken = Some(RunBroken { on, why });
            self.count = 0;
        }
    }
}

/// The engine's record of an episode: what happened to it and is not on record yet.
fn record(pack: &Pack, known: &Known<'_>, track: &Track<'_>, now: Instant, out: &mut Vec<Fact>) {
    let mut add = |event: &'static str, stage: usize, at: Instant| {
        let id = record_id(&pack.pack_ref(), track.rule, track.opened_by, event, stage, at);
        if known.record_ids.contains(&id) {
            return;
        }
        let mut fact = Fact {
            id,
            kind: Kind::Episode,
            happened: at,
            recorded: now,
            source: Source::Engine,
            values: Vec::new(),
        };
        fact.set("event", Value::Text(event.into()));
        fact.set("rule", Value::Text(track.rule.into()));
        fact.set("pack", Value::Text(format!("{} {} {}", pack.digest, pack.version, pack.division).into()));
        fact.set("opened_by", Value::Text(track.opened_by.to_string().into()));
        fact.set("stage", Value::Int(stage as i64));
        if event == "opened" {
            let terms = serde_json::to_string(&track.terms).unwrap_or_default();
            fact.set("terms", Value::Text(terms.into()));
        }
        out.push(fact);
    };
    if track.record == Record::Nothing {
        return;
    }
    if track.record == Record::All {
        add("opened", 0, track.since);
    }
    for (i, end) in track.ends.iter().enumerate() {
        if i + 1 < track.terms.len() {
            add("stage", i + 1, *end);
        } else {
            add("ended", i, *end);
        }
    }
    if let Some(end) = track.cut {
        add("ended", track.ends.len(), end);
    }
}

/// FNV-1a over what the record says: recording it twice is recording it once. Not for secrecy.
fn record_id(
    pack: &PackRef,
    rule: &str,
    opened_by: FactId,
    event: &str,
    stage: usize,
    at: Instant,
) -> FactId {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let stage = (stage as u64).to_be_bytes();
    let at = at.0.to_be_bytes();
    for part in [pack.digest.as_bytes(), rule.as_bytes(), &opened_by.0, event.as_bytes(), &stage, &at] {
        for byte in part.iter().chain(&[0xff]) {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
    FactId(hash.to_be_bytes())
}
