//! The `when` language against another evaluator of CEL, on random conditions and facts.
//!
//! A condition is grown from random bytes, so that proptest can shrink it, and written twice:
//! as we write it, and for the oracle, to which days are whole numbers.

use std::collections::HashMap;

use cel::{Context, Program, Value as Cel};
use kangma_core::fact::{Fact, Kind, SYMPTOMS, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::rules::expr::{Area, Areas, Env, Expr, PersonView, Scope, Truth, compile};
use kangma_core::time::{Day, Instant};
use proptest::prelude::*;

const CONTACTS: &[&str] = &["none", "confirmed", "suspected", "close_contact"];
const CODES: &[&str] =
    &["42", "4201", "420106", "33", "3301", "330106", "330106001", "330106001002", "110101", "03"];
const NOTES: &[&str] = &["", "1.0", "诺1.0", "a\"b", "a\\b", "新\n行"];
const KEYS: &[&str] = &["high", "low", "none"];
/// 2020-01-01.
const NEW_YEAR: i32 = 18_262;

/// A part of a condition, for us and for the oracle.
#[derive(Clone, Debug)]
struct Both(String, String);

fn same(text: impl Into<String>) -> Both {
    let text = text.into();
    Both(text.clone(), text)
}

/// `{}` stands for the parts, in order.
fn join(pattern: &str, parts: &[Both]) -> Both {
    let fill = |pick: fn(&Both) -> &String| {
        let mut out = String::new();
        let mut parts = parts.iter();
        for (i, piece) in pattern.split("{}").enumerate() {
            if i > 0 {
                out.push_str(pick(parts.next().unwrap()));
            }
            out.push_str(piece);
        }
        out
    };
    Both(fill(|b| &b.0), fill(|b| &b.1))
}

/// Grows conditions. When the bytes run out every choice is the first, which is a leaf.
struct Grow<'b> {
    bytes: &'b [u8],
    has: bool,
    /// Variables in scope over divisions.
    vars: usize,
}

impl Grow<'_> {
    fn pick(&mut self, of: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(*first) % of
    }

    fn word(&mut self, of: &[&str]) -> String {
        let at = self.pick(of.len());
        format!("{:?}", of[at])
    }

    fn truth(&mut self, depth: usize) -> Both {
        if depth == 0 {
            let at = self.pick(5);
            return same(["fact.in_city", "fact.overseas", "true", "false", "fact.contact == 'none'"][at]);
        }
        let d = depth - 1;
        match self.pick(23) {
            0 => self.truth(0),
            1 => join("!({})", &[self.truth(d)]),
            2 => join("({} && {})", &[self.truth(d), self.truth(d)]),
            3 => join("({} || {})", &[self.truth(d), self.truth(d)]),
            4 => join("({} && {} && {})", &[self.truth(d), self.truth(d), self.truth(d)]),
            5 => join("({} || {} && {})", &[self.truth(d), self.truth(d), self.truth(d)]),
            6 => join("({} ? {} : {})", &[self.truth(d), self.truth(d), self.truth(d)]),
            7 => {
                let sign = self.equal();
                join(&format!("(({{}}) {sign} ({{}}))"), &[self.truth(d), self.truth(d)])
            }
            8 => {
                let sign = self.equal();
                join(&format!("{{}} {sign} {{}}"), &[self.contact(d), self.contact(d)])
            }
            9 => {
                let sign = self.equal();
                join(&format!("{{}} {sign} {{}}"), &[self.code(d), self.code(d)])
            }
            10 => {
                let sign = self.equal();
                join(&format!("{{}} {sign} {{}}"), &[self.note(d), self.note(d)])
            }
            11 => {
                let sign = self.order();
                join(&format!("{{}} {sign} {{}}"), &[self.int(d), self.int(d)])
            }
            12 => {
                let sign = self.order();
                join(&format!("{{}} {sign} {{}}"), &[self.real(d), self.real(d)])
            }
            13 => {
                let sign = self.order();
                let (mut a, mut b) = (self.int(d), self.real(d));
                if self.pick(2) == 1 {
                    (a, b) = (b, a);
                }
                join(&format!("{{}} {sign} {{}}"), &[a, b])
            }
            14 => {
                let sign = self.order();
                join(&format!("{{}} {sign} {{}}"), &[self.day(d), self.day(d)])
            }
            15 => {
                let words: Vec<String> = (0..self.pick(4)).map(|_| self.word(CONTACTS)).collect();
                join(&format!("{{}} in [{}]", words.join(", ")), &[self.contact(d)])
            }
            16 => {
                // Long enough, at times, to be searched instead of scanned.
                let words: Vec<String> = (0..self.pick(14)).map(|_| self.word(CODES)).collect();
                join(&format!("{{}} in [{}]", words.join(", ")), &[self.code(d)])
            }
            17 => {
                let numbers: Vec<String> = (0..self.pick(4)).map(|_| self.pick(9).to_string()).collect();
                join(&format!("{{}} in [{}]", numbers.join(", ")), &[self.int(d)])
            }
            18 => {
                let word = self.word(SYMPTOMS);
                same(format!("{word} in fact.symptoms"))
            }
            19 => {
                let what = ["exists", "all"][self.pick(2)];
                let list = if self.pick(2) == 0 {
                    same("fact.visited")
                } else {
                    let words: Vec<String> = (0..self.pick(4)).map(|_| self.word(CODES)).collect();
                    same(format!("[{}]", words.join(", ")))
                };
                if self.vars == 2 {
                    return join("{} in {}", &[self.code(0), list]);
                }
                let var = self.vars;
                self.vars += 1;
                let body = self.truth(d);
                self.vars -= 1;
                join(&format!("{{}}.{what}(v{var}, {{}})"), &[list, body])
            }
            20 => {
                let key = self.word(KEYS);
                if self.pick(2) == 0 {
                    join(&format!("area({{}}, {key})"), &[self.code(d)])
                } else {
                    let (code, on) = (self.code(d), self.day(d));
                    Both(
                        format!("area({}, {key}, {})", code.0, on.0),
                        format!("area_on({}, {key}, {})", code.1, on.1),
                    )
                }
            }
            21 => {
                let prefix = ["''", "'3'", "'42'", "'3301'", "'330106001002'"][self.pick(5)];
                join(&format!("{{}}.startsWith({prefix})"), &[self.code(d)])
            }
            _ if self.has => {
                let fields = ["contact", "overseas", "symptoms", "left_on", "temperature_c", "arrives_on"];
                same(format!("has(fact.{})", fields[self.pick(fields.len())]))
            }
            _ => same("fact.symptoms == ['fever']"),
        }
    }

    fn equal(&mut self) -> &'static str {
        ["==", "!="][self.pick(2)]
    }

    fn order(&mut self) -> &'static str {
        ["<", "<=", ">", ">=", "==", "!="][self.pick(6)]
    }

    fn contact(&mut self, depth: usize) -> Both {
        match self.pick(if depth == 0 { 2 } else { 3 }) {
            0 => same("fact.contact"),
            1 => same(self.word(CONTACTS)),
            _ => {
                let d = depth - 1;
                join("({} ? {} : {})", &[self.truth(d), self.contact(d), self.contact(d)])
            }
        }
    }

    fn code(&mut self, depth: usize) -> Both {
        match self.pick(if depth == 0 { 4 } else { 5 }) {
            0 => same("fact.residence"),
            1 => same("person.residence"),
            2 => same(self.word(CODES)),
            3 if self.vars > 0 => {
                let var = self.pick(self.vars);
                same(format!("v{var}"))
            }
            3 => same("fact.destination"),
            _ => {
                let d = depth - 1;
                join("({} ? {} : {})", &[self.truth(d), self.code(d), self.code(d)])
            }
        }
    }

    fn note(&mut self, _depth: usize) -> Both {
        match self.pick(2) {
            0 => same("fact.commitment"),
            _ => {
                let at = self.pick(NOTES.len());
                same(format!("{:?}", NOTES[at]))
            }
        }
    }

    fn int(&mut self, depth: usize) -> Both {
        let d = depth.saturating_sub(1);
        match self.pick(if depth == 0 { 5 } else { 11 }) {
            0 => {
                let n = self.pick(80);
                same(n.to_string())
            }
            1 => same("size(fact.symptoms)"),
            2 => same("size(fact.commitment)"),
            3 => same("person.age"),
            4 => same("-7"),
            5 => join("({} + {})", &[self.int(d), self.int(d)]),
            6 => join("({} - {} - {})", &[self.int(d), self.int(d), self.int(d)]),
            7 => join("-({})", &[self.int(d)]),
            8 => join("({} - {})", &[self.day(d), self.day(d)]),
            9 => join("days_between({}, {})", &[self.day(d), self.day(d)]),
            _ => join("({} ? {} : {})", &[self.truth(d), self.int(d), self.int(d)]),
        }
    }

    fn real(&mut self, depth: usize) -> Both {
        let d = depth.saturating_sub(1);
        match self.pick(if depth == 0 { 2 } else { 6 }) {
            0 => same("fact.temperature_c"),
            1 => {
                let n = self.pick(80);
                same(format!("{}.{}", n / 2, [0, 5][n % 2]))
            }
            2 => join("({} + {})", &[self.real(d), self.real(d)]),
            3 => join("({} - {})", &[self.real(d), self.real(d)]),
            4 => join("-({})", &[self.real(d)]),
            _ => join("({} ? {} : {})", &[self.truth(d), self.real(d), self.real(d)]),
        }
    }

    fn day(&mut self, depth: usize) -> Both {
        let d = depth.saturating_sub(1);
        match self.pick(if depth == 0 { 4 } else { 8 }) {
            0 => same("day"),
            1 => same("fact.left_on"),
            2 => same("fact.contact_on"),
            3 => {
                let day = Day(NEW_YEAR + self.pick(90) as i32);
                Both(format!("date(\"{day}\")"), day.0.to_string())
            }
            4 => join("({} + {})", &[self.day(d), self.int(d)]),
            5 => join("({} - {})", &[self.day(d), self.int(d)]),
            6 => join("({} + {})", &[self.int(d), self.day(d)]),
            _ => join("({} ? {} : {})", &[self.truth(d), self.day(d), self.day(d)]),
        }
    }
}

/// A fact and a person, for us and for the oracle.
#[derive(Clone, Debug)]
struct World {
    fact: Fact,
    residence: Option<String>,
    age: Option<i16>,
    day: Day,
}

/// The fields that conditions here read; their slots can be emptied.
const FIELDS: &[&str] = &[
    "residence",
    "in_city",
    "destination",
    "visited",
    "left_on",
    "overseas",
    "contact",
    "contact_on",
    "temperature_c",
    "symptoms",
    "commitment",
];

fn word(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::select(of).prop_map(|w| Value::Text(w.into()))
}

fn words(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::sample::select(of), 0..4)
        .prop_map(|ws| Value::List(ws.into_iter().map(Into::into).collect()))
}

fn day() -> impl Strategy<Value = Day> {
    (NEW_YEAR..NEW_YEAR + 90).prop_map(Day)
}

fn full() -> impl Strategy<Value = World> {
    let values = (
        (word(CODES), any::<bool>(), word(CODES), words(CODES), day(), any::<bool>()),
        (word(CONTACTS), day(), 340..420u32, words(SYMPTOMS), word(NOTES)),
    );
    (values, prop::sample::select(CODES), 0..100i16, day()).prop_map(|((a, b), residence, age, day)| {
        let values = [
            a.0,
            Value::Bool(a.1),
            a.2,
            a.3,
            Value::Day(a.4),
            Value::Bool(a.5),
            b.0,
            Value::Day(b.1),
            Value::Double(f64::from(b.2) / 10.0),
            b.3,
            b.4,
        ];
        let happened = Instant(i64::from(day.0) * 86_400);
        let mut fact = Fact {
            id: FactId([1; 16]),
            kind: Kind::Declaration,
            happened,
            recorded: happened,
            source: Source::Resident,
            values: Values::default(),
        };
        for (name, value) in FIELDS.iter().zip(values) {
            assert!(fact.set(name, value));
        }
        World { fact, residence: Some(residence.to_owned()), age: Some(age), day }
    })
}

/// The same world with less known: bit i of the mask empties field i.
fn less(world: &World, mask: u16) -> World {
    let mut world = world.clone();
    for (i, name) in FIELDS.iter().enumerate() {
        if mask & (1 << i) != 0 {
            world.fact.set(name, Value::Missing);
        }
    }
    if mask & (1 << 11) != 0 {
        world.residence = None;
    }
    if mask & (1 << 12) != 0 {
        world.age = None;
    }
    world
}

/// Key, code, first day, first day after.
const LISTED: &[(&str, &str, i32, i32)] = &[
    ("high", "42", NEW_YEAR + 22, NEW_YEAR + 60),
    ("high", "42", NEW_YEAR + 70, i32::MAX),
    ("high", "330106001", i32::MIN, NEW_YEAR + 40),
    ("low", "3301", i32::MIN, i32::MAX),
    ("low", "03", NEW_YEAR + 10, NEW_YEAR + 11),
];

fn areas() -> Areas {
    let mut areas = Areas::new();
    for key in KEYS {
        let list: Vec<Area> = LISTED
            .iter()
            .filter(|(k, ..)| k == key)
            .map(|(_, code, from, until)| Area {
                code: (*code).into(),
                from: (*from != i32::MIN).then_some(Day(*from)),
                until: (*until != i32::MAX).then_some(Day(*until)),
            })
            .collect();
        areas.set(key, &list).unwrap();
    }
    areas
}

/// What an area list means, written without an index.
fn listed(code: &str, key: &str, day: i64) -> bool {
    LISTED.iter().any(|(k, prefix, from, until)| {
        *k == key && code.starts_with(prefix) && i64::from(*from) <= day && day < i64::from(*until)
    })
}

fn ours(expr: &Expr, world: &World, areas: &Areas) -> Truth {
    // Born on New Year's Day, so that the age is the difference of years.
    let born = world.age.map(|age| Day::from_ymd(world.day.ymd().0 - age, 1, 1).unwrap());
    let person = PersonView { subject: None, residence: world.residence.as_deref(), born };
    expr.eval(&Env { fact: &world.fact, person: &person, areas, day: world.day })
}

fn as_cel(value: &Value) -> Option<Cel> {
    Some(match value {
        Value::Missing => return None,
        Value::Bool(b) => (*b).into(),
        Value::Int(n) => (*n).into(),
        Value::Double(n) => (*n).into(),
        Value::Text(t) => t.to_string().into(),
        Value::List(items) => items.iter().map(|t| Cel::from(t.to_string())).collect::<Vec<_>>().into(),
        Value::Day(day) => i64::from(day.0).into(),
        Value::Instant(at) => at.0.into(),
    })
}

/// The oracle's answer; its errors are our unknown.
fn oracle(program: &Program, world: &World) -> Truth {
    let mut cx = Context::default();
    let fact: HashMap<String, Cel> =
        FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), as_cel(world.fact.get(name))?))).collect();
    let mut person: HashMap<String, Cel> = HashMap::new();
    if let Some(code) = &world.residence {
        person.insert("residence".to_owned(), code.clone().into());
    }
    if let Some(age) = world.age {
        person.insert("age".to_owned(), i64::from(age).into());
    }
    cx.add_variable_from_value("fact", fact);
    cx.add_variable_from_value("person", person);
    cx.add_variable_from_value("day", i64::from(world.day.0));
    let day = i64::from(world.day.0);
    cx.add_function("days_between", |from: i64, to: i64| to - from).unwrap();
    cx.add_function("area", move |code: std::sync::Arc<String>, key: std::sync::Arc<String>| {
        listed(&code, &key, day)
    })
    .unwrap();
    cx.add_function("area_on", |code: std::sync::Arc<String>, key: std::sync::Arc<String>, on: i64| {
        listed(&code, &key, on)
    })
    .unwrap();
    match program.execute(&cx) {
        Ok(Cel::Bool(b)) => Truth::from(b),
        Ok(other) => panic!("the oracle says {other:?}"),
        Err(_) => Truth::Unknown,
    }
}

fn grown(bytes: &[u8], has: bool) -> (Both, Expr) {
    let scope = Scope::of(Kind::Declaration).with_areas(&areas());
    // CEL knows no units. What mixes them is refused here, and the next one is grown.
    for turn in 0..=u8::MAX {
        let bytes: Vec<u8> = bytes.iter().map(|b| b.wrapping_add(turn.wrapping_mul(37))).collect();
        let source = Grow { bytes: &bytes, has, vars: 0 }.truth(4);
        match compile(&source.0, &scope) {
            Ok(expr) => return (source, expr),
            Err(all) => assert!(all.iter().all(|d| d.code == "rule.unit"), "{}: {all:?}", source.0),
        }
    }
    panic!("no turn of {bytes:?} keeps to its units")
}

fn seeds() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..96)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_total_condition_means_what_cel_says(
        bytes in seeds(),
        worlds in prop::collection::vec(full(), 4),
    ) {
        let (source, expr) = grown(&bytes, true);
        let program = Program::compile(&source.1).unwrap();
        let areas = areas();
        for world in &worlds {
            let answer = ours(&expr, world, &areas);
            prop_assert_eq!(answer, oracle(&program, world), "{}", source.0);
            // `destination` and the rest are all there, so there is always an answer.
            prop_assert_ne!(answer, Truth::Unknown, "{}", source.0);
        }
    }

    #[test]
    fn where_something_is_missing_cel_errs_and_we_do_not_know(
        bytes in seeds(),
        world in full(),
        masks in prop::collection::vec(any::<u16>(), 4),
    ) {
        let (source, expr) = grown(&bytes, true);
        let program = Program::compile(&source.1).unwrap();
        let areas = areas();
        for mask in masks {
            let world = less(&world, mask);
            prop_assert_eq!(ours(&expr, &world, &areas), oracle(&program, &world), "{}", source.0);
        }
    }

    #[test]
    fn knowing_less_never_changes_an_answer_but_to_unknown(
        bytes in seeds(),
        worlds in prop::collection::vec(full(), 3),
        masks in prop::collection::vec(any::<u16>(), 6),
    ) {
        // Without has(), which exists to tell the two apart.
        let (source, expr) = grown(&bytes, false);
        let areas = areas();
        for world in &worlds {
            let known = ours(&expr, world, &areas);
            for mask in masks.iter().chain([&u16::MAX]) {
                let answer = ours(&expr, &less(world, *mask), &areas);
                prop_assert!(answer == known || answer == Truth::Unknown, "{}", source.0);
            }
        }
    }
}

#[test]
fn a_condition_on_nothing_but_missing_fields_is_never_true() {
    let scope = Scope::of(Kind::Declaration).with_areas(&areas());
    let world = World {
        fact: Fact {
            id: FactId([1; 16]),
            kind: Kind::Declaration,
            happened: Instant(0),
            recorded: Instant(0),
            source: Source::Resident,
            values: Values::default(),
        },
        residence: None,
        age: None,
        day: Day(NEW_YEAR),
    };
    // Every way to read a field, and each negated: neither may hold.
    for atom in [
        "fact.in_city",
        "fact.in_city == fact.overseas",
        "fact.contact == 'none'",
        "fact.contact in ['none', 'confirmed', 'suspected', 'close_contact']",
        "fact.residence == person.residence",
        "fact.residence.startsWith('')",
        "'fever' in fact.symptoms",
        "fact.symptoms == fact.symptoms",
        "fact.symptoms.all(s, s == s)",
        "fact.symptoms.exists(s, true)",
        "size(fact.visited) >= 0",
        "fact.left_on == fact.left_on",
        "fact.left_on + 1 > fact.left_on",
        "day - fact.left_on < 14",
        "fact.temperature_c < 37.3",
        "fact.temperature_c - fact.temperature_c == 0",
        "person.age >= 0",
        "person.subject in ['resident', 'intending']",
        "area(fact.residence, 'high')",
        "area('42', 'high', fact.left_on)",
    ] {
        for source in [
            atom.to_owned(),
            format!("!({atom})"),
            format!("({atom}) || !({atom})"),
            format!("({atom}) ? true : true"),
            format!("({atom}) == ({atom})"),
            format!("[1, 2].all(n, {atom} || n > 9)"),
        ] {
            let expr = compile(&source, &scope).unwrap_or_else(|e| panic!("{source}: {e:?}"));
            assert_eq!(ours(&expr, &world, &areas()), Truth::Unknown, "{source}");
        }
    }
}
