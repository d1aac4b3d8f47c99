//! Tests as a release counts them: samples far enough apart, within a window, or one for each day
//! of a schedule; as soon as a sample is taken, or once its result is known.

use crate::fact::{Fact, Value};
use crate::rules::decide::{Span, text_of};
use crate::rules::release::Release;
use crate::time::{Day, Instant, Now, Zone};

/// Most samples that are looked at for one release: the last ones.
const SAMPLES_MAX: usize = 512;

/// How far the tests of a release have come.
pub(crate) struct Tests {
    pub done: u32,
    /// When they were enough: a positive test ends a span.
    pub spans: Vec<Span>,
    /// The first day on which the next can count.
    pub next: Option<Day>,
}

/// What is asked of tests.
pub(crate) struct Asked<'a> {
    pub release: &'a Release,
    pub of: u32,
    /// Day 1 of a schedule.
    pub first: Day,
    /// Samples from before do not count.
    pub from: Instant,
    pub zone: &'a Zone,
}

/// A sample: when it was taken, and its number in the laboratory.
#[derive(Clone, Copy)]
struct Sample<'a> {
    at: Instant,
    reference: Option<&'a str>,
}

/// Reads tests in the order in which they became known.
pub(crate) fn follow<'a>(asked: &Asked<'_>, tests: &[&'a Fact], now: &Now) -> Tests {
    let release = asked.release;
    let mut samples: Vec<Sample<'a>> = Vec::new();
    let mut spans: Vec<Span> = Vec::new();
    // When the last sample was taken that was positive: what was taken before says nothing any more.
    let mut positive: Option<Instant> = None;
    for test in tests {
        let at = match test.get("sampled_at") {
            Value::Instant(at) => (*at).min(test.happened),
            _ => test.happened,
        };
        let result = text_of(test, "result");
        if result == Some("positive") && test.happened >= asked.from {
            samples.clear();
            positive = positive.max(Some(at));
            if let Some((_, until @ None)) = spans.last_mut() {
                *until = Some(test.happened);
            }
            continue;
        }
        let counts = result == Some("negative") || release.on_sampling && result == Some("pending");
        let method = release.test_method.as_deref();
        let wanted = method.is_none_or(|m| text_of(test, "method") == Some(m));
        if !counts || !wanted || at < asked.from || positive.is_some_and(|p| at <= p) {
            continue;
        }
        let sample = Sample { at, reference: text_of(test, "reference") };
        let same = |s: &Sample<'_>| s.at == at || s.reference.is_some() && s.reference == sample.reference;
        if samples.iter().any(same) {
            continue;
        }
        samples.insert(samples.partition_point(|s| s.at < at), sample);
        if samples.len() > SAMPLES_MAX {
            samples.remove(0);
        }
        let enough = spans.last().is_some_and(|(_, until)| until.is_none());
        if !enough && asked.longest(&samples) >= asked.of {
            spans.push((test.happened, None));
        }
    }
    if spans.last().is_some_and(|(_, until)| until.is_none()) {
        return Tests { done: asked.of, spans, next: None };
    }
    // What can still be completed: what has left the window by today cannot.
    if let (Some(days), false) = (release.within_days, samples.is_empty()) {
        let oldest = now.today(asked.zone).plus(1 - days as i32);
        samples.retain(|s| asked.zone.day_of(s.at) >= oldest);
    }
    let (done, last) = asked.in_a_row(samples.iter());
    let next = match (&release.tests_on, last) {
        (Some(on), last) => on.get(done as usize).map(|n| {
            let after = last.map(|at| asked.zone.day_of(at).plus(1));
            let due = asked.scheduled(*n).max(after.unwrap_or(Day(i32::MIN)));
            due.max(now.today(asked.zone))
        }),
        (None, Some(last)) if asked.apart_s() > 0 => Some(asked.zone.day_of(last.plus_s(asked.apart_s()))),
        _ => None,
    };
    Tests { done: done.min(asked.of), spans, next }
}

impl Asked<'_> {
    fn apart_s(&self) -> i64 {
        i64::from(self.release.hours_apart.unwrap_or(0)) * 3600
    }

    fn scheduled(&self, day: u32) -> Day {
        self.first.plus(day as i32 - 1)
    }

    /// How many samples count, taken from the first on, and when the last of them was taken. One of
    /// a schedule counts on its day or, where that was missed, on a later one; one a day.
    fn in_a_row<'s, 'f: 's>(&self, samples: impl Iterator<Item = &'s Sample<'f>>) -> (u32, Option<Instant>) {
        let apart_s = self.apart_s();
        let (mut done, mut last) = (0_u32, None::<Instant>);
        for sample in samples {
            if done >= self.of {
                break;
            }
            let apart = last.is_none_or(|l| sample.at.0.saturating_sub(l.0) >= apart_s);
            let due = self.release.tests_on.as_ref().is_none_or(|on| {
                let day = self.zone.day_of(sample.at);
                let another = last.is_none_or(|l| self.zone.day_of(l) < day);
                another && on.get(done as usize).is_some_and(|n| day >= self.scheduled(*n))
            });
            if apart && due {
                (done, last) = (done + 1, Some(sample.at));
            }
        }
        (done, last)
    }

    /// The longest row there is, within the window where there is one.
    fn longest(&self, samples: &[Sample<'_>]) -> u32 {
        let Some(days) = self.release.within_days else { return self.in_a_row(samples.iter()).0 };
        let apart_s = self.apart_s();
        let mut longest = 0;
        for end in (0..samples.len()).rev() {
            // Backwards from the last, each as late as it can be: then the first is as late as it can be.
            let oldest = self.zone.day_of(samples[end].at).plus(1 - days as i32);
            let (mut done, mut next) = (1, samples[end].at);
            for sample in samples[..end].iter().rev() {
                if done >= self.of || self.zone.day_of(sample.at) < oldest {
                    break;
                }
                if next.0.saturating_sub(sample.at.0) >= apart_s {
                    (done, next) = (done + 1, sample.at);
                }
            }
            longest = longest.max(done);
            if longest >= self.of {
                break;
            }
        }
        longest
    }
}
