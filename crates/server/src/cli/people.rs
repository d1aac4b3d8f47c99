//! Made-up residents, the same for `kangma seed` and `kangma load`: number `i` of a seed is always
//! the same person. Nobody real: names say so, and the numbers are counted out.
//!
//! Spread like Hangzhou's residents at the end of 2021 (the city's statistics, B), rounded: 13 % under
//! 15, 70 % from 15 to 59 and 17 % older, 52 men to 48 women. The split within the three ages is
//! ours, and so are the districts' weights, which are near the census of 2020.

use std::collections::HashMap;
use std::sync::LazyLock;

use kangma_core::identity::{Document, DocumentType, Name, Phone};
use kangma_core::time::Day;
use serde_json::json;

/// The seed where none is given.
pub const SEED: u64 = 1;

/// Hangzhou's districts and counties, whose codes the made-up documents carry, and their weights: some
/// ten thousands of residents.
const DISTRICTS: [(&str, u32); 13] = [
    ("330102", 132),
    ("330105", 112),
    ("330106", 111),
    ("330108", 50),
    ("330109", 201),
    ("330110", 123),
    ("330111", 83),
    ("330112", 63),
    ("330113", 118),
    ("330114", 77),
    ("330122", 45),
    ("330127", 33),
    ("330182", 44),
];
/// Of 100, those of each five years, the youngest first; the last ten years count as one.
const AGES: [u32; 17] = [4, 5, 4, 4, 7, 10, 12, 9, 8, 7, 7, 6, 5, 5, 3, 2, 2];
/// Birth year of the youngest.
const YOUNGEST: i16 = 2019;
/// Of 100.
const MEN: u32 = 52;
/// People in a cycle: each has another place in the pyramid.
const COHORTS: usize = 4_096;
/// Days of a birth year that are used, and numbers of a day and sex.
const DAYS: u64 = 365;
const A_DAY: u64 = 499;

/// How a made-up person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Nothing active: 95 of 100.
    Well,
    /// Had symptoms: 3 of 100.
    Symptoms,
    /// Met a confirmed case: 2 of 100.
    Contact,
}

/// A number well spread over 64 bits (the finaliser of SplitMix64).
pub fn spread(n: u64, salt: u64) -> u64 {
    let mut z = n.wrapping_add(salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A place in the pyramid. Several of a cycle may be alike: `rank` of `alike` tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cohort {
    district: usize,
    born: i16,
    man: bool,
    rank: u64,
    alike: u64,
}

static PYRAMID: LazyLock<Vec<Cohort>> = LazyLock::new(|| {
    // Three sequences that fill the unit interval evenly and do not run together.
    let part = |c: usize, step: f64| (c as f64 * step + 0.5).fract();
    let pick = |weights: &[u32], at: f64| {
        let mut left = at * f64::from(weights.iter().sum::<u32>());
        weights.iter().position(|w| {
            left -= f64::from(*w);
            left < 0.0
        })
    };
    let residents = DISTRICTS.map(|(_, residents)| residents);
    let mut seen: HashMap<(usize, i16, bool), u64> = HashMap::new();
    let mut cohorts: Vec<Cohort> = (0..COHORTS)
        .map(|c| {
            let group = pick(&AGES, part(c, 0.618_033_988_749_895)).unwrap_or(0);
            let years = if group + 1 == AGES.len() { 10 } else { 5 };
            let year = (part(c, 0.414_213_562_373_095) * f64::from(years)) as i16;
            let district = pick(&residents, c as f64 / COHORTS as f64).unwrap_or(0);
            let man = part(c, 0.732_050_807_568_877) * 100.0 < f64::from(MEN);
            let born = YOUNGEST - 5 * group as i16 - year;
            let alike = seen.entry((district, born, man)).or_default();
            let rank = std::mem::replace(alike, *alike + 1);
            Cohort { district, born, man, rank, alike: 0 }
        })
        .collect();
    cohorts.iter_mut().for_each(|c| c.alike = seen[&(c.district, c.born, c.man)]);
    cohorts
});

/// A made-up resident.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    seed: u64,
    i: u64,
}

impl Made {
    /// Number `i` of a seed.
    pub fn new(seed: u64, i: u64) -> Made {
        Made { seed, i }
    }

    fn spread(self, salt: u64) -> u64 {
        spread(self.i ^ spread(self.seed, 0), salt)
    }

    /// How they are.
    pub fn case(self) -> Case {
        match self.spread(1) % 100 {
            0..=1 => Case::Contact,
            2..=4 => Case::Symptoms,
            _ => Case::Well,
        }
    }

    /// A number below `n`, for details.
    pub fn below(self, n: u64, salt: u64) -> u64 {
        self.spread(salt) % n
    }

    fn cohort(self) -> Cohort {
        let at = (self.i.wrapping_mul(2_731).wrapping_add(spread(self.seed, 1))) % COHORTS as u64;
        PYRAMID[at as usize]
    }

    /// Where they live.
    pub fn district(self) -> &'static str {
        DISTRICTS[self.cohort().district].0
    }

    /// Phone.
    pub fn phone(self) -> Phone {
        Phone::parse(&format!("199{:08}", self.i % 100_000_000)).expect("counted-out phones are well formed")
    }

    /// Name.
    pub fn name(self) -> Name {
        Name::parse(&format!(
            "样例{}",
            ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛"][(self.i % 8) as usize]
        ))
        .expect("made-up names are well formed")
    }

    /// Resident identity card; unlike for the first 20 million.
    pub fn document(self, today: Day) -> Document {
        let Cohort { born, man, rank, alike, .. } = self.cohort();
        let nth = self.i / COHORTS as u64 * alike + rank;
        let day = (nth * 173 + spread(self.seed, 2)) % DAYS;
        let seq = nth / DAYS % A_DAY * 2 + 1 + u64::from(!man);
        let new_year = Day::from_ymd(born, 1, 1).expect("every year has a first day");
        let (y, m, d) = new_year.plus(day as i32).ymd();
        let body = format!("{}{y:04}{m:02}{d:02}{seq:03}", self.district());
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum: u32 = body.bytes().zip(weights).map(|(c, w)| u32::from(c - b'0') * w).sum();
        let check = char::from(b"10X98765432"[(sum % 11) as usize]);
        Document::parse(DocumentType::ResidentId, &format!("{body}{check}"), None, today)
            .expect("counted-out documents are well formed")
    }

    /// What they declare. `turn` varies the temperature, so that no two declarations are equal.
    pub fn answers(self, turn: u64) -> serde_json::Map<String, serde_json::Value> {
        let case = self.case();
        let unwell = case == Case::Symptoms;
        let temperature = if unwell { 37.6 } else { 36.2 + (self.spread(turn + 3) % 8) as f64 / 10.0 };
        let answers = json!({
            "subject": "resident", "residence": self.district(), "in_city": true,
            "contact": if case == Case::Contact { "confirmed" } else { "none" },
            "health": if unwell { "unwell" } else { "well" },
            "overseas": false, "under_measure": "none",
            "temperature_c": (temperature * 10.0_f64).round() / 10.0,
            "symptoms": if unwell { vec!["fever", "dry_cough"] } else { vec![] },
        });
        match answers {
            serde_json::Value::Object(map) => map,
            _ => unreachable!("written as an object above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const TODAY: Day = Day(20_000);

    fn number(seed: u64, i: u64) -> String {
        Made::new(seed, i).document(TODAY).number().to_owned()
    }

    #[test]
    fn no_two_share_a_document() {
        let near = 0..200_000;
        let far = 19_900_000..20_000_000;
        let numbers: HashSet<String> = near.chain(far).map(|i| number(SEED, i)).collect();
        assert_eq!(numbers.len(), 300_000);
        // The whole range, by the cells themselves: no number comes round again.
        let fullest = PYRAMID.iter().map(|c| c.alike).max().unwrap();
        assert!(20_000_000 / COHORTS as u64 * fullest < DAYS * A_DAY, "{fullest} alike");
    }

    #[test]
    fn ages_sexes_and_districts_follow_the_pyramid() {
        let n = 40_960_u32;
        let (mut young, mut old, mut men, mut xiaoshan) = (0, 0, 0, 0);
        for i in 0..u64::from(n) {
            let number = number(SEED, i);
            let born: i16 = number[6..10].parse().unwrap();
            young += u32::from(born > YOUNGEST - 15);
            old += u32::from(born <= YOUNGEST - 60);
            men += u32::from(number.as_bytes()[16] % 2 == 1);
            xiaoshan += u32::from(number.starts_with("330109"));
        }
        for (what, count, percent) in [("young", young, 13.0), ("old", old, 17.0), ("men", men, 52.0)] {
            let share = 100.0 * f64::from(count) / f64::from(n);
            assert!((share - percent).abs() < 1.0, "{what}: {share} %");
        }
        let share = f64::from(xiaoshan) / f64::from(n);
        assert!((share - 201.0 / 1_192.0).abs() < 0.01, "{share}");
    }

    #[test]
    fn three_of_a_hundred_had_symptoms_and_two_met_a_case() {
        let count = |case| (0..100_000).filter(|i| Made::new(SEED, *i).case() == case).count();
        assert!((2_800..3_200).contains(&count(Case::Symptoms)));
        assert!((1_800..2_200).contains(&count(Case::Contact)));
    }

    #[test]
    fn another_seed_makes_other_people() {
        let same = (0..1_000).filter(|i| number(1, *i) == number(2, *i)).count();
        assert!(same < 10, "{same}");
        assert!((0..1_000).any(|i| Made::new(1, i).case() != Made::new(2, i).case()));
    }
}
