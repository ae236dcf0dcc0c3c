//! One call of the shop as the harness sees it: which operation, what came of it, what it sold.

use std::time::Duration;

use serde::Serialize;

use crate::model::{CategoryId, EventId, Sale};
use crate::store::{Effort, StoreError};

/// What was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Buying tickets.
    Purchase,
    /// The days of the first and the last event.
    DatesRange,
    /// The multi-events of a day.
    MultiEvents,
    /// The events of a multi-event.
    Events,
    /// One event with its seats left.
    Event,
}

impl Operation {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 5] =
        [Self::Purchase, Self::DatesRange, Self::MultiEvents, Self::Events, Self::Event];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::DatesRange => "dates-range",
            Self::MultiEvents => "multi-events",
            Self::Events => "events",
            Self::Event => "event",
        }
    }

    /// Its place among all.
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The tickets were bought.
    Sold,
    /// What was looked for was found.
    Found,
    /// Fewer seats were left than asked for.
    SoldOut,
    /// The sale of the event is over, or not begun.
    NotOnSale,
    /// What was asked for is not there any more.
    NotFound,
    /// Too many purchases were waiting.
    Overloaded,
    /// The store could not be used.
    Unavailable,
    /// Also the repeat under the same key did not tell whether the purchase was made.
    OutcomeUnknown,
    /// The store contradicts itself.
    Damaged,
    /// Refused for a reason that a benchmark cannot meet.
    Refused,
}

impl Outcome {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Sold,
        Self::Found,
        Self::SoldOut,
        Self::NotOnSale,
        Self::NotFound,
        Self::Overloaded,
        Self::Unavailable,
        Self::OutcomeUnknown,
        Self::Damaged,
        Self::Refused,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sold => "sold",
            Self::Found => "found",
            Self::SoldOut => "sold-out",
            Self::NotOnSale => "not-on-sale",
            Self::NotFound => "not-found",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::Damaged => "damaged",
            Self::Refused => "refused",
        }
    }

    /// Its place among all.
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// Whether the store, and not the stock, is why nothing came of the call: trying again at once is no use.
    pub(super) const fn is_trouble(self) -> bool {
        matches!(self, Self::Overloaded | Self::Unavailable | Self::OutcomeUnknown | Self::Damaged)
    }
}

impl From<&StoreError> for Outcome {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::NotFound(_) => Self::NotFound,
            StoreError::NotOnSale { .. } => Self::NotOnSale,
            StoreError::SoldOut { .. } => Self::SoldOut,
            StoreError::KeyReused | StoreError::EmailTaken => Self::Refused,
            StoreError::Overloaded => Self::Overloaded,
            StoreError::Unavailable(_) => Self::Unavailable,
            StoreError::OutcomeUnknown(_) => Self::OutcomeUnknown,
            StoreError::Damaged(_) => Self::Damaged,
        }
    }
}

/// What a call was and what came of it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) outcome: Outcome,
    /// What was asked for, of a purchase.
    pub(super) wished: Option<Wished>,
    /// What was sold, and what that took the store.
    pub(super) sold: Option<(Sale, Effort)>,
}

/// What a purchase asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wished {
    pub(super) event: EventId,
    pub(super) category: CategoryId,
    pub(super) quantity: u32,
}

impl Call {
    /// A look at something.
    pub(super) fn look<T>(operation: Operation, answer: &Result<T, StoreError>) -> Self {
        let outcome = answer.as_ref().map_or_else(Outcome::from, |_| Outcome::Found);
        Self { operation, outcome, wished: None, sold: None }
    }
}

/// Whole microseconds, rounded up: no time is told shorter than it was.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_places_fit_together() {
        for (at, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation.index(), at);
            assert_eq!(serde_json::to_value(operation).unwrap(), operation.name());
        }
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), at);
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
        }
    }

    #[test]
    fn microseconds_are_rounded_up() {
        let of = |nanos| micros(Duration::from_nanos(nanos));
        assert_eq!((of(0), of(1), of(1_000), of(1_001)), (0, 1, 1, 2));
    }
}
