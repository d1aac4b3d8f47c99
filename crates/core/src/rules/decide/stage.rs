//! Whether a stage has ended: at the first instant at which all conditions of its release hold at once.

use super::known::Known;
use super::run::follow_run;
use super::text_of;
use crate::decision::{Counted, Progress, RunBroken};
use crate::fact::{Kind, Value};
use crate::id::FactId;
use crate::rules::expr::{Env, PersonView};
use crate::rules::pack::Pack;
use crate::rules::release::{Awaited, Names, Release};
use crate::rules::samples;
use crate::time::{Day, Instant, Now};

pub(super) enum Outcome {
    Ended(Instant),
    Open { progress: Vec<Progress>, broken: Option<RunBroken>, earliest: Option<Instant> },
}

/// A span in which conditions hold: from, and until before which; for good without an end.
pub(crate) type Span = (Instant, Option<Instant>);

/// The first instant in one of the spans, from `met` on and no later than `latest`.
pub(super) fn first_in(spans: &[Span], met: Instant, latest: Option<Instant>) -> Option<Instant> {
    let from = spans.iter().map(|(from, until)| (met.max(*from), *until));
    let mut held = from.filter(|(at, until)| until.is_none_or(|u| *at < u)).map(|(at, _)| at);
    held.next().filter(|at| latest.is_none_or(|l| *at <= l))
}

/// The spans in which both hold.
fn both(a: &[Span], b: &[Span]) -> Vec<Span> {
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
    let shared = pairs.map(|((a, a_until), (b, b_until))| {
        let until = a_until.zip(*b_until).map(|(a, b)| a.min(b)).or(*a_until).or(*b_until);
        ((*a).max(*b), until)
    });
    shared.filter(|(from, until)| until.is_none_or(|u| *from < u)).collect()
}

/// An episode whose stages are followed.
pub(super) struct Subject<'s, 'a> {
    pub(super) pack: &'s Pack,
    pub(super) known: &'s Known<'a>,
    pub(super) now: &'s Now,
    pub(super) rule: &'s str,
    pub(super) opened_by: FactId,
    pub(super) since: Instant,
}

impl Subject<'_, '_> {
    /// The day from which a release counts days, and day 1.
    pub(super) fn days(&self, release: &Release, begin: Instant) -> (Day, Day) {
        let zone = &self.pack.zone;
        let from = match release.days_from.as_deref() {
            None | Some("stage") => zone.day_of(begin),
            Some(field) => {
                let fact = field.strip_prefix("fact.").zip(self.known.facts.find(self.opened_by));
                match fact.map(|(field, fact)| fact.get(field)) {
                    Some(Value::Day(day)) => *day,
                    Some(Value::Instant(at)) => zone.day_of(*at),
                    // From the opening, or not said: then from there too.
                    _ => zone.day_of(self.since),
                }
            }
        };
        (from, from.plus(release.first_day.unwrap_or_default().skipped()))
    }

    /// Whether a stage that began at `begin` has ended: at the first instant at which all its
    /// conditions hold at once.
    pub(super) fn follow_stage(&self, release: &Release, begin: Instant) -> Outcome {
        if release.is_empty() {
            return Outcome::Open { progress: Vec::new(), broken: None, earliest: None };
        }
        let Subject { pack, known, now, .. } = *self;
        let (from, first) = self.days(release, begin);
        // When the conditions that cannot be lost again hold; none while one waits for somebody.
        let mut gate = Some(begin);
        if let Some(n) = release.days {
            gate = gate.map(|g| g.max(pack.zone.start_of(first.plus(n as i32))));
        }
        let confirmed =
            release.confirmed_by.as_deref().map(|level| confirmed_at(known, begin, self.rule, level));
        let said = release.fact.as_ref().map(|awaited| self.said_at(awaited, begin));
        for at in [confirmed, said].into_iter().flatten() {
            gate = gate.zip(at).map(|(g, at)| g.max(at));
        }
        // When everything but the run holds.
        let mut spans: Vec<Span> = gate.map(|g| (g, None)).into_iter().collect();
        let tests = release.tests().map(|of| {
            let counted_from = match release.days_from.as_deref() {
                None | Some("stage") => begin,
                Some(_) => pack.zone.start_of(from),
            };
            let asked = samples::Asked { release, of, first, from: counted_from, zone: &pack.zone };
            (of, samples::follow(&asked, &known.tests, now))
        });
        if let Some((_, tests)) = &tests {
            spans = both(&spans, &tests.spans);
        }
        let areas = release.area_below.as_ref().map(|lists| self.out_of(lists, begin));
        if let Some(areas) = &areas {
            spans = both(&spans, areas);
        }
        let run_from = pack.zone.day_of(begin);
        let run = release
            .check_ins_in_a_row
            .map(|of| (of, follow_run(pack, known, now, run_from, begin, of, &spans)));
        let end = match &run {
            Some((_, run)) => run.ended,
            None => first_in(&spans, begin, None).filter(|at| now.reached(*at)),
        };
        if let Some(end) = end {
            return Outcome::Ended(end);
        }
        let mut progress = Vec::with_capacity(2);
        let mut tell = |what, done: u32, of: u32, next| {
            progress.push(Progress { what, done: done.min(of), of, next });
        };
        if let Some((of, run)) = &run {
            tell(Counted::CheckIns, run.count, *of, None);
        }
        if let Some(of) = release.days {
            let passed = now.today(&pack.zone).0.saturating_sub(first.0);
            tell(Counted::Days, u32::try_from(passed).unwrap_or(0), of, None);
        }
        if let Some((of, tests)) = &tests {
            let what = if release.on_sampling { Counted::Samples } else { Counted::Tests };
            tell(what, tests.done, *of, tests.next);
        }
        if let Some(at) = confirmed {
            tell(Counted::Confirmations, u32::from(at.is_some()), 1, None);
        }
        if let Some(at) = said {
            tell(Counted::Facts, u32::from(at.is_some()), 1, None);
        }
        if let Some(areas) = &areas {
            let out = areas
                .iter()
                .any(|(from, until)| now.reached(*from) && until.is_none_or(|until| !now.reached(until)));
            tell(Counted::Areas, u32::from(out), 1, None);
        }
        let by_run = run.as_ref().map_or(begin, |(_, run)| run.earliest);
        let earliest = first_in(&spans, by_run, None);
        Outcome::Open { progress, broken: run.and_then(|(_, r)| r.broken), earliest }
    }

    /// The earliest end of a later stage that begins at `begin`, if it needs nobody else.
    pub(super) fn earliest_after(&self, release: &Release, begin: Instant) -> Option<Instant> {
        let waits = release.tests().is_some() || release.confirmed_by.is_some() || release.fact.is_some();
        if waits || release.is_empty() {
            return None;
        }
        let pack = self.pack;
        let days =
            release.days.map_or(begin, |n| pack.zone.start_of(self.days(release, begin).1.plus(n as i32)));
        let skipped = i32::from(!pack.check_in.opening_day_counts);
        let first = pack.zone.day_of(begin);
        let run = release
            .check_ins_in_a_row
            .map_or(begin, |n| pack.zone.start_of(first.plus(n as i32 - 1 + skipped)));
        let free = match &release.area_below {
            Some(lists) => self.out_of(lists, begin),
            None => vec![(begin, None)],
        };
        first_in(&free, days.max(run).max(begin), None)
    }

    /// When a later fact first said what is waited for.
    fn said_at(&self, awaited: &Awaited, begin: Instant) -> Option<Instant> {
        let expr = awaited.expr.as_ref()?;
        let known = self.known;
        let mut person = PersonView::default();
        for fact in known.facts.iter().take_while(|f| self.now.reached(f.happened)) {
            let unheard = fact.kind == Kind::Declaration && known.unheard.contains(&fact.id);
            if known.withdrawn.binary_search(&fact.id).is_ok() || unheard {
                continue;
            }
            if fact.kind == Kind::Declaration {
                person.subject = text_of(fact, "subject").or(person.subject);
                person.residence = text_of(fact, "residence").or(person.residence);
            }
            if fact.happened < begin || fact.id == self.opened_by || Some(fact.kind) != expr.kind() {
                continue;
            }
            let day = self.pack.zone.day_of(fact.happened);
            if expr.holds(&Env { fact, person: &person, areas: known.areas, day }) {
                return Some(fact.happened);
            }
        }
        None
    }

    /// When the place that opened the episode lies in none of the lists, from `begin` on.
    fn out_of(&self, lists: &Names, begin: Instant) -> Vec<Span> {
        let (zone, areas) = (&self.pack.zone, self.known.areas);
        let mut codes =
            self.known.facts.find(self.opened_by).map_or_else(Vec::new, |f| f.places().collect::<Vec<_>>());
        // Of several places those that the rule looked at: the others opened nothing.
        let opened = zone.day_of(self.since);
        let asked = |code: &str| {
            let rule = self.pack.rule(self.rule);
            rule.is_some_and(|r| r.when.area_keys().any(|key| areas.in_area(code, key, opened)))
        };
        if codes.iter().any(|code| asked(code)) {
            codes.retain(|code| asked(code));
        }
        let first = zone.day_of(begin);
        let mut days = Vec::new();
        for (code, list) in codes.iter().flat_map(|code| lists.iter().map(move |list| (*code, list))) {
            areas.boundaries(code, list, first, &mut days);
        }
        days.sort_unstable();
        days.dedup();
        let inside = |day| codes.iter().any(|code| lists.iter().any(|list| areas.in_area(code, list, day)));
        let mut spans = Vec::new();
        let mut since = (!inside(first)).then_some(begin);
        for day in days {
            match (since, inside(day)) {
                (Some(from), true) => {
                    spans.push((from, Some(zone.start_of(day))));
                    since = None;
                }
                (None, false) => since = Some(zone.start_of(day)),
                _ => {}
            }
        }
        spans.extend(since.map(|from| (from, None)));
        spans
    }
}

fn confirmed_at(known: &Known<'_>, begin: Instant, rule: &str, level: &str) -> Option<Instant> {
    let mut all =
        known.confirmations.iter().filter(|c| c.happened >= begin && text_of(c, "level") == Some(level));
    all.find(|c| text_of(c, "rule").is_none_or(|r| r == rule)).map(|c| c.happened)
}
