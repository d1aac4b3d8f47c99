//! `kangma pack simulate`: what a draft would change, for how many.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use kangma_core::division::divisions;
use kangma_core::rules::json;
use kangma_core::rules::pack::{Library, Pack, PackFiles};
use kangma_core::rules::publication::Below;
use kangma_core::tally::Place;

use crate::app::Clock;
use crate::config::Data;
use crate::db::{Db, Which};
use crate::publication;
use crate::seal::{self, Keys, PersonKeys};
use crate::simulate::{self, Progress, Question, Shown, Source};

/// What to try on whom.
#[derive(clap::Args, Debug)]
pub struct Simulate {
    /// Folder of the draft.
    dir: PathBuf,
    /// Where the data lies.
    #[command(flatten)]
    data: Data,
    /// Take the rules of this folder as those in force, and nothing that is published. Without it, what the
    /// installation starts with (KANGMA_PACK, or the built-in pack) and all that is published over it.
    #[arg(long)]
    pack: Option<PathBuf>,
    /// What the installation starts with.
    #[arg(long, env = "KANGMA_PACK", hide = true)]
    start: Option<PathBuf>,
    /// Of whom: code of a division.
    #[arg(long)]
    division: Option<String>,
    /// The divisions below which one to list; those below --division, or the provinces, without it.
    #[arg(long)]
    below: Option<String>,
    /// Look at one in so many people.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    one_in: u32,
    /// The instant to ask about, such as 2020-02-25T00:00:00+08:00; now without it.
    #[arg(long)]
    at: Option<String>,
    /// Threads; as many as there are processors without it.
    #[arg(long)]
    threads: Option<usize>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: Simulate) -> anyhow::Result<ExitCode> {
    let files = super::pack::read_dir(&args.dir)?;
    let division = place(args.division.as_deref())?;
    let below = if args.below.is_some() { place(args.below.as_deref())? } else { division };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let source = Arc::new(open(&args.data).await?);
        let question = Question {
            division,
            sample: (1, args.one_in),
            workers: args.threads.unwrap_or(processors),
            ..ask(&args, &source.db, &files).await?
        };
        let question = Arc::new(question);
        let (progress, began) = (Arc::new(Progress::default()), Stopwatch::now());
        let work = simulate::run(Arc::clone(&source), Arc::clone(&question), Arc::clone(&progress), None);
        let bar = bar(&progress, args.json)?;
        let forecast = tokio::select! {
            done = work => done?,
            _ = tokio::signal::ctrl_c() => {
                progress.stop();
                anyhow::bail!("simulate.stopped: nothing was written, so nothing has to be undone")
            }
        };
        bar.abort();
        let shown = forecast.shown(&question, below);
        let s = began.elapsed().as_secs_f64();
        if args.json {
            let mut out = serde_json::to_value(&shown)?;
            out["seconds"] = s.into();
            println!("{out}");
        } else {
            tell(&shown, s);
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The draft, the packs that it may extend, and the rules in force beside it.
async fn ask(args: &Simulate, db: &Db, files: &PackFiles) -> anyhow::Result<Question> {
    let now = Clock::system(0).wall();
    let (active, mut library) = match &args.pack {
        Some(dir) => {
            let texts = crate::packs::texts(Some(dir))?;
            (crate::packs::load(Some(dir))?, Library::new(texts))
        }
        None => {
            let start = args.start.as_deref();
            let active = publication::set_of(db, crate::packs::load(start)?).await?;
            (active, publication::library(db, start, now).await?)
        }
    };
    // What lies beside the draft and nobody else knows of.
    let beside = super::pack::library(files, &args.dir, None)?;
    let unknown: Vec<String> =
        beside.ids().filter(|id| library.get(id).is_none()).map(str::to_owned).collect();
    unknown.iter().filter_map(|id| beside.get(id)).for_each(|files| library.put(files.clone()));
    let draft = Pack::load_with(files, &library).map_err(|e| anyhow::anyhow!("the pack was refused\n{e}"))?;
    let at = match &args.at {
        Some(text) => json::instant(text, &draft.zone)?,
        None => now,
    };
    let below = Below::of(&active, &draft, files, &library, now);
    Ok(Question::new(Arc::new(active), Arc::new(draft), below, at)?)
}

fn place(code: Option<&str>) -> anyhow::Result<Place> {
    let Some(code) = code else { return Ok(Place::COUNTRY) };
    Place::parse(code).with_context(|| format!("simulate.division: no division has the code {code}"))
}

async fn open(data: &Data) -> anyhow::Result<Source> {
    let keys = Keys::load(&data.key_dir())?;
    let config = data.database();
    anyhow::ensure!(config.exists().await?, "simulate.database: there is no database at {config}");
    let db = Db::open_to_read(&config, Which::Data).await?;
    let store = Db::open_to_read(&data.key_store(), Which::Keys).await?;
    anyhow::ensure!(
        seal::mark_of(&config).await? == Some(keys.mark()),
        "keys.other: the keys are not those of this database"
    );
    Ok(Source { db, keys: PersonKeys::new(store, keys.master.clone()) })
}

/// Draws how far it has come, on standard error and only where somebody looks at it.
fn bar(progress: &Arc<Progress>, hidden: bool) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::new(1_000) };
    bar.set_style(ProgressStyle::with_template("{bar:40} {percent} %, {msg} people, {eta} left")?);
    let progress = Arc::clone(progress);
    Ok(tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            bar.set_position(progress.per_mille());
            bar.set_message(progress.people().to_string());
        }
    }))
}

fn tell(shown: &Shown, s: f64) {
    let people = |n: Option<i64>| n.map_or_else(|| "few".to_owned(), |n| n.to_string());
    let name = |code: &str| {
        let plain = code.trim_end_matches('?');
        let known = divisions().get(plain).map_or("", |d| d.name);
        format!("{code} {known}")
    };
    println!(
        "{} {} in place of {} {}",
        shown.draft.id, shown.draft.version, shown.active.id, shown.active.version
    );
    println!("at {}, of {} people looked at in {s:.1} s, in whole fives:", shown.at, people(shown.people));
    println!(
        "  {} have another colour; as many as {} messages",
        people(shown.changed),
        people(shown.messages)
    );
    for change in shown.changes.iter().filter(|c| c.people != Some(0)) {
        println!("  {:>6} to {:<6} {}", change.from, change.to, people(change.people));
    }
    for division in &shown.below.divisions {
        println!("{}", name(&division.code));
        for change in division.changes.iter().filter(|c| c.people != Some(0)) {
            println!("  {:>6} to {:<6} {}", change.from, change.to, people(change.people));
        }
    }
    for age in shown.ages.iter().filter(|a| a.changes.iter().any(|c| c.people.is_some_and(|n| n > 0))) {
        let parts = age.changes.iter().filter(|c| c.people != Some(0));
        let parts: Vec<String> =
            parts.map(|c| format!("{} to {} {}", c.from, c.to, people(c.people))).collect();
        println!("aged {}: {}", age.age, parts.join(", "));
    }
    for rule in &shown.rules {
        println!("{} {} for {} ({} to {})", rule.rule, rule.turn, people(rule.people), rule.from, rule.to);
    }
    shown.conflicts.iter().for_each(|c| println!("{}: {}", c.pack, c.text));
    for (i, example) in shown.examples.iter().enumerate() {
        let (before, after) = (example.rules_before.join(" "), example.rules_after.join(" "));
        println!("made-up person {}: {} {before} to {} {after}", i + 1, example.from, example.to);
        println!("  {}", example.facts);
    }
}
