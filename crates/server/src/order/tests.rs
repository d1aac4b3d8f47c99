//! Orders on a clock that is moved by hand: who may do what, when it acts, and when it is over.

use kangma_core::fact::{Fact, Kind, Source, Value, Values};
use kangma_core::id::{FactId, PersonId};
use kangma_core::identity::{Document, DocumentType, Name};
use kangma_core::role::{Permission, Permissions};
use kangma_core::time::{DAY_S, Instant};

use super::undo::{self, Undo};
use super::{Ask, Of, State, approve, give, sign, store, withdraw};
use crate::app::{Rng, Shared};
use crate::config::Config;
use crate::decide::{self, Missing, Recording};
use crate::http::IdempotencyKey;
use crate::person::{self, Profile};
use crate::staff::{self, Grant, NewStaff, Officer};
use crate::testing::{Dir, open};
use crate::{alarm, seal};

const START: Instant = Instant(1_581_480_000);

async fn service(name: &str, orders_per_hour: usize) -> (Shared, Dir) {
    let dir = Dir::new(name);
    let set = |config: &mut Config| config.orders_per_hour = orders_per_hour;
    (open(&dir, Rng::seeded(5), Some(START), set).await, dir)
}

/// Somebody on the staff, in the database and as a session would have them.
async fn officer(app: &Shared, name: &str, office: &str, division: &str, role: &str) -> Officer {
    let new = NewStaff {
        assignment: None,
        name,
        password: "not used",
        office,
        division,
        role: Some(role),
        ends_at: START.plus_s(365 * DAY_S),
    };
    staff::put_roles(&app.db, &app.rng, app.clock.wall()).await.unwrap();
    staff::put(&app.db, &app.rng, &new, START).await.unwrap();
    let permissions = match role {
        "data_admin" => Permissions::of(&[Permission::Order]),
        _ => Permissions::of(&[Permission::CountersignOrder]),
    };
    let id = app.keys.hash("office", &[office.as_bytes()]);
    let grant = Grant {
        role: role.into(),
        permissions,
        division: division.into(),
        assignment: None,
        ends_at: new.ends_at,
    };
    Officer {
        name: name.into(),
        office: id.as_bytes()[..16].try_into().unwrap(),
        session: [0; 16],
        grants: vec![grant],
    }
}

fn document(n: u32) -> Document {
    let body = format!("33010619800101{n:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.bytes().zip(weights).map(|(c, w)| u32::from(c - b'0') * w).sum();
    let number = format!("{body}{}", b"10X98765432"[(sum % 11) as usize] as char);
    let today = kangma_core::time::Day::parse("2020-02-12").unwrap();
    Document::parse(DocumentType::ResidentId, &number, None, today).unwrap_or_else(|e| panic!("{}", e.code))
}

/// A resident of a county who is green.
async fn resident(app: &Shared, n: u32, county: &str) -> PersonId {
    let (name, document) = (Name::parse("张测试").unwrap_or_else(|e| panic!("{}", e.code)), document(n));
    let profile = Profile::new(&name, &document);
    let at = app.clock.now();
    let mut fact = Fact {
        id: app.new_fact_id(),
        kind: Kind::Declaration,
        happened: at,
        recorded: at,
        source: Source::Resident,
        values: Values::default(),
    };
    for (field, text) in [
        ("subject", "resident"),
        ("residence", county),
        ("contact", "none"),
        ("under_measure", "none"),
        ("health", "well"),
    ] {
        fact.set(field, Value::Text(text.into()));
    }
    fact.set("in_city", Value::Bool(true));
    fact.set("overseas", Value::Bool(false));
    fact.set("symptoms", Value::List([].into()));
    let id = app.keys.person_id(&document.key());
    let recording = Recording {
        missing: Missing::Make(name.clone()),
        unit: "test.resident",
        facts: &|_| Ok(vec![fact.clone()]),
        attach: &|unit, person, _| person::add_document(unit, app, person, &profile, &document, at),
    };
    decide::record(app, id, recording).await.unwrap_or_else(|p| panic!("{}", p.code));
    assert_eq!(colour(app, id).await, "green");
    id
}

async fn colour(app: &Shared, id: PersonId) -> &'static str {
    let state = decide::current(app, id).await.unwrap_or_else(|p| panic!("{}", p.code)).unwrap();
    state.colour().map_or("grey", kangma_core::decision::Colour::name)
}

fn ask(n: u32, until_s: i64, urgent: bool) -> Ask {
    Ask {
        of: Of::Document(document(n)),
        rule: "HZ-RED-ORDER".into(),
        evidence: "diagnosis".into(),
        reference: "file 7".into(),
        until: START.plus_s(until_s),
        urgent,
    }
}

const NO_KEY: IdempotencyKey = IdempotencyKey(None);

async fn code_of<T>(done: impl Future<Output = Result<T, crate::error::Problem>>) -> &'static str {
    done.await.err().map_or("done", |p| p.code)
}

async fn alarms(app: &Shared) -> Vec<(alarm::Kind, i64)> {
    let all = alarm::list(app, &[""], true, 100).await.unwrap_or_else(|p| panic!("{}", p.code));
    all.iter().map(|a| (a.kind, a.times)).collect()
}

#[tokio::test]
async fn an_order_is_inert_until_somebody_of_another_office_signs_and_ends_at_its_end() {
    let (app, _dir) = service("order_signed", 20).await;
    let writer = officer(&app, "writer", "A", "3301", "data_admin").await;
    let colleague = officer(&app, "colleague", "A", "3301", "approver").await;
    let second = officer(&app, "second", "B", "3301", "approver").await;
    let elsewhere = officer(&app, "elsewhere", "C", "3302", "approver").await;
    let id = resident(&app, 1, "330106").await;
    let (order, state) = give(&app, &writer, &NO_KEY, &ask(1, DAY_S, false)).await.unwrap();
    assert_eq!((state, colour(&app, id).await), (State::Waiting, "green"));

    assert_eq!(code_of(sign(&app, &writer, order.0)).await, "auth.not_allowed");
    let both = Officer { grants: [writer.grants.clone(), second.grants.clone()].concat(), ..writer.clone() };
    assert_eq!(code_of(sign(&app, &both, order.0)).await, "order.same_office");
    assert_eq!(code_of(sign(&app, &colleague, order.0)).await, "order.same_office");
    // The same person in another office's chair is still the same person.
    let moved = Officer { office: second.office, ..both };
    assert_eq!(code_of(sign(&app, &moved, order.0)).await, "order.same_office");
    assert_eq!(code_of(sign(&app, &elsewhere, order.0)).await, "not_found");
    assert_eq!(colour(&app, id).await, "green");

    sign(&app, &second, order.0).await.unwrap();
    assert_eq!(colour(&app, id).await, "red");
    assert_eq!(code_of(sign(&app, &second, order.0)).await, "order.signed");
    let again = code_of(give(&app, &writer, &NO_KEY, &ask(1, DAY_S, false))).await;
    assert_eq!(again, "order.already");
    app.clock.pass_time(DAY_S - 1);
    assert_eq!(colour(&app, id).await, "red");
    app.clock.pass_time(1);
    assert_eq!(colour(&app, id).await, "green");
    assert_eq!(code_of(sign(&app, &second, order.0)).await, "order.ended");
}

#[tokio::test]
async fn an_urgent_order_acts_for_two_hours_once_in_seven_days_and_raises_an_alarm() {
    let (app, _dir) = service("order_urgent", 20).await;
    let writer = officer(&app, "writer", "A", "3301", "data_admin").await;
    let other = officer(&app, "other", "C", "3301", "data_admin").await;
    let second = officer(&app, "second", "B", "3301", "approver").await;
    let id = resident(&app, 1, "330106").await;
    let (order, _) = give(&app, &writer, &NO_KEY, &ask(1, 2 * DAY_S, true)).await.unwrap();
    assert_eq!(colour(&app, id).await, "red");
    assert!(alarms(&app).await.contains(&(alarm::Kind::UrgentOrder, 1)));
    app.clock.pass_time(7_199);
    assert_eq!(colour(&app, id).await, "red");
    app.clock.pass_time(1);
    assert_eq!(colour(&app, id).await, "green");
    assert_eq!(code_of(sign(&app, &second, order.0)).await, "order.ended");
    // Nor another office's, nor once it is withdrawn.
    let later = |s| Ask { until: app.clock.now().plus_s(s), ..ask(1, 0, true) };
    assert_eq!(code_of(give(&app, &other, &NO_KEY, &later(DAY_S))).await, "order.urgent_again");
    withdraw(&app, &writer, order.0, "written in error").await.unwrap();
    assert_eq!(code_of(give(&app, &other, &NO_KEY, &later(DAY_S))).await, "order.urgent_again");
    app.clock.pass_time(7 * DAY_S);
    give(&app, &other, &NO_KEY, &later(DAY_S)).await.unwrap();
    assert_eq!(colour(&app, id).await, "red");
    let release =
        Ask { rule: "HZ-RELEASE-ORDER".into(), evidence: "correction_notice".into(), ..later(DAY_S) };
    assert_eq!(code_of(give(&app, &other, &NO_KEY, &release)).await, "order.not_urgent");
}

#[tokio::test]
async fn what_an_order_must_not_say_is_refused_whoever_it_is_about() {
    let (app, _dir) = service("order_terms", 20).await;
    let writer = officer(&app, "writer", "A", "3301", "data_admin").await;
    let reader = officer(&app, "reader", "B", "3301", "approver").await;
    // Nobody has this document: the terms are looked at first, and say nothing of that.
    let base = || ask(9, DAY_S, false);
    for (ask, code) in [
        (Ask { rule: "HZ-RED-LIST".into(), ..base() }, "order.rule"),
        (Ask { rule: "RED".into(), ..base() }, "order.rule"),
        (Ask { evidence: "because".into(), ..base() }, "order.evidence"),
        (Ask { until: START, ..base() }, "order.until"),
        (Ask { until: START.plus_s(-1), ..base() }, "order.until"),
        (Ask { until: START.plus_s(14 * DAY_S + 1), ..base() }, "order.until"),
        (base(), "not_found"),
        (Ask { of: Of::Case([9; 16]), ..base() }, "not_found"),
    ] {
        assert_eq!(code_of(give(&app, &writer, &NO_KEY, &ask)).await, code);
    }
    assert_eq!(code_of(give(&app, &reader, &NO_KEY, &base())).await, "auth.not_allowed");
}

#[tokio::test]
async fn a_role_that_ends_between_the_two_signatures_takes_the_order_with_it() {
    let (app, _dir) = service("order_role", 20).await;
    let writer = officer(&app, "writer", "A", "3301", "data_admin").await;
    let second = officer(&app, "second", "B", "3301", "approver").await;
    let id = resident(&app, 1, "330106").await;
    let (order, _) = give(&app, &writer, &NO_KEY, &ask(1, 3 * DAY_S, false)).await.unwrap();
    // The second one's role has ended: a session reads none.
    let ended = Officer { grants: Vec::new(), ..second.clone() };
    assert_eq!(code_of(sign(&app, &ended, order.0)).await, "auth.not_allowed");
    // The first one's has: the database has nobody of that name who may.
    let gone = Officer { name: "nobody".into(), ..writer.clone() };
    withdraw(&app, &writer, order.0, "anew").await.unwrap();
    let (order, _) = give(&app, &gone, &NO_KEY, &ask(1, 3 * DAY_S, false)).await.unwrap();
    assert_eq!(code_of(sign(&app, &second, order.0)).await, "order.officer_gone");
    assert_eq!(colour(&app, id).await, "green");
}

#[tokio::test]
async fn the_same_request_sent_again_writes_one_order_and_takes_one_place() {
    let (app, _dir) = service("order_replay", 2).await;
    let writer = officer(&app, "writer", "A", "3301", "data_admin").await;
    let thief = officer(&app, "thief", "B", "3301", "data_admin").await;
    resident(&app, 1, "330106").await;
    resident(&app, 2, "330106").await;
    let key = IdempotencyKey(Some("order-0001".into()));
    let first = give(&app, &writer, &key, &ask(1, DAY_S, false)).await.unwrap();
    for _ in 0..5 {
        assert_eq!(give(&app, &writer, &key, &ask(1, DAY_S, false)).await.unwrap(), first);
    }
    // Another officer's key of the same text is another key.
    assert_eq!(code_of(give(&app, &thief, &key, &ask(1, DAY_S, false))).await, "order.already");
    let (_, state) = give(&app, &writer, &NO_KEY, &ask(2, DAY_S, false)).await.unwrap();
    assert_eq!(state, State::Waiting);
}

#[tokio::test]
async fn one_too_many_is_held_until_the_level_above_of_another_office_lets_it_through() {
    let (app, _dir) = service("order_held", 2).await;
    let writer = officer(&app, "writer", "A", "330106", "data_admin").await;
    let peer = officer(&app, "peer", "D", "330106", "data_admin").await;
    let above = officer(&app, "above", "C", "3301", "data_admin").await;
    let second = officer(&app, "second", "B", "3301", "approver").await;
    for n in 1..=3 {
        resident(&app, n, "330106").await;
    }
    for n in 1..=2 {
        assert_eq!(give(&app, &writer, &NO_KEY, &ask(n, DAY_S, false)).await.unwrap().1, State::Waiting);
    }
    let (order, state) = give(&app, &writer, &NO_KEY, &ask(3, DAY_S, true)).await.unwrap();
    assert_eq!(state, State::Held);
    let id = app.keys.person_id(&document(3).key());
    assert_eq!(colour(&app, id).await, "green", "urgent or not, it is held");
    let facts = &person::load(&app, id).await.unwrap().unwrap().facts;
    assert!(facts.iter().all(|f| f.kind != Kind::Order), "what is held is no fact");
    assert!(alarms(&app).await.contains(&(alarm::Kind::BulkStopped, 1)));

    assert_eq!(code_of(sign(&app, &second, order.0)).await, "order.held");
    assert_eq!(code_of(approve(&app, &writer, order.0)).await, "order.same_office");
    assert_eq!(code_of(approve(&app, &peer, order.0)).await, "auth.not_allowed");
    approve(&app, &above, order.0).await.unwrap();
    assert_eq!(code_of(approve(&app, &above, order.0)).await, "order.not_held");
    assert_eq!(colour(&app, id).await, "green", "it still waits for its signature");
    sign(&app, &second, order.0).await.unwrap();
    assert_eq!(colour(&app, id).await, "red");
    // An hour later there is room again.
    app.clock.pass_time(3_600);
    let row = store::find(&app.db, order.0).await.unwrap().unwrap();
    assert_eq!(row.approved_by.as_deref(), Some("above"));
    resident(&app, 4, "330106").await;
    assert_eq!(give(&app, &writer, &NO_KEY, &ask(4, DAY_S, false)).await.unwrap().1, State::Waiting);
}

#[tokio::test]
async fn attempts_outside_the_scope_are_answered_like_nobody_counted_and_alarmed() {
    let (app, _dir) = service("order_scope", 20).await;
    let writer = officer(&app, "writer", "A", "3301", "data_admin").await;
    resident(&app, 1, "340104").await;
    let (foreign, nobody) = (ask(1, DAY_S, false), ask(2, DAY_S, false));
    for _ in 0..3 {
        let told = give(&app, &writer, &NO_KEY, &foreign).await.unwrap_err();
        assert_eq!((told.status.as_u16(), told.code), (404, "not_found"));
    }
    assert!(alarms(&app).await.is_empty());
    give(&app, &writer, &NO_KEY, &foreign).await.unwrap_err();
    give(&app, &writer, &NO_KEY, &nobody).await.unwrap_err();
    let all = alarms(&app).await;
    assert!(
        all.contains(&(alarm::Kind::OutOfScope, 1)) && all.contains(&(alarm::Kind::Guessing, 1)),
        "{all:?}"
    );
    for _ in 0..25 {
        give(&app, &writer, &NO_KEY, &nobody).await.unwrap_err();
    }
    assert_eq!(code_of(give(&app, &writer, &NO_KEY, &nobody)).await, "order.too_many_refused");
    app.clock.pass_time(3_600);
    assert_eq!(code_of(give(&app, &writer, &NO_KEY, &nobody)).await, "not_found");
}

#[tokio::test]
async fn many_orders_without_a_case_raise_an_alarm_and_with_one_do_not() {
    let (app, _dir) = service("order_cases", 20).await;
    let writer = officer(&app, "writer", "A", "3301", "data_admin").await;
    for n in 1..=5 {
        let id = resident(&app, n, "330106").await;
        let mut listed = Fact {
            id: FactId(app.new_id()),
            kind: Kind::Listed,
            happened: app.clock.now(),
            recorded: app.clock.now(),
            source: Source::List,
            values: Values::default(),
        };
        listed.set("list", Value::Text("close_contact".into()));
        let recording = Recording {
            missing: Missing::Refuse,
            unit: "test.listed",
            facts: &|_| Ok(vec![listed.clone()]),
            attach: &decide::nothing_else,
        };
        decide::record(&app, id, recording).await.unwrap_or_else(|p| panic!("{}", p.code));
        give(&app, &writer, &NO_KEY, &ask(n, DAY_S, false)).await.unwrap();
    }
    assert!(alarms(&app).await.is_empty());
    for n in 11..=14 {
        resident(&app, n, "330106").await;
        give(&app, &writer, &NO_KEY, &ask(n, DAY_S, false)).await.unwrap();
    }
    assert!(alarms(&app).await.is_empty());
    resident(&app, 15, "330106").await;
    give(&app, &writer, &NO_KEY, &ask(15, DAY_S, false)).await.unwrap();
    // By the account, and for the place.
    assert_eq!(alarms(&app).await, [(alarm::Kind::ManyWithoutCase, 1), (alarm::Kind::ManyWithoutCase, 1)]);
}

#[tokio::test]
async fn a_release_is_taken_back_by_two_offices_only_and_never_from_the_command_line() {
    let (app, _dir) = service("order_release", 20).await;
    let writer = officer(&app, "writer", "A", "3301", "data_admin").await;
    let second = officer(&app, "second", "B", "3301", "approver").await;
    let id = resident(&app, 1, "330106").await;
    let (red, _) = give(&app, &writer, &NO_KEY, &ask(1, 10 * DAY_S, false)).await.unwrap();
    sign(&app, &second, red.0).await.unwrap();
    app.clock.pass_time(60);
    let release = Ask {
        rule: "HZ-RELEASE-ORDER".into(),
        evidence: "correction_notice".into(),
        ..ask(1, 2 * DAY_S, false)
    };
    let (release, _) = give(&app, &writer, &NO_KEY, &release).await.unwrap();
    assert_eq!(colour(&app, id).await, "red");
    sign(&app, &second, release.0).await.unwrap();
    assert_eq!(colour(&app, id).await, "green");
    assert_eq!(code_of(withdraw(&app, &writer, release.0, "no")).await, "order.releases");
    let undo = Undo {
        officer: String::new(),
        division: "3301".into(),
        from: START.0 + 30,
        to: START.0 + 90,
        reason: "released in error".into(),
    };
    let undone = undo::all(&app, &undo, "command line").await.unwrap();
    assert_eq!((undone.orders, undone.releases_left), (0, 1));
    assert_eq!(colour(&app, id).await, "green");
    let asked = undo::ask(&app, &writer, &undo).await.unwrap();
    assert_eq!(code_of(undo::sign(&app, &writer, asked)).await, "auth.not_allowed");
    let same = Officer { office: writer.office, ..second.clone() };
    assert_eq!(code_of(undo::sign(&app, &same, asked)).await, "order.same_office");
    let done = undo::sign(&app, &second, asked).await.unwrap();
    assert_eq!((done.row.undone, done.row.done_at.is_some()), (1, true));
    assert_eq!(colour(&app, id).await, "red", "the first order stands again");
    assert_eq!(code_of(undo::sign(&app, &second, asked)).await, "order.undo_signed");
}

#[tokio::test]
async fn undoing_that_was_cut_short_is_gone_on_with() {
    let (app, _dir) = service("order_cut", 20).await;
    let writer = officer(&app, "writer", "A", "3301", "data_admin").await;
    let second = officer(&app, "second", "B", "3301", "approver").await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(resident(&app, n, "330106").await);
        let (order, _) = give(&app, &writer, &NO_KEY, &ask(n, DAY_S, false)).await.unwrap();
        sign(&app, &second, order.0).await.unwrap();
    }
    let undo = Undo {
        officer: "writer".into(),
        division: "3301".into(),
        from: START.0,
        to: START.0,
        reason: "a wrong list".into(),
    };
    let asked = undo::ask(&app, &writer, &undo).await.unwrap();
    // Signed, and the node died before the first step.
    let unit = store::sign_undo(crate::db::Unit::new("test.sign"), &app, asked, "second", START);
    app.db.commit(unit).await.unwrap();
    assert_eq!(colour(&app, ids[0]).await, "red");
    super::job::round(&app).await.unwrap();
    for id in ids {
        assert_eq!(colour(&app, id).await, "green");
    }
    assert!(undo::due(&app, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn neither_person_nor_rule_stands_in_clear_in_an_orders_row() {
    let (app, _dir) = service("order_sealed", 20).await;
    let writer = officer(&app, "writer", "A", "3301", "data_admin").await;
    let id = resident(&app, 1, "330106").await;
    let (order, _) = give(&app, &writer, &NO_KEY, &ask(1, DAY_S, false)).await.unwrap();
    let row = store::find(&app.db, order.0).await.unwrap().unwrap();
    let holds = |part: &[u8]| row.body.windows(part.len()).any(|w| w == part);
    assert!(!holds(&id.0) && !holds(b"HZ-RED") && !holds(b"file 7"));
    assert!(seal::is_marked(&app.db).await.unwrap());
}
