//! Counts of people per division and day: what is counted of a person, how a change of it is
//! folded into the division and all above it, and what of the counts may be shown.
//!
//! Nothing here knows a person: a [`Change`] says what was counted before and what is now.

mod cell;
mod suppress;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

pub use cell::Cell;
pub use suppress::{
    FLOOR, Shown, suppress, suppress_alone, suppress_part, suppress_parts, suppress_top, suppress_whole,
};

use crate::decision::Colour;
use crate::division::divisions;
use crate::rules::expr::CODE_LENGTHS;
use crate::time::Day;

/// Days that a cell keeps, today included.
pub const DAYS: usize = 90;
/// How many measures there are.
pub const MEASURES: usize = 7;

/// What is counted. The order is the order in [`Counts`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Measure {
    /// People with a green code.
    Green = 0,
    /// People with a yellow code.
    Yellow = 1,
    /// People with a red code.
    Red = 2,
    /// People without a colour: unknown, waiting for a reviewer, or to declare again.
    Grey = 3,
    /// People who turned red on the day.
    NewRed = 4,
    /// People whose check-in of today is due and not done.
    Overdue = 5,
    /// People of whom something waits for a reviewer.
    Review = 6,
}

impl Measure {
    /// All, in their order.
    pub const ALL: [Measure; MEASURES] = [
        Measure::Green,
        Measure::Yellow,
        Measure::Red,
        Measure::Grey,
        Measure::NewRed,
        Measure::Overdue,
        Measure::Review,
    ];

    /// Its word in JSON and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Measure::Green => "green",
            Measure::Yellow => "yellow",
            Measure::Red => "red",
            Measure::Grey => "grey",
            Measure::NewRed => "new_red",
            Measure::Overdue => "overdue",
            Measure::Review => "review",
        }
    }

    /// Whether it counts what happened on a day, rather than how things stand.
    #[must_use]
    pub const fn is_of_the_day(self) -> bool {
        matches!(self, Measure::NewRed)
    }
}

/// A count for each [`Measure`]. A count may be below zero for a moment: changes are folded in any
/// order, and the sum is right when all are.
pub type Counts = [i64; MEASURES];

/// What is counted of one person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counted {
    /// The deepest code that they gave, as a number; 0 unknown.
    pub division: u64,
    /// Their colour; `None` is grey.
    pub colour: Option<Colour>,
    /// Whether today's check-in is due and not done.
    pub overdue: bool,
    /// Whether something of theirs waits for a reviewer.
    pub review: bool,
}

impl Counted {
    fn flags(self) -> u8 {
        self.colour.map_or(0, |c| c as u8) | u8::from(self.overdue) << 2 | u8::from(self.review) << 3
    }

    fn from_parts(division: u64, flags: u8) -> Counted {
        Counted {
            division,
            colour: Colour::from_u8(flags & 3),
            overdue: flags & 4 != 0,
            review: flags & 8 != 0,
        }
    }

    /// What they add to the counts of how things stand.
    #[must_use]
    pub fn counts(self) -> Counts {
        let mut counts = [0; MEASURES];
        let colour = match self.colour {
            Some(Colour::Green) => Measure::Green,
            Some(Colour::Yellow) => Measure::Yellow,
            Some(Colour::Red) => Measure::Red,
            None => Measure::Grey,
        };
        counts[colour as usize] = 1;
        counts[Measure::Overdue as usize] = i64::from(self.overdue);
        counts[Measure::Review as usize] = i64::from(self.review);
        counts
    }
}

/// A person's row was written, and what is counted of them is no longer what it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// The day of the decision, in the pack's zone.
    pub day: Day,
    /// When it was written, in milliseconds of the machine's clock: for the age of what waits.
    pub at_ms: i64,
    /// What was counted before; `None` for somebody who was not.
    pub from: Option<Counted>,
    /// What is counted now.
    pub to: Counted,
    /// Whether they turned red.
    pub new_red: bool,
}

/// Bytes of a change, the same for all: a sealed one says nothing by its length.
pub const CHANGE_BYTES: usize = 4 + 8 + 9 + 9 + 1;

impl Change {
    /// As stored, before it is sealed.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; CHANGE_BYTES] {
        let from = self.from.unwrap_or(Counted { division: 0, colour: None, overdue: false, review: false });
        let flags = u8::from(self.from.is_some()) | u8::from(self.new_red) << 1;
        let mut out = [0; CHANGE_BYTES];
        let mut rest = &mut out[..];
        let mut put = |bytes: &[u8]| {
            let (here, after) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            here.copy_from_slice(bytes);
            rest = after;
        };
        put(&self.day.0.to_be_bytes());
        put(&self.at_ms.to_be_bytes());
        for counted in [from, self.to] {
            put(&counted.division.to_be_bytes());
            put(&[counted.flags()]);
        }
        put(&[flags]);
        out
    }

    /// Reads it back; `None` where the bytes are not one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Change> {
        let bytes: &[u8; CHANGE_BYTES] = bytes.try_into().ok()?;
        let eight = |at: usize| bytes.get(at..at + 8).and_then(|b| <[u8; 8]>::try_from(b).ok());
        let counted =
            |at: usize| Some(Counted::from_parts(u64::from_be_bytes(eight(at)?), *bytes.get(at + 8)?));
        let flags = bytes[CHANGE_BYTES - 1];
        Some(Change {
            day: Day(i32::from_be_bytes(*bytes.first_chunk()?)),
            at_ms: i64::from_be_bytes(eight(4)?),
            from: if flags & 1 == 0 { None } else { Some(counted(12)?) },
            to: counted(21)?,
            new_red: flags & 2 != 0,
        })
    }
}

/// A place whose people are counted: a division, or those in a division who gave no deeper code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// Code of the division as a number; 0 the whole country.
    pub code: u64,
    /// Those in it who gave no deeper code: a child of the division, so that children add up to it.
    pub unknown: bool,
}

impl Place {
    /// The whole country.
    pub const COUNTRY: Place = Place { code: 0, unknown: false };

    /// A division.
    #[must_use]
    pub const fn division(code: u64) -> Place {
        Place { code, unknown: false }
    }

    /// Those in a division of whom no more is known.
    #[must_use]
    pub const fn unknown_in(code: u64) -> Place {
        Place { code, unknown: true }
    }

    /// The place of a text as [`fmt::Display`] writes it; divisions have to be in the table.
    #[must_use]
    pub fn parse(text: &str) -> Option<Place> {
        let (code, unknown) = text.strip_suffix('?').map_or((text, false), |code| (code, true));
        if code != "0" {
            divisions().get(code)?;
        }
        Some(Place { code: code.parse().ok()?, unknown })
    }

    /// Whether somebody of a code lives in it.
    #[must_use]
    pub fn holds(self, mut division: u64) -> bool {
        if self.code == 0 {
            return !self.unknown || division == 0;
        }
        if self.unknown {
            return places(division).last() == Some(&self);
        }
        // Codes are longer by two digits, or by three below a county: cutting one at a time meets all of them.
        while division > self.code {
            division /= 10;
        }
        division == self.code
    }

    /// The division above, or the country; `None` for the country.
    #[must_use]
    pub fn above(self) -> Option<Place> {
        if self.unknown {
            return Some(Place::division(self.code));
        }
        if self.code == 0 {
            return None;
        }
        let text = self.code.to_string();
        let shorter = CODE_LENGTHS.iter().rev().find(|n| **n < text.len());
        Some(Place::division(shorter.and_then(|n| text.get(..*n)?.parse().ok()).unwrap_or(0)))
    }

    /// What lies just below, the unknown last; empty where no deeper code exists.
    #[must_use]
    pub fn children(self) -> Vec<Place> {
        if self.unknown {
            return Vec::new();
        }
        let text = self.code.to_string();
        let parent = (self.code != 0).then_some(text.as_str());
        let mut below: Vec<Place> =
            divisions().children(parent).filter_map(|d| d.code.parse().ok().map(Place::division)).collect();
        if !below.is_empty() {
            below.push(Place::unknown_in(self.code));
        }
        below
    }

    /// The country and every division down to this place, itself included.
    #[must_use]
    pub fn path(self) -> Vec<Place> {
        let mut path: Vec<Place> = std::iter::successors(Some(self), |p| p.above()).collect();
        path.reverse();
        path
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.code, if self.unknown { "?" } else { "" })
    }
}

/// Where a person of a code is counted: the country, each division of the table that the code lies
/// in, and last the unknown below the deepest of them where deeper codes exist.
#[must_use]
pub fn places(division: u64) -> Vec<Place> {
    let text = division.to_string();
    let known = CODE_LENGTHS.iter().filter_map(|n| text.get(..*n)).map_while(|c| divisions().get(c));
    let mut places = vec![Place::COUNTRY];
    let mut leads_further = true;
    for division in known {
        places.extend(division.code.parse().ok().map(Place::division));
        leads_further = division.has_children;
    }
    if leads_further {
        places.extend(places.last().map(|p| Place::unknown_in(p.code)));
    }
    places
}

/// What changes add to each place, by day; nothing where they cancel out.
pub type Folded = BTreeMap<Place, BTreeMap<Day, Counts>>;

/// Folds changes. Their order makes no difference, nor how they are split over several folds.
#[must_use]
pub fn fold<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Folded {
    let mut folded = Folded::new();
    for change in changes {
        let mut add = |counted: Counted, sign: i64, new_red: bool| {
            let mut counts = counted.counts().map(|n| sign * n);
            counts[Measure::NewRed as usize] = i64::from(new_red);
            for place in places(counted.division) {
                let day = folded.entry(place).or_default().entry(change.day).or_insert([0; MEASURES]);
                day.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
            }
        };
        if let Some(from) = change.from {
            add(from, -1, false);
        }
        add(change.to, 1, change.new_red);
    }
    for days in folded.values_mut() {
        days.retain(|_, counts| counts.iter().any(|n| *n != 0));
    }
    folded.retain(|_, days| !days.is_empty());
    folded
}
