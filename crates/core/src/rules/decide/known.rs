//! All that one pass over a person's facts finds.

use std::cell::OnceCell;

use super::record::is_sites_own;
use super::{Context, text_of};
use crate::decision::{ReviewReason, Status};
use crate::fact::{Fact, Facts, Kind};
use crate::id::FactId;
use crate::rules::expr::{Areas, Env, PersonView};
use crate::rules::order::{self, Standing};
use crate::rules::pack::{OnNewVersion, Pack, Rule, Then, is_of_site};
use crate::rules::release::Stage;
use crate::time::{Day, Instant, Now};

/// A check-in, for runs.
pub(super) struct CheckIn<'a> {
    pub(super) fact: &'a Fact,
    pub(super) day: Day,
    /// How many declarations came before it.
    pub(super) declared: usize,
    /// Found out when a run asks first: of most people none does.
    pub(super) normal: OnceCell<bool>,
}

/// A fact that a rule matched.
pub(super) struct Matched<'a> {
    pub(super) rule: &'a Rule,
    pub(super) fact: &'a Fact,
    /// When the episode opens: when the fact happened, or when an order began to act.
    pub(super) at: Instant,
    /// When it ends at the latest: an order's end.
    pub(super) until: Option<Instant>,
}

/// An episode under another pack's terms, as it was recorded.
pub(super) struct Recorded<'a> {
    pub(super) rule: &'a str,
    pub(super) opened_by: FactId,
    pub(super) version: &'a str,
    pub(super) opened_at: Instant,
    pub(super) terms: &'a str,
    pub(super) ended: Option<Instant>,
    /// Whether it was opened in another place: it travels with the person, under its own terms.
    pub(super) travels: bool,
    /// Whether that pack's own rule did not match its fact any more, because a list of areas changed: it
    /// is as if it had never been opened.
    pub(super) lifted: bool,
}

/// An opening that this very pack recorded: all is computed anew, and the record only kept in step.
pub(super) struct Own<'a> {
    pub(super) rule: &'a str,
    pub(super) opened_by: FactId,
    pub(super) ended: bool,
    pub(super) lifted: bool,
    /// How often it was lifted or restored.
    pub(super) turns: usize,
}

impl Recorded<'_> {
    /// Whether it runs on under the terms that opened it.
    pub(super) fn keeps_terms(&self, pack: &Pack) -> bool {
        self.travels || pack.on_new_version == OnNewVersion::Keep
    }
}

/// A declaration that a standing rule looks at, until the next.
pub(super) struct Stands<'a> {
    pub(super) rule: &'a Rule,
    pub(super) fact: &'a Fact,
    pub(super) person: PersonView<'a>,
    pub(super) day: Day,
    pub(super) holds: bool,
}

/// All that one pass over the facts finds.
pub(super) struct Known<'a> {
    pub(super) facts: &'a Facts,
    pub(super) areas: &'a Areas,
    /// Facts that do a duty: the rule's place in the pack, when, and which.
    pub(super) kept: Vec<(usize, Instant, FactId)>,
    pub(super) standing: Vec<Stands<'a>>,
    /// Declarations that a reviewer has not approved.
    pub(super) unheard: Vec<FactId>,
    pub(super) check_ins: Vec<CheckIn<'a>>,
    /// The person after each declaration.
    pub(super) people: Vec<PersonView<'a>>,
    pub(super) matched: Vec<Matched<'a>>,
    pub(super) orders: Vec<Standing>,
    /// Orders that end episodes: since when they act, and of which rules.
    pub(super) releases: Vec<(Instant, &'a [Box<str>])>,
    pub(super) tests: Vec<&'a Fact>,
    pub(super) confirmations: Vec<&'a Fact>,
    pub(super) recorded: Vec<Recorded<'a>>,
    /// Episodes on record under this very pack.
    pub(super) own: Vec<Own<'a>>,
    pub(super) record_ids: Vec<FactId>,
    /// Facts that a correction withdraws, sorted.
    pub(super) withdrawn: Vec<FactId>,
    /// Declarations that a reviewer returned.
    pub(super) returned: Vec<FactId>,
    /// The last declaration, and what a reviewer has to say to it.
    declared: Option<Declared<'a>>,
}

struct Declared<'a> {
    fact: &'a Fact,
    review: Option<(&'a str, Option<&'a Fact>)>,
}

impl<'a> Known<'a> {
    pub(super) fn read(
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
    pub(super) fn asked_again(&self, pack: &Pack, i: usize) -> Vec<(Day, Instant)> {
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

    pub(super) fn is_normal(&self, pack: &Pack, check_in: &CheckIn<'_>) -> bool {
        *check_in.normal.get_or_init(|| {
            let person =
                check_in.declared.checked_sub(1).map_or_else(PersonView::default, |i| self.people[i]);
            let env = Env { fact: check_in.fact, person: &person, areas: self.areas, day: check_in.day };
            pack.check_in.normal.holds(&env)
        })
    }

    /// What is on record of the episodes of a rule that a fact opened, in order.
    pub(super) fn of_record(
        &self,
        rule: &str,
        opened_by: FactId,
    ) -> impl DoubleEndedIterator<Item = &Recorded<'a>> {
        self.recorded.iter().filter(move |r| r.rule == rule && r.opened_by == opened_by)
    }

    /// Whether an episode that ended under another text gave a colour, as its record has it: its rule may be
    /// gone by now, or do something else.
    pub(super) fn gave_colour(&self, pack: &Pack, rule: &str, opened_by: FactId) -> bool {
        let recorded = self.of_record(rule, opened_by).next();
        match recorded.and_then(|r| serde_json::from_str::<Vec<Stage>>(r.terms).ok()) {
            Some(stages) => !stages.iter().any(Stage::is_flag),
            None => !is_of_site(rule) && !pack.rule(rule).is_some_and(Rule::is_flag),
        }
    }

    pub(super) fn on_record(&self, id: &FactId) -> bool {
        self.record_ids.contains(id)
    }

    pub(super) fn standing(&self, order: FactId) -> Option<Standing> {
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
        // A declaration that stands opens again when its place comes onto a list once more, and a duty that
        // was last done then can be missed again: each is an episode of its own.
        let again = |r: &Recorded<'_>| {
            event == "opened" && !r.terms.is_empty() && r.ended.is_some_and(|end| end <= fact.happened)
        };
        let last = self.recorded.iter().rposition(|r| r.rule == rule && r.opened_by == opened_by);
        let index = last.filter(|i| !again(&self.recorded[*i])).unwrap_or_else(|| {
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

    pub(super) fn status(&self, active: bool) -> (Status, Option<ReviewReason>) {
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
