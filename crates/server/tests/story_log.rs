//! The decision log from the outside: whoever alters a row, a leaf, a tile or the head is found out.

mod common;

use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Answer, Person, Server, TempDir, kangma, meddle, well};
use reqwest::StatusCode;

fn run(dir: &TempDir, args: &[&str]) -> Output {
    kangma().args(args).envs(common::environment(dir)).output().unwrap()
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

    let server_engine = common::postgres().is_some();
    let other = |bytes: &str| {
        let flip = if server_engine {
            format!("set_byte({bytes}, 12, get_byte({bytes}, 12) # 1)")
        } else {
            format!("CAST(substr({bytes}, 1, 12) || x'AA' || substr({bytes}, 14) AS BLOB)")
        };
        format!("{bytes} = {flip}")
    };
    let one = "(SELECT MIN(leaf_id) FROM leaf)";
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
         UPDATE leaf SET at = at - 5000 WHERE leaf_id = (SELECT MAX(leaf_id) FROM leaf)",
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
    let empty = if common::postgres().is_some() { "''" } else { "x''" };
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
