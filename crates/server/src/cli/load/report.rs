//! Counting, and what is printed.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::mix::Kind;
use super::wire::Answer;

/// The generator kept up if it started 99 of 100 requests no later than this. Timers have a grain
/// of a millisecond.
const LATE_MAX_MS: f64 = 5.0;
/// Longest latency that is told apart.
const LATENCY_MAX_US: u64 = 120_000_000;
/// A run is told in stretches of this many seconds as well: a queue that stands for a while is one
/// thing in the whole and another in its stretch.
const STRETCH_S: u64 = 10;
/// Buckets of the raw histogram in each doubling.
const PER_DOUBLING: f64 = 8.0;

/// Counts of one kind.
#[derive(Debug)]
pub struct Counts {
    latency_us: Histogram<u64>,
    answered: u64,
    refused: BTreeMap<u16, u64>,
    failed: u64,
    body_bytes_max: usize,
    bytes_max: usize,
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).expect("the bounds are in order")
}

impl Counts {
    fn new() -> Counts {
        Counts {
            latency_us: histogram(),
            answered: 0,
            refused: BTreeMap::new(),
            failed: 0,
            body_bytes_max: 0,
            bytes_max: 0,
        }
    }

    fn add(&mut self, other: &Counts) {
        self.latency_us.add(&other.latency_us).expect("all histograms have the same bounds");
        self.answered += other.answered;
        other.refused.iter().for_each(|(status, n)| *self.refused.entry(*status).or_default() += n);
        self.failed += other.failed;
        self.body_bytes_max = self.body_bytes_max.max(other.body_bytes_max);
        self.bytes_max = self.bytes_max.max(other.bytes_max);
    }

    fn json(&self) -> Value {
        let refused: serde_json::Map<String, Value> =
            self.refused.iter().map(|(status, n)| (status.to_string(), (*n).into())).collect();
        json!({
            "answered": self.answered,
            "refused": self.refused.values().sum::<u64>(),
            "refused_by_status": refused,
            "failed": self.failed,
            "body_bytes_max": self.body_bytes_max,
            "bytes_max": self.bytes_max,
            "latency_ms": latency_ms(&self.latency_us),
        })
    }
}

fn latency_ms(us: &Histogram<u64>) -> Value {
    let ms = |q: f64| us.value_at_quantile(q) as f64 / 1000.0;
    json!({ "p50": ms(0.5), "p90": ms(0.9), "p99": ms(0.99), "p999": ms(0.999), "max": us.max() as f64 / 1000.0 })
}

/// Eight buckets for each doubling: `[the largest latency in it, count]`, at most some 220 of them.
fn raw(us: &Histogram<u64>) -> Vec<(u64, u64)> {
    let mut buckets: BTreeMap<u32, u64> = BTreeMap::new();
    for value in us.iter_recorded() {
        let at = ((value.value_iterated_to().max(1) as f64).log2() * PER_DOUBLING).ceil() as u32;
        *buckets.entry(at).or_default() += value.count_at_value();
    }
    buckets.into_iter().map(|(at, n)| ((f64::from(at) / PER_DOUBLING).exp2().floor() as u64, n)).collect()
}

/// What was answered in some seconds of a run.
#[derive(Debug)]
struct Stretch {
    from_s: u64,
    latency_us: Histogram<u64>,
}

impl Stretch {
    fn json(&self) -> Value {
        let latency = latency_ms(&self.latency_us);
        json!({ "from_s": self.from_s, "answered": self.latency_us.len(), "latency_ms": latency })
    }
}

/// A run's counts.
#[derive(Debug)]
pub struct Report {
    kinds: BTreeMap<Kind, Counts>,
    late_us: Histogram<u64>,
    /// Those that are over.
    stretches: Vec<Value>,
    /// The one that runs.
    stretch: Stretch,
}

/// What a run was.
#[derive(Debug)]
pub struct Run {
    /// As it is named on the command line.
    pub profile: String,
    /// Arrivals a second, as asked for.
    pub rate: f64,
    /// From the first due arrival to the last answer.
    pub took: Duration,
    /// Processor time of the generator.
    pub busy: Option<Duration>,
    /// Arrivals that found no free connection and were dropped.
    pub dropped: u64,
    /// Connections.
    pub connections: usize,
    /// Nodes.
    pub nodes: Vec<String>,
}

impl Report {
    /// Nothing yet.
    pub fn new() -> Report {
        let stretch = Stretch { from_s: 0, latency_us: histogram() };
        Report { kinds: BTreeMap::new(), late_us: histogram(), stretches: Vec::new(), stretch }
    }

    fn counts(&mut self, kind: Kind) -> &mut Counts {
        self.kinds.entry(kind).or_insert_with(Counts::new)
    }

    /// An answer, so long after the start of the run; its latency counts from the intended start. That
    /// of a refusal does not count.
    pub fn answer(&mut self, kind: Kind, answer: Answer, elapsed: Duration, latency: Duration) {
        let from_s = elapsed.as_secs() / STRETCH_S * STRETCH_S;
        if from_s > self.stretch.from_s {
            self.stretches.push(self.stretch.json());
            self.stretch.from_s = from_s;
            self.stretch.latency_us.reset();
        }
        if (200..300).contains(&answer.status) {
            self.stretch.latency_us.saturating_record(latency.as_micros() as u64);
        }
        let counts = self.counts(kind);
        if (200..300).contains(&answer.status) {
            counts.answered += 1;
            counts.body_bytes_max = counts.body_bytes_max.max(answer.body_bytes);
            counts.bytes_max = counts.bytes_max.max(answer.head_bytes + answer.body_bytes);
            counts.latency_us.saturating_record(latency.as_micros() as u64);
        } else {
            *counts.refused.entry(answer.status).or_default() += 1;
        }
    }

    /// No answer.
    pub fn failure(&mut self, kind: Kind) {
        self.counts(kind).failed += 1;
    }

    /// How late the generator itself was: to start a request for which a connection was free, or
    /// to wake up at all.
    pub fn late(&mut self, by: Duration) {
        self.late_us.saturating_record(by.as_micros() as u64);
    }

    fn sum(&self) -> Counts {
        let mut sum = Counts::new();
        self.kinds.values().for_each(|counts| sum.add(counts));
        sum
    }

    /// Whether every request was answered or refused.
    pub fn all_came_back(&self) -> bool {
        self.kinds.values().all(|counts| counts.failed == 0)
    }

    fn late_ms(&self) -> f64 {
        self.late_us.value_at_quantile(0.99) as f64 / 1000.0
    }

    /// All of it.
    pub fn json(&self, run: &Run) -> Value {
        let sum = self.sum();
        let s = run.took.as_secs_f64().max(1e-9);
        let sent = sum.answered + sum.refused.values().sum::<u64>() + sum.failed;
        let kinds: serde_json::Map<String, Value> =
            self.kinds.iter().map(|(kind, counts)| (kind.name().to_owned(), counts.json())).collect();
        let mut all = sum.json();
        let more = json!({
            "profile": run.profile, "rate": run.rate, "seconds": s, "sent": sent, "dropped": run.dropped,
            "per_s": sum.answered as f64 / s, "sent_per_s": sent as f64 / s,
            "connections": run.connections, "nodes": run.nodes, "kinds": kinds,
            "histogram": raw(&sum.latency_us),
            "stretches": self.stretches.iter().cloned().chain([self.stretch.json()]).collect::<Vec<_>>(),
            "generator_late_ms": self.late_ms(),
            "generator_cpu": run.busy.map(|busy| busy.as_secs_f64() / s),
            "generator_kept_up": self.late_ms() <= LATE_MAX_MS,
        });
        if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
            all.extend(more);
        }
        all
    }

    /// For people.
    pub fn print(&self, run: &Run) {
        let all = self.json(run);
        let n = |name: &str| all[name].as_f64().unwrap_or(0.0);
        println!(
            "{:.0}/s answered of {:.0}/s; {} refused, {} failed, {} dropped",
            n("per_s"),
            run.rate,
            all["refused"],
            all["failed"],
            run.dropped
        );
        for (kind, counts) in all["kinds"].as_object().into_iter().flatten() {
            let ms = |q: &str| counts["latency_ms"][q].as_f64().unwrap_or(0.0);
            println!(
                "{kind:12} {} answered, refused {}, {} failed; p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, \
                 p99.9 {:.2} ms, max {:.2} ms; at most {} bytes, head included",
                counts["answered"],
                counts["refused_by_status"],
                counts["failed"],
                ms("p50"),
                ms("p90"),
                ms("p99"),
                ms("p999"),
                ms("max"),
                counts["bytes_max"],
            );
        }
        if self.late_ms() > LATE_MAX_MS {
            println!(
                "The generator did not keep up: it was {:.1} ms late (p99). Latencies hold its own delay; \
                 lower the rate or give it a core of its own.",
                self.late_ms()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(1);

    fn answer(status: u16) -> Answer {
        Answer { status, body_bytes: 100, head_bytes: 50, close: false }
    }

    fn run() -> Run {
        Run {
            profile: "code".into(),
            rate: 100.0,
            took: Duration::from_secs(2),
            busy: Some(Duration::from_secs(1)),
            dropped: 3,
            connections: 4,
            nodes: vec!["127.0.0.1:1".into()],
        }
    }

    #[test]
    fn refusals_are_counted_by_status_and_have_no_latency() {
        let mut report = Report::new();
        (0..10).for_each(|_| report.answer(Kind::Code, answer(200), SOON, Duration::from_millis(2)));
        report.answer(Kind::Code, answer(503), SOON, Duration::from_secs(9));
        report.answer(Kind::Declaration, answer(429), SOON, Duration::from_secs(9));
        report.failure(Kind::Declaration);
        let all = report.json(&run());
        assert_eq!((&all["answered"], &all["refused"], &all["failed"]), (&json!(10), &json!(2), &json!(1)));
        assert_eq!(all["refused_by_status"], json!({ "429": 1, "503": 1 }));
        assert_eq!(all["kinds"]["code"]["refused_by_status"], json!({ "503": 1 }));
        assert_eq!((all["per_s"].as_f64(), all["sent"].as_u64()), (Some(5.0), Some(13)));
        assert!(all["latency_ms"]["max"].as_f64().unwrap() < 2.1);
        assert!(!report.all_came_back());
    }

    #[test]
    fn the_raw_histogram_is_small_holds_everything_and_is_right_to_a_tenth() {
        let mut report = Report::new();
        let mut state = 1_u64;
        for _ in 0..50_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let us = 2_f64.powf((state >> 40) as f64 / f64::from(1 << 24) * 26.0);
            report.answer(Kind::Code, answer(200), SOON, Duration::from_micros(us as u64));
        }
        let all = report.json(&run());
        let buckets: Vec<(u64, u64)> = serde_json::from_value(all["histogram"].clone()).unwrap();
        assert!(buckets.len() <= 220, "{}", buckets.len());
        assert_eq!(buckets.iter().map(|(_, n)| n).sum::<u64>(), 50_000);
        assert!(buckets.windows(2).all(|w| w[0].0 < w[1].0));
        let mut below = 0;
        let half = buckets.iter().find(|(_, n)| {
            below += n;
            below >= 25_000
        });
        let (p50, half) = (all["latency_ms"]["p50"].as_f64().unwrap() * 1000.0, half.unwrap().0 as f64);
        assert!((0.9..1.12).contains(&(half / p50)), "{half} µs against {p50} µs");
    }

    #[test]
    fn a_slow_stretch_is_told_by_itself() {
        let mut report = Report::new();
        for s in 0..35_u64 {
            let latency = Duration::from_millis(if s / 10 == 2 { 900 } else { 3 });
            report.answer(Kind::Code, answer(200), Duration::from_secs(s), latency);
        }
        report.answer(Kind::Code, answer(503), Duration::from_secs(35), Duration::from_secs(9));
        let all = report.json(&run());
        let told: Vec<(u64, u64, bool)> = all["stretches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let slow = one["latency_ms"]["p50"].as_f64().unwrap() > 800.0;
                (one["from_s"].as_u64().unwrap(), one["answered"].as_u64().unwrap(), slow)
            })
            .collect();
        assert_eq!(told, [(0, 10, false), (10, 10, false), (20, 10, true), (30, 5, false)]);
    }

    #[test]
    fn a_generator_that_lags_says_so() {
        let mut report = Report::new();
        (0..95).for_each(|_| report.late(Duration::from_micros(300)));
        assert_eq!(report.json(&run())["generator_kept_up"], true);
        (0..5).for_each(|_| report.late(Duration::from_millis(40)));
        let all = report.json(&run());
        assert_eq!(all["generator_kept_up"], false);
        assert!(all["generator_late_ms"].as_f64().unwrap() >= 39.0);
    }
}
