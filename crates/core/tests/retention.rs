//! What has had its days, and what stays all the same: one reason to stay in each test.

use std::collections::BTreeSet;
use std::sync::Arc;

use kangma_core::decision::{Colour, Status};
use kangma_core::fact::{Fact, Facts, Kind, Source, Value};
use kangma_core::id::FactId;
use kangma_core::rules::retention::{days, spent};
use kangma_core::rules::set::{Entry, PackSet, decide_in};
use kangma_core::time::{DAY_S, Instant};

const PACK: &str = r#"
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
"#;

const DAYS: &str = "[retention]\ndeclaration = 30\ncheck_in = 20\nlisted = 25\ncorrection = 5\nreview = 5\n";

const RULES: &str = r#"
[[rule]]
id = "CONTACT"
on = "listed"
when = 'fact.list == "close_contact"'
stages = [{ colour = "red", release = { check_ins_in_a_row = 5 } }]
source = { title = "t", url = "https://example.org", grade = "D" }
[[rule]]
id = "LAPSE"
on = "check_in"
when = 'true'
lapse = { days = 10 }
grey = true
source = { title = "t", url = "https://example.org", grade = "D" }
"#;

/// 1 March 2020, 00:00 in the pack's zone.
const START: i64 = 1_582_992_000;

fn day(n: i64) -> Instant {
    Instant(START + n * DAY_S + 36_000)
}

fn set(days: &str) -> PackSet {
    let pack = crate::common::load(&format!("{PACK}{days}"), RULES).unwrap_or_else(|e| panic!("{e}"));
    PackSet::single(Arc::new(pack))
}

fn id(n: u8) -> FactId {
    FactId([n; 16])
}

fn fact(n: u8, kind: Kind, at: Instant, fields: &[(&str, &str)]) -> Fact {
    let (source, values) = (Source::Resident, vec![]);
    let mut fact = Fact { id: id(n), kind, happened: at, recorded: at, source, values: values.into() };
    fields.iter().for_each(|(name, text)| assert!(fact.set(name, Value::Text((*text).into())), "{name}"));
    fact
}

fn declared(n: u8, at: i64) -> Fact {
    fact(n, Kind::Declaration, day(at), &[("subject", "resident"), ("residence", "420106")])
}

fn check_in(n: u8, at: i64) -> Fact {
    let mut fact = fact(n, Kind::CheckIn, day(at), &[]);
    fact.set("temperature_c", Value::Double(36.5));
    fact
}

fn contact(n: u8, at: i64) -> Fact {
    fact(n, Kind::Listed, day(at), &[("list", "close_contact"), ("place", "420106")])
}

fn correction(n: u8, at: i64, of: u8) -> Fact {
    fact(n, Kind::Correction, day(at), &[("of", &id(of).to_string())])
}

/// With what decisions put on record at some days.
fn recorded(facts: Vec<Fact>, days: &[i64]) -> Facts {
    recorded_by(&set(DAYS), facts, days)
}

fn recorded_by(set: &PackSet, facts: Vec<Fact>, days: &[i64]) -> Facts {
    let mut all = Facts::new(facts);
    for at in days {
        let known: Facts = all.iter().filter(|f| f.happened <= day(*at)).cloned().collect();
        decide_in(set, &known, day(*at)).records.into_iter().for_each(|f| all.push(f));
    }
    all
}

/// Numbers of the facts that go on a day.
fn gone(facts: &Facts, at: i64) -> Vec<u8> {
    let spent = spent(&set(DAYS), facts, day(at), day(at));
    assert!(!spent.is_held, "nothing has to be held back by trying");
    spent.ids.iter().map(|id| id.0[0]).collect()
}

#[test]
fn facts_go_the_day_after_their_days_and_the_last_declaration_and_check_in_stay() {
    let facts = Facts::new(vec![declared(1, 0), declared(2, 1), check_in(3, 0), check_in(4, 1)]);
    assert_eq!(gone(&facts, 20), [] as [u8; 0], "kept for all of its twenty days");
    assert_eq!(gone(&facts, 21), [3]);
    assert_eq!(gone(&facts, 30), [3], "the declaration is thirty days old");
    assert_eq!(gone(&facts, 31), [1, 3]);
    assert_eq!(gone(&facts, 300), [1, 3], "without the last ones it would be another answer");
    let none = spent(&set(""), &facts, day(300), day(300));
    assert_eq!(none.ids, BTreeSet::new(), "a pack that says nothing keeps everything");
    let lately = spent(&set(DAYS), &facts, day(300), day(-1));
    assert_eq!(lately.ids, BTreeSet::new(), "what was recorded since may be sent again");
}

#[test]
fn a_check_in_that_was_the_last_to_do_a_duty_stays_or_grey_would_turn_green() {
    let facts = Facts::new(vec![declared(1, 0), check_in(2, 0), check_in(3, 1)]);
    assert_eq!(decide_in(&set(DAYS), &facts, day(100)).status, Status::Expired);
    assert_eq!(gone(&facts, 100), [2]);
    let without = Facts::new(vec![declared(1, 0)]);
    assert_eq!(decide_in(&set(DAYS), &without, day(100)).colour, Some(Colour::Green));
}

#[test]
fn while_an_episode_is_open_nothing_goes_that_happened_since_and_then_its_ground_has_its_days_from_the_end() {
    let mut facts = vec![declared(1, 0), contact(2, 0), check_in(3, 1), check_in(4, 2)];
    let open = recorded(facts.clone(), &[0, 2]);
    assert_eq!(decide_in(&set(DAYS), &open, day(200)).colour, Some(Colour::Red));
    assert_eq!(gone(&open, 200), [] as [u8; 0]);
    facts.extend((0..5).map(|n| check_in(10 + n, 100 + i64::from(n))));
    let over = recorded(facts.clone(), &[0, 2, 104]);
    assert_eq!(decide_in(&set(DAYS), &over, day(105)).colour, Some(Colour::Green));
    assert_eq!(gone(&over, 130), [] as [u8; 0], "since its end they have until to check in again");
    facts.push(check_in(20, 105));
    let over = recorded(facts, &[0, 2, 104]);
    assert_eq!(gone(&over, 129), [] as [u8; 0], "it ended on day 104");
    assert_eq!(gone(&over, 130), [2, 3, 4, 10, 11, 12, 13, 14], "all of it at once, but the last check-in");
}

#[test]
fn what_ended_an_episode_stays_as_long_as_its_ground() {
    let days = DAYS.replace("listed = 25\n", "");
    let mut facts = vec![declared(1, 0), contact(2, 0)];
    facts.extend((0..6).map(|n| check_in(10 + n, 1 + i64::from(n))));
    let facts = recorded_by(&set(&days), facts, &[0, 8]);
    let spent = spent(&set(&days), &facts, day(300), day(300));
    // Lists are kept for good here: without the five check-ins the person would be red again.
    assert_eq!((spent.ids, spent.is_held), (BTreeSet::new(), false));
    let less: Facts = facts.iter().filter(|f| f.id != id(12)).cloned().collect();
    assert_eq!(decide_in(&set(&days), &less, day(7)).colour, Some(Colour::Red));
}

#[test]
fn a_correction_never_goes_before_what_it_takes_back() {
    let facts = vec![declared(1, 0), contact(2, 0), correction(3, 1, 2), check_in(4, 200)];
    let facts = recorded(facts, &[0, 2]);
    assert_eq!(gone(&facts, 20), [] as [u8; 0], "the list was wrong, and would count again");
    assert_eq!(gone(&facts, 201), [2], "the episode is on record: only the correction keeps it shut");
    let rest: Facts = facts.iter().filter(|f| f.id != id(2)).cloned().collect();
    let next = PACK.replace("version = \"1\"", "version = \"2\"");
    let away = PACK.replace("division = \"42\"", "division = \"43\"");
    for text in [next, away] {
        let pack = crate::common::load(&format!("{text}{DAYS}"), RULES).unwrap_or_else(|e| panic!("{e}"));
        let told = decide_in(&PackSet::single(Arc::new(pack)), &rest, day(202));
        assert_eq!((told.colour, told.episodes.len()), (Some(Colour::Green), 0), "{told:?}");
    }
    let never = vec![declared(1, 0), contact(2, 0), correction(3, 1, 2), check_in(4, 200)];
    assert_eq!(gone(&Facts::new(never), 201), [2, 3], "nothing was put on record of it");
    let chain = vec![declared(1, 0), contact(2, 0), correction(3, 1, 2), correction(4, 2, 3), check_in(5, 3)];
    assert_eq!(decide_in(&set(DAYS), &recorded(chain.clone(), &[0]), day(9)).colour, Some(Colour::Red));
    assert_eq!(gone(&recorded(chain, &[0]), 200), [] as [u8; 0], "the last word keeps all that it is about");
}

#[test]
fn a_declaration_that_was_returned_after_it_opened_something_stays_with_the_word_on_it() {
    let review =
        |n, at, outcome| fact(n, Kind::Review, day(at), &[("of", &id(2).to_string()), ("outcome", outcome)]);
    let opened = [("event", "opened"), ("rule", "ILL"), ("opened_by", &*id(2).to_string())];
    let record = fact(9, Kind::Episode, day(1), &opened);
    for (outcome, left) in [("approved", vec![2, 3]), ("returned", vec![])] {
        let facts =
            vec![declared(1, 0), declared(2, 1), review(3, 2, outcome), declared(4, 50), record.clone()];
        let left = [vec![1], left].concat();
        assert_eq!(gone(&Facts::new(facts), 200), left, "{outcome}");
    }
}

/// A pack of the same rules, or others, with other days, for another division.
fn pack_of(division: &str, days: &str, rules: &str) -> Arc<kangma_core::rules::pack::Pack> {
    let text = PACK.replace("\"42\"", &format!("{division:?}")).replace("example", division);
    let id = format!("id = {:?}", format!("pack-{division}"));
    let text = text.replace(&format!("id = {division:?}"), &id);
    Arc::new(crate::common::load(&format!("{text}{days}"), rules).unwrap_or_else(|e| panic!("{e}")))
}

fn in_force(pack: Arc<kangma_core::rules::pack::Pack>, from: i64, until: Option<i64>) -> Entry {
    Entry { covers: pack.division.clone(), pack, from: day(from), until: until.map(day) }
}

#[test]
fn the_longest_days_of_all_packs_that_answer_for_anybody_count() {
    let named = |set: &PackSet, at: i64, kind: Kind| days(set, set.base(), kind, day(at));
    let alone = set(DAYS);
    let long = pack_of("43", "[retention]\nlisted = 90\n", RULES);
    let both = alone.with(vec![in_force(long, 100, Some(300))], Vec::new()).unwrap();
    assert_eq!(named(&alone, 0, Kind::Listed), Some(25));
    assert_eq!(named(&both, 0, Kind::Listed), Some(90), "it is to answer for somebody");
    assert_eq!(named(&both, 301, Kind::Listed), Some(25), "it answered for the last time");
    assert_eq!(named(&both, 0, Kind::CheckIn), None, "it counts check-ins and lets none of them go");
    assert_eq!(named(&both, 301, Kind::CheckIn), Some(20));
    assert_eq!(named(&both, 0, Kind::Correction), Some(5), "no rule of it looks at those");
    let next = pack_of("43", &DAYS.replace("listed = 25", "listed = 30"), RULES);
    let older = pack_of("43", "", RULES);
    let all = alone.with(vec![in_force(older, 0, None), in_force(next, 50, None)], Vec::new()).unwrap();
    assert_eq!(named(&all, 49, Kind::Listed), None, "the older one answers there");
    assert_eq!(named(&all, 50, Kind::Listed), Some(30), "the next one took its place");
    let facts = Facts::new(vec![declared(1, 0), check_in(3, 0), check_in(4, 1)]);
    let gone = |set: &PackSet, at: i64| spent(set, &facts, day(at), day(at)).ids.len();
    assert_eq!((gone(&both, 299), gone(&both, 301)), (0, 1));
}

#[test]
fn what_the_pack_at_home_counts_stays_while_somebody_is_elsewhere() {
    let quiet = "[[rule]]\nid = \"OTHER\"\non = \"arrival\"\nwhen = 'true'\n\
        stages = [{ colour = \"red\", release = { days = 5 } }]\n\
        source = { title = \"t\", url = \"https://example.org\", grade = \"D\" }\n";
    let days = "[retention]\ndeclaration = 300\ncheck_in = 20\n";
    let home = crate::common::load(&format!("{PACK}{days}"), RULES).unwrap_or_else(|e| panic!("{e}"));
    let away = pack_of("43", days, quiet);
    let set = PackSet::single(Arc::new(home)).with(vec![in_force(away, 0, None)], Vec::new()).unwrap();
    let there = fact(2, Kind::Declaration, day(5), &[("subject", "resident"), ("residence", "430102")]);
    let back = declared(5, 101);
    let facts = vec![declared(1, 0), there, check_in(3, 0), check_in(4, 1)];
    let told = |facts: Vec<Fact>| decide_in(&set, &Facts::new(facts), day(102)).status;
    assert_eq!(told([facts.clone(), vec![back.clone()]].concat()), Status::Expired);
    let spent = spent(&set, &Facts::new(facts.clone()), day(100), day(100)).ids;
    assert_eq!(spent.iter().map(|id| id.0[0]).collect::<Vec<_>>(), [3], "the last did the duty at home");
    let left = facts.into_iter().filter(|f| !spent.contains(&f.id)).chain([back]);
    assert_eq!(told(left.collect()), Status::Expired);
}

#[test]
fn of_somebody_who_never_declared_the_place_goes_with_the_last_list_and_not_before() {
    let released = |n, at| fact(n, Kind::Listed, day(at), &[("list", "released"), ("place", "420107")]);
    let two = Facts::new(vec![released(1, 0), released(2, 20)]);
    assert_eq!(gone(&two, 30), [] as [u8; 0], "the first says where they are");
    assert_eq!(gone(&two, 46), [1, 2]);
}

#[test]
fn an_episode_stays_on_record_when_its_ground_is_erased_and_nothing_opens_it_again() {
    let mut facts = vec![declared(1, 0), contact(2, 0)];
    facts.extend((0..6).map(|n| check_in(10 + n, 1 + i64::from(n))));
    facts.push(declared(3, 50));
    facts.push(check_in(4, 50));
    let facts = recorded(facts, &[0, 8]);
    let spent = spent(&set(DAYS), &facts, day(60), day(60));
    let rest: Facts = facts.iter().filter(|f| !spent.ids.contains(&f.id)).cloned().collect();
    let kinds: Vec<Kind> = rest.iter().map(|f| f.kind).collect();
    assert_eq!(kinds, [Kind::Episode, Kind::Episode, Kind::Declaration, Kind::CheckIn]);
    let again = decide_in(&set(DAYS), &rest, day(59));
    assert_eq!((again.colour, again.records.len()), (Some(Colour::Green), 0));
}
