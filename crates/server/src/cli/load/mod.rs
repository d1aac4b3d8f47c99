//! `kangma load`: an open-loop load generator, and the requests for another one.
//!
//! Open loop: requests start at a constant rate whatever the answers do, and a latency counts from
//! the instant at which the request should have started; a slow server cannot hide by making the
//! generator wait. It reads the data folder's keys to make tokens, so it runs where the service
//! does, on one core. A refusal (429, 503 and the like) is an answer, counted by its status; what
//! did not come back within ten seconds has failed.

mod mix;
mod plan;
mod report;
mod request;
mod send;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum as _;

use mix::{Kind, Mix};
use plan::Plan;
use request::Maker;
use wire::Wire;

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// `GET /livez`: the yardstick.
    Livez,
    /// Everybody reads their own code, each in turn.
    Code,
    /// Everybody declares, each in turn.
    Declare,
    /// Of 100 requests 95 read a code and 5 declare.
    Mixed,
    /// The way to work: of 1,000 requests 905 read a code, 85 scan one and 10 check in. Every other
    /// read is the second one of somebody who read in the last two minutes. Scans come from many
    /// gates, told apart by X-Forwarded-For: start the service with KANGMA_TRUST_PROXY=true.
    Commute,
    /// The first day: of 100 visits (page, its files, site) 13 end in an application (form, first
    /// declaration, code), as 10 million visits and 1.3 million applications did. The declarations
    /// are those of `--newcomers`.
    LaunchDay,
}

/// How much, against what.
#[derive(clap::Args, Debug)]
pub struct Load {
    /// What to send.
    #[arg(long, value_enum)]
    profile: Profile,
    /// Address and port of the service, or of several nodes separated by commas; loopback only. A
    /// person always meets the same node, as behind a balancer with affinity; a node that does not
    /// take connections is passed over.
    #[arg(long, default_value = "127.0.0.1:8080", value_delimiter = ',')]
    to: Vec<SocketAddr>,
    /// The service's data folder.
    #[arg(long, env = "DATA_DIR", default_value = "data")]
    data_dir: PathBuf,
    /// Residents that were seeded.
    #[arg(long, default_value_t = 100_000)]
    people: u64,
    /// Newcomers that were seeded; a tenth of the people without it.
    #[arg(long)]
    newcomers: Option<u64>,
    /// The seed that they were made from.
    #[arg(long, default_value_t = crate::cli::people::SEED)]
    seed: u64,
    /// Requests a second.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// For how many seconds.
    #[arg(long, default_value_t = 10, conflicts_with = "minutes")]
    seconds: u64,
    /// For how many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// Connections, over all nodes.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Drop an arrival that finds all connections busy, and count it: somebody who waits for an
    /// answer does not ask again. Without it the arrival waits, and the wait counts.
    #[arg(long)]
    drop: bool,
    /// Instead of sending, print this many requests, a JSON object a line, for another generator.
    #[arg(long)]
    print: Option<u64>,
    /// Print JSON, the histogram with it.
    #[arg(long)]
    json: bool,
}

/// Limits of a run: a generator that forgets to stop is a fault of its own.
const SECONDS_MAX: u64 = 3600;
const CONNECTIONS_MAX: usize = 8192;
const RATE_MAX: f64 = 1_000_000.0;
/// Passes that are read before the start, for scans.
const PASSES: u64 = 2_000;

impl Load {
    fn lasts(&self) -> Duration {
        Duration::from_secs(self.minutes.map_or(self.seconds, |m| m.saturating_mul(60)))
    }

    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.lasts().as_secs() <= SECONDS_MAX && (1..=CONNECTIONS_MAX).contains(&self.connections),
            "load.limits: at most {SECONDS_MAX} s and {CONNECTIONS_MAX} connections"
        );
        anyhow::ensure!(
            self.rate > 0.0 && self.rate <= RATE_MAX && self.people > 0,
            "load.limits: the rate is above zero and at most {RATE_MAX}, and there is somebody"
        );
        anyhow::ensure!(
            !self.to.is_empty() && self.to.len() <= self.connections,
            "load.limits: there is a node, and a connection for each"
        );
        anyhow::ensure!(
            self.to.iter().all(|to| to.ip().is_loopback()),
            "load.loopback: load goes to this machine only"
        );
        let prints = matches!(self.profile, Profile::Code | Profile::Declare | Profile::Mixed);
        anyhow::ensure!(
            self.print.is_none() || prints,
            "load.print: only the profiles code, declare and mixed can be printed"
        );
        Ok(())
    }

    fn mix(&self, assets: usize) -> Mix {
        let newcomers = self.newcomers.unwrap_or(self.people / 10);
        Mix::new(self.profile, self.people, newcomers, assets as u64, self.rate)
    }
}

/// Sends, and prints what came of it. Ends with failure where a request was not answered.
pub fn run(args: &Load) -> anyhow::Result<ExitCode> {
    args.check()?;
    let mut maker = Maker::new(args)?;
    if let Some(n) = args.print {
        let mix = args.mix(0);
        for i in 0..n {
            println!("{}", maker.line(&mix.ask(i)));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        look(args, &mut maker).await?;
        let mix = args.mix(maker.assets.len());
        let plan = Plan::new(mix.clone(), args.rate, args.lasts(), args.to.len(), args.drop);
        maker.prepare(&mix, plan.all());
        let (report, mut run) = send::send(&args.to, args.connections, maker, plan).await?;
        run.profile = args.profile.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned());
        run.rate = args.rate;
        if args.json {
            println!("{}", report.json(&run));
        } else {
            report.print(&run);
        }
        Ok(if report.all_came_back() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Before the start: the files that the page names, and passes to scan.
async fn look(args: &Load, maker: &mut Maker) -> anyhow::Result<()> {
    let mut request = Vec::new();
    if args.profile == Profile::LaunchDay {
        let mut wire = Wire::connect(args.to[0]).await?;
        maker.write(&mut request, &mix::Ask { kind: Kind::Page, nth: 0, who: 0 });
        // Brotli cannot be searched: this once the page is asked for as it is.
        let plain = String::from_utf8_lossy(&request).replace("accept-encoding: br\r\n", "");
        let (_, page) = wire.fetch(plain.as_bytes()).await?;
        maker.assets = request::assets_of(&String::from_utf8_lossy(&page));
    }
    if args.profile == Profile::Commute {
        let mut wire = Wire::connect(args.to[0]).await?;
        for who in 0..PASSES.min(args.people) {
            maker.write(&mut request, &mix::Ask { kind: Kind::Code, nth: who, who });
            let (_, body) = wire.fetch(&request).await?;
            let code: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            maker.passes.extend(code["pass"].as_str().map(ToOwned::to_owned));
        }
        anyhow::ensure!(
            !maker.passes.is_empty(),
            "load.seeded: nobody has a code to scan; run kangma seed --people {} on this data folder first",
            args.people
        );
    }
    Ok(())
}
