//! When each request is due. Open loop: arrivals come at a constant rate whatever the answers do.

use std::cell::Cell;
use std::time::Duration;

use super::mix::{Ask, Mix};

/// An arrival counts as met by a free connection if one takes it up within this.
pub const GRACE: Duration = Duration::from_millis(5);

/// The arrivals of a run, shared out to the nodes' connections.
#[derive(Debug)]
pub struct Plan {
    mix: Mix,
    rate: f64,
    all: u64,
    drop: bool,
    /// For each node, the next arrival to look at.
    next: Vec<Cell<u64>>,
    dropped: Cell<u64>,
}

impl Plan {
    /// `rate` arrivals a second for `run`, over some nodes. With `drop` an arrival that found all
    /// connections busy is dropped; otherwise it waits for one.
    pub fn new(mix: Mix, rate: f64, run: Duration, nodes: usize, drop: bool) -> Plan {
        let all = (rate * run.as_secs_f64()).round() as u64;
        let next = (0..nodes.max(1)).map(|_| Cell::new(0)).collect();
        Plan { mix, rate, all, drop, next, dropped: Cell::new(0) }
    }

    /// How many arrivals there are.
    pub fn all(&self) -> u64 {
        self.all
    }

    /// When arrival `i` is due, from the start.
    pub fn due(&self, i: u64) -> Duration {
        Duration::from_secs_f64(i as f64 / self.rate)
    }

    /// Takes up the next arrival of a node; `elapsed` is the time since the start.
    pub fn take(&self, node: usize, elapsed: Duration) -> Option<(Duration, Ask)> {
        let next = &self.next[node];
        loop {
            let i = next.get();
            if i >= self.all {
                return None;
            }
            next.set(i + 1);
            let ask = self.mix.ask(i);
            if Mix::node(&ask, self.next.len()) != node {
                continue;
            }
            let due = self.due(i);
            if self.drop && due + GRACE < elapsed {
                self.dropped.set(self.dropped.get() + 1);
                continue;
            }
            return Some((due, ask));
        }
    }

    /// Arrivals that found no free connection.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;

    fn plan(rate: f64, s: u64, nodes: usize, drop: bool) -> Plan {
        let mix = Mix::new(Profile::Code, 1_000, 0, 0, rate);
        Plan::new(mix, rate, Duration::from_secs(s), nodes, drop)
    }

    #[test]
    fn arrivals_are_evenly_spaced_and_as_many_as_asked_for() {
        let plan = plan(250.0, 4, 1, false);
        let mut due = Vec::new();
        while let Some((at, _)) = plan.take(0, Duration::ZERO) {
            due.push(at);
        }
        assert_eq!((due.len() as u64, plan.all()), (1_000, 1_000));
        assert_eq!(due[0], Duration::ZERO);
        assert!(due.windows(2).all(|w| w[1] - w[0] == Duration::from_millis(4)));
    }

    #[test]
    fn a_late_connection_takes_up_what_is_due_with_its_intended_start() {
        let plan = plan(100.0, 10, 1, false);
        let (due, _) = plan.take(0, Duration::from_secs(5)).unwrap();
        assert_eq!(due, Duration::ZERO, "the wait counts in the latency");
        assert_eq!(plan.dropped(), 0);
    }

    #[test]
    fn or_drops_what_found_no_connection_and_counts_it() {
        let plan = plan(100.0, 10, 1, true);
        let (due, _) = plan.take(0, Duration::from_secs(5)).unwrap();
        assert!(due + GRACE >= Duration::from_secs(5), "{due:?}");
        assert_eq!(plan.dropped(), 500);
        assert!(plan.take(0, Duration::from_secs(60)).is_none());
        assert_eq!(plan.dropped(), 999, "all but the one that was taken up");
    }

    #[test]
    fn nodes_share_the_arrivals_and_none_is_lost() {
        let plan = plan(1_000.0, 1, 3, false);
        let mut taken = 0;
        for node in 0..3 {
            while let Some((_, ask)) = plan.take(node, Duration::ZERO) {
                assert_eq!(Mix::node(&ask, 3), node);
                taken += 1;
            }
        }
        assert_eq!(taken, 1_000);
    }
}
