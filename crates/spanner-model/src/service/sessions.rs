//! Sessions, and transactions that begin or end without data
//! (cloud.google.com/spanner/docs/sessions).

use std::sync::Arc;

use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use tonic::Status;

use super::transactions::{begin, parse_id, precommit_token};
use crate::core::{Core, locked};
use crate::database::Phase;
use crate::status::resource_not_found;
use crate::value::timestamp_message;

fn message(name: String, created: i64, multiplexed: bool) -> v1::Session {
    let time = Some(timestamp_message(created));
    v1::Session {
        name,
        create_time: time,
        approximate_last_use_time: time,
        multiplexed,
        ..v1::Session::default()
    }
}

/// CreateSession.
pub(crate) async fn create(
    core: Arc<Core>,
    request: v1::CreateSessionRequest,
) -> Result<v1::Session, Status> {
    let multiplexed = request.session.is_some_and(|session| session.multiplexed);
    let (name, created) = core.open_session(&request.database, multiplexed)?;
    Ok(message(name, created, multiplexed))
}

/// BatchCreateSessions.
pub(crate) async fn create_batch(
    core: Arc<Core>,
    request: v1::BatchCreateSessionsRequest,
) -> Result<v1::BatchCreateSessionsResponse, Status> {
    let mut session = Vec::new();
    for _ in 0..request.session_count.clamp(0, 100) {
        let (name, created) = core.open_session(&request.database, false)?;
        session.push(message(name, created, false));
    }
    Ok(v1::BatchCreateSessionsResponse { session })
}

/// GetSession.
pub(crate) async fn get(core: Arc<Core>, request: v1::GetSessionRequest) -> Result<v1::Session, Status> {
    let session = core.session(&request.name)?;
    Ok(message(request.name, session.created, session.multiplexed))
}

/// ListSessions.
pub(crate) async fn list(
    core: Arc<Core>,
    request: v1::ListSessionsRequest,
) -> Result<v1::ListSessionsResponse, Status> {
    core.database(&request.database)?;
    let sessions = locked(&core.sessions);
    let of_database = sessions.iter().filter(|(_, session)| session.database.name == request.database);
    let sessions = of_database
        .map(|(name, session)| message(name.clone(), session.created, session.multiplexed))
        .collect();
    Ok(v1::ListSessionsResponse { sessions, next_page_token: String::new() })
}

/// DeleteSession.
pub(crate) async fn delete(core: Arc<Core>, request: v1::DeleteSessionRequest) -> Result<(), Status> {
    let removed = locked(&core.sessions).remove(&request.name);
    removed.map(drop).ok_or_else(|| resource_not_found("v1.Session", &request.name))
}

/// BeginTransaction. A `mutation_key` belongs to a transaction without reads in a multiplexed session, whose
/// answer carries a precommit token.
pub(crate) async fn begin_transaction(
    core: Arc<Core>,
    request: v1::BeginTransactionRequest,
) -> Result<v1::Transaction, Status> {
    let session = core.session(&request.session)?;
    let options = request.options.unwrap_or_default();
    let mut state = session.database.state();
    let (id, mut message) = begin(&core, &session, &mut state, &options)?;
    let writes = matches!(options.mode, Some(v1::transaction_options::Mode::ReadWrite(_)));
    if writes && request.mutation_key.is_some() {
        message.precommit_token = precommit_token(&mut state, id);
    }
    Ok(message)
}

/// Rollback. An unknown or ended transaction is not an error.
pub(crate) async fn rollback(core: Arc<Core>, request: v1::RollbackRequest) -> Result<(), Status> {
    let session = core.session(&request.session)?;
    let id = parse_id(&request.transaction_id)?;
    let mut state = session.database.state();
    let phase = state.transactions.get(&id).map(|transaction| transaction.phase.clone());
    match phase {
        Some(Phase::Committed(_)) => {
            Err(Status::failed_precondition("Cannot rollback a transaction after Commit() has been called."))
        }
        Some(Phase::Active) => {
            state.end(id, Phase::RolledBack);
            Ok(())
        }
        _ => Ok(()),
    }
}
