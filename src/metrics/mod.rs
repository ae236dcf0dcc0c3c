//! What happens, counted: for `/metrics`, for the dashboard, and as points for InfluxDB.
//!
//! One handle, cheap to clone, with one method for each thing that happens. None of them waits: counters are
//! atomic, the rest is a short critical section, and points go to a bounded queue that a task of its own
//! empties. Nothing here can fail a sale.

mod influx;
mod list;
mod live;
mod points;
mod registry;

use std::sync::Arc;
use std::time::Duration;

use self::influx::Shared;
use self::live::{Ending, Window};
use self::points::Points;
use self::registry::{BuyerLabels, Families, OutcomeLabel, RequestLabels, RouteLabel};
use crate::cache::CacheCounts;
use crate::config::Influx;
use crate::model::CountryCode;
use crate::store::{Effort, QueueFigures, Result, StoreError};

pub use self::influx::{InfluxHealth, Publisher};
pub use self::list::{Description, Kind, METRICS, names, page};
pub use self::live::{LastMinute, Latency};
pub use self::registry::CONTENT_TYPE;

/// The metrics of a process.
#[derive(Clone)]
pub struct Metrics(Arc<Parts>);

struct Parts {
    families: Arc<Families>,
    window: Window,
    influx: Option<Arc<Shared>>,
}

/// What is read when somebody asks for the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readings {
    /// Whether the store can sell.
    pub store_ready: bool,
    /// How much waits to be written.
    pub store_queue: QueueFigures,
    /// What each cache was asked.
    pub caches: [(&'static str, CacheCounts); 3],
}

/// A sale that was made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    /// Tickets.
    pub tickets: u32,
    /// From the call of the store to its answer.
    pub took: Duration,
}

impl Metrics {
    /// Metrics that keep points for InfluxDB where it is set up.
    #[must_use]
    pub fn new(influx: Option<&Influx>) -> Self {
        let families = Arc::new(Families::new());
        // What has not happened yet is told as 0, so that the first of it is seen as growth.
        for outcome in OUTCOMES {
            let _ = families.purchases.get_or_create(&OutcomeLabel { outcome });
        }
        let influx = influx.map(|influx| {
            let points = Points::new(influx.batch_size, families.points_dropped.clone());
            Arc::new(Shared::new(points))
        });
        Self(Arc::new(Parts { families, window: Window::new(), influx }))
    }

    /// Starts to send points to InfluxDB; `None` where none are kept.
    ///
    /// # Errors
    /// Where no client can be made for these settings.
    pub fn publish(&self, influx: Option<&Influx>) -> std::result::Result<Option<Publisher>, String> {
        let (Some(config), Some(shared)) = (influx, &self.0.influx) else {
            return Ok(None);
        };
        Publisher::start(config, Arc::clone(shared), Arc::clone(&self.0.families)).map(Some)
    }

    /// A request was answered.
    pub fn request(&self, method: &str, route: &'static str, status: u16, took: Duration) {
        let Families { requests, request_duration, .. } = &*self.0.families;
        let labels = RequestLabels { method: known_method(method), route, status: u32::from(status) };
        requests.get_or_create(&labels).inc();
        request_duration.get_or_create(&RouteLabel { route }).observe(took.as_secs_f64());
    }

    /// A connection was opened; it counts as open until what is returned is dropped.
    #[must_use]
    pub fn connection(&self) -> OpenConnection {
        self.0.families.connections.inc();
        OpenConnection(self.clone())
    }

    /// Lines of the access log were dropped.
    pub fn access_log_dropped(&self, lines: u64) {
        self.0.families.access_log_dropped.inc_by(lines);
    }

    /// The store has answered a purchase after `took`: with what it took and whether it had been made before,
    /// or with why not.
    pub fn purchase(&self, answer: Result<(&Effort, bool)>, took: Duration) {
        let families = &*self.0.families;
        let (outcome, ending, attempts) = match &answer {
            Ok((_, true)) => ("replayed", None, 1),
            Ok((effort, false)) => ("sold", Some(Ending::Sold), effort.attempts),
            Err(error @ StoreError::SoldOut { .. }) => (outcome_of(error), Some(Ending::SoldOut), 1),
            Err(error) => (outcome_of(error), Some(Ending::Refused), 1),
        };
        families.purchases.get_or_create(&OutcomeLabel { outcome }).inc();
        if let Some(ending) = ending {
            self.0.window.add(ending, attempts, took);
        }
        if let Ok((effort, false)) = answer {
            families.duration.observe(took.as_secs_f64());
            families.queue.observe(effort.queued.as_secs_f64());
            families.transaction.observe(effort.transaction.as_secs_f64());
            families.commit.observe(effort.commit.as_secs_f64());
            families.attempts.observe(f64::from(effort.attempts));
            families.group_size.observe(f64::from(effort.group));
            families.conflicts.inc_by(u64::from(effort.attempts.saturating_sub(1)));
        }
    }

    /// Tickets were sold to a buyer of this country.
    pub fn sold(&self, country: CountryCode, sold: Sold) {
        let counter = self.0.families.tickets_sold.get_or_create(&BuyerLabels::of(country));
        counter.inc_by(u64::from(sold.tickets));
        if let Some(influx) = &self.0.influx {
            influx.points.push(country, sold.tickets, sold.took);
        }
    }

    /// A sale of which nobody can tell where its buyer is from: no country counts it, and it makes no point.
    pub fn sold_to_nobody_knows_whom(&self) {
        if self.0.influx.is_some() {
            self.0.families.points_dropped.inc();
        }
    }

    /// What purchases of the last minute were like.
    #[must_use]
    pub fn last_minute(&self) -> LastMinute {
        self.0.window.last_minute()
    }

    /// How InfluxDB does; `None` where it is not set up.
    #[must_use]
    pub fn influx_health(&self) -> Option<InfluxHealth> {
        self.0.influx.as_ref().map(|influx| influx.health(&self.0.families))
    }

    /// All metrics in Prometheus' text format.
    #[must_use]
    pub fn text(&self, readings: &Readings) -> String {
        let waiting = self.0.influx.as_ref().map_or(0, |influx| influx.points.in_all());
        self.0.families.encode(readings, waiting)
    }
}

/// A connection that is open until this is dropped.
pub struct OpenConnection(Metrics);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.0.families.connections.dec();
    }
}

/// A method as a label; what no standard knows is one of them, so that nobody can make up new series.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// What can come of a purchase.
const OUTCOMES: [&str; 10] = [
    "sold",
    "replayed",
    "sold-out",
    "not-on-sale",
    "not-found",
    "key-reused",
    "overloaded",
    "unavailable",
    "outcome-unknown",
    "damaged",
];

/// Why a purchase made no sale, by the codes of the API's problems.
const fn outcome_of(error: &StoreError) -> &'static str {
    match error {
        StoreError::NotFound(_) => "not-found",
        StoreError::NotOnSale { .. } => "not-on-sale",
        StoreError::SoldOut { .. } => "sold-out",
        StoreError::KeyReused => "key-reused",
        StoreError::Overloaded => "overloaded",
        StoreError::OutcomeUnknown(_) => "outcome-unknown",
        StoreError::Damaged(_) => "damaged",
        // No purchase makes an account.
        StoreError::Unavailable(_) | StoreError::EmailTaken => "unavailable",
    }
}

#[cfg(test)]
mod tests;
