//! Months and working days. What is out of a calendar's reach is unknown, as every sum is that
//! overflows.

use crate::time::Day;

/// Days beyond these are unknown: about 8,000 years either way.
const DAYS_MAX: i64 = 2_900_000;
/// Most months that are added.
const MONTHS_MAX: i64 = 1_200;
/// Most working days that are added.
const WORKING_MAX: i64 = 366;
/// Most holidays, and most days worked in their place.
pub const HOLIDAYS_MAX: usize = 4_096;

/// Which days are worked: Monday to Friday, without holidays, and with the weekends that are worked
/// in their place (调休).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Calendar {
    /// Holidays on a Monday to Friday, sorted.
    off: Vec<i64>,
    /// Worked Saturdays and Sundays, sorted.
    on: Vec<i64>,
}

/// From Monday, 0, to Sunday, 6. Day 0 was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

impl Calendar {
    /// A day in both lists is worked.
    #[must_use]
    pub fn new(holidays: &[Day], workdays: &[Day]) -> Calendar {
        let sorted = |days: &[Day], fits: &dyn Fn(i64) -> bool| {
            let mut days: Vec<i64> = days.iter().map(|d| i64::from(d.0)).filter(|d| fits(*d)).collect();
            days.sort_unstable();
            days.dedup();
            days
        };
        let worked = |d: i64| workdays.iter().any(|w| i64::from(w.0) == d);
        Calendar {
            off: sorted(holidays, &|d| weekday(d) < 5 && !worked(d)),
            on: sorted(workdays, &|d| weekday(d) >= 5),
        }
    }

    /// Whether a day is worked, within reach.
    pub(super) fn works(&self, day: i64) -> Option<bool> {
        reach(day).then(|| self.is_working(day))
    }

    fn is_working(&self, day: i64) -> bool {
        match weekday(day) {
            0..=4 => self.off.binary_search(&day).is_err(),
            _ => self.on.binary_search(&day).is_ok(),
        }
    }

    /// Working days up to and with a day, from a Monday long ago.
    fn count(&self, day: i64) -> i64 {
        let (weeks, rest) = ((day + 3).div_euclid(7), weekday(day));
        let upto = |days: &[i64]| days.partition_point(|d| *d <= day) as i64;
        weeks * 5 + (rest + 1).min(5) - upto(&self.off) + upto(&self.on)
    }

    /// Working days after `from`, up to and with `to`; negative the other way.
    pub(super) fn between(&self, from: i64, to: i64) -> Option<i64> {
        (reach(from) && reach(to)).then(|| self.count(to) - self.count(from))
    }

    /// The `n`th working day after a day, or before it.
    pub(super) fn add(&self, day: i64, n: i64) -> Option<i64> {
        if !reach(day) || !(-WORKING_MAX..=WORKING_MAX).contains(&n) {
            return None;
        }
        let (mut day, mut left) = (day, n.abs());
        // Bounded: weekends and the longest list of holidays.
        let steps = WORKING_MAX as usize * 2 + HOLIDAYS_MAX;
        for _ in 0..steps {
            if left == 0 {
                return Some(day);
            }
            day += n.signum();
            left -= i64::from(self.is_working(day));
        }
        (left == 0).then_some(day)
    }
}

fn reach(day: i64) -> bool {
    (-DAYS_MAX..=DAYS_MAX).contains(&day)
}

/// The same day of another month; the last of the month where it has no such day.
pub(super) fn add_months(day: i64, n: i64) -> Option<i64> {
    if !reach(day) || !(-MONTHS_MAX..=MONTHS_MAX).contains(&n) {
        return None;
    }
    let (y, m, d) = Day(i32::try_from(day).ok()?).ymd();
    let months = i64::from(y) * 12 + i64::from(m) - 1 + n;
    let (y, m) = (i16::try_from(months.div_euclid(12)).ok()?, months.rem_euclid(12) as i8 + 1);
    // Every month has a 28th.
    (28.min(d)..=d).rev().find_map(|d| Day::from_ymd(y, m, d)).map(|d| i64::from(d.0))
}

/// Whole months from one day to another: how often `add_months` by one more fits.
pub(super) fn months_between(from: i64, to: i64) -> Option<i64> {
    if to < from {
        return months_between(to, from).map(|n| -n);
    }
    if !reach(from) || !reach(to) {
        return None;
    }
    let (a, b) = (Day(i32::try_from(from).ok()?).ymd(), Day(i32::try_from(to).ok()?).ymd());
    let n = (i64::from(b.0) - i64::from(a.0)) * 12 + i64::from(b.1) - i64::from(a.1);
    if n > MONTHS_MAX {
        return None;
    }
    Some(if add_months(from, n)? > to { n - 1 } else { n })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i64 {
        i64::from(Day::parse(text).unwrap().0)
    }

    #[test]
    fn months_end_where_the_month_does() {
        for (from, n, to) in [
            ("2020-01-31", 1, "2020-02-29"),
            ("2021-01-31", 1, "2021-02-28"),
            ("2020-02-29", 12, "2021-02-28"),
            ("2020-03-31", -1, "2020-02-29"),
            ("2020-12-15", 1, "2021-01-15"),
            ("2020-01-31", 2, "2020-03-31"),
        ] {
            assert_eq!(add_months(day(from), n), Some(day(to)), "{from} + {n}");
        }
        for (from, to, n) in [
            ("2020-01-31", "2020-02-28", 0),
            ("2020-01-31", "2020-02-29", 1),
            ("2020-01-31", "2020-03-30", 1),
            ("2020-03-30", "2020-01-31", -1),
            ("2020-01-01", "2021-01-01", 12),
            ("2020-01-02", "2021-01-01", 11),
        ] {
            assert_eq!(months_between(day(from), day(to)), Some(n), "{from} to {to}");
        }
        assert_eq!(add_months(day("2020-01-01"), 1_201), None);
        assert_eq!(add_months(i64::MAX, 1), None);
    }

    #[test]
    fn working_days_leave_out_weekends_and_holidays_and_count_the_days_worked_for_them() {
        // The new year of 2020: 24 to 30 January off as first announced, 19 January (a Sunday) worked.
        let off: Vec<Day> = (24..=30).map(|d| Day::from_ymd(2020, 1, d).unwrap()).collect();
        let calendar = Calendar::new(&off, &[Day::parse("2020-01-19").unwrap()]);
        let between = |a, b| calendar.between(day(a), day(b));
        assert_eq!(between("2020-01-17", "2020-01-20"), Some(2));
        assert_eq!(between("2020-01-23", "2020-01-31"), Some(1));
        assert_eq!(between("2020-01-31", "2020-01-23"), Some(-1));
        assert_eq!(between("2020-01-25", "2020-01-25"), Some(0));
        assert_eq!(calendar.add(day("2020-01-23"), 1), Some(day("2020-01-31")));
        assert_eq!(calendar.add(day("2020-01-20"), -1), Some(day("2020-01-19")));
        assert!(!calendar.is_working(day("2020-01-24")) && calendar.is_working(day("2020-01-19")));
        // The count and the steps agree over two years.
        let start = day("2019-12-01");
        let mut n = 0;
        for d in start + 1..start + 700 {
            n += i64::from(calendar.is_working(d));
            assert_eq!(calendar.between(start, d), Some(n));
        }
        assert_eq!(calendar.add(start, 367), None);
    }
}
