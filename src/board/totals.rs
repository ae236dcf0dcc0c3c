//! Tickets sold in all and of late, by country, counted on from the ledger.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::model::CountryCode;
use crate::store::{CountMark, Result, SalesCount, SoldTo, Store};

/// Seconds of late that are told one by one.
pub(super) const SECONDS: i64 = 60;

/// The count so far.
#[derive(Default)]
pub(super) struct Totals {
    mark: CountMark,
    by_country: HashMap<CountryCode, u64>,
    /// Of the last seconds, each by country.
    of_late: BTreeMap<i64, HashMap<CountryCode, u64>>,
    /// The second of the last count; later ones are not complete.
    pub(super) as_of_second: i64,
    /// When the last count was made.
    pub(super) as_of: Option<Instant>,
    left: u64,
    most_left: u64,
}

impl Totals {
    /// Counts on until all is counted or `time` is over.
    pub(super) async fn count(&mut self, store: &Arc<dyn Store>, time: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            let now = Timestamp::now();
            let recent = now - SignedDuration::from_secs(SECONDS + 1);
            let counted = store.count_sales(self.mark, recent).await?;
            self.add(counted, now.as_second());
            if self.left == 0 || begun.elapsed() >= time {
                self.as_of = Some(Instant::now());
                return Ok(());
            }
        }
    }

    fn add(&mut self, counted: SalesCount, second: i64) {
        if counted.from_start {
            *self = Self::default();
        }
        for SoldTo { country, second, tickets } in counted.sold {
            *self.by_country.entry(country).or_default() += tickets;
            if let Some(second) = second {
                *self.of_late.entry(second).or_default().entry(country).or_default() += tickets;
            }
        }
        self.of_late = self.of_late.split_off(&(second - SECONDS));
        (self.mark, self.left, self.as_of_second) = (counted.next, counted.left, second);
        self.most_left = self.most_left.max(counted.left);
    }

    /// How much of the ledger is counted, 0 to 1.
    pub(super) fn share(&self) -> f64 {
        match self.as_of {
            None => 0.0,
            Some(_) if self.left == 0 => 1.0,
            Some(_) => 1.0 - self.left as f64 / self.most_left as f64,
        }
    }

    /// Tickets sold in all.
    pub(super) fn tickets_sold(&self) -> u64 {
        self.by_country.values().sum()
    }

    /// Tickets sold in each of the last full seconds, the oldest first.
    pub(super) fn per_second(&self) -> Vec<u64> {
        let of = |second| self.of_late.get(&second).map_or(0, |sold| sold.values().sum());
        self.last_seconds().map(of).collect()
    }

    /// Countries with tickets sold: in all, and in the last full minute.
    pub(super) fn countries(&self) -> impl Iterator<Item = (CountryCode, u64, u64)> {
        self.by_country.iter().map(|(&country, &all)| {
            let of = |second| self.of_late.get(&second).and_then(|sold| sold.get(&country)).copied();
            (country, all, self.last_seconds().filter_map(of).sum())
        })
    }

    fn last_seconds(&self) -> std::ops::Range<i64> {
        self.as_of_second - SECONDS..self.as_of_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sold(country: &str, second: Option<i64>, tickets: u64) -> SoldTo {
        SoldTo { country: CountryCode::parse(country).unwrap(), second, tickets }
    }

    fn counted(from_start: bool, sold: Vec<SoldTo>, left: u64) -> SalesCount {
        SalesCount { from_start, sold, next: CountMark::default(), left }
    }

    #[test]
    fn the_last_minute_moves_on_and_the_total_stays() {
        let mut totals = Totals::default();
        totals.add(
            counted(
                true,
                vec![sold("DE", None, 100), sold("DE", Some(995), 5), sold("JP", Some(1_000), 2)],
                0,
            ),
            1_000,
        );
        assert_eq!(totals.tickets_sold(), 107);
        assert_eq!(totals.per_second().iter().sum::<u64>(), 5, "second 1,000 is not over");
        totals.add(counted(false, vec![sold("JP", Some(1_000), 1)], 0), 1_010);
        assert_eq!(totals.per_second().iter().sum::<u64>(), 8);
        assert_eq!(totals.per_second()[50], 3, "ten seconds ago");
        let mut countries: Vec<_> =
            totals.countries().map(|(country, all, late)| (country.to_string(), all, late)).collect();
        countries.sort();
        assert_eq!(countries, [("DE".to_owned(), 105, 5), ("JP".to_owned(), 3, 3)]);
        totals.add(counted(false, vec![], 0), 1_056);
        assert_eq!((totals.tickets_sold(), totals.per_second().iter().sum::<u64>()), (108, 3));
    }

    #[test]
    fn a_count_from_the_start_replaces_what_was_counted() {
        let mut totals = Totals::default();
        totals.add(counted(true, vec![sold("DE", None, 100)], 300), 1_000);
        totals.as_of = Some(Instant::now());
        totals.add(counted(false, vec![], 75), 1_000);
        assert!((totals.share() - 0.75).abs() < 1e-9);
        totals.add(counted(true, vec![sold("JP", Some(999), 1)], 0), 1_001);
        assert_eq!((totals.tickets_sold(), totals.per_second()[58]), (1, 1));
    }
}
