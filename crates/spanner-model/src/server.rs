//! Accepts connections and serves gRPC over HTTP/2 and the admin API over HTTP/1.1 on one port.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tower::Service as _;

use crate::admin;
use crate::core::{Core, locked};
use crate::grpc::SpannerService;

/// How often old versions are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// A connection that can be closed.
#[derive(Debug, Default)]
pub(crate) struct Connection(Notify);

impl Connection {
    /// Closes the connection now, without answers to its calls.
    pub(crate) fn close(&self) {
        self.0.notify_one();
    }
}

/// Serves until the sender of `generation` is dropped. A new generation closes all connections.
pub(crate) async fn serve(core: Arc<Core>, listener: TcpListener, mut generation: watch::Receiver<u64>) {
    let mut forget = tokio::time::interval(FORGET_EVERY);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(connection(Arc::clone(&core), stream, generation.clone()));
                }
            }
            changed = generation.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            _ = forget.tick() => forget_versions(&core),
        }
    }
}

async fn connection(core: Arc<Core>, stream: TcpStream, mut generation: watch::Receiver<u64>) {
    generation.mark_unchanged();
    let connection = Arc::new(Connection::default());
    let service = SpannerService { core, connection: Arc::clone(&connection) };
    let handler = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let mut service = service.clone();
        async move {
            let headers = request.headers();
            let kind = headers.get(http::header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
            if kind.is_some_and(|kind| kind.starts_with(b"application/grpc")) {
                return service.call(request).await;
            }
            let answer = admin::answer(&service.core, request).await;
            Ok::<_, Infallible>(answer.map(|bytes| tonic::body::Body::new(Full::new(bytes))))
        }
    });
    let builder = Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection(TokioIo::new(stream), handler);
    tokio::select! {
        _ = serving => {}
        () = connection.0.notified() => {}
        _ = generation.changed() => {}
    }
}

fn forget_versions(core: &Core) {
    let retention = i64::try_from(core.options.version_retention.as_nanos()).unwrap_or(i64::MAX);
    let horizon = core.read_timestamp().saturating_sub(retention);
    let databases: Vec<_> = locked(&core.databases).values().cloned().collect();
    for database in databases {
        let mut state = database.state();
        state.data.tables.values_mut().for_each(|store| store.forget(horizon));
        state.data.indexes.values_mut().for_each(|store| store.forget(horizon));
    }
}
