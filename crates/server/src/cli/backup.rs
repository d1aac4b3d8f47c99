//! `kangma backup` and `kangma restore`: the data, or the keys, never both in one folder. Deleting
//! a person's key has to destroy them in every copy of the data, so copies of the data hold none.

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::digest::SHA256;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};

use crate::app::Clock;
use crate::config::Data;
use crate::db::{Db, Dump, Which, dump, engine, restore};
use crate::seal::{self, Keys};

/// What to copy, and where to or from.
#[derive(clap::Args, Debug)]
pub struct Backup {
    /// Where the data lies.
    #[command(flatten)]
    data: Data,
    /// The keys (master.json and the store of keys) instead of the data. Keep them apart from it.
    #[arg(long)]
    keys: bool,
    /// Folder of the backup. A new one is made; one that exists is never written into.
    folder: PathBuf,
}

const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "database";
const MASTER: &str = "master.json";

/// What a backup says of itself.
#[derive(Serialize, Deserialize)]
struct Manifest {
    /// `data` or `keys`.
    holds: String,
    /// Version of Kangma that made it.
    kangma: String,
    engine: String,
    schema: i64,
    /// When it was begun.
    at: Instant,
    /// Rows of each table.
    tables: Vec<(String, i64)>,
    /// Of the keys that it belongs to; none for a database that nobody has started on.
    keys: Option<i64>,
    files: Vec<File>,
}

#[derive(Serialize, Deserialize)]
struct File {
    name: String,
    bytes: u64,
    sha256: String,
}

fn which(keys: bool) -> (Which, &'static str) {
    if keys { (Which::Keys, "keys") } else { (Which::Data, "data") }
}

/// Copies.
pub fn backup(args: &Backup) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        ensure!(
            !args.folder.exists(),
            "backup.exists: {} is there already; name a new folder",
            args.folder.display()
        );
        // A backup that was cut short never has the name of one.
        let partial = args.folder.with_extension("partial");
        std::fs::remove_dir_all(&partial).ok();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&partial)
            .with_context(|| format!("backup.folder: {}", partial.display()))?;
        let manifest = fill(args, &partial).await?;
        write(&partial.join(MANIFEST), serde_json::to_string_pretty(&manifest)?.as_bytes())?;
        std::fs::File::open(&partial)?.sync_all()?;
        std::fs::rename(&partial, &args.folder)?;
        let rows: i64 = manifest.tables.iter().map(|(_, n)| n).sum();
        println!("{} of {}, {rows} rows, as of {}", manifest.holds, args.folder.display(), manifest.at);
        Ok(ExitCode::SUCCESS)
    })
}

async fn fill(args: &Backup, partial: &Path) -> anyhow::Result<Manifest> {
    let (which, holds) = which(args.keys);
    let at = Clock::system(0).wall();
    let config = if args.keys { args.data.key_store() } else { args.data.database() };
    let Dump { engine, schema, tables } = dump(&config, which, &partial.join(DATABASE)).await?;
    let mut files = vec![describe(partial, DATABASE)?];
    let keys = if args.keys {
        let master = args.data.key_dir().join(MASTER);
        write(&partial.join(MASTER), &std::fs::read(&master).with_context(|| master.display().to_string())?)?;
        files.push(describe(partial, MASTER)?);
        Some(Keys::load(&args.data.key_dir())?.mark())
    } else {
        seal::mark_of(&config).await?
    };
    Ok(Manifest {
        holds: holds.to_owned(),
        kangma: env!("CARGO_PKG_VERSION").to_owned(),
        engine: engine.to_owned(),
        schema,
        at,
        tables,
        keys,
        files,
    })
}

/// Puts a copy back where nothing is.
pub fn bring_back(args: &Backup) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let manifest = check(args)?;
        let (which, _) = which(args.keys);
        let config = if args.keys { args.data.key_store() } else { args.data.database() };
        ensure!(
            manifest.engine == engine(&config),
            "backup.engine: this is a backup of {}, and would go into {}; set or unset DATABASE_URL",
            manifest.engine,
            engine(&config)
        );
        let master = args.data.key_dir().join(MASTER);
        if let (true, Some(of)) = (master.exists(), manifest.keys) {
            ensure!(
                Keys::load(&args.data.key_dir())?.mark() == of,
                "backup.other_keys: {} belongs to another installation than this backup",
                master.display()
            );
        }
        if args.keys && !master.exists() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(args.data.key_dir())?;
            write(&master, &std::fs::read(args.folder.join(MASTER))?)?;
        }
        let held = restore(&config, which, &args.folder.join(DATABASE)).await?;
        ensure!(
            held.tables == manifest.tables,
            "backup.rows: the database does not hold what the backup says; it is damaged, or was made by another program"
        );
        println!("{} as of {} is in {config}; start the service", manifest.holds, manifest.at);
        Ok(ExitCode::SUCCESS)
    })
}

/// Reads a backup and holds every byte of it to its manifest.
fn check(args: &Backup) -> anyhow::Result<Manifest> {
    let (_, holds) = which(args.keys);
    let path = args.folder.join(MANIFEST);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("backup.none: {} holds no whole backup", args.folder.display()))?;
    let manifest: Manifest = serde_json::from_str(&text)
        .with_context(|| format!("backup.damaged: {} is not a manifest", path.display()))?;
    if manifest.holds != holds {
        bail!(
            "backup.kind: this is a backup of the {}; restore it {} --keys",
            manifest.holds,
            if args.keys { "without" } else { "with" }
        );
    }
    for file in &manifest.files {
        let found = describe(&args.folder, &file.name)?;
        ensure!(
            (found.bytes, &found.sha256) == (file.bytes, &file.sha256),
            "backup.damaged: {} is not as it was written; take another backup",
            args.folder.join(&file.name).display()
        );
    }
    let known = Db::schema_of(if args.keys { Which::Keys } else { Which::Data });
    ensure!(
        manifest.schema <= known,
        "backup.newer: it has schema {}, and this version knows {known}; restore with Kangma {} or newer",
        manifest.schema,
        manifest.kangma
    );
    Ok(manifest)
}

fn describe(folder: &Path, name: &str) -> anyhow::Result<File> {
    use std::io::Read as _;
    let path = folder.join(name);
    let mut file =
        std::fs::File::open(&path).with_context(|| format!("backup.damaged: {}", path.display()))?;
    let mut hash = aws_lc_rs::digest::Context::new(&SHA256);
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0_u64);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        bytes += n as u64;
    }
    let sha256 = hash.finish().as_ref().iter().map(|b| format!("{b:02x}")).collect();
    Ok(File { name: name.to_owned(), bytes, sha256 })
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    out.write_all(bytes)?;
    Ok(out.sync_all()?)
}
