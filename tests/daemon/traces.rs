//! Traces of the real `tsbe`, as an OpenTelemetry collector gets them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use ticketshop::config::{Config, Sources};
use ticketshop::http::Server;
use warp::Filter;

use crate::support::{Place, wish};

/// A collector, and the spans it got.
async fn collector() -> (String, Arc<Mutex<Vec<Span>>>) {
    let spans = Arc::<Mutex<Vec<Span>>>::default();
    let got = Arc::clone(&spans);
    let route = warp::path!("v1" / "traces").and(warp::post()).and(warp::body::bytes()).map(
        move |body: bytes::Bytes| {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|spans| spans.scope_spans);
            got.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
            warp::reply::Response::default()
        },
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut sources = Sources::default();
    sources.set("ACCESS_LOG", "false".to_owned(), "test".to_owned());
    let server = Server::with_routes(listener, route.boxed(), &Config::read(&sources).unwrap());
    tokio::spawn(server.run(std::future::pending()));
    (url, spans)
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

#[tokio::test(flavor = "multi_thread")]
async fn one_purchase_is_one_trace_with_all_its_stages() {
    let (url, spans) = collector().await;
    let place = Place::new();
    let (fixture, accounts) = place.prepare(&[100], 1).await;
    let daemon = place.serve_with(&["--otel-exporter-otlp-endpoint", &url]);
    let client = reqwest::Client::new();
    let account = serde_json::json!({"name": "Ada", "email": "canary@example.com", "country": "GB"});
    client.post(format!("{}/api/v1/account", daemon.url)).json(&account).send().await.unwrap();
    client.get(format!("{}/api/v1/account/canary@example.com", daemon.url)).send().await.unwrap();
    let bought = client
        .post(format!("{}/api/v1/tickets/purchase", daemon.url))
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .json(&wish(&accounts[0], &fixture, 0, 2))
        .send()
        .await
        .unwrap();
    assert_eq!(bought.status(), 201);
    assert_eq!(bought.headers()["x-request-id"], TRACE, "the request has the id of its trace");
    daemon.signal("TERM");
    let (status, _, said) = daemon.end();
    assert_eq!(status.code(), Some(0), "{said}");

    let spans = spans.lock().unwrap();
    assert!(!format!("{spans:?}").contains("canary"), "an address of a buyer is in a trace");
    let trace: Vec<&Span> = spans.iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let by_name: HashMap<&str, &Span> = trace.iter().map(|span| (span.name.as_str(), *span)).collect();
    let request = by_name["POST /api/v1/tickets/purchase"];
    assert_eq!(hex(&request.parent_span_id), CALLER);
    let stages = ["parse", "cache", "queue", "transaction", "commit", "reply"];
    for stages in stages.windows(2) {
        let [before, after] = [by_name[stages[0]], by_name[stages[1]]];
        assert_eq!(before.parent_span_id, request.span_id, "{}", before.name);
        assert!(before.start_time_unix_nano <= after.start_time_unix_nano, "{stages:?}");
        assert!(before.end_time_unix_nano <= after.end_time_unix_nano, "{stages:?}");
    }
    assert_eq!(trace.len(), 1 + stages.len(), "{:?}", by_name.keys());
    assert!(said.lines().all(|line| !line.contains("canary")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_its_caller_does_not_trace_is_not_traced() {
    let (url, spans) = collector().await;
    let place = Place::new();
    let daemon = place.serve_with(&["--otel-exporter-otlp-endpoint", &url]);
    let client = reqwest::Client::new();
    let healthz = || client.get(format!("{}/healthz", daemon.url));
    healthz().header("traceparent", format!("00-{TRACE}-{CALLER}-00")).send().await.unwrap();
    healthz().send().await.unwrap();
    daemon.signal("TERM");
    daemon.end();
    let names: Vec<String> = spans.lock().unwrap().iter().map(|span| span.name.clone()).collect();
    assert_eq!(names, ["GET /healthz"], "the second one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_nobody_up() {
    let place = Place::new();
    let daemon = place.serve_with(&["--otel-exporter-otlp-endpoint", "http://127.0.0.1:9"]);
    let ready = reqwest::get(format!("{}/readyz", daemon.url)).await.unwrap();
    assert_eq!(ready.status(), 200);
    daemon.signal("TERM");
    let (status, _, said) = daemon.end();
    assert_eq!(status.code(), Some(0), "{said}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
