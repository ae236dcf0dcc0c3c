//! The embedded engine: one SQLite file, written by one thread in groups, read by a few others.
//!
//! `writer` commits requests in groups, `group` is what they ask and are answered; `purchase` is what
//! one of them does; `inventory`, `known_sales` and `tail` are what is kept in memory for it, and `settle` lets what is
//! derived from the ledger follow. `accounts`, `catalogue`, `sales`, `load` and `audit` are the statements
//! of each use case, `figures` those for people who watch, `rows` is between columns and types. `connection` and `schema` open the file.

mod accounts;
mod audit;
mod backup;
mod catalogue;
mod connection;
mod error;
mod figures;
mod group;
mod inventory;
mod known_sales;
mod load;
mod purchase;
mod rows;
mod sales;
mod schema;
mod settle;
mod tail;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;

use self::connection::{OwnerLock, Readers, cannot_use, check_place, open_writer};
use self::group::cause_of;
use self::known_sales::{FilterSettings, KnownSales};
use self::purchase::Ledger;
use self::settle::Settling;
use self::tail::SharedTail;
use self::writer::{Writer, WriterHandle};
use super::{
    Access, AuditProgress, AuditReport, CatalogueSize, CountMark, CreatedAccount, LoadMark, OnSale,
    OpenError, Purchased, QueueFigures, Result, SalesCount, Store,
};
use crate::model::{
    Account, AccountId, CategorySold, CountryCode, DatesRange, Email, EventFacts, EventId, EventSummary,
    MultiEvent, MultiEventId, NewAccount, NewMultiEvent, Purchase, Sale, SaleId, Venue,
};

pub(super) use self::backup::{backup, restore};
pub(super) use self::schema::{schema_status, schema_text};

/// Connections that read at once: each is a thread that waits for the disk.
const READERS: usize = 8;

/// A store in a file.
pub(super) struct SqliteStore {
    readers: Arc<Readers>,
    writer: WriterHandle,
    tail: SharedTail,
    lock: std::sync::Mutex<Option<OwnerLock>>,
}

impl SqliteStore {
    pub(super) fn open(path: &Path, access: Access) -> std::result::Result<Self, OpenError> {
        Self::open_with(path, access, settle::BATCH, FilterSettings::default())
    }

    fn open_with(
        path: &Path,
        access: Access,
        batch_size: usize,
        filter: FilterSettings,
    ) -> std::result::Result<Self, OpenError> {
        let owner = access != Access::Attach;
        check_place(path, owner)?;
        let lock = owner.then(|| OwnerLock::take(path)).transpose()?;
        let mut connection = open_writer(path, owner)?;
        if owner {
            schema::migrate(&mut connection, path)?;
        }
        schema::check_is_current(&connection, path)?;
        let tail = SharedTail::default();
        let readers = Arc::new(Readers::new(path, READERS));
        let settling = Settling::new(tail.clone(), batch_size);
        let ledger = Ledger::new(settling, KnownSales::new(filter, Arc::clone(&readers)));
        let mut writer = Writer::new(connection, ledger);
        if access == Access::Serve {
            // A daemon reads now what would otherwise delay its first purchase.
            writer.warm_up().map_err(|error| match cause_of(error).downcast_ref() {
                Some(error) => cannot_use(path, error),
                None => OpenError(format!("{} contradicts itself: `tsctl audit` shows it", path.display())),
            })?;
        }
        let writer = writer
            .start()
            .map_err(|error| OpenError(format!("cannot start the writer's thread: {error}")))?;
        Ok(Self { readers, writer, tail, lock: std::sync::Mutex::new(lock) })
    }

    /// Reads a snapshot together with the tail, and once more where the tail was settled in between.
    async fn read_with_tail<T: Send + 'static>(
        &self,
        read: impl Fn(&Connection, &SharedTail) -> Result<Option<T>> + Copy + Send + 'static,
    ) -> Result<T> {
        loop {
            let tail = self.tail.clone();
            if let Some(found) = self.readers.read(move |connection| read(connection, &tail)).await? {
                return Ok(found);
            }
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_account(&self, account: &NewAccount) -> Result<CreatedAccount> {
        self.writer.create_account(account).await
    }

    async fn account(&self, email: &Email) -> Result<Account> {
        let email = email.clone();
        self.readers.read(move |connection| accounts::account(connection, &email)).await
    }

    async fn account_by_id(&self, id: AccountId) -> Result<Account> {
        self.readers.read(move |connection| accounts::account_by_id(connection, id)).await
    }

    async fn sales(&self, account: AccountId, limit: usize) -> Result<Vec<Sale>> {
        self.read_with_tail(move |connection, tail| sales::sales(connection, tail, account, limit)).await
    }

    async fn events_dates_range(&self) -> Result<DatesRange> {
        self.readers.read(catalogue::events_dates_range).await
    }

    async fn multi_events(
        &self,
        day: Date,
        after: Option<MultiEventId>,
        limit: usize,
    ) -> Result<Vec<MultiEvent>> {
        self.readers.read(move |connection| catalogue::multi_events(connection, day, after, limit)).await
    }

    async fn events(&self, multi_event: MultiEventId) -> Result<Vec<EventSummary>> {
        self.readers.read(move |connection| catalogue::events(connection, multi_event)).await
    }

    async fn event(&self, id: EventId) -> Result<EventFacts> {
        self.readers.read(move |connection| catalogue::event(connection, id)).await
    }

    async fn seats_sold(&self, event: EventId) -> Result<Vec<CategorySold>> {
        self.read_with_tail(move |connection, tail| catalogue::seats_sold(connection, tail, event)).await
    }

    async fn purchase_tickets(&self, purchase: &Purchase, deadline: Instant) -> Result<Purchased> {
        self.writer.purchase_tickets(purchase, deadline).await
    }

    async fn sale(&self, id: SaleId) -> Result<Sale> {
        self.read_with_tail(move |connection, tail| sales::sale(connection, tail, id)).await
    }

    async fn ready(&self) -> Result<()> {
        self.writer.ready()?;
        self.readers.read(|connection| Ok(connection.query_row("SELECT 1 FROM Meta", [], |_| Ok(()))?)).await
    }

    async fn failed(&self) -> String {
        self.writer.failed().await
    }

    async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
        self.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    }

    async fn venues(&self) -> Result<Vec<Venue>> {
        self.readers.read(catalogue::venues).await
    }

    async fn loads(&self) -> Result<Vec<LoadMark>> {
        self.readers.read(load::loads).await
    }

    async fn load_venues(&self, mark: LoadMark, venues: Vec<Venue>) -> Result<()> {
        self.writer.alone(move |connection| load::load_venues(connection, &mark, &venues)).await
    }

    async fn load_multi_events(&self, mark: LoadMark, multi_events: Vec<NewMultiEvent>) -> Result<()> {
        self.writer.alone(move |connection| load::load_multi_events(connection, &mark, &multi_events)).await
    }

    async fn catalogue_size(&self) -> Result<CatalogueSize> {
        self.readers.read(catalogue::catalogue_size).await
    }

    async fn count_sales(&self, from: CountMark, recent: Timestamp) -> Result<SalesCount> {
        self.readers.read(move |connection| figures::count_sales(connection, from, recent)).await
    }

    async fn on_sale(&self, limit: usize) -> Result<OnSale> {
        self.read_with_tail(move |connection, tail| figures::on_sale(connection, tail, limit)).await
    }

    async fn countries(&self, accounts: &[AccountId]) -> Result<Vec<(AccountId, CountryCode)>> {
        let accounts = accounts.to_vec();
        self.readers.read(move |connection| accounts::countries(connection, &accounts)).await
    }

    fn queue(&self) -> QueueFigures {
        self.writer.queue()
    }

    async fn reset(&self, catalogue: bool) -> Result<()> {
        self.writer.alone(move |connection| load::reset(connection, catalogue)).await
    }

    async fn audit(&self, progress: AuditProgress) -> Result<AuditReport> {
        self.readers.read(move |connection| audit::audit(connection, &progress)).await
    }
}
