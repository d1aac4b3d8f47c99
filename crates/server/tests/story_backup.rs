//! A backup taken while people declare, and the way back to a working service.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::common::{Person, Server, TempDir, kangma, well};
use reqwest::StatusCode;

fn run(dir: &TempDir, args: &[&str]) -> Output {
    let mut command = kangma();
    command.args(args).envs(crate::common::environment(dir));
    command.output().unwrap()
}

fn done(dir: &TempDir, args: &[&str]) {
    let out = run(dir, args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

fn refused(dir: &TempDir, args: &[&str], code: &str) {
    let out = run(dir, args);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && said.contains(code), "{args:?} says {said}");
}

/// What the database of a folder is restored into: the same names, with nothing there.
async fn destroy(dir: &TempDir) {
    std::fs::remove_dir_all(dir.0.join("data")).unwrap();
    for (name, url) in crate::common::environment(dir) {
        if name == "DATA_DIR" {
            continue;
        }
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let schema = url.rsplit("%3D").next().unwrap();
        client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_under_way_comes_back_as_a_working_service() {
    let dir = Arc::new(TempDir::new());
    let mut server = Server::start(Arc::clone(&dir), &["--demo", "--declarations-per-person", "100000"]);
    let mut before = Vec::new();
    for i in 0..8 {
        let person = server.log_in(&format!("1380000{i:04}")).await;
        let declared = person.declare(&well(i)).await;
        assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
        before.push((person, declared.body["declaration"].as_str().unwrap().to_owned()));
    }
    let pass = before[0].0.code().await["pass"].as_str().unwrap().to_owned();

    // Somebody goes on declaring while the copies are made.
    let stop = Arc::new(AtomicBool::new(false));
    let made = Arc::new(AtomicU32::new(0));
    let writer = {
        let (person, stop, made) = (before[7].0.clone(), Arc::clone(&stop), Arc::clone(&made));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(person.declare(&well(7)).await.status, StatusCode::CREATED);
                made.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let (data, keys) = (dir.0.join("backup-data"), dir.0.join("backup-keys"));
    let (data, keys) = (data.to_str().unwrap(), keys.to_str().unwrap());
    while made.load(Ordering::Relaxed) < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    done(&dir, &["backup", data]);
    done(&dir, &["backup", "--keys", keys]);
    let during = made.load(Ordering::Relaxed);
    while made.load(Ordering::Relaxed) < during + 3 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    refused(&dir, &["backup", data], "backup.exists");
    refused(&dir, &["restore", data], "backup.target_not_empty");
    server.kill();

    destroy(&dir).await;
    refused(&dir, &["restore", keys], "backup.kind");
    refused(&dir, &["restore", "/nowhere"], "backup.none");
    done(&dir, &["restore", data]);
    // Data without keys is nobody's, and no new keys are made for it.
    let said = run(&dir, &["serve", "--port", "0"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("keys.missing"));
    done(&dir, &["restore", "--keys", keys]);
    refused(&dir, &["restore", "--keys", keys], "backup.target_not_empty");
    // A node that was alive when the backup was taken counts as alive for ten seconds more.
    let counts = || run(&dir, &["tally", "check"]);
    let mut said = counts();
    for _ in 0..60 {
        if !String::from_utf8_lossy(&said.stderr).contains("tally.running") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        said = counts();
    }
    assert!(said.status.success(), "the counts came back with the people: {said:?}");
    let server = Server::start(Arc::clone(&dir), &["--demo"]);
    for (i, (person, id)) in before.iter().enumerate() {
        let person = Person { base: server.base.clone(), ..person.clone() };
        assert_eq!(person.colour().await, "green");
        let items = person.get("/api/v1/me/declarations").await.body["items"].as_array().unwrap().clone();
        assert!(
            items.iter().any(|item| item["id"] == **id),
            "declaration {i} was there before the backup began"
        );
    }
    let checked = server.scan(&pass).await;
    assert_eq!(checked["verdict"], "good", "a pass signed before still verifies: {checked}");
    let declared = Person { base: server.base.clone(), ..before[0].0.clone() }.declare(&well(0)).await;
    assert_eq!(declared.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_backup_that_is_damaged_newer_or_another_installations_is_refused() {
    let dir = Arc::new(TempDir::new());
    Server::start(Arc::clone(&dir), &["--demo"]).interrupt();
    let folder = dir.0.join("backup");
    done(&dir, &["backup", folder.to_str().unwrap()]);
    let target = Arc::new(TempDir::new());
    let change = |name: &str, to: &dyn Fn(&[u8]) -> Vec<u8>| {
        let path = folder.join(name);
        let was = std::fs::read(&path).unwrap();
        std::fs::write(&path, to(&was)).unwrap();
        was
    };
    let restore = ["restore", folder.to_str().unwrap()];
    let whole = change("database", &|bytes| bytes[..bytes.len() - 1].to_vec());
    refused(&target, &restore, "backup.damaged");
    change("database", &|_| {
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        flipped
    });
    refused(&target, &restore, "backup.damaged");
    change("database", &|_| whole.clone());
    let manifest = change("manifest.json", &|bytes| {
        String::from_utf8(bytes.to_vec()).unwrap().replace("\"schema\": ", "\"schema\": 9").into_bytes()
    });
    refused(&target, &restore, "backup.newer");
    change("manifest.json", &|_| b"{}".to_vec());
    refused(&target, &restore, "backup.damaged");
    change("manifest.json", &|_| manifest.clone());
    let stranger = Arc::new(TempDir::new());
    Server::start(Arc::clone(&stranger), &["--demo"]).interrupt();
    let keys_of = |dir: &TempDir| dir.0.join("data/keys");
    copy_keys(&keys_of(&stranger), &keys_of(&target));
    refused(&target, &restore, "backup.other_keys");
    if crate::common::postgres().is_some() {
        let elsewhere = TempDir::new();
        refused(&elsewhere, &restore, "another schema");
    }
    destroy(&dir).await;
    done(&dir, &restore);
}

fn copy_keys(from: &Path, to: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::copy(from.join("master.json"), to.join("master.json")).unwrap();
}
