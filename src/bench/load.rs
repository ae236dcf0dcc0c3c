//! `tsctl bench load`: how fast a store takes a catalogue.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

use super::BenchError;
use super::recorder::{per_second, rounded};
use crate::generator::GeneratorConfig;
use crate::loader::{LoadRequest, Progress, load_tickets, load_venues};
use crate::store::Store;

/// Tickets that a venue of the generator's default is worth: enough places for events of every kind.
const TICKETS_A_VENUE: u64 = 5_000;
/// Fewer venues have no place for some kinds of events.
const VENUES_MIN: u64 = 60;

/// What is to be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadPlan {
    /// About so many tickets.
    pub tickets: u64,
    /// Venues, added to those of the store; without it one for 5,000 tickets, and at least 60.
    pub venues: Option<u64>,
    /// Seed of the generator, which the store must not have seen.
    pub seed: u64,
}

/// How fast a catalogue was loaded.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadReport {
    /// The store, as `--store` names it.
    pub store: String,
    /// `load`.
    pub workload: &'static str,
    /// Seed of the generator.
    pub seed: u64,
    /// Venues loaded.
    pub venues: u64,
    /// Multi-events loaded.
    pub multi_events: u64,
    /// Events loaded.
    pub events: u64,
    /// Tickets loaded.
    pub tickets: u64,
    /// What loading the venues took.
    pub venues_seconds: f64,
    /// What loading multi-events, events and tickets took, with generating them.
    pub tickets_seconds: f64,
    /// Tickets per second of that.
    pub tickets_per_second: f64,
    /// The most memory that this process had, in bytes, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// Why there are fewer tickets than asked for, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortfall: Option<String>,
}

/// Loads a generated catalogue and measures that; what is loaded stays. `progress` is told the tickets.
///
/// # Errors
/// [`BenchError::Load`].
pub async fn load(
    store: &Arc<dyn Store>,
    location: &str,
    plan: LoadPlan,
    progress: Progress<'_>,
) -> Result<LoadReport, BenchError> {
    let LoadPlan { tickets, venues, seed } = plan;
    let venues = venues.unwrap_or_else(|| (tickets / TICKETS_A_VENUE).max(VENUES_MIN));
    let request = |count| LoadRequest { count, seed, config: GeneratorConfig::default() };
    let begun = Instant::now();
    let venues = load_venues(store, &request(venues), &mut |_, _| ()).await?;
    let venues_seconds = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let loaded = load_tickets(store, &request(tickets), Timestamp::now(), progress).await?;
    let tickets_seconds = begun.elapsed().as_secs_f64();
    let statistics = &loaded.statistics;
    Ok(LoadReport {
        store: location.to_owned(),
        workload: "load",
        seed,
        venues: venues.statistics.num_venues,
        multi_events: statistics.num_multi_events,
        events: statistics.num_events,
        tickets: statistics.num_tickets,
        venues_seconds: rounded(venues_seconds),
        tickets_seconds: rounded(tickets_seconds),
        tickets_per_second: per_second(statistics.num_tickets, tickets_seconds),
        peak_memory_bytes: peak_memory(),
        shortfall: loaded.shortfall,
    })
}

/// The most memory that this process had, as Linux tells it.
fn peak_memory() -> Option<u64> {
    peak_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_where_there_is_one() {
        assert_eq!(peak_of("Name:\ttsctl\nVmHWM:\t   12345 kB\nVmRSS:\t 1 kB\n"), Some(12_641_280));
        assert_eq!(peak_of("Name:\ttsctl\n"), None);
    }
}
