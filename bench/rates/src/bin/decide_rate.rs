//! Decisions a second on one core, and the crates `cel` and `datalogic-rs` doing the same rules on the
//! same facts; `--facts` prints them for `bench/peers/certlogic`, which does them in JavaScript.
//! `cargo run --release -p rates --bin decide_rate [-- --json | --facts]`

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use cel::objects::Key;
use cel::{Context as CelContext, Program, Value as Cel};
use datalogic_rs::{Engine, Logic, ParsedData};
use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::expr::{Env, Expr, PersonView};
use kangma_core::rules::pack::{Pack, PackFiles};
use kangma_core::time::{DAY_S, Instant};
use serde_json::{Value as Json, json};

/// 11 February 2020, 00:00 in Hangzhou.
const START: i64 = 1_581_350_400;

fn fact(n: u128, kind: Kind, at: i64, fields: &[(&str, Value)]) -> Fact {
    let (id, happened) = (FactId(n.to_be_bytes()), Instant(START + at));
    let mut fact =
        Fact { id, kind, happened, recorded: happened, source: Source::Resident, values: Values::default() };
    fields.iter().for_each(|(name, value)| assert!(fact.set(name, value.clone())));
    fact
}

/// One identity, one declaration, 28 daily check-ins: 30 facts. `contact` opens an episode.
fn person(contact: &str) -> Facts {
    let text = |t: &str| Value::Text(t.into());
    let mut facts = vec![
        fact(100, Kind::Identity, 0, &[("method", text("gateway")), ("bound", Value::Bool(true))]),
        fact(
            101,
            Kind::Declaration,
            60,
            &[
                ("subject", text("resident")),
                ("residence", text("330106")),
                ("in_city", Value::Bool(true)),
                ("contact", text(contact)),
                ("overseas", Value::Bool(false)),
                ("under_measure", text("none")),
                ("health", text("well")),
                ("symptoms", Value::List([].into())),
                ("temperature_c", Value::Double(36.5)),
            ],
        ),
    ];
    let well = [("temperature_c", Value::Double(36.5)), ("symptoms", Value::List([].into()))];
    facts.extend((0..28).map(|d| fact(d, Kind::CheckIn, i64::from(d as u32) * DAY_S + 30_000, &well)));
    Facts::new(facts)
}

fn rate(mut one: impl FnMut()) -> f64 {
    let began = Stopwatch::now();
    let mut n = 0_u64;
    while began.elapsed().as_secs_f64() < 0.7 {
        (0..64).for_each(|_| one());
        n += 64;
    }
    n as f64 / began.elapsed().as_secs_f64()
}

/// The same conditions as CEL programs, over each fact as a map, contexts ready where they can be.
struct Oracle {
    programs: Vec<(Kind, Program)>,
    facts: Vec<(Kind, CelContext<'static, 'static>)>,
}

impl Oracle {
    fn new(pack_dir: &Path, facts: &Facts) -> Oracle {
        let rules: toml::Table =
            toml::from_str(&std::fs::read_to_string(pack_dir.join("rules.toml")).unwrap()).unwrap();
        let pack: toml::Table =
            toml::from_str(&std::fs::read_to_string(pack_dir.join("pack.toml")).unwrap()).unwrap();
        let mut programs =
            vec![(Kind::CheckIn, Program::compile(pack["check_in"]["normal"].as_str().unwrap()).unwrap())];
        for rule in rules["rule"].as_array().unwrap() {
            let kind = Kind::named(rule["on"].as_str().unwrap()).unwrap();
            programs.push((kind, Program::compile(rule["when"].as_str().unwrap()).unwrap()));
        }
        let facts = facts.iter().map(|f| (f.kind, context(f))).collect();
        Oracle { programs, facts }
    }

    fn decide(&self) -> usize {
        let mut matched = 0;
        for (kind, context) in &self.facts {
            for (_, program) in self.programs.iter().filter(|(k, _)| k == kind) {
                matched += usize::from(matches!(program.execute(context), Ok(Cel::Bool(true))));
            }
        }
        matched
    }
}

fn context(fact: &Fact) -> CelContext<'static, 'static> {
    let mut map: HashMap<Key, Cel> = HashMap::new();
    for (i, field) in fact.kind.schema().iter().enumerate() {
        let value = match fact.at(i) {
            Value::Bool(b) => Cel::Bool(*b),
            Value::Double(d) => Cel::Float(*d),
            Value::Int(n) => Cel::Int(*n),
            Value::Text(t) => Cel::String(Arc::new(t.to_string())),
            Value::List(l) => {
                Cel::List(Arc::new(l.iter().map(|t| Cel::String(Arc::new(t.to_string()))).collect()))
            }
            _ => continue,
        };
        map.insert(Key::String(Arc::new(field.name.to_owned())), value);
    }
    let mut context = CelContext::default();
    context.add_variable_from_value("fact", Cel::Map(cel::objects::Map { map: Arc::new(map) }));
    context.add_variable_from_value("day", Cel::Int(18_303));
    context
        .add_function("area", |_: Arc<String>, _: Arc<String>| false)
        .expect("a function of that name can be added");
    context
}

/// A fact as the JsonLogic peers read it: numbers whole, since CertLogic compares no others, and what
/// it cannot compute (which areas, which city) already there, which leaves them less to do.
fn peer_fact(fact: &Fact, areas: &kangma_core::rules::expr::Areas) -> Json {
    let mut map = serde_json::Map::new();
    for (i, field) in fact.kind.schema().iter().enumerate() {
        let value = match fact.at(i) {
            Value::Bool(b) => json!(b),
            Value::Double(d) => {
                map.insert("temperature_tenths".into(), json!((d * 10.0).round() as i64));
                continue;
            }
            Value::Int(n) => json!(n),
            Value::Text(t) => json!(**t),
            Value::List(l) => json!(l.iter().map(|t| t.as_str()).collect::<Vec<_>>()),
            _ => continue,
        };
        map.insert(field.name.into(), value);
    }
    if let Some(code) = fact.text("residence") {
        let day = kangma_core::time::Day(18_303);
        let within: Vec<&str> = areas.keys().filter(|key| areas.in_area(code, key, day)).collect();
        map.insert("areas".into(), json!(within));
        map.insert("city".into(), json!(code.get(..4)));
    }
    Json::Object(map)
}

/// `datalogic-rs`, rules compiled, data parsed and the rules of each fact beside it, as ours are.
struct JsonLogic {
    engine: Engine,
    facts: Vec<(Vec<Arc<Logic>>, ParsedData)>,
    arena: datalogic_rs::bumpalo::Bump,
}

impl JsonLogic {
    fn new(facts: &Facts, areas: &kangma_core::rules::expr::Areas) -> JsonLogic {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/peers/certlogic/hangzhou.json");
        let rules: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let engine = Engine::new();
        let rules = rules.iter().map(|r| {
            // CertLogic has no `or`; JsonLogic has, and takes less time over it.
            let logic = r.get("json_logic").unwrap_or(&r["logic"]).to_string();
            (r["on"].as_str().unwrap(), engine.compile_arc(logic.as_str()).unwrap())
        });
        let rules: Vec<(&str, Arc<Logic>)> = rules.collect();
        let of = |f: &Fact| {
            let asked = rules.iter().filter(|(on, _)| *on == f.kind.name());
            let data = json!({ "fact": peer_fact(f, areas) }).to_string();
            (asked.map(|(_, logic)| Arc::clone(logic)).collect(), ParsedData::from_json(&data).unwrap())
        };
        let facts = facts.iter().map(of).collect();
        JsonLogic { engine, facts, arena: Default::default() }
    }

    fn matched(&mut self) -> usize {
        let mut matched = 0;
        for (asked, data) in &self.facts {
            for logic in asked {
                let truth = self.engine.evaluate(logic, data, &self.arena);
                matched += usize::from(truth.is_ok_and(|v| v.as_bool() == Some(true)));
            }
        }
        self.arena.reset();
        matched
    }
}

/// The same conditions as the peers ask, by our engine: facts and their days ready, as theirs are.
fn asked<'a>(pack: &'a Pack, facts: &'a Facts, person: &'a PersonView<'a>) -> Vec<(Vec<&'a Expr>, Env<'a>)> {
    let of = |kind: Kind| {
        let mut all: Vec<&Expr> = pack.rules.iter().filter(|r| r.on == kind).map(|r| &r.when).collect();
        if kind == Kind::CheckIn {
            all.push(&pack.check_in.normal);
        }
        all
    };
    let day = |f: &Fact| pack.zone.day_of(f.happened);
    facts.iter().map(|f| (of(f.kind), Env { fact: f, person, areas: pack.areas(), day: day(f) })).collect()
}

fn holding(asked: &[(Vec<&Expr>, Env<'_>)]) -> usize {
    asked.iter().map(|(all, env)| all.iter().filter(|when| when.holds(env)).count()).sum()
}

fn main() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/core/tests/fixtures/parent");
    let mut files = PackFiles::default();
    for name in ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"] {
        files.0.insert(name.into(), std::fs::read_to_string(dir.join(name)).unwrap());
    }
    let pack = Pack::load(&files).unwrap();
    let (well, red) = (person("none"), person("confirmed"));
    let context = Context { areas: pack.areas() };
    let now = Instant(START + 10 * DAY_S + 40_000);
    let after = Instant(START + 30 * DAY_S);
    let oracle = Oracle::new(&dir, &well);
    let mut json_logic = JsonLogic::new(&well, pack.areas());
    // All do the same work: as many conditions hold for each.
    for facts in [&well, &red] {
        let (cel, other) = (Oracle::new(&dir, facts).decide(), JsonLogic::new(facts, pack.areas()).matched());
        assert_eq!(cel, other, "cel and datalogic-rs differ");
        assert_eq!(cel, holding(&asked(&pack, facts, &PersonView::default())), "cel and our engine differ");
    }
    if std::env::args().any(|a| a == "--facts") {
        let people = [("well", &well), ("contact", &red)].map(|(name, facts)| {
            let list: Vec<Json> = facts
                .iter()
                .map(|f| json!({ "kind": f.kind.name(), "fact": peer_fact(f, pack.areas()) }))
                .collect();
            json!({ "name": name, "matches": Oracle::new(&dir, facts).decide(), "facts": list })
        });
        println!("{}", json!(people));
        return;
    }
    let nobody = PersonView::default();
    let ours = asked(&pack, &well, &nobody);
    let mut rates: [Vec<f64>; 5] = Default::default();
    for _ in 0..3 {
        rates[0].push(rate(|| {
            black_box(decide(&pack, black_box(&well), &context, after));
        }));
        rates[1].push(rate(|| {
            black_box(decide(&pack, black_box(&red), &context, now));
        }));
        rates[2].push(rate(|| {
            black_box(oracle.decide());
        }));
        rates[3].push(rate(|| {
            black_box(json_logic.matched());
        }));
        rates[4].push(rate(|| {
            black_box(holding(black_box(&ours)));
        }));
    }
    let [per_s, open_per_s, cel_per_s, datalogic_per_s, asked_per_s] = rates.map(|mut r| {
        r.sort_by(f64::total_cmp);
        r[1]
    });
    if std::env::args().any(|a| a == "--json") {
        println!(
            "{}",
            json!({ "per_s": per_s, "open_per_s": open_per_s, "cel_per_s": cel_per_s, "datalogic_per_s": datalogic_per_s,
                "asked_per_s": asked_per_s })
        );
    } else {
        println!(
            "nothing active {per_s:.0}/s, an episode open {open_per_s:.0}/s; conditions alone {asked_per_s:.0}/s, cel {cel_per_s:.0}/s ({:.0} times), datalogic-rs {datalogic_per_s:.0}/s ({:.1} times)",
            asked_per_s / cel_per_s,
            asked_per_s / datalogic_per_s
        );
    }
}
