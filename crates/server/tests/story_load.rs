//! An operator seeds a folder and puts a real server under a short load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{Server, TempDir, environment, kangma, metrics, prepare};
use serde_json::Value;

const PEOPLE: &str = "400";

fn seeded() -> Arc<TempDir> {
    let dir = Arc::new(TempDir::new());
    prepare(&dir);
    let seed =
        kangma().args(["seed", "--people", PEOPLE, "--json"]).envs(environment(&dir)).output().unwrap();
    assert!(seed.status.success(), "{}", String::from_utf8_lossy(&seed.stderr));
    let said: Value = serde_json::from_slice(&seed.stdout).unwrap();
    assert_eq!((said["people"].as_u64(), said["newcomers"].as_u64()), (Some(400), Some(40)));
    dir
}

fn load(server: &Server, to: &str, args: &[&str]) -> (bool, Value) {
    load_of(server, to, PEOPLE, args)
}

fn load_of(server: &Server, to: &str, people: &str, args: &[&str]) -> (bool, Value) {
    let out = kangma()
        .args(["load", "--to", to, "--people", people, "--json"])
        .args(args)
        .envs(environment(&server.dir))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    let said = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text} {}", String::from_utf8_lossy(&out.stderr)));
    (out.status.success(), said)
}

fn address(server: &Server) -> String {
    server.base.trim_start_matches("http://").to_owned()
}

/// Counts that have to add up in every report.
fn adds_up(report: &Value, arrivals: u64) {
    let n = |v: &Value, name: &str| v[name].as_u64().unwrap();
    let all = n(report, "answered") + n(report, "refused") + n(report, "failed");
    assert_eq!(all, n(report, "sent"), "{report}");
    assert_eq!(n(report, "sent") + n(report, "dropped"), arrivals, "{report}");
    let kinds = report["kinds"].as_object().unwrap();
    for name in ["answered", "refused", "failed"] {
        assert_eq!(kinds.values().map(|kind| n(kind, name)).sum::<u64>(), n(report, name), "{name}");
    }
    let raw = report["histogram"].as_array().unwrap();
    assert_eq!(raw.iter().map(|bucket| bucket[1].as_u64().unwrap()).sum::<u64>(), n(report, "answered"));
    let ms = |name: &str| report["latency_ms"][name].as_f64().unwrap();
    assert!(0.0 < ms("p50") && ms("p50") <= ms("p99") && ms("p99") <= ms("max"), "{report}");
    assert!(report["generator_late_ms"].is_number() && report["generator_kept_up"].is_boolean());
}

#[tokio::test]
async fn a_short_load_reports_what_it_sent_and_what_came_back() {
    let server = Server::start(seeded(), &[]);
    let to = address(&server);
    let (done, report) = load(&server, &to, &["--profile", "mixed", "--rate", "200", "--seconds", "2"]);
    assert!(done);
    adds_up(&report, 400);
    assert_eq!((report["profile"].as_str(), report["rate"].as_f64()), (Some("mixed"), Some(200.0)));
    assert_eq!(report["kinds"]["code"]["answered"], 380, "{report}");
    assert_eq!(report["kinds"]["declaration"]["answered"], 20, "{report}");
    assert!((100.0..210.0).contains(&report["per_s"].as_f64().unwrap()), "{report}");
    assert!((500..2_048).contains(&report["kinds"]["code"]["body_bytes_max"].as_u64().unwrap()), "{report}");

    // The way to work; one node of two is not there, so its people go to the other.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let both = format!("{to},{gone}");
    let (done, report) = load(&server, &both, &["--profile", "commute", "--rate", "400", "--seconds", "1"]);
    assert!(done);
    adds_up(&report, 400);
    for kind in ["code", "scan", "check_in"] {
        assert!(report["kinds"][kind]["answered"].as_u64().unwrap() > 0, "{kind}: {report}");
    }

    // A person's limit is a refusal, not a failure.
    let args = ["--profile", "code", "--rate", "200", "--seconds", "1", "--connections", "2"];
    let (done, report) = load_of(&server, &to, "1", &args);
    assert!(done);
    adds_up(&report, 200);
    let refused = report["refused_by_status"]["429"].as_u64().unwrap();
    assert!(refused >= 100, "a person may read 60 times a minute: {report}");
}

#[tokio::test]
async fn on_the_first_day_visitors_come_and_newcomers_apply() {
    let server = Server::start(seeded(), &[]);
    let (done, report) =
        load(&server, &address(&server), &["--profile", "launch-day", "--rate", "400", "--seconds", "2"]);
    assert!(done);
    adds_up(&report, 800);
    let answered = |kind: &str| report["kinds"][kind]["answered"].as_u64().unwrap_or(0);
    let (visits, applications) = (answered("site"), answered("declaration"));
    assert!((5..=10).contains(&(visits / applications)), "100 visits, 13 applications: {report}");
    assert!(answered("form") > 0 && answered("code") > 0, "{report}");
    assert!(answered("page") > 0 && answered("asset") > answered("page"), "{report}");
}

#[tokio::test]
async fn a_server_that_goes_away_is_a_failure_and_not_a_hang() {
    let mut server = Server::start(seeded(), &["--metrics", "127.0.0.1:0"]);
    let to = address(&server);
    let environment = environment(&server.dir);
    let load = tokio::task::spawn_blocking(move || {
        let args =
            ["load", "--profile", "code", "--rate", "200", "--seconds", "5", "--people", PEOPLE, "--json"];
        kangma().args(args).args(["--to", &to]).envs(environment).output().unwrap()
    });
    // It has begun, and is not over.
    let began = Instant::now();
    let is_answered = |line: &str| {
        let of_code = line.starts_with("kangma_http_requests_total{route=\"/api/v1/me/code\"");
        of_code && line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() >= 50.0
    };
    while !metrics(&server).await.lines().any(is_answered) {
        assert!(began.elapsed() < Duration::from_secs(60), "it begins");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.kill();
    let out = load.await.unwrap();
    assert!(!out.status.success());
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(report["answered"].as_u64().unwrap() > 0 && report["failed"].as_u64().unwrap() > 0, "{report}");
}
