//! What an operator sees and holds in hand: counts, ids, limits, and how the service stops.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{Person, Server, TempDir, client, document, metrics, well, with};
use reqwest::StatusCode;
use serde_json::json;

fn start(args: &[&str]) -> Server {
    Server::start(Arc::new(TempDir::new()), &[&["--demo"], args].concat())
}

fn value(text: &str, metric: &str) -> f64 {
    let line = text.lines().find(|l| l.starts_with(metric)).unwrap_or_else(|| panic!("{metric}: {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn requests_are_counted_by_route_on_a_listener_of_its_own_and_never_by_what_was_asked() {
    let server = start(&["--metrics", "127.0.0.1:0", "--reads-per-person", "8"]);
    let person = server.log_in("13800000001").await;
    person.declare(&well(91)).await;
    for _ in 0..3 {
        person.code().await;
    }
    person.get("/api/v1/divisions?parent=77").await;
    person.get("/api/v1/reviews/13800000001").await;
    person.get("/checkpoint").await;
    assert_eq!(person.get("/metrics").await.status, StatusCode::NOT_FOUND, "not on the public port");
    while person.get("/api/v1/me").await.status != StatusCode::TOO_MANY_REQUESTS {}
    let text = metrics(&server).await;
    let code = r#"route="/api/v1/me/code""#;
    assert_eq!(
        value(&text, &format!("kangma_http_requests_total{{{code},method=\"GET\",status=\"200\"}}")),
        3.0
    );
    assert_eq!(value(&text, &format!("kangma_http_seconds_count{{{code}}}")), 3.0);
    assert_eq!(value(&text, &format!("kangma_http_seconds_bucket{{{code},le=\"+Inf\"}}")), 3.0);
    assert!(value(&text, r#"kangma_http_requests_total{route="pages",method="GET",status="200"}"#) >= 1.0);
    assert!(text.contains(r#"route="/api/v1/reviews/{id}""#), "as the router knows it: {text}");
    assert_eq!(value(&text, r#"kangma_refused_total{code="read.too_many"}"#), 1.0);
    assert_eq!(value(&text, r#"kangma_shed_total{class="code"}"#), 0.0);
    assert_eq!(value(&text, "kangma_http_in_flight"), 0.0);
    let waiting = server.reviewer().await.get("/api/v1/reviews").await;
    let mut waiting = waiting.body["items"].as_array().unwrap().len();
    assert!((1..5).contains(&waiting), "a demo has something to review, and not much: {waiting}");
    assert_eq!(value(&text, "kangma_reviews_open"), 0.0, "few are not told, as anywhere else");
    let operator = server.officer("operator").await;
    let service = async || operator.get("/api/v1/service").await.body["waiting"]["reviews"].clone();
    assert_eq!(service().await, serde_json::Value::Null);
    let mut n = 92;
    while waiting < 5 || waiting % 5 != 2 {
        let person = server.log_in(&format!("1380000{n:04}")).await;
        let feverish = with(well(n), json!({ "temperature_c": 38.5, "symptoms": ["fever"] }));
        let declared = person.declare(&feverish).await;
        assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
        (n, waiting) = (n + 1, waiting + 1);
    }
    let fives = waiting - 2;
    assert_eq!(value(&metrics(&server).await, "kangma_reviews_open"), fives as f64);
    assert_eq!(service().await, fives);
    assert!(value(&text, "process_resident_memory_bytes") > 1e6);
    for secret in ["13800000001", "parent", "77\"", "livez"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_and_every_error_says_it_and_only_a_trusted_proxy_chooses_it() {
    let (open, behind) = (start(&[]), start(&["--trust-proxy"]));
    for (server, given, taken) in
        [(&open, "gate-7.a", false), (&behind, "gate-7.a", true), (&behind, "a b", false)]
    {
        let ask = client().get(format!("{}/api/v1/nothing", server.base)).header("x-request-id", given);
        let answer = ask.send().await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(id == given, taken, "{given}: {id}");
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["instance"], format!("urn:kangma:request:{id}"));
    }
    let well = Person::nobody(&open).get("/api/v1/site").await;
    assert_eq!(well.headers["x-request-id"].len(), 16, "an answer that is no error has one too");
}

#[tokio::test]
async fn one_person_cannot_ask_for_ever_and_another_does_not_notice() {
    let server = start(&["--reads-per-person", "6", "--declarations-per-person", "2"]);
    let (busy, other) = (server.log_in("13800000002").await, server.log_in("13800000003").await);
    for n in [92, 92] {
        assert_eq!(busy.declare(&well(n)).await.status, StatusCode::CREATED);
    }
    let refused = busy.declare(&well(92)).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "declaration.too_many"));
    let wait: u32 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=1800).contains(&wait), "one in each half hour: {wait}");
    // Half of a minute's reads at once.
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(busy.get("/api/v1/me/code").await);
    }
    assert_eq!(answers[2].status, StatusCode::OK);
    assert_eq!((answers[3].status.as_u16(), answers[3].code()), (429, "read.too_many"));
    let wait: u32 = answers[3].headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((5..=10).contains(&wait), "one in each ten seconds: {wait}");
    assert_eq!(other.declare(&well(93)).await.status, StatusCode::CREATED);
    other.code().await;
    let proof = json!({ "proof": "000000" });
    let mut last = other.post("/api/v1/me/identity/proof", proof.clone()).await;
    for _ in 0..10 {
        last = other.post("/api/v1/me/identity/proof", proof.clone()).await;
    }
    assert_eq!((last.status.as_u16(), last.code()), (429, "identity.too_many_tries"));
}

/// A check-in whose body is on its way: the head, which the service has read and asks to go on, and a first
/// piece.
fn begin(server: &Server, token: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.base.trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /api/v1/me/check-ins HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(read_head(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&body.as_bytes()[..5]).unwrap();
    stream.flush().unwrap();
    stream
}

/// The head of an answer, to its last byte.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn a_service_that_stops_says_so_first_then_answers_what_is_under_way_and_nothing_new() {
    let mut server = start(&["--drain-wait", "2"]);
    let person = server.log_in("13800000004").await;
    person.declare(&well(94)).await;
    assert_eq!(person.get("/readyz").await.status, StatusCode::OK);
    let body = json!({ "temperature_c": 36.5, "symptoms": [] }).to_string();
    let mut slow = begin(&server, person.token.as_ref().unwrap(), &body);
    let told = Instant::now();
    Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().unwrap();
    while person.get("/readyz").await.status == StatusCode::OK {
        assert!(told.elapsed() < Duration::from_secs(2), "the balancer is told at once");
    }
    assert_eq!(person.code().await["colour"], "green", "it still serves while the balancer notices");
    let address = server.base.trim_start_matches("http://").to_owned();
    while TcpStream::connect(&address).is_ok() {
        assert!(told.elapsed() < Duration::from_secs(5), "the listener closes after the wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(told.elapsed() >= Duration::from_secs(2), "and not before");
    slow.write_all(&body.as_bytes()[5..]).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(server.child.wait().unwrap().success());
    let again = Server::start(Arc::clone(&server.dir), &["--demo"]);
    let person = Person { base: again.base.clone(), ..person };
    let kept = person.get("/api/v1/me/check-ins").await;
    assert_eq!(kept.body["items"].as_array().unwrap().len(), 1, "what was answered is there");
}

#[tokio::test]
async fn a_request_that_failed_is_one_line_in_the_log_that_names_nobody() {
    let server = start(&["--trust-proxy"]);
    let person = server.log_in("13800000005").await;
    person.declare(&well(95)).await;
    let body = json!({ "temperature_c": 36.5, "symptoms": [] }).to_string();
    let mut slow = begin(&server, person.token.as_ref().unwrap(), &body);
    // Longer than what is no line's worth, all of it while the service waits.
    tokio::time::sleep(Duration::from_millis(1_010)).await;
    slow.write_all(&body.as_bytes()[5..]).unwrap();
    let head = read_head(&mut slow).to_lowercase();
    let id = head.split("x-request-id: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let log = std::fs::read_to_string(&server.log).unwrap();
    let lines: Vec<_> = log.lines().filter(|l| l.contains(id)).collect();
    let [line] = lines.as_slice() else { panic!("one line has the id {id}: {lines:?}") };
    let fields = serde_json::from_str::<serde_json::Value>(line).unwrap()["fields"].clone();
    assert_eq!((&fields["route"], &fields["method"]), (&json!("/api/v1/me/check-ins"), &json!("POST")));
    assert_eq!(fields["status"], 201);
    assert!(fields["ms"].as_u64().unwrap() >= 1_000);
    for secret in [document(95).as_str(), "13800000005", person.token.as_ref().unwrap()] {
        assert!(!log.contains(secret), "the log says {secret}");
    }
}
