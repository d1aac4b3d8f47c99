//! What Prometheus reads, on a listener of its own. Without `--metrics` no recorder is installed
//! and every metric in the code costs nothing.
//!
//! Labels carry routes, units, classes and codes of problems; never a path, a division's code or
//! anything of a person. `docs/operate/README.md` says what each metric means.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use kangma_core::tally::suppress_alone;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::admit::Class;
use crate::app::Shared;
use crate::{alarm, queue};

/// Bounds of every histogram, in seconds: from a read of memory to a request that was given up.
const BUCKETS_S: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Reviews are counted up to here: more is a crowd, whatever the number.
const REVIEWS_COUNTED_MAX: i64 = 10_000;
/// How long a look at the database may take while somebody waits for the metrics.
const SAMPLE_WAIT: Duration = Duration::from_secs(1);
/// Observations wait in memory until they are counted into buckets: this often.
const UPKEEP: Duration = Duration::from_secs(1);

/// Installs the recorder. Before anything registers a metric, and once in a process.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS_S)
        .context("bounds of histograms")?
        .install_recorder()
        .context("metrics.recorder: another recorder is installed")?;
    for class in Class::ALL {
        // Present from the start, so that the first refusal is an increase.
        metrics::counter!("kangma_shed_total", "class" => class.name()).absolute(0);
    }
    metrics::gauge!("kangma_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// Binds the listener; refuses to start where it cannot.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let busy = "metrics.bind: choose another address with --metrics or KANGMA_METRICS";
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("{busy}; {address} cannot be used"))?;
    tracing::info!(address = %listener.local_addr()?, "metrics");
    Ok(listener)
}

/// Serves `/metrics` until told to stop.
pub async fn serve(app: Shared, listener: TcpListener, handle: PrometheusHandle, stop: CancellationToken) {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let upkeep = handle.clone();
    let render = async move || {
        sample(&app).await;
        (text, handle.render())
    };
    let routes = Router::new().route("/metrics", get(render));
    let server = axum::serve(listener, routes).with_graceful_shutdown(stop.clone().cancelled_owned());
    let mut tick = tokio::time::interval(UPKEEP);
    let keep = async move {
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    };
    tokio::select! {
        served = server.into_future() => if let Err(e) = served {
            tracing::error!(%e, "the metrics listener ended");
        },
        () = keep => {}
    }
}

/// Gauges that are looked at when somebody asks, so that nothing keeps them up to date meanwhile.
async fn sample(app: &Shared) {
    metrics::gauge!("kangma_http_in_flight").set(app.gate.inside() as f64);
    // Without the database, the last count stands.
    let open = tokio::time::timeout(SAMPLE_WAIT, queue::count_open(&app.db, REVIEWS_COUNTED_MAX));
    if let Ok(Ok(open)) = open.await {
        // As in every other place where few people would be counted.
        let open = suppress_alone(open).count().unwrap_or(0);
        metrics::gauge!("kangma_reviews_open").set(open as f64);
    }
    let alarms = tokio::time::timeout(SAMPLE_WAIT, alarm::count_open(&app.db));
    if let Ok(Ok(alarms)) = alarms.await {
        metrics::gauge!("kangma_alarms_open").set(alarms as f64);
    }
    #[cfg(target_os = "linux")]
    metrics_process::Collector::default().collect();
}
