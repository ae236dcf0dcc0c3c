//! `tsctl bench`: how fast a store sells and answers, measured through the shop, and whether it sold right.
//!
//! Many buyers call [`Shop`] at once, as fast as they are answered or at a fixed rate. `stock` finds what
//! there is to buy, `pace` says when each call is due, `buyer` makes it, `recorder` keeps its time,
//! `oversell` its seats; [`Report`] is what came of it. The harness is cheap: a call costs it two looks at
//! the clock and two short locks that few others want.

mod buyer;
mod calls;
mod check;
mod history;
mod load;
mod oversell;
mod pace;
mod plot;
mod recorder;
mod report;
mod run;
mod stock;

use std::time::Duration;

use crate::loader::LoadError;
use crate::model::{EventId, Quantity};
use crate::store::StoreError;

pub use calls::{Operation, Outcome};
pub use check::{Check, check};
pub use history::History;
pub use load::{LoadPlan, LoadReport, load};
pub use oversell::WrongSeat;
pub use pace::Rate;
pub use plot::draw;
pub use recorder::{Figures, Interval, Sales};
pub use report::{Report, Settings, StockReport};
pub use run::{Ended, Live, Measured, run};
pub use stock::{Gathered, Stock};

#[cfg(doc)]
use crate::shop::Shop;

/// What the buyers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// They buy.
    Purchase,
    /// They look: dates, multi-events of a day, events of one, one event with its seats left.
    Browse,
    /// Of a hundred calls so many buy, and the others look.
    Mixed {
        /// Purchases, in percent of the calls: 0 to 100.
        purchases: u8,
    },
}

impl Workload {
    /// The name of the workload on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Browse => "browse",
            Self::Mixed { .. } => "mixed",
        }
    }

    /// Whether it sells anything.
    #[must_use]
    pub const fn buys(self) -> bool {
        !matches!(self, Self::Browse)
    }
}

/// When a run ends, counted from the end of its warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// No call is begun after this time.
    After(Duration),
    /// After so many calls.
    Calls(u64),
}

/// What the calls are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The catalogue: its categories are bought from in proportion to their seats.
    Catalogue,
    /// The event on sale that has the most seats.
    LargestEvent,
    /// This event.
    Event(EventId),
}

/// What is to be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What the buyers do.
    pub workload: Workload,
    /// How many call at once, at least 1.
    pub buyers: usize,
    /// When the run ends.
    pub stop: Stop,
    /// Calls begun in this time, before the others, are made and not measured.
    pub warm_up: Duration,
    /// When calls are due; without it, each buyer's next call follows its last.
    pub rate: Option<Rate>,
    /// What the calls are about.
    pub reach: Reach,
    /// Tickets of a purchase; without it 1 to 4, each as often as the others.
    pub quantity: Option<Quantity>,
    /// How many accounts buy, at least 1.
    pub accounts: u32,
    /// Seed of the choices: the n-th call of two runs with equal seed and stock is the same.
    pub seed: u64,
    /// How long a purchase may wait to be begun.
    pub request_timeout: Duration,
}

/// Why a run was not made, or has no result.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// There is nothing to buy or to look at; the text says what to do.
    #[error("{0}")]
    Nothing(String),
    /// The store failed while the run was prepared or checked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalogue was not loaded, or not all of it.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file could not be written; the text names it.
    #[error("{0}")]
    File(String),
    /// Ctrl-C, before all was sold was also counted again.
    #[error("interrupted before the store was checked: `tsctl audit` does that at any time")]
    Interrupted,
    /// The harness itself failed.
    #[error("the benchmark failed: {0}")]
    Harness(String),
}
