//! Decisions a second on one core, and the `cel` crate doing the same rules on the same facts.
//! `cargo run --release -p kangma-core --example decide_rate [-- --json]`

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use cel::objects::Key;
use cel::{Context as CelContext, Program, Value as Cel};
use kangma_core::fact::{Fact, Facts, Kind, Source, Value};
use kangma_core::id::FactId;
use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::pack::{Pack, PackFiles};
use kangma_core::time::{DAY_S, Instant};

/// 11 February 2020, 00:00 in Hangzhou.
const START: i64 = 1_581_350_400;

fn fact(n: u128, kind: Kind, at: i64, fields: &[(&str, Value)]) -> Fact {
    let (id, happened) = (FactId(n.to_be_bytes()), Instant(START + at));
    let mut fact = Fact { id, kind, happened, recorded: happened, source: Source::Resident, values: vec![] };
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

fn main() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
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
    let mut rates: [Vec<f64>; 3] = Default::default();
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
    }
    let [per_s, open_per_s, cel_per_s] = rates.map(|mut r| {
        r.sort_by(f64::total_cmp);
        r[1]
    });
    if std::env::args().any(|a| a == "--json") {
        println!(
            "{}",
            serde_json::json!({ "per_s": per_s, "open_per_s": open_per_s, "cel_per_s": cel_per_s })
        );
    } else {
        println!(
            "nothing active {per_s:.0}/s, an episode open {open_per_s:.0}/s, cel {cel_per_s:.0}/s ({:.0} times)",
            per_s / cel_per_s
        );
    }
}
