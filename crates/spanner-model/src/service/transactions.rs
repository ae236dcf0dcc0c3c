//! Begins transactions and finds those that requests select
//! (cloud.google.com/spanner/docs/reference/rpc/google.spanner.v1, `TransactionOptions`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use tonic::Status;
use v1::transaction_options::read_only::TimestampBound;
use v1::transaction_options::read_write::ReadLockMode;
use v1::transaction_options::{IsolationLevel, Mode, ReadOnly};
use v1::transaction_selector::Selector;

use crate::access::{Access, Locking};
use crate::core::{Core, Session};
use crate::database::{Database, Kind, Phase, State, Transaction};
use crate::locks;
use crate::options::Bounded;
use crate::status::Halt;
use crate::storage::Overlay;
use crate::value::timestamp_message;

/// The transaction of a request.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) database: Arc<Database>,
    /// None for a single use.
    pub(crate) id: Option<u64>,
    pub(crate) kind: Kind,
    /// What the answer tells about a transaction that the request began.
    pub(crate) message: Option<v1::Transaction>,
    /// Whether the request began the transaction.
    pub(crate) inline: bool,
}

/// The id of a transaction in a message.
pub(crate) fn parse_id(bytes: &[u8]) -> Result<u64, Status> {
    let number = bytes.try_into().map(u64::from_be_bytes);
    number.map_err(|_| Status::invalid_argument("Invalid transaction ID."))
}

fn nanoseconds(duration: &prost_types::Duration) -> i64 {
    duration.seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(duration.nanos))
}

fn instant(timestamp: &prost_types::Timestamp) -> i64 {
    timestamp.seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(timestamp.nanos))
}

/// Chooses the timestamp of a read (cloud.google.com/spanner/docs/timestamp-bounds). Bounded staleness is
/// for single uses only. A timestamp before the database was created is moved to its creation, when its
/// tables were empty; a table that was added later did not exist before (NOT_FOUND).
pub(crate) fn timestamp(
    core: &Core,
    database: &Database,
    only: &ReadOnly,
    single: bool,
) -> Result<i64, Status> {
    let now = core.read_timestamp();
    let oldest = |chosen: i64| if core.options.bounded == Bounded::Oldest { chosen } else { chosen.max(now) };
    let retained = now - i64::try_from(core.options.version_retention.as_nanos()).unwrap_or(i64::MAX);
    let chosen = match &only.timestamp_bound {
        Some(TimestampBound::MinReadTimestamp(_) | TimestampBound::MaxStaleness(_)) if !single => {
            return Err(Status::invalid_argument(
                "Bounded staleness (min_read_timestamp, max_staleness) is only supported in single-use read-only transactions.",
            ));
        }
        None | Some(TimestampBound::Strong(_)) => now,
        Some(TimestampBound::ExactStaleness(staleness)) => now.saturating_sub(nanoseconds(staleness)),
        Some(TimestampBound::ReadTimestamp(timestamp)) => instant(timestamp),
        Some(TimestampBound::MinReadTimestamp(timestamp)) => oldest(instant(timestamp).max(retained)),
        Some(TimestampBound::MaxStaleness(staleness)) => {
            oldest(now.saturating_sub(nanoseconds(staleness)).max(retained))
        }
    };
    let chosen = chosen.max(database.created);
    if chosen < retained {
        return Err(Status::failed_precondition(
            "The requested snapshot timestamp is older than the version retention period.",
        ));
    }
    Ok(chosen)
}

/// A read at a timestamp in the future waits for it.
async fn until(core: &Core, timestamp: i64) {
    while let Ok(ahead @ 1..) = u64::try_from(timestamp - core.read_timestamp()) {
        tokio::time::sleep(Duration::from_nanos(ahead)).await;
    }
}

/// Begins a transaction.
pub(crate) fn begin(
    core: &Core,
    session: &Session,
    state: &mut State,
    options: &v1::TransactionOptions,
) -> Result<(u64, v1::Transaction), Status> {
    let id = core.number();
    let mut message = v1::Transaction { id: id.to_be_bytes().to_vec(), ..v1::Transaction::default() };
    let mut age = id;
    let kind = match &options.mode {
        None => return Err(Status::invalid_argument("Invalid TransactionOptions: a mode must be set.")),
        Some(Mode::PartitionedDml(_)) => Kind::Partitioned,
        Some(Mode::ReadOnly(only)) => {
            let timestamp = timestamp(core, &session.database, only, false)?;
            message.read_timestamp = only.return_read_timestamp.then(|| timestamp_message(timestamp));
            Kind::ReadOnly(timestamp)
        }
        Some(Mode::ReadWrite(write)) => {
            if write.read_lock_mode() == ReadLockMode::Optimistic
                || options.isolation_level() == IsolationLevel::RepeatableRead
            {
                let text = "The model knows pessimistic serializable transactions only.";
                return Err(Status::unimplemented(text));
            }
            age = inherited_age(state, &write.multiplexed_session_previous_transaction_id).unwrap_or(id);
            state.locks.register(id, age);
            Kind::ReadWrite
        }
    };
    let transaction = Transaction {
        kind,
        phase: Phase::Active,
        age,
        multiplexed: session.multiplexed,
        overlay: Overlay::default(),
        mutations: 0,
        answers: 0,
        statements: HashMap::new(),
    };
    state.transactions.insert(id, transaction);
    Ok((id, message))
}

/// A retry keeps the age of the attempt before it, which ends (`multiplexed_session_previous_transaction_id`;
/// cloud.google.com/spanner/docs/transactions, "Retry aborted transactions": its lock priority grows).
fn inherited_age(state: &mut State, previous: &[u8]) -> Option<u64> {
    let previous = parse_id(previous).ok()?;
    let transaction = state.transactions.get(&previous)?;
    let age = transaction.age;
    if matches!(transaction.phase, Phase::Active) {
        state.end(previous, Phase::Aborted);
    }
    Some(age)
}

/// Finds or begins the transaction of a read or of a statement.
pub(crate) async fn open(
    core: &Core,
    session: &Session,
    selector: Option<&v1::TransactionSelector>,
) -> Result<Opened, Status> {
    let database = Arc::clone(&session.database);
    let selector = selector.and_then(|selector| selector.selector.as_ref());
    let opened = match selector {
        None => single_use(core, database, &ReadOnly::default())?,
        Some(Selector::SingleUse(options)) => match &options.mode {
            Some(Mode::ReadOnly(only)) => single_use(core, database, only)?,
            None => single_use(core, database, &ReadOnly::default())?,
            Some(_) => {
                let text = "Only read-only transactions can be single-use for reads and queries.";
                return Err(Status::invalid_argument(text));
            }
        },
        Some(Selector::Begin(options)) => {
            let mut state = session.database.state();
            let (id, message) = begin(core, session, &mut state, options)?;
            let kind = state.active(core, id)?.kind;
            drop(state);
            Opened { database, id: Some(id), kind, message: Some(message), inline: true }
        }
        Some(Selector::Id(id)) => {
            let id = parse_id(id)?;
            let kind = session.database.state().active(core, id)?.kind;
            Opened { database, id: Some(id), kind, message: None, inline: false }
        }
    };
    if let Kind::ReadOnly(timestamp) = opened.kind {
        until(core, timestamp).await;
    }
    Ok(opened)
}

fn single_use(core: &Core, database: Arc<Database>, only: &ReadOnly) -> Result<Opened, Status> {
    let timestamp = timestamp(core, &database, only, true)?;
    let message = only.return_read_timestamp.then(|| v1::Transaction {
        read_timestamp: Some(timestamp_message(timestamp)),
        ..v1::Transaction::default()
    });
    Ok(Opened { database, id: None, kind: Kind::ReadOnly(timestamp), message, inline: false })
}

impl Opened {
    /// Reads in the transaction, waiting for locks where it needs them. A transaction that the request
    /// began ends if the request fails.
    pub(crate) async fn read<T>(
        &self,
        core: &Core,
        reads: locks::Mode,
        mut work: impl FnMut(&Access<'_>) -> Result<T, Halt>,
    ) -> Result<T, Status> {
        let locking = self.id.filter(|_| self.kind == Kind::ReadWrite);
        let result = self
            .database
            .locked(core, locking, |state| match self.kind {
                Kind::Partitioned => {
                    Err(Status::invalid_argument("Partitioned DML transactions can only execute DML.").into())
                }
                Kind::ReadOnly(timestamp) => work(&Access::snapshot(&state.schema, &state.data, timestamp)),
                Kind::ReadWrite => self.write(core, state, reads, &mut work).map(|(result, _, _)| result),
            })
            .await;
        self.fail_inline(result)
    }

    /// Works with the transaction's own writes; answers them as they are afterwards.
    pub(crate) fn write<T>(
        &self,
        core: &Core,
        state: &mut State,
        reads: locks::Mode,
        work: impl FnOnce(&Access<'_>) -> Result<T, Halt>,
    ) -> Result<(T, Overlay, u64), Halt> {
        let id = self.id.unwrap_or_default();
        let overlay = state.active(core, id)?.overlay.clone();
        let now = core.read_timestamp();
        let State { schema, data, locks, .. } = state;
        let table = std::mem::take(locks);
        let locking = Locking { table, transaction: id, idle_after: core.options.idle_after, reads };
        let access = Access::locked(schema, data, overlay, locking, now);
        let result = work(&access);
        let (overlay, mutations) = (access.overlay.take(), access.mutations.get());
        *locks = access.into_locks();
        result.map(|result| (result, overlay, mutations))
    }

    /// A failed first statement ends the transaction that it was to begin.
    pub(crate) fn fail_inline<T>(&self, result: Result<T, Status>) -> Result<T, Status> {
        if let (Err(_), Some(id), true) = (&result, self.id, self.inline) {
            let mut state = self.database.state();
            state.end(id, Phase::RolledBack);
            state.transactions.remove(&id);
        }
        result
    }

    /// The token that answers of read-write transactions in multiplexed sessions carry
    /// (`MultiplexedSessionPrecommitToken`).
    pub(crate) fn token(&self) -> Option<v1::MultiplexedSessionPrecommitToken> {
        let id = self.id.filter(|_| self.kind == Kind::ReadWrite)?;
        precommit_token(&mut self.database.state(), id)
    }
}

/// The next token of a transaction.
pub(crate) fn precommit_token(state: &mut State, id: u64) -> Option<v1::MultiplexedSessionPrecommitToken> {
    let transaction = state.transactions.get_mut(&id).filter(|transaction| transaction.multiplexed)?;
    transaction.answers += 1;
    let precommit_token = format!("model-{id}-{}", transaction.answers).into_bytes();
    Some(v1::MultiplexedSessionPrecommitToken { precommit_token, seq_num: transaction.answers })
}
