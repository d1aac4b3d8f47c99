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
use crate::rules::expr::{Areas, Env, PersonView};
use crate::rules::flag::{Flag, Task};
use crate::rules::pack::{Pack, Rule, Then};
use crate::time::{Instant, Now};

use duty::lapses;
use known::Known;
pub(crate) use known::withdrawn;
use record::{record, turn};
pub(crate) use stage::Span;
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
    let mut tracks: Vec<Track<'_>> = Vec::new();
    for opening in openings(pack, &known) {
        follow(pack, &known, now, &mut tracks, &opening);
    }
    let lapsed = lapses(pack, &known, now, &mut tracks);
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
