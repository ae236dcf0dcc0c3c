//! One purchase: one read and one commit.
//!
//! The read takes the free seats of some whole shards, from a random one on; the commit writes the tickets,
//! the counters of their shards and the sale. A counter's new value follows from the free seats that were
//! read, so no counter is read; the sale's row proves that the account exists (it is the parent) and that
//! the purchase was not made before (its id is derived from the key). A repeat therefore meets
//! ALREADY_EXISTS and answers the stored sale, which makes an unknown outcome safe to send again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::retry_policy::RetryPolicyExt;
use google_cloud_spanner::Error;
use google_cloud_spanner::model::read_request::LockHint;
use google_cloud_spanner::retry_policy::SpannerRetryPolicy;
use google_cloud_spanner::transaction::{BeginTransactionOption, ReadWriteTransaction, TransactionResult};
use jiff::Timestamp;
use tracing::{Instrument, Span, debug_span};

use super::connection::{Connection, Work, tag};
use super::error::{code, commit_is_undone};
use super::inventory::Inventory;
use super::order::{Order, Window};
use super::retries::{BoundedAborts, CommitRetries, backoff};
use super::rows::Columns;
use super::settings::SeatLock;
use super::shard::SHARD_SEATS;
use super::{accounts, sales};
use crate::model::seats::SeatMap;
use crate::model::{EventFacts, Invalid, Purchase, Sale, SeatRanges};
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

/// What an attempt has chosen and put into its commit.
#[derive(Clone)]
struct Chosen {
    seats: SeatRanges,
    at: Instant,
    /// Open from then until the commit has ended, one way or the other.
    _commit: Span,
}

/// Why an attempt ended before its commit: carried through the client as the source of an error, so that
/// the transaction's closure has no effect but its answer.
#[derive(Debug, Clone, thiserror::Error)]
enum Ended {
    /// Fewer seats are free than asked for. If an earlier copy of this very purchase took some of them, its
    /// sale is there by now: while it could still be made, its seats were free, since all were read.
    #[error("{left} seats are free")]
    SoldOut { left: u32 },
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
                Ok(sale) => return Ok(Purchased { sale, replayed: false, country: None, effort }),
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
        if let answer @ (Ok(_) | Err(StoreError::KeyReused)) = self.made_before(purchase).await {
            return Some(answer);
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
                let effort = Effort { group: 1, ..Effort::default() };
                Ok(Purchased { sale, replayed: true, country: None, effort })
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
        let transaction = Box::pin(self.transact(order, begin, left, (aborts, commits)));
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
            .with_begin_retry_policy(super::retries::retries(COMMIT_TIME))
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
            async move {
                let chosen = ledger.choose(&transaction, &order);
                let (seats, at) = chosen.instrument(debug_span!("transaction")).await?;
                Ok(Chosen { seats, at, _commit: debug_span!("commit") })
            }
        };
        runner.build().run(work).await
    }

    /// Reads free seats and puts their sale into the commit.
    async fn choose(
        &self,
        transaction: &ReadWriteTransaction,
        order: &Order,
    ) -> google_cloud_spanner::Result<(SeatRanges, Instant)> {
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
                    return Ok((taken, Instant::now()));
                }
                None if window.is_whole() => return Err(ended(Ended::SoldOut { left: map.free() })),
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

    /// What the error of a transaction says about it; `sent_again` when a Commit was repeated of which the
    /// server may have done an earlier copy. The last copy's answer is then only about that one.
    fn why(error: Error, sent_again: bool) -> Failed {
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Ended>());
        match source.cloned() {
            Some(Ended::SoldOut { left }) => Failed::Before(StoreError::SoldOut { left }),
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
