//! Keeping the times of calls: one short lock a call, of a shard that few others use; one collector that
//! empties the shards a few times a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::calls::{Call, Operation, Outcome, micros};

/// Significant digits of a latency.
const DIGITS: u8 = 3;

/// Calls counted, and their latencies in microseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// By [`Operation::index`]; made with the first call of each.
    latencies: [Option<Histogram<u64>>; Operation::ALL.len()],
    /// By [`Outcome::index`].
    outcomes: [u64; Outcome::ALL.len()],
    sales: SalesTally,
}

/// Sales counted.
#[derive(Debug, Clone, Copy, Default)]
struct SalesTally {
    sales: u64,
    tickets: u64,
    attempts: u64,
    groups: u64,
    group_max: u32,
}

/// How often, how fast. Latencies are in milliseconds and exact to three digits.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// The operation, or `total`.
    pub operation: &'static str,
    /// Calls, whatever came of them.
    pub calls: u64,
    /// Calls per second.
    pub per_second: f64,
    /// Of a hundred calls 50 took at most this long.
    pub p50_ms: f64,
    /// 90 of a hundred.
    pub p90_ms: f64,
    /// 99 of a hundred.
    pub p99_ms: f64,
    /// 999 of a thousand.
    pub p999_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// The calls that ended in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    /// When it ended, from the beginning of the measured time.
    pub at_seconds: f64,
    /// How long it was.
    pub seconds: f64,
    /// Calls that ended in it.
    pub calls: u64,
    /// Calls per second.
    pub per_second: f64,
    /// The latency that half of them kept; 0 where there was none.
    pub p50_ms: f64,
    /// The latency that 99 of a hundred kept.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// What was sold in the measured time, and what that took the store.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sales {
    /// Sales.
    pub sales: u64,
    /// Tickets in them.
    pub tickets: u64,
    /// Sales per second.
    pub sales_per_second: f64,
    /// Tickets per second.
    pub tickets_per_second: f64,
    /// Transactions begun for a sale, on average; above 1 where they met contention.
    pub attempts_per_sale: f64,
    /// Requests that shared the transaction of a sale, on average over the sales.
    pub mean_group: f64,
    /// The most that shared one.
    pub max_group: u32,
}

impl Tally {
    /// Counts a call that took this long.
    pub(super) fn add(&mut self, call: &Call, latency: Duration) {
        let slot = &mut self.latencies[call.operation.index()];
        if slot.is_none() {
            *slot = Histogram::new(DIGITS).ok();
        }
        let micros = micros(latency);
        if let Some(latencies) = slot
            && latencies.record(micros).is_err()
        {
            latencies.saturating_record(micros);
        }
        self.outcomes[call.outcome.index()] += 1;
        if let Some((sale, effort)) = &call.sold {
            let sales = &mut self.sales;
            sales.sales += 1;
            sales.tickets += u64::from(sale.seats.count());
            sales.attempts += u64::from(effort.attempts);
            sales.groups += u64::from(effort.group);
            sales.group_max = sales.group_max.max(effort.group);
        }
    }

    /// Adds what another has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, others) in self.latencies.iter_mut().zip(&other.latencies) {
            match (mine.as_mut(), others) {
                // The larger grows where it must; it cannot fail as long as memory lasts.
                (Some(mine), Some(others)) => drop(mine.add(others)),
                (None, Some(_)) => mine.clone_from(others),
                (_, None) => {}
            }
        }
        for (mine, others) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine += others;
        }
        self.sales.sales += other.sales.sales;
        self.sales.tickets += other.sales.tickets;
        self.sales.attempts += other.sales.attempts;
        self.sales.groups += other.sales.groups;
        self.sales.group_max = self.sales.group_max.max(other.sales.group_max);
    }

    /// Forgets the counts and keeps the memory.
    fn clear(&mut self) {
        self.latencies.iter_mut().flatten().for_each(Histogram::reset);
        self.outcomes = Default::default();
        self.sales = SalesTally::default();
    }

    /// How many calls were counted.
    pub(super) fn calls(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// How many calls came to this.
    pub(super) fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome.index()]
    }

    /// The latencies of all operations together.
    pub(super) fn all_latencies(&self) -> Option<Histogram<u64>> {
        let mut all: Option<Histogram<u64>> = None;
        for latencies in self.latencies.iter().flatten() {
            match &mut all {
                Some(all) => drop(all.add(latencies)),
                None => all = Some(latencies.clone()),
            }
        }
        all
    }

    /// Each operation that was called, with its latencies in microseconds.
    pub(super) fn latencies(&self) -> impl Iterator<Item = (Operation, &Histogram<u64>)> {
        let called = |(operation, latencies)| Some((operation, Option::as_ref(latencies)?));
        let all = Operation::ALL.into_iter().zip(&self.latencies).filter_map(called);
        all.filter(|(_, latencies): &(Operation, &Histogram<u64>)| !latencies.is_empty())
    }

    /// What was sold in so many seconds.
    pub(super) fn sales(&self, seconds: f64) -> Sales {
        let SalesTally { sales, tickets, attempts, groups, group_max } = self.sales;
        let of_sales = |sum: u64| rounded(sum as f64 / sales.max(1) as f64);
        Sales {
            sales,
            tickets,
            sales_per_second: per_second(sales, seconds),
            tickets_per_second: per_second(tickets, seconds),
            attempts_per_sale: of_sales(attempts),
            mean_group: of_sales(groups),
            max_group: group_max,
        }
    }

    /// The figures of a stretch of time.
    pub(super) fn interval(&self, at: Duration, length: Duration) -> Interval {
        let latencies = self.all_latencies();
        let ms = |quantile| latencies.as_ref().map_or(0.0, |latencies| quantile_ms(latencies, quantile));
        Interval {
            at_seconds: rounded(at.as_secs_f64()),
            seconds: rounded(length.as_secs_f64()),
            calls: self.calls(),
            per_second: per_second(self.calls(), length.as_secs_f64()),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            max_ms: ms(1.0),
        }
    }
}

impl Figures {
    /// The figures of no calls.
    pub(super) const fn none(operation: &'static str) -> Self {
        let (calls, per_second, ms) = (0, 0.0, 0.0);
        Self { operation, calls, per_second, p50_ms: ms, p90_ms: ms, p99_ms: ms, p999_ms: ms, max_ms: ms }
    }

    /// The figures of calls that took `seconds` in all.
    pub(super) fn of(operation: &'static str, latencies: &Histogram<u64>, seconds: f64) -> Self {
        let ms = |quantile| quantile_ms(latencies, quantile);
        Self {
            operation,
            calls: latencies.len(),
            per_second: per_second(latencies.len(), seconds),
            p50_ms: ms(0.5),
            p90_ms: ms(0.9),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            max_ms: ms(1.0),
        }
    }
}

/// A quantile (0 to 1) in milliseconds.
pub(super) fn quantile_ms(latencies: &Histogram<u64>, quantile: f64) -> f64 {
    latencies.value_at_quantile(quantile) as f64 / 1e3
}

/// So many in so many seconds, per second.
pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { rounded(count as f64 / seconds) } else { 0.0 }
}

/// Three decimals: more would only look exact.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

/// Where the buyers leave the times of their calls.
pub(super) struct Recorder {
    shards: Box<[Mutex<Tally>]>,
}

impl Recorder {
    /// A recorder for so many buyers on so many cores.
    pub(super) fn new(buyers: usize, cores: usize) -> Self {
        let shards = (cores * 4).clamp(1, buyers.max(1));
        Self { shards: (0..shards).map(|_| Mutex::default()).collect() }
    }

    /// Counts a call of this buyer.
    pub(super) fn add(&self, buyer: usize, call: &Call, latency: Duration) {
        if let Some(shard) = self.shards.get(buyer % self.shards.len()) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).add(call, latency);
        }
    }

    /// Moves all that was counted into `interval`, which is emptied first. `spare` is an empty tally that
    /// takes turns with those of the shards, so that their locks are held for a swap and no longer.
    pub(super) fn collect(&self, interval: &mut Tally, spare: &mut Tally) {
        interval.clear();
        for shard in &self.shards {
            std::mem::swap(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner), spare);
            interval.merge(spare);
            spare.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: Operation, outcome: Outcome) -> Call {
        Call { operation, outcome, wished: None, sold: None }
    }

    #[test]
    fn what_shards_counted_is_merged_and_none_is_lost_or_counted_twice() {
        let recorder = Recorder::new(7, 1);
        let (mut total, mut interval, mut spare) = (Tally::default(), Tally::default(), Tally::default());
        for round in 1..=3_u64 {
            for buyer in 0..7 {
                let millis = Duration::from_millis(round * 10 + buyer as u64);
                recorder.add(buyer, &call(Operation::Purchase, Outcome::Sold), millis);
                recorder.add(buyer, &call(Operation::Event, Outcome::NotFound), Duration::from_micros(5));
            }
            recorder.collect(&mut interval, &mut spare);
            assert_eq!((interval.calls(), interval.outcome(Outcome::Sold)), (14, 7));
            total.merge(&interval);
        }
        recorder.collect(&mut interval, &mut spare);
        assert_eq!(interval.calls(), 0);
        assert_eq!((total.calls(), total.outcome(Outcome::NotFound)), (42, 21));
        let of: Vec<_> = total.latencies().map(|(operation, of)| (operation, of.len())).collect();
        assert_eq!(of, [(Operation::Purchase, 21), (Operation::Event, 21)]);
        let figures = Figures::of("total", &total.all_latencies().unwrap(), 2.0);
        assert_eq!((figures.calls, figures.per_second), (42, 21.0));
        assert!((36.0..36.1).contains(&figures.max_ms), "{figures:?}");
        assert!((0.005..0.006).contains(&figures.p50_ms), "{figures:?}");
    }

    #[test]
    fn a_stretch_without_calls_has_figures_of_zero() {
        let interval = Tally::default().interval(Duration::from_millis(500), Duration::from_millis(250));
        assert_eq!((interval.calls, interval.per_second, interval.max_ms), (0, 0.0, 0.0));
        assert_eq!((interval.at_seconds, interval.seconds), (0.5, 0.25));
        assert!(Tally::default().all_latencies().is_none());
    }

    #[test]
    fn very_long_latencies_are_kept() {
        let mut tally = Tally::default();
        tally.add(&call(Operation::Event, Outcome::Found), Duration::from_secs(90));
        tally.add(&call(Operation::Event, Outcome::Found), Duration::MAX);
        let latencies = tally.all_latencies().unwrap();
        assert_eq!(latencies.len(), 2);
        assert!((90_000.0..90_100.0).contains(&quantile_ms(&latencies, 0.5)));
    }
}
