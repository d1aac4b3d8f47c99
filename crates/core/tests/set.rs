//! Which pack is in force: by place, by time, on the move, and what is brought back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kangma_core::decision::{Colour, Decision};
use kangma_core::division::COUNTRY;
use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::rules::expr::Areas;
use kangma_core::rules::pack::{Pack, PackFiles};
use kangma_core::rules::set::{BadSet, Entry, PackSet, Void, decide_in};
use kangma_core::rules::words::Lang;
use kangma_core::time::{DAY_S, Instant};
use proptest::prelude::*;
use serde_json::Value as Json;

/// 11 February 2020, 00:00 in Hangzhou.
const START: i64 = 1_581_350_400;
const DISTRICT: &str = "330106";
const ELSEWHERE: &str = "340104";

fn files(change: impl Fn(&str, String) -> String) -> PackFiles {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parent");
    let read = |name: &str| change(name, std::fs::read_to_string(dir.join(name)).unwrap());
    let names = ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"];
    PackFiles(names.iter().map(|name| ((*name).to_owned(), read(name))).collect::<BTreeMap<_, _>>())
}

/// Hangzhou's pack with other texts: `from` in any file becomes `to`.
fn pack(changes: &[(&str, &str)]) -> Arc<Pack> {
    let files = files(|_, text| changes.iter().fold(text, |text, (from, to)| text.replace(from, to)));
    Arc::new(Pack::load(&files).unwrap_or_else(|e| panic!("{e}")))
}

fn city() -> Arc<Pack> {
    pack(&[])
}

/// Hefei's, whose rules have other ids.
fn elsewhere() -> Arc<Pack> {
    pack(&[
        ("id = \"hangzhou-2020-02-11\"", "id = \"hefei\""),
        ("division = \"3301\"", "division = \"3401\""),
        ("HZ-", "HF-"),
    ])
}

/// Hangzhou's next version, under which a fever is red.
fn next() -> Arc<Pack> {
    pack(&[("version = \"1.", "version = \"2."), ("colour = \"yellow\"", "colour = \"red\"")])
}

fn entry(pack: &Arc<Pack>, covers: &str, from: i64, until: Option<i64>) -> Entry {
    Entry { pack: Arc::clone(pack), covers: covers.into(), from: at(from), until: until.map(at) }
}

fn at(s: i64) -> Instant {
    Instant(START + s)
}

fn fact(n: u128, kind: Kind, s: i64, fields: &[(&str, Value)]) -> Fact {
    let mut fact = Fact {
        id: FactId((n + 1).to_be_bytes()),
        kind,
        happened: at(s),
        recorded: at(s),
        source: Source::Resident,
        values: Values::default(),
    };
    fields.iter().for_each(|(name, value)| assert!(fact.set(name, value.clone()), "{name}"));
    fact
}

fn text(word: &str) -> Value {
    Value::Text(word.into())
}

fn declaration(n: u128, s: i64, residence: &str, unwell: bool) -> Fact {
    let symptoms: &[&str] = &["fever"];
    fact(
        n,
        Kind::Declaration,
        s,
        &[
            ("subject", text("resident")),
            ("residence", text(residence)),
            ("in_city", Value::Bool(true)),
            ("contact", text("none")),
            ("health", text(if unwell { "unwell" } else { "well" })),
            ("overseas", Value::Bool(false)),
            ("under_measure", text("none")),
            ("temperature_c", Value::Double(if unwell { 38.2 } else { 36.5 })),
            (
                "symptoms",
                Value::List(if unwell { symptoms.iter().map(|s| (*s).into()).collect() } else { [].into() }),
            ),
        ],
    )
}

fn decide(set: &PackSet, facts: &Facts, now: Instant) -> Decision {
    decide_in(set, facts, now)
}

/// Decides, and keeps the episodes on record as the service does.
fn settle(set: &PackSet, facts: &mut Facts, now: Instant) -> Decision {
    let decision = decide(set, facts, now);
    decision.records.iter().for_each(|f| facts.push(f.clone()));
    decision
}

#[test]
fn the_deepest_pack_that_covers_a_place_is_in_force_there_and_of_several_the_latest() {
    let (base, province, town) = (city(), elsewhere(), next());
    let set = PackSet::single(Arc::clone(&base));
    let entries = vec![
        entry(&province, "33", 0, None),
        entry(&town, "3301", 100, Some(300)),
        entry(&base, "3301", 50, None),
        entry(&province, "330106", 200, Some(250)),
    ];
    let set = set.with(entries, Vec::new()).unwrap();
    let digest = |place: u64, s: i64| set.at(place, at(s)).digest.clone();
    for (place, s, expected) in [
        (0, 0, &base),
        (34, 500, &base),
        (330_106, -1, &base),
        (330_106, 0, &province),
        (33, 500, &province),
        (330_203, 220, &province),
        (330_106, 50, &base),
        (330_106, 99, &base),
        (330_106, 100, &town),
        (330_106_001, 220, &province),
        (330_106_001_002, 249, &province),
        (330_106, 250, &town),
        (3_301, 299, &town),
        (3_301, 300, &base),
    ] {
        assert_eq!(digest(place, s), expected.digest, "{place} at {s}");
        assert_eq!(set.digest(place, at(s))[0], u8::from_str_radix(&expected.digest[..2], 16).unwrap());
    }
    assert_eq!(set.packs().count(), 3);
    assert_eq!((set.turns(at(-1)), set.turns(at(150)), set.turns(at(900))), (0, 3, 6));
}

#[test]
fn a_folder_of_packs_has_one_that_lies_above_all_others() {
    let (hangzhou, hefei) = (city(), elsewhere());
    assert!(matches!(PackSet::of(vec![Arc::clone(&hangzhou), hefei]), Err(BadSet::Roots(..))));
    assert!(matches!(PackSet::of(Vec::new()), Err(BadSet::Empty)));
    let province = pack(&[("id = \"hangzhou-2020-02-11\"", "id = \"zhejiang\""), ("\"3301\"", "\"33\"")]);
    let set = PackSet::of(vec![Arc::clone(&hangzhou), Arc::clone(&province)]).unwrap();
    let late = Instant(START + 1000 * DAY_S);
    assert_eq!(set.base().digest, province.digest);
    assert_eq!(set.at(330_106, late).digest, hangzhou.digest);
    assert_eq!(set.at(330_203, late).digest, province.digest);
    assert_eq!(set.at(110_101, late).digest, province.digest);
    assert!(matches!(
        set.with(vec![entry(&hangzhou, "33012", 0, None)], Vec::new()),
        Err(BadSet::Division(_))
    ));
}

#[test]
fn under_a_pack_of_the_whole_country_the_deepest_of_province_and_city_is_in_force() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/rules/packs-in-force.json");
    let vector: Json = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let of = |given: &Json| {
        let say = |key: &str| given[key].as_str().map_or(String::new(), |text| format!("{key} = \"{text}\""));
        let effective = format!("{}\n{}", say("effective"), say("sunset"));
        pack(&[
            ("id = \"hangzhou-2020-02-11\"", &say("id")),
            ("division = \"3301\"", &say("division")),
            ("effective = \"2020-02-11T00:00:00+08:00\"", &effective),
        ])
    };
    let all: Vec<Arc<Pack>> = vector["set"].as_array().unwrap().iter().map(of).collect();
    // Whatever the order in which they are given.
    for turned in 0..all.len() {
        let mut all = all.clone();
        all.rotate_left(turned);
        let set = PackSet::of(all).unwrap();
        assert_eq!((&*set.base().id, &*set.base().division), ("nation", COUNTRY));
        for case in vector["cases"].as_array().unwrap() {
            let place = case["place"].as_str().unwrap().parse().unwrap_or(0);
            let found = set.at(place, Instant::parse(case["at"].as_str().unwrap()).unwrap());
            assert_eq!(*found.id, *case["pack"].as_str().unwrap(), "{}", case["name"]);
        }
    }
    let (nation, zhejiang, hubei) = (&all[2], &all[3], &all[0]);
    let facts = Facts::new(vec![declaration(0, 0, "330203", false)]);
    let set = PackSet::of(all.clone()).unwrap();
    let before = decide(&set, &facts, at(10));
    assert_eq!((&*before.pack.id, before.review_at), ("nation", Some(zhejiang.effective)));
    assert_eq!(&*decide(&set, &facts, zhejiang.effective).pack.id, "zhejiang");
    // Covering everybody, whichever way it is said.
    for everybody in ["", COUNTRY] {
        let set = PackSet::single(city()).with(vec![entry(nation, everybody, 0, None)], vec![]);
        assert_eq!(&*set.unwrap().at(340_104, at(10)).id, "nation");
    }
    let without = PackSet::of(vec![Arc::clone(zhejiang), Arc::clone(hubei)]);
    assert!(matches!(without, Err(BadSet::Roots(..))));
}

#[test]
fn when_another_pack_takes_force_is_the_instant_of_review_to_the_second() {
    let (base, next) = (city(), next());
    let set = PackSet::single(base).with(vec![entry(&next, "3301", 500, Some(900))], Vec::new()).unwrap();
    let here = Facts::new(vec![declaration(0, 0, DISTRICT, false)]);
    assert_eq!(decide(&set, &here, at(10)).review_at, Some(at(500)));
    assert_eq!(decide(&set, &here, at(499)).pack.version, set.base().version);
    let after = decide(&set, &here, at(500));
    assert_eq!((after.pack.version, after.review_at), (next.version.clone(), Some(at(900))));
    assert_eq!(decide(&set, &here, at(900)).pack.version, set.base().version);
    // What does not concern the place does not wake anybody.
    let there = Facts::new(vec![declaration(0, 0, ELSEWHERE, false)]);
    assert_eq!(decide(&set, &there, at(10)).review_at, None);
}

#[test]
fn whoever_intends_to_come_is_judged_by_the_pack_of_the_destination() {
    let set = PackSet::single(city()).with(vec![entry(&elsewhere(), "3401", 0, None)], Vec::new()).unwrap();
    let mut coming = declaration(0, 0, DISTRICT, false);
    coming.set("subject", text("intending"));
    coming.set("destination", text(ELSEWHERE));
    assert_eq!(&*decide(&set, &Facts::new(vec![coming]), at(10)).pack.id, "hefei");
}

#[test]
fn an_open_episode_travels_with_the_person_under_its_own_terms_and_in_its_own_words() {
    // Even where the other place converts the episodes of its own earlier versions.
    let hefei = pack(&[
        ("id = \"hangzhou-2020-02-11\"", "id = \"hefei\""),
        ("division = \"3301\"", "division = \"3401\""),
        ("HZ-", "HF-"),
        ("on_new_version = \"keep\"", "on_new_version = \"convert\""),
    ]);
    let set = PackSet::single(city()).with(vec![entry(&hefei, "3401", 0, None)], Vec::new()).unwrap();
    let mut facts = Facts::new(vec![declaration(0, 0, DISTRICT, true)]);
    let home = settle(&set, &mut facts, at(10));
    let rule = home.episodes[0].rule.clone();
    assert!(rule.starts_with("HZ-"), "{rule}");
    facts.push(declaration(1, 3600, ELSEWHERE, false));
    let moved = settle(&set, &mut facts, at(3700));
    assert_eq!(&*moved.pack.id, "hefei");
    let travelled = moved.episodes.iter().find(|e| e.rule == rule).expect("it travels");
    assert_eq!(travelled.since, home.episodes[0].since);
    let told = set.explain(set.at(340_104, at(3700)), &moved, &facts, Lang::En);
    let own = told.iter().find(|r| *r.rule == *rule).unwrap();
    assert!(!own.what_to_do.is_empty() && !own.source.url.is_empty(), "{own:?}");
    // Back home everything is computed from the facts again, and nothing is lost or doubled.
    facts.push(declaration(2, 7200, DISTRICT, false));
    let back = settle(&set, &mut facts, at(7300));
    let here: Vec<_> = back.episodes.iter().filter(|e| e.rule == rule).collect();
    assert_eq!(here.len(), 1);
    assert_eq!(here[0].since, home.episodes[0].since);
}

#[test]
fn what_a_pack_decided_that_is_brought_back_counts_no_more_whether_it_opened_or_ended_something() {
    let (base, harmful) = (city(), next());
    let mild =
        pack(&[("version = \"1.", "version = \"3."), ("HZ-YELLOW", "HZ-MILD"), ("HZ-RED", "HZ-STRICT")]);
    for bad in [harmful, mild] {
        let digest = bad.digest.clone();
        let both = |until: Option<i64>, voids| {
            PackSet::single(Arc::clone(&base)).with(vec![entry(&bad, "3301", 100, until)], voids).unwrap()
        };
        let mut facts = Facts::new(vec![declaration(0, 0, DISTRICT, true)]);
        let set = both(None, Vec::new());
        let before = settle(&set, &mut facts, at(50));
        settle(&set, &mut facts, at(150));
        let set = both(Some(200), vec![Void { digest, from: at(200) }]);
        assert_eq!(decide(&set, &facts, at(150)).review_at, Some(at(200)));
        let after = settle(&set, &mut facts, at(200));
        assert_eq!((after.colour, &after.pack), (before.colour, &before.pack));
        let rules = |d: &Decision| d.episodes.iter().map(|e| (e.rule.clone(), e.colour)).collect::<Vec<_>>();
        assert_eq!(rules(&after), rules(&before), "{}", bad.version);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Declares { place: usize, unwell: bool },
    ChecksIn,
    Nothing,
}

fn step() -> impl Strategy<Value = (Step, i64)> {
    let kind = prop_oneof![
        2 => (0..3_usize, any::<bool>()).prop_map(|(place, unwell)| Step::Declares { place, unwell }),
        5 => Just(Step::ChecksIn),
        1 => Just(Step::Nothing),
    ];
    (kind, 1..2 * DAY_S)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Moving about while packs take force and end: the same answer for every instant before the review,
    /// a colour never without an episode, and no episode of the most severe colour lost by moving.
    #[test]
    fn an_answer_holds_until_its_review_wherever_one_goes(
        steps in prop::collection::vec(step(), 1..14), from in 0..8 * DAY_S, span in 1..8 * DAY_S,
    ) {
        let (base, hefei, next) = (city(), elsewhere(), next());
        let entries = vec![entry(&hefei, "34", 0, None), entry(&next, "330106", from, Some(from + span))];
        let voids = vec![Void { digest: next.digest.clone(), from: at(from + span) }];
        let set = PackSet::single(base).with(entries, voids).unwrap();
        let places = [DISTRICT, "330102", ELSEWHERE];
        let (mut facts, mut s) = (Facts::default(), 0);
        for (n, (what, later)) in steps.into_iter().enumerate() {
            s += later;
            let here = Instant(START + s);
            let before = decide(&set, &facts, here);
            match what {
                Step::Declares { place, unwell } => {
                    facts.push(declaration(n as u128, s, places[place], unwell));
                }
                Step::ChecksIn => facts.push(fact(n as u128, Kind::CheckIn, s, &[
                    ("temperature_c", Value::Double(36.5)), ("symptoms", Value::List([].into())),
                ])),
                Step::Nothing => {}
            }
            let decision = settle(&set, &mut facts, here);
            prop_assert_eq!(&decision.pack.digest, &set.at(kangma_core::rules::set::place_number(&facts), here).digest);
            prop_assert_eq!(decision.colour.unwrap_or(Colour::Green) > Colour::Green, !decision.episodes.is_empty());
            let until = decision.review_at.unwrap_or(here.plus_s(30 * DAY_S));
            for instant in [Instant((here.0 + until.0) / 2), until.plus_s(-1)] {
                let later = decide(&set, &facts, instant.max(here));
                prop_assert_eq!((later.colour, later.status, &later.pack), (decision.colour, decision.status, &decision.pack));
                prop_assert_eq!(&later.episodes, &decision.episodes);
            }
            // One's own declaration of being well elsewhere ends nothing.
            if before.pack != decision.pack && before.colour == Some(Colour::Red) && before.pack.digest != next.digest {
                prop_assert_eq!(decision.colour, Some(Colour::Red));
            }
        }
    }
}

/// A list of the rule that is yellow, as offices keep it.
fn high(codes: &[&str], from: &str) -> Arc<Areas> {
    let list = codes.iter().map(|c| format!(r#"{{"code":"{c}","from":"{from}"}}"#)).collect::<Vec<_>>();
    Arc::new(serde_json::from_str(&format!(r#"{{"high":[{}]}}"#, list.join(","))).unwrap())
}

const STREET: &str = "330106001";

#[test]
fn lists_of_areas_act_at_an_instant_and_wake_only_those_whose_facts_name_a_place_that_differs() {
    let set = PackSet::single(city());
    let set = set.with_areas(&[(at(500), high(&[STREET], "2020-02-11")), (at(900), Arc::default())]);
    let here = Facts::new(vec![declaration(0, 0, "330106001002", false)]);
    let before = decide(&set, &here, at(10));
    assert_eq!((before.colour, before.review_at, before.areas), (Some(Colour::Green), Some(at(500)), None));
    let during = decide(&set, &here, at(500));
    assert_eq!((during.colour, during.areas), (Some(Colour::Yellow), Some(at(500))));
    assert_eq!(during.review_at, Some(at(900)), "and when it acts no more");
    assert_eq!(decide(&set, &here, at(900)).colour, Some(Colour::Green));
    // Next door, and in the district as a whole, nobody is woken.
    for place in ["330106002", DISTRICT, ELSEWHERE] {
        let there = Facts::new(vec![declaration(0, 0, place, false)]);
        let decision = decide(&set, &there, at(10));
        assert_eq!((decision.colour, decision.review_at), (Some(Colour::Green), None), "{place}");
        assert!(!set.areas_touch(&there, at(0), at(1_000)), "{place}");
    }
    assert!(set.areas_touch(&here, at(0), at(500)) && !set.areas_touch(&here, at(500), at(899)));
    assert_eq!((set.areas_since(at(499)), set.areas_since(at(900))), (None, Some(at(900))));
    // A pack that takes force later is asked under the same lists.
    let later = set.with(vec![entry(&next(), "3301", 600, None)], Vec::new()).unwrap();
    assert_eq!(decide(&later, &here, at(600)).colour, Some(Colour::Red));
}

#[test]
fn an_entry_that_begins_later_is_asked_about_on_its_day() {
    let lists = [(at(500), high(&[STREET], "2020-02-13"))];
    let rule = "id = \"HZ-YELLOW-HIGH-AREA\"\n";
    let stands = PackSet::single(pack(&[(rule, &format!("{rule}standing = true\n"))])).with_areas(&lists);
    let mut here = Facts::new(vec![declaration(0, 0, "330106001002", false)]);
    let day = 2 * DAY_S;
    let before = decide(&stands, &here, at(500));
    assert_eq!((before.colour, before.review_at), (Some(Colour::Green), Some(at(day))));
    let on_the_day = decide(&stands, &here, at(day));
    assert_eq!((on_the_day.colour, on_the_day.episodes[0].since), (Some(Colour::Yellow), at(day)));
    // A rule that does not stand asks about the day of each declaration.
    let each = PackSet::single(city()).with_areas(&lists);
    let before = decide(&each, &here, at(500));
    assert_eq!((before.colour, before.review_at), (Some(Colour::Green), None));
    assert_eq!(decide(&each, &here, at(day)).colour, Some(Colour::Green));
    here.push(declaration(1, day + 60, "330106001002", false));
    assert_eq!(decide(&each, &here, at(day + 60)).colour, Some(Colour::Yellow));
}

#[test]
fn what_a_mistaken_entry_opened_does_not_come_back_with_the_next_version_of_the_pack() {
    let (base, next) = (city(), next());
    let set = |turns: &[(i64, &[&str])]| {
        let turns: Vec<_> = turns.iter().map(|(s, codes)| (at(*s), high(codes, "2020-02-11"))).collect();
        let set = PackSet::single(Arc::clone(&base)).with_areas(&turns);
        set.with(vec![entry(&next, "3301", 1_000, None)], Vec::new()).unwrap()
    };
    let mistaken = set(&[(100, &[STREET]), (200, &[])]);
    let mut facts = Facts::new(vec![declaration(0, 0, STREET, false)]);
    assert_eq!(settle(&mistaken, &mut facts, at(100)).colour, Some(Colour::Yellow));
    let lifted = settle(&mistaken, &mut facts, at(200));
    assert_eq!(lifted.colour, Some(Colour::Green));
    assert_eq!(lifted.records[0].text("event"), Some("lifted"));
    assert!(settle(&mistaken, &mut facts, at(201)).records.is_empty(), "that is recorded once");
    assert_eq!(settle(&mistaken, &mut facts.clone(), at(1_000)).colour, Some(Colour::Green));

    // Listed again it stands again, under the terms that opened it, also where the next pack does not ask.
    let again = set(&[(100, &[STREET]), (200, &[]), (300, &[STREET])]);
    let restored = settle(&again, &mut facts, at(300));
    assert_eq!(restored.colour, Some(Colour::Yellow));
    assert_eq!(restored.records[0].text("event"), Some("restored"));
    let kept = settle(&again, &mut facts.clone(), at(1_000));
    assert_eq!((kept.colour, &*kept.episodes[0].version), (Some(Colour::Yellow), &*base.version));
    // Listed again only under the next pack, it opens there, as if for the first time.
    let late = set(&[(100, &[STREET]), (200, &[]), (1_100, &[STREET])]);
    let mut facts = Facts::new(vec![declaration(0, 0, STREET, false)]);
    for s in [100, 200, 1_000] {
        settle(&late, &mut facts, at(s));
    }
    let opened = settle(&late, &mut facts, at(1_100));
    assert_eq!((opened.colour, &*opened.episodes[0].version), (Some(Colour::Red), &*next.version));
}

#[test]
fn a_pack_that_asks_about_a_place_of_its_own_concerns_everybody_when_that_is_listed() {
    let asks = pack(&[("when = 'fact.overseas'", "when = 'fact.overseas && area(\"33\", \"high\")'")]);
    let somewhere = Facts::new(vec![declaration(0, 0, ELSEWHERE, false)]);
    let set = |codes: &[&str]| {
        PackSet::single(Arc::clone(&asks)).with_areas(&[(at(500), high(codes, "2020-02-11"))])
    };
    assert!(set(&["33"]).areas_touch(&somewhere, at(0), at(500)));
    assert!(!set(&["3303"]).areas_touch(&somewhere, at(0), at(500)));
    assert!(set(&["33"]).areas_differ(at(0), at(500)).1);
}
