//! `kangma area list | import | sign | withdraw`: a client of the same interface as the console, with the
//! same rights.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::publish::{To, run};

/// What to do with lists of areas at risk.
#[derive(Subcommand, Debug)]
pub enum AreaCommand {
    /// List versions, and how far each is.
    List(To),
    /// Propose a division's whole list: the first of two signatures.
    Import {
        /// The list: CSV or .xlsx with the headers code, level, from, and perhaps until and source.
        file: PathBuf,
        /// Code of the division whose list it is; without it the whole country.
        #[arg(long, default_value = "")]
        division: String,
        /// The legal reference.
        #[arg(long)]
        reference: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// The service.
        #[command(flatten)]
        to: To,
    },
    /// Sign a list that somebody of another office proposed.
    Sign {
        /// Which version.
        version: String,
        /// Digest of the list, as one read it.
        #[arg(long)]
        digest: String,
        /// The service.
        #[command(flatten)]
        to: To,
    },
    /// Take a list back.
    Withdraw {
        /// Which version.
        version: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// The service.
        #[command(flatten)]
        to: To,
    },
}

fn text(of: &Value, name: &str) -> String {
    of[name].as_str().unwrap_or("-").to_owned()
}

fn path(version: &str, what: &str) -> anyhow::Result<String> {
    let plain = version.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    ensure!(plain, "area.version: {version} is no version of a list");
    Ok(format!("/api/v1/areas/{version}/{what}"))
}

/// Does it.
pub fn run_command(command: &AreaCommand) -> anyhow::Result<ExitCode> {
    match command {
        AreaCommand::List(to) => run(to, async |service| {
            let all = service.ask(Method::GET, "/api/v1/areas", None).await?;
            for v in all["items"].as_array().into_iter().flatten() {
                println!(
                    "{}  {}  {:>12}  {} entries  touches {}  from {}  {}  {}",
                    text(v, "version"),
                    text(v, "state"),
                    text(v, "division"),
                    v["count"],
                    v["touched"],
                    text(v, "acts_from"),
                    text(v, "digest"),
                    text(v, "reason"),
                );
            }
            Ok(())
        }),
        AreaCommand::Import { file, division, reference, reason, to } => {
            let bytes = std::fs::read(file).with_context(|| format!("area.file: {}", file.display()))?;
            run(to, async |service| {
                let code = division.bytes().all(|b| b.is_ascii_digit());
                ensure!(code, "area.division: {division} is no code of a division");
                let path = format!("/api/v1/areas?division={division}");
                let known = service.ask(Method::GET, &path, None).await?;
                let replaces = known["acts"].as_str().unwrap_or_default().to_owned();
                let query: [(&str, &str); 4] = [
                    ("division", division),
                    ("reference", reference),
                    ("reason", reason),
                    ("replaces", &replaces),
                ];
                let sent = service.send("/api/v1/areas", &query, bytes).await?;
                let (version, digest) = (text(&sent, "version"), text(&sent, "digest"));
                println!("{version}: proposed; somebody of another office signs it:");
                println!("kangma area sign {version} --digest {digest}");
                Ok(())
            })
        }
        AreaCommand::Sign { version, digest, to } => {
            let path = path(version, "signature")?;
            run(to, async |service| {
                let signed = service.ask(Method::POST, &path, Some(json!({ "digest": digest }))).await?;
                println!("{version}: acts from {}", text(&signed, "acts_from"));
                Ok(())
            })
        }
        AreaCommand::Withdraw { version, reason, to } => {
            let path = path(version, "withdrawal")?;
            run(to, async |service| {
                service.ask(Method::POST, &path, Some(json!({ "reason": reason }))).await?;
                println!("{version}: taken back");
                Ok(())
            })
        }
    }
}
