//! `kangma import`: sends a list to a running service and waits for the result. It is a client of the
//! same interface as the console, with the same rights.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};

/// How often to look how far it has come.
const LOOK: Duration = Duration::from_millis(500);
/// A file may take so long on its way, an answer too.
const ANSWER_WAIT: Duration = Duration::from_secs(660);

/// Which list, and to whom.
#[derive(clap::Args, Debug)]
pub struct Import {
    /// The list: CSV or .xlsx.
    file: PathBuf,
    /// What it lists: confirmed, suspected, asymptomatic, close_contact, contact_of_contact, inbound, test,
    /// vaccination or quarantine.
    #[arg(long)]
    kind: String,
    /// Code of the division for which it is sent; without it the whole country.
    #[arg(long, default_value = "")]
    division: String,
    /// Which sheet of a workbook, where several hold data.
    #[arg(long)]
    sheet: Option<String>,
    /// How many lines the list has by the source's count.
    #[arg(long)]
    lines: Option<i64>,
    /// Only look: say what is wrong with each line, and record nothing.
    #[arg(long)]
    dry_run: bool,
    /// Where to write the lines that are wrong, to mend and to send again.
    #[arg(long)]
    errors: Option<PathBuf>,
    /// Address of the service.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    to: String,
    /// Log-in name of a member of staff.
    #[arg(long, default_value = "")]
    staff: String,
    /// Their password: by the environment only.
    #[arg(env = "KANGMA_STAFF_PASSWORD", hide = true, long, hide_env_values = true)]
    staff_password: Option<String>,
    /// Instead of name and password, the token of a session: by the environment only.
    #[arg(env = "KANGMA_STAFF_TOKEN", hide = true, long, hide_env_values = true)]
    staff_token: Option<String>,
}

struct Service {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Service {
    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Vec<u8>,
    ) -> anyhow::Result<Vec<u8>> {
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let is_json = body.first() == Some(&b'{') && !path.ends_with("/imports");
        let kind = if is_json { "application/json" } else { "application/octet-stream" };
        let mut request = self.client.request(method, url).header("content-type", kind).body(body);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        let answer =
            request.send().await.with_context(|| format!("import.service: {} does not answer", self.base))?;
        let status = answer.status();
        let bytes = answer.bytes().await?.to_vec();
        if !status.is_success() {
            let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let (code, detail) = (&problem["code"], &problem["detail"]);
            bail!(
                "{}: {}",
                code.as_str().unwrap_or(status.as_str()),
                detail.as_str().unwrap_or("the service refused")
            );
        }
        Ok(bytes)
    }

    async fn json(&self, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.ask(method, path, &[], body).await?)?)
    }
}

/// Sends, starts and waits. Ends well only if nothing is wrong with any line.
pub fn run(args: &Import) -> anyhow::Result<ExitCode> {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(send(args))
}

async fn send(args: &Import) -> anyhow::Result<ExitCode> {
    let bytes = std::fs::read(&args.file).with_context(|| format!("import.file: {}", args.file.display()))?;
    let client = reqwest::Client::builder()
        .timeout(ANSWER_WAIT)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let base = args.to.trim_end_matches('/').to_owned();
    let mut service = Service { client, base, token: args.staff_token.clone().unwrap_or_default() };
    if service.token.is_empty() {
        let password = args.staff_password.as_deref().unwrap_or_default();
        ensure!(
            !args.staff.is_empty() && !password.is_empty(),
            "import.who: give --staff NAME and KANGMA_STAFF_PASSWORD, or KANGMA_STAFF_TOKEN"
        );
        let who = json!({ "name": args.staff, "password": password }).to_string();
        let session = service.json(Method::POST, "/api/v1/staff/login", who.into_bytes()).await?;
        session["token"].as_str().context("import.login: no token")?.clone_into(&mut service.token);
    }
    let name = args.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut query = vec![("kind", args.kind.as_str()), ("division", &args.division), ("name", &name)];
    if let Some(sheet) = &args.sheet {
        query.push(("sheet", sheet));
    }
    let sent: Value =
        serde_json::from_slice(&service.ask(Method::POST, "/api/v1/imports", &query, bytes).await?)?;
    let id = sent["id"].as_str().context("import.answer: no id")?;
    let path = format!("/api/v1/imports/{id}");
    println!(
        "{id}: {} lines, {}{}",
        sent["lines"],
        text(&sent, "format"),
        if sent["replayed"] == true { ", sent before" } else { "" }
    );
    if sent["state"] != "done" {
        let how = json!({ "dry_run": args.dry_run, "lines": args.lines }).to_string();
        service.json(Method::POST, &format!("{path}/start"), how.into_bytes()).await?;
    }
    let end = loop {
        let seen = service.json(Method::GET, &path, Vec::new()).await?;
        match text(&seen, "state") {
            "checking" | "running" => tokio::time::sleep(LOOK).await,
            _ => break seen,
        }
    };
    let counts = &end["counts"];
    println!(
        "{}: {} fine, {} applied, {} known, {} wrong",
        text(&end, "state"),
        counts["fine"],
        counts["applied"],
        counts["known"],
        counts["wrong"]
    );
    if let Some(file) = &args.errors {
        let errors = service.ask(Method::GET, &format!("{path}/errors.csv"), &[], Vec::new()).await?;
        std::fs::write(file, errors).with_context(|| format!("import.errors: {}", file.display()))?;
    }
    let clean = counts["wrong"] == 0 && ["done", "checked"].contains(&text(&end, "state"));
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
