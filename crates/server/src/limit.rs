//! How often one address or one person may do a thing, in memory of fixed size.
//!
//! Each limit is a table of token buckets, found by a keyed hash that nobody outside can know. Two
//! that fall on one bucket share it: with 262,144 buckets for people, a node that answers 28,000
//! code reads a second has 6 or 7 a minute on a bucket whose limit is 60. Who works for an office does
//! many things at once and is one of few, all known: each officer has a bucket of their own.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::request::Parts;
use governor::clock::{Clock as _, DefaultClock};
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use crate::app::Shared;
use crate::auth::Resident;
use crate::config::Config;
use crate::error::Problem;

const MINUTE: Duration = Duration::from_secs(60);
const TEN_MINUTES: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3_600);
/// 8 bytes each.
const ADDRESSES: usize = 1 << 16;
/// Some 60 bytes for each who came since the start.
const OFFICERS: usize = 1 << 16;
/// 8 bytes each.
const PEOPLE: usize = 1 << 18;

/// 8 bytes each: for keys beyond those that have one of their own.
const SHARED: usize = 1 << 12;

/// All limits.
#[derive(Debug)]
pub struct Limits {
    /// Asking for one-time codes.
    pub codes: Limit<ClientAddress>,
    /// Trying one-time codes.
    pub tries: Limit<ClientAddress>,
    /// Trying passwords.
    pub passwords: Limit<ClientAddress>,
    /// Trying passwords of one account, wherever from.
    pub names: Limit<[u8; 32]>,
    /// Looking people up, by officer.
    pub look_ups: Limit<[u8; 32]>,
    /// Scanning.
    pub scans: Limit<ClientAddress>,
    /// Reading what is one's own.
    pub reads: Limit<Who>,
    /// Declaring.
    pub declarations: Limit<Who>,
    /// Appealing.
    pub appeals: Limit<Who>,
    /// Sending files.
    pub uploads: Limit<Who>,
    /// Pages that speak of themselves.
    pub heartbeats: Limit<ClientAddress>,
    /// Trying proofs of identity.
    pub proofs: Limit<Who>,
    /// People that one collector records.
    pub collected: Limit<String>,
    /// People that one collector names by document, or registers.
    pub named: Limit<String>,
}

impl Limits {
    /// From settings.
    pub fn new(config: &Config) -> Limits {
        let codes = config.codes_per_address;
        Limits {
            codes: Limit::new(ADDRESSES, codes, codes, TEN_MINUTES, "login.too_many_codes"),
            tries: Limit::new(
                ADDRESSES,
                codes.saturating_mul(5),
                codes.saturating_mul(5),
                TEN_MINUTES,
                "login.too_many_tries",
            ),
            passwords: Limit::new(ADDRESSES, 30, 30, TEN_MINUTES, "staff.too_many_tries"),
            names: Limit::new(ADDRESSES, 10, 20, TEN_MINUTES, "staff.too_many_tries"),
            look_ups: Limit::of_each(OFFICERS, 20, 60, TEN_MINUTES, "look.too_many"),
            scans: Limit::new(
                ADDRESSES,
                config.scans_per_address,
                config.scans_per_address,
                MINUTE,
                "scan.too_many",
            ),
            reads: Limit::new(
                PEOPLE,
                config.reads_per_person.div_ceil(2),
                config.reads_per_person,
                MINUTE,
                "read.too_many",
            ),
            declarations: Limit::new(
                PEOPLE,
                config.declarations_per_person,
                config.declarations_per_person,
                HOUR,
                "declaration.too_many",
            ),
            appeals: Limit::new(PEOPLE, 10, 10, HOUR, "appeal.too_many"),
            uploads: Limit::new(PEOPLE, 30, 30, HOUR, "evidence.too_often"),
            heartbeats: Limit::new(ADDRESSES, 120, 120, MINUTE, "device.too_many"),
            proofs: Limit::new(PEOPLE, 10, 10, TEN_MINUTES, "identity.too_many_tries"),
            // A gate at its busiest, and an outbox that comes back with half a day.
            collected: Limit::of_each(OFFICERS, 600, 1_200, HOUR, "collect.too_many"),
            // By hand, from a document that lies before them; guessing is slower than that.
            named: Limit::of_each(OFFICERS, 120, 120, HOUR, "collect.too_many_documents"),
        }
    }
}

/// One limit, kept for each key.
#[derive(Debug)]
pub struct Limit<K: Eq + Hash + Clone> {
    buckets: RateLimiter<K, Buckets<K>, DefaultClock>,
    code: &'static str,
}

impl<K: Eq + Hash + Clone> Limit<K> {
    /// `burst` at once, and over time `rate` in each `per`.
    fn new(buckets: usize, burst: u32, rate: u32, per: Duration, code: &'static str) -> Limit<K> {
        Limit::on(Buckets::new(buckets, 0), burst, rate, per, code)
    }

    /// The same with a bucket for each key, as long as they are no more than `keys_max`; beyond, they
    /// share those that are left.
    fn of_each(keys_max: usize, burst: u32, rate: u32, per: Duration, code: &'static str) -> Limit<K> {
        Limit::on(Buckets::new(SHARED, keys_max), burst, rate, per, code)
    }

    fn on(buckets: Buckets<K>, burst: u32, rate: u32, per: Duration, code: &'static str) -> Limit<K> {
        let some = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let gap = (per / some(rate).get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(gap).unwrap_or(Quota::per_second(some(rate))).allow_burst(some(burst));
        Limit { buckets: RateLimiter::new(quota, buckets, DefaultClock::default()), code }
    }

    /// Takes one, or says when the next is free.
    pub fn take(&self, key: &K) -> Result<(), Problem> {
        self.take_many(key, NonZeroU32::MIN)
    }

    /// Takes some, or none and says when they are free. More than the burst are never free at once.
    pub fn take_many(&self, key: &K, n: NonZeroU32) -> Result<(), Problem> {
        let refused = |wait: Duration| {
            Problem::too_many(self.code, u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
        };
        match self.buckets.check_key_n(key, n) {
            Ok(taken) => taken.map_err(|until| refused(until.wait_time_from(DefaultClock::default().now()))),
            Err(_) => Err(refused(HOUR)),
        }
    }
}

/// A fixed number of token buckets. A map of keys would grow with whoever comes, and would have to
/// be swept when it is too large, which is when there is no time for it.
#[derive(Debug)]
struct Buckets<K> {
    buckets: Box<[InMemoryState]>,
    hash: RandomState,
    own: Mutex<HashMap<K, InMemoryState>>,
    own_max: usize,
}

impl<K> Buckets<K> {
    fn new(n: usize, own_max: usize) -> Buckets<K> {
        let buckets = std::iter::repeat_with(InMemoryState::default).take(n).collect();
        Buckets { buckets, hash: RandomState::new(), own: Mutex::default(), own_max }
    }
}

impl<K: Eq + Hash + Clone> StateStore for Buckets<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if self.own_max > 0 {
            let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
            if own.contains_key(key) || own.len() < self.own_max {
                return own.entry(key.clone()).or_default().measure_and_replace(&NotKeyed::NonKey, f);
            }
        }
        let at = self.hash.hash_one(key) as usize % self.buckets.len();
        self.buckets[at].measure_and_replace(&NotKeyed::NonKey, f)
    }
}

/// Who is limited: the person, or the account that holds nobody yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Who([u8; 16]);

impl From<&Resident> for Who {
    fn from(who: &Resident) -> Who {
        Who(who.person.map_or(who.account.0, |person| person.0))
    }
}

/// The address that a request came from, as [`household`] has it; IPv6 by its /64, which one household holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The address itself.
    pub fn ip(&self) -> IpAddr {
        self.0
    }
}

impl<S> FromRequestParts<S> for ClientAddress
where
    Shared: FromRef<S>,
    S: Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let forwarded = if Shared::from_ref(state).config.trust_proxy {
            // The last hop is the one that our own proxy wrote.
            parts
                .headers
                .get("x-forwarded-for")
                .and_then(|v| v.to_str().ok())
                .and_then(|v| v.rsplit(',').next())
                .and_then(|v| v.trim().parse().ok())
        } else {
            None
        };
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
        let ip = forwarded.or(peer).unwrap_or(IpAddr::from([127, 0, 0, 1]));
        Ok(ClientAddress(household(ip)))
    }
}

/// An address as one who holds it is told from others: IPv4 as it is, also where a socket for both kinds
/// writes it as `::ffff:192.0.2.1`; IPv6 by its /64.
fn household(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            IpAddr::from(octets)
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_refused_and_another_is_not() {
        let limit = Limit::new(PEOPLE, 3, 6, MINUTE, "read.too_many");
        let (one, other) = (Who([1; 16]), Who([2; 16]));
        for _ in 0..3 {
            limit.take(&one).unwrap();
        }
        let refused = limit.take(&one).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.code), (429, "read.too_many"));
        assert!((1..=10).contains(&refused.retry_after_s.unwrap()), "one each ten seconds: {refused:?}");
        limit.take(&other).unwrap();
    }

    #[test]
    fn an_address_of_ipv4_is_one_however_it_is_written() {
        let of = |text: &str| household(text.parse().unwrap()).to_string();
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:198.51.100.1"), "two clients, not one of ::/64");
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
        assert_eq!(of("2001:db8:1:2:3::4"), "2001:db8:1:2::");
    }

    #[test]
    fn no_officer_is_refused_for_what_another_did() {
        let officers = 20_000_u32;
        let limit = Limit::of_each(officers as usize, 2, 2, HOUR, "look.too_many");
        for officer in (0..officers).chain(0..officers) {
            limit.take(&officer.to_be_bytes()).unwrap();
        }
        assert!(limit.take(&7_u32.to_be_bytes()).is_err(), "each has two");
        let beyond = (officers..officers + 100_000).filter(|n| limit.take(&n.to_be_bytes()).is_ok()).count();
        assert!(beyond <= 2 * SHARED, "more keys than are allowed for share what is left: {beyond}");
    }

    #[test]
    fn memory_does_not_grow_with_those_who_come() {
        let limit = Limit::new(1024, 1, 1, HOUR, "scan.too_many");
        let passed = (0..100_000_u32).filter(|n| limit.take(&n.to_be_bytes()).is_ok()).count();
        // Each of the 1,024 buckets lets one pass; whoever comes later shares it.
        assert!((1000..=1024).contains(&passed), "{passed}");
    }
}
