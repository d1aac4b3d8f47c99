//! What is asked, and by whom: request `i` of a profile is always the same one.

use std::net::Ipv4Addr;

use super::Profile;
use crate::cli::people::spread;

/// What one request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `GET /livez`.
    Livez,
    /// `GET /`, as a browser that takes Brotli.
    Page,
    /// One of the files that the page names.
    Asset,
    /// `GET /api/v1/site`.
    Site,
    /// `GET /api/v1/declaration-form`.
    Form,
    /// `POST /api/v1/declarations`.
    Declaration,
    /// `GET /api/v1/me/code`.
    Code,
    /// `POST /api/v1/me/check-ins`.
    CheckIn,
    /// `POST /api/v1/scans`.
    Scan,
}

impl Kind {
    /// As the report names it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Livez => "livez",
            Kind::Page => "page",
            Kind::Asset => "asset",
            Kind::Site => "site",
            Kind::Form => "form",
            Kind::Declaration => "declaration",
            Kind::Code => "code",
            Kind::CheckIn => "check_in",
            Kind::Scan => "scan",
        }
    }
}

/// A request of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What.
    pub kind: Kind,
    /// How many of this kind came before it.
    pub nth: u64,
    /// Which made-up resident asks; for a visit or a scan, which visitor or gate.
    pub who: u64,
}

/// A profile's mix over a population.
#[derive(Clone, Debug)]
pub struct Mix {
    shares: Vec<(Kind, u64)>,
    total: u64,
    clustered: bool,
    first: bool,
    people: u64,
    /// From one resident to the next; shares no divisor with their number.
    step: u64,
    newcomers: u64,
    /// Readers in two minutes: whoever reads again is one of them.
    recent: u64,
}

/// The permutation of a cycle; no cycle's length is a multiple of this prime.
const STRIDE: u64 = 7_919;
/// On the first day a code is read this many declarations after its own.
const READ_AFTER: u64 = 100;

impl Mix {
    /// `assets` is how many files the page names; `rate` is in requests a second.
    pub fn new(profile: Profile, people: u64, newcomers: u64, assets: u64, rate: f64) -> Mix {
        let shares = match profile {
            Profile::Livez => vec![(Kind::Livez, 1)],
            Profile::Code => vec![(Kind::Code, 1)],
            Profile::Declare => vec![(Kind::Declaration, 1)],
            Profile::Mixed => vec![(Kind::Code, 95), (Kind::Declaration, 5)],
            // 204 million codes shown and 19 million scans on Sichuan's day of 4 September 2022; the
            // share of check-ins is ours.
            Profile::Commute => vec![(Kind::Code, 905), (Kind::Scan, 85), (Kind::CheckIn, 10)],
            // 10 million visits and 1.3 million applications on Hangzhou's first day.
            Profile::LaunchDay => vec![
                (Kind::Page, 100),
                (Kind::Asset, 100 * assets),
                (Kind::Site, 100),
                (Kind::Form, 13),
                (Kind::Declaration, 13),
                (Kind::Code, 13),
            ],
        };
        let total = shares.iter().map(|(_, n)| n).sum();
        let clustered = profile == Profile::Commute;
        let first = profile == Profile::LaunchDay;
        let recent = ((rate * 60.0) as u64).max(1);
        let people = people.max(1);
        let golden = (people as f64 * 0.618) as u64;
        let step = (golden..).find(|step| divisor(*step, people) == 1).unwrap_or(1);
        Mix { shares, total, clustered, first, people, step, newcomers, recent }
    }

    /// Request `i`.
    pub fn ask(&self, i: u64) -> Ask {
        let mut at = (i % self.total) * STRIDE % self.total;
        let cycle = i / self.total;
        for &(kind, share) in &self.shares {
            if at < share {
                let nth = cycle * share + at;
                return Ask { kind, nth, who: self.who(kind, nth) };
            }
            at -= share;
        }
        unreachable!("the shares add up to the total")
    }

    fn who(&self, kind: Kind, nth: u64) -> u64 {
        match kind {
            Kind::Declaration if self.first => self.newcomer(nth),
            Kind::Code if self.first => self.newcomer(nth.saturating_sub(READ_AFTER)),
            Kind::Code if self.clustered => {
                // Every other read is a second one of somebody who read in the last two minutes.
                let reader = nth / 2;
                let back = if nth % 2 == 1 { 1 + spread(nth, 11) % self.recent } else { 0 };
                self.resident(reader.saturating_sub(back))
            }
            Kind::Code | Kind::Declaration => self.resident(nth),
            Kind::CheckIn => self.resident(spread(nth, 12)),
            Kind::Livez | Kind::Page | Kind::Asset | Kind::Site | Kind::Form | Kind::Scan => nth,
        }
    }

    /// Each in turn, in no order that a cache would like.
    fn resident(&self, n: u64) -> u64 {
        (u128::from(n) * u128::from(self.step) % u128::from(self.people)) as u64
    }

    fn newcomer(&self, n: u64) -> u64 {
        self.people + n % self.newcomers.max(1)
    }

    /// The node that a balancer with affinity by person picks.
    pub fn node(ask: &Ask, nodes: usize) -> usize {
        if nodes < 2 { 0 } else { (spread(ask.who, 13) % nodes as u64) as usize }
    }

    /// The address of a gate, as a proxy would hand it on: 200 scans each.
    pub fn gate(nth: u64) -> Ipv4Addr {
        Ipv4Addr::from_bits(0x0a00_0000 | ((nth / 200) as u32 & 0x00ff_ffff))
    }
}

/// The greatest common divisor.
fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    fn counts(profile: Profile, n: u64) -> BTreeMap<Kind, u64> {
        let mix = Mix::new(profile, 10_000, 1_000, 3, 100.0);
        let mut counts = BTreeMap::new();
        (0..n).for_each(|i| *counts.entry(mix.ask(i).kind).or_default() += 1);
        counts
    }

    #[test]
    fn each_profile_keeps_its_proportions() {
        assert_eq!(counts(Profile::Mixed, 1_000), [(Kind::Declaration, 50), (Kind::Code, 950)].into());
        let commute = counts(Profile::Commute, 1_000);
        assert_eq!(commute, [(Kind::Code, 905), (Kind::CheckIn, 10), (Kind::Scan, 85)].into());
        let launch = counts(Profile::LaunchDay, 5_390);
        assert_eq!((launch[&Kind::Page], launch[&Kind::Declaration]), (1_000, 130), "10 M visits to 1.3 M");
        assert_eq!((launch[&Kind::Asset], launch[&Kind::Site]), (3_000, 1_000));
        assert_eq!((launch[&Kind::Form], launch[&Kind::Code]), (130, 130));
    }

    #[test]
    fn the_kinds_are_mixed_and_each_counts_its_own() {
        let mix = Mix::new(Profile::Mixed, 1_000, 0, 0, 100.0);
        let mut nth = 0;
        let mut gaps = Vec::new();
        for i in 0..10_000 {
            let ask = mix.ask(i);
            if ask.kind == Kind::Declaration {
                gaps.push(i);
                nth = nth.max(ask.nth);
            }
        }
        assert_eq!(nth, 499);
        let longest = gaps.windows(2).map(|w| w[1] - w[0]).max().unwrap();
        assert!(longest <= 60, "declarations come all along: {longest}");
    }

    #[test]
    fn everybody_reads_before_anybody_reads_again() {
        for people in [1, 2, 3, 10, 997, 1_000, 65_536] {
            let mix = Mix::new(Profile::Code, people, 0, 0, 100.0);
            let readers: HashSet<u64> = (0..people).map(|i| mix.ask(i).who).collect();
            assert_eq!(readers.len() as u64, people);
        }
    }

    #[test]
    fn a_commuter_reads_again_within_two_minutes() {
        let rate = 50.0;
        let mix = Mix::new(Profile::Commute, 1_000_000, 0, 0, rate);
        let mut last: BTreeMap<u64, u64> = BTreeMap::new();
        let (mut reads, mut again) = (0, 0);
        for i in 0..(rate * 600.0) as u64 {
            let ask = mix.ask(i);
            if ask.kind == Kind::Code {
                reads += 1;
                again += u64::from(last.insert(ask.who, i).is_some_and(|at| (i - at) as f64 / rate <= 150.0));
            }
        }
        let share = f64::from(again as u32) / f64::from(reads);
        assert!((0.4..0.6).contains(&share), "about half read again: {share}");
    }

    #[test]
    fn on_the_first_day_newcomers_declare_once_and_then_read() {
        let mix = Mix::new(Profile::LaunchDay, 10_000, 2_000, 2, 100.0);
        let (mut declared, mut read) = (HashSet::new(), Vec::new());
        for i in 0..30_000 {
            let ask = mix.ask(i);
            match ask.kind {
                Kind::Declaration => assert!(declared.insert(ask.who), "{} declares once", ask.who),
                Kind::Code if ask.nth > 2 * READ_AFTER => read.push(ask.who),
                _ => {}
            }
        }
        assert!(declared.iter().all(|who| (10_000..12_000).contains(who)));
        assert!(!read.is_empty() && read.iter().all(|who| declared.contains(who)));
    }

    #[test]
    fn a_person_always_meets_the_same_node_and_nodes_share_evenly() {
        let mix = Mix::new(Profile::Code, 10_000, 0, 0, 100.0);
        let mut seen = [0; 3];
        for i in 0..30_000 {
            let ask = mix.ask(i);
            let node = Mix::node(&ask, 3);
            assert_eq!(node, Mix::node(&Ask { kind: Kind::Scan, nth: 9, ..ask }, 3));
            seen[node] += 1;
        }
        assert!(seen.iter().all(|n| (9_000..11_000).contains(n)), "{seen:?}");
    }
}
