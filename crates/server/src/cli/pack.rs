//! `kangma pack`: check, test, explain and try rule packs.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use kangma_core::fact::{Facts, Kind};
use kangma_core::rules::cases::run_cases;
use kangma_core::rules::certlogic;
use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::explain::tell as tell_person;
use kangma_core::rules::json;
use kangma_core::rules::pack::{FILE_BYTES_MAX, FILES_MAX, Library, Pack, PackFiles, missing};
use kangma_core::rules::tongue::is_language;
use kangma_core::rules::words::Lang;
use kangma_core::time::Instant;

use super::publish;

/// What to do with a pack.
#[derive(Subcommand, Debug)]
pub enum PackCommand {
    /// Check everything that is checked when the pack is loaded, and that its cases reach every rule.
    Check(Folder),
    /// Run the cases; each is a sentence.
    Test {
        /// The pack.
        #[command(flatten)]
        folder: Folder,
        /// Refuse it where a side of a condition is never seen to hold, or never not to.
        #[arg(long)]
        strict: bool,
    },
    /// Write a first pack that passes, to write over.
    New(super::new::New),
    /// Tell what changes for whom from one pack to another; exit 1 where something does.
    Diff(super::diff::Diff),
    /// Show what a pack comes to, with where each rule was written.
    Show {
        /// The pack.
        #[command(flatten)]
        folder: Folder,
        /// All of it, each line with the pack, file and line that it comes from.
        #[arg(long)]
        effective: bool,
    },
    /// List what a pack's further languages leave to the pages' own Chinese and English, as the lines of
    /// `pages/<language>.toml` that say it, in English.
    Pages {
        /// The pack.
        #[command(flatten)]
        folder: Folder,
        /// One language; all of the pack's without it. One that the pack does not ship yet is listed whole.
        #[arg(long)]
        lang: Option<String>,
    },
    /// Tell, in words, what a person's facts come to and why: which rules were asked, what of them
    /// failed, what opened, and what comes next. Facts as JSON on standard input.
    Explain {
        /// The pack and the instant.
        #[command(flatten)]
        at: At,
        /// Language: zh or en.
        #[arg(long, default_value = "zh")]
        lang: String,
    },
    /// Sign a publication as the second person, over the digest that you read.
    Sign {
        /// Which.
        #[command(flatten)]
        which: publish::Which,
        /// Digest of the pack.
        #[arg(long)]
        digest: String,
    },
    /// Begin a signed publication's time in shadow.
    Shadow(publish::Which),
    /// Let a publication take force, stage by stage.
    Publish(publish::Which),
    /// Bring the earlier rules back from a publication.
    Rollback {
        /// Which.
        #[command(flatten)]
        which: publish::Which,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// List publications and how far each is.
    Status(publish::To),
    /// Take rules for certificates over into a pack, as countries publish them (CertLogic).
    ImportCertlogic {
        /// Files, each with one rule or an array of them.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Folder of the pack.
        #[arg(long)]
        into: PathBuf,
    },
    /// Tell what a pack's rules make of a certificate: its payload as JSON, or its text from HC1: on,
    /// on standard input.
    CertlogicEval {
        /// The pack, and when the certificate is shown.
        #[command(flatten)]
        at: At,
        /// Whose rules: two capitals.
        #[arg(long)]
        country: String,
        /// Keys of issuers, for a text from HC1: on.
        #[arg(long, env = "KANGMA_TRUST_LIST")]
        trust_list: Option<PathBuf>,
        /// Language: zh or en.
        #[arg(long, default_value = "zh")]
        lang: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Try a draft on the people of a database, beside the rules in force, and count what would change.
    /// Nothing is written, and a service may run meanwhile.
    Simulate(Box<super::simulate::Simulate>),
    /// Decide. Facts as JSON on standard input, the decision as JSON on standard output.
    Decide(At),
}

/// Which pack.
#[derive(clap::Args, Debug)]
pub struct Folder {
    /// Folder of the pack.
    dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Folder of the packs that it may extend; without it the folders beside it, and those built in.
    #[arg(long)]
    packs: Option<PathBuf>,
}

/// Which pack, when.
#[derive(clap::Args, Debug)]
pub struct At {
    /// Folder of the pack.
    dir: PathBuf,
    /// Folder of the packs that it may extend; without it the folders beside it, and those built in.
    #[arg(long)]
    packs: Option<PathBuf>,
    /// RFC 3339, such as 2020-02-25T00:00:00+08:00; now without it.
    #[arg(long)]
    at: Option<String>,
}

/// Largest text on standard input, in bytes.
const INPUT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Runs a command; exit 1 if the pack is refused or a case fails.
pub fn run(command: PackCommand) -> anyhow::Result<ExitCode> {
    match command {
        PackCommand::Check(folder) => check(&folder),
        PackCommand::Test { folder, strict } => test(&folder, strict),
        PackCommand::New(args) => super::new::run(&args),
        PackCommand::Diff(args) => super::diff::run(&args),
        PackCommand::Show { folder, effective } => show(&folder, effective),
        PackCommand::Pages { folder, lang } => pages(&folder, lang.as_deref()),
        PackCommand::Simulate(args) => super::simulate::run(*args),
        PackCommand::Explain { at, lang } => tell(&at, &lang),
        PackCommand::Sign { which, digest } => {
            publish::step(&which, "signature", publish::signature(&digest))
        }
        PackCommand::Shadow(which) => publish::step(&which, "shadow", serde_json::json!({})),
        PackCommand::Publish(which) => publish::step(&which, "publish", serde_json::json!({})),
        PackCommand::Rollback { which, reason } => {
            publish::step(&which, "rollback", publish::because(&reason))
        }
        PackCommand::Status(to) => publish::status(&to),
        PackCommand::ImportCertlogic { files, into } => super::certlogic::import(&files, &into),
        PackCommand::CertlogicEval { at, country, trust_list, lang, json } => {
            super::certlogic::eval(&at, &country, trust_list.as_deref(), &lang, json)
        }
        PackCommand::Decide(at) => {
            let (pack, facts, at) = read(&at)?;
            let decision = decide(&pack, &facts, &Context { areas: pack.areas() }, at);
            println!("{}", json::decision(&decision));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Reads the files of a pack folder; other files are not part of it.
pub fn read_dir(dir: &Path) -> anyhow::Result<PackFiles> {
    let mut files = PackFiles::default();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("pack.folder: {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(dir)?.to_string_lossy().replace('\\', "/");
            let ends = |ending: &str| path.extension().is_some_and(|e| e == ending);
            if !(ends("toml") || ends("json") && name.starts_with(certlogic::FOLDER)) {
                continue;
            }
            let size = std::fs::metadata(&path)?.len();
            anyhow::ensure!(
                size <= FILE_BYTES_MAX as u64 && files.0.len() < FILES_MAX,
                "pack.limit: {} is over {} KiB, or the pack has over {FILES_MAX} files",
                path.display(),
                FILE_BYTES_MAX / 1024
            );
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("pack.file: {}", path.display()))?;
            files.0.insert(name, text);
        }
    }
    Ok(files)
}

/// Most folders beside a pack that are looked at for packs that it extends.
const BESIDE_MAX: usize = 1024;

/// The packs that one may extend: those built in, and over them those of a folder, the pack's own
/// parent folder without one.
pub fn library(files: &PackFiles, dir: &Path, packs: Option<&Path>) -> anyhow::Result<Library> {
    if files.extends().is_none() {
        return Ok(Library::default());
    }
    let mut library = crate::built_in::library()?;
    let beside = match packs {
        Some(packs) => packs.to_owned(),
        None => match std::fs::canonicalize(dir)?.parent() {
            Some(parent) => parent.to_owned(),
            None => return Ok(library),
        },
    };
    put_folder(&mut library, &beside)?;
    Ok(library)
}

/// Adds every pack of a folder.
pub(super) fn put_folder(library: &mut Library, beside: &Path) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(beside).with_context(|| format!("pack.folder: {}", beside.display()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    folders.retain(|path| path.join("pack.toml").exists());
    folders.sort();
    anyhow::ensure!(
        folders.len() <= BESIDE_MAX,
        "pack.limit: {} holds over {BESIDE_MAX} packs; name a smaller folder with --packs",
        beside.display()
    );
    for folder in folders {
        // One that cannot be read is missed only by a pack that extends it, and then by name.
        if let Ok(files) = read_dir(&folder) {
            library.put(files);
        }
    }
    Ok(())
}

/// Reads and checks a pack, with the packs beside it or those of a folder.
pub(super) fn load(dir: &Path, packs: Option<&Path>) -> anyhow::Result<(Pack, PackFiles)> {
    let files = read_dir(dir)?;
    let library = library(&files, dir, packs)?;
    let pack = Pack::load_with(&files, &library).map_err(|e| anyhow::anyhow!("the pack was refused\n{e}"))?;
    Ok((pack, files))
}

fn check(folder: &Folder) -> anyhow::Result<ExitCode> {
    let (pack, files) = match load(&folder.dir, folder.packs.as_deref()) {
        Ok(loaded) => loaded,
        Err(e) if folder.json => {
            println!("{}", serde_json::json!({ "ok": false, "problem": format!("{e:#}") }));
            return Ok(ExitCode::FAILURE);
        }
        Err(e) => return Err(e),
    };
    let report = run_cases(&pack, &files);
    let ok = report.unreached.is_empty();
    let left: Vec<(&str, usize)> =
        pack.further_languages().map(|lang| (lang, missing(pack.page_texts(lang)).len())).collect();
    if folder.json {
        println!(
            "{}",
            serde_json::json!({ "ok": ok, "id": pack.id, "version": pack.version, "digest": pack.digest,
                "rules": pack.rules.len(), "cases": report.cases.len(), "unreached": report.unreached,
                "pages_missing": left.iter().map(|(lang, n)| (lang, n)).collect::<BTreeMap<_, _>>() })
        );
    } else {
        println!(
            "{} {} ({}): {} rules, {} cases",
            pack.id,
            pack.version,
            pack.digest,
            pack.rules.len(),
            report.cases.len()
        );
        report.unreached.iter().for_each(|what| println!("no case reaches: {what}"));
        for (lang, n) in left.iter().filter(|(_, n)| *n > 0) {
            let all = missing(None).len();
            println!(
                "warning: in {lang} the pages leave {n} of {all} texts to {}; kangma pack pages {} --lang {lang} lists them",
                if lang.starts_with("zh-") { "Chinese" } else { "English" },
                folder.dir.display()
            );
        }
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn pages(folder: &Folder, lang: Option<&str>) -> anyhow::Result<ExitCode> {
    let (pack, _) = load(&folder.dir, folder.packs.as_deref())?;
    let all: Vec<&str> = match lang {
        Some(lang) => vec![lang],
        None => pack.further_languages().collect(),
    };
    anyhow::ensure!(
        all.iter().all(|lang| is_language(lang) && Lang::ALL.iter().all(|ours| ours.name() != *lang)),
        "--lang is a language beside zh and en, such as bo or zh-Hant"
    );
    let found = all.iter().map(|lang| (*lang, missing(pack.page_texts(lang))));
    if folder.json {
        let found: BTreeMap<_, Vec<_>> = found
            .map(|(lang, left)| {
                let one = |(part, key, en)| serde_json::json!({ "part": part, "key": key, "en": en });
                (lang, left.into_iter().map(one).collect())
            })
            .collect();
        println!("{}", serde_json::to_string(&found)?);
        return Ok(ExitCode::SUCCESS);
    }
    for (lang, left) in found {
        println!("# pages/{lang}.toml: {} texts are missing", left.len());
        let mut at = "";
        for (part, key, en) in left {
            if part != at {
                println!("\n[{part}]");
                at = part;
            }
            println!("\"{key}\" = {}", serde_json::Value::from(en));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(folder: &Folder, effective: bool) -> anyhow::Result<ExitCode> {
    let (pack, files) = load(&folder.dir, folder.packs.as_deref())?;
    if effective {
        let library = library(&files, &folder.dir, folder.packs.as_deref())?;
        print!("{}", Pack::effective(&files, &library)?);
        return Ok(ExitCode::SUCCESS);
    }
    let place = |rule: &str| {
        pack.origin(rule).map_or_else(String::new, |o| format!("{}/{}:{}", o.pack, o.file, o.line))
    };
    if folder.json {
        let rules: Vec<_> =
            pack.rules.iter().map(|r| serde_json::json!({ "id": r.id, "from": place(&r.id) })).collect();
        println!(
            "{}",
            serde_json::json!({ "id": pack.id, "version": pack.version, "digest": pack.digest,
                "division": pack.division, "site": pack.site.map(|s| s.name()), "extends": pack.parents, "rules": rules })
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} {} ({}), division {}", pack.id, pack.version, pack.digest, pack.division);
    if let Some(site) = pack.site {
        println!("of a site: {}", site.name());
    }
    if !pack.parents.is_empty() {
        println!("extends {}", pack.parents.join(", then "));
    }
    pack.rules.iter().for_each(|r| println!("  {:32} {}", r.id, place(&r.id)));
    Ok(ExitCode::SUCCESS)
}

fn test(folder: &Folder, strict: bool) -> anyhow::Result<ExitCode> {
    let (pack, files) = load(&folder.dir, folder.packs.as_deref())?;
    let report = run_cases(&pack, &files);
    if folder.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        for case in &report.cases {
            println!("{}  {}", if case.wrong.is_empty() { "ok  " } else { "FAIL" }, case.name);
            case.wrong.iter().for_each(|w| println!("      {w}"));
        }
        report.unreached.iter().for_each(|what| println!("no case reaches: {what}"));
        for branch in &report.branches {
            println!("no case takes: {}: {}", branch.rule, branch.what);
            if let (true, Some(case)) = (strict, &branch.suggested) {
                println!("  such as:\n");
                case.lines().for_each(|line| println!("    {line}"));
                println!();
            }
        }
        if !report.branches.is_empty() && !strict {
            println!(
                "{} branches that no case takes; --strict refuses them and suggests cases",
                report.branches.len()
            );
        }
        let failed = report.cases.iter().filter(|c| !c.wrong.is_empty()).count();
        println!("{} passed, {failed} failed", report.cases.len() - failed);
    }
    let passed = if strict { report.passed_strictly() } else { report.passed() };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(at: &At) -> anyhow::Result<(Pack, Facts, Instant)> {
    let (pack, text, at) = given(at)?;
    let facts = json::facts_in(&text, &pack.zone, &pack.vocabulary)?;
    Ok((pack, facts, at))
}

/// A pack, what stands on standard input, and the instant.
pub(super) fn given(at: &At) -> anyhow::Result<(Pack, String, Instant)> {
    let (pack, _) = load(&at.dir, at.packs.as_deref())?;
    let mut text = String::new();
    std::io::stdin().take(INPUT_BYTES_MAX).read_to_string(&mut text).context("facts.format: not UTF-8")?;
    let at = match &at.at {
        Some(text) => json::instant(text, &pack.zone)?,
        None => crate::app::Clock::system(0).wall(),
    };
    Ok((pack, text, at))
}

/// A language by its name.
pub(super) fn lang_of(name: &str) -> anyhow::Result<Lang> {
    Lang::ALL.into_iter().find(|l| l.name() == name).context("--lang is zh or en")
}

fn tell(at: &At, lang: &str) -> anyhow::Result<ExitCode> {
    let lang = lang_of(lang)?;
    let (pack, facts, at) = read(at)?;
    print!("{}", tell_person(&pack, &facts, at, lang));
    for fact in facts.iter().filter(|f| f.kind == Kind::Certificate) {
        pack.rules.iter().for_each(|rule| super::certlogic::tell(&pack, &rule.id, fact, lang));
    }
    Ok(ExitCode::SUCCESS)
}
