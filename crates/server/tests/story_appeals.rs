//! Appeals with a clock, the evidence to them, and the queue that officers share.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{
    Person, Server, TempDir, document, environment, kangma, meddle, prepare, stored, well, with,
};
use image::{DynamicImage, ImageFormat};
use reqwest::StatusCode;
use serde_json::{Value, json};

const CAUSER: &str = "officer-a";
const SECOND: &str = "officer-b";
const THIRD: &str = "officer-c";

/// A service whose three officers have their passwords.
struct Office {
    server: Server,
    passwords: Vec<(&'static str, String)>,
}

impl Office {
    fn open(args: &[&str]) -> Office {
        Office::with([CAUSER, SECOND, THIRD].map(|name| (name, "administrator", "")), args)
    }

    /// Officers by name, role and division.
    fn with<const N: usize>(
        officers: [(&'static str, &'static str, &'static str); N],
        args: &[&str],
    ) -> Office {
        let dir = Arc::new(TempDir::new());
        prepare(&dir);
        let passwords = officers.map(|(name, role, division)| {
            let command = ["staff", name, "--role", role, "--division", division];
            let added = kangma().args(command).envs(environment(&dir)).output().unwrap();
            assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
            let said = String::from_utf8(added.stdout).unwrap();
            (name, said.split_whitespace().last().unwrap().to_owned())
        });
        let args: Vec<&str> = [&["--demo"], args].concat();
        Office { server: Server::start(dir, &args), passwords: passwords.into() }
    }

    async fn officer(&self, name: &str) -> Person {
        let password = &self.passwords.iter().find(|(n, _)| *n == name).unwrap().1;
        let nobody = Person::nobody(&self.server);
        let login = json!({ "name": name, "password": password });
        let answer = nobody.post("/api/v1/staff/login", login).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        Person { token: Some(answer.body["token"].as_str().unwrap().to_owned()), ..nobody }
    }
}

/// A street of a county, by code.
async fn street(server: &Server) -> String {
    let all = Person::nobody(server).get("/api/v1/divisions?parent=330106").await;
    all.body["items"][0]["code"].as_str().unwrap_or_else(|| panic!("{all:?}")).to_owned()
}

fn in_contact(n: u32, residence: &str) -> Value {
    with(well(n), json!({ "contact": "confirmed", "residence": residence }))
}

async fn appeal(person: &Person, id: &str) -> Value {
    let ask = json!({ "id": id, "ground": "wrong_fact", "text": "我没有接触过确诊病人，登记有误。" });
    let made = person.post("/api/v1/me/appeals", ask).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    made.body
}

async fn own(person: &Person, id: &str) -> Value {
    let all = person.get("/api/v1/me/appeals").await;
    assert_eq!(all.status, StatusCode::OK, "{all:?}");
    let all = all.body["appeals"].as_array().unwrap().clone();
    all.into_iter().find(|a| a["id"] == id).expect("the appeal is listed")
}

/// Reads until something is so: a job does it within seconds.
async fn until<F: Future<Output = Value>>(
    what: &str,
    read: impl Fn() -> F,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let mut last = Value::Null;
    for _ in 0..20 {
        last = read().await;
        if wanted(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("{what} did not come: {last}");
}

fn picture(format: ImageFormat, width: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, 40).write_to(&mut out, format).unwrap();
    out.into_inner()
}

async fn upload(person: &Person, appeal: &str, key: &str, bytes: Vec<u8>) -> (StatusCode, Value) {
    let url = format!("{}/api/v1/me/appeals/{appeal}/evidence", person.base);
    let request = person.client.post(url).bearer_auth(person.token.as_ref().unwrap());
    let request = request.header("idempotency-key", key).header("content-type", "image/png").body(bytes);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
}

#[tokio::test]
async fn an_appeal_that_nobody_answers_goes_up_from_the_street_to_the_province_by_itself() {
    let office = Office::open(&[]);
    let server = &office.server;
    let person = server.log_in("13800000001").await;
    person.declare(&in_contact(1, &street(server).await)).await;
    let fact = person.code().await["reasons"][0]["fact"].as_str().unwrap().to_owned();
    let made = appeal(&person, "first-appeal").await;
    assert_eq!(made["about"], fact.as_str(), "the reason that the code shows");
    assert_eq!((&made["rule"], &made["state"]), (&json!("HZ-RED-CONTACT"), &json!("open")));
    let id = made["id"].as_str().unwrap().to_owned();
    // Somebody has it in hand and does nothing: the clock does not care.
    let idle = office.officer(CAUSER).await;
    assert_eq!(idle.post(&format!("/api/v1/reviews/{id}/claim"), json!({})).await.status, StatusCode::OK);
    let mut level = "street";
    for above in ["county", "city", "province"] {
        let waits = own(&person, &id).await["waits"].clone();
        assert_eq!((waits["level"].as_str(), waits["late"].as_bool()), (Some(level), Some(false)));
        server.advance(1).await;
        let read = || own(&person, &id);
        until(above, read, |a| a["waits"]["level"] == above && a["waits"]["late"] == false).await;
        level = above;
    }
    server.advance(1).await;
    let late = own(&person, &id).await;
    assert_eq!((&late["waits"]["level"], &late["waits"]["late"]), (&json!("province"), &json!(true)));
    tokio::time::sleep(Duration::from_secs(6)).await;
    let steps = own(&person, &id).await["steps"].clone();
    let what: Vec<(&str, &str)> = steps
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["what"].as_str().unwrap(), s["level"].as_str().unwrap()))
        .collect();
    let up = "escalated_by_clock";
    assert_eq!(what, [("made", "street"), (up, "county"), (up, "city"), (up, "province")]);
    // The queue has it first: its time left is the least.
    let queue = office.officer(SECOND).await.get("/api/v1/reviews?kind=appeal").await.body;
    assert_eq!(queue["items"][0]["id"], id.as_str(), "{queue}");
    assert_eq!((&queue["items"][0]["late"], &queue["items"][0]["claim"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn whoever_had_a_part_in_a_decision_never_answers_and_each_round_is_heard_above_the_last() {
    let office = Office::open(&[]);
    let server = &office.server;
    let (causer, second, third) =
        (office.officer(CAUSER).await, office.officer(SECOND).await, office.officer(THIRD).await);
    let person = server.log_in("13800000002").await;
    let street = street(server).await;
    person
        .declare(&with(well(2), json!({ "temperature_c": 38.5, "symptoms": ["fever"], "residence": street })))
        .await;
    let queue = causer.get("/api/v1/reviews?kind=declaration").await.body;
    let item = queue["items"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    let said =
        json!({ "outcome": "false", "code": "contradicted_by_records", "reason": "医院没有该就诊记录" });
    assert_eq!(causer.post(&format!("/api/v1/reviews/{item}"), said).await.status, StatusCode::OK);
    server.findings_take_effect().await;
    assert_eq!(person.colour().await, "red");

    // First round, at the street: the officer who found it false is refused.
    let first = appeal(&person, "round-one").await;
    let path = format!("/api/v1/reviews/{}", first["id"].as_str().unwrap());
    let detail = causer.get(&path).await.body;
    assert_eq!(detail["barred"], "review.own_part", "{detail}");
    for (end, body) in [("/claim", json!({})), ("", json!({ "outcome": "uphold", "code": "rule_applies" }))] {
        assert_eq!(causer.post(&format!("{path}{end}"), body).await.code(), "review.own_part");
    }
    let detail = second.get(&path).await.body;
    assert_eq!((&detail["barred"], &detail["level"]), (&Value::Null, &json!("street")));
    assert_eq!(detail["outcomes"], json!(["uphold", "correct", "confirm"]));
    assert!(detail["answers"].as_array().unwrap().iter().any(|a| a["field"] == "temperature_c"), "declared");
    let finding =
        detail["recorded"].as_array().unwrap().iter().find(|r| r["kind"] == "finding").unwrap().clone();
    assert_eq!((&finding["about"], &finding["source"]), (&json!(true), &json!("staff")), "recorded");
    assert!(!detail.to_string().contains(CAUSER), "names of officers are nobody's business here");
    assert_eq!(detail["decided"]["colour"], "red", "decided");
    let nothing = second.post(&path, json!({ "outcome": "confirm", "code": "notice_verified" })).await;
    assert_eq!(nothing.code(), "review.nothing_to_confirm");
    assert_eq!(second.post(&path, json!({ "outcome": "uphold" })).await.code(), "review.reason");
    assert_eq!(
        second.post(&path, json!({ "outcome": "uphold", "code": "incomplete" })).await.code(),
        "review.code"
    );
    assert_eq!(
        second.post(&path, json!({ "outcome": "approve", "code": "as_declared" })).await.code(),
        "review.outcome"
    );
    let upheld = json!({ "outcome": "uphold", "code": "evidence_insufficient", "reason": "请补充就诊记录" });
    assert_eq!(second.post(&path, upheld).await.status, StatusCode::OK);
    server.findings_take_effect().await;
    let answered = own(&person, first["id"].as_str().unwrap()).await;
    assert_eq!(answered["answer"]["outcome"], "upheld");
    assert_eq!(answered["answer"]["rule"], "HZ-RED-FALSE", "the rule is cited");
    assert!(answered["answer"]["source"]["title"].as_str().unwrap().len() > 10, "with where it is published");
    assert_eq!(answered["answer"]["reason"], "请补充就诊记录");
    assert_eq!(person.colour().await, "red", "the decision stands");

    // The next round is heard by the office above, and by nobody who answered before.
    let next = appeal(&person, "round-two").await;
    assert_eq!(next["waits"]["level"], "county");
    let path = format!("/api/v1/reviews/{}", next["id"].as_str().unwrap());
    for officer in [&causer, &second] {
        assert_eq!(officer.post(&format!("{path}/claim"), json!({})).await.code(), "review.own_part");
    }
    let rounds = third.get(&path).await.body["appeal"]["rounds"].clone();
    assert_eq!(rounds[0]["outcome"], "upheld", "{rounds}");
    let corrected = json!({ "outcome": "correct", "code": "fact_wrong" });
    assert_eq!(third.post(&path, corrected).await.status, StatusCode::OK);
    server.findings_take_effect().await;
    assert_eq!(person.colour().await, "yellow", "the finding is gone; the fever that was declared is not");
    let answered = own(&person, next["id"].as_str().unwrap()).await;
    assert_eq!(
        (&answered["state"], &answered["answer"]["outcome"]),
        (&json!("answered"), &json!("corrected"))
    );
    // A decision that no longer stands cannot be appealed, and the yellow one can.
    let gone = json!({ "id": "too-late-1", "about": next["about"], "ground": "other", "text": "再次申诉" });
    assert_eq!(person.post("/api/v1/me/appeals", gone).await.code(), "appeal.nothing");
    assert_eq!(appeal(&person, "another-decision").await["rule"], "HZ-YELLOW-SYMPTOM");
    assert_eq!(Person::nobody(server).get("/public/appeals").await.status, StatusCode::OK);
    let public = Person::nobody(server).get("/api/v1/public/appeals").await.body;
    let offices = public["offices"].as_array().unwrap();
    assert_eq!(offices.len(), 2, "{public}");
    let panel = async |division: &str| causer.get(&format!("/api/v1/dashboard/{division}/appeals")).await;
    let county = panel("330106").await.body;
    assert_eq!(county["offices"].as_array().map(Vec::len), Some(2), "street and county: {county}");
    assert_eq!(county["offices"][0]["answered"], Value::Null, "under five: {county}");
    assert_eq!(panel("330105").await.body["offices"], json!([]), "another county");
    assert_eq!(panel("0").await.status, StatusCode::OK);
    for nowhere in ["999999", "330106002", "x"] {
        assert_eq!(panel(nowhere).await.status, StatusCode::NOT_FOUND, "{nowhere}");
    }
    assert!(
        offices.iter().all(|o| o["answered"].is_null() && o["median_hours"].is_null()),
        "under five: {public}"
    );
}

#[tokio::test]
async fn an_entry_is_in_one_pair_of_hands_and_a_finding_can_be_taken_back_for_ten_seconds() {
    let mut office = Office::open(&[]);
    let (one, other) = (office.officer(CAUSER).await, office.officer(SECOND).await);
    let person = office.server.log_in("13800000003").await;
    person.declare(&in_contact(3, "330106")).await;
    let made = appeal(&person, "hands-and-undo").await;
    let again = appeal(&person, "hands-and-undo").await;
    assert_eq!(made["id"], again["id"], "sent twice, made once");
    let second = json!({ "id": "a-second-one", "ground": "other", "text": "另一次" });
    assert_eq!(
        person.post("/api/v1/me/appeals", second).await.code(),
        "appeal.open",
        "one open for each decision"
    );
    let path = format!("/api/v1/reviews/{}", made["id"].as_str().unwrap());
    let take = format!("{path}/claim");
    // Both at once: one has it.
    let (a, b) = tokio::join!(one.post(&take, json!({})), other.post(&take, json!({})));
    assert_ne!(a.status == StatusCode::OK, b.status == StatusCode::OK, "{a:?} {b:?}");
    let (holder, outsider) = if a.status == StatusCode::OK { (one, other) } else { (other, one) };
    let upheld = json!({ "outcome": "uphold", "code": "rule_applies" });
    assert_eq!(outsider.post(&path, upheld.clone()).await.code(), "review.claimed");
    let up = json!({ "code": "beyond_office" });
    assert_eq!(outsider.post(&format!("{path}/escalation"), up.clone()).await.code(), "review.claimed");
    let seen = outsider.get("/api/v1/reviews?kind=appeal").await.body;
    assert_eq!(seen["items"][0]["claim"]["mine"], false, "{seen}");
    assert_eq!(holder.post(&take, json!({})).await.status, StatusCode::OK, "renewed");
    // Given back, or not renewed for ten minutes, it is anybody's.
    let back = holder.send(reqwest::Method::DELETE, &take, None).await;
    assert_eq!(back.status, StatusCode::NO_CONTENT);
    assert_eq!(outsider.post(&take, json!({})).await.status, StatusCode::OK);
    meddle(&office.server.dir, "UPDATE review SET claimed_until = 1 WHERE kind = 3").await;
    assert_eq!(holder.post(&take, json!({})).await.status, StatusCode::OK);

    // Taken back within ten seconds: nothing happened.
    let settled = holder.post(&path, upheld.clone()).await;
    assert_eq!(settled.body["state"], "settling", "{settled:?}");
    assert_eq!(
        outsider.post(&format!("{path}/undo"), json!({})).await.code(),
        "review.in_effect",
        "not theirs"
    );
    assert_eq!(outsider.get(&path).await.code(), "review.closed");
    assert_eq!(holder.post(&format!("{path}/undo"), json!({})).await.status, StatusCode::OK);
    office.server.findings_take_effect().await;
    assert_eq!(own(&person, made["id"].as_str().unwrap()).await["state"], "open");
    assert_eq!(outsider.post(&path, upheld).await.code(), "review.claimed", "it is in hand again");

    // Passed on by an officer, with a reason that the person reads.
    assert_eq!(holder.post(&format!("{path}/escalation"), json!({})).await.code(), "review.reason");
    let passed = holder.post(&format!("{path}/escalation"), up).await;
    assert_eq!(passed.body["level"], "city", "{passed:?}");
    let steps = own(&person, made["id"].as_str().unwrap()).await["steps"].clone();
    assert_eq!(
        (&steps[1]["what"], &steps[1]["note"]),
        (&json!("escalated_by_officer"), &json!("超出本级权限"))
    );

    // Settled, and the service is killed at once: it takes effect all the same, once.
    let corrected = json!({ "outcome": "correct", "code": "another_person" });
    assert_eq!(outsider.post(&path, corrected).await.status, StatusCode::OK);
    office.server.kill();
    office.server = Server::start(office.server.dir.clone(), &["--demo"]);
    let person = office.server.log_in("13800000003").await;
    assert_eq!(person.colour().await, "red", "not yet");
    office.server.findings_take_effect().await;
    assert_eq!(person.code().await["status"], "unknown", "the declaration is withdrawn: declare again");
    person.declare(&well(3)).await;
    assert_eq!(person.colour().await, "green");
    let late = office.officer(if outsider.token == holder.token { CAUSER } else { SECOND }).await;
    assert_eq!(late.post(&format!("{path}/undo"), json!({})).await.code(), "review.in_effect");
    let steps = own(&person, made["id"].as_str().unwrap()).await["steps"].clone();
    let answered = steps.as_array().unwrap().iter().filter(|s| s["what"] == "answered").count();
    assert_eq!(answered, 1, "{steps}");
}

#[tokio::test]
async fn evidence_is_what_its_bytes_say_stays_sealed_and_is_read_by_its_holder_and_the_office_alone() {
    let office = Office::open(&[]);
    let server = &office.server;
    let (person, other) = (server.log_in("13800000004").await, server.log_in("13800000005").await);
    person.declare(&in_contact(4, "330106")).await;
    other.declare(&in_contact(5, "330106")).await;
    let mine = appeal(&person, "with-evidence").await["id"].as_str().unwrap().to_owned();
    let theirs = appeal(&other, "with-evidence").await["id"].as_str().unwrap().to_owned();
    assert_ne!(mine, theirs, "an id of the client's is only within the person");

    let mark = b"a mark that would be seen in a file";
    let mut jpeg = picture(ImageFormat::Jpeg, 64);
    jpeg.extend_from_slice(mark);
    let (status, file) = upload(&person, &mine, "file-0001", jpeg.clone()).await;
    assert_eq!((status, file["type"].as_str()), (StatusCode::CREATED, Some("image/jpeg")), "{file}");
    let (_, again) = upload(&person, &mine, "file-0001", jpeg.clone()).await;
    let (_, replayed) = upload(&person, &mine, "file-0002", jpeg.clone()).await;
    assert_eq!((&again["id"], &replayed["id"]), (&file["id"], &file["id"]), "one file");

    // What is refused, each with a sentence.
    let mut flood = picture(ImageFormat::Png, 64);
    flood[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let script = b"%PDF-1.4\n1 0 obj << /S /J#61vaScript /JS (x) >> endobj\n%%EOF".to_vec();
    for (key, bytes, code) in [
        ("bad-0001", b"<html><script>alert(1)</script>".to_vec(), "evidence.type"),
        ("bad-0002", b"\xff\xd8\xff<script>".to_vec(), "evidence.not_a_picture"),
        ("bad-0003", b"\0\0\0\x18ftypheic\0\0\0\0".to_vec(), "evidence.heic"),
        ("bad-0004", script, "evidence.active_pdf"),
        ("bad-0005", Vec::new(), "evidence.empty"),
        ("bad-0006", vec![0xff; 5 * 1024 * 1024 + 1], "evidence.too_large"),
        ("bad-0007", flood, "evidence.not_a_picture"),
    ] {
        let (status, body) = upload(&person, &mine, key, bytes).await;
        assert_eq!(body["code"], code, "{key}: {status} {body}");
        assert!(body["detail"].as_str().unwrap().chars().count() > 5, "{body}");
    }
    let (status, _) = upload(&person, &mine, "../../etc", jpeg.clone()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a tampered key");

    // Five at most, also when they come at once.
    let more: Vec<_> = (0..6_u32)
        .map(|n| {
            let person = person.clone();
            let mine = mine.clone();
            let bytes = picture(ImageFormat::Png, 70 + n);
            async move { upload(&person, &mine, &format!("more-000{n}"), bytes).await.0 }
        })
        .collect();
    let taken =
        futures_util::future::join_all(more).await.into_iter().filter(|s| *s == StatusCode::CREATED).count();
    assert_eq!(taken, 4);
    assert_eq!(own(&person, &mine).await["files"].as_array().unwrap().len(), 5);

    // Its holder reads it, as a download; nobody else's path leads to it.
    let id = file["id"].as_str().unwrap();
    let url = format!("/api/v1/me/appeals/{mine}/evidence/{id}");
    let raw = person.client.get(format!("{}{url}", person.base)).bearer_auth(person.token.as_ref().unwrap());
    let raw = raw.send().await.unwrap();
    let head = |name: &str| raw.headers()[name].to_str().unwrap().to_owned();
    assert!(head("content-disposition").starts_with("attachment"), "{raw:?}");
    assert_eq!(head("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(
        (head("x-content-type-options"), head("cache-control")),
        ("nosniff".into(), "no-store".into())
    );
    assert_eq!(raw.bytes().await.unwrap(), jpeg);
    for path in [&url, &format!("/api/v1/me/appeals/{theirs}/evidence/{id}")] {
        assert_eq!(other.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(Person::nobody(server).get(path).await.status, StatusCode::UNAUTHORIZED);
    }
    let (status, _) = upload(&other, &mine, "file-0009", jpeg.clone()).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "nor into it");

    // An officer reads it while the appeal is open, and only by its own entry.
    let officer = office.officer(CAUSER).await;
    let files = officer.get(&format!("/api/v1/reviews/{mine}")).await.body["appeal"]["files"].clone();
    assert_eq!(files.as_array().unwrap().len(), 5, "{files}");
    assert_eq!(officer.get(&format!("/api/v1/reviews/{mine}/evidence/{id}")).await.status, StatusCode::OK);
    // And the person sees who read it, as what, and what for.
    let looks = person.get("/api/v1/me/looks").await.body["items"].clone();
    let looks = looks.as_array().unwrap();
    assert!(!looks.is_empty(), "nobody is said to have read it");
    for look in looks {
        let said = [&look["purpose"], &look["role"], &look["office"]];
        assert!(
            said[0] == "appeal" && said.iter().all(|s| s.as_str().is_some_and(|s| !s.is_empty())),
            "{look}"
        );
        assert!(look["at"].is_string() && !look.to_string().contains(CAUSER), "{look}");
    }
    assert_eq!(
        officer.get(&format!("/api/v1/reviews/{theirs}/evidence/{id}")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        person.get(&format!("/api/v1/reviews/{mine}/evidence/{id}")).await.status,
        StatusCode::UNAUTHORIZED
    );
    let back = person.post(&format!("/api/v1/me/appeals/{mine}/withdrawal"), json!({})).await;
    assert_eq!(back.status, StatusCode::NO_CONTENT);
    assert_eq!(officer.get(&format!("/api/v1/reviews/{mine}/evidence/{id}")).await.code(), "review.closed");
    assert_eq!(upload(&person, &mine, "file-0010", jpeg).await.1["code"], "appeal.closed");

    for (name, bytes) in stored(&server.dir).await {
        let found = |what: &[u8]| bytes.windows(what.len()).any(|w| w == what);
        assert!(!found(mark) && !found("我没有接触过".as_bytes()), "{name} holds it in clear");
    }
}

#[tokio::test]
async fn whoever_sent_the_list_that_coloured_somebody_does_not_answer() {
    let office = Office::open(&[]);
    let (sender, other) = (office.officer(CAUSER).await, office.officer(SECOND).await);
    let person = office.server.log_in("13800000008").await;
    person.declare(&with(well(8), json!({ "residence": "330106" }))).await;
    let today = kangma_core::time::Zone::named("Asia/Shanghai").unwrap();
    let now = kangma_core::time::Instant::parse(&at_now(&person).await).unwrap();
    let line =
        json!({ "document_number": document(8), "since": today.day_of(now).to_string(), "reference": "L8" });
    let request = sender
        .client
        .post(format!("{}/api/v1/records?kind=confirmed&division=330106", sender.base))
        .header("idempotency-key", "one-list-0001")
        .bearer_auth(sender.token.as_ref().unwrap())
        .body(line.to_string());
    let sent = request.send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::OK, "{}", sent.text().await.unwrap());
    assert_eq!(person.colour().await, "red");
    let made = appeal(&person, "wrong-list").await;
    assert_eq!(made["rule"], "HZ-RED-LIST");
    let path = format!("/api/v1/reviews/{}", made["id"].as_str().unwrap());
    assert_eq!(sender.post(&format!("{path}/claim"), json!({})).await.code(), "review.own_part");
    let corrected = json!({ "outcome": "correct", "code": "another_person" });
    assert_eq!(other.post(&path, corrected).await.status, StatusCode::OK);
    office.server.findings_take_effect().await;
    assert_eq!(person.colour().await, "green");
}

async fn at_now(person: &Person) -> String {
    person.code().await["server_time"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn officers_answer_in_their_own_divisions_at_their_own_level_and_below() {
    let at = |name, division| (name, "reviewer", division);
    let office = Office::with(
        [
            at("street", "330106002"),
            at("other-street", "330106004"),
            at("community", "330106002051"),
            at("county", "330106"),
            at("other-county", "330105"),
            at("city", "3301"),
            ("grid", "collector", ""),
        ],
        &[],
    );
    let person = office.server.log_in("13800000009").await;
    person.declare(&in_contact(9, "330106002")).await;
    let id = appeal(&person, "in-one-street").await["id"].as_str().unwrap().to_owned();
    let (_, file) = upload(&person, &id, "file-0001", picture(ImageFormat::Png, 64)).await;
    let path = format!("/api/v1/reviews/{id}");
    let paths = [path.clone(), format!("{path}/evidence/{}", file["id"].as_str().unwrap())];
    let sees = async |name: &str| {
        let officer = office.officer(name).await;
        let listed = officer.get("/api/v1/reviews").await.body["items"].clone();
        let listed = listed.as_array().unwrap().iter().any(|item| item["id"] == id.as_str());
        for path in &paths {
            let answer = officer.get(path).await;
            let expected = if listed { StatusCode::OK } else { StatusCode::NOT_FOUND };
            assert_eq!(answer.status, expected, "{name} {path}");
        }
        if !listed {
            let upheld = json!({ "outcome": "uphold", "code": "rule_applies" });
            for (end, body) in
                [("", upheld), ("/claim", json!({})), ("/undo", json!({})), ("/escalation", json!({}))]
            {
                let answer = officer.post(&format!("{path}{end}"), body).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{name} {end}: as if it were not there");
            }
        }
        listed
    };
    let mut seen = Vec::new();
    for name in ["street", "other-street", "community", "county", "other-county", "city"] {
        seen.push(sees(name).await);
    }
    assert_eq!(seen, [true, false, false, true, false, true], "at the street");
    let collector = office.officer("grid").await;
    for path in ["/api/v1/reviews", "/api/v1/review-reasons", &paths[0], &paths[1]] {
        assert_eq!(collector.get(path).await.code(), "auth.not_allowed");
    }
    let street = office.officer("street").await;
    let passed = street.post(&format!("{path}/escalation"), json!({ "code": "beyond_office" })).await;
    assert_eq!(passed.body["level"], "county", "{passed:?}");
    assert_eq!((sees("street").await, sees("county").await, sees("city").await), (false, true, true));
}

/// The built-in pack, where the county has to confirm that a contact may be released after a day.
fn pack_with_confirmation(dir: &Path) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    let to = dir.join("pack");
    for file in ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"] {
        std::fs::create_dir_all(to.join(file).parent().unwrap()).unwrap();
        let mut text = std::fs::read_to_string(from.join(file)).unwrap();
        if file == "rules.toml" {
            let at = text.find("HZ-RED-CONTACT").unwrap();
            let (before, rest) = text.split_at(at);
            let old = "stages = [{ colour = \"red\", release = { check_ins_in_a_row = 14, days = 14 } }]";
            assert!(rest.contains(old));
            let new = "stages = [{ colour = \"red\", release = { days = 1, confirmed_by = \"county\" } }]";
            text = format!("{before}{}", rest.replacen(old, new, 1));
        }
        if file == "pack.toml" {
            text = text.replacen(
                "[pass]",
                "[appeals]\ntarget_hours = 4\ndue_hours = { county = 12 }\n\n[pass]",
                1,
            );
        }
        std::fs::write(to.join(file), text).unwrap();
    }
    to.display().to_string()
}

#[tokio::test]
async fn a_county_confirms_from_red_to_green_what_waits_for_nothing_else_and_a_notice_of_release() {
    let files = TempDir::new();
    let pack = pack_with_confirmation(&files.0);
    let office = Office::open(&["--pack", &pack]);
    let server = &office.server;
    let (person, other) = (server.log_in("13800000006").await, server.log_in("13800000007").await);
    person.declare(&in_contact(6, "330106")).await;
    other.declare(&in_contact(7, "330106")).await;
    let officer = office.officer(CAUSER).await;
    // The demo's own contact waits already; what is asked is what comes to it.
    let all = async || {
        let all = officer.get("/api/v1/reviews?kind=confirmation").await.body["items"].clone();
        all.as_array().unwrap().clone()
    };
    let planted: Vec<Value> = all().await.iter().map(|item| item["id"].clone()).collect();
    assert!(planted.len() <= 1, "of the two who declared days are missing, too");
    let waiting = async || {
        let all = all().await;
        all.into_iter().filter(|item| !planted.contains(&item["id"])).collect::<Vec<_>>()
    };

    // A notice of release comes as an appeal, with hours of this pack.
    let notice = json!({ "id": "release-notice", "ground": "release_notice", "text": "附解除隔离告知书" });
    let made = person.post("/api/v1/me/appeals", notice).await.body;
    let at = |text: &Value| text.as_str().unwrap().to_owned();
    let hours = |from: &str, to: &str| {
        let read = |t: &str| kangma_core::time::Instant::parse(t).unwrap().0;
        (read(to) - read(from)) / 3600
    };
    assert_eq!(hours(&at(&made["made_at"]), &at(&made["waits"]["due_at"])), 12);
    assert_eq!(person.get("/api/v1/me/appeals").await.body["target_hours"], 4);
    let path = format!("/api/v1/reviews/{}", made["id"].as_str().unwrap());
    let confirm = json!({ "outcome": "confirm", "code": "notice_verified" });
    assert_eq!(officer.post(&path, confirm).await.status, StatusCode::OK);
    server.findings_take_effect().await;
    assert_eq!(person.colour().await, "red", "confirmed, and the day is not over");
    server.advance(1).await;
    assert_eq!(person.colour().await, "green");

    // For the other one it waits for the county by itself, and for nothing else.
    let items = waiting().await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!((&items[0]["rule"], &items[0]["level"]), (&json!("HZ-RED-CONTACT"), &json!("county")));
    other.code().await;
    assert_eq!(waiting().await.len(), 1, "asked again, it is the same entry");
    let path = format!("/api/v1/reviews/{}", items[0]["id"].as_str().unwrap());
    assert_eq!(officer.get(&path).await.body["outcomes"], json!(["confirm", "refuse"]));
    let confirm = json!({ "outcome": "confirm", "code": "conditions_met" });
    assert_eq!(officer.post(&path, confirm).await.status, StatusCode::OK);
    assert_eq!(other.colour().await, "red", "the officer can still take it back");
    server.findings_take_effect().await;
    assert_eq!(other.colour().await, "green");
    assert!(waiting().await.is_empty());
}

/// Declarations with a fever, and the entries in the queue that they made.
async fn feverish(server: &Server, reviewer: &Person, people: std::ops::Range<u32>) -> Vec<String> {
    let mut entries = Vec::new();
    for n in people {
        let waiting = async || -> Vec<String> {
            let queue = reviewer.get("/api/v1/reviews?kind=declaration").await.body;
            let items = queue["items"].as_array().unwrap();
            items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        };
        let before = waiting().await;
        let person = server.log_in(&format!("1380002{n:04}")).await;
        let fever = json!({ "temperature_c": 38.5, "symptoms": ["fever"], "residence": "330106" });
        assert_eq!(person.declare(&with(well(n), fever)).await.status, StatusCode::CREATED);
        entries.extend(waiting().await.into_iter().find(|id| !before.contains(id)));
    }
    entries
}

#[tokio::test]
async fn many_declarations_found_false_by_one_officer_of_people_without_a_case_raise_an_alarm() {
    let server = Server::demo();
    let (reviewer, auditor) = (server.reviewer().await, server.officer("auditor").await);
    let entries = feverish(&server, &reviewer, 700..706).await;
    assert_eq!(entries.len(), 6);
    // Of the first a list says something: to find that declaration false is no colour by hand alone.
    let admin = server.officer("admin").await;
    let list_one = async || {
        let list = format!("证件号码\n{}\n", document(700));
        let target = "/api/v1/imports?kind=close_contact&division=330106&name=a.csv";
        let sent = admin.send(reqwest::Method::POST, target, Some(list)).await;
        let path =
            format!("/api/v1/imports/{}", sent.body["id"].as_str().unwrap_or_else(|| panic!("{sent:?}")));
        assert_eq!(admin.post(&format!("{path}/start"), json!({})).await.status, StatusCode::ACCEPTED);
        until("the list", async || admin.get(&path).await.body, |import| import["state"] == "done").await;
    };
    let find_false = async |entries: &[String]| {
        for id in entries {
            let said =
                json!({ "outcome": "false", "code": "contradicted_by_records", "reason": "无就诊记录" });
            let answer = reviewer.post(&format!("/api/v1/reviews/{id}"), said).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            // It comes in while the finding can still be taken back.
            if *id == entries[0] && entries.len() > 1 {
                list_one().await;
            }
        }
        server.findings_take_effect().await;
    };
    let alarms = async || -> Vec<(String, String)> {
        let all = auditor.get("/api/v1/alarms").await.body;
        let items = all["items"].as_array().unwrap().iter().filter(|a| a["kind"] == "many_without_case");
        let text = |alarm: &Value, name: &str| alarm[name].as_str().unwrap().to_owned();
        let mut said: Vec<_> = items.map(|a| (text(a, "officer"), text(a, "division"))).collect();
        said.sort();
        said
    };
    find_false(&entries[..5]).await;
    assert_eq!(alarms().await, [], "four of people without a case are still ordinary");
    find_false(&entries[5..]).await;
    let county = "330106".to_owned();
    assert_eq!(alarms().await, [(String::new(), county.clone()), ("reviewer".into(), county)]);
}

#[tokio::test]
async fn an_appeal_that_corrects_an_order_withdraws_it_in_the_list_of_orders_too() {
    let mut server = Server::demo();
    let person = server.log_in("13800030001").await;
    person.declare(&with(well(801), json!({ "residence": "330106" }))).await;
    let (writer, signer) = (server.officer("data").await, server.officer("approver").await);
    let now = kangma_core::time::Instant::parse(&at_now(&person).await).unwrap();
    let ask = json!({
        "of": { "document": { "type": "resident_id", "number": document(801), "nationality": null } },
        "rule": "HZ-RED-ORDER", "evidence": "investigation_report", "reference": "file 8",
        "until": now.plus_s(7 * 86_400), "urgent": false,
    });
    let written = writer.post("/api/v1/orders", ask).await;
    let order = written.body["order"].as_str().unwrap_or_else(|| panic!("{written:?}")).to_owned();
    let signed = signer.post(&format!("/api/v1/orders/{order}/signature"), json!({})).await;
    assert!(signed.status.is_success(), "{signed:?}");
    assert_eq!(person.colour().await, "red");
    let listed = async |state: &str| -> Vec<Value> {
        let all = writer.get(&format!("/api/v1/orders?state={state}")).await;
        let items = all.body["items"].as_array().unwrap_or_else(|| panic!("{all:?}")).clone();
        items.into_iter().filter(|o| o["id"] == *order).collect()
    };
    assert_eq!(listed("signed").await.len(), 1);

    let made = appeal(&person, "an-order-in-error").await;
    let path = format!("/api/v1/reviews/{}", made["id"].as_str().unwrap());
    let corrected = json!({ "outcome": "correct", "code": "another_person" });
    let answered = server.reviewer().await.post(&path, corrected).await;
    assert_eq!(answered.status, StatusCode::OK, "{answered:?}");
    server.findings_take_effect().await;
    assert_eq!(person.colour().await, "green");
    assert_eq!(listed("signed").await, [] as [Value; 0], "it no longer stands");
    let withdrawn = listed("withdrawn").await;
    assert_eq!(withdrawn.len(), 1, "it was withdrawn");
    assert_eq!(withdrawn[0]["withdrawn_by"], "reviewer", "{withdrawn:?}");
    // The step is in the log like any other withdrawal.
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.interrupt();
    let out = kangma().args(["log", "verify"]).envs(environment(&server.dir)).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}
