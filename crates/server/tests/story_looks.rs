//! Who of the staff sees whom: each reading of a person is logged and shown to them, and no list and no
//! other route shows anybody. What the interface describes is held against that.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::Arc;

use crate::common::{Person, Server, TempDir, document, well, with};
use image::{DynamicImage, ImageFormat};
use kangma_core::time::Instant;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Routes that show a person to staff, who is shown each time: by a row of its own, or by what is recorded.
const LOOKS: [&str; 6] = [
    "POST /api/v1/people/look-up",
    "GET /api/v1/reviews/{id}",
    "GET /api/v1/reviews/{id}/evidence/{evidence}",
    "GET /api/v1/orders/{id}",
    "POST /api/v1/observations",
    "POST /api/v1/entries",
];

/// Routes that give back what whoever asks has sent, to them alone.
const BACK: [&str; 8] = [
    "POST /api/v1/assisted-declarations",
    "GET /api/v1/imports",
    "POST /api/v1/imports",
    "GET /api/v1/imports/{id}",
    "PUT /api/v1/imports/{id}/mapping",
    "POST /api/v1/imports/{id}/start",
    "POST /api/v1/imports/{id}/stop",
    "GET /api/v1/imports/{id}/errors.csv",
];

/// What no schema describes, and is about nobody.
const FILES_OF_NOBODY: [&str; 3] = [
    "POST /api/v1/dashboard/{division}/export.csv",
    "GET /api/v1/dashboard/{division}/map",
    "GET /api/v1/dashboard/{division}/live",
];

/// Parts of a field's name that may tell of somebody.
const PERSONAL: [&str; 15] = [
    "name",
    "document",
    "phone",
    "plate",
    "address",
    "birth",
    "sample",
    "answers",
    "label",
    "remark",
    "text",
    "reference",
    "value",
    "facts",
    "witness",
];

/// Fields with such a part, or without a described shape, that tell of no resident; and of what instead.
const OF_NOBODY: &[(&str, &str)] = &[
    ("Accepted.name", "a log-in name"),
    ("AccountItem.name", "a log-in name"),
    ("AreaView.division_name", "a division"),
    ("AreaView.reference", "the number of a published document"),
    ("CasesView.report", "the cases of a pack, which are made up"),
    ("ChildRow.name", "a division"),
    ("ColumnsView.mapping", "columns of a file"),
    ("Crumb.name", "a division"),
    ("EntryView.name", "a place at risk, which is public"),
    ("ExampleShown.facts", "somebody made up"),
    ("Head.name", "a division"),
    ("HolderItem.name", "a log-in name"),
    ("ImportView.name", "a file"),
    ("InvitedItem.name", "a log-in name"),
    ("ListWords.name", "words of a pack"),
    ("OfficeFigures.name", "an office"),
    ("PackConflict.text", "what two packs say"),
    ("PublicationView.reference", "the number of a published document"),
    ("ReasonView.text", "a reason of the list of reasons"),
    ("RecentItem.label", "a gate, in the collector's own words"),
    ("RoleItem.name", "a role"),
    ("SimulationView.sample", "how many in a hundred"),
    ("StaffMe.name", "a log-in name"),
    ("StaffSession.name", "a log-in name"),
    ("ToldBothWays.en", "what two packs say"),
    ("ToldBothWays.zh", "what two packs say"),
    ("TypedCase.name", "a case of a pack"),
    ("TypedRule.opens", "a rule"),
    ("TypedRule.source", "a rule"),
    ("TypedRule.values", "a rule"),
    ("WorkItem.name", "background work"),
];

/// Walks a schema, and notes each field that may tell of somebody.
fn walk(schema: &Value, api: &Value, owner: &str, seen: &mut BTreeSet<String>, found: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        if seen.insert(name.to_owned()) {
            walk(&api["components"]["schemas"][name], api, name, seen, found);
        }
        return;
    }
    let is_object = |s: &Value| {
        s["type"] == "object" || s["type"].as_array().is_some_and(|all| all.contains(&json!("object")))
    };
    let undescribed =
        |s: &Value| is_object(s) && s["properties"].is_null() && !s["additionalProperties"].is_object();
    for (field, inner) in schema["properties"].as_object().into_iter().flatten() {
        let part = if inner["items"].is_object() { &inner["items"] } else { inner };
        if PERSONAL.iter().any(|word| field.contains(word)) || undescribed(part) {
            found.insert(format!("{owner}.{field}"));
        }
        walk(inner, api, owner, seen, found);
    }
    for part in ["items", "additionalProperties"] {
        if schema[part].is_object() {
            walk(&schema[part], api, owner, seen, found);
        }
    }
    for part in ["allOf", "oneOf", "anyOf"] {
        for inner in schema[part].as_array().into_iter().flatten() {
            walk(inner, api, owner, seen, found);
        }
    }
}

#[tokio::test]
async fn each_route_of_the_staff_that_tells_of_a_person_is_among_those_that_log_a_look() {
    let server = Server::demo();
    let api = Person::nobody(&server).get("/api/openapi.json").await.body;
    let of_nobody: BTreeMap<&str, &str> = OF_NOBODY.iter().copied().collect();
    let (mut telling, mut used, mut files) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (path, operations) in api["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if !operation["tags"].as_array().is_some_and(|tags| tags.contains(&json!("staff"))) {
                continue;
            }
            let route = format!("{} {path}", method.to_uppercase());
            for (status, answer) in operation["responses"].as_object().unwrap() {
                for (kind, content) in answer["content"].as_object().into_iter().flatten() {
                    if !status.starts_with('2') {
                        continue;
                    }
                    if kind != "application/json" {
                        files.insert(route.clone());
                    }
                    let mut found = BTreeSet::new();
                    walk(&content["schema"], &api, "-", &mut BTreeSet::new(), &mut found);
                    for field in found {
                        match of_nobody.contains_key(field.as_str()) {
                            true => {
                                used.insert(field);
                            }
                            false => {
                                telling.insert((route.clone(), field));
                            }
                        }
                    }
                }
            }
        }
    }
    let known: BTreeSet<&str> = LOOKS.into_iter().chain(BACK).collect();
    let silent: Vec<_> = telling.iter().filter(|(route, _)| !known.contains(route.as_str())).collect();
    assert!(silent.is_empty(), "they tell of somebody, and log no look that this page knows: {silent:#?}");
    let idle: Vec<_> = of_nobody.keys().filter(|field| !used.contains(**field)).collect();
    assert!(idle.is_empty(), "no field of the staff is called so: {idle:?}");
    for route in &files {
        let told = known.contains(route.as_str()) || FILES_OF_NOBODY.contains(&route.as_str());
        assert!(told, "{route} answers what no schema describes: who is in it?");
    }
    let telling: BTreeSet<&str> = telling.iter().map(|(route, _)| route.as_str()).collect();
    for route in known {
        assert!(telling.contains(route) || files.contains(route), "{route} tells of nobody any more");
    }
}

async fn looks(person: &Person) -> Vec<Value> {
    let answer = person.get("/api/v1/me/looks").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body["items"].as_array().unwrap().clone()
}

async fn now(server: &Server) -> Instant {
    let site = Person::nobody(server).get("/api/v1/site").await.body;
    Instant::parse(site["server_time"].as_str().unwrap()).unwrap()
}

async fn red(server: &Server, n: u32) -> Person {
    let person = server.log_in(&format!("1370000{n:04}")).await;
    let declared = person.declare(&with(well(n), json!({ "contact": "confirmed" }))).await;
    assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
    assert_eq!(person.colour().await, "red");
    person
}

/// An appeal with a picture: its id, and the picture's.
async fn appeal(person: &Person) -> (String, String) {
    let id = "0123456789abcdef0123456789abcdef";
    let ask = json!({ "id": id, "ground": "wrong_fact", "text": "我没有接触过确诊病人，登记有误。" });
    let made = person.post("/api/v1/me/appeals", ask).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let id = made.body["id"].as_str().unwrap().to_owned();
    let mut picture = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(60, 40).write_to(&mut picture, ImageFormat::Png).unwrap();
    let url = format!("{}/api/v1/me/appeals/{id}/evidence", person.base);
    let request = person.client.post(url).bearer_auth(person.token.as_ref().unwrap());
    let request = request.header("idempotency-key", "picture-0001").header("content-type", "image/png");
    let added = request.body(picture.into_inner()).send().await.unwrap();
    assert_eq!(added.status(), StatusCode::CREATED);
    let file: Value = added.json().await.unwrap();
    (id, file["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_show_nobody_and_each_look_at_somebody_is_logged_and_shown_to_them() {
    let server = Server::demo();
    let staff = async |name: &str| server.officer(name).await;
    let (admin, collector, writer, signer) =
        (staff("admin").await, staff("collector").await, staff("data").await, staff("approver").await);
    let person = red(&server, 1).await;
    let (entry, file) = appeal(&person).await;
    let at = now(&server).await;
    let order = json!({
        "of": { "document": { "type": "resident_id", "number": document(1) } }, "rule": "HZ-RED-ORDER",
        "evidence": "investigation_report", "reference": "张测试的流调报告", "until": at.plus_s(86_400), "urgent": false,
    });
    let written = writer.post("/api/v1/orders", order).await;
    assert_eq!(written.status, StatusCode::CREATED, "{written:?}");
    let order = written.body["order"].as_str().unwrap().to_owned();
    let pass = person.code().await["pass"].as_str().unwrap().to_owned();
    let seen = |id: &str, mut body: Value| {
        body["id"] = json!(id);
        body["division"] = json!("330106");
        body["seen_at"] = json!(at);
        body
    };
    let look = json!({ "document": { "type": "resident_id", "number": document(1) }, "purpose": "help", "reason": "asked at the desk" });
    let observed = seen("6f2c1f0e-6f0a-4a51-9d55-000000000001", json!({ "pass": pass, "spot": "北门" }));
    let named = json!({ "name": "张测试", "document": { "type": "resident_id", "number": document(1) } });
    let entered = seen(
        "6f2c1f0e-6f0a-4a51-9d55-000000000002",
        json!({ "kind": "vehicle", "plate": "浙A54321", "people": [named] }),
    );
    let reviewed = format!("/api/v1/reviews/{entry}");
    let opened = format!("/api/v1/orders/{order}");
    // Who asks by which route, as what they are logged, and what they are told.
    type Act<'a> = (&'a Person, &'a str, String, Option<&'a Value>, [&'a str; 2]);
    let acts: [Act<'_>; 6] = [
        (&admin, LOOKS[0], "/api/v1/people/look-up".into(), Some(&look), ["administrator", "help"]),
        (&admin, LOOKS[1], reviewed.clone(), None, ["administrator", "appeal"]),
        (&admin, LOOKS[2], format!("{reviewed}/evidence/{file}"), None, ["administrator", "appeal"]),
        (&signer, LOOKS[3], opened.clone(), None, ["approver", "order"]),
        (&collector, LOOKS[4], "/api/v1/observations".into(), Some(&observed), ["collector", "collect"]),
        (&collector, LOOKS[5], "/api/v1/entries".into(), Some(&entered), ["collector", "collect"]),
    ];
    let lists = [
        (&admin, "/api/v1/reviews"),
        (&admin, "/api/v1/orders"),
        (&admin, "/api/v1/alarms"),
        (&admin, "/api/v1/imports"),
        (&collector, "/api/v1/observations"),
    ];
    let mut count = 0;
    for (who, route, path, body, logged) in acts {
        let method: Method = route.split(' ').next().unwrap().parse().unwrap();
        let answer = who.send(method.clone(), &path, body.map(Value::to_string)).await;
        assert!(answer.status.is_success(), "{route}: {answer:?}");
        let told = looks(&person).await;
        count += 1;
        assert_eq!(told.len(), count, "{route}: {told:?}");
        let [role, purpose] = logged;
        assert_eq!(
            (&told[0]["role"], &told[0]["purpose"]),
            (&json!(role), &json!(purpose)),
            "{route}: {told:?}"
        );
        assert!(
            told[0]["office"].as_str().is_some_and(|o| !o.is_empty()) && told[0]["at"].is_string(),
            "{told:?}"
        );
        // Sent again, what was recorded is recorded once, and so is the look.
        if method == Method::POST && path != "/api/v1/people/look-up" {
            who.send(method, &path, body.map(Value::to_string)).await;
            assert_eq!(looks(&person).await.len(), count, "{route}");
        }
    }
    // What was collected is a sealed record and goes with it: nothing of it stands in clear for ever.
    let rows = crate::common::count(&server.dir, "SELECT count(*) FROM look").await;
    assert_eq!(rows, count as i64 - 2, "no row of who passed a gate together");
    for (who, path) in lists {
        let answer = who.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        for secret in ["张", "浙A54321", &document(1)[..10], "流调报告"] {
            assert!(!answer.text.contains(secret), "{path} shows {secret}: {answer:?}");
        }
    }
    assert!(!admin.get("/api/v1/reviews").await.body["items"].as_array().unwrap().is_empty());
    assert_eq!(writer.get("/api/v1/orders").await.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(looks(&person).await.len(), count, "a list is no look");
    // The order as it is opened; an auditor opens it to check, and says so.
    let order = signer.get(&opened).await.body;
    assert_eq!((&order["name_masked"], &order["reference"]), (&json!("张**"), &json!("张测试的流调报告")));
    assert_eq!(order["order"]["can_sign"], true, "{order}");
    staff("auditor").await.get(&opened).await;
    assert_eq!(looks(&person).await[0]["purpose"], "audit");
    // What is not theirs is not there, and shows nobody.
    let nothing = collector.get(&opened).await;
    assert_eq!((nothing.status, nothing.code()), (StatusCode::FORBIDDEN, "auth.not_allowed"));
    assert_eq!(looks(&person).await.len(), count + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stood_in_a_list_and_what_was_registered_is_given_back_to_who_sent_it_alone() {
    let server = Server::demo();
    let (sender, other) = (server.officer("data").await, server.officer("admin").await);
    let list = format!("姓名,证件号码\n张测试,{}\n李样本,{}x\n", document(2), document(3));
    let target = "/api/v1/imports?kind=confirmed&division=330106&name=a.csv";
    let sent = sender.send(Method::POST, target, Some(list)).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");
    let path = format!("/api/v1/imports/{}", sent.body["id"].as_str().unwrap());
    assert_eq!(sender.get(&path).await.body["columns"]["sample"].as_array().unwrap().len(), 2);
    let seen = other.get(&path).await;
    assert_eq!((seen.status, &seen.body["columns"]["sample"]), (StatusCode::OK, &json!([])), "{seen:?}");
    assert_eq!(seen.body["columns"]["headers"], json!(["姓名", "证件号码"]), "its columns can be named");
    let started = other.post(&format!("{path}/start"), json!({})).await;
    assert!(started.status.is_success() && !started.text.contains("张"), "{started:?}");
    let began = std::time::Instant::now();
    while sender.get_in_turn(&path).await.body["state"] != "done" {
        assert!(began.elapsed().as_secs() < 60, "the list is worked through");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let errors = format!("{path}/errors.csv");
    let own = sender.get(&errors).await;
    assert!(own.status == StatusCode::OK && own.text.contains("李样本"), "{own:?}");
    let refused = other.get(&errors).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "import.not_sender"), "{refused:?}");
    for part in ["lines", "reasons"] {
        let answer = other.get(&format!("{path}/{part}")).await;
        assert!(answer.status == StatusCode::OK && !answer.text.contains('李'), "{answer:?}");
        assert!(!answer.text.contains(&document(3)), "{answer:?}");
    }
    // Whoever registers somebody is answered with what they wrote.
    let collector = server.collector().await;
    let ask = json!({
        "id": "6f2c1f0e-6f0a-4a51-9d55-000000000003", "division": "330106", "seen_at": now(&server).await,
        "declaration": well(4), "consent": { "how": "spoken", "witness": "网格员二号" },
    });
    let made = collector.post("/api/v1/assisted-declarations", ask).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let number = document(4);
    let masked = made.body["document_masked"].as_str().unwrap();
    assert!(masked.starts_with(&number[..2]) && masked.ends_with(&number[16..]), "{masked}");
    assert_eq!(made.body["name_masked"], "张**");
    assert!(!collector.get("/api/v1/observations").await.text.contains('张'));
}

/// Outside the demo an identity waits for a reviewer, who sees whom the account claims to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looked_at_a_claim_is_shown_to_its_holder_before_and_after_it_is_confirmed() {
    let mut demo = Server::demo();
    let dir: Arc<TempDir> = Arc::clone(&demo.dir);
    assert!(demo.interrupt());
    let messages = wiremock::MockServer::start().await;
    let taken = wiremock::ResponseTemplate::new(200);
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(taken).mount(&messages).await;
    let server = Server::start(dir, &["--sms-url", &messages.uri()]);
    let nobody = Person::nobody(&server);
    let phone = "13700000021";
    nobody.post("/api/v1/login/codes", json!({ "phone": phone })).await;
    let sent = messages.received_requests().await.unwrap();
    let text = String::from_utf8_lossy(&sent.last().unwrap().body).into_owned();
    let code = text.split(|c: char| !c.is_ascii_digit()).find(|d| d.len() == 6).unwrap();
    let login = nobody.post("/api/v1/login", json!({ "phone": phone, "code": code })).await;
    let person = Person { token: Some(login.body["token"].as_str().unwrap().to_owned()), ..nobody };
    assert_eq!(person.declare(&well(21)).await.body["state"], "in_review");
    assert_eq!(looks(&person).await, Vec::<Value>::new());

    let reviewer = server.reviewer().await;
    let list = reviewer.get("/api/v1/reviews?kind=identity").await;
    let item = &list.body["items"][0];
    assert!(!list.text.contains('张'), "{list:?}");
    let path = format!("/api/v1/reviews/{}", item["id"].as_str().unwrap());
    assert_eq!(looks(&person).await, Vec::<Value>::new(), "a list is no look");
    assert_eq!(reviewer.get(&path).await.body["name"], "张测试");
    let told = looks(&person).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["role"], &told[0]["purpose"]), (&json!("reviewer"), &json!("review")));
    let settled = reviewer.post(&path, json!({ "outcome": "approve", "reason": "三项一致" })).await;
    assert_eq!(settled.status, StatusCode::OK, "{settled:?}");
    server.findings_take_effect().await;
    assert_eq!(person.colour().await, "green", "it is somebody now");
    assert_eq!(looks(&person).await, told, "and still sees who looked before");
}
