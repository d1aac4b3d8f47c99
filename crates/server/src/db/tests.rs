use kangma_core::time::Instant;

use super::sqlite::rewrite;
use super::{Affects, Db, DbConfig, DbError, Place, Point, Rows, Stmt, Unit, Value};

static PUT: Stmt = Stmt { name: "test.put", sql: "INSERT INTO setting (name, value) VALUES ($1, $2)" };
static SET: Stmt = Stmt { name: "test.set", sql: "UPDATE setting SET value = $2 WHERE name = $1" };
static GET: Stmt = Stmt { name: "test.get", sql: "SELECT value FROM setting WHERE name = $1" };
static COUNT: Stmt = Stmt { name: "test.count", sql: "SELECT COUNT(*) FROM setting" };

/// A database of its own: on PostgreSQL, where a server is given, else a file.
struct Temp(DbConfig, std::path::PathBuf);

impl Temp {
    /// On the engine that this run is for.
    fn new() -> Temp {
        match std::env::var("KANGMA_TEST_ENGINE").as_deref() {
            Ok("postgres") => Temp::server(),
            _ => Temp::file(),
        }
    }

    /// On PostgreSQL, for what only a server can meet.
    fn server() -> Temp {
        let dir = Temp::file().1.clone();
        let url = std::env::var("KANGMA_TEST_POSTGRES_URL")
            .expect("a PostgreSQL to test on: KANGMA_TEST_POSTGRES_URL=$(tools/postgres.sh start DIR)");
        let schema = dir.file_name().unwrap().to_str().unwrap().replace('-', "_");
        let url = format!("{url}?application_name={schema}&options=-csearch_path%3D{schema}");
        Temp(DbConfig::at(Place::Server { url, schema: None }), dir)
    }

    /// On SQLite, for what only a file can meet.
    fn file() -> Temp {
        use std::hash::{BuildHasher as _, Hasher as _};
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        // The schema of this name stays on a server, and another process gets this number again some day.
        let chance = std::collections::hash_map::RandomState::new().build_hasher().finish();
        let name = format!("kangma-db-{}-{n}-{chance:016x}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        Temp(DbConfig::in_dir(&dir), dir)
    }

    fn path(&self) -> std::path::PathBuf {
        self.1.join("kangma.db")
    }

    async fn open(&self) -> Db {
        Db::open(&self.0, Instant(0)).await.unwrap()
    }

    async fn refusal(&self) -> String {
        Db::open(&self.0, Instant(0)).await.unwrap_err().to_string()
    }

    /// Runs SQL behind the database's back.
    async fn meddle(&self, sql: &str) {
        match &self.0.place {
            Place::File(path) => rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap(),
            Place::Server { url, .. } => {
                let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                client.batch_execute(sql).await.unwrap();
            }
        }
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.1).ok();
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
    assert_eq!(rewrite(stmt.name, stmt.sql), "/* a.b */ SELECT ?2, ?1, '$1' FROM t WHERE x = ?10");
}

#[tokio::test]
async fn the_database_tells_how_far_its_clock_is_from_ours() {
    let server = Temp::server();
    let db = server.open().await;
    let clock = crate::app::Clock::system(0);
    let ahead = async |by_ms: i64| db.clock_ahead_ms(|| clock.wall_ms() + by_ms).await.unwrap().unwrap();
    assert!(ahead(0).await.abs() < 1_000, "one machine, one clock");
    assert!((ahead(-10_000).await - 10_000).abs() < 1_000, "ours is ten seconds behind");
    let of = Db::clock_of(&server.0, || clock.wall_ms() + 7_000).await.unwrap().unwrap();
    assert!((of + 7_000).abs() < 1_000, "{of}");
    clock.note_skew(ahead(-10_000).await);
    assert!(!clock.agrees(), "ten seconds are beyond the limit");
    db.close().await;
    assert_eq!(Temp::file().open().await.clock_ahead_ms(|| 0).await, Ok(None), "a file has no clock");
}

#[tokio::test]
async fn a_unit_takes_effect_whole_or_not_at_all() {
    let temp = Temp::new();
    let db = temp.open().await;
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
    let db = temp.open().await;
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
    let db = Db::open(&config, Instant(0)).await.unwrap();
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
    let temp = Temp::file();
    temp.open().await.close().await;
    let mut small = temp.0.clone();
    let file = rusqlite::Connection::open(temp.path()).unwrap();
    let pages: u32 = file.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    drop(file);
    small.pages_max = Some(pages + 20);
    let db = Db::open(&small, Instant(0)).await.unwrap();
    let mut stored: Vec<String> = Vec::new();
    let full = loop {
        let name = format!("{:0>3000}", stored.len());
        match db.commit(put(&name, 1)).await {
            Ok(()) => stored.push(name),
            Err(e) => break e,
        }
        assert!(stored.len() < 1_000, "20 pages cannot hold this");
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
async fn the_log_is_moved_beside_the_writer_and_begins_anew_also_after_somebody_read_long() {
    let temp = Temp::file();
    let mut config = temp.0.clone();
    config.log_pages = 50;
    let db = Db::open(&config, Instant(0)).await.unwrap();
    let mut units = 0;
    let other = rusqlite::Connection::open(temp.path()).unwrap();
    // Pages in the log now; to ask moves nothing.
    let log = || other.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get::<_, i64>(1)).unwrap();
    let mut fill = async |until: &dyn Fn(i64) -> bool| {
        for _ in 0..2_000 {
            db.commit(put(&format!("{units:0>3000}"), units)).await.unwrap();
            units += 1;
            if until(log()) {
                return units;
            }
        }
        panic!("2,000 units on, the log has {} pages", log());
    };
    fill(&|pages| pages > 50).await;
    fill(&|pages| pages < 50).await;
    let reading = rusqlite::Connection::open(temp.path()).unwrap();
    reading.execute_batch("BEGIN; SELECT COUNT(*) FROM setting;").unwrap();
    fill(&|pages| pages > 400).await;
    reading.execute_batch("COMMIT").unwrap();
    let units = fill(&|pages| pages < 50).await;
    let count = db.one(&COUNT, &[]).await.unwrap().unwrap().int(0).unwrap();
    assert_eq!(count, units);
    db.close().await;
}

/// Files of before have larger pages, which they keep, and their log is moved as early in bytes.
#[tokio::test]
async fn a_file_of_larger_pages_keeps_them_and_has_no_longer_log() {
    let temp = Temp::file();
    std::fs::create_dir_all(&temp.1).unwrap();
    let file = rusqlite::Connection::open(temp.path()).unwrap();
    file.execute_batch("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; VACUUM").unwrap();
    let mut config = temp.0.clone();
    config.log_pages = 1_000;
    let db = Db::open(&config, Instant(0)).await.unwrap();
    let asked = |sql, column| file.query_row(sql, [], |row| row.get::<_, i64>(column)).unwrap();
    assert_eq!(asked("PRAGMA page_size", 0), 4_096);
    let mut longest = 0;
    for units in 0..3_000 {
        db.commit(put(&format!("{units:0>3000}"), units)).await.unwrap();
        let log = asked("PRAGMA wal_checkpoint(NOOP)", 1);
        if log < longest / 2 {
            break;
        }
        longest = log;
        assert!(longest < 1_000, "as many pages as of new files, each twice as large");
    }
    assert!(longest > 400, "it began anew at {longest} pages");
    db.close().await;
}

#[tokio::test]
async fn an_unknown_schema_and_an_edited_migration_are_refused() {
    let temp = Temp::new();
    temp.open().await.close().await;
    temp.meddle("UPDATE schema_migration SET hash = (SELECT hash FROM schema_migration WHERE number = 1) WHERE number = 2")
        .await;
    assert!(temp.refusal().await.contains("db.schema_changed"));
    temp.meddle("UPDATE schema_migration SET number = 777 WHERE number = 2").await;
    let newer = temp.refusal().await;
    assert!(newer.contains("db.schema_newer") && newer.contains("777"), "{newer}");
    assert!(Db::check(&temp.0).await.is_err());
    let foreign = Temp::new();
    if let Place::Server { url, .. } = &foreign.0.place {
        let schema = url.rsplit("%3D").next().unwrap();
        foreign.meddle(&format!("CREATE SCHEMA {schema}; CREATE TABLE other (x BIGINT)")).await;
    } else {
        std::fs::create_dir_all(&foreign.1).unwrap();
        foreign.meddle("CREATE TABLE other (x)").await;
    }
    assert!(foreign.refusal().await.contains("db.foreign"));
}

#[tokio::test]
async fn a_migration_that_was_cut_short_is_done_at_the_next_start() {
    let temp = Temp::file();
    std::fs::create_dir_all(&temp.1).unwrap();
    // As kill -9 leaves it: the ledger is there, the migration's transaction is not.
    temp.meddle(
        "CREATE TABLE schema_migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL, applied_at BIGINT NOT NULL);
         BEGIN; CREATE TABLE setting (x);",
    )
    .await;
    let db = temp.open().await;
    db.commit(put("a", 1)).await.unwrap();
    assert_eq!(get(&db, "a").await, Some(1));
    db.close().await;
}

#[tokio::test]
async fn a_second_process_is_kept_away_from_a_file() {
    let temp = Temp::file();
    let db = temp.open().await;
    assert!(temp.refusal().await.contains("db.locked"));
    db.close().await;
    temp.open().await.close().await;
}

#[tokio::test]
async fn two_starts_at_once_on_one_server_migrate_it_once() {
    let temp = Temp::server();
    let (a, b) = tokio::join!(temp.open(), temp.open());
    a.commit(put("a", 1)).await.unwrap();
    assert_eq!(get(&b, "a").await, Some(1));
    a.close().await;
    b.close().await;
}

static POINT: Point = Point {
    name: "test.point",
    columns: "account_id, phone",
    table: "account",
    key: "account_id",
    filter: "",
};

fn account(n: u64) -> Vec<Value> {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    vec![
        id.into(),
        Value::Null,
        n.to_be_bytes().as_slice().into(),
        Value::Null,
        0_i64.into(),
        0_i64.into(),
        1_i64.into(),
        0_i64.into(),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_each_get_the_row_of_their_own_key() {
    let temp = Temp::new();
    let db = temp.open().await;
    let columns = "account_id, person_id, phone, claim, claim_state, claim_at, version, created_at";
    let rows = Rows { table: "account", columns, rows: (0..1_000).map(account).collect() };
    db.bulk(vec![rows]).await.unwrap();
    let tasks: Vec<_> = (0..3_000_u64)
        .map(|i| {
            let db = db.clone();
            // Some twice, some that are not there.
            let n = i % 1_500;
            tokio::spawn(async move {
                let Value::Bytes(key) = account(n).swap_remove(0) else { unreachable!() };
                (n, db.point(&POINT, key.try_into().unwrap()).await.unwrap())
            })
        })
        .collect();
    for task in tasks {
        let (n, row) = task.await.unwrap();
        match row {
            Some(row) => assert_eq!(row.bytes(1).unwrap(), n.to_be_bytes()),
            None => assert!(n >= 1_000, "row {n} is there"),
        }
    }
    let twice = Rows { table: "account", columns, rows: vec![account(5_000), account(1)] };
    assert_eq!(db.bulk(vec![twice]).await, Err(DbError::Conflict), "all or nothing");
    let Value::Bytes(key) = account(5_000).swap_remove(0) else { unreachable!() };
    assert!(db.point(&POINT, key.try_into().unwrap()).await.unwrap().is_none());
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_on_one_node_is_noted_on_the_other_within_two_seconds() {
    let temp = Temp::server();
    let (here, there) = (temp.open().await, temp.open().await);
    let person = kangma_core::id::PersonId([7; 16]);
    while !there.changes().are_current() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let mut mine_at_first = None;
    for i in 0..5 {
        let (mine, theirs) = (here.changes().count(person), there.changes().count(person));
        mine_at_first.get_or_insert(mine);
        here.commit(put(&format!("{i}"), i).touching(person)).await.unwrap();
        assert_ne!(here.changes().count(person), mine, "at once where it was committed");
        let began = std::time::Instant::now();
        while there.changes().count(person) == theirs {
            assert!(began.elapsed() < std::time::Duration::from_secs(2), "the other node was not told");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let noted = here.changes().count(person) - mine_at_first.unwrap();
    assert_eq!(noted, 5, "the feed does not tell a node of its own commits");
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_breaks_every_connection_is_met_again_without_a_restart() {
    let temp = Temp::server();
    let db = temp.open().await;
    db.commit(put("before", 1)).await.unwrap();
    temp.meddle(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()",
    )
    .await;
    let began = std::time::Instant::now();
    let mut n = 0;
    while let Err(e) = db.commit(put(&format!("after {n}"), 1)).await {
        assert_eq!(e, DbError::Away, "it is said to be away, nothing else");
        assert!(began.elapsed() < std::time::Duration::from_secs(10));
        n += 1;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    while db.is_away() {
        assert!(began.elapsed() < std::time::Duration::from_secs(10));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(get(&db, "before").await, Some(1));
    db.close().await;
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_nullability() {
    for keys in [false, true] {
        let (file, server) = (Temp::file(), Temp::server());
        for temp in [&file, &server] {
            if keys { Db::open_keys(&temp.0, Instant(0)).await } else { Db::open(&temp.0, Instant(0)).await }
                .unwrap()
                .close()
                .await;
        }
        let sqlite: Vec<String> = rusqlite::Connection::open(file.path())
            .unwrap()
            .prepare(
                "SELECT m.name || '.' || c.name || CASE WHEN c.\"notnull\" OR c.pk THEN ' not null' ELSE '' END \
                 FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY 1",
            )
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let Place::Server { url, .. } = &server.0.place else { unreachable!() };
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let mut postgres: Vec<String> = client
            .query(
                "SELECT (table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END)::text \
                 FROM information_schema.columns WHERE table_schema = current_schema()",
                &[],
            )
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        postgres.sort();
        assert_eq!(sqlite, postgres);
        assert!(sqlite.len() > 5);
    }
}

#[tokio::test]
async fn values_come_back_with_their_types() {
    let temp = Temp::new();
    let db = temp.open().await;
    static ALL: Stmt = Stmt {
        name: "test.types",
        sql: "SELECT version, phone, $3, claim FROM account WHERE version = $1 AND phone = $2",
    };
    static ADD: Stmt = Stmt {
        name: "test.add",
        sql: "INSERT INTO account (account_id, phone, claim_state, claim_at, version, created_at) VALUES ($1, $2, 0, 0, $3, 0)",
    };
    let unit = Unit::new("test.add");
    let id: Value = [1_u8; 16].into();
    let unit = unit.expect(Affects::One, &ADD, vec![id, vec![1_u8, 2].into(), 7_i64.into()]);
    db.commit(unit).await.unwrap();
    let params: Vec<Value> = vec![7_i64.into(), vec![1_u8, 2].into(), "词".into()];
    let row = db.one(&ALL, &params).await.unwrap().unwrap();
    assert_eq!(
        (row.int(0).unwrap(), row.bytes(1).unwrap(), row.text(2).unwrap(), row.opt_int(3).unwrap()),
        (7, &[1, 2][..], "词", None)
    );
    assert!(row.int(1).is_err() && row.bytes(0).is_err() && row.int(3).is_err());
    db.close().await;
}

/// Speaks TLS before a server that does not: answers the request for TLS, then passes bytes on.
async fn tls_front(to: String, certificate: &rcgen::CertifiedKey<rcgen::KeyPair>) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut plain, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                let mut asked = [0; 8];
                plain.read_exact(&mut asked).await.unwrap();
                assert_eq!(asked, [0, 0, 0, 8, 4, 210, 22, 47], "the first message asks for TLS");
                plain.write_all(b"S").await.unwrap();
                // A client that does not trust us hangs up here.
                let Ok(mut tls) = acceptor.accept(plain).await else { return };
                let mut server = tokio::net::TcpStream::connect(to).await.unwrap();
                tokio::io::copy_bidirectional(&mut tls, &mut server).await.ok();
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_spoken_to_only_under_a_certificate_that_is_trusted_for_its_name() {
    let temp = Temp::server();
    let Place::Server { url, .. } = &temp.0.place else { unreachable!() };
    let (user, rest) = url.split_once('@').unwrap();
    let (host, rest) = rest.split_once('/').unwrap();
    let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let port = tls_front(host.to_owned(), &certificate).await;
    std::fs::create_dir_all(&temp.1).unwrap();
    let root = temp.1.join("root.pem");
    std::fs::write(&root, certificate.cert.pem()).unwrap();
    let root = root.display();
    let open = async |name: &str, ending: &str| {
        let url = format!("{user}@{name}:{port}/{rest}{ending}");
        Db::open(&DbConfig::at(Place::Server { url, schema: None }), Instant(0)).await
    };
    let trusted = format!("&sslmode=verify-full&sslrootcert={root}");
    let db = open("localhost", &trusted).await.unwrap();
    db.commit(put("a", 1)).await.unwrap();
    assert_eq!(get(&db, "a").await, Some(1));
    db.close().await;
    let stranger = open("localhost", "&sslmode=require").await.unwrap_err().to_string();
    assert!(stranger.contains("TLS") && stranger.contains("sslrootcert=FILE"), "{stranger}");
    let other_name = open("127.0.0.1", &trusted).await.unwrap_err().to_string();
    assert!(other_name.contains("TLS"), "{other_name}");
    let missing = open("localhost", "&sslrootcert=/nowhere.pem").await.unwrap_err().to_string();
    assert!(missing.contains("/nowhere.pem"), "{missing}");
}

#[tokio::test(start_paused = true)]
async fn nothing_counts_as_caught_up_before_the_feed_was_read_after_it_was_asked() {
    use std::time::Duration;
    let alone = super::Changes::new(true);
    alone.caught_up().await.unwrap();
    let changes = super::Changes::new(false);
    changes.fed(changes.tick_ms());
    std::thread::sleep(Duration::from_millis(3));
    let asked = changes.caught_up();
    tokio::pin!(asked);
    let pause = || tokio::time::sleep(Duration::from_millis(100));
    tokio::select! {
        _ = &mut asked => panic!("the last look was before"),
        () = pause() => {}
    }
    std::thread::sleep(Duration::from_millis(3));
    changes.fed(changes.tick_ms());
    asked.await.unwrap();
    std::thread::sleep(Duration::from_millis(3));
    assert_eq!(changes.caught_up().await, Err(DbError::Away), "without a feed it ends");
}
