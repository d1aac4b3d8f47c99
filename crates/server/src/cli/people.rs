//! Made-up residents, the same for `kangma seed` and `kangma load`: number `i` is always the same
//! person. Nobody real: names say so, and the numbers are counted out.

use kangma_core::identity::{Document, DocumentType, Name, Phone};
use kangma_core::time::Day;
use serde_json::json;

/// Hangzhou's districts and counties, whose codes the made-up documents carry.
const DISTRICTS: [&str; 13] = [
    "330102", "330105", "330106", "330108", "330109", "330110", "330111", "330112", "330113", "330114",
    "330122", "330127", "330182",
];
/// Birthdays from 1 January 1935, over 27,000 days.
const BORN_FROM: Day = Day(-12_783);
const BORN_DAYS: u64 = 27_000;

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

/// A made-up resident.
#[derive(Debug)]
pub struct Made {
    /// Which one.
    pub i: u64,
}

impl Made {
    /// A number well spread over 64 bits (the finaliser of SplitMix64).
    fn spread(&self, salt: u64) -> u64 {
        let mut z = self.i.wrapping_add(salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// How they are.
    pub fn case(&self) -> Case {
        match self.spread(1) % 100 {
            0..=1 => Case::Contact,
            2..=4 => Case::Symptoms,
            _ => Case::Well,
        }
    }

    /// A number below `n`, for details.
    pub fn below(&self, n: u64, salt: u64) -> u64 {
        self.spread(salt) % n
    }

    /// Where they live.
    pub fn district(&self) -> &'static str {
        DISTRICTS[(self.spread(2) % 13) as usize]
    }

    /// Phone.
    pub fn phone(&self) -> Phone {
        Phone::parse(&format!("199{:08}", self.i % 100_000_000)).expect("counted-out phones are well formed")
    }

    /// Name.
    pub fn name(&self) -> Name {
        Name::parse(&format!(
            "样例{}",
            ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛"][(self.i % 8) as usize]
        ))
        .expect("made-up names are well formed")
    }

    /// Resident identity card; unlike for the first 350 million.
    pub fn document(&self, today: Day) -> Document {
        let (seq, rest) = (self.i % 999 + 1, self.i / 999);
        let (y, m, d) = BORN_FROM.plus((rest % BORN_DAYS) as i32).ymd();
        let district = DISTRICTS[(rest / BORN_DAYS % 13) as usize];
        let body = format!("{district}{y:04}{m:02}{d:02}{seq:03}");
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum: u32 = body.bytes().zip(weights).map(|(c, w)| u32::from(c - b'0') * w).sum();
        let check = char::from(b"10X98765432"[(sum % 11) as usize]);
        Document::parse(DocumentType::ResidentId, &format!("{body}{check}"), None, today)
            .expect("counted-out documents are well formed")
    }

    /// What they declare. `turn` varies the temperature, so that no two declarations are equal.
    pub fn answers(&self, turn: u64) -> serde_json::Map<String, serde_json::Value> {
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
