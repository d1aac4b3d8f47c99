//! Instants, civil days, time zones, and [`Now`]: the one clock that rules may ask.

use std::cell::Cell;
use std::fmt;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A point in time, in whole seconds since 1970-01-01T00:00:00Z. Written as RFC 3339 in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

/// Seconds in a day without a change of clock.
pub const DAY_S: i64 = 86_400;

impl Instant {
    /// The last instant that RFC 3339 can write: 9999-12-31T23:59:59Z.
    pub const MAX: Instant = Instant(253_402_300_799);
    /// The first instant that we accept: 0001-01-01T00:00:00Z.
    pub const MIN: Instant = Instant(-62_135_596_800);

    /// This instant plus `s` seconds, clamped to what RFC 3339 can write.
    #[must_use]
    pub fn plus_s(self, s: i64) -> Instant {
        Instant(self.0.saturating_add(s).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Reads RFC 3339, with any offset; fractions of a second are cut off.
    pub fn parse(text: &str) -> Result<Instant, BadTime> {
        let ts: jiff::Timestamp = text.parse().map_err(|_| BadTime::Instant)?;
        let at = Instant(ts.as_second());
        if (Self::MIN..=Self::MAX).contains(&at) { Ok(at) } else { Err(BadTime::Instant) }
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(ts) => write!(f, "{ts}"),
            Err(_) => write!(f, "{}s", self.0),
        }
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Instant {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Instant::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A civil day, as days since 1970-01-01. Birthdays and dates that a person states are
/// days, never instants: a zone's past summer time cannot move them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day of a Gregorian date, or `None` if there is no such date in years 1 to 9999.
    #[must_use]
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Day> {
        if !(1..=9999).contains(&year) {
            return None;
        }
        let date = jiff::civil::Date::new(year, month, day).ok()?;
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        Some(Day(epoch.until(date).ok()?.get_days()))
    }

    /// This day plus `n` days.
    #[must_use]
    pub fn plus(self, n: i32) -> Day {
        Day(self.0.saturating_add(n))
    }

    /// Year, month and day of month.
    #[must_use]
    pub fn ymd(self) -> (i16, i8, i8) {
        let date = self.civil();
        (date.year(), date.month(), date.day())
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Day, BadTime> {
        let b = text.as_bytes();
        if b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
            return Err(BadTime::Day);
        }
        let part = |r: std::ops::Range<usize>| -> Result<i16, BadTime> {
            let part = &b[r];
            if !part.iter().all(u8::is_ascii_digit) {
                return Err(BadTime::Day);
            }
            Ok(part.iter().fold(0, |n, d| n * 10 + i16::from(d - b'0')))
        };
        let (y, m, d) = (part(0..4)?, part(5..7)?, part(8..10)?);
        Day::from_ymd(y, m as i8, d as i8).ok_or(BadTime::Day)
    }

    fn civil(self) -> jiff::civil::Date {
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        epoch.saturating_add(jiff::Span::new().days(self.0.clamp(-700_000, 2_900_000)))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, m, d) = self.ymd();
        write!(f, "{y:04}-{m:02}-{d:02}")
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Day::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// Not an RFC 3339 instant.
    #[error("not an instant such as 2020-02-11T10:00:00+08:00")]
    Instant,
    /// Not a real `YYYY-MM-DD` date.
    #[error("not a date such as 2020-02-11")]
    Day,
    /// Not a zone of the IANA database.
    #[error("not a time zone such as Asia/Shanghai")]
    Zone,
}

/// A time zone of the IANA database; the pack names it. Days begin at its midnight.
#[derive(Clone, Debug)]
pub struct Zone {
    tz: TimeZone,
    /// From this instant on the offset never changes again (east of UTC, in seconds): the
    /// fast path, since rules ask for the day of every check-in.
    settled: Option<(Instant, i64)>,
}

impl Zone {
    /// The zone of an IANA name, from the table built into the binary.
    pub fn named(name: &str) -> Result<Zone, BadTime> {
        let tz = jiff::tz::TimeZoneDatabase::bundled().get(name).map_err(|_| BadTime::Zone)?;
        let far = jiff::Timestamp::from_second(4_102_444_800).map_err(|_| BadTime::Zone)?; // 2100
        let settled = match (tz.following(far).next(), tz.preceding(far).next()) {
            (None, Some(last)) => {
                Some((Instant(last.timestamp().as_second()), i64::from(last.offset().seconds())))
            }
            (None, None) => Some((Instant::MIN, i64::from(tz.to_offset(far).seconds()))),
            _ => None,
        };
        Ok(Zone { tz, settled })
    }

    /// The civil day of an instant here.
    #[must_use]
    #[inline]
    pub fn day_of(&self, at: Instant) -> Day {
        let offset_s = match self.settled {
            Some((from, offset_s)) if at >= from => offset_s,
            _ => {
                jiff::Timestamp::from_second(at.0).map_or(0, |ts| i64::from(self.tz.to_offset(ts).seconds()))
            }
        };
        Day((at.0 + offset_s).div_euclid(DAY_S) as i32)
    }

    /// The first instant of a day here.
    #[must_use]
    pub fn start_of(&self, day: Day) -> Instant {
        let midnight_utc = Instant(i64::from(day.0) * DAY_S);
        if let Some((from, offset_s)) = self.settled {
            let at = Instant(midnight_utc.0 - offset_s);
            if at >= from {
                return at;
            }
        }
        match day.civil().to_zoned(self.tz.clone()) {
            Ok(zoned) => Instant(zoned.timestamp().as_second()),
            Err(_) => midnight_utc,
        }
    }

    /// The wall-clock time of an instant here, `HH:MM`.
    #[must_use]
    pub fn hh_mm(&self, at: Instant) -> String {
        let since = at.0 - self.start_of(self.day_of(at)).0;
        format!("{:02}:{:02}", since / 3600, since % 3600 / 60)
    }
}

/// The only clock that rules may ask. It answers, and remembers the first later instant
/// at which one of its answers would have been different: that instant is `review_at`.
///
/// INVARIANT: a computation that learns of time through one `Now` alone gives the same
/// result for every instant in `[now, review_at)`.
#[derive(Debug)]
pub struct Now {
    now: Instant,
    flip: Cell<Option<Instant>>,
}

impl Now {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn new(now: Instant) -> Now {
        Now { now, flip: Cell::new(None) }
    }

    /// Is it `at` or later?
    #[must_use]
    pub fn reached(&self, at: Instant) -> bool {
        if self.now >= at {
            return true;
        }
        self.flips_at(at);
        false
    }

    /// The current day in a zone. Its answer changes at the next midnight, so prefer
    /// [`Now::reached`] where a single instant is meant.
    #[must_use]
    pub fn today(&self, zone: &Zone) -> Day {
        let today = zone.day_of(self.now);
        self.flips_at(zone.start_of(today.plus(1)));
        today
    }

    /// The first instant after now at which an answer given so far would change.
    #[must_use]
    pub fn review_at(&self) -> Option<Instant> {
        self.flip.get()
    }

    /// The instant itself, for stamping results. Not for decisions: it is not remembered.
    #[must_use]
    pub fn stamp(&self) -> Instant {
        self.now
    }

    fn flips_at(&self, at: Instant) {
        if at > self.now && self.flip.get().is_none_or(|seen| at < seen) {
            self.flip.set(Some(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_of_the_zone_through_the_old_summer_time() {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        for (text, day) in [
            ("2020-02-10T15:59:59Z", "2020-02-10"),
            ("2020-02-10T16:00:00Z", "2020-02-11"),
            ("1988-07-01T14:59:59Z", "1988-07-01"),
            ("1988-07-01T15:00:00Z", "1988-07-02"),
        ] {
            let at = Instant::parse(text).unwrap();
            assert_eq!(zone.day_of(at).to_string(), day, "{text}");
        }
        for day in ["1988-07-02", "2020-02-11", "2099-12-31", "1900-03-01"] {
            let day = Day::parse(day).unwrap();
            assert_eq!(zone.day_of(zone.start_of(day)), day);
            assert_eq!(zone.day_of(zone.start_of(day).plus_s(-1)), day.plus(-1));
        }
    }

    #[test]
    fn a_zone_with_summer_time_finds_its_days_too() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let day = Day::parse("2026-03-29").unwrap();
        assert_eq!(zone.start_of(day.plus(1)).0 - zone.start_of(day).0, 23 * 3600);
    }

    #[test]
    fn the_clock_remembers_the_first_answer_that_would_change() {
        let now = Now::new(Instant(100));
        assert!(now.reached(Instant(100)));
        assert_eq!(now.review_at(), None);
        assert!(!now.reached(Instant(300)));
        assert!(!now.reached(Instant(200)));
        assert_eq!(now.review_at(), Some(Instant(200)));
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for text in ["2021-02-29", "2020-13-01", "2020-00-10", "20200211", "2020-2-11", "０２０-02-11"] {
            assert_eq!(Day::parse(text), Err(BadTime::Day), "{text}");
        }
        assert_eq!(Day::parse("2020-02-29").unwrap().to_string(), "2020-02-29");
    }
}
