//! In which language somebody reads: what they ask for, and what a pack ships of it.

use crate::rules::pack::Pack;
use crate::rules::words::Lang;

/// Entries of a request's list that are looked at.
const ASKED_MAX: usize = 16;
/// Further languages that are kept of it.
const FURTHER_MAX: usize = 4;

/// Whether a name can be a language's: `bo`, `mn-Mong`.
#[must_use]
pub fn is_language(name: &str) -> bool {
    let (short, script) = name.split_once('-').unwrap_or((name, "Latn"));
    (2..=3).contains(&short.len())
        && short.bytes().all(|b| b.is_ascii_lowercase())
        && script.len() == 4
        && script
            .bytes()
            .enumerate()
            .all(|(i, b)| if i == 0 { b.is_ascii_uppercase() } else { b.is_ascii_lowercase() })
}

/// A language's name of at most eight letters, as a request gave it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Name {
    bytes: [u8; 8],
    len: u8,
}

impl Name {
    fn of(short: &str, script: Option<&str>) -> Option<Name> {
        let mut name = Name { bytes: [0; 8], len: 0 };
        let mut put = |byte: u8| {
            *name.bytes.get_mut(usize::from(name.len))? = byte;
            name.len += 1;
            Some(())
        };
        for byte in short.bytes() {
            put(byte.to_ascii_lowercase())?;
        }
        for (i, byte) in script.iter().flat_map(|s| s.bytes()).enumerate() {
            if i == 0 {
                put(b'-')?;
            }
            put(if i == 0 { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() })?;
        }
        is_language(name.as_str()).then_some(name)
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or("")
    }

    /// Whether a pack's language is this one: the same script, or one of the two does not say it.
    fn fits(&self, name: &str) -> bool {
        let parts = |name: &'_ str| {
            let (short, script) = name.split_once('-').map_or((name, None), |(a, b)| (a, Some(b)));
            (short.to_owned(), script.map(str::to_owned))
        };
        let ((a, a_script), (b, b_script)) = (parts(self.as_str()), parts(name));
        a == b && (a_script == b_script || a_script.is_none() || b_script.is_none())
    }
}

/// What somebody reads, the best first: languages that only a pack can speak, and which of ours it is
/// where the pack speaks none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tongue {
    further: [Option<Name>; FURTHER_MAX],
    /// Chinese or English.
    pub ours: Lang,
}

impl From<Lang> for Tongue {
    fn from(ours: Lang) -> Tongue {
        Tongue { further: [None; FURTHER_MAX], ours }
    }
}

impl Tongue {
    /// Of a list as browsers send it (`Accept-Language`), by weight; Chinese where it names nothing that
    /// we know. What comes behind Chinese or English is never needed.
    #[must_use]
    pub fn asked(list: &str) -> Tongue {
        let mut entries: Vec<(u16, &str)> = list.split(',').take(ASKED_MAX).filter_map(weighed).collect();
        entries.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let mut tongue = Tongue::from(Lang::Zh);
        let mut at = 0;
        for (_, tag) in entries {
            let (name, ours) = read(tag);
            if let Some(slot) = name.and_then(|_| tongue.further.get_mut(at)) {
                *slot = name;
                at += 1;
            }
            if let Some(ours) = ours {
                tongue.ours = ours;
                break;
            }
        }
        tongue
    }

    /// The name of the language in which a pack speaks to them.
    #[must_use]
    pub fn in_pack<'p>(&self, pack: &'p Pack) -> &'p str {
        for wanted in self.further.iter().flatten() {
            let exact = || pack.further_languages().find(|name| *name == wanted.as_str());
            let near = || pack.further_languages().find(|name| wanted.fits(name));
            if let Some(name) = exact().or_else(near) {
                return name;
            }
        }
        self.ours.name()
    }
}

/// An entry and its weight in thousandths; none where it is not wanted at all.
fn weighed(entry: &str) -> Option<(u16, &str)> {
    let (tag, weight) = entry.split_once(';').unwrap_or((entry, ""));
    let weight = match weight.trim().strip_prefix("q=").map(str::parse::<f32>) {
        Some(Ok(q)) if (0.0..=1.0).contains(&q) => (q * 1000.0) as u16,
        _ => 1000,
    };
    (weight > 0).then_some((weight, tag.trim()))
}

/// What a tag asks for: a language that only packs speak, one of ours, or the one and then the other.
fn read(tag: &str) -> (Option<Name>, Option<Lang>) {
    let mut parts = tag.split('-');
    let short = parts.next().unwrap_or("");
    let rest: Vec<&str> = parts.take(4).collect();
    let letters = |n: usize| {
        rest.iter().copied().find(move |p| p.len() == n && p.bytes().all(|b| b.is_ascii_alphabetic()))
    };
    let (script, region) = (letters(4), letters(2));
    if short.eq_ignore_ascii_case("en") {
        return (None, Some(Lang::En));
    }
    if short.eq_ignore_ascii_case("zh") {
        // Places where Chinese is written in traditional characters, unless the tag says otherwise.
        let there = region.is_some_and(|r| ["HK", "MO", "TW"].iter().any(|t| r.eq_ignore_ascii_case(t)));
        let traditional = script.map_or(there, |s| s.eq_ignore_ascii_case("Hant"));
        return (traditional.then(|| Name::of("zh", Some("Hant"))).flatten(), Some(Lang::Zh));
    }
    (Name::of(short, script), None)
}

/// Which way a language is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From left to right.
    Ltr,
    /// From right to left.
    Rtl,
}

impl Direction {
    /// Of a text, by its first letter. A language's own name is written as the language is.
    #[must_use]
    pub fn of(text: &str) -> Direction {
        match text.chars().find(|c| c.is_alphabetic()) {
            Some(c) if is_rtl(c) => Direction::Rtl,
            _ => Direction::Ltr,
        }
    }

    /// As pages write it: `ltr` or `rtl`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Direction::Ltr => "ltr",
            Direction::Rtl => "rtl",
        }
    }
}

/// The blocks that Unicode keeps for scripts from right to left (UAX 9, classes R and AL).
fn is_rtl(c: char) -> bool {
    matches!(c as u32, 0x0590..=0x08FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFE | 0x1_0800..=0x1_0FFF | 0x1_E800..=0x1_EFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Further languages that are kept, and which of ours.
    fn asked(list: &str) -> (Vec<String>, Lang) {
        let tongue = Tongue::asked(list);
        (tongue.further.iter().flatten().map(|n| n.as_str().to_owned()).collect(), tongue.ours)
    }

    #[test]
    fn chinese_is_read_by_its_script_and_else_by_its_place() {
        for tag in ["zh-Hant", "zh-HK", "zh-MO", "zh-TW", "zh-Hant-HK", "ZH-hant", "zh-hk"] {
            assert_eq!(asked(tag), (vec!["zh-Hant".to_owned()], Lang::Zh), "{tag}");
        }
        for tag in ["zh", "zh-CN", "zh-SG", "zh-Hans", "zh-Hans-HK", ""] {
            assert_eq!(asked(tag), (vec![], Lang::Zh), "{tag}");
        }
    }

    #[test]
    fn weights_order_a_list_and_what_follows_one_of_ours_is_not_kept() {
        assert_eq!(asked("en;q=0.5, zh-HK;q=0.9"), (vec!["zh-Hant".to_owned()], Lang::Zh));
        assert_eq!(asked("bo-CN, en;q=0.8, mn-Mong;q=0.7"), (vec!["bo".to_owned()], Lang::En));
        assert_eq!(asked("mn-mong-CN,BO"), (vec!["mn-Mong".to_owned(), "bo".to_owned()], Lang::Zh));
        assert_eq!(asked("en;q=0, fr"), (vec!["fr".to_owned()], Lang::Zh));
    }

    #[test]
    fn a_list_that_means_harm_is_read_as_far_as_it_is_one() {
        for list in ["*", ";;;,,,", "toolongalanguage", "../../etc", "bo\u{202e}", "a-b-c-d-e-f-g", "q=1;q=2"]
        {
            assert_eq!(asked(list), (vec![], Lang::Zh), "{list}");
        }
        let long = "bo,".repeat(10_000);
        assert_eq!(asked(&long).0.len(), FURTHER_MAX);
    }

    #[test]
    fn a_language_fits_where_no_script_speaks_against_it() {
        let fits = |short: &str, script, name| Name::of(short, script).is_some_and(|n| n.fits(name));
        assert!(fits("mn", None, "mn-Mong") && fits("bo", Some("tibt"), "bo"));
        assert!(!fits("mn", Some("cyrl"), "mn-Mong") && !fits("mn", None, "mnc"));
    }

    #[test]
    fn a_language_is_written_as_its_own_name_is() {
        let rtl = ["ئۇيغۇرچە", "(عربي)", "עברית"];
        assert!(rtl.iter().all(|name| Direction::of(name) == Direction::Rtl));
        let ltr = ["繁體中文", "བོད་ཡིག", "English", "123", ""];
        assert!(ltr.iter().all(|name| Direction::of(name) == Direction::Ltr));
    }
}
