//! A bad pack never takes the service down: every pack that ships, damaged in every way that a slip, a
//! broken copy or malice would, is refused in words or loads, decides and tells itself; it never panics
//! and never takes long. `KANGMA_DRILL=1` tries a hundred thousand; what was found stands below.

use std::time::Duration;

use crate::shipped::shipped;
use crate::worked::Worked;
use kangma_core::rules::cases::run_cases;
use kangma_core::rules::pack::{Library, Pack, PackFiles};

/// Longest work for one load, far over what the slowest takes in a debug build.
const LOAD_MAX: Duration = Duration::from_secs(10);

/// Numbers counted out from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }

    /// A place between two characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

const TOKENS: &[&str] = &[
    "&&",
    "||",
    "!",
    "(",
    ")",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    "==",
    "!=",
    "<=",
    ">",
    "+",
    "-",
    "?",
    ":",
    ",",
    ".",
    "'",
    "\"",
    "\"\"\"",
    "'''",
    "#",
    "\n",
    "\\",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "🙂",
    "中文",
    "0",
    "-1",
    "366",
    "367",
    "1e400",
    "nan",
    "inf",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "2020-02-30",
    "9999-12-31",
    "0000-01-01",
    "true",
    "false",
    "fact",
    "fact.",
    "fact.contact",
    "fact.symptoms",
    "fact.visited",
    "person.age",
    "day",
    "happened",
    "has(",
    "size(",
    "area(",
    "date(",
    ".exists(v,",
    ".all(v,",
    "startsWith(",
    "days_between(",
    "add_months(",
    "add_working_days(",
    "accepted(",
    "in",
    "extends",
    "replaces",
    "rule",
    "stages",
    "release",
    "lapse",
    "flag",
    "order",
    "releases",
    "table",
    "otherwise",
    "conditions",
    "languages",
    "retention",
    "restart",
    "keep",
    "{ grace = 4294967295 }",
    "red",
    "green",
    "{day}",
    "{done}",
    "zh",
    "en",
    "330106",
    "33",
];

/// Conditions that cost the most to look through.
fn pathological(dice: &mut Dice) -> String {
    let n = 1 + dice.below(300);
    let many = |one: &dyn Fn(usize) -> String, join: &str| (0..n).map(one).collect::<Vec<_>>().join(join);
    let code = |i: usize| format!("{:06}", 110_000 + 7 * i);
    match dice.below(9) {
        0 => format!("{}true{}", "(".repeat(n), ")".repeat(n)),
        1 => format!("{}fact.overseas", "!".repeat(n)),
        2 => many(&|i| format!("area(fact.residence, \"k{i}\")"), " || "),
        3 => many(
            &|i| format!("(fact.residence == \"{}\" || fact.destination == \"{}\")", code(i), code(i + 1)),
            " && ",
        ),
        4 => many(&|i| format!("fact.temperature_c > {i}.5 && size(fact.symptoms) != {i}"), " || "),
        5 => format!("fact.residence in [{}]", many(&|i| format!("\"{}\"", code(i)), ", ")),
        6 => many(&|i| format!("day + {i} > fact.left_on"), " && "),
        7 => format!(
            "fact.visited.exists(a, fact.visited.all(b, {}))",
            many(&|i| format!("a != \"{}\" || b == a", code(i)), " && ")
        ),
        _ => many(&|_| "fact.overseas ? fact.in_city : fact.overseas".to_owned(), " ? "),
    }
}

/// One or a few kinds of damage to one file; what was done, for whoever looks for it again.
fn damage(dice: &mut Dice, text: &mut String) -> String {
    let mut done = Vec::new();
    for _ in 0..=dice.below(3) {
        let (from, until) = (dice.place(text), dice.place(text));
        let (from, until) = (from.min(until), from.max(until));
        let short = (from + dice.below(24)).min(text.len());
        let short = (short..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let kind = dice.below(10);
        done.push(format!("{kind} at {from}"));
        match kind {
            0 => {
                let mut bytes = std::mem::take(text).into_bytes();
                if let Some(byte) = bytes.get_mut(from) {
                    *byte ^= 1 << dice.below(8);
                }
                *text = String::from_utf8_lossy(&bytes).into_owned();
            }
            1 => text.replace_range(from..short, ""),
            2 => text.insert_str(from, dice.one::<&str>(TOKENS)),
            3 => text.replace_range(from..short, dice.one::<&str>(TOKENS)),
            4 => {
                // A part once more, somewhere else.
                let part: String = text[from..until].chars().take(600).collect();
                let at = dice.place(text);
                text.insert_str(at, &part);
            }
            5 => {
                // Two lines change places.
                let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
                if lines.len() > 1 {
                    let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
                    lines.swap(a, b);
                }
                *text = lines.concat();
            }
            6 => {
                // Two words change places.
                let mut words: Vec<&str> = text.split(' ').collect();
                let (a, b) = (dice.below(words.len()), dice.below(words.len()));
                words.swap(a, b);
                *text = words.join(" ");
            }
            7 => {
                let whens: Vec<usize> = text.match_indices("when = '").map(|(at, m)| at + m.len()).collect();
                if !whens.is_empty() {
                    let at = *dice.one(&whens);
                    let end = text[at..].find('\'').map_or(at, |n| at + n);
                    text.replace_range(at..end, &pathological(dice));
                }
            }
            8 => {
                let n = 1 + dice.below(5_000);
                let part = ["[", "{a=", "[[rule]]\n", "x = 1\n", "\"a\", ", "'", "a.", "# \n", "[a]\n"];
                let part = dice.one(&part);
                text.insert_str(from, &part.repeat(n));
            }
            _ => {
                // A number becomes another one.
                let numbers: Vec<usize> =
                    text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
                if !numbers.is_empty() {
                    let at = *dice.one(&numbers);
                    let with = ["0", "1", "366", "4294967295", "9223372036854775807", "-1", "1e308", "0.1"];
                    text.replace_range(at..=at, dice.one::<&str>(&with));
                }
            }
        }
    }
    done.join(", ")
}

/// Loads, decides and tells what can be told; whether it loaded, and how much work that was.
fn put_through(files: &PackFiles, library: &Library, deep: bool) -> (bool, Duration) {
    let began = Worked::begin();
    let loaded = Pack::load_with(files, library);
    let took = began.time();
    match loaded {
        Err(errors) => {
            assert!(!errors.to_string().is_empty());
            (false, took)
        }
        Ok(pack) => {
            crate::loaded::tell(&pack);
            if deep {
                let _ = run_cases(&pack, files);
            }
            (true, took)
        }
    }
}

fn try_all(from: u64, n: u64) {
    let packs = shipped();
    let library = Library::new(packs.clone());
    let (mut loaded, mut slowest) = (0, (Duration::ZERO, 0));
    for seed in from..from + n {
        let mut dice = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut files = dice.one(&packs).clone();
        let names: Vec<String> = files.0.keys().cloned().collect();
        // Rules and settings are what is computed with.
        let name = match dice.below(4) {
            0 => dice.one(&names).clone(),
            1 => "pack.toml".to_owned(),
            _ => "rules.toml".to_owned(),
        };
        let text = files.0.get_mut(&name).unwrap();
        let what = damage(&mut dice, text);
        let deep = name.starts_with("cases/") || seed % 16 == 0;
        let (is_fine, took) = put_through(&files, &library, deep);
        loaded += u64::from(is_fine);
        slowest = slowest.max((took, seed));
        assert!(took < LOAD_MAX, "seed {seed} ({name}: {what}) took {took:?}");
    }
    println!(
        "{n} damaged packs: {loaded} loaded, {} refused; the slowest load took {:?} (seed {})",
        n - loaded,
        slowest.0,
        slowest.1
    );
}

fn sample(part: u64) {
    let n = if std::env::var_os("KANGMA_DRILL").is_some() { 50_000 } else { 1_000 };
    try_all(part * 1_000_000, n);
}

#[test]
fn damaged_packs_are_refused_in_words_or_load_and_never_panic() {
    sample(0);
}

#[test]
fn damaged_packs_are_refused_in_words_or_load_and_never_panic_second_half() {
    sample(1);
}

/// What costs most to look through, in a pack that is otherwise right.
#[test]
fn no_condition_keeps_a_load_waiting() {
    let packs = shipped();
    let library = Library::new(packs.clone());
    let files = packs.iter().find(|p| p.0["pack.toml"].contains("id = \"hangzhou-2020-02-11\"")).unwrap();
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let mut files = files.clone();
        let rules = files.0.get_mut("rules.toml").unwrap();
        // All rules on declarations at once.
        let mut out = String::new();
        for line in rules.lines() {
            match line.strip_prefix("when = ") {
                Some(_) => out.push_str(&format!("when = '{}'", pathological(&mut dice))),
                None => out.push_str(line),
            }
            out.push('\n');
        }
        *rules = out;
        let (_, took) = put_through(&files, &library, false);
        assert!(took < LOAD_MAX, "seed {seed} took {took:?}");
    }
}

/// As many rules as a pack may have, each of them costly, and a pack that names its conditions many
/// times over.
#[test]
fn no_number_of_rules_keeps_a_load_waiting() {
    let packs = shipped();
    let library = Library::new(packs.clone());
    let files = packs.iter().find(|p| p.0["pack.toml"].contains("id = \"hangzhou-2020-02-11\"")).unwrap();
    for seed in 0..6 {
        let mut dice = Dice(100 + seed);
        let mut files = files.clone();
        let mut rules = String::from("[conditions.declaration]\n");
        for (level, below) in [("a", "fact.overseas"), ("b", "a"), ("c", "b")] {
            let many: Vec<String> =
                (0..14).map(|i| format!("({below} || fact.temperature_c > {i}.5)")).collect();
            rules.push_str(&format!("{level} = '{}'\n", many.join(" && ")));
        }
        for i in 0..256 {
            let when = if seed % 2 == 0 {
                format!("c && fact.temperature_c < {i}.0")
            } else {
                pathological(&mut dice)
            };
            rules.push_str(&format!(
                "[[rule]]\nid = \"R-{i}\"\non = \"declaration\"\nwhen = '{when}'\nstages = [{{ colour = \"red\", release = {{ days = 1 }} }}]\nsource = {{ title = \"t\", url = \"u\", grade = \"D\" }}\n"
            ));
        }
        files.0.insert("rules.toml".into(), rules.chars().take(250_000).collect());
        let (_, took) = put_through(&files, &library, false);
        println!("seed {seed}: {took:?}");
        assert!(took < LOAD_MAX, "seed {seed} took {took:?}");
    }
}
