//! What of the counts may be shown: the one way from a count to a screen, a file or an answer.
//!
//! Hidden are counts of 1 to 4 people and, of earlier days, whatever differs by 1 to 4 from a count
//! that is shown of another day. So that nothing hidden is found by subtraction, a table of
//! children is hidden together with enough of its other counts:
//!
//! - where one count is hidden, every count under 5 of the table is, zeros too: hidden says nothing;
//! - where the total is shown, at least two counts are hidden;
//! - where anything is hidden, or the total is, what is hidden adds up to 5 or more, unless the total
//!   itself is less: then all of the table is hidden.
//!
//! From these follows that no hidden count can be computed from what is shown: what is hidden can
//! always be moved from one hidden count to another, down to the last level, and every sum that is
//! shown stays as it is (`tests.rs` has an attacker who tries).
//!
//! Not hidden from whoever watches from one minute to the next is that a count of 5 or more has
//! moved by one: the numbers are live. docs/decisions has the reasons.

use serde::Serialize;

use super::{Counts, MEASURES, Measure};

/// A count that is part of no sum that is shown, for [`suppress_parts`] to part.
#[must_use]
pub fn suppress_whole(n: i64) -> Shown {
    Shown((!is_small(n)).then_some(n))
}

/// What a count is made of, given what is shown of the whole: the parts are of different people and add up
/// to it.
#[must_use]
pub fn suppress_parts(parts: &[i64], whole: Shown) -> Vec<Shown> {
    let mut hidden: Vec<bool> = parts.iter().map(|n| is_small(*n)).collect();
    hide_complements(parts, &mut hidden, whole.0.is_some());
    parts.iter().zip(hidden).map(|(n, hidden)| Shown((!hidden).then_some(*n))).collect()
}

/// A part of a count, given what is shown of the whole. Withheld where the whole is, since it would say that
/// the whole is no less, and where what is left of the whole is of few people.
#[must_use]
pub fn suppress_part(n: i64, of: i64, whole: Shown) -> Shown {
    suppress_parts(&[n, of - n], whole).first().map_or(Shown(None), |n| n.only_with(whole))
}

/// Counts below it are of too few people.
pub const FLOOR: i64 = 5;

/// A count that may be shown, or nothing. Only the functions of this module
/// make one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct Shown(Option<i64>);

impl Shown {
    /// The count, unless it is withheld.
    #[must_use]
    pub fn count(self) -> Option<i64> {
        self.0
    }

    /// Withheld where another is, from which it could be told.
    #[must_use]
    pub fn only_with(self, other: Shown) -> Shown {
        Shown(self.0.filter(|_| other.0.is_some()))
    }

    /// In whole fives, where it would be read again and again of nearly the same people.
    #[must_use]
    pub fn in_fives(self) -> Shown {
        Shown(self.0.map(|n| n / FLOOR * FLOOR))
    }

    /// By how much it differs from another day's, where both are shown.
    #[must_use]
    pub fn change_since(self, before: Shown) -> Option<i64> {
        Some(self.0? - before.0?)
    }
}

/// Counts of one place that may be shown: of a day, and of those before it.
pub type ShownDays = Vec<[Shown; MEASURES]>;

/// Counts of the country, which is part of nothing.
#[must_use]
pub fn suppress_top(days: &[Counts]) -> ShownDays {
    suppress_table(&[days], None).pop().unwrap_or_default()
}

/// Counts of all children of a division, the unknown among them, given what is shown of the division
/// itself. Each row has a day and those before it, the day first, as many as `above` has.
#[must_use]
pub fn suppress(rows: &[&[Counts]], above: &ShownDays) -> Vec<ShownDays> {
    suppress_table(rows, Some(above))
}

/// A count that is part of no sum that is shown, such as of an office's answers: in whole fives, so
/// that two readings of it tell of nobody either.
#[must_use]
pub fn suppress_alone(n: i64) -> Shown {
    Shown((n >= FLOOR).then_some(n / FLOOR * FLOOR))
}

fn suppress_table(rows: &[&[Counts]], above: Option<&ShownDays>) -> Vec<ShownDays> {
    let days = rows.iter().map(|r| r.len()).min().unwrap_or(0).min(above.map_or(usize::MAX, Vec::len));
    let mut out = vec![vec![[Shown(None); MEASURES]; days]; rows.len()];
    for measure in Measure::ALL {
        let m = measure as usize;
        // Of each row, the counts that are shown of later days, in order.
        let mut shown: Vec<Vec<i64>> = vec![Vec::new(); rows.len()];
        for day in 0..days {
            let counts: Vec<i64> = rows.iter().map(|row| row[day][m]).collect();
            let mut hidden: Vec<bool> = counts
                .iter()
                .zip(&shown)
                .map(|(n, others)| is_small(*n) || !measure.is_of_the_day() && is_near(*n, others))
                .collect();
            if let Some(above) = above {
                hide_complements(&counts, &mut hidden, above[day][m].0.is_some());
            }
            for (i, n) in counts.iter().enumerate().filter(|(i, _)| !hidden[*i]) {
                out[i][day][m] = Shown(Some(*n));
                if let Err(at) = shown[i].binary_search(n) {
                    shown[i].insert(at, *n);
                }
            }
        }
    }
    out
}

/// Of 1 to 4 people; below zero is a count of which a part is not yet folded.
fn is_small(n: i64) -> bool {
    n < FLOOR && n != 0
}

/// Whether it differs by 1 to 4 from any of some counts in order.
fn is_near(n: i64, others: &[i64]) -> bool {
    let at = others.partition_point(|other| *other < n);
    let is_near = |other: Option<&i64>| other.is_some_and(|other| is_small((n - other).abs()));
    is_near(at.checked_sub(1).and_then(|i| others.get(i)))
        || is_near(others.get(at))
        || others.get(at) == Some(&n) && is_near(others.get(at + 1))
}

/// Hides more of a table, until what is hidden cannot be computed from what is not.
fn hide_complements(counts: &[i64], hidden: &mut [bool], total_is_shown: bool) {
    let total: i64 = counts.iter().sum();
    if is_small(total) || total == 0 && !total_is_shown || counts.iter().any(|n| *n < 0) {
        hidden.fill(true);
        return;
    }
    if total_is_shown && !hidden.contains(&true) {
        return;
    }
    counts.iter().zip(hidden.iter_mut()).filter(|(n, _)| **n < FLOOR).for_each(|(_, hidden)| *hidden = true);
    let at_least = if total_is_shown { 2 } else { 1 };
    loop {
        let of_hidden = || counts.iter().zip(hidden.iter()).filter(|(_, hidden)| **hidden);
        if of_hidden().count() >= at_least && of_hidden().map(|(n, _)| n).sum::<i64>() >= FLOOR {
            return;
        }
        let smallest = (0..counts.len()).filter(|i| !hidden[*i]).min_by_key(|i| counts[*i]);
        let Some(smallest) = smallest else { return };
        hidden[smallest] = true;
    }
}
