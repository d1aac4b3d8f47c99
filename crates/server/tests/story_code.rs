//! Declaring, showing, checking in, turning green: whole journeys over HTTP.

use crate::common::{Person, Server, well, with};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_person_declares_once_and_gets_a_green_code_that_a_checkpoint_confirms() {
    let server = Server::demo();
    let person = server.log_in("13800000001").await;
    assert_eq!(person.code().await["status"], "unknown");
    let declared = person.declare(&well(1)).await;
    assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
    assert_eq!(declared.body["state"], "accepted");
    let code = person.code().await;
    assert_eq!((code["colour"].as_str(), code["status"].as_str()), (Some("green"), Some("active")));
    assert_eq!(code["name_masked"], "张**");
    assert_eq!(code["reasons"], json!([]));
    let scanned = server.scan(code["pass"].as_str().unwrap()).await;
    assert_eq!(scanned["verdict"], "good");
    assert_eq!(scanned["colour"], "green");
    assert_eq!(scanned["name_masked"], "张**");
    let members: Vec<&String> = scanned.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["as_of", "code", "colour", "name_masked", "verdict"],
        "a checkpoint learns nothing else"
    );
}

#[tokio::test]
async fn the_same_phone_finds_the_same_person_and_another_has_to_prove_itself() {
    let server = Server::demo();
    let red = with(well(2), json!({ "contact": "confirmed" }));
    let first = server.log_in("13800000002").await;
    first.declare(&red).await;
    assert_eq!(first.colour().await, "red");
    let again = server.log_in("13800000002").await;
    assert_eq!(again.declare(&well(2)).await.body["state"], "accepted");
    assert_eq!(again.colour().await, "red", "declaring again clears nothing");
    let other = server.log_in("13800000003").await;
    let declared = other.declare(&well(2)).await;
    assert_eq!(declared.body["state"], "needs_proof");
    let code = other.code().await;
    assert_eq!((code["colour"].as_str(), code["status"].as_str()), (Some("grey"), Some("claim")));
    assert_eq!(code["pass"], json!(null));
    assert!(
        !declared.text.contains("red") && !code.to_string().contains("HZ-"),
        "nothing of the person is revealed"
    );
    let wrong = other.post("/api/v1/me/identity/proof", json!({ "proof": "000000" })).await;
    assert_eq!(wrong.code(), "login.code_wrong");
    let proof = server.outbox_code("13800000003").await;
    let proved = other.post("/api/v1/me/identity/proof", json!({ "proof": proof })).await;
    assert_eq!(proved.status, StatusCode::OK, "{proved:?}");
    assert_eq!(other.colour().await, "red", "the same person on both phones");
    assert_eq!(first.colour().await, "red");
}

#[tokio::test]
async fn red_turns_green_by_itself_after_fourteen_days_of_check_ins() {
    let server = Server::demo();
    let person = server.log_in("13800000004").await;
    person.declare(&with(well(4), json!({ "contact": "confirmed" }))).await;
    for day in 1..=14 {
        let code = person.code().await;
        assert_eq!(code["colour"], "red", "day {day}");
        let reason = &code["reasons"][0];
        assert!(reason["rule"].as_str().unwrap().starts_with("HZ-RED"), "{reason}");
        for member in ["title", "why", "since", "what_to_do", "earliest_green"] {
            assert!(reason[member].as_str().is_some_and(|t| !t.is_empty()), "{member} of {reason}");
        }
        let done = person.check_in().await;
        assert_eq!(done.status, StatusCode::CREATED, "{done:?}");
        let check_ins = person.code().await["reasons"][0]["progress"].as_array().unwrap().clone();
        let run = check_ins.iter().find(|p| p["what"] == "check_ins").unwrap();
        assert_eq!((run["done"].as_u64(), run["of"].as_u64()), (Some(day), Some(14)));
        server.advance(1).await;
    }
    let code = person.code().await;
    assert_eq!(code["colour"], "green");
    assert_eq!(server.scan(code["pass"].as_str().unwrap()).await["verdict"], "good");
}

#[tokio::test]
async fn a_missed_day_restarts_the_run_and_the_code_says_so() {
    let server = Server::demo();
    let person = server.log_in("13800000005").await;
    person.declare(&with(well(5), json!({ "health": "unwell", "symptoms": ["dry_cough"] }))).await;
    assert_eq!(person.colour().await, "yellow");
    for _ in 0..3 {
        person.check_in().await;
        server.advance(1).await;
    }
    server.advance(1).await; // a day without a check-in
    person.check_in().await;
    let reason = person.code().await["reasons"][0].clone();
    let run =
        reason["progress"].as_array().unwrap().iter().find(|p| p["what"] == "check_ins").unwrap().clone();
    assert_eq!(run["done"], 1, "{reason}");
    assert_eq!(reason["broken"]["why"], "missed", "{reason}");
}

#[tokio::test]
async fn an_abnormal_check_in_counts_on_the_same_day_and_a_second_normal_one_does_not() {
    let server = Server::demo();
    let person = server.log_in("13800000006").await;
    person.declare(&well(6)).await;
    assert_eq!(person.colour().await, "green");
    assert_eq!(person.check_in().await.body["counted"], true);
    assert_eq!(person.check_in().await.body["counted"], false);
    let fever =
        person.post("/api/v1/me/check-ins", json!({ "temperature_c": 38.4, "symptoms": ["fever"] })).await;
    assert_eq!((fever.body["normal"].as_bool(), fever.body["counted"].as_bool()), (Some(false), Some(true)));
    assert_eq!(person.colour().await, "yellow");
    let items = person.get("/api/v1/me/check-ins").await.body["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 3);
    assert_eq!(items[0]["temperature_c"], 38.4);
}

#[tokio::test]
async fn a_contradiction_waits_for_a_reviewer_who_approves_returns_or_finds_it_false() {
    let server = Server::demo();
    let reviewer = server.reviewer().await;
    let planted = reviewer.get("/api/v1/reviews").await.body["items"].as_array().unwrap().len();
    let contradiction = |n| with(well(n), json!({ "temperature_c": 38.5, "symptoms": ["fever"] }));
    let mut settled = Vec::new();
    for (n, phone, outcome, status, colour) in [
        (10, "13800000010", "approve", "active", "yellow"),
        (11, "13800000011", "return", "returned", "grey"),
        (12, "13800000012", "false", "active", "red"),
    ] {
        let person = server.log_in(phone).await;
        person.declare(&contradiction(n)).await;
        let code = person.code().await;
        assert_eq!(
            (code["colour"].as_str(), code["status"].as_str()),
            (Some("grey"), Some("pending")),
            "{outcome}"
        );
        let items = reviewer.get("/api/v1/reviews").await.body["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), planted + 1, "{items}");
        let id = items.as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
        let detail = reviewer.get(&format!("/api/v1/reviews/{id}")).await;
        assert_eq!(detail.body["name"], "张测试", "{detail:?}");
        assert!(detail.body["answers"].as_array().unwrap().iter().any(|a| a["flagged"] == true));
        let path = format!("/api/v1/reviews/{id}");
        if outcome != "approve" {
            let bare = reviewer.post(&path, json!({ "outcome": outcome })).await;
            assert_eq!(bare.code(), "review.reason");
        }
        let done = reviewer.post(&path, json!({ "outcome": outcome, "reason": "体温与自述不符" })).await;
        assert_eq!(
            (done.status, done.body["state"].as_str()),
            (StatusCode::OK, Some("settling")),
            "{done:?}"
        );
        settled.push((n, person, path, outcome, status, colour));
    }
    server.findings_take_effect().await;
    for (n, person, path, outcome, status, colour) in settled {
        let code = person.code().await;
        assert_eq!(
            (code["status"].as_str(), code["colour"].as_str()),
            (Some(status), Some(colour)),
            "{outcome}"
        );
        if outcome == "return" {
            assert_eq!(code["returned"]["reason"], "体温与自述不符");
            person.declare(&well(n)).await;
            assert_eq!(person.colour().await, "green", "a corrected declaration is taken");
        }
        let again = reviewer.post(&path, json!({ "outcome": "approve" })).await;
        assert_eq!(again.code(), "review.closed");
    }
    let resident = server.log_in("13800000013").await;
    assert_eq!(resident.get("/api/v1/reviews").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_scan_tells_what_is_wrong_with_a_pass_and_what_changed_since() {
    let server = Server::demo();
    let person = server.log_in("13800000014").await;
    person.declare(&well(14)).await;
    let green = person.code().await["pass"].as_str().unwrap().to_owned();
    person.declare(&with(well(14), json!({ "contact": "suspected" }))).await;
    let changed = server.scan(&green).await;
    assert_eq!((changed["verdict"].as_str(), changed["colour"].as_str()), (Some("revoked"), Some("red")));
    let mut forged: Vec<char> = green.chars().collect();
    let last = forged.len() - 1;
    forged[last] = if forged[last] == 'A' { 'B' } else { 'A' };
    let forged: String = forged.into_iter().collect();
    let verdict = server.scan(&forged).await;
    assert_ne!(verdict["verdict"], "good");
    assert_eq!(verdict["colour"], "grey");
    let demo = Person::nobody(&server).get("/demo").await.body;
    for specimen in demo["specimens"].as_array().unwrap() {
        let scanned = server.scan(specimen["pass"].as_str().unwrap()).await;
        assert_eq!(
            (scanned["verdict"].as_str(), scanned["colour"].as_str()),
            (Some("specimen"), Some("grey"))
        );
    }
    server.advance(2).await;
    assert_eq!(server.scan(&green).await["verdict"], "expired");
    assert_eq!(server.scan("hello").await["verdict"], "not_a_pass");
}

#[tokio::test]
async fn the_five_stories_of_the_demo_are_as_told() {
    let server = Server::demo();
    let demo = Person::nobody(&server).get("/demo").await.body;
    let residents = demo["residents"].as_array().unwrap().clone();
    assert_eq!(residents.len(), 5);
    for resident in residents {
        let phone = resident["phone"].as_str().unwrap();
        let person = server.log_in(phone).await;
        assert_eq!(person.code().await["colour"], resident["colour"], "{resident}");
    }
    // The third checks in today; after midnight the code is green without a job or a write.
    let person = server.log_in("13900000003").await;
    person.check_in().await;
    server.advance(1).await;
    assert_eq!(person.colour().await, "green");
}

#[tokio::test]
async fn outside_demo_mode_nothing_of_the_demo_exists() {
    let server = Server::start(std::sync::Arc::new(crate::common::TempDir::new()), &[]);
    let nobody = Person::nobody(&server);
    for path in ["/demo", "/demo/outbox", "/demo/style.css"] {
        assert_eq!(nobody.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(nobody.post("/demo/advance", json!({ "days": 1 })).await.status, StatusCode::NOT_FOUND);
    let login = nobody.post("/api/v1/staff/login", json!({ "name": "reviewer", "password": "demo" })).await;
    assert_eq!(login.code(), "staff.wrong");
    assert_eq!(nobody.get("/api/v1/site").await.body["demo"], false);
}
