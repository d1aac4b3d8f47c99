//! `kangma pack sign | shadow | publish | rollback | status`: a client of the same interface as the console,
//! with the same rights.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};

/// An answer may take so long.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// Which service, and as whom.
#[derive(clap::Args, Debug)]
pub struct To {
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

/// Which publication.
#[derive(clap::Args, Debug)]
pub struct Which {
    /// Its identifier, as `kangma pack status` lists it.
    id: String,
    /// The service.
    #[command(flatten)]
    to: To,
}

/// Lists publications, and how far each is.
pub fn status(to: &To) -> anyhow::Result<ExitCode> {
    run(to, async |service| {
        let all = service.ask(Method::GET, "/api/v1/publications", None).await?;
        for p in all["items"].as_array().into_iter().flatten() {
            let text = |name: &str| p[name].as_str().unwrap_or("-").to_owned();
            println!(
                "{}  {}  {} {}  {}  from {}  {}",
                text("id"),
                text("state"),
                text("pack"),
                text("pack_version"),
                text("digest"),
                text("starts_at"),
                text("ended_why")
            );
        }
        Ok(())
    })
}

/// Takes a step with a publication.
pub fn step(which: &Which, what: &'static str, body: Value) -> anyhow::Result<ExitCode> {
    ensure!(which.id.bytes().all(|b| b.is_ascii_hexdigit()), "pack.id: {} is no publication", which.id);
    run(&which.to, async |service| {
        service.ask(Method::POST, &format!("/api/v1/publications/{}/{what}", which.id), Some(body)).await?;
        println!("{}: {what} done", which.id);
        Ok(())
    })
}

/// The body of a signature.
pub fn signature(digest: &str) -> Value {
    json!({ "digest": digest })
}

/// The body of a way back.
pub fn because(reason: &str) -> Value {
    json!({ "reason": reason })
}

/// A service that answers.
pub struct Service {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Service {
    /// Asks it.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.answer(request).await
    }

    /// Sends it a file.
    pub async fn send(&self, path: &str, query: &[(&str, &str)], file: Vec<u8>) -> anyhow::Result<Value> {
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base))?;
        url.query_pairs_mut().extend_pairs(query);
        self.answer(self.client.post(url).header("content-type", "text/csv").body(file)).await
    }

    async fn answer(&self, mut request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        let answer =
            request.send().await.with_context(|| format!("pack.service: {} does not answer", self.base))?;
        let status = answer.status();
        let told: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        if !status.is_success() {
            let text = |of: &Value, name: &str| of[name].as_str().unwrap_or("the service refused").to_owned();
            let fields = told["fields"].as_array().into_iter().flatten();
            let fields: Vec<String> =
                fields.map(|f| format!("\n  {}: {}", text(f, "field"), text(f, "detail"))).collect();
            bail!("{}: {}{}", text(&told, "code"), text(&told, "detail"), fields.concat());
        }
        Ok(told)
    }
}

/// Does something as somebody of the staff.
pub fn run(to: &To, act: impl AsyncFnOnce(&Service) -> anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .timeout(ANSWER_WAIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let base = to.to.trim_end_matches('/').to_owned();
        let mut service = Service { client, base, token: to.staff_token.clone().unwrap_or_default() };
        if service.token.is_empty() {
            let password = to.staff_password.as_deref().unwrap_or_default();
            ensure!(
                !to.staff.is_empty() && !password.is_empty(),
                "pack.who: give --staff NAME and KANGMA_STAFF_PASSWORD, or KANGMA_STAFF_TOKEN"
            );
            let who = json!({ "name": to.staff, "password": password });
            let session = service.ask(Method::POST, "/api/v1/staff/login", Some(who)).await?;
            session["token"].as_str().context("pack.login: no token")?.clone_into(&mut service.token);
        }
        act(&service).await?;
        Ok(ExitCode::SUCCESS)
    })
}
