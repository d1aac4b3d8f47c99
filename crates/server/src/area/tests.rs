//! Lists of areas on a clock that is moved by hand.

use kangma_core::division::divisions;
use kangma_core::role::{Permission, Permissions};
use kangma_core::time::{DAY_S, Day, Instant};

use super::entries::{Raw, check, of_file};
use super::{Proposal, all, job, propose, sign, store, withdraw};
use crate::app::{Rng, Shared};
use crate::decide::job::{Part, Walked, touched};
use crate::error::Problem;
use crate::packs::AreasSay;
use crate::staff::{Grant, Officer};
use crate::testing::{Dir, open};
use kangma_core::rules::listing::{Entry, State, state};

const START: &str = "2026-03-10T10:00:00+08:00";
const PEOPLE: u64 = 400;

async fn service(name: &str) -> (Shared, Dir) {
    let dir = Dir::new(&format!("areas_{name}"));
    let app = open(&dir, Rng::seeded(5), Some(Instant::parse(START).unwrap()), |_| ()).await;
    crate::cli::seed::town(&app, PEOPLE, app.clock.now()).await.unwrap();
    (app, dir)
}

fn officer(name: &str, office: u8, permission: Permission) -> Officer {
    let grant = Grant {
        role: "test".into(),
        permissions: Permissions::of(&[permission]),
        division: "33".into(),
        assignment: None,
        ends_at: Instant::parse(START).unwrap().plus_s(DAY_S),
    };
    Officer { name: name.into(), office: [office; 16], session: [0; 16], grants: vec![grant] }
}

fn maker() -> Officer {
    officer("maker", 1, Permission::Rules)
}

fn signer() -> Officer {
    officer("signer", 2, Permission::PublishRules)
}

fn listed(code: &str) -> Entry {
    let from = Day::parse("2026-03-01").unwrap();
    Entry { list: "high".into(), code: code.into(), from, until: None, source: None }
}

async fn proposed(
    app: &Shared,
    division: &str,
    replaces: Option<[u8; 16]>,
    entries: Vec<Entry>,
) -> Result<[u8; 16], Problem> {
    let new = Proposal { division, reference: "r", reason: "why", replaces, entries };
    propose(app, &maker(), new).await
}

async fn acts(app: &Shared, division: &str, replaces: Option<[u8; 16]>, entries: Vec<Entry>) -> [u8; 16] {
    let id = proposed(app, division, replaces, entries).await.unwrap_or_else(|p| panic!("{}", p.code));
    job::count(app).await.unwrap_or_else(|p| panic!("{}", p.code));
    let digest = digest(app, id).await;
    sign(app, &signer(), id, &digest).await.unwrap_or_else(|p| panic!("{}", p.code));
    app.clock.pass_time(6);
    id
}

async fn digest(app: &Shared, id: [u8; 16]) -> String {
    all(app).await.unwrap().into_iter().find(|v| v.id == id).unwrap().terms.digest
}

async fn walk(app: &Shared) -> [i64; 4] {
    for number in 0..16 {
        let part = Part { number, of: 16 };
        job::walk(app, part, || true).await.unwrap_or_else(|p| panic!("{}", p.code));
    }
    store::changed(&app.db, app.packs.set().areas_since(app.clock.now()).unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_is_what_the_look_through_everybody_finds_and_is_found_once() {
    let (app, _dir) = service("found").await;
    let id = acts(&app, "3301", None, vec![listed("330109"), listed("330105")]).await;
    let version = all(&app).await.unwrap().remove(0);
    let count = version.count.clone().unwrap();
    assert!(count.touched > 40 && count.touched < PEOPLE as i64 / 2, "{count:?}");
    assert!(count.changed() > 20, "{count:?}");
    assert_eq!(walk(&app).await, [16, PEOPLE as i64, count.touched, count.changed()]);
    // Nothing is left to do, on this node and on one that begins now.
    assert_eq!(touched(&app, Part::ALL, || true).await.map_err(|p| p.code), Ok(None));
    super::sync(&app).await.unwrap();
    assert!(app.packs.walked(15) > app.clock.now().plus_s(-60));
    // Another version of the same list touches only where they differ.
    let next = acts(&app, "3301", Some(id), vec![listed("330109"), listed("330105"), listed("330102")]).await;
    let [parts, _, touched, _] = walk(&app).await;
    let now = all(&app).await.unwrap();
    let of_next = now.iter().find(|v| v.id == next).unwrap();
    assert_eq!((parts, touched), (16, of_next.count.as_ref().unwrap().touched));
    assert!(touched > 0 && touched < count.touched);
    assert_eq!(state(&now, &now[0], app.clock.now()), State::Replaced);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_changes_more_than_was_counted_goes_back_by_itself() {
    let (app, _dir) = service("stops").await;
    let id = acts(&app, "3301", None, vec![listed("330109")]).await;
    walk(&app).await;
    job::watch(&app).await.unwrap_or_else(|p| panic!("{}", p.code));
    assert_eq!(state_of(&app, id).await, State::InForce, "as many as were counted are no reason");
    // Somebody put many there meanwhile.
    let turn = app.packs.set().areas_since(app.clock.now()).unwrap();
    store::add_walk(&app.db, 99, Walked { turn, people: 0, touched: 500, changed: 500 }).await.unwrap();
    job::watch(&app).await.unwrap_or_else(|p| panic!("{}", p.code));
    app.clock.pass_time(6);
    assert_eq!(state_of(&app, id).await, State::Withdrawn);
    let withdrawn = all(&app).await.unwrap().remove(0).withdrawn.unwrap();
    assert_eq!(withdrawn.1, "too_many_changes");
    let [_, _, touched, changed] = walk(&app).await;
    assert!(touched > 0 && changed > 0, "whoever was yellow for it is not any more");
    // Those whom it gives back are not laid at the door of the next list.
    let turn = app.packs.set().areas_since(app.clock.now()).unwrap();
    store::add_walk(&app.db, 99, Walked { turn, people: 0, touched: 500, changed: 500 }).await.unwrap();
    let next = acts(&app, "3302", None, vec![listed("330203")]).await;
    walk(&app).await;
    job::watch(&app).await.unwrap_or_else(|p| panic!("{}", p.code));
    app.clock.pass_time(6);
    assert_eq!(state_of(&app, next).await, State::InForce);
}

async fn state_of(app: &Shared, id: [u8; 16]) -> State {
    let versions = all(app).await.unwrap();
    state(&versions, versions.iter().find(|v| v.id == id).unwrap(), app.clock.now())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_signed_over_what_it_takes_the_place_of_and_goes_back_once() {
    let (app, _dir) = service("signed").await;
    let one =
        proposed(&app, "3301", None, vec![listed("330109")]).await.unwrap_or_else(|p| panic!("{}", p.code));
    let other =
        proposed(&app, "3301", None, vec![listed("330105")]).await.unwrap_or_else(|p| panic!("{}", p.code));
    let code = |done: Result<_, Problem>| done.err().map(|p: Problem| p.code);
    let digests = [digest(&app, one).await, digest(&app, other).await];
    assert_eq!(code(sign(&app, &signer(), one, &digests[0]).await.map(drop)), Some("areas.counting"));
    for _ in 0..2 {
        job::count(&app).await.unwrap_or_else(|p| panic!("{}", p.code));
    }
    let maker_too = officer("maker", 2, Permission::PublishRules);
    assert_eq!(code(sign(&app, &maker_too, one, &digests[0]).await.map(drop)), Some("areas.same_person"));
    assert_eq!(code(sign(&app, &signer(), one, &digests[0]).await.map(drop)), None);
    assert_eq!(code(sign(&app, &signer(), other, &digests[1]).await.map(drop)), Some("areas.changed"));
    assert_eq!(code(withdraw(&app, &maker(), one, "no").await), Some("auth.not_allowed"));
    assert_eq!(code(withdraw(&app, &signer(), one, "no").await), None);
    assert_eq!(code(withdraw(&app, &signer(), one, "no").await), Some("areas.ended"));
    assert_eq!(code(withdraw(&app, &maker(), other, "no").await), None);
    // Another division's list is another matter.
    let province = proposed(&app, "33", None, vec![listed("3303")]).await;
    assert_eq!(code(province.map(drop)), None);
    let taken = proposed(&app, "34", None, Vec::new()).await;
    assert_eq!(code(taken.map(drop)), Some("auth.not_allowed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_lists_that_are_signed_in_one_instant_one_acts() {
    let (app, _dir) = service("race").await;
    for division in ["3301", "3302", "3303", "3304", "3305", "3306"] {
        let mut ids = Vec::new();
        for n in ["01", "02"] {
            let list = vec![listed(&format!("{division}{n}"))];
            ids.push(proposed(&app, division, None, list).await.unwrap_or_else(|p| panic!("{}", p.code)));
            job::count(&app).await.unwrap_or_else(|p| panic!("{}", p.code));
        }
        let digests = [digest(&app, ids[0]).await, digest(&app, ids[1]).await];
        let second = officer("second", 3, Permission::PublishRules);
        let first = signer();
        let signed =
            tokio::join!(sign(&app, &first, ids[0], &digests[0]), sign(&app, &second, ids[1], &digests[1]));
        let codes = [signed.0.err().map(|p| p.code), signed.1.err().map(|p| p.code)];
        assert!(
            matches!(codes, [None, Some("areas.changed")] | [Some("areas.changed"), None]),
            "{division}: {codes:?}"
        );
        let acting = usize::from(codes[0].is_some());
        // Nor is one signed over a list that is taken back in that instant.
        let next = vec![listed(&format!("{division}03"))];
        let next = proposed(&app, division, Some(ids[acting]), next).await;
        let next = next.unwrap_or_else(|p| panic!("{}", p.code));
        job::count(&app).await.unwrap_or_else(|p| panic!("{}", p.code));
        let of_next = digest(&app, next).await;
        let done =
            tokio::join!(withdraw(&app, &second, ids[acting], "wrong"), sign(&app, &first, next, &of_next));
        let codes = [done.0.err().map(|p| p.code), done.1.err().map(|p| p.code)];
        if codes == [None, None] {
            // Not in that instant: it was taken back by somebody who saw the next one signed.
            acts_alone(&app, next, ids[acting]).await;
        } else {
            assert!(codes.contains(&None) && codes.contains(&Some("areas.changed")), "{division}: {codes:?}");
        }
    }
    let old = acts(&app, "3307", None, vec![listed("330701")]).await;
    let next = proposed(&app, "3307", Some(old), vec![listed("330702")]).await;
    let next = next.unwrap_or_else(|p| panic!("{}", p.code));
    job::count(&app).await.unwrap_or_else(|p| panic!("{}", p.code));
    let of_next = digest(&app, next).await;
    sign(&app, &signer(), next, &of_next).await.unwrap_or_else(|p| panic!("{}", p.code));
    withdraw(&app, &signer(), old, "wrong").await.unwrap_or_else(|p| panic!("{}", p.code));
    acts_alone(&app, next, old).await;
}

/// Some seconds later the one acts and the other, which it takes the place of, does not.
async fn acts_alone(app: &Shared, next: [u8; 16], old: [u8; 16]) {
    app.clock.pass_time(6);
    assert_eq!([state_of(app, next).await, state_of(app, old).await], [State::InForce, State::Withdrawn]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_read_before_they_are_looked_at_is_counted_all_the_same() {
    let (app, _dir) = service("read").await;
    acts(&app, "3301", None, vec![listed("330109"), listed("330105")]).await;
    let count = all(&app).await.unwrap().remove(0).count.unwrap();
    assert!(count.changed() > 20, "{count:?}");
    // Everybody reads their code in the seconds before anybody looked through.
    let turn = app.packs.set().areas_since(app.clock.now()).unwrap();
    for (id, _) in store::decided(&app.db).await.unwrap() {
        assert!(crate::decide::current(&app, id).await.is_ok_and(|found| found.is_some()));
    }
    // A read hands its decision to the writer and does not wait.
    let mut decided = 0;
    for _ in 0..100 {
        let people = store::decided(&app.db).await.unwrap();
        decided = people.iter().filter(|(_, at)| *at >= turn).count() as i64;
        if decided == count.touched {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(decided, count.touched, "everybody whom it touches was read");
    assert_eq!(walk(&app).await, [16, PEOPLE as i64, count.touched, count.changed()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_under_an_older_list_than_acted_is_found_out_by_whoever_reads_it() {
    let (app, _dir) = service("late").await;
    let before = app.clock.now();
    acts(&app, "3301", None, vec![listed("330109")]).await;
    let turn = app.clock.now();
    let say = |part, decided_at, under| {
        app.packs.areas_say(app.packs.walked(part), decided_at, under, app.clock.now())
    };
    assert_eq!(say(3, before, None), AreasSay::IfUntouched(Instant::MIN), "nobody looked yet");
    assert_eq!(say(3, turn, Some(turn)), AreasSay::Stands);
    let late = AreasSay::IfUntouched(Instant::MIN);
    assert_eq!(say(3, turn, None), late, "of a node that had not heard of it");
    walk(&app).await;
    assert_eq!(say(3, before, None), AreasSay::Stands);
    assert_eq!(say(3, turn, None), late, "whoever looked through the part did not look at that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_whose_row_is_not_what_was_signed_acts_nowhere_and_the_node_says_so() {
    let (app, _dir) = service("forged").await;
    let id = acts(&app, "3301", None, vec![listed("330109")]).await;
    let other =
        proposed(&app, "3302", None, vec![listed("330203")]).await.unwrap_or_else(|p| panic!("{}", p.code));
    store::forget(&app.db, other).await.unwrap();
    let next =
        proposed(&app, "3303", None, vec![listed("330302")]).await.unwrap_or_else(|p| panic!("{}", p.code));
    super::sync(&app).await.unwrap();
    job::count(&app).await.unwrap_or_else(|p| panic!("{}", p.code));
    super::sync(&app).await.unwrap();
    assert_eq!(app.packs.failed(), None, "a proposal that cannot be read binds nobody");
    let is_counted = |id| app.packs.area_versions().iter().find(|v| v.id == id).unwrap().count.is_some();
    assert_eq!((is_counted(other), is_counted(next)), (false, true), "nor does it keep others waiting");
    // A node that begins now reads what is stored.
    app.packs.put_listings(Vec::new(), std::collections::BTreeMap::new(), Vec::new());
    store::forget(&app.db, id).await.unwrap();
    super::sync(&app).await.unwrap();
    assert!(app.packs.failed().is_some());
    assert_eq!(app.packs.set().areas_since(app.clock.now()), None);
}

#[test]
fn a_file_of_an_office_is_read_by_its_headers_whatever_their_order_and_language() {
    let set = crate::packs::load(None).unwrap();
    for text in [
        "区划代码,名称,风险等级,起始日期,结束日期,来源\n330106,西湖区,高风险,2026年3月1日,2026-03-15,通告\n",
        "通报\nSource\tuntil\tfrom\tlevel\tcode\n通告\t2026/3/15\t2026/3/1\thigh\t330106\n",
        "list;code;since;to;来源\nhigh;330106;20260301;46096;通告\n",
    ] {
        let entries = check(&of_file(text.as_bytes()).unwrap_or_else(|p| panic!("{}", p.code)), "3301", &set);
        let entries = entries.unwrap_or_else(|p| panic!("{:?}", p.fields));
        let until = Some(Day::parse("2026-03-15").unwrap());
        assert_eq!(entries, [Entry { until, source: Some("通告".into()), ..listed("330106") }], "{text}");
    }
    let (gb, _, _) = encoding_rs::GB18030.encode("区划代码,风险等级,起始日期\n330106,高,2026-03-01\n");
    assert_eq!(of_file(&gb).unwrap_or_else(|p| panic!("{}", p.code)).len(), 1);
}

#[test]
fn each_entry_that_is_wrong_is_told_with_its_line() {
    let set = crate::packs::load(None).unwrap();
    let street = divisions().children(Some("330106")).next().unwrap().code;
    let raw = |list: &str, code: &str, from: &str, until: &str| Raw {
        at: "line 2".into(),
        list: list.into(),
        code: code.into(),
        from: from.into(),
        until: until.into(),
        source: String::new(),
    };
    for (entry, expected) in [
        (raw("high", "330106", "2026-03-01", ""), None),
        (raw("high", &format!("{street}999"), "2026-03-01", ""), None),
        (raw("key", "33", "2026-03-01", ""), Some("areas.elsewhere")),
        (raw("none", "330106", "2026-03-01", ""), Some("areas.level")),
        (raw("", "330106", "2026-03-01", ""), Some("areas.level")),
        (raw("high", "33010", "2026-03-01", ""), Some("areas.code")),
        (raw("high", "330106999999", "2026-03-01", ""), Some("areas.code")),
        (raw("high", "西湖区", "2026-03-01", ""), Some("areas.code")),
        (raw("high", "330106", "", ""), Some("areas.day")),
        (raw("high", "330106", "2026-02-30", ""), Some("areas.day")),
        (raw("high", "330106", "2026-03-01", "2026-03-01"), Some("areas.window")),
    ] {
        let code = check(&[entry], "3301", &set).err().map(|p| p.fields[0].code);
        assert_eq!(code, expected);
    }
    let many: Vec<Raw> = (0..300).map(|_| raw("none", "x", "y", "z")).collect();
    assert!(check(&many, "3301", &set).unwrap_err().fields.len() < 110, "not endlessly");
}
