//! Commit: locks what it writes, checks all constraints, and applies everything at one timestamp
//! (cloud.google.com/spanner/docs/transactions; `CommitRequest` in the RPC reference).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use tonic::Status;
use v1::commit_request::Transaction as Selected;
use v1::commit_response::CommitStats;

use super::mutations::apply;
use super::transactions::{Opened, begin, parse_id};
use crate::core::{Core, Session};
use crate::database::{Kind, Phase, State};
use crate::locks::Mode;
use crate::schema::Row;
use crate::status::Halt;
use crate::storage::Overlay;
use crate::value::{Value, timestamp_message};

/// Commit.
pub(crate) async fn commit(
    core: Arc<Core>,
    request: v1::CommitRequest,
) -> Result<v1::CommitResponse, Status> {
    let session = core.session(&request.session)?;
    let id = transaction(&core, &session, &request)?;
    let delay = core.commit_delay(request.max_commit_delay.as_ref());
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let database = Arc::clone(&session.database);
    let opened = Opened { database, id: Some(id), kind: Kind::ReadWrite, message: None, inline: false };
    let result =
        session.database.locked(&core, Some(id), |state| attempt(&core, state, &opened, &request)).await;
    if let Err(status) = &result {
        // A failed commit ends the transaction.
        let mut state = session.database.state();
        let active = state.transactions.get(&id).is_some_and(|found| matches!(found.phase, Phase::Active));
        if active {
            let aborted = status.code() == tonic::Code::Aborted;
            state.end(id, if aborted { Phase::Aborted } else { Phase::Failed(Box::new(status.clone())) });
        }
    }
    result
}

fn transaction(core: &Core, session: &Session, request: &v1::CommitRequest) -> Result<u64, Status> {
    match &request.transaction {
        Some(Selected::TransactionId(id)) => parse_id(id),
        Some(Selected::SingleUseTransaction(options)) => {
            let mut state = session.database.state();
            let (id, _) = begin(core, session, &mut state, options)?;
            if state.active(core, id)?.kind != Kind::ReadWrite {
                let text = "Only read-write transactions can be committed.";
                return Err(Status::invalid_argument(text));
            }
            Ok(id)
        }
        None => Err(Status::invalid_argument("CommitRequest has no transaction.")),
    }
}

fn attempt(
    core: &Core,
    state: &mut State,
    opened: &Opened,
    request: &v1::CommitRequest,
) -> Result<v1::CommitResponse, Halt> {
    let id = opened.id.unwrap_or_default();
    // A repeated commit answers what the first one answered.
    match state.transactions.get(&id).map(|found| &found.phase) {
        Some(Phase::Committed(response)) => return Ok(v1::CommitResponse::clone(response)),
        Some(Phase::Failed(status)) => return Err(Status::clone(status).into()),
        _ => {}
    }
    let transaction = state.active(core, id)?;
    if transaction.kind != Kind::ReadWrite {
        return Err(Status::failed_precondition("Cannot commit a read-only transaction.").into());
    }
    let before = transaction.mutations;
    let timestamp = core.commit_timestamp();
    let ((), overlay, mutations) = opened.write(core, state, Mode::Shared, |access| {
        request.mutations.iter().try_for_each(|mutation| apply(access, mutation, timestamp))
    })?;
    let count = before + mutations;
    if count > core.options.mutation_limit {
        return Err(Status::invalid_argument(format!(
            "The transaction contains too many mutations. Insert and update operations count with the multiplicity of the number of columns they affect. Please reduce the number of writes. (Maximum number: {})",
            core.options.mutation_limit
        ))
        .into());
    }
    store(state, overlay, timestamp);
    let stats = CommitStats { mutation_count: i64::try_from(count).unwrap_or(i64::MAX) };
    let response = v1::CommitResponse {
        commit_timestamp: Some(timestamp_message(timestamp)),
        commit_stats: request.return_commit_stats.then_some(stats),
        ..v1::CommitResponse::default()
    };
    state.end(id, Phase::Committed(Box::new(response.clone())));
    core.committed.fetch_add(1, Ordering::Relaxed);
    Ok(response)
}

/// Makes the writes of a transaction the newest versions.
pub(crate) fn store(state: &mut State, overlay: Overlay, timestamp: i64) {
    for (table, rows) in overlay.tables {
        let store = state.data.tables.entry(table).or_default();
        for (key, row) in rows {
            store.put(key, timestamp, row.map(|row| stamped(row, timestamp)));
        }
    }
    for (index, entries) in overlay.indexes {
        let store = state.data.indexes.entry(index).or_default();
        for (entry, key) in entries {
            store.put(entry, timestamp, key);
        }
    }
}

/// Puts the commit timestamp where PENDING_COMMIT_TIMESTAMP() stands.
fn stamped(row: Arc<Row>, timestamp: i64) -> Arc<Row> {
    if !row.iter().any(|value| matches!(value, Value::CommitTimestamp)) {
        return row;
    }
    let stamp = |value: &Value| match value {
        Value::CommitTimestamp => Value::Timestamp(i128::from(timestamp)),
        other => other.clone(),
    };
    Arc::new(row.iter().map(stamp).collect())
}
