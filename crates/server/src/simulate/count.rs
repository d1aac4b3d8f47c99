//! What a run counts. Exact, and so for nobody's eyes: [`Forecast::shown`] is the way out.

use std::collections::{BTreeMap, HashMap};

use kangma_core::decision::{Colour, Decision, Status};
use kangma_core::tally::{Place, places};
use serde::{Deserialize, Serialize};

/// What a code looks like: a colour, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Shade {
    /// Green.
    Green = 0,
    /// Yellow.
    Yellow = 1,
    /// Red.
    Red = 2,
    /// No colour.
    Grey = 3,
}

impl Shade {
    /// All of them.
    pub const ALL: [Shade; 4] = [Shade::Green, Shade::Yellow, Shade::Red, Shade::Grey];

    /// Of a colour.
    pub fn of(colour: Option<Colour>) -> Shade {
        match colour {
            Some(Colour::Green) => Shade::Green,
            Some(Colour::Yellow) => Shade::Yellow,
            Some(Colour::Red) => Shade::Red,
            None => Shade::Grey,
        }
    }

    /// Of a stored decision.
    pub fn stored(status: u8, colour: u8) -> Shade {
        let is_active = Status::from_u8(status) == Some(Status::Active);
        Shade::of(Colour::from_u8(colour).filter(|_| is_active))
    }

    /// Its colour.
    pub fn colour(self) -> Option<Colour> {
        match self {
            Shade::Green => Some(Colour::Green),
            Shade::Yellow => Some(Colour::Yellow),
            Shade::Red => Some(Colour::Red),
            Shade::Grey => None,
        }
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        self.colour().map_or("grey", Colour::name)
    }
}

/// Bands of age. The dossier holds no age: it is that of the number of the person's first document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Age {
    /// Under 18.
    Under18,
    /// 18 to 59.
    From18,
    /// 60 to 79.
    From60,
    /// 80 and older.
    From80,
    /// The number holds no day of birth, as a passport's.
    Unknown,
}

impl Age {
    /// All of them.
    pub const ALL: [Age; 5] = [Age::Under18, Age::From18, Age::From60, Age::From80, Age::Unknown];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Age::Under18 => "0-17",
            Age::From18 => "18-59",
            Age::From60 => "60-79",
            Age::From80 => "80+",
            Age::Unknown => "unknown",
        }
    }
}

/// From which shade to which: the same two where nothing changes.
pub type Change = (Shade, Shade);
/// Kinds of change.
const CHANGES: usize = 16;
type Counts = [i64; CHANGES];

fn at((from, to): Change) -> usize {
    from as usize * Shade::ALL.len() + to as usize
}

/// Every change that is one.
pub fn changes() -> impl Iterator<Item = Change> {
    let all = Shade::ALL.into_iter().flat_map(|from| Shade::ALL.map(|to| (from, to)));
    all.filter(|(from, to)| from != to)
}

/// What a rule does to somebody under the draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It stands, and does not under the rules in force.
    Opens,
    /// It stands no more.
    Ends,
}

/// See the module.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    people: u64,
    /// Of whom nothing that is asked for names what differs.
    #[serde(default)]
    untouched: u64,
    destroyed: u64,
    all: Counts,
    /// By the deepest division that people gave, as a number.
    divisions: HashMap<u64, Counts>,
    ages: BTreeMap<Age, Counts>,
    rules: BTreeMap<(Turn, String), Counts>,
    told: Counts,
}

impl Forecast {
    /// People who were looked at.
    pub fn people(&self) -> u64 {
        self.people
    }

    /// Of whom something names what differs; everybody where that was not asked.
    pub fn touched(&self) -> u64 {
        self.people - self.untouched
    }

    /// Whose key was destroyed, so that nothing is known of them.
    pub fn are_destroyed(&self) -> u64 {
        self.destroyed
    }

    /// How many change so.
    pub fn of(&self, change: Change) -> i64 {
        self.all[at(change)]
    }

    /// How many change at all.
    pub fn changed(&self) -> i64 {
        changes().map(|c| self.of(c)).sum()
    }

    /// By band of age.
    pub fn of_age(&self, change: Change, age: Age) -> i64 {
        self.ages.get(&age).map_or(0, |counts| counts[at(change)])
    }

    /// Of whom an account holds the person.
    pub fn told_of(&self, change: Change) -> i64 {
        self.told[at(change)]
    }

    /// Changes by place: every division that anybody lives in, those above it, and the unknown in each.
    pub fn by_place(&self) -> BTreeMap<Place, impl Fn(Change) -> i64 + use<>> {
        let mut sums: BTreeMap<Place, Counts> = BTreeMap::new();
        for (division, counts) in &self.divisions {
            for place in places(*division) {
                let sum = sums.entry(place).or_default();
                sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
            }
        }
        sums.into_iter().map(|(place, counts)| (place, move |change: Change| counts[at(change)])).collect()
    }

    /// What rules do, to how many who change so, or stay as they are.
    pub fn rules_of(&self) -> impl Iterator<Item = (Turn, &str, Change, i64)> {
        let all = || Shade::ALL.into_iter().flat_map(|from| Shade::ALL.map(|to| (from, to)));
        self.rules.iter().flat_map(move |((turn, rule), counts)| {
            all().map(move |change| (*turn, rule.as_str(), change, counts[at(change)])).filter(|c| c.3 != 0)
        })
    }

    pub(super) fn person(&mut self, change: Change, division: u64) {
        self.people += 1;
        self.all[at(change)] += 1;
        self.divisions.entry(division).or_default()[at(change)] += 1;
    }

    pub(super) fn untouched(&mut self) {
        self.people += 1;
        self.untouched += 1;
    }

    pub(super) fn destroyed(&mut self, n: u64) {
        self.destroyed += n;
    }

    pub(super) fn age(&mut self, change: Change, age: Age) {
        self.ages.entry(age).or_default()[at(change)] += 1;
    }

    pub(super) fn told(&mut self, change: Change, has_account: bool) {
        self.told[at(change)] += i64::from(has_account);
    }

    /// Notes which rules stand under one and not under the other; a rule counts once a person.
    pub(super) fn rules(&mut self, change: Change, before: &Decision, after: &Decision) {
        for (turn, here, there) in [(Turn::Opens, after, before), (Turn::Ends, before, after)] {
            for (i, episode) in here.episodes.iter().enumerate() {
                let again = here.episodes[..i].iter().any(|e| e.rule == episode.rule);
                if again || there.episodes.iter().any(|e| e.rule == episode.rule) {
                    continue;
                }
                self.rules.entry((turn, episode.rule.to_string())).or_default()[at(change)] += 1;
            }
        }
    }

    /// Of one who is counted, a rule that does something to them.
    #[cfg(test)]
    pub(super) fn rule(&mut self, change: Change, turn: Turn, rule: &str) {
        self.rules.entry((turn, rule.to_owned())).or_default()[at(change)] += 1;
    }

    pub(super) fn add(&mut self, other: Forecast) {
        let sum = |sums: &mut Counts, more: &Counts| sums.iter_mut().zip(more).for_each(|(s, n)| *s += n);
        self.people += other.people;
        self.untouched += other.untouched;
        self.destroyed += other.destroyed;
        sum(&mut self.all, &other.all);
        sum(&mut self.told, &other.told);
        for (division, counts) in &other.divisions {
            sum(self.divisions.entry(*division).or_default(), counts);
        }
        for (age, counts) in &other.ages {
            sum(self.ages.entry(*age).or_default(), counts);
        }
        for (rule, counts) in other.rules {
            sum(self.rules.entry(rule).or_default(), &counts);
        }
    }
}
