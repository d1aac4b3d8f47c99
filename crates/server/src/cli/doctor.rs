//! `kangma doctor`: looks, changes nothing, and says what to mend.

use std::process::ExitCode;

use serde_json::json;

use crate::app::{Clock, load_pack};
use crate::db::{Db, DbConfig};
use crate::pass::SigningKeys;
use crate::seal::Keys;

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    problem: Option<String>,
}

/// Runs all checks; exit 1 if anything wants mending.
pub fn run(args: &super::Doctor) -> anyhow::Result<ExitCode> {
    let dir = &args.data.data_dir;
    let now = Clock::system(0).wall();
    let mut findings = Vec::new();
    let mut look = |what, result: Result<(), String>| findings.push(Finding { what, problem: result.err() });
    look("rule pack", load_pack(args.pack.as_deref()).map(drop).map_err(|e| format!("{e:#}")));
    let database = DbConfig::in_dir(dir).exists();
    look(
        "data folder",
        if database {
            Ok(())
        } else {
            Err(format!("{} holds no database; `kangma serve` makes one", dir.display()))
        },
    );
    if database {
        look("database", Db::check(&DbConfig::in_dir(dir)).map_err(|e| e.to_string()));
        look("keys", Keys::load(&dir.join("keys")).map(drop).map_err(|e| e.to_string()));
        look(
            "signing keys",
            SigningKeys::load_or_create(&dir.join("keys/pass"), false, now)
                .map(drop)
                .map_err(|e| e.to_string()),
        );
    }
    // 2020-01-01: a clock before it would make every pass expired.
    look(
        "clock",
        if now.0 > 1_577_836_800 { Ok(()) } else { Err(format!("the machine's clock says {now}; set it")) },
    );
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
