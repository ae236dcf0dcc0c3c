//! What a store tells of itself for people who watch a sale: counts of the ledger, how full events are, and
//! how much waits.

use jiff::Timestamp;

use crate::model::{CountryCode, EventSummary};

/// How far the ledger is counted; the default is its beginning. Only the engine that made it can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CountMark {
    pub(super) generation: i64,
    pub(super) last: i64,
}

/// The answer of [`super::Store::count_sales`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesCount {
    /// Whether this is a count from the beginning, in place of all that was counted before.
    pub from_start: bool,
    /// What was sold, in no order.
    pub sold: Vec<SoldTo>,
    /// Where the next count goes on.
    pub next: CountMark,
    /// Sales behind `next`, about; 0 where all are counted.
    pub left: u64,
}

/// Tickets sold to the buyers of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoldTo {
    /// Where the buyers are from.
    pub country: CountryCode,
    /// The second (since 1970) in which they were sold, of late ones; `None` of all others.
    pub second: Option<i64>,
    /// How many.
    pub tickets: u64,
}

/// The answer of [`super::Store::on_sale`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnSale {
    /// Events on sale.
    pub events: u64,
    /// Their seats.
    pub seats: u64,
    /// Those of them that are sold.
    pub sold: u64,
    /// The fullest of the events, the fullest first.
    pub fullest: Vec<EventFill>,
}

/// How full an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFill {
    /// The event.
    pub summary: EventSummary,
    /// Its seats.
    pub seats: u64,
    /// Those that are sold.
    pub sold: u64,
}

/// The answer of [`super::Store::queue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFigures {
    /// Requests that wait for the writer, or writes under way where there is no queue.
    pub waiting: usize,
    /// How many may; more are refused, or wait for their turn.
    pub limit: usize,
}

impl OnSale {
    /// Takes in an event, and keeps the `limit` fullest.
    pub(super) fn add(&mut self, event: EventFill, limit: usize) {
        self.events += 1;
        self.seats += event.seats;
        self.sold += event.sold;
        // Compared as fractions, without rounding.
        let fuller = |other: &EventFill| {
            let (a, b) =
                (u128::from(event.sold) * u128::from(other.seats.max(1)), u128::from(event.seats.max(1)));
            a > u128::from(other.sold) * b
        };
        let place = self.fullest.iter().position(fuller).unwrap_or(self.fullest.len());
        if place < limit {
            self.fullest.insert(place, event);
            self.fullest.truncate(limit);
        }
    }
}

/// The second of a time of sale, where it is at or after `recent`.
pub(super) fn second_of(at: Timestamp, recent: Timestamp) -> Option<i64> {
    (at >= recent).then(|| at.as_second())
}
