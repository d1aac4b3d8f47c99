//! A small simulation: random operations on one service with a clock that is moved by hand.
//! After each: the dossier equals the recorded facts, a stored decision that stands equals a
//! fresh one, and no account of a person is told anything else than another.

use std::sync::Arc;

use kangma_core::division::divisions;
use kangma_core::fact::{Fact, Kind, Source, Value, Values};
use kangma_core::id::PersonId;
use kangma_core::identity::{Document, DocumentType, Name};
use kangma_core::tally::{Counts, Place};
use kangma_core::time::{DAY_S, Instant};

use kangma_core::rules::expr::{Area, Areas};
use kangma_core::rules::pack::{Pack, PackFiles};
use kangma_core::rules::retention::spent;
use kangma_core::rules::set::{Entry, PackSet, Void, decide_in};

use super::{Erasing, Missing, Recording, Standing, current, nothing_else, now, record, standing};
use crate::app::{App, Rng, Shared};
use crate::config::Config;
use crate::person::Person;
use crate::testing::{Dir, open};
use crate::{person, tally};

/// Hangzhou's pack with days, and with other words in place of some.
fn load(changes: &[(&str, &str)]) -> Arc<Pack> {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    let files = crate::cli::pack::read_dir(&dir).unwrap();
    let days = "\n[retention]\ndeclaration = 14\ncheck_in = 14\n[areas]";
    let change = |name: &str, text: &str| {
        let text = if name == "pack.toml" { text.replace("\n[areas]", days) } else { text.to_owned() };
        changes.iter().fold(text, |text, (from, to)| text.replace(from, to))
    };
    let files = PackFiles(files.0.iter().map(|(name, text)| (name.clone(), change(name, text))).collect());
    Arc::new(Pack::load(&files).unwrap_or_else(|e| panic!("{e}")))
}

/// Hangzhou's pack, Hefei's beside it, and a next version of one district that takes force, ends, and
/// is then void.
fn packs(start: Instant) -> PackSet {
    let hefei =
        load(&[("id = \"hangzhou-2020-02-11\"", "id = \"hefei\""), ("\"3301\"", "\"3401\""), ("HZ-", "HF-")]);
    let next = load(&[("version = \"1.", "version = \"2."), ("colour = \"yellow\"", "colour = \"red\"")]);
    let (from, until) = (start.plus_s(8 * DAY_S + 11), start.plus_s(30 * DAY_S + 7));
    let voids = vec![Void { digest: next.digest.clone(), from: until }];
    let entry = |pack, covers: &str, from, until| Entry { pack, covers: covers.into(), from, until };
    let entries = vec![entry(hefei, "34", start, None), entry(next, "330106", from, Some(until))];
    PackSet::single(load(&[])).with(entries, voids).unwrap()
}

async fn service(name: &str, start: Instant) -> (Shared, Dir) {
    let dir = Dir::new(name);
    let set = |config: &mut Config| keys(&config.data.data_dir.join("keys"));
    (open(&dir, Rng::seeded(7), Some(start), set).await, dir)
}

/// The same keys each time, and with them the same people: what happens to whom is in their order.
fn keys(dir: &std::path::Path) {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).unwrap();
    // 32 bytes.
    let key = format!("{}=", "A".repeat(43));
    let master = [serde_json::json!({ "number": 1, "key": key })];
    let file = serde_json::json!({ "master": master, "id": key, "token": key, "handle": key });
    let path = dir.join("master.json");
    std::fs::write(&path, file.to_string()).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn fact(app: &App, kind: Kind, fields: &[(&str, Value)]) -> Fact {
    let at = app.clock.now();
    let mut fact = Fact {
        id: app.new_fact_id(),
        kind,
        happened: at,
        recorded: at,
        source: Source::Resident,
        values: Values::default(),
    };
    for (name, value) in fields {
        assert!(fact.set(name, value.clone()), "{name}");
    }
    fact
}

fn text(word: &str) -> Value {
    Value::Text(word.into())
}

async fn add(app: &Shared, id: PersonId, facts: Vec<Fact>) {
    let recording = Recording {
        missing: Missing::Make(Name::parse("张测试").unwrap_or_else(|e| panic!("{}", e.code))),
        unit: "test.add",
        facts: &|_| Ok(facts.clone()),
        attach: &nothing_else,
    };
    record(app, id, recording).await.map(drop).unwrap_or_else(|p| panic!("{}", p.code));
}

async fn check(app: &Shared, id: PersonId, step: usize) {
    let state = current(app, id).await.unwrap_or_else(|p| panic!("{}", p.code)).unwrap();
    let load = async || person::load(app, id).await.unwrap_or_else(|p| panic!("{}", p.code)).unwrap();
    // What the read handed to the writer may land between two looks.
    let (person, recorded) = loop {
        let person = load().await;
        let recorded = person::recorded_facts(app, id).await.unwrap_or_else(|p| panic!("{}", p.code));
        if load().await.version == person.version {
            break (person, recorded);
        }
    };
    let fresh = now(app, &person, app.clock.now());
    assert_eq!(state.colour(), fresh.colour, "step {step}: what is read is what the rules say");
    assert_eq!(state.status(), fresh.status, "step {step}");
    // A full dossier leaves check-ins to their rows that nothing counts any more.
    let left: Vec<&Fact> = recorded.iter().filter(|f| person.facts.find(f.id).is_none()).collect();
    assert!(
        left.iter().all(|f| f.kind == Kind::CheckIn),
        "step {step}: the dossier lacks more than old check-ins"
    );
    assert!(
        person.facts.iter().all(|f| recorded.find(f.id) == Some(f)),
        "step {step}: the dossier is the facts"
    );
    let whole = decide_in(&app.packs.set(), &recorded, app.clock.now());
    assert_eq!(
        (whole.colour, whole.status),
        (fresh.colour, fresh.status),
        "step {step}: all facts say the same"
    );
    assert_eq!(whole.episodes, fresh.episodes, "step {step}");
    let at = app.clock.now();
    let stands = |s: &person::State| match standing(app, s, app.packs.walked(super::job::part_of(s.id)), at) {
        Standing::Stands => true,
        Standing::IfUntouched(since) => !app.packs.set().areas_touch(&person.facts, since, at),
        Standing::Over => false,
    };
    if let Some(stored) = person.stored.as_ref().filter(|s| stands(s)) {
        assert_eq!(stored.colour(), fresh.colour, "step {step}: a stored decision that stands is right");
        // One that was made before other lists were known does not know when these begin to act.
        let turns = fresh.review_at.is_some_and(|at| app.packs.set().areas_since(at) == Some(at));
        assert!(stored.review_at == fresh.review_at || turns, "step {step}");
    }
}

/// INVARIANT: in every division the counts of its children, the unknown among them, add up to its own.
async fn children_add_up(app: &Shared, step: usize) {
    tally::fold_all(app).await.unwrap();
    let today = app.packs.base().zone.day_of(app.clock.now());
    let mut parents = vec![Place::COUNTRY];
    while let Some(parent) = parents.pop() {
        let children = parent.children();
        let all = tally::read(app, &[&[parent], &children[..]].concat()).await.unwrap();
        let of = |read: &tally::Read| read.cell.on(today);
        let mut sum = Counts::default();
        for child in &all[1..] {
            sum.iter_mut().zip(of(child)).for_each(|(sum, n)| *sum += n);
        }
        if !children.is_empty() {
            assert_eq!(of(&all[0]), sum, "step {step}: the children of {parent}");
        }
        parents.extend(children.iter().zip(&all[1..]).filter(|(_, r)| r.version > 0).map(|(c, _)| *c));
    }
}

/// INVARIANT: when everything is folded, the counts are those of the people.
async fn counts_are_those_of_the_people(app: &Shared, people: &[PersonId], step: usize) {
    let mut seen = None;
    // A decision that a read handed to the writer may land between the two looks.
    for _ in 0..100 {
        tally::fold_all(app).await.unwrap();
        let mut counted = Counts::default();
        for id in people {
            let Some(person) = person::load(app, *id).await.unwrap_or_else(|p| panic!("{}", p.code)) else {
                continue;
            };
            let of_person = person.stored.and_then(|s| s.counted()).expect("everybody is counted").counts();
            counted.iter_mut().zip(of_person).for_each(|(sum, n)| *sum += n);
        }
        let stored = tally::read(app, &[Place::COUNTRY]).await.unwrap()[0].cell.standing_now();
        if stored == counted {
            return;
        }
        seen = Some((stored, counted));
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("step {step}: {seen:?}");
}

/// Some places at high risk, since today or from tomorrow on, by a list that acts in six seconds.
fn listed(app: &App, places: &[&str]) -> (Instant, std::sync::Arc<Areas>) {
    let today = app.packs.base().zone.day_of(app.clock.now());
    let mut areas = Areas::new();
    let some = places.iter().filter(|_| app.rng.below(2) == 0).map(|code| Area {
        code: (*code).into(),
        from: Some(today.plus(app.rng.below(4) as i32 - 2)),
        until: (app.rng.below(2) == 0).then(|| today.plus(app.rng.below(8) as i32 + 2)),
    });
    areas.set("high", &some.collect::<Vec<_>>()).unwrap();
    (app.clock.now().plus_s(6), std::sync::Arc::new(areas))
}

/// What the job does of somebody's facts that have had their days; returns how many.
async fn erase_spent(app: &Shared, id: PersonId) -> usize {
    let loaded = person::load(app, id).await.unwrap_or_else(|p| panic!("{}", p.code));
    let Some(person) = loaded else { return 0 };
    let rows = person::rows(app, &person).await.unwrap_or_else(|p| panic!("{}", p.code));
    let (now, facts) = (app.clock.now(), rows.iter().map(|(_, f)| f.clone()).collect());
    let found = spent(&app.packs.set(), &facts, now, now);
    let gone: Vec<(i64, Fact)> = rows.into_iter().filter(|(_, f)| found.ids.contains(&f.id)).collect();
    if gone.is_empty() {
        return 0;
    }
    if erase(app, person, &gone).await == Erasing::Done { gone.len() } else { 0 }
}

async fn erase(app: &Shared, person: Person, gone: &[(i64, Fact)]) -> Erasing {
    super::erase(app, person, gone, app.clock.now()).await.unwrap_or_else(|p| panic!("{}", p.code))
}

async fn known(app: &Shared, id: PersonId) -> Person {
    person::load(app, id).await.unwrap_or_else(|p| panic!("{}", p.code)).expect("is stored")
}

fn well(app: &App) -> Fact {
    let fields = [
        ("subject", text("resident")),
        ("residence", text("330106")),
        ("in_city", Value::Bool(true)),
        ("contact", text("none")),
        ("health", text("well")),
        ("overseas", Value::Bool(false)),
        ("under_measure", text("none")),
        ("symptoms", Value::List([].into())),
    ];
    fact(app, Kind::Declaration, &fields)
}

fn check_in(app: &App, temperature_c: f64) -> Fact {
    let fields = [("temperature_c", Value::Double(temperature_c)), ("symptoms", Value::List([].into()))];
    fact(app, Kind::CheckIn, &fields)
}

#[tokio::test]
async fn what_an_answer_rests_on_is_held_and_whoever_asks_for_an_answer_meanwhile_is_heard() {
    let (app, _dir) = service("held", Instant(1_581_350_400)).await;
    let id = app.keys.person_id("somebody");
    add(&app, id, vec![well(&app), check_in(&app, 36.5)]).await;
    let person = known(&app, id).await;
    let rows = person::rows(&app, &person).await.unwrap_or_else(|p| panic!("{}", p.code));
    let of = |kind: Kind| rows.iter().filter(|(_, f)| f.kind == kind).cloned().collect::<Vec<_>>();
    assert_eq!(erase(&app, person.clone(), &of(Kind::Declaration)).await, Erasing::Held);
    let asked = person::change(crate::db::Unit::new("test.ask"), &known(&app, id).await);
    app.db.commit(asked).await.unwrap();
    assert_eq!(erase(&app, person, &of(Kind::CheckIn)).await, Erasing::Overtaken);
    assert_eq!(person::recorded_facts(&app, id).await.unwrap_or_else(|p| panic!("{}", p.code)).len(), 2);
    assert_eq!(erase(&app, known(&app, id).await, &of(Kind::CheckIn)).await, Erasing::Done);
    app.db.clone().close().await;
    app.key_store.clone().close().await;
}

#[tokio::test]
async fn the_last_lines_of_lists_are_known_again_and_take_no_room_from_check_ins() {
    let (app, _dir) = service("lines", Instant(1_581_350_400)).await;
    let id = app.keys.person_id("somebody");
    add(&app, id, vec![well(&app)]).await;
    for _ in 0..90 {
        add(&app, id, vec![check_in(&app, 36.5)]).await;
        app.clock.pass_time(DAY_S);
    }
    let person = known(&app, id).await;
    assert_eq!(person.facts.len(), 91, "all of it is in the dossier");
    let line =
        |n| (n, Fact { source: Source::List, ..fact(&app, Kind::Listed, &[("list", text("released"))]) });
    let lines: Vec<(i64, Fact)> = (1_000..1_300).map(line).collect();
    assert_eq!(erase(&app, person, &lines).await, Erasing::Done);
    let person = known(&app, id).await;
    assert_eq!(person.facts.len(), 91, "and still is");
    let again = lines.iter().filter(|(_, f)| person.is_spent(&f.id)).map(|(n, _)| *n);
    assert_eq!(again.collect::<Vec<_>>(), (1_044..1_300).collect::<Vec<_>>());
    app.db.clone().close().await;
    app.key_store.clone().close().await;
}

#[tokio::test]
async fn a_full_dossier_leaves_old_check_ins_to_their_rows_and_nothing_else() {
    let (app, _dir) = service("full", Instant(1_581_350_400)).await;
    let id = app.keys.person_id("somebody");
    add(&app, id, vec![well(&app)]).await;
    for day in 0..150_u8 {
        add(&app, id, vec![check_in(&app, 36.0 + f64::from(day % 10) / 10.0)]).await;
        app.clock.pass_time(DAY_S);
    }
    check(&app, id, 150).await;
    let person = known(&app, id).await;
    let recorded = person::recorded_facts(&app, id).await.unwrap_or_else(|p| panic!("{}", p.code));
    assert_eq!(recorded.len(), 151);
    let since = app.clock.now().plus_s(-30 * DAY_S);
    let kept = |f: &&Fact| f.kind != Kind::CheckIn || f.happened >= since;
    assert!(person.facts.len() < 80, "{} facts", person.facts.len());
    assert!(recorded.iter().filter(kept).all(|f| person.facts.find(f.id) == Some(f)));
    app.db.clone().close().await;
    app.key_store.clone().close().await;
}

/// What the job does of each part of the people, in whatever order.
async fn look_through(app: &Shared) {
    for number in (0..16).filter(|_| app.rng.below(4) > 0) {
        let part = super::job::Part { number, of: 16 };
        let walked = super::job::touched(app, part, || true).await.unwrap_or_else(|p| panic!("{}", p.code));
        if let Some(walked) = walked {
            app.packs.set_walked(number, walked.turn);
        }
    }
}

#[tokio::test]
async fn a_stored_decision_that_stands_equals_a_fresh_one_whatever_happens() {
    let (app, _dir) = service("simulation", Instant(1_581_350_400)).await;
    let document = Document::parse(
        DocumentType::ResidentId,
        "11010519491231002X",
        None,
        app.packs.base().zone.day_of(app.clock.now()),
    )
    .unwrap_or_else(|e| panic!("{}", e.code));
    assert_eq!(Name::parse("张测试").map(|n| n.masked()).unwrap_or_else(|e| panic!("{}", e.code)), "张**");
    let people: Vec<PersonId> =
        (0..4).map(|n| app.keys.person_id(&format!("{}{n}", document.key()))).collect();
    let street = divisions().children(Some("330106")).next().unwrap().code;
    let committee = divisions().children(Some(street)).next().unwrap().code;
    let residences = ["330106", "330102", "110101", "340104", street, committee];
    app.packs.put(packs(app.clock.now()), Vec::new(), std::collections::BTreeMap::new());
    let (mut listings, mut erased) = (Vec::new(), 0);
    let steps = if std::env::var_os("KANGMA_DRILL").is_some() { 5_000 } else { 400 };
    for step in 0..steps {
        let id = people[app.rng.below(4) as usize];
        match app.rng.below(13) {
            12 => erased += erase_spent(&app, id).await,
            10 => listings.push(listed(&app, &[street, committee, "110101", "34"])),
            11 => look_through(&app).await,
            0 => {
                let contact = ["none", "confirmed", "none", "none"][app.rng.below(4) as usize];
                let residence = residences[app.rng.below(residences.len() as u32) as usize];
                let fields = [
                    ("subject", text("resident")),
                    ("residence", text(residence)),
                    ("in_city", Value::Bool(true)),
                    ("contact", text(contact)),
                    ("health", text("well")),
                    ("overseas", Value::Bool(false)),
                    ("under_measure", text("none")),
                    ("symptoms", Value::List([].into())),
                ];
                add(&app, id, vec![fact(&app, Kind::Declaration, &fields)]).await;
            }
            1..=5 => {
                let t = if app.rng.below(20) == 0 { 38.5 } else { 36.5 };
                add(&app, id, vec![check_in(&app, t)]).await;
            }
            6..=8 => app.clock.pass_time(i64::from(app.rng.below(DAY_S as u32 * 3 / 2))),
            _ => app.clock.pass_time(i64::from(app.rng.below(60))),
        }
        app.packs.put_listings(listings.clone(), std::collections::BTreeMap::new(), Vec::new());
        for id in &people {
            if person::state(&app, *id).await.unwrap_or_else(|p| panic!("{}", p.code)).is_some() {
                check(&app, *id, step).await;
            }
        }
        // What reads hand to the writer lands in the background; let it.
        tokio::task::yield_now().await;
        children_add_up(&app, step).await;
        if step % 20 == 0 {
            counts_are_those_of_the_people(&app, &people, step).await;
        }
    }
    counts_are_those_of_the_people(&app, &people, steps).await;
    assert!(erased > 20, "{erased} facts had their days");
    app.db.clone().close().await;
    app.key_store.clone().close().await;
}
