//! `kangma pack diff`: what changes for whom between two packs, in words.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use kangma_core::rules::diff::diff;
use kangma_core::rules::pack::{Pack, PackFiles};

use super::pack::{lang_of, load};

/// Which two.
#[derive(clap::Args, Debug)]
pub struct Diff {
    /// The earlier pack: a folder, or the id or digest of one that is built in.
    before: String,
    /// The later one.
    after: String,
    /// Folder of the packs that they may extend; without it the folders beside each, and those built in.
    #[arg(long)]
    packs: Option<PathBuf>,
    /// Language: zh or en.
    #[arg(long, default_value = "zh")]
    lang: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Success where they are the same, 1 where they differ, 2 where one cannot be read.
pub fn run(args: &Diff) -> anyhow::Result<ExitCode> {
    let read = |which: &str| find(which, args.packs.as_deref());
    let lang = lang_of(&args.lang);
    let (lang, before, after) = match (lang, read(&args.before), read(&args.after)) {
        (Ok(lang), Ok(before), Ok(after)) => (lang, before, after),
        (Err(e), ..) | (_, Err(e), _) | (.., Err(e)) => {
            eprintln!("{e:#}");
            return Ok(ExitCode::from(2));
        }
    };
    let found = diff((&before.0, &before.1), (&after.0, &after.1), lang);
    if args.json {
        println!("{}", serde_json::to_string(&found)?);
    } else {
        for (sign, pack) in [("-", &before.0), ("+", &after.0)] {
            println!("{sign} {} {} ({}) {}", pack.id, pack.version, pack.digest, pack.name(lang));
        }
        println!();
        print!("{}", found.text(lang));
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find(which: &str, packs: Option<&Path>) -> anyhow::Result<(Pack, PackFiles)> {
    let dir = Path::new(which);
    if dir.is_dir() {
        return load(dir, packs);
    }
    let library = crate::built_in::library()?;
    let of = |files: &PackFiles| Pack::load_with(files, &library).map_err(|e| anyhow::anyhow!("{e}"));
    if let Some(files) = library.get(which) {
        return Ok((of(files)?, files.clone()));
    }
    for files in crate::built_in::all()? {
        let pack = of(&files)?;
        if &*pack.digest == which {
            return Ok((pack, files));
        }
    }
    let known: Vec<&str> = library.ids().collect();
    Err(anyhow::anyhow!("there are {}", known.join(", "))).with_context(|| {
        format!("pack.unknown: {which} is no folder, and no id or digest of a built-in pack")
    })
}
