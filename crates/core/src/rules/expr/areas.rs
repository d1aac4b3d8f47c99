//! Named lists of divisions, such as the areas at risk, each entry for a span of days.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::diagnostic::nearest;
use crate::fact::{Fact, Facts};
use crate::time::Day;

/// Digits of a division's code at each level: province, prefecture, county, township, village.
pub const CODE_LENGTHS: [usize; 5] = [2, 4, 6, 9, 12];

/// Most lists.
pub const LISTS_MAX: usize = 256;
/// Most entries in a list: more than all divisions of levels 1 to 5.
pub const ENTRIES_MAX: usize = 1_000_000;
/// Longest name of a list, in bytes.
pub const KEY_BYTES_MAX: usize = 64;

/// A division on a list, as packs write it: `{ code = "4201", from = "2020-01-23" }`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// The division's code: 2, 4, 6, 9 or 12 digits. All divisions inside it are meant too.
    pub code: Box<str>,
    /// First day on the list; from the beginning of time if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// First day no longer on the list; for ever if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
}

/// Why a list of areas was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AreaError {
    /// A name is not lower-case letters, digits, `_` and `-`, begun by a letter.
    #[error("[area.key] {0:?} is no name for a list of areas: use a-z, 0-9, _ and -, at most 64")]
    Key(String),
    /// A code is not 2, 4, 6, 9 or 12 digits.
    #[error("[area.code] {code:?} in the list {key} is no division code: 2, 4, 6, 9 or 12 digits")]
    Code {
        /// The list.
        key: String,
        /// The code.
        code: String,
    },
    /// `until` is not after `from`.
    #[error("[area.window] {code} in the list {key} is listed until {until}, which is not after {from}")]
    Window {
        /// The list.
        key: String,
        /// The code.
        code: String,
        /// First day.
        from: Day,
        /// First day after.
        until: Day,
    },
    /// Too many lists, or too many entries in one.
    #[error("[area.limit] at most {LISTS_MAX} lists of {ENTRIES_MAX} areas")]
    Limit,
}

impl AreaError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            AreaError::Key(_) => "area.key",
            AreaError::Code { .. } => "area.code",
            AreaError::Window { .. } => "area.window",
            AreaError::Limit => "area.limit",
        }
    }
}

/// An entry, ready to be searched: a code becomes one number that sorts and compares fast.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Entry {
    code: u64,
    from: Day,
    until: Day,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct List {
    key: Box<str>,
    entries: Vec<Entry>,
    /// Bit i is set if an entry has `CODE_LENGTHS[i]` digits: other lengths are not searched.
    levels: u8,
}

/// Named lists of areas. In packs and JSON: `{"high": [{"code": "42", "from": "2020-01-23"}]}`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Vec<Area>>", into = "BTreeMap<String, Vec<Area>>")]
pub struct Areas {
    /// Sorted by key.
    lists: Vec<List>,
    /// Lists that are asked beside these ([`Areas::beside`]).
    listed: Option<Arc<Areas>>,
}

/// A code as a number: its digits with a 1 before them, so that `03` and `3` differ.
/// Calls `visit` with the level and number of every prefix that is a division.
fn prefixes(code: &str, mut visit: impl FnMut(usize, u64) -> bool) -> bool {
    let mut n = 1u64;
    let mut level = 0;
    if code.len() > CODE_LENGTHS[4] {
        return false;
    }
    for (i, b) in code.bytes().enumerate() {
        if !b.is_ascii_digit() {
            return false;
        }
        n = n * 10 + u64::from(b - b'0');
        if i + 1 == CODE_LENGTHS[level] {
            if visit(level, n) {
                return true;
            }
            level += 1;
        }
    }
    false
}

fn number(code: &str) -> Option<(usize, u64)> {
    let mut found = None;
    prefixes(code, |level, n| {
        found = (CODE_LENGTHS[level] == code.len()).then_some((level, n));
        false
    });
    found
}

/// Whether a text has the form of a division's code.
#[must_use]
pub fn is_code(code: &str) -> bool {
    number(code).is_some()
}

impl List {
    fn holds(&self, code: &str, day: Day) -> bool {
        prefixes(code, |level, n| {
            if self.levels & (1 << level) == 0 {
                return false;
            }
            let first = self.entries.partition_point(|e| e.code < n);
            self.entries[first..].iter().take_while(|e| e.code == n).any(|e| e.from <= day && day < e.until)
        })
    }
}

impl Areas {
    /// No lists.
    #[must_use]
    pub fn new() -> Areas {
        Areas::default()
    }

    /// Sets a list, in place of one of the same name.
    pub fn set(&mut self, key: &str, areas: &[Area]) -> Result<(), AreaError> {
        let mut chars = key.bytes();
        if key.len() > KEY_BYTES_MAX
            || !chars.next().is_some_and(|b| b.is_ascii_lowercase())
            || !chars.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
        {
            return Err(AreaError::Key(key.chars().take(KEY_BYTES_MAX).collect()));
        }
        let mut list = List { key: key.into(), ..List::default() };
        if areas.len() > ENTRIES_MAX {
            return Err(AreaError::Limit);
        }
        for area in areas {
            let Some((level, code)) = number(&area.code) else {
                let code = area.code.chars().take(20).collect();
                return Err(AreaError::Code { key: key.to_owned(), code });
            };
            let (from, until) = (area.from.unwrap_or(Day(i32::MIN)), area.until.unwrap_or(Day(i32::MAX)));
            if until <= from {
                return Err(AreaError::Window {
                    key: key.to_owned(),
                    code: area.code.to_string(),
                    from,
                    until,
                });
            }
            list.levels |= 1 << level;
            list.entries.push(Entry { code, from, until });
        }
        list.entries.sort_unstable();
        list.entries.dedup();
        match self.find(key) {
            Ok(at) => self.lists[at] = list,
            Err(_) if self.lists.len() == LISTS_MAX => return Err(AreaError::Limit),
            Err(at) => self.lists.insert(at, list),
        }
        Ok(())
    }

    /// Takes over every list of `other`, in place of those of the same name: a child pack over
    /// its parent, or today's areas over those of the pack.
    pub fn override_with(&mut self, other: &Areas) -> Result<(), AreaError> {
        for list in &other.lists {
            match self.find(&list.key) {
                Ok(at) => self.lists[at] = list.clone(),
                Err(_) if self.lists.len() == LISTS_MAX => return Err(AreaError::Limit),
                Err(at) => self.lists.insert(at, list.clone()),
            }
        }
        Ok(())
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.lists.binary_search_by(|l| (*l.key).cmp(key))
    }

    /// Whether a division lies in a list's area on a day: it, or a division that it is part of,
    /// is listed. A list that does not exist holds nothing. A division larger than what is
    /// listed does not lie in it: a province is not inside its county.
    #[must_use]
    pub fn in_area(&self, code: &str, key: &str, day: Day) -> bool {
        self.find(key).is_ok_and(|at| self.lists[at].holds(code, day))
            || self.listed.as_ref().is_some_and(|listed| listed.in_area(code, key, day))
    }

    /// The same lists with others beside them: what lies in a list here or there, lies in it. The others
    /// are shared, not copied.
    #[must_use]
    pub fn beside(&self, listed: &Arc<Areas>) -> Areas {
        Areas { lists: self.lists.clone(), listed: Some(Arc::clone(listed)) }
    }

    /// The days after `after` on which a division, or one that it is part of, comes onto a list or
    /// leaves it; unsorted.
    pub(crate) fn boundaries(&self, code: &str, key: &str, after: Day, out: &mut Vec<Day>) {
        if let Some(listed) = &self.listed {
            listed.boundaries(code, key, after, out);
        }
        let Ok(at) = self.find(key) else { return };
        let list = &self.lists[at];
        prefixes(code, |level, n| {
            if list.levels & (1 << level) != 0 {
                let first = list.entries.partition_point(|e| e.code < n);
                let entries = list.entries[first..].iter().take_while(|e| e.code == n);
                out.extend(
                    entries.flat_map(|e| [e.from, e.until]).filter(|day| *day > after && day.0 != i32::MAX),
                );
            }
            false
        });
    }

    /// The names of the lists that a division lies in on a day, in order of name.
    pub fn lists_of<'a>(&'a self, code: &'a str, day: Day) -> impl Iterator<Item = &'a str> {
        self.keys().filter(move |key| self.in_area(code, key, day))
    }

    /// Whether a division lies in any list on a day.
    #[must_use]
    pub fn any(&self, code: &str, day: Day) -> bool {
        self.lists_of(code, day).next().is_some()
    }

    /// The names of all lists, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.lists.iter().map(|l| &*l.key)
    }

    /// Codes that are listed, at most so many of each list.
    pub fn codes(&self, of_each: usize) -> impl Iterator<Item = Box<str>> {
        // The leading 1 is not part of the code.
        let text = |e: &Entry| e.code.to_string()[1..].into();
        self.lists.iter().flat_map(move |l| l.entries.iter().take(of_each).map(text))
    }

    /// Codes on one list, in no order that means anything.
    pub fn codes_of(&self, key: &str) -> impl Iterator<Item = Box<str>> + '_ {
        // The leading 1 is not part of the code.
        let text = |e: &Entry| e.code.to_string()[1..].into();
        self.find(key).ok().into_iter().flat_map(move |at| self.lists[at].entries.iter().map(text))
    }

    /// No lists at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// The list whose name is nearest to a mistyped one.
    #[must_use]
    pub fn nearest(&self, key: &str) -> Option<&str> {
        nearest(key, self.keys())
    }
}

/// Where two collections of lists differ: the divisions of entries that are in one and not in the other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Difference {
    /// Sorted.
    codes: Vec<u64>,
    /// As in a list.
    levels: u8,
}

impl Difference {
    /// Between two collections, what stands beside them left out.
    #[must_use]
    pub fn between(a: &Areas, b: &Areas) -> Difference {
        let entries = |areas: &Areas| {
            let all = areas.lists.iter().flat_map(|l| l.entries.iter().map(|e| (l.key.clone(), *e)));
            all.collect::<std::collections::HashSet<_>>()
        };
        let (a, b) = (entries(a), entries(b));
        Difference::of(a.symmetric_difference(&b).map(|(_, e)| e.code).collect())
    }

    fn of(mut codes: Vec<u64>) -> Difference {
        codes.sort_unstable();
        codes.dedup();
        // A code is 1 and its digits.
        let level = |code: u64| CODE_LENGTHS.iter().position(|n| *n == code.ilog10() as usize);
        let levels = codes.iter().filter_map(|c| level(*c)).fold(0, |levels, level| levels | 1 << level);
        Difference { codes, levels }
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Difference) -> Difference {
        Difference::of(self.codes.iter().chain(&other.codes).copied().collect())
    }

    /// No difference.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Whether a division lies in one of those that differ.
    #[must_use]
    pub fn holds(&self, code: &str) -> bool {
        prefixes(code, |level, n| self.levels & (1 << level) != 0 && self.codes.binary_search(&n).is_ok())
    }

    /// Whether any fact names such a division in a field that rules may read. Of whom none does, nothing
    /// that a rule asks of the lists is answered otherwise.
    #[must_use]
    pub fn touches(&self, facts: &Facts) -> bool {
        !self.is_empty() && facts.iter().flat_map(Fact::places).any(|code| self.holds(code))
    }
}

impl TryFrom<BTreeMap<String, Vec<Area>>> for Areas {
    type Error = AreaError;

    fn try_from(lists: BTreeMap<String, Vec<Area>>) -> Result<Areas, AreaError> {
        let mut areas = Areas::new();
        for (key, list) in &lists {
            areas.set(key, list)?;
        }
        Ok(areas)
    }
}

impl From<Areas> for BTreeMap<String, Vec<Area>> {
    fn from(areas: Areas) -> BTreeMap<String, Vec<Area>> {
        let area = |e: &Entry| Area {
            // The leading 1 is not part of the code.
            code: e.code.to_string()[1..].into(),
            from: (e.from.0 != i32::MIN).then_some(e.from),
            until: (e.until.0 != i32::MAX).then_some(e.until),
        };
        areas.lists.into_iter().map(|l| (l.key.into(), l.entries.iter().map(area).collect())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn a_division_lies_in_an_area_through_any_of_its_ancestors_and_only_in_its_days() {
        let areas: Areas = toml::from_str(
            r#"
            high = [{ code = "42", from = "2020-01-23", until = "2020-04-08" }, { code = "330304" }]
            low = []
            "#,
        )
        .unwrap();
        for (code, on, expected) in [
            ("42", "2020-01-23", true),
            ("420106", "2020-01-23", true),
            ("420106001002", "2020-04-07", true),
            ("420106", "2020-01-22", false),
            ("420106", "2020-04-08", false),
            ("330304", "1999-01-01", true),
            ("330304011", "2020-01-01", true),
            ("3303", "2020-01-01", false),
            ("33030", "2020-01-01", false),
            ("330305", "2020-01-01", false),
            ("4", "2020-02-01", false),
            ("", "2020-02-01", false),
            ("4201061", "2020-02-01", true),
            ("42x", "2020-02-01", true),
        ] {
            assert_eq!(areas.in_area(code, "high", day(on)), expected, "{code} on {on}");
            assert!(!areas.in_area(code, "low", day(on)));
            assert!(!areas.in_area(code, "none", day(on)));
            assert_eq!(areas.any(code, day(on)), expected);
        }
        assert_eq!(areas.lists_of("330304", day("2020-01-01")).collect::<Vec<_>>(), ["high"]);
    }

    #[test]
    fn a_division_can_be_listed_for_several_spans_of_days() {
        let areas: Areas = serde_json::from_str(
            r#"{"high":[{"code":"4201","from":"2020-01-23","until":"2020-02-01"},{"code":"4201","from":"2020-03-01"}]}"#,
        )
        .unwrap();
        let on = |d| areas.in_area("420106", "high", day(d));
        assert!(on("2020-01-31") && !on("2020-02-15") && on("2020-03-01") && on("9999-12-31"));
    }

    #[test]
    fn lists_survive_the_way_to_json_and_back() {
        let text = r#"{"a":[{"code":"03","until":"2020-04-08"},{"code":"330106001002","from":"2020-01-23"}],"b":[]}"#;
        let areas: Areas = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&areas).unwrap(), text);
    }

    #[test]
    fn a_list_that_makes_no_sense_is_refused_by_name() {
        for (text, code) in [
            (r#"{"High":[]}"#, "area.key"),
            (r#"{"":[]}"#, "area.key"),
            (r#"{"high":[{"code":"421"}]}"#, "area.code"),
            (r#"{"high":[{"code":"4２"}]}"#, "area.code"),
            (r#"{"high":[{"code":"1234567890123"}]}"#, "area.code"),
            (r#"{"high":[{"code":"42","from":"2020-01-23","until":"2020-01-23"}]}"#, "area.window"),
        ] {
            let lists: BTreeMap<String, Vec<Area>> = serde_json::from_str(text).unwrap();
            assert_eq!(Areas::try_from(lists).unwrap_err().code(), code, "{text}");
            assert!(serde_json::from_str::<Areas>(text).unwrap_err().to_string().contains(code));
        }
        assert!(serde_json::from_str::<Areas>(r#"{"high":[{"code":"42","form":"2020-01-23"}]}"#).is_err());
    }

    #[test]
    fn a_list_of_the_same_name_takes_the_place_of_the_parents() {
        let mut areas: Areas =
            serde_json::from_str(r#"{"high":[{"code":"42"}],"low":[{"code":"33"}]}"#).unwrap();
        areas.override_with(&serde_json::from_str(r#"{"high":[{"code":"33"}]}"#).unwrap()).unwrap();
        let on = day("2020-02-01");
        assert!(!areas.in_area("42", "high", on) && areas.in_area("33", "high", on));
        assert!(areas.in_area("33", "low", on));
        assert_eq!(areas.nearest("hihg"), Some("high"));
    }

    #[test]
    fn lists_beside_add_to_those_of_the_same_name_and_their_days_count_too() {
        let own: Areas = serde_json::from_str(r#"{"high":[{"code":"42"}],"low":[]}"#).unwrap();
        let listed: Areas = serde_json::from_str(
            r#"{"high":[{"code":"330106001","from":"2020-02-01","until":"2020-02-15"}],"other":[{"code":"33"}]}"#,
        )
        .unwrap();
        let areas = own.beside(&Arc::new(listed));
        let on = day("2020-02-10");
        assert!(areas.in_area("42", "high", on) && areas.in_area("330106001002", "high", on));
        assert!(!areas.in_area("330106001002", "high", day("2020-02-15")) && !areas.in_area("33", "low", on));
        let mut days = Vec::new();
        areas.boundaries("330106001002", "high", day("2020-01-01"), &mut days);
        assert_eq!(days, [day("2020-02-01"), day("2020-02-15")]);
        assert_eq!(areas.lists_of("330106001", on).collect::<Vec<_>>(), ["high"], "of the pack's own lists");
        assert_eq!(areas.keys().collect::<Vec<_>>(), ["high", "low"]);
    }

    #[test]
    fn only_whoever_names_a_place_in_what_differs_is_touched() {
        let lists = |json: &str| -> Areas { serde_json::from_str(json).unwrap() };
        let before = lists(r#"{"high":[{"code":"330106001"},{"code":"3303","from":"2020-02-01"}],"low":[]}"#);
        let after = lists(
            r#"{"high":[{"code":"330106001"},{"code":"3303","from":"2020-02-02"}],"low":[{"code":"34"}]}"#,
        );
        let differs = Difference::between(&before, &after);
        for (code, touched) in [
            ("3303", true),
            ("330304", true),
            ("340104", true),
            ("330106001002", false),
            ("33", false),
            ("330106001", false),
            ("", false),
            ("35", false),
        ] {
            assert_eq!(differs.holds(code), touched, "{code}");
        }
        assert!(Difference::between(&before, &before).is_empty());
        // The same place on another list is a difference too.
        let moved = lists(r#"{"low":[{"code":"330106001"},{"code":"3303","from":"2020-02-01"}]}"#);
        assert!(Difference::between(&before, &moved).holds("330106001002"));
        let both = differs.and(&Difference::between(&before, &moved));
        assert!(both.holds("34") && both.holds("330106001"));
    }
}
