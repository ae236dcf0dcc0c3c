//! The engine on Cloud Spanner, its emulator and Spanner Omni, by Google's own client.
//!
//! `purchase` is the one read and the one commit of a sale, `order` what they read and write, `inventory`
//! what a process remembers for them, `shard` the grain in which seats are stored and locked.
//! `accounts`, `catalogue`, `sales`, `load`, `reset` and `audit` are the requests of each use case, `figures` those for people who watch, `rows` is
//! between columns and types. `open` makes the client, `connection` marks every request, `retries` says what
//! may be repeated; `schema` applies the migrations; `hot_spots` is for the operator.

mod accounts;
mod audit;
mod catalogue;
mod connection;
mod error;
mod figures;
mod hot_spots;
mod inventory;
mod load;
mod open;
mod order;
mod purchase;
mod reset;
mod retries;
mod rows;
mod sales;
mod schema;
mod settings;
mod shard;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument, debug_span};

use self::connection::{Connection, Freshness, Work};
use self::inventory::Inventory;
use self::purchase::Ledger;
use super::location::SpannerLocation;
use super::{
    AuditProgress, AuditReport, CatalogueSize, CountMark, CreatedAccount, LoadMark, OnSale, OpenError,
    Purchased, QueueFigures, Result, SalesCount, Store, StoreError,
};
use crate::model::{
    Account, AccountId, CategorySold, CountryCode, DatesRange, Email, EventFacts, EventId, EventSummary,
    MultiEvent, MultiEventId, NewAccount, NewMultiEvent, Purchase, Sale, SaleId, Venue,
};

pub(super) use self::hot_spots::{hot_spots, presplit};
pub(super) use self::schema::{schema_apply, schema_status, schema_text};
pub use self::settings::{Omni, Priority, SeatLock, SpannerSettings};

/// A store in a Spanner database.
pub(super) struct SpannerStore {
    ledger: Arc<Ledger>,
    /// Closed when the store is.
    writes: Arc<Semaphore>,
}

impl SpannerStore {
    pub(super) async fn open(at: &SpannerLocation) -> std::result::Result<Self, OpenError> {
        let connection = Connection::open(at).await?;
        schema::check_is_current(&connection, at).await?;
        let inventory = Inventory::new(connection.settings.cache);
        let ledger = Ledger { connection: Arc::new(connection), inventory };
        let writes = Arc::new(Semaphore::new(ledger.connection.settings.writes));
        Ok(Self { ledger: Arc::new(ledger), writes })
    }

    /// Waits until a write may begin.
    async fn permit(&self, deadline: Instant) -> Result<OwnedSemaphorePermit> {
        let permit = tokio::time::timeout_at(deadline.into(), Arc::clone(&self.writes).acquire_owned()).await;
        permit
            .map_err(|_| StoreError::Overloaded)?
            .map_err(|_| StoreError::unavailable("the store is closed"))
    }

    fn connection(&self) -> &Connection {
        &self.ledger.connection
    }
}

#[async_trait]
impl Store for SpannerStore {
    async fn create_account(&self, account: &NewAccount) -> Result<CreatedAccount> {
        let _permit = self.permit(Instant::now() + connection::READ_TIME).await?;
        accounts::create_account(self.connection(), account).await
    }

    async fn account(&self, email: &Email) -> Result<Account> {
        accounts::account(self.connection(), email).await
    }

    async fn account_by_id(&self, id: AccountId) -> Result<Account> {
        accounts::account_by_id(self.connection(), id).await
    }

    async fn sales(&self, account: AccountId, limit: usize) -> Result<Vec<Sale>> {
        sales::sales(self.connection(), account, limit).await
    }

    async fn events_dates_range(&self) -> Result<DatesRange> {
        catalogue::events_dates_range(self.connection()).await
    }

    async fn multi_events(
        &self,
        day: Date,
        after: Option<MultiEventId>,
        limit: usize,
    ) -> Result<Vec<MultiEvent>> {
        catalogue::multi_events(self.connection(), day, after, limit).await
    }

    async fn events(&self, multi_event: MultiEventId) -> Result<Vec<EventSummary>> {
        catalogue::events(self.connection(), multi_event).await
    }

    async fn event(&self, id: EventId) -> Result<EventFacts> {
        catalogue::event(self.connection(), id).await
    }

    async fn seats_sold(&self, event: EventId) -> Result<Vec<CategorySold>> {
        catalogue::seats_sold(self.connection(), event).await
    }

    /// The purchase runs in a task of its own: a caller that goes away neither cancels a commit nor
    /// leaves a transaction behind that holds its locks.
    async fn purchase_tickets(&self, purchase: &Purchase, deadline: Instant) -> Result<Purchased> {
        let permit = self.permit(deadline).instrument(debug_span!("queue")).await?;
        let (ledger, purchase) = (Arc::clone(&self.ledger), purchase.clone());
        let sale = async move {
            let _permit = permit;
            ledger.purchase_tickets(&purchase, deadline).await
        };
        let task = tokio::spawn(sale.in_current_span());
        task.await.unwrap_or_else(|error| Err(StoreError::OutcomeUnknown(Arc::new(error))))
    }

    async fn sale(&self, id: SaleId) -> Result<Sale> {
        sales::sale(self.connection(), id).await
    }

    async fn ready(&self) -> Result<()> {
        let connection = self.connection();
        let statement = connection.statement("SELECT 1", "ready", Work::Sale);
        connection.query(Freshness::Strong, statement, |_| Ok(())).await.map(|_| ())
    }

    /// Never: whatever fails on a server may work again.
    async fn failed(&self) -> String {
        std::future::pending().await
    }

    async fn close(&self) {
        let all = self.writes.acquire_many(self.connection().settings.writes as u32).await;
        self.writes.close();
        drop(all);
    }

    async fn venues(&self) -> Result<Vec<Venue>> {
        catalogue::venues(self.connection()).await
    }

    async fn loads(&self) -> Result<Vec<LoadMark>> {
        load::loads(self.connection()).await
    }

    async fn load_venues(&self, mark: LoadMark, venues: Vec<Venue>) -> Result<()> {
        load::load_venues(self.connection(), &mark, &venues).await
    }

    async fn load_multi_events(&self, mark: LoadMark, multi_events: Vec<NewMultiEvent>) -> Result<()> {
        load::load_multi_events(self.connection(), &mark, &multi_events).await
    }

    async fn catalogue_size(&self) -> Result<CatalogueSize> {
        catalogue::catalogue_size(self.connection()).await
    }

    async fn count_sales(&self, _from: CountMark, recent: Timestamp) -> Result<SalesCount> {
        figures::count_sales(self.connection(), recent).await
    }

    async fn on_sale(&self, limit: usize) -> Result<OnSale> {
        figures::on_sale(self.connection(), limit).await
    }

    async fn countries(&self, accounts: &[AccountId]) -> Result<Vec<(AccountId, CountryCode)>> {
        accounts::countries(self.connection(), accounts).await
    }

    fn queue(&self) -> QueueFigures {
        let limit = self.connection().settings.writes;
        QueueFigures { waiting: limit.saturating_sub(self.writes.available_permits()), limit }
    }

    async fn reset(&self, catalogue: bool) -> Result<()> {
        let result = reset::reset(&self.ledger.connection, catalogue).await.map_err(reset::in_part);
        self.ledger.inventory.forget();
        result
    }

    async fn audit(&self, progress: AuditProgress) -> Result<AuditReport> {
        audit::audit(self.connection(), &progress).await
    }
}
