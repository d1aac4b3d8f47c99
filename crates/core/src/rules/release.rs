//! Stages and what ends them: the conditions of a release, as packs write them and as the record
//! keeps them. What they mean is told in `spec/packs.md`; [`decide`](super::decide) asks them.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::decision::{Colour, Counted};
use crate::fact::{Kind, Type};
use crate::rules::expr::{Areas, Diagnostic, Expr, Scope, compile};
use crate::rules::flag::Task;

/// Most days, check-ins or tests that a release can ask for.
pub const COUNT_MAX: u32 = 366;
/// Most hours between two tests.
pub const HOURS_MAX: u32 = 24 * COUNT_MAX;

/// A part of an episode: a colour, and what ends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its colour. Green is a flag's: it never takes part in the colour.
    pub colour: Colour,
    /// All that has to hold at once.
    #[serde(default)]
    pub release: Release,
    /// Its name in the words, such as `central`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What clears it, where it is a flag's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
}

impl Stage {
    /// Whether it belongs to a flag.
    #[must_use]
    pub fn is_flag(&self) -> bool {
        self.colour == Colour::Green
    }
}

/// Whether the day from which days are counted is the first of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstDay {
    /// It is day 1.
    #[default]
    Counts,
    /// The next one is day 1.
    Next,
}

impl FirstDay {
    /// Days to add to the day from which is counted, to come to day 1.
    #[must_use]
    pub fn skipped(self) -> i32 {
        i32::from(self == FirstDay::Next)
    }
}

/// A later fact that is waited for: of a kind, and with this said of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Awaited {
    /// The kind of the fact.
    pub on: String,
    /// The condition on it.
    pub when: String,
    #[serde(skip)]
    pub(crate) expr: Option<Arc<Expr>>,
}

impl PartialEq for Awaited {
    fn eq(&self, other: &Awaited) -> bool {
        (&self.on, &self.when) == (&other.on, &other.when)
    }
}

/// One name or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Names {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let all = match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Many(names) => names.as_slice(),
        };
        all.iter().map(String::as_str)
    }
}

/// Conditions of release. At least one; all have to hold at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Days in a row with a normal check-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_ins_in_a_row: Option<u32>,
    /// Calendar days; the day on which the stage begins is the first, unless the next two say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// From which day `days` and `tests_on` count: `stage` (the default), `opening`, or a field of
    /// the fact that opened the episode, such as `fact.arrived_on`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_from: Option<String>,
    /// Whether that day is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<FirstDay>,
    /// Negative tests in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_tests: Option<u32>,
    /// Hours between two tests that count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours_apart: Option<u32>,
    /// Calendar days within which all the tests have to be sampled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_days: Option<u32>,
    /// A negative test for each of these days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests_on: Option<Vec<u32>>,
    /// The method that counts; every one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_method: Option<String>,
    /// A sample counts once it is taken, until its result says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_sampling: bool,
    /// An authority of this level confirms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
    /// A later fact says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<Awaited>,
    /// The places of the fact that opened the episode lie in none of these lists any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area_below: Option<Names>,
}

impl Release {
    /// Without a condition it is only an order's end that ends the stage.
    pub(crate) fn is_empty(&self) -> bool {
        self.days.is_none() && self.area_below.is_none() && !self.needs_somebody()
    }

    /// Whether time alone never meets it: somebody has to do something.
    pub(crate) fn needs_somebody(&self) -> bool {
        self.check_ins_in_a_row.is_some()
            || self.tests().is_some()
            || self.confirmed_by.is_some()
            || self.fact.is_some()
    }

    /// How many negative tests it takes.
    #[must_use]
    pub fn tests(&self) -> Option<u32> {
        self.tests_on.as_ref().map(|days| days.len() as u32).or(self.negative_tests)
    }

    /// Makes the condition on a later fact ready; one that came from the record is not.
    pub(crate) fn prepare(&mut self, scope: impl FnOnce(Kind) -> Scope) -> Result<(), Vec<Diagnostic>> {
        let Some(awaited) = &mut self.fact else { return Ok(()) };
        let Some(kind) = Kind::named(&awaited.on) else { return Ok(()) };
        awaited.expr = Some(Arc::new(compile(&awaited.when, &scope(kind))?));
        Ok(())
    }
}

/// What a release counts, in the order in which it is shown.
#[must_use]
pub fn counted(release: &Release) -> Vec<Counted> {
    let tests = if release.on_sampling { Counted::Samples } else { Counted::Tests };
    [
        (release.check_ins_in_a_row.is_some(), Counted::CheckIns),
        (release.days.is_some(), Counted::Days),
        (release.tests().is_some(), tests),
        (release.confirmed_by.is_some(), Counted::Confirmations),
        (release.fact.is_some(), Counted::Facts),
        (release.area_below.is_some(), Counted::Areas),
    ]
    .into_iter()
    .filter_map(|(there, what)| there.then_some(what))
    .collect()
}

/// What is wrong with a release: texts and what to do.
pub(crate) fn slips(release: &Release, on: Option<Kind>, areas: &Areas) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut wrong = |text: &str, help: String| all.push((text.to_owned(), help));
    let range: Range<u32> = 1..COUNT_MAX + 1;
    let days = release.tests_on.iter().flatten().copied();
    let counts = [release.check_ins_in_a_row, release.days, release.negative_tests, release.within_days];
    if counts.into_iter().flatten().chain(days).any(|n| !range.contains(&n)) {
        wrong("a count in release is out of range", "1 to 366".into());
    }
    if release.hours_apart.is_some_and(|h| h > HOURS_MAX) {
        wrong("hours_apart is out of range", format!("0 to {HOURS_MAX}"));
    }
    if release.hours_apart.is_some() && release.tests().is_none() {
        wrong("hours_apart without negative_tests", "say how many tests".into());
    }
    if release.tests_on.is_some() && release.negative_tests.is_some() {
        wrong("tests_on says how many tests already", "leave negative_tests out".into());
    }
    if let Some(on) = &release.tests_on
        && (on.is_empty() || on.len() > 64 || on.windows(2).any(|w| w[0] >= w[1]))
    {
        wrong("tests_on is a list of days, each later than the one before", "such as [1, 2, 3, 5, 7]".into());
    }
    if release.within_days.is_some() && release.negative_tests.is_none() {
        wrong("within_days without negative_tests", "say how many tests".into());
    }
    if let (Some(days), Some(n)) = (release.within_days, release.negative_tests) {
        let hours = u64::from(n.saturating_sub(1)) * u64::from(release.hours_apart.unwrap_or(0));
        // The first at the first midnight, the last just before the last.
        if hours > 0 && hours >= u64::from(days) * 24 {
            wrong(
                "so many tests so far apart do not fit into within_days",
                format!("within_days = {} or more", hours / 24 + 1),
            );
        }
    }
    if release.tests().is_none() && (release.test_method.is_some() || release.on_sampling) {
        wrong("test_method and on_sampling say how tests count", "say how many tests".into());
    }
    if release.days.is_none()
        && release.tests_on.is_none()
        && (release.days_from.is_some() || release.first_day.is_some())
        && release.tests().is_none()
    {
        wrong("days_from and first_day say how days count", "add days".into());
    }
    if let Some(from) = &release.days_from {
        let field = from.strip_prefix("fact.");
        let day_field = |name: &str| {
            on.is_none_or(|kind| {
                let found = kind.schema().iter().find(|f| f.rules && f.name == name);
                found.is_some_and(|f| matches!(f.ty, Type::Day | Type::Instant))
            })
        };
        if !(from == "stage" || from == "opening" || field.is_some_and(day_field)) {
            let fields: Vec<String> = on
                .map_or(&[][..], Kind::schema)
                .iter()
                .filter(|f| f.rules)
                .filter(|f| matches!(f.ty, Type::Day | Type::Instant))
                .map(|f| format!("fact.{}", f.name))
                .collect();
            wrong("days are not counted from there", format!("one of stage, opening, {}", fields.join(", ")));
        }
    }
    if let Some(level) = &release.confirmed_by {
        let slot = Kind::Confirmation.slot("level").map(|s| Kind::Confirmation.schema()[s].ty);
        if let Some(Type::Choice(levels)) = slot
            && !levels.contains(&level.as_str())
        {
            wrong("no authority of this level", format!("one of {}", levels.join(", ")));
        }
    }
    if let Some(awaited) = &release.fact {
        let readable = |k: &Kind| k.schema().iter().any(|f| f.rules);
        if Kind::named(&awaited.on).filter(readable).is_none() {
            let kinds: Vec<&str> = Kind::ALL.iter().filter(|k| readable(k)).map(|k| k.name()).collect();
            wrong("rules do not look at such facts", format!("one of {}", kinds.join(", ")));
        }
    }
    if let Some(lists) = &release.area_below {
        let unknown: Vec<&str> = lists.iter().filter(|l| !areas.keys().any(|k| k == *l)).collect();
        if !unknown.is_empty() || lists.iter().next().is_none() {
            wrong(
                &format!("area_below: there is no list of areas {}", unknown.join(", ")),
                format!("the lists are {}", areas.keys().collect::<Vec<_>>().join(", ")),
            );
        }
        let place =
            |k: Kind| k.schema().iter().any(|f| f.rules && matches!(f.ty, Type::Division | Type::Divisions));
        if on.is_some_and(|k| !place(k)) {
            wrong("area_below: the fact that opens the episode names no place", "leave it out".into());
        }
    }
    all
}
