//! How long a test worked by itself, whatever else the machine did meanwhile.

use std::time::{Duration, Instant};

/// A watch that runs while this thread is on a processor.
pub struct Worked(Option<Duration>, Instant);

impl Worked {
    pub fn begin() -> Worked {
        Worked(on_processor(), Instant::now())
    }

    pub fn time(&self) -> Duration {
        match (self.0, on_processor()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            // A system that does not tell: time as it passes.
            _ => self.1.elapsed(),
        }
    }
}

/// The first number that Linux counts of a thread, in nanoseconds.
fn on_processor() -> Option<Duration> {
    let counts = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(counts.split(' ').next()?.parse().ok()?))
}
