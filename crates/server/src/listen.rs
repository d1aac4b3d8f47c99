//! The public listener: HTTP/1.1 with a bound on connections and on how long a client may take to
//! send a request's head, which `axum::serve` has not.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::rt::{Sleep, Timer};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

/// The largest head of a request, in bytes; bodies pass through a buffer of the same size.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Open files that are no connections of clients: databases, logs, gateways.
const FILES_BESIDE: usize = 200;

/// How many files this process may open, where the system says it.
fn open_files_max() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Open at once; more wait in the system's queue.
    pub connections: usize,
    /// How long a client may take to send a request's head, and a connection may stand idle.
    pub head: Duration,
    /// How long requests under way may take once the service is told to stop.
    pub drain: Duration,
}

impl Bounds {
    /// The service's, with as many connections as the settings say.
    pub fn new(connections: usize) -> Bounds {
        Bounds { connections, head: Duration::from_secs(30), drain: Duration::from_secs(10) }
    }
}

/// A pause after the system refused a connection: it is out of files, and soon has some again.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until told to stop, then closes the listener, ends idle connections and waits for the
/// requests under way.
pub async fn serve(listener: TcpListener, routes: Router, bounds: Bounds, stop: &CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(Glance).header_read_timeout(bounds.head).max_buf_size(HEAD_BYTES_MAX);
    let files = open_files_max().unwrap_or(usize::MAX).saturating_sub(FILES_BESIDE);
    if files < bounds.connections {
        let advice = "raise the limit of open files: ulimit -n, or LimitNOFILE";
        tracing::info!(
            connections = files,
            wanted = bounds.connections,
            advice,
            "fewer connections than set"
        );
    }
    let places = Arc::new(Semaphore::new(bounds.connections.min(files).clamp(1, Semaphore::MAX_PERMITS)));
    let under_way = GracefulShutdown::new();
    loop {
        // Beyond the bound, clients wait in the system's own queue.
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, accept(&listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            accepted = accepted => accepted,
            () = stop.cancelled() => break,
        };
        let routes = routes.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            routes.clone().call(request)
        });
        let connection = under_way.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let mut look = tokio::time::interval(bounds.head / 4);
            let ended = loop {
                tokio::select! {
                    biased;
                    ended = &mut connection => break ended,
                    _ = look.tick() => {}
                }
            };
            // A client that goes away or is too slow ends its own connection, and nothing else.
            if let Err(e) = ended {
                tracing::debug!(%e, "a connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(bounds.drain, under_way.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                stream.set_nodelay(true).ok();
                return (stream, peer);
            }
            Err(e) => {
                let advice = "if files ran out, raise the limit of open files or lower --connections";
                tracing::warn!(%e, advice, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// hyper's timer for the head of each request, without a timer: it wakes nobody and is looked at
/// when its connection is, at the latest with [`serve`]'s next look. One real timer a request
/// takes 6 % of what `/livez` takes.
#[derive(Clone, Debug)]
struct Glance;

impl Timer for Glance {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Until(deadline))
    }
}

struct Until(Instant);

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Sleep for Until {}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";

    async fn start(bounds: Bounds) -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let routes = Router::new().route("/", get(async || "well"));
        let told = stop.clone();
        tokio::spawn(async move { serve(listener, routes, bounds, &told).await });
        (address, stop)
    }

    /// What comes back, up to the word that ends the answer.
    async fn answer(stream: &mut TcpStream) -> String {
        let (mut text, mut part) = (String::new(), [0; 512]);
        while !text.ends_with("well") {
            match stream.read(&mut part).await {
                Ok(n) if n > 0 => text.push_str(&String::from_utf8_lossy(&part[..n])),
                _ => break,
            }
        }
        text
    }

    #[tokio::test]
    async fn a_head_that_never_ends_and_an_idle_connection_are_closed() {
        let after = async |head| start(Bounds { head, ..Bounds::new(8) }).await;
        let (address, _stop) = after(Duration::from_millis(200)).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        // Time enough for its first head, on any machine.
        let (address, _stop) = after(Duration::from_secs(2)).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(ASK).await.unwrap();
        assert!(answer(&mut idle).await.ends_with("well"));
        for stream in [&mut slow, &mut idle] {
            let closed = tokio::time::timeout(Duration::from_secs(5), answer(stream)).await;
            assert!(!closed.expect("it is closed").ends_with("well"));
        }
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let (address, _stop) = start(Bounds::new(8)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: here\r\nx-long: ").await.unwrap();
        stream.write_all(&[b'a'; HEAD_BYTES_MAX]).await.ok();
        let said = tokio::time::timeout(Duration::from_secs(5), answer(&mut stream)).await;
        assert!(said.expect("it is answered").starts_with("HTTP/1.1 431 "));
    }

    #[tokio::test]
    async fn a_connection_beyond_the_bound_waits_until_another_ends() {
        let (address, _stop) = start(Bounds::new(1)).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(ASK).await.unwrap();
        assert!(answer(&mut first).await.ends_with("well"));
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(ASK).await.unwrap();
        let wait = Duration::from_millis(200);
        assert!(tokio::time::timeout(wait, answer(&mut second)).await.is_err(), "there is one place");
        drop(first);
        let answered = tokio::time::timeout(Duration::from_secs(5), answer(&mut second)).await;
        assert!(answered.expect("the place is free").ends_with("well"));
    }
}
