//! Texts of a pack, and the account of a decision that its holder reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::decision::{BrokenBy, Colour, Counted, Decision, Episode, Progress, Status};
use crate::fact::{Fact, Facts, Kind, Value};
use crate::id::FactId;
use crate::rules::flag::Task;
use crate::rules::pack::{Pack, Then};
use crate::rules::tongue::Tongue;
use crate::time::{Day, Instant};

/// A language that residents read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lang {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// Every language that a pack has to ship.
    pub const ALL: [Lang; 2] = [Lang::Zh, Lang::En];

    /// Its name in file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Lang::Zh => "zh",
            Lang::En => "en",
        }
    }

    /// What it calls itself.
    #[must_use]
    pub fn own_name(self) -> &'static str {
        match self {
            Lang::Zh => "简体中文",
            Lang::En => "English",
        }
    }
}

/// The texts of one language: `words/<language>.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The pack's name.
    pub name: String,
    /// What the language calls itself; Chinese and English need not say it.
    #[serde(default)]
    pub language: Option<String>,
    /// The commitment that a declaration accepts.
    pub commitment: String,
    /// Yes.
    pub yes: String,
    /// No.
    pub no: String,
    /// Words of the colours: `green`, `yellow`, `red`.
    pub colours: BTreeMap<String, String>,
    /// Words of the states without a colour: `unknown`, `pending`, `returned`.
    pub status: BTreeMap<String, String>,
    /// Questions by field.
    pub fields: BTreeMap<String, FieldWords>,
    /// Words of symptoms.
    pub symptoms: BTreeMap<String, String>,
    /// Words of methods and vaccines that the pack names itself.
    #[serde(default)]
    pub terms: BTreeMap<String, String>,
    /// Texts by rule.
    pub rules: BTreeMap<String, RuleWords>,
    /// Progress by what is counted, with `{done}` and `{of}`.
    pub progress: BTreeMap<String, String>,
    /// Why a run broke, with `{day}`: `missed`, `abnormal`.
    pub broken: BTreeMap<String, String>,
    /// What the lists of areas are called, where officers read of them.
    #[serde(default)]
    pub areas: BTreeMap<String, String>,
}

/// A question.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FieldWords {
    /// The question itself.
    pub label: String,
    /// Help, where it needs some.
    #[serde(default)]
    pub help: Option<String>,
    /// Labels of its choices.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// What a rule says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RuleWords {
    /// In a few words.
    pub title: String,
    /// Why, for the holder.
    pub why: String,
    /// What to do, for the holder.
    #[serde(default)]
    pub what_to_do: String,
    /// The later fact that it waits for, where a release does.
    #[serde(default)]
    pub waits_for: String,
    /// Names of its stages.
    #[serde(default)]
    pub stages: BTreeMap<String, String>,
}

/// One active reason, as the holder reads it.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    /// The fact that opened it: what an appeal is about.
    pub fact: FactId,
    /// The rule's id.
    pub rule: String,
    /// Version of the pack whose terms it runs under.
    pub version: String,
    /// Colour of its present stage.
    pub colour: Colour,
    /// In a few words.
    pub title: String,
    /// Why.
    pub why: String,
    /// Where the rule is published.
    pub source: SourceView,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// Since when.
    pub since: Instant,
    /// Present stage, from 1.
    pub stage: u16,
    /// How many stages.
    pub stages: u16,
    /// The stage's name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage_name: Option<String>,
    /// How far each condition of release has come.
    pub progress: Vec<ProgressView>,
    /// Why the run of check-ins started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<BrokenView>,
    /// The first day on which the code can be green if all goes well; null where it waits for somebody.
    pub earliest_green: Option<Day>,
    /// What to do.
    pub what_to_do: String,
}

/// Where a rule is published.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct SourceView {
    /// Title of the document or page.
    pub title: String,
    /// Its address.
    pub url: String,
    /// A official, B press, C reprint, D weak.
    pub grade: String,
}

/// A fact that a reason rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// The fact's kind.
    pub kind: Kind,
    /// When it happened.
    pub date: Instant,
}

/// How far a condition has come.
#[derive(Clone, Debug, Serialize)]
pub struct ProgressView {
    /// What is counted.
    pub what: Counted,
    /// Reached so far.
    pub done: u32,
    /// Needed.
    pub of: u32,
    /// The first day on which the next test can count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Day>,
    /// In words.
    pub text: String,
}

/// Why a run started again.
#[derive(Clone, Debug, Serialize)]
pub struct BrokenView {
    /// The day that broke it.
    pub on: Day,
    /// How.
    pub why: BrokenBy,
    /// In words.
    pub text: String,
}

/// An open flag, as the holder reads it.
#[derive(Clone, Debug, Serialize)]
pub struct FlagView {
    /// What clears it.
    pub task: Task,
    /// Why it is there, what it rests on, how far it has come and what to do. Its colour says nothing.
    #[serde(flatten)]
    pub reason: FlagReason,
}

/// What a flag says: a reason without a colour.
#[derive(Clone, Debug, Serialize)]
pub struct FlagReason {
    /// The fact that opened it.
    pub fact: FactId,
    /// The rule's id.
    pub rule: String,
    /// In a few words.
    pub title: String,
    /// Why.
    pub why: String,
    /// Where the rule is published.
    pub source: SourceView,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// Since when.
    pub since: Instant,
    /// How far each condition has come.
    pub progress: Vec<ProgressView>,
    /// The first day on which it can be gone if all goes well; null where it waits for somebody.
    pub earliest_clear: Option<Day>,
    /// What clears it.
    pub what_to_do: String,
}

/// A code that has lapsed, or when it will, as the holder reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LapseView {
    /// The rule's id.
    pub rule: String,
    /// When it lapses, or since when it has.
    pub at: Instant,
    /// Whether it has.
    pub lapsed: bool,
    /// In words: until when it lasts, or why it is grey.
    pub text: String,
    /// What to do.
    pub what_to_do: String,
}

/// The holder's account of a decision: every active episode, the most severe first.
#[must_use]
pub fn explain(pack: &Pack, decision: &Decision, facts: &Facts, lang: impl Into<Tongue>) -> Vec<Reason> {
    explain_by(pack, decision, facts, lang.into(), |_| pack)
}

/// The same where an episode's rule may be another pack's, whose words are then its words.
pub(crate) fn explain_by<'a>(
    pack: &'a Pack,
    decision: &Decision,
    facts: &Facts,
    lang: Tongue,
    texts_of: impl Fn(&Episode) -> &'a Pack,
) -> Vec<Reason> {
    decision.episodes.iter().map(|e| reason(pack, texts_of(e), e, facts, lang)).collect()
}

/// The holder's account of the open flags, oldest first.
#[must_use]
pub fn explain_flags(
    pack: &Pack,
    decision: &Decision,
    facts: &Facts,
    lang: impl Into<Tongue>,
) -> Vec<FlagView> {
    explain_flags_by(pack, decision, facts, lang.into(), |_| pack)
}

/// The same where a flag's rule may be another pack's.
pub(crate) fn explain_flags_by<'a>(
    pack: &'a Pack,
    decision: &Decision,
    facts: &Facts,
    lang: Tongue,
    texts_of: impl Fn(&Episode) -> &'a Pack,
) -> Vec<FlagView> {
    let flags = decision.flags.iter().map(|flag| {
        let r = reason(pack, texts_of(&flag.episode), &flag.episode, facts, lang);
        let reason = FlagReason {
            fact: r.fact,
            rule: r.rule,
            title: r.title,
            why: r.why,
            source: r.source,
            evidence: r.evidence,
            since: r.since,
            progress: r.progress,
            earliest_clear: r.earliest_green,
            what_to_do: r.what_to_do,
        };
        FlagView { task: flag.task, reason }
    });
    flags.collect()
}

/// Until when a green code lasts, or since when it has run out.
#[must_use]
pub fn explain_lapse(pack: &Pack, decision: &Decision, lang: impl Into<Tongue>) -> Option<LapseView> {
    let lang = lang.into();
    if let Some(expired) = &decision.expired {
        return Some(LapseView {
            rule: expired.rule.to_string(),
            at: expired.since,
            lapsed: true,
            text: pack.rule_why(&expired.rule, lang).to_owned(),
            what_to_do: pack
                .words(lang)
                .rules
                .get(&*expired.rule)
                .map_or_else(String::new, |r| r.what_to_do.clone()),
        });
    }
    lasts_view(pack, decision.lasts.as_ref()?.until, lang)
}

/// Until when a green code lasts, under the pack's first rule that lets it lapse.
#[must_use]
pub fn lasts_view(pack: &Pack, until: Instant, lang: impl Into<Tongue>) -> Option<LapseView> {
    let (rule, lang) = (pack.rules.iter().find(|r| r.keeps_green())?, lang.into());
    let at = format!("{} {}", pack.zone.day_of(until), pack.zone.hh_mm(until));
    let text = pack
        .first(lang, |w| w.status.get("lasts_until"))
        .map_or_else(String::new, |t| t.replace("{until}", &at));
    let what_to_do = pack.words(lang).rules.get(&*rule.id).map_or_else(String::new, |r| r.what_to_do.clone());
    Some(LapseView { rule: rule.id.to_string(), at: until, lapsed: false, text, what_to_do })
}

/// One episode, whose rule is `own`'s, as the pack in force tells it.
fn reason(pack: &Pack, own: &Pack, episode: &Episode, facts: &Facts, lang: Tongue) -> Reason {
    let rule = own.rule(&episode.rule);
    let texts = own.words(lang).rules.get(&*episode.rule);
    let text = |pick: fn(&RuleWords) -> &String| texts.map_or_else(String::new, |t| pick(t).clone());
    let opened_by = facts.find(episode.opened_by);
    let stage = rule.and_then(|r| match &r.then {
        Then::Open { stages, .. } => stages.get(usize::from(episode.stage))?.name.as_ref(),
        _ => None,
    });
    Reason {
        fact: episode.opened_by,
        rule: episode.rule.to_string(),
        version: episode.version.to_string(),
        colour: episode.colour,
        title: texts.map_or_else(|| episode.rule.to_string(), |t| t.title.clone()),
        why: text(|t| &t.why),
        source: rule.map_or_else(
            || SourceView { title: String::new(), url: String::new(), grade: String::new() },
            |r| r.source.clone(),
        ),
        evidence: opened_by.map(|f| Evidence { kind: f.kind, date: f.happened }).into_iter().collect(),
        since: episode.since,
        stage: episode.stage + 1,
        stages: episode.stages,
        stage_name: stage.and_then(|name| texts?.stages.get(name).cloned()),
        progress: episode.progress.iter().map(|p| progress_view(pack, texts, *p, lang)).collect(),
        broken: episode.broken.map(|b| BrokenView {
            on: b.on,
            why: b.why,
            text: pack
                .first(lang, |w| w.broken.get(if b.why == BrokenBy::Missed { "missed" } else { "abnormal" }))
                .map_or_else(String::new, |t| t.replace("{day}", &b.on.to_string())),
        }),
        earliest_green: episode.earliest_end.map(|at| pack.zone.day_of(at)),
        what_to_do: text(|t| &t.what_to_do),
    }
}

/// Something that was known of the holder and no longer counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TakenBack {
    /// What it was.
    pub kind: Kind,
    /// When it was taken back.
    pub at: Instant,
    /// As the holder reads it.
    pub text: String,
}

/// Takings back that are told, at most.
const TAKEN_BACK_MAX: usize = 5;

/// What was taken back of a holder's facts since an instant, the last first.
#[must_use]
pub fn taken_back(pack: &Pack, facts: &Facts, since: Instant, lang: impl Into<Tongue>) -> Vec<TakenBack> {
    let lang = lang.into();
    let corrections = facts.iter().rev().filter(|f| f.kind == Kind::Correction && f.happened >= since);
    let told = corrections.filter_map(|c| {
        let of = facts.find(crate::id::FactId::parse(c.text("of")?)?)?;
        let day = pack.zone.day_of(of.happened);
        let what = match of.kind {
            Kind::Test => "record.test",
            Kind::Listed => "record.listed",
            Kind::Vaccination => "record.vaccination",
            Kind::Quarantine => "record.quarantine",
            Kind::Arrival => "record.arrival",
            Kind::Certificate => "record.certificate",
            _ => "record.other",
        };
        let corrected = c.text("reason") == Some("corrected");
        let said = pack.said(if corrected { "taken_back.corrected" } else { "taken_back.withdrawn" }, lang);
        let text = said.replace("{day}", &day.to_string()).replace("{what}", pack.said(what, lang));
        Some(TakenBack { kind: of.kind, at: c.happened, text })
    });
    told.take(TAKEN_BACK_MAX).collect()
}

fn progress_view(pack: &Pack, texts: Option<&RuleWords>, p: Progress, lang: Tongue) -> ProgressView {
    let own = texts.map(|t| &t.waits_for).filter(|t| p.what == Counted::Facts && !t.is_empty());
    let said = |key: &str| pack.first(lang, |words| words.progress.get(key));
    let of_pack = || said(counted_name(p.what)).map_or("{done}/{of}", String::as_str);
    let template = own.map_or_else(of_pack, String::as_str);
    let mut text = template.replace("{done}", &p.done.to_string()).replace("{of}", &p.of.to_string());
    if let (Some(day), Some(next)) = (p.next, said("next_test")) {
        text.push_str(&next.replace("{day}", &day.to_string()));
    }
    ProgressView { what: p.what, done: p.done, of: p.of, next: p.next, text }
}

/// Its name in packs.
#[must_use]
pub fn counted_name(what: Counted) -> &'static str {
    match what {
        Counted::CheckIns => "check_ins",
        Counted::Days => "days",
        Counted::Tests => "tests",
        Counted::Confirmations => "confirmations",
        Counted::Samples => "samples",
        Counted::Facts => "facts",
        Counted::Areas => "areas",
    }
}

impl Pack {
    /// A text in the best of somebody's languages that has it, and else in Chinese or English. A further
    /// language has what the pack's own rules need; episodes come along from packs that need more.
    fn first<'p>(
        &'p self,
        lang: impl Into<Tongue>,
        pick: impl Fn(&'p Words) -> Option<&'p String>,
    ) -> Option<&'p String> {
        let lang = lang.into();
        pick(self.words(lang)).or_else(|| pick(self.words(lang.ours)))
    }

    /// The word of a colour.
    #[must_use]
    pub fn colour_word(&self, colour: Colour, lang: impl Into<Tongue>) -> &str {
        self.first(lang, |w| w.colours.get(colour.name())).map_or(colour.name(), String::as_str)
    }

    /// The word of a symptom.
    #[must_use]
    pub fn symptom_word<'a>(&'a self, symptom: &'a str, lang: impl Into<Tongue>) -> &'a str {
        self.words(lang).symptoms.get(symptom).map_or(symptom, String::as_str)
    }

    /// The word of a colour, or of a status without one.
    #[must_use]
    pub fn word(&self, status: Status, colour: Option<Colour>, lang: impl Into<Tongue>) -> &str {
        let found = self.first(lang, |words| match (status, colour) {
            (Status::Active, Some(colour)) => words.colours.get(colour.name()),
            (Status::Pending, _) => words.status.get("pending"),
            (Status::Returned, _) => words.status.get("returned"),
            (Status::Expired, _) => words.status.get("expired"),
            _ => words.status.get("unknown"),
        });
        found.map_or("", String::as_str)
    }

    /// The pack's name.
    #[must_use]
    pub fn name(&self, lang: impl Into<Tongue>) -> &str {
        &self.words(lang).name
    }

    /// The text of the commitment.
    #[must_use]
    pub fn commitment_text(&self, lang: impl Into<Tongue>) -> &str {
        &self.words(lang).commitment
    }

    /// A question.
    #[must_use]
    pub fn field_label(&self, field: &str, lang: impl Into<Tongue>) -> String {
        self.words(lang).fields.get(field).map_or_else(|| field.to_owned(), |f| f.label.clone())
    }

    /// Help on a question.
    #[must_use]
    pub fn field_help(&self, field: &str, lang: impl Into<Tongue>) -> Option<String> {
        self.words(lang).fields.get(field).and_then(|f| f.help.clone())
    }

    /// The label of a choice.
    #[must_use]
    pub fn option_label(&self, field: &str, option: &str, lang: impl Into<Tongue>) -> String {
        let words = self.words(lang);
        let own = words.fields.get(field).and_then(|f| f.options.get(option));
        own.or_else(|| words.symptoms.get(option))
            .or_else(|| words.terms.get(option))
            .map_or_else(|| option.to_owned(), Clone::clone)
    }

    /// An answer as the form shows it.
    #[must_use]
    pub fn value_text(&self, field: &str, value: &Value, lang: impl Into<Tongue>) -> String {
        let lang = lang.into();
        let words = self.words(lang);
        let join = if lang.ours == Lang::Zh { "、" } else { ", " };
        let one = |text: &str| {
            crate::division::divisions()
                .path_name(text)
                .unwrap_or_else(|| self.option_label(field, text, lang))
        };
        match value {
            Value::Missing => String::new(),
            Value::Bool(yes) => (if *yes { &words.yes } else { &words.no }).clone(),
            Value::Int(n) => n.to_string(),
            Value::Double(d) => format!("{d:.1}"),
            Value::Text(text) => one(text),
            Value::List(list) => list.iter().map(|t| one(t)).collect::<Vec<_>>().join(join),
            Value::Day(day) => day.to_string(),
            Value::Instant(at) => at.to_string(),
        }
    }

    /// A rule in a few words.
    #[must_use]
    pub fn rule_title(&self, rule: &str, lang: impl Into<Tongue>) -> &str {
        self.words(lang).rules.get(rule).map_or("", |r| &r.title)
    }

    /// Why a rule matters.
    #[must_use]
    pub fn rule_why(&self, rule: &str, lang: impl Into<Tongue>) -> &str {
        self.words(lang).rules.get(rule).map_or("", |r| &r.why)
    }

    /// The fields that a rule looks at.
    #[must_use]
    pub fn rule_fields(&self, rule: &str) -> &[&'static str] {
        self.rule(rule).map_or(&[], |r| r.when.reads())
    }

    /// Whether the pack takes a check-in as normal. Unknown is not normal.
    #[must_use]
    pub fn check_in_is_normal(&self, fact: &Fact) -> bool {
        crate::rules::decide::check_in_is_normal(self, fact)
    }
}
