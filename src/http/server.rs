//! The accept loop: what a client may cost, and how the daemon ends.
//!
//! warp's own server has no header timeout and no connection limit, so its routes run as a service
//! under this loop: HTTP/1.1 only, a timeout on the head of every request (which also bounds idle
//! connections), a limit on connections, and a drain that answers what was begun.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tracing::Instrument;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, Method, Request};
use warp::reply::Response;

use super::access_log::{AccessLog, Line};
use super::problem::{Failure, Problem};
use super::problem_kind::ProblemKind;
use super::reply::Route;
use super::trace::RequestTrace;
use super::{Api, routes};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::shop::Shop;

/// Headers that are answered with a problem; a few more are parsed so that there is someone to answer.
const HEADERS_MAX: usize = 100;
const HEADERS_PARSED_MAX: usize = 128;
/// Bytes that the head of a request may have.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// How long a client may leave what it is sent unacknowledged.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// Time for the commit that a purchase is in when its deadline passes.
const COMMIT_GRACE: Duration = Duration::from_secs(2);
/// Pause after a failed accept (no file descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The API on a socket.
pub struct Server {
    listener: TcpListener,
    routes: BoxedFilter<(Response,)>,
    /// Set when the daemon is ending.
    draining: watch::Sender<bool>,
    config: Config,
    metrics: Metrics,
}

impl Server {
    /// Takes the bound socket; nothing is accepted before [`Server::run`].
    #[must_use]
    pub fn new(listener: TcpListener, shop: Shop, config: &Config) -> Self {
        let metrics = shop.metrics().clone();
        let api = Api::new(shop, config);
        let draining = api.draining.clone();
        Self { listener, routes: routes(api), draining, config: config.clone(), metrics }
    }

    /// Serves other routes, with the same limits, log and end. They should answer whatever comes: a
    /// rejection gets warp's own plain answer.
    #[must_use]
    pub fn with_routes(listener: TcpListener, routes: BoxedFilter<(Response,)>, config: &Config) -> Self {
        let (draining, metrics) = (watch::Sender::default(), Metrics::new(None));
        Self { listener, routes, draining, config: config.clone(), metrics }
    }

    /// Serves until `shutdown` completes; then requests in flight are answered, new ones are not
    /// accepted. Returns whether all were answered in time.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> bool {
        let Self { listener, routes, draining, config, metrics } = self;
        let (log, log_thread) = AccessLog::start(config.access_log, metrics.clone());
        let connections = Connections::new(routes, log.clone(), config, metrics);
        tokio::select! {
            () = connections.accept(&listener) => {}
            () = shutdown => {}
        }
        draining.send_replace(true);
        drop(listener);
        let drained = connections.drain().await;
        log.close();
        if let Some(thread) = log_thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        drained
    }
}

/// Makes an HTTP connection of each socket.
struct Connections<S> {
    routes: S,
    log: AccessLog,
    config: Config,
    builder: http1::Builder,
    graceful: GracefulShutdown,
    metrics: Metrics,
    permits: Arc<Semaphore>,
}

impl Connections<()> {
    fn new(
        routes: BoxedFilter<(Response,)>,
        log: AccessLog,
        config: Config,
        metrics: Metrics,
    ) -> Connections<impl Routes> {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(config.header_timeout)
            .max_headers(HEADERS_PARSED_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .half_close(false);
        Connections {
            routes: TowerToHyperService::new(warp::service(routes)),
            log,
            builder,
            graceful: GracefulShutdown::new(),
            metrics,
            permits: Arc::new(Semaphore::new(config.max_connections)),
            config,
        }
    }
}

/// The routes as a service.
trait Routes:
    Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Routes for S where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

impl<S: Routes> Connections<S> {
    /// Accepts for ever. A connection beyond the limit waits in the system's queue.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, client)) => self.serve(stream, client, permit),
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, client: SocketAddr, permit: tokio::sync::OwnedSemaphorePermit) {
        // Without them it works as well, if slower.
        let _ = stream.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(WRITE_STALL));
        let (routes, log, metrics) = (self.routes.clone(), self.log.clone(), self.metrics.clone());
        let open = self.metrics.connection();
        let request_timeout = self.config.request_timeout;
        let service = service_fn(move |request| {
            let exchange = Exchange { client, log: log.clone(), metrics: metrics.clone(), request_timeout };
            exchange.answer(routes.clone(), request)
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watch(connection);
        tokio::spawn(async move {
            // What ends a connection early is the client's doing, and it is told by the status if at all.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop((permit, open));
        });
    }

    async fn drain(self) -> bool {
        tokio::time::timeout(self.config.drain_timeout, self.graceful.shutdown()).await.is_ok()
    }
}

/// One request and its response, whatever happens in between.
struct Exchange {
    client: SocketAddr,
    log: AccessLog,
    metrics: Metrics,
    request_timeout: Duration,
}

impl Exchange {
    async fn answer(self, routes: impl Routes, request: Request<Incoming>) -> Result<Response, Infallible> {
        let begun_at = Instant::now();
        let method = request.method().clone();
        let trace = RequestTrace::of(&method, request.headers());
        let guarded = self.guarded(routes, request, &method, &trace.id);
        let mut response = guarded.instrument(trace.span.clone()).await;
        let route = response.extensions().get::<Route>().map_or("none", |route| route.0);
        let (status, took) = (response.status().as_u16(), begun_at.elapsed());
        trace.answered(&method, route, status);
        if let Some(Failure { what, cause }) = response.extensions().get() {
            tracing::error!(request_id = trace.id, route, %cause, "{what}");
        }
        self.metrics.request(method.as_str(), route, status, took);
        self.log.log(&Line {
            time: Timestamp::now(),
            request_id: &trace.id,
            client: self.client,
            method: method.as_str(),
            route,
            status,
            duration_us: took.as_micros() as u64,
        });
        if let Ok(value) = HeaderValue::from_str(&trace.id) {
            response.headers_mut().insert("x-request-id", value);
        }
        Ok(response)
    }

    /// The routes' response; a problem where there are too many headers, it takes too long, or a
    /// handler panics.
    async fn guarded(
        &self,
        routes: impl Routes,
        request: Request<Incoming>,
        method: &Method,
        request_id: &str,
    ) -> Response {
        if request.headers().len() > HEADERS_MAX {
            let detail = format!("send at most {HEADERS_MAX} headers");
            return Problem::new(ProblemKind::TooManyHeaders, detail).into_response();
        }
        let routed = AssertUnwindSafe(routes.call(request)).catch_unwind();
        match tokio::time::timeout(self.request_timeout + COMMIT_GRACE, routed).await {
            Ok(Ok(Ok(response))) => response,
            // The hook of the panic has logged where and why.
            Ok(Err(_panic)) => {
                tracing::error!(request_id, "a handler panicked");
                in_doubt(method, ProblemKind::Internal, "something went wrong").into_response()
            }
            Err(_late) => in_doubt(method, ProblemKind::Unavailable, "no answer in time").into_response(),
        }
    }
}

/// The problem of a handler that gave no answer: of a POST nobody knows how far it came.
fn in_doubt(method: &Method, of_a_read: ProblemKind, why: &str) -> Problem {
    if *method == Method::POST {
        let detail = format!("{why}; send the same request again, with the same Idempotency-Key");
        Problem::new(ProblemKind::OutcomeUnknown, detail)
    } else {
        Problem::new(of_a_read, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Serves handlers that go wrong by their path, and returns the status and body of one request.
    async fn ask(method: &str, path: &str) -> (String, Value) {
        let config = Config::read(&crate::config::Sources::default()).unwrap();
        let config = Config { max_connections: 1, request_timeout: Duration::ZERO, ..config };
        let routes = service_fn(|request: Request<Incoming>| async move {
            assert_ne!(request.uri().path(), "/panic", "canary");
            std::future::pending::<()>().await;
            Ok::<_, Infallible>(Response::default())
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new());
        let metrics = Metrics::new(None);
        let (log, graceful) = (AccessLog::start(false, metrics.clone()).0, GracefulShutdown::new());
        let permits = Arc::new(Semaphore::new(1));
        let connections = Connections { routes, log, config, builder, graceful, metrics, permits };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { connections.accept(&listener).await });

        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(!answer.contains("canary"), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap())
    }

    #[tokio::test]
    async fn without_an_answer_only_a_post_is_in_doubt() {
        for (method, path, status, code, effect) in [
            ("GET", "/panic", 500, "internal", "none"),
            ("POST", "/panic", 503, "outcome-unknown", "unknown"),
            ("GET", "/slow", 503, "unavailable", "none"),
            ("POST", "/slow", 503, "outcome-unknown", "unknown"),
        ] {
            let (line, body) = ask(method, path).await;
            assert!(line.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path}: {line}");
            assert_eq!((&body["code"], &body["effect"]), (&code.into(), &effect.into()), "{method} {path}");
        }
    }
}
