//! The sliding window, and alarms that count up.

use kangma_core::time::Instant;

use super::{Kind, Pace, answer, list, raise};
use crate::app::{Rng, Shared};
use crate::testing::{Dir, open};

async fn service(name: &str) -> (Shared, Dir) {
    let dir = Dir::new(name);
    (open(&dir, Rng::seeded(11), Some(Instant(1_655_000_000)), |_| ()).await, dir)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_slides_and_all_that_come_at_once_are_counted() {
    let (app, _dir) = service("pace").await;
    let pace = Pace { what: "test", span_s: 3_600, most: 5 };
    let mut at_once = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let app = app.clone();
        at_once.spawn(async move { pace.take(&app, b"somebody").await.unwrap() });
    }
    let taken = at_once.join_all().await.into_iter().filter(|taken| *taken).count();
    assert_eq!(taken, 5);
    assert!(pace.take(&app, b"somebody else").await.unwrap());
    assert!(!pace.has_room(&app, b"somebody").await.unwrap());
    app.clock.pass_time(3_599);
    assert!(!pace.take(&app, b"somebody").await.unwrap());
    app.clock.pass_time(1);
    assert!(pace.take(&app, b"somebody").await.unwrap());
    assert!(pace.has_room(&app, b"somebody").await.unwrap());
}

#[tokio::test]
async fn what_goes_on_is_counted_together_until_midnight_of_the_place() {
    let (app, _dir) = service("alarm_day").await;
    let at = async |time: &str| {
        app.clock.pass_time(Instant::parse(time).unwrap().0 - app.clock.now().0);
        raise(&app, Kind::Guessing, "somebody", "3301").await.unwrap();
        let all = list(&app, &["33"], true, 10).await.unwrap();
        all.iter().map(|alarm| alarm.times).collect::<Vec<_>>()
    };
    assert_eq!(at("2022-06-13T07:59:00+08:00").await, [1]);
    assert_eq!(at("2022-06-13T08:01:00+08:00").await, [2], "a day begins no second time");
    assert_eq!(at("2022-06-13T23:59:59+08:00").await, [3]);
    assert_eq!(at("2022-06-14T00:00:00+08:00").await, [1, 3]);
}

#[tokio::test]
async fn an_alarm_that_goes_on_is_open_again_and_is_seen_only_from_its_divisions() {
    let (app, _dir) = service("alarm").await;
    raise(&app, Kind::BulkStopped, "somebody", "3301").await.unwrap();
    raise(&app, Kind::BulkStopped, "somebody", "3301").await.unwrap();
    raise(&app, Kind::Guessing, "somebody", "3301").await.unwrap();
    let all = list(&app, &["33"], true, 10).await.unwrap();
    assert_eq!(all.len(), 2);
    let bulk = all.iter().find(|a| a.kind == Kind::BulkStopped).unwrap();
    assert_eq!((bulk.times, bulk.seen), (2, 0));
    assert!(list(&app, &["3302", "34"], true, 10).await.unwrap().is_empty());
    let foreign = answer(&app, bulk.id, "auditor", |division| division == "3302", "nothing").await;
    assert_eq!(foreign.unwrap_err().code, "not_found");
    answer(&app, bulk.id, "auditor", |_| true, "a list came in twice").await.unwrap();
    assert_eq!(list(&app, &[""], true, 10).await.unwrap().len(), 1);
    let again = answer(&app, bulk.id, "auditor", |_| true, "once more").await;
    assert_eq!(again.unwrap_err().code, "alarm.answered");
    raise(&app, Kind::BulkStopped, "somebody", "3301").await.unwrap();
    let open = list(&app, &["3301"], true, 10).await.unwrap();
    let bulk = open.iter().find(|a| a.kind == Kind::BulkStopped).unwrap();
    assert_eq!((bulk.times, bulk.seen), (3, 2));
    assert_eq!(bulk.answer(&app).as_deref(), Some("a list came in twice"));
}
