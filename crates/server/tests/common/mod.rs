//! A real server on a free port with a data folder of its own, and people who use it.

use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use kangma_core::time::Instant;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A folder that goes away with its owner, and whether its database is on PostgreSQL.
pub struct TempDir(pub PathBuf, bool);

impl TempDir {
    pub fn new() -> TempDir {
        TempDir::on(postgres().is_some())
    }

    /// For several nodes: always on PostgreSQL.
    pub fn shared() -> TempDir {
        TempDir::on(true)
    }

    fn on(server: bool) -> TempDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        not_across_midnight();
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        // The schemas of this name stay on a server, and another process gets this number again some day.
        let chance = std::collections::hash_map::RandomState::new().build_hasher().finish();
        let name = format!("kangma-test-{}-{n}-{chance:016x}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).unwrap();
        TempDir(dir, server)
    }
}

/// A story is told within one civil day of the demo's places, whose days begin at 16:00 UTC, and which are
/// looked through for what has had its days three hours later: one that would begin shortly before such an
/// instant begins after it. A folder is the first thing that a story needs.
fn not_across_midnight() {
    const STORY_S: u64 = 180;
    const HOUR_S: u64 = 3_600;
    const DAY_S: u64 = 24 * HOUR_S;
    #[expect(clippy::disallowed_methods, reason = "the service under test runs on the system's clock")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    for hour in [16, 19] {
        let left_s = (hour * HOUR_S + DAY_S - now.as_secs() % DAY_S) % DAY_S;
        if (1..=STORY_S).contains(&left_s) {
            std::thread::sleep(Duration::from_secs(left_s));
        }
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A running server.
pub struct Server {
    pub child: Child,
    pub base: String,
    pub dir: std::sync::Arc<TempDir>,
    pub log: PathBuf,
}

pub fn kangma() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kangma"));
    for name in
        ["PORT", "DATA_DIR", "KANGMA_DEMO", "KANGMA_PACK", "DATABASE_URL", "KANGMA_KEYS_URL", "KANGMA_MAP"]
    {
        command.env_remove(name);
    }
    // A crowd takes its time to be made; the tests that want one say so.
    command.env("KANGMA_DEMO_PEOPLE", "0");
    command
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// The PostgreSQL server, or Citus coordinator, that this run tells its stories on; without one, SQLite.
pub fn postgres() -> Option<String> {
    let chosen = set("KANGMA_TEST_ENGINE").is_some_and(|engine| engine == "postgres");
    (chosen || set("KANGMA_TEST_CITUS_URL").is_some()).then(server_url)
}

fn server_url() -> String {
    set("KANGMA_TEST_CITUS_URL")
        .or_else(|| set("KANGMA_TEST_POSTGRES_URL"))
        .expect("a PostgreSQL to test on: KANGMA_TEST_POSTGRES_URL=$(tools/postgres.sh start DIR)")
}

/// The environment of a data folder: with PostgreSQL, two schemas of its own.
pub fn environment(dir: &TempDir) -> Vec<(&'static str, String)> {
    let mut env = vec![("DATA_DIR", dir.0.join("data").display().to_string())];
    if dir.1 {
        let url = server_url();
        let schema = dir.0.file_name().unwrap().to_str().unwrap().replace('-', "_");
        let mark = if url.contains('?') { '&' } else { '?' };
        env.push(("DATABASE_URL", format!("{url}{mark}options=-csearch_path%3D{schema}")));
        env.push(("KANGMA_KEYS_URL", format!("{url}{mark}options=-csearch_path%3D{schema}_keys")));
    }
    env
}

/// On Citus the tables are spread before anything is written; elsewhere the first start does it all.
pub fn prepare(dir: &TempDir) {
    if std::env::var("KANGMA_TEST_CITUS_URL").is_ok_and(|url| !url.is_empty()) {
        let spread = kangma().args(["migrate", "--citus"]).envs(environment(dir)).output().unwrap();
        assert!(spread.status.success(), "{}", String::from_utf8_lossy(&spread.stderr));
    }
}

/// A connection to the PostgreSQL database of a data folder, or to its store of keys.
async fn client_of(dir: &TempDir, name: &str) -> Option<tokio_postgres::Client> {
    let url = environment(dir).into_iter().find(|(n, _)| *n == name)?.1;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    Some(client)
}

/// Rows of a PostgreSQL database, as text.
pub async fn rows(dir: &TempDir, sql: &str) -> Vec<Vec<Option<String>>> {
    let client = client_of(dir, "DATABASE_URL").await.expect("a shared folder");
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (0..row.len()).map(|i| row.get(i)).collect()).collect()
}

/// Runs SQL on the database of a data folder, behind the service's back.
pub async fn meddle(dir: &TempDir, sql: &str) {
    match client_of(dir, "DATABASE_URL").await {
        Some(client) => client.batch_execute(sql).await.unwrap(),
        None => rusqlite::Connection::open(dir.0.join("data/kangma.db")).unwrap().execute_batch(sql).unwrap(),
    }
}

/// What a statement counts.
pub async fn count(dir: &TempDir, sql: &str) -> i64 {
    match client_of(dir, "DATABASE_URL").await {
        Some(client) => client.query_one(sql, &[]).await.unwrap().get(0),
        None => {
            let file = rusqlite::Connection::open(dir.0.join("data/kangma.db")).unwrap();
            file.query_row(sql, [], |row| row.get(0)).unwrap()
        }
    }
}

/// Every byte that the service stored: files of the folder, and rows of PostgreSQL.
pub async fn stored(dir: &TempDir) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    collect(&dir.0, &mut all);
    let mut all: Vec<_> =
        all.into_iter().map(|f| (f.display().to_string(), std::fs::read(&f).unwrap())).collect();
    for name in ["DATABASE_URL", "KANGMA_KEYS_URL"] {
        let Some(client) = client_of(dir, name).await else { continue };
        let tables =
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()";
        for table in client.query(tables, &[]).await.unwrap() {
            let table: String = table.get(0);
            let mut bytes = Vec::new();
            for row in client.query(&format!("SELECT * FROM {table}"), &[]).await.unwrap() {
                for i in 0..row.len() {
                    bytes.extend_from_slice(row.get::<_, Option<Raw>>(i).map_or(&[][..], |raw| raw.0));
                }
            }
            all.push((format!("table {table}"), bytes));
        }
    }
    all
}

/// A column's bytes, whatever its type.
struct Raw<'a>(&'a [u8]);

impl<'a> tokio_postgres::types::FromSql<'a> for Raw<'a> {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw))
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }
}

pub fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

impl Server {
    /// A demo on a fresh folder.
    pub fn demo() -> Server {
        Server::start(std::sync::Arc::new(TempDir::new()), &["--demo"])
    }

    /// A service on a folder.
    pub fn start(dir: std::sync::Arc<TempDir>, args: &[&str]) -> Server {
        prepare(&dir);
        let log = dir.0.join("log.jsonl");
        let errors = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut child = kangma()
            .args(["serve", "--port", "0"])
            .args(args)
            .envs(environment(&dir).into_iter().filter(|(name, _)| {
                // A test that brings its own database brings its own keys.
                *name == "DATA_DIR" || !args.contains(&"--database-url")
            }))
            .env("KANGMA_LOG", "debug,tokio_postgres=info,rustls=info")
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut seen = String::new();
        let base = loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap() == 0 {
                panic!("the server ended early: {}", std::fs::read_to_string(&log).unwrap_or_default());
            }
            seen.push_str(&line);
            if let Some(at) = line.find("http://localhost:") {
                let rest = &line[at + "http://localhost:".len()..];
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                break format!("http://127.0.0.1:{port}");
            }
        };
        std::thread::spawn(move || {
            let mut rest = String::new();
            lines.read_to_string(&mut rest).ok();
        });
        Server { child, base, dir, log }
    }

    pub fn data(&self) -> PathBuf {
        self.dir.0.join("data")
    }

    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Ends it as Ctrl-C does, and says whether it ended well.
    pub fn interrupt(&mut self) -> bool {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().success()
    }

    /// What reviewers found can be taken back for ten seconds; then a job brings it into effect,
    /// and where the node that had the job was killed, another takes it over within 15 s.
    pub async fn findings_take_effect(&self) {
        tokio::time::sleep(Duration::from_millis(10_500)).await;
        for _ in 0..120 {
            if count(&self.dir, "SELECT count(*) FROM review WHERE state = 5").await == 0 {
                // What another node did is heard of within two seconds, and this one remembers after it commits.
                tokio::time::sleep(Duration::from_millis(2_500)).await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("a finding is not in effect after 40 s");
    }

    pub async fn advance(&self, days: u32) {
        let answer = Person::nobody(self).post("/demo/advance", json!({ "days": days })).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }

    pub async fn outbox_code(&self, phone: &str) -> String {
        let box_ = Person::nobody(self).get("/demo/outbox").await.body;
        let messages = box_["messages"].as_array().unwrap();
        let mine = messages.iter().find(|m| m["to"].as_str().unwrap().ends_with(phone)).expect("a message");
        mine["code"].as_str().unwrap().to_owned()
    }

    pub async fn log_in(&self, phone: &str) -> Person {
        let nobody = Person::nobody(self);
        let sent = nobody.post("/api/v1/login/codes", json!({ "phone": phone })).await;
        assert_eq!(sent.status, StatusCode::ACCEPTED, "{sent:?}");
        let code = self.outbox_code(phone).await;
        let answer = nobody.post("/api/v1/login", json!({ "phone": phone, "code": code })).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        Person { token: Some(answer.body["token"].as_str().unwrap().to_owned()), ..nobody }
    }

    pub async fn reviewer(&self) -> Person {
        self.officer("reviewer").await
    }

    /// Somebody of the demo's staff.
    pub async fn officer(&self, name: &str) -> Person {
        let nobody = Person::nobody(self);
        let answer = nobody.post("/api/v1/staff/login", json!({ "name": name, "password": "demo" })).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        Person { token: Some(answer.body["token"].as_str().unwrap().to_owned()), ..nobody }
    }

    pub async fn collector(&self) -> Person {
        self.officer("collector").await
    }

    pub async fn scan(&self, pass: &str) -> Value {
        let answer = Person::nobody(self).post("/api/v1/scans", json!({ "pass": pass })).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body
    }
}

/// The text of a server's own metrics listener, which is only in its log.
pub async fn metrics(server: &Server) -> String {
    let log = std::fs::read_to_string(&server.log).unwrap();
    let line = log.lines().find(|l| l.contains(r#""message":"metrics""#)).expect("the log says where");
    let line: Value = serde_json::from_str(line).unwrap();
    let address = line["fields"]["address"].as_str().unwrap();
    client().get(format!("http://{address}/metrics")).send().await.unwrap().text().await.unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// Somebody who calls the server.
#[derive(Clone)]
pub struct Person {
    pub client: reqwest::Client,
    pub base: String,
    pub token: Option<String>,
}

pub fn client() -> reqwest::Client {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    });
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl Person {
    pub fn nobody(server: &Server) -> Person {
        Person { client: client(), base: server.base.clone(), token: None }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).header("accept-language", "en");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn get_in_turn(&self, path: &str) -> Answer {
        self.in_turn(Method::GET, path, None).await
    }

    /// Asks again where a busy machine has no room for it, as soon as the answer says: what was refused so
    /// was not begun.
    pub async fn in_turn(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        for _ in 0..20 {
            let answer = self.send(method.clone(), path, body.as_ref().map(Value::to_string)).await;
            if answer.code() != "service.overloaded" {
                return answer;
            }
            let wait_s = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            tokio::time::sleep(Duration::from_secs(wait_s)).await;
        }
        panic!("no room for {path}");
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    /// The service's time so many days from now: a date written here would pass some day.
    pub async fn in_days(&self, days: i64) -> Instant {
        let site = self.get("/api/v1/site").await.body;
        Instant::parse(site["server_time"].as_str().unwrap()).unwrap().plus_s(days * 86_400)
    }

    pub async fn code_answer(&self) -> Answer {
        self.get("/api/v1/me/code").await
    }

    pub async fn code(&self) -> Value {
        let answer = self.code_answer().await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body
    }

    pub async fn colour(&self) -> String {
        self.code().await["colour"].as_str().unwrap().to_owned()
    }

    pub async fn declare(&self, declaration: &Value) -> Answer {
        self.post("/api/v1/declarations", declaration.clone()).await
    }

    pub async fn check_in(&self) -> Answer {
        self.post("/api/v1/me/check-ins", json!({ "temperature_c": 36.5, "symptoms": [] })).await
    }
}

/// Resident identity cards counted out: number `n` of somebody made up.
pub fn document(n: u32) -> String {
    let body = format!("330106{:04}0101{:03}", 1950 + n / 900, n % 900 + 100);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.bytes().zip(weights).map(|(c, w)| u32::from(c - b'0') * w).sum();
    format!("{body}{}", b"10X98765432"[(sum % 11) as usize] as char)
}

/// A declaration of somebody who is well.
pub fn well(n: u32) -> Value {
    json!({
        "name": "张测试",
        "document": { "type": "resident_id", "number": document(n) },
        "answers": {
            "subject": "resident", "residence": "330106", "in_city": true, "contact": "none", "health": "well",
            "overseas": false, "under_measure": "none", "temperature_c": 36.5, "symptoms": [],
        },
        "commitment": commitment(),
    })
}

/// The commitment's version, from the pack itself.
pub fn commitment() -> String {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11/pack.toml"),
    )
    .unwrap();
    let line = text
        .lines()
        .find(|l| l.trim_start().starts_with("commitment"))
        .expect("the form names its commitment");
    line.split('"').nth(1).unwrap().to_owned()
}

/// The same with some answers changed.
pub fn with(mut declaration: Value, answers: Value) -> Value {
    for (field, value) in answers.as_object().unwrap() {
        declaration["answers"][field] = value.clone();
    }
    declaration
}
