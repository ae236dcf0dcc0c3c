//! Every metric that `/metrics` shows, declared once: from here come the help texts there, `docs/metrics.md`,
//! and the names that dashboards and alerts may use.

use std::fmt::Write;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of observations below bounds, with their sum and number.
    Histogram,
}

impl Kind {
    /// The word that Prometheus has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric as `/metrics` and the documentation show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Its name, with the unit, and `_total` for a counter.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// Its labels; their values are templates of routes and codes, never what a client sent.
    pub labels: &'static [&'static str],
    /// What it tells, without a full stop.
    pub help: &'static str,
}

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Description {
    Description { name, kind, labels, help }
}

/// Every metric, in the order of `/metrics`.
pub const METRICS: &[Description] = &[
    metric(
        "ticketshop_http_requests_total",
        Kind::Counter,
        &["method", "route", "status"],
        "Requests that were answered, by the template of their route",
    ),
    metric(
        "ticketshop_http_request_duration_seconds",
        Kind::Histogram,
        &["route"],
        "From the head of a request to the head of its response",
    ),
    metric("ticketshop_http_connections", Kind::Gauge, &[], "Connections that are open"),
    metric(
        "ticketshop_purchases_total",
        Kind::Counter,
        &["outcome"],
        "Purchases by what came of them: sold, replayed (sold before, under the same key), or why not",
    ),
    metric(
        "ticketshop_tickets_sold_total",
        Kind::Counter,
        &["region", "country"],
        "Tickets sold by this process, by the buyer's continent and country",
    ),
    metric(
        "ticketshop_purchase_duration_seconds",
        Kind::Histogram,
        &[],
        "Purchases that sold: from the call of the store to its answer",
    ),
    metric(
        "ticketshop_purchase_queue_seconds",
        Kind::Histogram,
        &[],
        "Purchases that sold: from the call of the store until their transaction began",
    ),
    metric(
        "ticketshop_purchase_transaction_seconds",
        Kind::Histogram,
        &[],
        "Purchases that sold: from the beginning of their transaction to that of its commit",
    ),
    metric(
        "ticketshop_purchase_commit_seconds",
        Kind::Histogram,
        &[],
        "Purchases that sold: their commit, until it was durable",
    ),
    metric(
        "ticketshop_purchase_attempts",
        Kind::Histogram,
        &[],
        "Transactions begun for a purchase that sold; more than one where they met contention",
    ),
    metric(
        "ticketshop_purchase_group_size",
        Kind::Histogram,
        &[],
        "Requests that shared the transaction of a purchase that sold, itself included",
    ),
    metric(
        "ticketshop_purchase_conflicts_total",
        Kind::Counter,
        &[],
        "Transactions beyond the first that purchases took",
    ),
    metric("ticketshop_store_ready", Kind::Gauge, &[], "Whether the store can sell now: 1, or 0"),
    metric(
        "ticketshop_store_queue_requests",
        Kind::Gauge,
        &[],
        "Requests that wait to be written; with Cloud Spanner, writes under way",
    ),
    metric(
        "ticketshop_store_queue_limit_requests",
        Kind::Gauge,
        &[],
        "How many of them there may be; more are refused, with Cloud Spanner they wait",
    ),
    metric(
        "ticketshop_cache_requests_total",
        Kind::Counter,
        &["cache", "result"],
        "Look-ups of events by whether the cache had the answer (hit) or the store was asked (miss)",
    ),
    metric(
        "ticketshop_influx_points_total",
        Kind::Counter,
        &["result"],
        "Points for InfluxDB: delivered (acknowledged by it), or dropped",
    ),
    metric(
        "ticketshop_influx_queue_points",
        Kind::Gauge,
        &[],
        "Points that wait for InfluxDB or are on their way",
    ),
    metric(
        "ticketshop_influx_requests_total",
        Kind::Counter,
        &["result"],
        "Requests to InfluxDB by how they ended: ok, or error",
    ),
    metric(
        "ticketshop_access_log_dropped_lines_total",
        Kind::Counter,
        &[],
        "Lines of the access log that were dropped, since the output was too slow",
    ),
    metric(
        "ticketshop_build_info",
        Kind::Gauge,
        &["version", "build"],
        "Always 1; what is running, in the labels",
    ),
    metric("process_start_time_seconds", Kind::Gauge, &[], "When the process started, in seconds since 1970"),
];

/// The name of every metric.
pub fn names() -> impl Iterator<Item = &'static str> {
    METRICS.iter().map(|metric| metric.name)
}

/// The page that describes them, `docs/metrics.md`.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(PAGE_HEAD);
    for Description { name, kind, labels, help } in METRICS {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{name}` | {} | {} | {help} |", kind.name(), labels.join(", "));
    }
    page + PAGE_FOOT
}

const PAGE_HEAD: &str = "# Metrics

<!-- Written by `make docs`; changes belong in src/metrics/list.rs. -->

`GET /metrics` answers in Prometheus' text format. Durations are in seconds. Labels hold templates of routes and
codes only, so that nothing a client sends can make new series.

| metric | kind | labels | what it tells |
|---|---|---|---|
";

const PAGE_FOOT: &str = "
`outcome` is `sold`, `replayed`, `sold-out`, `not-on-sale`, `not-found`, `key-reused`, `overloaded`, `unavailable`,
`outcome-unknown` or `damaged`; all but the first two are the codes of the API's problems. `region` is a continent:
EU, AS, AF, OC, SA, AN, NA. `cache` is `event`, `events` or `multi_events`. `route` is the template of a route, or
`none`.

## InfluxDB

With `INFLUX_ADDR` set, each sale becomes one point, sent to `/api/v2/write`, which InfluxDB 1.8, 2 and 3 have:

| | |
|---|---|
| measurement | `ticket_sale` |
| tag `region` | the buyer's continent |
| tag `country` | the buyer's country, ISO 3166-1 alpha-2 |
| tag `instance` | `INFLUX_INSTANCE`, where it is set: for several `tsbe` that write to one bucket |
| field `avglatency` | milliseconds that the purchase took in the store, a float |
| field `tickets-sold` | an integer |
| timestamp | nanoseconds, no two alike from one process |

A repeated purchase that answers with its first sale makes no point. Points are sent when `INFLUX_BATCHSIZE` of them
wait, or after `INFLUX_FLUSH_INTERVAL`; where more wait than that, since InfluxDB is slow, up to 5,000 go together.
A batch that is not taken is sent again, up to 10 times, with growing pauses; one that InfluxDB refuses for what it
is (400, 401, 404 and the like) is dropped at once. At most 65,536 points wait; beyond that the oldest are dropped.
Points made = delivered + dropped + waiting, at any time.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let mut seen = std::collections::HashSet::new();
        for Description { name, kind, help, .. } in METRICS {
            assert!(seen.insert(name), "{name} twice");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(name.starts_with("ticketshop_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(!help.ends_with('.') && help.len() > 10, "{name}: {help}");
        }
    }
}
