//! The figures of a run of bots, as they are shown and printed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{AccountId, EventId, Money, SaleId, SeatRanges};

/// How one run of a bot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With tickets.
    Bought,
    /// Every category that was tried had too few seats left.
    SoldOut,
    /// On no day that was tried was anything on sale.
    NothingOnSale,
    /// A request had no definite answer after all its repeats; nothing was bought.
    GaveUp,
    /// Nothing was bought, and some answers were none that this API gives.
    Failed,
    /// A purchase was sent, and whether it was made is not known.
    Unknown,
    /// The bots were asked to end before.
    Stopped,
}

impl Outcome {
    /// Every outcome, in the order of the results.
    pub const ALL: [Self; 7] = [
        Self::Bought,
        Self::SoldOut,
        Self::NothingOnSale,
        Self::GaveUp,
        Self::Failed,
        Self::Unknown,
        Self::Stopped,
    ];

    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Bought => "bought",
            Self::SoldOut => "sold out",
            Self::NothingOnSale => "nothing on sale",
            Self::GaveUp => "gave up: no answer after repeats",
            Self::Failed => "failed: unexpected answers",
            Self::Unknown => "unknown whether bought",
            Self::Stopped => "stopped",
        }
    }

    /// For programs: the name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bought => "bought",
            Self::SoldOut => "soldOut",
            Self::NothingOnSale => "nothingOnSale",
            Self::GaveUp => "gaveUp",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Stopped => "stopped",
        }
    }
}

/// Counts of all bots together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Since the bots began.
    pub time: Duration,
    /// Bots that have not ended.
    pub running: u64,
    /// Those of them that wait: for a round, a run, a repeat or a free connection.
    pub waiting: u64,
    /// Runs that ended, by [`Outcome`] in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Purchases that were answered as made.
    pub purchases: u64,
    /// Those of them whose first answer was lost on the way: a repeat was answered with the first sale.
    pub replayed: u64,
    /// Tickets that were bought.
    pub tickets: u64,
    /// What they cost.
    pub revenue: Money,
    /// HTTP calls, each attempt one.
    pub calls: u64,
    /// Repeats among them.
    pub retries: u64,
    /// Calls without an answer, or with one that is an error of the server or no answer of this API.
    pub errors: u64,
    /// The same by kind.
    pub error_kinds: BTreeMap<String, u64>,
}

impl Figures {
    /// Runs that ended so.
    #[must_use]
    pub const fn runs(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Runs that ended.
    #[must_use]
    pub fn all_runs(&self) -> u64 {
        self.outcomes.iter().sum()
    }
}

/// A purchase that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Which bot bought, from 1.
    pub bot: u32,
    /// Its account.
    pub account_id: AccountId,
    /// The sale, where the server names it.
    pub sale_id: Option<SaleId>,
    /// The event.
    pub event_id: EventId,
    /// Name of the event.
    pub event: String,
    /// Name of the venue.
    pub venue: String,
    /// Name of the category.
    pub category: String,
    /// How many tickets.
    pub quantity: u32,
    /// Their seats.
    pub seats: SeatRanges,
    /// What they cost together.
    pub total: Money,
}

/// An event of which tickets were bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopEvent {
    /// Its id.
    pub id: EventId,
    /// Its name.
    pub event: String,
    /// Name of the venue.
    pub venue: String,
    /// Tickets that the bots bought.
    pub tickets: u64,
    /// What they cost.
    pub revenue: Money,
}

impl TopEvent {
    /// The event of a purchase, with nothing bought yet.
    pub(super) fn of(purchase: &Purchase) -> Self {
        Self {
            id: purchase.event_id,
            event: purchase.event.clone(),
            venue: purchase.venue.clone(),
            tickets: 0,
            revenue: Money::default(),
        }
    }
}

/// The calls of one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Method and path below the root.
    pub route: &'static str,
    /// Calls, each attempt one.
    pub count: u64,
    /// Those that were errors; see [`Figures::errors`].
    pub errors: u64,
    /// Half of them took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}
