//! A pack on its way into force: two people, a shadow, a district, the city; and the way back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use crate::common::{Person, Server, TempDir, environment, kangma, meddle, postgres, well, with};
use kangma_core::time::Instant;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const DISTRICT: &str = "330106";
const NEXT_DOOR: &str = "330102";
const ELSEWHERE: &str = "340104";

/// The texts of Hangzhou's pack, of another version, in which travel overseas is red.
fn files(version: &str) -> BTreeMap<String, String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    let mut paths = Vec::new();
    crate::common::collect(&dir, &mut paths);
    let read = |path: &std::path::PathBuf| {
        let name = path.strip_prefix(&dir).unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace("version = \"1.0.0\"", &format!("version = \"{version}\""));
        // Open episodes go over to the new terms.
        let text = text.replace("on_new_version = \"keep\"", "on_new_version = \"convert\"");
        let (before, rule) = match text.split_once("id = \"HZ-YELLOW-OVERSEAS\"") {
            Some((before, rule)) if name == "rules.toml" => (before.to_owned(), rule.to_owned()),
            _ => {
                let text = text.replace(
                    "colour = \"yellow\", rules = [\"HZ-YELLOW-OVERSEAS\"]",
                    "colour = \"red\", rules = [\"HZ-YELLOW-OVERSEAS\"]",
                );
                // The same journey's next sentence, which names no rule.
                let text = text.replace(
                    "[\"HZ-YELLOW-OVERSEAS\"], run = 7 },\n    { at = \"2020-02-17 23:59\", colour = \"yellow\" }",
                    "[\"HZ-YELLOW-OVERSEAS\"], run = 7 },\n    { at = \"2020-02-17 23:59\", colour = \"red\" }",
                );
                return (name, text);
            }
        };
        let rule = rule.replacen("colour = \"yellow\"", "colour = \"red\"", 1);
        (name, format!("{before}id = \"HZ-YELLOW-OVERSEAS\"{rule}"))
    };
    paths.iter().map(read).collect()
}

fn write(folder: &Path, files: &BTreeMap<String, String>) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

async fn abroad(server: &Server, n: u32, residence: &str) -> Person {
    let person = server.log_in(&format!("1380000{n:04}")).await;
    declare_abroad(&person, n, residence).await;
    person
}

async fn declare_abroad(person: &Person, n: u32, residence: &str) {
    let said = with(well(n), json!({ "residence": residence, "overseas": true }));
    let declared = person.declare(&said).await;
    assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
}

/// Somebody of the staff in Hangzhou, with a role.
async fn officer(server: &Server, name: &str, role: &str) -> Person {
    let (admin, nobody) = (server.officer("admin").await, Person::nobody(server));
    let invited = json!({ "name": name, "office": format!("样例{name}"), "division": "3301" });
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

async fn now(person: &Person) -> Instant {
    Instant::parse(person.get("/api/v1/site").await.body["server_time"].as_str().unwrap()).unwrap()
}

async fn draft(maker: &Person, version: &str) -> String {
    let digest = maker.get("/api/v1/site").await.body["pack"]["digest"].clone();
    let made = maker.post("/api/v1/drafts", json!({ "division": "3301", "from": digest })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert!(made.body["files"]["rules.toml"].is_string());
    let id = made.body["id"].as_str().unwrap().to_owned();
    put(maker, &id, 1, &files(version)).await;
    id
}

async fn put(maker: &Person, draft: &str, version: i64, files: &BTreeMap<String, String>) {
    let body = json!({ "version": version, "files": files }).to_string();
    let put = maker.send(Method::PUT, &format!("/api/v1/drafts/{draft}/files"), Some(body)).await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
}

fn terms(starts_at: Instant, forecast: (i64, i64)) -> Value {
    json!({
        "reference": "样例市防控办〔2026〕1号", "starts_at": starts_at, "sunset": starts_at.plus_s(86_400),
        "shadow_s": 3,
        "stages": [
            { "division": DISTRICT, "hold_s": 4, "forecast": forecast.0, "margin": 0 },
            { "division": "3301", "hold_s": 30, "forecast": forecast.1, "margin": 5 },
        ],
    })
}

async fn step(who: &Person, id: &str, what: &str, body: Value) -> crate::common::Answer {
    who.post(&format!("/api/v1/publications/{id}/{what}"), body).await
}

async fn done(who: &Person, id: &str, what: &str, body: Value) {
    let answer = step(who, id, what, body).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{what}: {answer:?}");
}

/// Proposed, signed, tried in shadow, and published.
async fn publish(maker: &Person, signer: &Person, version: &str, forecast: (i64, i64)) -> String {
    let draft = draft(maker, version).await;
    let terms = terms(now(maker).await.plus_s(10), forecast);
    let proposed = maker.post(&format!("/api/v1/drafts/{draft}/proposal"), terms).await;
    assert_eq!(proposed.status, StatusCode::CREATED, "{proposed:?}");
    let id = proposed.body["publication"].as_str().unwrap().to_owned();
    // Whoever signs reads what it is, beside what it takes the place of.
    let texts = signer.get(&format!("/api/v1/publications/{id}/files")).await.body;
    assert_eq!(texts["proposed"]["digest"], proposed.body["digest"]);
    assert_eq!(texts["proposed"]["files"], json!(files(version)));
    let before = texts["before"]["files"]["rules.toml"].as_str().unwrap();
    assert!(before != files(version)["rules.toml"] && before.contains("HZ-YELLOW-OVERSEAS"), "{texts}");
    let told = &texts["told"]["en"]["changes"];
    assert!(told.to_string().contains("HZ-YELLOW-OVERSEAS"), "{told}");
    done(signer, &id, "signature", json!({ "digest": proposed.body["digest"] })).await;
    done(signer, &id, "shadow", json!({})).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    done(signer, &id, "publish", json!({})).await;
    id
}

/// Reads somebody's code through every node in turn until its colour is that, and holds each answer to
/// one pack: the colour, the version and the reasons' colour belong together, and once the later answer
/// was seen the earlier is never seen again.
async fn until(nodes: &[Server], person: &Person, colour: &str, of: &[(&str, &str)]) {
    let began = Moment::now();
    let mut seen = 0;
    loop {
        for node in nodes {
            let code = Person { base: node.base.clone(), ..person.clone() }.code().await;
            let told = (code["colour"].as_str().unwrap(), code["pack"]["version"].as_str().unwrap());
            let at = of.iter().position(|pair| *pair == told).unwrap_or_else(|| panic!("mixed: {told:?}"));
            assert!(at >= seen, "an earlier answer after a later one: {told:?}");
            seen = at;
            assert_eq!(code["reasons"][0]["colour"], code["colour"], "{code}");
        }
        if of[seen].0 == colour {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(40), "still {:?}", of[seen]);
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_takes_force_by_two_people_in_stages_and_what_goes_wrong_is_brought_back() {
    let dir = Arc::new(TempDir::new());
    let args = ["--demo", "--codes-per-address", "100000", "--reads-per-person", "6000"];
    let mut nodes = vec![Server::start(Arc::clone(&dir), &args)];
    if postgres().is_some() {
        nodes.push(Server::start(Arc::clone(&dir), &args));
        nodes.push(Server::start(Arc::clone(&dir), &args));
    }
    let server = &nodes[0];
    let (here, next_door, elsewhere) = (
        abroad(server, 1, DISTRICT).await,
        abroad(server, 2, NEXT_DOOR).await,
        abroad(server, 3, ELSEWHERE).await,
    );
    let (maker, signer) =
        (officer(server, "maker", "rule_maker").await, officer(server, "signer", "administrator").await);
    let admin = server.officer("admin").await;

    // A broken draft is refused with its place, and the rules in force stay.
    let id = draft(&maker, "1.0.9").await;
    let mut broken = files("1.0.9");
    broken.get_mut("rules.toml").unwrap().push_str("\n[[rule]]\nid = 7\n");
    let body = json!({ "version": 2, "files": broken }).to_string();
    let path = format!("/api/v1/drafts/{id}");
    assert_eq!(
        maker.send(Method::PUT, &format!("{path}/files"), Some(body.clone())).await.status,
        StatusCode::OK
    );
    let again = maker.send(Method::PUT, &format!("{path}/files"), Some(body)).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "rules.draft_changed"));
    let checked = maker.post(&format!("{path}/check"), json!({})).await.body;
    assert_eq!(checked["ok"], false);
    assert_eq!(checked["diagnostics"][0]["file"], "rules.toml");
    assert!(checked["diagnostics"][0]["line"].as_u64().unwrap() > 90, "{checked}");
    // The same of text that nobody stored, with the places of its rules; and what is stored stays.
    let tried = maker.post(&format!("{path}/try"), json!({ "files": broken })).await.body;
    assert_eq!(
        (&tried["ok"], &tried["diagnostics"][0]["file"]),
        (&json!(false), &json!("rules.toml")),
        "{tried}"
    );
    let fine = maker.post(&format!("{path}/try"), json!({ "files": files("1.0.9") })).await.body;
    assert_eq!((&fine["ok"], &fine["coverage"]["unreached"]), (&json!(true), &json!([])), "{fine}");
    assert!(
        fine["cases"].as_array().unwrap().iter().all(|c| c["passed"] == true && c["from"].is_u64()),
        "{fine}"
    );
    let rule = &fine["rules"][0];
    assert!(rule["sentence"]["zh"].is_string() && rule["values"][0]["from"].is_u64(), "{rule}");
    assert_eq!(maker.get(&path).await.body["version"], 3, "nothing was stored");
    let soon = now(&maker).await.plus_s(30);
    let refused = maker.post(&format!("{path}/proposal"), terms(soon, (1, 1))).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "rules.pack"));

    // A draft that is right, on terms that are not.
    let id = draft(&maker, "1.1.0").await;
    let path = format!("/api/v1/drafts/{id}");
    assert_eq!(maker.post(&format!("{path}/cases"), json!({})).await.body["passed"], true);
    let past = maker.post(&format!("{path}/proposal"), terms(Instant(1), (1, 1))).await;
    assert_eq!(past.code(), "rules.start", "{past:?}");
    let mut endless = terms(soon, (1, 1));
    endless["sunset"] = json!(soon);
    assert_eq!(maker.post(&format!("{path}/proposal"), endless).await.code(), "rules.sunset");
    let mut without = terms(soon, (1, 1));
    without.as_object_mut().unwrap().remove("sunset");
    assert_eq!(
        maker.post(&format!("{path}/proposal"), without).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let collector = server.officer("collector").await;
    assert_eq!(
        collector.post(&format!("{path}/proposal"), terms(soon, (1, 1))).await.code(),
        "auth.not_allowed"
    );

    // One signer, the same person twice, the wrong right, another digest: nothing moves.
    let mut longer = terms(now(&maker).await.plus_s(12), (1, 10));
    // Five people declare in it, also on a busy machine.
    longer["shadow_s"] = json!(8);
    let proposed = admin.post(&format!("{path}/proposal"), longer).await;
    assert_eq!(proposed.status, StatusCode::CREATED, "{proposed:?}");
    let id = proposed.body["publication"].as_str().unwrap().to_owned();
    let digest = json!({ "digest": proposed.body["digest"] });
    assert_eq!(step(&signer, &id, "shadow", json!({})).await.code(), "rules.not_signed");
    assert_eq!(step(&signer, &id, "publish", json!({})).await.code(), "rules.shadow_first");
    assert_eq!(step(&admin, &id, "signature", digest.clone()).await.code(), "rules.same_person");
    assert_eq!(step(&maker, &id, "signature", digest.clone()).await.code(), "auth.not_allowed");
    let other = json!({ "digest": "0123456789abcdef" });
    assert_eq!(step(&signer, &id, "signature", other).await.code(), "rules.digest");
    done(&signer, &id, "signature", digest).await;
    let mut five = Vec::new();
    for n in 20..25 {
        five.push((n, server.log_in(&format!("1380000{n:04}")).await));
    }
    done(&signer, &id, "shadow", json!({})).await;
    let shadow_until = now(&maker).await.plus_s(9);
    // In shadow, which is short, it is decided beside and counted; nobody is told anything else than before.
    let declared = five.iter().map(|(n, person)| declare_abroad(person, *n, NEXT_DOOR));
    futures_util::future::join_all(declared).await;
    assert_eq!(step(&signer, &id, "publish", json!({})).await.code(), "rules.shadow_first");
    for (_, person) in &five {
        assert_eq!(person.colour().await, "yellow");
    }
    while now(&maker).await < shadow_until {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let told = maker.get(&format!("/api/v1/publications/{id}")).await.body;
    let differ =
        told["shadow"].as_array().unwrap().iter().find(|t| t["from"] == "yellow" && t["to"] == "red");
    assert_eq!(differ.expect("a disagreement")["people"], 5, "{told}");
    assert!(told["disagreement_percent"].as_f64().unwrap() > 0.0, "{told}");

    // The district first, then the city.
    done(&signer, &id, "publish", json!({})).await;
    let (old, new) = (("yellow", "1.0.0"), ("red", "1.1.0"));
    until(&nodes, &here, "red", &[old, new]).await;
    assert_eq!(next_door.code().await["pack"]["version"], "1.0.0");
    until(&nodes, &next_door, "red", &[old, new]).await;
    // The installation's own pack answers for those whom no other covers, so they go with the city.
    until(&nodes, &elsewhere, "red", &[old, new]).await;
    let registry = Person::nobody(server).get("/api/v1/public/packs").await.body;
    let versions: Vec<&str> =
        registry["items"].as_array().unwrap().iter().map(|i| i["pack_version"].as_str().unwrap()).collect();
    assert!(versions.contains(&"1.0.0") && versions.contains(&"1.1.0"), "{registry}");
    let status = maker.get(&format!("/api/v1/publications/{id}")).await.body;
    assert!(status["stages"][1]["from"].is_string(), "{status}");

    // A what-if of the command line stands beside what is published, unless it is told otherwise.
    let folder = dir.0.join("draft");
    write(&folder, &files("1.1.9"));
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    for (pack, version) in [(None, "1.1.0"), (Some(&shipped), "1.0.0")] {
        let mut command = kangma();
        command.args(["pack", "simulate", "--json"]).arg(&folder).envs(environment(&dir));
        pack.iter().for_each(|pack| {
            command.arg("--pack").arg(pack);
        });
        let run = command.output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let report: Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!(report["active"]["version"], version, "{report}");
        if pack.is_none() {
            assert_eq!(report["changed"], 0, "those who came from abroad are red already: {report}");
        }
    }

    // One command brings the earlier rules back, and with them the colours.
    let run = kangma()
        .args(["pack", "rollback", &id, "--reason", "too strict", "--to", &server.base])
        .env("KANGMA_STAFF_TOKEN", signer.token.as_ref().unwrap())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    until(&nodes, &here, "yellow", &[new, old]).await;
    until(&nodes, &next_door, "yellow", &[new, old]).await;

    // What was brought back from cannot come again; a harmful one stops by itself in its first stage.
    let same = draft(&maker, "1.1.0").await;
    let refused = maker
        .post(&format!("/api/v1/drafts/{same}/proposal"), terms(now(&maker).await.plus_s(30), (1, 1)))
        .await;
    assert_eq!(refused.code(), "rules.version_known", "{refused:?}");
    let harmful = publish(&maker, &signer, "1.2.0", (0, 0)).await;
    until(&nodes, &here, "red", &[old, ("red", "1.2.0")]).await;
    until(&nodes, &here, "yellow", &[("red", "1.2.0"), old]).await;
    assert_eq!(next_door.code().await["pack"]["version"], "1.0.0", "it never came so far");
    let status = signer.get(&format!("/api/v1/publications/{harmful}")).await.body;
    assert_eq!(
        (&status["state"], &status["ended_how"]),
        (&json!("ended"), &json!("too_many_changes")),
        "{status}"
    );
    let alarms = admin.get("/api/v1/alarms").await.body.to_string();
    assert!(alarms.contains("rules_stopped"), "{alarms}");

    // Everything is in the log; a step that was put in by hand is found, and puts nothing in force.
    tokio::time::sleep(Duration::from_secs(3)).await;
    nodes.iter_mut().for_each(Server::kill);
    let verify = || kangma().args(["log", "verify"]).envs(environment(&dir)).output().unwrap();
    let well = verify();
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stdout));
    let forge = "UPDATE pack_step SET officer = 'somebody' WHERE seq = 1";
    meddle(&dir, forge).await;
    let found = verify();
    let said = String::from_utf8_lossy(&found.stdout).into_owned() + &String::from_utf8_lossy(&found.stderr);
    assert!(!found.status.success() && said.contains("log.row_altered: publication"), "{said}");
}

/// A district's pack that extends the city's and switches one of its rules off.
fn district(version: &str, off: &str) -> BTreeMap<String, String> {
    let head = format!(
        "id = \"xihu-test\"\nextends = \"hangzhou-2020-02-11\"\nversion = \"{version}\"\ndivision = \"{DISTRICT}\"\n\
         effective = \"2020-03-01T00:00:00+08:00\"\n"
    );
    let off = format!("[[off]]\nrule = \"{off}\"\nreason = \"others look after it here\"\n");
    let words = |name: &str| format!("name = \"{name}\"\n");
    let files = [
        ("pack.toml", head),
        ("rules.toml", off),
        ("words/zh.toml", words("西湖区样例")),
        ("words/en.toml", words("Xihu, a sample")),
    ];
    files.map(|(name, text)| (name.to_owned(), text)).into()
}

/// With a rule of another name everywhere.
fn renamed(mut files: BTreeMap<String, String>, from: &str, to: &str) -> BTreeMap<String, String> {
    files.values_mut().for_each(|text| *text = text.replace(from, to));
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_text_of_a_parent_reaches_the_packs_in_force_below_or_is_refused() {
    let dir = Arc::new(TempDir::new());
    let packs = dir.0.join("packs");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    let mut city = Vec::new();
    crate::common::collect(&shipped, &mut city);
    let read = |path: &std::path::PathBuf| {
        let name = path.strip_prefix(&shipped).unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    write(&packs.join("city"), &city.iter().map(read).collect());
    write(&packs.join("district"), &district("1.0.0", "HZ-YELLOW-HIGH-AREA"));
    let args = ["--demo", "--codes-per-address", "100000", "--reads-per-person", "6000", "--pack"];
    let args: Vec<&str> = args.into_iter().chain([packs.to_str().unwrap()]).collect();
    let mut server = Server::start(Arc::clone(&dir), &args);
    let (here, next_door) = (abroad(&server, 1, DISTRICT).await, abroad(&server, 2, NEXT_DOOR).await);
    let (maker, signer) =
        (officer(&server, "maker", "rule_maker").await, officer(&server, "signer", "administrator").await);
    let code = here.code().await;
    assert_eq!((&code["colour"], &code["pack"]["id"]), (&json!("yellow"), &json!("xihu-test")), "{code}");

    // The child names a rule that the new text no longer has: no proposal, and a what-if shows why.
    let made = maker.post("/api/v1/drafts", json!({ "division": "3301" })).await;
    let path = format!("/api/v1/drafts/{}", made.body["id"].as_str().unwrap());
    let draft = made.body["id"].as_str().unwrap();
    put(&maker, draft, 1, &renamed(files("1.1.0"), "HZ-YELLOW-HIGH-AREA", "HZ-YELLOW-OTHER-AREA")).await;
    let one = |starts_at: Instant| {
        let mut terms = terms(starts_at, (0, 10));
        terms["stages"] = json!([{ "division": "3301", "hold_s": 30, "forecast": 10, "margin": 5 }]);
        terms
    };
    let soon = now(&maker).await.plus_s(60);
    let refused = maker.post(&format!("{path}/proposal"), one(soon)).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::UNPROCESSABLE_ENTITY, "rules.child"),
        "{refused:?}"
    );
    let told = refused.body["fields"].to_string();
    assert!(told.contains("xihu-test: rules.toml") && told.contains("HZ-YELLOW-HIGH-AREA"), "{told}");
    let begun = maker.post(&format!("{path}/simulations"), json!({})).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{begun:?}");
    let run = format!("{path}/simulations/{}", begun.body["id"].as_str().unwrap());
    let began = Moment::now();
    let report = loop {
        let told = maker.get_in_turn(&run).await.body;
        if told["state"] == "done" {
            break told["report"].clone();
        }
        assert!(told["state"] == "running" && began.elapsed() < Duration::from_secs(120), "{told}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let conflicts = report["conflicts"].to_string();
    assert!(
        conflicts.contains("simulate.child_refused") && conflicts.contains("HZ-YELLOW-HIGH-AREA"),
        "{conflicts}"
    );

    // A campus's pack is written and checked like every other, and neither tried nor published beside a city's.
    let made = maker.post("/api/v1/drafts", json!({ "division": DISTRICT })).await;
    let campus = made.body["id"].as_str().unwrap();
    let mut texts = district("1.0.0", "HZ-YELLOW-HIGH-AREA");
    let head = texts["pack.toml"].replacen("version", "site = \"campus\"\nversion", 1);
    texts.insert("pack.toml".into(), head);
    texts.insert("rules.toml".into(), String::new());
    put(&maker, campus, 1, &texts).await;
    let checked = maker.post(&format!("/api/v1/drafts/{campus}/check"), json!({})).await.body;
    assert_eq!(checked["ok"], true, "{checked}");
    for (what, body) in [("proposal", one(soon)), ("simulations", json!({}))] {
        let refused = maker.post(&format!("/api/v1/drafts/{campus}/{what}"), body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::UNPROCESSABLE_ENTITY, "rules.site"),
            "{refused:?}"
        );
    }

    // A district in which another pack is in force is no stage of the city's.
    put(&maker, draft, 2, &renamed(files("1.1.0"), "HZ-RED-MEASURE", "HZ-RED-MEASURES")).await;
    let soon = now(&maker).await.plus_s(60);
    let refused = maker.post(&format!("{path}/proposal"), terms(soon, (1, 10))).await;
    assert_eq!(refused.code(), "rules.stage_elsewhere", "{refused:?}");

    // One that fits names the child, and takes it along.
    let proposed = maker.post(&format!("{path}/proposal"), one(now(&maker).await.plus_s(10))).await;
    assert_eq!(proposed.status, StatusCode::CREATED, "{proposed:?}");
    let id = proposed.body["publication"].as_str().unwrap().to_owned();
    let status = maker.get(&format!("/api/v1/publications/{id}")).await.body;
    let child = status["children"][0].clone();
    assert_eq!((&child["pack"], &child["division"]), (&json!("xihu-test"), &json!(DISTRICT)), "{status}");
    done(&signer, &id, "signature", json!({ "digest": proposed.body["digest"] })).await;
    done(&signer, &id, "shadow", json!({})).await;
    let shadow_until = now(&maker).await.plus_s(4);
    while now(&maker).await < shadow_until {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    done(&signer, &id, "publish", json!({})).await;
    let nodes = std::slice::from_ref(&server);
    let (old, new, own) = (("yellow", "1.0.0"), ("red", "1.1.0"), ("red", "1.0.0"));
    until(nodes, &next_door, "red", &[old, new]).await;
    until(nodes, &here, "red", &[old, own]).await;
    let code = here.code().await;
    assert_eq!(code["pack"]["id"], "xihu-test", "{code}");

    // Drafts extend what is published: the new name is known, and the one that is gone is not.
    let made = maker.post("/api/v1/drafts", json!({ "division": DISTRICT, "from": child["digest"] })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let own: Vec<&String> = made.body["files"].as_object().unwrap().keys().collect();
    assert_eq!(own, ["pack.toml", "rules.toml", "words/en.toml", "words/zh.toml"], "a draft is its own text");
    let draft = made.body["id"].as_str().unwrap();
    for (version, (off, ok)) in (1..).zip([("HZ-RED-MEASURE", false), ("HZ-RED-MEASURES", true)]) {
        put(&maker, draft, version, &district("2.0.0", off)).await;
        let checked = maker.post(&format!("/api/v1/drafts/{draft}/check"), json!({})).await.body;
        assert_eq!(checked["ok"], ok, "{off}: {checked}");
    }

    // Back: the child stands on the earlier text again.
    done(&signer, &id, "rollback", json!({ "reason": "too strict" })).await;
    until(nodes, &here, "yellow", &[("red", "1.0.0"), old]).await;
    until(nodes, &next_door, "yellow", &[new, old]).await;

    // A node that cannot load what is published says so, and keeps the packs that it started with.
    server.kill();
    let digest = proposed.body["digest"].as_str().unwrap();
    // The text of another one: a digest that does not fit.
    let other = format!("(SELECT files FROM pack_version WHERE digest <> '{digest}')");
    meddle(&dir, &format!("UPDATE pack_version SET files = {other} WHERE digest = '{digest}'")).await;
    let server = Server::start(Arc::clone(&dir), &args);
    let ready = Person::nobody(&server).get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{}", ready.text);
    assert!(ready.text.contains(digest), "{}", ready.text);
    let again = Person { base: server.base.clone(), ..here };
    assert_eq!(again.code().await["colour"], "yellow");
}
