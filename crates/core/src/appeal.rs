//! Who looks at what waits for a person, and by when.
//!
//! An appeal or a review begins at the office nearest to the person. When its time is over, it goes
//! to the office above; the hours of each level are the pack's.

use serde::{Deserialize, Serialize};

use crate::division::{COUNTRY, divisions, lies_in, prefix};

/// Hours that every level has where a pack says nothing.
pub const DUE_HOURS: u32 = 24;
/// Hours that offices aim at where a pack says nothing.
pub const TARGET_HOURS: u32 = 8;
/// The most hours that a pack can give a level: thirty days.
pub const HOURS_MAX: u32 = 720;

/// The level of an office, the highest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Level {
    /// Province (省).
    Province = 1,
    /// City (市).
    City = 2,
    /// County or district (县、区).
    County = 3,
    /// Street or township (街道、乡镇).
    Street = 4,
}

impl Level {
    /// Every level, the highest first.
    pub const ALL: [Level; 4] = [Level::Province, Level::City, Level::County, Level::Street];

    /// The level of a stored number.
    #[must_use]
    pub fn from_u8(n: u8) -> Option<Level> {
        Level::ALL.into_iter().find(|l| *l as u8 == n)
    }

    /// Its word in JSON and packs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Province => "province",
            Level::City => "city",
            Level::County => "county",
            Level::Street => "street",
        }
    }

    /// The level of a word.
    #[must_use]
    pub fn named(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|l| l.name() == name)
    }

    /// How many digits a division of this level has.
    #[must_use]
    pub fn digits(self) -> usize {
        match self {
            Level::Province => 2,
            Level::City => 4,
            Level::County => 6,
            Level::Street => 9,
        }
    }

    /// The next level up; none above the province.
    #[must_use]
    pub fn above(self) -> Option<Level> {
        match self {
            Level::Province => None,
            Level::City => Some(Level::Province),
            Level::County => Some(Level::City),
            Level::Street => Some(Level::County),
        }
    }
}

/// Hours of a pack: `[appeals]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// What offices aim at.
    pub target_hours: u32,
    /// By level, as [`Level::ALL`] has them.
    pub due_hours: [u32; 4],
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { target_hours: TARGET_HOURS, due_hours: [DUE_HOURS; 4] }
    }
}

impl Terms {
    /// Seconds that a level has.
    #[must_use]
    pub fn due_s(&self, level: Level) -> i64 {
        i64::from(self.due_hours[level as usize - 1]) * 3600
    }

    /// What is wrong with them, if anything.
    pub fn check(&self) -> Result<(), String> {
        let range = 1..=HOURS_MAX;
        if !range.contains(&self.target_hours) || !self.due_hours.iter().all(|h| range.contains(h)) {
            return Err(format!("hours of appeals are 1 to {HOURS_MAX}"));
        }
        match self.due_hours.iter().min() {
            Some(least) if *least < self.target_hours => {
                Err("target_hours is over the due_hours of a level".into())
            }
            _ => Ok(()),
        }
    }
}

/// As it stands in `pack.toml`; what is left out has its default.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TermsToml {
    target_hours: Option<u32>,
    due_hours: DueToml,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DueToml {
    province: Option<u32>,
    city: Option<u32>,
    county: Option<u32>,
    street: Option<u32>,
}

impl From<TermsToml> for Terms {
    fn from(toml: TermsToml) -> Terms {
        let due = toml.due_hours;
        Terms {
            target_hours: toml.target_hours.unwrap_or(TARGET_HOURS),
            due_hours: [due.province, due.city, due.county, due.street].map(|h| h.unwrap_or(DUE_HOURS)),
        }
    }
}

/// Where something waits: the county in six digits, with zeros where only the city or province is
/// known, the street where it is, and the lowest level that there is an office for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Such as 330106, or 330100 where only the city is known.
    pub county: u32,
    /// Nine digits.
    pub street: Option<String>,
    /// The lowest level.
    pub level: Level,
}

impl Place {
    /// The place of somebody who lives at `code`, for offices of `home`: who lives elsewhere, or
    /// nobody knows where, is `home`'s own business.
    #[must_use]
    pub fn of(code: Option<&str>, home: &str) -> Place {
        let lives = |c: &&str| lies_in(c, home) && divisions().get(c).is_some();
        let code = code.filter(lives).unwrap_or(prefix(home));
        let level =
            Level::ALL.into_iter().rev().find(|l| code.len() >= l.digits()).unwrap_or(Level::Province);
        let county = format!("{:0<6}", code.get(..6).unwrap_or(code)).parse().unwrap_or(0);
        let street = (level == Level::Street).then(|| code.get(..9)).flatten().map(str::to_owned);
        Place { county, street, level }
    }

    /// The first and last county of an office's division; everything for the whole country.
    #[must_use]
    pub fn counties(code: &str) -> (u32, u32) {
        let fill = |c: char| {
            let mut text: String = prefix(code).chars().take(6).collect();
            while text.len() < 6 {
                text.push(c);
            }
            text.parse().unwrap_or(0)
        };
        (fill('0'), fill('9'))
    }
}

/// The highest level at which an office of a division may answer; every level for the whole country.
#[must_use]
pub fn highest(code: &str) -> Level {
    Level::ALL.into_iter().find(|l| code.len() <= l.digits()).unwrap_or(Level::Street)
}

/// The code of the office that a level has over a county; over none, that of the whole country.
#[must_use]
pub fn office(county: u32, level: Level) -> String {
    if county == 0 {
        return COUNTRY.to_owned();
    }
    let code = format!("{county:06}");
    code.get(..level.digits().min(6)).unwrap_or(&code).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_as_deep_as_it_is_known() {
        let at = |code| Place::of(code, "3301");
        let street = divisions().children(Some("330106")).next().unwrap().code;
        let known = Place { county: 330_106, street: Some(street.into()), level: Level::Street };
        assert_eq!(at(Some(street)), known);
        let community = divisions().children(Some(street)).next().unwrap().code;
        assert_eq!(at(Some(community)), known);
        assert_eq!(at(Some("330106")), Place { county: 330_106, street: None, level: Level::County });
        let home = Place { county: 330_100, street: None, level: Level::City };
        for elsewhere in [None, Some("420106"), Some("3301"), Some("330199"), Some("nonsense")] {
            assert_eq!(at(elsewhere), home, "{elsewhere:?}");
        }
        let city = Place { county: 420_100, street: None, level: Level::City };
        assert_eq!(Place::of(Some("4201"), COUNTRY), city);
        let nobody_knows = Place { county: 0, street: None, level: Level::Province };
        assert_eq!(Place::of(None, COUNTRY), nobody_knows);
    }

    #[test]
    fn an_office_answers_for_its_division_at_its_level_and_below() {
        assert_eq!(Place::counties("3301"), (330_100, 330_199));
        assert_eq!(Place::counties("330106001"), (330_106, 330_106));
        assert_eq!((Place::counties(""), Place::counties(COUNTRY)), ((0, 999_999), (0, 999_999)));
        assert_eq!(highest(""), Level::Province);
        assert_eq!(highest("3301"), Level::City);
        assert_eq!(highest("330106001001"), Level::Street);
        assert_eq!(office(330_106, Level::City), "3301");
        assert_eq!(office(330_106, Level::Street), "330106");
        assert_eq!(office(0, Level::Province), COUNTRY);
    }

    #[test]
    fn levels_lead_up_to_the_province_and_end_there() {
        let mut level = Level::Street;
        let mut seen = vec![level];
        while let Some(above) = level.above() {
            level = above;
            seen.push(level);
        }
        assert_eq!(seen, [Level::Street, Level::County, Level::City, Level::Province]);
    }

    #[test]
    fn terms_have_defaults_and_limits() {
        assert_eq!(Terms::default().check(), Ok(()));
        assert_eq!(Terms::default().due_s(Level::Street), 86_400);
        let terms = |text: &str| Terms::from(toml::from_str::<TermsToml>(text).unwrap());
        let own = terms("target_hours = 4\ndue_hours = { street = 12, city = 48 }");
        assert_eq!(own.due_hours, [24, 48, 24, 12]);
        assert_eq!(own.check(), Ok(()));
        assert!(terms("due_hours = { street = 0 }").check().is_err());
        assert!(terms("due_hours = { county = 721 }").check().is_err());
        assert!(terms("target_hours = 25").check().unwrap_err().contains("target_hours"));
        assert!(toml::from_str::<TermsToml>("due_hours = { village = 1 }").is_err());
    }
}
