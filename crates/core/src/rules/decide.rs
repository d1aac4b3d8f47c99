//! The one funnel: [`decide`] is the only function that sets a colour.
//!
//! It reads a person's facts in canonical order, once; opens an episode for every fact that a rule
//! matches; and asks of each whether its stages have ended. Whatever depends on the present goes
//! through [`Now`], so `review_at` is exact: the same facts give the same decision for every
//! instant in `[now, review_at)`.

use crate::decision::Counted;
use crate::decision::{
    BrokenBy, Colour, Decision, Episode, PackRef, Progress, ReviewReason, RunBroken, Status,
};
use crate::fact::{Fact, Facts, Kind, Source, Value};
use crate::id::FactId;
use crate::rules::expr::{Areas, Env, PersonView};
use crate::rules::pack::{OnAbnormal, OnMissed, OnNewVersion, Pack, Release, Repeat, Stage, Then};
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
    let now = Now::new(now);
    let known = Known::read(pack, facts, context, &now);
    let mut tracks: Vec<Track<'_>> = Vec::new();
    for matched in &known.matched {
        follow(pack, &known, &now, &mut tracks, matched);
    }
    carry_over(pack, &known, &now, &mut tracks);
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
    rule: usize,
    fact: &'a Fact,
}

/// An episode under another pack's terms, as it was recorded.
struct Recorded<'a> {
    rule: &'a str,
    opened_by: FactId,
    version: &'a str,
    opened_at: Instant,
    terms: &'a str,
    ended: Option<Instant>,
}

/// All that one pass over the facts finds.
struct Known<'a> {
    check_ins: Vec<CheckIn>,
    matched: Vec<Matched<'a>>,
    tests: Vec<&'a Fact>,
    confirmations: Vec<&'a Fact>,
    recorded: Vec<Recorded<'a>>,
    record_ids: Vec<FactId>,
    /// The last declaration, and what a reviewer has to say to it.
    declared: Option<Declared<'a>>,
}

struct Declared<'a> {
    fact: &'a Fact,
    review: Option<(&'a str, Option<&'a Fact>)>,
}

impl<'a> Known<'a> {
    fn read(pack: &'a Pack, facts: &'a Facts, context: &Context<'_>, now: &Now) -> Known<'a> {
        let mut known = Known {
            check_ins: Vec::with_capacity(facts.len()),
            matched: Vec::new(),
            tests: Vec::new(),
            confirmations: Vec::new(),
            recorded: Vec::new(),
            record_ids: Vec::new(),
            declared: None,
        };
        let withdrawn = withdrawn(facts, now);
        let mut person = PersonView::default();
        for fact in facts.iter() {
            // In canonical order the rest happens even later: the first of them tells when to look again.
            if !now.reached(fact.happened) {
                break;
            }
            if !withdrawn.is_empty() && withdrawn.contains(&fact.id) {
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
            Kind::Episode => return self.episode_record(pack, fact),
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
            let review = sent.map(|rule| (&*rule.id, answer(facts, fact.id, now)));
            self.declared = Some(Declared { fact, review });
            // One that waits, or was returned, opens nothing.
            if review
                .is_some_and(|(_, answer)| answer.and_then(|a| text_of(a, "outcome")) != Some("approved"))
            {
                return;
            }
        }
        for &i in rules {
            let rule = &pack.rules[i];
            if matches!(rule.then, Then::Open { .. }) && rule.when.eval(&env).is_true() {
                self.matched.push(Matched { rule: i, fact });
            }
        }
    }

    fn episode_record(&mut self, pack: &Pack, fact: &'a Fact) {
        self.record_ids.push(fact.id);
        let (Some(event), Some(rule), Some(digest)) =
            (text_of(fact, "event"), text_of(fact, "rule"), text_of(fact, "pack"))
        else {
            return;
        };
        let (digest, version) = digest.split_once(' ').unwrap_or((digest, ""));
        let Some(opened_by) = text_of(fact, "opened_by").and_then(FactId::parse) else { return };
        // Under the same pack all is recomputed, so the order of recording cannot matter.
        if digest == &*pack.digest {
            return;
        }
        let at = self.recorded.iter().position(|r| r.rule == rule && r.opened_by == opened_by);
        let index = at.unwrap_or_else(|| {
            let opened_at = fact.happened;
            self.recorded.push(Recorded { rule, opened_by, version, opened_at, terms: "", ended: None });
            self.recorded.len() - 1
        });
        let recorded = &mut self.recorded[index];
        match event {
            "opened" if recorded.terms.is_empty() => {
                (recorded.opened_at, recorded.version) = (fact.happened, version);
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

/// A reviewer's last word on a declaration.
fn answer<'a>(facts: &'a Facts, of: FactId, now: &Now) -> Option<&'a Fact> {
    let answers = facts.iter().filter(|f| f.kind == Kind::Review && now.reached(f.happened));
    answers.filter(|f| text_of(f, "of").and_then(FactId::parse) == Some(of)).last()
}

/// Facts that a correction withdraws; a correction can itself be corrected. Whatever the order of
/// recording: a correction counts unless one that counts names it.
fn withdrawn(facts: &Facts, now: &Now) -> Vec<FactId> {
    let edges: Vec<(FactId, FactId)> = facts
        .iter()
        .filter(|f| f.kind == Kind::Correction && now.reached(f.happened))
        .filter_map(|f| Some((f.id, text_of(f, "of").and_then(FactId::parse)?)))
        .collect();
    if edges.is_empty() {
        return Vec::new();
    }
    // Each round settles at least one correction, or what is left is a circle, which counts for nothing.
    let mut counts: Vec<Option<bool>> = vec![None; edges.len()];
    for _ in 0..edges.len() {
        let mut moved = false;
        for i in 0..edges.len() {
            if counts[i].is_some() {
                continue;
            }
            let mut named =
                edges.iter().zip(&counts).filter(|((_, of), _)| *of == edges[i].0).map(|(_, c)| *c);
            let settled = if named.clone().any(|c| c == Some(true)) {
                Some(false)
            } else if named.all(|c| c == Some(false)) {
                Some(true)
            } else {
                None
            };
            if settled.is_some() {
                counts[i] = settled;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    edges.iter().zip(counts).filter(|(_, c)| *c == Some(true)).map(|((_, of), _)| *of).collect()
}

/// One episode, open or over.
struct Track<'a> {
    rule: &'a str,
    opened_by: FactId,
    since: Instant,
    /// When each stage that is over ended.
    ends: Vec<Instant>,
    stages: usize,
    /// Its present state; none once it is over.
    open: Option<Episode>,
    terms: std::borrow::Cow<'a, [Stage]>,
    /// Begun under another pack, whose record stands: nothing of its beginning is recorded again.
    carried: bool,
}

/// Opens an episode for a matched fact, or tells the open one of the same rule.
fn follow<'a>(
    pack: &'a Pack,
    known: &Known<'a>,
    now: &Now,
    tracks: &mut Vec<Track<'a>>,
    matched: &Matched<'a>,
) {
    let rule = &pack.rules[matched.rule];
    let Then::Open { stages, repeat } = &rule.then else { return };
    let at = matched.fact.happened;
    let recorded = known.recorded.iter().find(|r| r.rule == &*rule.id && r.opened_by == matched.fact.id);
    // An end under another version stands: the episode is never opened again.
    if recorded.is_some_and(|r| r.ended.is_some()) {
        return;
    }
    let before = tracks.iter().rposition(|t| t.rule == &*rule.id);
    let over = |t: &Track<'_>| t.open.is_none() && t.ends.last().is_some_and(|end| *end <= at);
    if let Some(i) = before
        && !over(&tracks[i])
    {
        if *repeat == Repeat::Keep {
            return;
        }
        // It starts again: the earlier part is not over, it has become this one.
        tracks.remove(i);
    }
    let carried = recorded.filter(|_| pack.on_new_version == OnNewVersion::Keep);
    let terms = carried.and_then(|r| serde_json::from_str::<Vec<Stage>>(r.terms).ok());
    let version = carried.map_or(&*pack.version, |r| r.version);
    let terms = terms.map_or(std::borrow::Cow::Borrowed(stages.as_slice()), std::borrow::Cow::Owned);
    tracks.push(run(pack, known, now, &rule.id, version, matched.fact, at, terms, recorded.is_some()));
}

/// Episodes that were opened under another pack by a rule that this one no longer has, or no
/// longer matches: kept under their own terms, where the pack keeps them.
fn carry_over<'a>(pack: &'a Pack, known: &Known<'a>, now: &Now, tracks: &mut Vec<Track<'a>>) {
    if pack.on_new_version != OnNewVersion::Keep {
        return;
    }
    for recorded in known.recorded.iter().filter(|r| r.ended.is_none()) {
        if tracks.iter().any(|t| t.rule == recorded.rule && t.opened_by == recorded.opened_by) {
            continue;
        }
        let Ok(terms) = serde_json::from_str::<Vec<Stage>>(recorded.terms) else { continue };
        let opening = Opening { id: recorded.opened_by };
        tracks.push(run_from(
            pack,
            known,
            now,
            recorded.rule,
            recorded.version,
            &opening,
            recorded.opened_at,
            std::borrow::Cow::Owned(terms),
            true,
        ));
    }
}

struct Opening {
    id: FactId,
}

#[expect(clippy::too_many_arguments, reason = "what an episode is, spelled out")]
fn run<'a>(
    pack: &Pack,
    known: &Known<'_>,
    now: &Now,
    rule: &'a str,
    version: &str,
    fact: &Fact,
    at: Instant,
    terms: std::borrow::Cow<'a, [Stage]>,
    carried: bool,
) -> Track<'a> {
    run_from(pack, known, now, rule, version, &Opening { id: fact.id }, at, terms, carried)
}

/// Follows an episode through its stages up to now.
#[expect(clippy::too_many_arguments, reason = "what an episode is, spelled out")]
fn run_from<'a>(
    pack: &Pack,
    known: &Known<'_>,
    now: &Now,
    rule: &'a str,
    version: &str,
    opening: &Opening,
    at: Instant,
    terms: std::borrow::Cow<'a, [Stage]>,
    carried: bool,
) -> Track<'a> {
    let mut ends = Vec::new();
    let mut begin = at;
    let mut open = None;
    for (i, stage) in terms.iter().enumerate() {
        match follow_stage(pack, known, now, rule, &stage.release, begin) {
            Outcome::Ended(end) => {
                ends.push(end);
                begin = end;
            }
            Outcome::Open { progress, broken, earliest } => {
                let later = &terms[i + 1..];
                let earliest_end = earliest.and_then(|end| {
                    later.iter().try_fold(end, |end, s| earliest_after(pack, &s.release, end))
                });
                open = Some(Episode {
                    rule: rule.into(),
                    version: version.into(),
                    colour: stage.colour,
                    stage: i as u16,
                    stages: terms.len() as u16,
                    opened_by: opening.id,
                    since: at,
                    stage_since: begin,
                    progress,
                    broken,
                    earliest_end,
                });
                break;
            }
        }
    }
    Track { rule, opened_by: opening.id, since: at, ends, stages: terms.len(), open, terms, carried }
}

enum Outcome {
    Ended(Instant),
    Open { progress: Vec<Progress>, broken: Option<RunBroken>, earliest: Option<Instant> },
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
    let first_day = pack.zone.day_of(begin);
    let mut progress = Vec::with_capacity(2);
    // `gate`: when the conditions that cannot be lost again hold; none while one waits for somebody.
    let mut gate = Some(begin);
    let days_at = release.days.map(|n| pack.zone.start_of(first_day.plus(n as i32)));
    if let Some(at) = days_at {
        gate = gate.map(|g| g.max(at));
    }
    let tests = release
        .negative_tests
        .map(|of| (of, negative_tests(known, begin, of, release.hours_apart.unwrap_or(0))));
    if let Some((_, (_, reached))) = tests {
        gate = gate.zip(reached).map(|(g, at)| g.max(at));
    }
    let confirmed = release.confirmed_by.as_deref().map(|level| confirmed_at(known, begin, rule, level));
    if let Some(at) = confirmed {
        gate = gate.zip(at).map(|(g, at)| g.max(at));
    }
    let run =
        release.check_ins_in_a_row.map(|of| (of, follow_run(pack, known, now, first_day, begin, of, gate)));
    let end = match &run {
        Some((_, run)) => run.ended,
        None => gate.filter(|at| now.reached(*at)),
    };
    if let Some(end) = end {
        return Outcome::Ended(end);
    }
    if let Some((of, run)) = &run {
        progress.push(Progress { what: Counted::CheckIns, done: run.count.min(*of), of: *of });
    }
    if let Some(of) = release.days {
        let passed = now.today(&pack.zone).0 - first_day.0;
        progress.push(Progress { what: Counted::Days, done: u32::try_from(passed).unwrap_or(0).min(of), of });
    }
    if let Some((of, (done, _))) = tests {
        progress.push(Progress { what: Counted::Tests, done, of });
    }
    if let Some(at) = confirmed {
        progress.push(Progress { what: Counted::Confirmations, done: u32::from(at.is_some()), of: 1 });
    }
    let by_run = match &run {
        Some((_, run)) => Some(run.earliest),
        None => Some(begin),
    };
    let earliest = gate.zip(by_run).map(|(a, b)| a.max(b));
    Outcome::Open { progress, broken: run.and_then(|(_, r)| r.broken), earliest }
}

/// The earliest end of a later stage that begins at `begin`, if it needs nobody.
fn earliest_after(pack: &Pack, release: &Release, begin: Instant) -> Option<Instant> {
    if release.negative_tests.is_some() || release.confirmed_by.is_some() {
        return None;
    }
    let first = pack.zone.day_of(begin);
    let days = release.days.map_or(begin, |n| pack.zone.start_of(first.plus(n as i32)));
    let run = release.check_ins_in_a_row.map_or(begin, |n| pack.zone.start_of(first.plus(n as i32 - 1)));
    Some(days.max(run).max(begin))
}

fn negative_tests(known: &Known<'_>, begin: Instant, of: u32, hours_apart: u32) -> (u32, Option<Instant>) {
    let (mut done, mut last, mut reached) = (0, None::<Instant>, None);
    for test in known.tests.iter().filter(|t| t.happened >= begin) {
        let at = if let Value::Instant(at) = test.get("sampled_at") { *at } else { test.happened };
        match text_of(test, "result") {
            Some("negative") if last.is_none_or(|l| at.0 - l.0 >= i64::from(hours_apart) * 3600) => {
                done += 1;
                last = Some(at);
            }
            Some("positive") => (done, last) = (0, None),
            _ => {}
        }
        if done == of {
            reached = Some(test.happened);
            break;
        }
    }
    (done, reached)
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
/// ends when it is met and `gate` has come, unless it broke before.
fn follow_run(
    pack: &Pack,
    known: &Known<'_>,
    now: &Now,
    first_day: Day,
    begin: Instant,
    of: u32,
    gate: Option<Instant>,
) -> Run {
    let terms = &pack.check_in;
    let from = if terms.opening_day_counts { first_day } else { first_day.plus(1) };
    let mut run = Run { count: 0, broken: None, ended: None, earliest: begin };
    let mut last = from.plus(-1); // the last day that is settled, by a check-in or as missed
    let mut counted = false; // whether `last` counts for the run
    let mut met: Option<Instant> = None;
    let start = known.check_ins.partition_point(|c| c.day < from);
    for check_in in &known.check_ins[start..] {
        if check_in.day.0 > last.0 + 1 {
            // At the end of the first day without one, the run is judged.
            let judged = pack.zone.start_of(last.plus(2));
            if let Some(end) = ended(met, gate, judged) {
                run.ended = Some(end);
                return run;
            }
            if missed(&mut run, terms.on_missed_day, last, check_in.day.0 - last.0 - 1) {
                met = None;
            }
        }
        if let Some(end) = ended(met, gate, check_in.at) {
            run.ended = Some(end);
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
            if run.count > 0 {
                run.broken = Some(RunBroken { on: check_in.day, why: BrokenBy::Abnormal });
            }
            run.count = 0;
            counted = false;
            met = None;
        } else if same_day && counted {
            run.count -= 1;
            counted = false;
            if run.count < of {
                met = None;
            }
        } else {
            counted = false;
        }
        last = check_in.day;
    }
    // From here on nothing more is recorded: what has time alone done?
    let judged = pack.zone.start_of(last.plus(2));
    let end = met.zip(gate).map(|(a, b)| a.max(b)).filter(|end| *end <= judged);
    if let Some(end) = end
        && now.reached(end)
    {
        run.ended = Some(end);
        return run;
    }
    let today = now.today(&pack.zone);
    let gap = today.0 - last.0 - 1;
    if gap > 0 {
        missed(&mut run, terms.on_missed_day, last, gap);
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

fn ended(met: Option<Instant>, gate: Option<Instant>, before: Instant) -> Option<Instant> {
    met.zip(gate).map(|(a, b)| a.max(b)).filter(|end| *end <= before)
}

/// Days without a check-in after `last`. Returns whether the run started again.
fn missed(run: &mut Run, terms: OnMissed, last: Day, days: i32) -> bool {
    let restarts = match terms {
        OnMissed::Restart => true,
        OnMissed::Pause => false,
        OnMissed::Grace(n) => days > i32::try_from(n).unwrap_or(i32::MAX),
    };
    if restarts && run.count > 0 {
        run.broken = Some(RunBroken { on: last.plus(1), why: BrokenBy::Missed });
        run.count = 0;
    }
    restarts
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
        fact.set("pack", Value::Text(format!("{} {}", pack.digest, pack.version).into()));
        fact.set("opened_by", Value::Text(track.opened_by.to_string().into()));
        fact.set("stage", Value::Int(stage as i64));
        if event == "opened" {
            let terms = serde_json::to_string(&track.terms).unwrap_or_default();
            fact.set("terms", Value::Text(terms.into()));
        }
        out.push(fact);
    };
    if !track.carried {
        add("opened", 0, track.since);
    }
    for (i, end) in track.ends.iter().enumerate() {
        if i + 1 < track.stages {
            add("stage", i + 1, *end);
        } else {
            add("ended", i, *end);
        }
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
