//! Orders: what the checker of packs refuses, and what nobody can do alone.

use std::path::Path;

use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::order::{OrderState, URGENT_S, standings, urgent_before};
use kangma_core::rules::pack::{Pack, PackFiles};
use kangma_core::time::Instant;
use proptest::prelude::*;

fn hangzhou() -> PackFiles {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parent");
    let mut files = PackFiles::default();
    for name in ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"] {
        files.0.insert(name.into(), std::fs::read_to_string(dir.join(name)).unwrap());
    }
    files
}

/// The codes that a pack gets with a text of its rules exchanged for another.
fn slip(from: &str, to: &str) -> Vec<&'static str> {
    let mut files = hangzhou();
    let rules = files.0.get_mut("rules.toml").unwrap();
    assert!(rules.contains(from), "{from}");
    *rules = rules.replacen(from, to, 1);
    match Pack::load(&files) {
        Ok(_) => Vec::new(),
        Err(e) => e.iter().map(|(_, d)| d.code).collect(),
    }
}

#[test]
fn a_rule_on_what_a_scan_or_a_collector_saw_is_refused() {
    for seen in ["scan", "venue", "observation", "review", "identity", "confirmation", "signature", "episode"]
    {
        let list = "on = \"listed\"\nwhen = 'fact.list in [\"confirmed\", \"suspected\", \"asymptomatic\", \"close_contact\", \"medical_observation\"]'";
        let codes = slip(list, &format!("on = \"{seen}\"\nwhen = 'has(fact.place)'"));
        assert!(codes.contains(&"pack.rule_on"), "{seen}: {codes:?}");
    }
}

#[test]
fn every_kind_that_may_open_is_something_that_somebody_answers_for() {
    let opens: Vec<&str> = Kind::ALL.into_iter().filter(|k| k.may_open()).map(Kind::name).collect();
    for seen in ["scan", "observation", "venue", "visit"] {
        assert!(!opens.contains(&seen), "{seen} opens an episode");
    }
    assert!(opens.contains(&"order") && !opens.contains(&"signature"));
}

#[test]
fn slips_about_orders_are_told() {
    let order = "order = { days_max = 14, urgent = true }\n";
    assert_eq!(slip(order, ""), ["pack.rule_order"]);
    assert_eq!(slip(order, "order = { days_max = 0 }\n"), ["pack.rule_order"]);
    assert_eq!(slip(order, "order = { days_max = 367 }\n"), ["pack.rule_order"]);
    assert_eq!(slip(order, &format!("{order}repeat = \"restart\"\n")), ["pack.rule_order"]);
    assert_eq!(
        slip("order = { days_max = 3 }", "order = { days_max = 3, urgent = true }"),
        ["pack.rule_order"]
    );
    assert_eq!(slip("\"HZ-RED-FALSE\", \"HZ-RED-ORDER\"]", "\"HZ-RED-FALS\"]"), ["pack.rule_order"]);
    assert_eq!(slip("\"HZ-RED-FALSE\", \"HZ-RED-ORDER\"]", "\"HZ-REVIEW-HEALTH\"]"), ["pack.rule_order"]);
    assert_eq!(slip("on = \"listed\"\n", "on = \"listed\"\norder = { days_max = 3 }\n"), ["pack.rule_order"]);
    // What a stage leads to is red or yellow, ordered or not.
    let stages = "when = 'fact.evidence in [\"investigation_report\", \"laboratory_report\", \"diagnosis\"]'\nstages = [{ colour = \"red\"";
    assert_eq!(slip(stages, &stages.replace("red", "green")), ["pack.stage"]);
    assert!(slip(", release = { check_ins_in_a_row = 14, days = 14 } }]\nsource = { title = \"Zhejiang, 17 February 2020: confirmed, suspected, close contacts, medical observation\", url = \"http://news.cnlg.cn/20200217/142876.htm\", grade = \"B\" }\nours = \"That somebody", " }]\nsource = { title = \"t\", url = \"u\", grade = \"B\" }\nours = \"That somebody").is_empty(), "an order's end is a way out");
}

fn fact(id: u8, kind: Kind, at: i64) -> Fact {
    Fact {
        id: FactId([id; 16]),
        kind,
        happened: Instant(at),
        recorded: Instant(at),
        source: Source::Staff,
        values: Values::default(),
    }
}

fn order(id: u8, at: i64, until: i64, urgent: bool, office: &str) -> Fact {
    let mut order = fact(id, Kind::Order, at);
    for (field, text) in
        [("rule", "HZ-RED-ORDER"), ("evidence", "diagnosis"), ("office", office), ("by", office)]
    {
        order.set(field, Value::Text(text.into()));
    }
    order.set("until", Value::Instant(Instant(until)));
    order.set("urgent", Value::Bool(urgent));
    order
}

fn signature(id: u8, at: i64, of: u8, office: &str) -> Fact {
    let mut signature = fact(id, Kind::Signature, at);
    for (field, text) in [("of", FactId([of; 16]).to_string().as_str()), ("office", office), ("by", office)] {
        signature.set(field, Value::Text(text.into()));
    }
    signature
}

const NOON: i64 = 1_581_480_000;

#[test]
fn an_urgent_order_says_when_it_will_change_and_who_was_there_before() {
    let pack = Pack::load(&hangzhou()).unwrap();
    let facts = Facts::new(vec![order(1, NOON, NOON + 86_400, true, "a")]);
    let at = Instant(NOON + 60);
    let decision = decide(&pack, &facts, &Context { areas: pack.areas() }, at);
    assert_eq!(decision.review_at, Some(Instant(NOON + URGENT_S)));
    assert_eq!(standings(&pack, &facts, at)[0].state, OrderState::Urgent);
    assert!(urgent_before(&facts, at).is_some());
    assert!(urgent_before(&facts, at.plus_s(7 * 86_400)).is_none());
}

proptest! {
    /// Whatever one office records, in whatever order: without another office's signature nobody has
    /// a colour of it but for two hours in seven days.
    #[test]
    fn one_office_alone_colours_for_two_hours_in_seven_days_at_most(
        orders in proptest::collection::vec((0..600_000_i64, 0..900_000_i64, any::<bool>()), 1..8),
        signatures in proptest::collection::vec((0..600_000_i64, 0..8_u8), 0..8),
    ) {
        let pack = Pack::load(&hangzhou()).unwrap();
        let mut facts = Facts::default();
        for (i, (at, lasts, urgent)) in orders.iter().enumerate() {
            facts.push(order(i as u8 + 1, NOON + at, NOON + at + lasts, *urgent, "a"));
        }
        for (i, (at, of)) in signatures.iter().enumerate() {
            facts.push(signature(i as u8 + 101, NOON + at, of + 1, "a"));
        }
        // Looked at every quarter of an hour over the seven days.
        let red = (0..672).filter(|i| {
            let at = Instant(NOON + i * 900);
            !decide(&pack, &facts, &Context { areas: pack.areas() }, at).episodes.is_empty()
        });
        prop_assert!(red.count() <= 8);
    }

    /// The same order and signature, whatever stands beside them, are found in both records' order,
    /// and a stored answer holds until its `review_at`.
    #[test]
    fn an_answer_about_orders_holds_until_its_review_at(
        orders in proptest::collection::vec((0..400_000_i64, 1..500_000_i64, any::<bool>()), 1..5),
        signatures in proptest::collection::vec((0..400_000_i64, 0..5_u8), 0..5),
        asked in 0..900_000_i64,
        later in 1..500_000_i64,
    ) {
        let pack = Pack::load(&hangzhou()).unwrap();
        let mut all = Vec::new();
        for (i, (at, lasts, urgent)) in orders.iter().enumerate() {
            all.push(order(i as u8 + 1, NOON + at, NOON + at + lasts, *urgent, "a"));
        }
        for (i, (at, of)) in signatures.iter().enumerate() {
            all.push(signature(i as u8 + 101, NOON + at, of + 1, "b"));
        }
        let facts = Facts::new(all.clone());
        all.reverse();
        let context = Context { areas: pack.areas() };
        let now = decide(&pack, &facts, &context, Instant(NOON + asked));
        prop_assert_eq!(&now, &decide(&pack, &Facts::new(all), &context, Instant(NOON + asked)));
        let then = Instant(NOON + asked + later);
        if now.review_at.is_none_or(|at| then < at) {
            let then = decide(&pack, &facts, &context, then);
            prop_assert_eq!((now.colour, &now.orders), (then.colour, &then.orders));
            prop_assert_eq!(now.episodes, then.episodes);
        }
    }
}
