//! Date-times of CertLogic: milliseconds of UTC, made of a text by `plusTime` and `dccDateOfBirth`.
//!
//! Every text that the specification leaves undefined (`2021-02-30`, `T24:00:00`) is no date-time
//! here: a rule that reads one is open, and settles nothing.

use crate::time::{Day, Instant};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub(super) type Moment = i64;

const DAY_MS: i64 = 86_400_000;
/// Date-times of other implementations end here, 100,000,000 days from 1970.
const FARTHEST_MS: i64 = 100_000_000 * DAY_MS;

/// A unit of `plusTime`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    Year,
    Month,
    Day,
    Hour,
}

impl Unit {
    pub(super) fn named(name: &str) -> Option<Unit> {
        match name {
            "year" => Some(Unit::Year),
            "month" => Some(Unit::Month),
            "day" => Some(Unit::Day),
            "hour" => Some(Unit::Hour),
            _ => None,
        }
    }
}

/// Reads a date-time, a date or a part of one.
pub(super) fn parse(text: &str) -> Option<Moment> {
    birth(text).or_else(|| {
        let (date, time) = text.split_at_checked(10)?;
        date_time(Day::parse(date).ok()?, time.strip_prefix('T')?)
    })
}

/// Reads a date of birth: of `1979` or `1979-06` the last day that it can be.
pub(super) fn birth(text: &str) -> Option<Moment> {
    let day = match text.len() {
        4 => Day::parse(&format!("{text}-12-31")).ok()?,
        7 => {
            let (year, month, _) = Day::parse(&format!("{text}-01")).ok()?.ymd();
            let (year, month) = if month == 12 { (year.checked_add(1)?, 1) } else { (year, month + 1) };
            first_of(i64::from(year), i64::from(month) - 1)
                .and_then(|n| i32::try_from(n - 1).ok())
                .map(Day)?
        }
        _ => Day::parse(text).ok()?,
    };
    Some(i64::from(day.0) * DAY_MS)
}

/// The rest of a text after `T`: time, fraction, offset.
fn date_time(day: Day, text: &str) -> Option<Moment> {
    let (time, rest) = text.split_at_checked(8)?;
    let b = time.as_bytes();
    if b[2] != b':' || b[5] != b':' {
        return None;
    }
    let (h, m, s) = (digits(&b[..2])?, digits(&b[3..5])?, digits(&b[6..])?);
    if h > 23 || m > 59 || s > 59 {
        return None;
    }
    let (ms, zone) = match rest.strip_prefix('.') {
        None => (0, rest),
        Some(rest) => {
            let n = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (fraction, zone) = rest.split_at(n);
            // Decimals past the third are cut off.
            let ms = fraction.bytes().chain(*b"00").take(3).fold(0, |ms, d| ms * 10 + i64::from(d - b'0'));
            if n == 0 {
                return None;
            }
            (ms, zone)
        }
    };
    let since_midnight = ((h * 60 + m) * 60 + s) * 1000 + ms;
    Some(i64::from(day.0) * DAY_MS + since_midnight - offset_ms(zone)?)
}

/// `Z`, nothing, or `+h`, `+hh`, `+hmm`, `+hhmm`, `+h:mm`, `+hh:mm`, and the same with a minus.
fn offset_ms(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes() {
        [] | [b'Z'] => return Some(0),
        [b'+', ..] => (1, &text[1..]),
        [b'-', ..] => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match (rest.split_once(':'), rest.len()) {
        (Some((hours, minutes)), _) if minutes.len() == 2 => (hours, minutes),
        (None, 1 | 2) => (rest, "0"),
        (None, 3 | 4) => rest.split_at_checked(rest.len() - 2)?,
        _ => return None,
    };
    if !(1..=2).contains(&hours.len()) {
        return None;
    }
    let (hours, minutes) = (digits(hours.as_bytes())?, digits(minutes.as_bytes())?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60_000)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().all(u8::is_ascii_digit).then(|| text.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

/// The first day of a month, 0 to 11 or beyond, in days since 1970. The Gregorian calendar repeats
/// itself every 400 years, so years far off are asked of near ones.
fn first_of(year: i64, month: i64) -> Option<i64> {
    const CYCLE_DAYS: i64 = 146_097;
    let year = year.checked_add(month.div_euclid(12))?;
    let near = 2000 + year.rem_euclid(400);
    let day = Day::from_ymd(near as i16, month.rem_euclid(12) as i8 + 1, 1)?;
    Some(i64::from(day.0) + (year - near).div_euclid(400) * CYCLE_DAYS)
}

/// Adds an amount of units: the day of the month stays, and one that the month does not have runs
/// over into the next.
pub(super) fn plus(at: Moment, amount: i64, unit: Unit) -> Option<Moment> {
    let moved = match unit {
        Unit::Hour => at.checked_add(amount.checked_mul(3_600_000)?)?,
        Unit::Day => at.checked_add(amount.checked_mul(DAY_MS)?)?,
        Unit::Month | Unit::Year => {
            let (day, rest) = (at.div_euclid(DAY_MS), at.rem_euclid(DAY_MS));
            let (year, month, of_month) = Day(i32::try_from(day).ok()?).ymd();
            let (years, months) = if unit == Unit::Year { (amount, 0) } else { (0, amount) };
            let first =
                first_of(i64::from(year).checked_add(years)?, i64::from(month - 1).checked_add(months)?)?;
            first.checked_add(i64::from(of_month) - 1)?.checked_mul(DAY_MS)?.checked_add(rest)?
        }
    };
    (-FARTHEST_MS..=FARTHEST_MS).contains(&moved).then_some(moved)
}

/// As other implementations print it.
pub(super) fn written(at: Moment) -> String {
    let text = Instant(at.div_euclid(1000)).to_string();
    format!("{}.{:03}Z", text.trim_end_matches('Z'), at.rem_euclid(1000))
}
