//! One span for each request, and the id that all its traces and log lines have.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, debug_span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use warp::http::{HeaderMap, Method};

/// Longest id that is taken over from a client.
const ID_CHARS_MAX: usize = 128;

/// What is known of a request before it is routed.
pub(super) struct RequestTrace {
    /// The client's id of the request where it sent a sane one, that of its trace, or a new one.
    pub(super) id: String,
    /// Open for as long as the request; nothing where nobody traces.
    pub(super) span: Span,
}

impl RequestTrace {
    /// Reads `X-Request-Id` and `traceparent` (W3C Trace Context).
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let caller = headers
            .contains_key("traceparent")
            .then(|| TraceContextPropagator::new().extract(&Headers(headers)))
            .filter(|caller| caller.span().span_context().is_valid());
        let of_trace = caller.as_ref().map(|caller| caller.span().span_context().trace_id().to_string());
        let id = sane_id(headers).or(of_trace).unwrap_or_else(new_id);
        let span = debug_span!(
            "request",
            otel.kind = "server",
            request_id = id,
            http.request.method = method.as_str(),
            http.route = field::Empty,
            http.response.status_code = field::Empty,
        );
        if let Some(caller) = caller {
            // It fails where nobody traces, and then there is nothing to join.
            let _ = span.set_parent(caller);
        }
        Self { id, span }
    }

    /// Notes what came of the request.
    pub(super) fn answered(&self, method: &Method, route: &'static str, status: u16) {
        if !self.span.is_disabled() {
            // Only now is the route known, which is what traces are found by.
            self.span.context().span().update_name(format!("{method} {route}"));
            self.span.record("http.route", route);
            self.span.record("http.response.status_code", status);
        }
    }
}

fn sane_id(headers: &HeaderMap) -> Option<String> {
    let sane = |text: &&str| {
        (1..=ID_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
    };
    headers.get("x-request-id").and_then(|value| value.to_str().ok()).filter(sane).map(str::to_owned)
}

fn new_id() -> String {
    /// Tells this process's ids from those of the one before.
    static START: LazyLock<u64> = LazyLock::new(|| Timestamp::now().as_microsecond() as u64);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:x}-{:x}", *START, NEXT.fetch_add(1, Ordering::Relaxed))
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(warp::http::HeaderName::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(headers: &[(&'static str, &str)]) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| (warp::http::HeaderName::from_static(name), value.parse().unwrap()));
        RequestTrace::of(&Method::GET, &headers.collect()).id
    }

    #[test]
    fn an_id_comes_from_the_client_its_trace_or_nowhere() {
        let trace = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert_eq!(id(&[("x-request-id", "abc-1"), trace]), "abc-1");
        assert_eq!(id(&[trace]), "0af7651916cd43dd8448eb211c80319c");
        for wrong in
            ["", "00-zz-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01"]
        {
            assert!(id(&[("traceparent", wrong)]).contains('-'), "{wrong}");
        }
        assert_ne!(id(&[("x-request-id", "with space")]), "with space");
        assert_ne!(id(&[]), id(&[]));
    }
}
