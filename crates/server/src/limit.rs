//! Throttles by address, in memory: a keyed token bucket that forgets idle addresses.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::request::Parts;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::app::Shared;
use crate::error::Problem;

/// The limits by address.
#[derive(Debug)]
pub struct Limits {
    /// Asking for one-time codes.
    pub codes: PerAddress,
    /// Trying one-time codes.
    pub tries: PerAddress,
    /// Trying passwords.
    pub passwords: PerAddress,
    /// Scanning.
    pub scans: PerAddress,
}

impl Limits {
    /// From settings.
    pub fn new(codes_per_10_min: u32, scans_per_min: u32) -> Limits {
        Limits {
            codes: PerAddress::new(codes_per_10_min, Duration::from_secs(600), "login.too_many_codes"),
            tries: PerAddress::new(
                codes_per_10_min.saturating_mul(5),
                Duration::from_secs(600),
                "login.too_many_tries",
            ),
            passwords: PerAddress::new(30, Duration::from_secs(600), "staff.too_many_tries"),
            scans: PerAddress::new(scans_per_min, Duration::from_secs(60), "scan.too_many"),
        }
    }
}

/// One limit, kept for each address.
#[derive(Debug)]
pub struct PerAddress {
    buckets: DefaultKeyedRateLimiter<IpAddr>,
    code: &'static str,
}

/// Buckets kept before idle ones are dropped: bounds memory under many addresses.
const BUCKETS_MAX: usize = 100_000;

impl PerAddress {
    fn new(burst: u32, per: Duration, code: &'static str) -> PerAddress {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::with_period(per / burst.get()).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        PerAddress { buckets: RateLimiter::keyed(quota), code }
    }

    /// Takes one, or says when the next is free.
    pub fn take(&self, from: ClientAddress) -> Result<(), Problem> {
        if self.buckets.len() > BUCKETS_MAX {
            self.buckets.retain_recent();
        }
        self.buckets.check_key(&from.0).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Problem::too_many(self.code, u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1))
        })
    }
}

/// The address that a request came from; IPv6 by its /64, which one household holds.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(IpAddr);

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
        Ok(ClientAddress(match ip {
            IpAddr::V6(v6) => {
                let mut octets = v6.octets();
                octets[8..].fill(0);
                IpAddr::from(octets)
            }
            v4 => v4,
        }))
    }
}
