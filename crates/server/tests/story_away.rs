//! The database goes away and comes back: codes are shown meanwhile with their age, nothing that
//! was acknowledged is lost, and nobody restarts anything. `make drill` stays away for ten minutes.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{Person, Server, TempDir, well};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// How long the service waits for a database that may be away.
const DATABASE_WAIT: Duration = Duration::from_secs(2);

/// A PostgreSQL of this test's own, to pull the plug of.
struct Database {
    dir: TempDir,
    url: String,
}

impl Database {
    fn start() -> Database {
        let dir = TempDir::new();
        let url = Database::tool("start", &dir);
        Database { dir, url }
    }

    fn tool(verb: &str, dir: &TempDir) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/postgres.sh");
        let out = Command::new(script).arg(verb).arg(dir.0.join("postgres")).output().unwrap();
        assert!(out.status.success(), "{verb}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn server(&self, dir: &Arc<TempDir>) -> Server {
        let many = "1000000";
        let unlimited =
            ["--reads-per-person", many, "--declarations-per-person", many, "--scans-per-address", many];
        let mut args = vec!["--database-url", &self.url, "--demo"];
        args.extend(unlimited);
        Server::start(Arc::clone(dir), &args)
    }

    /// Stops or continues every process of the server, so that it neither answers nor hangs up.
    fn signal(&self, signal: &str) {
        let pid = self.dir.0.join("postgres/data/postmaster.pid");
        let Ok(pid) = std::fs::read_to_string(pid) else { return };
        let pid = pid.lines().next().unwrap();
        let children = Command::new("pgrep").args(["-P", pid]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let all = std::iter::once(pid).chain(children.split_whitespace());
        Command::new("kill").arg(signal).args(all).status().unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.signal("-CONT");
        Database::tool("stop", &self.dir);
    }
}

fn seconds(text: &Value) -> i64 {
    let instant: kangma_core::time::Instant = serde_json::from_value(text.clone()).unwrap();
    instant.0
}

async fn people(server: &Server, n: u32) -> Vec<Person> {
    let mut all = Vec::new();
    for i in 0..n {
        let person = server.log_in(&format!("1370000{i:04}")).await;
        let declared = person.declare(&well(i)).await;
        assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
        all.push(person);
    }
    // A look at the feed that falls between a commit and its answer counts as somebody else's: what was
    // remembered before is read again. People read their code each minute; here they wait for it once.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    all
}

/// Who runs the service reads so when it matters, if this node saw their right before.
async fn says_that_the_database_is_away(operator: &Person) {
    let service = operator.get("/api/v1/service").await;
    assert_eq!(service.status, StatusCode::OK, "{service:?}");
    let service = service.body;
    assert_eq!((&service["state"], &service["cause"]), (&json!("degraded"), &json!("database")), "{service}");
    assert_eq!((&service["right_checked"], &service["lags"]["log_s"]), (&json!(false), &Value::Null));
    for unknown in ["nodes", "work", "waiting"] {
        assert_eq!(service[unknown], Value::Null, "{unknown}: {service}");
    }
    assert!(
        service["keys"].as_array().is_some_and(|keys| !keys.is_empty()),
        "what it holds itself: {service}"
    );
}

async fn within(limit: Duration, what: &str, mut ready: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !ready().await {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_takes_no_shown_code_and_no_acknowledged_declaration_with_it() {
    let away = if std::env::var_os("KANGMA_DRILL").is_some() { 600 } else { 6 };
    let database = Database::start();
    let dir = Arc::new(TempDir::new());
    let server = database.server(&dir);
    let residents = people(&server, 11).await;
    let stranger = server.log_in("13700009999").await;
    let (operator, late) = (server.officer("operator").await, server.officer("operator").await);
    let auditor = server.officer("auditor").await;
    let service = operator.get("/api/v1/service").await;
    assert_eq!((&service.body["state"], &service.body["right_checked"]), (&json!("ready"), &json!(true)));
    assert_eq!(auditor.get("/api/v1/service").await.code(), "auth.not_allowed");
    for person in &residents {
        assert_eq!(person.colour().await, "green");
    }

    Database::tool("down", &database.dir);
    let gone = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut oldest_s = 0;
    let mut reads = 0;
    while gone.elapsed() < Duration::from_secs(away) {
        for person in &residents {
            let began = Instant::now();
            let code = person.code().await;
            slowest = slowest.max(began.elapsed());
            reads += 1;
            assert_eq!(code["colour"], "green");
            let (now, state_at) = (seconds(&code["server_time"]), seconds(&code["state_at"]));
            let age = now - state_at;
            oldest_s = oldest_s.max(age);
            let away_s = i64::try_from(gone.elapsed().as_secs()).unwrap();
            assert!(age <= away_s + 4, "it is not older than the outage: {age} s of {away_s} s");
            assert!(age >= away_s - 4, "and says how old it is: {age} s of {away_s} s");
            let checked = server.scan(code["pass"].as_str().unwrap()).await;
            assert!(["good", "as_of"].contains(&checked["verdict"].as_str().unwrap()), "{checked}");
            assert!(seconds(&code["expires_at"]) <= state_at + 3_600, "no longer than from what it says");
        }
        let began = Instant::now();
        let refused = stranger.code_answer().await;
        assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "db.away"));
        let refused = residents[0].declare(&well(0)).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "db.away"));
        assert!(refused.headers.contains_key("retry-after"));
        assert!(began.elapsed() < Duration::from_secs(3), "a refusal comes at once");
        says_that_the_database_is_away(&operator).await;
        for who in [&late, &auditor] {
            let unknown = who.get("/api/v1/service").await;
            assert_eq!((unknown.status, unknown.code()), (StatusCode::SERVICE_UNAVAILABLE, "db.away"));
        }
        assert_eq!(stranger.get("/api/v1/service").await.status, StatusCode::SERVICE_UNAVAILABLE);
        let ready = Person::nobody(&server).get("/readyz").await;
        assert_eq!((ready.status, ready.text.starts_with("degraded")), (StatusCode::OK, true), "{ready:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    Database::tool("up", &database.dir);
    let back = within(Duration::from_secs(60), "declaring again", async || {
        residents[0].declare(&well(0)).await.status == StatusCode::CREATED
    })
    .await;
    for (i, person) in residents.iter().enumerate() {
        let list = person.get("/api/v1/me/declarations").await.body;
        let n = list["items"].as_array().unwrap().len();
        assert_eq!(n, if i == 0 { 2 } else { 1 }, "what was acknowledged is there, and nothing else");
    }
    within(Duration::from_secs(10), "a code without an age", async || {
        let code = residents[1].code().await;
        code["server_time"] == code["state_at"]
    })
    .await;
    println!(
        "database away for {away} s: {reads} code reads answered, the slowest in {} ms, as of up to {oldest_s} s before; \
         declarations taken again {} ms after it was back",
        slowest.as_millis(),
        back.as_millis()
    );
}

/// An account of its own that runs the service, logged in, and the grant that lets it.
async fn operator(server: &Server, admin: &Person, name: &str) -> (Person, String) {
    let invitation = json!({ "name": name, "office": "样例市大数据局", "division": "" });
    let invited = admin.post("/api/v1/staff/invitations", invitation).await.body;
    let password = "correct horse battery";
    let taken = json!({ "token": invited["token"], "password": password });
    let nobody = Person::nobody(server);
    assert_eq!(nobody.post("/api/v1/staff/invitations/accept", taken).await.status, StatusCode::CREATED);
    let grant = json!({ "role": "operator", "division": "", "ends_at": admin.in_days(30).await });
    let given = admin.post(&format!("/api/v1/staff/accounts/{name}/grants"), grant).await;
    assert_eq!(given.status, StatusCode::CREATED, "{given:?}");
    let login = nobody.post("/api/v1/staff/login", json!({ "name": name, "password": password })).await;
    let token = login.body["token"].as_str().unwrap().to_owned();
    (Person { token: Some(token), ..nobody }, given.body["id"].as_str().unwrap().to_owned())
}

/// Both nodes saw all of them hold the right. Of those who lost it on one node before the outage, neither
/// node remembers anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_logged_out_or_lost_the_right_before_the_database_went_away_is_refused_on_every_node() {
    let database = Database::start();
    let dir = Arc::new(TempDir::new());
    let (one, two) = (database.server(&dir), database.server(&dir));
    let admin = one.officer("admin").await;
    let (gone, _) = operator(&one, &admin, "gone").await;
    let (stripped, grant) = operator(&one, &admin, "stripped").await;
    let (ended, _) = operator(&one, &admin, "ended").await;
    let (fewer, _) = operator(&one, &admin, "fewer").await;
    let (stays, _) = operator(&one, &admin, "stays").await;
    let on = |node: &Server, who: &Person| Person { base: node.base.clone(), ..who.clone() };
    // Somebody remembered makes a node one that serves while the database is away.
    let resident = one.log_in("13700008888").await;
    resident.declare(&well(88)).await;
    for node in [&one, &two] {
        on(node, &resident).colour().await;
        for who in [&gone, &stripped, &ended, &fewer, &stays] {
            assert_eq!(on(node, who).get("/api/v1/service").await.status, StatusCode::OK);
        }
    }
    let cookie = format!("km_staff={}", gone.token.as_deref().unwrap());
    let out = gone.client.post(format!("{}/api/v1/staff/logout", one.base)).header("cookie", cookie);
    assert_eq!(out.header("x-kangma", "1").send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let delete = async |path: String| {
        let done = admin.send(reqwest::Method::DELETE, &path, None).await;
        assert_eq!(done.status, StatusCode::NO_CONTENT, "{done:?}");
    };
    delete(format!("/api/v1/staff/grants/{grant}")).await;
    delete("/api/v1/staff/accounts/ended".into()).await;
    delete("/api/v1/staff/accounts/fewer/sessions".into()).await;
    // Each node asks again every two seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
    Database::tool("down", &database.dir);
    for node in [&one, &two] {
        within(Duration::from_secs(20), "the outage is seen", async || {
            on(node, &stays).get("/api/v1/service").await.body["right_checked"] == false
        })
        .await;
        says_that_the_database_is_away(&on(node, &stays)).await;
        for (what, who) in [("gone", &gone), ("stripped", &stripped), ("ended", &ended), ("fewer", &fewer)] {
            let refused = on(node, who).get("/api/v1/service").await;
            assert_eq!(
                (refused.status, refused.code()),
                (StatusCode::SERVICE_UNAVAILABLE, "db.away"),
                "{what}: {refused:?}"
            );
        }
    }
    // Also who logs out while it is away.
    let cookie = format!("km_staff={}", stays.token.as_deref().unwrap());
    let out = stays.client.post(format!("{}/api/v1/staff/logout", one.base)).header("cookie", cookie);
    out.header("x-kangma", "1").send().await.unwrap();
    assert_eq!(on(&one, &stays).get("/api/v1/service").await.code(), "db.away");
    Database::tool("up", &database.dir);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_is_waited_for_no_longer_than_a_person_would() {
    let database = Database::start();
    let dir = Arc::new(TempDir::new());
    let server = database.server(&dir);
    let residents = people(&server, 4).await;
    for person in &residents {
        assert_eq!(person.colour().await, "green");
    }
    let operator = server.officer("operator").await;
    assert_eq!(operator.get("/api/v1/service").await.body["state"], "ready");
    database.signal("-STOP");
    let hung = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut slowest_service = Duration::ZERO;
    while hung.elapsed() < Duration::from_secs(8) {
        for person in &residents {
            let began = Instant::now();
            assert_eq!(person.colour().await, "green");
            slowest = slowest.max(began.elapsed());
        }
        let began = Instant::now();
        says_that_the_database_is_away(&operator).await;
        slowest_service = slowest_service.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let refused = residents[0].declare(&well(0)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "db.away"));
    database.signal("-CONT");
    let back = within(Duration::from_secs(60), "declaring again", async || {
        residents[0].declare(&well(0)).await.status == StatusCode::CREATED
    })
    .await;
    assert!(slowest < DATABASE_WAIT, "a read did not wait for the database: {slowest:?}");
    assert!(slowest_service < 3 * DATABASE_WAIT, "it waits twice: {slowest_service:?}");
    let service = operator.get("/api/v1/service").await.body;
    assert_eq!((&service["state"], &service["right_checked"]), (&json!("ready"), &json!(true)), "{service}");
    println!(
        "database hung for 8 s: slowest code read {} ms, back after {} ms",
        slowest.as_millis(),
        back.as_millis()
    );
}
