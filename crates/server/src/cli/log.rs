//! `kangma log`: the key of the decision log, holding it to its head, and witnessing it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};

use crate::app::{App, Clock, Rng};
use crate::config::Config;
use crate::log::verify::{self, Known, Outside, Report};
use crate::log::{NoteKey, Signs, Verifier};

/// What to do with the decision log.
#[derive(clap::Subcommand, Debug)]
pub enum LogCommand {
    /// Print the key that verifies the log's heads, for publishing it.
    Key(Box<Config>),
    /// Hold the log to its head. With --url as anybody can; without, every row as well. Exit 1 where
    /// anything is wrong.
    Verify(Box<Verify>),
    /// Make a witness's key, and print its public half.
    Witness(Witness),
    /// As a witness, check that the log only grew, and sign its head.
    Cosign(Cosign),
}

/// What to verify.
#[derive(clap::Args, Debug)]
pub struct Verify {
    /// A service, such as https://code.example.org.
    #[arg(long)]
    url: Option<String>,
    /// The log's key, as `kangma log key` prints it. Without it the one in the state file, or else the
    /// one that the service shows.
    #[arg(long, requires = "url")]
    key: Option<String>,
    /// Where the head is kept that the next one is held to.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Where the data lies, without --url.
    #[command(flatten)]
    config: Config,
}

/// Whose key to make.
#[derive(clap::Args, Debug)]
pub struct Witness {
    /// Name of the witness, such as witness.example.org.
    name: String,
    /// New file for the secret half.
    #[arg(long)]
    key_file: PathBuf,
}

/// What to sign.
#[derive(clap::Args, Debug)]
pub struct Cosign {
    /// A service, such as https://code.example.org.
    #[arg(long)]
    url: String,
    /// The witness's key, as `kangma log witness` made it.
    #[arg(long)]
    key_file: PathBuf,
    /// The log's key; see `kangma log verify`.
    #[arg(long)]
    key: Option<String>,
    /// Where the head is kept that was signed last; beside the key without it.
    #[arg(long)]
    state: Option<PathBuf>,
}

/// Runs one of them.
pub fn run(command: LogCommand) -> anyhow::Result<ExitCode> {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            LogCommand::Key(config) => {
                let app = App::open(*config, Rng::system()).await?;
                println!("{}", app.log_key.verifier());
                close(&app).await;
                Ok(ExitCode::SUCCESS)
            }
            LogCommand::Verify(args) => verify(*args).await,
            LogCommand::Witness(args) => witness(&args),
            LogCommand::Cosign(args) => cosign(&args).await,
        }
    })
}

async fn close(app: &App) {
    app.db.clone().close().await;
    app.key_store.clone().close().await;
}

fn read_state(path: Option<&Path>) -> anyhow::Result<Option<Known>> {
    let Some(path) = path.filter(|path| path.exists()) else { return Ok(None) };
    let text = std::fs::read_to_string(path).with_context(|| format!("log.state: {}", path.display()))?;
    Ok(Some(serde_json::from_str(&text).with_context(|| format!("log.state: {}", path.display()))?))
}

/// In place of the old one in one step: a witness never forgets what it signed.
fn write_state(path: &Path, known: &Known) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(serde_json::to_string(known)?.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().with_context(|| format!("log.state: {}", path.display()))
}

/// The log's key: given, known, or shown by the service itself.
async fn key_of(given: Option<&str>, known: Option<&Known>, source: &Outside) -> anyhow::Result<Verifier> {
    if let Some(text) = given.or(known.map(|known| known.key.as_str())) {
        return Ok(Verifier::parse(text)?);
    }
    let key = source.key().await?;
    eprintln!("the service's own word for its key, compare it with the published one: {key}");
    Ok(key)
}

async fn verify(args: Verify) -> anyhow::Result<ExitCode> {
    let known = read_state(args.state.as_deref())?;
    let (key, report) = match &args.url {
        Some(url) => {
            let source = Outside::new(url)?;
            let key = key_of(args.key.as_deref(), known.as_ref(), &source).await?;
            let report = verify::tree(&source, &key, known.as_ref()).await?;
            (key, report)
        }
        None => {
            let app = App::open(args.config, Rng::system()).await?;
            let report = verify::inside(&app, known.as_ref()).await;
            let key = app.log_key.verifier().clone();
            close(&app).await;
            (key, report?)
        }
    };
    tell(&report, &key, args.state.as_deref())
}

fn tell(report: &Report, key: &Verifier, state: Option<&Path>) -> anyhow::Result<ExitCode> {
    for finding in &report.findings.named {
        eprintln!("{finding}");
    }
    let (Some(head), 0) = (&report.head, report.findings.count) else {
        println!("the log does not hold: {} findings", report.findings.count);
        return Ok(ExitCode::FAILURE);
    };
    let kinds: Vec<String> = report
        .kinds
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{count} of kind {kind}"))
        .collect();
    println!("the log holds: {} leaves ({}), signed by {}", head.size, kinds.join(", "), key.name);
    if let Some(count) = report.unlogged.filter(|count| *count > 0) {
        println!("{count} decisions have no leaf: older than the log, or made by kangma seed");
    }
    if let Some(path) = state {
        let root = head.root.iter().map(|b| format!("{b:02x}")).collect();
        let known = Known { key: key.to_string(), size: head.size, root, unlogged: report.unlogged };
        write_state(path, &known)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn witness(args: &Witness) -> anyhow::Result<ExitCode> {
    let mut seed = [0; 32];
    Rng::system().fill(&mut seed);
    let text = NoteKey::file_of(&args.name, Signs::Cosignatures, &seed)?;
    let made = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&args.key_file);
    let mut file = made.with_context(|| format!("log.key_file: {}", args.key_file.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    println!("{}", NoteKey::parse(&text)?.verifier());
    Ok(ExitCode::SUCCESS)
}

async fn cosign(args: &Cosign) -> anyhow::Result<ExitCode> {
    let path = args.state.clone().unwrap_or_else(|| args.key_file.with_extension("state"));
    let file = std::fs::read_to_string(&args.key_file);
    let witness =
        NoteKey::parse(&file.with_context(|| format!("log.key_file: {}", args.key_file.display()))?)?;
    let (source, known) = (Outside::new(&args.url)?, read_state(Some(&path))?);
    let key = key_of(args.key.as_deref(), known.as_ref(), &source).await?;
    if let Some(known) = &known {
        ensure!(known.key == key.to_string(), "log.key: {} is of another log", path.display());
    }
    let at_s = u64::try_from(Clock::system(0).wall().0)?;
    let (note, remember) = verify::cosign(&source, &key, &witness, known.as_ref(), at_s).await?;
    // Remembered before it is sent: what was signed is never denied.
    write_state(&path, &remember)?;
    source.send(note).await?;
    println!("signed a tree of {} leaves as {}", remember.size, witness.verifier().name);
    Ok(ExitCode::SUCCESS)
}
