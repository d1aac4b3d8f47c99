//! `kangma pass verify`: the offline verifier as a command.

use std::io::{BufRead as _, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use kangma_core::pass::{Checked, Claims, KeySet, SCANNED_MAX, Verdict, verify};
use kangma_core::time::Instant;
use serde::Deserialize;
use serde_json::{Value, json};

/// What to do with passes.
#[derive(Subcommand, Debug)]
pub enum PassCommand {
    /// Verify a text from standard input; JSON with verdict, code and claims out. Exit 0 only if good.
    Verify {
        /// JWK set, as /.well-known/kangma/keys.json gives it.
        #[arg(long)]
        keys: PathBuf,
        /// The instant to verify at, RFC 3339; the machine's clock without it.
        #[arg(long)]
        now: Option<String>,
        /// Read and write one JSON object a line: {"pass": "…", "now": "…"?}.
        #[arg(long)]
        batch: bool,
    },
}

/// Longest line of a batch, in bytes: the longest text, escaped, and its instant.
const LINE_BYTES_MAX: u64 = 8 * SCANNED_MAX as u64;
/// Largest file of keys, in bytes.
const KEYS_BYTES_MAX: u64 = 256 * 1024;

/// Runs a command.
pub fn run(command: PassCommand, clock: impl Fn() -> Instant) -> anyhow::Result<ExitCode> {
    let PassCommand::Verify { keys, now, batch } = command;
    let mut text = String::new();
    let file = std::fs::File::open(&keys).with_context(|| format!("keys.file: {}", keys.display()))?;
    file.take(KEYS_BYTES_MAX).read_to_string(&mut text).context("keys.format: not UTF-8")?;
    let keys = KeySet::from_jwks(&text)?;
    let now = now.map(|t| Instant::parse(&t)).transpose().context("--now")?;
    if batch {
        return lines(&keys, now, &clock);
    }
    let mut bytes = Vec::new();
    std::io::stdin().take(LINE_BYTES_MAX).read_to_end(&mut bytes)?;
    let checked = verify(&String::from_utf8_lossy(&bytes), &keys, now.unwrap_or_else(&clock));
    println!("{}", answer(&checked));
    Ok(if checked.verdict == Verdict::Good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Deserialize)]
struct Line {
    pass: String,
    now: Option<Instant>,
}

/// A line in, a line out, whatever the line is. Exit 0 only if all were good.
fn lines(keys: &KeySet, now: Option<Instant>, clock: &impl Fn() -> Instant) -> anyhow::Result<ExitCode> {
    let mut input = std::io::stdin().lock();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut all_good = true;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let whole = line.ends_with(b"\n") || (line.len() as u64) < LINE_BYTES_MAX;
        if !whole {
            input.skip_until(b'\n')?;
        }
        let said = match serde_json::from_slice::<Line>(&line) {
            Ok(ask) if whole => {
                let checked = verify(&ask.pass, keys, ask.now.or(now).unwrap_or_else(clock));
                all_good &= checked.verdict == Verdict::Good;
                answer(&checked)
            }
            _ => {
                all_good = false;
                json!({ "verdict": "not_a_pass", "code": "batch.line", "claims": null })
            }
        };
        writeln!(out, "{said}")?;
    }
    out.flush()?;
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn answer(checked: &Checked) -> Value {
    json!({ "verdict": checked.verdict.name(), "code": checked.code, "claims": checked.claims.as_ref().map(claims) })
}

fn claims(c: &Claims) -> Value {
    json!({
        "issuer": c.issuer, "issued": c.issued, "expires": c.expires, "state_at": c.state_at, "fresh_s": c.fresh_s,
        "colour": c.colour, "division": format!("{:06}", c.division), "pack_version": c.pack_version,
        "name_masked": c.name_masked, "handle": c.handle.iter().map(|b| format!("{b:02x}")).collect::<String>(),
    })
}
