//! The store: one trait, each method one promise, and two engines that keep it.
//!
//! Nothing above this module knows which engine it talks to; nothing but [`open`] and its sisters
//! here names one. What the promises mean is tested by `conformance`, the same functions for each.

mod audit;
mod backup;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod figures;
mod location;
mod spanner;
mod sqlite;
mod stages;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::{
    Account, AccountId, CategorySold, CountryCode, DatesRange, Email, EventFacts, EventId, EventSummary,
    MultiEvent, MultiEventId, NewAccount, NewMultiEvent, Purchase, Sale, SaleId, Venue,
};

pub use audit::{AuditReport, Disagreement};
pub use backup::{BackupSource, BackupTarget, Restored, backup, restore};
pub use error::{Cause, Entity, OpenError, StoreError};
pub use figures::{CountMark, EventFill, OnSale, QueueFigures, SalesCount, SoldTo};
pub use location::{DEFAULT_STORE, SpannerLocation, StoreLocation};
pub use spanner::{Omni, Priority, SeatLock, SpannerSettings};

/// What every answer of a store is.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Where the catalogue, the accounts and the sales are kept.
///
/// Each method is one atomic step; none needs another to be right. Engines retry contention
/// themselves. An error other than [`StoreError::OutcomeUnknown`] means that nothing was written. Loads and
/// `reset` alone may be many steps to an engine: after an unknown outcome the same call again finishes them.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Makes an account, or finds the one that is there already with the same address, name and country.
    ///
    /// # Errors
    /// [`StoreError::EmailTaken`] where the address belongs to another name or country.
    async fn create_account(&self, account: &NewAccount) -> Result<CreatedAccount>;

    /// The account with this address. Strong: it sees every account made before.
    async fn account(&self, email: &Email) -> Result<Account>;

    /// The account with this id. Strong.
    async fn account_by_id(&self, id: AccountId) -> Result<Account>;

    /// The sales of an account, the newest first, at most `limit`. Strong.
    async fn sales(&self, account: AccountId, limit: usize) -> Result<Vec<Sale>>;

    /// The days of the first and the last event. May be stale.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no event.
    async fn events_dates_range(&self) -> Result<DatesRange>;

    /// Multi-events that have an event on `day` (UTC) on sale now, each once, ordered by id, from the
    /// first id behind `after` on, at most `limit`. May be stale.
    async fn multi_events(
        &self,
        day: Date,
        after: Option<MultiEventId>,
        limit: usize,
    ) -> Result<Vec<MultiEvent>>;

    /// The events of a multi-event that are on sale now, ordered by date. May be stale.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown multi-event.
    async fn events(&self, multi_event: MultiEventId) -> Result<Vec<EventSummary>>;

    /// What does not change of an event, on sale or not.
    async fn event(&self, id: EventId) -> Result<EventFacts>;

    /// How many tickets of each category of an event are sold; a category of which none is sold may
    /// be missing. Strong: it sees every purchase answered before.
    async fn seats_sold(&self, event: EventId) -> Result<Vec<CategorySold>>;

    /// Sells seats: all that are asked for or none, none of them ever sold before, neighbours where
    /// there are any. Tickets, counter and ledger change in one commit, which is durable before the
    /// answer. The same purchase again, whatever failed in between, returns the first sale.
    ///
    /// Once `deadline` has passed the purchase is not begun any more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] (account, event or category), [`StoreError::NotOnSale`],
    /// [`StoreError::SoldOut`], [`StoreError::KeyReused`], [`StoreError::Overloaded`] and
    /// [`StoreError::Unavailable`] without effect; [`StoreError::OutcomeUnknown`], which the same
    /// purchase again settles.
    async fn purchase_tickets(&self, purchase: &Purchase, deadline: Instant) -> Result<Purchased>;

    /// One sale. Strong.
    async fn sale(&self, id: SaleId) -> Result<Sale>;

    /// Whether the store can sell now.
    async fn ready(&self) -> Result<()>;

    /// Waits until the store can never sell again in this process, and says why: after an error that
    /// leaves open what reached the disk. The process should end and be started again.
    async fn failed(&self) -> String;

    /// Ends the store: what was accepted is written and answered, then everything is released.
    async fn close(&self);

    /// All venues, ordered by id, for the generator.
    async fn venues(&self) -> Result<Vec<Venue>>;

    /// Loads that were begun, the latest last.
    async fn loads(&self) -> Result<Vec<LoadMark>>;

    /// Writes venues and the mark that says how far the load is, in one commit.
    async fn load_venues(&self, mark: LoadMark, venues: Vec<Venue>) -> Result<()>;

    /// Writes multi-events with all that belongs to them, and the mark. They are for sale, and the mark
    /// says so, from one commit on; what an engine must write before that commit is not seen.
    async fn load_multi_events(&self, mark: LoadMark, multi_events: Vec<NewMultiEvent>) -> Result<()>;

    /// How much is in the catalogue.
    async fn catalogue_size(&self) -> Result<CatalogueSize>;

    /// Counts tickets of the ledger behind `from` by the buyers' countries, those sold at `recent` or later by
    /// the second too. An engine may count a part at a time, or all of it each time, which then replaces what
    /// was counted before. May be stale.
    async fn count_sales(&self, from: CountMark, recent: Timestamp) -> Result<SalesCount>;

    /// What is on sale now and how much of it is sold, with the `limit` fullest events. May be stale.
    async fn on_sale(&self, limit: usize) -> Result<OnSale>;

    /// Where these accounts are from; unknown ones are left out.
    async fn countries(&self, accounts: &[AccountId]) -> Result<Vec<(AccountId, CountryCode)>>;

    /// How much waits to be written.
    fn queue(&self) -> QueueFigures;

    /// Deletes sales, counters and accounts, so that every ticket is for sale again; with `catalogue`
    /// the catalogue too.
    async fn reset(&self, catalogue: bool) -> Result<()>;

    /// Recounts tickets, counters and ledger from what is stored, in one snapshot, and reports every
    /// disagreement. `progress` is told (rows looked at, rows in all) now and then.
    async fn audit(&self, progress: AuditProgress) -> Result<AuditReport>;
}

/// Told by [`Store::audit`] how many rows it has looked at, and of how many.
pub type AuditProgress = Box<dyn Fn(u64, u64) + Send + Sync>;

/// The answer of [`Store::create_account`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedAccount {
    /// The account, made now or found.
    pub account: Account,
    /// Whether it was made now.
    pub created: bool,
}

/// The answer of [`Store::purchase_tickets`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchased {
    /// The sale, made now or before.
    pub sale: Sale,
    /// Whether it had been made before, by the same purchase.
    pub replayed: bool,
    /// Where its buyer is from, where the engine has met that on the way.
    pub country: Option<CountryCode>,
    /// What it took.
    pub effort: Effort,
}

/// What a purchase took the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effort {
    /// How many transactions were begun for it; more than one where they met contention.
    pub attempts: u32,
    /// How many requests shared its transaction.
    pub group: u32,
    /// From the call until its transaction began.
    pub queued: Duration,
    /// From there until the commit began.
    pub transaction: Duration,
    /// The commit, until it was durable.
    pub commit: Duration,
}

/// How far a load is: kept in the store, so that an interrupted one can go on or is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadMark {
    /// What is loaded: `venues` or `tickets`.
    pub kind: String,
    /// The seed of the generator; with the kind, the identity of the load.
    pub seed: u64,
    /// Everything else that decides what is generated, as text to compare.
    pub arguments: String,
    /// How many venues or multi-events are written.
    pub done: u64,
    /// Whether that was all.
    pub finished: bool,
}

/// How much a catalogue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueSize {
    /// Venues.
    pub venues: u64,
    /// Multi-events.
    pub multi_events: u64,
    /// Events.
    pub events: u64,
    /// Tickets of all events, sold or not.
    pub tickets: u64,
    /// Tickets sold.
    pub sold: u64,
}

/// What a process wants of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be the daemon: alone in that, making or upgrading the store where needed.
    Serve,
    /// To list, buy or audit, also beside a daemon: the store must be there.
    Attach,
    /// To load or reset: never beside a daemon, making or upgrading the store where needed.
    Maintain,
}

/// The state of a store's schema.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaStatus {
    /// The version the store has; 0 where it has none yet.
    pub current: u32,
    /// The version this program wants.
    pub latest: u32,
    /// Names of the migrations that would be applied.
    pub pending: Vec<String>,
}

/// How a schema is to be applied.
pub struct ApplyRequest<'a> {
    /// Make the database first where there is none; a file is always made.
    pub create_database: bool,
    /// Told the migration at work and how far it is, 0 to 100 percent.
    pub progress: &'a mut (dyn FnMut(&str, u32) + Send),
    /// How often a server is asked how far it is.
    pub poll_every: Duration,
}

/// Where a server is busiest, by its own statistics of the last full minute.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HotSpots {
    /// Rows that transactions waited for; measured in seconds.
    pub locks: Vec<HotSpot>,
    /// Splits; measured in percent of one server's CPU.
    pub splits: Vec<HotSpot>,
}

/// A busy place.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HotSpot {
    /// Which keys.
    pub place: String,
    /// How busy.
    pub measure: f64,
    /// Who asks for it, or what is stored there.
    pub detail: String,
}

/// Opens the store at `location`.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn open(
    location: &StoreLocation,
    access: Access,
) -> std::result::Result<Arc<dyn Store>, OpenError> {
    match location {
        StoreLocation::Sqlite { path } => Ok(Arc::new(sqlite::SqliteStore::open(path, access)?)),
        StoreLocation::Spanner(at) => Ok(Arc::new(Box::pin(spanner::SpannerStore::open(at)).await?)),
    }
}

/// The DDL of the newest schema for the engine of `location`, as one text.
#[must_use]
pub fn schema_text(location: &StoreLocation) -> String {
    match location {
        StoreLocation::Sqlite { .. } => sqlite::schema_text(),
        StoreLocation::Spanner(_) => spanner::schema_text(),
    }
}

/// Which schema the store has, without changing it. A file that does not exist yet has version 0.
///
/// # Errors
/// As [`open`].
pub async fn schema_status(location: &StoreLocation) -> std::result::Result<SchemaStatus, OpenError> {
    match location {
        StoreLocation::Sqlite { path } => sqlite::schema_status(path),
        StoreLocation::Spanner(at) => Box::pin(spanner::schema_status(at)).await,
    }
}

/// Makes the store or brings its schema up to date, and tells what the state was before.
///
/// # Errors
/// As [`open`]; a file never beside a daemon.
pub async fn schema_apply(
    location: &StoreLocation,
    request: &mut ApplyRequest<'_>,
) -> std::result::Result<SchemaStatus, OpenError> {
    match location {
        StoreLocation::Sqlite { path } => {
            let before = sqlite::schema_status(path)?;
            open(location, Access::Maintain).await?.close().await;
            Ok(before)
        }
        StoreLocation::Spanner(at) => Box::pin(spanner::schema_apply(at, request)).await,
    }
}

/// Where the server is busiest, at most `limit` places of each kind.
///
/// # Errors
/// As [`open`], and where the engine or server has no such statistics.
pub async fn hot_spots(location: &StoreLocation, limit: u32) -> std::result::Result<HotSpots, OpenError> {
    match location {
        StoreLocation::Sqlite { .. } => Err(only_on_spanner(location)),
        StoreLocation::Spanner(at) => spanner::hot_spots(at, limit).await,
    }
}

/// Asks the server to spread an event over more splits before its sale begins, at every `every` seats,
/// and says how many were asked for.
///
/// # Errors
/// As [`open`], and where the engine or server takes no split points.
pub async fn presplit(
    location: &StoreLocation,
    event: EventId,
    every: u32,
) -> std::result::Result<usize, OpenError> {
    match location {
        StoreLocation::Sqlite { .. } => Err(only_on_spanner(location)),
        StoreLocation::Spanner(at) => spanner::presplit(at, event, every).await,
    }
}

fn only_on_spanner(location: &StoreLocation) -> OpenError {
    OpenError(format!("{location} is one file: only a store on Spanner (--store spanner:…) has splits"))
}
