//! A community at high risk: two people of two offices, one instant on every node, and only those whose facts
//! name it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use crate::common::{Person, Server, TempDir, count, environment, kangma, meddle, postgres, well, with};
use kangma_core::division::divisions;
use reqwest::StatusCode;
use serde_json::{Value, json};

const RULE: &str = "HZ-YELLOW-HIGH-AREA";

/// A community of the district, and the one next to it.
fn communities() -> (&'static str, &'static str) {
    let street = divisions().children(Some("330106")).next().unwrap();
    let mut all = divisions().children(Some(street.code)).map(|d| d.code);
    (all.next().unwrap(), all.next().unwrap())
}

/// Hangzhou's pack, in which yellow for an area at high risk ends when the area is lowered.
fn pack(dir: &TempDir) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    let to = dir.0.join("pack");
    let mut files = Vec::new();
    crate::common::collect(&from, &mut files);
    for file in files {
        let name = file.strip_prefix(&from).unwrap();
        let mut text = std::fs::read_to_string(&file).unwrap();
        if name == Path::new("rules.toml") {
            let (before, rule) = text.split_once(&format!("id = \"{RULE}\"")).unwrap();
            let rule = rule.replacen("{ check_ins_in_a_row = 7, days = 7 }", "{ area_below = \"high\" }", 1);
            text = format!("{before}id = \"{RULE}\"{rule}");
        }
        if name.starts_with("words") {
            text = text.replace("[progress]\n", "[progress]\nareas = \"{done}/{of}\"\n");
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

/// Somebody of the staff of an office in Hangzhou, with a role.
async fn officer(server: &Server, name: &str, office: &str, role: &str) -> Person {
    let (admin, nobody) = (server.officer("admin").await, Person::nobody(server));
    let invited = json!({ "name": name, "office": office, "division": "3301" });
    let invited = admin.post("/api/v1/staff/invitations", invited).await;
    let password = "correct horse battery";
    let taken = json!({ "token": invited.body["token"], "password": password });
    assert_eq!(nobody.post("/api/v1/staff/invitations/accept", taken).await.status, StatusCode::CREATED);
    let grant = json!({ "role": role, "division": "3301", "ends_at": admin.in_days(30).await });
    let given = admin.post(&format!("/api/v1/staff/accounts/{name}/grants"), grant).await;
    assert_eq!(given.status, StatusCode::CREATED, "{given:?}");
    let session = nobody.post("/api/v1/staff/login", json!({ "name": name, "password": password })).await;
    Person { token: Some(session.body["token"].as_str().unwrap().to_owned()), ..nobody }
}

/// A day so many days from today, in Hangzhou.
async fn day(person: &Person, days: i64) -> String {
    let text = person.get("/api/v1/site").await.body["server_time"].as_str().unwrap().to_owned();
    let now = kangma_core::time::Instant::parse(&text).unwrap();
    kangma_core::time::Zone::named("Asia/Shanghai").unwrap().day_of(now.plus_s(days * 86_400)).to_string()
}

fn list(division: &str, replaces: Option<&str>, entries: Value) -> Value {
    let mut list = json!({
        "division": division, "reference": "样例市防控办〔2026〕7号", "reason": "样例社区调整", "entries": entries,
    });
    if let Some(replaces) = replaces {
        list["replaces"] = json!(replaces);
    }
    list
}

/// Sends a file as an office does.
async fn send_file(who: &Person, csv: &str) -> crate::common::Answer {
    send_to(who, "/api/v1/areas?division=3301&reference=2026-7&reason=a%20cluster", csv).await
}

async fn send_to(who: &Person, path: &str, csv: &str) -> crate::common::Answer {
    let request = who.client.post(format!("{}{path}", who.base)).bearer_auth(who.token.as_ref().unwrap());
    let request = request.header("content-type", "text/csv").header("accept-language", "en");
    let response = request.body(csv.to_owned()).send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    crate::common::Answer { status, headers, text, body }
}

/// Asks what would be read of a file.
async fn check_file(who: &Person, csv: &str) -> crate::common::Answer {
    send_to(who, "/api/v1/areas/check?division=3301", csv).await
}

/// A version when whom it concerns was counted: beside a busy machine's other work, which goes before.
async fn counted(who: &Person, version: &str) -> Value {
    let began = Moment::now();
    loop {
        let told = who.get_in_turn(&format!("/api/v1/areas/{version}")).await.body;
        if told["state"] != "counting" {
            return told;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{told}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn sign(who: &Person, version: &str, digest: &Value) -> crate::common::Answer {
    who.post(&format!("/api/v1/areas/{version}/signature"), json!({ "digest": digest })).await
}

/// Proposed by one, signed by the other.
async fn put_in_force(maker: &Person, signer: &Person, list: Value) -> String {
    let proposed = maker.post("/api/v1/areas", list).await;
    assert_eq!(proposed.status, StatusCode::CREATED, "{proposed:?}");
    let version = proposed.body["version"].as_str().unwrap().to_owned();
    counted(signer, &version).await;
    let signed = sign(signer, &version, &proposed.body["digest"]).await;
    assert_eq!(signed.status, StatusCode::OK, "{signed:?}");
    version
}

/// Reads somebody's code through every node in turn until its colour is that; what was seen once on any
/// node is never followed by the earlier answer on another.
async fn until(nodes: &[Server], person: &Person, from: &str, to: &str) -> Value {
    let began = Moment::now();
    let mut seen = false;
    loop {
        let mut last = Value::Null;
        for node in nodes {
            last = Person { base: node.base.clone(), ..person.clone() }.code().await;
            let colour = last["colour"].as_str().unwrap();
            assert!(colour == to || colour == from && !seen, "{colour} after {to}");
            seen |= colour == to;
        }
        if seen && last["colour"] == to {
            return last;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "still {last}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until everybody was looked through for so many turns.
async fn walked(dir: &TempDir, turns: i64) {
    for _ in 0..150 {
        if count(dir, "SELECT COUNT(*) FROM area_walk").await == 16 * turns {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("not everybody was looked through after 30 s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_community_becomes_high_risk_by_two_people_and_whoever_was_there_is_told_and_nobody_else_is_written()
 {
    let dir = Arc::new(TempDir::new());
    let pack = pack(&dir);
    let args = ["--demo", "--codes-per-address", "100000", "--reads-per-person", "6000", "--pack", &pack];
    let mut nodes = vec![Server::start(Arc::clone(&dir), &args)];
    if postgres().is_some() {
        nodes.push(Server::start(Arc::clone(&dir), &args));
    }
    let server = &nodes[0];
    let (community, next_door) = communities();
    let visitor = somebody(server, 1, json!({ "residence": "330102", "visited": [community] })).await;
    let resident = somebody(server, 2, json!({ "residence": community })).await;
    let neighbour = somebody(server, 3, json!({ "residence": next_door })).await;
    let elsewhere = somebody(server, 4, json!({ "residence": "330109" })).await;
    for n in 5..8 {
        somebody(server, n, json!({ "residence": "330105", "visited": [community, "330109"] })).await;
    }
    let maker = officer(server, "maker", "样例市卫健委", "rule_maker").await;
    let colleague = officer(server, "colleague", "样例市卫健委", "administrator").await;
    let signer = officer(server, "signer", "样例市防控办", "administrator").await;
    let collector = server.officer("collector").await;

    // A file with mistakes is refused with its lines, and nothing of it is taken.
    let csv = format!(
        "区划代码,风险等级,起始日期,结束日期,来源\n{community},高风险,2026-11-01,,通告\n330199,高风险,2026-11-01,,\n\
         {next_door},hihg,2026-11-01,,\n340104,high,soon,,\n330102,high,2026-11-02,2026-11-01,\n"
    );
    let refused = send_file(&maker, &csv).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::UNPROCESSABLE_ENTITY, "form.fields"),
        "{refused:?}"
    );
    let told: Vec<(&str, &str)> = refused.body["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["field"].as_str().unwrap(), f["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("line 3: code", "areas.code"),
            ("line 4: level", "areas.level"),
            ("line 5: code", "areas.elsewhere"),
            ("line 5: from", "areas.day"),
            ("line 6: until", "areas.window"),
        ]
    );
    assert!(refused.text.contains("Did you mean high?"), "{refused:?}");
    assert_eq!(send_file(&maker, "name,number\na,b\n").await.code(), "areas.headers");
    // The same is told to whoever only asks, and what is right is read back with its names.
    let checked = check_file(&maker, &csv).await;
    assert_eq!(checked.body["fields"], refused.body["fields"]);
    let right = format!(
        "代码,等级,起始日期,结束日期,来源\n{community},中,2026-11-01,2026-11-09,通告\n{next_door},high,2026/11/2,,\n"
    );
    let refused = check_file(&maker, &right).await;
    assert_eq!(refused.code(), "areas.level", "no pack here has a middle: {refused:?}");
    let checked = check_file(&maker, &right.replace(",中,", ",高风险,")).await;
    let read = &checked.body["entries"];
    assert_eq!((checked.status, read[0]["list"].as_str()), (StatusCode::OK, Some("high")), "{checked:?}");
    assert_eq!((&read[0]["until"], &read[1]["from"]), (&json!("2026-11-09"), &json!("2026-11-02")), "{read}");
    assert!(read[1]["name"].as_str().unwrap().contains("西湖区"), "{read}");
    assert_eq!(checked.body["later"], json!(null), "{checked:?}");
    let (soon, late) = (day(&maker, 1).await, day(&maker, 9).await);
    let lines: String =
        [&late, &soon, &day(&maker, 0).await].map(|d| format!("{community},high,{d}\n")).concat();
    let checked = check_file(&maker, &format!("code,level,from\n{lines}")).await;
    assert_eq!(checked.body["later"], json!({ "entries": 2, "first": soon }), "{checked:?}");
    assert_eq!(maker.get("/api/v1/areas").await.body["items"], json!([]));
    let entries = json!([{ "list": "high", "code": "34", "from": "2026-11-01" }]);
    assert_eq!(maker.post("/api/v1/areas", list("", None, entries)).await.code(), "auth.not_allowed");
    assert_eq!(
        collector.post("/api/v1/areas", list("3301", None, json!([]))).await.code(),
        "auth.not_allowed"
    );

    // One signature is not enough, nor are two of one person or of one office.
    let since = day(&maker, -3).await;
    let csv = format!("Code;Level;From;Source\n{community};高;{since};https://example.org/notice\n");
    let proposed = send_file(&maker, &csv).await;
    assert_eq!(proposed.status, StatusCode::CREATED, "{proposed:?}");
    let first = proposed.body["version"].as_str().unwrap().to_owned();
    let digest = proposed.body["digest"].clone();
    let told = counted(&signer, &first).await;
    assert_eq!((&told["state"], &told["touched"]), (&json!("proposed"), &json!(5)), "{told}");
    assert_eq!(told["changes"], json!([{ "from": "green", "to": "yellow", "people": 5 }]), "{told}");
    assert_eq!(told["entries"][0]["code"], community, "what is signed can be read: {told}");
    assert_eq!(sign(&maker, &first, &digest).await.code(), "auth.not_allowed");
    assert_eq!(sign(&colleague, &first, &digest).await.code(), "areas.same_office");
    assert_eq!(sign(&signer, &first, &json!("00")).await.code(), "areas.digest");
    let own = signer.post("/api/v1/areas", list("3301", None, json!([]))).await;
    let own_version = own.body["version"].as_str().unwrap().to_owned();
    counted(&signer, &own_version).await;
    assert_eq!(sign(&signer, &own_version, &own.body["digest"]).await.code(), "areas.same_person");
    let gone =
        maker.post(&format!("/api/v1/areas/{own_version}/withdrawal"), json!({ "reason": "a trial" })).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(visitor.colour().await, "green");
    let public = Person::nobody(server).get("/api/v1/public/areas").await.body;
    assert_eq!(public["items"], json!([]), "a proposal is nobody's business");

    // Two of two offices: at one instant, on every node, with the reason.
    let before = count(&dir, "SELECT CAST(SUM(version) AS BIGINT) FROM person").await;
    let signed = sign(&signer, &first, &digest).await;
    assert_eq!(signed.status, StatusCode::OK, "{signed:?}");
    let code = until(&nodes, &visitor, "green", "yellow").await;
    assert_eq!(code["reasons"][0]["rule"], RULE, "{code}");
    assert_eq!(until(&nodes, &resident, "green", "yellow").await["reasons"][0]["rule"], RULE);
    assert_eq!(sign(&signer, &first, &digest).await.code(), "areas.signed");
    walked(&dir, 1).await;
    let acts = kangma_core::time::Instant::parse(signed.body["acts_from"].as_str().unwrap()).unwrap().0;
    let decided = format!("SELECT COUNT(*) FROM person WHERE decided_at >= {acts}");
    assert_eq!(count(&dir, &decided).await, 5, "also whom nobody reads, and nobody else");
    let after = count(&dir, "SELECT CAST(SUM(version) AS BIGINT) FROM person").await;
    assert_eq!(after - before, 5, "each is written once");
    for untouched in [&neighbour, &elsewhere] {
        assert_eq!(untouched.colour().await, "green");
    }
    assert_eq!(count(&dir, &decided).await, 5, "reading somebody who is not touched writes nothing");
    let public = Person::nobody(server).get("/api/v1/public/areas").await.body;
    let shown = &public["items"][0];
    assert_eq!(
        (&shown["state"], &shown["entries"][0]["code"]),
        (&json!("in_force"), &json!(community)),
        "{public}"
    );
    assert!(shown["entries"][0]["name"].as_str().unwrap().contains("西湖区"), "{public}");
    let words = public["lists"].as_array().unwrap().iter().find(|l| l["list"] == "high").unwrap();
    assert_eq!(words["rules"], json!(["From an area of higher risk"]));

    // Whoever saw an older list is told; what was a mistake goes back, and nobody is yellow for it.
    let of_city = maker.get("/api/v1/areas?division=3301").await.body;
    assert_eq!(
        (&of_city["acts"], &of_city["items"][1]["version"]),
        (&json!(first), &json!(first)),
        "{of_city}"
    );
    let of_others = maker.get("/api/v1/areas?division=33").await.body;
    assert_eq!((&of_others["items"], &of_others["acts"]), (&json!([]), &json!(null)), "{of_others}");
    assert!(of_others["lists"].as_array().unwrap().iter().any(|l| l["list"] == "high"), "{of_others}");
    let late = maker.post("/api/v1/areas", list("3301", None, json!([]))).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "areas.changed"));
    let path = format!("/api/v1/areas/{first}/withdrawal");
    assert_eq!(maker.post(&path, json!({ "reason": "in error" })).await.code(), "auth.not_allowed");
    assert_eq!(colleague.post(&path, json!({ "reason": "in error" })).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        maker.get("/api/v1/areas?division=3301").await.body["acts"],
        json!(null),
        "it goes back in seconds"
    );
    until(&nodes, &visitor, "yellow", "green").await;
    until(&nodes, &resident, "yellow", "green").await;
    walked(&dir, 2).await;
    assert_eq!(count(&dir, "SELECT COUNT(*) FROM person WHERE version > 10").await, 0);
    let alarms = server.officer("admin").await.get("/api/v1/alarms").await.body.to_string();
    assert!(alarms.contains("rules_stopped"), "{alarms}");

    // Listed again, with the day on which it is lowered: released on that day.
    let until_day = day(&maker, 1).await;
    let entry = json!({ "list": "high", "code": community, "from": since, "until": until_day });
    let third = put_in_force(&maker, &signer, list("3301", None, json!([entry]))).await;
    let listed = kangma()
        .args(["area", "list", "--to", &server.base])
        .env("KANGMA_STAFF_TOKEN", maker.token.as_ref().unwrap())
        .output()
        .unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.starts_with(&format!("{third}  signed")), "{listed}");
    until(&nodes, &visitor, "green", "yellow").await;
    walked(&dir, 3).await;
    let history = Person::nobody(server).get("/api/v1/public/areas").await.body;
    let states: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|i| i["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["in_force", "withdrawn"], "{history}");
    let whole = Person::nobody(server).get(&format!("/api/v1/public/areas?version={third}")).await.body;
    assert_eq!(whole["items"][0]["entries"][0]["until"], until_day, "{whole}");

    // Everything is in the log.
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.advance(1).await;
    assert_eq!(visitor.colour().await, "green", "the community is lowered");
    tokio::time::sleep(Duration::from_secs(3)).await;
    nodes.iter_mut().for_each(Server::kill);
    let verify = || kangma().args(["log", "verify"]).envs(environment(&dir)).output().unwrap();
    let said = |out: &std::process::Output| {
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
    };
    let fine = verify();
    assert!(fine.status.success(), "{}", said(&fine));
    let set =
        |from: &str, to: &str| format!("UPDATE area_step SET officer = '{to}' WHERE officer = '{from}'");
    let later = |s: i64| format!("UPDATE area_step SET at = at + {s} WHERE seq = 0");
    for (forge, back) in [(set("signer", "nobody"), set("nobody", "signer")), (later(-60), later(60))] {
        meddle(&dir, &forge).await;
        let found = verify();
        assert!(
            !found.status.success() && said(&found).contains("log.row_altered: area"),
            "{}",
            said(&found)
        );
        meddle(&dir, &back).await;
    }
    let fine = verify();
    assert!(fine.status.success(), "{}", said(&fine));
    let forge = "UPDATE area_list SET entries = (SELECT office FROM area_step WHERE seq = 0 LIMIT 1)";
    meddle(&dir, forge).await;
    assert!(said(&verify()).contains("log.row_altered: area"));
}
