//! The one funnel: [`decide`] is the only function that sets a colour.
//!
//! It reads a person's facts in canonical order, once; opens an episode for every fact that a rule
//! matches; and asks of each whether its stages have ended. Whatever depends on the present goes
//! through [`Now`], so `review_at` is exact: the same facts give the same decision for every
//! instant in `[now, review_at)`.

mod duty;
mod known;
mod record;
mod run;
mod stage;
mod track;

use crate::decision::{Colour, Counted, Decision, Episode, Status};
use crate::fact::{Fact, Facts, Kind};
use crate::id::FactId;
use crate::rules::expr::{Areas, Env, PersonView};
use crate::rules::flag::{Flag, Task};
use crate::rules::pack::{Pack, Rule, Then};
use crate::time::{Day, Instant, Now};

use duty::{Lapsed, lapses};
use known::Known;
pub(crate) use known::withdrawn;
use record::{record, turn};
pub(crate) use stage::Span;
use stage::Subject;
use track::{Track, follow, openings};

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
    let (tracks, lapsed) = tracks(pack, &known, now);
    let mut episodes: Vec<Episode> = Vec::new();
    let mut flags: Vec<Flag> = Vec::new();
    let mut records: Vec<Fact> = Vec::new();
    for track in &tracks {
        record(pack, &known, track, now.stamp(), &mut records);
        let Some(open) = &track.open else { continue };
        match open.colour {
            Colour::Green => {
                let stage = track.terms.get(usize::from(open.stage));
                let task = stage.and_then(|s| s.task).unwrap_or(Task::Staff);
                flags.push(Flag { task, episode: open.clone() });
            }
            _ => episodes.push(open.clone()),
        }
    }
    turn(pack, &known, now.stamp(), &mut records);
    let order = |a: &Episode, b: &Episode| {
        (b.colour, a.since, &a.rule, a.opened_by).cmp(&(a.colour, b.since, &b.rule, b.opened_by))
    };
    episodes.sort_by(order);
    flags.sort_by(|a, b| order(&a.episode, &b.episode));
    let (mut status, review) = known.status(!episodes.is_empty());
    let expired = lapsed.expired.filter(|_| status == Status::Active && episodes.is_empty());
    if expired.is_some() {
        status = Status::Expired;
    }
    let lasts = lapsed.lasts.filter(|_| status == Status::Active && episodes.is_empty());
    let severest = episodes.first().map_or(Colour::Green, |e| e.colour);
    let runs = |e: &Episode| e.progress.iter().any(|p| p.what == Counted::CheckIns);
    let check_in_due = (episodes.iter().any(runs) || flags.iter().any(|f| runs(&f.episode))) && {
        let today = now.today(&pack.zone);
        known.check_ins.last().is_none_or(|c| c.day != today)
    };
    Decision {
        status,
        colour: (status == Status::Active).then_some(severest),
        episodes,
        flags,
        lasts,
        expired,
        review,
        pack: pack.pack_ref(),
        areas: None,
        decided_at: now.stamp(),
        review_at: now.review_at(),
        check_in_due,
        orders: known.orders,
        records,
    }
}

/// Every episode, open or over, and what lapsed duties make of a green code.
fn tracks<'a>(pack: &'a Pack, known: &'a Known<'a>, now: &'a Now) -> (Vec<Track<'a>>, Lapsed) {
    let mut tracks: Vec<Track<'a>> = Vec::new();
    for opening in openings(pack, known) {
        follow(pack, known, now, &mut tracks, &opening);
    }
    let lapsed = lapses(pack, known, now, &mut tracks);
    (tracks, lapsed)
}

/// What one episode rests on. While it is open, or a fact that opened it is kept, nothing that happened
/// meanwhile may be missing: it is reckoned from the facts each time, and would end at another instant.
pub(crate) struct Course {
    /// Facts that open it, or would if another of them were missing.
    pub grounds: Vec<FactId>,
    /// From when on facts count for it.
    pub from: Instant,
    /// When it was over; none while it is open.
    pub until: Option<Instant>,
}

/// What decisions rest on, whatever is still to come.
pub(crate) struct Ground {
    /// Every episode's.
    pub courses: Vec<Course>,
    /// The facts that did each duty last, or from whose end it counts, and the last check-in beside them.
    pub duties: Vec<FactId>,
    /// Facts that a correction withdraws, sorted.
    pub withdrawn: Vec<FactId>,
}

/// What [`decide_at`] would say rests on.
pub(crate) fn ground_at(
    pack: &Pack,
    facts: &Facts,
    context: &Context<'_>,
    is_void: &dyn Fn(&str) -> bool,
    now: &Now,
) -> Ground {
    let known = Known::read(pack, facts, context, is_void, now);
    let (tracks, _) = tracks(pack, &known, now);
    let courses = tracks.iter().map(|track| course(pack, &known, now, track)).collect();
    let last =
        |i: usize| known.kept.iter().rev().find(|(rule, ..)| *rule == i).map(|(_, at, fact)| (*at, *fact));
    // What keeps green counts from the end of what gave another colour as well.
    let ends = tracks.iter().filter_map(|t| Some((t.over_at()?, t.opened_by)));
    let end = ends.max_by_key(|(over, _)| *over);
    let mut duties = Vec::new();
    for (i, rule) in pack.rules.iter().enumerate() {
        let Some((at, fact)) = last(i) else { continue };
        duties.push(fact);
        let end = end.filter(|(over, _)| rule.keeps_green() && *over >= at);
        duties.extend(end.map(|(_, opened_by)| opened_by));
        // Without any check-in a lapse from before the next would be taken for one that is not known.
        duties.extend(known.check_ins.last().map(|c| c.fact.id));
    }
    Ground { courses, duties, withdrawn: known.withdrawn }
}

fn course(pack: &Pack, known: &Known<'_>, now: &Now, track: &Track<'_>) -> Course {
    let (rule, opened_by, since, until) = (track.rule, track.opened_by, track.since, track.over_at());
    let of = Subject { pack, known, now, rule, opened_by, since };
    let opened = known.facts.find(opened_by).map_or(since, |f| f.happened);
    let began = track.covers_from.min(since).min(opened);
    // A stage may count whole days, from one before the fact that opened it.
    let days = track.terms.iter().map(|stage| of.days(&stage.release, since).0);
    let from = pack.zone.start_of(days.fold(pack.zone.day_of(began), Day::min));
    let meanwhile = |at: Instant| from <= at && until.is_none_or(|until| at <= until);
    let matched = known.matched.iter().filter(|m| &*m.rule.id == rule && meanwhile(m.at)).map(|m| m.fact.id);
    let kept = known.kept.iter().filter(|(i, at, _)| &*pack.rules[*i].id == rule && meanwhile(*at));
    let grounds = std::iter::once(opened_by).chain(matched).chain(kept.map(|(.., fact)| *fact));
    Course { grounds: grounds.collect(), from, until }
}

/// Every rule that is asked of a fact, with what it is asked about, in the order of the facts: what
/// decided, for whoever has to account for it. What stands is asked again on later days.
pub(crate) fn asked(
    pack: &Pack,
    facts: &Facts,
    context: &Context<'_>,
    now: Instant,
    visit: &mut dyn FnMut(&Rule, &Env<'_>),
) {
    let now = Now::new(now);
    let known = Known::read(pack, facts, context, &|_| false, &now);
    let mut person = PersonView::default();
    for fact in facts.iter().take_while(|f| now.reached(f.happened)) {
        if known.withdrawn.binary_search(&fact.id).is_ok() || fact.kind == Kind::Episode {
            continue;
        }
        if fact.kind == Kind::Declaration {
            person.subject = text_of(fact, "subject").or(person.subject);
            person.residence = text_of(fact, "residence").or(person.residence);
        }
        let unheard = known.unheard.contains(&fact.id);
        let env = Env { fact, person: &person, areas: context.areas, day: pack.zone.day_of(fact.happened) };
        for rule in pack.by_kind[fact.kind as usize].iter().map(|i| &pack.rules[*i]) {
            let cited = fact.kind != Kind::Order || text_of(fact, "rule") == Some(&*rule.id);
            let heard = !unheard || matches!(rule.then, Then::Review);
            if rule.on == fact.kind && cited && heard {
                visit(rule, &env);
            }
        }
    }
    for (i, stands) in known.standing.iter().enumerate() {
        for (day, _) in known.asked_again(pack, i).into_iter().take_while(|(_, at)| now.reached(*at)) {
            visit(stands.rule, &Env { fact: stands.fact, person: &stands.person, areas: context.areas, day });
        }
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
    pack.check_in.normal.holds(&env)
}

pub(crate) fn text_of<'a>(fact: &'a Fact, field: &str) -> Option<&'a str> {
    fact.text(field)
}
