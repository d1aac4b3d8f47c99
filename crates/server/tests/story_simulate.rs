//! What-if: a draft is tried on the people of a running service, and nothing is written.

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{Server, TempDir, kangma};
use serde_json::Value;

fn run(dir: &TempDir, args: &[&str]) -> (bool, String) {
    let out = kangma().args(args).envs(common::environment(dir)).output().unwrap();
    let text = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (out.status.success(), text)
}

/// Hangzhou's pack with symptoms red.
fn draft(dir: &TempDir) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    let to = dir.0.join("draft");
    let mut files = Vec::new();
    common::collect(&from, &mut files);
    for file in files {
        let copy = to.join(file.strip_prefix(&from).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("on_new_version = \"keep\"", "on_new_version = \"convert\"");
        std::fs::write(copy, text.replace("colour = \"yellow\"", "colour = \"red\"")).unwrap();
    }
    to
}

/// The tables of the database, without what SQLite keeps for whoever reads it.
async fn tables(dir: &TempDir) -> Vec<(String, Vec<u8>)> {
    let mut all = common::stored(dir).await;
    all.retain(|(name, _)| name.starts_with("table ") || name.ends_with(".db"));
    all.sort();
    all
}

#[tokio::test]
async fn a_draft_is_tried_on_everybody_and_nothing_is_written() {
    let dir = Arc::new(TempDir::new());
    common::prepare(&dir);
    let (done, said) = run(&dir, &["seed", "--people", "3000", "--newcomers", "0", "--json"]);
    assert!(done, "{said}");
    let draft = draft(&dir).display().to_string();
    let before = tables(&dir).await;
    assert!(
        before
            .iter()
            .any(|(name, bytes)| name.contains("person") || name.ends_with(".db") && bytes.len() > 100_000)
    );
    let (done, said) = run(&dir, &["pack", "simulate", &draft, "--below", "3301", "--json"]);
    assert!(done, "{said}");
    assert!(tables(&dir).await == before, "a what-if writes nothing");
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["people"], 3000);
    let red: Vec<&Value> = answer["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["from"] == "yellow" && c["to"] == "red")
        .collect();
    // Three of a hundred had symptoms; some of them contradict themselves and are grey.
    let yellow_to_red = red[0]["people"].as_i64().unwrap();
    assert!((20..=120).contains(&yellow_to_red) && yellow_to_red % 5 == 0, "{answer}");
    assert!(answer["examples"].as_array().unwrap().iter().any(|e| e["to"] == "red"));

    // In words, and beside a service that runs.
    let server = Server::start(Arc::clone(&dir), &[]);
    let (done, said) = run(&dir, &["pack", "simulate", &draft, "--one-in", "2"]);
    assert!(done && said.contains("yellow to red") && said.contains("made-up person 1"), "{said}");
    drop(server);
    let (done, said) = run(&dir, &["pack", "simulate", &draft, "--division", "999999"]);
    assert!(!done && said.contains("simulate.division"), "{said}");
    let (done, said) = run(&dir, &["pack", "simulate", "/nowhere"]);
    assert!(!done && said.contains("pack.folder"), "{said}");
}
