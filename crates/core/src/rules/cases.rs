//! Cases: sentences of a pack, each a timeline of facts and what is expected at instants.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use toml::Spanned;

use crate::decision::Counted;
use crate::fact::{Fact, Facts, Kind};
use crate::rules::coverage::{Branch, Coverage, Defaults};
use crate::rules::decide::{Context, decide};
use crate::rules::json;
use crate::rules::order::OrderState;
use crate::rules::pack::{Pack, PackFiles, Then};
use crate::time::{Day, Instant};

/// Most facts of a case, check-ins included.
pub const FACTS_MAX: usize = 2_000;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CasesToml {
    /// Fields that every fact of a kind has unless the case says otherwise.
    #[serde(default)]
    defaults: Defaults,
    case: Vec<Spanned<CaseToml>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseToml {
    /// The sentence.
    name: String,
    #[serde(default)]
    facts: Vec<Map<String, Json>>,
    /// Normal check-ins on days in a row.
    #[serde(default)]
    check_ins: Vec<CheckInsToml>,
    expect: Vec<ExpectToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckInsToml {
    from: Day,
    days: u16,
    #[serde(default = "morning")]
    time: String,
}

fn morning() -> String {
    "08:30".into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectToml {
    at: String,
    colour: String,
    #[serde(default)]
    status: Option<String>,
    /// The rules of the open flags, in order.
    #[serde(default)]
    flags: Option<Vec<String>>,
    /// Tests or samples that count, of the first reason or flag that counts some.
    #[serde(default)]
    tests: Option<u32>,
    /// Until when green lasts.
    #[serde(default)]
    lasts: Option<String>,
    /// When time alone can change the answer; `none` where it cannot.
    #[serde(default)]
    review_at: Option<String>,
    /// The rules of the active episodes, in order.
    #[serde(default)]
    rules: Option<Vec<String>>,
    /// Days in a row so far, of the first episode.
    #[serde(default)]
    run: Option<u32>,
    /// How the run of the first episode broke.
    #[serde(default)]
    broken: Option<String>,
    /// The first day on which the first episode can be over.
    #[serde(default)]
    earliest: Option<Day>,
    #[serde(default)]
    check_in_due: Option<bool>,
    /// Where each order stands, in order.
    #[serde(default)]
    orders: Option<Vec<String>>,
}

/// What came of all cases.
#[derive(Debug, Default, Serialize)]
pub struct CaseReport {
    /// Every case in order.
    pub cases: Vec<CaseResult>,
    /// Rules and stages that no case reaches, such as `HZ-RED-CONTACT stage 1`.
    pub unreached: Vec<String>,
    /// Sides of conditions that no case sees hold, or not hold.
    pub branches: Vec<Branch>,
}

/// What came of one case.
#[derive(Debug, Serialize)]
pub struct CaseResult {
    /// Its file.
    pub file: String,
    /// Its sentence.
    pub name: String,
    /// Its first byte in the file; of a file that cannot be read, where that is.
    pub from: usize,
    /// What was not as expected; nothing if it passed.
    pub wrong: Vec<String>,
}

impl CaseReport {
    /// Whether every case passed and every rule and stage was reached.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.cases.is_empty() && self.unreached.is_empty() && self.cases.iter().all(|c| c.wrong.is_empty())
    }

    /// The same, and whether every branch was taken.
    #[must_use]
    pub fn passed_strictly(&self) -> bool {
        self.passed() && self.branches.is_empty()
    }
}

/// Runs all cases of a pack.
#[must_use]
pub fn run_cases(pack: &Pack, files: &PackFiles) -> CaseReport {
    let mut report = CaseReport::default();
    let mut reached = BTreeSet::new();
    let mut coverage = Coverage::new(pack);
    let mut usual = Defaults::new();
    for (file, text) in files.0.iter().filter(|(path, _)| path.starts_with("cases/")) {
        match toml::from_str::<CasesToml>(text) {
            Ok(toml) => {
                for case in &toml.case {
                    let (from, case) = (case.span().start, case.get_ref());
                    let mut see = |facts: &Facts, until| coverage.look(facts, until);
                    let wrong = run_case(pack, case, &toml.defaults, &mut reached, &mut see)
                        .unwrap_or_else(|e| vec![e]);
                    let (file, name) = (file.clone(), case.name.clone());
                    report.cases.push(CaseResult { file, name, from, wrong });
                }
                for (kind, fields) in toml.defaults {
                    usual.entry(kind).or_insert(fields);
                }
            }
            Err(e) => report.cases.push(CaseResult {
                file: file.clone(),
                name: String::new(),
                from: e.span().map_or(0, |span| span.start),
                wrong: vec![e.to_string()],
            }),
        }
    }
    report.branches = coverage.unseen(&usual);
    // What is inherited as it is, the cases of its own pack reach.
    for rule in pack.rules.iter().filter(|r| pack.is_own(&r.id)) {
        match &rule.then {
            Then::Review => need(&mut report, &reached, format!("{} sends to review", rule.id)),
            Then::Expire => need(&mut report, &reached, format!("{} lapses", rule.id)),
            Then::Open { stages, .. } => {
                for i in 0..stages.len() {
                    need(&mut report, &reached, format!("{} stage {}", rule.id, i + 1));
                }
                need(&mut report, &reached, format!("{} ends", rule.id));
            }
            Then::Release { rules } => {
                for released in rules {
                    need(&mut report, &reached, format!("{} releases from {released}", rule.id));
                }
            }
        }
        let Some(order) = rule.order else { continue };
        let states: &[OrderState] = match order.urgent {
            true => &[OrderState::Urgent, OrderState::Lapsed],
            false => &[],
        };
        let always = [OrderState::Waiting, OrderState::InForce, OrderState::Ended, OrderState::Withdrawn];
        for state in always.iter().chain(states) {
            need(&mut report, &reached, format!("{} {}", rule.id, state.name()));
        }
    }
    report
}

/// A case as it is told: its sentence, its facts, and the instants at which it expects something.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The sentence.
    pub name: String,
    /// What happened.
    pub facts: Facts,
    /// When something is expected, in order.
    pub at: Vec<Instant>,
}

/// The cases of a pack; one that cannot be read is left out.
#[must_use]
pub fn timelines(pack: &Pack, files: &PackFiles) -> Vec<Timeline> {
    let texts = files.0.iter().filter(|(path, _)| path.starts_with("cases/"));
    let read = texts.filter_map(|(_, text)| toml::from_str::<CasesToml>(text).ok());
    let mut all = Vec::new();
    for file in read {
        all.extend(file.case.iter().map(Spanned::get_ref).filter_map(|case| {
            let facts = timeline(pack, case, &file.defaults).ok()?;
            let at = case.expect.iter().filter_map(|e| json::instant(&e.at, &pack.zone).ok());
            let mut at: Vec<Instant> = at.collect();
            at.sort_unstable();
            Some(Timeline { name: case.name.clone(), facts, at })
        }));
    }
    all
}

fn need(report: &mut CaseReport, reached: &BTreeSet<String>, what: String) {
    if !reached.contains(&what) {
        report.unreached.push(what);
    }
}

fn timeline(pack: &Pack, case: &CaseToml, defaults: &Defaults) -> Result<Facts, String> {
    let days: usize = case.check_ins.iter().map(|run| usize::from(run.days)).sum();
    if case.facts.len() + days > FACTS_MAX {
        return Err(format!("a case has at most {FACTS_MAX} facts, check-ins included"));
    }
    let mut facts: Vec<Fact> = Vec::new();
    for fact in &case.facts {
        let kind = fact.get("kind").and_then(Json::as_str).unwrap_or("");
        let mut whole = defaults.get(kind).cloned().unwrap_or_default();
        whole.extend(fact.clone());
        // `-` takes a default away.
        whole.retain(|_, value| value != "-");
        facts.push(
            json::fact_in(facts.len(), &whole, &pack.zone, &pack.vocabulary).map_err(|e| e.to_string())?,
        );
    }
    for run in &case.check_ins {
        for i in 0..run.days {
            let mut whole = defaults.get(Kind::CheckIn.name()).cloned().unwrap_or_default();
            whole.insert("kind".into(), Kind::CheckIn.name().into());
            whole.insert("at".into(), format!("{} {}", run.from.plus(i32::from(i)), run.time).into());
            facts.push(
                json::fact_in(facts.len(), &whole, &pack.zone, &pack.vocabulary)
                    .map_err(|e| e.to_string())?,
            );
        }
    }
    Ok(Facts::new(facts))
}

fn run_case(
    pack: &Pack,
    case: &CaseToml,
    defaults: &Defaults,
    reached: &mut BTreeSet<String>,
    see: &mut dyn FnMut(&Facts, Instant),
) -> Result<Vec<String>, String> {
    let facts = timeline(pack, case, defaults)?;
    let instants: Result<Vec<Instant>, _> =
        case.expect.iter().map(|e| json::instant(&e.at, &pack.zone)).collect();
    if let Some(last) = instants.map_err(|e| e.to_string())?.into_iter().max() {
        see(&facts, last);
    }
    let mut wrong = Vec::new();
    if case.expect.is_empty() {
        wrong.push("a case expects something".into());
    }
    for expect in &case.expect {
        let at = json::instant(&expect.at, &pack.zone).map_err(|e| e.to_string())?;
        let decision = decide(pack, &facts, &Context { areas: pack.areas() }, at);
        if let Some(review) = &decision.review {
            reached.insert(format!("{} sends to review", review.rule));
        }
        for record in &decision.records {
            if let (Some("ended"), Some(rule)) = (record.text("event"), record.text("rule")) {
                reached.insert(format!("{rule} ends"));
            }
        }
        if let Some(expired) = &decision.expired {
            reached.insert(format!("{} lapses", expired.rule));
        }
        for e in decision.tracked() {
            reached.insert(format!("{} stage {}", e.rule, e.stage + 1));
        }
        for standing in &decision.orders {
            let rule = facts.find(standing.order).and_then(|f| f.text("rule")).unwrap_or("");
            reached.insert(format!("{rule} {}", standing.state.name()));
            let ends = decision
                .records
                .iter()
                .filter(|r| r.text("event") == Some("ended") && Some(r.happened) == standing.from);
            for ended in ends.filter_map(|r| r.text("rule")) {
                reached.insert(format!("{rule} releases from {ended}"));
            }
        }
        let first = decision.episodes.first();
        let mut check = |what: &str, expected: String, found: String| {
            if expected != found {
                wrong.push(format!("at {}: expected {what} {expected}, found {found}", expect.at));
            }
        };
        check("the colour", expect.colour.clone(), decision.colour.map_or("grey", |c| c.name()).to_owned());
        if let Some(status) = &expect.status {
            check("the status", status.clone(), format!("{:?}", decision.status).to_lowercase());
        }
        if let Some(rules) = &expect.rules {
            let found: Vec<&str> = decision.episodes.iter().map(|e| &*e.rule).collect();
            check("the rules", rules.join(" "), found.join(" "));
        }
        if let Some(flags) = &expect.flags {
            let found: Vec<&str> = decision.flags.iter().map(|f| &*f.episode.rule).collect();
            check("the flags", flags.join(" "), found.join(" "));
        }
        if let Some(tests) = expect.tests {
            let all = decision.tracked();
            let mut counts = all.flat_map(|e| &e.progress);
            let found = counts.find(|p| matches!(p.what, Counted::Tests | Counted::Samples));
            check("tests", tests.to_string(), found.map_or("none".into(), |p| p.done.to_string()));
        }
        if let Some(until) = &expect.lasts {
            let wanted = json::instant(until, &pack.zone).map_err(|e| e.to_string())?;
            let found = decision.lasts.as_ref().map_or("none".into(), |l| l.until.to_string());
            check("green until", wanted.to_string(), found);
        }
        if let Some(review) = &expect.review_at {
            let wanted = match review.as_str() {
                "none" => "none".to_owned(),
                text => json::instant(text, &pack.zone).map_err(|e| e.to_string())?.to_string(),
            };
            check("review_at", wanted, decision.review_at.map_or("none".into(), |at| at.to_string()));
        }
        if let Some(run) = expect.run {
            let found = first.and_then(|e| e.progress.iter().find(|p| p.what == Counted::CheckIns));
            check("a run of", run.to_string(), found.map_or("none".into(), |p| p.done.to_string()));
        }
        if let Some(broken) = &expect.broken {
            let found = first
                .and_then(|e| e.broken)
                .map_or("no".into(), |b| format!("{:?} {}", b.why, b.on).to_lowercase());
            check("a break", broken.clone(), found);
        }
        if let Some(day) = expect.earliest {
            let found = first
                .and_then(|e| e.earliest_end)
                .map_or("none".into(), |at| pack.zone.day_of(at).to_string());
            check("the earliest day of green", day.to_string(), found);
        }
        if let Some(orders) = &expect.orders {
            let found: Vec<&str> = decision.orders.iter().map(|o| o.state.name()).collect();
            check("the orders", orders.join(" "), found.join(" "));
        }
        if let Some(due) = expect.check_in_due {
            check("a check-in due", due.to_string(), decision.check_in_due.to_string());
        }
    }
    Ok(wrong)
}
