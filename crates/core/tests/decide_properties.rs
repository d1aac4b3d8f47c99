//! What holds for every person under the Hangzhou pack, whatever their facts.

use std::path::Path;
use std::sync::LazyLock;

use kangma_core::decision::{Decision, Status};
use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::pack::{Pack, PackFiles};
use kangma_core::time::{DAY_S, Instant};
use proptest::prelude::*;

static PACK: LazyLock<Pack> = LazyLock::new(|| load(|_, text| text));

fn load(change: impl Fn(&str, String) -> String) -> Pack {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parent");
    let mut files = PackFiles::default();
    for name in ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"] {
        files.0.insert(name.into(), change(name, std::fs::read_to_string(dir.join(name)).unwrap()));
    }
    Pack::load(&files).unwrap_or_else(|e| panic!("{e}"))
}

fn at(pack: &Pack, facts: &Facts, now: Instant) -> Decision {
    decide(pack, facts, &Context { areas: pack.areas() }, now)
}

/// 11 February 2020, 00:00 in Hangzhou.
const START: i64 = 1_581_350_400;
const DAYS: i64 = 45;

fn fact(n: usize, kind: Kind, at: i64, fields: Vec<(&str, Value)>) -> Fact {
    let mut fact = Fact {
        id: FactId((n as u128 + 1).to_be_bytes()),
        kind,
        happened: Instant(START + at),
        recorded: Instant(START + at),
        source: Source::Resident,
        values: Values::default(),
    };
    for (name, value) in fields {
        assert!(fact.set(name, value), "{name}");
    }
    fact
}

fn text(word: &str) -> Value {
    Value::Text(word.into())
}

fn list(words: &[&str]) -> Value {
    Value::List(words.iter().map(|w| (*w).into()).collect())
}

#[derive(Clone, Debug)]
enum Event {
    Declares { contact: usize, overseas: bool, unwell: bool, symptom: bool },
    ChecksIn { well: bool },
    Listed,
    Reviewed { of: usize, approved: bool },
    Corrected { of: usize },
    Found { of: usize },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (0..4_usize, prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::bool::weighted(0.2))
            .prop_map(|(contact, overseas, unwell, symptom)| Event::Declares { contact, overseas, unwell, symptom }),
        8 => prop::bool::weighted(0.95).prop_map(|well| Event::ChecksIn { well }),
        1 => Just(Event::Listed),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(of, approved)| Event::Reviewed { of, approved }),
        1 => any::<usize>().prop_map(|of| Event::Corrected { of }),
        1 => any::<usize>().prop_map(|of| Event::Found { of }),
    ]
}

fn life() -> impl Strategy<Value = Vec<Fact>> {
    let one = (event(), 0..DAYS, 0..DAY_S);
    // Days in a row first, so that runs become long enough to end something.
    (0..20_i64, prop::collection::vec(one, 1..24)).prop_map(|(run, events)| {
        let mut facts: Vec<Fact> = (0..run).map(|d| check_in(d as usize, d * DAY_S + 30_000, true)).collect();
        for (event, day, second) in events {
            let (n, at) = (facts.len(), day * DAY_S + second);
            let id = |of: usize| text(&facts[of % n.max(1)].id.to_string());
            if n == 0 && !matches!(event, Event::Declares { .. } | Event::ChecksIn { .. } | Event::Listed) {
                continue;
            }
            facts.push(match event {
                Event::Declares { contact, overseas, unwell, symptom } => fact(
                    n,
                    Kind::Declaration,
                    at,
                    vec![
                        ("subject", text("resident")),
                        ("residence", text("330106")),
                        ("in_city", Value::Bool(true)),
                        ("contact", text(["none", "none", "confirmed", "suspected"][contact])),
                        ("overseas", Value::Bool(overseas)),
                        ("under_measure", text("none")),
                        ("health", text(if unwell { "unwell" } else { "well" })),
                        ("symptoms", list(if symptom { &["fever"] } else { &[] })),
                    ],
                ),
                Event::ChecksIn { well } => check_in(n, at, well),
                Event::Listed => fact(n, Kind::Listed, at, vec![("list", text("close_contact"))]),
                Event::Reviewed { of, approved } => {
                    let outcome = text(if approved { "approved" } else { "returned" });
                    fact(n, Kind::Review, at, vec![("of", id(of)), ("outcome", outcome)])
                }
                Event::Corrected { of } => fact(n, Kind::Correction, at, vec![("of", id(of))]),
                Event::Found { of } => {
                    fact(n, Kind::Finding, at, vec![("finding", text("false_declaration")), ("of", id(of))])
                }
            });
        }
        facts
    })
}

fn check_in(n: usize, at: i64, well: bool) -> Fact {
    let t = Value::Double(if well { 36.5 } else { 38.0 });
    fact(n, Kind::CheckIn, at, vec![("temperature_c", t), ("symptoms", list(&[]))])
}

/// A decision without what says when it was made.
fn answer(mut d: Decision) -> Decision {
    d.decided_at = Instant(0);
    d.records.iter_mut().for_each(|f| f.recorded = Instant(0));
    d
}

fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("KANGMA_DRILL").is_some() { 20_000 } else { 400 };
    ProptestConfig { cases, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_order_of_recording_does_not_matter(facts in life(), seed in any::<u64>(), when in 0..DAYS * DAY_S) {
        let mut shuffled = facts.clone();
        let mut state = seed | 1;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, (state >> 33) as usize % (i + 1));
        }
        let now = Instant(START + when);
        let mut one_by_one = Facts::default();
        shuffled.iter().for_each(|f| one_by_one.push(f.clone()));
        prop_assert_eq!(at(&PACK, &Facts::new(facts), now), at(&PACK, &one_by_one, now));
    }

    #[test]
    fn time_alone_changes_the_answer_only_at_a_review_at(facts in life(), samples in prop::collection::vec(0.0..1.0_f64, 3)) {
        let facts = Facts::new(facts);
        let mut now = Instant(START);
        let end = Instant(START + (DAYS + 20) * DAY_S);
        let mut steps = 0;
        while now < end {
            let here = at(&PACK, &facts, now);
            let next = here.review_at.unwrap_or(end).min(end);
            prop_assert!(next > now, "review_at lies in the future");
            for share in &samples {
                let between = Instant(now.0 + ((next.0 - 1 - now.0) as f64 * share) as i64);
                prop_assert_eq!(answer(at(&PACK, &facts, between)), answer(here.clone()), "between {} and {}: at {}", now, next, between);
            }
            prop_assert_eq!(answer(at(&PACK, &facts, Instant(next.0 - 1))), answer(here), "just before {}", next);
            now = next;
            steps += 1;
            prop_assert!(steps < 500, "time passes");
        }
    }

    #[test]
    fn an_episode_that_ends_never_ends_another(facts in life(), when in 0..DAYS * DAY_S) {
        // Each reason alone ends when it ends; together none ends sooner.
        let now = Instant(START + when);
        let together = at(&PACK, &Facts::new(facts.clone()), now);
        for opener in facts.iter().filter(|f| matches!(f.kind, Kind::Listed | Kind::Finding)) {
            let alone: Facts = facts.iter().filter(|f| f.id == opener.id || matches!(f.kind, Kind::CheckIn | Kind::Correction)).cloned().collect();
            for episode in at(&PACK, &alone, now).episodes.iter().filter(|e| e.opened_by == opener.id) {
                // A later reason of the same rule may have taken its place, at least as strict.
                let still = together.episodes.iter().any(|e| e.rule == episode.rule && e.since >= episode.since);
                prop_assert!(still, "{} of {} is gone", episode.rule, episode.since);
            }
        }
    }

    #[test]
    fn missing_data_never_worsens_a_colour(facts in life(), when in 0..DAYS * DAY_S, which in any::<prop::sample::Index>(), slot in 0..16_usize) {
        let now = Instant(START + when);
        let whole = at(&PACK, &Facts::new(facts.clone()), now);
        let mut less = facts;
        // A check-in that says less is a check-in less, which a duty misses: that is a lapse, not missing data.
        // Nor one of the two answers of a contradiction: without it there is nothing to ask a reviewer.
        let asked = |f: &Fact| at(&PACK, &Facts::new(vec![f.clone()]), f.happened).review.is_some();
        let say: Vec<usize> = (0..less.len())
            .filter(|i| matches!(less[*i].kind, Kind::Declaration | Kind::Listed) && !asked(&less[*i]))
            .collect();
        if let Some(value) = say.get(which.index(say.len().max(1))).and_then(|i| less[*i].values.get_mut(slot)) {
            *value = Value::Missing;
        }
        let poorer = at(&PACK, &Facts::new(less), now);
        if let (Some(a), Some(b)) = (whole.colour, poorer.colour) {
            prop_assert!(b <= a || whole.status != Status::Active);
        }
    }

    #[test]
    fn the_record_of_a_decision_changes_nothing(facts in life(), first in 0..DAYS * DAY_S, then in 0..20 * DAY_S) {
        let mut facts = Facts::new(facts);
        let early = at(&PACK, &facts, Instant(START + first));
        early.records.iter().for_each(|f| facts.push(f.clone()));
        let again = at(&PACK, &facts, Instant(START + first));
        prop_assert!(again.records.is_empty(), "recording twice is recording once");
        let later = Instant(START + first + then);
        let bare: Facts = facts.iter().filter(|f| f.kind != Kind::Episode).cloned().collect();
        let (with, without) = (at(&PACK, &facts, later), at(&PACK, &bare, later));
        prop_assert_eq!(with.episodes, without.episodes);
        prop_assert_eq!((with.colour, with.status), (without.colour, without.status));
    }

    #[test]
    fn a_colour_stands_exactly_where_the_status_says_so(facts in life(), when in 0..DAYS * DAY_S) {
        let d = at(&PACK, &Facts::new(facts), Instant(START + when));
        prop_assert_eq!(d.colour.is_some(), d.status == Status::Active);
        prop_assert!(d.episodes.windows(2).all(|w| w[0].colour >= w[1].colour), "the most severe first");
        for e in &d.episodes {
            prop_assert!(!e.progress.is_empty() && e.since <= d.decided_at);
            prop_assert!(e.earliest_end.is_some(), "Hangzhou's reasons wait for nobody");
        }
    }
}

fn newer() -> Pack {
    // A stricter version: 21 days, and no rule about contacts at all.
    load(|name, text| match name {
        "pack.toml" => text.replace("version = \"1.0.0\"", "version = \"2.0.0\""),
        "rules.toml" => {
            let contact = text.find("[[rule]]\nid = \"HZ-RED-CONTACT\"").unwrap();
            let next = contact + 8 + text[contact + 8..].find("[[rule]]").unwrap();
            format!("{}{}", &text[..contact], &text[next..]).replace("days = 7", "days = 21")
        }
        _ => {
            let contact = text.find("[rules.HZ-RED-CONTACT]").unwrap();
            let next = contact + 1 + text[contact + 1..].find("[rules.").unwrap();
            format!("{}{}", &text[..contact], &text[next..])
        }
    })
}

fn declared(contact: &str, overseas: bool) -> Fact {
    fact(
        99,
        Kind::Declaration,
        3_600,
        vec![
            ("subject", text("resident")),
            ("residence", text("330106")),
            ("contact", text(contact)),
            ("overseas", Value::Bool(overseas)),
            ("under_measure", text("none")),
            ("health", text("well")),
            ("symptoms", list(&[])),
        ],
    )
}

fn with_records(facts: &mut Facts, pack: &Pack, now: Instant) -> Decision {
    let decision = at(pack, facts, now);
    decision.records.iter().for_each(|f| facts.push(f.clone()));
    decision
}

#[test]
fn an_open_episode_keeps_its_terms_under_a_new_version_and_an_ended_one_is_never_reopened() {
    let newer = newer();
    let day = |n: i64| Instant(START + n * DAY_S + 40_000);
    let midnight = |n: i64| Instant(START + n * DAY_S);
    let mut facts = Facts::new(vec![declared("confirmed", true)]);
    (0..14).for_each(|d| facts.push(check_in(d as usize, d * DAY_S + 30_000, true)));
    with_records(&mut facts, &PACK, day(3));
    // The rule of one is gone and the other has longer terms: both keep what they were opened under.
    let under_new = at(&newer, &facts, day(4));
    let rules: Vec<(&str, &str)> = under_new.episodes.iter().map(|e| (&*e.rule, &*e.version)).collect();
    assert_eq!(rules, [("HZ-RED-CONTACT", "1.0.0"), ("HZ-YELLOW-OVERSEAS", "1.0.0")]);
    assert_eq!(at(&newer, &facts, midnight(7)).episodes.len(), 1, "yellow after 7 days, not 21");
    assert!(at(&newer, &facts, midnight(14)).episodes.is_empty(), "red after 14");
    // Ended under the old version, with its record: the longer terms do not bring it back.
    let mut ended = Facts::new(vec![declared("none", true)]);
    (0..7).for_each(|d| ended.push(check_in(d as usize, d * DAY_S + 30_000, true)));
    with_records(&mut ended, &PACK, midnight(7));
    assert!(at(&newer, &ended, day(8)).episodes.is_empty());
    let never_recorded: Facts = ended.iter().filter(|f| f.kind != Kind::Episode).cloned().collect();
    assert_eq!(
        at(&newer, &never_recorded, day(8)).episodes.len(),
        1,
        "without the record the new terms count"
    );
}
