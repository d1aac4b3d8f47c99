use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use kangma_core::decision::{Colour, Status};
use kangma_core::id::PersonId;
use kangma_core::rules::pack::{Pack, PackFiles};
use kangma_core::rules::publication::Below;
use kangma_core::tally::{FLOOR, Place};
use kangma_core::time::{DAY_S, Day, Instant};

use super::runs::{self, Ask};
use tokio::sync::oneshot;

use super::{Age, Forecast, Progress, Question, Shade, SimulateError, Source, changes, run, together};
use crate::app::{Rng, Shared};
use crate::seal::PersonKeys;
use crate::testing::{Dir, open};
use crate::{decide, person};

/// A service under a pack whose clock stands still.
async fn service(data: &Dir, pack: Option<PathBuf>, at: Instant) -> Shared {
    open(data, Rng::seeded(7), Some(at), |config| config.pack = pack).await
}

async fn close(app: Shared) {
    app.db.clone().close().await;
    app.key_store.clone().close().await;
}

/// Hangzhou's pack with three changes: symptoms are red, contacts with confirmed cases are not red any more
/// (and those who are end), and Xiaoshan district is yellow.
fn draft() -> PackFiles {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    let mut files = crate::cli::pack::read_dir(&dir).unwrap();
    let mut change = |file: &str, from: &str, to: &str| {
        let text = files.0.get_mut(file).unwrap();
        assert!(text.contains(from), "{from}");
        *text = text.replacen(from, to, 1);
    };
    change("pack.toml", "version = \"1.0.0\"", "version = \"1.1.0\"");
    change("pack.toml", "on_new_version = \"keep\"", "on_new_version = \"convert\"");
    change(
        "rules.toml",
        r#"fact.contact in ["confirmed", "suspected", "close_contact"]"#,
        r#"fact.contact == "close_contact""#,
    );
    change("rules.toml", "'fact.overseas'", "'fact.overseas || fact.residence == \"330109\"'");
    change(
        "rules.toml",
        r#"stages = [{ colour = "yellow", release = { check_ins_in_a_row = 7"#,
        r#"stages = [{ colour = "red", release = { check_ins_in_a_row = 7"#,
    );
    files
}

fn write(files: &PackFiles, name: &str) -> Dir {
    let dir = Dir::new(name);
    for (file, text) in &files.0 {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn source(app: &Shared) -> Arc<Source> {
    let keys = PersonKeys::new(app.key_store.clone(), app.keys.master.clone());
    Arc::new(Source { db: app.db.clone(), keys })
}

fn question(app: &Shared, at: Instant) -> Question {
    let draft = Arc::new(Pack::load(&draft()).unwrap());
    Question { workers: 2, ..Question::new(app.packs.set(), draft, Below::default(), at).unwrap() }
}

async fn ask(app: &Shared, question: Question) -> Forecast {
    run(source(app), Arc::new(question), Arc::default(), None).await.unwrap()
}

/// Everybody's colour and division, decided where what is stored no longer stands.
async fn everybody(app: &Shared) -> BTreeMap<PersonId, (Shade, u64)> {
    let (mut all, mut last) = (BTreeMap::new(), None);
    loop {
        let some = person::states_after(app, last, 500).await.unwrap_or_else(|p| panic!("{}", p.code));
        let Some((id, _)) = some.last() else { return all };
        last = Some(*id);
        for (id, state) in some {
            let current = decide::current(app, id).await.unwrap_or_else(|p| panic!("{}", p.code)).unwrap();
            let colour = current.colour().filter(|_| current.status() == Status::Active);
            all.insert(id, (Shade::of(colour), state.unwrap().sealed.division));
        }
    }
}

/// The same for what happens in one: the story on both engines.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_switches_to_the_draft_finds_exactly_what_was_forecast() {
    const PEOPLE: u64 = 1_500;
    let at = Instant::parse("2026-03-10T10:00:00+08:00").unwrap();
    let data = Dir::new("switch");
    let app = service(&data, None, at).await;
    crate::cli::seed::town(&app, PEOPLE, at).await.unwrap();
    // Two days on nothing that was stored stands of those whose check-ins are due.
    let at = at.plus_s(2 * DAY_S);
    app.clock.pass_time(2 * DAY_S);
    let before = everybody(&app).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let forecast = ask(&app, question(&app, at)).await;
    assert_eq!(forecast.people(), PEOPLE);
    close(app).await;

    let pack = write(&draft(), "switch-draft");
    let app = service(&data, Some(pack.path().to_owned()), at).await;
    let after = everybody(&app).await;
    assert_eq!(before.len() as u64, PEOPLE);
    let mut found = BTreeMap::new();
    let mut of_xiaoshan = BTreeMap::new();
    for (id, (from, division)) in &before {
        let change = (*from, after[id].0);
        *found.entry(change).or_default() += 1_i64;
        if *division == 330_109 {
            *of_xiaoshan.entry(change).or_default() += 1_i64;
        }
    }
    let by_place = forecast.by_place();

    for change in changes() {
        assert_eq!(forecast.of(change), found.get(&change).copied().unwrap_or(0), "{change:?}");
        let xiaoshan = by_place[&Place::division(330_109)](change);
        assert_eq!(xiaoshan, of_xiaoshan.get(&change).copied().unwrap_or(0), "{change:?} in Xiaoshan");
        assert_eq!(Age::ALL.map(|age| forecast.of_age(change, age)).iter().sum::<i64>(), forecast.of(change));
        assert_eq!(forecast.told_of(change), forecast.of(change), "everybody has a phone");
    }
    for wanted in [(Shade::Yellow, Shade::Red), (Shade::Red, Shade::Green), (Shade::Green, Shade::Yellow)] {
        assert!(forecast.of(wanted) > 4, "{wanted:?} is tried: {}", forecast.of(wanted));
    }
    close(app).await;
    drop((data, pack));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_shown_hides_few_people_and_its_examples_are_nobody() {
    let at = Instant::parse("2026-03-10T10:00:00+08:00").unwrap();
    let data = Dir::new("shown");
    let app = service(&data, None, at).await;
    crate::cli::seed::town(&app, 600, at).await.unwrap();
    let question = question(&app, at);
    let forecast = ask(&app, self::question(&app, at)).await;
    let shown = forecast.shown(&question, Place::division(3301));
    let all = serde_json::to_value(&shown).unwrap();
    // No number of people in the whole answer is under five, or not a multiple of five.
    fn people(json: &serde_json::Value, out: &mut Vec<i64>) {
        match json {
            serde_json::Value::Object(map) => map.iter().for_each(|(name, value)| {
                if ["people", "changed", "messages"].contains(&name.as_str()) {
                    out.extend(value.as_i64());
                } else if name != "examples" {
                    people(value, out);
                }
            }),
            serde_json::Value::Array(all) => all.iter().for_each(|json| people(json, out)),
            _ => {}
        }
    }
    let mut numbers = Vec::new();
    people(&all, &mut numbers);
    assert!(numbers.len() > 20 && numbers.iter().all(|n| n % FLOOR == 0), "{numbers:?}");
    let districts: Vec<&str> = shown.below.divisions.iter().map(|d| &*d.code).collect();
    assert!(districts.contains(&"330109"), "{districts:?}");
    // Every change that somebody has is shown on somebody made up, who is decided as they are.
    for change in changes().filter(|c| forecast.of(*c) > 0) {
        let names = (change.0.name(), change.1.name());
        assert!(shown.examples.iter().any(|e| (e.from, e.to) == names), "{names:?}");
    }
    assert!(shown.examples.len() <= 10);
    for example in &shown.examples {
        let text = serde_json::json!({ "facts": example.facts }).to_string();
        let facts = kangma_core::rules::json::facts_from_str(&text, &app.packs.base().zone).unwrap();
        let decided = question.active(&facts, at);
        assert_eq!(Shade::of(decided.colour).name(), example.from);
    }
    close(app).await;
    drop(data);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_a_division_and_a_stop_do_what_they_say() {
    let at = Instant::parse("2026-03-10T10:00:00+08:00").unwrap();
    let data = Dir::new("parts");
    let app = service(&data, None, at).await;
    crate::cli::seed::town(&app, 2_000, at).await.unwrap();
    let xiaoshan = ask(&app, Question { division: Place::division(330_109), ..question(&app, at) }).await;
    let all = ask(&app, question(&app, at)).await;
    let there: i64 = changes().map(|c| all.by_place()[&Place::division(330_109)](c)).sum();
    assert!(xiaoshan.changed() == there && xiaoshan.people() < 1_000, "{} people", xiaoshan.people());
    let sample = ask(&app, Question { sample: (1, 4), ..question(&app, at) }).await;
    assert!((350..650).contains(&sample.people()), "{}", sample.people());
    // A month on all that was yellow or red for days has to check in again; nothing stored stands.
    let later = ask(&app, Question { at: at.plus_s(30 * DAY_S), ..question(&app, at) }).await;
    assert!(later.people() == 2_000 && later != all);
    let progress = Arc::new(Progress::default());
    progress.stop();
    let stopped = run(source(&app), Arc::new(question(&app, at)), progress, None).await;
    assert!(matches!(stopped, Err(SimulateError::Stopped)));
    close(app).await;
    drop(data);
}

/// While all places are taken, a run waits: the least urgent come in last.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_makes_one_run_at_a_time_and_a_stop_is_heard_while_it_waits() {
    let at = Instant::parse("2026-03-10T10:00:00+08:00").unwrap();
    let data = Dir::new("runs");
    let app = service(&data, None, at).await;
    crate::cli::seed::town(&app, 200, at).await.unwrap();
    let mut places = Vec::new();
    while app.gate.inside() < app.config.in_flight {
        places.extend(app.gate.enter(crate::admit::Class::Code).await);
    }
    let begin = async |draft: u8| {
        let (draft, below) = ([draft; 16], Place::division(3301));
        let (division, question) = (String::new(), question(&app, at));
        let ask = Ask { draft, draft_version: 1, by: "maker", division, sample: 100, below, question };
        runs::begin(&app, ask).await.map_err(|p| p.code)
    };
    let first = begin(1).await.unwrap();
    assert_eq!(begin(1).await, Err("rules.simulation_running"), "one of a draft");
    assert_eq!(begin(2).await, Err("rules.simulation_running"), "and one of a node");
    let state = async |id| runs::find(&app, [1; 16], id).await.map(|o| o.run.state(app.clock.wall())).ok();
    assert_eq!(state(first).await, Some("running"));
    runs::stop(&app, [1; 16], first).await.unwrap_or_else(|p| panic!("{}", p.code));
    assert_eq!(state(first).await, Some("stopped"));
    // The place of the node is free as soon as the run has noticed.
    let second = loop {
        match begin(1).await {
            Ok(id) => break id,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    // A node that ends says so of its run.
    app.simulations.leave().await;
    assert_eq!(state(second).await, Some("failed"));
    assert_eq!(begin(1).await, Err("rules.simulation_running"), "it begins no other");
    assert!(runs::find(&app, [2; 16], second).await.is_err(), "a run is its draft's");
    drop(places);
    close(app).await;
    drop(data);
}

#[test]
fn ages_are_counted_by_the_birthday() {
    let day = |text| Day::parse(text).unwrap();
    let today = day("2026-03-10");
    for (born, age) in [
        ("2008-03-10", Age::From18),
        ("2008-03-11", Age::Under18),
        ("1966-03-11", Age::From18),
        ("1966-03-10", Age::From60),
        ("1946-03-10", Age::From80),
        ("2030-01-01", Age::Unknown),
    ] {
        assert_eq!(Age::of(Some(day(born)), today), age, "{born}");
    }
    assert_eq!(Age::of(None, today), Age::Unknown);
    assert_eq!(Shade::stored(Status::Pending as u8, Colour::Red as u8), Shade::Grey);
}

/// What one table of a forecast withholds the others do not tell: an attacker with all of them.
#[test]
fn no_rule_and_no_message_tells_of_a_change_that_is_withheld() {
    let rng = Rng::seeded(23);
    let below = |n: i64| {
        let mut bytes = [0; 8];
        rng.fill(&mut bytes);
        (u64::from_be_bytes(bytes) % n as u64) as i64
    };
    let each: Vec<_> = changes().collect();
    let (mut hidden, mut rules_shown) = (0, 0);
    for _ in 0..2_000 {
        let mut forecast = Forecast::default();
        for change in &each {
            let people = if below(3) == 0 { below([3, 7, 40][below(3) as usize]) } else { 0 };
            let (one, other) = (below(100), below(100));
            for _ in 0..people {
                forecast.person(*change, 330_106);
                forecast.told(*change, below(10) != 0);
                for (rule, percent) in [("ONE", one), ("OTHER", other)] {
                    if below(100) < percent {
                        forecast.rule(*change, super::count::Turn::Opens, rule);
                    }
                }
            }
        }
        for _ in 0..below(20) {
            forecast.person((Shade::Green, Shade::Green), 330_106);
        }
        let numbers = forecast.numbers(&each);
        // As they are answered: in fives.
        let read = |n: kangma_core::tally::Shown| n.in_fives().count();
        let top = |n: Option<i64>| n.map_or(i64::MAX / 4, |n| n + FLOOR - 1);
        let messages_at_least = numbers.messages.count().unwrap_or(0);
        let changed = (read(numbers.changed).unwrap_or(messages_at_least), top(read(numbers.changed)));
        let least = |change| {
            let of_rules = numbers.rules.iter().filter(|(.., of, _)| *of == change);
            of_rules.filter_map(|(.., n)| n.count()).max().unwrap_or(0)
        };
        let bounds = |i: usize| match read(numbers.changes[i]) {
            Some(n) => (n, n + FLOOR - 1),
            None => (least(each[i]), i64::MAX / 64),
        };
        let all: Vec<(i64, i64)> = (0..each.len()).map(bounds).collect();
        for (i, change) in each.iter().enumerate() {
            for (.., rule_of, n) in &numbers.rules {
                let Some(n) = n.count().filter(|_| rule_of == change) else { continue };
                rules_shown += 1;
                assert!(
                    numbers.changes[i].count().is_some_and(|whole| n <= whole),
                    "a rule without its change"
                );
            }
            if numbers.changes[i].count().is_some() {
                continue;
            }
            hidden += 1;
            let others = |of: fn(&(i64, i64)) -> i64| -> i64 {
                all.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, b)| of(b)).sum()
            };
            let low = all[i].0.max(changed.0 - others(|b| b.1));
            let high = all[i].1.min(changed.1 - others(|b| b.0));
            let real = forecast.of(*change);
            assert!((low..=high).contains(&real), "the attacker errs: {real} is not within {low} to {high}");
            assert!(low <= 0 && low < high, "{real} is within {low} to {high}");
        }
        let read_part = [read(numbers.changed), numbers.messages.count()];
        if let [Some(changed), Some(messages)] = read_part {
            assert!(messages <= changed);
        }
    }
    assert!(hidden > 2_000 && rules_shown > 1_000, "{hidden} hidden, {rules_shown} rules shown");
}

#[tokio::test]
async fn a_worker_that_breaks_down_ends_the_run_at_once_while_others_go_on() {
    let (_goes_on, slow) = oneshot::channel();
    let (breaks, broken) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        let _held: oneshot::Sender<Result<Forecast, SimulateError>> = breaks;
        panic!("on purpose");
    });
    assert!(thread.join().is_err());
    let ended = together([slow, broken].into_iter().collect());
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), ended).await.unwrap();
    assert!(matches!(ended, Err(SimulateError::Worker)));
}
