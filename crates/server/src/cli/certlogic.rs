//! `kangma pack import-certlogic` and `certlogic-eval`: rules for certificates, as countries publish
//! them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use kangma_core::fact::{Fact, Kind, Source, Values};
use kangma_core::hcert;
use kangma_core::id::FactId;
use kangma_core::rules::certlogic::{Certificate, FOLDER, Outcome, Rule, Verdict, payload};
use kangma_core::rules::pack::{FILE_BYTES_MAX, Pack};
use kangma_core::rules::words::Lang;
use serde_json::{Value, json};

use super::pack::{At, given, read_dir};

/// Takes rules over: all of them, or none and everything that is wrong.
pub fn import(files: &[PathBuf], into: &Path) -> anyhow::Result<ExitCode> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut wrong = Vec::new();
    for file in files {
        let size =
            std::fs::metadata(file).with_context(|| format!("certlogic.file: {}", file.display()))?.len();
        anyhow::ensure!(
            size <= 8 * FILE_BYTES_MAX as u64,
            "certlogic.limit: {} is over 2 MiB",
            file.display()
        );
        let text =
            std::fs::read_to_string(file).with_context(|| format!("certlogic.file: {}", file.display()))?;
        let json: Value = serde_json::from_str(&text)
            .with_context(|| format!("certlogic.format: {} is not JSON", file.display()))?;
        let all = match json {
            Value::Array(all) => all,
            one => vec![one],
        };
        for (i, json) in all.iter().enumerate() {
            match Rule::read(json) {
                Ok(rule) => rules.push(rule),
                Err(e) => {
                    let name =
                        json["Identifier"].as_str().map_or_else(|| format!("rule {}", i + 1), str::to_owned);
                    wrong.push(format!("{}: {name}: {e}", file.display()));
                }
            }
        }
    }
    anyhow::ensure!(wrong.is_empty(), "certlogic.rule: nothing was taken over\n{}", wrong.join("\n"));
    // The pack as it will be has to load, or nothing of it is written.
    let mut pack = read_dir(into)?;
    for rule in &rules {
        pack.0.insert(rule.file(), rule.json());
    }
    let library = super::pack::library(&pack, into, None)?;
    Pack::load_with(&pack, &library)
        .map_err(|e| anyhow::anyhow!("the pack would be refused; nothing was taken over\n{e}"))?;
    std::fs::create_dir_all(into.join(FOLDER))?;
    for rule in &rules {
        let path = into.join(rule.file());
        std::fs::write(&path, rule.json()).with_context(|| format!("certlogic.file: {}", path.display()))?;
        println!("{}", path.display());
    }
    let countries: BTreeSet<&str> = rules.iter().map(|r| &*r.country).collect();
    let countries: Vec<&str> = countries.into_iter().collect();
    println!("{} rules of {} taken over", rules.len(), countries.join(", "));
    Ok(ExitCode::SUCCESS)
}

/// Tells what a country's rules make of a certificate; exit 1 unless it is accepted.
pub fn eval(
    at: &At,
    country: &str,
    trust_list: Option<&Path>,
    lang: &str,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let lang = Lang::ALL.into_iter().find(|l| l.name() == lang).context("--lang is zh or en")?;
    let (pack, text, shown) = given(at)?;
    let mut fact = Fact {
        id: FactId([0; 16]),
        kind: Kind::Certificate,
        happened: shown,
        recorded: shown,
        source: Source::Staff,
        values: Values::default(),
    };
    let text = text.trim();
    let verified = text.starts_with("HC1:");
    if verified {
        let trust = crate::app::load_trust(trust_list)?;
        match hcert::read(text, &trust, shown) {
            Ok(found) => found.fill(&mut fact),
            Err(e) => {
                let (code, zh, en) = e.told();
                anyhow::bail!("{code}: {}", if lang == Lang::Zh { zh } else { en });
            }
        }
    } else {
        let json =
            serde_json::from_str(text).context("certificate.payload: not JSON, and no text from HC1: on")?;
        payload(json).map_err(|e| anyhow::anyhow!("certificate.payload: {e}"))?.fill(&mut fact);
    }
    let countries = pack.certificates.countries();
    anyhow::ensure!(
        countries.contains(&country),
        "certlogic.country: the pack has no acceptance rules of {country:?}; it has those of {}",
        if countries.is_empty() { "nobody".to_owned() } else { countries.join(", ") }
    );
    let certificate = Certificate::of(&fact).context("certificate.payload")?;
    let verdict = pack.certificates.judge(country, &certificate);
    if as_json {
        let rules: Vec<Value> = verdict.rules.iter().map(|j| one(j.rule, j.outcome, lang)).collect();
        println!(
            "{}",
            json!({ "accepted": word(&verdict), "signature_checked": verified, "shown_at": shown, "rules": rules })
        );
    } else {
        println!("{} {}", country, word(&verdict));
        verdict.rules.iter().for_each(|j| line(j.rule, j.outcome, lang));
    }
    Ok(if verdict.accepted.is_true() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn word(verdict: &Verdict<'_>) -> &'static str {
    use kangma_core::rules::expr::Truth;
    match verdict.accepted {
        Truth::True => "accepted",
        Truth::False => "refused",
        Truth::Unknown => "unknown",
    }
}

fn number((a, b, c): (u32, u32, u32)) -> String {
    format!("{a}.{b}.{c}")
}

fn why(outcome: Outcome) -> Option<&'static str> {
    use kangma_core::rules::certlogic::Open;
    match outcome {
        Outcome::Open(Open::Missing) => Some("missing"),
        Outcome::Open(Open::Type) => Some("type"),
        Outcome::Open(Open::Time) => Some("time"),
        Outcome::Open(Open::Limit) => Some("limit"),
        Outcome::Passed | Outcome::Failed => None,
    }
}

fn one(rule: &Rule, outcome: Outcome, lang: Lang) -> Value {
    json!({ "id": rule.id, "version": number(rule.version), "type": rule.rule_type, "outcome": outcome.name(),
        "open": why(outcome), "text": rule.describe(lang.name()) })
}

fn line(rule: &Rule, outcome: Outcome, lang: Lang) {
    let why = why(outcome).map_or_else(String::new, |why| format!(" ({why})"));
    println!(
        "  {}{why}  {} {}  {}",
        outcome.name(),
        rule.id,
        number(rule.version),
        rule.describe(lang.name())
    );
}

/// Of a reason that rests on a certificate: the rules that did not pass, for each country that the
/// reason's rule asks about.
pub fn tell(pack: &Pack, rule: &str, fact: &Fact, lang: Lang) {
    let Some(certificate) = Certificate::of(fact) else { return };
    for country in pack.rule(rule).map_or(&[][..], |r| r.when.countries()) {
        let verdict = pack.certificates.judge(country, &certificate);
        println!("  {country} {}", word(&verdict));
        verdict
            .rules
            .iter()
            .filter(|j| j.outcome != Outcome::Passed)
            .for_each(|j| line(j.rule, j.outcome, lang));
    }
}
