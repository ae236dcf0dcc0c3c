//! One purchase: one read and one commit.
//!
//! The read takes the free seats of some whole shards, from a random one on; the commit writes the tickets,
//! the counters of their shards and the sale. A counter's new value follows from the free seats that were
//! read, so no counter is read; the sale's row proves that the account exists (it is the parent) and that
//! the purchase was not made before (its id is derived from the key). A repeat therefore meets
//! ALREADY_EXISTS and answers the stored sale, which makes an unknown outcome safe to send again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::retry_policy::{RetryPolicy, RetryPolicyExt};
use google_cloud_gax::retry_state::RetryState;
use google_cloud_spanner::Error;
use google_cloud_spanner::key;
use google_cloud_spanner::key::{KeyRange, KeySet};
use google_cloud_spanner::model::read_request::LockHint;
use google_cloud_spanner::mutation::Mutation;
use google_cloud_spanner::retry_policy::{RetryResult, SpannerRetryPolicy};
use google_cloud_spanner::transaction::{
    BeginTransactionOption, ReadWriteTransaction, TransactionResult, TransactionRetryPolicy,
};
use jiff::Timestamp;

use super::connection::{Connection, Work, backoff, tag};
use super::error::{code, commit_is_undone};
use super::inventory::{Inventory, SHARD_SEATS};
use super::rows::{self, COMMIT_TIMESTAMP, Columns};
use super::settings::SeatLock;
use super::{accounts, sales};
use crate::model::seats::SeatMap;
use crate::model::{CategoryFacts, EventFacts, Invalid, Money, Purchase, Sale, SeatRanges, TicketId};
use crate::store::{Effort, Entity, Purchased, Result, StoreError};

/// How often a purchase is sent again whose outcome is unknown, before it is called so.
const TRIES: u32 = 3;
/// How long a Commit may go unanswered before its outcome is taken as unknown, and the purchase sent again.
const COMMIT_ATTEMPT: Duration = Duration::from_secs(2);
/// How long the client may go on repeating a Commit that the server or the network fails.
pub(super) const COMMIT_TIME: Duration = Duration::from_secs(4);
/// How long a purchase that is given up is looked for.
const LAST_LOOK: Duration = Duration::from_secs(1);
/// How long a refusal waits for the locks behind it to be released.
const ROLLBACK_ATTEMPT: Duration = Duration::from_secs(1);
/// How often the client may ask: a server that does not answer so often is taken as away.
const COMMIT_ATTEMPTS: u32 = 5;
/// How long a purchase waits for the lock of the seats that it wants to look at, before it looks at others.
/// A sale holds its lock for some milliseconds; what nobody ends, such as a transaction whose process is
/// gone or whose first answer was lost, holds it until the server ends it after ten seconds.
const SEATS_ATTEMPT: Duration = Duration::from_secs(1);

/// What purchases need, shared by all of them.
pub(super) struct Ledger {
    pub(super) connection: Arc<Connection>,
    pub(super) inventory: Inventory,
}

/// What is bought, with the facts that do not change.
#[derive(Clone)]
struct Order {
    purchase: Purchase,
    category: CategoryFacts,
}

/// What an attempt has chosen and put into its commit.
#[derive(Clone)]
struct Chosen {
    seats: SeatRanges,
    at: Instant,
}

/// Why an attempt ended before its commit: carried through the client as the source of an error, so that
/// the transaction's closure has no effect but its answer.
#[derive(Debug, Clone, thiserror::Error)]
enum Ended {
    /// Fewer seats are free than asked for, and this purchase has not taken any.
    #[error("{left} seats are free")]
    SoldOut { left: u32 },
    /// Fewer are free, and this very purchase has been made.
    #[error("made before")]
    MadeBefore,
    /// The seats are locked by another for too long.
    #[error("the seats are locked")]
    Busy,
    /// A read failed: nothing can have been written.
    #[error("{0:?}")]
    Read(StoreError),
}

impl Ledger {
    /// Makes the sale, or finds the one that this purchase made before.
    pub(super) async fn purchase_tickets(
        self: &Arc<Self>,
        purchase: &Purchase,
        deadline: Instant,
    ) -> Result<Purchased> {
        let begun = Instant::now();
        if begun >= deadline {
            return Err(StoreError::Overloaded);
        }
        let order = tokio::time::timeout_at(deadline.into(), self.order(purchase)).await;
        let order = match order.unwrap_or(Err(StoreError::Overloaded)) {
            Ok(order) => Arc::new(order),
            Err(refusal) => return self.unless_made_before(purchase, refusal).await,
        };
        let mut effort = Effort { group: 1, queued: begun.elapsed(), ..Effort::default() };
        let (mut unknown, mut before, mut tries) = (None, StoreError::Overloaded, 0);
        let mut begin = BeginTransactionOption::InlineBegin;
        while tries < TRIES && Instant::now() < deadline {
            match self.attempt(&order, begin, deadline, &mut effort).await {
                Ok(sale) => return Ok(Purchased { sale, replayed: false, effort }),
                Err(Failed::Busy) => {
                    // Of a transaction that began with a read that is given up, nobody knows the id: it could
                    // not be ended. The next ones begin by themselves.
                    begin = BeginTransactionOption::ExplicitBegin;
                    pause().await;
                    continue;
                }
                Err(Failed::MadeBefore) => return self.surely_made_before(purchase, effort).await,
                Err(Failed::Unknown(error)) => unknown = Some(error),
                Err(Failed::Before(refusal)) if is_final(&refusal) => {
                    let answer = self.unless_made_before(purchase, refusal).await;
                    return match (answer, unknown) {
                        (Err(error), Some(open)) if !is_final(&error) => Err(open_outcome(open)),
                        (answer, _) => answer,
                    };
                }
                Err(Failed::Before(error)) => before = error,
            }
            tries += 1;
            pause().await;
        }
        let refusal = unknown.map_or(before, open_outcome);
        let last_look = tokio::time::timeout(LAST_LOOK, self.last_look(purchase)).await;
        last_look.unwrap_or(None).unwrap_or(Err(refusal))
    }

    /// What can still be told of a purchase that was given up: its sale, where it is there after all, or
    /// that there is no such account. Then there was no sale, since its row would lie under the account's,
    /// and accounts are not made under known ids.
    async fn last_look(&self, purchase: &Purchase) -> Option<Result<Purchased>> {
        match self.made_before(purchase).await {
            answer @ (Ok(_) | Err(StoreError::KeyReused)) => return Some(answer),
            Err(_) => {}
        }
        match accounts::account_by_id(&self.connection, purchase.account).await {
            Err(missing @ StoreError::NotFound(_)) => Some(Err(missing)),
            _ => None,
        }
    }

    /// Checks all that can be checked without the seats.
    async fn order(&self, purchase: &Purchase) -> Result<Order> {
        let event: Arc<EventFacts> = self.inventory.event(&self.connection, purchase.event).await?;
        let category = event.category(purchase.category).ok_or(StoreError::NotFound(Entity::Category))?;
        if !event.is_on_sale(Timestamp::now()) {
            return Err(StoreError::NotOnSale { from: event.sale_date, until: event.summary.when });
        }
        Ok(Order { purchase: purchase.clone(), category: category.clone() })
    }

    /// The answer to a purchase that would be refused: its sale, where it was made before; that there is
    /// no such account; else the refusal.
    async fn unless_made_before(&self, purchase: &Purchase, refusal: StoreError) -> Result<Purchased> {
        if !is_final(&refusal) {
            return Err(refusal);
        }
        match self.made_before(purchase).await {
            Err(StoreError::NotFound(Entity::Sale)) => {}
            answer => return answer,
        }
        accounts::account_by_id(&self.connection, purchase.account).await?;
        if matches!(refusal, StoreError::NotFound(Entity::Event)) {
            self.inventory.forget();
        }
        Err(refusal)
    }

    /// The sale that is known to be there. That it cannot be read now does not undo it, and it may be of
    /// this very call.
    async fn surely_made_before(&self, purchase: &Purchase, effort: Effort) -> Result<Purchased> {
        match self.made_before(purchase).await {
            Ok(purchased) => Ok(Purchased { effort, ..purchased }),
            Err(StoreError::KeyReused) => Err(StoreError::KeyReused),
            Err(error) => Err(StoreError::OutcomeUnknown(Arc::new(error))),
        }
    }

    /// The sale that this purchase made before.
    async fn made_before(&self, purchase: &Purchase) -> Result<Purchased> {
        let found = sales::by_key(&self.connection, purchase.account, purchase.sale).await?;
        match found {
            Some(sale) if purchase.asks_for(&sale) => {
                Ok(Purchased { sale, replayed: true, effort: Effort { group: 1, ..Effort::default() } })
            }
            Some(_) => Err(StoreError::KeyReused),
            None => Err(StoreError::NotFound(Entity::Sale)),
        }
    }

    /// One transaction, repeated by the client while it is aborted.
    async fn attempt(
        self: &Arc<Self>,
        order: &Arc<Order>,
        begin: BeginTransactionOption,
        deadline: Instant,
        effort: &mut Effort,
    ) -> std::result::Result<Sale, Failed> {
        let begun = Instant::now();
        let left = deadline.saturating_duration_since(begun);
        let aborts = BoundedAborts::new(left);
        let commits = CommitRetries::default();
        let sent_again = Arc::clone(&commits.sent_again);
        let attempts = Arc::clone(&aborts.attempts);
        // The client bounds its calls; this bounds silence within one.
        let transaction = self.transact(order, begin, left, (aborts, commits));
        let done = tokio::time::timeout(left + COMMIT_TIME, transaction).await;
        effort.attempts += attempts.load(Ordering::Relaxed) + 1;
        let done = done.unwrap_or_else(|_| Err(Error::timeout("the transaction has not ended")));
        let done = done.map_err(|error| Self::why(error, sent_again.load(Ordering::Relaxed)))?;
        let committed = done.commit_timestamp().map(|at| (at.seconds(), at.nanos()));
        let chosen = done.into_inner();
        effort.transaction += chosen.at.saturating_duration_since(begun);
        effort.commit = chosen.at.elapsed();
        // A sale that cannot be told from the answer is there all the same.
        order.sale(chosen.seats, committed).map_err(|_| Failed::MadeBefore)
    }

    async fn transact(
        self: &Arc<Self>,
        order: &Arc<Order>,
        begin: BeginTransactionOption,
        left: Duration,
        (aborts, commits): (BoundedAborts, CommitRetries),
    ) -> google_cloud_spanner::Result<TransactionResult<Chosen>> {
        let commits = commits.with_attempt_limit(COMMIT_ATTEMPTS).with_time_limit(COMMIT_TIME);
        let mut runner = self
            .connection
            .database
            .read_write_transaction()
            .set_transaction_tag(tag("purchase_tickets"))
            .set_commit_priority(self.connection.priority(Work::Sale))
            .set_begin_transaction_option(begin)
            .with_transaction_timeout(left)
            .with_commit_attempt_timeout(COMMIT_ATTEMPT)
            .with_commit_retry_policy(commits)
            .with_commit_backoff_policy(backoff())
            .with_begin_retry_policy(super::connection::retries(COMMIT_TIME))
            .with_begin_backoff_policy(backoff())
            .with_rollback_attempt_timeout(ROLLBACK_ATTEMPT)
            .with_rollback_retry_policy(SpannerRetryPolicy::new().with_attempt_limit(1))
            .with_retry_policy(aborts);
        if !self.connection.settings.commit_delay.is_zero() {
            runner = runner.set_max_commit_delay(self.connection.settings.commit_delay);
        }
        let (ledger, order) = (Arc::clone(self), Arc::clone(order));
        let work = move |transaction: ReadWriteTransaction| {
            let (ledger, order) = (Arc::clone(&ledger), Arc::clone(&order));
            async move { ledger.choose(&transaction, &order).await }
        };
        runner.build().run(work).await
    }

    /// Reads free seats and puts their sale into the commit.
    async fn choose(
        &self,
        transaction: &ReadWriteTransaction,
        order: &Order,
    ) -> google_cloud_spanner::Result<Chosen> {
        let (purchase, seats) = (&order.purchase, order.category.seats);
        let quantity = purchase.quantity.get();
        let shards = self.inventory.shards_for(purchase.event, purchase.category, quantity);
        let mut window = Window::random(seats, shards);
        loop {
            let free = self.free_seats(transaction, order, &window).await?;
            self.inventory.learn(purchase.event, purchase.category, &window, free.len() as u32);
            let mut map = SeatMap::with_free(seats, free.iter().copied());
            match map.take_neighbours(quantity, window.first * SHARD_SEATS) {
                Some(taken) if taken.ranges().len() == 1 || window.is_whole() => {
                    transaction.buffer(order.mutations(&taken, &map))?;
                    return Ok(Chosen { seats: taken, at: Instant::now() });
                }
                None if window.is_whole() => return Err(self.sold_out(transaction, order, map.free()).await),
                _ => window = window.wider(),
            }
        }
    }

    /// Reads the free seats of a window, and locks them.
    async fn free_seats(
        &self,
        transaction: &ReadWriteTransaction,
        order: &Order,
        window: &Window,
    ) -> google_cloud_spanner::Result<Vec<u32>> {
        let lock = match self.connection.settings.seat_lock {
            SeatLock::Exclusive => LockHint::Exclusive,
            SeatLock::Shared => LockHint::Shared,
        };
        let keys = window.keys(&order.purchase);
        let read = self
            .connection
            .by_index("Ticket", "TicketsAvailable", &["SeqNo", "Available"], keys, "free_seats")
            .set_lock_hint(lock)
            .with_attempt_timeout(SEATS_ATTEMPT);
        let mut found = transaction.execute_read(read.build()).await.map_err(unless_aborted)?;
        let mut free = Vec::new();
        while let Some(row) = found.next().await {
            let row = row.map_err(unless_aborted)?;
            free.extend(free_seat(Columns::of(&row)).map_err(|error| ended(Ended::Read(error.into())))?);
        }
        Ok(free)
    }

    /// Fewer seats are free than asked for: unless this very purchase took them, which is looked up under
    /// the same locks, the category is sold out.
    async fn sold_out(&self, transaction: &ReadWriteTransaction, order: &Order, left: u32) -> Error {
        let purchase = &order.purchase;
        let keys = key![purchase.account.to_string(), purchase.sale.to_string()];
        let read = self.connection.by_key("Sale", &["SaleId"], keys, "sale_by_key");
        let found = async {
            let mut found = transaction.execute_read(read.build()).await?;
            found.next().await.transpose()
        };
        match found.await {
            Ok(Some(_)) => ended(Ended::MadeBefore),
            Ok(None) => ended(Ended::SoldOut { left }),
            Err(error) => unless_aborted(error),
        }
    }

    /// What the error of a transaction says about it; `sent_again` when a Commit was repeated of which the
    /// server may have done an earlier copy. The last copy's answer is then only about that one.
    fn why(error: Error, sent_again: bool) -> Failed {
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Ended>());
        match source.cloned() {
            Some(Ended::SoldOut { left }) => Failed::Before(StoreError::SoldOut { left }),
            Some(Ended::MadeBefore) => Failed::MadeBefore,
            Some(Ended::Busy) => Failed::Busy,
            Some(Ended::Read(error)) => Failed::Before(error),
            None if code(&error) == Some(Code::AlreadyExists) => Failed::MadeBefore,
            None if sent_again || !commit_is_undone(&error) => Failed::Unknown(error),
            // A row that is updated or inserted under is missing: the account's, or all of the event's.
            None if code(&error) == Some(Code::NotFound) => {
                Failed::Before(StoreError::NotFound(Entity::Event))
            }
            None => Failed::Before(error.into()),
        }
    }
}

/// Whether a purchase that is refused for this need not be tried again.
fn is_final(refusal: &StoreError) -> bool {
    !matches!(refusal, StoreError::Unavailable(_) | StoreError::Overloaded | StoreError::Damaged(_))
}

fn open_outcome(error: Error) -> StoreError {
    StoreError::OutcomeUnknown(Arc::new(error))
}

/// Some milliseconds, so that those who met do not meet again.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(rand::random_range(1..30))).await;
}

/// The seat of an entry of the index. That its ticket is available is looked at once more: a server whose
/// index were to show others (gcpug/handy-spanner's does) must not make a seat be sold twice.
fn free_seat(mut row: Columns<'_>) -> std::result::Result<Option<u32>, Invalid> {
    let seat = row.number()?;
    Ok((row.optional(Columns::boolean)? == Some(true)).then_some(seat))
}

/// Why a transaction has sold nothing that it knows of.
enum Failed {
    /// Nothing was written.
    Before(StoreError),
    /// Nothing was written, and other seats may be had.
    Busy,
    /// The purchase was made before.
    MadeBefore,
    /// The commit may have happened.
    Unknown(Error),
}

/// An error that ends the transaction and carries why.
fn ended(why: Ended) -> Error {
    Error::binding(why)
}

/// An error of a read: marked as met before the commit, but for an abort, which the client repeats.
fn unless_aborted(error: Error) -> Error {
    match code(&error) {
        Some(Code::Aborted) => error,
        Some(Code::DeadlineExceeded) => ended(Ended::Busy),
        _ if error.is_timeout() => ended(Ended::Busy),
        _ => ended(Ended::Read(error.into())),
    }
}

impl Order {
    /// What the sale of `taken` writes; `after` are the free seats that were read, without them.
    fn mutations(&self, taken: &SeatRanges, after: &SeatMap) -> Vec<Mutation> {
        let mut mutations: Vec<Mutation> = taken.seats().map(|seat| self.ticket(seat)).collect();
        let mut shards: BTreeMap<u32, u32> = BTreeMap::new();
        for seat in taken.seats() {
            shards.entry((seat - 1) / SHARD_SEATS).or_insert(0);
        }
        for (shard, sold) in &mut shards {
            let seats = shard * SHARD_SEATS + 1..=((shard + 1) * SHARD_SEATS).min(self.category.seats);
            *sold = seats.filter(|&seat| after.is_sold(seat)).count() as u32;
        }
        mutations.extend(shards.into_iter().map(|(shard, sold)| self.counter(shard, sold)));
        mutations.push(self.ledger_row(taken));
        mutations
    }

    fn ticket(&self, seat: u32) -> Mutation {
        Mutation::new_update_builder("Ticket")
            .set("EventId")
            .to(self.purchase.event.to_string())
            .set("CategoryId")
            .to(self.purchase.category.to_string())
            .set("Shard")
            .to(i64::from((seat - 1) / SHARD_SEATS))
            .set("SeqNo")
            .to(i64::from(seat))
            .set("Available")
            .to(None::<bool>)
            .set("AccountId")
            .to(self.purchase.account.to_string())
            .set("PurchaseDate")
            .to(COMMIT_TIMESTAMP.to_owned())
            .build()
    }

    fn counter(&self, shard: u32, sold: u32) -> Mutation {
        Mutation::new_update_builder("SoldTicketsCounter")
            .set("EventId")
            .to(self.purchase.event.to_string())
            .set("CategoryId")
            .to(self.purchase.category.to_string())
            .set("Shard")
            .to(i64::from(shard))
            .set("Sold")
            .to(i64::from(sold))
            .build()
    }

    fn ledger_row(&self, taken: &SeatRanges) -> Mutation {
        let base = TicketId::base(self.purchase.event, self.purchase.category);
        let tickets: Vec<String> = taken.seats().map(|seat| base.with_seat(seat).to_string()).collect();
        let key = self.purchase.key.as_ref().map(|key| key.as_str().to_owned());
        Mutation::new_insert_builder("Sale")
            .set("AccountId")
            .to(self.purchase.account.to_string())
            .set("SaleId")
            .to(self.purchase.sale.to_string())
            .set("EventId")
            .to(self.purchase.event.to_string())
            .set("CategoryId")
            .to(self.purchase.category.to_string())
            .set("TicketIds")
            .to(tickets)
            .set("Price")
            .to(self.price().minor())
            .set("IdempotencyKey")
            .to(key)
            .set("PurchaseDate")
            .to(COMMIT_TIMESTAMP.to_owned())
            .build()
    }

    fn price(&self) -> Money {
        self.category.price
    }

    /// The sale that was committed at `committed` (seconds and nanoseconds since 1970).
    fn sale(&self, seats: SeatRanges, committed: Option<(i64, i32)>) -> Result<Sale> {
        let (seconds, nanos) =
            committed.ok_or_else(|| StoreError::damaged("a commit came back without its time"))?;
        let Purchase { sale: id, account, event, category, key, .. } = self.purchase.clone();
        let purchase_date = rows::micros(seconds * 1_000_000 + i64::from(nanos / 1_000))?;
        Ok(Sale { id, account, event, category, seats, price: self.price(), purchase_date, key })
    }
}

/// Neighbouring shards of a category, which is taken as a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Seats of the category.
    category_seats: u32,
    /// The first shard, from 0.
    first: u32,
    /// How many shards, all of the category's at most.
    shards: u32,
}

impl Window {
    /// `shards` neighbours from a random one on.
    fn random(category_seats: u32, shards: u32) -> Self {
        let all = category_seats.div_ceil(SHARD_SEATS).max(1);
        Self { category_seats, first: rand::random_range(0..all), shards: shards.clamp(1, all) }
    }

    fn all_shards(&self) -> u32 {
        self.category_seats.div_ceil(SHARD_SEATS).max(1)
    }

    /// Whether this is the whole category.
    pub(super) fn is_whole(&self) -> bool {
        self.shards == self.all_shards()
    }

    /// Eight times as many shards from the same one on, or all.
    fn wider(&self) -> Self {
        Self { shards: self.shards.saturating_mul(8).min(self.all_shards()), ..self.clone() }
    }

    /// How many seats its shards have.
    pub(super) fn seats(&self) -> u32 {
        (self.shards * SHARD_SEATS).min(self.category_seats)
    }

    /// Its free tickets as ranges of the index: one, or two where it wraps round.
    fn keys(&self, purchase: &Purchase) -> KeySet {
        let (event, category) = (purchase.event.to_string(), purchase.category.to_string());
        let range = |first: u32, end: u32| {
            KeyRange::closed_open(
                key![event.as_str(), category.as_str(), i64::from(first)],
                key![event.as_str(), category.as_str(), i64::from(end)],
            )
        };
        let (end, all) = (self.first + self.shards, self.all_shards());
        let ranges = KeySet::builder().add_range(range(self.first, end.min(all)));
        if end > all { ranges.add_range(range(0, end - all)).build() } else { ranges.build() }
    }
}

/// Lets the client repeat aborted transactions for so long, and counts them.
#[derive(Debug)]
pub(super) struct BoundedAborts {
    time: Duration,
    /// Attempts that were aborted and repeated.
    attempts: Arc<AtomicU32>,
}

impl BoundedAborts {
    pub(super) fn new(time: Duration) -> Self {
        Self { time, attempts: Arc::default() }
    }
}

impl TransactionRetryPolicy for BoundedAborts {
    fn on_abort(&self, error: Error, attempts: u32, elapsed: Duration) -> RetryResult {
        if elapsed >= self.time {
            return RetryResult::Exhausted(error);
        }
        self.attempts.store(attempts, Ordering::Relaxed);
        RetryResult::Continue(error)
    }
}

/// Lets the client send a Commit again, and remembers that it did so after the first may have arrived.
#[derive(Debug, Default)]
struct CommitRetries {
    policy: SpannerRetryPolicy,
    sent_again: Arc<AtomicBool>,
}

impl RetryPolicy for CommitRetries {
    fn on_error(&self, state: &RetryState, error: Error) -> RetryResult {
        let never_sent = error.is_transient_and_before_rpc();
        let result = self.policy.on_error(state, error);
        if result.is_continue() && !never_sent {
            self.sent_again.store(true, Ordering::Relaxed);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_wraps_round_and_widens_to_the_whole() {
        let window = Window { category_seats: 1_000, first: 14, shards: 3 };
        assert_eq!((window.all_shards(), window.seats(), window.is_whole()), (16, 192, false));
        let wider = window.wider();
        assert_eq!((wider.first, wider.shards, wider.is_whole()), (14, 16, true));
        assert_eq!(wider.seats(), 1_000);
    }
}
