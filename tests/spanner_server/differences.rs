//! Where a server differs from Spanner, so that the promises can be tested on it all the same. Each
//! difference is looked for, never assumed; docs/spanner.md has the table of them.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use google_cloud_spanner::client::DatabaseClient;
use google_cloud_spanner::key;
use google_cloud_spanner::key::KeySet;
use google_cloud_spanner::mutation::Mutation;
use google_cloud_spanner::read::ReadRequest;
use google_cloud_spanner::statement::Statement;
use jiff::Timestamp;
use jiff::civil::Date;
use ticketshop::model::*;
use ticketshop::store::{
    self, Access, AuditProgress, AuditReport, CatalogueSize, CountMark, CreatedAccount, LoadMark, OnSale,
    Purchased, QueueFigures, Result, SalesCount, SpannerLocation, Store, StoreError, StoreLocation,
};

/// The store, with the differences made good.
pub(crate) async fn adapt(at: &SpannerLocation, store: Arc<dyn Store>) -> Arc<dyn Store> {
    let client = crate::conformance::client(at).await;
    let other_commit_time = answers_another_commit_time(&client).await;
    let no_partitioned_dml = refuses_partitioned_dml(&client).await;
    if other_commit_time || no_partitioned_dml {
        eprintln!(
            "differences: other commit time {other_commit_time}, no partitioned DML {no_partitioned_dml}"
        );
    }
    // An audit is run by another process: in Google's emulator, one session has one transaction at a time.
    let location = StoreLocation::Spanner(Box::new(at.clone()));
    let auditor = store::open(&location, Access::Attach).await.unwrap();
    Arc::new(Adapted { store, auditor, client, other_commit_time, no_partitioned_dml })
}

/// The commit time that is answered is another one than that in the row.
async fn answers_another_commit_time(client: &DatabaseClient) -> bool {
    let row = Mutation::new_insert_builder("SchemaMigration")
        .set("Version")
        .to(1_i64)
        .set("Name")
        .to("001_init".to_owned())
        .set("AppliedAt")
        .to("spanner.commit_timestamp()".to_owned())
        .build();
    let answer = client.write_only_transaction().build().write([row]).await.unwrap();
    let answered = answer.commit_timestamp.unwrap();
    let read = ReadRequest::builder("SchemaMigration", vec!["AppliedAt"]).with_keys(key![1_i64]).build();
    let mut found = client.single_use().build().execute_read(read).await.unwrap();
    let row = found.next().await.unwrap().unwrap();
    let stored: jiff::Timestamp = row.raw_values()[0].as_str().unwrap().parse().unwrap();
    stored.as_nanosecond() != i128::from(answered.seconds()) * 1_000_000_000 + i128::from(answered.nanos())
}

async fn refuses_partitioned_dml(client: &DatabaseClient) -> bool {
    let statement = Statement::builder("DELETE FROM Load WHERE TRUE").build();
    client.partitioned_dml_transaction().build().execute_update(statement).await.is_err()
}

/// Asks again while the server aborts a reader, which Spanner never does.
macro_rules! patiently {
    ($call:expr) => {
        loop {
            match $call.await {
                Err(StoreError::Overloaded) => {}
                answer => break answer,
            }
        }
    };
}

struct Adapted {
    store: Arc<dyn Store>,
    auditor: Arc<dyn Store>,
    client: DatabaseClient,
    other_commit_time: bool,
    no_partitioned_dml: bool,
}

impl Adapted {
    async fn write(&self, mutations: Vec<Mutation>) {
        self.client.write_only_transaction().build().write(mutations).await.unwrap();
    }

    /// What `tsctl reset --catalogue` does by partitioned DML.
    async fn reset_by_mutations(&self) {
        for table in
            ["Sale", "Account", "TicketCategory", "Event", "MultiEvent", "Ticket", "SoldTicketsCounter"]
        {
            self.write(vec![Mutation::delete(table, KeySet::all())]).await;
        }
        self.write(
            ["SeatingCategory", "Venue", "Load"].map(|table| Mutation::delete(table, KeySet::all())).to_vec(),
        )
        .await;
    }
}

#[async_trait]
impl Store for Adapted {
    async fn purchase_tickets(&self, purchase: &Purchase, deadline: Instant) -> Result<Purchased> {
        let mut purchased = loop {
            match self.store.purchase_tickets(purchase, deadline).await {
                // A server that aborts readers can leave an outcome open; the same again settles it.
                Err(StoreError::OutcomeUnknown(why)) => eprintln!("settling {why}"),
                Err(StoreError::Overloaded) if Instant::now() < deadline => {}
                answer => break answer?,
            }
        };
        if self.other_commit_time {
            purchased.sale.purchase_date = patiently!(self.store.sale(purchased.sale.id))?.purchase_date;
        }
        Ok(purchased)
    }

    async fn reset(&self, catalogue: bool) -> Result<()> {
        if catalogue && self.no_partitioned_dml {
            self.reset_by_mutations().await;
            return Ok(());
        }
        self.store.reset(catalogue).await
    }

    async fn create_account(&self, account: &NewAccount) -> Result<CreatedAccount> {
        patiently!(self.store.create_account(account))
    }

    async fn account(&self, email: &Email) -> Result<Account> {
        patiently!(self.store.account(email))
    }

    async fn account_by_id(&self, id: AccountId) -> Result<Account> {
        patiently!(self.store.account_by_id(id))
    }

    async fn sales(&self, account: AccountId, limit: usize) -> Result<Vec<Sale>> {
        patiently!(self.store.sales(account, limit))
    }

    async fn events_dates_range(&self) -> Result<DatesRange> {
        patiently!(self.store.events_dates_range())
    }

    async fn multi_events(
        &self,
        day: Date,
        after: Option<MultiEventId>,
        limit: usize,
    ) -> Result<Vec<MultiEvent>> {
        patiently!(self.store.multi_events(day, after, limit))
    }

    async fn events(&self, multi_event: MultiEventId) -> Result<Vec<EventSummary>> {
        patiently!(self.store.events(multi_event))
    }

    async fn event(&self, id: EventId) -> Result<EventFacts> {
        patiently!(self.store.event(id))
    }

    async fn seats_sold(&self, event: EventId) -> Result<Vec<CategorySold>> {
        patiently!(self.store.seats_sold(event))
    }

    async fn sale(&self, id: SaleId) -> Result<Sale> {
        patiently!(self.store.sale(id))
    }

    async fn ready(&self) -> Result<()> {
        self.store.ready().await
    }

    async fn failed(&self) -> String {
        self.store.failed().await
    }

    async fn close(&self) {
        self.store.close().await;
    }

    async fn venues(&self) -> Result<Vec<Venue>> {
        patiently!(self.store.venues())
    }

    async fn loads(&self) -> Result<Vec<LoadMark>> {
        patiently!(self.store.loads())
    }

    async fn load_venues(&self, mark: LoadMark, venues: Vec<Venue>) -> Result<()> {
        self.store.load_venues(mark, venues).await
    }

    async fn load_multi_events(&self, mark: LoadMark, multi_events: Vec<NewMultiEvent>) -> Result<()> {
        self.store.load_multi_events(mark, multi_events).await
    }

    async fn catalogue_size(&self) -> Result<CatalogueSize> {
        patiently!(self.store.catalogue_size())
    }

    async fn count_sales(&self, from: CountMark, recent: Timestamp) -> Result<SalesCount> {
        patiently!(self.store.count_sales(from, recent))
    }

    async fn on_sale(&self, limit: usize) -> Result<OnSale> {
        patiently!(self.store.on_sale(limit))
    }

    async fn countries(&self, accounts: &[AccountId]) -> Result<Vec<(AccountId, CountryCode)>> {
        patiently!(self.store.countries(accounts))
    }

    fn queue(&self) -> QueueFigures {
        self.store.queue()
    }

    async fn audit(&self, progress: AuditProgress) -> Result<AuditReport> {
        let progress: Arc<dyn Fn(u64, u64) + Send + Sync> = Arc::from(progress);
        loop {
            let told = Arc::clone(&progress);
            match self.auditor.audit(Box::new(move |done, all| told(done, all))).await {
                Err(StoreError::Overloaded) => eprintln!("the server aborted a read-only transaction"),
                answer => break answer,
            }
        }
    }
}
