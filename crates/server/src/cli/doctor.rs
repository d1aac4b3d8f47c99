//! `kangma doctor`: looks, changes nothing, and says what to mend.

use std::process::ExitCode;

use serde_json::json;

use crate::app::{Clock, SKEW_MAX_MS};
use crate::config::Data;
use crate::db::{Db, OpenError};
use crate::seal::Keys;

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    problem: Option<String>,
}

/// Runs all checks; exit 1 if anything wants mending.
pub fn run(args: &super::Doctor) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(look(&args.data, args.pack.as_deref()));
    let well = findings.iter().all(|f| f.problem.is_none());
    if args.json {
        let items: Vec<_> = findings
            .iter()
            .map(|f| json!({ "what": f.what, "ok": f.problem.is_none(), "problem": f.problem }))
            .collect();
        println!("{}", json!({ "ok": well, "findings": items }));
    } else {
        for f in &findings {
            match &f.problem {
                None => println!("ok    {}", f.what),
                Some(problem) => println!("MEND  {}: {problem}", f.what),
            }
        }
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(data: &Data, pack: Option<&std::path::Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look = |what, result: Result<(), String>| findings.push(Finding { what, problem: result.err() });
    look("rule pack", crate::packs::load(pack).map(drop).map_err(|e| format!("{e:#}")));
    let (database, key_store) = (data.database(), data.key_store());
    let there = async |config: &crate::db::DbConfig| match config.exists().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("{config} holds no database yet; `kangma serve` makes one")),
        Err(e) => Err(e.to_string()),
    };
    let found = there(&database).await;
    let has_data = found.is_ok();
    look("data", found);
    if has_data {
        let text = |e: OpenError| e.to_string();
        look("schema", Db::check(&database).await.map_err(text));
        look("keys", Keys::load(&data.key_dir()).map(drop).map_err(|e| e.to_string()));
        let stored = there(&key_store).await;
        let has_keys = stored.is_ok();
        look("store of keys", stored);
        if has_keys {
            look("schema of the keys", Db::check_keys(&key_store).await.map_err(text));
        }
    }
    look("clock", clock(&database).await);
    findings
}

/// The machine's clock against the year and, where nodes share a database, against the database's:
/// two nodes that are each within the limit of it are within twice the limit of each other.
async fn clock(database: &crate::db::DbConfig) -> Result<(), String> {
    let clock = Clock::system(0);
    // 2020-01-01: a clock before it would make every pass expired.
    if clock.wall().0 <= 1_577_836_800 {
        return Err(format!("the machine's clock says {}; set it", clock.wall()));
    }
    match Db::clock_of(database, || clock.wall_ms()).await {
        Ok(Some(ms)) if ms.abs() > SKEW_MAX_MS => Err(format!(
            "the database's clock is {:.1} s {} of this machine's, and {:.1} s is the limit. Set both by NTP",
            ms.abs() as f64 / 1000.0,
            if ms > 0 { "ahead" } else { "behind" },
            SKEW_MAX_MS as f64 / 1000.0
        )),
        // A database that does not answer is a finding of its own.
        _ => Ok(()),
    }
}
