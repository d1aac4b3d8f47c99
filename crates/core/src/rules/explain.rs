//! One person told, for whoever writes or answers for a pack: what happened, which rules were
//! asked and what of them failed, what opened and ended, what stands, and what comes next.

use crate::decision::{Decision, Status};
use crate::fact::{Fact, Facts, Kind, Source, Value};
use crate::id::FactId;
use crate::rules::decide::{Context, asked, check_in_is_normal, decide, withdrawn};
use crate::rules::expr::{Env, Truth, value_word};
use crate::rules::nouns;
use crate::rules::order::OrderState;
use crate::rules::pack::{Pack, Rule, Then};
use crate::rules::sentence::{colour, release, task};
use crate::rules::words::{Lang, Reason, explain, explain_flags, explain_lapse};
use crate::time::{Instant, Now};

/// Changes that time brings which are followed to find the next one of the colour.
const STEPS_MAX: usize = 64;

/// All of it, line by line.
#[must_use]
pub fn tell(pack: &Pack, facts: &Facts, at: Instant, lang: Lang) -> String {
    let decision = decide(pack, facts, &Context { areas: pack.areas() }, at);
    let teller = Teller { pack, facts, at, lang, decision };
    let mut out = vec![teller.head(), String::new()];
    out.extend(teller.story());
    out.push(String::new());
    out.extend(teller.now());
    out.push(String::new());
    out.extend(teller.next());
    out.push(String::new());
    out.join("\n")
}

struct Teller<'p> {
    pack: &'p Pack,
    facts: &'p Facts,
    at: Instant,
    lang: Lang,
    decision: Decision,
}

/// What a rule made of a fact.
struct Asked<'p> {
    fact: FactId,
    rule: &'p Rule,
    held: bool,
    /// What of it failed, in words.
    failed: Vec<String>,
}

impl<'p> Teller<'p> {
    fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        if self.lang == Lang::Zh { zh } else { en }
    }

    fn when(&self, at: Instant) -> String {
        format!("{} {}", self.pack.zone.day_of(at), self.pack.zone.hh_mm(at))
    }

    fn shade(&self, decision: &Decision) -> String {
        match (decision.status, decision.colour) {
            (Status::Active, Some(of)) => colour(self.pack, of, self.lang),
            (status, _) => {
                let word = self.pack.word(status, None, self.lang);
                match self.lang {
                    Lang::Zh => format!("灰码（{word}）"),
                    Lang::En => format!("grey ({word})"),
                }
            }
        }
    }

    fn head(&self) -> String {
        let (at, shade) = (self.when(self.at), self.shade(&self.decision));
        match self.lang {
            Lang::Zh => format!("{at}：{shade}"),
            Lang::En => format!("{at}: {shade}"),
        }
    }

    fn title(&self, rule: &str) -> String {
        match self.pack.rule_title(rule, self.lang) {
            "" => rule.to_owned(),
            title => format!("{rule} “{title}”"),
        }
    }

    /// Every rule that was asked, in the order of the facts.
    fn asked(&self) -> Vec<Asked<'p>> {
        let mut all: Vec<Asked<'p>> = Vec::new();
        let context = Context { areas: self.pack.areas() };
        asked(self.pack, self.facts, &context, self.at, &mut |rule, env| {
            let Some(rule) = self.pack.rule(&rule.id) else { return };
            let truth = rule.when.eval(env);
            let failed = if truth.is_true() { Vec::new() } else { self.failed(rule, env) };
            let one = Asked { fact: env.fact.id, rule, held: truth.is_true(), failed };
            // What stands is asked on several days; that it held once is what counts.
            match all.iter_mut().find(|a| a.fact == one.fact && a.rule.id == one.rule.id) {
                Some(old) if one.held => *old = one,
                Some(_) => {}
                None => all.push(one),
            }
        });
        all
    }

    /// The sides that did not hold, and what was known instead.
    fn failed(&self, rule: &Rule, env: &Env<'_>) -> Vec<String> {
        let mut sides = rule.when.sides();
        if rule.when.is_choice() {
            sides.clear();
        }
        let failing = sides.iter().map(|s| &s.expr).filter(|e| !e.holds(env));
        let mut failing: Vec<_> = failing.collect();
        if failing.is_empty() {
            failing.push(&rule.when);
        }
        failing
            .into_iter()
            .map(|expr| {
                let said = expr.say(self.pack, self.lang);
                let known: Vec<String> =
                    expr.reads().iter().filter_map(|f| self.known(env.fact, f)).collect();
                let missing: Vec<&str> = expr
                    .reads()
                    .iter()
                    .filter(|f| *env.fact.get(f) == Value::Missing)
                    .map(|f| nouns::field(env.fact.kind, f, self.lang))
                    .collect();
                let is_unknown = expr.eval(env) == Truth::Unknown;
                match (self.lang, is_unknown) {
                    (Lang::Zh, true) if missing.is_empty() => format!("无法判断：{said}"),
                    (Lang::Zh, true) => format!("无法判断：{said}（没有{}）", missing.join("、")),
                    (Lang::Zh, false) if known.is_empty() => format!("不符合：{said}"),
                    (Lang::Zh, false) => format!("不符合：{said}（{}）", known.join("，")),
                    (Lang::En, true) if missing.is_empty() => format!("unknown: {said}"),
                    (Lang::En, true) => format!("unknown: {said} (not known: {})", missing.join(", ")),
                    (Lang::En, false) if known.is_empty() => format!("not so: {said}"),
                    (Lang::En, false) => format!("not so: {said} ({})", known.join(", ")),
                }
            })
            .collect()
    }

    /// A field of a fact and its value.
    fn known(&self, fact: &Fact, field: &str) -> Option<String> {
        let noun = nouns::field(fact.kind, field, self.lang);
        let noun = noun.strip_prefix("the ").unwrap_or(noun);
        let word = |w: &str| {
            crate::division::divisions()
                .path_name(w)
                .unwrap_or_else(|| value_word(self.pack, Some(fact.kind), field, w, self.lang))
        };
        let none = self.t("无", "none");
        let value = match fact.get(field) {
            Value::Missing => return None,
            Value::Bool(yes) => {
                self.t(["否", "是"][usize::from(*yes)], ["no", "yes"][usize::from(*yes)]).to_owned()
            }
            Value::Int(n) => n.to_string(),
            Value::Double(n) => n.to_string(),
            Value::Text(w) => word(w),
            Value::List(all) if all.is_empty() => none.to_owned(),
            Value::List(all) => all.iter().map(|w| word(w)).collect::<Vec<_>>().join(self.t("、", ", ")),
            Value::Day(day) => day.to_string(),
            Value::Instant(at) => self.when(*at),
        };
        Some(match self.lang {
            Lang::Zh => format!("{noun}：{value}"),
            Lang::En => format!("{noun}: {value}"),
        })
    }

    fn story(&self) -> Vec<String> {
        let mut lines = vec![self.t("经过", "What happened").to_owned()];
        let asked = self.asked();
        let now = Now::new(self.at);
        let gone = withdrawn(self.facts, &now);
        // Facts, and what the engine put on record, as they follow one another.
        let told = self.facts.iter().filter(|f| f.source != Source::Engine && f.kind != Kind::Episode);
        let mut events: Vec<(Instant, usize, Vec<String>)> = Vec::new();
        let mut run: Option<(Instant, Instant, u32)> = None;
        let close = |run: &mut Option<(Instant, Instant, u32)>,
                     events: &mut Vec<(Instant, usize, Vec<String>)>| {
            let Some((from, to, n)) = run.take() else { return };
            let (first, last) = (self.when(from), self.when(to));
            events.push((
                from,
                0,
                vec![match (self.lang, n) {
                    (Lang::Zh, 1) => format!("  {first}  健康打卡，正常"),
                    (Lang::Zh, _) => format!("  {first} 至 {last}  健康打卡 {n} 次，均正常"),
                    (Lang::En, 1) => format!("  {first}  a check-in, normal"),
                    (Lang::En, _) => format!("  {first} to {last}  {n} check-ins, all normal"),
                }],
            ));
        };
        for fact in told {
            let of: Vec<&Asked<'_>> = asked.iter().filter(|a| a.fact == fact.id).collect();
            let is_gone = gone.binary_search(&fact.id).is_ok();
            let plain = fact.kind == Kind::CheckIn && !is_gone && fact.happened <= self.at;
            if plain && check_in_is_normal(self.pack, fact) && of.iter().all(|a| !a.held) {
                run =
                    Some(run.map_or((fact.happened, fact.happened, 1), |(from, _, n)| {
                        (from, fact.happened, n + 1)
                    }));
                continue;
            }
            close(&mut run, &mut events);
            events.push((fact.happened, 0, self.fact(fact, &of, is_gone)));
        }
        close(&mut run, &mut events);
        for record in &self.decision.records {
            events.extend(self.record(record).map(|line| (record.happened, 1, vec![line])));
        }
        events.sort_by_key(|(at, order, _)| (*at, *order));
        if events.is_empty() {
            lines.push(self.t("  没有任何记录。", "  Nothing is on record.").to_owned());
        }
        lines.extend(events.into_iter().flat_map(|(.., text)| text));
        lines
    }

    /// A fact, and what each rule made of it.
    fn fact(&self, fact: &Fact, of: &[&Asked<'_>], is_gone: bool) -> Vec<String> {
        let kind = nouns::kind(fact.kind, self.lang);
        let about: Vec<String> =
            fact.kind.schema().iter().filter(|f| f.rules).filter_map(|f| self.known(fact, f.name)).collect();
        let mut head = format!("  {}  {kind}", self.when(fact.happened));
        if !about.is_empty() {
            head.push_str(self.t("：", ": "));
            head.push_str(&about.join(self.t("，", ", ")));
        }
        let mut lines = vec![head];
        let mut say = |text: String| lines.push(format!("      {text}"));
        if is_gone {
            say(self
                .t("已被更正撤销，不作为依据。", "Withdrawn by a correction: it counts for nothing.")
                .to_owned());
            return lines;
        }
        if fact.happened > self.at {
            say(self.t("尚未发生，不作为依据。", "It lies ahead and does not count yet.").to_owned());
            return lines;
        }
        if fact.kind == Kind::CheckIn && !check_in_is_normal(self.pack, fact) {
            say(self.t("打卡异常。", "The check-in is not normal.").to_owned());
        }
        if let Some(order) = self.decision.orders.iter().find(|o| o.order == fact.id) {
            let (zh, en) = match order.state {
                OrderState::Waiting => {
                    ("等待另一单位复签，尚未生效。", "It waits for a second office's signature.")
                }
                OrderState::Urgent => ("紧急处置，先行生效。", "Urgent: it acts before it is signed."),
                OrderState::InForce => ("已复签，生效中。", "Signed and in force."),
                OrderState::Lapsed => ("无人复签，已失效。", "Nobody signed in time."),
                OrderState::Ended => ("已期满。", "Its end has come."),
                OrderState::Withdrawn => ("已撤销。", "Withdrawn."),
            };
            say(self.t(zh, en).to_owned());
        }
        for asked in of.iter().filter(|a| a.held) {
            let (said, title) = (asked.rule.when.say(self.pack, self.lang), self.title(&asked.rule.id));
            say(match self.lang {
                Lang::Zh => format!("✓ {title}：{said}"),
                Lang::En => format!("✓ {title}: {said}"),
            });
        }
        for asked in of.iter().filter(|a| !a.held) {
            let title = self.title(&asked.rule.id);
            say(format!("✗ {title}{}", self.t("：", ": ")) + &asked.failed.join(self.t("；", "; ")));
        }
        lines
    }

    /// What the engine records of an episode.
    fn record(&self, record: &Fact) -> Option<String> {
        let (rule, event) = (record.text("rule")?, record.text("event")?);
        let (when, title) = (self.when(record.happened), self.title(rule));
        let stage = match record.get("stage") {
            Value::Int(n) => n + 1,
            _ => 1,
        };
        Some(match (self.lang, event) {
            (Lang::Zh, "opened" | "restored") => format!("  {when}  → 开始：{title}"),
            (Lang::Zh, "stage") => format!("  {when}  → 进入第 {stage} 阶段：{title}"),
            (Lang::Zh, _) => format!("  {when}  → 结束：{title}"),
            (Lang::En, "opened" | "restored") => format!("  {when}  → begins: {title}"),
            (Lang::En, "stage") => format!("  {when}  → stage {stage}: {title}"),
            (Lang::En, _) => format!("  {when}  → ends: {title}"),
        })
    }

    fn now(&self) -> Vec<String> {
        let mut lines = vec![self.t("现状", "What stands").to_owned()];
        let (pack, lang) = (self.pack, self.lang);
        if let Some(lapse) = explain_lapse(pack, &self.decision, lang) {
            lines.push(format!("  {}", lapse.text));
            lines.push(format!("  {}", lapse.what_to_do));
        }
        for reason in explain(pack, &self.decision, self.facts, lang) {
            lines.extend(self.reason(&reason));
        }
        for flag in explain_flags(pack, &self.decision, self.facts, lang) {
            let what = task(flag.task, lang);
            let r = &flag.reason;
            lines.push(match lang {
                Lang::Zh => format!("  {} “{}”（弹窗，消除办法：{what}）", r.rule, r.title),
                Lang::En => format!("  {} “{}” (a pop-up; cleared by {what})", r.rule, r.title),
            });
            lines.push(format!("      {}", r.why));
            lines.extend(r.progress.iter().map(|p| format!("      {}", p.text)));
            lines.extend(self.ending(&r.rule, 0, r.earliest_clear.map(|d| d.to_string())));
            lines.push(format!("      {}", r.what_to_do));
        }
        if let Some(review) = &self.decision.review {
            lines.push(format!("  {} {}", self.title(&review.rule), pack.rule_why(&review.rule, lang)));
            lines.extend(review.returned.iter().map(|r| format!("      {r}")));
        }
        if lines.len() == 1 {
            lines.push(self.t("  没有需要处理的情形。", "  Nothing.").to_owned());
        }
        lines
    }

    fn reason(&self, reason: &Reason) -> Vec<String> {
        let mut lines = vec![format!("  {} “{}”", reason.rule, reason.title)];
        let mut say = |text: String| lines.push(format!("      {text}"));
        reason.stage_name.iter().for_each(|name| say(name.clone()));
        say(reason.why.clone());
        say(format!("{} ({} {})", reason.source.title, reason.source.grade, reason.source.url));
        reason.progress.iter().for_each(|p| say(p.text.clone()));
        reason.broken.iter().for_each(|b| say(b.text.clone()));
        lines.extend(self.ending(
            &reason.rule,
            usize::from(reason.stage - 1),
            reason.earliest_green.map(|d| d.to_string()),
        ));
        lines.push(format!("      {}", reason.what_to_do));
        lines
    }

    /// What ends a stage, and when at the earliest.
    fn ending(&self, rule: &str, stage: usize, earliest: Option<String>) -> Vec<String> {
        let mut lines = Vec::new();
        let rule = self.pack.rule(rule);
        let stage = rule.and_then(|r| match &r.then {
            Then::Open { stages, .. } => Some((r.on, stages.get(stage)?)),
            _ => None,
        });
        if let Some(end) = stage.and_then(|(on, s)| release(self.pack, &s.release, on, self.lang)) {
            lines.push(match self.lang {
                Lang::Zh => format!("      本阶段解除条件：{end}"),
                Lang::En => format!("      This stage ends once {end}."),
            });
        }
        lines.push(match (self.lang, earliest) {
            (Lang::Zh, Some(day)) => format!("      最早 {day} 全部结束。"),
            (Lang::En, Some(day)) => format!("      All of it is over on {day} at the earliest."),
            (Lang::Zh, None) => "      结束时间取决于他人的确认、检测或后续记录。".to_owned(),
            (Lang::En, None) => {
                "      When it ends depends on a confirmation, a test or a later record.".to_owned()
            }
        });
        lines
    }

    /// What time alone brings.
    fn next(&self) -> Vec<String> {
        let mut lines = vec![self.t("接下来", "What comes next").to_owned()];
        if self.decision.check_in_due {
            lines.push(self.t("  今天需要打卡。", "  A check-in is due today.").to_owned());
        }
        let Some(first) = self.decision.review_at else {
            lines.push(
                self.t(
                    "  没有新的记录，结果不会再变。",
                    "  Without another record the answer never changes.",
                )
                .to_owned(),
            );
            return lines;
        };
        let context = Context { areas: self.pack.areas() };
        let when = self.when(first);
        lines.push(match self.lang {
            Lang::Zh => format!("  {when} 起，即使没有新的记录，结果也可能变化。"),
            Lang::En => format!("  From {when} on the answer can change without another record."),
        });
        let mut at = Some(first);
        for _ in 0..STEPS_MAX {
            let Some(step) = at else { break };
            let then = decide(self.pack, self.facts, &context, step);
            if (then.status, then.colour) != (self.decision.status, self.decision.colour) {
                let (when, shade) = (self.when(step), self.shade(&then));
                lines.push(match self.lang {
                    Lang::Zh => format!("  若不再有任何记录，{when} 变为{shade}。"),
                    Lang::En => format!("  If nothing more is recorded, it is {shade} from {when} on."),
                });
                return lines;
            }
            at = then.review_at;
        }
        lines.push(
            self.t("  若不再有任何记录，颜色不变。", "  If nothing more is recorded, the colour stays.")
                .to_owned(),
        );
        lines
    }
}
