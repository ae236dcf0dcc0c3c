//! Emptying the store, step by step, each of which leaves tickets, counters and ledger in agreement: so a
//! reset that is interrupted is finished by the next one, and one beside a running shop sells nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use google_cloud_spanner::key;
use google_cloud_spanner::key::{KeyRange, KeySet};
use google_cloud_spanner::mutation::Mutation;
use google_cloud_spanner::statement::Statement;
use google_cloud_spanner::transaction::ReadWriteTransaction;

use super::connection::{BULK_TIME, Connection, Freshness, Work, next, tag, within};
use super::load;
use super::retries::BoundedAborts;
use super::rows::Columns;
use super::shard::Shard;
use crate::model::{AccountId, CategoryId, EventId, SaleId, TicketId};
use crate::store::{Result, StoreError};

const CATEGORIES: &str = include_str!("queries/reset_categories.sql");
const SALES: &str = include_str!("queries/reset_sales.sql");

/// Sales that are undone in one commit: of ten tickets each, about 50,000 of the 80,000 mutations.
const SALES_A_COMMIT: usize = 400;
/// Shards that are deleted in one commit: 6,400 tickets, each with an entry of an index.
const SHARDS_A_COMMIT: usize = 100;
/// Accounts that are deleted in one commit.
const ACCOUNTS_A_COMMIT: i64 = 2_000;

/// Deletes sales and accounts, so that every ticket is for sale again; with `catalogue` that too.
pub(super) async fn reset(connection: &Arc<Connection>, catalogue: bool) -> Result<()> {
    if !catalogue {
        return accounts(connection, true).await;
    }
    // Without events nothing is sold any more, but by those who remember them.
    for table in ["TicketCategory", "Event", "MultiEvent"] {
        everything(connection, table).await?;
    }
    accounts(connection, true).await?;
    tickets(connection).await?;
    accounts(connection, false).await?;
    for table in ["SeatingCategory", "Venue", "Load"] {
        everything(connection, table).await?;
    }
    Ok(())
}

/// Deletes a table by partitioned DML, which has no limit of rows.
async fn everything(connection: &Connection, table: &str) -> Result<()> {
    let statement = Statement::builder(format!("DELETE FROM {table} WHERE TRUE"))
        .set_request_tag(tag("reset"))
        .set_priority(connection.priority(Work::Bulk));
    let delete = connection
        .database
        .partitioned_dml_transaction()
        .with_retry_policy(BoundedAborts::new(BULK_TIME))
        .build();
    within(BULK_TIME, async { Ok(delete.execute_update(statement).await.map(|_| ())?) }).await
}

/// Deletes counters with their tickets, some neighbouring shards a commit: what one statement deletes may
/// be a hundred million rows, which an emulator holds in memory until it is done.
async fn tickets(connection: &Connection) -> Result<()> {
    let statement = connection.statement(CATEGORIES, "reset", Work::Bulk);
    let categories = connection
        .query(Freshness::Strong, statement, |mut row| {
            Ok((row.parse(EventId::parse)?, row.parse(CategoryId::parse)?, row.number::<i64>()?))
        })
        .await?;
    let ranges = categories.into_iter().flat_map(|(event, category, last)| {
        let key = move |shard: i64| key![event.to_string(), category.to_string(), shard];
        (0..=last)
            .step_by(SHARDS_A_COMMIT)
            .map(move |first| KeyRange::closed_open(key(first), key(first + SHARDS_A_COMMIT as i64)))
    });
    stream::iter(ranges)
        .map(|range| async move {
            let delete = Mutation::delete("SoldTicketsCounter", range.into());
            load::commit(connection, "reset", vec![delete]).await
        })
        .buffer_unordered(connection.settings.load_parallel)
        .try_collect::<()>()
        .await
}

/// Undoes all sales and deletes their accounts, in sixteen parts by the first digit of the account's id.
async fn accounts(connection: &Arc<Connection>, release: bool) -> Result<()> {
    let at_once = connection.settings.load_parallel.min(connection.settings.writes);
    stream::iter(0..16_u8)
        .map(|digit| part(Arc::clone(connection), Part::of(digit), release))
        .buffer_unordered(at_once)
        .try_collect::<()>()
        .await
}

/// The accounts whose id begins with one digit.
#[derive(Debug, Clone, Copy)]
struct Part {
    first: AccountId,
    last: AccountId,
}

impl Part {
    fn of(digit: u8) -> Self {
        let (mut first, mut last) = ([0; 16], [0xff; 16]);
        first[0] = digit << 4;
        last[0] = digit << 4 | 0x0f;
        Self { first: AccountId::from_bytes(first), last: AccountId::from_bytes(last) }
    }

    fn range(self) -> KeyRange {
        KeyRange::closed_closed(key![self.first.to_string()], key![self.last.to_string()])
    }
}

async fn part(connection: Arc<Connection>, part: Part, release: bool) -> Result<()> {
    loop {
        while step(&connection, part, Step::Sales { release }).await? == SALES_A_COMMIT {}
        if step(&connection, part, Step::Accounts).await? == 0 {
            return Ok(());
        }
    }
}

/// One transaction of a reset.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Undo some sales; with `release` their tickets are still there.
    Sales { release: bool },
    /// Delete some accounts, if none of the part has a sale.
    Accounts,
}

/// Runs a step and says how many rows of its kind it found.
async fn step(connection: &Arc<Connection>, part: Part, step: Step) -> Result<usize> {
    let shared = Arc::clone(connection);
    let work = move |transaction: ReadWriteTransaction| {
        let connection = Arc::clone(&shared);
        async move {
            match step {
                Step::Sales { release } => undo_sales(&connection, &transaction, part, release).await,
                Step::Accounts => delete_accounts(&connection, &transaction, part).await,
            }
        }
    };
    let runner = connection
        .database
        .read_write_transaction()
        .set_transaction_tag(tag("reset"))
        .set_commit_priority(connection.priority(Work::Bulk))
        .with_transaction_timeout(BULK_TIME)
        .with_commit_retry_policy(super::retries::retries(BULK_TIME))
        .with_retry_policy(BoundedAborts::new(BULK_TIME));
    let done = within(BULK_TIME, async { Ok(runner.build().run(work).await?) }).await?;
    Ok(done.into_inner())
}

/// A sale as far as undoing it needs.
struct Undo {
    account: AccountId,
    sale: SaleId,
    event: EventId,
    category: CategoryId,
    seats: Vec<u32>,
}

async fn undo_sales(
    connection: &Connection,
    transaction: &ReadWriteTransaction,
    part: Part,
    release: bool,
) -> google_cloud_spanner::Result<usize> {
    let statement = connection
        .statement(SALES, "reset", Work::Bulk)
        .text("first", part.first)
        .text("last", part.last)
        .number("limit", SALES_A_COMMIT);
    let mut found = transaction.execute_query(statement.build()).await?;
    let mut sales = Vec::new();
    while let Some(row) = next(&mut found).await {
        sales.push(undo(Columns::of(&row?)).map_err(google_cloud_spanner::Error::deser)?);
    }
    if release && !sales.is_empty() {
        transaction.buffer(release_tickets(connection, transaction, &sales).await?)?;
    }
    transaction.buffer(sales.iter().map(|undo| {
        Mutation::delete("Sale", key![undo.account.to_string(), undo.sale.to_string()].into())
    }))?;
    Ok(sales.len())
}

fn undo(mut row: Columns<'_>) -> std::result::Result<Undo, crate::model::Invalid> {
    let (account, sale) = (row.parse(AccountId::parse)?, row.parse(SaleId::parse)?);
    let (event, category) = (row.parse(EventId::parse)?, row.parse(CategoryId::parse)?);
    let seat = |id: &&str| TicketId::parse(id).map(TicketId::seat);
    let seats = row.texts()?.iter().map(seat).collect::<std::result::Result<_, _>>()?;
    Ok(Undo { account, sale, event, category, seats })
}

/// The tickets of sales put up for sale again, and their counters lowered.
async fn release_tickets(
    connection: &Connection,
    transaction: &ReadWriteTransaction,
    sales: &[Undo],
) -> google_cloud_spanner::Result<Vec<Mutation>> {
    let mut shards: BTreeMap<Shard, BTreeSet<u32>> = BTreeMap::new();
    for undo in sales {
        for &seat in &undo.seats {
            let (event, category, no) = (undo.event, undo.category, Shard::of_seat(seat));
            shards.entry(Shard { event, category, no }).or_default().insert(seat);
        }
    }
    let counters = counters(connection, transaction, shards.keys()).await?;
    let mut mutations = Vec::new();
    for (shard, seats) in &shards {
        let sold = counters.get(shard).map_or(0, |sold| sold - (seats.len() as i64).min(*sold));
        let row = |table| shard.columns(Mutation::new_update_builder(table));
        mutations.push(row("SoldTicketsCounter").set("Sold").to(sold).build());
        mutations.extend(seats.iter().map(|&seat| {
            let ticket = row("Ticket").set("SeqNo").to(i64::from(seat)).set("Available").to(true);
            ticket.set("AccountId").to(None::<String>).set("PurchaseDate").to(None::<String>).build()
        }));
    }
    Ok(mutations)
}

async fn counters(
    connection: &Connection,
    transaction: &ReadWriteTransaction,
    shards: impl Iterator<Item = &Shard>,
) -> google_cloud_spanner::Result<BTreeMap<Shard, i64>> {
    let keys = shards.fold(KeySet::builder(), |keys, shard| keys.add_key(shard.key())).build();
    let columns = ["EventId", "CategoryId", "Shard", "Sold"];
    let read = connection.by_key("SoldTicketsCounter", &columns, keys, "reset");
    let read = read.set_priority(connection.priority(Work::Bulk));
    let mut found = transaction.execute_read(read.build()).await?;
    let mut counters = BTreeMap::new();
    while let Some(row) = next(&mut found).await {
        let row = row?;
        let mut row = Columns::of(&row);
        let mut counter = || {
            let (event, category) = (row.parse(EventId::parse)?, row.parse(CategoryId::parse)?);
            let shard = Shard { event, category, no: row.number()? };
            Ok::<_, crate::model::Invalid>((shard, row.number()?))
        };
        let (shard, sold) = counter().map_err(google_cloud_spanner::Error::deser)?;
        counters.insert(shard, sold);
    }
    Ok(counters)
}

async fn delete_accounts(
    connection: &Connection,
    transaction: &ReadWriteTransaction,
    part: Part,
) -> google_cloud_spanner::Result<usize> {
    let low = connection.priority(Work::Bulk);
    let accounts = connection.by_key("Account", &["AccountId"], part.range(), "reset");
    let accounts = accounts.set_priority(low.clone()).set_limit(ACCOUNTS_A_COMMIT).build();
    let mut found = transaction.execute_read(accounts).await?;
    let mut ids = Vec::new();
    while let Some(row) = next(&mut found).await {
        ids.push(Columns::of(&row?).text().map_err(google_cloud_spanner::Error::deser)?.to_owned());
    }
    let sales = connection.by_key("Sale", &["SaleId"], part.range(), "reset").set_limit(1);
    let mut found = transaction.execute_read(sales.set_priority(low).build()).await?;
    // A sale since the last look: it is undone first.
    if next(&mut found).await.transpose()?.is_none() {
        transaction.buffer(ids.iter().map(|id| Mutation::delete("Account", key![id.as_str()].into())))?;
    }
    Ok(ids.len())
}

/// What a failed reset leaves may be part of what was asked for.
pub(super) fn in_part(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(cause) => StoreError::OutcomeUnknown(cause),
        error => error,
    }
}
