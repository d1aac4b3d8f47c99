//! Lapses (过期): a duty that has to be done again within a time, such as the check-in that keeps
//! a green code. A duty missed by its due instant is a lapse, not missing data: it opens what the
//! rule says, or makes the code grey.

use serde::Deserialize;

use crate::fact::Kind;
use crate::id::FactId;
use crate::rules::release::{COUNT_MAX, FirstDay};
use crate::time::{Day, Instant, Zone};

/// When a duty is missed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LapseToml {
    /// Calendar days for which it holds.
    #[serde(default)]
    pub days: Option<u32>,
    /// Or hours.
    #[serde(default)]
    pub hours: Option<u32>,
    /// Whether the day on which it was done is the first.
    #[serde(default)]
    pub first_day: FirstDay,
    /// Kinds of facts that do it as well, whatever they say.
    #[serde(default)]
    pub also: Vec<String>,
    /// The day from which the duty exists; that of the pack without it.
    #[serde(default)]
    pub since: Option<Day>,
}

/// A duty of a loaded pack.
#[derive(Clone, Debug, PartialEq)]
pub struct Lapse {
    span: Span,
    /// Kinds of facts that do it as well.
    pub also: Vec<Kind>,
    /// The instant from which the duty exists.
    pub since: Instant,
}

/// For how long a duty holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Until the start of the day that is so many days after the one on which it was done.
    Days(i32),
    /// So many seconds.
    Seconds(i64),
}

impl LapseToml {
    /// Checked, or what is wrong and what to do.
    pub(crate) fn load(&self, zone: &Zone, effective: Instant) -> Result<Lapse, (String, String)> {
        let wrong = |text: &str, help: &str| Err((text.to_owned(), help.to_owned()));
        let span = match (self.days, self.hours) {
            (Some(n), None) if (1..=COUNT_MAX).contains(&n) => {
                Span::Days(n as i32 + self.first_day.skipped())
            }
            (None, Some(h)) if (1..=24 * COUNT_MAX).contains(&h) => Span::Seconds(i64::from(h) * 3600),
            (Some(_), Some(_)) | (None, None) => {
                return wrong("a lapse is after days or after hours", "such as lapse = { days = 3 }");
            }
            _ => return wrong("a lapse's days or hours are out of range", "1 to 366 days"),
        };
        if self.hours.is_some() && self.first_day == FirstDay::Next {
            return wrong("first_day says how days count", "say days, or leave first_day out");
        }
        let mut also = Vec::new();
        for name in &self.also {
            match Kind::named(name).filter(|k| k.may_open()) {
                Some(kind) => also.push(kind),
                None => return wrong(&format!("a {name} does no duty"), "such as also = [\"declaration\"]"),
            }
        }
        let since = self.since.map_or(effective, |day| zone.start_of(day));
        Ok(Lapse { span, also, since })
    }
}

impl Lapse {
    /// For how long the duty holds.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// The same in whole days.
    #[must_use]
    pub fn days(&self) -> u32 {
        match self.span {
            Span::Days(n) => u32::try_from(n).unwrap_or(0),
            Span::Seconds(s) => u32::try_from(s.div_euclid(86_400) + 1).unwrap_or(0),
        }
    }

    /// When the duty is missed, last done at `at`.
    #[must_use]
    pub fn due(&self, zone: &Zone, at: Instant) -> Instant {
        let at = at.max(self.since);
        match self.span {
            Span::Days(n) => zone.start_of(zone.day_of(at).plus(n)),
            Span::Seconds(s) => at.plus_s(s),
        }
    }
}

/// Until when a green code lasts, and which rule says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lasts {
    /// The rule.
    pub rule: Box<str>,
    /// The instant at which it lapses.
    pub until: Instant,
}

/// A green code that has run out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expired {
    /// The rule.
    pub rule: Box<str>,
    /// Since when.
    pub since: Instant,
    /// The fact that last did the duty.
    pub last: FactId,
}
