use kangma_core::time::Instant;

use super::sqlite::rewrite;
use super::{Affects, Db, DbConfig, DbError, Stmt, Unit, Value};

static PUT: Stmt = Stmt { name: "test.put", sql: "INSERT INTO setting (name, value) VALUES ($1, $2)" };
static SET: Stmt = Stmt { name: "test.set", sql: "UPDATE setting SET value = $2 WHERE name = $1" };
static GET: Stmt = Stmt { name: "test.get", sql: "SELECT value FROM setting WHERE name = $1" };
static COUNT: Stmt = Stmt { name: "test.count", sql: "SELECT COUNT(*) FROM setting" };

struct Temp(DbConfig);

impl Temp {
    fn new() -> Temp {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Temp(DbConfig::in_dir(&std::env::temp_dir().join(format!("kangma-db-{}-{n}", std::process::id()))))
    }

    fn open(&self) -> Db {
        Db::open(&self.0, Instant(0)).unwrap()
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        std::fs::remove_dir_all(self.0.path.parent().unwrap()).ok();
    }
}

fn put(name: &str, value: i64) -> Unit {
    Unit::new("test.put").expect(Affects::One, &PUT, vec![name.into(), value.into()])
}

async fn get(db: &Db, name: &str) -> Option<i64> {
    db.one(&GET, &[name.into()]).await.unwrap().map(|row| row.int(0).unwrap())
}

#[test]
fn parameters_mean_what_they_say_and_statements_carry_their_name() {
    let stmt = Stmt { name: "a.b", sql: "SELECT $2, $1, '$1' FROM t WHERE x = $10" };
    assert_eq!(rewrite(&stmt), "/* a.b */ SELECT ?2, ?1, '$1' FROM t WHERE x = ?10");
}

#[tokio::test]
async fn a_unit_takes_effect_whole_or_not_at_all() {
    let temp = Temp::new();
    let db = temp.open();
    db.commit(put("a", 1)).await.unwrap();
    let both = put("b", 2).expect(Affects::One, &SET, vec!["missing".into(), 0_i64.into()]);
    assert_eq!(db.commit(both).await, Err(DbError::Conflict), "a guard that affects no row");
    assert_eq!(get(&db, "b").await, None);
    let taken = put("c", 3).expect(Affects::One, &PUT, vec!["a".into(), 9_i64.into()]);
    assert_eq!(db.commit(taken).await, Err(DbError::Conflict), "a key that is taken");
    assert_eq!((get(&db, "c").await, get(&db, "a").await), (None, Some(1)));
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_in_a_group_leaves_the_others_alone() {
    let temp = Temp::new();
    let db = temp.open();
    db.commit(put("taken", 0)).await.unwrap();
    let mut tasks = Vec::new();
    for i in 0..400 {
        let db = db.clone();
        // Every fourth unit writes a row of its own and then fails.
        let unit = put(&format!("row {i}"), i);
        let unit = if i % 4 == 0 {
            unit.expect(Affects::One, &PUT, vec!["taken".into(), 1_i64.into()])
        } else {
            unit
        };
        tasks.push(tokio::spawn(async move { (i, db.commit(unit).await) }));
    }
    for task in tasks {
        let (i, result) = task.await.unwrap();
        assert_eq!(result, if i % 4 == 0 { Err(DbError::Conflict) } else { Ok(()) });
        assert_eq!(get(&db, &format!("row {i}")).await.is_some(), i % 4 != 0);
    }
    db.close().await;
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_closed_database_is_gone() {
    let temp = Temp::new();
    let mut config = temp.0.clone();
    config.queue_max = 1;
    let db = Db::open(&config, Instant(0)).unwrap();
    let waiting: Vec<_> = (0..200)
        .map(|i| {
            let db = db.clone();
            async move { db.commit(put(&format!("{i}"), i)).await }
        })
        .collect();
    let mut busy = 0;
    let mut stored = 0;
    let tasks: Vec<_> = waiting.into_iter().map(tokio::spawn).collect();
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => stored += 1,
            Err(DbError::Busy) => busy += 1,
            Err(e) => panic!("{e}"),
        }
    }
    assert!(busy > 0, "a queue of one cannot hold 200");
    assert_eq!(
        db.one(&COUNT, &[]).await.unwrap().unwrap().int(0).unwrap(),
        stored,
        "what was acknowledged, and nothing else"
    );
    db.clone().close().await;
    assert_eq!(db.commit(put("late", 0)).await, Err(DbError::Gone));
}

#[tokio::test]
async fn a_full_disk_is_said_and_writing_goes_on_once_there_is_room() {
    let temp = Temp::new();
    temp.open().close().await;
    let mut small = temp.0.clone();
    small.pages_max = Some(60);
    let db = Db::open(&small, Instant(0)).unwrap();
    let mut stored: Vec<String> = Vec::new();
    let full = loop {
        let name = format!("{:0>3000}", stored.len());
        match db.commit(put(&name, 1)).await {
            Ok(()) => stored.push(name),
            Err(e) => break e,
        }
        assert!(stored.len() < 1_000, "60 pages cannot hold this");
    };
    assert_eq!(full, DbError::Full);
    assert_eq!(get(&db, &stored[0]).await, Some(1), "reading goes on");
    static DELETE: Stmt = Stmt { name: "test.delete", sql: "DELETE FROM setting WHERE name = $1" };
    for name in &stored[..5] {
        let unit = Unit::new("test.delete").expect(Affects::One, &DELETE, vec![name.as_str().into()]);
        db.commit(unit).await.unwrap();
    }
    db.commit(put(&format!("{:0>3000}", "again"), 1)).await.unwrap();
    db.close().await;
}

#[tokio::test]
async fn an_unknown_schema_and_an_edited_migration_are_refused() {
    let temp = Temp::new();
    temp.open().close().await;
    let sql = |text: &str| rusqlite::Connection::open(&temp.0.path).unwrap().execute_batch(text).unwrap();
    sql("UPDATE schema_migration SET hash = x'00'");
    assert!(Db::open(&temp.0, Instant(0)).unwrap_err().to_string().contains("db.schema_changed"));
    sql("DELETE FROM schema_migration; INSERT INTO schema_migration VALUES (7, 'later', x'00', 0)");
    let newer = Db::open(&temp.0, Instant(0)).unwrap_err().to_string();
    assert!(newer.contains("db.schema_newer") && newer.contains('7'), "{newer}");
    assert!(Db::check(&temp.0).is_err());
    let foreign = Temp::new();
    std::fs::create_dir_all(foreign.0.path.parent().unwrap()).unwrap();
    rusqlite::Connection::open(&foreign.0.path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    assert!(Db::open(&foreign.0, Instant(0)).unwrap_err().to_string().contains("db.foreign"));
}

#[tokio::test]
async fn a_migration_that_was_cut_short_is_done_at_the_next_start() {
    let temp = Temp::new();
    std::fs::create_dir_all(temp.0.path.parent().unwrap()).unwrap();
    // As kill -9 leaves it: the ledger is there, the migration's transaction is not.
    let half = rusqlite::Connection::open(&temp.0.path).unwrap();
    half.execute_batch(
        "CREATE TABLE schema_migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL, applied_at BIGINT NOT NULL);
         BEGIN; CREATE TABLE setting (x);",
    )
    .unwrap();
    drop(half);
    let db = temp.open();
    db.commit(put("a", 1)).await.unwrap();
    assert_eq!(get(&db, "a").await, Some(1));
    db.close().await;
}

#[tokio::test]
async fn a_second_process_is_kept_away() {
    let temp = Temp::new();
    let db = temp.open();
    assert!(Db::open(&temp.0, Instant(0)).unwrap_err().to_string().contains("db.locked"));
    db.close().await;
    temp.open().close().await;
}

#[tokio::test]
async fn values_come_back_with_their_types() {
    let temp = Temp::new();
    let db = temp.open();
    static ALL: Stmt = Stmt { name: "test.types", sql: "SELECT $1, $2, $3, $4" };
    let params: Vec<Value> = vec![7_i64.into(), vec![1_u8, 2].into(), "词".into(), Value::Null];
    let row = db.one(&ALL, &params).await.unwrap().unwrap();
    assert_eq!(
        (row.int(0).unwrap(), row.bytes(1).unwrap(), row.text(2).unwrap(), row.opt_int(3).unwrap()),
        (7, &[1, 2][..], "词", None)
    );
    assert!(row.int(1).is_err() && row.bytes(0).is_err() && row.int(3).is_err());
    db.close().await;
}
