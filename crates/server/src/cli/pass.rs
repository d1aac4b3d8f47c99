//! `kangma pass verify`: the offline verifier as a command.

use std::io::{self, BufRead, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use kangma_core::pass::{Checked, JWKS_BYTES_MAX, KeySet, SCANNED_BYTES_MAX, Verdict, verify};
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

/// Longest line of a batch, in bytes: the longest text with every byte escaped, and its instant.
const LINE_BYTES_MAX: u64 = 6 * SCANNED_BYTES_MAX as u64 + 1024;

/// Runs a command. `clock` is asked only where no instant is given.
pub fn run(command: PassCommand, clock: impl Fn() -> Instant) -> anyhow::Result<ExitCode> {
    let PassCommand::Verify { keys, now, batch } = command;
    let keys = read_keys(&keys)?;
    let now = now.map(|t| Instant::parse(&t)).transpose().context("pass.now: --now")?;
    let now = || now.unwrap_or_else(&clock);
    let (input, out) = (io::stdin().lock(), io::stdout().lock());
    let good = if batch { lines(input, out, &keys, now)? } else { one(input, out, &keys, now)? };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read_keys(path: &Path) -> anyhow::Result<KeySet> {
    let file = std::fs::File::open(path).with_context(|| format!("keys.file: {}", path.display()))?;
    let mut text = String::new();
    // One byte more than a set may have, so that a longer one is seen to be longer.
    file.take(JWKS_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("keys.file: {}", path.display()))?;
    KeySet::from_jwks(&text).with_context(|| path.display().to_string())
}

/// The whole input as one text. Returns whether it is good.
fn one(
    input: impl BufRead,
    mut out: impl Write,
    keys: &KeySet,
    now: impl Fn() -> Instant,
) -> io::Result<bool> {
    let mut bytes = Vec::new();
    input.take(SCANNED_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let checked = verify(&String::from_utf8_lossy(&bytes), keys, now());
    writeln!(out, "{}", answer(&checked))?;
    Ok(checked.verdict == Verdict::Good)
}

#[derive(Deserialize)]
struct Line {
    pass: String,
    now: Option<Instant>,
}

/// A line in, a line out, whatever the line is, at once. Returns whether all were good.
fn lines(
    mut input: impl BufRead,
    mut out: impl Write,
    keys: &KeySet,
    now: impl Fn() -> Instant,
) -> io::Result<bool> {
    let mut all_good = true;
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(all_good);
        }
        let whole = line.ends_with(b"\n") || (line.len() as u64) < LINE_BYTES_MAX;
        if !whole {
            input.skip_until(b'\n')?;
        }
        let said = match serde_json::from_slice::<Line>(&line) {
            Ok(ask) if whole => {
                let checked = verify(&ask.pass, keys, ask.now.unwrap_or_else(&now));
                all_good &= checked.verdict == Verdict::Good;
                answer(&checked)
            }
            _ => {
                all_good = false;
                json!({
                    "verdict": "not_a_pass", "code": "batch.line", "claims": null,
                    "detail": "this line is not {\"pass\": \"…\"}, with \"now\" as RFC 3339 if at all",
                })
            }
        };
        writeln!(out, "{said}")?;
        out.flush()?;
    }
}

fn answer(checked: &Checked) -> Value {
    json!({ "verdict": checked.verdict.name(), "code": checked.code, "claims": checked.claims })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../../spec/vectors/pass.json")).unwrap()
    }

    fn keys() -> KeySet {
        KeySet::from_jwks(&vectors()["key_sets"]["all"].to_string()).unwrap()
    }

    fn batch(input: &[u8]) -> (bool, Vec<Value>) {
        let mut out = Vec::new();
        let good = lines(input, &mut out, &keys(), || Instant(0)).unwrap();
        let said = String::from_utf8(out).unwrap();
        (good, said.lines().map(|l| serde_json::from_str(l).unwrap()).collect())
    }

    #[test]
    fn a_batch_answers_every_vector_as_the_vector_says() {
        let file = vectors();
        let all: Vec<&Value> =
            file["vectors"].as_array().unwrap().iter().filter(|v| v["keys"] == "all").collect();
        let input: String =
            all.iter().map(|v| json!({ "pass": v["pass"], "now": v["now"] }).to_string() + "\n").collect();
        let (good, said) = batch(input.as_bytes());
        assert!(!good && said.len() == all.len());
        for (v, said) in all.iter().zip(said) {
            assert_eq!((&said["verdict"], &said["code"]), (&v["verdict"], &v["code"]), "{}", v["name"]);
            assert_eq!(said["claims"], *v.get("claims").unwrap_or(&Value::Null), "{}", v["name"]);
        }
    }

    #[test]
    fn a_bad_line_gets_a_line_and_the_next_one_is_read() {
        let green = vectors()["vectors"][0].clone();
        let right = json!({ "pass": green["pass"], "now": green["now"] }).to_string();
        let long = "x".repeat(LINE_BYTES_MAX as usize * 2);
        for bad in ["", "{", "[]", "null", r#"{"pass":1}"#, r#"{"pass":"","now":"noon"}"#, &long] {
            let (good, said) = batch(format!("{bad}\n{right}\n").as_bytes());
            assert!(!good);
            assert_eq!(said[0]["code"], "batch.line");
            assert_eq!(said[1]["code"], "pass.good");
        }
        let (good, said) = batch(&[b"\xff\xfe\n", right.as_bytes()].concat());
        assert!(!good && said.len() == 2, "no UTF-8, and no line end at the end");
        assert_eq!(batch(right.as_bytes()), (true, vec![said[1].clone()]));
        assert_eq!(batch(b""), (true, vec![]));
    }

    #[test]
    fn a_single_text_is_read_no_further_than_a_code_can_be_long() {
        let green = vectors()["vectors"][0].clone();
        let now = || Instant::parse(green["now"].as_str().unwrap()).unwrap();
        let say = |input: &[u8]| {
            let mut out = Vec::new();
            let good = one(input, &mut out, &keys(), now).unwrap();
            (good, serde_json::from_slice::<Value>(&out).unwrap()["code"].clone())
        };
        assert_eq!(
            say(format!("{}\n", green["pass"].as_str().unwrap()).as_bytes()),
            (true, "pass.good".into())
        );
        assert_eq!(say(&[b'A'; 1_000_000]), (false, "pass.length".into()));
        assert_eq!(say(b"\xff\xff"), (false, "pass.prefix".into()));
    }
}
