//! Bad input and faults: each gets a clear sentence and a stable code, and loses nothing.

use std::collections::HashSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::common::{Person, Server, TempDir, document, kangma, well, with};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn bad_declarations_are_refused_field_by_field_with_a_code_and_a_sentence() {
    let server = Server::demo();
    let person = server.log_in("13700000001").await;
    let number = |n: &str| {
        let mut d = well(1);
        d["document"]["number"] = json!(n);
        d
    };
    let named = |name: &str| {
        let mut d = well(1);
        d["name"] = json!(name);
        d
    };
    let cases = [
        ("a check digit", number("110105194912310021"), "document.number", "identity.check_digit"),
        ("a birthday that never was", number("110105194902310020"), "document.number", "identity."),
        ("no name", named("  "), "name", "name."),
        ("a name of digits", named("12345"), "name", "name."),
        ("a name of 101 letters", named(&"长".repeat(101)), "name", "name."),
        (
            "an unknown division",
            with(well(1), json!({ "residence": "999999" })),
            "answers.residence",
            "declaration.",
        ),
        (
            "a field nobody asked",
            with(well(1), json!({ "shoe_size": 42 })),
            "answers.shoe_size",
            "declaration.",
        ),
        ("a wrong type", with(well(1), json!({ "in_city": "yes" })), "answers.in_city", "declaration."),
        (
            "a temperature of 52",
            with(well(1), json!({ "temperature_c": 52 })),
            "answers.temperature_c",
            "declaration.",
        ),
        (
            "an unknown symptom",
            with(well(1), json!({ "symptoms": ["joy"] })),
            "answers.symptoms",
            "declaration.",
        ),
    ];
    for (what, declaration, field, code) in cases {
        let answer = person.declare(&declaration).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}: {answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
        let fields = answer.body["fields"].as_array().unwrap();
        assert_eq!(fields[0]["field"], field, "{what}: {answer:?}");
        assert!(fields[0]["code"].as_str().unwrap().starts_with(code), "{what}: {answer:?}");
        assert!(fields[0]["detail"].as_str().unwrap().len() > 10, "{what}: {answer:?}");
    }
    let mut refused = well(1);
    refused["commitment"] = json!("an older one");
    assert_eq!(person.declare(&refused).await.code(), "declaration.commitment");
    assert_eq!(person.code().await["status"], "unknown", "nothing was recorded");
    let long = named(&"𠮷".repeat(100));
    assert_eq!(person.declare(&long).await.status, StatusCode::CREATED, "100 rare letters are a name");
}

#[tokio::test]
async fn bodies_that_are_no_request_get_a_code() {
    let server = Server::demo();
    let person = server.log_in("13700000002").await;
    let path = "/api/v1/me/check-ins";
    for (body, status, code) in [
        ("{", 400, "body.malformed"),
        ("{}", 422, "body.type"),
        (r#"{"temperature_c":"warm","symptoms":[]}"#, 422, "body.type"),
        (r#"{"temperature_c":36.5,"symptoms":[],"more":1}"#, 422, "body.type"),
    ] {
        let answer = person.send(Method::POST, path, Some(body.to_owned())).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{body}");
    }
    let large = format!("{{\"pass\":\"{}\"}}", "A".repeat(20_000));
    let answer = person.send(Method::POST, "/api/v1/scans", Some(large)).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "body.too_large"));
    let long = format!("KM1:{}", "A".repeat(4_297));
    assert_eq!(server.scan(&long).await["code"], "pass.length");
    assert_eq!(person.send(Method::DELETE, path, None).await.code(), "method_not_allowed");
    assert_eq!(person.get("/api/v1/nothing").await.code(), "not_found");
    assert_eq!(person.get("/api/v1/divisions?parent=77").await.code(), "division.unknown");
    let text = person.client.post(format!("{}{path}", server.base)).bearer_auth("x").body("a=b");
    assert_eq!(text.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn one_time_codes_die_with_use_with_five_wrong_tries_and_are_throttled() {
    let server = Server::demo();
    let nobody = Person::nobody(&server);
    let phone = "13700000003";
    let login = |code: String| nobody.post("/api/v1/login", json!({ "phone": phone, "code": code }));
    nobody.post("/api/v1/login/codes", json!({ "phone": phone })).await;
    let code = server.outbox_code(phone).await;
    assert_eq!(login(code.clone()).await.status, StatusCode::OK);
    assert_eq!(login(code).await.code(), "login.code_expired", "a code logs in once");
    nobody.post("/api/v1/login/codes", json!({ "phone": phone })).await;
    let code = server.outbox_code(phone).await;
    let wrong = if code == "111111" { "222222" } else { "111111" };
    for _ in 0..4 {
        assert_eq!(login(wrong.into()).await.code(), "login.code_wrong");
    }
    assert_eq!(login(wrong.into()).await.code(), "login.code_expired");
    assert_eq!(login(code).await.code(), "login.code_expired", "the right code came too late");
    for _ in 0..3 {
        assert_eq!(
            nobody.post("/api/v1/login/codes", json!({ "phone": phone })).await.status,
            StatusCode::ACCEPTED
        );
    }
    let sixth = nobody.post("/api/v1/login/codes", json!({ "phone": phone })).await;
    assert_eq!((sixth.status.as_u16(), sixth.code()), (429, "login.too_many_codes"));
    assert!(sixth.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(
        nobody.post("/api/v1/login/codes", json!({ "phone": "123" })).await.body["fields"][0]["field"],
        "phone"
    );
}

#[tokio::test]
async fn a_token_that_is_damaged_or_borrowed_opens_nothing() {
    let server = Server::demo();
    let person = server.log_in("13700000004").await;
    person.declare(&well(4)).await;
    let token = person.token.clone().unwrap();
    for damaged in [
        String::new(),
        "x".into(),
        token[1..].to_owned(),
        format!("{token}A"),
        token.replacen('A', "B", 1) + "=",
    ] {
        let thief = Person { token: Some(damaged.clone()), ..person.clone() };
        let answer = thief.get("/api/v1/me/code").await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "auth.required"), "{damaged}");
    }
    // A cookie-borne write from elsewhere is refused, a read is not.
    let from_elsewhere = person
        .client
        .post(format!("{}/api/v1/me/check-ins", server.base))
        .header("cookie", format!("km_token={token}"))
        .header("sec-fetch-site", "cross-site")
        .header("x-kangma", "1")
        .json(&json!({ "temperature_c": 36.5, "symptoms": [] }))
        .send()
        .await
        .unwrap();
    assert_eq!(from_elsewhere.status(), StatusCode::FORBIDDEN);
    let own = person
        .client
        .get(format!("{}/api/v1/me/code", server.base))
        .header("cookie", format!("a=b; km_token={token}"));
    assert_eq!(own.send().await.unwrap().status(), StatusCode::OK);
}

/// Outside demo mode the answer for a stranger's document is the same, letter for letter, whether
/// that person is registered or not.
#[tokio::test]
async fn nobody_can_find_out_whether_a_document_is_registered() {
    let mut demo = Server::demo();
    demo.log_in("13700000005").await.declare(&well(5)).await;
    let dir = Arc::clone(&demo.dir);
    assert!(demo.interrupt());
    // The same data, served for real: a stub takes the text messages.
    let messages = wiremock::MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(wiremock::ResponseTemplate::new(200))
        .mount(&messages)
        .await;
    let url = messages.uri();
    let server = Server::start(dir, &["--sms-url", &url]);
    let mut answers = HashSet::new();
    for (phone, n) in [("13700000006", 5), ("13700000007", 999)] {
        let nobody = Person::nobody(&server);
        nobody.post("/api/v1/login/codes", json!({ "phone": phone })).await;
        let sent = messages.received_requests().await.unwrap();
        let text = String::from_utf8_lossy(&sent.last().unwrap().body).into_owned();
        let digits: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|d| d.len() == 6).collect();
        let login = nobody.post("/api/v1/login", json!({ "phone": phone, "code": digits[0] })).await;
        let person = Person { token: Some(login.body["token"].as_str().unwrap().to_owned()), ..nobody };
        let declared = person.declare(&well(n)).await;
        assert_eq!(declared.body["state"], "in_review");
        let mut code = person.code().await;
        for changing in ["server_time", "state_at"] {
            code[changing] = json!(null);
        }
        let me = person.get("/api/v1/me").await;
        let mut said = me.body.clone();
        for own in ["phone_masked", "document_masked"] {
            said[own] = json!(null);
        }
        answers.insert(format!("{} {} {code} {} {said}", declared.status, declared.body["state"], me.status));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

/// `kill -9` in the middle of concurrent declarations: every acknowledged one is there afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_no_acknowledged_declaration() {
    let all = 10_000;
    let dir = Arc::new(TempDir::new());
    crate::common::prepare(&dir);
    let seeded = kangma()
        .args(["seed", "--people", &all.to_string(), "--json"])
        .envs(crate::common::environment(&dir))
        .output()
        .unwrap();
    assert!(seeded.status.success(), "{}", String::from_utf8_lossy(&seeded.stderr));
    let mut server = Server::start(Arc::clone(&dir), &[]);
    let printed = kangma()
        .args(["load", "--profile", "declare", "--people", &all.to_string(), "--print", &all.to_string()])
        .envs(crate::common::environment(&dir))
        .output()
        .unwrap();
    let requests: Arc<Vec<(String, String)>> = Arc::new(
        String::from_utf8(printed.stdout)
            .unwrap()
            .lines()
            .map(|line| {
                let request: serde_json::Value = serde_json::from_str(line).unwrap();
                (request["token"].as_str().unwrap().to_owned(), request["body"].as_str().unwrap().to_owned())
            })
            .collect(),
    );
    let stop = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicUsize::new(0));
    let client = crate::common::client();
    let mut tasks = Vec::new();
    for task in 0..200 {
        let (requests, stop, done) = (Arc::clone(&requests), Arc::clone(&stop), Arc::clone(&done));
        let (client, base) = (client.clone(), server.base.clone());
        tasks.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for i in (task..all).step_by(200) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let (token, body) = &requests[i];
                let sent = client
                    .post(format!("{base}/api/v1/declarations"))
                    .bearer_auth(token)
                    .header("content-type", "application/json")
                    .body(body.clone())
                    .send()
                    .await;
                let Ok(answer) = sent else { break };
                if answer.status() == StatusCode::CREATED
                    && let Ok(said) = answer.json::<serde_json::Value>().await
                {
                    done.fetch_add(1, Ordering::Relaxed);
                    acknowledged.push((i, said["declaration"].as_str().unwrap().to_owned()));
                }
            }
            acknowledged
        }));
    }
    // Until a good part is acknowledged, however fast this machine is.
    while done.load(Ordering::Relaxed) < all / 4 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    server.kill();
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for task in tasks {
        acknowledged.extend(task.await.unwrap());
    }
    assert!(
        acknowledged.len() > 200 && acknowledged.len() < all,
        "killed in the middle: {}",
        acknowledged.len()
    );
    let server = Server::start(Arc::clone(&dir), &[]);
    for (i, id) in &acknowledged {
        let person = Person { token: Some(requests[*i].0.clone()), ..Person::nobody(&server) };
        let list = person.get("/api/v1/me/declarations").await;
        let there = list.body["items"].as_array().unwrap().iter().any(|d| d["id"] == **id);
        assert!(there, "declaration {id} of request {i} was acknowledged and is gone");
    }
}

#[tokio::test]
async fn personal_data_stands_in_no_log_no_error_no_code_and_no_file() {
    let mut server = Server::demo();
    let phone = "13712345678";
    let person = server.log_in(phone).await;
    let mut declaration = well(77);
    declaration["name"] = json!("欧阳样例氏");
    declaration["answers"]["symptoms"] = json!([]);
    let number = document(77);
    let mut seen = Vec::new();
    seen.push(person.declare(&declaration).await.text);
    let code = person.code().await;
    seen.push(code.to_string());
    person.check_in().await;
    seen.push(server.scan(code["pass"].as_str().unwrap()).await.to_string());
    let mut wrong = declaration.clone();
    wrong["document"]["number"] = json!(format!("{}0", &number[..17]));
    seen.push(person.declare(&wrong).await.text);
    seen.push(person.get("/api/v1/me").await.text);
    assert!(server.interrupt());
    let secrets = ["欧阳样例氏", number.as_str(), "13712345678", &number[..17]];
    for text in &seen {
        for secret in secrets {
            assert!(!text.contains(secret), "an answer says {secret}: {text}");
        }
    }
    let stored = crate::common::stored(&server.dir).await;
    let holds = |end: &str| stored.iter().any(|(name, _)| name.ends_with(end));
    assert!(holds("log.jsonl") && (holds("kangma.db") || holds("table person")));
    for (name, bytes) in stored {
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "{name} holds {secret} in clear");
        }
    }
}

fn fails(args: &[&str], dir: &TempDir) -> String {
    let out =
        kangma().args(args).envs(crate::common::environment(dir)).stdin(Stdio::null()).output().unwrap();
    assert!(!out.status.success(), "{args:?} should fail");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[tokio::test]
async fn what_keeps_the_service_from_starting_is_said_in_a_sentence() {
    let mut server = Server::demo();
    let data = server.data();
    let port = server.base.rsplit(':').next().unwrap().to_owned();
    let other = TempDir::new();
    assert!(fails(&["serve", "--port", &port], &other).contains("serve.port_in_use"));
    if crate::common::postgres().is_none() {
        assert!(fails(&["serve", "--port", "0"], &server.dir).contains("db.locked"));
    }
    assert!(server.interrupt(), "Ctrl-C ends it cleanly");
    // Keys that others can read, keys that are gone.
    use std::os::unix::fs::PermissionsExt as _;
    let master = data.join("keys/master.json");
    std::fs::set_permissions(&master, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(fails(&["serve", "--port", "0"], &server.dir).contains("keys.permissions"));
    std::fs::set_permissions(&master, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(&master, data.join("keys/away")).unwrap();
    assert!(fails(&["serve", "--port", "0"], &server.dir).contains("keys.missing"));
    std::fs::rename(data.join("keys/away"), &master).unwrap();
    // Keys of another installation.
    let stranger = Server::demo();
    std::fs::rename(&master, data.join("keys/away")).unwrap();
    std::fs::copy(stranger.data().join("keys/master.json"), &master).unwrap();
    let said = fails(&["serve", "--port", "0"], &server.dir);
    assert!(said.contains("keys.damaged") || said.contains("keys.other"), "{said}");
    std::fs::rename(data.join("keys/away"), &master).unwrap();
    // A newer version's data.
    let later =
        "INSERT INTO schema_migration SELECT 99, 'future', hash, 0 FROM schema_migration WHERE number = 1";
    crate::common::meddle(&server.dir, later).await;
    let newer = fails(&["serve", "--port", "0"], &server.dir);
    assert!(newer.contains("db.schema_newer") && newer.contains("99"), "{newer}");
    assert!(fails(&["doctor"], &server.dir).is_empty(), "doctor reports on standard output");
    // A damaged pack.
    let pack = TempDir::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    let mut files = Vec::new();
    crate::common::collect(&source, &mut files);
    for file in files {
        let to = pack.0.join(file.strip_prefix(&source).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
    let rules = pack.0.join("rules.toml");
    let text = std::fs::read_to_string(&rules).unwrap().replacen("fact.", "fact.x", 1);
    std::fs::write(&rules, text).unwrap();
    let said = fails(&["serve", "--port", "0", "--pack", pack.0.to_str().unwrap()], &other);
    assert!(said.contains("rules.toml:"), "file, line and column: {said}");
}
