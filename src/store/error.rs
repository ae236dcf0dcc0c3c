//! What can go wrong in a store, told without naming the engine.
//!
//! [`StoreError`] is what a call answers; its variants say whether anything was written and whether
//! to try again. [`OpenError`] is why there is no store to call: one line for the operator. Causes
//! are for the log; `Display` never shows them.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::Invalid;

/// What a name or id was looked up as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    /// An account, by address or id.
    Account,
    /// A multi-event.
    MultiEvent,
    /// An event; also: any event at all.
    Event,
    /// A ticket category of an event.
    Category,
    /// A sale.
    Sale,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::MultiEvent => "multi-event",
            Self::Event => "event",
            Self::Category => "category",
            Self::Sale => "sale",
        })
    }
}

/// Why a call has no answer. Nothing was written, but for [`StoreError::OutcomeUnknown`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing. Final for this id.
    #[error("there is no such {0}")]
    NotFound(Entity),
    /// Tickets of this event are not sold at this time.
    #[error("tickets of this event are on sale from {from} until {until}")]
    NotOnSale {
        /// When the sale begins or began.
        from: Timestamp,
        /// When the event begins, which ends the sale.
        until: Timestamp,
    },
    /// The category has fewer free seats than asked for.
    #[error("{left} tickets are left in this category")]
    SoldOut {
        /// How many are free.
        left: u32,
    },
    /// The idempotency key was used for another purchase.
    #[error("this idempotency key belongs to another purchase of this account")]
    KeyReused,
    /// The e-mail address belongs to an account with another name or country.
    #[error("this e-mail address belongs to an account with another name or country")]
    EmailTaken,
    /// More is queued than can be answered in time. Try again later.
    #[error("too many purchases are waiting")]
    Overloaded,
    /// The store cannot be used now. Try again later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Cause),
    /// The commit failed in a way that leaves open whether it happened. The same call again settles
    /// it; another purchase may buy twice.
    #[error("it is unknown whether this was done")]
    OutcomeUnknown(#[source] Cause),
    /// What is stored breaks a promise, so nothing more is sold from it: `tsctl audit` shows it.
    #[error("the stored data contradict themselves")]
    Damaged(#[source] Cause),
}

/// What an engine says about a failure; shared by all the calls that it struck.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why a store cannot be opened: one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub(super) String);

impl StoreError {
    /// The store cannot be used, with a fixed cause.
    pub(crate) fn unavailable(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(Arc::from(why.into()))
    }

    /// What is stored contradicts itself.
    pub(super) fn damaged(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Damaged(Arc::from(why.into()))
    }
}

/// A stored value that does not parse.
impl From<Invalid> for StoreError {
    fn from(error: Invalid) -> Self {
        Self::damaged(error)
    }
}
