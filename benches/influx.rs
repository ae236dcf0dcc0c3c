//! What an InfluxDB that fails costs: latency of purchases, memory, and time at the end of the daemon, each
//! beside a shop without InfluxDB. `make bench-influx`. Ends with 1 where a promise is broken.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/influx/server.rs"]
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use server::{Behaviour, FakeInflux};
use ticketshop::cache::CacheSettings;
use ticketshop::config::{Influx, Secret};
use ticketshop::metrics::{Metrics, Sold};
use ticketshop::model::{AccountId, CountryCode, Quantity};
use ticketshop::shop::{Shop, Wish};
use ticketshop::store::conformance::{Fixture, buyer, event_with};
use ticketshop::store::{self, Access, StoreLocation};

/// Purchases a second: an eighth of what the store can do, so that a p99 is one of the shop and not of a queue.
const RATE: u32 = 2_000;
const SECONDS_EACH: u32 = 4;
const ROUNDS: usize = 5;
/// What is promised.
const P99_FACTOR: f64 = 1.10;
const MEMORY_MIB: f64 = 8.0;
const END: Duration = Duration::from_secs(1);

/// A way in which InfluxDB is there or not.
#[derive(Clone, Copy)]
struct Mode {
    name: &'static str,
    influx: Option<Option<Behaviour>>,
}

const MODES: [Mode; 6] = [
    Mode { name: "no InfluxDB", influx: None },
    Mode { name: "takes points", influx: Some(Some(Behaviour::Takes)) },
    Mode { name: "refuses connections", influx: Some(None) },
    Mode { name: "never answers", influx: Some(Some(Behaviour::Hangs)) },
    Mode { name: "one byte a second", influx: Some(Some(Behaviour::Drips)) },
    Mode { name: "answers 500", influx: Some(Some(Behaviour::Fails(500))) },
];

impl Mode {
    /// Its settings, and the server behind them.
    async fn settings(self) -> (Option<Influx>, Option<FakeInflux>) {
        let Some(behaviour) = self.influx else { return (None, None) };
        let server = match behaviour {
            Some(behaviour) => Some(FakeInflux::forgetful(behaviour).await),
            None => None,
        };
        let influx = Influx {
            address: server.as_ref().map_or("http://127.0.0.1:9".to_owned(), FakeInflux::url),
            bucket: "b".to_owned(),
            organisation: String::new(),
            token: Secret::default(),
            batch_size: 7,
            flush_interval: Duration::from_secs(1),
            instance: None,
        };
        (Some(influx), server)
    }
}

/// Buys at a steady rate, each purchase timed from when it was due, and returns the p99 in milliseconds.
async fn p99_ms(shop: &Shop, fixture: &Fixture, accounts: &[AccountId]) -> f64 {
    let times = Arc::new(std::sync::Mutex::new(Histogram::<u64>::new(3).unwrap()));
    let begun = tokio::time::Instant::now() + Duration::from_millis(50);
    let mut purchases = tokio::task::JoinSet::new();
    for no in 0..RATE * SECONDS_EACH {
        let due = begun + Duration::from_secs(1) * no / RATE;
        tokio::time::sleep_until(due).await;
        let wish = Wish {
            account: accounts[no as usize % accounts.len()],
            event: fixture.event,
            category: fixture.categories[0],
            quantity: Quantity::new(2).unwrap(),
            key: None,
        };
        let (shop, times) = (shop.clone(), Arc::clone(&times));
        purchases.spawn(async move {
            shop.purchase_tickets(wish, Instant::now() + Duration::from_secs(5)).await.unwrap();
            times.lock().unwrap().record(due.elapsed().as_micros() as u64).unwrap();
        });
    }
    purchases.join_all().await;
    let times = times.lock().unwrap();
    times.value_at_quantile(0.99) as f64 / 1_000.0
}

/// Resident memory of this process in MiB.
fn memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1_024.0
}

struct Measured {
    p99_ms: f64,
    memory_mib: f64,
    end: Duration,
    exact: bool,
}

/// One round of one mode, on a store of its own.
async fn measure(mode: Mode) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let location = StoreLocation::Sqlite { path: folder.path().join("shop.db") };
    let store = store::open(&location, Access::Serve).await.unwrap();
    let fixture = event_with(&store, &[100_000]).await;
    let mut accounts = Vec::new();
    for _ in 0..100 {
        accounts.push(buyer(&store).await.id);
    }
    let (influx, _server) = mode.settings().await;
    let metrics = Metrics::new(influx.as_ref());
    let publisher = metrics.publish(influx.as_ref()).unwrap();
    let cache = CacheSettings { size: 1_000, expiration: Duration::from_secs(60) };
    let shop = Shop::with_metrics(Arc::clone(&store), cache, metrics.clone());
    let p99_ms = p99_ms(&shop, &fixture, &accounts).await;

    // More points than are kept: what they take at most.
    let before = memory_mib();
    let (country, sold) = (CountryCode::parse("DE").unwrap(), Sold { tickets: 1, took: Duration::ZERO });
    let many = 300_000;
    for no in 0..many {
        metrics.sold(country, sold);
        if no % 1_000 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let memory_mib = memory_mib() - before;
    let begun = Instant::now();
    if let Some(publisher) = publisher {
        publisher.close().await;
    }
    let end = begun.elapsed();
    let made = u64::from(RATE * SECONDS_EACH) + many;
    let exact = metrics.influx_health().is_none_or(|health| health.delivered + health.dropped == made);
    store.close().await;
    Measured { p99_ms, memory_mib, end, exact }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    // A first round warms up and is not counted.
    measure(MODES[0]).await;
    let mut rounds: Vec<Vec<Measured>> = MODES.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (mode, measured) in MODES.iter().zip(&mut rounds) {
            measured.push(measure(*mode).await);
        }
    }
    println!(
        "{RATE} purchases/s for {SECONDS_EACH} s, {ROUNDS} rounds; p99: median of the rounds; the rest: the worst of them"
    );
    println!(
        "{:<22} {:>9} {:>9} {:>11} {:>9}  counts",
        "InfluxDB", "p99 ms", "of none", "memory MiB", "end ms"
    );
    let p99 = |measured: &[Measured]| median(measured.iter().map(|measured| measured.p99_ms).collect());
    let none = p99(&rounds[0]);
    let mut kept = true;
    for (mode, measured) in MODES.iter().zip(&rounds) {
        let (p99, worst) =
            (p99(measured), |of: fn(&Measured) -> f64| measured.iter().map(of).fold(0.0, f64::max));
        let (memory, end) = (worst(|one| one.memory_mib), worst(|one| one.end.as_secs_f64()));
        let exact = measured.iter().all(|one| one.exact);
        kept &= p99 <= none * P99_FACTOR && memory <= MEMORY_MIB && end <= END.as_secs_f64() && exact;
        let (factor, counts) = (p99 / none, if exact { "exact" } else { "WRONG" });
        println!("{:<22} {p99:>9.2} {factor:>9.2} {memory:>11.1} {:>9.0}  {counts}", mode.name, end * 1e3);
    }
    println!(
        "promised: p99 at most {P99_FACTOR} of none, memory at most {MEMORY_MIB} MiB, end within {} ms",
        END.as_millis()
    );
    if kept { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
