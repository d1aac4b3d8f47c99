//! Collectors: what they see is recorded exactly once, of the person who showed the code and of nobody
//! else, and colours nobody.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{Answer, Person, Server, TempDir, count, document, well};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// Numbers as a page makes them.
fn uuid(n: u32) -> String {
    format!("6f2c1f0e-6f0a-4a51-9d55-{n:012x}")
}

async fn now(server: &Server) -> String {
    Person::nobody(server).get("/api/v1/site").await.body["server_time"].as_str().unwrap().to_owned()
}

/// Somebody who declared and is green, and the pass that they show.
async fn shows(server: &Server, phone: &str, n: u32) -> (Person, String) {
    let person = server.log_in(phone).await;
    let declared = person.declare(&well(n)).await;
    assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
    let pass = person.code().await["pass"].as_str().unwrap().to_owned();
    (person, pass)
}

fn observation(id: &str, pass: &str, seen_at: &str) -> Value {
    json!({
        "id": id, "pass": pass, "seen_at": seen_at, "division": "330106", "spot": "北门",
        "temperature_c": 38.6, "symptoms": ["fever", "dry_cough"], "remarks": "建议就医",
    })
}

async fn mine(person: &Person) -> Vec<Value> {
    person.get("/api/v1/me/observations").await.body["items"].as_array().unwrap().clone()
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{answer:?}");
}

#[tokio::test]
async fn what_a_collector_saw_is_recorded_once_and_shown_to_the_person_and_colours_nobody() {
    let server = Server::demo();
    let (person, pass) = shows(&server, "13500000001", 1).await;
    let collector = server.collector().await;
    let ask = observation(&uuid(1), &pass, &now(&server).await);
    let answer = collector.post("/api/v1/observations", ask.clone()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(answer.body, json!({ "name_masked": "张**", "colour": "green" }), "nothing more is told");
    // Sent again by a page that met a dead network, also many times at once.
    let again = (0..12).map(|_| collector.post("/api/v1/observations", ask.clone()));
    for again in futures_util::future::join_all(again).await {
        assert_eq!((again.status, again.body), (StatusCode::CREATED, answer.body.clone()));
    }
    let items = mine(&person).await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!((items[0]["temperature_c"].as_f64(), &items[0]["remarks"]), (Some(38.6), &json!("建议就医")));
    assert!(items[0]["place"].as_str().unwrap().ends_with("西湖区 北门"), "{items:?}");
    assert_eq!(person.colour().await, "green", "what was seen colours nobody by itself");
    let recent = collector.get("/api/v1/observations").await;
    assert_eq!(recent.body["items"].as_array().unwrap().len(), 1, "{recent:?}");
    assert_eq!(
        (&recent.body["items"][0]["label"], &recent.body["items"][0]["people"]),
        (&json!("北门"), &json!(1))
    );
    assert!(!recent.text.contains('张') && !recent.text.contains("green"), "the list shows nobody");
    let looks = person.get("/api/v1/me/looks").await.body["items"].clone();
    assert_eq!(looks.as_array().unwrap().len(), 1, "seen once, however often it was sent: {looks}");
    assert_eq!(
        (&looks[0]["role"], &looks[0]["purpose"]),
        (&json!("collector"), &json!("collect")),
        "{looks}"
    );
    // The same number stands for one content.
    let mut other = ask.clone();
    other["temperature_c"] = json!(36.5);
    refused(&collector.post("/api/v1/observations", other).await, 409, "collect.other_content");
    let (bystander, foreign) = shows(&server, "13500000002", 2).await;
    let mut other = ask;
    other["pass"] = json!(foreign);
    refused(&collector.post("/api/v1/observations", other).await, 409, "collect.other_content");
    assert_eq!(mine(&bystander).await, Vec::<Value>::new());
}

#[tokio::test]
async fn many_at_once_under_new_numbers_are_all_recorded_and_one_number_for_two_people_is_recorded_once() {
    let server = Server::demo();
    let (person, pass) = shows(&server, "13500000003", 3).await;
    let (other, other_pass) = shows(&server, "13500000004", 4).await;
    let collector = server.collector().await;
    let at = now(&server).await;
    let asks = (0..10).map(|n| observation(&uuid(100 + n), &pass, &at));
    let answers =
        futures_util::future::join_all(asks.map(|ask| collector.post("/api/v1/observations", ask))).await;
    for answer in &answers {
        assert!(matches!(answer.status.as_u16(), 201 | 409), "{answer:?}");
        assert!(answer.status == StatusCode::CREATED || answer.code() == "db.conflict", "{answer:?}");
    }
    let done = answers.iter().filter(|a| a.status == StatusCode::CREATED).count();
    assert_eq!(mine(&person).await.len(), done, "each that was acknowledged, and no other");
    let before = mine(&person).await.len() + mine(&other).await.len();
    let both = [&pass, &other_pass, &pass, &other_pass].map(|pass| observation(&uuid(200), pass, &at));
    let answers =
        futures_util::future::join_all(both.map(|ask| collector.post("/api/v1/observations", ask))).await;
    let created = answers.iter().filter(|a| a.status == StatusCode::CREATED).count();
    assert!(created >= 1, "{answers:?}");
    assert!(answers.iter().all(|a| a.status == StatusCode::CREATED || a.status == StatusCode::CONFLICT));
    assert_eq!(mine(&person).await.len() + mine(&other).await.len(), before + 1, "{answers:?}");
}

#[tokio::test]
async fn a_code_counts_as_of_when_it_was_seen_for_three_days() {
    let server = Server::demo();
    let (person, pass) = shows(&server, "13500000005", 5).await;
    let collector = server.collector().await;
    let seen_at = now(&server).await;
    server.advance(2).await;
    let late = collector.post("/api/v1/observations", observation(&uuid(1), &pass, &seen_at)).await;
    assert_eq!(late.status, StatusCode::CREATED, "an outbox that found a network after two days: {late:?}");
    let stale = observation(&uuid(2), &pass, &now(&server).await);
    refused(&collector.post("/api/v1/observations", stale).await, 422, "collect.expired");
    server.advance(2).await;
    let again = collector.post("/api/v1/observations", observation(&uuid(1), &pass, &seen_at)).await;
    assert_eq!(
        (again.status, &again.body),
        (StatusCode::CREATED, &late.body),
        "what is recorded stays answered"
    );
    let old = collector.post("/api/v1/observations", observation(&uuid(3), &pass, &seen_at)).await;
    refused(&old, 422, "collect.late");
    let future = observation(&uuid(4), &pass, "2999-01-01T00:00:00Z");
    refused(&collector.post("/api/v1/observations", future).await, 422, "collect.future");
    assert_eq!(mine(&person).await.len(), 1);
}

#[tokio::test]
async fn what_is_no_code_of_ours_and_what_is_no_request_is_refused_and_keeps_nothing() {
    let server = Server::demo();
    let (person, pass) = shows(&server, "13500000006", 6).await;
    let elsewhere = Server::demo();
    let (_, foreign) = shows(&elsewhere, "13500000006", 6).await;
    let collector = server.collector().await;
    let at = now(&server).await;
    let specimen = include_str!("../../core/src/pass/specimen.green.txt").trim().to_owned();
    let mut forged = pass.clone().into_bytes();
    let last = forged.len() - 8;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    for (what, text, code) in [
        ("another installation's", foreign, "collect.forged"),
        ("a specimen", specimen, "collect.forged"),
        ("a poster", "https://example.org/".to_owned(), "collect.not_a_pass"),
        ("nothing", String::new(), "collect.not_a_pass"),
        ("half of one", pass[..100].to_owned(), "collect.not_a_pass"),
        ("too long", "KM1:".repeat(2_000), "collect.not_a_pass"),
    ] {
        let answer = collector.post("/api/v1/observations", observation(&uuid(9), &text, &at)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (422, code), "{what}: {answer:?}");
    }
    let answer = collector
        .post("/api/v1/observations", observation(&uuid(9), &String::from_utf8(forged).unwrap(), &at))
        .await;
    assert!(["collect.forged", "collect.not_a_pass"].contains(&answer.code()), "{answer:?}");
    let with = |field: &str, value: Value| {
        let mut ask = observation(&uuid(9), &pass, &at);
        ask[field] = value;
        ask
    };
    for (ask, code) in [
        (with("id", json!("1")), "collect.id"),
        (with("id", json!("00000000-0000-0000-0000-000000000000")), "collect.id"),
        (with("id", json!("6f2c1f0e6f0a4a519d55000000000009")), "collect.id"),
        (with("division", json!("330106999")), "collect.division"),
        (with("temperature_c", json!(52)), "check_in.temperature"),
        (with("symptoms", json!(["joy"])), "check_in.symptom"),
        (with("remarks", json!("长".repeat(201))), "collect.text"),
        (with("spot", json!("a\u{0}b")), "collect.text"),
        (with("colour", json!("red")), "body.type"),
        (with("person", json!("someone")), "body.type"),
        (with("seen_at", json!("yesterday")), "body.type"),
    ] {
        refused(&collector.post("/api/v1/observations", ask).await, 422, code);
    }
    let huge = collector.post("/api/v1/observations", with("remarks", json!("x".repeat(200_000)))).await;
    refused(&huge, 413, "body.too_large");
    let nobody = Person::nobody(&server).post("/api/v1/observations", with("spot", json!(""))).await;
    refused(&nobody, 401, "auth.required");
    let resident = person.post("/api/v1/observations", with("spot", json!(""))).await;
    refused(&resident, 401, "auth.required");
    assert_eq!(mine(&person).await, Vec::<Value>::new());
    refused(
        &collector.post("/api/v1/observations", with("by", json!("other"))).await,
        409,
        "collect.other_officer",
    );
    // None of it used up the number.
    let answer = collector.post("/api/v1/observations", with("spot", json!(""))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
}

#[tokio::test]
async fn a_vehicle_is_one_item_with_an_answer_for_each_person() {
    let server = Server::demo();
    let (driver, pass) = shows(&server, "13500000007", 7).await;
    let (rider, _) = shows(&server, "13500000008", 8).await;
    let collector = server.collector().await;
    let card = |n: u32, name: &str| json!({ "name": name, "document": { "type": "resident_id", "number": document(n) }, "temperature_c": 36.4 });
    let ask = json!({
        "id": uuid(1), "kind": "vehicle", "plate": "浙a·12345", "seen_at": now(&server).await, "division": "330106",
        "people": [
            { "pass": pass, "temperature_c": 37.9, "symptoms": [] },
            card(8, "张测试"),
            card(8, "李测试"),
            card(800, "张测试"),
            { "pass": pass },
            { "pass": "KM1:NO" },
        ],
    });
    let answer = collector.post("/api/v1/entries", ask.clone()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let told: Vec<_> = answer.body["people"].as_array().unwrap().iter().collect();
    let codes: Vec<_> = told.iter().map(|p| p["code"].as_str().unwrap_or("recorded")).collect();
    assert_eq!(
        codes,
        ["recorded", "recorded", "collect.unknown", "collect.unknown", "collect.twice", "collect.not_a_pass"]
    );
    assert_eq!(
        (&told[0]["colour"], &told[1]["colour"]),
        (&json!("green"), &json!(null)),
        "a document tells no colour"
    );
    assert_eq!(told[2]["detail"], told[3]["detail"], "a wrong name and nobody look alike");
    let again = (0..6).map(|_| collector.post("/api/v1/entries", ask.clone()));
    for again in futures_util::future::join_all(again).await {
        assert_eq!((again.status, again.body), (StatusCode::CREATED, answer.body.clone()));
    }
    for person in [&driver, &rider] {
        let items = mine(person).await;
        assert_eq!((items.len(), &items[0]["plate"]), (1, &json!("浙A12345")), "{items:?}");
    }
    let mut other = ask.clone();
    other["people"].as_array_mut().unwrap().pop();
    refused(&collector.post("/api/v1/entries", other).await, 409, "collect.other_content");
    let mut crowd = ask.clone();
    crowd["id"] = json!(uuid(2));
    crowd["people"] = Value::Array(vec![json!({ "pass": "KM1:NO" }); 61]);
    refused(&collector.post("/api/v1/entries", crowd).await, 422, "collect.people");
    let mut nobody = ask.clone();
    nobody["people"] = json!([{}]);
    refused(&collector.post("/api/v1/entries", nobody).await, 422, "collect.person");
    let mut plate = ask;
    plate["plate"] = json!("=1+1");
    refused(&collector.post("/api/v1/entries", plate).await, 422, "collect.plate");
    // Plates are personal data: no file, no row and no log holds one.
    for (file, bytes) in crate::common::stored(&server.dir).await {
        for word in ["浙A12345", "12345\""] {
            assert!(!bytes.windows(word.len()).any(|w| w == word.as_bytes()), "{file} holds {word}");
        }
    }
    // Who may look people up sees the colour of a document's holder. Each entry is one look at them.
    assert_eq!(rider.get("/api/v1/me/looks").await.body["items"].as_array().unwrap().len(), 1);
    let lead = server.officer("admin").await;
    let ask = json!({
        "id": uuid(2), "kind": "vehicle", "plate": "浙A54321", "seen_at": now(&server).await, "division": "330106",
        "people": [card(8, "张测试")],
    });
    for _ in 0..2 {
        let told = lead.post("/api/v1/entries", ask.clone()).await;
        assert_eq!(told.body["people"][0]["colour"], "green", "{told:?}");
    }
    let looks = rider.get("/api/v1/me/looks").await.body;
    let looks: Vec<_> = looks["items"].as_array().unwrap().iter().map(|l| &l["purpose"]).collect();
    assert_eq!(looks, ["collect", "collect"]);
    let rows = count(&server.dir, "SELECT count(*) FROM look").await;
    assert_eq!(rows, 1, "a colour that was looked up, and none that was shown");
}

#[tokio::test]
async fn an_entry_that_was_cut_short_and_then_changed_is_recorded_whole_as_it_was_sent_first() {
    let server = Server::start(Arc::new(TempDir::new()), &["--demo", "--codes-per-address", "1000"]);
    let collector = server.collector().await;
    // A page dies while the second of two is not reached, so many are between them. How far the service came
    // is up to chance: where it came to the end, there is another page, with other people.
    let mut n = 0;
    let (driver, rider, other_pass, ask) = loop {
        n += 1;
        assert!(n <= 20, "none of {n} was cut short");
        let (driver, pass) = shows(&server, &format!("13500001{n:03}"), 100 + n).await;
        let (rider, other_pass) = shows(&server, &format!("13500002{n:03}"), 200 + n).await;
        let mut people = vec![json!({ "pass": "KM1:NO" }); 60];
        people[0] = json!({ "pass": pass, "remarks": "先" });
        people[59] = json!({ "pass": other_pass, "remarks": "先" });
        let ask = json!({
            "id": uuid(n), "kind": "vehicle", "plate": "浙A12345", "seen_at": now(&server).await, "division": "330106", "people": people,
        });
        let first_is_recorded = async {
            let recorded = "SELECT count(*) FROM collected WHERE part = 1";
            while count(&server.dir, recorded).await < i64::from(n) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            _ = collector.post("/api/v1/entries", ask.clone()) => continue,
            () = first_is_recorded => {}
        }
        // The service notices, and goes on with none of it.
        let recorded = async || count(&server.dir, "SELECT count(*) FROM collected").await;
        let mut before = -1;
        while before != recorded().await {
            before = recorded().await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        if mine(&rider).await.is_empty() {
            break (driver, rider, other_pass, ask);
        }
    };
    // Opened again, the page does not know what arrived, and somebody changes it.
    let mut changed = ask.clone();
    changed["people"] = json!([{ "pass": other_pass, "remarks": "后" }]);
    for _ in 0..2 {
        refused(&collector.post("/api/v1/entries", changed.clone()).await, 409, "collect.other_content");
        for person in [&driver, &rider] {
            let items = mine(person).await;
            assert_eq!((items.len(), &items[0]["remarks"]), (1, &json!("先")), "{items:?}");
        }
    }
    // The first is answered as if nothing had been, and nothing of what was sent is kept any longer.
    let answer = collector.post("/api/v1/entries", ask).await;
    let told = answer.body["people"].as_array().unwrap();
    assert_eq!((told.len(), &told[59]["state"]), (60, &json!("recorded")), "{answer:?}");
    assert_eq!(count(&server.dir, "SELECT count(*) FROM collected WHERE part < 0").await, 0);
}

#[tokio::test]
async fn a_coach_of_sixty_fits_into_one_item() {
    let server = Server::demo();
    let (person, pass) = shows(&server, "13500000009", 9).await;
    let collector = server.collector().await;
    let remarks = "词".repeat(200);
    let people = vec![json!({ "pass": pass, "temperature_c": 36.6, "symptoms": [], "remarks": remarks }); 60];
    let ask = json!({
        "id": uuid(1), "kind": "household", "seen_at": now(&server).await, "division": "330106", "spot": "3幢201", "people": people,
    });
    let answer = collector.post("/api/v1/entries", ask).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let told = answer.body["people"].as_array().unwrap();
    assert_eq!(told.iter().filter(|p| p["state"] == "recorded").count(), 1);
    assert_eq!(told.iter().filter(|p| p["code"] == "collect.twice").count(), 59);
    assert_eq!(mine(&person).await.len(), 1);
}

#[tokio::test]
async fn somebody_without_a_phone_is_registered_once_and_nobody_with_one_is_declared_for() {
    let server = Server::demo();
    let collector = server.collector().await;
    let ask = |id: u32, n: u32| json!({ "id": uuid(id), "division": "330106", "declaration": well(n), "consent": { "how": "spoken", "witness": "网格员二号" } });
    let at = now(&server).await;
    let mut first = ask(1, 20);
    first["seen_at"] = json!(at);
    let answers = (0..6).map(|_| collector.post("/api/v1/assisted-declarations", first.clone()));
    let answers = futures_util::future::join_all(answers).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (StatusCode::CREATED, &answers[0].body), "{answer:?}");
    }
    let told: Vec<&String> = answers[0].body.as_object().unwrap().keys().collect();
    assert_eq!(
        told,
        ["declaration", "declared_at", "document_masked", "name_masked"],
        "no colour is printed"
    );
    // The person has one declaration, and can be named in an entry.
    let entry = json!({
        "id": uuid(2), "kind": "vehicle", "plate": "浙A54321", "seen_at": at, "division": "330106", "spot": "3幢201",
        "people": [{ "name": "张测试", "document": { "type": "resident_id", "number": document(20) } }],
    });
    let entered = collector.post("/api/v1/entries", entry).await;
    assert_eq!(entered.body["people"][0]["state"], "recorded", "{entered:?}");
    // Later they have a phone, and find what was declared for them.
    let person = server.log_in("13500000020").await;
    assert_eq!(person.declare(&well(20)).await.body["state"], "accepted");
    let declared = person.get("/api/v1/me/declarations").await;
    assert_eq!(declared.body["items"].as_array().unwrap().len(), 2, "{declared:?}");
    // From then on nobody declares for them, whatever they say.
    let mut bad = ask(3, 20);
    bad["seen_at"] = json!(at);
    bad["declaration"]["answers"]["contact"] = json!("confirmed");
    refused(&collector.post("/api/v1/assisted-declarations", bad).await, 409, "collect.not_here");
    assert_eq!(person.colour().await, "green");
    // Validated as any declaration, and consent is no formality.
    let mut wrong = ask(4, 21);
    wrong["seen_at"] = json!(at);
    wrong["declaration"]["answers"]["temperature_c"] = json!(52);
    let answer = collector.post("/api/v1/assisted-declarations", wrong.clone()).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    wrong["declaration"] = well(21);
    wrong["consent"]["witness"] = json!(" ");
    refused(&collector.post("/api/v1/assisted-declarations", wrong.clone()).await, 422, "collect.witness");
    wrong["consent"] = json!({ "how": "presumed", "witness": "x" });
    refused(&collector.post("/api/v1/assisted-declarations", wrong).await, 422, "body.type");
}

#[tokio::test]
async fn an_item_of_another_account_waits_for_it_whoever_is_logged_in_meanwhile() {
    let server = Server::demo();
    let (person, pass) = shows(&server, "13500000103", 103).await;
    let at = now(&server).await;
    let by = |mut ask: Value| {
        ask["by"] = json!("collector");
        ask
    };
    let seen = by(observation(&uuid(1), &pass, &at));
    let entry = by(json!({
        "id": uuid(2), "kind": "vehicle", "plate": "浙A12345", "seen_at": at, "division": "330106",
        "people": [{ "name": "张测试", "document": { "type": "resident_id", "number": document(103) } }],
    }));
    let assisted = by(json!({
        "id": uuid(3), "seen_at": at, "division": "330106", "declaration": well(104),
        "consent": { "how": "written", "witness": "二号" },
    }));
    let items = [
        ("/api/v1/observations", seen),
        ("/api/v1/entries", entry),
        ("/api/v1/assisted-declarations", assisted),
    ];
    // One who collects elsewhere, by codes alone, and one who does not collect: a refusal would set it aside.
    for name in ["manager", "verifier"] {
        let officer = server.officer(name).await;
        for (path, ask) in &items {
            refused(&officer.post(path, ask.clone()).await, 409, "collect.other_officer");
        }
    }
    let collector = server.collector().await;
    for (path, ask) in &items {
        let answer = collector.post(path, ask.clone()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{path}: {answer:?}");
    }
    assert_eq!(mine(&person).await.len(), 2);
}

#[tokio::test]
async fn documents_cannot_be_tried_without_end() {
    let server = Server::demo();
    let collector = server.collector().await;
    let at = now(&server).await;
    let people = |from: u32| -> Vec<Value> {
        let card =
            |n| json!({ "name": "张测试", "document": { "type": "resident_id", "number": document(n) } });
        (from..from + 60).map(card).collect()
    };
    let ask = |id: u32| {
        json!({
            "id": uuid(id), "kind": "household", "seen_at": at, "division": "330106", "spot": "楼", "people": people(id * 100),
        })
    };
    for id in 1..=2 {
        assert_eq!(collector.post("/api/v1/entries", ask(id)).await.status, StatusCode::CREATED);
    }
    let over = collector.post("/api/v1/entries", ask(3)).await;
    refused(&over, 429, "collect.too_many_documents");
    assert!(over.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn who_may_not_collect_there_meets_one_refusal_whatever_they_send() {
    let server = Server::demo();
    let (person, pass) = shows(&server, "13500000010", 10).await;
    let at = now(&server).await;
    let collector = server.collector().await;
    let elsewhere = |division: &str| {
        let mut ask = observation(&uuid(1), &pass, &at);
        ask["division"] = json!(division);
        ask
    };
    for division in ["330102", "3301", "33", "110101", ""] {
        let answer = collector.post("/api/v1/observations", elsewhere(division)).await;
        assert!(matches!(answer.status.as_u16(), 403 | 422), "{division}: {answer:?}");
    }
    refused(&collector.post("/api/v1/observations", elsewhere("330102")).await, 403, "auth.not_allowed");
    let entry = json!({
        "id": uuid(2), "kind": "vehicle", "plate": "浙A12345", "seen_at": at, "division": "330102", "people": [{ "pass": pass }],
    });
    refused(&collector.post("/api/v1/entries", entry.clone()).await, 403, "auth.not_allowed");
    let assisted = json!({
        "id": uuid(3), "seen_at": at, "division": "330102", "declaration": well(30),
        "consent": { "how": "written", "witness": "二号" },
    });
    refused(
        &collector.post("/api/v1/assisted-declarations", assisted.clone()).await,
        403,
        "auth.not_allowed",
    );
    // Whoever does another work does not do this one.
    for name in ["reviewer", "data", "auditor", "operator", "verifier"] {
        let officer = server.officer(name).await;
        for (path, ask) in [
            ("/api/v1/observations", elsewhere("330106")),
            ("/api/v1/entries", entry.clone()),
            ("/api/v1/assisted-declarations", assisted.clone()),
        ] {
            let answer = officer.post(path, ask).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (403, "auth.not_allowed"), "{name} {path}");
        }
        assert_eq!(officer.get("/api/v1/observations").await.status, StatusCode::FORBIDDEN, "{name}");
    }
    assert_eq!(mine(&person).await, Vec::<Value>::new());
    let answer = collector.post("/api/v1/observations", elsewhere("330106002")).await;
    assert_eq!(answer.status, StatusCode::CREATED, "deeper than the grant is within it: {answer:?}");
    assert_eq!(mine(&person).await[0]["office"], "样例街道网格中心", "the person reads whose record it is");
}

#[tokio::test]
async fn whoever_is_assigned_to_a_place_records_there_alone_and_an_enterprise_by_codes_alone() {
    let server = Server::demo();
    let (person, pass) = shows(&server, "13500000050", 50).await;
    let (admin, at) = (server.officer("admin").await, now(&server).await);
    // The demo's manager has a place; so has a guard who collects at one gate, and nowhere else.
    let given = json!({ "role": "collector", "division": "330106", "assignment": "东门", "ends_at": admin.in_days(30).await });
    let given = admin.post("/api/v1/staff/accounts/verifier/grants", given).await;
    assert_eq!(given.status, StatusCode::CREATED, "{given:?}");
    let (manager, guard) = (server.officer("manager").await, server.officer("verifier").await);
    let mut n = 0;
    let mut at_place = |division: &str, spot: &str| {
        n += 1;
        let mut ask = observation(&uuid(n), &pass, &at);
        (ask["division"], ask["spot"]) = (json!(division), json!(spot));
        ask
    };
    for (who, place) in [(&manager, "样例企业"), (&guard, "东门")] {
        for (division, spot) in [
            ("330106002", "西门"),
            ("330106002", ""),
            ("330106002", if place == "东门" { "样例企业" } else { "东门" }),
            ("330102", place),
            ("3301", place),
        ] {
            let refusal = who.post("/api/v1/observations", at_place(division, spot)).await;
            assert!(matches!(refusal.status.as_u16(), 403 | 422), "{division} {spot}: {refusal:?}");
        }
        refused(&who.post("/api/v1/observations", at_place("330106", "西门")).await, 403, "auth.not_allowed");
        assert_eq!(mine(&person).await.len(), usize::from(place == "东门"), "nothing was recorded");
        let seen = who.post("/api/v1/observations", at_place("330106002", place)).await;
        assert_eq!((seen.status, &seen.body["colour"]), (StatusCode::CREATED, &json!("green")), "{seen:?}");
    }
    assert_eq!(mine(&person).await.len(), 2);
    assert_eq!(mine(&person).await[0]["colour"], Value::Null);

    let entry = |n: u32, spot: &str, who: Value| json!({ "id": uuid(n), "kind": "vehicle", "plate": "浙A12345", "seen_at": at, "division": "330106", "spot": spot, "people": [who] });
    let named = || json!({ "name": "张测试", "document": { "type": "resident_id", "number": document(50) } });
    let by_code = manager.post("/api/v1/entries", entry(60, "样例企业", json!({ "pass": pass }))).await;
    assert_eq!(by_code.body["people"][0]["state"], "recorded", "{by_code:?}");
    refused(
        &manager.post("/api/v1/entries", entry(61, "样例企业", named())).await,
        403,
        "collect.codes_only",
    );
    // Whoever is known by a document and who is not are refused alike, before anybody is looked for.
    let nobody = json!({ "name": "张测试", "document": { "type": "resident_id", "number": document(51) } });
    refused(&manager.post("/api/v1/entries", entry(62, "样例企业", nobody)).await, 403, "collect.codes_only");
    let by_card = guard.post("/api/v1/entries", entry(63, "东门", named())).await;
    assert_eq!(by_card.body["people"][0]["state"], "recorded", "a collector does: {by_card:?}");
    // Neither registers anybody, who is nowhere in particular.
    let assisted = json!({
        "id": uuid(64), "seen_at": at, "division": "330106", "declaration": well(52),
        "consent": { "how": "written", "witness": "二号" },
    });
    for who in [&manager, &guard] {
        let registered = who.post("/api/v1/assisted-declarations", assisted.clone()).await;
        refused(&registered, 403, "auth.not_allowed");
    }
    // Of others they see nothing at all.
    for path in ["/api/v1/dashboard/330106/numbers", "/api/v1/orders", "/api/v1/reviews", "/api/v1/alarms"] {
        refused(&manager.get(path).await, 403, "auth.not_allowed");
    }
    let recent = manager.get("/api/v1/observations").await.body;
    assert_eq!(
        (&recent["places"], &recent["codes_only"]),
        (&json!([{ "division": "330106", "spot": "样例企业" }]), &json!(true)),
        "{recent}"
    );
    assert_eq!(recent["items"].as_array().unwrap().len(), 2, "{recent}");
    assert_eq!(guard.get("/api/v1/observations").await.body["codes_only"], false);
    // A picture of a code that is over tells an employer nothing of today's colour.
    server.advance(1).await;
    for (who, spot, colour) in [(&manager, "样例企业", Value::Null), (&guard, "东门", json!("green"))] {
        let kept = who.post("/api/v1/observations", at_place("330106002", spot)).await;
        assert_eq!((kept.status, &kept.body["colour"]), (StatusCode::CREATED, &colour), "{kept:?}");
    }
    // The assignment ends, and with it the right, also of a session that is open.
    let id = given.body["id"].as_str().unwrap();
    let ended = admin.send(reqwest::Method::DELETE, &format!("/api/v1/staff/grants/{id}"), None).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT, "{ended:?}");
    refused(
        &guard.post("/api/v1/observations", at_place("330106002", "东门")).await,
        403,
        "auth.not_allowed",
    );
}
