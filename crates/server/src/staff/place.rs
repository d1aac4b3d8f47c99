//! Where a session is used: whether it moves about, or is used from two places.
//!
//! A session moves with who holds it: out of the office, into a train, from one carrier to another. Who
//! moves leaves a network and stays away from it for a while. Two who use one session, each from a place
//! of their own, go back and forth: what was just left is used again. So the networks of the last ten
//! minutes are kept with the session, each from when it took over, and only a change of network is written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use kangma_core::time::Instant;

use crate::app::Shared;
use crate::error::Problem;
use crate::limit::ClientAddress;
use crate::seal::Keys;

/// Back in a network within so many seconds is quick. Ours: who works on two screens asks at least every ten.
const BACK_S: i64 = 15;
/// Quick returns in the time below, of a telephone that loses its network for a moment; one more is two
/// places. Ours: two who use a session by turns make the second within half a minute.
const QUICK_MAX: usize = 1;
/// For how long, in seconds, a network that was left is remembered. Ours.
const TRAIL_S: i64 = 600;
/// Returns of any kind in that time, of somebody at the edge of a wireless network; one more is two places.
/// Ours.
const RETURNS_MAX: usize = 3;
/// Networks remembered.
const STAYS_MAX: usize = 32;
/// Bytes of a stay as it is stored.
const STAY: usize = 1 + 8 + 8;

/// A range of addresses, such as `203.0.113.0/28`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    bits: u8,
}

impl Range {
    fn holds(&self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && self.first == masked(address, self.bits)
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Range, String> {
        let wrong =
            || format!("{text} is no range of addresses; write it as 203.0.113.0/28 or 2001:db8::/48");
        let (address, bits) = text.trim().split_once('/').ok_or_else(wrong)?;
        let (address, bits): (IpAddr, u8) =
            (address.parse().map_err(|_| wrong())?, bits.parse().map_err(|_| wrong())?);
        // What the service tells of an IPv6 client ends at the household's 64 bits.
        let most = if address.is_ipv4() { 32 } else { 64 };
        if bits > most {
            return Err(wrong());
        }
        Ok(Range { first: masked(address, bits), bits })
    }
}

/// An address without what comes behind so many bits.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    let behind = if address.is_ipv4() { 32 } else { 128 } - u32::from(bits);
    match address {
        IpAddr::V4(v4) => {
            Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.checked_shl(behind).unwrap_or(0)).into()
        }
        IpAddr::V6(v6) => {
            Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.checked_shl(behind).unwrap_or(0)).into()
        }
    }
}

/// Where a request comes from: what a session is bound to.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    network: IpAddr,
    /// The browser's name for itself.
    pub agent: String,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The network of an address. IPv4 by its /24: carriers that share addresses among many give each of them
/// one (RFC 6888, REQ-2), and the next one mostly lies beside it. IPv6 by its /48, the most that a site has
/// (RFC 6177): addresses for privacy (RFC 8981) and an office's floors change below it. The lines of an
/// office that are named in the settings are one network.
fn network(address: IpAddr, lines: &[Range]) -> IpAddr {
    let of_office = |line: &&Range| line.holds(address);
    match (lines.iter().find(of_office), address) {
        (Some(_), IpAddr::V4(_)) => IpAddr::from([0; 4]),
        (Some(_), IpAddr::V6(_)) => IpAddr::from([0; 16]),
        (None, IpAddr::V4(_)) => masked(address, 24),
        (None, IpAddr::V6(_)) => masked(address, 48),
    }
}

impl Place {
    /// Whether neither the network nor the browser is the other's: a session was taken along.
    pub fn is_elsewhere_than(&self, other: &Place) -> bool {
        self.network != other.network && self.agent != other.agent
    }

    /// The network as a session's row has it: of another session it reads otherwise, so that rows do not say
    /// who works beside whom.
    pub fn mark(&self, keys: &Keys, session: &[u8; 16]) -> Mark {
        let (family, octets) = match self.network {
            IpAddr::V4(v4) => (4, v4.octets().to_vec()),
            IpAddr::V6(v6) => (6, v6.octets().to_vec()),
        };
        let hash = keys.hash("staff.network", &[session, &octets]);
        Mark { family, network: *hash.as_bytes().first_chunk().expect("a hash has 32 bytes") }
    }

    /// For tests.
    #[cfg(test)]
    pub fn test(address: [u8; 4], agent: &str) -> Place {
        Place { network: network(IpAddr::from(address), &[]), agent: agent.to_owned() }
    }
}

impl<S> FromRequestParts<S> for Place
where
    Shared: FromRef<S>,
    S: Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let from = ClientAddress::from_request_parts(parts, state).await?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let app = Shared::from_ref(state);
        let network = network(from.ip(), &app.config.office_lines);
        Ok(Place { network, agent: agent.chars().take(200).collect() })
    }
}

/// A network, by a keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    family: u8,
    network: [u8; 8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stay {
    mark: Mark,
    since: Instant,
}

/// The networks that a session was used from lately, the oldest first.
///
/// A browser with both kinds of address chooses anew for each connection (RFC 8305): a change from one
/// family to the other is no move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail(Vec<Stay>);

/// What a request makes of a session's trail.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// It comes from where the session is.
    Here,
    /// The session moved; this is its trail now.
    Moved(Trail),
    /// The session is used from two places.
    TwoPlaces,
}

impl Trail {
    /// Of a session that is opened somewhere.
    pub fn begin(mark: Mark, now: Instant) -> Trail {
        Trail(vec![Stay { mark, since: now }])
    }

    /// What a request from somewhere makes of it.
    pub fn step(&self, mark: Mark, now: Instant) -> Step {
        let mut own: Vec<Stay> = self.0.iter().filter(|s| s.mark.family == mark.family).copied().collect();
        if own.last().is_some_and(|last| last.mark == mark) {
            return Step::Here;
        }
        own.push(Stay { mark, since: now });
        let away = returns(&own, now);
        let quick = away.iter().filter(|s| **s < BACK_S).count();
        if quick > QUICK_MAX || away.len() > RETURNS_MAX {
            return Step::TwoPlaces;
        }
        let all = self.0.iter().copied().chain([Stay { mark, since: now }]).collect();
        Step::Moved(Trail(all).without_old(now))
    }

    /// Only what is still of interest: where the session is, and what it left within the time.
    fn without_old(self, now: Instant) -> Trail {
        let all = self.0;
        let next = |i: usize| all[i + 1..].iter().find(|s| s.mark.family == all[i].mark.family);
        let lately = |i: &usize| next(*i).is_none_or(|next| now < next.since.plus_s(TRAIL_S));
        let kept: Vec<Stay> = (0..all.len()).filter(lately).map(|i| all[i]).collect();
        Trail(kept[kept.len().saturating_sub(STAYS_MAX)..].to_vec())
    }

    /// As it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let stay = |s: &Stay| [&[s.mark.family][..], &s.mark.network, &s.since.0.to_be_bytes()].concat();
        self.0.iter().flat_map(stay).collect()
    }

    /// From a column.
    pub fn from_bytes(bytes: &[u8]) -> Trail {
        let stay = |b: &[u8]| {
            let mark = Mark { family: b[0], network: b[1..9].try_into().ok()? };
            Some(Stay { mark, since: Instant(i64::from_be_bytes(b[9..].try_into().ok()?)) })
        };
        Trail(bytes.chunks_exact(STAY).filter_map(stay).collect())
    }
}

/// For how many seconds a network had been left, each time that one was gone back to within the time.
fn returns(own: &[Stay], now: Instant) -> Vec<i64> {
    let back = |(i, stay): (usize, &Stay)| {
        // A network was left when the next one took over.
        let last = own[..i].iter().rposition(|before| before.mark == stay.mark)?;
        (now < stay.since.plus_s(TRAIL_S)).then(|| stay.since.0 - own[last + 1].since.0)
    };
    own.iter().enumerate().filter_map(back).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(family: u8, n: u8) -> Mark {
        Mark { family, network: [n; 8] }
    }

    const HOME: Mark = at(4, 1);
    const STREET: Mark = at(4, 2);
    const TRAIN: Mark = at(4, 3);

    /// Walks a trail; the index of the step that shows two places.
    fn walk(steps: &[(i64, Mark)]) -> Option<usize> {
        let mut trail = Trail::begin(steps[0].1, Instant(steps[0].0));
        for (i, (at, mark)) in steps.iter().enumerate() {
            match trail.step(*mark, Instant(*at)) {
                Step::Here => {}
                Step::Moved(next) => trail = Trail::from_bytes(&next.to_bytes()),
                Step::TwoPlaces => return Some(i),
            }
        }
        None
    }

    #[test]
    fn whoever_moves_about_stays_logged_in() {
        assert_eq!(walk(&[(0, HOME), (1, HOME), (2, STREET), (3, STREET), (4, TRAIN), (5, at(4, 4))]), None);
        // Into a lift and out of it, and home again in the evening.
        assert_eq!(walk(&[(0, HOME), (100, STREET), (115, HOME), (9_000, TRAIN), (20_000, HOME)]), None);
        // At the edge of a wireless network.
        assert_eq!(walk(&[(0, HOME), (100, STREET), (130, HOME), (200, STREET), (240, HOME)]), None);
        let days: Vec<(i64, Mark)> =
            (0..50).map(|i| (i * 600, if i % 2 == 0 { HOME } else { STREET })).collect();
        assert_eq!(walk(&days), None, "to and fro all day");
    }

    #[test]
    fn a_telephone_that_loses_its_network_for_a_moment_stays_logged_in() {
        assert_eq!(walk(&[(0, HOME), (50, STREET), (61, HOME), (400, HOME)]), None, "for eleven seconds");
        assert_eq!(walk(&[(0, HOME), (50, STREET), (64, HOME), (300, STREET), (340, HOME)]), None);
        // Once in ten minutes, all day.
        let day: Vec<(i64, Mark)> =
            (0..50).flat_map(|i| [(i * 700, HOME), (i * 700 + 100, STREET), (i * 700 + 112, HOME)]).collect();
        assert_eq!(walk(&day), None);
    }

    #[test]
    fn what_is_used_from_two_places_by_turns_is_noticed() {
        let turns = [(0, HOME), (50, STREET), (60, HOME), (70, STREET)];
        assert_eq!(walk(&turns), Some(3), "both ask every ten seconds");
        assert_eq!(walk(&[(0, HOME), (50, STREET), (50, HOME), (50, STREET)]), Some(3), "at the same time");
        let third = [(0, HOME), (50, STREET), (51, TRAIN), (60, HOME), (62, TRAIN)];
        assert_eq!(walk(&third), Some(4), "by way of a third");
        // The owner was away for a while, the other was not.
        assert_eq!(walk(&[(0, HOME), (50, STREET), (80, HOME), (84, STREET), (90, HOME)]), Some(4));
        assert_eq!(walk(&[(0, HOME), (50, STREET), (60, HOME), (640, STREET), (650, HOME)]), Some(4));
        let slow: Vec<(i64, Mark)> =
            (0..9).map(|i| (i * 60, if i % 2 == 0 { HOME } else { STREET })).collect();
        assert_eq!(walk(&slow), Some(5), "the fourth return in ten minutes");
    }

    #[test]
    fn a_browser_with_two_kinds_of_address_is_in_one_place() {
        let six = at(6, 1);
        let both: Vec<(i64, Mark)> = (0..20).map(|i| (i, if i % 2 == 0 { HOME } else { six })).collect();
        assert_eq!(walk(&both), None);
        let turns = [(0, HOME), (1, six), (2, STREET), (3, six), (4, HOME), (5, six), (6, STREET)];
        assert_eq!(walk(&turns), Some(6), "each by itself");
    }

    #[test]
    fn a_trail_keeps_ten_minutes_and_where_the_session_is() {
        let mut trail = Trail::begin(at(6, 9), Instant(0));
        for n in 0..200_u8 {
            let Step::Moved(next) = trail.step(at(4, n), Instant(i64::from(n) * 10)) else { panic!("{n}") };
            trail = next;
        }
        assert_eq!(trail.0.len(), STAYS_MAX);
        let Step::Moved(later) = trail.step(at(4, 250), Instant(9_000)) else { panic!() };
        assert_eq!(later.0.len(), 2, "where it is, and what it left just now");
    }

    #[test]
    fn a_network_is_a_site_or_a_carriers_neighbours_and_the_lines_of_an_office_are_one() {
        let of = |text: &str, lines: &[Range]| network(text.parse().unwrap(), lines);
        assert_eq!(of("192.0.2.1", &[]), of("192.0.2.200", &[]));
        assert_ne!(of("192.0.2.1", &[]), of("192.0.3.1", &[]));
        assert_eq!(of("2001:db8:1:2::1", &[]), of("2001:db8:1:ffff::1", &[]));
        assert_ne!(of("2001:db8:1::1", &[]), of("2001:db8:2::1", &[]));
        let lines: Vec<Range> =
            ["203.0.113.0/28", "198.51.100.7/32", "2001:db8:5::/40"].map(|t| t.parse().unwrap()).to_vec();
        assert_eq!(of("203.0.113.15", &lines), of("198.51.100.7", &lines));
        assert_ne!(of("203.0.113.16", &lines), of("203.0.113.15", &lines));
        assert_ne!(of("2001:db8:f::1", &lines), of("2001:db8:ff00::1", &lines));
        for wrong in ["203.0.113.0", "203.0.113.0/33", "2001:db8::/65", "office/24", "203.0.113.0/x"] {
            assert!(wrong.parse::<Range>().unwrap_err().contains(wrong), "{wrong}");
        }
        assert!("0.0.0.0/0".parse::<Range>().unwrap().holds("203.0.113.9".parse().unwrap()));
    }
}
