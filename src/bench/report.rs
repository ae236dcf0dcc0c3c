//! What came of a run, as it is printed, plotted and kept: one value with everything in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::calls::Outcome;
use super::check::Check;
use super::recorder::{Figures, Interval, Sales, quantile_ms, rounded};
use super::run::{Ended, Measured};
use super::{Plan, Reach, Stock, Stop, Workload};

/// The result of a run. Latencies are in milliseconds, rates per second, times in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The store, as `--store` names it.
    pub store: String,
    /// `purchase`, `browse` or `mixed`.
    pub workload: &'static str,
    /// The id that the run's idempotency keys begin with.
    pub run: String,
    /// When it began.
    pub begun: Timestamp,
    /// How it was set up.
    pub settings: Settings,
    /// What there was to buy and to look at.
    pub stock: StockReport,
    /// How long was measured: from the end of the warm-up to the end of the last call.
    pub seconds: f64,
    /// Why the run ended before its time, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<Ended>,
    /// Calls that were due in time and that nobody was free to begin, at a fixed rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_begun: Option<u64>,
    /// All calls.
    pub total: Figures,
    /// Each operation by itself; only where there is more than one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Figures>,
    /// Calls by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// What was sold; only where something was to be bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sales: Option<Sales>,
    /// The figures of every quarter of a second or so.
    pub intervals: Vec<Interval>,
    /// The distribution of the latencies, of each operation.
    pub curves: Vec<Curve>,
    /// Whether the store sold right; only where something was to be bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// How a run was set up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Callers at once.
    pub buyers: usize,
    /// The measured time that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// The calls that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The time before, which is not measured.
    pub warm_up_seconds: f64,
    /// Calls per second of an open loop; without it the loop is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// `catalogue`, `largest-event`, or the id of an event.
    pub reach: String,
    /// Tickets of a purchase: a number, or `1-4`.
    pub quantity: String,
    /// Purchases in percent of the calls.
    pub purchases_percent: u8,
    /// Accounts that buy.
    pub accounts: u32,
    /// Seed of the choices.
    pub seed: u64,
}

/// What there was to buy and to look at when the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockReport {
    /// Events.
    pub events: usize,
    /// Categories with seats left.
    pub categories: usize,
    /// Seats left in them.
    pub seats_left: u64,
}

/// The latencies of an operation by percentile.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Curve {
    /// The operation.
    pub operation: &'static str,
    /// From 0 up to the last percentile that its calls tell something of.
    pub points: Vec<Point>,
}

/// One percentile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// How many nines the percentile has: 1 is 90 %, 2 is 99 %, 3 is 99.9 %.
    pub nines: f64,
    /// The percentile, 0 to 100.
    pub percentile: f64,
    /// The latency that so many percent of the calls kept.
    pub ms: f64,
}

impl Settings {
    /// The settings of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let (duration_seconds, count) = match plan.stop {
            Stop::After(time) => (Some(time.as_secs_f64()), None),
            Stop::Calls(calls) => (None, Some(calls)),
        };
        Self {
            buyers: plan.buyers,
            duration_seconds,
            count,
            warm_up_seconds: plan.warm_up.as_secs_f64(),
            rate: plan.rate.map(super::Rate::per_second),
            reach: match plan.reach {
                Reach::Catalogue => "catalogue".to_owned(),
                Reach::LargestEvent => "largest-event".to_owned(),
                Reach::Event(id) => id.to_string(),
            },
            quantity: plan.quantity.map_or_else(|| "1-4".to_owned(), |quantity| quantity.get().to_string()),
            purchases_percent: match plan.workload {
                Workload::Purchase => 100,
                Workload::Browse => 0,
                Workload::Mixed { purchases } => purchases,
            },
            accounts: plan.accounts,
            seed: plan.seed,
        }
    }
}

impl StockReport {
    /// What the stock holds.
    #[must_use]
    pub const fn of(stock: &Stock) -> Self {
        Self { events: stock.events(), categories: stock.categories(), seats_left: stock.seats_left() }
    }
}

impl Report {
    /// The report of a run on the store that `--store` calls `store`.
    #[must_use]
    pub fn new(
        store: &str,
        plan: &Plan,
        stock: StockReport,
        measured: Measured,
        check: Option<Check>,
    ) -> Self {
        let Measured { tally, seconds, .. } = &measured;
        let of_operation = |(operation, latencies): (super::Operation, &hdrhistogram::Histogram<u64>)| {
            Figures::of(operation.name(), latencies, *seconds)
        };
        let mut operations: Vec<Figures> = tally.latencies().map(of_operation).collect();
        let total = match (tally.all_latencies(), operations.as_slice()) {
            (_, [only]) => only.clone(),
            (Some(all), _) => Figures::of("total", &all, *seconds),
            (None, _) => Figures::none("total"),
        };
        if operations.len() == 1 {
            operations.clear();
        }
        let outcomes = Outcome::ALL.into_iter().map(|outcome| (outcome.name(), tally.outcome(outcome)));
        let curve = |(operation, latencies): (super::Operation, &hdrhistogram::Histogram<u64>)| Curve {
            operation: operation.name(),
            points: points(latencies),
        };
        Self {
            store: store.to_owned(),
            workload: plan.workload.name(),
            settings: Settings::of(plan),
            stock,
            seconds: rounded(*seconds),
            total,
            operations,
            outcomes: outcomes.filter(|(_, calls)| *calls > 0).collect(),
            sales: plan.workload.buys().then(|| tally.sales(*seconds)),
            curves: tally.latencies().map(curve).collect(),
            run: measured.run,
            begun: measured.begun,
            ended_early: measured.ended,
            not_begun: measured.not_begun,
            intervals: measured.intervals,
            check,
        }
    }

    /// The kind of store: what `--store` begins with.
    #[must_use]
    pub fn engine(&self) -> &str {
        self.store.split(':').next().unwrap_or_default()
    }
}

/// The percentile that has so many nines, 0 to 100.
fn percentile_of(nines: f64) -> f64 {
    100.0 * (1.0 - 10_f64.powf(-nines))
}

/// The curve in steps of a twentieth of a nine, as far as one call in all reaches.
fn points(latencies: &hdrhistogram::Histogram<u64>) -> Vec<Point> {
    let steps = (20.0 * (latencies.len().max(1) as f64).log10()).floor() as u32;
    let point = |nines: f64| {
        let percentile = percentile_of(nines);
        let shown = (percentile * 1e6).round() / 1e6;
        Point { nines: rounded(nines), percentile: shown, ms: quantile_ms(latencies, percentile / 100.0) }
    };
    (0..=steps).map(|step| point(f64::from(step) / 20.0)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::calls::{Call, Operation};
    use crate::bench::recorder::Tally;

    fn measured(operations: &[(Operation, Outcome)]) -> Measured {
        let mut tally = Tally::default();
        for &(operation, outcome) in operations {
            tally.add(&Call { operation, outcome, wished: None, sold: None }, Duration::from_millis(4));
        }
        Measured {
            run: "bench-1".to_owned(),
            begun: Timestamp::UNIX_EPOCH,
            seconds: 2.0,
            tally,
            intervals: Vec::new(),
            ended: Some(Ended::SoldOut),
            not_begun: None,
            tickets: 0,
            wrong: (0, Vec::new()),
            sold_before: 0,
        }
    }

    fn report(workload: Workload, operations: &[(Operation, Outcome)]) -> serde_json::Value {
        let plan = Plan {
            workload,
            buyers: 8,
            stop: Stop::After(Duration::from_secs(2)),
            warm_up: Duration::ZERO,
            rate: super::super::Rate::new(50.0),
            reach: Reach::LargestEvent,
            quantity: None,
            accounts: 3,
            seed: 7,
            request_timeout: Duration::from_secs(1),
        };
        let stock = StockReport { events: 1, categories: 2, seats_left: 3 };
        let report = Report::new("sqlite:x.db", &plan, stock, measured(operations), None);
        assert_eq!(report.engine(), "sqlite");
        serde_json::to_value(&report).unwrap()
    }

    #[test]
    fn one_operation_is_the_total() {
        let both = [(Operation::Purchase, Outcome::Sold), (Operation::Purchase, Outcome::SoldOut)];
        let json = report(Workload::Purchase, &both);
        assert_eq!((&json["total"]["operation"], &json["total"]["calls"]), (&"purchase".into(), &2.into()));
        assert_eq!(json["total"]["perSecond"], 1.0);
        assert_eq!(json["outcomes"], serde_json::json!({"sold": 1, "sold-out": 1}));
        assert_eq!((json.get("operations"), &json["endedEarly"]), (None, &"sold-out".into()));
        assert_eq!(
            (&json["settings"]["rate"], &json["settings"]["reach"]),
            (&50.0.into(), &"largest-event".into())
        );
        assert_eq!(json["settings"].get("count"), None);
        assert_eq!(json["stock"]["seatsLeft"], 3);
    }

    #[test]
    fn several_operations_are_told_one_by_one_and_add_up() {
        let both = [(Operation::Purchase, Outcome::Sold), (Operation::Event, Outcome::Found)];
        let json = report(Workload::Mixed { purchases: 20 }, &both);
        assert_eq!((&json["total"]["operation"], &json["total"]["calls"]), (&"total".into(), &2.into()));
        let calls: u64 =
            json["operations"].as_array().unwrap().iter().map(|of| of["calls"].as_u64().unwrap()).sum();
        assert_eq!((calls, json["curves"].as_array().unwrap().len()), (2, 2));
    }

    #[test]
    fn a_run_without_a_call_has_a_report() {
        let json = report(Workload::Browse, &[]);
        assert_eq!((&json["total"]["calls"], json.get("sales")), (&0.into(), None));
    }

    #[test]
    fn nines_are_percentiles() {
        for (nines, percentile) in [(0.0, 0.0), (1.0, 90.0), (2.0, 99.0), (4.0, 99.99)] {
            assert!((percentile_of(nines) - percentile).abs() < 1e-9);
        }
    }

    #[test]
    fn a_curve_goes_as_far_as_its_calls() {
        let mut latencies = hdrhistogram::Histogram::new(3).unwrap();
        for micros in 1..=1_000 {
            latencies.record(micros).unwrap();
        }
        let points = points(&latencies);
        assert_eq!((points.first().unwrap().nines, points.last().unwrap().nines), (0.0, 3.0));
        assert!(points.windows(2).all(|pair| pair[0].ms <= pair[1].ms));
        assert_eq!(points.iter().find(|point| point.nines == 1.0).unwrap().ms, 0.9);
    }
}
