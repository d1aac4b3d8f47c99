//! Orders by hand: what one official, and two in league, can do to how many people, who sees it, and
//! how it is undone. The drill is June 2022: 1,317 people, half of them elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::{Person, Server, TempDir, document, environment, kangma, meddle, postgres, well, with};
use kangma_core::time::Instant;
use reqwest::StatusCode;
use serde_json::{Value, json};

const PEOPLE: u32 = 1_317;
/// Scope of the demo's `data` and `approver`, who are of different offices.
const HERE: &str = "330106";
const ELSEWHERE: &str = "340104";
/// Orders that one account or office may write in an hour.
const LIMIT: usize = 20;

fn demo() -> Server {
    Server::start(Arc::new(TempDir::new()), &["--demo", "--codes-per-address", "100000"])
}

async fn staff(server: &Server, name: &str) -> Person {
    let nobody = Person::nobody(server);
    let answer = nobody.post("/api/v1/staff/login", json!({ "name": name, "password": "demo" })).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    Person { token: Some(answer.body["token"].as_str().unwrap().to_owned()), ..nobody }
}

fn phone(n: u32) -> String {
    format!("1370000{n:04}")
}

async fn resident(server: &Server, n: u32, county: &str) -> Person {
    let person = server.log_in(&phone(n)).await;
    let declared = person.declare(&with(well(n), json!({ "residence": county }))).await;
    assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
    person
}

/// The server's time, from somebody's code.
async fn now(person: &Person) -> Instant {
    Instant::parse(person.code().await["server_time"].as_str().unwrap()).unwrap()
}

fn order(n: u32, until: Instant) -> Value {
    json!({
        "of": { "document": { "type": "resident_id", "number": document(n), "nationality": null } },
        "rule": "HZ-RED-ORDER", "evidence": "investigation_report", "reference": "file 2022-0613",
        "until": until, "urgent": false,
    })
}

async fn sign(officer: &Person, id: &str) -> crate::common::Answer {
    officer.post(&format!("/api/v1/orders/{id}/signature"), json!({})).await
}

async fn alarms(auditor: &Person) -> BTreeMap<String, i64> {
    let answer = auditor.get("/api/v1/alarms").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let mut all = BTreeMap::new();
    for alarm in answer.body["items"].as_array().unwrap() {
        *all.entry(alarm["kind"].as_str().unwrap().to_owned()).or_default() +=
            alarm["times"].as_i64().unwrap();
    }
    all
}

async fn notices(person: &Person) -> Vec<Value> {
    let answer = person.get("/api/v1/me/notices").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body["items"].as_array().unwrap().clone()
}

/// What the page about messages shows of one phone.
async fn told(server: &Server, n: u32) -> usize {
    let outbox = Person::nobody(server).get("/demo/outbox").await.body;
    let to = phone(n);
    let messages = outbox["messages"].as_array().unwrap().iter();
    messages.filter(|m| m["kind"] == "notice" && m["to"].as_str().is_some_and(|t| t.ends_with(&to))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_officials_cannot_turn_1_317_people_red_and_what_they_did_is_undone_by_one_command() {
    let mut server = demo();
    // Half of them live where the officials have nothing to say.
    let mut everybody: Vec<Option<Person>> = vec![None; PEOPLE as usize];
    for first in (0..PEOPLE).step_by(16) {
        let some = (first..PEOPLE.min(first + 16)).map(async |n| {
            let county = if n % 2 == 0 { HERE } else { ELSEWHERE };
            (n, resident(&server, n, county).await)
        });
        for (n, person) in futures_join(some.collect()).await {
            everybody[n as usize] = Some(person);
        }
    }
    let everybody: Vec<Person> = everybody.into_iter().flatten().collect();
    let began = now(&everybody[0]).await;
    let until = began.plus_s(7 * 86_400);

    // The first official asks for all of them, one as an urgent matter.
    let first = staff(&server, "data").await;
    let (mut waiting, mut held) = (Vec::new(), Vec::new());
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for n in 0..PEOPLE {
        let mut ask = order(n, until);
        ask["urgent"] = json!(n == 0);
        let answer = first.post("/api/v1/orders", ask).await;
        match (answer.status, answer.body["state"].as_str()) {
            (StatusCode::CREATED, Some("waiting")) => waiting.push((n, answer)),
            (StatusCode::CREATED, Some("held")) => held.push((n, answer)),
            _ => {
                *refused.entry(format!("{} {}", answer.status.as_u16(), answer.code())).or_default() += 1;
            }
        }
    }
    assert_eq!(waiting.len(), LIMIT, "blocked at the limit");
    assert!(waiting.iter().chain(&held).all(|(n, _)| n % 2 == 0), "nobody elsewhere");
    assert_eq!(refused["404 not_found"], 30, "refused without telling: {refused:?}");
    let written = waiting.len() + held.len() + 30;
    assert_eq!(refused["429 order.too_many_refused"], PEOPLE as usize - written, "{refused:?}");

    // The second one, of another office, signs whatever there is; what is held cannot be signed.
    let second = staff(&server, "approver").await;
    for (n, answer) in &waiting[..10] {
        let signed = sign(&second, answer.body["order"].as_str().unwrap()).await;
        assert_eq!(signed.status, StatusCode::OK, "{n}: {signed:?}");
    }
    let refused = sign(&second, held[0].1.body["order"].as_str().unwrap()).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "order.held"));

    // Who is red: those whom two offices signed, and nobody else of the 1,317.
    let mut colours: BTreeMap<String, u32> = BTreeMap::new();
    for person in &everybody {
        *colours.entry(person.colour().await).or_default() += 1;
    }
    assert_eq!(colours, BTreeMap::from([("green".into(), PEOPLE - 10), ("red".into(), 10)]));

    // They are told at once, by whom, until when, and with what to appeal.
    let notice = &notices(&everybody[0]).await[0];
    assert_eq!((&notice["state"], &notice["effect"]), (&json!("in_force"), &json!("colour")));
    assert_eq!(notice["office"], "样例区指挥部办公室");
    assert_eq!(notice["signed_by"], "样例区疾控中心");
    assert_eq!(notice["until"], json!(until));
    let reason = everybody[0].code().await["reasons"][0].clone();
    assert_eq!((&reason["rule"], &reason["fact"]), (&json!("HZ-RED-ORDER"), &notice["fact"]));
    let waits = &notices(&everybody[waiting[15].0 as usize]).await[0];
    assert_eq!(waits["state"], "waiting");
    assert!(
        notices(&everybody[1]).await.is_empty() && notices(&everybody[held[0].0 as usize]).await.is_empty()
    );
    // A message goes on its way after the answer.
    for _ in 0..100 {
        if told(&server, 0).await > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(told(&server, 0).await > 0 && told(&server, 1).await == 0);

    // The auditor sees it: the limit, the attempts elsewhere, no case behind it, the urgent one.
    let auditor = staff(&server, "auditor").await;
    let seen = alarms(&auditor).await;
    assert_eq!(seen.get("bulk_stopped"), Some(&(held.len() as i64)), "{seen:?}");
    assert_eq!(seen.get("urgent_order"), Some(&1));
    assert!(seen["out_of_scope"] >= 20, "{seen:?}");
    assert!(seen["many_without_case"] >= LIMIT as i64 - 4, "{seen:?}");
    let listed = auditor.get("/api/v1/orders?state=signed").await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 10);
    assert!(listed.body["items"].as_array().unwrap().iter().all(|o| o["officer"] == "data"));
    assert_eq!(first.get("/api/v1/alarms").await.code(), "auth.not_allowed");
    let id = auditor.get("/api/v1/alarms").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/alarms/{id}");
    assert_eq!(auditor.post(&path, json!({ "reason": " " })).await.code(), "form.sentence");
    assert_eq!(
        auditor.post(&path, json!({ "reason": "taken up with both offices" })).await.status,
        StatusCode::OK
    );

    // One command; the embedded database is one process's, so the service rests meanwhile.
    let ended = now(&everybody[0]).await;
    if postgres().is_none() {
        assert!(server.interrupt());
    }
    let (from, to) = (began.plus_s(-1).to_string(), ended.to_string());
    let undo =
        ["order", "undo", "--by", "data", "--from", &from, "--to", &to, "--reason", "依据不成立，已撤回"];
    let done = kangma().args(undo).envs(environment(&server.dir)).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.starts_with(&format!("{} orders withdrawn", waiting.len() + held.len())), "{said}");
    let again = kangma().args(undo).envs(environment(&server.dir)).output().unwrap();
    assert!(String::from_utf8_lossy(&again.stdout).starts_with("0 orders withdrawn"), "once is enough");
    if postgres().is_none() {
        server = Server::start(Arc::clone(&server.dir), &["--demo", "--codes-per-address", "100000"]);
    } else {
        // What the command did beside it, the service hears of within two seconds.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }

    // Nobody has a colour left from it, and each one it was about is told why.
    for (n, person) in (0..).zip(&everybody) {
        let person = Person { base: server.base.clone(), ..person.clone() };
        assert_eq!(person.colour().await, "green", "{n}");
        if waiting.iter().any(|(of, _)| *of == n) {
            let notice = &notices(&person).await[0];
            assert_eq!(
                (&notice["state"], &notice["withdrawn_because"]),
                (&json!("withdrawn"), &json!("依据不成立，已撤回"))
            );
        }
    }
    let auditor = staff(&server, "auditor").await;
    assert!(alarms(&auditor).await.contains_key("orders_undone"));
    assert!(auditor.get("/api/v1/orders?state=signed").await.body["items"].as_array().unwrap().is_empty());
    let approver = staff(&server, "approver").await;
    let late = sign(&approver, waiting[12].1.body["order"].as_str().unwrap()).await;
    assert_eq!(late.code(), "order.withdrawn");
}

/// Runs a few requests at once.
async fn futures_join<T>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut done = Vec::with_capacity(all.len());
    let mut waiting: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(value) => {
                done.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test]
async fn an_order_takes_two_offices_and_each_step_is_refused_to_whoever_may_not() {
    let server = demo();
    let person = resident(&server, 1, HERE).await;
    let foreign = resident(&server, 2, ELSEWHERE).await;
    let until = now(&person).await.plus_s(86_400);
    let writer = staff(&server, "data").await;
    let second = staff(&server, "approver").await;

    // No route takes a colour, and nobody else writes orders.
    let mut coloured = order(1, until);
    coloured["colour"] = json!("red");
    assert_eq!(writer.post("/api/v1/orders", coloured).await.code(), "body.type");
    for name in ["collector", "verifier", "approver", "auditor", "operator", "rules", "manager", "reviewer"] {
        let officer = staff(&server, name).await;
        assert_eq!(
            officer.post("/api/v1/orders", order(1, until)).await.code(),
            "auth.not_allowed",
            "{name}"
        );
    }
    assert_eq!(person.post("/api/v1/orders", order(1, until)).await.status, StatusCode::UNAUTHORIZED);

    // Somebody elsewhere and somebody who does not exist get the same answer.
    let elsewhere = writer.post("/api/v1/orders", order(2, until)).await;
    let nobody = writer.post("/api/v1/orders", order(3, until)).await;
    let told = |answer: &crate::common::Answer| {
        let mut body = answer.body.clone();
        body.as_object_mut().unwrap().remove("instance");
        (answer.status, body)
    };
    assert_eq!(told(&elsewhere), told(&nobody));
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);

    let written = writer.post("/api/v1/orders", order(1, until)).await;
    let id = written.body["order"].as_str().unwrap().to_owned();
    assert_eq!(sign(&writer, &id).await.code(), "auth.not_allowed");
    // Whoever holds both rights still cannot sign what their own office wrote.
    let admin = staff(&server, "admin").await;
    meddle(
        &server.dir,
        "UPDATE staff SET office_id = (SELECT office_id FROM staff WHERE name = 'data') WHERE name = 'admin'",
    )
    .await;
    assert_eq!(sign(&admin, &id).await.code(), "order.same_office");
    assert_eq!(sign(&second, "00000000000000000000000000000000").await.code(), "not_found");
    assert_eq!(person.colour().await, "green");

    // The second one's role ends while they are logged in; a new one is given.
    meddle(&server.dir, "UPDATE staff_grant SET ends_at = 0 WHERE staff = 'approver'").await;
    assert_eq!(sign(&second, &id).await.code(), "auth.not_allowed");
    meddle(&server.dir, "UPDATE staff_grant SET ends_at = 99999999999 WHERE staff = 'approver'").await;
    // The first one's role ends: what they began does not take effect any more.
    meddle(&server.dir, "UPDATE staff_grant SET ends_at = 0 WHERE staff = 'data'").await;
    assert_eq!(sign(&second, &id).await.code(), "order.officer_gone");
    assert_eq!(writer.post("/api/v1/orders", order(1, until)).await.code(), "auth.not_allowed");
    meddle(&server.dir, "UPDATE staff_grant SET ends_at = 99999999999 WHERE staff = 'data'").await;

    assert_eq!(sign(&second, &id).await.status, StatusCode::OK);
    assert_eq!(person.colour().await, "red");
    assert_eq!(sign(&second, &id).await.code(), "order.signed");
    assert_eq!(foreign.colour().await, "green");
    server.advance(1).await;
    assert_eq!(person.colour().await, "green", "every order has an end");
    assert_eq!(notices(&person).await[0]["state"], "ended");
    assert_eq!(foreign.get("/api/v1/me/notices").await.body["items"], json!([]));
}

#[tokio::test]
async fn an_order_of_somebody_who_has_moved_is_opened_by_whose_list_it_is_in_and_raises_no_alarm() {
    let server = demo();
    let person = resident(&server, 1, HERE).await;
    let until = now(&person).await.plus_s(86_400);
    let (writer, second) = (staff(&server, "data").await, staff(&server, "approver").await);
    let written = writer.post("/api/v1/orders", order(1, until)).await;
    let id = written.body["order"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/orders/{id}");
    assert_eq!(second.get(&path).await.body["order"]["can_sign"], true);
    let moved = person.declare(&with(well(1), json!({ "residence": ELSEWHERE }))).await;
    assert_eq!(moved.status, StatusCode::CREATED, "{moved:?}");
    let listed = second.get("/api/v1/orders").await.body;
    assert_eq!(listed["items"][0]["id"], json!(id), "{listed}");
    for _ in 0..5 {
        let opened = second.get(&path).await;
        assert_eq!(opened.status, StatusCode::OK, "{opened:?}");
        assert_eq!(opened.body["order"]["can_sign"], false, "others do that where the person is now");
        let refused = sign(&second, &id).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "order.moved"), "{refused:?}");
    }
    let auditor = staff(&server, "auditor").await;
    assert_eq!(alarms(&auditor).await.get("out_of_scope"), None, "nobody reached for what is not theirs");
    let looks = person.get("/api/v1/me/looks").await.body;
    assert_eq!(looks["items"].as_array().unwrap().len(), 6, "the person is shown each: {looks}");
}

#[tokio::test]
async fn the_level_above_lets_held_orders_through_and_two_offices_undo_them_over_the_interface() {
    let server = Server::start(Arc::new(TempDir::new()), &["--demo", "--orders-per-hour", "1"]);
    let people = [resident(&server, 1, HERE).await, resident(&server, 2, HERE).await];
    let began = now(&people[0]).await;
    let until = began.plus_s(86_400);
    let (writer, above) = (staff(&server, "data").await, staff(&server, "data.city").await);
    let second = staff(&server, "approver").await;
    let mut ids = Vec::new();
    for n in [1, 2] {
        let answer = writer.post("/api/v1/orders", order(n, until)).await;
        ids.push(answer.body["order"].as_str().unwrap().to_owned());
    }
    let held = above.get("/api/v1/orders?state=held").await;
    assert_eq!(held.body["items"][0]["id"], json!(ids[1]), "{held:?}");
    let approve = format!("/api/v1/orders/{}/approval", ids[1]);
    assert_eq!(writer.post(&approve, json!({})).await.code(), "order.same_office");
    assert_eq!(second.post(&approve, json!({})).await.code(), "auth.not_allowed");
    assert_eq!(above.post(&approve, json!({})).await.status, StatusCode::OK);
    for id in &ids {
        assert_eq!(sign(&second, id).await.status, StatusCode::OK);
    }
    for person in &people {
        assert_eq!(person.colour().await, "red");
    }
    let ask = json!({
        "officer": "data", "division": HERE, "from": began, "to": now(&people[0]).await, "reason": "证据有误",
    });
    assert_eq!(second.post("/api/v1/order-undos", ask.clone()).await.code(), "auth.not_allowed");
    let mut wider = ask.clone();
    wider["division"] = json!("33");
    assert_eq!(above.post("/api/v1/order-undos", wider).await.code(), "auth.not_allowed");
    let asked = above.post("/api/v1/order-undos", ask).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{asked:?}");
    assert_eq!(people[0].colour().await, "red", "asked is not done");
    let path = format!("/api/v1/order-undos/{}/signature", asked.body["undo"].as_str().unwrap());
    assert_eq!(above.post(&path, json!({})).await.code(), "auth.not_allowed");
    let done = second.post(&path, json!({})).await;
    assert_eq!((done.status, &done.body["undone"]), (StatusCode::OK, &json!(2)), "{done:?}");
    for person in &people {
        assert_eq!(person.colour().await, "green");
        assert_eq!(notices(person).await[0]["withdrawn_because"], "证据有误");
    }
    assert_eq!(second.post(&path, json!({})).await.code(), "order.undo_signed");
    let listed = second.get("/api/v1/order-undos").await;
    assert_eq!(
        (&listed.body["items"][0]["undone"], &listed.body["items"][0]["signed_by"]),
        (&json!(2), &json!("approver"))
    );
}
