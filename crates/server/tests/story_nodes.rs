//! Several nodes on one PostgreSQL: one is killed, and nobody loses anything or is told two things.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::{Person, Server, TempDir, kangma};
use reqwest::StatusCode;
use serde_json::{Value, json};

const PEOPLE: usize = 1_500;

struct Made {
    unwell: bool,
    token: String,
    declaration: Value,
}

/// Residents in the database, and a declaration of each that they have yet to send: every third is
/// unwell.
fn seed(dir: &TempDir) -> Vec<Made> {
    let people = PEOPLE.to_string();
    let run = |args: &[&str]| {
        let out = kangma().args(args).envs(crate::common::environment(dir)).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    crate::common::prepare(dir);
    run(&["seed", "--people", &people, "--json"]);
    let prints = (4 * PEOPLE).to_string();
    let printed = run(&["load", "--profile", "declare", "--people", &people, "--print", &prints]);
    let made = |(i, line): (usize, &str)| {
        let request: Value = serde_json::from_str(line).unwrap();
        let body = request["body"].as_str().unwrap();
        let mut declaration: Value = serde_json::from_str(body).unwrap();
        let unwell = i % 3 == 0;
        if unwell {
            declaration["answers"]["health"] = json!("unwell");
            declaration["answers"]["symptoms"] = json!(["fever"]);
            declaration["answers"]["temperature_c"] = json!(38.1);
        }
        Made { unwell, token: request["token"].as_str().unwrap().to_owned(), declaration }
    };
    let mut seen = std::collections::HashSet::new();
    let all: Vec<Made> = printed
        .lines()
        .enumerate()
        .map(made)
        .filter(|m| seen.insert(m.declaration["document"]["number"].to_string()))
        .collect();
    assert!(all.len() > PEOPLE / 3, "{} people", all.len());
    all
}

/// Sends one declaration until a node acknowledges it: always with the same key, to another node
/// after each failure.
async fn declare(nodes: &[String], client: &reqwest::Client, made: &Made, i: usize) -> String {
    for turn in 0..200 {
        let sent = client
            .post(format!("{}/api/v1/declarations", nodes[(i + turn) % nodes.len()]))
            .bearer_auth(&made.token)
            .header("idempotency-key", format!("declaration-{i}"))
            .json(&made.declaration)
            .timeout(Duration::from_secs(20))
            .send()
            .await;
        if let Ok(answer) = sent {
            let status = answer.status();
            if status == StatusCode::CREATED {
                let said: Value = answer.json().await.unwrap_or_default();
                if let Some(id) = said["declaration"].as_str() {
                    return id.to_owned();
                }
            }
            assert!(
                status.is_success() || status == StatusCode::SERVICE_UNAVAILABLE || status.is_server_error(),
                "{status}"
            );
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("declaration {i} was never acknowledged");
}

async fn colours(nodes: &[String], all: &[Made]) -> Vec<Vec<String>> {
    let mut colours = Vec::new();
    for node in nodes {
        let mut of_node = Vec::new();
        for made in all {
            let person = Person {
                client: crate::common::client(),
                base: node.clone(),
                token: Some(made.token.clone()),
            };
            of_node.push(person.colour().await);
        }
        colours.push(of_node);
    }
    colours
}

/// People are decided again in so many parts; a few leases more are for other work.
const PARTS: usize = 16;

/// Leases that any node ever held.
async fn leases_of_all(dir: &TempDir) -> usize {
    let rows = crate::common::rows(dir, "SELECT count(*)::text FROM lease").await;
    rows[0][0].as_ref().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_one_killed_under_load_lose_nothing_do_nothing_twice_and_agree() {
    let dir = Arc::new(TempDir::shared());
    let all = Arc::new(seed(&dir));
    let mut servers: Vec<Server> = (0..3).map(|_| Server::start(Arc::clone(&dir), &[])).collect();
    let nodes: Arc<Vec<String>> = Arc::new(servers.iter().map(|s| s.base.clone()).collect());
    // Every node remembers everybody as they were.
    let before = colours(&nodes, &all[..60]).await;
    assert_eq!(before[0], before[1]);
    assert_eq!(before[0], before[2]);

    let next = Arc::new(AtomicUsize::new(0));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let client = crate::common::client();
    let tasks: Vec<_> = (0..60)
        .map(|_| {
            let (all, nodes, client) = (Arc::clone(&all), Arc::clone(&nodes), client.clone());
            let (next, acknowledged) = (Arc::clone(&next), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut ids = Vec::new();
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(made) = all.get(i) else { return ids };
                    ids.push((i, declare(&nodes, &client, made, i).await));
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    while acknowledged.load(Ordering::Relaxed) < all.len() / 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    servers[2].kill();
    let killed = Instant::now();
    let mut ids = HashMap::new();
    for task in tasks {
        ids.extend(task.await.unwrap());
    }
    assert_eq!(ids.len(), all.len(), "every declaration was acknowledged, by one node or another");

    // The change is two seconds old at most.
    let left = Duration::from_secs(2);
    tokio::time::sleep(left).await;
    let alive = &nodes[..2];
    let after = colours(alive, &all).await;
    let differ = after[0].iter().zip(&after[1]).filter(|(a, b)| a != b).count();
    assert_eq!(differ, 0, "no colour differs between nodes");
    for (i, colour) in after[0].iter().enumerate().filter(|(i, _)| all[*i].unwell) {
        assert!(colour == "yellow" || colour == "red", "{i} declared a fever and is {colour}");
    }
    for (i, made) in all.iter().enumerate() {
        let person =
            Person { client: client.clone(), base: alive[i % 2].clone(), token: Some(made.token.clone()) };
        let list = person.get("/api/v1/me/declarations").await.body;
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 2, "the seeded declaration of {i}, and this one once");
        assert_eq!(items[0]["id"], ids[&i], "the one that was acknowledged");
    }

    // The dead node's share of the work is taken over.
    let free = async || {
        let rows =
            crate::common::rows(&dir, "SELECT encode(holder, 'hex'), name FROM lease WHERE expires_at > 0")
                .await;
        let nodes = crate::common::rows(&dir, "SELECT encode(node_id, 'hex') FROM node").await;
        (rows, nodes.len())
    };
    loop {
        let (leases, _) = free().await;
        let holders: HashMap<String, usize> = leases.iter().fold(HashMap::new(), |mut holders, row| {
            *holders.entry(row[0].clone().unwrap()).or_default() += 1;
            holders
        });
        let counts: Vec<usize> = holders.values().copied().collect();
        if counts.len() == 2
            && counts.iter().sum::<usize>() == leases_of_all(&dir).await
            && counts.iter().all(|n| *n >= 8)
        {
            break;
        }
        assert!(killed.elapsed() < Duration::from_secs(15), "{holders:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(free().await.1, 3, "a dead node is forgotten in its time; a live one keeps its row");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_due_decision_is_made_once_whichever_node_holds_it() {
    let dir = Arc::new(TempDir::shared());
    seed(&dir);
    let servers: Vec<Server> = (0..3).map(|_| Server::start(Arc::clone(&dir), &[])).collect();
    let shares = async || {
        let sql = "SELECT count(DISTINCT holder)::text, count(*)::text FROM lease WHERE expires_at > 0";
        crate::common::rows(&dir, sql).await.swap_remove(0)
    };
    let began = Instant::now();
    while {
        let all = leases_of_all(&dir).await;
        all < PARTS || shares().await != [Some("3".to_owned()), Some(all.to_string())]
    } {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", shares().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Everybody becomes due at one instant, as at midnight.
    let versions = "SELECT encode(person_id, 'hex'), version::text FROM person";
    let read = async || -> HashMap<String, i64> {
        let rows = crate::common::rows(&dir, versions).await;
        rows.into_iter()
            .map(|row| (row[0].clone().unwrap(), row[1].as_ref().unwrap().parse().unwrap()))
            .collect()
    };
    let before = read().await;
    crate::common::meddle(&dir, "UPDATE person SET review_at = 1").await;
    let began = Instant::now();
    loop {
        let due = crate::common::rows(&dir, "SELECT count(*)::text FROM person WHERE review_at = 1").await;
        if due[0][0].as_deref() == Some("0") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{due:?} are still due");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (id, version) in read().await {
        assert_eq!(version, before[&id] + 1, "{id} was decided once");
    }
    drop(servers);
}

/// A session is one on all nodes: moved on one it has moved, and used by turns through two it ends on both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_used_through_two_nodes_moves_with_its_holder_and_ends_with_two_places() {
    let dir = Arc::new(TempDir::shared());
    let nodes: Vec<Server> =
        (0..2).map(|_| Server::start(Arc::clone(&dir), &["--demo", "--trust-proxy"])).collect();
    let client = crate::common::client();
    let log_in = async || {
        let request = client.post(format!("{}/api/v1/staff/login", nodes[0].base));
        let request = request.json(&json!({ "name": "data", "password": "demo" }));
        let answer = request.header("x-forwarded-for", "192.0.2.1").send().await.unwrap();
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    };
    let me = async |node: usize, from: &str, token: &str| {
        let request = client.get(format!("{}/api/v1/staff/me", nodes[node].base)).bearer_auth(token);
        let answer = request.header("x-forwarded-for", from).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["code"].as_str().unwrap_or("fine").to_owned()
    };
    let token = log_in().await;
    for (node, from) in
        [(0, "192.0.2.1"), (1, "192.0.2.1"), (1, "198.51.100.1"), (0, "198.51.100.1"), (1, "198.51.100.2")]
    {
        assert_eq!(me(node, from, &token).await, "fine", "{node} {from}");
    }
    let at_once = (0..20).map(|n| me(n % 2, "203.0.113.1", &token));
    let answers = futures_util::future::join_all(at_once).await;
    assert!(answers.iter().all(|a| a == "fine"), "a move at once on both: {answers:?}");
    assert_eq!(
        me(0, "198.51.100.1", &token).await,
        "fine",
        "back once, as a telephone that lost its network"
    );
    assert_eq!(me(1, "203.0.113.1", &token).await, "staff.elsewhere");
    for (node, from) in [(1, "198.51.100.1"), (1, "203.0.113.1"), (0, "203.0.113.1")] {
        assert_eq!(me(node, from, &token).await, "staff.elsewhere", "{node} {from}");
    }
}
