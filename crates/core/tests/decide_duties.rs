//! Lapses, flags, areas and tests as properties: whatever is recorded in whatever order, the
//! answer changes only at `review_at`, no episode ends another, and a flag never alters a colour.

use std::sync::{Arc, LazyLock};

use kangma_core::decision::{Colour, Decision, Status};
use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::pack::Pack;
use kangma_core::rules::retention::spent;
use kangma_core::rules::set::{PackSet, decide_in};
use kangma_core::rules::words::{Lang, explain, explain_flags, explain_lapse};
use kangma_core::time::{DAY_S, Day, Instant};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

const PACK_TOML: &str = r#"
id = "example"
version = "1"
division = "42"
zone = "Asia/Shanghai"
effective = "2020-03-01T00:00:00+08:00"
on_new_version = "keep"
pass = { renew_s = 60, fresh_s = 600, lifetime_s = 3600 }
[check_in]
normal = 'fact.temperature_c < 37.3'
on_missed_day = "restart"
on_abnormal = "restart"
opening_day_counts = true
[form]
commitment = "1"
fields = [{ field = "subject", required = true }]
[areas]
high = [{ code = "420106", from = "2020-03-04", until = "2020-03-09" }, { code = "4201", from = "2020-03-14", until = "2020-03-16" }]
mid = [{ code = "420106", from = "2020-03-09", until = "2020-03-12" }]
"#;

const RULES: [&str; 10] = [
    r#"id = "LAPSE"
on = "check_in"
when = 'fact.temperature_c < 38.0'
lapse = { days = 3, also = ["declaration"] }
stages = [{ colour = "yellow", release = { check_ins_in_a_row = 1 } }]"#,
    r#"id = "STALE"
on = "check_in"
when = 'true'
lapse = { hours = 200, also = ["declaration"] }
grey = true"#,
    r#"id = "AREA"
on = "declaration"
when = 'area(fact.residence, "high") || area(fact.residence, "mid")'
standing = true
stages = [{ colour = "red", release = { area_below = "high" } }, { colour = "yellow", release = { area_below = ["high", "mid"] } }]"#,
    r#"id = "CASE"
on = "listed"
when = 'fact.list == "confirmed"'
stages = [{ colour = "red", release = { fact = { on = "listed", when = 'fact.list == "released"' } } }, { colour = "yellow", release = { days = 3, first_day = "next" } }]"#,
    r#"id = "CONTACT"
on = "listed"
when = 'fact.list == "close_contact"'
repeat = "restart"
stages = [{ colour = "red", release = { days = 5, days_from = "fact.since", tests_on = [1, 2, 4] } }, { colour = "yellow", release = { days = 2, tests_on = [2] } }]"#,
    r#"id = "OVERLAP"
on = "listed"
when = 'fact.list == "contact_of_contact"'
stages = [{ colour = "yellow", release = { negative_tests = 2, hours_apart = 24, within_days = 3 } }]"#,
    r#"id = "SAMPLE"
on = "listed"
when = 'fact.list == "inbound"'
stages = [{ colour = "yellow", release = { negative_tests = 1, on_sampling = true } }]"#,
    r#"id = "POSITIVE"
on = "test"
when = 'fact.result == "positive"'
stages = [{ colour = "red", release = { negative_tests = 2, hours_apart = 24 } }]"#,
    r#"id = "FLAG"
on = "declaration"
when = 'fact.overseas'
flag = { task = "wait", release = { days = 4 } }"#,
    r#"id = "OVERDUE"
on = "test"
when = 'fact.result == "negative"'
lapse = { hours = 72 }
flag = { task = "test", release = { negative_tests = 1 } }"#,
];

const SOURCE: &str = "source = { title = \"t\", url = \"https://example.org\", grade = \"D\" }";

fn rules(keep: impl Fn(&str) -> bool) -> String {
    RULES.iter().filter(|r| keep(r)).map(|r| format!("[[rule]]\n{r}\n{SOURCE}\n")).collect()
}

fn pack(keep: impl Fn(&str) -> bool) -> Pack {
    crate::common::load(PACK_TOML, &rules(keep)).unwrap_or_else(|e| panic!("{e}"))
}

static PACK: LazyLock<Pack> = LazyLock::new(|| pack(|_| true));
static NO_FLAGS: LazyLock<Pack> = LazyLock::new(|| pack(|r| !r.contains("flag =")));

/// 1 March 2020, 00:00 in the pack's zone.
const START: i64 = 1_582_992_000;
const DAYS: i64 = 20;

fn fact(n: usize, kind: Kind, at: i64, fields: Vec<(&str, Value)>) -> Fact {
    let (id, happened) = (FactId((n as u128 + 1).to_be_bytes()), Instant(START + at));
    let mut fact =
        Fact { id, kind, happened, recorded: happened, source: Source::Resident, values: Values::default() };
    fields.into_iter().for_each(|(name, value)| assert!(fact.set(name, value), "{name}"));
    fact
}

fn word(text: &str) -> Value {
    Value::Text(text.into())
}

fn life() -> impl Strategy<Value = Vec<Fact>> {
    let one = (0..8_usize, 0..DAYS * DAY_S, 0..6_usize, -3..4_i64, any::<bool>());
    prop::collection::vec(one, 0..40).prop_map(|all| {
        let mut facts = Vec::new();
        for (n, (what, at, which, shift, yes)) in all.into_iter().enumerate() {
            let before =
                || word(&FactId((n as u128 - which as u128 % n.max(1) as u128).to_be_bytes()).to_string());
            facts.push(match what {
                0 | 1 => {
                    let home = ["420106", "420106001", "4201", "3301", "420107", "42"][which];
                    let fields = vec![
                        ("subject", word("resident")),
                        ("residence", word(home)),
                        ("overseas", Value::Bool(yes)),
                    ];
                    fact(n, Kind::Declaration, at, fields)
                }
                2 | 3 => fact(
                    n,
                    Kind::CheckIn,
                    at,
                    vec![("temperature_c", Value::Double(if which == 0 { 38.5 } else { 36.5 }))],
                ),
                4 => {
                    let list = [
                        "confirmed",
                        "released",
                        "close_contact",
                        "contact_of_contact",
                        "inbound",
                        "released",
                    ][which];
                    let since = Value::Day(Day(18_322 + ((at / DAY_S) + shift) as i32));
                    fact(
                        n,
                        Kind::Listed,
                        at,
                        vec![("list", word(list)), ("since", if yes { since } else { Value::Missing })],
                    )
                }
                7 if n > 0 => fact(n, Kind::Correction, at, vec![("of", before())]),
                _ => {
                    let result =
                        ["negative", "negative", "negative", "pending", "positive", "negative"][which];
                    let sampled = Value::Instant(Instant(START + at - shift.abs() * 9 * 3600));
                    fact(
                        n,
                        Kind::Test,
                        at,
                        vec![
                            ("method", word("pcr")),
                            ("result", word(result)),
                            ("sampled_at", if yes { sampled } else { Value::Missing }),
                        ],
                    )
                }
            });
        }
        facts
    })
}

fn at(pack: &Pack, facts: &Facts, now: Instant) -> Decision {
    decide(pack, facts, &Context { areas: pack.areas() }, now)
}

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
        let mut one_by_one = Facts::default();
        shuffled.iter().for_each(|f| one_by_one.push(f.clone()));
        let now = Instant(START + when);
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
    fn flags_never_alter_a_colour_nor_its_reasons(facts in life(), when in 0..DAYS * DAY_S) {
        let (facts, now) = (Facts::new(facts), Instant(START + when));
        let (with, without) = (at(&PACK, &facts, now), at(&NO_FLAGS, &facts, now));
        prop_assert_eq!((with.status, with.colour, &with.lasts, &with.expired), (without.status, without.colour, &without.lasts, &without.expired));
        prop_assert_eq!(with.episodes, without.episodes);
        prop_assert!(without.flags.is_empty());
        prop_assert!(with.flags.iter().all(|f| f.episode.colour == Colour::Green && !f.episode.progress.is_empty()));
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
        prop_assert_eq!((with.episodes, with.flags), (without.episodes, without.flags));
        prop_assert_eq!((with.colour, with.status, with.expired), (without.colour, without.status, without.expired));
    }

    #[test]
    fn an_episode_that_ends_never_ends_another(facts in life(), when in 0..DAYS * DAY_S) {
        // Each rule alone says the same as beside all others; a lapse alone may say more, since
        // another reason's time is none.
        let (facts, now) = (Facts::new(facts), Instant(START + when));
        let together = at(&PACK, &facts, now);
        for one in RULES.iter().filter(|r| !r.contains("lapse")) {
            let alone = at(&pack(|r| r == *one), &facts, now);
            for episode in alone.episodes.iter().chain(alone.flags.iter().map(|f| &f.episode)) {
                let all = together.episodes.iter().chain(together.flags.iter().map(|f| &f.episode));
                prop_assert!(all.clone().any(|e| e.rule == episode.rule && e.since == episode.since && e.stage == episode.stage), "{} of {} is gone", episode.rule, episode.since);
            }
        }
    }

    #[test]
    fn a_colour_stands_exactly_where_the_status_says_so(facts in life(), when in 0..DAYS * DAY_S) {
        let d = at(&PACK, &Facts::new(facts), Instant(START + when));
        prop_assert_eq!(d.colour.is_some(), d.status == Status::Active);
        prop_assert_eq!(d.expired.is_some(), d.status == Status::Expired);
        prop_assert!(d.lasts.is_none() || d.colour == Some(Colour::Green));
        prop_assert!(d.lasts.as_ref().is_none_or(|l| l.until > d.decided_at && d.review_at.is_some_and(|at| at <= l.until)));
        prop_assert!(d.episodes.windows(2).all(|w| w[0].colour >= w[1].colour), "the most severe first");
    }
}

/// The same rules, and days after which facts of most kinds are needed no more.
static KEPT: LazyLock<PackSet> = LazyLock::new(|| kept("", ""));
/// A next text of it, under which open episodes run on as they were opened, and one of another place.
static OTHERS: LazyLock<[PackSet; 2]> = LazyLock::new(|| {
    [kept("version = \"1\"", "version = \"2\""), kept("division = \"42\"", "division = \"43\"")]
});

fn kept(from: &str, to: &str) -> PackSet {
    let days = "[retention]\ndeclaration = 15\ncheck_in = 10\nlisted = 14\ntest = 14\ncorrection = 1\n";
    let text = format!("{PACK_TOML}{days}").replace(from, to);
    let pack = crate::common::load(&text, &rules(|_| true)).unwrap_or_else(|e| panic!("{e}"));
    PackSet::single(Arc::new(pack))
}

/// What happens `by` seconds later, to the same person.
fn later(facts: Vec<Fact>, by: i64) -> impl Iterator<Item = Fact> {
    let other = |id: FactId| FactId((u128::from_be_bytes(id.0) + 1_000).to_be_bytes());
    facts.into_iter().map(move |mut f| {
        (f.id, f.happened, f.recorded) = (other(f.id), f.happened.plus_s(by), f.recorded.plus_s(by));
        if let Some(of) = f.text("of").and_then(FactId::parse) {
            f.set("of", word(&other(of).to_string()));
        }
        // What counts from a day further back than the days of what it counts finds only what is kept.
        for value in f.values.iter_mut() {
            match value {
                Value::Day(day) => *day = day.plus((by / DAY_S) as i32),
                Value::Instant(at) => *at = at.plus_s(by),
                _ => {}
            }
        }
        f
    })
}

/// What a decision says, without when that may change.
fn said(d: &Decision) -> impl PartialEq + std::fmt::Debug + use<> {
    let d = d.clone();
    let records: Vec<FactId> = d.records.iter().map(|f| f.id).collect();
    (d.status, d.colour, d.episodes, d.flags, d.lasts, d.expired, d.review, d.check_in_due, records)
}

/// What anybody is told of it where nobody could try what goes: under a text that is still to come, or of a
/// place that the person never named. Which of several facts of one instant a missed duty is counted from is
/// no answer there: it only tells one such episode from another.
fn told(d: &Decision) -> impl PartialEq + std::fmt::Debug + use<> {
    let all = d.episodes.iter().chain(d.flags.iter().map(|f| &f.episode));
    let is_lapse = |rule: &str| KEPT.base().rules.iter().any(|r| &*r.id == rule && r.lapse.is_some());
    let opener = |rule: &str, by: FactId| Some(by).filter(|_| !is_lapse(rule));
    let all: Vec<_> =
        all.map(|e| (e.rule.clone(), e.since, opener(&e.rule, e.opened_by), e.colour, e.stage)).collect();
    (d.status, d.colour, all, d.expired.is_some())
}

/// A life, when it was decided on, and when it is looked through.
fn so_far() -> impl Strategy<Value = (Vec<Fact>, Vec<i64>, i64)> {
    (life(), prop::collection::vec(0..30 * DAY_S, 0..3), 8 * DAY_S..60 * DAY_S)
}

/// What is known of it then: decisions put episodes on record as time goes by.
fn recorded(facts: Vec<Fact>, mut before: Vec<i64>, now: Instant) -> Facts {
    let mut whole: Facts = facts.into_iter().filter(|f| f.happened <= now).collect();
    before.sort_unstable();
    for at in before.into_iter().map(|at| Instant(START + at).min(now)).chain([now]) {
        let known: Facts = whole.iter().filter(|f| f.happened <= at).cloned().collect();
        decide_in(&KEPT, &known, at).records.into_iter().for_each(|f| whole.push(f));
    }
    whole
}

#[test]
fn what_has_had_its_days_is_missed_by_no_decision_whatever_comes_later() {
    let looks = prop::collection::vec(0..40 * DAY_S, 1..8);
    let mut runner = TestRunner::new(cases());
    let run = runner.run(&(so_far(), life(), looks), |((facts, before, when), more, mut looks)| {
        let now = Instant(START + when);
        let mut whole = recorded(facts, before, now);
        let spent = spent(&KEPT, &whole, now, now);
        let mut less: Facts = whole.iter().filter(|f| !spent.ids.contains(&f.id)).cloned().collect();
        for f in whole.iter().filter(|f| spent.ids.contains(&f.id)) {
            let days = KEPT.base().retention.get(&f.kind).copied().expect("a kind that is erased");
            prop_assert!(now.0 - f.happened.0 >= i64::from(days) * DAY_S);
        }
        for f in later(more, when) {
            whole.push(f.clone());
            less.push(f);
        }
        looks.sort_unstable();
        for at in std::iter::once(0).chain(looks).map(|s| now.plus_s(s)) {
            let (a, b) = (decide_in(&KEPT, &whole, at), decide_in(&KEPT, &less, at));
            prop_assert_eq!(said(&a), said(&b), "at {}, without {:?}", at, &spent.ids);
            for other in OTHERS.iter() {
                let (a, b) = (decide_in(other, &whole, at), decide_in(other, &less, at));
                prop_assert_eq!(told(&a), told(&b), "elsewhere at {}, without {:?}", at, &spent.ids);
            }
            a.records.into_iter().for_each(|f| whole.push(f));
            b.records.into_iter().for_each(|f| less.push(f));
        }
        Ok(())
    });
    run.unwrap_or_else(|e| panic!("{e}"));
}

/// Somebody's street is on a list twice, days apart, and they declared once, before.
#[test]
fn whoever_is_in_an_area_for_a_second_time_is_so_under_a_next_text_and_another_place() {
    let home =
        vec![("subject", word("resident")), ("residence", word("420106")), ("overseas", Value::Bool(false))];
    let facts = vec![fact(0, Kind::Declaration, 0, home)];
    let colour = |set: &PackSet, facts: &Facts, now: Instant| {
        let d = decide_in(set, facts, now);
        (d.colour, d.episodes.iter().find(|e| &*e.rule == "AREA").map(|e| (e.since, e.stage)))
    };
    let mut seen = std::collections::BTreeSet::new();
    // What the first text had put on record when the next one came: nothing, the first stay, or both.
    for until in [0, 5, 9, 12, 13, 14, 16] {
        let looks = (0..=until).map(|day| day * DAY_S + 60).collect();
        let on_record = recorded(facts.clone(), looks, Instant(START + until * DAY_S + 60));
        for hour in until * 24 + 1..17 * 24 {
            let now = Instant(START + hour * 3600);
            let expected = colour(&KEPT, &on_record, now);
            for other in OTHERS.iter() {
                assert_eq!(
                    colour(other, &on_record, now).1,
                    expected.1,
                    "on record until day {until}, at {now}"
                );
            }
            seen.insert(expected.1);
        }
    }
    // Of the first stay red and yellow, of the second red, and neither.
    assert_eq!(seen.len(), 4, "{seen:?}");
}

/// Or the property above would say nothing; and trying is for what nobody thought of.
#[test]
fn many_lives_have_facts_that_had_their_days_and_few_are_held() {
    // The same lives each time.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let (mut lost, mut held) = (0, 0);
    for _ in 0..100 {
        let (facts, before, when) = so_far().new_tree(&mut runner).unwrap().current();
        let now = Instant(START + when);
        let spent = spent(&KEPT, &recorded(facts, before, now), now, now);
        lost += usize::from(!spent.ids.is_empty());
        held += usize::from(spent.is_held);
    }
    assert!(lost > 38 && held < 5, "of 100 {lost} lost something, {held} were held");
    println!("of 100 {lost} lost something, {held} were held");
}

#[test]
fn the_holder_reads_what_clears_a_flag_when_green_lapses_and_which_test_is_next() {
    let day = |d: i64| Instant(START + d * DAY_S + 36_000);
    let declared = vec![("subject", word("resident")), ("overseas", Value::Bool(true))];
    let mut facts = Facts::new(vec![fact(0, Kind::Declaration, 36_000, declared)]);
    let green = at(&PACK, &facts, day(0));
    let flags = explain_flags(&PACK, &green, &facts, Lang::Zh);
    assert_eq!((flags.len(), flags[0].task.name(), flags[0].reason.what_to_do.as_str()), (1, "wait", "do"));
    assert_eq!(flags[0].reason.progress[0].text, "0/4 days");
    let lasts = explain_lapse(&PACK, &green, Lang::En).expect("green lapses");
    assert_eq!((lasts.lapsed, lasts.text.as_str()), (false, "until 2020-03-04 00:00"));
    // Over a year of nothing the yellow lapse stands, and is told as a reason.
    let yellow = at(&PACK, &facts, day(300));
    assert_eq!((yellow.colour, explain_lapse(&PACK, &yellow, Lang::Zh)), (Some(Colour::Yellow), None));
    facts.push(fact(1, Kind::Listed, 2 * DAY_S, vec![("list", word("close_contact"))]));
    let red = at(&PACK, &facts, day(2));
    let told: Vec<String> =
        explain(&PACK, &red, &facts, Lang::En)[0].progress.iter().map(|p| p.text.clone()).collect();
    assert_eq!(told, ["0/5 days", "0/3 tests, next 2020-03-03"]);
    // Without the yellow one the code is grey in the end, and says why.
    let grey = pack(|r| r.contains("STALE"));
    let expired = at(&grey, &Facts::new(vec![fact(0, Kind::Declaration, 0, vec![])]), day(300));
    let lapse = explain_lapse(&grey, &expired, Lang::Zh).expect("it has lapsed");
    assert_eq!((expired.status, lapse.lapsed, lapse.what_to_do.as_str()), (Status::Expired, true, "do"));
    assert_eq!(grey.word(expired.status, expired.colour, Lang::Zh), "e");
}

#[test]
fn a_flag_or_a_stage_that_nothing_ends_and_a_lapse_that_time_ends_are_refused() {
    let one = |text: &str| {
        let rules = format!("[[rule]]\nid = \"A\"\nwhen = 'true'\n{text}\n{SOURCE}\n");
        crate::common::load(PACK_TOML, &rules).err().map_or(String::new(), |e| e.to_string())
    };
    for (text, code) in [
        ("on = \"arrival\"\nflag = { task = \"test\" }", "pack.stage"),
        ("on = \"arrival\"\nflag = { task = \"pray\", release = { days = 1 } }", "pack.format"),
        ("on = \"arrival\"\nstages = [{ colour = \"green\", release = { days = 1 } }]", "pack.stage"),
        (
            "on = \"arrival\"\nstages = [{ colour = \"red\", task = \"test\", release = { days = 1 } }]",
            "pack.stage",
        ),
        (
            "on = \"check_in\"\nlapse = { days = 3 }\nstages = [{ colour = \"yellow\", release = { days = 1 } }]",
            "pack.rule_duty",
        ),
        ("on = \"check_in\"\nlapse = { days = 3, hours = 3 }\ngrey = true", "pack.rule_duty"),
        ("on = \"check_in\"\ngrey = true", "pack.rule_duty"),
        (
            "on = \"arrival\"\nstanding = true\nstages = [{ colour = \"red\", release = { days = 1 } }]",
            "pack.rule_duty",
        ),
        (
            "on = \"arrival\"\nstages = [{ colour = \"red\", release = { days = 1, days_from = \"fact.origin\" } }]",
            "pack.stage",
        ),
        ("on = \"arrival\"\nstages = [{ colour = \"red\", release = { tests_on = [3, 2] } }]", "pack.stage"),
        (
            "on = \"arrival\"\nstages = [{ colour = \"red\", release = { negative_tests = 3, hours_apart = 24, within_days = 2 } }]",
            "pack.stage",
        ),
        (
            "on = \"arrival\"\nstages = [{ colour = \"red\", release = { fact = { on = \"listed\", when = 'fact.list == \"cured\"' } } }]",
            "rule.choice",
        ),
        (
            "on = \"arrival\"\nstages = [{ colour = \"red\", release = { area_below = \"hihg\" } }]",
            "pack.stage",
        ),
        (
            "on = \"check_in\"\nstages = [{ colour = \"red\", release = { area_below = \"high\" } }]",
            "pack.stage",
        ),
    ] {
        let told = one(text);
        assert!(told.contains(code), "{text}: {told}");
    }
}

/// Decisions one after the other, each recorded, under the pack that answers at the time.
fn followed(facts: &[Fact], turns: &[(&Pack, i64)]) -> Vec<Decision> {
    let mut known = Facts::new(facts.to_vec());
    let decide_next = |(pack, at): &(&Pack, i64)| {
        let decision = decide(pack, &known, &Context { areas: pack.areas() }, Instant(START + at));
        decision.records.iter().for_each(|f| known.push(f.clone()));
        decision
    };
    turns.iter().map(decide_next).collect()
}

fn texts(rules: &str) -> Pack {
    crate::common::load(PACK_TOML, rules).unwrap_or_else(|e| panic!("{e}"))
}

fn rule_text(rule: &str) -> String {
    format!("[[rule]]\n{rule}\n{SOURCE}\n")
}

fn checked_in(n: usize, at: i64) -> Fact {
    fact(n, Kind::CheckIn, at, vec![("temperature_c", Value::Double(36.5))])
}

/// The only episode of a decision: since when, in seconds, and what opened it.
fn yellow(decision: &Decision) -> (i64, FactId) {
    assert_eq!((decision.colour, decision.episodes.len()), (Some(Colour::Yellow), 1), "{decision:?}");
    (decision.episodes[0].since.0 - START, decision.episodes[0].opened_by)
}

/// A duty and what gives a colour beside it, and the same with a flag more.
static LAPSE: LazyLock<(Pack, Pack)> = LazyLock::new(|| {
    let rules: String = [0, 3, 7].map(|i| rule_text(RULES[i])).concat();
    let more = rule_text(RULES[8]);
    (texts(&rules), texts(&(rules.clone() + &more)))
});

const NOON: i64 = DAY_S / 2;

#[test]
fn a_duty_missed_again_under_another_text_lapses_again() {
    let (before, after) = (texts(&rule_text(RULES[0])), texts(&(rule_text(RULES[0]) + &rule_text(RULES[3]))));
    let subject = vec![("subject", word("resident"))];
    let facts = [
        checked_in(0, NOON),
        checked_in(1, 5 * DAY_S + NOON),
        fact(2, Kind::Declaration, NOON - 60, subject),
    ];
    let days = [(&before, 4), (&before, 6), (&after, 6), (&after, 7), (&after, 9), (&after, 30)];
    let told = followed(&facts, &days.map(|(pack, day)| (pack, day * DAY_S)));
    assert_eq!(yellow(&told[0]), (3 * DAY_S, facts[0].id));
    assert!(told[1..4].iter().all(|d| d.colour == Some(Colour::Green)), "{told:?}");
    assert_eq!(told[3].review_at, Some(Instant(START + 8 * DAY_S)));
    for lapsed in &told[4..] {
        assert_eq!(yellow(lapsed), (8 * DAY_S, facts[1].id));
    }
}

#[test]
fn a_duty_counts_from_the_end_of_what_another_text_added() {
    let red = "id = \"DAYS\"\non = \"declaration\"\nwhen = 'true'\nstages = [{ colour = \"red\", release = { days = 14 } }]";
    let (before, after) = (texts(&rule_text(RULES[0])), texts(&(rule_text(RULES[0]) + &rule_text(red))));
    let subject = vec![("subject", word("resident")), ("residence", word("420106"))];
    let facts = [fact(0, Kind::Declaration, NOON, subject), checked_in(1, 5 * DAY_S + NOON)];
    let days = [(&before, 4), (&before, 6), (&after, 6), (&after, 15), (&after, 18)];
    let told = followed(&facts, &days.map(|(pack, day)| (pack, day * DAY_S)));
    assert_eq!(yellow(&told[0]), (3 * DAY_S, facts[0].id));
    assert_eq!(told[2].colour, Some(Colour::Red));
    assert_eq!(told[3].colour, Some(Colour::Green));
    assert_eq!(yellow(&told[4]), (17 * DAY_S, facts[1].id));
}

/// Whether something that is over was a flag or gave a colour is for its record to say: the rule is gone, or
/// is the other by now.
#[test]
fn green_lasts_from_the_end_of_a_colour_and_never_of_a_flag_whatever_became_of_the_rule() {
    let keeps = rule_text(RULES[0]);
    let flag = rule_text(RULES[8]);
    let colour = flag.replace(
        "flag = { task = \"wait\", release = { days = 4 } }",
        "stages = [{ colour = \"red\", release = { days = 4 } }]",
    );
    let fields = vec![("subject", word("resident")), ("overseas", Value::Bool(true))];
    let facts = [fact(0, Kind::Declaration, NOON, fields), checked_in(1, 3 * DAY_S + NOON)];
    for (was, is, until) in
        [(&flag, "", 6), (&flag, colour.as_str(), 6), (&colour, "", 7), (&colour, flag.as_str(), 7)]
    {
        let (before, after) = (texts(&(keeps.clone() + was)), texts(&(keeps.clone() + is)));
        let days = [(&before, 1), (&before, 5), (&after, 5), (&after, until)];
        let told = followed(&facts, &days.map(|(pack, day)| (pack, day * DAY_S)));
        assert_eq!((told[0].flags.len(), told[0].episodes.len()), if until == 6 { (1, 0) } else { (0, 1) });
        let lasts = told[2].lasts.as_ref().map(|l| l.until.0 - START);
        assert_eq!((told[2].colour, lasts), (Some(Colour::Green), Some(until * DAY_S)), "{was} {is}");
        assert_eq!(yellow(&told[3]).0, until * DAY_S, "{was} {is}");
    }
}

/// The check-in that ended it is destroyed by age, and what is left would open the same one again.
#[test]
fn a_lapse_that_ended_on_record_before_the_next_is_not_followed_for_ever() {
    let (before, after) = (texts(&rule_text(RULES[0])), texts(&(rule_text(RULES[0]) + &rule_text(RULES[3]))));
    let subject = vec![("subject", word("resident"))];
    let facts = [fact(0, Kind::Declaration, NOON, subject), checked_in(1, 5 * DAY_S + NOON)];
    let told = followed(&facts, &[(&before, 4 * DAY_S), (&before, 6 * DAY_S)]);
    assert_eq!(yellow(&told[0]), (3 * DAY_S, facts[0].id));
    let records = told.iter().flat_map(|d| d.records.iter().cloned());
    let left: Vec<Fact> = facts[..1].iter().cloned().chain(records).collect();
    let told = followed(&left, &[(&after, 7 * DAY_S), (&after, 9 * DAY_S)]);
    assert_eq!(told[0].colour, Some(Colour::Green));
    assert_eq!(yellow(&told[1]), (8 * DAY_S, facts[0].id));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if std::env::var_os("KANGMA_DRILL").is_some() { 20_000 } else { 400 }, ..ProptestConfig::default() })]

    /// Another text with the same rules, wherever it takes force: who misses a duty under one misses it
    /// under the other.
    #[test]
    fn a_text_with_the_same_rules_changes_nobodys_lapse(facts in life(), from in 1..DAYS * 4) {
        let facts: Vec<Fact> = facts.into_iter().filter(|f| f.kind != Kind::Correction).collect();
        let turns = |second: &'static Pack| -> Vec<(&Pack, i64)> {
            (1..DAYS * 4 + 40).map(|n| (if n < from { &LAPSE.0 } else { second }, n * DAY_S / 4)).collect()
        };
        let told = |turns: Vec<(&Pack, i64)>| -> Vec<_> {
            let all = followed(&facts, &turns).into_iter();
            all.map(|d| (d.status, d.colour, d.episodes.iter().map(|e| (e.rule.clone(), e.since)).collect::<Vec<_>>())).collect()
        };
        prop_assert_eq!(told(turns(&LAPSE.0)), told(turns(&LAPSE.1)));
    }
}
