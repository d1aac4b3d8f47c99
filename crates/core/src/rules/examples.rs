//! Made-up people who show what another pack changes: nobody's facts, but counted out from the
//! vocabulary of facts, and decided under both packs as anybody's are.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use smol_str::SmolStr;

use crate::decision::{Colour, Decision, Status};
use crate::division::{divisions, prefix};
use crate::fact::{Fact, Facts, Kind, Source, Type, Value, Values};
use crate::id::FactId;
use crate::rules::expr::Areas;
use crate::rules::pack::Pack;
use crate::time::{DAY_S, Instant};

/// Most examples.
pub const EXAMPLES_MAX: usize = 10;
/// Divisions below the pack's own that they live in.
const CHILDREN: usize = 32;
/// People made up in looking for them.
const TRIES: u64 = 12_000;

/// Ids of rules, in order.
type Rules = Vec<Box<str>>;

/// A made-up person whose colour is another under the draft.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Colour under the active pack; `None` is grey.
    pub from: Option<Colour>,
    /// Colour under the draft.
    pub to: Option<Colour>,
    /// Rules that stand under the active pack.
    pub rules_before: Vec<Box<str>>,
    /// Rules that stand under the draft.
    pub rules_after: Vec<Box<str>>,
    /// What is known of them.
    pub facts: Facts,
}

/// What decides: one pack, or whatever else gives one answer for facts.
pub trait Decides {
    /// Decides.
    fn decide(&self, facts: &Facts, at: Instant) -> Decision;
}

impl<F: Fn(&Facts, Instant) -> Decision> Decides for F {
    fn decide(&self, facts: &Facts, at: Instant) -> Decision {
        self(facts, at)
    }
}

/// The colour of a decision; `None` is grey.
#[must_use]
pub fn shade(decision: &Decision) -> Option<Colour> {
    decision.colour.filter(|_| decision.status == Status::Active)
}

/// Looks for examples of the wanted changes, the first one first; for each the one with the fewest facts.
/// The same arguments find the same examples.
#[must_use]
pub fn examples(
    (pack, areas): (&Pack, &Areas),
    active: &impl Decides,
    draft: &impl Decides,
    wanted: &[(Option<Colour>, Option<Colour>)],
    at: Instant,
) -> Vec<Example> {
    let pool = Pool::new(pack, areas, at);
    let mut found: BTreeMap<(usize, Rules, Rules), Example> = BTreeMap::new();
    for n in 0..TRIES {
        let mut facts = pool.person(n);
        let before = active.decide(&facts, at);
        // What was recorded of episodes stays with a person under another pack.
        let made_up = facts.clone();
        before.records.iter().for_each(|f| facts.push(f.clone()));
        let after = draft.decide(&facts, at);
        let (from, to) = (shade(&before), shade(&after));
        let Some(place) = wanted.iter().position(|w| *w == (from, to)) else { continue };
        let rules = |d: &Decision| -> Rules {
            let mut rules: Rules = d.episodes.iter().map(|e| e.rule.clone()).collect();
            rules.sort();
            rules.dedup();
            rules
        };
        let example =
            Example { from, to, rules_before: rules(&before), rules_after: rules(&after), facts: made_up };
        let key = (place, example.rules_before.clone(), example.rules_after.clone());
        let values = |e: &Example| e.facts.iter().map(|f| f.values.len() + 4).sum::<usize>();
        match found.get(&key) {
            Some(other) if values(other) <= values(&example) => {}
            _ => {
                found.insert(key, example);
            }
        }
    }
    // Each change gets its turn before any gets a second one.
    let mut turns: BTreeMap<usize, usize> = BTreeMap::new();
    let mut all: Vec<(usize, usize, Example)> = found
        .into_iter()
        .map(|((place, ..), example)| {
            let turn = turns.entry(place).or_default();
            *turn += 1;
            (*turn, place, example)
        })
        .collect();
    all.sort_by_key(|(turn, place, _)| (*turn, *place));
    all.into_iter().take(EXAMPLES_MAX).map(|(.., example)| example).collect()
}

/// Facts as `spec/packs.md` writes them.
#[must_use]
pub fn facts_json(facts: &Facts) -> Json {
    let one = |fact: &Fact| {
        let mut map = Map::new();
        map.insert("kind".into(), fact.kind.name().into());
        map.insert("happened".into(), fact.happened.to_string().into());
        for (field, value) in fact.kind.schema().iter().zip(fact.values.iter()) {
            let json = match value {
                Value::Missing => continue,
                Value::Bool(b) => json!(b),
                Value::Int(n) => json!(n),
                Value::Double(d) => json!(d),
                Value::Text(t) => json!(t.as_str()),
                Value::List(list) => json!(list.iter().map(|t| &**t).collect::<Vec<_>>()),
                Value::Day(day) => json!(day),
                Value::Instant(at) => json!(at),
            };
            map.insert(field.name.into(), json);
        }
        Json::Object(map)
    };
    Json::Array(facts.iter().map(one).collect())
}

/// What people are made of.
struct Pool {
    kinds: Vec<Kind>,
    codes: Vec<SmolStr>,
    at: Instant,
    today: i32,
}

/// Numbers counted out from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

impl Pool {
    fn new(pack: &Pack, areas: &Areas, at: Instant) -> Pool {
        let mut kinds: Vec<Kind> = pack.rules.iter().map(|r| r.on).collect();
        kinds.extend([Kind::Listed, Kind::Test, Kind::Arrival, Kind::Quarantine]);
        kinds.retain(|k| *k != Kind::Declaration && *k != Kind::Order && *k != Kind::CheckIn);
        kinds.sort_unstable();
        kinds.dedup();
        let home = Some(prefix(&pack.division)).filter(|code| !code.is_empty());
        let mut below = divisions().children(home).take(CHILDREN).map(|d| d.code.into());
        // Nobody lives in the country as such.
        let mut codes: Vec<SmolStr> = home.map(SmolStr::from).or_else(|| below.next()).into_iter().collect();
        codes.extend(areas.codes(3).map(SmolStr::from));
        codes.extend(below);
        Pool { kinds, codes, at, today: pack.zone.day_of(at).0 }
    }

    /// Person number `n`: a declaration with few answers that are out of the ordinary, and, of every
    /// other one, something more.
    fn person(&self, n: u64) -> Facts {
        let mut dice = Dice(n.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let days_ago = [0, 1, 2, 3, 5, 7, 8, 10, 14, 21][dice.below(10)];
        let declared = self.at.plus_s(-days_ago * DAY_S - 3_600);
        let mut declaration = fact(1, Kind::Declaration, declared);
        self.plain(&mut declaration);
        for _ in 0..dice.below(3) {
            self.vary(&mut declaration, &mut dice);
        }
        let mut facts = vec![declaration];
        if n % 2 == 1 && !self.kinds.is_empty() {
            for i in 0..=dice.below(2) {
                let kind = self.kinds[dice.below(self.kinds.len())];
                let ago = dice.below(days_ago as usize + 1) as i64;
                let mut more = fact(10 + i as u128, kind, self.at.plus_s(-ago * DAY_S - 1_800));
                for slot in 0..kind.schema().len() {
                    self.set(&mut more, slot, &mut dice);
                }
                facts.push(more);
            }
        }
        if n % 4 >= 2 {
            for ago in 0..days_ago {
                let mut check_in = fact(100 + ago as u128, Kind::CheckIn, self.at.plus_s(-ago * DAY_S - 600));
                check_in.set("temperature_c", Value::Double(36.5));
                check_in.set("symptoms", Value::List([].into()));
                facts.push(check_in);
            }
        }
        Facts::new(facts)
    }

    fn plain(&self, declaration: &mut Fact) {
        let home = self.codes[0].clone();
        let text = |t: &str| Value::Text(t.into());
        for (field, value) in [
            ("subject", text("resident")),
            ("residence", Value::Text(home)),
            ("in_city", Value::Bool(true)),
            ("overseas", Value::Bool(false)),
            ("contact", text("none")),
            ("under_measure", text("none")),
            ("temperature_c", Value::Double(36.5)),
            ("symptoms", Value::List([].into())),
            ("health", text("well")),
        ] {
            declaration.set(field, value);
        }
    }

    fn vary(&self, fact: &mut Fact, dice: &mut Dice) {
        let readable: Vec<usize> =
            (0..fact.kind.schema().len()).filter(|slot| fact.kind.schema()[*slot].rules).collect();
        if let Some(slot) = readable.get(dice.below(readable.len())) {
            self.set(fact, *slot, dice);
        }
    }

    fn set(&self, fact: &mut Fact, slot: usize, dice: &mut Dice) {
        let field = fact.kind.schema()[slot];
        if !field.rules {
            return;
        }
        let code = |dice: &mut Dice| self.codes[dice.below(self.codes.len())].clone();
        let ago = [0, 1, 3, 6, 7, 10, 13, 14, 20][dice.below(9)];
        let value = match field.ty {
            Type::Bool => Value::Bool(dice.below(2) == 1),
            Type::Int => Value::Int(dice.below(4) as i64),
            Type::Double => Value::Double([36.5, 37.2, 37.3, 38.5][dice.below(4)]),
            Type::Choice(words) => Value::Text(words[dice.below(words.len())].into()),
            Type::Choices(words) => Value::List([words[dice.below(words.len())].into()].into()),
            Type::Division => Value::Text(code(dice)),
            Type::Divisions => Value::List([code(dice)].into()),
            Type::Day => Value::Day(crate::time::Day(self.today - ago)),
            Type::Instant => Value::Instant(self.at.plus_s(-i64::from(ago) * DAY_S)),
            Type::Text => return,
        };
        fact.set(field.name, value);
    }
}

fn fact(id: u128, kind: Kind, at: Instant) -> Fact {
    let id = FactId(id.to_be_bytes());
    Fact { id, kind, happened: at, recorded: at, source: Source::Resident, values: Values::default() }
}
