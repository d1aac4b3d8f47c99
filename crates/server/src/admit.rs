//! Who comes in when there is not room for all: one number of places for all requests, and for
//! each class of routes the longest time that a request may queue for one.
//!
//! Under overload the queue grows until the class that waits shortest is refused, then the next:
//! exports, dashboards, appeals, declarations, and one's own code last. That order is nowhere
//! decided; it follows from the five times. A request that is refused was not begun: its body is
//! not read and nothing of it is kept.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::Problem;

/// What a route is to the people who wait for it, the first to be refused first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Files for offices.
    Export,
    /// Counts for offices.
    Dashboard,
    /// Appeals, and the reviewers' desk.
    Appeal,
    /// Declarations, check-ins, and the log-ins that come before them.
    Declaration,
    /// One's own code, scans, and what they need.
    Code,
}

impl Class {
    /// All, the first to be refused first.
    pub const ALL: [Class; 5] =
        [Class::Export, Class::Dashboard, Class::Appeal, Class::Declaration, Class::Code];

    /// The longest time that a request may queue.
    pub const fn patience(self) -> Duration {
        Duration::from_millis(match self {
            Class::Export => 10,
            Class::Dashboard => 25,
            Class::Appeal => 50,
            Class::Declaration => 100,
            Class::Code => 250,
        })
    }

    /// As metrics name it.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Export => "export",
            Class::Dashboard => "dashboard",
            Class::Appeal => "appeal",
            Class::Declaration => "declaration",
            Class::Code => "code",
        }
    }
}

/// How often the gate looks how long its own requests queue.
const LOOK: Duration = Duration::from_millis(5);
/// Only the least of this time's looks counts, and of at least so many: a queue that stands, and
/// not the moment in which a busy machine let this process wait (the idea of CoDel, RFC 8289).
const STANDS: Duration = Duration::from_millis(100);
const LOOKS_MIN: usize = 3;

/// The places, and how late requests are when they come to the gate.
#[derive(Debug)]
pub struct Gate {
    places: Semaphore,
    all: usize,
    late_us: AtomicU64,
    leaving: AtomicBool,
}

impl Gate {
    /// A gate with this many places, at least one.
    pub fn new(places: usize) -> Gate {
        let all = places.clamp(1, Semaphore::MAX_PERMITS);
        Gate { places: Semaphore::new(all), all, late_us: AtomicU64::new(0), leaving: AtomicBool::new(false) }
    }

    /// A place, or none within the class's time. What counts as queueing is the wait for a place
    /// and how late requests come to the gate: where answers are made without waiting for
    /// anything, requests queue for a processor, before anybody here sees them, and never for a
    /// place.
    pub async fn enter(&self, class: Class) -> Option<SemaphorePermit<'_>> {
        let left = class.patience().checked_sub(self.late())?;
        if let Ok(place) = self.places.try_acquire() {
            return Some(place);
        }
        tokio::time::timeout(left, self.places.acquire()).await.ok()?.ok()
    }

    /// How many requests may be inside.
    pub fn places(&self) -> usize {
        self.all
    }

    /// How many requests are inside.
    pub fn inside(&self) -> usize {
        self.all - self.places.available_permits()
    }

    /// How late requests come to the gate.
    pub fn late(&self) -> Duration {
        Duration::from_micros(self.late_us.load(Ordering::Relaxed))
    }

    /// Looks for ever how late requests come: sends itself a byte through the system, which queues
    /// with the bytes of all connections.
    pub async fn look(&self) -> std::io::Result<()> {
        let seconds = metrics::histogram!("kangma_late_seconds");
        let (mut here, mut there) = tokio::net::UnixStream::pair()?;
        let mut looks = Looks::default();
        // More room than the byte takes: only then the next read waits for the system to wake it.
        let mut room = [0; 8];
        loop {
            tokio::time::sleep(LOOK).await;
            let sent = Instant::now();
            here.write_all(&[0]).await?;
            if there.read(&mut room).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let late = sent.elapsed();
            seconds.record(late);
            self.late_us.store(us(looks.note(sent + late, late)), Ordering::Relaxed);
        }
    }

    /// From now on this process tells balancers that it leaves.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether it leaves.
    pub fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }
}

fn us(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

/// The looks that count: at most twenty, as long as one is made each [`LOOK`].
#[derive(Default)]
struct Looks(VecDeque<(Instant, Duration)>);

impl Looks {
    /// Adds a look that ended at `at`, and returns the least that still counts.
    fn note(&mut self, at: Instant, late: Duration) -> Duration {
        self.0.push_back((at, late));
        while self.0.len() > LOOKS_MIN && at.saturating_duration_since(self.0[0].0) >= STANDS {
            self.0.pop_front();
        }
        self.0.iter().map(|(_, late)| *late).min().unwrap_or_default()
    }
}

/// 503: nobody found room. `retry_after_s` differs between the refused, so that they do not come
/// back together.
pub fn overloaded(retry_after_s: u32) -> Problem {
    Problem {
        retry_after_s: Some(retry_after_s),
        ..Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "service.overloaded",
            format!(
                "现在使用的人太多，请在 {retry_after_s} 秒后再试。已显示的健康码在有效期内照常使用，已提交的内容不会丢失。"
            ),
            format!(
                "Too many people are using the service. Please try again in {retry_after_s} seconds. A code on your screen stays good until it runs out, and what was accepted is safe."
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_after(waits: &[(Class, bool)]) -> Vec<&'static str> {
        waits.iter().filter(|(_, inside)| !inside).map(|(class, _)| class.name()).collect()
    }

    /// Every class asks for a place at once, and a place for each becomes free after `queue_ms`.
    async fn ask_all(gate: &Gate, queue_ms: u64) -> Vec<(Class, bool)> {
        let taken = gate.places.acquire_many(u32::try_from(gate.all).unwrap()).await.unwrap();
        let free = async {
            tokio::time::sleep(Duration::from_millis(queue_ms)).await;
            drop(taken);
        };
        let ask = |class| async move { (class, gate.enter(class).await.is_some()) };
        let [a, b, c, d, e] = Class::ALL.map(ask);
        let (a, b, c, d, e, ()) = tokio::join!(a, b, c, d, e, free);
        vec![a, b, c, d, e]
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_the_queue_the_more_classes_are_refused_and_codes_last() {
        let gate = Gate::new(5);
        let order = ["export", "dashboard", "appeal", "declaration", "code"];
        for (queue_ms, n) in [(5, 0), (15, 1), (30, 2), (70, 3), (150, 4), (300, 5)] {
            let waits = ask_all(&gate, queue_ms).await;
            assert_eq!(refused_after(&waits), order[..n], "a queue of {queue_ms} ms");
            assert_eq!(gate.inside(), 0, "who came in has left, and who did not holds nothing");
        }
        assert_eq!(refused_after(&ask_all(&gate, 0).await), [""; 0], "all pass again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_process_refuses_in_the_same_order_though_places_are_free() {
        let gate = Gate::new(5);
        for (late_ms, n) in [(0, 0), (15, 1), (30, 2), (70, 3), (150, 4), (300, 5)] {
            gate.late_us.store(late_ms * 1000, Ordering::Relaxed);
            for (i, class) in Class::ALL.into_iter().enumerate() {
                assert_eq!(gate.enter(class).await.is_none(), i < n, "{class:?}, {late_ms} ms late");
            }
        }
    }

    #[test]
    fn one_bad_moment_is_no_queue_and_a_queue_is_gone_with_the_first_look_that_is_in_time() {
        let (began, ms) = (Instant::now(), Duration::from_millis);
        let mut looks = Looks::default();
        let mut note = |at, late| looks.note(began + ms(at), ms(late)).as_millis();
        assert_eq!(
            (note(5, 1), note(10, 1), note(160, 145), note(320, 150)),
            (1, 1, 1, 1),
            "two bad moments"
        );
        assert_eq!((note(325, 1), note(330, 1)), (1, 1));
        // A queue of 60 ms that stands is known with the third look that met it.
        assert_eq!((note(395, 60), note(460, 60), note(525, 60)), (1, 1, 60));
        assert_eq!(note(535, 2), 2);
    }

    #[tokio::test]
    async fn the_gate_notices_a_queue_that_stands_and_that_it_is_gone() {
        let gate = std::sync::Arc::new(Gate::new(1));
        let looker = tokio::spawn({
            let gate = std::sync::Arc::clone(&gate);
            async move { gate.look().await }
        });
        let work = async {
            // 40 ms of work stand between the sending of a look's byte and its arrival.
            while gate.late() < Duration::from_millis(20) {
                std::thread::sleep(Duration::from_millis(40));
                tokio::task::yield_now().await;
            }
            while gate.late() > Duration::from_millis(10) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), work).await.expect("both are noticed");
        looker.abort();
    }
}
