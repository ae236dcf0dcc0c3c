//! A database: its schema, its data, its locks and its transactions behind one mutex, and the loop that
//! waits for locks outside of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use tonic::Status;

use crate::core::Core;
use crate::locks::LockTable;
use crate::schema::Schema;
use crate::status::Halt;
use crate::storage::{Data, Overlay};

/// How a transaction reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ReadWrite,
    /// Reads at a timestamp in nanoseconds.
    ReadOnly(i64),
    Partitioned,
}

/// How far a transaction is.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    Active,
    /// With the answer for a repeated Commit.
    Committed(Box<v1::CommitResponse>),
    /// A commit failed, with the error for a repeated Commit.
    Failed(Box<Status>),
    RolledBack,
    Aborted,
}

/// A transaction.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) kind: Kind,
    pub(crate) phase: Phase,
    pub(crate) age: u64,
    pub(crate) multiplexed: bool,
    pub(crate) overlay: Overlay,
    pub(crate) mutations: u64,
    pub(crate) answers: i32,
    /// Rows that DML wrote by sequence number, for repeated requests.
    pub(crate) statements: HashMap<i64, u64>,
}

/// All that the mutex of a database guards.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) schema: Arc<Schema>,
    pub(crate) data: Data,
    pub(crate) locks: LockTable,
    pub(crate) transactions: HashMap<u64, Transaction>,
    pub(crate) split_points: Vec<serde_json::Value>,
    pub(crate) dropped: bool,
}

/// A database.
#[derive(Debug)]
pub(crate) struct Database {
    /// `projects/…/instances/…/databases/…`.
    pub(crate) name: String,
    /// When it was created, in nanoseconds.
    pub(crate) created: i64,
    state: Mutex<State>,
}

impl Database {
    /// A database with a schema.
    pub(crate) fn new(name: &str, created: i64, schema: Schema) -> Self {
        let state = State { schema: Arc::new(schema), ..State::default() };
        Self { name: name.to_owned(), created, state: Mutex::new(state) }
    }

    /// The state; never held across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does work of a transaction until it gets all locks that it asks for. The work may run several times
    /// and must not change anything but locks before it has them all.
    pub(crate) async fn locked<T>(
        &self,
        core: &Core,
        transaction: Option<u64>,
        mut work: impl FnMut(&mut State) -> Result<T, Halt>,
    ) -> Result<T, Status> {
        loop {
            let (mut holder, own) = {
                let mut state = self.state();
                enter(&mut state, transaction);
                let result = work(&mut state);
                match result {
                    Err(Halt::Wait(holder)) => (holder, transaction.and_then(|id| state.locks.ended(id))),
                    other => {
                        leave(&mut state, transaction);
                        return self.settled(core, &mut state, transaction, other);
                    }
                }
            };
            wait(core, &mut holder, own).await;
            leave(&mut self.state(), transaction);
        }
    }

    fn settled<T>(
        &self,
        core: &Core,
        state: &mut State,
        transaction: Option<u64>,
        result: Result<T, Halt>,
    ) -> Result<T, Status> {
        match result {
            Ok(value) => Ok(value),
            Err(Halt::Status(status)) => Err(status),
            Err(Halt::Wait(_) | Halt::Wounded) => {
                if let Some(id) = transaction {
                    state.end(id, Phase::Aborted);
                }
                Err(core.aborted())
            }
        }
    }
}

async fn wait(
    core: &Core,
    holder: &mut tokio::sync::watch::Receiver<()>,
    own: Option<tokio::sync::watch::Receiver<()>>,
) {
    let recheck = (core.options.idle_after / 4).clamp(Duration::from_millis(5), Duration::from_millis(500));
    let own_end = async {
        match own {
            Some(mut own) => {
                let _ = own.changed().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = holder.changed() => {}
        () = own_end => {}
        () = tokio::time::sleep(recheck) => {}
    }
}

fn enter(state: &mut State, transaction: Option<u64>) {
    if let Some(id) = transaction {
        state.locks.enter(id);
    }
}

fn leave(state: &mut State, transaction: Option<u64>) {
    if let Some(id) = transaction {
        state.locks.leave(id);
    }
}

impl State {
    /// Ends a transaction: releases its locks and forgets its writes.
    pub(crate) fn end(&mut self, id: u64, phase: Phase) {
        self.locks.release(id);
        if let Some(transaction) = self.transactions.get_mut(&id) {
            transaction.phase = phase;
            transaction.overlay = Overlay::default();
        }
    }

    /// The transaction of a request that wants to go on with it.
    pub(crate) fn active(&mut self, core: &Core, id: u64) -> Result<&mut Transaction, Status> {
        let live = self.locks.is_live(id);
        let transaction = self.transactions.get_mut(&id);
        let transaction =
            transaction.ok_or_else(|| Status::not_found(format!("Transaction not found: {id}")))?;
        if matches!(transaction.phase, Phase::Active) && transaction.kind == Kind::ReadWrite && !live {
            transaction.phase = Phase::Aborted;
            transaction.overlay = Overlay::default();
        }
        match transaction.phase {
            Phase::Active => Ok(transaction),
            Phase::Aborted => Err(core.aborted()),
            Phase::Committed(_) | Phase::Failed(_) | Phase::RolledBack => Err(Status::failed_precondition(
                "Cannot start a read or query within a transaction after Commit() or Rollback() has been called.",
            )),
        }
    }
}
