//! `rules.toml`: each rule as it is written, and what is wrong with it.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::site::is_of_site;
use super::{COUNT_MAX, Checker, RULES, RULES_MAX, Release, Repeat, Rule, STAGES_MAX, Stage, Then, sense};
use crate::decision::Colour;
use crate::fact::Kind;
use crate::rules::expr::{Areas, Diagnostic, Scope};
use crate::rules::flag::Task;
use crate::rules::lapse::LapseToml;
use crate::rules::order::Orderable;
use crate::rules::release::slips;
use crate::rules::words::SourceView;
use crate::time::{Instant, Zone};

/// Of sources.
const GRADES: [&str; 4] = ["A", "B", "C", "D"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesToml {
    /// By kind of fact and name.
    #[serde(default)]
    pub(super) conditions: sense::Texts,
    rule: Vec<Spanned<RuleToml>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleToml {
    id: Spanned<String>,
    on: Spanned<String>,
    when: Spanned<String>,
    #[serde(default)]
    review: bool,
    #[serde(default)]
    stages: Vec<Spanned<Stage>>,
    #[serde(default)]
    order: Option<Orderable>,
    #[serde(default)]
    releases: Vec<Spanned<String>>,
    #[serde(default = "keep")]
    repeat: Repeat,
    #[serde(default)]
    lapse: Option<Spanned<LapseToml>>,
    #[serde(default)]
    flag: Option<Spanned<FlagToml>>,
    #[serde(default)]
    grey: bool,
    #[serde(default)]
    standing: bool,
    source: SourceView,
    /// What in this rule is ours, for readers.
    #[serde(default, rename = "ours")]
    _ours: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlagToml {
    task: Task,
    #[serde(default)]
    release: Release,
}

fn keep() -> Repeat {
    Repeat::Keep
}

pub(super) fn check_rules<'z>(
    c: &mut Checker<'_>,
    toml: RulesToml,
    areas: &Areas,
    scope: &dyn Fn(Kind) -> Scope,
    start: &dyn Fn(bool) -> Option<(&'z Zone, Instant)>,
    of_site: bool,
) -> Vec<Rule> {
    if toml.rule.len() > RULES_MAX {
        c.wrong(RULES, Diagnostic::new("pack.limit", 0..0, format!("a pack has at most {RULES_MAX} rules")));
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut rules = Vec::new();
    let mut released = Vec::new();
    for rule in toml.rule {
        let place = rule.span();
        let mut rule = rule.into_inner();
        let is_flag = rule.flag.is_some();
        let wrong = |c: &mut Checker<'_>, span: Range<usize>, code, text: String, help: &str| {
            c.wrong(RULES, Diagnostic::new(code, span, text).help(help));
        };
        let id = rule.id.get_ref();
        if !(1..=64).contains(&id.len())
            || !id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
        {
            wrong(
                c,
                rule.id.span(),
                "pack.rule_id",
                "a rule's id has capitals, digits and dashes".into(),
                "such as HZ-RED-CONTACT",
            );
        }
        let own = c.sources.is_own(rule.id.span().start);
        if is_of_site(id) && !(own && of_site || c.published) {
            wrong(
                c,
                rule.id.span(),
                "pack.rule_id",
                format!("{id}: so begin the ids of rules of sites"),
                "give it another id, or say site = \"campus\" in pack.toml",
            );
        }
        if !seen.insert(id.clone()) {
            wrong(
                c,
                rule.id.span(),
                "pack.rule_twice",
                format!("{id} is there twice"),
                "give every rule an id of its own",
            );
        }
        let readable = |k: &Kind| k.schema().iter().any(|f| f.rules);
        let on = Kind::named(rule.on.get_ref()).filter(readable);
        if on.is_none() {
            let kinds: Vec<&str> = Kind::ALL.iter().filter(|k| readable(k)).map(|k| k.name()).collect();
            wrong(
                c,
                rule.on.span(),
                "pack.rule_on",
                format!("rules do not look at {:?}", rule.on.get_ref()),
                &format!("one of {}", kinds.join(", ")),
            );
        }
        if rule.review && (!rule.stages.is_empty() || on.is_some_and(|k| k != Kind::Declaration)) {
            wrong(
                c,
                place.clone(),
                "pack.rule_review",
                format!("{id} sends to review, so it looks at declarations and has no stages"),
                "make two rules of it",
            );
        }
        let cited = !rule.source.title.trim().is_empty() && GRADES.contains(&rule.source.grade.as_str());
        if !(cited || c.published) {
            wrong(
                c,
                rule.id.span(),
                "pack.source",
                format!("{id} does not say where it is published: its source has no title, or no grade"),
                "source = { title = \"…\", url = \"…\", grade = \"A\" }: A official, B press, C reprint, D weak",
            );
        }
        if let Some((text, help)) = order_slip(&rule, on) {
            wrong(c, place.clone(), "pack.rule_order", format!("{id}: {text}"), help);
        }
        if let Some((text, help)) = duty_slip(&rule, on) {
            wrong(c, place.clone(), "pack.rule_duty", format!("{id}: {text}"), help);
        }
        let mut lapse = None;
        if let (Some(toml), Some((zone, effective))) = (&rule.lapse, start(own)) {
            match toml.get_ref().load(zone, effective) {
                Ok(loaded) => lapse = Some(loaded),
                Err((text, help)) => {
                    wrong(c, toml.span(), "pack.rule_duty", format!("{id}: {text}"), &help);
                }
            }
        }
        if let Some(flag) = rule.flag.take() {
            let span = flag.span();
            let FlagToml { task, release } = flag.into_inner();
            let stage = Stage { colour: Colour::Green, release, name: None, task: Some(task) };
            rule.stages.push(Spanned::new(span, stage));
        }
        let opens = !rule.review && rule.releases.is_empty() && !rule.grey;
        if opens && on.is_some_and(|k| !k.may_open()) {
            wrong(
                c,
                rule.on.span(),
                "pack.rule_on",
                format!("{id}: a {} opens nothing by itself", rule.on.get_ref()),
                "let the rule look at what the authority knows, not at who passed by",
            );
        }
        if opens && !(1..=STAGES_MAX).contains(&rule.stages.len()) {
            wrong(
                c,
                place.clone(),
                "pack.rule_stages",
                format!("{id} has no stage, or more than {STAGES_MAX}"),
                "add stages = [{ colour = \"red\", release = { days = 14 } }]",
            );
        }
        for stage in &mut rule.stages {
            check_stage(c, stage, on, is_flag, rule.order.is_some(), areas, scope);
        }
        let when = on.and_then(|on| c.expr(RULES, &rule.when, &scope(on)));
        if let (Some(on), Some(when)) = (on, when) {
            let stages = rule.stages.into_iter().map(Spanned::into_inner).collect();
            let releases = rule.releases.iter().map(|r| r.get_ref().as_str().into()).collect();
            let then = match (rule.review, rule.releases.is_empty()) {
                (true, _) => Then::Review,
                _ if rule.grey => Then::Expire,
                (false, true) => Then::Open { stages, repeat: rule.repeat },
                (false, false) => Then::Release { rules: releases },
            };
            released.extend(rule.releases);
            let order = rule.order;
            let (id, source, standing) = (rule.id.into_inner().into(), rule.source, rule.standing);
            rules.push(Rule { id, on, when, then, lapse, standing, order, source });
        }
    }
    for id in released {
        let opens = |r: &Rule| &*r.id == id.get_ref().as_str() && matches!(r.then, Then::Open { .. });
        if !rules.iter().any(opens) {
            let text = format!("releases: no rule {:?} opens anything", id.get_ref());
            c.wrong(RULES, Diagnostic::new("pack.rule_order", id.span(), text));
        }
    }
    rules
}

/// What is wrong with a rule as far as orders go, and what to do.
fn order_slip(rule: &RuleToml, on: Option<Kind>) -> Option<(&'static str, &'static str)> {
    let days = 1..=COUNT_MAX;
    match (&rule.order, on == Some(Kind::Order)) {
        (None, true) => Some(("it looks at orders and does not say how", "add order = { days_max = 14 }")),
        (Some(_), false) => Some(("order belongs to a rule on orders", "on = \"order\", or leave order out")),
        (Some(order), true) if !days.contains(&order.days_max) => {
            Some(("days_max is out of range", "1 to 366"))
        }
        (Some(_), true) if rule.repeat != Repeat::Keep => {
            Some(("each order is an episode of its own", "leave repeat out"))
        }
        (Some(order), true) if order.urgent && !rule.releases.is_empty() => {
            Some(("a release is never urgent", "leave urgent out"))
        }
        (_, false) if !rule.releases.is_empty() => {
            Some(("only an order releases", "on = \"order\", or leave releases out"))
        }
        (_, true) if !rule.releases.is_empty() && !rule.stages.is_empty() => {
            Some(("it opens or it releases", "make two rules of it"))
        }
        _ => None,
    }
}

/// What is wrong with a rule as far as duties, flags and standing rules go, and what to do.
fn duty_slip(rule: &RuleToml, on: Option<Kind>) -> Option<(&'static str, &'static str)> {
    let lapses = rule.lapse.is_some();
    let stages = rule.stages.iter().map(|s| &s.get_ref().release);
    let releases: Vec<&Release> = stages.chain(rule.flag.iter().map(|f| &f.get_ref().release)).collect();
    if rule.flag.is_some() && !rule.stages.is_empty() {
        return Some(("it opens stages or it is a flag", "make two rules of it"));
    }
    if rule.grey && (!lapses || !releases.is_empty()) {
        return Some(("grey is what a lapse without stages makes", "add lapse, leave stages and flag out"));
    }
    if (lapses || rule.flag.is_some() || rule.standing) && (rule.review || !rule.releases.is_empty()) {
        return Some(("it reviews or releases, and does nothing else", "make two rules of it"));
    }
    if lapses && (rule.order.is_some() || rule.standing) {
        return Some(("a lapse stands alone", "leave order and standing out"));
    }
    if lapses && !releases.iter().all(|r| r.needs_somebody()) {
        return Some((
            "a lapse that time alone ends would open again for ever",
            "say what the person does, such as check_ins_in_a_row = 1",
        ));
    }
    if rule.standing && on.is_some_and(|k| k != Kind::Declaration) {
        return Some((
            "only a declaration stands until the next",
            "on = \"declaration\", or leave standing out",
        ));
    }
    None
}

fn check_stage(
    c: &mut Checker<'_>,
    stage: &mut Spanned<Stage>,
    on: Option<Kind>,
    is_flag: bool,
    has_end: bool,
    areas: &Areas,
    scope: &dyn Fn(Kind) -> Scope,
) {
    let span = stage.span();
    let stage = stage.get_mut();
    let mut wrong = |text: &str, help: &str| {
        c.wrong(RULES, Diagnostic::new("pack.stage", span.clone(), text).help(help));
    };
    if stage.is_flag() && !is_flag {
        wrong("a stage is yellow or red; green is where no episode is active", "leave the stage out");
    }
    if stage.task.is_some() && !is_flag {
        wrong("a task is a flag's", "write flag = { task = …, release = … } in place of stages");
    }
    if stage.release.is_empty() && !has_end {
        match is_flag {
            true => wrong(
                "a flag that nothing clears",
                "say in release what clears it, such as negative_tests = 1",
            ),
            false => wrong("a stage without an exit", "say in release what ends it, such as days = 14"),
        }
    }
    for (text, help) in slips(&stage.release, on, areas) {
        wrong(&text, &help);
    }
    let made = stage.release.prepare(scope);
    for d in made.err().into_iter().flatten() {
        c.wrong(RULES, Diagnostic { span: span.clone(), ..d });
    }
}
