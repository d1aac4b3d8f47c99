//! Administrative divisions of China, levels 1 to 5, built into the binary.
//!
//! Statistical division codes of 2023 (统计用区划代码), which differ from GB/T 2260 in development
//! zones: levels 1 to 4 of the whole country, level 5 of Hangzhou. Codes have 2, 4, 6, 9 or 12 digits;
//! a longer code begins with its parent's. Sources and licences are in `NOTICE`.

use std::sync::OnceLock;

use crate::rules::expr::CODE_LENGTHS;

static DATA: &[u8] = include_bytes!("../data/divisions.txt.zst");

/// Everything unpacked is this large at most, in bytes.
const TEXT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A division.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Division {
    /// 2, 4, 6, 9 or 12 digits.
    pub code: &'static str,
    /// In Chinese.
    pub name: &'static str,
    /// 1 province to 5 community.
    pub level: u8,
    /// Whether there are divisions below it.
    pub has_children: bool,
}

struct Row {
    code: u64,
    name: (u32, u8),
}

/// All divisions.
pub struct Divisions {
    /// By level, each in order of code.
    levels: [Vec<Row>; 5],
    /// All codes as text, one after the other, in the order of the rows.
    codes: [String; 5],
    names: String,
    retired: Vec<u32>,
}

/// The table, unpacked at the first call.
#[must_use]
pub fn divisions() -> &'static Divisions {
    static TABLE: OnceLock<Divisions> = OnceLock::new();
    TABLE.get_or_init(|| {
        let text = zstd::bulk::decompress(DATA, TEXT_BYTES_MAX)
            .expect("the embedded table was made by us and is whole");
        Divisions::parse(std::str::from_utf8(&text).expect("the embedded table is UTF-8"))
    })
}

impl Divisions {
    fn parse(text: &str) -> Divisions {
        let mut all = Divisions {
            levels: Default::default(),
            codes: Default::default(),
            names: String::with_capacity(text.len()),
            retired: Vec::new(),
        };
        let (table, retired) = text.split_once("!\n").unwrap_or((text, ""));
        let mut above = "";
        for line in table.lines() {
            if let Some(code) = line.strip_prefix('>') {
                above = code;
                continue;
            }
            let Some((suffix, name)) = line.split_once(' ') else { continue };
            let code = format!("{above}{suffix}");
            let Some(level) = CODE_LENGTHS.iter().position(|l| *l == code.len()) else { continue };
            let Ok(number) = code.parse() else { continue };
            let at = all.names.len() as u32;
            all.names.push_str(name);
            all.levels[level].push(Row { code: number, name: (at, name.len() as u8) });
            all.codes[level].push_str(&code);
        }
        all.retired = retired.lines().filter_map(|l| l.parse().ok()).collect();
        all.retired.sort_unstable();
        all
    }

    fn level(code: &str) -> Option<usize> {
        let digits = code.bytes().all(|b| b.is_ascii_digit());
        CODE_LENGTHS.iter().position(|l| *l == code.len()).filter(|_| digits)
    }

    fn at(&'static self, level: usize, i: usize) -> Division {
        let row = &self.levels[level][i];
        let n = CODE_LENGTHS[level];
        let code = &self.codes[level][i * n..(i + 1) * n];
        let (from, len) = (row.name.0 as usize, usize::from(row.name.1));
        let has_children = level < 4 && !self.range(level + 1, code).is_empty();
        Division { code, name: &self.names[from..from + len], level: level as u8 + 1, has_children }
    }

    /// Rows of a level whose codes begin with `above`.
    fn range(&self, level: usize, above: &str) -> std::ops::Range<usize> {
        let scale = 10_u64.pow((CODE_LENGTHS[level] - above.len()) as u32);
        let Ok(low) = above.parse::<u64>().or(if above.is_empty() { Ok(0) } else { Err(()) }) else {
            return 0..0;
        };
        let (from, until) = (low * scale, if above.is_empty() { u64::MAX } else { (low + 1) * scale });
        let rows = &self.levels[level];
        rows.partition_point(|r| r.code < from)..rows.partition_point(|r| r.code < until)
    }

    /// The division of a code.
    #[must_use]
    pub fn get(&'static self, code: &str) -> Option<Division> {
        let level = Self::level(code)?;
        let number: u64 = code.parse().ok()?;
        let i = self.levels[level].binary_search_by_key(&number, |r| r.code).ok()?;
        Some(self.at(level, i))
    }

    /// The divisions just below one, or the provinces, in order of code.
    pub fn children(&'static self, parent: Option<&str>) -> impl Iterator<Item = Division> {
        let (level, range) = match parent {
            None => (0, 0..self.levels[0].len()),
            Some(code) => match Self::level(code) {
                Some(level) if level < 4 => (level + 1, self.range(level + 1, code)),
                _ => (0, 0..0),
            },
        };
        range.map(move |i| self.at(level, i))
    }

    /// A division and all above it, from the province down.
    #[must_use]
    pub fn path(&'static self, code: &str) -> Vec<Division> {
        CODE_LENGTHS.iter().filter_map(|n| code.get(..*n)).filter_map(|c| self.get(c)).collect()
    }

    /// The path in words, such as 浙江省杭州市西湖区.
    #[must_use]
    pub fn path_name(&'static self, code: &str) -> Option<String> {
        self.get(code)?;
        let mut names: Vec<&str> = self.path(code).iter().map(|d| d.name).collect();
        // Cities without a level of their own repeat their province in a synthetic one.
        names.dedup();
        Some(names.concat())
    }

    /// How many of a level, 1 to 5.
    #[must_use]
    pub fn count(&self, level: u8) -> usize {
        self.levels.get(usize::from(level).wrapping_sub(1)).map_or(0, Vec::len)
    }
}

impl std::fmt::Debug for Divisions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Divisions({:?})", self.levels.each_ref().map(Vec::len))
    }
}

/// Whether a six-digit address code is in today's table or was in one of 2002 to 2016: identity
/// numbers keep the codes of their time.
#[must_use]
pub fn known_address_code(code: &str) -> bool {
    let all = divisions();
    all.get(code).is_some_and(|d| d.level == 3)
        || code.parse().is_ok_and(|c: u32| all.retired.binary_search(&c).is_ok())
}

/// The whole country's code in packs and dashboards. It is no division of the table: nobody lives
/// in it without living further down.
pub const COUNTRY: &str = "0";

/// What the codes of a division and of all below it begin with: nothing, for the whole country.
#[must_use]
pub fn prefix(code: &str) -> &str {
    if code == COUNTRY { "" } else { code }
}

/// Its name in Chinese, if there is such a division.
#[must_use]
pub fn name(code: &str) -> Option<&'static str> {
    if code == COUNTRY { Some("全国") } else { divisions().get(code).map(|d| d.name) }
}

/// Whether a division lies in another, or is it. Everything lies in the whole country, which is [`COUNTRY`]
/// or empty.
#[must_use]
pub fn lies_in(code: &str, outer: &str) -> bool {
    prefix(code).starts_with(prefix(outer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_division_of_its_vintage() {
        let all = divisions();
        // 31 provinces of the statistical table, and Hong Kong, Macao, Taiwan.
        assert_eq!(all.count(1), 34);
        assert_eq!(all.count(2), 342 + 2);
        assert_eq!(all.count(3), 2_978 + 18 + 8);
        assert_eq!(all.count(4), 41_352);
        assert!(DATA.len() < 700 * 1024, "{} bytes embedded", DATA.len());
    }

    #[test]
    fn hangzhou_is_there_down_to_its_communities() {
        let all = divisions();
        assert_eq!(all.children(Some("3301")).count(), 13);
        let streets: Vec<Division> =
            all.children(Some("3301")).flat_map(|d| all.children(Some(d.code))).collect();
        assert_eq!(streets.len(), 196);
        assert_eq!(streets.iter().flat_map(|d| all.children(Some(d.code))).count(), 3_320);
        assert_eq!(all.count(5), 3_320);
        assert_eq!(all.get("330106").map(|d| d.name), Some("西湖区"));
        assert_eq!(all.path_name("330106").as_deref(), Some("浙江省杭州市西湖区"));
    }

    #[test]
    fn every_division_has_its_parent_and_is_found_by_its_code() {
        let all = divisions();
        for level in 1..5 {
            for i in 0..all.levels[level].len() {
                let d = all.at(level, i);
                assert_eq!(all.get(d.code), Some(d));
                assert!(
                    all.get(&d.code[..CODE_LENGTHS[level - 1]]).is_some_and(|p| p.has_children),
                    "{}",
                    d.code
                );
            }
        }
        for wrong in ["", "3", "330", "99", "3301061", "33010x", "999999", "３３", "330106999999999"] {
            assert_eq!(all.get(wrong), None, "{wrong}");
            assert_eq!(all.children(Some(wrong)).count(), 0, "{wrong}");
        }
    }

    #[test]
    fn a_city_lies_in_its_province_and_all_in_the_country_and_not_the_other_way_round() {
        for (code, outer) in [
            ("330106", "3301"),
            ("3301", "33"),
            ("33", "33"),
            ("33", COUNTRY),
            ("33", ""),
            (COUNTRY, COUNTRY),
            (COUNTRY, ""),
            ("", COUNTRY),
        ] {
            assert!(lies_in(code, outer), "{code} in {outer}");
        }
        for (code, outer) in [("33", "3301"), ("3401", "33"), (COUNTRY, "33"), ("", "33"), ("33", "03")] {
            assert!(!lies_in(code, outer), "{code} in {outer}");
        }
        assert_eq!(
            (divisions().get(COUNTRY), name(COUNTRY), name("33")),
            (None, Some("全国"), Some("浙江省"))
        );
    }

    #[test]
    fn retired_codes_of_identity_numbers_are_known() {
        // Two districts of Hangzhou that were merged in 2021.
        assert!(known_address_code("330103") && known_address_code("330104"));
        assert!(known_address_code("330106"));
        assert!(!known_address_code("999999"));
    }
}
