//! Numbers for each level of administration: they move with each decision, add up, and tell of
//! nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{Answer, Person, Server, TempDir, kangma, well, with};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A committee of Xihu district, and all that is above it.
const COMMITTEE: &str = "330106002051";
const LEVELS: [&str; 6] = ["0", "33", "3301", "330106", "330106002", COMMITTEE];
/// A decision is in the numbers of every level by then.
const LIVE: Duration = Duration::from_secs(5);

fn run(dir: &TempDir, args: &[&str]) -> (bool, String) {
    let out = kangma().args(args).envs(crate::common::environment(dir)).output().unwrap();
    let text = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (out.status.success(), text)
}

/// A town whose districts all have people of each colour, and a service on it.
fn town(people: &str) -> (Arc<TempDir>, Server) {
    let dir = Arc::new(TempDir::new());
    crate::common::prepare(&dir);
    let (done, said) = run(&dir, &["seed", "--people", people, "--newcomers", "0", "--json"]);
    assert!(done, "{said}");
    let server = Server::start(Arc::clone(&dir), &["--demo"]);
    (dir, server)
}

/// An officer, as soon as all that was decided before is in the numbers.
async fn officer(server: &Server) -> Person {
    #[expect(clippy::disallowed_methods, reason = "compared with what the service says")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let (officer, began) = (server.officer("auditor").await, Instant::now());
    loop {
        let as_of = numbers(&officer, "0").await.body["as_of"].as_str().unwrap().to_owned();
        if kangma_core::time::Instant::parse(&as_of).unwrap().0 > now as i64 {
            return officer;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{as_of}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The counts agree with the people, once no node is alive any more.
async fn counts_agree(dir: &TempDir) {
    let began = Instant::now();
    loop {
        let (done, said) = run(dir, &["tally", "check"]);
        if done {
            assert!(said.contains("agree"), "{said}");
            return;
        }
        assert!(said.contains("tally.running"), "{said}");
        assert!(began.elapsed() < Duration::from_secs(30), "{said}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn numbers(officer: &Person, division: &str) -> Answer {
    let answer = officer.get_in_turn(&format!("/api/v1/dashboard/{division}/numbers")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer
}

fn count(answer: &Answer, measure: &str) -> Option<i64> {
    let all = answer.body["numbers"].as_array().unwrap();
    all.iter().find(|n| n["measure"] == measure).unwrap()["count"].as_i64()
}

/// The reds of all levels, the country first.
async fn reds(officer: &Person) -> Vec<Option<i64>> {
    let mut reds = Vec::new();
    for level in LEVELS {
        reds.push(count(&numbers(officer, level).await, "red"));
    }
    reds
}

/// Waits until the reds of all levels are so; says how long that took.
async fn until_reds(officer: &Person, wanted: &[Option<i64>]) -> Duration {
    until_reds_within(LIVE, officer, wanted).await
}

async fn until_reds_within(limit: Duration, officer: &Person, wanted: &[Option<i64>]) -> Duration {
    let began = Instant::now();
    loop {
        let seen = reds(officer).await;
        if seen == wanted {
            return began.elapsed();
        }
        assert!(began.elapsed() < limit, "{seen:?} and not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Somebody of the committee who met a confirmed case.
async fn turn_red(server: &Server, n: u32, residence: &str) -> Person {
    let person = server.log_in(&format!("138000{n:05}")).await;
    let said = with(well(n), json!({ "contact": "confirmed", "residence": residence }));
    assert_eq!(person.declare(&said).await.status, StatusCode::CREATED);
    person
}

/// Where everything is shown, the children of a division add up to it.
async fn children_add_up(officer: &Person, division: &str) {
    let answer = officer.get(&format!("/api/v1/dashboard/{division}/children")).await;
    let own = numbers(officer, division).await;
    let rows = answer.body["rows"].as_array().unwrap();
    assert_eq!(answer.body["rows_total"], rows.len());
    for (m, measure) in answer.body["measures"].as_array().unwrap().iter().enumerate() {
        let counts: Vec<Option<i64>> = rows.iter().map(|row| row["counts"][m].as_i64()).collect();
        let shown: i64 = counts.iter().flatten().sum();
        let measure = measure.as_str().unwrap();
        match (count(&own, measure), counts.iter().filter(|c| c.is_none()).count()) {
            (Some(total), 0) => assert_eq!(shown, total, "{measure} of {division}"),
            (Some(total), withheld) => {
                assert!(withheld >= 2 && total - shown >= 5, "{measure} of {division}: {counts:?}");
            }
            (None, withheld) => assert!(withheld >= 1, "{measure} of {division}: {counts:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_moves_every_level_within_five_seconds_and_a_kill_loses_and_doubles_nothing() {
    let (dir, mut server) = town("12000");
    let officer = officer(&server).await;
    let before = reds(&officer).await;
    assert!(before[..4].iter().all(Option::is_some), "{before:?}");
    assert_eq!(before[4..], [Some(0), Some(0)], "nobody said that they live in the street");
    for n in 1..=5 {
        turn_red(&server, n, COMMITTEE).await;
    }
    let plus = |n: i64| before.iter().map(|red| red.map(|red| red + n)).collect::<Vec<_>>();
    until_reds(&officer, &plus(5)).await;
    for level in &LEVELS[..5] {
        children_add_up(&officer, level).await;
    }

    // One more, seen live.
    let mut live = officer
        .client
        .get(format!("{}/api/v1/dashboard/{COMMITTEE}/live", server.base))
        .bearer_auth(officer.token.as_ref().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    let event = async |live: &mut reqwest::Response| {
        let chunk = tokio::time::timeout(LIVE, live.chunk()).await.expect("in time").unwrap().unwrap();
        String::from_utf8(chunk.to_vec()).unwrap()
    };
    assert!(event(&mut live).await.starts_with("event: change\ndata: {\"as_of\""));
    turn_red(&server, 6, COMMITTEE).await;
    let wanted = plus(6);
    let (told, took) = tokio::join!(event(&mut live), until_reds(&officer, &wanted));
    assert!(told.starts_with("event: change"), "{told}");
    println!("six levels moved after {took:?}");
    let new_reds = async |officer: &Person| count(&numbers(officer, "0").await, "new_red").unwrap();
    let of_six = new_reds(&officer).await;
    assert!(of_six >= 6, "all of them today, and the demo's own");
    let path = numbers(&officer, COMMITTEE).await.body["path"].clone();
    assert_eq!(path.as_array().unwrap().iter().map(|c| &c["division"]).collect::<Vec<_>>(), LEVELS);

    // Killed between the decision and its fold.
    let mut n = 6;
    for people in [1, 2] {
        for _ in 0..people {
            n += 1;
            turn_red(&server, n, COMMITTEE).await;
        }
        server.kill();
        server = Server::start(Arc::clone(&dir), &["--demo"]);
        let officer = server.officer("auditor").await;
        // With nodes, a dead one's work is taken over within fifteen seconds.
        let limit = LIVE + Duration::from_secs(15);
        until_reds_within(limit, &officer, &plus(i64::from(n))).await;
    }
    // Somebody moves: here one less, there one more, above the same.
    let officer = server.officer("auditor").await;
    let mover = server.log_in("13800000009").await;
    let there = with(well(9), json!({ "contact": "confirmed", "residence": "330106" }));
    assert_eq!(mover.declare(&there).await.status, StatusCode::CREATED);
    let mut moved = plus(9);
    moved[4..].fill(Some(8));
    until_reds(&officer, &moved).await;
    assert_eq!(new_reds(&officer).await, of_six + 3, "moving turns nobody red");
    assert!(server.interrupt(), "open streams end with the service");
    drop(live);
    counts_agree(&dir).await;

    // What is wrong is found and mended.
    crate::common::meddle(&dir, "DELETE FROM tally").await;
    let (agrees, said) = run(&dir, &["tally", "check"]);
    assert!(!agrees && said.contains("differ"), "{said}");
    let (mended, said) = run(&dir, &["tally", "rebuild"]);
    assert!(mended, "{said}");
    counts_agree(&dir).await;
    let server = Server::start(Arc::clone(&dir), &["--demo"]);
    until_reds(&server.officer("auditor").await, &moved).await;
}

#[tokio::test]
async fn few_people_are_withheld_in_every_answer_and_file_with_enough_beside_them() {
    let (_dir, server) = town("12000");
    let officer = officer(&server).await;
    let before = reds(&officer).await;
    for n in 20..23 {
        turn_red(&server, n, COMMITTEE).await;
    }
    let mut wanted: Vec<Option<i64>> = before.iter().map(|red| red.map(|red| red + 3)).collect();
    wanted[4..].fill(None);
    until_reds(&officer, &wanted).await;
    for level in &LEVELS[..5] {
        children_add_up(&officer, level).await;
    }
    // In the street the three are all there is; in the district others are withheld with it.
    let children = officer.get("/api/v1/dashboard/330106/children").await;
    let rows = children.body["rows"].as_array().unwrap();
    let red = children.body["measures"].as_array().unwrap().iter().position(|m| m == "red").unwrap();
    let of = |code: &str| rows.iter().find(|row| row["division"] == code).unwrap()["counts"][red].clone();
    assert_eq!(of("330106002"), Value::Null);
    assert_eq!(of("330106?"), Value::Null, "the rest is the district less what is withheld");
    let series = officer.get("/api/v1/dashboard/330106002/series").await;
    let of_street = &series.body["series"].as_array().unwrap()[red]["counts"];
    let days = of_street.as_array().unwrap();
    assert_eq!((days.len(), &days[89], &days[0]), (90, &Value::Null, &json!(0)));
    assert_eq!(series.body["days"].as_array().unwrap().len(), 90);

    // The file has the same rows, and asks why.
    let path = "/api/v1/dashboard/330106/export.csv";
    let refused = officer.post(path, json!({ "reason": "每日防疫汇总" })).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::FORBIDDEN, "auth.not_allowed"),
        "another right"
    );
    let officer = server.officer("data").await;
    let refused = officer.post(path, json!({ "reason": " " })).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "export.reason"));
    let file = officer.post(path, json!({ "reason": "每日防疫汇总" })).await;
    assert_eq!(file.status, StatusCode::OK, "{file:?}");
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert!(file.text.starts_with("\u{feff}division,name,as_of,green"));
    let lines: Vec<&str> = file.text.lines().skip(1).collect();
    assert_eq!(lines.len(), rows.len());
    assert_eq!(file.headers["x-rows"].to_str().unwrap(), rows.len().to_string());
    for (line, row) in lines.iter().zip(rows) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[0], row["division"].as_str().unwrap());
        assert!(!cells.iter().any(|c| c.starts_with(['=', '+', '-', '@'])), "{line}");
        for (cell, count) in cells[3..].iter().zip(row["counts"].as_array().unwrap()) {
            assert_eq!(*cell, count.as_i64().map_or("*".to_owned(), |n| n.to_string()), "{line}");
        }
    }
}

#[tokio::test]
async fn what_lies_outside_of_a_scope_answers_as_what_does_not_exist() {
    let server = Server::demo();
    let district = server.officer("data").await;
    let reason = json!({ "reason": "每日防疫汇总" });
    let mut refusals = std::collections::BTreeSet::new();
    for panel in ["numbers", "series", "children", "live", "export.csv"] {
        let ask = async |who: &Person, division: &str| {
            let path = format!("/api/v1/dashboard/{division}/{panel}");
            match panel {
                "export.csv" => who.post(&path, reason.clone()).await,
                _ => who.get(&path).await,
            }
        };
        // Above, beside, and nowhere.
        for division in
            ["0", "33", "3301", "330102", "11", "99", "330199", "x", "330106%3F", "-1", "33010600200"]
        {
            let answer = ask(&district, division).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{division}/{panel}");
            refusals.insert(answer.body["detail"].as_str().unwrap().to_owned());
        }
        if panel != "live" {
            assert_eq!(ask(&district, "330106002").await.status, StatusCode::OK, "{panel}");
        }
        // Who may see no numbers is told nothing of any division.
        for division in ["330106", "99"] {
            let answer = ask(&server.reviewer().await, division).await;
            assert_eq!(
                (answer.status, answer.code()),
                (StatusCode::FORBIDDEN, "auth.not_allowed"),
                "{panel}"
            );
            assert_eq!(ask(&Person::nobody(&server), division).await.status, StatusCode::UNAUTHORIZED);
        }
    }
    assert_eq!(refusals.len(), 1, "one sentence for all: {refusals:?}");
    let path = numbers(&district, "330106002").await.body["path"].clone();
    let path: Vec<&str> = path.as_array().unwrap().iter().map(|c| c["division"].as_str().unwrap()).collect();
    assert_eq!(path, ["330106", "330106002"], "the way down begins where the scope does");
}

#[tokio::test]
async fn checkpoints_and_collectors_say_what_stands_still() {
    let server = Server::demo();
    let page = Person::nobody(&server);
    let beat = async |n: u32, kind: &str, division: Value, keys_age_s: u32, outbox: u32| {
        let body = json!({ "device": format!("{n:032x}"), "kind": kind, "division": division,
            "keys_age_s": keys_age_s, "outbox": outbox });
        page.post("/api/v1/devices/heartbeat", body).await
    };
    for (n, kind, division, keys_age_s, outbox) in [
        (1, "checkpoint", json!("330106"), 60, 0),
        (2, "checkpoint", json!("330106"), 100_000, 0),
        (2, "checkpoint", json!("330106"), 100_000, 0),
        (3, "checkpoint", json!(null), 100_000, 0),
        (4, "collector", json!("330106002"), 60, 7),
    ] {
        let answer = beat(n, kind, division, keys_age_s, outbox).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    }
    assert_eq!(beat(5, "checkpoint", json!("999999"), 0, 0).await.code(), "division.unknown");
    assert_eq!(beat(6, "gate", json!(null), 0, 0).await.code(), "body.type");
    let officer = server.officer("auditor").await;
    let began = Instant::now();
    loop {
        let seen = numbers(&officer, "330106").await.body["devices"].clone();
        let wanted = json!({ "checkpoints": 2, "checkpoints_stale": 1, "collectors": 1,
            "collectors_waiting": 1, "outbox": 7 });
        if seen == wanted {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{seen}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let country = numbers(&officer, "0").await;
    assert_eq!(country.body["devices"]["checkpoints_stale"], 2);
}

#[tokio::test]
async fn appeals_that_wait_too_long_are_counted_and_few_are_withheld() {
    let server = Server::demo();
    let officer = server.officer("auditor").await;
    let appeals = async |division: &str| numbers(&officer, division).await.body["appeals"].clone();
    assert_eq!(appeals("330106").await, json!({ "open": 0, "late": 0 }));
    let until = async |division: &str, wanted: Value| {
        let began = Instant::now();
        loop {
            let seen = appeals(division).await;
            if seen == wanted {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(15), "{division}: {seen} and not {wanted}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    for n in 30..36 {
        let person = turn_red(&server, n, "330106").await;
        let ask =
            json!({ "id": format!("appeal-{n}"), "ground": "wrong_fact", "text": "登记有误，请核实。" });
        let made = person.post("/api/v1/me/appeals", ask).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        if n == 32 {
            until("330106", json!({ "open": null, "late": null })).await;
        }
    }
    until("330106", json!({ "open": 6, "late": 0 })).await;
    server.advance(2).await;
    for division in ["330106", "3301", "0"] {
        until(division, json!({ "open": 6, "late": 6 })).await;
    }
    until("330102", json!({ "open": 0, "late": 0 })).await;
    // Two more that are in time: eight less six would tell of them.
    for n in 36..38 {
        let person = turn_red(&server, n, "330106").await;
        let ask =
            json!({ "id": format!("appeal-{n}"), "ground": "wrong_fact", "text": "登记有误，请核实。" });
        assert_eq!(person.post("/api/v1/me/appeals", ask).await.status, StatusCode::CREATED);
    }
    until("330106", json!({ "open": 8, "late": null })).await;
}

/// A map of squares, which looks like no place: one for each district of Hangzhou.
fn squares() -> Value {
    let district = |(i, code): (usize, &'static str)| {
        let (east, north) = ((i % 4) as f64, (i / 4) as f64);
        let ring = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
            .map(|[x, y]| json!([120.0 + east + f64::from(x), 30.0 + north + f64::from(y)]));
        json!({ "type": "Feature", "properties": { "adcode": code },
            "geometry": { "type": "Polygon", "coordinates": [ring] } })
    };
    let codes = kangma_core::division::divisions().children(Some("3301")).map(|d| d.code);
    json!({ "type": "FeatureCollection", "features": codes.enumerate().map(district).collect::<Vec<_>>() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_is_served_where_all_children_are_on_it_to_those_who_see_the_numbers() {
    let dir = Arc::new(TempDir::new());
    std::fs::create_dir_all(dir.0.join("data")).unwrap();
    std::fs::write(dir.0.join("data/map.geojson"), squares().to_string()).unwrap();
    let server = Server::start(Arc::clone(&dir), &["--demo"]);
    let auditor = server.officer("auditor").await;
    for (division, there) in [("3301", true), ("33", false), ("330106", false), ("0", false)] {
        let children = auditor.get(&format!("/api/v1/dashboard/{division}/children")).await;
        assert_eq!(children.body["map"], there, "{division}");
        let status = auditor.get(&format!("/api/v1/dashboard/{division}/map")).await.status;
        assert_eq!(status, if there { StatusCode::OK } else { StatusCode::NOT_FOUND }, "{division}");
    }
    let map = auditor.get("/api/v1/dashboard/3301/map").await;
    let features = map.body["features"].as_array().unwrap();
    assert_eq!(features.len(), 13);
    assert!(features.iter().any(|f| f["properties"] == json!({ "code": "330106", "name": "西湖区" })));
    // The same is not sent again.
    let tag = map.headers["etag"].to_str().unwrap();
    let again = auditor
        .client
        .get(format!("{}/api/v1/dashboard/3301/map", server.base))
        .bearer_auth(auditor.token.as_ref().unwrap())
        .header("if-none-match", tag);
    let again = again.send().await.unwrap();
    assert_eq!((again.status(), again.text().await.unwrap()), (StatusCode::NOT_MODIFIED, String::new()));
    // Whoever sees the numbers of a district sees no map of the city.
    let district = server.officer("data").await;
    assert_eq!(district.get("/api/v1/dashboard/3301/map").await.status, StatusCode::NOT_FOUND);
    drop(server);
    // One that is none keeps the service from starting.
    let mut broken = squares();
    broken["features"][3]["geometry"]["coordinates"][0][4] = json!([0.0, 0.0]);
    std::fs::write(dir.0.join("data/map.geojson"), broken.to_string()).unwrap();
    let (started, said) = run(&dir, &["serve", "--port", "0"]);
    assert!(!started && said.contains("feature 3") && said.contains("not closed"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_demo_has_neighbours_and_a_filled_one_gets_none() {
    let dir = Arc::new(TempDir::new());
    let crowd = ["--demo", "--demo-people", "4000"];
    let server = Server::start(Arc::clone(&dir), &crowd);
    let visitor = officer(&server).await;
    let country = numbers(&visitor, "0").await;
    let green = count(&country, "green").unwrap();
    assert!((3_730..=3_915).contains(&green), "{country:?}");
    assert!(count(&country, "red").is_some() && count(&country, "yellow").is_some(), "{country:?}");
    children_add_up(&visitor, "3301").await;
    let streets = visitor.get("/api/v1/dashboard/330109/children").await.body;
    let shown = streets["rows"].as_array().unwrap().iter().filter(|row| row["counts"][0].as_i64() > Some(0));
    assert!(shown.count() > 3, "people live in streets: {streets}");
    let series = visitor.get("/api/v1/dashboard/0/series").await.body;
    let greens = series["series"][0]["counts"].as_array().unwrap();
    assert!(greens.iter().filter(|n| n.as_i64() > Some(0)).count() >= 6, "days before today: {series}");
    drop(server);
    // Started again it is the same.
    let server = Server::start(Arc::clone(&dir), &crowd);
    let visitor = officer(&server).await;
    assert_eq!(count(&numbers(&visitor, "0").await, "green"), Some(green));
    drop(server);
    let filled = Arc::new(TempDir::new());
    let (done, said) = run(&filled, &["seed", "--people", "300", "--newcomers", "0", "--json"]);
    assert!(done, "{said}");
    let server = Server::start(Arc::clone(&filled), &crowd);
    let visitor = officer(&server).await;
    assert!(count(&numbers(&visitor, "0").await, "green").unwrap() < 310);
}
