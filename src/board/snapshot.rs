//! The board as it is sent: one JSON object.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Figures, Shared, age_seconds};
use crate::metrics::{InfluxHealth, Latency};
use crate::model::{EventSummary, Region};
use crate::store::EventFill;
use crate::version::VERSION;

/// All that a dashboard shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Snapshot {
    time: Timestamp,
    version: &'static str,
    uptime_seconds: u64,
    store: StoreState,
    influx: InfluxState,
    counted: Counted,
    total_tickets_sold: u64,
    /// In the last full minute.
    tickets_per_minute: u64,
    /// In each of the last full seconds, the oldest first.
    tickets_per_second: Vec<u64>,
    latency_ms: Option<LatencyMs>,
    sold_outs_per_minute: u64,
    refused_per_minute: u64,
    conflicts_per_minute: u64,
    /// The one with the most tickets first; likewise the countries within.
    regions: Vec<RegionSales>,
    on_sale: OnSaleState,
    fullest_events: Vec<EventState>,
}

#[derive(Debug, Serialize)]
struct StoreState {
    name: String,
    ready: bool,
    waiting: usize,
    capacity: usize,
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct InfluxState {
    /// `off`, `ok` or `failing`.
    state: &'static str,
    delivered: u64,
    dropped: u64,
    waiting: usize,
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    /// How much of the ledger, 0 to 1.
    share: f64,
    age_seconds: Option<f64>,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
struct LatencyMs {
    p50: f64,
    p90: f64,
    p99: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RegionSales {
    code: &'static str,
    name: &'static str,
    tickets_sold: u64,
    tickets_per_minute: u64,
    countries: Vec<CountrySales>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CountrySales {
    code: String,
    name: String,
    tickets_sold: u64,
    tickets_per_minute: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OnSaleState {
    events: u64,
    seats: u64,
    sold: u64,
    age_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
struct EventState {
    #[serde(flatten)]
    summary: EventSummary,
    seats: u64,
    sold: u64,
}

impl Snapshot {
    /// The shop as it is now.
    pub(super) async fn of(shared: &Shared, figures: &Figures) -> Self {
        let Figures { totals, on_sale, .. } = figures;
        let last = shared.shop.metrics().last_minute();
        let tickets_per_second = totals.per_second();
        let age = age_seconds(figures.on_sale_as_of);
        let fullest = on_sale.fullest.iter().map(EventState::of).collect();
        Self {
            time: Timestamp::now(),
            version: VERSION,
            uptime_seconds: shared.begun.elapsed().as_secs(),
            store: StoreState::of(shared).await,
            influx: InfluxState::of(shared.shop.metrics().influx_health()),
            counted: Counted { share: rounded(totals.share()), age_seconds: age_seconds(totals.as_of) },
            total_tickets_sold: totals.tickets_sold(),
            tickets_per_minute: tickets_per_second.iter().sum(),
            tickets_per_second,
            latency_ms: last.latency.map(LatencyMs::of),
            sold_outs_per_minute: last.sold_outs,
            refused_per_minute: last.refused,
            conflicts_per_minute: last.conflicts,
            regions: regions(totals),
            on_sale: OnSaleState {
                events: on_sale.events,
                seats: on_sale.seats,
                sold: on_sale.sold,
                age_seconds: age,
            },
            fullest_events: fullest,
        }
    }
}

impl StoreState {
    async fn of(shared: &Shared) -> Self {
        let problem = shared.shop.ready().await.err().map(|error| error.to_string());
        let queue = shared.shop.store().queue();
        Self {
            name: shared.store_name.clone(),
            ready: problem.is_none(),
            waiting: queue.waiting,
            capacity: queue.limit,
            problem,
        }
    }
}

impl InfluxState {
    fn of(health: Option<InfluxHealth>) -> Self {
        let state = match &health {
            None => "off",
            Some(health) if health.problem.is_none() => "ok",
            Some(_) => "failing",
        };
        let InfluxHealth { problem, delivered, dropped, waiting } = health.unwrap_or_default();
        Self { state, delivered, dropped, waiting, problem }
    }
}

impl LatencyMs {
    fn of(latency: Latency) -> Self {
        let ms = |time: std::time::Duration| rounded(time.as_secs_f64() * 1_000.0);
        Self { p50: ms(latency.p50), p90: ms(latency.p90), p99: ms(latency.p99) }
    }
}

impl EventState {
    fn of(fill: &EventFill) -> Self {
        Self { summary: fill.summary.clone(), seats: fill.seats, sold: fill.sold }
    }
}

/// Countries by their regions, both with the most tickets first, and by code where they have sold alike.
fn regions(totals: &super::Totals) -> Vec<RegionSales> {
    let mut regions: BTreeMap<Region, RegionSales> = BTreeMap::new();
    for (country, tickets_sold, tickets_per_minute) in totals.countries() {
        let region = country.region();
        let sales = regions.entry(region).or_insert_with(|| RegionSales {
            code: region.code(),
            name: region.name(),
            tickets_sold: 0,
            tickets_per_minute: 0,
            countries: Vec::new(),
        });
        sales.tickets_sold += tickets_sold;
        sales.tickets_per_minute += tickets_per_minute;
        let name = country.country().map_or_else(String::new, |country| country.name.clone());
        sales.countries.push(CountrySales {
            code: country.to_string(),
            name,
            tickets_sold,
            tickets_per_minute,
        });
    }
    let mut regions: Vec<RegionSales> = regions.into_values().collect();
    regions.sort_by_key(|region| (std::cmp::Reverse(region.tickets_sold), region.code));
    for region in &mut regions {
        region.countries.sort_by(|a, b| (b.tickets_sold, &a.code).cmp(&(a.tickets_sold, &b.code)));
    }
    regions
}

/// With three digits behind the point: more is noise, and bytes each second.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
