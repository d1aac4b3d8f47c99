//! Terms that Hangzhou does not use, but another pack may: each on a variant of its pack.

use std::path::Path;

use kangma_core::decision::{BrokenBy, Colour, Counted, Decision, Status};
use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::pack::{Pack, PackFiles};
use kangma_core::time::{DAY_S, Instant};
use proptest::prelude::*;

/// 11 February 2020, 00:00 in Hangzhou.
const START: i64 = 1_581_350_400;
const CONTACT: &str = "{ check_ins_in_a_row = 14, days = 14 }";

/// Hangzhou's pack with some texts of `pack.toml` and `rules.toml` replaced, each found at least once.
fn pack(changes: &[(&str, &str)]) -> Pack {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parent");
    let mut files = PackFiles::default();
    for name in ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"] {
        files.0.insert(name.into(), std::fs::read_to_string(dir.join(name)).unwrap());
    }
    for (from, to) in changes {
        assert!(files.0.values().any(|t| t.contains(from)), "no {from}");
        for name in ["pack.toml", "rules.toml"] {
            let text = files.0[name].replace(from, to);
            files.0.insert(name.into(), text);
        }
    }
    Pack::load(&files).unwrap_or_else(|e| panic!("{e}"))
}

fn red_ends(release: &str) -> Pack {
    pack(&[(CONTACT, release)])
}

fn at(pack: &Pack, facts: &Facts, day: i64, hour: i64) -> Decision {
    decide(pack, facts, &Context { areas: pack.areas() }, time(day, hour))
}

fn time(day: i64, hour: i64) -> Instant {
    Instant(START + day * DAY_S + hour * 3600)
}

fn fact(n: u128, kind: Kind, happened: Instant, fields: &[(&str, Value)]) -> Fact {
    let id = FactId(n.to_be_bytes());
    let mut fact =
        Fact { id, kind, happened, recorded: happened, source: Source::Resident, values: Values::default() };
    fields.iter().for_each(|(name, value)| assert!(fact.set(name, value.clone()), "{name}"));
    fact
}

fn text(word: &str) -> Value {
    Value::Text(word.into())
}

fn declared(n: u128, when: Instant, contact: &str, symptoms: &[&str]) -> Fact {
    let symptoms = Value::List(symptoms.iter().map(|s| (*s).into()).collect());
    let fields = [
        ("subject", text("resident")),
        ("residence", text("330106")),
        ("contact", text(contact)),
        ("overseas", Value::Bool(false)),
        ("under_measure", text("none")),
        ("health", text("well")),
        ("symptoms", symptoms),
    ];
    fact(n, Kind::Declaration, when, &fields)
}

fn check_in(when: Instant, temperature_c: f64) -> Fact {
    let fields = [("temperature_c", Value::Double(temperature_c)), ("symptoms", Value::List([].into()))];
    fact(10_000 + when.0 as u128, Kind::CheckIn, when, &fields)
}

/// A contact declared on day 0 at 10:00, and normal check-ins at 11:00 on some days.
fn contact(days: impl IntoIterator<Item = i64>) -> Facts {
    let mut facts = Facts::new(vec![declared(1, time(0, 10), "confirmed", &[])]);
    days.into_iter().for_each(|d| facts.push(check_in(time(d, 11), 36.5)));
    facts
}

fn done(decision: &Decision, what: Counted) -> u32 {
    let found = decision.episodes[0].progress.iter().find(|p| p.what == what);
    found.expect("the condition is counted").done
}

fn tested(n: u128, when: Instant, result: &str) -> Fact {
    fact(n, Kind::Test, when, &[("method", text("pcr")), ("result", text(result))])
}

#[test]
fn a_pause_keeps_the_run_and_ends_the_stage_when_the_days_are_full() {
    let pause = pack(&[
        ("on_missed_day = \"restart\"", "on_missed_day = \"pause\""),
        (CONTACT, "{ check_ins_in_a_row = 7, days = 14 }"),
    ]);
    // Seven at once, then silence: the run is met and nothing breaks it.
    let facts = contact(0..7);
    assert_eq!(at(&pause, &facts, 13, 23).colour, Some(Colour::Red));
    assert_eq!(at(&pause, &facts, 13, 23).review_at, Some(time(14, 0)));
    assert_eq!(at(&pause, &facts, 14, 0).colour, Some(Colour::Green));
    // Every other day: the run grows and never starts again.
    let facts = contact((0..7).map(|d| d * 3));
    assert_eq!(done(&at(&pause, &facts, 17, 0), Counted::CheckIns), 6);
    assert_eq!(at(&pause, &facts, 18, 10).episodes[0].broken, None);
    assert_eq!(at(&pause, &facts, 18, 11).colour, Some(Colour::Green));
}

#[test]
fn a_grace_bears_as_many_missed_days_in_a_row_as_it_says() {
    let grace = pack(&[
        ("on_missed_day = \"restart\"", "on_missed_day = { grace = 1 }"),
        (CONTACT, "{ check_ins_in_a_row = 5 }"),
    ]);
    let facts = contact([0, 1, 3, 4]);
    assert_eq!(done(&at(&grace, &facts, 4, 12), Counted::CheckIns), 4);
    assert_eq!(
        done(&at(&grace, &facts, 6, 23), Counted::CheckIns),
        4,
        "one day is missed, and another not yet over"
    );
    let broken = at(&grace, &facts, 7, 0);
    assert_eq!(done(&broken, Counted::CheckIns), 0);
    let why = broken.episodes[0].broken.expect("it broke");
    assert_eq!((why.why, why.on), (BrokenBy::Missed, START_DAY.plus(6)));
    // Met on day 4, days full on day 6: the missed day 5 is borne.
    let grace = pack(&[
        ("on_missed_day = \"restart\"", "on_missed_day = { grace = 1 }"),
        (CONTACT, "{ check_ins_in_a_row = 5, days = 7 }"),
    ]);
    assert_eq!(at(&grace, &contact(0..5), 7, 0).colour, Some(Colour::Green));
}

const START_DAY: kangma_core::time::Day = kangma_core::time::Day(18_303);

#[test]
fn where_the_day_of_opening_does_not_count_the_run_begins_on_the_next() {
    let next = pack(&[
        ("opening_day_counts = true", "opening_day_counts = false"),
        (CONTACT, "{ check_ins_in_a_row = 2 }"),
    ]);
    let facts = contact(0..3);
    let first = at(&next, &facts, 0, 12);
    assert_eq!(done(&first, Counted::CheckIns), 0);
    assert_eq!(first.episodes[0].earliest_end, Some(time(2, 0)));
    assert_eq!(at(&next, &facts, 2, 10).colour, Some(Colour::Red));
    assert_eq!(at(&next, &facts, 2, 11).colour, Some(Colour::Green));
}

#[test]
fn where_an_abnormal_check_in_does_not_restart_its_day_only_does_not_count() {
    let ignore = pack(&[
        ("on_abnormal = \"restart\"", "on_abnormal = \"ignore\""),
        (CONTACT, "{ check_ins_in_a_row = 3 }"),
    ]);
    let mut facts = contact([0, 1]);
    facts.push(check_in(time(1, 20), 38.0));
    assert_eq!(done(&at(&ignore, &facts, 1, 19), Counted::CheckIns), 2);
    assert_eq!(done(&at(&ignore, &facts, 1, 20), Counted::CheckIns), 1, "the abnormal one wins its day");
    facts.push(check_in(time(2, 9), 38.0));
    facts.push(check_in(time(3, 9), 36.5));
    assert_eq!(done(&at(&ignore, &facts, 3, 9), Counted::CheckIns), 2);
}

#[test]
fn a_check_in_is_judged_by_what_was_declared_before_it() {
    let pack = pack(&[
        ("on_abnormal = \"restart\"", "on_abnormal = \"ignore\""),
        ("normal = '", "normal = 'person.residence == \"330106\" && "),
    ]);
    let mut facts = contact([0, 1, 2]);
    let mut moved = declared(2, time(1, 10), "none", &[]);
    moved.set("residence", text("330102"));
    facts.push(moved);
    assert_eq!(done(&at(&pack, &facts, 2, 20), Counted::CheckIns), 1, "the two after the move do not count");
}

#[test]
fn negative_tests_count_apart_and_a_positive_one_undoes_them_until_the_end() {
    let pack = red_ends("{ negative_tests = 2, hours_apart = 24, days = 7 }");
    let mut facts = contact([]);
    facts.push(tested(2, time(1, 8), "negative"));
    facts.push(tested(3, time(2, 7), "negative"));
    assert_eq!(done(&at(&pack, &facts, 2, 12), Counted::Tests), 1, "23 hours are too few");
    assert_eq!(at(&pack, &facts, 2, 12).episodes[0].earliest_end, None, "it waits for a laboratory");
    facts.push(tested(4, time(2, 8), "negative"));
    assert_eq!(done(&at(&pack, &facts, 2, 12), Counted::Tests), 2);
    assert_eq!(at(&pack, &facts, 2, 12).episodes[0].earliest_end, Some(time(7, 0)));
    assert_eq!(at(&pack, &facts, 7, 0).colour, Some(Colour::Green));
    facts.push(tested(5, time(5, 8), "positive"));
    assert_eq!(done(&at(&pack, &facts, 5, 8), Counted::Tests), 0);
    assert_eq!(at(&pack, &facts, 9, 0).colour, Some(Colour::Red));
    facts.push(tested(6, time(9, 8), "negative"));
    facts.push(tested(7, time(10, 8), "negative"));
    assert_eq!(at(&pack, &facts, 10, 7).colour, Some(Colour::Red));
    assert_eq!(at(&pack, &facts, 10, 8).colour, Some(Colour::Green));
    facts.push(tested(8, time(11, 8), "positive"));
    assert_eq!(
        at(&pack, &facts, 12, 0).colour,
        Some(Colour::Green),
        "what has ended stays so; a rule of its own opens anew"
    );
}

#[test]
fn a_confirmation_releases_at_its_instant_and_only_at_the_level_asked_for() {
    let pack = red_ends("{ days = 2, confirmed_by = \"county\" }");
    let mut facts = contact([]);
    facts.push(fact(2, Kind::Confirmation, time(1, 0), &[("level", text("community"))]));
    facts.push(fact(
        3,
        Kind::Confirmation,
        time(1, 1),
        &[("level", text("county")), ("rule", text("HZ-OTHER"))],
    ));
    assert_eq!(done(&at(&pack, &facts, 4, 0), Counted::Confirmations), 0);
    facts.push(fact(4, Kind::Confirmation, time(4, 9), &[("level", text("county"))]));
    assert_eq!(at(&pack, &facts, 4, 8).colour, Some(Colour::Red));
    assert_eq!(at(&pack, &facts, 4, 9).colour, Some(Colour::Green));
}

#[test]
fn red_that_goes_over_into_yellow_counts_each_stage_from_its_own_beginning() {
    let stages = "[{ colour = \"red\", release = { days = 14 } }, { colour = \"yellow\", release = { check_ins_in_a_row = 7, days = 7 } }]";
    let pack = pack(&[("[{ colour = \"red\", release = { check_ins_in_a_row = 14, days = 14 } }]", stages)]);
    let facts = contact(0..21);
    let red = at(&pack, &facts, 13, 23);
    assert_eq!((red.colour, red.episodes[0].stages), (Some(Colour::Red), 2));
    assert_eq!(red.episodes[0].earliest_end, Some(time(21, 0)));
    let yellow = at(&pack, &facts, 14, 0);
    assert_eq!((yellow.colour, yellow.episodes[0].stage_since), (Some(Colour::Yellow), time(14, 0)));
    assert_eq!(at(&pack, &facts, 20, 23).colour, Some(Colour::Yellow));
    assert_eq!(at(&pack, &facts, 21, 0).colour, Some(Colour::Green));
    let records = at(&pack, &facts, 21, 0).records;
    let events: Vec<&str> = records.iter().filter_map(|r| r.text("event")).collect();
    assert_eq!(events, ["opened", "stage", "ended"]);
}

#[test]
fn a_withdrawn_answer_of_a_reviewer_is_none() {
    let pack = pack(&[]);
    let id = |n: u128| text(&FactId(n.to_be_bytes()).to_string());
    let mut facts = Facts::new(vec![declared(1, time(0, 10), "none", &["fever"])]);
    facts.push(fact(2, Kind::Review, time(1, 0), &[("of", id(1)), ("outcome", text("returned"))]));
    assert_eq!(at(&pack, &facts, 1, 0).status, Status::Returned);
    facts.push(fact(3, Kind::Correction, time(2, 0), &[("of", id(2))]));
    assert_eq!(at(&pack, &facts, 2, 0).status, Status::Pending);
    facts.push(fact(4, Kind::Review, time(3, 0), &[("of", id(1)), ("outcome", text("approved"))]));
    assert_eq!(at(&pack, &facts, 3, 0).colour, Some(Colour::Yellow));
}

#[test]
fn corrections_in_a_circle_count_for_nothing_and_long_chains_are_settled() {
    let pack = pack(&[]);
    let id = |n: u128| text(&FactId(n.to_be_bytes()).to_string());
    let correct = |n: u128, of: u128| fact(n, Kind::Correction, time(1, 0), &[("of", id(of))]);
    let mut facts = contact([]);
    facts.push(correct(2, 3));
    facts.push(correct(3, 2));
    assert_eq!(at(&pack, &facts, 1, 0).colour, Some(Colour::Red));
    facts.push(correct(4, 3));
    facts.push(correct(5, 1));
    // The unknown person who declared nothing: the one declaration is withdrawn.
    assert_eq!(at(&pack, &facts, 1, 0).status, Status::Unknown);
    // Each names the one before it: whether the first counts depends on the length of the chain.
    for (length, status) in [(4_999, Status::Unknown), (5_000, Status::Active)] {
        let chain = (0..length).map(|n| correct(100 + n, if n == 0 { 1 } else { 99 + n }));
        let facts: Facts = contact([]).iter().cloned().chain(chain).collect();
        assert_eq!(at(&pack, &facts, 1, 0).status, status, "{length}");
    }
}

fn recorded(facts: &mut Facts, pack: &Pack, day: i64, hour: i64) {
    at(pack, facts, day, hour).records.into_iter().for_each(|f| facts.push(f));
}

#[test]
fn a_fact_that_an_ended_episode_took_in_does_not_open_it_again_under_a_new_version() {
    let (old, new) = (pack(&[]), pack(&[("version = \"1.0.0\"", "version = \"2.0.0\"")]));
    let mut facts = contact(0..14);
    facts.push(declared(2, time(4, 10), "confirmed", &[]));
    recorded(&mut facts, &old, 14, 0);
    assert_eq!(at(&old, &facts, 15, 0).colour, Some(Colour::Green));
    assert_eq!(at(&new, &facts, 15, 0).colour, Some(Colour::Green));
    assert!(at(&new, &facts, 15, 0).records.is_empty(), "it is on record already");
}

#[test]
fn a_withdrawn_fact_takes_the_episode_that_an_earlier_version_recorded_with_it() {
    let old = pack(&[]);
    let new = pack(&[
        ("version = \"1.0.0\"", "version = \"2.0.0\""),
        (
            "fact.contact in [\"confirmed\", \"suspected\", \"close_contact\"]",
            "fact.contact == \"suspected\"",
        ),
    ]);
    let mut facts = contact([]);
    recorded(&mut facts, &old, 1, 0);
    assert_eq!(at(&new, &facts, 2, 0).colour, Some(Colour::Red), "kept");
    let of = text(&FactId(1_u128.to_be_bytes()).to_string());
    facts.push(fact(3, Kind::Correction, time(2, 0), &[("of", of)]));
    assert!(at(&new, &facts, 2, 0).episodes.is_empty());
}

#[test]
fn a_restarted_episode_is_not_carried_over_beside_the_one_that_took_its_place() {
    let (old, new) = (pack(&[]), pack(&[("version = \"1.0.0\"", "version = \"2.0.0\"")]));
    let listed = |n, day| fact(n, Kind::Listed, time(day, 0), &[("list", text("close_contact"))]);
    let mut facts = Facts::new(vec![listed(1, 0)]);
    recorded(&mut facts, &old, 1, 0);
    facts.push(listed(2, 3));
    recorded(&mut facts, &old, 4, 0);
    let episodes = at(&new, &facts, 5, 0).episodes;
    assert_eq!(episodes.iter().map(|e| e.since).collect::<Vec<_>>(), [time(3, 0)]);
}

/// Variants that together use every term.
fn variants() -> Vec<Pack> {
    let two = "[{ colour = \"red\", release = { negative_tests = 2, hours_apart = 12, check_ins_in_a_row = 3 } }, { colour = \"yellow\", release = { days = 3, confirmed_by = \"community\" } }]";
    let red = "[{ colour = \"red\", release = { check_ins_in_a_row = 14, days = 14 } }]";
    ["\"restart\"", "\"pause\"", "{ grace = 1 }"]
        .iter()
        .enumerate()
        .map(|(i, missed)| {
            let missed = format!("on_missed_day = {missed}");
            pack(&[
                ("on_missed_day = \"restart\"", missed.as_str()),
                (
                    "opening_day_counts = true",
                    if i == 1 { "opening_day_counts = true" } else { "opening_day_counts = false" },
                ),
                (
                    "on_abnormal = \"restart\"",
                    if i == 2 { "on_abnormal = \"ignore\"" } else { "on_abnormal = \"restart\"" },
                ),
                (red, two),
            ])
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if std::env::var_os("KANGMA_DRILL").is_some() { 10_000 } else { 200 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn under_every_term_time_alone_changes_the_answer_only_at_a_review_at(
        events in prop::collection::vec((0..8_u8, 0..20_i64, 0..24_i64), 1..40), share in 0.0..1.0_f64,
    ) {
        let mut facts = Facts::default();
        for (i, (what, day, hour)) in events.iter().enumerate() {
            let (n, when) = (i as u128 + 1, time(*day, *hour));
            facts.push(match what {
                0 => declared(n, when, "confirmed", &[]),
                1 => fact(n, Kind::Listed, when, &[("list", text("close_contact"))]),
                2 => tested(n, when, "positive"),
                3 | 4 => tested(n, when, "negative"),
                5 => fact(n, Kind::Confirmation, when, &[("level", text("community"))]),
                6 => check_in(when, 38.0),
                _ => check_in(when, 36.5),
            });
        }
        for pack in variants() {
            let mut now = Instant(START);
            let end = time(40, 0);
            while now < end {
                let answer = |when: Instant| {
                    let mut d = decide(&pack, &facts, &Context { areas: pack.areas() }, when);
                    d.decided_at = Instant(0);
                    d.records.iter_mut().for_each(|f| f.recorded = Instant(0));
                    d
                };
                let here = answer(now);
                let next = here.review_at.unwrap_or(end).min(end);
                prop_assert!(next > now);
                let between = Instant(now.0 + ((next.0 - 1 - now.0) as f64 * share) as i64);
                prop_assert_eq!(answer(between), answer(Instant(next.0 - 1)));
                prop_assert_eq!(answer(between), here);
                now = next;
            }
        }
    }
}
