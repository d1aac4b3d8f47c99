//! Facts that have had their days: they go, on every node, and nobody is told anything else for it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{
    Answer, Person, Server, TempDir, count, document, environment, kangma, meddle, postgres, well, with,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The least that Hangzhou's rules let go.
const DAYS: &str =
    "[retention]\ndeclaration = 14\ncheck_in = 14\nlisted = 14\ntest = 14\ncorrection = 14\n\n";

/// Hangzhou's pack, with days for the kinds that it looks at or without.
fn pack(dir: &TempDir, days: &str) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    let to = dir.0.join(format!("pack{}", days.len()));
    let mut files = Vec::new();
    crate::common::collect(&from, &mut files);
    for file in files {
        let name = file.strip_prefix(&from).unwrap();
        let mut text = std::fs::read_to_string(&file).unwrap();
        if name == Path::new("pack.toml") {
            text = text.replace("\n[areas]", &format!("\n{days}[areas]"));
        }
        let path = to.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    to.to_str().unwrap().to_owned()
}

async fn somebody(server: &Server, n: u32, answers: Value) -> Person {
    let person = server.log_in(&format!("1380000{n:04}")).await;
    let declared = person.declare(&with(well(n), answers)).await;
    assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
    person
}

async fn kept(person: &Person) -> Value {
    let answer = person.get("/api/v1/me/retention").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body
}

/// How many facts of a kind were erased of somebody.
async fn erased(person: &Person, kind: &str) -> u64 {
    let kinds = kept(person).await["kinds"].as_array().unwrap().clone();
    kinds.iter().find(|k| k["kind"] == kind).map_or(0, |k| k["erased"].as_u64().unwrap())
}

/// Waits until the look of the day is over in all parts.
async fn looked_through(dir: &TempDir, day: i64) {
    let until = Instant::now() + Duration::from_secs(120);
    let sql = format!("SELECT COUNT(*) FROM retention_walk WHERE is_over = 1 AND day >= {day}");
    while count(dir, &sql).await < 16 {
        assert!(Instant::now() < until, "not looked through after two minutes");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    if postgres().is_some() {
        // What another node erased is heard of within two seconds.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// The civil day of the first look.
async fn first_day(dir: &TempDir) -> i64 {
    looked_through(dir, 0).await;
    count(dir, "SELECT CAST(MAX(day) AS BIGINT) FROM retention_walk").await
}

/// Sends a list of close contacts and waits until it is done; returns the counts and the code of each line
/// that is wrong.
async fn list(staff: &Person, text: &str) -> (Value, Vec<String>) {
    let path = "/api/v1/imports?kind=close_contact&division=330106&name=list.csv";
    let request =
        staff.client.post(format!("{}{path}", staff.base)).bearer_auth(staff.token.as_ref().unwrap());
    let sent: Value = request.body(text.to_owned()).send().await.unwrap().json().await.unwrap();
    let path = format!("/api/v1/imports/{}", sent["id"].as_str().unwrap());
    let started = staff.in_turn(Method::POST, &format!("{path}/start"), Some(json!({}))).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{started:?}");
    for _ in 0..600 {
        let now = staff.get(&path).await.body;
        if now["state"] == "done" {
            let wrong = staff.get_in_turn(&format!("{path}/lines?result=wrong")).await.body;
            let codes =
                wrong["items"].as_array().unwrap().iter().map(|l| l["code"].as_str().unwrap().to_owned());
            return (now["counts"].clone(), codes.collect());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a list was not worked through: {sent}");
}

/// Waits until a node has heard of what another one changed: two seconds at most, and the time to ask.
async fn turned(person: &Person, colour: &str) {
    let until = Instant::now() + Duration::from_secs(5);
    while person.colour().await != colour {
        assert!(Instant::now() < until, "not {colour} after five seconds");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn day_of(person: &Person) -> String {
    person.check_in().await;
    let items = person.get("/api/v1/me/check-ins").await.body;
    items["items"][0]["day"].as_str().unwrap().to_owned()
}

fn ok(answer: &Answer) {
    assert!(answer.status.is_success(), "{answer:?}");
}

fn verified(dir: &TempDir, args: &[&str]) {
    let out = kangma().args(["log", "verify"]).args(args).envs(environment(dir)).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && said.contains("the log holds"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_had_its_days_is_erased_on_every_node_and_neither_colour_nor_log_changes() {
    let dir = Arc::new(TempDir::new());
    let pack = pack(&dir, DAYS);
    let args = ["--demo", "--codes-per-address", "100000", "--reads-per-person", "6000", "--pack", &pack];
    let mut nodes = vec![Server::start(Arc::clone(&dir), &args)];
    if postgres().is_some() {
        nodes.push(Server::start(Arc::clone(&dir), &args));
    }
    let server = &nodes[0];
    let first = first_day(&dir).await;
    let staff = server.officer("admin").await;
    let contact = somebody(server, 1, json!({})).await;
    let waiting = somebody(server, 2, json!({})).await;
    let asked = somebody(server, 3, json!({})).await;
    let today = day_of(&contact).await;
    ok(&waiting.check_in().await);
    ok(&asked.check_in().await);
    let line = |n: u32, status: &str| {
        format!("证件号码,编号,状态,日期\r\n{},K-{n},{status},{today}\r\n", document(n))
    };
    assert_eq!(list(&staff, &line(1, "")).await.0["applied"], 1);
    assert_eq!(list(&staff, &line(2, "")).await.0["applied"], 1);
    // The list may have been worked through by the other node.
    turned(&contact, "red").await;
    turned(&waiting, "red").await;
    // An appeal makes whoever erases at this moment look again.
    let versions = "SELECT CAST(SUM(version) AS BIGINT) FROM person";
    let before = count(&dir, versions).await;
    let appeal = json!({ "id": "appeal-of-2", "ground": "wrong_fact", "text": "不是我。" });
    ok(&waiting.post("/api/v1/me/appeals", appeal).await);
    assert!(count(&dir, versions).await > before, "the appeal changed the person");
    // One is red for fourteen days and then free, the other never checks in again.
    for _ in 0..14 {
        ok(&contact.check_in().await);
        for node in &nodes {
            node.advance(1).await;
        }
    }
    assert_eq!(contact.colour().await, "green");
    ok(&contact.declare(&well(1)).await);
    ok(&contact.check_in().await);
    // What contradicts itself waits for a reviewer, who reads what was said before.
    let declared = asked.declare(&with(well(3), json!({ "symptoms": ["fever"] }))).await;
    assert_eq!(asked.code().await["status"], "pending");
    for node in &nodes {
        node.advance(14).await;
    }
    // Tokens do not last as long.
    let contact = server.log_in("13800000001").await;
    let (waiting, asked) = (server.log_in("13800000002").await, server.log_in("13800000003").await);
    ok(&contact.check_in().await);
    let elsewhere = Person { base: nodes.last().unwrap().base.clone(), ..contact.clone() };
    looked_through(&dir, first + 28).await;
    assert_eq!(kept(&elsewhere).await["erased_at"], Value::Null, "it was over fourteen days ago");
    let before = count(&dir, "SELECT COUNT(*) FROM fact").await;
    for node in &nodes {
        node.advance(1).await;
    }
    looked_through(&dir, first + 29).await;
    let after = count(&dir, "SELECT COUNT(*) FROM fact").await;
    let counted = count(&dir, "SELECT CAST(SUM(facts) AS BIGINT) FROM retention_walk").await;
    assert!(counted >= 18 && (1..=counted).contains(&(before - after)), "{before} {after} {counted}");
    // The first declaration, the list, and all check-ins but the one of yesterday.
    let lost = [erased(&contact, "declaration").await, erased(&contact, "listed").await];
    assert_eq!((lost, erased(&contact, "check_in").await), ([1, 1], 16));
    let told = kept(&elsewhere).await;
    assert!(told["erased_at"].is_string() && erased(&elsewhere, "check_in").await == 16, "{told}");
    let check_in =
        told["kinds"].as_array().unwrap().iter().find(|k| k["kind"] == "check_in").unwrap().clone();
    assert_eq!(check_in["days"], 14);
    for person in [&contact, &elsewhere] {
        let code = person.code().await;
        assert_eq!((&code["colour"], &code["reasons"]), (&json!("green"), &json!([])), "{code}");
        assert_eq!(person.get("/api/v1/me/check-ins").await.body["items"].as_array().unwrap().len(), 1);
    }
    assert_eq!(waiting.colour().await, "red", "the list that it rests on is there");
    assert_eq!(kept(&waiting).await["erased_at"], Value::Null);
    assert_eq!(kept(&asked).await["erased_at"], Value::Null, "somebody waits for an answer");

    // The office sends its list once more, and takes back what is no more.
    let (again, _) = list(&staff, &format!("{}\r\n", line(1, ""))).await;
    assert_eq!((&again["applied"], &again["known"]), (&json!(0), &json!(1)), "{again}");
    assert_eq!(contact.colour().await, "green", "what is over is not opened again");
    let (back, codes) = list(&staff, &line(1, "撤销")).await;
    assert_eq!((&back["wrong"], codes), (&json!(1), vec!["line.nothing_to_withdraw".to_owned()]));
    let about = json!({ "document": { "type": "resident_id", "number": document(1) }, "purpose": "audit", "reason": "a look" });
    assert_eq!(staff.post("/api/v1/people/look-up", about).await.body["colour"], "green");
    let service = server.officer("operator").await.get("/api/v1/service").await.body;
    assert_eq!(service["retention"]["parts_left"], 0, "{service}");

    // Answered, the one who waited loses what is past as well: on the next day, by which a node is gone.
    let reviewer = server.reviewer().await;
    let path = format!("/api/v1/reviews/{}", declared.body["declaration"].as_str().unwrap());
    ok(&reviewer.post(&path, json!({ "outcome": "approve", "reason": "体温与自述不符" })).await);
    server.findings_take_effect().await;
    let colour = asked.colour().await;
    assert_ne!(colour, "grey", "what was approved counts");
    if nodes.len() > 1 {
        nodes[1].kill();
    }
    nodes[0].advance(1).await;
    looked_through(&dir, first + 30).await;
    assert_eq!([erased(&asked, "declaration").await, erased(&asked, "check_in").await], [1, 1]);
    assert_eq!(asked.colour().await, colour);

    // The log holds over all of it, from outside and from inside; it and ours tell nobody who it was.
    tokio::time::sleep(Duration::from_secs(3)).await;
    verified(&dir, &["--url", &nodes[0].base]);
    let written = std::fs::read_to_string(&nodes[0].log).unwrap();
    assert!(written.contains("looked through for facts that have had their days"));
    assert!(!written.contains(&document(1)) && !written.contains("张测试"));
    nodes.iter_mut().for_each(Server::kill);
    verified(&dir, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_goes_on_where_another_stopped_and_packs_without_days_keep_everything() {
    let dir = Arc::new(TempDir::new());
    let without = pack(&dir, "");
    let mut server = Server::start(Arc::clone(&dir), &["--demo", "--pack", &without]);
    let mut people = Vec::new();
    for n in 11..13 {
        let person = somebody(&server, n, json!({})).await;
        ok(&person.check_in().await);
        people.push(person);
    }
    // Somebody who came after all others, and whose rows will not open.
    server.advance(1).await;
    ok(&somebody(&server, 14, json!({})).await.check_in().await);
    server.advance(39).await;
    for (n, person) in (11..).zip(&mut people) {
        *person = server.log_in(&format!("138000000{n}")).await;
        ok(&person.check_in().await);
        assert_eq!(kept(person).await, json!({ "kinds": [], "erased_at": null }));
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        count(&dir, "SELECT COUNT(*) FROM retention_walk").await,
        0,
        "nobody is looked through for nothing"
    );
    server.interrupt();
    meddle(
        &dir,
        "UPDATE fact SET body = (SELECT state FROM person ORDER BY person_id LIMIT 1) \
         WHERE person_id = (SELECT person_id FROM fact GROUP BY person_id ORDER BY MIN(recorded_at) DESC LIMIT 1)",
    )
    .await;
    // A look of another node that came past the first of all of them.
    let far = 9_000_000;
    for part in 0..16 {
        let sql = format!(
            "INSERT INTO retention_walk (part, day, past, is_over, people, facts, held) \
             VALUES ({part}, {far}, (SELECT MIN(person_id) FROM person), 0, 0, 0, 0)"
        );
        meddle(&dir, &sql).await;
    }
    let with = pack(&dir, DAYS);
    let server = Server::start(Arc::clone(&dir), &["--demo", "--pack", &with]);
    looked_through(&dir, far).await;
    let looked = count(&dir, "SELECT CAST(SUM(people) AS BIGINT) FROM retention_walk").await;
    assert_eq!(looked, count(&dir, "SELECT COUNT(*) - 1 FROM person").await, "all but the one before");
    let people: Vec<Person> = people.into_iter().map(|p| Person { base: server.base.clone(), ..p }).collect();
    meddle(&dir, "DELETE FROM retention_walk").await;
    looked_through(&dir, 0).await;
    for person in &people {
        assert_eq!(erased(person, "check_in").await, 1);
        assert_eq!(person.colour().await, "green");
    }
    // Whose rows do not open is left out, and nobody waits for that.
    let damaged = Person { base: server.base.clone(), ..server.log_in("13800000014").await };
    assert_eq!(kept(&damaged).await["erased_at"], Value::Null);
    assert_eq!(damaged.colour().await, "green");
    let written = std::fs::read_to_string(&server.log).unwrap();
    assert!(written.contains("somebody was left out of a look"), "{written}");
}

/// Where days are given for something else alone, a resident reads that what they said themselves is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_of_days_for_one_kind_reads_that_their_own_words_are_kept() {
    let dir = Arc::new(TempDir::new());
    let rules = pack(&dir, "[retention]\nobservation = 30\n\n");
    let server = Server::start(dir, &["--demo", "--pack", &rules]);
    let person = somebody(&server, 11, json!({})).await;
    let of = |kind: &str, days: Value| json!({ "kind": kind, "days": days, "erased": 0 });
    let kinds = json!([
        of("declaration", Value::Null),
        of("check_in", Value::Null),
        of("test", Value::Null),
        of("observation", json!(30)),
    ]);
    assert_eq!(kept(&person).await, json!({ "kinds": kinds, "erased_at": null }));
}
