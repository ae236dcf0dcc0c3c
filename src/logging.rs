//! Setting up the log and the traces: lines on standard error, for people or one JSON object each, and spans
//! for an OpenTelemetry collector where one is set up.
//!
//! A failure is logged once, where it is handled. Neither secrets nor e-mail addresses are logged or traced.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{Config, LogFormat, Traces};

/// How long the collector may take to answer.
const EXPORT_TIME: Duration = Duration::from_secs(5);
/// How long the last spans may take when the process ends.
const LAST_EXPORT_TIME: Duration = Duration::from_secs(1);
/// The path of OTLP over HTTP, below the address of the collector.
const TRACES_PATH: &str = "/v1/traces";

/// What has to be ended with the process, outside its async runtime: spans that are not sent yet.
#[must_use]
pub struct Logging(Option<SdkTracerProvider>);

impl Logging {
    /// Sends the last spans; those that the collector does not take soon are lost.
    pub fn end(self) {
        if let Self(Some(provider)) = self {
            let _ = provider.shutdown_with_timeout(LAST_EXPORT_TIME);
        }
    }
}

/// Sends what is logged to standard error, and spans to the collector. `RUST_LOG` chooses what is logged, else
/// DEBUG does; what is traced does not depend on it.
///
/// # Errors
/// Where no exporter can be made for these settings.
pub fn set_up(config: &Config) -> Result<Logging, String> {
    let level = if config.debug { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let traces = config.traces.as_ref().map(exporter).transpose()?;
    let spans = traces.as_ref().map(|provider| spans(provider.tracer("ticketshop")));
    // A second set-up in one process (a test) keeps the first.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).try_init();
    Ok(Logging(traces))
}

/// Our own spans: those of libraries would tell of the export itself.
fn spans<S: Subscriber + for<'a> LookupSpan<'a>>(tracer: SdkTracer) -> impl Layer<S> {
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target("ticketshop", LevelFilter::DEBUG))
}

fn exporter(traces: &Traces) -> Result<SdkTracerProvider, String> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}{TRACES_PATH}", traces.endpoint))
        .with_timeout(EXPORT_TIME)
        .build()
        .map_err(|error| format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}"))?;
    let share = Sampler::TraceIdRatioBased(f64::from(traces.share_millionths) / 1e6);
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(share)))
        .with_resource(Resource::builder().with_service_name("tsbe").build())
        .build())
}
