//! `kangma load`: an open-loop load generator, and the requests for another one.
//!
//! Open loop: requests start at a constant rate whatever the answers do, and a latency counts from
//! the instant at which the request should have started; a slow server cannot hide by making the
//! generator wait. It reads the data folder's keys to make tokens, so it runs where the service does.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use kangma_core::time::{Day, Instant, Zone};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::Instant as Tick;

use super::people::Made;
use crate::app::{Clock, load_pack};
use crate::auth;
use crate::seal::Keys;

/// What to send.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Profile {
    /// `GET /livez`: the yardstick.
    Livez,
    /// Everybody reads their own code.
    Code,
    /// Everybody declares.
    Declare,
    /// Ninety-five read, five declare.
    Mixed,
}

/// How much, against what.
#[derive(clap::Args, Debug)]
pub struct Load {
    /// What to send.
    #[arg(long, value_enum)]
    profile: Profile,
    /// Host and port of the service; loopback only.
    #[arg(long, default_value = "127.0.0.1:8080")]
    to: String,
    /// The service's data folder.
    #[arg(long, env = "DATA_DIR", default_value = "data")]
    data_dir: PathBuf,
    /// Residents that were seeded.
    #[arg(long, default_value_t = 100_000)]
    people: u64,
    /// Requests a second.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// For how long.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Instead of sending, print this many requests, a JSON object a line, for another generator.
    #[arg(long)]
    print: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Limits of a run: a generator that forgets to stop is a fault of its own.
const SECONDS_MAX: u64 = 3600;
const CONNECTIONS_MAX: usize = 4096;
/// Requests made before the first is sent; a longer run sends them again in turn.
const PREPARED_MAX: u64 = 50_000;

/// Sends, and prints the histogram.
pub fn run(args: &Load) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        args.seconds <= SECONDS_MAX && (1..=CONNECTIONS_MAX).contains(&args.connections),
        "load.limits: at most {SECONDS_MAX} s and {CONNECTIONS_MAX} connections"
    );
    anyhow::ensure!(
        args.rate > 0.0 && args.people > 0,
        "load.limits: the rate and the number of people are above zero"
    );
    let to: std::net::SocketAddr = args.to.parse().context("--to takes an address such as 127.0.0.1:8080")?;
    anyhow::ensure!(to.ip().is_loopback(), "load.loopback: load goes to this machine only");
    let maker = Maker::new(args)?;
    if let Some(n) = args.print {
        for i in 0..n {
            println!("{}", maker.line(i));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(send(args, to, &maker))
}

/// Makes requests.
struct Maker {
    profile: Profile,
    people: u64,
    keys: Keys,
    now: Instant,
    today: Day,
    commitment: String,
    host: String,
}

impl Maker {
    fn new(args: &Load) -> anyhow::Result<Maker> {
        let now = Clock::system(0).wall();
        Ok(Maker {
            profile: args.profile,
            people: args.people,
            keys: Keys::load(&args.data_dir.join("keys"))?,
            now,
            today: Zone::named("Asia/Shanghai")?.day_of(now),
            commitment: load_pack(None)?.form.commitment.clone(),
            host: args.to.clone(),
        })
    }

    /// The person of request `i`: each in turn, far apart in the tables.
    fn person(&self, i: u64) -> Made {
        Made { i: i.wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.people }
    }

    fn token(&self, made: &Made) -> String {
        let document = made.document(self.today);
        let person = self.keys.person_id(&document.key());
        let account = self.keys.account_id(made.phone().as_str());
        auth::encode(&self.keys, account, Some(person), self.now)
    }

    fn declaration(&self, made: &Made, turn: u64) -> String {
        json!({
            "name": made.name().as_str(),
            "document": { "type": "resident_id", "number": made.document(self.today).number() },
            "answers": made.answers(turn),
            "commitment": self.commitment,
        })
        .to_string()
    }

    fn declares(&self, i: u64) -> bool {
        matches!(self.profile, Profile::Declare) || matches!(self.profile, Profile::Mixed) && i % 20 == 19
    }

    fn line(&self, i: u64) -> String {
        let made = self.person(i);
        let body = self.declares(i).then(|| self.declaration(&made, i));
        json!({ "token": self.token(&made), "body": body }).to_string()
    }

    fn request(&self, i: u64) -> anyhow::Result<Request<Full<Bytes>>> {
        let request = Request::builder().header("host", &self.host);
        if matches!(self.profile, Profile::Livez) {
            return Ok(request.uri("/livez").body(Full::default())?);
        }
        let made = self.person(i);
        let request = request.header("authorization", format!("Bearer {}", self.token(&made)));
        if self.declares(i) {
            let request =
                request.method("POST").uri("/api/v1/declarations").header("content-type", "application/json");
            return Ok(request.body(self.declaration(&made, i).into())?);
        }
        Ok(request.uri("/api/v1/me/code").body(Full::default())?)
    }
}

struct Tally {
    latency_us: Histogram<u64>,
    answered: u64,
    refused: u64,
    failed: u64,
    bytes_max: usize,
}

impl Tally {
    fn new() -> anyhow::Result<Tally> {
        Ok(Tally {
            latency_us: Histogram::new_with_bounds(1, 120_000_000, 3)?,
            answered: 0,
            refused: 0,
            failed: 0,
            bytes_max: 0,
        })
    }
}

async fn send(args: &Load, to: std::net::SocketAddr, maker: &Maker) -> anyhow::Result<ExitCode> {
    let all = (args.rate * args.seconds as f64) as u64;
    // Made beforehand, so that the generator costs little while it sends.
    let prepared = all.clamp(1, PREPARED_MAX);
    let requests: Arc<Vec<Request<Full<Bytes>>>> =
        Arc::new((0..prepared).map(|i| maker.request(i)).collect::<anyhow::Result<_>>()?);
    let next = Arc::new(AtomicU64::new(0));
    let began = Tick::now() + Duration::from_millis(100);
    let gap = 1.0 / args.rate;
    let mut tasks = Vec::new();
    for _ in 0..args.connections {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        let mut sender = connect(to).await?;
        tasks.push(tokio::spawn(async move {
            let mut tally = Tally::new()?;
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= all {
                    return anyhow::Ok(tally);
                }
                let due = began + Duration::from_secs_f64(gap * i as f64);
                let request = requests[(i % prepared) as usize].clone();
                tokio::time::sleep_until(due).await;
                match one(&mut sender, request).await {
                    Ok((ok, bytes)) => {
                        if ok {
                            tally.answered += 1
                        } else {
                            tally.refused += 1
                        }
                        tally.bytes_max = tally.bytes_max.max(bytes);
                        tally.latency_us.saturating_record(due.elapsed().as_micros() as u64);
                    }
                    Err(_) => {
                        tally.failed += 1;
                        sender = connect(to).await?;
                    }
                }
            }
        }));
    }
    let mut sum = Tally::new()?;
    for task in tasks {
        let tally = task.await??;
        sum.latency_us.add(&tally.latency_us)?;
        sum.answered += tally.answered;
        sum.refused += tally.refused;
        sum.failed += tally.failed;
        sum.bytes_max = sum.bytes_max.max(tally.bytes_max);
    }
    print(args, &sum, began.elapsed().as_secs_f64());
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn connect(to: std::net::SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(to).await.context("the service does not answer")?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn one(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(bool, usize)> {
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let ok = response.status().is_success();
    Ok((ok, response.into_body().collect().await?.to_bytes().len()))
}

fn print(args: &Load, sum: &Tally, s: f64) {
    let ms = |q: f64| sum.latency_us.value_at_quantile(q) as f64 / 1000.0;
    let per_s = sum.answered as f64 / s;
    if args.json {
        println!(
            "{}",
            json!({
                "profile": format!("{:?}", args.profile).to_lowercase(), "rate": args.rate, "seconds": s,
                "answered": sum.answered, "refused": sum.refused, "failed": sum.failed, "per_s": per_s,
                "body_bytes_max": sum.bytes_max,
                "latency_ms": { "p50": ms(0.5), "p90": ms(0.9), "p99": ms(0.99), "p999": ms(0.999), "max": ms(1.0) },
            })
        );
        return;
    }
    println!(
        "{:.0}/s answered of {:.0}/s sent; {} refused, {} failed",
        per_s, args.rate, sum.refused, sum.failed
    );
    println!(
        "p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
        ms(0.5),
        ms(0.9),
        ms(0.99),
        ms(0.999),
        ms(1.0)
    );
    println!("largest answer {} bytes", sum.bytes_max);
}
