//! The one funnel: [`decide`] is the only function that sets a colour.
//!
//! It reads a person's facts in canonical order, once; opens an episode for every fact that a rule
//! matches; and asks of each whether its stages have ended. Whatever depends on the present goes
//! through [`Now`], so `review_at` is exact: the same facts give the same decision for every
//! instant in `[now, review_at)`.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::decision::Counted;
use crate::decision::{BrokenBy, Colour, Decision, Episode, Progress, ReviewReason, RunBroken, Status};
use crate::fact::{Fact, Facts, Kind, Source, Value};
use crate::id::FactId;
use crate::rules::expr::{Areas, Env, PersonView, Scope};
use crate::rules::flag::{Flag, Task};
use crate::rules::lapse::{Expired, Lapse, Lasts};
use crate::rules::order::{self, Standing};
use crate::rules::pack::{OnAbnormal, OnMissed, OnNewVersion, Pack, Repeat, Rule, Then, is_of_site};
use crate::rules::release::{Awaited, Names, Release, Stage};
use crate::rules::samples;
use crate::rules::vocabulary::Vocabulary;
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

/// A check-in, for runs.
struct CheckIn<'a> {
    fact: &'a Fact,
    day: Day,
    /// How many declarations came before it.
    declared: usize,
    /// Found out when a run asks first: of most people none does.
    normal: OnceCell<bool>,
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
    /// Whether that pack's own rule did not match its fact any more, because a list of areas changed: it
    /// is as if it had never been opened.
    lifted: bool,
}

/// An opening that this very pack recorded: all is computed anew, and the record only kept in step.
struct Own<'a> {
    rule: &'a str,
    opened_by: FactId,
    ended: bool,
    lifted: bool,
    /// How often it was lifted or restored.
    turns: usize,
}

impl Recorded<'_> {
    /// Whether it runs on under the terms that opened it.
    fn keeps_terms(&self, pack: &Pack) -> bool {
        self.travels || pack.on_new_version == OnNewVersion::Keep
    }
}

/// A declaration that a standing rule looks at, until the next.
struct Stands<'a> {
    rule: &'a Rule,
    fact: &'a Fact,
    person: PersonView<'a>,
    day: Day,
    holds: bool,
}

/// All that one pass over the facts finds.
struct Known<'a> {
    facts: &'a Facts,
    areas: &'a Areas,
    /// Facts that do a duty: the rule's place in the pack, when, and which.
    kept: Vec<(usize, Instant, FactId)>,
    standing: Vec<Stands<'a>>,
    /// Declarations that a reviewer has not approved.
    unheard: Vec<FactId>,
    check_ins: Vec<CheckIn<'a>>,
    /// The person after each declaration.
    people: Vec<PersonView<'a>>,
    matched: Vec<Matched<'a>>,
    orders: Vec<Standing>,
    /// Orders that end episodes: since when they act, and of which rules.
    releases: Vec<(Instant, &'a [Box<str>])>,
    tests: Vec<&'a Fact>,
    confirmations: Vec<&'a Fact>,
    recorded: Vec<Recorded<'a>>,
    /// Episodes on record under this very pack.
    own: Vec<Own<'a>>,
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
        context: &Context<'a>,
        is_void: &dyn Fn(&str) -> bool,
        now: &Now,
    ) -> Known<'a> {
        let mut known = Known {
            facts,
            areas: context.areas,
            kept: Vec::new(),
            standing: Vec::new(),
            unheard: Vec::new(),
            check_ins: Vec::with_capacity(facts.len()),
            people: Vec::new(),
            matched: Vec::new(),
            orders: Vec::new(),
            releases: Vec::new(),
            tests: Vec::new(),
            confirmations: Vec::new(),
            recorded: Vec::new(),
            own: Vec::new(),
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
        known.recorded.retain(|r| !r.lifted);
        known.stand(pack, now);
        known
    }

    /// Where a standing declaration lies in an area from a later day on, that day opens.
    fn stand(&mut self, pack: &Pack, now: &Now) {
        for (i, stands) in self.standing.iter().enumerate() {
            let mut held = stands.holds;
            for (day, at) in self.asked_again(pack, i) {
                let env = Env { fact: stands.fact, person: &stands.person, areas: self.areas, day };
                let holds = stands.rule.when.holds(&env);
                if holds && !held {
                    if !now.reached(at) {
                        break;
                    }
                    self.matched.push(Matched { rule: stands.rule, fact: stands.fact, at, until: None });
                }
                held = holds;
            }
        }
    }

    /// The days on which a standing declaration is asked anew, until the next one: when a place of it
    /// comes onto a list or leaves it.
    fn asked_again(&self, pack: &Pack, i: usize) -> Vec<(Day, Instant)> {
        let stands = &self.standing[i];
        let next = self.standing[i + 1..].iter().find(|s| s.rule.id == stands.rule.id);
        let mut days = Vec::new();
        for code in stands.fact.places().chain(stands.person.residence) {
            for key in stands.rule.when.area_keys() {
                self.areas.boundaries(code, key, stands.day, &mut days);
            }
        }
        days.sort_unstable();
        days.dedup();
        let starts = days.into_iter().map(|day| (day, pack.zone.start_of(day)));
        starts.take_while(|(_, at)| next.is_none_or(|next| next.fact.happened > *at)).collect()
    }

    fn one(
        &mut self,
        pack: &'a Pack,
        facts: &'a Facts,
        context: &Context<'a>,
        now: &Now,
        fact: &'a Fact,
        person: &mut PersonView<'a>,
    ) {
        match fact.kind {
            Kind::Declaration => {
                person.subject = text_of(fact, "subject").or(person.subject);
                person.residence = text_of(fact, "residence").or(person.residence);
                self.people.push(*person);
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
            let (declared, normal) = (self.people.len(), OnceCell::new());
            self.check_ins.push(CheckIn { fact, day: env.day, declared, normal });
        }
        if fact.kind == Kind::Declaration {
            let sent = rules
                .iter()
                .map(|i| &pack.rules[*i])
                .find(|rule| matches!(rule.then, Then::Review) && rule.when.holds(&env));
            let review = sent.map(|rule| (&*rule.id, answer(facts, &self.withdrawn, fact.id, now)));
            self.declared = Some(Declared { fact, review });
            // One that waits, or was returned, opens nothing.
            if let Some((_, answer)) = review {
                let outcome = answer.and_then(|a| text_of(a, "outcome"));
                if outcome == Some("returned") {
                    self.returned.push(fact.id);
                }
                if outcome != Some("approved") {
                    self.unheard.push(fact.id);
                    return;
                }
            }
        }
        if fact.kind == Kind::Order {
            return self.order(pack, fact, &env);
        }
        for &i in rules {
            let rule = &pack.rules[i];
            if rule.lapse.is_none() && !matches!(rule.then, Then::Open { .. }) {
                continue;
            }
            // A fact of another kind does a duty whatever it says.
            let holds = fact.kind != rule.on || rule.when.holds(&env);
            if rule.lapse.is_some() {
                if holds {
                    self.kept.push((i, fact.happened, fact.id));
                }
                continue;
            }
            if rule.standing {
                self.standing.push(Stands { rule, fact, person: *person, day: env.day, holds });
            }
            if holds {
                self.matched.push(Matched { rule, fact, at: fact.happened, until: None });
            }
        }
    }

    /// An order does what the one rule says that it cites, while it acts.
    fn order(&mut self, pack: &'a Pack, fact: &'a Fact, env: &Env<'_>) {
        let cited = fact.text("rule").and_then(|id| pack.rule(id));
        let Some(rule) = cited.filter(|r| r.order.is_some() && r.when.holds(env)) else { return };
        let Some(Standing { from: Some(at), until, .. }) = self.standing(fact.id) else { return };
        match &rule.then {
            Then::Open { .. } => self.matched.push(Matched { rule, fact, at, until: Some(until) }),
            Then::Release { rules } => self.releases.push((at, rules)),
            Then::Review | Then::Expire => {}
        }
    }

    fn is_normal(&self, pack: &Pack, check_in: &CheckIn<'_>) -> bool {
        *check_in.normal.get_or_init(|| {
            let person =
                check_in.declared.checked_sub(1).map_or_else(PersonView::default, |i| self.people[i]);
            let env = Env { fact: check_in.fact, person: &person, areas: self.areas, day: check_in.day };
            pack.check_in.normal.holds(&env)
        })
    }

    fn on_record(&self, id: &FactId) -> bool {
        self.record_ids.contains(id)
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
        let this = &pack.recorded_as;
        let (version, division) = version.split_once(' ').unwrap_or((version, &this.division));
        let travels = division != &*this.division;
        let Some(opened_by) = text_of(fact, "opened_by").and_then(FactId::parse) else { return };
        // Under the same pack all is recomputed, so the order of recording cannot matter; what is void
        // is recomputed under the pack that is in force in its place.
        if is_void(digest) {
            return;
        }
        // A site's flags follow its present text, whatever becomes of the place's.
        if digest == &*this.pack.digest || is_sites_own(pack, rule) {
            return self.own_record(event, rule, opened_by);
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
                lifted: false,
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
            "lifted" => recorded.lifted = true,
            "restored" => recorded.lifted = false,
            _ => {}
        }
    }

    fn own_record(&mut self, event: &str, rule: &'a str, opened_by: FactId) {
        let at = self.own.iter().position(|o| o.rule == rule && o.opened_by == opened_by);
        let index = at.unwrap_or_else(|| {
            self.own.push(Own { rule, opened_by, ended: false, lifted: false, turns: 0 });
            self.own.len() - 1
        });
        let own = &mut self.own[index];
        match event {
            "ended" => own.ended = true,
            "lifted" | "restored" => {
                own.lifted = event == "lifted";
                own.turns += 1;
            }
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

pub(crate) fn text_of<'a>(fact: &'a Fact, field: &str) -> Option<&'a str> {
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
    /// Since when the person was in it, restarts left aside.
    covers_from: Instant,
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
fn follow<'a>(
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
    fn opening_id(&self, pack: &Pack) -> FactId {
        record_id(recorded_digest(pack, self.rule), self.rule, self.opened_by, "opened", 0, self.since)
    }

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

enum Outcome {
    Ended(Instant),
    Open { progress: Vec<Progress>, broken: Option<RunBroken>, earliest: Option<Instant> },
}

/// A span in which conditions hold: from, and until before which; for good without an end.
pub(crate) type Span = (Instant, Option<Instant>);

/// The first instant in one of the spans, from `met` on and no later than `latest`.
fn first_in(spans: &[Span], met: Instant, latest: Option<Instant>) -> Option<Instant> {
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
struct Subject<'s, 'a> {
    pack: &'s Pack,
    known: &'s Known<'a>,
    now: &'s Now,
    rule: &'s str,
    opened_by: FactId,
    since: Instant,
}

impl Subject<'_, '_> {
    /// The day from which a release counts days, and day 1.
    fn days(&self, release: &Release, begin: Instant) -> (Day, Day) {
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
    fn follow_stage(&self, release: &Release, begin: Instant) -> Outcome {
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
    fn earliest_after(&self, release: &Release, begin: Instant) -> Option<Instant> {
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
        run.ended = ended(met, Some(check_in.fact.happened));
        if run.ended.is_some() {
            return run;
        }
        let same_day = check_in.day == last;
        if known.is_normal(pack, check_in) {
            // The first of a day counts; after an abnormal one nothing on that day does.
            if !same_day {
                run.count += 1;
                counted = true;
                if run.count >= of && met.is_none() {
                    met = Some(check_in.fact.happened.max(begin));
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

/// What lapsed duties make of a code that is green.
#[derive(Default)]
struct Lapsed {
    lasts: Option<Lasts>,
    expired: Option<Expired>,
}

/// Opens an episode where a duty was missed. One that keeps green counts from when the code last
/// turned green as well, and is not missed while something else gives the colour.
fn lapses<'a>(pack: &'a Pack, known: &'a Known<'a>, now: &Now, tracks: &mut Vec<Track<'a>>) -> Lapsed {
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
        None => !is_of_site(t.rule) && !pack.rule(t.rule).is_some_and(Rule::is_flag),
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
            |t: &&Track<'_>| coloured(t) && t.covers_from <= due && t.over_at().is_none_or(|over| over > due);
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
        let on_record =
            |fact: FactId| known.recorded.iter().find(|r| r.rule == &*rule.id && r.opened_by == fact);
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

/// The engine's record of an episode: what happened to it and is not on record yet.
fn record(pack: &Pack, known: &Known<'_>, track: &Track<'_>, now: Instant, out: &mut Vec<Fact>) {
    let mut add = |event: &'static str, stage: usize, at: Instant| {
        let mut fact = record_fact(pack, (track.rule, track.opened_by), event, stage, (at, now));
        if known.on_record(&fact.id) {
            return;
        }
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

/// Records where a list of areas took the ground from an opening that this pack recorded, or gave it back.
/// Nothing of this pack reads that; another pack, which goes by the record, opens nothing again that
/// stands no more. A fact that was withdrawn, and an order, speak for themselves.
fn turn(pack: &Pack, known: &Known<'_>, now: Instant, out: &mut Vec<Fact>) {
    for own in &known.own {
        let matches = known.matched.iter().any(|m| &*m.rule.id == own.rule && m.fact.id == own.opened_by);
        if own.ended || matches != own.lifted {
            continue;
        }
        let asks = |r: &Rule| r.lapse.is_none() && r.order.is_none() && r.when.area_keys().next().is_some();
        let asks = pack.rule(own.rule).is_some_and(asks);
        let stands =
            |f: &Fact| known.withdrawn.binary_search(&f.id).is_err() && !known.unheard.contains(&f.id);
        let stands = known.facts.find(own.opened_by).is_some_and(stands);
        if asks && stands {
            let event = if matches { "restored" } else { "lifted" };
            out.push(record_fact(pack, (own.rule, own.opened_by), event, own.turns, (now, now)));
        }
    }
}

/// A record of an episode: what happened, when, and when that is written down.
fn record_fact(
    pack: &Pack,
    (rule, opened_by): (&str, FactId),
    event: &'static str,
    stage: usize,
    (at, now): (Instant, Instant),
) -> Fact {
    let this = &pack.recorded_as;
    let mut fact = Fact {
        id: record_id(recorded_digest(pack, rule), rule, opened_by, event, stage, at),
        kind: Kind::Episode,
        happened: at,
        recorded: now,
        source: Source::Engine,
        values: Vec::new(),
    };
    fact.set("event", Value::Text(event.into()));
    fact.set("rule", Value::Text(rule.into()));
    let text = format!("{} {} {}", this.pack.digest, this.pack.version, this.division);
    fact.set("pack", Value::Text(text.into()));
    fact.set("opened_by", Value::Text(opened_by.to_string().into()));
    fact.set("stage", Value::Int(stage as i64));
    fact
}

/// Whether a rule is a site's, and so a flag, in the pack of a site.
fn is_sites_own(pack: &Pack, rule: &str) -> bool {
    pack.site.is_some() && is_of_site(rule)
}

/// The text of which a record's id is. A site's flag is on record once, under whichever text of the place.
fn recorded_digest<'a>(pack: &'a Pack, rule: &str) -> &'a str {
    if is_sites_own(pack, rule) { "" } else { &pack.recorded_as.pack.digest }
}

/// FNV-1a over what the record says: recording it twice is recording it once. Not for secrecy.
fn record_id(digest: &str, rule: &str, opened_by: FactId, event: &str, stage: usize, at: Instant) -> FactId {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let stage = (stage as u64).to_be_bytes();
    let at = at.0.to_be_bytes();
    for part in [digest.as_bytes(), rule.as_bytes(), &opened_by.0, event.as_bytes(), &stage, &at] {
        for byte in part.iter().chain(&[0xff]) {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
    FactId(hash.to_be_bytes())
}
