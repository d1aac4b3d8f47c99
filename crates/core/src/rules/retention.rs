//! Which facts have had their days (保存期限): what a pack's `[retention]` says is needed no more, less
//! whatever something still rests on. Erasing them changes no answer, now or later.
//!
//! What may go is found by what decisions rest on, and then tried: decided with and without it, now and when
//! time alone changes either answer. Where they differ nothing goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::decision::{Decision, Status};
use crate::fact::{Fact, Facts, Kind};
use crate::id::FactId;
use crate::rules::decide::Ground;
use crate::rules::order::OrderState;
use crate::rules::pack::Pack;
use crate::rules::set::{
    PackSet, decide_in, decide_under, first_placing, ground_under, place_number, place_of_declaration,
};
use crate::time::{DAY_S, Instant, Now};

/// How far ahead the answers are compared, in seconds: no lapse is further away.
const AHEAD_S: i64 = 400 * DAY_S;
/// The first so many instants at which an answer changes are all looked at.
const CLOSELY: usize = 16;
/// From then on they lie so far apart, in seconds: a lapse that came at another instant is told with it, and
/// what somebody in quarantine reads changes every day.
const APART_S: i64 = 10 * DAY_S;

/// What can be erased of a person, and whether something was held back that its days alone would let go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Facts that are needed no more.
    pub ids: BTreeSet<FactId>,
    /// Without some that are past their days an answer would be another one: they stay.
    pub is_held: bool,
}

/// Whether facts of a kind are ever erased by age. Who somebody is and whose account is theirs, the record
/// of their episodes, and what offices found, confirmed, ordered and signed stay.
#[must_use]
pub fn is_erased_by_age(kind: Kind) -> bool {
    match kind {
        Kind::Declaration
        | Kind::CheckIn
        | Kind::Listed
        | Kind::Test
        | Kind::Vaccination
        | Kind::Quarantine
        | Kind::Arrival
        | Kind::Observation
        | Kind::Certificate
        | Kind::Review
        | Kind::Correction => true,
        Kind::Identity
        | Kind::Episode
        | Kind::Finding
        | Kind::Confirmation
        | Kind::Order
        | Kind::Signature => false,
    }
}

/// After how many days facts of a kind are erased of somebody who is under a pack, if it names the kind.
/// People move, and what one pack let go another would miss: the longest days of all count, and the kind is
/// kept where rules of one look at it that does not name it.
#[must_use]
pub fn days(set: &PackSet, pack: &Pack, kind: Kind, now: Instant) -> Option<u32> {
    let own = *pack.retention.get(&kind).filter(|_| is_erased_by_age(kind))?;
    set.answering(now).into_iter().try_fold(own, |longest, other| match other.retention.get(&kind) {
        Some(days) => Some(longest.max(*days)),
        None => (!other.looks_at(kind)).then_some(longest),
    })
}

/// From when on what happened is kept, by kind.
fn cuts(pack: &Pack, now: Instant, days: impl Fn(Kind) -> Option<u32>) -> BTreeMap<Kind, Instant> {
    // Whole days: what is kept for one was there on all of the day after.
    let before = |days: u32| pack.zone.day_of(now).plus(-i32::try_from(days).unwrap_or(i32::MAX / 2));
    Kind::ALL.into_iter().filter_map(|k| Some((k, pack.zone.start_of(before(days(k)?))))).collect()
}

/// The packs where a person is and where their declarations say that they were or go: the first decides now,
/// the others when they come back.
fn packs_of<'a>(set: &'a PackSet, facts: &Facts, now: Instant) -> Vec<&'a Arc<Pack>> {
    let declared = facts.iter().filter(|f| f.kind == Kind::Declaration).filter_map(place_of_declaration);
    let places = declared.filter_map(|code| code.parse().ok());
    let mut packs: Vec<&Arc<Pack>> = Vec::new();
    for pack in std::iter::once(place_number(facts)).chain(places).map(|place| set.at(place, now)) {
        if packs.iter().all(|p| p.digest != pack.digest) {
            packs.push(pack);
        }
    }
    packs
}

/// Facts of a person that the pack where they are needs no more, nor another that they may come under. What
/// was recorded after `recorded_until` stays: it may be sent again.
#[must_use]
pub fn spent(set: &PackSet, facts: &Facts, now: Instant, recorded_until: Instant) -> Spent {
    let pack = set.at(place_number(facts), now);
    let is_past =
        |cuts: &BTreeMap<Kind, Instant>, f: &Fact, at| cuts.get(&f.kind).is_some_and(|cut| at < *cut);
    let none_in = |cuts: &BTreeMap<Kind, Instant>| {
        !facts.iter().any(|f| is_past(cuts, f, f.happened) && f.recorded <= recorded_until)
    };
    // Of most people nothing is past even the pack's own days, which are at hand.
    if none_in(&cuts(pack, now, |k| pack.retention.get(&k).copied())) {
        return Spent::default();
    }
    let cuts = cuts(pack, now, |k| days(set, pack, k, now));
    if none_in(&cuts) {
        return Spent::default();
    }
    // What goes on record with the next decision may rest on what is erased.
    let mut known = facts.clone();
    decide_in(set, facts, now).records.into_iter().for_each(|f| known.push(f));
    let packs = packs_of(set, facts, now);
    let mut ground = ground_under(set, pack, &known, now);
    for other in &packs[1..] {
        let more = ground_under(set, other, &known, now);
        ground.courses.extend(more.courses);
        ground.duties.extend(more.duties);
    }
    // The days of what opened an episode count from its end.
    let mut ended: BTreeMap<FactId, Instant> = BTreeMap::new();
    for course in &ground.courses {
        let until = course.until.unwrap_or(Instant::MAX);
        for id in &course.grounds {
            ended.entry(*id).and_modify(|at| *at = until.max(*at)).or_insert(until);
        }
    }
    let last_of = |f: &Fact| ended.get(&f.id).map_or(f.happened, |at| f.happened.max(*at));
    let past = known.iter().filter(|f| is_past(&cuts, f, last_of(f)) && f.recorded <= recorded_until);
    let past: BTreeSet<FactId> = past.map(|f| f.id).collect();
    let all = closed(&known, &ground, past.difference(&pinned(&known, &ground, now)).copied().collect());
    let of_duties = |id: &FactId| {
        let kind = known.find(*id).map(|f| f.kind);
        let does = |lapse: &crate::rules::lapse::Lapse, on: Kind| {
            kind.is_some_and(|k| k == on || lapse.also.contains(&k))
        };
        let mut rules = packs.iter().flat_map(|p| &p.rules);
        rules.any(|r| r.lapse.as_ref().is_some_and(|l| does(l, r.on)))
    };
    let is_as_before = |gone: &BTreeSet<FactId>| {
        is_as_before(&|facts, at| decide_in(set, facts, at), &known, gone, now)
            && packs[1..].iter().all(|other| {
                is_as_before(&|f, at| decide_under(set, other, f, &Now::new(at)), &known, gone, now)
            })
    };
    if is_as_before(&all) {
        return Spent { ids: all, is_held: false };
    }
    // A duty is reckoned from the first time that it was done: the facts of duties may all have to stay.
    let fewer = closed(&known, &ground, all.into_iter().filter(|id| !of_duties(id)).collect());
    let holds = is_as_before(&fewer);
    Spent { ids: if holds { fewer } else { BTreeSet::new() }, is_held: true }
}

/// What stays whatever its age: what says where somebody is and who they are to the rules, and what did a
/// duty last.
fn pinned(known: &Facts, ground: &Ground, now: Instant) -> BTreeSet<FactId> {
    let mut pins: BTreeSet<FactId> = ground.duties.iter().copied().collect();
    let declared = || known.iter().rev().filter(|f| f.kind == Kind::Declaration);
    let counts = |f: &&Fact| f.happened <= now && ground.withdrawn.binary_search(&f.id).is_err();
    pins.extend(declared().next().map(|f| f.id));
    pins.extend(declared().find(counts).map(|f| f.id));
    for field in ["subject", "residence"] {
        pins.extend(declared().filter(counts).find(|f| f.text(field).is_some()).map(|f| f.id));
    }
    pins
}

/// Less what would leave something behind that it holds up: an episode goes with all that opened it or not
/// at all, what is said about a fact never goes before it, what keeps an episode shut that is on record
/// stays, and the first list that placed somebody who never
/// declared goes with the last.
fn closed(known: &Facts, ground: &Ground, mut gone: BTreeSet<FactId>) -> BTreeSet<FactId> {
    let of = |f: &Fact| f.text("of").and_then(FactId::parse);
    // Another text of a pack goes by the record, and such an episode has no end there.
    let opened = |f: &Fact| f.text("opened_by").and_then(FactId::parse);
    let opened: BTreeSet<FactId> =
        known.iter().filter(|f| f.kind == Kind::Episode).filter_map(opened).collect();
    for word in known.iter() {
        let Some(of) = of(word).filter(|of| opened.contains(of)) else { continue };
        if word.kind == Kind::Correction {
            gone.remove(&word.id);
        } else if word.kind == Kind::Review && word.text("outcome") == Some("returned") {
            // It is asked of the declaration itself.
            gone.remove(&word.id);
            gone.remove(&of);
        }
    }
    let placing = |f: &&Fact| f.text("place").is_some();
    let first = first_placing(known).filter(|_| known.iter().all(|f| f.kind != Kind::Declaration));
    loop {
        let before = gone.len();
        if let Some(first) = first
            && known.iter().filter(placing).any(|f| !gone.contains(&f.id))
        {
            gone.remove(&first.id);
        }
        for course in &ground.courses {
            let stays = |id: &FactId| !gone.contains(id) && known.find(*id).is_some();
            if course.grounds.iter().any(stays) {
                let until = course.until.unwrap_or(Instant::MAX);
                let within = |f: &&Fact| (course.from..=until).contains(&f.happened);
                known.iter().filter(within).for_each(|f| {
                    gone.remove(&f.id);
                });
            }
        }
        for word in known.iter().filter(|f| matches!(f.kind, Kind::Correction | Kind::Review)) {
            if of(word).is_some_and(|of| !gone.contains(&of) && known.find(of).is_some()) {
                gone.remove(&word.id);
            }
        }
        if gone.len() == before {
            return gone;
        }
    }
}

/// Whether the answers are the same without some facts, now and at all later instants if nothing is added.
fn is_as_before(
    decide: &dyn Fn(&Facts, Instant) -> Decision,
    known: &Facts,
    gone: &BTreeSet<FactId>,
    now: Instant,
) -> bool {
    if gone.is_empty() {
        return true;
    }
    let rest: Facts = known.iter().filter(|f| !gone.contains(&f.id)).cloned().collect();
    let (mut at, mut looks) = (now, 0);
    while at <= now.plus_s(AHEAD_S) {
        let (whole, less) = (decide(known, at), decide(&rest, at));
        if !is_same(&whole, &less) {
            return false;
        }
        let Some(next) = [whole.review_at, less.review_at].into_iter().flatten().min() else { return true };
        at = if looks < CLOSELY { next } else { next.max(at.plus_s(APART_S)) };
        looks += 1;
    }
    true
}

/// Whether two decisions say the same of a person.
#[must_use]
pub fn is_same(a: &Decision, b: &Decision) -> bool {
    let live = |d: &Decision| {
        let state =
            |s: OrderState| matches!(s, OrderState::Waiting | OrderState::Urgent | OrderState::InForce);
        d.orders.iter().filter(|o| state(o.state)).copied().collect::<Vec<_>>()
    };
    let records = |d: &Decision| d.records.iter().map(|f| f.id).collect::<Vec<_>>();
    let says_nothing = |d: &Decision| {
        d.status == Status::Unknown && d.episodes.is_empty() && d.flags.is_empty() && live(d).is_empty()
    };
    // Somebody of whom nothing is left stands under the pack of no place in particular.
    let pack = a.pack == b.pack || says_nothing(a) && says_nothing(b);
    pack && (a.status, a.colour, a.check_in_due) == (b.status, b.colour, b.check_in_due)
        && (&a.episodes, &a.flags) == (&b.episodes, &b.flags)
        && (&a.lasts, &a.expired, &a.review) == (&b.lasts, &b.expired, &b.review)
        && live(a) == live(b)
        && records(a) == records(b)
}
