//! The metrics of `/metrics`, registered under the names and help texts of the list.

use std::fmt;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::Readings;
use super::list::METRICS;
use crate::model::{CountryCode, Region};
use crate::version;

/// The media type of what [`super::Metrics::text`] writes.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Bounds of durations in seconds, from what a purchase takes in memory to what nobody waits for.
const SECONDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds of attempts.
const ATTEMPTS: [f64; 6] = [1.0, 2.0, 3.0, 5.0, 10.0, 20.0];
/// Bounds of group sizes; groups have at most 512 members.
const GROUP_SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    pub(super) status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabel {
    pub(super) route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabel {
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BuyerLabels {
    region: Code<Region>,
    country: Code<CountryCode>,
}

impl BuyerLabels {
    pub(super) fn of(country: CountryCode) -> Self {
        Self { region: Code(country.region()), country: Code(country) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    cache: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
    build: &'static str,
}

/// A code of the model as a label: compared as the two bytes that it is, written as text only when asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Code<T>(T);

impl EncodeLabelValue for Code<Region> {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.0.code().encode(encoder)
    }
}

impl EncodeLabelValue for Code<CountryCode> {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.0.as_str().encode(encoder)
    }
}

type Histograms<S> = Family<S, Histogram, fn() -> Histogram>;

/// All metrics. Those with a public field are written as requests go; the others when somebody asks.
pub(super) struct Families {
    registry: Registry,
    pub(super) requests: Family<RequestLabels, Counter>,
    pub(super) request_duration: Histograms<RouteLabel>,
    pub(super) connections: Gauge,
    pub(super) purchases: Family<OutcomeLabel, Counter>,
    pub(super) tickets_sold: Family<BuyerLabels, Counter>,
    pub(super) duration: Histogram,
    pub(super) queue: Histogram,
    pub(super) transaction: Histogram,
    pub(super) commit: Histogram,
    pub(super) attempts: Histogram,
    pub(super) group_size: Histogram,
    pub(super) conflicts: Counter,
    pub(super) points_delivered: Counter,
    pub(super) points_dropped: Counter,
    pub(super) influx_ok: Counter,
    pub(super) influx_errors: Counter,
    pub(super) access_log_dropped: Counter,
    influx_queue: Gauge,
    store_ready: Gauge,
    store_queue: Gauge,
    store_queue_limit: Gauge,
    cache: Family<CacheLabels, Counter>,
}

/// Registers metrics under what the list says of them.
struct Registrar(Registry);

impl Registrar {
    fn add<M: Metric + Clone>(&mut self, name: &str, metric: M) -> M {
        let help = METRICS.iter().find(|listed| listed.name == name).map_or("", |listed| listed.help);
        // The encoder itself adds the ending of counters.
        self.0.register(name.trim_end_matches("_total"), help, metric.clone());
        metric
    }

    fn histogram(&mut self, name: &str, bounds: &[f64]) -> Histogram {
        self.add(name, Histogram::new(bounds.iter().copied()))
    }

    /// A counter with one label `result`, and its counters for these results.
    fn results<const N: usize>(&mut self, name: &str, results: [&'static str; N]) -> [Counter; N] {
        let family = self.add(name, Family::<ResultLabel, Counter>::default());
        results.map(|result| family.get_or_create_owned(&ResultLabel { result }))
    }
}

impl Families {
    pub(super) fn new() -> Self {
        let mut of = Registrar(Registry::default());
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let requests = of.add("ticketshop_http_requests_total", Family::default());
        let request_duration =
            of.add("ticketshop_http_request_duration_seconds", Family::new_with_constructor(seconds));
        let connections = of.add("ticketshop_http_connections", Gauge::default());
        let purchases = of.add("ticketshop_purchases_total", Family::default());
        let tickets_sold = of.add("ticketshop_tickets_sold_total", Family::default());
        let duration = of.histogram("ticketshop_purchase_duration_seconds", &SECONDS);
        let queue = of.histogram("ticketshop_purchase_queue_seconds", &SECONDS);
        let transaction = of.histogram("ticketshop_purchase_transaction_seconds", &SECONDS);
        let commit = of.histogram("ticketshop_purchase_commit_seconds", &SECONDS);
        let attempts = of.histogram("ticketshop_purchase_attempts", &ATTEMPTS);
        let group_size = of.histogram("ticketshop_purchase_group_size", &GROUP_SIZES);
        let conflicts = of.add("ticketshop_purchase_conflicts_total", Counter::default());
        let store_ready = of.add("ticketshop_store_ready", Gauge::default());
        let store_queue = of.add("ticketshop_store_queue_requests", Gauge::default());
        let store_queue_limit = of.add("ticketshop_store_queue_limit_requests", Gauge::default());
        let cache = of.add("ticketshop_cache_requests_total", Family::default());
        let [points_delivered, points_dropped] =
            of.results("ticketshop_influx_points_total", ["delivered", "dropped"]);
        let influx_queue = of.add("ticketshop_influx_queue_points", Gauge::default());
        let [influx_ok, influx_errors] = of.results("ticketshop_influx_requests_total", ["ok", "error"]);
        let access_log_dropped = of.add("ticketshop_access_log_dropped_lines_total", Counter::default());
        of.constants();
        Self {
            registry: of.0,
            requests,
            request_duration,
            connections,
            purchases,
            tickets_sold,
            duration,
            queue,
            transaction,
            commit,
            attempts,
            group_size,
            conflicts,
            points_delivered,
            points_dropped,
            influx_ok,
            influx_errors,
            access_log_dropped,
            influx_queue,
            store_ready,
            store_queue,
            store_queue_limit,
            cache,
        }
    }

    /// All metrics as text, with what was read for it.
    pub(super) fn encode(&self, readings: &Readings, influx_waiting: usize) -> String {
        self.store_ready.set(i64::from(readings.store_ready));
        self.store_queue.set(readings.store_queue.waiting as i64);
        self.store_queue_limit.set(readings.store_queue.limit as i64);
        self.influx_queue.set(influx_waiting as i64);
        for &(cache, counts) in &readings.caches {
            for (result, count) in [("hit", counts.hits), ("miss", counts.misses)] {
                // The cache counts for itself; nobody else writes these.
                let counter = self.cache.get_or_create_owned(&CacheLabels { cache, result });
                counter.inner().store(count, Ordering::Relaxed);
            }
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

impl Registrar {
    /// What does not change while the process runs.
    fn constants(&mut self) {
        let build = self.add("ticketshop_build_info", Family::<BuildLabels, Gauge>::default());
        build.get_or_create(&BuildLabels { version: version::VERSION, build: version::BUILD }).set(1);
        let started: Gauge = self.add("process_start_time_seconds", Gauge::default());
        started.set(Timestamp::now().as_second());
    }
}
