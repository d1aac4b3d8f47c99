//! Duties that were missed: what a lapse opens, and how long a green code lasts.

use super::known::{Known, Recorded};
use super::track::{Opening, Track, follow};
use crate::fact::{Fact, Kind};
use crate::id::FactId;
use crate::rules::lapse::{Expired, Lapse, Lasts};
use crate::rules::pack::{Pack, Rule, Then};
use crate::time::{Instant, Now};

/// What lapsed duties make of a code that is green.
#[derive(Default)]
pub(super) struct Lapsed {
    pub(super) lasts: Option<Lasts>,
    pub(super) expired: Option<Expired>,
}

/// Opens an episode where a duty was missed. One that keeps green counts from when the code last
/// turned green as well, and is not missed while something else gives the colour.
pub(super) fn lapses<'a>(
    pack: &'a Pack,
    known: &'a Known<'a>,
    now: &Now,
    tracks: &mut Vec<Track<'a>>,
) -> Lapsed {
    let mut lapsed = Lapsed::default();
    if known.kept.is_empty() {
        return lapsed;
    }
    for (i, rule) in pack.rules.iter().enumerate() {
        let Some(lapse) = &rule.lapse else { continue };
        let done = known.kept.iter().filter(|(rule, ..)| *rule == i).map(|(_, at, fact)| (*at, *fact));
        one_lapse(&Duty { pack, known, now, rule, lapse }, done.collect(), tracks, &mut lapsed);
    }
    lapsed
}

struct Duty<'s, 'a> {
    pack: &'a Pack,
    known: &'a Known<'a>,
    now: &'s Now,
    rule: &'a Rule,
    lapse: &'a Lapse,
}

/// Follows one duty from each time that it was done to the next.
fn one_lapse<'a>(
    duty: &Duty<'_, 'a>,
    mut done: Vec<(Instant, FactId)>,
    tracks: &mut Vec<Track<'a>>,
    lapsed: &mut Lapsed,
) {
    let Duty { pack, known, now, rule, lapse } = *duty;
    let keeps_green = rule.keeps_green();
    let coloured = |t: &Track<'_>| match t.terms.first() {
        Some(stage) => !stage.is_flag(),
        None => known.gave_colour(pack, t.rule, t.opened_by),
    };
    if keeps_green {
        // Whoever never did the duty has none yet.
        let Some((first, _)) = done.first().copied() else { return };
        let ends = tracks.iter().filter(|t| coloured(t)).filter_map(|t| Some((t.over_at()?, t.opened_by)));
        done.extend(ends.filter(|(at, _)| *at > first));
        done.sort_by_key(|(at, _)| *at);
    }
    let said = |by: Instant| {
        let before = |f: &&Fact| f.kind != Kind::Episode && f.happened <= by;
        known.facts.iter().rev().find(before).map(|f| f.id)
    };
    let mut next = done.into_iter().peekable();
    let mut last = next.next();
    while let Some((at, fact)) = last {
        let due = lapse.due(&pack.zone, at);
        if let Some(in_time) = next.next_if(|(at, _)| *at <= due) {
            last = Some(in_time);
            continue;
        }
        if !now.reached(due) {
            if keeps_green && lapsed.lasts.as_ref().is_none_or(|l| due < l.until) {
                lapsed.lasts = Some(Lasts { rule: rule.id.clone(), until: due });
            }
            return;
        }
        let covers =
            |t: &&Track<'_>| t.covers_from <= due && t.over_at().is_none_or(|over| over > due) && coloured(t);
        if keeps_green && tracks.iter().any(|t| covers(&t)) {
            last = next.next();
            continue;
        }
        if matches!(rule.then, Then::Expire) {
            if next.peek().is_none() && lapsed.expired.as_ref().is_none_or(|e| due < e.since) {
                lapsed.expired = Some(Expired { rule: rule.id.clone(), since: due, last: fact });
            }
            last = next.next();
            continue;
        }
        let on_record = |fact: FactId| known.of_record(&rule.id, fact).next_back();
        // What ended on record before the duty was done last was another lapse, of which nothing follows for
        // this one; a fact opens one if it can, so what was said last opens this.
        let is_past = |r: &&Recorded<'_>| r.ended.is_some_and(|end| end <= at);
        let fact =
            if on_record(fact).as_ref().is_some_and(is_past) { said(at).unwrap_or(fact) } else { fact };
        let recorded = on_record(fact).filter(|r| !is_past(r));
        let opening = Opening { id: &rule.id, rule: Some(rule), fact, at: due, until: None, recorded };
        follow(pack, known, now, tracks, &opening);
        // While it is open nothing more is missed; when it is over the duty counts from there.
        let Some(i) = tracks.iter().rposition(|t| t.rule == &*rule.id) else { return };
        let Some(over) = tracks[i].over_at() else { return };
        // Check-ins from long ago are left to their rows (the dossier's limit): what was missed
        // before the first that is known, and is over, was missed only if the record says so.
        let first = known.check_ins.first().is_some_and(|c| due < c.fact.happened);
        if first && !known.on_record(&tracks[i].opening_id(pack)) && recorded.is_none() {
            tracks.remove(i);
        }
        while next.next_if(|(at, _)| *at <= over).is_some() {}
        last = Some((over, said(over).unwrap_or(fact)));
    }
}
