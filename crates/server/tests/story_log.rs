//! The decision log from the outside: whoever alters a row, a leaf, a tile or the head is found out.

use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{Answer, Person, Server, TempDir, document, kangma, meddle, well};
use reqwest::StatusCode;
use serde_json::{Value, json};

fn run(dir: &TempDir, args: &[&str]) -> Output {
    kangma().args(args).envs(crate::common::environment(dir)).output().unwrap()
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

fn holds(dir: &TempDir, args: &[&str]) -> String {
    let out = run(dir, args);
    assert!(out.status.success(), "{args:?}: {}", said(&out));
    said(&out)
}

fn found(dir: &TempDir, args: &[&str], what: &str) {
    let out = run(dir, args);
    assert!(!out.status.success() && said(&out).contains(what), "{args:?} finds {what}: {}", said(&out));
}

/// Somebody declares, and their decision comes into the log within a few seconds.
async fn logged(server: &Server, n: u32) -> (Person, Answer) {
    let person = server.log_in(&format!("1390001{n:04}")).await;
    let declared = person.declare(&well(n)).await;
    assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
    let began = Instant::now();
    loop {
        let proof = person.get("/api/v1/me/decision/proof").await;
        if proof.status == StatusCode::OK {
            return (person, proof);
        }
        assert_eq!(proof.code(), "log.waits", "{proof:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "integrated within a few seconds: {proof:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn size_of(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_is_in_the_log_within_seconds_and_everybody_can_check_it() {
    let dir = Arc::new(TempDir::new());
    let witness_file = dir.0.join("witness.key");
    let witness_file = witness_file.to_str().unwrap();
    let made = run(&dir, &["log", "witness", "witness.example.org", "--key-file", witness_file]);
    let witness = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let server = Server::start(Arc::clone(&dir), &["--demo", "--witness", &witness]);
    let (person, proof) = logged(&server, 1).await;
    assert_eq!(proof.body["statement"], "kangma decision 1\ncolour green\nstatus active\n");
    assert_eq!(person.code().await["colour"], "green");

    let state = dir.0.join("state.json");
    let outside = ["log", "verify", "--url", &server.base, "--state", state.to_str().unwrap()];
    assert!(holds(&dir, &outside).contains("the log holds"));
    logged(&server, 2).await;
    holds(&dir, &outside);

    // A witness signs, and its line stands under the head that it saw.
    let cosign = ["log", "cosign", "--url", &server.base, "--key-file", witness_file];
    holds(&dir, &cosign);
    let nobody = Person::nobody(&server);
    let cosigned = nobody.get("/log/checkpoint/cosigned").await.text;
    assert!(cosigned.contains("\u{2014} witness.example.org "), "{cosigned}");
    logged(&server, 3).await;
    holds(&dir, &cosign);
    assert!(size_of(&nobody.get("/log/checkpoint/cosigned").await.text) > size_of(&cosigned));

    // Who is not a witness, or brings another head, is refused and told nothing else.
    let strange = dir.0.join("strange.key");
    run(&dir, &["log", "witness", "stranger.example.org", "--key-file", strange.to_str().unwrap()]);
    let as_stranger = ["log", "cosign", "--url", &server.base, "--key-file", strange.to_str().unwrap()];
    found(&dir, &as_stranger, "log.not_a_witness");
    let send = async |body: String| {
        let sent =
            nobody.client.post(format!("{}/log/cosignature", server.base)).body(body).send().await.unwrap();
        (sent.status(), sent.text().await.unwrap())
    };
    let (status, text) = send(cosigned.replacen("\n", "\n9", 1)).await;
    assert!(status == StatusCode::BAD_REQUEST && text.contains("log.not_ours"), "{text}");
    assert_eq!(send("x".repeat(5_000)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send("x".repeat(50_000)).await.0, StatusCode::PAYLOAD_TOO_LARGE);

    // Tiles are for ever; what is not there is nowhere.
    let width = size_of(&nobody.get("/log/checkpoint").await.text);
    let tile = nobody.get(&format!("/log/tile/0/000.p/{width}")).await;
    assert_eq!(tile.headers["cache-control"], "public, max-age=31536000, immutable");
    for none in ["0/000", "0/001.p/1", "entries/000.p/300", "9/000.p/1", "../../etc/passwd"] {
        assert_eq!(nobody.get(&format!("/log/tile/{none}")).await.status, StatusCode::NOT_FOUND, "{none}");
    }
    let page = nobody.get("/public/overrides").await;
    assert!(page.text.contains("人工处置公开") && page.text.contains("Manual changes"));
    assert_eq!(nobody.get("/api/v1/public/overrides").await.body["items"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn altering_any_past_row_is_found() {
    let dir = Arc::new(TempDir::new());
    let mut server = Server::start(Arc::clone(&dir), &["--demo"]);
    for n in 1..=3 {
        logged(&server, n).await;
    }
    let state = dir.0.join("state.json");
    let state = state.to_str().unwrap();
    let base = server.base.clone();
    let outside = ["log", "verify", "--url", &base, "--state", state];
    holds(&dir, &outside);
    server.interrupt();
    let inside = ["log", "verify"];
    holds(&dir, &inside);

    let server_engine = crate::common::postgres().is_some();
    let other = |bytes: &str| {
        let flip = if server_engine {
            format!("set_byte({bytes}, 12, get_byte({bytes}, 12) # 1)")
        } else {
            let byte = format!("CASE substr({bytes}, 13, 1) WHEN x'AA' THEN x'55' ELSE x'AA' END");
            format!("CAST(substr({bytes}, 1, 12) || {byte} || substr({bytes}, 14) AS BLOB)")
        };
        format!("{bytes} = {flip}")
    };
    let one = "(SELECT MIN(leaf_id) FROM leaf WHERE kind = 1)";
    let row = "version = (SELECT version FROM leaf WHERE leaf_id = {one}) AND person_id = (SELECT id FROM leaf WHERE leaf_id = {one})"
        .replace("{one}", one);
    let cases = [
        ("a decision's body", "decision", other("body"), row.clone(), "log.row_altered: decision"),
        (
            "a decision's instant",
            "decision",
            "decided_at = decided_at - 86400".into(),
            row,
            "log.row_altered: decision",
        ),
        ("a leaf's digest", "leaf", other("digest"), format!("leaf_id = {one}"), "log.leaf_altered"),
        ("a leaf's salt", "leaf", other("salt"), format!("leaf_id = {one}"), "log.leaf_altered"),
        ("a leaf's kind", "leaf", "kind = 5".into(), format!("leaf_id = {one}"), "log.leaf_altered"),
        (
            "a leaf's time",
            "leaf",
            "at = at - 86400000".into(),
            format!("leaf_id = {one}"),
            "log.leaf_altered",
        ),
        ("a byte of a tile", "log_tile", other("body"), "level = 0".into(), "log.tile"),
        ("a byte of a bundle", "log_tile", other("body"), "level = -1".into(), "log."),
        ("a byte of the head", "log_head", other("note"), "head_id = 1".into(), "log."),
    ];
    for (what, table, change, row, finding) in cases {
        meddle(&dir, &format!("CREATE TABLE kept AS SELECT * FROM {table}")).await;
        meddle(&dir, &format!("UPDATE {table} SET {change} WHERE {row}")).await;
        let out = run(&dir, &inside);
        assert!(!out.status.success() && said(&out).contains(finding), "{what}: {}", said(&out));
        // What the outside can see, it finds as well.
        if table.starts_with("log_") {
            let again = Server::start(Arc::clone(&dir), &["--demo"]);
            found(&dir, &["log", "verify", "--url", &again.base, "--state", state], "log.");
        }
        meddle(
            &dir,
            &format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept"),
        )
        .await;
        holds(&dir, &inside);
    }
    // Rows that go, or come from nowhere.
    for (what, change, back, finding) in [
        ("a leaf is deleted", format!("DELETE FROM leaf WHERE leaf_id = {one}"), "leaf", "log.leaf_gone"),
        ("a decision is deleted", "DELETE FROM decision".into(), "decision", "log.row_gone"),
        (
            "a decision is put in",
            "INSERT INTO decision (person_id, version, decided_at, body) \
             SELECT person_id, version + 1000, decided_at, body FROM decision"
                .into(),
            "decision",
            "log.row_unlogged",
        ),
    ] {
        meddle(&dir, &format!("CREATE TABLE kept AS SELECT * FROM {back}")).await;
        meddle(&dir, &change).await;
        let out = run(&dir, &inside);
        assert!(!out.status.success() && said(&out).contains(finding), "{what}: {}", said(&out));
        meddle(&dir, &format!("DELETE FROM {back}; INSERT INTO {back} SELECT * FROM kept; DROP TABLE kept"))
            .await;
    }
    holds(&dir, &inside);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_set_back_or_begun_anew_is_refused_by_who_knew_it() {
    let dir = Arc::new(TempDir::new());
    let witness_file = dir.0.join("witness.key");
    let witness_file = witness_file.to_str().unwrap();
    let made = run(&dir, &["log", "witness", "witness.example.org", "--key-file", witness_file]);
    let witness = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let args = ["--demo", "--witness", &witness];
    let mut server = Server::start(Arc::clone(&dir), &args);
    logged(&server, 1).await;
    let state = dir.0.join("state.json");
    let state = state.to_str().unwrap();
    meddle(&dir, "CREATE TABLE kept_head AS SELECT * FROM log_head").await;
    meddle(&dir, "CREATE TABLE kept_tile AS SELECT * FROM log_tile").await;
    logged(&server, 2).await;
    holds(&dir, &["log", "verify", "--url", &server.base, "--state", state]);
    holds(&dir, &["log", "cosign", "--url", &server.base, "--key-file", witness_file]);
    server.kill();

    // The service is made to forget, and then to tell another story of the same length.
    meddle(
        &dir,
        "DELETE FROM log_head; INSERT INTO log_head SELECT * FROM kept_head; \
         DELETE FROM log_tile; INSERT INTO log_tile SELECT * FROM kept_tile; \
         UPDATE leaf SET at = at - 5000 WHERE leaf_id = (SELECT MAX(leaf_id) FROM leaf WHERE kind = 1)",
    )
    .await;
    let server = Server::start(Arc::clone(&dir), &args);
    let base = server.base.clone();
    let verify = ["log", "verify", "--url", &base, "--state", state];
    let cosign = ["log", "cosign", "--url", &base, "--key-file", witness_file];
    logged(&server, 3).await;
    found(&dir, &verify, "log.forked");
    found(&dir, &cosign, "log.forked");
    drop(server);

    // Begun anew, with the same key.
    meddle(&dir, "DELETE FROM log_head; DELETE FROM log_tile; DELETE FROM leaf").await;
    let empty = if crate::common::postgres().is_some() { "''" } else { "x''" };
    meddle(
        &dir,
        &format!("INSERT INTO log_head (head_id, size, turn, seq, at, note) VALUES (1, 0, 0, 0, 0, {empty})"),
    )
    .await;
    let server = Server::start(Arc::clone(&dir), &args);
    logged(&server, 4).await;
    let base = server.base.clone();
    found(&dir, &["log", "verify", "--url", &base, "--state", state], "log.rolled_back");
    found(&dir, &["log", "cosign", "--url", &base, "--key-file", witness_file], "log.rolled_back");
}

/// Whatever of the staff's acts is altered, put in or taken out by whoever holds the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_act_of_the_staff_is_held_to_the_log() {
    let dir = Arc::new(TempDir::new());
    let mut server = Server::start(Arc::clone(&dir), &["--demo"]);
    acts(&server).await;
    server.interrupt();
    let inside = ["log", "verify"];
    let report = holds(&dir, &inside);
    for (kind, at_least) in [
        ("publication", 1),
        ("import", 1),
        ("look", 1),
        ("order", 5),
        ("appeal", 1),
        ("grant", 3),
        ("role", 11),
    ] {
        let words: Vec<&str> = report.split([' ', '(', ',', ')']).filter(|word| !word.is_empty()).collect();
        let count =
            words.windows(4).find(|w| w[1..] == ["of", "kind", kind]).map(|w| w[0].parse().unwrap_or(0));
        assert!(count.is_some_and(|count| count >= at_least), "{kind}: {report}");
    }
    for (table, change, finding) in [
        ("staff_order", "officer = 'nobody'", "log.row_altered: order"),
        ("staff_order", "body = officer_of_nobody", "log.row_altered: order"),
        ("staff_order", "signed_by = 'data' WHERE signed_by IS NOT NULL", "log.row_altered: order"),
        (
            "staff_order",
            "withdrawn_at = withdrawn_at + 1 WHERE withdrawn_at IS NOT NULL",
            "log.row_altered: order",
        ),
        ("order_undo", "asked_at = asked_at - 3600", "log.row_altered: order"),
        ("order_undo", "signed_by = 'rules'", "log.row_altered: order"),
        ("import", "division = '33'", "log.row_altered: import"),
        ("appeal_step", "at = at + 3600", "log.row_altered: appeal"),
        ("look", "staff = 'nobody'", "log.row_altered: look"),
        ("publication", "version = 'another'", "log.row_altered: publication"),
        ("staff_grant", "ends_at = ends_at + 86400", "log.row_altered: grant"),
        ("staff_grant", "division = ''", "log.row_altered: grant"),
        (
            "staff_grant",
            "ended_at = NULL, ended_by = NULL WHERE ended_at IS NOT NULL",
            "log.row_altered: grant",
        ),
        ("role", "permissions = permissions + 1 WHERE name = 'collector'", "log.row_altered: role"),
        (
            "role",
            "permissions = permissions + 1, version = version + 1 WHERE name = 'verifier'",
            "log.row_unlogged: role",
        ),
    ] {
        let change = change.replace(
            "officer_of_nobody",
            if crate::common::postgres().is_some() { "'\\x00'" } else { "x'00'" },
        );
        tampered(&dir, table, &format!("UPDATE {table} SET {change}"), finding).await;
    }
    for (table, sql, finding) in [
        ("look", "DELETE FROM look", "log.row_gone: look"),
        ("import", "DELETE FROM import", "log.row_gone: import"),
        ("appeal_step", "DELETE FROM appeal_step", "log.row_gone: appeal"),
        ("staff_order", "DELETE FROM staff_order", "log.row_gone: order"),
        ("publication", "DELETE FROM publication", "log.row_gone: publication"),
        (
            "staff_grant",
            "UPDATE staff_grant SET ended_at = 1, ended_by = 'nobody' WHERE ended_at IS NULL",
            "log.row_unlogged: grant",
        ),
        (
            "role",
            "INSERT INTO role (name, permissions, version) VALUES ('god', 255, 0)",
            "log.row_unlogged: role",
        ),
        (
            "staff_order",
            "UPDATE staff_order SET signed_by = 'approver', signed_at = 5 WHERE signed_by IS NULL",
            "log.row_unlogged: order",
        ),
        // Put in by hand, as if it had always been there.
        (
            "look",
            "INSERT INTO look (person_id, look_id, looked_at, staff, body) \
             SELECT person_id, {id}, looked_at, staff, body FROM look LIMIT 1",
            "log.row_unlogged: look",
        ),
        (
            "look",
            "INSERT INTO look (person_id, look_id, looked_at, staff, body) \
             SELECT {id}, look_id, looked_at, staff, body FROM look LIMIT 1",
            "log.row_doubled: look",
        ),
        (
            "import",
            "INSERT INTO import (import_id, office, division, kind, state, lines, blocks, done, fine, applied, known, \
             wrong, elsewhere, about, created_at, changed_at) SELECT {id}, office, division, kind, 7, lines, blocks, \
             done, fine, applied, known, wrong, elsewhere, about, created_at, changed_at FROM import LIMIT 1",
            "log.row_unlogged: import",
        ),
        (
            "appeal_step",
            "INSERT INTO appeal_step (person_id, appeal_id, seq, at, what, level, officer, note) \
             SELECT person_id, appeal_id, seq + 100, at, what, level, officer, note FROM appeal_step LIMIT 1",
            "log.row_unlogged: appeal",
        ),
        (
            "order_undo",
            "INSERT INTO order_undo (undo_id, asked_by, office, asked_at, undone, body) \
             SELECT {id}, asked_by, office, asked_at, 0, body FROM order_undo LIMIT 1",
            "log.row_unlogged: order",
        ),
        (
            "publication",
            "INSERT INTO publication (number, pack, version, digest, published_at) \
             SELECT number + 1, pack, version, digest, published_at FROM publication",
            "log.row_unlogged: publication",
        ),
    ] {
        let id =
            if crate::common::postgres().is_some() { "decode(md5('x'), 'hex')" } else { "randomblob(16)" };
        tampered(&dir, table, &sql.replace("{id}", id), finding).await;
    }
    holds(&dir, &inside);
    // Rules that begin anew are one more publication, the same ones are none.
    let before = crate::common::count(&dir, "SELECT COUNT(*) FROM publication").await;
    drop(Server::start(Arc::clone(&dir), &["--demo"]));
    assert_eq!((before, crate::common::count(&dir, "SELECT COUNT(*) FROM publication").await), (1, 1));
}

async fn tampered(dir: &TempDir, table: &str, sql: &str, finding: &str) {
    meddle(dir, &format!("CREATE TABLE kept AS SELECT * FROM {table}")).await;
    meddle(dir, sql).await;
    let out = run(dir, &["log", "verify"]);
    assert!(!out.status.success() && said(&out).contains(finding), "{sql}: {}", said(&out));
    meddle(dir, &format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept"))
        .await;
}

/// One of each thing that staff can do, up to its leaf being in the tree.
async fn acts(server: &Server) {
    let mut people = Vec::new();
    for n in 11..=13 {
        people.push(logged(server, n).await.0);
    }
    let now = people[0].code().await["server_time"].as_str().unwrap().to_owned();
    let now = kangma_core::time::Instant::parse(&now).unwrap();
    let (first, second) = (server.officer("data").await, server.officer("approver").await);
    let (above, admin) = (server.officer("data.city").await, server.officer("admin").await);
    let post = async |who: &Person, path: &str, body: Value| {
        let answer = who.post(path, body).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.body
    };
    // Orders: one that is signed and withdrawn, one that waits, one that is signed and appealed.
    let mut orders = Vec::new();
    for n in 11..=13 {
        let ask = json!({
            "of": { "document": { "type": "resident_id", "number": document(n), "nationality": null } },
            "rule": "HZ-RED-ORDER", "evidence": "investigation_report", "reference": "file 7",
            "until": now.plus_s(86_400), "urgent": false,
        });
        let order = post(&first, "/api/v1/orders", ask).await["order"].as_str().unwrap().to_owned();
        if n != 12 {
            post(&second, &format!("/api/v1/orders/{order}/signature"), json!({})).await;
        }
        orders.push(order);
    }
    post(&first, &format!("/api/v1/orders/{}/withdrawal", orders[0]), json!({ "reason": "in error" })).await;
    let undo = json!({
        "officer": "rules", "division": "330106", "from": now, "to": now.plus_s(60), "reason": "in error",
    });
    let undo = post(&above, "/api/v1/order-undos", undo).await["undo"].as_str().unwrap().to_owned();
    post(&second, &format!("/api/v1/order-undos/{undo}/signature"), json!({})).await;
    let appeal = json!({ "id": "an-appeal-1", "ground": "wrong_fact", "text": "登记有误。" });
    post(&people[2], "/api/v1/me/appeals", appeal).await;
    // A list, a look, rights.
    let list = format!("姓名,证件号码\n张测试,{}\n", document(12));
    let target = "/api/v1/imports?kind=confirmed&division=330106&name=a.csv";
    let sent = first.send(reqwest::Method::POST, target, Some(list)).await;
    let import = sent.body["id"].as_str().unwrap_or_else(|| panic!("{sent:?}")).to_owned();
    post(&first, &format!("/api/v1/imports/{import}/start"), json!({ "dry_run": false })).await;
    let look = json!({
        "document": { "type": "resident_id", "number": document(11) }, "purpose": "help", "reason": "asked",
    });
    post(&admin, "/api/v1/people/look-up", look).await;
    let end = now.plus_s(86_400);
    let mut grants = Vec::new();
    for role in ["collector", "verifier"] {
        let grant = json!({ "role": role, "division": "330106", "ends_at": end });
        let given = post(&admin, "/api/v1/staff/accounts/manager/grants", grant).await;
        grants.push(given["id"].as_str().unwrap().to_owned());
    }
    let ended =
        admin.send(reqwest::Method::DELETE, &format!("/api/v1/staff/grants/{}", grants[0]), None).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT, "{ended:?}");
    let role = Some(json!({ "permissions": ["collect", "verify", "look_up"], "version": 0 }).to_string());
    let changed = admin.send(reqwest::Method::PUT, "/api/v1/staff/roles/collector", role).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    // What is written last comes into the tree last.
    logged(server, 14).await;
}
