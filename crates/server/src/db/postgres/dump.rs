//! Copies of a PostgreSQL schema, by PostgreSQL's own pg_dump and pg_restore.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio_postgres::{Client, Error};

use super::super::OpenError;
use super::super::dump::Dump;
use super::super::migrate::Migration;
use super::link::Target;
use super::migrate;

/// Where the programs are: on PATH without it.
const PROGRAMS: &str = "KANGMA_PG_BIN";

struct Open {
    target: Target,
    client: Client,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Open {
    async fn new(url: &str, schema: Option<&'static str>) -> Result<Open, OpenError> {
        let target = Target::parse(url, schema)?;
        let (client, task) = target.connect().await.map_err(|e| target.open_error(&e))?;
        Ok(Open { target, client, task })
    }

    fn fail(&self) -> impl Fn(Error) -> OpenError {
        let target = self.target.clone();
        move |e| target.open_error(&e)
    }

    fn other(&self, cause: impl Into<String>) -> OpenError {
        OpenError::Io { database: self.target.name.clone(), cause: cause.into() }
    }

    async fn schema(&self) -> Result<String, OpenError> {
        let row = self.client.query_one("SELECT current_schema()::text", &[]).await.map_err(self.fail())?;
        row.get::<_, Option<String>>(0).ok_or_else(|| self.other("the schema does not exist"))
    }

    /// Counts rows, within whatever transaction is open.
    async fn look(&self) -> Result<Dump, OpenError> {
        let tables = "SELECT table_name::text FROM information_schema.tables \
                      WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1";
        let mut counts = Vec::new();
        for row in self.client.query(tables, &[]).await.map_err(self.fail())? {
            let name: String = row.get(0);
            let count = format!("SELECT COUNT(*) FROM {name}");
            counts.push((name, self.client.query_one(&count, &[]).await.map_err(self.fail())?.get(0)));
        }
        let schema = "SELECT MAX(number) FROM schema_migration";
        let schema = self.client.query_one(schema, &[]).await.map_err(self.fail())?.get(0);
        Ok(Dump { engine: "postgres", schema, tables: counts })
    }

    /// Runs one of PostgreSQL's programs on this server; the password goes by the environment.
    async fn run(&self, program: &str, args: &[&str], input: Option<&str>) -> Result<String, OpenError> {
        let path = std::env::var_os(PROGRAMS)
            .map_or_else(|| PathBuf::from(program), |d| Path::new(&d).join(program));
        let mut command = Command::new(&path);
        command.args(args).envs(self.target.environment()).stdin(Stdio::null()).kill_on_drop(true);
        if let Some(file) = input {
            command.arg(file);
        }
        let out = command.output().await.map_err(|e| {
            self.other(format!(
                "{program} could not be started ({e}); install PostgreSQL's client programs or set {PROGRAMS}"
            ))
        })?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            let first: Vec<&str> = said.lines().take(3).collect();
            return Err(self.other(format!("{program}: {}", first.join("; "))));
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }
}

/// Copies the schema as it is at one instant: pg_dump reads under the snapshot that the rows are
/// counted under.
pub async fn dump(
    url: &str,
    schema: Option<&'static str>,
    known: &[Migration],
    to: &Path,
) -> Result<Dump, OpenError> {
    let open = Open::new(url, schema).await?;
    if !migrate::look(&open.client, &open.target, known).await? {
        return Err(open.other("there is no database of Kangma's to copy"));
    }
    let begin = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
                 BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    open.client.batch_execute(begin).await.map_err(open.fail())?;
    let snapshot = open.client.query_one("SELECT pg_export_snapshot()", &[]).await.map_err(open.fail())?;
    let snapshot: String = snapshot.get(0);
    let (name, file) = (open.schema().await?, to.to_string_lossy().into_owned());
    let args = [
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--schema",
        &name,
        "--snapshot",
        &snapshot,
        "--file",
        &file,
    ];
    open.run("pg_dump", &args, None).await?;
    let held = open.look().await?;
    std::fs::File::open(to).and_then(|f| f.sync_all()).map_err(|e| open.other(e.to_string()))?;
    Ok(held)
}

/// Fills a schema that holds nothing yet.
pub async fn restore(
    url: &str,
    schema: Option<&'static str>,
    known: &[Migration],
    from: &Path,
) -> Result<Dump, OpenError> {
    let open = Open::new(url, schema).await?;
    migrate::make_schema(&open.client).await.map_err(open.fail())?;
    let present = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema()";
    if open.client.query_one(present, &[]).await.map_err(open.fail())?.get::<_, i64>(0) > 0 {
        return Err(OpenError::NotEmpty(open.target.name.clone()));
    }
    let file = from.to_string_lossy().into_owned();
    // The schema itself is there already; everything else in one transaction.
    let list = open.run("pg_restore", &["--list"], Some(&file)).await?;
    // A dump names its schema with every table, and would bring back that one.
    let name = open.schema().await?;
    if !list.contains(&format!(" TABLE {name} schema_migration ")) {
        return Err(open.other(format!(
            "this backup is of another schema than {name}; give DATABASE_URL the search_path that it was taken from"
        )));
    }
    let kept: String = list.lines().filter(|l| !l.contains(" SCHEMA - ")).map(|l| format!("{l}\n")).collect();
    let list = std::env::temp_dir().join(format!("kangma-restore-{}", std::process::id()));
    std::fs::write(&list, kept).map_err(|e| open.other(e.to_string()))?;
    let list_arg = format!("--use-list={}", list.display());
    let database = open.target.database().to_owned();
    let args = [
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        &list_arg,
        "--dbname",
        &database,
    ];
    let done = open.run("pg_restore", &args, Some(&file)).await;
    std::fs::remove_file(&list).ok();
    done?;
    migrate::look(&open.client, &open.target, known).await?;
    open.look().await
}
