//! `kangma serve` and `kangma migrate`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::app::{App, Clock, Rng, Shared};
use crate::config::Config;
use crate::db::Db;
use crate::listen::Bounds;
use crate::router::router;
use crate::service::operator;
use crate::{demo, jobs, listen, log, metrics};

/// Every second task that a worker runs comes from the queue that all workers share. Beyond 256 ready
/// connections a worker's own queue is full and the others wait in the shared one, from which tokio
/// itself takes one in some dozens: a storm then turns among a few hundred connections while the
/// rest wait, and the gate refuses them. With 2,048 connections on one core the 99th percentile of
/// code reads was 321 ms, and with this 171 ms.
const GLOBAL_QUEUE_INTERVAL: u32 = 2;

/// Runs the service until Ctrl-C or SIGTERM.
pub fn run(config: Config) -> anyhow::Result<ExitCode> {
    log_to_stderr();
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .global_queue_interval(GLOBAL_QUEUE_INTERVAL)
        .build()?;
    runtime.block_on(serve(config))?;
    Ok(ExitCode::SUCCESS)
}

fn log_to_stderr() {
    let filter =
        EnvFilter::try_from_env("KANGMA_LOG").unwrap_or_else(|_| EnvFilter::new("info,memory_serve=warn"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let address = SocketAddr::from((config.bind, config.port));
    // The port first: a second start on one port says so before it touches any data.
    let listener = TcpListener::bind(address).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "serve.port_in_use: port {} is taken by another program. Stop it, or choose another: PORT=8081 make run",
            config.port
        ),
        _ => anyhow::Error::new(e).context(format!("cannot listen on {address}")),
    })?;
    let address = listener.local_addr()?;
    let watched = match config.metrics {
        Some(address) => Some((metrics::bind(address).await?, metrics::install()?)),
        None => None,
    };
    let app = App::open(config, Rng::system()).await?;
    log::publication::record(&app).await.context("recording which rules are in force")?;
    if app.config.demo {
        // The residents of the stories matter, the crowd around them only for the numbers.
        if let Err(e) = super::seed::neighbours(&app).await {
            tracing::warn!(%e, "the demo has no neighbours: most numbers will be withheld");
        }
        demo::plant(&app).await.context("planting the demo's residents")?;
    }
    let stop = CancellationToken::new();
    let jobs = jobs::start(&app, &stop);
    if let Some((listener, handle)) = watched {
        tokio::spawn(metrics::serve(Arc::clone(&app), listener, handle, stop.clone()));
    }
    let lateness = tokio::spawn({
        let app = Arc::clone(&app);
        async move {
            if let Err(e) = app.gate.look().await {
                tracing::error!(%e, "nobody looks how late requests come: overload is met by places only");
            }
        }
    });
    let operators = tokio::spawn({
        let app = Arc::clone(&app);
        async move {
            loop {
                tokio::time::sleep(operator::ASKED).await;
                operator::ask_again(&app).await;
            }
        }
    });
    // Before it says that it is ready: whoever reads that may stop it at once.
    let mut signals = Signals::listen()?;
    let server = tokio::spawn({
        let (routes, stop) = (router(Arc::clone(&app)), stop.clone());
        let bounds = Bounds::new(app.config.connections);
        async move { listen::serve(listener, routes, bounds, &stop).await }
    });
    announce(&app, address);
    signals.next().await;
    app.gate.leave();
    let wait = Duration::from_secs(app.config.drain_wait.into());
    tracing::info!(drain_wait_s = wait.as_secs(), "stopping");
    // Asked twice, it does not wait for the balancer to notice.
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = signals.next() => {}
    }
    stop.cancel();
    server.await.ok();
    lateness.abort();
    operators.abort();
    app.simulations.leave().await;
    jobs.wait().await;
    if let Err(e) = app.leases.leave(&app).await {
        tracing::warn!(%e, "leases were not given back; other nodes take them over in some seconds");
    }
    app.db.clone().close().await;
    app.key_store.clone().close().await;
    Ok(())
}

/// Ctrl-C, and what a service manager sends.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Signals> {
        let of = |kind| signal(kind).context("listening for signals");
        Ok(Signals { interrupt: of(SignalKind::interrupt())?, terminate: of(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Prints where everything is, for the person who started it.
fn announce(app: &Shared, at: SocketAddr) {
    let host = if at.ip().is_loopback() { "localhost".to_owned() } else { at.ip().to_string() };
    let base = format!("http://{host}:{}", at.port());
    let mut lines = vec![format!("Kangma 康码 is ready."), String::new()];
    if app.config.demo {
        let (name, password) = (demo::STAFF[0].0, demo::PASSWORD);
        lines.push(format!("  resident    {base}/             phones 13900000001 … 13900000005"));
        lines.push(format!("  its codes   {base}/demo/outbox"));
        lines.push(format!("  checkpoint  {base}/checkpoint   no login"));
        lines.push(format!("  staff       {base}/staff        {name} / {password} (everybody: /demo)"));
        lines
            .push(format!("  demo        {base}/demo         five stories, specimen codes, advance one day"));
    } else {
        lines.push(format!("  resident    {base}/"));
        lines.push(format!("  checkpoint  {base}/checkpoint"));
        lines.push(format!(
            "  staff       {base}/staff        add the first: kangma staff NAME --role administrator"
        ));
    }
    lines.push(format!("  API         {base}/api/docs"));
    lines.push(String::new());
    lines.push(format!("Data in {}. Ctrl-C stops.", app.config.data.database()));
    println!("{}", lines.join("\n"));
}

/// Brings the database to this version's schema.
pub fn migrate(args: &super::Migrate) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (database, key_store) = (args.data.database(), args.data.key_store());
        let now = Clock::system(0).wall();
        let db = Db::open(&database, now).await?;
        println!("schema {} in {database}", db.schema_version());
        db.close().await;
        if args.citus {
            Db::open_keys(&key_store, now).await?.close().await;
            for config in [&database, &key_store] {
                let tables = Db::spread(config).await?;
                println!("{config}: {} tables spread {}", tables.len(), tables.join(", "));
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
