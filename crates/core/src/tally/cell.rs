//! The counts of one place: today's, and those of the days before as they stood at their ends.

use super::{Counts, DAYS, MEASURES, Measure};
use crate::time::Day;

/// Counts of a place, by day; a day without an entry ended as the one before.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cell {
    /// In order of day.
    days: Vec<(Day, Counts)>,
}

impl Cell {
    /// Adds what a fold found for a day: it stands from that day on.
    pub fn add(&mut self, day: Day, counts: &Counts) {
        let at = match self.days.binary_search_by_key(&day, |(day, _)| *day) {
            Ok(at) => at,
            Err(at) => {
                let before = at.checked_sub(1).map_or([0; MEASURES], |i| self.standing(i));
                self.days.insert(at, (day, before));
                at
            }
        };
        for (i, (_, sums)) in self.days.iter_mut().enumerate().skip(at) {
            for measure in Measure::ALL {
                let m = measure as usize;
                if !measure.is_of_the_day() || i == at {
                    sums[m] += counts[m];
                }
            }
        }
        self.forget_old_days();
    }

    /// Counts of an entry that go on to the next day.
    fn standing(&self, i: usize) -> Counts {
        let mut counts = self.days[i].1;
        for measure in Measure::ALL.into_iter().filter(|m| m.is_of_the_day()) {
            counts[measure as usize] = 0;
        }
        counts
    }

    /// Keeps [`DAYS`] days back from the last entry, and the one entry before them that says how
    /// they began.
    fn forget_old_days(&mut self) {
        let Some((last, _)) = self.days.last() else { return };
        let first = last.plus(1 - DAYS as i32);
        let before = self.days.partition_point(|(day, _)| *day <= first);
        self.days.drain(..before.saturating_sub(1));
    }

    /// Counts at the end of a day, or now for a day that has not ended.
    #[must_use]
    pub fn on(&self, day: Day) -> Counts {
        let Some(at) = self.days.partition_point(|(d, _)| *d <= day).checked_sub(1) else {
            return [0; MEASURES];
        };
        if self.days[at].0 == day { self.days[at].1 } else { self.standing(at) }
    }

    /// Counts of a day and of those before it, the day first.
    #[must_use]
    pub fn back_from(&self, day: Day, days: usize) -> Vec<Counts> {
        (0..days as i32).map(|ago| self.on(day.plus(-ago))).collect()
    }

    /// Counts of how things stand, after the last change.
    #[must_use]
    pub fn standing_now(&self) -> Counts {
        self.days.len().checked_sub(1).map_or([0; MEASURES], |last| self.standing(last))
    }

    /// As stored, before it is sealed: each entry as what it differs by from the one before.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        let mut last = (0, [0; MEASURES]);
        for (day, counts) in &self.days {
            put(&mut out, i64::from(day.0) - last.0);
            counts.iter().zip(last.1).for_each(|(n, before)| put(&mut out, n - before));
            last = (i64::from(day.0), *counts);
        }
        out
    }

    /// Reads it back; `None` where the bytes are not one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Cell> {
        let (format, mut rest) = bytes.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let mut cell = Cell::default();
        let mut last = (0_i64, [0_i64; MEASURES]);
        while !rest.is_empty() {
            last.0 = last.0.checked_add(take(&mut rest)?)?;
            for n in &mut last.1 {
                *n = n.checked_add(take(&mut rest)?)?;
            }
            let day = Day(i32::try_from(last.0).ok()?);
            if cell.days.last().is_some_and(|(before, _)| *before >= day) {
                return None;
            }
            cell.days.push((day, last.1));
        }
        Some(cell)
    }
}

const FORMAT: u8 = 1;

/// A number, small ones in one byte: zigzag, then seven bits a byte.
fn put(out: &mut Vec<u8>, n: i64) {
    let mut left = (n << 1 ^ n >> 63) as u64;
    loop {
        let seven = (left & 0x7f) as u8;
        left >>= 7;
        out.push(if left == 0 { seven } else { seven | 0x80 });
        if left == 0 {
            return;
        }
    }
}

fn take(rest: &mut &[u8]) -> Option<i64> {
    let mut n = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        n |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((n >> 1) as i64 ^ -((n & 1) as i64));
        }
    }
    None
}
