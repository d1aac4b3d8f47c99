//! What happens around every request of the API: it gets an id, waits for a place, and is counted;
//! what went wrong becomes an answer in the reader's language, and a line in the log.
//!
//! The log and the counts name the route as the router knows it, never the path that was asked,
//! and nothing that a person sent.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use metrics::{Counter, Histogram, counter, histogram};

use crate::admit::{self, Class};
use crate::app::{Rng, Shared};
use crate::error::{self, Problem};
use crate::headers::{CSP, secured};
use crate::http::BODY_BYTES_MAX;
use crate::lang::{FromHeaders as _, Lang};

/// The header of a request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A request that took longer is worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);
/// Lines a second; what is beyond is in the counts only, so that a bad minute does not fill a disk.
const LINES_PER_S: std::num::NonZeroU32 = std::num::NonZeroU32::new(50).unwrap();

/// Ids, counts and lines of requests.
pub struct Requests {
    seed: u64,
    next: AtomicU64,
    routes: Option<RwLock<HashMap<String, Route>>>,
    lines: DefaultDirectRateLimiter,
}

/// Where one route's requests are counted.
struct Route {
    seconds: Histogram,
    totals: Vec<(Method, StatusCode, Counter)>,
}

impl Requests {
    /// Counts only where somebody reads the counts.
    pub fn new(rng: &Rng, counted: bool) -> Requests {
        let mut seed = [0; 8];
        rng.fill(&mut seed);
        Requests {
            seed: u64::from_be_bytes(seed),
            next: AtomicU64::new(0),
            routes: counted.then(RwLock::default),
            lines: RateLimiter::direct(Quota::per_second(LINES_PER_S)),
        }
    }

    /// The proxy's id where it is one, or a new one: no chance is asked, and it does not tell how
    /// many requests there were (the steps of SplitMix64, each number once).
    fn id(&self, from_proxy: Option<&HeaderValue>) -> HeaderValue {
        if let Some(id) = from_proxy.filter(|id| is_id(id.as_bytes())) {
            return id.clone();
        }
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let mut z = self.seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let mut text = [0; 16];
        for (i, digit) in text.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(z >> (60 - 4 * i)) as usize & 15];
        }
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("none"))
    }

    fn count(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let Some(routes) = &self.routes else { return };
        {
            let routes = routes.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(known) = routes.get(route)
                && let Some((.., total)) = known.totals.iter().find(|t| t.0 == *method && t.1 == status)
            {
                total.increment(1);
                known.seconds.record(took);
                return;
            }
        }
        let mut routes = routes.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = routes.entry(route.to_owned()).or_insert_with(|| Route {
            seconds: histogram!("kangma_http_seconds", "route" => route.to_owned()),
            totals: Vec::new(),
        });
        let total = counter!("kangma_http_requests_total", "route" => route.to_owned(),
            "method" => method_name(method), "status" => status.as_u16().to_string());
        total.increment(1);
        known.seconds.record(took);
        // Methods that nobody defined share one counter and no entry: anybody can invent more.
        if method_name(method) != "other" {
            known.totals.push((method.clone(), status, total));
        }
    }

    fn line(&self, route: &str, method: &Method, status: StatusCode, took: Duration, id: &HeaderValue) {
        if !(status.is_server_error() || took > SLOW) || self.lines.check().is_err() {
            return;
        }
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            route,
            method = method_name(method),
            status = status.as_u16(),
            ms,
            request_id = id.to_str().unwrap_or("none"),
            "a request failed or took long"
        );
    }
}

fn is_id(bytes: &[u8]) -> bool {
    (1..=64).contains(&bytes.len()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Around a group of routes; without a class they do not wait for a place.
#[derive(Clone)]
pub struct Around {
    /// The service.
    pub app: Shared,
    /// What its routes are.
    pub class: Option<Class>,
}

/// See the module.
pub async fn request(
    State(Around { app, class }): State<Around>,
    mut request: Request,
    next: Next,
) -> Response {
    // A group of routes may set another limit further in, and that one counts.
    DefaultBodyLimit::max(BODY_BYTES_MAX).apply(&mut request);
    let began = Instant::now();
    let id = app.requests.id(proxys_id(&app, request.headers()));
    let lang = Lang::of(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let place = match class {
        Some(class) => app.gate.enter(class).await.map(Some).ok_or(class),
        None => Ok(None),
    };
    let (response, refused) = match place {
        Ok(_place) => {
            let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
            (answer.unwrap_or_else(|_| panicked()), false)
        }
        Err(class) => {
            counter!("kangma_shed_total", "class" => class.name()).increment(1);
            (admit::overloaded(1 + app.rng.below(5)).into_response(), true)
        }
    };
    if response.status() == StatusCode::TOO_MANY_REQUESTS
        && let Some(problem) = response.extensions().get::<Problem>()
    {
        counter!("kangma_refused_total", "code" => problem.code).increment(1);
    }
    let mut response = error::render(response, lang, &id);
    let (status, took) = (response.status(), began.elapsed());
    app.requests.count(route, &method, status, took);
    // Refusals come in thousands; `kangma_shed_total` has them.
    if !refused {
        app.requests.line(route, &method, status, took, &id);
    }
    response.headers_mut().insert(REQUEST_ID, id);
    secured(response, CSP)
}

fn panicked() -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}

/// Counts the pages, which are all one route, lie in memory and wait for nothing.
pub async fn page(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let (began, method) = (Instant::now(), request.method().clone());
    let response = next.run(request).await;
    app.requests.count("pages", &method, response.status(), began.elapsed());
    response
}

fn proxys_id<'a>(app: &Shared, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    if app.config.trust_proxy { headers.get(REQUEST_ID) } else { None }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use axum::Router;
    use axum::body::{Body, Bytes};
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use http_body_util::{BodyExt as _, Full};
    use tokio::task::JoinSet;
    use tower::ServiceExt as _;

    use super::*;
    use crate::config::Config;
    use crate::testing::{Dir, open};

    async fn service(name: &str) -> (Shared, Dir) {
        let dir = Dir::new(name);
        let set = |config: &mut Config| {
            config.in_flight = 2;
            // Time stands still here: whoever waited for a server would hear at once that it is away.
            (config.data.database_url, config.data.keys_url) = (None, None);
        };
        (open(&dir, Rng::seeded(3), None, set).await, dir)
    }

    /// A route in each class, which reads its body.
    fn routes(app: &Shared) -> Router {
        Class::ALL.into_iter().fold(Router::new(), |routes, class| {
            let around = Around { app: Arc::clone(app), class: Some(class) };
            let group = Router::new()
                .route(&format!("/{}", class.name()), post(async |_: String| "done"))
                .layer(from_fn_with_state(around, super::request));
            routes.merge(group)
        })
    }

    fn ask(class: Class, read: &Arc<AtomicBool>) -> Request {
        let read = Arc::clone(read);
        let body = Full::new(Bytes::from("a body")).map_frame(move |frame| {
            read.store(true, Ordering::Relaxed);
            frame
        });
        let uri = format!("/{}", class.name());
        Request::post(uri).header("accept-language", "en").body(Body::new(body)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_place_each_class_is_refused_in_its_turn_before_its_body_is_read() {
        let (app, _dir) = service("shed").await;
        let routes = routes(&app);
        let read = Arc::new(AtomicBool::new(false));
        let taken = (app.gate.enter(Class::Code).await.unwrap(), app.gate.enter(Class::Code).await.unwrap());
        let mut asked = JoinSet::new();
        for class in Class::ALL.into_iter().rev() {
            let answer = routes.clone().oneshot(ask(class, &read));
            asked.spawn(async move { (class, answer.await.unwrap()) });
        }
        let mut order = Vec::new();
        while let Some(done) = asked.join_next().await {
            let (class, answer) = done.unwrap();
            order.push(class);
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            let wait: u32 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=5).contains(&wait));
            let id = answer.headers()[REQUEST_ID].to_str().unwrap().to_owned();
            let body = axum::body::to_bytes(answer.into_body(), 4096).await.unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], "service.overloaded");
            assert_eq!(body["instance"], format!("urn:kangma:request:{id}"));
            assert!(
                body["detail"].as_str().unwrap().starts_with("Too many people"),
                "in the reader's language"
            );
        }
        assert_eq!(order, Class::ALL);
        assert!(!read.load(Ordering::Relaxed), "nothing was read");
        drop(taken);
        for class in Class::ALL {
            let answer = routes.clone().oneshot(ask(class, &read)).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{class:?} passes again");
        }
        assert!(read.load(Ordering::Relaxed));
    }

    #[test]
    fn a_proxys_id_is_taken_only_where_it_is_one() {
        let requests = Requests::new(&Rng::seeded(1), false);
        let given = |text: &'static str| requests.id(Some(&HeaderValue::from_static(text)));
        let long = "a".repeat(64).leak();
        for id in ["a", "7f-_.Z9", long] {
            assert_eq!(given(id), id);
        }
        let longer = "a".repeat(65).leak();
        for id in ["", "a b", "{}", "号", longer] {
            assert_eq!(requests.id(HeaderValue::from_str(id).ok().as_ref()).len(), 16, "{id}");
        }
        let made: std::collections::HashSet<_> = (0..10_000).map(|_| requests.id(None)).collect();
        assert_eq!(made.len(), 10_000);
    }
}
